/*
 * selftest_cases.h: files with one case a line, in JSON, and the verdict on each.
 *
 * Owns reading them and telling apart a case that fails from a line that is no case. Memory that
 * cannot be had ends the program: a self test has nobody to hand that to.
 */
#ifndef WEIR_TOOLS_SELFTEST_CASES_H
#define WEIR_TOOLS_SELFTEST_CASES_H

#include "selftest_report.h"
#include <jansson.h>

typedef struct weir_cases {
    const char *path;
    char *text; /* [n_text] the whole file; every line ends with a 0 */
    size_t n_text, at;
    uint32_t line_number;
    const char *line; /* of the present case */
    json_t *json;     /* the same, read */
} weir_cases;

weir_status weir_cases_open(weir_cases *out, const char *path, weir_error *err);
void weir_cases_close(weir_cases *cases);

/* Moves to the next line that is not empty; *is_there false at the end. BAD_FILE with file and line
 * if it is no JSON object. */
weir_status weir_cases_next(weir_cases *cases, bool *is_there, weir_error *err);

/* BAD_FILE with file and line, and then what was expected. */
weir_status weir_cases_fail(const weir_cases *cases, weir_error *err, const char *expected);

/* A member of the present case. BAD_FILE if it is there and no string, or is needed and missing;
 * NULL, 0 if it is not there. */
weir_status weir_case_string(const weir_cases *cases, const json_t *object, const char *key,
                             bool is_needed, const char **text, size_t *n, weir_error *err);

/* ---- verdicts: NULL if all is well, else why not, to be freed -------------------------------- */

char *weir_verdict(const char *format, ...) WEIR_PRINTF(1, 2);

/* NULL if the bytes are equal; else where they part, and both sides from there on. */
char *weir_verdict_on_text(const char *what, const char *got, size_t n_got, const char *expected,
                           size_t n_expected);

/* "PASS name" or "FAIL name: why", where the name says file and line. Takes `why`. */
void weir_case_judge(weir_report *report, const weir_cases *cases, char *why);
/* The same for a case that need not hold: "OPT  name: differs: why". */
void weir_case_judge_optional(weir_report *report, const weir_cases *cases, char *why);
void weir_case_skip(weir_report *report, const weir_cases *cases, const char *why);

#endif
