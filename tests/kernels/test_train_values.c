/*
 * test_train_values.c: the CPU's ops for training that are loops over rows and values, against
 * double arithmetic: widths around whole vectors, values at the ends of their range, arrays in
 * place, gradients that are not wanted; the same bits from any number of threads and for a row
 * wherever it stands.
 */
#include "train_kernel_test.h"

static const uint32_t widths[] = {1, 15, 16, 17, 48, 61, 256};

static int32_t *tokens_below(numbers *r, size_t n, uint32_t limit) {
    int32_t *tokens = new_array(n * sizeof *tokens);
    for (size_t i = 0; i < n; i++)
        tokens[i] = (int32_t)(next_bits(r) % limit);
    return tokens;
}

/* Enough rows that threads are woken, and more than one block of a sum. */
static uint32_t rows_of(uint32_t width) {
    return 4200 / width + 140;
}

static void test_embed(void **state) {
    devices_or_skip(*state);
    enum { VOCAB = 50 };
    numbers r = {1, 0};
    for (size_t i = 0; i < WEIR_COUNT(widths); i++) {
        uint32_t width = widths[i], n_rows = rows_of(width);
        size_t size = (size_t)n_rows * width, n_table = (size_t)VOCAB * width;
        float *table = uniform(&r, n_table), *dy = uniform(&r, size);
        int32_t *tokens = tokens_below(&r, n_rows, VOCAB);
        double *y64 = doubles(dy, size), *dtable64 = doubles(table, n_table);
        outputs y = outputs_from(NULL, size), dtable = outputs_from(table, n_table);
        F64->embed(NULL, doubles(table, n_table), tokens, n_rows, width, y64);
        F64->embed_back(NULL, doubles(dy, size), tokens, n_rows, width, dtable64);
        ON_ALL(dev->ops.embed(dev, table, tokens, n_rows, width, y.of[n]));
        ON_ALL(dev->ops.embed_back(dev, dy, tokens, n_rows, width, dtable.of[n]));
        check_outputs("embed", &y, y64, 0);
        check_outputs("embed_back", &dtable, dtable64, 1e-6);
        devices[0]->ops.embed_back(devices[0], dy, tokens, n_rows, width, NULL);
    }
}

static void check_norm(numbers *r, uint32_t width, float (*next)(numbers *)) {
    uint32_t n_rows = rows_of(width);
    size_t size = (size_t)n_rows * width;
    float *x = filled(r, size, next), *w = uniform(r, width), *dy = uniform(r, size);
    float *dw = uniform(r, width), *dx = uniform(r, size);
    double *y64 = doubles(x, size), *factor64 = doubles(x, n_rows), *dw64 = doubles(dw, width);
    outputs y = outputs_from(NULL, size), factor = outputs_from(NULL, n_rows);
    outputs dws = outputs_from(dw, width);
    F64->rms_norm(NULL, doubles(x, size), doubles(w, width), n_rows, width, 1e-5f, y64, factor64);
    ON_ALL(dev->ops.rms_norm(dev, x, w, n_rows, width, 1e-5f, y.of[n], factor.of[n]));
    check_outputs("rms_norm", &y, y64, 1e-6);
    check_outputs("rms_norm's factor", &factor, factor64, 1e-6);
    for (int added = 0; added < 2; added++) {
        double *dx64 = doubles(dx, size);
        outputs dxs = outputs_from(dx, size);
        double *no_dw = added ? NULL : dw64;
        F64->rms_norm_back(NULL, doubles(dy, size), doubles(x, size), doubles(w, width), factor64,
                           n_rows, width, added, dx64, no_dw);
        ON_ALL(dev->ops.rms_norm_back(dev, dy, x, w, factor.of[0], n_rows, width, added, dxs.of[n],
                                      added ? NULL : dws.of[n]));
        check_outputs("rms_norm_back", &dxs, dx64, 4e-6);
        if (!added) {
            /* dx in the place of dy, dw as before */
            float *place = copy_of(dy, size), *dw_again = copy_of(dw, width);
            devices[1]->ops.rms_norm_back(devices[1], place, x, w, factor.of[0], n_rows, width,
                                          false, place, dw_again);
            assert_equal("dx in place", place, dxs.of[0], size);
            assert_equal("dw before dx", dw_again, dws.of[0], width);
        }
    }
    check_outputs("dw", &dws, dw64, 4e-6);
    /* in place, without factor, and a row alone */
    float *place = copy_of(x, size), *one = uniform(r, width), alone;
    devices[2]->ops.rms_norm(devices[2], place, w, n_rows, width, 1e-5f, place, NULL);
    assert_equal("rms_norm in place", place, y.of[0], size);
    size_t row = n_rows / 3;
    devices[0]->ops.rms_norm(devices[0], x + row * width, w, 1, width, 1e-5f, one, &alone);
    assert_equal("a row alone", one, y.of[0] + row * width, width);
}

