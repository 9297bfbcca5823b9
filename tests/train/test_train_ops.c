/*
 * test_train_ops.c: every gradient of train_ops.h against finite differences, in double: the loss
 * is a random weighting of the operation's outputs. Then what the operations promise besides:
 * outputs that may be inputs, sums that are added to, gradients that nobody wants.
 */
#include "backend/train_reference.h"
#include "gradient_check.h"

#define OPS (&weir_train_reference_f64)

/* Samples of 3, 1, 2 and 5 rows. */
static const weir_segment segment_list[] = {{0, 3}, {3, 1}, {4, 2}, {6, 5}};
static const weir_segments segments = {segment_list, 4, 11};
enum { ROWS = 11 };

static void assert_equal(const char *what, const double *a, const double *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(a[i] == b[i]))
            fail_msg("%s: value %zu is %.17g, expected %.17g", what, i, a[i], b[i]);
}

static double *sum_of(const double *a, const double *b, size_t n) {
    double *p = zeros(n);
    for (size_t i = 0; i < n; i++)
        p[i] = a[i] + b[i];
    return p;
}

/* ---- matrices ---- */

typedef struct linear_case {
    uint32_t rows, in, out;
    double *x, *w, *y, *dy; /* [rows, in], [out, in], [rows, out] */
} linear_case;

static double linear_loss(void *context) {
    linear_case *c = context;
    weir_matmul_f64 op = {.m = c->rows,
                          .n = c->out,
                          .k = c->in,
                          .a = c->x,
                          .lda = c->in,
                          .b = c->w,
                          .ldb = c->in,
                          .b_is_transposed = true,
                          .c = c->y,
                          .ldc = c->out};
    OPS->matmul(NULL, &op, 1);
    return product(c->y, c->dy, (size_t)c->rows * c->out);
}

/* The three forms a layer needs: y = x W', dx = dy W, dW += dy' x. */
static void test_matmul(void **state) {
    (void)state;
    linear_case c = {.rows = 5, .in = 4, .out = 3};
    c.x = uniform(20), c.w = uniform(12), c.y = zeros(15), c.dy = uniform(15);
    double *dx = zeros(20), *before = uniform(12), *dw = copy_of(before, 12);
    weir_matmul_f64 back[2] = {
        {.m = 5, .n = 4, .k = 3, .a = c.dy, .lda = 3, .b = c.w, .ldb = 4, .c = dx, .ldc = 4},
        {.m = 3,
         .n = 4,
         .k = 5,
         .a = c.dy,
         .lda = 3,
         .a_is_transposed = true,
         .b = c.x,
         .ldb = 4,
         .c = dw,
         .ldc = 4,
         .is_added = true}};
    OPS->matmul(NULL, back, 2);
    for (size_t i = 0; i < 12; i++)
        dw[i] -= before[i];
    check_gradient("matmul dx", linear_loss, &c, c.x, dx, 20);
    check_gradient("matmul dw", linear_loss, &c, c.w, dw, 12);
}

static void test_matmul_forms(void **state) {
    (void)state;
    enum { M = 4, N = 5, K = 6, WIDE = 9 };
    for (int form = 0; form < 8; form++) {
        bool ta = form & 1, tb = form & 2, added = form & 4;
        double *a = uniform(M * WIDE + K * WIDE), *b = uniform(N * WIDE + K * WIDE);
        double *c = uniform(M * WIDE), *was = copy_of(c, M * WIDE);
        weir_matmul_f64 op = {.m = M,
                              .n = N,
                              .k = K,
                              .a = a,
                              .lda = WIDE,
                              .a_is_transposed = ta,
                              .b = b,
                              .ldb = WIDE,
                              .b_is_transposed = tb,
                              .c = c,
                              .ldc = WIDE,
                              .is_added = added};
        OPS->matmul(NULL, &op, 1);
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < WIDE; j++) {
                double sum = 0;
                for (size_t p = 0; p < K; p++)
                    sum += (ta ? a[p * WIDE + i] : a[i * WIDE + p]) *
                           (tb ? b[j * WIDE + p] : b[p * WIDE + j]);
                double want = j < N ? (added ? was[i * WIDE + j] + sum : sum) : was[i * WIDE + j];
                assert_true(c[i * WIDE + j] == want);
            }
        /* no terms: zeros, or nothing happens; no rows: nothing happens */
        op.k = 0;
        OPS->matmul(NULL, &op, 1);
        double zero_or_not = c[0];
        assert_true(added ? zero_or_not != 0 : zero_or_not == 0);
        op.m = 0;
        OPS->matmul(NULL, &op, 1);
        assert_true(c[0] == zero_or_not);
    }
}

