/*
 * lora_train.c: fine-tuning: a frozen model, adapters beside the matrices that were chosen, one
 * file of conversations.
 *
 * The base stays in the form of its file; its matrices are dequantized when they are used
 * (graph_linear.c). The bias of the experts is frozen like all else.
 */
#include "base/clock.h"
#include "base/error.h"
#include "text/tokenizer.h"
#include "train/data.h"
#include "train/lora_file.h"
#include "train/optimizer.h"
#include "train/schedule.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_RANK = 8,
    DEFAULT_EPOCHS = 3,
    DEFAULT_BATCH = 2048,
    LEAST_BATCH = 256,
    EPOCH_STEPS = 32,
    DEFAULT_SAMPLE = 1024,
    MOST_ROWS = 8192,       /* of one micro-batch */
    MOST_COUNTED = 1 << 28, /* rows */
    NAME_LIST = 300
};
static const float default_alpha = 16.0f;
static const double peak_clip = 1.0;

typedef struct lora_run {
    const weir_lora_options *o;
    weir_model *model;
    weir_shard *shard;
    weir_loader *loader;
    weir_batch_room room;
    weir_trainer_device *dev;
    weir_graph *graph;
    weir_optimizer *optimizer;
    float *row_loss;
    bool *is_used; /* [n_patterns] */
    uint32_t rank;
    float alpha;
    uint32_t batch_tokens, max_tokens;
    weir_train_report report;
    double started_s;
} lora_run;

/* ---- which matrices ------------------------------------------------------------------------- */

/* By either name, whole or without the layer: "attn_q", "self_attn.q_proj", "blk.3.*". */
static bool matches(const char *pattern, const weir_linear_slot *slot) {
    const weir_part_names *names = weir_part_get_names(slot->part);
    char gguf[WEIR_GGUF_NAME];
    static const char ending[] = ".weight";
    weir_part_gguf_name(gguf, slot->part, slot->layer);
    gguf[strlen(gguf) - strlen(ending)] = 0;
    const char *hf = slot->name;
    const char *dot = strchr(gguf + strlen("blk."), '.');
    const char *tail = hf + strlen("model.layers.");
    const char *hf_dot = strchr(tail, '.');
    const char *candidates[] = {names->name, gguf, hf, dot ? dot + 1 : gguf,
                                hf_dot ? hf_dot + 1 : hf};
    for (size_t i = 0; i < WEIR_COUNT(candidates); i++)
        if (fnmatch(pattern, candidates[i], 0) == 0)
            return true;
    return false;
}

static bool is_expert(weir_part part) {
    return weir_part_get_names(part)->is_stack;
}

static bool is_chosen(void *context, const weir_linear_slot *slot) {
    lora_run *run = context;
    const weir_lora_options *o = run->o;
    if (!weir_lora_may_adapt(slot->part))
        return false;
    if (o->n_patterns == 0)
        return slot->part != WEIR_PART_ROUTER && (o->with_experts || !is_expert(slot->part));
    bool is_match = o->with_experts && is_expert(slot->part);
    for (size_t i = 0; i < o->n_patterns; i++)
        if (matches(o->patterns[i], slot))
            is_match = run->is_used[i] = true;
    return is_match;
}

/* The short names of what this model has, for the message about a pattern that matches nothing. */
static void list_parts(const weir_model *model, char text[NAME_LIST]) {
    size_t n = 0;
    text[0] = 0;
    for (uint32_t part = 0; part < WEIR_N_PARTS; part++) {
        bool is_there = false;
        for (uint32_t i = 0; i < model->h.n_layers; i++)
            is_there |= weir_lora_may_adapt((weir_part)part) &&
                        weir_part_find(model, (weir_part)part, i).weight;
        if (is_there && n < NAME_LIST)
            n += (size_t)snprintf(text + n, NAME_LIST - n, "%s%s", n > 0 ? ", " : "",
                                  weir_part_get_names((weir_part)part)->name);
    }
}

/* The filter is asked for every matrix when the graph is planned; here for the patterns alone. */
static weir_status check_patterns(lora_run *run, weir_error *err) {
    char list[NAME_LIST];
    for (size_t i = 0; i < run->o->n_patterns; i++) {
        if (run->is_used[i])
            continue;
        list_parts(run->model, list);
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "'%.80s' is the name of no matrix of this model; it has %s (docs/lora.md)",
                         run->o->patterns[i], list);
    }
    return WEIR_STATUS_OK;
}

/* ---- opening -------------------------------------------------------------------------------- */

