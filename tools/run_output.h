/*
 * run_output.h: what one turn writes: the answer to standard output, the rest to standard error; or
 * all of it as one JSON object; and the log of probabilities. Runs the command that answers tools.
 */
#ifndef WEIR_TOOLS_RUN_OUTPUT_H
#define WEIR_TOOLS_RUN_OUTPUT_H

#include "chat.h"
#include "terminal.h"

typedef struct weir_run_output_options {
    const weir_host *host;
    bool shows_thinking;
    const char *tool_command; /* NULL: calls are shown, and end the turn */
    bool as_json;
    const char *logprobs_path; /* NULL: none */
    uint32_t n_top;
    weir_color color;
} weir_run_output_options;

typedef struct weir_run_output weir_run_output;

weir_status weir_run_output_open(weir_run_output **out, const weir_run_output_options *options,
                                 weir_error *err);
/* Files that are not finished are thrown away. */
void weir_run_output_close(weir_run_output **output);

/* Valid as long as the output is open. */
weir_turn_hooks weir_run_output_hooks(weir_run_output *output);

/* After the turn, also one that failed: ends the line. */
void weir_run_output_end(weir_run_output *output);
/* After a turn that did not fail: the JSON object, or the calls that the command was not asked to
 * answer any more; the log of probabilities. turn [n_turn]: the answers and results that the
 * conversation has gained. */
weir_status weir_run_output_finish(weir_run_output *output, const weir_answer *last,
                                   const weir_message *turn, size_t n_turn, weir_error *err);

#endif
