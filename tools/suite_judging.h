/*
 * suite_judging.h: what `weir eval gen` and `weir eval score` share: their values, the data, the
 * result that is made of it and how it is told.
 */
#ifndef WEIR_TOOLS_SUITE_JUDGING_H
#define WEIR_TOOLS_SUITE_JUDGING_H

#include "options.h"
#include "suite.h"
#include "suite_report.h"

typedef struct weir_suite_values {
    const char *answers, *shots, *system, *out, *journal, *device, *isa, *kv_type, *template_file;
    uint32_t n_shots, n_samples, max_tokens, n_parallel, n_ctx, n_threads, top_k, n_shown;
    uint64_t seed, shuffle_seed, limit;
    float temperature, top_p, min_p, repetition_penalty;
    weir_string_list loras, template_arguments;
    bool recommended, resumes, as_json, is_partial;
} weir_suite_values;

/* What both verbs work on. */
typedef struct weir_judging {
    const weir_parsed *parsed;
    const weir_suite_values *values;
    const weir_suite *suite;
    weir_suite_data data;
    weir_eval_result result;
} weir_judging;

/* Says so, and which there are; the exit code. */
int weir_judging_no_such_suite(const char *verb, const char *name);
/* Reads the data, begins the result. */
weir_status weir_judging_open(weir_judging *j, const char *path, weir_error *err);
/* Closes the result: sums, written and printed as the values ask. */
weir_status weir_judging_tell(weir_judging *j, double start_s, weir_error *err);
/* Options that only some suites have: false, said, if it is given and is_fit is not. */
bool weir_judging_fits(const weir_judging *j, const char *option, bool is_fit);
bool weir_judging_check(const weir_judging *j);
void weir_judging_close(weir_judging *j);

#endif
