/*
 * test_cpu_ops.c: every op of the CPU device against the reference, on every instruction set of
 * this machine, and its bits with 1, 2 and 3 threads, for a row alone and in batches.
 */
#include "cpu_devices.h"

static const small_spec wide_spec = {.d_model = 256,
                                     .n_heads = 8,
                                     .n_heads_kv = 2,
                                     .head_dim = 32,
                                     .d_ff = 512,
                                     .n_experts = 6,
                                     .n_used = 3,
                                     .d_ff_expert = 256,
                                     .l_cache = 3,
                                     .n_vocab = 320,
                                     .format = WEIR_FORMAT_Q4_0,
                                     .has_bias = true,
                                     .seed = 11};

/* Nothing here is a multiple of a vector. */
static const small_spec odd_spec = {.d_model = 84,
                                    .n_heads = 6,
                                    .n_heads_kv = 3,
                                    .head_dim = 14,
                                    .d_ff = 100,
                                    .n_experts = 5,
                                    .n_used = 2,
                                    .d_ff_expert = 44,
                                    .l_cache = 4,
                                    .n_vocab = 33,
                                    .format = WEIR_FORMAT_F32,
                                    .has_bias = false,
                                    .seed = 12};

/* ---- linear ------------------------------------------------------------------------------- */

static void run_linear(weir_backend *be, const weir_linear *op, uint32_t rows, float *y) {
    weir_linear with = *op;
    with.y = y;
    spoil(y, (size_t)op->n_rows * rows);
    be->ops.linear(be, &with);
}

/* All rows against the reference; then by every team; then every batch of the first rows and every
 * row alone. */
static void check_linear(devices *d, const weir_weight *w, const float *bias, uint32_t n_rows) {
    float *x = small_values(d->small, (size_t)n_rows * w->cols, 1, 0);
    size_t n = (size_t)n_rows * w->rows;
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got),
          *again = malloc(n * sizeof *again);
    weir_linear op = {
        .w = w, .bias = bias, .x = x, .n_rows = n_rows, .n_choices = 1, .x_repeat = 1};
    run_linear(d->reference, &op, w->rows, want);
    run_linear(d->cpu[0], &op, w->rows, got);
    assert_close(d, w->format->name, got, want, n, 1e-5);
    for (int t = 1; t < DEVICE_TEAMS; t++) {
        run_linear(d->cpu[t], &op, w->rows, again);
        assert_same(d, w->format->name, again, got, n);
    }
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 32, 33};
    for (size_t i = 0; i < WEIR_COUNT(sizes) && sizes[i] < n_rows; i++) {
        op.n_rows = sizes[i];
        run_linear(d->cpu[i % DEVICE_TEAMS], &op, w->rows, again);
        assert_same(d, w->format->name, again, got, (size_t)sizes[i] * w->rows);
    }
    op.n_rows = 1;
    for (uint32_t r = 0; r < n_rows; r += 11) {
        op.x = x + (size_t)r * w->cols;
        run_linear(d->cpu[r % DEVICE_TEAMS], &op, w->rows, again);
        assert_same(d, w->format->name, again, got + (size_t)r * w->rows, w->rows);
    }
    free(want);
    free(got);
    free(again);
}

static void check_linear_formats(devices *d) {
    for (size_t f = 0; weir_format_at(f); f++) {
        const weir_format *format = weir_format_at(f);
        uint32_t short_cols = format->block_values >= 32 ? format->block_values : 44;
        weir_weight wide = small_weight(d->small, format->id, 200, 512);
        weir_weight narrow = small_weight(d->small, format->id, 67, short_cols);
        weir_weight few = small_weight(d->small, format->id, 5, 256);
        check_linear(d, &wide, NULL, 70);
        check_linear(d, &narrow, small_values(d->small, 67, 1, 0), 35);
        check_linear(d, &few, NULL, 9);
    }
}

static void linear_in_every_format(void **state) {
    (void)state;
    on_each_isa(&wide_spec, WEIR_KV_F16, check_linear_formats);
}

