/* t16_avx512vnni.c: integer products over packed strips with AVX-512 VNNI: the words of AVX-512,
 * with vpdpwssd where that multiplies and adds in two instructions. */
#include "cpu/kernels.h"

#include "cpu/avx512/vec_avx512.h"

#if WEIR_HAS_AVX512 && defined(__AVX512VNNI__)

#include "cpu/avx512/t16_avx512.h"
#include "cpu/t16_template.h"

#endif

/* The order of the activations is that of AVX2, whose unit has filled q15. */
void weir_cpu_init_avx512vnni(weir_cpu_kernels *k) {
#if WEIR_HAS_AVX512 && defined(__AVX512VNNI__)
    t16_fill(k);
    k->isa = "avx512vnni";
#else
    (void)k;
#endif
}
