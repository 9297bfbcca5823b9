/* train_progress.c: what a training run shows. All of it goes to standard error. */
#include "train_progress.h"

#include "base/clock.h"
#include "console.h"
#include "interrupt.h"
#include "terminal.h"

#include <math.h>
#include <string.h>

enum { LINE = 256 };

static const double BETWEEN_DRAWN_S = 0.1, BETWEEN_TOLD_S = 5;

const char *weir_time_text(char buf[WEIR_TIME_TEXT], double seconds) {
    if (!(seconds >= 0 && seconds < 1e9))
        seconds = 0;
    unsigned long all = (unsigned long)(seconds + 0.5), hours = all / 3600;
    if (hours > 0)
        snprintf(buf, WEIR_TIME_TEXT, "%lu h %02lu min", hours, all / 60 % 60);
    else if (all >= 60)
        snprintf(buf, WEIR_TIME_TEXT, "%lu min %02lu s", all / 60, all % 60);
    else
        snprintf(buf, WEIR_TIME_TEXT, "%lu s", all);
    return buf;
}

void weir_train_progress_open(weir_train_progress *p) {
    *p = (weir_train_progress){.is_terminal = weir_terminal_can_move(stderr)};
}

static void clear_line(weir_train_progress *p) {
    if (p->width > 0)
        fprintf(stderr, "\r%*s\r", p->width, "");
    p->width = 0;
}

void weir_train_progress_close(weir_train_progress *p) {
    clear_line(p);
    fflush(stderr);
}

/* A line under construction; once a part does not fit, none that follows is taken. */
typedef struct parts {
    char *line;    /* [LINE] */
    size_t n, cap; /* cap: columns at most */
    bool is_full;
} parts;

static void add(parts *p, const char *text) {
    size_t n_gap = p->n ? 2 : 0, n = strlen(text);
    p->is_full = p->is_full || p->n + n_gap + n > p->cap;
    if (p->is_full && p->n > 0)
        return;
    memcpy(p->line + p->n, "  ", n_gap);
    memcpy(p->line + p->n + n_gap, text, n + 1);
    p->n += n_gap + n;
}

/* The parts in the order of their worth: a narrow terminal loses the last ones. The first, shorter
 * than LINE, is always there. */
static void make_line(const weir_train_report *r, size_t n_columns, char line[LINE]) {
    char part[64], amount[WEIR_AMOUNT_TEXT], time[WEIR_TIME_TEXT];
    parts p = {.line = line, .cap = n_columns < LINE ? n_columns : LINE - 1};
    snprintf(part, sizeof part, "step %llu/%llu", (unsigned long long)r->step,
             (unsigned long long)r->n_steps);
    add(&p, part);
    snprintf(part, sizeof part, "loss %.3f", r->loss);
    add(&p, part);
    if (isfinite(r->eval_loss)) {
        snprintf(part, sizeof part, "val %.3f", r->eval_loss);
        add(&p, part);
        if (isfinite(r->eval_bits_per_byte)) {
            snprintf(part, sizeof part, "(%.3f bits/byte)", r->eval_bits_per_byte);
            add(&p, part);
        }
    }
    snprintf(part, sizeof part, "%s left", weir_time_text(time, r->seconds_left));
    add(&p, part);
    snprintf(part, sizeof part, "%s tok/s",
             weir_count_text(amount, (uint64_t)(r->tokens_per_s + 0.5)));
    add(&p, part);
    if (r->peak_flops_per_s > 0) {
        snprintf(part, sizeof part, "%.0f %% of peak", 100 * r->flops_per_s / r->peak_flops_per_s);
        add(&p, part);
    }
    if (r->memory_bytes > 0)
        add(&p, weir_bytes_text(amount, r->memory_bytes));
    snprintf(part, sizeof part, "lr %.2g", r->learning_rate);
    add(&p, part);
    snprintf(part, sizeof part, "norm %.2f", r->gradient_norm);
    add(&p, part);
    if (r->load_cv > 0) {
        snprintf(part, sizeof part, "load cv %.2f", r->load_cv);
        add(&p, part);
    }
    if (r->n_skipped > 0) {
        snprintf(part, sizeof part, "%llu left out", (unsigned long long)r->n_skipped);
        add(&p, part);
    }
}

void weir_train_progress_step(void *context, const weir_train_report *report) {
    weir_train_progress *p = context;
    char line[LINE];
    double now = weir_clock_s();
    bool is_last = report->step == report->n_steps, is_first = !p->is_shown;
    double between = p->is_terminal ? BETWEEN_DRAWN_S : BETWEEN_TOLD_S;
    if (!is_first && !is_last && !report->is_evaluated && now - p->told_s < between)
        return;
    p->told_s = now;
    p->is_shown = true;
    /* What an evaluation has brought stays on the screen, as does the end. */
    if (!p->is_terminal || report->is_evaluated || is_last) {
        make_line(report, LINE, line);
        clear_line(p);
        weir_say("%s", line);
        return;
    }
    int n_columns = (int)weir_terminal_width(stderr) - 1; /* the last one may wrap */
    make_line(report, n_columns > 0 ? (size_t)n_columns : 0, line);
    clear_line(p);
    int width = fprintf(stderr, "%.*s", n_columns, line);
    p->width = width > 0 ? width : 0;
    fflush(stderr);
}

void weir_train_progress_packing(void *context, const char *source, uint64_t done, uint64_t total) {
    weir_progress bar = weir_console_progress();
    char what[96];
    (void)context;
    snprintf(what, sizeof what, "packing %s", source);
    if (bar.report)
        bar.report(bar.context, what, done, total);
}

void weir_train_progress_note(void *context, const char *line) {
    clear_line(context);
    weir_terminal_print(stderr, line, strlen(line));
    fputc('\n', stderr);
}

void weir_train_progress_sample(void *context, uint64_t step, const char *prompt,
                                const char *text) {
    clear_line(context);
    fprintf(stderr, "step %llu: ", (unsigned long long)step);
    weir_terminal_print(stderr, prompt, strlen(prompt));
    fputs("\n    ", stderr);
    weir_terminal_print(stderr, text, strlen(text));
    fputc('\n', stderr);
}

bool weir_train_progress_stop(void *context) {
    (void)context;
    return weir_interrupted();
}
