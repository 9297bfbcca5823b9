/*
 * test_cuda_adapt.cpp: what adapters add: every row by its own scale, to the bit, and rows that do
 * not use the adapter as they were, whatever stands beside them.
 */
#include "cuda/adapt_cuda.h"
#include "cuda_test.h"

/* n_rows of the batch, `per` rows of y each. */
static void test_scales(uint32_t n_rows, uint32_t per, uint32_t width) {
    size_t n = (size_t)n_rows * per * width;
    gpu_buffer<float> y(n), x(n), before(n), scales(n_rows);
    char name[64];
    const float kinds[] = {0.0f, 1.0f, -0.5f, 0.0f, 2.0f, -0.0f};
    test_fill(y);
    test_fill(x);
    for (uint32_t r = 0; r < n_rows; r++) {
        scales[r] = kinds[r % 6];
        if (scales[r] == 0.0f) { /* nothing of such a row is touched */
            x[(size_t)r * per * width] = INFINITY;
            y[(size_t)r * per * width] = -0.0f;
        }
    }
    memcpy(before.p, y.p, n * sizeof(float));
    weir_cuda_adapt op = {y.p, x.p, scales.p, 0.25f, n_rows * per, per, width};
    weir_cuda_run_adapt(nullptr, &op);
    finish();
    snprintf(name, sizeof name, "%u rows of %u x %u", n_rows, per, width);
    bool is_right = true, is_kept = true;
    for (size_t i = 0; i < n; i++) {
        float scale = scales[i / width / per];
        float want = scale == 0.0f ? before[i] : fmaf(scale * 0.25f, x[i], before[i]);
        bool is_same = same_bits(&y[i], &want, 1);
        (scale == 0.0f ? is_kept : is_right) &= is_same;
    }
    printf("%-10s %s\n", "adapt", name);
    check(is_right, "values of adapted rows", name);
    check(is_kept, "rows that use no adapter", name);
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    test_scales(1, 1, 1);
    test_scales(7, 1, 255);
    test_scales(12, 4, 256);
    test_scales(13, 3, 257);
    weir_cuda_adapt none = {};
    weir_cuda_run_adapt(nullptr, &none);
    finish();
    return test_end();
}
