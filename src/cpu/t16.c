/*
 * t16.c: blocks of a file into strips, and rows of strips back into numbers.
 *
 * Owns the table that says of which fields a unit is made, the few ways in which a field's bytes
 * move from 16 blocks into it, and sizes. Knows no products. Invariant: a strip is its rows' bytes
 * in another order, so what is packed can be read back bit for bit.
 */
#include "cpu/t16.h"

#include "base/compiler.h"
#include "cpu/t16_codes.h"
#include "quant/blocks.h"

#include <assert.h>
#include <string.h>

enum { ROWS = WEIR_T16_ROWS, MOST_FIELDS = 5, AHEAD_BYTES = 1024 };

/* ---- movers -------------------------------------------------------------------------------- */

/* One field of one block of 16 rows: n bytes at `from` and at each of the next 15 rows, row_bytes
 * apart, to the 16 n bytes at `to`. */
typedef void mover(const uint8_t *from, size_t row_bytes, size_t n, uint8_t *to);

static void move_bytes(const uint8_t *from, size_t row_bytes, size_t n, uint8_t *to) {
    for (size_t r = 0; r < ROWS; r++, from += row_bytes)
        for (size_t i = 0; i < n; i++)
            to[ROWS * i + r] = from[i];
}

/* n = 2 */
static void move_half(const uint8_t *from, size_t row_bytes, size_t n, uint8_t *to) {
    (void)n;
    for (size_t r = 0; r < ROWS; r++, from += row_bytes)
        memcpy(to + 2 * r, from, 2);
}

static WEIR_INLINE void move_words_of(const uint8_t *from, size_t row_bytes, size_t n,
                                      uint8_t *to) {
    for (size_t r = 0; r < ROWS; r++, from += row_bytes) {
        WEIR_PREFETCH(from + AHEAD_BYTES);
        for (size_t i = 0; i < n; i += 4)
            memcpy(to + ROWS * i + 4 * r, from + i, 4);
    }
}

/* Nibbles in blocks of 32 and in iq4_xs, whole bytes and packed scales are in a
 * strip's order. Of 16 bytes, which q4_0 has, without a loop and with each row
 * asked for ahead: sixteen rows are more streams than a processor follows by
 * itself; from memory 2.7 GB/s became 4.2. */
static void move_words(const uint8_t *from, size_t row_bytes, size_t n, uint8_t *to) {
    if (n == 16)
        move_words_of(from, row_bytes, 16, to);
    else
        move_words_of(from, row_bytes, n, to);
}

/* Exchanges the bits of x under `mask` with those `shift` further up. */
static WEIR_INLINE uint32_t swap_inside(uint32_t x, unsigned shift, uint32_t mask) {
    uint32_t differ = (x >> shift ^ x) & mask;
    return x ^ differ ^ differ << shift;
}

/* Fifth bits of blocks of 32: bit 4 j + b of a little-endian number becomes bit j of byte b. The
 * place of a bit, in binary, goes from (j2 j1 j0 b1 b0) to (b1 b0 j2 j1 j0): two of its digits
 * change places in each step. n = 4. */
static void move_fifth_bits(const uint8_t *from, size_t row_bytes, size_t n, uint8_t *to) {
    (void)n;
    for (size_t r = 0; r < ROWS; r++, from += row_bytes) {
        uint32_t x = weir_load_u32(from);
        x = swap_inside(x, 14, 0x0000ccccu); /* (b1 j1 j0 j2 b0) */
        x = swap_inside(x, 7, 0x00aa00aau);  /* (b1 b0 j0 j2 j1) */
        x = swap_inside(x, 2, 0x0c0c0c0cu);  /* (b1 b0 j2 j0 j1) */
        x = swap_inside(x, 1, 0x22222222u);  /* (b1 b0 j2 j1 j0) */
        weir_store_u32(to + 4 * r, x);
    }
}

/* 32 bytes whose low nibbles are one group and whose high nibbles another, to the two groups. */
static WEIR_INLINE void split_nibbles(const uint8_t *from, uint8_t *low, uint8_t *high) {
    const uint64_t mask = 0x0f0f0f0f0f0f0f0fu;
    for (size_t i = 0; i < 16; i += 8) {
        uint64_t first, second, both[2];
        memcpy(&first, from + i, 8);
        memcpy(&second, from + 16 + i, 8);
        both[0] = (first & mask) | (second & mask) << 4;
        both[1] = (first >> 4 & mask) | (second & ~mask);
        for (size_t j = 0; j < 2; j++) {
            memcpy(low + ROWS * (i + 4 * j), (const uint8_t *)&both[0] + 4 * j, 4);
            memcpy(high + ROWS * (i + 4 * j), (const uint8_t *)&both[1] + 4 * j, 4);
        }
    }
}

