/*
 * json_schema.h: JSON and JSON Schema as automata: what the parts of the compiler share.
 *
 * What is compiled is always a set of schemas that all apply to one value (a schema and what its
 * $ref and allOf name). Each set is compiled once, as a rule, so that schemas may recur.
 */
#ifndef WEIR_TEXT_JSON_SCHEMA_H
#define WEIR_TEXT_JSON_SCHEMA_H

#include "text/grammar_json.h"
#include "text/regex_ast.h"

enum {
    WEIR_TYPE_NULL = 1,
    WEIR_TYPE_BOOLEAN = 2,
    WEIR_TYPE_INTEGER = 4,
    WEIR_TYPE_NUMBER = 8, /* that are not integers: "number" is both */
    WEIR_TYPE_STRING = 16,
    WEIR_TYPE_ARRAY = 32,
    WEIR_TYPE_OBJECT = 64,
    WEIR_TYPE_ALL = 127
};

enum { WEIR_SCHEMA_SET = 48 };

/* Schemas that apply together: objects without $ref, allOf, anyOf, oneOf as far as they go. */
typedef struct weir_schema_set {
    const weir_doc *docs[WEIR_SCHEMA_SET]; /* [n] in the order of the text */
    size_t n;
} weir_schema_set;

typedef struct weir_schema_rule {
    struct weir_schema_rule *next;
    weir_schema_set set;
    uint32_t types, rule;
} weir_schema_rule;

typedef struct weir_schema_checked {
    struct weir_schema_checked *next;
    const weir_doc *doc;
} weir_schema_checked;

enum { WEIR_SCHEMA_SLOTS = 1024 };

typedef struct weir_schema_build {
    weir_pda_builder *b;
    const weir_doc *whole; /* what $ref looks into; NULL: nothing */
    bool any_space;
    bool is_python;                             /* as arguments of calls: True beside true, no \/ */
    weir_schema_rule *rules[WEIR_SCHEMA_SLOTS]; /* by their sets */
    weir_schema_checked *checked;               /* whose oneOf was looked at */
    uint32_t space_rule, char_rule;             /* + 1; 0: not made yet */
    uint32_t n_levels;                          /* of compiling inside compiling */
} weir_schema_build;

/* UNSUPPORTED (or BAD_ARGUMENT, with what was expected) at doc, or its member `key`. */
uint32_t weir_schema_unsupported(weir_schema_build *s, const weir_doc *doc, const char *key,
                                 const char *why);
uint32_t weir_schema_bad(weir_schema_build *s, const weir_doc *doc, const char *key,
                         const char *expected);

/* A value to which all of schemas [n] apply (n 0: any value), of these types alone. */
uint32_t weir_schema_value(weir_schema_build *s, const weir_doc *const *schemas, size_t n,
                           uint32_t types, uint32_t next);

/* All the ways that anyOf and oneOf leave open: calls take for the set of each. */
typedef bool weir_schema_take(void *context, const weir_schema_set *set);
bool weir_schema_branches(weir_schema_build *s, const weir_doc *const *schemas, size_t n,
                          weir_schema_take *take, void *context);

/* Are there no values to which both schemas apply? false: not known. */
bool weir_schema_disjoint(weir_schema_build *s, const weir_doc *a, const weir_doc *b, int depth);

uint32_t weir_schema_types(weir_schema_build *s, const weir_schema_set *set);
uint32_t weir_schema_type_of(const weir_doc *value);

/* A count of a keyword over a set: the largest of minimums (0: none) or the smallest of maximums
 * (WEIR_PDA_NO_LIMIT: none). *doc: the schema that says so. */
uint32_t weir_schema_min(weir_schema_build *s, const weir_schema_set *set, const char *key,
                         const weir_doc **doc);
uint32_t weir_schema_max(weir_schema_build *s, const weir_schema_set *set, const char *key,
                         const weir_doc **doc);

/* ---- by type -------------------------------------------------------------------------------- */

uint32_t weir_schema_string(weir_schema_build *s, const weir_schema_set *set, uint32_t next);
uint32_t weir_schema_number(weir_schema_build *s, const weir_schema_set *set, bool is_integer,
                            uint32_t next);
uint32_t weir_schema_array(weir_schema_build *s, const weir_schema_set *set, uint32_t next);
uint32_t weir_schema_object(weir_schema_build *s, const weir_schema_set *set, uint32_t next);
/* The arguments of a call, name=value, without its brackets. */
uint32_t weir_schema_arguments(weir_schema_build *s, const weir_schema_set *set, uint32_t next);
/* enum and const: *has_values is false if the set has none. */
uint32_t weir_schema_values(weir_schema_build *s, const weir_schema_set *set, uint32_t types,
                            bool *has_values, uint32_t next);
/* Number `value` within minimum, maximum and so on of the set; *is_known false: a keyword that
 * cannot be told. */
bool weir_schema_number_fits(weir_schema_build *s, const weir_schema_set *set,
                             const weir_doc *value, bool *is_known);

/* ---- text of JSON --------------------------------------------------------------------------- */

/* A value as it is. */
uint32_t weir_schema_literal(weir_schema_build *s, const weir_doc *value, uint32_t next);
/* A string as it is, quotes included, in its shortest spelling. */
uint32_t weir_schema_quoted(weir_schema_build *s, const char *text, size_t n, uint32_t next);
/* The same as text in the builder's memory, [*n_out]. */
const char *weir_schema_spell(weir_schema_build *s, const char *text, size_t n, size_t *n_out);
/* White space that may be there: anywhere; behind commas and colons. */
uint32_t weir_schema_space(weir_schema_build *s, uint32_t next);
uint32_t weir_schema_gap(weir_schema_build *s, uint32_t next);
uint32_t weir_schema_comma(weir_schema_build *s, uint32_t next);
uint32_t weir_schema_colon(weir_schema_build *s, uint32_t next);
uint32_t weir_schema_words(weir_schema_build *s, uint32_t types, uint32_t next);

/* One code point in a string of JSON: any spelling; with python the one of Python; only one. */
weir_regex_writer weir_json_codes, weir_json_python_codes, weir_json_plain_codes;
/* min to max code points, any. */
uint32_t weir_schema_chars(weir_schema_build *s, uint32_t min, uint32_t max, uint32_t next);

#endif
