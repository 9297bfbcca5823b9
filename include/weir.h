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
 * nothing of what it wrote stays, unless the call says otherwise. Either may be NULL. */
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
/* How many items entry i has: those of a GGUF array, else 1. One item as text, whole. */
WEIR_API size_t weir_model_meta_n_items(const weir_model *model, size_t i);
WEIR_API void weir_model_meta_item(const weir_model *model, size_t i, size_t item, char *buf,
                                   size_t cap, size_t *n);

/* Counts values of tensor i that are not finite. */
WEIR_API weir_status weir_model_check_tensor(const weir_model *model, size_t i, uint64_t *n_nan,
                                             uint64_t *n_inf, weir_error *err);

/* ---- adapters ----------------------------------------------------------------------------- */

/* A low-rank adapter (LoRA, Hu et al. 2021) for a model: y = x W' + scale alpha / rank (x A') B' on
 * the matrices it names. Immutable; any thread may read it. Keeps its model alive. */
typedef struct weir_lora weir_lora;

typedef struct weir_lora_info {
    const char *name; /* base name of the path */
    const char *form; /* "gguf" or "peft" */
    uint32_t rank;    /* the largest */
    float alpha;
    uint32_t n_matrices; /* adapted; an expert counts as one */
    uint64_t n_params, bytes;
} weir_lora_info;

/* path: an adapter GGUF (general.type "adapter"), a PEFT folder, or its adapter_model.safetensors.
 * BAD_FILE names the tensor that is for no matrix of this model, has another shape, or lacks its
 * other half; UNSUPPORTED other methods than LoRA. */
WEIR_API weir_status weir_lora_open(weir_lora **out, weir_model *model, const char *path,
                                    weir_error *err);
WEIR_API void weir_lora_close(weir_lora **lora);
WEIR_API void weir_lora_get_info(const weir_lora *lora, weir_lora_info *out);

/* ---- packed weights ----------------------------------------------------------------------- */

/* Quantized weights in a file of their own: weir_packed.h. */
typedef struct weir_packed weir_packed;

/* ---- devices ------------------------------------------------------------------------------ */

enum { WEIR_DEVICE_TEXT = 224 };

/* What a device of weir_engine_options is on this machine. */
typedef struct weir_device_info {
    char text[WEIR_DEVICE_TEXT]; /* "NVIDIA H200, compute capability 9.0, driver for CUDA 13.0" */
    bool has_own_memory;         /* false: it computes in the machine's, and the rest is 0 */
    uint64_t total_bytes, free_bytes;
} weir_device_info;

/* device NULL: "cpu". BAD_ARGUMENT: this library has no device of the name. FAILED says what is
 * missing, the driver or a GPU, and what could be used instead. */
WEIR_API weir_status weir_device_look(weir_device_info *out, const char *device, weir_error *err);

/* ---- memory, planned before it is taken ---------------------------------------------------- */

typedef struct weir_engine_options {
    const char *device;       /* "cpu" (default); "cuda", an NVIDIA GPU, where it is built in; or
                                 "reference", the plain C oracle: one thread, one kind of kernel,
                                 mapped weights, whatever is asked below */
    const char *isa;          /* cap on the kernels: "portable", "avx2", "avxvnni", "avx512",
                                 "avx512vnni", "amx", "neon", "dotprod", "i8mm"; NULL: best */
    const char *kv_type;      /* "f32", "f16" (default), "q8" */
    const char *activations;  /* in products. On "cpu", with quantized weights: "q8" (default),
                                 rounded to 8 bits by groups of 32, the weights packed into the
                                 engine's memory; "q15", to 15 bits; "f32", the weights used where
                                 they are mapped, slower; "parity", so too, but as llama.cpp rounds.
                                 On "cuda": "bf16" (default), on tensor cores; "f32", slower. Same
                                 bits alone and in company in each; docs/numerics.md has the errors */
    uint32_t n_threads;       /* 0: physical cores within affinity and the cgroup quota */
    uint32_t n_ctx;           /* tokens one timeline may hold; 0: the model's, 8192 at most */
    uint32_t n_seqs;          /* timelines at once; 0: 1 */
    uint32_t n_pages;         /* K/V pages of 64 tokens shared by all; 0: n_seqs x pages of n_ctx */
    uint32_t n_batch;         /* rows of one step; 0: 512. Raised to replay window + 1 if smaller */
    uint32_t n_snapshots;     /* conv states kept beside the live ones; 0: 4 per timeline */
    uint32_t n_out;           /* rows whose logits one step may return; 0: n_seqs */
    uint64_t max_bytes;       /* refuse to open if the plan needs more; 0: memory now available */
    uint64_t ram_bytes;       /* a model with experts whose plan needs more: experts
                                 stay in their file, are read when they are needed, and
                                 kept in what the rest of the plan leaves of this; with
                                 the bits they would have in memory. On the CPU. Refuses
                                 to open if even that needs more. 0: all weights in
                                 memory. docs/memory.md has what it costs */
    bool no_prefix_cache;     /* do not share pages between timelines with equal beginnings */
    const char *store_folder; /* pages that nobody uses are kept here as files, and found again when
                                 memory has run out or by another engine (docs/state-file.md); made
                                 if it is not there. NULL: nowhere */
    uint64_t store_bytes;     /* of all files in it, the longest unused go; 0: 64 GiB */
    bool no_pin;              /* tie no thread to a processor, as is done if they take all cores */
    bool no_map; /* weights that are not packed: read them into the engine's own memory, in huge
                    pages and not evictable, instead of using them where their file is mapped */
    weir_packed *packed;      /* of this model, on "cpu" with "q8" or "q15", no no_map: weights that
                                 it holds are used where it is mapped, and not read from the model;
                                 not where experts are streamed (ram_bytes). The engine keeps it
                                 alive */
    weir_lora *const *loras;  /* [n_loras] of this model; the engine keeps them alive */
    const float *lora_scales; /* [n_loras] of timelines that set none; NULL: 1 each */
    size_t n_loras;
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
    const char *activations;                                          /* the same: "q8" */
    uint64_t streamed_bytes;       /* of experts that are read from their file when they are needed;
                                      0: all weights are in memory */
    uint64_t streamed_token_bytes; /* of those that one token uses */
    uint32_t n_expert_slots;       /* matrices of experts that the item "experts, cached" has room
                                      for */
} weir_plan;

