/*
 * test_format_table.c: the table of number formats: what is in it, how it is searched, which format
 * takes the place of which, and the packed fields of blocks. The arithmetic is tested in
 * kernels/test_formats.c.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "quant/blocks.h"
#include "quant/format.h"

static void test_rows_are_what_gguf_says(void **state) {
    (void)state;
    static const struct {
        uint32_t id;
        const char *name;
        uint32_t values, bytes;
    } known[] = {
        {0, "f32", 1, 4},       {1, "f16", 1, 2},       {30, "bf16", 1, 2},
        {2, "q4_0", 32, 18},    {3, "q4_1", 32, 20},    {6, "q5_0", 32, 22},
        {7, "q5_1", 32, 24},    {8, "q8_0", 32, 34},    {10, "q2_k", 256, 84},
        {11, "q3_k", 256, 110}, {12, "q4_k", 256, 144}, {13, "q5_k", 256, 176},
        {14, "q6_k", 256, 210}, {20, "iq4_nl", 32, 18}, {23, "iq4_xs", 256, 136},
        {39, "mxfp4", 32, 17},
    };
    for (size_t i = 0; i < WEIR_COUNT(known); i++) {
        const weir_format *f = weir_format_by_id(known[i].id);
        assert_non_null(f);
        assert_int_equal(f->id, known[i].id);
        assert_string_equal(f->name, known[i].name);
        assert_int_equal(f->block_values, known[i].values);
        assert_int_equal(f->block_bytes, known[i].bytes);
        assert_ptr_equal(f, weir_format_by_name(known[i].name));
        assert_int_equal(weir_format_row_bytes(f, 512), 512 / known[i].values * known[i].bytes);
    }
    size_t n = 0;
    while (weir_format_at(n)) {
        assert_ptr_equal(weir_format_at(n), weir_format_by_id((uint32_t)weir_format_at(n)->id));
        assert_true(weir_format_at(n)->id < WEIR_FORMAT_LIMIT);
        n++;
    }
    assert_int_equal(n, WEIR_COUNT(known));
    assert_null(weir_format_at(n + 1));
}

static void test_search(void **state) {
    (void)state;
    assert_int_equal(weir_format_by_name("Q4_K")->id, WEIR_FORMAT_Q4_K);
    assert_int_equal(weir_format_by_name("IQ4_nl")->id, WEIR_FORMAT_IQ4_NL);
    assert_null(weir_format_by_name("q4"));
    assert_null(weir_format_by_name("q4_0 "));
    assert_null(weir_format_by_name(""));
    assert_null(weir_format_by_name(NULL));
    assert_null(weir_format_by_id(4));
    assert_null(weir_format_by_id(40));
    assert_null(weir_format_by_id(UINT32_MAX));
}

static void test_names(void **state) {
    (void)state;
    const char *const *names = weir_format_names();
    size_t n = 0;
    for (; names[n]; n++)
        assert_string_equal(names[n], weir_format_at(n)->name);
    assert_null(weir_format_at(n));
}

static void test_foreign_names(void **state) {
    (void)state;
    assert_string_equal(weir_format_foreign_name(9), "q8_1");
    assert_string_equal(weir_format_foreign_name(15), "q8_k");
    assert_string_equal(weir_format_foreign_name(16), "iq2_xxs");
    assert_string_equal(weir_format_foreign_name(28), "f64");
    assert_string_equal(weir_format_foreign_name(35), "tq2_0");
    assert_string_equal(weir_format_foreign_name(40), "nvfp4");
    assert_string_equal(weir_format_foreign_name(5000), "unknown");
    /* A number has a name in the table or a foreign one, and none has both or neither. */
    for (uint32_t id = 0; id < 43; id++) {
        bool is_foreign = strcmp(weir_format_foreign_name(id), "unknown") != 0;
        assert_int_equal(is_foreign, weir_format_by_id(id) == NULL);
    }
}

