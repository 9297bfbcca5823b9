/*
 * test_cuda_engine_draws.c: tokens that the device draws within a step, seen from the engine: the
 * same as those that the host draws from the logits, in every setting, alone and in company; what a
 * timeline holds then; and that nothing of it is there after a step that failed.
 */
#include "cuda_memory_emulated.h"
#include "draw_settings.h"
#include "engine_fixture.h"

#include "base/compiler.h"
#include "engine/engine.h"

#include <math.h>

enum { MOST_VOCAB = 512, PROMPT = 4, N_TOKENS = 4, N_SEQS = 3 };

static const weir_engine_options small = {
    .device = "cuda", .kv_type = "f32", .n_ctx = 128, .n_seqs = N_SEQS, .n_batch = 80};

static weir_engine *open_cuda(weir_model *model, bool can_draw) {
    weir_engine *engine = open_engine(model, small);
    assert_true(weir_engine_can_draw(engine));
    engine->backend->can_draw = can_draw;
    return engine;
}

static weir_seq *open_prompt(weir_engine *engine, const int32_t *tokens) {
    weir_seq *seq;
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens, PROMPT, &test_err));
    return seq;
}

static weir_sampler *open_sampler(const weir_model *model, const weir_sampling *sampling) {
    weir_sampler *sampler;
    REQUIRE_OK(weir_sampler_open(&sampler, model, sampling, &test_err));
    return sampler;
}

/* ---- the same tokens ----------------------------------------------------------------------- */

static void generate(weir_engine *engine, const weir_sampling *sampling, const int32_t *prompt,
                     int32_t *tokens) {
    weir_seq *seq = open_prompt(engine, prompt);
    weir_sampler *sampler = open_sampler(weir_engine_model(engine), sampling);
    weir_generate_options o = {.max_tokens = N_TOKENS, .ignore_eos = true};
    weir_generate_result result;
    REQUIRE_OK(weir_generate(seq, sampler, &o, &result, &test_err));
    assert_int_equal(result.n_generated, N_TOKENS);
    memcpy(tokens, weir_seq_tokens(seq) + PROMPT, N_TOKENS * sizeof *tokens);
    weir_sampler_close(&sampler);
    weir_seq_close(&seq);
}

static void tokens_are_those_of_the_host(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    dice d = {.seed = 5};
    emulated_reset();
    weir_engine *device = open_cuda(model, true), *host = open_cuda(model, false);
    for (size_t i = 0; i < WEIR_COUNT(settings); i++) {
        weir_sampling sampling = settings[i];
        int32_t prompt[PROMPT], got[N_TOKENS], want[N_TOKENS];
        roll_tokens(&d, vocab_of(model), prompt, PROMPT);
        sampling.seed = 1000 + i;
        generate(device, &sampling, prompt, got);
        generate(host, &sampling, prompt, want);
        assert_memory_equal(got, want, sizeof got);
    }
    weir_engine_close(&device);
    weir_engine_close(&host);
    weir_model_close(&model);
}

/* ---- in company ---------------------------------------------------------------------------- */

/* One that is drawn, one that is not, and one that the device cannot draw: nothing is allowed. */
static void a_step_is_mixed(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    uint32_t n_vocab = vocab_of(model), none[MOST_VOCAB / 32] = {0};
    dice d = {.seed = 6};
    emulated_reset();
    weir_engine *device = open_cuda(model, true), *host = open_cuda(model, false);
    weir_sampling sampling = settings[2];
    weir_sampler *sampler = open_sampler(model, &sampling), *other = open_sampler(model, &sampling);
    weir_seq *seq[N_SEQS];
    weir_chunk chunks[N_SEQS] = {0};
    float want[N_SEQS][MOST_VOCAB];
    for (int i = 0; i < N_SEQS; i++) {
        int32_t prompt[PROMPT];
        roll_tokens(&d, n_vocab, prompt, PROMPT);
        weir_seq *alone = open_prompt(host, prompt);
        REQUIRE_OK(weir_seq_run(alone, &test_err));
        memcpy(want[i], weir_seq_logits(alone), n_vocab * sizeof(float));
        weir_seq_close(&alone);
        seq[i] = open_prompt(device, prompt);
        chunks[i].seq = seq[i];
    }
    weir_draw_options o = {.n_prompt = PROMPT, .wants_logprob = true, .n_top = 5};
    REQUIRE_OK(weir_seq_plan_draw(seq[0], sampler, &o, &test_err));
    REQUIRE_OK(weir_seq_plan_draw(
        seq[2], other, &(weir_draw_options){.n_prompt = PROMPT, .mask = none}, &test_err));
    REQUIRE_OK(weir_engine_step(device, chunks, N_SEQS, &test_err));

    const weir_drawn *drawn = weir_seq_drawn(seq[0]);
    assert_non_null(drawn);
    assert_null(weir_seq_logits(seq[0]));
    int32_t token;
    REQUIRE_OK(weir_sampler_draw(sampler, want[0], weir_seq_tokens(seq[0]), PROMPT, PROMPT, NULL,
                                 &token, &test_err));
    assert_int_equal(drawn->token, token);
    double sum = 0, most = -INFINITY;
    uint32_t rank = 1;
    for (uint32_t i = 0; i < n_vocab; i++) {
        sum += exp((double)want[0][i]);
        most = fmax(most, (double)want[0][i]);
        rank += want[0][i] > want[0][token];
    }
    assert_true(fabs((double)drawn->logprob - ((double)want[0][token] - log(sum))) < 1e-6);
    assert_int_equal(drawn->rank, rank);
    assert_int_equal(drawn->n_top, 5);
    assert_true(fabs((double)drawn->top[0].logprob - (most - log(sum))) < 1e-6);
    for (int i = 1; i < 5; i++)
        assert_true(drawn->top[i].logprob <= drawn->top[i - 1].logprob);

    for (int i = 1; i < N_SEQS; i++) {
        assert_null(weir_seq_drawn(seq[i]));
        require_same_bits(weir_seq_logits(seq[i]), want[i], n_vocab, "beside a draw");
    }
    assert_int_equal(weir_sampler_draw(other, want[2], NULL, 0, 0, none, &token, &test_err),
                     WEIR_STATUS_FAILED);
    for (int i = 0; i < N_SEQS; i++)
        weir_seq_close(&seq[i]);
    weir_sampler_close(&sampler);
    weir_sampler_close(&other);
    weir_engine_close(&device);
    weir_engine_close(&host);
    weir_model_close(&model);
}

