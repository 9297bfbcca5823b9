/* eval_side.c: see eval_side.h. */
#include "eval_side.h"

#include "base/error.h"
#include "engine_shape.h"
#include "interrupt.h"
#include "json_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 128, MOST_CONTEXT = 2048 };

uint32_t weir_eval_default_ctx(const weir_eval_side *side) {
    return side->info.n_ctx < MOST_CONTEXT ? side->info.n_ctx : MOST_CONTEXT;
}

/* ---- the experts ---------------------------------------------------------------------------- */

/* Rows come layer by layer, those of one layer in order. */
static void take_experts(void *context, const char *what, uint32_t layer, const void *data,
                         uint32_t n_rows, uint32_t width) {
    weir_eval_side *s = context;
    const int32_t *chosen = data;
    uint32_t moe = layer - s->info.n_layers_dense, used = s->info.n_experts_used;
    if (strcmp(what, "router_selected") != 0 || layer < s->info.n_layers_dense ||
        moe >= s->n_layers_moe || width != used)
        return;
    for (uint32_t i = 0; i < n_rows && s->n_taken[moe] < s->n_step; i++, s->n_taken[moe]++) {
        uint16_t *to = s->experts + ((size_t)s->n_taken[moe] * s->n_layers_moe + moe) * used;
        for (uint32_t k = 0; k < used; k++)
            to[k] = (uint16_t)chosen[(size_t)i * width + k];
    }
}

static weir_status watch_experts(weir_eval_side *s, weir_error *err) {
    if (s->info.n_experts == 0)
        return WEIR_STATUS_OK;
    s->n_layers_moe = s->info.n_layers - s->info.n_layers_dense;
    s->experts =
        calloc((size_t)s->n_batch * s->n_layers_moe * s->info.n_experts_used, sizeof *s->experts);
    s->n_taken = calloc(s->n_layers_moe, sizeof *s->n_taken);
    if (!s->experts || !s->n_taken)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the experts of %u tokens",
                         s->n_batch);
    weir_observer observer = {.take = take_experts, .context = s};
    weir_engine_observe(s->engine, &observer);
    return WEIR_STATUS_OK;
}

/* ---- life ----------------------------------------------------------------------------------- */

weir_status weir_eval_side_find(weir_eval_side *out, const char *path, weir_error *err) {
    *out = (weir_eval_side){0};
    WEIR_TRY(weir_model_open(&out->model, path, err));
    weir_model_get_info(out->model, &out->info);
    return WEIR_STATUS_OK;
}

weir_status weir_eval_side_open(weir_eval_side *s, const weir_eval_side_options *options,
                                weir_error *err) {
    uint32_t most = options->n_batch > 0 ? options->n_batch : BATCH;
    s->n_batch = options->n_ctx < most ? options->n_ctx : most;
    if (s->n_batch < s->info.replay_window + 1)
        s->n_batch = s->info.replay_window + 1;
    weir_engine_options o = {.device = options->device,
                             .isa = options->isa,
                             .kv_type = options->kv_type ? options->kv_type : "f32",
                             .activations = options->activations,
                             .n_threads = options->n_threads,
                             .n_ctx = options->n_ctx,
                             .n_batch = s->n_batch,
                             .n_out = s->n_batch,
                             .no_prefix_cache = true,
                             .progress = options->progress};
    if (options->loras) {
        WEIR_TRY(weir_adapters_open(&s->adapters, s->model, options->loras, err));
        weir_adapters_use(&s->adapters, &o);
    }
    WEIR_TRY(weir_engine_open(&s->engine, s->model, &o, err));
    WEIR_TRY(weir_seq_open(&s->seq, s->engine, err));
    s->logits = malloc((size_t)s->n_batch * s->info.n_vocab * sizeof *s->logits);
    if (!s->logits)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the logits of %u tokens",
                         s->n_batch);
    return options->wants_experts ? watch_experts(s, err) : WEIR_STATUS_OK;
}

void weir_eval_side_close(weir_eval_side *s) {
    weir_seq_close(&s->seq);
    weir_engine_close(&s->engine);
    weir_adapters_close(&s->adapters);
    weir_model_close(&s->model);
    free(s->logits);
    free(s->experts);
    free(s->n_taken);
    *s = (weir_eval_side){0};
}

/* ---- running -------------------------------------------------------------------------------- */

weir_status weir_eval_side_begin(weir_eval_side *s, const int32_t *tokens, size_t n,
                                 weir_error *err) {
    WEIR_TRY(weir_seq_rewind(s->seq, 0, err));
    return weir_seq_append(s->seq, tokens, n, err);
}

weir_status weir_eval_side_step(weir_eval_side *s, uint32_t n, weir_error *err) {
    weir_chunk chunk = {.seq = s->seq, .n_tokens = n, .logits = s->logits};
    s->n_step = n;
    if (s->n_taken)
        memset(s->n_taken, 0, s->n_layers_moe * sizeof *s->n_taken);
    weir_status status = weir_engine_step(s->engine, &chunk, 1, err);
    if (weir_interrupted()) /* it may show as a step that was given up */
        return weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
    WEIR_TRY(status);
    for (uint32_t i = 0; i < s->n_layers_moe; i++)
        if (s->n_taken && s->n_taken[i] != n)
            return weir_fail(err, WEIR_STATUS_FAILED,
                             "%s: layer %u chose experts for %u of %u tokens", s->info.name,
                             s->info.n_layers_dense + i, s->n_taken[i], n);
    return WEIR_STATUS_OK;
}

/* ---- what it was ---------------------------------------------------------------------------- */

weir_status weir_eval_side_describe(const weir_eval_side_options *options, const weir_model *model,
                                    weir_eval_result *result, weir_error *err) {
    const char *activations;
    WEIR_TRY(
        weir_shape_activations(&activations, model, options->device, options->activations, err));
    json_t *loras = json_array();
    for (size_t i = 0; options->loras && i < options->loras->n; i++)
        json_array_append_new(
            loras, weir_json_text(options->loras->item[i], strlen(options->loras->item[i])));
    weir_eval_result_set(result, "kv_type",
                         json_string(options->kv_type ? options->kv_type : "f32"));
    weir_eval_result_set(result, "activations", json_string(activations));
    if (options->device)
        weir_eval_result_set(result, "device", json_string(options->device));
    weir_eval_result_set(result, "lora", loras);
    return WEIR_STATUS_OK;
}
