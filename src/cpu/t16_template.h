/*
 * t16_template.h: integer products over packed strips and the activations they take (t16.h), for
 * instruction sets whose products are pairs of 16-bit numbers.
 *
 * Contract: included once per instruction set after its vec_<isa>.h and these, with q16 for 16
 * lanes of 32 bits:
 *   - q16_load q16_store q16_zero q16_set(int32) q16_and q16_or q16_add
 *   - q16_pair(p): the two int16 at p, to all lanes
 *   - q16_right(a, n) q16_left(a, n): each 16-bit half shifted, zeros come in
 *   - q16_shift_lane(a, n): each lane right by n bits, zeros come in
 *   - q16_even_i8(a) q16_odd_i8(a): bytes 0 and 2, or 1 and 3 of each lane, as signed 16 bits
 *   - q16_table_of(bytes), q16_table(table, a): bytes of a (0..15) looked up in 16 signed bytes
 *   - q16_dot(sum, a, b): sum + a.low b.low + a.high b.high per lane
 *   - q16_dot_pair(sum, a, p): q16_dot(sum, a, q16_pair(p))
 *   - q16_float(a): as v16
 *   - T16_FEW, T16_FEW_LIST(X): so many rows of activations meet the codes in registers;
 *     X(1) .. X(T16_FEW)
 *   - T16_X, T16_TILE_LIST(X): rows of activations in one tile, whose integer and float sums stay
 *     in registers together; X(1) .. X(T16_X)
 *   - T16_TWO, T16_TWO_LIST(X), if they pay: the same of tiles of two strips
 * The unit fills the entry q15 itself.
 *
 * A few rows walk WEIR_T16_STREAMS strips together, a unit of each at a time: so many streams of
 * memory keep enough misses under way. Each asks twice for what it will need: far ahead into the
 * second cache, and into the first one so short before that all streams' lines fit there (strips
 * are often a multiple of 2 KiB long, so their lines meet in few sets).
 * More rows take a strip's codes apart once, a slice of columns at a time, into pairs that lie in
 * the first cache.
 */
#ifndef WEIR_CPU_T16_TEMPLATE_H
#define WEIR_CPU_T16_TEMPLATE_H

#include "cpu/t16.h"
#include "quant/blocks.h"

enum {
    T16_FAR = 3072, /* bytes ahead in each stream */
    T16_NEAR = 768,
    T16_SLICE = 16,      /* groups whose pairs are made at a time, at most */
    T16_PAIRS = 16 * 64, /* bytes of the pairs of a group */
    T16_UNIT_SCALES = 2 * T16_SLICE
};

/* ---- what the formats differ in ------------------------------------------------------------- */

static WEIR_INLINE uint32_t t16_groups(const weir_format_id f) {
    switch (f) {
    case WEIR_FORMAT_Q4_1:
    case WEIR_FORMAT_Q5_1:
        return 1;
    case WEIR_FORMAT_Q4_0:
    case WEIR_FORMAT_Q5_0:
    case WEIR_FORMAT_Q8_0:
    case WEIR_FORMAT_IQ4_NL:
        return 2;
    case WEIR_FORMAT_MXFP4:
        return 4;
    case WEIR_FORMAT_Q6_K:
        return 16;
    default:
        return 8;
    }
}

static WEIR_INLINE bool t16_has_fifth_bits(const weir_format_id f) {
    return f == WEIR_FORMAT_Q5_0 || f == WEIR_FORMAT_Q5_1 || f == WEIR_FORMAT_Q5_K;
}

static WEIR_INLINE bool t16_has_table(const weir_format_id f) {
    return f == WEIR_FORMAT_IQ4_NL || f == WEIR_FORMAT_IQ4_XS || f == WEIR_FORMAT_MXFP4;
}

static WEIR_INLINE bool t16_has_minimum(const weir_format_id f) {
    return f == WEIR_FORMAT_Q4_1 || f == WEIR_FORMAT_Q5_1 || f == WEIR_FORMAT_Q4_K ||
           f == WEIR_FORMAT_Q5_K;
}

/* What the stored codes are too large by. */
static WEIR_INLINE int32_t t16_offset(const weir_format_id f) {
    return f == WEIR_FORMAT_Q4_0 ? 8 : f == WEIR_FORMAT_Q5_0 ? 16 : f == WEIR_FORMAT_Q6_K ? 32 : 0;
}

