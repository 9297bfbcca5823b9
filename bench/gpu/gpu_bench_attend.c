/*
 * gpu_bench_attend.c: attention over K/V pages: one new token of each of many timelines, and whole
 * prompts. One layer of the 24B model: 32 query heads, 8 of K/V, 64 wide.
 */
#include "gpu_bench.h"

#include "cuda/cuda_split.h"
#include "cuda/flash_cuda.h"

#include <stdlib.h>

enum { PAGE = 64, HEADS = 32, HEADS_KV = 8, HEAD_DIM = 64, KV_F16 = 1, KV_BYTES = 2 };
enum { AT_Q, AT_Y, AT_K, AT_V, AT_NORM, AT_FREQ };

static uint32_t pages_of(const weir_gpu_case *c) {
    uint32_t n_tokens = c->depth + (c->is_prompt ? c->n_rows : 1);
    return (n_tokens + PAGE - 1) / PAGE;
}

static void fill_chunks(weir_cuda_rows *chunks, uint32_t n, const weir_gpu_case *c) {
    for (uint32_t i = 0; i < n; i++)
        chunks[i] = (weir_cuda_rows){.first_row = i,
                                     .n_rows = c->is_prompt ? c->n_rows : 1,
                                     .first_pos = c->depth,
                                     .pages_at = i * pages_of(c),
                                     .state_in = i,
                                     .state_out = i};
}

/* The tables of a step in one piece of memory each. */
static int take_batch(weir_gpu_job *job, weir_gpu_pool *pool, weir_cuda_batch *batch) {
    const weir_gpu_case *c = job->c;
    uint32_t n_chunks = c->is_prompt ? 1 : c->n_rows;
    uint32_t n_pages = pages_of(c);
    weir_cuda_rows *chunks = calloc(n_chunks, sizeof *chunks);
    uint32_t *chunk_of_row = calloc(c->n_rows, sizeof *chunk_of_row);
    uint32_t *pos = calloc(c->n_rows, sizeof *pos);
    uint32_t *pages = calloc((size_t)n_chunks * n_pages, sizeof *pages);
    int code = chunks && chunk_of_row && pos && pages ? 0 : WEIR_CUDA_NO_MEMORY;
    if (code == 0)
        fill_chunks(chunks, n_chunks, c);
    for (uint32_t r = 0; code == 0 && r < c->n_rows; r++) {
        chunk_of_row[r] = c->is_prompt ? 0 : r;
        pos[r] = c->depth + (c->is_prompt ? r : 0);
    }
    /* Neighbouring pages of a timeline do not lie side by side. */
    for (uint32_t i = 0; code == 0 && i < n_chunks * n_pages; i++)
        pages[i] = i % n_pages * n_chunks + i / n_pages;
    batch->n_rows = c->n_rows;
    batch->n_chunks = n_chunks;
    if (code == 0)
        batch->chunks = weir_gpu_take_copy(pool, chunks, n_chunks * sizeof *chunks, &code);
    if (code == 0)
        batch->chunk_of_row =
            weir_gpu_take_copy(pool, chunk_of_row, c->n_rows * sizeof *pos, &code);
    if (code == 0)
        batch->pos = weir_gpu_take_copy(pool, pos, c->n_rows * sizeof *pos, &code);
    if (code == 0)
        batch->pages =
            weir_gpu_take_copy(pool, pages, (size_t)n_chunks * n_pages * sizeof *pages, &code);
    if (!batch->chunks || !batch->chunk_of_row || !batch->pos || !batch->pages)
        code = code != 0 ? code : WEIR_CUDA_NO_MEMORY;
    free(chunks);
    free(chunk_of_row);
    free(pos);
    free(pages);
    return code;
}

