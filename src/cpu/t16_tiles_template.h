/*
 * t16_tiles_template.h: products of many rows over packed strips on a processor's tiles (t16.h,
 * activations in 8 bits).
 *
 * Contract: included once per instruction set after the words of t16_formats_template.h, with
 * activations whose q are bytes in order, or by a test after an emulation of them. Besides:
 *   - q16_sub_bytes(a, b): a - b, byte by byte
 *   - tile_begin_as(shapes), tile_end(): tiles are used in between (tile_shapes.h)
 *   - tile_zero(t), tile_load(t, p, stride_bytes), tile_store(t, p, stride_bytes): t a constant
 *   - tile_dot_bytes(c, a, b): c[i][n] += sum over p of a[i][p] b[p / 4][4 n + p % 4], signed
 *     bytes, sums of 32 bits
 *
 * A group of a strip is the second factor as it stands: its vector p has columns 4 p .. 4 p + 3 of
 * 16 rows of weights. The first one is 16 rows of activations. Their 16 x 16 integer sums go
 * through memory into float registers, where each is scaled and added: 16 float sums of 16 lanes
 * stay in registers for all groups of a slice. Codes are made signed, so integers need no
 * correction, and are those of t16.h; so are the float operations and their order. Every row has
 * the bits that t16_template.h gives it, in whatever company.
 *
 * Rows of activations are gathered in blocks of 16 for one slice of columns, which then meets that
 * slice of every strip: experts have rows from anywhere.
 */
#ifndef WEIR_CPU_T16_TILES_TEMPLATE_H
#define WEIR_CPU_T16_TILES_TEMPLATE_H

#include "cpu/t16_formats_template.h"
#include "cpu/tile_shapes.h"

enum {
    T16_BLOCK = 16, /* rows of activations in a tile */
    T16_BLOCKS = 4, /* that a strip, taken apart, meets at a time */
    T16_GROUP_CODES = 32 * WEIR_T16_ROWS
};

/* A group of a block of rows. Rows that are not there are zeros. */
typedef struct t16_tile_rows {
    WEIR_ALIGN(64) uint8_t q[T16_BLOCK * WEIR_T16_GROUP];
    float scale[T16_BLOCK], sum[T16_BLOCK];
} t16_tile_rows;

/* Groups of a strip: codes as signed bytes, and their scales. */
typedef struct t16_tile_slice {
    WEIR_ALIGN(64) uint8_t codes[T16_SLICE * T16_GROUP_CODES];
    float s[2 * T16_SLICE * WEIR_T16_ROWS], m[T16_SLICE * WEIR_T16_ROWS];
} t16_tile_slice;

/* Tiles 0, 1: sums; 4, 5: activations, 6, 7: codes; of whole groups or of halves. */
#define T16_TILE_SHAPES(columns)                                                           \
    {                                                                                      \
        .palette = 1, .row_bytes = {64, 64, [4] = (columns), (columns), 64, 64}, .rows = { \
            T16_BLOCK,                                                                     \
            T16_BLOCK,                                                                     \
            [4] = T16_BLOCK,                                                               \
            T16_BLOCK,                                                                     \
            (columns) / 4,                                                                 \
            (columns) / 4                                                                  \
        }                                                                                  \
    }
static const WEIR_ALIGN(64) tile_shapes t16_tile_groups = T16_TILE_SHAPES(32);
static const WEIR_ALIGN(64) tile_shapes t16_tile_halves = T16_TILE_SHAPES(16);

/* Groups first .. first + n - 1 of n_x rows as blocks, each with T16_SLICE groups of room. */
static void t16_tile_gather(const uint8_t *const *x, uint32_t n_x, uint32_t first, uint32_t n,
                            t16_tile_rows (*blocks)[T16_SLICE]) {
    const size_t group_bytes = WEIR_T16_GROUP + sizeof(weir_t16_tail);
    for (uint32_t j = 0; j < (n_x + T16_BLOCK - 1) / T16_BLOCK * T16_BLOCK; j++) {
        t16_tile_rows *to = blocks[j / T16_BLOCK];
        const uint32_t row = j % T16_BLOCK;
        for (uint32_t g = 0; g < n; g++) {
            if (j >= n_x) {
                memset(to[g].q + row * WEIR_T16_GROUP, 0, WEIR_T16_GROUP);
                to[g].scale[row] = to[g].sum[row] = 0.0f;
                continue;
            }
            const uint8_t *q = x[j] + (first + g) * group_bytes;
            weir_t16_tail tail;
            memcpy(to[g].q + row * WEIR_T16_GROUP, q, WEIR_T16_GROUP);
            memcpy(&tail, q + WEIR_T16_GROUP, sizeof tail);
            to[g].scale[row] = tail.scale;
            to[g].sum[row] = tail.sum;
        }
    }
}

