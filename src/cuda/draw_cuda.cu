/*
 * draw_cuda.cu: a row's next token from its logits, as engine/sampler.c draws it.
 *
 * All that decides the token is exact: logits are changed by the same float operations, candidates
 * are ordered by (logit falling, id rising), and weights are whole numbers (base/softmax_weight.h),
 * so that sums by trees and atomics are those that the host comes to one by one. The block never
 * orders the vocabulary. What can matter lies within a reach below the best: where more tokens than
 * the list holds lie in it, they are counted by distance, and the list takes as many bins of the
 * nearest as it has room for. It is then a beginning of the order with nothing left out, and
 * whatever falls into it is what the whole order would give; what does not is left to the host.
 *
 * Owns nothing. Invariant: a block reads and writes the one row of its draw, and the row is as it
 * was when it ends; changes and bits of the draw are its own.
 */
#include "cuda/draw_cuda.h"

#include "base/softmax_weight.h"
#include "cuda/cuda_words.cuh"

#include <float.h>
#include <math.h>

enum {
    THREADS = 512,
    WARPS = THREADS / CU_WARP,
    LIST = WEIR_DRAW_LIST,
    OF_LIST = LIST / THREADS, /* entries of a thread */
    BINS = 2048,
    OF_BINS = BINS / THREADS,
    AT_ONCE = 8 /* logits that a thread has on their way */
};

#ifdef WEIR_CUDA_EMULATED
/* Fibers of the emulator give way at barriers only. */
CU_DEVICE uint32_t draw_count(uint32_t *counter, uint32_t n) {
    uint32_t before = *counter;
    *counter = before + n;
    return before;
}
#else
/* adds to shared memory; returns what was there before */
CU_DEVICE uint32_t draw_count(uint32_t *counter, uint32_t n) {
    return atomicAdd(counter, n);
}
#endif

/* The block's shared memory. */
struct draw_memory {
    uint64_t *list;  /* [LIST] entries: key of the logit, then the id's complement */
    uint64_t *sums;  /* [LIST] */
    uint64_t *parts; /* [WARPS] */
    uint32_t *bins;  /* [BINS] */
    uint32_t *n;     /* [1] of the list */
};

/* Logits as they are looked at: those of the model, or what bits make of them on the way. */
struct draw_row {
    float *logits; /* [n_vocab] */
    uint32_t n_vocab;
    const uint32_t *mask, *recent; /* NULL: none */
    float repetition;
};

/* Which of them are looked for. */
struct draw_reach {
    float best, least; /* least: no logit below is within */
    double limit;      /* below the best */
    float bin_scale;   /* bins of the limit's whole length, over it */
};

/* ---- logits -------------------------------------------------------------------------------- */

CU_DEVICE float not_infinite(float logit) {
    return logit > FLT_MAX ? FLT_MAX : logit;
}

CU_DEVICE bool has_bit(const uint32_t *bits, uint32_t i) {
    return (bits[i / 32] >> (i % 32) & 1u) != 0;
}

CU_DEVICE float repeated(float logit, float penalty) {
    return not_infinite(logit > 0 ? logit / penalty : logit * penalty);
}

/* What bits make of a logit; words: those that token i's bits are in. */
CU_DEVICE float looked_at(const draw_row &row, uint32_t i, float logit, uint32_t mask_word,
                          uint32_t recent_word) {
    if (!(mask_word >> (i % 32) & 1u))
        logit = -INFINITY;
    if (recent_word >> (i % 32) & 1u)
        logit = repeated(logit, row.repetition);
    return logit;
}

