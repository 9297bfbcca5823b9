/*
 * gpu_bench.c: times every launch of src/cuda in its cases, each beside its floor.
 *
 *   gpu_bench OUT.jsonl [--time S] [--bandwidth B/s] [--flops FLOP/s] [--list]
 *             [--only NAME] [--part NAME] [--format NAME] [--rows N] [--depth N]
 *
 * Owns the pool of device memory and the order: kernels take turns, so that time that runs out
 * leaves each with some cases. A case that fails is told and left out, as long as the device still
 * answers; the exit code is then 1. The floor of a case is the longer of the time its bytes take at
 * the bandwidth and its operations at the peak; its share is floor / measured. Weights come in
 * several copies, so that a cache that holds one does not make it fast.
 */
#include "gpu_bench.h"
#include "gpu_cublaslt.h"

#include "cuda/synth_cuda.h"
#include "quant/format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REPEATS = 20 };

/* ---- memory ------------------------------------------------------------------------------- */

void *weir_gpu_take(weir_gpu_pool *pool, size_t bytes) {
    size_t at = (pool->used + 255) / 256 * 256;
    if (bytes > pool->size || at > pool->size - bytes)
        return NULL;
    pool->used = at + bytes;
    pool->n_taken++;
    return pool->base + at;
}

float *weir_gpu_take_floats(weir_gpu_pool *pool, size_t n) {
    enum { COLS = 64 };
    size_t n_rows = (n + COLS - 1) / COLS;
    float *to = weir_gpu_take(pool, n_rows * COLS * sizeof *to);
    const weir_cuda_synth random = {
        .seed = pool->n_taken, .format = WEIR_FORMAT_F32, .scale = 1.0f / 37837};
    if (to)
        weir_cuda_run_synth(pool->stream, &random, COLS, 0, n_rows, (uint8_t *)to,
                            COLS * sizeof *to);
    return to;
}

int weir_gpu_copy(weir_gpu_pool *pool, void *to, const void *host, size_t bytes) {
    void *pinned;
    int code = weir_cuda_take_pinned(&pinned, bytes);
    if (code != 0)
        return code;
    memcpy(pinned, host, bytes);
    code = weir_cuda_copy_up(pool->stream, to, pinned, bytes);
    if (code == 0)
        code = weir_cuda_wait(pool->stream);
    weir_cuda_give_pinned(pinned);
    return code;
}

void *weir_gpu_take_copy(weir_gpu_pool *pool, const void *host, size_t bytes, int *code) {
    void *to = weir_gpu_take(pool, bytes);
    if (to)
        *code = weir_gpu_copy(pool, to, host, bytes);
    return to;
}

typedef struct format_form {
    const char *name;
    uint32_t id, block_values, block_bytes;
} format_form;

static const format_form formats[] = {
    {"f16", WEIR_FORMAT_F16, 1, 2},       {"bf16", WEIR_FORMAT_BF16, 1, 2},
    {"q8_0", WEIR_FORMAT_Q8_0, 32, 34},   {"q4_0", WEIR_FORMAT_Q4_0, 32, 18},
    {"q4_k", WEIR_FORMAT_Q4_K, 256, 144}, {"q5_k", WEIR_FORMAT_Q5_K, 256, 176},
    {"q6_k", WEIR_FORMAT_Q6_K, 256, 210}, {"mxfp4", WEIR_FORMAT_MXFP4, 32, 17},
};

uint8_t *weir_gpu_take_matrix(weir_gpu_pool *pool, const char *format, size_t n_rows,
                              uint32_t n_cols, uint32_t *id, size_t *row_bytes) {
    /* 2^-15 and its negative: finite in every format, and small in those whose blocks are large. */
    enum { HALF = 0x0200, MINUS = 0x8000, EXPONENT = 113 };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const format_form *f = &formats[i];
        if (strcmp(f->name, format) != 0)
            continue;
        *id = f->id;
        *row_bytes = ((size_t)n_cols / f->block_values * f->block_bytes + 15) / 16 * 16;
        uint8_t *to = weir_gpu_take(pool, n_rows * *row_bytes);
        weir_cuda_synth random = {
            .seed = pool->n_taken, .format = f->id, .scale = 1.0f / 37837 / sqrtf((float)n_cols)};
        for (uint32_t head = 0; head < 8; head++) {
            random.d[head] = random.m[head] = (uint16_t)(HALF | (head & 4 ? MINUS : 0));
            random.e[head] = EXPONENT;
        }
        if (to)
            weir_cuda_run_synth(pool->stream, &random, n_cols, 0, n_rows, to, *row_bytes);
        return to;
    }
    return NULL;
}

