/* gen_instruction_task.c: what tasks are built with: slots, questions, answers in pieces, drawn
 * words.
 */
#include "base/compiler.h"
#include "train/gen_instruction.h"
#include "train/gen_phrase.h"
#include "train/gen_story.h"
#include "train/gen_tool.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

void weir_task_reset(weir_task *task, weir_gen *g) {
    weir_gen_text *texts[] = {&task->ask, &task->sentence, &task->given, &task->scratch};
    for (size_t i = 0; i < WEIR_COUNT(texts); i++)
        weir_gen_text_clear(texts[i]);
    for (size_t i = 0; i < WEIR_TASK_ITEMS; i++)
        weir_gen_text_clear(&task->item[i]);
    json_decref(task->check);
    task->check = NULL;
    task->g = g;
    task->shape = WEIR_TASK_ONE;
    task->is_terse = task->is_number = task->is_given_number = task->is_follow = false;
    task->key = task->given_key = NULL;
    task->n_items = task->n_wrong = task->n_slots = 0;
}

void weir_task_free(weir_task *task) {
    weir_gen_text_free(&task->ask);
    weir_gen_text_free(&task->sentence);
    weir_gen_text_free(&task->given);
    weir_gen_text_free(&task->scratch);
    for (size_t i = 0; i < WEIR_TASK_ITEMS; i++)
        weir_gen_text_free(&task->item[i]);
    json_decref(task->check);
    *task = (weir_task){0};
}

/* ---- slots ---------------------------------------------------------------------------------- */

void weir_task_set(weir_task *task, const char *name, const char *value) {
    assert(task->n_slots < WEIR_TASK_SLOTS);
    task->slot[task->n_slots].name = name;
    task->slot[task->n_slots++].value = value;
}

void weir_task_set_number(weir_task *task, const char *name, int value) {
    assert(task->n_slots < WEIR_TASK_SLOTS);
    char *room = task->slot[task->n_slots].room;
    snprintf(room, sizeof task->slot[0].room, "%d", value);
    weir_task_set(task, name, room);
}

void weir_task_set_quoted(weir_task *task, const char *name, const char *word) {
    assert(task->n_slots < WEIR_TASK_SLOTS && strlen(word) < sizeof task->slot[0].room - 2);
    char *room = task->slot[task->n_slots].room;
    bool is_quoted = weir_gen_below(task->g, 3) == 0;
    snprintf(room, sizeof task->slot[0].room, is_quoted ? "\"%s\"" : "%s", word);
    weir_task_set(task, name, room);
}

static const char *slot_value(void *context, const char *name, size_t n) {
    const weir_task *task = context;
    for (uint32_t i = 0; i < task->n_slots; i++)
        if (strlen(task->slot[i].name) == n && strncmp(task->slot[i].name, name, n) == 0)
            return task->slot[i].value;
    return NULL;
}

/* ---- questions and answers ------------------------------------------------------------------ */

void weir_task_ask(weir_task *task, const char *const *patterns) {
    const char *fitting[32];
    uint32_t n = 0;
    for (; *patterns; patterns++)
        if ((**patterns == '>') == task->is_follow && n < WEIR_COUNT(fitting))
            fitting[n++] = *patterns;
    if (n == 0)
        return;
    const char *pattern = fitting[weir_gen_below(task->g, n)];
    task->is_terse = *pattern == '~';
    weir_gen_expand(task->g, &task->ask, pattern + (*pattern == '~' || *pattern == '>'), slot_value,
                    task);
}

void weir_task_say(weir_task *task, const char *pattern) {
    weir_gen_expand(task->g, &task->sentence, pattern, slot_value, task);
}

void weir_task_item(weir_task *task, const char *word) {
    assert(task->n_items < WEIR_TASK_ITEMS);
    weir_gen_put(task->g, &task->item[task->n_items++], word);
}

void weir_task_item_number(weir_task *task, int value) {
    assert(task->n_items < WEIR_TASK_ITEMS);
    weir_gen_putf(task->g, &task->item[task->n_items++], "%d", value);
    task->is_number = true;
}

void weir_task_wrong(weir_task *task, const char *word) {
    if (task->n_wrong < WEIR_TASK_WRONG)
        task->wrong[task->n_wrong++] = word;
}

void weir_task_check(weir_task *task, const char *field, json_t *value) {
    if (!task->check)
        task->check = json_object();
    if (!task->check || json_object_set_new(task->check, field, value) != 0)
        task->g->is_failed = true;
}

/* ---- words ---------------------------------------------------------------------------------- */

