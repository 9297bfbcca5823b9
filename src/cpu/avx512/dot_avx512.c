/* dot_avx512.c: dot products of float32 rows: dot_template.h. */
#include "cpu/avx512/vec_avx512.h"

#if WEIR_HAS_AVX512
#include "cpu/dot_template.h"
#endif
