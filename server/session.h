/*
 * session.h: conversations that the server keeps by name, so that a client sends what is new and
 * nothing else. Whoever has the API key has its sessions; without keys all share them.
 *
 * A turn is one answer in the making. One at a time: a second request for a session that is being
 * answered gets 409. What was said is kept when the answer has ended, and only then: a turn that
 * fails or is cut off leaves the session as it was.
 */
#ifndef WEIR_SERVER_SESSION_H
#define WEIR_SERVER_SESSION_H

#include "record_store.h"
#include "request.h"

#include "conversation.h"

typedef struct weir_sessions weir_sessions;

/* Begins the ids of sessions in the record store. */
#define WEIR_SESSION_PREFIX "session:"

/* records: kept by the caller. NULL without memory. */
weir_sessions *weir_sessions_open(weir_records *records);
void weir_sessions_close(weir_sessions **sessions);

/* "session" of a request: [A-Za-z0-9_.-], 64 at most. */
bool weir_session_name_is_good(const char *name, size_t n);
/* A name nobody has guessed, for who gives none: "session_" and 24 characters. */
enum { WEIR_SESSION_NAME = 72 };

/* Into *out. false: there is none. What was kept and cannot be read, perhaps only at the moment, is
 * an error of the request. */
bool weir_session_get(weir_sessions *sessions, weir_request *request, const char *owner,
                      const char *name, weir_conversation *out);
/* Writes it down; on failure request->error is set. */
void weir_session_put(weir_sessions *sessions, weir_request *request, const char *owner,
                      const char *name, const weir_conversation *conversation);
bool weir_session_forget(weir_sessions *sessions, const char *owner, const char *name);
weir_records *weir_session_records(weir_sessions *sessions);

/* Nobody else changes the session until it is let go. false: somebody has it. */
bool weir_session_hold(weir_sessions *sessions, const char *owner, const char *name);
void weir_session_let_go(weir_sessions *sessions, const char *owner, const char *name);

typedef struct weir_turn weir_turn;

/* The session that the request names goes before its messages: *conversation becomes the turn's,
 * with the past in front. NULL: it names none, or request->error is set (409: it is being
 * answered). */
weir_turn *weir_turn_begin(weir_sessions *sessions, weir_request *request, const char *owner,
                           weir_conversation *conversation);
/* What the prompt is made of. Its tools and settings are the request's. */
weir_conversation *weir_turn_conversation(weir_turn *turn);
/* The answer ended well: all of it is kept. The message is copied. */
weir_status weir_turn_keep(weir_turn *turn, const weir_message *answer, weir_error *err);
void weir_turn_end(weir_turn **turn);

#endif