/* What weir_engine_open would take with these options, without taking it. */
WEIR_API weir_status weir_plan_make(weir_plan *out, const weir_model *model,
                                    const weir_engine_options *options, weir_error *err);

/* About what an engine will reach that reads experts from their file; zeros: it
 * reads none. */
typedef struct weir_stream_speed {
    uint64_t resident_bytes, all_bytes; /* of weights: in memory at most, and altogether */
    double disk_bytes_per_s;            /* of reads like the engine's, measured */
    double memory_bytes_per_s;          /* measured */
    double hit_share;                   /* of the matrices that a token needs, in memory once it is
                                           full, if all were equally likely: text has favourites and
                                           finds more */
    double token_read_bytes;            /* from the disk for one token, then */
    double tokens_per_s;                /* of one timeline, then; before, the cache has to fill */
} weir_stream_speed;

/* Plans an engine with these options, and measures disk and memory for half a
 * second. */
WEIR_API weir_status weir_stream_speed_probe(weir_stream_speed *out, const weir_model *model,
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

/* NULL, or why the engine's device is lost: every step fails from there on, no timeline moves, and
 * what is kept must go on with another engine. The text lives as long as the engine. */
WEIR_API const char *weir_engine_failure(const weir_engine *engine);

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
    uint64_t n_tokens_from_store;              /* of those from prefixes, what files brought */
    uint64_t n_pages_unstored;                 /* finished, shared, and not in the store yet */
    uint64_t n_store_files, store_bytes, n_store_failures; /* zeros without a store */
    uint64_t n_expert_uses, n_expert_hits; /* matrices of experts that layers needed, and those that
                                              were in memory; zeros unless they are streamed */
    uint64_t expert_read_bytes;            /* from their file */
    uint64_t n_expert_guesses, n_expert_guesses_taken; /* read ahead, and needed then */
    double expert_wait_s; /* a thread had nothing to do but wait for reads */
} weir_engine_stats;
WEIR_API void weir_engine_get_stats(const weir_engine *engine, weir_engine_stats *out);

/* Writes up to n_most finished pages that are not in the store yet; closing the engine writes all,
 * unless it was cancelled. Returns how many are left. What cannot be written stays in memory. */
WEIR_API uint64_t weir_engine_store_pages(weir_engine *engine, uint32_t n_most);

/* Looks at what steps compute on their way and changes nothing of it: called within
 * weir_engine_step, on its thread. `what`: "hidden" (layer 0: the embeddings, i + 1: output of
 * layer i), "mid", "router_logits", "router_selected" (int32 [n_rows, n_experts_used], ascending),
 * "router_weights", "final_norm"; "input.attn_q", "input.conv_in", "input.ffn_down", ...: what a
 * product is fed with ("input.experts_gate" and "_up" have one row a token, "input.experts_down"
 * one for each expert it chose, in the order of the last "router_selected"). data: [n_rows, width]
 * float or int32, valid during the call; rows that replay are among them. */
typedef struct weir_observer {
    void (*take)(void *context, const char *what, uint32_t layer, const void *data, uint32_t n_rows,
                 uint32_t width);
    void *context;
} weir_observer;

/* The observer is copied; NULL: none. */
WEIR_API void weir_engine_observe(weir_engine *engine, const weir_observer *observer);

/* ---- timelines ---------------------------------------------------------------------------- */

/* FULL when n_seqs are open. The engine stays alive while a timeline is open. */
WEIR_API weir_status weir_seq_open(weir_seq **out, weir_engine *engine, weir_error *err);
WEIR_API void weir_seq_close(weir_seq **seq);

/* A second timeline with the same past. Pages are shared until one of the two writes. */
WEIR_API weir_status weir_seq_fork(weir_seq **out, const weir_seq *seq, weir_error *err);

/* Adds tokens at the end, to be run by later steps. On an empty timeline, what other timelines,
 * open or closed, have in common with its beginning is taken over, to the token. BAD_ARGUMENT names
 * a token outside the vocabulary; FULL the context that would be exceeded. */