/* look(i, logit, stored) for all of the row: as it is looked at, and as it lies in memory. */
template <class Look> CU_DEVICE void look_at_row(const draw_row &row, Look look) {
    for (uint32_t first = threadIdx.x; first < row.n_vocab; first += THREADS * AT_ONCE) {
        float stored[AT_ONCE];
        uint32_t mask[AT_ONCE], recent[AT_ONCE];
#pragma unroll
        for (uint32_t k = 0; k < AT_ONCE; k++) {
            uint32_t i = cu_min(first + k * THREADS, row.n_vocab - 1);
            stored[k] = row.logits[i];
            mask[k] = row.mask ? row.mask[i / 32] : ~0u;
            recent[k] = row.recent ? row.recent[i / 32] : 0;
        }
#pragma unroll
        for (uint32_t k = 0; k < AT_ONCE; k++) {
            uint32_t i = first + k * THREADS;
            if (i < row.n_vocab)
                look(i, looked_at(row, i, stored[k], mask[k], recent[k]), stored[k]);
        }
    }
}

/* Larger: before it in the order. 0: forbidden. */
CU_DEVICE uint64_t entry_of(float logit, uint32_t id) {
    uint32_t bits;
    logit += 0.0f; /* of the two zeros, one */
    memcpy(&bits, &logit, sizeof bits);
    uint32_t key = bits >> 31 ? ~bits : bits | 0x80000000u;
    return logit >= -FLT_MAX ? (uint64_t)key << 32 | (uint32_t)~id : 0;
}

CU_DEVICE uint32_t entry_id(uint64_t entry) {
    return ~(uint32_t)entry;
}

CU_DEVICE float entry_logit(uint64_t entry) {
    uint32_t key = (uint32_t)(entry >> 32);
    return cu_bits_float(key >> 31 ? key & 0x7fffffffu : ~key);
}

/* ---- the block ----------------------------------------------------------------------------- */

/* The same in every thread. */
CU_DEVICE uint64_t block_sum(const draw_memory &m, uint64_t value) {
#pragma unroll
    for (uint32_t mask = CU_WARP / 2; mask; mask >>= 1)
        value += cu_shuffle_xor(value, mask);
    if (threadIdx.x % CU_WARP == 0)
        m.parts[threadIdx.x / CU_WARP] = value;
    cu_sync();
    uint64_t sum = 0;
    for (uint32_t w = 0; w < WARPS; w++)
        sum += m.parts[w];
    cu_sync(); /* before anybody writes the next parts */
    return sum;
}

CU_DEVICE uint64_t block_max(const draw_memory &m, uint64_t value) {
#pragma unroll
    for (uint32_t mask = CU_WARP / 2; mask; mask >>= 1) {
        uint64_t other = cu_shuffle_xor(value, mask);
        value = other > value ? other : value;
    }
    if (threadIdx.x % CU_WARP == 0)
        m.parts[threadIdx.x / CU_WARP] = value;
    cu_sync();
    uint64_t most = 0;
    for (uint32_t w = 0; w < WARPS; w++)
        most = m.parts[w] > most ? m.parts[w] : most;
    cu_sync();
    return most;
}

/* The sum of what the threads before this one have. */
CU_DEVICE uint64_t block_before(const draw_memory &m, uint64_t value) {
    uint32_t lane = threadIdx.x % CU_WARP, warp = threadIdx.x / CU_WARP;
    uint64_t sum = value;
#pragma unroll
    for (uint32_t by = 1; by < CU_WARP; by <<= 1) {
        uint64_t other = cu_shuffle(sum, lane >= by ? lane - by : lane);
        sum += lane >= by ? other : 0;
    }
    if (lane == CU_WARP - 1)
        m.parts[warp] = sum;
    cu_sync();
    uint64_t before = sum - value;
    for (uint32_t w = 0; w < warp; w++)
        before += m.parts[w];
    cu_sync();
    return before;
}

/* ---- the list ------------------------------------------------------------------------------ */

CU_DEVICE double distance_of(float logit, float best) {
    return (double)best - (double)logit;
}

CU_DEVICE draw_reach reach_of(float best, double limit) {
    draw_reach reach;
    double least = (double)best - 1.001 * limit - 1e-6 * fabs((double)best); /* a little wide */
    reach.best = best;
    reach.limit = limit;
    reach.least = least > -FLT_MAX ? (float)least : -FLT_MAX;
    reach.bin_scale = (float)(BINS / limit);
    return reach;
}

