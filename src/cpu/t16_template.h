/*
 * t16_template.h: integer products over packed strips and the activations they take (t16.h), for
 * instruction sets whose products are pairs of 16-bit numbers (q15) and fours of bytes (q8).
 *
 * Contract: included once per instruction set after the words of t16_formats_template.h and these:
 *   - q16_add
 *   - q16_pair(p): the two int16 at p, to all lanes
 *   - q16_even_i8(a) q16_odd_i8(a): bytes 0 and 2, or 1 and 3 of each lane, as signed 16 bits
 *   - q16_dot(sum, a, b): sum + a.low b.low + a.high b.high per lane
 *   - q16_dot_pair(sum, a, p): q16_dot(sum, a, q16_pair(p))
 *   - T16_FEW, T16_FEW_LIST(X): so many rows of activations meet the codes in registers;
 *     X(1) .. X(T16_FEW)
 *   - T16_FEW_TWO, if it pays: they meet two strips at a time
 *   - t16_some(format, is_q8, has_tiles_soon): up to so many rows pay in passes of T16_FEW
 *   - T16_X, T16_TILE_LIST(X): rows of activations in one tile, whose integer and float sums stay
 *     in registers together; X(1) .. X(T16_X)
 *   - T16_TWO, T16_TWO_LIST(X), if they pay: the same of tiles of two strips
 *   - q16_xor; and for products of bytes, with T16_NARROW 0 if their sums stay in 32 bits (VNNI):
 *     q16_dot_bytes(sum, a, b): sum + the four products of a lane's unsigned bytes of a by the
 *     signed ones of b; q16_dot_quad(sum, a, p): the same by the four signed bytes at p
 *   - or T16_NARROW 1 if products are added by twos to 16 bits, where only some of them fit:
 *     q16_bytes(a, b): unsigned a by signed b, may saturate beyond 2 x 127 x 127;
 *     q16_signed_bytes(a, b): signed a, -128 too; q16_add_i16(a, b); q16_widen(a): the two sums of
 *     16 bits in a lane added as 32
 * The unit fills the entries q15 and q8 itself.
 *
 * Bytes: codes that are signed are made unsigned by 128 more where sums are wide; the activations'
 * sums take that away again, as they do for other offsets. So the integers are those of t16.h in
 * any case.
 *
 * A few rows walk up to WEIR_T16_STREAMS strips together, a unit of each at a time: so many streams
 * of memory keep enough misses under way, where a processor does not follow one stream better
 * (kernels.c). Each of several asks twice for what it will need: far ahead into the
 * second cache, and into the first one so short before that all streams' lines fit there (strips
 * are often a multiple of 2 KiB long, so their lines meet in few sets). One alone asks once.
 * More rows take a strip's codes apart once, a slice of columns at a time, into pairs that lie in
 * the first cache.
 */
#ifndef WEIR_CPU_T16_TEMPLATE_H
#define WEIR_CPU_T16_TEMPLATE_H

#include "cpu/t16_formats_template.h"

enum {
    T16_PAIRS = 16 * 64,         /* bytes of the pairs of a group */
    T16_PASS_BYTES = 256 * 1024, /* of strips that rows meet in several passes */
    T16_STRIPS = 2               /* that meet activations together, at most */
};

/* ---- sums of products ----------------------------------------------------------------------- */

/* Pairs of quarter j of a group: w[0], w[1] meet pairs 2 j, 2 j + 1 of the activations, w[2], w[3]
 * pairs 2 j + 8, 2 j + 9. */
static WEIR_INLINE void t16_pairs(const weir_format_id f, const uint8_t *codes, const uint8_t *high,
                                  const int j, q16 w[4]) {
    if (!t16_is_signed(f) && t16_high_bytes(f) == 0) { /* less to do than with bytes between */
        const q16 mask = q16_set(0x000f000f);
        q16 v = q16_load(codes + 64 * j);
        w[0] = q16_and(v, mask);
        w[1] = q16_and(q16_right(v, 8), mask);
        w[2] = q16_and(q16_right(v, 4), mask);
        w[3] = q16_right(v, 12);
        return;
    }
    q16 a, b;
    t16_quads(f, codes, high, j, &a, &b);
    if (t16_is_signed(f)) {
        w[0] = q16_even_i8(a);
        w[1] = q16_odd_i8(a);
        w[2] = q16_even_i8(b);
        w[3] = q16_odd_i8(b);
    } else {
        const q16 bytes = q16_set(0x00ff00ff);
        w[0] = q16_and(a, bytes);
        w[1] = q16_right(a, 8);
        w[2] = q16_and(b, bytes);
        w[3] = q16_right(b, 8);
    }
}

/* What codes are multiplied as, and so which activations they meet: 16: q15, in pairs. Else q8, in
 * bytes: how many bits a code has, 8 if it is signed. */
