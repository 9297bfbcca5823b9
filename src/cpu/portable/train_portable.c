/* train_portable.c: the kernels of training in plain C: train_template.h on any processor. */
#include "cpu/portable/vec_portable.h"
#include "cpu/train_kernels.h"

/* 16 registers where there are vectors of four: 12 of C, 2 of B, 1 of A. */
enum { T_ROWS = 6, T_PARTS = 8 / V_WIDTH };
#define T_NAME "portable"
#include "cpu/train_template.h"

void weir_train_init_portable(weir_train_kernels *k) {
    train_fill(k);
}
