/*
 * test_train_segments.c: what looks along a segment, on the CPU: positions, attention and short
 * convolution with their gradients, against double arithmetic: segments of one and two rows, around
 * the edges of tiles and longer ones; the same bits from any number of threads, and for a segment
 * wherever it stands and whatever follows.
 */
#include "train_kernel_test.h"

enum { MOST_SEGMENTS = 64 };

typedef struct batch {
    weir_segment items[MOST_SEGMENTS];
    weir_segments segments;
} batch;

static void batch_add(batch *b, uint32_t n_rows) {
    assert_true(b->segments.n < MOST_SEGMENTS);
    b->items[b->segments.n++] = (weir_segment){b->segments.n_rows, n_rows};
    b->segments.n_rows += n_rows;
    b->segments.item = b->items;
}

/* Tiles have 64 and 96 rows. */
static void batch_of_edges(batch *b) {
    static const uint32_t lengths[] = {1, 2, 63, 64, 1, 65, 95, 96, 97, 2, 130, 1};
    *b = (batch){0};
    for (size_t i = 0; i < WEIR_COUNT(lengths); i++)
        batch_add(b, lengths[i]);
}

/* ---- rope --------------------------------------------------------------------------------- */

static void test_rope(void **state) {
    devices_or_skip(*state);
    static const uint32_t dims[] = {64, 6, 40, 512};
    batch b;
    batch_of_edges(&b);
    batch_add(&b, 1100); /* more positions than are kept for the largest heads */
    numbers r = {1, 0};
    for (size_t i = 0; i < WEIR_COUNT(dims); i++) {
        uint32_t n_heads = 3, d = dims[i];
        size_t size = (size_t)b.segments.n_rows * n_heads * d;
        float *x = uniform(&r, size);
        for (int back = 0; back < 2; back++) {
            double *want = doubles(x, size);
            outputs out = outputs_from(x, size);
            F64->rope(NULL, &b.segments, n_heads, d, 1e6f, back, want);
            ON_ALL(dev->ops.rope(dev, &b.segments, n_heads, d, 1e6f, back, out.of[n]));
            check_outputs("rope", &out, want, 2e-7);
        }
    }
}

/* ---- attention ---------------------------------------------------------------------------- */

typedef struct attention_data {
    weir_attention_form form;
    size_t n_q, n_kv, n_lse;
    float *q, *k, *v, *dy;
    outputs y, lse, dq, dk, dv;
} attention_data;

static attention_data attention_make(numbers *r, weir_attention_form form, uint32_t n_rows,
                                     float sharpness) {
    attention_data a = {.form = form};
    a.n_q = (size_t)n_rows * form.n_heads * form.head_dim;
    a.n_kv = (size_t)n_rows * form.n_heads_kv * form.head_dim;
    a.n_lse = (size_t)n_rows * form.n_heads;
    a.q = uniform(r, a.n_q);
    a.k = uniform(r, a.n_kv);
    a.v = uniform(r, a.n_kv);
    a.dy = uniform(r, a.n_q);
    for (size_t i = 0; i < a.n_q; i++)
        a.q[i] *= sharpness;
    a.y = outputs_from(NULL, a.n_q);
    a.lse = outputs_from(NULL, a.n_lse);
    a.dq = outputs_from(NULL, a.n_q);
    a.dk = outputs_from(NULL, a.n_kv);
    a.dv = outputs_from(NULL, a.n_kv);
    return a;
}

static void attention_run(attention_data *a, const weir_segments *segments, int i) {
    weir_trainer_device *dev = devices[i];
    dev->ops.attend(dev, segments, &a->form, a->q, a->k, a->v, a->y.of[i], a->lse.of[i]);
    dev->ops.attend_back(dev, segments, &a->form, a->q, a->k, a->v, a->y.of[i], a->lse.of[i], a->dy,
                         a->dq.of[i], a->dk.of[i], a->dv.of[i]);
}

static void check_attention(attention_data *a, const weir_segments *segments, double bound) {
    double *q = doubles(a->q, a->n_q), *k = doubles(a->k, a->n_kv), *v = doubles(a->v, a->n_kv);
    double *dy = doubles(a->dy, a->n_q), *y = doubles(a->q, a->n_q), *dq = doubles(a->q, a->n_q);
    double *lse = doubles(a->lse.of[0], a->n_lse), *dk = doubles(a->k, a->n_kv),
           *dv = doubles(a->k, a->n_kv);
    F64->attend(NULL, segments, &a->form, q, k, v, y, lse);
    F64->attend_back(NULL, segments, &a->form, q, k, v, y, lse, dy, dq, dk, dv);
    for (int i = 0; i < MOST_THREADS; i++)
        attention_run(a, segments, i);
    check_outputs("attend", &a->y, y, bound);
    check_outputs("lse", &a->lse, lse, bound);
    check_outputs("dq", &a->dq, dq, 3 * bound);
    check_outputs("dk", &a->dk, dk, 3 * bound);
    check_outputs("dv", &a->dv, dv, 3 * bound);
}

