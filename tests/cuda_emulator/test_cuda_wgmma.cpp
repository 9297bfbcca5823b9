/*
 * test_cuda_wgmma.cpp: products by warpgroups: every format and every tail against double precision
 * of the rounded operands, and bit for bit against the kernels of mma.sync, on any number of rows,
 * with experts and without, in tiles of every width; and the proof that a program asks a device for
 * at its start, which must find a device that is wrong. On a device whose two instructions round
 * differently bits are not compared, and a line says so.
 */
#include "cuda_test_weights.h"
#include "cuda_test_wgmma.h"
extern "C" {
#include "quant/format_f8.h"
}

#include "base/half.h"
#include "cuda/cuda_wgmma.cuh"
#include "cuda/gemm_cuda.cuh"

static char name[96];
static bool has_same_bits;

static float rounded(float v) {
    return weir_bf16_to_f32(weir_f32_to_bf16(v));
}

struct shape {
    uint32_t rows, cols, n_rows, n_experts, x_repeat;
    bool has_bias;
    uint32_t x_shift;
};

/* A product, and the memory both ways of computing it share. */
struct product {
    weights w;
    gpu_buffer<float> x, bias, y, other;
    gpu_buffer<int32_t> choice;
    gpu_buffer<uint4> scratch;
    weir_cuda_linear op;

    product(const weir_format *f, const shape &s)
        : w(f, s.rows, s.cols, s.n_experts ? s.n_experts : 1),
          x((size_t)cu_parts(s.n_rows, s.x_repeat) * s.cols + s.x_shift), bias(s.rows),
          y((size_t)s.n_rows * s.rows), other((size_t)s.n_rows * s.rows), choice(s.n_rows),
          scratch(weir_cuda_gemm_scratch(s.n_rows, s.cols, s.n_experts ? s.n_experts : 1) / 16),
          op() {
        test_fill(x);
        test_fill(bias);
        /* one expert has most rows, some have none */
        for (uint32_t r = 0; r < s.n_rows; r++)
            choice[r] = s.n_experts == 0    ? 0
                        : test_below(3) > 0 ? 1
                                            : (int32_t)(test_below(s.n_experts) / 2 * 2);
        op = {w.m,
              s.has_bias ? bias.p : nullptr,
              x.p + s.x_shift,
              y.p,
              s.n_experts ? choice.p : nullptr,
              s.n_rows,
              s.n_experts ? s.n_experts : 1,
              s.x_repeat};
    }
    void run(float *to, uint32_t flags) {
        scratch.poison();
        op.y = to;
        weir_cuda_run_gemm(nullptr, &op, scratch.p, flags);
        finish();
    }
};

static void check_values(product &p, const shape &s) {
    relative_error error;
    for (uint32_t r = 0; r < s.n_rows; r++)
        for (uint32_t o = 0; o < s.rows; o++) {
            const float *row = p.w.values.p + ((size_t)p.choice[r] * s.rows + o) * s.cols;
            const float *in = p.x.p + s.x_shift + (size_t)(r / s.x_repeat) * s.cols;
            double sum = s.has_bias ? p.bias[o] : 0;
            for (uint32_t i = 0; i < s.cols; i++)
                sum += (double)rounded(row[i]) * rounded(in[i]);
            error.add(p.y[(size_t)r * s.rows + o], sum);
        }
    error.report("wgmma", name, 1e-6);
}

static void test_shape(const weir_format *f, const shape &s) {
    product p(f, s);
    snprintf(name, sizeof name, "%s %ux%u rows %u%s", f->name, s.rows, s.cols, s.n_rows,
             s.n_experts ? " experts" : "");
    p.run(p.y.p, s.n_experts ? (uint32_t)WEIR_CUDA_GEMM_HAS_WGMMA : (uint32_t)CU_GEMM_PROOF);
    check_values(p, s);
    p.run(p.other.p, 0);
    if (has_same_bits)
        check(same_bits(p.y.p, p.other.p, p.y.n), "bits by mma.sync and wgmma", name);
}

/* Which kernel takes a product is the host's choice: all that it may choose have the same bits. */
static void test_choice(const weir_format *f) {
    for (uint32_t n = 33; n < 400; n += 83) {
        const shape s = {140, 96, n, 0, 1, true, 0};
        product p(f, s);
        snprintf(name, sizeof name, "%s choice of %u rows", f->name, n);
        p.run(p.y.p, WEIR_CUDA_GEMM_HAS_WGMMA);
        check_values(p, s);
        p.run(p.other.p, 0);
        if (has_same_bits)
            check(same_bits(p.y.p, p.other.p, p.y.n), "bits of the host's choice", name);
    }
}

