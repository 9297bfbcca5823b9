/*
 * hf_tokenizer_files.c: the files of a folder that make a tokenizer. Owns the order in which they
 * are read, which is who has the last word: for ids tokenizer_config.json, then what the model's
 * configuration says, then generation_config.json; for templates the files that hold nothing else.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "text/hf_tokenizer_source.h"
#include "text/split.h"

enum {
    MAX_TOKENIZER_BYTES = 64 * 1024 * 1024, /* the family's have five million */
    MAX_SMALL_BYTES = 8 * 1024 * 1024,      /* of the other files */
    SHOWN = WEIR_HF_SHOWN
};

typedef weir_hf_source source;

weir_status weir_hf_bad(const source *s, const char *what, const char *text, const char *expected) {
    return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: %s '%.*s': %s", s->path, what, SHOWN, text,
                     expected);
}

weir_status weir_hf_no_memory(const source *s) {
    return weir_fail(s->err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the tokenizer", s->path);
}

/* In files of which no number is read they may be of any size: tokenizer_config.json usually has a
 * model_max_length of 10^30. */
static bool has_huge_numbers(weir_hf_file file) {
    return file == WEIR_HF_TOKENIZER_CONFIG || file == WEIR_HF_CHAT_TEMPLATE_JSON;
}

static weir_status load(source *s, weir_hf_file file, const char *data, size_t size) {
    json_error_t where;
    size_t as_real = has_huge_numbers(file) ? JSON_DECODE_INT_AS_REAL : 0;
    s->root = json_loadb(data, size, JSON_REJECT_DUPLICATES | as_real, &where);
    if (s->root == NULL && json_error_code(&where) == json_error_out_of_memory)
        return weir_hf_no_memory(s);
    if (s->root == NULL)
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: line %d, column %d: %s", s->path,
                         where.line, where.column, where.text);
    if (!json_is_object(s->root))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: expected a JSON object", s->path);
    return WEIR_STATUS_OK;
}

/* ---- tokenizer_config.json ----------------------------------------------------------------- */

/* An id given by its text, plain or in an object. Stays as it is where the key is absent. */
static weir_status read_named_id(const source *s, const char *key, int32_t *id) {
    const json_t *value = json_object_get(s->root, key);
    if (json_is_object(value))
        value = json_object_get(value, "content");
    if (!weir_hf_is_set(value))
        return WEIR_STATUS_OK;
    const char *text = json_string_value(value);
    if (text == NULL)
        return weir_hf_bad(s, "key", key, "expected a text");
    size_t n = strlen(text);
    for (size_t i = 0; i < s->table->n_tokens; i++)
        if (s->table->tokens[i].size == n && s->table->kinds[i] != WEIR_TOKEN_UNUSED &&
            memcmp(s->table->tokens[i].data, text, n) == 0) {
            *id = (int32_t)i;
            return WEIR_STATUS_OK;
        }
    return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                     "%s: '%s' is '%.*s', which the vocabulary does not have", s->path, key, SHOWN,
                     text);
}

static weir_status read_bool(const source *s, const char *key, bool *out) {
    const json_t *value = json_object_get(s->root, key);
    if (!weir_hf_is_set(value))
        return WEIR_STATUS_OK;
    if (!json_is_boolean(value))
        return weir_hf_bad(s, "key", key, "expected true or false");
    *out = json_is_true(value);
    return WEIR_STATUS_OK;
}

static weir_text text_of(const json_t *string) {
    const char *text = json_string_value(string);
    return text != NULL ? (weir_text){text, strlen(text)} : (weir_text){0};
}

static weir_status add_template(const source *s, weir_text name, weir_text text) {
    switch (weir_token_table_add_template(s->table, name, text)) {
    case WEIR_TEMPLATE_ADDED:
        return WEIR_STATUS_OK;
    case WEIR_TEMPLATE_BAD_NAME:
        return weir_hf_bad(s, "template", name.data, "expected a name of letters and digits");
    case WEIR_TEMPLATE_TOO_MANY:
        return weir_hf_bad(s, "template", name.data, "there are more templates than anyone has");
    case WEIR_TEMPLATE_NO_MEMORY:
        break;
    }
    return weir_hf_no_memory(s);
}

static const weir_text default_name = {"", 0};

/* One text, or a list of named ones of which "default" is the template. */
static weir_status read_templates(const source *s) {
    const json_t *value = json_object_get(s->root, "chat_template");
    if (!weir_hf_is_set(value))
        return WEIR_STATUS_OK;
    if (json_is_string(value))
        return add_template(s, default_name, text_of(value));
    if (!json_is_array(value))
        return weir_hf_bad(s, "key", "chat_template", "expected a text or a list");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        weir_text name = text_of(json_object_get(item, "name"));
        weir_text text = text_of(json_object_get(item, "template"));
        if (name.size == 0 || text.data == NULL)
            return weir_hf_bad(s, "key", "chat_template",
                               "expected entries with name and template");
        WEIR_TRY(add_template(s, name, text));
    }
    return WEIR_STATUS_OK;
}

