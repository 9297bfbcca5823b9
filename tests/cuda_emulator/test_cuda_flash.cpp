/*
 * test_cuda_flash.cpp: attention on tensor cores: its words against plain definitions; rows against
 * double precision over what is stored, for every type, grouping and depth; and bits: a row alone,
 * in a prompt, in pieces, in company, on other pages, before keys that are not there yet, and dealt
 * out to blocks at random.
 */
#include "cuda/cuda_split.h"
#include "cuda/flash_mma.cuh"
#include "cuda_test.h"

#include "base/half.h"
extern "C" {
#include "backend/kv_layout.h"
}

enum {
    DIMS = 64,
    N_PAGES = 180,
    TIMELINE_PAGES = 80,
    MOST_KEYS = TIMELINE_PAGES * 64,
    MOST_CHUNKS = 24,
    MOST_ROWS = 160,
    MOST_SLOTS = 2048,
    MOST_ITEMS = MOST_ROWS + MOST_SLOTS
};

static char name[96];

/* ---- words --------------------------------------------------------------------------------- */

CU_KERNEL(CU_WARP)
words(const uint32_t *in, float *product, uint32_t *pairs, const float *x, float *powers) {
    uint32_t lane = threadIdx.x;
    float d[4];
    for (uint32_t i = 0; i < 4; i++)
        d[i] = x[4 * lane + i];
    uint32_t a[4], b[2];
    for (uint32_t i = 0; i < 4; i++)
        a[i] = in[6 * lane + i];
    for (uint32_t i = 0; i < 2; i++)
        b[i] = in[6 * lane + 4 + i];
    cu_mma_half(d, a, b);
    for (uint32_t i = 0; i < 4; i++)
        product[4 * lane + i] = d[i];
    pairs[4 * lane] = cu_half_sub(a[0], a[1]);
    pairs[4 * lane + 1] = cu_half_mul(a[0], a[1]);
    pairs[4 * lane + 2] = cu_pair_half(x[4 * lane], x[4 * lane + 1]);
    pairs[4 * lane + 3] = cu_bytes(a[0], a[1], a[2] & 0x7777);
    powers[lane] = cu_exp2(-12.5f * fabsf(x[4 * lane]));
}

static float half_of(uint32_t pair, uint32_t which) {
    return weir_f16_to_f32((uint16_t)(pair >> 16 * which));
}

static uint32_t pair_of(float low, float high) {
    return weir_f32_to_f16(low) | (uint32_t)weir_f32_to_f16(high) << 16;
}

static void test_words() {
    gpu_buffer<uint32_t> in(32 * 6), pairs(32 * 4);
    gpu_buffer<float> product(32 * 4), x(32 * 4), powers(32);
    uint32_t n_wrong = 0;
    relative_error e, p;
    for (size_t i = 0; i < in.n; i++)
        in[i] = pair_of(test_normal(), test_normal());
    test_fill(x);
    x[0] = INFINITY;
    x[4] = 0;
    CU_LAUNCH(words, dim3(1), CU_WARP, nullptr, in.p, product.p, pairs.p, x.p, powers.p);
    finish();
    for (uint32_t row = 0; row < 16; row++)
        for (uint32_t column = 0; column < 8; column++) {
            uint32_t at = (row % 8 * 4 + column / 2) * 4 + row / 8 * 2 + column % 2;
            double sum = x[at];
            for (uint32_t k = 0; k < 16; k++)
                sum += (double)half_of(in[(row % 8 * 4 + k % 8 / 2) * 6 + row / 8 + k / 8 * 2],
                                       k % 2) *
                       half_of(in[(column * 4 + k % 8 / 2) * 6 + 4 + k / 8], k % 2);
            if (at > 0)
                e.add(product[at], sum);
        }
    e.report("mma_half", "", 1e-6);
    for (uint32_t lane = 0; lane < 32; lane++) {
        const uint32_t *a = &in[6 * lane], *out = &pairs[4 * lane];
        uint32_t bytes = 0;
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t from = a[2] >> 4 * i & 7;
            bytes |= (a[from / 4] >> 8 * (from % 4) & 255) << 8 * i;
        }
        n_wrong += out[0] != pair_of(half_of(a[0], 0) - half_of(a[1], 0),
                                     half_of(a[0], 1) - half_of(a[1], 1));
        n_wrong += out[1] != pair_of(half_of(a[0], 0) * half_of(a[1], 0),
                                     half_of(a[0], 1) * half_of(a[1], 1));
        n_wrong += out[2] != pair_of(x[4 * lane], x[4 * lane + 1]);
        n_wrong += out[3] != bytes;
        p.add(powers[lane], exp2(-12.5 * fabs((double)x[4 * lane])));
    }
    p.report("exp2", "", 1e-6);
    check(n_wrong == 0 && powers[0] == 0 && powers[1] == 1, "words", "pairs and bytes");
}

