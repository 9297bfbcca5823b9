/* cuda_batch.c: see cuda_batch.h. Owns nothing. Invariant: layout() alone says where a list is. */
#include "cuda/cuda_batch.h"

#include "base/arena.h"

#include <assert.h>
#include <string.h>

typedef struct lists {
    weir_cuda_rows *chunks;
    int32_t *tokens;
    uint32_t *pos, *chunk_of_row;
    int32_t *out_rows;
    uint32_t *pages, *kept;
    float *lora_scales;
} lists;

typedef struct counts {
    size_t n_rows, n_chunks, n_out, n_pages, n_kept, n_loras;
} counts;

static lists layout(weir_arena *arena, const counts *n) {
    lists l;
    l.chunks = weir_arena_take_array(arena, n->n_chunks, sizeof *l.chunks);
    l.tokens = weir_arena_take_array(arena, n->n_rows, sizeof *l.tokens);
    l.pos = weir_arena_take_array(arena, n->n_rows, sizeof *l.pos);
    l.chunk_of_row = weir_arena_take_array(arena, n->n_rows, sizeof *l.chunk_of_row);
    l.out_rows = weir_arena_take_array(arena, n->n_out, sizeof *l.out_rows);
    l.pages = weir_arena_take_array(arena, n->n_pages, sizeof *l.pages);
    l.kept = weir_arena_take_array(arena, n->n_kept, sizeof *l.kept);
    l.lora_scales = weir_arena_take_array(arena, n->n_loras, n->n_rows * sizeof *l.lora_scales);
    return l;
}

static size_t pages_for(size_t n_tokens) {
    return (n_tokens + WEIR_PAGE_TOKENS - 1) / WEIR_PAGE_TOKENS;
}

size_t weir_cuda_batch_bytes(const weir_model *model, const weir_backend_options *options) {
    /* Timelines may share pages, but none holds one twice. */
    size_t n_pages = pages_for(model->h.n_ctx);
    if (options->n_pages < n_pages)
        n_pages = options->n_pages;
    counts n = {.n_rows = options->n_batch,
                .n_chunks = options->n_chunks,
                .n_out = options->n_out,
                .n_kept = options->n_batch,
                .n_loras = options->n_loras};
    weir_arena measure = {0};
    if (!weir_mul_size(n_pages, options->n_chunks, &n.n_pages))
        return SIZE_MAX;
    layout(&measure, &n);
    return measure.used;
}

static counts count(const weir_batch *b, uint32_t n_loras) {
    counts n = {
        .n_rows = b->n_rows, .n_chunks = b->n_chunks, .n_out = b->n_out, .n_loras = n_loras};
    for (uint32_t c = 0; c < b->n_chunks; c++) {
        n.n_pages += pages_for((size_t)b->chunks[c].first_pos + b->chunks[c].n_rows);
        n.n_kept += b->chunks[c].n_kept;
    }
    return n;
}

static void fill_chunks(const lists *l, const weir_batch *b) {
    uint32_t pages_at = 0, kept_at = 0;
    for (uint32_t c = 0; c < b->n_chunks; c++) {
        const weir_rows *from = &b->chunks[c];
        uint32_t n_pages = (uint32_t)pages_for((size_t)from->first_pos + from->n_rows);
        l->chunks[c] = (weir_cuda_rows){.first_row = from->first_row,
                                        .n_rows = from->n_rows,
                                        .n_replay = from->n_replay,
                                        .first_pos = from->first_pos,
                                        .pages_at = pages_at,
                                        .state_in = from->state_in,
                                        .state_out = from->state_out,
                                        .n_kept = from->n_kept,
                                        .kept_at = kept_at};
        for (uint32_t i = 0; i < from->n_rows; i++)
            l->chunk_of_row[from->first_row + i] = c;
        if (n_pages > 0)
            memcpy(l->pages + pages_at, from->pages, n_pages * sizeof *l->pages);
        if (from->n_kept > 0)
            memcpy(l->kept + kept_at, from->kept, from->n_kept * sizeof *l->kept);
        pages_at += n_pages;
        kept_at += from->n_kept;
    }
}

static float scale_of(const weir_rows *chunk, uint32_t lora) {
    return chunk->lora_scales ? chunk->lora_scales[lora] : 0.0f;
}

static void fill_scales(const lists *l, const weir_batch *b, uint32_t n_loras) {
    for (uint32_t lora = 0; lora < n_loras; lora++)
        for (uint32_t c = 0; c < b->n_chunks; c++) {
            const weir_rows *chunk = &b->chunks[c];
            float *to = l->lora_scales + (size_t)lora * b->n_rows + chunk->first_row;
            for (uint32_t i = 0; i < chunk->n_rows; i++)
                to[i] = scale_of(chunk, lora);
        }
}

weir_cuda_span weir_cuda_lora_span(const weir_batch *b, uint32_t lora) {
    uint32_t first = 0, end = b->n_chunks;
    while (first < end && scale_of(&b->chunks[first], lora) == 0.0f)
        first++;
    while (end > first && scale_of(&b->chunks[end - 1], lora) == 0.0f)
        end--;
    if (first == end)
        return (weir_cuda_span){0, 0};
    const weir_rows *last = &b->chunks[end - 1];
    uint32_t begin = b->chunks[first].first_row;
    return (weir_cuda_span){begin, last->first_row + last->n_rows - begin};
}

size_t weir_cuda_batch_pack(weir_cuda_staged *out, const weir_batch *b, uint32_t n_loras,
                            void *host, size_t capacity, uint8_t *device) {
    weir_arena at_host = {.base = host, .size = capacity},
               at_device = {.base = device, .size = capacity};
    counts n = count(b, n_loras);
    lists from = layout(&at_host, &n), to = layout(&at_device, &n);
    memcpy(from.tokens, b->tokens, n.n_rows * sizeof *from.tokens);
    memcpy(from.pos, b->pos, n.n_rows * sizeof *from.pos);
    for (uint32_t i = 0; i < b->n_out; i++)
        from.out_rows[i] = (int32_t)b->out_rows[i];
    fill_chunks(&from, b);
    fill_scales(&from, b, n_loras);
    *out = (weir_cuda_staged){.batch = {.n_rows = b->n_rows,
                                        .n_chunks = b->n_chunks,
                                        .chunks = to.chunks,
                                        .chunk_of_row = to.chunk_of_row,
                                        .pos = to.pos,
                                        .pages = to.pages,
                                        .kept = to.kept},
                              .tokens = to.tokens,
                              .out_rows = to.out_rows,
                              .host_chunks = from.chunks,
                              .lora_scales = to.lora_scales};
    assert(at_host.used == at_device.used);
    return at_host.used;
}