static void tell_cuts(const lora_run *run, const weir_pack_report *report) {
    char note[160];
    if (report->n_cut > 0 && run->o->on_note) {
        snprintf(note, sizeof note, "%llu of %llu samples are longer than %u tokens and were cut",
                 (unsigned long long)report->n_cut, (unsigned long long)report->n_samples,
                 run->max_tokens);
        run->o->on_note(run->o->context, note);
    }
    if (report->n_left_out > 0 && run->o->on_note) {
        snprintf(note, sizeof note,
                 "%llu more were left out: what they teach lies behind their first %u tokens",
                 (unsigned long long)report->n_left_out, run->max_tokens);
        run->o->on_note(run->o->context, note);
    }
}

static weir_status open_data(lora_run *run, const char *data, const char *model, weir_error *err) {
    weir_pack_options pack = {
        .path = data,
        .tokenizer = model,
        .assistant_only = !run->o->all_targets,
        .max_tokens = run->max_tokens,
        .n_threads = run->o->n_threads,
        .progress = {.context = run->o->context, .is_cancelled = run->o->wants_stop}};
    weir_pack_report report;
    WEIR_TRY(weir_shard_make(&run->shard, &pack, &report, err));
    tell_cuts(run, &report);
    return WEIR_STATUS_OK;
}

/* Windows no longer than the longest sample: a batch takes as many as fit, and is not to hold more
 * than was asked for because one sample could be long. */
static void fit_window(lora_run *run) {
    size_t longest = 2;
    for (uint64_t i = 0; i < weir_shard_n_samples(run->shard); i++) {
        size_t n = weir_shard_sample_n(run->shard, i);
        longest = n > longest ? n : longest;
    }
    if (longest < run->max_tokens)
        run->max_tokens = (uint32_t)longest;
}

/* Little data in large batches would be over before the adapter has moved: an epoch gets
 * EPOCH_STEPS steps at least, as far as batches stay worth their work. */
static void fit_batch(lora_run *run) {
    uint64_t fit = weir_shard_n_tokens(run->shard) / EPOCH_STEPS;
    if (run->o->batch_tokens > 0)
        return;
    fit = fit > LEAST_BATCH ? fit : LEAST_BATCH;
    run->batch_tokens = fit < DEFAULT_BATCH ? (uint32_t)fit : DEFAULT_BATCH;
}

/* weir_lora_open takes no rank beyond the longer side: it would be numbers for nothing. */
static weir_status check_rank(const lora_run *run, weir_error *err) {
    for (size_t i = 0; i < weir_graph_n_slots(run->graph); i++) {
        const weir_linear_slot *slot = weir_graph_slot(run->graph, i);
        if (slot->rank > (slot->rows > slot->cols ? slot->rows : slot->cols))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "rank %u is beyond %s (%u x %u)",
                             slot->rank, weir_part_get_names(slot->part)->name, slot->rows,
                             slot->cols);
    }
    return WEIR_STATUS_OK;
}

static weir_status open_graph(lora_run *run, weir_error *err) {
    const weir_lora_options *o = run->o;
    fit_window(run);
    fit_batch(run);
    uint32_t rows = run->batch_tokens < MOST_ROWS ? run->batch_tokens : MOST_ROWS;
    rows = rows > run->max_tokens ? rows : run->max_tokens;
    weir_trainer_device_options device = {.isa = o->isa, .n_threads = o->n_threads};
    weir_graph_options graph = {
        .model = run->model,
        .is_frozen = true,
        .adapter_filter = is_chosen,
        .adapter_context = run,
        .lora_rank = run->rank,
        .lora_scale = run->alpha / (o->rank_stabilized ? sqrtf((float)run->rank) : run->rank),
        .lora_dropout = o->dropout,
        .n_rows = rows,
        .recompute = o->recompute};
    weir_optimizer_options optimizer = {.beta2 = 0.99f, .clip = (float)peak_clip};
    weir_loader_source source = {.shard = run->shard, .name = "data", .weight = 1};
    weir_error cause = {0};
    WEIR_TRY(weir_trainer_device_open(&run->dev, &device, err));
    weir_status status = weir_graph_open(&run->graph, run->dev, &graph, &cause);
    WEIR_TRY(check_patterns(run, err));
    if (status != WEIR_STATUS_OK)
        return weir_fail(err, status, "%s", cause.text);
    WEIR_TRY(check_rank(run, err));
    weir_graph_init(run->graph, o->seed);
    WEIR_TRY(weir_optimizer_open(&run->optimizer, run->graph, &optimizer, err));
    WEIR_TRY(weir_loader_open(&run->loader, &source, 1, run->max_tokens, o->seed, err));
    WEIR_TRY(weir_batch_room_open(&run->room, rows, err));
    run->row_loss = calloc(rows, sizeof *run->row_loss);
    if (!run->row_loss)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the losses of a batch");
    return WEIR_STATUS_OK;
}