/* ---- a pool of timelines ------------------------------------------------------------------- */

/* Values of K or V at a position: the same in every timeline that has this number. */
static void vector_of(uint32_t timeline, uint32_t pos, uint32_t head, bool is_v, float *v) {
    test_random_state = (((uint64_t)timeline * 8192 + pos) * 64 + head) * 2 + is_v + 1;
    for (int i = 0; i < 4; i++)
        test_bits();
    for (uint32_t i = 0; i < DIMS; i++)
        v[i] = test_normal();
}

struct timeline {
    uint32_t number, n_keys, pages[TIMELINE_PAGES];
};

struct flash_case {
    uint32_t n_heads, n_heads_kv, group, n_used;
    size_t width;
    weir_kv_layout layout;
    gpu_buffer<uint8_t> pool;
    weir_cuda_kv kv;
    gpu_buffer<weir_cuda_rows> chunks;
    gpu_buffer<uint32_t> chunk_of_row, pos, pages;
    weir_cuda_batch batch;
    gpu_buffer<uint8_t> lists;
    gpu_buffer<float> slots;
    uint32_t order[N_PAGES];

    static weir_kv_layout layout_of(weir_kv_type type, uint32_t n_heads_kv) {
        weir_kv_layout l = {};
        l.type = type;
        l.head_dim = DIMS;
        l.vector_bytes = type == WEIR_KV_Q8 ? 68 : DIMS * (type == WEIR_KV_F32 ? 4 : 2);
        l.head_bytes = WEIR_PAGE_TOKENS * l.vector_bytes;
        l.layer_heads[0] = 1;
        l.layer_heads[1] = n_heads_kv;
        l.layer_at[1] = 2 * l.head_bytes;
        l.page_bytes = 2 * (1 + n_heads_kv) * l.head_bytes;
        return l;
    }

    flash_case(weir_kv_type type, uint32_t heads, uint32_t heads_kv)
        : n_heads(heads), n_heads_kv(heads_kv), group(heads / heads_kv), n_used(0),
          width((size_t)heads * DIMS), layout(layout_of(type, heads_kv)),
          pool(N_PAGES * layout.page_bytes), kv(), chunks(MOST_CHUNKS), chunk_of_row(MOST_ROWS),
          pos(MOST_ROWS), pages(MOST_CHUNKS * TIMELINE_PAGES), batch(),
          lists(weir_cuda_split_bytes(MOST_ROWS, MOST_SLOTS)),
          slots(MOST_SLOTS * weir_cuda_flash_slot_values(heads)) {
        kv.pool = pool.p;
        kv.page_bytes = layout.page_bytes;
        kv.type = type;
        kv.page_tokens = WEIR_PAGE_TOKENS;
        kv.k_at = weir_kv_k_at(&layout, 1, 0);
        kv.v_at = weir_kv_v_at(&layout, 1, 0);
        kv.head_stride = layout.head_bytes;
        kv.token_stride = layout.vector_bytes;
        kv.n_heads_kv = heads_kv;
        kv.head_dim = DIMS;
        batch.chunks = chunks.p;
        batch.chunk_of_row = chunk_of_row.p;
        batch.pos = pos.p;
        batch.pages = pages.p;
        test_random_state = 99;
        for (uint32_t i = 0; i < N_PAGES; i++)
            order[i] = i;
        for (uint32_t i = N_PAGES; i > 1; i--)
            std::swap(order[i - 1], order[test_below(i)]);
        check(weir_cuda_has_flash(&kv, n_heads), "has_flash", "");
    }