WEIR_API weir_status weir_seq_append(weir_seq *seq, const int32_t *tokens, size_t n,
                                     weir_error *err);

/* What an empty timeline took over from others when it got its first tokens, and why not more. */
typedef enum weir_reuse_end {
    WEIR_REUSE_ALL = 0,       /* all that others had run; at least one token is always run */
    WEIR_REUSE_DIFFERENT = 1, /* what follows is unknown here: nobody ran it, or it was given up */
    WEIR_REUSE_NO_PAGES = 2,  /* no page was free to hold more */
    WEIR_REUSE_OFF = 3        /* no_prefix_cache, or other adapter scales than the engine's */
} weir_reuse_end;

typedef struct weir_reuse {
    uint32_t n_tokens;     /* taken over */
    uint32_t n_from_store; /* of them, from files */
    weir_reuse_end end;
} weir_reuse;
WEIR_API void weir_seq_get_reuse(const weir_seq *seq, weir_reuse *out);

/* How strongly this timeline uses each of the engine's adapters: scales [n_loras], 0: not at all.
 * BAD_ARGUMENT unless it is empty. A fork has the scales of what it was forked from. */
WEIR_API weir_status weir_seq_set_loras(weir_seq *seq, const float *scales, weir_error *err);

/* Steps that only decode, a token of each timeline, also run up to `most` guesses of what follows
 * this one's, where that is measured to pay, 16 of all; 0: none any more. A guess that comes true
 * when it is appended needs no step; nothing else changes. Takes the memory of an index. A fork
 * begins without. BAD_ARGUMENT unless the engine has more than `most` of n_out and n_snapshots. */
WEIR_API weir_status weir_seq_set_lookup(weir_seq *seq, uint32_t most, weir_error *err);
/* True: the one token that is pending had been guessed and has run; weir_seq_logits has what comes
 * behind it, without the step, which might have waited for other timelines'. */
WEIR_API bool weir_seq_take_guessed(weir_seq *seq);
/* How many were guessed since then, and how many came true; zeros without. */
WEIR_API void weir_seq_get_lookup(const weir_seq *seq, uint64_t *n_drafts, uint64_t *n_taken);

/* Cuts the timeline to its first n tokens. Exact: what follows has the bits it would have had. */
WEIR_API weir_status weir_seq_rewind(weir_seq *seq, size_t n_tokens, weir_error *err);

/* Runs steps until nothing is pending, so that weir_seq_logits has an answer (or weir_seq_drawn,
 * where a draw was planned). If a step fails, what the steps before it have run stays run. */
WEIR_API weir_status weir_seq_run(weir_seq *seq, weir_error *err);

WEIR_API size_t weir_seq_n_tokens(const weir_seq *seq);       /* pending ones included */
WEIR_API size_t weir_seq_n_pending(const weir_seq *seq);      /* not run yet */
WEIR_API const int32_t *weir_seq_tokens(const weir_seq *seq); /* [n_tokens], until it changes */

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

/* BAD_ARGUMENT names the field that is out of range; biases need a vocabulary of n_vocab. */
WEIR_API weir_status weir_sampling_check(const weir_sampling *sampling, uint32_t n_vocab,
                                         weir_error *err);

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

/*
 * Draws on the device: one that can brings the token instead of the logits of a large vocabulary,
 * step by step and for every timeline. Which token it is does not depend on who draws it. Plan the
 * draw before the step, look for the token behind it; without one draw from weir_seq_logits:
 *
 *   weir_seq_plan_draw(seq, sampler, &options, &err);
 *   weir_engine_step(...);
 *   const weir_drawn *drawn = weir_seq_drawn(seq);
 */
enum { WEIR_DRAWN_TOP = 64 };

typedef struct weir_drawn {
    int32_t token;
    /* with wants_logprob; of the model's distribution, before sampling changes it */
    float logprob;  /* natural */
    uint32_t rank;  /* 1: the likeliest; equal ones share the better rank */
    uint32_t n_top; /* as was asked for */
    struct {
        int32_t token;
        float logprob;
    } top[WEIR_DRAWN_TOP]; /* [n_top] likeliest first, equal ones by id */
} weir_drawn;

typedef struct weir_draw_options {
    size_t n_prompt;      /* as of weir_sampler_draw; the history is the timeline's tokens */
    const uint32_t *mask; /* the same */
    bool wants_logprob;
    uint32_t n_top; /* WEIR_DRAWN_TOP at most; with wants_logprob */
    /* For speed, no promise: what is drawn will be appended, and the next token drawn with the same
     * sampler and options; so the device may begin it early. Not with a mask or a lookup. */
    bool runs_ahead;
} weir_draw_options;

/* Does this engine's device draw tokens? If not, plans are taken and nothing comes of them. */
WEIR_API bool weir_engine_can_draw(const weir_engine *engine);

/* The step that runs the last pending token is to draw the token behind it, unless the timeline
 * changes before. Sampler and mask must stay as they are until then, so a sampler has one plan at a
 * time; may be called for different timelines of an engine by several threads at once. Not every
 * draw can be made there: with a lookup, top_k above 2048, biases or answer tokens under penalties
 * that are more than 1024, two biases of one token, or a token that is none of the 2048 likeliest,
 * there are logits as ever. BAD_ARGUMENT for an empty timeline, and as weir_sampler_draw. */
