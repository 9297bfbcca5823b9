/*
 * fuzz_packed.c: the parser of packed weights over foreign bytes, with and without their checksums,
 * so that what lies behind them is reached. What it takes for matrices has to lie in the file.
 */
#include "cpu/packed_weights.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (int skip_sums = 0; skip_sums < 2; skip_sums++) {
        weir_packed_view view;
        weir_error err = {0};
        if (weir_packed_parse(&view, data, size, skip_sums, "fuzz", &err) != WEIR_STATUS_OK) {
            if (!err.text[0])
                abort(); /* a refusal without a reason */
            continue;
        }
        for (uint32_t i = 0; i < view.n_matrices; i++) {
            weir_packed_entry e = weir_packed_entry_at(&view, i);
            if (e.offset > size || e.bytes > size - e.offset || e.bytes == 0)
                abort();
            sink = (uint8_t)(data[e.offset] ^ data[e.offset + e.bytes - 1]);
        }
    }
    return 0;
}
