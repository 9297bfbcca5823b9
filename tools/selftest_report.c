/* selftest_report.c: see selftest_report.h. Owns both forms of a line. */
#include "selftest_report.h"
#include "text_buffer.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
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

/* "PASS text", or {"result": "PASS", "text": "text"}. */
static void print_line(const weir_report *r, const char *result, const char *format, va_list args)
    WEIR_PRINTF(3, 0);
static void print_line(const weir_report *r, const char *result, const char *format, va_list args) {
    if (!r->as_json) {
        fprintf(r->out, "%-4s ", result);
        vfprintf(r->out, format, args);
        fputc('\n', r->out);
        return;
    }
    char *text = NULL;
    weir_text_buffer line = {0};
    int n = vasprintf(&text, format, args);
    if (n >= 0)
        weir_text_buffer_add_json(&line, text, (size_t)n);
    if (n < 0 || line.has_failed)
        abort();
    fprintf(r->out, "{\"result\": \"%s\", \"text\": %s}\n", result, line.data);
    weir_text_buffer_free(&line);
    free(text);
}

void weir_report_check(weir_report *r, bool passed, const char *format, ...) {
    va_list args;
    if (passed)
        r->n_passed++;
    else
        r->n_failed++;
    if (passed && r->failures_only)
        return;
    va_start(args, format);
    print_line(r, passed ? "PASS" : "FAIL", format, args);
    va_end(args);
}

void weir_report_skip(weir_report *r, const char *format, ...) {
    va_list args;
    r->n_skipped++;
    va_start(args, format);
    print_line(r, "SKIP", format, args);
    va_end(args);
}

void weir_report_optional(weir_report *r, const char *format, ...) {
    va_list args;
    r->n_optional++;
    va_start(args, format);
    print_line(r, "OPT", format, args);
    va_end(args);
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

/* The text of a note, with the error behind it. */
static void print_note(const weir_report *r, const char *format, ...) WEIR_PRINTF(2, 3);
static void print_note(const weir_report *r, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_line(r, "note", format, args);
    va_end(args);
}

void weir_report_note(weir_report *r, const float *ours, const weir_tensor *ref, const char *format,
                      ...) {
    difference d = {0};
    char label[200];
    va_list args;
    if (r->no_notes || !is_readable(ref))
        return;
    for (size_t i = 0; i < weir_tensor_n_values(ref); i++)
        add_difference(&d, ours[i], value_at(ref, i));
    va_start(args, format);
    vsnprintf(label, sizeof label, format, args);
    va_end(args);
    print_note(r, "%s: relative L2 %.2e, largest %.2e", label, relative(&d), d.most);
}

void weir_report_add(weir_report *r, const weir_report *part) {
    r->n_passed += part->n_passed;
    r->n_failed += part->n_failed;
    r->n_skipped += part->n_skipped;
    r->n_optional += part->n_optional;
}

void weir_report_end(const weir_report *r, const char *what) {
    if (r->as_json) {
        fputc('{', r->out);
        if (what)
            fprintf(r->out, "\"part\": \"%s\", ", what);
        fprintf(r->out, "\"passed\": %u, \"failed\": %u, \"skipped\": %u, \"optional\": %u}\n",
                r->n_passed, r->n_failed, r->n_skipped, r->n_optional);
        return;
    }
    if (what)
        fprintf(r->out, "%-15s  ", what);
    fprintf(r->out, "%u passed, %u failed", r->n_passed, r->n_failed);
    if (r->n_skipped)
        fprintf(r->out, ", %u skipped", r->n_skipped);
    fputc('\n', r->out);
}
