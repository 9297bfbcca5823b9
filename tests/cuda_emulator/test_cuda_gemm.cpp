/*
 * test_cuda_gemm.cpp: products on tensor cores: every format and every tail against double
 * precision, once of rounded operands (so the order of columns and the ranges are right to the last
 * places) and once of exact ones (so that rounding costs what it may); and the promise about bits:
 * a row alone, and in random companies in random order, on whichever kernel its company leads to.
 */
#include "cuda_test_weights.h"

#include "base/half.h"
#include "cuda/gemm_cuda.h"

static char name[96];

static float rounded(float v) {
    return weir_bf16_to_f32(weir_f32_to_bf16(v));
}

/* How choices fall on experts. */
enum skew { EVEN, ONE_EXPERT, FEW_EXPERTS };

static int32_t draw_choice(uint32_t n_experts, skew how) {
    if (how == ONE_EXPERT)
        return (int32_t)n_experts - 1;
    /* three of four fall on the second expert, the rest on every third */
    if (how == FEW_EXPERTS)
        return test_below(4) ? 1 : (int32_t)(test_below(n_experts) / 3 * 3);
    return (int32_t)test_below(n_experts);
}

struct shape {
    uint32_t rows, cols, n_rows, n_experts, x_repeat;
    bool has_bias;
    uint32_t x_shift;
    skew how;
    uint32_t company; /* the largest that rows are looked at in */
};

/* A product with all that belongs to it. */
struct product {
    weights w;
    gpu_buffer<float> x, bias, y;
    gpu_buffer<int32_t> choice;
    gpu_buffer<uint4> scratch;
    weir_cuda_linear op;

    product(const weir_format *f, const shape &s)
        : w(f, s.rows, s.cols, s.n_experts ? s.n_experts : 1),
          x((size_t)(s.n_rows / s.x_repeat) * s.cols + s.x_shift), bias(s.rows),
          y((size_t)s.n_rows * s.rows), choice(s.n_rows), scratch(scratch_of(s)), op() {
        test_fill(x);
        test_fill(bias);
        for (uint32_t r = 0; r < s.n_rows; r++)
            choice[r] = s.n_experts ? draw_choice(s.n_experts, s.how) : 0;
        op = {w.m,
              s.has_bias ? bias.p : nullptr,
              x.p + s.x_shift,
              y.p,
              s.n_experts ? choice.p : nullptr,
              s.n_rows,
              s.n_experts ? s.n_experts : 1,
              s.x_repeat};
    }
    static size_t scratch_of(const shape &s) {
        return weir_cuda_gemm_scratch(s.n_rows, s.cols, s.n_experts ? s.n_experts : 1) / 16;
    }
    void run() {
        scratch.poison();
        weir_cuda_run_gemm(nullptr, &op, scratch.p, 0);
        finish();
    }
};

/* What rounding costs: over all products of a format, since one alone may be small by chance. */
static relative_error of_exact[WEIR_FORMAT_LIMIT];

static void check_values(product &p, const shape &s) {
    relative_error of_rounded;
    for (uint32_t r = 0; r < s.n_rows; r++)
        for (uint32_t o = 0; o < s.rows; o++) {
            const float *row = p.w.values.p + ((size_t)p.choice[r] * s.rows + o) * s.cols;
            const float *in = p.op.x + (size_t)(r / s.x_repeat) * s.cols;
            double sum = s.has_bias ? p.bias[o] : 0, exact = sum;
            for (uint32_t i = 0; i < s.cols; i++) {
                sum += (double)rounded(row[i]) * rounded(in[i]);
                exact += (double)row[i] * in[i];
            }
            of_rounded.add(p.y[(size_t)r * s.rows + o], sum);
            of_exact[p.w.m.format].add(p.y[(size_t)r * s.rows + o], exact);
        }
    of_rounded.report("rounded", name, 1e-6);
}

/* n rows of p, drawn at random with their own choices, in another product: each has the bits it had
 * in p. */
static void check_company(product &p, const shape &s, uint32_t n) {
    gpu_buffer<float> x((size_t)n * s.cols), y((size_t)n * s.rows);
    gpu_buffer<int32_t> choice(n);
    gpu_buffer<uint4> scratch(weir_cuda_gemm_scratch(n, s.cols, p.op.n_choices) / 16);
    uint32_t *row = (uint32_t *)malloc(n * sizeof *row);
    for (uint32_t i = 0; i < n; i++) {
        row[i] = test_below(s.n_rows);
        memcpy(&x[(size_t)i * s.cols], p.op.x + (size_t)(row[i] / s.x_repeat) * s.cols,
               s.cols * sizeof(float));
        choice[i] = p.choice[row[i]];
    }
    weir_cuda_linear op = p.op;
    op.x = x.p;
    op.y = y.p;
    op.choice = s.n_experts ? choice.p : nullptr;
    op.n_rows = n;
    op.x_repeat = 1;
    weir_cuda_run_gemm(nullptr, &op, scratch.p, 0);
    finish();
    size_t n_wrong = 0;
    for (uint32_t i = 0; i < n; i++)
        n_wrong += !same_bits(&y[(size_t)i * s.rows], &p.y[(size_t)row[i] * s.rows], s.rows);
    free(row);
    snprintf(name + strlen(name), 16, " in %u", n);
    check(n_wrong == 0, "bits of rows", name);
    *strstr(name, " in ") = 0;
}

