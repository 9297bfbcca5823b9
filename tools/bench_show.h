/* bench_show.h: results of `weir bench` for people (a table, a picture) and for spreadsheets. */
#ifndef WEIR_TOOLS_BENCH_SHOW_H
#define WEIR_TOOLS_BENCH_SHOW_H

#include "bench_file.h"

#include <stdio.h>

void weir_bench_print_table(FILE *to, const weir_bench_file *file);
void weir_bench_print_csv(FILE *to, const weir_bench_file *file);

/* Where most of the time beyond the limit goes, as far as the cells tell; nothing without limits.
 */
void weir_bench_print_loss(FILE *to, const weir_bench_file *file);

/* Where the time of a unit goes, for each cell that has a profile. */
void weir_bench_print_phases(FILE *to, const weir_bench_file *file);

/* Did the machine's reading change by more than a tenth from before a cell to after it? */
bool weir_bench_is_unsteady(const weir_bench_cell *cell);

/* bench_plot.c: shares of the limits as bars, an SVG file. */
weir_status weir_bench_plot_write(const weir_bench_file *file, const char *path, weir_error *err);

#endif
