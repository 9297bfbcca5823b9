/*
 * blocks.h: the bytes of a quantized block, as they stand in a GGUF file, and the few helpers that
 * take packed fields apart. Owns layouts only; the formulas are in the file of each format.
 *
 * Every member is a byte or an array of bytes, so a block has alignment 1 and no padding: a pointer
 * anywhere into a mapped file may be read as a block. 16-bit members are little-endian pairs of
 * bytes, read with weir_load_half and written with weir_store_half. Any bytes are a valid block.
 *
 * `d` is always the float16 scale of the block. A block of n values is cut into groups; "value i"
 * below counts along the row from the start of the block.
 */
#ifndef WEIR_QUANT_BLOCKS_H
#define WEIR_QUANT_BLOCKS_H

#include "base/half.h"

enum {
    WEIR_BLOCK_VALUES = 32,       /* q4_0 ... q8_0, iq4_nl, mxfp4 */
    WEIR_SUPERBLOCK_VALUES = 256, /* all *_k, iq4_xs */
};

/* ---- blocks of 32 -------------------------------------------------------------------------- */

/*
 * Nibbles of a block of 32: byte j holds value j in its low half and value j + 16 in its high half.
 * Fifth bits (qh): bit i of the little-endian 32-bit number qh belongs to value i.
 */

/* x = (q - 8) * d */
typedef struct weir_block_q4_0 {
    uint8_t d[2];
    uint8_t qs[16];
} weir_block_q4_0;

/* x = q * d + m */
typedef struct weir_block_q4_1 {
    uint8_t d[2];
    uint8_t m[2];
    uint8_t qs[16];
} weir_block_q4_1;

/* x = (q - 16) * d, q = nibble | fifth bit << 4 */
typedef struct weir_block_q5_0 {
    uint8_t d[2];
    uint8_t qh[4];
    uint8_t qs[16];
} weir_block_q5_0;

/* x = q * d + m */
typedef struct weir_block_q5_1 {
    uint8_t d[2];
    uint8_t m[2];
    uint8_t qh[4];
    uint8_t qs[16];
} weir_block_q5_1;

/* x = q * d */
typedef struct weir_block_q8_0 {
    uint8_t d[2];
    int8_t qs[32]; /* value j in byte j */
} weir_block_q8_0;

/* x = weir_iq4_nl_values[nibble] * d */
typedef struct weir_block_iq4_nl {
    uint8_t d[2];
    uint8_t qs[16];
} weir_block_iq4_nl;

/* x = weir_mxfp4_values[nibble] * weir_mxfp4_scale(e) */
typedef struct weir_block_mxfp4 {
    uint8_t e;
    uint8_t qs[16];
} weir_block_mxfp4;

/* ---- blocks of 256 ------------------------------------------------------------------------- */

/*
 * x = (d * sc) * q - (dmin * m). 16 groups of 16 values; byte g of scales holds sc in its low
 * nibble and m in its high nibble. Two-bit q: value i = 128 * h + 32 * s + l sits in byte
 * 32 * h + l of qs, bits 2s and 2s + 1.
 */
typedef struct weir_block_q2_k {
    uint8_t scales[16];
    uint8_t qs[64];
    uint8_t d[2];
    uint8_t dmin[2];
} weir_block_q2_k;

/*
 * x = (d * sc) * q with sc = -32..31 (weir_q3_k_scales) and q = -4..3. 16 groups of 16. The low two
 * bits of q + 4 lie in qs as in q2_k; the third bit of value i = 32 * s + l is bit s of hmask[l].
 */
typedef struct weir_block_q3_k {
    uint8_t hmask[32];
    uint8_t qs[64];
    uint8_t scales[12]; /* 16 six-bit numbers */
    uint8_t d[2];
} weir_block_q3_k;

/*
 * x = (d * sc) * q - (dmin * m), sc and m six bits each (weir_k4_scale). 8 groups of 32. Byte
 * 32 * p + l of qs holds value 64 * p + l in its low and value 64 * p + 32 + l in its high nibble.
 */
typedef struct weir_block_q4_k {
    uint8_t d[2];
    uint8_t dmin[2];
    uint8_t scales[12]; /* 8 pairs (sc, m) of six-bit numbers */
    uint8_t qs[128];
} weir_block_q4_k;

/* As q4_k, with a fifth bit: of value i = 32 * g + l it is bit g of qh[l]. */
typedef struct weir_block_q5_k {
    uint8_t d[2];
    uint8_t dmin[2];
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
} weir_block_q5_k;

/*
 * x = (d * sc) * (q - 32), q six bits, 16 groups of 16 with one signed byte of scale each.
 * Value i = 128 * h + 32 * s + l: low four bits in byte 64 * h + 32 * (s & 1) + l of ql, low nibble
 * for s = 0, 1 and high nibble for s = 2, 3; high two bits in bits 2s and 2s + 1 of qh[32 * h + l].
 */
typedef struct weir_block_q6_k {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint8_t d[2];
} weir_block_q6_k;

/*
 * x = (d * sc) * weir_iq4_nl_values[nibble], sc = -32..31 (weir_iq4_xs_scale). 8 groups of 32,
 * group g in qs[16 * g ...] with nibbles as in the blocks of 32.
 */
typedef struct weir_block_iq4_xs {
    uint8_t d[2];
    uint8_t scales_h[2]; /* little-endian: bits 2g, 2g + 1 are the high bits of group g's scale */
    uint8_t scales_l[4]; /* nibble g is the low part of group g's scale */
    uint8_t qs[128];
} weir_block_iq4_xs;

