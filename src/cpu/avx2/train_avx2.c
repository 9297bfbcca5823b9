/* train_avx2.c: the kernels of training: train_template.h, or nothing where the file is built
 * without its flags. */
#include "cpu/avx2/vec_avx2.h"
#include "cpu/train_kernels.h"

#if WEIR_HAS_AVX2
/* 16 registers: 12 of C, 2 of B, 1 of A. */
enum { T_ROWS = 6, T_PARTS = 2 };
#define T_NAME "avx2"
#include "cpu/train_template.h"
#endif

void weir_train_init_avx2(weir_train_kernels *k) {
#if WEIR_HAS_AVX2
    train_fill(k);
#else
    (void)k;
#endif
}
