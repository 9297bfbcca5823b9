/*
 * gen_tool_chat.h: what is said in tool dialogues without calling a tool: system prompts, small
 * talk and tiny instructions, refusals, thanks.
 */
#ifndef WEIR_TRAIN_GEN_TOOL_CHAT_H
#define WEIR_TRAIN_GEN_TOOL_CHAT_H

#include "train/gen_tool.h"

enum { WEIR_TOOL_CHAT = 512 }; /* bytes of a message */

extern const char *const weir_tool_before_call[]; /* "Let me check." */
extern const char *const weir_tool_refusals[];    /* {wanted}, {other}: what tools do */
extern const char *const weir_tool_thanks[], *const weir_tool_welcomes[];
extern const uint32_t weir_tool_n_before_call, weir_tool_n_refusals, weir_tool_n_thanks,
    weir_tool_n_welcomes;

void weir_tool_system_draw(weir_gen *g, weir_gen_text *text);
/* A message that needs no tool, its answer, and a word that has to be in the answer ("": none). */
void weir_tool_chat_draw(weir_gen *g, char ask[WEIR_TOOL_CHAT], char answer[WEIR_TOOL_CHAT],
                         char key[WEIR_TOOL_VALUE]);

#endif