static WEIR_INLINE size_t t16_code_bytes(const weir_format_id f) {
    return f == WEIR_FORMAT_Q8_0 ? 512 : 256;
}

static WEIR_INLINE size_t t16_high_bytes(const weir_format_id f) {
    return t16_has_fifth_bits(f) ? 64 : f == WEIR_FORMAT_Q6_K ? 128 : 0;
}

/* Bytes of a unit of n groups. */
static WEIR_INLINE size_t t16_unit_bytes(const weir_format_id f, const uint32_t n) {
    size_t codes = n * (t16_code_bytes(f) + t16_high_bytes(f));
    switch (f) {
    case WEIR_FORMAT_Q4_1:
    case WEIR_FORMAT_Q5_1:
        return codes + 64 * n;
    case WEIR_FORMAT_MXFP4:
        return codes + 16 * n;
    case WEIR_FORMAT_Q4_K:
    case WEIR_FORMAT_Q5_K:
        return codes + 192 + 64;
    case WEIR_FORMAT_IQ4_XS:
        return codes + 64 + 32 + 32;
    case WEIR_FORMAT_Q6_K:
        return codes + 32 * n + 4 * n;
    default:
        return codes + 32 * n;
    }
}

/* Pairs of quarter j of a group: w[0], w[1] meet pairs 2 j, 2 j + 1 of the activations, w[2], w[3]
 * pairs 2 j + 8, 2 j + 9. */
static WEIR_INLINE void t16_pairs(const weir_format_id f, const uint8_t *codes, const uint8_t *high,
                                  const int j, q16 w[4]) {
    const q16 nibbles = q16_set(0x0f0f0f0f), bytes = q16_set(0x00ff00ff);
    if (f == WEIR_FORMAT_Q8_0) {
        q16 a = q16_load(codes + 64 * j), b = q16_load(codes + 64 * (j + 4));
        w[0] = q16_even_i8(a);
        w[1] = q16_odd_i8(a);
        w[2] = q16_even_i8(b);
        w[3] = q16_odd_i8(b);
        return;
    }
    q16 v = q16_load(codes + 64 * j);
    if (t16_has_table(f)) {
        q16 table = q16_table_of(f == WEIR_FORMAT_MXFP4 ? weir_mxfp4_values : weir_iq4_nl_values);
        q16 a = q16_table(table, q16_and(v, nibbles));
        q16 b = q16_table(table, q16_and(q16_right(v, 4), nibbles));
        w[0] = q16_even_i8(a);
        w[1] = q16_odd_i8(a);
        w[2] = q16_even_i8(b);
        w[3] = q16_odd_i8(b);
    } else if (t16_high_bytes(f) > 0) {
        q16 a = q16_and(v, nibbles), b = q16_and(q16_right(v, 4), nibbles), h_low, h_high;
        if (t16_has_fifth_bits(f)) {
            q16 h = q16_load(high), mask = q16_set(0x10101010);
            h_low = q16_and(q16_left(h, 4 - j), mask);
            h_high = q16_and(q16_right(h, j), mask);
        } else {
            q16 h0 = q16_load(high), h1 = q16_load(high + 64), mask = q16_set(0x30303030);
            h_low = q16_and(j <= 2 ? q16_left(h0, 4 - 2 * j) : q16_right(h0, 2), mask);
            h_high = q16_and(j <= 2 ? q16_left(h1, 4 - 2 * j) : q16_right(h1, 2), mask);
        }
        a = q16_or(a, h_low);
        b = q16_or(b, h_high);
        w[0] = q16_and(a, bytes);
        w[1] = q16_right(a, 8);
        w[2] = q16_and(b, bytes);
        w[3] = q16_right(b, 8);
    } else {
        const q16 mask = q16_set(0x000f000f);
        w[0] = q16_and(v, mask);
        w[1] = q16_and(q16_right(v, 8), mask);
        w[2] = q16_and(q16_right(v, 4), mask);
        w[3] = q16_right(v, 12);
    }
}

/* Byte i of each lane. */
static WEIR_INLINE v16 t16_byte(q16 a, const int i) {
    return q16_float(q16_and(q16_shift_lane(a, 8 * i), q16_set(0xff)));
}

