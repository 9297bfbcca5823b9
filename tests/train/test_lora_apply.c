/*
 * test_lora_apply.c: adapters that are applied while a model runs. With one a model says what the
 * merged model says; the two file forms give the same bits; and a timeline's bits are those of its
 * own adapters whatever others run beside it, were forked, saved, or share a beginning.
 */
#include "lora_kit.h"

static const char *const models[] = {
    "dense_tiny",     "dense_oldkeys_bias", "dense_untied_k4", "moe_top2",
    "moe_top4_scale", "moe_plain_router",   "moe_bf16",        "moe_k256"};
static const char *const devices[] = {"reference", "cpu"};
static const kit_adapter strong = {
    .rank = 5, .alpha = 10, .b = 0.3, .with_experts = true, .seed = 7};

enum { N = 40, PROMPT = 29 };

static void roll_prompt(const weir_model *model, int32_t *tokens, size_t n, uint64_t seed) {
    dice d = {.seed = seed};
    roll_tokens(&d, vocab_of(model), tokens, n);
}

/* ---- the merged model ------------------------------------------------------------------------ */

static void golden_path(char path[512], const char *name) {
    snprintf(path, 512, "%s/golden/%s", WEIR_TEST_DATA, name);
}

/* Merged in float32: what differs is the order of sums. */
static void test_equals_merged(void **state) {
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(models); i++) {
        char base[512];
        golden_path(base, models[i]);
        weir_model *model = open_golden(models[i]), *merged = NULL;
        kit_adapter_write(model, &strong, in_temp("a.gguf"));
        weir_merge_options merge = {.type = "f32", .scale = 0.7f, .overwrite = true};
        REQUIRE_OK(weir_lora_merge(base, in_temp("a.gguf"), in_temp("merged"), &merge, &test_err));
        REQUIRE_OK(weir_model_open(&merged, in_temp("merged"), &test_err));
        weir_lora *lora = kit_lora_open(model, in_temp("a.gguf"));
        int32_t tokens[N];
        roll_prompt(model, tokens, N, i);
        for (size_t k = 0; k < WEIR_COUNT(devices); k++) {
            const float scale = 0.7f;
            size_t n = (size_t)N * vocab_of(model);
            weir_engine *with = kit_engine(model, devices[k], &lora, &scale, 1);
            weir_engine *without = kit_engine(model, devices[k], NULL, NULL, 0);
            weir_engine *oracle = kit_engine(merged, devices[k], NULL, NULL, 0);
            float *got = kit_logits(with, tokens, N, PROMPT, NULL);
            float *plain = kit_logits(without, tokens, N, PROMPT, NULL);
            float *want = kit_logits(oracle, tokens, N, PROMPT, NULL);
            double apart = kit_apart(got, want, n), moved = kit_apart(plain, want, n);
            if (!(apart < 1e-5) || !(moved > 0.01))
                fail_msg("%s on %s: %g from the merged model, which is %g from the base", models[i],
                         devices[k], apart, moved);
            free(got);
            free(plain);
            free(want);
            weir_engine_close(&with);
            weir_engine_close(&without);
            weir_engine_close(&oracle);
        }
        weir_lora_close(&lora);
        weir_model_close(&merged);
        weir_model_close(&model);
        temp_remove(in_temp("merged"));
    }
}

/* ---- forms ----------------------------------------------------------------------------------- */

