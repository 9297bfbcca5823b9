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

static void print_usage(FILE *to) {
    fprintf(to, "usage: weir VERB [arguments]\n\n");
    int width = 0; /* of the longest "verb operands" */
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++) {
        int n = snprintf(NULL, 0, "%s %s", (*verb)->name, (*verb)->operands);
        width = n > width ? n : width;
    }
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++) {
        int n = fprintf(to, "  weir %s %s", (*verb)->name, (*verb)->operands);
        fprintf(to, "%*s  %s\n", width - n + 7, "", (*verb)->summary);
    }
    fprintf(to,
            "\n'weir help VERB' explains a verb, 'weir --version' tells the version.\n"
            "Exit codes: 0 done, 1 failed, 2 usage, 3 bad input file, 4 does not fit in memory,\n"
            "5 input or output, 130 interrupted.\n");
}

static int unknown_verb(const char *name) {
    weir_error err;
    weir_fail(&err, WEIR_STATUS_BAD_ARGUMENT, "unknown verb '%s'; 'weir help' lists them", name);
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

static int help(const char *name) {
    const weir_verb *verb = name ? weir_verb_find(name) : NULL;
    if (name && !verb)
        return unknown_verb(name);
    if (verb)
        weir_options_help(verb);
    else
        print_usage(stdout);
    return weir_finish_output("help", WEIR_EXIT_DONE);
}

/* "weir help --scdoc [VERB]", for the build: the part of a man page that the tables know. */
static int help_as_scdoc(const char *name) {
    const weir_verb *verb = name ? weir_verb_find(name) : NULL;
    if (name && !verb)
        return unknown_verb(name);
    if (verb)
        weir_scdoc_verb(verb);
    else
        weir_scdoc_program();
    return weir_finish_output("help", WEIR_EXIT_DONE);
}

static int run_help(int n, char **arguments) {
    int n_flags = n > 0 && strcmp(arguments[0], "--scdoc") == 0;
    if (n > n_flags + 1)
        return one_too_many(arguments[n_flags + 1]);
    const char *name = n > n_flags ? arguments[n_flags] : NULL;
    return n_flags ? help_as_scdoc(name) : help(name);
}

static int run_verb(const weir_verb *verb, int n, char **arguments) {
    weir_parsed parsed;
    weir_error err = {0};
    weir_status status = weir_options_parse(&parsed, verb, n, arguments, &err);
    int code;
    if (status != WEIR_STATUS_OK)
        code = weir_tell_failure(verb->name, status, &err);
    else if (parsed.wants_help)
        code = help(verb->name);
    else
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
    const weir_verb *verb = weir_verb_find(name);
    return verb ? run_verb(verb, argc - 2, argv + 2) : unknown_verb(name);
}