WEIR_API weir_status weir_seq_plan_draw(weir_seq *seq, weir_sampler *sampler,
                                        const weir_draw_options *options, weir_error *err);
/* No draw is planned, and one that was made is forgotten: weir_seq_run brings the logits. */
WEIR_API void weir_seq_drop_draw(weir_seq *seq);
/* The token behind the last one, until the timeline changes; NULL: none was drawn. Where there is
 * one, weir_seq_logits is NULL, and weir_seq_run is content. */
WEIR_API const weir_drawn *weir_seq_drawn(const weir_seq *seq);

/* ---- generation: a prompt in, tokens out --------------------------------------------------- */

typedef enum weir_finish {
    WEIR_FINISH_STOP = 0,   /* a stop token, or the matcher has its whole text */
    WEIR_FINISH_LENGTH = 1, /* max_tokens, or the context is full */
    WEIR_FINISH_CALLER = 2  /* on_token returned false */
} weir_finish;

typedef struct weir_generate_options {
    uint32_t max_tokens;        /* 0: until the context is full */
    const int32_t *stop_tokens; /* [n_stop_tokens]; n 0: the model's end token */
    uint32_t lookup; /* drafts of one step, 16 at most: what followed the last tokens when they last
                        occurred is run behind them, where that is measured to pay. It changes the
                        number of steps, never a bit of tokens or logits. Each takes a row of n_out
                        and a snapshot; 0: none */
    size_t n_stop_tokens;
    bool ignore_eos;                                /* never stop at a token */
    bool (*on_token)(void *context, int32_t token); /* false ends the generation */
    void *context;
    struct weir_matcher *matcher; /* what the answer must be: only what it allows is drawn, and
                                     where nothing but an end can follow the generation stops.
                                     Opened with the stop tokens as its ends. NULL: anything */
} weir_generate_options;

typedef struct weir_generate_result {
    weir_finish finish;
    uint32_t n_prompt, n_generated;    /* the stop token is counted and stays in the timeline */
    double prompt_s, generate_s;       /* seconds */
    uint32_t n_steps;                  /* run behind the prompt */
    uint32_t n_drafts, n_drafts_taken; /* tokens that were drafted, and those that came true */
} weir_generate_result;

/* Runs what is pending in `seq`, then draws and runs tokens. The timeline keeps the answer; its
 * last token is pending. If a step or a draw fails, what was generated before stays, and *result
 * tells how much. BAD_ARGUMENT for an empty timeline, a sampler of another vocabulary, or a lookup
 * that the engine has no room for: it needs more than that of n_out and of n_snapshots. */
WEIR_API weir_status weir_generate(weir_seq *seq, weir_sampler *sampler,
                                   const weir_generate_options *options,
                                   weir_generate_result *result, weir_error *err);

/* ---- text: bytes and tokens ----------------------------------------------------------------- */

/* The tokenizer of a model: vocabulary, merges, the split of text into pieces, the chat templates
 * that stand in the file. Immutable; any thread may read it. Needs no weights. */
typedef struct weir_tokenizer weir_tokenizer;

/* GGUF's numbers */
typedef enum weir_token_kind {
    WEIR_TOKEN_NONE = 0,         /* no entry of this id */
    WEIR_TOKEN_NORMAL = 1,       /* comes about by merges only */
    WEIR_TOKEN_CONTROL = 3,      /* matched in text only where that is allowed */
    WEIR_TOKEN_USER_DEFINED = 4, /* matched in any text */
    WEIR_TOKEN_UNUSED = 5        /* fills the vocabulary up; never made from text, has no bytes */
} weir_token_kind;

/* Is a piece that is an entry of the vocabulary taken whole, before any merge? */
typedef enum weir_ignore_merges {
    WEIR_IGNORE_MERGES_AS_FILE =
        0, /* as tokenizer.json says; a GGUF says it only if weir wrote it */
    WEIR_IGNORE_MERGES_NO = 1,
    WEIR_IGNORE_MERGES_YES = 2
} weir_ignore_merges;

typedef struct weir_tokenizer_options {
    weir_ignore_merges ignore_merges;
} weir_tokenizer_options;

/* path: a GGUF file, a tokenizer.json, or a folder that has one. Errors: BAD_FILE with the place,
 * UNSUPPORTED for another kind of tokenizer than byte-level BPE, IO. */
WEIR_API weir_status weir_tokenizer_open(weir_tokenizer **out, const char *path,
                                         const weir_tokenizer_options *options, weir_error *err);
WEIR_API void weir_tokenizer_close(weir_tokenizer **tokenizer);

/* Text fields live as long as the tokenizer. */
typedef struct weir_tokenizer_info {
    size_t n_tokens; /* ids are below this, padding included */
    size_t n_normal, n_control, n_user_defined, n_unused, n_merges;
    int32_t bos, eos, pad; /* -1: none */
    const int32_t *stops;  /* [n_stops] all that end an answer, eos among them */
    bool add_bos, add_eos; /* what raw text gets; rendered templates have it already */
    bool ignore_merges;
    const char *split;    /* the regular expression that cuts text into pieces, as used */
    bool split_from_file; /* else chosen by the name that the file gives, or the family's own */
    size_t n_templates, n_stops;
} weir_tokenizer_info;
WEIR_API void weir_tokenizer_get_info(const weir_tokenizer *tokenizer, weir_tokenizer_info *out);

