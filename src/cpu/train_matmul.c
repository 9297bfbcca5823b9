/*
 * train_matmul.c: products of matrices, many at once, on all threads.
 *
 * Owns how they are divided; what is done to a tile belongs to the kernels. B is taken part by part
 * into panels that all threads share; then tasks, some rows of one part each, are taken by whoever
 * is free, and a thread puts the rows of A into panels of its own, block of p after block of p.
 * Invariant: every element of C is one task's in a round, rounds follow each other, and blocks of p
 * lie at multiples of WEIR_PRODUCT_DEPTH: so a sum's order depends on k alone.
 */
#include "cpu/train_device.h"

#include "base/random.h"

#include <assert.h>
#include <string.h>
#include <time.h>

enum {
    TASKS_EACH = 6, /* tasks per thread, so that the last ones end together */
    PACK_PANELS = 4 /* panels of B that one thread packs together: longer pieces of B's rows */
};

typedef struct round_job {
    weir_train_cpu *cpu;
    uint32_t n_parts;
    uint32_t n_packings; /* of all parts */
    bool is_alone;
} round_job;

static uint32_t least(size_t a, size_t b) {
    return (uint32_t)(a < b ? a : b);
}

static uint32_t over(uint32_t a, uint32_t b) {
    return a / b + (a % b != 0);
}

/* p of a block in panels of B. */
static size_t padded(const weir_product_kernels *k, uint32_t depth) {
    return (size_t)over(depth, k->depth_unit) * k->depth_unit;
}

static size_t part_bytes(const weir_product_kernels *k, uint32_t n_cols, uint32_t depth) {
    return (size_t)over(n_cols, k->tile_cols) * k->tile_cols * padded(k, depth) * k->value_bytes;
}

/* Packing i of a part: a few panels of one block of p. */
static uint32_t count_packings(const weir_product_part *part) {
    return over(part->n_panels, PACK_PANELS) * over(part->depth, WEIR_PRODUCT_DEPTH);
}

static void pack_panels(const weir_train_cpu *cpu, const weir_product_part *part, uint32_t i) {
    const weir_product_kernels *k = &cpu->kernels.product;
    uint32_t n_groups = over(part->n_panels, PACK_PANELS);
    uint32_t p = i / n_groups * WEIR_PRODUCT_DEPTH, panel = i % n_groups * PACK_PANELS;
    uint32_t depth = least(part->depth - p, WEIR_PRODUCT_DEPTH), col = panel * k->tile_cols;
    size_t before = (size_t)part->n_panels * part_bytes(k, k->tile_cols, p);
    k->pack_b(part->product, part->col + col,
              least(part->n_cols - col, (size_t)PACK_PANELS * k->tile_cols), part->at + p, depth,
              cpu->b + part->b_at + before + panel * part_bytes(k, k->tile_cols, depth));
}

/* Panels begin .. end of count, as the i-th of n nearly equal shares. */
static void even_share(uint32_t count, uint32_t i, uint32_t n, uint32_t *begin, uint32_t *end) {
    *begin = (uint32_t)((uint64_t)count * i / n);
    *end = (uint32_t)((uint64_t)count * (i + 1) / n);
}

static void run_task(const weir_train_cpu *cpu, const weir_product_part *part, uint32_t task,
                     uint8_t *a) {
    const weir_product_kernels *k = &cpu->kernels.product;
    const weir_matmul *product = part->product;
    uint32_t begin, end;
    even_share(over(product->m, k->tile_rows), task % part->n_row_tasks, part->n_row_tasks, &begin,
               &end);
    uint32_t row = begin * k->tile_rows, n_rows = least(product->m, end * k->tile_rows) - row;
    even_share(part->n_panels, task / part->n_row_tasks, part->n_col_tasks, &begin, &end);
    uint32_t col = begin * k->tile_cols, n_cols = least(part->n_cols, end * k->tile_cols) - col;
    const uint8_t *b = cpu->b + part->b_at;
    for (uint32_t p = 0; p < part->depth; p += WEIR_PRODUCT_DEPTH) {
        uint32_t depth = least(part->depth - p, WEIR_PRODUCT_DEPTH), at = part->at + p;
        size_t panel_bytes = part_bytes(k, k->tile_cols, depth);
        k->pack_a(product, row, n_rows, at, depth, a);
        k->multiply(product, a, b + begin * panel_bytes, row, n_rows, part->col + col, n_cols,
                    depth, product->is_added || at > 0);
        b += panel_bytes * part->n_panels;
    }
}

