/*
 * fuzz_page_file.c: the parser of stored pages over foreign bytes, with and without their checksum.
 * The first byte chooses how long a page is.
 */
#include "engine/page_store.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const weir_page_key key = {{0x1122334455667788u, 0x99aabbccddeeff00u}};
    int32_t tokens[WEIR_PAGE_TOKENS];
    if (size < 1)
        return 0;
    size_t page_bytes = data[0] & 1 ? 64 : 16;
    for (int i = 0; i < WEIR_PAGE_TOKENS; i++)
        tokens[i] = i;
    for (int skip_sum = 0; skip_sum < 2; skip_sum++) {
        const uint8_t *page =
            weir_page_file_parse(data + 1, size - 1, key, tokens, page_bytes, skip_sum);
        if (page)
            sink = (uint8_t)(page[0] ^ page[page_bytes - 1]);
    }
    return 0;
}
