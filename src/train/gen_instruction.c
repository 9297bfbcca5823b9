/*
 * gen_instruction.c: conversations made of tasks: system prompts that say nothing or set a rule for
 * every answer, politeness, follow-up questions, the same again in another form, and things that
 * have to be remembered over several turns.
 */
#include "train/gen_instruction.h"
#include "base/compiler.h"
#include "train/gen_conversation.h"
#include <string.h>

enum { MOST_TURNS = 4 };

static const weir_task_kind *const lists[] = {weir_task_words, weir_task_lists, weir_task_numbers,
                                              weir_task_world, weir_task_texts, weir_task_open,
                                              weir_task_quiz};

static uint32_t weight_of_all(void) {
    uint32_t all = 0;
    for (size_t l = 0; l < WEIR_COUNT(lists); l++)
        for (const weir_task_kind *kind = lists[l]; kind->make; kind++)
            all += kind->weight;
    return all;
}

static const weir_task_kind *draw_kind(weir_gen *g) {
    uint32_t at = weir_gen_below(g, weight_of_all());
    for (size_t l = 0;; l++)
        for (const weir_task_kind *kind = lists[l]; kind->make; kind++) {
            if (at < kind->weight)
                return kind;
            at -= kind->weight;
        }
}

/* ---- what users write around a question ------------------------------------------------------ */

static bool ends_open(const weir_gen_text *text) {
    return text->n > 0 && !strchr(".?!:=", text->data[text->n - 1]);
}

/* The question and what form is wanted, in one of the orders people use. */
static void put_question(weir_gen *g, weir_gen_text *user, const weir_task *task,
                         const weir_form *form) {
    weir_gen_text demand = {0};
    weir_form_demand(g, &demand, form, task, false);
    bool has_demand = demand.n > 0 && !g->is_failed;
    if (!has_demand && task->shape != WEIR_TASK_FIXED && weir_gen_chance(g, 0.12)) {
        static const char *const before[] = {
            "Hello! ",
            "Hi! ",
            "Please help me. ",
            "I have a question. ",
            "A question: ",
            "Hi there! ",
            "One more thing. ",
            "Listen. ",
            "I wonder about something. ",
        };
        weir_gen_put(g, user, before[weir_gen_below(g, WEIR_COUNT(before))]);
    }
    uint32_t order = has_demand ? weir_gen_below(g, 5) : 0;
    bool is_first = has_demand && (order == 4 || task->is_terse);
    if (is_first) {
        weir_gen_put(g, user, demand.data);
        weir_gen_put(g, user, weir_gen_chance(g, 0.7) ? " " : "\n");
    }
    weir_gen_put(g, user, task->ask.data);
    if (has_demand && !is_first) {
        bool is_line = order == 3;
        if (ends_open(user) && !is_line)
            weir_gen_put(g, user, ".");
        weir_gen_put(g, user, is_line ? "\n" : " ");
        weir_gen_put(g, user, demand.data);
    }
    if (!has_demand && !task->is_terse && task->shape != WEIR_TASK_FIXED && !ends_open(user) &&
        user->n > 0 && user->data[user->n - 1] != ':' && weir_gen_chance(g, 0.06))
        weir_gen_put(g, user, weir_gen_chance(g, 0.5) ? " Thank you!" : " Thanks!");
    if (!has_demand && !task->is_terse && task->shape != WEIR_TASK_TEXT &&
        task->shape != WEIR_TASK_FIXED && weir_gen_chance(g, 0.12))
        weir_conversation_careless(user);
    weir_gen_text_free(&demand);
}

/* ---- turns ---------------------------------------------------------------------------------- */

typedef struct talk {
    weir_gen *g;
    weir_conversation *conversation;
    weir_task task;
    weir_form form;             /* of the last task */
    const weir_task_kind *kind; /* of the last turn if that was a task */
    bool has_rule;
    weir_form rule;
} talk;

static void add_turn(talk *t, bool with_demand) {
    weir_gen_text user = {0}, answer = {0};
    if (!t->g->is_failed) {
        weir_form silent = {.kind = WEIR_FORM_PLAIN};
        put_question(t->g, &user, &t->task, with_demand ? &t->form : &silent);
        weir_form_put(t->g, &answer, &t->form, &t->task);
    }
    if (!t->g->is_failed)
        weir_conversation_turn(t->conversation, user.data, answer.data,
                               weir_form_check(t->g, &t->form, &t->task, answer.data));
    weir_gen_text_free(&user);
    weir_gen_text_free(&answer);
}

/* Draws a task for which the rule, if there is one, can hold. */
static void make_task(talk *t) {
    double bits = t->g->bits;
    for (;;) {
        t->g->bits = bits; /* what was thrown away tells nothing */
        t->kind = draw_kind(t->g);
        weir_task_reset(&t->task, t->g);
        t->kind->make(&t->task);
        if (t->g->is_failed || !t->has_rule ||
            (weir_form_suits(t->rule.kind, &t->task) &&
             (t->rule.kind != WEIR_FORM_WORD || !strchr(t->task.item[0].data, ' '))))
            return;
    }
}

static void task_turn(talk *t) {
    make_task(t);
    if (t->g->is_failed)
        return;
    if (t->has_rule)
        t->form = t->rule;
    else
        weir_form_draw(t->g, &t->form, &t->task);
    add_turn(t, !t->has_rule);
}

