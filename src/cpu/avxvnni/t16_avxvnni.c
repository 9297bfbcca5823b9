/* t16_avxvnni.c: integer products over packed strips with AVX-VNNI: the words of AVX2, with
 * vpdpwssd where that multiplies and adds in two instructions. */
#include "cpu/kernels.h"

#include "cpu/avx2/vec_avx2.h"

#if WEIR_HAS_AVX2 && defined(__AVXVNNI__)

#include "cpu/avx2/t16_avx2.h"
#include "cpu/t16_template.h"

#endif

/* The order of the activations is that of AVX2, whose unit has filled q15. */
void weir_cpu_init_avxvnni(weir_cpu_kernels *k) {
#if WEIR_HAS_AVX2 && defined(__AVXVNNI__)
    t16_fill(k);
    k->isa = "avxvnni";
#else
    (void)k;
#endif
}
