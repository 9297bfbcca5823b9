/*
 * hf_tokenizer.c: from the JSON files of a folder to a token table.
 *
 * Owns what counts as the family's tokenizer: byte-level BPE without normalizer, split by LFM2's
 * regex. Everything in these files is foreign: ids, texts and merges are checked against each other
 * before they enter the table. Invariant: every merge's two parts and its result are entries.
 */
#include "text/hf_tokenizer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"

enum {
    MAX_TOKENIZER_BYTES = 64 * 1024 * 1024, /* the family's have five million */
    MAX_SMALL_BYTES = 8 * 1024 * 1024,      /* of the other files */
    SHOWN = 60                              /* bytes of a foreign text that a message shows */
};

/* One file while it is read. */
typedef struct source {
    weir_token_table *table;
    const char *path;
    json_t *root;
    weir_error *err;
} source;

static weir_status bad(const source *s, const char *what, const char *text, const char *expected) {
    return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: %s '%.*s': %s", s->path, what, SHOWN, text,
                     expected);
}

static weir_status no_memory(const source *s) {
    return weir_fail(s->err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the tokenizer", s->path);
}

static weir_status load(source *s, const char *data, size_t size) {
    json_error_t where;
    s->root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &where);
    if (s->root == NULL && json_error_code(&where) == json_error_out_of_memory)
        return no_memory(s);
    if (s->root == NULL)
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: line %d, column %d: %s", s->path,
                         where.line, where.column, where.text);
    if (!json_is_object(s->root))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: expected a JSON object", s->path);
    return WEIR_STATUS_OK;
}

static bool is_set(const json_t *value) {
    return value != NULL && !json_is_null(value);
}

/* ---- kind of tokenizer --------------------------------------------------------------------- */

/* The regex of the first Split in a pre-tokenizer or a sequence of them. */
static const char *find_split(const json_t *pre) {
    const char *type = json_string_value(json_object_get(pre, "type"));
    if (type != NULL && strcmp(type, "Split") == 0)
        return json_string_value(json_object_get(json_object_get(pre, "pattern"), "Regex"));
    const json_t *list = json_object_get(pre, "pretokenizers");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *item_type = json_string_value(json_object_get(item, "type"));
        if (item_type != NULL && strcmp(item_type, "Split") == 0)
            return find_split(item);
    }
    return NULL;
}

/* The family writes its regex in two ways that cut alike; the second is known by its beginning. */
static bool is_family_split(const char *regex) {
    static const char first[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
                                "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
                                "\\s+(?!\\S)|\\s+";
    static const char second[] = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?";
    return strcmp(regex, first) == 0 || strncmp(regex, second, sizeof second - 1) == 0;
}

static weir_status check_kind(const source *s, const json_t *model) {
    const json_t *type = json_object_get(model, "type");
    if (is_set(type) && (!json_is_string(type) || strcmp(json_string_value(type), "BPE") != 0))
        return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED,
                         "%s: model type '%.*s', expected a tokenizer of type BPE", s->path, SHOWN,
                         json_is_string(type) ? json_string_value(type) : "?");
    static const char *const without[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < WEIR_COUNT(without); i++) {
        const json_t *value = json_object_get(model, without[i]);
        if (is_set(value) && json_string_length(value) > 0)
            return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED, "%s: '%s' is set, expected none",
                             s->path, without[i]);
    }
    if (json_is_true(json_object_get(model, "byte_fallback")))
        return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED,
                         "%s: byte_fallback is set, expected byte-level BPE", s->path);
    const json_t *normalizer = json_object_get(s->root, "normalizer");
    const json_t *inner = json_object_get(normalizer, "normalizers");
    if (is_set(normalizer) && !(json_is_array(inner) && json_array_size(inner) == 0))
        return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED, "%s: has a normalizer, expected none",
                         s->path);
    const char *regex = find_split(json_object_get(s->root, "pre_tokenizer"));
    if (regex == NULL || !is_family_split(regex))
        return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED,
                         "%s: pre_tokenizer splits by '%.*s', expected the LFM2 regex", s->path,
                         2 * SHOWN, regex == NULL ? "nothing" : regex);
    return WEIR_STATUS_OK;
}

/* ---- entries ------------------------------------------------------------------------------- */

