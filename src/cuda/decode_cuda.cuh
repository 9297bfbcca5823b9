/*
 * decode_cuda.cuh: stored numbers into float32, exactly as quant/ does it (blocks.h and format_f8.h
 * have the layouts and the formulas; the operations here stand in the same order and round at the
 * same places).
 *
 * The unit is a quarter of a piece. A piece is 32 values along a row; its quarter q = 0..3 is the
 * eight values 4 q .. 4 q + 3 (v[0..3]) and 16 + 4 q .. 16 + 4 q + 3 (v[4..7]): what four bytes of
 * nibbles hold. Four lanes share a piece, so a warp takes eight pieces: one block of 256 values.
 *
 * A row lies in device memory that no running kernel writes; a reader that is given
 * cu_from_anywhere takes blocks from shared memory too.
 *
 * A row ends where n_cols says. Blocks of 32 and 256 divide it; F32, F16 and BF16 may end inside a
 * quarter, and what is beyond is zero. is_by_four: n_cols is a multiple of four and the rows begin
 * at 16-byte (F32) or 8-byte borders, so that four values are one load.
 */
#ifndef WEIR_CUDA_DECODE_CUDA_CUH
#define WEIR_CUDA_DECODE_CUDA_CUH

#include "cuda/cuda_words.cuh"
#include "quant/format_f8.h"

enum { CU_PIECE = 32, CU_QUARTER = 8, CU_HALF_PIECE = 16 };

/* ---- bytes --------------------------------------------------------------------------------- */

/* Where stored bytes are read from: cu_load or cu_peek. */
struct cu_from_device {
    template <class T> static CU_MEMBER T load(const T *from) {
        return cu_load(from);
    }
};

struct cu_from_anywhere {
    template <class T> static CU_MEMBER T load(const T *from) {
        return cu_peek(from);
    }
};

template <class From> CU_DEVICE uint16_t cu_load_u16(const uint8_t *from) {
    return From::load((const uint16_t *)from);
}

template <class From> CU_DEVICE float cu_load_half(const uint8_t *from) {
    return cu_half_float(cu_load_u16<From>(from));
}

/* Four bytes, the first one lowest; ALIGNED: what the address is a multiple of. */
template <class From, uint32_t ALIGNED> CU_DEVICE uint32_t cu_load_u32(const uint8_t *from) {
    if (ALIGNED % 4 == 0)
        return From::load((const uint32_t *)from);
    if (ALIGNED % 2 == 0)
        return cu_load_u16<From>(from) | (uint32_t)cu_load_u16<From>(from + 2) << 16;
    return From::load(from) | (uint32_t)From::load(from + 1) << 8 |
           (uint32_t)From::load(from + 2) << 16 | (uint32_t)From::load(from + 3) << 24;
}

/* Byte i of four as a signed number. */
CU_DEVICE float cu_signed_byte(uint32_t bytes, uint32_t i) {
    return (float)(int8_t)(bytes >> 8 * i & 255);
}

/* ---- numbers without blocks ---------------------------------------------------------------- */

/* Values col .. col + 3 of a row of float32. */
CU_DEVICE void cu_read_f32(const float *row, uint32_t col, uint32_t n_cols, bool is_by_four,
                           float v[4]) {
    if (is_by_four) {
        float4 four = {0, 0, 0, 0};
        if (col < n_cols)
            four = cu_load((const float4 *)(row + col));
        v[0] = four.x, v[1] = four.y, v[2] = four.z, v[3] = four.w;
        return;
    }
#pragma unroll
    for (uint32_t i = 0; i < 4; i++)
        v[i] = col + i < n_cols ? cu_load(row + col + i) : 0.0f;
}

/* The same of 16-bit numbers, still as bits. */
CU_DEVICE void cu_read_16(const uint16_t *row, uint32_t col, uint32_t n_cols, bool is_by_four,
                          uint16_t v[4]) {
    if (is_by_four) {
        uint2 four = {0, 0};
        if (col < n_cols)
            four = cu_load((const uint2 *)(row + col));
        v[0] = (uint16_t)four.x, v[1] = (uint16_t)(four.x >> 16);
        v[2] = (uint16_t)four.y, v[3] = (uint16_t)(four.y >> 16);
        return;
    }
#pragma unroll
    for (uint32_t i = 0; i < 4; i++)
        v[i] = col + i < n_cols ? cu_load(row + col + i) : (uint16_t)0;
}

