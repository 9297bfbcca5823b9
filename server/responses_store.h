/*
 * responses_store.h: responses that were made, by their unguessable ids, as records: the reply
 * itself, and the conversation up to its end for requests that go on from there. Any thread.
 */
#ifndef WEIR_SERVER_RESPONSES_STORE_H
#define WEIR_SERVER_RESPONSES_STORE_H

#include "conversation.h"
#include "record_store.h"

/* Keeps the reply json [n] and the conversation. Only the same API key will find them. */
weir_status weir_response_keep(weir_records *records, const char *key, const char *id,
                               const char *json, size_t n, const weir_conversation *conversation,
                               weir_error *err);
/* The reply into *json, for the caller to free; NULL: unknown, or damaged. If conversation is not
 * NULL, the conversation goes there. IO, NO_MEMORY: it cannot be read now, which may pass. */
weir_status weir_response_find(weir_records *records, const char *key, const char *id, char **json,
                               size_t *n, weir_conversation *conversation, weir_error *err);
/* false: unknown. */
bool weir_response_forget(weir_records *records, const char *key, const char *id);

#endif
