/*
 * verbs.h: the verbs of the program; one file each, and one row each in the list of verbs.c.
 *
 * A verb's name is one word, or two: the name of a group and what is done in it ("train run").
 */
#ifndef WEIR_TOOLS_VERBS_H
#define WEIR_TOOLS_VERBS_H

#include "options.h"

extern const weir_verb weir_verb_run;
extern const weir_verb weir_verb_show;
extern const weir_verb weir_verb_plan;
extern const weir_verb weir_verb_tokenize;
extern const weir_verb weir_verb_template;
extern const weir_verb weir_verb_convert;
extern const weir_verb weir_verb_quantize;
extern const weir_verb weir_verb_pack;
extern const weir_verb weir_verb_imatrix;
extern const weir_verb weir_verb_imatrix_show;
extern const weir_verb weir_verb_imatrix_merge;
extern const weir_verb weir_verb_pull;
extern const weir_verb weir_verb_list;
extern const weir_verb weir_verb_rm;
extern const weir_verb weir_verb_synth;
extern const weir_verb weir_verb_train_pack;
extern const weir_verb weir_verb_train_lora;
extern const weir_verb weir_verb_train_adapter;
extern const weir_verb weir_verb_train_merge;
extern const weir_verb weir_verb_train_verify;
extern const weir_verb weir_verb_eval_ppl;
extern const weir_verb weir_verb_eval_kl;
extern const weir_verb weir_verb_eval_choice;
extern const weir_verb weir_verb_eval_diff;
extern const weir_verb weir_verb_eval_probes;
extern const weir_verb weir_verb_eval_gen;
extern const weir_verb weir_verb_eval_score;
extern const weir_verb weir_verb_selftest;
extern const weir_verb weir_verb_completions;
extern const weir_verb weir_verb_train_run;
extern const weir_verb weir_verb_train_vocab;
extern const weir_verb weir_verb_train_gen;
extern const weir_verb weir_verb_bench;
extern const weir_verb weir_verb_bench_diff;
extern const weir_verb weir_verb_bench_serve;
extern const weir_verb weir_verb_doctor;
extern const weir_verb weir_verb_serve;

/* All of them, in the order of the help; NULL at the end. */
extern const weir_verb *const weir_verbs[];

/* Verbs of two words that share the first one, which may be a verb by itself: "bench". */
typedef struct weir_verb_group {
    const char *name;
    const char *summary; /* half a line */
} weir_verb_group;

/* In the order of the help; an entry without a name at the end. */
extern const weir_verb_group weir_verb_groups[];

/* NULL: there is none of this name. group: whose verb it is; NULL: one of a single word. */
const weir_verb *weir_verb_find(const weir_verb_group *group, const char *word);
const weir_verb_group *weir_verb_group_find(const char *name);

/* Is it a verb of this group? NULL: is it one of a single word? */
bool weir_verb_is_in(const weir_verb *verb, const weir_verb_group *group);
/* The name without the group's. */
const char *weir_verb_last_word(const weir_verb *verb);

#endif
