/* t16_avx512.h: the words of t16_template.h in AVX-512, or with VNNI where the file is built for
 * it: 16 lanes are one register. */
#ifndef WEIR_CPU_T16_AVX512_H
#define WEIR_CPU_T16_AVX512_H

#include "cpu/avx512/vec_avx512.h"
#include "cpu/t16.h"

typedef __m512i q16;

/* 8 integer and 8 float sums, 4 of w. */
#define T16_FEW 8
#define T16_FEW_LIST(X) \
    X(1)                \
    X(2)                \
    X(3)                \
    X(4)                \
    X(5)                \
    X(6)                \
    X(7)                \
    X(8)

/* Two strips halve the loads of activations, of which a core has two a clock, as of products. */
#if defined(__AVX512VNNI__)
#define T16_FEW_TWO
#endif

/* G products a core in tiles and in passes, Zen 4, before tiles shared their rows evenly: q4_0 9
 * rows 119 and 171, 16 rows 157 and 176, 24 rows 164 and 176; q4_k 10 rows 127 and 152, 16 rows 140
 * and 154, 24 rows 150 and 154. Formats that take longer to take apart lose. Two cores of Zen 5,
 * passes of two strips: 12 rows of q4_0 545 and 583, 16 rows 587 and 517; 12 rows of q4_k 489 and
 * 577, and though 24 rows had 567 and 596, prompts of the 24B did not gain. */
static WEIR_INLINE uint32_t t16_some(const weir_format_id f, const bool is_q8,
                                     const bool has_tiles_soon) {
#if defined(__AVX512VNNI__)
    if (is_q8 && (f == WEIR_FORMAT_Q4_0 || f == WEIR_FORMAT_Q4_K))
        return has_tiles_soon ? 12 : 24;
    return is_q8 && f == WEIR_FORMAT_Q8_0 && !has_tiles_soon ? 24 : 0;
#else
    (void)f;
    (void)is_q8;
    (void)has_tiles_soon;
    return 0;
#endif
}

/* 32 registers: 12 integer and 12 float sums, 1 of w; x is broadcast from memory. */
#define T16_X 12
#define T16_TILE_LIST(X) \
    X(1)                 \
    X(2)                 \
    X(3)                 \
    X(4)                 \
    X(5)                 \
    X(6)                 \
    X(7)                 \
    X(8)                 \
    X(9)                 \
    X(10)                \
    X(11)                \
    X(12)

/* 12 integer and 12 float sums again, 2 of w, 1 of x: a processor loads one x a clock, and that is
 * also how many it multiplies. */
#define T16_TWO 6
#define T16_TWO_LIST(X) \
    X(1)                \
    X(2)                \
    X(3)                \
    X(4)                \
    X(5)                \
    X(6)

static WEIR_INLINE q16 q16_load(const void *p) {
    return _mm512_loadu_si512(p);
}
static WEIR_INLINE void q16_store(void *p, q16 a) {
    _mm512_storeu_si512(p, a);
}
static WEIR_INLINE q16 q16_set(int32_t a) {
    return _mm512_set1_epi32(a);
}
static WEIR_INLINE q16 q16_pair(const uint8_t *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return _mm512_set1_epi32(pair);
}
static WEIR_INLINE q16 q16_and(q16 a, q16 b) {
    return _mm512_and_si512(a, b);
}
static WEIR_INLINE q16 q16_or(q16 a, q16 b) {
    return _mm512_or_si512(a, b);
}
static WEIR_INLINE q16 q16_add(q16 a, q16 b) {
    return _mm512_add_epi32(a, b);
}
static WEIR_INLINE q16 q16_right(q16 a, int n) {
    return _mm512_srli_epi16(a, (unsigned)n);
}
static WEIR_INLINE q16 q16_left(q16 a, int n) {
    return _mm512_slli_epi16(a, (unsigned)n);
}
static WEIR_INLINE q16 q16_shift_lane(q16 a, int n) {
    return _mm512_srli_epi32(a, (unsigned)n);
}
static WEIR_INLINE q16 q16_odd_i8(q16 a) {
    return _mm512_srai_epi16(a, 8);
}
static WEIR_INLINE q16 q16_even_i8(q16 a) {
    return q16_odd_i8(q16_left(a, 8));
}
static WEIR_INLINE q16 q16_table_of(const int8_t *bytes) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)bytes));
}
static WEIR_INLINE q16 q16_table(q16 table, q16 a) {
    return _mm512_shuffle_epi8(table, a);
}
static WEIR_INLINE q16 q16_dot(q16 sum, q16 a, q16 b) {
#if defined(__AVX512VNNI__)
    __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b)); /* as below: no moves */
    return sum;
#else
    return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
#endif
}
/* The pair comes out of memory within the product: gcc 12 takes an instruction of its own for it,
 * and two that move the sum. */
static WEIR_INLINE q16 q16_dot_pair(q16 sum, q16 a, const uint8_t *p) {
#if defined(__AVX512VNNI__)
    __asm__("vpdpwssd %2%{1to16%}, %1, %0"
            : "+v"(sum)
            : "v"(a), "m"(*(const int32_t *)(const void *)p));
    return sum;
#else
    return q16_dot(sum, a, q16_pair(p));
#endif
}
/* Four products of bytes a lane, added: unsigned a by the four signed bytes at p. */
#if defined(__AVX512VNNI__)
#define T16_NARROW 0
static WEIR_INLINE q16 q16_dot_bytes(q16 sum, q16 a, q16 b) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}
static WEIR_INLINE q16 q16_dot_quad(q16 sum, q16 a, const uint8_t *p) {
    __asm__("vpdpbusd %2%{1to16%}, %1, %0"
            : "+v"(sum)
            : "v"(a), "m"(*(const int32_t *)(const void *)p));
    return sum;
}
#else
#define T16_NARROW 1
static WEIR_INLINE q16 q16_bytes(q16 a, q16 b) {
    return _mm512_maddubs_epi16(a, b);
}
static WEIR_INLINE q16 q16_signed_bytes(q16 a, q16 b) {
    const __m512i zero = _mm512_setzero_si512();
    b = _mm512_mask_sub_epi8(b, _mm512_movepi8_mask(a), zero, b);
    return _mm512_maddubs_epi16(_mm512_abs_epi8(a), b);
}
static WEIR_INLINE q16 q16_add_i16(q16 a, q16 b) {
    return _mm512_add_epi16(a, b);
}
static WEIR_INLINE q16 q16_widen(q16 a) {
    return _mm512_madd_epi16(a, _mm512_set1_epi16(1));
}
#endif
static WEIR_INLINE q16 q16_xor(q16 a, q16 b) {
    return _mm512_xor_si512(a, b);
}
static WEIR_INLINE v16 q16_float(q16 a) {
    return (v16){{_mm512_cvtepi32_ps(a)}};
}

#endif
