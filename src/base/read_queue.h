/*
 * read_queue.h: many reads of files under way at once.
 *
 * A read belongs to its caller, who must not touch it from submit until take
 * hands it back. By io_uring where the system permits it, else by threads that
 * read one each. submit may be called by one thread while another is inside
 * take; neither by two at once.
 */
#ifndef WEIR_BASE_READ_QUEUE_H
#define WEIR_BASE_READ_QUEUE_H

#include "weir.h"

enum { WEIR_READ_DEPTH_MOST = 256 };

typedef enum weir_read_way {
    WEIR_READ_ANY = 0, /* io_uring, or threads where that is not permitted */
    WEIR_READ_URING = 1,
    WEIR_READ_THREADS = 2
} weir_read_way;

typedef struct weir_read {
    int file;       /* descriptor */
    uint64_t at;    /* in the file */
    uint8_t *to;    /* [bytes] */
    uint32_t bytes; /* of a file opened with O_DIRECT: all three multiples of what
                       its disk wants */
    uint32_t least; /* fewer than this, at the end of the file, are a failure */

    uint32_t n_read;
    int error;              /* after take: 0, an errno, or -1: the file ends before `least` */
    struct weir_read *next; /* the queue's own */
} weir_read;

typedef struct weir_read_queue weir_read_queue;

/* depth: reads under way at once, at most. UNSUPPORTED: io_uring was asked for
 * and is not permitted here. */
weir_status weir_read_queue_open(weir_read_queue **out, uint32_t depth, weir_read_way way,
                                 weir_error *err);
/* Waits for the reads under way. */
void weir_read_queue_close(weir_read_queue **queue);
const char *weir_read_queue_way(const weir_read_queue *queue); /* "io_uring", "threads" */

/* No more than depth may be under way. What cannot even be begun comes back
 * with its error. */
void weir_read_queue_submit(weir_read_queue *queue, weir_read *const *reads, uint32_t n);
/* One that has ended; waits: for one of those under way. NULL: there is none.
 */
weir_read *weir_read_queue_take(weir_read_queue *queue, bool waits);

#endif