/* Scales of a unit of n groups: s [n][16] (q6_k: [2 n][16]), m [n][16] what is added. */
static WEIR_INLINE void t16_scales(const weir_format_id f, const uint8_t *unit, const uint32_t n,
                                   float *s, float *m) {
    const uint8_t *at = unit + n * (t16_code_bytes(f) + t16_high_bytes(f));
    if (f == WEIR_FORMAT_Q4_1 || f == WEIR_FORMAT_Q5_1) {
        v16_store(s, v16_from_f16(at));
        v16_store(m, v16_from_f16(at + 32));
    } else if (f == WEIR_FORMAT_MXFP4) {
        for (uint32_t g = 0; g < n; g++)
            for (int r = 0; r < WEIR_T16_ROWS; r++)
                s[16 * g + r] = weir_mxfp4_scale(at[16 * g + r]);
    } else if (f == WEIR_FORMAT_Q4_K || f == WEIR_FORMAT_Q5_K) {
        q16 in0 = q16_load(at), in1 = q16_load(at + 64), in2 = q16_load(at + 128);
        v16 d = v16_from_f16(at + 192), dmin = v16_from_f16(at + 224);
        const q16 six = q16_set(0x3f3f3f3f), four = q16_set(0x0f0f0f0f), two = q16_set(0x03030303);
        q16 sc[2], mins[2];
        sc[0] = q16_and(in0, six);
        sc[1] = q16_or(q16_and(in2, four), q16_left(q16_and(q16_right(in0, 6), two), 4));
        mins[0] = q16_and(in1, six);
        mins[1] =
            q16_or(q16_and(q16_right(in2, 4), four), q16_left(q16_and(q16_right(in1, 6), two), 4));
        WEIR_UNROLL for (int g = 0; g < 8; g++) {
            v16_store(s + 16 * g, v16_mul(d, t16_byte(sc[g / 4], g % 4)));
            v16 least = v16_mul(dmin, t16_byte(mins[g / 4], g % 4));
            v16_store(m + 16 * g, v16_sub(v16_zero(), least)); /* +0 for -0 changes no sum */
        }
    } else if (f == WEIR_FORMAT_IQ4_XS) {
        v16 d = v16_from_f16(at + 96);
        float ds[16];
        v16_store(ds, d);
        for (int g = 0; g < 8; g++)
            for (int r = 0; r < WEIR_T16_ROWS; r++) {
                int low = at[4 * r + g / 2] >> 4 * (g % 2) & 15;
                int high = weir_load_u16(at + 64 + 2 * r) >> 2 * g & 3;
                s[16 * g + r] = ds[r] * (float)((low | high << 4) - 32);
            }
    } else if (f == WEIR_FORMAT_Q6_K) {
        const uint8_t *d_at = at + 32 * n;
        for (uint32_t h = 0; h < 2 * n; h++) {
            v16 d = v16_from_f16(d_at + h / 16 * 32);
            v16_store(s + 16 * h, v16_mul(d, v16_from_i8(b16_load(at + 16 * h))));
        }
    } else {
        for (uint32_t g = 0; g < n; g++)
            v16_store(s + 16 * g, v16_from_f16(at + 32 * g));
    }
}

/* ---- activations ---------------------------------------------------------------------------- */

typedef struct t16_row {
    const uint8_t *q;
    const float *scale, *sums;
    const int32_t *parts;
} t16_row;

static WEIR_INLINE t16_row t16_row_of(const uint8_t *x, uint32_t n_cols) {
    return (t16_row){.q = x,
                     .scale = (const float *)(x + weir_q15_scale_at(n_cols)),
                     .sums = (const float *)(x + weir_q15_sums_at(n_cols)),
                     .parts = (const int32_t *)(x + weir_q15_parts_at(n_cols))};
}

/* Line `line` of the unit at `at`, of the streams' futures. */
static WEIR_INLINE void t16_prefetch(const uint8_t *at, size_t line) {
    WEIR_PREFETCH_FAR((uintptr_t)at + T16_FAR + 64 * line);
    WEIR_PREFETCH((uintptr_t)at + T16_NEAR + 64 * line);
}

/* ---- few rows ------------------------------------------------------------------------------- */

/* Strips that are walked together, and the rows of activations they meet. */
typedef struct t16_few_rows {
    t16_row x[T16_FEW];
    float *y[T16_FEW]; /* [16 n_strips] each */
} t16_few_rows;