CU_DEVICE bool is_within(const draw_reach &reach, float logit) {
    return logit >= reach.least && distance_of(logit, reach.best) <= reach.limit;
}

/* Never falls with the distance. Where the reach is nothing, or beyond all measure, all are in the
 * last bin. */
CU_DEVICE uint32_t bin_of(const draw_reach &reach, float logit) {
    float at = (float)distance_of(logit, reach.best) * reach.bin_scale;
    return (uint32_t)fminf(at, (float)(BINS - 1));
}

/* Puts what is within and in the first n_bins into the list, in no order; beyond its end they are
 * only counted. Returns the count. */
CU_DEVICE uint32_t collect(const draw_memory &m, const draw_row &row, const draw_reach &reach,
                           uint32_t n_bins) {
    if (threadIdx.x == 0)
        *m.n = 0;
    cu_sync();
    look_at_row(row, [&](uint32_t i, float logit, float) {
        if (!is_within(reach, logit) || (n_bins < BINS && bin_of(reach, logit) >= n_bins))
            return;
        uint32_t at = draw_count(m.n, 1);
        if (at < LIST)
            m.list[at] = entry_of(logit, i);
    });
    cu_sync();
    return *m.n; /* a barrier stands before the next count in all that follows */
}

/* How many of the first bins the list has room for. */
CU_DEVICE uint32_t count_bins(const draw_memory &m, const draw_row &row, const draw_reach &reach) {
    for (uint32_t b = threadIdx.x; b < BINS; b += THREADS)
        m.bins[b] = 0;
    cu_sync();
    look_at_row(row, [&](uint32_t, float logit, float) {
        if (is_within(reach, logit))
            draw_count(&m.bins[bin_of(reach, logit)], 1);
    });
    cu_sync();
    uint64_t own = 0;
    for (uint32_t b = 0; b < OF_BINS; b++)
        own += m.bins[threadIdx.x * OF_BINS + b];
    uint64_t up_to = block_before(m, own);
    uint32_t n = 0;
    for (uint32_t b = 0; b < OF_BINS; b++) {
        up_to += m.bins[threadIdx.x * OF_BINS + b];
        n += up_to <= LIST;
    }
    return (uint32_t)block_sum(m, n);
}

/* The best first: Batcher's bitonic sort of as many as a power of two. */
CU_DEVICE void sort_list(const draw_memory &m, uint32_t n) {
    uint32_t size = 2;
    while (size < n)
        size *= 2;
    for (uint32_t i = n + threadIdx.x; i < size; i += THREADS)
        m.list[i] = 0;
    cu_sync();
    for (uint32_t run = 2; run <= size; run *= 2)
        for (uint32_t by = run / 2; by > 0; by /= 2) {
            for (uint32_t pair = threadIdx.x; pair < size / 2; pair += THREADS) {
                uint32_t a = pair / by * 2 * by + pair % by, b = a + by;
                uint64_t x = m.list[a], y = m.list[b];
                bool falls = (a & run) == 0; /* of the whole list: yes */
                if (falls == (x < y)) {
                    m.list[a] = y;
                    m.list[b] = x;
                }
            }
            cu_sync();
        }
}

/* The beginning of the order within the reach, sorted, as far as there is room. *n_all: how many
 * there are. Returns how many are in the list. */
CU_DEVICE uint32_t make_list(const draw_memory &m, const draw_row &row, const draw_reach &reach,
                             uint32_t *n_all) {
    uint32_t n = collect(m, row, reach, BINS);
    *n_all = n;
    if (n > LIST)
        n = collect(m, row, reach, count_bins(m, row, reach));
    sort_list(m, n);
    return n;
}

/* ---- weights ------------------------------------------------------------------------------- */

