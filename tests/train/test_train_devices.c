/*
 * test_train_devices.c: every operation of the float32 devices against the same operation in
 * double, on the same numbers; the same bits from any number of threads; and ten steps of AdamW
 * against the formula of the paper.
 */
#include "backend/train_reference.h"
#include "gradient_check.h"

#define F64 (&weir_train_reference_f64)

enum { ROWS = 45, WIDTH = 37 };
static const weir_segment segment_list[] = {{0, 17}, {17, 1}, {18, 2}, {20, 25}};
static const weir_segments segments = {segment_list, 4, ROWS};

/* Two devices of one kind, with one thread and with three, opened for a test. */
typedef struct pair_of_devices {
    const char *label;
    weir_trainer_device *one, *three;
} pair_of_devices;

typedef struct device_choice {
    const char *device, *isa;
} device_choice;

static device_choice choices[] = {
    {"reference", NULL}, {"cpu", "portable"}, {"cpu", "avx2"}, {"cpu", "avx512"}, {"cpu", "neon"},
};

static pair_of_devices devices;

static int open_devices(void **state) {
    const device_choice *choice = *state;
    weir_trainer_device_options options = {.device = choice->device,
                                           .isa = choice->isa,
                                           .n_threads = 1,
                                           .is_exact = true,
                                           .no_pin = true};
    weir_error err = {0};
    devices = (pair_of_devices){.label = choice->isa ? choice->isa : choice->device};
    if (weir_trainer_device_open(&devices.one, &options, &err) != WEIR_STATUS_OK) {
        print_message("%s: %s\n", devices.label, err.text);
        return 0; /* each test says that it is skipped */
    }
    options.n_threads = 3;
    return weir_trainer_device_open(&devices.three, &options, &err) != WEIR_STATUS_OK;
}

static int close_devices(void **state) {
    weir_trainer_device_close(&devices.one);
    weir_trainer_device_close(&devices.three);
    return free_arrays(state);
}

static void need_devices(void) {
    if (!devices.one)
        skip();
}

/* Output of one thread against double and against that of three. */
static void check_output(const char *what, const float *one, const float *three, const double *want,
                         size_t n) {
    double diff = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        diff += ((double)one[i] - want[i]) * ((double)one[i] - want[i]);
        size += want[i] * want[i];
    }
    if (!(sqrt(diff) <= 2e-6 * sqrt(size)))
        fail_msg("%s on %s: relative L2 error %.3g", what, devices.label, sqrt(diff / size));
    if (memcmp(one, three, n * sizeof *one) != 0)
        fail_msg("%s on %s: three threads give other bits than one", what, devices.label);
}

/* An output array for one and for three threads, both beginning as `start`. */
typedef struct outputs {
    float *one, *three;
} outputs;

static outputs twice(const double *start, size_t n) {
    return (outputs){floats(start, n), floats(start, n)};
}

/* Runs `call` on one and on three threads: dev, and `out` of outputs arrays are named in it. */
#define ON_BOTH(call)                                                     \
    for (int threads = 0; threads < 2; threads++) {                       \
        weir_trainer_device *dev = threads ? devices.three : devices.one; \
        call;                                                             \
    }
#define OF(out) (threads ? (out).three : (out).one)

static void test_matmul(void **state) {
    (void)state;
    need_devices();
    static const uint32_t shapes[][3] = {{1, 1, 1}, {45, 37, 130}, {3, 70, 5}, {70, 33, 300}};
    for (size_t s = 0; s < WEIR_COUNT(shapes); s++) {
        for (int form = 0; form < 8; form++) {
            uint32_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
            bool ta = form & 1, tb = form & 2, added = form & 4;
            size_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 1, ldc = n + 2;
            size_t n_a = (ta ? k : m) * lda, n_b = (tb ? n : k) * ldb, n_c = m * ldc;
            double *a = uniform(n_a), *b = uniform(n_b), *c = uniform(n_c),
                   *start = copy_of(c, n_c);
            weir_matmul_f64 want = {m, n, k, a, b, c, lda, ldb, ldc, ta, tb, added};
            outputs got = twice(start, n_c);
            weir_matmul op = {m,   n,  k,  floats(a, n_a), floats(b, n_b), got.one, lda, ldb,
                              ldc, ta, tb, added};
            F64->matmul(NULL, &want, 1);
            devices.one->ops.matmul(devices.one, &op, 1);
            op.c = got.three;
            devices.three->ops.matmul(devices.three, &op, 1);
            check_output("matmul", got.one, got.three, c, n_c);
        }
    }
}

