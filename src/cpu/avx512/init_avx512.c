/* init_avx512.c: fills the table with the kernels of this folder, or with nothing where they were
 * built without their flags. Whether the machine can run them was asked before. */
#include "cpu/avx512/vec_avx512.h"
#include "cpu/kernels.h"

#if WEIR_HAS_AVX512
#include "cpu/unit_template.h"
#endif

void weir_cpu_init_avx512(weir_cpu_kernels *k) {
#if WEIR_HAS_AVX512
    unit_fill(k);
    weir_avx512_fill_t16(k);
    k->isa = "avx512";
#else
    (void)k;
#endif
}
