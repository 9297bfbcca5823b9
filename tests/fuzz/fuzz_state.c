/*
 * fuzz_state.c: the parser of state files over foreign bytes, checksums skipped so that what lies
 * behind them is reached. The first byte chooses the shape the file must agree with.
 */
#include "engine/state_file.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void touch(const uint8_t *p, size_t n) {
    if (p && n)
        sink = (uint8_t)(p[0] ^ p[n - 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    weir_state_shape shape = {.fingerprint = 0x1122334455667788u,
                              .kv_type = data[0] % 3,
                              .n_vocab = 96,
                              .n_ctx = 256,
                              .page_bytes = data[0] & 4 ? 8192 : 64,
                              .state_values = data[0] & 8 ? 1024 : 4};
    weir_state_view view;
    weir_error err = {0};
    for (int skip_sums = 0; skip_sums < 2; skip_sums++) {
        weir_status status =
            weir_state_parse(&view, data + 1, size - 1, &shape, skip_sums, "fuzz", &err);
        if (status != WEIR_STATUS_OK) {
            if (!err.text[0])
                abort(); /* a refusal without a reason */
            continue;
        }
        touch(view.tokens, (size_t)view.n_tokens * 4);
        touch(view.pages, (size_t)(view.n_pages * shape.page_bytes));
        touch(view.state, (size_t)(shape.state_values * 4));
        touch(view.logits, (size_t)shape.n_vocab * 4);
    }
    return 0;
}
