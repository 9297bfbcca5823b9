/*
 * weir_train.h: the public interface of training: making a vocabulary, text and data for it,
 * training a model of the family from nothing or further, adapters (LoRA), and the check that what
 * was written behaves like what was trained.
 *
 * The conventions are those of weir.h: statuses and one-line errors, zero means default, (buf, cap,
 * *n) outputs, files that appear whole or not at all. Nothing prints: what a person should see goes
 * through callbacks, which must not call the library.
 */
#ifndef WEIR_TRAIN_H
#define WEIR_TRAIN_H

#include "weir.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a vocabulary -------------------------------------------------------------------------- */

typedef struct weir_vocab_options {
    const char *const *inputs; /* [n_inputs] text (documents divided by lines <|endoftext|>), .jsonl
                                  (conversations: their texts), either as .zst */
    size_t n_inputs;
    uint32_t n_tokens;         /* 0: 4096 */
    uint32_t n_joins;          /* merges that join a word with the blank or mark in front of it:
                                  the last ones; 0: such merges come when they come */
    bool merge_digits;         /* let merges touch digits; else each digit stays one token */
    const char *chat_template; /* path of a Jinja file; NULL: the built-in one (LFM2's form) */
    uint64_t max_bytes;        /* of text read, spread evenly over each input; 0: all */
    bool overwrite;
    uint32_t n_threads;
    weir_progress progress;
} weir_vocab_options;

typedef struct weir_vocab_report {
    uint32_t n_tokens, n_merges;
    uint64_t n_bytes, n_pieces; /* text read; distinct pieces of it */
    double bytes_per_token;     /* on that text */
} weir_vocab_report;

/* Byte-level BPE with the family's split and special tokens (ids as LFM2's), written into the
 * folder `out` as tokenizer.json, tokenizer_config.json and chat_template.jinja. */
WEIR_API weir_status weir_train_vocab(const char *out, const weir_vocab_options *options,
                                      weir_vocab_report *report, weir_error *err);

/* ---- generated text ------------------------------------------------------------------------ */

/* "story", "instruction", "tool", "identity", "recall", "catalog"; NULL at the end. */
WEIR_API const char *const *weir_gen_kinds(void);
/* Is it one of them, or one with its edition, "catalog@1"? A name alone is the newest edition; the
 * samples of an edition never change. */
WEIR_API bool weir_gen_is_kind(const char *name);

/*
 * Sample i of a kind, a pure function of its arguments, as one JSON object without a newline:
 * {"kind", "i", "messages" or "text", "tools"?, "template_args"?, "check", "bits"} (docs/gen.md).
 * is_held_out takes names, things and values that are never used otherwise. BAD_ARGUMENT for an
 * unknown kind.
 */
WEIR_API weir_status weir_gen_sample(const char *kind, uint64_t seed, uint64_t i, bool is_held_out,
                                     char *buf, size_t cap, size_t *n, weir_error *err);

/* One assistant turn as a model gave it. */
typedef struct weir_gen_answer {
    const char *content; /* 0-terminated; NULL: "" */
    const char *calls;   /* JSON list of {"name", "arguments": {...}}; NULL: none */
} weir_gen_answer;

/*
 * Does an answer to the sample's `turn`-th assistant message (from 0) hold what its check asks? why
 * (buf, cap): one line about the first thing wrong. BAD_ARGUMENT if the sample is none.
 */
WEIR_API weir_status weir_gen_check(const char *sample, size_t n_sample, size_t turn,
                                    const weir_gen_answer *answer, bool *holds, char *why,
                                    size_t why_cap, weir_error *err);

/* ---- data ---------------------------------------------------------------------------------- */

typedef struct weir_pack_options {
    const char *path;     /* .txt, .jsonl, either as .zst; or NULL and a kind of generated text */
    const char *gen_kind; /* with gen_n samples from gen_first on */
    uint64_t gen_seed, gen_first, gen_n;
    bool gen_held_out;
    const char *split;     /* only rows whose "split" is this; NULL: all */
    const char *manifest;  /* with a split of a .txt: a JSON list of one object a document, in their
                              order; its "split" is the document's */
    const char *tokenizer; /* tokenizer.json, folder or GGUF; also brings the chat template */
    bool assistant_only;   /* chats: targets are what the assistant writes; else everything */
    uint32_t max_tokens;   /* of one conversation; longer ones are cut and counted; 0: 2048 */
    bool overwrite;
    uint32_t n_threads;
    weir_progress progress;
} weir_pack_options;

typedef struct weir_pack_report {
    uint64_t n_samples, n_tokens, n_targets, n_bytes;
    uint64_t n_cut;      /* of the samples, those that are longer than max_tokens and were cut */
    uint64_t n_left_out; /* conversations that are no samples: all targets lie behind the cut */
} weir_pack_report;

