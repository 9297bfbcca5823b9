/*
 * selftest_templates.c: `weir selftest templates DIR CASES`: conversations against the texts that
 * the reference renderer makes of them.
 *
 * The clock stands still at 2026-02-24, and the begin and end tokens are LFM2's unless the case has
 * its own. The input goes to the renderer as it is written in the file: 1.0 and integers of twenty
 * digits must come out as they went in.
 */
#include "base/error.h"
#include "base/file.h"
#include "json_text.h"
#include "selftest.h"
#include "selftest_cases.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TEMPLATE_BYTES = 16 << 20 };

static const weir_render_options render_options = {
    .bos_token = "<|startoftext|>",
    .eos_token = "<|im_end|>",
    .has_now = true,
    .now = 1771891200, /* 2026-02-24 00:00:00 UTC */
};

/* The template of the last case: neighbours mostly share it. */
typedef struct kept_template {
    char *name;
    weir_template *compiled;
} kept_template;

static void forget(kept_template *kept) {
    weir_template_close(&kept->compiled);
    free(kept->name);
    kept->name = NULL;
}

static weir_status compile(kept_template *kept, const char *dir, const char *name,
                           weir_error *err) {
    if (kept->name && strcmp(kept->name, name) == 0)
        return WEIR_STATUS_OK;
    forget(kept);
    char *path = weir_path_join(dir, name), *source = NULL;
    size_t n;
    if (!path)
        abort();
    weir_status status = weir_file_read(path, MAX_TEMPLATE_BYTES, &source, &n, err);
    if (status == WEIR_STATUS_OK)
        status = weir_template_open(&kept->compiled, source, n, name, err);
    if (status == WEIR_STATUS_OK)
        kept->name = strdup(name);
    free(source);
    free(path);
    return status;
}

static char *judge(const kept_template *kept, const weir_json_member *input, const char *output,
                   size_t n_output) {
    weir_rendered rendered;
    weir_error err = {0};
    if (weir_template_render(&rendered, kept->compiled, input->value, input->n_value,
                             &render_options, &err) != WEIR_STATUS_OK)
        return weir_verdict("%s", err.text);
    char *why = weir_verdict_on_text("output", rendered.text, rendered.n, output, n_output);
    weir_rendered_free(&rendered);
    return why;
}

static weir_status check_case(weir_report *report, const weir_cases *cases, kept_template *kept,
                              const char *dir, weir_error *err) {
    const char *name, *output;
    size_t n_name, n_output;
    weir_json_member input;
    WEIR_TRY(weir_case_string(cases, cases->json, "template", true, &name, &n_name, err));
    WEIR_TRY(weir_case_string(cases, cases->json, "output", true, &output, &n_output, err));
    if (!json_is_object(json_object_get(cases->json, "input")) ||
        !weir_json_member_find(cases->line, "input", &input))
        return weir_cases_fail(cases, err, "an object \"input\"");
    weir_error found = {0};
    char *why = compile(kept, dir, name, &found) == WEIR_STATUS_OK
                    ? judge(kept, &input, output, n_output)
                    : weir_verdict("%s", found.text);
    weir_case_judge(report, cases, why);
    return WEIR_STATUS_OK;
}

weir_status weir_selftest_templates(weir_report *report, const char *dir, const char *path,
                                    weir_error *err) {
    weir_cases cases;
    kept_template kept = {0};
    bool is_there;
    weir_status status = WEIR_STATUS_OK;
    if (!weir_path_is_folder(dir))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: expected a folder of templates", dir);
    WEIR_TRY(weir_cases_open(&cases, path, err));
    for (;;) {
        WEIR_TRY_GOTO(weir_cases_next(&cases, &is_there, err));
        if (!is_there)
            break;
        WEIR_TRY_GOTO(check_case(report, &cases, &kept, dir, err));
    }
fail:
    forget(&kept);
    weir_cases_close(&cases);
    return status;
}
