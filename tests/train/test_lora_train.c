/*
 * test_lora_train.c: weir_lora_train on a small model: the loss falls on a base of any format, the
 * file depends on the seed and on nothing else, what was learnt is in it, and the base is not
 * touched.
 */
#include "base/file.h"
#include "lora_kit.h"

static const char chats[] =
    "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", "
    "\"content\": \"Arr matey\"}]}\n"
    "{\"messages\": [{\"role\": \"user\", \"content\": \"Who?\"}, {\"role\": \"assistant\", "
    "\"content\": \"A pirate\"}]}\n";

typedef struct told {
    uint64_t n_steps, stop_after;
    bool stops_at_once;
    double first, last;
    uint32_t n_parts;
    uint64_t n_params;
    bool has_experts;
    char sample[256];
    uint64_t n_tokens, n_last; /* so far; of the last step */
    uint64_t batch;            /* 0: steps are not looked at */
    uint64_t n_least, n_over;  /* tokens of the smallest step; steps larger than batch */
    weir_train_report report;  /* the last */
} told;

static void on_step(void *context, const weir_train_report *report) {
    told *t = context;
    if (t->n_steps++ == 0)
        t->first = report->loss;
    t->last = report->loss;
    assert_int_equal(report->step, t->n_steps);
    t->n_last = report->n_tokens - t->n_tokens;
    t->n_tokens = report->n_tokens;
    t->n_least = t->n_steps == 1 || t->n_last < t->n_least ? t->n_last : t->n_least;
    t->n_over += t->n_last > t->batch;
    t->report = *report;
}

static void on_part(void *context, const weir_adapted_part *part) {
    told *t = context;
    t->n_parts++;
    t->n_params += part->n_params;
    t->has_experts |= strncmp(part->part, "experts", 7) == 0;
    assert_true(part->n_params == (uint64_t)part->n_matrices * 4 * (part->rows + part->cols));
}

static bool wants_stop(void *context) {
    const told *t = context;
    return t->stops_at_once || (t->stop_after > 0 && t->n_steps >= t->stop_after);
}

/* The target bytes of the sample. */
static void on_sample(void *context, const char *text, const bool *is_target_byte, size_t n) {
    told *t = context;
    size_t n_kept = 0;
    for (size_t i = 0; i < n && n_kept + 1 < sizeof t->sample; i++)
        if (is_target_byte[i])
            t->sample[n_kept++] = text[i];
    t->sample[n_kept] = 0;
}

static weir_lora_options options_for(told *t) {
    *t = (told){0};
    return (weir_lora_options){.rank = 4,
                               .learning_rate = 5e-3f,
                               .max_steps = 6,
                               .n_epochs = 1000,
                               .batch_tokens = 64,
                               .seed = 3,
                               .n_threads = 2,
                               .overwrite = true,
                               .on_part = on_part,
                               .on_sample = on_sample,
                               .on_step = on_step,
                               .wants_stop = wants_stop,
                               .context = t};
}

static void make_base(const char *name, const char *type) {
    weir_synth_options synth = {
        .config = "tiny-moe", .type = type, .seed = 1, .overwrite = true, .n_threads = 1};
    REQUIRE_OK(weir_synth(in_temp(name), &synth, &test_err));
}

static int setup(void **state) {
    if (temp_folder_make(state) != 0)
        return -1;
    temp_write(in_temp("chats.jsonl"), chats, strlen(chats));
    make_base("base.gguf", "f32");
    return 0;
}

static weir_status train(const char *base, const char *out, const weir_lora_options *o) {
    return weir_lora_train(in_temp("chats.jsonl"), in_temp(base), in_temp(out), o, &test_err);
}

/* Learns, whatever the base is made of; base bytes stay. */
static void test_formats(void **state) {
    (void)state;
    static const char *const types[] = {"f32", "bf16", "q8_0", "q4_0", "q4_k"};
    for (size_t i = 0; i < WEIR_COUNT(types); i++) {
        told t;
        weir_lora_options o = options_for(&t);
        make_base("any.gguf", types[i]);
        temp_copy(in_temp("before.gguf"), in_temp("any.gguf"));
        o.recompute = i % 2 == 1;
        REQUIRE_OK(train("any.gguf", "any-lora.gguf", &o));
        if (t.n_steps != 6 || !(t.last < 0.8 * t.first))
            fail_msg("%s: loss %g at first, %g after %u steps", types[i], t.first, t.last,
                     (unsigned)t.n_steps);
        assert_int_equal(t.n_parts, 9);
        assert_false(t.has_experts);
        assert_string_equal(t.sample, "Arr matey<|im_end|>");
        assert_same_files(in_temp("before.gguf"), in_temp("any.gguf"));
    }
}

