/*
 * token_table.c: the memory of a token table and its form in GGUF metadata. Owns the copies of all
 * texts, in chunks that never move. Knows nothing of JSON.
 */
#include "text/token_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { CHUNK_BYTES = 256 * 1024, FIRST_MERGES = 4096 };

typedef struct weir_token_chunk {
    struct weir_token_chunk *next;
    size_t used, cap;
    char data[];
} weir_token_chunk;

weir_status weir_token_table_open(weir_token_table *out, size_t n_tokens, weir_error *err) {
    *out = (weir_token_table){.bos = -1, .eos = -1, .pad = -1, .add_bos = true};
    out->tokens = calloc(n_tokens, sizeof *out->tokens);
    out->kinds = calloc(n_tokens, sizeof *out->kinds);
    if (out->tokens == NULL || out->kinds == NULL) {
        weir_token_table_close(out);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a vocabulary of %zu", n_tokens);
    }
    out->n_tokens = n_tokens;
    return WEIR_STATUS_OK;
}

void weir_token_table_close(weir_token_table *table) {
    free(table->tokens);
    free(table->kinds);
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
    return table->tokens[id].data != NULL;
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

/* ---- GGUF ---------------------------------------------------------------------------------- */

static void add_id(weir_gguf_writer *w, const char *key, int32_t id) {
    if (id >= 0)
        weir_gguf_add_u32(w, key, (uint32_t)id);
}

static void add_templates(weir_gguf_writer *w, const weir_token_table *t) {
    weir_text names[WEIR_MAX_TEMPLATES];
    for (size_t i = 0; i < t->n_templates; i++) {
        char key[128];
        names[i] = t->templates[i].name;
        snprintf(key, sizeof key, "tokenizer.chat_template.%.*s", (int)names[i].size,
                 names[i].data);
        weir_gguf_add_text(w, key, t->templates[i].text.data, t->templates[i].text.size);
    }
    if (t->n_templates > 0)
        weir_gguf_add_texts(w, "tokenizer.chat_templates", names, t->n_templates);
    if (t->chat_template.data != NULL)
        weir_gguf_add_text(w, "tokenizer.chat_template", t->chat_template.data,
                           t->chat_template.size);
}

static void add_tokens(weir_gguf_writer *w, const weir_token_table *t) {
    weir_gguf_add_string(w, "tokenizer.ggml.model", "gpt2");
    weir_gguf_add_string(w, "tokenizer.ggml.pre", "lfm2");
    weir_gguf_add_texts(w, "tokenizer.ggml.tokens", t->tokens, t->n_tokens);
    weir_gguf_add_i32s(w, "tokenizer.ggml.token_type", t->kinds, t->n_tokens);
    weir_gguf_add_texts(w, "tokenizer.ggml.merges", t->merges, t->n_merges);
    weir_gguf_add_bool(w, "tokenizer.ggml.add_bos_token", t->add_bos);
    weir_gguf_add_bool(w, "tokenizer.ggml.add_sep_token", false);
    weir_gguf_add_bool(w, "tokenizer.ggml.add_eos_token", t->add_eos);
}

void weir_token_table_add_meta(weir_gguf_writer *w, const weir_token_table *t, bool has_tokens) {
    if (has_tokens)
        add_tokens(w, t);
    else /* the word by which llama.cpp too knows a model without one */
        weir_gguf_add_string(w, "tokenizer.ggml.model", "none");
    add_id(w, "tokenizer.ggml.bos_token_id", t->bos);
    add_id(w, "tokenizer.ggml.eos_token_id", t->eos);
    add_id(w, "tokenizer.ggml.padding_token_id", t->pad);
    add_templates(w, t);
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
