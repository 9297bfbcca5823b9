/*
 * weir_quantize.h: from a model to a smaller one: mixes of formats as people know them by name,
 * rules for single tensors, a size to be met, importance, and the record of what was lost.
 *
 * The conventions are those of weir.h.
 */
#ifndef WEIR_QUANTIZE_H
#define WEIR_QUANTIZE_H

#include "weir.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a model lost against the one it was made from, kept in its file as weir.quality.*. A number
 * that was not measured is NaN. */
typedef struct weir_quality {
    uint64_t n_tokens;                  /* scored */
    double kl_mean, kl_p999;            /* nats a token: mean, and 99.9 % of tokens are below */
    double top1, top5;                  /* shares of tokens, 0..1: the same first token; the base's
                                           first among the first five */
    double experts;                     /* share of chosen experts that are the same; NaN: dense */
    double perplexity, perplexity_base; /* of this model; of the one it was made from */
    char corpus[33];                    /* xxh128 of the text in hex */
} weir_quality;

/* What becomes of one tensor. */
typedef struct weir_quantize_tensor {
    const char *name;      /* in GGUF */
    const char *from, *to; /* names of formats */
    uint32_t n_dims;
    uint64_t shape[4]; /* row-major; stacked experts: [n_experts, rows, cols] */
    uint64_t bytes_in, bytes_out;
    bool is_matrix;            /* all others are F32 always */
    bool is_ruled;             /* a rule decided */
    bool is_substituted;       /* rows that the block of the format meant does not divide */
    bool has_importance;       /* the importance file has something for it */
    uint32_t n_experts_unseen; /* of them none was chosen where importance was collected */
} weir_quantize_tensor;

typedef struct weir_quantize_options {
    const char *type; /* "q4_k_m", ...: one of weir_quantize_types; NULL with target_bytes */
    const char *const *rules; /* [n_rules] "GLOB=format", on names of tensors, with or without their
                                 ".weight"; the last that matches decides, over the mix */
    size_t n_rules;
    const char *imatrix;   /* path of a GGUF importance file; NULL: every column counts the same */
    uint64_t target_bytes; /* of the file: formats are chosen by measured sensitivity */
    bool allow_requantize; /* also from a model that is quantized already */
    bool overwrite;        /* replace OUT if it exists */
    bool no_resume;        /* begin anew, even if an interrupted run left a part that fits */
    bool dry_run;          /* only decide and tell; nothing is written, OUT may be NULL */
    uint32_t n_threads;
    weir_progress progress;
    /* Called for each tensor in the order of the file, before any is written. NULL: none. */
    void (*tell)(void *context, const weir_quantize_tensor *tensor);
    void *tell_context;
    /* Called with the finished file under its temporary name, before OUT appears: fills *quality,
     * which is written into it. A failure fails the whole. NULL: none. */
    weir_status (*measure)(void *context, const char *path, weir_quality *quality, weir_error *err);
    void *measure_context;
} weir_quantize_options;

typedef struct weir_quantize_report {
    uint64_t bytes_in, bytes_out; /* of tensors */
    uint64_t file_bytes;          /* of OUT */
    double bits_per_weight;
    uint32_t n_tensors, n_substituted; /* rows that the format's block does not divide */
    uint32_t n_without_importance;     /* matrices an importance file has nothing for */
    uint32_t n_experts_unseen;         /* their columns count the same: summed over matrices */
    uint64_t n_resumed_bytes;          /* taken over from an interrupted run */
    weir_quality quality;              /* what measure said; n_tokens 0 without it */
} weir_quantize_report;

/* Names of mixes and formats, NULL at the end: "q4_0", ..., "q4_k_m", ... */
WEIR_API const char *const *weir_quantize_types(void);

/*
 * IN (GGUF or Hugging Face folder) to OUT (GGUF). Memory does not grow with the model. OUT appears
 * whole or not at all: until then it is OUT.part, and OUT.part.journal says how much of that is
 * good. A run that was cancelled or killed leaves both, as does one that failed when all was
 * written (its measure, or OUT's name), and the same call goes on from there, to the same bytes, if
 * the files of IN have not changed. Any other failure leaves neither. An OUT.part that no journal
 * speaks of is somebody else's, and FAILED.
 *
 * report may be NULL. BAD_ARGUMENT for an unknown type, a rule that matches no tensor or a target
 * that cannot be met, FAILED where values are quantized already and !allow_requantize, where OUT
 * is there and !overwrite, or where another run is writing it.
 */
WEIR_API weir_status weir_quantize(const char *in, const char *out,
                                   const weir_quantize_options *options,
                                   weir_quantize_report *report, weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
