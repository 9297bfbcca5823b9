/* verb_selftest.c: `weir selftest`: the command line only; selftest_golden.c does the comparing. */
#include "base/compiler.h"
#include "console.h"
#include "selftest.h"
#include "selftest_report.h"
#include "verbs.h"

#include <stddef.h>
#include <string.h>

typedef struct selftest_values {
    weir_selftest_options selftest;
    bool failures_only;
} selftest_values;

#define AT(field) offsetof(selftest_values, field)

static const weir_option options[] = {
    {"backend", 0, WEIR_OPTION_STRING, AT(selftest.backend), "NAME",
     "cpu (default) or reference, the plain C oracle"},
    {"threads", 't', WEIR_OPTION_U32, AT(selftest.n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"isa", 0, WEIR_OPTION_STRING, AT(selftest.isa), "NAME",
     "no kernels above: portable, avx2, avx512, neon; default: the best"},
    {"failures", 0, WEIR_OPTION_FLAG, AT(failures_only), NULL, "print only what does not hold"},
};

#undef AT

static int run(const weir_parsed *parsed) {
    const selftest_values *values = parsed->values;
    if (strcmp(parsed->operands[0], "golden") != 0) {
        weir_say("weir selftest: unknown test '%s'; there is: golden DIR", parsed->operands[0]);
        return WEIR_EXIT_USAGE;
    }
    weir_selftest_options selftest = values->selftest;
    if (!selftest.backend)
        selftest.backend = "cpu";
    weir_report report = {.out = stdout, .failures_only = values->failures_only};
    weir_error err = {0};
    weir_status status = weir_selftest_golden(&report, parsed->operands[1], &selftest, &err);
    if (status != WEIR_STATUS_OK)
        return weir_tell_failure("selftest", status, &err);
    weir_report_end(&report);
    if (report.n_passed + report.n_failed + report.n_skipped == 0) {
        weir_say("weir selftest: %s: names no case, so nothing was compared", parsed->operands[1]);
        return WEIR_EXIT_BAD_FILE;
    }
    return weir_finish_output("selftest", report.n_failed > 0 ? WEIR_EXIT_FAILED : WEIR_EXIT_DONE);
}

const weir_verb weir_verb_selftest = {
    .name = "selftest",
    .summary = "Compares the engine with reference data",
    .operands = "golden DIR",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details = "DIR holds index.json and one folder a case, as tests/data/golden of the sources,\n"
               "or is one case with its config.json. Fails if one number is out of its bound.\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(selftest_values),
    .run = run,
};
