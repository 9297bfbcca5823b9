/*
 * hf_write.c: a token table as the JSON files of a folder, in the shape of the family's. Owns that
 * shape. Unused ids are left out: in these files they are rows of the embedding and nothing more.
 */
#include "convert/hf_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"

/* The parts of tokenizer.json that are the same in every tokenizer of the family. */
static const char pipeline[] =
    "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
    "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| "
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|"
    "\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"},\"behavior\":\"Isolated\",\"invert\":false},"
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
    "\"use_regex\":false}]},"
    "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,"
    "\"use_regex\":true}}";

weir_status weir_hf_write_file(const char *folder, const char *name, const char *data, size_t n,
                               weir_error *err) {
    char *path = weir_path_join(folder, name);
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", folder);
    weir_out *out = NULL;
    weir_status status;
    WEIR_TRY_GOTO(weir_out_open(&out, path, true, err));
    WEIR_TRY_GOTO(weir_out_write(out, data, n, err));
    WEIR_TRY_GOTO(weir_out_commit(&out, err));
fail:
    weir_out_abort(&out);
    free(path);
    return status;
}

weir_status weir_hf_write_json(const char *folder, const char *name, json_t *root,
                               weir_error *err) {
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    if (text == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s/%s: no memory to write it", folder, name);
    weir_status status = weir_hf_write_file(folder, name, text, strlen(text), err);
    free(text);
    return status;
}

static bool is_added(const weir_token_table *t, size_t id) {
    return t->kinds[id] == WEIR_TOKEN_CONTROL || t->kinds[id] == WEIR_TOKEN_USER_DEFINED;
}

static json_t *text_of(weir_text text) {
    return json_stringn(text.data, text.size);
}

static json_t *flags_of(const weir_token_table *t, size_t id) {
    bool is_special = t->kinds[id] == WEIR_TOKEN_CONTROL;
    return json_pack("{so, sb, sb, sb, sb, sb}", "content", text_of(t->tokens[id]), "lstrip", 0,
                     "normalized", t->is_normalized[id], "rstrip", 0, "single_word", 0, "special",
                     is_special);
}

/* False without memory. */
static bool fill_model(const weir_token_table *t, json_t *vocab, json_t *merges, json_t *added) {
    bool is_whole = true;
    for (size_t id = 0; id < t->n_tokens; id++) {
        if (t->kinds[id] == WEIR_TOKEN_UNUSED)
            continue;
        is_whole &=
            json_object_set_new(vocab, t->tokens[id].data, json_integer((json_int_t)id)) == 0;
        if (!is_added(t, id))
            continue;
        json_t *entry = json_pack("{si}", "id", (int)id), *flags = flags_of(t, id);
        is_whole &= json_object_update(entry, flags) == 0;
        json_decref(flags);
        is_whole &= json_array_append_new(added, entry) == 0;
    }
    for (size_t i = 0; i < t->n_merges; i++)
        is_whole &= json_array_append_new(merges, text_of(t->merges[i])) == 0;
    return is_whole;
}

/* The begin token in front of every text. */
static json_t *post_processor(const weir_token_table *t) {
    if (!t->add_bos || t->bos < 0)
        return json_pack("{ss, sb, sb, sb}", "type", "ByteLevel", "add_prefix_space", 1,
                         "trim_offsets", 0, "use_regex", 1);
    const char *bos = t->tokens[t->bos].data;
    return json_pack(
        "{ss, s[{s{ss, si}}, {s{ss, si}}],"
        " s[{s{ss, si}}, {s{ss, si}}, {s{ss, si}}, {s{ss, si}}], s{s{ss, s[i], s[s]}}}",
        "type", "TemplateProcessing", "single", "SpecialToken", "id", bos, "type_id", 0, "Sequence",
        "id", "A", "type_id", 0, "pair", "SpecialToken", "id", bos, "type_id", 0, "Sequence", "id",
        "A", "type_id", 0, "SpecialToken", "id", bos, "type_id", 1, "Sequence", "id", "B",
        "type_id", 1, "special_tokens", bos, "id", bos, "ids", t->bos, "tokens", bos);
}

static json_t *tokenizer_json(const weir_token_table *t) {
    json_t *vocab = json_object(), *merges = json_array(), *added = json_array();
    json_t *fixed = json_loads(pipeline, 0, NULL);
    json_t *root = NULL;
    if (fixed != NULL && fill_model(t, vocab, merges, added))
        root = json_pack(
            "{ss, sn, sn, sO, sn, sO, so, sO, s{ss, sn, sn, sn, sn, sb, sb, sb, sO, sO}}",
            "version", "1.0", "truncation", "padding", "added_tokens", added, "normalizer",
            "pre_tokenizer", json_object_get(fixed, "pre_tokenizer"), "post_processor",
            post_processor(t), "decoder", json_object_get(fixed, "decoder"), "model", "type", "BPE",
            "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
            0, "byte_fallback", 0, "ignore_merges", t->ignore_merges, "vocab", vocab, "merges",
            merges);
    json_decref(vocab);
    json_decref(merges);
    json_decref(added);
    json_decref(fixed);
    return root;
}

static json_t *id_text(const weir_token_table *t, int32_t id) {
    return id < 0 ? json_null() : text_of(t->tokens[id]);
}

/* Named templates have no file of their own that all readers know, so that all go into this one
 * list; NULL: there is but the one, or no memory. */
static json_t *template_list(const weir_token_table *t) {
    if (t->n_templates == 0)
        return NULL;
    json_t *list = json_array();
    bool is_whole = list != NULL;
    if (t->chat_template.data != NULL)
        is_whole &= json_array_append_new(list, json_pack("{ss, so}", "name", "default", "template",
                                                          text_of(t->chat_template))) == 0;
    for (size_t i = 0; i < t->n_templates; i++)
        is_whole &=
            json_array_append_new(list, json_pack("{so, so}", "name", text_of(t->templates[i].name),
                                                  "template", text_of(t->templates[i].text))) == 0;
    if (is_whole)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *tokenizer_config(const weir_token_table *t) {
    json_t *added = json_object();
    bool is_whole = added != NULL;
    for (size_t id = 0; id < t->n_tokens; id++)
        if (is_added(t, id)) {
            char key[24];
            snprintf(key, sizeof key, "%zu", id);
            is_whole &= json_object_set_new(added, key, flags_of(t, id)) == 0;
        }
    json_t *root = NULL;
    if (is_whole)
        root = json_pack("{sb, sb, sO, so, sb, so, so, ss}", "add_bos_token", t->add_bos,
                         "add_eos_token", t->add_eos, "added_tokens_decoder", added, "bos_token",
                         id_text(t, t->bos), "clean_up_tokenization_spaces", 0, "eos_token",
                         id_text(t, t->eos), "pad_token", id_text(t, t->pad), "tokenizer_class",
                         "PreTrainedTokenizerFast");
    json_decref(added);
    return root;
}

/* ---- generation_config.json ---------------------------------------------------------------- */

static json_t *id_number(int32_t id) {
    return id < 0 ? json_null() : json_integer(id);
}

/* One id, or the model's own and those beside it. */
static json_t *stop_ids(const weir_token_table *t) {
    json_t *list = t->n_stops > 1 ? json_array() : NULL;
    if (list == NULL)
        return id_number(t->eos);
    json_array_append_new(list, id_number(t->eos));
    for (size_t i = 0; i < t->n_stops; i++)
        if (t->stops[i] != t->eos)
            json_array_append_new(list, id_number(t->stops[i]));
    return list;
}

static bool number_of(const weir_gguf *g, const char *key, double *out) {
    const weir_gguf_kv *kv = weir_gguf_find(g, key);
    return kv != NULL && kv->type != WEIR_GGUF_ARRAY && weir_gguf_as_f64(kv, 0, out);
}

json_t *weir_json_real(float v) {
    char text[32];
    double d = v;
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        d = strtod(text, NULL);
        if ((float)d == v)
            break;
    }
    return json_real(d);
}

/* The inverse of weir_sampling_add_meta. */
static void set_sampling(json_t *root, const weir_gguf *g) {
    static const struct {
        const char *from, *to;
    } reals[] = {
        {"general.sampling.top_p", "top_p"},
        {"general.sampling.min_p", "min_p"},
        {"general.sampling.penalty_repeat", "repetition_penalty"},
    };
    double value;
    if (number_of(g, "general.sampling.temp", &value)) {
        json_object_set_new(root, "do_sample", json_boolean(value > 0));
        if (value > 0)
            json_object_set_new(root, "temperature", weir_json_real((float)value));
    }
    if (number_of(g, "general.sampling.top_k", &value))
        json_object_set_new(root, "top_k", json_integer((json_int_t)value));
    for (size_t i = 0; i < WEIR_COUNT(reals); i++)
        if (number_of(g, reals[i].from, &value))
            json_object_set_new(root, reals[i].to, weir_json_real((float)value));
}

static weir_status write_generation(const char *folder, const weir_token_table *t,
                                    const weir_gguf *recommended, weir_error *err) {
    json_t *root = json_pack("{so, so, so}", "bos_token_id", id_number(t->bos), "eos_token_id",
                             stop_ids(t), "pad_token_id", id_number(t->pad));
    if (root != NULL && recommended != NULL)
        set_sampling(root, recommended);
    return weir_hf_write_json(folder, "generation_config.json", root, err);
}

/* ---- all files ----------------------------------------------------------------------------- */

weir_status weir_hf_write_words(const char *folder, const weir_token_table *t, bool has_tokens,
                                const weir_gguf *recommended, weir_error *err) {
    json_t *templates = template_list(t);
    json_t *config = has_tokens ? tokenizer_config(t) : json_object();
    if (templates != NULL)
        json_object_set_new(config, "chat_template", templates);
    weir_status status = WEIR_STATUS_OK;
    if (has_tokens)
        status = weir_hf_write_json(folder, "tokenizer.json", tokenizer_json(t), err);
    if (status == WEIR_STATUS_OK && (has_tokens || templates != NULL))
        status = weir_hf_write_json(folder, "tokenizer_config.json", json_incref(config), err);
    json_decref(config);
    WEIR_TRY(status);
    WEIR_TRY(write_generation(folder, t, recommended, err));
    if (t->chat_template.data == NULL || t->n_templates > 0)
        return WEIR_STATUS_OK;
    return weir_hf_write_file(folder, "chat_template.jinja", t->chat_template.data,
                              t->chat_template.size, err);
}

weir_status weir_hf_write_tokenizer(const char *folder, const weir_token_table *table,
                                    weir_error *err) {
    return weir_hf_write_words(folder, table, true, NULL, err);
}