/* The unit's part of 16 sums of each row, at y[j] + y_at. first: its first group in the row. */
static WEIR_INLINE void t16_unit_few(const weir_format_id f, const int n_x, const uint8_t *unit,
                                     const uint32_t n, const t16_few_rows *rows, uint32_t first,
                                     size_t y_at) {
    float s[T16_UNIT_SCALES * 16], m[8 * 16];
    t16_scales(f, unit, n, s, m);
    const uint8_t *high = unit + n * t16_code_bytes(f);
    /* Two chains of sums a row where the chains of few rows would wait for themselves. */
    const bool is_split = f == WEIR_FORMAT_Q6_K || n_x < 3;
    v16 sum[T16_FEW];
    WEIR_UNROLL for (int r = 0; r < n_x; r++) {
        sum[r] = v16_load(rows->y[r] + y_at);
    }
    const uint32_t n_lines = (uint32_t)(t16_unit_bytes(f, n) + 63) / 64;
    for (uint32_t g = 0; g < n; g++) {
        /* A few lines at a time: more than a processor keeps under way would wait, and then none
         * would be asked for while the unit is computed. */
        for (uint32_t line = g * n_lines / n; line < (g + 1) * n_lines / n; line++)
            t16_prefetch(unit, line);
        const uint8_t *codes = unit + g * t16_code_bytes(f);
        const size_t q_at = (size_t)(first + g) * 64;
        q16 low[T16_FEW], up[T16_FEW];
        WEIR_UNROLL for (int r = 0; r < n_x; r++) {
            const int32_t *parts = rows->x[r].parts + (size_t)2 * (first + g);
            if (is_split) {
                low[r] = q16_set(-t16_offset(f) * parts[0]);
                up[r] = q16_set(-t16_offset(f) * parts[1]);
            } else {
                low[r] = q16_set(-t16_offset(f) * (parts[0] + parts[1]));
            }
        }
        WEIR_UNROLL for (int j = 0; j < 4; j++) {
            q16 w[4];
            t16_pairs(f, codes, high + g * t16_high_bytes(f), j, w);
            /* One pair for all rows before the next: their sums do not wait for each other. */
            WEIR_UNROLL for (int k = 0; k < 4; k++) {
                q16 *sums = is_split && k >= 2 ? up : low;
                WEIR_UNROLL for (int r = 0; r < n_x; r++) {
                    const uint8_t *q = rows->x[r].q + q_at + 8 * j + 4 * (k % 2) + 32 * (k / 2);
                    sums[r] = q16_dot_pair(sums[r], w[k], q);
                }
            }
        }
        WEIR_UNROLL for (int r = 0; r < n_x; r++) {
            v16 scale = v16_set(rows->x[r].scale[first + g]);
            if (f == WEIR_FORMAT_Q6_K) {
                v16 s_low = v16_load(s + 32 * g), s_up = v16_load(s + 32 * g + 16);
                sum[r] = v16_fma(q16_float(low[r]), v16_mul(s_low, scale), sum[r]);
                sum[r] = v16_fma(q16_float(up[r]), v16_mul(s_up, scale), sum[r]);
            } else {
                v16 c = q16_float(is_split ? q16_add(low[r], up[r]) : low[r]);
                sum[r] = v16_fma(c, v16_mul(v16_load(s + 16 * g), scale), sum[r]);
            }
            if (t16_has_minimum(f))
                sum[r] = v16_fma(v16_load(m + 16 * g), v16_set(rows->x[r].sums[first + g]), sum[r]);
        }
    }
    WEIR_UNROLL for (int r = 0; r < n_x; r++) {
        v16_store(rows->y[r] + y_at, sum[r]);
    }
}