/* ---- formats ------------------------------------------------------------------------------- */

/* What a reader is told beside the row. */
struct cu_place {
    uint32_t piece, quarter, n_cols;
    bool is_by_four;
};

template <uint32_t FORMAT> struct cu_format;

template <> struct cu_format<WEIR_FORMAT_F32> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        uint32_t col = CU_PIECE * at.piece + 4 * at.quarter;
        cu_read_f32((const float *)row, col, at.n_cols, at.is_by_four, v);
        cu_read_f32((const float *)row, col + CU_HALF_PIECE, at.n_cols, at.is_by_four, v + 4);
    }
};

template <> struct cu_format<WEIR_FORMAT_F16> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        uint32_t col = CU_PIECE * at.piece + 4 * at.quarter;
        uint16_t bits[8];
        cu_read_16((const uint16_t *)row, col, at.n_cols, at.is_by_four, bits);
        cu_read_16((const uint16_t *)row, col + CU_HALF_PIECE, at.n_cols, at.is_by_four, bits + 4);
#pragma unroll
        for (uint32_t i = 0; i < 8; i++)
            v[i] = cu_half_float(bits[i]);
    }
};

template <> struct cu_format<WEIR_FORMAT_BF16> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        uint32_t col = CU_PIECE * at.piece + 4 * at.quarter;
        uint16_t bits[8];
        cu_read_16((const uint16_t *)row, col, at.n_cols, at.is_by_four, bits);
        cu_read_16((const uint16_t *)row, col + CU_HALF_PIECE, at.n_cols, at.is_by_four, bits + 4);
#pragma unroll
        for (uint32_t i = 0; i < 8; i++)
            v[i] = cu_bits_float((uint32_t)bits[i] << 16);
    }
};

/* Four bytes of nibbles: the low ones are v[0..3], the high ones v[4..7]. */
CU_DEVICE void cu_nibbles(uint32_t bytes, uint32_t q[8]) {
#pragma unroll
    for (uint32_t i = 0; i < 4; i++) {
        q[i] = bytes >> 8 * i & 15;
        q[i + 4] = bytes >> (8 * i + 4) & 15;
    }
}

template <> struct cu_format<WEIR_FORMAT_Q4_0> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 18 * (size_t)at.piece;
        float d = cu_load_half<From>(block);
        uint32_t q[8];
        cu_nibbles(cu_load_u32<From, 2>(block + 2 + 4 * at.quarter), q);
#pragma unroll
        for (uint32_t i = 0; i < 8; i++)
            v[i] = (float)((int)q[i] - 8) * d;
    }
};

template <> struct cu_format<WEIR_FORMAT_Q4_1> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 20 * (size_t)at.piece;
        float d = cu_load_half<From>(block), m = cu_load_half<From>(block + 2);
        uint32_t q[8];
        cu_nibbles(cu_load_u32<From, 4>(block + 4 + 4 * at.quarter), q);
#pragma unroll
        for (uint32_t i = 0; i < 8; i++)
            v[i] = (float)q[i] * d + m;
    }
};

/* Fifth bits of a block of 32: bit i belongs to value i. */
CU_DEVICE void cu_fifth_bits(uint32_t high, uint32_t quarter, uint32_t q[8]) {
#pragma unroll
    for (uint32_t i = 0; i < 4; i++) {
        q[i] |= (high >> (4 * quarter + i) & 1) << 4;
        q[i + 4] |= (high >> (CU_HALF_PIECE + 4 * quarter + i) & 1) << 4;
    }
}

template <> struct cu_format<WEIR_FORMAT_Q5_0> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 22 * (size_t)at.piece;
        float d = cu_load_half<From>(block);
        uint32_t q[8];
        cu_nibbles(cu_load_u32<From, 2>(block + 6 + 4 * at.quarter), q);
        cu_fifth_bits(cu_load_u32<From, 2>(block + 2), at.quarter, q);
