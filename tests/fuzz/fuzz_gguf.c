/* fuzz_gguf.c: any bytes as a GGUF file; what opens is walked, what does not says why. */
#include "fuzz/walk_tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_gguf *g = NULL;
    weir_error err = {0};
    weir_status status = weir_gguf_open_memory(&g, data, size, "fuzz", &err);
    if (status == WEIR_STATUS_OK)
        walk_gguf(g);
    else
        walk_refusal(status, &err);
    weir_gguf_close(&g);
    return 0;
}
