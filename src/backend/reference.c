/*
 * reference.c: the ten ops in plain C: the oracle for every device.
 *
 * One thread, no tiles, no tricks. Values are float32; sums run in double, so that the oracle's own
 * rounding stays far below that of what it judges. Weights are dequantized row by row, and
 * activations are never rounded. A row's result depends on nothing but the row.
 */
#include "backend/backend.h"
#include "backend/route.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct reference {
    weir_host_backend host;
    float *row;    /* [the longest matrix row] one dequantized row */
    float *vector; /* [head_dim] one stored K or V */
} reference;

static reference *self(weir_backend *be) {
    return (reference *)be;
}

static void embed(weir_backend *be, const int32_t *tokens, uint32_t n_rows, float *y) {
    const weir_weight *w = &be->model->embed;
    for (uint32_t r = 0; r < n_rows; r++)
        w->format->dequantize(w->data + (size_t)tokens[r] * w->row_bytes, y + (size_t)r * w->cols,
                              w->cols);
}

static void rms_norm(weir_backend *be, const float *x, const float *weight, uint32_t n_rows,
                     uint32_t width, float *y) {
    for (uint32_t r = 0; r < n_rows; r++, x += width, y += width) {
        double sum = 0;
        for (uint32_t i = 0; i < width; i++)
            sum += (double)x[i] * x[i];
        float inverse = (float)(1.0 / sqrt(sum / width + (double)be->model->h.norm_eps));
        for (uint32_t i = 0; i < width; i++)
            y[i] = x[i] * inverse * weight[i];
    }
}

static void linear(weir_backend *be, const weir_linear *op) {
    float *row = self(be)->row;
    for (uint32_t c = 0; c < op->n_choices; c++) {
        const weir_weight *w = &op->w[c];
        bool is_used = op->choice == NULL;
        for (uint32_t r = 0; r < op->n_rows && !is_used; r++)
            is_used = op->choice[r] == (int32_t)c;
        for (uint32_t o = 0; is_used && o < w->rows; o++) {
            w->format->dequantize(w->data + o * w->row_bytes, row, w->cols);
            for (uint32_t r = 0; r < op->n_rows; r++) {
                if (op->choice && op->choice[r] != (int32_t)c)
                    continue;
                const float *x = op->x + (size_t)(r / op->x_repeat) * w->cols;
                double sum = op->bias ? op->bias[o] : 0;
                for (uint32_t i = 0; i < w->cols; i++)
                    sum += (double)row[i] * x[i];
                op->y[(size_t)r * w->rows + o] = (float)sum;
            }
        }
    }
}

/* The angle is a float32 product, as in the official table; its cosine and sine are then exact. */
static void rope(weir_backend *be, const weir_batch *batch, uint32_t n_heads, float *x) {
    uint32_t half = be->model->h.head_dim / 2;
    for (uint32_t r = 0; r < batch->n_rows; r++) {
        for (uint32_t j = 0; j < half; j++) {
            double power = -2.0 * j / be->model->h.head_dim;
            float frequency = (float)pow(be->model->h.rope_theta, power);
            float angle = (float)batch->pos[r] * frequency;
            float c = (float)cos(angle), s = (float)sin(angle);
            for (uint32_t head = 0; head < n_heads; head++) {
                float *a = x + ((size_t)r * n_heads + head) * 2 * half + j, *b = a + half;
                float a0 = *a, b0 = *b;
                *a = a0 * c - b0 * s;
                *b = b0 * c + a0 * s;
            }
        }
    }
}

static uint8_t *page_of(weir_backend *be, const weir_rows *chunk, uint32_t pos) {
    return self(be)->host.state.pages + chunk->pages[pos / WEIR_PAGE_TOKENS] * be->kv.page_bytes +
           pos % WEIR_PAGE_TOKENS * be->kv.vector_bytes;
}