static void test_rms_norm(void **state) {
    devices_or_skip(*state);
    numbers r = {2, 0};
    for (size_t i = 0; i < WEIR_COUNT(widths); i++)
        check_norm(&r, widths[i], i % 2 ? next_heavy : next_uniform);
}

static float next_wide(numbers *r) {
    return 130.0f * next_uniform(r);
}

static void test_silu_mul(void **state) {
    devices_or_skip(*state);
    static const size_t sizes[] = {1, 7, 16, 33, 4097, 20011};
    numbers r = {3, 0};
    for (size_t i = 0; i < WEIR_COUNT(sizes); i++) {
        size_t size = sizes[i];
        float *gate = filled(&r, size, i % 2 ? next_wide : next_uniform), *up = uniform(&r, size);
        float *dh = uniform(&r, size);
        double *h64 = doubles(up, size), *dgate64 = doubles(up, size), *dup64 = doubles(up, size);
        outputs h = outputs_from(NULL, size), dgate = h, dup = outputs_from(NULL, size);
        dgate = outputs_from(NULL, size);
        F64->silu_mul(NULL, doubles(gate, size), doubles(up, size), size, h64);
        F64->silu_mul_back(NULL, doubles(gate, size), doubles(up, size), doubles(dh, size), size,
                           dgate64, dup64);
        ON_ALL(dev->ops.silu_mul(dev, gate, up, size, h.of[n]));
        ON_ALL(dev->ops.silu_mul_back(dev, gate, up, dh, size, dgate.of[n], dup.of[n]));
        check_outputs("silu_mul", &h, h64, 4e-7);
        check_outputs("dgate", &dgate, dgate64, 1e-6);
        check_outputs("dup", &dup, dup64, 4e-7);
        float *place = copy_of(gate, size), *only = copy_of(dh, size);
        devices[0]->ops.silu_mul(devices[0], place, up, size, place);
        assert_equal("silu_mul in gate's place", place, h.of[0], size);
        devices[0]->ops.silu_mul_back(devices[0], gate, up, only, size, only, NULL);
        assert_equal("dgate in dh's place", only, dgate.of[0], size);
        only = copy_of(dh, size);
        devices[0]->ops.silu_mul_back(devices[0], gate, up, only, size, NULL, only);
        assert_equal("dup in dh's place", only, dup.of[0], size);
    }
}

static void test_route(void **state) {
    devices_or_skip(*state);
    enum { ROWS = 700, EXPERTS = 9, USED = 3 };
    numbers r = {4, 0};
    for (int norm = 0; norm < 2; norm++) {
        weir_hparams h = {.n_experts = EXPERTS,
                          .n_experts_used = USED,
                          .has_topk_norm = norm,
                          .expert_scale = 1.5f};
        float *logits = uniform(&r, ROWS * EXPERTS), *bias = uniform(&r, EXPERTS);
        float *dweights = uniform(&r, ROWS * USED);
        int32_t *experts = new_array(ROWS * USED * sizeof *experts);
        int32_t *wanted = new_array(ROWS * USED * sizeof *wanted);
        double *weights64 = doubles(dweights, ROWS * USED);
        double *dlogits64 = doubles(logits, ROWS * EXPERTS);
        outputs weights = outputs_from(NULL, ROWS * USED);
        outputs dlogits = outputs_from(NULL, ROWS * EXPERTS);
        F64->route(NULL, &h, bias, doubles(logits, ROWS * EXPERTS), ROWS, wanted, weights64);
        F64->route_back(NULL, &h, doubles(logits, ROWS * EXPERTS), wanted, weights64,
                        doubles(dweights, ROWS * USED), ROWS, dlogits64);
        ON_ALL({
            dev->ops.route(dev, &h, bias, logits, ROWS, experts, weights.of[n]);
            assert_memory_equal(experts, wanted, ROWS * USED * sizeof *experts);
            dev->ops.route_back(dev, &h, logits, experts, weights.of[n], dweights, ROWS,
                                dlogits.of[n]);
        });
        check_outputs("route", &weights, weights64, 4e-7);
        check_outputs("route_back", &dlogits, dlogits64, 2e-6);
    }
}

