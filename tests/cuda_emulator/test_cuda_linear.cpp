/*
 * test_cuda_linear.cpp: decoding of every format bit for bit as quant/ does it, and products: one
 * row, many rows, experts, every tail, against double precision; the bits of a row alone and in
 * company.
 */
#include "cuda_test_weights.h"

static char name[96];

/* Random bytes: every scale, every nibble. NaN may differ in its bits. */
static void test_decoding(const weir_format *f, uint32_t n_blocks) {
    enum { ROWS = 3 };
    uint32_t cols = f->block_values * n_blocks;
    gpu_buffer<uint8_t> bytes(ROWS * weir_format_row_bytes(f, cols));
    gpu_buffer<int32_t> tokens(4);
    gpu_buffer<float> y((size_t)4 * cols);
    float *expected = (float *)malloc(cols * sizeof(float));
    for (size_t i = 0; i < bytes.n; i++)
        bytes[i] = (uint8_t)test_bits();
    const int32_t which[4] = {2, 0, 1, 2};
    memcpy(tokens.p, which, sizeof which);
    weir_cuda_matrix m = {bytes.p, (uint32_t)f->id, ROWS, cols, weir_format_row_bytes(f, cols),
                          bytes.n};
    weir_cuda_run_embed(nullptr, &m, tokens.p, 4, y.p);
    finish();
    size_t n_wrong = 0;
    for (uint32_t r = 0; r < 4; r++) {
        f->dequantize(bytes.p + (size_t)which[r] * m.row_bytes, expected, cols);
        for (uint32_t i = 0; i < cols; i++) {
            float out = y[(size_t)r * cols + i];
            bool is_same = same_bits(&out, &expected[i], 1) || (isnan(out) && isnan(expected[i]));
            n_wrong += !is_same;
        }
    }
    check(n_wrong == 0, "decoding", f->name);
    free(expected);
}

/* One shape: all rows at once against double precision, then each alone for its bits. */
static void test_product(const weir_format *f, uint32_t rows, uint32_t cols, uint32_t n_rows,
                         uint32_t n_experts, uint32_t x_repeat, bool has_bias, uint32_t x_shift) {
    weights w(f, rows, cols, n_experts ? n_experts : 1);
    uint32_t n_x = n_rows / x_repeat;
    gpu_buffer<float> x((size_t)n_x * cols + x_shift), bias(rows), y((size_t)n_rows * rows),
        one(rows);
    gpu_buffer<int32_t> choice(n_rows);
    test_fill(x);
    test_fill(bias);
    for (uint32_t r = 0; r < n_rows; r++)
        choice[r] = n_experts ? (int32_t)test_below(n_experts) : 0;
    weir_cuda_linear op = {
        w.m,    has_bias ? bias.p : nullptr, x.p + x_shift, y.p, n_experts ? choice.p : nullptr,
        n_rows, n_experts ? n_experts : 1,   x_repeat};
    weir_cuda_run_linear(nullptr, &op);
    finish();
    relative_error e;
    for (uint32_t r = 0; r < n_rows; r++)
        for (uint32_t o = 0; o < rows; o++) {
            const float *row = w.values.p + ((size_t)choice[r] * rows + o) * cols;
            const float *in = op.x + (size_t)(r / x_repeat) * cols;
            double sum = has_bias ? bias[o] : 0;
            for (uint32_t i = 0; i < cols; i++)
                sum += (double)row[i] * in[i];
            e.add(y[(size_t)r * rows + o], sum);
        }
    snprintf(name, sizeof name, "%s %ux%u rows %u%s", f->name, rows, cols, n_rows,
             n_experts ? " experts" : "");
    e.report("linear", name, 5e-7);
    for (uint32_t r = 0; r < n_rows; r++) {
        weir_cuda_linear alone = op;
        alone.n_rows = 1;
        alone.x_repeat = 1;
        alone.x = op.x + (size_t)(r / x_repeat) * cols;
        alone.choice = n_experts ? choice.p + r : nullptr;
        alone.y = one.p;
        weir_cuda_run_linear(nullptr, &alone);
        finish();
        check(same_bits(one.p, y.p + (size_t)r * rows, rows), "a row alone", name);
    }
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    for (size_t i = 0; weir_format_at(i); i++) {
        const weir_format *f = weir_format_at(i);
        uint32_t block = f->block_values == 1 ? 32 : f->block_values;
        check(weir_cuda_has_format(f->id) == 1, "kernels for", f->name);
        test_decoding(f, 64);
        test_decoding(f, 37);
        test_product(f, 13, 3 * block, 1, 0, 1, false, 0);
        test_product(f, 35, 2 * block, 11, 0, 1, true, 0);
        test_product(f, 5, block, 8, 3, 2, false, 0);
        test_product(f, 19, block, 48, 5, 4, false, 0);
    }
    /* rows that end inside a quarter, that begin at odd places, more experts than rows can be */
    for (uint32_t id = 0; id < WEIR_FORMAT_LIMIT; id++) {
        const weir_format *f = weir_format_by_id(id);
        if (!f || f->block_values != 1)
            continue;
        test_product(f, 7, 36, 3, 0, 1, false, 0);
        test_product(f, 7, 37, 9, 0, 1, true, 0);
        test_product(f, 3, 1, 2, 0, 1, false, 0);
        test_product(f, 9, 18, 40, 2, 1, false, 0);
        test_product(f, 6, 300, 9, 0, 1, false, 1);
    }
    test_product(weir_format_by_name("q8_0"), 70, 288, 17, 0, 1, false, 3);
    check(weir_cuda_has_format(4) == 0 && weir_cuda_has_format(99) == 0, "no kernels for", "q4_2");
    return test_end();
}
