/*
 * gpu_probe_words.cu: calibration of memory and mma.sync: how fast it reads, copies, reads what
 * its second cache holds, waits for one word, and multiplies.
 *
 * Data are random: memory of zeros and products of zeros draw less power and are faster. Sizes of
 * the dry run are as small as the loops allow. Owns its buffers.
 */
#include "gpu_probe.h"

#include "cuda/cuda_mma.cuh"
#include "cuda/synth_cuda.h"
#include "quant/format.h"

enum { THREADS = 256, IN_FLIGHT = 8, REPEATS = 20, CHAIN_LINE = 256, MMAS = 8, KEEP = 0x5eed };

/* Reads n words of 16 bytes, `rounds` times over; n is a multiple of THREADS x IN_FLIGHT. */
CU_KERNEL(THREADS) read_all(const uint4 *from, size_t n, uint32_t rounds, uint32_t *out) {
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++)
        for (size_t at = (size_t)blockIdx.x * THREADS * IN_FLIGHT + threadIdx.x; at < n;
             at += (size_t)gridDim.x * THREADS * IN_FLIGHT) {
            uint4 v[IN_FLIGHT];
#pragma unroll
            for (uint32_t i = 0; i < IN_FLIGHT; i++)
                v[i] = cu_load_once(from + at + i * THREADS);
#pragma unroll
            for (uint32_t i = 0; i < IN_FLIGHT; i++)
                sum ^= v[i].x ^ v[i].y ^ v[i].z ^ v[i].w;
        }
    if (sum == KEEP)
        *out = sum;
}

CU_KERNEL(THREADS) copy_all(const uint4 *from, size_t n, uint4 *to) {
    for (size_t at = (size_t)blockIdx.x * THREADS * IN_FLIGHT + threadIdx.x; at < n;
         at += (size_t)gridDim.x * THREADS * IN_FLIGHT) {
        uint4 v[IN_FLIGHT];
#pragma unroll
        for (uint32_t i = 0; i < IN_FLIGHT; i++)
            v[i] = cu_load_once(from + at + i * THREADS);
#pragma unroll
        for (uint32_t i = 0; i < IN_FLIGHT; i++)
            to[at + i * THREADS] = v[i];
    }
}

/* A walk through all n lines, n a power of two: each names the next. */
CU_KERNEL(THREADS) make_chain(uint8_t *lines, uint32_t n) {
    uint32_t i = blockIdx.x * THREADS + threadIdx.x;
    if (i < n)
        *(uint32_t *)(lines + (size_t)i * CHAIN_LINE) = (i * 1664525u + 1013904223u) & (n - 1);
}

CU_KERNEL(32) walk_chain(const uint8_t *lines, uint32_t n_lines, uint32_t n_steps, uint32_t *out) {
    uint32_t at = *out & (n_lines - 1); /* on from where the last walk ended: not what is cached */
    if (threadIdx.x == 0) {
        for (uint32_t i = 0; i < n_steps; i++)
            at = *(const volatile uint32_t *)(lines + (size_t)at * CHAIN_LINE);
        *out = at;
    }
}

CU_KERNEL(THREADS) multiply(const uint32_t *from, uint32_t n_rounds, float *out) {
    uint32_t a[4], b[2];
    float d[MMAS][4] = {};
    for (uint32_t i = 0; i < 4; i++)
        a[i] = cu_load(from + 4 * threadIdx.x + i);
    for (uint32_t i = 0; i < 2; i++)
        b[i] = cu_load(from + 4 * THREADS + 2 * threadIdx.x + i);
    for (uint32_t r = 0; r < n_rounds; r++) {
#pragma unroll
        for (uint32_t i = 0; i < MMAS; i++)
            cu_mma_bf16(d[i], a, b);
    }
    float sum = 0;
    for (uint32_t i = 0; i < MMAS; i++)
        sum += d[i][0] + d[i][1] + d[i][2] + d[i][3];
    out[blockIdx.x * THREADS + threadIdx.x] = sum;
}

struct probe {
    uint8_t *from, *to; /* [bytes] each */
    size_t bytes, read_bytes;
    uint32_t n_lines; /* of a walk */
    uint32_t grid, rounds;
};

static uint32_t *sink(const probe *p) {
    return (uint32_t *)p->to;
}

static void do_read(void *context, weir_cuda_stream *stream, uint32_t) {
    const probe *p = (const probe *)context;
    CU_LAUNCH(read_all, p->grid, THREADS, stream, (const uint4 *)p->from,
              p->read_bytes / sizeof(uint4), p->rounds, sink(p));
}

static void do_copy(void *context, weir_cuda_stream *stream, uint32_t) {
    const probe *p = (const probe *)context;
    CU_LAUNCH(copy_all, p->grid, THREADS, stream, (const uint4 *)p->from, p->bytes / sizeof(uint4),
              (uint4 *)p->to);
}

static void do_walk(void *context, weir_cuda_stream *stream, uint32_t) {
    const probe *p = (const probe *)context;
    CU_LAUNCH(walk_chain, 1, 32, stream, p->from, p->n_lines, p->rounds, sink(p));
}

