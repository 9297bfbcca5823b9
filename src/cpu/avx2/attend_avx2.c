/* attend_avx2.c: attention of one query row: attend_template.h. */
#include "cpu/avx2/vec_avx2.h"

#if WEIR_HAS_AVX2
#include "cpu/attend_template.h"
#endif