/* sums[i]: of the weights of the list [n] up to its place i */
CU_DEVICE void sum_list(const draw_memory &m, uint32_t n, float best, double scale) {
    uint64_t weights[OF_LIST], own = 0;
#pragma unroll
    for (uint32_t i = 0; i < OF_LIST; i++) {
        uint32_t at = threadIdx.x * OF_LIST + i;
        double d = at < n ? distance_of(entry_logit(m.list[at]), best) : 0;
        weights[i] = at < n ? weir_softmax_weight(d * scale) : 0;
        own += weights[i];
    }
    uint64_t up_to = block_before(m, own);
#pragma unroll
    for (uint32_t i = 0; i < OF_LIST; i++) {
        up_to += weights[i];
        m.sums[threadIdx.x * OF_LIST + i] = up_to;
    }
    cu_sync();
}

/* The first place of the list [n] up to which the sum is at least so much; n: there is none. */
CU_DEVICE uint32_t place_of(const draw_memory &m, uint32_t n, uint64_t sum) {
    uint32_t n_below = 0;
    for (uint32_t i = threadIdx.x; i < n; i += THREADS)
        n_below += m.sums[i] < sum;
    return (uint32_t)block_sum(m, n_below);
}

/* Of all that is within, also beyond the list. */
CU_DEVICE uint64_t sum_row(const draw_memory &m, const draw_row &row, const draw_reach &reach,
                           double scale) {
    uint64_t own = 0;
    look_at_row(row, [&](uint32_t, float logit, float) {
        if (is_within(reach, logit))
            own += weir_softmax_weight(distance_of(logit, reach.best) * scale);
    });
    return block_sum(m, own);
}

/* ---- the draw ------------------------------------------------------------------------------ */

/* Of the list [n], where min-p cuts it. */
CU_DEVICE uint32_t span_end(const draw_memory &m, uint32_t n, float best, double span) {
    uint32_t n_in = 0;
    for (uint32_t i = threadIdx.x; i < n; i += THREADS)
        n_in += distance_of(entry_logit(m.list[i]), best) <= span;
    return (uint32_t)block_sum(m, n_in);
}

/* sampler.c's draw_token; -1: it is not in the list. */
CU_DEVICE int32_t draw_sampled(const draw_memory &m, const draw_row &row,
                               const weir_cuda_draw &draw, float best) {
    const bool has_top_p = draw.top_p < 1;
    double limit = WEIR_WEIGHT_REACH / draw.scale;
    if (!has_top_p && draw.span < limit)
        limit = draw.span;
    draw_reach reach = reach_of(best, limit);
    uint32_t n_all, n = make_list(m, row, reach, &n_all);
    bool is_cut = draw.top_k > 0 && draw.top_k < n_all; /* by top-k */
    if (is_cut && draw.top_k > n)
        return -1;
    n = is_cut ? draw.top_k : n;
    if (n == 0)
        return -1;
    bool is_whole = is_cut || n == n_all; /* the list is all that there is to draw from */
    sum_list(m, n, best, draw.scale);
    uint64_t total = is_whole ? m.sums[n - 1] : sum_row(m, row, reach, draw.scale);
    uint64_t kept_sum = total;
    if (has_top_p) {
        uint64_t enough = (uint64_t)ceil((double)draw.top_p * (double)total);
        uint32_t n_enough = place_of(m, n, enough) + 1;
        uint32_t n_span = span_end(m, n, best, draw.span);
        uint32_t n_kept = cu_min(n_enough, n_span);
        if (n_kept == n && n_enough > n && !is_whole)
            return -1;
        kept_sum = m.sums[n_kept - 1];
    }
    uint32_t place = place_of(m, n, weir_softmax_share(draw.uniform, kept_sum) + 1);
    return place < n ? (int32_t)entry_id(m.list[place]) : -1;
}

/* The largest entry; UINT64_MAX: a logit is no number, or is_bad in some thread. */
CU_DEVICE uint64_t find_best(const draw_memory &m, const draw_row &row, bool is_bad) {
    uint64_t best = 0;
    look_at_row(row, [&](uint32_t i, float logit, float stored) {
        is_bad |= !(stored <= FLT_MAX); /* NaN or plus infinity */
        uint64_t entry = entry_of(logit, i);
        best = entry > best ? entry : best;
    });
    return block_max(m, is_bad ? UINT64_MAX : best);
}

