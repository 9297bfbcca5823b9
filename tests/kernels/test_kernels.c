/*
 * test_kernels.c: everything but dot products: rows of activations and attention, of every
 * instruction set, against double arithmetic, against each other bit for bit, and rows in company
 * against the same rows alone.
 */
#include "kernel_test.h"

#include "backend/kv_layout.h"

/* ---- rows of activations -------------------------------------------------------------------- */

static float *random_floats(numbers *r, size_t n, float (*next)(numbers *)) {
    float *p = new_floats(n);
    for (size_t i = 0; i < n; i++)
        p[i] = next(r);
    return p;
}

static void test_rms_norm(void **state) {
    const char *isa = *state;
    weir_cpu_kernels k = kernels_or_skip(isa);
    numbers r = {1, 0};
    for (uint32_t n = 1; n < 300; n += n < 70 ? 1 : 37) {
        float *x = random_floats(&r, n, n % 2 ? next_uniform : next_heavy);
        float *weight = random_floats(&r, n, next_uniform), *y = new_floats(n);
        double squares = 0;
        for (uint32_t i = 0; i < n; i++)
            squares += (double)x[i] * (double)x[i];
        double scale = 1.0 / sqrt(squares / n + (double)1e-5f);
        k.rms_norm(x, weight, n, 1e-5f, y);
        for (uint32_t i = 0; i < n; i++) {
            double want = (double)x[i] * scale * (double)weight[i];
            assert_near("rms_norm", isa, i, (double)y[i], want,
                        fabs(want) * (n / 32 + 12) * 0x1p-24);
        }
        k.rms_norm(x, weight, n, 1e-5f, x);
        assert_same("rms_norm in place", isa, x, y, n);
        free(x);
        free(weight);
        free(y);
    }
}

static void check_silu(const char *isa, const weir_cpu_kernels *k, const float *g, const float *u,
                       size_t n) {
    float *y = new_floats(n);
    k->silu_mul(g, u, n, y);
    for (size_t i = 0; i < n; i++) {
        double want = (double)g[i] / (1.0 + exp(-(double)g[i])) * (double)u[i];
        /* below -88.7 the exponential is infinite and what is left of g is nothing */
        assert_near("silu_mul", isa, i, (double)y[i], want,
                    5e-7 * fabs(want) + 3e-37 * fabs((double)u[i]));
    }
    free(y);
}

static void test_silu_mul(void **state) {
    const char *isa = *state;
    weir_cpu_kernels k = kernels_or_skip(isa);
    numbers r = {2, 0};
    for (size_t n = 1; n < 50; n++) {
        float *g = random_floats(&r, n, next_heavy), *u = random_floats(&r, n, next_uniform);
        check_silu(isa, &k, g, u, n);
        free(g);
        free(u);
    }
    enum { N = 1 << 20 };
    float *g = new_floats(N), *u = new_floats(N);
    for (uint32_t i = 0; i < N; i++) { /* every size of number, and closely around zero */
        g[i] = i % 2 ? weir_bits_f32((uint32_t)next_bits(&r)) : next_uniform(&r) * 110.0f;
        if (!(fabsf(g[i]) < 1e30f))
            g[i] = (float)i * -1e-4f;
        u[i] = next_uniform(&r);
    }
    check_silu(isa, &k, g, u, N);
    free(g);
    free(u);

    /* What no polynomial may spoil. */
    const float odd[] = {0.0f, -0.0f, 1e30f, -1e30f, 3.4e38f, -3.4e38f, INFINITY, 1e-40f};
    const float ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
    const float want[] = {0.0f, 0.0f, 1e30f, 0.0f, 3.4e38f, 0.0f, INFINITY, 5e-41f};
    float y[8];
    k.silu_mul(odd, ones, 8, y);
    for (size_t i = 0; i < 8; i++)
        if (y[i] != want[i])
            fail_msg("%s: silu(%g) is %g", isa, (double)odd[i], (double)y[i]);
    const float nan_in[2] = {NAN, 1.0f}, nan_by[2] = {1.0f, NAN};
    k.silu_mul(nan_in, nan_by, 2, y);
    assert_true(y[0] != y[0] && y[1] != y[1]);
}

