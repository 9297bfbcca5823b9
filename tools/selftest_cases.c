/* selftest_cases.c: see selftest_cases.h. */
#include "selftest_cases.h"

#include "base/error.h"
#include "base/file.h"
#include "console.h"
#include "json_text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CASES_BYTES = 256 << 20, SHOWN_BYTES = 48 };

weir_status weir_cases_open(weir_cases *out, const char *path, weir_error *err) {
    *out = (weir_cases){.path = path};
    return weir_file_read(path, MAX_CASES_BYTES, &out->text, &out->n_text, err);
}

void weir_cases_close(weir_cases *cases) {
    json_decref(cases->json);
    free(cases->text);
    *cases = (weir_cases){0};
}

weir_status weir_cases_fail(const weir_cases *cases, weir_error *err, const char *expected) {
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:%u: expected %s", cases->path,
                     cases->line_number, expected);
}

weir_status weir_cases_next(weir_cases *cases, bool *is_there, weir_error *err) {
    json_decref(cases->json);
    cases->json = NULL;
    *is_there = false;
    while (cases->at < cases->n_text) {
        char *line = cases->text + cases->at;
        size_t n_left = cases->n_text - cases->at;
        char *end = memchr(line, '\n', n_left);
        size_t n = end ? (size_t)(end - line) : n_left;
        line[n] = 0;
        cases->at += n + (end != NULL);
        cases->line_number++;
        if (strspn(line, " \t\r") == n)
            continue;
        char where[512];
        snprintf(where, sizeof where, "%s:%u", cases->path, cases->line_number);
        cases->line = line;
        cases->json = weir_json_read(line, n, where, err);
        if (!cases->json)
            return WEIR_STATUS_BAD_FILE;
        if (!json_is_object(cases->json))
            return weir_cases_fail(cases, err, "a JSON object");
        *is_there = true;
        return WEIR_STATUS_OK;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_case_string(const weir_cases *cases, const json_t *object, const char *key,
                             bool is_needed, const char **text, size_t *n, weir_error *err) {
    const json_t *member = json_object_get(object, key);
    *text = json_string_value(member);
    *n = json_string_length(member);
    if (*text || (!member && !is_needed))
        return WEIR_STATUS_OK;
    char expected[128];
    snprintf(expected, sizeof expected, "a string \"%s\"", key);
    return weir_cases_fail(cases, err, expected);
}

/* ---- verdicts ----------------------------------------------------------------------------- */

char *weir_verdict(const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0)
        abort();
    return text;
}

/* The bytes of text from `at` on, in quotes, the rest left out. */
static void print_shortened(FILE *out, const char *text, size_t n, size_t at) {
    size_t shown = n - at < SHOWN_BYTES ? n - at : SHOWN_BYTES;
    fputc('"', out);
    weir_print_text(out, text + at, shown);
    fputs(at + shown < n ? "\"..." : "\"", out);
}

char *weir_verdict_on_text(const char *what, const char *got, size_t n_got, const char *expected,
                           size_t n_expected) {
    size_t at = 0;
    while (at < n_got && at < n_expected && got[at] == expected[at])
        at++;
    if (at == n_got && at == n_expected)
        return NULL;
    char *text = NULL;
    size_t n_text;
    FILE *out = open_memstream(&text, &n_text);
    if (!out)
        abort();
    /* A few bytes before the difference say where it is. */
    size_t from = at < 8 ? 0 : at - 8;
    while (from > 0 && ((unsigned char)expected[from] & 0xc0) == 0x80)
        from--;
    fprintf(out, "%s: from byte %zu on got ", what, from);
    print_shortened(out, got, n_got, from);
    fputs(", expected ", out);
    print_shortened(out, expected, n_expected, from);
    if (fclose(out) != 0)
        abort();
    return text;
}

/* ---- the line of a case ------------------------------------------------------------------- */

/* "cases.jsonl:7 name", to be freed; the name is what the case calls itself, if anything. */
static char *case_label(const weir_cases *cases) {
    static const char *const keys[] = {"template", "name", "kind", "cat"};
    char *label = NULL;
    size_t n;
    FILE *out = open_memstream(&label, &n);
    if (!out)
        abort();
    const char *slash = strrchr(cases->path, '/');
    fprintf(out, "%s:%u", slash ? slash + 1 : cases->path, cases->line_number);
    for (size_t i = 0; i < WEIR_COUNT(keys); i++) {
        const json_t *name = json_object_get(cases->json, keys[i]);
        if (!json_is_string(name))
            continue;
        fputc(' ', out);
        weir_print_text(out, json_string_value(name), json_string_length(name));
    }
    if (fclose(out) != 0)
        abort();
    return label;
}

void weir_case_judge(weir_report *report, const weir_cases *cases, char *why) {
    char *label = case_label(cases);
    weir_report_check(report, !why, "%s%s%s", label, why ? ": " : "", why ? why : "");
    free(label);
    free(why);
}

void weir_case_judge_optional(weir_report *report, const weir_cases *cases, char *why) {
    if (!why) {
        weir_case_judge(report, cases, NULL);
        return;
    }
    char *label = case_label(cases);
    weir_report_optional(report, "%s: differs: %s", label, why);
    free(label);
    free(why);
}

void weir_case_skip(weir_report *report, const weir_cases *cases, const char *why) {
    char *label = case_label(cases);
    weir_report_skip(report, "%s: %s", label, why);
    free(label);
}