/* Not found, too, where a logit is no number and where no token is allowed. */
CU_DEVICE int32_t draw_token(const draw_memory &m, const draw_row &row, const weir_cuda_draw &draw,
                             bool is_bad) {
    uint64_t best = find_best(m, row, is_bad);
    if (best == 0 || best == UINT64_MAX)
        return -1;
    return draw.scale > 0 ? draw_sampled(m, row, draw, entry_logit(best)) : (int32_t)entry_id(best);
}

/* ---- changes ------------------------------------------------------------------------------- */

CU_DEVICE float changed(float logit, const weir_draw_change &change, const weir_cuda_draw &draw,
                        const draw_row &row) {
    logit = not_infinite(logit + change.bias);
    if (row.mask && !has_bit(row.mask, (uint32_t)change.token))
        logit = -INFINITY;
    if (change.is_recent)
        logit = repeated(logit, row.repetition);
    if (change.count > 0 && logit >= -FLT_MAX)
        logit = not_infinite(logit - draw.presence - draw.frequency * (float)change.count);
    return logit >= -FLT_MAX ? logit : -INFINITY;
}

/* Each logit and its change's bias change places. Returns whether one was no number. */
CU_DEVICE bool change_logits(const draw_row &row, const weir_cuda_draw &draw,
                             weir_draw_change *changes, uint32_t n_changes) {
    bool is_bad = false;
    for (uint32_t i = threadIdx.x; i < n_changes; i += THREADS) {
        weir_draw_change change = changes[i];
        float logit = row.logits[change.token];
        is_bad |= !(logit <= FLT_MAX);
        row.logits[change.token] = changed(logit, change, draw, row);
        changes[i].bias = logit;
    }
    return is_bad;
}

CU_DEVICE void change_back(const draw_row &row, const weir_draw_change *changes,
                           uint32_t n_changes) {
    for (uint32_t i = threadIdx.x; i < n_changes; i += THREADS)
        row.logits[changes[i].token] = changes[i].bias;
}

/* ---- the last token ------------------------------------------------------------------------ */

/* What sampler.c's plan would have of a history that ends with this token, where it has what comes
 * before. Returns how many changes there are. */
CU_DEVICE uint32_t add_last(const draw_memory &m, const weir_cuda_draw &draw, int32_t last,
                            weir_draw_change *changes, uint32_t *recent) {
    const bool is_penalized = draw.presence != 0 || draw.frequency != 0;
    uint32_t n_found = 0;
    for (uint32_t i = threadIdx.x; i < draw.n_changes; i += THREADS)
        if (changes[i].token == last) {
            changes[i].is_recent = recent != nullptr;
            changes[i].count += is_penalized;
            n_found = 1;
        }
    const bool is_new = block_sum(m, n_found) == 0;
    if (is_new && threadIdx.x == 0) {
        const uint32_t bit = 1u << (last % 32);
        if (is_penalized) { /* the change says it */
            changes[draw.n_changes] = {last, 0.0f, recent != nullptr, 1};
            if (recent)
                recent[last / 32] &= ~bit;
        } else if (recent) {
            recent[last / 32] |= bit;
        }
    }
    cu_sync();
    return draw.n_changes + (is_new && is_penalized);
}

/* ---- how likely it was --------------------------------------------------------------------- */

/* The likeliest tokens; false: the list does not hold as many. The reach grows until it has enough.
 */
CU_DEVICE bool list_top(const draw_memory &m, const draw_row &row, float best, uint32_t n_top,
                        weir_cuda_likely *top) {
    uint32_t n = 0, n_all = 0;
    for (double limit = 4; n_all < n_top && limit < 1e40; limit *= 16)
        n = make_list(m, row, reach_of(best, limit), &n_all);
    if (n < n_top)
        return false;
    for (uint32_t i = threadIdx.x; i < n_top; i += THREADS) {
        top[i].token = (int32_t)entry_id(m.list[i]);
        top[i].logit = row.logits[top[i].token];
    }
    return true;
}

