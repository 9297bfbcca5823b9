/*
 * fuzz_gen_check.c: any bytes as a check and as the answer to it: the first line is the check, the
 * second the calls, the rest the answer. What is refused says why in one line.
 */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "train/gen_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

/* The next line of *at as a text of its own. */
static char *take_line(const char **at, const char *end, bool is_last) {
    const char *stop = is_last ? NULL : memchr(*at, '\n', (size_t)(end - *at));
    stop = stop ? stop : end;
    char *line = calloc((size_t)(stop - *at) + 1, 1);
    demand(line != NULL);
    if (stop > *at)
        memcpy(line, *at, (size_t)(stop - *at));
    *at = stop < end ? stop + 1 : end;
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char nothing[1] = {0};
    const char *at = size > 0 ? (const char *)data : nothing, *end = at + size;
    char *check = take_line(&at, end, false), *calls = take_line(&at, end, false);
    char *content = take_line(&at, end, true);
    size_t n = strlen(check);
    char *sample = malloc(n + 16);
    demand(sample != NULL);
    memcpy(sample, "{\"check\":[", 10);
    memcpy(sample + 10, check, n);
    memcpy(sample + 10 + n, "]}", 3);
    weir_gen_answer answer = {content, calls[0] ? calls : NULL};
    bool holds = false;
    char why[64] = "";
    weir_error err = {0};
    weir_status status = weir_gen_check(sample, n + 12, 0, &answer, &holds, why, sizeof why, &err);
    if (status == WEIR_STATUS_OK) {
        demand(holds == (why[0] == 0));
        demand(strchr(why, '\n') == NULL);
    } else {
        demand(status == WEIR_STATUS_BAD_ARGUMENT && err.text[0] != 0);
    }
    free(sample);
    free(content);
    free(calls);
    free(check);
    return 0;
}
