/*
 * wgmma_proof_cuda.cu: asks a device whether its two kinds of products round alike. The PTX ISA
 * says of neither how the products of a step are summed; the promise about company (a row's bits do
 * not depend on how many rows share the step) holds with both in use only if they do it the same
 * way. It is asked at every start: also a descriptor, a barrier or a copy that is not what this
 * code takes it for shows here, as other values, and nowhere else.
 *
 * Numbers have exponents up to 12 from 0 either way, so that terms of a sum are up to 2^48 apart:
 * where an instruction aligns, cuts off or rounds otherwise than the other, many of the values
 * differ. Some are 0. Tiles are of all four widths, full and not; columns are two ranges, the
 * second of one piece.
 */
#include "cuda/gemm_cuda.cuh"

enum {
    OUTS = 128,
    COLS = 288,
    ROWS = 128,
    THREADS = 256,
    PART_ALIGN = 256,
    N_SIZES = 4,
    SPREAD = 12 /* of exponents */
};

/* Where everything lies, in bytes. */
struct proof_layout {
    size_t w, x, expected, y, scratch, end;
};

static proof_layout proof_layout_make(void) {
    proof_layout at;
    at.w = PART_ALIGN;
    at.x = at.w + OUTS * COLS * sizeof(uint16_t);
    at.expected = at.x + ROWS * COLS * sizeof(float);
    at.y = at.expected + ROWS * OUTS * sizeof(float);
    at.scratch = at.y + ROWS * OUTS * sizeof(float);
    at.end = at.scratch + weir_cuda_gemm_scratch(ROWS, COLS, 1);
    return at;
}

size_t weir_cuda_wgmma_proof_bytes(void) {
    return proof_layout_make().end;
}

/* Number i of a fixed stream, as bits of a float. */
CU_DEVICE uint32_t number(uint32_t i) {
    uint32_t z = (i + 1) * 0x9e3779b9u;
    z = (z ^ z >> 16) * 0x85ebca6bu;
    z = (z ^ z >> 13) * 0xc2b2ae35u;
    z ^= z >> 16;
    uint32_t exponent = 127 - SPREAD + (z >> 23 & 0xff) % (2 * SPREAD + 1);
    return z % 16 == 0 ? 0 : (z & 0x807fffffu) | exponent << 23;
}

CU_KERNEL(THREADS) proof_fill(weir_cuda_wgmma_proof *proof, uint16_t *w, float *x) {
    uint32_t i = blockIdx.x * THREADS + threadIdx.x;
    if (i == 0)
        *proof = {0, 0, 0};
    if (i < OUTS * COLS)
        w[i] = (uint16_t)(number(i) >> 16);
    if (i < ROWS * COLS)
        x[i] = cu_bits_float(number(i + OUTS * COLS));
}

CU_KERNEL(THREADS) proof_poison(uint32_t *y) {
    y[blockIdx.x * THREADS + threadIdx.x] = ~0u;
}

/* One block. */
CU_KERNEL(THREADS)
proof_compare(const uint32_t *expected, const uint32_t *y, uint32_t n,
              weir_cuda_wgmma_proof *proof) {
    CU_SHARED(uint32_t, others, [THREADS]);
    CU_SHARED(uint32_t, missing, [THREADS]);
    uint32_t n_other = 0, n_missing = 0;
    for (uint32_t i = threadIdx.x; i < n; i += THREADS) {
        n_other += y[i] != expected[i];
        n_missing += y[i] == ~0u;
    }
    others[threadIdx.x] = n_other;
    missing[threadIdx.x] = n_missing;
    cu_sync();
    for (uint32_t t = 0; t < THREADS && threadIdx.x == 0; t++) {
        proof->n_other += others[t];
        proof->n_missing += missing[t];
    }
    if (threadIdx.x == 0)
        proof->n_values += n;
}

void weir_cuda_prove_wgmma(weir_cuda_stream *stream, void *memory) {
    static const uint32_t sizes[N_SIZES] = {25, 64, 90, ROWS};
    const proof_layout at = proof_layout_make();
    uint8_t *bytes = (uint8_t *)memory;
    weir_cuda_wgmma_proof *proof = (weir_cuda_wgmma_proof *)memory;
    float *expected = (float *)(bytes + at.expected), *y = (float *)(bytes + at.y);
    weir_cuda_linear op = {};
    op.w.data = bytes + at.w;
    op.w.row_bytes = COLS * sizeof(uint16_t);
    op.w.rows = OUTS;
    op.w.cols = COLS;
    op.w.format = WEIR_FORMAT_BF16;
    op.x = (const float *)(bytes + at.x);
    op.y = expected;
    op.n_rows = ROWS;
    op.n_choices = 1;
    op.x_repeat = 1;
    CU_LAUNCH(proof_fill, dim3(OUTS * COLS / THREADS), (uint32_t)THREADS, stream, proof,
              (uint16_t *)(bytes + at.w), (float *)(bytes + at.x));
    weir_cuda_run_gemm(stream, &op, bytes + at.scratch, 0);
    op.y = y;
    for (uint32_t i = 0; i < N_SIZES; i++) {
        op.n_rows = sizes[i];
        CU_LAUNCH(proof_poison, dim3(ROWS * OUTS / THREADS), (uint32_t)THREADS, stream,
                  (uint32_t *)y);
        weir_cuda_run_gemm(stream, &op, bytes + at.scratch, CU_GEMM_PROOF);
        CU_LAUNCH(proof_compare, dim3(1), (uint32_t)THREADS, stream, (const uint32_t *)expected,
                  (const uint32_t *)y, sizes[i] * OUTS, proof);
    }
}
