/* bench_measure.c: see bench_measure.h. Owns the engines: one for prompts, one for decoding. */
#include "bench_measure.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "console.h"
#include "interrupt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct bench {
    weir_bench_file *file;
    const weir_bench_plan *plan;
    weir_bench_model needs;
    weir_model *model;
    weir_engine *engine;
    weir_seq *base;          /* of decoding */
    weir_seq **seqs;         /* [most_batch] */
    weir_chunk *chunks;      /* [most_batch] */
    weir_sampler **samplers; /* [most_batch] of decoding, where the device draws; else of NULL */
    uint32_t most_batch;
    int32_t *tokens; /* [n_tokens] of the longest timeline */
    uint32_t n_tokens;
    uint64_t run;         /* decides the tokens: weir_bench_run */
    uint64_t cache_bytes; /* for experts that are read from their file; 0: none are */
    double start_s;
    double bytes_per_s; /* that the machine read when it was last asked; 0: it was not */
    size_t n_done, n_all;
} bench;

enum { LEAST_STEPS = 2, PAGE_TOKENS = 64 };
static const double repetition_s = 0.2;

uint32_t weir_bench_room(uint32_t depth) {
    return depth + WEIR_BENCH_MOST_STEPS + 1; /* and the step that is not counted */
}

uint64_t weir_bench_run(const weir_bench_cell *cell, uint32_t repetition) {
    return weir_mix64(1 + (uint64_t)repetition, cell->batch, cell->depth);
}

int32_t weir_bench_token(uint64_t run, uint32_t timeline, uint64_t at, uint32_t n_vocab) {
    return (int32_t)(weir_mix64(run, timeline, at) % n_vocab);
}