/* Text or conversations to a file of tokens with target masks. A bad row is an error with file and
 * line; so is an input without any target. */
WEIR_API weir_status weir_train_pack(const char *out, const weir_pack_options *options,
                                     weir_pack_report *report, weir_error *err);

/* A packed file, mapped. Immutable; any thread may read it. */
typedef struct weir_shard weir_shard;

/* BAD_FILE with the place for a damaged or foreign file. */
WEIR_API weir_status weir_shard_open(weir_shard **out, const char *path, weir_error *err);
/* Packs into a temporary file (in TMPDIR) that is gone when it is closed; options->overwrite does
 * not count. */
WEIR_API weir_status weir_shard_make(weir_shard **out, const weir_pack_options *options,
                                     weir_pack_report *report, weir_error *err);
WEIR_API void weir_shard_close(weir_shard **shard);
WEIR_API uint64_t weir_shard_n_samples(const weir_shard *shard);
WEIR_API uint64_t weir_shard_n_tokens(const weir_shard *shard);
WEIR_API bool weir_shard_is_text(const weir_shard *shard); /* documents, not conversations */
/* Tokens of sample i. */
WEIR_API size_t weir_shard_sample_n(const weir_shard *shard, uint64_t i);
/* Tokens [first, first + n) of sample i, and which of them are targets. is_target may be NULL. */
WEIR_API void weir_shard_read(const weir_shard *shard, uint64_t i, size_t first, size_t n,
                              int32_t *tokens, bool *is_target);
/* Bytes of text that token id stands for, control tokens 0: for bits per byte. */
WEIR_API uint32_t weir_shard_token_bytes(const weir_shard *shard, int32_t id);

/* Sample `i` of a packed file: ids and which of them are targets, for looking at. (cap, *n) */
WEIR_API weir_status weir_pack_sample(const char *path, uint64_t i, int32_t *ids, bool *is_target,
                                      size_t cap, size_t *n, weir_error *err);

/* ---- training ------------------------------------------------------------------------------ */

typedef struct weir_train_report {
    uint64_t step, n_steps;
    uint64_t n_tokens, n_tokens_all; /* seen so far; when it ends */
    double loss;                     /* mean nats per target of this step */
    double eval_loss;                /* of the last evaluation; NAN: none yet */
    double eval_bits_per_byte;
    double gradient_norm, learning_rate;
    double tokens_per_s;
    double flops_per_s;      /* useful: 6 x active parameters x tokens/s */
    double peak_flops_per_s; /* measured at the start; 0: unknown */
    double load_cv;          /* expert load: deviation / mean, averaged over layers; 0 if dense */
    uint64_t memory_bytes;   /* resident */
    double seconds, seconds_left;
    bool is_evaluated, is_saved; /* in this step */
    uint64_t n_skipped;          /* steps left out because of their loss or gradient norm */
} weir_train_report;

typedef struct weir_train_plan {
    uint64_t n_params, n_params_active, n_params_trained;
    uint64_t state_bytes, activation_bytes; /* parameters, gradients, moments; the rest */
    uint64_t n_steps, n_tokens;
    uint64_t n_tokens_unique; /* of the data; 0: some of it is not packed yet */
    double flops;             /* useful ones of the whole run: 6 x active parameters x tokens */
    double peak_flops_per_s;  /* measured; 0: unknown */
} weir_train_plan;

typedef struct weir_train_options {
    const char *resume; /* NULL: start anew (FAILED if OUT holds a run); "latest"; a checkpoint */
    const char *out;    /* folder; NULL: the run file's */
    const char *device; /* NULL: "cpu"; "reference" */
    const char *isa;    /* cap on the kernels; NULL: best */
    uint32_t n_threads;
    uint64_t max_steps; /* end (with a checkpoint) after so many steps of this call; 0: no limit */
    double max_seconds; /* the same by time; 0: no limit */
    bool overwrite;     /* start anew although OUT holds a run */
    bool dry_run;       /* only the plan */
    void (*on_plan)(void *context, const weir_train_plan *plan);
    void (*on_step)(void *context, const weir_train_report *report);
    void (*on_sample)(void *context, uint64_t step, const char *prompt, const char *text);
    void (*on_note)(void *context, const char *line); /* what happens beside the steps */
    /* While a source is packed: samples of generated text, or bytes of its file; done == total at
     * its end. */
    void (*on_packing)(void *context, const char *source, uint64_t done, uint64_t total);
    /* Asked after each step: true saves and ends (CANCELLED); and while data are packed, when there
     * is nothing to save. */
    bool (*wants_stop)(void *context);
    void *context;
} weir_train_options;

