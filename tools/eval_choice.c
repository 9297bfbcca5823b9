/*
 * eval_choice.c: see eval_choice.h.
 *
 * Owns an engine with one timeline that holds what all choices of a question begin with, which the
 * next question keeps as much of as it has in common, and room for a handful of forks.
 */
#include "eval_choice.h"

#include "base/error.h"
#include "eval_distance.h"
#include "interrupt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FORKS = 8, PAGE = 64, PAGES_OF_FORKS = 72, BATCH = 256 };

/* ---- from rows to text ---------------------------------------------------------------------- */

weir_choice_style weir_choice_default_style(weir_choice_shape shape) {
    bool by_letter =
        shape == WEIR_CHOICE_MMLU || shape == WEIR_CHOICE_MMLU_PRO || shape == WEIR_CHOICE_GPQA;
    return by_letter ? WEIR_CHOICE_LETTER : WEIR_CHOICE_TEXT;
}

static void add_letters(weir_text_buffer *out, const weir_choice_row *row) {
    bool is_gpqa = row->shape == WEIR_CHOICE_GPQA, is_pro = row->shape == WEIR_CHOICE_MMLU_PRO;
    weir_text_buffer_say(out, is_gpqa  ? "What is the correct answer to this question:"
                              : is_pro ? "Question:\n"
                                       : "");
    weir_text_buffer_say(out, row->question);
    weir_text_buffer_say(out, is_gpqa ? "\nChoices:\n" : is_pro ? "\nOptions:\n" : "\n");
    for (uint32_t i = 0; i < row->n_choices; i++) {
        weir_text_buffer_format(out, is_gpqa ? "(%c) " : "%c. ", (char)('A' + i));
        weir_text_buffer_say(out, row->choice[i]);
        weir_text_buffer_say(out, "\n");
    }
    weir_text_buffer_say(out, "Answer:");
}

static void add_question(weir_text_buffer *out, const weir_choice_row *row,
                         weir_choice_style style) {
    if (row->shape == WEIR_CHOICE_PLAIN) {
        weir_text_buffer_say(out, row->question);
    } else if (style == WEIR_CHOICE_LETTER) {
        add_letters(out, row);
    } else if (row->shape == WEIR_CHOICE_HELLASWAG) {
        weir_text_buffer_say(out, row->question);
    } else {
        weir_text_buffer_say(out, "Question: ");
        weir_text_buffer_say(out, row->question);
        weir_text_buffer_say(out, "\nAnswer:");
    }
}

/* MMLU's first line; a subject is written as "abstract_algebra". */
static void add_subject(weir_text_buffer *out, const weir_choice_row *row,
                        weir_choice_style style) {
    if (row->shape != WEIR_CHOICE_MMLU || !*row->category)
        return;
    weir_text_buffer_format(out, "The following are %squestions (with answers) about ",
                            style == WEIR_CHOICE_LETTER ? "multiple choice " : "");
    for (const char *at = row->category; *at; at++)
        weir_text_buffer_add(out, *at == '_' ? " " : at, 1);
    weir_text_buffer_say(out, ".\n\n");
}

void weir_choice_continuation(weir_text_buffer *out, const weir_choice_row *row, uint32_t i,
                              weir_choice_style style) {
    if (row->shape != WEIR_CHOICE_PLAIN)
        weir_text_buffer_say(out, " ");
    if (style == WEIR_CHOICE_LETTER)
        weir_text_buffer_format(out, row->shape == WEIR_CHOICE_GPQA ? "(%c)" : "%c",
                                (char)('A' + i));
    else
        weir_text_buffer_say(out, row->choice[i]);
}

void weir_choice_context(weir_text_buffer *out, const weir_choice_row *row,
                         const weir_choice_row *const *shots, size_t n_shots,
                         weir_choice_style style) {
    add_subject(out, row, style);
    for (size_t i = 0; i < n_shots; i++) {
        add_question(out, shots[i], style);
        weir_choice_continuation(out, shots[i], shots[i]->answer, style);
        weir_text_buffer_say(out, "\n\n");
    }
    add_question(out, row, style);
}

uint32_t weir_choice_best(const weir_choice_score *score, uint32_t n_choices, bool by_bytes) {
    uint32_t best = 0;
    double most = -INFINITY;
    for (uint32_t i = 0; i < n_choices; i++) {
        double bytes = by_bytes && score->n_bytes[i] > 0 ? score->n_bytes[i] : 1;
        if (score->log_p[i] / bytes > most) {
            most = score->log_p[i] / bytes;
            best = i;
        }
    }
    return best;
}

