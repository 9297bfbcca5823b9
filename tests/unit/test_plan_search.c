/*
 * test_plan_search.c: parts of a plan against those who take them, the whole against engines and
 * against what the system counts, and the search: what it finds fits, one step more does not, and
 * what is proposed fits too.
 */
#include "engine/drafts.h"
#include "engine_fixture.h"
#include "base/compiler.h"
#include "engine_shape.h"
#include "plan_search.h"
#include "temp_folder.h"

#include <malloc.h>

enum { THREADS = 2 };

static weir_plan_settings settings_of(weir_plan_use use, uint32_t n_seqs) {
    return (weir_plan_settings){.use = use,
                                .engine = {.n_threads = THREADS, .n_seqs = n_seqs},
                                .n_lookup = 8,
                                .program_bytes = 5 << 20};
}

static uint64_t total_of(const weir_model *model, const weir_plan_settings *s) {
    weir_plan_whole whole;
    REQUIRE_OK(weir_plan_whole_make(&whole, model, s, &test_err));
    return whole.total_bytes;
}

/* ---- parts ---------------------------------------------------------------------------------- */

static void test_index_of_drafts(void **state) {
    (void)state;
    static const uint32_t contexts[] = {1, 6, 7, 64, 1000, 8192, 32768, 128000};
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
        weir_ngrams grams;
        REQUIRE_OK(weir_ngrams_open(&grams, contexts[i], &test_err));
        uint64_t bytes = grams.n_slots * sizeof *grams.slots;
        assert_int_equal(weir_plan_drafts_bytes(contexts[i], 1), bytes);
        assert_int_equal(weir_plan_drafts_bytes(contexts[i], 3), 3 * bytes);
        assert_int_equal(weir_plan_drafts_bytes(contexts[i], 64), WEIR_SHAPE_GUESSING * bytes);
        weir_ngrams_close(&grams);
    }
}

static void test_samplers(void **state) {
    (void)state;
    enum { BOOKS = 1024 }; /* the struct, and what the heap writes around six blocks */
    weir_model *model = NULL;
    weir_sampler *sampler = NULL;
    REQUIRE_OK(
        weir_synth(in_temp("a.gguf"), &(weir_synth_options){.config = "tiny-moe"}, &test_err));
    REQUIRE_OK(weir_model_open(&model, in_temp("a.gguf"), &test_err));
    weir_sampler_open(&sampler, model, NULL, &test_err); /* the heap has its first blocks */
    struct mallinfo2 before = mallinfo2();
    weir_sampler *second = NULL;
    REQUIRE_OK(weir_sampler_open(&second, model, NULL, &test_err));
    struct mallinfo2 after = mallinfo2();
    uint64_t taken = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    uint64_t planned = weir_plan_sampler_bytes(vocab_of(model));
    weir_sampler_close(&sampler);
    weir_sampler_close(&second);
    weir_model_close(&model);
    if (after.uordblks + after.hblkhd == 0) /* another malloc, as sanitizers have */
        skip();
    assert_true(planned > 4 * BOOKS);
    assert_in_range(taken, planned, planned + BOOKS);
}

static void test_shapes(void **state) {
    (void)state;
    weir_engine_options o = {0};
    weir_shape_for_run(&o, 8);
    assert_int_equal(o.n_out, 9);
    assert_int_equal(o.n_snapshots, 12);
    o = (weir_engine_options){0};
    weir_shape_for_serving(&o, 0);
    assert_int_equal(o.n_seqs, 64);
    assert_int_equal(o.n_batch, 512);
    assert_int_equal(o.n_snapshots, 64);
    assert_int_equal(o.n_out, 128);
    o = (weir_engine_options){0};
    weir_shape_for_serving(&o, 8);
    assert_int_equal(o.n_snapshots, 80);
    o = (weir_engine_options){.n_seqs = 600};
    weir_shape_for_serving(&o, 0);
    assert_int_equal(o.n_batch, 600);
    o = (weir_engine_options){.n_seqs = 600, .n_batch = 100};
    weir_shape_for_serving(&o, 0);
    assert_int_equal(o.n_batch, 100);
}

