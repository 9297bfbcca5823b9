/*
 * exchange_parts.h: an exchange from inside, for those who stand at the door (exchange.c, http*.c).
 *
 * Two sides hold an exchange: the door, until its connection is through with it, and the service,
 * until weir_exchange_reply or weir_exchange_end. The last one frees it. What belongs to the
 * request is written by the door before the service sees it, and by nobody afterwards; what belongs
 * to the reply is guarded by `lock`.
 */
#ifndef WEIR_SERVER_EXCHANGE_PARTS_H
#define WEIR_SERVER_EXCHANGE_PARTS_H

#include "exchange.h"
#include "text_buffer.h"

#include <pthread.h>

enum { WEIR_REQUEST_ID_MAX = 64 };

typedef struct weir_field {
    char *name, *value;
} weir_field;

typedef struct weir_fields {
    weir_field *item; /* [n], owned */
    size_t n, cap;
} weir_fields;

typedef enum weir_reply_form {
    WEIR_FORM_NONE,
    WEIR_FORM_WHOLE,
    WEIR_FORM_STREAM,
} weir_reply_form;

/* What can be done to a connection. All are called under the exchange's lock. */
typedef struct weir_line {
    void (*suspend)(void *connection); /* on the connection's own thread */
    void (*resume)(void *connection);  /* once for each suspend */
    void (*cut)(void *connection);     /* its client will not be served to the end */
} weir_line;

struct weir_exchange {
    /* ---- the request ---- */
    char *method, *path;
    char *key; /* NULL: none */
    uint32_t key_limit;
    weir_fields query, headers;
    weir_text_buffer body;
    char id[WEIR_REQUEST_ID_MAX + 1];
    double arrived_s;
    weir_exchange *next; /* in the queue of the pool */

    /* ---- the reply ---- */
    pthread_mutex_t lock;
    uint32_t n_holders;
    weir_reply_form form;
    int http_status;
    char *type;
    weir_fields reply_headers;
    weir_text_buffer out; /* bytes from out_at on wait for the client */
    size_t out_at;
    size_t max_waiting;
    uint64_t n_taken; /* bytes that went to the connection */
    double moved_s;   /* when bytes were last taken, or the end came */
    bool is_ended;    /* by reply or end: no more bytes come */
    bool is_gone;     /* the client is; its bytes are thrown away */
    void (*on_gone)(void *context);
    void *on_gone_context;

    /* ---- the connection ---- */
    const weir_line *line;
    void *connection;  /* NULL: it is through with this exchange */
    bool is_suspended; /* until there is something for it */
};

/* Held by both sides; no connection yet. max_waiting: of a stream. NULL: no memory. */
weir_exchange *weir_exchange_open(const char *method, const char *path, size_t max_waiting);
void weir_exchange_hold(weir_exchange *x); /* a third side */
/* One of the sides lets go. */
void weir_exchange_release(weir_exchange *x);
/* false: no memory. value may be NULL: "". */
bool weir_fields_add(weir_fields *fields, const char *name, const char *value);
const char *weir_fields_find(const weir_fields *fields, const char *name); /* any case */
/* The id that the client sent if it may be used, else a random one. */
void weir_exchange_choose_id(weir_exchange *x);

/* true: the connection is suspended until there is something for it. false: there is already, or
 * the client is gone. Thread of the connection, as take is. */
bool weir_exchange_wait(weir_exchange *x);
bool weir_exchange_is_gone(weir_exchange *x);
/* Bytes for the client, [most] at most: how many; 0: there are none yet and the connection is
 * suspended; WEIR_EXCHANGE_ENDED; WEIR_EXCHANGE_GONE. */
enum { WEIR_EXCHANGE_ENDED = -1, WEIR_EXCHANGE_GONE = -2 };
int64_t weir_exchange_take(weir_exchange *x, char *bytes, size_t most);

/* The client has left: on_gone, unless the reply has ended; wakes or cuts the connection. */
void weir_exchange_leave(weir_exchange *x);
/* Cuts the connection if a stream has ended and its client has read nothing for so long. */
void weir_exchange_cut_if_stuck(weir_exchange *x, double silent_s);
/* What became of a reply. */
typedef struct weir_outcome {
    weir_reply_form form;
    int http_status;
    size_t n_whole;   /* bytes of a whole one */
    uint64_t n_taken; /* bytes of a stream that went to the connection */
    bool is_gone;     /* the client left before the end */
} weir_outcome;

/* The connection is through with x: it is never touched again, and a reply that has not ended finds
 * its client gone. */
weir_outcome weir_exchange_detach(weir_exchange *x);

#endif