/* q4_k, q5_k: bytes 32 p .. 32 p + 31 hold groups 2 p and 2 p + 1. n = 128. */
static void move_nibbles_45(const uint8_t *from, size_t row_bytes, size_t n, uint8_t *to) {
    for (size_t r = 0; r < ROWS; r++, from += row_bytes, to += 4)
        for (size_t i = 0; i < n; i += 32)
            split_nibbles(from + i, to + ROWS * i, to + ROWS * (i + 16));
}

/* q6_k: bytes 64 h + 32 s .. hold groups 4 h + s and 4 h + s + 2, s < 2. n = 128. */
static void move_nibbles_6(const uint8_t *from, size_t row_bytes, size_t n, uint8_t *to) {
    for (size_t r = 0; r < ROWS; r++, from += row_bytes, to += 4)
        for (size_t i = 0; i < n; i += 64)
            for (size_t s = 0; s < 2; s++)
                split_nibbles(from + i + 32 * s, to + ROWS * (i + 16 * s),
                              to + ROWS * (i + 16 * s + 32));
}

/* In each of the four bytes: field i of word j becomes field j of word i. n_words is 8 (fields of
 * one bit) or 4 (of two). Halves are exchanged, then halves of halves. */
static WEIR_INLINE void transpose_fields(const unsigned n_words, uint32_t *words) {
    static const uint32_t masks[] = {0, 0x55555555u, 0x33333333u, 0, 0x0f0f0f0fu};
    WEIR_UNROLL for (unsigned step = n_words / 2, shift = 4; step > 0; step /= 2, shift /= 2) {
        WEIR_UNROLL for (unsigned j = 0; j < n_words; j++) {
            if (j & step)
                continue;
            uint32_t differ = (words[j] >> shift ^ words[j + step]) & masks[shift];
            words[j + step] ^= differ;
            words[j] ^= differ << shift;
        }
    }
}

/* q5_k: bit g of byte 4 j + b, of group g, becomes bit j of byte b of vector g. n = 32. */
static void move_fifth_bits_5(const uint8_t *from, size_t row_bytes, size_t n, uint8_t *to) {
    for (size_t r = 0; r < ROWS; r++, from += row_bytes) {
        uint32_t words[8];
        memcpy(words, from, n);
        transpose_fields(8, words);
        for (size_t g = 0; g < 8; g++)
            memcpy(to + 64 * g + 4 * r, &words[g], 4);
    }
}

/* q6_k: bits 2 s, 2 s + 1 of byte 32 h + 16 p + 4 t + b, of group 4 h + s, become bits 2 t, 2 t + 1
 * of byte b of the group's vector p. n = 64. */
static void move_upper_bits_6(const uint8_t *from, size_t row_bytes, size_t n, uint8_t *to) {
    for (size_t r = 0; r < ROWS; r++, from += row_bytes)
        for (size_t i = 0; i < n; i += 16) {
            size_t h = i / 32, p = i / 16 % 2;
            uint32_t words[4];
            memcpy(words, from + i, 16);
            transpose_fields(4, words);
            for (size_t s = 0; s < 4; s++)
                memcpy(to + 128 * (4 * h + s) + 64 * p + 4 * r, &words[s], 4);
        }
}

/* ---- units --------------------------------------------------------------------------------- */

typedef struct field {
    mover *move;
    uint8_t at, n_bytes; /* in a block of the file */
} field;

/* A unit is n_blocks blocks of 16 rows, field after field, and of a field block after block. */
typedef struct unit {
    uint32_t n_blocks;
    field fields[MOST_FIELDS];
} unit;

