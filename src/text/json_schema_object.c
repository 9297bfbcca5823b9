/*
 * json_schema_object.c: objects, and the arguments of calls, which are objects in another dress.
 *
 * Properties come in the order of the schema; those that are not required may be left out. The
 * automaton is a chain: at each property it goes through it or past it, so its size is linear in
 * their number (times the counts that minProperties and maxProperties ask for). Behind the chain
 * come properties without a name of their own. Invariant: their keys are never declared names,
 * for which reason they have one spelling only.
 */
#include "base/utf8.h"
#include "text/json_schema.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STATES = 1 << 18 };

typedef struct property {
    const weir_doc *name; /* a member of `properties` or a string in `required` */
    bool is_required;
} property;

typedef struct object_build {
    weir_schema_build *s;
    const weir_schema_set *set;
    bool is_call;         /* name=value, without braces */
    property *properties; /* [n] */
    size_t n, n_required;
    uint32_t min, max;
    uint32_t cap;   /* counts from here on are the same */
    uint32_t close; /* what follows the last one */
} object_build;

static const char *name_of(const property *p, size_t *n) {
    *n = p->name->key ? p->name->n_key : p->name->n_text;
    return p->name->key ? p->name->key : p->name->text;
}

/* ---- which properties there are ------------------------------------------------------------- */

static property *find_property(object_build *o, const char *name, size_t n_name) {
    for (size_t i = 0; i < o->n; i++) {
        size_t n;
        const char *other = name_of(&o->properties[i], &n);
        if (n == n_name && memcmp(other, name, n) == 0)
            return &o->properties[i];
    }
    return NULL;
}

static const weir_doc *object_of(weir_schema_build *s, const weir_doc *doc, const char *key) {
    const weir_doc *value = weir_doc_get(doc, key);
    if (value && value->kind != WEIR_DOC_OBJECT) {
        weir_schema_bad(s, doc, key, "an object of schemas");
        return NULL;
    }
    return value;
}

static void take_properties(object_build *o) {
    enum { MAX_PROPERTIES = 2000 };
    size_t n_all = 0;
    for (size_t i = 0; i < o->set->n; i++) {
        const weir_doc *known = object_of(o->s, o->set->docs[i], "properties");
        const weir_doc *required = weir_doc_get(o->set->docs[i], "required");
        n_all += (known ? known->n_children : 0) + (required ? required->n_children : 0);
        if (required && required->kind != WEIR_DOC_ARRAY)
            weir_schema_bad(o->s, o->set->docs[i], "required", "an array of names");
    }
    if (n_all > 2 * MAX_PROPERTIES)
        weir_schema_unsupported(o->s, o->set->docs[0], NULL, "more than 2,000 properties");
    o->properties = weir_pda_room(o->s->b, (n_all + 1) * sizeof *o->properties);
    if (!o->properties)
        return;
    for (size_t i = 0; i < o->set->n; i++) {
        const weir_doc *known = object_of(o->s, o->set->docs[i], "properties");
        for (const weir_doc *p = known ? known->first : NULL; p; p = p->next)
            if (!find_property(o, p->key, p->n_key))
                o->properties[o->n++].name = p;
    }
    for (size_t i = 0; i < o->set->n; i++) {
        const weir_doc *required = weir_doc_get(o->set->docs[i], "required");
        for (const weir_doc *r = required ? required->first : NULL; r; r = r->next) {
            if (r->kind != WEIR_DOC_STRING) {
                weir_schema_bad(o->s, r, NULL, "a name");
                return;
            }
            property *p = find_property(o, r->text, r->n_text);
            if (!p) {
                p = &o->properties[o->n++];
                p->name = r;
            }
            o->n_required += !p->is_required;
            p->is_required = true;
        }
    }
}

/* ---- values --------------------------------------------------------------------------------- */

