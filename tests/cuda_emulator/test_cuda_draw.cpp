/*
 * test_cuda_draw.cpp: tokens drawn by the kernel against engine/sampler.c itself: the same token
 * for the same logits, under random settings, histories and masks; ties, forbidden tokens, what is
 * no number; histories whose last token only the device knows; logits left as they were, and to the
 * host where it has to draw; and how likely the tokens were. And what a step takes from them.
 *
 * The kernel may leave a draw to the host. Where it looks at the whole vocabulary one by one (it is
 * no larger than the list) it may not, unless the host fails as well.
 */
#include "cuda_test.h"

#include "base/random.h"
#include "base/softmax_weight.h"
#include "cuda/draw_pack.h"
extern "C" {
#include "engine/sampling.h"
}

#include <algorithm>
#include <float.h>
#include <vector>

enum { MOST_ROWS = 3, MOST_HISTORY = 600 };

static char name[96];

struct counts {
    uint32_t n_draws, n_failed, n_left, n_certain, n_ahead;
};

/* One row of a launch, and what the host makes of it. */
struct drawn_row {
    weir_sampler *sampler;
    weir_sampling options;
    weir_logit_bias bias[40];
    std::vector<float> logits;
    std::vector<int32_t> history;
    std::vector<uint32_t> mask;
    size_t n_prompt;
    weir_draw draw;
    bool is_planned, has_token;
    bool is_ahead; /* the plan lacks the last token */
    int32_t token;
};

static float any_of(const float *from, uint32_t n) {
    return from[test_below(n)];
}

/* ---- random rows --------------------------------------------------------------------------- */

static void fill_logits(drawn_row *row, uint32_t n_vocab) {
    uint32_t kind = test_below(9);
    row->logits.resize(n_vocab);
    for (float &x : row->logits) {
        x = test_normal() * 3;
        if (kind == 1 || kind == 2)
            x = floorf(x * (kind == 1 ? 1 : 0.3f)); /* ties, many and very many */
        else if (kind == 3)
            x = 1.5f; /* all the same */
        else if (kind == 4)
            x = x * 1e-3f; /* flat */
        else if (kind == 5)
            x = x * 1e36f;
        else if (kind == 6 && test_below(3) > 0)
            x = -INFINITY;
        else if (kind == 7)
            x = test_below(2) ? 0.0f : -0.0f;
        else if (kind == 8 && test_below(100) == 0)
            x = x + 25; /* a few stand out */
    }
    const float wrong[] = {NAN, INFINITY};
    if (test_below(40) == 0)
        row->logits[test_below(n_vocab)] = wrong[test_below(2)];
}

static void fill_options(drawn_row *row, uint32_t n_vocab, uint64_t seed) {
    const float temperatures[] = {0, 1e-45f, 0.05f, 0.3f, 1, 1, 5, 1e10f, FLT_MAX};
    const float top_ps[] = {1, 1, 1, 0.9f, 0.5f, 0.1f, 0, 0.99999994f};
    const float min_ps[] = {0, 0, 0.15f, 0.01f, 1, 1e-30f};
    const float penalties[] = {1, 1.05f, 1.3f, 0.8f, 1e-30f};
    const uint32_t top_ks[] = {0, 0, 1, 5, 50, 700, 2048, n_vocab, UINT32_MAX};
    weir_sampling_neutral(&row->options);
    row->options.temperature = any_of(temperatures, 9);
    row->options.top_p = any_of(top_ps, 8);
    row->options.min_p = any_of(min_ps, 6);
    row->options.top_k = top_ks[test_below(9)];
    row->options.repetition_penalty = any_of(penalties, 5);
    row->options.repeat_last_n = test_below(2) * 20;
    row->options.presence_penalty = test_below(3) ? 0 : 0.5f;
    row->options.frequency_penalty = test_below(3) ? 0 : test_below(9) ? 0.25f : -FLT_MAX;
    row->options.seed = seed;
    row->options.bias = row->bias;
    row->options.n_bias = test_below(3) ? 0 : std::min(test_below(40), n_vocab);
    for (uint32_t i = 0; i < row->options.n_bias; i++) {
        const float biases[] = {2, -3, -INFINITY, FLT_MAX};
        row->bias[i] = {(int32_t)(i * (n_vocab / row->options.n_bias)),
                        any_of(biases, test_below(5) ? 2 : 4)};
    }
}

