/* cuda_decode.c: see cuda_decode.h. Owns the graphs. Invariant: place() alone says where a number
 * of the block is, for the host as for the device, and depends on the bucket only. */
#include "cuda/cuda_decode.h"

#include "base/error.h"
#include "cuda/cuda_backend.h"

#include <assert.h>
#include <string.h>

/* ---- the block ---- */

typedef struct block {
    uint32_t *counts; /* rows, outputs */
    weir_cuda_rows *chunks;
    int32_t *tokens;
    uint32_t *pos, *chunk_of_row;
    int32_t *out_rows;
    uint32_t *kept, *pages;
} block;

static uint32_t rows_of_bucket(uint32_t bucket, const weir_backend_options *options) {
    uint32_t n = 1u << bucket;
    return n < options->n_batch ? n : options->n_batch;
}

static size_t pages_for(size_t n_tokens) {
    return (n_tokens + WEIR_PAGE_TOKENS - 1) / WEIR_PAGE_TOKENS;
}

/* Pages of one timeline at most; it holds none twice. */
static size_t most_pages(const weir_model *model, const weir_backend_options *options) {
    size_t n = pages_for(model->h.n_ctx);
    return n < options->n_pages ? n : options->n_pages;
}

static block place(weir_arena *arena, uint32_t n_rows, size_t n_pages) {
    block b;
    b.counts = weir_arena_take_array(arena, 2, sizeof *b.counts);
    b.chunks = weir_arena_take_array(arena, n_rows, sizeof *b.chunks);
    b.tokens = weir_arena_take_array(arena, n_rows, sizeof *b.tokens);
    b.pos = weir_arena_take_array(arena, n_rows, sizeof *b.pos);
    b.chunk_of_row = weir_arena_take_array(arena, n_rows, sizeof *b.chunk_of_row);
    b.out_rows = weir_arena_take_array(arena, n_rows, sizeof *b.out_rows);
    b.kept = weir_arena_take_array(arena, n_rows, sizeof *b.kept);
    b.pages = weir_arena_take_array(arena, n_pages, sizeof *b.pages);
    return b;
}

static block block_at(const weir_cuda *cuda, uint8_t *memory, uint32_t n_rows) {
    const weir_backend *be = &cuda->host.be;
    weir_arena arena = {.base = memory, .size = cuda->decode.block_bytes};
    return place(&arena, n_rows, n_rows * most_pages(be->model, &be->options));
}

static void pack_chunks(const block *to, const weir_batch *batch, uint32_t bucket_rows) {
    uint32_t n_pages = 0, n_kept = 0;
    for (uint32_t c = 0; c < batch->n_chunks; c++) {
        const weir_rows *from = &batch->chunks[c];
        uint32_t n = (uint32_t)pages_for((size_t)from->first_pos + from->n_rows);
        to->chunks[c] = (weir_cuda_rows){.first_row = from->first_row,
                                         .n_rows = from->n_rows,
                                         .n_replay = from->n_replay,
                                         .first_pos = from->first_pos,
                                         .pages_at = n_pages,
                                         .state_in = from->state_in,
                                         .state_out = from->state_out,
                                         .n_kept = from->n_kept,
                                         .kept_at = n_kept};
        for (uint32_t i = 0; i < from->n_rows; i++)
            to->chunk_of_row[from->first_row + i] = c;
        if (n > 0)
            memcpy(to->pages + n_pages, from->pages, n * sizeof *to->pages);
        if (from->n_kept > 0)
            memcpy(to->kept + n_kept, from->kept, from->n_kept * sizeof *to->kept);
        n_pages += n;
        n_kept += from->n_kept;
    }
    if (batch->n_rows < bucket_rows) {
        uint32_t n = bucket_rows - batch->n_rows;
        to->chunks[batch->n_chunks] =
            (weir_cuda_rows){.first_row = batch->n_rows, .n_rows = n, .n_replay = n};
        if (n_pages == 0)
            to->pages[0] = 0; /* they read their own position, wherever it is */
    }
    for (uint32_t r = batch->n_rows; r < bucket_rows; r++) {
        to->tokens[r] = 0;
        to->pos[r] = 0;
        to->chunk_of_row[r] = batch->n_chunks;
    }
}

