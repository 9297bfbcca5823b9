/*
 * load_client.h: a client that keeps many requests under way at once: one thread, sockets that do
 * not block, epoll.
 *
 * Owns addresses, connections and time: when a request is begun, sent again, left or given up. Does
 * not own what is asked, which weir_load_work says, nor what is made of the replies: each is lent
 * to weir_load_work.on_end and then forgotten. At any moment every connection is free, kept for the
 * next request, or belongs to exactly one request. HTTP/1.1 over TCP or a Unix socket, no TLS. One
 * thread at a time may use a client.
 */
#ifndef WEIR_TOOLS_LOAD_CLIENT_H
#define WEIR_TOOLS_LOAD_CLIENT_H

#include "load_plan.h"
#include "load_reply.h"

enum { WEIR_LOAD_MOST_CONNECTIONS = 16384 };

/* Strings are read when the client opens. */
typedef struct weir_load_client_options {
    const char *url;         /* http://HOST[:PORT][/PREFIX]; a /v1 at its end is no part of it */
    const char *socket;      /* path of a Unix socket to connect to; NULL: to the host of the URL */
    const char *key;         /* sent as a bearer's; NULL: none */
    uint32_t n_connections;  /* at once, at most */
    double timeout_s;        /* for each request; 0: none */
    double slow_bytes_per_s; /* that slow readers take, above 0 */
    bool is_shy;             /* a connection for each request */
} weir_load_client_options;

/* One request and what became of it. Times are those of weir_clock_s. */
typedef struct weir_load_result {
    const weir_load_request *request;
    const weir_load_reply *reply; /* its fault tells whether it went well */
    double due_s;                 /* it should have been begun */
    double start_s;               /* it was, before it was connected where it had to be */
    double end_s;
    bool was_held; /* when it was due, as many were under way as may be */
    bool has_left; /* as its kind says, before the reply was whole */
} weir_load_result;

typedef struct weir_load_state {
    uint64_t n_begun, n_ended;
    uint32_t n_running;
    double elapsed_s;
} weir_load_state;

/* What is asked, in which order and when. Called on the thread that runs it. */
typedef struct weir_load_work {
    void *context;
    /* Request i; its body is written into the buffer. */
    weir_status (*get)(void *context, uint64_t i, weir_text_buffer *body, weir_load_request *out,
                       weir_error *err);
    /* Seconds between the arrivals of requests i - 1 and i. NULL: a request is begun as soon as
     * another has ended (a closed loop). */
    double (*gap)(void *context, uint64_t i);
    void (*on_end)(void *context, const weir_load_result *result);
    void (*on_tick)(void *context, const weir_load_state *state); /* ten times a second; or NULL */
    bool (*is_cancelled)(void *context); /* asked as often, and cuts off what runs; or NULL */
    uint64_t n_requests;                 /* begin no more than these; 0: no limit */
    double max_s;                        /* begin none after this time; 0: no limit */
    uint32_t concurrency; /* requests under way at once, at most; 1 to n_connections */
} weir_load_work;

typedef struct weir_load_client weir_load_client;

/* Finds the address, asks for as many open files as that takes, and connects once. BAD_ARGUMENT for
 * the URL; IO if the server cannot be reached or files are too few. */
weir_status weir_load_client_open(weir_load_client **out, const weir_load_client_options *options,
                                  weir_error *err);
void weir_load_client_close(weir_load_client **client);

/* Until all of the work is done, its time is over, or it is cancelled: CANCELLED, after on_end was
 * called for what was cut off. Faults of requests are no failure. *duration_s: from the beginning
 * to the last end. */
weir_status weir_load_client_run(weir_load_client *client, const weir_load_work *work,
                                 double *duration_s, weir_error *err);

/* How often a request was sent anew because the server had closed a kept connection by then. */
uint64_t weir_load_client_n_resent(const weir_load_client *client);

#endif