static WEIR_INLINE void t16_few(const weir_format_id f, const int n_x, const uint8_t *strips,
                                size_t strip_bytes, uint32_t n_strips,
                                const uint8_t *const *activations, uint32_t n_cols,
                                float *const *y) {
    const uint32_t n_groups = n_cols / WEIR_T16_GROUP, n = t16_groups(f);
    const size_t bytes = t16_unit_bytes(f, n);
    t16_few_rows rows;
    for (int r = 0; r < n_x; r++) {
        rows.x[r] = t16_row_of(activations[r], n_cols);
        rows.y[r] = y[r];
        memset(y[r], 0, (size_t)n_strips * WEIR_T16_ROWS * sizeof(float));
    }
    for (uint32_t begin = 0; begin < n_strips; begin += WEIR_T16_STREAMS) {
        uint32_t end = n_strips - begin < WEIR_T16_STREAMS ? n_strips : begin + WEIR_T16_STREAMS;
        const uint8_t *at = strips;
        uint32_t g = 0;
        for (; g + n <= n_groups; g += n, at += bytes)
            for (uint32_t i = begin; i < end; i++)
                t16_unit_few(f, n_x, at + i * strip_bytes, n, &rows, g, (size_t)i * WEIR_T16_ROWS);
        if (f == WEIR_FORMAT_Q6_K && g < n_groups)
            for (uint32_t i = begin; i < end; i++)
                t16_unit_few(f, n_x, at + i * strip_bytes, n / 2, &rows, g,
                             (size_t)i * WEIR_T16_ROWS);
    }
}

/* ---- many rows ------------------------------------------------------------------------------ */

/* Groups of a strip, taken apart. */
typedef struct t16_slice {
    WEIR_ALIGN(64) uint8_t pairs[T16_SLICE * T16_PAIRS];
    float s[2 * T16_SLICE * 16], m[T16_SLICE * 16];
} t16_slice;

/* A unit of n groups as groups at .. at + n - 1 of the slice. */
static WEIR_INLINE void t16_unit_apart(const weir_format_id f, const uint8_t *unit,
                                       const uint32_t n, t16_slice *slice, uint32_t at) {
    const uint32_t per_group = f == WEIR_FORMAT_Q6_K ? 32 : 16;
    const uint8_t *high = unit + n * t16_code_bytes(f);
    t16_scales(f, unit, n, slice->s + at * per_group, slice->m + at * 16);
    for (uint32_t g = 0; g < n; g++) {
        uint8_t *pairs = slice->pairs + (size_t)(at + g) * T16_PAIRS;
        WEIR_UNROLL for (int j = 0; j < 4; j++) {
            q16 w[4];
            t16_pairs(f, unit + g * t16_code_bytes(f), high + g * t16_high_bytes(f), j, w);
            q16_store(pairs + 128 * j, w[0]);
            q16_store(pairs + 128 * j + 64, w[1]);
            q16_store(pairs + 128 * j + 512, w[2]);
            q16_store(pairs + 128 * j + 576, w[3]);
        }
    }
}

/* How groups are summed: once; with a minimum beside; in halves of 16 columns. */
typedef enum t16_kind { T16_PLAIN, T16_MINIMUM, T16_HALVES } t16_kind;

static WEIR_INLINE t16_kind t16_kind_of(const weir_format_id f) {
    return f == WEIR_FORMAT_Q6_K ? T16_HALVES : t16_has_minimum(f) ? T16_MINIMUM : T16_PLAIN;
}

/* sum[j] += scales times the products of pairs begin .. end - 1 of group g, whose codes are stored
 * `offset` too large; parts: the activations' sums over these pairs. */
static WEIR_INLINE void t16_tile_group(const int n_x, const uint8_t *pairs, const int begin,
                                       const int end, const t16_row *x, uint32_t g,
                                       const int32_t *offsets, v16 s, v16 *sum) {
    q16 c[T16_X];
    WEIR_UNROLL for (int j = 0; j < n_x; j++) c[j] = q16_set(offsets[j]);
    WEIR_UNROLL_4 for (int p = begin; p < end; p++) {
        q16 w = q16_load(pairs + 64 * p);
        WEIR_UNROLL for (int j = 0; j < n_x; j++) {
            c[j] = q16_dot_pair(c[j], w, x[j].q + (size_t)g * 64 + 4 * p);
        }
    }
    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
        sum[j] = v16_fma(q16_float(c[j]), v16_mul(s, v16_set(x[j].scale[g])), sum[j]);
    }
}

