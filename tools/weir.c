/*
 * weir.c: the program. Owns the list of verbs and the way from a command line to one of them; what
 * a verb does stands in its own file.
 */
#include "weir.h"

#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "verbs.h"

#include <string.h>

static const weir_verb *const verbs[] = {
    &weir_verb_run, &weir_verb_show, &weir_verb_convert, &weir_verb_synth, &weir_verb_selftest,
};

static const weir_verb *find_verb(const char *name) {
    for (size_t i = 0; i < WEIR_COUNT(verbs); i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static void print_usage(FILE *to) {
    fprintf(to, "usage: weir VERB [arguments]\n\n");
    for (size_t i = 0; i < WEIR_COUNT(verbs); i++)
        fprintf(to, "  weir %-9s %-22s %s\n", verbs[i]->name, verbs[i]->operands,
                verbs[i]->summary);
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
    if (!name) {
        print_usage(stdout);
        return weir_finish_output("help", WEIR_EXIT_DONE);
    }
    const weir_verb *verb = find_verb(name);
    if (!verb)
        return unknown_verb(name);
    weir_options_help(verb);
    return weir_finish_output("help", WEIR_EXIT_DONE);
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
        return argc > 3 ? one_too_many(argv[3]) : help(argc > 2 ? argv[2] : NULL);
    const weir_verb *verb = find_verb(name);
    return verb ? run_verb(verb, argc - 2, argv + 2) : unknown_verb(name);
}
