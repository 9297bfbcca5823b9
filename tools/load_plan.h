/*
 * load_plan.h: what the load generator asks for, and when.
 *
 * Pure but for reading the file of a mix: request i is a function of the options, the calibration
 * and of i alone, so that the same seed gives the same requests in any order and at any speed of
 * the server. Immutable once open and calibrated; any thread may read it.
 */
#ifndef WEIR_TOOLS_LOAD_PLAN_H
#define WEIR_TOOLS_LOAD_PLAN_H

#include "text_buffer.h"

typedef struct weir_load_range {
    uint32_t min, max; /* both belong to it */
} weir_load_range;

/* "128", "64-512", "128+-32"; BAD_ARGUMENT with the name of the flag. Not below `least`. */
weir_status weir_load_range_parse(weir_load_range *out, const char *name, const char *text,
                                  uint32_t least, weir_error *err);

/* Strings are kept by whoever opens the plan. */
typedef struct weir_load_plan_options {
    const char *model;             /* NULL: none is named, unless a line of the mix does */
    const char *mix_path;          /* JSON lines; NULL: prompts are made */
    const char *extra;             /* JSON object: members for every request; NULL: none */
    bool is_chat;                  /* else plain completions; lines of a mix may name another */
    bool as_ids;                   /* plain completions of token ids */
    weir_load_range id_range;      /* that they are drawn from */
    weir_load_range prompt_tokens; /* besides the shared prefix */
    weir_load_range output_tokens;
    uint32_t n_prefix, n_groups; /* tokens that the requests of a group begin with; groups */
    bool ignores_eos, sends_seed;
    uint64_t seed;
    double rate;        /* requests per second; 0: all at once */
    double burstiness;  /* shape of the gamma distribution between arrivals; 0: 1, Poisson */
    double slow_share;  /* of clients that read slowly */
    double leave_share; /* of clients that leave before the end */
} weir_load_plan_options;

/* How its client behaves. */
typedef enum weir_load_kind {
    WEIR_LOAD_PLAIN = 0,
    WEIR_LOAD_SLOW,
    WEIR_LOAD_LEAVER,
    WEIR_LOAD_N_KINDS
} weir_load_kind;

typedef struct weir_load_request {
    uint64_t number;
    weir_load_kind kind;
    uint64_t leave_after;  /* a leaver's: chunks until it goes; 0: none, but time */
    double leave_after_s;  /* since it was sent, where leave_after is 0 */
    const char *path;      /* "/v1/chat/completions" */
    const char *body;      /* JSON [n_body]; NULL: a GET, and a reply that is no stream */
    size_t n_body;         /* bytes */
    uint64_t n_prompt;     /* tokens as planned; 0: unknown */
    uint64_t n_max_output; /* tokens */
} weir_load_request;

typedef struct weir_load_plan weir_load_plan;

/* BAD_ARGUMENT; IO and BAD_FILE for the mix, with file, line and what was expected. */
weir_status weir_load_plan_open(weir_load_plan **out, const weir_load_plan_options *options,
                                weir_error *err);
void weir_load_plan_close(weir_load_plan **plan);
/* Does every line of a mix name its own model? */
bool weir_load_plan_names_models(const weir_load_plan *plan);

/* How a server counts the tokens of a prompt of so many made words: n_around + words *
 * tokens_per_word. Until this is told, a word is a token. */
typedef struct weir_load_calibration {
    double tokens_per_word; /* above 0 */
    double n_around;        /* tokens of the template */
} weir_load_calibration;

void weir_load_plan_calibrate(weir_load_plan *plan, const weir_load_calibration *calibration);
/* Are there requests whose prompts are made of words? */
bool weir_load_plan_makes_words(const weir_load_plan *plan);
/* A request that shows how the server counts: a prompt of so many words, one token of output.
 * As weir_load_plan_request. */
weir_status weir_load_plan_probe(const weir_load_plan *plan, uint32_t n_words, const char *model,
                                 weir_text_buffer *body, weir_load_request *out, weir_error *err);

/* Requests before the measurement have other prompts than those of it, but the same prefixes. */
typedef enum weir_load_phase { WEIR_LOAD_WARMUP = 0, WEIR_LOAD_MEASURED = 1 } weir_load_phase;

/* Request i of a phase. model: for those that name none; NULL: none. The body is written into
 * `body`, where it stays good until the buffer changes. NO_MEMORY. */
weir_status weir_load_plan_request(const weir_load_plan *plan, weir_load_phase phase, uint64_t i,
                                   const char *model, weir_text_buffer *body,
                                   weir_load_request *out, weir_error *err);

/* Seconds from the arrival of request i - 1, or the beginning, to that of request i: drawn from a
 * gamma distribution of mean 1 / rate and shape `burstiness`, with 1 exponential (a Poisson
 * process); 0 for all at once. */
double weir_load_plan_gap(const weir_load_plan *plan, uint64_t i);
/* What the gaps of the first n requests are multiplied with so that the last of them arrives after
 * n / rate: seeds differ in where the requests are dense, and not in how many there are a second.
 */
double weir_load_plan_gap_scale(const weir_load_plan *plan, uint64_t n);

#endif