/*
 * Trains as the run file says (JSON, docs/train.md) into the folder OUT: checkpoints
 * (ckpt-STEP.safetensors: exact resume), log.jsonl, loss.svg, and at the end model/, a Hugging Face
 * folder. CANCELLED: stopped on request, and saved.
 */
WEIR_API weir_status weir_train_run(const char *run_file, const weir_train_options *options,
                                    weir_error *err);

/* ---- adapters ------------------------------------------------------------------------------ */

typedef struct weir_adapted_part {
    const char *part; /* "attn_q", "conv_in", "expert_gate", ... */
    uint32_t n_matrices;
    uint32_t rows, cols; /* of one of them */
    uint64_t n_params;   /* trained */
} weir_adapted_part;

typedef struct weir_lora_options {
    uint32_t rank; /* 0: 8; beyond the longer side of an adapted matrix BAD_ARGUMENT */
    float alpha;   /* 0: 16 */
    float dropout;
    bool rank_stabilized;        /* scale alpha / sqrt(rank) (rsLoRA, Kalajdzievski 2023) */
    bool with_experts;           /* beside the defaults, or beside the patterns */
    const char *const *patterns; /* [n_patterns] of names, Hugging Face's or GGUF's, with * and ?:
                                    these instead of the defaults. One that matches nothing is
                                    BAD_ARGUMENT and lists what there is */
    size_t n_patterns;
    float learning_rate;   /* 0: 2e-4 x a factor for small models, docs/lora.md */
    uint32_t n_epochs;     /* times that every sample is seen; 0: 3 */
    uint64_t max_steps;    /* 0: as the epochs give */
    double max_seconds;    /* 0: no limit; the schedule ends then */
    uint32_t batch_tokens; /* of a step: whole samples up to that, at least half of it, so more
                              where a long one comes early; 0: 2048, or less so that an epoch has 32
                              steps or more, but at least 256 */
    uint32_t max_tokens;   /* of one sample, no more than the model is made for; 0: 1024, or that */
    bool all_targets;      /* loss on everything, not on the assistant's words alone */
    uint64_t seed;
    bool recompute;
    const char *isa;
    uint32_t n_threads;
    bool overwrite;
    void (*on_part)(void *context, const weir_adapted_part *part); /* before the first step */
    void (*on_sample)(void *context, const char *text, const bool *is_target_byte, size_t n);
    void (*on_step)(void *context, const weir_train_report *report);
    void (*on_note)(void *context, const char *line);
    bool (*wants_stop)(void *context); /* true: writes the adapter as it is now and ends; before the
                                          first step, also while data are read, nothing is written
                                          and the status is CANCELLED */
    void *context;
} weir_lora_options;

/* Fine-tunes an adapter on conversations (or text). out: FILE.gguf, or a folder in PEFT's form. */
WEIR_API weir_status weir_lora_train(const char *data, const char *model, const char *out,
                                     const weir_lora_options *options, weir_error *err);

/* An adapter in the other form: FILE.gguf <-> PEFT folder. model: its base, for names and shapes.
 * Adapters whose matrices have different ranks are UNSUPPORTED. */
WEIR_API weir_status weir_lora_convert(const char *model, const char *in, const char *out,
                                       bool overwrite, weir_error *err);

typedef struct weir_merge_options {
    float scale;      /* of the adapter; 0: 1 */
    const char *type; /* of the adapted matrices; NULL: as the base has them. In a folder "f32",
                         "f16" or "bf16" */
    bool overwrite;
    uint32_t n_threads;
    weir_progress progress;
} weir_merge_options;

/* W + scale alpha / rank B A. A GGUF base becomes OUT.gguf; a Hugging Face folder another folder,
 * or OUT.gguf. */
WEIR_API weir_status weir_lora_merge(const char *base, const char *adapter, const char *out,
                                     const weir_merge_options *options, weir_error *err);

typedef struct weir_verify_options {
    const char *lora_a, *lora_b;      /* adapters of either model; NULL: none */
    float lora_a_scale, lora_b_scale; /* 0: 1 */
    const char *text;    /* path: text or conversations; NULL: some built-in sentences */
    uint32_t max_tokens; /* 0: 2048 */
    uint32_t n_threads;
    weir_progress progress;
} weir_verify_options;

typedef struct weir_verify_report {
    uint64_t n_tokens;
    double mean_kl, max_kl; /* KL(A || B) per token, nats */
    double max_difference;  /* of a log-probability of A's best token */
    double same_top;        /* share of tokens whose best token is the same */
} weir_verify_report;

/* Compares what two models of one vocabulary say about the same text. */
WEIR_API weir_status weir_train_verify(const char *model_a, const char *model_b,
                                       const weir_verify_options *options,
                                       weir_verify_report *report, weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
