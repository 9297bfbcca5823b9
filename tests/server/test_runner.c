/*
 * test_runner.c: what the runner promises one job: the answer of `weir run`, its limits and ends,
 * probabilities, what is refused, and numbers that add up. Company is in test_runner_company.c.
 */
#include "runner_kit.h"

#include "runner_rates.h"

#include <math.h>
#include <stdatomic.h>

static weir_host *host, *alone;

static int open_hosts(void **state) {
    (void)state;
    host = kit_host(&(weir_engine_options){.n_ctx = 384, .n_seqs = 8, .n_threads = 2});
    alone =
        kit_host(&(weir_engine_options){.n_ctx = 384, .n_seqs = 1, .n_threads = 1, .n_out = 384});
    return 0;
}

static int close_hosts(void **state) {
    (void)state;
    weir_host_close(&host);
    weir_host_close(&alone);
    return 0;
}

static weir_runner *open_runner(const weir_runner_options *options) {
    weir_runner *runner;
    KIT_OK(weir_runner_open(&runner, host, options, &kit_err));
    return runner;
}

/* Runs the job and compares it with the oracle's answer; both are freed but what is returned. */
static heard *run_and_compare(weir_runner *runner, weir_job job) {
    heard *expected = kit_expect(alone, &job, 0, 0);
    heard *h = kit_run(runner, job);
    assert_int_equal(h->status, WEIR_STATUS_OK);
    assert_int_equal(h->choice[0].n_ends, 1);
    kit_same(&h->choice[0], &expected->choice[0]);
    kit_ear_free(expected);
    return h;
}

/* ---- answers ------------------------------------------------------------------------------ */

static void an_answer_is_that_of_weir_run(void **state) {
    (void)state;
    static const float temperatures[] = {0, 0.7f, 1.5f};
    weir_runner *runner = open_runner(NULL);
    for (size_t i = 0; i < 3; i++) {
        weir_job job = kit_job(kit_chat_prompt(host, "Tell me about a fox."), 11 + i, 60);
        job.is_plain = false;
        job.settings.sampling.temperature = temperatures[i];
        job.settings.sampling.presence_penalty = i == 1 ? 0.5f : 0;
        job.wants_logprobs = true;
        job.n_top = 5;
        heard *h = run_and_compare(runner, job);
        assert_true(h->choice[0].n_tokens > 0);
        assert_int_equal(h->times.n_generated, h->choice[0].answer.n_generated);
        assert_true(h->times.first_token_s > 0 && h->times.total_s >= h->times.first_token_s);
        assert_int_equal(h->n_done, h->times.n_prompt);
        kit_ear_free(h);
    }
    weir_runner_close(&runner);
}

static void a_prompt_that_was_run_is_not_run_again(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    size_t n_cached[2];
    for (size_t i = 0; i < 2; i++) {
        heard *h = run_and_compare(runner, kit_job(kit_token_prompt(200, 5), 3, 20));
        n_cached[i] = h->times.n_cached;
        assert_int_equal(h->choice[0].answer.n_cached, n_cached[i]);
        assert_int_equal(h->n_cached, n_cached[i]);
        kit_ear_free(h);
    }
    assert_int_equal(n_cached[0], 0);
    assert_in_range(n_cached[1], 192, 199);
    weir_runner_close(&runner);
}

static void limits_end_an_answer(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    heard *h = run_and_compare(runner, kit_job(kit_token_prompt(30, 1), 1, 7));
    assert_int_equal(h->choice[0].answer.end, WEIR_ANSWER_LENGTH);
    assert_int_equal(h->choice[0].answer.n_generated, 7);
    kit_ear_free(h);
    h = run_and_compare(runner, kit_job(kit_token_prompt(30, 2), 1, 0));
    assert_int_equal(h->choice[0].answer.end, WEIR_ANSWER_LENGTH);
    assert_int_equal(h->choice[0].answer.n_generated, 0);
    assert_true(h->times.first_token_s <= 0);
    assert_int_equal(h->n_done, 30);
    kit_ear_free(h);
    for (size_t n = 370; n <= 384; n += 14) { /* the context is full */
        weir_job job = kit_job(kit_token_prompt(n, 3), 1, WEIR_NO_LIMIT);
        job.settings.ignore_eos = true;
        h = run_and_compare(runner, job);
        assert_int_equal(h->choice[0].answer.end, WEIR_ANSWER_FULL);
        assert_int_equal(h->choice[0].answer.n_generated, 384 - n);
        kit_ear_free(h);
    }
    weir_runner_close(&runner);
}

