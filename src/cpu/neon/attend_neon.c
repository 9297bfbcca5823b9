/* attend_neon.c: attention of one query row: attend_template.h. */
#include "cpu/neon/vec_neon.h"

#if WEIR_HAS_NEON
#include "cpu/attend_template.h"
#endif
