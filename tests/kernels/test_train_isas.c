/*
 * test_train_isas.c: the instruction sets with fused multiply-add give equal bits in every op of
 * training. Runs where there are two of them.
 */
#include "cpu/train_kernels.h"
#include "train_kernel_test.h"

enum { MOST_RESULTS = 64, ROWS = 230, WIDTH = 77, HEADS = 4, HEADS_KV = 2, DIM = 22, VOCAB = 130 };

/* What one device made, in order. */
typedef struct results {
    float *of[MOST_RESULTS];
    size_t n[MOST_RESULTS];
    size_t count;
} results;

static float *result(results *out, const float *start, size_t n) {
    assert_true(out->count < MOST_RESULTS);
    out->n[out->count] = n;
    return out->of[out->count++] = copy_of(start, n);
}

static void run_products(weir_trainer_device *dev, results *out) {
    static const uint32_t shapes[][3] = {{230, 77, 600}, {13, 70, 31}, {7, 5, 8200}, {100, 8, 40}};
    numbers r = {1, 0};
    for (size_t s = 0; s < WEIR_COUNT(shapes); s++)
        for (int form = 0; form < 4; form++) {
            uint32_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
            bool ta = form & 1, tb = form & 2;
            weir_matmul op = {.m = m,
                              .n = n,
                              .k = k,
                              .a = uniform(&r, (size_t)m * k),
                              .b = uniform(&r, (size_t)n * k),
                              .lda = ta ? m : k,
                              .ldb = tb ? k : n,
                              .ldc = n,
                              .a_is_transposed = ta,
                              .b_is_transposed = tb,
                              .is_added = form == 3};
            op.c = result(out, uniform(&r, (size_t)m * n), (size_t)m * n);
            dev->ops.matmul(dev, &op, 1);
        }
}

static void run_segments(weir_trainer_device *dev, results *out) {
    static const weir_segment items[] = {{0, 1}, {1, 2}, {3, 130}, {133, 97}};
    const weir_segments segments = {items, WEIR_COUNT(items), ROWS};
    const weir_attention_form form = {HEADS, HEADS_KV, DIM};
    const size_t n_q = (size_t)ROWS * HEADS * DIM, n_kv = n_q / 2, n_x = (size_t)ROWS * WIDTH;
    numbers r = {2, 0};
    float *q = uniform(&r, n_q), *k = uniform(&r, n_kv), *v = uniform(&r, n_kv);
    float *dy = uniform(&r, n_q), *y = result(out, q, n_q), *lse = result(out, q, ROWS * HEADS);
    dev->ops.attend(dev, &segments, &form, q, k, v, y, lse);
    float *dq = result(out, q, n_q), *dk = result(out, k, n_kv), *dv = result(out, k, n_kv);
    dev->ops.attend_back(dev, &segments, &form, q, k, v, y, lse, dy, dq, dk, dv);
    dev->ops.rope(dev, &segments, HEADS, DIM, 1e4f, true, result(out, q, n_q));
    for (uint32_t n_taps = 3; n_taps < 5; n_taps++) {
        float *bcx = uniform(&r, 3 * n_x), *taps = uniform(&r, (size_t)WIDTH * n_taps);
        float *bias = uniform(&r, WIDTH), *dc = uniform(&r, n_x);
        float *dbcx = result(out, bcx, 3 * n_x), *dt = result(out, taps, (size_t)WIDTH * n_taps);
        dev->ops.short_conv(dev, &segments, bcx, taps, bias, WIDTH, n_taps, result(out, dc, n_x));
        dev->ops.short_conv_back(dev, &segments, bcx, taps, bias, dc, WIDTH, n_taps, dbcx, dt,
                                 result(out, bias, WIDTH));
    }
}

static void run_values(weir_trainer_device *dev, results *out) {
    const size_t n = (size_t)ROWS * WIDTH, n_logits = (size_t)ROWS * VOCAB;
    numbers r = {3, 0};
    float *x = uniform(&r, n), *w = uniform(&r, WIDTH), *dy = filled(&r, n, next_heavy);
    float *factor = result(out, x, ROWS), *start = uniform(&r, n);
    dev->ops.rms_norm(dev, x, w, ROWS, WIDTH, 1e-5f, result(out, start, n), factor);
    float *dx = result(out, start, n), *dw = result(out, w, WIDTH);
    dev->ops.rms_norm_back(dev, dy, x, w, factor, ROWS, WIDTH, true, dx, dw);
    dev->ops.silu_mul(dev, dy, x, n, result(out, start, n));
    float *dgate = result(out, start, n), *dup = result(out, start, n);
    dev->ops.silu_mul_back(dev, dy, x, start, n, dgate, dup);
    dev->ops.axpy(dev, 0.7f, x, n, result(out, start, n));
    dev->ops.row_dots(dev, x, dy, ROWS, WIDTH, result(out, x, ROWS));
    dev->ops.scale_rows(dev, x, ROWS, WIDTH, result(out, start, n));
    dev->ops.add_bias(dev, w, ROWS, WIDTH, result(out, start, n));
    dev->ops.add_bias_back(dev, x, ROWS, WIDTH, result(out, w, WIDTH));
    float *logits = filled(&r, n_logits, next_heavy);
    int32_t targets[ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        targets[i] = (int32_t)(next_bits(&r) % VOCAB);
    float *losses = result(out, x, ROWS);
    dev->ops.cross_entropy(dev, result(out, logits, n_logits), targets, ROWS, VOCAB, true, 0.01f,
                           losses);
    const weir_adamw step = {1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.1f, 0.05f, 0.5f};
    float *squares = uniform(&r, n);
    for (size_t i = 0; i < n; i++)
        squares[i] *= squares[i];
    float *p = result(out, x, n), *m = result(out, start, n), *v = result(out, squares, n);
    dev->ops.adamw(dev, &step, dy, n, p, m, v);
    double sum = dev->ops.sum_squares(dev, dy, n);
    float halves[2];
    memcpy(halves, &sum, sizeof halves);
    result(out, halves, 2);
}

static void test_same_bits(void **state) {
    (void)state;
    static results all[N_ISAS];
    const char *names[N_ISAS];
    size_t n_found = 0;
    for (size_t i = 0; i < N_ISAS; i++) {
        weir_error err;
        weir_trainer_device_options options = {
            .isa = isa_names[i], .n_threads = 2, .is_exact = true, .no_pin = true};
        weir_trainer_device *dev;
        if (!isa_is_fused(isa_names[i]))
            continue;
        if (weir_cpu_train_open(&dev, &options, &err) != WEIR_STATUS_OK)
            continue;
        run_products(dev, &all[n_found]);
        run_segments(dev, &all[n_found]);
        run_values(dev, &all[n_found]);
        dev->close(dev);
        names[n_found++] = isa_names[i];
    }
    for (size_t i = 1; i < n_found; i++)
        for (size_t j = 0; j < all[0].count; j++) {
            char what[32];
            snprintf(what, sizeof what, "result %zu", j);
            assert_same(what, names[i], all[i].of[j], all[0].of[j], all[0].n[j]);
        }
}

static size_t count_fused(void) {
    size_t n = 0;
    for (size_t i = 0; i < N_ISAS; i++) {
        weir_train_kernels k;
        weir_error err;
        n += isa_is_fused(isa_names[i]) &&
             weir_train_kernels_for(&k, isa_names[i], true, &err) == WEIR_STATUS_OK;
    }
    return n;
}

int main(void) {
    if (count_fused() < 2) {
        printf("skipped: fewer than two instruction sets with fused multiply-add here\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_same_bits, free_arrays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