static void test_add_scaled(void **state) {
    const char *isa = *state;
    weir_cpu_kernels k = kernels_or_skip(isa);
    numbers r = {3, 0};
    for (size_t n = 0; n < 70; n++) {
        float *x = random_floats(&r, n, next_heavy), *y = random_floats(&r, n, next_heavy);
        float *was = new_floats(n), scale = next_uniform(&r);
        for (size_t i = 0; i < n; i++)
            was[i] = y[i];
        k.add_scaled(y, x, scale, n);
        for (size_t i = 0; i < n; i++) {
            double add = (double)scale * (double)x[i];
            assert_near("add_scaled", isa, i, (double)y[i], (double)was[i] + add,
                        (fabs((double)was[i]) + 2 * fabs(add)) * 0x1p-24);
        }
        free(x);
        free(y);
        free(was);
    }
}

static void test_rope(void **state) {
    const char *isa = *state;
    weir_cpu_kernels k = kernels_or_skip(isa);
    numbers r = {4, 0};
    for (uint32_t d = 2; d <= 160; d += 2) {
        float *x = random_floats(&r, d, next_uniform),
              *cos_sin = random_floats(&r, d, next_uniform);
        float *was = new_floats(d);
        for (uint32_t i = 0; i < d; i++)
            was[i] = x[i];
        k.rope(x, cos_sin, d);
        for (uint32_t i = 0, half = d / 2; i < half; i++) {
            double x0 = (double)was[i], x1 = (double)was[half + i];
            double c = (double)cos_sin[i], s = (double)cos_sin[half + i];
            assert_near("rope", isa, i, (double)x[i], x0 * c - x1 * s, 0x1p-22);
            assert_near("rope", isa, half + i, (double)x[half + i], x1 * c + x0 * s, 0x1p-22);
        }
        free(x);
        free(cos_sin);
        free(was);
    }
}

/* Several tokens in a row against the sum over the whole past. */
static void check_conv(const char *isa, const weir_cpu_kernels *k, uint32_t l_cache, uint32_t n,
                       bool has_bias) {
    enum { TOKENS = 9 };
    numbers r = {5 + l_cache * 100 + n, 0};
    float *taps = random_floats(&r, (size_t)n * l_cache, next_uniform);
    float *bias = random_floats(&r, n, next_uniform);
    float *past = new_floats((size_t)n * (l_cache - 1)), *y = new_floats(n);
    float *u = new_floats((size_t)TOKENS * n); /* [TOKENS, n] b x */
    for (size_t i = 0; i < (size_t)n * (l_cache - 1); i++)
        past[i] = 0.0f;
    for (uint32_t t = 0; t < TOKENS; t++) {
        float *b = random_floats(&r, n, next_uniform), *c = random_floats(&r, n, next_uniform);
        float *x = random_floats(&r, n, next_uniform);
        k->short_conv(b, c, x, taps, has_bias ? bias : NULL, l_cache, n, past, y);
        for (uint32_t i = 0; i < n; i++) {
            u[t * n + i] = b[i] * x[i];
            double sum = has_bias ? (double)bias[i] : 0.0;
            for (uint32_t j = 0; j < l_cache && j <= t; j++)
                sum += (double)taps[i * l_cache + l_cache - 1 - j] * (double)u[(t - j) * n + i];
            assert_near("short_conv", isa, i, (double)y[i], sum * (double)c[i],
                        (l_cache + 3) * 0x1p-23);
            for (uint32_t j = 0; j + 1 < l_cache; j++) {
                float want = t >= l_cache - 2 - j ? u[(t - (l_cache - 2 - j)) * n + i] : 0.0f;
                if (past[i * (l_cache - 1) + j] != want)
                    fail_msg("%s: short_conv: past of channel %u is wrong", isa, i);
            }
        }
        free(b);
        free(c);
        free(x);
    }
    free(taps);
    free(bias);
    free(past);
    free(y);
    free(u);
}

static void test_short_conv(void **state) {
    const char *isa = *state;
    weir_cpu_kernels k = kernels_or_skip(isa);
    for (uint32_t l_cache = 2; l_cache <= 6; l_cache++)
        for (uint32_t n = 1; n < 80; n += n < 34 ? 1 : 13)
            check_conv(isa, &k, l_cache, n, n % 2 == 0);
}

/* ---- attention ------------------------------------------------------------------------------ */

