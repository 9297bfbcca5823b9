/*
 * json_schema.c: schemas into rules: which of them apply together, and what types that leaves.
 *
 * Owns $ref, allOf, anyOf and oneOf: a value's schemas are spread out into sets that need none of
 * them, each of which is compiled once. Does not own keywords of one type (json_schema_number.c,
 * _string.c, _object.c, _array.c), enum and const (_values.c), or which keywords there are
 * (_keywords.c). Invariant: a schema is never compiled without its keywords having been checked.
 */
#include "text/json_schema.h"

#include "base/random.h"
#include "text/grammar.h"
#include "text/json_schema_keywords.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CHOICES = 16, MAX_BRANCHES = 512, MAX_LEVELS = 400 };

uint32_t weir_schema_unsupported(weir_schema_build *s, const weir_doc *doc, const char *key,
                                 const char *why) {
    char place[WEIR_DOC_POINTER];
    return weir_pda_refuse(s->b, WEIR_STATUS_UNSUPPORTED, "%s: cannot be enforced: %s",
                           weir_doc_pointer(place, doc, key), why);
}

uint32_t weir_schema_bad(weir_schema_build *s, const weir_doc *doc, const char *key,
                         const char *expected) {
    char place[WEIR_DOC_POINTER];
    return weir_pda_refuse(s->b, WEIR_STATUS_BAD_ARGUMENT, "%s: expected %s",
                           weir_doc_pointer(place, doc, key), expected);
}

/* ---- sets ----------------------------------------------------------------------------------- */

/* The schemas on the way to one that is being spread out. */
typedef struct path {
    const weir_doc *doc;
    const struct path *parent;
} path;

/* anyOf or oneOf of a schema in the set, from which one has to be chosen. */
typedef struct choice {
    const weir_doc *list;
    const path *owner;
} choice;

typedef struct spread {
    weir_schema_set set;
    choice choices[MAX_CHOICES]; /* [n_choices] to be made */
    size_t n_choices;
    bool is_dead; /* a schema `false` applies */
} spread;

static bool is_in_set(const weir_schema_set *set, const weir_doc *doc) {
    for (size_t i = 0; i < set->n; i++)
        if (set->docs[i] == doc)
            return true;
    return false;
}

/* Sets are kept in order, so that equal ones are equal bytes; and in the order of the text, which
 * is that of their properties. */
static bool add_to_set(weir_schema_build *s, weir_schema_set *set, const weir_doc *doc) {
    if (set->n == WEIR_SCHEMA_SET) {
        weir_schema_unsupported(s, doc, NULL, "more than 48 schemas apply to one value");
        return false;
    }
    size_t at = set->n++;
    for (; at > 0 && set->docs[at - 1]->order > doc->order; at--)
        set->docs[at] = set->docs[at - 1];
    set->docs[at] = doc;
    return true;
}

static bool add_choice(weir_schema_build *s, spread *to, const weir_doc *doc, const char *key,
                       const path *owner) {
    const weir_doc *list = weir_doc_get(doc, key);
    if (!list)
        return true;
    if (list->kind != WEIR_DOC_ARRAY || list->n_children == 0) {
        weir_schema_bad(s, doc, key, "an array of schemas");
        return false;
    }
    if (to->n_choices == MAX_CHOICES) {
        weir_schema_unsupported(s, doc, key, "more than 16 of anyOf and oneOf together");
        return false;
    }
    to->choices[to->n_choices++] = (choice){list, owner};
    return true;
}

/* The schema that $ref names. */
static const weir_doc *find_ref(weir_schema_build *s, const weir_doc *doc) {
    const weir_doc *ref = weir_doc_get(doc, "$ref");
    if (ref->kind != WEIR_DOC_STRING) {
        weir_schema_bad(s, doc, "$ref", "a string");
        return NULL;
    }
    if (ref->n_text == 0 || ref->text[0] != '#' || !s->whole) {
        weir_schema_unsupported(s, doc, "$ref", "it leads out of this schema");
        return NULL;
    }
    const weir_doc *to = NULL;
    if (ref->n_text == 1 || ref->text[1] == '/')
        to = weir_doc_resolve(s->whole, ref->text + 1, ref->n_text - 1);
    else
        to = weir_schema_find_anchor(s->whole, ref->text + 1, ref->n_text - 1);
    if (!to)
        weir_schema_bad(s, doc, "$ref", "a place in this schema, found none");
    return to;
}

static bool spread_out(weir_schema_build *s, spread *to, const weir_doc *doc, const path *parent);