static void test_forms(void **state) {
    (void)state;
    weir_model *model = open_golden("moe_top2");
    kit_adapter half = strong;
    int32_t tokens[N];
    half.half_experts = true;
    kit_adapter_write(model, &half, in_temp("half.gguf"));
    kit_adapter_write(model, &half, in_temp("half"));
    roll_prompt(model, tokens, N, 1);
    weir_lora *gguf = kit_lora_open(model, in_temp("half.gguf"));
    weir_lora *peft = kit_lora_open(model, in_temp("half"));
    weir_lora *file = kit_lora_open(model, in_temp("half/adapter_model.safetensors"));
    weir_lora *const loras[] = {gguf, peft, file};
    for (size_t k = 0; k < WEIR_COUNT(devices); k++) {
        weir_engine *engine = kit_engine(model, devices[k], loras, NULL, 3);
        float *want = kit_logits(engine, tokens, N, PROMPT, (const float[]){1, 0, 0});
        for (uint32_t i = 1; i < 3; i++) {
            float scales[3] = {0};
            scales[i] = 1;
            float *got = kit_logits(engine, tokens, N, PROMPT, scales);
            require_same_bits(got, want, (size_t)N * vocab_of(model), "the other form");
            free(got);
        }
        free(want);
        weir_engine_close(&engine);
    }
    weir_lora_info a, b;
    weir_lora_get_info(gguf, &a);
    weir_lora_get_info(peft, &b);
    assert_string_equal(a.form, "gguf");
    assert_string_equal(b.form, "peft");
    assert_string_equal(a.name, "half");
    assert_int_equal(a.rank, 5);
    assert_int_equal(b.rank, 5);
    assert_true(a.alpha == 10 && b.alpha == 10);
    assert_true(a.n_matrices > b.n_matrices); /* GGUF has whole stacks */
    weir_lora_close(&gguf);
    weir_lora_close(&peft);
    weir_lora_close(&file);
    weir_model_close(&model);
}

/* B = 0, and a scale of 0, are the model without an adapter, to the bit. */
static void test_nothing(void **state) {
    (void)state;
    weir_model *model = open_golden("moe_top2");
    kit_adapter zero = strong;
    int32_t tokens[N];
    zero.b = 0;
    kit_adapter_write(model, &zero, in_temp("zero.gguf"));
    kit_adapter_write(model, &strong, in_temp("a.gguf"));
    roll_prompt(model, tokens, N, 2);
    weir_lora *const loras[] = {kit_lora_open(model, in_temp("zero.gguf")),
                                kit_lora_open(model, in_temp("a.gguf"))};
    for (size_t k = 0; k < WEIR_COUNT(devices); k++) {
        weir_engine *with = kit_engine(model, devices[k], loras, NULL, 2);
        weir_engine *without = kit_engine(model, devices[k], NULL, NULL, 0);
        float *want = kit_logits(without, tokens, N, PROMPT, NULL);
        float *got = kit_logits(with, tokens, N, PROMPT, (const float[]){3, 0});
        float *other = kit_logits(with, tokens, N, PROMPT, (const float[]){0, 1e-3f});
        require_same_bits(got, want, (size_t)N * vocab_of(model), "B = 0");
        assert_true(memcmp(other, want, N * vocab_of(model) * sizeof(float)) != 0);
        free(want);
        free(got);
        free(other);
        weir_engine_close(&with);
        weir_engine_close(&without);
    }
    for (size_t i = 0; i < 2; i++) {
        weir_lora *lora = loras[i];
        weir_lora_close(&lora);
    }
    weir_model_close(&model);
}

/* ---- company --------------------------------------------------------------------------------- */

enum { SEQS = 6 };