typedef struct embed_case {
    double *table, *y, *dy; /* [6, 3], [7, 3] */
    const int32_t *tokens;
} embed_case;

static double embed_loss(void *context) {
    embed_case *c = context;
    OPS->embed(NULL, c->table, c->tokens, 7, 3, c->y);
    return product(c->y, c->dy, 21);
}

static void test_embed(void **state) {
    (void)state;
    static const int32_t tokens[] = {5, 0, 5, 2, 2, 5, 4};
    embed_case c = {uniform(18), zeros(21), uniform(21), tokens};
    double *dtable = zeros(18);
    OPS->embed_back(NULL, c.dy, tokens, 7, 3, dtable);
    check_gradient("embed", embed_loss, &c, c.table, dtable, 18);
    for (int i = 0; i < 3; i++)
        assert_true(dtable[3 + i] == 0); /* token 1 is not there */
    double *twice = copy_of(dtable, 18);
    OPS->embed_back(NULL, c.dy, tokens, 7, 3, twice);
    for (int i = 0; i < 18; i++)
        assert_true(fabs(twice[i] - 2 * dtable[i]) < 1e-14);
}

typedef struct bias_case {
    double *bias, *y, *dy; /* [4], [ROWS, 4] */
} bias_case;

static double bias_loss(void *context) {
    bias_case *c = context;
    memset(c->y, 0, ROWS * 4 * sizeof *c->y);
    OPS->add_bias(NULL, c->bias, ROWS, 4, c->y);
    return product(c->y, c->dy, ROWS * 4);
}

static void test_add_bias(void **state) {
    (void)state;
    bias_case c = {uniform(4), zeros(ROWS * 4), uniform(ROWS * 4)};
    double *db = zeros(4);
    OPS->add_bias_back(NULL, c.dy, ROWS, 4, db);
    check_gradient("add_bias", bias_loss, &c, c.bias, db, 4);
    OPS->add_bias_back(NULL, c.dy, ROWS, 4, db);
    for (int i = 0; i < 4; i++) {
        double sum = 0;
        for (int r = 0; r < ROWS; r++)
            sum += c.dy[r * 4 + i];
        assert_true(fabs(db[i] - 2 * sum) < 1e-14); /* it was added to */
    }
    double *y = copy_of(c.bias, 4);
    OPS->axpy(NULL, 2.5f, db, 4, y);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(y[i] - c.bias[i] - 2.5 * db[i]) < 1e-14);
    double squares = OPS->sum_squares(NULL, db, 4);
    assert_true(fabs(squares - product(db, db, 4)) < 1e-14 * squares);
}

/* ---- norm ---- */

typedef struct norm_case {
    double *x, *w, *y, *factor, *dy; /* [ROWS, 6], [6] */
} norm_case;

static double norm_loss(void *context) {
    norm_case *c = context;
    OPS->rms_norm(NULL, c->x, c->w, ROWS, 6, 1e-5f, c->y, c->factor);
    return product(c->y, c->dy, ROWS * 6);
}

