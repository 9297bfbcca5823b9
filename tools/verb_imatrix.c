/*
 * verb_imatrix.c: `weir imatrix`: runs a model over a text and keeps what its matrices were fed
 * with, for quantizing. Collecting is weir_imatrix_attach's.
 *
 * The text is packed as for training and cut into windows, each a timeline of its own. Windows run
 * side by side, so that every step is full whatever their length. Now and then, when no window is
 * half done, all there is goes to OUT.part, which a later run with --resume takes up.
 */
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "console.h"
#include "engine_shape.h"
#include "eval_result.h"
#include "interrupt.h"
#include "json_text.h"
#include "model_lookup.h"
#include "verbs.h"
#include "weir_imatrix.h"
#include "weir_train.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { N_LANES = 16, STEP_ROWS = 512, PAGE_TOKENS = 64, DEFAULT_CTX = 512, DEFAULT_SAVE = 64 };

typedef struct imatrix_values {
    const char *out;
    uint32_t n_ctx, n_threads, n_chunks, save_every;
    uint64_t max_tokens, gen_n, gen_seed;
    const char *split, *manifest, *kv_type, *activations, *device, *isa;
    bool held_out, with_head, resume, overwrite, as_json;
} imatrix_values;

#define AT(field) offsetof(imatrix_values, field)

static const weir_option options[] = {
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "FILE.gguf", "where the importance goes"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL,
     "replace --output if it exists, and what an interrupted run left"},
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N",
     "tokens of one window; default: 512, or the model's if that is less"},
    {"chunks", 0, WEIR_OPTION_U32, AT(n_chunks), "N", "stop after so many windows"},
    {"max-tokens", 0, WEIR_OPTION_U64, AT(max_tokens), "N", "stop after so many tokens"},
    {"head", 0, WEIR_OPTION_FLAG, AT(with_head), NULL,
     "also what the head is fed with: importance of output.weight, or of\ntoken_embd.weight if "
     "they are one"},
    {"save-every", 0, WEIR_OPTION_U32, AT(save_every), "N",
     "windows between copies of all there is to FILE.gguf.part;\ndefault: 64; 0: none"},
    {"resume", 0, WEIR_OPTION_FLAG, AT(resume), NULL,
     "go on from FILE.gguf.part, if it is there and of the same run"},
    {"split", 0, WEIR_OPTION_STRING, AT(split), "NAME", "only rows whose \"split\" is NAME"},
    {"manifest", 0, WEIR_OPTION_STRING, AT(manifest), "FILE.json",
     "with --split of a .txt: a JSON list of one object a document,\nin their order, whose "
     "\"split\" counts"},
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), WEIR_ACTIVATIONS_CHOICE,
     WEIR_ACTIVATIONS_HELP},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "how keys and values are kept; default: f32"},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), WEIR_DEVICE_CHOICE, WEIR_DEVICE_HELP},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL,
     "tell what was written as JSON, on standard output"},
    {"generated samples (gen:KIND)", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"n", 'n', WEIR_OPTION_U64, AT(gen_n), "N", "how many; default: 500"},
    {"seed", 0, WEIR_OPTION_U64, AT(gen_seed), "N", "another seed, other samples; default: 0"},
    {"held-out", 0, WEIR_OPTION_FLAG, AT(held_out), NULL,
     "with names and values that are never trained on"},
};

#undef AT

/* Where the next window begins. */
typedef struct cursor {
    uint64_t sample;
    size_t at; /* tokens of the sample that are in earlier windows */
    uint64_t n_windows, n_tokens;
} cursor;

typedef struct collection {
    const imatrix_values *values;
    const char *data;
    char *part; /* path of OUT.part */
    char *origin;
    weir_model *model;
    weir_model_info info;
    weir_engine *engine;
    weir_shard *shard;
    weir_imatrix *imatrix;
    uint32_t n_ctx, save_every;
    weir_seq *lanes[N_LANES]; /* the first n_busy have a window, the oldest first */
    size_t n_busy;
    int32_t *tokens; /* [n_ctx] */
    cursor next;
    uint64_t n_windows_resumed, n_tokens_resumed;
    weir_progress progress;
} collection;

