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
 * and Y / sum(L) at the end, lanes added as in a dot.
 */
#ifndef WEIR_CPU_ATTEND_TEMPLATE_H
#define WEIR_CPU_ATTEND_TEMPLATE_H

#include "cpu/attend_tiles_template.h"

#include <assert.h>
#include <math.h>

/* What has been summed. */
typedef struct attend_sums {
    float *y;          /* [n_rows][n_group, head_dim] */
    size_t row_values; /* from a row of y to the next one */
    float *lanes;      /* [n_rows, n_group, 16] l */
    float *most;       /* [n_rows, n_group] m */
} attend_sums;

/* Keeps what attend remembers of a group between pages. */
typedef struct attend_state {
    float *scores;   /* [n_rows, n_group, 64] s, then p */
    float *lanes;    /* [n_rows, n_group, 16] l of all segments */
    float *rescale;  /* [n_rows, n_group] r of this page, and room for 15 more */
    attend_sums sum; /* of this segment */
    uint32_t end;    /* of the keys that this call reads */
} attend_state;

/* dot(q, k) -> s of one head, of one row, which has n keys on the page; m moves on, and how far is
 * left in the place of r. */
static void page_most(const weir_attend_task *task, attend_state *st, uint32_t head, uint32_t n) {
    enum { N = WEIR_PAGE_TOKENS / 16 };
    float *scores = st->scores + (size_t)head * WEIR_PAGE_TOKENS, before = st->sum.most[head];
    v16 scale = v16_set(task->scale), s[N];
    for (uint32_t t = n; t < WEIR_PAGE_TOKENS; t++)
        scores[t] = -INFINITY;
    WEIR_UNROLL for (int i = 0; i < N; i++) {
        s[i] = v16_mul(v16_load(scores + 16 * i), scale);
        v16_store(scores + 16 * i, s[i]);
    }
    /* With a NaN among the scores m may be anything: p, l and y become NaN all the same. */
    float most = v16_most(v16_max(v16_max(s[0], s[1]), v16_max(s[2], s[3])));
    most = most > before ? most : before;
    st->sum.most[head] = most;
    st->rescale[head] = before - most;
}

/* s -> p of one head; l moves on. */
static void page_softmax(attend_state *st, uint32_t head) {
    float *scores = st->scores + (size_t)head * WEIR_PAGE_TOKENS;
    float *lanes = st->sum.lanes + (size_t)head * 16;
    v16 most = v16_set(st->sum.most[head]);
    v16 sum = v16_mul(v16_load(lanes), v16_set(st->rescale[head]));
    WEIR_UNROLL for (int i = 0; i < WEIR_PAGE_TOKENS; i += 16) {
        v16 p = v16_exp(v16_sub(v16_load(scores + i), most));
        sum = v16_add(sum, p);
        v16_store(scores + i, p);
    }
    v16_store(lanes, sum);
}

/* Keys of a row on the page that begins at key `begin`; 0: it has none there. */
static uint32_t keys_on_page(const weir_attend_task *task, uint32_t row, uint32_t begin) {
    uint32_t n_keys = task->n_keys + row;
    if (n_keys <= begin)
        return 0;
    return n_keys - begin < WEIR_PAGE_TOKENS ? n_keys - begin : WEIR_PAGE_TOKENS;
}

/* Rows with their keys begin .. begin + 63. */
static void attend_page(const weir_attend_task *task, attend_state *st, uint32_t begin) {
    const weir_kv_layout *kv = task->kv;
    const uint32_t n_group = task->n_group, n_heads = task->n_rows * n_group;
    const uint32_t at = begin / WEIR_PAGE_TOKENS;
    const uint8_t *page = task->pool + task->pages[at] * kv->page_bytes;
    stored_run run = {.vector_bytes = kv->vector_bytes, .head_dim = kv->head_dim};
    uint32_t first = 0;
    while (keys_on_page(task, first, begin) == 0)
        first++;
    run.first = page + task->k_at;
    run.coming = page + task->v_at;
    for (uint32_t r = first; r < task->n_rows; r++, run.coming = NULL) {
        run.n = keys_on_page(task, r, begin);
        page_scores(kv->type, &run, n_group, task->q + r * task->row_values,
                    st->scores + (size_t)r * n_group * WEIR_PAGE_TOKENS);
        for (uint32_t h = r * n_group; h < (r + 1) * n_group; h++)
            page_most(task, st, h, run.n);
    }
    for (uint32_t h = first * n_group; h < n_heads; h += 16)
        v16_store(st->rescale + h, v16_exp(v16_load(st->rescale + h)));
    for (uint32_t h = first * n_group; h < n_heads; h++)
        page_softmax(st, h);
    run.first = page + task->v_at;
    if (begin + WEIR_PAGE_TOKENS < st->end)
        run.coming = task->pool + task->pages[at + 1] * kv->page_bytes + task->k_at;
    for (uint32_t r = first; r < task->n_rows; r++, run.coming = NULL) {
        run.n = keys_on_page(task, r, begin);
        page_values(kv->type, &run, n_group, st->rescale + (size_t)r * n_group,
                    st->scores + (size_t)r * n_group * WEIR_PAGE_TOKENS,
                    st->sum.y + r * st->sum.row_values);
    }
}

/* The sums of rows over one segment; rows may have no key in it. */
static void attend_segment(const weir_attend_task *task, attend_state *st, uint32_t begin) {
    const size_t n_values = (size_t)task->n_group * task->kv->head_dim;
    const uint32_t rest = st->end - begin;
    const uint32_t end = rest < WEIR_ATTEND_SEGMENT ? st->end : begin + WEIR_ATTEND_SEGMENT;
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
    st->scores = task->scratch;
    st->lanes = st->scores + n_heads * WEIR_PAGE_TOKENS;
    st->rescale = st->lanes + n_heads * 16;
    return st->rescale + n_heads + 15;
}

void WEIR_ISA(attend)(const weir_attend_task *task) {
    const uint32_t n_heads = task->n_rows * task->n_group;
    attend_state st;
    attend_sums all = {.y = task->y, .row_values = task->row_values};
    all.most = begin_attend(task, &st);
    all.lanes = st.lanes;
    st.sum = all;
    st.end = task->n_keys + task->n_rows - 1;
    attend_segment(task, &st, 0);
    st.sum = sums_at(all.most + n_heads, n_heads, task->n_group, task->kv->head_dim);
    for (uint32_t begin = WEIR_ATTEND_SEGMENT; begin < st.end; begin += WEIR_ATTEND_SEGMENT) {
        attend_segment(task, &st, begin);
        for (uint32_t r = 0; r < task->n_rows; r++)
            if (task->n_keys + r > begin)
                merge_row(task, &all, &st.sum, r);
    }
    for (uint32_t r = 0; r < task->n_rows; r++)
        finish_row(task, &all, r);
}

void WEIR_ISA(attend_part)(const weir_attend_task *task, uint32_t segment, float *sums) {
    const uint32_t begin = segment * WEIR_ATTEND_SEGMENT;
    attend_state st;
    assert(task->n_rows == 1 && begin < task->n_keys);
    begin_attend(task, &st);
    st.sum = sums_at(sums, task->n_group, task->n_group, task->kv->head_dim);
    st.end =
        task->n_keys - begin < WEIR_ATTEND_SEGMENT ? task->n_keys : begin + WEIR_ATTEND_SEGMENT;
    attend_segment(task, &st, begin);
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