static void test_lookup(void **state) {
    (void)state;
    static const struct {
        const char *text, *device;
        uint32_t n, n_served;
        bool is_served;
    } cases[] = {
        {NULL, NULL, 8, 8, true},     {"auto", "cpu", 8, 8, true}, {"off", "cuda", 0, 0, true},
        {"0", NULL, 0, 0, true},      {"16", "cpu", 16, 16, true}, {NULL, "cuda", 8, 0, true},
        {"auto", "cuda", 8, 0, true}, {"4", "cuda", 4, 0, false},  {"3", "reference", 3, 3, true}};
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        uint32_t n = 99;
        REQUIRE_OK(weir_shape_lookup(&n, cases[i].text, &test_err));
        assert_int_equal(n, cases[i].n);
        weir_status status = weir_shape_lookup_on(&n, cases[i].device, cases[i].text, &test_err);
        assert_int_equal(status, cases[i].is_served ? WEIR_STATUS_OK : WEIR_STATUS_BAD_ARGUMENT);
        assert_int_equal(n, cases[i].n_served);
    }
    static const char *const wrong[] = {"", "17", "x", "-1", "8 ", "99999999999"};
    for (size_t i = 0; i < WEIR_COUNT(wrong); i++) {
        uint32_t n;
        assert_int_equal(weir_shape_lookup(&n, wrong[i], &test_err), WEIR_STATUS_BAD_ARGUMENT);
    }
}