/* Returns the bytes to be copied. */
static size_t pack(const weir_cuda *cuda, const weir_batch *batch, uint32_t bucket_rows) {
    uint8_t *host = cuda->decode.host[cuda->turn];
    block to = block_at(cuda, host, bucket_rows);
    size_t n_pages = 0;
    for (uint32_t c = 0; c < batch->n_chunks; c++)
        n_pages += pages_for((size_t)batch->chunks[c].first_pos + batch->chunks[c].n_rows);
    to.counts[0] = batch->n_rows;
    to.counts[1] = batch->n_out;
    for (uint32_t r = 0; r < batch->n_rows; r++) {
        to.tokens[r] = batch->tokens[r];
        to.pos[r] = batch->pos[r];
    }
    for (uint32_t i = 0; i < batch->n_out; i++)
        to.out_rows[i] = (int32_t)batch->out_rows[i];
    pack_chunks(&to, batch, bucket_rows);
    return (size_t)((uint8_t *)(to.pages + (n_pages > 0 ? n_pages : 1)) - host);
}

/* ---- may it be? ---- */

static bool can_stage(const weir_weight *w) {
    if (!w || !w->data)
        return true;
    weir_cuda_matrix m = weir_cuda_matrix_of(w, 1);
    m.row_bytes = (m.row_bytes + 15) / 16 * 16; /* as cuda_weights.c lays rows out */
    m.data = (const uint8_t *)16;               /* what it will be a multiple of there */
    return weir_cuda_can_stage(&m);
}

static bool can_stage_layer(const weir_layer *l) {
    const weir_weight *const all[] = {&l->conv_in,    &l->conv_out, &l->attn_q,      &l->attn_k,
                                      &l->attn_v,     &l->attn_out, &l->router,      &l->ffn_gate,
                                      &l->ffn_up,     &l->ffn_down, l->experts_gate, l->experts_up,
                                      l->experts_down};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!can_stage(all[i]))
            return false;
    return l->is_moe ? l->experts_gate->format == l->experts_up->format
                     : l->ffn_gate.format == l->ffn_up.format;
}

static bool can_stage_model(const weir_model *model) {
    const weir_hparams *h = &model->h;
    bool can = h->head_dim % 4 == 0 && h->n_experts <= WEIR_CUDA_STAGE_EXPERTS &&
               h->n_experts_used <= WEIR_CUDA_STAGE_USED && can_stage(&model->head);
    for (uint32_t i = 0; i < h->n_layers && can; i++)
        can = can_stage_layer(&model->layers[i]);
    return can;
}

void weir_cuda_decode_layout(weir_cuda *cuda, weir_arena *work, weir_arena *pinned,
                             const weir_model *model, const weir_backend_options *options) {
    weir_cuda_decode *d = &cuda->decode;
    weir_arena measure = {0};
    *d = (weir_cuda_decode){.is_there = cuda->fast.has_gemm && can_stage_model(model)};
    if (!d->is_there)
        return;
    uint32_t n_rows = rows_of_bucket(WEIR_CUDA_BUCKETS - 1, options);
    place(&measure, n_rows, n_rows * most_pages(model, options) + 1);
    d->block_bytes = measure.used;
    for (uint32_t turn = 0; turn < 2; turn++)
        d->host[turn] = weir_arena_take(pinned, d->block_bytes);
    d->device = weir_arena_take(work, d->block_bytes);
}

/* ---- a step's launches ---- */

/* What all layers are given. */
typedef struct tape {
    weir_cuda *cuda;
    weir_cuda_stream *stream;
    uint32_t n_rows; /* of the bucket */
    block at;        /* on the device */
    weir_cuda_batch batch;
    weir_cuda_flash flash;
} tape;

static weir_cuda_normed normed(const tape *t, const float *weight) {
    const weir_backend *be = &t->cuda->host.be;
    return (weir_cuda_normed){.n_rows = t->at.counts,
                              .x = be->scratch.x,
                              .weight = weight,
                              .eps = be->model->h.norm_eps,
                              .width = be->model->h.d_model};
}