enum { T16_AS_PAIRS = 16 };

static WEIR_INLINE int t16_bits_of(const weir_format_id f, const bool is_q8) {
    return !is_q8                  ? T16_AS_PAIRS
           : t16_is_signed(f)      ? 8
           : f == WEIR_FORMAT_Q6_K ? 6
           : t16_has_fifth_bits(f) ? 5
                                   : 4;
}

/* Bytes of the q of a group of activations; the group; what follows the q. Vectors of a group of
 * codes. */
static WEIR_INLINE size_t t16_q_bytes(const int bits) {
    return bits == T16_AS_PAIRS ? 64 : 32;
}
static WEIR_INLINE const uint8_t *t16_x_group(const int bits, const uint8_t *x, uint32_t g) {
    return x + g * (t16_q_bytes(bits) + sizeof(weir_t16_tail));
}
static WEIR_INLINE const weir_t16_tail *t16_x_tail(const int bits, const uint8_t *x, uint32_t g) {
    return (const weir_t16_tail *)(t16_x_group(bits, x, g) + t16_q_bytes(bits));
}
static WEIR_INLINE int t16_vectors(const int bits) {
    return bits == T16_AS_PAIRS ? 16 : 8;
}

/* What codes are too large by when they are multiplied. */
static WEIR_INLINE int32_t t16_offset_as(const weir_format_id f, const int bits) {
    return bits == 8 && !T16_NARROW ? 128 : t16_offset(f);
}

/* Quarter j of a group, ready to be multiplied: half of the vectors are columns 4 j .. 4 j + 3, the
 * others 16 + 4 j .. */
static WEIR_INLINE void t16_codes(const weir_format_id f, const int bits, const uint8_t *codes,
                                  const uint8_t *high, const int j, q16 w[4]) {
    if (bits == T16_AS_PAIRS) {
        t16_pairs(f, codes, high, j, w);
        return;
    }
    t16_quads(f, codes, high, j, &w[0], &w[1]);
    if (bits == 8 && !T16_NARROW) {
        const q16 sign = q16_set(INT32_MIN + 0x00808080);
        w[0] = q16_xor(w[0], sign);
        w[1] = q16_xor(w[1], sign);
    }
}

/* A chain of products. part: sums of 16 bits that are not in sum yet. */
typedef struct t16_chain {
    q16 sum;
#if T16_NARROW
    q16 part;
#endif
} t16_chain;

/* Number `at` of the n products of a chain: a vector of codes by four bytes of activations, which
 * lie at p; x: the same in all lanes, or NULL. */
static WEIR_INLINE void t16_multiply(const int bits, t16_chain *to, q16 codes, const uint8_t *p,
                                     const q16 *x, const int at, const int n) {
    if (bits == T16_AS_PAIRS) {
        to->sum = x ? q16_dot(to->sum, codes, *x) : q16_dot_pair(to->sum, codes, p);
        return;
    }
#if T16_NARROW
    /* The largest code, times 127, twice, so many times. */
    const int fit = bits == 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1;
    q16 quad = x ? *x : q16_pair(p);
    q16 products = bits == 8 ? q16_signed_bytes(codes, quad) : q16_bytes(codes, quad);
    to->part = at % fit == 0 ? products : q16_add_i16(to->part, products);
    if ((at + 1) % fit == 0 || at + 1 == n)
        to->sum = q16_add(to->sum, q16_widen(to->part));
#else
    (void)at;
    (void)n;
    to->sum = x ? q16_dot_bytes(to->sum, codes, *x) : q16_dot_quad(to->sum, codes, p);
#endif
}

/* ---- few rows ------------------------------------------------------------------------------- */

/* How many strips n_x rows meet at a time. While memory is waited for anyway, one stream is read
 * faster: with more bytes a group that is so up to more rows (Zen 5). */
static WEIR_INLINE int t16_few_strips(const weir_format_id f, const bool is_q8, const int n_x) {
#ifdef T16_FEW_TWO
    const int least = f == WEIR_FORMAT_Q8_0 || f == WEIR_FORMAT_Q6_K ? 6 : 5;
    return is_q8 && n_x >= least ? 2 : 1;
#else
    (void)f;
    (void)is_q8;
    (void)n_x;
    return 1;
#endif
}

/* Strips that are walked together, and the rows of activations they meet. */
typedef struct t16_few_rows {
    const uint8_t *x[T16_FEW];
    float *y[T16_FEW]; /* [16 n_strips] each */
} t16_few_rows;

/* The part of 16 sums of each row and of n_s strips, at y[j] + y_at, of the units where the streams
 * are. first: their first group in the row. */
