/*
 * attend_template.h: attention of a few query rows: the heads of a group against their K/V head.
 *
 * Contract: included once per instruction set, after its vec_<isa>.h. Pages come in order and
 * stand at fixed absolute positions, so the bits of a row depend on its keys alone:
 *
 *   s[t]  = scale * dot(q, k[t])                  the dot of kernels.h
 *   m'    = max(m, max s);  r = exp(m - m')       m = -infinity before the first page
 *   p[t]  = exp(s[t] - m')                        keys past the end: s = -infinity, p = 0
 *   l[t % 16] = l[t % 16] * r + p[t]              t ascending
 *   y[d]  = fma(p[t], v[t][d], ...), begun with y[d] * r    t ascending
 *
 * Each segment of keys begins anew. What it has summed, m, l and y, joins the sums M, L and Y of
 * those before it, unless it is the first:
 *
 *   M'    = max(M, m);  a = exp(M - M');  b = exp(m - M')
 *   L[i]  = L[i] * a + l[i] * b;  Y[d] = fma(b, y[d], Y[d] * a)
 *
 * and Y / sum(L) at the end, lanes added as in a dot. K and V that are not float32 are widened
 * once a page for all rows, and a product meets the heads of several rows.
 */
#ifndef WEIR_CPU_ATTEND_TEMPLATE_H
#define WEIR_CPU_ATTEND_TEMPLATE_H

#include "cpu/unit_template.h"

#include <assert.h>
#include <math.h>

enum { SCORE_HEADS = 8 };

/* What has been summed. */
typedef struct attend_sums {
    float *y;          /* [n_rows][n_group, head_dim] */
    size_t row_values; /* from a row of y to the next one */
    float *lanes;      /* [n_rows, n_group, 16] l */
    float *most;       /* [n_rows, n_group] m */
} attend_sums;

/* Keeps what attend remembers of a group between pages. */
typedef struct attend_state {
    float *widened;  /* [64, head_dim] K, then V of a page */
    float *scores;   /* [n_rows, n_group, 64] s, then p */
    float *lanes;    /* [n_rows, n_group, 16] l of all segments */
    float *rescale;  /* [n_rows, n_group] r of this page */
    attend_sums sum; /* of this segment */
} attend_state;

/* The n vectors at `stored` as floats. */
static const float *widen(const weir_kv_layout *kv, const uint8_t *stored, uint32_t n,
                          float *values) {
    size_t count = (size_t)n * kv->head_dim;
    switch (kv->type) {
    case WEIR_KV_F16:
        WEIR_ISA(dequantize_f16)(stored, values, count);
        return values;
    case WEIR_KV_Q8:
        WEIR_ISA(dequantize_q8_0)(stored, values, count);
        return values;
    case WEIR_KV_F32:
        break;
    }
    return (const float *)(const void *)stored; /* pages are aligned */
}

/* s of n keys, of all heads of the rows from `row` on; a row's keys may be fewer, softmax sees to
 * that. */
static void page_scores(const weir_attend_task *task, attend_state *st, uint32_t row,
                        const float *keys, uint32_t n) {
    uint32_t d = task->kv->head_dim, n_group = task->n_group;
    uint32_t n_all = task->n_rows * n_group;
    for (uint32_t head = row * n_group; head < n_all; head += SCORE_HEADS) {
        const float *q[SCORE_HEADS];
        float *s[SCORE_HEADS];
        uint32_t n_heads = n_all - head < SCORE_HEADS ? n_all - head : SCORE_HEADS;
        for (uint32_t j = 0; j < n_heads; j++) {
            uint32_t r = (head + j) / n_group, h = (head + j) % n_group;
            q[j] = task->q + r * task->row_values + (size_t)h * d;
            s[j] = st->scores + (size_t)(head + j) * WEIR_PAGE_TOKENS;
        }
        WEIR_ISA(dot_f32)((const uint8_t *)keys, d * sizeof *keys, n, q, n_heads, d, s);
    }
}

