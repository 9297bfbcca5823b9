/*
 * machine_probe.h: the loops that measure what a machine can do, one table for each instruction
 * set, and what machine_probe.c asks of machine_facts.c.
 *
 * A unit that was built without its flags has no loops; one that only adds instructions for
 * products has no loop that reads. The tables are data, so that they can be looked at on machines
 * that cannot run what they point to.
 */
#ifndef WEIR_CPU_MACHINE_PROBE_H
#define WEIR_CPU_MACHINE_PROBE_H

#include "weir.h"

/* Numbers that are not zero: arithmetic on zeros takes less power, and is faster than any real one
 * where power is what limits. */
typedef struct weir_probe_numbers {
    _Alignas(64) float f32[64]; /* 0.5 to 1 */
    int16_t i16[128];
    int8_t i8[256];
    uint16_t bf16[4][512]; /* four tiles */
} weir_probe_numbers;

typedef struct weir_probe_arithmetic {
    const char *what;      /* "f32"; NULL: no more */
    double macs_per_round; /* multiply-adds */
    /* Returns something that hangs on all that was computed. */
    double (*run)(const weir_probe_numbers *numbers, size_t n_rounds);
} weir_probe_arithmetic;

enum { WEIR_PROBE_ARITHMETIC = 3, WEIR_PROBE_LINE_BYTES = 64 };

typedef struct weir_probe_loops {
    const char *isa;
    bool is_built;
    /* Reads n_lines lines at each of n_streams (1, 2, 4, 8) places, one of each in turns. The
     * places are n_lines apart. Returns something that hangs on all bytes. */
    uint64_t (*read)(const uint8_t *data, size_t n_lines, uint32_t n_streams);
    weir_probe_arithmetic arithmetic[WEIR_PROBE_ARITHMETIC];
} weir_probe_loops;

extern const weir_probe_loops weir_probe_portable;
extern const weir_probe_loops weir_probe_neon;
extern const weir_probe_loops weir_probe_avx2;
extern const weir_probe_loops weir_probe_avx512;
extern const weir_probe_loops weir_probe_avxvnni;
extern const weir_probe_loops weir_probe_avx512vnni;
extern const weir_probe_loops weir_probe_avx512bf16;
extern const weir_probe_loops weir_probe_dotprod;
extern const weir_probe_loops weir_probe_i8mm;
extern const weir_probe_loops weir_probe_amx;

/* All of them, plainest first, in the order of kernels.c; avx512bf16 trains only. */
extern const weir_probe_loops *const weir_probe_units[WEIR_MACHINE_ISAS];

/* machine_facts.c: what the system tells; fills all that is not measured, but for what is chosen.
 */
void weir_machine_read_facts(weir_machine *out);

#endif