/* Between one whole timeline and all of them, and within the bytes that were given. */
static void test_pages(void **state) {
    (void)state;
    weir_model *model = open_golden("moe_top2");
    weir_engine_options o = {.n_ctx = 200, .n_seqs = 10, .n_threads = THREADS};
    weir_plan plan;
    REQUIRE_OK(weir_shape_pages(&o, model, 1, &test_err));
    assert_int_equal(o.n_pages, 4);
    REQUIRE_OK(weir_shape_pages(&o, model, UINT64_MAX / 2, &test_err));
    assert_int_equal(o.n_pages, 40);
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    uint64_t kv = weir_plan_item(&plan, "K/V pages");
    assert_true(kv > 0);
    assert_int_equal(weir_plan_item(&plan, "no such thing"), 0);
    REQUIRE_OK(weir_shape_pages(&o, model, kv / 2, &test_err));
    assert_in_range(o.n_pages, 17, 20);
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    assert_true(weir_plan_item(&plan, "K/V pages") <= kv / 2);
    weir_model_close(&model);
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* What `weir plan` says of all settings is what engines opened with its options take. */
static void test_whole_plan(void **state) {
    (void)state;
    weir_model *model = open_golden("moe_k256:q4_0");
    weir_plan_settings s = {.engine = {.n_ctx = 200, .n_threads = 2, .no_pin = true},
                            .ram_bytes = 1 << 30,
                            .program_bytes = 1000};
    for (uint32_t bits = 0; bits < 16; bits++) {
        weir_plan_whole whole;
        weir_engine_options o;
        weir_plan taken;
        s.use = bits & 1 ? WEIR_PLAN_SERVE : WEIR_PLAN_RUN;
        s.engine.n_seqs = s.use == WEIR_PLAN_SERVE ? 3 : 1;
        s.n_lookup = bits & 2 ? 8 : 0;
        s.kv_bytes = bits & 4 ? 40000 : bits & 8 ? WEIR_PLAN_KV_QUARTER : 0;
        REQUIRE_OK(weir_plan_whole_make(&whole, model, &s, &test_err));
        REQUIRE_OK(weir_plan_engine(&o, model, &s, &test_err));
        weir_engine *engine = open_engine(model, o);
        weir_engine_memory(engine, &taken);
        assert_int_equal(whole.engine.total_bytes, taken.total_bytes);
        assert_int_equal(whole.total_bytes, taken.total_bytes + whole.samplers_bytes +
                                                whole.drafts_bytes + whole.page_ends_bytes + 1000);
        assert_int_equal(whole.drafts_bytes > 0, s.n_lookup > 0);
        weir_engine_close(&engine);
    }
    weir_model_close(&model);
}

/* Sanitizers keep books of their own in memory. */
static bool counts_pages(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
    return false;
#endif
#endif
    return weir_plan_resident_now().anonymous_bytes > 0;
}

static void test_the_system_agrees(void **state) {
    (void)state;
    if (!counts_pages())
        skip();
    enum { SLACK = 512 << 10 }; /* stacks of the team, the heap */
    weir_model *model = open_golden("moe_k256");
    weir_plan_settings s = {
        .use = WEIR_PLAN_SERVE,
        .engine = {.n_ctx = 256, .n_seqs = 256, .n_threads = 2, .no_pin = true}};
    weir_plan_whole whole;
    weir_engine_options o;
    REQUIRE_OK(weir_plan_whole_make(&whole, model, &s, &test_err));
    REQUIRE_OK(weir_plan_engine(&o, model, &s, &test_err));
    uint64_t before = weir_plan_resident_now().anonymous_bytes;
    weir_engine *engine = open_engine(model, o);
    uint64_t taken = weir_plan_resident_now().anonymous_bytes - before;
    uint64_t planned = whole.engine.engine_bytes + whole.page_ends_bytes;
    assert_true(planned > 16 * SLACK);
    assert_in_range(taken, planned - SLACK, planned + SLACK);
    weir_engine_close(&engine);
    weir_model_close(&model);
}

/* ---- the search ----------------------------------------------------------------------------- */

/* Memory between the least and the most, in steps that nothing else has. */
static void each_memory(weir_plan_use use, uint32_t n_seqs, const char *kv_type) {
    weir_model *model = open_golden("dense_tiny");
    weir_model_info info;
    weir_model_get_info(model, &info);
    weir_plan_settings s = settings_of(use, n_seqs);
    s.engine.kv_type = kv_type;
    s.engine.n_ctx = info.n_ctx;
    uint64_t most = total_of(model, &s);
    s.engine.n_ctx = 1;
    uint64_t least = total_of(model, &s);
    assert_true(most > least);
    uint32_t before = 0, n_between = 0;
    for (int i = 0; i <= 37; i++) {
        s.ram_bytes = least - 1 + (most - least + 1) * (uint64_t)i / 37;
        uint32_t n = weir_plan_longest_context(model, &s);
        assert_true(n >= before && n <= info.n_ctx);
        before = n;
        n_between += n > 0 && n < info.n_ctx;
        weir_plan_settings at = s, above = s;
        at.engine.n_ctx = n;
        if (n > 0)
            assert_true(weir_plan_fits(NULL, model, &at));
        above.engine.n_ctx = n + 64 < info.n_ctx ? n + 64 : info.n_ctx;
        if (n < info.n_ctx)
            assert_false(weir_plan_fits(NULL, model, &above));
    }
    assert_int_equal(before, info.n_ctx);
    assert_true(n_between > 3);
    weir_model_close(&model);
}

static void test_longest_context(void **state) {
    (void)state;
    each_memory(WEIR_PLAN_RUN, 1, "f16");
    each_memory(WEIR_PLAN_SERVE, 7, "f32");
}

static void test_most_conversations(void **state) {
    (void)state;
    weir_model *model = open_golden("moe_top2");
    weir_plan_settings s = settings_of(WEIR_PLAN_SERVE, 1);
    s.engine.n_ctx = 100;
    s.kv_bytes = 1; /* does not count: all are whole */
    for (uint32_t n = 1; n < 2000; n = 3 * n + 1) {
        weir_plan_settings at = s;
        at.kv_bytes = 0;
        at.engine.n_seqs = n;
        s.ram_bytes = total_of(model, &at);
        uint32_t found = weir_plan_most_conversations(model, &s);
        at.ram_bytes = s.ram_bytes;
        at.engine.n_seqs = found;
        assert_true(found >= n); /* one more may be free, within a huge page */
        assert_true(weir_plan_fits(NULL, model, &at));
        at.engine.n_seqs = found + 1;
        assert_false(weir_plan_fits(NULL, model, &at));
    }
    s.ram_bytes = 1000;
    assert_int_equal(weir_plan_most_conversations(model, &s), 0);
    s = settings_of(WEIR_PLAN_RUN, 1);
    s.ram_bytes = 1 << 30;
    assert_int_equal(weir_plan_most_conversations(model, &s), 1);
    weir_model_close(&model);
}

static bool proposes(const weir_plan_remedy *remedies, size_t n, const char *what) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(remedies[i].what, what) == 0)
            return true;
    return false;
}