/* ---- windows -------------------------------------------------------------------------------- */

/* A window inside a sample begins as the sample does, if that is with the model's first token. */
static size_t read_window(collection *c, size_t n_sample) {
    cursor *at = &c->next;
    size_t n_head = 0, n = n_sample - at->at;
    if (at->at > 0 && c->n_ctx > 1) {
        weir_shard_read(c->shard, at->sample, 0, 1, c->tokens, NULL);
        n_head = c->tokens[0] == c->info.bos;
    }
    size_t room = c->n_ctx;
    if (c->values->max_tokens > 0 && room > c->values->max_tokens - at->n_tokens)
        room = (size_t)(c->values->max_tokens - at->n_tokens);
    if (room <= n_head)
        n_head = 0;
    n = n < room - n_head ? n : room - n_head;
    weir_shard_read(c->shard, at->sample, at->at, n, c->tokens + n_head, NULL);
    at->at += n;
    return n_head + n;
}

static bool is_enough(const collection *c) {
    const imatrix_values *v = c->values;
    return (v->n_chunks > 0 && c->next.n_windows >= v->n_chunks) ||
           (v->max_tokens > 0 && c->next.n_tokens >= v->max_tokens);
}

/* Tokens of the next window, into c->tokens; 0: there is none. */
static size_t next_window(collection *c) {
    cursor *at = &c->next;
    while (at->sample < weir_shard_n_samples(c->shard) && !is_enough(c)) {
        size_t n_sample = weir_shard_sample_n(c->shard, at->sample);
        if (at->at >= n_sample) {
            at->sample++;
            at->at = 0;
            continue;
        }
        size_t n = read_window(c, n_sample);
        at->n_windows++;
        at->n_tokens += n;
        return n;
    }
    return 0;
}

/* ---- running -------------------------------------------------------------------------------- */

/* Gives free lanes windows, up to number `end`. */
static weir_status fill_lanes(collection *c, uint64_t end, weir_error *err) {
    while (c->n_busy < N_LANES && c->next.n_windows < end) {
        size_t n = next_window(c);
        if (n == 0)
            break;
        weir_seq *lane = c->lanes[c->n_busy++];
        WEIR_TRY(weir_seq_append(lane, c->tokens, n, err));
    }
    return WEIR_STATUS_OK;
}

static weir_status step(collection *c, weir_error *err) {
    weir_chunk chunks[N_LANES];
    size_t n_left = 0;
    for (size_t i = 0; i < c->n_busy; i++)
        chunks[i] = (weir_chunk){.seq = c->lanes[i]};
    WEIR_TRY(weir_engine_step(c->engine, chunks, c->n_busy, err));
    for (size_t i = 0; i < c->n_busy; i++) {
        if (weir_seq_n_pending(chunks[i].seq) == 0) {
            WEIR_TRY(weir_seq_rewind(chunks[i].seq, 0, err)); /* its pages are for others */
            continue;
        }
        weir_seq *free_lane = c->lanes[n_left];
        c->lanes[n_left++] = c->lanes[i];
        c->lanes[i] = free_lane;
    }
    c->n_busy = n_left;
    return WEIR_STATUS_OK;
}

/* By tokens, as far as they are known beforehand: windows inside a sample have one more. */
static void report(const collection *c) {
    const imatrix_values *v = c->values;
    uint64_t total = weir_shard_n_tokens(c->shard), done = c->next.n_tokens;
    if (v->n_chunks > 0 && total > (uint64_t)v->n_chunks * c->n_ctx)
        total = (uint64_t)v->n_chunks * c->n_ctx;
    if (v->max_tokens > 0 && total > v->max_tokens)
        total = v->max_tokens;
    if (c->progress.report)
        c->progress.report(c->progress.context, "collecting", done < total ? done : total - 1,
                           total);
}

