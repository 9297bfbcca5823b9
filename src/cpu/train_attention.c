/*
 * train_attention.c: what looks along a segment: positions (rope), attention, short convolution.
 *
 * Owns the table of cosines and sines and how segments are divided among threads; what is done to a
 * tile belongs to the kernels. Tiles of attention are taken by whoever is free, since later ones
 * see more keys.
 */
#include "cpu/train_device.h"

#include <assert.h>
#include <math.h>

/* ---- rope --------------------------------------------------------------------------------- */

typedef struct rotation {
    weir_train_cpu *cpu;
    const weir_segments *segments;
    uint32_t n_heads, head_dim;
    float theta;
    bool is_back;
    float *x;
} rotation;

/* The engine's expressions (cpu_backend.c), so that angles are the same floats. */
static void make_rotation(float theta, uint32_t head_dim, uint32_t pos, float *cos_sin) {
    uint32_t half = head_dim / 2;
    for (uint32_t j = 0; j < half; j++) {
        float frequency = (float)pow((double)theta, -2.0 * j / head_dim);
        float angle = (float)pos * frequency;
        cos_sin[j] = (float)cos((double)angle);
        cos_sin[half + j] = (float)sin((double)angle);
    }
}

/* The segment that holds a row. */
static uint32_t segment_of(const weir_segments *segments, size_t row) {
    uint32_t low = 0, high = segments->n;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (segments->item[middle].first_row <= row)
            low = middle;
        else
            high = middle;
    }
    /* segments without rows stand before it, or at the end */
    while (low > 0 && segments->item[low].first_row > row)
        low--;
    return low;
}

static void rotate_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const rotation *job = context;
    const weir_segments *segments = job->segments;
    uint32_t d = job->head_dim;
    size_t begin, end;
    weir_share(segments->n_rows, 1, worker, n_workers, &begin, &end);
    if (begin == end)
        return;
    uint32_t s = segment_of(segments, begin);
    float made[WEIR_MAX_HEAD_DIM];
    for (size_t r = begin; r < end; r++) {
        while (r - segments->item[s].first_row >= segments->item[s].n_rows)
            s++;
        uint32_t pos = (uint32_t)(r - segments->item[s].first_row);
        const float *cos_sin = made;
        if (pos < job->cpu->n_rotations)
            cos_sin = job->cpu->rotations + (size_t)pos * d;
        else
            make_rotation(job->theta, d, pos, made);
        for (uint32_t head = 0; head < job->n_heads; head++)
            job->cpu->kernels.rope(job->x + (r * job->n_heads + head) * d, cos_sin, d,
                                   job->is_back);
    }
}

static void rope(weir_trainer_device *dev, const weir_segments *segments, uint32_t n_heads,
                 uint32_t head_dim, float theta, bool is_back, float *x) {
    weir_train_cpu *cpu = weir_train_cpu_of(dev);
    assert(head_dim <= WEIR_MAX_HEAD_DIM);
    if (cpu->rope_dim != head_dim || cpu->rope_theta != theta) {
        cpu->rope_dim = head_dim;
        cpu->rope_theta = theta;
        cpu->n_rotations = 0;
    }
    uint32_t n_wanted = 0;
    for (uint32_t s = 0; s < segments->n; s++)
        if (segments->item[s].n_rows > n_wanted)
            n_wanted = segments->item[s].n_rows;
    /* Larger heads have room for fewer positions. */
    uint32_t n_most = WEIR_ROPE_POSITIONS * WEIR_ROPE_DIM / (head_dim ? head_dim : 1);
    for (; cpu->n_rotations < n_wanted && cpu->n_rotations < n_most; cpu->n_rotations++)
        make_rotation(theta, head_dim, cpu->n_rotations,
                      cpu->rotations + (size_t)cpu->n_rotations * head_dim);
    rotation job = {cpu, segments, n_heads, head_dim, theta, is_back, x};
    weir_train_cpu_run(cpu, (size_t)segments->n_rows * n_heads * head_dim, rotate_rows, &job);
}

/* ---- attention ---------------------------------------------------------------------------- */

typedef enum attend_pass { PASS_FORWARD, PASS_QUERIES_BACK, PASS_KEYS_BACK } attend_pass;

typedef struct attention {
    weir_train_cpu *cpu;
    const weir_segments *segments;
    const weir_attention_form *form;
    const float *q, *k, *v, *dy, *y;
    float *out, *lse, *dk, *dv;
    attend_pass pass;
} attention;

