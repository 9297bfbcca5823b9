/* cuda_fast.c: see cuda_fast.h. Owns nothing: memory is the backend's two blocks. */
#include "cuda/cuda_fast.h"

#include <stdint.h>

/* ---- products ---- */

static size_t scratch_of(uint64_t n_rows, uint32_t n_cols, uint32_t n_choices) {
    size_t bytes;
    if (n_rows > UINT32_MAX || !weir_mul_size((size_t)n_rows, (size_t)n_cols * 4, &bytes))
        return SIZE_MAX;
    return weir_cuda_gemm_scratch((uint32_t)n_rows, n_cols, n_choices);
}

/* The most of plain products, those of experts, and the head. */
static size_t gemm_bytes(const weir_model *model, const weir_backend_options *options) {
    const weir_hparams *h = &model->h;
    uint32_t expert_cols = h->d_model > h->d_ff_expert ? h->d_model : h->d_ff_expert;
    const size_t needs[] = {
        scratch_of(options->n_batch, weir_longest_row(model), 1),
        scratch_of(options->n_out, h->d_model, 1),
        h->n_experts > 0
            ? scratch_of((uint64_t)options->n_batch * h->n_experts_used, expert_cols, h->n_experts)
            : 0};
    size_t most = 0;
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        most = needs[i] > most ? needs[i] : most;
    return most;
}

void weir_cuda_fast_routed(weir_cuda_fast *fast) {
    fast->choice = NULL;
}

void weir_cuda_fast_linear(weir_cuda_fast *fast, weir_cuda_stream *stream,
                           const weir_cuda_linear *op) {
    uint32_t flags = fast->wgmma == WEIR_CUDA_WGMMA_USED ? WEIR_CUDA_GEMM_HAS_WGMMA : 0;
    uint32_t tile_rows = weir_cuda_gemm_tile_rows(op, flags);
    if (op->choice && op->choice == fast->choice && op->n_rows == fast->n_rows &&
        op->n_choices == fast->n_choices && tile_rows == fast->tile_rows)
        flags |= WEIR_CUDA_GEMM_OLD_CHOICES;
    weir_cuda_run_gemm(stream, op, fast->gemm, flags);
    fast->choice = op->choice;
    fast->n_rows = op->n_rows;
    fast->n_choices = op->n_choices;
    fast->tile_rows = tile_rows;
}

/* ---- wgmma ---- */

static weir_cuda_wgmma judge(const weir_cuda_wgmma_proof *proof) {
    if (proof->n_values == 0 || proof->n_missing == proof->n_values)
        return WEIR_CUDA_WGMMA_SILENT;
    return proof->n_other > 0 ? WEIR_CUDA_WGMMA_OTHER : WEIR_CUDA_WGMMA_USED;
}

/* What the memory that is pinned for the proof says, once all is done. */
static int prove_in(weir_cuda_wgmma_proof *host, void *memory, weir_cuda_stream *stream) {
    weir_cuda_prove_wgmma(stream, memory);
    int code = weir_cuda_launched();
    if (code == 0)
        code = weir_cuda_copy_down(stream, host, memory, sizeof *host);
    int waited = weir_cuda_wait(stream);
    return code != 0 ? code : waited;
}

int weir_cuda_fast_prove(weir_cuda_fast *fast, weir_cuda_stream *stream,
                         const weir_cuda_facts *facts) {
    void *memory = NULL, *host = NULL;
    fast->wgmma = WEIR_CUDA_WGMMA_NONE;
    if (!fast->has_gemm || facts->major != 9 || facts->minor != 0)
        return 0;
    int code = weir_cuda_take(&memory, weir_cuda_wgmma_proof_bytes());
    if (code == 0)
        code = weir_cuda_take_pinned(&host, sizeof(weir_cuda_wgmma_proof));
    if (code == 0)
        code = prove_in(host, memory, stream);
    if (code == 0)
        fast->wgmma = judge(host);
    weir_cuda_give_pinned(host);
    weir_cuda_give(memory);
    return code;
}

const char *weir_cuda_fast_describe(const weir_cuda_fast *fast) {
    static const char *const lines[] = {[WEIR_CUDA_WGMMA_NONE] = "",
                                        [WEIR_CUDA_WGMMA_USED] = ", wgmma",
                                        [WEIR_CUDA_WGMMA_OTHER] =
                                            ", no wgmma (other bits than mma.sync)",
                                        [WEIR_CUDA_WGMMA_SILENT] = ", no wgmma (no answer)"};
    return lines[fast->wgmma];
}

/* ---- attention ---- */

/* K/V heads of all attention layers; 0: they differ, or there is none. The lists of a step are for
 * all layers. */
static uint32_t heads_of_all(const weir_model *model) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        const weir_layer *layer = &model->layers[i];
        if (layer->kind == WEIR_LAYER_CONV)
            continue;
        if (n != 0 && layer->n_heads_kv != n)
            return 0;
        n = layer->n_heads_kv;
    }
    return n;
}

static uint32_t flash_heads(const weir_model *model, const weir_kv_layout *kv) {
    const weir_cuda_kv shape = {.page_bytes = kv->page_bytes,
                                .type = kv->type,
                                .page_tokens = WEIR_PAGE_TOKENS,
                                .n_heads_kv = heads_of_all(model),
                                .head_dim = kv->head_dim};
    return shape.n_heads_kv > 0 && weir_cuda_has_flash(&shape, model->h.n_heads) ? shape.n_heads_kv
                                                                                 : 0;
}

void weir_cuda_fast_layout(weir_cuda_fast *fast, weir_arena *work, weir_arena *pinned,
                           const weir_model *model, const weir_kv_layout *kv,
                           const weir_backend_options *options) {
    *fast = (weir_cuda_fast){.has_gemm = options->activations == WEIR_ACTIVATIONS_BF16,
                             .wgmma = fast->wgmma};
    if (!fast->has_gemm)
        return;
    fast->gemm = weir_arena_take(work, gemm_bytes(model, options));
    fast->shape.n_heads_kv = flash_heads(model, kv);
    if (fast->shape.n_heads_kv == 0)
        return;
    fast->shape.n_heads = model->h.n_heads;
    fast->shape.n_batch = options->n_batch;
    fast->shape.n_slots = weir_cuda_split_slots(options->n_batch, model->h.n_ctx);
    size_t bytes = weir_cuda_split_bytes(options->n_batch, fast->shape.n_slots);
    for (uint32_t turn = 0; turn < 2; turn++)
        fast->split_host[turn] = weir_arena_take(pinned, bytes);
    fast->split_device = weir_arena_take(work, bytes);
    fast->slots = weir_arena_take_array(
        work, fast->shape.n_slots, weir_cuda_flash_slot_values(model->h.n_heads) * sizeof(float));
}

void weir_cuda_fast_begin(weir_cuda_fast *fast, uint32_t turn, const weir_cuda_rows *chunks,
                          uint32_t n_chunks) {
    weir_cuda_fast_routed(fast);
    fast->split_bytes = 0;
    if (fast->shape.n_heads_kv == 0)
        return;
    fast->split_bytes = weir_cuda_split_pack(&fast->flash, chunks, n_chunks, &fast->shape,
                                             fast->split_host[turn], fast->split_device);
    fast->flash.slots = fast->slots;
}
