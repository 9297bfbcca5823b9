/*
 * attend_portable.c: attention in plain C. The same steps as attend_template.h, row after row, head
 * after head, key after key.
 */
#include "cpu/portable/unit_portable.h"

#include <assert.h>
#include <math.h>

/* What one head has summed over a segment of keys. */
typedef struct head_sums {
    float *y;     /* [head_dim] */
    float *lanes; /* [16] sums of p by t % 16 */
    float *most;
} head_sums;

/* One page of n keys for one head: q [head_dim]. The scratch has room for a vector and 64 scores.
 */
static void head_page(const weir_attend_task *task, const uint8_t *page, uint32_t n, const float *q,
                      const head_sums *sum) {
    const weir_kv_layout *kv = task->kv;
    float *vector = task->scratch, *scores = vector + kv->head_dim, *y = sum->y;
    float most = *sum->most;
    for (uint32_t t = 0; t < n; t++) {
        float lanes[PORTABLE_LANES] = {0};
        weir_kv_load(kv, page + task->k_at + t * kv->vector_bytes, vector);
        portable_lanes(lanes, vector, q, kv->head_dim);
        scores[t] = portable_sum(lanes) * task->scale;
        most = scores[t] > most ? scores[t] : most;
    }
    float rescale = portable_exp(*sum->most - most);
    *sum->most = most;
    for (uint32_t l = 0; l < PORTABLE_LANES; l++)
        sum->lanes[l] *= rescale;
    for (uint32_t d = 0; d < kv->head_dim; d++)
        y[d] *= rescale;
    for (uint32_t t = 0; t < n; t++) {
        float p = portable_exp(scores[t] - most);
        sum->lanes[t % PORTABLE_LANES] += p;
        weir_kv_load(kv, page + task->v_at + t * kv->vector_bytes, vector);
        for (uint32_t d = 0; d < kv->head_dim; d++)
            y[d] += p * vector[d];
    }
}

/* Keys begin .. of a segment, of which the head has n_keys in all. */
static void head_segment(const weir_attend_task *task, uint32_t begin, uint32_t n_keys,
                         const float *q, const head_sums *sum) {
    const weir_kv_layout *kv = task->kv;
    uint32_t end = n_keys - begin < WEIR_ATTEND_SEGMENT ? n_keys : begin + WEIR_ATTEND_SEGMENT;
    *sum->most = -INFINITY;
    for (uint32_t l = 0; l < PORTABLE_LANES; l++)
        sum->lanes[l] = 0.0f;
    for (uint32_t d = 0; d < kv->head_dim; d++)
        sum->y[d] = 0.0f;
    for (; begin < end; begin += WEIR_PAGE_TOKENS) {
        uint32_t rest = end - begin;
        head_page(task, task->pool + task->pages[begin / WEIR_PAGE_TOKENS] * kv->page_bytes,
                  rest < WEIR_PAGE_TOKENS ? rest : WEIR_PAGE_TOKENS, q, sum);
    }
}

/* `more` joins `all`. */
static void merge_head(const head_sums *all, const head_sums *more, uint32_t head_dim) {
    float most = *all->most > *more->most ? *all->most : *more->most;
    float a = portable_exp(*all->most - most), b = portable_exp(*more->most - most);
    *all->most = most;
    for (uint32_t l = 0; l < PORTABLE_LANES; l++)
        all->lanes[l] = all->lanes[l] * a + more->lanes[l] * b;
    for (uint32_t d = 0; d < head_dim; d++)
        all->y[d] = all->y[d] * a + more->y[d] * b;
}

static void finish_head(const head_sums *all, uint32_t head_dim, float *y) {
    float share = 1.0f / portable_sum(all->lanes);
    for (uint32_t d = 0; d < head_dim; d++)
        y[d] = all->y[d] * share;
}

static void attend_head(const weir_attend_task *task, uint32_t n_keys, const float *q, float *y) {
    const uint32_t head_dim = task->kv->head_dim;
    float *room = task->scratch + head_dim + WEIR_PAGE_TOKENS; /* behind that of head_page */
    float lanes[PORTABLE_LANES], more_lanes[PORTABLE_LANES], most, more_most;
    const head_sums all = {y, lanes, &most}, more = {room, more_lanes, &more_most};
    head_segment(task, 0, n_keys, q, &all);
    for (uint32_t begin = WEIR_ATTEND_SEGMENT; begin < n_keys; begin += WEIR_ATTEND_SEGMENT) {
        head_segment(task, begin, n_keys, q, &more);
        merge_head(&all, &more, head_dim);
    }
    finish_head(&all, head_dim, y);
}

void weir_portable_attend(const weir_attend_task *task) {
    for (uint32_t r = 0; r < task->n_rows; r++)
        for (uint32_t h = 0; h < task->n_group; h++) {
            size_t at = r * task->row_values + (size_t)h * task->kv->head_dim;
            attend_head(task, task->n_keys + r, task->q + at, task->y + at);
        }
}

/* Of head h in a group's sums (weir_attend_sums). */
static head_sums sums_of(const weir_attend_task *task, float *sums, uint32_t h) {
    const size_t d = task->kv->head_dim, n = task->n_group;
    float *lanes = sums + n * d;
    return (head_sums){sums + h * d, lanes + (size_t)h * PORTABLE_LANES,
                       lanes + n * PORTABLE_LANES + h};
}

void weir_portable_attend_part(const weir_attend_task *task, uint32_t segment, float *sums) {
    assert(task->n_rows == 1 && segment * WEIR_ATTEND_SEGMENT < task->n_keys);
    for (uint32_t h = 0; h < task->n_group; h++) {
        head_sums sum = sums_of(task, sums, h);
        head_segment(task, segment * WEIR_ATTEND_SEGMENT, task->n_keys,
                     task->q + (size_t)h * task->kv->head_dim, &sum);
    }
}

void weir_portable_attend_merge(const weir_attend_task *task, float *sums) {
    const uint32_t head_dim = task->kv->head_dim;
    uint32_t n = (task->n_keys + WEIR_ATTEND_SEGMENT - 1) / WEIR_ATTEND_SEGMENT;
    for (uint32_t h = 0; h < task->n_group; h++) {
        head_sums all = sums_of(task, sums, h);
        for (uint32_t i = 1; i < n; i++) {
            head_sums more = sums_of(task, sums + i * weir_attend_sums(task->n_group, head_dim), h);
            merge_head(&all, &more, head_dim);
        }
        finish_head(&all, head_dim, task->y + (size_t)h * head_dim);
    }
}