/* A unit of n groups as groups at .. at + n - 1 of the slice. */
static WEIR_INLINE void t16_tile_unit(const weir_format_id f, const uint8_t *unit, const uint32_t n,
                                      t16_tile_slice *slice, uint32_t at) {
    const uint32_t per_group = f == WEIR_FORMAT_Q6_K ? 32 : 16;
    const uint8_t *high = unit + n * t16_code_bytes(f);
    const q16 offset = q16_set(t16_offset(f) * 0x01010101);
    t16_scales(f, unit, n, slice->s + at * per_group, slice->m + at * 16);
    for (uint32_t g = 0; g < n; g++) {
        uint8_t *to = slice->codes + (size_t)T16_GROUP_CODES * (at + g);
        WEIR_UNROLL for (int j = 0; j < 4; j++) {
            q16 a, b;
            t16_quads(f, unit + g * t16_code_bytes(f), high + g * t16_high_bytes(f), j, &a, &b);
            if (t16_offset(f) != 0) {
                a = q16_sub_bytes(a, offset);
                b = q16_sub_bytes(b, offset);
            }
            q16_store(to + 64 * j, a);
            q16_store(to + 64 * (j + 4), b);
        }
    }
}

/* Groups of a strip from `unit` on; the lines at `then` will be wanted next. */
static WEIR_INLINE void t16_tile_apart(const weir_format_id f, const uint8_t *unit, uint32_t n,
                                       uintptr_t then, t16_tile_slice *slice) {
    const uint32_t of_unit = t16_groups(f);
    const size_t bytes = t16_unit_bytes(f, of_unit);
    for (uint32_t at = 0; at < n; at += of_unit, unit += bytes, then += bytes) {
        for (size_t line = 0; line < bytes; line += 64)
            WEIR_PREFETCH(then + line);
        if (f == WEIR_FORMAT_Q6_K && n - at < of_unit)
            t16_tile_unit(f, unit, of_unit / 2, slice, at);
        else
            t16_tile_unit(f, unit, of_unit, slice, at);
    }
}

/* c = 16 rows of activations times a group of codes, or half of one. */
static WEIR_INLINE void t16_tile_multiply(const uint8_t *q, const uint8_t *codes, int32_t *c,
                                          bool is_odd) {
    if (is_odd) {
        tile_zero(1);
        tile_load(5, q, WEIR_T16_GROUP);
        tile_load(7, codes, 64);
        tile_dot_bytes(1, 5, 7);
        tile_store(1, c, 64);
    } else {
        tile_zero(0);
        tile_load(4, q, WEIR_T16_GROUP);
        tile_load(6, codes, 64);
        tile_dot_bytes(0, 4, 6);
        tile_store(0, c, 64);
    }
}

/* n groups of a strip times a block of rows: y[j] are 16 sums each, new ones if is_first. The
 * integers of one step are on their way while those of the step before are summed. */
static WEIR_INLINE void t16_tile_block(const t16_kind kind, const t16_tile_slice *slice,
                                       const t16_tile_rows *rows, uint32_t n, bool is_first,
                                       float *const *y) {
    WEIR_ALIGN(64) int32_t c[2][T16_BLOCK * WEIR_T16_ROWS];
    const uint32_t parts = kind == T16_HALVES ? 2 : 1, n_steps = parts * n;
    const size_t q_bytes = WEIR_T16_GROUP / parts, code_bytes = T16_GROUP_CODES / parts;
    v16 sum[T16_BLOCK];
    WEIR_UNROLL for (int j = 0; j < T16_BLOCK; j++) {
        sum[j] = is_first ? v16_zero() : v16_load(y[j]);
    }
    t16_tile_multiply(rows[0].q, slice->codes, c[0], false);
    for (uint32_t i = 0; i < n_steps; i++) {
        const uint32_t next = i + 1, g = i / parts;
        if (next < n_steps)
            t16_tile_multiply(rows[next / parts].q + next % parts * q_bytes,
                              slice->codes + next * code_bytes, c[next % 2], next % 2 != 0);
        const int32_t *now = c[i % 2];
        const v16 s = v16_load(slice->s + WEIR_T16_ROWS * i);
        WEIR_UNROLL for (int j = 0; j < T16_BLOCK; j++) {
            v16 scale = v16_mul(s, v16_set(rows[g].scale[j]));
            sum[j] = v16_fma(q16_float(q16_load(now + WEIR_T16_ROWS * j)), scale, sum[j]);
        }
        if (kind == T16_MINIMUM) {
            const v16 m = v16_load(slice->m + WEIR_T16_ROWS * i);
            WEIR_UNROLL for (int j = 0; j < T16_BLOCK; j++) {
                sum[j] = v16_fma(m, v16_set(rows[g].sum[j]), sum[j]);
            }
        }
    }
    WEIR_UNROLL for (int j = 0; j < T16_BLOCK; j++) {
        v16_store(y[j], sum[j]);
    }
}

