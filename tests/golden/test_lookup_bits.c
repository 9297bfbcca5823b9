/*
 * test_lookup_bits.c: with drafts, right, wrong and cut anywhere, a timeline has the tokens, the
 * logits and the saved file that it has without them, bit for bit; its forks, its rewinds, those
 * that share its pages and those that run in its company too.
 */
// clang-format off
#include "engine_fixture.h"
// clang-format on
#include "engine/engine.h"
#include <unistd.h>

/* Random models repeat nothing by themselves. With few words to choose from, they must. */
enum { N_CTX = 256, MOST_VOCAB = 512, N_PROMPT = 21, N_ANSWER = 150, MOST = 8, N_WORDS = 3 };

/* Drafts from the known answer, spoiled at random: all right, all wrong, right up to somewhere. */
typedef struct guesser {
    dice d;
    const int32_t *truth; /* [n_truth] prompt and answer; NULL: only wrong ones */
    uint32_t n_truth, n_vocab, n_proposed;
} guesser;

static uint32_t guess(void *context, const int32_t *tokens, uint32_t n_tokens, int32_t *drafts,
                      uint32_t cap) {
    guesser *g = context;
    (void)tokens;
    uint32_t n = roll(&g->d, 4) ? roll(&g->d, cap + 1) : 0;
    uint32_t n_right = roll(&g->d, 3) ? roll(&g->d, n + 1) : n;
    for (uint32_t i = 0; i < n; i++) {
        bool is_right = g->truth && n_tokens + i < g->n_truth && i < n_right;
        drafts[i] = is_right ? g->truth[n_tokens + i] : (int32_t)roll(&g->d, g->n_vocab);
    }
    g->n_proposed += n;
    return n;
}

static double cheap_rows(void *context, uint32_t n_rows) {
    (void)context;
    return 1 + 0.02 * n_rows;
}

/* Runs what it is given, whole, and takes nothing over. */
static weir_engine *open_oracle(weir_model *model, weir_engine_options o) {
    o.no_prefix_cache = true;
    return open_engine(model, o);
}

static weir_engine_options with_room(weir_engine_options o) {
    o.n_out = MOST + 1;
    o.n_snapshots = MOST + 4;
    return o;
}

/* What a callback saw: the token, and a timeline that knows nothing of drafts. */
typedef struct witness {
    weir_seq *seq;
    int32_t tokens[N_CTX];
    uint32_t n;
} witness;

static bool see(void *context, int32_t token) {
    witness *w = context;
    size_t n = weir_seq_n_tokens(w->seq);
    assert_int_equal(weir_seq_n_pending(w->seq), 1);
    assert_int_equal(weir_seq_tokens(w->seq)[n - 1], token);
    assert_null(weir_seq_logits(w->seq));
    w->tokens[w->n++] = token;
    return true;
}

static void require_same_files(weir_seq *a, weir_seq *b) {
    char path[2][32] = {"lookup-a-XXXXXX", "lookup-b-XXXXXX"};
    char *bytes[2];
    long size[2];
    for (int i = 0; i < 2; i++) {
        close(mkstemp(path[i]));
        REQUIRE_OK(weir_seq_save(i ? b : a, path[i], &test_err));
        FILE *f = fopen(path[i], "rb");
        assert_non_null(f);
        fseek(f, 0, SEEK_END);
        size[i] = ftell(f);
        rewind(f);
        bytes[i] = malloc((size_t)size[i]);
        assert_int_equal(fread(bytes[i], 1, (size_t)size[i], f), size[i]);
        fclose(f);
        unlink(path[i]);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], (size_t)size[0]);
    free(bytes[0]);
    free(bytes[1]);
}

typedef struct answer_case {
    const char *model, *device, *kv_type;
    float temperature;
    uint64_t seed;
} answer_case;