/* Timelines with other adapters in one batch have the bits they have alone. */
static void test_company(void **state) {
    (void)state;
    static const float scales[SEQS][2] = {{0, 0}, {1, 0}, {0, 1}, {0.5f, 2}, {1, 0}, {-1, 0.25f}};
    weir_model *model = open_golden("moe_top2");
    kit_adapter other = strong;
    other.rank = 2;
    other.with_experts = false;
    other.seed = 8;
    kit_adapter_write(model, &strong, in_temp("a.gguf"));
    kit_adapter_write(model, &other, in_temp("b.gguf"));
    weir_lora *a = kit_lora_open(model, in_temp("a.gguf"));
    weir_lora *b = kit_lora_open(model, in_temp("b.gguf"));
    weir_lora *const loras[] = {a, b};
    size_t n_vocab = vocab_of(model);
    for (size_t k = 0; k < WEIR_COUNT(devices); k++) {
        weir_engine *engine = kit_engine(model, devices[k], loras, NULL, 2);
        float *want[SEQS], *got = malloc(KIT_BATCH * n_vocab * sizeof *got);
        int32_t tokens[SEQS][N];
        weir_seq *seqs[SEQS];
        size_t done[SEQS] = {0};
        dice d = {.seed = 40 + k};
        for (size_t i = 0; i < SEQS; i++) {
            roll_prompt(model, tokens[i], N, 50 + i);
            want[i] = kit_logits(engine, tokens[i], N, PROMPT, scales[i]);
        }
        for (size_t i = 0; i < SEQS; i++) {
            REQUIRE_OK(weir_seq_open(&seqs[i], engine, &test_err));
            REQUIRE_OK(weir_seq_set_loras(seqs[i], scales[i], &test_err));
            REQUIRE_OK(weir_seq_append(seqs[i], tokens[i], N, &test_err));
        }
        for (bool is_done = false; !is_done;) {
            weir_chunk chunks[SEQS];
            size_t which[SEQS], n = 0, row = 0;
            is_done = true;
            for (size_t i = 0; i < SEQS; i++) {
                size_t left = N - done[i], run = 1 + roll(&d, 9);
                run = run < left ? run : left;
                is_done &= left == 0;
                if (run == 0 || roll(&d, 4) == 0)
                    continue;
                chunks[n] = (weir_chunk){
                    .seq = seqs[i], .n_tokens = (uint32_t)run, .logits = got + row * n_vocab};
                which[n++] = i;
                row += run;
            }
            if (n == 0)
                continue;
            REQUIRE_OK(weir_engine_step(engine, chunks, n, &test_err));
            for (size_t c = 0; c < n; c++) {
                size_t i = which[c];
                require_same_bits(chunks[c].logits, want[i] + done[i] * n_vocab,
                                  chunks[c].n_tokens * n_vocab, "in company");
                done[i] += chunks[c].n_tokens;
            }
        }
        for (size_t i = 0; i < SEQS; i++) {
            weir_seq_close(&seqs[i]);
            free(want[i]);
        }
        free(got);
        weir_engine_close(&engine);
    }
    weir_lora_close(&a);
    weir_lora_close(&b);
    weir_model_close(&model);
}

/* ---- timelines ------------------------------------------------------------------------------- */

typedef struct pair {
    weir_model *model;
    weir_lora *a, *b;
    int32_t tokens[KIT_CTX];
} pair;

static pair make_pair(void) {
    pair p = {.model = open_golden("dense_tiny")};
    kit_adapter other = strong;
    other.seed = 9;
    kit_adapter_write(p.model, &strong, in_temp("a.gguf"));
    kit_adapter_write(p.model, &other, in_temp("b.gguf"));
    p.a = kit_lora_open(p.model, in_temp("a.gguf"));
    p.b = kit_lora_open(p.model, in_temp("b.gguf"));
    roll_prompt(p.model, p.tokens, KIT_CTX, 3);
    return p;
}

static void drop_pair(pair *p) {
    weir_lora_close(&p->a);
    weir_lora_close(&p->b);
    weir_model_close(&p->model);
}

static void require_last(weir_seq *seq, const float *want, size_t n_tokens, size_t n_vocab,
                         const char *what) {
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    require_same_bits(weir_seq_logits(seq), want + (n_tokens - 1) * n_vocab, n_vocab, what);
}

