/*
 * train_row_ops.c: the ops that are loops over rows or values.
 *
 * Each divides its rows, columns or values into contiguous shares, one per thread. Where a share
 * ends changes no result: rows and values are independent, and a sum over rows is divided by
 * columns, each summed over all rows by one thread.
 */
#include "cpu/train_device.h"

#include "backend/route.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    GRAIN_VALUES = 64, /* values are shared out in whole cache lines and vectors */
    GRAIN_COLUMNS = 16
};

/* One job for all: an op uses what it needs. */
typedef struct row_job {
    const weir_train_cpu *cpu;
    const float *a, *b, *c, *d; /* inputs, in the order of the op */
    const int32_t *tokens;
    const uint32_t *from;
    uint32_t n_rows, width, n_parts;
    size_t n;
    float scale;
    bool flag;
    float *y, *y2, *y3;
    int32_t *experts;
    const weir_hparams *h;
    const weir_adamw *step;
    double *sums;
} row_job;

/* A place in an array that may be missing. */
static float *place(float *array, size_t at) {
    return array ? array + at : NULL;
}

static const float *place_const(const float *array, size_t at) {
    return array ? array + at : NULL;
}

static void run(weir_trainer_device *dev, size_t n_values, weir_work *fn, row_job job) {
    job.cpu = weir_train_cpu_of(dev);
    weir_train_cpu_run(weir_train_cpu_of(dev), n_values, fn, &job);
}

/* ---- embedding ---------------------------------------------------------------------------- */

static void embed_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++)
        memcpy(job->y + r * job->width, job->a + (size_t)job->tokens[r] * job->width,
               job->width * sizeof *job->y);
}

static void embed(weir_trainer_device *dev, const float *table, const int32_t *tokens,
                  uint32_t n_rows, uint32_t width, float *y) {
    run(dev, (size_t)n_rows * width, embed_rows,
        (row_job){.a = table, .tokens = tokens, .n_rows = n_rows, .width = width, .y = y});
}

static void embed_back_columns(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->width, GRAIN_COLUMNS, worker, n_workers, &begin, &end);
    for (size_t r = 0; begin < end && r < job->n_rows; r++)
        job->cpu->kernels.add(job->a + r * job->width + begin, end - begin,
                              job->y + (size_t)job->tokens[r] * job->width + begin);
}

static void embed_back(weir_trainer_device *dev, const float *dy, const int32_t *tokens,
                       uint32_t n_rows, uint32_t width, float *dtable) {
    if (!dtable)
        return;
    run(dev, (size_t)n_rows * width, embed_back_columns,
        (row_job){.a = dy, .tokens = tokens, .n_rows = n_rows, .width = width, .y = dtable});
}

/* ---- norm --------------------------------------------------------------------------------- */

static void rms_norm_share(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    size_t at = begin * job->width;
    job->cpu->kernels.rms_norm(job->a + at, job->b, (uint32_t)(end - begin), job->width, job->scale,
                               job->y + at, place(job->y2, begin));
}

static void rms_norm(weir_trainer_device *dev, const float *x, const float *w, uint32_t n_rows,
                     uint32_t width, float eps, float *y, float *factor) {
    run(dev, (size_t)n_rows * width, rms_norm_share,
        (row_job){
            .a = x, .b = w, .n_rows = n_rows, .width = width, .scale = eps, .y = y, .y2 = factor});
}

static void rms_norm_back_share(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    size_t at = begin * job->width;
    job->cpu->kernels.rms_norm_back(job->a + at, job->b + at, job->c, job->d + begin,
                                    (uint32_t)(end - begin), job->width, job->flag, job->y + at);
}

static void column_sums_share(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->width, GRAIN_COLUMNS, worker, n_workers, &begin, &end);
    job->cpu->kernels.column_sums(job->a + begin, place_const(job->b, begin), job->d, job->n_rows,
                                  job->width, (uint32_t)(end - begin), job->y + begin);
}

static void rms_norm_back(weir_trainer_device *dev, const float *dy, const float *x, const float *w,
                          const float *factor, uint32_t n_rows, uint32_t width, bool is_added,
                          float *dx, float *dw) {
    row_job job = {.a = dy, .b = x, .c = w, .d = factor, .n_rows = n_rows, .width = width};
    /* dw first: dx may take the place of dy. */
    if (dw) {
        job.y = dw;
        run(dev, (size_t)n_rows * width, column_sums_share, job);
    }
    if (dx) {
        job.y = dx;
        job.flag = is_added;
        run(dev, (size_t)n_rows * width, rms_norm_back_share, job);
    }
}

/* ---- values ------------------------------------------------------------------------------- */

static void silu_mul_share(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n, GRAIN_VALUES, worker, n_workers, &begin, &end);
    job->cpu->kernels.silu_mul(job->a + begin, job->b + begin, end - begin, job->y + begin);
}

static void silu_mul(weir_trainer_device *dev, const float *gate, const float *up, size_t n,
                     float *h) {
    run(dev, n, silu_mul_share, (row_job){.a = gate, .b = up, .n = n, .y = h});
}

