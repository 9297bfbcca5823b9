/*
 * attend_tiles_template.h: what attention reads of a page: scores of keys, sums of values.
 *
 * Contract: included by attend_template.h, whose sums these are. Tiles of ATTEND_HEADS query heads
 * of one row take K and V as they are stored and widen them in registers. Tiles decide which sums
 * are computed together, never how one is computed.
 *
 * A page's 64 keys of a head are one run of bytes and its values another, elsewhere: the processor
 * does not see them coming, so whoever reads the one asks for the other. Measured on Zen 5, two
 * threads, one row with four query heads a K/V head behind 8,192 keys of ten layers in f16: 30 ns a
 * key and head with pages widened to floats first, 10 to 15 so; of pages in the cache 14 and 8.
 */
#ifndef WEIR_CPU_ATTEND_TILES_TEMPLATE_H
#define WEIR_CPU_ATTEND_TILES_TEMPLATE_H

#include "cpu/unit_template.h"

enum { ATTEND_HEADS = 4, ATTEND_COLS = V_ATTEND_COLS / 16 };

/* The stored vectors of a page that rows read, one after the other. */
typedef struct stored_run {
    const uint8_t *first;
    size_t vector_bytes;
    uint32_t n, head_dim;
    const uint8_t *coming; /* what is read next, as long; NULL: nothing is asked for */
} stored_run;

/* Values c .. c + 15 of a stored vector. */
static WEIR_INLINE v16 stored_16(const weir_kv_type type, const uint8_t *vector, uint32_t c) {
    if (type == WEIR_KV_F16)
        return v16_from_f16(vector + c * sizeof(uint16_t));
    if (type == WEIR_KV_Q8) {
        const weir_block_q8_0 *block = (const weir_block_q8_0 *)(const void *)vector + c / 32;
        return v16_mul(v16_from_i8(b16_load(block->qs + c % 32)), v16_set(half_load(block->d)));
    }
    return v16_load((const float *)(const void *)vector + c);
}

/* The last n < 16 values, then zeros; q8 has none. */
static WEIR_INLINE v16 stored_last(const weir_kv_type type, const uint8_t *vector, uint32_t c,
                                   uint32_t n) {
    const size_t value_bytes = type == WEIR_KV_F16 ? sizeof(uint16_t) : sizeof(float);
    uint8_t last[16 * sizeof(float)] = {0};
    memcpy(last, vector + c * value_bytes, n * value_bytes);
    return stored_16(type == WEIR_KV_Q8 ? WEIR_KV_F32 : type, last, 0);
}

/* Asks for what comes in the place of the run's vectors t .. t + n - 1. */
static WEIR_INLINE void ask_coming(const stored_run *run, uint32_t t, uint32_t n) {
    if (run->coming)
        for (size_t at = 0; at < n * run->vector_bytes; at += 64)
            WEIR_PREFETCH((uintptr_t)run->coming + t * run->vector_bytes + at);
}

/* s of keys t .. t + n_keys - 1: q [n_heads, head_dim], s [n_heads, 64]. */
static WEIR_INLINE void scores_tile(const weir_kv_type type, const int n_keys, const int n_heads,
                                    const stored_run *run, uint32_t t, const float *q, float *s) {
    const uint8_t *keys = run->first + t * run->vector_bytes;
    const uint32_t head_dim = run->head_dim;
    v16 acc[V_ATTEND_KEYS * ATTEND_HEADS], k[V_ATTEND_KEYS];
    float *y[ATTEND_HEADS];
    WEIR_UNROLL for (int i = 0; i < n_keys * n_heads; i++) acc[i] = v16_zero();
    WEIR_UNROLL for (int h = 0; h < n_heads; h++) y[h] = s + h * WEIR_PAGE_TOKENS;
    uint32_t c = 0;
    for (; c + 16 <= head_dim; c += 16) {
        WEIR_UNROLL for (int i = 0; i < n_keys; i++) k[i] =
            stored_16(type, keys + (size_t)i * run->vector_bytes, c);
        WEIR_UNROLL for (int h = 0; h < n_heads; h++) {
            v16 x = v16_load(q + (size_t)h * head_dim + c);
            WEIR_UNROLL for (int i = 0; i < n_keys; i++) acc[h * n_keys + i] =
                v16_fma(k[i], x, acc[h * n_keys + i]);
        }
    }
    if (c < head_dim) {
        WEIR_UNROLL for (int i = 0; i < n_keys; i++) k[i] =
            stored_last(type, keys + (size_t)i * run->vector_bytes, c, head_dim - c);
        WEIR_UNROLL for (int h = 0; h < n_heads; h++) {
            v16 x = v16_load_some(q + (size_t)h * head_dim + c, head_dim - c);
            WEIR_UNROLL for (int i = 0; i < n_keys; i++) acc[h * n_keys + i] =
                v16_fma(k[i], x, acc[h * n_keys + i]);
        }
    }
    tile_finish(n_keys, n_heads, acc, y, t);
}

static WEIR_INLINE void scores_heads(const weir_kv_type type, const int n_heads,
                                     const stored_run *run, const float *q, float *s) {
    uint32_t t = 0;
    for (; t + V_ATTEND_KEYS <= run->n; t += V_ATTEND_KEYS) {
        ask_coming(run, t, V_ATTEND_KEYS);
        scores_tile(type, V_ATTEND_KEYS, n_heads, run, t, q, s);
    }
    for (; t < run->n; t++) {
        ask_coming(run, t, 1);
        scores_tile(type, 1, n_heads, run, t, q, s);
    }
}

/* y of columns d .. d + 16 n_16 - 1 of n_heads heads moves on by the run's values; the last n_some
 * columns alone if that is not 0. */