/* Pages of one layer and one head that lie anywhere in a pool full of NaN. */
typedef struct cache {
    weir_kv_layout kv;
    uint32_t n_keys, n_group;
    uint8_t *pool;
    uint32_t *pages;
    float *keys, *values; /* [n_keys, head_dim] as stored */
    float *q;             /* [n_group, head_dim] */
} cache;

enum { GAP_BYTES = 64 };

static cache make_cache(weir_kv_type type, uint32_t head_dim, uint32_t n_group, uint32_t n_keys,
                        float sharpness) {
    cache c = {.n_keys = n_keys, .n_group = n_group};
    numbers r = {n_keys * 1000 + head_dim * 10 + n_group, 0};
    weir_kv_layout *kv = &c.kv;
    kv->type = type;
    kv->head_dim = head_dim;
    kv->vector_bytes = type == WEIR_KV_F32   ? (size_t)head_dim * 4
                       : type == WEIR_KV_F16 ? (size_t)head_dim * 2
                                             : (size_t)head_dim / 32 * 34;
    kv->head_bytes = WEIR_PAGE_TOKENS * kv->vector_bytes;
    kv->page_bytes = GAP_BYTES + 2 * kv->head_bytes; /* something before K, V right after it */

    uint32_t n_pages = (n_keys + WEIR_PAGE_TOKENS - 1) / WEIR_PAGE_TOKENS, n_pool = n_pages + 3;
    n_pool += n_pool % 5 == 0; /* so that steps of 5 meet every page once */
    c.pool = aligned_alloc(64, (n_pool * kv->page_bytes + 63) / 64 * 64);
    c.pages = malloc(n_pages * sizeof *c.pages);
    assert_non_null(c.pool);
    assert_non_null(c.pages);
    memset(c.pool, 0xff, n_pool * kv->page_bytes);
    for (uint32_t i = 0; i < n_pages; i++)
        c.pages[i] = (i * 5 + 2) % n_pool;

    c.keys = new_floats((size_t)n_keys * head_dim);
    c.values = new_floats((size_t)n_keys * head_dim);
    c.q = new_floats((size_t)n_group * head_dim);
    float *vector = new_floats(head_dim);
    for (uint32_t t = 0; t < n_keys; t++) {
        uint8_t *page = c.pool + c.pages[t / WEIR_PAGE_TOKENS] * kv->page_bytes + GAP_BYTES;
        uint8_t *k = page + t % WEIR_PAGE_TOKENS * kv->vector_bytes, *v = k + kv->head_bytes;
        for (uint32_t d = 0; d < head_dim; d++)
            vector[d] = next_uniform(&r);
        weir_kv_store(kv, vector, k);
        weir_kv_load(kv, k, c.keys + (size_t)t * head_dim);
        for (uint32_t d = 0; d < head_dim; d++)
            vector[d] = next_uniform(&r);
        weir_kv_store(kv, vector, v);
        weir_kv_load(kv, v, c.values + (size_t)t * head_dim);
    }
    free(vector);
    for (size_t i = 0; i < (size_t)n_group * head_dim; i++)
        c.q[i] = next_uniform(&r) * sharpness;
    return c;
}

static void free_cache(cache *c) {
    free(c->pool);
    free(c->pages);
    free(c->keys);
    free(c->values);
    free(c->q);
}

static float cache_scale(const cache *c) {
    return (float)(1.0 / sqrt(c->kv.head_dim));
}

/* Rows of n_heads heads, of which the last has all keys; row_values apart. */
static void run_rows(const cache *c, const weir_cpu_kernels *k, uint32_t n_keys, uint32_t n_rows,
                     uint32_t n_heads, size_t row_values, const float *q, float *y) {
    size_t n_scratch = weir_attend_scratch(n_heads, c->kv.head_dim);
    float *scratch = new_floats(n_scratch);
    for (size_t i = 0; i < n_scratch; i++)
        scratch[i] = NAN;
    const weir_attend_task task = {.kv = &c->kv,
                                   .pool = c->pool,
                                   .pages = c->pages,
                                   .k_at = GAP_BYTES,
                                   .v_at = GAP_BYTES + c->kv.head_bytes,
                                   .n_keys = n_keys,
                                   .n_rows = n_rows,
                                   .n_group = n_heads,
                                   .row_values = row_values,
                                   .q = q,
                                   .y = y,
                                   .scale = cache_scale(c),
                                   .scratch = scratch};
    k->attend(&task);
    free(scratch);
}

