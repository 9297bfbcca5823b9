/* engine_shape.c: see engine_shape.h. Keeps nothing between calls. */
#include "engine_shape.h"

#include "base/error.h"
#include "base/topology.h"

#include <string.h>

enum { DEFAULT_SEQS = 64, PROMPT_ROWS = 64, LEAST_BATCH = 512, RUN_SNAPSHOTS = 4 };
enum { AUTO_LOOKUP = 8, MOST_LOOKUP = 16 };

weir_status weir_shape_lookup(uint32_t *n_lookup, const char *text, weir_error *err) {
    *n_lookup = 0;
    if (!text || strcmp(text, "auto") == 0) {
        *n_lookup = AUTO_LOOKUP;
        return WEIR_STATUS_OK;
    }
    if (strcmp(text, "off") == 0)
        return WEIR_STATUS_OK;
    for (const char *c = text; *c && *n_lookup <= MOST_LOOKUP; c++)
        *n_lookup =
            *c >= '0' && *c <= '9' ? *n_lookup * 10 + (uint32_t)(*c - '0') : MOST_LOOKUP + 1;
    if (!*text || *n_lookup > MOST_LOOKUP)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--lookup: '%.40s', expected auto, off, or a number from 0 to %d", text,
                         MOST_LOOKUP);
    return WEIR_STATUS_OK;
}

weir_status weir_shape_lookup_on(uint32_t *n_lookup, const char *device, const char *text,
                                 weir_error *err) {
    if (!device || strcmp(device, "cuda") != 0 || *n_lookup == 0)
        return WEIR_STATUS_OK;
    *n_lookup = 0;
    if (!text || strcmp(text, "auto") == 0)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                     "--lookup: a server on device '%s' guesses nothing, the device runs ahead by "
                     "itself; expected auto or off",
                     device);
}

/* Each guess takes a row of logits and a snapshot. */
void weir_shape_for_run(weir_engine_options *o, uint32_t n_lookup) {
    o->n_out = 1 + n_lookup;
    o->n_snapshots = RUN_SNAPSHOTS + n_lookup;
}

void weir_shape_for_serving(weir_engine_options *o, uint32_t n_lookup) {
    o->n_seqs = o->n_seqs ? o->n_seqs : DEFAULT_SEQS;
    if (o->n_batch == 0)
        o->n_batch = o->n_seqs > LEAST_BATCH ? o->n_seqs : LEAST_BATCH;
    o->n_snapshots = o->n_seqs + (n_lookup > 0 ? MOST_LOOKUP : 0);
    /* besides what decodes: a prompt whose probabilities are wanted runs as many rows a step */
    o->n_out = o->n_seqs + PROMPT_ROWS;
}

weir_status weir_shape_pages(weir_engine_options *o, const weir_model *model, uint64_t kv_bytes,
                             weir_error *err) {
    weir_plan few, most;
    o->n_pages = 0;
    WEIR_TRY(weir_plan_make(&most, model, o, err));
    uint32_t n_most = most.n_pages, n_least = n_most / most.n_seqs;
    o->n_pages = n_least;
    WEIR_TRY(weir_plan_make(&few, model, o, err));
    double page_bytes =
        n_most > n_least ? (double)(most.total_bytes - few.total_bytes) / (double)(n_most - n_least)
                         : 1;
    double n_fit = (double)kv_bytes / page_bytes;
    if (n_fit >= (double)n_most)
        o->n_pages = n_most;
    else if (n_fit > (double)n_least)
        o->n_pages = (uint32_t)n_fit;
    return WEIR_STATUS_OK;
}

weir_status weir_shape_memory(uint64_t *out, const char *device, weir_error *err) {
    weir_device_info info;
    WEIR_TRY(weir_device_look(&info, device, err));
    *out = info.has_own_memory ? info.free_bytes : weir_memory_available();
    return WEIR_STATUS_OK;
}

weir_status weir_shape_activations(const char **out, const weir_model *model, const char *device,
                                   const char *activations, weir_error *err) {
    weir_plan plan;
    const weir_engine_options options = {
        .device = device, .activations = activations, .n_pages = 1, .n_threads = 1};
    WEIR_TRY(weir_plan_make(&plan, model, &options, err));
    *out = plan.activations;
    return WEIR_STATUS_OK;
}