/* One answer without drafts, with drafts from the index, and with spoiled ones. */
static void same_answer(const answer_case *c) {
    weir_model *model = open_golden(c->model);
    uint32_t n_vocab = vocab_of(model);
    weir_engine_options o = {
        .device = c->device, .kv_type = c->kv_type, .n_ctx = N_CTX, .n_threads = 1 + c->seed % 2};
    weir_engine *fast = open_engine(model, with_room(o));
    fast->drafts.price = cheap_rows;
    o.n_seqs = 2;
    weir_engine *plain = open_engine(model, o);
    weir_sampling sampling;
    weir_sampling_neutral(&sampling);
    weir_logit_bias bias[N_WORDS];
    for (int32_t i = 0; i < N_WORDS; i++)
        bias[i] = (weir_logit_bias){.token = i + 10, .bias = 1000};
    sampling.bias = bias;
    sampling.n_bias = N_WORDS;
    sampling.temperature = c->temperature;
    sampling.seed = c->seed;
    if (c->temperature > 0) {
        sampling.top_k = 4;
        sampling.repetition_penalty = 1.02f;
        sampling.frequency_penalty = 0.01f;
    }
    weir_sampler *sampler = NULL;
    REQUIRE_OK(weir_sampler_open(&sampler, model, &sampling, &test_err));
    dice d = {.seed = c->seed};
    int32_t prompt[N_PROMPT], truth[N_CTX];
    roll_tokens(&d, n_vocab, prompt, N_PROMPT);
    weir_seq *known = NULL;
    REQUIRE_OK(weir_seq_open(&known, plain, &test_err));
    REQUIRE_OK(weir_seq_append(known, prompt, N_PROMPT, &test_err));
    weir_generate_options g = {.max_tokens = N_ANSWER, .ignore_eos = true};
    weir_generate_result result;
    REQUIRE_OK(weir_generate(known, sampler, &g, &result, &test_err));
    assert_int_equal(result.n_drafts, 0);
    uint32_t n_truth = (uint32_t)weir_seq_n_tokens(known);
    memcpy(truth, weir_seq_tokens(known), n_truth * sizeof *truth);
    for (int way = 0; way < 4; way++) {
        witness w = {0};
        guesser wild = {.d = {.seed = 77 + (uint64_t)way},
                        .truth = way < 3 ? truth : NULL,
                        .n_truth = n_truth,
                        .n_vocab = n_vocab};
        weir_lookup_options lookup = {.most = MOST, .context = &wild};
        if (way > 0)
            lookup.propose = guess;
        REQUIRE_OK(weir_seq_open(&w.seq, fast, &test_err));
        REQUIRE_OK(weir_seq_open_lookup(w.seq, &lookup, &test_err));
        REQUIRE_OK(weir_seq_append(w.seq, prompt, N_PROMPT, &test_err));
        g.on_token = see;
        g.context = &w;
        weir_generate_result r;
        REQUIRE_OK(weir_generate(w.seq, sampler, &g, &r, &test_err));
        assert_int_equal(r.n_generated, N_ANSWER);
        assert_int_equal(weir_seq_n_tokens(w.seq), n_truth);
        assert_memory_equal(weir_seq_tokens(w.seq), truth, n_truth * sizeof *truth);
        assert_memory_equal(w.tokens, truth + N_PROMPT, w.n * sizeof *truth);
        assert_int_equal(w.n, N_ANSWER);
        require_same_files(known, w.seq); /* one token pending */
        if (way == 0)
            print_message("%s %s %s t %g: %u steps for %u tokens, %u of %u drafts taken\n",
                          c->model, c->device, c->kv_type, (double)c->temperature, r.n_steps,
                          r.n_generated, r.n_drafts_taken, r.n_drafts);
        else
            assert_int_equal(r.n_drafts, wild.n_proposed);
        assert_true(way == 3 || r.n_drafts_taken > 0);
        /* plain decoding takes a step for each token but the last, which stays pending */
        assert_int_equal(r.n_steps + r.n_drafts_taken, N_ANSWER - 1);
        REQUIRE_OK(weir_seq_run(w.seq, &test_err));
        weir_seq *end = NULL;
        REQUIRE_OK(weir_seq_fork(&end, known, &test_err));
        REQUIRE_OK(weir_seq_run(end, &test_err));
        require_same_bits(weir_seq_logits(w.seq), weir_seq_logits(end), n_vocab, "the last logits");
        require_same_files(end, w.seq);
        weir_seq_close(&end);
        weir_seq_close(&w.seq);
    }
    weir_seq_close(&known);
    weir_sampler_close(&sampler);
    weir_engine_close(&plain);
    weir_engine_close(&fast);
    weir_model_close(&model);
}

