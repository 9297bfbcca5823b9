/*
 * train_template_rows.h: what training does to rows and values, in one instruction set.
 *
 * Contract: part of train_template.h. Formulas are in train_ops.h; here the order of operations: a
 * sum along a row has 16 lanes as in kernels.h, a sum over rows runs in blocks of WEIR_SUM_ROWS.
 */
#ifndef WEIR_CPU_TRAIN_TEMPLATE_ROWS_H
#define WEIR_CPU_TRAIN_TEMPLATE_ROWS_H

/* Rows that are fetched early where only 16 columns of each are read. */
enum { SUM_AHEAD = 16 };

static WEIR_INLINE v16 v16_neg(v16 a) {
    return v16_sub(v16_zero(), a);
}

static WEIR_INLINE v16 v16_sqrt(v16 a) {
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) a.p[i] = vp_sqrt(a.p[i]);
    return a;
}

static float dot_values(const float *a, const float *b, size_t n) {
    v16 sum = v16_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        sum = v16_fma(v16_load(a + i), v16_load(b + i), sum);
    if (i < n)
        sum = v16_fma(v16_load_some(a + i, n - i), v16_load_some(b + i, n - i), sum);
    return v16_sum(sum);
}

/* ---- norm --------------------------------------------------------------------------------- */

static void rms_norm_rows(const float *x, const float *w, uint32_t n_rows, uint32_t width,
                          float eps, float *y, float *factor) {
    for (uint32_t r = 0; r < n_rows; r++, x += width, y += width) {
        float f = 1.0f / sqrtf(dot_values(x, x, width) / (float)width + eps);
        v16 scale = v16_set(f);
        uint32_t i = 0;
        for (; i + 16 <= width; i += 16)
            v16_store(y + i, v16_mul(v16_mul(v16_load(x + i), scale), v16_load(w + i)));
        for (; i < width; i++)
            y[i] = x[i] * f * w[i];
        if (factor)
            factor[r] = f;
    }
}

static void rms_norm_back_rows(const float *dy, const float *x, const float *w, const float *factor,
                               uint32_t n_rows, uint32_t width, bool is_added, float *dx) {
    for (uint32_t r = 0; r < n_rows; r++, dy += width, x += width, dx += width) {
        v16 sum = v16_zero();
        uint32_t i = 0;
        for (; i + 16 <= width; i += 16)
            sum = v16_fma(v16_mul(v16_load(w + i), v16_load(dy + i)), v16_load(x + i), sum);
        if (i < width) {
            uint32_t n = width - i;
            v16 g = v16_mul(v16_load_some(w + i, n), v16_load_some(dy + i, n));
            sum = v16_fma(g, v16_load_some(x + i, n), sum);
        }
        float f = factor[r], back = f * f * f * (v16_sum(sum) / (float)width);
        v16 scale = v16_set(f), backs = v16_set(back);
        for (i = 0; i < width; i += 16) {
            uint32_t n = width - i < 16 ? width - i : 16;
            bool is_whole = n == 16;
            v16 wi = is_whole ? v16_load(w + i) : v16_load_some(w + i, n);
            v16 di = is_whole ? v16_load(dy + i) : v16_load_some(dy + i, n);
            v16 xi = is_whole ? v16_load(x + i) : v16_load_some(x + i, n);
            v16 d = v16_fnma(backs, xi, v16_mul(scale, v16_mul(wi, di)));
            if (is_added)
                d = v16_add(is_whole ? v16_load(dx + i) : v16_load_some(dx + i, n), d);
            if (is_whole)
                v16_store(dx + i, d);
            else
                v16_store_some(dx + i, d, n);
        }
    }
}

/* 16 columns. */
static WEIR_INLINE v16 column_sums_16(const float *dy, const float *x, const float *factor,
                                      uint32_t n_rows, uint32_t width, const bool is_whole,
                                      uint32_t n) {
    v16 total = v16_zero();
    for (uint32_t r = 0; r < n_rows;) {
        uint32_t end = n_rows - r < WEIR_SUM_ROWS ? n_rows : r + WEIR_SUM_ROWS;
        v16 sum = v16_zero();
        for (; r < end; r++) {
            size_t at = (size_t)r * width;
            if (r + SUM_AHEAD < n_rows) {
                WEIR_PREFETCH(dy + at + (size_t)SUM_AHEAD * width);
                if (x)
                    WEIR_PREFETCH(x + at + (size_t)SUM_AHEAD * width);
            }
            v16 d = is_whole ? v16_load(dy + at) : v16_load_some(dy + at, n);
            if (x) {
                v16 xi = is_whole ? v16_load(x + at) : v16_load_some(x + at, n);
                sum = v16_fma(v16_mul(d, v16_set(factor[r])), xi, sum);
            } else {
                sum = v16_add(sum, d);
            }
        }
        total = v16_add(total, sum);
    }
    return total;
}