static bool spread_all(weir_schema_build *s, spread *to, const weir_doc *doc, const path *owner) {
    const weir_doc *list = weir_doc_get(doc, "allOf");
    if (!list)
        return true;
    if (list->kind != WEIR_DOC_ARRAY) {
        weir_schema_bad(s, doc, "allOf", "an array of schemas");
        return false;
    }
    for (const weir_doc *child = list->first; child; child = child->next)
        if (!spread_out(s, to, child, owner))
            return false;
    return true;
}

/* Adds a schema and all that it says applies as well. */
static bool spread_out(weir_schema_build *s, spread *to, const weir_doc *doc, const path *parent) {
    if (doc->kind == WEIR_DOC_TRUE)
        return true;
    if (doc->kind == WEIR_DOC_FALSE) {
        to->is_dead = true;
        return true;
    }
    if (doc->kind != WEIR_DOC_OBJECT) {
        weir_schema_bad(s, doc, NULL, "a schema, an object or a truth value");
        return false;
    }
    for (const path *up = parent; up; up = up->parent)
        if (up->doc == doc) {
            weir_schema_bad(s, doc, NULL, "a schema that does not refer to itself alone");
            return false;
        }
    if (is_in_set(&to->set, doc))
        return true;
    path *here = weir_pda_room(s->b, sizeof *here);
    if (!here || !weir_schema_check_keywords(s, doc) || !add_to_set(s, &to->set, doc))
        return false;
    *here = (path){doc, parent};
    to->is_dead |= weir_schema_is_never(doc);
    if (weir_doc_get(doc, "$ref")) {
        const weir_doc *ref = find_ref(s, doc);
        if (!ref || !spread_out(s, to, ref, here))
            return false;
    }
    return spread_all(s, to, doc, here) && add_choice(s, to, doc, "anyOf", here) &&
           add_choice(s, to, doc, "oneOf", here);
}

/* ---- branches ------------------------------------------------------------------------------- */

typedef struct brancher {
    weir_schema_build *s;
    weir_schema_take *take;
    void *context;
    uint32_t n_branches;
} brancher;

static bool choose(brancher *br, const spread *from) {
    if (from->is_dead)
        return true;
    if (from->n_choices == 0) {
        if (++br->n_branches > MAX_BRANCHES) {
            weir_schema_unsupported(br->s, from->set.docs[0], NULL,
                                    "more than 512 combinations of anyOf and oneOf");
            return false;
        }
        return br->take(br->context, &from->set);
    }
    choice made = from->choices[from->n_choices - 1];
    spread *to = malloc(sizeof *to);
    bool is_good = to != NULL;
    if (!to)
        weir_pda_no_memory(br->s->b);
    for (const weir_doc *child = made.list->first; child && is_good; child = child->next) {
        *to = *from;
        to->n_choices--;
        is_good = spread_out(br->s, to, child, made.owner) && choose(br, to);
    }
    free(to);
    return is_good;
}

bool weir_schema_branches(weir_schema_build *s, const weir_doc *const *schemas, size_t n,
                          weir_schema_take *take, void *context) {
    brancher br = {s, take, context, 0};
    spread *first = calloc(1, sizeof *first);
    bool is_good = first != NULL;
    if (!first)
        weir_pda_no_memory(s->b);
    if (++s->n_levels > MAX_LEVELS) {
        weir_schema_unsupported(s, n > 0 ? schemas[0] : s->whole, NULL, "nested too deep");
        is_good = false;
    }
    for (size_t i = 0; i < n && is_good; i++)
        is_good = spread_out(s, first, schemas[i], NULL);
    is_good = is_good && choose(&br, first);
    s->n_levels--;
    free(first);
    return is_good && s->b->status == WEIR_STATUS_OK;
}

/* ---- one set -------------------------------------------------------------------------------- */

/* Was it there before? Notes that it is. */
static bool is_checked(weir_schema_build *s, const weir_doc *doc) {
    for (const weir_schema_checked *at = s->checked; at; at = at->next)
        if (at->doc == doc)
            return true;
    weir_schema_checked *now = weir_pda_room(s->b, sizeof *now);
    if (now) {
        *now = (weir_schema_checked){s->checked, doc};
        s->checked = now;
    }
    return false;
}

