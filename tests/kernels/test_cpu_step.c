/*
 * test_cpu_step.c: the CPU device as a whole: steps of small models against the reference, the bits
 * of a timeline alone, in company, in chunks of any size and after a rewind, and what open and plan
 * promise about memory, progress and errors.
 */
#include "cpu/cpu_backend.h"
#include "cpu_devices.h"
#include "t16_emulated.h"

#include <pthread.h>
#include <time.h>

enum { LONG = 110, SHORT = 40 };

static const small_spec moe_spec = {.d_model = 256,
                                    .n_heads = 8,
                                    .n_heads_kv = 2,
                                    .head_dim = 32,
                                    .d_ff = 512,
                                    .n_experts = 8,
                                    .n_used = 3,
                                    .d_ff_expert = 256,
                                    .l_cache = 3,
                                    .n_vocab = 320,
                                    .format = WEIR_FORMAT_Q4_0,
                                    .seed = 21};

static const small_spec dense_spec = {.d_model = 84,
                                      .n_heads = 6,
                                      .n_heads_kv = 3,
                                      .head_dim = 14,
                                      .d_ff = 100,
                                      .l_cache = 4,
                                      .n_vocab = 33,
                                      .format = WEIR_FORMAT_F32,
                                      .has_bias = true,
                                      .seed = 22};

/* A batch of rows of timelines, all of whose logits are wanted. */
typedef struct step {
    weir_batch batch;
    weir_rows chunks[4];
    int32_t tokens[DEVICE_BATCH];
    uint32_t pos[DEVICE_BATCH], out_rows[DEVICE_BATCH];
    float *logits[DEVICE_BATCH];
} step;

/* Adds tokens [chunk->n_rows] whose logits go to [n_rows, n_vocab]; logits NULL: not wanted. */
static void add_chunk(step *s, const weir_rows *chunk, const int32_t *tokens, float *logits,
                      uint32_t n_vocab) {
    weir_batch *b = &s->batch;
    weir_rows *c = &s->chunks[b->n_chunks++];
    *c = *chunk;
    c->first_row = b->n_rows;
    for (uint32_t i = 0; i < c->n_rows; i++) {
        s->tokens[b->n_rows] = tokens[i];
        s->pos[b->n_rows] = c->first_pos + i;
        if (logits) {
            s->out_rows[b->n_out] = b->n_rows;
            s->logits[b->n_out++] = logits + (size_t)i * n_vocab;
        }
        b->n_rows++;
    }
    b->tokens = s->tokens;
    b->pos = s->pos;
    b->chunks = s->chunks;
    b->out_rows = s->out_rows;
    b->logits = s->logits;
}