/* x += w y, y in bfloat16 (or float32) */
static void add_out(const tape *t, const uint16_t *y, const float *y_f32, const weir_weight *w,
                    const float *bias) {
    weir_cuda_stage_out op = {.n_rows = t->at.counts,
                              .x = y,
                              .x_f32 = y_f32,
                              .w = weir_cuda_matrix_of(w, 1),
                              .bias = bias,
                              .y = t->cuda->host.be.scratch.x};
    weir_cuda_run_stage_out(t->stream, &op);
}

static void queue_conv(const tape *t, const weir_layer *layer) {
    weir_backend *be = &t->cuda->host.be;
    uint16_t *y = (uint16_t *)be->scratch.normed;
    weir_cuda_stage_conv op = {.in = normed(t, layer->operator_norm),
                               .w = weir_cuda_matrix_of(&layer->conv_in, 1),
                               .bias = layer->conv_in_bias,
                               .batch = t->batch,
                               .conv = weir_cuda_conv_of(be, layer),
                               .y = y};
    weir_cuda_run_stage_conv(t->stream, &op);
    add_out(t, y, NULL, &layer->conv_out, layer->conv_out_bias);
}

static void queue_attn(const tape *t, const weir_layer *layer) {
    weir_cuda *cuda = t->cuda;
    weir_backend *be = &cuda->host.be;
    const weir_hparams *h = &be->model->h;
    weir_cuda_kv kv = weir_cuda_kv_of(be, layer);
    float *q = be->scratch.wide, *y = be->scratch.wide2;
    float *k = q + (size_t)t->n_rows * h->n_heads * h->head_dim;
    float *v = k + (size_t)t->n_rows * layer->n_heads_kv * h->head_dim;
    weir_cuda_stage_linear qkv = {.in = normed(t, layer->operator_norm),
                                  .n_w = 3,
                                  .w = {weir_cuda_matrix_of(&layer->attn_q, 1),
                                        weir_cuda_matrix_of(&layer->attn_k, 1),
                                        weir_cuda_matrix_of(&layer->attn_v, 1)},
                                  .y = {q, k, v}};
    weir_cuda_heads heads = {.q = q,
                             .k = k,
                             .v = v,
                             .q_norm = layer->q_norm,
                             .k_norm = layer->k_norm,
                             .inverse_freq = cuda->inverse_freq,
                             .norm_eps = h->norm_eps,
                             .n_heads = h->n_heads};
    weir_cuda_run_stage_linear(t->stream, &qkv);
    weir_cuda_run_heads(t->stream, &t->batch, &kv, &heads);
    if (cuda->fast.shape.n_heads_kv > 0)
        weir_cuda_run_flash(t->stream, &t->batch, &kv, &t->flash, q, h->n_heads, y);
    else
        weir_cuda_run_attend(t->stream, &t->batch, &kv, q, h->n_heads, y);
    add_out(t, NULL, y, &layer->attn_out, NULL);
}

static void queue_dense(const tape *t, const weir_layer *layer) {
    uint16_t *y = (uint16_t *)t->cuda->host.be.scratch.wide;
    weir_cuda_stage_gate_up op = {.in = normed(t, layer->ffn_norm),
                                  .gate = weir_cuda_matrix_of(&layer->ffn_gate, 1),
                                  .up = weir_cuda_matrix_of(&layer->ffn_up, 1),
                                  .y = y};
    weir_cuda_run_stage_gate_up(t->stream, &op);
    add_out(t, y, NULL, &layer->ffn_down, NULL);
}

static void queue_moe(const tape *t, const weir_layer *layer) {
    const weir_backend *be = &t->cuda->host.be;
    const weir_scratch *s = &be->scratch;
    const weir_hparams *h = &be->model->h;
    uint16_t *rows = (uint16_t *)s->normed, *y = (uint16_t *)s->wide;
    weir_cuda_stage_router router = {.in = normed(t, layer->ffn_norm),
                                     .w = weir_cuda_matrix_of(&layer->router, 1),
                                     .logits = s->router,
                                     .normed = rows};
    weir_cuda_stage_experts experts = {
        .n_rows = t->at.counts,
        .most_rows = t->n_rows,
        .route = weir_cuda_route_of(be, layer, s->router, s->experts, s->expert_weights),
        .x = rows,
        .gate = weir_cuda_matrix_of(layer->experts_gate, h->n_experts),
        .up = weir_cuda_matrix_of(layer->experts_up, h->n_experts),
        .y = y};
    weir_cuda_stage_experts_out out = {.n_rows = t->at.counts,
                                       .most_rows = t->n_rows,
                                       .n_used = h->n_experts_used,
                                       .experts = s->experts,
                                       .weights = s->expert_weights,
                                       .x = y,
                                       .w = weir_cuda_matrix_of(layer->experts_down, h->n_experts),
                                       .y = s->x};
    weir_cuda_run_stage_router(t->stream, &router);
    weir_cuda_run_stage_experts(t->stream, &experts);
    weir_cuda_run_stage_experts_out(t->stream, &out);
}

