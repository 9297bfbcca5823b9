/*
 * http_keys.h: the API keys that open the door, known by their hashes only.
 *
 * A file has one key a line, "NAME sha256:HASH [limit=N]": HASH is the SHA-256 of the key in 64 hex
 * digits, N how many answers it may have at once, running or waiting.
 * Empty lines and what stands behind a # do not count. A name may have several keys, so that an old
 * one goes on while its successor is handed out.
 */
#ifndef WEIR_SERVER_HTTP_KEYS_H
#define WEIR_SERVER_HTTP_KEYS_H

#include "weir.h"

/* Immutable; any thread may use it. */
typedef struct weir_keys weir_keys;

/* IO, or BAD_FILE with the line that is wrong and what was expected. */
weir_status weir_keys_open(weir_keys **out, const char *path, weir_error *err);
/* The same of text [n] with a 0 behind it, which `path` names in errors. Changes the text. */
weir_status weir_keys_parse(weir_keys **out, char *text, size_t n, const char *path,
                            weir_error *err);
void weir_keys_close(weir_keys **keys);
size_t weir_keys_count(const weir_keys *keys);
const char *weir_keys_name(const weir_keys *keys, size_t i);
/* Name of the key with this text, in a time that tells nothing about the keys there are; until
 * weir_keys_close. *limit: its own, 0: none is said. NULL: none, or built without a server. */
const char *weir_keys_find(const weir_keys *keys, const char *text, uint32_t *limit);

#endif
