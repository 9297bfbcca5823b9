/*
 * http_watch.h: the thread that looks at sockets which the HTTP library does not look at:
 *
 *   listening ones          -> on_client with each new connection
 *   those of open exchanges -> weir_exchange_leave when the client hangs up, however early: the
 *                              library does not see that while nothing is read or written
 *   closed ones             -> what the client still sends is read and forgotten for a while, so
 *                              that it can read its reply; the system would reset the connection
 *                              and take the reply back
 */
#ifndef WEIR_SERVER_HTTP_WATCH_H
#define WEIR_SERVER_HTTP_WATCH_H

#include "exchange.h"

typedef struct weir_watch weir_watch;

typedef struct weir_watch_options {
    const int *listeners; /* [n], kept open by the caller until weir_watch_stop_accepting */
    size_t n;
    double stuck_s; /* a client that reads nothing of a reply which has ended is cut off then */
    /* A connection was accepted; the callee owns it. */
    void (*on_client)(void *context, int fd);
    void *context;
} weir_watch_options;

weir_status weir_watch_open(weir_watch **out, const weir_watch_options *options, weir_error *err);
void weir_watch_close(weir_watch **watch);

/* Clients are let in from now on. */
weir_status weir_watch_accept(weir_watch *watch, weir_error *err);
/* No on_client runs when this has returned, nor afterwards. */
void weir_watch_stop_accepting(weir_watch *watch);
/* false: no memory, or everything has been cut. fd stays open until weir_watch_remove. */
bool weir_watch_add(weir_watch *watch, int fd, weir_exchange *x);
void weir_watch_remove(weir_watch *watch, int fd);
uint32_t weir_watch_count(weir_watch *watch); /* exchanges that were added and not removed */
/* All clients have left, as their exchanges see it, and none is added any more. */
void weir_watch_cut_all(weir_watch *watch);
/* The connection will not be written to any more; takes fd over. */
void weir_watch_linger(weir_watch *watch, int fd);

#endif
