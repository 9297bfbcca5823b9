/*
 * test_runner_company.c: many jobs at once. Who runs beside a job, in how many steps, whether its
 * timeline is moved out or forked: none of it changes a bit of what it is told.
 */
#include "runner_kit.h"

#include <stdatomic.h>

enum { N_JOBS = 64 };

static weir_host *alone;
static uint32_t n_guesses; /* of a step, of the hosts that are opened */

static int open_alone(void **state) {
    (void)state;
    alone = kit_host(&(weir_engine_options){.n_ctx = 384, .n_seqs = 1, .n_threads = 1});
    return 0;
}

static int close_alone(void **state) {
    (void)state;
    weir_host_close(&alone);
    return 0;
}

static weir_host *open_host(uint32_t n_seqs, uint32_t n_pages, bool no_prefix_cache) {
    weir_engine_options options = {.n_ctx = 384,
                                   .n_seqs = n_seqs,
                                   .n_pages = n_pages,
                                   .n_batch = 96,
                                   .n_threads = 2,
                                   .no_prefix_cache = no_prefix_cache};
    if (n_guesses > 0) {
        options.n_out = n_seqs > n_guesses ? n_seqs : n_guesses + 1;
        options.n_snapshots = 4 * n_seqs + n_guesses;
    }
    return kit_host_that_guesses(&options, n_guesses);
}

static weir_runner *open_runner(weir_host *host) {
    weir_runner *runner;
    KIT_OK(weir_runner_open(&runner, host, NULL, &kit_err));
    return runner;
}

/* All kinds: short and long, warm and cold, with and without probabilities, beginnings shared. */
static weir_job mixed_job(uint32_t i) {
    static const char *const words[] = {"Name a bird.", "What is rain?", "Tell me a story.", "Hi"};
    weir_prompt prompt = i % 3 == 0   ? kit_chat_prompt(alone, words[i / 3 % 4])
                         : i % 3 == 1 ? kit_token_prompt(1 + i * 37 % 190, i % 5)
                                      : kit_plain_prompt(alone, words[i % 4]);
    weir_job job = kit_job(prompt, 1000 + i, 10 + i * 13 % 60);
    job.is_plain = i % 3 != 0;
    job.settings.sampling.temperature = i % 4 == 0 ? 0 : 0.6f + 0.1f * (float)(i % 5);
    job.settings.sampling.top_p = i % 2 ? 0.9f : 1;
    job.settings.sampling.frequency_penalty = i % 5 == 0 ? 0.3f : 0;
    job.settings.ignore_eos = i % 6 == 1;
    job.wants_logprobs = i % 2 == 0;
    job.n_top = i % 7;
    job.priority = i % 11 == 0;
    if (i % 8 == 5)
        kit_add_stop(&job, "the");
    return job;
}

/* Answers that become much longer than anybody keeps room for. */
static weir_job long_job(uint32_t i) {
    weir_job job = mixed_job(i);
    weir_prompt_free(&job.prompt[0]);
    job.prompt[0] = kit_token_prompt(10 + i * 7 % 90, i % 3);
    job.is_plain = true;
    job.settings.max_tokens = 200 + i * 5;
    job.settings.ignore_eos = true;
    weir_settings_free(&job.settings); /* no stop strings */
    return job;
}

/* Jobs [n], all at once. */
static weir_runner_stats run_jobs(weir_host *host, weir_job (*make)(uint32_t i), uint32_t n) {
    heard *ears[N_JOBS], *expected[N_JOBS];
    static const char *const keys[] = {NULL, "a", "b"};
    weir_runner *runner = open_runner(host);
    for (uint32_t i = 0; i < n; i++) {
        weir_job job = make(i);
        expected[i] = kit_expect(alone, &job, 0, 0);
        weir_job_free(&job);
        ears[i] = kit_ear();
    }
    held_runner held;
    kit_hold(&held, runner);
    for (uint32_t i = 0; i < n; i++) {
        weir_job job = make(i);
        job.key = keys[i % 3];
        KIT_OK(kit_submit(runner, &job, ears[i]));
        assert_null(job.prompt); /* it was taken over */
    }
    kit_release(&held);
    for (uint32_t i = 0; i < n; i++) {
        kit_wait(ears[i]);
        assert_int_equal(ears[i]->status, WEIR_STATUS_OK);
        assert_int_equal(ears[i]->choice[0].n_ends, 1);
        kit_same(&ears[i]->choice[0], &expected[i]->choice[0]);
    }
    weir_runner_stats stats;
    weir_runner_get_stats(runner, &stats);
    weir_runner_close(&runner);
    size_t n_paused = 0;
    for (uint32_t i = 0; i < n; i++) {
        n_paused += ears[i]->times.was_paused;
        kit_ear_free(ears[i]);
        kit_ear_free(expected[i]);
    }
    assert_int_equal(n_paused > 0, stats.n_pauses > 0);
    assert_int_equal(stats.n_jobs, n + 1); /* and the one that held them */
    assert_int_equal(stats.n_running + stats.n_waiting + stats.n_paused, 0);
    return stats;
}

