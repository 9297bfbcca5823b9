/*
 * test_expert_stream.c: experts that stay in their file: with any room for them
 * the bits are those of an engine that has all in memory, and a step whose
 * reads fail has moved nothing.
 *
 * The engines hold small models in folders of their own, so that their files
 * can be changed.
 */
#include "cpu/cpu_backend.h"
#include "engine/engine.h"
#include "train/lora_kit.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { PROMPT = 70, DECODED = 4, MOST_VOCAB = 2048 };

/* name of the golden model, or name:format. */
static weir_model *open_file(const char *name, const char *path) {
    char from[512];
    size_t n = strcspn(name, ":");
    weir_model *model = NULL;
    weir_convert_options o = {.type = name[n] ? name + n + 1 : NULL, .overwrite = true};
    snprintf(from, sizeof from, "%s/golden/%.*s", WEIR_TEST_DATA, (int)n, name);
    REQUIRE_OK(weir_convert(from, path, &o, &test_err));
    REQUIRE_OK(weir_model_open(&model, path, &test_err));
    return model;
}

static weir_engine_options base_options(uint32_t n_threads) {
    return (weir_engine_options){
        .n_ctx = 128, .n_batch = 96, .n_threads = n_threads, .no_pin = true, .n_seqs = 2};
}

/* All in memory, and least: what an engine takes with the smallest cache. */
static void find_range(const weir_model *model, uint64_t *least, uint64_t *all) {
    weir_engine_options o = base_options(1);
    weir_plan plan;
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    assert_int_equal(plan.streamed_bytes, 0);
    *all = plan.total_bytes;
    o.ram_bytes = 1;
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    assert_true(plan.streamed_bytes > 0 && plan.streamed_token_bytes < plan.streamed_bytes);
    *least = plan.total_bytes;
}

/* Logits behind a prompt and behind each of some tokens, of two timelines,
 * alone and together. */
typedef struct answer {
    size_t n;
    float logits[(2 * DECODED + 2) * MOST_VOCAB];
} answer;

static void note(answer *out, const weir_seq *seq, uint32_t n_vocab) {
    assert_true(n_vocab <= MOST_VOCAB && out->n + n_vocab <= sizeof out->logits / sizeof(float));
    memcpy(out->logits + out->n, weir_seq_logits(seq), n_vocab * sizeof(float));
    out->n += n_vocab;
}

static void talk(answer *out, weir_engine *engine) {
    uint32_t n_vocab = vocab_of((weir_model *)(uintptr_t)weir_engine_model(engine));
    dice d = {.seed = 11};
    int32_t tokens[PROMPT], token;
    weir_seq *a = NULL, *b = NULL;
    out->n = 0;
    REQUIRE_OK(weir_seq_open(&a, engine, &test_err));
    REQUIRE_OK(weir_seq_open(&b, engine, &test_err));
    roll_tokens(&d, n_vocab, tokens, PROMPT);
    REQUIRE_OK(weir_seq_append(a, tokens, PROMPT, &test_err));
    REQUIRE_OK(weir_seq_run(a, &test_err));
    note(out, a, n_vocab);
    REQUIRE_OK(weir_seq_append(b, tokens + 5, 20, &test_err));
    REQUIRE_OK(weir_seq_run(b, &test_err));
    note(out, b, n_vocab);
    for (int i = 0; i < DECODED; i++) {
        roll_tokens(&d, n_vocab, &token, 1);
        REQUIRE_OK(weir_seq_append(a, &token, 1, &test_err));
        REQUIRE_OK(weir_seq_append(b, &token, 1, &test_err));
        weir_chunk chunks[2] = {{.seq = a}, {.seq = b}};
        if (i % 2 == 0) {
            REQUIRE_OK(weir_engine_step(engine, chunks, 2, &test_err));
        } else {
            REQUIRE_OK(weir_seq_run(a, &test_err));
            REQUIRE_OK(weir_seq_run(b, &test_err));
        }
        note(out, a, n_vocab);
        note(out, b, n_vocab);
    }
    weir_seq_close(&a);
    weir_seq_close(&b);
}

/* Options that leave so much for the cache, whatever the threads need. */
static weir_engine_options options_for(const weir_model *model, uint32_t n_threads, uint64_t ram) {
    weir_plan one, more;
    weir_engine_options o = base_options(1);
    REQUIRE_OK(weir_plan_make(&one, model, &o, &test_err));
    o.n_threads = n_threads;
    REQUIRE_OK(weir_plan_make(&more, model, &o, &test_err));
    o.ram_bytes = ram + more.total_bytes - one.total_bytes;
    return o;
}