/* s -> p of one head, of one row; m, r and l move on. */
static void page_softmax(const weir_attend_task *task, attend_state *st, uint32_t head,
                         uint32_t n) {
    enum { N = WEIR_PAGE_TOKENS / 16 };
    float *scores = st->scores + (size_t)head * WEIR_PAGE_TOKENS;
    float *lanes = st->sum.lanes + (size_t)head * 16;
    v16 scale = v16_set(task->scale), s[N];
    for (uint32_t t = n; t < WEIR_PAGE_TOKENS; t++)
        scores[t] = -INFINITY;
    WEIR_UNROLL for (int i = 0; i < N; i++) s[i] = v16_mul(v16_load(scores + 16 * i), scale);
    /* With a NaN among the scores m may be anything: p, l and y become NaN all the same. */
    float most = v16_most(v16_max(v16_max(s[0], s[1]), v16_max(s[2], s[3])));
    most = most > st->sum.most[head] ? most : st->sum.most[head];

    vp r = vp_exp(vp_set(st->sum.most[head] - most));
    v16 rescale;
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) rescale.p[i] = r;
    v16 sum = v16_mul(v16_load(lanes), rescale);
    WEIR_UNROLL for (int i = 0; i < N; i++) {
        v16 p = v16_exp(v16_sub(s[i], v16_set(most)));
        sum = v16_add(sum, p);
        v16_store(scores + 16 * i, p);
    }
    v16_store(lanes, sum);
    st->sum.most[head] = most;
    st->rescale[head] = vp_first(r);
}

/* y of n_heads heads from `head` on, n_parts registers of values from d on. */
static WEIR_INLINE void values_tile(const int n_heads, const int n_parts, const uint32_t head_dim,
                                    const float *rescale, const float *p, float *y,
                                    const float *values, uint32_t n, uint32_t d) {
    y += d;
    vp acc[V_ATTEND_HEADS * V_ATTEND_PARTS];
    WEIR_UNROLL for (int h = 0; h < n_heads; h++) {
        vp r = vp_set(rescale[h]);
        WEIR_UNROLL for (int i = 0; i < n_parts; i++) {
            acc[h * n_parts + i] = vp_mul(vp_load(y + (size_t)h * head_dim + i * V_WIDTH), r);
        }
    }
    values += d;
    for (uint32_t t = 0; t < n; t++, values += head_dim) {
        vp v[V_ATTEND_PARTS];
        WEIR_UNROLL for (int i = 0; i < n_parts; i++) v[i] = vp_load(values + i * V_WIDTH);
        WEIR_UNROLL for (int h = 0; h < n_heads; h++) {
            vp weight = vp_set(p[h * WEIR_PAGE_TOKENS + t]);
            WEIR_UNROLL for (int i = 0; i < n_parts; i++) {
                vp *sum = &acc[h * n_parts + i];
                *sum = vp_fma(weight, v[i], *sum);
            }
        }
    }
    WEIR_UNROLL for (int h = 0; h < n_heads; h++) {
        WEIR_UNROLL for (int i = 0; i < n_parts; i++)
            vp_store(y + (size_t)h * head_dim + i * V_WIDTH, acc[h * n_parts + i]);
    }
}

/* The last head_dim % V_WIDTH values of one head, one by one. */
static void values_rest(const uint32_t head_dim, float rescale, const float *p, float *y,
                        const float *values, uint32_t n, uint32_t d) {
    for (; d < head_dim; d++) {
        float sum = y[d] * rescale;
        for (uint32_t t = 0; t < n; t++)
            sum = fmaf(p[t], values[(size_t)t * head_dim + d], sum);
        y[d] = sum;
    }
}

/* Heads that follow each other in their row: rescale [n_heads], p [n_heads, 64], y
 * [n_heads, head_dim]. */
static WEIR_INLINE void values_heads(const int n_heads, const uint32_t head_dim,
                                     const float *rescale, const float *p, float *y,
                                     const float *values, uint32_t n) {
    const uint32_t wide = V_ATTEND_PARTS * V_WIDTH;
    uint32_t d = 0;
    for (; d + wide <= head_dim; d += wide)
        values_tile(n_heads, V_ATTEND_PARTS, head_dim, rescale, p, y, values, n, d);
    for (; d + V_WIDTH <= head_dim; d += V_WIDTH)
        values_tile(n_heads, 1, head_dim, rescale, p, y, values, n, d);
    if (d < head_dim)
        for (int h = 0; h < n_heads; h++)
            values_rest(head_dim, rescale[h], p + (size_t)h * WEIR_PAGE_TOKENS,
                        y + (size_t)h * head_dim, values, n, d);
}

