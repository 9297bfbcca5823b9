/*
 * bench_show.c: the table, the list with commas and the sentence about the largest loss.
 *
 * What a loss consists of is only said where two cells tell it: a step at a depth against the same
 * step at the least depth is attention and what grows with it; all else stays together.
 */
#include "bench_show.h"

#include "console.h"

#include <math.h>
#include <string.h>

bool weir_bench_is_unsteady(const weir_bench_cell *cell) {
    return cell->before > 0 && cell->after > 0 &&
           fabs(cell->after - cell->before) > 0.1 * fmax(cell->before, cell->after);
}

static double median_of(const weir_bench_cell *cell) {
    return weir_bench_quantile(cell->seconds, cell->n, 0.5);
}

static const char *bound_of(const weir_bench_file *file, const weir_bench_cell *cell) {
    double read_s = weir_bench_read_floor(file, cell), math_s = weir_bench_math_floor(file, cell);
    return read_s <= 0 && math_s <= 0 ? "" : read_s >= math_s ? "memory" : "arithmetic";
}

static void print_row(FILE *to, const weir_bench_file *file, const weir_bench_cell *cell) {
    char name[WEIR_BENCH_TEXT];
    double median_s = median_of(cell), floor_s = weir_bench_floor(file, cell);
    double tokens = weir_bench_unit_tokens(cell);
    fprintf(to, "%-30s %9.1f %6.1f %% %9.2f %8.1f %8.1f", weir_bench_cell_name(name, cell),
            tokens / median_s, 100 * weir_bench_spread(cell->seconds, cell->n), 1e3 * median_s,
            cell->read_bytes / median_s / 1e9, cell->macs / median_s / 1e9);
    if (floor_s > 0)
        fprintf(to, " %9.1f %5.0f %% %s", tokens / floor_s, 100 * floor_s / median_s,
                bound_of(file, cell));
    fprintf(to, "%s\n", weir_bench_is_unsteady(cell) ? "  (the machine changed)" : "");
}

void weir_bench_print_table(FILE *to, const weir_bench_file *file) {
    bool is_unsteady = false;
    weir_print_text(to, file->model, strlen(file->model));
    fprintf(to, ", %s; %s\n\n", file->file_type, file->engine);
    fprintf(to, "%-30s %9s %8s %9s %8s %8s", "", "tok/s", "+-", "ms", "GB/s", "GMAC/s");
    fprintf(to, file->limits.macs_per_s > 0 ? " %9s %7s %s\n" : "\n", "limit", "share", "set by");
    for (size_t i = 0; i < file->n_cells; i++)
        if (file->cell[i].n > 0) {
            print_row(to, file, &file->cell[i]);
            is_unsteady |= weir_bench_is_unsteady(&file->cell[i]);
        }
    if (file->limits.macs_per_s > 0)
        fprintf(to, "\nlimits: reading %.1f GB/s, arithmetic %.1f GMAC/s (%s)\n",
                file->limits.read_bytes_per_s / 1e9, file->limits.macs_per_s / 1e9,
                file->limits.macs_of);
    if (is_unsteady)
        fprintf(to, "The machine read more than 10 %% faster or slower after a cell than before "
                    "it;\nmeasure those again.\n");
}

void weir_bench_print_csv(FILE *to, const weir_bench_file *file) {
    fprintf(to,
            "kind,tokens,depth,batch,repetition,seconds,tokens_per_s,read_bytes,macs,limit_s\n");
    for (size_t i = 0; i < file->n_cells; i++) {
        const weir_bench_cell *cell = &file->cell[i];
        double floor_s = weir_bench_floor(file, cell);
        for (size_t k = 0; k < cell->n; k++) {
            fprintf(to, "%s,%u,%u,%u,%zu,%.9g,%.6g,%.9g,%.9g,",
                    cell->kind == WEIR_BENCH_PREFILL ? "prefill" : "decode", cell->n_tokens,
                    cell->depth, cell->batch, k, cell->seconds[k],
                    weir_bench_unit_tokens(cell) / cell->seconds[k], cell->read_bytes, cell->macs);
            if (floor_s > 0)
                fprintf(to, "%.9g", floor_s);
            fputc('\n', to);
        }
    }
}

/* ---- phases ------------------------------------------------------------------------------------
 */

