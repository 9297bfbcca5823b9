/*
 * complete_fish.c: the completion script of fish: one line a verb and one an option. A line holds
 * while the verb, with both its words, has been typed; operands that are files are completed by
 * fish itself.
 */
#include "completions.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

static const char HEAD[] =
    "# Completes command lines of weir in fish; made by `weir completions fish`.\n"
    "\n"
    "function __weir_models\n"
    "    set -l data $XDG_DATA_HOME\n"
    "    test -n \"$data\"; or set data ~/.local/share\n"
    "    for file in $data/weir/models/*.gguf (dirname (command -v weir; or echo "
    "/))/../share/weir/models/*.gguf\n"
    "        string replace -r '.*/(.*)\\.gguf$' '$1' -- $file\n"
    "    end\n"
    "end\n"
    "\n"
    "# Do these words, and no others, stand between the program and the cursor?\n"
    "function __weir_is\n"
    "    set -l words (commandline -opc)\n"
    "    test \"$words[2..-1]\" = \"$argv\"\n"
    "end\n"
    "\n"
    "# Do these words stand behind the program?\n"
    "function __weir_begins\n"
    "    set -l words (commandline -opc)\n"
    "    set -l last (math 1 + (count $argv))\n"
    "    test (count $words) -ge $last\n"
    "    and test \"$words[2..$last]\" = \"$argv\"\n"
    "end\n"
    "\n"
    "complete -c weir -f\n"
    "complete -c weir -n __fish_use_subcommand -l version -d 'Tells the version'\n"
    "complete -c weir -s h -l help -d 'Explains weir or a verb'\n"
    "complete -c weir -n __fish_use_subcommand -a help -d 'Explains a verb'\n";

static void print_quoted(const char *text, size_t n) {
    putchar('\'');
    weir_print_escaped(text, n, "'\\", "\\");
    putchar('\'');
}

/* The flags of `complete` for a value or an operand of this name; operands have no -r. */
static void print_value(const char *name, size_t n, bool is_operand) {
    const char *must_have = is_operand ? "" : " -r";
    switch (weir_value_of(name, n)) {
    case WEIR_VALUE_OTHER:
        printf("%s", is_operand ? "" : " -x");
        break;
    case WEIR_VALUE_FILE:
        printf("%s -F", must_have);
        break;
    case WEIR_VALUE_FOLDER:
        printf("%s -f -a '(__fish_complete_directories)'", must_have);
        break;
    case WEIR_VALUE_MODEL:
        printf("%s -F -a '(__weir_models)'", must_have);
        break;
    case WEIR_VALUE_CHOICES:
        printf("%s -f -a '", must_have);
        weir_print_choices(name, n, ' ');
        putchar('\'');
        break;
    }
}

/* A word that may be typed behind `after`, and behind "help" and that. */
static void print_word(const char *after, const char *word, const char *summary) {
    const char *space = *after ? " " : "";
    if (*after)
        printf("complete -c weir -n '__weir_is %s' -a %s -d ", after, word);
    else
        printf("complete -c weir -n __fish_use_subcommand -a %s -d ", word);
    print_quoted(summary, strlen(summary));
    printf("\ncomplete -c weir -n '__weir_is help%s%s' -a %s\n", space, after, word);
}

/* complete -c weir -n 'this verb, and none that begins with its name, has been typed' */
static void print_condition(const weir_verb *verb) {
    const weir_verb_group *group = weir_verb_group_find(verb->name);
    printf("complete -c weir -n '__weir_begins %s", verb->name);
    for (const weir_verb *const *other = weir_verbs; group && *other; other++)
        if (weir_verb_is_in(*other, group))
            printf("; and not __weir_begins %s", (*other)->name);
    putchar('\'');
}

static void print_verb(const weir_verb *verb) {
    size_t n_group = strcspn(verb->name, " ");
    char after[32] = "";
    if (verb->name[n_group])
        snprintf(after, sizeof after, "%.*s", (int)n_group, verb->name);
    putchar('\n');
    print_word(after, weir_verb_last_word(verb), verb->summary);
    size_t n;
    for (size_t i = 0; i < verb->n_operands_max; i++) {
        const char *name = weir_operand_name(verb, i, &n);
        if (!name)
            break;
        print_condition(verb);
        print_value(name, n, true);
        putchar('\n');
    }
    for (size_t i = 0; i < verb->n_options; i++) {
        const weir_option *option = &verb->options[i];
        if (option->type == WEIR_OPTION_GROUP)
            continue;
        print_condition(verb);
        printf(" -l %s", option->name);
        if (option->letter)
            printf(" -s %c", option->letter);
        if (option->value_name)
            print_value(option->value_name, strlen(option->value_name), false);
        printf(" -d ");
        print_quoted(option->help, strlen(option->help));
        putchar('\n');
    }
}

void weir_complete_fish(void) {
    fputs(HEAD, stdout);
    for (const weir_verb_group *group = weir_verb_groups; group->name; group++)
        if (!weir_verb_find(NULL, group->name))
            print_word("", group->name, group->summary);
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++)
        print_verb(*verb);
}
