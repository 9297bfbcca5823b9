/*
 * lora_convert.c: weir_lora_convert: an adapter read in one form and written in the other. The
 * numbers are those that were read, widened to float32.
 */
#include "base/error.h"
#include "train/lora_file.h"
#include "weir_train.h"

#include <stdlib.h>

/* GGUF holds a whole stack, zeros where an expert has no adapter. A zero A adds nothing whatever B
 * is; such a pair is left out. */
static bool is_nothing(const weir_weight *a) {
    const float *values = (const float *)(const void *)a->data;
    for (size_t i = 0; i < (size_t)a->rows * a->cols; i++)
        if (values[i] != 0.0f)
            return false;
    return true;
}

/* Lists the pairs of one matrix or stack; items NULL: only counts. */
static size_t list_pair(const weir_lora *lora, uint32_t layer, weir_part part,
                        weir_lora_matrix *items) {
    const weir_lora_pair *pair = weir_lora_find(lora, layer, part);
    bool is_stack = weir_part_get_names(part)->is_stack;
    size_t n = 0;
    for (uint32_t e = 0; pair && e < (is_stack ? lora->model->h.n_experts : 1); e++) {
        const weir_weight *a = &pair->a[e], *b = &pair->b[e];
        if (is_stack && is_nothing(a))
            continue;
        if (items)
            items[n] = (weir_lora_matrix){.part = part,
                                          .layer = layer,
                                          .expert = e,
                                          .rows = b->rows,
                                          .cols = a->cols,
                                          .a = (const float *)(const void *)a->data,
                                          .b = (const float *)(const void *)b->data};
        n++;
    }
    return n;
}

static size_t list_all(const weir_lora *lora, weir_lora_matrix *items) {
    size_t n = 0;
    for (uint32_t layer = 0; layer < lora->model->h.n_layers; layer++)
        for (uint32_t part = 0; part < WEIR_N_PARTS; part++)
            n += list_pair(lora, layer, (weir_part)part, items ? items + n : NULL);
    return n;
}

static weir_status check_ranks(const weir_lora *lora, const char *in, weir_error *err) {
    for (uint32_t layer = 0; layer < lora->model->h.n_layers; layer++)
        for (uint32_t part = 0; part < WEIR_N_PARTS; part++) {
            const weir_lora_pair *pair = weir_lora_find(lora, layer, (weir_part)part);
            if (pair && pair->rank != lora->rank)
                return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                                 "%s: %s of layer %u has rank %u, others %u: expected one rank", in,
                                 weir_part_get_names((weir_part)part)->name, layer, pair->rank,
                                 lora->rank);
        }
    return WEIR_STATUS_OK;
}

static weir_status write(const weir_lora *lora, const char *in, const char *out, bool overwrite,
                         weir_error *err) {
    WEIR_TRY(check_ranks(lora, in, err));
    size_t n = list_all(lora, NULL);
    if (n == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: all its numbers are zero", in);
    weir_lora_matrix *items = calloc(n, sizeof *items);
    if (!items)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a list of adapters");
    list_all(lora, items);
    weir_lora_file file = {.h = &lora->model->h,
                           .arch = lora->model->info.arch,
                           .base_name = lora->model->info.name,
                           .name = lora->name,
                           .rank = lora->rank,
                           .alpha = lora->alpha,
                           .is_rank_stabilized = lora->is_rank_stabilized,
                           .item = items,
                           .n = n};
    weir_status status = weir_lora_write(out, &file, overwrite, err);
    free(items);
    return status;
}

weir_status weir_lora_convert(const char *model, const char *in, const char *out, bool overwrite,
                              weir_error *err) {
    weir_model *base = NULL;
    weir_lora *lora = NULL;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY_GOTO(weir_lora_check_out(out, overwrite, err));
    WEIR_TRY_GOTO(weir_model_open(&base, model, err));
    WEIR_TRY_GOTO(weir_lora_open(&lora, base, in, err));
    WEIR_TRY_GOTO(write(lora, in, out, overwrite, err));
fail:
    weir_lora_close(&lora);
    weir_model_close(&base);
    return status;
}
