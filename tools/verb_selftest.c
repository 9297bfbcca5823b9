/* verb_selftest.c: `weir selftest`: the command line only; selftest_*.c do the comparing. */
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "selftest.h"
#include "selftest_report.h"
#include "verbs.h"

#include <stddef.h>
#include <string.h>

typedef struct selftest_values {
    weir_selftest_options selftest;
    bool failures_only, as_json;
} selftest_values;

#define AT(field) offsetof(selftest_values, field)

static const weir_option options[] = {
    {"backend", 0, WEIR_OPTION_CHOICE, AT(selftest.backend), "cpu|reference",
     "device of golden and gradients; default: cpu; reference: the plain C\noracle"},
    {"threads", 't', WEIR_OPTION_U32, AT(selftest.n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(selftest.isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"failures", 0, WEIR_OPTION_FLAG, AT(failures_only), NULL, "print only what does not hold"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL,
     "each line as a JSON object: result and text, and at the end the\ncounts"},
};

#undef AT

static const struct form {
    const char *name, *arguments;
    size_t n_arguments;
    weir_selftest_form form;
} forms[] = {
    {"golden", "DIR", 1, WEIR_SELFTEST_GOLDEN},
    {"gradients", "DIR", 1, WEIR_SELFTEST_GRADIENTS},
    {"tokenizer", "TOKENIZER CASES", 2, WEIR_SELFTEST_TOKENIZER},
    {"pretokenizer", "CASES", 1, WEIR_SELFTEST_PRETOKENIZER},
    {"templates", "DIR CASES", 2, WEIR_SELFTEST_TEMPLATES},
    {"toolcalls", "CASES", 1, WEIR_SELFTEST_TOOLCALLS},
};

/* What the operands ask for. */
static weir_status compare(weir_report *report, const weir_parsed *parsed,
                           const weir_selftest_options *selftest, weir_error *err) {
    const char *const *operands = parsed->operands;
    if (parsed->n_operands == 0)
        return weir_selftest_quick(report, selftest, err);
    for (size_t i = 0; i < WEIR_COUNT(forms); i++) {
        const struct form *form = &forms[i];
        if (strcmp(operands[0], form->name) != 0)
            continue;
        if (parsed->n_operands - 1 != form->n_arguments)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "expected weir selftest %s %s",
                             form->name, form->arguments);
        return weir_selftest_run(report, form->form, operands[1], operands[2], selftest, err);
    }
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                     "unknown test '%s'; there are golden, gradients, tokenizer, pretokenizer, "
                     "templates and toolcalls",
                     operands[0]);
}

static int run(const weir_parsed *parsed) {
    const selftest_values *values = parsed->values;
    weir_error err = {0};
    weir_selftest_options selftest = values->selftest;
    if (!selftest.backend)
        selftest.backend = "cpu";
    weir_report report = {
        .out = stdout, .failures_only = values->failures_only, .as_json = values->as_json};
    weir_status status = compare(&report, parsed, &selftest, &err);
    if (status != WEIR_STATUS_OK)
        return weir_tell_failure("selftest", status, &err);
    weir_report_end(&report, NULL);
    if (report.n_passed + report.n_failed + report.n_optional == 0) {
        weir_say("weir selftest: %s: names no case, so nothing was compared",
                 parsed->operands[parsed->n_operands - 1]);
        return WEIR_EXIT_BAD_FILE;
    }
    return weir_finish_output("selftest", report.n_failed > 0 ? WEIR_EXIT_FAILED : WEIR_EXIT_DONE);
}

const weir_verb weir_verb_selftest = {
    .name = "selftest",
    .summary = "Compares the program with reference data",
    .operands = "[TEST] [FILE] [FILE]",
    .n_operands_min = 0,
    .n_operands_max = 3,
    .details =
        "Without TEST a little of everything runs, with data that came along. TEST is one of\n"
        "\n"
        "  golden DIR                 the engine: DIR holds index.json and one folder a case, as\n"
        "                             tests/data/golden of the sources, or is one case\n"
        "  gradients DIR              the trainer: losses and gradients of the cases in DIR that "
        "have\n"
        "                             them\n"
        "  tokenizer TOKENIZER CASES  texts and their ids; TOKENIZER is a tokenizer.json, a GGUF\n"
        "                             or a folder\n"
        "  pretokenizer CASES         texts and the pieces they are split into before any merge\n"
        "  templates DIR CASES        conversations and their texts, by the templates in DIR\n"
        "  toolcalls CASES            answers of models, and the calls in them; cases of level\n"
        "                             optional are reported and never fail\n"
        "\n"
        "CASES is a file with one JSON object a line (docs/selftest.md). Exits with 0 only if all\n"
        "that was compared holds.\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(selftest_values),
    .run = run,
};
