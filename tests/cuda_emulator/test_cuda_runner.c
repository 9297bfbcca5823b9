/*
 * test_cuda_runner.c: the server's runner over a device that draws: what jobs are told is what they
 * are told where the host draws, token by token, with probabilities, grammars' and penalties' kinds
 * of settings, cold and warm, all in one step; and steps are begun before their tokens are known.
 */
#include "cuda_memory_emulated.h"
#include "server/runner_kit.h"

#include "engine/engine.h"
#include "watched_steps.h"

#include <math.h>

enum { N_JOBS = 4, ANSWER = 8 };

static char model_path[] = "cuda-runner-XXXXXX";

static weir_host *open_host(bool can_draw) {
    weir_host_options options = {.model_path = model_path,
                                 .engine = {.device = "cuda",
                                            .n_ctx = 64,
                                            .n_seqs = N_JOBS,
                                            .n_batch = 64,
                                            .n_threads = 2,
                                            .no_pin = true}};
    weir_host *host;
    KIT_OK(weir_host_open(&host, &options, &kit_err));
    KIT_OK(weir_host_load(host, &kit_err));
    host->engine->backend->can_draw = can_draw;
    watch_steps(host->engine->backend);
    return host;
}

static weir_job some_job(uint32_t i) {
    weir_prompt prompt = {.ids = calloc(3, sizeof(int32_t)), .n_ids = 3};
    assert_non_null(prompt.ids);
    for (uint32_t t = 0; t < 3; t++)
        prompt.ids[t] = (int32_t)(20 + 7 * i + t);
    weir_job job = kit_job(prompt, 100 + i, ANSWER);
    weir_sampling *s = &job.settings.sampling;
    job.settings.ignore_eos = true;
    s->temperature = i == 0 ? 0 : 0.5f * (float)i;
    s->top_k = i == 3 ? 0 : 40;
    s->top_p = i == 2 ? 0.9f : 1;
    s->frequency_penalty = i == 1 ? 0.5f : 0;
    job.wants_logprobs = i % 2 == 0;
    job.n_top = 3;
    job.min_tokens = i == 3 ? 2 : 0; /* a mask */
    return job;
}

/* Of how many timelines was the last token drawn on the device? */
static uint32_t count_drawn(const weir_engine *engine) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < engine->plan.n_seqs; i++)
        n += engine->seqs[i].drawn_pos != WEIR_NO_POS;
    return n;
}

static void run(bool can_draw, heard *ears[N_JOBS]) {
    weir_runner *runner;
    weir_host *host = open_host(can_draw);
    KIT_OK(weir_runner_open(&runner, host, NULL, &kit_err));
    for (uint32_t i = 0; i < N_JOBS; i++) {
        weir_job job = some_job(i);
        ears[i] = kit_ear();
        KIT_OK(kit_submit(runner, &job, ears[i]));
    }
    for (uint32_t i = 0; i < N_JOBS; i++)
        kit_wait(ears[i]);
    weir_runner_close(&runner);
    assert_int_equal(count_drawn(host->engine) > 0, can_draw);
    /* A mask ends with the second token; behind the last one nothing is begun. */
    assert_int_equal(watched.n_early > 0, can_draw);
    assert_int_equal(watched.n_fetched, can_draw ? watched.n_early * N_JOBS : 0);
    assert_true(!can_draw || watched.n_open == 0);
    weir_host_close(&host);
}

static void jobs_are_told_the_same(void **state) {
    (void)state;
    heard *device[N_JOBS], *host[N_JOBS];
    run(true, device);
    run(false, host);
    for (uint32_t i = 0; i < N_JOBS; i++) {
        const heard_choice *got = &device[i]->choice[0], *want = &host[i]->choice[0];
        assert_int_equal(device[i]->status, WEIR_STATUS_OK);
        assert_int_equal(host[i]->status, WEIR_STATUS_OK);
        assert_int_equal(got->answer.n_generated, ANSWER);
        assert_int_equal(got->whole.n, want->whole.n);
        assert_memory_equal(got->whole.data, want->whole.data, want->whole.n);
        assert_int_equal(got->n_tokens, want->n_tokens);
        for (size_t t = 0; t < got->n_tokens; t++) {
            assert_int_equal(got->token[t], want->token[t]);
            assert_true(fabsf(got->logprob[t] - want->logprob[t]) < 1e-6f);
            assert_true(fabsf(got->second[t] - want->second[t]) < 1e-6f);
        }
        kit_ear_free(device[i]);
        kit_ear_free(host[i]);
    }
}

static int make_model(void **state) {
    (void)state;
    emulated_reset();
    close(mkstemp(model_path));
    weir_synth_options o = {.config = "tiny-dense", .overwrite = true};
    return weir_synth(model_path, &o, &kit_err) == WEIR_STATUS_OK ? 0 : -1;
}

static int remove_model(void **state) {
    (void)state;
    return unlink(model_path);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(jobs_are_told_the_same)};
    return cmocka_run_group_tests_name("cuda runner", tests, make_model, remove_model);
}
