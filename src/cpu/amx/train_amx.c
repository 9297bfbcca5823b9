/* train_amx.c: products in bfloat16 on AMX tiles: train_template_tiles.h, or nothing where the file
 * is built without its flags. All else is the AVX-512 unit's. */
#include "cpu/amx/tile_amx.h"
#include "cpu/train_kernels.h"

#if WEIR_HAS_AMX
#define TILES_NAME "amx bf16"
#include "cpu/train_template_tiles.h"

#include "cpu/train_template_square.h"
#endif

void weir_train_init_amx(weir_train_kernels *k) {
#if WEIR_HAS_AMX
    k->isa = "amx";
    k->product = tiles_product;
#else
    (void)k;
#endif
}