/* ---- what a timeline holds ----------------------------------------------------------------- */

static void plan(weir_seq *seq, weir_sampler *sampler) {
    REQUIRE_OK(weir_seq_plan_draw(seq, sampler, NULL, &test_err));
}

static void a_drawn_token_is_held_like_logits(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    uint32_t n_vocab = vocab_of(model);
    emulated_reset();
    weir_engine *engine = open_cuda(model, true);
    weir_sampler *sampler = open_sampler(model, &settings[2]);
    dice d = {.seed = 7};
    int32_t prompt[PROMPT], token;
    float want[MOST_VOCAB];
    roll_tokens(&d, n_vocab, prompt, PROMPT);
    weir_seq *seq = open_prompt(engine, prompt), *fork;
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    memcpy(want, weir_seq_logits(seq), n_vocab * sizeof *want);
    weir_seq_close(&seq);

    seq = open_prompt(engine, prompt);
    plan(seq, sampler);
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    token = weir_seq_drawn(seq)->token;
    uint64_t n_steps = engine->stats.n_steps;
    REQUIRE_OK(weir_seq_run(seq, &test_err)); /* is content */
    assert_int_equal(engine->stats.n_steps, n_steps);
    /* behind an append it is gone, and there again behind the cut */
    REQUIRE_OK(weir_seq_append(seq, &token, 1, &test_err));
    assert_null(weir_seq_drawn(seq));
    REQUIRE_OK(weir_seq_rewind(seq, PROMPT, &test_err));
    assert_int_equal(weir_seq_drawn(seq)->token, token);
    /* a fork has neither, and makes its logits itself */
    REQUIRE_OK(weir_seq_fork(&fork, seq, &test_err));
    assert_true(!weir_seq_drawn(fork) && !weir_seq_logits(fork));
    REQUIRE_OK(weir_seq_run(fork, &test_err));
    require_same_bits(weir_seq_logits(fork), want, n_vocab, "of a fork");
    weir_seq_close(&fork);
    weir_seq_drop_draw(seq);
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    assert_null(weir_seq_drawn(seq));
    require_same_bits(weir_seq_logits(seq), want, n_vocab, "made again");

    /* A plan ends with what it was made for. */
    REQUIRE_OK(weir_seq_append(seq, &token, 1, &test_err));
    plan(seq, sampler);
    REQUIRE_OK(weir_seq_rewind(seq, PROMPT, &test_err));
    REQUIRE_OK(weir_seq_append(seq, &prompt[0], 1, &test_err));
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    assert_true(!weir_seq_drawn(seq) && weir_seq_logits(seq));
    /* one behind a cut, where only the logits are missing, is made as well */
    REQUIRE_OK(weir_seq_rewind(seq, PROMPT - 1, &test_err));
    plan(seq, sampler);
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    assert_non_null(weir_seq_drawn(seq));
    weir_seq_close(&seq);
    weir_sampler_close(&sampler);
    weir_engine_close(&engine);
    weir_model_close(&model);
}

static void bad_plan(weir_seq *seq, weir_sampler *sampler, weir_draw_options o, const char *words) {
    assert_int_equal(weir_seq_plan_draw(seq, sampler, &o, &test_err), WEIR_STATUS_BAD_ARGUMENT);
    if (!strstr(test_err.text, words))
        fail_msg("'%s' does not say '%s'", test_err.text, words);
}

