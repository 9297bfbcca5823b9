/*
 * t16_dotprod.c: the kernels that want the dot product of bytes (FEAT_DotProd, ARMv8.2 and later),
 * t16_neon.h, or none where the file is built without its flags. All else is the unit neon's.
 */
#include "cpu/kernels.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#define T16_MATRIX 0
#include "cpu/neon/t16_neon.h"
#define HAS_DOTPROD 1
#else
#define HAS_DOTPROD 0
#endif

void weir_cpu_init_dotprod(weir_cpu_kernels *k) {
#if HAS_DOTPROD
    t16_fill(k);
    k->isa = "dotprod";
#else
    (void)k;
#endif
}