static void company_changes_nothing(void **state) {
    (void)state;
    weir_host *host = open_host(16, 0, false);
    weir_runner_stats stats = run_jobs(host, mixed_job, N_JOBS);
    assert_int_equal(stats.n_pauses, 0);
    assert_true(stats.n_cached_tokens > 0);
    weir_host_close(&host);
}

/* Greedy answers repeat themselves, and are guessed. */
static weir_job greedy_job(uint32_t i) {
    weir_job job = long_job(i);
    job.settings.sampling.temperature = 0;
    job.settings.sampling.frequency_penalty = 0;
    job.settings.max_tokens = 280;
    return job;
}

static void guesses_change_nothing(void **state) {
    (void)state;
    weir_host *host = kit_host_that_guesses(&(weir_engine_options){.n_ctx = 384,
                                                                   .n_seqs = 4,
                                                                   .n_batch = 96,
                                                                   .n_threads = 2,
                                                                   .n_out = 32,
                                                                   .n_snapshots = 12},
                                            8);
    weir_runner *runner = open_runner(host);
    for (uint32_t i = 0; i < 4; i++) {
        weir_job job = greedy_job(i);
        heard *expected = kit_expect(alone, &job, 0, 0);
        heard *h = kit_run(runner, job);
        assert_int_equal(h->status, WEIR_STATUS_OK);
        kit_same(&h->choice[0], &expected->choice[0]);
        kit_ear_free(h);
        kit_ear_free(expected);
    }
    weir_runner_stats stats;
    weir_runner_get_stats(runner, &stats);
    weir_runner_close(&runner);
    assert_true(stats.n_guesses_taken > 0);
    assert_true(stats.n_guesses_taken <= stats.n_guesses);
    assert_true(stats.n_guesses_taken < stats.n_generated_tokens);
    /* Four at a time. */
    stats = run_jobs(host, greedy_job, 6);
    print_message("in company %llu of %llu guesses taken, %llu tokens\n",
                  (unsigned long long)stats.n_guesses_taken, (unsigned long long)stats.n_guesses,
                  (unsigned long long)stats.n_generated_tokens);
    assert_true(stats.n_guesses_taken > 0);
    run_jobs(host, long_job, 6);
    weir_host_close(&host);
}

/* Syncs of this process; takes the place of the system's. */
static atomic_int n_syncs;
int fsync(int fd);
int fsync(int fd) {
    (void)fd;
    n_syncs++;
    return 0;
}

/* Pages for two whole timelines, and room for twelve. Nobody waits for a disk meanwhile. */
static void moving_out_changes_nothing(void **state) {
    (void)state;
    weir_host *host = open_host(12, 13, false);
    n_syncs = 0;
    weir_runner_stats stats = run_jobs(host, long_job, 10);
    assert_true(stats.n_pauses > 0);
    assert_int_equal(n_syncs, 0);
    weir_host_close(&host);
}

/* Without a folder for files what was moved out is run again. */
static char *hide_folders(void) {
    const char *folder = getenv("TMPDIR");
    char *kept = folder ? weir_text_copy(folder, strlen(folder)) : NULL;
    setenv("TMPDIR", "/no/such/folder", 1);
    return kept;
}

static void show_folders(char *kept) {
    if (kept)
        setenv("TMPDIR", kept, 1);
    else
        unsetenv("TMPDIR");
    free(kept);
}

static void running_again_changes_nothing(void **state) {
    (void)state;
    char *kept = hide_folders();
    weir_host *host = open_host(12, 13, true);
    weir_runner_stats stats = run_jobs(host, long_job, 10);
    show_folders(kept);
    assert_true(stats.n_pauses > 0);
    weir_host_close(&host);
}