/* What there is so far, when no window is half done. */
static weir_status set_source(collection *c, bool is_done, weir_error *err) {
    const weir_imatrix_source source = {.datasets = &c->data,
                                        .n_datasets = 1,
                                        .chunk_count = (uint32_t)c->next.n_windows,
                                        .chunk_size = c->n_ctx,
                                        .origin = is_done ? NULL : c->origin};
    return weir_imatrix_set_source(c->imatrix, &source, err);
}

static weir_status save_part(collection *c, weir_error *err) {
    WEIR_TRY(set_source(c, false, err));
    return weir_imatrix_save(c->imatrix, c->part, true, err);
}

/* Windows until number `end`, or until there are no more. */
static weir_status run_until(collection *c, uint64_t end, weir_error *err) {
    WEIR_TRY(weir_imatrix_attach(c->imatrix, c->engine, err));
    for (;;) {
        WEIR_TRY(fill_lanes(c, end, err));
        if (c->n_busy == 0)
            break;
        WEIR_TRY(step(c, err));
        if (weir_interrupted())
            return weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
        report(c);
    }
    return weir_imatrix_detach(c->imatrix, err);
}

static weir_status run_all(collection *c, weir_error *err) {
    if (!c->values->resume) /* of another run, or the flag would have been given */
        unlink(c->part);
    for (;;) {
        uint64_t begin = c->next.n_windows;
        uint64_t end = c->save_every > 0 ? begin + c->save_every : UINT64_MAX;
        WEIR_TRY(run_until(c, end, err));
        if (c->next.n_windows < end)
            break;
        WEIR_TRY(save_part(c, err));
    }
    if (c->next.n_windows == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: no sample has a token", c->data);
    WEIR_TRY(set_source(c, true, err));
    WEIR_TRY(weir_imatrix_save(c->imatrix, c->values->out, c->values->overwrite, err));
    if (c->progress.report)
        c->progress.report(c->progress.context, "collecting", 1, 1);
    unlink(c->part);
    return WEIR_STATUS_OK;
}

/* ---- going on ------------------------------------------------------------------------------- */

static const char *kv_type(const collection *c) {
    return c->values->kv_type ? c->values->kv_type : "f32";
}

/* What must be the same for a part to be gone on with: the model, the tokens, how they are cut,
 * what the numbers between the matrices are kept in. Device and kernels are free: with them the
 * sums differ by rounding alone. A model is told by its bytes: a state of a training and a later
 * one have name and shape in common. */
static weir_status make_origin(collection *c, const char *model_hash, const char *activations,
                               weir_error *err) {
    enum { READ = 4096, TEXT = 512 };
    XXH3_state_t *state = XXH3_createState();
    int32_t *tokens = malloc(READ * sizeof *tokens);
    c->origin = malloc(TEXT);
    bool has_memory = state && tokens && c->origin;
    if (has_memory)
        XXH3_64bits_reset(state);
    for (uint64_t i = 0; has_memory && i < weir_shard_n_samples(c->shard); i++) {
        size_t n = weir_shard_sample_n(c->shard, i), n_read;
        XXH3_64bits_update(state, &n, sizeof n);
        for (size_t at = 0; at < n; at += n_read) {
            n_read = n - at < READ ? n - at : READ;
            weir_shard_read(c->shard, i, at, n_read, tokens, NULL);
            XXH3_64bits_update(state, tokens, n_read * sizeof *tokens);
        }
    }
    if (has_memory)
        snprintf(c->origin, TEXT,
                 "%.64s, model %s; text %016" PRIx64
                 "; windows of %u tokens; head %d; activations %s; kv type %s",
                 c->info.name, model_hash, (uint64_t)XXH3_64bits_digest(state), c->n_ctx,
                 c->values->with_head, activations, kv_type(c));
    XXH3_freeState(state);
    free(tokens);
    return has_memory ? WEIR_STATUS_OK
                      : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to look at the text");
}

static weir_status set_origin(collection *c, const char *path, weir_error *err) {
    const imatrix_values *v = c->values;
    weir_eval_subject subject = {0};
    const char *activations;
    WEIR_TRY(weir_shape_activations(&activations, c->model, v->device, v->activations, err));
    weir_status status = weir_eval_subject_set(&subject, path, c->model, &c->progress, err);
    if (status == WEIR_STATUS_OK)
        status = make_origin(c, subject.hash, activations, err);
    weir_eval_subject_free(&subject);
    return status;
}

static weir_status take_up_part(collection *c, weir_error *err) {
    weir_imatrix_source source;
    if (!weir_path_exists(c->part)) {
        weir_say("weir imatrix: there is no %s to go on from, beginning anew", c->part);
        return WEIR_STATUS_OK;
    }
    weir_imatrix_close(&c->imatrix);
    WEIR_TRY(weir_imatrix_open(&c->imatrix, c->part, err));
    weir_imatrix_get_source(c->imatrix, &source);
    if (!source.origin || strcmp(source.origin, c->origin) != 0)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "%s: of another run (%s), expected %s; without --resume, --force begins "
                         "anew",
                         c->part, source.origin ? source.origin : "which it does not name",
                         c->origin);
    uint32_t n_done = source.chunk_count;
    while (c->next.n_windows < n_done && next_window(c) > 0)
        ;
    if (c->next.n_windows < n_done)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "%s: holds %u windows already, expected at most the %" PRIu64
                         " that --chunks and --max-tokens leave",
                         c->part, n_done, c->next.n_windows);
    c->n_windows_resumed = c->next.n_windows;
    c->n_tokens_resumed = c->next.n_tokens;
    return WEIR_STATUS_OK;
}

