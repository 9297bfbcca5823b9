/*
 * gen_tool_talk.c: patterns over cases: which patterns of a list can be used, how they are said,
 * and which values an answer must hold.
 */
#include "train/gen_tool.h"
#include <assert.h>
#include <string.h>

/* Which case and slot a pattern's name means; NULL: it has no value. */
static weir_tool_slot *slot_of(weir_tool_case *use, uint32_t n_uses, const char *name, size_t n,
                               weir_tool_case **owner) {
    uint32_t i = 0;
    if (n > 2 && name[1] == '.') {
        i = (uint32_t)(name[0] - '1');
        name += 2;
        n -= 2;
    } else if (name[n - 1] == '2' || name[n - 1] == '3') {
        i = (uint32_t)(name[n - 1] - '1');
        n--;
    }
    if (i >= n_uses)
        return NULL;
    *owner = &use[i];
    return weir_tool_case_find(&use[i], name, n);
}

/* The next {name} at or behind p; its length in *n, how deep in choices it stands in *depth (which
 * the caller starts at 0 and keeps); NULL: none. */
static const char *next_slot(const char *p, size_t *n, int *depth) {
    for (; *p; p++) {
        if (*p == '\\') {
            p++;
        } else if (*p == '[' || (*p == '(' && p[1] == '?')) {
            ++*depth;
        } else if ((*p == ']' || *p == ')') && *depth > 0) {
            --*depth;
        } else if (*p == '{') {
            *n = strcspn(p + 1, "}");
            return p + 1;
        }
    }
    return NULL;
}

static bool is_usable(const char *pattern, weir_tool_case *use, uint32_t n_uses) {
    size_t n = 0;
    int depth = 0;
    weir_tool_case *owner;
    for (const char *p = pattern; (p = next_slot(p, &n, &depth)); p += n) {
        if (!slot_of(use, n_uses, p, n, &owner))
            return false;
    }
    return true;
}

const char *weir_tool_pattern(weir_gen *g, const char *const *list, weir_tool_case *use,
                              uint32_t n_uses) {
    uint32_t n = 0;
    for (size_t i = 0; list && list[i]; i++)
        n += is_usable(list[i], use, n_uses);
    if (n == 0)
        return NULL;
    uint32_t chosen = weir_gen_below(g, n);
    for (size_t i = 0;; i++) {
        if (is_usable(list[i], use, n_uses) && chosen-- == 0)
            return list[i];
    }
}

typedef struct say_context {
    weir_tool_case *use;
    uint32_t n_uses;
    const weir_gen_text *text;
    size_t from;
    bool begins_with_value;
} say_context;

static const char *say_slot(void *context, const char *name, size_t n) {
    say_context *say = context;
    weir_tool_case *owner = NULL;
    weir_tool_slot *slot = slot_of(say->use, say->n_uses, name, n, &owner);
    assert(slot);
    if (!slot)
        return NULL;
    owner->mentioned |= 1u << (slot - owner->slots);
    if (say->text->n == say->from)
        say->begins_with_value = true;
    return slot->text;
}

static void capital(weir_gen_text *text, size_t from) {
    if (text->n > from && text->data[from] >= 'a' && text->data[from] <= 'z')
        text->data[from] = (char)(text->data[from] - 'a' + 'A');
}

/* Appends the pattern; true: the first letter is a value's and has to stay as it is. */
static bool say(weir_gen *g, weir_gen_text *text, const char *pattern, weir_tool_case *use,
                uint32_t n_uses) {
    say_context context = {.use = use, .n_uses = n_uses, .text = text, .from = text->n};
    weir_gen_expand(g, text, pattern, say_slot, &context);
    return context.begins_with_value;
}

void weir_tool_say(weir_gen *g, weir_gen_text *text, const char *pattern, weir_tool_case *use,
                   uint32_t n_uses, bool is_sentence) {
    size_t from = text->n;
    if (!say(g, text, pattern, use, n_uses) && is_sentence)
        capital(text, from);
}

/* ---- manners of asking ------------------------------------------------------------------------
 */

/* Orders begin with these, and all of them go with "can you". */
static const char *const verbs[] = {
    "add",     "alert",    "book",    "calculate",  "call",   "cancel",    "change", "check",
    "compare", "compute",  "convert", "count",      "create", "cross",     "define", "delete",
    "dial",    "dim",      "divide",  "drop",       "e-mail", "exchange",  "find",   "forward",
    "get",     "give",     "heat",    "let",        "list",   "look",      "make",   "measure",
    "move",    "multiply", "open",    "phone",      "plan",   "play",      "push",   "put",
    "read",    "remind",   "remove",  "reschedule", "ring",   "schedule",  "search", "send",
    "set",     "shift",    "skip",    "show",       "solve",  "split",     "start",  "subtract",
    "sum",     "switch",   "take",    "tell",       "text",   "translate", "turn",   "wake",
    "warm",    "work",     "write",
};
static const char *const question_words[] = {
    "what", "what's", "how", "how's", "when", "where", "which", "who", "is", "does", "will", "do",
};
/* Before and behind an order without its full stop. */
static const char *const order_manners[][2] = {
    {"please ", "."},          {"can you ", "?"},          {"could you ", "?"},
    {"", ", please."},         {"could you please ", "?"}, {"would you ", "?"},
    {"I'd like you to ", "."}, {"I need you to ", "."},    {"would you please ", "?"},
    {"go ahead and ", "."},
};
static const char *const open_order_manners[] = {"please ", "I'd like you to ", "I want you to ",
                                                 "go ahead and "};
