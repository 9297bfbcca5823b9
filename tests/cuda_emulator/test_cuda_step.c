/*
 * test_cuda_step.c: the CUDA backend as a whole, on the emulator: steps of small and golden models
 * in every format against the reference, the bits of a timeline alone, in company, in chunks of any
 * size and after a rewind, kept states, adapters, and what an observer sees.
 */
#include "cuda/cuda_backend.h"
#include "cuda_step_fixture.h"

#include <stdio.h>

enum { LONG = 67, SHORT = 3, CUT = 61 };

/* Float32 sums of at most some hundred products against double ones. */
static const double tolerance = 2e-5;

static const uint32_t pages_long[] = {3, 9}, pages_short[] = {1}, pages_alone[] = {12, 2};

static void *take_values(size_t n) {
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = NAN;
    return x;
}

/* ---- against the reference ---- */

/* Two timelines in one step, then one more token of each. */
static void compare(const weir_model *model, const weir_backend_options *options,
                    const char *what) {
    enum { FIRST = 3, SECOND = 1 };
    uint32_t n_vocab = model->h.n_vocab;
    pair p = pair_open(model, options);
    weir_backend *devices[] = {p.reference, p.cuda};
    float *logits[2];
    int32_t tokens[FIRST + 1];
    pair_tokens(tokens, FIRST + 1, n_vocab);
    size_t n_out = FIRST + SECOND + 2;
    for (int d = 0; d < 2; d++) {
        logits[d] = take_values(n_out * n_vocab);
        float *at = logits[d] + (size_t)(FIRST + SECOND) * n_vocab;
        pair_step prompt = {0}, next = {0};
        weir_rows first = {
            .n_rows = FIRST, .pages = pages_long, .state_in = WEIR_NO_STATE, .state_out = 4};
        weir_rows second = {
            .n_rows = SECOND, .pages = pages_short, .state_in = WEIR_NO_STATE, .state_out = 5};
        pair_add(&prompt, &first, tokens, logits[d], n_vocab);
        pair_add(&prompt, &second, tokens + 1, logits[d] + (size_t)FIRST * n_vocab, n_vocab);
        pair_run(devices[d], &prompt);
        first = (weir_rows){
            .n_rows = 1, .first_pos = FIRST, .pages = pages_long, .state_in = 4, .state_out = 6};
        second = (weir_rows){
            .n_rows = 1, .first_pos = SECOND, .pages = pages_short, .state_in = 5, .state_out = 7};
        pair_add(&next, &second, tokens, at, n_vocab);
        pair_add(&next, &first, tokens + FIRST, at + n_vocab, n_vocab);
        pair_run(devices[d], &next);
    }
    assert_near(what, logits[1], logits[0], n_out, n_vocab, tolerance);
    free(logits[0]);
    free(logits[1]);
    pair_close(&p);
}

/* As wide as formats with blocks of 32 need: the emulator is slow. */
static small_spec narrow_moe(weir_format_id format) {
    small_spec spec = pair_moe;
    spec.format = format;
    spec.head_dim = 16;
    spec.d_model = spec.d_ff = spec.d_ff_expert = 64;
    return spec;
}

static void every_format_against_the_reference(void **state) {
    (void)state;
    const weir_format *format;
    for (size_t i = 0; (format = weir_format_at(i)); i++) {
        small_spec spec = pair_moe;
        small_model small;
        spec.format = format->id;
        if (format->block_values < spec.d_model)
            spec = narrow_moe(format->id);
        small_model_open(&small, &spec);
        /* In F16 or Q8 a value of K or V at a border may be rounded the other way. */
        weir_backend_options options = pair_options(WEIR_KV_F32);
        compare(&small.model, &options, format->name);
        small_model_close(&small);
    }
}

static void odd_shapes_against_the_reference(void **state) {
    (void)state;
    static const weir_format_id formats[] = {WEIR_FORMAT_F16, WEIR_FORMAT_F32, WEIR_FORMAT_BF16};
    for (size_t i = 0; i < WEIR_COUNT(formats); i++) {
        small_spec spec = pair_dense;
        small_model small;
        spec.format = formats[i];
        small_model_open(&small, &spec);
        weir_backend_options options = pair_options(WEIR_KV_F32);
        compare(&small.model, &options, "odd shapes");
        small_model_close(&small);
    }
}

