/* suite_parts.h: the suites' own functions, for the table (suite.c), and what they share. */
#ifndef WEIR_TOOLS_SUITE_PARTS_H
#define WEIR_TOOLS_SUITE_PARTS_H

#include "suite.h"
#include "text_buffer.h"

/* ---- suite.c --------------------------------------------------------------------------------- */

/* The member of a row, which has to be a text; NULL and BAD_FILE: it is not. */
const char *weir_suite_text(const json_t *row, const char *name, weir_error *err);
/* A copy in *out. A member that is not there, and is no text or number, leaves NULL. */
weir_status weir_suite_copy(char **out, const json_t *row, const char *name, weir_error *err);
/* Adds a message to what an item asks. */
weir_status weir_suite_say(weir_suite_item *item, const char *role, const char *text, size_t n,
                           weir_error *err);
/* Adds the user's message that a buffer holds, and frees it. */
weir_status weir_suite_ask(weir_suite_item *item, weir_text_buffer *text, weir_error *err);
/* A verdict on all metrics: right or wrong; the second metric, if there is one: whether there was
 * an answer at all. */
void weir_suite_verdict_set(weir_suite_verdict *out, bool is_right, bool is_answered,
                            const char *found, size_t n_found);

/* ---- suite_sums.c: gsm8k, math500 ------------------------------------------------------------ */

weir_status weir_suite_gsm8k_read(weir_suite_data *data, weir_suite_item *item, size_t index,
                                  weir_error *err);
weir_status weir_suite_gsm8k_judge(weir_suite_verdict *out, const weir_suite_item *item,
                                   const weir_suite_answer *answer, weir_error *err);
weir_status weir_suite_math_read(weir_suite_data *data, weir_suite_item *item, size_t index,
                                 weir_error *err);
weir_status weir_suite_math_judge(weir_suite_verdict *out, const weir_suite_item *item,
                                  const weir_suite_answer *answer, weir_error *err);

/* ---- suite_choice.c: mmlu-pro, gpqa ---------------------------------------------------------- */

weir_status weir_suite_mmlu_read(weir_suite_data *data, weir_suite_item *item, size_t index,
                                 weir_error *err);
weir_status weir_suite_mmlu_judge(weir_suite_verdict *out, const weir_suite_item *item,
                                  const weir_suite_answer *answer, weir_error *err);
weir_status weir_suite_gpqa_read(weir_suite_data *data, weir_suite_item *item, size_t index,
                                 weir_error *err);
weir_status weir_suite_gpqa_judge(weir_suite_verdict *out, const weir_suite_item *item,
                                  const weir_suite_answer *answer, weir_error *err);

/* ---- suite_calls.c: bfcl --------------------------------------------------------------------- */

/* Finds and reads the file of accepted calls of the questions at `path`; without one data->answers
 * stays NULL. */
weir_status weir_suite_calls_open(weir_suite_data *data, const char *path, weir_error *err);
weir_status weir_suite_calls_read(weir_suite_data *data, weir_suite_item *item, size_t index,
                                  weir_error *err);
weir_status weir_suite_calls_judge(weir_suite_verdict *out, const weir_suite_item *item,
                                   const weir_suite_answer *answer, weir_error *err);

/* ---- suite_follow.c: ifeval, ifbench --------------------------------------------------------- */

weir_status weir_suite_follow_read(weir_suite_data *data, weir_suite_item *item, size_t index,
                                   weir_error *err);
weir_status weir_suite_follow_judge(weir_suite_verdict *out, const weir_suite_item *item,
                                    const weir_suite_answer *answer, weir_error *err);

#endif
