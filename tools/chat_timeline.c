/*
 * chat_timeline.c: a timeline is brought to what a conversation says.
 *
 * Invariant: after weir_chat_follow, decoding the timeline gives the prompt's text, and its control
 * tokens are those of the prompt's encoding, no more and no fewer.
 */
#include "chat_parts.h"

#include "base/error.h"

#include <string.h>

/* A place in a list of tokens; n_used bytes of the token at `at` are behind it. */
typedef struct place {
    const weir_tokenizer *tokenizer;
    const int32_t *ids; /* [n] */
    size_t n, at, n_used;
} place;

/* Text is divided at such tokens before anything is merged, so what follows one is encoded as if
 * nothing stood before it. */
static bool is_divider(const place *p) {
    const char *bytes;
    size_t n;
    weir_token_kind kind = weir_tokenizer_token(p->tokenizer, p->ids[p->at], &bytes, &n);
    return kind == WEIR_TOKEN_CONTROL || kind == WEIR_TOKEN_USER_DEFINED;
}

static const char *rest_of(const place *p, size_t *n) {
    const char *bytes;
    weir_tokenizer_token(p->tokenizer, p->ids[p->at], &bytes, n);
    *n -= p->n_used;
    return bytes + p->n_used;
}

static void advance(place *p, size_t n_bytes, size_t n_rest) {
    p->n_used += n_bytes;
    if (n_bytes == n_rest) {
        p->at++;
        p->n_used = 0;
    }
}

/* Moves both behind the bytes that their tokens have in common; false: they differ. */
static bool match_bytes(place *a, place *b) {
    if ((a->n_used == 0 && is_divider(a)) || (b->n_used == 0 && is_divider(b)))
        return false;
    size_t n_a, n_b;
    const char *in_a = rest_of(a, &n_a), *in_b = rest_of(b, &n_b);
    size_t n = n_a < n_b ? n_a : n_b;
    if (memcmp(in_a, in_b, n) != 0)
        return false;
    advance(a, n, n_a);
    advance(b, n, n_b);
    return true;
}

void weir_timeline_match(const weir_tokenizer *tokenizer, const int32_t *timeline,
                         size_t n_timeline, const int32_t *encoded, size_t n_encoded,
                         size_t *n_kept, size_t *n_said) {
    place t = {.tokenizer = tokenizer, .ids = timeline, .n = n_timeline};
    place e = {.tokenizer = tokenizer, .ids = encoded, .n = n_encoded};
    bool has_equal_ids = true; /* since the last divider */
    *n_kept = *n_said = 0;
    while (t.at < t.n && e.at < e.n) {
        if (t.n_used == 0 && e.n_used == 0 && t.ids[t.at] == e.ids[e.at]) {
            has_equal_ids = has_equal_ids || is_divider(&t);
            t.at++;
            e.at++;
        } else if (match_bytes(&t, &e)) {
            has_equal_ids = false;
        } else {
            break;
        }
        bool is_aligned = t.n_used == 0 && e.n_used == 0;
        bool is_divided = e.at == e.n || (e.n_used == 0 && is_divider(&e));
        if (is_aligned && (has_equal_ids || is_divided)) {
            *n_kept = t.at;
            *n_said = e.at;
        }
    }
}

weir_status weir_chat_follow(weir_chat *chat, const weir_prompt *prompt, weir_error *err) {
    weir_plan plan;
    weir_engine_memory(chat->host->engine, &plan);
    if (!chat->seq)
        WEIR_TRY(weir_seq_open(&chat->seq, chat->host->engine, err));
    size_t n_kept, n_said;
    weir_timeline_match(chat->host->tokenizer, weir_seq_tokens(chat->seq),
                        weir_seq_n_tokens(chat->seq), prompt->ids, prompt->n_ids, &n_kept, &n_said);
    size_t n_new = prompt->n_ids - n_said;
    if (n_kept + n_new >= plan.n_ctx)
        return weir_fail(err, WEIR_STATUS_FULL,
                         "the context is full: the prompt has %zu tokens, and %u are all that "
                         "prompt and answer may have together (--ctx)",
                         n_kept + n_new, plan.n_ctx);
    if (n_kept < weir_seq_n_tokens(chat->seq))
        WEIR_TRY(weir_seq_rewind(chat->seq, n_kept, err));
    return n_new > 0 ? weir_seq_append(chat->seq, prompt->ids + n_said, n_new, err)
                     : WEIR_STATUS_OK;
}