static void attend_tile(const attention *job, const weir_segment *segment, uint32_t head,
                        uint32_t first, float *scratch) {
    const weir_attention_form *form = job->form;
    const weir_train_kernels *kernels = &job->cpu->kernels;
    uint32_t d = form->head_dim, group = form->n_heads / form->n_heads_kv;
    uint32_t q_head = job->pass == PASS_KEYS_BACK ? head * group : head;
    size_t row = segment->first_row, q_stride = (size_t)form->n_heads * d;
    size_t kv_stride = (size_t)form->n_heads_kv * d;
    size_t q_at = row * q_stride + (size_t)q_head * d;
    size_t kv_at = row * kv_stride + (size_t)(q_head / group) * d;
    weir_attend_part part = {
        .n_rows = segment->n_rows,
        .head_dim = d,
        .n_heads = form->n_heads,
        .n_group = group,
        .q_stride = q_stride,
        .kv_stride = kv_stride,
        .q = job->q + q_at,
        .k = job->k + kv_at,
        .v = job->v + kv_at,
        .lse = job->lse ? job->lse + row * form->n_heads + q_head : NULL,
        .scratch = scratch,
    };
    if (job->pass == PASS_FORWARD) {
        part.out = job->out + q_at;
        kernels->attend(&part, first);
        return;
    }
    part.dy = job->dy + q_at;
    part.y = job->y + q_at;
    if (job->pass == PASS_QUERIES_BACK) {
        part.out = job->out + q_at;
        kernels->attend_queries_back(&part, first);
    } else {
        part.dk = job->dk ? job->dk + kv_at : NULL;
        part.dv = job->dv ? job->dv + kv_at : NULL;
        kernels->attend_keys_back(&part, first);
    }
}

/* Task by task: segment after segment, in one head after head, in a head the tiles; forward the
 * costly ones, the last, first. */
static void attend_tiles(void *context, uint32_t worker, uint32_t n_workers) {
    const attention *job = context;
    const weir_segments *segments = job->segments;
    uint32_t n_heads = job->pass == PASS_KEYS_BACK ? job->form->n_heads_kv : job->form->n_heads;
    uint32_t before = 0, task = atomic_fetch_add(&job->cpu->next, 1);
    (void)n_workers;
    for (uint32_t s = 0; s < segments->n; s++) {
        const weir_segment *segment = &segments->item[s];
        uint32_t n_tiles = (segment->n_rows + WEIR_ATTEND_LANES - 1) / WEIR_ATTEND_LANES;
        uint32_t n_tasks = n_tiles * n_heads;
        for (; task < before + n_tasks; task = atomic_fetch_add(&job->cpu->next, 1)) {
            uint32_t tile = (task - before) / n_heads;
            if (job->pass != PASS_KEYS_BACK)
                tile = n_tiles - 1 - tile;
            attend_tile(job, segment, (task - before) % n_heads, tile * WEIR_ATTEND_LANES,
                        job->cpu->attend[worker]);
        }
        before += n_tasks;
    }
}

static void run_attention(const attention *job) {
    atomic_store(&job->cpu->next, 0);
    attention copy = *job;
    size_t n_values = (size_t)job->segments->n_rows * job->form->n_heads * job->form->head_dim;
    weir_train_cpu_run(job->cpu, n_values, attend_tiles, &copy);
}

static void attend(weir_trainer_device *dev, const weir_segments *segments,
                   const weir_attention_form *form, const float *q, const float *k, const float *v,
                   float *y, float *lse) {
    assert(form->head_dim <= WEIR_MAX_HEAD_DIM);
    attention job = {.cpu = weir_train_cpu_of(dev),
                     .segments = segments,
                     .form = form,
                     .q = q,
                     .k = k,
                     .v = v,
                     .out = y,
                     .lse = lse,
                     .pass = PASS_FORWARD};
    run_attention(&job);
}

static void attend_back(weir_trainer_device *dev, const weir_segments *segments,
                        const weir_attention_form *form, const float *q, const float *k,
                        const float *v, const float *y, const float *lse, const float *dy,
                        float *dq, float *dk, float *dv) {
    union {
        const float *read;
        float *kept; /* only read, here */
    } sums = {.read = lse};
    assert(form->head_dim <= WEIR_MAX_HEAD_DIM);
    attention job = {.cpu = weir_train_cpu_of(dev),
                     .segments = segments,
                     .form = form,
                     .q = q,
                     .k = k,
                     .v = v,
                     .dy = dy,
                     .y = y,
                     .out = dq,
                     .lse = sums.kept,
                     .dk = dk,
                     .dv = dv,
                     .pass = PASS_QUERIES_BACK};
    if (dq)
        run_attention(&job);
    job.pass = PASS_KEYS_BACK;
    if (dk || dv)
        run_attention(&job);
}