static void run_round(void *context, uint32_t worker, uint32_t n_workers) {
    const round_job *job = context;
    weir_train_cpu *cpu = job->cpu;
    const weir_product_kernels *k = &cpu->kernels.product;
    uint32_t packing, last, first = 0;
    even_share(job->n_packings, worker, n_workers, &packing, &last);
    for (uint32_t i = 0; i < job->n_parts && first < last; i++) {
        const weir_product_part *part = &cpu->parts[i];
        for (; packing < last && packing < first + count_packings(part); packing++)
            pack_panels(cpu, part, packing - first);
        first += count_packings(part);
    }
    if (!job->is_alone)
        weir_workers_barrier(cpu->dev.workers, worker);
    if (k->begin)
        k->begin();
    first = 0;
    uint32_t task = atomic_fetch_add(&cpu->next, 1);
    for (uint32_t i = 0; i < job->n_parts; i++) {
        const weir_product_part *part = &cpu->parts[i];
        uint32_t n_tasks = part->n_row_tasks * part->n_col_tasks;
        for (; task < first + n_tasks; task = atomic_fetch_add(&cpu->next, 1))
            run_task(cpu, part, task - first, cpu->a[worker]);
        first += n_tasks;
    }
    if (k->end)
        k->end();
}

/* Divides the parts into tasks: rows that fit a thread's panels, and enough tasks for all. */
static void divide_parts(weir_train_cpu *cpu, uint32_t n_parts, uint32_t n_threads) {
    const weir_product_kernels *k = &cpu->kernels.product;
    double work = 0;
    for (uint32_t i = 0; i < n_parts; i++)
        work += (double)cpu->parts[i].product->m * cpu->parts[i].n_cols * cpu->parts[i].depth;
    for (uint32_t i = 0; i < n_parts; i++) {
        weir_product_part *part = &cpu->parts[i];
        uint32_t m = part->product->m, n_row_panels = over(m, k->tile_rows);
        double share = (double)m * part->n_cols * part->depth / work;
        uint32_t n_wanted = n_threads == 1 ? 1 : (uint32_t)(share * n_threads * TASKS_EACH) + 1;
        uint32_t n_rows = over(n_row_panels, WEIR_PRODUCT_ROWS / k->tile_rows);
        /* Fewer rows than this and B is read too often for what is done with it. */
        uint32_t n_most = over(m, 32);
        if (n_rows < n_wanted)
            n_rows = least(n_wanted, n_most < n_row_panels ? n_most : n_row_panels);
        part->n_row_tasks = n_rows;
        part->n_col_tasks = least(over(n_wanted, n_rows), part->n_panels);
    }
}

static void run_parts(weir_train_cpu *cpu, uint32_t n_parts) {
    round_job job = {.cpu = cpu, .n_parts = n_parts};
    double work = 0;
    for (uint32_t i = 0; i < n_parts; i++) {
        const weir_product_part *part = &cpu->parts[i];
        job.n_packings += count_packings(part);
        work += (double)part->product->m * part->n_cols * part->depth;
    }
    /* A few microseconds of work are not worth waking anyone. */
    job.is_alone = work < 65536 || cpu->dev.n_threads == 1;
    divide_parts(cpu, n_parts, job.is_alone ? 1 : cpu->dev.n_threads);
    atomic_store(&cpu->next, 0);
    if (job.is_alone)
        run_round(&job, 0, 1);
    else
        weir_workers_run(cpu->dev.workers, run_round, &job);
}

/* k = 0: a sum of nothing. */
static void clear_product(const weir_matmul *product) {
    for (uint32_t i = 0; i < product->m && !product->is_added; i++)
        memset(product->c + i * product->ldc, 0, product->n * sizeof *product->c);
}

