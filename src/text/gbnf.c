/*
 * gbnf.c: grammars in llama.cpp's notation.
 *
 * Owns its syntax: rules `name ::= ...`, alternatives, groups, texts, classes, `.`, repetitions
 * * + ? {m} {m,} {m,n}, comments, escapes. A line's end ends a rule unless a group is open or an
 * alternative is wanted. Each rule becomes a rule of the automaton. Invariant: a rule that is used
 * is defined, once.
 */
#include "base/utf8.h"
#include "text/grammar.h"
#include "text/regex_class.h"

#include <string.h>

enum { MAX_DEPTH = 200, MAX_COUNT = 10000000, MAX_RULES = 20000, SLOTS = 4096 };

typedef struct gbnf_rule {
    const char *name; /* [n] */
    size_t n, line;   /* line of its first use */
    uint32_t rule;
    bool is_defined;
    struct gbnf_rule *next, *same_slot;
} gbnf_rule;

typedef struct parser {
    weir_pda_builder *b;
    const char *text; /* [n] */
    size_t n, at, line, line_start;
    uint32_t depth, n_rules;
    gbnf_rule *rules; /* newest first */
    gbnf_rule *slots[SLOTS];
} parser;

static uint32_t fail(parser *in, weir_status status, const char *what) {
    return weir_pda_refuse(in->b, status, "line %zu, column %zu: %s", in->line,
                           in->at - in->line_start + 1, what);
}

static uint32_t bad(parser *in, const char *what) {
    return fail(in, WEIR_STATUS_BAD_ARGUMENT, what);
}

static char peek(const parser *in, size_t ahead) {
    return in->at + ahead < in->n ? in->text[in->at + ahead] : '\0';
}

static bool is_good(const parser *in) {
    return in->b->status == WEIR_STATUS_OK;
}

/* White space and comments; with lines also their ends. */
static void skip_space(parser *in, bool with_lines) {
    for (; in->at < in->n; in->at++) {
        char c = peek(in, 0);
        if (c == '#') {
            const char *end = memchr(in->text + in->at, '\n', in->n - in->at);
            in->at = end ? (size_t)(end - in->text) : in->n;
            c = peek(in, 0);
        }
        bool is_line = c == '\n' || c == '\r';
        if (in->at == in->n || (c != ' ' && c != '\t' && !(is_line && with_lines)))
            return;
        if (c == '\n') {
            in->line++;
            in->line_start = in->at + 1;
        }
    }
}

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static gbnf_rule *find_rule(parser *in, const char *name, size_t n) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    gbnf_rule **slot = &in->slots[hash % SLOTS];
    for (gbnf_rule *rule = *slot; rule; rule = rule->same_slot)
        if (rule->n == n && memcmp(rule->name, name, n) == 0)
            return rule;
    if (++in->n_rules > MAX_RULES) {
        fail(in, WEIR_STATUS_UNSUPPORTED, "more than 20,000 rules");
        return NULL;
    }
    gbnf_rule *rule = weir_pda_room(in->b, sizeof *rule);
    if (!rule)
        return NULL;
    char *copy = weir_pda_room(in->b, n + 1);
    if (!copy)
        return NULL;
    memcpy(copy, name, n);
    *rule = (gbnf_rule){.name = copy, .n = n, .line = in->line, .rule = weir_pda_rule(in->b)};
    rule->same_slot = *slot;
    *slot = rule;
    rule->next = in->rules;
    in->rules = rule;
    return rule;
}

static gbnf_rule *read_name(parser *in) {
    size_t start = in->at;
    while (is_name_byte(peek(in, 0)))
        in->at++;
    if (in->at == start) {
        bad(in, "expected the name of a rule");
        return NULL;
    }
    return find_rule(in, in->text + start, in->at - start);
}