/* y [n_heads, head_dim] of n_heads heads from `head` on. */
static void run_attend(const cache *c, const weir_cpu_kernels *k, uint32_t head, uint32_t n_heads,
                       float *y) {
    for (size_t i = 0; i < (size_t)n_heads * c->kv.head_dim; i++)
        y[i] = NAN;
    run_rows(c, k, c->n_keys, 1, n_heads, 0, c->q + (size_t)head * c->kv.head_dim, y);
}

/* Rows together have the bits that each has alone, and nothing is written between them. */
static void check_rows(const cache *c, const char *isa, const weir_cpu_kernels *k,
                       uint32_t n_rows) {
    enum { GAP = 3 };
    size_t width = (size_t)c->n_group * c->kv.head_dim, row_values = width + GAP;
    numbers r = {n_rows, c->n_keys};
    if (c->n_keys < n_rows)
        return;
    float *q = random_floats(&r, n_rows * row_values, next_uniform);
    float *y = new_floats(n_rows * row_values), *alone = new_floats(width);
    for (size_t i = 0; i < n_rows * row_values; i++)
        y[i] = 77.0f;
    run_rows(c, k, c->n_keys - n_rows + 1, n_rows, c->n_group, row_values, q, y);
    for (uint32_t i = 0; i < n_rows; i++) {
        run_rows(c, k, c->n_keys - n_rows + 1 + i, 1, c->n_group, 0, q + i * row_values, alone);
        assert_same("attend, a row alone", isa, alone, y + i * row_values, width);
        for (size_t j = width; j < row_values; j++)
            assert_true(y[i * row_values + j] == 77.0f);
    }
    free(q);
    free(y);
    free(alone);
}

static void check_attend(const cache *c, const char *isa, const float *y) {
    uint32_t d_head = c->kv.head_dim;
    double *p = malloc(c->n_keys * sizeof *p);
    for (uint32_t h = 0; h < c->n_group; h++) {
        double most = -INFINITY, sum = 0, size = 0;
        for (uint32_t t = 0; t < c->n_keys; t++) {
            double s = 0, abs_s = 0;
            for (uint32_t d = 0; d < d_head; d++) {
                double term =
                    (double)c->q[h * d_head + d] * (double)c->keys[(size_t)t * d_head + d];
                s += term;
                abs_s += fabs(term);
            }
            p[t] = s * (double)cache_scale(c);
            most = fmax(most, p[t]);
            size = fmax(size, abs_s * (double)cache_scale(c));
        }
        for (uint32_t t = 0; t < c->n_keys; t++)
            sum += p[t] = exp(p[t] - most);
        /* errors of scores become relative errors of weights; |v| <= 1 */
        double bound = size * 12 * 0x1p-24 + 4e-7 + (c->n_keys / 16 + 8) * 0x1p-24;
        for (uint32_t d = 0; d < d_head; d++) {
            double want = 0;
            for (uint32_t t = 0; t < c->n_keys; t++)
                want += p[t] / sum * (double)c->values[(size_t)t * d_head + d];
            assert_near("attend", isa, h * d_head + d, (double)y[h * d_head + d], want, bound);
        }
    }
    free(p);
}

/* Segments that are summed one by one, in any order, and merged have the bits of all together. */
static void check_parts(const cache *c, const char *isa, const weir_cpu_kernels *k,
                        const float *want) {
    size_t n = (size_t)c->n_group * c->kv.head_dim;
    size_t n_sums = weir_attend_sums(c->n_group, c->kv.head_dim);
    uint32_t n_segments = (c->n_keys + WEIR_ATTEND_SEGMENT - 1) / WEIR_ATTEND_SEGMENT;
    size_t n_scratch = weir_attend_scratch(c->n_group, c->kv.head_dim);
    float *scratch = new_floats(n_scratch), *sums = new_floats(n_segments * n_sums),
          *y = new_floats(n);
    weir_attend_task task = {.kv = &c->kv,
                             .pool = c->pool,
                             .pages = c->pages,
                             .k_at = GAP_BYTES,
                             .v_at = GAP_BYTES + c->kv.head_bytes,
                             .n_keys = c->n_keys,
                             .n_rows = 1,
                             .n_group = c->n_group,
                             .q = c->q,
                             .scale = cache_scale(c),
                             .scratch = scratch};
    for (size_t i = 0; i < n_segments * n_sums; i++)
        sums[i] = NAN;
    for (uint32_t i = n_segments; i-- > 0;) {
        for (size_t j = 0; j < n_scratch; j++)
            scratch[j] = NAN;
        k->attend_part(&task, i, sums + i * n_sums);
    }
    task.q = NULL;
    task.y = y;
    k->attend_merge(&task, sums);
    assert_same("attend, by segments", isa, y, want, n);
    free(scratch);
    free(sums);
    free(y);
}

