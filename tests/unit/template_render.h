/* template_render.h: a template rendered in one call, with the clock and BOS of the reference
 * cases, for tests. */
#ifndef WEIR_TESTS_TEMPLATE_RENDER_H
#define WEIR_TESTS_TEMPLATE_RENDER_H

#include "weir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* 2026-02-24 in UTC. */
static const weir_render_options reference_options = {
    .bos_token = "<|startoftext|>", .has_now = true, .now = 1771891200};

/* Compiles and renders; on success *out is freed with weir_rendered_free. */
static inline weir_status render_with(weir_rendered *out, const char *source, const char *context,
                                      const weir_render_options *options, weir_error *err) {
    weir_template *tmpl = NULL;
    *err = (weir_error){0};
    *out = (weir_rendered){0};
    weir_status status = weir_template_open(&tmpl, source, strlen(source), "t", err);
    if (status == WEIR_STATUS_OK)
        status = weir_template_render(out, tmpl, context, strlen(context), options, err);
    else
        assert_null(tmpl);
    weir_template_close(&tmpl);
    assert_null(tmpl);
    assert_int_equal(err->status, status);
    return status;
}

static inline void demand_text(const char *source, const char *context, const char *expected) {
    weir_rendered r;
    weir_error err;
    weir_status status = render_with(&r, source, context, &reference_options, &err);
    if (status != WEIR_STATUS_OK || r.n != strlen(expected) || strcmp(r.text, expected) != 0) {
        printf("template: %s\nexpected: %s\nrendered: %s\n", source, expected,
               status == WEIR_STATUS_OK ? r.text : err.text);
        fail();
    }
    weir_rendered_free(&r);
}

/* Spans lie one behind the other, none is empty, neighbours differ, and they cover the text. */
static inline void demand_cover(const weir_rendered *r) {
    size_t end = 0;
    for (size_t i = 0; i < r->n_spans; i++) {
        const weir_span *s = &r->spans[i], *before = s - 1;
        assert_int_equal(s->start, end);
        assert_true(s->n > 0 && s->n <= r->n - end);
        if (i > 0)
            assert_true(s->kind != before->kind || s->message != before->message ||
                        s->is_generation != before->is_generation);
        end += s->n;
    }
    assert_int_equal(end, r->n);
}

#endif