/* The text of an answer that nothing stops, to find stops in. */
static char *long_text(weir_runner *runner, uint64_t seed) {
    weir_job job = kit_job(kit_plain_prompt(host, "Once upon a time"), seed, 60);
    job.settings.ignore_eos = true;
    heard *h = run_and_compare(runner, job);
    char *text = weir_text_copy(h->choice[0].content.data, h->choice[0].content.n);
    kit_ear_free(h);
    return text;
}

static void a_stop_string_ends_an_answer_and_is_not_shown(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    for (uint64_t seed = 1; seed < 6; seed++) {
        char *text = long_text(runner, seed), stop[5] = {0};
        assert_true(strlen(text) > 60);
        size_t at = 30 + seed;
        while (((unsigned char)text[at] & 0xc0) == 0x80) /* at the beginning of a code point */
            at++;
        memcpy(stop, text + at, 4);
        weir_job job = kit_job(kit_plain_prompt(host, "Once upon a time"), seed, 60);
        job.settings.ignore_eos = true;
        kit_add_stop(&job, "no such words in it");
        kit_add_stop(&job, stop);
        heard *h = run_and_compare(runner, job);
        const heard_choice *c = &h->choice[0];
        assert_int_equal(c->answer.end, WEIR_ANSWER_STOP);
        assert_int_equal(c->answer.stop_string, 1);
        assert_ptr_equal(strstr(text, stop), text + c->content.n);
        assert_memory_equal(c->content.data, text, c->content.n);
        kit_ear_free(h);
        free(text);
    }
    weir_runner_close(&runner);
}

/* A job whose model would end at once, were it let. */
static weir_job eager_job(uint64_t seed) {
    weir_job job = kit_job(kit_plain_prompt(host, "Once upon a time"), seed, 40);
    job.wants_logprobs = true;
    job.bias = malloc(sizeof *job.bias);
    assert_non_null(job.bias);
    job.bias[0] = (weir_logit_bias){host->tokens.eos, 100};
    job.settings.sampling.bias = job.bias;
    job.settings.sampling.n_bias = 1;
    return job;
}

static void end_tokens_wait_for_min_tokens(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    heard *h = run_and_compare(runner, eager_job(4));
    assert_int_equal(h->choice[0].answer.n_generated, 1);
    assert_int_equal(h->choice[0].answer.end, WEIR_ANSWER_STOP);
    assert_int_equal(h->choice[0].content.n, 0);
    kit_ear_free(h);
    weir_job job = eager_job(4);
    job.min_tokens = 12;
    h = kit_run(runner, job);
    assert_int_equal(h->choice[0].answer.n_generated, 13);
    assert_int_equal(h->choice[0].answer.end, WEIR_ANSWER_STOP);
    for (size_t i = 0; i < 12; i++)
        assert_false(weir_host_ends_at(host, h->choice[0].token[i]));
    kit_ear_free(h);
    job = eager_job(4);
    job.settings.ignore_eos = true;
    h = run_and_compare(runner, job);
    assert_int_equal(h->choice[0].answer.n_generated, 40);
    assert_int_equal(h->choice[0].answer.end, WEIR_ANSWER_LENGTH);
    kit_ear_free(h);
    weir_runner_close(&runner);
}

static void stop_tokens_end_an_answer(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    weir_job job = kit_job(kit_plain_prompt(host, "Once upon a time"), 9, 30);
    job.wants_logprobs = true;
    heard *free_one = run_and_compare(runner, job);
    const heard_choice *c = &free_one->choice[0];
    assert_true(c->n_tokens > 10);
    int32_t stop = c->token[8];
    size_t first = 0;
    while (c->token[first] != stop)
        first++;
    for (int keeps_away = 0; keeps_away < 2; keeps_away++) {
        job = kit_job(kit_plain_prompt(host, "Once upon a time"), 9, 30);
        job.wants_logprobs = true;
        job.stop_tokens = malloc(sizeof *job.stop_tokens);
        job.stop_tokens[0] = stop;
        job.n_stop_tokens = 1;
        job.min_tokens = keeps_away ? (uint32_t)first + 1 : 0;
        heard *h = kit_run(runner, job);
        const heard_choice *stopped = &h->choice[0];
        if (keeps_away) {
            assert_true(stopped->token[first] != stop);
        } else {
            assert_int_equal(stopped->answer.end, WEIR_ANSWER_STOP);
            assert_int_equal(stopped->n_tokens, first + 1);
            assert_memory_equal(stopped->token, c->token, (first + 1) * sizeof c->token[0]);
            assert_true(stopped->content.n < c->content.n);
            assert_memory_equal(stopped->content.data, c->content.data, stopped->content.n);
        }
        kit_ear_free(h);
    }
    kit_ear_free(free_one);
    weir_runner_close(&runner);
}