static void test_answers(void **state) {
    (void)state;
    static const answer_case cases[] = {{"moe_top2", "cpu", "f16", 0, 1},
                                        {"moe_k256", "cpu", "q8", 0, 2},
                                        {"dense_untied_k4", "cpu", "f32", 0, 3},
                                        {"moe_top4_scale", "cpu", "f16", 0, 4},
                                        {"moe_top2", "cpu", "f16", 0.2f, 5},
                                        {"dense_oldkeys_bias", "cpu", "f16", 0.1f, 6},
                                        {"dense_untied_k4", "reference", "f32", 0, 7},
                                        {"moe_top2", "reference", "f16", 0, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        same_answer(&cases[i]);
}

/* ---- lives with drafts ---------------------------------------------------------------------- */

enum { N_SEQS = 4 };

typedef struct life {
    weir_seq *seq;
    guesser g;
    int32_t tokens[N_CTX];
    uint32_t n;
} life;

typedef struct lives {
    weir_engine *engine, *oracle;
    weir_model *model;
    dice d;
    uint32_t n_vocab;
    life life[N_SEQS];
    uint64_t n_taken, n_drafts;
    uint64_t n_guessed, n_in_company; /* taken without a step; steps of several with drafts */
} lives;

static int32_t best_of(const float *logits, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        best = logits[i] > logits[best] ? i : best;
    return (int32_t)best;
}

static void check(lives *w, life *l) {
    float expected[MOST_VOCAB];
    if (l->n == 0)
        return;
    REQUIRE_OK(weir_seq_run(l->seq, &test_err));
    assert_int_equal(weir_seq_n_tokens(l->seq), l->n);
    assert_memory_equal(weir_seq_tokens(l->seq), l->tokens, l->n * sizeof *l->tokens);
    fresh_logits(w->oracle, l->tokens, l->n, expected);
    require_same_bits(weir_seq_logits(l->seq), expected, w->n_vocab, "a life with drafts");
}

static void watch(lives *w, life *l) {
    l->g = (guesser){.d = {.seed = weir_mix64(w->d.seed, 8, w->d.n)}, .n_vocab = N_WORDS};
    weir_lookup_options o = {.most = MOST, .context = &l->g};
    if (roll(&w->d, 2))
        o.propose = guess;
    REQUIRE_OK(weir_seq_open_lookup(l->seq, &o, &test_err));
}

static void add_token(life *l, int32_t token) {
    if (l->n == N_CTX)
        return;
    REQUIRE_OK(weir_seq_append(l->seq, &token, 1, &test_err));
    l->tokens[l->n++] = token;
}

/* The likeliest of the few words, alone; now and then another token. */
static void speak(lives *w, life *l) {
    for (uint32_t i = roll(&w->d, 25); i > 0 && l->n > 0 && l->n < N_CTX; i--) {
        REQUIRE_OK(weir_seq_run(l->seq, &test_err));
        int32_t token = best_of(weir_seq_logits(l->seq), N_WORDS);
        add_token(l, roll(&w->d, 12) ? token : (int32_t)roll(&w->d, w->n_vocab));
    }
}

static bool take_guessed(lives *w, life *l) {
    if (!weir_seq_take_guessed(l->seq))
        return false;
    assert_non_null(weir_seq_logits(l->seq));
    assert_int_equal(weir_seq_n_pending(l->seq), 0);
    w->n_guessed++;
    return true;
}

/* All that have something pending, in one step: some of it was drafted and costs no row, or, now
 * and then, is taken before. */
static void step_together(lives *w) {
    weir_chunk chunks[N_SEQS];
    size_t n = 0;
    for (int i = 0; i < N_SEQS; i++) {
        life *l = &w->life[i];
        if (!l->seq || l->n == 0)
            continue;
        do {
            if (weir_seq_logits(l->seq))
                add_token(l, best_of(weir_seq_logits(l->seq), N_WORDS));
        } while (roll(&w->d, 4) && take_guessed(w, l));
        if (weir_seq_n_pending(l->seq) > 0)
            chunks[n++] = (weir_chunk){.seq = l->seq};
    }
    if (n > 0 && roll(&w->d, 5) == 0) {
        weir_engine_stats before, after;
        weir_engine_get_stats(w->engine, &before);
        weir_engine_cancel(w->engine);
        weir_error err = {0};
        weir_status status = weir_engine_step(w->engine, chunks, n, &err);
        weir_engine_get_stats(w->engine, &after);
        if (status == WEIR_STATUS_OK) /* nothing had to run: the request stands for the next step */
            assert_int_equal(after.n_steps, before.n_steps);
        else
            assert_int_equal(status, WEIR_STATUS_CANCELLED);
        /* until it is used up: another last token may have been drafted too, so again */
        life *l = w->life;
        while (!l->seq || l->n == 0)
            l++;
        for (int i = 0; status == WEIR_STATUS_OK; i++) {
            assert_true(i < 100);
            l->n--;
            REQUIRE_OK(weir_seq_rewind(l->seq, l->n, &test_err));
            add_token(l, (int32_t)roll(&w->d, w->n_vocab));
            weir_chunk one = {.seq = l->seq};
            status = weir_engine_step(w->engine, &one, 1, &err);
        }
        assert_int_equal(status, WEIR_STATUS_CANCELLED);
        return;
    }
    REQUIRE_OK(weir_engine_step(w->engine, chunks, n, &test_err));
    size_t n_drafting = 0;
    for (size_t i = 0; i < n; i++)
        n_drafting += w->engine->plans[i].n_drafts > 0;
    w->n_in_company += n_drafting > 1;
}

static void act(lives *w, const char *path) {
    life *l = &w->life[roll(&w->d, N_SEQS)], *other = &w->life[roll(&w->d, N_SEQS)];
    if (!l->seq) {
        REQUIRE_OK(weir_seq_open(&l->seq, w->engine, &test_err));
        watch(w, l);
        l->n = 1 + roll(&w->d, 90);
        dice same = {.seed = roll(&w->d, 2)}; /* two beginnings that many have */
        roll_tokens(&same, w->n_vocab, l->tokens, l->n);
        REQUIRE_OK(weir_seq_append(l->seq, l->tokens, l->n, &test_err));
        return;
    }
    switch (roll(&w->d, 10)) {
    case 0:
        if (roll(&w->d, 3) == 0)
            weir_seq_close(&l->seq);
        break;
    case 1:
        if (!other->seq) {
            REQUIRE_OK(weir_seq_fork(&other->seq, l->seq, &test_err));
            watch(w, other);
            memcpy(other->tokens, l->tokens, sizeof l->tokens);
            other->n = l->n;
        }
        break;
    case 2:
        l->n = roll(&w->d, 2) ? roll(&w->d, l->n + 1) : l->n - roll(&w->d, l->n < 6 ? l->n + 1 : 6);
        REQUIRE_OK(weir_seq_rewind(l->seq, l->n, &test_err));
        break;
    case 3:
        if (!other->seq) {
            REQUIRE_OK(weir_seq_save(l->seq, path, &test_err));
            REQUIRE_OK(weir_seq_load(&other->seq, w->engine, path, &test_err));
            watch(w, other);
            memcpy(other->tokens, l->tokens, sizeof l->tokens);
            other->n = l->n;
        }
        break;
    case 4:
        step_together(w);
        break;
    case 5:
        check(w, l);
        break;
    case 6: /* a turn */
        for (uint32_t n = roll(&w->d, 4) ? 2 : 9; l->n + n <= N_CTX; n = N_CTX) {
            roll_tokens(&w->d, w->n_vocab, l->tokens + l->n, n);
            REQUIRE_OK(weir_seq_append(l->seq, l->tokens + l->n, n, &test_err));
            l->n += n;
        }
        break;
    default:
        if (l->n == 0)
            add_token(l, 1);
        speak(w, l);
    }
}

static void live(const char *name, const char *device, const char *kv_type, int n_acts,
                 uint64_t seed) {
    char path[] = "lookup-life-XXXXXX";
    lives w = {.model = open_golden(name), .d = {.seed = seed}};
    w.n_vocab = vocab_of(w.model);
    close(mkstemp(path));
    weir_engine_options o = {.device = device, .kv_type = kv_type, .n_ctx = N_CTX, .n_threads = 1};
    w.oracle = open_oracle(w.model, o);
    o = with_room(o);
    o.n_seqs = N_SEQS;
    w.engine = open_engine(w.model, o);
    w.engine->drafts.price = cheap_rows;
    for (int i = 0; i < n_acts; i++)
        act(&w, path);
    for (int i = 0; i < N_SEQS; i++)
        if (w.life[i].seq) {
            check(&w, &w.life[i]);
            weir_lookup_counts counts = weir_lookup_count(w.life[i].seq->lookup);
            w.n_drafts += counts.n_drafts;
            w.n_taken += counts.n_taken;
            weir_seq_close(&w.life[i].seq);
        }
    for (uint32_t i = 0; i < w.engine->plan.n_snapshots; i++)
        assert_null(w.engine->snapshots[i].seq); /* none is held by a timeline that is gone */
    weir_engine_stats stats;
    weir_engine_get_stats(w.engine, &stats);
    assert_int_equal(stats.n_pages_used, stats.n_pages_kept);
    print_message("%s %s %s: %llu steps, %llu rows, %llu of %llu drafts taken at the end, %llu of "
                  "all without a step; %llu steps with drafts of several\n",
                  name, device, kv_type, (unsigned long long)stats.n_steps,
                  (unsigned long long)stats.n_rows, (unsigned long long)w.n_taken,
                  (unsigned long long)w.n_drafts, (unsigned long long)w.n_guessed,
                  (unsigned long long)w.n_in_company);
    assert_true(n_acts < 700 || (w.n_guessed > 10 && w.n_in_company > 3));
    unlink(path);
    weir_engine_close(&w.engine);
    weir_engine_close(&w.oracle);
    weir_model_close(&w.model);
}

static void test_lives(void **state) {
    (void)state;
    int n = getenv("WEIR_SOAK") ? 20000 : 700;
    live("moe_top2", "cpu", "f16", n, 1);
    live("moe_top4_scale", "cpu", "f32", n / 4, 2);
    live("dense_untied_k4", "cpu", "q8", n / 4, 3);
    live("dense_oldkeys_bias", "reference", "f32", n / 10, 4);
}

/* Answers that are known decode together, with spoiled drafts of each, until all have their tokens:
 * those that guessed right are through first. */
static void test_company(void **state) {
    (void)state;
    weir_model *model = open_golden("moe_top4_scale");
    uint32_t n_vocab = vocab_of(model);
    weir_engine_options o = {.n_ctx = N_CTX, .n_threads = 2};
    weir_engine *oracle = open_oracle(model, o);
    o = with_room(o);
    o.n_seqs = N_SEQS;
    o.n_out = N_SEQS + MOST;
    weir_engine *engine = open_engine(model, o);
    life lines[N_SEQS] = {0};
    float expected[MOST_VOCAB];
    uint32_t n_steps = 0, n_taken = 0, n_most = 0, n_left = N_SEQS;
    dice d = {.seed = 21};
    for (uint32_t i = 0; i < N_SEQS; i++) {
        lines[i].g = (guesser){
            .d = {.seed = 70 + i}, .truth = lines[i].tokens, .n_truth = N_CTX, .n_vocab = n_vocab};
        weir_lookup_options lookup = {.most = MOST, .propose = guess, .context = &lines[i].g};
        roll_tokens(&d, n_vocab, lines[i].tokens, N_CTX);
        REQUIRE_OK(weir_seq_open(&lines[i].seq, engine, &test_err));
        if (i > 0) /* one guesses nothing */
            REQUIRE_OK(weir_seq_open_lookup(lines[i].seq, &lookup, &test_err));
        REQUIRE_OK(weir_seq_append(lines[i].seq, lines[i].tokens, lines[i].n = 5 + i, &test_err));
        REQUIRE_OK(weir_seq_run(lines[i].seq, &test_err));
    }
    while (n_left > 0) {
        weir_chunk chunks[N_SEQS];
        size_t n = 0;
        n_left = 0;
        for (uint32_t i = 0; i < N_SEQS; i++) {
            life *l = &lines[i];
            do {
                if (roll(&d, 9) == 0) {
                    fresh_logits(oracle, l->tokens, l->n, expected);
                    require_same_bits(weir_seq_logits(l->seq), expected, n_vocab, "in company");
                }
                if (l->n == N_CTX)
                    break;
                REQUIRE_OK(weir_seq_append(l->seq, &l->tokens[l->n++], 1, &test_err));
            } while (weir_seq_take_guessed(l->seq) && ++n_taken);
            if (weir_seq_n_pending(l->seq) > 0)
                chunks[n++] = (weir_chunk){.seq = l->seq};
            n_left += weir_seq_n_pending(l->seq) > 0;
        }
        if (n == 0)
            break;
        REQUIRE_OK(weir_engine_step(engine, chunks, n, &test_err));
        uint32_t n_drafts = 0;
        for (size_t i = 0; i < n; i++)
            n_drafts += engine->plans[i].n_drafts > 0;
        n_most = n_drafts > n_most ? n_drafts : n_most;
        n_steps++;
    }
    print_message("%u tokens each, %u steps, %u tokens without one\n", N_CTX, n_steps, n_taken);
    assert_int_equal(n_most, N_SEQS - 1);
    assert_true(n_taken > 150);
    for (uint32_t i = 0; i < N_SEQS; i++) {
        uint64_t n_drafts, n_held;
        weir_seq_get_lookup(lines[i].seq, &n_drafts, &n_held);
        assert_true(i == 0 ? n_drafts == 0 : n_held > 0);
        n_taken -= (uint32_t)n_held;
        fresh_logits(oracle, lines[i].tokens, N_CTX, expected);
        require_same_bits(weir_seq_logits(lines[i].seq), expected, n_vocab, "at the end");
        weir_seq_close(&lines[i].seq);
    }
    assert_int_equal(n_taken, 0);
    weir_engine_close(&engine);
    weir_engine_close(&oracle);
    weir_model_close(&model);
}

/* Forked while drafts are ahead, which then come true on a page that the fork holds too. */
static void test_forks_between(void **state) {
    (void)state;
    weir_model *model = open_golden("moe_top2");
    uint32_t n_vocab = vocab_of(model);
    weir_engine_options o = {.n_ctx = N_CTX, .n_threads = 1};
    weir_engine *oracle = open_oracle(model, o);
    o = with_room(o);
    o.n_seqs = 3;
    weir_engine *engine = open_engine(model, o);
    dice d = {.seed = 12};
    int32_t truth[N_CTX];
    float expected[MOST_VOCAB];
    weir_seq *seq = NULL, *fork = NULL;
    uint32_t n_forks = 0;
    roll_tokens(&d, n_vocab, truth, N_CTX);
    guesser g = {.d = {.seed = 3}, .truth = truth, .n_truth = N_CTX, .n_vocab = n_vocab};
    weir_lookup_options lookup = {.most = MOST, .propose = guess, .context = &g};
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_open_lookup(seq, &lookup, &test_err));
    for (uint32_t n = 1; n <= N_CTX; n++) {
        REQUIRE_OK(weir_seq_append(seq, &truth[n - 1], 1, &test_err));
        REQUIRE_OK(weir_seq_run(seq, &test_err));
        if (n % 5 == 0) {
            fresh_logits(oracle, truth, n, expected);
            require_same_bits(weir_seq_logits(seq), expected, n_vocab, "behind a fork");
        }
        if (seq->n_ahead > 0 && !fork && n < N_CTX) {
            REQUIRE_OK(weir_seq_fork(&fork, seq, &test_err));
            n_forks++;
        } else if (fork && roll(&d, 3) == 0) {
            uint32_t at = (uint32_t)weir_seq_n_tokens(fork);
            int32_t text[N_CTX], other = (int32_t)roll(&d, n_vocab);
            memcpy(text, truth, at * sizeof *text);
            text[at] = other;
            REQUIRE_OK(weir_seq_append(fork, &other, 1, &test_err));
            REQUIRE_OK(weir_seq_run(fork, &test_err));
            fresh_logits(oracle, text, at + 1, expected);
            require_same_bits(weir_seq_logits(fork), expected, n_vocab, "a fork");
            weir_seq_close(&fork);
        }
    }
    uint64_t n_drafts, n_taken;
    weir_seq_get_lookup(seq, &n_drafts, &n_taken);
    assert_true(n_taken > 50 && n_forks > 15);
    weir_seq_close(&fork);
    /* the pages that were finished this way are those that others would have made */
    REQUIRE_OK(weir_seq_open(&fork, engine, &test_err));
    REQUIRE_OK(weir_seq_append(fork, truth, N_CTX, &test_err));
    assert_true(weir_seq_n_pending(fork) <= WEIR_PAGE_TOKENS);
    REQUIRE_OK(weir_seq_run(fork, &test_err));
    fresh_logits(oracle, truth, N_CTX, expected);
    require_same_bits(weir_seq_logits(fork), expected, n_vocab, "on pages with drafts");
    weir_seq_close(&seq);
    weir_seq_close(&fork);
    weir_engine_close(&engine);
    weir_engine_close(&oracle);
    weir_model_close(&model);
}

static uint32_t same_again(void *context, const int32_t *tokens, uint32_t n_tokens, int32_t *drafts,
                           uint32_t cap) {
    (void)context;
    for (uint32_t i = 0; i < cap; i++)
        drafts[i] = tokens[n_tokens - 1];
    return cap;
}

/* A cancelled step leaves nothing ahead, also where the pending token looks like what was drafted
 * behind it. */
static void test_cancelled_drafts(void **state) {
    (void)state;
    static const int32_t tokens[] = {1, 2, 3, 9, 9, 9, 9};
    weir_model *model = open_golden("moe_top2");
    uint32_t n_vocab = vocab_of(model);
    weir_engine_options o = {.n_ctx = N_CTX, .n_threads = 1, .no_prefix_cache = true};
    weir_engine *oracle = open_engine(model, o), *engine = open_engine(model, with_room(o));
    weir_lookup_options lookup = {.most = MOST, .propose = same_again};
    weir_seq *seq = NULL;
    weir_error err = {0};
    float expected[MOST_VOCAB];
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_open_lookup(seq, &lookup, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens, 3, &test_err));
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens + 3, 1, &test_err));
    weir_engine_cancel(engine);
    assert_int_equal(weir_seq_run(seq, &err), WEIR_STATUS_CANCELLED);
    assert_int_equal(seq->n_ahead, 0);
    assert_int_equal(weir_ahead_room(engine, 0), MOST + 3); /* all but the one that always stays */
    for (uint32_t n = 4; n <= 7; n++) {
        REQUIRE_OK(weir_seq_run(seq, &test_err));
        fresh_logits(oracle, tokens, n, expected);
        require_same_bits(weir_seq_logits(seq), expected, n_vocab, "after a cancelled draft");
        if (n < 7)
            REQUIRE_OK(weir_seq_append(seq, tokens + n, 1, &test_err));
    }
    uint64_t n_drafts, n_taken;
    weir_seq_get_lookup(seq, &n_drafts, &n_taken);
    assert_int_equal(n_drafts, MOST);
    assert_int_equal(n_taken, 3);
    weir_seq_close(&seq);
    weir_engine_close(&engine);
    weir_engine_close(&oracle);
    weir_model_close(&model);
}

