/*
 * gen_tool.c: dialogues with tools. A sample is one of eight scenarios over functions of
 * gen_tool_*tables.c: which are listed, what is asked, which calls follow, what the results say and
 * how they are told. The list is short, so that a dialogue fits a training sequence of 512 tokens.
 */
#include "train/gen_tool.h"
#include "train/gen_tool_chat.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_FACES = 6,
    MAX_PATTERNS = 96,
    BUDGET_BYTES = 1500,  /* of a rendered dialogue */
    BYTES_A_MESSAGE = 14, /* marks and role, in bytes of text of as many tokens */
    BYTES_A_FACE = 200,   /* of the catalog, as it is listed */
    BYTES_A_SERIES = 400, /* of a question more, with its call, result and answer */
    MAX_FUNCTIONS = 128,
};

typedef enum scenario {
    SCENARIO_ONE,
    SCENARIO_PARALLEL,
    SCENARIO_MISSING,
    SCENARIO_FOLLOW,
    SCENARIO_ERROR,
    SCENARIO_NO_TOOL,
    SCENARIO_NOT_NEEDED,
    SCENARIO_CHAIN,
    N_SCENARIOS,
} scenario;

static const char *const scenario_names[N_SCENARIOS] = {"one",   "parallel", "missing",    "follow",
                                                        "error", "no_tool",  "not_needed", "chain"};
/* In twentieths. */
static const uint32_t scenario_shares[N_SCENARIOS] = {8, 2, 2, 2, 1, 2, 2, 1};

typedef struct dialogue {
    weir_gen *g;
    weir_gen_text text;
    json_t *messages, *check;
    weir_tool_face faces[MAX_FACES];
    uint32_t n_faces, n_needed; /* the first n_needed stay in the list */
    uint32_t style;
    bool is_wrapped, has_notes, is_casual, is_catalog;
    bool is_list_told; /* an answer names all tools: no other may come into the list */
} dialogue;

/* ---- messages ---------------------------------------------------------------------------------
 */

static void message_add(dialogue *d, const char *role) {
    json_t *message =
        json_pack("{s:s, s:s}", "role", role, "content", d->text.data ? d->text.data : "");
    if (!message || json_array_append_new(d->messages, message))
        d->g->is_failed = true;
    weir_gen_text_clear(&d->text);
}

/* An answer without calls; takes the reference to contains (NULL: nothing has to be in it), a list
 * of which all (or, is_any, one) has to be there. */
static void answer_add_any(dialogue *d, json_t *contains, bool is_any) {
    message_add(d, "assistant");
    json_t *check = json_pack("{s:s, s:b}", "kind", "answer", "no_calls", 1);
    if (json_array_size(contains))
        json_object_set(check, is_any ? "contains_any" : "contains", contains);
    json_array_append_new(d->check, check);
    json_decref(contains);
}

static void answer_add(dialogue *d, json_t *contains) {
    answer_add_any(d, contains, false);
}

static void calls_add(dialogue *d, weir_tool_case *use, uint32_t n) {
    weir_gen *g = d->g;
    json_t *calls = json_array();
    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(calls, weir_tool_case_call(&use[i]));
    json_t *message = json_pack("{s:s}", "role", "assistant");
    if (weir_gen_chance(g, 0.06)) {
        weir_gen_text_clear(&d->text);
        weir_gen_expand(g, &d->text,
                        weir_tool_before_call[weir_gen_below(g, weir_tool_n_before_call)], NULL,
                        NULL);
        json_object_set_new(message, "content", json_string(d->text.data ? d->text.data : ""));
        weir_gen_text_clear(&d->text);
    }
    json_object_set(message, "tool_calls", calls);
    json_array_append_new(d->messages, message);
    json_t *check = json_pack("{s:s, s:o, s:b}", "kind", "call", "calls", json_deep_copy(calls),
                              "with_text", 1);
    if (n > 1)
        json_object_set_new(check, "any_order", json_true());
    json_array_append_new(d->check, check);
    json_decref(calls);
}

