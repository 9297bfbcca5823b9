/* ending.h: what a name ends in. */
#ifndef WEIR_BASE_ENDING_H
#define WEIR_BASE_ENDING_H

#include <stdbool.h>
#include <string.h>

/* Every text ends with "". */
static inline bool weir_ends_with(const char *text, const char *end) {
    size_t n = strlen(text), n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

#endif
