/* fuzz_safetensors.c: any bytes as a safetensors file; what opens is walked, what does not says
 * why. */
#include "fuzz/walk_tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_safetensors *st = NULL;
    weir_error err = {0};
    weir_status status = weir_safetensors_open_memory(&st, data, size, "fuzz", &err);
    if (status == WEIR_STATUS_OK)
        walk_safetensors(st);
    else
        walk_refusal(status, &err);
    weir_safetensors_close(&st);
    return 0;
}