/* A prompt that opens the thoughts of its answer, as templates of thinking models do. */
static void a_budget_ends_thinking(void **state) {
    (void)state;
    static const char words[] = "Once upon a time<think>\n";
    static const uint32_t budgets[] = {0, 5, WEIR_NO_LIMIT};
    weir_runner *runner = open_runner(NULL);
    for (size_t i = 0; i < 3; i++) {
        weir_job job = kit_job(kit_plain_prompt(host, words), 21, 40);
        job.is_plain = false;
        job.prompt[0].n_opening = strlen("<think>\n");
        job.settings.think_budget = budgets[i];
        job.settings.think = i == 0 ? WEIR_THINK_OFF : WEIR_THINK_SHOW;
        job.settings.ignore_eos = true;
        job.wants_logprobs = true;
        heard *h = run_and_compare(runner, job);
        const heard_choice *c = &h->choice[0];
        assert_int_equal(c->answer.n_reasoning, i == 2 ? 40 : budgets[i]);
        assert_true((c->content.n > 0) == (i < 2));
        kit_ear_free(h);
    }
    weir_runner_close(&runner);
}

static void without_a_seed_each_job_draws_one(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    uint64_t seeds[2];
    for (size_t i = 0; i < 2; i++) {
        weir_job job = kit_job(kit_token_prompt(20, 1), 1, 3);
        job.settings.has_seed = false;
        job.n_choices = 2;
        heard *h = kit_run(runner, job);
        seeds[i] = h->choice[0].answer.seed;
        assert_true(h->choice[1].answer.seed == seeds[i] + 1);
        kit_ear_free(h);
    }
    assert_true(seeds[0] != seeds[1]);
    weir_runner_close(&runner);
}

static void a_grammar_binds_the_answer(void **state) {
    (void)state;
    static const char source[] = "[0-9]{9}";
    weir_runner *runner = open_runner(NULL);
    for (uint32_t max_tokens = 2; max_tokens <= 30; max_tokens += 28) {
        weir_job job = kit_job(kit_plain_prompt(host, "Once upon a time"), 9, max_tokens);
        job.min_tokens = 20; /* a grammar that is at its end has the last word */
        KIT_OK(weir_grammar_open(&job.grammar, WEIR_GRAMMAR_REGEX, source, strlen(source), NULL,
                                 &kit_err));
        heard *h = kit_run(runner, job);
        const heard_choice *c = &h->choice[0];
        assert_int_equal(h->status, WEIR_STATUS_OK);
        assert_true(c->content.n > 0);
        assert_int_equal(strspn(c->content.data, "0123456789"), c->content.n);
        assert_int_equal(c->is_valid, c->content.n == 9);
        assert_int_equal(c->answer.end, c->is_valid ? WEIR_ANSWER_STOP : WEIR_ANSWER_LENGTH);
        assert_int_equal(c->is_valid, max_tokens == 30);
        kit_ear_free(h);
    }
    weir_runner_close(&runner);
}

/* ---- probabilities of prompts ------------------------------------------------------------- */

static float logprob_of(const float *logits, uint32_t n_vocab, int32_t token) {
    double largest = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n_vocab; i++)
        largest = fmax(largest, (double)logits[i]);
    for (uint32_t i = 0; i < n_vocab; i++)
        sum += exp((double)logits[i] - largest);
    return (float)((double)logits[token] - (largest + log(sum)));
}

static int32_t likeliest(const float *logits, uint32_t n_vocab) {
    int32_t best = 0;
    for (uint32_t i = 1; i < n_vocab; i++)
        best = logits[i] > logits[best] ? (int32_t)i : best;
    return best;
}