static void run_step(weir_backend *be, const step *s) {
    weir_error err = {0};
    if (weir_backend_step(be, &s->batch, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
}

/* A step that is observed is made of ops, others are one region. */
static void hear_nothing(void *context, const char *what, uint32_t layer, const void *data,
                         uint32_t n_rows, uint32_t width) {
    (void)context, (void)what, (void)layer, (void)data, (void)n_rows, (void)width;
}

static const weir_observer deaf = {.take = hear_nothing};

static const uint32_t pages_long[] = {3, 9}, pages_short[] = {1};

/* One timeline from its beginning in chunks of `size`, into states `to` and to + 1 in turn, from
 * position `from` on, where state_in is the state. Returns the last state. */
static uint32_t run_in_chunks(weir_backend *be, uint32_t size, uint32_t from, uint32_t state_in,
                              uint32_t to, const uint32_t *pages, const int32_t *tokens,
                              float *logits, const weir_observer *observer) {
    uint32_t n_vocab = be->model->h.n_vocab;
    for (uint32_t pos = from; pos < LONG; pos += size) {
        step s = {0};
        weir_rows chunk = {.n_rows = LONG - pos < size ? LONG - pos : size,
                           .first_pos = pos,
                           .pages = pages,
                           .state_in = state_in,
                           .state_out = state_in == to ? to + 1 : to};
        add_chunk(&s, &chunk, tokens + pos, logits + (size_t)pos * n_vocab, n_vocab);
        s.batch.observer = observer;
        run_step(be, &s);
        state_in = chunk.state_out;
    }
    return state_in;
}

/* Rounded to 15 or 8 bits a router's tie may fall the other way, which changes the whole row: so
 * all but one row in twenty. */
static void assert_mostly_close(const devices *d, const float *got, const float *want, size_t n) {
    const double tolerance = d->activations == WEIR_ACTIVATIONS_Q15 ? 5e-3 : 0.2;
    size_t n_off = 0;
    for (size_t i = 0; i < n; i++)
        n_off += !(fabs((double)got[i] - want[i]) <= tolerance * (1 + fabs(want[i])));
    if (n_off * 20 > n)
        fail_msg("%s: %zu of %zu logits are off by more than %g", d->isa, n_off, n, tolerance);
}

static void check_step(devices *d) {
    uint32_t n_vocab = d->model->h.n_vocab;
    size_t n_long = (size_t)LONG * n_vocab, n_short = (size_t)SHORT * n_vocab;
    size_t n_state =
        (size_t)d->model->n_layers_conv * d->model->h.d_model * (d->model->h.l_cache - 1);
    float *want = malloc((n_long + n_short) * sizeof *want),
          *got = malloc((n_long + n_short) * sizeof *got),
          *again = malloc((n_long + n_short) * sizeof *again),
          *state = malloc(n_state * sizeof *state), *state_bits = malloc(n_state * sizeof *state);
    int32_t tokens[LONG];
    for (uint32_t i = 0; i < LONG; i++)
        tokens[i] = (int32_t)(weir_mix64(8, 9, i) % n_vocab);

    /* Two timelines in one step. */
    step both = {0};
    weir_rows chunk_long = {
        .n_rows = LONG, .pages = pages_long, .state_in = WEIR_NO_STATE, .state_out = 4};
    weir_rows chunk_short = {
        .n_rows = SHORT, .pages = pages_short, .state_in = WEIR_NO_STATE, .state_out = 5};
    add_chunk(&both, &chunk_long, tokens, want, n_vocab);
    add_chunk(&both, &chunk_short, tokens + 50, want + n_long, n_vocab);
    run_step(d->reference, &both);
    for (uint32_t i = 0; i < LONG + SHORT; i++)
        both.logits[i] = again + (size_t)i * n_vocab;
    for (int t = 0; t < DEVICE_TEAMS; t++) {
        spoil(again, n_long + n_short);
        run_step(d->cpu[t], &both);
        if (d->activations != WEIR_ACTIVATIONS_F32)
            assert_mostly_close(d, again, want, n_long + n_short);
        else
            assert_close(d, "logits", again, want, n_long + n_short, 2e-4);
        if (t == 0)
            memcpy(got, again, (n_long + n_short) * sizeof *got);
        assert_same(d, "logits", again, got, n_long + n_short);
        both.batch.observer = &deaf;
        spoil(again, n_long + n_short);
        run_step(d->cpu[t], &both);
        assert_same(d, "logits, made of ops", again, got, n_long + n_short);
        both.batch.observer = NULL;
    }
    d->cpu[0]->state_read(d->cpu[0], 4, state_bits);

    /* The long one alone and in chunks. */
    static const uint32_t sizes[] = {LONG, 1, 17, 1, 1};
    static const uint32_t pages_alone[] = {12, 2};
    for (size_t i = 0; i < WEIR_COUNT(sizes); i++) {
        weir_backend *be = d->cpu[i % DEVICE_TEAMS];
        const weir_observer *observer = i + 1 == WEIR_COUNT(sizes) ? &deaf : NULL;
        spoil(again, n_long);
        uint32_t last =
            run_in_chunks(be, sizes[i], 0, WEIR_NO_STATE, 6, pages_alone, tokens, again, observer);
        assert_same(d, "logits, in chunks", again, got, n_long);
        be->state_read(be, last, state);
        assert_same(d, "state, in chunks", state, state_bits, n_state);
    }

    /* After a rewind to position 90: the replay window, then the rest. */
    uint32_t window = (d->model->h.l_cache - 1) * d->model->n_layers_conv, cut = 90;
    for (int t = 0; t < DEVICE_TEAMS; t++) {
        weir_backend *be = d->cpu[t];
        step replay = {0};
        weir_rows chunk = {.n_rows = window + 1,
                           .n_replay = window,
                           .first_pos = cut - window,
                           .pages = pages_long,
                           .state_in = WEIR_NO_STATE,
                           .state_out = 0};
        add_chunk(&replay, &chunk, tokens + chunk.first_pos, again, n_vocab);
        run_step(be, &replay);
        assert_same(d, "logits, after a replay", again + (size_t)window * n_vocab,
                    got + (size_t)cut * n_vocab, n_vocab);
        run_in_chunks(be, 5, cut + 1, 0, 2, pages_long, tokens, again, NULL);
        assert_same(d, "logits, after a rewind", again + (size_t)(cut + 1) * n_vocab,
                    got + (size_t)(cut + 1) * n_vocab, n_long - (size_t)(cut + 1) * n_vocab);
    }
    free(want);
    free(got);
    free(again);
    free(state);
    free(state_bits);
}

static void steps_of_moe_models(void **state) {
    (void)state;
    small_spec spec = moe_spec;
    on_each_isa(&spec, WEIR_KV_F16, check_step);
    spec.format = WEIR_FORMAT_Q4_K;
    on_each_isa(&spec, WEIR_KV_F32, check_step);
    spec.format = WEIR_FORMAT_Q5_1; /* no kernel of its own */
    on_each_isa(&spec, WEIR_KV_F32, check_step);
    spec.format = WEIR_FORMAT_BF16;
    on_each_isa(&spec, WEIR_KV_F32, check_step);
}

/* Packed matrices and activations in 15 and 8 bits. */
static void steps_of_packed_models(void **state) {
    (void)state;
    static const weir_format_id formats[] = {WEIR_FORMAT_Q4_0, WEIR_FORMAT_Q4_K, WEIR_FORMAT_Q6_K,
                                             WEIR_FORMAT_Q8_0, WEIR_FORMAT_MXFP4};
    for (size_t i = 0; i < WEIR_COUNT(formats); i++) {
        small_spec spec = moe_spec;
        spec.format = formats[i];
        on_each_isa_with(&spec, i % 2 ? WEIR_KV_F16 : WEIR_KV_F32, WEIR_ACTIVATIONS_Q15,
                         check_step);
        if (i % 2 == 0)
            on_each_isa_with(&spec, WEIR_KV_F32, WEIR_ACTIVATIONS_Q8, check_step);
    }
}

/* ---- products of many rows on tiles, emulated ---- */

static weir_t16_fn *product_on_tiles;
static atomic_uint n_on_tiles;

static void count_product(const weir_t16_strips *strips, const uint8_t *const *x, uint32_t n_x,
                          uint32_t n_cols, float *const *y) {
    atomic_fetch_add(&n_on_tiles, 1);
    product_on_tiles(strips, x, n_x, n_cols, y);
}

/* All devices but the first have tiles: the bits are those of the first, and of single rows. */
static void check_on_tiles(devices *d) {
    if (strcmp(d->isa, "portable") == 0) /* its activations are not bytes */
        return;
    weir_format_id format = d->model->layers[0].conv_in.format->id;
    static weir_t16_fn *counted[WEIR_FORMAT_LIMIT];
    weir_cpu_kernels emulated = emulated_tiles();
    memset(counted, 0, sizeof counted);
    product_on_tiles = emulated.t16_q8_tiles[format];
    counted[format] = count_product;
    for (uint32_t t = 0; t < DEVICE_TEAMS; t++) {
        weir_cpu *cpu = weir_cpu_of(d->cpu[t]);
        cpu->t16_tiles = t == 0 ? NULL : counted;
        cpu->kernels.t16_tile_rows = 5;
    }
    atomic_store(&n_on_tiles, 0);
    check_step(d);
    assert_true(atomic_load(&n_on_tiles) > 100);
}

static void steps_on_tiles(void **state) {
    (void)state;
    static const weir_format_id formats[] = {WEIR_FORMAT_Q4_0, WEIR_FORMAT_Q4_K, WEIR_FORMAT_Q6_K};
    for (size_t i = 0; i < WEIR_COUNT(formats); i++) {
        small_spec spec = moe_spec;
        spec.format = formats[i];
        on_each_isa_with(&spec, WEIR_KV_F32, WEIR_ACTIVATIONS_Q8, check_on_tiles);
    }
}

static void steps_of_dense_models(void **state) {
    (void)state;
    on_each_isa(&dense_spec, WEIR_KV_F32, check_step);
    on_each_isa(&dense_spec, WEIR_KV_F16, check_step);
}

/* Packed matrices beside others in one section: q2_k has no strips. Biases beside packed ones. */
static void steps_of_mixed_models(void **state) {
    (void)state;
    small_spec spec = moe_spec;
    spec.is_mixed = true;
    spec.other = WEIR_FORMAT_Q2_K;
    on_each_isa_with(&spec, WEIR_KV_F32, WEIR_ACTIVATIONS_Q8, check_step);
    spec.format = WEIR_FORMAT_Q6_K;
    spec.other = WEIR_FORMAT_Q4_K;
    spec.has_bias = true;
    on_each_isa_with(&spec, WEIR_KV_F32, WEIR_ACTIVATIONS_Q15, check_step);
}

/* As llama.cpp rounds: made of ops, alone or in company, by any team. */
static void steps_of_parity(void **state) {
    (void)state;
    small_spec spec = moe_spec;
    on_each_isa_with(&spec, WEIR_KV_F32, WEIR_ACTIVATIONS_PARITY, check_step);
    spec.format = WEIR_FORMAT_Q4_K;
    on_each_isa_with(&spec, WEIR_KV_F16, WEIR_ACTIVATIONS_PARITY, check_step);
}

/* A timeline so long that threads share a row's keys. */
enum { N_KEYS = 2 * WEIR_ATTEND_SEGMENT + 3, N_LAST = 6 };

static const uint32_t pages_many[] = {17, 0, 3, 1, 2, 20, 19, 18, 16, 4, 5, 6, 15, 14, 13, 7, 8};

/* Runs all tokens but the last in chunks; the state behind them. */
static uint32_t run_beginning(weir_backend *be, const int32_t *tokens) {
    uint32_t state = WEIR_NO_STATE, end = N_KEYS - N_LAST;
    for (uint32_t pos = 0; pos < end;) {
        step s = {0};
        weir_rows chunk = {.n_rows = end - pos < DEVICE_BATCH ? end - pos : DEVICE_BATCH,
                           .first_pos = pos,
                           .pages = pages_many,
                           .state_in = state,
                           .state_out = state == 0};
        add_chunk(&s, &chunk, tokens + pos, NULL, be->model->h.n_vocab);
        run_step(be, &s);
        state = chunk.state_out;
        pos += chunk.n_rows;
    }
    return state;
}

/* The last tokens all together, where keys are not shared; then one or two of them, on either side
 * of a segment's end, beside a short timeline, as ops or as one region. Before these the last pages
 * are put back, so that nobody reads what was stored by others. */
static void check_shared_keys(devices *d) {
    static const uint32_t pages_beside[] = {21};
    static const uint32_t n_rows[] = {1, 2, 1, 2};
    assert_true(WEIR_COUNT(pages_many) * WEIR_PAGE_TOKENS >= N_KEYS);
    uint32_t n_vocab = d->model->h.n_vocab;
    size_t n = (size_t)N_LAST * n_vocab, page_bytes = d->reference->kv.page_bytes;
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got);
    float *alone = malloc(n_vocab * sizeof *alone), *beside = malloc(n_vocab * sizeof *beside);
    uint8_t *page = malloc(2 * page_bytes);
    int32_t tokens[N_KEYS];
    for (uint32_t i = 0; i < N_KEYS; i++)
        tokens[i] = (int32_t)(weir_mix64(6, 7, i) % n_vocab);
    const weir_rows single = {
        .n_rows = 1, .pages = pages_beside, .state_in = WEIR_NO_STATE, .state_out = 6};
    for (uint32_t t = 0; t < DEVICE_TEAMS; t++) {
        weir_backend *be = d->cpu[t];
        uint32_t state = run_beginning(be, tokens);
        for (uint32_t i = 0; i < 2; i++)
            be->page_read(be, pages_many[15 + i], page + i * page_bytes);
        step last = {0}, other = {0};
        weir_rows rest = {.n_rows = N_LAST,
                          .first_pos = N_KEYS - N_LAST,
                          .pages = pages_many,
                          .state_in = state,
                          .state_out = 5};
        add_chunk(&last, &rest, tokens + N_KEYS - N_LAST, got, n_vocab);
        run_step(be, &last);
        add_chunk(&other, &single, tokens, alone, n_vocab);
        run_step(be, &other);
        if (t == 0)
            memcpy(want, got, n * sizeof *want);
        assert_same(d, "logits behind many keys", got, want, n);
        for (uint32_t i = 0; i < 2 * WEIR_COUNT(n_rows); i++) {
            uint32_t j = i % WEIR_COUNT(n_rows);
            step s = {.batch.observer = i == j ? NULL : &deaf};
            weir_rows some = {.n_rows = n_rows[j],
                              .first_pos = N_KEYS - N_LAST + j / 2 * 3 + j % 2,
                              .pages = pages_many,
                              .state_in = j ? 2 + j % 2 : state,
                              .state_out = 3 - j % 2};
            for (uint32_t p = 0; j == 0 && p < 2; p++)
                be->page_write(be, pages_many[15 + p], page + p * page_bytes);
            add_chunk(&s, &some, tokens + some.first_pos, got, n_vocab);
            if (some.n_rows == 1)
                add_chunk(&s, &single, tokens, beside, n_vocab);
            uint32_t n_heads_kv = be->model->layers[1].n_heads_kv;
            bool is_shared = t > 0 && s.batch.n_rows * n_heads_kv < 2 * (t + 1);
            uint32_t n_keys = some.first_pos + some.n_rows;
            assert_int_equal(
                weir_cpu_attend_segments(weir_cpu_of(be), &s.batch, &be->model->layers[1]),
                is_shared ? 1 + (n_keys - 1) / WEIR_ATTEND_SEGMENT : 1);
            spoil(got, n);
            spoil(beside, n_vocab);
            run_step(be, &s);
            assert_same(d, "logits of one row or two", got,
                        want + (size_t)(some.first_pos - (N_KEYS - N_LAST)) * n_vocab,
                        (size_t)some.n_rows * n_vocab);
            if (some.n_rows == 1)
                assert_same(d, "logits of a short one beside it", beside, alone, n_vocab);
        }
    }
    free(want);
    free(got);
    free(alone);
    free(beside);
    free(page);
}

static void threads_share_the_keys_of_a_row(void **state) {
    (void)state;
    on_each_isa_with(&moe_spec, WEIR_KV_F16, WEIR_ACTIVATIONS_Q8, check_shared_keys);
    on_each_isa(&dense_spec, WEIR_KV_F32, check_shared_keys);
}

/* Logits of some rows, and of none. */
static void check_outputs(devices *d) {
    static const uint32_t wanted[] = {LONG - 1, 3, 17};
    uint32_t n_vocab = d->model->h.n_vocab;
    size_t n_state =
        (size_t)d->model->n_layers_conv * d->model->h.d_model * (d->model->h.l_cache - 1);
    float *all = malloc((size_t)LONG * n_vocab * sizeof *all),
          *some = malloc(WEIR_COUNT(wanted) * n_vocab * sizeof *some),
          *state = malloc(n_state * sizeof *state), *state_want = malloc(n_state * sizeof *state);
    int32_t tokens[LONG];
    for (uint32_t i = 0; i < LONG; i++)
        tokens[i] = (int32_t)(weir_mix64(3, 4, i) % n_vocab);
    for (int t = 0; t < DEVICE_TEAMS; t++) {
        weir_backend *be = d->cpu[t];
        step s = {0};
        weir_rows chunk = {
            .n_rows = LONG, .pages = pages_long, .state_in = WEIR_NO_STATE, .state_out = 1};
        add_chunk(&s, &chunk, tokens, all, n_vocab);
        run_step(be, &s);
        be->state_read(be, 1, state_want);
        for (size_t i = 0; i < WEIR_COUNT(wanted); i++) {
            s.out_rows[i] = wanted[i];
            s.logits[i] = some + i * n_vocab;
        }
        for (uint32_t n_out = 1; n_out <= WEIR_COUNT(wanted); n_out += 2) {
            s.batch.n_out = n_out;
            spoil(some, WEIR_COUNT(wanted) * n_vocab);
            run_step(be, &s);
            for (size_t i = 0; i < n_out; i++)
                assert_same(d, "logits of some rows", some + i * n_vocab,
                            all + (size_t)wanted[i] * n_vocab, n_vocab);
        }
        s.batch.n_out = 0;
        s.chunks[0].state_out = 2;
        run_step(be, &s);
        be->state_read(be, 2, state);
        assert_same(d, "state, no logits wanted", state, state_want, n_state);
    }
    free(all);
    free(some);
    free(state);
    free(state_want);
}

static void logits_of_some_rows(void **state) {
    (void)state;
    on_each_isa_with(&moe_spec, WEIR_KV_F32, WEIR_ACTIVATIONS_Q8, check_outputs);
    on_each_isa(&dense_spec, WEIR_KV_F32, check_outputs);
}

/* Another thread cancels steps at any moment. */
typedef struct canceller {
    atomic_bool cancel, is_over;
} canceller;

static void *cancel_often(void *context) {
    canceller *c = context;
    for (uint64_t i = 0; !atomic_load(&c->is_over); i++) {
        struct timespec pause = {.tv_nsec = (long)(weir_mix64(1, 2, i) % 2000000)};
        nanosleep(&pause, NULL);
        atomic_store(&c->cancel, true);
    }
    return NULL;
}

static void check_cancelled_anywhere(devices *d) {
    enum { STEPS = 60 };
    uint32_t n_vocab = d->model->h.n_vocab, n_cancelled = 0;
    size_t n = (size_t)SHORT * n_vocab;
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got);
    int32_t tokens[SHORT];
    for (uint32_t i = 0; i < SHORT; i++)
        tokens[i] = (int32_t)(weir_mix64(5, 6, i) % n_vocab);
    step s = {0};
    weir_rows chunk = {
        .n_rows = SHORT, .pages = pages_short, .state_in = WEIR_NO_STATE, .state_out = 1};
    add_chunk(&s, &chunk, tokens, want, n_vocab);
    run_step(d->cpu[2], &s);
    for (uint32_t i = 0; i < SHORT; i++)
        s.logits[i] = got + (size_t)i * n_vocab;
    canceller c = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_often, &c), 0);
    s.batch.cancel = &c.cancel;
    for (int i = 0; i < STEPS; i++) {
        weir_error err = {0};
        spoil(got, n);
        weir_status status = weir_backend_step(d->cpu[2], &s.batch, &err);
        n_cancelled += status == WEIR_STATUS_CANCELLED;
        if (status == WEIR_STATUS_OK)
            assert_same(d, "logits of a step that was not cancelled", got, want, n);
        else
            assert_int_equal(status, WEIR_STATUS_CANCELLED);
        atomic_store(&c.cancel, false);
    }
    atomic_store(&c.is_over, true);
    pthread_join(thread, NULL);
    print_message("%s: %u of %d steps were cancelled\n", d->isa, n_cancelled, STEPS);
    free(want);
    free(got);
}