static void test_for_row(void **state) {
    (void)state;
    static const struct {
        const char *asked, *at_32;
    } pairs[] = {
        {"q2_k", "iq4_nl"}, {"q3_k", "iq4_nl"}, {"iq4_xs", "iq4_nl"},
        {"q4_k", "q5_0"},   {"q5_k", "q5_1"},   {"q6_k", "q8_0"},
    };
    for (size_t i = 0; i < WEIR_COUNT(pairs); i++) {
        const weir_format *f = weir_format_by_name(pairs[i].asked);
        assert_ptr_equal(weir_format_for_row(f, 256), f);
        assert_ptr_equal(weir_format_for_row(f, 1792), f);
        assert_string_equal(weir_format_for_row(f, 32)->name, pairs[i].at_32);
        assert_string_equal(weir_format_for_row(f, 288)->name, pairs[i].at_32);
    }
    for (size_t i = 0; weir_format_at(i); i++) {
        const weir_format *f = weir_format_at(i);
        for (size_t n = 1; n <= 600; n++)
            assert_int_equal(n % weir_format_for_row(f, n)->block_values, 0);
        assert_ptr_equal(weir_format_for_row(f, 2048), f);
        assert_string_equal(weir_format_for_row(f, 84)->name,
                            f->block_values == 1 ? f->name : "f16");
    }
}

static void test_k4_scales(void **state) {
    (void)state;
    /* Each of the sixteen numbers alone, with all its bits, must come out where it was put. */
    static const uint8_t one_set[8][2][12] = {
        {{63}, {0, 0, 0, 0, 63}},
        {{0, 63}, {0, 0, 0, 0, 0, 63}},
        {{0, 0, 63}, {0, 0, 0, 0, 0, 0, 63}},
        {{0, 0, 0, 63}, {0, 0, 0, 0, 0, 0, 0, 63}},
        {{192, 0, 0, 0, 0, 0, 0, 0, 15}, {0, 0, 0, 0, 192, 0, 0, 0, 240}},
        {{0, 192, 0, 0, 0, 0, 0, 0, 0, 15}, {0, 0, 0, 0, 0, 192, 0, 0, 0, 240}},
        {{0, 0, 192, 0, 0, 0, 0, 0, 0, 0, 15}, {0, 0, 0, 0, 0, 0, 192, 0, 0, 0, 240}},
        {{0, 0, 0, 192, 0, 0, 0, 0, 0, 0, 0, 15}, {0, 0, 0, 0, 0, 0, 0, 192, 0, 0, 0, 240}},
    };
    for (unsigned g = 0; g < 8; g++)
        for (unsigned is_min = 0; is_min < 2; is_min++) {
            uint8_t all_sc[8], all_m[8];
            weir_k4_scales(one_set[g][is_min], all_sc, all_m);
            for (unsigned h = 0; h < 8; h++) {
                uint8_t sc, m;
                weir_k4_scale(one_set[g][is_min], h, &sc, &m);
                assert_int_equal(sc, h == g && !is_min ? 63 : 0);
                assert_int_equal(m, h == g && is_min ? 63 : 0);
                assert_int_equal(all_sc[h], sc);
                assert_int_equal(all_m[h], m);
            }
        }
}

static void test_other_scales(void **state) {
    (void)state;
    uint8_t packed[12] = {0};
    int8_t sc[16];
    weir_q3_k_scales(packed, sc);
    for (unsigned g = 0; g < 16; g++)
        assert_int_equal(sc[g], -32);
    memset(packed, 255, sizeof packed);
    weir_q3_k_scales(packed, sc);
    for (unsigned g = 0; g < 16; g++)
        assert_int_equal(sc[g], 31);
    memset(packed, 0, sizeof packed);
    packed[5] = 0x70; /* group 13: low part 7, high part 2 */
    packed[9] = 0x80;
    weir_q3_k_scales(packed, sc);
    for (unsigned g = 0; g < 16; g++)
        assert_int_equal(sc[g], g == 13 ? (7 | 2 << 4) - 32 : -32);

    weir_block_iq4_xs b = {.scales_h = {0x00, 0x30}, .scales_l = {0, 0, 0, 0x09}};
    for (unsigned g = 0; g < 8; g++)
        assert_int_equal(weir_iq4_xs_scale(&b, g), g == 6 ? (9 | 3 << 4) - 32 : -32);
}

static void test_mxfp4_scale(void **state) {
    (void)state;
    for (int e = 0; e < 256; e++)
        assert_true(weir_mxfp4_scale((uint8_t)e) == ldexpf(1.0f, e - 128));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_what_gguf_says),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_foreign_names),
        cmocka_unit_test(test_for_row),
        cmocka_unit_test(test_k4_scales),
        cmocka_unit_test(test_other_scales),
        cmocka_unit_test(test_mxfp4_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