static void queue_head(const tape *t) {
    const weir_backend *be = &t->cuda->host.be;
    weir_cuda_stage_linear op = {.in = normed(t, be->model->final_norm),
                                 .n_w = 1,
                                 .w = {weir_cuda_matrix_of(&be->model->head, 1)},
                                 .y = {be->scratch.logits}};
    op.in.n_rows = t->at.counts + 1;
    op.in.which = t->at.out_rows;
    weir_cuda_run_stage_linear(t->stream, &op);
}

/* compose.c's order. */
static void queue_model(const tape *t, bool has_head) {
    const weir_backend *be = &t->cuda->host.be;
    weir_cuda_matrix embed = weir_cuda_matrix_of(&be->model->embed, 1);
    weir_cuda_run_embed(t->stream, &embed, t->at.tokens, t->n_rows, be->scratch.x);
    for (uint32_t i = 0; i < be->model->h.n_layers; i++) {
        const weir_layer *layer = &be->model->layers[i];
        (layer->kind == WEIR_LAYER_CONV ? queue_conv : queue_attn)(t, layer);
        (layer->is_moe ? queue_moe : queue_dense)(t, layer);
    }
    if (has_head)
        queue_head(t);
}

/* ---- graphs ---- */

/* Grids that are right for every step of the bucket: blocks take items in turns. */
static weir_cuda_flash_counts most_items(const weir_cuda *cuda, uint32_t n_rows) {
    const weir_cuda_split_shape *s = &cuda->fast.shape;
    uint32_t few = WEIR_CUDA_SPLIT_BLOCKS / s->n_heads_kv, group = s->n_heads / s->n_heads_kv;
    uint32_t most = n_rows + s->n_slots;
    return (weir_cuda_flash_counts){.n_parts = few > 0 && few < most ? few : most,
                                    .n_tiles =
                                        n_rows * group > WEIR_CUDA_FLASH_TILE_ROWS ? n_rows : 0,
                                    .n_joins = n_rows};
}

static tape make_tape(weir_cuda *cuda, uint32_t n_rows) {
    tape t = {.cuda = cuda,
              .stream = cuda->stream,
              .n_rows = n_rows,
              .at = block_at(cuda, cuda->decode.device, n_rows)};
    t.batch = (weir_cuda_batch){.n_rows = n_rows,
                                .n_chunks = n_rows,
                                .chunks = t.at.chunks,
                                .chunk_of_row = t.at.chunk_of_row,
                                .pos = t.at.pos,
                                .pages = t.at.pages,
                                .kept = t.at.kept};
    if (cuda->fast.shape.n_heads_kv > 0) {
        t.flash = cuda->fast.flash; /* its places are the same in every step */
        t.flash.launched = most_items(cuda, n_rows);
    }
    return t;
}

static int capture(weir_cuda *cuda, uint32_t n_rows, bool has_head, weir_cuda_graph **out) {
    tape t = make_tape(cuda, n_rows);
    int code = weir_cuda_capture_begin(cuda->stream);
    if (code != 0)
        return code;
    queue_model(&t, has_head);
    int launched = weir_cuda_launched();
    code = weir_cuda_capture_end(cuda->stream, out);
    return launched != 0 ? launched : code;
}

