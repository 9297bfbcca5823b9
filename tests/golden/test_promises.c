/*
 * test_promises.c: the promises on bits (design: company, continuity) on tiny models.
 *
 * Every comparison is bit for bit against a fresh prefill of the same tokens by an engine that
 * shares nothing.
 */
#include "engine_fixture.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_CTX = 256, MOST_VOCAB = 512 };

static const weir_engine_options plain = {.n_ctx = N_CTX, .n_batch = 64, .no_prefix_cache = true};

/* 1,000 random cut points: rewind or fork there, another tail, the bits of a fresh prefill. */
static void cut_anywhere(const char *name, const char *device, const char *kv_type,
                         const char *activations, int n_cuts) {
    weir_model *model = open_golden(name);
    uint32_t n_vocab = vocab_of(model);
    weir_engine_options o = {.device = device,
                             .kv_type = kv_type,
                             .n_ctx = N_CTX,
                             .n_seqs = 3,
                             .n_batch = 48,
                             .activations = activations};
    weir_engine_options fresh = plain;
    fresh.device = device;
    fresh.kv_type = kv_type;
    fresh.activations = activations;
    weir_engine *engine = open_engine(model, o), *oracle = open_engine(model, fresh);
    dice d = {.seed = 7};
    int32_t tokens[N_CTX];
    float expected[MOST_VOCAB];
    weir_seq *seq = NULL;
    uint32_t n = 0;
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    for (int i = 0; i < n_cuts; i++) {
        if (n < 20) {
            uint32_t more = 60 + roll(&d, 100);
            roll_tokens(&d, n_vocab, tokens + n, more);
            REQUIRE_OK(weir_seq_append(seq, tokens + n, more, &test_err));
            REQUIRE_OK(weir_seq_run(seq, &test_err));
            n += more;
        }
        uint32_t cut = roll(&d, n + 1), tail = roll(&d, 12);
        if (cut + tail == 0 || cut + tail > N_CTX)
            continue;
        weir_seq *fork = NULL;
        weir_seq *cut_seq = seq;
        if (roll(&d, 2)) {
            REQUIRE_OK(weir_seq_fork(&fork, seq, &test_err));
            cut_seq = fork;
        }
        int32_t text[N_CTX];
        memcpy(text, tokens, cut * sizeof *text);
        roll_tokens(&d, n_vocab, text + cut, tail);
        REQUIRE_OK(weir_seq_rewind(cut_seq, cut, &test_err));
        REQUIRE_OK(weir_seq_append(cut_seq, text + cut, tail, &test_err));
        REQUIRE_OK(weir_seq_run(cut_seq, &test_err));
        fresh_logits(oracle, text, cut + tail, expected);
        require_same_bits(weir_seq_logits(cut_seq), expected, n_vocab, name);
        if (fork) {
            weir_seq_close(&fork);
            /* the parent has not noticed */
            fresh_logits(oracle, tokens, n, expected);
            require_same_bits(weir_seq_logits(seq), expected, n_vocab, "parent of a fork");
        } else {
            memcpy(tokens, text, (cut + tail) * sizeof *text);
            n = cut + tail;
        }
    }
    weir_seq_close(&seq);
    weir_engine_close(&engine);
    weir_engine_close(&oracle);
    weir_model_close(&model);
}

static void test_cut_points_moe(void **state) {
    (void)state;
    cut_anywhere("moe_top2", "cpu", "f16", NULL, getenv("WEIR_SOAK") ? 20000 : 1000);
}

static void test_cut_points_other_models(void **state) {
    (void)state;
    cut_anywhere("moe_top4_scale", "cpu", "f32", NULL, 100);
    cut_anywhere("dense_untied_k4", "cpu", "q8", NULL, 100);
    cut_anywhere("dense_oldkeys_bias", "reference", "f32", NULL, 40);
    cut_anywhere("moe_k256", "cpu", "q8", NULL, 60);
    cut_anywhere("moe_k256:q4_0", "cpu", "f16", NULL, 60); /* packed, activations in 8 bits */
    cut_anywhere("moe_k256:q6_k", "cpu", "f16", NULL, 60);
    cut_anywhere("moe_k256:q4_0", "cpu", "f16", "q15", 60);
    cut_anywhere("moe_k256:q6_k", "cpu", "q8", "q15", 60);
    cut_anywhere("moe_k256:q4_k", "cpu", "f16", "f32", 40); /* exact */
}

