/*
 * ifeval_case.c: what a check reads (arguments, the text in other forms) and how it ends. Forms of
 * the text are made once a text, when first asked for.
 */
#include "base/compiler.h"
#include "ifeval_parts.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

weir_status weir_if_say(weir_if_case *c, bool is_followed, const char *format, ...) {
    c->out->is_followed = is_followed;
    c->out->why[0] = '\0';
    if (is_followed)
        return WEIR_STATUS_OK;
    va_list args;
    va_start(args, format);
    vsnprintf(c->out->why, sizeof c->out->why, format, args);
    va_end(args);
    for (char *p = c->out->why; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    return WEIR_STATUS_OK;
}

/* An argument; null counts as absent. */
static const json_t *argument(const weir_if_case *c, const char *name) {
    const json_t *value = c->kwargs ? json_object_get(c->kwargs, name) : NULL;
    return json_is_null(value) ? NULL : value;
}

static weir_status bad_argument(weir_if_case *c, const char *name, const char *expected) {
    return weir_fail(c->err, WEIR_STATUS_BAD_FILE, "%s: the argument \"%s\" %s %s", c->id, name,
                     argument(c, name) ? "must be" : "is missing:", expected);
}

weir_status weir_if_number(weir_if_case *c, const char *name, double least, double *value) {
    char expected[64];
    const json_t *member = argument(c, name);
    snprintf(expected, sizeof expected, "a number, at least %g", least);
    if (!json_is_number(member))
        return bad_argument(c, name, expected);
    *value = json_number_value(member);
    return isfinite(*value) && *value >= least ? WEIR_STATUS_OK : bad_argument(c, name, expected);
}

weir_status weir_if_count(weir_if_case *c, const char *name, int64_t least, int64_t *value) {
    double number;
    WEIR_TRY(weir_if_number(c, name, (double)least, &number));
    if (number != floor(number) || fabs(number) > 1e15)
        return bad_argument(c, name, "a whole number");
    *value = (int64_t)number;
    return WEIR_STATUS_OK;
}

weir_status weir_if_string(weir_if_case *c, const char *name, const char **value) {
    *value = json_string_value(argument(c, name));
    return *value && **value ? WEIR_STATUS_OK : bad_argument(c, name, "a text, not empty");
}

weir_status weir_if_strings(weir_if_case *c, const char *name, const json_t **array) {
    *array = argument(c, name);
    if (!json_is_array(*array) || json_array_size(*array) == 0)
        return bad_argument(c, name, "a list of texts, not empty");
    for (size_t i = 0; i < json_array_size(*array); i++)
        if (!json_is_string(json_array_get(*array, i)))
            return bad_argument(c, name, "a list of texts");
    return WEIR_STATUS_OK;
}

weir_status weir_if_codes(weir_if_case *c, const char *name, bool is_stripped, weir_units *units) {
    const char *text;
    WEIR_TRY(weir_if_string(c, name, &text));
    weir_units all = {0};
    weir_units_add_utf8(&all, text, strlen(text));
    weir_stretch part = {0, all.n};
    if (is_stripped)
        part = weir_stretch_strip(all.at, part, weir_code_is_space);
    if (all.has_failed)
        c->has_failed = true;
    else
        weir_units_add_part(units, all.at + part.from, part.to - part.from);
    weir_units_free(&all);
    return WEIR_STATUS_OK;
}

weir_status weir_if_relation(weir_if_case *c, const char *name, bool *is_less) {
    const char *text = json_string_value(argument(c, name));
    *is_less = text && !strcmp(text, "less than");
    if (*is_less || (text && !strcmp(text, "at least")))
        return WEIR_STATUS_OK;
    return bad_argument(c, name, "\"less than\" or \"at least\"");
}

weir_status weir_if_say_count(weir_if_case *c, const char *what, uint64_t n, bool is_less,
                              double limit) {
    bool is_followed = is_less ? (double)n < limit : (double)n >= limit;
    return weir_if_say(c, is_followed, "%llu %s, asked for %s %.15g", (unsigned long long)n, what,
                       is_less ? "less than" : "at least", limit);
}

const weir_units *weir_if_lower(weir_if_case *c) {
    if (!c->has_lower)
        weir_units_add_lower(&c->lower, c->text.at, c->text.n);
    c->has_lower = true;
    return &c->lower;
}

const weir_units *weir_if_bare(weir_if_case *c) {
    if (!c->has_bare)
        weir_units_add_bare(&c->bare, c->text.at, c->text.n);
    c->has_bare = true;
    return &c->bare;
}

const weir_text_buffer *weir_if_utf8(weir_if_case *c) {
    if (!c->has_utf8)
        weir_units_encode(&c->text, &c->utf8);
    c->has_utf8 = true;
    return &c->utf8;
}

const weir_stretches *weir_if_sentences(weir_if_case *c) {
    if (!c->has_sentences)
        weir_if_split_sentences(c->text.at, c->text.n, &c->sentences);
    c->has_sentences = true;
    return &c->sentences;
}

bool weir_if_has_word(const uint32_t *text, size_t n, const uint32_t *word, size_t n_word) {
    bool first = n_word > 0 && weir_code_is_word(word[0]);
    bool last = n_word > 0 && weir_code_is_word(word[n_word - 1]);
    for (size_t at = 0; n_word > 0; at++) {
        at = weir_codes_find(text, n, at, word, n_word);
        if (at == SIZE_MAX)
            return false;
        bool before = at > 0 && weir_code_is_word(text[at - 1]);
        bool after = at + n_word < n && weir_code_is_word(text[at + n_word]);
        if (before != first && after != last)
            return true;
    }
    return false;
}

/* Steps that one match may take before it is given up: more than any sensible pattern needs on a
 * text of a megabyte, less than a second. */
enum { MATCH_STEPS = 1000000, MATCH_KIB = 65536 };

static size_t count_matches(const pcre2_code *code, pcre2_match_data *data,
                            pcre2_match_context *limits, const weir_text_buffer *text, size_t most,
                            bool *is_costly) {
    size_t count = 0, at = 0;
    uint32_t options = PCRE2_NO_UTF_CHECK;
    const char *bytes = text->data ? text->data : "";
    while (count < most && at <= text->n) {
        int rc = pcre2_match(code, (PCRE2_SPTR)bytes, text->n, at, options, data, limits);
        if (rc < 0) {
            *is_costly = rc != PCRE2_ERROR_NOMATCH;
            break;
        }
        const size_t *ends = pcre2_get_ovector_pointer(data);
        count++;
        /* As Python's findall: right behind an empty match another empty one does not count. */
        options = PCRE2_NO_UTF_CHECK | (ends[1] == ends[0] ? PCRE2_NOTEMPTY_ATSTART : 0);
        at = ends[1];
    }
    return count;
}

weir_status weir_if_matches(weir_if_case *c, weir_if_pattern *pattern, size_t most, size_t *count) {
    int error;
    size_t offset;
    uint32_t n_groups = 0;
    const weir_text_buffer *text = weir_if_utf8(c);
    /* Without case the library looks for the first letter in both of its cases, as far as the end
     * of the text where one of them is absent, and anew for each match: a keyword that occurs often
     * would take quadratic time. */
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NO_START_OPTIMIZE |
                       (pattern->is_caseless ? PCRE2_CASELESS : 0);
    *count = 0;
    if (text->has_failed)
        return WEIR_STATUS_OK;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern->text, strlen(pattern->text), options,
                                     &error, &offset, NULL);
    if (!code) {
        char why[96];
        pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof why);
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                         "%s: the argument \"%s\" is no regular expression: %s", c->id,
                         pattern->name, why);
    }
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    if (data && limits) {
        pcre2_set_match_limit(limits, MATCH_STEPS);
        pcre2_set_heap_limit(limits, MATCH_KIB);
        pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &n_groups);
        *count = count_matches(code, data, limits, text, most, &pattern->is_costly);
        pattern->n_groups = n_groups;
    } else {
        c->has_failed = true;
    }
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return WEIR_STATUS_OK;
}
