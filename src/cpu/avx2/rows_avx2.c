/* rows_avx2.c: what is done to one row of activations: rows_template.h. */
#include "cpu/avx2/vec_avx2.h"

#if WEIR_HAS_AVX2
#include "cpu/rows_template.h"
#endif
