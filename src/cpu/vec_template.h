/*
 * vec_template.h: vectors of 16 floats, the word that every kernel is written in.
 *
 * Included by the vec_<isa>.h of each instruction set after it has defined the list below, so that
 * one body serves all of them and results have equal bits by construction: nothing here or in the
 * other templates depends on how many registers make up the 16 lanes. Every operation is one IEEE
 * operation per lane, rounded to nearest; fma rounds once. Which NaN a NaN is, is left open.
 *
 * vp: one register of V_WIDTH lanes; V_PARTS = 16 / V_WIDTH of them are a v16, lane order = memory
 * order. b16: 16 bytes in a register. Loads and stores need no alignment.
 *
 *   WEIR_ISA(name)            the name with the unit's prefix
 *   V_WIDTH, V_PARTS          numbers, for array sizes
 *   V_TILE_X                  tile of dot[F32]: at most so many x at once,
 *   V_ROWS(n_x)               with so many rows of w (a table of V_TILE_X numbers)
 *   V_PACKED_ROWS(n_x)        the same for packed formats, n_x = 1..4
 *   V_FEW_X                   up to so many x, packed weights are taken apart in registers
 *                             (AVX-512 on Zen 5: 12 x of q4_0 5 % faster so than in slices, 16 of
 *                             q6_k 18 % slower)
 *   V_SLICES                  1: more x in slices, dot_template.h; 0: the caller's tile. AVX2 with
 *                             its few x in a tile loses 5 % by slices
 *   V_ATTEND_KEYS, V_ATTEND_COLS  attention's tiles: keys that four heads meet at once, and columns
 *                             of values; whole v16
 *   vp_zero() vp_set(a) vp_load(p) vp_store(p, a)
 *   vp_add vp_sub vp_mul vp_div (a, b), vp_max(a, b): b where either is NaN, or NaN
 *   vp_fma(a, b, c) = a b + c, vp_fnma(a, b, c) = c - a b
 *   vp_sqrt(a)
 *   vp_clamp(a, low, high): NaN stays NaN
 *   vp_pow2(a, n) = a 2^n, n whole numbers -152..152 as floats, |a| in 0.5..2; rounded once
 *   vp_first(a): lane 0; v16_most(a): the greatest lane, anything where one is NaN
 *   v16_halves(a, b): a in lanes 0..7, b in lanes 8..15
 *   v16_sum(a), v16_sum4(a, sums): sums of one v16 and of four, in the order of kernels.h
 *   V_HAS_SUM16               1: v16_sum16(a, sums), sixteen in the same order, is the set's own
 *   half_load(p): the float16 at p; v16_from_f16(p) v16_from_bf16(p): 16 stored numbers
 *   b16_load(p) b16_set(byte) b16_and b16_or b16_sub(a, b), per byte
 *   b16_low(a) = a & 15, b16_high(a) = a >> 4
 *   b16_shift(a, n): left by n or right by -n; bits that cross a byte may arrive: mask them
 *   b16_where(a, bit, value): value in the bytes of a that have the bit, else 0
 *   v16_from_u8(a) v16_from_i8(a)
 *   V_HAS_LEVELS              1: the types and functions below are the instruction set's own
 *   centered: levels (q - 8) d of a nibble q; centered_make(d), centered_low/high(levels, bytes)
 *   affine: levels q a - b of a nibble q; affine_make(a, b), affine_low/high(levels, bytes)
 *   affine5: the same of five-bit q, the fifth being `bit` of the bytes `fifth`:
 *   affine5_make(a, b), affine5_low/high(levels, bytes, fifth, bit)
 *   V_HAS_SIX_BITS            1: six_bits is the instruction set's own
 */
#ifndef WEIR_CPU_VEC_TEMPLATE_H
#define WEIR_CPU_VEC_TEMPLATE_H

static WEIR_INLINE v16 v16_zero(void) {
    v16 y;
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) y.p[i] = vp_zero();
    return y;
}

static WEIR_INLINE v16 v16_set(float a) {
    v16 y;
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) y.p[i] = vp_set(a);
    return y;
}

static WEIR_INLINE v16 v16_load(const float *p) {
    v16 y;
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) y.p[i] = vp_load(p + i * V_WIDTH);
    return y;
}

static WEIR_INLINE void v16_store(float *p, v16 a) {
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) vp_store(p + i * V_WIDTH, a.p[i]);
}

/* The first n < 16 lanes; the others are 0. */
static inline v16 v16_load_some(const float *p, size_t n) {
    float lanes[16] = {0};
    memcpy(lanes, p, n * sizeof *p);
    return v16_load(lanes);
}

static inline void v16_store_some(float *p, v16 a, size_t n) {
    float lanes[16];
    v16_store(lanes, a);
    memcpy(p, lanes, n * sizeof *p);
}

#define V16_BINARY(op)                                                                  \
    static WEIR_INLINE v16 v16_##op(v16 a, v16 b) {                                     \
        WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) a.p[i] = vp_##op(a.p[i], b.p[i]); \
        return a;                                                                       \
    }