void weir_train_cpu_matmul(weir_trainer_device *dev, const weir_matmul *products, uint32_t n) {
    weir_train_cpu *cpu = weir_train_cpu_of(dev);
    const weir_product_kernels *k = &cpu->kernels.product;
    uint32_t n_parts = 0;
    size_t used = 0;
    for (uint32_t i = 0; i < n; i++) {
        const weir_matmul *product = &products[i];
        if (product->m == 0 || product->n == 0)
            continue;
        if (product->k == 0)
            clear_product(product);
        for (uint32_t at = 0; at < product->k; at += WEIR_PRODUCT_LENGTH) {
            uint32_t depth = least(product->k - at, WEIR_PRODUCT_LENGTH);
            size_t panel_bytes = part_bytes(k, k->tile_cols, depth);
            uint32_t n_most = (uint32_t)(WEIR_PRODUCT_BYTES / panel_bytes) * k->tile_cols;
            for (uint32_t col = 0; col < product->n; col += n_most) {
                uint32_t n_cols = least(product->n - col, n_most);
                size_t bytes = part_bytes(k, n_cols, depth);
                /* The same elements of C twice in one round would be two tasks' at once. */
                if (n_parts == WEIR_PRODUCT_PARTS || used + bytes > WEIR_PRODUCT_BYTES ||
                    (at > 0 && col == 0 && n_parts > 0)) {
                    run_parts(cpu, n_parts);
                    n_parts = 0;
                    used = 0;
                }
                cpu->parts[n_parts++] = (weir_product_part){.product = product,
                                                            .col = col,
                                                            .n_cols = n_cols,
                                                            .at = at,
                                                            .depth = depth,
                                                            .n_panels = over(n_cols, k->tile_cols),
                                                            .b_at = used};
                used += bytes;
            }
        }
    }
    if (n_parts > 0)
        run_parts(cpu, n_parts);
}

/* ---- peak --------------------------------------------------------------------------------- */

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct peak_job {
    weir_train_cpu *cpu;
    const weir_matmul *product; /* c: each thread has its own */
    uint32_t n_times;
} peak_job;

/* Tiles whose panels stay in the nearest caches: nothing but the arithmetic is waited for. */
static void run_peak(void *context, uint32_t worker, uint32_t n_workers) {
    const peak_job *job = context;
    const weir_product_kernels *k = &job->cpu->kernels.product;
    weir_matmul product = *job->product;
    (void)n_workers;
    product.c = job->cpu->attend[worker];
    if (k->begin)
        k->begin();
    for (uint32_t i = 0; i < job->n_times; i++)
        k->multiply(&product, job->cpu->a[worker], job->cpu->b, 0, product.m, 0, product.n,
                    product.k, false);
    if (k->end)
        k->end();
}

double weir_train_cpu_peak(weir_trainer_device *dev) {
    weir_train_cpu *cpu = weir_train_cpu_of(dev);
    const weir_product_kernels *k = &cpu->kernels.product;
    weir_matmul product = {.m = k->tile_rows * 4, .n = k->tile_cols, .k = WEIR_PRODUCT_DEPTH};
    product.lda = product.ldb = product.k;
    product.ldc = product.n;
    product.b_is_transposed = true;
    /* Panels from ordinary numbers (units that multiply zeros draw less power and run faster than
     * any real product), which lie behind the panels. */
    uint32_t n_numbers = (product.m > product.n ? product.m : product.n) * product.k;
    float *numbers = (float *)(void *)(cpu->b + WEIR_PRODUCT_BYTES / 2);
    assert(n_numbers * sizeof *numbers <= WEIR_PRODUCT_BYTES / 2);
    for (uint32_t i = 0; i < n_numbers; i++)
        numbers[i] = (float)(weir_uniform(weir_mix64(1, 2, i)) - 0.5);
    product.a = product.b = numbers;
    k->pack_b(&product, 0, product.n, 0, product.k, cpu->b);
    for (uint32_t i = 0; i < cpu->dev.n_threads; i++)
        k->pack_a(&product, 0, product.m, 0, product.k, cpu->a[i]);
    double flops = 2.0 * product.m * product.n * product.k * cpu->dev.n_threads, best = 0;
    double end = seconds() + 0.2;
    peak_job job = {.cpu = cpu, .product = &product, .n_times = 16};
    for (double now = seconds(); now < end;) {
        weir_workers_run(cpu->dev.workers, run_peak, &job);
        double after = seconds(), took = after - now;
        if (took > 0 && flops * job.n_times / took > best)
            best = flops * job.n_times / took;
        /* About 10 ms a run: starting the threads is then no part of it. */
        if (took < 0.01)
            job.n_times *= 2;
        now = after;
    }
    return best;
}
