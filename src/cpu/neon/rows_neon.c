/* rows_neon.c: what is done to one row of activations: rows_template.h. */
#include "cpu/neon/vec_neon.h"

#if WEIR_HAS_NEON
#include "cpu/rows_template.h"
#endif
