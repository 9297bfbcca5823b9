/*
 * gpu_bench.h: cases of the benchmark of single launches.
 *
 * A kernel is a row of a table: a name, the cases it is measured in, and three functions. A new
 * launch is a new row in one of the files gpu_bench_*.c; nothing else has to know it.
 */
#ifndef WEIR_BENCH_GPU_BENCH_H
#define WEIR_BENCH_GPU_BENCH_H

#include "cuda/decode_stage_cuda.h"
#include "cuda/flash_cuda.h"
#include "gpu_timer.h"

#include <stdbool.h>

enum { WEIR_GPU_COPIES = 64, WEIR_GPU_POINTERS = 16 };

/* A block of device memory that cases take pieces of, one case at a time. */
typedef struct weir_gpu_pool {
    uint8_t *base;
    size_t size, used;
    weir_cuda_stream *stream;
    uint64_t n_taken;              /* so that no two pieces have the same numbers */
    struct weir_cublaslt *library; /* once one of its cases was opened */
    bool has_no_library;
} weir_gpu_pool;

/* What one case is about; a field that does not matter is 0. */
typedef struct weir_gpu_case {
    const char *part;   /* of the model: "conv_in" */
    const char *format; /* "q4_0" */
    uint32_t n_out, n_in, n_mats, n_used;
    uint32_t n_rows; /* timelines of a decode step, or tokens of a prompt */
    uint32_t depth;
    bool is_prompt;
} weir_gpu_case;

/* A case that is set up: what it reads and writes at least, what it computes, how to launch it. */
typedef struct weir_gpu_job {
    const weir_gpu_case *c;
    double bytes, flop;
    uint32_t n_turns;                  /* over different memory */
    const uint8_t *w[WEIR_GPU_COPIES]; /* [n_turns] */
    void *p[WEIR_GPU_POINTERS];
    union {
        weir_cuda_linear linear;
        struct {
            weir_cuda_batch batch;
            weir_cuda_kv kv;
            weir_cuda_flash flash;
        } attend;
        struct {
            weir_cuda_batch batch;
            weir_cuda_conv op;
        } conv;
        weir_cuda_route route;
        weir_cuda_matrix embed, stage;
    } op;
} weir_gpu_job;

typedef struct weir_gpu_kernel {
    const char *name;
    /* Takes memory and fills job; 0, a cudaError_t, or WEIR_CUDA_NO_MEMORY if the pool is small. */
    int (*open)(weir_gpu_job *job, weir_gpu_pool *pool);
    weir_gpu_work *work;                    /* context: the job */
    const weir_gpu_case *cases, *dry_cases; /* for the emulator small ones */
    size_t n_cases, n_dry_cases;
} weir_gpu_kernel;

#define WEIR_GPU_CASES(cases, dry) \
    cases, dry, sizeof cases / sizeof *cases, sizeof dry / sizeof *dry

extern const weir_gpu_kernel weir_gpu_linear_kernels[], weir_gpu_row_kernels[],
    weir_gpu_attend_kernels[], weir_gpu_stage_kernels[], weir_gpu_library_kernels[];
extern const size_t weir_gpu_n_linear_kernels, weir_gpu_n_row_kernels, weir_gpu_n_attend_kernels,
    weir_gpu_n_stage_kernels, weir_gpu_n_library_kernels;

/* gpu_bench.c. NULL if there is no room; 256-byte aligned, contents as the last case left them. */
void *weir_gpu_take(weir_gpu_pool *pool, size_t bytes);
/* [n] random float32 of about deviation 1; NULL if there is no room. */
float *weir_gpu_take_floats(weir_gpu_pool *pool, size_t n);
/* Bytes of the host. NULL if there is no room; *code: of the copy. */
void *weir_gpu_take_copy(weir_gpu_pool *pool, const void *host, size_t bytes, int *code);
/* To memory of the pool, through pinned memory; a cudaError_t. */
int weir_gpu_copy(weir_gpu_pool *pool, void *to, const void *host, size_t bytes);
/* Random rows of a format; *row_bytes is filled. NULL if there is no room or no such format. */
uint8_t *weir_gpu_take_matrix(weir_gpu_pool *pool, const char *format, size_t n_rows,
                              uint32_t n_cols, uint32_t *id, size_t *row_bytes);

#endif