/* n groups of the slice, beginning with group `first` of the row, times n_x rows. */
static WEIR_INLINE void t16_tile(const t16_kind kind, const int n_x, const t16_slice *slice,
                                 uint32_t n, uint32_t first, const t16_row *x, int32_t offset,
                                 float *const *y, size_t y_at) {
    v16 sum[T16_X];
    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
        sum[j] = first == 0 ? v16_zero() : v16_load(y[j] + y_at);
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *pairs = slice->pairs + (size_t)i * T16_PAIRS;
        uint32_t g = first + i;
        int32_t c[T16_X];
        if (kind == T16_HALVES) {
            WEIR_UNROLL for (int half = 0; half < 2; half++) {
                WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                    c[j] = -offset * x[j].parts[2 * g + half];
                }
                t16_tile_group(n_x, pairs, 8 * half, 8 * half + 8, x, g, c,
                               v16_load(slice->s + 32 * i + 16 * half), sum);
            }
            continue;
        }
        WEIR_UNROLL for (int j = 0; j < n_x; j++) {
            c[j] = -offset * (x[j].parts[2 * g] + x[j].parts[2 * g + 1]);
        }
        t16_tile_group(n_x, pairs, 0, 16, x, g, c, v16_load(slice->s + 16 * i), sum);
        if (kind == T16_MINIMUM) {
            v16 m = v16_load(slice->m + 16 * i);
            WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                sum[j] = v16_fma(m, v16_set(x[j].sums[g]), sum[j]);
            }
        }
    }
    WEIR_UNROLL for (int j = 0; j < n_x; j++) v16_store(y[j] + y_at, sum[j]);
}

typedef void t16_tile_fn(const t16_slice *slice, uint32_t n, uint32_t first, const t16_row *x,
                         int32_t offset, float *const *y, size_t y_at);

#define T16_TILE(KIND, n_x)                                                                 \
    static void t16_tile_##KIND##_##n_x(const t16_slice *slice, uint32_t n, uint32_t first, \
                                        const t16_row *x, int32_t offset, float *const *y,  \
                                        size_t y_at) {                                      \
        t16_tile(T16_##KIND, n_x, slice, n, first, x, offset, y, y_at);                     \
    }
#define T16_TILES(n_x)     \
    T16_TILE(PLAIN, n_x)   \
    T16_TILE(MINIMUM, n_x) \
    T16_TILE(HALVES, n_x)
#define T16_TILE_ROW(n_x) \
    { t16_tile_PLAIN_##n_x, t16_tile_MINIMUM_##n_x, t16_tile_HALVES_##n_x }

T16_TILE_LIST(T16_TILES)
#define T16_COMMA_ROW(n_x) T16_TILE_ROW(n_x),
static t16_tile_fn *const t16_tiles[T16_X][3] = {T16_TILE_LIST(T16_COMMA_ROW)};

#ifdef T16_TWO
/* Two strips by n_x rows: a pair of activations is loaded once for both. The sums are those of
 * t16_tile, to the bit. */
static WEIR_INLINE void t16_two_group(const int n_x, const uint8_t *pairs[2], const int begin,
                                      const int end, const t16_row *x, uint32_t g,
                                      const int32_t *offsets, const v16 s[2], v16 sum[2][T16_TWO]) {
    q16 a[T16_TWO], b[T16_TWO];
    WEIR_UNROLL for (int j = 0; j < n_x; j++) a[j] = b[j] = q16_set(offsets[j]);
    for (int p = begin; p < end; p++) {
        q16 wa = q16_load(pairs[0] + 64 * p), wb = q16_load(pairs[1] + 64 * p);
        WEIR_UNROLL for (int j = 0; j < n_x; j++) {
            q16 pair = q16_pair(x[j].q + (size_t)g * 64 + 4 * p);
            a[j] = q16_dot(a[j], wa, pair);
            b[j] = q16_dot(b[j], wb, pair);
        }
    }
    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
        v16 scale = v16_set(x[j].scale[g]);
        sum[0][j] = v16_fma(q16_float(a[j]), v16_mul(s[0], scale), sum[0][j]);
        sum[1][j] = v16_fma(q16_float(b[j]), v16_mul(s[1], scale), sum[1][j]);
    }
}

/* As t16_tile, of two strips: the sums of the second lie 16 behind those of the first. */
static WEIR_INLINE void t16_two(const t16_kind kind, const int n_x, const t16_slice *slices,
                                uint32_t n, uint32_t first, const t16_row *x, int32_t offset,
                                float *const *y, size_t y_at) {
    v16 sum[2][T16_TWO];
    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
        sum[0][j] = first == 0 ? v16_zero() : v16_load(y[j] + y_at);
        sum[1][j] = first == 0 ? v16_zero() : v16_load(y[j] + y_at + WEIR_T16_ROWS);
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *pairs[2] = {slices[0].pairs + (size_t)i * T16_PAIRS,
                                   slices[1].pairs + (size_t)i * T16_PAIRS};
        uint32_t g = first + i;
        int32_t c[T16_TWO];
        if (kind == T16_HALVES) {
            WEIR_UNROLL for (int half = 0; half < 2; half++) {
                const v16 s[2] = {v16_load(slices[0].s + 32 * i + 16 * half),
                                  v16_load(slices[1].s + 32 * i + 16 * half)};
                WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                    c[j] = -offset * x[j].parts[2 * g + half];
                }
                t16_two_group(n_x, pairs, 8 * half, 8 * half + 8, x, g, c, s, sum);
            }
            continue;
        }
        const v16 s[2] = {v16_load(slices[0].s + 16 * i), v16_load(slices[1].s + 16 * i)};
        WEIR_UNROLL for (int j = 0; j < n_x; j++) {
            c[j] = -offset * (x[j].parts[2 * g] + x[j].parts[2 * g + 1]);
        }
        t16_two_group(n_x, pairs, 0, 16, x, g, c, s, sum);
        if (kind == T16_MINIMUM) {
            const v16 m[2] = {v16_load(slices[0].m + 16 * i), v16_load(slices[1].m + 16 * i)};
            WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                v16 total = v16_set(x[j].sums[g]);
                sum[0][j] = v16_fma(m[0], total, sum[0][j]);
                sum[1][j] = v16_fma(m[1], total, sum[1][j]);
            }
        }
    }
    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
        v16_store(y[j] + y_at, sum[0][j]);
        v16_store(y[j] + y_at + WEIR_T16_ROWS, sum[1][j]);
    }
}

