/*
 * test_engine_steps.c: steps of many timelines with chunks of any size, with and without logits of
 * every token, on engines with odd options and models of odd shapes. A step that fails has moved
 * nothing, and every logit that a step gives has the bits of a fresh prefill.
 */
#include "engine_fixture.h"
#include "unit/temp_folder.h"

enum { N_CTX = 200, N_SEQS = 6, MOST_VOCAB = 512, N_ROUNDS = 120 };

typedef struct line {
    weir_seq *seq;
    int32_t tokens[N_CTX];
    uint32_t n;
} line;

typedef struct table {
    weir_engine *engine, *oracle;
    weir_engine_options options;
    dice d;
    uint32_t n_vocab, n_ctx;
    line lines[N_SEQS];
    float *expected;       /* [N_CTX, n_vocab] */
    float *logits[N_SEQS]; /* [N_CTX, n_vocab] of a chunk */
    bool is_cancel_due;
    uint32_t n_compared, n_full, n_cancelled, n_partial;
} table;

/* Logits after each of the n tokens, in chunks of the oracle's batch. */
static const float *prefill(table *t, const int32_t *tokens, uint32_t n) {
    weir_seq *seq = NULL;
    REQUIRE_OK(weir_seq_open(&seq, t->oracle, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens, n, &test_err));
    for (uint32_t done = 0; done < n;) {
        weir_chunk chunk = {.seq = seq, .logits = t->expected + (size_t)done * t->n_vocab};
        REQUIRE_OK(weir_engine_step(t->oracle, &chunk, 1, &test_err));
        assert_true(chunk.n_tokens > 0);
        done += chunk.n_tokens;
    }
    weir_seq_close(&seq);
    return t->expected;
}

static uint32_t n_run(const line *l) {
    return l->n - (uint32_t)weir_seq_n_pending(l->seq);
}

/* What a step that went well gave for one chunk, which had run `before` tokens. */
static void check_chunk(table *t, const line *l, const weir_chunk *chunk, uint32_t before) {
    assert_int_equal(n_run(l), before + chunk->n_tokens);
    const float *last = weir_seq_logits(l->seq);
    if (n_run(l) == l->n && chunk->n_tokens > 0)
        assert_non_null(last);
    if (n_run(l) < l->n) {
        assert_null(last);
        t->n_partial++;
    }
    if (n_run(l) == 0)
        return;
    const float *expected = prefill(t, l->tokens, n_run(l));
    if (chunk->logits && chunk->n_tokens > 0)
        require_same_bits(chunk->logits, expected + (size_t)before * t->n_vocab,
                          (size_t)chunk->n_tokens * t->n_vocab, "a chunk's logits");
    if (last)
        require_same_bits(last, expected + (size_t)(l->n - 1) * t->n_vocab, t->n_vocab,
                          "the last logits");
    t->n_compared++;
}

static void step(table *t) {
    weir_chunk chunks[N_SEQS], asked[N_SEQS];
    const line *lines[N_SEQS];
    uint32_t before[N_SEQS];
    weir_error err = {0};
    size_t n = 0;
    for (int i = 0; i < N_SEQS; i++) {
        line *l = &t->lines[i];
        if (!l->seq || roll(&t->d, 4) == 0)
            continue;
        uint32_t n_pending = (uint32_t)weir_seq_n_pending(l->seq);
        chunks[n] = (weir_chunk){.seq = l->seq, .logits = roll(&t->d, 2) ? t->logits[i] : NULL};
        if (n_pending > 0 && roll(&t->d, 6) == 0)
            chunks[n].n_tokens = 1 + roll(&t->d, n_pending);
        before[n] = n_run(l);
        lines[n++] = l;
    }
    if (roll(&t->d, 15) == 0) {
        weir_engine_cancel(t->engine);
        t->is_cancel_due = true;
    }
    memcpy(asked, chunks, sizeof asked);
    weir_status status = weir_engine_step(t->engine, chunks, n, &err);
    if (status == WEIR_STATUS_OK) {
        for (size_t i = 0; i < n; i++) {
            if (asked[i].n_tokens > 0)
                assert_int_equal(chunks[i].n_tokens, asked[i].n_tokens);
            check_chunk(t, lines[i], &chunks[i], before[i]);
        }
        return;
    }
    assert_true(err.text[0] != 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(chunks[i].n_tokens, asked[i].n_tokens);
        assert_int_equal(n_run(lines[i]), before[i]);
    }
    if (status == WEIR_STATUS_FULL) {
        t->n_full++;
        /* n_pages by default is enough for every timeline, whatever is shared */
        assert_false(t->options.n_pages == 0 && strstr(err.text, "pages"));
        return;
    }
    assert_int_equal(status, WEIR_STATUS_CANCELLED);
    assert_true(t->is_cancel_due);
    t->is_cancel_due = false;
    t->n_cancelled++;
}

