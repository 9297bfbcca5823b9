/*
 * train_bench.h: rates of the CPU's ops for training: FLOP/s of products, and bytes per second of
 * what is limited by memory.
 */
#ifndef WEIR_TRAIN_BENCH_H
#define WEIR_TRAIN_BENCH_H

#include "base/error.h"
#include "base/random.h"
#include "cpu/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BENCH_ROWS = 8192, BENCH_WIDTH = 256, BENCH_VALUES = BENCH_ROWS * 4096 };

typedef struct bench {
    weir_trainer_device *dev;
    float *x, *y, *z; /* [BENCH_VALUES] */
    int32_t *tokens;  /* [BENCH_ROWS] */
    weir_segment *items;
    weir_segments segments;
} bench;

static inline double bench_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The best of several runs: others may be using the machine. */
#define BENCH_BEST(best, call)                      \
    for (int bench_i = 0; bench_i < 7; bench_i++) { \
        double bench_t = bench_seconds();           \
        call;                                       \
        bench_t = bench_seconds() - bench_t;        \
        if (bench_i == 0 || bench_t < (best))       \
            (best) = bench_t;                       \
    }

static inline void bench_products(const bench *b) {
    static const struct {
        uint32_t m, n, k;
        bool ta, tb;
        uint32_t n_products;
        const char *what;
    } list[] = {
        {8192, 256, 256, false, true, 1, "forward"},
        {8192, 768, 256, false, true, 1, "forward"},
        {8192, 256, 768, false, true, 1, "forward"},
        {8192, 4096, 256, false, true, 1, "forward, head"},
        {2048, 256, 256, false, true, 8, "forward, experts"},
        {8192, 256, 768, false, false, 1, "dx"},
        {8192, 256, 4096, false, false, 1, "dx, head"},
        {256, 256, 8192, true, false, 1, "dW"},
        {768, 256, 8192, true, false, 1, "dW"},
        {256, 768, 8192, true, false, 1, "dW"},
        {4096, 256, 8192, true, false, 1, "dW, head"},
        {256, 256, 2048, true, false, 8, "dW, experts"},
        {2048, 8, 256, false, true, 1, "adapter"},
        {2048, 256, 8, false, true, 1, "adapter"},
        {8, 256, 2048, true, false, 1, "adapter, dW"},
        {256, 8, 2048, true, false, 1, "adapter, dW"},
    };
    double peak = b->dev->measure_peak(b->dev);
    printf("%s, %u threads: peak %.1f GFLOP/s\n", b->dev->kernels, (unsigned)b->dev->n_threads,
           peak * 1e-9);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        weir_matmul ops[8];
        uint32_t m = list[i].m, n = list[i].n, k = list[i].k, n_ops = list[i].n_products;
        for (uint32_t j = 0; j < n_ops; j++)
            ops[j] = (weir_matmul){.m = m,
                                   .n = n,
                                   .k = k,
                                   .a = b->x + (size_t)j * m * k,
                                   .b = b->y + (size_t)j * n * k,
                                   .c = b->z + (size_t)j * m * n,
                                   .lda = list[i].ta ? m : k,
                                   .ldb = list[i].tb ? k : n,
                                   .ldc = n,
                                   .a_is_transposed = list[i].ta,
                                   .b_is_transposed = list[i].tb,
                                   .is_added = list[i].ta};
        double best = 0;
        BENCH_BEST(best, b->dev->ops.matmul(b->dev, ops, n_ops));
        double rate = 2.0 * m * n * k * n_ops / best;
        printf("  %u x %4u x %4u x %4u  %-17s %8.3f ms  %7.1f GFLOP/s  %3.0f %% of peak\n",
               (unsigned)n_ops, (unsigned)m, (unsigned)n, (unsigned)k, list[i].what, best * 1e3,
               rate * 1e-9, 100 * rate / peak);
    }
}

static inline void bench_line(const char *what, double seconds, double n_floats) {
    printf("  %-26s %8.3f ms  %6.1f GB/s\n", what, seconds * 1e3,
           n_floats * sizeof(float) / seconds * 1e-9);
}

