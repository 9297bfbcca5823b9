/* attend_avx512.c: attention of one query row: attend_template.h. */
#include "cpu/avx512/vec_avx512.h"

#if WEIR_HAS_AVX512
#include "cpu/attend_template.h"
#endif
