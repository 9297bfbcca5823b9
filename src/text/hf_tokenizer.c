/*
 * hf_tokenizer.c: tokenizer.json into a token table.
 *
 * Owns what is read as the family's kind of tokenizer: byte-level BPE without normalizer, text
 * split by one regular expression. The file is foreign: ids, texts and merges are checked against
 * each other before they enter the table, and a setting that would change ids is followed or
 * refused. Invariant: every merge's two parts and its result are entries.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "text/hf_tokenizer_source.h"
#include "text/lookup.h"

enum { SHOWN = WEIR_HF_SHOWN };

typedef weir_hf_source source;

/* ---- kind of tokenizer --------------------------------------------------------------------- */

/* Of a pre-tokenizer ByteLevel that splits by itself. */
static const char gpt2_split[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static const char *type_of(const json_t *part) {
    const char *type = json_string_value(json_object_get(part, "type"));
    return type != NULL ? type : "?";
}

static weir_status unsupported(const source *s, const char *what, const char *text) {
    return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED, "%s: pre_tokenizer: %s '%.*s'", s->path, what,
                     2 * SHOWN, text);
}

/* A text that is split at as it stands, as an expression. */
static weir_status quote(const source *s, const char *text) {
    char *regex = weir_token_table_room(s->table, 2 * strlen(text) + 1);
    if (regex == NULL)
        return weir_hf_no_memory(s);
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (strchr("\\^$.|?*+()[]{}#-", *text) != NULL)
            regex[n++] = '\\';
        regex[n++] = *text;
    }
    regex[n] = '\0';
    s->table->split = (weir_text){regex, n};
    return WEIR_STATUS_OK;
}

static weir_status read_split(const source *s, const json_t *split) {
    const json_t *behavior = json_object_get(split, "behavior");
    if (s->table->split.data != NULL)
        return unsupported(s, "splits a second time, by a", "Split");
    if (weir_hf_is_set(behavior) &&
        (!json_is_string(behavior) || strcmp(json_string_value(behavior), "Isolated") != 0))
        return unsupported(s, "expected the behavior 'Isolated', found",
                           json_is_string(behavior) ? json_string_value(behavior) : "?");
    if (json_is_true(json_object_get(split, "invert")))
        return unsupported(s, "Split has", "invert");
    const json_t *pattern = json_object_get(split, "pattern");
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    const char *text = json_string_value(json_object_get(pattern, "String"));
    if (regex == NULL && text != NULL)
        return quote(s, text);
    if (regex == NULL)
        return unsupported(s, "Split has no", "pattern");
    s->table->split = weir_token_table_copy(s->table, regex, strlen(regex));
    return s->table->split.data != NULL ? WEIR_STATUS_OK : weir_hf_no_memory(s);
}

/* Where it does not say whether it splits, it does: Hugging Face's default. */
static weir_status read_byte_level(const source *s, const json_t *part) {
    if (json_is_true(json_object_get(part, "add_prefix_space")))
        return unsupported(s, "ByteLevel has", "add_prefix_space");
    const json_t *use_regex = json_object_get(part, "use_regex");
    if (weir_hf_is_set(use_regex) && !json_is_true(use_regex))
        return WEIR_STATUS_OK;
    if (s->table->split.data != NULL)
        return unsupported(s, "splits a second time, by ByteLevel's", "use_regex");
    s->table->split = (weir_text){gpt2_split, sizeof gpt2_split - 1};
    return WEIR_STATUS_OK;
}

/* At most one Split, and then ByteLevel. */
static weir_status read_pre_tokenizer(const source *s) {
    const json_t *pre = json_object_get(s->root, "pre_tokenizer");
    const json_t *list = json_object_get(pre, "pretokenizers");
    size_t n = json_is_array(list) ? json_array_size(list) : weir_hf_is_set(pre);
    bool is_bytes = false;
    for (size_t i = 0; i < n; i++) {
        const json_t *part = json_is_array(list) ? json_array_get(list, i) : pre;
        const char *type = type_of(part);
        if (is_bytes)
            return unsupported(s, "behind ByteLevel, expected nothing, found", type);
        if (strcmp(type, "Split") == 0)
            WEIR_TRY(read_split(s, part));
        else if (strcmp(type, "ByteLevel") == 0)
            WEIR_TRY(read_byte_level(s, part));
        else
            return unsupported(s, "expected Split and ByteLevel, found", type);
        is_bytes = strcmp(type, "ByteLevel") == 0;
    }
    if (!is_bytes)
        return unsupported(s, "expected byte-level BPE, found no", "ByteLevel");
    if (s->table->split.data != NULL)
        return WEIR_STATUS_OK;
    static const char no_cut[] = "(?!)"; /* never matches: the whole text is one piece */
    s->table->split = (weir_text){no_cut, sizeof no_cut - 1};
    return WEIR_STATUS_OK;
}