static void result_add(dialogue *d, weir_tool_case *use) {
    weir_tool_case_run(d->g, use);
    weir_tool_case_result(d->g, &d->text, use);
    message_add(d, "tool");
}

static bool ends_with_stop(const char *text) {
    size_t n = strlen(text);
    return n > 0 && strchr(".?!", text[n - 1]);
}

/* A question of one pattern as a whole message, in one of several manners. */
static void ask_add(dialogue *d, const char *pattern, weir_tool_case *use, uint32_t n_uses) {
    weir_gen *g = d->g;
    bool has_stop = ends_with_stop(pattern);
    json_t *before = json_array_get(d->messages, json_array_size(d->messages) - 1);
    const char *role = json_string_value(json_object_get(before, "role"));
    bool is_first = !role || !strcmp(role, "system");
    if (is_first && !d->is_casual && weir_gen_chance(g, 0.08)) {
        static const char *const greetings[] = {"Hi! ",           "Hello! ",       "Hey. ",
                                                "Good morning. ", "Hello there. ", "Excuse me. "};
        weir_gen_put(g, &d->text, greetings[weir_gen_below(g, 6)]);
    }
    weir_tool_ask(g, &d->text, pattern, use, n_uses, !d->is_casual);
    if (d->is_casual && has_stop && d->text.n > 1 && !g->is_failed)
        d->text.data[--d->text.n] = 0;
    else if (has_stop && weir_gen_chance(g, 0.05))
        weir_gen_put(g, &d->text, weir_gen_chance(g, 0.5) ? " Thanks!" : " Thank you.");
    message_add(d, "user");
}

static void put_chat(dialogue *d, const char *pattern) {
    weir_gen_expand(d->g, &d->text, pattern, NULL, NULL);
}

/* ---- the list of tools ------------------------------------------------------------------------
 */

static uint32_t functions_collect(const weir_tool_function *out[MAX_FUNCTIONS]) {
    uint32_t n = 0;
    for (size_t f = 0; weir_tool_families[f]; f++) {
        for (const weir_tool_function *row = weir_tool_families[f]; row->names; row++) {
            assert(n < MAX_FUNCTIONS);
            out[n++] = row;
        }
    }
    return n;
}

static bool is_conflict(const weir_tool_function *a, const weir_tool_function *b) {
    if (a == b || !strcmp(a->group, b->group))
        return true;
    return !strcmp(a->family, b->family) && (a->is_general || b->is_general);
}

/* Groups of which one could half do what is asked of the other: where a tool is to be missing, such
 * a one must be missing too. */
static const char *const rivals[][2] = {
    {"weather_now", "rain"},    {"weather_now", "forecast"},
    {"forecast", "rain"},       {"split", "divide"},
    {"split", "evaluate"},      {"tip", "percent"},
    {"tip", "evaluate"},        {"price", "products"},
    {"rate", "money"},          {"list_add", "list_add_many"},
    {"timer_set", "alarm_set"}, {"timer_set", "reminder"},
    {"alarm_set", "reminder"},  {"event_add", "reminder"},
    {"send", "email"},          {"phone", "call"},
    {"song_play", "playlist"},  {"song_play", "skip"},
    {"list_read", "stock"},     {"timer_set", "time"},
    {"multiply", "units"},      {"price", "multiply"},
    {"song_find", "song_play"}, {"percent", "split"},
};

static bool is_rival(const weir_tool_function *a, const weir_tool_function *b) {
    for (size_t i = 0; i < sizeof rivals / sizeof rivals[0]; i++) {
        const char *first = rivals[i][0], *second = rivals[i][1];
        if ((!strcmp(a->group, first) && !strcmp(b->group, second)) ||
            (!strcmp(a->group, second) && !strcmp(b->group, first)))
            return true;
    }
    return false;
}