static void test_rows(void **state) {
    devices_or_skip(*state);
    enum { FROM = 90, PARTS = 3 };
    numbers r = {5, 0};
    for (size_t i = 0; i < WEIR_COUNT(widths); i++) {
        uint32_t width = widths[i], n_rows = rows_of(width);
        size_t size = (size_t)n_rows * width, n_from = (size_t)FROM * width;
        float *x = uniform(&r, n_from), *scale = uniform(&r, (size_t)n_rows * PARTS);
        float *start = uniform(&r, size), *other = uniform(&r, size), *bias = uniform(&r, width);
        uint32_t *from = (uint32_t *)tokens_below(&r, (size_t)n_rows * PARTS, FROM);
        double *x64 = doubles(x, n_from), *scale64 = doubles(scale, (size_t)n_rows * PARTS);
        for (int scaled = 0; scaled < 2; scaled++) {
            const float *by = scaled ? scale : NULL;
            const double *by64 = scaled ? scale64 : NULL;
            outputs y = outputs_from(NULL, size);
            double *want = doubles(start, size);
            F64->gather(NULL, x64, from, by64, n_rows, width, want);
            ON_ALL(dev->ops.gather(dev, x, from, by, n_rows, width, y.of[n]));
            check_outputs("gather", &y, want, 1e-7);
            y = outputs_from(start, size);
            want = doubles(start, size);
            F64->combine(NULL, x64, from, by64, n_rows, PARTS, width, want);
            ON_ALL(dev->ops.combine(dev, x, from, by, n_rows, PARTS, width, y.of[n]));
            check_outputs("combine", &y, want, 3e-7);
        }
        outputs y = outputs_from(start, size);
        double *want = doubles(start, size);
        F64->scale_rows(NULL, scale64, n_rows, width, want);
        ON_ALL(dev->ops.scale_rows(dev, scale, n_rows, width, y.of[n]));
        check_outputs("scale_rows", &y, want, 1e-7);
        y = outputs_from(start, size);
        want = doubles(start, size);
        F64->add_bias(NULL, doubles(bias, width), n_rows, width, want);
        ON_ALL(dev->ops.add_bias(dev, bias, n_rows, width, y.of[n]));
        check_outputs("add_bias", &y, want, 1e-7);
        y = outputs_from(start, size);
        want = doubles(start, size);
        F64->axpy(NULL, -0.75f, doubles(other, size), size, want);
        ON_ALL(dev->ops.axpy(dev, -0.75f, other, size, y.of[n]));
        check_outputs("axpy", &y, want, 1e-7);
        y = outputs_from(NULL, n_rows);
        want = doubles(other, n_rows);
        F64->row_dots(NULL, doubles(start, size), doubles(other, size), n_rows, width, want);
        ON_ALL(dev->ops.row_dots(dev, start, other, n_rows, width, y.of[n]));
        check_outputs("row_dots", &y, want, 1e-6);
        y = outputs_from(bias, width);
        want = doubles(bias, width);
        F64->add_bias_back(NULL, doubles(start, size), n_rows, width, want);
        ON_ALL(dev->ops.add_bias_back(dev, start, n_rows, width, y.of[n]));
        check_outputs("add_bias_back", &y, want, 4e-6);
        devices[0]->ops.add_bias_back(devices[0], start, n_rows, width, NULL);
    }
}

static float next_spread(numbers *r) {
    return 60.0f * next_uniform(r) + 1000.0f;
}

static void test_cross_entropy(void **state) {
    devices_or_skip(*state);
    static const uint32_t vocabs[] = {1, 2, 15, 16, 17, 100, 4096};
    numbers r = {6, 0};
    for (size_t i = 0; i < WEIR_COUNT(vocabs); i++) {
        uint32_t n_vocab = vocabs[i], n_rows = 40;
        size_t size = (size_t)n_rows * n_vocab;
        /* far from zero, and far apart */
        float *logits = filled(&r, size, i % 2 ? next_spread : next_uniform);
        int32_t *targets = tokens_below(&r, n_rows, n_vocab);
        double *logits64 = doubles(logits, size), *loss64 = doubles(logits, n_rows);
        outputs grad = outputs_from(logits, size), loss = outputs_from(NULL, n_rows);
        F64->cross_entropy(NULL, logits64, targets, n_rows, n_vocab, true, 0.125f, loss64);
        ON_ALL(dev->ops.cross_entropy(dev, grad.of[n], targets, n_rows, n_vocab, true, 0.125f,
                                      loss.of[n]));
        if (n_vocab > 1) {
            check_outputs("cross_entropy", &loss, loss64, 1e-6);
            check_outputs("cross_entropy's gradient", &grad, logits64, 2e-6);
        }
        float *kept = copy_of(logits, size), *alone = uniform(&r, n_rows);
        devices[1]->ops.cross_entropy(devices[1], kept, targets, n_rows, n_vocab, false, 1.0f,
                                      alone);
        assert_equal("logits of an evaluation", kept, logits, size);
        assert_equal("loss of an evaluation", alone, loss.of[0], n_rows);
    }
}

