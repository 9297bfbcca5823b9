/*
 * json_schema_values.c: types, counts, enum and const of a set of schemas, and when two schemas
 * exclude each other.
 */
#include "text/grammar_decimal.h"
#include "text/json_schema.h"

#include "base/utf8.h"

#include <string.h>

/* ---- types ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint32_t types;
} type_names[] = {{"null", WEIR_TYPE_NULL},       {"boolean", WEIR_TYPE_BOOLEAN},
                  {"integer", WEIR_TYPE_INTEGER}, {"number", WEIR_TYPE_INTEGER | WEIR_TYPE_NUMBER},
                  {"string", WEIR_TYPE_STRING},   {"array", WEIR_TYPE_ARRAY},
                  {"object", WEIR_TYPE_OBJECT}};

static uint32_t named_type(weir_schema_build *s, const weir_doc *name) {
    for (size_t i = 0; i < WEIR_COUNT(type_names); i++)
        if (weir_doc_is(name, type_names[i].name))
            return type_names[i].types;
    weir_schema_bad(s, name, NULL, "the name of a type");
    return 0;
}

static uint32_t types_of_doc(weir_schema_build *s, const weir_doc *doc) {
    const weir_doc *type = weir_doc_get(doc, "type"), *nullable = weir_doc_get(doc, "nullable");
    uint32_t types = 0;
    if (!type)
        return WEIR_TYPE_ALL;
    if (type->kind == WEIR_DOC_ARRAY)
        for (const weir_doc *child = type->first; child; child = child->next)
            types |= named_type(s, child);
    else
        types = named_type(s, type);
    return nullable && nullable->kind == WEIR_DOC_TRUE ? types | WEIR_TYPE_NULL : types;
}

uint32_t weir_schema_types(weir_schema_build *s, const weir_schema_set *set) {
    uint32_t types = WEIR_TYPE_ALL;
    for (size_t i = 0; i < set->n; i++)
        types &= types_of_doc(s, set->docs[i]);
    return types;
}

uint32_t weir_schema_type_of(const weir_doc *value) {
    weir_decimal number;
    switch (value->kind) {
    case WEIR_DOC_NULL:
        return WEIR_TYPE_NULL;
    case WEIR_DOC_FALSE:
    case WEIR_DOC_TRUE:
        return WEIR_TYPE_BOOLEAN;
    case WEIR_DOC_NUMBER:
        return weir_decimal_read(&number, value->text, value->n_text) && number.n_fraction == 0
                   ? WEIR_TYPE_INTEGER
                   : WEIR_TYPE_NUMBER;
    case WEIR_DOC_STRING:
        return WEIR_TYPE_STRING;
    case WEIR_DOC_ARRAY:
        return WEIR_TYPE_ARRAY;
    case WEIR_DOC_OBJECT:
        break;
    }
    return WEIR_TYPE_OBJECT;
}

/* ---- counts --------------------------------------------------------------------------------- */

/* A whole number from 0 on, 2.0 among them. */
static uint32_t read_count(weir_schema_build *s, const weir_doc *doc, const char *key) {
    const weir_doc *value = weir_doc_get(doc, key);
    weir_decimal number;
    uint32_t count = 0;
    if (value->kind != WEIR_DOC_NUMBER || !weir_decimal_read(&number, value->text, value->n_text) ||
        number.is_negative || number.n_fraction > 0)
        return weir_schema_bad(s, doc, key, "a whole number from 0 on");
    for (size_t i = 0; i < number.n_whole; i++) {
        if (i == 9)
            return WEIR_PDA_NO_LIMIT - 1;
        count = count * 10 + (uint32_t)(number.whole[i] - '0');
    }
    return count;
}

uint32_t weir_schema_min(weir_schema_build *s, const weir_schema_set *set, const char *key,
                         const weir_doc **doc) {
    uint32_t min = 0;
    *doc = NULL;
    for (size_t i = 0; i < set->n; i++) {
        if (!weir_doc_get(set->docs[i], key))
            continue;
        uint32_t count = read_count(s, set->docs[i], key);
        *doc = !*doc || count > min ? set->docs[i] : *doc;
        min = count > min ? count : min;
    }
    return min;
}

uint32_t weir_schema_max(weir_schema_build *s, const weir_schema_set *set, const char *key,
                         const weir_doc **doc) {
    uint32_t max = WEIR_PDA_NO_LIMIT;
    *doc = NULL;
    for (size_t i = 0; i < set->n; i++) {
        if (!weir_doc_get(set->docs[i], key))
            continue;
        uint32_t count = read_count(s, set->docs[i], key);
        *doc = !*doc || count < max ? set->docs[i] : *doc;
        max = count < max ? count : max;
    }
    return max;
}

/* ---- enum and const ------------------------------------------------------------------------- */

/* The values that a schema names: those of the enum, or the const alone. The doc itself stands for
 * a list of one. */
typedef struct value_list {
    const weir_doc *first;
    bool is_single;
    const weir_doc *from; /* the schema */
    const char *key;
} value_list;