/* ---- a scorer ------------------------------------------------------------------------------- */

/* One choice as tokens: the whole text of `n`, of which those from `from` on are scored. */
typedef struct tokens {
    int32_t *id; /* [n], owned */
    size_t n, from;
} tokens;

struct weir_choice_scorer {
    weir_tokenizer *tokenizer;
    weir_tokenizer_info words;
    weir_engine *engine;
    weir_seq *seq; /* what the choices share */
    uint32_t n_ctx, n_vocab, n_batch;
    float *logits; /* [n_batch, n_vocab] of forks */
    float *last;   /* [n_vocab] after what is shared */
};

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to score choices");
}

static uint32_t pages_of(size_t n) {
    return (uint32_t)((n + PAGE - 1) / PAGE);
}

weir_status weir_choice_scorer_open(weir_choice_scorer **out, weir_model *model, const char *path,
                                    const weir_choice_scorer_options *options, weir_error *err) {
    weir_model_info info;
    weir_status status;
    *out = NULL;
    weir_choice_scorer *s = calloc(1, sizeof *s);
    if (!s)
        return no_memory(err);
    weir_model_get_info(model, &info);
    s->n_ctx = options->n_ctx;
    s->n_vocab = info.n_vocab;
    s->n_batch = BATCH > info.replay_window + 1 ? BATCH : info.replay_window + 1;
    /* Forks share the pages of what they begin with; one of them alone always fits. */
    weir_engine_options o = {.device = options->device,
                             .isa = options->isa,
                             .kv_type = options->kv_type ? options->kv_type : "f32",
                             .activations = options->activations,
                             .n_threads = options->n_threads,
                             .n_ctx = options->n_ctx,
                             .n_seqs = 1 + FORKS,
                             .n_pages = 2 * pages_of(options->n_ctx) + PAGES_OF_FORKS,
                             .n_batch = s->n_batch,
                             .n_out = s->n_batch,
                             .no_prefix_cache = true,
                             .progress = options->progress};
    s->logits = malloc((size_t)s->n_batch * s->n_vocab * sizeof *s->logits);
    s->last = malloc(s->n_vocab * sizeof *s->last);
    if (!s->logits || !s->last) {
        status = no_memory(err);
        goto fail;
    }
    WEIR_TRY_GOTO(weir_tokenizer_open(&s->tokenizer, path, NULL, err));
    weir_tokenizer_get_info(s->tokenizer, &s->words);
    WEIR_TRY_GOTO(weir_engine_open(&s->engine, model, &o, err));
    WEIR_TRY_GOTO(weir_seq_open(&s->seq, s->engine, err));
    *out = s;
    return WEIR_STATUS_OK;
fail:
    weir_choice_scorer_close(&s);
    return status;
}

void weir_choice_scorer_close(weir_choice_scorer **scorer) {
    weir_choice_scorer *s = *scorer;
    if (!s)
        return;
    weir_seq_close(&s->seq);
    weir_engine_close(&s->engine);
    weir_tokenizer_close(&s->tokenizer);
    free(s->logits);
    free(s->last);
    free(s);
    *scorer = NULL;
}

weir_engine *weir_choice_scorer_engine(const weir_choice_scorer *scorer) {
    return scorer->engine;
}

/* ---- tokens --------------------------------------------------------------------------------- */

/* Text [n] of data behind the token that begins texts, if the model has one. */
static weir_status encode(const weir_choice_scorer *s, const char *text, size_t n, tokens *out,
                          weir_error *err) {
    weir_encode_options o = {.no_control = true};
    size_t n_first = s->words.add_bos && s->words.bos >= 0;
    out->id = malloc((n + 3) * sizeof *out->id);
    if (!out->id)
        return no_memory(err);
    if (n_first)
        out->id[0] = s->words.bos;
    WEIR_TRY(
        weir_tokenizer_encode(s->tokenizer, text, n, &o, out->id + n_first, n + 2, &out->n, err));
    out->n += n_first;
    return WEIR_STATUS_OK;
}

static size_t common(const int32_t *a, size_t n_a, const int32_t *b, size_t n_b) {
    size_t n = 0;
    while (n < n_a && n < n_b && a[n] == b[n])
        n++;
    return n;
}

/* Tokens of context and choice together, as a reader meets them. Where a token spans the border it
 * is scored with the choice, so that nothing of the choice is left out. */
