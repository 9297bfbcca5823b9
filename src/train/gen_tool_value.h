/*
 * gen_tool_value.h: the tables that gen_tool_value.c draws from: lists of values by kind, and the
 * dictionary's entries.
 */
#ifndef WEIR_TRAIN_GEN_TOOL_VALUE_H
#define WEIR_TRAIN_GEN_TOOL_VALUE_H

#include "train/gen_phrase.h"
#include "train/gen_tool.h"

typedef struct weir_tool_value_list {
    const char *kind;
    const char *const *rows;
    uint32_t n;
    double made; /* share of the draws that are a made-up word and no row */
    /* Phrases that stand in for rows (gen_phrase.h); 0 words: none do. */
    uint32_t least, most;
    weir_phrase_case letters;
} weir_tool_value_list;

extern const weir_tool_value_list weir_tool_value_lists[]; /* ends with a row without kind */
extern const char *const weir_tool_value_entries[][3];     /* word, meaning, synonym */

#endif
