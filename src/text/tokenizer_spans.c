/*
 * tokenizer_spans.c: the rule who may write which control token. Template text may write all, an
 * answer the marks of calls and of thinking, everybody else none; user-defined tokens are no
 * control tokens and may be anywhere.
 */
#include "text/tokenizer_spans.h"

#include "base/error.h"

weir_status weir_permits_open(weir_permits *out, const weir_encode_options *options, size_t n,
                              weir_error *err) {
    *out = (weir_permits){0};
    if (options == NULL)
        return WEIR_STATUS_OK;
    *out = (weir_permits){
        .spans = options->spans, .n_spans = options->n_spans, .no_control = options->no_control};
    size_t end = 0;
    for (size_t i = 0; i < out->n_spans; i++) {
        const weir_span *span = &out->spans[i];
        if (span->start < end || span->start > n || span->n > n - span->start)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "span %zu has %zu bytes from %zu, expected them between %zu and %zu",
                             i, span->n, span->start, end, n);
        if (span->kind != WEIR_SPAN_TEMPLATE && span->kind != WEIR_SPAN_CONTENT &&
            span->kind != WEIR_SPAN_ASSISTANT)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "span %zu has the unknown kind %d", i,
                             (int)span->kind);
        end = span->start + span->n;
    }
    return WEIR_STATUS_OK;
}

static bool is_allowed(weir_added_class class, weir_span_kind kind) {
    return kind == WEIR_SPAN_TEMPLATE || (class == WEIR_ADDED_MARK && kind == WEIR_SPAN_ASSISTANT);
}

/* The end of the bytes from `at` that allow the class; SIZE_MAX: all do. */
static size_t reach(const weir_permits *p, weir_added_class class, size_t at) {
    for (size_t i = p->next; i < p->n_spans; i++) {
        if (p->spans[i].n == 0)
            continue;
        if (!is_allowed(class, p->spans[i].kind))
            return p->spans[i].start > at ? p->spans[i].start : at;
    }
    return SIZE_MAX; /* nothing but the template's own from here */
}

void weir_permits_from(weir_permits *permits, size_t at, size_t end,
                       size_t limits[WEIR_N_ADDED_CLASSES]) {
    while (permits->next < permits->n_spans &&
           permits->spans[permits->next].start + permits->spans[permits->next].n <= at)
        permits->next++;
    limits[WEIR_ADDED_ANYWHERE] = end;
    for (int class = WEIR_ADDED_ANYWHERE + 1; class < WEIR_N_ADDED_CLASSES; class ++) {
        size_t *allowed = &permits->allowed_to[class];
        if (at >= *allowed)
            *allowed = permits->no_control ? at : reach(permits, (weir_added_class) class, at);
        limits[class] = *allowed < end ? *allowed : end;
    }
}
