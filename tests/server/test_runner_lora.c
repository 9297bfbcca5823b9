/*
 * test_runner_lora.c: jobs that choose the strength of adapters: each has the answer of an engine
 * that was opened with its scales, whoever runs beside it and wherever its timeline was moved.
 */
#include "runner_kit.h"

#include "train/lora_kit.h"

enum { N_KINDS = 3, N_JOBS = 9 };

/* As the host was opened, off, and stronger. */
static const float scales[N_KINDS] = {0.5f, 0, 1.25f};
static const char *const specs[N_KINDS] = {":0.5", ":0", ":1.25"};

static weir_host *open_host(const char *adapter, const char *scale, uint32_t n_seqs,
                            uint32_t n_pages) {
    char spec[1024];
    const char *list[] = {spec};
    snprintf(spec, sizeof spec, "%s%s", adapter, scale);
    weir_host_options options = {
        .model_path = KIT_MODEL,
        .loras = {.item = list, .n = 1},
        .engine = {
            .n_ctx = 384, .n_seqs = n_seqs, .n_pages = n_pages, .n_threads = 2, .no_pin = true}};
    weir_host *host;
    KIT_OK(weir_host_open(&host, &options, &kit_err));
    KIT_OK(weir_host_load(host, &kit_err));
    return host;
}

static uint32_t n_choices_of(uint32_t i) {
    return i == 1 ? 2 : 1;
}

/* Beginnings are the same for all kinds, so that a page of a wrong one would be noticed. */
static weir_job make_job(uint32_t i) {
    weir_job job = kit_job(kit_token_prompt(70, i / 6), i, 190);
    job.settings.ignore_eos = true;
    if (i % N_KINDS > 0) {
        job.lora_scales = malloc(sizeof *job.lora_scales);
        assert_non_null(job.lora_scales);
        job.lora_scales[0] = scales[i % N_KINDS];
    }
    job.n_choices = n_choices_of(i);
    job.priority = i % N_KINDS == 0; /* the others have to make room */
    return job;
}

static void each_job_has_its_adapters(void **state) {
    (void)state;
    const char *adapter = in_temp("a.gguf");
    weir_model *model;
    KIT_OK(weir_model_open(&model, KIT_MODEL, &kit_err));
    kit_adapter_write(
        model, &(kit_adapter){.rank = 4, .alpha = 8, .b = 0.3, .with_experts = true, .seed = 3},
        adapter);
    weir_model_close(&model);
    heard *expected[N_JOBS][2], *ears[N_JOBS];
    for (uint32_t kind = 0; kind < N_KINDS; kind++) {
        weir_host *alone = open_host(adapter, specs[kind], 1, 0);
        for (uint32_t i = kind; i < N_JOBS; i += N_KINDS)
            for (uint32_t k = 0; k < n_choices_of(i); k++) {
                weir_job job = make_job(i);
                expected[i][k] = kit_expect(alone, &job, 0, k);
                weir_job_free(&job);
            }
        weir_host_close(&alone);
    }
    /* The scales tell: the first answers of each kind differ. */
    assert_string_not_equal(expected[6][0]->choice[0].content.data,
                            expected[7][0]->choice[0].content.data);
    weir_host *host = open_host(adapter, specs[0], 8, 18);
    weir_runner *runner;
    KIT_OK(weir_runner_open(&runner, host, NULL, &kit_err));
    held_runner held;
    kit_hold(&held, runner);
    for (uint32_t i = 0; i < N_JOBS; i++) {
        weir_job job = make_job(i);
        ears[i] = kit_ear();
        KIT_OK(kit_submit(runner, &job, ears[i]));
    }
    kit_release(&held);
    bool was_paused = false; /* one with scales of its own */
    for (uint32_t i = 0; i < N_JOBS; i++) {
        kit_wait(ears[i]);
        assert_int_equal(ears[i]->status, WEIR_STATUS_OK);
        was_paused |= ears[i]->times.was_paused && i % N_KINDS > 0;
        for (uint32_t k = 0; k < n_choices_of(i); k++) {
            kit_same(&ears[i]->choice[k], &expected[i][k]->choice[0]);
            kit_ear_free(expected[i][k]);
        }
        kit_ear_free(ears[i]);
    }
    assert_true(was_paused);
    weir_runner_close(&runner);
    weir_host_close(&host);
}

int main(void) {
    if (kit_skip())
        return kit_skip();
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_job_has_its_adapters)};
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