#define T16_TWO_TILE(KIND, n_x)                                                             \
    static void t16_two_##KIND##_##n_x(const t16_slice *slices, uint32_t n, uint32_t first, \
                                       const t16_row *x, int32_t offset, float *const *y,   \
                                       size_t y_at) {                                       \
        t16_two(T16_##KIND, n_x, slices, n, first, x, offset, y, y_at);                     \
    }
#define T16_TWO_TILES(n_x)     \
    T16_TWO_TILE(PLAIN, n_x)   \
    T16_TWO_TILE(MINIMUM, n_x) \
    T16_TWO_TILE(HALVES, n_x)
#define T16_TWO_ROW(n_x) {t16_two_PLAIN_##n_x, t16_two_MINIMUM_##n_x, t16_two_HALVES_##n_x},

T16_TWO_LIST(T16_TWO_TILES)
static t16_tile_fn *const t16_twos[T16_TWO][3] = {T16_TWO_LIST(T16_TWO_ROW)};
#endif

/* A slice is whole units: 256 columns of most formats, 512 of q6_k. */
static WEIR_INLINE uint32_t t16_slice_groups(const weir_format_id f) {
    return t16_groups(f) > 8 ? t16_groups(f) : 8;
}

/* Takes the units of a slice apart that begins with group `first` of the row. *at: the strip there,
 * moved behind them. Returns how many groups there are. */
static WEIR_INLINE uint32_t t16_slice_apart(const weir_format_id f, const uint8_t **at,
                                            uint32_t first, uint32_t n_groups, t16_slice *slice) {
    const uint32_t unit = t16_groups(f);
    const size_t unit_bytes = t16_unit_bytes(f, unit);
    uint32_t n = 0;
    for (; n < t16_slice_groups(f) && first + n + unit <= n_groups; n += unit) {
        for (size_t line = 0; line < unit_bytes; line += 64)
            t16_prefetch(*at, line / 64);
        t16_unit_apart(f, *at, unit, slice, n);
        *at += unit_bytes;
    }
    if (f == WEIR_FORMAT_Q6_K && n == 0) {
        t16_unit_apart(f, *at, unit / 2, slice, 0);
        n = unit / 2;
    }
    return n;
}

/* n_strips slices at once, with tiles of that many strips by up to `width` rows. */
static WEIR_INLINE void t16_rows_of_tiles(const weir_format_id f, t16_tile_fn *const (*tiles)[3],
                                          const uint32_t width, const t16_slice *slices, uint32_t n,
                                          uint32_t first, const uint8_t *const *activations,
                                          uint32_t n_x, uint32_t n_cols, float *const *y,
                                          size_t y_at) {
    for (uint32_t begin = 0; begin < n_x; begin += width) {
        t16_row x[T16_X];
        uint32_t n_now = n_x - begin < width ? n_x - begin : width;
        for (uint32_t j = 0; j < n_now; j++)
            x[j] = t16_row_of(activations[begin + j], n_cols);
        tiles[n_now - 1][t16_kind_of(f)](slices, n, first, x, t16_offset(f), y + begin, y_at);
    }
}

static WEIR_INLINE void t16_many(const weir_format_id f, const uint8_t *strips, size_t strip_bytes,
                                 uint32_t n_strips, const uint8_t *const *activations, uint32_t n_x,
                                 uint32_t n_cols, float *const *y) {
    const uint32_t n_groups = n_cols / WEIR_T16_GROUP;
    uint32_t i = 0;
#ifdef T16_TWO
    t16_slice slices[2];
    for (; i + 2 <= n_strips; i += 2) {
        const uint8_t *at[2] = {strips + i * strip_bytes, strips + (i + 1) * strip_bytes};
        for (uint32_t first = 0; first < n_groups; first += t16_slice_groups(f)) {
            uint32_t n = t16_slice_apart(f, &at[0], first, n_groups, &slices[0]);
            t16_slice_apart(f, &at[1], first, n_groups, &slices[1]);
            t16_rows_of_tiles(f, t16_twos, T16_TWO, slices, n, first, activations, n_x, n_cols, y,
                              (size_t)i * WEIR_T16_ROWS);
        }
    }
#else
    t16_slice slices[1];
#endif
    for (; i < n_strips; i++) {
        const uint8_t *at = strips + i * strip_bytes;
        for (uint32_t first = 0; first < n_groups; first += t16_slice_groups(f)) {
            uint32_t n = t16_slice_apart(f, &at, first, n_groups, slices);
            t16_rows_of_tiles(f, t16_tiles, T16_X, slices, n, first, activations, n_x, n_cols, y,
                              (size_t)i * WEIR_T16_ROWS);
        }
    }
}

/* ---- the table ------------------------------------------------------------------------------ */

#define T16_CASE(n)                                                      \
    case n:                                                              \
        t16_few(format, n, strips, strip_bytes, n_strips, x, n_cols, y); \
        break;

#define T16_FORMAT(ID, name)                                                             \
    static void t16_##name(const uint8_t *strips, size_t strip_bytes, uint32_t n_strips, \
                           const uint8_t *const *x, uint32_t n_x, uint32_t n_cols,       \
                           float *const *y) {                                            \
        const weir_format_id format = WEIR_FORMAT_##ID;                                  \
        switch (n_x) {                                                                   \
            T16_FEW_LIST(T16_CASE)                                                       \
        default:                                                                         \
            t16_many(format, strips, strip_bytes, n_strips, x, n_x, n_cols, y);          \
        }                                                                                \
    }

