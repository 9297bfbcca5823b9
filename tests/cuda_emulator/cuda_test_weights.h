/*
 * cuda_test_weights.h: matrices for the tests of products: a stack in any format, on the device,
 * and what quant/ decodes from it.
 */
#ifndef WEIR_TESTS_CUDA_TEST_WEIGHTS_H
#define WEIR_TESTS_CUDA_TEST_WEIGHTS_H

#include "cuda_test.h"
extern "C" {
#include "quant/format.h"
}

/* A stack of matrices: random floats in F32, F16 and BF16, else random bytes whose scales are tame.
 */
struct weights {
    weir_cuda_matrix m;
    gpu_buffer<uint8_t> bytes;
    gpu_buffer<float> values; /* decoded by quant/ */

    weights(const weir_format *f, uint32_t rows, uint32_t cols, uint32_t n_stack)
        : m(), bytes(n_stack * padded(rows * weir_format_row_bytes(f, cols))),
          values((size_t)n_stack * rows * cols) {
        m.data = bytes.p;
        m.format = f->id;
        m.rows = rows;
        m.cols = cols;
        m.row_bytes = weir_format_row_bytes(f, cols);
        m.stack_bytes = padded(rows * m.row_bytes);
        test_fill(values);
        for (uint32_t s = 0; s < n_stack; s++)
            for (uint32_t r = 0; r < rows; r++) {
                uint8_t *to = bytes.p + s * m.stack_bytes + r * m.row_bytes;
                float *v = values.p + ((size_t)s * rows + r) * cols;
                f->quantize(v, nullptr, to, cols);
                f->dequantize(to, v, cols);
            }
    }
    static size_t padded(size_t bytes) {
        return (bytes + 15) / 16 * 16;
    }
};

#endif