/* Its logits come one a step, and before they are all there it has to make room. */
static void a_prompt_is_moved_out_too(void **state) {
    (void)state;
    float alone_logprob[250];
    for (int way = 0; way < 3; way++) { /* with room, with files, without */
        char *kept = way == 2 ? hide_folders() : NULL;
        weir_host *host = open_host(3, way == 0 ? 0 : 11, way == 2);
        weir_runner *runner = open_runner(host);
        if (way == 2)
            show_folders(kept);
        heard *ears[3];
        held_runner held;
        kit_hold(&held, runner);
        for (uint32_t i = 0; i < 3; i++) {
            weir_job job = kit_job(kit_token_prompt(i < 2 ? 20 : 250, i), i, i < 2 ? 250 : 0);
            job.settings.ignore_eos = true;
            job.wants_prompt_logprobs = i == 2;
            job.priority = i < 2;
            ears[i] = kit_ear();
            KIT_OK(kit_submit(runner, &job, ears[i]));
        }
        kit_release(&held);
        for (uint32_t i = 0; i < 3; i++) {
            kit_wait(ears[i]);
            assert_int_equal(ears[i]->status, WEIR_STATUS_OK);
        }
        assert_int_equal(ears[2]->n_prompt_tokens, 250);
        assert_int_equal(ears[2]->times.was_paused, way > 0);
        if (way == 0)
            memcpy(alone_logprob, ears[2]->prompt_logprob, sizeof alone_logprob);
        assert_memory_equal(ears[2]->prompt_logprob, alone_logprob, sizeof alone_logprob);
        for (uint32_t i = 0; i < 3; i++)
            kit_ear_free(ears[i]);
        weir_runner_close(&runner);
        weir_host_close(&host);
    }
}

/* ---- several choices, several prompts ----------------------------------------------------- */

enum { N_CHOICES = 5, N_PROMPTS = 3 };

static weir_job wide_job(void) {
    weir_job job = kit_job(kit_token_prompt(150, 1), 77, 30);
    job.n_choices = N_CHOICES;
    job.n_prompts = N_PROMPTS;
    job.prompt = realloc(job.prompt, N_PROMPTS * sizeof *job.prompt);
    assert_non_null(job.prompt);
    job.prompt[1] = kit_plain_prompt(alone, "Once");
    job.prompt[2] = kit_token_prompt(64, 2);
    job.wants_logprobs = true;
    return job;
}

static weir_runner_stats run_wide_job(weir_host *host) {
    weir_runner *runner = open_runner(host);
    weir_job job = wide_job();
    size_t n_prompt = 0;
    heard *h = kit_run(runner, job);
    job = wide_job();
    assert_int_equal(h->status, WEIR_STATUS_OK);
    for (uint32_t p = 0; p < N_PROMPTS; p++) {
        n_prompt += job.prompt[p].n_ids;
        for (uint32_t k = 0; k < N_CHOICES; k++) {
            heard *expected = kit_expect(alone, &job, p, k);
            const heard_choice *c = &h->choice[p * N_CHOICES + k];
            assert_int_equal(c->n_ends, 1);
            assert_int_equal(c->answer.seed, 77 + k);
            kit_same(c, &expected->choice[0]);
            kit_ear_free(expected);
        }
    }
    assert_int_equal(h->times.n_prompt, n_prompt);
    weir_runner_stats stats;
    weir_runner_get_stats(runner, &stats);
    assert_int_equal(stats.n_prompt_tokens, n_prompt);
    assert_int_equal(stats.n_generated_tokens, h->times.n_generated);
    weir_job_free(&job);
    kit_ear_free(h);
    weir_runner_close(&runner);
    return stats;
}

/* The rows of all steps are the prompts' tokens, and one for each token but the last of answers. */
static void choices_share_a_prompt(void **state) {
    (void)state;
    weir_host *host = open_host(16, 0, true);
    weir_runner_stats stats = run_wide_job(host);
    assert_int_equal(stats.engine.n_rows,
                     stats.n_prompt_tokens + stats.n_generated_tokens - N_CHOICES * N_PROMPTS);
    weir_host_close(&host);
}

/* Those that find no room beside the first come later: they fork from one that is further on, or,
 * where all have ended, take over its pages and run what is left of the prompt. */
static void choices_may_come_later(void **state) {
    (void)state;
    for (int no_cache = 0; no_cache < 2; no_cache++) {
        weir_host *host = open_host(5, 0, no_cache);
        weir_runner_stats stats = run_wide_job(host);
        weir_model_info info;
        weir_model_get_info(host->model, &info);
        uint64_t n_least = stats.n_prompt_tokens + stats.n_generated_tokens - N_CHOICES * N_PROMPTS;
        uint64_t n_late = (N_CHOICES - 1) * N_PROMPTS;
        assert_true(no_cache ||
                    stats.engine.n_rows <= n_least + n_late * (64 + info.replay_window));
        weir_host_close(&host);
        host = open_host(6, 8, no_cache);
        run_wide_job(host);
        weir_host_close(&host);
    }
}

