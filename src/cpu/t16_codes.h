/*
 * t16_codes.h: a strip read back: the codes, scales and minimums of one group of one row, from the
 * layout in t16.h. Owns the reading order for plain C; t16.c makes numbers of it, the portable
 * kernels products.
 *
 * `id` is a constant where speed matters: everything here is inlined, and the switches go away.
 * Words of four bytes are shifted and masked byte by byte, so the machine's byte order is of no
 * importance.
 */
#ifndef WEIR_CPU_T16_CODES_H
#define WEIR_CPU_T16_CODES_H

#include "base/compiler.h"
#include "cpu/t16.h"
#include "quant/blocks.h"

#include <string.h>

/* A unit of a strip, 16 rows. n_groups is what the unit has, in q6_k's last half unit one half. */
typedef struct weir_t16_unit {
    const uint8_t *bytes;
    uint32_t n_groups;
} weir_t16_unit;

/* What dequantizes a group of a row: value = code * scale[half of 16 columns] + low. Only q6_k has
 * two different scales; low is 0 in formats that add nothing. */
typedef struct weir_t16_scale {
    float scale[2];
    float low;
} weir_t16_scale;

/* 16 rows of a group: bytes of codes without their upper bits, then bytes of upper bits. */
static WEIR_INLINE uint32_t weir_t16_code_bytes(weir_format_id id) {
    return id == WEIR_FORMAT_Q8_0 ? 512 : 256;
}
static WEIR_INLINE uint32_t weir_t16_upper_bytes(weir_format_id id) {
    switch (id) {
    case WEIR_FORMAT_Q5_0:
    case WEIR_FORMAT_Q5_1:
    case WEIR_FORMAT_Q5_K:
        return 64;
    case WEIR_FORMAT_Q6_K:
        return 128;
    default:
        return 0;
    }
}

/* Where d and all other scales of a unit begin. */
static WEIR_INLINE const uint8_t *weir_t16_scales_at(weir_format_id id, weir_t16_unit unit) {
    return unit.bytes + unit.n_groups * (weir_t16_code_bytes(id) + weir_t16_upper_bytes(id));
}

/* Formats that add a minimum. */
static WEIR_INLINE bool weir_t16_has_low(weir_format_id id) {
    return id == WEIR_FORMAT_Q4_1 || id == WEIR_FORMAT_Q5_1 || id == WEIR_FORMAT_Q4_K ||
           id == WEIR_FORMAT_Q5_K;
}