#pragma unroll
        for (uint32_t i = 0; i < 8; i++)
            v[i] = (float)((int)q[i] - 16) * d;
    }
};

template <> struct cu_format<WEIR_FORMAT_Q5_1> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 24 * (size_t)at.piece;
        float d = cu_load_half<From>(block), m = cu_load_half<From>(block + 2);
        uint32_t q[8];
        cu_nibbles(cu_load_u32<From, 4>(block + 8 + 4 * at.quarter), q);
        cu_fifth_bits(cu_load_u32<From, 4>(block + 4), at.quarter, q);
#pragma unroll
        for (uint32_t i = 0; i < 8; i++)
            v[i] = (float)q[i] * d + m;
    }
};

template <> struct cu_format<WEIR_FORMAT_Q8_0> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 34 * (size_t)at.piece;
        float d = cu_load_half<From>(block);
        uint32_t low = cu_load_u32<From, 2>(block + 2 + 4 * at.quarter);
        uint32_t high = cu_load_u32<From, 2>(block + 2 + CU_HALF_PIECE + 4 * at.quarter);
#pragma unroll
        for (uint32_t i = 0; i < 4; i++) {
            v[i] = cu_signed_byte(low, i) * d;
            v[i + 4] = cu_signed_byte(high, i) * d;
        }
    }
};

/* Two codes of E4M3, in the second and fourth byte, as two float16, 2^-8 of their values. */
CU_DEVICE uint32_t cu_f8_halves(uint32_t codes) {
    return (codes & 0x80008000u) | (codes >> 1 & 0x3f803f80u);
}

/* Four codes. */
CU_DEVICE void cu_read_f8(uint32_t codes, float d, float v[4]) {
    uint32_t even = cu_f8_halves(codes << 8), odd = cu_f8_halves(codes);
    v[0] = cu_half_float((uint16_t)even) * d;
    v[1] = cu_half_float((uint16_t)odd) * d;
    v[2] = cu_half_float((uint16_t)(even >> 16)) * d;
    v[3] = cu_half_float((uint16_t)(odd >> 16)) * d;
}

template <> struct cu_format<WEIR_FORMAT_F8> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint32_t n = WEIR_F8_VALUES / CU_PIECE;
        const uint8_t *block = row + WEIR_F8_BLOCK_BYTES * (size_t)(at.piece / n);
        const uint8_t *codes = block + 4 + CU_PIECE * (at.piece % n) + 4 * at.quarter;
        float d = cu_bits_float(cu_load_u32<From, 4>(block));
        cu_read_f8(cu_load_u32<From, 4>(codes), d, v);
        cu_read_f8(cu_load_u32<From, 4>(codes + CU_HALF_PIECE), d, v + 4);
    }
};

/* The level of a nibble, out of 16 bytes held in two numbers: no table in memory. */
CU_DEVICE float cu_level(uint64_t first, uint64_t last, uint32_t nibble) {
    uint64_t half = nibble < 8 ? first : last;
    return (float)(int8_t)(half >> 8 * (nibble & 7) & 255);
}

/* -127 -104 -83 -65 -49 -35 -22 -10, 1 13 25 38 53 69 89 113 */
CU_DEVICE float cu_iq4_level(uint32_t nibble) {
    return cu_level(0xf6eaddcfbfad9881u, 0x7159453526190d01u, nibble);
}

/* 0 1 2 3 4 6 8 12, 0 -1 -2 -3 -4 -6 -8 -12 */
CU_DEVICE float cu_mxfp4_level(uint32_t nibble) {
    return cu_level(0x0c08060403020100u, 0xf4f8fafcfdfeff00u, nibble);
}

template <> struct cu_format<WEIR_FORMAT_IQ4_NL> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 18 * (size_t)at.piece;
        float d = cu_load_half<From>(block);
        uint32_t q[8];
        cu_nibbles(cu_load_u32<From, 2>(block + 2 + 4 * at.quarter), q);