static int open_attend(weir_gpu_job *job, weir_gpu_pool *pool) {
    const weir_gpu_case *c = job->c;
    weir_cuda_kv *kv = &job->op.attend.kv;
    *kv = (weir_cuda_kv){.type = KV_F16,
                         .page_tokens = PAGE,
                         .page_bytes = (size_t)2 * HEADS_KV * PAGE * HEAD_DIM * KV_BYTES,
                         .v_at = (size_t)HEADS_KV * PAGE * HEAD_DIM * KV_BYTES,
                         .head_stride = (size_t)PAGE * HEAD_DIM * KV_BYTES,
                         .token_stride = (size_t)HEAD_DIM * KV_BYTES,
                         .n_heads_kv = HEADS_KV,
                         .head_dim = HEAD_DIM};
    double n_seen = c->is_prompt ? c->n_rows * (c->depth + (c->n_rows + 1) / 2.0)
                                 : c->n_rows * (c->depth + 1.0);
    size_t n_timelines = c->is_prompt ? 1 : c->n_rows;
    size_t n_tokens = c->depth + (c->is_prompt ? c->n_rows : 1);
    size_t n_pages = n_timelines * ((n_tokens + PAGE - 1) / PAGE);
    uint32_t id;
    size_t row_bytes;
    /* Random halves; numbers of about 1/8, as the formula of a row of 64 has them. */
    uint8_t *pool_at = weir_gpu_take_matrix(pool, "f16", n_pages * kv->page_bytes / 128, HEAD_DIM,
                                            &id, &row_bytes);
    if (!pool_at)
        return WEIR_CUDA_NO_MEMORY;
    kv->pool = pool_at;
    job->p[AT_Q] = weir_gpu_take_floats(pool, (size_t)c->n_rows * HEADS * HEAD_DIM);
    job->p[AT_Y] = weir_gpu_take_floats(pool, (size_t)c->n_rows * HEADS * HEAD_DIM);
    job->p[AT_K] = weir_gpu_take_floats(pool, (size_t)c->n_rows * HEADS_KV * HEAD_DIM);
    job->p[AT_V] = weir_gpu_take_floats(pool, (size_t)c->n_rows * HEADS_KV * HEAD_DIM);
    if (!job->p[AT_Q] || !job->p[AT_Y] || !job->p[AT_K] || !job->p[AT_V])
        return WEIR_CUDA_NO_MEMORY;
    job->bytes = (double)(n_timelines * n_tokens) * 2 * HEADS_KV * HEAD_DIM * KV_BYTES +
                 8.0 * c->n_rows * HEADS * HEAD_DIM;
    job->flop = 4.0 * n_seen * HEADS * HEAD_DIM;
    return take_batch(job, pool, &job->op.attend.batch);
}

static void run_attend(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    (void)turn;
    weir_cuda_run_attend(stream, &job->op.attend.batch, &job->op.attend.kv, job->p[AT_Q], HEADS,
                         job->p[AT_Y]);
}

/* The lists of what blocks do are made once a step; here before the clock. */
static int open_flash(weir_gpu_job *job, weir_gpu_pool *pool) {
    const weir_gpu_case *c = job->c;
    uint32_t n_chunks = c->is_prompt ? 1 : c->n_rows;
    uint32_t n_slots = weir_cuda_split_slots(c->n_rows, c->depth + c->n_rows);
    const weir_cuda_split_shape shape = {HEADS, HEADS_KV, c->n_rows, n_slots};
    size_t bytes = weir_cuda_split_bytes(c->n_rows, n_slots);
    int code = open_attend(job, pool);
    if (code != 0)
        return code;
    uint8_t *device = weir_gpu_take(pool, bytes);
    job->op.attend.flash.slots =
        weir_gpu_take_floats(pool, n_slots * weir_cuda_flash_slot_values(HEADS) + 1);
    if (!device || !job->op.attend.flash.slots)
        return WEIR_CUDA_NO_MEMORY;
    weir_cuda_rows *chunks = calloc(n_chunks, sizeof *chunks);
    void *host = calloc(1, bytes);
    code = chunks && host ? 0 : WEIR_CUDA_NO_MEMORY;
    if (code == 0) {
        fill_chunks(chunks, n_chunks, c);
        size_t n =
            weir_cuda_split_pack(&job->op.attend.flash, chunks, n_chunks, &shape, host, device);
        code = weir_gpu_copy(pool, device, host, n);
    }
    free(chunks);
    free(host);
    return code;
}