/* The bytes that token id decodes to, whole code points or not, *n of them, also of control tokens;
 * valid as long as the tokenizer. NONE, "" and 0 for ids outside. */
WEIR_API weir_token_kind weir_tokenizer_token(const weir_tokenizer *tokenizer, int32_t id,
                                              const char **bytes, size_t *n);

/* The id whose bytes these are, control tokens before others; -1: none. */
WEIR_API int32_t weir_tokenizer_find(const weir_tokenizer *tokenizer, const char *bytes, size_t n);

/* Chat template i: *name is "" for the default one, which is the first. */
WEIR_API void weir_tokenizer_template(const weir_tokenizer *tokenizer, size_t i, const char **name,
                                      const char **text, size_t *n);

/* Whose words are these? It decides which control tokens are matched in them. */
typedef enum weir_span_kind {
    WEIR_SPAN_TEMPLATE = 0,  /* the template's own: all */
    WEIR_SPAN_CONTENT = 1,   /* of users, tools, system prompts, tool lists, arguments: none */
    WEIR_SPAN_ASSISTANT = 2, /* of an earlier answer: the marks of tool calls and of thinking, which
                                answers are made of; none that begin or end a message */
} weir_span_kind;

typedef struct weir_span {
    size_t start, n; /* bytes of a text */
    weir_span_kind kind;
    int32_t message;    /* index of the message the bytes came from; -1: none */
    bool is_generation; /* inside the template's generation tag: what a model is trained to write */
} weir_span;

typedef struct weir_encode_options {
    bool add_special;       /* put BOS and EOS around it as the file says: for raw text */
    bool no_control;        /* match no control token anywhere */
    const weir_span *spans; /* [n_spans] ascending, not overlapping; what they leave out counts as
                               TEMPLATE. A control token must lie in bytes that all allow it */
    size_t n_spans;
} weir_encode_options;

/* Any bytes to ids, at most n + 2 of them; spans change which control tokens are matched, and
 * nothing else. Bytes that are no UTF-8 become tokens all the same: decoding gives them back. */
WEIR_API weir_status weir_tokenizer_encode(const weir_tokenizer *tokenizer, const char *text,
                                           size_t n, const weir_encode_options *options,
                                           int32_t *ids, size_t cap, size_t *n_ids,
                                           weir_error *err);

/* Ids to bytes. skip_control leaves the text of control tokens out. BAD_ARGUMENT names an id that
 * is outside the vocabulary. */
WEIR_API weir_status weir_tokenizer_decode(const weir_tokenizer *tokenizer, const int32_t *ids,
                                           size_t n_ids, bool skip_control, char *buf, size_t cap,
                                           size_t *n, weir_error *err);

/* Bytes as they come, out again as whole code points only. What can never become UTF-8 comes out as
 * U+FFFD, one for each longest part that could have begun a code point (Unicode 15, 3.9). Zeros
 * begin a stream. */
typedef struct weir_utf8_gate {
    uint8_t held[4];
    uint32_t n_held; /* at most 3 */
} weir_utf8_gate;

enum { WEIR_UTF8_GATE_ROOM = 12 }; /* push gives at most 3 n + this */

/* Returns the number of bytes written to out, which has room for 3 n + WEIR_UTF8_GATE_ROOM. */
WEIR_API size_t weir_utf8_push(weir_utf8_gate *gate, const char *bytes, size_t n, char *out);
/* The end of the stream: what is held comes out as U+FFFD; at most WEIR_UTF8_GATE_ROOM bytes. */
WEIR_API size_t weir_utf8_finish(weir_utf8_gate *gate, char *out);

/* Stop strings over a stream of text. What could still become one of them is held back, so none of
 * it is ever shown. */
typedef struct weir_stop weir_stop;

/* BAD_ARGUMENT for an empty string. Copies them. */
WEIR_API weir_status weir_stop_open(weir_stop **out, const char *const *strings, size_t n,
                                    weir_error *err);
WEIR_API void weir_stop_close(weir_stop **stop);
/* The longest of them, in bytes. */
WEIR_API size_t weir_stop_longest(const weir_stop *stop);
/* Adds text [n]; *n_out bytes that are free to be shown are written to out, which has room for
 * n + weir_stop_longest. Returns the index of the string that was found, -1: none yet. The earliest
 * end counts, then the longest. After one is found nothing more comes out. */
WEIR_API int weir_stop_push(weir_stop *stop, const char *text, size_t n, char *out, size_t *n_out);
/* The end of the text: writes what was held back, at most weir_stop_longest bytes. Begins anew. */
WEIR_API void weir_stop_finish(weir_stop *stop, char *out, size_t *n_out);

/* ---- text: conversations -------------------------------------------------------------------- */

/* A chat template, compiled: the Jinja language as published templates use it (docs/templates.md).
 * Immutable; any thread may read it. */
typedef struct weir_template weir_template;