    uint8_t *stored(const timeline &t, uint32_t p, uint32_t head, bool is_v) {
        return pool.p + t.pages[p / WEIR_PAGE_TOKENS] * layout.page_bytes +
               p % WEIR_PAGE_TOKENS * layout.vector_bytes +
               (is_v ? weir_kv_v_at : weir_kv_k_at)(&layout, 1, head);
    }
    void store(const timeline &t, uint32_t from, uint32_t to) {
        float v[DIMS];
        for (uint32_t p = from; p < to; p++)
            for (uint32_t head = 0; head < 2 * n_heads_kv; head++) {
                bool is_v = head >= n_heads_kv;
                vector_of(t.number, p, head % n_heads_kv, is_v, v);
                weir_kv_store(&layout, v, stored(t, p, head % n_heads_kv, is_v));
            }
    }
    /* Timeline `number` with n_keys stored, on pages of its own; the rest of them stays NaN. */
    timeline make(uint32_t number, uint32_t n_keys) {
        timeline t = {number, n_keys, {}};
        for (uint32_t i = 0; i * WEIR_PAGE_TOKENS < n_keys; i++)
            t.pages[i] = order[n_used++ % N_PAGES];
        store(t, 0, n_keys);
        return t;
    }
    void clear() {
        batch.n_rows = batch.n_chunks = 0;
    }
    /* Returns the first row. */
    uint32_t add(const timeline &t, uint32_t first_pos, uint32_t n_rows) {
        uint32_t c = batch.n_chunks++, first = batch.n_rows;
        chunks[c] = {};
        chunks[c].first_row = first;
        chunks[c].n_rows = n_rows;
        chunks[c].first_pos = first_pos;
        chunks[c].pages_at = c * TIMELINE_PAGES;
        memcpy(pages.p + c * TIMELINE_PAGES, t.pages, sizeof t.pages);
        for (uint32_t i = 0; i < n_rows; i++) {
            chunk_of_row[batch.n_rows] = c;
            pos[batch.n_rows++] = first_pos + i;
        }
        return first;
    }

    /* By cuda_split.c, or at random: kinds, tokens of an item, runs of ranges, order. */
    weir_cuda_flash deal(bool is_random) {
        weir_cuda_flash flash;
        if (!is_random) {
            weir_cuda_split_shape shape = {n_heads, n_heads_kv, MOST_ROWS, MOST_SLOTS};
            weir_cuda_split_pack(&flash, chunks.p, batch.n_chunks, &shape, lists.p, lists.p);
            flash.slots = slots.p;
            return flash;
        }
        static weir_cuda_flash_item kinds[2][MOST_ITEMS];
        weir_cuda_flash_counts counts = {};
        uint32_t n[2] = {0, 0}, n_slots = 0;
        weir_cuda_flash_join *joins = (weir_cuda_flash_join *)(lists.p + sizeof counts);
        weir_cuda_flash_item *items = (weir_cuda_flash_item *)(joins + MOST_ROWS);
        for (uint32_t row = 0; row < batch.n_rows;) {
            const weir_cuda_rows &chunk = chunks[chunk_of_row[row]];
            uint32_t is_tile = test_below(2), end = chunk.first_row + chunk.n_rows;
            uint32_t n_tokens = 1 + test_below((is_tile ? 64 : 16) / group);
            if (n_tokens > end - row)
                n_tokens = end - row;
            uint32_t n_ranges = pos[row + n_tokens - 1] / WEIR_CUDA_FLASH_RANGE + 1;
            weir_cuda_flash_item item = {row, n_tokens, 0, n_ranges, WEIR_CUDA_FLASH_NO_SLOT, 0};
            if (test_below(2) && n_slots + n_tokens * n_ranges <= MOST_SLOTS) {
                item.slot = n_slots, item.slot_stride = n_ranges;
                n_slots += n_tokens * n_ranges;
                for (uint32_t t = 0; t < n_tokens; t++)
                    joins[counts.n_joins++] = {row + t, item.slot + t * n_ranges};
                while (item.first_range < n_ranges) {
                    item.n_ranges = 1 + test_below(n_ranges - item.first_range);
                    kinds[is_tile][n[is_tile]++] = item;
                    item.first_range += item.n_ranges;
                }
            } else {
                kinds[is_tile][n[is_tile]++] = item;
            }
            row += n_tokens;
        }
        counts.n_parts = n[0], counts.n_tiles = n[1];
        memcpy(lists.p, &counts, sizeof counts);
        memcpy(items, kinds[0], n[0] * sizeof *items);
        memcpy(items + n[0], kinds[1], n[1] * sizeof *items);
        flash.counts = (weir_cuda_flash_counts *)lists.p;
        flash.joins = joins;
        flash.items = items;
        flash.slots = slots.p;
        /* any grid: fewer blocks than items, or more */
        flash.launched = {n[0] ? 1 + test_below(2 * n[0]) : 0, n[1] ? 1 + test_below(2 * n[1]) : 0,
                          counts.n_joins ? 1 + test_below(2 * counts.n_joins) : 0};
        return flash;
    }
    void run(const float *q, float *y, bool is_random = false) {
        slots.poison();
        weir_cuda_flash flash = deal(is_random);
        weir_cuda_run_flash(nullptr, &batch, &kv, &flash, q, n_heads, y);
        finish();
    }
};

