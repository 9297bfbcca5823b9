/*
 * quant_fit_affine.c: least squares for formats with an offset (q2_k, q4_k, q5_k).
 *
 * Two stages, as in quant_fit_signed.c. Each group alone: candidate steps give levels; for fixed
 * levels the best scale and offset solve two linear equations, the offset held at zero where it
 * would become positive, because the format can only subtract. Then the block: the largest scale
 * and the largest minimum meet the end of the integer scales, every group takes the best integers
 * around its own optimum, and d and dmin are solved again, together, for what was chosen.
 * Invariant: d and dmin are float16 and every comparison of blocks is made with the very numbers
 * that will be stored.
 */
#include <string.h>

#include "quant/quant_fit.h"

enum {
    LANES = WEIR_FIT_LANES,
    N_CANDIDATES = 8, /* with each end fixed; 100 gain less than 0.5 % in error on normal data */
    GROUP_ROUNDS = 3,
    BLOCK_ROUNDS = 2,
    GROUP_MAX = 32,
};

/* Levels between which the range of a group is spread, beyond those there are: fewer than zero
 * leave some unused, more clip the values at one end. */
#define SPREAD_FIRST -0.6f
#define SPREAD_LAST  1.0f

/* x ~ scale * q - min, both >= 0 */
typedef struct line {
    float scale, min;
    float q_mean; /* of the group */
} line;

/* Sums over a group of y, its values above the lowest one: small where x is far from zero. */
typedef struct sums {
    float q, qq, yq;
} sums;

/* For levels q = y * inv + shift, rounded and held to what the format has. */
static sums measure(const weir_fit_range *range, const float *y, float inv, float shift) {
    float top = (float)range->levels;
    float sum_q[LANES] = {0}, sum_qq[LANES] = {0}, sum_yq[LANES] = {0}, q[LANES];
    for (unsigned i = 0; i < range->group_values; i += LANES, y += LANES) {
        for (unsigned j = 0; j < LANES; j++)
            q[j] = weir_fit_round(weir_fit_clamp(y[j] * inv + shift, 0.0f, top));
        for (unsigned j = 0; j < LANES; j++)
            sum_q[j] += q[j];
        for (unsigned j = 0; j < LANES; j++)
            sum_qq[j] += q[j] * q[j];
        for (unsigned j = 0; j < LANES; j++)
            sum_yq[j] += y[j] * q[j];
    }
    return (sums){weir_fit_sum(sum_q), weir_fit_sum(sum_qq), weir_fit_sum(sum_yq)};
}

/* y ~ a * q + c and the part of the energy of y that it explains */
typedef struct solution {
    float a, c, explained;
} solution;

/* The best one for fixed levels with c <= c_max, a group of n values with the sum y_sum. */
static solution solve(sums s, float n, float y_sum, float c_max) {
    float det = n * s.qq - s.q * s.q;
    float a = det > 0.0f ? (n * s.yq - y_sum * s.q) / det : 0.0f;
    float c = det > 0.0f ? (s.qq * y_sum - s.q * s.yq) / det : y_sum / n;
    if (c > c_max) {
        c = c_max;
        a = s.qq > 0.0f ? (s.yq - c * s.q) / s.qq : 0.0f;
    }
    float explained =
        2.0f * (a * s.yq + c * y_sum) - (a * a * s.qq + 2.0f * a * c * s.q + n * c * c);
    return (solution){a, c, explained};
}