static void test_shape(const weir_format *f, const shape &s) {
    product p(f, s);
    p.run();
    snprintf(name, sizeof name, "%s %ux%u rows %u%s", f->name, s.rows, s.cols, s.n_rows,
             s.n_experts ? " experts" : "");
    check_values(p, s);
    check_company(p, s, 1);
    check_company(p, s, 2 + test_below(s.company - 2));
    check_company(p, s, s.company);
}

/* Grouping of the same choices may be used again, by a product of other width. */
static void test_old_choices(const weir_format *f, uint32_t block) {
    const shape s = {24, 2 * block, 90, 6, 1, false, 0, EVEN, 0};
    const shape narrow = {8, block, 90, 6, 1, false, 0, EVEN, 0};
    product p(f, s), q(f, narrow);
    memcpy(q.choice.p, p.choice.p, s.n_rows * sizeof(int32_t));
    p.run();
    q.op.choice = p.op.choice;
    weir_cuda_run_gemm(nullptr, &q.op, p.scratch.p, 1);
    weir_cuda_run_gemm(nullptr, &p.op, p.scratch.p, 1);
    finish();
    snprintf(name, sizeof name, "%s old choices", f->name);
    check_values(p, s);
    check_values(q, narrow);
}

/* More choices than one block groups, and experts nobody chose. */
static void test_many_choices(void) {
    const weir_format *f = weir_format_by_name("bf16");
    test_shape(f, {3, 32, 2500, 5, 1, false, 0, FEW_EXPERTS, 9});
    test_shape(f, {3, 32, 2200, 300, 4, true, 0, EVEN, 1100});
    test_shape(f, {2, 8, 1100, 1024, 1, false, 0, EVEN, 20});
}

/* On each kernel: one row, up to 8, up to 32, more; eleven ranges are two rounds. */
static void test_format(const weir_format *f) {
    uint32_t block = f->block_values == 1 ? 32 : f->block_values;
    test_shape(f, {13, 3 * block, 1, 0, 1, false, 0, EVEN, 5});
    test_shape(f, {35, 2 * block, 11, 0, 1, true, 0, EVEN, 40});
    test_shape(f, {17, 2816, 3, 0, 1, false, 0, EVEN, 33});
    test_shape(f, {130, block == 256 ? 512u : 288u, 70, 0, 1, true, 0, EVEN, 20});
    test_shape(f, {19, 2 * block, 48, 5, 4, true, 0, FEW_EXPERTS, 70});
    test_shape(f, {18, block, 130, 2, 1, false, 0, ONE_EXPERT, 20});
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    for (size_t i = 0; weir_format_at(i); i++)
        test_format(weir_format_at(i));
    /* rows that end inside a share, that begin at odd places */
    for (uint32_t id = 0; id < WEIR_FORMAT_LIMIT; id++) {
        const weir_format *f = weir_format_by_id(id);
        if (!f || f->block_values != 1)
            continue;
        test_shape(f, {7, 36, 3, 0, 1, false, 0, EVEN, 9});
        test_shape(f, {7, 40, 40, 0, 1, false, 0, EVEN, 9});
        test_shape(f, {7, 37, 90, 0, 1, true, 0, EVEN, 9});
        test_shape(f, {3, 1, 2, 0, 1, false, 0, EVEN, 40});
        test_shape(f, {9, 18, 40, 2, 1, false, 0, EVEN, 5});
        test_shape(f, {6, 300, 70, 0, 1, false, 1, EVEN, 5});
    }
    test_shape(weir_format_by_name("q8_0"), {70, 288, 17, 0, 1, false, 3, EVEN, 5});
    test_many_choices();
    test_old_choices(weir_format_by_name("bf16"), 32);
    test_old_choices(weir_format_by_name("q4_k"), 256);
    for (size_t i = 0; weir_format_at(i); i++)
        of_exact[weir_format_at(i)->id].report("exact", weir_format_at(i)->name, 4e-3);
    return test_end();
}
