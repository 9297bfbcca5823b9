/*
 * tokenizer.c: a tokenizer as a whole: made from a table, asked about its tokens, and back from ids
 * to bytes. Owns what every id decodes to. Encoding is tokenizer_encode.c.
 */
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "text/hf_tokenizer.h"

/* ---- making one ---------------------------------------------------------------------------- */

static void count_kinds(weir_tokenizer *t) {
    size_t *counts[] = {[WEIR_TOKEN_NORMAL] = &t->info.n_normal,
                        [WEIR_TOKEN_CONTROL] = &t->info.n_control,
                        [WEIR_TOKEN_USER_DEFINED] = &t->info.n_user_defined,
                        [WEIR_TOKEN_UNUSED] = &t->info.n_unused};
    for (size_t id = 0; id < t->table.n_tokens; id++)
        ++*counts[t->table.kinds[id]];
}

static void fill_info(weir_tokenizer *t, const weir_tokenizer_options *options) {
    const weir_token_table *table = &t->table;
    weir_ignore_merges choice = options->ignore_merges;
    t->info = (weir_tokenizer_info){
        .n_tokens = table->n_tokens,
        .n_merges = table->n_merges,
        .bos = table->bos,
        .eos = table->eos,
        .pad = table->pad,
        .add_bos = table->add_bos,
        .add_eos = table->add_eos,
        .ignore_merges = choice == WEIR_IGNORE_MERGES_AS_FILE ? table->ignore_merges
                                                              : choice == WEIR_IGNORE_MERGES_YES,
        .split = table->split.data != NULL ? table->split.data : weir_split_family,
        .split_from_file = table->split.data != NULL,
        .n_templates = table->n_templates + (table->chat_template.data != NULL),
    };
    count_kinds(t);
}

/* Normal entries are spelled in letters of bytes, added ones are plain. False without memory. */
static bool spell_tokens(weir_tokenizer *t) {
    const weir_token_table *table = &t->table;
    size_t n_bytes = 1;
    for (size_t id = 0; id < table->n_tokens; id++)
        n_bytes += table->tokens[id].size;
    t->bytes = calloc(table->n_tokens, sizeof *t->bytes);
    t->byte_room = malloc(n_bytes);
    if (t->bytes == NULL || t->byte_room == NULL)
        return false;
    char *room = t->byte_room;
    for (size_t id = 0; id < table->n_tokens; id++) {
        weir_text text = table->tokens[id];
        if (table->kinds[id] == WEIR_TOKEN_UNUSED) {
            t->bytes[id] = (weir_text){"", 0};
        } else if (table->kinds[id] == WEIR_TOKEN_NORMAL) {
            t->bytes[id] = (weir_text){room, weir_token_spell(text.data, text.size, room)};
            room += t->bytes[id].size;
        } else {
            t->bytes[id] = text;
        }
    }
    return true;
}

static bool index_bytes(weir_tokenizer *t) {
    if (!weir_text_ids_open(&t->by_bytes, t->bytes, t->table.n_tokens))
        return false;
    static const weir_token_kind order[] = {WEIR_TOKEN_CONTROL, WEIR_TOKEN_USER_DEFINED,
                                            WEIR_TOKEN_NORMAL};
    for (size_t k = 0; k < WEIR_COUNT(order); k++)
        for (size_t id = 0; id < t->table.n_tokens; id++)
            if (t->table.kinds[id] == (int32_t)order[k])
                weir_text_ids_add(&t->by_bytes, (int32_t)id);
    return true;
}

static weir_status make(weir_tokenizer *t, const weir_tokenizer_options *options, const char *name,
                        weir_error *err) {
    const weir_tokenizer_options defaults = {0};
    if (!weir_token_table_pad(&t->table))
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a tokenizer", name);
    fill_info(t, options != NULL ? options : &defaults);
    if (!spell_tokens(t) || !index_bytes(t))
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a vocabulary of %zu", name,
                         t->table.n_tokens);
    WEIR_TRY(weir_added_tokens_open(&t->added, &t->table, name, err));
    weir_status status =
        weir_splitter_open(&t->splitter, t->info.split, strlen(t->info.split), err);
    if (status != WEIR_STATUS_OK)
        return weir_fail_within(err, status, "%s", name);
    return weir_bpe_open(&t->bpe, &t->table, t->bytes, t->info.ignore_merges, name, err);
}

weir_status weir_tokenizer_from_table(weir_tokenizer **out, weir_token_table *table,
                                      const weir_tokenizer_options *options, const char *name,
                                      weir_error *err) {
    *out = NULL;
    weir_tokenizer *t = calloc(1, sizeof *t);
    if (t == NULL) {
        weir_token_table_close(table);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a tokenizer", name);
    }
    t->table = *table;
    *table = (weir_token_table){0};
    weir_status status = make(t, options, name, err);
    if (status == WEIR_STATUS_OK)
        *out = t;
    else
        weir_tokenizer_close(&t);
    return status;
}

weir_status weir_tokenizer_from_gguf(weir_tokenizer **out, const weir_gguf *gguf,
                                     const weir_tokenizer_options *options, weir_error *err) {
    *out = NULL;
    weir_token_table table;
    weir_status status = weir_token_table_read_gguf(&table, gguf, err);
    if (status == WEIR_STATUS_OK)
        return weir_tokenizer_from_table(out, &table, options, weir_gguf_path(gguf), err);
    weir_token_table_close(&table);
    return status;
}

static weir_status open_gguf(weir_tokenizer **out, const char *path,
                             const weir_tokenizer_options *options, weir_error *err) {
    weir_gguf *gguf;
    WEIR_TRY(weir_gguf_open(&gguf, path, err));
    weir_status status = weir_tokenizer_from_gguf(out, gguf, options, err);
    weir_gguf_close(&gguf);
    return status;
}