/* The schemas of a property; NULL: of those that have no name. */
static uint32_t value(const object_build *o, const property *p, uint32_t next) {
    const weir_doc *schemas[WEIR_SCHEMA_SET];
    size_t n = 0, n_name = 0;
    const char *name = p ? name_of(p, &n_name) : NULL;
    for (size_t i = 0; i < o->set->n; i++) {
        const weir_doc *doc = o->set->docs[i];
        const weir_doc *schema =
            p ? weir_doc_find(weir_doc_get(doc, "properties"), name, n_name) : NULL;
        schema = schema ? schema : weir_doc_get(doc, "additionalProperties");
        if (schema)
            schemas[n++] = schema;
    }
    return weir_schema_value(o->s, schemas, n, WEIR_TYPE_ALL, next);
}

static bool has_more(const object_build *o) {
    for (size_t i = 0; i < o->set->n; i++) {
        const weir_doc *more = weir_doc_get(o->set->docs[i], "additionalProperties");
        if (more && more->kind == WEIR_DOC_FALSE)
            return false;
    }
    return true;
}

/* ---- keys of properties without a name ------------------------------------------------------ */

typedef struct name_codes {
    const uint32_t *codes; /* [n] */
    size_t n;
} name_codes;

static int compare_names(const void *left, const void *right) {
    const name_codes *a = left, *b = right;
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (a->codes[i] != b->codes[i])
            return a->codes[i] < b->codes[i] ? -1 : 1;
    return (a->n > b->n) - (a->n < b->n);
}

/* Any text but names [n], which are sorted and the same up to `at`: it leaves them at some code
 * point, after which it is free, or ends where none of them ends. */
static uint32_t other_names(weir_pda_builder *b, const name_codes *names, size_t n, size_t at,
                            uint32_t free_rest, uint32_t end) {
    weir_code_range *taken = weir_pda_room(b, n * sizeof *taken);
    weir_code_range *left = weir_pda_room(b, (n + 1) * sizeof *left);
    uint32_t node = end;
    size_t n_taken = 0, i = 0;
    if (!taken || !left)
        return WEIR_PDA_AT_DEAD;
    for (; i < n && names[i].n == at; i++)
        node = WEIR_PDA_AT_DEAD;
    for (size_t to; i < n; i = to) {
        uint32_t code = names[i].codes[at];
        for (to = i + 1; to < n && names[to].codes[at] == code;)
            to++;
        taken[n_taken++] = (weir_code_range){code, code};
        uint32_t rest = other_names(b, names + i, to - i, at + 1, free_rest, end);
        node = weir_pda_either(b, node, weir_json_plain_codes(b, &taken[n_taken - 1], 1, rest));
    }
    n_taken = weir_regex_tidy(taken, n_taken);
    size_t n_left = weir_regex_invert(taken, n_taken, left);
    return weir_pda_either(b, node, weir_json_plain_codes(b, left, n_left, free_rest));
}

static uint32_t other_key(const object_build *o, uint32_t next) {
    static const weir_code_range all = {0, 0x10ffff};
    weir_pda_builder *b = o->s->b;
    name_codes *names = weir_pda_room(b, (o->n + 1) * sizeof *names);
    next = weir_pda_symbol(b, '"', next);
    if (o->n == 0 || !names)
        return weir_pda_symbol(b, '"', weir_schema_chars(o->s, 0, WEIR_PDA_NO_LIMIT, next));
    for (size_t i = 0; i < o->n; i++) {
        size_t n;
        const char *name = name_of(&o->properties[i], &n);
        uint32_t *codes = weir_pda_room(b, (n + 1) * sizeof *codes);
        if (!codes)
            return WEIR_PDA_AT_DEAD;
        names[i].codes = codes;
        for (size_t at = 0, used; at < n; at += used)
            weir_utf8_step(name + at, n - at, &codes[names[i].n++], &used);
        if (names[i].n > 400)
            return weir_schema_unsupported(o->s, o->properties[i].name, NULL,
                                           "a name of more than 400 characters");
    }
    qsort(names, o->n, sizeof *names, compare_names);
    uint32_t one = weir_json_plain_codes(b, &all, 1, WEIR_PDA_AT_RETURN);
    uint32_t rest = weir_pda_repeat(b, one, 0, WEIR_PDA_NO_LIMIT, next);
    return weir_pda_symbol(b, '"', other_names(b, names, o->n, 0, rest, next));
}

