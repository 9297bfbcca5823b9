/* t16_amx.c: integer products of many rows over packed strips on AMX tiles, with AVX-512 around
 * them (t16_tiles_template.h), or nothing where the file is built without its flags. Fewer rows are
 * the AVX-512 unit's. */
#include "cpu/amx/tile_amx.h"
#include "cpu/kernels.h"

#if WEIR_HAS_AMX
#include "cpu/avx512/vec_avx512.h"

#include "cpu/avx512/t16_avx512.h"

static WEIR_INLINE q16 q16_sub_bytes(q16 a, q16 b) {
    return _mm512_sub_epi8(a, b);
}

#include "cpu/t16_tiles_template.h"

/* A block of 16 rows takes some 35 cycles for a group of a strip, by count; a row of the AVX-512
 * unit 6 to 8. */
enum { TILE_ROWS_LEAST = 8 };
#endif

void weir_cpu_init_amx(weir_cpu_kernels *k) {
#if WEIR_HAS_AMX
    t16_tiles_fill(k);
    k->t16_tile_rows = TILE_ROWS_LEAST;
    k->isa = "amx";
#else
    (void)k;
#endif
}
