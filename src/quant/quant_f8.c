/* quant_f8.c: blocks of FP8. See format_f8.h. */
#include "quant/format_f8.h"

#include <math.h>
#include <string.h>

#include "base/half.h"

enum { MAGNITUDE = 0x7f, SIGN = 0x80 };

static void dequantize(const void *blocks, float *values, size_t n) {
    const uint8_t *block = blocks;
    for (size_t at = 0; at < n; at += WEIR_F8_VALUES) {
        float d;
        memcpy(&d, block, sizeof d); /* the hosts and devices there are, are little-endian */
        const uint8_t *codes = block + sizeof d;
        for (size_t i = 0; i < WEIR_F8_VALUES; i++) {
            uint16_t half = (uint16_t)((codes[i] & SIGN) << 8 | (codes[i] & MAGNITUDE) << 7);
            values[at + i] = d * weir_f16_to_f32(half);
        }
        block += WEIR_F8_BLOCK_BYTES;
    }
}

const weir_format weir_format_f8 = {.id = (weir_format_id)WEIR_FORMAT_F8,
                                    .name = "f8_e4m3",
                                    .block_values = WEIR_F8_VALUES,
                                    .block_bytes = WEIR_F8_BLOCK_BYTES,
                                    .dequantize = dequantize};

void weir_f8_store(uint8_t block[WEIR_F8_BLOCK_BYTES], float scale,
                   const uint8_t codes[WEIR_F8_VALUES]) {
    float d = 256.0f * scale;
    for (size_t i = 0; i < WEIR_F8_VALUES; i++)
        d = (codes[i] & MAGNITUDE) == MAGNITUDE ? NAN : d;
    memcpy(block, &d, sizeof d);
    memcpy(block + sizeof d, codes, WEIR_F8_VALUES);
}