static WEIR_INLINE void values_tile(const weir_kv_type type, const int n_heads, const int n_16,
                                    const uint32_t n_some, const stored_run *run, uint32_t d,
                                    const float *rescale, const float *p, float *y) {
    const uint32_t head_dim = run->head_dim;
    const uint8_t *values = run->first;
    v16 acc[ATTEND_HEADS * ATTEND_COLS], v[ATTEND_COLS];
    y += d;
    WEIR_UNROLL for (int h = 0; h < n_heads; h++) {
        WEIR_UNROLL for (int i = 0; i < n_16; i++) {
            float *sum = y + (size_t)h * head_dim + 16 * i;
            v16 before = n_some ? v16_load_some(sum, n_some) : v16_load(sum);
            acc[h * n_16 + i] = v16_mul(before, v16_set(rescale[h]));
        }
    }
    for (uint32_t t = 0; t < run->n; t++, values += run->vector_bytes) {
        ask_coming(run, t, 1);
        WEIR_UNROLL for (int i = 0; i < n_16; i++) v[i] =
            n_some ? stored_last(type, values, d, n_some)
                   : stored_16(type, values, d + 16 * (uint32_t)i);
        WEIR_UNROLL for (int h = 0; h < n_heads; h++) {
            v16 weight = v16_set(p[h * WEIR_PAGE_TOKENS + t]);
            WEIR_UNROLL for (int i = 0; i < n_16; i++) acc[h * n_16 + i] =
                v16_fma(weight, v[i], acc[h * n_16 + i]);
        }
    }
    WEIR_UNROLL for (int h = 0; h < n_heads; h++) {
        WEIR_UNROLL for (int i = 0; i < n_16; i++) {
            float *sum = y + (size_t)h * head_dim + 16 * i;
            if (n_some)
                v16_store_some(sum, acc[h * n_16 + i], n_some);
            else
                v16_store(sum, acc[h * n_16 + i]);
        }
    }
}

static WEIR_INLINE void values_heads(const weir_kv_type type, const int n_heads, stored_run run,
                                     const float *rescale, const float *p, float *y) {
    uint32_t d = 0;
    for (; d + V_ATTEND_COLS <= run.head_dim; d += V_ATTEND_COLS, run.coming = NULL)
        values_tile(type, n_heads, ATTEND_COLS, 0, &run, d, rescale, p, y);
    for (; d + 16 <= run.head_dim; d += 16, run.coming = NULL)
        values_tile(type, n_heads, 1, 0, &run, d, rescale, p, y);
    if (d < run.head_dim)
        values_tile(type, n_heads, 1, run.head_dim - d, &run, d, rescale, p, y);
}

/* s [n_group, 64] of one row, q [n_group, head_dim]. */
static WEIR_INLINE void scores_of(const weir_kv_type type, stored_run run, uint32_t n_group,
                                  const float *q, float *s) {
    uint32_t h = 0;
    for (; h + ATTEND_HEADS <= n_group; h += ATTEND_HEADS, run.coming = NULL)
        scores_heads(type, ATTEND_HEADS, &run, q + (size_t)h * run.head_dim,
                     s + (size_t)h * WEIR_PAGE_TOKENS);
    for (; h + 2 <= n_group; h += 2, run.coming = NULL)
        scores_heads(type, 2, &run, q + (size_t)h * run.head_dim, s + (size_t)h * WEIR_PAGE_TOKENS);
    for (; h < n_group; h++, run.coming = NULL)
        scores_heads(type, 1, &run, q + (size_t)h * run.head_dim, s + (size_t)h * WEIR_PAGE_TOKENS);
}

/* y [n_group, head_dim] of one row moves on; rescale [n_group], p [n_group, 64]. */
static WEIR_INLINE void values_of(const weir_kv_type type, stored_run run, uint32_t n_group,
                                  const float *rescale, const float *p, float *y) {
    uint32_t h = 0;
    for (; h + ATTEND_HEADS <= n_group; h += ATTEND_HEADS, run.coming = NULL)
        values_heads(type, ATTEND_HEADS, run, rescale + h, p + (size_t)h * WEIR_PAGE_TOKENS,
                     y + (size_t)h * run.head_dim);
    for (; h + 2 <= n_group; h += 2, run.coming = NULL)
        values_heads(type, 2, run, rescale + h, p + (size_t)h * WEIR_PAGE_TOKENS,
                     y + (size_t)h * run.head_dim);
    for (; h < n_group; h++, run.coming = NULL)
        values_heads(type, 1, run, rescale + h, p + (size_t)h * WEIR_PAGE_TOKENS,
                     y + (size_t)h * run.head_dim);
}

static void page_scores(weir_kv_type type, const stored_run *run, uint32_t n_group, const float *q,
                        float *s) {
    switch (type) {
    case WEIR_KV_F16:
        scores_of(WEIR_KV_F16, *run, n_group, q, s);
        return;
    case WEIR_KV_Q8:
        scores_of(WEIR_KV_Q8, *run, n_group, q, s);
        return;
    case WEIR_KV_F32:
        scores_of(WEIR_KV_F32, *run, n_group, q, s);
        return;
    }
}

static void page_values(weir_kv_type type, const stored_run *run, uint32_t n_group,
                        const float *rescale, const float *p, float *y) {
    switch (type) {
    case WEIR_KV_F16:
        values_of(WEIR_KV_F16, *run, n_group, rescale, p, y);
        return;
    case WEIR_KV_Q8:
        values_of(WEIR_KV_Q8, *run, n_group, rescale, p, y);
        return;
    case WEIR_KV_F32:
        values_of(WEIR_KV_F32, *run, n_group, rescale, p, y);
        return;
    }
}

#endif