/* Bytes: what must be read and written once. */
static inline void bench_rows(const bench *b) {
    enum { ROWS = BENCH_ROWS, WIDTH = BENCH_WIDTH };
    const weir_train_ops *ops = &b->dev->ops;
    weir_trainer_device *dev = b->dev;
    const size_t n = (size_t)ROWS * WIDTH;
    float *x = b->x, *y = b->y, *z = b->z, *w = b->z + 4 * n, *factor = b->z + 5 * n;
    double best = 0, n_values = (double)n;
    BENCH_BEST(best, ops->embed(dev, x, b->tokens, ROWS, WIDTH, z));
    bench_line("embed", best, 2 * n_values);
    BENCH_BEST(best, ops->embed_back(dev, x, b->tokens, ROWS, WIDTH, z));
    bench_line("embed_back", best, 3 * n_values);
    BENCH_BEST(best, ops->rms_norm(dev, x, w, ROWS, WIDTH, 1e-5f, z, factor));
    bench_line("rms_norm", best, 2 * n_values);
    BENCH_BEST(best, ops->rms_norm_back(dev, y, x, w, factor, ROWS, WIDTH, true, z, w));
    bench_line("rms_norm_back", best, 4 * n_values);
    BENCH_BEST(best, ops->rope(dev, &b->segments, 4, 64, 1e6f, false, x));
    bench_line("rope", best, 2 * n_values);
    BENCH_BEST(best, ops->short_conv(dev, &b->segments, x, w, NULL, WIDTH, 3, z));
    bench_line("short_conv", best, 4 * n_values);
    BENCH_BEST(best, ops->short_conv_back(dev, &b->segments, x, w, NULL, y, WIDTH, 3, z, w, NULL));
    bench_line("short_conv_back", best, 7 * n_values);
    BENCH_BEST(best, ops->silu_mul(dev, x, y, n, z));
    bench_line("silu_mul", best, 3 * n_values);
    BENCH_BEST(best, ops->silu_mul_back(dev, x, y, z, n, z + n, z + 2 * n));
    bench_line("silu_mul_back", best, 5 * n_values);
    BENCH_BEST(best, ops->axpy(dev, 0.5f, x, n, z));
    bench_line("axpy", best, 3 * n_values);
    BENCH_BEST(best, ops->row_dots(dev, x, y, ROWS, WIDTH, factor));
    bench_line("row_dots", best, 2 * n_values);
    BENCH_BEST(best, ops->add_bias_back(dev, x, ROWS, WIDTH, w));
    bench_line("add_bias_back", best, n_values);
    BENCH_BEST(best, ops->cross_entropy(dev, b->z, b->tokens, 1024, 4096, true, 0.1f, factor));
    bench_line("cross_entropy, 4096 wide", best, 2.0 * 1024 * 4096);
    const weir_adamw step = {1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.1f, 0.05f, 1.0f};
    for (size_t i = 0; i < n; i++)
        z[i] = 0.25f;
    BENCH_BEST(best, ops->adamw(dev, &step, x, n, y, z + n, z));
    bench_line("adamw", best, 7 * n_values);
    double sum = 0;
    BENCH_BEST(best, sum += ops->sum_squares(dev, x, n));
    bench_line("sum_squares", best, n_values);
}

/* Attention of 4 heads of 64 over 2, in segments: FLOP that causal attention needs, 4 products of a
 * pair of rows backwards beside the two of the scores. */
static inline void bench_attention(bench *b) {
    const weir_attention_form form = {4, 2, 64};
    for (uint32_t length = 128; length <= 2048; length *= 4) {
        b->segments.n = 0;
        for (uint32_t row = 0; row < BENCH_ROWS; row += length)
            b->items[b->segments.n++] = (weir_segment){row, length};
        size_t n = (size_t)BENCH_ROWS * 256;
        float *q = b->x, *k = b->x + n, *v = b->x + 2 * n, *dy = b->x + 3 * n, *y = b->z;
        float *lse = b->z + n, *dq = b->z + 2 * n, *dk = b->z + 3 * n, *dv = b->z + 4 * n;
        double pairs = (double)BENCH_ROWS * (length + 1) / 2 * 4 * 64, best = 0;
        BENCH_BEST(best, b->dev->ops.attend(b->dev, &b->segments, &form, q, k, v, y, lse));
        printf("  attend, segments of %4u        %8.3f ms  %6.1f GFLOP/s\n", (unsigned)length,
               best * 1e3, 4 * pairs / best * 1e-9);
        BENCH_BEST(best, b->dev->ops.attend_back(b->dev, &b->segments, &form, q, k, v, y, lse, dy,
                                                 dq, dk, dv));
        printf("  attend_back, segments of %4u   %8.3f ms  %6.1f GFLOP/s\n", (unsigned)length,
               best * 1e3, 10 * pairs / best * 1e-9);
    }
}

static inline int train_bench(const char *isa) {
    bench b = {.x = malloc(BENCH_VALUES * sizeof(float)),
               .y = malloc(BENCH_VALUES * sizeof(float)),
               .z = malloc(BENCH_VALUES * sizeof(float)),
               .tokens = malloc(BENCH_ROWS * sizeof(int32_t)),
               .items = malloc(BENCH_ROWS * sizeof(weir_segment))};
    int status = !b.x || !b.y || !b.z || !b.tokens || !b.items;
    for (uint32_t n_threads = 1; status == 0 && n_threads <= 2; n_threads++) {
        weir_error err;
        weir_trainer_device_options options = {.isa = isa, .n_threads = n_threads};
        if (weir_cpu_train_open(&b.dev, &options, &err) != WEIR_STATUS_OK) {
            printf("%s\n", err.text);
            status = 77;
            break;
        }
        for (size_t i = 0; i < BENCH_VALUES; i++) {
            uint64_t bits = weir_mix64(1, 2, i);
            b.x[i] = (float)(weir_uniform(bits) - 0.5);
            b.y[i] = (float)(weir_uniform(bits * 3) - 0.5);
            b.z[i] = 0;
        }
        for (uint32_t i = 0; i < BENCH_ROWS; i++)
            b.tokens[i] = (int32_t)(weir_mix64(3, 4, i) % 4096);
        b.segments = (weir_segments){b.items, 0, BENCH_ROWS};
        for (uint32_t row = 0; row < BENCH_ROWS; row += 256)
            b.items[b.segments.n++] = (weir_segment){row, 256};
        bench_products(&b);
        bench_rows(&b);
        bench_attention(&b);
        b.dev->close(b.dev);
    }
    free(b.x);
    free(b.y);
    free(b.z);
    free(b.tokens);
    free(b.items);
    return status;
}

#endif
