/* trainer_look.c: evaluation, samples and reports. None of it changes what a run computes. */
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "train/train_sample.h"
#include "train/trainer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void weir_trainer_note(const weir_trainer *t, const char *format, ...) {
    char line[512];
    va_list args;
    if (!t->options->on_note)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    t->options->on_note(t->options->context, line);
}

/* ---- the log ------------------------------------------------------------------------------- */

/* JSON has no name for what is no number. */
static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

/* A log that fails is told, once, and is no reason to stop; without memory it is one. */
static weir_status add_line(weir_trainer *t, json_t *object, weir_error *err) {
    weir_error own = {0};
    weir_status status = weir_train_log_add(t->log, object, &own);
    if (status == WEIR_STATUS_FAILED) {
        weir_trainer_note(t, "%s; the run goes on without it", own.text);
        return WEIR_STATUS_OK;
    }
    if (status != WEIR_STATUS_OK && err)
        *err = own;
    return status;
}

/* ---- evaluation ---------------------------------------------------------------------------- */

typedef struct eval_sum {
    double nats;
    uint64_t n_targets, n_bytes;
} eval_sum;

static double loss_of(const eval_sum *sum) {
    return sum->n_targets ? sum->nats / (double)sum->n_targets : NAN;
}

static double bits_of(const eval_sum *sum) {
    const double nats_per_bit = 0.69314718055994530942;
    return sum->n_bytes ? sum->nats / nats_per_bit / (double)sum->n_bytes : NAN;
}

/* is_stopped: the user wants an end, so sum is a part. */
static weir_status evaluate_shard(weir_trainer *t, const weir_shard *shard, eval_sum *sum,
                                  bool *is_stopped, weir_error *err) {
    uint64_t next = 0, n_rows = 0;
    *sum = (eval_sum){0};
    do {
        *is_stopped = t->options->wants_stop && t->options->wants_stop(t->options->context);
        if (*is_stopped)
            break;
        WEIR_TRY(weir_shard_next(shard, t->file.context, &next, &t->eval_room, err));
        const weir_train_batch *batch = &t->eval_room.batch;
        if (batch->n_rows == 0)
            break;
        WEIR_TRY(weir_graph_run(t->graph, batch, 0, t->row_loss, err));
        for (uint32_t r = 0; r < batch->n_rows; r++)
            sum->nats += (double)t->row_loss[r];
        sum->n_targets += t->eval_room.n_targets;
        sum->n_bytes += t->eval_room.n_target_bytes;
        n_rows += batch->n_rows;
    } while (t->file.eval_tokens == 0 || n_rows < t->file.eval_tokens);
    return WEIR_STATUS_OK;
}

static void set_sum(json_t *object, const eval_sum *sum) {
    json_object_set_new(object, "loss", number(loss_of(sum)));
    json_object_set_new(object, "bits_per_byte", number(bits_of(sum)));
    json_object_set_new(object, "targets", json_integer((json_int_t)sum->n_targets));
}

/* Of several sources each is told; of one the report has it. */
static void tell_source(const weir_trainer *t, size_t i, const eval_sum *sum) {
    if (t->file.n_validation > 1)
        weir_trainer_note(t, "step %llu: %s: loss %.4f, %.4f bits/byte",
                          (unsigned long long)t->state.step, t->file.validation[i].name,
                          loss_of(sum), bits_of(sum));
}