/* The same prompt alone, and mixed with others that are somewhere in their own lives. */
static void company(const char *name, const char *activations, uint32_t n_others,
                    uint32_t n_threads) {
    enum { PROMPT = 70, ANSWER = 6 };
    weir_model *model = open_golden(name);
    uint32_t n_vocab = vocab_of(model);
    weir_engine_options fresh = plain;
    fresh.n_threads = 1;
    fresh.activations = activations;
    weir_engine *oracle = open_engine(model, fresh);
    weir_engine *engine = open_engine(model, (weir_engine_options){.n_ctx = N_CTX,
                                                                   .n_seqs = 1 + n_others,
                                                                   .n_batch = 192,
                                                                   .n_threads = n_threads,
                                                                   .activations = activations,
                                                                   .no_pin = true});
    dice d = {.seed = 11 + n_others};
    int32_t prompt[PROMPT + ANSWER], noise[N_CTX];
    float expected[MOST_VOCAB];
    weir_seq *seq = NULL, *others[33] = {NULL};
    roll_tokens(&d, n_vocab, prompt, PROMPT + ANSWER);
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_append(seq, prompt, PROMPT, &test_err));
    for (uint32_t i = 0; i < n_others; i++) {
        REQUIRE_OK(weir_seq_open(&others[i], engine, &test_err));
        uint32_t n = 1 + roll(&d, 90);
        roll_tokens(&d, n_vocab, noise, n);
        REQUIRE_OK(weir_seq_append(others[i], noise, n, &test_err));
        if (roll(&d, 2))
            REQUIRE_OK(weir_seq_run(others[i], &test_err));
    }
    for (uint32_t done = 0; done < PROMPT + ANSWER;) {
        weir_chunk chunks[34];
        uint32_t n_chunks = 0, mine = roll(&d, n_others + 1);
        for (uint32_t i = 0; i <= n_others; i++) {
            if (i == mine) {
                uint32_t left = (uint32_t)weir_seq_n_pending(seq);
                chunks[n_chunks++] =
                    (weir_chunk){.seq = seq, .n_tokens = 1 + roll(&d, left < 23 ? left : 23)};
            }
            if (i == n_others)
                break;
            if (weir_seq_n_pending(others[i]) == 0) {
                if (weir_seq_n_tokens(others[i]) + 1 > N_CTX)
                    continue;
                roll_tokens(&d, n_vocab, noise, 1);
                REQUIRE_OK(weir_seq_append(others[i], noise, 1, &test_err));
            }
            uint32_t n = (uint32_t)weir_seq_n_pending(others[i]);
            chunks[n_chunks++] = (weir_chunk){.seq = others[i], .n_tokens = n < 4 ? n : 4};
        }
        REQUIRE_OK(weir_engine_step(engine, chunks, n_chunks, &test_err));
        for (uint32_t i = 0; i < n_chunks; i++)
            done += chunks[i].seq == seq ? chunks[i].n_tokens : 0;
        if (weir_seq_n_pending(seq) == 0) {
            fresh_logits(oracle, prompt, done, expected);
            require_same_bits(weir_seq_logits(seq), expected, n_vocab, "in company");
            if (done < PROMPT + ANSWER)
                REQUIRE_OK(weir_seq_append(seq, prompt + done, 1, &test_err));
        }
    }
    weir_seq_close(&seq);
    for (uint32_t i = 0; i < n_others; i++)
        weir_seq_close(&others[i]);
    weir_engine_close(&engine);
    weir_engine_close(&oracle);
    weir_model_close(&model);
}

static void test_company(void **state) {
    (void)state;
    static const uint32_t others[] = {2, 7, 33};
    for (size_t i = 0; i < 3; i++)
        for (uint32_t threads = 1; threads <= 3; threads++)
            company(i % 2 ? "moe_k256:q4_k" : "moe_top2", NULL, others[i], threads);
    company("moe_k256:q4_k", "q15", 7, 2);
    company("moe_k256:q6_k", "q15", 33, 2);
    company("moe_k256:q4_k", "f32", 7, 2);
}