#define T16_TILE_BLOCK(KIND)                                                                  \
    static void t16_tile_block_##KIND(const t16_tile_slice *slice, const t16_tile_rows *rows, \
                                      uint32_t n, bool is_first, float *const *y) {           \
        t16_tile_block(T16_##KIND, slice, rows, n, is_first, y);                              \
    }
T16_TILE_BLOCK(PLAIN)
T16_TILE_BLOCK(MINIMUM)
T16_TILE_BLOCK(HALVES)

/* A slice of a strip times all blocks of n_x rows. y_at: where the strip's sums are in y. */
static void t16_tile_blocks(const t16_kind kind, const t16_tile_slice *slice,
                            const t16_tile_rows (*blocks)[T16_SLICE], uint32_t n, bool is_first,
                            uint32_t n_x, float *const *y, size_t y_at) {
    float nobody[WEIR_T16_ROWS] = {0};
    for (uint32_t begin = 0; begin < n_x; begin += T16_BLOCK) {
        float *sums[T16_BLOCK];
        for (uint32_t j = 0; j < T16_BLOCK; j++)
            sums[j] = begin + j < n_x ? y[begin + j] + y_at : nobody;
        const t16_tile_rows *rows = blocks[begin / T16_BLOCK];
        if (kind == T16_HALVES)
            t16_tile_block_HALVES(slice, rows, n, is_first, sums);
        else if (kind == T16_MINIMUM)
            t16_tile_block_MINIMUM(slice, rows, n, is_first, sums);
        else
            t16_tile_block_PLAIN(slice, rows, n, is_first, sums);
    }
}

static WEIR_INLINE void t16_tiles(const weir_format_id f, const weir_t16_strips *strips,
                                  const uint8_t *const *x, uint32_t n_x, uint32_t n_cols,
                                  float *const *y) {
    enum { MOST = T16_BLOCKS * T16_BLOCK };
    const uint32_t n_groups = n_cols / WEIR_T16_GROUP, of_slice = t16_slice_groups(f);
    const t16_kind kind = t16_kind_of(f);
    t16_tile_rows blocks[T16_BLOCKS][T16_SLICE];
    t16_tile_slice slice;
    tile_begin_as(kind == T16_HALVES ? &t16_tile_halves : &t16_tile_groups);
    for (uint32_t begin = 0; begin < n_x; begin += MOST) {
        const uint32_t left = n_x - begin, n_now = left < MOST ? left : MOST;
        const uint8_t *at = strips->data;
        for (uint32_t first = 0; first < n_groups; first += of_slice) {
            const uint32_t rest = n_groups - first, n = rest < of_slice ? rest : of_slice;
            const size_t bytes = n / t16_groups(f) * t16_unit_bytes(f, t16_groups(f));
            const uint8_t *next = first + n < n_groups ? at + bytes : strips->next;
            t16_tile_gather(x + begin, n_now, first, n, blocks);
            for (uint32_t i = 0; i < strips->n; i++) {
                const uint8_t *from = at + i * strips->bytes;
                const uint8_t *then = i + 1 < strips->n ? from + strips->bytes : next;
                t16_tile_apart(f, from, n, (uintptr_t)then, &slice);
                t16_tile_blocks(kind, &slice, (const t16_tile_rows(*)[T16_SLICE])blocks, n,
                                first == 0, n_now, y + begin, (size_t)i * WEIR_T16_ROWS);
            }
            at += bytes;
        }
    }
    tile_end();
}

#define T16_TILES(ID, name)                                                              \
    static void t16_tiles_##name(const weir_t16_strips *strips, const uint8_t *const *x, \
                                 uint32_t n_x, uint32_t n_cols, float *const *y) {       \
        t16_tiles(WEIR_FORMAT_##ID, strips, x, n_x, n_cols, y);                          \
    }
T16_FORMAT_LIST(T16_TILES)

static inline void t16_tiles_fill(weir_cpu_kernels *k) {
#define T16_TILES_FILL(ID, name) k->t16_q8_tiles[WEIR_FORMAT_##ID] = t16_tiles_##name;
    T16_FORMAT_LIST(T16_TILES_FILL)
#undef T16_TILES_FILL
}

#endif