static bool is_face_allowed(const dialogue *d, const weir_tool_function *function,
                            const weir_tool_function *without) {
    if (without && (is_conflict(function, without) || is_rival(function, without)))
        return false;
    for (uint32_t i = 0; i < d->n_faces; i++) {
        if (is_conflict(function, d->faces[i].function))
            return false;
    }
    return true;
}

static weir_tool_face *face_add(dialogue *d, const weir_tool_function *function) {
    assert(d->n_faces < MAX_FACES);
    weir_tool_face *face = &d->faces[d->n_faces++];
    weir_tool_face_draw(d->g, face, function, d->style);
    return face;
}

static const weir_tool_function *function_draw(weir_gen *g) {
    uint32_t n_families = 0, n = 0;
    while (weir_tool_families[n_families])
        n_families++;
    const weir_tool_function *family = weir_tool_families[weir_gen_below(g, n_families)];
    while (family[n].names)
        n++;
    return &family[weir_gen_below(g, n)];
}

/* Adds up to n more functions that do not do what `without` or another face does; every other one
 * is looked for in the family of the first. */
static void others_add(dialogue *d, uint32_t n, const weir_tool_function *without) {
    const weir_tool_function *all[MAX_FUNCTIONS];
    uint32_t n_all = functions_collect(all);
    for (uint32_t k = 0; k < n && d->n_faces < MAX_FACES; k++) {
        const char *family = without      ? without->family
                             : d->n_faces ? d->faces[0].function->family
                                          : NULL;
        bool is_near = family && weir_gen_chance(d->g, 0.4);
        const weir_tool_function *fit[MAX_FUNCTIONS];
        uint32_t n_fit = 0;
        for (uint32_t i = 0; i < n_all; i++) {
            if (is_face_allowed(d, all[i], without) &&
                (!is_near || !strcmp(all[i]->family, family)))
                fit[n_fit++] = all[i];
        }
        if (n_fit)
            face_add(d, fit[weir_gen_below(d->g, n_fit)]);
    }
}

/* 0 to 5, few more often: most of a long list's tokens teach nothing about calls. */
static uint32_t n_others_draw(weir_gen *g) {
    uint32_t a = weir_gen_below(g, MAX_FACES), b = weir_gen_below(g, MAX_FACES);
    return a < b ? a : b;
}

static size_t json_bytes(const json_t *json) {
    char *text = json_dumps(json, JSON_ENCODE_ANY);
    size_t n = text ? strlen(text) : 0;
    free(text);
    return n;
}

static size_t dialogue_bytes(const dialogue *d) {
    size_t n = 40, i; /* what the template says about the list */
    json_t *message;
    json_array_foreach(d->messages, i, message) {
        const char *content = json_string_value(json_object_get(message, "content"));
        n += BYTES_A_MESSAGE + (content ? strlen(content) : 0);
        size_t k;
        json_t *call;
        json_array_foreach(json_object_get(message, "tool_calls"), k, call) n +=
            json_bytes(json_object_get(call, "arguments")) + WEIR_TOOL_NAME / 2;
    }
    return n;
}

/* The list, shuffled, with as many of the faces as there is room for. */
static json_t *tools_make(dialogue *d) {
    size_t n_bytes = dialogue_bytes(d);
    json_t *schemas[MAX_FACES];
    uint32_t order[MAX_FACES], n = 0;
    for (uint32_t i = 0; i < d->n_faces; i++) {
        schemas[i] = weir_tool_face_schema(d->g, &d->faces[i], d->is_wrapped, d->has_notes);
        size_t n_schema = json_bytes(schemas[i]) + 2;
        if (i >= d->n_needed && n_bytes + n_schema > BUDGET_BYTES)
            continue;
        n_bytes += n_schema;
        order[n++] = i;
    }
    weir_gen_shuffle(d->g, order, n);
    json_t *tools = json_array();
    for (uint32_t i = 0; i < n; i++)
        json_array_append(tools, schemas[order[i]]);
    for (uint32_t i = 0; i < d->n_faces; i++)
        json_decref(schemas[i]);
    return tools;
}

/* ---- exchanges --------------------------------------------------------------------------------
 */

