/* verb_bench_diff.c: `weir bench diff`: is B faster than A, or is it noise? */
#include "base/compiler.h"
#include "base/error.h"
#include "bench_diff.h"
#include "bench_show.h"
#include "console.h"
#include "json_text.h"
#include "verbs.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct diff_values {
    const char *control;
    bool only_common, as_json;
} diff_values;

#define AT(field) offsetof(diff_values, field)

static const weir_option options[] = {
    {"control", 0, WEIR_OPTION_STRING, AT(control), "FILE.json",
     "a second run of what A is of: how far it is from A is noise"},
    {"common", 0, WEIR_OPTION_FLAG, AT(only_common), NULL,
     "compare what both have, and leave the rest out"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "the same as JSON"},
};

#undef AT

static const char *const verdicts[] = {"within noise", "faster", "slower"};

static json_t *ratio_json(const weir_bench_ratio *r) {
    return r->ratio > 0
               ? json_pack("{s:f, s:f, s:f}", "ratio", r->ratio, "low", r->low, "high", r->high)
               : json_null();
}

static json_t *changes_json(const weir_bench_change *changes, size_t n) {
    json_t *list = json_array();
    char name[WEIR_BENCH_TEXT];
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:s}", "cell",
                                              weir_bench_cell_name(name, changes[i].a), "speed",
                                              ratio_json(&changes[i].speed), "control",
                                              ratio_json(&changes[i].control), "verdict",
                                              verdicts[changes[i].verdict]));
    return list;
}

static void print_changes(const weir_bench_change *changes, size_t n, bool has_control) {
    char name[WEIR_BENCH_TEXT];
    printf("%-30s %9s %9s   %-23s%s\n", "", "A tok/s", "B tok/s", "B / A, 95 %",
           has_control ? "  control, 95 %" : "");
    for (size_t i = 0; i < n; i++) {
        const weir_bench_change *c = &changes[i];
        printf("%-30s %9.1f %9.1f   %.3f (%.3f to %.3f)", weir_bench_cell_name(name, c->a),
               weir_bench_unit_tokens(c->a) / weir_bench_quantile(c->a->seconds, c->a->n, 0.5),
               weir_bench_unit_tokens(c->b) / weir_bench_quantile(c->b->seconds, c->b->n, 0.5),
               c->speed.ratio, c->speed.low, c->speed.high);
        if (c->control.ratio > 0)
            printf("  %.3f (%.3f to %.3f)", c->control.ratio, c->control.low, c->control.high);
        printf("  %s\n", verdicts[c->verdict]);
    }
}

/* What makes the comparison weaker than it looks; to standard error. */
static void warn(const weir_bench_file *a, const weir_bench_file *b,
                 const weir_bench_change *changes, size_t n) {
    double x = a->limits.read_bytes_per_s, y = b->limits.read_bytes_per_s;
    if (x > 0 && y > 0 && fabs(x - y) > 0.1 * fmax(x, y))
        weir_say(
            "weir bench diff: the machine read %.1f GB/s at best for A and %.1f for B: measure "
            "both again, in turns",
            x / 1e9, y / 1e9);
    for (size_t i = 0; i < n; i++) {
        char name[WEIR_BENCH_TEXT];
        if (weir_bench_is_unsteady(changes[i].a) || weir_bench_is_unsteady(changes[i].b))
            weir_say("weir bench diff: %s: the machine changed by more than 10 %% while it was "
                     "measured",
                     weir_bench_cell_name(name, changes[i].a));
        if (changes[i].a->n < 5 || changes[i].b->n < 5)
            weir_say("weir bench diff: %s: fewer than 5 repetitions, so the interval says little",
                     weir_bench_cell_name(name, changes[i].a));
    }
}

typedef struct diff_files {
    weir_bench_file a, b, control;
} diff_files;

static weir_status compare(const weir_parsed *parsed, diff_files *f, weir_error *err) {
    const diff_values *v = parsed->values;
    const char *a = parsed->operands[0], *b = parsed->operands[1];
    WEIR_TRY(weir_bench_file_read(&f->a, a, err));
    WEIR_TRY(weir_bench_file_read(&f->b, b, err));
    WEIR_TRY(weir_bench_check_pair(&f->a, a, &f->b, b, v->only_common, err));
    if (v->control) {
        WEIR_TRY(weir_bench_file_read(&f->control, v->control, err));
        WEIR_TRY(weir_bench_check_pair(&f->a, a, &f->control, v->control, v->only_common, err));
        if (strcmp(f->a.engine, f->control.engine) != 0)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--control: %s ran on \"%s\", and %s on \"%s\": expected the same",
                             v->control, f->control.engine, a, f->a.engine);
    }
    weir_bench_change *changes = calloc(f->a.n_cells, sizeof *changes);
    if (!changes)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the comparison");
    size_t n = weir_bench_diff(changes, &f->a, &f->b, v->control ? &f->control : NULL);
    weir_status status = WEIR_STATUS_OK;
    if (v->as_json) {
        status = weir_json_print(json_pack("{s:o, s:o, s:o}", "a", weir_json_text(a, strlen(a)),
                                           "b", weir_json_text(b, strlen(b)), "cells",
                                           changes_json(changes, n)),
                                 err);
    } else {
        printf("A: %s\nB: %s\n\n", f->a.engine, f->b.engine);
        print_changes(changes, n, v->control != NULL);
    }
    warn(&f->a, &f->b, changes, n);
    free(changes);
    return status;
}

static int run(const weir_parsed *parsed) {
    weir_error err = {0};
    diff_files files = {0};
    weir_status status = compare(parsed, &files, &err);
    weir_bench_file_free(&files.a);
    weir_bench_file_free(&files.b);
    weir_bench_file_free(&files.control);
    return weir_tell_failure("bench diff", status, &err);
}

const weir_verb weir_verb_bench_diff = {
    .name = "bench diff",
    .summary = "Compares two results of weir bench",
    .operands = "FILE.json FILE.json",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details = "The files are A and B. Told is the ratio of their medians, above 1 where B is\n"
               "faster, and the interval that holds 95 of 100 bootstrap samples of it. A cell is\n"
               "within noise if that interval holds 1, or if a second run of A (--control) is as\n"
               "far from the first.\n"
               "\n"
               "  weir bench diff before.json after.json\n"
               "  weir bench diff before.json after.json --control before-again.json\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(diff_values),
    .run = run,
};
