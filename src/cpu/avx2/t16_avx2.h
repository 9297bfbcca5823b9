/* t16_avx2.h: the words of t16_template.h in AVX2, or with AVX-VNNI where the file is built for it:
 * 16 lanes are two registers. */
#ifndef WEIR_CPU_T16_AVX2_H
#define WEIR_CPU_T16_AVX2_H

#include "cpu/avx2/vec_avx2.h"
#include "cpu/t16.h"

typedef struct q16 {
    __m256i p[2];
} q16;

/* 8 registers of integer sums and 8 of w take turns with the float sums. */
#define T16_FEW 2
#define T16_FEW_LIST(X) \
    X(1)                \
    X(2)

/* Two rows at a time never pay. */
static WEIR_INLINE uint32_t t16_some(const weir_format_id f, const bool is_q8,
                                     const bool has_tiles_soon) {
    (void)f;
    (void)is_q8;
    (void)has_tiles_soon;
    return 0;
}

/* 16 registers: 6 integer and 6 float sums, 2 of w, 1 of x. */
#define T16_X 3
#define T16_TILE_LIST(X) \
    X(1)                 \
    X(2)                 \
    X(3)

static WEIR_INLINE q16 q16_load(const void *p) {
    const __m256i *at = p;
    return (q16){{_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)}};
}
static WEIR_INLINE void q16_store(void *p, q16 a) {
    __m256i *at = p;
    _mm256_storeu_si256(at, a.p[0]);
    _mm256_storeu_si256(at + 1, a.p[1]);
}
static WEIR_INLINE q16 q16_set(int32_t a) {
    return (q16){{_mm256_set1_epi32(a), _mm256_set1_epi32(a)}};
}
static WEIR_INLINE q16 q16_pair(const uint8_t *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return q16_set(pair);
}
static WEIR_INLINE q16 q16_and(q16 a, q16 b) {
    return (q16){{_mm256_and_si256(a.p[0], b.p[0]), _mm256_and_si256(a.p[1], b.p[1])}};
}
static WEIR_INLINE q16 q16_or(q16 a, q16 b) {
    return (q16){{_mm256_or_si256(a.p[0], b.p[0]), _mm256_or_si256(a.p[1], b.p[1])}};
}
static WEIR_INLINE q16 q16_add(q16 a, q16 b) {
    return (q16){{_mm256_add_epi32(a.p[0], b.p[0]), _mm256_add_epi32(a.p[1], b.p[1])}};
}
static WEIR_INLINE q16 q16_right(q16 a, int n) {
    return (q16){{_mm256_srli_epi16(a.p[0], n), _mm256_srli_epi16(a.p[1], n)}};
}
static WEIR_INLINE q16 q16_left(q16 a, int n) {
    return (q16){{_mm256_slli_epi16(a.p[0], n), _mm256_slli_epi16(a.p[1], n)}};
}
static WEIR_INLINE q16 q16_shift_lane(q16 a, int n) {
    return (q16){{_mm256_srli_epi32(a.p[0], n), _mm256_srli_epi32(a.p[1], n)}};
}
static WEIR_INLINE q16 q16_odd_i8(q16 a) {
    return (q16){{_mm256_srai_epi16(a.p[0], 8), _mm256_srai_epi16(a.p[1], 8)}};
}
static WEIR_INLINE q16 q16_even_i8(q16 a) {
    return q16_odd_i8(q16_left(a, 8));
}
static WEIR_INLINE q16 q16_table_of(const int8_t *bytes) {
    __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)bytes));
    return (q16){{table, table}};
}
static WEIR_INLINE q16 q16_table(q16 table, q16 a) {
    return (q16){
        {_mm256_shuffle_epi8(table.p[0], a.p[0]), _mm256_shuffle_epi8(table.p[1], a.p[1])}};
}
static WEIR_INLINE q16 q16_dot(q16 sum, q16 a, q16 b) {
#if defined(__AVXVNNI__)
    return (q16){{_mm256_dpwssd_avx_epi32(sum.p[0], a.p[0], b.p[0]),
                  _mm256_dpwssd_avx_epi32(sum.p[1], a.p[1], b.p[1])}};
#else
    return (q16){{_mm256_add_epi32(sum.p[0], _mm256_madd_epi16(a.p[0], b.p[0])),
                  _mm256_add_epi32(sum.p[1], _mm256_madd_epi16(a.p[1], b.p[1]))}};
#endif
}
static WEIR_INLINE q16 q16_dot_pair(q16 sum, q16 a, const uint8_t *p) {
    return q16_dot(sum, a, q16_pair(p));
}
#if defined(__AVXVNNI__)
#define T16_NARROW 0
static WEIR_INLINE q16 q16_dot_bytes(q16 sum, q16 a, q16 b) {
    return (q16){{_mm256_dpbusd_avx_epi32(sum.p[0], a.p[0], b.p[0]),
                  _mm256_dpbusd_avx_epi32(sum.p[1], a.p[1], b.p[1])}};
}
static WEIR_INLINE q16 q16_dot_quad(q16 sum, q16 a, const uint8_t *p) {
    return q16_dot_bytes(sum, a, q16_pair(p));
}
#else
#define T16_NARROW 1
static WEIR_INLINE q16 q16_bytes(q16 a, q16 b) {
    return (q16){{_mm256_maddubs_epi16(a.p[0], b.p[0]), _mm256_maddubs_epi16(a.p[1], b.p[1])}};
}
static WEIR_INLINE q16 q16_signed_bytes(q16 a, q16 b) {
    q16 size = {{_mm256_abs_epi8(a.p[0]), _mm256_abs_epi8(a.p[1])}};
    return q16_bytes(size,
                     (q16){{_mm256_sign_epi8(b.p[0], a.p[0]), _mm256_sign_epi8(b.p[1], a.p[1])}});
}
static WEIR_INLINE q16 q16_add_i16(q16 a, q16 b) {
    return (q16){{_mm256_add_epi16(a.p[0], b.p[0]), _mm256_add_epi16(a.p[1], b.p[1])}};
}
static WEIR_INLINE q16 q16_widen(q16 a) {
    const __m256i one = _mm256_set1_epi16(1);
    return (q16){{_mm256_madd_epi16(a.p[0], one), _mm256_madd_epi16(a.p[1], one)}};
}
#endif
static WEIR_INLINE q16 q16_xor(q16 a, q16 b) {
    return (q16){{_mm256_xor_si256(a.p[0], b.p[0]), _mm256_xor_si256(a.p[1], b.p[1])}};
}
static WEIR_INLINE v16 q16_float(q16 a) {
    return (v16){{_mm256_cvtepi32_ps(a.p[0]), _mm256_cvtepi32_ps(a.p[1])}};
}

#endif