static size_t lists_join(const char *const *a, const char *const *b,
                         const char *joined[MAX_PATTERNS]) {
    size_t n = 0;
    for (size_t i = 0; a && a[i]; i++) {
        assert(n + 1 < MAX_PATTERNS);
        joined[n++] = a[i];
    }
    for (size_t i = 0; b && b[i]; i++) {
        assert(n + 1 < MAX_PATTERNS);
        joined[n++] = b[i];
    }
    joined[n] = NULL;
    return n;
}

/* Result and answer of a call that was made. */
static void answer_say(dialogue *d, weir_tool_case *use) {
    const weir_tool_function *function = use->face->function;
    const char *list[MAX_PATTERNS];
    lists_join(function->answers, function->clauses, list);
    result_add(d, use);
    const char *pattern = weir_tool_pattern(d->g, list, use, 1);
    assert(pattern);
    json_t *contains = json_array();
    weir_tool_must(contains, list, use, 1, true);
    weir_tool_say(d->g, &d->text, pattern, use, 1, true);
    if (!ends_with_stop(d->text.data ? d->text.data : ""))
        weir_gen_put(d->g, &d->text, ".");
    answer_add(d, contains);
}

static void exchange_one(dialogue *d, weir_tool_case *use, const weir_tool_face *face) {
    weir_tool_case_draw(d->g, use, face);
    const char *pattern = weir_tool_pattern(d->g, face->function->asks, use, 1);
    assert(pattern);
    ask_add(d, pattern, use, 1);
    weir_tool_case_settle(use);
    calls_add(d, use, 1);
    answer_say(d, use);
}

/* Several results in one answer. */
static void answer_say_all(dialogue *d, weir_tool_case *use, uint32_t n) {
    weir_gen *g = d->g;
    json_t *contains = json_array();
    for (uint32_t i = 0; i < n; i++)
        result_add(d, &use[i]);
    bool has_stops = n == 3 || weir_gen_chance(g, 0.5);
    for (uint32_t i = 0; i < n; i++) /* a message's text has its own commas */
        has_stops |= !strcmp(use[i].face->function->family, "messages");
    for (uint32_t i = 0; i < n; i++) {
        const weir_tool_function *function = use[i].face->function;
        const char *const *list = function->clauses ? function->clauses : function->answers;
        const char *pattern = weir_tool_pattern(g, list, &use[i], 1);
        assert(pattern);
        weir_tool_must(contains, list, &use[i], 1, true);
        if (i > 0)
            weir_gen_put(g, &d->text, has_stops ? " " : ", and ");
        weir_tool_say(g, &d->text, pattern, &use[i], 1, has_stops || i == 0);
        if ((has_stops || i + 1 == n) && !ends_with_stop(d->text.data ? d->text.data : ""))
            weir_gen_put(g, &d->text, ".");
    }
    answer_add(d, contains);
}

static bool parallel_same(dialogue *d, const weir_tool_function *function) {
    weir_gen *g = d->g;
    if (!function->pairs)
        return false;
    weir_tool_case use[3];
    weir_tool_case_draw(g, &use[0], face_add(d, function));
    use[1] = use[0];
    weir_tool_case_redraw(g, &use[1], function->key);
    use[2] = use[1];
    size_t n_key = strlen(function->key);
    const char *first = weir_tool_case_find(&use[0], function->key, n_key)->text;
    const char *third = weir_tool_case_find(&use[2], function->key, n_key)->text;
    do
        weir_tool_case_redraw(g, &use[2], function->key);
    while (!strcmp(first, third));
    const char *pattern = weir_tool_pattern(g, function->pairs, use, 3);
    assert(pattern);
    uint32_t n = strstr(pattern, "3}") ? 3 : 2;
    ask_add(d, pattern, use, n);
    for (uint32_t i = n; i-- > 0;) {
        use[i].mentioned |= use[0].mentioned;
        weir_tool_case_settle(&use[i]);
    }
    calls_add(d, use, n);
    answer_say_all(d, use, n);
    d->n_needed = d->n_faces;
    return true;
}

