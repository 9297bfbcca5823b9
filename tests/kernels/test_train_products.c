/*
 * test_train_products.c: the CPU's matrix products for training against double arithmetic: every
 * way of standing in memory, edges of tiles and blocks, many products at once, products larger than
 * the room for panels; the same bits from any number of threads and for a row wherever it stands.
 *
 * With --bench it tests nothing and prints rates instead: --bench [isa].
 */
#include "train_bench.h"
#include "train_kernel_test.h"

/* A product whose matrices stand in memory with gaps, and what it should give. */
typedef struct case_of_product {
    weir_matmul op;
    weir_matmul_f64 want;
    float *start; /* C before */
    size_t n_c;
} case_of_product;

static case_of_product make_case(numbers *r, uint32_t m, uint32_t n, uint32_t k, int form) {
    bool ta = form & 1, tb = form & 2, is_added = form & 4;
    size_t lda = (ta ? m : k) + (form & 8 ? 3 : 0), ldb = (tb ? k : n) + (form & 8 ? 1 : 0);
    size_t ldc = n + (form & 8 ? 2 : 0);
    size_t n_a = (ta ? k : m) * lda, n_b = (tb ? n : k) * ldb, n_c = m * ldc;
    const float *a = uniform(r, n_a), *b = uniform(r, n_b);
    float *c = uniform(r, n_c);
    case_of_product made = {.start = c, .n_c = n_c};
    made.op = (weir_matmul){m, n, k, a, b, c, lda, ldb, ldc, ta, tb, is_added};
    made.want =
        (weir_matmul_f64){m,   n,  k,  doubles(a, n_a), doubles(b, n_b), doubles(c, n_c), lda, ldb,
                          ldc, ta, tb, is_added};
    return made;
}

static void check_cases(case_of_product *cases, uint32_t n_cases) {
    outputs *out = new_array(n_cases * sizeof *out);
    weir_matmul *ops = new_array(n_cases * sizeof *ops);
    for (uint32_t i = 0; i < n_cases; i++) {
        out[i] = outputs_from(cases[i].start, cases[i].n_c);
        ops[i] = cases[i].op;
        F64->matmul(NULL, &cases[i].want, 1);
    }
    for (int t = 0; t < MOST_THREADS; t++) {
        for (uint32_t i = 0; i < n_cases; i++)
            ops[i].c = out[i].of[t];
        devices[t]->ops.matmul(devices[t], ops, n_cases);
    }
    char what[96];
    for (uint32_t i = 0; i < n_cases; i++) {
        const weir_matmul *op = &cases[i].op;
        snprintf(what, sizeof what, "product %u x %u x %u, %s%s%s", (unsigned)op->m,
                 (unsigned)op->n, (unsigned)op->k, op->a_is_transposed ? "A' " : "",
                 op->b_is_transposed ? "B' " : "", op->is_added ? "added" : "");
        check_outputs(what, &out[i], cases[i].want.c, 4e-7 * sqrt(8 + op->k / 256.0));
        /* between the rows of C nothing changes */
        for (size_t at = 0; at < cases[i].n_c; at++)
            if (at % op->ldc >= op->n)
                assert_true(same_bits(out[i].of[0][at], cases[i].start[at]));
    }
}

static void test_shapes(void **state) {
    devices_or_skip(*state);
    static const uint32_t m[] = {1, 2, 5, 6, 7, 12, 13, 25, 145};
    static const uint32_t n[] = {1, 3, 8, 15, 16, 17, 33, 65};
    static const uint32_t k[] = {1, 2, 16, 17, 255, 256, 257, 513};
    numbers r = {1, 0};
    for (size_t i = 0; i < WEIR_COUNT(m); i++)
        for (size_t j = 0; j < WEIR_COUNT(n); j++) {
            /* one k for each pair, all pairs of k and form over the whole */
            size_t at = i * WEIR_COUNT(n) + j;
            case_of_product made = make_case(&r, m[i], n[j], k[(at + at / 8) % 8], (int)(at % 16));
            check_cases(&made, 1);
            close_devices(state);
            devices_or_skip(*state);
        }
}

/* What the trainer asks for, smaller: long sums, narrow and flat matrices. */
static void test_long_and_narrow(void **state) {
    devices_or_skip(*state);
    static const uint32_t shapes[][4] = {
        {64, 48, 2051, 5}, {8, 40, 1500, 5},  {40, 8, 1500, 5},   {700, 8, 64, 2},
        {700, 64, 8, 2},   {700, 33, 300, 0}, {3, 5, 8193, 2},    {2, 3, 16400, 5},
        {1, 700, 260, 2},  {600, 1, 260, 0},  {2, 4500, 600, 12}, {300, 40, 30, 15},
        {6, 16, 60000, 0},
    };
    numbers r = {2, 0};
    for (size_t i = 0; i < WEIR_COUNT(shapes); i++) {
        case_of_product made =
            make_case(&r, shapes[i][0], shapes[i][1], shapes[i][2], (int)shapes[i][3]);
        check_cases(&made, 1);
    }
}