static void test_attention_edges(void **state) {
    devices_or_skip(*state);
    static const weir_attention_form forms[] = {{4, 2, 64}, {3, 3, 20}, {4, 1, 6}};
    batch b;
    batch_of_edges(&b);
    numbers r = {2, 0};
    for (size_t i = 0; i < WEIR_COUNT(forms); i++) {
        attention_data a = attention_make(&r, forms[i], b.segments.n_rows, 2.0f);
        check_attention(&a, &b.segments, 1e-6);
    }
}

/* Heads wider than a block of the product, and many tiles. */
static void test_attention_large(void **state) {
    devices_or_skip(*state);
    numbers r = {3, 0};
    batch b = {0};
    batch_add(&b, 150);
    attention_data a = attention_make(&r, (weir_attention_form){2, 1, 512}, 150, 2.0f);
    check_attention(&a, &b.segments, 1e-6);
    batch_add(&b, 420);
    a = attention_make(&r, (weir_attention_form){2, 1, 32}, b.segments.n_rows, 2.0f);
    check_attention(&a, &b.segments, 1e-6);
}

/* Scores so far apart that one key takes all, and so large that their exponentials are not numbers
 * unless the greatest is taken away first. */
static void test_attention_sharp(void **state) {
    devices_or_skip(*state);
    numbers r = {4, 0};
    batch b = {0};
    batch_add(&b, 200);
    attention_data a = attention_make(&r, (weir_attention_form){2, 1, 16}, 200, 400.0f);
    check_attention(&a, &b.segments, 1e-4);
}

/* A segment alone, in another place, and cut short: what is left has the same bits. */
static void test_attention_alone(void **state) {
    devices_or_skip(*state);
    batch b;
    batch_of_edges(&b);
    numbers r = {5, 0};
    const weir_attention_form form = {4, 2, 24};
    attention_data all = attention_make(&r, form, b.segments.n_rows, 3.0f);
    attention_run(&all, &b.segments, 2);
    size_t q_row = (size_t)form.n_heads * form.head_dim, kv_row = q_row / 2;
    for (uint32_t s = 0; s < b.segments.n; s++) {
        uint32_t first = b.items[s].first_row, n_rows = b.items[s].n_rows;
        /* behind one row, with two threads */
        batch moved = {0};
        batch_add(&moved, 1);
        batch_add(&moved, n_rows);
        attention_data a = attention_make(&r, form, n_rows + 1, 3.0f);
        memcpy(a.q + q_row, all.q + first * q_row, n_rows * q_row * sizeof(float));
        memcpy(a.dy + q_row, all.dy + first * q_row, n_rows * q_row * sizeof(float));
        memcpy(a.k + kv_row, all.k + first * kv_row, n_rows * kv_row * sizeof(float));
        memcpy(a.v + kv_row, all.v + first * kv_row, n_rows * kv_row * sizeof(float));
        attention_run(&a, &moved.segments, 1);
        assert_equal("y", a.y.of[1] + q_row, all.y.of[2] + first * q_row, n_rows * q_row);
        assert_equal("dq", a.dq.of[1] + q_row, all.dq.of[2] + first * q_row, n_rows * q_row);
        assert_equal("dk", a.dk.of[1] + kv_row, all.dk.of[2] + first * kv_row, n_rows * kv_row);
        assert_equal("dv", a.dv.of[1] + kv_row, all.dv.of[2] + first * kv_row, n_rows * kv_row);
        /* without its last rows: queries do not see them */
        uint32_t n_left = (n_rows + 1) / 2;
        weir_segment item = {0, n_left};
        const weir_segments left = {&item, 1, n_left};
        a.q += q_row;
        a.k += kv_row;
        a.v += kv_row;
        a.dy += q_row;
        attention_run(&a, &left, 0);
        assert_equal("y, cut", a.y.of[0], all.y.of[2] + first * q_row, n_left * q_row);
        assert_equal("dq, cut", a.dq.of[0], all.dq.of[2] + first * q_row, n_left * q_row);
    }
}

/* Gradients that nobody wants. */
static void test_attention_some(void **state) {
    devices_or_skip(*state);
    batch b = {0};
    batch_add(&b, 70);
    numbers r = {6, 0};
    attention_data a = attention_make(&r, (weir_attention_form){2, 2, 8}, 70, 1.0f);
    attention_run(&a, &b.segments, 0);
    weir_trainer_device *dev = devices[0];
    float *dv = uniform(&r, a.n_kv), *y = uniform(&r, a.n_q);
    dev->ops.attend(dev, &b.segments, &a.form, a.q, a.k, a.v, y, NULL);
    dev->ops.attend_back(dev, &b.segments, &a.form, a.q, a.k, a.v, y, a.lse.of[0], a.dy, NULL, NULL,
                         dv);
    assert_equal("y without lse", y, a.y.of[0], a.n_q);
    assert_equal("dv alone", dv, a.dv.of[0], a.n_kv);
}

/* ---- short convolution -------------------------------------------------------------------- */