static void grow(table *t, line *l) {
    uint32_t room = t->n_ctx - l->n;
    if (room == 0)
        return;
    uint32_t n = 1 + roll(&t->d, l->n > 0 && room > 80 ? 80 : room);
    if (l->n == 0 && roll(&t->d, 2)) /* a beginning that others have too */
        for (uint32_t i = 0; i < n; i++)
            l->tokens[i] = (int32_t)(7 * i % t->n_vocab);
    else
        roll_tokens(&t->d, t->n_vocab, l->tokens + l->n, n);
    REQUIRE_OK(weir_seq_append(l->seq, l->tokens + l->n, n, &test_err));
    l->n += n;
}

/* Another timeline becomes a copy of l: a fork, or through a file. */
static void copy(table *t, const line *l, line *other) {
    weir_error err = {0};
    if (other->seq)
        return;
    weir_status status;
    if (roll(&t->d, 2)) {
        status = weir_seq_fork(&other->seq, l->seq, &err);
    } else {
        REQUIRE_OK(weir_seq_save(l->seq, in_temp("state"), &test_err));
        status = weir_seq_load(&other->seq, t->engine, in_temp("state"), &err);
    }
    if (status != WEIR_STATUS_OK) {
        assert_int_equal(status, WEIR_STATUS_FULL);
        assert_null(other->seq);
        return;
    }
    memcpy(other->tokens, l->tokens, sizeof l->tokens);
    other->n = l->n;
    assert_int_equal(n_run(other), n_run(l));
    assert_int_equal(weir_seq_logits(other->seq) != NULL, weir_seq_logits(l->seq) != NULL);
}

static void act(table *t) {
    line *l = &t->lines[roll(&t->d, N_SEQS)];
    if (!l->seq) {
        weir_error err = {0};
        l->n = 0;
        if (weir_seq_open(&l->seq, t->engine, &err) != WEIR_STATUS_OK) {
            assert_null(l->seq);
            return;
        }
        grow(t, l);
    }
    switch (roll(&t->d, 10)) {
    case 0:
        if (roll(&t->d, 2))
            weir_seq_close(&l->seq);
        break;
    case 1:
    case 2:
        copy(t, l, &t->lines[roll(&t->d, N_SEQS)]);
        break;
    case 3:
        l->n = roll(&t->d, l->n + 1);
        REQUIRE_OK(weir_seq_rewind(l->seq, l->n, &test_err));
        break;
    case 4:
    case 5:
        grow(t, l);
        break;
    default:
        step(t);
    }
}