static weir_status encode_choice(const weir_choice_scorer *s, weir_text_buffer *text,
                                 const tokens *context, const weir_choice_row *row, uint32_t i,
                                 weir_choice_style style, tokens *out, uint32_t *n_bytes,
                                 weir_error *err) {
    size_t n_context = text->n;
    weir_choice_continuation(text, row, i, style);
    WEIR_TRY(weir_text_buffer_check(text, "a question", err));
    *n_bytes = (uint32_t)(text->n - n_context - (row->shape != WEIR_CHOICE_PLAIN));
    WEIR_TRY(encode(s, text->data, text->n, out, err));
    text->n = n_context;
    text->data[n_context] = 0;
    out->from = common(out->id, out->n, context->id, context->n);
    if (out->from == out->n || out->from == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "line %llu: choice %u: %s",
                         (unsigned long long)row->line, i + 1,
                         out->from == 0 ? "nothing stands before it" : "it is empty");
    return WEIR_STATUS_OK;
}

/* Leaves out of all of them as many tokens at the beginning as the longest has too many, but not
 * the one that begins texts. */
static weir_status fit(const weir_choice_scorer *s, tokens *choices, uint32_t n, size_t shared,
                       uint32_t *n_cut, weir_error *err) {
    size_t longest = 0, first = s->words.add_bos && s->words.bos >= 0;
    for (uint32_t i = 0; i < n; i++)
        longest = choices[i].n > longest ? choices[i].n : longest;
    *n_cut = longest > s->n_ctx ? (uint32_t)(longest - s->n_ctx) : 0;
    if (*n_cut == 0)
        return WEIR_STATUS_OK;
    if (first + *n_cut + 1 > shared)
        return weir_fail(err, WEIR_STATUS_FULL,
                         "a choice of %zu tokens behind %zu does not fit in a context of %u",
                         longest - shared, shared, s->n_ctx);
    for (uint32_t i = 0; i < n; i++) {
        tokens *t = &choices[i];
        memmove(t->id + first, t->id + first + *n_cut, (t->n - first - *n_cut) * sizeof *t->id);
        t->n -= *n_cut;
        t->from -= *n_cut;
    }
    return WEIR_STATUS_OK;
}

/* ---- one question --------------------------------------------------------------------------- */

static weir_status put_shared(weir_choice_scorer *s, const int32_t *ids, size_t n,
                              weir_error *err) {
    size_t kept = common(ids, n, weir_seq_tokens(s->seq), weir_seq_n_tokens(s->seq));
    if (kept == n && weir_seq_n_tokens(s->seq) > n)
        kept = n - 1; /* the last one is run again, for its logits */
    WEIR_TRY(weir_seq_rewind(s->seq, kept, err));
    WEIR_TRY(weir_seq_append(s->seq, ids + kept, n - kept, err));
    WEIR_TRY(weir_seq_run(s->seq, err));
    memcpy(s->last, weir_seq_logits(s->seq), s->n_vocab * sizeof *s->last);
    return WEIR_STATUS_OK;
}

/* Adds what the row of logits after token number `at` says of the next one, if that is scored. */
static void add_row(const weir_choice_scorer *s, const tokens *t, size_t at, const float *logits,
                    double *log_p) {
    if (at + 1 >= t->from && at + 1 < t->n)
        *log_p -= weir_eval_nats(logits, s->n_vocab, t->id[at + 1]);
}

/* Some choices at once, each on a fork: steps until none has anything left to run. The last token
 * of a choice is only scored, never run. */
static weir_status run_forks(weir_choice_scorer *s, weir_seq *const *forks, const uint32_t *which,
                             uint32_t n, const tokens *choices, size_t shared,
                             weir_choice_score *out, weir_error *err) {
    size_t done[FORKS] = {0};
    for (;;) {
        weir_chunk chunks[FORKS];
        uint32_t used[FORKS], n_chunks = 0, room = s->n_batch;
        for (uint32_t i = 0; i < n && room > 0; i++) {
            size_t left = weir_seq_n_pending(forks[i]);
            uint32_t run = left < room ? (uint32_t)left : room;
            if (run == 0)
                continue;
            chunks[n_chunks] =
                (weir_chunk){.seq = forks[i],
                             .n_tokens = run,
                             .logits = s->logits + (size_t)(s->n_batch - room) * s->n_vocab};
            used[n_chunks++] = i;
            room -= run;
        }
        if (n_chunks == 0)
            return WEIR_STATUS_OK;
        WEIR_TRY(weir_engine_step(s->engine, chunks, n_chunks, err));
        for (uint32_t k = 0; k < n_chunks; k++) {
            uint32_t i = used[k], choice = which[i];
            for (uint32_t row = 0; row < chunks[k].n_tokens; row++)
                add_row(s, &choices[choice], shared + done[i] + row,
                        chunks[k].logits + (size_t)row * s->n_vocab, &out->log_p[choice]);
            done[i] += chunks[k].n_tokens;
        }
    }
}

