/*
 * loss_plot.c: writes the picture.
 *
 * Owns its layout: loss on the left axis, learning rate on the right one, steps below. Of long runs
 * a point a pixel is drawn, which is what can be seen. The left axis ends a little above what the
 * smoothed loss was after the first hundredth of the run, so that the fall at the beginning does
 * not press the rest flat.
 */
#include "train/loss_plot.h"

#include "base/error.h"
#include "base/file.h"
#include "base/plain_locale.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 960,
    HEIGHT = 540,
    LEFT = 64,
    RIGHT = 76,
    TOP = 64, /* room for LEGEND_ROWS rows of names; more make the picture higher */
    LEGEND_ROWS = 3,
    ROW = 18,
    BOTTOM = 52,
    PLOT_W = WIDTH - LEFT - RIGHT,
    PLOT_H = HEIGHT - TOP - BOTTOM
};

weir_status weir_plot_add(weir_plot_points *points, double x, double y, weir_error *err) {
    if (!isfinite(x) || !isfinite(y))
        return WEIR_STATUS_OK;
    if (points->n == points->cap) {
        size_t cap = points->cap ? 2 * points->cap : 256;
        double *xs = realloc(points->x, cap * sizeof *xs);
        if (xs)
            points->x = xs;
        double *ys = realloc(points->y, cap * sizeof *ys);
        if (ys)
            points->y = ys;
        if (!xs || !ys)
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the plot of the losses");
        points->cap = cap;
    }
    points->x[points->n] = x;
    points->y[points->n++] = y;
    return WEIR_STATUS_OK;
}

static void clear_points(weir_plot_points *points) {
    free(points->x);
    free(points->y);
    *points = (weir_plot_points){0};
}

void weir_loss_plot_clear(weir_loss_plot *plot) {
    clear_points(&plot->loss);
    clear_points(&plot->rate);
    for (size_t i = 0; i < plot->n_lines; i++)
        clear_points(&plot->lines[i].points);
    plot->n_lines = 0;
}

/* ---- scales -------------------------------------------------------------------------------- */

typedef struct scale {
    double min, max, step; /* of the ticks */
} scale;

