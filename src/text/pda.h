/*
 * pda.h: the one form that every kind of grammar is compiled into: a pushdown automaton over
 * bytes, with counted loops that are not expanded.
 *
 *   SYMBOLS  takes one symbol of a set, goes on at next
 *   SPLIT    goes on at any of its targets without taking anything
 *   CALL     runs a rule, then goes on at next
 *   LOOP     runs its body min to max times, then goes on at next
 *   RETURN   ends a rule or the body of a loop; at the bottom it ends the text
 *
 * A symbol is a byte, or one of the marks that stand for whole control tokens. Built from its end
 * to its beginning: whoever adds a node names the one that follows. Failures while building stick
 * to the builder and are told by weir_pda_finish, so that building needs no checks.
 *
 * After weir_pda_finish: from every node that can be reached the text can be brought to an end, no
 * rule calls itself before it takes a symbol, and every run of a loop's body takes at least one.
 */
#ifndef WEIR_TEXT_PDA_H
#define WEIR_TEXT_PDA_H

#include "base/compiler.h"
#include "weir.h"

enum {
    WEIR_SYMBOL_CALL_START = 256,  /* <|tool_call_start|> as a token */
    WEIR_SYMBOL_CALL_END = 257,    /* <|tool_call_end|> */
    WEIR_SYMBOL_THINK_START = 258, /* <think> */
    WEIR_SYMBOL_THINK_END = 259,   /* </think> */
    WEIR_SYMBOLS = 260,
    WEIR_SYMBOL_WORDS = (WEIR_SYMBOLS + 31) / 32
};

typedef struct weir_symbol_set {
    uint32_t bits[WEIR_SYMBOL_WORDS];
} weir_symbol_set;

static inline bool weir_symbol_in(const weir_symbol_set *set, uint32_t symbol) {
    return set->bits[symbol / 32] >> symbol % 32 & 1u;
}
static inline void weir_symbol_add(weir_symbol_set *set, uint32_t symbol) {
    set->bits[symbol / 32] |= 1u << symbol % 32;
}
void weir_symbol_add_range(weir_symbol_set *set, uint32_t first, uint32_t last);

typedef enum weir_pda_kind {
    WEIR_PDA_RETURN = 0,
    WEIR_PDA_SPLIT = 1,
    WEIR_PDA_SYMBOLS = 2,
    WEIR_PDA_CALL = 3,
    WEIR_PDA_LOOP = 4
} weir_pda_kind;

typedef struct weir_pda_node {
    uint32_t kind;
    uint32_t next; /* SPLIT: its first target in `targets` */
    uint32_t arg;  /* SYMBOLS: a set; CALL: a rule; LOOP: a loop; SPLIT: how many targets */
} weir_pda_node;

#define WEIR_PDA_NO_LIMIT UINT32_MAX

typedef struct weir_pda_loop {
    uint32_t body, next, min, max; /* max WEIR_PDA_NO_LIMIT: any number */
} weir_pda_loop;

/* Of JSON, nesting takes one to three frames a level. */
enum { WEIR_PDA_MAX_FRAMES = 3000 };

enum { WEIR_PDA_AT_RETURN = 0, WEIR_PDA_AT_DEAD = 1 }; /* nodes that always are there */

/* Where a text may begin. All but CHECK may first think, if <think> is a token. */
typedef enum weir_pda_start {
    WEIR_PDA_CHECK = 0,     /* the text alone; marks of calls are bytes */
    WEIR_PDA_PLAIN = 1,     /* the text; marks of calls are control tokens */
    WEIR_PDA_BYTES = 2,     /* the text; marks of calls are bytes */
    WEIR_PDA_REASONING = 3, /* anything up to </think>, then as PLAIN */
    WEIR_PDA_REASONING_BYTES = 4,
    WEIR_PDA_STARTS = 5
} weir_pda_start;

typedef struct weir_pda {
    weir_pda_node *nodes; /* [n_nodes] */
    uint32_t n_nodes, cap_nodes;
    uint32_t *targets; /* [n_targets] of SPLIT */
    uint32_t n_targets, cap_targets;
    uint32_t *rules; /* [n_rules] the node where each begins */
    uint32_t n_rules, cap_rules;
    weir_pda_loop *loops; /* [n_loops] */
    uint32_t n_loops, cap_loops;
    weir_symbol_set *sets; /* [n_sets] all different */
    uint32_t n_sets, cap_sets;
    uint32_t starts[WEIR_PDA_STARTS];
    uint32_t max_frames; /* open at once, beyond what a text needs at least */

    /* made by weir_pda_finish */
    uint32_t *needs; /* [n_nodes] frames that the way from here to the RETURN takes at least */
    uint16_t class_of[WEIR_SYMBOLS];  /* symbols that no set tells apart have one class */
    uint16_t symbol_of[WEIR_SYMBOLS]; /* [n_classes] one symbol of each */
    uint32_t n_classes;
} weir_pda;

