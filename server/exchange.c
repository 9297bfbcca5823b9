/*
 * exchange.c: an HTTP request and its reply in memory, between the thread of the connections and
 * those that serve. Knows neither sockets nor the HTTP library.
 *
 * Invariant: a connection is suspended only under the lock and only while there is nothing for it,
 * and every change that brings something resumes it under the same lock, so no wake-up is lost.
 * on_gone runs under the lock too: once reply or end has returned, it neither runs nor will.
 */
#include "exchange_parts.h"

#include "base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

/* ---- life --------------------------------------------------------------------------------- */

bool weir_fields_add(weir_fields *fields, const char *name, const char *value) {
    if (fields->n == fields->cap) {
        size_t cap = fields->cap ? 2 * fields->cap : 8;
        weir_field *item = realloc(fields->item, cap * sizeof *item);
        if (!item)
            return false;
        fields->item = item;
        fields->cap = cap;
    }
    weir_field field = {.name = strdup(name), .value = strdup(value ? value : "")};
    if (!field.name || !field.value) {
        free(field.name);
        free(field.value);
        return false;
    }
    fields->item[fields->n++] = field;
    return true;
}

const char *weir_fields_find(const weir_fields *fields, const char *name) {
    for (size_t i = 0; i < fields->n; i++)
        if (!strcasecmp(fields->item[i].name, name))
            return fields->item[i].value;
    return NULL;
}

static void free_fields(weir_fields *fields) {
    for (size_t i = 0; i < fields->n; i++) {
        free(fields->item[i].name);
        free(fields->item[i].value);
    }
    free(fields->item);
}

static void free_exchange(weir_exchange *x) {
    free(x->method);
    free(x->path);
    free(x->key);
    free(x->type);
    free_fields(&x->query);
    free_fields(&x->headers);
    free_fields(&x->reply_headers);
    weir_text_buffer_free(&x->body);
    weir_text_buffer_free(&x->out);
    pthread_mutex_destroy(&x->lock);
    free(x);
}

weir_exchange *weir_exchange_open(const char *method, const char *path, size_t max_waiting) {
    weir_exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    pthread_mutex_init(&x->lock, NULL);
    x->n_holders = 2;
    x->max_waiting = max_waiting;
    x->arrived_s = weir_clock_s();
    x->method = strdup(method);
    x->path = strdup(path);
    if (x->method && x->path)
        return x;
    free_exchange(x);
    return NULL;
}

void weir_exchange_hold(weir_exchange *x) {
    pthread_mutex_lock(&x->lock);
    x->n_holders++;
    pthread_mutex_unlock(&x->lock);
}

void weir_exchange_release(weir_exchange *x) {
    pthread_mutex_lock(&x->lock);
    bool is_last = --x->n_holders == 0;
    pthread_mutex_unlock(&x->lock);
    if (is_last)
        free_exchange(x);
}

/* ---- the request -------------------------------------------------------------------------- */

const char *weir_exchange_method(const weir_exchange *x) {
    return x->method;
}

const char *weir_exchange_path(const weir_exchange *x) {
    return x->path;
}

const char *weir_exchange_query(const weir_exchange *x, const char *name) {
    for (size_t i = 0; i < x->query.n; i++)
        if (!strcmp(x->query.item[i].name, name))
            return x->query.item[i].value;
    return NULL;
}

const char *weir_exchange_header(const weir_exchange *x, const char *name) {
    return weir_fields_find(&x->headers, name);
}

const char *weir_exchange_body(const weir_exchange *x, size_t *n) {
    *n = x->body.n;
    return x->body.data ? x->body.data : "";
}

const char *weir_exchange_id(const weir_exchange *x) {
    return x->id;
}

const char *weir_exchange_key(const weir_exchange *x) {
    return x->key ? x->key : "";
}

uint32_t weir_exchange_key_limit(const weir_exchange *x) {
    return x->key_limit;
}