static void kv_write(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                     const float *k, const float *v) {
    uint32_t d = be->model->h.head_dim;
    for (uint32_t c = 0; c < batch->n_chunks; c++) {
        const weir_rows *chunk = &batch->chunks[c];
        for (uint32_t i = chunk->n_replay; i < chunk->n_rows; i++) {
            uint8_t *slot = page_of(be, chunk, chunk->first_pos + i);
            size_t from = (size_t)(chunk->first_row + i) * layer->n_heads_kv * d;
            for (uint32_t head = 0; head < layer->n_heads_kv; head++) {
                weir_kv_store(&be->kv, k + from + (size_t)head * d,
                              slot + weir_kv_k_at(&be->kv, layer->kind_index, head));
                weir_kv_store(&be->kv, v + from + (size_t)head * d,
                              slot + weir_kv_v_at(&be->kv, layer->kind_index, head));
            }
        }
    }
}

/* softmax(q k^T / sqrt(d)) v over all positions up to the row's own, in one head: the sum of
 * exp(s - best) and the weighted sum of v are carried along, rescaled when a better key comes. */
static void attend_head(weir_backend *be, const weir_rows *chunk, const weir_layer *layer,
                        uint32_t pos, uint32_t head_kv, const float *q, float *y) {
    uint32_t d = be->model->h.head_dim;
    float *vector = self(be)->vector;
    double acc[WEIR_MAX_HEAD_DIM] = {0};
    double best = -INFINITY, sum = 0, scale = 1.0 / sqrt(d);
    for (uint32_t t = 0; t <= pos; t++) {
        const uint8_t *slot = page_of(be, chunk, t);
        weir_kv_load(&be->kv, slot + weir_kv_k_at(&be->kv, layer->kind_index, head_kv), vector);
        double score = 0;
        for (uint32_t i = 0; i < d; i++)
            score += (double)q[i] * vector[i];
        score *= scale;
        if (score > best) {
            double rescale = exp(best - score);
            sum *= rescale;
            for (uint32_t i = 0; i < d; i++)
                acc[i] *= rescale;
            best = score;
        }
        double p = exp(score - best);
        sum += p;
        weir_kv_load(&be->kv, slot + weir_kv_v_at(&be->kv, layer->kind_index, head_kv), vector);
        for (uint32_t i = 0; i < d; i++)
            acc[i] += p * vector[i];
    }
    for (uint32_t i = 0; i < d; i++)
        y[i] = (float)(acc[i] / sum);
}

static void attend(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                   const float *q, float *y) {
    uint32_t n_heads = be->model->h.n_heads, group = n_heads / layer->n_heads_kv;
    for (uint32_t c = 0; c < batch->n_chunks; c++) {
        const weir_rows *chunk = &batch->chunks[c];
        for (uint32_t i = 0; i < chunk->n_rows; i++) {
            for (uint32_t head = 0; head < n_heads; head++) {
                size_t at =
                    ((size_t)(chunk->first_row + i) * n_heads + head) * be->model->h.head_dim;
                attend_head(be, chunk, layer, chunk->first_pos + i, head / group, q + at, y + at);
            }
        }
    }
}

/* c[t] = sum over j < K of taps[j] u[t - (K - 1) + j], u = B * x; y = C * (c + bias) */
static void short_conv(weir_backend *be, const weir_batch *batch, const weir_layer *layer,
                       const float *bcx, float *y) {
    uint32_t d = be->model->h.d_model, k = be->model->h.l_cache;
    const weir_host_state *state = &self(be)->host.state;
    size_t layer_at = (size_t)layer->kind_index * d * (k - 1);
    for (uint32_t c = 0; c < batch->n_chunks; c++) {
        const weir_rows *chunk = &batch->chunks[c];
        float *to = state->states + chunk->state_out * state->state_values + layer_at;
        const float *from = chunk->state_in == WEIR_NO_STATE
                                ? NULL
                                : state->states + chunk->state_in * state->state_values + layer_at;
        uint32_t first_kept = chunk->n_rows - 1 - chunk->n_kept;
        for (uint32_t ch = 0; ch < d; ch++) {
            float window[WEIR_MAX_TAPS]; /* u of the last k tokens, the newest last */
            for (uint32_t j = 0; j + 1 < k; j++)
                window[j] = from ? from[(size_t)ch * (k - 1) + j] : 0;
            for (uint32_t i = 0; i < chunk->n_rows; i++) {
                const float *row = bcx + (size_t)(chunk->first_row + i) * 3 * d;
                window[k - 1] = row[ch] * row[2 * d + ch];
                double sum = layer->conv_bias ? layer->conv_bias[ch] : 0;
                for (uint32_t j = 0; j < k; j++)
                    sum += (double)layer->conv_taps[(size_t)ch * k + j] * window[j];
                y[(size_t)(chunk->first_row + i) * d + ch] = row[d + ch] * (float)sum;
                memmove(window, window + 1, (k - 1) * sizeof(float));
                if (i >= first_kept && i - first_kept < chunk->n_kept)
                    memcpy(state->states + chunk->kept[i - first_kept] * state->state_values +
                               layer_at + (size_t)ch * (k - 1),
                           window, (k - 1) * sizeof(float));
            }
            memcpy(to + (size_t)ch * (k - 1), window, (k - 1) * sizeof(float));
        }
    }
}