/* Products of which some are empty, as those of experts are. */
static void test_matmul_many(void **state) {
    (void)state;
    need_devices();
    enum { N = 7, D = 20, FF = 24, MOST = 30 };
    static const uint32_t counts[N] = {3, 0, 30, 1, 0, 9, 2};
    double *x = uniform(45 * D), *w = uniform(N * FF * D), *y = zeros(45 * FF);
    double *dw = uniform(N * FF * D), *start = copy_of(dw, N * FF * D);
    float *xf = floats(x, 45 * D), *wf = floats(w, N * FF * D);
    outputs y_got = twice(y, 45 * FF), dw_got = twice(start, N * FF * D);
    for (int threads = 0; threads < 2; threads++) {
        weir_trainer_device *dev = threads ? devices.three : devices.one;
        float *yf = threads ? y_got.three : y_got.one, *dwf = threads ? dw_got.three : dw_got.one;
        weir_matmul ops[2 * N];
        weir_matmul_f64 want[2 * N];
        size_t at = 0;
        for (size_t e = 0; e < N; at += counts[e++]) {
            size_t w_at = e * FF * D;
            ops[e] = (weir_matmul){counts[e], FF, D,  xf + at * D, wf + w_at, yf + at * FF,
                                   D,         D,  FF, false,       true,      false};
            want[e] = (weir_matmul_f64){counts[e], FF, D,  x + at * D, w + w_at, y + at * FF,
                                        D,         D,  FF, false,      true,     false};
            ops[N + e] = (weir_matmul){FF, D, counts[e], yf + at * FF, xf + at * D, dwf + w_at,
                                       FF, D, D,         true,         false,       true};
            want[N + e] = (weir_matmul_f64){FF, D, counts[e], y + at * FF, x + at * D, dw + w_at,
                                            FF, D, D,         true,        false,      true};
        }
        dev->ops.matmul(dev, ops, N);
        dev->ops.matmul(dev, ops + N, N);
        if (threads)
            continue;
        F64->matmul(NULL, want, N);
        F64->matmul(NULL, want + N, N);
    }
    check_output("matmul of experts", y_got.one, y_got.three, y, 45 * FF);
    check_output("matmul of experts, dw", dw_got.one, dw_got.three, dw, N * FF * D);
    for (size_t e = 0; e < N; e++)
        for (size_t i = e * FF * D; counts[e] == 0 && i < (e + 1) * FF * D; i++)
            assert_true(dw_got.one[i] == (float)start[i]);
}

static void test_embed_and_bias(void **state) {
    (void)state;
    need_devices();
    enum { VOCAB = 19, N = ROWS * WIDTH };
    int32_t tokens[ROWS];
    for (int r = 0; r < ROWS; r++)
        tokens[r] = (int32_t)(weir_mix64(3, 1, (uint64_t)r) % VOCAB);
    double *table = uniform(VOCAB * WIDTH), *y = zeros(N), *dtable = uniform(VOCAB * WIDTH);
    double *bias = uniform(WIDTH), *db = uniform(WIDTH), *dy = uniform(N);
    float *table_f = floats(table, VOCAB * WIDTH), *dy_f = floats(dy, N);
    float *bias_f = floats(bias, WIDTH);
    outputs y_got = twice(y, N), dtable_got = twice(dtable, VOCAB * WIDTH),
            db_got = twice(db, WIDTH);
    ON_BOTH(dev->ops.embed(dev, table_f, tokens, ROWS, WIDTH, OF(y_got));
            dev->ops.add_bias(dev, bias_f, ROWS, WIDTH, OF(y_got));
            dev->ops.embed_back(dev, dy_f, tokens, ROWS, WIDTH, OF(dtable_got));
            dev->ops.add_bias_back(dev, dy_f, ROWS, WIDTH, OF(db_got)))
    F64->embed(NULL, table, tokens, ROWS, WIDTH, y);
    F64->add_bias(NULL, bias, ROWS, WIDTH, y);
    F64->embed_back(NULL, dy, tokens, ROWS, WIDTH, dtable);
    F64->add_bias_back(NULL, dy, ROWS, WIDTH, db);
    check_output("embed", y_got.one, y_got.three, y, N);
    check_output("embed_back", dtable_got.one, dtable_got.three, dtable, VOCAB * WIDTH);
    check_output("add_bias_back", db_got.one, db_got.three, db, WIDTH);
}

