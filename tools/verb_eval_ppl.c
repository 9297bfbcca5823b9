/*
 * verb_eval_ppl.c: `weir eval ppl`: how well a model predicts a text: perplexity, nats a token,
 * bits a byte, with the error of the mean. What it expected can be saved for `weir eval kl`.
 *
 * Windows and what is scored in them are eval_text's. What is independent for the error are the
 * windows, not the tokens, which hang together. A finished window goes to the journal at once with
 * the exact sum of its nats, so a run that is gone on with adds up to what one in one piece has.
 */
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "eval_distance.h"
#include "eval_journal.h"
#include "eval_logits.h"
#include "eval_side.h"
#include "eval_text.h"
#include "interrupt.h"
#include "json_text.h"
#include "model_lookup.h"
#include "verbs.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { ID_TEXT = 64 };

typedef struct ppl_values {
    uint32_t n_ctx, n_stride, n_threads, logits_top;
    uint64_t max_tokens, gen_n, gen_seed;
    const char *split, *manifest, *kv_type, *activations, *device, *isa, *out, *journal;
    const char *save_logits;
    weir_string_list loras;
    bool assistant_only, held_out, resumes, overwrite, as_json;
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
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), WEIR_ACTIVATIONS_CHOICE,
     WEIR_ACTIVATIONS_HELP},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "how keys and values are kept; default: f32"},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), WEIR_DEVICE_CHOICE, WEIR_DEVICE_HELP},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "the result as JSON"},
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "FILE.json",
     "keep the result with its windows, for weir eval diff"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL, "replace files that are there"},
    {"journal", 0, WEIR_OPTION_STRING, AT(journal), "FILE.jsonl",
     "keep each window as soon as it is finished"},
    {"resume", 0, WEIR_OPTION_FLAG, AT(resumes), NULL, "go on with the journal, if it is there"},
    {"logits for weir eval kl", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"save-logits", 0, WEIR_OPTION_STRING, AT(save_logits), "FILE",
     "save what was expected at every scored token: 2 bytes for each\ntoken of the vocabulary"},
    {"logits-top", 0, WEIR_OPTION_U32, AT(logits_top), "K",
     "save only the K most probable ones, 8 bytes each: KL is then\nknown within bounds"},
    {"generated samples (gen:KIND)", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"n", 'n', WEIR_OPTION_U64, AT(gen_n), "N", "how many; default: 500"},
    {"seed", 0, WEIR_OPTION_U64, AT(gen_seed), "N", "another seed, other samples; default: 0"},
    {"held-out", 0, WEIR_OPTION_FLAG, AT(held_out), NULL,
     "with names and values that are never trained on"},
};

#undef AT

typedef struct evaluation {
    const ppl_values *values;
    weir_eval_side_options side_options;
    weir_eval_side side;
    weir_eval_text *text;
    weir_eval_logits_out *logits;
    weir_eval_journal *journal;
    weir_eval_result result;
    weir_progress progress;
    double nats, seconds;
    uint64_t n_tokens, n_bytes, n_samples, last_sample;
    uint64_t n_run; /* of the tokens, those that are not out of the journal */
} evaluation;

/* ---- scoring -------------------------------------------------------------------------------- */

static weir_status score_row(evaluation *e, uint32_t at, int32_t token, double *sum,
                             weir_error *err) {
    uint32_t n_vocab = e->side.info.n_vocab;
    const float *logits = e->side.logits + (size_t)at * n_vocab;
    double nats = weir_eval_nats(logits, n_vocab, token);
    if (!isfinite(nats))
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: a logit is no finite number",
                         e->side.info.name);
    *sum += nats;
    if (!e->logits)
        return WEIR_STATUS_OK;
    size_t n_chosen = (size_t)e->side.n_layers_moe * e->side.info.n_experts_used;
    const uint16_t *experts = e->side.experts ? e->side.experts + at * n_chosen : NULL;
    return weir_eval_logits_out_add(e->logits, logits, token, experts, err);
}

static weir_status score_window(evaluation *e, const weir_eval_window *w, double *nats,
                                weir_error *err) {
    size_t n_run = w->n - 1;
    WEIR_TRY(weir_eval_side_begin(&e->side, w->tokens, n_run, err));
    for (size_t done = 0; done < n_run;) {
        uint32_t n = n_run - done < e->side.n_batch ? (uint32_t)(n_run - done) : e->side.n_batch;
        WEIR_TRY(weir_eval_side_step(&e->side, n, err));
        for (uint32_t i = 0; i < n; i++)
            if (w->is_scored[done + i + 1])
                WEIR_TRY(score_row(e, i, w->tokens[done + i + 1], nats, err));
        done += n;
    }
    return WEIR_STATUS_OK;
}

