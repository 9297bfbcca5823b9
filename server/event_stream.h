/*
 * event_stream.h: one exchange whose answer is made by a job: what to do when its client leaves,
 * and named server-sent events.
 *
 * Two own a stream: the handler until it has submitted the job, and the job until its on_end. The
 * client may leave, and the job may end, before the handler has learnt the job's number.
 */
#ifndef WEIR_SERVER_EVENT_STREAM_H
#define WEIR_SERVER_EVENT_STREAM_H

#include "exchange.h"
#include "runner.h"
#include "text_buffer.h"

#include <pthread.h>

typedef struct weir_event_stream {
    weir_exchange *x;
    weir_runner *runner;
    pthread_mutex_t lock; /* of the next four */
    uint64_t job;
    bool has_job, is_gone;
    int n_owners;
    /* Of the runner's thread alone: */
    bool has_begun;
    double sent_s; /* weir_clock_s of the last byte, or of the opening */
    weir_text_buffer frame;
} weir_event_stream;

/* From now on the job, once it is known, is cancelled when the client leaves. The stream may not
 * move. */
void weir_event_stream_open(weir_event_stream *s, weir_exchange *x, weir_runner *runner);
/* The handler tells the job's number; a client that has left by now is not forgotten. */
void weir_event_stream_submitted(weir_event_stream *s, uint64_t job);
/* One owner has finished; true: it was the last, and whoever holds the stream's memory frees it,
 * after weir_event_stream_close. */
bool weir_event_stream_release(weir_event_stream *s);
/* The reply has ended by now. */
void weir_event_stream_close(weir_event_stream *s);

/* "event: NAME", unless it is NULL, and "data: DATA": one JSON text on one line. The first begins
 * the reply. */
void weir_event_stream_send(weir_event_stream *s, const char *name, const char *data, size_t n);
/* Has it been silent for so long that clients and proxies may give it up? Soon if nothing was sent
 * yet, then only after seconds. */
bool weir_event_stream_is_silent(const weir_event_stream *s);
/* A comment if it is silent. Meant to be called as often as there is progress. */
void weir_event_stream_keep_alive(weir_event_stream *s);
void weir_event_stream_end(weir_event_stream *s);

#endif