static void check_room(weir_model *model, const answer *expected, uint64_t ram, bool is_whole) {
    static answer got;
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads += 2) {
        weir_engine_options o = options_for(model, n_threads, ram);
        weir_engine_stats stats;
        weir_plan plan, taken;
        REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
        assert_true(plan.total_bytes <= o.ram_bytes);
        weir_engine *engine = open_engine(model, o);
        weir_engine_memory(engine, &taken);
        assert_int_equal(taken.total_bytes, plan.total_bytes);
        talk(&got, engine);
        weir_engine_get_stats(engine, &stats);
        assert_int_equal(stats.n_expert_uses > 0, !is_whole);
        if (!is_whole)
            assert_true(stats.expert_read_bytes > 0 && stats.n_expert_hits < stats.n_expert_uses);
        assert_int_equal(got.n, expected->n);
        assert_memory_equal(got.logits, expected->logits, got.n * sizeof(float));
        weir_engine_close(&engine);
    }
}

static void check_model(const char *name, const char *path) {
    static answer expected;
    uint64_t least, all;
    weir_model *model = open_file(name, path);
    weir_engine *engine = open_engine(model, base_options(2));
    talk(&expected, engine);
    weir_engine_close(&engine);
    find_range(model, &least, &all);
    check_room(model, &expected, least, false);
    if (least < all) {
        check_room(model, &expected, least + (all - least) / 2, false);
        check_room(model, &expected, all - 1, false);
        check_room(model, &expected, all, true);
    }
    weir_model_close(&model);
}

static void test_bits(void **state) {
    (void)state;
    check_model("moe_k256:q4_0", in_temp("a.gguf"));
    check_model("moe_k256:q6_k", in_temp("a.gguf"));
    check_model("moe_top4_scale", in_temp("a.gguf"));
    check_model("moe_top2", in_temp("folder/"));
    check_model("moe_bf16", in_temp("bf16/"));
}

/* An engine with the least cache, and what can be done to it. */
typedef struct rig {
    const char *path;
    weir_model *model;
    weir_engine *engine;
    weir_expert_stream *experts;
    answer expected, got;
} rig;

static rig *open_rig(void) {
    static rig r;
    uint64_t least, all;
    r = (rig){.path = in_temp("rig.gguf")};
    r.model = open_file("moe_k256:q4_0", r.path);
    find_range(r.model, &least, &all);
    r.engine = open_engine(r.model, base_options(2));
    talk(&r.expected, r.engine);
    weir_engine_close(&r.engine);
    r.engine = open_engine(r.model, options_for(r.model, 2, least));
    r.experts = ((weir_cpu *)r.engine->backend)->experts;
    assert_non_null(r.experts);
    return &r;
}

/* After whatever went wrong: the engine gives what it always would have. */
static void close_rig(rig *r) {
    talk(&r->got, r->engine);
    assert_memory_equal(r->got.logits, r->expected.logits, r->got.n * sizeof(float));
    weir_engine_close(&r->engine);
    weir_model_close(&r->model);
}

/* One step of a fresh timeline has to fail, with that word, and to move
 * nothing. */
static void fail_step(rig *r, weir_status expected, const char *word) {
    static const int32_t tokens[] = {3, 1, 4, 1, 5};
    weir_seq *seq = NULL;
    REQUIRE_OK(weir_seq_open(&seq, r->engine, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens, 5, &test_err));
    assert_int_equal(weir_seq_run(seq, &test_err), expected);
    assert_non_null(strstr(test_err.text, word));
    assert_int_equal(weir_seq_n_pending(seq), 5);
    assert_null(weir_seq_logits(seq));
    weir_seq_close(&seq);
}

static void test_read_failure(void **state) {
    (void)state;
    rig *r = open_rig();
    int sound = r->experts->files[0].file;
    /* The same file, so nothing has changed, but no read of it succeeds. */
    r->experts->files[0].file = open(r->path, O_WRONLY | O_CLOEXEC);
    assert_true(r->experts->files[0].file >= 0);
    for (int i = 0; i < 3; i++)
        fail_step(r, WEIR_STATUS_IO, "rig.gguf: an expert at byte");
    close(r->experts->files[0].file);
    r->experts->files[0].file = sound;
    close_rig(r);
}

