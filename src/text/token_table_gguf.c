/*
 * token_table_gguf.c: a token table as the metadata tokenizer.* of a GGUF file, both ways. Owns
 * those keys. What is read is checked: kinds, ids and merges belong to the vocabulary and have the
 * form that the table promises; whether merges fit together shows when a tokenizer is made of them.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "text/token_table.h"

enum { SHOWN = 60 /* bytes of a foreign text that a message shows */ };

/* Our own key, written only where it is true: GGUF has none for it. */
static const char ignore_merges_key[] = "weir.tokenizer.ignore_merges";

/* ---- writing ------------------------------------------------------------------------------- */

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
    if (t->ignore_merges)
        weir_gguf_add_bool(w, ignore_merges_key, true);
}

/* What ends an answer beside eos. llama.cpp has these two keys for it and no list; an end that
 * finds no room is lost, and the caller is to say so. */
static const char *const stop_keys[] = {"tokenizer.ggml.eot_token_id",
                                        "tokenizer.ggml.eom_token_id"};

static void add_stops(weir_gguf_writer *w, const weir_token_table *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->n_stops && n < WEIR_COUNT(stop_keys); i++)
        if (t->stops[i] != t->eos)
            add_id(w, stop_keys[n++], t->stops[i]);
}

void weir_token_table_add_meta(weir_gguf_writer *w, const weir_token_table *t, bool has_tokens) {
    if (has_tokens)
        add_tokens(w, t);
    else /* the word by which llama.cpp too knows a model without one */
        weir_gguf_add_string(w, "tokenizer.ggml.model", "none");
    add_id(w, "tokenizer.ggml.bos_token_id", t->bos);
    add_id(w, "tokenizer.ggml.eos_token_id", t->eos);
    add_stops(w, t);
    add_id(w, "tokenizer.ggml.padding_token_id", t->pad);
    add_templates(w, t);
}

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct source {
    weir_token_table *table;
    const weir_gguf *gguf;
    const char *path;
    weir_error *err;
} source;

static weir_status bad(const source *s, const char *key, const char *expected) {
    return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: '%s': expected %s", s->path, key, expected);
}

static weir_status no_memory(const source *s) {
    return weir_fail(s->err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the tokenizer", s->path);
}

static int shown(weir_text text) {
    return text.size < SHOWN ? (int)text.size : SHOWN;
}

/* An array of strings; *kv NULL where the key is absent. */
static weir_status find_texts(const source *s, const char *key, const weir_gguf_kv **kv) {
    *kv = weir_gguf_find(s->gguf, key);
    if (*kv != NULL && ((*kv)->type != WEIR_GGUF_ARRAY || (*kv)->item_type != WEIR_GGUF_STRING))
        return bad(s, key, "a list of texts");
    return WEIR_STATUS_OK;
}

/* "" where the key is absent. */
static weir_status find_text(const source *s, const char *key, weir_text *out) {
    const weir_gguf_kv *kv = weir_gguf_find(s->gguf, key);
    *out = (weir_text){"", 0};
    if (kv != NULL && (kv->type != WEIR_GGUF_STRING || !weir_gguf_as_text(kv, 0, out)))
        return bad(s, key, "a text");
    return WEIR_STATUS_OK;
}

static bool is_text(weir_text a, const char *b) {
    return a.size == strlen(b) && memcmp(a.data, b, a.size) == 0;
}

static weir_status check_model(const source *s) {
    weir_text model, pre;
    WEIR_TRY(find_text(s, "tokenizer.ggml.model", &model));
    if (model.size == 0 || is_text(model, "none"))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: has no tokenizer", s->path);
    if (!is_text(model, "gpt2"))
        return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED,
                         "%s: tokenizer of kind '%.*s', expected 'gpt2' (byte-level BPE)", s->path,
                         shown(model), model.data);
    /* The names that llama.cpp gives to the family's regular expression. */
    static const char *const family[] = {"",        "lfm2",      "llama-bpe", "llama3",  "llama-v3",
                                         "falcon3", "falcon-h1", "pixtral",   "midm-2.0"};
    WEIR_TRY(find_text(s, "tokenizer.ggml.pre", &pre));
    for (size_t i = 0; i < WEIR_COUNT(family); i++)
        if (is_text(pre, family[i]))
            return WEIR_STATUS_OK;
    return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED,
                     "%s: tokenizer.ggml.pre '%.*s' is not known, expected 'lfm2'", s->path,
                     shown(pre), pre.data);
}

static weir_status read_token(const source *s, const weir_gguf_kv *tokens,
                              const weir_gguf_kv *kinds, size_t id) {
    weir_text text;
    int64_t kind;
    if (!weir_gguf_as_text(tokens, id, &text) || !weir_gguf_as_i64(kinds, id, &kind))
        return bad(s, "tokenizer.ggml.token_type", "a list of numbers");
    if (text.size == 0 || memchr(text.data, '\0', text.size) != NULL)
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: token %zu is empty or has a zero byte",
                         s->path, id);
    if (kind != WEIR_TOKEN_NORMAL && kind != WEIR_TOKEN_CONTROL &&
        kind != WEIR_TOKEN_USER_DEFINED && kind != WEIR_TOKEN_UNUSED)
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                         "%s: token %zu, '%.*s', is of type %lld, expected 1, 3, 4 or 5", s->path,
                         id, shown(text), text.data, (long long)kind);
    if (kind == WEIR_TOKEN_USER_DEFINED && weir_token_is_mark(text.data, text.size))
        kind = WEIR_TOKEN_CONTROL;
    return weir_token_table_set(s->table, id, (weir_token_kind)kind, text.data, text.size)
               ? WEIR_STATUS_OK
               : no_memory(s);
}