/* ---- what is told before the first step ------------------------------------------------------ */

static void tell_parts(const lora_run *run) {
    for (uint32_t part = 0; part < WEIR_N_PARTS && run->o->on_part; part++) {
        weir_adapted_part told = {.part = weir_part_get_names((weir_part)part)->name};
        for (size_t i = 0; i < weir_graph_n_slots(run->graph); i++) {
            const weir_linear_slot *slot = weir_graph_slot(run->graph, i);
            if (slot->part != (weir_part)part || slot->rank == 0)
                continue;
            told.n_matrices++;
            told.rows = slot->rows;
            told.cols = slot->cols;
            told.n_params += (uint64_t)slot->rank * (slot->rows + slot->cols);
        }
        if (told.n_matrices > 0)
            run->o->on_part(run->o->context, &told);
    }
}

/* The first sample as text, with which of its bytes are learned. */
static weir_status tell_sample(const lora_run *run, const char *model, weir_error *err) {
    size_t n = weir_shard_sample_n(run->shard, 0), n_text = 0, cap = 1;
    weir_tokenizer *tokenizer = NULL;
    if (!run->o->on_sample)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_tokenizer_open(&tokenizer, model, NULL, err));
    weir_status status = WEIR_STATUS_OK;
    int32_t *ids = malloc(n * sizeof *ids);
    bool *is_target = malloc(n * sizeof *is_target), *of_byte = NULL;
    char *text = NULL;
    if (ids && is_target) {
        weir_shard_read(run->shard, 0, 0, n, ids, is_target);
        for (size_t i = 0; i < n; i++) {
            const char *bytes;
            size_t n_bytes;
            weir_tokenizer_token(tokenizer, ids[i], &bytes, &n_bytes);
            cap += n_bytes;
        }
        text = malloc(cap);
        of_byte = malloc(cap * sizeof *of_byte);
    }
    if (!text || !of_byte) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a sample");
        goto fail;
    }
    for (size_t i = 0; i < n; i++) {
        const char *bytes;
        size_t n_bytes;
        weir_tokenizer_token(tokenizer, ids[i], &bytes, &n_bytes);
        memcpy(text + n_text, bytes, n_bytes);
        for (size_t j = 0; j < n_bytes; j++)
            of_byte[n_text + j] = is_target[i];
        n_text += n_bytes;
    }
    run->o->on_sample(run->o->context, text, of_byte, n_text);
fail:
    free(ids);
    free(is_target);
    free(of_byte);
    free(text);
    weir_tokenizer_close(&tokenizer);
    return status;
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* Wide models take small steps: what one step changes grows with the width. 2e-4, the usual rate of
 * adapters, is for 2048 and more. Narrower ones get it times (2048 / width)^1.5: 4.5e-3 for
 * weir-nano at 256, where 200 short chats were learned well with 6e-3 and hardly with 1.6e-3. */
static double default_rate(const weir_model *model) {
    double factor = pow(2048.0 / model->h.d_model, 1.5);
    factor = factor < 1 ? 1 : factor > 30 ? 30 : factor;
    return 2e-4 * factor;
}

/* What a step has drawn so far. */
typedef struct drawn {
    uint64_t n_rows, n_targets;
} drawn;

/* A step is full when the longest window would bring it over batch_tokens, but for one that has
 * less than half of them: such a step would count as much as a whole one. */
static bool is_full(const lora_run *run, const drawn *d) {
    return d->n_targets > 0 && d->n_rows >= run->batch_tokens / 2 &&
           d->n_rows + run->max_tokens > run->batch_tokens;
}

/* The next batch of a step: as much as fits in what is left of its tokens, a window at least. */
static weir_status draw(lora_run *run, drawn *d, weir_error *err) {
    uint64_t left = run->batch_tokens > d->n_rows ? run->batch_tokens - d->n_rows : 1;
    run->room.most_rows = left < run->room.cap_rows ? (uint32_t)left : run->room.cap_rows;
    WEIR_TRY(weir_loader_next(run->loader, &run->room, err));
    d->n_rows += run->room.batch.n_rows;
    d->n_targets += run->room.n_targets;
    return WEIR_STATUS_OK;
}

/* How many steps the epochs are: windows are whole, so only drawing them tells. Rows beyond
 * MOST_COUNTED, hours of work, are taken to be like those before. */