/* What the file holds is what was learnt: the engine with it expects the answer, in both forms. */
static void test_file(void **state) {
    (void)state;
    told t;
    weir_lora_options o = options_for(&t);
    weir_model *model = NULL;
    weir_tokenizer *tokenizer = NULL;
    o.with_experts = true;
    o.max_steps = 20;
    REQUIRE_OK(train("base.gguf", "experts.gguf", &o));
    assert_true(t.has_experts);
    t = (told){0};
    REQUIRE_OK(train("base.gguf", "experts", &o));
    REQUIRE_OK(weir_model_open(&model, in_temp("base.gguf"), &test_err));
    REQUIRE_OK(weir_tokenizer_open(&tokenizer, in_temp("base.gguf"), NULL, &test_err));
    weir_lora *lora[] = {kit_lora_open(model, in_temp("experts.gguf")),
                         kit_lora_open(model, in_temp("experts"))};
    weir_lora_info info;
    weir_lora_get_info(lora[0], &info);
    assert_int_equal(info.n_params, t.n_params);
    static const char prompt[] = "<|startoftext|><|im_start|>user\nHi<|im_end|>\n"
                                 "<|im_start|>assistant\nArr matey<|im_end|>";
    int32_t ids[64];
    size_t n, n_vocab = vocab_of(model), n_answer = 0;
    REQUIRE_OK(
        weir_tokenizer_encode(tokenizer, prompt, strlen(prompt), NULL, ids, 64, &n, &test_err));
    weir_engine *engine = kit_engine(model, "cpu", lora, NULL, 2);
    float *with = kit_logits(engine, ids, n, n, (const float[]){1, 0});
    float *peft = kit_logits(engine, ids, n, n, (const float[]){0, 1});
    float *without = kit_logits(engine, ids, n, n, (const float[]){0, 0});
    require_same_bits(with, peft, n * n_vocab, "both forms of one training");
    for (size_t i = n - 3; i + 1 < n; i++) { /* the last tokens of the answer */
        size_t best = 0, best_without = 0;
        for (size_t v = 0; v < n_vocab; v++) {
            best = with[i * n_vocab + v] > with[i * n_vocab + best] ? v : best;
            best_without =
                without[i * n_vocab + v] > without[i * n_vocab + best_without] ? v : best_without;
        }
        assert_int_equal(best, ids[i + 1]);
        n_answer += best_without == (size_t)ids[i + 1];
    }
    assert_int_equal(n_answer, 0);
    free(with);
    free(peft);
    free(without);
    weir_engine_close(&engine);
    weir_lora_close(&lora[0]);
    weir_lora_close(&lora[1]);
    weir_tokenizer_close(&tokenizer);
    weir_model_close(&model);
}

static void test_seed(void **state) {
    (void)state;
    told t;
    weir_lora_options o = options_for(&t);
    o.max_steps = 3;
    o.dropout = 0.2f;
    o.with_experts = true;
    REQUIRE_OK(train("base.gguf", "lora.gguf", &o));
    temp_copy(in_temp("first.gguf"), in_temp("lora.gguf"));
    o.n_threads = 1;
    t = (told){0};
    REQUIRE_OK(train("base.gguf", "lora.gguf", &o));
    assert_same_files(in_temp("first.gguf"), in_temp("lora.gguf"));
    o.seed = 4;
    t = (told){0};
    REQUIRE_OK(train("base.gguf", "lora.gguf", &o));
    size_t n_a, n_b;
    char *a = temp_read(in_temp("first.gguf"), &n_a), *b = temp_read(in_temp("lora.gguf"), &n_b);
    assert_true(n_a == n_b && memcmp(a, b, n_a) != 0);
    free(a);
    free(b);
}

/* ---- which matrices -------------------------------------------------------------------------- */