static void golden_models_against_the_reference(void **state) {
    (void)state;
    static const char *const names[] = {"dense_tiny", "dense_oldkeys_bias", "dense_untied_k4",
                                        "moe_bf16",   "moe_k256",           "moe_plain_router",
                                        "moe_top2",   "moe_top4_scale"};
    for (size_t i = 0; i < WEIR_COUNT(names); i++) {
        char path[512];
        weir_model *model;
        weir_error err = {0};
        snprintf(path, sizeof path, "%s/golden/%s", WEIR_TEST_DATA, names[i]);
        if (weir_model_open(&model, path, &err) != WEIR_STATUS_OK)
            fail_msg("%s", err.text);
        weir_backend_options options = pair_options(WEIR_KV_F32);
        compare(model, &options, names[i]);
        weir_model_close(&model);
    }
}

/* ---- promises on bits ---- */

/* One timeline from position `from` to its end in chunks of `size`, into states `to` and to + 1 in
 * turn. Returns the last state. */
static uint32_t run_in_chunks(weir_backend *be, uint32_t size, uint32_t from, uint32_t state_in,
                              uint32_t to, const uint32_t *pages, const int32_t *tokens,
                              float *logits) {
    uint32_t n_vocab = be->model->h.n_vocab;
    for (uint32_t pos = from; pos < LONG; pos += size) {
        pair_step s = {0};
        weir_rows chunk = {.n_rows = LONG - pos < size ? LONG - pos : size,
                           .first_pos = pos,
                           .pages = pages,
                           .state_in = state_in,
                           .state_out = state_in == to ? to + 1 : to};
        pair_add(&s, &chunk, tokens + pos, logits + (size_t)pos * n_vocab, n_vocab);
        pair_run(be, &s);
        state_in = chunk.state_out;
    }
    return state_in;
}

static void check_promises(const small_spec *spec, weir_kv_type kv_type,
                           weir_activations activations) {
    small_model small;
    small_model_open(&small, spec);
    const weir_model *model = &small.model;
    weir_backend_options options = pair_options(kv_type);
    options.activations = activations;
    pair p = pair_open(model, &options);
    weir_backend *be = p.cuda;
    uint32_t n_vocab = model->h.n_vocab;
    size_t n = (size_t)LONG * n_vocab;
    size_t n_state = (size_t)model->n_layers_conv * model->h.d_model * (model->h.l_cache - 1);
    float *want = take_values(n), *got = take_values(n), *company = take_values(n),
          *state = take_values(n_state), *state_want = take_values(n_state);
    int32_t tokens[LONG];
    pair_tokens(tokens, LONG, n_vocab);

    pair_step both = {0};
    weir_rows others = {
        .n_rows = SHORT, .pages = pages_short, .state_in = WEIR_NO_STATE, .state_out = 5};
    weir_rows chunk = {
        .n_rows = LONG, .pages = pages_long, .state_in = WEIR_NO_STATE, .state_out = 4};
    pair_add(&both, &others, tokens + 20, company, n_vocab);
    pair_add(&both, &chunk, tokens, want, n_vocab);
    pair_run(be, &both);
    be->state_read(be, 4, state_want);

    static const uint32_t sizes[] = {LONG, 23};
    for (size_t i = 0; i < WEIR_COUNT(sizes); i++) {
        uint32_t last = run_in_chunks(be, sizes[i], 0, WEIR_NO_STATE, 6, pages_alone, tokens, got);
        assert_bits("logits alone, in chunks", got, want, n * sizeof *got);
        be->state_read(be, last, state);
        assert_bits("state alone, in chunks", state, state_want, n_state * sizeof *state);
    }

    /* After a rewind: the replay window, then the rest. */
    uint32_t window = (model->h.l_cache - 1) * model->n_layers_conv;
    pair_step replay = {0};
    chunk = (weir_rows){.n_rows = window + 1,
                        .n_replay = window,
                        .first_pos = CUT - window,
                        .pages = pages_long,
                        .state_in = WEIR_NO_STATE,
                        .state_out = 0};
    pair_add(&replay, &chunk, tokens + chunk.first_pos, got, n_vocab);
    pair_run(be, &replay);
    assert_bits("logits after a replay", got + (size_t)window * n_vocab,
                want + (size_t)CUT * n_vocab, n_vocab * sizeof *got);
    run_in_chunks(be, 1, CUT + 1, 0, 2, pages_long, tokens, got);
    assert_bits("logits after a rewind", got + (size_t)(CUT + 1) * n_vocab,
                want + (size_t)(CUT + 1) * n_vocab, (size_t)(LONG - CUT - 1) * n_vocab * 4);
    free(want);
    free(got);
    free(company);
    free(state);
    free(state_want);
    pair_close(&p);
    small_model_close(&small);
}