static void test_rms_norm(void **state) {
    (void)state;
    enum { N = ROWS * 6 };
    norm_case c = {uniform(N), uniform(6), zeros(N), zeros(ROWS), uniform(N)};
    double *dx = zeros(N), *dw = zeros(6);
    for (int i = 0; i < 6; i++)
        c.x[i] *= 1e-2; /* a row where eps counts */
    norm_loss(&c);
    for (int r = 0; r < ROWS; r++) {
        double mean = product(c.x + 6 * r, c.x + 6 * r, 6) / 6;
        assert_true(fabs(c.factor[r] * sqrt(mean + (double)1e-5f) - 1) < 1e-14);
        assert_true(fabs(c.y[6 * r + 5] - c.x[6 * r + 5] * c.factor[r] * c.w[5]) < 1e-14);
    }
    OPS->rms_norm_back(NULL, c.dy, c.x, c.w, c.factor, ROWS, 6, false, dx, dw);
    check_gradient("rms_norm dw", norm_loss, &c, c.w, dw, 6);
    check_gradient("rms_norm dx", norm_loss, &c, c.x + 6, dx + 6, N - 6);
    /* that row has a larger second derivative: a value of its own */
    check_gradient("rms_norm dx of a small row", norm_loss, &c, c.x, dx, 6);

    norm_loss(&c);
    double *was = uniform(N), *added = copy_of(was, N), *in_place = copy_of(c.dy, N);
    double *dw2 = zeros(6), *y = copy_of(c.x, N), *factor = zeros(ROWS);
    OPS->rms_norm_back(NULL, c.dy, c.x, c.w, c.factor, ROWS, 6, true, added, NULL);
    assert_equal("rms_norm_back added", added, sum_of(was, dx, N), N);
    OPS->rms_norm_back(NULL, in_place, c.x, c.w, c.factor, ROWS, 6, false, in_place, dw2);
    assert_equal("rms_norm_back in place", in_place, dx, N);
    assert_equal("rms_norm_back in place, dw", dw2, dw, 6);
    OPS->rms_norm(NULL, y, c.w, ROWS, 6, 1e-5f, y, factor);
    assert_equal("rms_norm in place", y, c.y, N);
}

/* ---- attention ---- */

typedef struct rope_case {
    double *x, *y, *dy; /* [ROWS, 2, 8] */
} rope_case;

static double rope_loss(void *context) {
    rope_case *c = context;
    memcpy(c->y, c->x, ROWS * 16 * sizeof *c->y);
    OPS->rope(NULL, &segments, 2, 8, 100.0f, false, c->y);
    return product(c->y, c->dy, ROWS * 16);
}

static void test_rope(void **state) {
    (void)state;
    enum { N = ROWS * 16 };
    rope_case c = {uniform(N), zeros(N), uniform(N)};
    double *dx = copy_of(c.dy, N);
    OPS->rope(NULL, &segments, 2, 8, 100.0f, true, dx);
    check_gradient("rope", rope_loss, &c, c.x, dx, N);
    rope_loss(&c);
    /* first rows of samples stand at position 0 */
    for (uint32_t g = 0; g < segments.n; g++)
        assert_equal("rope at 0", c.y + segment_list[g].first_row * 16,
                     c.x + segment_list[g].first_row * 16, 16);
    OPS->rope(NULL, &segments, 2, 8, 100.0f, true, c.y);
    for (size_t i = 0; i < N; i++)
        assert_true(fabs(c.y[i] - c.x[i]) < 1e-14);
}

typedef struct attention_case {
    weir_attention_form form;
    double *q, *k, *v, *y, *lse, *dy;
} attention_case;

static double attention_loss(void *context) {
    attention_case *c = context;
    OPS->attend(NULL, &segments, &c->form, c->q, c->k, c->v, c->y, c->lse);
    return product(c->y, c->dy, (size_t)ROWS * c->form.n_heads * c->form.head_dim);
}