static weir_status open_hf(weir_tokenizer **out, const char *path,
                           const weir_tokenizer_options *options, weir_error *err) {
    weir_token_table table;
    weir_status status = weir_path_is_folder(path) ? weir_hf_tokenizer_folder(&table, path, err)
                                                   : weir_hf_tokenizer_file(&table, path, err);
    if (status == WEIR_STATUS_OK)
        return weir_tokenizer_from_table(out, &table, options, path, err);
    weir_token_table_close(&table);
    return status;
}

typedef enum form { FORM_GGUF, FORM_HF, FORM_OTHER } form;

/* Files are told apart by how they begin; what cannot be read is left to the reader's error. */
static form form_of(const char *path) {
    static const char spaces[] = " \t\r\n";
    char start[64];
    FILE *file = weir_path_is_folder(path) ? NULL : fopen(path, "rb");
    if (file == NULL)
        return FORM_HF;
    size_t n = fread(start, 1, sizeof start, file), i = 0;
    bool has_failed = ferror(file) != 0;
    fclose(file);
    if (n >= 4 && memcmp(start, "GGUF", 4) == 0)
        return FORM_GGUF;
    while (i < n && memchr(spaces, start[i], sizeof spaces - 1) != NULL)
        i++;
    bool may_be_json = i < n ? start[i] == '{' : n == sizeof start;
    return may_be_json || has_failed ? FORM_HF : FORM_OTHER;
}

weir_status weir_tokenizer_open(weir_tokenizer **out, const char *path,
                                const weir_tokenizer_options *options, weir_error *err) {
    *out = NULL;
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "weir_tokenizer_open: path is NULL");
    switch (form_of(path)) {
    case FORM_GGUF:
        return open_gguf(out, path, options, err);
    case FORM_HF:
        return open_hf(out, path, options, err);
    case FORM_OTHER:
        break;
    }
    return weir_fail(
        err, WEIR_STATUS_BAD_FILE,
        "%s: neither a GGUF file nor a tokenizer.json; expected \"GGUF\" or '{' at its "
        "beginning",
        path);
}

void weir_tokenizer_close(weir_tokenizer **tokenizer) {
    weir_tokenizer *t = tokenizer != NULL ? *tokenizer : NULL;
    if (t == NULL)
        return;
    weir_bpe_close(&t->bpe);
    weir_splitter_close(&t->splitter);
    weir_added_tokens_close(&t->added);
    weir_text_ids_close(&t->by_bytes);
    free(t->byte_room);
    free(t->bytes);
    weir_token_table_close(&t->table);
    free(t);
    *tokenizer = NULL;
}

/* ---- asking -------------------------------------------------------------------------------- */

void weir_tokenizer_get_info(const weir_tokenizer *tokenizer, weir_tokenizer_info *out) {
    *out = tokenizer->info;
    out->stops = tokenizer->table.stops;
    out->n_stops = tokenizer->table.n_stops;
}

static bool is_id(const weir_tokenizer *t, int32_t id) {
    return id >= 0 && (size_t)id < t->table.n_tokens;
}

weir_token_kind weir_tokenizer_token(const weir_tokenizer *tokenizer, int32_t id,
                                     const char **bytes, size_t *n) {
    if (!is_id(tokenizer, id)) {
        *bytes = "";
        *n = 0;
        return WEIR_TOKEN_NONE;
    }
    *bytes = tokenizer->bytes[id].data;
    *n = tokenizer->bytes[id].size;
    return (weir_token_kind)tokenizer->table.kinds[id];
}

int32_t weir_tokenizer_find(const weir_tokenizer *tokenizer, const char *bytes, size_t n) {
    return weir_text_ids_find(&tokenizer->by_bytes, bytes, n);
}

void weir_tokenizer_template(const weir_tokenizer *tokenizer, size_t i, const char **name,
                             const char **text, size_t *n) {
    const weir_token_table *table = &tokenizer->table;
    bool has_default = table->chat_template.data != NULL;
    weir_text found = {0};
    *name = NULL;
    if (has_default && i == 0) {
        *name = "";
        found = table->chat_template;
    } else if (i - has_default < table->n_templates) {
        *name = table->templates[i - has_default].name.data;
        found = table->templates[i - has_default].text;
    }
    *text = found.data;
    *n = found.size;
}

const int32_t *weir_tokenizer_stops(const weir_tokenizer *tokenizer, size_t *n) {
    *n = tokenizer->table.n_stops;
    return tokenizer->table.stops;
}

/* ---- back to bytes ------------------------------------------------------------------------- */

weir_status weir_tokenizer_decode(const weir_tokenizer *tokenizer, const int32_t *ids, size_t n_ids,
                                  bool skip_control, char *buf, size_t cap, size_t *n,
                                  weir_error *err) {
    *n = 0;
    for (size_t i = 0; i < n_ids; i++)
        if (!is_id(tokenizer, ids[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "token %zu is %d, the vocabulary has ids below %zu", i, ids[i],
                             tokenizer->table.n_tokens);
    for (size_t i = 0; i < n_ids; i++) {
        if (skip_control && tokenizer->table.kinds[ids[i]] == WEIR_TOKEN_CONTROL)
            continue;
        weir_text bytes = tokenizer->bytes[ids[i]];
        if (*n < cap)
            memcpy(buf + *n, bytes.data, bytes.size < cap - *n ? bytes.size : cap - *n);
        *n += bytes.size;
    }
    return WEIR_STATUS_OK;
}
