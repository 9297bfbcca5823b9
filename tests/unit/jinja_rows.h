/* jinja_rows.h: tables of calls and what Python answers. Include after cmocka. */
#ifndef WEIR_TESTS_JINJA_ROWS_H
#define WEIR_TESTS_JINJA_ROWS_H

#include <stdlib.h>

#include "unit/jinja_call.h"

typedef struct jinja_row {
    char kind;                          /* of jinja_call */
    const char *name, *args, *keywords; /* keywords NULL: none */
    const char *expected;               /* repr of the result; "!text": an error that says so */
} jinja_row;

/* The answer to one row in memory of its own: a repr, or "!" and the error. */
static inline char *jinja_answer(const jinja_row *row) {
    weir_error err = {0};
    weir_jinja_run run;
    weir_jinja_builder b;
    weir_jinja_value args, keywords = weir_jinja_none(), result, text;
    weir_render_options options = {.max_bytes = 16 << 20, .max_steps = 1000000};
    weir_jinja_run_open(&run, "T", &options, &err);
    assert_int_equal(jinja_from_json(&run, row->args, strlen(row->args), &args), WEIR_STATUS_OK);
    if (row->keywords != NULL)
        assert_int_equal(jinja_from_json(&run, row->keywords, strlen(row->keywords), &keywords),
                         WEIR_STATUS_OK);
    weir_status status = jinja_call(&run, row->kind, row->name, args, keywords, &result);
    if (status == WEIR_STATUS_OK && result.type == WEIR_JINJA_ITERATOR)
        result.type = WEIR_JINJA_LIST; /* to see its items */
    if (status == WEIR_STATUS_OK)
        status = weir_jinja_build(&b, &run, 0);
    if (status == WEIR_STATUS_OK)
        status = weir_jinja_add_repr(&b, result);
    if (status == WEIR_STATUS_OK)
        status = weir_jinja_built(&b, &text);
    size_t cap = status == WEIR_STATUS_OK ? text.as.string->n + 1 : sizeof err.text + 1;
    char *answer = malloc(cap);
    assert_non_null(answer);
    if (status == WEIR_STATUS_OK)
        snprintf(answer, cap, "%.*s", (int)text.as.string->n, text.as.string->data);
    else
        snprintf(answer, cap, "!%s", err.text);
    assert_int_equal(run.depth == 0 || status != WEIR_STATUS_OK, 1);
    weir_jinja_run_close(&run);
    return answer;
}

static inline void assert_rows(const jinja_row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char *answer = jinja_answer(&rows[i]);
        const char *expected = rows[i].expected;
        bool is_error = expected[0] == '!';
        bool is_right = is_error ? answer[0] == '!' && strstr(answer, expected + 1) != NULL
                                 : strcmp(answer, expected) == 0;
        if (!is_right)
            fail_msg("%c %s %s %s:\n got      %s\n expected %s", rows[i].kind, rows[i].name,
                     rows[i].args, rows[i].keywords != NULL ? rows[i].keywords : "", answer,
                     expected);
        free(answer);
    }
}

#endif
