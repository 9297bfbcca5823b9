/*
 * t16_i8mm.c: the kernels that want matrix products of bytes (FEAT_I8MM, ARMv8.6 and some before),
 * t16_neon.h, or none where the file is built without its flags. All else is the unit neon's.
 */
#include "cpu/kernels.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD) && defined(__ARM_FEATURE_MATMUL_INT8)
#define T16_MATRIX 1
#include "cpu/neon/t16_neon.h"
#define HAS_I8MM 1
#else
#define HAS_I8MM 0
#endif

void weir_cpu_init_i8mm(weir_cpu_kernels *k) {
#if HAS_I8MM
    t16_fill(k);
    k->isa = "i8mm";
#else
    (void)k;
#endif
}
