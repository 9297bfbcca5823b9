/* gpu_floors.c: see gpu_floors.h. */
#include "gpu_floors.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { HALF_BYTES = 2, MATRICES_OF_FFN = 3 };

/* clang-format off */
static const weir_gpu_shape shapes[] = {
    /* name           conv attn dense width ff     experts used width heads kv head taps vocabulary */
    {"lfm2-24b-a2b",  30,  10,  2,    2048, 11776, 64,     4,   1536, 32,   8, 64,  3,   65536},
    {"lfm2-8b-a1b",   18,  6,   2,    2048, 7168,  32,     4,   1792, 32,   8, 64,  3,   65536},
};

static const weir_gpu_form forms[] = {
    {"bf16", 2,      2,      2},
    {"fp8",  1,      1,      2},
    {"q8_0", 1.0625, 1.0625, 2},
    {"q4x8", 0.5625, 1.0625, 2}, /* experts q4_0, the rest q8_0 */
    {"q4_0", 0.5625, 0.5625, 2},
};
/* clang-format on */

const weir_gpu_shape *weir_gpu_shape_find(const char *name) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

const weir_gpu_form *weir_gpu_form_find(const char *name) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].name, name) == 0)
            return &forms[i];
    return NULL;
}

/* ---- counts ------------------------------------------------------------------------------- */

static double n_layers(const weir_gpu_shape *s) {
    return (double)s->n_layers_conv + s->n_layers_attn;
}

static double n_layers_moe(const weir_gpu_shape *s) {
    return s->n_experts > 0 ? n_layers(s) - s->n_layers_dense : 0;
}

static double expert(const weir_gpu_shape *s) {
    return (double)MATRICES_OF_FFN * s->d_model * s->d_ff_expert;
}

/* Weights and the bias of the choice. */
static double routers(const weir_gpu_shape *s) {
    return n_layers_moe(s) * (s->n_experts * (double)s->d_model + s->n_experts);
}

/* All that every token passes through, routers and the tied head included. */
static double rest(const weir_gpu_shape *s) {
    double h = s->d_model, kv = (double)s->n_heads_kv * s->head_dim;
    double heads = (double)s->n_heads * s->head_dim;
    double conv = 3 * h * h + h * h + s->l_cache * h;
    double attn = 2 * h * heads + 2 * h * kv + 2.0 * s->head_dim;
    double dense = (n_layers(s) - n_layers_moe(s)) * MATRICES_OF_FFN * h * s->d_ff;
    double norms = (2 * n_layers(s) + 1) * h;
    return s->n_layers_conv * conv + s->n_layers_attn * attn + dense + routers(s) + norms +
           h * s->n_vocab;
}

double weir_gpu_n_params(const weir_gpu_shape *s) {
    return rest(s) + n_layers_moe(s) * s->n_experts * expert(s);
}

double weir_gpu_n_active(const weir_gpu_shape *s) {
    return rest(s) + n_layers_moe(s) * s->n_experts_used * expert(s);
}

double weir_gpu_distinct(const weir_gpu_shape *s, double n_rows) {
    double n = s->n_experts;
    return n > 0 ? n * (1 - pow(1 - s->n_experts_used / n, n_rows)) : 0;
}

double weir_gpu_kv_token_bytes(const weir_gpu_shape *s, const weir_gpu_form *f) {
    return s->n_layers_attn * 2.0 * s->n_heads_kv * s->head_dim * f->kv_bytes;
}

double weir_gpu_conv_state_bytes(const weir_gpu_shape *s) {
    return s->n_layers_conv * (s->l_cache - 1.0) * s->d_model * HALF_BYTES;
}

double weir_gpu_weight_bytes(const weir_gpu_shape *s, const weir_gpu_form *f, double n_rows) {
    return n_layers_moe(s) * weir_gpu_distinct(s, n_rows) * expert(s) * f->expert_bytes +
           (rest(s) - routers(s)) * f->rest_bytes + routers(s) * HALF_BYTES;
}

/* Scores and sums of one token that sees one other: a product and a sum each. */
static double attention_flop(const weir_gpu_shape *s) {
    return 4.0 * s->n_layers_attn * s->n_heads * s->head_dim;
}

/* ---- times -------------------------------------------------------------------------------- */

/* n_depths: timelines whose K/V are their own. */
static double step_s(const weir_gpu_shape *s, const weir_gpu_form *f, const weir_gpu_ceilings *c,
                     double batch, double depth, double n_depths) {
    double bytes = weir_gpu_weight_bytes(s, f, batch) +
                   n_depths * depth * weir_gpu_kv_token_bytes(s, f) +
                   batch * 2 * weir_gpu_conv_state_bytes(s);
    double compute = batch * (2 * weir_gpu_n_active(s) / c->flop_per_s +
                              depth * attention_flop(s) / c->attention_flop_per_s);
    return fmax(bytes / c->bytes_per_s, compute);
}

double weir_gpu_decode_s(const weir_gpu_shape *s, const weir_gpu_form *f,
                         const weir_gpu_ceilings *c, double batch, double depth) {
    return step_s(s, f, c, batch, depth, batch);
}

double weir_gpu_shared_s(const weir_gpu_shape *s, const weir_gpu_form *f,
                         const weir_gpu_ceilings *c, double batch, double depth) {
    return step_s(s, f, c, batch, depth, 1);
}

double weir_gpu_prefill_s(const weir_gpu_shape *s, const weir_gpu_form *f,
                          const weir_gpu_ceilings *c, double n) {
    double head = (double)s->d_model * s->n_vocab;
    double each = 2 * (weir_gpu_n_active(s) - head) / c->flop_per_s +
                  n / 2 * attention_flop(s) / c->attention_flop_per_s;
    return fmax(weir_gpu_weight_bytes(s, f, n) / c->bytes_per_s, n * each);
}

double weir_gpu_burst_s(const weir_gpu_shape *s, const weir_gpu_form *f, const weir_gpu_ceilings *c,
                        double n_requests, double n_in, double n_out) {
    double head = (double)s->d_model * s->n_vocab;
    double prompts = n_requests * n_in *
                     (2 * (weir_gpu_n_active(s) - head) / c->flop_per_s +
                      n_in / 2 * attention_flop(s) / c->attention_flop_per_s);
    return prompts + n_out * weir_gpu_decode_s(s, f, c, n_requests, n_in + n_out / 2);
}