weir_status weir_trainer_evaluate(weir_trainer *t, weir_error *err) {
    if (t->file.n_validation == 0)
        return WEIR_STATUS_OK;
    eval_sum all = {0};
    json_t *sources = json_object();
    for (size_t i = 0; i < t->file.n_validation; i++) {
        eval_sum sum;
        bool is_stopped = false;
        weir_status status = evaluate_shard(t, t->data.validation[i], &sum, &is_stopped, err);
        if (status != WEIR_STATUS_OK || is_stopped) {
            json_decref(sources);
            return status;
        }
        all.nats += sum.nats;
        all.n_targets += sum.n_targets;
        all.n_bytes += sum.n_bytes;
        tell_source(t, i, &sum);
        json_t *one = json_object();
        set_sum(one, &sum);
        json_object_set_new(sources, t->file.validation[i].name, one);
    }
    t->state.eval_loss = loss_of(&all);
    t->state.eval_bits_per_byte = bits_of(&all);
    t->report.is_evaluated = true;
    json_t *line = json_pack("{s:s, s:I}", "kind", "eval", "step", (json_int_t)t->state.step);
    set_sum(line, &all);
    json_object_set_new(line, "sources", sources);
    return add_line(t, line, err);
}

/* ---- samples ------------------------------------------------------------------------------- */

static void take_sample(void *context, const char *prompt, const char *text) {
    weir_trainer *t = context;
    if (t->options->on_sample)
        t->options->on_sample(t->options->context, t->state.step, prompt, text);
    add_line(t,
             json_pack("{s:s, s:I, s:s, s:s}", "kind", "sample", "step", (json_int_t)t->state.step,
                       "prompt", prompt, "text", text),
             NULL);
}

weir_status weir_trainer_sample(weir_trainer *t, weir_error *err) {
    weir_train_sampler sampler = {
        .graph = t->graph,
        .cap_rows = t->file.micro_tokens,
        .tokenizer = t->tokenizer,
        .form = t->form,
        .n_tokens = t->file.sample_tokens,
        .temperature = t->file.sample_temperature,
        .seed = weir_mix64(t->file.seed, 0x73616d706c65u, t->state.step), /* a stream of its own */
        .on_text = take_sample,
        .context = t,
    };
    return weir_train_sample(&sampler, t->file.prompts, t->file.n_prompts, err);
}

/* ---- reports ------------------------------------------------------------------------------- */

/* Resident memory of the process; 0 where the system does not tell. */
static uint64_t resident_bytes(void) {
    unsigned long long total, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    long page = sysconf(_SC_PAGESIZE);
    return page > 0 ? resident * (uint64_t)page : 0;
}

weir_status weir_trainer_log(weir_trainer *t, weir_error *err) {
    weir_train_report *r = &t->report;
    const weir_train_state *s = &t->state;
    uint64_t n_left = t->file.n_steps - s->step;
    double per_step = s->step ? (double)s->n_tokens / (double)s->step : 0;
    r->step = s->step;
    r->n_steps = t->file.n_steps;
    r->n_tokens = s->n_tokens;
    r->n_tokens_all = s->n_tokens + (uint64_t)(per_step * (double)n_left);
    r->eval_loss = s->eval_loss;
    r->eval_bits_per_byte = s->eval_bits_per_byte;
    r->tokens_per_s = t->step_seconds > 0 ? per_step / t->step_seconds : 0;
    r->flops_per_s = 6 * (double)t->n_active * r->tokens_per_s;
    r->peak_flops_per_s = t->peak_flops;
    r->memory_bytes = resident_bytes();
    r->seconds = s->seconds;
    r->seconds_left = (double)n_left * t->step_seconds;
    r->n_skipped = s->n_skipped;
    json_t *line =
        json_pack("{s:s, s:I, s:o, s:o, s:o, s:I, s:o, s:o, s:I, s:o, s:I}", "kind", "step", "step",
                  (json_int_t)s->step, "loss", number(r->loss), "gradient_norm",
                  number(r->gradient_norm), "learning_rate", number(r->learning_rate), "tokens",
                  (json_int_t)s->n_tokens, "tokens_per_s", number(r->tokens_per_s), "load_cv",
                  number(r->load_cv), "skipped", (json_int_t)s->n_skipped, "seconds",
                  number(r->seconds), "memory_bytes", (json_int_t)r->memory_bytes);
    if (line && r->peak_flops_per_s > 0)
        json_object_set_new(line, "share_of_peak", number(r->flops_per_s / r->peak_flops_per_s));
    return add_line(t, line, err);
}