static void test_attend(void **state) {
    (void)state;
    static const weir_attention_form forms[] = {{4, 2, 6}, {3, 3, 4}, {4, 1, 2}};
    for (size_t f = 0; f < WEIR_COUNT(forms); f++) {
        attention_case c = {.form = forms[f]};
        size_t n = (size_t)ROWS * c.form.n_heads * c.form.head_dim;
        size_t n_kv = (size_t)ROWS * c.form.n_heads_kv * c.form.head_dim;
        c.q = uniform(n), c.k = uniform(n_kv), c.v = uniform(n_kv), c.y = zeros(n);
        c.lse = zeros((size_t)ROWS * c.form.n_heads), c.dy = uniform(n);
        for (size_t i = 0; i < n; i++)
            c.q[i] *= 4; /* so that the shares differ */
        attention_loss(&c);
        double *dq = zeros(n), *dk = zeros(n_kv), *dv = zeros(n_kv);
        OPS->attend_back(NULL, &segments, &c.form, c.q, c.k, c.v, c.y, c.lse, c.dy, dq, dk, dv);
        check_gradient("attend dq", attention_loss, &c, c.q, dq, n);
        check_gradient("attend dk", attention_loss, &c, c.k, dk, n_kv);
        check_gradient("attend dv", attention_loss, &c, c.v, dv, n_kv);
        /* a sample of one row: y = v, and no choice to learn */
        attention_loss(&c);
        size_t width = (size_t)c.form.n_heads * c.form.head_dim;
        for (size_t i = 0; i < width; i++)
            assert_true(dq[3 * width + i] == 0);
        uint32_t group = c.form.n_heads / c.form.n_heads_kv, d = c.form.head_dim;
        for (size_t i = 0; i < width; i++)
            assert_true(c.y[3 * width + i] == c.v[3 * width / group + i / d / group * d + i % d]);
        /* lse is what it says */
        double sum = 0;
        for (uint32_t t = 0; t < 2; t++)
            sum += exp(product(c.q + 5 * width, c.k + (4 + t) * width / group, d) / sqrt(d));
        assert_true(fabs(c.lse[5 * c.form.n_heads] - log(sum)) < 1e-12);
    }
}

/* ---- convolution ---- */

typedef struct conv_case {
    uint32_t n_taps;
    double *bcx, *taps, *bias, *y, *dy; /* width 5 */
} conv_case;

static double conv_loss(void *context) {
    conv_case *c = context;
    OPS->short_conv(NULL, &segments, c->bcx, c->taps, c->bias, 5, c->n_taps, c->y);
    return product(c->y, c->dy, ROWS * 5);
}

static void test_short_conv(void **state) {
    (void)state;
    for (uint32_t n_taps = 2; n_taps <= 8; n_taps = n_taps == 4 ? 8 : n_taps + 1) {
        for (int has_bias = 0; has_bias < 2; has_bias++) {
            conv_case c = {.n_taps = n_taps};
            c.bcx = uniform(ROWS * 15), c.taps = uniform(5 * n_taps);
            c.bias = has_bias ? uniform(5) : NULL;
            c.y = zeros(ROWS * 5), c.dy = uniform(ROWS * 5);
            double *dbcx = zeros(ROWS * 15), *dtaps = zeros(5 * n_taps), *dbias = zeros(5);
            OPS->short_conv_back(NULL, &segments, c.bcx, c.taps, c.bias, c.dy, 5, n_taps, dbcx,
                                 dtaps, has_bias ? dbias : NULL);
            check_gradient("short_conv dbcx", conv_loss, &c, c.bcx, dbcx, ROWS * 15);
            /* the first tap of eight meets no row of these samples, so its gradient is zero */
            check_gradient("short_conv dtaps", conv_loss, &c, c.taps, dtaps, 5 * n_taps);
            if (has_bias)
                check_gradient("short_conv dbias", conv_loss, &c, c.bias, dbias, 5);
        }
    }
}

/* ---- feed-forward and experts ---- */

typedef struct silu_case {
    double *gate, *up, *h, *dh;
} silu_case;

static double silu_loss(void *context) {
    silu_case *c = context;
    OPS->silu_mul(NULL, c->gate, c->up, 40, c->h);
    return product(c->h, c->dh, 40);
}

