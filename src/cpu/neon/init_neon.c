/* init_neon.c: fills the table with the kernels of this folder, or with nothing where they were
 * built without their flags. Whether the machine can run them was asked before. */
#include "cpu/kernels.h"
#include "cpu/neon/vec_neon.h"

#if WEIR_HAS_NEON
#include "cpu/unit_template.h"
#endif

void weir_cpu_init_neon(weir_cpu_kernels *k) {
#if WEIR_HAS_NEON
    unit_fill(k);
    k->isa = "neon";
#else
    (void)k;
#endif
}
