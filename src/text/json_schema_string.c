/*
 * json_schema_string.c: strings: their length, pattern and format.
 *
 * Owns the list of formats. Does not own expressions (regex_*.c) or spellings (json_schema_text.c).
 * A string may have one expression, and that within lengths.
 */
#include "text/json_schema.h"

#include <stdio.h>
#include <string.h>

/* ---- formats -------------------------------------------------------------------------------- */

#define LEAP_YEAR "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
#define DATE                                                        \
    "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|" \
    "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|" LEAP_YEAR "-02-29)"
#define CLOCK  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?"
#define OFFSET "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
#define OCTET  "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define H16    "[0-9A-Fa-f]{1,4}"
#define LABEL  "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define ATOM   "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"

/* Some formats are narrower here than in their definitions (no leap seconds, no quoted parts of
 * mail addresses): what is written passes every checker. docs/grammar.md lists them. */
static const struct {
    const char *name, *expression;
} formats[] = {
    {"date", DATE},
    {"time", CLOCK OFFSET},
    {"date-time", DATE "T" CLOCK OFFSET},
    {"duration", "P(?:[0-9]{1,9}W|(?:[0-9]{1,9}Y(?:[0-9]{1,9}M(?:[0-9]{1,9}D)?)?|"
                 "[0-9]{1,9}M(?:[0-9]{1,9}D)?|[0-9]{1,9}D)(?:T(?:[0-9]{1,9}H(?:[0-9]{1,9}M"
                 "(?:[0-9]{1,9}S)?)?|[0-9]{1,9}M(?:[0-9]{1,9}S)?|[0-9]{1,9}S))?|"
                 "T(?:[0-9]{1,9}H(?:[0-9]{1,9}M(?:[0-9]{1,9}S)?)?|[0-9]{1,9}M(?:[0-9]{1,9}S)?|"
                 "[0-9]{1,9}S))"},
    {"uuid", "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"},
    {"ipv4", OCTET "\\." OCTET "\\." OCTET "\\." OCTET},
    {"ipv6",
     "(?:(?:" H16 ":){7}" H16 "|(?:" H16 ":){1,7}:|(?:" H16 ":){1,6}:" H16 "|(?:" H16
     ":){1,5}(?::" H16 "){1,2}|(?:" H16 ":){1,4}(?::" H16 "){1,3}|(?:" H16 ":){1,3}(?::" H16
     "){1,4}|(?:" H16 ":){1,2}(?::" H16 "){1,5}|" H16 ":(?::" H16 "){1,6}|:(?::" H16 "){1,7}|::)"},
    {"email", ATOM "(?:\\." ATOM "){0,8}@" LABEL "(?:\\." LABEL "){1,4}"},
    {"hostname", LABEL "(?:\\." LABEL "){0,3}"},
};

/* The expression of a format, of the whole string; NULL: not known, so an annotation. */
static const char *format_of(const weir_doc *name) {
    for (size_t i = 0; i < WEIR_COUNT(formats); i++)
        if (weir_doc_is(name, formats[i].name))
            return formats[i].expression;
    return NULL;
}

/* ---- strings -------------------------------------------------------------------------------- */

/* The one expression of a set. NULL: none, or a failure. */
typedef struct wanted_text {
    const weir_doc *doc;
    const char *key, *text;
    size_t n;
    bool is_format;
} wanted_text;

static void want(weir_schema_build *s, wanted_text *wanted, wanted_text found) {
    if (!wanted->doc)
        *wanted = found;
    else if (wanted->n != found.n || memcmp(wanted->text, found.text, found.n) != 0)
        weir_schema_unsupported(s, found.doc, found.key,
                                "beside another pattern or format of the same string");
}

static wanted_text find_wanted(weir_schema_build *s, const weir_schema_set *set) {
    wanted_text wanted = {0};
    for (size_t i = 0; i < set->n; i++) {
        const weir_doc *doc = set->docs[i];
        const weir_doc *pattern = weir_doc_get(doc, "pattern");
        const weir_doc *format = weir_doc_get(doc, "format");
        if (pattern && pattern->kind != WEIR_DOC_STRING)
            weir_schema_bad(s, doc, "pattern", "a string");
        else if (pattern)
            want(s, &wanted, (wanted_text){doc, "pattern", pattern->text, pattern->n_text, false});
        const char *known = format ? format_of(format) : NULL;
        if (known)
            want(s, &wanted, (wanted_text){doc, "format", known, strlen(known), true});
    }
    return wanted;
}

static uint32_t expression(weir_schema_build *s, const wanted_text *wanted, uint32_t min,
                           uint32_t max, const weir_doc *min_doc, const weir_doc *max_doc,
                           uint32_t next) {
    char place[WEIR_DOC_POINTER];
    bool is_too_large;
    weir_doc_pointer(place, wanted->doc, wanted->key);
    weir_regex *regex = weir_regex_parse(s->b, wanted->text, wanted->n, place);
    regex = wanted->is_format ? weir_regex_whole(s->b, regex, place)
                              : weir_regex_anywhere(s->b, regex, place);
    if (!regex)
        return WEIR_PDA_AT_DEAD;
    uint32_t node = weir_regex_bounded(s->b, regex, min, max,
                                       s->is_python ? weir_json_python_codes : weir_json_codes,
                                       next, &is_too_large);
    if (is_too_large)
        return weir_schema_unsupported(s, max_doc ? max_doc : min_doc,
                                       max_doc ? "maxLength" : "minLength",
                                       "too large beside this pattern");
    return node;
}

uint32_t weir_schema_string(weir_schema_build *s, const weir_schema_set *set, uint32_t next) {
    const weir_doc *min_doc, *max_doc;
    uint32_t min = weir_schema_min(s, set, "minLength", &min_doc);
    uint32_t max = weir_schema_max(s, set, "maxLength", &max_doc);
    wanted_text wanted = find_wanted(s, set);
    if (s->b->status != WEIR_STATUS_OK)
        return WEIR_PDA_AT_DEAD;
    next = weir_pda_symbol(s->b, '"', next);
    uint32_t body = wanted.doc ? expression(s, &wanted, min, max, min_doc, max_doc, next)
                               : weir_schema_chars(s, min, max, next);
    return weir_pda_symbol(s->b, '"', body);
}