static void check_prompt_logprobs(const heard *h, const weir_prompt *prompt) {
    weir_model_info info;
    weir_model_get_info(alone->model, &info);
    float *logits = malloc(prompt->n_ids * info.n_vocab * sizeof *logits);
    assert_non_null(logits);
    weir_seq *seq;
    KIT_OK(weir_seq_open(&seq, alone->engine, &kit_err));
    for (size_t i = 0; i < prompt->n_ids; i++) { /* token by token */
        KIT_OK(weir_seq_append(seq, &prompt->ids[i], 1, &kit_err));
        KIT_OK(weir_seq_run(seq, &kit_err));
        memcpy(logits + i * info.n_vocab, weir_seq_logits(seq), info.n_vocab * sizeof *logits);
    }
    weir_seq_close(&seq);
    assert_int_equal(h->n_prompt_tokens, prompt->n_ids);
    assert_true(isnan(h->prompt_logprob[0]));
    assert_int_equal(h->prompt_top[0], -1);
    for (size_t i = 0; i < prompt->n_ids; i++) {
        assert_int_equal(h->prompt_token[i], prompt->ids[i]);
        if (i == 0)
            continue;
        const float *row = logits + (i - 1) * info.n_vocab;
        float expected = logprob_of(row, info.n_vocab, prompt->ids[i]);
        assert_memory_equal(&h->prompt_logprob[i], &expected, sizeof expected);
        assert_int_equal(h->prompt_top[i], likeliest(row, info.n_vocab));
        uint32_t rank = 1;
        for (uint32_t v = 0; v < info.n_vocab; v++)
            rank += row[v] > row[prompt->ids[i]];
        assert_int_equal(h->prompt_rank[i], rank);
    }
    free(logits);
}

/* Whether its beginning is in the pages of others or not. */
static void a_prompt_has_probabilities(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 2, 64, 150};
    weir_runner *runner = open_runner(NULL);
    for (size_t i = 0; i < 4; i++) {
        for (uint32_t max_tokens = 0; max_tokens < 8; max_tokens += 4) {
            weir_job job = kit_job(kit_token_prompt(lengths[i], 7), 1, max_tokens);
            weir_prompt copy = kit_token_prompt(lengths[i], 7);
            job.wants_prompt_logprobs = true;
            job.n_prompt_top = 2;
            heard *h = run_and_compare(runner, job);
            check_prompt_logprobs(h, &copy);
            assert_int_equal(h->times.n_cached, 0);
            weir_prompt_free(&copy);
            kit_ear_free(h);
        }
    }
    weir_runner_close(&runner);
}

/* ---- what is refused ---------------------------------------------------------------------- */

static void refuse(weir_runner *runner, weir_job job, weir_status status, const char *words) {
    heard *h = kit_ear();
    assert_int_equal(kit_submit(runner, &job, h), status);
    if (!strstr(kit_err.text, words))
        fail_msg("expected '%s' in: %s", words, kit_err.text);
    assert_non_null(job.prompt); /* still the caller's */
    weir_job_free(&job);
    assert_int_equal(h->n_on_end, 0);
    kit_ear_free(h);
}

static void what_can_never_run_is_refused(void **state) {
    (void)state;
    weir_runner *runner = open_runner(&(weir_runner_options){.n_queue = 4, .per_key = 6});
    refuse(runner, kit_job(kit_token_prompt(385, 1), 1, 5), WEIR_STATUS_BAD_ARGUMENT,
           "385 tokens, 384");
    weir_job job = kit_job(kit_token_prompt(5, 1), 1, 5);
    job.prompt[0].ids[3] = 4096;
    refuse(runner, job, WEIR_STATUS_BAD_ARGUMENT, "token 4096 at place 3");
    job = kit_job(kit_token_prompt(5, 1), 1, 5);
    job.prompt[0].n_ids = 0;
    refuse(runner, job, WEIR_STATUS_BAD_ARGUMENT, "prompt 0");
    job = kit_job(kit_token_prompt(5, 1), 1, 5);
    job.n_choices = 9;
    refuse(runner, job, WEIR_STATUS_BAD_ARGUMENT, "9 choices");
    job.prompt = malloc(sizeof *job.prompt);
    job.prompt[0] = kit_token_prompt(5, 1);
    job.n_prompts = 1;
    job.n_choices = 7;
    refuse(runner, job, WEIR_STATUS_BAD_ARGUMENT, "a key may have 6");
    job = kit_job(kit_token_prompt(5, 1), 1, 5);
    job.settings.sampling.top_p = 2;
    refuse(runner, job, WEIR_STATUS_BAD_ARGUMENT, "top_p");
    job = kit_job(kit_token_prompt(5, 1), 1, 5);
    job.wants_logprobs = true;
    job.n_top = WEIR_LOGPROBS_MAX + 1;
    refuse(runner, job, WEIR_STATUS_BAD_ARGUMENT, "alternatives");
    weir_runner_close(&runner);
}