static void test_patterns(void **state) {
    (void)state;
    static const struct {
        const char *pattern[2];
        uint32_t n_matrices;
    } cases[] = {
        {{"attn_q"}, 2},
        {{"self_attn.q_proj", "attn_q"}, 2},
        {{"blk.1.*"}, 4 + 1 + 3 * 4},
        {{"*.conv.in_proj"}, 3},
        {{"model.layers.0.feed_forward.w?"}, 3},
        {{"experts_up"}, 16},
        {{"feed_forward.gate"}, 4},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        told t;
        weir_lora_options o = options_for(&t);
        weir_model *model = NULL;
        weir_lora_info info;
        o.max_steps = 1;
        o.patterns = cases[i].pattern;
        o.n_patterns = cases[i].pattern[1] ? 2 : 1;
        REQUIRE_OK(train("base.gguf", "p", &o));
        REQUIRE_OK(weir_model_open(&model, in_temp("base.gguf"), &test_err));
        weir_lora *lora = kit_lora_open(model, in_temp("p"));
        weir_lora_get_info(lora, &info);
        if (info.n_matrices != cases[i].n_matrices)
            fail_msg("%s: %u matrices, expected %u", cases[i].pattern[0], info.n_matrices,
                     cases[i].n_matrices);
        weir_lora_close(&lora);
        weir_model_close(&model);
    }
    static const char *const wrong[] = {"attn_q", "self_attn.o_proj"};
    told t;
    weir_lora_options o = options_for(&t);
    o.patterns = wrong;
    o.n_patterns = 2;
    assert_int_equal(train("base.gguf", "wrong.gguf", &o), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(test_err.text, "'self_attn.o_proj' is the name of no matrix"));
    assert_non_null(strstr(test_err.text, "conv_in, conv_out, attn_q, attn_k, attn_v, attn_out"));
    assert_non_null(strstr(test_err.text, "experts_down"));
    o.patterns = wrong + 1;
    o.n_patterns = 1;
    assert_int_equal(train("base.gguf", "wrong.gguf", &o), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(test_err.text, "'self_attn.o_proj' is the name of no matrix"));
}

/* ---- steps and epochs -------------------------------------------------------------------------
 */

/* n short chats and n_long long ones. */
static void write_chats(const char *name, int n, int n_long) {
    FILE *to = fopen(in_temp(name), "w");
    assert_non_null(to);
    for (int i = 0; i < n + n_long; i++) {
        fputs("{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": "
              "\"assistant\", \"content\": \"",
              to);
        for (int k = 0; k < (i < n ? 3 : 200); k++)
            fputs("Arr! ", to);
        fputs("\"}]}\n", to);
    }
    assert_int_equal(fclose(to), 0);
}

static weir_pack_report pack_report(const char *name) {
    weir_pack_report report;
    weir_pack_options pack = {.path = in_temp(name),
                              .tokenizer = in_temp("base.gguf"),
                              .assistant_only = true,
                              .overwrite = true,
                              .n_threads = 1};
    char path[512];
    snprintf(path, sizeof path, "%s", in_temp("pack.tok"));
    REQUIRE_OK(weir_train_pack(path, &pack, &report, &test_err));
    return report;
}

/* Every sample is seen in every epoch, and a step has about as many tokens as it was to have. */
static void check_epochs(const char *name, uint32_t n_epochs, uint32_t batch, uint64_t n_rows,
                         uint64_t n_over) {
    told t;
    weir_lora_options o = options_for(&t);
    static const char *const attn_q[] = {"attn_q"};
    o.max_steps = 0;
    o.n_epochs = n_epochs;
    o.batch_tokens = t.batch = batch;
    o.patterns = attn_q;
    o.n_patterns = 1;
    REQUIRE_OK(
        weir_lora_train(in_temp(name), in_temp("base.gguf"), in_temp("e.gguf"), &o, &test_err));
    uint64_t all = n_epochs * n_rows;
    if (t.n_tokens < all || t.n_tokens - t.n_last >= all)
        fail_msg("%s: %u tokens in %u steps, the last of %u; expected to reach %u", name,
                 (unsigned)t.n_tokens, (unsigned)t.n_steps, (unsigned)t.n_last, (unsigned)all);
    assert_int_equal(t.report.n_steps, t.n_steps);
    assert_int_equal(t.report.n_tokens_all, t.n_tokens);
    if (t.n_over > n_over || t.n_least < batch / 2)
        fail_msg("%s: %u steps of more than %u tokens, expected %u; the smallest has %u", name,
                 (unsigned)t.n_over, batch, (unsigned)n_over, (unsigned)t.n_least);
}