static void fill_history(drawn_row *row, uint32_t n_vocab) {
    row->history.resize(test_below(2) ? 0 : test_below(MOST_HISTORY));
    for (int32_t &token : row->history)
        token = (int32_t)test_below(n_vocab < 300 ? n_vocab : 300);
    row->n_prompt = test_below((uint32_t)row->history.size() + 1);
    uint32_t kind = test_below(8);
    row->mask.assign(kind > 4 ? (n_vocab + 31) / 32 : 0, 0);
    for (uint32_t &word : row->mask)
        word = kind == 7 ? 0 : kind == 6 ? test_bits() & test_bits() & test_bits() : test_bits();
    if (kind == 7) /* one, or none at all */
        row->mask[test_below((uint32_t)row->mask.size())] = test_below(2);
}

static void draw_on_host(drawn_row *row, uint32_t n_vocab) {
    weir_error err;
    const uint32_t *mask = row->mask.empty() ? nullptr : row->mask.data();
    if (weir_sampler_open_for(&row->sampler, n_vocab, &row->options, &err) != WEIR_STATUS_OK) {
        printf("FAIL %s\n", err.text);
        exit(1);
    }
    row->has_token = weir_sampler_draw(row->sampler, row->logits.data(), row->history.data(),
                                       row->history.size(), row->n_prompt, mask, &row->token,
                                       &err) == WEIR_STATUS_OK;
    row->is_ahead = !mask && row->n_prompt < row->history.size() && test_below(2);
    row->is_planned =
        row->is_ahead ? weir_sampler_plan_ahead(row->sampler, row->history.data(),
                                                row->history.size() - 1, row->n_prompt, &row->draw)
                      : weir_sampler_plan(row->sampler, row->history.data(), row->history.size(),
                                          row->n_prompt, mask, &row->draw);
    row->draw.wants_logprob = test_below(4) == 0;
    row->draw.n_top =
        row->draw.wants_logprob ? std::min(test_below(WEIR_CUDA_DRAW_TOP + 1), n_vocab) : 0;
}

/* ---- what came of them --------------------------------------------------------------------- */

/* By the definition: sum, rank and the likeliest. */
static void check_report(const drawn_row &row, const weir_cuda_drawn &drawn,
                         const weir_cuda_likely *top) {
    const std::vector<float> &x = row.logits;
    uint32_t rank = 1;
    uint64_t sum = 0;
    float best = *std::max_element(x.begin(), x.end());
    for (float logit : x) {
        rank += logit > x[(size_t)drawn.token];
        sum += weir_softmax_weight(((double)best - (double)logit) * WEIR_LOG2_E);
    }
    check(drawn.sum == sum && drawn.rank == rank && drawn.best == best &&
              drawn.logit == x[(size_t)drawn.token],
          "how likely it was", name);
    std::vector<int32_t> order(x.size());
    for (size_t i = 0; i < order.size(); i++)
        order[i] = (int32_t)i;
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return x[(size_t)a] > x[(size_t)b]; });
    for (uint32_t i = 0; i < row.draw.n_top; i++)
        check(top[i].token == order[i] && same_bits(&top[i].logit, &x[(size_t)order[i]], 1),
              "the likeliest", name);
}

static void check_row(const drawn_row &row, const weir_cuda_drawn &drawn,
                      const weir_cuda_likely *top, const float *logits, const float *left,
                      counts *n) {
    uint32_t n_vocab = (uint32_t)row.logits.size();
    check(same_bits(logits, row.logits.data(), n_vocab), "logits were changed", name);
    check(drawn.token >= 0 || same_bits(left, row.logits.data(), n_vocab), "logits were not left",
          name);
    n->n_draws++;
    n->n_ahead += row.is_ahead;
    if (!row.has_token) {
        n->n_failed++;
        check(drawn.token == -1, "a token where there is none", name);
        return;
    }
    uint32_t n_finite = 0;
    for (float logit : row.logits)
        n_finite += logit >= -FLT_MAX;
    bool is_certain = n_vocab <= WEIR_DRAW_LIST && n_finite >= row.draw.n_top;
    n->n_certain += is_certain;
    n->n_left += drawn.token == -1;
    if (drawn.token == -1) {
        check(!is_certain, "not drawn", name);
        return;
    }
    if (drawn.token != row.token)
        printf("token %d, expected %d: ", drawn.token, row.token);
    check(drawn.token == row.token, "another token", name);
    if (row.draw.wants_logprob)
        check_report(row, drawn, top);
}

/* ---- launches ------------------------------------------------------------------------------ */

