/*
 * verb_completions.c: `weir completions SHELL`: prints the completion script of a shell.
 *
 * Owns the command line and what the three scripts share: reading the names of operands, escaping.
 */
#include "base/compiler.h"
#include "completions.h"
#include "console.h"
#include "verbs.h"

#include <ctype.h>
#include <string.h>

/* ---- what the scripts share --------------------------------------------------------------- */

const char *weir_operand_name(const weir_verb *verb, size_t i, size_t *n) {
    const char *at = verb->operands;
    for (;; i--) {
        at += strspn(at, " [");
        *n = strcspn(at, " [].");
        if (*n == 0)
            return NULL;
        /* The ending of a file's name is part of it: CASES.jsonl, but DIR... */
        if (at[*n] == '.' && isalpha((unsigned char)at[*n + 1]))
            *n += 1 + strcspn(at + *n + 1, " [].");
        if (i == 0)
            return at;
        at += *n;
        at += strspn(at, "].");
    }
}

bool weir_operand_is_many(const char *name, size_t n) {
    const char *end = name + n + (name[n] == ']');
    return strncmp(end, "...", 3) == 0;
}

void weir_print_escaped(const char *text, size_t n, const char *special, const char *escape) {
    for (size_t i = 0; i < n; i++) {
        if (strchr(special, text[i]))
            fputs(escape, stdout);
        putchar(text[i] == '\n' ? ' ' : text[i]);
    }
}

void weir_print_choices(const char *choices, size_t n, char between) {
    for (size_t i = 0; i < n; i++)
        putchar(choices[i] == '|' ? between : choices[i]);
}

/* ---- the verb ----------------------------------------------------------------------------- */

static int run(const weir_parsed *parsed) {
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {
        {"bash", weir_complete_bash}, {"zsh", weir_complete_zsh}, {"fish", weir_complete_fish}};
    for (size_t i = 0; i < WEIR_COUNT(shells); i++)
        if (strcmp(shells[i].shell, parsed->operands[0]) == 0) {
            shells[i].print();
            return WEIR_EXIT_DONE;
        }
    weir_say("weir completions: unknown shell '%s'; expected %s", parsed->operands[0],
             parsed->verb->operands);
    return WEIR_EXIT_USAGE;
}

const weir_verb weir_verb_completions = {
    .name = "completions",
    .summary = "Prints the script by which a shell completes command lines",
    .operands = "bash|zsh|fish",
    .n_operands_min = 1,
    .n_operands_max = 1,
    .details = "An installed weir brings the three scripts along. From a build folder:\n"
               "\n"
               "  source <(weir completions bash)\n"
               "  source <(weir completions zsh)\n"
               "  weir completions fish | source\n",
    .run = run,
};
