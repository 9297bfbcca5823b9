/* verbs.c: the list of verbs. What a verb does stands in its own file. */
#include "verbs.h"

#include <string.h>

const weir_verb *const weir_verbs[] = {
    &weir_verb_run,
    &weir_verb_show,
    &weir_verb_plan,
    &weir_verb_tokenize,
    &weir_verb_template,
    &weir_verb_convert,
    &weir_verb_quantize,
    &weir_verb_pack,
    &weir_verb_imatrix,
    &weir_verb_imatrix_show,
    &weir_verb_imatrix_merge,
    &weir_verb_synth,
    &weir_verb_train_run,
    &weir_verb_train_pack,
    &weir_verb_train_lora,
    &weir_verb_train_adapter,
    &weir_verb_train_merge,
    &weir_verb_train_verify,
    &weir_verb_eval_ppl,
    &weir_verb_eval_kl,
    &weir_verb_eval_choice,
    &weir_verb_eval_diff,
    &weir_verb_eval_probes,
    &weir_verb_eval_gen,
    &weir_verb_eval_score,
    &weir_verb_selftest,
    &weir_verb_completions,
    &weir_verb_train_vocab,
    &weir_verb_train_gen,
    &weir_verb_bench,
    &weir_verb_bench_diff,
    &weir_verb_bench_serve,
    &weir_verb_doctor,
    &weir_verb_serve,
    &weir_verb_pull,
    &weir_verb_list,
    &weir_verb_rm,
    NULL,
};

const weir_verb_group weir_verb_groups[] = {
    {"train", "Makes vocabularies, data and models"},
    {"eval", "Measures models"},
    {"imatrix", "Importance for quantizing"},
    {"bench", "Measures speed"},
    {NULL, NULL},
};

const weir_verb *weir_verb_find(const weir_verb_group *group, const char *word) {
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++)
        if (weir_verb_is_in(*verb, group) && strcmp(weir_verb_last_word(*verb), word) == 0)
            return *verb;
    return NULL;
}

const weir_verb_group *weir_verb_group_find(const char *name) {
    for (const weir_verb_group *group = weir_verb_groups; group->name; group++)
        if (strcmp(group->name, name) == 0)
            return group;
    return NULL;
}

bool weir_verb_is_in(const weir_verb *verb, const weir_verb_group *group) {
    size_t n_first = strcspn(verb->name, " ");
    if (!group)
        return !verb->name[n_first];
    return verb->name[n_first] && strlen(group->name) == n_first &&
           memcmp(group->name, verb->name, n_first) == 0;
}

const char *weir_verb_last_word(const weir_verb *verb) {
    const char *space = strchr(verb->name, ' ');
    return space ? space + 1 : verb->name;
}