static void a_full_queue_says_so(void **state) {
    (void)state;
    weir_runner *runner = open_runner(&(weir_runner_options){.n_queue = 4, .per_key = 7});
    heard *ears[12];
    for (int i = 0; i < 12; i++) {
        weir_job job = kit_job(kit_token_prompt(20, (uint32_t)i), 1, WEIR_NO_LIMIT);
        job.settings.ignore_eos = true;
        job.key = i < 6 ? "a" : NULL;
        ears[i] = kit_ear();
        KIT_OK(kit_submit(runner, &job, ears[i]));
    }
    weir_job job = kit_job(kit_token_prompt(20, 1), 1, 5);
    job.key = "b";
    refuse(runner, job, WEIR_STATUS_FULL, "12 choices run or wait, 12 may");
    double wait_s = weir_runner_wait_s(runner);
    assert_true(wait_s >= 1 && wait_s <= 60);
    weir_runner_cancel(runner, ears[0]->id);
    weir_runner_cancel(runner, ears[11]->id);
    kit_wait(ears[0]);
    kit_wait(ears[11]);
    assert_int_equal(ears[0]->status, WEIR_STATUS_CANCELLED);
    assert_int_equal(ears[11]->status, WEIR_STATUS_CANCELLED);
    assert_int_equal(ears[11]->choice[0].n_ends, 0);
    job = kit_job(kit_token_prompt(20, 1), 1, 5);
    job.n_choices = 2;
    job.key = "";
    KIT_OK(kit_submit(runner, &job, ears[0])); /* the ear is used again, its job has ended */
    job = kit_job(kit_token_prompt(20, 1), 1, 5);
    job.n_choices = 3;
    job.key = "a";
    refuse(runner, job, WEIR_STATUS_FULL, "");
    weir_runner_close(&runner);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(ears[i]->n_on_end, i == 0 ? 2 : 1);
        kit_ear_free(ears[i]);
    }
}

static atomic_uint n_told;

static void count_progress(void *context, uint32_t prompt, size_t n_done, size_t n_cached,
                           size_t n_prompt) {
    (void)context, (void)prompt, (void)n_done, (void)n_cached, (void)n_prompt;
    atomic_fetch_add(&n_told, 1);
}

/* Was the ninth of nine told anything while it waited? No: also if one of the eight before it had
 * filled its context by then. */
static bool is_told_while_it_waits(void) {
    enum { N_RUNNING = 8 }; /* as many as there are timelines */
    atomic_store(&n_told, 0);
    weir_runner *runner = open_runner(&(weir_runner_options){.n_queue = 4});
    weir_runner_stats stats;
    heard *ears[N_RUNNING + 1];
    for (int i = 0; i <= N_RUNNING; i++) {
        weir_job job = kit_job(kit_token_prompt(20, (uint32_t)i), 1, WEIR_NO_LIMIT);
        job.settings.ignore_eos = true;
        ears[i] = kit_ear();
        weir_job_events events = kit_events(ears[i]);
        if (i == N_RUNNING)
            events.on_progress = count_progress;
        KIT_OK(weir_runner_submit(runner, &job, &events, &ears[i]->id, &kit_err));
    }
    while (atomic_load(&n_told) == 0)
        usleep(1000);
    weir_runner_get_stats(runner, &stats);
    weir_runner_close(&runner);
    for (int i = 0; i <= N_RUNNING; i++)
        kit_ear_free(ears[i]);
    return stats.n_waiting == 1;
}

/* So that its connection is not silent: told before it is admitted. */
static void who_waits_is_told_so(void **state) {
    (void)state;
    for (int tries = 0; tries < 20; tries++)
        if (is_told_while_it_waits())
            return;
    fail_msg("told only when it was admitted");
}

/* An answer whose first piece takes more than a second, and what it is told behind it. */
typedef struct slow_answer {
    atomic_uint n_pieces, n_told;
    size_t n_done;
    atomic_bool has_ended;
} slow_answer;