/* ---- one case ----------------------------------------------------------------------------- */

typedef struct bench {
    FILE *out;
    weir_gpu_pool pool;
    double bandwidth, flops, most_s, started;
    const char *only, *part, *format; /* NULL: all */
    uint32_t rows, depth;             /* with has_: only these */
    bool has_rows, has_depth, is_list;
    size_t n_done, n_left, n_large, n_failed;
} bench;

static void write_case(const bench *b, const char *kernel, const weir_gpu_job *job,
                       const weir_gpu_time *time) {
    const weir_gpu_case *c = job->c;
    double floor_us = fmax(job->bytes / b->bandwidth, job->flop / b->flops) * 1e6;
    printf("%-17s %-15s %-5s rows %5u depth %6u %10.2f us  floor %9.2f  %5.1f %%\n", kernel,
           c->part, c->format, c->n_rows, c->depth, time->us, floor_us, 100 * floor_us / time->us);
    fflush(stdout);
    fprintf(
        b->out,
        "{\"kernel\": \"%s\", \"part\": \"%s\", \"format\": \"%s\", \"rows\": %u, \"depth\": %u, "
        "\"prompt\": %s, \"us\": %.4f, \"spread\": %.4f, \"repeats\": %u, \"bytes\": %.0f, "
        "\"flop\": %.0f, \"floor_us\": %.4f, \"share\": %.4f}\n",
        kernel, c->part, c->format, c->n_rows, c->depth, c->is_prompt ? "true" : "false", time->us,
        time->spread, time->n, job->bytes, job->flop, floor_us, floor_us / time->us);
    fflush(b->out);
}

static int fail(const char *kernel, const weir_gpu_case *c, int code) {
    char text[256];
    weir_cuda_describe_error(code, text, sizeof text);
    fprintf(stderr, "gpu_bench: %s %s %s, %u rows, depth %u: %s\n", kernel, c->part, c->format,
            c->n_rows, c->depth, text);
    return code;
}

static int run_case(bench *b, const weir_gpu_kernel *kernel, const weir_gpu_case *c) {
    weir_gpu_job job = {.c = c, .n_turns = 1};
    weir_gpu_time time;
    b->pool.used = 0;
    int code = kernel->open(&job, &b->pool);
    if (code == WEIR_CUDA_NO_MEMORY) {
        b->n_large++;
        return 0;
    }
    if (code == WEIR_CUDA_NO_KERNELS) /* none for this device */
        return 0;
    if (code == 0)
        code = weir_cuda_launched();
    if (code == 0)
        code = weir_cuda_wait(b->pool.stream);
    if (code == 0)
        code = weir_gpu_measure(&time, kernel->work, &job, job.n_turns, REPEATS, 0.25);
    if (code != 0)
        return fail(kernel->name, c, code);
    write_case(b, kernel->name, &job, &time);
    b->n_done++;
    return 0;
}

/* ---- all of them -------------------------------------------------------------------------- */

typedef struct kernel_list {
    const weir_gpu_kernel *kernels;
    const size_t *n;
} kernel_list;

static const kernel_list lists[] = {
    {weir_gpu_stage_kernels, &weir_gpu_n_stage_kernels},
    {weir_gpu_linear_kernels, &weir_gpu_n_linear_kernels},
    {weir_gpu_attend_kernels, &weir_gpu_n_attend_kernels},
    {weir_gpu_row_kernels, &weir_gpu_n_row_kernels},
    {weir_gpu_library_kernels, &weir_gpu_n_library_kernels},
};

static bool is_named(const char *wanted, const char *name) {
    return !wanted || strcmp(wanted, name) == 0;
}

static bool is_wanted(const bench *b, const weir_gpu_case *c) {
    return is_named(b->part, c->part) && is_named(b->format, c->format) &&
           (!b->has_rows || b->rows == c->n_rows) && (!b->has_depth || b->depth == c->depth);
}

/* What the others need of the device is what it answers now: 0, or an error that will stay. */
static int run_or_tell(bench *b, const weir_gpu_kernel *kernel, const weir_gpu_case *c) {
    if (run_case(b, kernel, c) == 0)
        return 0;
    b->n_failed++;
    return weir_cuda_wait(b->pool.stream);
}

