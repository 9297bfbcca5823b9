/*
 * draw.h: how a row's next token is drawn where its logits are, in words that a device understands.
 *
 * What engine/sampler.c makes of its options, the history and a mask (weir_sampler_plan). The token
 * is the one that it would draw itself from the same logits: docs/sampling.md is the law for both.
 */
#ifndef WEIR_BACKEND_DRAW_H
#define WEIR_BACKEND_DRAW_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WEIR_DRAW_LIST = 2048,   /* likeliest tokens that a device looks at one by one */
    WEIR_DRAW_CHANGES = 1024 /* tokens that a draw changes the logits of, each by itself */
};

/* A token whose logit is not changed by bits alone: what is done to it, in this order. */
typedef struct weir_draw_change {
    int32_t token;
    float bias;         /* is added */
    uint32_t is_recent; /* the repetition penalty is for it */
    uint32_t count;     /* occurrences in the answer; 0: neither presence nor frequency penalty */
} weir_draw_change;

/* Pointers are the host's. */
typedef struct weir_draw {
    double scale;     /* log2(e) / temperature; 0: greedy */
    double span;      /* of min-p: how far below the best a logit may be; INFINITY: any */
    uint64_t uniform; /* of 2^53 */
    float top_p;      /* 1: all */
    uint32_t top_k;   /* at most WEIR_DRAW_LIST; 0: all */
    float repetition, presence, frequency;
    const uint32_t *mask;   /* NULL, or a bit for each token of the vocabulary: allowed */
    const uint32_t *recent; /* the same: the repetition penalty is for it; not of changes */
    const weir_draw_change *changes; /* [n_changes] all of different tokens */
    uint32_t n_changes;
    /* The last token of the history is that of the row itself, which the host does not know yet: it
     * is in none of the above. The device adds it: to `recent` (if there are any) or to a change
     * that is there, and with presence or frequency to changes, where one more has room. */
    bool lacks_last;
    bool wants_logprob; /* and rank, of the token drawn, in the logits as the model gave them */
    uint32_t n_top;     /* so many of the likeliest in them; with wants_logprob */
} weir_draw;

#endif