static line fit_group(const weir_fit_range *range, const float *x) {
    unsigned n = range->group_values;
    float low = 0.0f, high = x[0], y[GROUP_MAX], y_sum = 0.0f;
    for (unsigned i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    if (high - low < WEIR_FIT_TINY)
        return (line){0.0f, -low, 0.0f};
    for (unsigned i = 0; i < n; i++) {
        y[i] = x[i] - low;
        y_sum += y[i];
    }

    solution best = {0.0f, 0.0f, 0.0f};
    for (unsigned k = 0; k < 2 * N_CANDIDATES; k++) {
        float step = (SPREAD_LAST - SPREAD_FIRST) / (float)(N_CANDIDATES - 1);
        float spread = SPREAD_FIRST + step * (float)(k / 2);
        float inv = ((float)range->levels + spread) / (high - low);
        /* The lowest value on level 0, or the highest one on the last level. */
        sums s = measure(range, y, inv, k % 2 ? -spread : 0.0f);
        solution t = solve(s, (float)n, y_sum, -low);
        if (t.a > 0.0f && t.explained > best.explained)
            best = t;
    }
    for (int round = 0; round < GROUP_ROUNDS && best.a > 0.0f; round++) {
        float inv = 1.0f / best.a;
        solution t = solve(measure(range, y, inv, -best.c * inv), (float)n, y_sum, -low);
        if (!(t.a > 0.0f && t.explained > best.explained))
            break;
        best = t;
    }
    float q_mean = best.a > 0.0f ? (y_sum / (float)n - best.c) / best.a : 0.0f;
    return (line){best.a, -(best.c + low), q_mean};
}

/* A block for given d and dmin. */
typedef struct trial {
    float d, dmin, error; /* squared */
    uint8_t sc[WEIR_FIT_GROUPS], m[WEIR_FIT_GROUPS];
} trial;

static inline void assign(const weir_fit_range *range, const float *x, float step, float min,
                          float q[LANES]) {
    float top = (float)range->levels, inv = step > 0.0f ? 1.0f / step : 0.0f;
    for (unsigned j = 0; j < LANES; j++)
        q[j] = weir_fit_round(weir_fit_clamp((x[j] + min) * inv, 0.0f, top));
}

/* Squared error of a group under x ~ step * q - min. */
static float group_error(const weir_fit_range *range, const float *x, float step, float min) {
    float error[LANES] = {0}, q[LANES];
    for (unsigned i = 0; i < range->group_values; i += LANES, x += LANES) {
        assign(range, x, step, min, q);
        for (unsigned j = 0; j < LANES; j++) {
            float e = x[j] - (step * q[j] - min);
            error[j] += e * e;
        }
    }
    return weir_fit_sum(error);
}

/* lines[g]: what each group would take alone */
static trial try_scales(const weir_fit_range *range, const float *x, const line *lines, float d,
                        float dmin) {
    trial t = {.d = d, .dmin = dmin};
    for (unsigned g = 0; g < range->n_groups; g++, x += range->group_values) {
        int middle = d > 0.0f ? weir_fit_integer(lines[g].scale / d, 0, range->scales) : 0;
        float best = -1.0f;
        for (int sc = middle - 1; sc <= middle + 1; sc++) {
            if (sc < 0 || sc > range->scales)
                continue;
            /* When its scale is rounded the line turns about the mean of the group. */
            float step = d * (float)sc;
            float min = lines[g].min + (step - lines[g].scale) * lines[g].q_mean;
            int below = dmin > 0.0f ? weir_fit_integer(min / dmin - 0.5f, 0, range->scales) : 0;
            for (int m = below; m <= below + 1 && m <= range->scales; m++) {
                float error = group_error(range, x, step, dmin * (float)m);
                if (best < 0.0f || error < best) {
                    best = error;
                    t.sc[g] = (uint8_t)sc;
                    t.m[g] = (uint8_t)m;
                }
            }
        }
        t.error += best;
    }
    return t;
}

/* The d and dmin that suit the levels and integers of a trial: the normal equations of
 * x ~ d * (sc q) + dmin * (-m) over the whole block. */
static void solve_block(const weir_fit_range *range, const float *x, const trial *t, float *d,
                        float *dmin) {
    double aa = 0.0, ab = 0.0, bb = 0.0, xa = 0.0, xb = 0.0;
    for (unsigned g = 0; g < range->n_groups; g++) {
        double q_sum = 0.0, qq = 0.0, xq = 0.0, x_sum = 0.0;
        double sc = (double)t->sc[g], m = (double)t->m[g];
        for (unsigned i = 0; i < range->group_values; i += LANES, x += LANES) {
            float q[LANES];
            assign(range, x, t->d * (float)t->sc[g], t->dmin * (float)t->m[g], q);
            for (unsigned j = 0; j < LANES; j++) {
                q_sum += (double)q[j];
                qq += (double)(q[j] * q[j]);
                xq += (double)x[j] * (double)q[j];
                x_sum += (double)x[j];
            }
        }
        aa += sc * sc * qq;
        ab -= sc * m * q_sum;
        bb += m * m * (double)range->group_values;
        xa += sc * xq;
        xb -= m * x_sum;
    }
    double det = aa * bb - ab * ab, new_d = (double)t->d, new_dmin = (double)t->dmin;
    if (det > 1e-9 * aa * bb) {
        new_d = (bb * xa - ab * xb) / det;
        new_dmin = (aa * xb - ab * xa) / det;
    } else if (aa > 0.0) {
        new_d = (xa - ab * new_dmin) / aa;
    }
    *d = weir_fit_as_half(new_d > 0.0 ? (float)new_d : 0.0f);
    *dmin = weir_fit_as_half(new_dmin > 0.0 ? (float)new_dmin : 0.0f);
}

static bool keep_better(trial *best, const trial *t) {
    bool is_better = t->error < best->error;
    if (is_better)
        *best = *t;
    return is_better;
}

void weir_fit_affine_block(const weir_fit_range *range, const float *x, weir_fit_affine *out) {
    line lines[WEIR_FIT_GROUPS];
    float scale_max = 0.0f, min_max = 0.0f;
    for (unsigned g = 0; g < range->n_groups; g++) {
        lines[g] = fit_group(range, x + g * range->group_values);
        scale_max = lines[g].scale > scale_max ? lines[g].scale : scale_max;
        min_max = lines[g].min > min_max ? lines[g].min : min_max;
    }
    float d = weir_fit_as_half(scale_max / (float)range->scales);
    float dmin = weir_fit_as_half(min_max / (float)range->scales);
    trial best = try_scales(range, x, lines, d, dmin);
    if (weir_fit_is_coarse(d) || weir_fit_is_coarse(dmin)) {
        trial t = try_scales(range, x, lines, weir_fit_half_above(d), weir_fit_half_above(dmin));
        keep_better(&best, &t);
    }
    for (int round = 0; round < BLOCK_ROUNDS; round++) {
        solve_block(range, x, &best, &d, &dmin);
        if (d == best.d && dmin == best.dmin)
            break;
        trial t = try_scales(range, x, lines, d, dmin);
        if (!keep_better(&best, &t))
            break;
    }

    out->d = best.d;
    out->dmin = best.dmin;
    memcpy(out->sc, best.sc, sizeof best.sc);
    memcpy(out->m, best.m, sizeof best.m);
    uint8_t *to = out->q;
    for (unsigned g = 0; g < range->n_groups; g++) {
        float step = best.d * (float)best.sc[g], min = best.dmin * (float)best.m[g], q[LANES];
        for (unsigned i = 0; i < range->group_values; i += LANES, x += LANES, to += LANES) {
            assign(range, x, step, min, q);
            for (unsigned j = 0; j < LANES; j++)
                to[j] = (uint8_t)q[j];
        }
    }
}