static weir_status check_kind(const source *s, const json_t *model) {
    const json_t *type = json_object_get(model, "type");
    if (weir_hf_is_set(type) &&
        (!json_is_string(type) || strcmp(json_string_value(type), "BPE") != 0))
        return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED,
                         "%s: model type '%.*s', expected a tokenizer of type BPE", s->path, SHOWN,
                         json_is_string(type) ? json_string_value(type) : "?");
    static const char *const without[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < WEIR_COUNT(without); i++) {
        const json_t *value = json_object_get(model, without[i]);
        if (weir_hf_is_set(value) && json_string_length(value) > 0)
            return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED, "%s: '%s' is set, expected none",
                             s->path, without[i]);
    }
    if (json_is_true(json_object_get(model, "byte_fallback")))
        return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED,
                         "%s: byte_fallback is set, expected byte-level BPE", s->path);
    const json_t *normalizer = json_object_get(s->root, "normalizer");
    const json_t *inner = json_object_get(normalizer, "normalizers");
    if (weir_hf_is_set(normalizer) && !(json_is_array(inner) && json_array_size(inner) == 0))
        return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED, "%s: has a normalizer, expected none",
                         s->path);
    const json_t *dropout = json_object_get(model, "dropout");
    if (weir_hf_is_set(dropout) && json_number_value(dropout) != 0)
        return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED, "%s: 'dropout' is set, expected none",
                         s->path);
    s->table->ignore_merges = json_is_true(json_object_get(model, "ignore_merges"));
    return read_pre_tokenizer(s);
}

/* ---- entries ------------------------------------------------------------------------------- */

static weir_status as_id(const source *s, const json_t *value, const char *text, size_t *id) {
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return weir_hf_bad(s, "token", text, "its id is no whole number");
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
            return weir_hf_bad(s, "token", text, "an entry is empty");
        if (s->table->kinds[id] != WEIR_TOKEN_NONE)
            return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                             "%s: id %zu belongs to '%.*s' and to '%.*s'", s->path, id, SHOWN,
                             s->table->tokens[id].data, SHOWN, text);
        if (!weir_token_table_set(s->table, id, WEIR_TOKEN_NORMAL, text, strlen(text)))
            return weir_hf_no_memory(s);
    }
    return WEIR_STATUS_OK;
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
        return weir_hf_bad(s, "added token", text, "its id is given twice");
    static const char *const flags[] = {"single_word", "lstrip", "rstrip"};
    for (size_t i = 0; i < WEIR_COUNT(flags); i++)
        if (json_is_true(json_object_get(added, flags[i])))
            return weir_fail(s->err, WEIR_STATUS_UNSUPPORTED,
                             "%s: added token '%.*s' has '%s', which is not supported", s->path,
                             SHOWN, text, flags[i]);
    bool is_control =
        json_is_true(json_object_get(added, "special")) || weir_token_is_mark(text, n);
    weir_token_kind kind = is_control ? WEIR_TOKEN_CONTROL : WEIR_TOKEN_USER_DEFINED;
    if (!weir_token_table_set(s->table, id, kind, text, n))
        return weir_hf_no_memory(s);
    const json_t *normalized = json_object_get(added, "normalized");
    if (json_is_boolean(normalized))
        s->table->is_normalized[id] = json_is_true(normalized);
    return WEIR_STATUS_OK;
}

static weir_status read_added_tokens(const source *s, const json_t *vocab) {
    const json_t *list = json_object_get(s->root, "added_tokens");
    if (weir_hf_is_set(list) && !json_is_array(list))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: 'added_tokens' is no list", s->path);
    for (size_t i = 0; i < json_array_size(list); i++)
        WEIR_TRY(read_added_token(s, vocab, json_array_get(list, i)));
    return WEIR_STATUS_OK;
}

/* ---- merges -------------------------------------------------------------------------------- */

static weir_text text_of(const json_t *string) {
    const char *text = json_string_value(string);
    return text != NULL ? (weir_text){text, strlen(text)} : (weir_text){0};
}

/* Both spellings: "left right", and ["left", "right"]. False if the entry is neither. */
static bool as_merge(const json_t *entry, weir_text *left, weir_text *right) {
    if (json_is_string(entry))
        return weir_token_divide_merge(text_of(entry), left, right);
    *left = text_of(json_array_get(entry, 0));
    *right = text_of(json_array_get(entry, 1));
    return json_array_size(entry) == 2 && left->size > 0 && right->size > 0 &&
           strchr(left->data, ' ') == NULL && strchr(right->data, ' ') == NULL;
}