static weir_status read_config(const source *s, bool has_tokens) {
    WEIR_TRY(read_bool(s, "add_bos_token", &s->table->add_bos));
    WEIR_TRY(read_bool(s, "add_eos_token", &s->table->add_eos));
    WEIR_TRY(read_templates(s));
    if (!has_tokens)
        return WEIR_STATUS_OK;
    WEIR_TRY(read_named_id(s, "bos_token", &s->table->bos));
    WEIR_TRY(read_named_id(s, "eos_token", &s->table->eos));
    return read_named_id(s, "pad_token", &s->table->pad);
}

/* ---- config.json, generation_config.json --------------------------------------------------- */

static weir_status as_id(const source *s, const char *key, const json_t *value, int32_t *id) {
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) >= s->table->n_tokens)
        return weir_hf_bad(s, "key", key, "expected a token id");
    *id = (int32_t)json_integer_value(value);
    return WEIR_STATUS_OK;
}

/* Fills what no other file said. Of a list the first is the model's own. */
static weir_status read_id(const source *s, const json_t *root, const char *key, int32_t *id) {
    const json_t *value = json_object_get(root, key);
    if (json_is_array(value) && json_array_size(value) > 0)
        value = json_array_get(value, 0);
    if (*id >= 0 || !weir_hf_is_set(value))
        return WEIR_STATUS_OK;
    return as_id(s, key, value, id);
}

/* Every id that ends an answer. What is no id was said before, where it matters. */
static void read_stops(const source *s, const json_t *root) {
    const json_t *value = json_object_get(root, "eos_token_id");
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (json_is_integer(item) && json_integer_value(item) >= 0 &&
            (uint64_t)json_integer_value(item) < s->table->n_tokens)
            weir_token_table_add_stop(s->table, (int32_t)json_integer_value(item));
    }
}

static weir_status read_generation(const source *s, const json_t *root) {
    WEIR_TRY(read_id(s, root, "bos_token_id", &s->table->bos));
    WEIR_TRY(read_id(s, root, "eos_token_id", &s->table->eos));
    WEIR_TRY(read_id(s, root, "pad_token_id", &s->table->pad));
    read_stops(s, root);
    return WEIR_STATUS_OK;
}

/* A model with rows of the embedding that no token has. */
static weir_status read_vocab_size(const source *s, const json_t *root) {
    const json_t *value = json_object_get(root, "vocab_size");
    if (!weir_hf_is_set(value))
        return WEIR_STATUS_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > WEIR_MAX_TOKENS)
        return weir_hf_bad(s, "key", "vocab_size", "expected the size of a vocabulary");
    return weir_token_table_grow(s->table, (size_t)json_integer_value(value)) &&
                   weir_token_table_pad(s->table)
               ? WEIR_STATUS_OK
               : weir_hf_no_memory(s);
}

/* The model's ids come before those of tokenizer.json. */
static weir_status read_model_config(const source *s) {
    const json_t *inner = json_object_get(s->root, "text_config");
    const json_t *root = json_is_object(inner) ? inner : s->root;
    WEIR_TRY(read_vocab_size(s, root));
    if (weir_hf_is_set(json_object_get(root, "bos_token_id")))
        s->table->bos = -1;
    if (weir_hf_is_set(json_object_get(root, "eos_token_id")))
        s->table->eos = -1;
    return read_generation(s, root);
}

/* ---- all files ----------------------------------------------------------------------------- */

weir_status weir_hf_tokenizer_parse(weir_token_table *table, bool *found, weir_hf_file file,
                                    const char *data, size_t size, const char *name,
                                    weir_error *err) {
    source s = {.table = table, .path = name, .err = err};
    if (file == WEIR_HF_CHAT_TEMPLATE)
        return add_template(&s, default_name, (weir_text){data, size});
    weir_status status;
    WEIR_TRY_GOTO(load(&s, file, data, size));
    switch (file) {
    case WEIR_HF_TOKENIZER:
        *found = true;
        status = weir_hf_read_tokenizer(&s);
        break;
    case WEIR_HF_TOKENIZER_CONFIG:
        status = read_config(&s, *found);
        break;
    case WEIR_HF_GENERATION_CONFIG:
        status = read_generation(&s, s.root);
        break;
    case WEIR_HF_CONFIG:
        status = read_model_config(&s);
        break;
    case WEIR_HF_CHAT_TEMPLATE_JSON:
        status = read_templates(&s);
        break;
    case WEIR_HF_CHAT_TEMPLATE:
        break;
    }
fail:
    json_decref(s.root);
    return status;
}

static weir_status read_path(weir_token_table *table, bool *found, weir_hf_file file,
                             const char *path, weir_error *err) {
    size_t max = file == WEIR_HF_TOKENIZER ? MAX_TOKENIZER_BYTES : MAX_SMALL_BYTES;
    char *text = NULL;
    size_t n;
    weir_status status = weir_file_read(path, max, &text, &n, err);
    if (status == WEIR_STATUS_OK)
        status = weir_hf_tokenizer_parse(table, found, file, text, n, path, err);
    free(text);
    return status;
}

