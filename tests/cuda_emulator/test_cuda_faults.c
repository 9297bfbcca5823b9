/*
 * test_cuda_faults.c: what the CUDA backend does when the machine is not what it needs, when memory
 * runs out, and when any single call of the device fails: one clear line, nothing left behind, a
 * step that did all or nothing, and no page that was lost taken for one that was read. And what it
 * promises when nothing fails: the plan, progress, pages and states as they were written.
 */
#include "cuda_step_fixture.h"

#include <stdatomic.h>

enum { ROWS = 5, ILLEGAL_ADDRESS = 700, LAUNCH_FAILURE = 719 };

static small_spec tiny(void) {
    small_spec spec = pair_moe;
    spec.d_model = spec.d_ff = spec.d_ff_expert = 32;
    spec.n_heads = 2;
    spec.n_heads_kv = 1;
    spec.head_dim = 32;
    return spec;
}

/* An open device on a tiny model, and one step of it. */
typedef struct bench {
    small_model small;
    weir_backend *cuda;
    pair_step step;
    uint32_t pages[1];
    float logits[ROWS * 40];
} bench;

static void bench_open(bench *b) {
    static const weir_rows prompt = {.n_rows = ROWS, .state_in = WEIR_NO_STATE, .state_out = 2};
    small_spec spec = tiny();
    int32_t tokens[ROWS];
    weir_error err = {0};
    memset(b, 0, sizeof *b);
    emulated_reset();
    small_model_open(&b->small, &spec);
    weir_backend_options options = pair_options(WEIR_KV_F16);
    if (weir_cuda_open(&b->cuda, &b->small.model, &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    weir_rows chunk = prompt;
    b->pages[0] = 3;
    chunk.pages = b->pages;
    pair_tokens(tokens, ROWS, spec.n_vocab);
    pair_add(&b->step, &chunk, tokens, b->logits, spec.n_vocab);
}

static void bench_close(bench *b) {
    b->cuda->close(b->cuda);
    small_model_close(&b->small);
    assert_int_equal(emulated_get()->n_taken, 0);
}

/* ---- machines ---- */

static void assert_refused(const weir_backend_options *options, weir_status status,
                           const char *words) {
    small_spec spec = tiny();
    small_model small;
    weir_error err = {0};
    small_model_open(&small, &spec);
    weir_backend *be = (weir_backend *)&small;
    assert_int_equal(weir_cuda_open(&be, &small.model, options, &err), status);
    assert_null(be);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
    assert_int_equal(emulated_get()->n_taken, 0);
    small_model_close(&small);
}

static void machines_that_will_not_do(void **state) {
    (void)state;
    weir_backend_options options = pair_options(WEIR_KV_F16);
    emulated_machine *machine = emulated_get();
    emulated_reset();
    machine->find_code = WEIR_CUDA_OLD_DRIVER;
    machine->facts.driver_version = 0;
    assert_refused(&options, WEIR_STATUS_FAILED, "this machine has no NVIDIA driver");
    machine->facts.driver_version = 12040;
    assert_refused(&options, WEIR_STATUS_FAILED,
                   "the NVIDIA driver is for CUDA 12.4, expected 13.0 or newer");
    machine->facts.driver_version = 13010;
    machine->find_code = WEIR_CUDA_NO_DEVICE;
    assert_refused(&options, WEIR_STATUS_FAILED, "shows no GPU");
    machine->find_code = ILLEGAL_ADDRESS;
    assert_refused(&options, WEIR_STATUS_FAILED, "cudaErrorIllegalAddress");
    machine->find_code = WEIR_CUDA_NO_KERNELS;
    machine->facts.major = 8;
    machine->facts.minor = 7;
    assert_refused(&options, WEIR_STATUS_FAILED,
                   "without kernels for Emulated GPU (compute capability 8.7; "
                   "WEIR_CUDA_ARCHITECTURES=87 or all has them)");
    machine->facts.major = 7;
    machine->facts.minor = 5;
    assert_refused(&options, WEIR_STATUS_FAILED,
                   "Emulated GPU has compute capability 7.5, expected 8.0 or above");
    machine->find_code = 0;
    assert_refused(&options, WEIR_STATUS_FAILED, "compute capability 7.5, expected 8.0");
    emulated_reset();
    machine->facts.free_bytes = 1000;
    assert_refused(&options, WEIR_STATUS_NO_MEMORY, "0.00 of 80.00 GB are free on Emulated GPU");
}

static void options_that_will_not_do(void **state) {
    (void)state;
    emulated_reset();
    weir_backend_options options = pair_options(WEIR_KV_F16);
    options.isa = "avx2";
    assert_refused(&options, WEIR_STATUS_BAD_ARGUMENT, "isa 'avx2'");
    options = pair_options(WEIR_KV_F16);
    options.n_batch = options.n_out = options.n_chunks = UINT32_MAX;
    options.n_pages = UINT32_MAX;
    small_spec spec = tiny();
    small_model small;
    weir_backend_memory plan;
    small_model_open(&small, &spec);
    small.model.h.d_ff_expert = small.model.h.n_experts_used = UINT32_MAX;
    assert_int_equal(weir_cuda_plan(&plan, &small.model, &options, NULL), WEIR_STATUS_NO_MEMORY);
    small_model_close(&small);
    small_model_open(&small, &pair_dense); /* head_dim 14 */
    options = pair_options(WEIR_KV_Q8);
    assert_int_equal(weir_cuda_plan(&plan, &small.model, &options, NULL), WEIR_STATUS_BAD_ARGUMENT);
    small_model_close(&small);
}

/* ---- opening ---- */

/* Every call that opening makes fails once. */
static void opening_fails_whole(void **state) {
    (void)state;
    static const emulated_call calls[] = {EMULATED_TAKE, EMULATED_COPY, EMULATED_WAIT};
    weir_backend_options options = pair_options(WEIR_KV_F16);
    emulated_machine *machine = emulated_get();
    small_spec spec = tiny();
    small_model small;
    small_model_open(&small, &spec);
    for (size_t i = 0; i < WEIR_COUNT(calls); i++) {
        emulated_call call = calls[i];
        uint64_t n_failed = 0;
        for (uint64_t at = 1;; at++) {
            weir_backend *be = NULL;
            weir_error err = {0};
            emulated_reset();
            machine->fail_at[call] = at;
            machine->fail_code[call] =
                call == EMULATED_TAKE ? WEIR_CUDA_NO_MEMORY : ILLEGAL_ADDRESS;
            weir_status status = weir_cuda_open(&be, &small.model, &options, &err);
            if (status == WEIR_STATUS_OK) {
                be->close(be);
                break;
            }
            n_failed++;
            assert_null(be);
            assert_int_equal(status,
                             call == EMULATED_TAKE ? WEIR_STATUS_NO_MEMORY : WEIR_STATUS_FAILED);
            assert_true(strlen(err.text) > 20);
            assert_int_equal(machine->n_taken, 0);
        }
        assert_true(n_failed >= 3);
        assert_int_equal(machine->n_taken, 0);
    }
    small_model_close(&small);
}

typedef struct reports {
    uint64_t done, total;
} reports;

static void take_report(void *context, const char *what, uint64_t done, uint64_t total) {
    reports *r = context;
    assert_string_equal(what, "reading weights");
    assert_true(done > r->done && done <= total);
    *r = (reports){done, total};
}

static void the_plan_is_what_is_taken(void **unused) {
    (void)unused;
    const small_spec specs[] = {pair_moe, pair_dense, tiny()};
    for (size_t i = 0; i < WEIR_COUNT(specs); i++) {
        small_model small;
        weir_backend *be;
        weir_backend_memory plan;
        weir_error err = {0};
        reports r = {0};
        emulated_reset();
        small_model_open(&small, &specs[i]);
        weir_backend_options options = pair_options(WEIR_KV_F16);
        options.progress = (weir_progress){.report = take_report, .context = &r};
        assert_int_equal(weir_cuda_plan(&plan, &small.model, &options, &err), WEIR_STATUS_OK);
        assert_int_equal(weir_cuda_open(&be, &small.model, &options, &err), WEIR_STATUS_OK);
        const weir_host_backend *host = (const weir_host_backend *)be;
        assert_int_equal(plan.pages_bytes + plan.states_bytes + plan.scratch_bytes,
                         host->arena.size);
        assert_int_equal(plan.weights_bytes, host->weights.size);
        assert_int_equal(plan.mapped_bytes, host->mapped_bytes);
        /* all but the pinned block is the device's */
        assert_true(emulated_get()->taken_bytes <= host->arena.size + host->weights.size);
        assert_true(emulated_get()->taken_bytes > plan.pages_bytes + plan.weights_bytes);
        assert_int_equal(r.done, r.total);
        assert_true(r.total > 0 && r.total <= plan.weights_bytes);
        assert_string_equal(be->name, "cuda");
        assert_string_equal(be->describe, "cuda, Emulated GPU, sm_90, f32 activations");
        assert_string_equal(be->arithmetic, "sm_90");
        be->close(be);
        small_model_close(&small);
    }
}

/* ---- pages and states ---- */

static void pages_and_states_are_as_written(void **unused) {
    (void)unused;
    bench b;
    bench_open(&b);
    weir_backend *be = b.cuda;
    size_t page_bytes = be->kv.page_bytes;
    size_t n_state = (size_t)be->model->n_layers_conv * be->model->h.d_model * 2;
    uint8_t *page = malloc(page_bytes), *got = malloc(page_bytes), *zeros = calloc(1, page_bytes);
    float *values = malloc(n_state * sizeof *values), *read = malloc(n_state * sizeof *read);
    be->page_read(be, 7, got);
    assert_memory_equal(got, zeros, page_bytes);
    for (size_t i = 0; i < page_bytes; i++)
        page[i] = (uint8_t)(weir_mix64(1, 2, i) | 1);
    be->page_write(be, 7, page);
    be->page_copy(be, 9, 7, WEIR_PAGE_TOKENS);
    be->page_read(be, 9, got);
    assert_memory_equal(got, page, page_bytes);
    /* The first 5 tokens of every head, and no other byte. */
    be->page_copy(be, 2, 7, 5);
    be->page_read(be, 2, got);
    size_t used = 5 * be->kv.vector_bytes;
    for (size_t i = 0; i < page_bytes; i++)
        assert_int_equal(got[i], i % be->kv.head_bytes < used ? page[i] : 0);
    for (size_t i = 0; i < n_state; i++)
        values[i] = (float)i + 0.5f;
    be->state_write(be, 8, values);
    be->state_copy(be, 1, 8);
    be->state_read(be, 1, read);
    assert_memory_equal(read, values, n_state * sizeof *read);
    be->state_read(be, 0, read);
    assert_memory_equal(read, zeros,
                        n_state * sizeof *read < page_bytes ? n_state * sizeof *read : page_bytes);
    free(page);
    free(got);
    free(zeros);
    free(values);
    free(read);
    bench_close(&b);
}

/* ---- steps ---- */

static void assert_all_are(const float *x, size_t n, float value) {
    for (size_t i = 0; i < n; i++)
        if (x[i] != value)
            fail_msg("value %zu is %g, expected %g", i, x[i], value);
}

static void fill(float *x, size_t n, float value) {
    for (size_t i = 0; i < n; i++)
        x[i] = value;
}

/* The device is lost: it says so, and what is read of it cannot be taken for anything. */
static void assert_lost(bench *b, const char *name) {
    weir_backend *be = b->cuda;
    weir_error err = {0};
    assert_non_null(be->failure);
    assert_non_null(strstr(be->failure, name));
    assert_int_equal(weir_backend_step(be, &b->step.batch, &err), WEIR_STATUS_FAILED);
    assert_non_null(strstr(err.text, "was lost in an earlier step"));
    assert_non_null(strstr(err.text, name));
    uint8_t *page = malloc(be->kv.page_bytes), *zeros = calloc(1, be->kv.page_bytes);
    memset(page, 1, be->kv.page_bytes);
    be->page_read(be, 3, page);
    assert_memory_equal(page, zeros, be->kv.page_bytes);
    be->page_write(be, 3, page);
    be->page_copy(be, 4, 3, 3);
    be->state_copy(be, 4, 3);
    free(page);
    free(zeros);
}

/* Every call that a step makes fails once. */
static void a_step_is_all_or_nothing(void **unused) {
    (void)unused;
    static const emulated_call calls[] = {EMULATED_COPY, EMULATED_LAUNCH, EMULATED_WAIT};
    emulated_machine *machine = emulated_get();
    for (size_t i = 0; i < WEIR_COUNT(calls); i++) {
        bool is_done = false;
        uint64_t at = 1;
        for (; !is_done; at++) {
            bench b;
            weir_error err = {0};
            bench_open(&b);
            fill(b.logits, WEIR_COUNT(b.logits), 17);
            machine->n_calls[calls[i]] = 0;
            machine->fail_at[calls[i]] = at;
            machine->fail_code[calls[i]] = LAUNCH_FAILURE;
            weir_status status = weir_backend_step(b.cuda, &b.step.batch, &err);
            is_done = status == WEIR_STATUS_OK;
            if (!is_done) {
                assert_int_equal(status, WEIR_STATUS_FAILED);
                assert_non_null(strstr(err.text, "failed in this step"));
                assert_non_null(strstr(err.text, "cudaErrorLaunchFailure"));
                assert_all_are(b.logits, WEIR_COUNT(b.logits), 17);
                assert_lost(&b, "cudaErrorLaunchFailure");
            }
            bench_close(&b);
        }
        assert_true(at > (calls[i] == EMULATED_LAUNCH ? 40 : 2));
    }
}

static void the_op_that_failed_is_named(void **unused) {
    (void)unused;
    emulated_machine *machine = emulated_get();
    bench b;
    weir_error err = {0};
    bench_open(&b);
    machine->fail_at[EMULATED_LAUNCH] = 4; /* embed, norm, in_proj */
    machine->fail_code[EMULATED_LAUNCH] = ILLEGAL_ADDRESS;
    assert_int_equal(weir_backend_step(b.cuda, &b.step.batch, &err), WEIR_STATUS_FAILED);
    assert_non_null(strstr(err.text, "short_conv: cudaErrorIllegalAddress"));
    bench_close(&b);
}

/* A device that is lost while pages are read, not in a step. */
static void a_page_that_cannot_be_read_is_zeros(void **unused) {
    (void)unused;
    static const emulated_call calls[] = {EMULATED_COPY, EMULATED_WAIT};
    emulated_machine *machine = emulated_get();
    for (size_t i = 0; i < WEIR_COUNT(calls); i++) {
        bench b;
        bench_open(&b);
        pair_run(b.cuda, &b.step);
        assert_null(b.cuda->failure);
        machine->fail_at[calls[i]] = machine->n_calls[calls[i]] + 1;
        machine->fail_code[calls[i]] = ILLEGAL_ADDRESS;
        uint8_t *page = malloc(b.cuda->kv.page_bytes);
        memset(page, 1, b.cuda->kv.page_bytes);
        b.cuda->page_read(b.cuda, 3, page);
        for (size_t j = 0; j < b.cuda->kv.page_bytes; j++)
            assert_int_equal(page[j], 0);
        free(page);
        assert_lost(&b, "cudaErrorIllegalAddress");
        bench_close(&b);
    }
}

/* A cancelled step leaves the logits alone, and the next one gives the bits of one never cancelled.
 */
static void a_cancelled_step_leaves_nothing(void **unused) {
    (void)unused;
    bench b;
    float want[WEIR_COUNT(b.logits)];
    atomic_bool cancel = true;
    weir_error err = {0};
    bench_open(&b);
    pair_run(b.cuda, &b.step);
    memcpy(want, b.logits, sizeof want);
    fill(b.logits, WEIR_COUNT(b.logits), 17);
    b.step.batch.cancel = &cancel;
    assert_int_equal(weir_backend_step(b.cuda, &b.step.batch, &err), WEIR_STATUS_CANCELLED);
    assert_all_are(b.logits, WEIR_COUNT(b.logits), 17);
    assert_null(b.cuda->failure);
    atomic_store(&cancel, false);
    pair_run(b.cuda, &b.step);
    assert_memory_equal(b.logits, want, sizeof want);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machines_that_will_not_do),
        cmocka_unit_test(options_that_will_not_do),
        cmocka_unit_test(opening_fails_whole),
        cmocka_unit_test(the_plan_is_what_is_taken),
        cmocka_unit_test(pages_and_states_are_as_written),
        cmocka_unit_test(a_step_is_all_or_nothing),
        cmocka_unit_test(the_op_that_failed_is_named),
        cmocka_unit_test(a_page_that_cannot_be_read_is_zeros),
        cmocka_unit_test(a_cancelled_step_leaves_nothing),
    };
    return cmocka_run_group_tests_name("cuda faults", tests, NULL, NULL);
}