static void test_silu_mul(void **state) {
    (void)state;
    silu_case c = {uniform(40), uniform(40), zeros(40), uniform(40)};
    double *dgate = zeros(40), *dup = zeros(40);
    for (int i = 0; i < 40; i++)
        c.gate[i] *= 6;
    OPS->silu_mul_back(NULL, c.gate, c.up, c.dh, 40, dgate, dup);
    check_gradient("silu_mul dgate", silu_loss, &c, c.gate, dgate, 40);
    check_gradient("silu_mul dup", silu_loss, &c, c.up, dup, 40);
    for (int which = 0; which < 2; which++) {
        double *dh = copy_of(c.dh, 40), *other = zeros(40);
        OPS->silu_mul_back(NULL, c.gate, c.up, dh, 40, which ? other : dh, which ? dh : other);
        assert_equal("silu_mul_back over dh, dgate", which ? other : dh, dgate, 40);
        assert_equal("silu_mul_back over dh, dup", which ? dh : other, dup, 40);
    }
    silu_loss(&c);
    OPS->silu_mul(NULL, c.gate, c.up, 40, c.up);
    assert_equal("silu_mul over up", c.up, c.h, 40);
}

/* A whole MoE block as the graph composes it. Rows sorted by expert: place [r, j] is where choice j
 * of row r went. */
enum { D = 5, FF = 4, N_EXPERTS = 6, USED = 2, PLACES = ROWS * USED };

typedef struct moe_case {
    weir_hparams h;
    const float *bias;
    double *x, *router, *w1, *w3, *w2; /* [ROWS, D], [N_EXPERTS, D], [N_EXPERTS, FF | D, D | FF] */
    double *logits, *weights;          /* [ROWS, N_EXPERTS], [ROWS, USED] */
    int32_t experts[PLACES];
    uint32_t place[PLACES], row[PLACES], first[N_EXPERTS + 1];
    double *xs, *gate, *up, *act, *out, *y, *dy;
} moe_case;

static weir_matmul_f64 times_transposed(const double *a, const double *w, uint32_t m, uint32_t n,
                                        uint32_t k, double *c) {
    return (weir_matmul_f64){.m = m,
                             .n = n,
                             .k = k,
                             .a = a,
                             .lda = k,
                             .b = w,
                             .ldb = k,
                             .b_is_transposed = true,
                             .c = c,
                             .ldc = n};
}

static void sort_by_expert(moe_case *c) {
    uint32_t n = 0;
    for (int32_t e = 0; e < N_EXPERTS; e++) {
        c->first[e] = n;
        for (uint32_t i = 0; i < PLACES; i++)
            if (c->experts[i] == e) {
                c->place[i] = n;
                c->row[n++] = i / USED;
            }
    }
    c->first[N_EXPERTS] = n;
}

static double moe_loss(void *context) {
    moe_case *c = context;
    weir_matmul_f64 op = times_transposed(c->x, c->router, ROWS, N_EXPERTS, D, c->logits);
    OPS->matmul(NULL, &op, 1);
    OPS->route(NULL, &c->h, c->bias, c->logits, ROWS, c->experts, c->weights);
    sort_by_expert(c);
    OPS->gather(NULL, c->x, c->row, NULL, PLACES, D, c->xs);
    for (size_t e = 0; e < N_EXPERTS; e++) {
        size_t at = c->first[e];
        uint32_t n = c->first[e + 1] - c->first[e];
        weir_matmul_f64 in[2] = {
            times_transposed(c->xs + at * D, c->w1 + e * FF * D, n, FF, D, c->gate + at * FF),
            times_transposed(c->xs + at * D, c->w3 + e * FF * D, n, FF, D, c->up + at * FF)};
        OPS->matmul(NULL, in, 2);
        OPS->silu_mul(NULL, c->gate + at * FF, c->up + at * FF, (size_t)n * FF, c->act + at * FF);
        op = times_transposed(c->act + at * FF, c->w2 + e * D * FF, n, D, FF, c->out + at * D);
        OPS->matmul(NULL, &op, 1);
    }
    memset(c->y, 0, ROWS * D * sizeof *c->y);
    OPS->combine(NULL, c->out, c->place, c->weights, ROWS, USED, D, c->y);
    return product(c->y, c->dy, ROWS * D);
}