/* ---- short convolution -------------------------------------------------------------------- */

typedef struct convolution {
    weir_train_cpu *cpu;
    const weir_segments *segments;
    const float *bcx, *taps, *bias, *dy;
    uint32_t width, n_taps;
    float *out; /* y or dbcx */
    float *dtaps, *dbias;
} convolution;

static void convolve_rows(void *context, uint32_t worker, uint32_t n_workers) {
    const convolution *job = context;
    const weir_segments *segments = job->segments;
    size_t begin, end;
    weir_share(segments->n_rows, 1, worker, n_workers, &begin, &end);
    uint32_t s = segments->n > 0 ? segment_of(segments, begin) : 0;
    for (; s < segments->n && segments->item[s].first_row < end; s++) {
        size_t row = segments->item[s].first_row, n_rows = segments->item[s].n_rows;
        size_t first = begin > row ? begin - row : 0;
        size_t last = end - row < n_rows ? end - row : n_rows;
        if (first >= last)
            continue;
        weir_conv_part part = {
            .first = (uint32_t)first,
            .n = (uint32_t)(last - first),
            .n_rows = (uint32_t)n_rows,
            .width = job->width,
            .n_taps = job->n_taps,
            .bcx = job->bcx + row * 3 * job->width,
            .taps = job->taps,
            .bias = job->bias,
            .dy = job->dy ? job->dy + row * job->width : NULL,
            .out = job->out + row * job->width * (job->dy ? 3 : 1),
        };
        if (job->dy)
            job->cpu->kernels.short_conv_back(&part);
        else
            job->cpu->kernels.short_conv(&part);
    }
}

static void sum_taps(void *context, uint32_t worker, uint32_t n_workers) {
    const convolution *job = context;
    size_t begin, end;
    weir_share(job->width, 16, worker, n_workers, &begin, &end);
    if (begin < end)
        job->cpu->kernels.short_conv_taps(job->segments, job->bcx, job->dy, job->width, job->n_taps,
                                          (uint32_t)begin, (uint32_t)(end - begin), job->dtaps,
                                          job->dbias);
}

static void short_conv(weir_trainer_device *dev, const weir_segments *segments, const float *bcx,
                       const float *taps, const float *bias, uint32_t width, uint32_t n_taps,
                       float *y) {
    weir_train_cpu *cpu = weir_train_cpu_of(dev);
    assert(n_taps >= 1 && n_taps <= WEIR_MAX_TAPS);
    convolution job = {.cpu = cpu,
                       .segments = segments,
                       .bcx = bcx,
                       .taps = taps,
                       .bias = bias,
                       .width = width,
                       .n_taps = n_taps,
                       .out = y};
    weir_train_cpu_run(cpu, (size_t)segments->n_rows * width, convolve_rows, &job);
}

static void short_conv_back(weir_trainer_device *dev, const weir_segments *segments,
                            const float *bcx, const float *taps, const float *bias, const float *dy,
                            uint32_t width, uint32_t n_taps, float *dbcx, float *dtaps,
                            float *dbias) {
    weir_train_cpu *cpu = weir_train_cpu_of(dev);
    assert(n_taps >= 1 && n_taps <= WEIR_MAX_TAPS);
    convolution job = {.cpu = cpu,
                       .segments = segments,
                       .bcx = bcx,
                       .taps = taps,
                       .bias = bias,
                       .dy = dy,
                       .width = width,
                       .n_taps = n_taps,
                       .out = dbcx,
                       .dtaps = dtaps,
                       .dbias = dbias};
    size_t n_values = (size_t)segments->n_rows * width;
    if (dbcx)
        weir_train_cpu_run(cpu, n_values, convolve_rows, &job);
    if (dtaps || dbias)
        weir_train_cpu_run(cpu, n_values, sum_taps, &job);
}

void weir_train_cpu_fill_attention(weir_train_ops *ops) {
    ops->rope = rope;
    ops->attend = attend;
    ops->attend_back = attend_back;
    ops->short_conv = short_conv;
    ops->short_conv_back = short_conv_back;
}