/* source [n] is copied; name begins error lines. UNSUPPORTED or BAD_FILE with the line of what
 * cannot be run. */
WEIR_API weir_status weir_template_open(weir_template **out, const char *source, size_t n,
                                        const char *name, weir_error *err);
WEIR_API void weir_template_close(weir_template **tmpl);

typedef struct weir_render_options {
    const char *bos_token, *eos_token; /* as text; NULL: "" */
    bool has_now;
    int64_t now; /* seconds since 1970 for strftime_now, in UTC; without has_now: the clock, in
                    local time */
    uint64_t max_bytes; /* of output and of all values; 0: 256 MiB */
    uint64_t max_steps; /* 0: 50 million */
} weir_render_options;

typedef struct weir_rendered {
    char *text; /* [n] and a 0 behind it */
    size_t n;
    weir_span *spans; /* [n_spans] ascending, covering all of text */
    size_t n_spans;
} weir_rendered;

/*
 * context [n_context]: a JSON object; its members are the template's variables (messages, tools,
 * add_generation_prompt, ...). Numbers, key order and big integers stay as written. bos_token and
 * eos_token come from the options; others in the context take their place but are CONTENT. *out is
 * freed with weir_rendered_free. BAD_ARGUMENT for bad JSON, and with the template's words and line
 * where it raises; FAILED with the line for what Python would refuse; FULL for a limit.
 */
WEIR_API weir_status weir_template_render(weir_rendered *out, const weir_template *tmpl,
                                          const char *context, size_t n_context,
                                          const weir_render_options *options, weir_error *err);
WEIR_API void weir_rendered_free(weir_rendered *rendered);

/* What a model writes, taken apart: content, reasoning, tool calls in all of the family's forms
 * (docs/toolcalls.md). A byte automaton: the events do not depend on how the text is cut, but for
 * where neighbouring pieces of content or of reasoning are divided. */
typedef struct weir_reply weir_reply;

typedef enum weir_reply_kind {
    WEIR_REPLY_CONTENT = 0,
    WEIR_REPLY_REASONING = 1,
    WEIR_REPLY_CALL = 2,
    WEIR_REPLY_WARNING = 3, /* something was repaired, dropped or came back as text: one line why */
    /* with streams_calls, before the CALL itself */
    WEIR_REPLY_CALL_NAME = 4,
    WEIR_REPLY_CALL_ARGUMENTS = 5 /* more of the JSON text of the last one's arguments */
} weir_reply_kind;

typedef struct weir_reply_event {
    weir_reply_kind kind;
    const char *text; /* [n] content, reasoning, the call's name, the warning; until the callback
                         returns */
    size_t n;
    const char *arguments; /* [n_arguments] of a call: one JSON object, keys in the order written */
    size_t n_arguments;
    bool is_declared; /* of a call: its name is among tool_names, or none were given */
} weir_reply_event;

typedef struct weir_reply_options {
    const char *const *tool_names; /* [n_tool_names] declared ones, copied. A bare [f(..)] without
                                      marks is a call only if all its names are declared */
    size_t n_tool_names;
    bool starts_in_reasoning; /* the prompt ended in <think> */
    bool marks_are_tokens;    /* call marks count only in weir_reply_push_mark, not in text */
    bool streams_calls; /* what stands between call marks is bound by WEIR_GRAMMAR_TOOLS: calls
                           are told while they are written. One that the reply's end cuts off
                           has no CALL, and does not come back as text. With marks_are_tokens */
    void (*on_event)(void *context, const weir_reply_event *event);
    void *context;
} weir_reply_options;

WEIR_API weir_status weir_reply_open(weir_reply **out, const weir_reply_options *options,
                                     weir_error *err);
WEIR_API void weir_reply_close(weir_reply **reply);
/* More bytes of the reply. NO_MEMORY is the only failure: no text is an error. */
WEIR_API weir_status weir_reply_push(weir_reply *reply, const char *text, size_t n,
                                     weir_error *err);
/* The same for the text of one control token. */
WEIR_API weir_status weir_reply_push_mark(weir_reply *reply, const char *text, size_t n,
                                          weir_error *err);
/* The end of the reply: what is held comes out. Begins anew. */
WEIR_API weir_status weir_reply_finish(weir_reply *reply, weir_error *err);
/* Inside <think>? And how many bytes of a tool call block are held back? */
WEIR_API bool weir_reply_in_reasoning(const weir_reply *reply);
WEIR_API size_t weir_reply_n_held(const weir_reply *reply);

/* ---- constrained text ----------------------------------------------------------------------- */

/* What a text must look like, compiled: a byte-level pushdown automaton with counters
 * (docs/grammar.md). Immutable; any thread may read it. It fails closed: what it cannot enforce is
 * refused when it is opened. */
typedef struct weir_grammar weir_grammar;

typedef enum weir_grammar_kind {
    WEIR_GRAMMAR_JSON_SCHEMA = 0, /* source: a schema (drafts 4 to 2020-12) as JSON text */
    WEIR_GRAMMAR_JSON_OBJECT = 1, /* any JSON object; source is not read */
    WEIR_GRAMMAR_GBNF = 2,        /* llama.cpp's notation; the rule "root" is the text */
    WEIR_GRAMMAR_REGEX = 3,       /* the whole text matches; no look-around, no back-references */
    WEIR_GRAMMAR_CHOICE = 4,      /* source: a JSON array of texts, one of which it is */
    WEIR_GRAMMAR_TOOLS = 5        /* source: a JSON array of tools (OpenAI's, or {"name":..}): calls
                                     in the model's own form, [f(a="x")] between the marks of calls,
                                     their arguments by each tool's schema */
} weir_grammar_kind;