static void take_long(void *context, uint32_t choice, weir_piece kind, const char *text, size_t n) {
    slow_answer *slow = context;
    (void)choice, (void)kind, (void)text, (void)n;
    if (atomic_fetch_add(&slow->n_pieces, 1) == 0)
        usleep(1100000);
}

static void tell_slow(void *context, uint32_t prompt, size_t n_done, size_t n_cached,
                      size_t n_prompt) {
    slow_answer *slow = context;
    (void)prompt, (void)n_cached;
    assert_true(n_done <= n_prompt);
    slow->n_done = n_done;
    atomic_fetch_add(&slow->n_told, atomic_load(&slow->n_pieces) > 0);
}

static void end_slow(void *context, weir_status status, const weir_error *err,
                     const weir_job_times *times) {
    slow_answer *slow = context;
    (void)status, (void)err, (void)times;
    atomic_store(&slow->has_ended, true);
}

/* Its client may have been shown nothing yet, of thoughts that are hidden or for want of room. */
static void who_is_answered_is_told_so(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    slow_answer slow = {0};
    const weir_job_events events = {
        .context = &slow, .on_progress = tell_slow, .on_piece = take_long, .on_end = end_slow};
    uint64_t id;
    weir_job job = kit_job(kit_token_prompt(20, 1), 1, 40);
    job.settings.ignore_eos = true;
    KIT_OK(weir_runner_submit(runner, &job, &events, &id, &kit_err));
    while (!atomic_load(&slow.has_ended))
        usleep(1000);
    weir_runner_close(&runner);
    assert_true(atomic_load(&slow.n_pieces) > 1);
    assert_true(atomic_load(&slow.n_told) > 0);
    assert_int_equal(slow.n_done, 20);
}

static void a_key_has_its_share(void **state) {
    (void)state;
    weir_runner *runner = open_runner(&(weir_runner_options){.per_key = 2});
    heard *ears[3];
    for (int i = 0; i < 3; i++) {
        weir_job job = kit_job(kit_token_prompt(20, (uint32_t)i), 1, WEIR_NO_LIMIT);
        job.settings.ignore_eos = true;
        job.key = i < 2 ? "a" : "b";
        ears[i] = kit_ear();
        KIT_OK(kit_submit(runner, &job, ears[i]));
    }
    weir_job job = kit_job(kit_token_prompt(20, 1), 1, 5);
    job.key = "a";
    refuse(runner, job, WEIR_STATUS_FULL, "this key has 2 choices");
    weir_runner_stats stats;
    weir_runner_get_stats(runner, &stats);
    assert_int_equal(stats.n_jobs_refused, 1);
    weir_runner_close(&runner);
    for (int i = 0; i < 3; i++)
        kit_ear_free(ears[i]);
}

static void a_drained_runner_ends_what_it_has(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    heard *h = kit_ear();
    weir_job job = kit_job(kit_token_prompt(20, 1), 1, 100);
    KIT_OK(kit_submit(runner, &job, h));
    assert_false(weir_runner_is_idle(runner));
    weir_runner_drain(runner);
    refuse(runner, kit_job(kit_token_prompt(20, 1), 1, 5), WEIR_STATUS_CANCELLED, "about to end");
    kit_wait(h);
    assert_int_equal(h->status, WEIR_STATUS_OK);
    assert_int_equal(h->choice[0].n_ends, 1);
    while (!weir_runner_is_idle(runner)) /* on_end is just returning */
        usleep(100);
    weir_runner_close(&runner);
    kit_ear_free(h);
}

static void a_folder_that_is_none_is_refused(void **state) {
    (void)state;
    weir_runner *runner;
    weir_runner_options options = {.pause_path = "/no/such/folder"};
    assert_int_equal(weir_runner_open(&runner, host, &options, &kit_err), WEIR_STATUS_IO);
    assert_null(runner);
    assert_non_null(strstr(kit_err.text, "/no/such/folder"));
}

/* ---- failures and numbers ----------------------------------------------------------------- */

/* Its first draw has nothing to choose from. */
static weir_job hopeless_job(void) {
    enum { N_VOCAB = 4096 };
    weir_job job = kit_job(kit_token_prompt(40, 8), 1, 20);
    job.bias = malloc(N_VOCAB * sizeof *job.bias);
    assert_non_null(job.bias);
    for (int32_t i = 0; i < N_VOCAB; i++)
        job.bias[i] = (weir_logit_bias){i, -INFINITY};
    job.settings.sampling.bias = job.bias;
    job.settings.sampling.n_bias = N_VOCAB;
    return job;
}

