/*
 * test_cuda_stages.cpp: the stages of low-batch decode against the ops they are made of, bit for
 * bit: formats of every way to read weights, one row to eight, widths of one range of columns and
 * of more than the warps of a block. On the emulator everything that earlier launches wrote is
 * hidden from a block until it waits for them.
 */
#include "cuda/decode_stage_cuda.h"
#include "cuda/gemm_cuda.h"
#include "cuda_test.h"
#ifdef WEIR_CUDA_EMULATED
#include "cuda/cuda_pdl.cuh"
#endif
extern "C" {
#include "quant/format.h"
}

enum { MOST = WEIR_CUDA_STAGE_ROWS };

static char name[96];

/* ---- what earlier launches wrote ----------------------------------------------------------- */

#ifdef WEIR_CUDA_EMULATED
struct hidden : weir_emulator::PdlWatch {
    struct piece {
        unsigned char *p;
        std::vector<unsigned char> kept;
    };
    std::vector<piece> pieces;

    hidden() {
        weir_emulator::pdl_watch = this;
    }
    ~hidden() {
        weir_emulator::pdl_watch = nullptr;
        check(!is_hidden, "the last block never waited", name);
    }
    template <class T> void add(gpu_buffer<T> &b) {
        pieces.push_back({(unsigned char *)b.p, std::vector<unsigned char>(b.n * sizeof(T))});
    }
    void hide() override {
        for (piece &h : pieces) {
            memcpy(h.kept.data(), h.p, h.kept.size());
            memset(h.p, 0xff, h.kept.size());
        }
    }
    void show() override {
        for (piece &h : pieces)
            memcpy(h.p, h.kept.data(), h.kept.size());
    }
};
#else
struct hidden {
    template <class T> void add(gpu_buffer<T> &) {
    }
};
#endif

/* ---- operands ------------------------------------------------------------------------------ */

/* A stack of matrices, rows padded as cuda_weights.c does it. */
struct weights {
    weir_cuda_matrix m;
    gpu_buffer<uint8_t> bytes;

    static size_t pitch(const weir_format *f, uint32_t cols) {
        return (weir_format_row_bytes(f, cols) + 15) / 16 * 16;
    }
    weights(const weir_format *f, uint32_t rows, uint32_t cols, uint32_t n_stack)
        : m(), bytes(n_stack * rows * pitch(f, cols)) {
        gpu_buffer<float> v(cols);
        m.data = bytes.p;
        m.format = f->id;
        m.rows = rows;
        m.cols = cols;
        m.row_bytes = pitch(f, cols);
        m.stack_bytes = rows * m.row_bytes;
        for (uint32_t r = 0; r < n_stack * rows; r++) {
            test_fill(v);
            f->quantize(v.p, nullptr, bytes.p + r * m.row_bytes, cols);
        }
    }
};

/* Rows of a residual stream and their norm. */
struct stream {
    gpu_buffer<uint32_t> n_rows;
    gpu_buffer<float> x, weight, normed;
    weir_cuda_normed in;

    stream(uint32_t n, uint32_t width)
        : n_rows(1), x((size_t)MOST * width), weight(width), normed((size_t)n * width), in() {
        n_rows[0] = n;
        test_fill(x);
        test_fill(weight);
        in = {n_rows.p, x.p, nullptr, weight.p, 1e-5f, width};
        weir_cuda_run_rms_norm(nullptr, x.p, weight.p, n, width, in.eps, normed.p);
    }
};

static void gemm(const weir_cuda_matrix &w, const float *bias, const float *x, float *y, uint32_t n,
                 const int32_t *choice, uint32_t n_choices, uint32_t x_repeat) {
    gpu_buffer<uint8_t> scratch(weir_cuda_gemm_scratch(n, w.cols, n_choices) + 256);
    weir_cuda_linear op = {w, bias, x, y, choice, n, n_choices, x_repeat};
    weir_cuda_run_gemm(nullptr, &op, (void *)(((uintptr_t)scratch.p + 255) / 256 * 256), 0);
    finish();
}