static void silu_mul_back_share(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n, GRAIN_VALUES, worker, n_workers, &begin, &end);
    job->cpu->kernels.silu_mul_back(job->a + begin, job->b + begin, job->c + begin, end - begin,
                                    place(job->y, begin), place(job->y2, begin));
}

static void silu_mul_back(weir_trainer_device *dev, const float *gate, const float *up,
                          const float *dh, size_t n, float *dgate, float *dup) {
    run(dev, n, silu_mul_back_share,
        (row_job){.a = gate, .b = up, .c = dh, .n = n, .y = dgate, .y2 = dup});
}

static void axpy_share(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n, GRAIN_VALUES, worker, n_workers, &begin, &end);
    job->cpu->kernels.add_scaled(job->scale, job->a + begin, end - begin, job->y + begin);
}

static void axpy(weir_trainer_device *dev, float scale, const float *x, size_t n, float *y) {
    run(dev, n, axpy_share, (row_job){.a = x, .scale = scale, .n = n, .y = y});
}

/* ---- routing ------------------------------------------------------------------------------ */

static void route_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    uint32_t n_experts = job->h->n_experts, n_used = job->h->n_experts_used;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++)
        weir_route_row(job->h, job->b, job->a + r * n_experts, job->experts + r * n_used,
                       job->y + r * n_used);
}

static void route(weir_trainer_device *dev, const weir_hparams *h, const float *bias,
                  const float *logits, uint32_t n_rows, int32_t *experts, float *weights) {
    /* Every choice looks at all experts. */
    run(dev, (size_t)n_rows * h->n_experts * (h->n_experts_used + 1), route_rows,
        (row_job){
            .a = logits, .b = bias, .n_rows = n_rows, .experts = experts, .y = weights, .h = h});
}

/* With s the sigmoids of the chosen and S = sum s + 1e-6: w = c s / S (or c s), so
 * ds = c (dw - sum dw s / S) / S (or c dw), and dlogit = ds s (1 - s). */
static void route_back_row(const weir_hparams *h, const float *logits, const int32_t *experts,
                           const float *dweights, float *dlogits) {
    float score[WEIR_MAX_EXPERTS_USED], sum = 0, dot = 0;
    memset(dlogits, 0, h->n_experts * sizeof *dlogits);
    for (uint32_t j = 0; j < h->n_experts_used; j++) {
        score[j] = 1.0f / (1.0f + expf(-logits[experts[j]]));
        sum += score[j];
        dot += dweights[j] * score[j];
    }
    sum += 1e-6f;
    for (uint32_t j = 0; j < h->n_experts_used; j++) {
        float ds = h->has_topk_norm ? (dweights[j] - dot / sum) / sum : dweights[j];
        dlogits[experts[j]] += h->expert_scale * ds * score[j] * (1.0f - score[j]);
    }
}

static void route_back_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    uint32_t n_experts = job->h->n_experts, n_used = job->h->n_experts_used;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++)
        route_back_row(job->h, job->a + r * n_experts, job->tokens + r * n_used,
                       job->b + r * n_used, job->y + r * n_experts);
}

static void route_back(weir_trainer_device *dev, const weir_hparams *h, const float *logits,
                       const int32_t *experts, const float *weights, const float *dweights,
                       uint32_t n_rows, float *dlogits) {
    (void)weights; /* the scores that they are made of are needed, and made anew */
    assert(h->n_experts_used <= WEIR_MAX_EXPERTS_USED);
    if (!dlogits)
        return;
    run(dev, (size_t)n_rows * h->n_experts * 4, route_back_rows,
        (row_job){
            .a = logits, .b = dweights, .tokens = experts, .n_rows = n_rows, .y = dlogits, .h = h});
}

/* ---- rows ---------------------------------------------------------------------------------- */

static void gather_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        const float *x = job->a + (size_t)job->from[r] * job->width;
        float *y = job->y + r * job->width;
        if (job->b)
            job->cpu->kernels.scale(job->b[r], x, job->width, y);
        else
            memcpy(y, x, job->width * sizeof *y);
    }
}

static void gather(weir_trainer_device *dev, const float *x, const uint32_t *from,
                   const float *scale, uint32_t n_rows, uint32_t width, float *y) {
    run(dev, (size_t)n_rows * width, gather_rows,
        (row_job){.a = x, .b = scale, .from = from, .n_rows = n_rows, .width = width, .y = y});
}

static void combine_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t part = begin * job->n_parts; part < end * job->n_parts; part++)
        job->cpu->kernels.add_scaled(job->b ? job->b[part] : 1.0f,
                                     job->a + (size_t)job->from[part] * job->width, job->width,
                                     job->y + part / job->n_parts * job->width);
}

static void combine(weir_trainer_device *dev, const float *x, const uint32_t *from,
                    const float *scale, uint32_t n_rows, uint32_t n_parts, uint32_t width,
                    float *y) {
    run(dev, (size_t)n_rows * n_parts * width, combine_rows,
        (row_job){.a = x,
                  .b = scale,
                  .from = from,
                  .n_rows = n_rows,
                  .n_parts = n_parts,
                  .width = width,
                  .y = y});
}

