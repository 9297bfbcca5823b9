/*
 * weir.h: the public interface of libweir, an engine for the LFM2 family of language models.
 *
 * Lifetimes, from the outside in:
 *
 *   weir_model   the weights and what describes them. Immutable; any thread may read it.
 *   weir_engine  a model on one device with all the memory it will ever use. One thread at a time;
 *                only weir_engine_cancel may be called from another.
 *   weir_seq     one timeline of tokens on an engine. Belongs to its engine's thread.
 *
 * A handle keeps alive what it was made from, so the order of closing does not matter. Every
 * close(T **) accepts NULL and sets the handle to NULL.
 *
 * Every call that can fail returns a weir_status and, if `err` is not NULL, fills one line: what,
 * where, what was expected. On failure the out parameter is NULL and nothing has changed. The
 * library never exits, never prints, and allocates nothing inside a step. In option structs zero
 * means the default; a NULL options pointer means all defaults. Arrays of numbers carry their
 * shape, row-major, last index fastest. Output buffers are (buf, cap, *n): *n is always the whole
 * length, at most cap of it is written, and cap = 0 measures.
 */
#ifndef WEIR_H
#define WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#else
#define WEIR_API
#endif

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0

/* "0.1.0", of the library that runs. */
WEIR_API const char *weir_version(void);

/* ---- errors ------------------------------------------------------------------------------- */

/* name, number (never changes), text */
#define WEIR_STATUS_MAP(X)                    \
    X(OK, 0, "ok")                            \
    X(FAILED, 1, "failed")                    \
    X(BAD_ARGUMENT, 2, "bad argument")        \
    X(BAD_FILE, 3, "bad input file")          \
    X(NO_MEMORY, 4, "does not fit in memory") \
    X(IO, 5, "input or output failed")        \
    X(CANCELLED, 6, "cancelled")              \
    X(UNSUPPORTED, 7, "not supported")        \
    X(FULL, 8, "no room left")

typedef enum weir_status {
#define WEIR_STATUS_ENUM(name, number, text) WEIR_STATUS_##name = number,
    WEIR_STATUS_MAP(WEIR_STATUS_ENUM)
#undef WEIR_STATUS_ENUM
} weir_status;

enum { WEIR_ERROR_TEXT = 512 };

typedef struct weir_error {
    weir_status status;
    char text[WEIR_ERROR_TEXT]; /* one line, no newline: what, where, what was expected */
} weir_error;

/* The text of the map, or "unknown status". */
WEIR_API const char *weir_status_text(weir_status status);

/* Called now and then during long work; done <= total. The callbacks must not call the library.
 * is_cancelled is asked now and then by work that writes files: true ends it with CANCELLED, and
 * nothing of what it wrote stays. Either may be NULL. */
typedef struct weir_progress {
    void (*report)(void *context, const char *what, uint64_t done, uint64_t total);
    void *context;
    bool (*is_cancelled)(void *context);
} weir_progress;

/* ---- models ------------------------------------------------------------------------------- */

typedef struct weir_model weir_model;

typedef enum weir_layer_kind { WEIR_LAYER_CONV = 0, WEIR_LAYER_ATTN = 1 } weir_layer_kind;

/* What a model is. Text fields live as long as the model. */
typedef struct weir_model_info {
    const char *arch;      /* "lfm2" or "lfm2moe" */
    const char *name;      /* from the file, or its base name */
    const char *file_type; /* the format of most weight bytes: "q4_0", "bf16" */
    uint32_t n_layers, n_layers_conv, n_layers_attn, n_layers_dense;
    uint32_t d_model, n_vocab, n_heads, n_heads_kv, head_dim;
    uint32_t d_ff;        /* width of the dense feed-forward */
    uint32_t d_ff_expert; /* width of one expert; 0 without experts */
    uint32_t n_experts, n_experts_used;
    uint32_t l_cache; /* taps of the short convolution */
    uint32_t n_ctx;   /* positions the model was made for */
    float norm_eps, rope_theta, expert_scale;
    bool is_tied, has_conv_bias, has_expert_bias, has_topk_norm;
    int32_t bos, eos, pad;  /* token ids; -1 where the file has none */
    uint32_t replay_window; /* (l_cache - 1) x n_layers_conv: tokens that rebuild the conv state */
    uint64_t n_params;      /* all */
    uint64_t n_params_active; /* that one token meets */
    uint64_t weight_bytes;    /* of all tensors as they stand in the file */
} weir_model_info;

typedef struct weir_tensor_info {
    const char *name;
    const char *type; /* "f32", "q4_0", ... */
    uint32_t n_dims;
    uint64_t shape[4]; /* row-major: the last index is the fastest in memory */
    uint64_t bytes;
    uint64_t file_offset; /* in its file */
} weir_tensor_info;