V16_BINARY(add)
V16_BINARY(sub)
V16_BINARY(mul)
V16_BINARY(div)
V16_BINARY(max)
#undef V16_BINARY

/* a b + c */
static WEIR_INLINE v16 v16_fma(v16 a, v16 b, v16 c) {
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) c.p[i] = vp_fma(a.p[i], b.p[i], c.p[i]);
    return c;
}

/* c - a b */
static WEIR_INLINE v16 v16_fnma(v16 a, v16 b, v16 c) {
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) c.p[i] = vp_fnma(a.p[i], b.p[i], c.p[i]);
    return c;
}

/*
 * e^x: x = n ln 2 + r with |r| <= ln 2 / 2 (ln 2 in two parts, the first of 9 bits, so that
 * n ln 2 is exact: Cody and Waite), a polynomial for e^r (interpolated at Chebyshev nodes, relative
 * error 1.1e-8), times 2^n. The clamp lies where e^x has long become infinity and zero.
 */
static WEIR_INLINE vp vp_exp(vp x) {
    const vp magic = vp_set(0x1.8p23f); /* added and taken away, it rounds to whole numbers */
    x = vp_clamp(x, vp_set(-105.0f), vp_set(89.0f));
    vp n = vp_sub(vp_fma(x, vp_set(0x1.715476p0f), magic), magic);
    vp r = vp_fnma(n, vp_set(0x1.62p-1f), x);
    r = vp_fnma(n, vp_set(0x1.c85fep-10f), r);
    vp q = vp_fma(vp_set(0x1.6d113cp-10f), r, vp_set(0x1.120ba2p-7f));
    q = vp_fma(q, r, vp_set(0x1.55551ap-5f));
    q = vp_fma(q, r, vp_set(0x1.5554dcp-3f));
    q = vp_fma(q, r, vp_set(0.5f));
    q = vp_fma(vp_mul(r, r), q, r);
    return vp_pow2(vp_add(q, vp_set(1.0f)), n);
}

static WEIR_INLINE v16 v16_exp(v16 a) {
    WEIR_UNROLL for (int i = 0; i < V_PARTS; i++) a.p[i] = vp_exp(a.p[i]);
    return a;
}

/* Levels of a nibble, computed; with V_HAS_LEVELS the instruction set picks them from a table. */
#if !V_HAS_LEVELS
typedef struct centered {
    v16 d;
} centered;

static WEIR_INLINE centered centered_make(float d) {
    return (centered){v16_set(d)};
}
static WEIR_INLINE v16 centered_low(centered levels, b16 bytes) {
    return v16_mul(v16_from_i8(b16_sub(b16_low(bytes), b16_set(8))), levels.d);
}
static WEIR_INLINE v16 centered_high(centered levels, b16 bytes) {
    return v16_mul(v16_from_i8(b16_sub(b16_high(bytes), b16_set(8))), levels.d);
}

typedef struct affine {
    v16 a, b;
} affine;

static WEIR_INLINE affine affine_make(float a, float b) {
    return (affine){v16_set(a), v16_set(b)};
}
static WEIR_INLINE v16 affine_low(affine levels, b16 bytes) {
    return v16_sub(v16_mul(v16_from_u8(b16_low(bytes)), levels.a), levels.b);
}
static WEIR_INLINE v16 affine_high(affine levels, b16 bytes) {
    return v16_sub(v16_mul(v16_from_u8(b16_high(bytes)), levels.a), levels.b);
}

typedef affine affine5;

static WEIR_INLINE affine5 affine5_make(float a, float b) {
    return affine_make(a, b);
}
static WEIR_INLINE v16 affine5_low(affine5 levels, b16 bytes, b16 fifth, int bit) {
    b16 q = b16_or(b16_low(bytes), b16_where(fifth, bit, 16));
    return v16_sub(v16_mul(v16_from_u8(q), levels.a), levels.b);
}
static WEIR_INLINE v16 affine5_high(affine5 levels, b16 bytes, b16 fifth, int bit) {
    b16 q = b16_or(b16_high(bytes), b16_where(fifth, bit, 16));
    return v16_sub(v16_mul(v16_from_u8(q), levels.a), levels.b);
}
#endif

/* The 128 signed bytes q - 32 of half a block of q6_k, in order: ql [64], qh [32] as in blocks.h.
 */
#if !V_HAS_SIX_BITS
static WEIR_INLINE void six_bits(const uint8_t *ql, const uint8_t *qh, b16 q[8]) {
    const b16 high_bits = b16_set(0x30), center = b16_set(32);
    WEIR_UNROLL for (int i = 0; i < 8; i++) { /* stripe i / 2, columns 16 (i % 2) ... */
        b16 bytes = b16_load(ql + 32 * (i / 2 % 2) + 16 * (i % 2));
        b16 low = i < 4 ? b16_low(bytes) : b16_high(bytes);
        b16 high = b16_and(b16_shift(b16_load(qh + 16 * (i % 2)), 4 - 2 * (i / 2)), high_bits);
        q[i] = b16_sub(b16_or(low, high), center);
    }
}
#endif

#endif