static void row_dots_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++)
        job->y[r] =
            job->cpu->kernels.dot(job->a + r * job->width, job->b + r * job->width, job->width);
}

static void row_dots(weir_trainer_device *dev, const float *a, const float *b, uint32_t n_rows,
                     uint32_t width, float *out) {
    run(dev, (size_t)n_rows * width, row_dots_rows,
        (row_job){.a = a, .b = b, .n_rows = n_rows, .width = width, .y = out});
}

static void scale_rows_share(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        float *x = job->y + r * job->width;
        job->cpu->kernels.scale(job->a[r], x, job->width, x);
    }
}

static void scale_rows(weir_trainer_device *dev, const float *scale, uint32_t n_rows,
                       uint32_t width, float *x) {
    run(dev, (size_t)n_rows * width, scale_rows_share,
        (row_job){.a = scale, .n_rows = n_rows, .width = width, .y = x});
}

static void add_bias_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++)
        job->cpu->kernels.add(job->a, job->width, job->y + r * job->width);
}

static void add_bias(weir_trainer_device *dev, const float *bias, uint32_t n_rows, uint32_t width,
                     float *y) {
    run(dev, (size_t)n_rows * width, add_bias_rows,
        (row_job){.a = bias, .n_rows = n_rows, .width = width, .y = y});
}

static void add_bias_back(weir_trainer_device *dev, const float *dy, uint32_t n_rows,
                          uint32_t width, float *db) {
    if (!db)
        return;
    run(dev, (size_t)n_rows * width, column_sums_share,
        (row_job){.a = dy, .n_rows = n_rows, .width = width, .y = db});
}

/* ---- loss and optimizer ------------------------------------------------------------------- */

static void cross_entropy_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n_rows, 1, worker, n_workers, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        assert((uint32_t)job->tokens[r] < job->width);
        job->y2[r] = job->cpu->kernels.cross_entropy(
            job->y + r * job->width, (uint32_t)job->tokens[r], job->width, job->flag, job->scale);
    }
}

static void cross_entropy(weir_trainer_device *dev, float *logits, const int32_t *targets,
                          uint32_t n_rows, uint32_t n_vocab, bool is_back, float scale,
                          float *loss) {
    run(dev, (size_t)n_rows * n_vocab, cross_entropy_rows,
        (row_job){.tokens = targets,
                  .n_rows = n_rows,
                  .width = n_vocab,
                  .flag = is_back,
                  .scale = scale,
                  .y = logits,
                  .y2 = loss});
}

static void adamw_share(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    size_t begin, end;
    weir_share(job->n, GRAIN_VALUES, worker, n_workers, &begin, &end);
    job->cpu->kernels.adamw(job->step, job->a + begin, end - begin, job->y + begin, job->y2 + begin,
                            job->y3 + begin);
}

static void adamw(weir_trainer_device *dev, const weir_adamw *step, const float *grad, size_t n,
                  float *p, float *m, float *v) {
    run(dev, n, adamw_share, (row_job){.a = grad, .step = step, .n = n, .y = p, .y2 = m, .y3 = v});
}

/* The sum of block i into sums[i]. */
static void sum_squares_blocks(void *context, uint32_t worker, uint32_t n_workers) {
    const row_job *job = context;
    const size_t block = WEIR_SQUARES_BLOCK, n_blocks = (job->n + block - 1) / block;
    size_t begin, end;
    weir_share(n_blocks, 1, worker, n_workers, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        size_t n = job->n - i * block < block ? job->n - i * block : block;
        job->sums[i] = job->cpu->kernels.sum_squares(job->a + i * block, n);
    }
}

static double sum_squares(weir_trainer_device *dev, const float *x, size_t n) {
    weir_train_cpu *cpu = weir_train_cpu_of(dev);
    double sum = 0;
    /* As many values at a time as there are places for sums of blocks. */
    const size_t most = (size_t)WEIR_SQUARES_BLOCK * WEIR_SQUARES_BLOCKS;
    for (size_t at = 0; at < n; at += most) {
        size_t n_now = n - at < most ? n - at : most;
        run(dev, n_now, sum_squares_blocks,
            (row_job){.a = x + at, .n = n_now, .sums = cpu->squares});
        for (size_t i = 0; i * WEIR_SQUARES_BLOCK < n_now; i++)
            sum += cpu->squares[i];
    }
    return sum;
}

void weir_train_cpu_fill_rows(weir_train_ops *ops) {
    ops->embed = embed;
    ops->embed_back = embed_back;
    ops->rms_norm = rms_norm;
    ops->rms_norm_back = rms_norm_back;
    ops->silu_mul = silu_mul;
    ops->silu_mul_back = silu_mul_back;
    ops->route = route;
    ops->route_back = route_back;
    ops->gather = gather;
    ops->combine = combine;
    ops->row_dots = row_dots;
    ops->scale_rows = scale_rows;
    ops->add_bias = add_bias;
    ops->add_bias_back = add_bias_back;
    ops->axpy = axpy;
    ops->cross_entropy = cross_entropy;
    ops->adamw = adamw;
    ops->sum_squares = sum_squares;
}