static void silu_mul(weir_backend *be, const float *gate, const float *up, size_t n, float *y) {
    (void)be;
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(gate[i] / (1.0 + exp(-(double)gate[i])) * up[i]);
}

static void route(weir_backend *be, const weir_layer *layer, const float *logits, uint32_t n_rows,
                  int32_t *experts, float *weights) {
    const weir_hparams *h = &be->model->h;
    for (uint32_t r = 0; r < n_rows; r++)
        weir_route_row(h, layer->expert_bias, logits + (size_t)r * h->n_experts,
                       experts + (size_t)r * h->n_experts_used,
                       weights + (size_t)r * h->n_experts_used);
}

static void add(weir_backend *be, float *y, const float *x, const float *scale, uint32_t n_rows,
                uint32_t n_parts, uint32_t width) {
    (void)be;
    for (uint32_t r = 0; r < n_rows; r++) {
        for (uint32_t i = 0; i < width; i++) {
            double sum = y[(size_t)r * width + i];
            for (uint32_t j = 0; j < n_parts; j++) {
                size_t part = (size_t)r * n_parts + j;
                sum += (scale ? (double)scale[part] : 1.0) * x[part * width + i];
            }
            y[(size_t)r * width + i] = (float)sum;
        }
    }
}

static void reference_close(weir_backend *be) {
    weir_arena_close(&self(be)->host.arena);
    free(be);
}

static void layout(reference *ref, weir_arena *arena, const weir_model *model,
                   const weir_backend_options *options) {
    weir_backend *be = &ref->host.be;
    weir_host_state_layout(&ref->host.state, arena, &be->kv, model, options);
    weir_compose_layout(&be->scratch, arena, model, options);
    ref->row = weir_arena_take_array(arena, weir_longest_row(model), sizeof(float));
    ref->vector = weir_arena_take_array(arena, model->h.head_dim, sizeof(float));
}

weir_status weir_reference_plan(weir_backend_memory *out, const weir_model *model,
                                const weir_backend_options *options, weir_error *err) {
    reference ref = {0};
    weir_arena arena = {0};
    WEIR_TRY(weir_host_plan(out, model, options, err));
    WEIR_TRY(weir_kv_layout_make(&ref.host.be.kv, model, options->kv_type, err));
    layout(&ref, &arena, model, options);
    out->scratch_bytes = arena.used - out->pages_bytes - out->states_bytes;
    return WEIR_STATUS_OK;
}

weir_status weir_reference_open(weir_backend **out, const weir_model *model,
                                const weir_backend_options *options, weir_error *err) {
    weir_arena measure = {0};
    weir_status status = WEIR_STATUS_OK;
    *out = NULL;
    reference *ref = calloc(1, sizeof *ref);
    if (!ref)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the reference device");
    weir_backend *be = &ref->host.be;
    be->name = "reference";
    be->describe = "reference, 1 thread";
    be->arithmetic = "";
    be->model = model;
    be->options = *options;
    be->close = reference_close;
    ref->host.mapped_bytes = model->info.weight_bytes;
    be->ops = (weir_ops){embed,  rms_norm,   linear,   rope,  kv_write,
                         attend, short_conv, silu_mul, route, add};
    weir_host_state_install(be);
    WEIR_TRY_GOTO(weir_kv_layout_make(&be->kv, model, options->kv_type, err));
    layout(ref, &measure, model, options);
    WEIR_TRY_GOTO(weir_arena_open(&ref->host.arena, measure.used, "the reference device", err));
    layout(ref, &ref->host.arena, model, options);
    *out = be;
    return WEIR_STATUS_OK;
fail:
    reference_close(be);
    return status;
}