static weir_status as_id(const source *s, const json_t *value, const char *text, size_t *id) {
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return bad(s, "token", text, "its id is no whole number");
    if ((uint64_t)json_integer_value(value) >= s->table->n_tokens)
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                         "%s: token '%.*s' has id %" JSON_INTEGER_FORMAT
                         ", the model's vocabulary has %zu",
                         s->path, SHOWN, text, json_integer_value(value), s->table->n_tokens);
    *id = (size_t)json_integer_value(value);
    return WEIR_STATUS_OK;
}

static weir_status read_vocab(const source *s, json_t *vocab) {
    if (!json_is_object(vocab))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: 'model.vocab' is no object", s->path);
    const char *text;
    json_t *value;
    json_object_foreach(vocab, text, value) {
        size_t id;
        WEIR_TRY(as_id(s, value, text, &id));
        if (text[0] == '\0')
            return bad(s, "token", text, "an entry is empty");
        if (s->table->kinds[id] != WEIR_TOKEN_NONE)
            return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                             "%s: id %zu belongs to '%.*s' and to '%.*s'", s->path, id, SHOWN,
                             s->table->tokens[id].data, SHOWN, text);
        if (!weir_token_table_set(s->table, id, WEIR_TOKEN_NORMAL, text, strlen(text)))
            return no_memory(s);
    }
    return WEIR_STATUS_OK;
}

/* Marks like <|tool_call_start|> are control tokens also where the file calls them not special (a
 * display flag there): as user-defined ones anybody's text could write them. llama.cpp's converter
 * does the same. */
static bool is_mark(const char *text, size_t n) {
    return n > 4 && memcmp(text, "<|", 2) == 0 && memcmp(text + n - 2, "|>", 2) == 0;
}

static weir_status read_added_token(const source *s, const json_t *vocab, const json_t *added) {
    const char *text = json_string_value(json_object_get(added, "content"));
    if (text == NULL || text[0] == '\0')
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                         "%s: an entry of 'added_tokens' has no content", s->path);
    size_t id, n = strlen(text);
    WEIR_TRY(as_id(s, json_object_get(added, "id"), text, &id));
    const json_t *in_vocab = json_object_get(vocab, text);
    const weir_text *there = &s->table->tokens[id];
    bool is_same = there->data == NULL || (there->size == n && memcmp(there->data, text, n) == 0);
    if (!is_same || (in_vocab != NULL && json_integer_value(in_vocab) != (json_int_t)id))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                         "%s: added token '%.*s' has id %zu, 'model.vocab' says otherwise", s->path,
                         SHOWN, text, id);
    if (s->table->kinds[id] != WEIR_TOKEN_NONE && s->table->kinds[id] != WEIR_TOKEN_NORMAL)
        return bad(s, "added token", text, "its id is given twice");
    static const char *const flags[] = {"single_word", "lstrip", "rstrip"};
    for (size_t i = 0; i < WEIR_COUNT(flags); i++)
        if (json_is_true(json_object_get(added, flags[i])))
            return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED,
                             "%s: added token '%.*s' has '%s', which a GGUF cannot say", s->path,
                             SHOWN, text, flags[i]);
    bool is_control = json_is_true(json_object_get(added, "special")) || is_mark(text, n);
    weir_token_kind kind = is_control ? WEIR_TOKEN_CONTROL : WEIR_TOKEN_USER_DEFINED;
    return weir_token_table_set(s->table, id, kind, text, n) ? WEIR_STATUS_OK : no_memory(s);
}

static weir_status read_added_tokens(const source *s, const json_t *vocab) {
    const json_t *list = json_object_get(s->root, "added_tokens");
    if (is_set(list) && !json_is_array(list))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: 'added_tokens' is no list", s->path);
    for (size_t i = 0; i < json_array_size(list); i++)
        WEIR_TRY(read_added_token(s, vocab, json_array_get(list, i)));
    return WEIR_STATUS_OK;
}

/* ---- merges -------------------------------------------------------------------------------- */

/* Both spellings: "left right", and ["left", "right"]. False if the entry is neither. */
static bool as_merge(const json_t *entry, weir_text *left, weir_text *right) {
    if (json_is_string(entry)) {
        const char *text = json_string_value(entry), *space = strchr(text, ' ');
        if (space == NULL || strchr(space + 1, ' ') != NULL)
            return false;
        *left = (weir_text){text, (size_t)(space - text)};
        *right = (weir_text){space + 1, strlen(space + 1)};
    } else {
        const char *l = json_string_value(json_array_get(entry, 0));
        const char *r = json_string_value(json_array_get(entry, 1));
        if (json_array_size(entry) != 2 || l == NULL || r == NULL || strchr(l, ' ') != NULL ||
            strchr(r, ' ') != NULL)
            return false;
        *left = (weir_text){l, strlen(l)};
        *right = (weir_text){r, strlen(r)};
    }
    return left->size > 0 && right->size > 0;
}