static void bits_are_a_timelines_own(void **state) {
    (void)state;
    check_promises(&pair_dense, WEIR_KV_F16, WEIR_ACTIVATIONS_F32);
    small_spec spec = narrow_moe(WEIR_FORMAT_Q4_0);
    spec.d_model = spec.d_ff_expert = spec.d_ff = spec.head_dim = 32;
    spec.n_heads = 1;
    check_promises(&spec, WEIR_KV_Q8, WEIR_ACTIVATIONS_F32);
}

/* Tensor cores: products and, of heads of 64, attention; by rows of every kind of tile. */
static void bf16_bits_are_a_timelines_own(void **state) {
    (void)state;
    small_spec spec = narrow_moe(WEIR_FORMAT_Q8_0);
    spec.n_heads = 2;
    spec.head_dim = 64;
    check_promises(&spec, WEIR_KV_F16, WEIR_ACTIVATIONS_BF16);
}

static void copy_up(weir_backend *be, void *to, const void *from, size_t bytes) {
    assert_int_equal(weir_cuda_copy_up(weir_cuda_of(be)->stream, to, from, bytes), 0);
    assert_int_equal(weir_cuda_wait(weir_cuda_of(be)->stream), 0);
}

static void copy_down(weir_backend *be, void *to, const void *from, size_t bytes) {
    assert_int_equal(weir_cuda_copy_down(weir_cuda_of(be)->stream, to, from, bytes), 0);
    assert_int_equal(weir_cuda_wait(weir_cuda_of(be)->stream), 0);
}

/* An op of the open device on what it is given. */
static void run_product(weir_backend *be, const float *x, float *y) {
    const weir_weight *w = &be->model->layers[0].conv_in;
    copy_up(be, be->scratch.normed, x, w->cols * sizeof *x);
    weir_linear op = {.w = w,
                      .x = be->scratch.normed,
                      .y = be->scratch.wide,
                      .n_rows = 1,
                      .n_choices = 1,
                      .x_repeat = 1};
    be->ops.linear(be, &op);
    copy_down(be, y, be->scratch.wide, w->rows * sizeof *y);
}

static void run_attention(weir_backend *be, const weir_batch *batch, const float *q, float *y) {
    const weir_layer *layer = be->model->layers;
    size_t n = (size_t)batch->n_rows * be->model->h.n_heads * be->model->h.head_dim;
    while (layer->kind != WEIR_LAYER_ATTN)
        layer++;
    copy_up(be, be->scratch.wide, q, n * sizeof *q);
    be->ops.attend(be, batch, layer, be->scratch.wide, be->scratch.wide2);
    copy_down(be, y, be->scratch.wide2, n * sizeof *y);
}

/* Weights and what they meet keep eight bits of their numbers. Without experts: a router's choice
 * between two that are nearly equal is no error of a product. */