/* c (+)= a b of one expert's rows: dx = dy W, with is_added */
static void add_times(const double *a, const double *w, uint32_t m, uint32_t n, uint32_t k,
                      double *c) {
    weir_matmul_f64 op = {.m = m,
                          .n = n,
                          .k = k,
                          .a = a,
                          .lda = k,
                          .b = w,
                          .ldb = n,
                          .c = c,
                          .ldc = n,
                          .is_added = true};
    OPS->matmul(NULL, &op, 1);
}

/* dW += dy' x */
static void add_outer(const double *dy, const double *x, uint32_t n_rows, uint32_t out, uint32_t in,
                      double *dw) {
    weir_matmul_f64 op = {.m = out,
                          .n = in,
                          .k = n_rows,
                          .a = dy,
                          .lda = out,
                          .a_is_transposed = true,
                          .b = x,
                          .ldb = in,
                          .c = dw,
                          .ldc = in,
                          .is_added = true};
    OPS->matmul(NULL, &op, 1);
}

/* The choice of every row must be clear, so that no difference of 1e-5 changes it. */
static void assert_margin(const moe_case *c) {
    for (uint32_t r = 0; r < ROWS; r++) {
        double worst_in = INFINITY, best_out = -INFINITY;
        for (int32_t e = 0; e < N_EXPERTS; e++) {
            double rank = 1 / (1 + exp(-c->logits[r * N_EXPERTS + (uint32_t)e])) +
                          (c->bias ? (double)c->bias[e] : 0);
            if (c->experts[r * USED] == e || c->experts[r * USED + 1] == e)
                worst_in = fmin(worst_in, rank);
            else
                best_out = fmax(best_out, rank);
        }
        assert_true(worst_in > best_out + 1e-4);
    }
}

