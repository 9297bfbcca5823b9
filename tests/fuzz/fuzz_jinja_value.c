/*
 * fuzz_jinja_value.c: any filter, test, method, function or operator of a template with any
 * arguments.
 *
 * The input is a letter for the kind (unit/jinja_call.h) with the name behind it, a line with the
 * arguments as a JSON list, and a line with the keywords. What comes back can be written, is UTF-8
 * and knows for every byte where it comes from; what is refused says why in one line.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "unit/jinja_call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static void demand_sound_string(const weir_jinja_string *s) {
    size_t at = 0;
    for (size_t i = 0; i <= s->n_more; i++) {
        size_t end;
        weir_jinja_stretch stretch = weir_jinja_stretch_at(s, i, &end);
        demand(stretch.start == at && end >= at && (end > at || s->n == 0));
        at = end;
    }
    demand(at == s->n);
    demand(weir_utf8_valid(s->data, s->n) == s->n);
    demand(s->n_chars == weir_jinja_count_chars(s->data, s->n));
}

/* The next line of text [n] from *at. */
static size_t take_line(const char *text, size_t n, size_t *at) {
    size_t start = *at;
    const char *end = start < n ? memchr(text + start, '\n', n - start) : NULL;
    size_t length = end == NULL ? n - start : (size_t)(end - text) - start;
    *at = end == NULL ? n : start + length + 1;
    return length;
}

static weir_status run_one(weir_jinja_run *run, const char *text, size_t n) {
    char name[JINJA_CALL_NAME] = {0};
    size_t at = 0, n_name = take_line(text, n, &at);
    if (n_name == 0 || n_name > sizeof name || text[0] == 0)
        return weir_jinja_fail(run, WEIR_STATUS_BAD_ARGUMENT, "no name");
    memcpy(name, text + 1, n_name - 1);
    size_t args_at = at, n_args = take_line(text, n, &at);
    size_t keywords_at = at, n_keywords = take_line(text, n, &at);
    weir_jinja_value args, keywords = weir_jinja_none(), result, written;
    weir_jinja_builder b;
    /* The arguments are the user's, the keywords the template's. */
    weir_jinja_string source = weir_jinja_literal(text + args_at, n_args, WEIR_SPAN_CONTENT);
    WEIR_TRY(weir_jinja_read_json(run, &source, &args));
    if (args.type != WEIR_JINJA_LIST)
        return weir_jinja_fail(run, WEIR_STATUS_BAD_ARGUMENT, "no list");
    if (n_keywords != 0)
        WEIR_TRY(jinja_from_json(run, text + keywords_at, n_keywords, &keywords));
    WEIR_TRY(jinja_call(run, text[0], name, args, keywords, &result));
    if (result.type == WEIR_JINJA_STRING)
        demand_sound_string(result.as.string);
    demand(run->depth == 0);
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    WEIR_TRY(weir_jinja_add_value(&b, result));
    WEIR_TRY(weir_jinja_add_repr(&b, result));
    WEIR_TRY(weir_jinja_built(&b, &written));
    demand_sound_string(written.as.string);
    return weir_jinja_add_json(&b, result, &(weir_jinja_json_style){.sort_keys = true});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_jinja_run run;
    weir_error err = {0};
    weir_render_options options = {
        .max_bytes = 4 << 20, .max_steps = 200000, .has_now = true, .now = 1771945384};
    weir_jinja_run_open(&run, "t", &options, &err);
    weir_status status = run_one(&run, (const char *)data, size);
    demand(status == err.status);
    demand((status == WEIR_STATUS_OK) == (err.text[0] == 0));
    weir_jinja_run_close(&run);
    return 0;
}