static void a_job_that_fails_hurts_nobody(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    weir_job job = kit_job(kit_token_prompt(30, 1), 1, 80), bad = hopeless_job();
    heard *expected = kit_expect(alone, &job, 0, 0), *h = kit_ear(), *failed = kit_ear();
    KIT_OK(kit_submit(runner, &job, h));
    KIT_OK(kit_submit(runner, &bad, failed));
    kit_wait(failed);
    kit_wait(h);
    assert_int_equal(failed->status, WEIR_STATUS_FAILED);
    assert_non_null(strstr(failed->words, "no token is allowed"));
    assert_int_equal(failed->choice[0].n_ends, 0);
    assert_int_equal(h->status, WEIR_STATUS_OK);
    kit_same(&h->choice[0], &expected->choice[0]);
    weir_runner_stats stats;
    weir_runner_get_stats(runner, &stats);
    assert_int_equal(stats.n_jobs_failed, 1);
    weir_runner_close(&runner);
    kit_ear_free(h);
    kit_ear_free(failed);
    kit_ear_free(expected);
}

static void events_may_cancel(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    heard *h = kit_ear();
    h->runner = runner;
    h->cancel_at = 5;
    weir_job job = kit_job(kit_token_prompt(30, 1), 1, WEIR_NO_LIMIT);
    job.settings.ignore_eos = true;
    KIT_OK(kit_submit(runner, &job, h));
    kit_wait(h);
    assert_int_equal(h->status, WEIR_STATUS_CANCELLED);
    assert_int_equal(h->n_pieces, 5);
    assert_int_equal(h->n_on_end, 1);
    weir_runner_cancel(runner, h->id); /* it is gone */
    weir_runner_close(&runner);
    kit_ear_free(h);
}

static void numbers_add_up(void **state) {
    (void)state;
    weir_runner *runner = open_runner(NULL);
    weir_job_times sum = {0};
    for (uint32_t i = 0; i < 6; i++) {
        weir_job job = kit_job(kit_token_prompt(100, i / 2), i, 10 + i);
        job.n_choices = 1 + i % 3;
        heard *h = kit_run(runner, job);
        assert_int_equal(h->times.n_prompt, 100);
        size_t n_generated = 0;
        for (uint32_t k = 0; k < 1 + i % 3; k++)
            n_generated += h->choice[k].answer.n_generated;
        assert_int_equal(h->times.n_generated, n_generated);
        assert_true(h->times.queued_s >= 0 && h->times.queued_s <= h->times.total_s);
        sum.n_prompt += h->times.n_prompt;
        sum.n_cached += h->times.n_cached;
        sum.n_generated += h->times.n_generated;
        kit_ear_free(h);
    }
    weir_runner_stats stats;
    weir_runner_get_stats(runner, &stats);
    assert_int_equal(stats.n_prompt_tokens, sum.n_prompt);
    assert_int_equal(stats.n_cached_tokens, sum.n_cached);
    assert_int_equal(stats.n_generated_tokens, sum.n_generated);
    assert_true(sum.n_cached > 0);
    assert_int_equal(stats.n_jobs, 6);
    assert_int_equal(stats.n_jobs_cancelled + stats.n_jobs_failed + stats.n_jobs_refused, 0);
    assert_int_equal(stats.n_running + stats.n_waiting + stats.n_paused, 0);
    assert_true(stats.engine.n_steps > 0 && stats.last_step_s > 0);
    assert_true(stats.generated_tokens_per_s > 0 && stats.prompt_tokens_per_s > 0);
    assert_true(stats.generated_tokens_per_s <= (double)sum.n_generated / 9);
    weir_runner_close(&runner);
}

static void pages_are_stored_while_nobody_waits(void **state) {
    (void)state;
    char folder[] = "runner_store_XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    weir_host *storing = kit_host(
        &(weir_engine_options){.n_ctx = 384, .n_seqs = 2, .n_threads = 1, .store_folder = folder});
    weir_runner *runner;
    weir_runner_stats stats;
    KIT_OK(weir_runner_open(&runner, storing, NULL, &kit_err));
    kit_ear_free(kit_run(runner, kit_job(kit_token_prompt(300, 4), 1, 4)));
    for (int i = 0; i < 500; i++) { /* five seconds */
        weir_runner_get_stats(runner, &stats);
        if (stats.engine.n_store_files > 0 && stats.engine.n_pages_unstored == 0)
            break;
        usleep(10000);
    }
    assert_true(stats.engine.n_store_files > 0);
    assert_int_equal(stats.engine.n_pages_unstored, 0);
    weir_runner_close(&runner);
    weir_host_close(&storing);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* Files of pages that an engine leaves which is closed with pages that are in no file yet. */
