/*
 * run.h: what the files of `weir run` share: the values of its command line, and its two ways:
 * text in, text out (run_text.c); token ids in, token ids out (run_tokens.c).
 */
#ifndef WEIR_TOOLS_RUN_H
#define WEIR_TOOLS_RUN_H

#include "constraint.h"
#include "options.h"
#include "settings.h"

typedef struct weir_run_values {
    weir_string_list files;
    const char *system, *system_file;
    const char *template_file;
    weir_string_list template_arguments;
    bool no_template, matches_control;
    const char *tools_file, *tool_command;
    uint32_t tool_rounds;
    const char *think;
    uint32_t think_budget;
    weir_token_list tokens;
    const char *tokens_file;
    uint32_t max_tokens;
    weir_string_list stop;
    bool ignore_eos;
    const char *json_schema, *grammar_file, *regex;
    weir_string_list choices;
    weir_sampling sampling;
    weir_bias_list bias;
    bool as_json, dumps_tokens, wants_stats;
    const char *logprobs_file;
    uint32_t logprobs_top;
    const char *color;
    const char *resume;
    bool no_autosave, no_history;
    uint32_t n_ctx, n_threads;
    const char *device, *isa, *kv_type, *activations;
    uint64_t max_bytes, ram_bytes;
    const char *load, *save;
    bool no_map, no_pin;
    weir_string_list loras;
    const char *lookup, *packed;
} weir_run_values;

/* The engine that the command line asks for. */
weir_engine_options weir_run_engine(const weir_run_values *values);

/* Drafts of a step that --lookup asks for. */
weir_status weir_run_lookup(uint32_t *most, const weir_run_values *values, weir_error *err);

/* The model's recommended sampling with what the command line says in its place; *source names
 * where the recommendation came from. has_seed only if the seed was given. */
weir_status weir_run_settings(weir_settings *out, const weir_model *model,
                              const weir_parsed *parsed, const char **source, weir_error *err);

/* What the command line says in place of what stands in *settings. */
weir_status weir_run_change_settings(weir_settings *settings, const weir_parsed *parsed,
                                     weir_error *err);

/* What the command line says an answer has to be; without such a flag *out is empty. */
weir_status weir_run_constraint(weir_constraint *out, const weir_host *host,
                                const weir_run_values *values, weir_error *err);
/* The flag of it, "json-schema"; NULL: none. BAD_ARGUMENT if there is more than one. */
weir_status weir_run_constraint_flag(const char **flag, const weir_run_values *values,
                                     weir_error *err);

/* prompt: NULL, or the operand. *exit_code: of a conversation at the terminal. */
weir_status weir_run_text(const weir_parsed *parsed, const char *model_path, const char *prompt,
                          int *exit_code, weir_error *err);
weir_status weir_run_tokens(const weir_parsed *parsed, const char *model_path, weir_error *err);

/* Parts of --stats. */
void weir_run_say_model(const weir_engine *engine, const weir_sampling *sampling,
                        const char *source, double load_s);
void weir_run_say_speed(const char *what, size_t n_tokens, double seconds);
/* The same of an answer; of drafts only if there were any. */
void weir_run_say_generated(size_t n_tokens, double seconds, uint64_t n_drafts, uint64_t n_taken);
void weir_run_say_memory(const weir_engine *engine);

#endif