static uint64_t bytes_of(const evaluation *e, const weir_eval_window *w) {
    uint64_t n_bytes = 0;
    for (size_t i = 0; i < w->n; i++)
        if (w->is_scored[i])
            n_bytes += weir_eval_text_token_bytes(e->text, w->tokens[i]);
    return n_bytes;
}

/* An item is a window; bits a byte count by its bytes, all else by its tokens. */
static json_t *item_json(const weir_eval_window *w, const char *id, double nats, uint64_t n_bytes) {
    double n = (double)w->n_scored;
    json_t *scores = json_pack("{s:f}", "nats_per_token", nats / n);
    json_t *item = json_pack("{s:s, s:f, s:o}", "id", id, "weight", n, "scores", scores);
    if (item && n_bytes > 0) {
        json_object_set_new(scores, "bits_per_byte", json_real(nats / log(2) / (double)n_bytes));
        json_object_set_new(item, "weights", json_pack("{s:f}", "bits_per_byte", (double)n_bytes));
    }
    return item;
}

/* The journal has what nats_per_token has lost to rounding. */
static weir_status take_window(evaluation *e, const char *id, double *nats, weir_error *err) {
    json_t *rest = weir_eval_journal_take_rest(e->journal, id);
    const json_t *sum = json_object_get(rest, "nats");
    bool is_good = json_is_number(sum);
    *nats = json_number_value(sum);
    json_decref(rest);
    return is_good ? WEIR_STATUS_OK
                   : weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: window %s: expected its \"nats\"",
                               e->values->journal, id);
}

static weir_status run_window(evaluation *e, const weir_eval_window *w, const char *id,
                              uint64_t n_bytes, double *nats, weir_error *err) {
    WEIR_TRY(score_window(e, w, nats, err));
    e->n_run += w->n_scored;
    return weir_eval_journal_add_rest(e->journal, item_json(w, id, *nats, n_bytes),
                                      json_pack("{s:f}", "nats", *nats), err);
}

static weir_status score_all(evaluation *e, weir_error *err) {
    weir_eval_window w;
    while (weir_eval_text_next(e->text, &w)) {
        char id[ID_TEXT];
        double nats = 0;
        uint64_t n_bytes = bytes_of(e, &w);
        snprintf(id, sizeof id, "%llu/%llu", (unsigned long long)w.sample,
                 (unsigned long long)w.number);
        WEIR_TRY(weir_eval_journal_has(e->journal, id)
                     ? take_window(e, id, &nats, err)
                     : run_window(e, &w, id, n_bytes, &nats, err));
        e->n_samples += e->n_tokens == 0 || w.sample != e->last_sample;
        e->last_sample = w.sample;
        e->nats += nats;
        e->n_tokens += w.n_scored;
        e->n_bytes += n_bytes;
        if (e->progress.report)
            e->progress.report(e->progress.context, "scoring", e->n_tokens,
                               weir_eval_text_n_scored(e->text));
    }
    return WEIR_STATUS_OK;
}

/* ---- what it runs on ------------------------------------------------------------------------ */

static weir_status open_text(evaluation *e, const char *path, const char *file, weir_error *err) {
    const ppl_values *v = e->values;
    weir_eval_text_options o = {.data = file,
                                .tokenizer = path,
                                .split = v->split,
                                .manifest = v->manifest,
                                .assistant_only = v->assistant_only,
                                .gen_n = v->gen_n,
                                .gen_seed = v->gen_seed,
                                .gen_held_out = v->held_out,
                                .max_tokens = v->max_tokens,
                                .n_ctx = v->n_ctx,
                                .n_stride = v->n_stride,
                                .n_threads = v->n_threads,
                                .progress = e->progress};
    if (o.n_ctx == 0)
        o.n_ctx = weir_eval_default_ctx(&e->side);
    if (o.n_stride == 0)
        o.n_stride = (o.n_ctx + 1) / 2;
    e->side_options.n_ctx = o.n_ctx;
    return weir_eval_text_open(&e->text, &o, err);
}

