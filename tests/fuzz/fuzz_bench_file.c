/*
 * fuzz_bench_file.c: any bytes as results of `weir bench`. What is refused says why in one line;
 * what is taken holds only numbers that can be, can be computed with and compared with itself, and
 * is written as a file that reads back to the same file.
 */
#include "bench_diff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static void walk(const weir_bench_file *file) {
    demand(file->n_cells <= WEIR_BENCH_MOST_CELLS);
    for (size_t i = 0; i < file->n_cells; i++) {
        const weir_bench_cell *cell = &file->cell[i];
        char name[WEIR_BENCH_TEXT];
        demand(cell->n >= 1 && cell->n <= WEIR_BENCH_MOST_REPEATS && cell->batch >= 1);
        for (size_t k = 0; k < cell->n; k++)
            demand(isfinite(cell->seconds[k]) && cell->seconds[k] > 0);
        demand(weir_bench_floor(file, cell) >= 0 && weir_bench_unit_tokens(cell) > 0);
        demand(weir_bench_file_find(file, cell) == cell);
        demand(strlen(weir_bench_cell_name(name, cell)) < sizeof name);
    }
}

static char *write_text(const weir_bench_file *file) {
    json_t *json = weir_bench_file_json(file);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    demand(text != NULL);
    return text;
}

static void write_and_read(const weir_bench_file *file) {
    weir_bench_file again;
    weir_error err = {0};
    char *first = write_text(file);
    demand(weir_bench_file_parse(&again, first, strlen(first), "again", &err) == WEIR_STATUS_OK);
    char *second = write_text(&again);
    demand(strcmp(first, second) == 0);
    weir_bench_file_free(&again);
    free(first);
    free(second);
}

/* The first cells only: a comparison draws thousands of samples. */
static void compare(const weir_bench_file *file) {
    weir_bench_change changes[2];
    weir_bench_file few = *file;
    few.n_cells = few.n_cells < 2 ? few.n_cells : 2;
    size_t n = weir_bench_diff(changes, &few, file, file);
    demand(n == few.n_cells);
    for (size_t i = 0; i < n; i++)
        demand(changes[i].verdict == WEIR_BENCH_SAME && changes[i].speed.ratio == 1);
    demand(weir_bench_check_pair(file, "a", file, "b", false, NULL) ==
           (file->n_cells > 0 ? WEIR_STATUS_OK : WEIR_STATUS_BAD_ARGUMENT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_bench_file file;
    weir_error err = {0};
    char *text = malloc(size + 1); /* 0-terminated, as files are read */
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = 0;
    weir_status status = weir_bench_file_parse(&file, text, size, "fuzz", &err);
    if (status == WEIR_STATUS_OK) {
        walk(&file);
        write_and_read(&file);
        compare(&file);
    } else {
        demand(err.status == status && err.text[0] && !strchr(err.text, '\n'));
        demand(!file.cell && !file.machine && file.n_cells == 0);
    }
    weir_bench_file_free(&file);
    free(text);
    return 0;
}