/* A short table is learnt by heart: a model that has met eighty names and must repeat another
 * writes the nearest of the eighty. NULL: one of the table after all. */
static const char *word_strange(weir_gen *g, bool is_name, bool is_noun) {
    double p = g->edition > 1 ? 0.5 : 0.35;
    if (g->is_held_out || g->n_words == WEIR_GEN_WORDS || !weir_gen_chance(g, p))
        return NULL;
    if (!is_name && weir_gen_is_varied(g, 0.4))
        return weir_phrase_word(g);
    if (is_noun && weir_gen_chance(g, 0.6))
        return weir_word_others.words[weir_gen_below(g, weir_word_others.n)];
    char made[WEIR_TOOL_VALUE], *word = g->words[g->n_words++];
    weir_tool_value_word(g, made);
    if (!is_name)
        made[0] = (char)(made[0] - 'A' + 'a');
    snprintf(word, WEIR_GEN_WORD, "%.*s", WEIR_GEN_WORD - 1, made);
    return word;
}

/* "Silver lantern!": up to n words with a mark behind them. */
static const char *line_strange(weir_gen *g, uint32_t n) {
    char *line = g->words[g->n_words++];
    weir_phrase_draw(g, line, 1, n, WEIR_PHRASE_SENTENCE);
    size_t length = strlen(line);
    assert(length + 2 <= WEIR_GEN_WORD);
    memcpy(line + length, weir_gen_chance(g, 0.5) ? "!" : ".", 2);
    return line;
}

const char *weir_word_draw(weir_gen *g, const weir_word_table *table) {
    bool is_noun = table == &weir_word_nouns, is_name = table == &weir_word_towns;
    if (is_noun || is_name || table == &weir_word_adjectives) {
        const char *word = word_strange(g, is_name, is_noun);
        if (word)
            return word;
    }
    bool is_line =
        table == &weir_word_sayings || table == &weir_word_openings || table == &weir_word_closings;
    if (is_line && g->n_words < WEIR_GEN_WORDS && weir_gen_is_varied(g, 0.6))
        return line_strange(g, table == &weir_word_sayings ? 6 : 4);
    return table->words[weir_gen_row(g, table->n)];
}

void weir_word_draw_some(weir_gen *g, const weir_word_table *table, const char **words,
                         uint32_t k) {
    for (uint32_t i = 0; i < k;) {
        double bits = g->bits;
        words[i] = weir_word_draw(g, table);
        bool is_new = true;
        for (uint32_t j = 0; j < i; j++)
            is_new = is_new && strcmp(words[j], words[i]) != 0;
        g->bits = is_new ? g->bits : bits;
        i += is_new;
    }
}

const char *weir_word_object(weir_gen *g) {
    double bits = g->bits;
    for (;;) {
        const char *word = weir_word_draw(g, &weir_word_nouns);
        bool is_fixture = false;
        for (uint32_t i = 0; i < weir_word_fixtures.n; i++)
            is_fixture = is_fixture || strcmp(weir_word_fixtures.words[i], word) == 0;
        if (!is_fixture)
            return word;
        g->bits = bits; /* what was thrown away tells nothing */
    }
}

void weir_word_objects(weir_gen *g, const char **words, uint32_t k) {
    for (uint32_t i = 0; i < k;) {
        double bits = g->bits;
        words[i] = weir_word_object(g);
        bool is_new = true;
        for (uint32_t j = 0; j < i; j++)
            is_new = is_new && strcmp(words[j], words[i]) != 0;
        g->bits = is_new ? g->bits : bits;
        i += is_new;
    }
}

const char *weir_word_article(const char *word) {
    return strchr("aeiouAEIOU", *word) ? "an" : "a";
}

const char *weir_word_name(weir_gen *g, bool *is_she) {
    const char *made = word_strange(g, true, false);
    if (made) {
        if (is_she)
            *is_she = weir_gen_chance(g, 0.5);
        return made;
    }
    const weir_story_name *name = &weir_story_names[weir_gen_row(g, weir_story_n_names)];
    if (is_she)
        *is_she = name->is_she;
    return name->name;
}

void weir_word_names(weir_gen *g, const char **names, uint32_t k) {
    for (uint32_t i = 0; i < k;) {
        double bits = g->bits;
        names[i] = weir_word_name(g, NULL);
        bool is_new = true;
        for (uint32_t j = 0; j < i; j++)
            is_new = is_new && strcmp(names[j], names[i]) != 0;
        g->bits = is_new ? g->bits : bits;
        i += is_new;
    }
}