static weir_status open_logits(evaluation *e, weir_error *err) {
    const ppl_values *v = e->values;
    weir_eval_logits_shape shape = {.n_vocab = e->side.info.n_vocab,
                                    .k = v->logits_top,
                                    .n_layers_moe = e->side.n_layers_moe,
                                    .n_used =
                                        e->side.n_layers_moe > 0 ? e->side.info.n_experts_used : 0,
                                    .n_tokens = weir_eval_text_n_scored(e->text)};
    if (!v->save_logits)
        return WEIR_STATUS_OK;
    memcpy(shape.tokens_hash, weir_eval_text_hash(e->text), sizeof shape.tokens_hash);
    return weir_eval_logits_out_open(&e->logits, v->save_logits, v->overwrite, &shape, &e->result,
                                     err);
}

static weir_status open_all(evaluation *e, const char *path, const char *file, weir_error *err) {
    const ppl_values *v = e->values;
    e->side_options = (weir_eval_side_options){.device = v->device,
                                               .isa = v->isa,
                                               .kv_type = v->kv_type,
                                               .activations = v->activations,
                                               .loras = &v->loras,
                                               .n_threads = v->n_threads,
                                               .n_batch = 512,
                                               .wants_experts = v->save_logits != NULL,
                                               .progress = e->progress};
    WEIR_TRY(weir_eval_side_find(&e->side, path, err));
    WEIR_TRY(open_text(e, path, file, err));
    WEIR_TRY(weir_eval_side_open(&e->side, &e->side_options, err));
    WEIR_TRY(weir_eval_text_describe(e->text, &e->result, err));
    WEIR_TRY(weir_eval_side_describe(&e->side_options, e->side.model, &e->result, err));
    WEIR_TRY(weir_eval_subject_set(&e->result.model, path, e->side.model, &e->progress, err));
    WEIR_TRY(weir_eval_subject_adapt(&e->result.model, &v->loras, err));
    WEIR_TRY(weir_eval_journal_open(&e->journal, v->journal, v->resumes, &e->result, err));
    return open_logits(e, err);
}

static void close_all(evaluation *e) {
    weir_interrupt_with_care(NULL);
    weir_eval_logits_out_abort(&e->logits);
    weir_eval_journal_close(&e->journal);
    weir_eval_side_close(&e->side);
    weir_eval_text_close(&e->text);
    weir_eval_result_free(&e->result);
}

/* ---- the result ----------------------------------------------------------------------------- */

static void add_metrics(evaluation *e) {
    weir_eval_result *r = &e->result;
    double mean = 0, error = NAN, bits = NAN, bits_error = NAN;
    weir_eval_item_mean(r, "nats_per_token", &mean, &error, NULL);
    weir_eval_item_mean(r, "bits_per_byte", &bits, &bits_error, NULL);
    mean = e->nats / (double)e->n_tokens; /* the same, summed in the order of the text */
    weir_eval_result_metric(r, "perplexity", exp(mean), exp(mean) * error);
    weir_eval_result_metric(r, "nats_per_token", mean, error);
    weir_eval_result_metric(r, "bits_per_byte", bits, bits_error);
    weir_eval_result_detail(r, "samples", json_integer((json_int_t)e->n_samples));
    weir_eval_result_detail(r, "bytes", json_integer((json_int_t)e->n_bytes));
    r->seconds = e->seconds;
}

static void print_text(const evaluation *e) {
    const weir_eval_metric *nats = weir_eval_result_find(&e->result, "nats_per_token");
    const weir_eval_metric *perplexity = weir_eval_result_find(&e->result, "perplexity");
    const weir_eval_metric *bits = weir_eval_result_find(&e->result, "bits_per_byte");
    const json_t *settings = e->result.settings;
    printf("%llu tokens of %llu sample%s (%llu bytes), windows of %d, %d apart\n",
           (unsigned long long)e->n_tokens, (unsigned long long)e->n_samples,
           e->n_samples == 1 ? "" : "s", (unsigned long long)e->n_bytes,
           (int)json_integer_value(json_object_get(settings, "ctx")),
           (int)json_integer_value(json_object_get(settings, "stride")));
    printf("nats/token %.4f", nats->value);
    if (isfinite(nats->error))
        printf(" +- %.4f", nats->error);
    printf("   perplexity %.3f", perplexity->value);
    if (isfinite(perplexity->error))
        printf(" +- %.3f", perplexity->error);
    if (isfinite(bits->value))
        printf("   bits/byte %.4f", bits->value);
    if (e->n_run > 0)
        printf("   (%.0f tokens/s)", (double)e->n_run / e->seconds);
    putchar('\n');
}