static void test_rms_norm(void **state) {
    (void)state;
    need_devices();
    enum { N = ROWS * WIDTH };
    double *x = uniform(N), *w = uniform(WIDTH), *y = zeros(N), *factor = zeros(ROWS);
    double *dy = uniform(N), *dx = uniform(N), *dw = uniform(WIDTH);
    float *x_f = floats(x, N), *w_f = floats(w, WIDTH), *dy_f = floats(dy, N);
    outputs y_got = twice(y, N), factor_got = twice(factor, ROWS), dx_got = twice(dx, N);
    outputs dw_got = twice(dw, WIDTH), over = twice(dy, N);
    ON_BOTH(dev->ops.rms_norm(dev, x_f, w_f, ROWS, WIDTH, 1e-5f, OF(y_got), OF(factor_got));
            dev->ops.rms_norm_back(dev, dy_f, x_f, w_f, OF(factor_got), ROWS, WIDTH, true,
                                   OF(dx_got), OF(dw_got));
            dev->ops.rms_norm_back(dev, OF(over), x_f, w_f, OF(factor_got), ROWS, WIDTH, false,
                                   OF(over), NULL))
    F64->rms_norm(NULL, x, w, ROWS, WIDTH, 1e-5f, y, factor);
    F64->rms_norm_back(NULL, dy, x, w, factor, ROWS, WIDTH, true, dx, dw);
    F64->rms_norm_back(NULL, dy, x, w, factor, ROWS, WIDTH, false, dy, NULL);
    check_output("rms_norm", y_got.one, y_got.three, y, N);
    check_output("rms_norm, factor", factor_got.one, factor_got.three, factor, ROWS);
    check_output("rms_norm_back", dx_got.one, dx_got.three, dx, N);
    check_output("rms_norm_back, dw", dw_got.one, dw_got.three, dw, WIDTH);
    check_output("rms_norm_back over dy", over.one, over.three, dy, N);
}

static void test_attention(void **state) {
    (void)state;
    need_devices();
    static const weir_attention_form forms[] = {{4, 2, 16}, {3, 3, 12}, {6, 1, 32}, {2, 1, 64}};
    for (size_t f = 0; f < WEIR_COUNT(forms); f++) {
        const weir_attention_form *form = &forms[f];
        uint32_t heads = form->n_heads;
        size_t n = (size_t)ROWS * heads * form->head_dim;
        size_t n_kv = (size_t)ROWS * form->n_heads_kv * form->head_dim;
        double *q = uniform(n), *k = uniform(n_kv), *v = uniform(n_kv), *dy = uniform(n);
        double *y = zeros(n), *lse = zeros(ROWS * heads);
        double *dq = uniform(n), *dk = uniform(n_kv), *dv = uniform(n_kv);
        outputs q_got = twice(q, n), y_got = twice(y, n), lse_got = twice(lse, ROWS * heads);
        outputs dq_got = twice(dq, n), dk_got = twice(dk, n_kv), dv_got = twice(dv, n_kv);
        float *k_f = floats(k, n_kv), *v_f = floats(v, n_kv), *dy_f = floats(dy, n);
        ON_BOTH(dev->ops.rope(dev, &segments, heads, form->head_dim, 1e4f, false, OF(q_got));
                dev->ops.attend(dev, &segments, form, OF(q_got), k_f, v_f, OF(y_got), OF(lse_got));
                dev->ops.attend_back(dev, &segments, form, OF(q_got), k_f, v_f, OF(y_got),
                                     OF(lse_got), dy_f, OF(dq_got), OF(dk_got), OF(dv_got));
                dev->ops.rope(dev, &segments, heads, form->head_dim, 1e4f, true, OF(dq_got)))
        F64->rope(NULL, &segments, heads, form->head_dim, 1e4f, false, q);
        F64->attend(NULL, &segments, form, q, k, v, y, lse);
        F64->attend_back(NULL, &segments, form, q, k, v, y, lse, dy, dq, dk, dv);
        F64->rope(NULL, &segments, heads, form->head_dim, 1e4f, true, dq);
        check_output("rope", q_got.one, q_got.three, q, n);
        check_output("attend", y_got.one, y_got.three, y, n);
        check_output("attend, lse", lse_got.one, lse_got.three, lse, ROWS * heads);
        check_output("attend_back dq", dq_got.one, dq_got.three, dq, n);
        check_output("attend_back dk", dk_got.one, dk_got.three, dk, n_kv);
        check_output("attend_back dv", dv_got.one, dv_got.three, dv, n_kv);
    }
}