/* Rows of logits are few: two prompts share them with ten that answer. */
static void prompts_share_the_rows_of_logits(void **state) {
    (void)state;
    weir_host *host = open_host(12, 0, false);
    weir_runner *runner = open_runner(host);
    heard *ears[12], *first = NULL;
    held_runner held;
    kit_hold(&held, runner);
    for (uint32_t i = 0; i < 12; i++) {
        weir_job job = kit_job(kit_token_prompt(i < 2 ? 120 : 20 + i, i / 2), i, 40);
        job.settings.ignore_eos = true;
        job.wants_prompt_logprobs = i < 2;
        job.n_prompt_top = 1;
        ears[i] = kit_ear();
        KIT_OK(kit_submit(runner, &job, ears[i]));
    }
    kit_release(&held);
    for (uint32_t i = 0; i < 12; i++) {
        kit_wait(ears[i]);
        assert_int_equal(ears[i]->status, WEIR_STATUS_OK);
        assert_int_equal(ears[i]->n_prompt_tokens, i < 2 ? 120 : 0);
    }
    weir_job job = kit_job(kit_token_prompt(120, 0), 1, 0);
    job.wants_prompt_logprobs = true;
    job.n_prompt_top = 1;
    first = kit_run(runner, job);
    assert_memory_equal(first->prompt_logprob, ears[0]->prompt_logprob, 120 * sizeof(float));
    assert_memory_equal(first->prompt_logprob, ears[1]->prompt_logprob, 120 * sizeof(float));
    assert_memory_equal(first->prompt_top, ears[1]->prompt_top, 120 * sizeof(int32_t));
    kit_ear_free(first);
    for (uint32_t i = 0; i < 12; i++)
        kit_ear_free(ears[i]);
    weir_runner_close(&runner);
    weir_host_close(&host);
}

/* ---- cancelled ---------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* A job that is watched to its whole end all the while gets its bits. */
static void jobs_are_cancelled_at_any_moment(void **state) {
    (void)state;
    enum { N_ROUNDS = 500, N_AT_ONCE = 10 };
    weir_host *host = open_host(8, 14, false);
    weir_runner *runner = open_runner(host);
    heard *ears[N_AT_ONCE] = {NULL}, *watched = NULL, *expected;
    uint32_t random = 7, n_cancelled = 0, n_whole = 0;
    weir_job long_job = kit_job(kit_token_prompt(40, 3), 5, 60);
    long_job.settings.ignore_eos = true;
    expected = kit_expect(alone, &long_job, 0, 0);
    weir_job_free(&long_job);
    for (uint32_t i = 0; i < N_ROUNDS; i++) {
        if (!watched) {
            long_job = kit_job(kit_token_prompt(40, 3), 5, 60);
            long_job.settings.ignore_eos = true;
            watched = kit_ear();
            KIT_OK(kit_submit(runner, &long_job, watched));
        }
        heard **ear = &ears[i % N_AT_ONCE];
        if (*ear) {
            weir_runner_cancel(runner, (*ear)->id);
            kit_wait(*ear);
            assert_int_equal((*ear)->n_on_end, 1);
            assert_true((*ear)->status == WEIR_STATUS_OK ||
                        (*ear)->status == WEIR_STATUS_CANCELLED);
            n_cancelled += (*ear)->status == WEIR_STATUS_CANCELLED;
            kit_ear_free(*ear);
        }
        weir_job job = mixed_job(next_random(&random) % N_JOBS);
        job.n_choices = 1 + next_random(&random) % 3;
        job.wants_prompt_logprobs = next_random(&random) % 4 == 0;
        *ear = kit_ear();
        if (next_random(&random) % 3 == 0) {
            (*ear)->runner = runner;
            (*ear)->cancel_at = 1 + next_random(&random) % 20;
        }
        KIT_OK(kit_submit(runner, &job, *ear));
        if (next_random(&random) % 2)
            usleep(next_random(&random) % 3000);
        pthread_mutex_lock(&watched->mutex);
        bool is_over = watched->n_on_end > 0;
        pthread_mutex_unlock(&watched->mutex);
        if (is_over) {
            kit_same(&watched->choice[0], &expected->choice[0]);
            kit_ear_free(watched);
            watched = NULL;
            n_whole++;
        }
    }
    if (watched) {
        kit_wait(watched);
        kit_same(&watched->choice[0], &expected->choice[0]);
        kit_ear_free(watched);
    }
    weir_runner_close(&runner); /* ends those that are left */
    for (uint32_t i = 0; i < N_AT_ONCE; i++) {
        assert_int_equal(ears[i]->n_on_end, 1);
        kit_ear_free(ears[i]);
    }
    kit_ear_free(expected);
    assert_true(n_cancelled > 100);
    printf("%u cancelled, %u whole beside them\n", n_cancelled, n_whole);
    weir_engine_stats stats;
    weir_engine_get_stats(host->engine, &stats); /* nobody holds a page any more */
    assert_int_equal(stats.n_pages_used, stats.n_pages_kept);
    weir_host_close(&host);
}

