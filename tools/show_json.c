/*
 * show_json.c: `weir show --json`.
 *
 * Owns the names of the keys, which only ever grow. What is no UTF-8 in a text from the file
 * appears as U+FFFD, so that the output is always JSON.
 */
#include "base/error.h"
#include "eval_quality_meta.h"
#include "eval_result.h"
#include "json_text.h"
#include "show.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *foreign_text(const char *text) {
    return weir_json_text(text, strlen(text));
}

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

/* A float as the decimal that was meant: 1e-05, not 9.9999997473787516e-06. */
static json_t *real(float value) {
    char text[32];
    snprintf(text, sizeof text, "%.7g", (double)value);
    return json_real(strtod(text, NULL));
}

static json_t *model_json(const weir_show *show) {
    const weir_model_info *info = &show->info;
    json_t *o = json_object();
    json_object_set_new(o, "arch", foreign_text(info->arch));
    json_object_set_new(o, "name", foreign_text(info->name));
    json_object_set_new(o, "file_type", foreign_text(info->file_type));
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"n_params", info->n_params},
        {"n_params_active", info->n_params_active},
        {"weight_bytes", info->weight_bytes},
        {"n_layers", info->n_layers},
        {"n_layers_conv", info->n_layers_conv},
        {"n_layers_attn", info->n_layers_attn},
        {"n_layers_dense", info->n_layers_dense},
        {"d_model", info->d_model},
        {"d_ff", info->d_ff},
        {"d_ff_expert", info->d_ff_expert},
        {"n_experts", info->n_experts},
        {"n_experts_used", info->n_experts_used},
        {"n_heads", info->n_heads},
        {"n_heads_kv", info->n_heads_kv},
        {"head_dim", info->head_dim},
        {"n_vocab", info->n_vocab},
        {"n_ctx", info->n_ctx},
        {"l_cache", info->l_cache},
        {"replay_window", info->replay_window},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        json_object_set_new(o, numbers[i].key, number(numbers[i].value));
    json_object_set_new(o, "layers", json_string(show->layers));
    json_object_set_new(o, "norm_eps", real(info->norm_eps));
    json_object_set_new(o, "rope_theta", real(info->rope_theta));
    json_object_set_new(o, "expert_scale", real(info->expert_scale));
    json_object_set_new(o, "is_tied", json_boolean(info->is_tied));
    json_object_set_new(o, "has_conv_bias", json_boolean(info->has_conv_bias));
    json_object_set_new(o, "has_expert_bias", json_boolean(info->has_expert_bias));
    json_object_set_new(o, "has_topk_norm", json_boolean(info->has_topk_norm));
    json_object_set_new(o, "bos", json_integer(info->bos));
    json_object_set_new(o, "eos", json_integer(info->eos));
    json_object_set_new(o, "pad", json_integer(info->pad));
    return o;
}

static json_t *formats_json(const weir_show *show) {
    json_t *list = json_array();
    for (size_t i = 0; i < show->n_types; i++)
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "type", show->type[i].name,
                                              "n_tensors", number(show->type[i].n_tensors), "bytes",
                                              number(show->type[i].bytes)));
    return list;
}

static json_t *quality_json(const weir_quality *q) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "tokens", number(q->n_tokens),
                     "kl_mean", weir_eval_number(q->kl_mean), "kl_p999",
                     weir_eval_number(q->kl_p999), "top1", weir_eval_number(q->top1), "top5",
                     weir_eval_number(q->top5), "experts", weir_eval_number(q->experts),
                     "perplexity", weir_eval_number(q->perplexity), "perplexity_base",
                     weir_eval_number(q->perplexity_base), "corpus", q->corpus);
}

/* The file of `weir pack`: null: there is none. */
static json_t *packed_json(const weir_show *show) {
    weir_packed_info info;
    if (!show->packed.path)
        return json_null();
    if (!show->packed.packed)
        return json_pack("{s:o, s:b, s:o}", "path", foreign_text(show->packed.path), "fits", 0,
                         "trouble", foreign_text(show->packed.trouble.text));
    weir_packed_get_info(show->packed.packed, &info);
    return json_pack("{s:o, s:b, s:o}", "path", foreign_text(info.path), "fits", 1, "bytes",
                     number(info.file_bytes));
}