static void steps_are_cancelled_anywhere(void **state) {
    (void)state;
    on_each_isa_with(&moe_spec, WEIR_KV_F32, WEIR_ACTIVATIONS_Q8, check_cancelled_anywhere);
}

/* A step that is cancelled ends in its first layer, and its team is as before. */
static void check_cancel(devices *d) {
    uint32_t n_vocab = d->model->h.n_vocab;
    float *got = malloc(2 * n_vocab * sizeof *got);
    static const int32_t tokens[] = {7, 9};
    for (int t = 0; t < DEVICE_TEAMS; t++) {
        step s = {0};
        weir_rows chunk = {
            .n_rows = 2, .pages = pages_short, .state_in = WEIR_NO_STATE, .state_out = t};
        add_chunk(&s, &chunk, tokens, got, n_vocab);
        atomic_bool cancel = true;
        s.batch.cancel = &cancel;
        weir_error err = {0};
        assert_int_equal(weir_backend_step(d->cpu[t], &s.batch, &err), WEIR_STATUS_CANCELLED);
        assert_string_equal(err.text, "the step was cancelled in layer 0");
        atomic_store(&cancel, false);
        run_step(d->cpu[t], &s);
        run_step(d->reference, &s);
    }
    free(got);
}

static void a_step_can_be_cancelled(void **state) {
    (void)state;
    on_each_isa(&moe_spec, WEIR_KV_F32, check_cancel);
}

