/*
 * gpu_bench_stage.c: the fused stages of decoding one to eight rows, in the shapes of the 24B
 * model. Their floor is that of their weights: what they fuse costs no bytes.
 */
#include "gpu_bench.h"

#include <math.h>

enum { MOST_ROWS = WEIR_CUDA_STAGE_ROWS, EXPERTS = 64 };
enum { AT_COUNT, AT_X, AT_NORM, AT_Y, AT_LOGITS, AT_EXPERTS, AT_WEIGHTS };

/* Copies of the matrices together are larger than any second cache there is. */
static const double uncached_bytes = 256e6;

/* n_parts matrices a copy (gate and up), n_turns copies. */
static int take_weights(weir_gpu_job *job, weir_gpu_pool *pool, uint32_t n_parts,
                        weir_cuda_matrix *w) {
    const weir_gpu_case *c = job->c;
    size_t n_rows = (size_t)c->n_out * c->n_mats * n_parts;
    *w = (weir_cuda_matrix){.rows = c->n_out, .cols = c->n_in};
    job->n_turns = 0;
    do {
        const uint8_t *data =
            weir_gpu_take_matrix(pool, c->format, n_rows, c->n_in, &w->format, &w->row_bytes);
        if (!data)
            break;
        job->w[job->n_turns++] = data;
    } while (job->n_turns < WEIR_GPU_COPIES && !weir_gpu_is_dry() &&
             job->n_turns * (double)(n_rows * w->row_bytes) < uncached_bytes);
    w->stack_bytes = c->n_out * w->row_bytes;
    double n_read =
        c->n_mats == 1 ? 1 : c->n_mats * (1 - pow(1 - (double)c->n_used / c->n_mats, c->n_rows));
    job->bytes = n_read * n_parts * c->n_out * (double)w->row_bytes;
    job->flop =
        2.0 * c->n_rows * (c->n_mats == 1 ? 1 : c->n_used) * n_parts * c->n_out * (double)c->n_in;
    return job->n_turns > 0 ? 0 : WEIR_CUDA_NO_MEMORY;
}

static float *take(weir_gpu_job *job, weir_gpu_pool *pool, int at, size_t n) {
    float *p = weir_gpu_take_floats(pool, n);
    job->p[at] = p;
    return p;
}

/* The number of rows, numbers in and out, and choices that fit any of the stages. */
static int take_rows(weir_gpu_job *job, weir_gpu_pool *pool) {
    const weir_gpu_case *c = job->c;
    int code = 0;
    size_t n_each = c->n_used > 0 ? c->n_used : 1;
    int32_t experts[MOST_ROWS * WEIR_CUDA_STAGE_USED] = {0};
    for (uint32_t i = 0; i < c->n_rows * c->n_used; i++)
        experts[i] = (int32_t)(i % c->n_used * (c->n_mats / c->n_used) +
                               i / c->n_used * 5 % (c->n_mats / c->n_used));
    job->p[AT_COUNT] = weir_gpu_take_copy(pool, &c->n_rows, sizeof c->n_rows, &code);
    if (code == 0)
        job->p[AT_EXPERTS] = weir_gpu_take_copy(pool, experts, sizeof experts, &code);
    bool has_room = job->p[AT_COUNT] && job->p[AT_EXPERTS] &&
                    take(job, pool, AT_X, MOST_ROWS * n_each * c->n_in) &&
                    take(job, pool, AT_NORM, c->n_in) &&
                    take(job, pool, AT_Y, MOST_ROWS * n_each * c->n_out) &&
                    take(job, pool, AT_LOGITS, (size_t)MOST_ROWS * EXPERTS) &&
                    take(job, pool, AT_WEIGHTS, MOST_ROWS * n_each);
    return code != 0 ? code : has_room ? 0 : WEIR_CUDA_NO_MEMORY;
}

static weir_cuda_normed normed(const weir_gpu_job *job) {
    return (weir_cuda_normed){.n_rows = job->p[AT_COUNT],
                              .x = job->p[AT_X],
                              .weight = job->p[AT_NORM],
                              .eps = 1e-5f,
                              .width = job->c->n_in};
}

/* bfloat16 in and out lie where float32 of as many rows would: halves of random float32 are finite
 * numbers mostly, and what is not finite costs the same. */
static int open_one(weir_gpu_job *job, weir_gpu_pool *pool) {
    int code = take_weights(job, pool, 1, &job->op.stage);
    return code != 0 ? code : take_rows(job, pool);
}

static int open_two(weir_gpu_job *job, weir_gpu_pool *pool) {
    int code = take_weights(job, pool, 2, &job->op.stage);
    return code != 0 ? code : take_rows(job, pool);
}

