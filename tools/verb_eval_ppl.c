/*
 * verb_eval_ppl.c: `weir eval ppl`: how well a model predicts a text: perplexity, nats a token,
 * bits a byte, with the error of the mean.
 *
 * The text is packed as for training (weir_train_pack), so that documents, conversations and
 * generated samples are read by the code that trains on them, masks included. A sample longer than
 * the context is read in windows that overlap; each token is scored once, with all that its window
 * has before it.
 */
#include "adapters.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "model_lookup.h"
#include "verbs.h"
#include "weir_train.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct ppl_values {
    uint32_t n_ctx, n_stride, n_threads;
    uint64_t max_tokens, gen_n, gen_seed;
    const char *split, *manifest, *kv_type, *activations, *isa;
    weir_string_list loras;
    bool assistant_only, held_out, as_json;
} ppl_values;

#define AT(field) offsetof(ppl_values, field)

static const weir_option options[] = {
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N",
     "tokens of one window; default: 2048, or the model's if that is less"},
    {"stride", 0, WEIR_OPTION_U32, AT(n_stride), "N",
     "tokens from one window to the next; default: half a window"},
    {"max-tokens", 0, WEIR_OPTION_U64, AT(max_tokens), "N", "stop after so many scored tokens"},
    {"assistant-only", 0, WEIR_OPTION_FLAG, AT(assistant_only), NULL,
     "of conversations, score what the assistant says"},
    {"split", 0, WEIR_OPTION_STRING, AT(split), "NAME", "only rows whose \"split\" is NAME"},
    {"manifest", 0, WEIR_OPTION_STRING, AT(manifest), "FILE.json",
     "with --split of a .txt: a JSON list of one object a document,\nin their order, whose "
     "\"split\" counts"},
    {"lora", 0, WEIR_OPTION_STRINGS, AT(loras), "ADAPTER",
     "[NAME=]FILE[:SCALE]: a LoRA adapter, GGUF or PEFT folder"},
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), "q15|f32",
     "in products with quantized weights; default: q15"},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "how keys and values are kept; default: f32"},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "the result as JSON"},
    {"generated samples (gen:KIND)", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"n", 'n', WEIR_OPTION_U64, AT(gen_n), "N", "how many; default: 500"},
    {"seed", 0, WEIR_OPTION_U64, AT(gen_seed), "N", "another seed, other samples; default: 0"},
    {"held-out", 0, WEIR_OPTION_FLAG, AT(held_out), NULL,
     "with names and values that are never trained on"},
};

#undef AT

typedef struct score {
    uint64_t n_tokens, n_bytes, n_samples;
    double nats;
    /* Of samples, for the error of the mean: tokens of one sample hang together. */
    double *sample_nats;
    uint64_t *sample_tokens; /* [cap_samples] */
    uint64_t cap_samples;
} score;

typedef struct evaluation {
    const ppl_values *values;
    weir_model *model;
    weir_model_info info;
    weir_adapters adapters;
    weir_engine *engine;
    weir_seq *seq;
    weir_shard *shard;
    uint32_t n_ctx, n_stride, n_batch;
    float *logits;   /* [n_batch, n_vocab] */
    int32_t *tokens; /* [n_ctx] */
    bool *is_target; /* [n_ctx] */
    weir_progress progress;
    score score;
} evaluation;

/* -log softmax(logits)[token] */
static double nats_of(const float *logits, uint32_t n_vocab, int32_t token) {
    float best = logits[0];
    double sum = 0;
    for (uint32_t i = 1; i < n_vocab; i++)
        best = logits[i] > best ? logits[i] : best;
    for (uint32_t i = 0; i < n_vocab; i++)
        sum += exp((double)logits[i] - best);
    return log(sum) + best - logits[token];
}

static bool is_enough(const evaluation *e) {
    return e->values->max_tokens > 0 && e->score.n_tokens >= e->values->max_tokens;
}

/* Scores the targets of tokens [n] from number `from` on. */
static weir_status score_window(evaluation *e, size_t n, size_t from, uint64_t sample,
                                weir_error *err) {
    WEIR_TRY(weir_seq_rewind(e->seq, 0, err));
    WEIR_TRY(weir_seq_append(e->seq, e->tokens, n, err));
    for (size_t done = 0; done < n && !is_enough(e);) {
        weir_chunk chunk = {.seq = e->seq, .logits = e->logits};
        WEIR_TRY(weir_engine_step(e->engine, &chunk, 1, err));
        for (size_t i = 0; i < chunk.n_tokens; i++) {
            size_t next = done + i + 1;
            if (next >= n || next < from || !e->is_target[next] || is_enough(e))
                continue;
            int32_t token = e->tokens[next];
            double nats = nats_of(e->logits + i * e->info.n_vocab, e->info.n_vocab, token);
            e->score.nats += nats;
            e->score.n_tokens++;
            e->score.n_bytes += weir_shard_token_bytes(e->shard, token);
            e->score.sample_nats[sample] += nats;
            e->score.sample_tokens[sample]++;
        }
        done += chunk.n_tokens;
    }
    return weir_interrupted() ? weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted")
                              : WEIR_STATUS_OK;
}