/* oneOf is anyOf if no two of its schemas can hold together. */
static void check_one_of(weir_schema_build *s, const weir_doc *doc) {
    const weir_doc *list = weir_doc_get(doc, "oneOf");
    if (!list || is_checked(s, doc))
        return;
    for (const weir_doc *a = list->first; a; a = a->next)
        for (const weir_doc *b = a->next; b; b = b->next)
            if (!weir_schema_disjoint(s, a, b, 0)) {
                weir_schema_unsupported(s, doc, "oneOf",
                                        "two of its schemas may hold at once; use anyOf, or "
                                        "different const values of a required property");
                return;
            }
}

static uint32_t build_set(weir_schema_build *s, const weir_schema_set *set, uint32_t types,
                          uint32_t next) {
    bool has_values;
    types &= weir_schema_types(s, set);
    for (size_t i = 0; i < set->n && s->b->status == WEIR_STATUS_OK; i++)
        check_one_of(s, set->docs[i]);
    if (types == 0 || s->b->status != WEIR_STATUS_OK)
        return WEIR_PDA_AT_DEAD;
    uint32_t node = weir_schema_values(s, set, types, &has_values, next);
    if (has_values)
        return node;
    node = weir_schema_words(s, types, next);
    if (types & WEIR_TYPE_STRING)
        node = weir_pda_either(s->b, weir_schema_string(s, set, next), node);
    if (types & (WEIR_TYPE_NUMBER | WEIR_TYPE_INTEGER))
        node = weir_pda_either(s->b, weir_schema_number(s, set, !(types & WEIR_TYPE_NUMBER), next),
                               node);
    if (types & WEIR_TYPE_ARRAY)
        node = weir_pda_either(s->b, weir_schema_array(s, set, next), node);
    if (types & WEIR_TYPE_OBJECT)
        node = weir_pda_either(s->b, weir_schema_object(s, set, next), node);
    return node;
}

static weir_schema_rule **find_rule(weir_schema_build *s, const weir_schema_set *set,
                                    uint32_t types) {
    uint64_t hash = types;
    for (size_t i = 0; i < set->n; i++)
        hash = weir_mix(hash ^ (uint64_t)(uintptr_t)set->docs[i]);
    weir_schema_rule **place = &s->rules[hash % WEIR_SCHEMA_SLOTS];
    while (*place && ((*place)->types != types || (*place)->set.n != set->n ||
                      memcmp((*place)->set.docs, set->docs, set->n * sizeof *set->docs) != 0))
        place = &(*place)->next;
    return place;
}

typedef struct value_build {
    weir_schema_build *s;
    uint32_t types, next, node;
} value_build;

static bool add_branch(void *context, const weir_schema_set *set) {
    value_build *v = context;
    weir_schema_build *s = v->s;
    weir_schema_rule **place = find_rule(s, set, v->types), *rule = *place;
    if (!rule) {
        rule = weir_pda_room(s->b, sizeof *rule);
        if (!rule)
            return false;
        *rule = (weir_schema_rule){.set = *set, .types = v->types, .rule = weir_pda_rule(s->b)};
        *place = rule;
        weir_pda_set_rule(s->b, rule->rule, build_set(s, set, v->types, WEIR_PDA_AT_RETURN));
    }
    v->node = weir_pda_either(s->b, v->node, weir_pda_call(s->b, rule->rule, v->next));
    return s->b->status == WEIR_STATUS_OK;
}

uint32_t weir_schema_value(weir_schema_build *s, const weir_doc *const *schemas, size_t n,
                           uint32_t types, uint32_t next) {
    value_build v = {s, types, next, WEIR_PDA_AT_DEAD};
    if (s->b->status == WEIR_STATUS_OK)
        weir_schema_branches(s, schemas, n, add_branch, &v);
    return v.node;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static uint32_t build_whole(weir_pda_builder *b, const weir_doc *schema, uint32_t types,
                            bool any_space) {
    weir_schema_build *s = weir_pda_room(b, sizeof *s);
    if (!s)
        return WEIR_PDA_AT_DEAD;
    s->b = b;
    s->whole = schema;
    s->any_space = any_space;
    uint32_t end = weir_schema_space(s, WEIR_PDA_AT_RETURN);
    return weir_schema_space(s, weir_schema_value(s, &schema, schema ? 1 : 0, types, end));
}

uint32_t weir_json_schema_build(weir_pda_builder *b, const char *source, size_t n, bool any_space) {
    const weir_doc *schema = weir_doc_read(b, source, n);
    return schema ? build_whole(b, schema, WEIR_TYPE_ALL, any_space) : WEIR_PDA_AT_DEAD;
}

uint32_t weir_json_object_build(weir_pda_builder *b, bool any_space) {
    return build_whole(b, NULL, WEIR_TYPE_OBJECT, any_space);
}