static void upload(weir_cuda *cuda, const weir_batch *batch, uint32_t n_rows) {
    weir_cuda_fast *fast = &cuda->fast;
    uint8_t *host = cuda->decode.host[cuda->turn];
    block at = block_at(cuda, cuda->decode.device, n_rows);
    size_t bytes = pack(cuda, batch, n_rows);
    cuda->step.tokens = at.tokens;
    cuda->step.out_rows = at.out_rows;
    weir_cuda_note(cuda, weir_cuda_copy_up(cuda->stream, cuda->decode.device, host, bytes),
                   "the step's rows");
    weir_cuda_fast_begin(fast, cuda->turn, block_at(cuda, host, n_rows).chunks, batch->n_chunks);
    if (fast->split_bytes > 0 && !cuda->host.be.failure)
        weir_cuda_note(cuda,
                       weir_cuda_copy_up(cuda->stream, fast->split_device,
                                         fast->split_host[cuda->turn], fast->split_bytes),
                       "the step's lists");
    weir_cuda_results_fetch(cuda, batch);
}

/* A step of no rows runs before anything is captured: what cannot be launched shows here, and code
 * that is loaded when it is first used is there. */
static weir_status warm_up(weir_cuda *cuda, weir_error *err) {
    const weir_batch nothing = {0};
    uint32_t n_rows = rows_of_bucket(0, &cuda->host.be.options);
    upload(cuda, &nothing, n_rows);
    tape t = make_tape(cuda, n_rows);
    if (!cuda->host.be.failure) {
        queue_model(&t, true);
        weir_cuda_note(cuda, weir_cuda_launched(), "decode");
    }
    weir_cuda_note(cuda, weir_cuda_wait(cuda->stream), "decode");
    if (cuda->host.be.failure)
        return weir_fail(err, WEIR_STATUS_FAILED, "device 'cuda': the first launches failed (%s)",
                         cuda->failure);
    return WEIR_STATUS_OK;
}

weir_status weir_cuda_decode_open(weir_cuda *cuda, weir_error *err) {
    weir_cuda_decode *d = &cuda->decode;
    uint32_t n_captured = 0;
    if (!d->is_there)
        return WEIR_STATUS_OK;
    WEIR_TRY(warm_up(cuda, err));
    for (uint32_t b = 0; b < WEIR_CUDA_BUCKETS; b++) {
        uint32_t n_rows = rows_of_bucket(b, &cuda->host.be.options);
        for (int has_head = 0; n_rows > n_captured && has_head < 2; has_head++)
            WEIR_TRY(weir_cuda_fail(err, capture(cuda, n_rows, has_head, &d->graphs[b][has_head]),
                                    "capturing a step"));
        n_captured = n_rows;
    }
    return WEIR_STATUS_OK;
}

void weir_cuda_decode_close(weir_cuda *cuda) {
    for (uint32_t b = 0; b < WEIR_CUDA_BUCKETS; b++)
        for (int has_head = 0; has_head < 2; has_head++)
            weir_cuda_graph_close(cuda->decode.graphs[b][has_head]);
}

/* ---- steps ---- */

static uint32_t bucket_for(const weir_cuda *cuda, uint32_t n_rows) {
    uint32_t b = 0;
    while (b < WEIR_CUDA_BUCKETS && rows_of_bucket(b, &cuda->host.be.options) < n_rows)
        b++;
    return b;
}

static bool uses_adapters(const weir_batch *batch, uint32_t n_loras) {
    for (uint32_t c = 0; c < batch->n_chunks; c++)
        for (uint32_t i = 0; i < n_loras && batch->chunks[c].lora_scales; i++)
            if (batch->chunks[c].lora_scales[i] != 0.0f)
                return true;
    return false;
}

bool weir_cuda_decode_takes(const weir_cuda *cuda, const weir_batch *batch) {
    return cuda->decode.is_there && !batch->observer && batch->n_rows > 0 &&
           bucket_for(cuda, batch->n_rows) < WEIR_CUDA_BUCKETS &&
           !uses_adapters(batch, cuda->host.be.options.n_loras) &&
           !(batch->cancel && atomic_load_explicit(batch->cancel, memory_order_relaxed));
}

void weir_cuda_decode_queue(weir_cuda *cuda, const weir_batch *batch) {
    weir_backend *be = &cuda->host.be;
    uint32_t bucket = bucket_for(cuda, batch->n_rows);
    weir_cuda_graph *graph = cuda->decode.graphs[bucket][batch->n_out > 0];
    assert(graph && batch->n_chunks <= batch->n_rows);
    upload(cuda, batch, rows_of_bucket(bucket, &be->options));
    if (!be->failure)
        weir_cuda_note(cuda, weir_cuda_graph_run(graph, cuda->stream), "decode");
}