static uint64_t n_stored_at_close(bool is_cancelled) {
    char folder[] = "runner_store_XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    weir_engine_options options = {
        .n_ctx = 384, .n_seqs = 1, .n_threads = 1, .store_folder = folder};
    weir_engine_stats stats;
    weir_prompt prompt = kit_token_prompt(300, 4);
    weir_seq *seq;
    weir_host *storing = kit_host(&options);
    KIT_OK(weir_seq_open(&seq, storing->engine, &kit_err));
    KIT_OK(weir_seq_append(seq, prompt.ids, prompt.n_ids, &kit_err));
    KIT_OK(weir_seq_run(seq, &kit_err));
    weir_seq_close(&seq);
    weir_prompt_free(&prompt);
    weir_engine_get_stats(storing->engine, &stats);
    assert_int_equal(stats.n_pages_unstored, 4);
    if (is_cancelled)
        weir_engine_cancel(storing->engine);
    weir_host_close(&storing);
    storing = kit_host(&options);
    weir_engine_get_stats(storing->engine, &stats);
    weir_host_close(&storing);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    return stats.n_store_files;
}

/* Who has no more time loses pages, and does not wait for them. */
static void pages_are_stored_at_the_end_unless_it_is_cancelled(void **state) {
    (void)state;
    assert_int_equal(n_stored_at_close(false), 4);
    assert_int_equal(n_stored_at_close(true), 0);
}

static void rates_forget(void **state) {
    (void)state;
    weir_rates rates = {0};
    assert_true(weir_rates_per_s(&rates, 1000.5, WEIR_RATE_PROMPT) <= 0);
    for (int i = 0; i < 30; i++) /* ten a second */
        for (int k = 0; k < 10; k++)
            weir_rates_add(&rates, 1000 + i + 0.1 * k + 0.05, WEIR_RATE_GENERATED, 1);
    double per_s = weir_rates_per_s(&rates, 1029.999, WEIR_RATE_GENERATED);
    assert_true(per_s > 9.9 && per_s < 10.1);
    assert_true(weir_rates_per_s(&rates, 1029.999, WEIR_RATE_ENDED) <= 0);
    per_s = weir_rates_per_s(&rates, 1034.5, WEIR_RATE_GENERATED);
    assert_true(per_s > 4 && per_s < 6);
    assert_true(weir_rates_per_s(&rates, 1040.5, WEIR_RATE_GENERATED) <= 0);
}

int main(void) {
    if (kit_skip())
        return kit_skip();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_that_of_weir_run),
        cmocka_unit_test(a_prompt_that_was_run_is_not_run_again),
        cmocka_unit_test(limits_end_an_answer),
        cmocka_unit_test(a_stop_string_ends_an_answer_and_is_not_shown),
        cmocka_unit_test(end_tokens_wait_for_min_tokens),
        cmocka_unit_test(stop_tokens_end_an_answer),
        cmocka_unit_test(a_budget_ends_thinking),
        cmocka_unit_test(without_a_seed_each_job_draws_one),
        cmocka_unit_test(a_grammar_binds_the_answer),
        cmocka_unit_test(a_prompt_has_probabilities),
        cmocka_unit_test(what_can_never_run_is_refused),
        cmocka_unit_test(a_full_queue_says_so),
        cmocka_unit_test(who_waits_is_told_so),
        cmocka_unit_test(who_is_answered_is_told_so),
        cmocka_unit_test(a_key_has_its_share),
        cmocka_unit_test(a_drained_runner_ends_what_it_has),
        cmocka_unit_test(a_folder_that_is_none_is_refused),
        cmocka_unit_test(a_job_that_fails_hurts_nobody),
        cmocka_unit_test(events_may_cancel),
        cmocka_unit_test(numbers_add_up),
        cmocka_unit_test(pages_are_stored_while_nobody_waits),
        cmocka_unit_test(pages_are_stored_at_the_end_unless_it_is_cancelled),
        cmocka_unit_test(rates_forget),
    };
    return cmocka_run_group_tests(tests, open_hosts, close_hosts);
}