/* y of one row moves on by n values. */
static void page_values(const weir_attend_task *task, const attend_state *st, uint32_t row,
                        const float *values, uint32_t n) {
    const uint32_t head_dim = task->kv->head_dim;
    const float *rescale = st->rescale + (size_t)row * task->n_group;
    const float *p = st->scores + (size_t)row * task->n_group * WEIR_PAGE_TOKENS;
    float *y = st->sum.y + row * st->sum.row_values;
    uint32_t head = 0;
    for (; head + V_ATTEND_HEADS <= task->n_group; head += V_ATTEND_HEADS)
        values_heads(V_ATTEND_HEADS, head_dim, rescale + head, p + (size_t)head * WEIR_PAGE_TOKENS,
                     y + (size_t)head * head_dim, values, n);
    for (; head < task->n_group; head++)
        values_heads(1, head_dim, rescale + head, p + (size_t)head * WEIR_PAGE_TOKENS,
                     y + (size_t)head * head_dim, values, n);
}

/* Keys of a row on the page that begins at key `begin`; 0: it has none there. */
static uint32_t keys_on_page(const weir_attend_task *task, uint32_t row, uint32_t begin) {
    uint32_t n_keys = task->n_keys + row;
    if (n_keys <= begin)
        return 0;
    return n_keys - begin < WEIR_PAGE_TOKENS ? n_keys - begin : WEIR_PAGE_TOKENS;
}

static void attend_page(const weir_attend_task *task, attend_state *st, uint32_t begin) {
    const weir_kv_layout *kv = task->kv;
    const uint8_t *page = task->pool + task->pages[begin / WEIR_PAGE_TOKENS] * kv->page_bytes;
    uint32_t n_most = keys_on_page(task, task->n_rows - 1, begin), first = 0;
    while (keys_on_page(task, first, begin) == 0)
        first++;
    page_scores(task, st, first, widen(kv, page + task->k_at, n_most, st->widened), n_most);
    for (uint32_t r = first; r < task->n_rows; r++)
        for (uint32_t h = 0; h < task->n_group; h++)
            page_softmax(task, st, r * task->n_group + h, keys_on_page(task, r, begin));
    const float *values = widen(kv, page + task->v_at, n_most, st->widened);
    for (uint32_t r = first; r < task->n_rows; r++)
        page_values(task, st, r, values, keys_on_page(task, r, begin));
}

/* The sums of rows over one segment; rows may have no key in it. */
static void attend_segment(const weir_attend_task *task, attend_state *st, uint32_t begin) {
    const size_t n_values = (size_t)task->n_group * task->kv->head_dim;
    uint32_t end = task->n_keys + task->n_rows - 1;
    if (end - begin > WEIR_ATTEND_SEGMENT)
        end = begin + WEIR_ATTEND_SEGMENT;
    for (uint32_t h = 0; h < task->n_rows * task->n_group; h++) {
        st->sum.most[h] = -INFINITY;
        v16_store(st->sum.lanes + (size_t)16 * h, v16_zero());
    }
    for (uint32_t r = 0; r < task->n_rows; r++)
        memset(st->sum.y + r * st->sum.row_values, 0, n_values * sizeof *st->sum.y);
    for (; begin < end; begin += WEIR_PAGE_TOKENS)
        attend_page(task, st, begin);
}

/* `more` joins `all`: one head, which is number `head` of both, y its values. */
static void merge_head(const attend_sums *all, const attend_sums *more, uint32_t head,
                       uint32_t head_dim, float *y, const float *more_y) {
    float *lanes = all->lanes + (size_t)head * 16;
    float before = all->most[head], here = more->most[head];
    float most = before > here ? before : here;
    vp a = vp_exp(vp_set(before - most)), b = vp_exp(vp_set(here - most));
    v16 old_share, new_share;
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) old_share.p[i] = a;
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) new_share.p[i] = b;
    v16 added = v16_mul(v16_load(more->lanes + (size_t)head * 16), new_share);
    v16_store(lanes, v16_add(v16_mul(v16_load(lanes), old_share), added));
    all->most[head] = most;
    uint32_t d = 0;
    for (; d + V_WIDTH <= head_dim; d += V_WIDTH)
        vp_store(y + d, vp_fma(b, vp_load(more_y + d), vp_mul(vp_load(y + d), a)));
    for (; d < head_dim; d++) {
        float kept = y[d] * vp_first(a);
        y[d] = fmaf(vp_first(b), more_y[d], kept);
    }
}