/* ---- limits --------------------------------------------------------------------------------- */

static void test_refuses_without_room(void **state) {
    (void)state;
    static const int32_t prompt[] = {1, 2, 3};
    weir_model *model = open_golden("dense_tiny");
    weir_engine *engine = open_engine(
        model, (weir_engine_options){.n_ctx = 64, .n_out = MOST + 1, .n_snapshots = MOST});
    weir_sampling greedy;
    weir_sampler *sampler = NULL;
    weir_seq *seq = NULL;
    weir_error err = {0};
    weir_sampling_neutral(&greedy);
    REQUIRE_OK(weir_sampler_open(&sampler, model, &greedy, &test_err));
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_append(seq, prompt, 3, &test_err));
    weir_generate_options o = {.lookup = MOST, .ignore_eos = true};
    assert_int_equal(weir_generate(seq, sampler, &o, NULL, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "n_snapshots"));
    assert_int_equal(weir_seq_n_tokens(seq), 3);
    o.lookup = WEIR_LOOKUP_MOST + 1;
    assert_int_equal(weir_generate(seq, sampler, &o, NULL, &err), WEIR_STATUS_BAD_ARGUMENT);
    o.lookup = MOST - 1;
    weir_generate_result result;
    REQUIRE_OK(weir_generate(seq, sampler, &o, &result, &test_err)); /* until the context is full */
    assert_int_equal(weir_seq_n_tokens(seq), 64);
    assert_int_equal(result.n_steps + result.n_drafts_taken, result.n_generated - 1);
    assert_null(seq->lookup); /* it was the generation's own */
    weir_seq_close(&seq);
    weir_sampler_close(&sampler);
    weir_engine_close(&engine);
    weir_model_close(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),          cmocka_unit_test(test_lives),
        cmocka_unit_test(test_company),          cmocka_unit_test(test_forks_between),
        cmocka_unit_test(test_cancelled_drafts), cmocka_unit_test(test_refuses_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
