/*
 * test_cuda_synth.c: weights made on the device are the host's, byte for byte: every format,
 * tensors of every kind of offset and scale, rows apart from one another, and slices that begin
 * anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "cuda/cuda_memory.h"
#include "cuda/synth_cuda.h"
#include "model/synth_values.h"

enum { COLS = 512, ROWS = 9, GAP = 32, FILL = 0x5a };

static weir_cuda_synth synth_of(const weir_synth_values *v) {
    weir_cuda_synth s = {.seed = v->seed,
                         .stream = v->stream,
                         .format = v->format->id,
                         .scale = v->scale,
                         .offset = v->offset};
    memcpy(s.d, v->d, sizeof s.d);
    memcpy(s.m, v->m, sizeof s.m);
    memcpy(s.e, v->e, sizeof s.e);
    return s;
}

/* Rows [row, row + ROWS) on both sides. */
static void compare(const weir_synth_values *v, uint64_t row) {
    size_t pitch = v->row_bytes + GAP;
    uint8_t *want = malloc(ROWS * v->row_bytes), *got = malloc(ROWS * pitch);
    void *device, *fill;
    weir_cuda_stream *stream;
    weir_cuda_synth synth = synth_of(v);
    assert_true(want && got);
    assert_int_equal(weir_cuda_stream_open(&stream), 0);
    assert_int_equal(weir_cuda_take(&device, ROWS * pitch), 0);
    assert_int_equal(weir_cuda_take_pinned(&fill, ROWS * pitch), 0);
    memset(fill, FILL, ROWS * pitch);
    assert_int_equal(weir_cuda_copy_up(stream, device, fill, ROWS * pitch), 0);
    weir_cuda_run_synth(stream, &synth, COLS, row, ROWS, device, pitch);
    assert_int_equal(weir_cuda_launched(), 0);
    assert_int_equal(weir_cuda_wait(stream), 0);
    assert_int_equal(weir_cuda_copy_down(stream, fill, device, ROWS * pitch), 0);
    assert_int_equal(weir_cuda_wait(stream), 0);
    memcpy(got, fill, ROWS * pitch);
    weir_synth_values_fill(v, row, ROWS, want);
    for (size_t r = 0; r < ROWS; r++) {
        if (memcmp(got + r * pitch, want + r * v->row_bytes, v->row_bytes) != 0)
            fail_msg("%s: row %zu is not the host's", v->format->name, (size_t)row + r);
        for (size_t i = 0; i < GAP; i++)
            assert_int_equal(got[r * pitch + v->row_bytes + i], FILL);
    }
    weir_cuda_give_pinned(fill);
    weir_cuda_give(device);
    weir_cuda_stream_close(stream);
    free(want);
    free(got);
}

static void every_format_has_the_hosts_bytes(void **state) {
    (void)state;
    static const weir_part parts[] = {WEIR_PART_EMBED, WEIR_PART_OPERATOR_NORM,
                                      WEIR_PART_EXPERTS_DOWN};
    weir_hparams h = {.n_layers = 40, .has_expert_bias = true};
    const weir_format *format;
    for (size_t f = 0; (format = weir_format_at(f)); f++) {
        assert_int_equal(weir_cuda_can_synth(format->id), weir_synth_has_format(format));
        for (size_t i = 0; i < WEIR_COUNT(parts); i++) {
            weir_synth_values v;
            weir_synth_values_open(&v, 11 + f, parts[i], "blk.7.some.weight", COLS, &h, format);
            compare(&v, 0);
            /* where 32 bits no longer count values */
            compare(&v, UINT64_C(1) << 33);
        }
    }
    assert_false(weir_cuda_can_synth(WEIR_FORMAT_LIMIT));
}

int main(void) {
    weir_cuda_facts facts;
    if (weir_cuda_find(&facts) != 0) {
        puts("skipped: no CUDA device");
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_format_has_the_hosts_bytes)};
    return cmocka_run_group_tests_name("cuda synth", tests, NULL, NULL);
}