typedef struct weir_grammar_options {
    const char *name;         /* begins error lines; NULL: "grammar" */
    bool any_space;           /* of JSON: white space where JSON allows it (at most a line feed and
                                 the indentation of 8 levels at a place); else only one space
                                 behind commas and colons */
    const char *const *tools; /* of TOOLS: [n_tools] the names that may be called; n 0: all */
    size_t n_tools;
    bool is_call_required; /* of TOOLS: the answer is calls; else it is free text, and only what
                              stands between the marks of calls is bound */
    bool is_one_call;      /* of TOOLS: one call at most */
    /* Of TOOLS: an answer without calls is not free, but what `form` makes of form_source [n_form],
     * and one with calls has no text beside them. NULL: no such form */
    const char *form_source;
    size_t n_form;
    weir_grammar_kind form; /* not TOOLS */
} weir_grammar_options;

/* BAD_ARGUMENT: it is malformed, with the place; UNSUPPORTED: it cannot be enforced, with the JSON
 * pointer ("#/properties/a/contains") or the place of what asks for it. */
WEIR_API weir_status weir_grammar_open(weir_grammar **out, weir_grammar_kind kind,
                                       const char *source, size_t n,
                                       const weir_grammar_options *options, weir_error *err);
WEIR_API void weir_grammar_close(weir_grammar **grammar);
/* Is text [n], as a whole, what the grammar wants? (Of TOOLS: with the marks.) FAILED with the
 * offset of the first byte that is not. */
WEIR_API weir_status weir_grammar_check(const weir_grammar *grammar, const char *text, size_t n,
                                        weir_error *err);

/* The vocabulary of a tokenizer as a tree of bytes, which masks are computed over. Immutable; any
 * thread may read it; keeps nothing of the tokenizer. */
typedef struct weir_token_tree weir_token_tree;
/* UNSUPPORTED if a byte of UTF-8 has no token of its own: a text could come to a dead end. */
WEIR_API weir_status weir_token_tree_open(weir_token_tree **out, const weir_tokenizer *tokenizer,
                                          weir_error *err);
WEIR_API void weir_token_tree_close(weir_token_tree **tree);

/* One text in the making, token by token. Grammar and tree must outlive it. One thread; matchers of
 * the same grammar, on whatever threads, share masks that were computed before. */
typedef struct weir_matcher weir_matcher;

typedef struct weir_matcher_options {
    const int32_t *ends; /* [n_ends] tokens that end the text: allowed where it may end. Copied. n
                            0: the tokenizer's own, and only where nothing else can follow */
    size_t n_ends;
    bool starts_in_reasoning; /* free until </think>. Without it an answer may still begin with a
                                 <think> that is a token */
} weir_matcher_options;

WEIR_API weir_status weir_matcher_open(weir_matcher **out, const weir_grammar *grammar,
                                       const weir_token_tree *tree,
                                       const weir_matcher_options *options, weir_error *err);
WEIR_API void weir_matcher_close(weir_matcher **matcher);
/* What may come next: *mask as weir_sampler_draw takes it, of at least as many bits as there are
 * tokens, valid until the next call; NULL: anything may. NO_MEMORY is the only failure: there is
 * always a token that is allowed. */
WEIR_API weir_status weir_matcher_mask(weir_matcher *matcher, const uint32_t **mask,
                                       weir_error *err);
/* The token that was drawn. FAILED if it was not allowed; then nothing has changed. */
WEIR_API weir_status weir_matcher_accept(weir_matcher *matcher, int32_t token, weir_error *err);
/* May the text end here? And can nothing but an end follow? */
WEIR_API bool weir_matcher_may_end(const weir_matcher *matcher);
WEIR_API bool weir_matcher_must_end(const weir_matcher *matcher);

/* ---- files: convert, make ----------------------------------------------------------------- */

typedef struct weir_convert_options {
    const char *type; /* of all matrices: "f32", "f16", "bf16", "q8_0", ...; NULL: as they are */
    bool overwrite;   /* replace OUT if it exists */
    uint32_t n_threads;
    weir_progress progress;
} weir_convert_options;

/*
 * IN (GGUF or Hugging Face folder, also MLX or FP8) to OUT: a folder if its path ends in / or is
 * one, else a GGUF. FAILED where quantized weights go into a folder without a type. Norms, router,
 * expert bias and conv taps stay F32; rows whose length a format's block does not divide take the
 * substitute named in docs/formats.md. Written to a temporary name, synced, renamed.
 */
WEIR_API weir_status weir_convert(const char *in, const char *out,
                                  const weir_convert_options *options, weir_error *err);