/* Keys by a pattern of patternProperties, or by the schemas of propertyNames. */
static uint32_t pattern_key(const object_build *o, const weir_doc *pattern, uint32_t next) {
    char place[WEIR_DOC_POINTER];
    weir_doc_pointer(place, pattern, NULL);
    weir_regex *regex = weir_regex_parse(o->s->b, pattern->key, pattern->n_key, place);
    regex = weir_regex_anywhere(o->s->b, regex, place);
    if (!regex)
        return WEIR_PDA_AT_DEAD;
    next = weir_pda_symbol(o->s->b, '"', next);
    return weir_pda_symbol(o->s->b, '"', weir_regex_nodes(o->s->b, regex, weir_json_codes, next));
}

/* The only pattern of patternProperties that can be enforced: all keys match it. NULL: none. */
static const weir_doc *only_pattern(const object_build *o) {
    const weir_doc *found = NULL, *from = NULL;
    for (size_t i = 0; i < o->set->n; i++) {
        const weir_doc *patterns = object_of(o->s, o->set->docs[i], "patternProperties");
        if (!patterns || patterns->n_children == 0)
            continue;
        const weir_doc *more = weir_doc_get(o->set->docs[i], "additionalProperties");
        if (found || patterns->n_children > 1 || o->n > 0 || o->is_call || !more ||
            more->kind != WEIR_DOC_FALSE)
            weir_schema_unsupported(o->s, o->set->docs[i], "patternProperties",
                                    "only one pattern, without properties and required, and with "
                                    "additionalProperties false");
        found = patterns->first;
        from = o->set->docs[i];
    }
    for (size_t i = 0; i < o->set->n && found; i++)
        if (o->set->docs[i] != from && weir_doc_get(o->set->docs[i], "additionalProperties"))
            weir_schema_unsupported(o->s, o->set->docs[i], "additionalProperties",
                                    "beside patternProperties of another schema");
    return found;
}

/* Schemas of propertyNames [*n] that say something. */
static void name_schemas(const object_build *o, const weir_doc **out, size_t *n) {
    *n = 0;
    for (size_t i = 0; i < o->set->n; i++) {
        const weir_doc *names = weir_doc_get(o->set->docs[i], "propertyNames");
        if (!names || names->kind == WEIR_DOC_TRUE ||
            (names->kind == WEIR_DOC_OBJECT && names->n_children == 0))
            continue;
        if (o->n > 0 || o->is_call)
            weir_schema_unsupported(o->s, o->set->docs[i], "propertyNames",
                                    "beside properties or required");
        out[(*n)++] = names;
    }
}

/* One property without a name. */
static uint32_t other_property(const object_build *o, uint32_t next) {
    const weir_doc *names[WEIR_SCHEMA_SET], *pattern = only_pattern(o);
    size_t n_names;
    name_schemas(o, names, &n_names);
    if (pattern) {
        if (n_names > 0)
            return weir_schema_unsupported(o->s, pattern->parent, NULL, "beside propertyNames");
        uint32_t then = weir_schema_value(o->s, &pattern, 1, WEIR_TYPE_ALL, next);
        return pattern_key(o, pattern, weir_schema_colon(o->s, then));
    }
    if (!has_more(o) || o->is_call)
        return WEIR_PDA_AT_DEAD;
    next = weir_schema_colon(o->s, value(o, NULL, next));
    if (n_names > 0)
        return weir_schema_value(o->s, names, n_names, WEIR_TYPE_STRING, next);
    return other_key(o, next);
}

/* ---- the chain ------------------------------------------------------------------------------ */

static uint32_t divider(const object_build *o, uint32_t n_before, uint32_t next) {
    return n_before > 0 ? weir_schema_comma(o->s, next) : weir_schema_space(o->s, next);
}