/* ---- open and plan ------------------------------------------------------------------------ */

static void the_plan_is_what_is_taken(void **state) {
    (void)state;
    const small_spec *specs[] = {&moe_spec, &dense_spec};
    for (size_t i = 0; i < WEIR_COUNT(specs); i++) {
        small_model small;
        small_model_open(&small, specs[i]);
        for (uint32_t n_threads = 1; n_threads <= 5; n_threads++) {
            weir_backend_options options = device_options(NULL, n_threads, WEIR_KV_F16);
            options.no_map = n_threads % 2 == 1;
            weir_backend_memory plan;
            weir_backend *be;
            weir_error err = {0};
            assert_int_equal(weir_cpu_plan(&plan, &small.model, &options, &err), WEIR_STATUS_OK);
            assert_int_equal(weir_cpu_open(&be, &small.model, &options, &err), WEIR_STATUS_OK);
            const weir_arena *arena = &((weir_host_backend *)be)->arena;
            assert_int_equal(plan.pages_bytes + plan.states_bytes + plan.scratch_bytes,
                             arena->size);
            assert_int_equal(arena->used, arena->size);
            const weir_arena *weights = &((weir_host_backend *)be)->weights;
            assert_int_equal(plan.weights_bytes, weights->size);
            assert_int_equal(weights->used, weights->size);
            assert_true((weights->size == 0) == !options.no_map);
            assert_int_equal(plan.pages_bytes, (uint64_t)DEVICE_PAGES * be->kv.page_bytes);
            be->close(be);
        }
        small_model_close(&small);
    }
}