typedef struct weir_synth_options {
    const char *config; /* a name of weir_synth_configs, or the path of a JSON (config.json keys) */
    const char *type;   /* a format, in every matrix, or a mix ("q4_k_m"); NULL: "q4_0" */
    uint64_t seed;      /* every value is a function of seed, tensor name and index */
    bool as_folder;     /* write a Hugging Face folder (f32, f16 or bf16) instead of a GGUF */
    bool overwrite;
    uint32_t n_threads;
    weir_progress progress;
    bool is_hollow; /* a GGUF without matrices, which device 'cuda' makes when it opens the model */
} weir_synth_options;

/* A model of true shape with random weights (docs/synth.md), a synthetic tokenizer and a ChatML
 * template, streamed to disk. */
WEIR_API weir_status weir_synth(const char *out, const weir_synth_options *options,
                                weir_error *err);

/* Known configurations by name, NULL at the end: "lfm2-350m", ..., "lfm2-24b-a2b". */
WEIR_API const char *const *weir_synth_configs(void);

/* Names of number formats a matrix can be written in, NULL at the end. */
WEIR_API const char *const *weir_format_names(void);

/* ---- the machine -------------------------------------------------------------------------- */

enum {
    WEIR_MACHINE_TEXT = 128,
    WEIR_MACHINE_ISAS = 10,
    WEIR_MACHINE_TEAMS = 12,
    WEIR_MACHINE_STREAMS = 4,
    WEIR_MACHINE_PEAKS = 4
};

typedef struct weir_machine_isa {
    const char *name;                /* "portable", "neon", "avx2", "avx512vnni", "amx", ... */
    bool is_of_architecture;         /* of this kind of processor at all */
    bool is_built;                   /* this library was built with kernels for it */
    bool is_saved;                   /* the operating system keeps its registers */
    bool is_usable;                  /* all of it */
    char missing[WEIR_MACHINE_TEXT]; /* what the processor lacks: "AVX512F, AVX512BW" */
} weir_machine_isa;

/* What a processor's register arithmetic reaches on real numbers. */
typedef struct weir_machine_peak {
    const char *what; /* "f32", "int16", "int8", "bf16": what is multiplied */
    const char *isa;
    double macs_per_s[WEIR_MACHINE_TEAMS]; /* multiply-adds of the whole team */
} weir_machine_peak;

/* Text fields live as long as the program. What the system does not tell is 0 or "". */
typedef struct weir_machine {
    char processor[WEIR_MACHINE_TEXT];
    uint32_t n_processors;       /* logical ones of the system */
    uint32_t n_allowed;          /* of them, in the affinity mask of the process */
    uint32_t n_cores, n_nodes;   /* physical cores among those; memory nodes (NUMA) they are of */
    uint32_t n_quota;            /* processors that the control group's quota allows; 0: no quota */
    uint32_t n_threads;          /* what an engine uses if it is not told: min(n_cores, n_quota) */
    uint64_t l1_bytes, l2_bytes; /* data caches of one core */
    uint64_t l3_bytes;           /* of all that the system has */
    uint64_t memory_bytes, available_bytes;
    char huge_pages[16];                     /* transparent ones: "always", "madvise", "never" */
    weir_machine_isa isa[WEIR_MACHINE_ISAS]; /* plainest first */
    size_t n_isas;
    const char *isa_chosen;          /* of the kernels that run models */
    const char *isa_chosen_training; /* of those that train them */

    /* Measured; zeros where nothing was. Teams of 1, 2, 4, ... and all threads. */
    double seconds; /* that it took */
    uint64_t buffer_bytes;
    uint32_t team[WEIR_MACHINE_TEAMS]; /* threads */
    size_t n_teams;
    uint32_t streams[WEIR_MACHINE_STREAMS]; /* places that each thread reads at in turns */
    double read_bytes_per_s[WEIR_MACHINE_TEAMS][WEIR_MACHINE_STREAMS];
    weir_machine_peak peak[WEIR_MACHINE_PEAKS];
    size_t n_peaks;
    double region_s[WEIR_MACHINE_TEAMS];  /* to start a team on something, and to end it */
    double barrier_s[WEIR_MACHINE_TEAMS]; /* for all of a team to have arrived */
} weir_machine;

typedef enum weir_machine_part {
    WEIR_MACHINE_ALL = 0,
    WEIR_MACHINE_READING = 1, /* by the largest team */
    WEIR_MACHINE_WAITING = 2  /* regions and barriers */
} weir_machine_part;

typedef struct weir_machine_options {
    const char *isa;        /* as in weir_engine_options */
    uint32_t n_threads;     /* of the largest team; 0: as many as an engine would use */
    double seconds;         /* to measure for, about; 0: 2.5; below 0: measure nothing */
    uint64_t buffer_bytes;  /* to read; 0: four times the last cache, 256 MiB at least, but no more
                               than a quarter of the memory that is available */
    weir_machine_part only; /* measure this alone */
} weir_machine_options;

/*
 * What this machine is and, measured on buffers larger than its caches and on numbers that are not
 * zero, what it can do. A rate is the best of several rounds over all of them: a limit, for
 * comparing with. Takes the buffer for as long as it runs. BAD_ARGUMENT for an unknown isa or
 * number of threads, NO_MEMORY.
 */
WEIR_API weir_status weir_machine_probe(weir_machine *out, const weir_machine_options *options,
                                        weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