/* The same of all heads of a row. */
static void merge_row(const weir_attend_task *task, const attend_sums *all, const attend_sums *more,
                      uint32_t row) {
    const uint32_t head_dim = task->kv->head_dim;
    for (uint32_t h = 0; h < task->n_group; h++)
        merge_head(all, more, row * task->n_group + h, head_dim,
                   all->y + row * all->row_values + (size_t)h * head_dim,
                   more->y + row * more->row_values + (size_t)h * head_dim);
}

/* y / sum(l) of all heads of a row; it may take the place of the sums. */
static void finish_row(const weir_attend_task *task, const attend_sums *all, uint32_t row) {
    const size_t head_dim = task->kv->head_dim;
    for (uint32_t h = 0; h < task->n_group; h++) {
        const float *lanes = all->lanes + ((size_t)row * task->n_group + h) * 16;
        const float *sums = all->y + row * all->row_values + h * head_dim;
        float *y = task->y + row * task->row_values + h * head_dim;
        float share = 1.0f / v16_sum(v16_load(lanes));
        for (uint32_t d = 0; d < head_dim; d++)
            y[d] = sums[d] * share;
    }
}

/* Sums of n_heads heads, n_group in a row, at `values` (weir_attend_sums). */
static attend_sums sums_at(float *values, uint32_t n_heads, uint32_t n_group, uint32_t head_dim) {
    attend_sums s = {.y = values, .row_values = (size_t)n_group * head_dim};
    s.lanes = s.y + (size_t)n_heads * head_dim;
    s.most = s.lanes + (size_t)n_heads * 16;
    return s;
}

/* Returns the scratch that is left. */
static float *begin_attend(const weir_attend_task *task, attend_state *st) {
    const size_t n_heads = (size_t)task->n_rows * task->n_group;
    st->widened = task->scratch;
    st->scores = st->widened + (size_t)WEIR_PAGE_TOKENS * task->kv->head_dim;
    st->lanes = st->scores + n_heads * WEIR_PAGE_TOKENS;
    st->rescale = st->lanes + n_heads * 16;
    return st->rescale + n_heads;
}

void WEIR_ISA(attend)(const weir_attend_task *task) {
    const uint32_t n_heads = task->n_rows * task->n_group;
    attend_state st;
    attend_sums all = {.y = task->y, .row_values = task->row_values};
    all.most = begin_attend(task, &st);
    all.lanes = st.lanes;
    st.sum = all;
    attend_segment(task, &st, 0);
    st.sum = sums_at(all.most + n_heads, n_heads, task->n_group, task->kv->head_dim);
    for (uint32_t begin = WEIR_ATTEND_SEGMENT; begin < task->n_keys + task->n_rows - 1;
         begin += WEIR_ATTEND_SEGMENT) {
        attend_segment(task, &st, begin);
        for (uint32_t r = 0; r < task->n_rows; r++)
            if (task->n_keys + r > begin)
                merge_row(task, &all, &st.sum, r);
    }
    for (uint32_t r = 0; r < task->n_rows; r++)
        finish_row(task, &all, r);
}

void WEIR_ISA(attend_part)(const weir_attend_task *task, uint32_t segment, float *sums) {
    attend_state st;
    assert(task->n_rows == 1 && segment * WEIR_ATTEND_SEGMENT < task->n_keys);
    begin_attend(task, &st);
    st.sum = sums_at(sums, task->n_group, task->n_group, task->kv->head_dim);
    attend_segment(task, &st, segment * WEIR_ATTEND_SEGMENT);
}

void WEIR_ISA(attend_merge)(const weir_attend_task *task, float *sums) {
    const uint32_t n_group = task->n_group, head_dim = task->kv->head_dim;
    attend_sums all = sums_at(sums, n_group, n_group, head_dim);
    for (uint32_t begin = WEIR_ATTEND_SEGMENT; begin < task->n_keys; begin += WEIR_ATTEND_SEGMENT) {
        sums += weir_attend_sums(n_group, head_dim);
        attend_sums more = sums_at(sums, n_group, n_group, head_dim);
        merge_row(task, &all, &more, 0);
    }
    finish_row(task, &all, 0);
}

#endif
