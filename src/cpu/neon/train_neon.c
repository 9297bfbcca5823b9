/* train_neon.c: the kernels of training: train_template.h, or nothing where the file is built
 * without its flags. */
#include "cpu/neon/vec_neon.h"
#include "cpu/train_kernels.h"

#if WEIR_HAS_NEON
/* 32 registers: 24 of C, 4 of B, 1 of A. */
enum { T_ROWS = 6, T_PARTS = 4 };
#define T_NAME "neon"
#include "cpu/train_template.h"
#endif

void weir_train_init_neon(weir_train_kernels *k) {
#if WEIR_HAS_NEON
    train_fill(k);
#else
    (void)k;
#endif
}