static const char *const question_manners[] = {
    "tell me, ", "quick question: ", "just wondering, ",   "okay, ",
    "so, ",      "one question: ",   "I have a question: "};

#define COUNT(rows) ((uint32_t)(sizeof(rows) / sizeof(rows)[0]))

static bool begins_with_one(const char *text, const char *const *words, uint32_t n_words) {
    size_t n = strcspn(text, " ");
    for (uint32_t i = 0; i < n_words; i++) {
        if (strlen(words[i]) == n && !strncmp(words[i], text, n))
            return true;
    }
    return false;
}

static bool is_one_sentence(const char *text) {
    return !strstr(text, ". ") && !strstr(text, "? ") && !strstr(text, "! ");
}

void weir_tool_ask(weir_gen *g, weir_gen_text *text, const char *pattern, weir_tool_case *use,
                   uint32_t n_uses, bool is_sentence) {
    size_t from = text->n;
    weir_gen_text plain = {0};
    bool is_value = say(g, &plain, pattern, use, n_uses);
    const char *words = plain.data ? plain.data : "";
    size_t n_pattern = strlen(pattern);
    char last = n_pattern ? pattern[n_pattern - 1] : 0;
    bool has_stop = last == '.' || last == '?' || last == '!';
    bool is_free = !is_value && is_one_sentence(words) && !strstr(words, "please");
    const char *before = "", *behind = NULL; /* NULL: its own end stays */
    if (is_free && last == '.' && begins_with_one(words, verbs, COUNT(verbs))) {
        if (weir_gen_chance(g, 0.5)) {
            uint32_t manner = weir_gen_below(g, COUNT(order_manners));
            before = order_manners[manner][0];
            behind = order_manners[manner][1];
        }
    } else if (is_free && !has_stop && begins_with_one(words, verbs, COUNT(verbs))) {
        if (weir_gen_chance(g, 0.3))
            before = open_order_manners[weir_gen_below(g, COUNT(open_order_manners))];
    } else if (is_free && last == '?' &&
               begins_with_one(words, question_words, COUNT(question_words))) {
        if (weir_gen_chance(g, 0.25))
            before = question_manners[weir_gen_below(g, COUNT(question_manners))];
    }
    weir_gen_put(g, text, before);
    weir_gen_putf(g, text, "%.*s", (int)(plain.n - (behind != NULL)), words);
    weir_gen_put(g, text, behind ? behind : "");
    if (is_sentence && (!is_value || *before))
        capital(text, from);
    weir_gen_text_free(&plain);
}

/* Does the pattern mention this slot outside of choices? */
static bool mentions(const char *pattern, weir_tool_case *use, uint32_t n_uses,
                     const weir_tool_slot *slot) {
    size_t n = 0;
    int depth = 0;
    weir_tool_case *owner;
    for (const char *p = pattern; (p = next_slot(p, &n, &depth)); p += n) {
        if (depth == 0 && slot_of(use, n_uses, p, n, &owner) == slot)
            return true;
    }
    return false;
}

static void contains_add(json_t *contains, const weir_tool_slot *slot) {
    const char *p = slot->raw[0] ? slot->raw : slot->text;
    const char *stop = slot->raw[0] ? "|" : "";
    while (*p) {
        size_t n = strcspn(p, stop);
        json_t *value = json_stringn(p, n);
        bool is_there = false;
        for (size_t i = 0; i < json_array_size(contains); i++)
            is_there |= json_equal(json_array_get(contains, i), value);
        if (!is_there)
            json_array_append(contains, value);
        json_decref(value);
        p += n + (p[n] == '|' && *stop);
    }
}

void weir_tool_must(json_t *contains, const char *const *list, weir_tool_case *use, uint32_t n_uses,
                    bool is_told) {
    for (uint32_t k = 0; k < n_uses; k++) {
        for (uint32_t s = 0; s < use[k].n_slots; s++) {
            if (is_told && !(use[k].told >> s & 1))
                continue;
            bool is_must = true;
            for (size_t i = 0; list[i] && is_must; i++)
                is_must = !is_usable(list[i], use, n_uses) ||
                          mentions(list[i], use, n_uses, &use[k].slots[s]);
            if (is_must)
                contains_add(contains, &use[k].slots[s]);
        }
    }
}