double weir_exchange_arrived_s(const weir_exchange *x) {
    return x->arrived_s;
}

void weir_exchange_choose_id(weir_exchange *x) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_.-";
    const char *sent = weir_exchange_header(x, "X-Request-Id");
    size_t n = sent ? strspn(sent, allowed) : 0;
    if (n > 0 && n <= WEIR_REQUEST_ID_MAX && !sent[n]) {
        memcpy(x->id, sent, n + 1);
        return;
    }
    unsigned char random[12];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memset(random, 0, sizeof random); /* up to 256 bytes it does not fail on Linux */
    char *at = x->id + snprintf(x->id, sizeof x->id, "req_");
    for (size_t i = 0; i < sizeof random; i++)
        at += snprintf(at, 3, "%02x", random[i]);
}

/* ---- under the lock ----------------------------------------------------------------------- */

static void wake(weir_exchange *x) {
    if (x->is_suspended && x->connection) {
        x->is_suspended = false;
        x->line->resume(x->connection);
    }
}

/* A connection that sleeps is woken and ends by itself; one that waits for a client that does not
 * read would never look. */
static void cut(weir_exchange *x) {
    if (x->is_suspended)
        wake(x);
    else if (x->connection)
        x->line->cut(x->connection);
}

static void leave(weir_exchange *x) {
    if (x->is_ended || x->is_gone)
        return;
    x->is_gone = true;
    weir_text_buffer_free(&x->out);
    x->out_at = 0;
    if (x->on_gone)
        x->on_gone(x->on_gone_context);
    cut(x);
}

static void set_reply(weir_exchange *x, weir_reply_form form, int http_status, const char *type) {
    assert(x->form == WEIR_FORM_NONE);
    x->form = form;
    x->http_status = http_status;
    x->type = type ? strdup(type) : NULL;
    if (type && !x->type)
        leave(x);
}

/* ---- the reply ---------------------------------------------------------------------------- */

void weir_exchange_add_header(weir_exchange *x, const char *name, const char *value) {
    pthread_mutex_lock(&x->lock);
    assert(x->form == WEIR_FORM_NONE);
    if (!weir_fields_add(&x->reply_headers, name, value))
        leave(x); /* half a reply would be a wrong one */
    pthread_mutex_unlock(&x->lock);
}

void weir_exchange_reply(weir_exchange *x, int http_status, const char *type, const char *body,
                         size_t n) {
    pthread_mutex_lock(&x->lock);
    set_reply(x, WEIR_FORM_WHOLE, http_status, type ? type : n > 0 ? "application/json" : NULL);
    if (!x->is_gone) {
        weir_text_buffer_add(&x->out, body, n);
        if (x->out.has_failed)
            leave(x);
    }
    x->is_ended = true;
    wake(x);
    pthread_mutex_unlock(&x->lock);
    weir_exchange_release(x);
}

void weir_exchange_begin(weir_exchange *x, int http_status, const char *type) {
    pthread_mutex_lock(&x->lock);
    if (!weir_fields_add(&x->reply_headers, "Cache-Control", "no-store") ||
        /* Proxies such as nginx would gather the stream before they pass it on. */
        !weir_fields_add(&x->reply_headers, "X-Accel-Buffering", "no"))
        leave(x);
    set_reply(x, WEIR_FORM_STREAM, http_status, type);
    wake(x);
    pthread_mutex_unlock(&x->lock);
}

void weir_exchange_write(weir_exchange *x, const char *bytes, size_t n) {
    pthread_mutex_lock(&x->lock);
    assert(x->form == WEIR_FORM_STREAM && !x->is_ended);
    if (!x->is_gone && n > 0) {
        size_t n_waiting = x->out.n - x->out_at;
        if (n_waiting + n > x->max_waiting) {
            leave(x);
        } else {
            weir_text_buffer_add(&x->out, bytes, n);
            if (x->out.has_failed)
                leave(x);
            else
                wake(x);
        }
    }
    pthread_mutex_unlock(&x->lock);
}