/* Reads one file and hands it on; nothing happens if it is not there. */
static weir_status with_file(weir_token_table *table, bool *found, const char *folder,
                             weir_hf_file file, weir_error *err) {
    static const char *const names[] = {
        [WEIR_HF_TOKENIZER] = "tokenizer.json",
        [WEIR_HF_TOKENIZER_CONFIG] = "tokenizer_config.json",
        [WEIR_HF_GENERATION_CONFIG] = "generation_config.json",
        [WEIR_HF_CHAT_TEMPLATE] = "chat_template.jinja",
        [WEIR_HF_CONFIG] = "config.json",
        [WEIR_HF_CHAT_TEMPLATE_JSON] = "chat_template.json",
    };
    char *path = weir_path_join(folder, names[file]);
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the tokenizer", folder);
    weir_status status = WEIR_STATUS_OK;
    if (weir_path_exists(path))
        status = read_path(table, found, file, path, err);
    free(path);
    return status;
}

static int is_template_file(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return n > 6 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 6, ".jinja") == 0;
}

/* One file of additional_chat_templates: NAME.jinja is the template NAME. */
static weir_status with_named_file(weir_token_table *table, const char *folder, const char *name,
                                   weir_error *err) {
    char *path = weir_path_join(folder, name), *text = NULL;
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the tokenizer", folder);
    source s = {.table = table, .path = path, .err = err};
    size_t n;
    weir_status status;
    WEIR_TRY_GOTO(weir_file_read(path, MAX_SMALL_BYTES, &text, &n, err));
    WEIR_TRY_GOTO(add_template(&s, (weir_text){name, strlen(name) - 6}, (weir_text){text, n}));
fail:
    free(text);
    free(path);
    return status;
}

static weir_status with_named_files(weir_token_table *table, const char *folder, weir_error *err) {
    char *path = weir_path_join(folder, "additional_chat_templates");
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the tokenizer", folder);
    struct dirent **entries = NULL;
    int n = weir_path_is_folder(path) ? scandir(path, &entries, is_template_file, alphasort) : 0;
    weir_status status = WEIR_STATUS_OK;
    if (n < 0)
        status = weir_fail(err, WEIR_STATUS_IO, "%s: cannot be listed", path);
    for (int i = 0; i < n; i++) {
        if (status == WEIR_STATUS_OK)
            status = with_named_file(table, path, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    free(path);
    return status;
}

/* What follows tokenizer.json and the model's configuration. Last come the files that hold only
 * templates: they beat the text inside tokenizer_config.json, as everywhere. */
static weir_status with_other_files(weir_token_table *table, bool *found, const char *folder,
                                    weir_error *err) {
    static const weir_hf_file order[] = {WEIR_HF_TOKENIZER_CONFIG, WEIR_HF_GENERATION_CONFIG,
                                         WEIR_HF_CHAT_TEMPLATE_JSON, WEIR_HF_CHAT_TEMPLATE};
    for (size_t i = 0; i < WEIR_COUNT(order); i++)
        WEIR_TRY(with_file(table, found, folder, order[i], err));
    WEIR_TRY(with_named_files(table, folder, err));
    weir_token_table_add_stop(table, table->eos);
    return WEIR_STATUS_OK;
}

weir_status weir_hf_tokenizer_read(weir_token_table *out, bool *found, const char *folder,
                                   const weir_vocab_hint *hint, weir_error *err) {
    *found = false;
    WEIR_TRY(weir_token_table_open(out, hint->n_tokens, err));
    out->bos = hint->bos;
    out->eos = hint->eos;
    out->pad = hint->pad;
    weir_status status = with_file(out, found, folder, WEIR_HF_TOKENIZER, err);
    /* Whatever else may be wrong with the file, this says why it cannot be used. */
    if (out->split.data != NULL && !weir_split_is_family(out->split.data, out->split.size))
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "%s/tokenizer.json: pre_tokenizer splits by '%.*s', expected the LFM2 "
                         "regex",
                         folder, 2 * SHOWN, out->split.data);
    WEIR_TRY(status);
    return with_other_files(out, found, folder, err);
}

weir_status weir_hf_tokenizer_folder(weir_token_table *out, const char *folder, weir_error *err) {
    bool found = false;
    WEIR_TRY(weir_token_table_open(out, 0, err));
    WEIR_TRY(with_file(out, &found, folder, WEIR_HF_TOKENIZER, err));
    if (!found)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: has no tokenizer.json", folder);
    WEIR_TRY(with_file(out, &found, folder, WEIR_HF_CONFIG, err));
    return with_other_files(out, &found, folder, err);
}

weir_status weir_hf_tokenizer_file(weir_token_table *out, const char *path, weir_error *err) {
    bool found = false;
    WEIR_TRY(weir_token_table_open(out, 0, err));
    WEIR_TRY(read_path(out, &found, WEIR_HF_TOKENIZER, path, err));
    weir_token_table_add_stop(out, out->eos);
    return WEIR_STATUS_OK;
}