/* Behind all that have names, n of them. */
static uint32_t tail(const object_build *o, uint32_t n) {
    weir_pda_builder *b = o->s->b;
    uint32_t end = n >= o->min ? o->close : WEIR_PDA_AT_DEAD;
    if (n + 1 < o->min || n >= o->max)
        return end;
    uint32_t pair = other_property(o, WEIR_PDA_AT_RETURN);
    if (pair == WEIR_PDA_AT_DEAD)
        return end;
    uint32_t max = o->max == WEIR_PDA_NO_LIMIT ? o->max : o->max - n - 1;
    uint32_t rest = weir_pda_repeat(b, weir_schema_comma(o->s, pair), 0, max, o->close);
    return weir_pda_either(b, end, divider(o, n, other_property(o, rest)));
}

static uint32_t named(const object_build *o, const property *p, uint32_t next) {
    size_t n;
    const char *name = name_of(p, &n);
    if (o->is_call)
        return weir_pda_literal(o->s->b, name, n, weir_pda_symbol(o->s->b, '=', value(o, p, next)));
    return weir_schema_quoted(o->s, name, n, weir_schema_colon(o->s, value(o, p, next)));
}

/* entries [cap + 1] of the chain behind property i become those in front of it. */
static void go_through(const object_build *o, const property *p, uint32_t *entries) {
    for (uint32_t n = 0; n <= o->cap; n++) {
        uint32_t after = n < o->cap ? n + 1 : o->cap;
        uint32_t taken =
            n >= o->max ? WEIR_PDA_AT_DEAD : divider(o, n, named(o, p, entries[after]));
        entries[n] = p->is_required ? taken : weir_pda_either(o->s->b, taken, entries[n]);
    }
}

static uint32_t chain(object_build *o) {
    if (o->min > o->n && !has_more(o) && !only_pattern(o))
        return WEIR_PDA_AT_DEAD;
    /* Counts matter up to the minimum, and up to the maximum or all that have names. */
    o->cap = o->min > 1 ? o->min : 1;
    uint32_t n = (uint32_t)o->n < o->max ? (uint32_t)o->n : o->max;
    if (o->max != WEIR_PDA_NO_LIMIT && n > o->cap)
        o->cap = n;
    if (((uint64_t)o->cap + 1) * (o->n + 1) > MAX_STATES)
        return weir_schema_unsupported(o->s, o->set->docs[0], NULL,
                                       "too many properties beside their number");
    uint32_t *entries = weir_pda_room(o->s->b, (o->cap + (size_t)1) * sizeof *entries);
    if (!entries)
        return WEIR_PDA_AT_DEAD;
    for (n = 0; n <= o->cap; n++)
        entries[n] = tail(o, n);
    for (size_t i = o->n; i-- > 0 && o->s->b->status == WEIR_STATUS_OK;)
        go_through(o, &o->properties[i], entries);
    return entries[0];
}

static void begin(object_build *o) {
    const weir_doc *min_doc, *max_doc;
    o->min = weir_schema_min(o->s, o->set, "minProperties", &min_doc);
    o->max = weir_schema_max(o->s, o->set, "maxProperties", &max_doc);
    take_properties(o);
    /* Two properties without names may have the same one, and then they count once. */
    bool may_repeat = has_more(o) || only_pattern(o);
    if (may_repeat && !o->is_call && o->min > o->n_required + 1)
        weir_schema_unsupported(o->s, min_doc, "minProperties",
                                "only one more than there are required properties, unless "
                                "additionalProperties is false");
}

uint32_t weir_schema_object(weir_schema_build *s, const weir_schema_set *set, uint32_t next) {
    object_build o = {.s = s, .set = set};
    begin(&o);
    if (s->b->status != WEIR_STATUS_OK || o.min > o.max)
        return WEIR_PDA_AT_DEAD;
    o.close = weir_schema_space(s, weir_pda_symbol(s->b, '}', next));
    return weir_pda_symbol(s->b, '{', chain(&o));
}

uint32_t weir_schema_arguments(weir_schema_build *s, const weir_schema_set *set, uint32_t next) {
    object_build o = {.s = s, .set = set, .is_call = true};
    begin(&o);
    if (s->b->status != WEIR_STATUS_OK || o.min > o.max)
        return WEIR_PDA_AT_DEAD;
    o.close = next;
    return chain(&o);
}
