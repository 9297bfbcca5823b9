/* dot_avx2.c: dot products of float32 rows: dot_template.h. */
#include "cpu/avx2/vec_avx2.h"

#if WEIR_HAS_AVX2
#include "cpu/dot_template.h"
#endif