/* Rows of up to 3 experts of 6: as the router gives them, all to one, none to most. */
static void fill_choice(int32_t *choice, uint32_t n_rows, uint32_t k, uint32_t n, int skew) {
    for (uint32_t r = 0; r < n_rows; r++) {
        uint32_t first = (uint32_t)(weir_mix64(5, 6, r) % (n - k + 1));
        for (uint32_t j = 0; j < k; j++)
            choice[r * k + j] = skew == 0 ? (int32_t)(first + j) : skew == 1 ? 2 : (int32_t)(n - 1);
    }
}

static void check_experts_of(devices *d, const weir_weight *experts, uint32_t x_repeat,
                             const int32_t *choice, uint32_t n_rows) {
    uint32_t rows = experts->rows, cols = experts->cols, k = d->model->h.n_experts_used;
    float *x = small_values(d->small, (size_t)n_rows / x_repeat * cols, 1, 0);
    size_t n = (size_t)n_rows * rows;
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got),
          *again = malloc(n * sizeof *again);
    weir_linear op = {.w = experts,
                      .x = x,
                      .n_rows = n_rows,
                      .choice = choice,
                      .n_choices = d->model->h.n_experts,
                      .x_repeat = x_repeat};
    run_linear(d->reference, &op, rows, want);
    run_linear(d->cpu[0], &op, rows, got);
    assert_close(d, "experts", got, want, n, 1e-5);
    for (int t = 1; t < DEVICE_TEAMS; t++) {
        run_linear(d->cpu[t], &op, rows, again);
        assert_same(d, "experts", again, got, n);
    }
    op.n_rows = k; /* one token alone */
    for (uint32_t r = 0; r < n_rows; r += k) {
        op.x = x + (size_t)(r / x_repeat) * cols;
        op.choice = choice + r;
        run_linear(d->cpu[r / k % DEVICE_TEAMS], &op, rows, again);
        assert_same(d, "experts, a row alone", again, got + (size_t)r * rows, (size_t)k * rows);
    }
    free(want);
    free(got);
    free(again);
}

static void check_experts(devices *d) {
    const weir_hparams *h = &d->model->h;
    uint32_t k = h->n_experts_used;
    const weir_layer *layer = &d->model->layers[1];
    int32_t choice[DEVICE_BATCH * 8];
    static const uint32_t tokens[] = {1, 2, 7, 40, DEVICE_BATCH};
    for (size_t i = 0; i < WEIR_COUNT(tokens); i++) {
        for (int skew = 0; skew < 3; skew++) {
            fill_choice(choice, tokens[i], k, h->n_experts, skew);
            check_experts_of(d, layer->experts_gate, k, choice, tokens[i] * k);
            check_experts_of(d, layer->experts_down, 1, choice, tokens[i] * k);
        }
    }
}

static void linear_by_experts(void **state) {
    (void)state;
    small_spec spec = wide_spec;
    on_each_isa(&spec, WEIR_KV_F16, check_experts);
    spec.format = WEIR_FORMAT_Q6_K;
    on_each_isa(&spec, WEIR_KV_F16, check_experts);
    spec.format = WEIR_FORMAT_IQ4_XS;
    on_each_isa(&spec, WEIR_KV_F16, check_experts);
    on_each_isa(&odd_spec, WEIR_KV_F16, check_experts);
}

/* ---- rows and values ---------------------------------------------------------------------- */

static void check_embed(devices *d) {
    uint32_t n = DEVICE_BATCH, width = d->model->h.d_model;
    int32_t tokens[DEVICE_BATCH];
    float *want = malloc((size_t)n * width * sizeof *want),
          *got = malloc((size_t)n * width * sizeof *got);
    for (uint32_t r = 0; r < n; r++)
        tokens[r] = (int32_t)(weir_mix64(1, 2, r) % d->model->h.n_vocab);
    tokens[0] = 0;
    tokens[1] = (int32_t)d->model->h.n_vocab - 1;
    d->reference->ops.embed(d->reference, tokens, n, want);
    for (int t = 0; t < DEVICE_TEAMS; t++) {
        spoil(got, (size_t)n * width);
        d->cpu[t]->ops.embed(d->cpu[t], tokens, n, got);
        assert_same(d, "embed", got, want, (size_t)n * width);
    }
    free(want);
    free(got);
}