/* ---- against double ------------------------------------------------------------------------ */

/* softmax(q k / 8) v over positions 0 .. p, of one query head. */
static void attend_double(flash_case &c, const timeline &t, uint32_t p, uint32_t head_kv,
                          const float *q, double *y) {
    static double score[MOST_KEYS];
    float vector[DIMS];
    double best = -INFINITY, sum = 0;
    for (uint32_t j = 0; j <= p; j++) {
        weir_kv_load(&c.layout, c.stored(t, j, head_kv, false), vector);
        score[j] = 0;
        for (uint32_t i = 0; i < DIMS; i++)
            score[j] += (double)q[i] * vector[i] / 8;
        best = fmax(best, score[j]);
    }
    memset(y, 0, DIMS * sizeof *y);
    for (uint32_t j = 0; j <= p; j++) {
        weir_kv_load(&c.layout, c.stored(t, j, head_kv, true), vector);
        double w = exp(score[j] - best);
        sum += w;
        for (uint32_t i = 0; i < DIMS; i++)
            y[i] += w * vector[i];
    }
    for (uint32_t i = 0; i < DIMS; i++)
        y[i] /= sum;
}

static void check_rows(flash_case &c, const timeline &t, uint32_t first, uint32_t n, const float *q,
                       const float *y, relative_error *e) {
    for (uint32_t r = first; r < first + n; r++)
        for (uint32_t head = 0; head < c.n_heads; head++) {
            double want[DIMS];
            size_t at = r * c.width + head * DIMS;
            attend_double(c, t, c.pos[r], head / c.group, q + at, want);
            for (uint32_t i = 0; i < DIMS; i++)
                e->add(y[at + i], want[i]);
        }
}

static void fill_query(gpu_buffer<float> &q) {
    test_random_state = 5;
    test_fill(q);
    for (size_t i = 0; i < q.n; i++)
        q[i] *= 3; /* scores that matter */
}

/* Single rows at every border of groups and ranges, in one step. */
static void test_depths(weir_kv_type type, uint32_t n_heads, uint32_t n_heads_kv,
                        uint32_t deepest) {
    const uint32_t depths[] = {0, 1, 7, 62, 63, 64, 127, 128, 191, 255, 256, 257, 511, 512, 1000};
    flash_case c(type, n_heads, n_heads_kv);
    timeline t = c.make(1, (deepest > 1000 ? deepest : 1000) + 1);
    gpu_buffer<float> q(16 * c.width), y(16 * c.width);
    relative_error e;
    fill_query(q);
    for (uint32_t depth : depths)
        c.add(t, depth, 1);
    if (deepest > 1000)
        c.add(t, deepest, 1);
    c.run(q.p, y.p);
    check_rows(c, t, 0, c.batch.n_rows, q.p, y.p, &e);
    snprintf(name, sizeof name, "%s %u/%u, one row", weir_kv_type_name(type), n_heads, n_heads_kv);
    e.report("flash", name, 1e-3);
}

/* ---- bits ---------------------------------------------------------------------------------- */

