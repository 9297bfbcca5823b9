/*
 * test_cuda_engine.c: an engine with --device cuda, on the emulator: what it answers against the
 * reference, its promises on bits, and what is left of its timelines when the device fails.
 *
 * src/engine/devices.c is compiled for this program with the device built in.
 */
#include "cuda_memory_emulated.h"
#include "engine_fixture.h"

#include <math.h>

enum { MOST_VOCAB = 512, PROMPT = 8, MORE = 2 };

static const weir_engine_options small = {
    .device = "cuda", .kv_type = "f32", .n_ctx = 128, .n_seqs = 3, .n_batch = 80};

static weir_engine_options with(const char *device, const char *activations) {
    weir_engine_options o = small;
    o.device = device;
    o.activations = activations;
    return o;
}

static void append(weir_seq *seq, const int32_t *tokens, size_t n) {
    REQUIRE_OK(weir_seq_append(seq, tokens, n, &test_err));
}

static double error_of(const float *got, const float *want, size_t n) {
    double off = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        off += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        all += (double)want[i] * want[i];
    }
    return sqrt(off / all);
}

static void answers_are_those_of_the_reference(void **state) {
    (void)state;
    weir_model *model = open_golden("moe_top2");
    uint32_t n_vocab = vocab_of(model);
    emulated_reset();
    weir_engine *cuda = open_engine(model, with("cuda", "f32"));
    weir_engine *reference = open_engine(model, with("reference", NULL));
    dice d = {.seed = 3};
    int32_t tokens[PROMPT];
    float want[MOST_VOCAB], got[MOST_VOCAB], again[MOST_VOCAB];
    roll_tokens(&d, n_vocab, tokens, PROMPT);
    fresh_logits(reference, tokens, PROMPT, want);
    fresh_logits(cuda, tokens, PROMPT, got);
    assert_true(error_of(got, want, n_vocab) < 2e-5);
    assert_non_null(strstr(weir_engine_describe(cuda), "cuda, Emulated GPU, sm_90"));

    /* A fork, cut back and fed the same again: the same bits. */
    weir_seq *seq, *fork;
    REQUIRE_OK(weir_seq_open(&seq, cuda, &test_err));
    append(seq, tokens, PROMPT);
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    REQUIRE_OK(weir_seq_fork(&fork, seq, &test_err));
    REQUIRE_OK(weir_seq_rewind(fork, PROMPT - 3, &test_err));
    append(fork, tokens + PROMPT - 3, 3);
    REQUIRE_OK(weir_seq_run(fork, &test_err));
    memcpy(again, weir_seq_logits(fork), n_vocab * sizeof *again);
    require_same_bits(again, got, n_vocab, "after a rewind");
    weir_seq_close(&fork);
    weir_seq_close(&seq);
    weir_engine_close(&cuda);
    weir_engine_close(&reference);
    weir_model_close(&model);
    assert_int_equal(emulated_get()->n_taken, 0);
}

/* The device fails in the middle of a step of two timelines: neither has moved, every later step
 * says why, and both go on elsewhere from the tokens they hold. */
