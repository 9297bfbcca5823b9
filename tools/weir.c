/*
 * weir.c: the program. Owns the way from a command line to a verb; verbs.c has the list of them.
 */
#include "weir.h"

#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "scdoc.h"
#include "verbs.h"

#include <string.h>

/* The verbs of a group, or those of one word, a line each. */
static void print_verbs(FILE *to, const weir_verb_group *group) {
    int width = 0; /* of the longest "verb operands" */
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++) {
        int n = snprintf(NULL, 0, "%s %s", (*verb)->name, (*verb)->operands);
        if (weir_verb_is_in(*verb, group) && n > width)
            width = n;
    }
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++) {
        if (!weir_verb_is_in(*verb, group))
            continue;
        int n = fprintf(to, "  weir %s %s", (*verb)->name, (*verb)->operands);
        fprintf(to, "%*s  %s\n", width - n + 7, "", (*verb)->summary);
    }
}

static void print_usage(FILE *to) {
    fprintf(to, "usage: weir VERB [arguments]\n\n");
    print_verbs(to, NULL);
    for (const weir_verb_group *group = weir_verb_groups; group->name; group++) {
        fputc('\n', to);
        print_verbs(to, group);
    }
    fprintf(to,
            "\n'weir help VERB' explains a verb, 'weir --version' tells the version.\n"
            "Exit codes: 0 done, 1 failed, 2 usage, 3 bad input file, 4 does not fit in memory,\n"
            "5 input or output, 130 interrupted.\n");
}

static void print_group(FILE *to, const weir_verb_group *group) {
    fprintf(to, "usage: weir %s VERB [arguments]\n\n%s.\n\n", group->name, group->summary);
    print_verbs(to, group);
    fprintf(to, "\n'weir help %s VERB' explains a verb.\n", group->name);
}

/* group: NULL, or the group in which there is no such verb. */
static int unknown_verb(const weir_verb_group *group, const char *name) {
    weir_error err;
    const char *first = group ? group->name : "", *space = group ? " " : "";
    weir_fail(&err, WEIR_STATUS_BAD_ARGUMENT, "unknown verb '%s%s%s'; 'weir help%s%s' lists them",
              first, space, name, space, first);
    weir_say("weir: %s", err.text);
    return WEIR_EXIT_USAGE;
}

/* Of what takes no more arguments than it got. */
static int one_too_many(const char *argument) {
    weir_error err;
    weir_fail(&err, WEIR_STATUS_BAD_ARGUMENT, "one argument too many: '%s'", argument);
    weir_say("weir: %s", err.text);
    return WEIR_EXIT_USAGE;
}

/* What the words on a command line name. */
typedef struct named {
    const weir_verb_group *group; /* NULL: the verb has one word, or nothing is named */
    const weir_verb *verb;        /* NULL: the group alone, or nothing */
    int n_words;                  /* that the name has taken */
} named;

/* Reads the name that words [n] begin with. -1: fine; else the exit code after a line that says
 * what is unknown. A flag behind a group is no name. A group whose name is a verb too is that verb,
 * unless one of its own follows. */
static int read_name(named *out, int n, char **words) {
    *out = (named){0};
    if (n == 0)
        return -1;
    out->group = weir_verb_group_find(words[0]);
    if (!out->group) {
        out->verb = weir_verb_find(NULL, words[0]);
        out->n_words = 1;
        return out->verb ? -1 : unknown_verb(NULL, words[0]);
    }
    out->n_words = 1;
    out->verb = weir_verb_find(NULL, words[0]);
    if (n == 1 || words[1][0] == '-')
        return -1;
    const weir_verb *second = weir_verb_find(out->group, words[1]);
    if (!second)
        return out->verb ? -1 : unknown_verb(out->group, words[1]);
    out->verb = second;
    out->n_words = 2;
    return -1;
}

static void print_help(const named *name) {
    if (name->verb)
        weir_options_help(name->verb);
    else if (name->group)
        print_group(stdout, name->group);
    else
        print_usage(stdout);
}

/* "weir help --scdoc [VERB]", for the build: the part of a man page that the tables know; with
 * "--scdoc-end" the list that ends all pages. */
static int run_help(int n, char **words) {
    if (n == 1 && strcmp(words[0], "--scdoc-end") == 0) {
        weir_scdoc_end();
        return weir_finish_output("help", WEIR_EXIT_DONE);
    }
    bool as_scdoc = n > 0 && strcmp(words[0], "--scdoc") == 0;
    n -= as_scdoc;
    words += as_scdoc;
    named name;
    int code = read_name(&name, n, words);
    if (code >= 0)
        return code;
    if (n > name.n_words)
        return one_too_many(words[name.n_words]);
    if (!as_scdoc)
        print_help(&name);
    else if (name.verb)
        weir_scdoc_verb(name.verb);
    else if (name.group)
        return unknown_verb(NULL, name.group->name); /* groups have no page of their own */
    else
        weir_scdoc_program();
    return weir_finish_output("help", WEIR_EXIT_DONE);
}

/* "weir train" and what is no verb behind it. */
static int run_group(const weir_verb_group *group, int n, char **words) {
    if (n == 0) {
        print_group(stderr, group);
        return WEIR_EXIT_USAGE;
    }
    if (strcmp(words[0], "--help") != 0 && strcmp(words[0], "-h") != 0)
        return unknown_verb(group, words[0]);
    if (n > 1)
        return one_too_many(words[1]);
    print_group(stdout, group);
    return weir_finish_output("help", WEIR_EXIT_DONE);
}

static int run_verb(const weir_verb *verb, int n, char **arguments) {
    weir_parsed parsed;
    weir_error err = {0};
    weir_status status = weir_options_parse(&parsed, verb, n, arguments, &err);
    int code;
    if (status != WEIR_STATUS_OK)
        code = weir_tell_failure(verb->name, status, &err);
    else if (parsed.wants_help) {
        weir_options_help(verb);
        code = weir_finish_output("help", WEIR_EXIT_DONE);
    } else
        code = weir_finish_output(verb->name, verb->run(&parsed));
    weir_parsed_free(&parsed);
    return code;
}

int main(int argc, char **argv) {
    weir_interrupt_install();
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        if (argc > 2)
            return one_too_many(argv[2]);
        printf("weir %s\n", weir_version());
        return weir_finish_output("--version", WEIR_EXIT_DONE);
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return run_help(argc - 2, argv + 2);
    named what;
    int code = read_name(&what, argc - 1, argv + 1);
    if (code >= 0)
        return code;
    int n_rest = argc - 1 - what.n_words;
    char **rest = argv + 1 + what.n_words;
    return what.verb ? run_verb(what.verb, n_rest, rest) : run_group(what.group, n_rest, rest);
}