/* ---- characters ----------------------------------------------------------------------------- */

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(parser *in, size_t n, uint32_t *code) {
    *code = 0;
    for (size_t i = 0; i < n; i++, in->at++) {
        if (hex_value(peek(in, 0)) < 0)
            return bad(in, "expected a hexadecimal digit") != WEIR_PDA_AT_DEAD;
        *code = *code * 16 + (uint32_t)hex_value(peek(in, 0));
    }
    if (*code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
        return bad(in, "no code point") != WEIR_PDA_AT_DEAD;
    return true;
}

static bool read_code(parser *in, uint32_t *code) {
    static const char letters[] = "nrt\\\"[]", meant[] = "\n\r\t\\\"[]";
    size_t used;
    if (in->at == in->n)
        return bad(in, "expected a character") != WEIR_PDA_AT_DEAD;
    if (peek(in, 0) != '\\') {
        if (weir_utf8_step(in->text + in->at, in->n - in->at, code, &used) != WEIR_UTF8_WHOLE)
            return bad(in, "not UTF-8") != WEIR_PDA_AT_DEAD;
        in->line += *code == '\n';
        in->at += used;
        return true;
    }
    char c = peek(in, 1);
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    in->at += 2;
    if (letter)
        *code = (uint8_t)meant[letter - letters];
    else if (c == 'x' || c == 'u' || c == 'U')
        return read_hex(in, c == 'x' ? 2 : c == 'u' ? 4 : 8, code);
    else
        return bad(in, "an unknown escape") != WEIR_PDA_AT_DEAD;
    return true;
}

/* ---- items ---------------------------------------------------------------------------------- */

/* An item as a tree: nodes of the automaton need to know what follows. */
typedef enum item_kind { ITEM_TEXT, ITEM_CLASS, ITEM_RULE, ITEM_GROUP, ITEM_REPEAT } item_kind;

typedef struct item {
    item_kind kind;
    struct item *next; /* behind it in a sequence */
    char *text;        /* [n] of TEXT */
    size_t n;
    weir_code_range *ranges; /* [n] of CLASS */
    uint32_t rule;
    struct item **alternatives; /* [n] of GROUP: sequences, NULL is an empty one */
    struct item *body;          /* of REPEAT */
    uint32_t min, max;
} item;

static item *make(parser *in, item_kind kind) {
    item *out = weir_pda_room(in->b, sizeof *out);
    if (out)
        out->kind = kind;
    return out;
}

static item *read_text(parser *in) {
    size_t start = ++in->at;
    const char *end = memchr(in->text + start, '"', in->n - start);
    item *out = make(in, ITEM_TEXT);
    /* An escape is longer than what it stands for; escaped quotes make the text longer. */
    while (end && end[-1] == '\\') {
        size_t n_slashes = 0;
        while (end - n_slashes > in->text + start && end[-1 - (ptrdiff_t)n_slashes] == '\\')
            n_slashes++;
        if (n_slashes % 2 == 0)
            break;
        end = memchr(end + 1, '"', in->n - (size_t)(end + 1 - in->text));
    }
    if (!end || !out) {
        bad(in, "a text without an end");
        return NULL;
    }
    out->text = weir_pda_room(in->b, (size_t)(end - in->text) - start + WEIR_UTF8_MAX);
    while (out->text && in->text + in->at < end) {
        uint32_t code;
        if (!read_code(in, &code))
            return NULL;
        out->n += weir_utf8_encode(code, out->text + out->n);
    }
    in->at++;
    return out->text ? out : NULL;
}

static item *read_class(parser *in) {
    weir_class set = {.n = 0};
    item *out = make(in, ITEM_CLASS);
    in->at++;
    bool is_inverted = peek(in, 0) == '^';
    in->at += is_inverted;
    while (is_good(in) && in->at < in->n && peek(in, 0) != ']') {
        uint32_t first, last;
        if (!read_code(in, &first))
            return NULL;
        last = first;
        if (peek(in, 0) == '-' && peek(in, 1) != ']') {
            in->at++;
            if (!read_code(in, &last))
                return NULL;
        }
        if (last < first) {
            bad(in, "a range whose end is before its beginning");
            return NULL;
        }
        weir_class_add(&set, first, last);
    }
    if (in->at == in->n || !out) {
        bad(in, "a class without an end");
        return NULL;
    }
    in->at++;
    out->ranges = weir_class_end(in->b, &set, is_inverted, &out->n);
    return out->ranges ? out : NULL;
}

static item *read_any(parser *in) {
    weir_class none = {.n = 0};
    item *out = make(in, ITEM_CLASS);
    in->at++;
    if (out)
        out->ranges = weir_class_end(in->b, &none, true, &out->n);
    return out;
}

static item *read_alternatives(parser *in, bool is_in_group);

static item *read_group(parser *in) {
    in->at++;
    if (++in->depth > MAX_DEPTH) {
        fail(in, WEIR_STATUS_UNSUPPORTED, "more than 200 groups inside each other");
        return NULL;
    }
    item *out = read_alternatives(in, true);
    if (out && peek(in, 0) != ')') {
        bad(in, "expected )");
        return NULL;
    }
    in->at++;
    in->depth--;
    return out;
}

static item *read_single(parser *in) {
    char c = peek(in, 0);
    if (c == '"')
        return read_text(in);
    if (c == '[')
        return read_class(in);
    if (c == '(')
        return read_group(in);
    if (c == '.')
        return read_any(in);
    gbnf_rule *rule = read_name(in);
    item *out = rule ? make(in, ITEM_RULE) : NULL;
    if (out)
        out->rule = rule->rule;
    return out;
}

static bool read_count(parser *in, uint32_t *count) {
    size_t start = in->at;
    *count = 0;
    for (; peek(in, 0) >= '0' && peek(in, 0) <= '9'; in->at++) {
        *count = *count * 10 + (uint32_t)(peek(in, 0) - '0');
        if (*count > MAX_COUNT) {
            fail(in, WEIR_STATUS_UNSUPPORTED, "more than 10,000,000 repetitions");
            return false;
        }
    }
    return in->at > start;
}

static bool read_braces(parser *in, uint32_t *min, uint32_t *max) {
    in->at++;
    skip_space(in, false);
    if (!read_count(in, min))
        return bad(in, "expected a number") != WEIR_PDA_AT_DEAD;
    *max = *min;
    skip_space(in, false);
    if (peek(in, 0) == ',') {
        in->at++;
        skip_space(in, false);
        if (!read_count(in, max))
            *max = WEIR_PDA_NO_LIMIT;
        skip_space(in, false);
    }
    if (peek(in, 0) != '}')
        return bad(in, "expected }") != WEIR_PDA_AT_DEAD;
    in->at++;
    return *min <= *max || bad(in, "{m,n} with m above n") != WEIR_PDA_AT_DEAD;
}

static item *read_repeated(parser *in, bool is_in_group) {
    item *out = read_single(in);
    for (;;) {
        if (!out || !is_good(in))
            return NULL;
        skip_space(in, is_in_group);
        char c = peek(in, 0);
        uint32_t min = c == '+', max = c == '?' ? 1 : WEIR_PDA_NO_LIMIT;
        if (c == '{') {
            if (!read_braces(in, &min, &max))
                return NULL;
        } else if (c == '*' || c == '+' || c == '?') {
            in->at++;
        } else {
            return out;
        }
        item *repeat = make(in, ITEM_REPEAT);
        if (!repeat)
            return NULL;
        repeat->body = out;
        repeat->min = min;
        repeat->max = max;
        out = repeat;
    }
}

/* Is the end of a sequence next? */
static bool is_at_end(const parser *in) {
    char c = peek(in, 0);
    return in->at == in->n || c == '|' || c == ')' || c == '\n' || c == '\r';
}

static item *read_alternatives(parser *in, bool is_in_group) {
    item *out = make(in, ITEM_GROUP);
    size_t cap = 0;
    for (bool is_more = true; is_more && out && is_good(in);) {
        item *first = NULL, **place = &first;
        skip_space(in, true);
        /* Behind a | the next rule would begin a line of its own: `name ::=`. */
        while (!is_at_end(in) && is_good(in)) {
            *place = read_repeated(in, is_in_group);
            if (!*place)
                return NULL;
            place = &(*place)->next;
            skip_space(in, is_in_group);
        }
        if (out->n == cap) {
            item **grown = weir_pda_room(in->b, (cap * 2 + 4) * sizeof *grown);
            if (!grown)
                return NULL;
            if (cap > 0)
                memcpy(grown, out->alternatives, cap * sizeof *grown);
            out->alternatives = grown;
            cap = cap * 2 + 4;
        }
        out->alternatives[out->n++] = first;
        is_more = peek(in, 0) == '|';
        in->at += is_more;
    }
    return is_good(in) ? out : NULL;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static uint32_t item_nodes(weir_pda_builder *b, const item *it, uint32_t next);

static uint32_t sequence_nodes(weir_pda_builder *b, const item *first, uint32_t next) {
    size_t n = 0;
    for (const item *it = first; it; it = it->next)
        n++;
    const item **items = weir_pda_room(b, (n + 1) * sizeof *items);
    if (!items)
        return WEIR_PDA_AT_DEAD;
    n = 0;
    for (const item *it = first; it; it = it->next)
        items[n++] = it;
    while (n > 0)
        next = item_nodes(b, items[--n], next);
    return next;
}

static uint32_t group_nodes(weir_pda_builder *b, const item *group, uint32_t next) {
    if (group->n == 1)
        return sequence_nodes(b, group->alternatives[0], next);
    uint32_t split = weir_pda_split(b, (uint32_t)group->n);
    for (size_t i = 0; i < group->n; i++)
        weir_pda_set_target(b, split, (uint32_t)i, sequence_nodes(b, group->alternatives[i], next));
    return split;
}

static uint32_t item_nodes(weir_pda_builder *b, const item *it, uint32_t next) {
    switch (it->kind) {
    case ITEM_TEXT:
        return weir_pda_literal(b, it->text, it->n, next);
    case ITEM_CLASS:
        return weir_pda_codes(b, it->ranges, it->n, next);
    case ITEM_RULE:
        return weir_pda_call(b, it->rule, next);
    case ITEM_GROUP:
        return group_nodes(b, it, next);
    case ITEM_REPEAT:
        break;
    }
    return weir_pda_repeat(b, item_nodes(b, it->body, WEIR_PDA_AT_RETURN), it->min, it->max, next);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void read_rule(parser *in) {
    gbnf_rule *rule = read_name(in);
    skip_space(in, false);
    if (!rule)
        return;
    if (in->n - in->at < 3 || memcmp(in->text + in->at, "::=", 3) != 0) {
        bad(in, "expected ::=");
        return;
    }
    if (rule->is_defined) {
        bad(in, "the rule is defined twice");
        return;
    }
    in->at += 3;
    rule->is_defined = true;
    item *body = read_alternatives(in, false);
    if (body && peek(in, 0) == ')')
        bad(in, "a closing bracket without an opening one");
    if (body && is_good(in))
        weir_pda_set_rule(in->b, rule->rule, group_nodes(in->b, body, WEIR_PDA_AT_RETURN));
}

static const char *rule_name(const void *context, uint32_t rule) {
    const parser *in = context;
    for (const gbnf_rule *at = in->rules; at; at = at->next)
        if (at->rule == rule)
            return at->name;
    return NULL;
}

uint32_t weir_gbnf_build(weir_pda_builder *b, const char *source, size_t n) {
    parser *in = weir_pda_room(b, sizeof *in);
    if (!in)
        return WEIR_PDA_AT_DEAD;
    *in = (parser){.b = b, .text = source, .n = n, .line = 1};
    b->rule_name = rule_name;
    b->rule_context = in;
    skip_space(in, true);
    while (in->at < in->n && is_good(in)) {
        read_rule(in);
        skip_space(in, true);
    }
    const gbnf_rule *root = NULL;
    for (const gbnf_rule *rule = in->rules; rule && is_good(in); rule = rule->next) {
        if (!rule->is_defined)
            weir_pda_refuse(b, WEIR_STATUS_BAD_ARGUMENT, "line %zu: rule %.*s is not defined",
                            rule->line, (int)(rule->n < 60 ? rule->n : 60), rule->name);
        if (rule->n == 4 && memcmp(rule->name, "root", 4) == 0)
            root = rule;
    }
    if (!root)
        return weir_pda_refuse(b, WEIR_STATUS_BAD_ARGUMENT, "expected a rule named root");
    return weir_pda_call(b, root->rule, WEIR_PDA_AT_RETURN);
}