static void set_time(const char *path, const struct timespec *time) {
    const struct timespec times[] = {*time, *time};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_file_changed(void **state) {
    (void)state;
    rig *r = open_rig();
    struct stat was;
    assert_int_equal(stat(r->path, &was), 0);
    set_time(r->path, &(struct timespec){.tv_sec = was.st_mtim.tv_sec - 1});
    fail_step(r, WEIR_STATUS_BAD_FILE, "rig.gguf: the file was changed");
    set_time(r->path, &was.st_mtim);
    /* Cut short and mended: what was read while it was short must not stay. */
    assert_int_equal(truncate(r->path, was.st_size), 0);
    set_time(r->path, &was.st_mtim);
    close_rig(r);
}

static void cancel_at(void *context, const char *what, uint32_t layer, const void *data,
                      uint32_t n_rows, uint32_t width) {
    (void)data, (void)n_rows, (void)width;
    if (layer == 2 && strcmp(what, "mid") == 0)
        weir_engine_cancel(context);
}

static void test_cancelled(void **state) {
    (void)state;
    rig *r = open_rig();
    const weir_observer observer = {.take = cancel_at, .context = r->engine};
    weir_engine_observe(r->engine, &observer);
    fail_step(r, WEIR_STATUS_CANCELLED, "cancelled");
    weir_engine_observe(r->engine, NULL);
    close_rig(r);
}

/* Another file under the name that the model was opened by. */
static void test_other_file(void **state) {
    (void)state;
    uint64_t least, all;
    const char *path = in_temp("other.gguf");
    weir_model *model = open_file("moe_k256:q4_0", path), *other;
    weir_engine *engine = NULL;
    find_range(model, &least, &all);
    weir_engine_options o = options_for(model, 1, least);
    other = open_file("moe_k256:q4_1", path); /* a new file takes the name */
    assert_int_equal(weir_engine_open(&engine, model, &o, &test_err), WEIR_STATUS_BAD_FILE);
    assert_non_null(strstr(test_err.text, "expected the same file"));
    assert_null(engine);
    weir_model_close(&other);
    weir_model_close(&model);
}

static void test_refusals(void **state) {
    (void)state;
    uint64_t least, all;
    weir_engine *engine = NULL;
    weir_plan plan;
    weir_model *model = open_file("moe_k256:q4_0", in_temp("a.gguf"));
    find_range(model, &least, &all);
    weir_engine_options o = options_for(model, 1, least - 1);
    assert_int_equal(weir_engine_open(&engine, model, &o, &test_err), WEIR_STATUS_NO_MEMORY);
    assert_non_null(strstr(test_err.text, "even with experts read from their file"));
    o.device = "reference";
    o.ram_bytes = 1;
    assert_int_equal(weir_plan_make(&plan, model, &o, &test_err), WEIR_STATUS_UNSUPPORTED);
    weir_model_close(&model);

    weir_model *dense = open_file("dense_tiny", in_temp("b.gguf"));
    o = base_options(1);
    o.ram_bytes = 1;
    assert_int_equal(weir_engine_open(&engine, dense, &o, &test_err), WEIR_STATUS_NO_MEMORY);
    weir_model_close(&dense);
}

static void test_speed(void **state) {
    (void)state;
    uint64_t least, all;
    weir_stream_speed speed;
    weir_model *model = open_file("moe_k256:q4_0", in_temp("a.gguf"));
    find_range(model, &least, &all);
    weir_engine_options o = options_for(model, 1, least);
    REQUIRE_OK(weir_stream_speed_probe(&speed, model, &o, &test_err));
    assert_true(speed.tokens_per_s > 0 && speed.disk_bytes_per_s > 0);
    assert_true(speed.hit_share >= 0 && speed.hit_share < 1 && speed.token_read_bytes > 0);
    assert_true(speed.resident_bytes < speed.all_bytes);
    o.ram_bytes = 0;
    REQUIRE_OK(weir_stream_speed_probe(&speed, model, &o, &test_err));
    assert_true(speed.tokens_per_s == 0 && speed.all_bytes == 0);
    weir_model_close(&model);
}

static void test_memory_that_is_measured(void **state) {
    (void)state;
    const uint64_t mib = 1 << 20, gib = 1 << 30;
    assert_int_equal(weir_stream_buffer_bytes(0, 8 * gib), 64 * mib);
    assert_int_equal(weir_stream_buffer_bytes(32 * mib, 8 * gib), 64 * mib);
    assert_int_equal(weir_stream_buffer_bytes(384 * mib, 8 * gib), 768 * mib); /* a large server */
    assert_int_equal(weir_stream_buffer_bytes(384 * mib, gib), 512 * mib);
    assert_int_equal(weir_stream_buffer_bytes(384 * mib, 40 * mib), 20 * mib);
    assert_int_equal(weir_stream_buffer_bytes(384 * mib, 1), mib);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),         cmocka_unit_test(test_read_failure),
        cmocka_unit_test(test_file_changed), cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_other_file),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_speed),        cmocka_unit_test(test_memory_that_is_measured),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