static void parallel_different(dialogue *d, const weir_tool_function *function) {
    static const char *const joins[] = {" And ",  " Also, ", " And then ",
                                        " Then ", " Also ",  " Oh, and "};
    weir_gen *g = d->g;
    uint32_t n = weir_gen_chance(g, 0.85) ? 2 : 3;
    face_add(d, function);
    while (d->n_faces < n) {
        const weir_tool_function *other = function_draw(g);
        if (is_face_allowed(d, other, NULL))
            face_add(d, other);
    }
    d->n_needed = n;
    weir_tool_case use[3];
    for (uint32_t i = 0; i < n; i++) {
        weir_tool_case_draw(g, &use[i], &d->faces[i]);
        const char *pattern = NULL;
        /* A text that is a message's end should end the message. */
        for (int tries = 0; tries < 12 && (!pattern || !ends_with_stop(pattern)); tries++)
            pattern = weir_tool_pattern(g, d->faces[i].function->asks, &use[i], 1);
        assert(pattern);
        bool is_new = i == 0 || weir_gen_chance(g, 0.3);
        if (i > 0)
            weir_gen_put(g, &d->text, is_new ? " " : joins[weir_gen_below(g, 6)]);
        weir_tool_ask(g, &d->text, pattern, &use[i], 1, is_new);
        if (!ends_with_stop(d->text.data ? d->text.data : ""))
            weir_gen_put(g, &d->text, ".");
        weir_tool_case_settle(&use[i]);
    }
    message_add(d, "user");
    calls_add(d, use, n);
    answer_say_all(d, use, n);
}

static void reply_say(dialogue *d, weir_tool_case *use) {
    static const char *const manners[] = {"{%s}",        "{%s}.",        "{%s}, please.",
                                          "{%s} please", "oh, {%s}.",    "{%s}, thanks.",
                                          "{%s}!",       "sorry, {%s}.", "let's say {%s}."};
    const weir_tool_function *function = use->face->function;
    char pattern[WEIR_TOOL_NAME * 2];
    const char *chosen = function->replies && weir_gen_chance(d->g, 0.5)
                             ? weir_tool_pattern(d->g, function->replies, use, 1)
                             : NULL;
    if (!chosen) {
        const char *manner = manners[weir_gen_below(d->g, sizeof manners / sizeof manners[0])];
        size_t n = strcspn(manner, "%");
        snprintf(pattern, sizeof pattern, "%.*s%s%s", (int)n, manner, function->missing,
                 manner + n + 2);
        chosen = pattern;
    }
    weir_tool_say(d->g, &d->text, chosen, use, 1, true);
    message_add(d, "user");
}

static void scenario_missing(dialogue *d, const weir_tool_function *function) {
    weir_tool_case use;
    weir_tool_case_draw(d->g, &use, face_add(d, function));
    ask_add(d, weir_tool_pattern(d->g, function->missing_asks, &use, 1), &use, 1);
    uint32_t mentioned = use.mentioned;
    weir_tool_say(d->g, &d->text, weir_tool_pattern(d->g, function->questions, &use, 1), &use, 1,
                  true);
    use.mentioned = mentioned;
    answer_add(d, json_pack("[s]", "?"));
    reply_say(d, &use);
    weir_tool_case_settle(&use);
    calls_add(d, &use, 1);
    answer_say(d, &use);
}

static void scenario_follow(dialogue *d, const weir_tool_function *function) {
    weir_gen *g = d->g;
    weir_tool_case use;
    exchange_one(d, &use, face_add(d, function));
    uint32_t n = weir_gen_chance(g, 0.12) ? 2 : 1;
    for (uint32_t i = 0; i < n; i++) {
        weir_tool_case_again(&use);
        const char *pattern = weir_tool_pattern(g, function->follows, &use, 1);
        if (!pattern)
            pattern = weir_tool_pattern(g, function->asks, &use, 1);
        assert(pattern);
        for (uint32_t s = 0; s < use.n_args; s++) {
            char name[WEIR_TOOL_NAME];
            snprintf(name, sizeof name, "{%s}", use.slots[s].name);
            if (strstr(pattern, name))
                weir_tool_case_redraw(g, &use, use.slots[s].name);
        }
        ask_add(d, pattern, &use, 1);
        calls_add(d, &use, 1);
        answer_say(d, &use);
    }
}