/* Is what lies there under OUT.part's name the part of an earlier run? Those are whole at any time.
 */
static bool is_ours(const char *part) {
    weir_imatrix *old = NULL;
    weir_error ignored;
    bool is_part = weir_imatrix_open(&old, part, &ignored) == WEIR_STATUS_OK;
    weir_imatrix_close(&old);
    return is_part;
}

/* Hours of work must not end where nothing can be written. */
static weir_status check_out(const collection *c, weir_error *err) {
    const imatrix_values *v = c->values;
    weir_out *trial = NULL;
    WEIR_TRY(weir_out_open(&trial, v->out, v->overwrite, err));
    weir_out_abort(&trial);
    if (weir_path_exists(c->part) && !v->resume && !v->overwrite)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "%s: left by a run that was interrupted; --resume goes on from it, "
                         "--force begins anew",
                         c->part);
    if (weir_path_exists(c->part) && !is_ours(c->part))
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "%s: is there, and no importance of an interrupted run: move it away",
                         c->part);
    return WEIR_STATUS_OK;
}

/* ---- what it runs on ------------------------------------------------------------------------ */

static const char GEN[] = "gen:";

static bool is_generated(const char *file) {
    return strncmp(file, GEN, strlen(GEN)) == 0;
}

static weir_status open_shard(collection *c, const char *model, weir_error *err) {
    const imatrix_values *v = c->values;
    weir_pack_options pack = {.split = v->split,
                              .manifest = v->manifest,
                              .tokenizer = model,
                              .max_tokens = 1 << 20,
                              .n_threads = v->n_threads,
                              .progress = c->progress};
    weir_pack_report report;
    if (is_generated(c->data)) {
        pack.gen_kind = c->data + strlen(GEN);
        pack.gen_n = v->gen_n > 0 ? v->gen_n : 500;
        pack.gen_seed = v->gen_seed;
        pack.gen_held_out = v->held_out;
    } else {
        pack.path = c->data;
    }
    return weir_shard_make(&c->shard, &pack, &report, err);
}

/* One window is under way at most that a step has begun and not ended; pages are for it and for
 * what a step can hold beside it. */
