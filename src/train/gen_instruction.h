/*
 * gen_instruction.h: inside the generator of instructions: a task (a question with its right answer
 * in pieces), the forms in which the answer can be asked for, and the word tables.
 *
 * A task knows nothing about forms, a form nothing about tasks: the shape of the task's answer says
 * which forms it can take. So thirty kinds of one and a dozen of the other need no table of pairs.
 */
#ifndef WEIR_TRAIN_GEN_INSTRUCTION_H
#define WEIR_TRAIN_GEN_INSTRUCTION_H

#include "train/gen.h"

/* ---- tasks ---------------------------------------------------------------------------------- */

typedef enum weir_task_shape {
    WEIR_TASK_ONE,    /* item[0] is the answer: one word or number; `sentence` tells it */
    WEIR_TASK_YES_NO, /* item[0] is "yes" or "no"; `sentence` begins with it */
    WEIR_TASK_LIST,   /* item[n_items], single words or numbers */
    WEIR_TASK_TEXT,   /* `sentence`, letter by letter */
    WEIR_TASK_TELL,   /* item[n_items] are sentences about something, as many as are asked for */
    WEIR_TASK_FIXED   /* `sentence` and `check` are all: the task asks for its own form */
} weir_task_shape;

enum { WEIR_TASK_ITEMS = 12, WEIR_TASK_SLOTS = 16, WEIR_TASK_WRONG = 8 };

typedef struct weir_task {
    weir_gen *g;
    weir_task_shape shape;
    bool is_follow; /* in: ask as "And of tall?"; a task that cannot leaves `ask` empty */
    bool is_terse;  /* asked in keywords: the bare answer is expected */
    bool is_number; /* items are numbers */
    bool is_given_number;
    weir_gen_text ask, sentence, given;
    weir_gen_text item[WEIR_TASK_ITEMS];
    uint32_t n_items;
    const char *key;                    /* of the answer as JSON; NULL: "answer" */
    const char *given_key;              /* of `given`, what was asked about; NULL: nothing */
    weir_gen_text scratch;              /* the task's own */
    const char *wrong[WEIR_TASK_WRONG]; /* what a right answer does not name */
    uint32_t n_wrong;
    json_t *check; /* more fields for the check of any form; owned, NULL: none */
    struct {
        const char *name;
        const char *value; /* outlives the task, or is in `room` */
        char room[40];
    } slot[WEIR_TASK_SLOTS];
    uint32_t n_slots;
} weir_task;

typedef struct weir_task_kind {
    const char *name;
    void (*make)(weir_task *task);
    uint32_t weight;
} weir_task_kind;

/* One list for each gen_instruction_*.c with tasks; make is NULL at the end. */
extern const weir_task_kind weir_task_words[], weir_task_lists[], weir_task_numbers[],
    weir_task_world[], weir_task_texts[], weir_task_open[], weir_task_quiz[];

/* Zeroes the task but keeps its memory. */
void weir_task_reset(weir_task *task, weir_gen *g);
void weir_task_free(weir_task *task);

/* Values of patterns. The word is not copied. */
void weir_task_set(weir_task *task, const char *name, const char *value);
void weir_task_set_number(weir_task *task, const char *name, int value);
/* The word, one time in three in quotation marks. */
void weir_task_set_quoted(weir_task *task, const char *name, const char *word);

/* A pattern of the list (NULL at the end) becomes the question. "~" in front: it is terse; ">": it
 * only follows a question of the same kind. */
void weir_task_ask(weir_task *task, const char *const *patterns);
void weir_task_say(weir_task *task, const char *pattern); /* appends to `sentence` */
void weir_task_item(weir_task *task, const char *word);
void weir_task_item_number(weir_task *task, int value);
void weir_task_wrong(weir_task *task, const char *word);
void weir_task_check(weir_task *task, const char *field, json_t *value); /* steals value */

/* ---- forms ---------------------------------------------------------------------------------- */

typedef enum weir_form_kind {
    WEIR_FORM_PLAIN,
    WEIR_FORM_WORD, /* nothing but the answer; one word where it is one */
    WEIR_FORM_FULL,
    WEIR_FORM_LOWER,
    WEIR_FORM_UPPER,
    WEIR_FORM_N_WORDS,
    WEIR_FORM_N_SENTENCES,
    WEIR_FORM_LIST,
    WEIR_FORM_COMMAS,
    WEIR_FORM_JSON,
    WEIR_FORM_START,
    WEIR_FORM_END,
    WEIR_FORM_NO_LETTER,
    WEIR_FORM_QUOTED,
    WEIR_FORM_TWICE,
    WEIR_N_FORMS
} weir_form_kind;

typedef struct weir_form {
    weir_form_kind kind;
    uint32_t n;       /* words, sentences or items */
    bool is_numbered; /* list */
    bool is_bare;     /* without a sentence around the answer */
    char letter;      /* NO_LETTER */
    char key[24];     /* JSON; empty: the task's own two keys */
    char phrase[96];  /* START, END; the line of TWICE */
} weir_form;