static void embed_is_the_formats_own(void **state) {
    (void)state;
    small_spec spec = wide_spec;
    for (size_t f = 0; weir_format_at(f); f++) {
        spec.format = weir_format_at(f)->id;
        on_each_isa(&spec, WEIR_KV_F16, check_embed);
    }
}

static void check_norm(devices *d, uint32_t n_rows, uint32_t width) {
    size_t n = (size_t)n_rows * width;
    float *x = small_values(d->small, n, 3, 0.5), *weight = small_values(d->small, width, 0.3, 1);
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got),
          *again = malloc(n * sizeof *again);
    d->reference->ops.rms_norm(d->reference, x, weight, n_rows, width, want);
    d->cpu[0]->ops.rms_norm(d->cpu[0], x, weight, n_rows, width, got);
    assert_close(d, "rms_norm", got, want, n, 1e-6);
    for (int t = 1; t < DEVICE_TEAMS; t++) { /* in place */
        memcpy(again, x, n * sizeof *again);
        d->cpu[t]->ops.rms_norm(d->cpu[t], again, weight, n_rows, width, again);
        assert_same(d, "rms_norm", again, got, n);
    }
    for (uint32_t r = 0; r < n_rows; r += 5) {
        d->cpu[1]->ops.rms_norm(d->cpu[1], x + (size_t)r * width, weight, 1, width, again);
        assert_same(d, "rms_norm, a row alone", again, got + (size_t)r * width, width);
    }
    free(want);
    free(got);
    free(again);
}

static void check_norms(devices *d) {
    check_norm(d, 1, 2048);
    check_norm(d, 9, 2048);
    check_norm(d, 31, 1000);
    check_norm(d, 700, 64);
    check_norm(d, 700, 37);
    check_norm(d, 3, 5);
}

static void rms_norm_rows(void **state) {
    (void)state;
    on_each_isa(&wide_spec, WEIR_KV_F16, check_norms);
}

static void check_silu(devices *d) {
    enum { MOST = 40000 };
    static const size_t sizes[] = {1, 15, 16, 17, 100, 16384, 16401, MOST};
    float *gate = small_values(d->small, MOST, 8, 0), *up = small_values(d->small, MOST, 1, 0);
    static const float corners[] = {0.0f, -0.0f, 90.0f, -90.0f, 200.0f, -200.0f, 1e-30f, -1e-6f};
    memcpy(gate + 40, corners, sizeof corners);
    float *want = malloc(MOST * sizeof *want), *got = malloc(MOST * sizeof *got),
          *again = malloc(MOST * sizeof *again);
    d->reference->ops.silu_mul(d->reference, gate, up, MOST, want);
    d->cpu[0]->ops.silu_mul(d->cpu[0], gate, up, MOST, got);
    assert_close(d, "silu_mul", got, want, MOST, 2e-6);
    for (size_t i = 0; i < WEIR_COUNT(sizes); i++) {
        for (int t = 0; t < DEVICE_TEAMS; t++) {
            memcpy(again, gate, sizes[i] * sizeof *again);
            d->cpu[t]->ops.silu_mul(d->cpu[t], again, up, sizes[i], again);
            assert_same(d, "silu_mul", again, got, sizes[i]);
        }
    }
    /* A value has the same bits wherever it stands in the array. */
    for (size_t first = 1; first < 20; first++) {
        d->cpu[0]->ops.silu_mul(d->cpu[0], gate + first, up + first, 61, again);
        assert_same(d, "silu_mul, moved", again, got + first, 61);
    }
    free(want);
    free(got);
    free(again);
}

static void silu_mul_values(void **state) {
    (void)state;
    on_each_isa(&wide_spec, WEIR_KV_F16, check_silu);
}