/* The order of rows that one product left is used by the next, of another width. */
static void test_old_choices(const weir_format *f) {
    const shape s = {24, 64, 90, 2, 1, false, 0}, wide = {8, 160, 90, 2, 1, false, 0};
    product p(f, s), q(f, wide);
    memcpy(q.choice.p, p.choice.p, s.n_rows * sizeof(int32_t));
    gpu_buffer<uint4> scratch(weir_cuda_gemm_scratch(s.n_rows, wide.cols, s.n_experts) / 16);
    q.op.choice = p.op.choice;
    weir_cuda_run_gemm(nullptr, &p.op, scratch.p, WEIR_CUDA_GEMM_HAS_WGMMA);
    weir_cuda_run_gemm(nullptr, &q.op, scratch.p,
                       WEIR_CUDA_GEMM_HAS_WGMMA | WEIR_CUDA_GEMM_OLD_CHOICES);
    finish();
    snprintf(name, sizeof name, "%s old choices", f->name);
    check_values(p, s);
    check_values(q, wide);
}

static weir_cuda_wgmma_proof prove(void) {
    gpu_buffer<uint4> memory(weir_cuda_wgmma_proof_bytes() / 16 + 16);
    uint4 *at = (uint4 *)(((uintptr_t)memory.p + 255) / 256 * 256);
    weir_cuda_prove_wgmma(nullptr, at);
    finish();
    return *(weir_cuda_wgmma_proof *)at;
}

static void test_proof(void) {
    weir_cuda_wgmma_proof proof = prove();
    printf("proof: %u values, %u other bits, %u missing\n", proof.n_values, proof.n_other,
           proof.n_missing);
    check(proof.n_values > 0 && proof.n_missing == 0, "values of the proof", "");
    has_same_bits = proof.n_other == 0;
    if (!has_same_bits)
        printf("mma.sync and wgmma round differently here: bits are not compared\n");
#ifdef WEIR_CUDA_EMULATED
    check(has_same_bits, "bits of the proof", "");
    weir_emulator_wgmma_cuts = true;
    proof = prove();
    check(proof.n_other > proof.n_values / 100, "a device that rounds otherwise is not noticed",
          "");
    weir_emulator_wgmma_cuts = false;
#endif
}

static void test_format(const weir_format *f) {
    uint32_t block = f->block_values == 1 ? 32 : f->block_values;
    test_shape(f, {35, 3 * block, 5, 0, 1, true, 0});
    test_shape(f, {130, block > 32 ? 512u : 288u, 100, 0, 1, false, 0});
    test_shape(f, {19, 2 * block, 152, 3, 4, true, 0});
}

/* Nothing quantizes to this format: any codes but NaN. */
static void make_f8(const float *, const float *, void *blocks, size_t n) {
    uint8_t codes[WEIR_F8_VALUES];
    for (size_t i = 0; i < n; i++) {
        codes[i % WEIR_F8_VALUES] = (uint8_t)(test_below(127) | test_below(2) << 7);
        if ((i + 1) % WEIR_F8_VALUES == 0)
            weir_f8_store((uint8_t *)blocks + i / WEIR_F8_VALUES * WEIR_F8_BLOCK_BYTES,
                          (0.5f + (float)test_below(100) / 100.0f) / 448, codes);
    }
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    test_want_wgmma();
    test_proof();
    for (size_t i = 0; weir_format_at(i); i++)
        test_format(weir_format_at(i));
    weir_format f8 = weir_format_f8;
    f8.quantize = make_f8;
    test_format(&f8);
    /* rows that end inside a block of columns, x at an odd place, rows that wgmma does not take */
    const weir_format *bf16 = weir_format_by_name("bf16");
    test_shape(bf16, {7, 40, 40, 0, 1, false, 0});
    test_shape(bf16, {9, 8, 70, 0, 1, true, 0});
    test_shape(bf16, {6, 304, 33, 0, 1, false, 1});
    test_shape(bf16, {7, 37, 70, 0, 1, true, 0});
    test_shape(bf16, {300, 672, 290, 0, 1, true, 0}); /* several tiles a block, several rings */
    test_shape(bf16, {20, 64, 1500, 11, 1, false, 0});
    test_shape(bf16, {5, 8, 2500, 0, 1, false, 0}); /* more jobs than share one raster */
    test_choice(bf16);
    test_choice(weir_format_by_name("q4_0"));
    test_old_choices(bf16);
    return test_end();
}