static bool is_entry(const json_t *vocab, char *room, weir_text a, weir_text b) {
    memcpy(room, a.data, a.size);
    memcpy(room + a.size, b.data, b.size);
    room[a.size + b.size] = '\0';
    return json_object_get(vocab, room) != NULL;
}

static weir_status read_merges(const source *s, const json_t *vocab, const json_t *merges) {
    if (!json_is_array(merges))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: 'model.merges' is no list", s->path);
    enum { LONGEST = 4096 };
    char room[LONGEST + 1];
    const weir_text nothing = {"", 0};
    for (size_t i = 0; i < json_array_size(merges); i++) {
        weir_text left, right;
        if (!as_merge(json_array_get(merges, i), &left, &right))
            return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                             "%s: merge %zu is no pair of entries, expected \"a b\" or [\"a\", "
                             "\"b\"]",
                             s->path, i);
        if (left.size > LONGEST - right.size || right.size > LONGEST)
            return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: merge %zu is longer than %d bytes",
                             s->path, i, LONGEST);
        if (!is_entry(vocab, room, left, nothing) || !is_entry(vocab, room, nothing, right) ||
            !is_entry(vocab, room, left, right))
            return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                             "%s: merge %zu, '%.*s': the vocabulary has no such entry", s->path, i,
                             SHOWN, room);
        if (!weir_token_table_merge(s->table, left, right))
            return no_memory(s);
    }
    return WEIR_STATUS_OK;
}

static weir_status read_tokenizer(const source *s) {
    const json_t *model = json_object_get(s->root, "model");
    if (!json_is_object(model))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: has no 'model'", s->path);
    WEIR_TRY(check_kind(s, model));
    json_t *vocab = json_object_get(model, "vocab");
    WEIR_TRY(read_vocab(s, vocab));
    WEIR_TRY(read_added_tokens(s, vocab));
    WEIR_TRY(read_merges(s, vocab, json_object_get(model, "merges")));
    return weir_token_table_pad(s->table) ? WEIR_STATUS_OK : no_memory(s);
}

/* ---- tokenizer_config.json ----------------------------------------------------------------- */

/* An id given by its text, plain or in an object. Stays as it is where the key is absent. */
static weir_status read_named_id(const source *s, const char *key, int32_t *id) {
    const json_t *value = json_object_get(s->root, key);
    if (json_is_object(value))
        value = json_object_get(value, "content");
    if (!is_set(value))
        return WEIR_STATUS_OK;
    const char *text = json_string_value(value);
    if (text == NULL)
        return bad(s, "key", key, "expected a text");
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
    if (!is_set(value))
        return WEIR_STATUS_OK;
    if (!json_is_boolean(value))
        return bad(s, "key", key, "expected true or false");
    *out = json_is_true(value);
    return WEIR_STATUS_OK;
}

static weir_status copy_text(const source *s, const char *text, weir_text *out) {
    *out = weir_token_table_copy(s->table, text, strlen(text));
    return out->data != NULL ? WEIR_STATUS_OK : no_memory(s);
}

/* Names become part of a metadata key. */
static bool is_plain_name(const char *name) {
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && n <= 64 && name[n] == '\0';
}