static void check_add_of(devices *d, uint32_t n_rows, uint32_t n_parts, uint32_t width,
                         bool has_scale) {
    size_t n = (size_t)n_rows * width;
    float *y = small_values(d->small, n, 1, 0), *x = small_values(d->small, n * n_parts, 1, 0);
    float *scale = has_scale ? small_values(d->small, (size_t)n_rows * n_parts, 1, 0) : NULL;
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got),
          *again = malloc(n * sizeof *again);
    memcpy(want, y, n * sizeof *want);
    memcpy(got, y, n * sizeof *got);
    d->reference->ops.add(d->reference, want, x, scale, n_rows, n_parts, width);
    d->cpu[0]->ops.add(d->cpu[0], got, x, scale, n_rows, n_parts, width);
    assert_close(d, "add", got, want, n, 1e-6);
    for (int t = 1; t < DEVICE_TEAMS; t++) {
        memcpy(again, y, n * sizeof *again);
        d->cpu[t]->ops.add(d->cpu[t], again, x, scale, n_rows, n_parts, width);
        assert_same(d, "add", again, got, n);
    }
    for (uint32_t r = 0; r < n_rows; r++) {
        memcpy(again, y + (size_t)r * width, width * sizeof *again);
        d->cpu[0]->ops.add(d->cpu[0], again, x + (size_t)r * n_parts * width,
                           scale ? scale + (size_t)r * n_parts : NULL, 1, n_parts, width);
        assert_same(d, "add, a row alone", again, got + (size_t)r * width, width);
    }
    free(want);
    free(got);
    free(again);
}

static void check_adds(devices *d) {
    check_add_of(d, 40, 4, 256, true);
    check_add_of(d, 100, 1, 300, false);
    check_add_of(d, 3, 2, 37, true);
}

static void add_parts(void **state) {
    (void)state;
    on_each_isa(&wide_spec, WEIR_KV_F16, check_adds);
}

static void check_route(devices *d) {
    const weir_hparams *h = &d->model->h;
    enum { ROWS = 1200 };
    uint32_t n = h->n_experts, k = h->n_experts_used;
    float *logits = small_values(d->small, (size_t)ROWS * n, 2, 0);
    for (uint32_t e = 0; e < n; e++) {
        logits[e] = 0; /* all alike: decided by the bias */
        logits[n + e] = e % 2 ? 100.0f : -100.0f;
        logits[2 * n + e] = NAN; /* a broken row still names distinct experts */
    }
    int32_t want[ROWS * 8], got[ROWS * 8];
    float want_w[ROWS * 8], got_w[ROWS * 8];
    assert_true(k <= 8);
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        weir_layer layer = d->model->layers[1];
        if (!with_bias)
            layer.expert_bias = NULL;
        d->reference->ops.route(d->reference, &layer, logits, ROWS, want, want_w);
        for (int t = 0; t < DEVICE_TEAMS; t++) {
            d->cpu[t]->ops.route(d->cpu[t], &layer, logits, ROWS, got, got_w);
            assert_memory_equal(got, want, (size_t)ROWS * k * sizeof *got);
            assert_memory_equal(got_w, want_w, (size_t)ROWS * k * sizeof *got_w);
        }
        for (uint32_t r = 0; r < ROWS; r++)
            for (uint32_t j = 0; j < k; j++)
                assert_true(got[r * k + j] > (j ? got[r * k + j - 1] : -1) &&
                            (uint32_t)got[r * k + j] < n);
        for (uint32_t j = 0; !with_bias && j < k; j++)
            assert_int_equal(got[j], j); /* ties go to the lower index */
    }
}

static void route_rows(void **state) {
    (void)state;
    on_each_isa(&wide_spec, WEIR_KV_F16, check_route);
    on_each_isa(&odd_spec, WEIR_KV_F16, check_route);
}

/* ---- rows of timelines -------------------------------------------------------------------- */

/* A batch of rows of several timelines, made by add_chunk. */
typedef struct rows {
    weir_batch batch;
    weir_rows chunks[DEVICE_BATCH];
    uint32_t pos[DEVICE_BATCH];
} rows;

static void add_chunk(rows *b, const weir_rows *chunk) {
    weir_rows *c = &b->chunks[b->batch.n_chunks++];
    *c = *chunk;
    c->first_row = b->batch.n_rows;
    for (uint32_t i = 0; i < c->n_rows; i++)
        b->pos[b->batch.n_rows++] = c->first_pos + i;
    assert_true(b->batch.n_rows <= DEVICE_BATCH);
    b->batch.chunks = b->chunks;
    b->batch.pos = b->pos;
}

