/*
 * gpu_bench_linear.c: products with weights: the float32 kernels and those on tensor cores, in the
 * shapes of the 24B model.
 */
#include "gpu_bench.h"

#include "cuda/gemm_cuda.h"

#include <math.h>
#include <stdlib.h>

/* Copies of a matrix together are larger than any second cache there is. */
static const double uncached_bytes = 256e6;

enum { AT_X, AT_Y, AT_CHOICE, AT_SCRATCH };

/* Rows of y: with experts one for each choice. */
static uint32_t rows_of_y(const weir_gpu_case *c) {
    return c->n_mats > 1 ? c->n_rows * c->n_used : c->n_rows;
}

/* Experts of each row, all different, by counters. */
static int take_choices(weir_gpu_job *job, weir_gpu_pool *pool) {
    const weir_gpu_case *c = job->c;
    uint32_t n = rows_of_y(c), seed = 12345;
    int code = 0;
    int32_t *choice = malloc(n * sizeof *choice);
    if (!choice)
        return WEIR_CUDA_NO_MEMORY;
    for (uint32_t r = 0; r < c->n_rows; r++) {
        seed = seed * 1664525 + 1013904223;
        for (uint32_t i = 0; i < c->n_used; i++)
            choice[r * c->n_used + i] =
                (int32_t)(((seed >> 8) % (c->n_mats / c->n_used) + i * (c->n_mats / c->n_used)) %
                          c->n_mats);
    }
    job->p[AT_CHOICE] = weir_gpu_take_copy(pool, choice, n * sizeof *choice, &code);
    free(choice);
    return job->p[AT_CHOICE] ? code : WEIR_CUDA_NO_MEMORY;
}

/* Different experts among n_rows rows, as take_choices makes them: groups of one of each part. */
static double distinct(const weir_gpu_case *c) {
    double n_groups = (double)c->n_mats / c->n_used;
    return c->n_mats * (1 - pow(1 - 1 / n_groups, c->n_rows));
}

static int open_linear(weir_gpu_job *job, weir_gpu_pool *pool) {
    const weir_gpu_case *c = job->c;
    uint32_t id = 0, n_y = rows_of_y(c);
    size_t row_bytes = 0, n_matrix_rows = (size_t)c->n_out * c->n_mats;
    job->n_turns = 0;
    do {
        const uint8_t *w =
            weir_gpu_take_matrix(pool, c->format, n_matrix_rows, c->n_in, &id, &row_bytes);
        if (!w)
            break;
        job->w[job->n_turns++] = w;
    } while (job->n_turns < WEIR_GPU_COPIES && !weir_gpu_is_dry() &&
             job->n_turns * (double)(n_matrix_rows * row_bytes) < uncached_bytes);
    job->p[AT_X] = weir_gpu_take_floats(pool, (size_t)n_y * c->n_in);
    job->p[AT_Y] = weir_gpu_take_floats(pool, (size_t)n_y * c->n_out);
    job->p[AT_SCRATCH] = weir_gpu_take(pool, weir_cuda_gemm_scratch(n_y, c->n_in, c->n_mats));
    if (job->n_turns == 0 || !job->p[AT_X] || !job->p[AT_Y] || !job->p[AT_SCRATCH])
        return WEIR_CUDA_NO_MEMORY;
    int code = c->n_mats > 1 ? take_choices(job, pool) : 0;
    job->op.linear = (weir_cuda_linear){.w = {.format = id,
                                              .rows = c->n_out,
                                              .cols = c->n_in,
                                              .row_bytes = row_bytes,
                                              .stack_bytes = c->n_out * row_bytes},
                                        .x = job->p[AT_X],
                                        .y = job->p[AT_Y],
                                        .choice = job->p[AT_CHOICE],
                                        .n_rows = n_y,
                                        .n_choices = c->n_mats > 1 ? c->n_mats : 0,
                                        .x_repeat = 1};
    double n_read = c->n_mats > 1 ? distinct(c) : 1;
    job->bytes = n_read * c->n_out * (double)row_bytes + 4.0 * n_y * ((double)c->n_in + c->n_out);
    job->flop = 2.0 * n_y * c->n_out * (double)c->n_in;
    return code;
}

