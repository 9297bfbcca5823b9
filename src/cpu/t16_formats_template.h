/*
 * t16_formats_template.h: strips taken apart (t16.h): codes as bytes, scales as numbers, and the
 * stream that they come in. What is multiplied with them, and how, is not here.
 *
 * Contract: included once per instruction set after its vec_<isa>.h and these, with q16 for 16
 * lanes of 32 bits:
 *   - q16_load q16_store q16_set(int32) q16_and q16_or
 *   - q16_right(a, n) q16_left(a, n): each 16-bit half shifted, zeros come in
 *   - q16_shift_lane(a, n): each lane right by n bits, zeros come in
 *   - q16_table_of(bytes), q16_table(table, a): bytes of a (0..15) looked up in 16 signed bytes
 *   - q16_float(a): as v16
 */
#ifndef WEIR_CPU_T16_FORMATS_TEMPLATE_H
#define WEIR_CPU_T16_FORMATS_TEMPLATE_H

#include "cpu/t16.h"
#include "quant/blocks.h"

enum {
    T16_FAR = 3072, /* bytes ahead in each of several streams */
    T16_NEAR = 768,
    T16_AHEAD = 4096,     /* in one stream alone */
    T16_AHEAD_TWO = 6144, /* in each of two, of 4 bits a code, where one is read at a time */
    /* The same where a unit is longer than that: its scales, which come last, are read first. */
    T16_FAR_LONG = 8192,
    T16_SLICE = 16, /* groups that are taken apart at a time, at most */
    T16_UNIT_SCALES = 2 * T16_SLICE
};

/* All that have strips. */
#define T16_FORMAT_LIST(X) \
    X(Q4_0, q4_0)          \
    X(Q4_1, q4_1)          \
    X(Q5_0, q5_0)          \
    X(Q5_1, q5_1)          \
    X(Q8_0, q8_0)          \
    X(IQ4_NL, iq4_nl)      \
    X(IQ4_XS, iq4_xs)      \
    X(MXFP4, mxfp4)        \
    X(Q4_K, q4_k)          \
    X(Q5_K, q5_k)          \
    X(Q6_K, q6_k)

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

/* Codes are signed bytes, or stand for such. */
static WEIR_INLINE bool t16_is_signed(const weir_format_id f) {
    return f == WEIR_FORMAT_Q8_0 || t16_has_table(f);
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

/* Codes of quarter j of a group, a byte each: columns 4 j .. 4 j + 3 in *a, 16 + 4 j .. in *b;
 * signed of q8_0 and of formats with a table. */
static WEIR_INLINE void t16_quads(const weir_format_id f, const uint8_t *codes, const uint8_t *high,
                                  const int j, q16 *a, q16 *b) {
    const q16 nibbles = q16_set(0x0f0f0f0f);
    q16 v = q16_load(codes + 64 * j);
    if (f == WEIR_FORMAT_Q8_0) {
        *a = v;
        *b = q16_load(codes + 64 * (j + 4));
        return;
    }
    *a = q16_and(v, nibbles);
    *b = q16_and(q16_right(v, 4), nibbles);
    if (t16_has_table(f)) {
        q16 table = q16_table_of(f == WEIR_FORMAT_MXFP4 ? weir_mxfp4_values : weir_iq4_nl_values);
        *a = q16_table(table, *a);
        *b = q16_table(table, *b);
    } else if (t16_has_fifth_bits(f)) {
        q16 h = q16_load(high), mask = q16_set(0x10101010);
        *a = q16_or(*a, q16_and(q16_left(h, 4 - j), mask));
        *b = q16_or(*b, q16_and(q16_right(h, j), mask));
    } else if (t16_high_bytes(f) > 0) {
        q16 h0 = q16_load(high), h1 = q16_load(high + 64), mask = q16_set(0x30303030);
        *a = q16_or(*a, q16_and(j <= 2 ? q16_left(h0, 4 - 2 * j) : q16_right(h0, 2), mask));
        *b = q16_or(*b, q16_and(j <= 2 ? q16_left(h1, 4 - 2 * j) : q16_right(h1, 2), mask));
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

/* How groups are summed: once; with a minimum beside; in halves of 16 columns. */
typedef enum t16_kind { T16_PLAIN, T16_MINIMUM, T16_HALVES } t16_kind;

static WEIR_INLINE t16_kind t16_kind_of(const weir_format_id f) {
    return f == WEIR_FORMAT_Q6_K ? T16_HALVES : t16_has_minimum(f) ? T16_MINIMUM : T16_PLAIN;
}

/* A slice is whole units: 256 columns of most formats, 512 of q6_k. */
static WEIR_INLINE uint32_t t16_slice_groups(const weir_format_id f) {
    return t16_groups(f) > 8 ? t16_groups(f) : 8;
}

/* ---- the stream ----------------------------------------------------------------------------- */

/* Where a stream is, and where it goes on when its strip is read: without that the first lines of
 * every strip, a sixth of one of 2,048 columns in four bits, would be waited for. */
typedef struct t16_stream {
    const uint8_t *at;
    size_t left;    /* bytes to the end of the strip */
    uintptr_t then; /* an address: of no matrix, maybe */
    uint32_t near;  /* bytes ahead of it that are asked for */
    uint32_t far;   /* and those asked for before, into the second cache; 0: none */
} t16_stream;

static WEIR_INLINE bool t16_is_long(const weir_format_id f) {
    return f == WEIR_FORMAT_Q6_K;
}

/* One of n streams that are walked together, before it is anywhere. The lines of one alone are soon
 * used, so the first cache keeps those that are far ahead too. */
static WEIR_INLINE t16_stream t16_stream_of(const weir_format_id f, const uint32_t n) {
    const uint32_t far = t16_is_long(f) ? T16_FAR_LONG : T16_FAR;
    return n == 1 ? (t16_stream){.near = t16_is_long(f) ? T16_FAR_LONG : T16_AHEAD}
                  : (t16_stream){.near = T16_NEAR, .far = far};
}

static WEIR_INLINE uintptr_t t16_ahead(const t16_stream *s, size_t bytes) {
    return bytes < s->left ? (uintptr_t)s->at + bytes : s->then + (bytes - s->left);
}

/* Line `line` behind where the stream is, in its futures. */
static WEIR_INLINE void t16_prefetch(const t16_stream *s, size_t line) {
    if (s->far)
        WEIR_PREFETCH_FAR(t16_ahead(s, s->far + 64 * line));
    WEIR_PREFETCH(t16_ahead(s, s->near + 64 * line));
}

#endif