static void check_cache(const cache *c, const char *isa, const weir_cpu_kernels *k) {
    uint32_t d = c->kv.head_dim;
    float *y = new_floats((size_t)c->n_group * d), *alone = new_floats(d);
    run_attend(c, k, 0, c->n_group, y);
    check_attend(c, isa, y);
    check_parts(c, isa, k, y);
    for (uint32_t h = 0; h < c->n_group; h++) {
        run_attend(c, k, h, 1, alone);
        assert_same("attend, a head alone", isa, alone, y + (size_t)h * d, d);
    }
    check_rows(c, isa, k, 2);
    check_rows(c, isa, k, 5);
    check_rows(c, isa, k, WEIR_ATTEND_ROWS);
    free(y);
    free(alone);
}

static const uint32_t key_counts[] = {1,  2,   15,  16,  17,  31,  33,   63,  64,
                                      65, 128, 129, 193, 512, 513, 1101, 1100};
static const uint32_t group_sizes[] = {1, 2, 3, 4, 5, 8, 11};
static const uint32_t head_dims[] = {16, 20, 32, 40, 64, 96, 128};

static void test_attend(void **state) {
    const char *isa = *state;
    weir_cpu_kernels k = kernels_or_skip(isa);
    for (int type = WEIR_KV_F32; type <= WEIR_KV_Q8; type++)
        for (size_t i = 0; i < WEIR_COUNT(head_dims); i++)
            for (size_t g = 0; g < WEIR_COUNT(group_sizes); g++)
                for (size_t n = 0; n < WEIR_COUNT(key_counts); n++) {
                    if (type == WEIR_KV_Q8 && head_dims[i] % 32 != 0)
                        continue;
                    float sharpness = n % 2 ? 1.0f : 20.0f;
                    cache c = make_cache((weir_kv_type)type, head_dims[i], group_sizes[g],
                                         key_counts[n], sharpness);
                    check_cache(&c, isa, &k);
                    free_cache(&c);
                }
}

/* Two keys with scores 0 and a: y = e^a / (1 + e^a) shows the exponential by itself, also where it
 * is nearly and where it is wholly zero. */
static void test_exponential(void **state) {
    const char *isa = *state;
    weir_cpu_kernels k = kernels_or_skip(isa);
    cache c = make_cache(WEIR_KV_F32, 16, 1, 2, 0.0f);
    float *first = (float *)(void *)(c.pool + c.pages[0] * c.kv.page_bytes + GAP_BYTES);
    float *second = first + 16, *values = first + WEIR_PAGE_TOKENS * 16;
    memset(first, 0, 2 * 16 * sizeof *first);
    memset(values, 0, 2 * 16 * sizeof *values);
    second[0] = 1.0f;
    values[16] = 1.0f; /* v of the second key */
    double worst = 0;
    for (float a = 0.0f; a > -130.0f; a -= 0.00731f) {
        float y[16];
        c.q[0] = a * 4.0f; /* the scale is 1/4 */
        run_attend(&c, &k, 0, 1, y);
        double want = exp((double)a) / (1.0 + exp((double)a));
        double error = fabs((double)y[0] - want);
        assert_near("exponential", isa, 0, (double)y[0], want, 5e-7 * want + 2e-45);
        if (want > 1e-37 && error / want > worst)
            worst = error / want;
    }
    print_message("%s: e^a / (1 + e^a) within %.3g\n", isa, worst);
    free_cache(&c);
}