/* Packed matrices on several memory nodes: each has as much room, and all of it is planned. */
static void weights_are_divided_by_node(void **state) {
    (void)state;
    small_spec spec = moe_spec;
    spec.is_mixed = true;
    spec.other = WEIR_FORMAT_Q2_K; /* has no strips and belongs to no node */
    small_model small;
    small_model_open(&small, &spec);
    small.model.info.weight_bytes = 1 << 30; /* of which some stay mapped */
    for (uint32_t n_nodes = 1; n_nodes <= 6; n_nodes++) {
        weir_backend_options options = device_options(NULL, 4, WEIR_KV_F16);
        options.activations = WEIR_ACTIVATIONS_Q8;
        options.n_nodes = n_nodes;
        options.no_map = n_nodes % 2 == 0;
        weir_backend_memory plan;
        weir_backend *be;
        weir_error err = {0};
        assert_int_equal(weir_cpu_plan(&plan, &small.model, &options, &err), WEIR_STATUS_OK);
        assert_int_equal(weir_cpu_open(&be, &small.model, &options, &err), WEIR_STATUS_OK);
        const weir_host_backend *host = (const weir_host_backend *)be;
        assert_int_equal(plan.weights_bytes, host->weights.size);
        assert_int_equal(host->weights.used, host->weights.size);
        assert_int_equal(plan.scratch_bytes + plan.pages_bytes + plan.states_bytes,
                         host->arena.used);
        assert_true(plan.experts_bytes <= plan.weights_bytes + plan.mapped_bytes);
        bool is_divided = strstr(be->describe, ", weights by memory node") != NULL;
        assert_true(is_divided == (n_nodes > 1));
        /* No more nodes than threads. */
        uint32_t n_parts = n_nodes < 4 ? n_nodes : 4;
        if (is_divided)
            assert_int_equal(host->weights.size % WEIR_HUGE_PAGE_BYTES, 0);
        if (is_divided)
            assert_true(host->weights.size >= n_parts * WEIR_HUGE_PAGE_BYTES);
        be->close(be);
    }
    small_model_close(&small);
    /* Nothing that could be divided. */
    spec.format = WEIR_FORMAT_BF16;
    small_model_open(&small, &spec);
    weir_backend_options options = device_options(NULL, 4, WEIR_KV_F16);
    options.activations = WEIR_ACTIVATIONS_Q8;
    options.n_nodes = 2;
    weir_backend *be;
    weir_error err = {0};
    assert_int_equal(weir_cpu_open(&be, &small.model, &options, &err), WEIR_STATUS_OK);
    assert_null(strstr(be->describe, "node"));
    be->close(be);
    small_model_close(&small);
}

