/*
 * token_table.c: the memory of a token table, and GPT-2's alphabet of bytes. Owns the copies of all
 * texts, in chunks that never move. Knows no file format.
 */
#include "text/token_table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

enum { CHUNK_BYTES = 256 * 1024, FIRST_MERGES = 4096 };

typedef struct weir_token_chunk {
    struct weir_token_chunk *next;
    size_t used, cap;
    char data[];
} weir_token_chunk;

weir_status weir_token_table_open(weir_token_table *out, size_t n_tokens, weir_error *err) {
    *out = (weir_token_table){.bos = -1, .eos = -1, .pad = -1, .add_bos = true};
    if (weir_token_table_grow(out, n_tokens))
        return WEIR_STATUS_OK;
    weir_token_table_close(out);
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a vocabulary of %zu", n_tokens);
}

/* The array [n] as [grown], zeros behind; NULL without memory, and nothing has changed. */
static void *grow_array(void *array, size_t n, size_t grown, size_t item_bytes) {
    char *larger = calloc(grown, item_bytes);
    if (larger == NULL)
        return NULL;
    if (n > 0)
        memcpy(larger, array, n * item_bytes);
    free(array);
    return larger;
}

bool weir_token_table_grow(weir_token_table *table, size_t n_tokens) {
    size_t n = table->n_tokens;
    if (n_tokens <= n)
        return true;
    weir_text *tokens = grow_array(table->tokens, n, n_tokens, sizeof *tokens);
    if (tokens != NULL)
        table->tokens = tokens;
    int32_t *kinds = grow_array(table->kinds, n, n_tokens, sizeof *kinds);
    if (kinds != NULL)
        table->kinds = kinds;
    bool *is_normalized = grow_array(table->is_normalized, n, n_tokens, sizeof *is_normalized);
    if (is_normalized != NULL)
        table->is_normalized = is_normalized;
    if (tokens == NULL || kinds == NULL || is_normalized == NULL)
        return false;
    table->n_tokens = n_tokens;
    return true;
}

void weir_token_table_close(weir_token_table *table) {
    free(table->tokens);
    free(table->kinds);
    free(table->is_normalized);
    free(table->merges);
    while (table->chunks != NULL) {
        weir_token_chunk *next = table->chunks->next;
        free(table->chunks);
        table->chunks = next;
    }
    *table = (weir_token_table){0};
}

char *weir_token_table_room(weir_token_table *table, size_t n) {
    weir_token_chunk *c = table->chunks;
    if (c == NULL || c->cap - c->used < n) {
        size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
        c = malloc(sizeof *c + cap);
        if (c == NULL)
            return NULL;
        *c = (weir_token_chunk){.next = table->chunks, .cap = cap};
        table->chunks = c;
    }
    char *room = c->data + c->used;
    c->used += n;
    return room;
}

weir_text weir_token_table_copy(weir_token_table *table, const char *data, size_t n) {
    char *room = weir_token_table_room(table, n + 1);
    if (room == NULL)
        return (weir_text){0};
    memcpy(room, data, n);
    room[n] = '\0';
    return (weir_text){room, n};
}

bool weir_token_table_set(weir_token_table *table, size_t id, weir_token_kind kind,
                          const char *data, size_t n) {
    table->tokens[id] = weir_token_table_copy(table, data, n);
    table->kinds[id] = kind;
    table->is_normalized[id] = kind == WEIR_TOKEN_USER_DEFINED;
    return table->tokens[id].data != NULL;
}

bool weir_token_divide_merge(weir_text merge, weir_text *left, weir_text *right) {
    const char *space = merge.size > 0 ? memchr(merge.data, ' ', merge.size) : NULL;
    if (space == NULL)
        return false;
    *left = (weir_text){merge.data, (size_t)(space - merge.data)};
    *right = (weir_text){space + 1, merge.size - left->size - 1};
    return left->size > 0 && right->size > 0 && memchr(right->data, ' ', right->size) == NULL;
}

bool weir_token_table_merge(weir_token_table *table, weir_text left, weir_text right) {
    if (table->n_merges == table->cap_merges) {
        size_t cap = table->cap_merges == 0 ? FIRST_MERGES : 2 * table->cap_merges;
        weir_text *grown = realloc(table->merges, cap * sizeof *grown);
        if (grown == NULL)
            return false;
        table->merges = grown;
        table->cap_merges = cap;
    }
    size_t n = left.size + 1 + right.size;
    char *room = weir_token_table_room(table, n);
    if (room == NULL)
        return false;
    memcpy(room, left.data, left.size);
    room[left.size] = ' ';
    memcpy(room + left.size + 1, right.data, right.size);
    table->merges[table->n_merges++] = (weir_text){room, n};
    return true;
}