static void check_moe(bool has_topk_norm, float scale, const float *bias) {
    moe_case c = {.h = {.n_experts = N_EXPERTS,
                        .n_experts_used = USED,
                        .expert_scale = scale,
                        .has_topk_norm = has_topk_norm,
                        .has_expert_bias = bias},
                  .bias = bias};
    enum { W = N_EXPERTS * FF * D };
    c.x = uniform(ROWS * D), c.router = uniform(N_EXPERTS * D);
    c.w1 = uniform(W), c.w3 = uniform(W), c.w2 = uniform(W);
    c.logits = zeros(ROWS * N_EXPERTS), c.weights = zeros(PLACES);
    c.xs = zeros(PLACES * D), c.gate = zeros(PLACES * FF), c.up = zeros(PLACES * FF);
    c.act = zeros(PLACES * FF), c.out = zeros(PLACES * D);
    c.y = zeros(ROWS * D), c.dy = uniform(ROWS * D);
    moe_loss(&c);
    assert_margin(&c);

    double *g = zeros(PLACES * D), *dact = zeros(PLACES * FF), *dxs = zeros(PLACES * D);
    double *dgate = zeros(PLACES * FF), *dup = zeros(PLACES * FF), *weighted = zeros(PLACES * FF);
    double *dot = zeros(PLACES), *w_sorted = zeros(PLACES), *dweights = zeros(PLACES);
    double *dw1 = zeros(W), *dw3 = zeros(W), *dw2 = zeros(W), *dx = zeros(ROWS * D);
    double *dlogits = uniform(ROWS * N_EXPERTS), *drouter = zeros(N_EXPERTS * D);
    uint32_t same[PLACES];
    for (uint32_t i = 0; i < PLACES; i++) {
        w_sorted[c.place[i]] = c.weights[i];
        same[i] = i;
    }
    OPS->gather(NULL, c.dy, c.row, NULL, PLACES, D, g);
    for (size_t e = 0; e < N_EXPERTS; e++)
        add_times(g + c.first[e] * D, c.w2 + e * D * FF, c.first[e + 1] - c.first[e], FF, D,
                  dact + c.first[e] * FF);
    OPS->row_dots(NULL, dact, c.act, PLACES, FF, dot);
    OPS->gather(NULL, c.act, same, w_sorted, PLACES, FF, weighted);
    OPS->scale_rows(NULL, w_sorted, PLACES, FF, dact);
    OPS->silu_mul_back(NULL, c.gate, c.up, dact, PLACES * FF, dgate, dup);
    for (size_t e = 0; e < N_EXPERTS; e++) {
        size_t at = c.first[e];
        uint32_t n = c.first[e + 1] - c.first[e];
        add_outer(g + at * D, weighted + at * FF, n, D, FF, dw2 + e * D * FF);
        add_outer(dgate + at * FF, c.xs + at * D, n, FF, D, dw1 + e * FF * D);
        add_outer(dup + at * FF, c.xs + at * D, n, FF, D, dw3 + e * FF * D);
        add_times(dgate + at * FF, c.w1 + e * FF * D, n, D, FF, dxs + at * D);
        add_times(dup + at * FF, c.w3 + e * FF * D, n, D, FF, dxs + at * D);
    }
    for (uint32_t i = 0; i < PLACES; i++)
        dweights[i] = dot[c.place[i]];
    OPS->combine(NULL, dxs, c.place, NULL, ROWS, USED, D, dx);
    OPS->route_back(NULL, &c.h, c.logits, c.experts, c.weights, dweights, ROWS, dlogits);
    add_outer(dlogits, c.x, ROWS, N_EXPERTS, D, drouter);
    add_times(dlogits, c.router, ROWS, D, N_EXPERTS, dx);

    check_gradient("experts dx", moe_loss, &c, c.x, dx, ROWS * D);
    check_gradient("experts drouter", moe_loss, &c, c.router, drouter, N_EXPERTS * D);
    check_gradient("experts dw1", moe_loss, &c, c.w1, dw1, W);
    check_gradient("experts dw3", moe_loss, &c, c.w3, dw3, W);
    check_gradient("experts dw2", moe_loss, &c, c.w2, dw2, W);
    moe_loss(&c);
    for (uint32_t e = 0; e < N_EXPERTS; e++)
        for (uint32_t i = 0; i < FF * D && c.first[e] == c.first[e + 1]; i++)
            assert_true(dw1[e * FF * D + i] == 0);
}

static void test_experts(void **state) {
    (void)state;
    static const float bias[N_EXPERTS] = {0.1f, -0.2f, 0.3f, 0, -2, 0.05f}; /* 4 is not chosen */
    check_moe(true, 1.0f, NULL);
    check_moe(true, 2.5f, bias);
    check_moe(false, 1.0f, bias);
    check_moe(false, 0.7f, NULL);
}

/* ---- loss ---- */

typedef struct loss_case {
    double *logits, *work, *loss; /* [ROWS, 9], [ROWS] */
    const int32_t *targets;
} loss_case;

static double cross_entropy_loss(void *context) {
    loss_case *c = context;
    double sum = 0;
    memcpy(c->work, c->logits, ROWS * 9 * sizeof *c->work);
    OPS->cross_entropy(NULL, c->work, c->targets, ROWS, 9, false, 0, c->loss);
    assert_equal("logits without is_back", c->work, c->logits, ROWS * 9);
    for (uint32_t r = 0; r < ROWS; r++)
        sum += c->loss[r];
    return 0.25 * sum;
}

