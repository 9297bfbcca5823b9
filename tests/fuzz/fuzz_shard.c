/*
 * fuzz_shard.c: the parser of packed files over foreign bytes, checksums skipped so that what lies
 * behind them is reached. What is accepted is read to the last token.
 */
#include "train/shard.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void touch(const uint8_t *p, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        sink = (uint8_t)(sink ^ p[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_shard_view view;
    weir_error err = {0};
    for (int skip_sums = 0; skip_sums < 2; skip_sums++) {
        if (weir_shard_parse(&view, data, size, skip_sums, "fuzz", &err) != WEIR_STATUS_OK) {
            if (!err.text[0])
                abort(); /* a refusal without a reason */
            continue;
        }
        touch(view.ids, view.n_tokens * view.id_bytes);
        touch(view.bits, (view.n_tokens + 7) / 8);
        touch(view.first, 8 * (view.n_samples + 1));
        touch(view.bytes, 2 * (uint64_t)view.n_vocab);
    }
    return 0;
}
