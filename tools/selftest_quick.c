/*
 * selftest_quick.c: `weir selftest` without arguments: a little of every test, with data that came
 * along with the program.
 *
 * Owns where that data lies and what is run on it. selftest_files.txt, a list of paths in its own
 * folder, says what the data is: the install rules copy those files, and if one of them is missing
 * here nothing is run, because a part left out would look like a part that passed.
 */
#include "base/error.h"
#include "base/file.h"
#include "selftest.h"
#include "selftest_report.h"

#include <stdlib.h>
#include <string.h>

static const char list_name[] = "selftest_files.txt";

/* Beside an installed program, and beside one in the build folder of the sources. */
static const char *const places[] = {"../share/weir/selftest", "../tests/data"};

enum { MAX_LIST_BYTES = 1 << 20 };

/* One part each: what is tested, and the paths below the data folder. */
static const struct quick_part {
    const char *name;
    weir_selftest_form form;
    const char *first, *second;
} parts[] = {
    {"engine, dense", WEIR_SELFTEST_GOLDEN, "golden/dense_tiny", NULL},
    {"engine, experts", WEIR_SELFTEST_GOLDEN, "golden/moe_top2", NULL},
    {"gradients", WEIR_SELFTEST_GRADIENTS, "golden/grad_dense", NULL},
    {"gradients, MoE", WEIR_SELFTEST_GRADIENTS, "golden/grad_moe", NULL},
    {"tokenizer", WEIR_SELFTEST_TOKENIZER, "tokenizer/mini/tokenizer.json",
     "tokenizer/mini/cases.jsonl"},
    {"split of text", WEIR_SELFTEST_PRETOKENIZER, "tokenizer/lfm2/pretoken_cases.jsonl", NULL},
    {"chat templates", WEIR_SELFTEST_TEMPLATES, "templates", "templates/cases.jsonl"},
    {"tool calls", WEIR_SELFTEST_TOOLCALLS, "templates/toolcall_cases.jsonl", NULL},
};

static char *join(const char *folder, const char *name) {
    char *path = weir_path_join(folder, name);
    if (!path)
        abort();
    return path;
}

static bool has_file(const char *folder, const char *name) {
    char *path = join(folder, name);
    bool is_there = weir_path_exists(path);
    free(path);
    return is_there;
}

/* The folder of the data, to be freed. */
static weir_status find_data(char **out, weir_error *err) {
    char *program = weir_program_folder();
    if (!program)
        return weir_fail(err, WEIR_STATUS_IO,
                         "the program's own path is unknown, so its data is not found");
    *out = NULL;
    for (size_t i = 0; i < WEIR_COUNT(places) && !*out; i++) {
        char *folder = join(program, places[i]);
        if (has_file(folder, list_name))
            *out = folder;
        else
            free(folder);
    }
    weir_status status = WEIR_STATUS_OK;
    if (!*out)
        status =
            weir_fail(err, WEIR_STATUS_BAD_FILE,
                      "the data is not there, nothing was tested: expected %s in %s/%s or %s/%s",
                      list_name, program, places[0], program, places[1]);
    free(program);
    return status;
}

/* Is every file of the list there? */
static weir_status check_list(const char *folder, weir_error *err) {
    char *path = join(folder, list_name), *text = NULL, *rest;
    size_t n;
    weir_status status = weir_file_read(path, MAX_LIST_BYTES, &text, &n, err);
    for (char *name = text ? strtok_r(text, "\n", &rest) : NULL; status == WEIR_STATUS_OK && name;
         name = strtok_r(NULL, "\n", &rest))
        if (!has_file(folder, name))
            status = weir_fail(err, WEIR_STATUS_BAD_FILE,
                               "%s: names %s, which is not there; nothing was tested", path, name);
    free(text);
    free(path);
    return status;
}

weir_status weir_selftest_run(weir_report *report, weir_selftest_form form, const char *first,
                              const char *second, const weir_selftest_options *options,
                              weir_error *err) {
    switch (form) {
    case WEIR_SELFTEST_GOLDEN:
        return weir_selftest_golden(report, first, options, err);
    case WEIR_SELFTEST_GRADIENTS:
        return weir_selftest_gradients(report, first, options, err);
    case WEIR_SELFTEST_TOKENIZER:
        return weir_selftest_tokenizer(report, first, second, err);
    case WEIR_SELFTEST_PRETOKENIZER:
        return weir_selftest_pretokenizer(report, first, err);
    case WEIR_SELFTEST_TEMPLATES:
        return weir_selftest_templates(report, first, second, err);
    case WEIR_SELFTEST_TOOLCALLS:
        return weir_selftest_toolcalls(report, first, err);
    }
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "no test of form %d", (int)form);
}

static weir_status run_part(const struct quick_part *part, const char *folder, weir_report *report,
                            const weir_selftest_options *options, weir_error *err) {
    char *first = join(folder, part->first);
    char *second = part->second ? join(folder, part->second) : NULL;
    weir_status status = weir_selftest_run(report, part->form, first, second, options, err);
    free(first);
    free(second);
    return status;
}

weir_status weir_selftest_quick(weir_report *report, const weir_selftest_options *options,
                                weir_error *err) {
    char *folder = NULL;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY_GOTO(find_data(&folder, err));
    WEIR_TRY_GOTO(check_list(folder, err));
    for (size_t i = 0; i < WEIR_COUNT(parts); i++) {
        weir_report part = {.out = report->out,
                            .failures_only = true,
                            .no_notes = true,
                            .as_json = report->as_json};
        WEIR_TRY_GOTO(run_part(&parts[i], folder, &part, options, err));
        weir_report_end(&part, parts[i].name);
        fflush(report->out); /* a part may take a second */
        weir_report_add(report, &part);
    }
fail:
    free(folder);
    return status;
}
