/*
 * answer_logprobs.c: the probabilities behind a token. Weights are whole numbers, as those of
 * draws: a device that tells them comes to the same sum.
 */
#include "answer_parts.h"

#include "base/softmax_weight.h"

#include <math.h>
#include <string.h>

/* Puts a choice into top [n], likeliest first, equal ones by id; returns the new n. */
static size_t keep(weir_token_choice *top, size_t n, size_t max, weir_token_choice choice) {
    if (max == 0 || (n == max && choice.logprob <= top[n - 1].logprob))
        return n;
    size_t at = n < max ? n : max - 1;
    while (at > 0 && top[at - 1].logprob < choice.logprob) {
        top[at] = top[at - 1];
        at--;
    }
    top[at] = choice;
    return n < max ? n + 1 : n;
}

void weir_answer_logprobs(weir_token_report *out, weir_token_choice *top, uint32_t n_top,
                          const float *logits, uint32_t n_vocab, int32_t token) {
    float largest = logits[0];
    for (uint32_t i = 1; i < n_vocab; i++)
        largest = logits[i] > largest ? logits[i] : largest;
    uint64_t sum = 0;
    size_t n = 0;
    uint32_t rank = 1;
    for (uint32_t i = 0; i < n_vocab; i++) {
        sum += weir_softmax_weight(((double)largest - (double)logits[i]) * WEIR_LOG2_E);
        rank += logits[i] > logits[token];
        n = keep(top, n, n_top, (weir_token_choice){(int32_t)i, logits[i]});
    }
    double log_sum = (double)largest + log((double)sum / WEIR_WEIGHT_ONE);
    for (size_t i = 0; i < n; i++)
        top[i].logprob = (float)((double)top[i].logprob - log_sum);
    *out = (weir_token_report){.drawn = {token, (float)((double)logits[token] - log_sum)},
                               .top = top,
                               .n_top = n,
                               .rank = rank};
}

void weir_answer_drawn(weir_token_report *out, weir_token_choice *top, const weir_drawn *drawn) {
    for (uint32_t i = 0; i < drawn->n_top; i++)
        top[i] = (weir_token_choice){drawn->top[i].token, drawn->top[i].logprob};
    *out = (weir_token_report){.drawn = {drawn->token, drawn->logprob},
                               .top = top,
                               .n_top = drawn->n_top,
                               .rank = drawn->rank};
}
