/*
 * runner_kit.h: for tests of the runner: hosts with the small model, jobs, an ear that writes down
 * what is told, and the oracle: the same answer made by tools/answer.c, alone, on an engine of its
 * own.
 */
#ifndef WEIR_TESTS_RUNNER_KIT_H
#define WEIR_TESTS_RUNNER_KIT_H

#include "engine/engine.h"
#include "runner.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define KIT_MODEL WEIR_TEST_DATA "/../../models/weir-nano.gguf"

enum { KIT_CHOICES = 16, KIT_TOKENS = 2048 };

static weir_error kit_err;

#define KIT_OK(call)                                                 \
    do {                                                             \
        if ((call) != WEIR_STATUS_OK)                                \
            fail_msg("%s:%d: %s", __FILE__, __LINE__, kit_err.text); \
    } while (0)

/* 0, or what a test program returns that cannot run. */
static inline int kit_skip(void) {
    if (access(KIT_MODEL, R_OK) == 0)
        return 0;
    printf("skipped: there is no %s\n", KIT_MODEL);
    return 77;
}

static inline double kit_cheap_rows(void *context, uint32_t n_rows) {
    (void)context;
    return 1 + 0.02 * n_rows;
}

/* An engine whose timelines may guess so many tokens, and find that rows are cheap. */
static inline weir_host *kit_host_that_guesses(const weir_engine_options *engine,
                                               uint32_t n_lookup) {
    weir_host_options options = {.model_path = KIT_MODEL, .engine = *engine, .n_lookup = n_lookup};
    options.engine.no_pin = true;
    weir_host *host;
    KIT_OK(weir_host_open(&host, &options, &kit_err));
    KIT_OK(weir_host_load(host, &kit_err));
    host->engine->drafts.price = kit_cheap_rows;
    return host;
}

static inline weir_host *kit_host(const weir_engine_options *engine) {
    return kit_host_that_guesses(engine, 0);
}

/* ---- jobs --------------------------------------------------------------------------------- */

static inline weir_prompt kit_chat_prompt(const weir_host *host, const char *words) {
    weir_prompt prompt;
    weir_message message = {.role = WEIR_ROLE_USER,
                            .content = weir_text_copy(words, strlen(words)),
                            .n_content = strlen(words)};
    weir_conversation conversation = {.started = 1700000000};
    KIT_OK(weir_conversation_add(&conversation, &message, &kit_err));
    KIT_OK(weir_prompt_make(&prompt, host, &conversation, true, &kit_err));
    weir_conversation_free(&conversation);
    return prompt;
}

static inline weir_prompt kit_plain_prompt(const weir_host *host, const char *words) {
    weir_prompt prompt;
    KIT_OK(weir_prompt_make_plain(&prompt, host, words, strlen(words), &kit_err));
    return prompt;
}

/* Tokens that no text has to make. */
static inline weir_prompt kit_token_prompt(size_t n, uint32_t seed) {
    weir_prompt prompt = {.ids = malloc(n * sizeof(int32_t)), .n_ids = n};
    assert_non_null(prompt.ids);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        prompt.ids[i] = (int32_t)(100 + (seed >> 8) % 3900);
    }
    return prompt;
}

/* One choice of one prompt, which it takes over; warm, with a seed. */
static inline weir_job kit_job(weir_prompt prompt, uint64_t seed, uint32_t max_tokens) {
    weir_job job = {.n_prompts = 1, .n_choices = 1, .is_plain = prompt.n_opening == 0};
    job.prompt = malloc(sizeof *job.prompt);
    assert_non_null(job.prompt);
    job.prompt[0] = prompt;
    weir_settings_default(&job.settings, NULL, NULL);
    job.settings.sampling.temperature = 0.9f;
    job.settings.sampling.top_k = 40;
    job.settings.sampling.repetition_penalty = 1.05f;
    job.settings.sampling.seed = seed;
    job.settings.has_seed = true;
    job.settings.max_tokens = max_tokens;
    return job;
}

static inline void kit_add_stop(weir_job *job, const char *text) {
    KIT_OK(weir_settings_set(&job->settings, "stop", text, &kit_err));
}

/* ---- an ear ------------------------------------------------------------------------------- */

typedef struct heard_choice {
    weir_text_buffer content, reasoning, calls;
    int32_t token[KIT_TOKENS]; /* [n_tokens] of on_token */
    float logprob[KIT_TOKENS];
    float second[KIT_TOKENS]; /* logprob of the second of the alternatives */
    size_t n_tokens;
    uint32_t n_ends;
    weir_answer answer;
    bool is_valid;
    weir_text_buffer whole; /* content of the message */
} heard_choice;

