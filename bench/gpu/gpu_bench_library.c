/*
 * gpu_bench_library.c: dense products in bfloat16 by cuBLASLt, in the shapes of gpu_bench_linear.c:
 * what can be had on this device. Before a case is timed the library's numbers are compared with
 * ours, so that both are known to compute the same.
 *
 * WEIR_CUBLASLT names the library, for those that the loader does not find. On the emulator only a
 * library that is named is used: the real one wants a device.
 */
#include "gpu_bench.h"
#include "gpu_cublaslt.h"

#include "cuda/gemm_cuda.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { AT_X, AT_Y, AT_ROOM, AT_LIBRARY, N_COMPARED = 2048, WORKSPACE = 32 << 20 };
static const double uncached_bytes = 256e6;

/* NULL, and said once, if there is none. */
static weir_cublaslt *library_of(weir_gpu_pool *pool) {
    const char *path = getenv("WEIR_CUBLASLT");
    char why[256];
    if (pool->library || pool->has_no_library || (weir_gpu_is_dry() && !path))
        return pool->library;
    if (weir_cublaslt_open(&pool->library, path, why, sizeof why) != 0) {
        fprintf(stderr, "gpu_bench: cublaslt left out: %s\n", why);
        pool->has_no_library = true;
    }
    return pool->library;
}

/* x [n] as float32 and as bfloat16, the same numbers: sixteenths between -1 and 1. */
static int take_inputs(weir_gpu_pool *pool, size_t n, float **x, uint16_t **half) {
    float *values = malloc(n * sizeof *values);
    uint16_t *halves = malloc(n * sizeof *halves);
    int code = WEIR_CUDA_NO_MEMORY;
    uint32_t seed = 1;
    for (size_t i = 0; values && halves && i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        values[i] = (float)(int32_t)(seed >> 27) / 16 - 1;
        union {
            float value;
            uint32_t bits;
        } as = {values[i]};
        halves[i] = (uint16_t)(as.bits >> 16);
    }
    *x = NULL;
    *half = NULL;
    if (values && halves)
        *x = weir_gpu_take_copy(pool, values, n * sizeof *values, &code);
    if (*x && code == 0)
        *half = weir_gpu_take_copy(pool, halves, n * sizeof *halves, &code);
    free(values);
    free(halves);
    return *x && *half ? code : WEIR_CUDA_NO_MEMORY;
}

static int is_different(const float *ours, const float *theirs, size_t n) {
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)ours[i] - (double)theirs[i];
        error += d * d;
        size += (double)ours[i] * (double)ours[i];
    }
    return !(error <= 1e-8 * size && size > 0);
}

/* The first values of both products; NO_KERNELS, and said, if they differ or the library fails. */
static int compare(weir_gpu_job *job, weir_gpu_pool *pool, const weir_cuda_linear *ours,
                   void *scratch) {
    size_t n = (size_t)job->c->n_out * job->c->n_rows, bytes;
    void *pinned;
    n = n < N_COMPARED ? n : N_COMPARED;
    bytes = n * sizeof(float);
    int code = weir_cuda_take_pinned(&pinned, 2 * bytes);
    if (code != 0)
        return code;
    float *values = pinned;
    weir_cuda_run_gemm(pool->stream, ours, scratch, 0);
    code = weir_cuda_launched();
    if (code == 0)
        code = weir_cuda_copy_down(pool->stream, values, ours->y, bytes);
    if (code == 0)
        code = weir_cuda_wait(pool->stream);
    int status = weir_cublaslt_run(job->p[AT_LIBRARY], job->w[0], job->p[AT_X], job->p[AT_Y],
                                   job->p[AT_ROOM], pool->stream);
    if (code == 0)
        code = weir_cuda_copy_down(pool->stream, values + n, job->p[AT_Y], bytes);
    if (code == 0)
        code = weir_cuda_wait(pool->stream);
    if (code == 0 && (status != 0 || is_different(values, values + n, n))) {
        fprintf(stderr, "gpu_bench: cublaslt: %s with %u rows: status %d, or other numbers\n",
                job->c->part, job->c->n_rows, status);
        code = WEIR_CUDA_NO_KERNELS;
    }
    weir_cuda_give_pinned(pinned);
    return code;
}

