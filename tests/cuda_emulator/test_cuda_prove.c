/*
 * test_cuda_prove.c: what the host makes of the proof of wgmma: used where bits are the same, not
 * where they differ or where there is none, said in the device's line; failures of the device are
 * returned and leave no memory taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* behind what it needs */
#include <cmocka.h>

#include "cuda/cuda_fast.h"
#include "cuda_memory_emulated.h"
#include <string.h>

extern bool weir_emulator_wgmma_cuts; /* emulate_wgmma.h */

static weir_cuda_stream *stream;

static int open_stream(void **state) {
    (void)state;
    emulated_reset();
    return weir_cuda_stream_open(&stream);
}

static int close_stream(void **state) {
    (void)state;
    weir_cuda_stream_close(stream);
    return 0;
}

static int prove(weir_cuda_fast *fast, bool has_gemm, int major, int minor) {
    weir_cuda_facts facts = {.major = major, .minor = minor};
    *fast = (weir_cuda_fast){.has_gemm = has_gemm};
    uint64_t n_taken = emulated_get()->n_taken;
    int code = weir_cuda_fast_prove(fast, stream, &facts);
    assert_int_equal(emulated_get()->n_taken, n_taken);
    return code;
}

static void used_where_bits_are_the_same(void **state) {
    weir_cuda_fast fast;
    (void)state;
    emulated_reset();
    assert_int_equal(prove(&fast, true, 9, 0), 0);
    assert_int_equal(fast.wgmma, WEIR_CUDA_WGMMA_USED);
    assert_string_equal(weir_cuda_fast_describe(&fast), ", wgmma");
}

static void not_where_bits_differ(void **state) {
    weir_cuda_fast fast;
    (void)state;
    emulated_reset();
    weir_emulator_wgmma_cuts = true;
    assert_int_equal(prove(&fast, true, 9, 0), 0);
    weir_emulator_wgmma_cuts = false;
    assert_int_equal(fast.wgmma, WEIR_CUDA_WGMMA_OTHER);
    assert_non_null(strstr(weir_cuda_fast_describe(&fast), "no wgmma (other bits"));
}

static void not_asked_without_need(void **state) {
    static const int without[][2] = {{8, 0}, {8, 9}, {10, 0}, {12, 0}};
    weir_cuda_fast fast;
    (void)state;
    emulated_reset();
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        assert_int_equal(prove(&fast, true, without[i][0], without[i][1]), 0);
        assert_int_equal(fast.wgmma, WEIR_CUDA_WGMMA_NONE);
    }
    assert_int_equal(prove(&fast, false, 9, 0), 0);
    assert_int_equal(fast.wgmma, WEIR_CUDA_WGMMA_NONE);
    assert_string_equal(weir_cuda_fast_describe(&fast), "");
    assert_int_equal(emulated_get()->n_calls[EMULATED_TAKE], 0);
}

static void failures_are_returned(void **state) {
    weir_cuda_fast fast;
    (void)state;
    for (emulated_call call = 0; call < EMULATED_CALLS; call++)
        for (uint64_t n = 1; n <= (call == EMULATED_TAKE ? 2 : 1); n++) {
            emulated_reset();
            emulated_get()->fail_at[call] = n;
            emulated_get()->fail_code[call] = 700;
            assert_int_equal(prove(&fast, true, 9, 0), 700);
            assert_int_equal(fast.wgmma, WEIR_CUDA_WGMMA_NONE);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(used_where_bits_are_the_same), cmocka_unit_test(not_where_bits_differ),
        cmocka_unit_test(not_asked_without_need), cmocka_unit_test(failures_are_returned)};
    return cmocka_run_group_tests(tests, open_stream, close_stream);
}
