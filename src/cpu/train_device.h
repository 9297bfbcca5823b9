/*
 * train_device.h: the CPU device of training, for its own files.
 *
 * All memory is taken when it opens and none later: what an op needs in between is bounded (panels
 * of a part of B, tiles of attention), and larger work goes through it part by part.
 */
#ifndef WEIR_CPU_TRAIN_DEVICE_H
#define WEIR_CPU_TRAIN_DEVICE_H

#include "base/arena.h"
#include "cpu/train_kernels.h"

#include <stdatomic.h>

enum {
    /* Rows of A in panels, per thread, at most: with a block of p they fill less than half of an L2
     * cache of 512 KB, which streams B past them. */
    WEIR_PRODUCT_ROWS = 144,
    /* Bytes of B in panels, at a time, of all threads: a part of an L3 cache. */
    WEIR_PRODUCT_BYTES = 8 << 20,
    /* p of one part of B. */
    WEIR_PRODUCT_LENGTH = 8192,
    WEIR_PRODUCT_PARTS = 256,
    /* Positions whose cosines and sines are kept, for heads of up to so many dimensions. */
    WEIR_ROPE_POSITIONS = 4096,
    WEIR_ROPE_DIM = 128,
    WEIR_SQUARES_BLOCKS = 1024
};

/* Columns col .. col + n_cols and p at .. at + depth of one product. */
typedef struct weir_product_part {
    const weir_matmul *product;
    uint32_t col, n_cols, at, depth;
    uint32_t n_panels;
    size_t b_at;                       /* in bytes */
    uint32_t n_row_tasks, n_col_tasks; /* what phase two divides it into */
} weir_product_part;

typedef struct weir_train_cpu {
    weir_trainer_device dev; /* first */
    weir_train_kernels kernels;
    weir_arena arena;
    char name[32]; /* dev.kernels */

    uint8_t *b;               /* WEIR_PRODUCT_BYTES */
    uint8_t **a;              /* [n_threads] */
    float **attend;           /* [n_threads] tiles */
    weir_product_part *parts; /* [WEIR_PRODUCT_PARTS] */
    double *squares;          /* [WEIR_SQUARES_BLOCKS] */
    atomic_uint next;         /* the next task that nobody has */

    float *rotations;               /* [WEIR_ROPE_POSITIONS, rope_dim]: cosines, then sines */
    uint32_t rope_dim, n_rotations; /* positions filled */
    float rope_theta;
} weir_train_cpu;

static inline weir_train_cpu *weir_train_cpu_of(weir_trainer_device *dev) {
    return (weir_train_cpu *)dev;
}

/* Runs fn on all threads, or on the caller alone if there are too few values to wake anyone. */
void weir_train_cpu_run(weir_train_cpu *cpu, size_t n_values, weir_work *fn, void *job);

/* train_matmul.c */
void weir_train_cpu_matmul(weir_trainer_device *dev, const weir_matmul *products, uint32_t n);
double weir_train_cpu_peak(weir_trainer_device *dev);
/* train_attention.c, train_row_ops.c: fill their entries. */
void weir_train_cpu_fill_attention(weir_train_ops *ops);
void weir_train_cpu_fill_rows(weir_train_ops *ops);

#endif
