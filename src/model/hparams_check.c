/*
 * hparams_check.c: what hyperparameters must satisfy, whatever file they come from, and what
 * follows from them by arithmetic.
 *
 * Invariant: after weir_hparams_check every product of two counts that the engine forms fits in 64
 * bits, every count that indexes an array of weir_hparams is inside it, and no divisor is zero.
 */
#include <inttypes.h>
#include <math.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/model.h"

/* Far above every known model; small enough that products of two stay far inside 64 bits. */
enum {
    MAX_D_MODEL = 1 << 16,
    MAX_D_FF = 1 << 20,
    MAX_HEADS = 1 << 12,
    MAX_VOCAB = 1 << 24,
    MAX_CTX = 1 << 30
};

typedef struct limit {
    const char *what;
    uint32_t value, least, most;
} limit;

static weir_status check_limits(const weir_hparams *h, const char *name, weir_error *err) {
    const bool is_moe = h->n_experts > 0;
    const limit limits[] = {
        {"number of layers", h->n_layers, 1, WEIR_MAX_LAYERS},
        {"model width", h->d_model, 1, MAX_D_MODEL},
        {"vocabulary size", h->n_vocab, 1, MAX_VOCAB},
        {"number of heads", h->n_heads, 1, MAX_HEADS},
        {"head width", h->head_dim, 2, WEIR_MAX_HEAD_DIM},
        {"number of convolution taps", h->l_cache, 2, WEIR_MAX_TAPS},
        {"context length", h->n_ctx, 1, MAX_CTX},
        {"number of dense layers", h->n_layers_dense, is_moe ? 0 : h->n_layers, h->n_layers},
        {"feed-forward width", h->d_ff, h->n_layers_dense > 0 ? 1 : 0, MAX_D_FF},
        {"number of experts", h->n_experts, 0, WEIR_MAX_EXPERTS},
        {"number of experts used", h->n_experts_used, is_moe ? 1 : 0,
         h->n_experts < WEIR_MAX_EXPERTS_USED ? h->n_experts : WEIR_MAX_EXPERTS_USED},
        {"expert width", h->d_ff_expert, is_moe ? 1 : 0, is_moe ? MAX_D_FF : 0},
    };
    for (size_t i = 0; i < WEIR_COUNT(limits); i++)
        if (limits[i].value < limits[i].least || limits[i].value > limits[i].most)
            return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s is %u, expected %u to %u", name,
                             limits[i].what, limits[i].value, limits[i].least, limits[i].most);
    return WEIR_STATUS_OK;
}

static weir_status check_layers(const weir_hparams *h, const char *name, weir_error *err) {
    for (uint32_t i = 0; i < h->n_layers; i++) {
        uint32_t n_kv = h->n_heads_kv[i];
        if (h->kind[i] == WEIR_LAYER_CONV && n_kv != 0)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: layer %u is a convolution with %u K/V heads, expected 0", name, i,
                             n_kv);
        if (h->kind[i] == WEIR_LAYER_ATTN && (n_kv == 0 || h->n_heads % n_kv != 0))
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: layer %u has %u K/V heads, expected a divisor of the %u heads",
                             name, i, n_kv, h->n_heads);
    }
    return WEIR_STATUS_OK;
}

static weir_status check_id(const weir_hparams *h, const char *what, int32_t id, const char *name,
                            weir_error *err) {
    if (id < -1 || (id >= 0 && (uint32_t)id >= h->n_vocab))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s is token %d, the vocabulary has %u",
                         name, what, id, h->n_vocab);
    return WEIR_STATUS_OK;
}

weir_status weir_hparams_check(const weir_hparams *h, const char *name, weir_error *err) {
    WEIR_TRY(check_limits(h, name, err));
    if (h->head_dim % 2 != 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: head width is %u, expected an even number (rotation turns pairs)",
                         name, h->head_dim);
    WEIR_TRY(check_layers(h, name, err));
    /* Written so that NaN fails. */
    if (!(h->norm_eps > 0 && h->norm_eps < 1))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: norm epsilon is %g, expected a number between 0 and 1", name,
                         (double)h->norm_eps);
    if (!(h->rope_theta >= 1 && isfinite(h->rope_theta)))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: rope theta is %g, expected a number of at least 1", name,
                         (double)h->rope_theta);
    if (!(h->expert_scale > 0 && isfinite(h->expert_scale)))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: expert scale is %g, expected a positive number", name,
                         (double)h->expert_scale);
    WEIR_TRY(check_id(h, "the begin token", h->bos, name, err));
    WEIR_TRY(check_id(h, "the end token", h->eos, name, err));
    return check_id(h, "the padding token", h->pad, name, err);
}

uint64_t weir_hparams_n_params(const weir_hparams *h, uint64_t *n_active) {
    const uint64_t d = h->d_model, embed = (uint64_t)h->n_vocab * d;
    uint64_t shared = d, experts_all = 0, experts_met = 0;
    for (uint32_t i = 0; i < h->n_layers; i++) {
        shared += 2 * d; /* the two norms */
        if (h->kind[i] == WEIR_LAYER_CONV) {
            shared += 4 * d * d + (uint64_t)h->l_cache * d;
            if (h->has_conv_bias)
                shared += 5 * d;
        } else {
            uint64_t q = (uint64_t)h->n_heads * h->head_dim;
            uint64_t kv = (uint64_t)h->n_heads_kv[i] * h->head_dim;
            shared += 2 * d * q + 2 * d * kv + 2 * (uint64_t)h->head_dim;
        }
        if (i < h->n_layers_dense) {
            shared += 3 * d * h->d_ff;
        } else {
            uint64_t expert = 3 * d * h->d_ff_expert;
            shared += h->n_experts * d + (h->has_expert_bias ? h->n_experts : 0);
            experts_all += h->n_experts * expert;
            experts_met += h->n_experts_used * expert;
        }
    }
    /* A token meets every row of the head, but one row of the embedding: when they are two
     * matrices only the head counts. */
    if (n_active != NULL)
        *n_active = shared + embed + experts_met;
    return shared + (h->is_tied ? 1 : 2) * embed + experts_all;
}
