/*
 * json_schema_array.c: arrays: the first items one by one, the rest as a counted loop.
 */
#include "text/json_schema.h"

#include <string.h>

enum { MAX_PREFIX = 4096 };

typedef struct array_build {
    weir_schema_build *s;
    const weir_schema_set *set;
    uint32_t min, max;
    size_t n_prefix;
    uint32_t close; /* what follows the last item */
} array_build;

/* prefixItems, or the older form of items. NULL: none. */
static const weir_doc *prefix_of(weir_schema_build *s, const weir_doc *doc) {
    const weir_doc *prefix = weir_doc_get(doc, "prefixItems"), *items = weir_doc_get(doc, "items");
    if (prefix && prefix->kind != WEIR_DOC_ARRAY)
        weir_schema_bad(s, doc, "prefixItems", "an array of schemas");
    if (prefix && items && items->kind == WEIR_DOC_ARRAY)
        weir_schema_bad(s, doc, "items", "one schema beside prefixItems");
    if (!prefix && items && items->kind == WEIR_DOC_ARRAY)
        return items;
    return prefix && prefix->kind == WEIR_DOC_ARRAY ? prefix : NULL;
}

/* What all items behind the prefix are. NULL: anything. */
static const weir_doc *rest_of(const weir_doc *doc) {
    const weir_doc *items = weir_doc_get(doc, "items");
    if (items && items->kind == WEIR_DOC_ARRAY)
        return weir_doc_get(doc, "additionalItems");
    return items;
}

/* What item i has to be: the schemas [*n] of all docs in the set. */
static void item_schemas(const array_build *a, size_t i, const weir_doc **out, size_t *n) {
    *n = 0;
    for (size_t j = 0; j < a->set->n; j++) {
        const weir_doc *doc = a->set->docs[j], *prefix = prefix_of(a->s, doc);
        const weir_doc *item = prefix ? prefix->first : NULL;
        while (item && item->index < i)
            item = item->next;
        item = item ? item : rest_of(doc);
        if (item)
            out[(*n)++] = item;
    }
}

static uint32_t item(const array_build *a, size_t i, uint32_t next) {
    const weir_doc *schemas[WEIR_SCHEMA_SET];
    size_t n;
    item_schemas(a, i, schemas, &n);
    return weir_schema_value(a->s, schemas, n, WEIR_TYPE_ALL, next);
}

/* Items behind the prefix, of which there is at least one item before. */
static uint32_t more_items(const array_build *a, uint32_t n_before) {
    uint32_t body = weir_schema_comma(a->s, item(a, a->n_prefix, WEIR_PDA_AT_RETURN));
    uint32_t min = a->min > n_before ? a->min - n_before : 0;
    uint32_t max = a->max == WEIR_PDA_NO_LIMIT ? a->max : a->max - n_before;
    return weir_pda_repeat(a->s->b, body, min, max, a->close);
}

/* Items from number i on, behind i others. */
static uint32_t items_from(const array_build *a) {
    uint32_t node = WEIR_PDA_AT_DEAD;
    size_t n = a->n_prefix;
    if (n > a->max)
        n = a->max;
    if (n == 0) {
        if (a->max > 0)
            node = weir_schema_space(a->s, item(a, a->n_prefix, more_items(a, 1)));
        return a->min == 0 ? weir_pda_either(a->s->b, a->close, node) : node;
    }
    node = n < a->n_prefix ? a->close : more_items(a, (uint32_t)n);
    for (size_t i = n; i-- > 0;) {
        node = item(a, i, node);
        node = i > 0 ? weir_schema_comma(a->s, node) : weir_schema_space(a->s, node);
        if (i >= a->min)
            node = weir_pda_either(a->s->b, a->close, node);
    }
    return node;
}

static void check_unique(weir_schema_build *s, const weir_schema_set *set, uint32_t max) {
    for (size_t i = 0; i < set->n; i++) {
        const weir_doc *unique = weir_doc_get(set->docs[i], "uniqueItems");
        if (unique && unique->kind != WEIR_DOC_FALSE && max > 1)
            weir_schema_unsupported(s, set->docs[i], "uniqueItems",
                                    "only of arrays with one item at most");
    }
}

uint32_t weir_schema_array(weir_schema_build *s, const weir_schema_set *set, uint32_t next) {
    const weir_doc *doc;
    array_build a = {.s = s, .set = set};
    a.min = weir_schema_min(s, set, "minItems", &doc);
    a.max = weir_schema_max(s, set, "maxItems", &doc);
    check_unique(s, set, a.max);
    for (size_t i = 0; i < set->n; i++) {
        const weir_doc *prefix = prefix_of(s, set->docs[i]);
        if (prefix && prefix->n_children > MAX_PREFIX)
            weir_schema_unsupported(s, set->docs[i], NULL, "more than 4096 items of their own");
        if (prefix && prefix->n_children > a.n_prefix)
            a.n_prefix = prefix->n_children;
    }
    if (s->b->status != WEIR_STATUS_OK || a.min > a.max)
        return WEIR_PDA_AT_DEAD;
    a.close = weir_schema_space(s, weir_pda_symbol(s->b, ']', next));
    return weir_pda_symbol(s->b, '[', items_from(&a));
}
