/*
 * test_cuda_f8.cpp: matrices whose weights came as FP8 (quant/format_f8.h) in every kernel that
 * reads matrices: decoded as quant/ does it, for each of the 256 codes, and products with the bits
 * of those with the same values in F32, in every number of rows that leads to another kernel.
 */
#include "cuda_test.h"

#include "cuda/gemm_cuda.h"
extern "C" {
#include "quant/format_f8.h"
}

static char name[96];

/* The same values twice: as FP8, and decoded by quant/ as F32. Rows of both begin at 16 bytes, as
 * cuda_weights.c places them. */
struct twins {
    gpu_buffer<uint8_t> blocks;
    gpu_buffer<float> values;
    weir_cuda_matrix f8, f32;

    static size_t pitch(uint32_t cols) {
        return (weir_format_row_bytes(&weir_format_f8, cols) + 15) / 16 * 16;
    }
    twins(uint32_t rows, uint32_t cols, uint32_t n_stack)
        : blocks(n_stack * rows * pitch(cols)), values((size_t)n_stack * rows * cols), f8(), f32() {
        for (uint32_t r = 0; r < n_stack * rows; r++) {
            uint8_t *to = blocks.p + r * pitch(cols);
            for (uint32_t c = 0; c < cols; c += WEIR_F8_VALUES)
                fill_block(to + c / WEIR_F8_VALUES * WEIR_F8_BLOCK_BYTES);
            weir_format_f8.dequantize(to, values.p + (size_t)r * cols, cols);
        }
        f8 = {blocks.p, WEIR_FORMAT_F8, rows, cols, pitch(cols), rows * pitch(cols)};
        f32 = {(const uint8_t *)values.p,  WEIR_FORMAT_F32, rows, cols, cols * sizeof(float),
               rows * cols * sizeof(float)};
    }
    static void fill_block(uint8_t *block) {
        uint8_t codes[WEIR_F8_VALUES];
        for (uint8_t &code : codes) {
            code = (uint8_t)test_bits();
            code = (code & 127) == 127 ? 126 : code;
        }
        weir_f8_store(block, (0.5f + test_below(100) / 100.0f) / 448, codes);
    }
};

/* All codes, NaN among them, by the embedding, which only decodes. */
static void test_codes(void) {
    enum { ROWS = 3, COLS = 2 * WEIR_F8_VALUES };
    twins w(ROWS, COLS, 1);
    gpu_buffer<int32_t> tokens(ROWS);
    gpu_buffer<float> y((size_t)ROWS * COLS);
    const float scales[] = {1, -0x1p-130f, 3.5e-3f}; /* the second one's products are subnormal */
    for (uint32_t r = 0; r < ROWS; r++) {
        uint8_t *row = w.blocks.p + r * twins::pitch(COLS);
        tokens[r] = (int32_t)r;
        for (uint32_t b = 0; b < 2; b++) {
            uint8_t codes[WEIR_F8_VALUES];
            for (uint32_t i = 0; i < WEIR_F8_VALUES; i++)
                codes[i] = (uint8_t)(WEIR_F8_VALUES * b + i);
            if (r > 0) /* without NaN */
                codes[WEIR_F8_VALUES - 1]--;
            weir_f8_store(row + b * WEIR_F8_BLOCK_BYTES, scales[r], codes);
        }
        weir_format_f8.dequantize(row, w.values.p + r * COLS, COLS);
    }
    weir_cuda_run_embed(nullptr, &w.f8, tokens.p, ROWS, y.p);
    finish();
    for (uint32_t i = 0; i < COLS; i++) {
        check(isnan(y[i]) && isnan(w.values[i]), "a code of NaN in the block", "embed");
        uint32_t code = i % 128 == 127 ? i - 1 : i, exponent = code >> 3 & 15, m = code & 7;
        double v = exponent ? ldexp(8 + m, (int)exponent - 10) : ldexp(m, -9);
        v = code & 128 ? -v : v;
        check(w.values[COLS + i] == (float)(v * scales[1]), "a value of quant/", "subnormal");
        check(w.values[2 * COLS + i] == (float)v * scales[2], "a value of quant/", "");
    }
    check(same_bits(y.p + COLS, w.values.p + COLS, 2 * COLS), "decoded bits", "embed");
}

/* Both kinds of product, with the bits of F32. */
static void test_product(uint32_t rows, uint32_t cols, uint32_t n_rows, uint32_t n_experts,
                         uint32_t x_repeat) {
    uint32_t n_stack = n_experts ? n_experts : 1;
    twins w(rows, cols, n_stack);
    gpu_buffer<float> x((size_t)(n_rows / x_repeat) * cols), bias(rows);
    gpu_buffer<float> y((size_t)n_rows * rows), want((size_t)n_rows * rows);
    gpu_buffer<int32_t> choice(n_rows);
    gpu_buffer<uint4> scratch(weir_cuda_gemm_scratch(n_rows, cols, n_stack) / 16);
    test_fill(x);
    test_fill(bias);
    for (uint32_t r = 0; r < n_rows; r++)
        choice[r] = (int32_t)test_below(n_stack);
    weir_cuda_linear op = {w.f8,   bias.p,  x.p,     y.p, n_experts ? choice.p : nullptr,
                           n_rows, n_stack, x_repeat};
    weir_cuda_linear twin = op;
    twin.w = w.f32;
    twin.y = want.p;
    snprintf(name, sizeof name, "%ux%u rows %u%s", rows, cols, n_rows, n_experts ? " experts" : "");
    weir_cuda_run_linear(nullptr, &op);
    weir_cuda_run_linear(nullptr, &twin);
    finish();
    check(same_bits(y.p, want.p, y.n), "linear", name);
    y.poison();
    want.poison();
    weir_cuda_run_gemm(nullptr, &op, scratch.p, 0);
    scratch.poison();
    weir_cuda_run_gemm(nullptr, &twin, scratch.p, 0);
    finish();
    check(same_bits(y.p, want.p, y.n), "gemm", name);
    printf("f8 %s\n", name);
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    check(weir_cuda_has_format(WEIR_FORMAT_F8) == 1, "kernels for", "f8_e4m3");
    test_codes();
    test_product(13, 128, 1, 0, 1);
    test_product(35, 3 * 128, 8, 0, 1);
    test_product(17, 17 * 128, 3, 0, 1); /* more ranges than a block has warps */
    test_product(16, 256, 20, 0, 1);
    test_product(70, 3 * 128, 70, 0, 1);
    test_product(19, 128, 8, 3, 2);
    test_product(16, 3 * 128, 48, 5, 4);
    test_product(130, 128, 140, 2, 1);
    return test_end();
}