static void test_adamw(void **state) {
    devices_or_skip(*state);
    static const size_t sizes[] = {1, 16, 21, 5003};
    numbers r = {7, 0};
    for (size_t i = 0; i < WEIR_COUNT(sizes); i++) {
        size_t size = sizes[i];
        float *p = uniform(&r, size), *zero = new_array(size * sizeof *zero);
        for (size_t j = 0; j < size; j++)
            zero[j] = 0;
        double *p64 = doubles(p, size), *m64 = doubles(zero, size), *v64 = doubles(zero, size);
        outputs ps = outputs_from(p, size), ms = outputs_from(zero, size);
        outputs vs = outputs_from(zero, size);
        for (int t = 1; t <= 10; t++) {
            weir_adamw step = {1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, 0, 0, t % 3 ? 1.0f : 0.25f};
            step.correction1 = (float)(1 - pow(0.9, t));
            step.correction2 = (float)(1 - pow(0.95, t));
            float *grad = filled(&r, size, t % 2 ? next_uniform : next_heavy);
            F64->adamw(NULL, &step, doubles(grad, size), size, p64, m64, v64);
            ON_ALL(dev->ops.adamw(dev, &step, grad, size, ps.of[n], ms.of[n], vs.of[n]));
        }
        check_outputs("adamw p", &ps, p64, 2e-6);
        check_outputs("adamw m", &ms, m64, 2e-6);
        check_outputs("adamw v", &vs, v64, 2e-6);
    }
}

static void test_sum_squares(void **state) {
    devices_or_skip(*state);
    /* the last: more values than have sums at a time */
    static const size_t sizes[] = {0, 1, 9, 4096, 4097, 100003, 4096 * 1024 + 5000};
    numbers r = {8, 0};
    for (size_t i = 0; i < WEIR_COUNT(sizes); i++) {
        float *x = uniform(&r, sizes[i]);
        double want = 0, got[MOST_THREADS];
        for (size_t j = 0; j < sizes[i]; j++)
            want += (double)x[j] * (double)x[j];
        ON_ALL(got[n] = dev->ops.sum_squares(dev, x, sizes[i]));
        assert_near("sum_squares", devices_isa, i, got[0], want, 1e-11 * want);
        assert_memory_equal(&got[0], &got[1], sizeof got[0]);
        assert_memory_equal(&got[0], &got[2], sizeof got[0]);
    }
}

/* Batches without rows. */
static void test_nothing(void **state) {
    devices_or_skip(*state);
    const weir_segments none = {NULL, 0, 0};
    const weir_attention_form form = {2, 1, 8};
    const weir_train_ops *ops = &devices[2]->ops;
    weir_trainer_device *dev = devices[2];
    float x[64] = {0};
    weir_matmul op = {.m = 0, .n = 8, .k = 8, .a = x, .b = x, .c = x, .lda = 8, .ldb = 8, .ldc = 8};
    ops->matmul(dev, &op, 1);
    ops->matmul(dev, NULL, 0);
    ops->rms_norm(dev, x, x, 0, 8, 1e-5f, x, x);
    ops->rope(dev, &none, 2, 8, 1e4f, false, x);
    ops->attend(dev, &none, &form, x, x, x, x, x);
    ops->attend_back(dev, &none, &form, x, x, x, x, x, x, x, x, x);
    ops->short_conv(dev, &none, x, x, NULL, 8, 3, x);
    ops->short_conv_back(dev, &none, x, x, NULL, x, 8, 3, x, x, NULL);
    for (size_t i = 0; i < WEIR_COUNT(x); i++)
        assert_true(same_bits(x[i], 0));
}

static void test_open_refuses(void **state) {
    (void)state;
    weir_trainer_device *dev;
    weir_error err;
    weir_trainer_device_options options = {.isa = "sse9", .n_threads = 1};
    assert_int_equal(weir_cpu_train_open(&dev, &options, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_null(dev);
    assert_non_null(strstr(err.text, "sse9"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PER_DEVICE(test_embed),    PER_DEVICE(test_rms_norm),
        PER_DEVICE(test_silu_mul), PER_DEVICE(test_route),
        PER_DEVICE(test_rows),     PER_DEVICE(test_cross_entropy),
        PER_DEVICE(test_adamw),    PER_DEVICE(test_sum_squares),
        PER_DEVICE(test_nothing),  cmocka_unit_test(test_open_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