static int open_library(weir_gpu_job *job, weir_gpu_pool *pool) {
    const weir_gpu_case *c = job->c;
    weir_cublaslt *library = library_of(pool);
    if (!library)
        return WEIR_CUDA_NO_KERNELS;
    uint32_t id = 0;
    size_t row_bytes = 0;
    float *x;
    uint16_t *half;
    int code = take_inputs(pool, (size_t)c->n_rows * c->n_in, &x, &half);
    float *y = weir_gpu_take_floats(pool, (size_t)c->n_rows * c->n_out);
    void *room = weir_gpu_take(pool, WORKSPACE);
    void *scratch = weir_gpu_take(pool, weir_cuda_gemm_scratch(c->n_rows, c->n_in, 1));
    if (code != 0 || !y || !room || !scratch)
        return code != 0 ? code : WEIR_CUDA_NO_MEMORY;
    job->n_turns = 0;
    do {
        const uint8_t *w = weir_gpu_take_matrix(pool, "bf16", c->n_out, c->n_in, &id, &row_bytes);
        if (!w)
            break;
        job->w[job->n_turns++] = w;
    } while (job->n_turns < WEIR_GPU_COPIES && !weir_gpu_is_dry() &&
             job->n_turns * (double)(c->n_out * row_bytes) < uncached_bytes);
    if (job->n_turns == 0)
        return WEIR_CUDA_NO_MEMORY;
    int status = weir_cublaslt_plan(library, c->n_out, c->n_in, c->n_rows, WORKSPACE);
    if (status != 0) {
        fprintf(stderr, "gpu_bench: cublaslt: no way for %s with %u rows: status %d\n", c->part,
                c->n_rows, status);
        return WEIR_CUDA_NO_KERNELS;
    }
    job->p[AT_X] = half;
    job->p[AT_Y] = y;
    job->p[AT_ROOM] = room;
    job->p[AT_LIBRARY] = library;
    job->bytes = c->n_out * (double)row_bytes +
                 c->n_rows * (2.0 * c->n_in + 4.0 * c->n_out); /* x is rounded already */
    job->flop = 2.0 * c->n_rows * c->n_out * (double)c->n_in;
    const weir_cuda_linear ours = {.w = {.data = job->w[0],
                                         .format = id,
                                         .rows = c->n_out,
                                         .cols = c->n_in,
                                         .row_bytes = row_bytes,
                                         .stack_bytes = c->n_out * row_bytes},
                                   .x = x,
                                   .y = y,
                                   .n_rows = c->n_rows,
                                   .x_repeat = 1};
    return compare(job, pool, &ours, scratch);
}

static void run_library(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    weir_cublaslt_run(job->p[AT_LIBRARY], job->w[turn], job->p[AT_X], job->p[AT_Y], job->p[AT_ROOM],
                      stream);
}

#define DENSE(rows)                                                \
    {"conv_in", "bf16", 6144, 2048, 1, 0, rows, 0, false},         \
        {"out", "bf16", 2048, 2048, 1, 0, rows, 0, false},         \
        {"ffn_gate", "bf16", 11776, 2048, 1, 0, rows, 0, false}, { \
        "head", "bf16", 65536, 2048, 1, 0, rows, 0, false          \
    }

static const weir_gpu_case cases[] = {DENSE(1024), DENSE(64), DENSE(4096), DENSE(256), DENSE(1)};
static const weir_gpu_case dry_cases[] = {
    {"matrix", "bf16", 64, 256, 1, 0, 40, 0, false},
    {"matrix", "bf16", 48, 128, 1, 0, 3, 0, false},
};

const weir_gpu_kernel weir_gpu_library_kernels[] = {
    {"cublaslt", open_library, run_library, WEIR_GPU_CASES(cases, dry_cases)},
};
const size_t weir_gpu_n_library_kernels = 1;