static void check_rope(devices *d) {
    const weir_hparams *h = &d->model->h;
    size_t n = (size_t)DEVICE_BATCH * h->n_heads * h->head_dim;
    float *x = small_values(d->small, n, 1, 0);
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got);
    static const uint32_t first[] = {0, 100000, 17, 17, 0};
    for (size_t i = 0; i < WEIR_COUNT(first); i++) {
        rows b = {0};
        add_chunk(&b, &(weir_rows){.n_rows = 60, .first_pos = first[i]});
        add_chunk(&b, &(weir_rows){.n_rows = 100, .first_pos = 3 * first[i] + 5});
        memcpy(want, x, n * sizeof *want);
        d->reference->ops.rope(d->reference, &b.batch, h->n_heads, want);
        float *bits = malloc(n * sizeof *bits);
        for (int t = 0; t < DEVICE_TEAMS; t++) {
            memcpy(got, x, n * sizeof *got);
            d->cpu[t]->ops.rope(d->cpu[t], &b.batch, h->n_heads, got);
            assert_close(d, "rope", got, want, n, 1e-6);
            if (t == 0)
                memcpy(bits, got, n * sizeof *bits);
            assert_same(d, "rope", got, bits, n);
        }
        for (uint32_t r = 0; r < DEVICE_BATCH; r += 13) { /* alone, at another row of the table */
            size_t at = (size_t)r * h->n_heads * h->head_dim;
            rows one = {0};
            add_chunk(&one, &(weir_rows){.n_rows = 1, .first_pos = b.pos[r]});
            memcpy(got, x + at, h->n_heads * h->head_dim * sizeof *got);
            d->cpu[1]->ops.rope(d->cpu[1], &one.batch, h->n_heads, got);
            assert_same(d, "rope, a row alone", got, bits + at, (size_t)h->n_heads * h->head_dim);
        }
        free(bits);
    }
    free(want);
    free(got);
}

static void rope_rows(void **state) {
    (void)state;
    on_each_isa(&wide_spec, WEIR_KV_F16, check_rope);
    on_each_isa(&odd_spec, WEIR_KV_F16, check_rope);
}

/* Random q, k, v of a batch. */
typedef struct heads {
    float *q, *k, *v;
} heads;

static void attend_batch(weir_backend *be, const rows *b, const weir_layer *layer, const heads *in,
                         float *y) {
    be->ops.kv_write(be, &b->batch, layer, in->k, in->v);
    be->ops.attend(be, &b->batch, layer, in->q, y);
}

