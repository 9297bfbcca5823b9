/* json_text.c: see json_text.h. Keeps nothing between calls. */
#include "json_text.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *weir_json_text(const char *bytes, size_t n) {
    json_t *string = json_stringn(bytes, n);
    if (string)
        return string;
    char *mended = malloc(3 * n + 2 * WEIR_UTF8_GATE_ROOM);
    if (!mended)
        return NULL;
    weir_utf8_gate gate = {0};
    size_t n_mended = weir_utf8_push(&gate, bytes, n, mended);
    n_mended += weir_utf8_finish(&gate, mended + n_mended);
    string = json_stringn(mended, n_mended);
    free(mended);
    return string;
}

json_t *weir_json_read(const char *text, size_t n, const char *where, weir_error *err) {
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t error;
    json_t *json = json_loadb(text, n, flags, &error);
    if (!json && json_error_code(&error) == json_error_numeric_overflow)
        json = json_loadb(text, n, flags | JSON_DECODE_INT_AS_REAL, &error);
    if (!json)
        weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:%d:%d: %s; expected JSON", where, error.line,
                  error.column, error.text);
    return json;
}

weir_status weir_json_print(json_t *json, weir_error *err) {
    char *text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_PRESERVE_ORDER) : NULL;
    json_decref(json);
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the JSON");
    puts(text);
    free(text);
    return WEIR_STATUS_OK;
}

/* ---- members as they were written: the text is JSON, so only strings and brackets matter --- */

static const char *skip_space(const char *at) {
    return at + strspn(at, " \t\r\n");
}

/* Behind the string that begins at `at` with its quote. */
static const char *skip_string(const char *at) {
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

/* Behind the value that begins at `at`. */
static const char *skip_value(const char *at) {
    size_t depth = 0;
    for (;;) {
        if (*at == '"') {
            at = skip_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else {
            at += *at && depth > 0 ? 1 : strcspn(at, " \t\r\n,}]");
        }
        if (depth == 0 || !*at)
            return at;
    }
}

bool weir_json_member_next(const char **at, weir_json_member *out) {
    const char *text = skip_space(*at);
    if (*text == '{' || *text == ',')
        text = skip_space(text + 1);
    if (*text != '"')
        return false;
    const char *end = skip_string(text);
    out->key = text + 1;
    out->n_key = (size_t)(end - text) - 2;
    text = skip_space(end);
    if (*text != ':')
        return false;
    out->value = skip_space(text + 1);
    *at = skip_value(out->value);
    out->n_value = (size_t)(*at - out->value);
    return true;
}

bool weir_json_member_is(const weir_json_member *member, const char *key) {
    return member->n_key == strlen(key) && memcmp(member->key, key, member->n_key) == 0;
}

bool weir_json_member_find(const char *text, const char *key, weir_json_member *out) {
    weir_json_member member;
    bool is_found = false;
    while (weir_json_member_next(&text, &member))
        if (weir_json_member_is(&member, key)) {
            *out = member;
            is_found = true;
        }
    return is_found;
}