typedef struct heard {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    heard_choice *choice; /* [KIT_CHOICES] */
    weir_runner *runner;  /* to cancel in, else NULL */
    size_t cancel_at;     /* pieces after which it does */
    uint64_t id;
    int32_t prompt_token[KIT_TOKENS]; /* [n_prompt_tokens] */
    float prompt_logprob[KIT_TOKENS];
    int32_t prompt_top[KIT_TOKENS]; /* the likeliest instead; -1: none was told */
    uint32_t prompt_rank[KIT_TOKENS];
    size_t n_prompt_tokens;
    size_t n_progress, n_pieces;
    size_t n_done, n_cached; /* of the last on_progress */
    uint32_t n_on_end;
    weir_status status;
    char words[WEIR_ERROR_TEXT]; /* of the error */
    weir_job_times times;
} heard;

static inline void kit_on_progress(void *context, uint32_t prompt, size_t n_done, size_t n_cached,
                                   size_t n_prompt) {
    heard *h = context;
    (void)prompt;
    assert_true(n_done <= n_prompt && n_cached <= n_done && h->n_on_end == 0);
    h->n_progress++;
    h->n_done = n_done;
    h->n_cached = n_cached;
}

static inline void kit_on_prompt_token(void *context, uint32_t prompt, size_t i,
                                       const weir_token_report *report) {
    heard *h = context;
    (void)prompt;
    assert_int_equal(i, h->n_prompt_tokens);
    assert_true(i < KIT_TOKENS);
    h->prompt_token[i] = report->drawn.token;
    h->prompt_logprob[i] = report->drawn.logprob;
    h->prompt_top[i] = report->n_top > 0 ? report->top[0].token : -1;
    h->prompt_rank[i] = report->rank;
    h->n_prompt_tokens++;
}

static inline void kit_on_token(void *context, uint32_t choice, const weir_token_report *report) {
    heard_choice *c = &((heard *)context)->choice[choice];
    assert_true(c->n_tokens < KIT_TOKENS);
    c->token[c->n_tokens] = report->drawn.token;
    c->logprob[c->n_tokens] = report->drawn.logprob;
    c->second[c->n_tokens] = report->n_top > 1 ? report->top[1].logprob : 0;
    c->n_tokens++;
}

static inline void kit_on_piece(void *context, uint32_t choice, weir_piece kind, const char *text,
                                size_t n) {
    heard *h = context;
    heard_choice *c = &h->choice[choice];
    assert_int_equal(h->n_on_end, 0);
    assert_int_equal(c->n_ends, 0);
    if (kind == WEIR_PIECE_WARNING)
        return;
    weir_text_buffer_add(kind == WEIR_PIECE_CONTENT     ? &c->content
                         : kind == WEIR_PIECE_REASONING ? &c->reasoning
                                                        : &c->calls,
                         text, n);
    if (++h->n_pieces == h->cancel_at && h->runner)
        weir_runner_cancel(h->runner, h->id);
}

static inline void kit_on_choice_end(void *context, uint32_t choice, weir_choice_end *end) {
    heard *h = context;
    heard_choice *c = &h->choice[choice];
    assert_int_equal(h->n_on_end, 0);
    c->n_ends++;
    c->answer = end->answer;
    c->is_valid = end->is_valid;
    weir_text_buffer_add(&c->whole, end->message->content, end->message->n_content);
}

static inline void kit_on_end(void *context, weir_status status, const weir_error *err,
                              const weir_job_times *times) {
    heard *h = context;
    pthread_mutex_lock(&h->mutex);
    h->n_on_end++;
    h->status = status;
    if (status != WEIR_STATUS_OK)
        memcpy(h->words, err->text, sizeof h->words);
    h->times = *times;
    pthread_cond_signal(&h->changed);
    pthread_mutex_unlock(&h->mutex);
}

static inline heard *kit_ear(void) {
    heard *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->choice = calloc(KIT_CHOICES, sizeof *h->choice);
    assert_non_null(h->choice);
    pthread_mutex_init(&h->mutex, NULL);
    pthread_cond_init(&h->changed, NULL);
    return h;
}

static inline void kit_ear_free(heard *h) {
    for (size_t i = 0; i < KIT_CHOICES; i++) {
        weir_text_buffer_free(&h->choice[i].content);
        weir_text_buffer_free(&h->choice[i].reasoning);
        weir_text_buffer_free(&h->choice[i].calls);
        weir_text_buffer_free(&h->choice[i].whole);
    }
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->mutex);
    free(h->choice);
    free(h);
}

static inline weir_job_events kit_events(heard *h) {
    return (weir_job_events){.context = h,
                             .on_progress = kit_on_progress,
                             .on_prompt_token = kit_on_prompt_token,
                             .on_token = kit_on_token,
                             .on_piece = kit_on_piece,
                             .on_choice_end = kit_on_choice_end,
                             .on_end = kit_on_end};
}

static inline weir_status kit_submit(weir_runner *runner, weir_job *job, heard *h) {
    weir_job_events events = kit_events(h);
    return weir_runner_submit(runner, job, &events, &h->id, &kit_err);
}

static inline void kit_wait(heard *h) {
    pthread_mutex_lock(&h->mutex);
    while (h->n_on_end == 0)
        pthread_cond_wait(&h->changed, &h->mutex);
    pthread_mutex_unlock(&h->mutex);
}

