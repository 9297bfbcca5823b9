/* probe_amx.c: products of tiles of bfloat16 and of bytes, as machine_probe.h measures them, or
 * nothing where the file is built without its flags. Memory is read by the AVX-512 unit. */
#include "cpu/amx/tile_amx.h"
#include "cpu/machine_probe.h"

#if WEIR_HAS_AMX

/* Two by two tiles of sums, all in registers: the tile unit's own speed. */
static void load_tiles(const weir_probe_numbers *numbers) {
    tile_begin();
    tile_load(4, numbers->bf16[0], 64);
    tile_load(5, numbers->bf16[1], 64);
    tile_load(6, numbers->bf16[2], 64);
    tile_load(7, numbers->bf16[3], 64);
    tile_zero(0);
    tile_zero(1);
    tile_zero(2);
    tile_zero(3);
}

/* Of each tile of sums one. */
static double add_sums(void) {
    int32_t sums[4][16 * 16];
    tile_store(0, sums[0], 64);
    tile_store(1, sums[1], 64);
    tile_store(2, sums[2], 64);
    tile_store(3, sums[3], 64);
    tile_end();
    return (double)sums[0][0] + sums[1][0] + sums[2][0] + sums[3][0];
}

static double run_bf16(const weir_probe_numbers *numbers, size_t n_rounds) {
    load_tiles(numbers);
    for (size_t i = 0; i < n_rounds; i++) {
        tile_dot(0, 4, 6);
        tile_dot(1, 4, 7);
        tile_dot(2, 5, 6);
        tile_dot(3, 5, 7);
    }
    return add_sums();
}

/* The same tiles, their bits as bytes. */
static double run_int8(const weir_probe_numbers *numbers, size_t n_rounds) {
    load_tiles(numbers);
    for (size_t i = 0; i < n_rounds; i++) {
        tile_dot_bytes(0, 4, 6);
        tile_dot_bytes(1, 4, 7);
        tile_dot_bytes(2, 5, 6);
        tile_dot_bytes(3, 5, 7);
    }
    return add_sums();
}

const weir_probe_loops weir_probe_amx = {
    .isa = "amx",
    .is_built = true,
    .arithmetic = {{"bf16", 4.0 * 16 * 16 * 32, run_bf16}, {"int8", 4.0 * 16 * 16 * 64, run_int8}},
};

#else
const weir_probe_loops weir_probe_amx = {.isa = "amx"};
#endif