static weir_status score_group(weir_choice_scorer *s, const uint32_t *which, uint32_t n,
                               const tokens *choices, size_t shared, weir_choice_score *out,
                               weir_error *err) {
    weir_seq *forks[FORKS] = {NULL};
    weir_status status = WEIR_STATUS_OK;
    for (uint32_t i = 0; i < n; i++) {
        const tokens *t = &choices[which[i]];
        WEIR_TRY_GOTO(weir_seq_fork(&forks[i], s->seq, err));
        WEIR_TRY_GOTO(weir_seq_append(forks[i], t->id + shared, t->n - 1 - shared, err));
    }
    WEIR_TRY_GOTO(run_forks(s, forks, which, n, choices, shared, out, err));
fail:
    for (uint32_t i = 0; i < FORKS; i++)
        weir_seq_close(&forks[i]);
    return status;
}

/* A choice of one token needs no fork: what comes after the context tells all of it. */
static weir_status score_choices(weir_choice_scorer *s, const tokens *choices, uint32_t n,
                                 size_t shared, weir_choice_score *out, weir_error *err) {
    uint32_t which[FORKS], n_group = 0, pages = 0;
    for (uint32_t i = 0; i < n; i++) {
        const tokens *t = &choices[i];
        add_row(s, t, shared - 1, s->last, &out->log_p[i]);
        if (t->n - shared < 2)
            continue;
        uint32_t more = pages_of(t->n - shared) + 1;
        if (n_group == FORKS || (n_group > 0 && pages + more > PAGES_OF_FORKS)) {
            WEIR_TRY(score_group(s, which, n_group, choices, shared, out, err));
            n_group = pages = 0;
        }
        which[n_group++] = i;
        pages += more;
    }
    return n_group > 0 ? score_group(s, which, n_group, choices, shared, out, err) : WEIR_STATUS_OK;
}

static weir_status score_all(weir_choice_scorer *s, tokens *choices, uint32_t n,
                             weir_choice_score *out, weir_error *err) {
    size_t shared = choices[0].from;
    for (uint32_t i = 1; i < n; i++)
        shared = choices[i].from < shared ? choices[i].from : shared;
    WEIR_TRY(fit(s, choices, n, shared, &out->n_cut, err));
    shared -= out->n_cut;
    for (uint32_t i = 0; i < n; i++)
        out->n_tokens[i] = (uint32_t)(choices[i].n - choices[i].from);
    WEIR_TRY(put_shared(s, choices[0].id, shared, err));
    return score_choices(s, choices, n, shared, out, err);
}

weir_status weir_choice_scorer_score(weir_choice_scorer *s, const weir_choice_row *row,
                                     const weir_choice_row *const *shots, size_t n_shots,
                                     weir_choice_style style, weir_choice_score *out,
                                     weir_error *err) {
    weir_text_buffer text = {0};
    tokens context = {0}, choices[WEIR_CHOICE_MOST] = {{0}};
    weir_status status;
    *out = (weir_choice_score){0};
    weir_text_buffer_room(&text, 1); /* there is a text, even if it is empty */
    weir_choice_context(&text, row, shots, n_shots, style);
    WEIR_TRY_GOTO(weir_text_buffer_check(&text, "a question", err));
    WEIR_TRY_GOTO(encode(s, text.data, text.n, &context, err));
    for (uint32_t i = 0; i < row->n_choices; i++)
        WEIR_TRY_GOTO(
            encode_choice(s, &text, &context, row, i, style, &choices[i], &out->n_bytes[i], err));
    WEIR_TRY_GOTO(score_all(s, choices, row->n_choices, out, err));
    for (uint32_t i = 0; i < row->n_choices; i++)
        if (!isfinite(out->log_p[i]))
            status = weir_fail(err, WEIR_STATUS_FAILED, "a logit is no finite number");
fail:
    weir_text_buffer_free(&text);
    free(context.id);
    for (uint32_t i = 0; i < row->n_choices; i++)
        free(choices[i].id);
    if (weir_interrupted())
        return weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
    return status;
}