static inline heard *kit_run(weir_runner *runner, weir_job job) {
    heard *h = kit_ear();
    KIT_OK(kit_submit(runner, &job, h));
    kit_wait(h);
    return h;
}

/* ---- all at once -------------------------------------------------------------------------- */

/* A job of one token that holds the runner's thread until it is released, so that the jobs which
 * are submitted meanwhile begin in one round, however slow the machine is. */
typedef struct held_runner {
    pthread_mutex_t gate;
    heard *ear;
} held_runner;

static inline void kit_on_held_progress(void *context, uint32_t prompt, size_t n_done,
                                        size_t n_cached, size_t n_prompt) {
    held_runner *holding = context;
    (void)prompt;
    (void)n_done;
    (void)n_cached;
    (void)n_prompt;
    pthread_mutex_lock(&holding->gate);
    pthread_mutex_unlock(&holding->gate);
}

static inline void kit_on_held_end(void *context, weir_status status, const weir_error *err,
                                   const weir_job_times *times) {
    kit_on_end(((held_runner *)context)->ear, status, err, times);
}

static inline void kit_hold(held_runner *holding, weir_runner *runner) {
    weir_job job = kit_job(kit_token_prompt(1, 1), 1, 0);
    weir_job_events events = {
        .context = holding, .on_progress = kit_on_held_progress, .on_end = kit_on_held_end};
    holding->ear = kit_ear();
    pthread_mutex_init(&holding->gate, NULL);
    pthread_mutex_lock(&holding->gate);
    KIT_OK(weir_runner_submit(runner, &job, &events, &holding->ear->id, &kit_err));
}

static inline void kit_release(held_runner *holding) {
    pthread_mutex_unlock(&holding->gate);
    kit_wait(holding->ear);
    kit_ear_free(holding->ear);
    pthread_mutex_destroy(&holding->gate);
}

/* ---- the oracle --------------------------------------------------------------------------- */

static inline void oracle_on_piece(void *context, weir_piece kind, const char *text, size_t n) {
    kit_on_piece(context, 0, kind, text, n);
}

static inline void oracle_on_token(void *context, const weir_token_report *report) {
    kit_on_token(context, 0, report);
}

/* What `weir run` would answer to prompt p with the seed of choice k. */
static inline heard *kit_expect(const weir_host *alone, const weir_job *job, size_t p, uint32_t k) {
    heard *h = kit_ear();
    weir_seq *seq;
    weir_message message;
    const weir_prompt *prompt = &job->prompt[p];
    weir_answer_options options = {.settings = &job->settings,
                                   .tools = &job->tools,
                                   .is_plain = job->is_plain,
                                   .seed = job->settings.sampling.seed + k};
    if (!job->is_plain && prompt->n_opening > 0) {
        options.opening = prompt->text + prompt->n_text - prompt->n_opening;
        options.n_opening = prompt->n_opening;
    }
    weir_answer_events events = {.context = h,
                                 .on_piece = oracle_on_piece,
                                 .on_token = job->wants_logprobs ? oracle_on_token : NULL,
                                 .n_top = job->n_top};
    KIT_OK(weir_seq_open(&seq, alone->engine, &kit_err));
    KIT_OK(weir_seq_append(seq, prompt->ids, prompt->n_ids, &kit_err));
    KIT_OK(
        weir_answer_make(&h->choice[0].answer, &message, alone, seq, &options, &events, &kit_err));
    weir_text_buffer_add(&h->choice[0].whole, message.content, message.n_content);
    weir_message_free(&message);
    weir_seq_close(&seq);
    return h;
}

static inline void kit_same_text(const weir_text_buffer *a, const weir_text_buffer *b) {
    assert_int_equal(a->n, b->n);
    if (a->n > 0)
        assert_memory_equal(a->data, b->data, a->n);
}

/* Bit for bit. */
static inline void kit_same(const heard_choice *a, const heard_choice *b) {
    kit_same_text(&a->content, &b->content);
    kit_same_text(&a->reasoning, &b->reasoning);
    kit_same_text(&a->calls, &b->calls);
    kit_same_text(&a->whole, &b->whole);
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_memory_equal(a->token, b->token, a->n_tokens * sizeof a->token[0]);
    assert_memory_equal(a->logprob, b->logprob, a->n_tokens * sizeof a->logprob[0]);
    assert_memory_equal(a->second, b->second, a->n_tokens * sizeof a->second[0]);
    assert_int_equal(a->answer.end, b->answer.end);
    assert_int_equal(a->answer.stop_string, b->answer.stop_string);
    assert_int_equal(a->answer.n_prompt, b->answer.n_prompt);
    assert_int_equal(a->answer.n_generated, b->answer.n_generated);
    assert_int_equal(a->answer.n_reasoning, b->answer.n_reasoning);
    assert_int_equal(a->answer.seed, b->answer.seed);
}

#endif
