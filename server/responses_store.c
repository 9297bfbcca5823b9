/*
 * responses_store.c: see responses_store.h.
 *
 * Owns the form of these records: {"response": .., "conversation": ..}, under "response:ID".
 */
#include "responses_store.h"

#include "base/error.h"
#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_MAX_BYTES = 64 };

static const char prefix[] = "response:";

typedef struct record_id {
    char text[sizeof prefix + ID_MAX_BYTES];
} record_id;

/* Clients ask for any text; none of ours is longer. */
static bool name_record(record_id *out, const char *id) {
    int n = snprintf(out->text, sizeof out->text, "%s%s", prefix, id);
    return n > 0 && (size_t)n < sizeof out->text;
}

weir_status weir_response_keep(weir_records *records, const char *key, const char *id,
                               const char *json, size_t n, const weir_conversation *conversation,
                               weir_error *err) {
    record_id name;
    weir_text_buffer text = {0};
    weir_conversation said = *conversation;            /* borrows all of it */
    weir_settings_default(&said.settings, NULL, NULL); /* each request brings its own */
    name_record(&name, id);
    weir_text_buffer_say(&text, "{\"response\": ");
    weir_text_buffer_add(&text, json, n);
    weir_text_buffer_say(&text, ", \"conversation\": ");
    weir_status status = weir_conversation_write(&said, &text, err);
    weir_text_buffer_say(&text, "}");
    if (status == WEIR_STATUS_OK)
        status = weir_text_buffer_check(&text, "keeping a response", err);
    if (status == WEIR_STATUS_OK)
        status = weir_records_put(records, key, name.text, text.data, text.n, err);
    weir_text_buffer_free(&text);
    return status;
}

/* A record comes from a file perhaps, which somebody may have written. */
static char *take_apart(const char *text, size_t n_text, size_t *n,
                        weir_conversation *conversation) {
    weir_json_member response, talk;
    if (weir_json_check(text, n_text, "a kept response", NULL) != WEIR_STATUS_OK ||
        !weir_json_member_find(text, "response", &response) ||
        !weir_json_member_find(text, "conversation", &talk))
        return NULL;
    if (conversation && weir_conversation_read(conversation, talk.value, talk.n_value,
                                               "a kept response", NULL) != WEIR_STATUS_OK)
        return NULL;
    *n = response.n_value;
    return weir_text_copy(response.value, response.n_value);
}

weir_status weir_response_find(weir_records *records, const char *key, const char *id, char **json,
                               size_t *n, weir_conversation *conversation, weir_error *err) {
    record_id name;
    char *text;
    size_t n_text;
    *json = NULL;
    if (!name_record(&name, id))
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_records_get(records, key, name.text, &text, &n_text, err));
    if (text)
        *json = take_apart(text, n_text, n, conversation);
    free(text);
    return WEIR_STATUS_OK;
}

bool weir_response_forget(weir_records *records, const char *key, const char *id) {
    record_id name;
    return name_record(&name, id) && weir_records_forget(records, key, name.text);
}