/* Can this task's answer take such a form? */
bool weir_form_suits(weir_form_kind kind, const weir_task *task);
/* Draws a form that suits the task; it costs the bits of the choice. */
void weir_form_draw(weir_gen *g, weir_form *form, const weir_task *task);
/* Draws what a form of this kind, which suits the task, needs. */
void weir_form_draw_for(weir_gen *g, weir_form *form, weir_form_kind kind, const weir_task *task);
/* Draws what a form of this kind needs, before a task is known (for a system prompt). */
void weir_form_draw_kind(weir_gen *g, weir_form *form, weir_form_kind kind);
/* Appends how a user asks for it; as_rule: as a system prompt does, for every answer. */
void weir_form_demand(weir_gen *g, weir_gen_text *text, const weir_form *form,
                      const weir_task *task, bool as_rule);
/* Appends the right answer in this form. */
void weir_form_put(weir_gen *g, weir_gen_text *answer, const weir_form *form,
                   const weir_task *task);
/* The check of such an answer, which is given because it knows best what must not be in it. */
json_t *weir_form_check(weir_gen *g, const weir_form *form, const weir_task *task,
                        const char *answer);
/* Appends the answer without what the form puts around it. */
void weir_form_put_base(weir_gen *g, weir_gen_text *answer, const weir_form *form,
                        const weir_task *task);
json_t *weir_form_json(const weir_form *form, const weir_task *task);
/* Of e, a, o, s, t those that the answer (one word) does not have. */
const char *weir_form_letters(const weir_task *task);

/* ---- word tables (gen_words_tables.c) ------------------------------------------------------- */

/* Tables of facts have no held-out rows: a fact that was never told cannot be asked. Free words
 * and names stand in copied texts and lists, and have them. */

typedef struct weir_word_pair {
    const char *a, *b;
} weir_word_pair;

typedef struct weir_word_verb {
    const char *verb, *past, *third; /* "run", "ran", "runs" */
} weir_word_verb;

typedef struct weir_word_group {
    const char *name, *plural; /* "animal", "animals" */
    const char *const *words;  /* [n] */
    uint32_t n;
} weir_word_group;

typedef struct weir_word_animal {
    const char *noun, *sound, *baby, *home; /* NULL: not asked, since there is no one answer */
    int legs;
    int flies; /* -1: not asked */
} weir_word_animal;

typedef struct weir_word_rhyme {
    const char *words[6]; /* rhyme with each other and no other row; NULL at the end */
} weir_word_rhyme;

typedef struct weir_word_thing {
    const char *noun;     /* with its article: "a cat", "the sun" */
    const char *facts[5]; /* sentences, the first says what it is */
} weir_word_thing;

typedef struct weir_word_table {
    const char *const *words;
    uint32_t n;
} weir_word_table;

extern const weir_word_pair weir_word_opposites[], weir_word_plurals[], weir_word_colours[],
    weir_word_parts[], weir_word_uses[], weir_word_joined[];
extern const uint32_t weir_word_n_opposites, weir_word_n_opposites_both, weir_word_n_plurals,
    weir_word_n_colours, weir_word_n_parts, weir_word_n_uses, weir_word_n_joined;
extern const weir_word_verb weir_word_verbs[];
extern const uint32_t weir_word_n_verbs;
extern const weir_word_group weir_word_groups[];
extern const uint32_t weir_word_n_groups;
extern const weir_word_animal weir_word_animals[];
extern const uint32_t weir_word_n_animals;
extern const weir_word_rhyme weir_word_rhymes[];
extern const uint32_t weir_word_n_rhymes;
extern const weir_word_thing weir_word_things[];
extern const uint32_t weir_word_n_things;
/* Free: nouns, adjectives before them, places ("in the garden"), towns, phrases that end in a mark.
 */
extern const weir_word_table weir_word_nouns, weir_word_adjectives, weir_word_places,
    weir_word_towns, weir_word_openings, weir_word_closings, weir_word_sayings;
/* Nouns that stand in for free words (weir_word_draw). */
extern const weir_word_table weir_word_others;
/* Nouns that are no things to carry. */
extern const weir_word_table weir_word_fixtures;
extern const char *const weir_word_days[7], *const weir_word_months[12];

/* A row of a table. For a free noun, adjective or town of a training sample every second time
 * (first edition: every third) another word, or one that means nothing; for sayings, openings and
 * closings a phrase. Lives as long as g. */
const char *weir_word_draw(weir_gen *g, const weir_word_table *table);
/* k different ones. */
void weir_word_draw_some(weir_gen *g, const weir_word_table *table, const char **words, uint32_t k);
/* A noun that can be carried about; different ones. */
const char *weir_word_object(weir_gen *g);
void weir_word_objects(weir_gen *g, const char **words, uint32_t k);
/* "a" or "an" before this word. */
const char *weir_word_article(const char *word);
/* A name of gen_story.h's table, or a made-up one; is_she may be NULL. */
const char *weir_word_name(weir_gen *g, bool *is_she);
void weir_word_names(weir_gen *g, const char **names, uint32_t k); /* different ones */

#endif