static void test_remedies(void **state) {
    (void)state;
    weir_model *model = open_golden("moe_k256"); /* heads that q8 divides */
    weir_plan_settings s = settings_of(WEIR_PLAN_SERVE, 200);
    weir_plan_remedy remedies[WEIR_PLAN_REMEDIES];
    s.engine.n_ctx = 1024;
    uint64_t whole = total_of(model, &s);
    weir_plan_settings smallest = weir_plan_smallest(model, &s);
    assert_int_equal(smallest.engine.n_seqs, 1);
    uint64_t least = total_of(model, &smallest);
    assert_true(least < whole / 2);
    for (uint64_t ram = least; ram < whole; ram += (whole - least) / 13 + 1) {
        s.ram_bytes = ram;
        size_t n = weir_plan_remedies(remedies, model, &s);
        assert_in_range(n, 1, WEIR_PLAN_REMEDIES);
        for (size_t i = 0; i < n; i++) {
            const weir_plan_remedy *r = &remedies[i];
            assert_true(r->whole.total_bytes <= ram);
            assert_int_equal(total_of(model, &r->settings), r->whole.total_bytes);
            assert_in_range(r->whole.engine.n_ctx, 512, 1024);
        }
    }
    s.ram_bytes = whole - 1;
    size_t n = weir_plan_remedies(remedies, model, &s);
    assert_true(proposes(remedies, n, "a smaller context"));
    assert_true(proposes(remedies, n, "K/V in 8 bits"));
    assert_true(proposes(remedies, n, "fewer conversations"));
    assert_true(proposes(remedies, n, "K/V pages that the conversations share"));
    assert_true(proposes(remedies, n, "fewer rows a step"));
    s.ram_bytes = least - 1;
    assert_int_equal(weir_plan_remedies(remedies, model, &s), 0);
    weir_model_close(&model);
}

/* Shared pages use up what there is: not a tenth of the K/V that would have room is given away. */
static void test_shared_pages_fill(void **state) {
    (void)state;
    weir_model *model = open_golden("moe_k256");
    weir_plan_settings s = settings_of(WEIR_PLAN_SERVE, 400);
    weir_plan_remedy remedies[WEIR_PLAN_REMEDIES];
    s.engine.n_ctx = 1024;
    weir_plan_whole all;
    REQUIRE_OK(weir_plan_whole_make(&all, model, &s, &test_err));
    uint64_t kv = weir_plan_item(&all.engine, "K/V pages");
    s.ram_bytes = all.total_bytes - kv / 2;
    size_t n = weir_plan_remedies(remedies, model, &s);
    bool is_found = false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(remedies[i].what, "K/V pages that the conversations share") == 0) {
            is_found = true;
            uint64_t shared = weir_plan_item(&remedies[i].whole.engine, "K/V pages");
            assert_in_range(shared + (5 << 20), kv / 2, kv);
            assert_int_equal(remedies[i].whole.engine.n_seqs, 400);
        }
    assert_true(is_found);
    weir_model_close(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_of_drafts),
        cmocka_unit_test(test_samplers),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_whole_plan),
        cmocka_unit_test(test_the_system_agrees),
        cmocka_unit_test(test_longest_context),
        cmocka_unit_test(test_most_conversations),
        cmocka_unit_test(test_remedies),
        cmocka_unit_test(test_shared_pages_fill),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