/* Two timelines of 150 and 5 keys grow by chunks; the last chunk begins with replayed rows. */
static void check_attention(devices *d) {
    const weir_hparams *h = &d->model->h;
    const weir_layer *layer = &d->model->layers[3];
    static const uint32_t pages_a[] = {7, 2, 11}, pages_b[] = {0};
    uint32_t wide = h->n_heads * h->head_dim, narrow = layer->n_heads_kv * h->head_dim;
    enum { A = 140, B = 5 };
    heads in = {small_values(d->small, (size_t)DEVICE_BATCH * wide, 1.5, 0),
                small_values(d->small, (size_t)DEVICE_BATCH * narrow, 1.5, 0),
                small_values(d->small, (size_t)DEVICE_BATCH * narrow, 1, 0)};
    size_t n = (size_t)DEVICE_BATCH * wide, page_bytes = d->reference->kv.page_bytes;
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got),
          *again = malloc(n * sizeof *again);
    uint8_t *page = malloc(page_bytes), *page_want = malloc(page_bytes);
    rows whole = {0};
    add_chunk(&whole, &(weir_rows){.n_rows = A, .pages = pages_a});
    add_chunk(&whole, &(weir_rows){.n_rows = B, .pages = pages_b});
    size_t n_whole = (size_t)(A + B) * wide;
    attend_batch(d->reference, &whole, layer, &in, want);
    for (int t = 0; t < DEVICE_TEAMS; t++) {
        spoil(again, n_whole);
        attend_batch(d->cpu[t], &whole, layer, &in, again);
        assert_close(d, "attend", again, want, n_whole, 2e-5);
        if (t == 0)
            memcpy(got, again, n_whole * sizeof *got);
        assert_same(d, "attend", again, got, n_whole);
        for (uint32_t p = 0; p < 12; p++) {
            d->cpu[t]->page_read(d->cpu[t], p, page);
            d->reference->page_read(d->reference, p, page_want);
            assert_memory_equal(page, page_want, page_bytes);
        }
    }
    /* Token by token into other pages, the two timelines side by side: the same bits. */
    static const uint32_t pages_c[] = {20, 21, 22}, pages_d[] = {23};
    for (uint32_t i = 0; i < A; i++) {
        rows b = {0};
        uint32_t n_b = i < B ? 1 : 0;
        float q[2 * 1024], k[2 * 1024], v[2 * 1024], y[2 * 1024];
        assert_true(wide <= 1024);
        for (uint32_t j = 0; j <= n_b; j++) {
            uint32_t r = j == 0 ? i : A + i;
            memcpy(q + j * wide, in.q + (size_t)r * wide, wide * sizeof *q);
            memcpy(k + j * narrow, in.k + (size_t)r * narrow, narrow * sizeof *k);
            memcpy(v + j * narrow, in.v + (size_t)r * narrow, narrow * sizeof *v);
        }
        add_chunk(&b, &(weir_rows){.n_rows = 1, .first_pos = i, .pages = pages_c});
        if (n_b)
            add_chunk(&b, &(weir_rows){.n_rows = 1, .first_pos = i, .pages = pages_d});
        attend_batch(d->cpu[i % DEVICE_TEAMS], &b, layer, &(heads){q, k, v}, y);
        for (int t = 0; t < DEVICE_TEAMS; t++) /* the others need the keys too */
            d->cpu[t]->ops.kv_write(d->cpu[t], &b.batch, layer, k, v);
        assert_same(d, "attend, token by token", y, got + (size_t)i * wide, wide);
        if (n_b)
            assert_same(d, "attend, token by token", y + wide, got + (size_t)(A + i) * wide, wide);
    }
    /* Replayed rows read at their own position and write nothing. */
    rows replay = {0};
    add_chunk(&replay,
              &(weir_rows){.n_rows = 30, .n_replay = 20, .first_pos = A - 20, .pages = pages_a});
    heads later = {in.q + (size_t)40 * wide, in.k + (size_t)40 * narrow,
                   in.v + (size_t)40 * narrow};
    attend_batch(d->reference, &replay, layer, &later, want);
    for (int t = 0; t < DEVICE_TEAMS; t++) {
        attend_batch(d->cpu[t], &replay, layer, &later, again);
        assert_close(d, "attend, replay", again, want, (size_t)30 * wide, 2e-5);
        for (size_t p = 0; p < WEIR_COUNT(pages_a); p++) {
            d->cpu[t]->page_read(d->cpu[t], pages_a[p], page);
            d->reference->page_read(d->reference, pages_a[p], page_want);
            assert_memory_equal(page, page_want, page_bytes);
        }
    }
    free(want);
    free(got);
    free(again);
    free(page);
    free(page_want);
}

static void attention_over_pages(void **state) {
    (void)state;
    on_each_isa(&wide_spec, WEIR_KV_F32, check_attention);
    on_each_isa(&wide_spec, WEIR_KV_F16, check_attention);
    on_each_isa(&wide_spec, WEIR_KV_Q8, check_attention);
    on_each_isa(&odd_spec, WEIR_KV_F32, check_attention);
    on_each_isa(&odd_spec, WEIR_KV_F16, check_attention);
}