/* Matrices that can be packed lie in memory of the device, the rest stays where it is. */
static void only_what_fits_is_packed(void **state) {
    (void)state;
    small_spec spec = moe_spec;
    spec.n_vocab = 321; /* no multiple of 16: the embedding stays mapped */
    for (int is_odd = 0; is_odd < 2; is_odd++) {
        small_model small;
        small_model_open(&small, is_odd ? &spec : &moe_spec);
        small.model.info.weight_bytes = 1 << 30;
        weir_backend_options options = device_options(NULL, 2, WEIR_KV_F16);
        options.activations = WEIR_ACTIVATIONS_Q15;
        weir_backend_memory plan;
        weir_backend *be;
        weir_error err = {0};
        assert_int_equal(weir_cpu_plan(&plan, &small.model, &options, &err), WEIR_STATUS_OK);
        assert_int_equal(weir_cpu_open(&be, &small.model, &options, &err), WEIR_STATUS_OK);
        const weir_host_backend *host = (const weir_host_backend *)be;
        weir_cpu_kernels kernels;
        assert_int_equal(weir_cpu_kernels_for(&kernels, NULL, &err), WEIR_STATUS_OK);
        if (kernels.t16[spec.format]) {
            const weir_layer *from = &small.model.layers[0], *to = &be->model->layers[0];
            assert_ptr_not_equal(to->conv_in.data, from->conv_in.data);
            assert_true((be->model->embed.data == small.model.embed.data) == is_odd);
            assert_true((be->model->head.data == small.model.head.data) == is_odd);
        }
        assert_ptr_equal(be->model->layers[SMALL_LAYERS - 1].router.data,
                         small.model.layers[SMALL_LAYERS - 1].router.data);
        assert_int_equal(plan.weights_bytes, host->weights.size);
        assert_int_equal(plan.mapped_bytes, host->mapped_bytes);
        be->close(be);
        small_model_close(&small);
    }
}

