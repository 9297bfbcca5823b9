/* loss_plot.h: the course of a training run as an SVG picture: the loss of the steps, smoothed and
 * as it was, the losses of the evaluations, and the learning rate. */
#ifndef WEIR_TRAIN_LOSS_PLOT_H
#define WEIR_TRAIN_LOSS_PLOT_H

#include "weir.h"

/* All validation together, and 16 sources of it. */
enum { WEIR_PLOT_MAX_LINES = 1 + 16 };

typedef struct weir_plot_points {
    double *x, *y; /* [n], x ascending; y finite */
    size_t n, cap;
} weir_plot_points;

typedef struct weir_plot_line {
    char name[64];
    weir_plot_points points;
} weir_plot_line;

typedef struct weir_loss_plot {
    weir_plot_points loss, rate;               /* of the steps; x: step */
    weir_plot_line lines[WEIR_PLOT_MAX_LINES]; /* of the evaluations */
    size_t n_lines;
} weir_loss_plot;

/* Points that are not finite are left out. NO_MEMORY. */
weir_status weir_plot_add(weir_plot_points *points, double x, double y, weir_error *err);
void weir_loss_plot_clear(weir_loss_plot *plot);

/* A file of its own text, whole or not at all. Without points it has axes alone. */
weir_status weir_loss_plot_write(const weir_loss_plot *plot, const char *path, weir_error *err);

#endif