static void scenario_error(dialogue *d, const weir_tool_function *function) {
    weir_gen *g = d->g;
    weir_tool_case use;
    weir_tool_case_draw(g, &use, face_add(d, function));
    ask_add(d, weir_tool_pattern(g, function->asks, &use, 1), &use, 1);
    weir_tool_case_settle(&use);
    calls_add(d, &use, 1);
    weir_tool_error_result(g, &d->text, function->error);
    message_add(d, "tool");
    json_t *contains = json_array();
    weir_tool_must(contains, function->error_answers, &use, 1, false);
    weir_tool_say(g, &d->text, weir_tool_pattern(g, function->error_answers, &use, 1), &use, 1,
                  true);
    if (!ends_with_stop(d->text.data ? d->text.data : ""))
        weir_gen_put(g, &d->text, ".");
    answer_add(d, contains);
}

/* What the refusal can say: the wanted deed, and one that the list allows. */
typedef struct deeds {
    const char *wanted, *other;
} deeds;

static const char *deed_slot(void *context, const char *name, size_t n) {
    const deeds *d = context;
    return n == 5 && !memcmp(name, "other", 5) ? d->other : d->wanted;
}

static void scenario_no_tool(dialogue *d, const weir_tool_function *function) {
    weir_gen *g = d->g;
    weir_tool_face absent;
    weir_tool_face_draw(g, &absent, function, d->style);
    others_add(d, 1, function);
    if (!d->n_faces)
        others_add(d, 1, function);
    while (!d->n_faces) {
        const weir_tool_function *other = function_draw(g);
        if (is_face_allowed(d, other, function))
            face_add(d, other);
    }
    weir_tool_case use;
    weir_tool_case_draw(g, &use, &absent);
    ask_add(d, weir_tool_pattern(g, function->asks, &use, 1), &use, 1);
    deeds about = {function->does, d->faces[0].function->does};
    weir_gen_expand(g, &d->text, weir_tool_refusals[weir_gen_below(g, weir_tool_n_refusals)],
                    deed_slot, &about);
    answer_add_any(d, json_pack("[s, s]", "tool", "tools"), true);
    d->n_needed = d->n_faces;
    if (weir_gen_chance(g, 0.2))
        exchange_one(d, &use, &d->faces[0]);
    others_add(d, n_others_draw(g), function);
}

/* The names of the listed tools: "a, b and c". */
static void names_say(dialogue *d, json_t *contains) {
    weir_gen *g = d->g;
    bool is_deed = weir_gen_chance(g, 0.5);
    static const char *const asks[] = {
        "What can you do?",         "What can you help me with?",     "How can you help me?",
        "What are you able to do?", "What things can I ask you for?", "What do you do?"};
    static const char *const name_asks[] = {"Which tools do you have?",
                                            "What tools can you use?",
                                            "List your tools.",
                                            "What are your tools called?",
                                            "Tell me the names of your tools.",
                                            "Which functions can you call?"};
    weir_gen_put(g, &d->text,
                 is_deed ? asks[weir_gen_below(g, 6)] : name_asks[weir_gen_below(g, 6)]);
    message_add(d, "user");
    put_chat(d, is_deed ? "[I can|With my tools I can|I can help you|Here I can] "
                        : "[I have|I can use|My tools are|These are my tools:] ");
    for (uint32_t i = 0; i < d->n_faces; i++) {
        const weir_tool_face *face = &d->faces[i];
        const char *words = is_deed ? face->function->does : face->name;
        if (i > 0)
            weir_gen_put(g, &d->text, i + 1 < d->n_faces ? ", " : " and ");
        weir_gen_put(g, &d->text, words);
        json_array_append_new(contains, json_string(words));
    }
    weir_gen_put(g, &d->text, ".");
    answer_add(d, contains);
    d->is_list_told = g->edition > 1;
}

