/*
 * gen_conversation.h: a generated conversation under construction, and the small talk that
 * instructions and talk about the model share.
 */
#ifndef WEIR_TRAIN_GEN_CONVERSATION_H
#define WEIR_TRAIN_GEN_CONVERSATION_H

#include "train/gen.h"

typedef struct weir_conversation {
    weir_gen *g;
    json_t *messages, *checks; /* owned */
} weir_conversation;

/* false: no memory. */
bool weir_conversation_open(weir_conversation *c, weir_gen *g);
/* {"messages", "check"}, NULL if something failed; c holds nothing afterwards. */
json_t *weir_conversation_close(weir_conversation *c);

void weir_conversation_system(weir_conversation *c, const char *text);
/* A question and its answer. Steals check; NULL: nothing can be checked. */
void weir_conversation_turn(weir_conversation *c, const char *user, const char *answer,
                            json_t *check);

/* "what is the opposite of hot": as people write in haste. Leaves a text alone whose capitals say
 * something. */
void weir_conversation_careless(weir_gen_text *user);

/* A system prompt that asks for nothing. */
void weir_conversation_neutral(weir_gen *g, weir_gen_text *text);
/* "Hello!", "Thank you!", "Goodbye!" and the answers. */
void weir_conversation_greeting(weir_conversation *c);
void weir_conversation_thanks(weir_conversation *c);
void weir_conversation_goodbye(weir_conversation *c);

/* Something the user tells in one turn and asks for in a later one. */
typedef struct weir_memory {
    uint32_t kind;
    char value[48];
} weir_memory;
void weir_memory_tell(weir_memory *memory, weir_conversation *c);
void weir_memory_ask(const weir_memory *memory, weir_conversation *c);

#endif
