/*
 * test_parity.c: activations as llama.cpp rounds them (cpu/parity.h): the blocks by hand, and that
 * a product with --activations parity is the exact product of what was rounded.
 */
#include "cpu_devices.h"

#include "base/half.h"
#include "cpu/parity.h"

static float value_of(uint64_t i) {
    return (float)(weir_uniform(weir_mix64(31, 7, i)) - 0.5) * 3.0f;
}

/* Whole multiples of d, which is the largest value over 127; the largest is 127 d. */
static void check_block(const float *x, const float *y, uint32_t n, bool is_half) {
    float most = 0, largest = 0;
    for (uint32_t i = 0; i < n; i++) {
        most = fmaxf(most, fabsf(x[i]));
        largest = fmaxf(largest, fabsf(y[i]));
    }
    float d = largest / 127;
    /* Small scales are subnormal in float16. */
    float room = is_half ? most / 127 * 0x1p-11f + 0x1p-25f : most / 127 * 0x1p-22f;
    assert_true(fabsf(d - most / 127) <= room);
    for (uint32_t i = 0; i < n; i++) {
        float whole = rintf(y[i] / d);
        assert_true(fabsf(y[i] / d - whole) < 1e-3f && fabsf(whole) <= 127);
        assert_true(fabsf(whole - x[i] * 127 / most) <= 0.5f + 1e-4f);
    }
    if (is_half)
        assert_true(weir_f16_to_f32(weir_f32_to_f16(d)) == d);
}

static void blocks_are_rounded_as_they_should_be(void **state) {
    (void)state;
    enum { N = 512 };
    float x[N], y[N];
    for (uint32_t i = 0; i < N; i++)
        x[i] = value_of(i) * (i / 32 % 3 == 1 ? 1e-3f : 1.0f);
    static const weir_format_id by_32[] = {WEIR_FORMAT_Q4_0, WEIR_FORMAT_Q4_1, WEIR_FORMAT_Q5_0,
                                           WEIR_FORMAT_Q5_1, WEIR_FORMAT_Q8_0, WEIR_FORMAT_IQ4_NL,
                                           WEIR_FORMAT_MXFP4};
    for (size_t f = 0; f < WEIR_COUNT(by_32); f++) {
        assert_true(weir_parity_rounds(by_32[f]));
        weir_parity_round(by_32[f], x, N, y);
        for (uint32_t i = 0; i < N; i += 32)
            check_block(x + i, y + i, 32, true);
    }
    static const weir_format_id by_256[] = {WEIR_FORMAT_Q2_K, WEIR_FORMAT_Q3_K, WEIR_FORMAT_Q4_K,
                                            WEIR_FORMAT_Q5_K, WEIR_FORMAT_Q6_K, WEIR_FORMAT_IQ4_XS};
    for (size_t f = 0; f < WEIR_COUNT(by_256); f++) {
        weir_parity_round(by_256[f], x, N, y);
        for (uint32_t i = 0; i < N; i += 256)
            check_block(x + i, y + i, 256, false);
    }
    weir_parity_round(WEIR_FORMAT_F16, x, N, y);
    for (uint32_t i = 0; i < N; i++)
        assert_true(y[i] == weir_f16_to_f32(weir_f32_to_f16(x[i])));
    weir_parity_round(WEIR_FORMAT_BF16, x, N, y);
    for (uint32_t i = 0; i < N; i++)
        assert_true(y[i] == weir_bf16_to_f32(weir_f32_to_bf16(x[i])));
    assert_false(weir_parity_rounds(WEIR_FORMAT_F32));
    weir_parity_round(WEIR_FORMAT_F32, x, N, y);
    assert_memory_equal(x, y, sizeof x);
}

static void zeros_stay_zeros(void **state) {
    (void)state;
    float x[256] = {0}, y[256];
    static const weir_format_id ids[] = {WEIR_FORMAT_Q8_0, WEIR_FORMAT_Q4_K};
    for (size_t f = 0; f < WEIR_COUNT(ids); f++) {
        spoil(y, 256);
        weir_parity_round(ids[f], x, 256, y);
        assert_memory_equal(x, y, sizeof x);
    }
    /* Nor does what is too small for a scale become anything else. */
    for (uint32_t i = 0; i < 256; i += 2)
        x[i] = i % 4 ? -1e-38f : 2e-40f;
    for (size_t f = 0; f < WEIR_COUNT(ids); f++) {
        spoil(y, 256);
        weir_parity_round(ids[f], x, 256, y);
        for (uint32_t i = 0; i < 256; i++)
            assert_true(y[i] == 0.0f);
    }
}

/* One device rounds, the other is given what was rounded. Experts read one row several times. */
static void products_are_of_what_was_rounded(void **state) {
    (void)state;
    static const weir_format_id formats[] = {WEIR_FORMAT_Q4_0, WEIR_FORMAT_Q6_K, WEIR_FORMAT_F16,
                                             WEIR_FORMAT_F32};
    enum { ROWS = 9, COLS = 256, OUT = 256, USED = 3 };
    for (size_t f = 0; f < WEIR_COUNT(formats); f++) {
        small_spec spec = {.d_model = COLS,
                           .n_heads = 4,
                           .n_heads_kv = 2,
                           .head_dim = 64,
                           .d_ff = 512,
                           .n_experts = 8,
                           .n_used = USED,
                           .d_ff_expert = OUT,
                           .l_cache = 3,
                           .n_vocab = 320,
                           .format = formats[f],
                           .seed = 5};
        small_model small;
        weir_backend *exact, *parity;
        weir_error err = {0};
        small_model_open(&small, &spec);
        weir_backend_options options = device_options(NULL, 2, WEIR_KV_F32);
        assert_int_equal(weir_cpu_open(&exact, &small.model, &options, &err), WEIR_STATUS_OK);
        options.activations = WEIR_ACTIVATIONS_PARITY;
        assert_int_equal(weir_cpu_open(&parity, &small.model, &options, &err), WEIR_STATUS_OK);
        float x[ROWS * COLS], rounded[ROWS * COLS];
        float *got = malloc(sizeof(float) * ROWS * USED * OUT),
              *want = malloc(sizeof(float) * ROWS * USED * OUT);
        int32_t choice[ROWS * USED];
        for (uint32_t i = 0; i < ROWS * COLS; i++)
            x[i] = value_of(i);
        for (uint32_t i = 0; i < ROWS * USED; i++)
            choice[i] = (int32_t)(i * 5 % 8);
        weir_parity_round(formats[f], x, ROWS * COLS, rounded);
        weir_linear op = {.w = small.layers[1].experts_gate,
                          .x = x,
                          .y = got,
                          .n_rows = ROWS * USED,
                          .choice = choice,
                          .n_choices = 8,
                          .x_repeat = USED};
        parity->ops.linear(parity, &op);
        op.x = rounded;
        op.y = want;
        exact->ops.linear(exact, &op);
        assert_memory_equal(got, want, sizeof(float) * ROWS * USED * OUT);
        op.x = x;
        exact->ops.linear(exact, &op);
        assert_true((memcmp(got, want, sizeof(float) * ROWS * USED * OUT) == 0) ==
                    (formats[f] == WEIR_FORMAT_F32));
        free(got);
        free(want);
        exact->close(exact);
        parity->close(parity);
        small_model_close(&small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_rounded_as_they_should_be),
        cmocka_unit_test(zeros_stay_zeros),
        cmocka_unit_test(products_are_of_what_was_rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