static void a_lost_device_loses_no_timeline(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    uint32_t n_vocab = vocab_of(model);
    emulated_machine *machine = emulated_get();
    emulated_reset();
    weir_engine *cuda = open_engine(model, with("cuda", "f32"));
    weir_engine *elsewhere = open_engine(model, with("reference", NULL));
    dice d = {.seed = 4};
    int32_t tokens[2][PROMPT];
    weir_seq *seq[2];
    float before[2][MOST_VOCAB], want[MOST_VOCAB];
    for (int i = 0; i < 2; i++) {
        roll_tokens(&d, n_vocab, tokens[i], PROMPT);
        REQUIRE_OK(weir_seq_open(&seq[i], cuda, &test_err));
        append(seq[i], tokens[i], PROMPT - MORE);
        REQUIRE_OK(weir_seq_run(seq[i], &test_err));
        memcpy(before[i], weir_seq_logits(seq[i]), n_vocab * sizeof **before);
        append(seq[i], tokens[i] + PROMPT - MORE, MORE);
    }
    weir_chunk chunks[] = {{.seq = seq[0]}, {.seq = seq[1]}};
    machine->fail_at[EMULATED_LAUNCH] = machine->n_calls[EMULATED_LAUNCH] + 20;
    machine->fail_code[EMULATED_LAUNCH] = 719;
    assert_int_equal(weir_engine_step(cuda, chunks, 2, &test_err), WEIR_STATUS_FAILED);
    assert_non_null(strstr(test_err.text, "cudaErrorLaunchFailure"));
    assert_non_null(strstr(test_err.text, "timelines have not moved"));
    assert_non_null(strstr(test_err.text, "device 'cpu'"));
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < 2; i++) {
            assert_int_equal(weir_seq_n_tokens(seq[i]), PROMPT);
            assert_int_equal(weir_seq_n_pending(seq[i]), MORE);
            assert_int_equal(weir_seq_run(seq[i], &test_err), WEIR_STATUS_FAILED);
            assert_non_null(strstr(test_err.text, "was lost in an earlier step"));
        }
        assert_int_equal(weir_seq_save(seq[0], "lost.state", &test_err), WEIR_STATUS_FAILED);
        assert_non_null(strstr(test_err.text, "is lost"));
        assert_int_equal(access("lost.state", F_OK), -1);
    }
    for (int i = 0; i < 2; i++) {
        fresh_logits(elsewhere, tokens[i], PROMPT - MORE, want);
        assert_true(error_of(before[i], want, n_vocab) < 2e-5);
        /* cut back to where its logits are, it still has them */
        REQUIRE_OK(weir_seq_rewind(seq[i], PROMPT - MORE, &test_err));
        require_same_bits(weir_seq_logits(seq[i]), before[i], n_vocab, "logits of a lost device");
        weir_seq_close(&seq[i]);
    }
    weir_engine_close(&cuda);
    weir_engine_close(&elsewhere);
    weir_model_close(&model);
    assert_int_equal(machine->n_taken, 0);
}

static void refused(weir_model *model, weir_engine_options o, weir_status status,
                    const char *words) {
    weir_engine *engine;
    assert_int_equal(weir_engine_open(&engine, model, &o, &test_err), status);
    assert_null(engine);
    if (!strstr(test_err.text, words))
        fail_msg("'%s' does not say '%s'", test_err.text, words);
}

static void activations_are_the_devices(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    weir_plan plan;
    weir_engine_options o = with("cuda", NULL);
    emulated_reset();
    refused(model, with("cuda", "q15"), WEIR_STATUS_BAD_ARGUMENT,
            "activations 'q15': device 'cuda' expects 'bf16' or 'f32'");
    refused(model, with("cpu", "bf16"), WEIR_STATUS_BAD_ARGUMENT,
            "activations 'bf16': device 'cpu' expects 'q8', 'q15', 'f32' or 'parity'");
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    assert_string_equal(plan.activations, "bf16");
    o = with("cuda", "f32");
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    assert_string_equal(plan.activations, "f32");
    o = with(NULL, NULL);
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    assert_string_equal(plan.activations, "q8");
    weir_model_close(&model);
}

static void a_machine_without_is_told_of(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    emulated_machine *machine = emulated_get();
    weir_device_info info;
    emulated_reset();
    REQUIRE_OK(weir_device_look(&info, "cuda", &test_err));
    assert_string_equal(info.text, "Emulated GPU, compute capability 9.0, driver for CUDA 13.0, "
                                   "made with CUDA 13.0");
    assert_true(info.has_own_memory && info.total_bytes == 80000000000);
    REQUIRE_OK(weir_device_look(&info, NULL, &test_err));
    assert_true(!info.has_own_memory && info.free_bytes == 0);
    assert_int_equal(weir_device_look(&info, "abacus", &test_err), WEIR_STATUS_BAD_ARGUMENT);

    machine->facts.free_bytes = 1000000;
    refused(model, small, WEIR_STATUS_NO_MEMORY, "of 80.00 GB are free on Emulated GPU");
    machine->find_code = WEIR_CUDA_OLD_DRIVER;
    machine->facts.driver_version = 0;
    refused(model, small, WEIR_STATUS_FAILED, "no NVIDIA driver; device 'cpu' needs none");
    assert_int_equal(weir_device_look(&info, "cuda", &test_err), WEIR_STATUS_FAILED);
    assert_true(info.has_own_memory); /* a plan for another machine's GPU is still one */
    weir_engine_options o = small;
    weir_plan plan;
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    weir_model_close(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_the_reference),
        cmocka_unit_test(a_lost_device_loses_no_timeline),
        cmocka_unit_test(activations_are_the_devices),
        cmocka_unit_test(a_machine_without_is_told_of),
    };
    return cmocka_run_group_tests_name("cuda engine", tests, NULL, NULL);
}