static weir_status read_tokens(const source *s) {
    const weir_gguf_kv *tokens, *kinds = weir_gguf_find(s->gguf, "tokenizer.ggml.token_type");
    WEIR_TRY(find_texts(s, "tokenizer.ggml.tokens", &tokens));
    if (tokens == NULL || tokens->n_items == 0 || tokens->n_items > WEIR_MAX_TOKENS)
        return bad(s, "tokenizer.ggml.tokens", "the texts of a vocabulary");
    if (kinds == NULL || kinds->type != WEIR_GGUF_ARRAY || kinds->n_items != tokens->n_items)
        return bad(s, "tokenizer.ggml.token_type", "a number for each token");
    WEIR_TRY(weir_token_table_open(s->table, (size_t)tokens->n_items, s->err));
    for (size_t id = 0; id < s->table->n_tokens; id++)
        WEIR_TRY(read_token(s, tokens, kinds, id));
    return WEIR_STATUS_OK;
}

static weir_status read_merges(const source *s) {
    const weir_gguf_kv *merges;
    WEIR_TRY(find_texts(s, "tokenizer.ggml.merges", &merges));
    if (merges == NULL)
        return bad(s, "tokenizer.ggml.merges", "a list of texts");
    for (uint64_t i = 0; i < merges->n_items; i++) {
        weir_text text = {"", 0}, left, right;
        if (!weir_gguf_as_text(merges, i, &text) || !weir_token_divide_merge(text, &left, &right))
            return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                             "%s: merge %llu, '%.*s': expected two parts and a space", s->path,
                             (unsigned long long)i, shown(text), text.data);
        if (!weir_token_table_merge(s->table, left, right))
            return no_memory(s);
    }
    return WEIR_STATUS_OK;
}

static weir_status read_id(const source *s, const char *key, int32_t *id) {
    const weir_gguf_kv *kv = weir_gguf_find(s->gguf, key);
    int64_t value;
    if (kv == NULL)
        return WEIR_STATUS_OK;
    if (kv->type == WEIR_GGUF_ARRAY || !weir_gguf_as_i64(kv, 0, &value) || value < 0 ||
        (uint64_t)value >= s->table->n_tokens)
        return bad(s, key, "the id of a token");
    *id = (int32_t)value;
    return WEIR_STATUS_OK;
}

static weir_status read_bool(const source *s, const char *key, bool *out) {
    const weir_gguf_kv *kv = weir_gguf_find(s->gguf, key);
    if (kv != NULL && (kv->type == WEIR_GGUF_ARRAY || !weir_gguf_as_bool(kv, 0, out)))
        return bad(s, key, "true or false");
    return WEIR_STATUS_OK;
}

static weir_status read_ids(const source *s) {
    weir_token_table *t = s->table;
    WEIR_TRY(read_id(s, "tokenizer.ggml.bos_token_id", &t->bos));
    WEIR_TRY(read_id(s, "tokenizer.ggml.eos_token_id", &t->eos));
    WEIR_TRY(read_id(s, "tokenizer.ggml.padding_token_id", &t->pad));
    weir_token_table_add_stop(t, t->eos);
    for (size_t i = 0; i < WEIR_COUNT(stop_keys); i++) {
        int32_t id = -1;
        WEIR_TRY(read_id(s, stop_keys[i], &id));
        weir_token_table_add_stop(t, id);
    }
    WEIR_TRY(read_bool(s, "tokenizer.ggml.add_bos_token", &t->add_bos));
    WEIR_TRY(read_bool(s, "tokenizer.ggml.add_eos_token", &t->add_eos));
    return read_bool(s, ignore_merges_key, &t->ignore_merges);
}

static weir_status read_template(const source *s, const char *key, weir_text name) {
    if (weir_gguf_find(s->gguf, key) == NULL)
        return WEIR_STATUS_OK;
    weir_text text;
    WEIR_TRY(find_text(s, key, &text));
    switch (weir_token_table_add_template(s->table, name, text)) {
    case WEIR_TEMPLATE_ADDED:
        return WEIR_STATUS_OK;
    case WEIR_TEMPLATE_BAD_NAME:
        return bad(s, key, "a name of letters and digits");
    case WEIR_TEMPLATE_TOO_MANY:
        return bad(s, key, "fewer templates");
    case WEIR_TEMPLATE_NO_MEMORY:
        break;
    }
    return no_memory(s);
}

static weir_status read_templates(const source *s) {
    WEIR_TRY(read_template(s, "tokenizer.chat_template", (weir_text){"", 0}));
    const weir_gguf_kv *names;
    WEIR_TRY(find_texts(s, "tokenizer.chat_templates", &names));
    for (uint64_t i = 0; names != NULL && i < names->n_items; i++) {
        weir_text name = {"", 0};
        char key[128];
        if (!weir_gguf_as_text(names, i, &name))
            return bad(s, "tokenizer.chat_templates", "a list of names");
        if (is_text(name, "default")) /* it is tokenizer.chat_template */
            continue;
        snprintf(key, sizeof key, "tokenizer.chat_template.%.*s",
                 name.size < 80 ? (int)name.size : 80, name.data);
        WEIR_TRY(read_template(s, key, name));
    }
    return WEIR_STATUS_OK;
}

weir_status weir_token_table_read_gguf(weir_token_table *out, const weir_gguf *gguf,
                                       weir_error *err) {
    *out = (weir_token_table){0};
    source s = {out, gguf, weir_gguf_path(gguf), err};
    WEIR_TRY(check_model(&s));
    WEIR_TRY(read_tokens(&s));
    WEIR_TRY(read_merges(&s));
    WEIR_TRY(read_ids(&s));
    return read_templates(&s);
}