static void test_forks(void **state) {
    (void)state;
    pair p = make_pair();
    weir_lora *const loras[] = {p.a, p.b};
    const float scales[] = {0.5f, -1};
    size_t n_vocab = vocab_of(p.model);
    weir_engine *engine = kit_engine(p.model, "cpu", loras, NULL, 2);
    float *want = kit_logits(engine, p.tokens, N, PROMPT, scales);
    weir_seq *seq, *fork;
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_set_loras(seq, scales, &test_err));
    REQUIRE_OK(weir_seq_append(seq, p.tokens, PROMPT, &test_err));
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    REQUIRE_OK(weir_seq_fork(&fork, seq, &test_err));
    /* chosen only while empty */
    assert_int_equal(weir_seq_set_loras(fork, scales, &test_err), WEIR_STATUS_BAD_ARGUMENT);
    REQUIRE_OK(weir_seq_append(fork, p.tokens + PROMPT, N - PROMPT, &test_err));
    require_last(fork, want, N, n_vocab, "a fork");
    REQUIRE_OK(weir_seq_rewind(fork, 13, &test_err));
    REQUIRE_OK(weir_seq_append(fork, p.tokens + 13, N - 13, &test_err));
    require_last(fork, want, N, n_vocab, "after a rewind");
    /* empty again, so others may be chosen; nothing of the old past is used */
    REQUIRE_OK(weir_seq_rewind(fork, 0, &test_err));
    REQUIRE_OK(weir_seq_set_loras(fork, (const float[]){0, 1}, &test_err));
    float *other = kit_logits(engine, p.tokens, N, PROMPT, (const float[]){0, 1});
    REQUIRE_OK(weir_seq_append(fork, p.tokens, N, &test_err));
    require_last(fork, other, N, n_vocab, "with other adapters after a rewind");
    weir_seq_close(&fork);
    REQUIRE_OK(weir_seq_open(&fork, engine, &test_err));
    assert_int_equal(weir_seq_set_loras(fork, (const float[]){1, NAN}, &test_err),
                     WEIR_STATUS_BAD_ARGUMENT);
    weir_seq_close(&fork);
    weir_seq_close(&seq);
    free(want);
    free(other);
    weir_engine_close(&engine);
    drop_pair(&p);
}

static void expect_load(weir_engine *engine, const char *path, bool is_fine) {
    weir_seq *seq = NULL;
    weir_status status = weir_seq_load(&seq, engine, path, &test_err);
    if (is_fine != (status == WEIR_STATUS_OK))
        fail_msg("%s: %s", path, is_fine ? test_err.text : "loaded by a foreign engine");
    if (!is_fine)
        assert_int_equal(status, WEIR_STATUS_BAD_FILE);
    weir_seq_close(&seq);
}

static void save_prompt(weir_engine *engine, const int32_t *tokens, const char *path) {
    weir_seq *seq = NULL;
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens, PROMPT, &test_err));
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    REQUIRE_OK(weir_seq_save(seq, path, &test_err));
    weir_seq_close(&seq);
}

/* A saved timeline is for the same adapters at the same strength and for no others. */
static void test_state_files(void **state) {
    (void)state;
    pair p = make_pair();
    weir_lora *const ab[] = {p.a, p.b}, *const b[] = {p.b};
    const float half = 0.5f;
    weir_engine *plain = kit_engine(p.model, "cpu", NULL, NULL, 0);
    weir_engine *a = kit_engine(p.model, "cpu", ab, NULL, 1);
    weir_engine *weak = kit_engine(p.model, "cpu", ab, &half, 1);
    weir_engine *other = kit_engine(p.model, "cpu", b, NULL, 1);
    weir_engine *both = kit_engine(p.model, "cpu", ab, (const float[]){1, 0}, 2);
    save_prompt(plain, p.tokens, in_temp("plain.state"));
    save_prompt(a, p.tokens, in_temp("a.state"));
    expect_load(plain, in_temp("plain.state"), true);
    expect_load(plain, in_temp("a.state"), false);
    expect_load(a, in_temp("plain.state"), false);
    expect_load(weak, in_temp("a.state"), false);
    expect_load(other, in_temp("a.state"), false);
    expect_load(both, in_temp("a.state"), true); /* the second is not in use */
    float *want = kit_logits(a, p.tokens, N, PROMPT, NULL);
    weir_seq *seq = NULL;
    REQUIRE_OK(weir_seq_load(&seq, a, in_temp("a.state"), &test_err));
    REQUIRE_OK(weir_seq_append(seq, p.tokens + PROMPT, N - PROMPT, &test_err));
    require_last(seq, want, N, vocab_of(p.model), "loaded");
    weir_seq_close(&seq);
    free(want);
    weir_engine_close(&plain);
    weir_engine_close(&a);
    weir_engine_close(&weak);
    weir_engine_close(&other);
    weir_engine_close(&both);
    drop_pair(&p);
}

