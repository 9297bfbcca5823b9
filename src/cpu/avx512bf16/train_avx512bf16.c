/* train_avx512bf16.c: products in bfloat16 on AVX-512 vectors: train_template_tiles.h, or nothing
 * where the file is built without its flags. All else is the AVX-512 unit's. */
#include "cpu/train_kernels.h"

#if defined(__AVX512F__) && defined(__AVX512BF16__) && defined(__AVX512BW__)
#define HAS_BF16 1
#else
#define HAS_BF16 0
#endif

#if HAS_BF16
#include "cpu/bf16_x86.h"

static void tile_begin(void) {
}
static void tile_end(void) {
}

#define TILES_NAME "avx512 bf16"
#include "cpu/train_template_tiles.h"

enum { SQUARE_ROWS = 8 }; /* of one pass: sums of 8 rows and 32 columns stay in registers */

static WEIR_INLINE __m512bh square_pair(const uint16_t *at) {
    uint32_t pair;
    memcpy(&pair, at, sizeof pair);
    return (__m512bh)_mm512_set1_epi32((int)pair);
}

/* Rows first .. first + SQUARE_ROWS, all of one tile. */
static WEIR_INLINE void square_rows(uint32_t n_steps, const uint16_t *a, const uint16_t *b,
                                    float *c, size_t ldc, bool is_added) {
    __m512 left[SQUARE_ROWS], right[SQUARE_ROWS];
    WEIR_UNROLL for (int i = 0; i < SQUARE_ROWS; i++) {
        const float *at = c + (size_t)i * ldc;
        left[i] = is_added ? _mm512_loadu_ps(at) : _mm512_setzero_ps();
        right[i] = is_added ? _mm512_loadu_ps(at + TILE_ROWS) : _mm512_setzero_ps();
    }
    for (uint32_t s = 0; s < n_steps; s++, a += 2 * TILE_VALUES, b += 2 * TILE_VALUES) {
        WEIR_UNROLL for (int q = 0; q < TILE_DEPTH / 2; q++) {
            __m512bh w = (__m512bh)_mm512_loadu_si512(b + q * TILE_DEPTH);
            __m512bh v = (__m512bh)_mm512_loadu_si512(b + TILE_VALUES + q * TILE_DEPTH);
            WEIR_UNROLL for (int i = 0; i < SQUARE_ROWS; i++) {
                __m512bh x = square_pair(a + i * TILE_DEPTH + 2 * q);
                left[i] = _mm512_dpbf16_ps(left[i], x, w);
                right[i] = _mm512_dpbf16_ps(right[i], x, v);
            }
        }
    }
    WEIR_UNROLL for (int i = 0; i < SQUARE_ROWS; i++) {
        _mm512_storeu_ps(c + (size_t)i * ldc, left[i]);
        _mm512_storeu_ps(c + (size_t)i * ldc + TILE_ROWS, right[i]);
    }
}

static void tiles_square(uint32_t n_steps, const uint16_t *a, const uint16_t *b, float *c,
                         size_t ldc, bool is_added) {
    for (uint32_t row = 0; row < TILES_ROWS; row += SQUARE_ROWS)
        square_rows(n_steps,
                    a + (size_t)(row / TILE_ROWS) * TILE_VALUES +
                        (size_t)(row % TILE_ROWS) * TILE_DEPTH,
                    b, c + row * ldc, ldc, is_added);
}
#endif

void weir_train_init_avx512bf16(weir_train_kernels *k) {
#if HAS_BF16
    k->isa = "avx512bf16";
    k->product = tiles_product;
#else
    (void)k;
#endif
}