static weir_status score_sample(evaluation *e, uint64_t sample, weir_error *err) {
    size_t n = weir_shard_sample_n(e->shard, sample), scored = 0;
    for (size_t start = 0; scored + 1 < n && !is_enough(e); start += e->n_stride) {
        size_t end = start + e->n_ctx < n ? start + e->n_ctx : n;
        weir_shard_read(e->shard, sample, start, end - start, e->tokens, e->is_target);
        WEIR_TRY(score_window(e, end - start, scored + 1 - start, sample, err));
        scored = end - 1;
    }
    e->score.n_samples += e->score.sample_tokens[sample] > 0;
    return WEIR_STATUS_OK;
}

static weir_status score_all(evaluation *e, weir_error *err) {
    uint64_t n = weir_shard_n_samples(e->shard);
    e->score.cap_samples = n;
    e->score.sample_nats = calloc(n, sizeof *e->score.sample_nats);
    e->score.sample_tokens = calloc(n, sizeof *e->score.sample_tokens);
    if (!e->score.sample_nats || !e->score.sample_tokens)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %llu samples",
                         (unsigned long long)n);
    for (uint64_t i = 0; i < n && !is_enough(e); i++) {
        WEIR_TRY(score_sample(e, i, err));
        if (e->progress.report)
            e->progress.report(e->progress.context, "scoring", i + 1, n);
    }
    if (e->score.n_tokens == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "nothing to score: no sample has two tokens");
    return WEIR_STATUS_OK;
}

/* ---- what it runs on ------------------------------------------------------------------------ */

static const char GEN[] = "gen:";

static bool is_generated(const char *file) {
    return strncmp(file, GEN, strlen(GEN)) == 0;
}

static weir_status open_shard(evaluation *e, const char *model, const char *file, weir_error *err) {
    const ppl_values *v = e->values;
    weir_pack_options pack = {.split = v->split,
                              .manifest = v->manifest,
                              .tokenizer = model,
                              .assistant_only = v->assistant_only,
                              .max_tokens = 1 << 20,
                              .n_threads = v->n_threads,
                              .progress = e->progress};
    weir_pack_report report;
    if (is_generated(file)) {
        pack.gen_kind = file + strlen(GEN);
        pack.gen_n = v->gen_n > 0 ? v->gen_n : 500;
        pack.gen_seed = v->gen_seed;
        pack.gen_held_out = v->held_out;
    } else {
        pack.path = file;
    }
    return weir_shard_make(&e->shard, &pack, &report, err);
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static weir_status open_model(evaluation *e, const char *path, weir_error *err) {
    const ppl_values *v = e->values;
    WEIR_TRY(weir_model_open(&e->model, path, err));
    weir_model_get_info(e->model, &e->info);
    e->n_ctx = v->n_ctx > 0 ? v->n_ctx : least(2048, e->info.n_ctx);
    e->n_stride = v->n_stride > 0 ? v->n_stride : (e->n_ctx + 1) / 2;
    if (e->n_ctx < 2 || e->n_stride > e->n_ctx - 1)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "windows of %u tokens, %u apart: expected at least 2, and a stride below "
                         "the window",
                         e->n_ctx, e->n_stride);
    e->n_batch = least(e->n_ctx, 512);
    if (e->n_batch < e->info.replay_window + 1)
        e->n_batch = e->info.replay_window + 1;
    weir_engine_options o = {.isa = v->isa,
                             .kv_type = v->kv_type ? v->kv_type : "f32",
                             .activations = v->activations,
                             .n_threads = v->n_threads,
                             .n_ctx = e->n_ctx,
                             .n_batch = e->n_batch,
                             .n_out = e->n_batch,
                             .no_prefix_cache = true,
                             .progress = e->progress};
    WEIR_TRY(weir_adapters_open(&e->adapters, e->model, &v->loras, err));
    weir_adapters_use(&e->adapters, &o);
    WEIR_TRY(weir_engine_open(&e->engine, e->model, &o, err));
    WEIR_TRY(weir_seq_open(&e->seq, e->engine, err));
    e->logits = malloc((size_t)e->n_batch * e->info.n_vocab * sizeof *e->logits);
    e->tokens = malloc(e->n_ctx * sizeof *e->tokens);
    e->is_target = malloc(e->n_ctx * sizeof *e->is_target);
    if (!e->logits || !e->tokens || !e->is_target)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the logits of %u tokens",
                         e->n_batch);
    return WEIR_STATUS_OK;
}

static void close_all(evaluation *e) {
    weir_interrupt_with_care(NULL);
    weir_seq_close(&e->seq);
    weir_engine_close(&e->engine);
    weir_adapters_close(&e->adapters);
    weir_model_close(&e->model);
    weir_shard_close(&e->shard);
    free(e->logits);
    free(e->tokens);
    free(e->is_target);
    free(e->score.sample_nats);
    free(e->score.sample_tokens);
}