/* Three timelines, one of which goes on from a state; whole, then cut into chunks of every size. */
static void check_conv(devices *d) {
    const weir_hparams *h = &d->model->h;
    const weir_layer *layer = &d->model->layers[2];
    uint32_t width = h->d_model, n_rows = 100;
    size_t n_state = (size_t)d->model->n_layers_conv * width * (h->l_cache - 1);
    float *bcx = small_values(d->small, (size_t)n_rows * 3 * width, 1, 0);
    float *before = small_values(d->small, n_state, 1, 0);
    size_t n = (size_t)n_rows * width;
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got),
          *again = malloc(n * sizeof *again), *state = malloc(n_state * sizeof *state),
          *state_want = malloc(n_state * sizeof *state_want),
          *state_bits = malloc(n_state * sizeof *state_bits);
    /* Only this layer's part of a state moves. */
    size_t layer_at = layer->kind_index * (size_t)width * (h->l_cache - 1);
    size_t layer_values = (size_t)width * (h->l_cache - 1);
    rows b = {0};
    add_chunk(&b, &(weir_rows){.n_rows = 1, .state_in = WEIR_NO_STATE, .state_out = 1});
    add_chunk(&b, &(weir_rows){.n_rows = 70, .state_in = 2, .state_out = 3});
    add_chunk(&b, &(weir_rows){.n_rows = 29, .state_in = WEIR_NO_STATE, .state_out = 4});
    d->reference->state_write(d->reference, 2, before);
    d->reference->ops.short_conv(d->reference, &b.batch, layer, bcx, want);
    for (int t = 0; t < DEVICE_TEAMS; t++) {
        weir_backend *be = d->cpu[t];
        be->state_write(be, 2, before);
        spoil(again, n);
        be->ops.short_conv(be, &b.batch, layer, bcx, again);
        assert_close(d, "short_conv", again, want, n, 2e-6);
        if (t == 0)
            memcpy(got, again, n * sizeof *got);
        assert_same(d, "short_conv", again, got, n);
        for (uint32_t s = 1; s < 5; s++) {
            be->state_read(be, s, state);
            d->reference->state_read(d->reference, s, state_want);
            assert_same(d, "short_conv, state", state + layer_at, state_want + layer_at,
                        layer_values);
        }
    }
    d->cpu[0]->state_read(d->cpu[0], 3, state_bits);
    static const uint32_t sizes[] = {1, 2, 3, 64};
    for (size_t i = 0; i < WEIR_COUNT(sizes); i++) {
        uint32_t from = 2, to = 5; /* states in turn, because out is never in */
        for (uint32_t done = 0; done < 70; done += sizes[i]) {
            weir_backend *be = d->cpu[i % DEVICE_TEAMS];
            uint32_t take = 70 - done < sizes[i] ? 70 - done : sizes[i];
            rows part = {0};
            add_chunk(&part, &(weir_rows){.n_rows = take, .state_in = from, .state_out = to});
            be->ops.short_conv(be, &part.batch, layer, bcx + (size_t)(1 + done) * 3 * width, again);
            assert_same(d, "short_conv, in chunks", again, got + (size_t)(1 + done) * width,
                        (size_t)take * width);
            from = to;
            to = from == 5 ? 6 : 5;
            if (done + take == 70) {
                be->state_read(be, from, state);
                assert_same(d, "short_conv, state in chunks", state + layer_at,
                            state_bits + layer_at, layer_values);
            }
        }
    }
    free(want);
    free(got);
    free(again);
    free(state);
    free(state_want);
    free(state_bits);
}

static void short_conv_in_chunks(void **state) {
    (void)state;
    small_spec spec = wide_spec;
    for (spec.l_cache = 2; spec.l_cache <= 5; spec.l_cache++)
        on_each_isa(&spec, WEIR_KV_F16, check_conv);
    on_each_isa(&odd_spec, WEIR_KV_F16, check_conv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_in_every_format),
        cmocka_unit_test(linear_by_experts),
        cmocka_unit_test(embed_is_the_formats_own),
        cmocka_unit_test(rms_norm_rows),
        cmocka_unit_test(silu_mul_values),
        cmocka_unit_test(add_parts),
        cmocka_unit_test(route_rows),
        cmocka_unit_test(rope_rows),
        cmocka_unit_test(attention_over_pages),
        cmocka_unit_test(short_conv_in_chunks),
    };
    return cmocka_run_group_tests_name("cpu ops", tests, NULL, NULL);
}