T16_FORMAT(Q4_0, q4_0)
T16_FORMAT(Q4_1, q4_1)
T16_FORMAT(Q5_0, q5_0)
T16_FORMAT(Q5_1, q5_1)
T16_FORMAT(Q8_0, q8_0)
T16_FORMAT(IQ4_NL, iq4_nl)
T16_FORMAT(IQ4_XS, iq4_xs)
T16_FORMAT(MXFP4, mxfp4)
T16_FORMAT(Q4_K, q4_k)
T16_FORMAT(Q5_K, q5_k)
T16_FORMAT(Q6_K, q6_k)

static inline void t16_fill(weir_cpu_kernels *k) {
#define T16_ENTRY(ID, name) k->t16[WEIR_FORMAT_##ID] = t16_##name;
    T16_ENTRY(Q4_0, q4_0)
    T16_ENTRY(Q4_1, q4_1)
    T16_ENTRY(Q5_0, q5_0)
    T16_ENTRY(Q5_1, q5_1)
    T16_ENTRY(Q8_0, q8_0)
    T16_ENTRY(IQ4_NL, iq4_nl)
    T16_ENTRY(IQ4_XS, iq4_xs)
    T16_ENTRY(MXFP4, mxfp4)
    T16_ENTRY(Q4_K, q4_k)
    T16_ENTRY(Q5_K, q5_k)
    T16_ENTRY(Q6_K, q6_k)
#undef T16_ENTRY
}

#endif