/* A child saves and is killed; we load what it left and go on with its bits. */
static void test_save_kill_load(void **state) {
    (void)state;
    enum { N = 100, TAIL = 9 };
    weir_model *model = open_golden("moe_top2");
    uint32_t n_vocab = vocab_of(model);
    dice d = {.seed = 3};
    int32_t tokens[N + TAIL];
    float expected[MOST_VOCAB];
    char path[] = "promise-state-XXXXXX";
    close(mkstemp(path));
    roll_tokens(&d, n_vocab, tokens, N + TAIL);
    pid_t child = fork();
    if (child == 0) {
        weir_engine *engine = NULL;
        weir_seq *seq = NULL;
        weir_engine_options o = plain;
        o.n_threads = 1;
        if (weir_engine_open(&engine, model, &o, NULL) || weir_seq_open(&seq, engine, NULL) ||
            weir_seq_append(seq, tokens, N, NULL) || weir_seq_run(seq, NULL) ||
            weir_seq_save(seq, path, NULL))
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    weir_engine *engine = open_engine(model, (weir_engine_options){.n_ctx = N_CTX, .n_seqs = 2}),
                *oracle = open_engine(model, plain);
    weir_seq *seq = NULL;
    REQUIRE_OK(weir_seq_load(&seq, engine, path, &test_err));
    assert_int_equal(weir_seq_n_tokens(seq), N);
    assert_memory_equal(weir_seq_tokens(seq), tokens, N * sizeof *tokens);
    fresh_logits(oracle, tokens, N, expected);
    require_same_bits(weir_seq_logits(seq), expected, n_vocab, "loaded logits");
    REQUIRE_OK(weir_seq_append(seq, tokens + N, TAIL, &test_err));
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    fresh_logits(oracle, tokens, N + TAIL, expected);
    require_same_bits(weir_seq_logits(seq), expected, n_vocab, "after load");
    unlink(path);
    weir_seq_close(&seq);
    weir_engine_close(&engine);
    weir_engine_close(&oracle);
    weir_model_close(&model);
}

static char *read_all(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *data = malloc(*size);
    assert_int_equal(fread(data, 1, *size, f), *size);
    fclose(f);
    return data;
}

static void write_all(const char *path, const char *data, size_t size) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

/* Damaged at any of 1,000 places, or cut anywhere: refused, and nothing live has changed. */
static void test_damaged_state_is_refused(void **state) {
    (void)state;
    enum { N = 75 };
    weir_model *model = open_golden("moe_top2");
    uint32_t n_vocab = vocab_of(model);
    weir_engine *engine = open_engine(model, (weir_engine_options){.n_ctx = N_CTX, .n_seqs = 3});
    dice d = {.seed = 5};
    int32_t tokens[N];
    float before[MOST_VOCAB];
    char path[] = "promise-damage-XXXXXX";
    weir_seq *seq = NULL, *loaded = NULL;
    weir_engine_stats stats, after;
    close(mkstemp(path));
    roll_tokens(&d, n_vocab, tokens, N);
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens, N, &test_err));
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    memcpy(before, weir_seq_logits(seq), n_vocab * sizeof *before);
    REQUIRE_OK(weir_seq_save(seq, path, &test_err));
    weir_engine_get_stats(engine, &stats);
    size_t size;
    char *data = read_all(path, &size);
    for (int i = 0; i < 1200; i++) {
        weir_error err = {0};
        size_t at = weir_mix64(9, 9, (uint64_t)i) % size;
        char old = data[at];
        data[at] = (char)(old ^ (1 << roll(&d, 8)));
        write_all(path, data, i < 1000 ? size : at);
        weir_status status = weir_seq_load(&loaded, engine, path, &err);
        if (status != WEIR_STATUS_BAD_FILE || !err.text[0] || loaded)
            fail_msg("damage at byte %zu of %zu was not refused: status %d, '%s'", at, size,
                     (int)status, err.text);
        data[at] = old;
        weir_engine_get_stats(engine, &after);
        assert_memory_equal(&stats, &after, sizeof stats);
    }
    require_same_bits(weir_seq_logits(seq), before, n_vocab, "the live timeline");
    write_all(path, data, size);
    REQUIRE_OK(weir_seq_load(&loaded, engine, path, &test_err));
    require_same_bits(weir_seq_logits(loaded), before, n_vocab, "the undamaged file");
    free(data);
    unlink(path);
    weir_seq_close(&seq);
    weir_seq_close(&loaded);
    weir_engine_close(&engine);
    weir_model_close(&model);
}

static void test_foreign_state_is_refused(void **state) {
    (void)state;
    static const int32_t tokens[] = {1, 2, 3};
    char path[] = "promise-foreign-XXXXXX";
    close(mkstemp(path));
    weir_model *one = open_golden("moe_top2"), *two = open_golden("dense_tiny");
    weir_engine *a = open_engine(one, plain), *b = open_engine(two, plain);
    weir_engine_options f32 = plain;
    f32.kv_type = "f32";
    weir_engine *c = open_engine(one, f32);
    weir_seq *seq = NULL, *loaded = NULL;
    weir_error err = {0};
    REQUIRE_OK(weir_seq_open(&seq, a, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens, 3, &test_err));
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    REQUIRE_OK(weir_seq_save(seq, path, &test_err));
    assert_int_equal(weir_seq_load(&loaded, b, path, &err), WEIR_STATUS_BAD_FILE);
    assert_non_null(strstr(err.text, "another model"));
    assert_int_equal(weir_seq_load(&loaded, c, path, &err), WEIR_STATUS_BAD_FILE);
    assert_non_null(strstr(err.text, "K/V f16"));
    assert_int_equal(weir_seq_load(&loaded, a, "no-such-file", &err), WEIR_STATUS_IO);
    unlink(path);
    weir_seq_close(&seq);
    weir_engine_close(&a);
    weir_engine_close(&b);
    weir_engine_close(&c);
    weir_model_close(&one);
    weir_model_close(&two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_points_moe),
        cmocka_unit_test(test_cut_points_other_models),
        cmocka_unit_test(test_company),
        cmocka_unit_test(test_save_kill_load),
        cmocka_unit_test(test_damaged_state_is_refused),
        cmocka_unit_test(test_foreign_state_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