static void test_launch(uint32_t n_vocab, uint64_t round, counts *n) {
    uint32_t n_out = 1 + test_below(MOST_ROWS);
    std::vector<drawn_row> rows(n_out);
    std::vector<const weir_draw *> draws(n_out);
    gpu_buffer<float> logits((size_t)n_out * n_vocab), left((size_t)n_out * n_vocab);
    gpu_buffer<int32_t> tokens(2 * n_out), row_of(n_out);
    for (uint32_t i = 0; i < n_out; i++) {
        fill_logits(&rows[i], n_vocab);
        fill_options(&rows[i], n_vocab, weir_mix64(3, round, i));
        fill_history(&rows[i], n_vocab);
        draw_on_host(&rows[i], n_vocab);
        memcpy(logits.p + (size_t)i * n_vocab, rows[i].logits.data(), n_vocab * sizeof(float));
        draws[i] = rows[i].is_planned && test_below(8) > 0 ? &rows[i].draw : nullptr;
        row_of[i] = (int32_t)(2 * (n_out - i) - 1 - test_below(2));
        tokens[(uint32_t)row_of[i]] = rows[i].history.empty() ? -1 : rows[i].history.back();
    }
    size_t capacity = weir_cuda_draw_bytes(n_vocab, n_out);
    gpu_buffer<uint8_t> packed((capacity + 63) / 64 * 64);
    weir_cuda_draws op;
    size_t bytes =
        weir_cuda_draw_pack(&op, draws.data(), n_out, n_vocab, packed.p, capacity, packed.p);
    check(bytes <= capacity, "more than the largest block", "");
    gpu_buffer<weir_cuda_drawn> drawn(n_out);
    gpu_buffer<weir_cuda_likely> top((size_t)n_out * WEIR_CUDA_DRAW_TOP);
    op.logits = logits.p;
    op.left = left.p;
    op.drawn = drawn.p;
    op.top = top.p;
    op.tokens = tokens.p;
    op.row_of = row_of.p;
    weir_cuda_run_draw(nullptr, &op);
    finish();
    for (uint32_t i = 0; i < n_out; i++) {
        const weir_sampling &o = rows[i].options;
        snprintf(name, sizeof name, "%u: T %g k %u p %g min %g, round %u row %u%s", n_vocab,
                 (double)o.temperature, o.top_k, (double)o.top_p, (double)o.min_p, (uint32_t)round,
                 i, rows[i].is_ahead ? ", ahead" : "");
        if (draws[i])
            check_row(rows[i], drawn[i], top.p + (size_t)i * WEIR_CUDA_DRAW_TOP,
                      logits.p + (size_t)i * n_vocab, left.p + (size_t)i * n_vocab, n);
        weir_sampler_close(&rows[i].sampler);
    }
}

/* Tokens that are all alike, with numbers that fall on the very borders between them, or just short
 * of them: token j has the numbers from j / n on. Of n, top-p keeps a share. */
static void test_borders(uint32_t n, float top_p, uint32_t n_kept) {
    gpu_buffer<float> logits(n), left(n);
    gpu_buffer<weir_cuda_drawn> drawn(1);
    gpu_buffer<weir_cuda_likely> top(WEIR_CUDA_DRAW_TOP);
    gpu_buffer<uint8_t> packed((weir_cuda_draw_bytes(n, 1) + 63) / 64 * 64);
    for (uint32_t i = 0; i < n; i++)
        logits[i] = -2.5f;
    for (uint32_t j = 0; j < 2 * n_kept; j++) {
        weir_draw draw = {};
        draw.scale = WEIR_LOG2_E;
        draw.span = INFINITY;
        draw.top_p = top_p;
        draw.repetition = 1;
        draw.uniform = (j / 2 + j % 2) * ((UINT64_C(1) << 53) / n_kept) - j % 2;
        const weir_draw *draws[] = {&draw};
        weir_cuda_draws op;
        weir_cuda_draw_pack(&op, draws, 1, n, packed.p, packed.n, packed.p);
        op.logits = logits.p;
        op.left = left.p;
        op.drawn = drawn.p;
        op.top = top.p;
        weir_cuda_run_draw(nullptr, &op);
        finish();
        snprintf(name, sizeof name, "%u of %u, border %u", n_kept, n, j);
        check(drawn[0].token == (int32_t)(j / 2), "another token", name);
    }
}

/* The last token of a history under every penalty: in the prompt, biased there, biased and new, in
 * the answer; and just beyond the end of what repeat_last_n sees, which moves with it. Logits are even, so that
 * the token is what the changes make of it. */
