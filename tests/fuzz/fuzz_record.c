/* fuzz_record.c: the parser of the server's record files over foreign bytes. */
#include "record_store.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *owner, *id;
    const char *text;
    size_t n;
    int64_t updated;
    weir_error err = {0};
    weir_status status = weir_record_parse((const char *)data, size, "fuzz", &owner, &id, &updated,
                                           &text, &n, &err);
    if (status != WEIR_STATUS_OK) {
        if (!err.text[0] || owner || id)
            abort(); /* a refusal without a reason, or that leaves something behind */
        return 0;
    }
    if (text + n != (const char *)data + size)
        abort();
    if (n > 0)
        sink = (uint8_t)(text[0] ^ text[n - 1]);
    free(owner);
    free(id);
    return 0;
}