static void bf16_against_f32(void **state) {
    (void)state;
    enum { ROWS = 12, MOST = ROWS * 512 }; /* more than a graph takes */
    const double of_an_op = 4e-3, of_the_model = 3e-2;
    small_spec spec = narrow_moe(WEIR_FORMAT_Q4_0);
    small_model small;
    float *logits[2], *product[2], *attended[2], *x = take_values(MOST);
    uint8_t *page = NULL;
    spec.n_experts = spec.n_used = spec.d_ff_expert = 0;
    spec.n_heads = 2;
    spec.head_dim = 64;
    small_model_open(&small, &spec);
    uint32_t n_vocab = small.model.h.n_vocab;
    size_t n_product = (size_t)3 * spec.d_model, n_attended = (size_t)ROWS * 2 * 64;
    int32_t tokens[ROWS];
    pair_tokens(tokens, ROWS, n_vocab);
    for (size_t i = 0; i < MOST; i++)
        x[i] = (float)(weir_mix64(4, 5, i) % 2001) / 1000 - 1;
    for (int i = 0; i < 2; i++) {
        weir_backend_options options = pair_options(WEIR_KV_F32);
        weir_backend_memory plan;
        weir_error err = {0};
        options.activations = i == 0 ? WEIR_ACTIVATIONS_F32 : WEIR_ACTIVATIONS_BF16;
        pair p = pair_open(&small.model, &options);
        weir_backend *be = p.cuda;
        assert_int_equal(weir_cuda_plan(&plan, &small.model, &options, &err), WEIR_STATUS_OK);
        const weir_host_backend *host = (const weir_host_backend *)be;
        assert_int_equal(plan.pages_bytes + plan.states_bytes + plan.scratch_bytes,
                         host->arena.size);
        assert_int_equal(strstr(be->describe, "f32 activations") != NULL, i == 0);
        logits[i] = take_values((size_t)ROWS * n_vocab);
        product[i] = take_values(n_product);
        attended[i] = take_values(n_attended);
        pair_step s = {0};
        weir_rows chunk = {
            .n_rows = ROWS, .pages = pages_long, .state_in = WEIR_NO_STATE, .state_out = 4};
        pair_add(&s, &chunk, tokens, logits[i], n_vocab);
        pair_run(be, &s);
        run_product(be, x, product[i]);
        if (i == 0) {
            page = malloc(be->kv.page_bytes);
            be->page_read(be, pages_long[0], page);
        }
        be->page_write(be, pages_long[0], page);
        run_attention(be, &s.batch, x, attended[i]);
        pair_close(&p);
    }
    assert_near("a product in bf16", product[1], product[0], 1, n_product, of_an_op);
    assert_near("attention in bf16", attended[1], attended[0], ROWS, n_attended / ROWS, of_an_op);
    assert_near("bf16", logits[1], logits[0], ROWS, n_vocab, of_the_model);
    /* and it is not f32 */
    assert_true(pair_error(product[1], product[0], n_product) > 1e-4);
    assert_true(pair_error(attended[1], attended[0], n_attended) > 1e-5);
    for (int i = 0; i < 2; i++) {
        free(logits[i]);
        free(product[i]);
        free(attended[i]);
    }
    free(x);
    free(page);
    small_model_close(&small);
}

/* What drafts need: the states behind each of the last rows. */
static void kept_states_are_those_of_single_steps(void **unused) {
    (void)unused;
    enum { ROWS = 6, KEPT = 3 };
    static const uint32_t kept[KEPT] = {7, 3, 5}, kept_by_other[] = {8};
    small_model small;
    small_model_open(&small, &pair_dense);
    const weir_model *model = &small.model;
    weir_backend_options options = pair_options(WEIR_KV_F16);
    pair p = pair_open(model, &options);
    size_t n_state = (size_t)model->n_layers_conv * model->h.d_model * (model->h.l_cache - 1);
    float *want = take_values(n_state), *got = take_values(n_state);
    int32_t tokens[ROWS];
    pair_tokens(tokens, ROWS, model->h.n_vocab);
    pair_step s = {0};
    weir_rows chunk = {.n_rows = ROWS,
                       .pages = pages_long,
                       .state_in = WEIR_NO_STATE,
                       .state_out = 0,
                       .n_kept = KEPT,
                       .kept = kept};
    weir_rows other = {.n_rows = 2,
                       .pages = pages_short,
                       .state_in = WEIR_NO_STATE,
                       .state_out = 9,
                       .n_kept = 1,
                       .kept = kept_by_other};
    pair_add(&s, &chunk, tokens, NULL, model->h.n_vocab);
    pair_add(&s, &other, tokens, NULL, model->h.n_vocab);
    pair_run(p.cuda, &s);
    for (uint32_t i = 0; i < ROWS; i++) {
        pair_step one = {0};
        chunk = (weir_rows){.n_rows = 1,
                            .first_pos = i,
                            .pages = pages_alone,
                            .state_in = i == 0 ? WEIR_NO_STATE : 1 + (i - 1) % 2,
                            .state_out = 1 + i % 2};
        pair_add(&one, &chunk, tokens + i, NULL, model->h.n_vocab);
        pair_run(p.cuda, &one);
        if (i + 1 < ROWS - KEPT)
            continue;
        uint32_t kept_at = i + 1 - (ROWS - KEPT);
        p.cuda->state_read(p.cuda, chunk.state_out, want);
        p.cuda->state_read(p.cuda, kept_at < KEPT ? kept[kept_at] : 0, got);
        assert_bits("a kept state", got, want, n_state * sizeof *got);
    }
    free(want);
    free(got);
    pair_close(&p);
    small_model_close(&small);
}

/* ---- adapters ---- */

