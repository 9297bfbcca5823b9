/* machine_show.h: a machine as text and as JSON, for `weir bench` and `weir doctor`. */
#ifndef WEIR_TOOLS_MACHINE_SHOW_H
#define WEIR_TOOLS_MACHINE_SHOW_H

#include "weir.h"

#include <jansson.h>
#include <stdio.h>

enum { WEIR_MACHINE_LINE = 256 };

/* The highest rates of the tables; 0: not measured. *what: "int16 avx2". */
double weir_machine_best_reading(const weir_machine *m);
double weir_machine_best_arithmetic(const weir_machine *m, char *what, size_t cap);

/* Why kernels of this set are not used; false: they are, or they are not of this architecture. */
bool weir_machine_isa_trouble(const weir_machine_isa *isa, char line[WEIR_MACHINE_LINE]);

/* "32 kB L1, 524 kB L2, 33.5 MB L3"; returns line. */
const char *weir_machine_caches(const weir_machine *m, char line[WEIR_MACHINE_LINE]);

/* Reading, arithmetic and waiting by number of threads. */
void weir_machine_print_tables(FILE *to, const weir_machine *m);

/* NULL without memory. */
json_t *weir_machine_json(const weir_machine *m);

#endif