static weir_status finish(evaluation *e, weir_error *err) {
    const ppl_values *v = e->values;
    add_metrics(e);
    if (e->logits)
        WEIR_TRY(weir_eval_logits_out_commit(&e->logits, err));
    if (v->out)
        WEIR_TRY(weir_eval_result_write(&e->result, v->out, err));
    if (v->as_json)
        return weir_eval_result_print(&e->result, err);
    print_text(e);
    return WEIR_STATUS_OK;
}

static weir_status evaluate(const weir_parsed *parsed, evaluation *e, weir_error *err) {
    const ppl_values *v = e->values;
    char *path = NULL;
    WEIR_TRY(weir_eval_result_may_write(v->out, v->overwrite, err));
    WEIR_TRY(weir_eval_result_may_write(v->save_logits, v->overwrite, err));
    WEIR_TRY(weir_find_model(parsed->operands[0], &path, err));
    weir_status status = weir_eval_result_begin(&e->result, "ppl", err);
    if (status == WEIR_STATUS_OK)
        status = open_all(e, path, parsed->operands[1], err);
    if (status == WEIR_STATUS_OK) {
        weir_interrupt_with_care(e->side.engine);
        double start_s = weir_clock_s();
        status = score_all(e, err);
        e->seconds = weir_clock_s() - start_s;
    }
    if (status == WEIR_STATUS_OK)
        status = finish(e, err);
    free(path);
    return status;
}

static bool is_usable(const weir_parsed *parsed) {
    static const char *const of_samples[] = {"n", "seed", "held-out"};
    static const char *const counts[] = {"ctx", "stride", "max-tokens", "n"};
    const ppl_values *v = parsed->values;
    for (size_t i = 0; i < WEIR_COUNT(counts); i++)
        if (weir_option_given_zero(parsed, counts[i])) {
            weir_say("weir eval ppl: --%s: expected 1 at least", counts[i]);
            return false;
        }
    for (size_t i = 0; i < WEIR_COUNT(of_samples); i++)
        if (weir_option_given(parsed, of_samples[i]) &&
            !weir_eval_text_is_generated(parsed->operands[1])) {
            weir_say("weir eval ppl: --%s is for generated samples, gen:KIND, got '%s'",
                     of_samples[i], parsed->operands[1]);
            return false;
        }
    if (weir_option_given(parsed, "logits-top") && (!v->save_logits || v->logits_top == 0)) {
        weir_say("weir eval ppl: --logits-top: expected 1 at least, and --save-logits");
        return false;
    }
    if (v->overwrite && !v->out && !v->save_logits) {
        weir_say("weir eval ppl: --force is for --output and --save-logits");
        return false;
    }
    if (v->resumes && !v->journal) {
        weir_say("weir eval ppl: --resume is for --journal");
        return false;
    }
    if (v->journal && v->save_logits) {
        weir_say("weir eval ppl: --journal: a file of --save-logits cannot be gone on with; "
                 "expected one of the two");
        return false;
    }
    return true;
}

static int run(const weir_parsed *parsed) {
    evaluation e = {.values = parsed->values, .progress = weir_console_progress()};
    weir_error err = {0};
    if (!is_usable(parsed))
        return WEIR_EXIT_USAGE;
    weir_interrupt_with_care(NULL);
    weir_status status = evaluate(parsed, &e, &err);
    close_all(&e);
    if (weir_interrupted() && status != WEIR_STATUS_OK) /* it may show as something else */
        status = weir_fail(&err, WEIR_STATUS_CANCELLED, "interrupted%s",
                           e.values->journal ? "; --resume goes on" : "");
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
               "The error is that of the mean over windows.\n"
               "\n"
               "  weir eval ppl weir-nano stories.txt\n"
               "  weir eval ppl weir-nano chats.jsonl --assistant-only\n"
               "  weir eval ppl weir-nano gen:tool --held-out --assistant-only\n"
               "  weir eval ppl lfm2-24b.gguf text.txt --journal run.jsonl --resume\n"
               "  weir eval ppl lfm2-bf16.gguf text.txt --save-logits base.logits\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(ppl_values),
    .run = run,
};