static void plans_that_cannot_be(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    emulated_reset();
    weir_engine *engine = open_cuda(model, true);
    weir_sampler *sampler = open_sampler(model, &settings[2]);
    const int32_t prompt[PROMPT] = {1, 2, 3, 4};
    weir_seq *seq;
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    bad_plan(seq, sampler, (weir_draw_options){0}, "behind an empty timeline");
    REQUIRE_OK(weir_seq_append(seq, prompt, PROMPT, &test_err));
    bad_plan(seq, NULL, (weir_draw_options){0}, "sampler is NULL");
    bad_plan(seq, sampler, (weir_draw_options){.n_prompt = PROMPT + 1}, "a prompt of 5 tokens");
    bad_plan(seq, sampler, (weir_draw_options){.n_top = 65}, "expected 64 at most");
    weir_sampler_close(&sampler);

    /* Two biases of one token are added one after the other: the host draws. */
    const weir_logit_bias twins[] = {{3, 1}, {3, 2}};
    weir_sampling o = settings[2];
    o.bias = twins;
    o.n_bias = 2;
    sampler = open_sampler(model, &o);
    plan(seq, sampler);
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    assert_true(!weir_seq_drawn(seq) && weir_seq_logits(seq));
    weir_seq_close(&seq);
    weir_sampler_close(&sampler);
    weir_engine_close(&engine);
    /* and a device that cannot draw takes plans for nothing */
    engine = open_engine(model, (weir_engine_options){.device = "reference"});
    assert_false(weir_engine_can_draw(engine));
    sampler = open_sampler(model, &settings[2]);
    seq = open_prompt(engine, prompt);
    plan(seq, sampler);
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    assert_true(!weir_seq_drawn(seq) && weir_seq_logits(seq));
    weir_seq_close(&seq);
    weir_sampler_close(&sampler);
    weir_engine_close(&engine);
    weir_model_close(&model);
}

/* ---- a device that fails ------------------------------------------------------------------- */

/* Two timelines, of which the device draws for one and leaves the other to the host; call `fail_at`
 * of a kind fails in the step, 0: none. Neither has moved then, and neither has a token. Returns
 * the calls of the step. */
static uint64_t fail_once(weir_model *model, emulated_call call, uint64_t fail_at) {
    const uint32_t none[MOST_VOCAB / 32] = {0};
    const int32_t next = 9;
    emulated_machine *machine = emulated_get();
    emulated_reset();
    weir_engine *engine = open_cuda(model, true);
    weir_sampler *sampler[2];
    weir_seq *seq[2];
    weir_chunk chunks[2] = {0};
    for (int i = 0; i < 2; i++) {
        weir_draw_options o = {.mask = i ? none : NULL};
        sampler[i] = open_sampler(model, &settings[2]);
        REQUIRE_OK(weir_seq_open(&seq[i], engine, &test_err));
        REQUIRE_OK(weir_seq_append(seq[i], &next, 1, &test_err));
        REQUIRE_OK(weir_seq_plan_draw(seq[i], sampler[i], &o, &test_err));
        chunks[i].seq = seq[i];
    }
    uint64_t before = machine->n_calls[call];
    machine->fail_at[call] = fail_at > 0 ? before + fail_at : 0;
    machine->fail_code[call] = 719;
    weir_status status = weir_engine_step(engine, chunks, 2, &test_err);
    assert_int_equal(status, fail_at > 0 ? WEIR_STATUS_FAILED : WEIR_STATUS_OK);
    uint64_t n_calls = machine->n_calls[call] - before;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(weir_seq_n_pending(seq[i]), fail_at > 0);
        assert_int_equal(weir_seq_drawn(seq[i]) != NULL, fail_at == 0 && i == 0);
        assert_int_equal(weir_seq_logits(seq[i]) != NULL, fail_at == 0 && i == 1);
        weir_seq_close(&seq[i]);
        weir_sampler_close(&sampler[i]);
    }
    weir_engine_close(&engine);
    return n_calls;
}

/* The last calls are those of the draws: packed draws up, tokens down, and a mark behind them, which
 * is waited for. */
static void a_failed_step_has_drawn_nothing(void **state) {
    (void)state;
    static const struct {
        emulated_call call;
        uint64_t n_last;
    } kinds[] = {{EMULATED_COPY, 3}, {EMULATED_LAUNCH, 1}, {EMULATED_WAIT, 1}};
    weir_model *model = open_golden("dense_tiny");
    for (size_t k = 0; k < WEIR_COUNT(kinds); k++) {
        uint64_t n = fail_once(model, kinds[k].call, 0);
#ifndef WEIR_CUDA_EMULATED
        if (n == 0) { /* a device, whose calls nobody counts and nobody makes fail */
            weir_model_close(&model);
            skip();
        }
#endif
        assert_true(n >= kinds[k].n_last);
        for (uint64_t last = 0; last < kinds[k].n_last; last++)
            fail_once(model, kinds[k].call, n - last);
    }
    weir_model_close(&model);
    assert_int_equal(emulated_get()->n_taken, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_those_of_the_host),      cmocka_unit_test(a_step_is_mixed),
        cmocka_unit_test(a_drawn_token_is_held_like_logits), cmocka_unit_test(plans_that_cannot_be),
        cmocka_unit_test(a_failed_step_has_drawn_nothing),
    };
    return cmocka_run_group_tests_name("cuda engine draws", tests, NULL, NULL);
}