static weir_status count_steps(lora_run *run, weir_error *err) {
    static const weir_loader_cursor beginning;
    weir_train_report *r = &run->report;
    uint64_t n_epochs = run->o->n_epochs > 0 ? run->o->n_epochs : DEFAULT_EPOCHS, n_rows = 0;
    uint64_t all = n_epochs * weir_loader_epoch_rows(run->loader, 0), n = 0;
    uint64_t most = run->o->max_steps > 0 ? run->o->max_steps : UINT64_MAX;
    for (; n < most && n_rows < all && n_rows < MOST_COUNTED; n++) {
        drawn d = {0};
        while (!is_full(run, &d))
            WEIR_TRY(draw(run, &d, err));
        n_rows += d.n_rows;
    }
    weir_loader_set_cursors(run->loader, &beginning);
    r->n_steps = n;
    if (n < most && n_rows < all) {
        double n_all = ceil((double)n * ((double)all / (double)n_rows));
        r->n_steps = n_all < (double)most ? (uint64_t)n_all : most;
    }
    r->n_tokens_all = (uint64_t)((double)n_rows * ((double)r->n_steps / (double)n));
    return WEIR_STATUS_OK;
}

/* One step: batches until batch_tokens rows are through. */
static weir_status step(lora_run *run, double rate, weir_error *err) {
    drawn d = {0};
    double loss = 0;
    size_t n_values = weir_graph_n_values(run->graph);
    weir_graph_clear_gradients(run->graph);
    do {
        run->room.batch.dropout_key = run->report.n_tokens + d.n_rows + 1;
        WEIR_TRY(draw(run, &d, err));
        WEIR_TRY(weir_graph_run(run->graph, &run->room.batch, 1.0f, run->row_loss, err));
        for (uint32_t r = 0; r < run->room.batch.n_rows; r++)
            loss += (double)run->row_loss[r];
    } while (!is_full(run, &d));
    float *gradients = weir_graph_gradients(run->graph);
    float scale = (float)(1.0 / (double)d.n_targets);
    for (size_t i = 0; i < n_values; i++)
        gradients[i] *= scale;
    double norm = weir_optimizer_norm(run->optimizer);
    run->report.loss = loss / (double)d.n_targets;
    if (!isfinite(run->report.loss) || !isfinite(norm))
        return weir_fail(
            err, WEIR_STATUS_FAILED,
            "step %llu: the loss is no number any more; a lower learning rate may help",
            (unsigned long long)run->report.step + 1);
    weir_optimizer_step(run->optimizer, rate, norm);
    run->report.gradient_norm = norm;
    run->report.learning_rate = rate;
    run->report.n_tokens += d.n_rows;
    return WEIR_STATUS_OK;
}

static void tell_step(lora_run *run, double progress) {
    weir_train_report *r = &run->report;
    r->seconds = weir_clock_s() - run->started_s;
    r->tokens_per_s = (double)r->n_tokens / (r->seconds > 0 ? r->seconds : 1);
    r->seconds_left = progress > 0 ? r->seconds * (1 - progress) / progress : 0;
    r->seconds_left = r->seconds_left > 0 ? r->seconds_left : 0;
    r->eval_loss = r->eval_bits_per_byte = NAN;
    if (run->o->on_step)
        run->o->on_step(run->o->context, r);
}

/* How much of the run is over: of its steps, or of its time where that is less. */
static double progress_of(const lora_run *run) {
    double steps = (double)run->report.step / (double)run->report.n_steps;
    double time =
        run->o->max_seconds > 0 ? (weir_clock_s() - run->started_s) / run->o->max_seconds : 0;
    return steps > time ? steps : time;
}

static weir_status train(lora_run *run, weir_error *err) {
    enum { PARTS = 1000 }; /* the schedule's steps: progress is no whole number when time ends it */
    const weir_lora_options *o = run->o;
    weir_schedule schedule = {.kind = WEIR_SCHEDULE_COSINE,
                              .peak = o->learning_rate > 0 ? (double)o->learning_rate
                                                           : default_rate(run->model),
                              .n_steps = PARTS,
                              .warmup = 0.05,
                              .floor = 0.05};
    WEIR_TRY(count_steps(run, err));
    run->started_s = weir_clock_s();
    for (double progress = 0; progress < 1; progress = progress_of(run)) {
        if (o->wants_stop && o->wants_stop(o->context)) {
            if (run->report.step > 0)
                break;
            return weir_fail(err, WEIR_STATUS_CANCELLED,
                             "stopped before the first step; nothing is written");
        }
        WEIR_TRY(step(run, weir_schedule_rate(&schedule, (uint64_t)(progress * PARTS)), err));
        run->report.step++;
        tell_step(run, progress_of(run));
    }
    return WEIR_STATUS_OK;
}