static void check_conv(const weir_segments *segments, uint32_t width, uint32_t n_taps,
                       bool has_bias) {
    numbers r = {7, width};
    size_t n_y = (size_t)segments->n_rows * width, n_taps_all = (size_t)width * n_taps;
    float *bcx = uniform(&r, 3 * n_y), *dy = uniform(&r, n_y), *taps = uniform(&r, n_taps_all);
    float *bias = has_bias ? uniform(&r, width) : NULL, *dtaps = uniform(&r, n_taps_all);
    float *dbias = uniform(&r, width);
    double *y64 = doubles(dy, n_y), *dbcx64 = doubles(bcx, 3 * n_y);
    double *bcx64 = doubles(bcx, 3 * n_y), *taps64 = doubles(taps, n_taps_all);
    double *bias64 = has_bias ? doubles(bias, width) : NULL, *dy64 = doubles(dy, n_y);
    double *dtaps64 = doubles(dtaps, n_taps_all), *dbias64 = doubles(dbias, width);
    outputs y = outputs_from(NULL, n_y), dbcx = outputs_from(NULL, 3 * n_y);
    outputs dt = outputs_from(dtaps, n_taps_all), db = outputs_from(dbias, width);
    F64->short_conv(NULL, segments, bcx64, taps64, bias64, width, n_taps, y64);
    F64->short_conv_back(NULL, segments, bcx64, taps64, bias64, dy64, width, n_taps, dbcx64,
                         dtaps64, has_bias ? dbias64 : NULL);
    ON_ALL(dev->ops.short_conv(dev, segments, bcx, taps, bias, width, n_taps, y.of[n]));
    ON_ALL(dev->ops.short_conv_back(dev, segments, bcx, taps, bias, dy, width, n_taps, dbcx.of[n],
                                    dt.of[n], has_bias ? db.of[n] : NULL));
    check_outputs("short_conv", &y, y64, 4e-7);
    check_outputs("dbcx", &dbcx, dbcx64, 4e-7);
    check_outputs("dtaps", &dt, dtaps64, 1e-6);
    check_outputs("dbias", &db, dbias64, 1e-6);
}

static void test_conv(void **state) {
    devices_or_skip(*state);
    batch b;
    batch_of_edges(&b);
    check_conv(&b.segments, 64, 3, false);
    check_conv(&b.segments, 37, 3, true);
    check_conv(&b.segments, 16, 1, true);
    check_conv(&b.segments, 21, 4, false);
    check_conv(&b.segments, 20, 32, true);
    /* more channels than have room in lanes at once */
    batch few = {0};
    batch_add(&few, 3);
    batch_add(&few, 5);
    check_conv(&few.segments, 2800, 3, true);
    check_conv(&few.segments, 300, 32, false);
}

static void test_conv_alone(void **state) {
    devices_or_skip(*state);
    enum { WIDTH = 40, TAPS = 3 };
    batch b;
    batch_of_edges(&b);
    numbers r = {8, 0};
    size_t n_y = (size_t)b.segments.n_rows * WIDTH;
    float *bcx = uniform(&r, 3 * n_y), *taps = uniform(&r, WIDTH * TAPS), *dy = uniform(&r, n_y);
    float *y = uniform(&r, n_y), *dbcx = uniform(&r, 3 * n_y);
    devices[2]->ops.short_conv(devices[2], &b.segments, bcx, taps, NULL, WIDTH, TAPS, y);
    devices[2]->ops.short_conv_back(devices[2], &b.segments, bcx, taps, NULL, dy, WIDTH, TAPS, dbcx,
                                    NULL, NULL);
    for (uint32_t s = 0; s < b.segments.n; s++) {
        uint32_t n_rows = b.items[s].n_rows;
        size_t at = (size_t)b.items[s].first_row * WIDTH, n = (size_t)n_rows * WIDTH;
        weir_segment item = {0, n_rows};
        const weir_segments alone = {&item, 1, n_rows};
        float *one = uniform(&r, n), *back = uniform(&r, 3 * n);
        /* a copy, so that a sanitizer sees what is read before and behind it */
        float *bcx_alone = copy_of(bcx + 3 * at, 3 * n), *dy_alone = copy_of(dy + at, n);
        devices[0]->ops.short_conv(devices[0], &alone, bcx_alone, taps, NULL, WIDTH, TAPS, one);
        devices[1]->ops.short_conv_back(devices[1], &alone, bcx_alone, taps, NULL, dy_alone, WIDTH,
                                        TAPS, back, NULL, NULL);
        assert_equal("short_conv alone", one, y + at, n);
        assert_equal("short_conv_back alone", back, dbcx + 3 * at, 3 * n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PER_DEVICE(test_rope),
        PER_DEVICE(test_attention_edges),
        PER_DEVICE(test_attention_large),
        PER_DEVICE(test_attention_sharp),
        PER_DEVICE(test_attention_alone),
        PER_DEVICE(test_attention_some),
        PER_DEVICE(test_conv),
        PER_DEVICE(test_conv_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