/* ---- several threads ---------------------------------------------------------------------- */

typedef struct client {
    pthread_t thread;
    weir_runner *runner;
    heard **expected; /* [N_JOBS] */
    uint32_t first;
    bool is_good;
} client;

static bool is_same(const heard_choice *a, const heard_choice *b) {
    return a->content.n == b->content.n &&
           (a->content.n == 0 || memcmp(a->content.data, b->content.data, a->content.n) == 0);
}

/* Assertions belong to the main thread. */
static void *run_client(void *context) {
    client *c = context;
    c->is_good = true;
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t number = (c->first + i) % N_JOBS;
        weir_job job = mixed_job(number);
        weir_runner_stats stats;
        weir_error err;
        heard *h = kit_ear();
        weir_job_events events = kit_events(h);
        if (weir_runner_submit(c->runner, &job, &events, &h->id, &err) == WEIR_STATUS_OK)
            kit_wait(h);
        weir_runner_get_stats(c->runner, &stats);
        c->is_good &= h->n_on_end == 1 && h->status == WEIR_STATUS_OK &&
                      weir_runner_wait_s(c->runner) >= 1 && stats.n_jobs > 0 &&
                      is_same(&h->choice[0], &c->expected[number]->choice[0]);
        kit_ear_free(h);
    }
    return NULL;
}

static void jobs_come_from_any_thread(void **state) {
    (void)state;
    enum { N_CLIENTS = 6 };
    weir_host *host = open_host(8, 20, false);
    weir_runner *runner = open_runner(host);
    heard *expected[N_JOBS];
    client clients[N_CLIENTS];
    for (uint32_t i = 0; i < N_JOBS; i++) {
        weir_job job = mixed_job(i);
        expected[i] = kit_expect(alone, &job, 0, 0);
        weir_job_free(&job);
    }
    for (uint32_t i = 0; i < N_CLIENTS; i++) {
        clients[i] = (client){.runner = runner, .expected = expected, .first = i * 11};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
    for (uint32_t i = 0; i < N_CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_true(clients[i].is_good);
    }
    for (uint32_t i = 0; i < N_JOBS; i++)
        kit_ear_free(expected[i]);
    weir_runner_close(&runner);
    weir_host_close(&host);
}

int main(void) {
    if (kit_skip())
        return kit_skip();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(company_changes_nothing),
        cmocka_unit_test(guesses_change_nothing),
        cmocka_unit_test(moving_out_changes_nothing),
        cmocka_unit_test(running_again_changes_nothing),
        cmocka_unit_test(a_prompt_is_moved_out_too),
        cmocka_unit_test(choices_share_a_prompt),
        cmocka_unit_test(choices_may_come_later),
        cmocka_unit_test(prompts_share_the_rows_of_logits),
        cmocka_unit_test(jobs_are_cancelled_at_any_moment),
        cmocka_unit_test(jobs_come_from_any_thread),
    };
    /* Those in which some run alone for a while, are forked, moved or cancelled then. */
    const struct CMUnitTest of_guesses[] = {
        cmocka_unit_test(company_changes_nothing),
        cmocka_unit_test(moving_out_changes_nothing),
        cmocka_unit_test(running_again_changes_nothing),
        cmocka_unit_test(choices_share_a_prompt),
        cmocka_unit_test(choices_may_come_later),
        cmocka_unit_test(jobs_are_cancelled_at_any_moment),
        cmocka_unit_test(jobs_come_from_any_thread),
    };
    int n_failed = cmocka_run_group_tests_name("without guesses", tests, open_alone, close_alone);
    n_guesses = 8;
    return n_failed +
           cmocka_run_group_tests_name("with guesses", of_guesses, open_alone, close_alone);
}