#define FIELD(how, name, member) \
    { move_##how, offsetof(weir_block_##name, member), sizeof(((weir_block_##name *)0)->member) }

static const unit units[WEIR_FORMAT_LIMIT] = {
    [WEIR_FORMAT_Q4_0] = {2, {FIELD(words, q4_0, qs), FIELD(half, q4_0, d)}},
    [WEIR_FORMAT_Q4_1] = {1, {FIELD(words, q4_1, qs), FIELD(half, q4_1, d), FIELD(half, q4_1, m)}},
    [WEIR_FORMAT_Q5_0] = {2,
                          {FIELD(words, q5_0, qs), FIELD(fifth_bits, q5_0, qh),
                           FIELD(half, q5_0, d)}},
    [WEIR_FORMAT_Q5_1] = {1,
                          {FIELD(words, q5_1, qs), FIELD(fifth_bits, q5_1, qh),
                           FIELD(half, q5_1, d), FIELD(half, q5_1, m)}},
    [WEIR_FORMAT_Q8_0] = {2, {FIELD(words, q8_0, qs), FIELD(half, q8_0, d)}},
    [WEIR_FORMAT_IQ4_NL] = {2, {FIELD(words, iq4_nl, qs), FIELD(half, iq4_nl, d)}},
    [WEIR_FORMAT_MXFP4] = {4, {FIELD(words, mxfp4, qs), FIELD(bytes, mxfp4, e)}},
    [WEIR_FORMAT_IQ4_XS] = {1,
                            {FIELD(words, iq4_xs, qs), FIELD(words, iq4_xs, scales_l),
                             FIELD(half, iq4_xs, scales_h), FIELD(half, iq4_xs, d)}},
    [WEIR_FORMAT_Q4_K] = {1,
                          {FIELD(nibbles_45, q4_k, qs), FIELD(words, q4_k, scales),
                           FIELD(half, q4_k, d), FIELD(half, q4_k, dmin)}},
    [WEIR_FORMAT_Q5_K] = {1,
                          {FIELD(nibbles_45, q5_k, qs), FIELD(fifth_bits_5, q5_k, qh),
                           FIELD(words, q5_k, scales), FIELD(half, q5_k, d),
                           FIELD(half, q5_k, dmin)}},
    [WEIR_FORMAT_Q6_K] = {2,
                          {FIELD(nibbles_6, q6_k, ql), FIELD(upper_bits_6, q6_k, qh),
                           FIELD(bytes, q6_k, scales), FIELD(half, q6_k, d)}},
};

static const unit *unit_of(weir_format_id id) {
    bool is_known = (uint32_t)id < WEIR_FORMAT_LIMIT && units[id].n_blocks > 0;
    return is_known ? &units[id] : NULL;
}

uint32_t weir_t16_unit_cols(weir_format_id id) {
    const unit *u = unit_of(id);
    return u ? u->n_blocks * weir_format_by_id(id)->block_values : 0;
}

/* Columns that a strip must be a multiple of: q6_k may end with half a unit. */
static uint32_t step_cols(weir_format_id id) {
    return id == WEIR_FORMAT_Q6_K ? WEIR_SUPERBLOCK_VALUES : weir_t16_unit_cols(id);
}

bool weir_t16_fits(weir_format_id id, uint32_t rows, uint32_t cols) {
    return unit_of(id) && rows > 0 && rows % ROWS == 0 && cols > 0 && cols % step_cols(id) == 0;
}

size_t weir_t16_strip_bytes(weir_format_id id, uint32_t cols) {
    assert(weir_t16_fits(id, ROWS, cols));
    size_t bytes = ROWS * weir_format_row_bytes(weir_format_by_id(id), cols);
    return (bytes + 63) / 64 * 64;
}

void weir_t16_pack(weir_format_id id, const uint8_t *rows, size_t row_bytes, uint32_t cols,
                   uint8_t *strip) {
    assert(weir_t16_fits(id, ROWS, cols));
    const weir_format *f = weir_format_by_id(id);
    const unit *u = unit_of(id);
    uint32_t n_blocks = cols / f->block_values;
    uint8_t *to = strip;
    for (uint32_t begin = 0; begin < n_blocks; begin += u->n_blocks) {
        uint32_t n = n_blocks - begin < u->n_blocks ? n_blocks - begin : u->n_blocks;
        for (const field *part = u->fields; part < u->fields + MOST_FIELDS && part->move; part++)
            for (uint32_t b = 0; b < n; b++, to += ROWS * part->n_bytes)
                part->move(rows + b * f->block_bytes + part->at, row_bytes, part->n_bytes, to);
        rows += (size_t)n * f->block_bytes;
    }
    memset(to, 0, weir_t16_strip_bytes(id, cols) - (size_t)(to - strip));
}

/* ---- numbers ------------------------------------------------------------------------------- */

static void unpack_group(weir_format_id id, weir_t16_unit at, uint32_t group, uint32_t lane,
                         float *values) {
    uint8_t raw[WEIR_T16_GROUP];
    int16_t codes[WEIR_T16_GROUP];
    weir_t16_raw_codes(id, at, group, lane, raw);
    weir_t16_codes(id, raw, WEIR_T16_GROUP, codes);
    weir_t16_scale y = weir_t16_scale_of(id, at, group, lane);
    for (uint32_t k = 0; k < WEIR_T16_GROUP; k++)
        values[k] = (float)codes[k] * y.scale[k / 16];
    /* Adding 0 would turn -0 into 0. */
    if (weir_t16_has_low(id))
        for (uint32_t k = 0; k < WEIR_T16_GROUP; k++)
            values[k] += y.low;
}

void weir_t16_unpack_row(weir_format_id id, const uint8_t *strip, uint32_t lane, uint32_t cols,
                         float *values) {
    assert(weir_t16_fits(id, ROWS, cols) && lane < ROWS);
    const weir_format *f = weir_format_by_id(id);
    uint32_t unit_cols = weir_t16_unit_cols(id);
    for (uint32_t begin = 0; begin < cols; begin += unit_cols) {
        uint32_t n = cols - begin < unit_cols ? cols - begin : unit_cols;
        weir_t16_unit at = {strip, n / WEIR_T16_GROUP};
        for (uint32_t group = 0; group < at.n_groups; group++)
            unpack_group(id, at, group, lane, values + begin + group * WEIR_T16_GROUP);
        strip += ROWS * weir_format_row_bytes(f, n);
    }
}