static bool next_list(weir_schema_build *s, const weir_schema_set *set, size_t *at,
                      value_list *out) {
    for (; *at < 2 * set->n; ++*at) {
        const weir_doc *doc = set->docs[*at / 2];
        const char *key = *at % 2 == 0 ? "enum" : "const";
        const weir_doc *value = weir_doc_get(doc, key);
        if (!value)
            continue;
        *out = (value_list){value, true, doc, key};
        if (*at % 2 == 0) {
            if (value->kind != WEIR_DOC_ARRAY)
                weir_schema_bad(s, doc, key, "an array");
            *out = (value_list){value->first, false, doc, key};
        }
        ++*at;
        return true;
    }
    return false;
}

static bool is_in_list(const value_list *list, const weir_doc *value) {
    for (const weir_doc *at = list->first; at; at = list->is_single ? NULL : at->next)
        if (weir_doc_equal(at, value))
            return true;
    return false;
}

/* In all lists of the set from number `at` on. */
static bool is_in_all(weir_schema_build *s, const weir_schema_set *set, size_t at,
                      const weir_doc *value) {
    value_list list;
    while (next_list(s, set, &at, &list))
        if (!is_in_list(&list, value))
            return false;
    return true;
}

static bool has_any(const weir_schema_set *set, const char *const *keys, size_t n,
                    const weir_doc **doc, const char **key) {
    for (size_t i = 0; i < set->n; i++)
        for (size_t j = 0; j < n; j++)
            if (weir_doc_get(set->docs[i], keys[j])) {
                *doc = set->docs[i];
                *key = keys[j];
                return true;
            }
    return false;
}

/* Does a value, which enum or const names, keep to the keywords beside them? */
static bool fits(weir_schema_build *s, const weir_schema_set *set, const weir_doc *value) {
    static const char *const of_strings[] = {"pattern", "format"};
    static const char *const of_arrays[] = {"items",    "prefixItems", "additionalItems",
                                            "minItems", "maxItems",    "uniqueItems"};
    static const char *const of_objects[] = {
        "properties",    "required",      "patternProperties",   "propertyNames",
        "minProperties", "maxProperties", "additionalProperties"};
    const weir_doc *doc;
    const char *key;
    bool is_known = true, is_refused = false;
    if (value->kind == WEIR_DOC_NUMBER) {
        bool is_good = weir_schema_number_fits(s, set, value, &is_known);
        const char *const multiple = "multipleOf";
        if (is_known || !has_any(set, &multiple, 1, &doc, &key))
            return is_good;
        is_refused = true;
    } else if (value->kind == WEIR_DOC_STRING) {
        size_t n = weir_utf8_count(value->text, value->n_text);
        is_refused = has_any(set, of_strings, WEIR_COUNT(of_strings), &doc, &key);
        if (!is_refused)
            return n >= weir_schema_min(s, set, "minLength", &doc) &&
                   n <= weir_schema_max(s, set, "maxLength", &doc);
    } else if (value->kind == WEIR_DOC_ARRAY) {
        is_refused = has_any(set, of_arrays, WEIR_COUNT(of_arrays), &doc, &key);
    } else if (value->kind == WEIR_DOC_OBJECT) {
        is_refused = has_any(set, of_objects, WEIR_COUNT(of_objects), &doc, &key);
    }
    if (is_refused)
        weir_schema_unsupported(s, doc, key, "beside enum or const");
    return !is_refused;
}

uint32_t weir_schema_values(weir_schema_build *s, const weir_schema_set *set, uint32_t types,
                            bool *has_values, uint32_t next) {
    value_list list;
    size_t at = 0, n_texts = 0, n = 0;
    uint32_t node = WEIR_PDA_AT_DEAD;
    *has_values = next_list(s, set, &at, &list);
    if (!*has_values)
        return WEIR_PDA_AT_DEAD;
    for (const weir_doc *value = list.first; value; value = list.is_single ? NULL : value->next)
        n++;
    weir_pda_text *texts = weir_pda_room(s->b, (n + 1) * sizeof *texts);
    if (!texts)
        return WEIR_PDA_AT_DEAD;
    for (const weir_doc *value = list.first; value; value = list.is_single ? NULL : value->next) {
        if (!(weir_schema_type_of(value) & types) || !is_in_all(s, set, at, value) ||
            !fits(s, set, value))
            continue;
        if (value->kind != WEIR_DOC_STRING) {
            node = weir_pda_either(s->b, node, weir_schema_literal(s, value, next));
            continue;
        }
        weir_pda_text *text = &texts[n_texts++];
        text->text = weir_schema_spell(s, value->text, value->n_text, &text->n);
        text->next = next;
    }
    return weir_pda_either(s->b, weir_pda_texts(s->b, texts, n_texts), node);
}

/* ---- schemas that exclude each other -------------------------------------------------------- */

typedef struct pairing {
    weir_schema_build *s;
    const weir_doc *other;
    const weir_schema_set *left;
    int depth;
    bool is_disjoint;
} pairing;