static void test_cross_entropy(void **state) {
    (void)state;
    static const int32_t targets[ROWS] = {0, 8, 3, 3, 1, 0, 7, 2, 5, 8, 4};
    enum { N = ROWS * 9 };
    loss_case c = {uniform(N), zeros(N), zeros(ROWS), targets};
    for (size_t i = 0; i < N; i++)
        c.logits[i] *= 5;
    double *dlogits = copy_of(c.logits, N), *loss = zeros(ROWS);
    OPS->cross_entropy(NULL, dlogits, targets, ROWS, 9, true, 0.25f, loss);
    check_gradient("cross_entropy", cross_entropy_loss, &c, c.logits, dlogits, N);
    for (uint32_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (uint32_t i = 0; i < 9; i++)
            sum += exp(c.logits[r * 9 + i]);
        double want = log(sum) - c.logits[r * 9 + (uint32_t)targets[r]];
        assert_true(fabs(loss[r] - want) < 1e-13);
    }
}

/* ---- gradients that are not wanted ---- */

static void test_unwanted(void **state) {
    (void)state;
    double *x = uniform(ROWS * 15), *w = uniform(15), *dy = uniform(ROWS * 15), *f = uniform(ROWS);
    double *a = zeros(ROWS * 15), *b = zeros(ROWS * 15);
    static const int32_t tokens[ROWS] = {0};
    const weir_attention_form form = {3, 3, 5};
    OPS->embed_back(NULL, dy, tokens, ROWS, 15, NULL);
    OPS->add_bias_back(NULL, dy, ROWS, 15, NULL);
    OPS->rms_norm_back(NULL, dy, x, w, f, ROWS, 15, false, NULL, a);
    OPS->rms_norm_back(NULL, dy, x, w, f, ROWS, 15, false, b, NULL);
    OPS->rms_norm_back(NULL, dy, x, w, f, ROWS, 15, false, x, NULL);
    double *q = uniform(ROWS * 15), *lse = zeros(ROWS * 3);
    OPS->attend(NULL, &segments, &form, q, q, q, a, lse);
    double *all[3] = {zeros(ROWS * 15), zeros(ROWS * 15), zeros(ROWS * 15)};
    OPS->attend_back(NULL, &segments, &form, q, q, q, a, lse, dy, all[0], all[1], all[2]);
    for (int i = 0; i < 3; i++) {
        memset(b, 0, ROWS * 15 * sizeof *b);
        OPS->attend_back(NULL, &segments, &form, q, q, q, a, lse, dy, i == 0 ? b : NULL,
                         i == 1 ? b : NULL, i == 2 ? b : NULL);
        assert_equal("one gradient of attend", b, all[i], ROWS * 15);
    }
    double *bcx = uniform(ROWS * 15), *taps = uniform(15), *dtaps = zeros(15), *only = zeros(15);
    OPS->short_conv_back(NULL, &segments, bcx, taps, NULL, dy, 5, 3, a, dtaps, NULL);
    OPS->short_conv_back(NULL, &segments, bcx, taps, NULL, dy, 5, 3, NULL, only, NULL);
    assert_equal("dtaps alone", only, dtaps, 15);
    OPS->short_conv_back(NULL, &segments, bcx, taps, NULL, dy, 5, 3, b, NULL, NULL);
    assert_equal("dbcx alone", b, a, ROWS * 15);
    OPS->silu_mul_back(NULL, x, q, dy, ROWS * 15, NULL, a);
    OPS->silu_mul_back(NULL, x, q, dy, ROWS * 15, a, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_matmul, free_arrays),
        cmocka_unit_test_teardown(test_matmul_forms, free_arrays),
        cmocka_unit_test_teardown(test_embed, free_arrays),
        cmocka_unit_test_teardown(test_add_bias, free_arrays),
        cmocka_unit_test_teardown(test_rms_norm, free_arrays),
        cmocka_unit_test_teardown(test_rope, free_arrays),
        cmocka_unit_test_teardown(test_attend, free_arrays),
        cmocka_unit_test_teardown(test_short_conv, free_arrays),
        cmocka_unit_test_teardown(test_silu_mul, free_arrays),
        cmocka_unit_test_teardown(test_experts, free_arrays),
        cmocka_unit_test_teardown(test_cross_entropy, free_arrays),
        cmocka_unit_test_teardown(test_unwanted, free_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