static WEIR_INLINE void t16_unit_few(const weir_format_id f, const bool is_q8, const int n_s,
                                     const int n_x, const t16_stream *streams, const uint32_t n,
                                     const t16_few_rows *rows, uint32_t first, size_t y_at) {
    float s[T16_STRIPS][T16_UNIT_SCALES * 16], m[T16_STRIPS][8 * 16];
    WEIR_UNROLL for (int i = 0; i < n_s; i++) t16_scales(f, streams[i].at, n, s[i], m[i]);
    const size_t high_at = n * t16_code_bytes(f);
    const int bits = t16_bits_of(f, is_q8), n_half = t16_vectors(bits) / 8;
    /* Two chains of sums a row where the chains of few rows would wait for themselves; but narrow
     * sums, which pay for each chain. */
    const bool is_split = f == WEIR_FORMAT_Q6_K || (n_s * n_x < 3 && !(is_q8 && T16_NARROW));
    const int32_t offset = t16_offset_as(f, bits);
    v16 sum[T16_STRIPS][T16_FEW];
    WEIR_UNROLL for (int i = 0; i < n_s; i++) {
        WEIR_UNROLL for (int r = 0; r < n_x; r++) {
            sum[i][r] = v16_load(rows->y[r] + y_at + (size_t)i * WEIR_T16_ROWS);
        }
    }
    const uint32_t n_lines = (uint32_t)(t16_unit_bytes(f, n) + 63) / 64;
    for (uint32_t g = 0; g < n; g++) {
        /* A few lines at a time: more than a processor keeps under way would wait, and then none
         * would be asked for while the unit is computed. */
        for (uint32_t line = g * n_lines / n; line < (g + 1) * n_lines / n; line++) {
            WEIR_UNROLL for (int i = 0; i < n_s; i++) t16_prefetch(&streams[i], line);
        }
        t16_chain low[T16_STRIPS][T16_FEW], up[T16_STRIPS][T16_FEW];
        WEIR_UNROLL for (int r = 0; r < n_x; r++) {
            const int32_t *parts = t16_x_tail(bits, rows->x[r], first + g)->parts;
            WEIR_UNROLL for (int i = 0; i < n_s; i++) {
                if (is_split) {
                    low[i][r].sum = q16_set(-offset * parts[0]);
                    up[i][r].sum = q16_set(-offset * parts[1]);
                } else {
                    low[i][r].sum = q16_set(-offset * (parts[0] + parts[1]));
                }
            }
        }
        WEIR_UNROLL for (int j = 0; j < 4; j++) {
            q16 w[T16_STRIPS][4];
            WEIR_UNROLL for (int i = 0; i < n_s; i++) {
                const uint8_t *unit = streams[i].at;
                t16_codes(f, bits, unit + g * t16_code_bytes(f),
                          unit + high_at + g * t16_high_bytes(f), j, w[i]);
            }
            /* One vector for all rows before the next: their sums do not wait for each other. */
            WEIR_UNROLL for (int k = 0; k < 2 * n_half; k++) {
                const bool is_up = k >= n_half;
                const size_t at = is_up * t16_q_bytes(bits) / 2 + 4 * (n_half * j + k % n_half);
                const int number = is_split ? j : 2 * j + k, n_products = is_split ? 4 : 8;
                WEIR_UNROLL for (int r = 0; r < n_x; r++) {
                    const uint8_t *p = t16_x_group(bits, rows->x[r], first + g) + at;
                    if (n_s == 1) {
                        t16_multiply(bits, is_split && is_up ? &up[0][r] : &low[0][r], w[0][k], p,
                                     NULL, number, n_products);
                        continue;
                    }
                    q16 both = q16_pair(p); /* loaded once for two strips */
                    WEIR_UNROLL for (int i = 0; i < n_s; i++) {
                        t16_multiply(bits, is_split && is_up ? &up[i][r] : &low[i][r], w[i][k], p,
                                     &both, number, n_products);
                    }
                }
            }
        }
        WEIR_UNROLL for (int r = 0; r < n_x; r++) {
            const weir_t16_tail *tail = t16_x_tail(bits, rows->x[r], first + g);
            v16 scale = v16_set(tail->scale);
            WEIR_UNROLL for (int i = 0; i < n_s; i++) {
                v16 *to = &sum[i][r];
                const float *at = s[i];
                if (f == WEIR_FORMAT_Q6_K) {
                    v16 s_low = v16_load(at + 32 * g), s_up = v16_load(at + 32 * g + 16);
                    *to = v16_fma(q16_float(low[i][r].sum), v16_mul(s_low, scale), *to);
                    *to = v16_fma(q16_float(up[i][r].sum), v16_mul(s_up, scale), *to);
                } else {
                    q16 c = is_split ? q16_add(low[i][r].sum, up[i][r].sum) : low[i][r].sum;
                    *to = v16_fma(q16_float(c), v16_mul(v16_load(at + 16 * g), scale), *to);
                }
                if (t16_has_minimum(f))
                    *to = v16_fma(v16_load(m[i] + 16 * g), v16_set(tail->sum), *to);
            }
        }
    }
    WEIR_UNROLL for (int i = 0; i < n_s; i++) {
        WEIR_UNROLL for (int r = 0; r < n_x; r++)
            v16_store(rows->y[r] + y_at + (size_t)i * WEIR_T16_ROWS, sum[i][r]);
    }
}