/* A step of 1, 2 or 5 times a power of ten, about n in the range. */
static double tick_step(double range, int n) {
    double raw = range / n, power = pow(10, floor(log10(raw)));
    double digit = raw / power;
    return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

static scale scale_of(double min, double max, int n, bool widens) {
    if (!(max > min))
        max = min + 1;
    scale s = {min, max, tick_step(max - min, n)};
    if (widens) {
        s.min = floor(min / s.step) * s.step;
        s.max = ceil(max / s.step) * s.step;
    }
    return s;
}

static double place_x(const scale *s, double x) {
    return LEFT + (x - s->min) / (s->max - s->min) * PLOT_W;
}

/* Held inside the frame. */
static double place_y(const scale *s, double y) {
    double part = (y - s->min) / (s->max - s->min);
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    return TOP + (1 - part) * PLOT_H;
}

/* An exponential mean over about a fortieth of the points, without the pull of its beginning. */
static void smooth(const weir_plot_points *from, double *to) {
    double keep = 1 - 1 / fmax(1, fmin((double)from->n / 40, 100)), mean = 0, weight = 0;
    for (size_t i = 0; i < from->n; i++) {
        mean = keep * mean + (1 - keep) * from->y[i];
        weight = keep * weight + (1 - keep);
        to[i] = mean / weight;
    }
}

static void take_in(double y, double *min, double *max) {
    *min = y < *min ? y : *min;
    *max = y > *max ? y : *max;
}

static scale loss_scale(const weir_loss_plot *plot, const double *smoothed) {
    double min = INFINITY, max = -INFINITY, first = plot->loss.n ? plot->loss.x[0] : 0;
    double last = plot->loss.n ? plot->loss.x[plot->loss.n - 1] : 0;
    double begin = first + (last - first) / 100;
    /* Of a spike in between only the foot is seen. */
    for (size_t i = 0; i < plot->loss.n; i++)
        if (plot->loss.x[i] >= begin) {
            bool is_end = !(max > -INFINITY) || i + 1 == plot->loss.n;
            min = smoothed[i] < min ? smoothed[i] : min;
            max = is_end && smoothed[i] > max ? smoothed[i] : max;
        }
    for (size_t k = 0; k < plot->n_lines; k++)
        for (size_t i = 0; i < plot->lines[k].points.n; i++)
            if (plot->lines[k].points.x[i] >= begin)
                take_in(plot->lines[k].points.y[i], &min, &max);
    if (!(max >= min))
        min = 0, max = 1;
    return scale_of(min, max, 8, true);
}

/* ---- drawing ------------------------------------------------------------------------------- */

static void draw_line(FILE *to, const scale *sx, const scale *sy, const double *x, const double *y,
                      size_t n, const char *style) {
    if (n == 0)
        return;
    double drawn = -INFINITY;
    fprintf(to, "<polyline fill=\"none\" %s points=\"", style);
    for (size_t i = 0; i < n; i++) {
        double px = place_x(sx, x[i]);
        if (px - drawn < 1 && i + 1 < n)
            continue;
        drawn = px;
        fprintf(to, "%.1f,%.1f ", px, place_y(sy, y[i]));
    }
    fputs("\"/>\n", to);
}

/* How many digits behind the point tell the ticks apart? */
static int digits_of(double step) {
    int n = 0;
    while (n < 9 && fabs(step - round(step)) > 1e-9 * step) {
        step *= 10;
        n++;
    }
    return n;
}

static void draw_axes(FILE *to, const scale *sx, const scale *sy, const scale *sr, bool has_rate) {
    double epsilon = 1e-9;
    fputs("<g font-size=\"12\" fill=\"#444\">\n", to);
    for (double x = ceil(sx->min / sx->step) * sx->step; x <= sx->max * (1 + epsilon);
         x += sx->step)
        fprintf(to,
                "<path d=\"M%.1f %d V%d\" stroke=\"#eee\"/>"
                "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n",
                place_x(sx, x), TOP, TOP + PLOT_H, place_x(sx, x), TOP + PLOT_H + 18, x);
    int digits = digits_of(sy->step);
    for (int i = 0; sy->min + i * sy->step <= sy->max + epsilon * sy->step; i++) {
        double y = sy->min + i * sy->step;
        fprintf(to,
                "<path d=\"M%d %.1f H%d\" stroke=\"#eee\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.*f</text>\n",
                LEFT, place_y(sy, y), LEFT + PLOT_W, LEFT - 8, place_y(sy, y) + 4, digits, y);
    }
    for (int i = 0; has_rate && i * sr->step <= sr->max * (1 + epsilon); i++)
        fprintf(to, "<text x=\"%d\" y=\"%.1f\" fill=\"#999\">%.3g</text>\n", LEFT + PLOT_W + 8,
                place_y(sr, i * sr->step) + 4, i * sr->step);
    fprintf(to,
            "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888\"/>\n",
            LEFT, TOP, PLOT_W, PLOT_H);
    fprintf(to, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">step</text>\n", LEFT + PLOT_W / 2,
            HEIGHT - 14);
    fprintf(
        to,
        "<text transform=\"translate(18 %d) rotate(-90)\" text-anchor=\"middle\">loss, nats per "
        "target</text>\n",
        TOP + PLOT_H / 2);
    if (has_rate)
        fprintf(to,
                "<text transform=\"translate(%d %d) rotate(90)\" text-anchor=\"middle\" "
                "fill=\"#999\">learning rate</text>\n",
                WIDTH - 14, TOP + PLOT_H / 2);
    fputs("</g>\n", to);
}

/* Where the next name stands. */
typedef struct legend {
    double x, y;
} legend;

static double name_width(const char *name) {
    return 28 + 7.2 * (double)strlen(name) + 18;
}

/* The row's end if the name does not fit behind the others. */
static void make_room(legend *at, const char *name) {
    if (at->x + name_width(name) > WIDTH && at->x > LEFT)
        *at = (legend){LEFT, at->y + ROW};
}

static const char training_name[] = "training", rate_name[] = "learning rate";

static int count_rows(const weir_loss_plot *plot) {
    legend at = {LEFT, 0};
    at.x += name_width(training_name);
    for (size_t k = 0; k < plot->n_lines; k++) {
        make_room(&at, plot->lines[k].name);
        at.x += name_width(plot->lines[k].name);
    }
    if (plot->rate.n > 0)
        make_room(&at, rate_name);
    return 1 + (int)at.y / ROW;
}

static void draw_name(FILE *to, legend *at, const char *stroke, const char *name) {
    make_room(at, name);
    fprintf(to, "<path d=\"M%.0f %.0f h22\" %s stroke-width=\"3\"/>", at->x, at->y, stroke);
    fprintf(to, "<text x=\"%.0f\" y=\"%.0f\" font-size=\"12\" fill=\"#222\">", at->x + 28,
            at->y + 4);
    for (const char *c = name; *c; c++)
        if (*c == '<' || *c == '&')
            fprintf(to, "&#%d;", *c);
        else
            fputc(*c, to);
    fputs("</text>\n", to);
    at->x += name_width(name);
}

static void draw(FILE *to, const weir_loss_plot *plot, const double *smoothed) {
    /* More lines than the eye tells colours apart: the second eight are dashed, the next dotted. */
    static const char *const colors[] = {"#d1495b", "#2e7d32", "#8e5bb5", "#c77700",
                                         "#00838f", "#6d4c41", "#ad1457", "#5c6b00"};
    static const char *const dashes[] = {"", " stroke-dasharray=\"7 3\"",
                                         " stroke-dasharray=\"2 2\""};
    enum { N_COLORS = WEIR_COUNT(colors) };
    _Static_assert(WEIR_PLOT_MAX_LINES <= N_COLORS * WEIR_COUNT(dashes), "a style for each line");
    int n_rows = count_rows(plot), more = n_rows > LEGEND_ROWS ? (n_rows - LEGEND_ROWS) * ROW : 0;
    const weir_plot_points *loss = &plot->loss;
    double first = loss->n ? loss->x[0] : 0, last = loss->n ? loss->x[loss->n - 1] : 1, high = 0;
    for (size_t i = 0; i < plot->rate.n; i++)
        high = fmax(high, plot->rate.y[i]);
    for (size_t k = 0; k < plot->n_lines; k++)
        for (size_t i = 0; i < plot->lines[k].points.n; i++)
            take_in(plot->lines[k].points.x[i], &first, &last);
    scale sx = scale_of(first, last, 10, false), sy = loss_scale(plot, smoothed);
    scale sr = scale_of(0, high > 0 ? high * 1.05 : 1, 5, false);
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 %d %d %d\" width=\"%d\" "
            "height=\"%d\" font-family=\"sans-serif\">\n<rect y=\"%d\" width=\"100%%\" "
            "height=\"100%%\" fill=\"#fff\"/>\n",
            -more, WIDTH, HEIGHT + more, WIDTH, HEIGHT + more, -more);
    draw_axes(to, &sx, &sy, &sr, plot->rate.n > 0);
    draw_line(to, &sx, &sr, plot->rate.x, plot->rate.y, plot->rate.n,
              "stroke=\"#bbb\" stroke-width=\"1.5\" stroke-dasharray=\"5 3\"");
    draw_line(to, &sx, &sy, loss->x, loss->y, loss->n,
              "stroke=\"#1f5fa8\" stroke-width=\"0.7\" stroke-opacity=\"0.3\"");
    draw_line(to, &sx, &sy, loss->x, smoothed, loss->n,
              "stroke=\"#1f5fa8\" stroke-width=\"2\" stroke-linejoin=\"round\"");
    legend at = {LEFT, 16 - more};
    draw_name(to, &at, "stroke=\"#1f5fa8\"", training_name);
    for (size_t k = 0; k < plot->n_lines; k++) {
        const weir_plot_points *p = &plot->lines[k].points;
        const char *color = colors[k % N_COLORS];
        char stroke[64], style[96];
        snprintf(stroke, sizeof stroke, "stroke=\"%s\"%s", color, dashes[k / N_COLORS]);
        snprintf(style, sizeof style, "%s stroke-width=\"1.5\"", stroke);
        draw_line(to, &sx, &sy, p->x, p->y, p->n, style);
        for (size_t i = 0; i < p->n; i++)
            fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>\n",
                    place_x(&sx, p->x[i]), place_y(&sy, p->y[i]), p->n > 100 ? 1.2 : 2.5, color);
        draw_name(to, &at, stroke, plot->lines[k].name);
    }
    if (plot->rate.n > 0)
        draw_name(to, &at, "stroke=\"#bbb\"", rate_name);
    fputs("</svg>\n", to);
}

weir_status weir_loss_plot_write(const weir_loss_plot *plot, const char *path, weir_error *err) {
    char *text = NULL;
    size_t n = 0;
    weir_out *out = NULL;
    weir_status status = WEIR_STATUS_OK;
    double *smoothed = malloc((plot->loss.n + 1) * sizeof *smoothed);
    FILE *to = smoothed ? open_memstream(&text, &n) : NULL;
    if (to) {
        weir_plain_locale locale = weir_plain_locale_begin();
        smooth(&plot->loss, smoothed);
        draw(to, plot, smoothed);
        weir_plain_locale_end(locale);
    }
    if (!to || fclose(to) != 0) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to draw it", path);
        goto fail;
    }
    WEIR_TRY_GOTO(weir_out_open(&out, path, true, err));
    WEIR_TRY_GOTO(weir_out_write(out, text, n, err));
    WEIR_TRY_GOTO(weir_out_commit(&out, err));
fail:
    weir_out_abort(&out);
    free(smoothed);
    free(text);
    return status;
}
