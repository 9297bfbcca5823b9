/*
 * session.c: see session.h.
 *
 * Owns who has which session, and turns. Conversations themselves are texts in the record store,
 * under the id "session:NAME".
 */
#include "session.h"

#include "base/error.h"
#include "text_buffer.h"
#include "wall_clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64 };

typedef struct held {
    struct held *next;
    char *owner, *id;
} held;

struct weir_sessions {
    weir_records *records;
    pthread_mutex_t lock; /* of held */
    held *held;
};

struct weir_turn {
    weir_sessions *sessions;
    char *owner, *name;
    weir_conversation conversation;
};

static const char prefix[] = WEIR_SESSION_PREFIX;

static void id_of(char out[sizeof prefix + NAME_MAX_BYTES], const char *name) {
    snprintf(out, sizeof prefix + NAME_MAX_BYTES, "%s%.*s", prefix, NAME_MAX_BYTES, name);
}

weir_sessions *weir_sessions_open(weir_records *records) {
    weir_sessions *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->records = records;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void weir_sessions_close(weir_sessions **sessions) {
    weir_sessions *s = *sessions;
    if (!s)
        return;
    for (held *h = s->held, *next; h; h = next) {
        next = h->next;
        free(h->owner);
        free(h->id);
        free(h);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
    *sessions = NULL;
}

bool weir_session_name_is_good(const char *name, size_t n) {
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    return n > 0 && n <= NAME_MAX_BYTES && strspn(name, allowed) == n && name[n] == 0;
}

weir_records *weir_session_records(weir_sessions *s) {
    return s->records;
}

/* ---- whose turn it is ----------------------------------------------------------------------- */

static held **find_held(weir_sessions *s, const char *owner, const char *name) {
    held **at = &s->held;
    while (*at && (strcmp((*at)->id, name) != 0 || strcmp((*at)->owner, owner) != 0))
        at = &(*at)->next;
    return at;
}

bool weir_session_hold(weir_sessions *s, const char *owner, const char *name) {
    held *h = calloc(1, sizeof *h);
    if (h) {
        h->owner = weir_text_copy(owner, strlen(owner));
        h->id = weir_text_copy(name, strlen(name));
    }
    bool is_mine = false;
    if (h && h->owner && h->id) {
        pthread_mutex_lock(&s->lock);
        is_mine = *find_held(s, owner, name) == NULL;
        if (is_mine) {
            h->next = s->held;
            s->held = h;
        }
        pthread_mutex_unlock(&s->lock);
    }
    if (!is_mine && h) {
        free(h->owner);
        free(h->id);
        free(h);
    }
    return is_mine;
}

void weir_session_let_go(weir_sessions *s, const char *owner, const char *name) {
    pthread_mutex_lock(&s->lock);
    held **at = find_held(s, owner, name), *h = *at;
    if (h)
        *at = h->next;
    pthread_mutex_unlock(&s->lock);
    if (!h)
        return;
    free(h->owner);
    free(h->id);
    free(h);
}

/* ---- kept conversations --------------------------------------------------------------------- */

static void fail_with(weir_request *request, int http_status, const weir_error *err) {
    if (!weir_request_is_bad(request))
        weir_api_error_from(&request->error, http_status, "server_error", NULL, err);
}

bool weir_session_get(weir_sessions *s, weir_request *request, const char *owner, const char *name,
                      weir_conversation *out) {
    char id[sizeof prefix + NAME_MAX_BYTES];
    weir_error err = {0};
    size_t n;
    char *text;
    *out = (weir_conversation){0};
    id_of(id, name);
    weir_status status = weir_records_get(s->records, owner, id, &text, &n, &err);
    if (status == WEIR_STATUS_OK && !text)
        return false;
    if (status == WEIR_STATUS_OK)
        status = weir_conversation_read(out, text, n, name, &err);
    if (status != WEIR_STATUS_OK)
        fail_with(request, 500, &err);
    free(text);
    return true;
}

static weir_status put(weir_sessions *s, const char *owner, const char *name,
                       const weir_conversation *conversation, weir_error *err) {
    char id[sizeof prefix + NAME_MAX_BYTES];
    weir_text_buffer text = {0};
    weir_conversation shown = *conversation; /* borrows all but the settings, which are each
                                                request's own */
    weir_settings_default(&shown.settings, NULL, NULL);
    id_of(id, name);
    weir_status status = weir_conversation_write(&shown, &text, err);
    if (status == WEIR_STATUS_OK)
        status = weir_records_put(s->records, owner, id, text.data, text.n, err);
    weir_settings_free(&shown.settings);
    weir_text_buffer_free(&text);
    return status;
}

void weir_session_put(weir_sessions *s, weir_request *request, const char *owner, const char *name,
                      const weir_conversation *conversation) {
    weir_error err = {0};
    if (put(s, owner, name, conversation, &err) != WEIR_STATUS_OK)
        fail_with(request, 500, &err);
}

bool weir_session_forget(weir_sessions *s, const char *owner, const char *name) {
    char id[sizeof prefix + NAME_MAX_BYTES];
    id_of(id, name);
    return weir_records_forget(s->records, owner, id);
}

/* ---- turns -------------------------------------------------------------------------------- */

/* The messages of `from` go behind those of `to`. */
static weir_status join(weir_conversation *to, weir_conversation *from, weir_error *err) {
    for (size_t i = 0; i < from->n_messages; i++) {
        weir_message message = from->message[i];
        from->message[i] = (weir_message){0};
        WEIR_TRY(weir_conversation_add(to, &message, err));
    }
    return WEIR_STATUS_OK;
}

static weir_turn *make_turn(weir_sessions *s, const char *owner, const char *name) {
    weir_turn *turn = calloc(1, sizeof *turn);
    if (!turn)
        return NULL;
    turn->owner = weir_text_copy(owner, strlen(owner));
    turn->name = weir_text_copy(name, strlen(name));
    /* Only now does ending it let anything go. */
    if (turn->owner && turn->name && weir_session_hold(s, owner, name)) {
        turn->sessions = s;
        return turn;
    }
    weir_turn_end(&turn);
    return NULL;
}

weir_turn *weir_turn_begin(weir_sessions *s, weir_request *request, const char *owner,
                           weir_conversation *conversation) {
    const char *name;
    size_t n;
    weir_conversation past;
    weir_error err = {0};
    if (!weir_request_string(request, request->root, "", "session", &name, &n) ||
        weir_request_is_bad(request))
        return NULL;
    if (!weir_session_name_is_good(name, n)) {
        weir_request_fail(request, "session", "invalid_value",
                          "session: expected 1 to 64 of A-Z a-z 0-9 _ . -, got '%.80s'", name);
        return NULL;
    }
    weir_turn *turn = make_turn(s, owner, name);
    if (!turn) {
        weir_request_fail(request, "session", "session_busy",
                          "session: '%s' is being answered; one request at a time", name);
        request->error.http_status = 409;
        return NULL;
    }
    bool is_known = weir_session_get(s, request, owner, name, &past);
    weir_tools_free(&past.tools);
    if (is_known && !weir_request_is_bad(request) &&
        join(&past, conversation, &err) != WEIR_STATUS_OK)
        fail_with(request, 500, &err);
    if (is_known) {
        weir_conversation_free(conversation);
        *conversation = past;
    }
    if (conversation->started == 0) /* the date that templates write stays the same */
        conversation->started = weir_wall_clock_now();
    turn->conversation = *conversation;
    *conversation = (weir_conversation){0};
    if (weir_request_is_bad(request))
        weir_turn_end(&turn);
    return turn;
}

weir_conversation *weir_turn_conversation(weir_turn *turn) {
    return &turn->conversation;
}

weir_status weir_turn_keep(weir_turn *turn, const weir_message *answer, weir_error *err) {
    weir_message copy;
    WEIR_TRY(weir_message_copy(&copy, answer, err));
    WEIR_TRY(weir_conversation_add(&turn->conversation, &copy, err));
    return put(turn->sessions, turn->owner, turn->name, &turn->conversation, err);
}

void weir_turn_end(weir_turn **turn) {
    weir_turn *t = *turn;
    if (!t)
        return;
    if (t->sessions)
        weir_session_let_go(t->sessions, t->owner, t->name);
    weir_conversation_free(&t->conversation);
    free(t->owner);
    free(t->name);
    free(t);
    *turn = NULL;
}
