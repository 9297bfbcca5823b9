/* selftest_report.c: see selftest_report.h. */
#include "selftest_report.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

typedef struct difference {
    double sum_diff, sum_ref, most;
    bool has_nan;
} difference;

/* Element i of an F64, F32 or I32 tensor. */
static double value_at(const weir_tensor *t, size_t i) {
    if (t->dtype == WEIR_DTYPE_F64) {
        double v;
        memcpy(&v, t->data + 8 * i, 8);
        return v;
    }
    if (t->dtype == WEIR_DTYPE_I32) {
        int32_t v;
        memcpy(&v, t->data + 4 * i, 4);
        return v;
    }
    float v;
    memcpy(&v, t->data + 4 * i, 4);
    return v;
}

static bool is_readable(const weir_tensor *t) {
    return t->dtype == WEIR_DTYPE_F64 || t->dtype == WEIR_DTYPE_I32 ||
           (t->format && t->format->id == WEIR_FORMAT_F32);
}

static void add_difference(difference *d, double ours, double ref) {
    double diff = fabs(ours - ref);
    d->has_nan |= isnan(diff);
    d->sum_diff += diff * diff;
    d->sum_ref += ref * ref;
    d->most = fmax(d->most, diff);
}

static double relative(const difference *d) {
    return d->sum_ref > 0 ? sqrt(d->sum_diff / d->sum_ref) : sqrt(d->sum_diff);
}

void weir_report_check(weir_report *r, bool passed, const char *format, ...) {
    va_list args;
    if (passed)
        r->n_passed++;
    else
        r->n_failed++;
    if (passed && r->failures_only)
        return;
    fputs(passed ? "PASS " : "FAIL ", r->out);
    va_start(args, format);
    vfprintf(r->out, format, args);
    va_end(args);
    fputc('\n', r->out);
}

void weir_report_skip(weir_report *r, const char *format, ...) {
    va_list args;
    r->n_skipped++;
    fputs("SKIP ", r->out);
    va_start(args, format);
    vfprintf(r->out, format, args);
    va_end(args);
    fputc('\n', r->out);
}

static void judge(weir_report *r, const char *label, const difference *d, double bound_rel,
                  double bound_abs) {
    bool passed = !d->has_nan && relative(d) < bound_rel && d->most < bound_abs;
    weir_report_check(r, passed, "%s: relative L2 %.2e, largest %.2e", label, relative(d), d->most);
}

void weir_report_compare(weir_report *r, const char *label, const float *ours, size_t n,
                         const weir_tensor *ref, double bound_rel, double bound_abs) {
    difference d = {0};
    if (!is_readable(ref) || weir_tensor_n_values(ref) != n) {
        weir_report_check(r, false, "%s: the reference has %llu values of %s, expected %zu floats",
                          label, (unsigned long long)weir_tensor_n_values(ref),
                          weir_tensor_type_name(ref), n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        add_difference(&d, ours[i], value_at(ref, i));
    judge(r, label, &d, bound_rel, bound_abs);
}

void weir_report_compare_columns(weir_report *r, const char *name, const char *run,
                                 const char *what, uint32_t layer, const float *ours, size_t rows,
                                 size_t cols, const weir_tensor *ref, double bound_rel) {
    difference d = {0};
    char label[200];
    snprintf(label, sizeof label, "%s %s %s.%u", name, run, what, layer);
    if (!is_readable(ref) || ref->n_dims != 2 || ref->shape[0] != rows || ref->shape[1] < cols) {
        weir_report_check(r, false, "%s: the reference's shape does not fit [%zu, %zu]", label,
                          rows, cols);
        return;
    }
    size_t skip = ref->shape[1] - cols;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            add_difference(&d, ours[i * cols + j], value_at(ref, i * ref->shape[1] + skip + j));
    judge(r, label, &d, bound_rel, INFINITY);
}

void weir_report_note(weir_report *r, const float *ours, const weir_tensor *ref, const char *format,
                      ...) {
    difference d = {0};
    va_list args;
    if (!is_readable(ref))
        return;
    for (size_t i = 0; i < weir_tensor_n_values(ref); i++)
        add_difference(&d, ours[i], value_at(ref, i));
    fputs("note ", r->out);
    va_start(args, format);
    vfprintf(r->out, format, args);
    va_end(args);
    fprintf(r->out, ": relative L2 %.2e, largest %.2e\n", relative(&d), d.most);
}

void weir_report_end(const weir_report *r) {
    fprintf(r->out, "%u passed, %u failed", r->n_passed, r->n_failed);
    if (r->n_skipped)
        fprintf(r->out, ", %u skipped", r->n_skipped);
    fputc('\n', r->out);
}