static void scenario_not_needed(dialogue *d, const weir_tool_function *function) {
    weir_gen *g = d->g;
    face_add(d, function);
    d->n_needed = 1;
    if (weir_gen_chance(g, 0.12)) {
        others_add(d, weir_gen_below(g, 3), NULL);
        d->n_needed = d->n_faces;
        names_say(d, json_array());
        return;
    }
    char ask[WEIR_TOOL_CHAT], answer[WEIR_TOOL_CHAT], key[WEIR_TOOL_VALUE];
    weir_tool_chat_draw(g, ask, answer, key);
    weir_gen_put(g, &d->text, ask);
    message_add(d, "user");
    weir_gen_put(g, &d->text, answer);
    answer_add(d, key[0] ? json_pack("[s]", key) : NULL);
    weir_tool_case use;
    if (weir_gen_chance(g, 0.25))
        exchange_one(d, &use, &d->faces[0]);
}

static const weir_tool_function *function_find(const char *name) {
    size_t n = strlen(name);
    for (size_t f = 0; weir_tool_families[f]; f++) {
        for (const weir_tool_function *row = weir_tool_families[f]; row->names; row++) {
            if (!strncmp(row->names, name, n) && (row->names[n] == '|' || !row->names[n]))
                return row;
        }
    }
    assert(!"a chain names an unknown function");
    return NULL;
}

static void scenario_chain(dialogue *d) {
    weir_gen *g = d->g;
    uint32_t n = 0;
    while (weir_tool_chains[n].first)
        n++;
    const weir_tool_chain *chain = &weir_tool_chains[weir_gen_below(g, n)];
    weir_tool_case use[2];
    weir_tool_case_draw(g, &use[0], face_add(d, function_find(chain->first)));
    weir_tool_case_draw(g, &use[1], face_add(d, function_find(chain->second)));
    d->n_needed = 2;
    const char *pattern = weir_tool_pattern(g, chain->asks, use, 2);
    assert(pattern);
    ask_add(d, pattern, use, 2);
    weir_tool_case_settle(&use[0]);
    calls_add(d, &use[0], 1);
    result_add(d, &use[0]);

    const weir_tool_slot *from = weir_tool_case_find(&use[0], chain->from, strlen(chain->from));
    weir_tool_slot *to = weir_tool_case_find(&use[1], chain->to, strlen(chain->to));
    assert(from && to);
    memcpy(to->text, from->text, sizeof to->text);
    memcpy(to->raw, from->raw, sizeof to->raw);
    use[1].mentioned |= 1u << (to - use[1].slots);
    weir_tool_case_settle(&use[1]);
    calls_add(d, &use[1], 1);
    result_add(d, &use[1]);
    json_t *contains = json_array();
    pattern = weir_tool_pattern(g, chain->answers, use, 2);
    assert(pattern);
    weir_tool_must(contains, chain->answers, use, 2, true);
    weir_tool_say(g, &d->text, pattern, use, 2, true);
    if (!ends_with_stop(d->text.data ? d->text.data : ""))
        weir_gen_put(g, &d->text, ".");
    answer_add(d, contains);
}

/* ---- the sample -------------------------------------------------------------------------------
 */

static scenario scenario_draw(weir_gen *g) {
    uint32_t at = weir_gen_below(g, 20), kind = 0;
    while (at >= scenario_shares[kind])
        at -= scenario_shares[kind++];
    return (scenario)kind;
}

/* A function that has what the scenario needs. */
static const weir_tool_function *scenario_function(weir_gen *g, scenario kind) {
    for (;;) {
        const weir_tool_function *function = function_draw(g);
        if (kind == SCENARIO_MISSING && !function->missing)
            continue;
        if (kind == SCENARIO_FOLLOW && !function->follows)
            continue;
        if (kind == SCENARIO_ERROR && !function->error)
            continue;
        return function;
    }
}

