/*
 * run_file.h: the JSON file that says what a training run is (docs/train.md has its form).
 *
 * A weir_run_file owns all its texts and lists. Paths in it are resolved: relative ones are
 * relative to the folder of the file. Everything is checked here that can be without opening
 * another file: unknown keys, types, ranges, and what must fit together. Errors name the key:
 * "run.json: stages[1].until: ...".
 */
#ifndef WEIR_TRAIN_RUN_FILE_H
#define WEIR_TRAIN_RUN_FILE_H

#include "model/model.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "weir.h"

enum { WEIR_RUN_MAX_SOURCES = 64, WEIR_RUN_MAX_STAGES = 16, WEIR_RUN_MAX_PROMPTS = 32 };

/* A file to learn from, or generated text. */
typedef struct weir_run_source {
    const char *name;     /* also of its packed file: letters, digits, "-", "_", "." */
    const char *path;     /* .txt, .jsonl, either as .zst, or packed; NULL: generated */
    const char *gen_kind; /* with gen_n samples from gen_first on */
    uint64_t gen_n, gen_first, gen_seed;
    bool gen_held_out;
    const char *split;    /* NULL: all rows */
    const char *manifest; /* of a .txt: says the split of each document; NULL: none */
    bool assistant_only;
    uint32_t max_tokens;  /* of one conversation */
    bool says_max_tokens; /* the file does; else they are its longest context */
    double weight;        /* share of the tokens, unless a stage says another */
} weir_run_source;

typedef struct weir_run_stage {
    double until; /* share of the steps */
    uint32_t context;
    double weights[WEIR_RUN_MAX_SOURCES]; /* [n_sources] */
} weir_run_stage;

typedef struct weir_run_prompt {
    const char *text;
    bool is_raw; /* continued as it stands; else asked as a user's message */
} weir_run_prompt;

typedef struct weir_run_file {
    const char *name;        /* for messages: the path as given */
    const char *config;      /* text of the hyperparameters, config.json's keys; NULL: see init */
    const char *config_name; /* for messages */
    const char *config_path; /* NULL: stands in the run file */
    const char *init;        /* a model to go on from; NULL: from nothing */
    float init_share;        /* of the weights that are written at the end, how much is `init`'s */
    uint32_t init_layers[WEIR_MAX_LAYERS]; /* [n_init_layers] see weir_graph_take_layers */
    uint32_t n_init_layers;                /* 0: those of init */
    const char *tokenizer;                 /* tokenizer.json, folder or GGUF */
    const char *out;                       /* NULL: the caller says */
    uint64_t seed;
    weir_run_source sources[WEIR_RUN_MAX_SOURCES];
    size_t n_sources;
    weir_run_source validation[WEIR_RUN_MAX_SOURCES];
    size_t n_validation;
    weir_run_stage stages[WEIR_RUN_MAX_STAGES];
    size_t n_stages;
    uint64_t n_steps;
    uint32_t context; /* of evaluations, and of stages that say none */
    uint32_t batch_tokens, micro_tokens;
    weir_optimizer_options optimizer;
    weir_schedule schedule;
    float bias_rate;     /* of the experts' bias, a step */
    double bias_freeze;  /* share of the steps at the end in which it stands still */
    uint64_t save_steps; /* 0: by time alone */
    double save_seconds; /* 0: by steps alone */
    uint32_t n_keep;
    uint64_t eval_steps;   /* 0: at the end alone */
    uint64_t eval_tokens;  /* of one validation source; 0: all */
    uint64_t sample_steps; /* 0: none */
    uint32_t sample_tokens;
    double sample_temperature;
    weir_run_prompt prompts[WEIR_RUN_MAX_PROMPTS];
    size_t n_prompts;
    double skip_z;       /* steps whose loss or norm lies beyond are left out; 0: none are */
    uint64_t skip_after; /* steps that are seen first */
    bool recompute, is_exact;
    char **owned; /* [n_owned] the texts above */
    size_t n_owned;
} weir_run_file;

/* BAD_FILE for what is wrong in it, IO if it or the model's configuration cannot be read. */
weir_status weir_run_file_read(weir_run_file *out, const char *path, weir_error *err);
/* text [n]; name begins errors, relative paths are relative to folder. Opens nothing: a
 * configuration that is a path has config NULL and config_path. */
weir_status weir_run_file_parse(weir_run_file *out, const char *text, size_t n, const char *name,
                                const char *folder, weir_error *err);
void weir_run_file_free(weir_run_file *file);

/* The stage of a step, from 0. */
size_t weir_run_file_stage(const weir_run_file *file, uint64_t step);
/* The longest window of any stage. */
uint32_t weir_run_file_longest(const weir_run_file *file);

/* Over everything that the numbers of a run hang on, but for data and tokenizer: two files that
 * agree on it continue each other's checkpoints. What is only looked at (evaluation, samples,
 * checkpoints) and where things lie do not count. NO_MEMORY. */
weir_status weir_run_file_hash(const weir_run_file *file, const weir_hparams *h, uint64_t *hash,
                               weir_error *err);

#endif
