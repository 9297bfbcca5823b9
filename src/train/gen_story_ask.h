/*
 * gen_story_ask.h: a told story and the ways to ask for it, or about it. What is asked is taken
 * from the finished story, so the answer obeys by construction.
 */
#ifndef WEIR_TRAIN_GEN_STORY_ASK_H
#define WEIR_TRAIN_GEN_STORY_ASK_H

#include "train/gen_story.h"

typedef struct weir_story_tale {
    weir_story_world world;
    weir_gen_text text;
    bool is_brief;
    bool is_trait_asked; /* a request that names the hero names the trait */
} weir_story_tale;

enum { /* what a request may name */
       WEIR_STORY_ASK_HERO = 1 << 0,
       WEIR_STORY_ASK_THEME = 1 << 1,
       WEIR_STORY_ASK_WORDS = 1 << 2,
       WEIR_STORY_ASK_COUNT = 1 << 3,
       WEIR_STORY_ASK_ENDING = 1 << 4,
       WEIR_STORY_ASK_PLACE = 1 << 5,
       WEIR_STORY_ASK_TITLE = 1 << 6,
       WEIR_STORY_ASK_FRIEND = 1 << 7
};

/* Appends a request for the tale that names what `ask` says, as far as the tale has it, and adds
 * the fields of the check. */
void weir_story_ask(weir_story_tale *tale, uint32_t ask, weir_gen_text *request, json_t *check);

/* A question that the tale answers, with answer and check; false: it answers none. */
bool weir_story_question(weir_story_tale *tale, weir_gen_text *question, weir_gen_text *answer,
                         json_t *check);

/* Sets check's kind, and its hero to a word that stands in text. */
void weir_story_check_hero(const weir_story_tale *tale, const char *text, json_t *check);

#endif
