/* probe_portable.c: the loops of machine_probe.h in plain C. */
#include "cpu/machine_probe.h"

#include <string.h>

typedef struct probe_sum {
    uint64_t word[2];
} probe_sum;

static inline probe_sum probe_none(void) {
    return (probe_sum){{0, 0}};
}
static inline probe_sum probe_add(probe_sum sum, const uint8_t *line) {
    uint64_t word[8];
    memcpy(word, line, sizeof word);
    sum.word[0] += (word[0] ^ word[2]) + (word[4] ^ word[6]);
    sum.word[1] += (word[1] ^ word[3]) + (word[5] ^ word[7]);
    return sum;
}
static inline uint64_t probe_total(probe_sum sum) {
    return sum.word[0] + sum.word[1];
}

#include "cpu/probe_template.h"

enum { LANES = 32 };

/* The factor stands with the sum, which therefore stays where it is however long this runs. */
static double run_f32(const weir_probe_numbers *numbers, size_t n_rounds) {
    float sum[LANES], total = 0;
    memcpy(sum, numbers->f32, sizeof sum);
    const float factor = numbers->f32[0], term = numbers->f32[1];
    for (size_t i = 0; i < n_rounds; i++)
        for (int k = 0; k < LANES; k++)
            sum[k] = sum[k] * factor + term;
    for (int k = 0; k < LANES; k++)
        total += sum[k];
    return (double)total;
}

const weir_probe_loops weir_probe_portable = {
    .isa = "portable",
    .is_built = true,
    .read = probe_read,
    .arithmetic = {{"f32", LANES, run_f32}},
};