static json_t *plan_json(const weir_plan *plan) {
    json_t *items = json_array();
    for (size_t i = 0; i < plan->n_items; i++)
        json_array_append_new(items, json_pack("{s:s, s:o}", "what", plan->item[i].what, "bytes",
                                               number(plan->item[i].bytes)));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "n_ctx",
                     number(plan->n_ctx), "n_seqs", number(plan->n_seqs), "n_pages",
                     number(plan->n_pages), "n_batch", number(plan->n_batch), "n_threads",
                     number(plan->n_threads), "n_snapshots", number(plan->n_snapshots), "items",
                     items, "weight_bytes", number(plan->weight_bytes), "engine_bytes",
                     number(plan->engine_bytes), "total_bytes", number(plan->total_bytes));
}

static json_t *memory_json(const weir_show *show) {
    json_t *plans = json_array();
    for (size_t i = 0; i < show->n_plans; i++)
        json_array_append_new(plans, plan_json(&show->plan[i]));
    return json_pack("{s:s, s:o}", "kv_type", show->kv_type, "plans", plans);
}

/* One item of an array as what it is: a number or a truth value reads as JSON, NaN does not. */
static json_t *item_json(const weir_show *show, size_t i, size_t item, bool is_text) {
    size_t n;
    char *text = weir_show_meta_item(show->model, i, item, &n);
    if (!text)
        return NULL;
    json_t *json = is_text ? NULL : json_loadb(text, n, JSON_DECODE_ANY, NULL);
    if (!json)
        json = weir_json_text(text, n);
    free(text);
    return json;
}

static json_t *metadata_json(const weir_show *show) {
    json_t *list = json_array();
    for (size_t i = 0; i < weir_model_n_meta(show->model); i++) {
        const char *key, *type;
        size_t n;
        char *value = weir_show_meta(show->model, i, &key, &type, &n);
        json_t *entry = json_pack("{s:o, s:s, s:o}", "key", foreign_text(key), "type", type,
                                  "value", value ? weir_json_text(value, n) : NULL);
        free(value);
        /* As text an array is its beginning; the items are all there. */
        if (strncmp(type, "arr[", 4) == 0) {
            json_t *items = json_array();
            bool is_text = strcmp(type, "arr[str]") == 0;
            for (size_t item = 0; item < weir_model_meta_n_items(show->model, i); item++)
                json_array_append_new(items, item_json(show, i, item, is_text));
            json_object_set_new(entry, "items", items);
        }
        json_array_append_new(list, entry);
    }
    return list;
}

static json_t *tensors_json(const weir_show *show) {
    json_t *list = json_array();
    for (size_t i = 0; i < weir_model_n_tensors(show->model); i++) {
        weir_tensor_info tensor;
        weir_model_tensor(show->model, i, &tensor);
        json_t *shape = json_array();
        for (uint32_t dim = 0; dim < tensor.n_dims; dim++)
            json_array_append_new(shape, number(tensor.shape[dim]));
        json_t *entry = json_pack("{s:o, s:s, s:o, s:o, s:o}", "name", foreign_text(tensor.name),
                                  "type", tensor.type, "shape", shape, "bytes",
                                  number(tensor.bytes), "offset", number(tensor.file_offset));
        if (show->check) {
            json_object_set_new(entry, "n_nan", number(show->check[i].n_nan));
            json_object_set_new(entry, "n_inf", number(show->check[i].n_inf));
        }
        json_array_append_new(list, entry);
    }
    return list;
}

/* ---- how it reads and talks --------------------------------------------------------------- */

static json_t *id_json(const weir_tokenizer *tokenizer, int32_t id) {
    const char *bytes;
    size_t n;
    if (id < 0)
        return json_null();
    weir_tokenizer_token(tokenizer, id, &bytes, &n);
    return json_pack("{s:i, s:o}", "id", (int)id, "text", weir_json_text(bytes, n));
}