static void column_sums(const float *dy, const float *x, const float *factor, uint32_t n_rows,
                        uint32_t width, uint32_t n_cols, float *out) {
    for (uint32_t c = 0; c < n_cols; c += 16) {
        const float *xc = x ? x + c : NULL;
        uint32_t n = n_cols - c;
        if (n >= 16) {
            v16 sum = column_sums_16(dy + c, xc, factor, n_rows, width, true, 16);
            v16_store(out + c, v16_add(v16_load(out + c), sum));
        } else {
            v16 sum = column_sums_16(dy + c, xc, factor, n_rows, width, false, n);
            v16_store_some(out + c, v16_add(v16_load_some(out + c, n), sum), n);
        }
    }
}

/* ---- values ------------------------------------------------------------------------------- */

/* As in rows_template.h; backwards the sines change sign. */
static void rope_head(float *x, const float *cos_sin, uint32_t head_dim, bool is_back) {
    uint32_t half = head_dim / 2, i = 0;
    const float *cosines = cos_sin, *sines = cos_sin + half;
    for (; i + 16 <= half; i += 16) {
        v16 x0 = v16_load(x + i), x1 = v16_load(x + half + i);
        v16 c = v16_load(cosines + i), s = v16_load(sines + i);
        s = is_back ? v16_neg(s) : s;
        v16_store(x + i, v16_fnma(x1, s, v16_mul(x0, c)));
        v16_store(x + half + i, v16_fma(x0, s, v16_mul(x1, c)));
    }
    for (; i < half; i++) {
        float x0 = x[i], x1 = x[half + i], s = is_back ? -sines[i] : sines[i];
        x[i] = fmaf(-x1, s, x0 * cosines[i]);
        x[half + i] = fmaf(x0, s, x1 * cosines[i]);
    }
}

static WEIR_INLINE v16 silu_mul_v16(v16 g, v16 u) {
    return v16_mul(v16_div(g, v16_add(v16_set(1.0f), v16_exp(v16_neg(g)))), u);
}

static void silu_mul_values(const float *gate, const float *up, size_t n, float *h) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        v16_store(h + i, silu_mul_v16(v16_load(gate + i), v16_load(up + i)));
    if (i < n) {
        v16 last = silu_mul_v16(v16_load_some(gate + i, n - i), v16_load_some(up + i, n - i));
        v16_store_some(h + i, last, n - i);
    }
}

static WEIR_INLINE void silu_back_v16(v16 g, v16 u, v16 dh, v16 *dgate, v16 *dup) {
    const v16 one = v16_set(1.0f);
    v16 s = v16_div(one, v16_add(one, v16_exp(v16_neg(g))));
    *dup = v16_mul(v16_mul(dh, g), s);
    *dgate = v16_mul(v16_mul(v16_mul(dh, u), s), v16_fma(g, v16_sub(one, s), one));
}

static void silu_mul_back_values(const float *gate, const float *up, const float *dh, size_t n,
                                 float *dgate, float *dup) {
    size_t i = 0;
    v16 dg, du;
    for (; i + 16 <= n; i += 16) {
        silu_back_v16(v16_load(gate + i), v16_load(up + i), v16_load(dh + i), &dg, &du);
        if (dgate)
            v16_store(dgate + i, dg);
        if (dup)
            v16_store(dup + i, du);
    }
    if (i < n) {
        silu_back_v16(v16_load_some(gate + i, n - i), v16_load_some(up + i, n - i),
                      v16_load_some(dh + i, n - i), &dg, &du);
        if (dgate)
            v16_store_some(dgate + i, dg, n - i);
        if (dup)
            v16_store_some(dup + i, du, n - i);
    }
}

static void add_scaled_values(float scale, const float *x, size_t n, float *y) {
    v16 s = v16_set(scale);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        v16_store(y + i, v16_fma(s, v16_load(x + i), v16_load(y + i)));
    if (i < n)
        v16_store_some(y + i, v16_fma(s, v16_load_some(x + i, n - i), v16_load_some(y + i, n - i)),
                       n - i);
}

static void scale_values(float scale, const float *x, size_t n, float *y) {
    v16 s = v16_set(scale);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        v16_store(y + i, v16_mul(s, v16_load(x + i)));
    for (; i < n; i++)
        y[i] = scale * x[i];
}