/* The units of n groups where the stream is and, n_s at a time, those of the strips behind it. */
static WEIR_INLINE void t16_units_few(const weir_format_id f, const bool is_q8, const int n_s,
                                      const int n_x, t16_stream stream, const size_t strip_bytes,
                                      const uint32_t n_now, const uint32_t n,
                                      const t16_few_rows *rows, uint32_t first, size_t y_at) {
    t16_stream streams[T16_STRIPS];
    uint32_t i = 0;
    for (; i + n_s <= n_now; i += n_s) {
        for (int k = 0; k < n_s; k++) {
            streams[k] = stream;
            stream.at += strip_bytes;
            stream.then += strip_bytes;
        }
        t16_unit_few(f, is_q8, n_s, n_x, streams, n, rows, first, y_at + i * WEIR_T16_ROWS);
    }
    for (; n_s > 1 && i < n_now; i++) {
        t16_unit_few(f, is_q8, 1, n_x, &stream, n, rows, first, y_at + i * WEIR_T16_ROWS);
        stream.at += strip_bytes;
        stream.then += strip_bytes;
    }
}

static WEIR_INLINE void t16_few(const weir_format_id f, const bool is_q8, const int n_x,
                                const weir_t16_strips *strips, const uint8_t *const *activations,
                                uint32_t n_cols, float *const *y) {
    const uint32_t n_groups = n_cols / WEIR_T16_GROUP, n = t16_groups(f);
    const size_t bytes = t16_unit_bytes(f, n), strip_bytes = strips->bytes;
    const int n_s = t16_few_strips(f, is_q8, n_x);
    t16_few_rows rows;
    for (int r = 0; r < n_x; r++) {
        rows.x[r] = activations[r];
        rows.y[r] = y[r];
        memset(y[r], 0, (size_t)strips->n * WEIR_T16_ROWS * sizeof(float));
    }
    const uint32_t n_streams = strips->walk.n_streams ? strips->walk.n_streams : WEIR_T16_STREAMS;
    const uint32_t width = n_streams < (uint32_t)n_s ? (uint32_t)n_s : n_streams;
    for (uint32_t begin = 0; begin < strips->n; begin += width) {
        uint32_t left = strips->n - begin, n_now = left < width ? left : width;
        const size_t y_at = (size_t)begin * WEIR_T16_ROWS;
        const uint8_t *now = strips->data + begin * strip_bytes;
        const bool is_last = n_now == left && strips->next;
        t16_stream stream = t16_stream_of(f, n_streams == 1 ? 1 : n_now);
        if (n_streams == 1 && n_s > 1 && t16_bits_of(f, is_q8) == 4)
            stream.near = T16_AHEAD_TWO;
        stream.at = now;
        stream.then = is_last ? (uintptr_t)strips->next : (uintptr_t)now + n_now * strip_bytes;
        stream.left = strip_bytes;
        uint32_t g = 0;
        for (; g + n <= n_groups; g += n, stream.at += bytes, stream.left -= bytes)
            t16_units_few(f, is_q8, n_s, n_x, stream, strip_bytes, n_now, n, &rows, g, y_at);
        if (f == WEIR_FORMAT_Q6_K && g < n_groups)
            t16_units_few(f, is_q8, n_s, n_x, stream, strip_bytes, n_now, n / 2, &rows, g, y_at);
    }
}

/* ---- many rows ------------------------------------------------------------------------------ */

/* Groups of a strip, taken apart: vectors of codes as they are multiplied, columns ascending. */
typedef struct t16_slice {
    WEIR_ALIGN(64) uint8_t codes[T16_SLICE * T16_PAIRS];
    float s[2 * T16_SLICE * 16], m[T16_SLICE * 16];
} t16_slice;

/* q8_0 takes most bytes a group: four of them ask for as much memory at a time as eight of others.
 */
static WEIR_INLINE uint32_t t16_part_groups(const weir_format_id f) {
    return f == WEIR_FORMAT_Q8_0 ? 4 : t16_slice_groups(f);
}