static weir_cuda_matrix matrix(const weir_gpu_job *job, uint32_t turn, uint32_t part) {
    weir_cuda_matrix w = job->op.stage;
    w.data = job->w[turn] + part * job->c->n_mats * w.stack_bytes;
    return w;
}

static void run_linear(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    weir_cuda_stage_linear op = {
        .in = normed(job), .n_w = 1, .w = {matrix(job, turn, 0)}, .y = {job->p[AT_Y]}};
    weir_cuda_run_stage_linear(stream, &op);
}

static void run_out(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    weir_cuda_stage_out op = {.n_rows = job->p[AT_COUNT],
                              .x_f32 = job->p[AT_X],
                              .w = matrix(job, turn, 0),
                              .y = job->p[AT_Y]};
    weir_cuda_run_stage_out(stream, &op);
}

static void run_gate_up(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    weir_cuda_stage_gate_up op = {.in = normed(job),
                                  .gate = matrix(job, turn, 0),
                                  .up = matrix(job, turn, 1),
                                  .y = job->p[AT_Y]};
    weir_cuda_run_stage_gate_up(stream, &op);
}

static void run_experts(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    weir_cuda_stage_experts op = {.n_rows = job->p[AT_COUNT],
                                  .most_rows = job->c->n_rows,
                                  .route = {.logits = job->p[AT_LOGITS],
                                            .n_experts = job->c->n_mats,
                                            .n_used = job->c->n_used,
                                            .has_topk_norm = 1,
                                            .expert_scale = 1,
                                            .experts = job->p[AT_EXPERTS],
                                            .weights = job->p[AT_WEIGHTS]},
                                  .x = job->p[AT_X],
                                  .gate = matrix(job, turn, 0),
                                  .up = matrix(job, turn, 1),
                                  .y = job->p[AT_Y]};
    weir_cuda_run_stage_experts(stream, &op);
}

static void run_experts_out(void *context, weir_cuda_stream *stream, uint32_t turn) {
    const weir_gpu_job *job = context;
    weir_cuda_stage_experts_out op = {.n_rows = job->p[AT_COUNT],
                                      .most_rows = job->c->n_rows,
                                      .n_used = job->c->n_used,
                                      .experts = job->p[AT_EXPERTS],
                                      .weights = job->p[AT_WEIGHTS],
                                      .x = job->p[AT_X],
                                      .w = matrix(job, turn, 0),
                                      .y = job->p[AT_Y]};
    weir_cuda_run_stage_experts_out(stream, &op);
}

#define EACH(part, rows, cols, mats, used)                     \
    {part, "bf16", rows, cols, mats, used, 1, 0, false},       \
        {part, "q4_0", rows, cols, mats, used, 1, 0, false},   \
        {part, "q8_0", rows, cols, mats, used, 1, 0, false},   \
        {part, "bf16", rows, cols, mats, used, 8, 0, false},   \
        {part, "q4_0", rows, cols, mats, used, 8, 0, false}, { \
        part, "q4_k", rows, cols, mats, used, 1, 0, false      \
    }

static const weir_gpu_case linear_cases[] = {EACH("head", 65536, 2048, 1, 0)};
static const weir_gpu_case out_cases[] = {EACH("out", 2048, 2048, 1, 0)};
static const weir_gpu_case gate_up_cases[] = {EACH("ffn_gate_up", 11776, 2048, 1, 0)};
static const weir_gpu_case experts_cases[] = {EACH("experts_gate_up", 1536, 2048, 64, 4)};
static const weir_gpu_case down_cases[] = {EACH("experts_down", 2048, 1536, 64, 4)};
static const weir_gpu_case dry_cases[] = {{"matrix", "q4_0", 64, 256, 1, 0, 2, 0, false}};
static const weir_gpu_case dry_experts[] = {{"experts", "q4_0", 64, 256, 8, 4, 2, 0, false}};

const weir_gpu_kernel weir_gpu_stage_kernels[] = {
    {"stage_experts", open_two, run_experts, WEIR_GPU_CASES(experts_cases, dry_experts)},
    {"stage_experts_out", open_one, run_experts_out, WEIR_GPU_CASES(down_cases, dry_experts)},
    {"stage_linear", open_one, run_linear, WEIR_GPU_CASES(linear_cases, dry_cases)},
    {"stage_out", open_one, run_out, WEIR_GPU_CASES(out_cases, dry_cases)},
    {"stage_gate_up", open_two, run_gate_up, WEIR_GPU_CASES(gate_up_cases, dry_cases)},
};
const size_t weir_gpu_n_stage_kernels =
    sizeof weir_gpu_stage_kernels / sizeof *weir_gpu_stage_kernels;