void weir_exchange_end(weir_exchange *x) {
    pthread_mutex_lock(&x->lock);
    assert(x->form == WEIR_FORM_STREAM && !x->is_ended);
    x->is_ended = true;
    x->moved_s = weir_clock_s();
    wake(x);
    pthread_mutex_unlock(&x->lock);
    weir_exchange_release(x);
}

void weir_exchange_on_gone(weir_exchange *x, void (*on_gone)(void *context), void *context) {
    pthread_mutex_lock(&x->lock);
    assert(!x->on_gone && !x->is_ended);
    x->on_gone = on_gone;
    x->on_gone_context = context;
    if (x->is_gone)
        on_gone(context);
    pthread_mutex_unlock(&x->lock);
}

/* ---- the connection ----------------------------------------------------------------------- */

static void suspend(weir_exchange *x) {
    x->is_suspended = true;
    x->line->suspend(x->connection);
}

bool weir_exchange_wait(weir_exchange *x) {
    pthread_mutex_lock(&x->lock);
    bool waits = x->form == WEIR_FORM_NONE && !x->is_gone;
    if (waits)
        suspend(x);
    pthread_mutex_unlock(&x->lock);
    return waits;
}

bool weir_exchange_is_gone(weir_exchange *x) {
    pthread_mutex_lock(&x->lock);
    bool is_gone = x->is_gone;
    pthread_mutex_unlock(&x->lock);
    return is_gone;
}

/* What has been taken is forgotten when it is as much as what waits: each byte moves once at most
 * on average. */
static void forget_taken(weir_exchange *x) {
    size_t n_waiting = x->out.n - x->out_at;
    if (x->out_at < n_waiting)
        return;
    memmove(x->out.data, x->out.data + x->out_at, n_waiting);
    x->out.data[n_waiting] = 0;
    x->out.n = n_waiting;
    x->out_at = 0;
}

int64_t weir_exchange_take(weir_exchange *x, char *bytes, size_t most) {
    int64_t taken = 0;
    pthread_mutex_lock(&x->lock);
    size_t n_waiting = x->out.n - x->out_at;
    if (x->is_gone) {
        taken = WEIR_EXCHANGE_GONE;
    } else if (n_waiting > 0) {
        size_t n = n_waiting < most ? n_waiting : most;
        memcpy(bytes, x->out.data + x->out_at, n);
        x->out_at += n;
        x->n_taken += n;
        x->moved_s = weir_clock_s();
        forget_taken(x);
        taken = (int64_t)n;
    } else if (x->is_ended) {
        taken = WEIR_EXCHANGE_ENDED;
    } else {
        suspend(x);
    }
    pthread_mutex_unlock(&x->lock);
    return taken;
}

void weir_exchange_leave(weir_exchange *x) {
    pthread_mutex_lock(&x->lock);
    leave(x);
    pthread_mutex_unlock(&x->lock);
}

void weir_exchange_cut_if_stuck(weir_exchange *x, double silent_s) {
    pthread_mutex_lock(&x->lock);
    if (x->form == WEIR_FORM_STREAM && x->is_ended && weir_clock_s() - x->moved_s > silent_s)
        cut(x);
    pthread_mutex_unlock(&x->lock);
}

weir_outcome weir_exchange_detach(weir_exchange *x) {
    pthread_mutex_lock(&x->lock);
    x->connection = NULL;
    leave(x);
    /* The service may go on with a reply for nobody at any time. */
    weir_outcome outcome = {.form = x->form,
                            .http_status = x->http_status,
                            .n_whole = x->form == WEIR_FORM_WHOLE ? x->out.n : 0,
                            .n_taken = x->n_taken,
                            .is_gone = x->is_gone};
    pthread_mutex_unlock(&x->lock);
    return outcome;
}