typedef struct small_lora {
    weir_lora lora;
    weir_lora_pair pairs[SMALL_LAYERS * WEIR_N_PARTS];
    const weir_lora_pair *list[SMALL_LAYERS * WEIR_N_PARTS];
} small_lora;

/* An adapter of rank 3 for every matrix of the model. */
static void make_lora(small_lora *l, small_model *small) {
    memset(l, 0, sizeof *l);
    l->lora.rank = 3;
    l->lora.pairs = l->list;
    for (uint32_t i = 0; i < SMALL_LAYERS * WEIR_N_PARTS; i++) {
        weir_part part = (weir_part)(i % WEIR_N_PARTS);
        const weir_weight *w = weir_part_find(&small->model, part, i / WEIR_N_PARTS).weight;
        if (!w || w->rows == 0 || !weir_lora_may_adapt(part))
            continue;
        uint32_t n = weir_part_get_names(part)->is_stack ? small->model.h.n_experts : 1;
        weir_weight *a = small_take(small, n * sizeof *a), *b = small_take(small, n * sizeof *b);
        for (uint32_t e = 0; e < n; e++) {
            a[e] = small_weight(small, WEIR_FORMAT_F32, 3, w->cols);
            b[e] = small_weight(small, WEIR_FORMAT_F32, w->rows, 3);
        }
        l->pairs[i] = (weir_lora_pair){.a = a, .b = b, .rank = 3, .scale = 0.25f};
        l->list[i] = &l->pairs[i];
    }
}

static void adapters_against_the_reference(void **state) {
    (void)state;
    enum { ROWS = 3 };
    static const uint32_t own_pages[PAIR_CHUNKS] = {4, 8, 0, 15};
    static const float scales[PAIR_CHUNKS][2] = {{1, 0}, {0.5f, -1}, {0.5f, 2}, {0, 0}};
    static small_lora first, second;
    weir_lora *const loras[] = {&first.lora, &second.lora};
    small_model small;
    small_spec spec = narrow_moe(WEIR_FORMAT_Q8_0);
    small_model_open(&small, &spec);
    make_lora(&first, &small);
    make_lora(&second, &small);
    weir_backend_options options = pair_options(WEIR_KV_F32);
    options.loras = loras;
    options.n_loras = 2;
    pair p = pair_open(&small.model, &options);
    weir_backend *devices[] = {p.reference, p.cuda};
    uint32_t n_vocab = small.model.h.n_vocab;
    size_t n_out = PAIR_CHUNKS * ROWS;
    float *logits[2];
    int32_t tokens[ROWS];
    uint64_t n_launches[2];
    pair_tokens(tokens, ROWS, n_vocab);
    for (int d = 0; d < 2; d++) {
        logits[d] = take_values(n_out * n_vocab);
        pair_step s = {0};
        for (uint32_t c = 0; c < PAIR_CHUNKS; c++) {
            weir_rows chunk = {.n_rows = ROWS,
                               .pages = &own_pages[c],
                               .state_in = WEIR_NO_STATE,
                               .state_out = c,
                               .lora_scales = c == 3 ? NULL : scales[c]};
            pair_add(&s, &chunk, tokens, logits[d] + (size_t)c * ROWS * n_vocab, n_vocab);
        }
        pair_run(devices[d], &s);
    }
    assert_near("adapted", logits[1], logits[0], n_out, n_vocab, tolerance);
    assert_true(pair_error(logits[1], logits[1] + (size_t)ROWS * n_vocab, n_vocab) > 0.01);

    /* Each timeline alone has the bits it had in company; and a step whose timelines all differ
     * queues as much as one whose timelines are alike. */
    for (uint32_t c = 0; c < PAIR_CHUNKS; c++) {
        pair_step s = {0};
        float *alone = logits[0];
        weir_rows chunk = {.n_rows = ROWS,
                           .pages = &own_pages[c],
                           .state_in = WEIR_NO_STATE,
                           .state_out = c,
                           .lora_scales = c == 3 ? NULL : scales[c]};
        pair_add(&s, &chunk, tokens, alone, n_vocab);
        pair_run(p.cuda, &s);
        assert_bits("adapted, alone", alone, logits[1] + (size_t)c * ROWS * n_vocab,
                    (size_t)ROWS * n_vocab * sizeof *alone);
    }
    for (int is_mixed = 0; is_mixed < 2; is_mixed++) {
        static const float alike[2] = {1, 1}, mixed[3][2] = {{1, 2}, {-1, 1}, {3, 1}};
        pair_step s = {0};
        for (uint32_t c = 0; c < 3; c++) {
            weir_rows chunk = {.n_rows = 1,
                               .pages = &own_pages[c],
                               .state_in = WEIR_NO_STATE,
                               .state_out = c,
                               .lora_scales = is_mixed ? mixed[c] : alike};
            pair_add(&s, &chunk, tokens, NULL, n_vocab);
        }
        uint64_t before = emulated_get()->n_calls[EMULATED_LAUNCH];
        pair_run(p.cuda, &s);
        n_launches[is_mixed] = emulated_get()->n_calls[EMULATED_LAUNCH] - before;
    }
    assert_int_equal(n_launches[0], n_launches[1]);
    free(logits[0]);
    free(logits[1]);
    pair_close(&p);
    small_model_close(&small);
}