static void test_short_conv(void **state) {
    (void)state;
    need_devices();
    enum { N = ROWS * WIDTH };
    for (uint32_t n_taps = 2; n_taps <= 5; n_taps++) {
        double *bcx = uniform(3 * N), *taps = uniform(WIDTH * n_taps), *dy = uniform(N);
        double *bias = n_taps % 2 ? uniform(WIDTH) : NULL, *y = zeros(N), *dbcx = uniform(3 * N);
        double *dtaps = uniform(WIDTH * n_taps), *dbias = uniform(WIDTH);
        outputs y_got = twice(y, N), dbcx_got = twice(dbcx, 3 * N);
        outputs dtaps_got = twice(dtaps, WIDTH * n_taps), dbias_got = twice(dbias, WIDTH);
        float *bcx_f = floats(bcx, 3 * N), *taps_f = floats(taps, WIDTH * n_taps);
        float *dy_f = floats(dy, N), *bias_f = bias ? floats(bias, WIDTH) : NULL;
        ON_BOTH(
            dev->ops.short_conv(dev, &segments, bcx_f, taps_f, bias_f, WIDTH, n_taps, OF(y_got));
            dev->ops.short_conv_back(dev, &segments, bcx_f, taps_f, bias_f, dy_f, WIDTH, n_taps,
                                     OF(dbcx_got), OF(dtaps_got), bias ? OF(dbias_got) : NULL))
        F64->short_conv(NULL, &segments, bcx, taps, bias, WIDTH, n_taps, y);
        F64->short_conv_back(NULL, &segments, bcx, taps, bias, dy, WIDTH, n_taps, dbcx, dtaps,
                             bias ? dbias : NULL);
        check_output("short_conv", y_got.one, y_got.three, y, N);
        check_output("short_conv_back dbcx", dbcx_got.one, dbcx_got.three, dbcx, 3 * N);
        check_output("short_conv_back dtaps", dtaps_got.one, dtaps_got.three, dtaps,
                     WIDTH * n_taps);
        check_output("short_conv_back dbias", dbias_got.one, dbias_got.three, dbias, WIDTH);
    }
}

static void test_silu_mul(void **state) {
    (void)state;
    need_devices();
    enum { N = 1003 };
    double *gate = uniform(N), *up = uniform(N), *h = zeros(N), *dh = uniform(N);
    double *dgate = zeros(N), *dup = zeros(N);
    for (int i = 0; i < N; i++)
        gate[i] *= 16;
    float *gate_f = floats(gate, N), *up_f = floats(up, N);
    outputs h_got = twice(h, N), dgate_got = twice(dh, N), dup_got = twice(dup, N);
    ON_BOTH(dev->ops.silu_mul(dev, gate_f, up_f, N, OF(h_got));
            dev->ops.silu_mul_back(dev, gate_f, up_f, OF(dgate_got), N, OF(dgate_got), OF(dup_got)))
    F64->silu_mul(NULL, gate, up, N, h);
    F64->silu_mul_back(NULL, gate, up, dh, N, dgate, dup);
    check_output("silu_mul", h_got.one, h_got.three, h, N);
    check_output("silu_mul_back dgate", dgate_got.one, dgate_got.three, dgate, N);
    check_output("silu_mul_back dup", dup_got.one, dup_got.three, dup, N);
}