static json_t *tokenizer_json(const weir_show_language *l) {
    const weir_tokenizer_info *info = &l->info;
    if (!l->tokenizer)
        return json_pack("{s:o}", "error", foreign_text(l->trouble));
    json_t *o = json_object();
    json_object_set_new(o, "n_tokens", number(info->n_tokens));
    json_object_set_new(o, "n_normal", number(info->n_normal));
    json_object_set_new(o, "n_control", number(info->n_control));
    json_object_set_new(o, "n_user_defined", number(info->n_user_defined));
    json_object_set_new(o, "n_unused", number(info->n_unused));
    json_object_set_new(o, "n_merges", number(info->n_merges));
    json_object_set_new(o, "bos", id_json(l->tokenizer, info->bos));
    json_object_set_new(o, "eos", id_json(l->tokenizer, info->eos));
    json_object_set_new(o, "pad", id_json(l->tokenizer, info->pad));
    json_object_set_new(o, "add_bos", json_boolean(info->add_bos));
    json_object_set_new(o, "add_eos", json_boolean(info->add_eos));
    json_object_set_new(o, "ignore_merges", json_boolean(info->ignore_merges));
    json_object_set_new(o, "split", foreign_text(info->split));
    json_object_set_new(o, "split_from_file", json_boolean(info->split_from_file));
    json_object_set_new(o, "tool_call_mark", id_json(l->tokenizer, l->call_mark));
    json_object_set_new(o, "think_mark", id_json(l->tokenizer, l->think_mark));
    return o;
}

static json_t *template_json(const weir_show_template *t) {
    json_t *o = json_pack("{s:o, s:o}", "name", foreign_text(t->name), "text",
                          weir_json_text(t->text, t->n));
    if (*t->trouble) {
        json_object_set_new(o, "error", foreign_text(t->trouble));
        return o;
    }
    json_t *switches = json_array();
    for (size_t i = 0; i < t->n_switches; i++)
        json_array_append_new(switches, json_string(t->switch_name[i]));
    json_object_set_new(o, "takes_system", json_boolean(t->takes_system));
    json_object_set_new(o, "takes_tools", json_boolean(t->takes_tools));
    json_object_set_new(o, "takes_tool_calls", json_boolean(t->takes_calls));
    json_object_set_new(o, "takes_tool_results", json_boolean(t->takes_results));
    json_object_set_new(o, "opens_thinking", json_boolean(t->opens_thinking));
    json_object_set_new(o, "drops_thinking", json_boolean(t->drops_thinking));
    json_object_set_new(o, "switches", switches);
    return o;
}

static json_t *templates_json(const weir_show_language *l) {
    json_t *list = json_array();
    for (size_t i = 0; i < l->info.n_templates; i++)
        json_array_append_new(list, template_json(&l->templates[i]));
    return list;
}

static json_t *sampling_json(const weir_show_language *l) {
    const weir_sampling *s = &l->sampling;
    json_t *o = json_object();
    json_object_set_new(o, "temperature", real(s->temperature));
    json_object_set_new(o, "top_k", number(s->top_k));
    json_object_set_new(o, "top_p", real(s->top_p));
    json_object_set_new(o, "min_p", real(s->min_p));
    json_object_set_new(o, "repetition_penalty", real(s->repetition_penalty));
    json_object_set_new(o, "source", json_string(l->sampling_source));
    return o;
}

weir_status weir_show_as_json(const weir_show *show, weir_error *err) {
    json_t *root = json_object();
    json_object_set_new(root, "file", foreign_text(show->path));
    json_object_set_new(root, "model", model_json(show));
    json_object_set_new(root, "formats", formats_json(show));
    json_object_set_new(root, "tokenizer", tokenizer_json(&show->language));
    json_object_set_new(root, "templates", templates_json(&show->language));
    json_object_set_new(root, "sampling", sampling_json(&show->language));
    json_object_set_new(root, "memory", memory_json(show));
    json_object_set_new(root, "packed", packed_json(show));
    weir_quality quality;
    if (weir_eval_quality_find(&quality, show->model))
        json_object_set_new(root, "quality", quality_json(&quality));
    if (show->wants_metadata)
        json_object_set_new(root, "metadata", metadata_json(show));
    if (show->wants_tensors || show->check)
        json_object_set_new(root, "tensors", tensors_json(show));
    if (show->check)
        json_object_set_new(root, "n_bad_tensors", number(show->n_bad));
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(root);
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the JSON");
    puts(text);
    free(text);
    return WEIR_STATUS_OK;
}