/*
 * Opens a GGUF file (the first of a split, or any part of it) or a Hugging Face folder
 * (config.json and *.safetensors). Weights are mapped, not copied. Errors: BAD_FILE with file and
 * byte offset or tensor name, IO, UNSUPPORTED for an architecture outside the family.
 */
WEIR_API weir_status weir_model_open(weir_model **out, const char *path, weir_error *err);
WEIR_API void weir_model_close(weir_model **model);

WEIR_API void weir_model_get_info(const weir_model *model, weir_model_info *out);
WEIR_API weir_layer_kind weir_model_layer_kind(const weir_model *model, uint32_t layer);

WEIR_API size_t weir_model_n_tensors(const weir_model *model);
WEIR_API void weir_model_tensor(const weir_model *model, size_t i, weir_tensor_info *out);

/* Metadata entry i: *key and *type live as long as the model; the value is written as text
 * (arrays: the first items and the count). GGUF metadata, or the top level of config.json. */
WEIR_API size_t weir_model_n_meta(const weir_model *model);
WEIR_API void weir_model_meta(const weir_model *model, size_t i, const char **key,
                              const char **type, char *buf, size_t cap, size_t *n);

/* Counts values of tensor i that are not finite. */
WEIR_API weir_status weir_model_check_tensor(const weir_model *model, size_t i, uint64_t *n_nan,
                                             uint64_t *n_inf, weir_error *err);

/* ---- memory, planned before it is taken ---------------------------------------------------- */

typedef struct weir_engine_options {
    const char *device;   /* "cpu" (default) or "reference", the plain C oracle: one thread, one
                             kind of kernel, mapped weights, whatever is asked below */
    const char *isa;      /* cap on the kernels: "portable", "avx2", "avx512", "neon"; NULL: best */
    const char *kv_type;  /* "f32", "f16" (default), "q8" */
    uint32_t n_threads;   /* 0: physical cores within affinity and the cgroup quota */
    uint32_t n_ctx;       /* tokens one timeline may hold; 0: the model's, 8192 at most */
    uint32_t n_seqs;      /* timelines at once; 0: 1 */
    uint32_t n_pages;     /* K/V pages of 64 tokens shared by all; 0: n_seqs x pages of n_ctx */
    uint32_t n_batch;     /* rows of one step; 0: 512. Raised to replay window + 1 if smaller */
    uint32_t n_snapshots; /* conv states kept beside the live ones; 0: 4 per timeline */
    uint32_t n_out;       /* rows whose logits one step may return; 0: n_seqs */
    uint64_t max_bytes;   /* refuse to open if the plan needs more; 0: memory now available */
    bool no_prefix_cache; /* do not share pages between timelines with equal beginnings */
    bool no_pin;          /* leave threads where the system puts them */
    bool no_map; /* read the weights into the engine's own memory, in huge pages and not evictable,
                    instead of using them where their file is mapped */
    weir_progress progress;
} weir_engine_options;

enum { WEIR_PLAN_ITEMS = 16 };

typedef struct weir_plan {
    struct {
        const char *what; /* "weights", "K/V pages", ... */
        uint64_t bytes;
    } item[WEIR_PLAN_ITEMS];
    size_t n_items;
    uint64_t weight_bytes; /* read into memory, or mapped */
    uint64_t engine_bytes; /* what the engine allocates itself */
    uint64_t total_bytes;  /* their sum: what will be resident */
    uint32_t n_ctx, n_seqs, n_pages, n_batch, n_threads, n_snapshots; /* defaults filled in */
} weir_plan;

/* What weir_engine_open would take with these options, without taking it. */
WEIR_API weir_status weir_plan_make(weir_plan *out, const weir_model *model,
                                    const weir_engine_options *options, weir_error *err);

/* ---- engines ------------------------------------------------------------------------------ */

typedef struct weir_engine weir_engine;
typedef struct weir_seq weir_seq;

/* Takes all memory, starts the workers, reads the weights into memory. NO_MEMORY names the need,
 * what there is, and the options that would fit. */
WEIR_API weir_status weir_engine_open(weir_engine **out, weir_model *model,
                                      const weir_engine_options *options, weir_error *err);
WEIR_API void weir_engine_close(weir_engine **engine);

WEIR_API const weir_model *weir_engine_model(const weir_engine *engine);

/* What was really taken, in the items of the plan. */
WEIR_API void weir_engine_memory(const weir_engine *engine, weir_plan *out);

/* "cpu, avx512, 2 threads, K/V f16" */
WEIR_API const char *weir_engine_describe(const weir_engine *engine);

/* From any thread: the step that runs now, or else the next one that has something to run, returns
 * CANCELLED and no timeline has moved. */
WEIR_API void weir_engine_cancel(weir_engine *engine);