static void run_flash(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    (void)turn;
    weir_cuda_run_flash(stream, &job->op.attend.batch, &job->op.attend.kv, &job->op.attend.flash,
                        job->p[AT_Q], HEADS, job->p[AT_Y]);
}

static int open_write(weir_gpu_job *job, weir_gpu_pool *pool) {
    int code = open_attend(job, pool);
    job->bytes = (double)job->c->n_rows * 2 * HEADS_KV * HEAD_DIM * (4 + KV_BYTES);
    job->flop = 0;
    return code;
}

static void run_write(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    (void)turn;
    weir_cuda_run_kv_write(stream, &job->op.attend.batch, &job->op.attend.kv, job->p[AT_K],
                           job->p[AT_V]);
}

/* Norms and rotation of q and k, and the write, in one. */
static int open_heads(weir_gpu_job *job, weir_gpu_pool *pool) {
    double inverse_freq[HEAD_DIM / 2];
    int code = open_attend(job, pool);
    for (int j = 0; j < HEAD_DIM / 2; j++)
        inverse_freq[j] = 1.0 / (1 + j);
    if (code == 0)
        job->p[AT_FREQ] = weir_gpu_take_copy(pool, inverse_freq, sizeof inverse_freq, &code);
    job->p[AT_NORM] = weir_gpu_take_floats(pool, HEAD_DIM);
    job->bytes = (double)job->c->n_rows * HEAD_DIM * (8 * HEADS + 2 * HEADS_KV * (4 + KV_BYTES));
    job->flop = 0;
    return code != 0 ? code : job->p[AT_FREQ] && job->p[AT_NORM] ? 0 : WEIR_CUDA_NO_MEMORY;
}

static void run_heads(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    const weir_cuda_heads op = {.q = job->p[AT_Q],
                                .k = job->p[AT_K],
                                .v = job->p[AT_V],
                                .q_norm = job->p[AT_NORM],
                                .k_norm = job->p[AT_NORM],
                                .inverse_freq = job->p[AT_FREQ],
                                .norm_eps = 1e-5f,
                                .n_heads = HEADS};
    (void)turn;
    weir_cuda_run_heads(stream, &job->op.attend.batch, &job->op.attend.kv, &op);
}

#define DECODE(rows, depth) \
    { "decode", "f16", 0, 0, 0, 0, rows, depth, false }
#define PROMPT(rows, depth) \
    { "prompt", "f16", 0, 0, 0, 0, rows, depth, true }

static const weir_gpu_case attend_cases[] = {
    DECODE(1, 1024),    DECODE(64, 1024),  DECODE(1024, 1280), DECODE(1, 8192),
    PROMPT(2048, 0),    DECODE(1, 32768),  DECODE(64, 8192),   DECODE(256, 8192),
    PROMPT(2048, 6144), DECODE(64, 32768), PROMPT(2048, 30720)};
static const weir_gpu_case write_cases[] = {DECODE(1, 1024), DECODE(1024, 1280), PROMPT(2048, 0)};
static const weir_gpu_case dry_cases[] = {DECODE(2, 70), PROMPT(5, 3)};

const weir_gpu_kernel weir_gpu_attend_kernels[] = {
    {"flash", open_flash, run_flash, WEIR_GPU_CASES(attend_cases, dry_cases)},
    {"attend", open_attend, run_attend, WEIR_GPU_CASES(attend_cases, dry_cases)},
    {"heads", open_heads, run_heads, WEIR_GPU_CASES(write_cases, dry_cases)},
    {"kv_write", open_write, run_write, WEIR_GPU_CASES(write_cases, dry_cases)},
};
const size_t weir_gpu_n_attend_kernels =
    sizeof weir_gpu_attend_kernels / sizeof *weir_gpu_attend_kernels;