/* A unit of n groups as groups at .. at + n - 1 of the slice. */
static WEIR_INLINE void t16_unit_apart(const weir_format_id f, const int bits, const uint8_t *unit,
                                       const uint32_t n, t16_slice *slice, uint32_t at) {
    const uint32_t per_group = f == WEIR_FORMAT_Q6_K ? 32 : 16;
    const int n_vectors = t16_vectors(bits), n_half = n_vectors / 8;
    const uint8_t *high = unit + n * t16_code_bytes(f);
    t16_scales(f, unit, n, slice->s + at * per_group, slice->m + at * 16);
    for (uint32_t g = 0; g < n; g++) {
        uint8_t *to = slice->codes + (size_t)64 * n_vectors * (at + g);
        WEIR_UNROLL for (int j = 0; j < 4; j++) {
            q16 w[4];
            t16_codes(f, bits, unit + g * t16_code_bytes(f), high + g * t16_high_bytes(f), j, w);
            WEIR_UNROLL for (int k = 0; k < 2 * n_half; k++) {
                int vector = n_half * j + k % n_half + k / n_half * (n_vectors / 2);
                q16_store(to + 64 * vector, w[k]);
            }
        }
    }
}

/* Vector p of a group of n_s strips times group g of n_x rows: number `at` of n. */
static WEIR_INLINE void t16_tile_vector(const int bits, const int n_s, const int n_x,
                                        const uint8_t *const *codes, int p, const uint8_t *const *x,
                                        uint32_t g, const int at, const int n,
                                        t16_chain (*c)[T16_X]) {
    q16 w[T16_STRIPS];
    WEIR_UNROLL for (int i = 0; i < n_s; i++) w[i] = q16_load(codes[i] + 64 * p);
    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
        const uint8_t *q = t16_x_group(bits, x[j], g) + 4 * p;
        if (n_s == 1) {
            t16_multiply(bits, &c[0][j], w[0], q, NULL, at, n);
            continue;
        }
        q16 both = q16_pair(q); /* loaded once for two strips */
        WEIR_UNROLL for (int i = 0; i < n_s; i++) {
            t16_multiply(bits, &c[i][j], w[i], q, &both, at, n);
        }
    }
}

/* sum[i][j] += scales s[i] times the products of vectors begin .. end - 1 of group g of strip i and
 * row j. offsets: what the codes are too large by, times the activations' sums, negative. */
static WEIR_INLINE void t16_tile_group(const int bits, const int n_s, const int n_x,
                                       const uint8_t *const *codes, const int begin, const int end,
                                       const uint8_t *const *x, uint32_t g, const int32_t *offsets,
                                       const v16 *s, v16 (*sum)[T16_X]) {
    t16_chain c[T16_STRIPS][T16_X];
    WEIR_UNROLL for (int i = 0; i < n_s; i++) {
        WEIR_UNROLL for (int j = 0; j < n_x; j++) c[i][j].sum = q16_set(offsets[j]);
    }
    if (bits == T16_AS_PAIRS) {
        WEIR_UNROLL_4 for (int p = begin; p < end; p++)
            t16_tile_vector(bits, n_s, n_x, codes, p, x, g, 0, 0, c);
    } else {
        WEIR_UNROLL for (int p = begin; p < end; p++) {
            t16_tile_vector(bits, n_s, n_x, codes, p, x, g, p - begin, end - begin, c);
        }
    }
    WEIR_UNROLL for (int j = 0; j < n_x; j++) {
        v16 scale = v16_set(t16_x_tail(bits, x[j], g)->scale);
        WEIR_UNROLL for (int i = 0; i < n_s; i++) {
            sum[i][j] = v16_fma(q16_float(c[i][j].sum), v16_mul(s[i], scale), sum[i][j]);
        }
    }
}

/* n groups of n_s slices, beginning with group `first` of the row, times n_x rows. The sums of the
 * second strip lie 16 behind those of the first. */
