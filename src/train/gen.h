/*
 * gen.h: what the generators of text share: random choices that are counted in bits, growing text,
 * the pattern language, and the way from a kind to its generator.
 *
 * A sample is a pure function of (kind, edition, seed, i, is_held_out). Every choice goes through a
 * weir_gen, which adds -log2 p to `bits`: where a text has only one derivation, mean bits are the
 * entropy of the generator, which no model can beat on unseen samples.
 */
#ifndef WEIR_TRAIN_GEN_H
#define WEIR_TRAIN_GEN_H

#include "base/compiler.h"
#include "weir_train.h"
#include <jansson.h>

enum { WEIR_GEN_WORDS = 48, WEIR_GEN_WORD = 96 };

typedef struct weir_gen {
    uint64_t seed, stream, counter; /* weir_mix64(seed, stream, counter) is the next choice */
    double bits;                    /* of all choices so far */
    bool is_held_out;
    uint32_t edition; /* 1: as the samples were that the first weir-nano was trained on */
    bool is_failed;   /* no memory: the sample is thrown away */
    uint32_t n_words;
    char words[WEIR_GEN_WORDS][WEIR_GEN_WORD]; /* made up for this sample */
} weir_gen;

/* Text that grows; a zeroed struct is empty. Always 0-terminated once something was put. */
typedef struct weir_gen_text {
    char *data;
    size_t n, cap;
} weir_gen_text;

/* Uniform in [0, n); n >= 1; costs log2 n bits. */
uint32_t weir_gen_below(weir_gen *g, uint32_t n);
/* True with probability p. */
bool weir_gen_chance(weir_gen *g, double p);
/* An index of a table of n rows: rows with i % 7 == 3 are held out, and only they are taken when
 * is_held_out (tables under 7 rows have none held out). */
uint32_t weir_gen_row(weir_gen *g, uint32_t n);
/* Fisher-Yates over [n] numbers. */
void weir_gen_shuffle(weir_gen *g, uint32_t *item, uint32_t n);

/* With probability p, but never in samples held out, whose words are their own, nor in the first
 * edition: is a word or phrase to be drawn that stands in no short table? */
bool weir_gen_is_varied(weir_gen *g, double p);

void weir_gen_put(weir_gen *g, weir_gen_text *text, const char *words);
void weir_gen_putf(weir_gen *g, weir_gen_text *text, const char *format, ...) WEIR_PRINTF(3, 4);
void weir_gen_text_clear(weir_gen_text *text); /* keeps the memory */
void weir_gen_text_free(weir_gen_text *text);

/* The text of a slot, by its name [n]; NULL: there is none (asserted: patterns are our own). */
typedef const char *weir_gen_slot(void *context, const char *name, size_t n);

/*
 * Appends a pattern:  {name}     the slot's text
 *                     [a|b|c]    one of the alternatives, each a pattern, with equal chances;
 *                                one written twice has twice the chance
 *                     (?words)   or nothing, half and half
 *                     \x         the character x itself
 * The first letter of a sentence is made a capital (text start, or after . ! ? and white space or a
 * quotation mark), where the pattern begins with '^'.
 */
void weir_gen_expand(weir_gen *g, weir_gen_text *text, const char *pattern, weir_gen_slot *slot,
                     void *context);

/* ---- kinds ---------------------------------------------------------------------------------- */

/* Each returns a new JSON object {"messages" or "text", "tools"?, "template_args"?, "check"}, NULL
 * without memory; gen.c adds kind, i and bits. "check" is a list with one entry for each assistant
 * message, null where nothing can be checked (gen_check.h). */
json_t *weir_gen_story(weir_gen *g);
json_t *weir_gen_instruction(weir_gen *g);
json_t *weir_gen_tool(weir_gen *g);
json_t *weir_gen_identity(weir_gen *g);
json_t *weir_gen_recall(weir_gen *g);
json_t *weir_gen_catalog(weir_gen *g);

#endif
