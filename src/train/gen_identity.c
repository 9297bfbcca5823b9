/* gen_identity.c: talk about the model itself, about what it does not know, and small talk. */
#include "train/gen_identity.h"
#include "base/compiler.h"
#include "train/gen_conversation.h"
#include <string.h>

/* The values of one question: a slot keeps its value for the answer. */
typedef struct talk_values {
    weir_gen *g;
    uint32_t row[16]; /* by slot, plus one; 0: not drawn yet */
} talk_values;

static const char *draw_slot(void *context, const char *name, size_t n) {
    talk_values *values = context;
    for (uint32_t i = 0; i < weir_identity_n_slots && i < WEIR_COUNT(values->row); i++) {
        const weir_identity_slot *slot = &weir_identity_slots[i];
        if (strlen(slot->name) != n || memcmp(slot->name, name, n) != 0)
            continue;
        if (values->row[i] == 0)
            values->row[i] = weir_gen_row(values->g, slot->n) + 1;
        return slot->words[values->row[i] - 1];
    }
    return NULL;
}

static const weir_identity_topic *draw_topic(weir_gen *g) {
    uint32_t all = 0;
    for (uint32_t i = 0; i < weir_identity_n_topics; i++)
        all += weir_identity_topics[i].weight;
    uint32_t at = weir_gen_below(g, all);
    for (uint32_t i = 0;; i++) {
        if (at < weir_identity_topics[i].weight)
            return &weir_identity_topics[i];
        at -= weir_identity_topics[i].weight;
    }
}

static const char *draw_pattern(weir_gen *g, const char *const *patterns) {
    uint32_t n = 0;
    while (patterns[n])
        n++;
    return patterns[weir_gen_below(g, n)];
}

static json_t *topic_check(const weir_identity_topic *topic) {
    json_t *any = json_array();
    for (const char *const *phrase = topic->any; *phrase; phrase++)
        json_array_append_new(any, json_string(*phrase));
    return json_pack("{s:s, s:o, s:i}", "kind", "text", "contains_any", any, "max_words", 40);
}

static void topic_turn(weir_conversation *c, const weir_identity_topic *topic) {
    weir_gen *g = c->g;
    weir_gen_text user = {0}, answer = {0};
    talk_values values = {.g = g};
    if (weir_gen_chance(g, 0.1)) {
        static const char *const before[] = {"Hello! ", "Hi! ",
                                             "A question: ", "Tell me: ", "Hey. "};
        weir_gen_put(g, &user, before[weir_gen_below(g, WEIR_COUNT(before))]);
    }
    weir_gen_expand(g, &user, draw_pattern(g, topic->asks), draw_slot, &values);
    if (!g->is_failed && weir_gen_chance(g, 0.1))
        weir_conversation_careless(&user);
    weir_gen_expand(g, &answer, draw_pattern(g, topic->replies), draw_slot, &values);
    if (!g->is_failed)
        weir_conversation_turn(c, user.data, answer.data, topic_check(topic));
    weir_gen_text_free(&user);
    weir_gen_text_free(&answer);
}

/* After something it did not know. */
static void why_turn(weir_conversation *c) {
    static const weir_identity_topic why = {
        "why",
        0,
        {"Why not?", "Why don't you know that?", "But you must know that!", "Are you sure?",
         "Please try.", "Just guess.", "Everybody knows that.", "Why?", "Can you find out?",
         "Then what do you know?", NULL},
        {"I am a very small model: I learned to tell stories, not facts.",
         "I am too small for facts: I know stories, and I do not want to tell you something wrong.",
         "I only learned from stories and simple exercises. [A real LFM2 model knows more.|Shall I "
         "tell you a story instead?]",
         NULL},
        {"stories", NULL}};
    topic_turn(c, &why);
}

static bool is_unknown(const weir_identity_topic *topic) {
    return strncmp(topic->name, "fact", 4) == 0;
}

json_t *weir_gen_identity(weir_gen *g) {
    weir_conversation conversation;
    if (!weir_conversation_open(&conversation, g))
        return NULL;
    if (weir_gen_chance(g, 0.2)) {
        weir_gen_text system = {0};
        weir_conversation_neutral(g, &system);
        if (!g->is_failed)
            weir_conversation_system(&conversation, system.data);
        weir_gen_text_free(&system);
    }
    static const uint32_t turns[] = {1, 1, 1, 1, 2, 2, 3};
    uint32_t n_turns = turns[weir_gen_below(g, WEIR_COUNT(turns))];
    const weir_identity_topic *topic = NULL; /* of the last turn */
    for (uint32_t i = 0; i < n_turns && !g->is_failed; i++) {
        bool is_last = i + 1 == n_turns;
        if (i == 0 && weir_gen_chance(g, 0.15))
            weir_conversation_greeting(&conversation);
        else if (is_last && i > 0 && weir_gen_chance(g, 0.2))
            weir_conversation_thanks(&conversation);
        else if (is_last && weir_gen_chance(g, i > 0 ? 0.1 : 0.03))
            weir_conversation_goodbye(&conversation);
        else if (topic && is_unknown(topic) && weir_gen_chance(g, 0.25))
            why_turn(&conversation);
        else
            topic_turn(&conversation, topic = draw_topic(g));
    }
    return weir_conversation_close(&conversation);
}