static WEIR_INLINE void t16_tile(const t16_kind kind, const int bits, const int n_s, const int n_x,
                                 const t16_slice *slices, uint32_t n, uint32_t first,
                                 const uint8_t *const *x, int32_t offset, float *const *y,
                                 size_t y_at) {
    const int n_vectors = t16_vectors(bits);
    const uint8_t *from[T16_X]; /* group `first` of each row */
    v16 sum[T16_STRIPS][T16_X];
    WEIR_UNROLL for (int j = 0; j < n_x; j++) from[j] = t16_x_group(bits, x[j], first);
    WEIR_UNROLL for (int i = 0; i < n_s; i++) {
        WEIR_UNROLL for (int j = 0; j < n_x; j++) {
            sum[i][j] = first == 0 ? v16_zero() : v16_load(y[j] + y_at + WEIR_T16_ROWS * i);
        }
    }
    for (uint32_t at = 0; at < n; at++) {
        const uint8_t *codes[T16_STRIPS];
        v16 s[T16_STRIPS];
        int32_t c[T16_X];
        WEIR_UNROLL for (int i = 0; i < n_s; i++) {
            codes[i] = slices[i].codes + (size_t)64 * n_vectors * at;
        }
        if (kind == T16_HALVES) {
            WEIR_UNROLL for (int half = 0; half < 2; half++) {
                WEIR_UNROLL for (int i = 0; i < n_s; i++) {
                    s[i] = v16_load(slices[i].s + 32 * at + 16 * half);
                }
                WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                    c[j] = -offset * t16_x_tail(bits, from[j], at)->parts[half];
                }
                t16_tile_group(bits, n_s, n_x, codes, n_vectors / 2 * half,
                               n_vectors / 2 * (half + 1), from, at, c, s, sum);
            }
            continue;
        }
        WEIR_UNROLL for (int i = 0; i < n_s; i++) s[i] = v16_load(slices[i].s + 16 * at);
        WEIR_UNROLL for (int j = 0; j < n_x; j++) {
            const int32_t *parts = t16_x_tail(bits, from[j], at)->parts;
            /* A format with a minimum has no offset. */
            c[j] = kind == T16_MINIMUM ? 0 : -offset * (parts[0] + parts[1]);
        }
        t16_tile_group(bits, n_s, n_x, codes, 0, n_vectors, from, at, c, s, sum);
        if (kind == T16_MINIMUM) {
            WEIR_UNROLL for (int j = 0; j < n_x; j++) {
                v16 total = v16_set(t16_x_tail(bits, from[j], at)->sum);
                WEIR_UNROLL for (int i = 0; i < n_s; i++) {
                    sum[i][j] = v16_fma(v16_load(slices[i].m + 16 * at), total, sum[i][j]);
                }
            }
        }
    }
    WEIR_UNROLL for (int i = 0; i < n_s; i++) {
        WEIR_UNROLL for (int j = 0; j < n_x; j++)
            v16_store(y[j] + y_at + WEIR_T16_ROWS * i, sum[i][j]);
    }
}

typedef void t16_tile_fn(const t16_slice *slices, uint32_t n, uint32_t first,
                         const uint8_t *const *x, int32_t offset, float *const *y, size_t y_at);

/* Tiles differ in kind and, with narrow sums, in the bits of a code; with wide ones all bytes are
 * multiplied alike, as those of 4 bits. */
enum { T16_PLAIN_16, T16_MINIMUM_16, T16_HALVES_16, T16_PLAIN_4, T16_MINIMUM_4, T16_HALVES_6 };
enum { T16_PLAIN_5 = T16_HALVES_6 + 1, T16_PLAIN_8, T16_MINIMUM_5, T16_TILES };

static WEIR_INLINE int t16_tile_of(const weir_format_id f, const bool is_q8) {
    const t16_kind kind = t16_kind_of(f);
    const int bits = t16_bits_of(f, is_q8);
    if (!is_q8)
        return T16_PLAIN_16 + (int)kind;
    if (kind == T16_HALVES || bits == 4 || !T16_NARROW)
        return T16_PLAIN_4 + (int)kind;
    return kind == T16_MINIMUM ? T16_MINIMUM_5 : bits == 5 ? T16_PLAIN_5 : T16_PLAIN_8;
}