static void it_says_what_it_is(void **state) {
    (void)state;
    small_model small;
    small_model_open(&small, &dense_spec);
    weir_backend *be;
    weir_error err = {0};
    weir_backend_options options = device_options("portable", 2, WEIR_KV_F16);
    assert_int_equal(weir_cpu_open(&be, &small.model, &options, &err), WEIR_STATUS_OK);
    assert_string_equal(be->name, "cpu");
    assert_string_equal(be->describe, "cpu, portable, 2 threads, f32 activations");
    be->close(be);
    options.n_threads = 1;
    options.activations = WEIR_ACTIVATIONS_Q15;
    assert_int_equal(weir_cpu_open(&be, &small.model, &options, &err), WEIR_STATUS_OK);
    assert_string_equal(be->describe, "cpu, portable, 1 thread, q15 activations");
    be->close(be);
    options.activations = WEIR_ACTIVATIONS_Q8;
    assert_int_equal(weir_cpu_open(&be, &small.model, &options, &err), WEIR_STATUS_OK);
    assert_string_equal(be->describe, "cpu, portable, 1 thread");
    be->close(be);
    small_model_close(&small);
}

static void assert_refused(const weir_model *model, const weir_backend_options *options,
                           weir_status status) {
    weir_backend *be = (weir_backend *)&status;
    weir_backend_memory plan;
    weir_error err = {0};
    assert_int_equal(weir_cpu_open(&be, model, options, &err), status);
    assert_null(be);
    assert_true(err.text[0] != 0);
    assert_int_equal(weir_cpu_plan(&plan, model, options, NULL), status);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    small_model small;
    small_model_open(&small, &dense_spec);
    weir_backend_options options = device_options(NULL, 0, WEIR_KV_F16);
    assert_refused(&small.model, &options, WEIR_STATUS_BAD_ARGUMENT);
    options = device_options("z80", 1, WEIR_KV_F16);
    assert_refused(&small.model, &options, WEIR_STATUS_BAD_ARGUMENT);
    options = device_options(NULL, 1, WEIR_KV_Q8); /* head_dim 14 */
    assert_refused(&small.model, &options, WEIR_STATUS_BAD_ARGUMENT);
    /* More rows than can be addressed: the arrays of a hundred million million bytes a row. */
    small.model.h.n_experts = small.model.h.n_experts_used = UINT32_MAX;
    small.model.h.d_ff_expert = UINT32_MAX;
    options = device_options(NULL, 1, WEIR_KV_F16);
    options.n_batch = UINT32_MAX;
    assert_refused(&small.model, &options, WEIR_STATUS_NO_MEMORY);
    small_model_close(&small);
}

