/*
 * format_f8.h: the format in which devices with memory of their own keep weights that came as FP8
 * (docs/convert.md): the codes as they are, 128 of a row behind the scale that they share. No file
 * has it, GGUF has no number for it, and nothing is quantized to it: it is no row of the table in
 * format.c, and who wants it names it.
 */
#ifndef WEIR_QUANT_FORMAT_F8_H
#define WEIR_QUANT_FORMAT_F8_H

#include "quant/format.h"

/* F8_BLOCK_BYTES: the scale's four and the codes. The number is none of GGUF's. */
enum { WEIR_FORMAT_F8 = 256, WEIR_F8_VALUES = 128, WEIR_F8_BLOCK_BYTES = 4 + WEIR_F8_VALUES };

/*
 * A block: d, a little-endian float32, is 256 times the scale; then the codes. A code is E4M3: its
 * sign and its seven other bits are the top of a float16 (s0eeeemmm0000000) that is 2^-8 of its
 * value, so value i = d x that float16, rounded once: scale x code. The code of NaN has no such
 * float16: a block in which one stands has NaN for d. Products with its row are NaN either way.
 */
extern const weir_format weir_format_f8; /* quantize: NULL */

/* Writes a block. A scale of 2^120 or more becomes infinite. */
void weir_f8_store(uint8_t block[WEIR_F8_BLOCK_BYTES], float scale,
                   const uint8_t codes[WEIR_F8_VALUES]);

#endif
