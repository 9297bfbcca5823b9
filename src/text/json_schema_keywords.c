/*
 * json_schema_keywords.c: the table of keywords, and what is refused.
 *
 * Owns the rule that nothing is ignored: a keyword is enforced, says nothing about which values are
 * valid, or is an error. Invariant: what check_keywords lets through, the compiler enforces.
 */
#include "text/json_schema_keywords.h"

#include <string.h>

/* ---- what is trivial ------------------------------------------------------------------------ */

static bool is_empty(const weir_doc *value) {
    return (value->kind == WEIR_DOC_OBJECT || value->kind == WEIR_DOC_ARRAY) &&
           value->n_children == 0;
}

static bool is_true(const weir_doc *value) {
    return value->kind == WEIR_DOC_TRUE ||
           (value->kind == WEIR_DOC_OBJECT && weir_schema_is_always(value));
}

static bool is_false(const weir_doc *value) {
    return value->kind == WEIR_DOC_FALSE;
}

static bool is_truth(const weir_doc *value) {
    return value->kind == WEIR_DOC_FALSE || value->kind == WEIR_DOC_TRUE;
}

/* not: {} is never, not: false is always. */
static bool is_trivial_not(const weir_doc *value) {
    return is_false(value) || is_true(value);
}

/* Without `if` there is nothing to say; with it, the `if` is refused. */
static bool is_anything(const weir_doc *value) {
    (void)value;
    return true;
}

static bool is_root_id(const weir_doc *value) {
    return !value->parent->parent;
}

/* ---- the table ------------------------------------------------------------------------------ */

typedef enum keyword_kind {
    KEYWORD_ENFORCED,
    KEYWORD_ANNOTATION,
    KEYWORD_CONDITIONAL /* refused unless is_good */
} keyword_kind;

static const struct keyword {
    const char *name;
    keyword_kind kind;
    bool (*is_good)(const weir_doc *value);
} keywords[] = {
    {"$anchor", KEYWORD_ANNOTATION, NULL},
    {"$comment", KEYWORD_ANNOTATION, NULL},
    {"$defs", KEYWORD_ANNOTATION, NULL},
    {"$id", KEYWORD_CONDITIONAL, is_root_id},
    {"$ref", KEYWORD_ENFORCED, NULL},
    {"$schema", KEYWORD_ANNOTATION, NULL},
    {"$vocabulary", KEYWORD_ANNOTATION, NULL},
    {"additionalItems", KEYWORD_ENFORCED, NULL},
    {"additionalProperties", KEYWORD_ENFORCED, NULL},
    {"allOf", KEYWORD_ENFORCED, NULL},
    {"anyOf", KEYWORD_ENFORCED, NULL},
    {"const", KEYWORD_ENFORCED, NULL},
    {"contentEncoding", KEYWORD_ANNOTATION, NULL},
    {"contentMediaType", KEYWORD_ANNOTATION, NULL},
    {"contentSchema", KEYWORD_ANNOTATION, NULL},
    {"default", KEYWORD_ANNOTATION, NULL},
    {"definitions", KEYWORD_ANNOTATION, NULL},
    {"dependencies", KEYWORD_CONDITIONAL, is_empty},
    {"dependentRequired", KEYWORD_CONDITIONAL, is_empty},
    {"dependentSchemas", KEYWORD_CONDITIONAL, is_empty},
    {"deprecated", KEYWORD_ANNOTATION, NULL},
    {"description", KEYWORD_ANNOTATION, NULL},
    {"discriminator", KEYWORD_ANNOTATION, NULL},
    {"else", KEYWORD_CONDITIONAL, is_anything},
    {"enum", KEYWORD_ENFORCED, NULL},
    {"enumDescriptions", KEYWORD_ANNOTATION, NULL},
    {"enumNames", KEYWORD_ANNOTATION, NULL},
    {"example", KEYWORD_ANNOTATION, NULL},
    {"examples", KEYWORD_ANNOTATION, NULL},
    {"exclusiveMaximum", KEYWORD_ENFORCED, NULL},
    {"exclusiveMinimum", KEYWORD_ENFORCED, NULL},
    {"externalDocs", KEYWORD_ANNOTATION, NULL},
    {"format", KEYWORD_ENFORCED, NULL},
    {"id", KEYWORD_ANNOTATION, NULL},
    {"items", KEYWORD_ENFORCED, NULL},
    {"markdownDescription", KEYWORD_ANNOTATION, NULL},
    {"maxContains", KEYWORD_CONDITIONAL, is_anything}, /* `contains` is refused */
    {"maxItems", KEYWORD_ENFORCED, NULL},
    {"maxLength", KEYWORD_ENFORCED, NULL},
    {"maxProperties", KEYWORD_ENFORCED, NULL},
    {"maximum", KEYWORD_ENFORCED, NULL},
    {"minContains", KEYWORD_CONDITIONAL, is_anything},
    {"minItems", KEYWORD_ENFORCED, NULL},
    {"minLength", KEYWORD_ENFORCED, NULL},
    {"minProperties", KEYWORD_ENFORCED, NULL},
    {"minimum", KEYWORD_ENFORCED, NULL},
    {"multipleOf", KEYWORD_ENFORCED, NULL},
    {"not", KEYWORD_CONDITIONAL, is_trivial_not},
    {"nullable", KEYWORD_CONDITIONAL, is_truth},
    {"oneOf", KEYWORD_ENFORCED, NULL},
    {"pattern", KEYWORD_ENFORCED, NULL},
    {"patternProperties", KEYWORD_ENFORCED, NULL},
    {"prefixItems", KEYWORD_ENFORCED, NULL},
    {"properties", KEYWORD_ENFORCED, NULL},
    {"propertyNames", KEYWORD_ENFORCED, NULL},
    {"propertyOrdering", KEYWORD_ANNOTATION, NULL},
    {"readOnly", KEYWORD_ANNOTATION, NULL},
    {"required", KEYWORD_ENFORCED, NULL},
    {"strict", KEYWORD_ANNOTATION, NULL},
    {"then", KEYWORD_CONDITIONAL, is_anything},
    {"title", KEYWORD_ANNOTATION, NULL},
    {"type", KEYWORD_ENFORCED, NULL},
    {"unevaluatedItems", KEYWORD_CONDITIONAL, is_true},
    {"unevaluatedProperties", KEYWORD_CONDITIONAL, is_true},
    {"uniqueItems", KEYWORD_ENFORCED, NULL},
    {"writeOnly", KEYWORD_ANNOTATION, NULL},
    {"xml", KEYWORD_ANNOTATION, NULL},
};

