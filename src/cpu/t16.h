/*
 * t16.h: quantized matrices in the order that the integer kernels want, and their arithmetic.
 *
 * A *strip* is 16 rows of a matrix over all columns, one sequential stream of *units*. A vector of
 * 64 bytes is 16 lanes (lane = row) x 4 bytes. A strip holds exactly the bytes of its 16 rows, in
 * another order (q6_k: 32 bytes more where the number of blocks is odd, so that the next strip is
 * aligned). "Group" g of a row is its columns 32 g .. 32 g + 31.
 *
 *   codes of a group (all but q8_0): 4 vectors; byte b of a lane in vector j holds in its low
 *       nibble the code of column 4 j + b, in its high nibble that of column 16 + 4 j + b
 *   codes of a group, q8_0: 8 vectors; byte b of vector j is the code of column 4 j + b
 *   fifth bits of a group: 1 vector; bit j of byte b is that of column 4 j + b
 *   upper two bits of a group: 2 vectors; bits 2 t, 2 t + 1 of byte b of vector p are those of
 *       column 16 p + 4 t + b
 *   d, m: 16 x float16, one a lane; e: 16 bytes; k-scales: 3 vectors, vector v holds the bytes
 *       4 v .. 4 v + 3 of the block's 12 (q4_k, q5_k); s: 16 x int8, one a lane
 *
 *   unit of (columns)     in this order, per unit
 *   q4_0, iq4_nl   64     codes of 2 groups; d of the 2
 *   q4_1           32     codes; d; m
 *   q5_0           64     codes of 2 groups; fifth bits of the 2; d of the 2
 *   q5_1           32     codes; fifth bits; d; m
 *   q8_0           64     codes of 2 groups; d of the 2
 *   mxfp4         128     codes of 4 groups; e of the 4
 *   q4_k          256     codes of 8 groups; k-scales; d; dmin
 *   q5_k          256     codes of 8 groups; fifth bits of the 8; k-scales; d; dmin
 *   iq4_xs        256     codes of 8 groups; scales_l: 1 vector, byte b of a lane is byte b of the
 *                         row's 4; scales_h: 16 x 2 bytes; d
 *   q6_k          512     n = 2 blocks of 256 (1 in a last half unit): codes of 8 n groups; upper
 *                         two bits of the 8 n; s of 16 n times 16 columns; d of the n
 *
 * A row count that is no multiple of 16, or a column count that is none of the unit (q6_k: of 256),
 * does not fit: such a matrix stays as it is in the file.
 *
 * Arithmetic ("q15" or "q8"), the same on every instruction set. Activations are rounded by group,
 * to 15 bits (most = 16256) or to 8 (most = 127):
 *
 *     a = max |x_k|, scale = a / most, q_k = round to nearest even(x_k (most / a));
 *     a < 2^-100 (the quotient would overflow): scale = 0, all q_k = 0
 *     NaN or infinity among them: scale and sums NaN, all q_k = 0, and so the whole row is NaN
 *
 * A product with row w goes over the groups in ascending order (q6_k: over halves of 16 columns):
 *
 *     c = sum over k of (code_k - offset) q_k                                exact, 32-bit integer
 *     f = fma((float)c, dw scale, f)            dw: the group's scale as quant/ dequantizes with it
 *     f = fma(mw, (float)(sum of q_k) scale, f)  formats with a minimum only; mw: what is added
 *
 * dw scale and (float)(sum) scale are rounded to float32 once. So a row has the same bits in every
 * batch, and whatever the instruction set. 16256 = 127 x 128: q is two planes of signed bytes,
 * q = 128 high + low with -127 <= high <= 127 and -64 <= low <= 64, for instruction sets that only
 * multiply bytes. q8 is one plane, half the work. Rounding error of a product, rms of its typical
 * size: q15 0.004 % with normal activations, 0.01 % where one value towers over each group; q8
 * 0.5 % and 0.8 %.
 */
#ifndef WEIR_CPU_T16_H
#define WEIR_CPU_T16_H

#include "quant/format.h"

enum {
    WEIR_T16_ROWS = 16,
    WEIR_T16_GROUP = 32,
    WEIR_Q15_MOST = 16256,
    WEIR_Q8_MOST = 127,
    WEIR_T16_STREAMS = 8 /* strips that a product of one row walks together, at most */
};

/* Columns of a unit; 0 for formats that have no strips. */
uint32_t weir_t16_unit_cols(weir_format_id id);
bool weir_t16_fits(weir_format_id id, uint32_t rows, uint32_t cols);
/* Bytes of one strip, a multiple of 64. */
size_t weir_t16_strip_bytes(weir_format_id id, uint32_t cols);
/* 16 rows of the file's blocks, row_bytes apart, into one strip. */
void weir_t16_pack(weir_format_id id, const uint8_t *rows, size_t row_bytes, uint32_t cols,
                   uint8_t *strip);
/* Row `lane` of a strip as numbers, the bits of the format's dequantize. */
void weir_t16_unpack_row(weir_format_id id, const uint8_t *strip, uint32_t lane, uint32_t cols,
                         float *values);

/* One row of activations in an instruction set's own order, 64-byte aligned: group after group, its
 * q and then what weir_t16_tail tells.
 *     q15: 64 bytes. x86: int16 pairs: pair 2 j holds columns 4 j, 4 j + 2 and pair 2 j + 1 columns
 *          4 j + 1, 4 j + 3 (j < 8); portable: int16, in order; NEON: its own
 *     q8:  32 bytes: int8, in order; portable: as q15 */
typedef struct weir_t16_tail {
    float scale;
    float sum;        /* (float)(sum of q_k) scale */
    int32_t parts[2]; /* sums of q_k over 16 columns */
} weir_t16_tail;

/* Room for a row, a multiple of 64. */
static inline size_t weir_q15_bytes(size_t n_cols) {
    return (n_cols / 32 * (64 + sizeof(weir_t16_tail)) + 63) / 64 * 64;
}

/* x [n_cols], a multiple of 32. */
typedef void weir_q15_fn(const float *x, uint32_t n_cols, uint8_t *out);

/* How a processor likes strips to be walked (x86). For speed alone: all bits are the same. */
typedef struct weir_t16_walk {
    uint32_t n_streams;  /* strips that few rows walk together, at most; 0: WEIR_T16_STREAMS */
    bool has_tiles_soon; /* tiles pay sooner than on other processors of the set */
} weir_t16_walk;

/* Strips that follow each other in memory. */
typedef struct weir_t16_strips {
    const uint8_t *data;
    size_t bytes; /* of one */
    uint32_t n;
    /* NULL, or strips of as many bytes whose product the caller will want next: their first bytes
     * may be asked for while the last of these are computed. Nothing else depends on it, and what
     * is not a matrix any more does no harm. */
    const uint8_t *next;
    weir_t16_walk walk;
} weir_t16_strips;

/* y[j][16 s + r] = product of row r of strip s with activations x[j], s < strips->n, j < n_x. */
typedef void weir_t16_fn(const weir_t16_strips *strips, const uint8_t *const *x, uint32_t n_x,
                         uint32_t n_cols, float *const *y);

#endif
