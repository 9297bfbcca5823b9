/* rows_avx512.c: what is done to one row of activations: rows_template.h. */
#include "cpu/avx512/vec_avx512.h"

#if WEIR_HAS_AVX512
#include "cpu/rows_template.h"
#endif