#pragma unroll
        for (uint32_t i = 0; i < 8; i++)
            v[i] = d * cu_iq4_level(q[i]);
    }
};

template <> struct cu_format<WEIR_FORMAT_MXFP4> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 17 * (size_t)at.piece;
        uint32_t e = From::load(block);
        /* 2^(e - 128); subnormal for 0 and 1 */
        float d = cu_bits_float(e < 2 ? 0x00200000u << e : (e - 1) << 23);
        uint32_t q[8];
        cu_nibbles(cu_load_u32<From, 1>(block + 1 + 4 * at.quarter), q);
#pragma unroll
        for (uint32_t i = 0; i < 8; i++)
            v[i] = cu_mxfp4_level(q[i]) * d;
    }
};

/* ---- blocks of 256: piece p is group p % 8 of block p / 8 ---------------------------------- */

template <> struct cu_format<WEIR_FORMAT_Q2_K> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 84 * (size_t)(at.piece / 8);
        uint32_t s = at.piece % 8;
        float d = cu_load_half<From>(block + 80), dmin = cu_load_half<From>(block + 82);
        uint32_t scales = cu_load_u16<From>(block + 2 * s);
#pragma unroll
        for (uint32_t half = 0; half < 2; half++) {
            uint32_t scale = scales >> 8 * half;
            float step = d * (float)(scale & 15), low = dmin * (float)(scale >> 4 & 15);
            uint32_t bytes = cu_load_u32<From, 4>(block + 16 + 32 * (s / 4) + CU_HALF_PIECE * half +
                                                  4 * at.quarter);
#pragma unroll
            for (uint32_t i = 0; i < 4; i++)
                v[4 * half + i] = step * (float)(bytes >> (8 * i + 2 * (s % 4)) & 3) - low;
        }
    }
};

template <> struct cu_format<WEIR_FORMAT_Q3_K> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 110 * (size_t)(at.piece / 8), *scales = block + 96;
        uint32_t s = at.piece % 8;
        float d = cu_load_half<From>(block + 108);
#pragma unroll
        for (uint32_t half = 0; half < 2; half++) {
            uint32_t g = 2 * s + half, lane = CU_HALF_PIECE * half + 4 * at.quarter;
            uint32_t low = From::load(scales + (g & 7)) >> (g < 8 ? 0 : 4) & 15;
            uint32_t high = From::load(scales + 8 + (g & 3)) >> 2 * (g >> 2) & 3;
            float step = d * (float)((int)(low | high << 4) - 32);
            uint32_t bits = cu_load_u32<From, 2>(block + 32 + 32 * (s / 4) + lane);
            uint32_t third = cu_load_u32<From, 2>(block + lane);
#pragma unroll
            for (uint32_t i = 0; i < 4; i++)
                v[4 * half + i] = step * (float)((int)(bits >> (8 * i + 2 * (s % 4)) & 3) +
                                                 4 * (int)(third >> (8 * i + s) & 1) - 4);
        }
    }
};

/* Scale and minimum of group g of q4_k and q5_k. */
template <class From>
CU_DEVICE void cu_k4_scale(const uint8_t *scales, uint32_t g, float *sc, float *m) {
    uint32_t a = From::load(scales + (g & 3)), b = From::load(scales + 4 + (g & 3));
    if (g < 4) {
        *sc = (float)(a & 63);
        *m = (float)(b & 63);
    } else {
        uint32_t c = From::load(scales + 4 + g);
        *sc = (float)((c & 15) | (a >> 6) << 4);
        *m = (float)(c >> 4 | (b >> 6) << 4);
    }
}

template <> struct cu_format<WEIR_FORMAT_Q4_K> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 144 * (size_t)(at.piece / 8);
        uint32_t g = at.piece % 8;
        float sc, m;
        cu_k4_scale<From>(block + 4, g, &sc, &m);
        float step = cu_load_half<From>(block) * sc, low = cu_load_half<From>(block + 2) * m;
