/*
 * gpu_bench_rows.c: what is done to rows between the products: norms, gates, sums, rotation, the
 * choice of experts, the short convolution, embedding. Widths of the 24B model.
 */
#include "gpu_bench.h"

#include <stdlib.h>

enum { WIDTH = 2048, HEADS = 32, HEAD_DIM = 64, EXPERTS = 64, USED = 4, TAPS = 3, VOCAB = 65536 };
enum { AT_A, AT_B, AT_C, AT_D, AT_E };

static float *take(weir_gpu_job *job, weir_gpu_pool *pool, int at, size_t n) {
    float *p = weir_gpu_take_floats(pool, n);
    job->p[at] = p;
    return p;
}

/* n32 numbers of four bytes a row are read or written. */
static int done(weir_gpu_job *job, bool has_room, double n32) {
    job->bytes = 4.0 * n32 * job->c->n_rows;
    return has_room ? 0 : WEIR_CUDA_NO_MEMORY;
}

static int open_norm(weir_gpu_job *job, weir_gpu_pool *pool) {
    size_t n = (size_t)job->c->n_rows * WIDTH;
    bool has_room =
        take(job, pool, AT_A, n) && take(job, pool, AT_B, n) && take(job, pool, AT_C, WIDTH);
    return done(job, has_room, 2 * WIDTH);
}

static void run_norm(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    (void)turn;
    weir_cuda_run_rms_norm(stream, job->p[AT_A], job->p[AT_C], job->c->n_rows, WIDTH, 1e-5f,
                           job->p[AT_B]);
}

/* Four experts' gate and up. */
static int open_silu(weir_gpu_job *job, weir_gpu_pool *pool) {
    size_t n = (size_t)job->c->n_rows * USED * 1536;
    bool has_room =
        take(job, pool, AT_A, n) && take(job, pool, AT_B, n) && take(job, pool, AT_C, n);
    return done(job, has_room, 3 * USED * 1536);
}

static void run_silu(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    (void)turn;
    weir_cuda_run_silu_mul(stream, job->p[AT_A], job->p[AT_B], (size_t)job->c->n_rows * USED * 1536,
                           job->p[AT_C]);
}

static int open_add(weir_gpu_job *job, weir_gpu_pool *pool) {
    size_t n = (size_t)job->c->n_rows * WIDTH;
    bool has_room = take(job, pool, AT_A, n) && take(job, pool, AT_B, USED * n) &&
                    take(job, pool, AT_C, (size_t)job->c->n_rows * USED);
    return done(job, has_room, (2 + USED) * WIDTH);
}

static void run_add(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    (void)turn;
    weir_cuda_run_add(stream, job->p[AT_A], job->p[AT_B], job->p[AT_C], job->c->n_rows, USED,
                      WIDTH);
}

static int open_rope(weir_gpu_job *job, weir_gpu_pool *pool) {
    uint32_t n = job->c->n_rows;
    double inverse_freq[HEAD_DIM / 2];
    uint32_t *pos = calloc(n, sizeof *pos);
    int code = pos ? 0 : WEIR_CUDA_NO_MEMORY;
    for (int j = 0; j < HEAD_DIM / 2; j++)
        inverse_freq[j] = 1.0 / (1 + j);
    for (uint32_t r = 0; pos && r < n; r++)
        pos[r] = r;
    if (code == 0)
        job->p[AT_B] = weir_gpu_take_copy(pool, pos, n * sizeof *pos, &code);
    if (code == 0)
        job->p[AT_C] = weir_gpu_take_copy(pool, inverse_freq, sizeof inverse_freq, &code);
    free(pos);
    bool has_room =
        job->p[AT_B] && job->p[AT_C] && take(job, pool, AT_A, (size_t)n * HEADS * HEAD_DIM);
    return code != 0 ? code : done(job, has_room, 2 * HEADS * HEAD_DIM);
}

static void run_rope(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    (void)turn;
    weir_cuda_run_rope(stream, job->p[AT_A], job->p[AT_B], job->p[AT_C], job->c->n_rows, HEADS,
                       HEAD_DIM);
}

static int open_route(weir_gpu_job *job, weir_gpu_pool *pool) {
    uint32_t n = job->c->n_rows;
    bool has_room = take(job, pool, AT_A, (size_t)n * EXPERTS) && take(job, pool, AT_B, EXPERTS) &&
                    take(job, pool, AT_C, (size_t)n * USED) &&
                    take(job, pool, AT_D, (size_t)n * USED);
    job->op.route = (weir_cuda_route){.logits = job->p[AT_A],
                                      .bias = job->p[AT_B],
                                      .n_rows = n,
                                      .n_experts = EXPERTS,
                                      .n_used = USED,
                                      .has_topk_norm = 1,
                                      .expert_scale = 1,
                                      .experts = job->p[AT_C],
                                      .weights = job->p[AT_D]};
    return done(job, has_room, EXPERTS + 2 * USED);
}

static void run_route(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    (void)turn;
    weir_cuda_run_route(stream, &job->op.route);
}

