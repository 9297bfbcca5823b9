/*
 * test_half.c: float16 and bfloat16 conversions. Rounding is proven by the midpoints: between two
 * neighbours of the small format, everything below the midpoint goes down, everything above goes
 * up, and the midpoint goes to the even one.
 */
#include "base/half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Value of f16 bits by the definition of the format. */
static double f16_value(uint32_t h) {
    int exponent = (int)(h >> 10 & 31u), mantissa = (int)(h & 1023u);
    double value = exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
    return h & 0x8000u ? -value : value;
}

static void f16_values_and_round_trip(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float x = weir_f16_to_f32((uint16_t)h);
        uint16_t back = weir_f32_to_f16(x);
        if ((h & 0x7fffu) > 0x7c00u) {
            assert_true(isnan(x));
            assert_int_equal(back, h | 0x200u); /* quiet, with sign and payload */
            continue;
        }
        if ((h & 0x7fffu) == 0x7c00u)
            assert_true(isinf(x) && !signbit(x) == !(h & 0x8000u));
        else
            assert_true((double)x == f16_value(h));
        assert_int_equal(back, h);
    }
}

static void f16_rounds_to_nearest_even(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x7c00u; h++) {
        /* Above the largest number the next step of the same exponent stands for infinity. */
        double next = h == 0x7bffu ? 65536.0 : f16_value(h + 1);
        float middle = (float)((f16_value(h) + next) / 2);
        assert_true((double)middle * 2 == f16_value(h) + next);
        uint32_t even = h & 1u ? h + 1 : h;
        for (uint32_t sign = 0; sign < 2; sign++) {
            float s = sign ? -1.0f : 1.0f;
            assert_int_equal(weir_f32_to_f16(s * middle), even | sign << 15);
            assert_int_equal(weir_f32_to_f16(s * nextafterf(middle, 0.0f)), h | sign << 15);
            assert_int_equal(weir_f32_to_f16(s * nextafterf(middle, 1e9f)), (h + 1) | sign << 15);
        }
    }
}

static void f16_extremes(void **state) {
    (void)state;
    assert_int_equal(weir_f32_to_f16(0.0f), 0);
    assert_int_equal(weir_f32_to_f16(-0.0f), 0x8000);
    assert_int_equal(weir_f32_to_f16(0x1p-149f), 0);
    assert_int_equal(weir_f32_to_f16(-0x1p-149f), 0x8000);
    assert_int_equal(weir_f32_to_f16(3.4e38f), 0x7c00);
    assert_int_equal(weir_f32_to_f16(-3.4e38f), 0xfc00);
    assert_int_equal(weir_f32_to_f16(INFINITY), 0x7c00);
    assert_int_equal(weir_f32_to_f16(-INFINITY), 0xfc00);
    /* NaNs whose payload lies only in bits that are cut off stay NaN */
    assert_int_equal(weir_f32_to_f16(weir_bits_f32(0x7f800001u)), 0x7e00);
    assert_int_equal(weir_f32_to_f16(weir_bits_f32(0xff800001u)), 0xfe00);
    assert_int_equal(weir_f32_to_f16(weir_bits_f32(0x7fffffffu)), 0x7fff);
}

/* clang before 15 knows _Float16 on x86-64 only with AVX512-FP16. */
#if defined(__FLT16_MANT_DIG__) && (!defined(__clang__) || __clang_major__ >= 15)
#define HAS_FLOAT16 1
#else
#define HAS_FLOAT16 0
#endif

static void f16_agrees_with_compiler(void **state) {
    (void)state;
#if HAS_FLOAT16
    for (uint64_t u = 0; u <= UINT32_MAX; u += 4099) { /* prime: all low bits occur */
        float x = weir_bits_f32((uint32_t)u);
        _Float16 theirs = (_Float16)x;
        uint16_t bits, ours = weir_f32_to_f16(x);
        memcpy(&bits, &theirs, sizeof bits);
        if (isnan(x))
            assert_true((ours & 0x7fffu) > 0x7c00u && (bits & 0x7fffu) > 0x7c00u);
        else
            assert_int_equal(ours, bits);
    }
    for (uint32_t h = 0; h < 65536; h++) {
        uint16_t bits = (uint16_t)h;
        _Float16 theirs;
        memcpy(&theirs, &bits, sizeof theirs);
        float ours = weir_f16_to_f32(bits);
        assert_true(isnan(ours) ? theirs != theirs : ours == (float)theirs);
    }
#else
    print_message("skipped: this compiler has no _Float16 here\n");
    skip();
#endif
}

static void bf16_round_trip_and_rounding(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float x = weir_bf16_to_f32((uint16_t)h);
        assert_int_equal(weir_f32_bits(x), h << 16);
        bool is_nan = (h & 0x7fffu) > 0x7f80u;
        assert_int_equal(weir_f32_to_bf16(x), is_nan ? h | 0x40u : h);
        if ((h & 0x7fffu) >= 0x7f80u)
            continue;
        assert_int_equal(weir_f32_to_bf16(weir_bits_f32(h << 16 | 0x7fffu)), h);
        assert_int_equal(weir_f32_to_bf16(weir_bits_f32(h << 16 | 0x8000u)), h + (h & 1u));
        assert_int_equal(weir_f32_to_bf16(weir_bits_f32(h << 16 | 0x8001u)), h + 1);
        assert_int_equal(weir_f32_to_bf16(weir_bits_f32(h << 16 | 0xffffu)), h + 1);
    }
    /* the largest float is above the midpoint to infinity */
    assert_int_equal(weir_f32_to_bf16(weir_bits_f32(0x7f7fffffu)), 0x7f80);
    assert_int_equal(weir_f32_to_bf16(weir_bits_f32(0xff7fffffu)), 0xff80);
    assert_int_equal(weir_f32_to_bf16(weir_bits_f32(0x7f800001u)), 0x7fc0);
    assert_int_equal(weir_f32_to_bf16(weir_bits_f32(0xffffffffu)), 0xffff);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f16_values_and_round_trip),
        cmocka_unit_test(f16_rounds_to_nearest_even),
        cmocka_unit_test(f16_extremes),
        cmocka_unit_test(f16_agrees_with_compiler),
        cmocka_unit_test(bf16_round_trip_and_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