static const struct keyword *find_keyword(const weir_doc *member) {
    for (size_t i = 0; i < WEIR_COUNT(keywords); i++)
        if (strlen(keywords[i].name) == member->n_key &&
            memcmp(keywords[i].name, member->key, member->n_key) == 0)
            return &keywords[i];
    return NULL;
}

static bool is_extension(const weir_doc *member) {
    return member->n_key >= 2 && memcmp(member->key, "x-", 2) == 0;
}

bool weir_schema_check_keywords(weir_schema_build *s, const weir_doc *doc) {
    for (const weir_doc *member = doc->first; member; member = member->next) {
        const struct keyword *keyword = find_keyword(member);
        if (!keyword && is_extension(member))
            continue;
        if (keyword && (keyword->kind != KEYWORD_CONDITIONAL || keyword->is_good(member)))
            continue;
        weir_schema_unsupported(s, member, NULL,
                                keyword ? "not in this form" : "a keyword that is not known here");
        return false;
    }
    return true;
}

bool weir_schema_is_always(const weir_doc *doc) {
    if (doc->kind != WEIR_DOC_OBJECT)
        return doc->kind == WEIR_DOC_TRUE;
    for (const weir_doc *member = doc->first; member; member = member->next) {
        const struct keyword *keyword = find_keyword(member);
        if (!is_extension(member) && (!keyword || keyword->kind != KEYWORD_ANNOTATION))
            return false;
    }
    return true;
}

bool weir_schema_is_never(const weir_doc *doc) {
    const weir_doc *not = weir_doc_get(doc, "not");
    return not &&is_true(not );
}

/* Without recursion: first child, next sibling, or up. */
const weir_doc *weir_schema_find_anchor(const weir_doc *whole, const char *text, size_t n) {
    for (const weir_doc *at = whole; at;) {
        const weir_doc *anchor = weir_doc_get(at, "$anchor");
        if (anchor && anchor->kind == WEIR_DOC_STRING && anchor->n_text == n &&
            memcmp(anchor->text, text, n) == 0)
            return at;
        if (at->first) {
            at = at->first;
            continue;
        }
        while (at && !at->next)
            at = at->parent;
        at = at ? at->next : NULL;
    }
    return NULL;
}