void weir_token_table_add_stop(weir_token_table *table, int32_t id) {
    if (id < 0 || table->n_stops == WEIR_MAX_STOPS)
        return;
    for (size_t i = 0; i < table->n_stops; i++)
        if (table->stops[i] == id)
            return;
    table->stops[table->n_stops++] = id;
}

/* Names become part of a metadata key. */
static bool is_plain_name(weir_text name) {
    for (size_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c >= 128 || (!isalnum(c) && c != '_' && c != '-'))
            return false;
    }
    return name.size > 0 && name.size <= 64;
}

static bool is_text(weir_text a, const char *b) {
    return a.size == strlen(b) && memcmp(a.data, b, a.size) == 0;
}

weir_template_added weir_token_table_add_template(weir_token_table *table, weir_text name,
                                                  weir_text text) {
    weir_text copy = weir_token_table_copy(table, text.data, text.size);
    if (copy.data == NULL)
        return WEIR_TEMPLATE_NO_MEMORY;
    if (name.size == 0 || is_text(name, "default")) {
        table->chat_template = copy;
        return WEIR_TEMPLATE_ADDED;
    }
    if (!is_plain_name(name))
        return WEIR_TEMPLATE_BAD_NAME;
    size_t at = 0;
    while (at < table->n_templates &&
           (table->templates[at].name.size != name.size ||
            memcmp(table->templates[at].name.data, name.data, name.size) != 0))
        at++;
    if (at == WEIR_MAX_TEMPLATES)
        return WEIR_TEMPLATE_TOO_MANY;
    if (at == table->n_templates) {
        table->templates[at].name = weir_token_table_copy(table, name.data, name.size);
        if (table->templates[at].name.data == NULL)
            return WEIR_TEMPLATE_NO_MEMORY;
        table->n_templates++;
    }
    table->templates[at].text = copy;
    return WEIR_TEMPLATE_ADDED;
}

bool weir_token_is_mark(const char *text, size_t n) {
    return n > 4 && memcmp(text, "<|", 2) == 0 && memcmp(text + n - 2, "|>", 2) == 0;
}

bool weir_token_table_pad(weir_token_table *table) {
    for (size_t id = 0; id < table->n_tokens; id++) {
        if (table->kinds[id] != WEIR_TOKEN_NONE)
            continue;
        char text[32];
        int n = snprintf(text, sizeof text, "[PAD%zu]", id);
        if (!weir_token_table_set(table, id, WEIR_TOKEN_UNUSED, text, (size_t)n))
            return false;
    }
    return true;
}

/* ---- GPT-2's alphabet of bytes ------------------------------------------------------------- */

static bool is_printable(uint32_t byte) {
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
}

size_t weir_token_byte_letter(uint8_t byte, char out[3]) {
    uint32_t point = byte;
    if (!is_printable(byte)) {
        point = 256;
        for (uint32_t b = 0; b < byte; b++)
            point += !is_printable(b);
    }
    if (point < 128) {
        out[0] = (char)point;
        out[1] = '\0';
        return 1;
    }
    out[0] = (char)(0xc0 | point >> 6);
    out[1] = (char)(0x80 | (point & 63));
    out[2] = '\0';
    return 2;
}

uint8_t weir_token_byte_in_order(uint32_t i) {
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t b = 0; b < 256; b++)
            if (is_printable(b) == (pass == 0) && i-- == 0)
                return (uint8_t)b;
    return 0;
}

/* -1: no letter of the alphabet. The others stand in order from U+0100: 0 to 32, 127 to 160, 173.
 */
static int letter_byte(uint32_t point) {
    if (point < 256)
        return is_printable(point) ? (int)point : -1;
    uint32_t i = point - 256;
    if (i < 33)
        return (int)i;
    if (i < 67)
        return (int)(127 + i - 33);
    return i == 67 ? 173 : -1;
}

size_t weir_token_spell(const char *text, size_t n, char *out) {
    size_t n_out = 0;
    for (size_t at = 0, used; at < n; at += used) {
        uint32_t point;
        int byte = -1;
        if (weir_utf8_step(text + at, n - at, &point, &used) == WEIR_UTF8_WHOLE)
            byte = letter_byte(point);
        if (byte < 0) { /* not spelled in letters: stands for itself */
            memcpy(out, text, n);
            return n;
        }
        out[n_out++] = (char)byte;
    }
    return n_out;
}