/* ---- the result ----------------------------------------------------------------------------- */

/* Of the mean, samples being what is independent. */
static double standard_error(const score *s) {
    double mean = s->nats / (double)s->n_tokens, sum = 0;
    for (uint64_t i = 0; i < s->cap_samples; i++) {
        double off = s->sample_nats[i] - mean * (double)s->sample_tokens[i];
        sum += off * off;
    }
    if (s->n_samples < 2)
        return NAN;
    double n = (double)s->n_samples;
    return sqrt(sum * n / (n - 1)) / (double)s->n_tokens;
}

static weir_status tell(const evaluation *e, const char *model, const char *file, double seconds,
                        weir_error *err) {
    const score *s = &e->score;
    double mean = s->nats / (double)s->n_tokens, error = standard_error(s);
    double bits = s->n_bytes > 0 ? s->nats / log(2) / (double)s->n_bytes : NAN;
    if (e->values->as_json)
        return weir_json_print(
            json_pack("{s:o, s:o, s:I, s:I, s:I, s:i, s:i, s:f, s:o, s:f, s:o, s:f}", "model",
                      weir_json_text(model, strlen(model)), "data",
                      weir_json_text(file, strlen(file)), "samples", (json_int_t)s->n_samples,
                      "tokens", (json_int_t)s->n_tokens, "bytes", (json_int_t)s->n_bytes, "ctx",
                      (int)e->n_ctx, "stride", (int)e->n_stride, "nats_per_token", mean,
                      "standard_error", isfinite(error) ? json_real(error) : json_null(),
                      "perplexity", exp(mean), "bits_per_byte",
                      isfinite(bits) ? json_real(bits) : json_null(), "seconds", seconds),
            err);
    printf("%llu tokens of %llu sample%s (%llu bytes), windows of %u, %u apart\n",
           (unsigned long long)s->n_tokens, (unsigned long long)s->n_samples,
           s->n_samples == 1 ? "" : "s", (unsigned long long)s->n_bytes, e->n_ctx, e->n_stride);
    printf("nats/token %.4f", mean);
    if (isfinite(error))
        printf(" +- %.4f", error);
    printf("   perplexity %.3f", exp(mean));
    if (isfinite(bits))
        printf("   bits/byte %.4f", bits);
    printf("   (%.0f tokens/s)\n", (double)s->n_tokens / seconds);
    return WEIR_STATUS_OK;
}

static weir_status evaluate(const weir_parsed *parsed, evaluation *e, weir_error *err) {
    const char *file = parsed->operands[1];
    char *path = NULL;
    WEIR_TRY(weir_find_model(parsed->operands[0], &path, err));
    double start_s = 0;
    weir_status status = open_shard(e, path, file, err);
    if (status == WEIR_STATUS_OK)
        status = open_model(e, path, err);
    if (status == WEIR_STATUS_OK) {
        weir_interrupt_with_care(e->engine);
        start_s = weir_clock_s();
        status = score_all(e, err);
    }
    if (status == WEIR_STATUS_OK)
        status = tell(e, path, file, weir_clock_s() - start_s, err);
    free(path);
    return status;
}

static int run(const weir_parsed *parsed) {
    static const char *const of_samples[] = {"n", "seed", "held-out"};
    evaluation e = {.values = parsed->values, .progress = weir_console_progress()};
    weir_error err = {0};
    for (size_t i = 0; i < WEIR_COUNT(of_samples) && !is_generated(parsed->operands[1]); i++)
        if (weir_option_given(parsed, of_samples[i])) {
            weir_say("weir eval ppl: --%s is for generated samples, gen:KIND, got '%s'",
                     of_samples[i], parsed->operands[1]);
            return WEIR_EXIT_USAGE;
        }
    weir_interrupt_with_care(NULL);
    weir_status status = evaluate(parsed, &e, &err);
    close_all(&e);
    if (weir_interrupted()) /* it may show as a step that was given up */
        status = weir_fail(&err, WEIR_STATUS_CANCELLED, "interrupted");
    return status == WEIR_STATUS_OK ? WEIR_EXIT_DONE : weir_tell_failure("eval ppl", status, &err);
}

const weir_verb weir_verb_eval_ppl = {
    .name = "eval ppl",
    .summary = "Perplexity and bits per byte of a text",
    .operands = "MODEL DATA",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details = "DATA is a text (.txt, documents divided by lines <|endoftext|>), conversations\n"
               "(.jsonl), either also as .zst, or gen:KIND, samples of a generator (weir help "
               "train gen).\n"
               "The error is that of the mean over samples.\n"
               "\n"
               "  weir eval ppl weir-nano stories.txt\n"
               "  weir eval ppl weir-nano chats.jsonl --assistant-only\n"
               "  weir eval ppl weir-nano gen:tool --held-out --assistant-only\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(ppl_values),
    .run = run,
};