/* More questions, each for another function that then stays in the list. */
static void series_add(dialogue *d) {
    weir_gen *g = d->g;
    while (d->n_faces < MAX_FACES &&
           dialogue_bytes(d) + d->n_faces * BYTES_A_FACE < BUDGET_BYTES - BYTES_A_SERIES &&
           weir_gen_chance(g, 0.8)) {
        const weir_tool_function *function = function_draw(g);
        if (!is_face_allowed(d, function, NULL))
            continue;
        weir_tool_case use;
        exchange_one(d, &use, face_add(d, function));
        d->n_needed = d->n_faces;
    }
}

static void thanks_add(dialogue *d) {
    weir_gen *g = d->g;
    put_chat(d, weir_tool_thanks[weir_gen_below(g, weir_tool_n_thanks)]);
    message_add(d, "user");
    put_chat(d, weir_tool_welcomes[weir_gen_below(g, weir_tool_n_welcomes)]);
    answer_add(d, NULL);
}

static void dialogue_make(dialogue *d, scenario kind) {
    weir_gen *g = d->g;
    const weir_tool_function *function = scenario_function(g, kind);
    weir_tool_case use;
    d->n_needed = 1;
    if (weir_gen_chance(g, 0.3)) {
        weir_tool_system_draw(g, &d->text);
        message_add(d, "system");
    }
    switch (kind) {
    case SCENARIO_PARALLEL:
        if (weir_gen_chance(g, 0.35) || !parallel_same(d, function))
            parallel_different(d, function);
        break;
    case SCENARIO_MISSING:
        scenario_missing(d, function);
        break;
    case SCENARIO_FOLLOW:
        scenario_follow(d, function);
        break;
    case SCENARIO_ERROR:
        scenario_error(d, function);
        break;
    case SCENARIO_NO_TOOL:
        scenario_no_tool(d, function);
        return;
    case SCENARIO_NOT_NEEDED:
        scenario_not_needed(d, function);
        break;
    case SCENARIO_CHAIN:
        scenario_chain(d);
        break;
    default:
        exchange_one(d, &use, face_add(d, function));
    }
    if (d->is_catalog && d->n_needed == d->n_faces && !d->is_list_told)
        series_add(d);
    if (kind != SCENARIO_NOT_NEEDED && kind != SCENARIO_ERROR && weir_gen_chance(g, 0.08))
        thanks_add(d);
    if ((kind != SCENARIO_NOT_NEEDED || d->n_needed == 1) && !d->is_list_told)
        others_add(d, n_others_draw(g), NULL);
}

static json_t *sample_make(weir_gen *g, bool is_catalog) {
    dialogue *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->g = g;
    d->messages = json_array();
    d->check = json_array();
    d->is_catalog = is_catalog;
    d->style = is_catalog ? WEIR_TOOL_STYLE_FIXED : weir_tool_style_draw(g);
    d->is_wrapped = weir_gen_chance(g, 0.3);
    d->has_notes = !is_catalog && weir_gen_chance(g, 0.4);
    d->is_casual = weir_gen_chance(g, 0.12);
    scenario kind = scenario_draw(g);
    dialogue_make(d, kind);
    json_t *tools = tools_make(d);
    json_t *sample = json_pack("{s:o, s:o, s:o, s:s}", "messages", d->messages, "tools", tools,
                               "check", d->check, "scenario", scenario_names[kind]);
    if (sample && weir_gen_chance(g, 0.2))
        json_object_set_new(sample, "template_args", json_pack("{s:b}", "plain_tool_list", 1));
    if (!sample)
        g->is_failed = true;
    weir_gen_text_free(&d->text);
    free(d);
    return sample;
}

json_t *weir_gen_tool(weir_gen *g) {
    return sample_make(g, false);
}

json_t *weir_gen_catalog(weir_gen *g) {
    return sample_make(g, true);
}