static uint32_t greater(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static uint32_t lesser(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static weir_engine_options options_of(const weir_bench_plan *plan) {
    return (weir_engine_options){.device = plan->device,
                                 .isa = plan->isa,
                                 .kv_type = plan->kv_type,
                                 .activations = plan->activations,
                                 .n_threads = plan->n_threads,
                                 .n_batch = plan->n_step,
                                 .n_snapshots = 1,
                                 .no_pin = plan->no_pin,
                                 .packed = plan->packed,
                                 .no_prefix_cache = true,
                                 .progress = plan->progress};
}

/* ---- the machine in between ------------------------------------------------------------------ */

/* Only to be compared with each other: much of so small a buffer may come from the caches. */
static weir_status look_at_machine(bench *b, weir_error *err) {
    weir_machine machine;
    const double seconds = 0.1;
    enum { LEAST = 64 << 20 };
    uint64_t caches = 2 * (uint64_t)b->file->limits.cache_bytes;
    weir_machine_options options = {
        .buffer_bytes =
            caches > LEAST ? caches : LEAST, /* less than the probe's: it is often done */
        .n_threads = b->plan->n_threads,
        .seconds = seconds,
        .only = WEIR_MACHINE_READING};
    /* Beside an engine that fills all of --ram the buffer would be too much. */
    if (b->plan->no_probe || b->plan->ram.bytes > 0)
        return WEIR_STATUS_OK;
    /* The kernels may be capped below what is best for reading; the limit is the machine's. */
    WEIR_TRY(weir_machine_probe(&machine, &options, err));
    b->bytes_per_s = 0;
    for (size_t i = 0; i < WEIR_MACHINE_STREAMS; i++)
        b->bytes_per_s = fmax(b->bytes_per_s, machine.read_bytes_per_s[machine.n_teams - 1][i]);
    return WEIR_STATUS_OK;
}

/* ---- engines and tokens ------------------------------------------------------------------------
 */

static void close_engine(bench *b) {
    for (uint32_t i = 0; b->seqs && i < b->most_batch; i++)
        weir_seq_close(&b->seqs[i]);
    for (uint32_t i = 0; b->samplers && i < b->most_batch; i++)
        weir_sampler_close(&b->samplers[i]);
    weir_seq_close(&b->base);
    weir_interrupt_with_care(NULL);
    weir_engine_close(&b->engine);
    free(b->seqs);
    free(b->chunks);
    free(b->samplers);
    free(b->tokens);
    b->seqs = NULL;
    b->chunks = NULL;
    b->samplers = NULL;
    b->tokens = NULL;
}

/* Numbers of two engines do not belong into one file. */
static weir_status check_engine(bench *b, weir_error *err) {
    char text[sizeof b->file->engine];
    snprintf(text, sizeof text, "%s", weir_engine_describe(b->engine));
    if (!b->file->engine[0])
        memcpy(b->file->engine, text, sizeof text);
    if (strcmp(b->file->engine, text) != 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "the results that are to be resumed are of \"%s\", this run is of \"%s\"",
                         b->file->engine, text);
    return WEIR_STATUS_OK;
}

static void draw_tokens(bench *b, uint64_t run) {
    for (uint32_t i = 0; i < b->n_tokens; i++)
        b->tokens[i] = weir_bench_token(run, 0, i, b->needs.info.n_vocab);
}

static weir_status find_cache(bench *b, const weir_engine_options *options, weir_error *err) {
    weir_plan plan;
    WEIR_TRY(weir_plan_make(&plan, b->model, options, err));
    b->cache_bytes = 0;
    for (size_t i = 0; i < plan.n_items && plan.streamed_bytes > 0; i++)
        if (strcmp(plan.item[i].what, "experts, cached") == 0)
            b->cache_bytes = plan.item[i].bytes;
    return WEIR_STATUS_OK;
}

static weir_status open_engine(bench *b, weir_engine_options *options, weir_error *err) {
    b->n_tokens = options->n_ctx;
    b->tokens = malloc(b->n_tokens * sizeof *b->tokens);
    b->seqs = calloc(b->most_batch, sizeof *b->seqs);
    b->chunks = calloc(b->most_batch, sizeof *b->chunks);
    b->samplers = calloc(b->most_batch, sizeof *b->samplers);
    if (!b->tokens || !b->seqs || !b->chunks || !b->samplers)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %u tokens", b->n_tokens);
    draw_tokens(b, 0);
    WEIR_TRY(weir_ram_use(options, b->model, &b->plan->ram, err));
    WEIR_TRY(weir_engine_open(&b->engine, b->model, options, err));
    WEIR_TRY(find_cache(b, options, err));
    WEIR_TRY(check_engine(b, err));
    weir_interrupt_with_care(b->engine);
    if (!b->plan->with_phases)
        return WEIR_STATUS_OK;
    weir_profile none; /* is it there at all? */
    WEIR_TRY(weir_engine_profile_begin(b->engine, err));
    weir_engine_profile_end(b->engine, &none);
    return WEIR_STATUS_OK;
}

static weir_status check_interrupt(weir_error *err) {
    return weir_interrupted() ? weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted")
                              : WEIR_STATUS_OK;
}

/* ---- phases ------------------------------------------------------------------------------------
 */

static weir_status begin_phases(bench *b, weir_error *err) {
    return b->plan->with_phases ? weir_engine_profile_begin(b->engine, err) : WEIR_STATUS_OK;
}

/* What was counted since then is added to *sum. */
static void end_phases(bench *b, weir_profile *sum) {
    weir_profile more;
    if (!b->plan->with_phases)
        return;
    weir_engine_profile_end(b->engine, &more);
    for (uint32_t i = 0; i < more.n_phases; i++)
        more.phase[i].seconds += sum->phase[i].seconds;
    more.n_steps += sum->n_steps;
    more.n_barriers += sum->n_barriers;
    more.seconds += sum->seconds;
    *sum = more;
}

/* ---- prompts -----------------------------------------------------------------------------------
 */

static weir_status run_prompt(bench *b, uint32_t n_tokens, double *seconds, weir_error *err) {
    weir_seq *seq;
    WEIR_TRY(weir_seq_open(&seq, b->engine, err));
    weir_status status = weir_seq_append(seq, b->tokens, n_tokens, err);
    double start_s = weir_clock_s();
    if (status == WEIR_STATUS_OK)
        status = weir_seq_run(seq, err);
    *seconds = weir_clock_s() - start_s;
    weir_seq_close(&seq);
    return status;
}

static weir_status measure_prompt(bench *b, weir_bench_cell *cell, weir_error *err) {
    double unused;
    draw_tokens(b, weir_bench_run(cell, 0));
    /* Workers, pages and caches get warm on a piece of it. */
    WEIR_TRY(run_prompt(b, lesser(cell->n_tokens, b->plan->n_step), &unused, err));
    WEIR_TRY(begin_phases(b, err));
    for (; cell->n < b->plan->n_repeats; cell->n++) {
        draw_tokens(b, weir_bench_run(cell, 1 + (uint32_t)cell->n));
        WEIR_TRY(run_prompt(b, cell->n_tokens, &cell->seconds[cell->n], err));
        WEIR_TRY(check_interrupt(err));
    }
    end_phases(b, &cell->profile);
    weir_bench_need need = weir_bench_prefill_need(&b->needs, cell->n_tokens, cell->batch);
    cell->read_bytes = need.read_bytes;
    cell->kv_bytes = need.kv_bytes;
    cell->macs = need.macs;
    return WEIR_STATUS_OK;
}

/* ---- decoding ----------------------------------------------------------------------------------
 */

static weir_status grow_base(bench *b, uint32_t depth, weir_error *err) {
    size_t n = weir_seq_n_tokens(b->base);
    /* By the step, so that progress is seen and Ctrl-C is heard. */
    while (n < depth) {
        size_t more = lesser(depth - (uint32_t)n, b->plan->n_step);
        WEIR_TRY(weir_seq_append(b->base, b->tokens + n, more, err));
        WEIR_TRY(weir_seq_run(b->base, err));
        WEIR_TRY(check_interrupt(err));
        n += more;
        if (b->plan->progress.report)
            b->plan->progress.report(b->plan->progress.context, "filling the context", n, depth);
    }
    return WEIR_STATUS_OK;
}

/* Where the device draws, a step brings tokens as the server's do, not the logits of all rows. */
static weir_status open_samplers(bench *b, weir_error *err) {
    weir_sampling greedy;
    weir_sampling_neutral(&greedy);
    for (uint32_t i = 0; i < b->most_batch && weir_engine_can_draw(b->engine); i++)
        WEIR_TRY(weir_sampler_open(&b->samplers[i], b->model, &greedy, err));
    return WEIR_STATUS_OK;
}

static weir_status run_steps(bench *b, uint32_t batch, uint32_t n_steps, double *seconds,
                             weir_error *err) {
    double start_s = weir_clock_s();
    for (uint32_t step = 0; step < n_steps; step++) {
        for (uint32_t i = 0; i < batch; i++) {
            /* Each timeline goes its own way, and so meets experts of its own. */
            int32_t token =
                weir_bench_token(b->run, i, weir_seq_n_tokens(b->seqs[i]), b->needs.info.n_vocab);
            WEIR_TRY(weir_seq_append(b->seqs[i], &token, 1, err));
            if (b->samplers[i])
                WEIR_TRY(weir_seq_plan_draw(b->seqs[i], b->samplers[i], NULL, err));
            b->chunks[i] = (weir_chunk){.seq = b->seqs[i], .n_tokens = 1};
        }
        WEIR_TRY(weir_engine_step(b->engine, b->chunks, batch, err));
    }
    *seconds = (weir_clock_s() - start_s) / n_steps;
    return check_interrupt(err);
}

/* profile: NULL, or the phases of the steps that count are added to it. */
static weir_status run_fork(bench *b, uint32_t batch, uint32_t n_steps, double *seconds,
                            weir_profile *profile, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    double unused;
    for (uint32_t i = 0; i < batch && status == WEIR_STATUS_OK; i++)
        status = weir_seq_fork(&b->seqs[i], b->base, err);
    if (status == WEIR_STATUS_OK)
        status = run_steps(b, batch, 1, &unused, err);
    if (status == WEIR_STATUS_OK && profile)
        status = begin_phases(b, err);
    if (status == WEIR_STATUS_OK)
        status = run_steps(b, batch, n_steps, seconds, err);
    if (status == WEIR_STATUS_OK && profile)
        end_phases(b, profile);
    for (uint32_t i = 0; i < batch; i++)
        weir_seq_close(&b->seqs[i]);
    return status;
}

/* Experts that are read from their file: what is measured is a cache that is full, not one that
 * fills. Where few experts are ever met it does not get full, and a run that reads little is the
 * end. */
static weir_status fill_cache(bench *b, const weir_bench_cell *cell, weir_error *err) {
    enum { MOST_RUNS = 64 };
    weir_engine_stats stats;
    double unused;
    weir_engine_get_stats(b->engine, &stats);
    for (uint32_t i = 0; i < MOST_RUNS && stats.expert_read_bytes < b->cache_bytes; i++) {
        uint64_t before = stats.expert_read_bytes;
        b->run = weir_bench_run(cell, WEIR_BENCH_MOST_REPEATS + 1 + i);
        WEIR_TRY(run_fork(b, cell->batch, WEIR_BENCH_MOST_STEPS, &unused, NULL, err));
        weir_engine_get_stats(b->engine, &stats);
        if (b->plan->progress.report)
            b->plan->progress.report(b->plan->progress.context, "filling the experts' cache",
                                     stats.expert_read_bytes, b->cache_bytes);
        if (stats.expert_read_bytes - before < b->cache_bytes / MOST_RUNS)
            break;
    }
    return WEIR_STATUS_OK;
}

static weir_status measure_decode(bench *b, weir_bench_cell *cell, weir_error *err) {
    double once_s;
    WEIR_TRY(grow_base(b, cell->depth, err));
    WEIR_TRY(fill_cache(b, cell, err));
    b->run = weir_bench_run(cell, 0);
    WEIR_TRY(run_fork(b, cell->batch, 1, &once_s, NULL, err));
    double n_steps = ceil(repetition_s / fmax(once_s, 1e-6));
    cell->n_tokens = (uint32_t)fmin(fmax(n_steps, LEAST_STEPS), WEIR_BENCH_MOST_STEPS);
    for (; cell->n < b->plan->n_repeats; cell->n++) {
        b->run = weir_bench_run(cell, 1 + (uint32_t)cell->n);
        WEIR_TRY(
            run_fork(b, cell->batch, cell->n_tokens, &cell->seconds[cell->n], &cell->profile, err));
    }
    double n_own = 1 + (cell->n_tokens + 1) / 2.0; /* in the middle of the steps */
    weir_bench_need need = weir_bench_decode_need(&b->needs, cell->depth, n_own, cell->batch);
    cell->read_bytes = need.read_bytes;
    cell->kv_bytes = need.kv_bytes;
    cell->macs = need.macs;
    return WEIR_STATUS_OK;
}

/* ---- cell after cell ---------------------------------------------------------------------------
 */

static bool is_late(const bench *b) {
    return b->plan->max_seconds > 0 && weir_clock_s() - b->start_s > b->plan->max_seconds;
}

/* What could not be measured whole is as if it had not been begun. */
static weir_status measure_cell(bench *b, weir_bench_cell *cell, weir_error *err) {
    char name[WEIR_BENCH_TEXT];
    weir_bench_cell measured = *cell;
    if (b->bytes_per_s == 0)
        WEIR_TRY(look_at_machine(b, err));
    measured.before = b->bytes_per_s;
    WEIR_TRY(cell->kind == WEIR_BENCH_PREFILL ? measure_prompt(b, &measured, err)
                                              : measure_decode(b, &measured, err));
    WEIR_TRY(look_at_machine(b, err));
    measured.after = b->bytes_per_s;
    *cell = measured;
    b->n_done++;
    weir_say("%zu/%zu %s: %.1f tok/s", b->n_done, b->n_all, weir_bench_cell_name(name, cell),
             weir_bench_unit_tokens(cell) / weir_bench_quantile(cell->seconds, cell->n, 0.5));
    return b->plan->path ? weir_bench_file_write(b->file, b->plan->path, err) : WEIR_STATUS_OK;
}

static weir_status measure_kind(bench *b, weir_bench_kind kind, weir_error *err) {
    weir_engine_options options = options_of(b->plan);
    uint32_t most_depth = 0, n_ctx = 0;
    b->most_batch = 1;
    for (size_t i = 0; i < b->file->n_cells; i++) {
        const weir_bench_cell *cell = &b->file->cell[i];
        if (cell->kind != kind || cell->n > 0)
            continue;
        bool is_decode = kind == WEIR_BENCH_DECODE;
        n_ctx = greater(n_ctx, is_decode ? weir_bench_room(cell->depth) : cell->n_tokens);
        most_depth = greater(most_depth, cell->depth);
        b->most_batch = is_decode ? greater(b->most_batch, cell->batch) : 1;
    }
    if (n_ctx == 0 || is_late(b))
        return WEIR_STATUS_OK;
    options.n_ctx = n_ctx;
    if (kind == WEIR_BENCH_DECODE) {
        /* Forks share the base's pages, and have room for two of their own. */
        options.n_seqs = b->most_batch + 1;
        options.n_out = b->most_batch;
        options.n_batch = greater(options.n_batch, b->most_batch);
        options.n_pages = most_depth / PAGE_TOKENS + 1 + 2 * b->most_batch;
    }
    WEIR_TRY(open_engine(b, &options, err));
    if (kind == WEIR_BENCH_DECODE) {
        WEIR_TRY(weir_seq_open(&b->base, b->engine, err));
        WEIR_TRY(open_samplers(b, err));
    }
    for (size_t i = 0; i < b->file->n_cells && !is_late(b); i++)
        if (b->file->cell[i].kind == kind && b->file->cell[i].n == 0)
            WEIR_TRY(measure_cell(b, &b->file->cell[i], err));
    return WEIR_STATUS_OK;
}

/* Decoding by rising depth, since the base timeline only grows. */
static int by_order(const void *a, const void *b) {
    const weir_bench_cell *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->depth != y->depth)
        return x->depth < y->depth ? -1 : 1;
    if (x->kind == WEIR_BENCH_PREFILL && x->n_tokens != y->n_tokens)
        return x->n_tokens < y->n_tokens ? -1 : 1;
    return (x->batch > y->batch) - (x->batch < y->batch);
}

weir_status weir_bench_measure(weir_bench_file *file, weir_model *model,
                               const weir_bench_plan *plan, size_t *n_left, weir_error *err) {
    bench b = {.file = file, .model = model, .plan = plan, .start_s = weir_clock_s()};
    *n_left = 0;
    WEIR_TRY(weir_bench_model_read(&b.needs, model, plan->kv_type, err));
    qsort(file->cell, file->n_cells, sizeof *file->cell, by_order);
    for (size_t i = 0; i < file->n_cells; i++)
        b.n_all += file->cell[i].n == 0;
    weir_status status = measure_kind(&b, WEIR_BENCH_PREFILL, err);
    close_engine(&b);
    if (status == WEIR_STATUS_OK)
        status = measure_kind(&b, WEIR_BENCH_DECODE, err);
    close_engine(&b);
    *n_left = b.n_all - b.n_done;
    return weir_interrupted() ? weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted") : status;
}