/* One text, or a list of named ones of which "default" is the template. */
static weir_status read_templates(const source *s) {
    const json_t *value = json_object_get(s->root, "chat_template");
    if (!is_set(value))
        return WEIR_STATUS_OK;
    if (json_is_string(value))
        return copy_text(s, json_string_value(value), &s->table->chat_template);
    if (!json_is_array(value))
        return bad(s, "key", "chat_template", "expected a text or a list");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *text = json_string_value(json_object_get(item, "template"));
        if (name == NULL || text == NULL || !is_plain_name(name))
            return bad(s, "key", "chat_template", "expected entries with name and template");
        if (strcmp(name, "default") == 0) {
            WEIR_TRY(copy_text(s, text, &s->table->chat_template));
            continue;
        }
        if (s->table->n_templates == WEIR_MAX_TEMPLATES)
            return bad(s, "key", "chat_template", "more templates than anyone has");
        size_t at = s->table->n_templates;
        WEIR_TRY(copy_text(s, name, &s->table->templates[at].name));
        WEIR_TRY(copy_text(s, text, &s->table->templates[at].text));
        s->table->n_templates++;
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

/* ---- generation_config.json ---------------------------------------------------------------- */

/* Fills what no other file said. Of a list of end tokens the first is the model's own. */
static weir_status read_generation_id(const source *s, const char *key, int32_t *id) {
    const json_t *value = json_object_get(s->root, key);
    if (json_is_array(value) && json_array_size(value) > 0)
        value = json_array_get(value, 0);
    if (*id >= 0 || !is_set(value))
        return WEIR_STATUS_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) >= s->table->n_tokens)
        return bad(s, "key", key, "expected a token id");
    *id = (int32_t)json_integer_value(value);
    return WEIR_STATUS_OK;
}

static weir_status read_generation(const source *s) {
    WEIR_TRY(read_generation_id(s, "bos_token_id", &s->table->bos));
    WEIR_TRY(read_generation_id(s, "eos_token_id", &s->table->eos));
    return read_generation_id(s, "pad_token_id", &s->table->pad);
}

/* ---- all files ----------------------------------------------------------------------------- */

static weir_status copy_template(const source *s, const char *data, size_t size) {
    s->table->chat_template = weir_token_table_copy(s->table, data, size);
    return s->table->chat_template.data != NULL ? WEIR_STATUS_OK : no_memory(s);
}

weir_status weir_hf_tokenizer_parse(weir_token_table *table, bool *found, weir_hf_file file,
                                    const char *data, size_t size, const char *name,
                                    weir_error *err) {
    source s = {.table = table, .path = name, .err = err};
    if (file == WEIR_HF_CHAT_TEMPLATE)
        return copy_template(&s, data, size);
    weir_status status;
    WEIR_TRY_GOTO(load(&s, data, size));
    if (file == WEIR_HF_TOKENIZER) {
        *found = true;
        status = read_tokenizer(&s);
    } else if (file == WEIR_HF_TOKENIZER_CONFIG) {
        status = read_config(&s, *found);
    } else {
        status = read_generation(&s);
    }
fail:
    json_decref(s.root);
    return status;
}

/* Reads one file and hands it on; nothing happens if it is not there. */
static weir_status with_file(weir_token_table *table, bool *found, const char *folder,
                             weir_hf_file file, weir_error *err) {
    static const struct {
        const char *name;
        size_t max_bytes;
    } files[] = {
        [WEIR_HF_TOKENIZER] = {"tokenizer.json", MAX_TOKENIZER_BYTES},
        [WEIR_HF_TOKENIZER_CONFIG] = {"tokenizer_config.json", MAX_SMALL_BYTES},
        [WEIR_HF_GENERATION_CONFIG] = {"generation_config.json", MAX_SMALL_BYTES},
        [WEIR_HF_CHAT_TEMPLATE] = {"chat_template.jinja", MAX_SMALL_BYTES},
    };
    char *path = weir_path_join(folder, files[file].name);
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the tokenizer", folder);
    weir_status status = WEIR_STATUS_OK;
    if (weir_path_exists(path)) {
        char *text = NULL;
        size_t n;
        status = weir_file_read(path, files[file].max_bytes, &text, &n, err);
        if (status == WEIR_STATUS_OK)
            status = weir_hf_tokenizer_parse(table, found, file, text, n, path, err);
        free(text);
    }
    free(path);
    return status;
}

weir_status weir_hf_tokenizer_read(weir_token_table *out, bool *found, const char *folder,
                                   const weir_vocab_hint *hint, weir_error *err) {
    *found = false;
    WEIR_TRY(weir_token_table_open(out, hint->n_tokens, err));
    out->bos = hint->bos;
    out->eos = hint->eos;
    out->pad = hint->pad;
    WEIR_TRY(with_file(out, found, folder, WEIR_HF_TOKENIZER, err));
    WEIR_TRY(with_file(out, found, folder, WEIR_HF_TOKENIZER_CONFIG, err));
    WEIR_TRY(with_file(out, found, folder, WEIR_HF_GENERATION_CONFIG, err));
    /* Last: the file beats the text inside tokenizer_config.json, as everywhere. */
    return with_file(out, found, folder, WEIR_HF_CHAT_TEMPLATE, err);
}