typedef struct weir_pda_chunk weir_pda_chunk;

/* Finds what was built before: [n], number + 1, 0: free. */
typedef struct weir_pda_slots {
    uint32_t *slots;
    uint32_t n;
} weir_pda_slots;

typedef struct weir_pda_builder {
    weir_pda *pda;
    weir_pda_slots sets, nodes;
    weir_status status; /* the first failure; OK: none so far */
    weir_error error;   /* its line */
    weir_pda_chunk *chunks;
    /* The name of a rule for error lines; NULL: rules have none. */
    const char *(*rule_name)(const void *context, uint32_t rule);
    const void *rule_context;
} weir_pda_builder;

/* ---- building ----------------------------------------------------------------------------------
 */

/* Begins an empty automaton in *pda. */
void weir_pda_begin(weir_pda_builder *b, weir_pda *pda);
/* Checks and completes it as said above; tells the failure that stuck to the builder. On
 * failure, among them BAD_ARGUMENT where no text fits, it is of no use but must be freed. */
weir_status weir_pda_finish(weir_pda_builder *b, weir_error *err);
void weir_pda_free(weir_pda *pda);

/* Notes a failure unless there was one. Returns WEIR_PDA_AT_DEAD. */
uint32_t weir_pda_no_memory(weir_pda_builder *b);
uint32_t weir_pda_refuse(weir_pda_builder *b, weir_status status, const char *format, ...)
    WEIR_PRINTF(3, 4);

/* Frees what building needed. weir_pda_finish does it; after it, it is harmless. */
void weir_pda_end(weir_pda_builder *b);

/* Memory that lives until weir_pda_finish; zeros; NULL after a failure. */
void *weir_pda_room(weir_pda_builder *b, size_t bytes);

uint32_t weir_pda_symbols(weir_pda_builder *b, const weir_symbol_set *set, uint32_t next);
uint32_t weir_pda_symbol(weir_pda_builder *b, uint32_t symbol, uint32_t next);
uint32_t weir_pda_literal(weir_pda_builder *b, const char *text, size_t n, uint32_t next);
uint32_t weir_pda_word(weir_pda_builder *b, const char *text, uint32_t next); /* 0-terminated */
/* n targets that are dead until they are set. */
uint32_t weir_pda_split(weir_pda_builder *b, uint32_t n);
void weir_pda_set_target(weir_pda_builder *b, uint32_t split, uint32_t i, uint32_t target);
uint32_t weir_pda_either(weir_pda_builder *b, uint32_t left, uint32_t right);
/* A rule whose beginning is set later; its end is WEIR_PDA_AT_RETURN. */
uint32_t weir_pda_rule(weir_pda_builder *b);
void weir_pda_set_rule(weir_pda_builder *b, uint32_t rule, uint32_t entry);
uint32_t weir_pda_call(weir_pda_builder *b, uint32_t rule, uint32_t next);
/* body ends in WEIR_PDA_AT_RETURN. */
uint32_t weir_pda_repeat(weir_pda_builder *b, uint32_t body, uint32_t min, uint32_t max,
                         uint32_t next);

/* Any of texts [n], each followed by its own node; common beginnings are shared. Sorts texts. */
typedef struct weir_pda_text {
    const char *text;
    size_t n;
    uint32_t next;
} weir_pda_text;
uint32_t weir_pda_texts(weir_pda_builder *b, weir_pda_text *texts, size_t n);

/* A code point of ranges [n], ascending and apart, as UTF-8. Surrogates are none. */
typedef struct weir_code_range {
    uint32_t first, last;
} weir_code_range;
uint32_t weir_pda_codes(weir_pda_builder *b, const weir_code_range *ranges, size_t n,
                        uint32_t next);

/* Any bytes up to the first `mark`, which is taken; then next. on_symbol goes on at on_next from
 * anywhere in it (no symbol: WEIR_SYMBOLS). may_end: the RETURN is everywhere. */
typedef struct weir_pda_until {
    const char *mark; /* NULL: none */
    uint32_t next;
    uint32_t on_symbol, on_next;
    bool may_end;
} weir_pda_until;
uint32_t weir_pda_free_text(weir_pda_builder *b, const weir_pda_until *free_text);

#endif
