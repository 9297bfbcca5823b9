/*
 * eval_journal.h: the items of a long evaluation as they are finished: a file of JSON lines that a
 * later run goes on with.
 *
 * The first line tells what the items are of (kind, hashes of model, data and scored tokens,
 * settings); each further line is one item as in eval_result.h. A line is written by one write and
 * synced, so an end at any moment loses at most the item in work; a line without its end is cut off
 * when the file is taken up again.
 */
#ifndef WEIR_TOOLS_EVAL_JOURNAL_H
#define WEIR_TOOLS_EVAL_JOURNAL_H

#include "eval_result.h"

typedef struct weir_eval_journal weir_eval_journal;

/*
 * For the items of `result`, whose kind, hashes and settings are final. With `resume` a file that
 * is there must be of the same (BAD_ARGUMENT names what differs) and its items are added to the
 * result, in its order; without it FAILED if the file is there. One process at a time: FAILED if
 * another has it open. path NULL: *out is a journal that keeps nothing.
 */
weir_status weir_eval_journal_open(weir_eval_journal **out, const char *path, bool resume,
                                   weir_eval_result *result, weir_error *err);
void weir_eval_journal_close(weir_eval_journal **journal);

/* Is the item of this id finished? Of those taken up, or added since. */
bool weir_eval_journal_has(const weir_eval_journal *journal, const char *id);

/* Adds a finished item to the file and to the result; takes over the reference, also on failure.
 * BAD_ARGUMENT if it has no id, or one that is there. */
weir_status weir_eval_journal_add(weir_eval_journal *journal, json_t *item, weir_error *err);

/* The same for an item of which a later run needs more than a result has: `rest` is in the file
 * alone. Takes over both references; rest NULL: there is none. */
weir_status weir_eval_journal_add_rest(weir_eval_journal *journal, json_t *item, json_t *rest,
                                       weir_error *err);
/* Takes it out of an item that was taken up; the reference is the caller's. NULL: there is none. */
json_t *weir_eval_journal_take_rest(weir_eval_journal *journal, const char *id);

#endif