typedef struct reports {
    uint64_t done, total;
    uint32_t n;
} reports;

static void take_report(void *context, const char *what, uint64_t done, uint64_t total) {
    reports *r = context;
    assert_string_equal(what, "reading weights");
    assert_true(done >= r->done && done <= total);
    *r = (reports){done, total, r->n + 1};
}

static void open_reports_its_reading(void **state) {
    (void)state;
    small_model small;
    small_model_open(&small, &moe_spec);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < small.model.h.n_layers; i++) {
        const weir_layer *l = &small.layers[i];
        const weir_weight *w[] = {&l->conv_in,  &l->conv_out, &l->attn_q, &l->attn_k,   &l->attn_v,
                                  &l->attn_out, &l->ffn_gate, &l->ffn_up, &l->ffn_down, &l->router};
        for (size_t j = 0; j < WEIR_COUNT(w); j++)
            bytes += w[j]->rows * w[j]->row_bytes;
        for (uint32_t e = 0; l->is_moe && e < small.model.h.n_experts; e++)
            bytes += 2 * l->experts_gate[e].rows * l->experts_gate[e].row_bytes +
                     l->experts_down[e].rows * l->experts_down[e].row_bytes;
    }
    bytes += small.model.embed.rows * small.model.embed.row_bytes; /* tied: once */
    for (uint32_t i = 0; i < 6; i++) {
        reports r = {0};
        weir_backend_options options = device_options(NULL, i / 2 + 1, WEIR_KV_F16);
        options.no_map = i % 2 == 0;
        options.progress = (weir_progress){.report = take_report, .context = &r};
        weir_backend *be;
        weir_error err = {0};
        assert_int_equal(weir_cpu_open(&be, &small.model, &options, &err), WEIR_STATUS_OK);
        be->close(be);
        assert_true(r.n >= 1);
        assert_int_equal(r.done, bytes);
        assert_int_equal(r.total, bytes);
    }
    small_model_close(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_of_moe_models),
        cmocka_unit_test(steps_of_dense_models),
        cmocka_unit_test(steps_of_packed_models),
        cmocka_unit_test(steps_on_tiles),
        cmocka_unit_test(a_step_can_be_cancelled),
        cmocka_unit_test(steps_of_mixed_models),
        cmocka_unit_test(steps_of_parity),
        cmocka_unit_test(logits_of_some_rows),
        cmocka_unit_test(steps_are_cancelled_anywhere),
        cmocka_unit_test(only_what_fits_is_packed),
        cmocka_unit_test(the_plan_is_what_is_taken),
        cmocka_unit_test(it_says_what_it_is),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(open_reports_its_reading),
        cmocka_unit_test(weights_are_divided_by_node),
        cmocka_unit_test(threads_share_the_keys_of_a_row),
    };
    return cmocka_run_group_tests_name("cpu step", tests, NULL, NULL);
}