static void test_route(void **state) {
    (void)state;
    need_devices();
    enum { E = 9, USED = 3 };
    float bias[E];
    for (int e = 0; e < E; e++)
        bias[e] = 0.02f * (float)e;
    for (int form = 0; form < 4; form++) {
        weir_hparams h = {.n_experts = E,
                          .n_experts_used = USED,
                          .has_topk_norm = form & 1,
                          .expert_scale = form & 2 ? 2.5f : 1.0f};
        double *logits = uniform(ROWS * E), *weights = zeros(ROWS * USED);
        double *dweights = uniform(ROWS * USED), *dlogits = uniform(ROWS * E);
        int32_t *experts = new_array(ROWS * USED * 4), *mine = new_array(ROWS * USED * 4);
        outputs w_got = twice(weights, ROWS * USED), d_got = twice(dlogits, ROWS * E);
        float *logits_f = floats(logits, ROWS * E), *dweights_f = floats(dweights, ROWS * USED);
        F64->route(NULL, &h, form ? bias : NULL, logits, ROWS, experts, weights);
        F64->route_back(NULL, &h, logits, experts, weights, dweights, ROWS, dlogits);
        ON_BOTH(dev->ops.route(dev, &h, form ? bias : NULL, logits_f, ROWS, mine, OF(w_got));
                assert_memory_equal(mine, experts, ROWS * USED * 4); dev->ops.route_back(
                    dev, &h, logits_f, mine, OF(w_got), dweights_f, ROWS, OF(d_got)))
        check_output("route", w_got.one, w_got.three, weights, ROWS * USED);
        check_output("route_back", d_got.one, d_got.three, dlogits, ROWS * E);
    }
}

static void test_rows(void **state) {
    (void)state;
    need_devices();
    enum { N = ROWS * WIDTH, PARTS = 3, FROM = 31 };
    uint32_t from[ROWS * PARTS];
    for (int i = 0; i < ROWS * PARTS; i++)
        from[i] = (uint32_t)(weir_mix64(5, 5, (uint64_t)i) % FROM);
    double *x = uniform(FROM * WIDTH), *scale = uniform(ROWS * PARTS), *b = uniform(N);
    double *gathered = zeros(N), *plain = zeros(N), *sum = uniform(N), *sum_plain = uniform(N);
    double *dots = zeros(ROWS), *scaled = copy_of(b, N), *moved = copy_of(b, N);
    float *x_f = floats(x, FROM * WIDTH), *scale_f = floats(scale, ROWS * PARTS);
    float *b_f = floats(b, N);
    outputs gathered_got = twice(gathered, N), plain_got = twice(plain, N), sum_got = twice(sum, N);
    outputs sum_plain_got = twice(sum_plain, N), dots_got = twice(dots, ROWS);
    outputs scaled_got = twice(scaled, N), moved_got = twice(moved, N);
    double squares[2];
    ON_BOTH(dev->ops.gather(dev, x_f, from, scale_f, ROWS, WIDTH, OF(gathered_got));
            dev->ops.gather(dev, x_f, from, NULL, ROWS, WIDTH, OF(plain_got));
            dev->ops.combine(dev, x_f, from, scale_f, ROWS, PARTS, WIDTH, OF(sum_got));
            dev->ops.combine(dev, x_f, from, NULL, ROWS, PARTS, WIDTH, OF(sum_plain_got));
            dev->ops.row_dots(dev, OF(gathered_got), b_f, ROWS, WIDTH, OF(dots_got));
            dev->ops.scale_rows(dev, scale_f, ROWS, WIDTH, OF(scaled_got));
            dev->ops.axpy(dev, 0.3f, OF(plain_got), N, OF(moved_got));
            squares[threads] = dev->ops.sum_squares(dev, b_f, N))
    F64->gather(NULL, x, from, scale, ROWS, WIDTH, gathered);
    F64->gather(NULL, x, from, NULL, ROWS, WIDTH, plain);
    F64->combine(NULL, x, from, scale, ROWS, PARTS, WIDTH, sum);
    F64->combine(NULL, x, from, NULL, ROWS, PARTS, WIDTH, sum_plain);
    F64->row_dots(NULL, gathered, b, ROWS, WIDTH, dots);
    F64->scale_rows(NULL, scale, ROWS, WIDTH, scaled);
    F64->axpy(NULL, 0.3f, plain, N, moved);
    check_output("gather, scaled", gathered_got.one, gathered_got.three, gathered, N);
    check_output("gather", plain_got.one, plain_got.three, plain, N);
    check_output("combine", sum_got.one, sum_got.three, sum, N);
    check_output("combine, unscaled", sum_plain_got.one, sum_plain_got.three, sum_plain, N);
    check_output("row_dots", dots_got.one, dots_got.three, dots, ROWS);
    check_output("scale_rows", scaled_got.one, scaled_got.three, scaled, N);
    check_output("axpy", moved_got.one, moved_got.three, moved, N);
    double want = F64->sum_squares(NULL, b, N);
    assert_true(squares[0] == squares[1] && fabs(squares[0] - want) < 1e-12 * want);
}