#define WEIR_BLOCK_IS(type, bytes)                               \
    _Static_assert(sizeof(type) == (bytes), "layout of " #type); \
    _Static_assert(_Alignof(type) == 1, "alignment of " #type)
WEIR_BLOCK_IS(weir_block_q4_0, 18);
WEIR_BLOCK_IS(weir_block_q4_1, 20);
WEIR_BLOCK_IS(weir_block_q5_0, 22);
WEIR_BLOCK_IS(weir_block_q5_1, 24);
WEIR_BLOCK_IS(weir_block_q8_0, 34);
WEIR_BLOCK_IS(weir_block_iq4_nl, 18);
WEIR_BLOCK_IS(weir_block_mxfp4, 17);
WEIR_BLOCK_IS(weir_block_q2_k, 84);
WEIR_BLOCK_IS(weir_block_q3_k, 110);
WEIR_BLOCK_IS(weir_block_q4_k, 144);
WEIR_BLOCK_IS(weir_block_q5_k, 176);
WEIR_BLOCK_IS(weir_block_q6_k, 210);
WEIR_BLOCK_IS(weir_block_iq4_xs, 136);
#undef WEIR_BLOCK_IS

/* ---- fields -------------------------------------------------------------------------------- */

static inline uint16_t weir_load_u16(const uint8_t bytes[2]) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline void weir_store_u16(uint8_t bytes[2], uint16_t value) {
    bytes[0] = (uint8_t)(value & 255);
    bytes[1] = (uint8_t)(value >> 8);
}

static inline uint32_t weir_load_u32(const uint8_t bytes[4]) {
    return weir_load_u16(bytes) | (uint32_t)weir_load_u16(bytes + 2) << 16;
}

static inline void weir_store_u32(uint8_t bytes[4], uint32_t value) {
    weir_store_u16(bytes, (uint16_t)(value & 0xffff));
    weir_store_u16(bytes + 2, (uint16_t)(value >> 16));
}

/* float16 fields: d, m, dmin. */
static inline float weir_load_half(const uint8_t bytes[2]) {
    return weir_f16_to_f32(weir_load_u16(bytes));
}

static inline void weir_store_half(uint8_t bytes[2], float value) {
    weir_store_u16(bytes, weir_f32_to_f16(value));
}

/* The 16 levels of iq4_nl and iq4_xs, rising; denser around zero, as weights are. */
extern const int8_t weir_iq4_nl_values[16];

/* The 16 numbers of FP4 E2M1, doubled so that they are integers: the scale below is halved. */
extern const int8_t weir_mxfp4_values[16];

/* Half of the E8M0 number e, 2^(e - 128): exact for every e, subnormal for e = 0 and 1. */
static inline float weir_mxfp4_scale(uint8_t e) {
    return weir_bits_f32(e < 2 ? (uint32_t)0x00200000 << e : (uint32_t)(e - 1) << 23);
}

/*
 * Scale and minimum of group g = 0..7 of q4_k and q5_k, both 0..63:
 *   g < 4   sc in the low six bits of byte g, m in those of byte g + 4
 *   g >= 4  low nibble of byte g + 4 is sc's low part, high nibble m's low part; their two high
 *           bits are bits 6 and 7 of bytes g - 4 (sc) and g (m)
 */
static inline void weir_k4_scale(const uint8_t scales[12], unsigned g, uint8_t *sc, uint8_t *m) {
    if (g < 4) {
        *sc = scales[g] & 63;
        *m = scales[g + 4] & 63;
    } else {
        *sc = (uint8_t)((scales[g + 4] & 15) | (scales[g - 4] >> 6) << 4);
        *m = (uint8_t)(scales[g + 4] >> 4 | (scales[g] >> 6) << 4);
    }
}

/* The same for all eight groups at once. */
static inline void weir_k4_scales(const uint8_t scales[12], uint8_t sc[8], uint8_t m[8]) {
    for (unsigned g = 0; g < 4; g++) {
        sc[g] = scales[g] & 63;
        m[g] = scales[g + 4] & 63;
        sc[g + 4] = (uint8_t)((scales[g + 8] & 15) | (scales[g] >> 6) << 4);
        m[g + 4] = (uint8_t)(scales[g + 8] >> 4 | (scales[g + 4] >> 6) << 4);
    }
}

/*
 * All 16 scales of q3_k, -32..31. The low nibbles of scales[0..7] are the low parts of groups 0..7,
 * the high nibbles those of groups 8..15; the two high bits of group g are bits 2(g / 4) and
 * 2(g / 4) + 1 of scales[8 + g % 4].
 */
static inline void weir_q3_k_scales(const uint8_t scales[12], int8_t sc[16]) {
    for (unsigned g = 0; g < 16; g++) {
        unsigned low = scales[g & 7] >> (g < 8 ? 0 : 4) & 15;
        unsigned high = scales[8 + (g & 3)] >> 2 * (g >> 2) & 3;
        sc[g] = (int8_t)((int)(low | high << 4) - 32);
    }
}

/* Scale of group g = 0..7 of iq4_xs, -32..31. */
static inline int weir_iq4_xs_scale(const weir_block_iq4_xs *b, unsigned g) {
    unsigned low = b->scales_l[g / 2] >> 4 * (g & 1) & 15;
    unsigned high = weir_load_u16(b->scales_h) >> 2 * g & 3;
    return (int)(low | high << 4) - 32;
}

#endif