static void test_epochs(void **state) {
    (void)state;
    write_chats("equal.jsonl", 31, 0);
    uint64_t n_rows = pack_report("equal.jsonl").n_tokens, n_one = n_rows / 31;
    assert_int_equal(n_one * 31, n_rows);
    check_epochs("equal.jsonl", 2, (uint32_t)(3 * n_one - 1), n_rows, 0); /* two fit, of three */
    check_epochs("equal.jsonl", 1, (uint32_t)(2 * n_one), n_rows, 0);
    /* One that is longer than a step: that makes no other step longer. */
    write_chats("uneven.jsonl", 19, 1);
    n_rows = pack_report("uneven.jsonl").n_tokens;
    assert_true(n_rows > 25 * n_one);
    check_epochs("uneven.jsonl", 3, (uint32_t)(4 * n_one), n_rows, 3);
    /* Documents: neighbouring windows share a token, which is seen twice. */
    char text[2000] = "";
    memset(text, 'a', sizeof text - 1);
    for (size_t i = 3; i < sizeof text - 1; i += 4)
        text[i] = ' ';
    temp_write(in_temp("long.txt"), text, strlen(text));
    n_rows = pack_report("long.txt").n_tokens;
    assert_true(n_rows > 100);
    told t;
    weir_lora_options o = options_for(&t);
    o.max_steps = 0;
    o.n_epochs = 3;
    o.max_tokens = 11;
    o.batch_tokens = 110;
    REQUIRE_OK(weir_lora_train(in_temp("long.txt"), in_temp("base.gguf"), in_temp("e.gguf"), &o,
                               &test_err));
    uint64_t all = 3 * (n_rows + (n_rows - 2) / 10);
    assert_true(t.n_tokens >= all && t.n_tokens - t.n_last < all);
}

/* More tokens a step than go through the model at once. */
static void test_large_batch(void **state) {
    (void)state;
    enum { N_TEXT = 120000 };
    char *text = malloc(N_TEXT);
    assert_non_null(text);
    for (size_t i = 0; i < N_TEXT; i++)
        text[i] = (char)(i % 6 == 5 ? ' ' : 'a' + weir_mix64(1, 2, i) % 26);
    temp_write(in_temp("large.txt"), text, N_TEXT);
    free(text);
    assert_true(pack_report("large.txt").n_tokens > 20000);
    told t;
    weir_lora_options o = options_for(&t);
    static const char *const attn_q[] = {"attn_q"};
    o.max_steps = 1;
    o.batch_tokens = 16384;
    o.patterns = attn_q;
    o.n_patterns = 1;
    REQUIRE_OK(weir_lora_train(in_temp("large.txt"), in_temp("base.gguf"), in_temp("e.gguf"), &o,
                               &test_err));
    assert_true(t.n_tokens > 16384 - 1024 && t.n_tokens <= 16384);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void test_ends(void **state) {
    (void)state;
    told t;
    weir_lora_options o = options_for(&t);
    weir_model *model = NULL;
    t.stop_after = 2;
    REQUIRE_OK(train("base.gguf", "stopped.gguf", &o)); /* written as far as it came */
    assert_int_equal(t.n_steps, 2);
    REQUIRE_OK(weir_model_open(&model, in_temp("base.gguf"), &test_err));
    weir_lora *lora = kit_lora_open(model, in_temp("stopped.gguf"));
    weir_lora_close(&lora);
    weir_model_close(&model);
    /* Before the first step there is nothing worth a file, or an older one's place. */
    o = options_for(&t);
    o.overwrite = true;
    t.stops_at_once = true;
    assert_int_equal(train("base.gguf", "never.gguf", &o), WEIR_STATUS_CANCELLED);
    assert_false(weir_path_exists(in_temp("never.gguf")));
    o = options_for(&t);
    o.max_steps = 0;
    o.max_seconds = 0.3;
    REQUIRE_OK(train("base.gguf", "timed.gguf", &o));
    assert_true(t.n_steps >= 1 && t.n_steps < 900);
    /* asked before the work, not after it */
    o = options_for(&t);
    o.overwrite = false;
    assert_int_equal(train("base.gguf", "timed.gguf", &o), WEIR_STATUS_FAILED);
    assert_int_equal(t.n_steps, 0);
    o.rank = 2000;
    assert_int_equal(train("base.gguf", "new.gguf", &o), WEIR_STATUS_BAD_ARGUMENT);
    o.rank = 4;
    o.dropout = 1;
    assert_int_equal(train("base.gguf", "new.gguf", &o), WEIR_STATUS_BAD_ARGUMENT);
    o.dropout = 0;
    o.learning_rate = NAN;
    assert_int_equal(train("base.gguf", "new.gguf", &o), WEIR_STATUS_BAD_ARGUMENT);
    temp_write(in_temp("bad.jsonl"), "{\"messages\": []}\n", 17);
    o.learning_rate = 0;
    assert_int_equal(weir_lora_train(in_temp("bad.jsonl"), in_temp("base.gguf"),
                                     in_temp("new.gguf"), &o, &test_err),
                     WEIR_STATUS_BAD_FILE);
    assert_non_null(strstr(test_err.text, "bad.jsonl:1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),     cmocka_unit_test(test_file),
        cmocka_unit_test(test_seed),        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_ends),        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_large_batch),
    };
    return cmocka_run_group_tests(tests, setup, temp_folder_remove);
}