static void run_linear(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    weir_cuda_linear op = job->op.linear;
    op.w.data = job->w[turn];
    weir_cuda_run_linear(stream, &op);
}

static void run_gemm(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    weir_cuda_linear op = job->op.linear;
    op.w.data = job->w[turn];
    weir_cuda_run_gemm(stream, &op, job->p[AT_SCRATCH], 0);
}

/* Only where there is wgmma, whether or not a proof would let it be used. */
static int open_wgmma(weir_gpu_job *job, weir_gpu_pool *pool) {
    weir_cuda_facts facts;
    int code = weir_cuda_find(&facts);
    if (code != 0)
        return code;
    return facts.major == 9 && facts.minor == 0 ? open_linear(job, pool) : WEIR_CUDA_NO_KERNELS;
}

static void run_wgmma(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    weir_cuda_linear op = job->op.linear;
    op.w.data = job->w[turn];
    weir_cuda_run_gemm(stream, &op, job->p[AT_SCRATCH], WEIR_CUDA_GEMM_HAS_WGMMA);
}

/* ---- cases -------------------------------------------------------------------------------- */

#define CONV_IN(format, rows) \
    { "conv_in", format, 6144, 2048, 1, 0, rows, 0, false }
#define ATTN_OUT(format, rows) \
    { "out", format, 2048, 2048, 1, 0, rows, 0, false }
#define FFN_GATE(format, rows) \
    { "ffn_gate", format, 11776, 2048, 1, 0, rows, 0, false }
#define HEAD(format, rows) \
    { "head", format, 65536, 2048, 1, 0, rows, 0, false }
#define GATE(format, rows) \
    { "experts_gate", format, 1536, 2048, 64, 4, rows, 0, false }
#define DOWN(format, rows) \
    { "experts_down", format, 2048, 1536, 64, 4, rows, 0, false }
#define EACH(format, rows)                                                                 \
    CONV_IN(format, rows), ATTN_OUT(format, rows), GATE(format, rows), DOWN(format, rows), \
        HEAD(format, rows), FFN_GATE(format, rows)
#define ALL(rows) EACH("bf16", rows), EACH("q4_0", rows), EACH("q8_0", rows), EACH("q4_k", rows)

/* What decides most comes first: time may be up. */
static const weir_gpu_case cases[] = {ALL(1), ALL(64), ALL(1024), ALL(8), ALL(256), ALL(4096)};
/* With fewer rows both are the same kernels. */
static const weir_gpu_case many_rows[] = {ALL(1024), ALL(4096), ALL(256), ALL(64)};
/* On the emulator. */
static const weir_gpu_case dry_many_rows[] = {
    {"matrix", "bf16", 64, 256, 1, 0, 40, 0, false},
    {"experts", "q8_0", 32, 256, 2, 1, 70, 0, false},
};
static const weir_gpu_case dry_cases[] = {
    {"matrix", "bf16", 64, 256, 1, 0, 3, 0, false},
    {"matrix", "q4_0", 64, 256, 1, 0, 1, 0, false},
    {"matrix", "q4_k", 64, 256, 1, 0, 9, 0, false},
    {"experts", "q8_0", 32, 256, 8, 4, 3, 0, false},
};

const weir_gpu_kernel weir_gpu_linear_kernels[] = {
    {"gemm", open_linear, run_gemm, WEIR_GPU_CASES(cases, dry_cases)},
    {"wgmma", open_wgmma, run_wgmma, WEIR_GPU_CASES(many_rows, dry_many_rows)},
    {"linear", open_linear, run_linear, WEIR_GPU_CASES(cases, dry_cases)},
};
const size_t weir_gpu_n_linear_kernels =
    sizeof weir_gpu_linear_kernels / sizeof *weir_gpu_linear_kernels;