/* The types of what is left; enum and const are counted in. */
static uint32_t narrow_types(weir_schema_build *s, const weir_schema_set *set) {
    uint32_t types = weir_schema_types(s, set);
    value_list list;
    for (size_t at = 0; next_list(s, set, &at, &list);) {
        uint32_t listed = 0;
        for (const weir_doc *v = list.first; v; v = list.is_single ? NULL : v->next)
            listed |= weir_schema_type_of(v);
        types &= listed;
    }
    return types;
}

static bool have_common_value(weir_schema_build *s, const weir_schema_set *a,
                              const weir_schema_set *b) {
    value_list left, right;
    size_t at_left = 0, at_right = 0;
    if (!next_list(s, a, &at_left, &left) || !next_list(s, b, &at_right, &right))
        return true;
    for (const weir_doc *v = left.first; v; v = left.is_single ? NULL : v->next)
        if (is_in_all(s, a, at_left, v) && is_in_all(s, b, 0, v))
            return true;
    return false;
}

static bool is_required(const weir_schema_set *set, const weir_doc *name) {
    for (size_t i = 0; i < set->n; i++) {
        const weir_doc *required = weir_doc_get(set->docs[i], "required");
        for (const weir_doc *r = required ? required->first : NULL; r; r = r->next)
            if (weir_doc_equal(r, name))
                return true;
    }
    return false;
}

static const weir_doc *property_of(const weir_schema_set *set, const weir_doc *name) {
    const weir_doc *found = NULL;
    for (size_t i = 0; i < set->n && !found; i++)
        found = weir_doc_find(weir_doc_get(set->docs[i], "properties"), name->text, name->n_text);
    return found;
}

/* Is a property of this name forbidden by a set that does not know it? */
static bool is_closed_to(const weir_schema_set *set, const weir_doc *name) {
    for (size_t i = 0; i < set->n; i++) {
        const weir_doc *more = weir_doc_get(set->docs[i], "additionalProperties");
        if (more && more->kind == WEIR_DOC_FALSE &&
            !weir_doc_get(set->docs[i], "patternProperties") &&
            !weir_doc_find(weir_doc_get(set->docs[i], "properties"), name->text, name->n_text))
            return true;
    }
    return false;
}

/* Does a property that `a` requires tell them apart? */
static bool are_apart_by_property(weir_schema_build *s, const weir_schema_set *a,
                                  const weir_schema_set *b, int depth) {
    for (size_t i = 0; i < a->n; i++) {
        const weir_doc *required = weir_doc_get(a->docs[i], "required");
        for (const weir_doc *name = required ? required->first : NULL; name; name = name->next) {
            if (name->kind != WEIR_DOC_STRING)
                continue;
            const weir_doc *left = property_of(a, name), *right = property_of(b, name);
            if (is_closed_to(b, name))
                return true;
            if (left && right && is_required(b, name) &&
                weir_schema_disjoint(s, left, right, depth + 1))
                return true;
        }
    }
    return false;
}

static bool are_ranges_apart(const weir_schema_set *a, const weir_schema_set *b) {
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++) {
            const weir_doc *high = weir_doc_get(a->docs[i], "maximum");
            const weir_doc *low = weir_doc_get(b->docs[j], "minimum");
            weir_decimal x, y;
            if (high && low && high->kind == WEIR_DOC_NUMBER && low->kind == WEIR_DOC_NUMBER &&
                weir_decimal_read(&x, high->text, high->n_text) &&
                weir_decimal_read(&y, low->text, low->n_text) && weir_decimal_compare(&x, &y) < 0)
                return true;
        }
    return false;
}

static bool are_sets_disjoint(weir_schema_build *s, const weir_schema_set *a,
                              const weir_schema_set *b, int depth) {
    uint32_t both = narrow_types(s, a) & narrow_types(s, b);
    if (both == 0 || !have_common_value(s, a, b))
        return true;
    if (both == WEIR_TYPE_OBJECT)
        return are_apart_by_property(s, a, b, depth) || are_apart_by_property(s, b, a, depth);
    if ((both & ~(uint32_t)(WEIR_TYPE_INTEGER | WEIR_TYPE_NUMBER)) == 0)
        return are_ranges_apart(a, b) || are_ranges_apart(b, a);
    return false;
}

static bool take_right(void *context, const weir_schema_set *set) {
    pairing *p = context;
    p->is_disjoint = p->is_disjoint && are_sets_disjoint(p->s, p->left, set, p->depth);
    return p->is_disjoint;
}

static bool take_left(void *context, const weir_schema_set *set) {
    pairing *p = context;
    p->left = set;
    weir_schema_branches(p->s, &p->other, 1, take_right, p);
    return p->is_disjoint;
}

bool weir_schema_disjoint(weir_schema_build *s, const weir_doc *a, const weir_doc *b, int depth) {
    enum { MAX_DEPTH = 3 };
    pairing p = {.s = s, .other = b, .depth = depth, .is_disjoint = true};
    if (depth > MAX_DEPTH)
        return false;
    weir_schema_branches(s, &a, 1, take_left, &p);
    return p.is_disjoint;
}