static weir_status read_merge(const source *s, const weir_text_ids *entries, const json_t *entry,
                              size_t i) {
    enum { LONGEST = 4096 };
    char both[LONGEST];
    weir_text left, right;
    if (!as_merge(entry, &left, &right))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                         "%s: merge %zu: expected \"left right\" or [\"left\", \"right\"]", s->path,
                         i);
    size_t n = left.size + right.size;
    if (n > LONGEST)
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: merge %zu is longer than %d bytes",
                         s->path, i, LONGEST);
    memcpy(both, left.data, left.size);
    memcpy(both + left.size, right.data, right.size);
    const weir_text parts[] = {left, right, {both, n}};
    for (size_t k = 0; k < WEIR_COUNT(parts); k++)
        if (weir_text_ids_find(entries, parts[k].data, parts[k].size) < 0)
            return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                             "%s: merge %zu, '%.*s': the vocabulary has no such entry", s->path, i,
                             parts[k].size < SHOWN ? (int)parts[k].size : SHOWN, parts[k].data);
    return weir_token_table_merge(s->table, left, right) ? WEIR_STATUS_OK : weir_hf_no_memory(s);
}

static weir_status read_merges(const source *s, const json_t *merges) {
    if (!json_is_array(merges))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: 'model.merges' is no list", s->path);
    weir_text_ids entries;
    weir_status status = WEIR_STATUS_NO_MEMORY;
    if (!weir_text_ids_open(&entries, s->table->tokens, s->table->n_tokens)) {
        weir_hf_no_memory(s);
        goto fail;
    }
    status = WEIR_STATUS_OK;
    for (size_t id = 0; id < s->table->n_tokens; id++)
        if (s->table->kinds[id] != WEIR_TOKEN_NONE)
            weir_text_ids_add(&entries, (int32_t)id);
    for (size_t i = 0; i < json_array_size(merges); i++)
        WEIR_TRY_GOTO(read_merge(s, &entries, json_array_get(merges, i), i));
fail:
    weir_text_ids_close(&entries);
    return status;
}

/* ---- what stands around a text ------------------------------------------------------------- */

static const json_t *find_template(const json_t *post) {
    if (strcmp(type_of(post), "TemplateProcessing") == 0)
        return post;
    const json_t *list = json_object_get(post, "processors");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(type_of(json_array_get(list, i)), "TemplateProcessing") == 0)
            return json_array_get(list, i);
    return NULL;
}

/* The id of a special token at one end of the template "single"; false if there is none. */
static bool special_at(const source *s, const json_t *template, size_t i, int32_t *id) {
    const json_t *item = json_array_get(json_object_get(template, "single"), i);
    const char *name =
        json_string_value(json_object_get(json_object_get(item, "SpecialToken"), "id"));
    if (name == NULL)
        return false;
    const json_t *special = json_object_get(json_object_get(template, "special_tokens"), name);
    const json_t *value = json_array_get(json_object_get(special, "ids"), 0);
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (*id < 0 && number >= 0 && (uint64_t)number < s->table->n_tokens)
        *id = (int32_t)number;
    return true;
}

/* A file that says nothing is taken as the family's; other files may say more. */
static void read_post_processor(const source *s) {
    const json_t *post = json_object_get(s->root, "post_processor");
    if (post == NULL)
        return;
    const json_t *template = find_template(post);
    size_t n = json_array_size(json_object_get(template, "single"));
    s->table->add_bos = n > 0 && special_at(s, template, 0, &s->table->bos);
    s->table->add_eos = n > 1 && special_at(s, template, n - 1, &s->table->eos);
}

/* ---- the file ------------------------------------------------------------------------------ */

/* Makes room for every id that the file names, where nobody else said how many there are. */
static weir_status find_size(const source *s, json_t *vocab) {
    json_int_t last = -1;
    const char *text;
    json_t *value;
    json_object_foreach(vocab, text, value) {
        last = json_integer_value(value) > last ? json_integer_value(value) : last;
    }
    const json_t *added = json_object_get(s->root, "added_tokens");
    for (size_t i = 0; i < json_array_size(added); i++) {
        json_int_t id = json_integer_value(json_object_get(json_array_get(added, i), "id"));
        last = id > last ? id : last;
    }
    if (last >= WEIR_MAX_TOKENS)
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE,
                         "%s: a token has id %" JSON_INTEGER_FORMAT ", expected ids below %d",
                         s->path, last, WEIR_MAX_TOKENS);
    return weir_token_table_grow(s->table, (size_t)(last + 1)) ? WEIR_STATUS_OK
                                                               : weir_hf_no_memory(s);
}

weir_status weir_hf_read_tokenizer(const source *s) {
    const json_t *model = json_object_get(s->root, "model");
    if (!json_is_object(model))
        return weir_fail(s->err, WEIR_STATUS_BAD_FILE, "%s: has no 'model'", s->path);
    WEIR_TRY(check_kind(s, model));
    json_t *vocab = json_object_get(model, "vocab");
    if (s->table->n_tokens == 0)
        WEIR_TRY(find_size(s, vocab));
    WEIR_TRY(read_vocab(s, vocab));
    WEIR_TRY(read_added_tokens(s, vocab));
    WEIR_TRY(read_merges(s, json_object_get(model, "merges")));
    read_post_processor(s);
    return weir_token_table_pad(s->table) ? WEIR_STATUS_OK : weir_hf_no_memory(s);
}