#define T16_TILE(n_s, KIND, bits, n_x)                                                \
    static void t16_tile_##n_s##_##KIND##_##bits##_##n_x(                             \
        const t16_slice *slices, uint32_t n, uint32_t first, const uint8_t *const *x, \
        int32_t offset, float *const *y, size_t y_at) {                               \
        t16_tile(T16_##KIND, bits, n_s, n_x, slices, n, first, x, offset, y, y_at);   \
    }
#define T16_ENTRY(n_s, KIND, bits, n_x) \
    [T16_##KIND##_##bits] = t16_tile_##n_s##_##KIND##_##bits##_##n_x
#define T16_PAIR_TILES(n_s, n_x)    \
    T16_TILE(n_s, PLAIN, 16, n_x)   \
    T16_TILE(n_s, MINIMUM, 16, n_x) \
    T16_TILE(n_s, HALVES, 16, n_x)
#define T16_PAIR_ENTRIES(n_s, n_x)                                    \
    T16_ENTRY(n_s, PLAIN, 16, n_x), T16_ENTRY(n_s, MINIMUM, 16, n_x), \
        T16_ENTRY(n_s, HALVES, 16, n_x)
#define T16_BYTE_TILES(n_s, n_x)   \
    T16_TILE(n_s, PLAIN, 4, n_x)   \
    T16_TILE(n_s, MINIMUM, 4, n_x) \
    T16_TILE(n_s, HALVES, 6, n_x)
#define T16_BYTE_ENTRIES(n_s, n_x) \
    T16_ENTRY(n_s, PLAIN, 4, n_x), T16_ENTRY(n_s, MINIMUM, 4, n_x), T16_ENTRY(n_s, HALVES, 6, n_x)
#if T16_NARROW
#define T16_NARROW_TILES(n_x)  \
    T16_TILE(1, PLAIN, 5, n_x) \
    T16_TILE(1, PLAIN, 8, n_x) \
    T16_TILE(1, MINIMUM, 5, n_x)
#define T16_NARROW_ENTRIES(n_x) \
    , T16_ENTRY(1, PLAIN, 5, n_x), T16_ENTRY(1, PLAIN, 8, n_x), T16_ENTRY(1, MINIMUM, 5, n_x)
#else
#define T16_NARROW_TILES(n_x)
#define T16_NARROW_ENTRIES(n_x)
#endif

#define T16_ONE_TILES(n_x) T16_PAIR_TILES(1, n_x) T16_BYTE_TILES(1, n_x) T16_NARROW_TILES(n_x)
#define T16_ONE_ROW(n_x) \
    {T16_PAIR_ENTRIES(1, n_x), T16_BYTE_ENTRIES(1, n_x) T16_NARROW_ENTRIES(n_x)},
T16_TILE_LIST(T16_ONE_TILES)
static t16_tile_fn *const t16_tiles[T16_X][T16_TILES] = {T16_TILE_LIST(T16_ONE_ROW)};

#ifdef T16_TWO
/* Narrow sums leave no registers for a second strip. */
#if T16_NARROW
#define T16_TWO_TILES(n_x) T16_PAIR_TILES(2, n_x)
#define T16_TWO_ROW(n_x)   {T16_PAIR_ENTRIES(2, n_x)},
#else
#define T16_TWO_TILES(n_x) T16_PAIR_TILES(2, n_x) T16_BYTE_TILES(2, n_x)
#define T16_TWO_ROW(n_x)   {T16_PAIR_ENTRIES(2, n_x), T16_BYTE_ENTRIES(2, n_x)},
#endif
T16_TWO_LIST(T16_TWO_TILES)
static t16_tile_fn *const t16_twos[T16_TWO][T16_TILES] = {T16_TWO_LIST(T16_TWO_ROW)};
#endif

/* Takes the units apart that come next in the stream, of a slice that begins with group `first` of
 * the row. Returns how many groups there are. */
static WEIR_INLINE uint32_t t16_slice_apart(const weir_format_id f, const int bits,
                                            t16_stream *stream, uint32_t first, uint32_t n_groups,
                                            t16_slice *slice) {
    const uint32_t unit = t16_groups(f);
    const size_t unit_bytes = t16_unit_bytes(f, unit);
    uint32_t n = 0;
    for (; n < t16_part_groups(f) && first + n + unit <= n_groups; n += unit) {
        for (size_t line = 0; !t16_is_long(f) && line < unit_bytes / 64; line++)
            t16_prefetch(stream, line);
        t16_unit_apart(f, bits, stream->at, unit, slice, n);
        stream->at += unit_bytes;
        stream->left -= unit_bytes;
    }
    if (f == WEIR_FORMAT_Q6_K && n == 0) {
        t16_unit_apart(f, bits, stream->at, unit / 2, slice, 0);
        n = unit / 2;
    }
    return n;
}

/* What many rows are, and where their sums go. */
typedef struct t16_many_rows {
    const uint8_t *const *activations;
    uint32_t n_x, n_cols;
    float *const *y;
} t16_many_rows;

/* Strip i (and with two of them, i + 1) times all rows, in tiles of up to `width` of these, which
 * share them evenly: a tile of one or two would wait for its own sums. A slice that is one long
 * unit is asked for beside the tiles of the one before, part by part; short units, when others are
 * taken apart. */
static WEIR_INLINE void t16_strip_tiles(const weir_format_id f, const bool is_q8, const int n_s,
                                        t16_tile_fn *const (*tiles)[T16_TILES],
                                        const uint32_t width, const weir_t16_strips *strips,
                                        uint32_t i, const t16_many_rows *rows, t16_slice *slices) {
    const int bits = t16_bits_of(f, is_q8);
    const uint32_t n_groups = rows->n_cols / WEIR_T16_GROUP;
    const uint32_t n_tiles = (rows->n_x + width - 1) / width;
    const bool is_last = i + n_s >= strips->n && strips->next;
    const uint8_t *at = strips->data + i * strips->bytes;
    const uint8_t *then = is_last ? strips->next : at + n_s * strips->bytes;
    const uint32_t n_long = t16_is_long(f) ? (uint32_t)t16_unit_bytes(f, t16_groups(f)) / 64 : 0;
    t16_stream streams[T16_STRIPS];
    for (int k = 0; k < n_s; k++)
        streams[k] = (t16_stream){.at = at + k * strips->bytes,
                                  .left = strips->bytes,
                                  .then = (uintptr_t)then + k * strips->bytes,
                                  .near = n_long ? 0 : T16_NEAR,
                                  .far = n_long ? 0 : T16_FAR};
    for (uint32_t first = 0, n = 0; first < n_groups; first += n) {
        for (int k = 0; k < n_s; k++)
            n = t16_slice_apart(f, bits, &streams[k], first, n_groups, &slices[k]);
        for (uint32_t tile = 0, begin = 0, end; tile < n_tiles; tile++, begin = end) {
            end = rows->n_x * (tile + 1) / n_tiles;
            for (uint32_t line = n_long * tile / n_tiles; line < n_long * (tile + 1) / n_tiles;
                 line++) {
                for (int k = 0; k < n_s; k++)
                    t16_prefetch(&streams[k], line);
            }
            tiles[end - begin - 1][t16_tile_of(f, is_q8)](
                slices, n, first, rows->activations + begin, t16_offset_as(f, bits),
                rows->y + begin, (size_t)i * WEIR_T16_ROWS);
        }
    }
}

static WEIR_INLINE void t16_many(const weir_format_id f, const bool is_q8,
                                 const weir_t16_strips *strips, const t16_many_rows *rows) {
    uint32_t i = 0;
#ifdef T16_TWO
    t16_slice slices[2];
    if (!is_q8 || !T16_NARROW)
        for (; i + 2 <= strips->n; i += 2)
            t16_strip_tiles(f, is_q8, 2, t16_twos, T16_TWO, strips, i, rows, slices);
#else
    t16_slice slices[1];
#endif
    for (; i < strips->n; i++)
        t16_strip_tiles(f, is_q8, 1, t16_tiles, T16_X, strips, i, rows, slices);
}

/* ---- some rows ------------------------------------------------------------------------------ */

/* More rows than few ones, but fewer than tiles pay for: evenly in passes of few over the same
 * strips, which lie in the second cache after the first one. */
static WEIR_INLINE void t16_passes(weir_t16_fn *few, const weir_t16_strips *strips,
                                   const t16_many_rows *rows) {
    const uint32_t n_passes = (rows->n_x + T16_FEW - 1) / T16_FEW;
    const size_t fit = T16_PASS_BYTES / strips->bytes;
    const uint32_t most = fit < 1 ? 1 : fit < WEIR_T16_STREAMS ? (uint32_t)fit : WEIR_T16_STREAMS;
    float *y[T16_FEW];
    for (uint32_t i = 0, n; i < strips->n; i += n) {
        weir_t16_strips part = {
            .data = strips->data + i * strips->bytes, .bytes = strips->bytes, .walk = strips->walk};
        part.n = n = strips->n - i < most ? strips->n - i : most;
        for (uint32_t pass = 0, begin = 0, end; pass < n_passes; pass++, begin = end) {
            end = rows->n_x * (pass + 1) / n_passes;
            for (uint32_t j = begin; j < end; j++)
                y[j - begin] = rows->y[j] + (size_t)i * WEIR_T16_ROWS;
            part.next = pass + 1 < n_passes ? part.data
                        : i + n < strips->n ? part.data + n * strips->bytes
                                            : strips->next;
            few(&part, rows->activations + begin, end - begin, rows->n_cols, y);
        }
    }
}

/* ---- the table ------------------------------------------------------------------------------ */

#define T16_CASE(n)                                      \
    case n:                                              \
        t16_few(format, is_q8, n, strips, x, n_cols, y); \
        break;

#define T16_FUNCTION(function, ID, as_q8)                                                      \
    static void function(const weir_t16_strips *strips, const uint8_t *const *x, uint32_t n_x, \
                         uint32_t n_cols, float *const *y) {                                   \
        const weir_format_id format = WEIR_FORMAT_##ID;                                        \
        const bool is_q8 = as_q8;                                                              \
        const t16_many_rows rows = {.activations = x, .n_x = n_x, .n_cols = n_cols, .y = y};   \
        switch (n_x) {                                                                         \
            T16_FEW_LIST(T16_CASE)                                                             \
        default:                                                                               \
            if (n_x <= t16_some(format, is_q8, strips->walk.has_tiles_soon))                   \
                t16_passes(function, strips, &rows);                                           \
            else                                                                               \
                t16_many(format, is_q8, strips, &rows);                                        \
        }                                                                                      \
    }

#define T16_FUNCTIONS(ID, name)         \
    T16_FUNCTION(t16_##name, ID, false) \
    T16_FUNCTION(t16_q8_##name, ID, true)
T16_FORMAT_LIST(T16_FUNCTIONS)

static inline void t16_fill(weir_cpu_kernels *k) {
#define T16_FILL(ID, name)                 \
    k->t16[WEIR_FORMAT_##ID] = t16_##name; \
    k->t16_q8[WEIR_FORMAT_##ID] = t16_q8_##name;
    T16_FORMAT_LIST(T16_FILL)
#undef T16_FILL
}

#endif
