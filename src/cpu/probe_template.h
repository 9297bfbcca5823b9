/*
 * probe_template.h: the reading loop of a unit.
 *
 * Parameters, defined before it is included:
 *
 *   probe_sum             a type that collects lines
 *   probe_none()          an empty one
 *   probe_add(sum, line)  the sum with the 64 bytes at `line` in it
 *   probe_total(sum)      64 bits that hang on all of it
 */
#include "base/compiler.h"

enum { PROBE_MOST_STREAMS = 8 };

static WEIR_INLINE uint64_t probe_read_of(const uint8_t *data, size_t n_lines, const int n) {
    probe_sum sum[PROBE_MOST_STREAMS];
    WEIR_UNROLL for (int k = 0; k < n; k++) sum[k] = probe_none();
    for (size_t i = 0; i < n_lines; i++) {
        WEIR_UNROLL for (int k = 0; k < n; k++) sum[k] =
            probe_add(sum[k], data + ((size_t)k * n_lines + i) * WEIR_PROBE_LINE_BYTES);
    }
    uint64_t total = 0;
    WEIR_UNROLL for (int k = 0; k < n; k++) total += probe_total(sum[k]);
    return total;
}

static uint64_t probe_read(const uint8_t *data, size_t n_lines, uint32_t n_streams) {
    switch (n_streams) {
    case 8:
        return probe_read_of(data, n_lines, 8);
    case 4:
        return probe_read_of(data, n_lines, 4);
    case 2:
        return probe_read_of(data, n_lines, 2);
    default:
        return probe_read_of(data, n_lines, 1);
    }
}