static void do_multiply(void *context, weir_cuda_stream *stream, uint32_t) {
    const probe *p = (const probe *)context;
    CU_LAUNCH(multiply, p->grid, THREADS, stream, (const uint32_t *)p->from, p->rounds,
              (float *)p->to);
}

static int fill(const probe *p) {
    weir_cuda_synth random = {};
    random.format = WEIR_FORMAT_BF16;
    random.scale = 1.0f / 37837;
    weir_cuda_stream *stream;
    int code = weir_cuda_stream_open(&stream);
    if (code != 0)
        return code;
    enum { COLS = 4096 };
    weir_cuda_run_synth(stream, &random, COLS, 0, p->bytes / (2 * COLS), p->from, 2 * COLS);
    code = weir_cuda_launched();
    if (code == 0)
        code = weir_cuda_wait(stream);
    weir_cuda_stream_close(stream);
    return code;
}

static int make_lines(const probe *p, uint32_t n_lines) {
    weir_cuda_stream *stream;
    int code = weir_cuda_stream_open(&stream);
    if (code != 0)
        return code;
    CU_LAUNCH(make_chain, cu_parts(n_lines, THREADS), THREADS, stream, p->from, n_lines);
    code = weir_cuda_launched();
    if (code == 0)
        code = weir_cuda_wait(stream);
    weir_cuda_stream_close(stream);
    return code;
}

/* One measurement and its line: amount of `unit` that a turn does, or us if amount is 0. */
static int tell(FILE *out, const char *kind, const char *name, weir_gpu_work *work, probe *p,
                double amount, const char *unit, double most_s) {
    weir_gpu_time time;
    int code = weir_gpu_measure(&time, work, p, 1, REPEATS, most_s);
    if (code == 0)
        weir_gpu_report(out, kind, name, amount / time.us * 1e6, unit, time.spread);
    return code;
}

/* ns of one step through n_lines lines. */
static int tell_walk(FILE *out, const char *name, probe *p, uint32_t n_lines, uint32_t n_steps,
                     double most_s) {
    weir_gpu_time time;
    p->rounds = n_steps;
    p->n_lines = n_lines;
    int code = make_lines(p, n_lines);
    if (code == 0)
        code = weir_gpu_measure(&time, do_walk, p, 1, REPEATS, most_s);
    if (code == 0)
        weir_gpu_report(out, "latency", name, time.us * 1e3 / n_steps, "ns", time.spread);
    return code;
}

static int probe_all(FILE *out, probe *p, double most_s) {
    const bool is_dry = weir_gpu_is_dry();
    const uint32_t n_sm = weir_gpu_n_multiprocessors();
    const size_t cached = is_dry ? p->bytes : (size_t)16 << 20;
    int code = fill(p);
    for (uint32_t blocks = 1; blocks <= 8 && code == 0; blocks *= 2) {
        char name[64];
        snprintf(name, sizeof name, "read, %u blocks a multiprocessor", blocks);
        p->grid = n_sm * blocks;
        p->rounds = 1;
        p->read_bytes = p->bytes;
        code = tell(out, "memory", name, do_read, p, (double)p->bytes, "B/s", most_s);
    }
    p->grid = n_sm * 8;
    if (code == 0)
        code = tell(out, "memory", "copy, read and written", do_copy, p, 2.0 * (double)p->bytes,
                    "B/s", most_s);
    p->read_bytes = cached;
    p->rounds = is_dry ? 2 : 64;
    if (code == 0)
        code = tell(out, "cache", "read of 16 MiB, over and over", do_read, p,
                    (double)cached * p->rounds, "B/s", most_s);
    p->rounds = is_dry ? 2 : 4096;
    for (uint32_t blocks = 1; blocks <= 4 && code == 0; blocks *= 2) {
        char name[64];
        snprintf(name, sizeof name, "mma.sync bf16, %u blocks of 8 warps", blocks);
        p->grid = n_sm * blocks;
        code =
            tell(out, "arithmetic", name, do_multiply, p,
                 2.0 * 16 * 8 * 16 * MMAS * p->rounds * (THREADS / 32) * p->grid, "FLOP/s", most_s);
    }
    /* The walks come last: they write over the random numbers. */
    uint32_t n_steps = is_dry ? 16 : 20000;
    if (code == 0)
        code = tell_walk(out, "second cache, 16 MiB", p, (uint32_t)(cached / CHAIN_LINE), n_steps,
                         most_s);
    if (code == 0)
        code = tell_walk(out, "memory", p, (uint32_t)(p->bytes / CHAIN_LINE), n_steps, most_s);
    return code;
}

int weir_gpu_probe_words(FILE *out, double most_s) {
    probe p = {};
    void *from, *to;
    p.bytes = weir_gpu_is_dry() ? (size_t)1 << 16 : (size_t)4 << 30;
    int code = weir_cuda_take(&from, p.bytes);
    if (code != 0)
        return code;
    p.from = (uint8_t *)from;
    code = weir_cuda_take(&to, p.bytes);
    if (code == 0) {
        p.to = (uint8_t *)to;
        code = probe_all(out, &p, most_s);
        weir_cuda_give(to);
    }
    weir_cuda_give(from);
    return code;
}
