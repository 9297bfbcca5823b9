/*
 * attend_portable.c: attention in plain C. The same steps as attend_template.h, row after row, head
 * after head, key after key.
 */
#include "cpu/portable/unit_portable.h"

#include <math.h>

/* What one head remembers between pages, in the scratch of the task. */
typedef struct head_state {
    float *lanes; /* [16] sums of p by t % 16 */
    float most;
} head_state;

/* One page of n keys for one head: q [head_dim], y [head_dim] the sum so far. vector, scores: room
 * for head_dim and 64 floats. */
static void head_page(const weir_attend_task *task, const uint8_t *page, uint32_t n, const float *q,
                      head_state *st, float *vector, float *scores, float *y) {
    const weir_kv_layout *kv = task->kv;
    float most = st->most;
    for (uint32_t t = 0; t < n; t++) {
        float lanes[PORTABLE_LANES] = {0};
        weir_kv_load(kv, page + task->k_at + t * kv->vector_bytes, vector);
        portable_lanes(lanes, vector, q, kv->head_dim);
        scores[t] = portable_sum(lanes) * task->scale;
        most = scores[t] > most ? scores[t] : most;
    }
    float rescale = portable_exp(st->most - most);
    st->most = most;
    for (uint32_t l = 0; l < PORTABLE_LANES; l++)
        st->lanes[l] *= rescale;
    for (uint32_t d = 0; d < kv->head_dim; d++)
        y[d] *= rescale;
    for (uint32_t t = 0; t < n; t++) {
        float p = portable_exp(scores[t] - most);
        st->lanes[t % PORTABLE_LANES] += p;
        weir_kv_load(kv, page + task->v_at + t * kv->vector_bytes, vector);
        for (uint32_t d = 0; d < kv->head_dim; d++)
            y[d] += p * vector[d];
    }
}

static void attend_head(const weir_attend_task *task, uint32_t n_keys, const float *q, float *y) {
    const weir_kv_layout *kv = task->kv;
    float *vector = task->scratch, *scores = vector + kv->head_dim;
    head_state st = {scores + WEIR_PAGE_TOKENS, -INFINITY};
    for (uint32_t l = 0; l < PORTABLE_LANES; l++)
        st.lanes[l] = 0.0f;
    for (uint32_t d = 0; d < kv->head_dim; d++)
        y[d] = 0.0f;
    for (uint32_t begin = 0; begin < n_keys; begin += WEIR_PAGE_TOKENS) {
        uint32_t rest = n_keys - begin;
        head_page(task, task->pool + task->pages[begin / WEIR_PAGE_TOKENS] * kv->page_bytes,
                  rest < WEIR_PAGE_TOKENS ? rest : WEIR_PAGE_TOKENS, q, &st, vector, scores, y);
    }
    float share = 1.0f / portable_sum(st.lanes);
    for (uint32_t d = 0; d < kv->head_dim; d++)
        y[d] *= share;
}

void weir_portable_attend(const weir_attend_task *task) {
    for (uint32_t r = 0; r < task->n_rows; r++)
        for (uint32_t h = 0; h < task->n_group; h++) {
            size_t at = r * task->row_values + (size_t)h * task->kv->head_dim;
            attend_head(task, task->n_keys + r, task->q + at, task->y + at);
        }
}