/* A NaN in a key is an answer of NaN, not of something. */
static void test_attend_nan(void **state) {
    const char *isa = *state;
    weir_cpu_kernels k = kernels_or_skip(isa);
    cache c = make_cache(WEIR_KV_F32, 32, 4, 100, 1.0f);
    float *page = (float *)(void *)(c.pool + c.pages[1] * c.kv.page_bytes + GAP_BYTES);
    page[5 * 32 + 3] = NAN;
    float y[4 * 32];
    run_attend(&c, &k, 0, 4, y);
    for (size_t i = 0; i < WEIR_COUNT(y); i++)
        assert_true(y[i] != y[i]);
    free_cache(&c);
    /* In the first segment, one in the middle, the last. */
    static const uint32_t at[] = {7, WEIR_ATTEND_SEGMENT + 70, 2 * WEIR_ATTEND_SEGMENT + 3};
    for (size_t i = 0; i < WEIR_COUNT(at); i++) {
        c = make_cache(WEIR_KV_F32, 32, 4, 2 * WEIR_ATTEND_SEGMENT + 9, 1.0f);
        page = (float *)(void *)(c.pool + c.pages[at[i] / WEIR_PAGE_TOKENS] * c.kv.page_bytes +
                                 GAP_BYTES);
        page[at[i] % WEIR_PAGE_TOKENS * 32 + 3] = NAN;
        run_attend(&c, &k, 0, 4, y);
        for (size_t j = 0; j < WEIR_COUNT(y); j++)
            assert_true(y[j] != y[j]);
        free_cache(&c);
    }
}

/* ---- equal bits ----------------------------------------------------------------------------- */

static uint64_t bits_of_everything(const weir_cpu_kernels *k) {
    enum { N = 4099 };
    numbers r = {9, 0};
    uint64_t sum = 0;
    float *x = random_floats(&r, N, next_heavy), *u = random_floats(&r, N, next_uniform);
    float *c = random_floats(&r, N, next_uniform), *b = random_floats(&r, N, next_uniform);
    float *taps = random_floats(&r, 3 * N, next_uniform),
          *past = random_floats(&r, 2 * N, next_uniform);
    float *y = new_floats(N);
    k->rms_norm(x, u, N, 1e-5f, y);
    sum = add_to_sum(sum, y, N);
    for (uint32_t i = 0; i < N; i++)
        x[i] = ((float)i - 2050.0f) * 0.0625f;
    k->silu_mul(x, u, N, y);
    sum = add_to_sum(sum, y, N);
    k->add_scaled(y, x, 0.3f, N);
    sum = add_to_sum(sum, y, N);
    k->rope(y, u, N - 1);
    sum = add_to_sum(sum, y, N);
    k->short_conv(b, c, u, taps, b, 3, N, past, y);
    sum = add_to_sum(sum, y, N);
    free(x);
    free(u);
    free(c);
    free(b);
    free(taps);
    free(past);
    free(y);
    for (int type = WEIR_KV_F32; type <= WEIR_KV_Q8; type++)
        for (size_t i = 0; i < WEIR_COUNT(head_dims); i++)
            for (size_t n = 0; n < WEIR_COUNT(key_counts); n++) {
                if (type == WEIR_KV_Q8 && head_dims[i] % 32 != 0)
                    continue;
                cache kv = make_cache((weir_kv_type)type, head_dims[i], 5, key_counts[n], 20.0f);
                float *out = new_floats((size_t)5 * head_dims[i]);
                run_attend(&kv, k, 0, 5, out);
                sum = add_to_sum(sum, out, (size_t)5 * head_dims[i]);
                free(out);
                free_cache(&kv);
            }
    return sum;
}

/* The units with fma against each other, on this machine and, by a number, across machines. */
static void test_equal_bits(void **state) {
    (void)state;
    const uint64_t expected = 0x93f3d50c6ad5c451;
    for (size_t u = 0; u < N_ISAS; u++) {
        weir_cpu_kernels k;
        if (!isa_is_fused(isa_names[u]) || weir_cpu_kernels_for(&k, isa_names[u], NULL) != 0)
            continue;
        uint64_t sum = bits_of_everything(&k);
        if (sum != expected)
            fail_msg("%s: the bits of all results sum to 0x%llx, expected 0x%llx", isa_names[u],
                     (unsigned long long)sum, (unsigned long long)expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PER_ISA(test_rms_norm),   PER_ISA(test_silu_mul),    PER_ISA(test_add_scaled),
        PER_ISA(test_rope),       PER_ISA(test_short_conv),  PER_ISA(test_attend),
        PER_ISA(test_attend_nan), PER_ISA(test_exponential), cmocka_unit_test(test_equal_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