static uint16_t rounded(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static bool same_rounded(const uint16_t *got, const float *want, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (got[i] != rounded(want[i]))
            return false;
    return true;
}

static void name_case(const weir_format *f, uint32_t rows, uint32_t cols, uint32_t n) {
    snprintf(name, sizeof name, "%s %ux%u rows %u", f->name, rows, cols, n);
}

/* ---- stages -------------------------------------------------------------------------------- */

static void test_linear(const weir_format *f, const weir_format *other, uint32_t width,
                        uint32_t n) {
    static const uint32_t rows[3] = {40, 19, 16};
    name_case(f, rows[0], width, n);
    stream s(n, width);
    weights a(f, rows[0], width, 1), b(other, rows[1], width, 1), c(f, rows[2], width, 1);
    weights *const all[3] = {&a, &b, &c};
    gpu_buffer<float> ya((size_t)n * rows[0]), yb((size_t)n * rows[1]), yc((size_t)n * rows[2]);
    gpu_buffer<float> *const y[3] = {&ya, &yb, &yc};
    gpu_buffer<int32_t> which(n);
    gpu_buffer<float> x((size_t)n * width), normed((size_t)n * width);
    for (uint32_t r = 0; r < n; r++) {
        which[r] = (int32_t)(MOST - 1 - r);
        memcpy(x.p + (size_t)r * width, s.x.p + (size_t)which[r] * width, width * sizeof(float));
    }
    weir_cuda_run_rms_norm(nullptr, x.p, s.weight.p, n, width, s.in.eps, normed.p);
    for (int is_gathered = 0; is_gathered < 2; is_gathered++) {
        weir_cuda_stage_linear op = {s.in, 3, {a.m, b.m, c.m}, {ya.p, yb.p, yc.p}};
        if (is_gathered)
            op.in.which = which.p;
        {
            hidden h;
            h.add(s.x), h.add(s.n_rows), h.add(which);
            weir_cuda_run_stage_linear(nullptr, &op);
            finish();
        }
        for (int i = 0; i < 3; i++) {
            gpu_buffer<float> want((size_t)n * rows[i]);
            gemm(all[i]->m, nullptr, is_gathered ? normed.p : s.normed.p, want.p, n, nullptr, 1, 1);
            check(same_bits(y[i]->p, want.p, want.n), "linear", name);
            y[i]->poison();
        }
    }
}

/* A matrix of so many rows that a block takes several tiles. */
static void test_head(const weir_format *f, uint32_t n) {
    enum { ROWS = 32900, WIDTH = 64 };
    name_case(f, ROWS, WIDTH, n);
    stream s(n, WIDTH);
    weights w(f, ROWS, WIDTH, 1);
    gpu_buffer<float> y((size_t)n * ROWS), want((size_t)n * ROWS);
    weir_cuda_stage_linear op = {s.in, 1, {w.m}, {y.p}};
    weir_cuda_run_stage_linear(nullptr, &op);
    finish();
    gemm(w.m, nullptr, s.normed.p, want.p, n, nullptr, 1, 1);
    check(same_bits(y.p, want.p, want.n), "head", name);
}

/* Chunks of 1, 2, 3 and 2 rows, as far as there are rows; with and without a state, the states of
 * all rows kept or only the last. */
static uint32_t make_chunks(weir_cuda_rows *chunks, uint32_t *of_row, uint32_t *kept, uint32_t n) {
    static const uint32_t sizes[] = {1, 2, 3, 2};
    uint32_t n_chunks = 0, n_kept = 0, row = 0;
    for (; row < n; n_chunks++) {
        weir_cuda_rows *c = &chunks[n_chunks];
        *c = {};
        c->first_row = row;
        c->n_rows = n - row < sizes[n_chunks] ? n - row : sizes[n_chunks];
        c->state_in = n_chunks == 1 ? UINT32_MAX : n_chunks;
        c->state_out = 4 + n_chunks;
        c->kept_at = n_kept;
        c->n_kept = n_chunks == 1 ? 0 : c->n_rows - 1;
        for (uint32_t i = 0; i < c->n_kept; i++, n_kept++)
            kept[n_kept] = 8 + n_kept;
        for (uint32_t i = 0; i < c->n_rows; i++)
            of_row[row++] = n_chunks;
    }
    return n_chunks;
}

static void test_conv(const weir_format *f, uint32_t d, uint32_t l_cache, uint32_t n,
                      bool has_bias) {
    enum { STATES = 12 };
    name_case(f, 3 * d, d, n);
    stream s(n, d);
    weights w(f, 3 * d, d, 1);
    size_t stride = (size_t)d * (l_cache - 1);
    gpu_buffer<float> in_bias((size_t)3 * d), bias(d), taps((size_t)d * l_cache),
        states(STATES * stride), want_states(STATES * stride), bcx((size_t)n * 3 * d),
        want((size_t)n * d);
    gpu_buffer<uint16_t> y((size_t)n * d);
    gpu_buffer<weir_cuda_rows> chunks(4);
    gpu_buffer<uint32_t> of_row(n), kept(4);
    test_fill(in_bias), test_fill(bias), test_fill(taps), test_fill(states);
    memcpy(want_states.p, states.p, states.n * sizeof(float));
    weir_cuda_batch batch = {
        n,     make_chunks(chunks.p, of_row.p, kept.p, n), chunks.p, of_row.p, nullptr, nullptr,
        kept.p};
    const float *any_bias = has_bias ? in_bias.p : nullptr;
    gemm(w.m, any_bias, s.normed.p, bcx.p, n, nullptr, 1, 1);
    weir_cuda_conv conv = {bcx.p,   taps.p, has_bias ? bias.p : nullptr, want_states.p, stride, d,
                           l_cache, want.p};
    weir_cuda_run_short_conv(nullptr, &batch, &conv);
    finish();
    weir_cuda_stage_conv op = {s.in, w.m, any_bias, batch, conv, y.p};
    op.conv.bcx = nullptr;
    op.conv.states = states.p;
    op.batch.n_rows = MOST;
    {
        hidden h;
        h.add(s.x), h.add(s.n_rows), h.add(states), h.add(chunks), h.add(of_row), h.add(kept);
        weir_cuda_run_stage_conv(nullptr, &op);
        finish();
    }
    check(same_rounded(y.p, want.p, want.n), "conv", name);
    check(same_bits(states.p, want_states.p, states.n), "conv states", name);
}

static void test_out(const weir_format *f, uint32_t cols, uint32_t n, bool is_f32) {
    enum { ROWS = 40 };
    name_case(f, ROWS, cols, n);
    weights w(f, ROWS, cols, 1);
    gpu_buffer<uint32_t> n_rows(1);
    gpu_buffer<float> x((size_t)n * cols), y((size_t)MOST * ROWS), want((size_t)n * ROWS),
        bias(ROWS), parts((size_t)n * ROWS);
    gpu_buffer<uint16_t> x16((size_t)n * cols);
    n_rows[0] = n;
    test_fill(x), test_fill(y), test_fill(bias);
    for (size_t i = 0; i < x.n; i++)
        x16[i] = rounded(x[i]);
    gpu_buffer<float> before(y.n);
    memcpy(before.p, y.p, y.n * sizeof(float));
    memcpy(want.p, y.p, want.n * sizeof(float));
    const float *any_bias = is_f32 ? bias.p : nullptr;
    gemm(w.m, any_bias, x.p, parts.p, n, nullptr, 1, 1);
    weir_cuda_run_add(nullptr, want.p, parts.p, nullptr, n, 1, ROWS);
    finish();
    weir_cuda_stage_out op = {
        n_rows.p, is_f32 ? nullptr : x16.p, is_f32 ? x.p : nullptr, w.m, any_bias, y.p};
    {
        hidden h;
        h.add(n_rows), h.add(x), h.add(x16), h.add(y);
        weir_cuda_run_stage_out(nullptr, &op);
        finish();
    }
    check(same_bits(y.p, want.p, want.n), "out", name);
    check(same_bits(y.p + want.n, before.p + want.n, y.n - want.n), "rows beyond the last", name);
}

static void test_gate_up(const weir_format *f, uint32_t width, uint32_t n) {
    enum { ROWS = 40 };
    name_case(f, ROWS, width, n);
    stream s(n, width);
    weights gate(f, ROWS, width, 1), up(f, ROWS, width, 1);
    gpu_buffer<uint16_t> y((size_t)n * ROWS);
    gpu_buffer<float> g((size_t)n * ROWS), u((size_t)n * ROWS), want((size_t)n * ROWS);
    gemm(gate.m, nullptr, s.normed.p, g.p, n, nullptr, 1, 1);
    gemm(up.m, nullptr, s.normed.p, u.p, n, nullptr, 1, 1);
    weir_cuda_run_silu_mul(nullptr, g.p, u.p, g.n, want.p);
    finish();
    weir_cuda_stage_gate_up op = {s.in, gate.m, up.m, y.p};
    {
        hidden h;
        h.add(s.x), h.add(s.n_rows);
        weir_cuda_run_stage_gate_up(nullptr, &op);
        finish();
    }
    check(same_rounded(y.p, want.p, want.n), "gate_up", name);
}

/* A feed-forward with experts, all three stages. */
static void test_experts(const weir_format *f, const weir_format *of_router, uint32_t width,
                         uint32_t ff, uint32_t n, uint32_t n_experts, uint32_t n_used) {
    name_case(f, ff, width, n);
    uint32_t n_pairs = n * n_used;
    stream s(n, width);
    weights router(of_router, n_experts, width, 1), gate(f, ff, width, n_experts),
        up(f, ff, width, n_experts), down(f, width, ff, n_experts);
    gpu_buffer<float> bias(n_experts), logits((size_t)n * n_experts),
        want_logits((size_t)n * n_experts), chosen(n_pairs), want_chosen(n_pairs),
        g((size_t)n_pairs * ff), u((size_t)n_pairs * ff), h((size_t)n_pairs * ff),
        parts((size_t)n_pairs * width), want((size_t)n * width);
    gpu_buffer<int32_t> experts(n_pairs), want_experts(n_pairs);
    gpu_buffer<uint16_t> normed((size_t)n * width), h16((size_t)n_pairs * ff);
    test_fill(bias);
    memcpy(want.p, s.x.p, want.n * sizeof(float));

    weir_cuda_linear linear = {router.m, nullptr, s.normed.p, want_logits.p, nullptr, n, 1, 1};
    weir_cuda_run_linear(nullptr, &linear);
    weir_cuda_route route = {want_logits.p,  bias.p,       n, n_experts, n_used, 1, 1.5f,
                             want_experts.p, want_chosen.p};
    weir_cuda_run_route(nullptr, &route);
    finish();
    gemm(gate.m, nullptr, s.normed.p, g.p, n_pairs, want_experts.p, n_experts, n_used);
    gemm(up.m, nullptr, s.normed.p, u.p, n_pairs, want_experts.p, n_experts, n_used);
    weir_cuda_run_silu_mul(nullptr, g.p, u.p, g.n, h.p);
    finish();
    gemm(down.m, nullptr, h.p, parts.p, n_pairs, want_experts.p, n_experts, 1);
    weir_cuda_run_add(nullptr, want.p, parts.p, want_chosen.p, n, n_used, width);
    finish();

    weir_cuda_stage_router first = {s.in, router.m, logits.p, normed.p};
    weir_cuda_stage_experts second = {s.n_rows.p, MOST, route, normed.p, gate.m, up.m, h16.p};
    second.route.logits = logits.p;
    second.route.experts = experts.p;
    second.route.weights = chosen.p;
    weir_cuda_stage_experts_out third = {s.n_rows.p, MOST,  n_used, experts.p,
                                         chosen.p,   h16.p, down.m, s.x.p};
    {
        hidden all;
        all.add(s.x), all.add(s.n_rows), all.add(logits), all.add(normed);
        all.add(experts), all.add(chosen), all.add(h16);
        weir_cuda_run_stage_router(nullptr, &first);
        weir_cuda_run_stage_experts(nullptr, &second);
        weir_cuda_run_stage_experts_out(nullptr, &third);
        finish();
    }
    check(same_bits(logits.p, want_logits.p, logits.n), "router", name);
    check(same_rounded(normed.p, s.normed.p, normed.n), "normed rows", name);
    check(memcmp(experts.p, want_experts.p, n_pairs * sizeof(int32_t)) == 0, "experts", name);
    check(same_bits(chosen.p, want_chosen.p, n_pairs), "weights of experts", name);
    check(same_rounded(h16.p, h.p, h.n), "gate_up of experts", name);
    check(same_bits(s.x.p, want.p, want.n), "down of experts", name);
}

/* ---- all ----------------------------------------------------------------------------------- */

static void test_format(const weir_format *f, const weir_format *other) {
    uint32_t k = f->block_values == 256 || other->block_values == 256 ? 256 : 96;
    for (uint32_t n = 1; n <= MOST; n += n < 3 ? 1 : 5)
        test_linear(f, other, k, n);
    test_linear(f, other, 768, 5);
    test_conv(f, k, 3, 8, true);
    test_conv(f, 768, 4, 2, false);
    test_out(f, 2304, 3, true);
    test_out(f, k, 8, false);
    test_gate_up(f, k, 7);
    test_experts(f, other, k, k, 8, 5, 2);
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    static const char *const names[] = {"q4_0", "q8_0", "q4_k", "q6_k", "bf16", "f32"};
    enum { N = sizeof names / sizeof names[0] };
    for (int i = 0; i < N; i++)
        test_format(weir_format_by_name(names[i]), weir_format_by_name(names[(i + 2) % N]));
    test_head(weir_format_by_name("q4_0"), 3);
    test_gate_up(weir_format_by_name("q8_0"), 2304, 2);
    test_experts(weir_format_by_name("q8_0"), weir_format_by_name("f32"), 544, 64, 8, 64, 8);
    test_experts(weir_format_by_name("q4_0"), weir_format_by_name("bf16"), 64, 544, 1, 33, 4);
    weir_cuda_matrix odd = {};
    check(weir_cuda_can_stage(&odd) == 1, "no matrix", "is fine");
    odd.data = (const uint8_t *)64, odd.cols = 42, odd.row_bytes = 96;
    check(weir_cuda_can_stage(&odd) == 0, "42 columns", "are not for stages");
    return test_end();
}