#pragma unroll
        for (uint32_t half = 0; half < 2; half++) {
            uint32_t lane = CU_HALF_PIECE * half + 4 * at.quarter;
            uint32_t bytes = cu_load_u32<From, 4>(block + 16 + 32 * (g / 2) + lane) >> 4 * (g % 2);
#pragma unroll
            for (uint32_t i = 0; i < 4; i++)
                v[4 * half + i] = step * (float)(bytes >> 8 * i & 15) - low;
        }
    }
};

template <> struct cu_format<WEIR_FORMAT_Q5_K> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 176 * (size_t)(at.piece / 8);
        uint32_t g = at.piece % 8;
        float sc, m;
        cu_k4_scale<From>(block + 4, g, &sc, &m);
        float step = cu_load_half<From>(block) * sc, low = cu_load_half<From>(block + 2) * m;
#pragma unroll
        for (uint32_t half = 0; half < 2; half++) {
            uint32_t lane = CU_HALF_PIECE * half + 4 * at.quarter;
            uint32_t bytes = cu_load_u32<From, 4>(block + 48 + 32 * (g / 2) + lane) >> 4 * (g % 2);
            uint32_t fifth = cu_load_u32<From, 4>(block + 16 + lane) >> g;
#pragma unroll
            for (uint32_t i = 0; i < 4; i++)
                v[4 * half + i] =
                    step * (float)((bytes >> 8 * i & 15) | (fifth >> 8 * i & 1) << 4) - low;
        }
    }
};

template <> struct cu_format<WEIR_FORMAT_Q6_K> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 210 * (size_t)(at.piece / 8);
        uint32_t h = at.piece % 8 / 4, s = at.piece % 4;
        float d = cu_load_half<From>(block + 208);
        uint32_t scales = cu_load_u16<From>(block + 192 + 2 * (at.piece % 8));
#pragma unroll
        for (uint32_t half = 0; half < 2; half++) {
            uint32_t lane = CU_HALF_PIECE * half + 4 * at.quarter;
            float step = d * cu_signed_byte(scales, half);
            uint32_t low =
                cu_load_u32<From, 2>(block + 64 * h + 32 * (s & 1) + lane) >> 4 * (s >> 1);
            uint32_t high = cu_load_u32<From, 2>(block + 128 + 32 * h + lane) >> 2 * s;
#pragma unroll
            for (uint32_t i = 0; i < 4; i++)
                v[4 * half + i] =
                    step * (float)((int)((low >> 8 * i & 15) | (high >> 8 * i & 3) << 4) - 32);
        }
    }
};

template <> struct cu_format<WEIR_FORMAT_IQ4_XS> {
    template <class From = cu_from_device>
    static CU_MEMBER void read(const uint8_t *row, const cu_place &at, float v[8]) {
        const uint8_t *block = row + 136 * (size_t)(at.piece / 8);
        uint32_t g = at.piece % 8, q[8];
        uint32_t low = From::load(block + 4 + g / 2) >> 4 * (g & 1) & 15;
        uint32_t high = cu_load_u16<From>(block + 2) >> 2 * g & 3;
        float step = cu_load_half<From>(block) * (float)((int)(low | high << 4) - 32);
        cu_nibbles(cu_load_u32<From, 4>(block + 8 + 16 * g + 4 * at.quarter), q);
#pragma unroll
        for (uint32_t i = 0; i < 8; i++)
            v[i] = step * cu_iq4_level(q[i]);
    }
};

/* All formats there are kernels for: X(name in WEIR_FORMAT_). */
#define CU_FORMATS(X) \
    X(F32)            \
    X(F16)            \
    X(BF16)           \
    X(Q4_0)           \
    X(Q4_1)           \
    X(Q5_0)           \
    X(Q5_1)           \
    X(Q8_0)           \
    X(Q2_K)           \
    X(Q3_K)           \
    X(Q4_K)           \
    X(Q5_K)           \
    X(Q6_K)           \
    X(IQ4_NL)         \
    X(IQ4_XS)         \
    X(MXFP4)          \
    X(F8)

/* May rows of this matrix be read four values at a time? */
static inline bool cu_is_by_four(const weir_cuda_matrix *w) {
    return w->cols % 4 == 0 && ((uintptr_t)w->data | w->stack_bytes) % 16 == 0;
}

#endif
