/* verify_text.c: see verify_text.h. */
#include "verify_text.h"

#include <stdio.h>

const char *weir_verify_text(char buf[WEIR_VERIFY_TEXT], const weir_verify_report *r) {
    snprintf(buf, WEIR_VERIFY_TEXT,
             "%llu tokens: mean KL %.3g nats (largest %.3g), log-probability of the best token off "
             "by at most %.3g, same best token %.2f %%",
             (unsigned long long)r->n_tokens, r->mean_kl, r->max_kl, r->max_difference,
             100 * r->same_top);
    return buf;
}
