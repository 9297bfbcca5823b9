/* bench_diff.c: see bench_diff.h. */
#include "bench_diff.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

static weir_status check_has_all(const weir_bench_file *a, const char *a_name,
                                 const weir_bench_file *b, const char *b_name, weir_error *err) {
    char name[WEIR_BENCH_TEXT];
    for (size_t i = 0; i < a->n_cells; i++)
        if (!weir_bench_file_find(b, &a->cell[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "%s has \"%s\", and %s does not; --common compares what both have",
                             a_name, weir_bench_cell_name(name, &a->cell[i]), b_name);
    return WEIR_STATUS_OK;
}

static bool has_common(const weir_bench_file *a, const weir_bench_file *b) {
    for (size_t i = 0; i < a->n_cells; i++)
        if (weir_bench_file_find(b, &a->cell[i]))
            return true;
    return false;
}

weir_status weir_bench_check_pair(const weir_bench_file *a, const char *a_name,
                                  const weir_bench_file *b, const char *b_name, bool only_common,
                                  weir_error *err) {
    if (strcmp(a->model, b->model) != 0 || strcmp(a->file_type, b->file_type) != 0 ||
        a->weight_bytes != b->weight_bytes || a->n_params != b->n_params)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s is of %s (%s), and %s of %s (%s): expected the same model", a_name,
                         a->model, a->file_type, b_name, b->model, b->file_type);
    if (!has_common(a, b))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s and %s have nothing in common", a_name,
                         b_name);
    if (only_common)
        return WEIR_STATUS_OK;
    WEIR_TRY(check_has_all(a, a_name, b, b_name, err));
    return check_has_all(b, b_name, a, a_name, err);
}

static weir_bench_ratio compare(const weir_bench_cell *a, const weir_bench_cell *b) {
    return weir_bench_compare(a->seconds, a->n, b->seconds, b->n);
}

static weir_bench_verdict judge(const weir_bench_change *c) {
    double r = c->speed.ratio;
    if (c->speed.low <= 1 && c->speed.high >= 1)
        return WEIR_BENCH_SAME;
    if (c->control.ratio > 0) {
        double noise = fmax(c->control.high, 1 / c->control.low);
        if (r <= noise && r >= 1 / noise)
            return WEIR_BENCH_SAME;
    }
    return r > 1 ? WEIR_BENCH_FASTER : WEIR_BENCH_SLOWER;
}

size_t weir_bench_diff(weir_bench_change *out, const weir_bench_file *a, const weir_bench_file *b,
                       const weir_bench_file *control) {
    size_t n = 0;
    for (size_t i = 0; i < a->n_cells; i++) {
        const weir_bench_cell *same = weir_bench_file_find(b, &a->cell[i]);
        const weir_bench_cell *again = control ? weir_bench_file_find(control, &a->cell[i]) : NULL;
        if (!same)
            continue;
        weir_bench_change *c = &out[n++];
        *c = (weir_bench_change){.a = &a->cell[i], .b = same, .speed = compare(&a->cell[i], same)};
        if (again)
            c->control = compare(c->a, again);
        c->verdict = judge(c);
    }
    return n;
}
