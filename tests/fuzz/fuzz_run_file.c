/* fuzz_run_file.c: any text as a run file of training. What is taken holds what its header
 * promises, what is not says why in one line. */
#include "train/run_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static void walk_source(const weir_run_source *s) {
    demand(s->name && s->name[0] && !strchr(s->name, '/') && s->name[0] != '.');
    demand(!s->path == (s->gen_kind != NULL) && (s->path || s->gen_n > 0));
    demand(s->max_tokens >= 2 && s->weight >= 0);
}

static void walk(const weir_run_file *f) {
    demand(!f->init != (!f->config && !f->config_path) && f->tokenizer);
    demand(f->n_init_layers <= WEIR_MAX_LAYERS && (f->init || f->n_init_layers == 0));
    for (uint32_t i = 0; i < f->n_init_layers; i++)
        demand(f->init_layers[i] < WEIR_MAX_LAYERS);
    demand(f->n_sources > 0 && f->n_sources <= WEIR_RUN_MAX_SOURCES && f->n_steps > 0);
    for (size_t i = 0; i < f->n_sources; i++)
        walk_source(&f->sources[i]);
    for (size_t i = 0; i < f->n_validation; i++)
        walk_source(&f->validation[i]);
    demand(f->n_stages > 0 && f->stages[f->n_stages - 1].until == 1);
    demand(f->micro_tokens >= weir_run_file_longest(f) && f->micro_tokens > 0);
    demand(f->batch_tokens % f->micro_tokens == 0);
    const uint64_t steps[] = {0, f->n_steps / 2, f->n_steps - 1};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const weir_run_stage *stage = &f->stages[weir_run_file_stage(f, steps[i])];
        double sum = 0;
        for (size_t k = 0; k < f->n_sources; k++)
            sum += stage->weights[k];
        demand(sum > 0 && stage->context >= 2);
        double rate = weir_schedule_rate(&f->schedule, steps[i]);
        demand(isfinite(rate) && rate >= 0 && rate <= f->schedule.peak * (1 + 1e-9));
    }
    for (size_t i = 0; i < f->n_prompts; i++)
        demand(f->prompts[i].text && f->prompts[i].text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_run_file file;
    weir_error err = {0};
    weir_hparams h = {.n_layers = 1, .d_model = 64, .n_vocab = 9, .n_heads = 1, .head_dim = 64};
    uint64_t hash;
    weir_status status =
        weir_run_file_parse(&file, (const char *)data, size, "fuzz", "folder", &err);
    if (status == WEIR_STATUS_OK) {
        walk(&file);
        demand(weir_run_file_hash(&file, &h, &hash, &err) == WEIR_STATUS_OK);
    } else {
        demand(status == WEIR_STATUS_BAD_FILE || status == WEIR_STATUS_NO_MEMORY);
        demand(err.status == status && err.text[0] && !strchr(err.text, '\n'));
    }
    weir_run_file_free(&file);
    return 0;
}