static void test_cross_entropy(void **state) {
    (void)state;
    need_devices();
    enum { VOCAB = 203, N = ROWS * VOCAB };
    int32_t targets[ROWS];
    double *logits = uniform(N), *loss = zeros(ROWS);
    for (int i = 0; i < N; i++)
        logits[i] *= 12;
    for (int r = 0; r < ROWS; r++)
        targets[r] = (int32_t)(weir_mix64(5, 6, (uint64_t)r) % VOCAB);
    outputs d_got = twice(logits, N), loss_got = twice(loss, ROWS), kept = twice(logits, N);
    outputs again = twice(loss, ROWS);
    float *logits_f = floats(logits, N);
    ON_BOTH(
        dev->ops.cross_entropy(dev, OF(kept), targets, ROWS, VOCAB, false, 0, OF(again));
        dev->ops.cross_entropy(dev, OF(d_got), targets, ROWS, VOCAB, true, 0.03125f, OF(loss_got));
        assert_memory_equal(OF(again), OF(loss_got), ROWS * sizeof(float));
        assert_memory_equal(OF(kept), logits_f, N * sizeof(float)))
    F64->cross_entropy(NULL, logits, targets, ROWS, VOCAB, true, 0.03125f, loss);
    check_output("cross_entropy", d_got.one, d_got.three, logits, N);
    check_output("cross_entropy, loss", loss_got.one, loss_got.three, loss, ROWS);
}

/* Ten steps, each term written as algorithm 2 of Loshchilov and Hutter (2019) has it. */
static void test_adamw(void **state) {
    (void)state;
    need_devices();
    enum { N = 517, STEPS = 10 };
    double *p = uniform(N), *m = zeros(N), *v = zeros(N), *start = copy_of(p, N);
    double *oracle_m = zeros(N), *oracle_v = zeros(N), *oracle = copy_of(p, N);
    outputs p_got = twice(p, N), m_got = twice(m, N), v_got = twice(v, N);
    for (int t = 1; t <= STEPS; t++) {
        double *g = uniform(N), rate = (double)(0.01f * (float)t);
        weir_adamw step = {.learning_rate = (float)rate,
                           .beta1 = 0.875f,
                           .beta2 = 0.96875f,
                           .eps = 1e-4f,
                           .weight_decay = 0.125f,
                           .gradient_scale = 0.5f,
                           .correction1 = (float)(1 - pow(0.875, t)),
                           .correction2 = (float)(1 - pow(0.96875, t))};
        float *g_f = floats(g, N);
        ON_BOTH(dev->ops.adamw(dev, &step, g_f, N, OF(p_got), OF(m_got), OF(v_got)))
        F64->adamw(NULL, &step, g, N, oracle, oracle_m, oracle_v);
        for (int i = 0; i < N; i++) {
            double theta = p[i];
            m[i] += (1 - 0.875) * (0.5 * g[i] - m[i]);
            v[i] += (1 - 0.96875) * (0.25 * g[i] * g[i] - v[i]);
            double m_hat = m[i] / (1 - pow(0.875, t)), v_hat = v[i] / (1 - pow(0.96875, t));
            p[i] = theta * (1 - rate * 0.125) - rate * m_hat / ((double)1e-4f + sqrt(v_hat));
        }
    }
    for (int i = 0; i < N; i++) {
        assert_true(fabs(oracle[i] - p[i]) < 1e-6);
        start[i] -= p[i];
    }
    assert_true(sqrt(product(start, start, N) / N) > 0.1); /* they moved */
    check_output("adamw", p_got.one, p_got.three, p, N);
    check_output("adamw, m", m_got.one, m_got.three, m, N);
    check_output("adamw, v", v_got.one, v_got.three, v, N);
}

#define FOR(test, i) \
    { #test, test, open_devices, close_devices, &choices[i] }
#define FOR_ALL(test) FOR(test, 0), FOR(test, 1), FOR(test, 2), FOR(test, 3), FOR(test, 4)

int main(void) {
    const struct CMUnitTest tests[] = {
        FOR_ALL(test_matmul),        FOR_ALL(test_matmul_many), FOR_ALL(test_embed_and_bias),
        FOR_ALL(test_rms_norm),      FOR_ALL(test_attention),   FOR_ALL(test_short_conv),
        FOR_ALL(test_silu_mul),      FOR_ALL(test_route),       FOR_ALL(test_rows),
        FOR_ALL(test_cross_entropy), FOR_ALL(test_adamw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
