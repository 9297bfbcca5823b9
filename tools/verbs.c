/* verbs.c: the list of verbs. What a verb does stands in its own file. */
#include "verbs.h"

#include <string.h>

const weir_verb *const weir_verbs[] = {
    &weir_verb_run,      &weir_verb_show,        &weir_verb_tokenize,
    &weir_verb_template, &weir_verb_convert,     &weir_verb_synth,
    &weir_verb_selftest, &weir_verb_completions, NULL,
};

const weir_verb *weir_verb_find(const char *name) {
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++)
        if (strcmp((*verb)->name, name) == 0)
            return *verb;
    return NULL;
}
