/* muon.c: one step of Muon. */
#include "train/muon.h"

#include <math.h>
#include <string.h>

enum { NEWTON_STEPS = 5 };

bool weir_muon_takes(const weir_param *param) {
    return param->kind == WEIR_PARAM_MATRIX && param->part != WEIR_PART_ROUTER &&
           !param->is_adapter;
}

/* The quintic of Jordan et al. 2024 for X = U S V':
 *   G = X' X (or X X', whichever is smaller);  P = b G + c G G;  X <- a X + X P  (or P X)
 * drives all singular values to about 1. */
typedef struct newton {
    weir_trainer_device *dev;
    const weir_muon_group *group;
    uint32_t side; /* of G */
    float *x, *y;  /* [n, rows, cols] */
    float *g, *p;  /* [n, side, side] */
    weir_matmul *products;
} newton;

static float *at(float *base, uint32_t i, size_t n_values) {
    return base + i * n_values;
}

size_t weir_muon_scratch(uint32_t n, uint32_t rows, uint32_t cols) {
    size_t side = rows < cols ? rows : cols;
    return 2 * (size_t)n * ((size_t)rows * cols + side * side);
}

static void multiply_all(const newton *w) {
    w->dev->ops.matmul(w->dev, w->products, w->group->n);
}

/* The matrices of a group are shared out among the workers: each is one's alone, so the number of
 * threads changes nothing. */
typedef struct each_job {
    const newton *w;
    const weir_muon_step *step;
    void (*fn)(const newton *w, const weir_muon_step *step, uint32_t i);
} each_job;

static void run_each(void *context, uint32_t worker, uint32_t n_workers) {
    const each_job *job = context;
    for (uint32_t i = worker; i < job->w->group->n; i += n_workers)
        job->fn(job->w, job->step, i);
}

static void for_each(const newton *w, const weir_muon_step *step,
                     void (*fn)(const newton *w, const weir_muon_step *step, uint32_t i)) {
    each_job job = {w, step, fn};
    if (w->dev->workers)
        weir_workers_run(w->dev->workers, run_each, &job);
    else
        run_each(&job, 0, 1);
}

/* P = b G + c G G, where p holds G G. */
static void make_p(const newton *w, const weir_muon_step *step, uint32_t i) {
    const float b = -4.7750f, c = 2.0315f;
    size_t n = (size_t)w->side * w->side;
    const float *g = at(w->g, i, n);
    float *p = at(w->p, i, n);
    (void)step;
    for (size_t k = 0; k < n; k++)
        p[k] = b * g[k] + c * p[k];
}

/* X <- a X + Y, where y holds the product of X and P. */
static void make_x(const newton *w, const weir_muon_step *step, uint32_t i) {
    const float a = 3.4445f;
    size_t n = (size_t)w->group->rows * w->group->cols;
    const float *y = at(w->y, i, n);
    float *x = at(w->x, i, n);
    (void)step;
    for (size_t k = 0; k < n; k++)
        x[k] = a * x[k] + y[k];
}

static void newton_step(const newton *w) {
    uint32_t rows = w->group->rows, cols = w->group->cols, side = w->side;
    size_t n_x = (size_t)rows * cols, n_g = (size_t)side * side;
    bool is_tall = rows > cols;
    for (uint32_t i = 0; i < w->group->n; i++) {
        const float *x = at(w->x, i, n_x);
        w->products[i] = (weir_matmul){.m = side,
                                       .n = side,
                                       .k = is_tall ? rows : cols,
                                       .a = x,
                                       .b = x,
                                       .c = at(w->g, i, n_g),
                                       .lda = cols,
                                       .ldb = cols,
                                       .ldc = side,
                                       .a_is_transposed = is_tall,
                                       .b_is_transposed = !is_tall};
    }
    multiply_all(w);
    for (uint32_t i = 0; i < w->group->n; i++) {
        const float *g = at(w->g, i, n_g);
        w->products[i] = (weir_matmul){.m = side,
                                       .n = side,
                                       .k = side,
                                       .a = g,
                                       .b = g,
                                       .c = at(w->p, i, n_g),
                                       .lda = side,
                                       .ldb = side,
                                       .ldc = side};
    }
    multiply_all(w);
    for_each(w, NULL, make_p);
    for (uint32_t i = 0; i < w->group->n; i++) {
        const float *x = at(w->x, i, n_x), *p = at(w->p, i, n_g);
        w->products[i] = (weir_matmul){.m = rows,
                                       .n = cols,
                                       .k = side,
                                       .a = is_tall ? x : p,
                                       .b = is_tall ? p : x,
                                       .c = at(w->y, i, n_x),
                                       .lda = is_tall ? cols : side,
                                       .ldb = is_tall ? side : cols,
                                       .ldc = cols};
    }
    multiply_all(w);
    for_each(w, NULL, make_x);
}

/* The momentum takes the gradient in; x becomes the look-ahead (Nesterov) with norm 1. */
static void take_gradient(const newton *w, const weir_muon_step *step, uint32_t i) {
    size_t n = (size_t)w->group->rows * w->group->cols;
    float *m = w->group->m[i], *x = at(w->x, i, n);
    const float *grad = w->group->grad[i];
    float mu = step->momentum, scale = step->gradient_scale;
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        float g = scale * grad[k];
        m[k] = mu * m[k] + (1 - mu) * g;
        x[k] = mu * m[k] + (1 - mu) * g;
        sum += (double)x[k] * (double)x[k];
    }
    float inverse = (float)(1 / (sqrt(sum) + 1e-7));
    for (size_t k = 0; k < n; k++)
        x[k] *= inverse;
}

static void apply(const newton *w, const weir_muon_step *step, uint32_t i) {
    uint32_t rows = w->group->rows, cols = w->group->cols;
    size_t n = (size_t)rows * cols;
    float *p = w->group->p[i];
    const float *x = at(w->x, i, n);
    float width = (float)(rows > cols ? rows : cols);
    float rate = step->learning_rate * 0.2f * sqrtf(width);
    float keep = 1 - step->learning_rate * step->weight_decay;
    for (size_t k = 0; k < n; k++)
        p[k] = keep * p[k] - rate * x[k];
}

void weir_muon_move(weir_trainer_device *dev, const weir_muon_step *step,
                    const weir_muon_group *group, float *scratch, weir_matmul *products) {
    uint32_t side = group->rows < group->cols ? group->rows : group->cols;
    size_t n_x = (size_t)group->n * group->rows * group->cols;
    size_t n_g = (size_t)group->n * side * side;
    newton w = {.dev = dev,
                .group = group,
                .side = side,
                .x = scratch,
                .y = scratch + n_x,
                .g = scratch + 2 * n_x,
                .p = scratch + 2 * n_x + n_g,
                .products = products};
    for_each(&w, step, take_gradient);
    for (int i = 0; i < NEWTON_STEPS; i++)
        newton_step(&w);
    for_each(&w, step, apply);
}