/* Case number `turn` of each kernel. false in *more: there is none any more. */
static int run_turn(bench *b, size_t turn, bool *more) {
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (size_t k = 0; k < *lists[l].n; k++) {
            const weir_gpu_kernel *kernel = &lists[l].kernels[k];
            size_t n_cases = weir_gpu_is_dry() ? kernel->n_dry_cases : kernel->n_cases;
            if (!is_named(b->only, kernel->name) || turn >= n_cases)
                continue;
            const weir_gpu_case *c =
                weir_gpu_is_dry() ? &kernel->dry_cases[turn] : &kernel->cases[turn];
            *more = true;
            if (!is_wanted(b, c))
                continue;
            if (b->is_list)
                printf("%s %s %s %u %u\n", kernel->name, c->part, c->format, c->n_rows, c->depth);
            else if (b->most_s > 0 && weir_gpu_now() - b->started > b->most_s)
                b->n_left++;
            else {
                int code = run_or_tell(b, kernel, c);
                if (code != 0)
                    return code;
            }
        }
    return 0;
}

static int run_all(bench *b) {
    bool more = true;
    int code = 0;
    for (size_t turn = 0; more && code == 0; turn++) {
        more = false;
        code = run_turn(b, turn, &more);
    }
    return code;
}

static int open_pool(bench *b) {
    void *base;
    weir_cuda_facts facts;
    int code = weir_cuda_find(&facts);
    if (code != 0)
        return code;
    b->pool.size = weir_gpu_is_dry() ? (size_t)256 << 20 : (size_t)(facts.free_bytes / 10 * 8);
    if (b->only && b->pool.size > (size_t)4 << 30)
        b->pool.size = (size_t)4 << 30; /* a profiler saves all that a kernel may reach */
    code = weir_cuda_take(&base, b->pool.size);
    if (code != 0)
        return code;
    b->pool.base = base;
    return weir_cuda_stream_open(&b->pool.stream);
}

static bool read_count(uint32_t *out, const char *text) {
    *out = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

static int read_arguments(bench *b, int argc, char **argv) {
    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--list") == 0) {
            b->is_list = true;
            continue;
        }
        if (strcmp(argv[i], "--time") == 0)
            b->most_s = atof(value);
        else if (strcmp(argv[i], "--only") == 0)
            b->only = value;
        else if (strcmp(argv[i], "--part") == 0)
            b->part = value;
        else if (strcmp(argv[i], "--format") == 0)
            b->format = value;
        else if (strcmp(argv[i], "--rows") == 0)
            b->has_rows = read_count(&b->rows, value);
        else if (strcmp(argv[i], "--depth") == 0)
            b->has_depth = read_count(&b->depth, value);
        else if (strcmp(argv[i], "--bandwidth") == 0)
            b->bandwidth = atof(value);
        else if (strcmp(argv[i], "--flops") == 0)
            b->flops = atof(value);
        else
            return -1;
        i++;
    }
    return b->bandwidth > 0 && b->flops > 0 ? 0 : -1;
}

int main(int argc, char **argv) {
    bench b = {.bandwidth = 4.3e12, .flops = 790e12};
    if (argc < 2 || read_arguments(&b, argc, argv) != 0) {
        fputs("usage: gpu_bench OUT.jsonl [--time S] [--bandwidth B/s] [--flops FLOP/s] [--list] "
              "[--only NAME] [--part NAME] [--format NAME] [--rows N] [--depth N]\n",
              stderr);
        return 2;
    }
    if (b.is_list)
        return run_all(&b);
    int code = open_pool(&b);
    if (code != 0) {
        char text[256];
        weir_cuda_describe_error(code, text, sizeof text);
        fprintf(stderr, "gpu_bench: skipped: %s\n", text);
        return 77;
    }
    b.out = fopen(argv[1], "w");
    if (!b.out) {
        perror(argv[1]);
        return 1;
    }
    b.started = weir_gpu_now();
    code = run_all(&b);
    printf("%zu cases; %zu left because time was up, %zu need more memory, %zu failed\n", b.n_done,
           b.n_left, b.n_large, b.n_failed);
    weir_cublaslt_close(&b.pool.library);
    weir_cuda_stream_close(b.pool.stream);
    weir_cuda_give(b.pool.base);
    return fclose(b.out) == 0 && code == 0 && b.n_failed == 0 ? 0 : 1;
}