/* ---- an observer ---- */

enum { MOST_SHOWN = 256, SHOWN_VALUES = 1 << 20 };

typedef struct shown {
    char what[MOST_SHOWN][32];
    uint32_t layer[MOST_SHOWN];
    size_t begin[MOST_SHOWN + 1];
    size_t n;
    float *values; /* [SHOWN_VALUES] */
} shown;

static void take_shown(void *context, const char *what, uint32_t layer, const void *data,
                       uint32_t n_rows, uint32_t width) {
    shown *s = context;
    size_t n = (size_t)n_rows * width;
    assert_true(s->n < MOST_SHOWN && s->begin[s->n] + n <= SHOWN_VALUES);
    snprintf(s->what[s->n], sizeof s->what[0], "%s", what);
    s->layer[s->n] = layer;
    float *to = s->values + s->begin[s->n];
    for (size_t i = 0; i < n; i++) {
        if (strcmp(what, "router_selected") == 0)
            to[i] = (float)((const int32_t *)data)[i];
        else
            to[i] = ((const float *)data)[i];
    }
    s->begin[s->n + 1] = s->begin[s->n] + n;
    s->n++;
}

static void an_observer_sees_what_the_reference_shows(void **state) {
    (void)state;
    enum { ROWS = 3 };
    static shown seen[2];
    small_spec spec = narrow_moe(WEIR_FORMAT_Q5_1);
    small_model small;
    small_model_open(&small, &spec);
    weir_backend_options options = pair_options(WEIR_KV_F32);
    pair p = pair_open(&small.model, &options);
    weir_backend *devices[] = {p.reference, p.cuda};
    int32_t tokens[ROWS];
    pair_tokens(tokens, ROWS, small.model.h.n_vocab);
    for (int d = 0; d < 2; d++) {
        seen[d].values = take_values(SHOWN_VALUES);
        weir_observer observer = {.take = take_shown, .context = &seen[d]};
        weir_rows chunk = {
            .n_rows = ROWS, .pages = pages_short, .state_in = WEIR_NO_STATE, .state_out = 1};
        pair_step s = {0};
        pair_add(&s, &chunk, tokens, NULL, small.model.h.n_vocab);
        s.batch.observer = &observer;
        pair_run(devices[d], &s);
    }
    assert_int_equal(seen[0].n, seen[1].n);
    assert_string_equal(seen[1].what[seen[1].n - 1], "final_norm");
    for (size_t i = 0; i < seen[0].n; i++) {
        assert_string_equal(seen[0].what[i], seen[1].what[i]);
        assert_int_equal(seen[0].layer[i], seen[1].layer[i]);
        assert_int_equal(seen[0].begin[i + 1], seen[1].begin[i + 1]);
        size_t at = seen[0].begin[i];
        assert_near(seen[0].what[i], seen[1].values + at, seen[0].values + at, 1,
                    seen[0].begin[i + 1] - at, tolerance);
    }
    free(seen[0].values);
    free(seen[1].values);
    pair_close(&p);
    small_model_close(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_against_the_reference),
        cmocka_unit_test(odd_shapes_against_the_reference),
        cmocka_unit_test(golden_models_against_the_reference),
        cmocka_unit_test(bits_are_a_timelines_own),
        cmocka_unit_test(bf16_bits_are_a_timelines_own),
        cmocka_unit_test(bf16_against_f32),
        cmocka_unit_test(kept_states_are_those_of_single_steps),
        cmocka_unit_test(adapters_against_the_reference),
        cmocka_unit_test(an_observer_sees_what_the_reference_shows),
    };
    return cmocka_run_group_tests_name("cuda step", tests, NULL, NULL);
}