static void add_values(const float *x, size_t n, float *y) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        v16_store(y + i, v16_add(v16_load(y + i), v16_load(x + i)));
    for (; i < n; i++)
        y[i] += x[i];
}

/* ---- loss --------------------------------------------------------------------------------- */

/* The softmax is made in place only if it is wanted: an evaluation leaves the logits alone. */
static float cross_entropy_row(float *logits, uint32_t target, uint32_t n_vocab, bool is_back,
                               float scale) {
    float most = logits[0];
    uint32_t i = 0;
    if (n_vocab >= 16) {
        v16 mosts = v16_load(logits);
        for (i = 16; i + 16 <= n_vocab; i += 16)
            mosts = v16_max(mosts, v16_load(logits + i));
        most = v16_most(mosts);
    }
    for (; i < n_vocab; i++)
        most = logits[i] > most ? logits[i] : most;
    const float chosen = logits[target];
    v16 sums = v16_zero(), shift = v16_set(most);
    for (i = 0; i + 16 <= n_vocab; i += 16) {
        v16 e = v16_exp(v16_sub(v16_load(logits + i), shift));
        sums = v16_add(sums, e);
        if (is_back)
            v16_store(logits + i, e);
    }
    if (i < n_vocab) {
        /* lanes that are not there must not count: their exponentials are taken out by zeros */
        float lanes[16] = {0};
        v16 e = v16_exp(v16_sub(v16_load_some(logits + i, n_vocab - i), shift));
        v16_store_some(lanes, e, n_vocab - i);
        sums = v16_add(sums, v16_load(lanes));
        if (is_back)
            memcpy(logits + i, lanes, (n_vocab - i) * sizeof *logits);
    }
    float sum = v16_sum(sums);
    if (is_back) {
        scale_values(scale / sum, logits, n_vocab, logits);
        logits[target] -= scale;
    }
    return logf(sum) - (chosen - most);
}

/* ---- optimizer ---------------------------------------------------------------------------- */

typedef struct adamw_lanes {
    v16 rate, beta1, rest1, beta2, rest2, eps, decay, correction1, correction2, scale;
} adamw_lanes;

static WEIR_INLINE void adamw_v16(const adamw_lanes *s, v16 g, v16 *p, v16 *m, v16 *v) {
    g = v16_mul(s->scale, g);
    *m = v16_fma(s->rest1, g, v16_mul(s->beta1, *m));
    *v = v16_fma(s->rest2, v16_mul(g, g), v16_mul(s->beta2, *v));
    v16 root = v16_add(v16_sqrt(v16_div(*v, s->correction2)), s->eps);
    v16 move = v16_div(v16_div(*m, s->correction1), root);
    *p = v16_fnma(s->rate, v16_fma(s->decay, *p, move), *p);
}

static void adamw_values(const weir_adamw *step, const float *grad, size_t n, float *p, float *m,
                         float *v) {
    adamw_lanes s = {
        .rate = v16_set(step->learning_rate),
        .beta1 = v16_set(step->beta1),
        .rest1 = v16_set(1.0f - step->beta1),
        .beta2 = v16_set(step->beta2),
        .rest2 = v16_set(1.0f - step->beta2),
        .eps = v16_set(step->eps),
        .decay = v16_set(step->weight_decay),
        .correction1 = v16_set(step->correction1),
        .correction2 = v16_set(step->correction2),
        .scale = v16_set(step->gradient_scale),
    };
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        v16 pi = v16_load(p + i), mi = v16_load(m + i), vi = v16_load(v + i);
        adamw_v16(&s, v16_load(grad + i), &pi, &mi, &vi);
        v16_store(p + i, pi);
        v16_store(m + i, mi);
        v16_store(v + i, vi);
    }
    if (i < n) {
        size_t rest = n - i;
        v16 pi = v16_load_some(p + i, rest), mi = v16_load_some(m + i, rest);
        v16 vi = v16_load_some(v + i, rest);
        adamw_v16(&s, v16_load_some(grad + i, rest), &pi, &mi, &vi);
        v16_store_some(p + i, pi, rest);
        v16_store_some(m + i, mi, rest);
        v16_store_some(v + i, vi, rest);
    }
}

/* Eight sums in turn, then added in order. A square of floats is exact in double. */
static double sum_squares_values(const float *x, size_t n) {
    double sums[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        WEIR_UNROLL for (int l = 0; l < 8; l++) sums[l] += (double)x[i + l] * (double)x[i + l];
    for (size_t l = 0; i + l < n; l++)
        sums[l] += (double)x[i + l] * (double)x[i + l];
    double sum = 0;
    for (int l = 0; l < 8; l++)
        sum += sums[l];
    return sum;
}

#endif