/* Forms that a short question after the first one takes over without saying so. */
static bool is_lasting(const talk *t) {
    weir_form_kind kind = t->form.kind;
    return t->has_rule || kind == WEIR_FORM_PLAIN || kind == WEIR_FORM_WORD ||
           kind == WEIR_FORM_UPPER || kind == WEIR_FORM_LOWER;
}

/* "And of tall?" False: this kind of task has no such question. */
static bool follow_turn(talk *t) {
    if (!t->kind || !is_lasting(t) || t->task.shape == WEIR_TASK_FIXED)
        return false;
    bool was_terse = t->task.is_terse;
    double bits = t->g->bits;
    weir_task_reset(&t->task, t->g);
    t->task.is_follow = true;
    t->kind->make(&t->task);
    if (t->g->is_failed || t->task.ask.n == 0 || !weir_form_suits(t->form.kind, &t->task)) {
        t->g->bits = bits;
        t->kind = NULL; /* the task is no longer the one of the last answer */
        return false;
    }
    t->task.is_terse = was_terse;
    weir_gen_text user = {0}, answer = {0};
    weir_gen_put(t->g, &user, t->task.ask.data);
    weir_form_put(t->g, &answer, &t->form, &t->task);
    if (!t->g->is_failed)
        weir_conversation_turn(t->conversation, user.data, answer.data,
                               weir_form_check(t->g, &t->form, &t->task, answer.data));
    weir_gen_text_free(&user);
    weir_gen_text_free(&answer);
    return true;
}

/* The last answer once more, in another form. */
static bool again_turn(talk *t) {
    if (!t->kind || t->has_rule || t->task.shape == WEIR_TASK_FIXED)
        return false;
    static const char *const again[] = {
        "The same again, please. ",
        "Once more, please. ",
        "Say it again. ",
        "Now in another way. ",
        "And again. ",
        "Good. Now once more. ",
        "Give me the same answer again. ",
    };
    weir_form form;
    double bits = t->g->bits;
    weir_form_draw(t->g, &form, &t->task);
    if (form.kind == WEIR_FORM_PLAIN || form.kind == t->form.kind) {
        t->g->bits = bits;
        return false;
    }
    t->form = form;
    weir_gen_text user = {0}, answer = {0};
    weir_gen_put(t->g, &user, again[weir_gen_below(t->g, WEIR_COUNT(again))]);
    weir_form_demand(t->g, &user, &t->form, &t->task, false);
    weir_form_put(t->g, &answer, &t->form, &t->task);
    if (!t->g->is_failed)
        weir_conversation_turn(t->conversation, user.data, answer.data,
                               weir_form_check(t->g, &t->form, &t->task, answer.data));
    weir_gen_text_free(&user);
    weir_gen_text_free(&answer);
    return true;
}

/* ---- conversations -------------------------------------------------------------------------- */

static void put_rule(talk *t) {
    static const weir_form_kind kinds[] = {
        WEIR_FORM_WORD,        WEIR_FORM_FULL, WEIR_FORM_LOWER, WEIR_FORM_UPPER, WEIR_FORM_UPPER,
        WEIR_FORM_N_SENTENCES, WEIR_FORM_JSON, WEIR_FORM_START, WEIR_FORM_END,   WEIR_FORM_QUOTED};
    weir_form_kind kind = kinds[weir_gen_below(t->g, WEIR_COUNT(kinds))];
    weir_form_draw_kind(t->g, &t->rule, kind);
    t->has_rule = true;
    weir_gen_text system = {0};
    if (weir_gen_chance(t->g, 0.4))
        weir_conversation_neutral(t->g, &system);
    if (system.n > 0)
        weir_gen_put(t->g, &system, " ");
    weir_form_demand(t->g, &system, &t->rule, NULL, true);
    if (!t->g->is_failed)
        weir_conversation_system(t->conversation, system.data);
    weir_gen_text_free(&system);
}

static void put_system(talk *t) {
    if (!weir_gen_chance(t->g, 0.3))
        return;
    if (weir_gen_chance(t->g, 0.5)) {
        put_rule(t);
        return;
    }
    weir_gen_text system = {0};
    weir_conversation_neutral(t->g, &system);
    if (!t->g->is_failed)
        weir_conversation_system(t->conversation, system.data);
    weir_gen_text_free(&system);
}

static uint32_t draw_turns(weir_gen *g) {
    static const uint32_t turns[] = {1, 1, 1, 1, 1, 2, 2, 2, 3, 4};
    return turns[weir_gen_below(g, WEIR_COUNT(turns))];
}

json_t *weir_gen_instruction(weir_gen *g) {
    weir_conversation conversation;
    if (!weir_conversation_open(&conversation, g))
        return NULL;
    talk t = {.g = g, .conversation = &conversation};
    put_system(&t);
    uint32_t n_turns = draw_turns(g);
    bool remembers = n_turns > 1 && !t.has_rule && weir_gen_chance(g, 0.35);
    weir_memory memory;
    if (remembers)
        weir_memory_tell(&memory, &conversation);
    for (uint32_t i = remembers; i + remembers < n_turns && !g->is_failed; i++) {
        uint32_t what = i > 0 ? weir_gen_below(g, 4) : 3;
        if (what == 0 && follow_turn(&t))
            continue;
        if (what == 1 && again_turn(&t))
            continue;
        task_turn(&t);
    }
    if (remembers)
        weir_memory_ask(&memory, &conversation);
    else if (!t.has_rule && n_turns > 1 && n_turns < MOST_TURNS && weir_gen_chance(g, 0.1))
        weir_conversation_thanks(&conversation);
    weir_task_free(&t.task);
    return weir_conversation_close(&conversation);
}