static void test_last(float repetition, float presence, float frequency, uint32_t last_n) {
    enum { N = 100 };
    const int32_t lasts[] = {7, 50, 51, 60, 0, 99};
    const weir_logit_bias bias[] = {{50, 0.125f}, {51, 0.125f}, {61, 2}};
    std::vector<int32_t> history = {7, 50, 60, 3, 0, 99, 0};
    weir_sampling o;
    weir_sampling_neutral(&o);
    o.repetition_penalty = repetition;
    o.presence_penalty = presence;
    o.frequency_penalty = frequency;
    o.repeat_last_n = last_n;
    o.bias = bias;
    o.n_bias = 3;
    gpu_buffer<float> logits(N), left(N);
    gpu_buffer<weir_cuda_drawn> drawn(1);
    gpu_buffer<weir_cuda_likely> top(WEIR_CUDA_DRAW_TOP);
    gpu_buffer<int32_t> tokens(1), row_of(1);
    const size_t capacity = weir_cuda_draw_bytes(N, 1);
    gpu_buffer<uint8_t> packed((capacity + 63) / 64 * 64);
    weir_sampler *sampler;
    weir_error err;
    weir_sampler_open_for(&sampler, N, &o, &err);
    row_of[0] = 0;
    for (int32_t last : lasts)
        for (uint32_t other = 0; other < N; other += 3) { /* the best but for the last one */
            weir_draw draw;
            weir_cuda_draws op;
            int32_t token;
            const weir_draw *draws[] = {&draw};
            history.back() = tokens[0] = last;
            for (uint32_t i = 0; i < N; i++)
                logits[i] = i == (uint32_t)last ? 1.5f : i == other ? 1.25f : -1;
            weir_sampler_draw(sampler, logits.p, history.data(), history.size(), 2, nullptr, &token,
                              &err);
            check(weir_sampler_plan_ahead(sampler, history.data(), history.size() - 1, 2, &draw),
                  "no plan", "");
            weir_cuda_draw_pack(&op, draws, 1, N, packed.p, capacity, packed.p);
            op.logits = logits.p;
            op.left = left.p;
            op.drawn = drawn.p;
            op.top = top.p;
            op.tokens = tokens.p;
            op.row_of = row_of.p;
            weir_cuda_run_draw(nullptr, &op);
            finish();
            snprintf(name, sizeof name, "last %d beside %u: %g %g %g, %u", last, other,
                     (double)repetition, (double)presence, (double)frequency, last_n);
            check(drawn[0].token == token, "another token", name);
        }
    weir_sampler_close(&sampler);
}

static void test_fetch(uint32_t n_rows) {
    enum { N_DRAWN = 5 };
    gpu_buffer<weir_cuda_drawn> drawn(N_DRAWN);
    gpu_buffer<int32_t> tokens(n_rows);
    std::vector<int32_t> want(n_rows);
    for (uint32_t i = 0; i < N_DRAWN; i++)
        drawn[i].token = i == 3 ? -1 : (int32_t)(100 + i);
    for (uint32_t r = 0; r < n_rows; r++) {
        uint32_t at = test_below(N_DRAWN);
        bool is_known = test_below(3) == 0;
        tokens[r] = is_known ? (int32_t)r : -1 - (int32_t)at;
        want[r] = is_known ? (int32_t)r : at == 3 ? 0 : (int32_t)(100 + at);
    }
    weir_cuda_run_fetch(nullptr, tokens.p, n_rows, drawn.p);
    finish();
    for (uint32_t r = 0; r < n_rows; r++)
        check(tokens[r] == want[r], "another token was fetched", "");
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    const uint32_t vocabularies[] = {1, 2, 31, 33, 96, 512, 700, 2048, 2049, 3000, 5000};
    uint64_t n_rounds = argc > 2 ? strtoull(argv[2], nullptr, 10) : 20;
    test_random_state = 7 + (argc > 1 ? strtoull(argv[1], nullptr, 10) : 1);
    test_borders(8, 1, 8);
    test_borders(64, 0.25f, 16);
    for (float repetition : {1.0f, 1.3f, 0.7f})
        for (float presence : {0.0f, 0.4f})
            for (float frequency : {0.0f, 0.2f, -0.3f})
                for (uint32_t last_n : {0u, 1u, 2u, 6u, 7u})
                    test_last(repetition, presence, frequency, last_n);
    for (uint32_t n_rows : {1u, 8u, 511u, 512u, 513u, 1400u})
        test_fetch(n_rows);
    for (uint32_t n_vocab : vocabularies) {
        counts n = {};
        for (uint64_t round = 0; round < n_rounds; round++)
            test_launch(n_vocab, round, &n);
        printf(
            "draw       %5u tokens: %u draws, %u ahead, %u without a token, %u of %u left to the "
            "host\n",
            n_vocab, n.n_draws, n.n_ahead, n.n_failed, n.n_left, n.n_draws - n.n_failed);
        check(n.n_ahead > 0, "none was drawn ahead", "");
        check(n.n_left * 5 <= n.n_draws * 3, "too many are left to the host", "");
    }
    return test_end();
}