/* The row is as the model gave it. */
CU_DEVICE bool report(const draw_memory &m, const draw_row &row, const weir_cuda_draw &draw,
                      int32_t token, weir_cuda_likely *top, weir_cuda_drawn *drawn) {
    drawn->logit = row.logits[token];
    drawn->best = entry_logit(find_best(m, row, false));
    draw_reach reach = reach_of(drawn->best, WEIR_WEIGHT_REACH / WEIR_LOG2_E);
    drawn->sum = sum_row(m, row, reach, WEIR_LOG2_E);
    uint32_t n_above = 0;
    const float own = drawn->logit;
    look_at_row(row, [&](uint32_t, float logit, float) { n_above += logit > own; });
    drawn->rank = (uint32_t)block_sum(m, n_above) + 1;
    return list_top(m, row, drawn->best, draw.n_top, top);
}

CU_KERNEL_AT(THREADS, 1) draw(weir_cuda_draws op) {
    CU_SHARED(uint64_t, list, [LIST]);
    CU_SHARED(uint64_t, sums, [LIST]);
    CU_SHARED(uint64_t, parts, [WARPS]);
    CU_SHARED(uint32_t, bins, [BINS]);
    CU_SHARED(uint32_t, n_list, [1]);
    const draw_memory m = {list, sums, parts, bins, n_list};
    const weir_cuda_draw d = op.draws[blockIdx.x];
    weir_draw_change *changes = op.changes + d.changes_at;
    const size_t n_words = (op.n_vocab + 31) / 32;
    float *logits = op.logits + (size_t)d.row * op.n_vocab;
    uint32_t *recent =
        d.recent_at == WEIR_CUDA_DRAW_NO_BITS ? nullptr : op.bits + d.recent_at * n_words;
    const draw_row model = {logits, op.n_vocab, nullptr, nullptr, 1};
    const draw_row row = {
        logits, op.n_vocab,
        d.mask_at == WEIR_CUDA_DRAW_NO_BITS ? nullptr : op.bits + d.mask_at * n_words, recent,
        d.repetition};
    weir_cuda_drawn drawn = {-1, 0, 0, 0, 0};
    uint32_t n_changes = d.n_changes;
    if (d.lacks_last)
        n_changes = add_last(m, d, op.tokens[op.row_of[d.row]], changes, recent);
    bool is_bad = change_logits(row, d, changes, n_changes);
    cu_sync();
    drawn.token = draw_token(m, row, d, is_bad);
    cu_sync();
    change_back(row, changes, n_changes);
    cu_sync();
    if (drawn.token >= 0 && d.wants_logprob &&
        !report(m, model, d, drawn.token, op.top + (size_t)d.row * WEIR_CUDA_DRAW_TOP, &drawn))
        drawn.token = -1;
    if (threadIdx.x == 0)
        op.drawn[d.row] = drawn;
    float *left = op.left + (size_t)d.row * op.n_vocab;
    for (uint32_t i = threadIdx.x; drawn.token < 0 && i < op.n_vocab; i += THREADS)
        left[i] = logits[i];
}

void weir_cuda_run_draw(weir_cuda_stream *stream, const weir_cuda_draws *op) {
    if (op->n > 0)
        CU_LAUNCH(draw, op->n, THREADS, stream, *op);
}

/* ---- tokens of the next step --------------------------------------------------------------- */

CU_KERNEL(THREADS) fetch(int32_t *tokens, uint32_t n_rows, const weir_cuda_drawn *drawn) {
    uint32_t r = blockIdx.x * THREADS + threadIdx.x;
    if (r >= n_rows || tokens[r] >= 0)
        return;
    int32_t token = drawn[-1 - tokens[r]].token;
    tokens[r] = token >= 0 ? token : 0;
}

void weir_cuda_run_fetch(weir_cuda_stream *stream, int32_t *tokens, uint32_t n_rows,
                         const weir_cuda_drawn *drawn) {
    if (n_rows > 0)
        CU_LAUNCH(fetch, dim3((n_rows + THREADS - 1) / THREADS), THREADS, stream, tokens, n_rows,
                  drawn);
}