/* Every row is a timeline of its own, or all are one prompt. */
static int open_conv(weir_gpu_job *job, weir_gpu_pool *pool) {
    const weir_gpu_case *c = job->c;
    uint32_t n = c->n_rows, n_chunks = c->is_prompt ? 1 : n;
    weir_cuda_rows *chunks = calloc(n_chunks, sizeof *chunks);
    uint32_t *chunk_of_row = calloc(n, sizeof *chunk_of_row);
    int code = chunks && chunk_of_row ? 0 : WEIR_CUDA_NO_MEMORY;
    for (uint32_t i = 0; code == 0 && i < n_chunks; i++)
        chunks[i] = (weir_cuda_rows){.first_row = i,
                                     .n_rows = c->is_prompt ? n : 1,
                                     .state_in = 2 * i,
                                     .state_out = 2 * i + 1};
    for (uint32_t r = 0; code == 0 && r < n; r++)
        chunk_of_row[r] = c->is_prompt ? 0 : r;
    if (code == 0)
        job->p[AT_D] = weir_gpu_take_copy(pool, chunks, n_chunks * sizeof *chunks, &code);
    if (code == 0)
        job->p[AT_E] = weir_gpu_take_copy(pool, chunk_of_row, n * sizeof *chunk_of_row, &code);
    free(chunks);
    free(chunk_of_row);
    if (code != 0)
        return code;
    bool has_room = job->p[AT_D] && job->p[AT_E] && take(job, pool, AT_A, (size_t)n * 3 * WIDTH) &&
                    take(job, pool, AT_B, (size_t)n * WIDTH) &&
                    take(job, pool, AT_C, WIDTH * TAPS) &&
                    take(job, pool, AT_E + 1, (size_t)2 * n_chunks * WIDTH * (TAPS - 1));
    job->op.conv.batch = (weir_cuda_batch){
        .n_rows = n, .n_chunks = n_chunks, .chunks = job->p[AT_D], .chunk_of_row = job->p[AT_E]};
    job->op.conv.op = (weir_cuda_conv){.bcx = job->p[AT_A],
                                       .taps = job->p[AT_C],
                                       .states = job->p[AT_E + 1],
                                       .state_stride = WIDTH * (TAPS - 1),
                                       .d_model = WIDTH,
                                       .l_cache = TAPS,
                                       .y = job->p[AT_B]};
    return done(job, has_room, 4 * WIDTH + (c->is_prompt ? 0 : 4 * WIDTH));
}

static void run_conv(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    (void)turn;
    weir_cuda_run_short_conv(stream, &job->op.conv.batch, &job->op.conv.op);
}

static int open_embed(weir_gpu_job *job, weir_gpu_pool *pool) {
    const weir_gpu_case *c = job->c;
    uint32_t n = c->n_rows, n_vocab = weir_gpu_is_dry() ? 64 : VOCAB;
    int code = 0;
    weir_cuda_matrix *w = &job->op.embed;
    int32_t *tokens = calloc(n, sizeof *tokens);
    for (uint32_t r = 0; tokens && r < n; r++)
        tokens[r] = (int32_t)((r + 1) * 2654435761u % n_vocab);
    if (tokens)
        job->p[AT_A] = weir_gpu_take_copy(pool, tokens, n * sizeof *tokens, &code);
    free(tokens);
    w->data = weir_gpu_take_matrix(pool, c->format, n_vocab, WIDTH, &w->format, &w->row_bytes);
    w->rows = n_vocab;
    w->cols = WIDTH;
    bool has_room = job->p[AT_A] && w->data && take(job, pool, AT_B, (size_t)n * WIDTH);
    return code != 0 ? code : done(job, has_room, WIDTH + (double)w->row_bytes / 4);
}

static void run_embed(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    (void)turn;
    weir_cuda_run_embed(stream, &job->op.embed, job->p[AT_A], job->c->n_rows, job->p[AT_B]);
}

#define ROWS(rows) \
    { "rows", "f32", 0, 0, 0, 0, rows, 0, false }
#define PROMPT(rows) \
    { "prompt", "f32", 0, 0, 0, 0, rows, 0, true }
#define TABLE(format, rows) \
    { "table", format, 0, 0, 0, 0, rows, 0, false }

static const weir_gpu_case row_cases[] = {ROWS(1), ROWS(1024), ROWS(64), ROWS(4096)};
static const weir_gpu_case conv_cases[] = {ROWS(1), ROWS(1024), PROMPT(4096), ROWS(64)};
static const weir_gpu_case embed_cases[] = {TABLE("bf16", 1), TABLE("q4_0", 1024),
                                            TABLE("bf16", 4096)};
static const weir_gpu_case dry_cases[] = {ROWS(2), PROMPT(5)}, dry_tables[] = {TABLE("q4_0", 2)};

const weir_gpu_kernel weir_gpu_row_kernels[] = {
    {"rms_norm", open_norm, run_norm, WEIR_GPU_CASES(row_cases, dry_cases)},
    {"silu_mul", open_silu, run_silu, WEIR_GPU_CASES(row_cases, dry_cases)},
    {"add", open_add, run_add, WEIR_GPU_CASES(row_cases, dry_cases)},
    {"rope", open_rope, run_rope, WEIR_GPU_CASES(row_cases, dry_cases)},
    {"route", open_route, run_route, WEIR_GPU_CASES(row_cases, dry_cases)},
    {"short_conv", open_conv, run_conv, WEIR_GPU_CASES(conv_cases, dry_cases)},
    {"embed", open_embed, run_embed, WEIR_GPU_CASES(embed_cases, dry_tables)},
};
const size_t weir_gpu_n_row_kernels = sizeof weir_gpu_row_kernels / sizeof *weir_gpu_row_kernels;