/* Equal beginnings are shared by timelines with the engine's scales, and by no others. */
static void test_prefix(void **state) {
    (void)state;
    enum { LONG = 200 };
    pair p = make_pair();
    const float scale = 1, none = 0;
    size_t n_vocab = vocab_of(p.model);
    weir_engine *oracle = kit_engine(p.model, "cpu", &p.a, NULL, 1);
    weir_engine *engine = open_engine(p.model, (weir_engine_options){.kv_type = "f32",
                                                                     .n_threads = 2,
                                                                     .n_ctx = KIT_CTX,
                                                                     .n_seqs = 4,
                                                                     .no_pin = true,
                                                                     .loras = &p.a,
                                                                     .n_loras = 1});
    const float *const scales[] = {&none, &scale, &none, NULL, &scale};
    static const bool shares[] = {false, false, false, true, true};
    for (size_t i = 0; i < WEIR_COUNT(scales); i++) {
        weir_engine_stats before, after;
        weir_seq *seq = NULL;
        float *want = malloc(n_vocab * sizeof *want);
        weir_seq *alone = NULL;
        REQUIRE_OK(weir_seq_open(&alone, oracle, &test_err));
        if (scales[i])
            REQUIRE_OK(weir_seq_set_loras(alone, scales[i], &test_err));
        REQUIRE_OK(weir_seq_append(alone, p.tokens, LONG, &test_err));
        REQUIRE_OK(weir_seq_run(alone, &test_err));
        memcpy(want, weir_seq_logits(alone), n_vocab * sizeof *want);
        weir_seq_close(&alone);
        weir_engine_get_stats(engine, &before);
        REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
        if (scales[i])
            REQUIRE_OK(weir_seq_set_loras(seq, scales[i], &test_err));
        REQUIRE_OK(weir_seq_append(seq, p.tokens, LONG, &test_err));
        REQUIRE_OK(weir_seq_run(seq, &test_err));
        weir_engine_get_stats(engine, &after);
        require_same_bits(weir_seq_logits(seq), want, n_vocab, "a shared beginning");
        assert_int_equal(after.n_tokens_from_prefix > before.n_tokens_from_prefix, shares[i]);
        weir_seq_close(&seq);
        free(want);
    }
    weir_engine_close(&engine);
    weir_engine_close(&oracle);
    drop_pair(&p);
}

static void test_foreign_model(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny"), *other = open_golden("dense_tiny");
    kit_adapter_write(model, &strong, in_temp("a.gguf"));
    weir_lora *lora = kit_lora_open(other, in_temp("a.gguf"));
    weir_engine *engine = NULL;
    weir_engine_options o = {.loras = &lora, .n_loras = 1};
    assert_int_equal(weir_engine_open(&engine, model, &o, &test_err), WEIR_STATUS_BAD_ARGUMENT);
    assert_null(engine);
    o.lora_scales = (const float[]){INFINITY};
    assert_int_equal(weir_engine_open(&engine, other, &o, &test_err), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(test_err.text, "scale of adapter a"));
    weir_model_close(&other); /* the adapter keeps it alive */
    weir_lora_close(&lora);
    weir_model_close(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_merged), cmocka_unit_test(test_forms),
        cmocka_unit_test(test_nothing),       cmocka_unit_test(test_company),
        cmocka_unit_test(test_forks),         cmocka_unit_test(test_state_files),
        cmocka_unit_test(test_prefix),        cmocka_unit_test(test_foreign_model),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