/* Panels of B for which there is no room at once: in columns, in p, and in both. */
static void test_more_than_fits(void **state) {
    devices_or_skip(*state);
    numbers r = {3, 0};
    case_of_product made[3];
    made[0] = make_case(&r, 2, 4200, 600, 0);
    made[1] = make_case(&r, 1, 300, 8300, 5);
    made[2] = make_case(&r, 3, 270, 16500, 4);
    check_cases(made, 3);
}

/* Experts: many products of all lengths, empty ones between them; more of them than places. */
static void test_many(void **state) {
    devices_or_skip(*state);
    enum { N = 300 };
    numbers r = {4, 0};
    case_of_product *made = new_array(N * sizeof *made);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t m = (uint32_t)(next_bits(&r) % 4) ? (uint32_t)(next_bits(&r) % 40) : 0;
        made[i] = make_case(&r, i == 7 ? 400 : m, 1 + i % 35, i % 11 ? 1 + i % 37 : 0,
                            (int)(next_bits(&r) % 16));
    }
    check_cases(made, N);
}

/* A row of C has the same bits whatever rows stand around it, wherever it stands. */
static void test_rows_alone(void **state) {
    devices_or_skip(*state);
    enum { M = 331, N = 70, K = 600 };
    numbers r = {5, 0};
    for (int form = 0; form < 4; form++) {
        case_of_product made = make_case(&r, M, N, K, form);
        weir_matmul op = made.op;
        float *together = copy_of(made.start, made.n_c);
        op.c = together;
        devices[2]->ops.matmul(devices[2], &op, 1);
        for (int i = 0; i < 40; i++) {
            uint32_t first = (uint32_t)(next_bits(&r) % M);
            uint32_t n_rows = 1 + (uint32_t)(next_bits(&r) % (M - first > 60 ? 60 : M - first));
            weir_matmul part = made.op;
            float *c = copy_of(made.start, made.n_c);
            part.m = n_rows;
            part.a += op.a_is_transposed ? first : first * op.lda;
            part.c = c;
            weir_trainer_device *dev = devices[i % MOST_THREADS];
            dev->ops.matmul(dev, &part, 1);
            assert_equal("rows alone", c, together + first * op.ldc, n_rows * op.ldc);
        }
        /* and so has a column */
        for (int i = 0; i < 20; i++) {
            uint32_t col = (uint32_t)(next_bits(&r) % N);
            weir_matmul part = made.op;
            float *c = copy_of(made.start, made.n_c);
            part.n = 1;
            part.b += op.b_is_transposed ? col * op.ldb : col;
            part.c = c;
            devices[0]->ops.matmul(devices[0], &part, 1);
            for (uint32_t row = 0; row < M; row++)
                assert_true(same_bits(c[row * op.ldc], together[row * op.ldc + col]));
        }
    }
}

/* Values of very different size, and infinities, which stay in their rows and columns. */
static void test_extremes(void **state) {
    devices_or_skip(*state);
    enum { M = 20, N = 18, K = 40 };
    numbers r = {6, 0};
    const float *b = uniform(&r, N * K);
    float *a = filled(&r, M * K, next_heavy);
    double *want = doubles(a, M * N);
    outputs out = outputs_from(NULL, M * N);
    weir_matmul_f64 exact = {.m = M,
                             .n = N,
                             .k = K,
                             .a = doubles(a, M * K),
                             .b = doubles(b, N * K),
                             .c = want,
                             .lda = K,
                             .ldb = N,
                             .ldc = N};
    weir_matmul op = {.m = M, .n = N, .k = K, .a = a, .b = b, .lda = K, .ldb = N, .ldc = N};
    F64->matmul(NULL, &exact, 1);
    ON_ALL(op.c = out.of[n]; dev->ops.matmul(dev, &op, 1));
    check_outputs("heavy product", &out, want, 1e-6);
    float *before = copy_of(out.of[0], M * N);
    a[7 * K + 3] = INFINITY;
    op.c = out.of[0];
    devices[0]->ops.matmul(devices[0], &op, 1);
    for (uint32_t i = 0; i < M; i++)
        for (uint32_t j = 0; j < N; j++) {
            if (i == 7)
                assert_false(isfinite(out.of[0][i * N + j]));
            else
                assert_true(same_bits(out.of[0][i * N + j], before[i * N + j]));
        }
}

static void test_peak(void **state) {
    devices_or_skip(*state);
    double one = devices[0]->measure_peak(devices[0]);
    assert_true(one > 1e8 && one < 1e13);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        PER_DEVICE(test_shapes), PER_DEVICE(test_long_and_narrow), PER_DEVICE(test_more_than_fits),
        PER_DEVICE(test_many),   PER_DEVICE(test_rows_alone),      PER_DEVICE(test_extremes),
        PER_DEVICE(test_peak),
    };
    if (argc > 1 && strcmp(argv[1], "--bench") == 0)
        return train_bench(argc > 2 ? argv[2] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
