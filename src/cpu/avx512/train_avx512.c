/* train_avx512.c: the kernels of training: train_template.h, or nothing where the file is built
 * without its flags. */
#include "cpu/avx512/vec_avx512.h"
#include "cpu/train_kernels.h"

#if WEIR_HAS_AVX512
/* 32 registers: 24 of C, 2 of B; A comes from memory. */
enum { T_ROWS = 12, T_PARTS = 2 };
#define T_NAME "avx512"
#include "cpu/train_template.h"
#endif

void weir_train_init_avx512(weir_train_kernels *k) {
#if WEIR_HAS_AVX512
    train_fill(k);
#else
    (void)k;
#endif
}