static void play(const char *path, weir_engine_options options, uint64_t seed) {
    table t = {.d = {.seed = seed}, .n_ctx = options.n_ctx, .options = options};
    weir_model *model = NULL;
    weir_plan plan, taken;
    REQUIRE_OK(weir_model_open(&model, path, &test_err));
    t.n_vocab = vocab_of(model);
    t.engine = open_engine(model, options);
    REQUIRE_OK(weir_plan_make(&plan, model, &options, &test_err));
    weir_engine_memory(t.engine, &taken);
    assert_int_equal(plan.engine_bytes, taken.engine_bytes);
    assert_int_equal(plan.weight_bytes, taken.weight_bytes);
    t.oracle = open_engine(
        model,
        (weir_engine_options){.n_ctx = N_CTX, .n_batch = 64, .n_out = 64, .no_prefix_cache = true});
    size_t bytes = (size_t)N_CTX * t.n_vocab * sizeof(float);
    t.expected = malloc(bytes);
    for (int i = 0; i < N_SEQS; i++)
        t.logits[i] = malloc(bytes);
    for (int i = 0; i < N_ROUNDS; i++)
        act(&t);
    for (int i = 0; i < N_SEQS; i++) {
        weir_seq_close(&t.lines[i].seq);
        free(t.logits[i]);
    }
    free(t.expected);
    weir_engine_stats stats;
    weir_engine_get_stats(t.engine, &stats);
    print_message("%u tokens, batch %u: %llu steps, %llu rows, %llu replayed, %u chunks compared, "
                  "%u partial, %u times full, %u cancelled\n",
                  t.n_ctx, options.n_batch, (unsigned long long)stats.n_steps,
                  (unsigned long long)stats.n_rows, (unsigned long long)stats.n_rows_replayed,
                  t.n_compared, t.n_partial, t.n_full, t.n_cancelled);
    assert_int_equal(stats.n_pages_used, stats.n_pages_kept); /* nothing leaked */
    assert_true(t.n_compared > 0);
    weir_model_close(&model);
    weir_engine_close(&t.engine);
    weir_engine_close(&t.oracle);
}

/* The least and other odd values of every option; zeros are defaults. */
static const weir_engine_options odd_options[] = {
    {.n_ctx = N_CTX, .n_seqs = 4, .n_out = 3},
    {.n_ctx = 1, .n_seqs = 2},
    {.n_ctx = 65, .n_seqs = 6, .n_batch = 1, .n_snapshots = 1},
    {.n_ctx = 64, .n_seqs = 3, .n_batch = 70, .n_out = 1},
    {.n_ctx = 130, .n_seqs = 5, .n_pages = 1},
    {.n_ctx = N_CTX, .n_seqs = 5, .n_pages = 5, .n_batch = 33, .n_out = 40},
    {.n_ctx = 130, .n_seqs = 6, .no_prefix_cache = true, .no_map = true, .n_threads = 3},
};

static void test_odd_options(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof odd_options / sizeof *odd_options; i++) {
        play(WEIR_TEST_DATA "/golden/moe_top2", odd_options[i], 1 + i);
        play(WEIR_TEST_DATA "/golden/dense_untied_k4", odd_options[i], 100 + i);
    }
}

/* A dense model of four layers with random weights. kinds: the list in layer_types. */
static void write_model(const char *kinds, int n_taps) {
    FILE *f = fopen(in_temp("shape.json"), "w");
    assert_non_null(f);
    fprintf(f,
            "{\"model_type\": \"lfm2\", \"vocab_size\": %d, \"hidden_size\": 64, "
            "\"num_hidden_layers\": 4, \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
            "\"intermediate_size\": 96, \"norm_eps\": 1e-5, \"max_position_embeddings\": 256, "
            "\"conv_L_cache\": %d, \"layer_types\": [%s]}",
            MOST_VOCAB, n_taps, kinds);
    fclose(f);
    REQUIRE_OK(weir_synth(
        in_temp("model.gguf"),
        &(weir_synth_options){.config = in_temp("shape.json"), .type = "f16", .overwrite = true},
        &test_err));
}

static void test_odd_models(void **state) {
    (void)state;
    static const char attn[] = "\"full_attention\"", conv[] = "\"conv\"";
    static const struct {
        const char *kind[4];
        int n_taps;
    } shapes[] = {
        {{conv, conv, conv, conv}, 3}, /* no K/V: pages are empty */
        {{attn, attn, attn, attn}, 3}, /* no conv state and no replay */
        {{attn, conv, attn, conv}, 2},
        {{conv, conv, attn, conv}, 9},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char kinds[128];
        snprintf(kinds, sizeof kinds, "%s, %s, %s, %s", shapes[i].kind[0], shapes[i].kind[1],
                 shapes[i].kind[2], shapes[i].kind[3]);
        write_model(kinds, shapes[i].n_taps);
        play(in_temp("model.gguf"), odd_options[0], 200 + i);
        play(in_temp("model.gguf"), odd_options[2], 300 + i);
        play(in_temp("model.gguf"), odd_options[5], 400 + i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odd_options),
        cmocka_unit_test(test_odd_models),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