static void print_phases_of(FILE *to, const weir_bench_cell *cell) {
    const weir_profile *p = &cell->profile;
    char name[WEIR_BENCH_TEXT];
    double steps = (double)p->n_steps, all_s = p->seconds * p->n_threads;
    fprintf(to, "\n%s: a step of %.2f ms, %u thread%s, %.0f barriers\n",
            weir_bench_cell_name(name, cell), 1e3 * p->seconds / steps, p->n_threads,
            p->n_threads == 1 ? "" : "s", (double)p->n_barriers / steps);
    for (uint32_t i = 0; i < p->n_phases; i++) {
        const weir_phase *phase = &p->phase[i];
        double s = phase->seconds / p->n_threads / steps;
        if (phase->seconds <= 0)
            continue;
        fprintf(to, "  %-20s %9.3f ms %5.1f %%", phase->name, 1e3 * s,
                100 * phase->seconds / all_s);
        /* Of several rows each expert is read for as many as meet it. */
        if (phase->row_bytes > 0 && cell->kind == WEIR_BENCH_DECODE && cell->batch == 1)
            fprintf(to, " %7.1f GB/s", (double)phase->row_bytes / s / 1e9);
        fputc('\n', to);
    }
}

void weir_bench_print_phases(FILE *to, const weir_bench_file *file) {
    size_t n_without = 0;
    for (size_t i = 0; i < file->n_cells; i++)
        if (file->cell[i].profile.n_steps > 0)
            print_phases_of(to, &file->cell[i]);
        else
            n_without += file->cell[i].n > 0;
    if (n_without > 0)
        fprintf(to, "\nwithout phases: %zu that were measured before\n", n_without);
}

/* ---- the largest loss --------------------------------------------------------------------------
 */

/* The same batch at the least depth; NULL: it is that itself, or a prompt. */
static const weir_bench_cell *shallow_of(const weir_bench_file *file, const weir_bench_cell *cell) {
    const weir_bench_cell *best = NULL;
    for (size_t i = 0; i < file->n_cells && cell->kind == WEIR_BENCH_DECODE; i++) {
        const weir_bench_cell *other = &file->cell[i];
        if (other->kind == cell->kind && other->batch == cell->batch && other->n > 0 &&
            other->depth < cell->depth && (!best || other->depth < best->depth))
            best = other;
    }
    return best;
}

static void print_parts(FILE *to, const weir_bench_file *file, const weir_bench_cell *cell,
                        const weir_bench_cell *shallow) {
    double rest_s = median_of(shallow) - weir_bench_floor(file, shallow);
    double depth_s = median_of(cell) - median_of(shallow);
    double depth_floor_s = weir_bench_floor(file, cell) - weir_bench_floor(file, shallow);
    double attention_s = depth_s - depth_floor_s;
    fprintf(to,
            "  Of it, %.2f ms come with the depth (attention: a step at %u takes %.2f ms longer "
            "than at %u,\n  where %.2f would do), %.2f ms are there at %u already. The larger part "
            "is %s.\n",
            1e3 * attention_s, cell->depth, 1e3 * depth_s, shallow->depth, 1e3 * depth_floor_s,
            1e3 * rest_s, shallow->depth, attention_s > rest_s ? "attention" : "not attention");
}

void weir_bench_print_loss(FILE *to, const weir_bench_file *file) {
    const weir_bench_cell *worst = NULL;
    double least = INFINITY;
    char name[WEIR_BENCH_TEXT];
    for (size_t i = 0; i < file->n_cells; i++) {
        const weir_bench_cell *cell = &file->cell[i];
        double floor_s = cell->n > 0 ? weir_bench_floor(file, cell) : 0;
        if (floor_s > 0 && floor_s / median_of(cell) < least) {
            least = floor_s / median_of(cell);
            worst = cell;
        }
    }
    if (!worst)
        return;
    double median_s = median_of(worst), floor_s = weir_bench_floor(file, worst);
    fprintf(to, "largest loss: %s: %.0f %% of the limit. Of %.2f ms, %.2f are beyond what %s needs",
            weir_bench_cell_name(name, worst), 100 * least, 1e3 * median_s,
            1e3 * (median_s - floor_s),
            strcmp(bound_of(file, worst), "memory") == 0 ? "reading" : "the arithmetic");
    if (weir_bench_read_floor(file, worst) > 0)
        fprintf(to, "\n  (it reads %.1f of %.1f GB/s, computes %.1f of %.1f GMAC/s)",
                worst->read_bytes / median_s / 1e9, file->limits.read_bytes_per_s / 1e9,
                worst->macs / median_s / 1e9, file->limits.macs_per_s / 1e9);
    fprintf(to, ".\n");
    const weir_bench_cell *shallow = shallow_of(file, worst);
    if (shallow)
        print_parts(to, file, worst, shallow);
    else
        fprintf(to, "  Kernels and waiting are told apart by --phases.\n");
}