/* ---- the file ------------------------------------------------------------------------------- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static weir_status write_adapter(const lora_run *run, const char *out, weir_error *err) {
    size_t n = 0, n_slots = weir_graph_n_slots(run->graph);
    weir_lora_matrix *items = calloc(n_slots, sizeof *items);
    if (!items)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a list of adapters");
    for (size_t i = 0; i < n_slots; i++) {
        const weir_linear_slot *s = weir_graph_slot(run->graph, i);
        if (s->rank > 0)
            items[n++] = (weir_lora_matrix){.part = s->part,
                                            .layer = s->layer,
                                            .expert = is_expert(s->part) ? s->expert : 0,
                                            .rows = s->rows,
                                            .cols = s->cols,
                                            .a = s->lora_a,
                                            .b = s->lora_b};
    }
    weir_lora_file file = {.h = &run->model->h,
                           .arch = run->model->info.arch,
                           .base_name = run->model->info.name,
                           .name = base_name(out),
                           .rank = run->rank,
                           .alpha = run->alpha,
                           .is_rank_stabilized = run->o->rank_stabilized,
                           .item = items,
                           .n = n};
    weir_status status = weir_lora_write(out, &file, run->o->overwrite, err);
    free(items);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static weir_status check(lora_run *run, weir_error *err) {
    const weir_lora_options *o = run->o;
    run->rank = o->rank > 0 ? o->rank : DEFAULT_RANK;
    run->alpha = o->alpha != 0 ? o->alpha : default_alpha;
    run->batch_tokens = o->batch_tokens;
    run->max_tokens = o->max_tokens > 0 ? o->max_tokens : DEFAULT_SAMPLE;
    if (run->rank > 1024)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "rank %u, expected 1024 at most",
                         run->rank);
    if (run->max_tokens < 2)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "samples of %u tokens, expected at least 2",
                         run->max_tokens);
    if (!(o->dropout >= 0 && o->dropout < 1))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "dropout %g, expected 0 to below 1",
                         (double)o->dropout);
    if (o->learning_rate < 0 || !isfinite(o->learning_rate) || !isfinite(run->alpha))
        return weir_fail(
            err, WEIR_STATUS_BAD_ARGUMENT,
            "learning rate %g and alpha %g, expected finite numbers, the rate positive",
            (double)o->learning_rate, (double)run->alpha);
    run->is_used = calloc(o->n_patterns + 1, sizeof *run->is_used);
    if (!run->is_used)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the patterns");
    return WEIR_STATUS_OK;
}

/* Windows no longer than what the model is made for. */
static weir_status check_context(lora_run *run, weir_error *err) {
    uint32_t n_ctx = run->model->h.n_ctx;
    if (run->o->max_tokens > n_ctx)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "samples of %u tokens, but the model is made for %u at most",
                         run->o->max_tokens, n_ctx);
    if (run->max_tokens > n_ctx)
        run->max_tokens = n_ctx;
    return WEIR_STATUS_OK;
}

static void close_run(lora_run *run) {
    weir_batch_room_close(&run->room);
    weir_loader_close(&run->loader);
    weir_optimizer_close(&run->optimizer);
    weir_graph_close(&run->graph);
    weir_trainer_device_close(&run->dev);
    weir_shard_close(&run->shard);
    weir_model_close(&run->model);
    free(run->row_loss);
    free(run->is_used);
}

weir_status weir_lora_train(const char *data, const char *model, const char *out,
                            const weir_lora_options *options, weir_error *err) {
    static const weir_lora_options defaults;
    lora_run run = {.o = options ? options : &defaults};
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY_GOTO(check(&run, err));
    WEIR_TRY_GOTO(weir_lora_check_out(out, run.o->overwrite, err));
    WEIR_TRY_GOTO(weir_model_open(&run.model, model, err));
    WEIR_TRY_GOTO(check_context(&run, err));
    WEIR_TRY_GOTO(open_data(&run, data, model, err));
    WEIR_TRY_GOTO(open_graph(&run, err));
    tell_parts(&run);
    WEIR_TRY_GOTO(tell_sample(&run, model, err));
    WEIR_TRY_GOTO(train(&run, err));
    WEIR_TRY_GOTO(write_adapter(&run, out, err));
fail:
    close_run(&run);
    return status;
}
