/*
 * fuzz_http_keys.c: any bytes as a file of API keys. What is refused says where in one line; what
 * is taken has keys, and names that are words.
 */
#include "http_keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_keys *keys;
    weir_error err = {0};
    char *text = malloc(size + 1); /* 0-terminated, as files are read */
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = 0;
    weir_status status = weir_keys_parse(&keys, text, size, "keys", &err);
    if (status == WEIR_STATUS_OK) {
        demand(weir_keys_count(keys) > 0);
        for (size_t i = 0; i < weir_keys_count(keys); i++) {
            const char *name = weir_keys_name(keys, i);
            demand(*name && strlen(name) <= 64 && !strpbrk(name, " \t\r\n#"));
        }
        uint32_t limit;
        demand(!weir_keys_find(keys, "", &limit) && limit == 0);
    } else {
        demand(status == WEIR_STATUS_BAD_FILE && !keys && err.status == status);
        demand(strncmp(err.text, "keys:", 5) == 0 && !strchr(err.text, '\n'));
    }
    weir_keys_close(&keys);
    free(text);
    return 0;
}