typedef struct weir_chunk {
    weir_seq *seq;
    uint32_t n_tokens; /* in: pending tokens to run, 0: as many as fit; out: how many were run */
    float *logits;     /* NULL, or [n_run, n_vocab]: the logits after every token that is run */
} weir_chunk;

/*
 * One step of the model over pending tokens of any number of timelines, prompts and single tokens
 * mixed; a timeline may occur once. Replay rows after a rewind are added by the engine and count
 * against n_batch. A timeline whose last pending token was run has new logits. All or nothing: on
 * failure no timeline has moved. FULL: a chunk with n_tokens > 0 does not fit in the batch or the
 * free pages, or no page is left for anything. Chunks with n_tokens 0 are cut to what fits, maybe
 * to nothing.
 */
WEIR_API weir_status weir_engine_step(weir_engine *engine, weir_chunk *chunks, size_t n_chunks,
                                      weir_error *err);

typedef struct weir_engine_stats {
    uint64_t n_steps, n_rows, n_rows_replayed; /* since the engine was opened */
    uint64_t n_tokens_from_prefix;             /* prompt tokens that shared pages made free */
    uint32_t n_pages, n_pages_used;            /* used: by timelines or kept for reuse */
    uint32_t n_pages_kept;                     /* of them, only kept for reuse */
} weir_engine_stats;
WEIR_API void weir_engine_get_stats(const weir_engine *engine, weir_engine_stats *out);

/* ---- timelines ---------------------------------------------------------------------------- */

/* FULL when n_seqs are open. The engine stays alive while a timeline is open. */
WEIR_API weir_status weir_seq_open(weir_seq **out, weir_engine *engine, weir_error *err);
WEIR_API void weir_seq_close(weir_seq **seq);

/* A second timeline with the same past. Pages are shared until one of the two writes. */
WEIR_API weir_status weir_seq_fork(weir_seq **out, const weir_seq *seq, weir_error *err);

/* Adds tokens at the end, to be run by later steps. On an empty timeline, pages of other timelines
 * with the same beginning are taken over. BAD_ARGUMENT names a token outside the vocabulary; FULL
 * the context that would be exceeded. */
WEIR_API weir_status weir_seq_append(weir_seq *seq, const int32_t *tokens, size_t n,
                                     weir_error *err);

/* Cuts the timeline to its first n tokens. Exact: what follows has the bits it would have had. */
WEIR_API weir_status weir_seq_rewind(weir_seq *seq, size_t n_tokens, weir_error *err);

/* Runs steps until nothing is pending, so that weir_seq_logits has an answer. If a step fails, what
 * the steps before it have run stays run. */
WEIR_API weir_status weir_seq_run(weir_seq *seq, weir_error *err);

WEIR_API size_t weir_seq_n_tokens(const weir_seq *seq);  /* pending ones included */
WEIR_API size_t weir_seq_n_pending(const weir_seq *seq); /* not run yet */
WEIR_API const int32_t *
weir_seq_tokens(const weir_seq *seq); /* [n_tokens], until the next change */

/* [n_vocab] after the last token, valid until the timeline changes; NULL if tokens are pending,
 * when the timeline is empty, or after a rewind to where none were kept: weir_seq_run makes them
 * again. */
WEIR_API const float *weir_seq_logits(const weir_seq *seq);

/* A timeline as a file: tokens, K/V, conv state, logits, with checksums and the fingerprint of the
 * model. Written to a temporary name, synced, renamed. Load refuses a damaged or foreign file
 * (BAD_FILE) before anything live is touched. What it brings is never shared with timelines that
 * have the same beginning. */
WEIR_API weir_status weir_seq_save(const weir_seq *seq, const char *path, weir_error *err);
WEIR_API weir_status weir_seq_load(weir_seq **out, weir_engine *engine, const char *path,
                                   weir_error *err);

/* ---- sampling ----------------------------------------------------------------------------- */

typedef struct weir_logit_bias {
    int32_t token;
    float bias;
} weir_logit_bias;

/*
 * Applied in this order: logit bias, mask, repetition penalty (multiplicative, over prompt and
 * answer), presence and frequency penalty (over the answer), temperature, top-k, top-p, min-p,
 * draw. Unlike elsewhere every field means what it says; weir_sampling_neutral and
 * weir_sampling_for_model fill the struct.
 */
typedef struct weir_sampling {
    float temperature;        /* 0: greedy, ties to the lower id */
    uint32_t top_k;           /* 0: all */
    float top_p;              /* 1: all */
    float min_p;              /* 0: all */
    float repetition_penalty; /* 1: none */
    uint32_t repeat_last_n;   /* the penalty sees only this many last tokens; 0: all */
    float presence_penalty, frequency_penalty; /* 0: none */
    uint64_t seed;                             /* same seed, position and logits: same token */
    const weir_logit_bias *bias;               /* [n_bias], kept by the caller */
    size_t n_bias;
} weir_sampling;

