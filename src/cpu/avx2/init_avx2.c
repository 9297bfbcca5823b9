/* init_avx2.c: fills the table with the kernels of this folder, or with nothing where they were
 * built without their flags. Whether the machine can run them was asked before. */
#include "cpu/avx2/vec_avx2.h"
#include "cpu/kernels.h"

#if WEIR_HAS_AVX2
#include "cpu/unit_template.h"
#endif

void weir_cpu_init_avx2(weir_cpu_kernels *k) {
#if WEIR_HAS_AVX2
    unit_fill(k);
    weir_avx2_fill_t16(k);
    k->isa = "avx2";
#else
    (void)k;
#endif
}