static weir_status open_engine(collection *c, weir_error *err) {
    const imatrix_values *v = c->values;
    uint32_t window_pages = c->n_ctx / PAGE_TOKENS + 1;
    weir_engine_options o = {.device = v->device,
                             .isa = v->isa,
                             .kv_type = kv_type(c),
                             .activations = v->activations,
                             .n_threads = v->n_threads,
                             .n_ctx = c->n_ctx,
                             .n_seqs = N_LANES,
                             .n_pages = window_pages + STEP_ROWS / PAGE_TOKENS + N_LANES,
                             .n_batch = STEP_ROWS,
                             .no_prefix_cache = true,
                             .progress = c->progress};
    WEIR_TRY(weir_engine_open(&c->engine, c->model, &o, err));
    for (size_t i = 0; i < N_LANES; i++)
        WEIR_TRY(weir_seq_open(&c->lanes[i], c->engine, err));
    c->tokens = malloc(c->n_ctx * sizeof *c->tokens);
    return c->tokens ? WEIR_STATUS_OK
                     : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %u tokens", c->n_ctx);
}

static weir_status open_all(collection *c, const char *path, weir_error *err) {
    const imatrix_values *v = c->values;
    WEIR_TRY(check_out(c, err));
    WEIR_TRY(open_shard(c, path, err));
    WEIR_TRY(weir_model_open(&c->model, path, err));
    weir_model_get_info(c->model, &c->info);
    c->n_ctx = v->n_ctx > 0 ? v->n_ctx : c->info.n_ctx < DEFAULT_CTX ? c->info.n_ctx : DEFAULT_CTX;
    WEIR_TRY(open_engine(c, err));
    if (c->save_every > 0 || v->resume) /* else nobody asks, and hashing reads the whole file */
        WEIR_TRY(set_origin(c, path, err));
    WEIR_TRY(weir_imatrix_make(&c->imatrix, err));
    if (v->resume)
        WEIR_TRY(take_up_part(c, err));
    weir_imatrix_with_head(c->imatrix, v->with_head);
    return WEIR_STATUS_OK;
}

static void close_all(collection *c) {
    weir_interrupt_with_care(NULL);
    weir_imatrix_close(&c->imatrix);
    for (size_t i = 0; i < N_LANES; i++)
        weir_seq_close(&c->lanes[i]);
    weir_engine_close(&c->engine);
    weir_model_close(&c->model);
    weir_shard_close(&c->shard);
    free(c->tokens);
    free(c->origin);
    free(c->part);
}

/* ---- the result ----------------------------------------------------------------------------- */

/* Experts of all layers that no row met; each stands in several stacks. */
static uint64_t count_unseen(const weir_imatrix *imatrix) {
    static const char of_one[] = ".ffn_down_exps.weight";
    uint64_t n = 0;
    for (size_t i = 0; i < weir_imatrix_n(imatrix); i++) {
        weir_imatrix_entry e;
        weir_imatrix_get(imatrix, i, &e);
        size_t n_name = strlen(e.name), n_end = sizeof of_one - 1;
        bool is_one = n_name > n_end && strcmp(e.name + n_name - n_end, of_one) == 0;
        for (uint32_t m = 0; is_one && m < e.n_matrices; m++)
            n += e.counts[m] <= 0;
    }
    return n;
}

static weir_status tell(const collection *c, const char *model, double seconds, weir_error *err) {
    const char *out = c->values->out;
    uint64_t n_run = c->next.n_tokens - c->n_tokens_resumed, n_unseen = count_unseen(c->imatrix);
    double per_s = seconds > 0 ? (double)n_run / seconds : 0;
    if (c->values->as_json)
        return weir_json_print(
            json_pack(
                "{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "model",
                weir_json_text(model, strlen(model)), "data",
                weir_json_text(c->data, strlen(c->data)), "out", weir_json_text(out, strlen(out)),
                "entries", (json_int_t)weir_imatrix_n(c->imatrix), "windows",
                (json_int_t)c->next.n_windows, "windows_resumed", (json_int_t)c->n_windows_resumed,
                "ctx", (json_int_t)c->n_ctx, "tokens", (json_int_t)c->next.n_tokens,
                "experts_unseen", (json_int_t)n_unseen, "seconds", seconds, "tokens_per_s", per_s),
            err);
    weir_say("%s is written: %zu tensors from %" PRIu64 " tokens in %" PRIu64
             " windows (%.0f tokens/s)",
             out, weir_imatrix_n(c->imatrix), c->next.n_tokens, c->next.n_windows, per_s);
    if (n_unseen > 0)
        weir_say("%" PRIu64 " expert%s met no token: more text, or other text, would help; weir "
                 "imatrix show tells which layers",
                 n_unseen, n_unseen == 1 ? "" : "s");
    return WEIR_STATUS_OK;
}

