/* dot_neon.c: dot products of float32 rows: dot_template.h. */
#include "cpu/neon/vec_neon.h"

#if WEIR_HAS_NEON
#include "cpu/dot_template.h"
#endif