/* A prompt of n rows behind `before` others, and then the same rows in all ways. */
static void test_bits(weir_kv_type type, uint32_t n_heads, uint32_t n_heads_kv, uint32_t before,
                      uint32_t n, uint64_t seed) {
    flash_case c(type, n_heads, n_heads_kv);
    timeline t = c.make(1, before + n), other = c.make(2, 400), moved = c.make(1, before + n);
    gpu_buffer<float> q(MOST_ROWS * c.width), y(MOST_ROWS * c.width), again(MOST_ROWS * c.width);
    relative_error e;
    fill_query(q);
    snprintf(name, sizeof name, "%s %u/%u, %u rows behind %u", weir_kv_type_name(type), n_heads,
             n_heads_kv, n, before);
    c.add(t, before, n);
    c.run(q.p, y.p);
    check_rows(c, t, 0, n, q.p, y.p, &e);
    e.report("flash", name, 1e-3);

    /* alone, and before keys that are not there yet */
    timeline young = c.make(1, before + n / 2 + 1);
    for (uint32_t r : {0u, n / 2, n - 1}) {
        c.clear();
        c.add(r == n / 2 ? young : t, before + r, 1);
        again.poison();
        c.run(q.p + r * c.width, again.p);
        check(same_bits(again.p, y.p + r * c.width, c.width), "a row alone", name);
    }
    /* in pieces, on other pages, in company, dealt out at random: queries of the pieces lie where
     * their rows are in the batch */
    gpu_buffer<float> mixed(MOST_ROWS * c.width);
    for (uint32_t round = 0; round < 4; round++) {
        uint32_t place[MOST_ROWS];
        test_random_state = seed * 1000 + round;
        fill_query(mixed);
        test_random_state = seed * 1000 + round;
        c.clear();
        for (uint32_t r = 0; r < n;) {
            uint32_t piece = test_below(3) ? 1 + test_below(n - r) : 1;
            if (c.batch.n_chunks >= MOST_CHUNKS - 2)
                piece = n - r;
            else if (test_below(2) && c.batch.n_rows < MOST_ROWS - n)
                c.add(other, test_below(390), 1 + test_below(5));
            uint32_t first = c.add(test_below(2) ? t : moved, before + r, piece);
            for (uint32_t i = 0; i < piece; i++, r++) {
                place[r] = first + i;
                memcpy(mixed.p + place[r] * c.width, q.p + r * c.width, c.width * sizeof(float));
            }
        }
        again.poison();
        c.run(mixed.p, again.p, round > 0);
        uint32_t n_wrong = 0;
        for (uint32_t r = 0; r < n; r++)
            n_wrong += !same_bits(again.p + place[r] * c.width, y.p + r * c.width, c.width);
        check(n_wrong == 0, round > 0 ? "rows dealt out at random" : "rows in company", name);
    }
}

static void test_refused() {
    flash_case c(WEIR_KV_F16, 4, 1);
    weir_cuda_kv kv = c.kv;
    kv.head_dim = 128;
    check(!weir_cuda_has_flash(&kv, 4), "a head of 128", "");
    kv = c.kv;
    check(weir_cuda_has_flash(&kv, 16) && !weir_cuda_has_flash(&kv, 17), "groups up to 16", "");
    kv.n_heads_kv = 2;
    check(!weir_cuda_has_flash(&kv, 3), "heads that do not divide", "");
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    uint64_t seed = argc > 1 ? strtoull(argv[1], nullptr, 10) : 1;
    test_words();
    test_refused();
    for (weir_kv_type type : {WEIR_KV_F32, WEIR_KV_F16, WEIR_KV_Q8}) {
        test_depths(type, 4, 1, type == WEIR_KV_F16 ? 5000 : 0);
        test_bits(type, 8, 2, 230, 40, seed);
    }
    test_depths(WEIR_KV_F16, 2, 2, 0);
    test_depths(WEIR_KV_F16, 2, 1, 0);
    test_depths(WEIR_KV_Q8, 8, 1, 0);
    test_bits(WEIR_KV_F16, 4, 1, 0, 70, seed + 1);
    test_bits(WEIR_KV_F16, 3, 1, 500, 25, seed + 2);
    test_bits(WEIR_KV_F16, 16, 1, 60, 9, seed + 3);
    test_bits(WEIR_KV_F16, 1, 1, 250, 80, seed + 4);
    return test_end();
}
