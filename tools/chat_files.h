/*
 * chat_files.h: where conversations live.
 *
 *   $XDG_STATE_HOME/weir (~/.local/state/weir), mode 0700, files 0600
 *     history                       typed messages (line_history.h)
 *     conversations/NAME.json       what was said (conversation.h)
 *     conversations/NAME.state      the timeline, so that going on runs nothing again
 *     conversations/NAME.lock       held by the program that goes on with NAME
 *
 * A file appears whole or not at all, and JSON without a state is complete: at any moment a crash
 * costs no more than the answer that is being written. Names made here (date, time, four letters)
 * are automatic and go when there are too many; names that a user gave stay for ever. A store goes
 * on with at most one conversation at a time, and no two programs with the same one.
 */
#ifndef WEIR_TOOLS_CHAT_FILES_H
#define WEIR_TOOLS_CHAT_FILES_H

#include "chat.h"

typedef struct weir_chat_store weir_chat_store;

enum {
    WEIR_CHAT_NAME_BYTES = 100,
    WEIR_CHAT_KEPT = 50,       /* automatic conversations */
    WEIR_CHAT_KEPT_STATES = 10 /* of them, with their timelines, which are large */
};

/* Makes the folders. IO says why there is no place. */
weir_status weir_chat_store_open(weir_chat_store **out, weir_error *err);
/* Lets the name go. */
void weir_chat_store_close(weir_chat_store **store);

/* The file of typed messages. */
const char *weir_chat_store_history(const weir_chat_store *store);

/* BAD_ARGUMENT unless a user may give this name: letters, digits, - _ . and what is not ASCII, no
 * dot in front, none that looks automatic, and not "last". */
weir_status weir_chat_name_check(const char *name, weir_error *err);
bool weir_chat_name_is_automatic(const char *name);
/* A free name made of the first words of a conversation, "what-is-a-weir". */
void weir_chat_store_suggest(const weir_chat_store *store, const weir_conversation *conversation,
                             char name[WEIR_CHAT_NAME_BYTES + 1]);

/* The conversation that the store goes on with, NULL: none. */
const char *weir_chat_store_name(const weir_chat_store *store);
bool weir_chat_store_exists(const weir_chat_store *store, const char *name);
/* Goes on under a new automatic name, or under this one. FAILED if another program does. The name
 * before is let go only on success. */
weir_status weir_chat_store_begin(weir_chat_store *store, const char *name, weir_error *err);
/* Lets the name go; its files stay. */
void weir_chat_store_end(weir_chat_store *store);
/* Takes the files of a conversation away. */
void weir_chat_store_remove(weir_chat_store *store, const char *name);
/* Lets the name go and takes its files away. */
void weir_chat_store_drop(weir_chat_store *store);

/* Writes the conversation under the store's name: the JSON, and the timeline if with_state. With
 * the JSON it is saved: what keeps the timeline from being written goes to *no_state, whose status
 * is OK otherwise, and no older timeline stays. */
weir_status weir_chat_store_save(weir_chat_store *store, weir_chat *chat, bool with_state,
                                 weir_error *no_state, weir_error *err);
/* The same under another name, which must not be in use; what was there is replaced. */
weir_status weir_chat_store_save_as(weir_chat_store *store, weir_chat *chat, const char *name,
                                    weir_error *no_state, weir_error *err);
/* Into the chat: the JSON, then the timeline if there is one that fits. BAD_ARGUMENT: there is no
 * such conversation. */
weir_status weir_chat_store_load(const weir_chat_store *store, weir_chat *chat, const char *name,
                                 weir_error *err);
/* The same, and goes on with it; the lock comes before the reading. If there is none to be had, no
 * name is held and *no_lock, whose status is OK otherwise, says why. The name before is let go only
 * on success. */
weir_status weir_chat_store_resume(weir_chat_store *store, weir_chat *chat, const char *name,
                                   weir_error *no_lock, weir_error *err);

typedef struct weir_chat_entry {
    char *name;
    int64_t changed;    /* seconds since 1970 */
    size_t n_questions; /* messages of the user */
    char *words;        /* the first question, "" if there is none; NULL: the file is damaged */
    bool is_in_use;     /* by another program */
} weir_chat_entry;

/* Latest first. with_words: each file is read. */
weir_status weir_chat_store_list(const weir_chat_store *store, bool with_words,
                                 weir_chat_entry **out, size_t *n, weir_error *err);
void weir_chat_entries_free(weir_chat_entry *entries, size_t n);

/* A single file of JSON, anywhere. */
weir_status weir_chat_write_file(const weir_chat *chat, const char *path, weir_error *err);
weir_status weir_chat_read_file(weir_chat *chat, const char *path, weir_error *err);

#endif
