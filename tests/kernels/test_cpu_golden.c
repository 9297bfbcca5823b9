/*
 * test_cpu_golden.c: the CPU device on the golden models (tests/data/golden), on every instruction
 * set of this machine: each intermediate that a probe sees, the logits, the stored K/V and the conv
 * states against the reference. That the reference is right is tests/golden's business.
 */
#include "cpu_devices.h"

#include <jansson.h>
#include <stdio.h>

enum { MOST_TOKENS = 64, MOST_TAKEN = 256 };

/* What a probe saw, in order. */
typedef struct taken {
    char what[32];
    uint32_t layer;
    size_t n;
    void *data; /* [n] float or int32 */
} taken;

typedef struct record {
    taken taken[MOST_TAKEN];
    size_t n;
} record;

static void take(void *context, const char *what, uint32_t layer, const void *data, uint32_t n_rows,
                 uint32_t width) {
    record *r = context;
    assert_true(r->n < MOST_TAKEN);
    taken *t = &r->taken[r->n++];
    snprintf(t->what, sizeof t->what, "%s", what);
    t->layer = layer;
    t->n = (size_t)n_rows * width;
    t->data = malloc(t->n * 4);
    memcpy(t->data, data, t->n * 4);
}

static void forget(record *r) {
    for (size_t i = 0; i < r->n; i++)
        free(r->taken[i].data);
    r->n = 0;
}

static void assert_same_record(const devices *d, const char *model, const record *got,
                               const record *want) {
    assert_true(got->n == want->n && got->n > 0);
    for (size_t i = 0; i < got->n; i++) {
        const taken *g = &got->taken[i], *w = &want->taken[i];
        char where[128];
        snprintf(where, sizeof where, "%s, %s %u", model, g->what, (unsigned)g->layer);
        assert_string_equal(g->what, w->what);
        assert_true(g->layer == w->layer && g->n == w->n);
        if (strcmp(g->what, "router_selected") == 0)
            assert_memory_equal(g->data, w->data, g->n * 4);
        else
            assert_close(d, where, g->data, w->data, g->n, 1e-4);
    }
}

/* A prompt and where its results go. */
typedef struct prompt {
    const char *model;
    int32_t tokens[MOST_TOKENS];
    uint32_t n;
} prompt;

static void run_prompt(weir_backend *be, const prompt *p, record *seen, float *logits) {
    static const uint32_t pages[] = {5};
    uint32_t pos[MOST_TOKENS];
    float *rows[MOST_TOKENS];
    for (uint32_t i = 0; i < p->n; i++) {
        pos[i] = i;
        rows[i] = logits + (size_t)i * be->model->h.n_vocab;
    }
    weir_rows chunk = {.n_rows = p->n, .pages = pages, .state_in = WEIR_NO_STATE, .state_out = 3};
    weir_observer probe = {take, seen};
    weir_batch batch = {.n_rows = p->n,
                        .n_chunks = 1,
                        .n_out = p->n,
                        .tokens = p->tokens,
                        .pos = pos,
                        .chunks = &chunk,
                        .out_rows = pos,
                        .logits = rows,
                        .observer = &probe};
    weir_error err = {0};
    if (weir_backend_step(be, &batch, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
}

static void assert_same_state(const devices *d, const char *model, weir_backend *got,
                              weir_backend *want) {
    const weir_model *m = d->model;
    size_t n = (size_t)m->n_layers_conv * m->h.d_model * (m->h.l_cache - 1);
    size_t page_values = want->kv.page_bytes / sizeof(float); /* K/V is f32 here */
    float *a = malloc((n + page_values) * sizeof *a), *b = malloc((n + page_values) * sizeof *b);
    got->state_read(got, 3, a);
    want->state_read(want, 3, b);
    got->page_read(got, 5, a + n);
    want->page_read(want, 5, b + n);
    assert_close(d, model, a, b, n + page_values, 1e-4);
    free(a);
    free(b);
}

static void check_model(const weir_model *model, const prompt *p) {
    static const char *const isas[] = {"portable", "avx2",       "avxvnni", "avx512",
                                       "avx512vnni", "amx",  "neon",    "dotprod", "i8mm"};
    size_t n = (size_t)p->n * model->h.n_vocab;
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got);
    weir_error err = {0};
    devices d = {.model = model};
    weir_backend_options options = device_options(NULL, 1, WEIR_KV_F32);
    assert_int_equal(weir_reference_open(&d.reference, model, &options, &err), WEIR_STATUS_OK);
    record seen_want = {0}, seen = {0};
    run_prompt(d.reference, p, &seen_want, want);
    for (size_t i = 0; i < WEIR_COUNT(isas); i++) {
        weir_cpu_kernels kernels;
        if (weir_cpu_kernels_for(&kernels, isas[i], NULL) != WEIR_STATUS_OK)
            continue;
        for (uint32_t n_threads = 1; n_threads <= 3; n_threads += 2) {
            d.isa = isas[i];
            options = device_options(isas[i], n_threads, WEIR_KV_F32);
            weir_backend *be;
            if (weir_cpu_open(&be, model, &options, &err) != WEIR_STATUS_OK)
                fail_msg("%s", err.text);
            run_prompt(be, p, &seen, got);
            assert_same_record(&d, p->model, &seen, &seen_want);
            assert_close(&d, p->model, got, want, n, 1e-4);
            assert_same_state(&d, p->model, be, d.reference);
            forget(&seen);
            be->close(be);
        }
    }
    forget(&seen_want);
    d.reference->close(d.reference);
    free(want);
    free(got);
}

static json_t *load(const char *path) {
    json_error_t error;
    json_t *j = json_load_file(path, 0, &error);
    if (!j)
        fail_msg("%s: %s", path, error.text);
    return j;
}

static void golden_models(void **state) {
    (void)state;
    json_t *index = load(WEIR_TEST_DATA "/golden/index.json");
    assert_true(json_array_size(index) > 0);
    size_t i;
    json_t *item;
    json_array_foreach(index, i, item) {
        char path[512];
        prompt p = {.model = json_string_value(json_object_get(item, "case"))};
        assert_non_null(p.model);
        snprintf(path, sizeof path, "%s/golden/%s/manifest.json", WEIR_TEST_DATA, p.model);
        json_t *manifest = load(path);
        json_t *ids = json_object_get(json_object_get(json_object_get(manifest, "runs"), "main"),
                                      "input_ids");
        p.n = (uint32_t)json_array_size(ids);
        assert_true(p.n > 0 && p.n <= MOST_TOKENS);
        for (uint32_t t = 0; t < p.n; t++)
            p.tokens[t] = (int32_t)json_integer_value(json_array_get(ids, t));
        snprintf(path, sizeof path, "%s/golden/%s", WEIR_TEST_DATA, p.model);
        weir_model *model;
        weir_error err = {0};
        if (weir_model_open(&model, path, &err) != WEIR_STATUS_OK)
            fail_msg("%s", err.text);
        check_model(model, &p);
        weir_model_close(&model);
        json_decref(manifest);
    }
    json_decref(index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_models),
    };
    return cmocka_run_group_tests_name("cpu golden", tests, NULL, NULL);
}
