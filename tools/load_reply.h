/*
 * load_reply.h: the reply to one request of the load generator, read from bytes as they arrive:
 * HTTP/1.1 (lengths, chunks, until the end), events of a stream, and in them what counts: when
 * tokens came, how many tokens the server counted, what went wrong.
 *
 * Pure: no socket, no clock. Where the bytes are cut changes nothing but the times. Any bytes are
 * safe; what is no reply becomes a fault with one line. Memory is kept between replies, so that a
 * connection reads the next one without asking for more.
 */
#ifndef WEIR_TOOLS_LOAD_REPLY_H
#define WEIR_TOOLS_LOAD_REPLY_H

#include "text_buffer.h"

/* What became of a request. The words of weir_load_fault_text follow this order. */
typedef enum weir_load_fault {
    WEIR_LOAD_FINE = 0,
    WEIR_LOAD_NOT_CONNECTED, /* refused, unreachable */
    WEIR_LOAD_TIMEOUT,
    WEIR_LOAD_CLOSED,       /* the connection ended before the reply did */
    WEIR_LOAD_HTTP_STATUS,  /* other than 200 */
    WEIR_LOAD_BAD_HTTP,     /* no HTTP */
    WEIR_LOAD_BAD_STREAM,   /* no events, or events that are no answer; no [DONE] at the end */
    WEIR_LOAD_STREAM_ERROR, /* an error that the server tells within the stream */
    WEIR_LOAD_LOCAL,        /* this side: files, ports, memory */
    WEIR_LOAD_CUT_OFF,      /* by the user; no fault of anyone */
    WEIR_LOAD_N_FAULTS
} weir_load_fault;

const char *weir_load_fault_text(weir_load_fault fault);

enum { WEIR_LOAD_MESSAGE = 200, WEIR_LOAD_MAX_BODY = 4 << 20 };

/* Zeros are a reply that weir_load_reply_begin has not been called for. */
typedef struct weir_load_reply {
    /* What is known so far. Times are those of the pushes. */
    bool is_done;     /* all of it is there, or it has a fault */
    bool keeps_alive; /* once done: another request may follow on this connection */
    bool has_bytes;   /* something came */
    int http_status;
    weir_load_fault fault;
    char message[WEIR_LOAD_MESSAGE]; /* one line about the fault; "" without */
    double first_s, last_s;          /* of the first and the last chunk; 0: there was none */
    uint64_t n_chunks;               /* events of tokens */
    bool has_usage;
    uint64_t n_prompt, n_cached, n_output; /* tokens as the server counts them */
    float *gaps_s;                         /* [n_gaps] between chunks, owned */
    size_t n_gaps;
    weir_text_buffer body; /* of a reply that is no stream */

    /* Private: where the reading stands. */
    bool wants_stream, is_stream, is_chunked, has_length, has_status, has_ended;
    int part;
    uint64_t n_left; /* bytes of the body or chunk */
    size_t n_head;   /* bytes of head lines so far */
    weir_text_buffer line, event_line, event;
    bool event_has_data, after_cr, is_event_begun;
    double now_s;
    size_t gaps_cap;
} weir_load_reply;

/* For the next reply. wants_stream: of a stream of completions; else its body is kept. */
void weir_load_reply_begin(weir_load_reply *reply, bool wants_stream);
/* Bytes [n] that were read at this moment. Returns how many belong to the reply: less than n only
 * when it is done. */
size_t weir_load_reply_push(weir_load_reply *reply, const char *bytes, size_t n, double now_s);
/* The connection has ended: by its end, or broken, which `why` tells. Then it is done. */
void weir_load_reply_end(weir_load_reply *reply, const char *why);
void weir_load_reply_free(weir_load_reply *reply);

#endif
