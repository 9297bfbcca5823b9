/* answer_logprobs.c: the probabilities behind a token. Sums in double, in the order of ids. */
#include "answer_parts.h"

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
    double sum = 0;
    size_t n = 0;
    uint32_t rank = 1;
    for (uint32_t i = 0; i < n_vocab; i++) {
        sum += exp((double)logits[i] - (double)largest);
        rank += logits[i] > logits[token];
        n = keep(top, n, n_top, (weir_token_choice){(int32_t)i, logits[i]});
    }
    double log_sum = (double)largest + log(sum);
    for (size_t i = 0; i < n; i++)
        top[i].logprob = (float)((double)top[i].logprob - log_sum);
    *out = (weir_token_report){.drawn = {token, (float)((double)logits[token] - log_sum)},
                               .top = top,
                               .n_top = n,
                               .rank = rank};
}
