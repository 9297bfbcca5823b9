/*
 * test_cuda_decode.c: steps of few rows as captured graphs, on the emulator, against the
 * composition of ops: logits, pages and conv states bit for bit, in every bucket, with rows that a
 * bucket has and the step has not, prompts, replays and kept states; and which steps are left to
 * the composition.
 */
#include "cuda/cuda_backend.h"
#include "cuda_step_fixture.h"

/* Two devices on one model. Steps of `composed` are watched, which keeps them from the graphs. */
typedef struct twins {
    weir_backend *graphs, *composed;
} twins;

static void see_nothing(void *context, const char *what, uint32_t layer, const void *data,
                        uint32_t n_rows, uint32_t width) {
    (void)context, (void)what, (void)layer, (void)data, (void)n_rows, (void)width;
}

static const weir_observer watcher = {.take = see_nothing};

static twins twins_open(const weir_model *model, const weir_backend_options *options) {
    twins t;
    weir_error err = {0};
    emulated_reset();
    if (weir_cuda_open(&t.graphs, model, options, &err) != WEIR_STATUS_OK ||
        weir_cuda_open(&t.composed, model, options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return t;
}

static void twins_close(twins *t) {
    t->graphs->close(t->graphs);
    t->composed->close(t->composed);
    assert_int_equal(emulated_get()->n_taken, 0);
}

static float *take_poison(size_t n) {
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    memset(x, 0xff, n * sizeof *x);
    return x;
}

static void assert_same_memory(twins *t, const char *what) {
    weir_backend *graphs = t->graphs, *composed = t->composed;
    size_t page = graphs->kv.page_bytes;
    size_t state = weir_cuda_of(graphs)->state_values * sizeof(float);
    size_t most = page > state ? page : state;
    void *a = malloc(most), *b = malloc(most); /* a device's memory is not the host's */
    assert_true(a && b);
    for (uint32_t i = 0; i < PAIR_PAGES; i++) {
        graphs->page_read(graphs, i, a);
        composed->page_read(composed, i, b);
        assert_bits(what, a, b, page);
    }
    for (uint32_t i = 0; i < PAIR_STATES; i++) {
        graphs->state_read(graphs, i, a);
        composed->state_read(composed, i, b);
        assert_bits(what, a, b, state);
    }
    free(a);
    free(b);
}

/* Runs the step on both. `logits` [n_out, n_vocab] are where the step's point to. */
static void run_both(twins *t, pair_step *s, float *logits, bool is_taken, const char *what) {
    size_t bytes = (size_t)s->batch.n_out * t->graphs->model->h.n_vocab * sizeof(float);
    float *want = take_poison(bytes / sizeof(float) + 1);
    assert_int_equal(weir_cuda_decode_takes(weir_cuda_of(t->graphs), &s->batch), is_taken);
    s->batch.observer = &watcher;
    assert_false(weir_cuda_decode_takes(weir_cuda_of(t->composed), &s->batch));
    pair_run(t->composed, s);
    memcpy(want, logits, bytes);
    memset(logits, 0xff, bytes);
    s->batch.observer = NULL;
    pair_run(t->graphs, s);
    assert_bits(what, logits, want, bytes);
    assert_same_memory(t, what);
    free(want);
}

/* ---- one model through all kinds of steps ---- */

static const uint32_t pages_a[] = {3, 9}, pages_b[] = {1}, pages_c[] = {12, 2}, pages_d[] = {7};

/* A prompt of five rows whose last one is wanted: three rows of the bucket are nobody's. */
static void run_prompt(twins *t, const int32_t *tokens, float *logits) {
    weir_rows chunk = {.n_rows = 5, .pages = pages_a, .state_in = WEIR_NO_STATE, .state_out = 0};
    pair_step s = {0};
    pair_add(&s, &chunk, tokens, NULL, 0);
    s.out_rows[0] = 4;
    s.logits[0] = logits;
    s.batch.n_out = 1;
    run_both(t, &s, logits, true, "a prompt");
}

/* Nothing is wanted of two beginnings. */
static void run_silent(twins *t, const int32_t *tokens, float *logits) {
    weir_rows b = {.n_rows = 1, .pages = pages_b, .state_in = WEIR_NO_STATE, .state_out = 1};
    weir_rows c = {.n_rows = 1, .pages = pages_c, .state_in = WEIR_NO_STATE, .state_out = 2};
    pair_step s = {0};
    pair_add(&s, &b, tokens, NULL, 0);
    pair_add(&s, &c, tokens + 1, NULL, 0);
    run_both(t, &s, logits, true, "no logits");
}

/* Three timelines go on by one token. */
static void run_generated(twins *t, const int32_t *tokens, float *logits) {
    uint32_t n_vocab = t->graphs->model->h.n_vocab;
    weir_rows a = {.n_rows = 1, .first_pos = 5, .pages = pages_a, .state_out = 3};
    weir_rows b = {.n_rows = 1, .first_pos = 1, .pages = pages_b, .state_in = 1, .state_out = 4};
    weir_rows c = {.n_rows = 1, .first_pos = 1, .pages = pages_c, .state_in = 2, .state_out = 5};
    pair_step s = {0};
    pair_add(&s, &c, tokens, logits, n_vocab);
    pair_add(&s, &a, tokens + 3, logits + n_vocab, n_vocab);
    pair_add(&s, &b, tokens + 1, logits + 2 * (size_t)n_vocab, n_vocab);
    run_both(t, &s, logits, true, "three timelines");
}

/* A draft of four with kept states, a replay and a new prompt: eight rows. */
static void run_mixed(twins *t, const int32_t *tokens, float *logits) {
    static const uint32_t kept[] = {8, 9};
    uint32_t n_vocab = t->graphs->model->h.n_vocab;
    weir_rows draft = {.n_rows = 4,
                       .first_pos = 2,
                       .pages = pages_b,
                       .state_in = 4,
                       .state_out = 6,
                       .n_kept = 2,
                       .kept = kept};
    weir_rows replay = {.n_rows = 2,
                        .n_replay = 1,
                        .first_pos = 5,
                        .pages = pages_a,
                        .state_in = WEIR_NO_STATE,
                        .state_out = 7};
    weir_rows fresh = {.n_rows = 2, .pages = pages_d, .state_in = WEIR_NO_STATE, .state_out = 1};
    pair_step s = {0};
    pair_add(&s, &draft, tokens, logits, n_vocab);
    pair_add(&s, &replay, tokens, logits + 4 * (size_t)n_vocab, n_vocab);
    pair_add(&s, &fresh, tokens + 2, logits + 6 * (size_t)n_vocab, n_vocab);
    run_both(t, &s, logits, true, "a mixed step");
}

/* One token, and nine: more than the largest bucket. */
static void run_ends(twins *t, const int32_t *tokens, float *logits) {
    weir_rows one = {.n_rows = 1, .first_pos = 6, .pages = pages_a, .state_in = 3, .state_out = 0};
    weir_rows nine = {.n_rows = 9, .first_pos = 2, .pages = pages_d, .state_in = 1, .state_out = 2};
    pair_step s = {0}, last = {0};
    pair_add(&s, &one, tokens, logits, t->graphs->model->h.n_vocab);
    run_both(t, &s, logits, true, "one token");
    pair_add(&last, &nine, tokens, NULL, 0);
    run_both(t, &last, logits, false, "nine rows");
}

static void compare(const small_spec *spec, weir_kv_type kv_type, uint32_t n_batch) {
    int32_t tokens[16];
    small_model small;
    small_model_open(&small, spec);
    weir_backend_options options = pair_options(kv_type);
    options.activations = WEIR_ACTIVATIONS_BF16;
    options.n_batch = n_batch;
    twins t = twins_open(&small.model, &options);
    float *logits = take_poison((size_t)16 * spec->n_vocab);
    pair_tokens(tokens, 16, spec->n_vocab);
    run_prompt(&t, tokens, logits);
    run_silent(&t, tokens, logits);
    run_generated(&t, tokens, logits);
    if (n_batch > WEIR_CUDA_STAGE_ROWS) {
        run_mixed(&t, tokens, logits);
        run_ends(&t, tokens, logits);
    }
    free(logits);
    twins_close(&t);
    small_model_close(&small);
}

/* Heads of 64 as flash_cuda.h wants them, rows of 32 outputs and more than one tile. */
static small_spec stage_moe(weir_format_id format) {
    small_spec spec = pair_moe;
    spec.format = format;
    if (weir_format_by_id(format)->block_values < 256) {
        spec.d_model = spec.d_ff = spec.d_ff_expert = 64;
        spec.n_heads = 2;
    }
    return spec;
}

static void graphs_have_the_bits_of_the_composition(void **state) {
    (void)state;
    static const weir_format_id formats[] = {WEIR_FORMAT_Q4_0, WEIR_FORMAT_BF16, WEIR_FORMAT_Q6_K};
    for (size_t i = 0; i < WEIR_COUNT(formats); i++) {
        small_spec spec = stage_moe(formats[i]);
        compare(&spec, i == 0 ? WEIR_KV_F16 : WEIR_KV_Q8, PAIR_BATCH);
    }
}

/* Heads without a kernel on tensor cores, biases, four taps, steps of at most five rows. */
static void other_shapes_have_them_too(void **state) {
    (void)state;
    small_spec spec = pair_dense;
    spec.d_model = 96;
    spec.n_heads = 4;
    spec.head_dim = 24;
    spec.d_ff = 160;
    spec.format = WEIR_FORMAT_F32;
    compare(&spec, WEIR_KV_F32, 5);
}

/* ---- what is left to the composition ---- */

static void odd_widths_and_f32_activations_are_composed(void **state) {
    (void)state;
    small_spec odd = pair_dense;
    odd.format = WEIR_FORMAT_F32;
    const struct {
        small_spec spec;
        weir_activations activations;
    } cases[] = {{odd, WEIR_ACTIVATIONS_BF16}, {stage_moe(WEIR_FORMAT_Q8_0), WEIR_ACTIVATIONS_F32}};
    int32_t token = 1;
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        small_model small;
        small_model_open(&small, &cases[i].spec);
        weir_backend_options options = pair_options(WEIR_KV_F16);
        options.activations = cases[i].activations;
        twins t = twins_open(&small.model, &options);
        float *logits = take_poison(cases[i].spec.n_vocab);
        weir_rows one = {.n_rows = 1, .pages = pages_a, .state_in = WEIR_NO_STATE, .state_out = 3};
        pair_step s = {0};
        pair_add(&s, &one, &token, logits, cases[i].spec.n_vocab);
        run_both(&t, &s, logits, false, "composed");
        free(logits);
        twins_close(&t);
        small_model_close(&small);
    }
}

/* ---- launches ---- */

/* embed; conv 2; attention linear, heads, parts, joins, out; dense 2, MoE 3; head. */
static void a_graph_has_as_many_launches_as_stages(void **state) {
    (void)state;
    enum { CONV = 2, ATTN = 5, DENSE = 2, MOE = 3 };
    small_spec spec = stage_moe(WEIR_FORMAT_Q8_0);
    small_model small;
    small_model_open(&small, &spec);
    weir_backend_options options = pair_options(WEIR_KV_F16);
    options.activations = WEIR_ACTIVATIONS_BF16;
    twins t = twins_open(&small.model, &options);
    const weir_cuda_decode *d = &weir_cuda_of(t.graphs)->decode;
    uint32_t layers = 2 * CONV + 2 * ATTN + DENSE + 3 * MOE;
    for (int b = 0; b < WEIR_CUDA_BUCKETS; b++) {
        assert_int_equal(weir_cuda_graph_launches(d->graphs[b][0]), 1 + layers);
        assert_int_equal(weir_cuda_graph_launches(d->graphs[b][1]), 2 + layers);
    }
    twins_close(&t);
    small_model_close(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_have_the_bits_of_the_composition),
        cmocka_unit_test(other_shapes_have_them_too),
        cmocka_unit_test(odd_widths_and_f32_activations_are_composed),
        cmocka_unit_test(a_graph_has_as_many_launches_as_stages),
    };
    return cmocka_run_group_tests_name("cuda decode", tests, NULL, NULL);
}