/* Greedy, nothing changed. */
WEIR_API void weir_sampling_neutral(weir_sampling *out);

/* What the model's makers recommend: from the file's metadata where it has any, else by the
 * model's name (docs/sampling.md), else greedy. *source names where it came from. */
WEIR_API void weir_sampling_for_model(weir_sampling *out, const weir_model *model,
                                      const char **source);

/* A seed from the system's entropy. */
WEIR_API uint64_t weir_seed_random(void);

typedef struct weir_sampler weir_sampler;

/* BAD_ARGUMENT names the field that is out of range. Copies the options, the biases too. */
WEIR_API weir_status weir_sampler_open(weir_sampler **out, const weir_model *model,
                                       const weir_sampling *sampling, weir_error *err);
WEIR_API void weir_sampler_close(weir_sampler **sampler);

/*
 * Draws the token after `history` [n_history], of which the first n_prompt are the prompt.
 * mask: NULL, or one bit per token of the vocabulary (bit t % 32 of word t / 32), 1 = allowed.
 * A pure function of its arguments. FAILED if no token is allowed or a logit is NaN.
 */
WEIR_API weir_status weir_sampler_draw(weir_sampler *sampler, const float *logits,
                                       const int32_t *history, size_t n_history, size_t n_prompt,
                                       const uint32_t *mask, int32_t *token, weir_error *err);

/* ---- generation: a prompt in, tokens out --------------------------------------------------- */

typedef enum weir_finish {
    WEIR_FINISH_STOP = 0,   /* a stop token */
    WEIR_FINISH_LENGTH = 1, /* max_tokens, or the context is full */
    WEIR_FINISH_CALLER = 2  /* on_token returned false */
} weir_finish;

typedef struct weir_generate_options {
    uint32_t max_tokens;        /* 0: until the context is full */
    const int32_t *stop_tokens; /* [n_stop_tokens]; n 0: the model's end token */
    size_t n_stop_tokens;
    bool ignore_eos;                                /* never stop at a token */
    bool (*on_token)(void *context, int32_t token); /* false ends the generation */
    void *context;
} weir_generate_options;

typedef struct weir_generate_result {
    weir_finish finish;
    uint32_t n_prompt, n_generated; /* the stop token is counted and stays in the timeline */
    double prompt_s, generate_s;    /* seconds */
} weir_generate_result;

/* Runs what is pending in `seq`, then draws and runs tokens. The timeline keeps the answer; its
 * last token is pending. If a step or a draw fails, what was generated before stays, and *result
 * tells how much. BAD_ARGUMENT for an empty timeline, or a sampler of another vocabulary. */
WEIR_API weir_status weir_generate(weir_seq *seq, weir_sampler *sampler,
                                   const weir_generate_options *options,
                                   weir_generate_result *result, weir_error *err);

/* ---- files: convert, make ----------------------------------------------------------------- */

typedef struct weir_convert_options {
    const char *type; /* of all matrices: "f32", "f16", "bf16", "q8_0", ...; NULL: as they are */
    bool overwrite;   /* replace OUT if it exists */
    uint32_t n_threads;
    weir_progress progress;
} weir_convert_options;

/*
 * IN (GGUF or Hugging Face folder) to OUT (GGUF). Norms, router, expert bias and conv taps stay
 * F32; rows whose length a format's block does not divide take the substitute named in
 * docs/formats.md. Written to a temporary name, synced, renamed.
 */
WEIR_API weir_status weir_convert(const char *in, const char *out,
                                  const weir_convert_options *options, weir_error *err);

typedef struct weir_synth_options {
    const char *config; /* a name of weir_synth_configs, or the path of a JSON (config.json keys) */
    const char *type;   /* as in convert; NULL: "q4_0" */
    uint64_t seed;      /* every value is a function of seed, tensor name and index */
    bool as_folder;     /* write a Hugging Face folder (f32, f16 or bf16) instead of a GGUF */
    bool overwrite;
    uint32_t n_threads;
    weir_progress progress;
} weir_synth_options;

/* A model of true shape with random weights (docs/synth.md), a synthetic tokenizer and a ChatML
 * template, streamed to disk. */
WEIR_API weir_status weir_synth(const char *out, const weir_synth_options *options,
                                weir_error *err);

/* Known configurations by name, NULL at the end: "lfm2-350m", ..., "lfm2-24b-a2b". */
WEIR_API const char *const *weir_synth_configs(void);

/* Names of number formats a matrix can be written in, NULL at the end. */
WEIR_API const char *const *weir_format_names(void);

#ifdef __cplusplus
}
#endif
#endif
