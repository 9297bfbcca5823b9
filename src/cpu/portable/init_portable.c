/* init_portable.c: fills the whole table with plain C. */
#include "cpu/portable/unit_portable.h"

void weir_cpu_init_portable(weir_cpu_kernels *k) {
    weir_portable_fill_dot(k);
    weir_portable_fill_rows(k);
    weir_portable_fill_t16(k);
    k->attend = weir_portable_attend;
    k->attend_part = weir_portable_attend_part;
    k->attend_merge = weir_portable_attend_merge;
    k->isa = "portable";
}