static weir_status collect(const weir_parsed *parsed, collection *c, weir_error *err) {
    char *path = NULL;
    size_t n_part = strlen(c->values->out) + sizeof ".part";
    c->part = malloc(n_part);
    if (!c->part)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a path");
    snprintf(c->part, n_part, "%s.part", c->values->out);
    WEIR_TRY(weir_find_model(parsed->operands[0], &path, err));
    weir_status status = open_all(c, path, err);
    if (status == WEIR_STATUS_OK) {
        weir_interrupt_with_care(c->engine);
        double start_s = weir_clock_s();
        status = run_all(c, err);
        if (status == WEIR_STATUS_OK)
            status = tell(c, path, weir_clock_s() - start_s, err);
    }
    free(path);
    return status;
}

/* Mistakes that the table of flags does not see. */
static bool check_flags(const weir_parsed *parsed) {
    static const char *const of_samples[] = {"n", "seed", "held-out"};
    static const char *const positive[] = {"ctx", "chunks", "max-tokens", "n"};
    const imatrix_values *v = parsed->values;
    for (size_t i = 0; i < WEIR_COUNT(of_samples) && !is_generated(parsed->operands[1]); i++)
        if (weir_option_given(parsed, of_samples[i])) {
            weir_say("weir imatrix: --%s is for generated samples, gen:KIND, got '%s'",
                     of_samples[i], parsed->operands[1]);
            return false;
        }
    for (size_t i = 0; i < WEIR_COUNT(positive); i++)
        if (weir_option_given_zero(parsed, positive[i])) {
            weir_say("weir imatrix: --%s: expected 1 at least", positive[i]);
            return false;
        }
    if (!v->out)
        weir_say("weir imatrix: where does the importance go? expected --output FILE.gguf");
    return v->out != NULL;
}

static int run(const weir_parsed *parsed) {
    const imatrix_values *v = parsed->values;
    collection c = {.values = v,
                    .data = parsed->operands[1],
                    .save_every = v->save_every,
                    .progress = weir_console_progress()};
    weir_error err = {0};
    if (!check_flags(parsed))
        return WEIR_EXIT_USAGE;
    if (!weir_option_given(parsed, "save-every"))
        c.save_every = DEFAULT_SAVE;
    weir_interrupt_with_care(NULL);
    weir_status status = collect(parsed, &c, &err);
    bool has_part = c.part && c.engine && weir_path_exists(c.part);
    if (weir_interrupted()) /* it may show as a step that was given up */
        status = has_part ? weir_fail(&err, WEIR_STATUS_CANCELLED,
                                      "interrupted; %s has what was done, --resume goes on from it",
                                      c.part)
                          : weir_fail(&err, WEIR_STATUS_CANCELLED, "interrupted");
    close_all(&c);
    return weir_tell_output_failure("imatrix", status, &err, v->out, v->overwrite);
}

const weir_verb weir_verb_imatrix = {
    .name = "imatrix",
    .summary = "Collects importance for quantizing from a text",
    .operands = "MODEL DATA",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details =
        "DATA is a text (.txt, documents divided by lines <|endoftext|>), conversations\n"
        "(.jsonl), either also as .zst, or gen:KIND, samples of a generator (weir help train "
        "gen).\n"
        "FILE.gguf is an importance file as llama.cpp reads and writes them: sums of squares of "
        "what\neach matrix is fed with, of each expert by itself, and how many rows it met.\n"
        "\n"
        "  weir imatrix weir-nano stories.txt -o nano.imatrix.gguf\n"
        "  weir imatrix merge nano.imatrix.gguf chats.imatrix.gguf -o both.imatrix.gguf\n"
        "  weir imatrix show both.imatrix.gguf\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(imatrix_values),
    .run = run,
};