static WEIR_INLINE uint32_t weir_t16_word(const uint8_t *from) {
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* The 32 codes of a group of a row as they are stored, in the order of the columns. */
static WEIR_INLINE void weir_t16_raw_codes(weir_format_id id, weir_t16_unit unit, uint32_t group,
                                           uint32_t lane, uint8_t raw[WEIR_T16_GROUP]) {
    const uint8_t *codes = unit.bytes + group * weir_t16_code_bytes(id) + 4 * lane;
    const uint8_t *upper = unit.bytes + unit.n_groups * weir_t16_code_bytes(id) +
                           group * weir_t16_upper_bytes(id) + 4 * lane;
    uint32_t words[8]; /* word j: columns 4 j .. 4 j + 3 */
    if (id == WEIR_FORMAT_Q8_0) {
        WEIR_UNROLL for (uint32_t j = 0; j < 8; j++) words[j] = weir_t16_word(codes + 64 * j);
    } else {
        WEIR_UNROLL for (uint32_t j = 0; j < 4; j++) {
            uint32_t both = weir_t16_word(codes + 64 * j);
            words[j] = both & 0x0f0f0f0fu;
            words[j + 4] = both >> 4 & 0x0f0f0f0fu;
        }
    }
    if (weir_t16_upper_bytes(id) == 64) {
        uint32_t bits = weir_t16_word(upper);
        WEIR_UNROLL for (uint32_t j = 0; j < 8; j++) words[j] |= (bits >> j & 0x01010101u) << 4;
    }
    if (weir_t16_upper_bytes(id) == 128) {
        uint32_t bits[2] = {weir_t16_word(upper), weir_t16_word(upper + 64)};
        WEIR_UNROLL for (uint32_t j = 0; j < 8; j++) words[j] |=
            (bits[j / 4] >> 2 * (j % 4) & 0x03030303u) << 4;
    }
    memcpy(raw, words, sizeof words);
}

/* What the scale multiplies: stored codes without their offset, or the levels that they name. */
static WEIR_INLINE void weir_t16_codes(weir_format_id id, const uint8_t *raw, size_t n,
                                       int16_t *codes) {
    const int8_t *levels = id == WEIR_FORMAT_MXFP4 ? weir_mxfp4_values : weir_iq4_nl_values;
    const int16_t offset = id == WEIR_FORMAT_Q4_0   ? 8
                           : id == WEIR_FORMAT_Q5_0 ? 16
                           : id == WEIR_FORMAT_Q6_K ? 32
                                                    : 0;
    switch (id) {
    case WEIR_FORMAT_IQ4_NL:
    case WEIR_FORMAT_IQ4_XS:
    case WEIR_FORMAT_MXFP4:
        for (size_t k = 0; k < n; k++)
            codes[k] = levels[raw[k]];
        break;
    case WEIR_FORMAT_Q8_0:
        for (size_t k = 0; k < n; k++)
            codes[k] = (int8_t)raw[k];
        break;
    default:
        for (size_t k = 0; k < n; k++)
            codes[k] = (int16_t)(raw[k] - offset);
    }
}

/* The operations of quant/ on scales, in their order. */
static WEIR_INLINE weir_t16_scale weir_t16_scale_of(weir_format_id id, weir_t16_unit unit,
                                                    uint32_t group, uint32_t lane) {
    const uint8_t *at = weir_t16_scales_at(id, unit);
    weir_t16_scale y = {{0, 0}, 0};
    switch (id) {
    case WEIR_FORMAT_Q4_1:
    case WEIR_FORMAT_Q5_1:
        y.scale[0] = weir_load_half(at + 2 * lane);
        y.low = weir_load_half(at + 32 + 2 * lane);
        break;
    case WEIR_FORMAT_MXFP4:
        y.scale[0] = weir_mxfp4_scale(at[16 * group + lane]);
        break;
    case WEIR_FORMAT_Q4_K:
    case WEIR_FORMAT_Q5_K: {
        uint8_t packed[12], scale, low;
        for (uint32_t v = 0; v < 3; v++)
            memcpy(packed + 4 * v, at + 64 * v + 4 * lane, 4);
        weir_k4_scale(packed, group, &scale, &low);
        y.scale[0] = weir_load_half(at + 192 + 2 * lane) * (float)scale;
        y.low = -(weir_load_half(at + 224 + 2 * lane) * (float)low);
        break;
    }
    case WEIR_FORMAT_IQ4_XS: {
        uint32_t low = at[4 * lane + group / 2] >> 4 * (group % 2) & 15;
        uint32_t high = weir_load_u16(at + 64 + 2 * lane) >> 2 * group & 3;
        y.scale[0] = weir_load_half(at + 96 + 2 * lane) * (float)((int)(low | high << 4) - 32);
        break;
    }
    case WEIR_FORMAT_Q6_K: {
        const uint8_t *d = at + 32 * unit.n_groups + 32 * (group / 8);
        for (uint32_t half = 0; half < 2; half++)
            y.scale[half] =
                weir_load_half(d + 2 * lane) * (float)(int8_t)at[32 * group + 16 * half + lane];
        return y;
    }
    default:
        y.scale[0] = weir_load_half(at + 32 * group + 2 * lane);
    }
    y.scale[1] = y.scale[0];
    return y;
}

#endif
