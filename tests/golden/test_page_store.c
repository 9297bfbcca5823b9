/*
 * test_page_store.c: pages that were computed once come back from files: when memory has run out,
 * in another engine, after a kill; always with the bits that running them would give, and never
 * where anything decided other bits.
 */
#include "engine/page_store.h"
#include "engine_fixture.h"
#include "unit/temp_folder.h"

#include <signal.h>
#include <sys/wait.h>

enum { N_CTX = 256, BYTES = 1000, FILE_BYTES = 304 + BYTES + 8 };

/* Syncs of this process; takes the place of the system's. */
static int n_syncs;
int fsync(int fd);
int fsync(int fd) {
    (void)fd;
    n_syncs++;
    return 0;
}

/* ---- the store by itself ---- */

static weir_page_key key_of(uint64_t n) {
    return (weir_page_key){{n * 0x9e3779b97f4a7c15u, n}};
}

static void fill_page(uint8_t *page, int32_t *tokens, uint64_t n) {
    for (size_t i = 0; i < BYTES; i++)
        page[i] = (uint8_t)(n * 31 + i);
    for (int i = 0; i < WEIR_PAGE_TOKENS; i++)
        tokens[i] = (int32_t)n + i;
}

static bool put_page(weir_page_store *store, uint64_t n) {
    uint8_t page[BYTES];
    int32_t tokens[WEIR_PAGE_TOKENS];
    fill_page(page, tokens, n);
    return weir_page_store_write(store, key_of(n), tokens, page);
}

static bool is_there(weir_page_store *store, uint64_t n) {
    uint8_t page[BYTES], read[BYTES];
    int32_t tokens[WEIR_PAGE_TOKENS];
    fill_page(page, tokens, n);
    if (!weir_page_store_read(store, key_of(n), tokens, read))
        return false;
    assert_memory_equal(page, read, BYTES);
    return true;
}

static weir_page_store *open_store(const char *folder, uint64_t n_files) {
    weir_page_store *store = NULL;
    REQUIRE_OK(weir_page_store_open(&store, folder, n_files * FILE_BYTES, BYTES, &test_err));
    return store;
}

static void path_of_page(char path[512], const char *folder, uint64_t n) {
    weir_page_key key = key_of(n);
    snprintf(path, 512, "%s/pages/%016llx%016llx.kv", folder, (unsigned long long)key.word[1],
             (unsigned long long)key.word[0]);
}

static void test_longest_unused_goes(void **state) {
    (void)state;
    const char *folder = in_temp("limit");
    weir_page_store *store = open_store(folder, 100);
    weir_page_store_stats stats;
    for (uint64_t n = 0; n < 100; n++)
        assert_true(put_page(store, n));
    for (uint64_t n = 0; n < 100; n += 2)
        assert_true(is_there(store, n));
    for (uint64_t n = 100; n < 150; n++) {
        if (n == 120)
            usleep(20000); /* times of files are coarse */
        assert_true(put_page(store, n));
    }
    for (uint64_t n = 0; n < 150; n++)
        assert_int_equal(weir_page_store_has(store, key_of(n)), n % 2 == 0 || n >= 100);
    weir_page_store_get_stats(store, &stats);
    assert_int_equal(stats.n_files, 100);
    assert_int_equal(stats.bytes, 100 * FILE_BYTES);
    weir_page_store_close(&store);
    store = open_store(folder, 30); /* another process, with less room */
    weir_page_store_get_stats(store, &stats);
    assert_int_equal(stats.n_files, 30);
    for (uint64_t n = 120; n < 150; n++)
        assert_true(is_there(store, n));
    weir_page_store_close(&store);
}

/* All answers wait while a page is written, and a lost one costs time only. */
static void test_nobody_waits_for_a_disk(void **state) {
    (void)state;
    weir_page_store *store = open_store(in_temp("quick"), 10);
    n_syncs = 0;
    assert_true(put_page(store, 1));
    assert_int_equal(n_syncs, 0);
    assert_true(is_there(store, 1));
    weir_page_store_close(&store);
}

static void test_nobody_else_may_read_them(void **state) {
    (void)state;
    struct stat info;
    weir_page_store *store = open_store(in_temp("private"), 10);
    weir_page_store_close(&store);
    assert_int_equal(stat(in_temp("private/pages"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void test_damage_is_a_miss(void **state) {
    (void)state;
    const char *folder = in_temp("damage");
    char path[512];
    size_t size;
    weir_page_store *store = open_store(folder, 1000);
    dice d = {.seed = 3};
    for (uint64_t n = 0; n < 60; n++) {
        assert_true(put_page(store, n));
        path_of_page(path, folder, n);
        char *data = temp_read(path, &size);
        assert_int_equal(size, FILE_BYTES);
        if (n % 3 == 0) {
            data[roll(&d, FILE_BYTES)] ^= (char)(1 << roll(&d, 8));
            temp_write(path, data, size);
        } else if (n % 3 == 1) {
            temp_write(path, data, roll(&d, FILE_BYTES));
        } else {
            unlink(path); /* another process made room */
        }
        free(data);
        assert_false(is_there(store, n));
        assert_false(weir_page_store_has(store, key_of(n)));
        assert_int_not_equal(access(path, F_OK), 0);
        assert_true(put_page(store, n));
        assert_true(is_there(store, n));
    }
    weir_page_store_close(&store);
}

static void test_other_files_are_left_alone(void **state) {
    (void)state;
    const char *folder = in_temp("others");
    weir_page_store *store = open_store(folder, 10);
    assert_true(put_page(store, 1));
    weir_page_store_close(&store);
    temp_write(in_temp("others/pages/notes.txt"), "x", 1);
    temp_write(in_temp("others/pages/0123456789abcdef0123456789abcdeg.kv"), "x", 1);
    temp_write(in_temp("others/pages/0123456789abcdef0123456789abcdef.kv.tmp-Ab3dEf"), "x", 1);
    store = open_store(folder, 1);
    assert_true(put_page(store, 2));
    weir_page_store_close(&store);
    assert_int_equal(access(in_temp("others/pages/notes.txt"), F_OK), 0);
    assert_int_equal(access(in_temp("others/pages/0123456789abcdef0123456789abcdeg.kv"), F_OK), 0);
    assert_int_not_equal(
        access(in_temp("others/pages/0123456789abcdef0123456789abcdef.kv.tmp-Ab3dEf"), F_OK), 0);
}

static void test_bad_folder(void **state) {
    (void)state;
    weir_page_store *store = NULL;
    weir_error err = {0};
    temp_write(in_temp("file"), "x", 1);
    assert_int_equal(weir_page_store_open(&store, in_temp("file"), 0, BYTES, &err), WEIR_STATUS_IO);
    assert_non_null(strstr(err.text, "file"));
    assert_null(store);
}

/* ---- in an engine ---- */

typedef struct visit {
    uint32_t n_from_store, n_reused;
    weir_engine_stats stats;
} visit;

/* Runs tokens on a timeline of their own; the logits are those of a fresh engine. */
static visit run_tokens(weir_engine *engine, const int32_t *tokens, size_t n,
                        const float *expected) {
    weir_seq *seq = NULL;
    weir_reuse reuse;
    visit out;
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_append(seq, tokens, n, &test_err));
    weir_seq_get_reuse(seq, &reuse);
    REQUIRE_OK(weir_seq_run(seq, &test_err));
    if (expected)
        require_same_bits(weir_seq_logits(seq), expected, vocab_of(weir_engine_model(engine)),
                          "from the store");
    weir_seq_close(&seq);
    out.n_from_store = reuse.n_from_store;
    out.n_reused = reuse.n_tokens;
    weir_engine_get_stats(engine, &out.stats);
    return out;
}

static void compute_fresh(weir_model *model, weir_engine_options o, const int32_t *tokens, size_t n,
                          float *logits) {
    o.no_prefix_cache = true;
    o.store_folder = NULL;
    weir_engine *engine = open_engine(model, o);
    fresh_logits(engine, tokens, n, logits);
    weir_engine_close(&engine);
}

static void test_another_engine_finds_them(void **state) {
    (void)state;
    static const char *const kv_types[] = {"f32", "f16", "q8"};
    weir_model *model = open_golden("moe_k256");
    int32_t tokens[220];
    float *expected = malloc(vocab_of(model) * sizeof *expected);
    dice d = {.seed = 5};
    roll_tokens(&d, vocab_of(model), tokens, 220);
    for (int i = 0; i < 3; i++) {
        weir_engine_options o = {
            .n_ctx = N_CTX, .n_threads = 1, .kv_type = kv_types[i], .store_folder = in_temp("two")};
        compute_fresh(model, o, tokens, 220, expected);
        weir_engine *engine = open_engine(model, o);
        visit first = run_tokens(engine, tokens, 220, expected);
        assert_int_equal(first.n_from_store, 0); /* nor what other K/V types have left */
        weir_engine_close(&engine);
        o.n_threads = 2;
        engine = open_engine(model, o);
        visit second = run_tokens(engine, tokens, 220, expected);
        assert_int_equal(second.n_from_store, 192);
        visit third = run_tokens(engine, tokens, 220, expected); /* from memory by now */
        assert_int_equal(third.n_from_store, 0);
        assert_int_equal(third.n_reused, 219);
        tokens[100]++; /* another prompt from there on */
        compute_fresh(model, o, tokens, 220, expected);
        visit other = run_tokens(engine, tokens, 220, expected);
        assert_int_equal(other.n_reused, 100);
        tokens[100]--;
        weir_engine_close(&engine);
    }
    weir_engine_options o = {
        .device = "reference", .n_ctx = N_CTX, .kv_type = "f16", .store_folder = in_temp("two")};
    weir_engine *engine = open_engine(model, o);
    assert_int_equal(run_tokens(engine, tokens, 220, NULL).n_from_store, 0);
    weir_engine_close(&engine);
    free(expected);
    weir_model_close(&model);
}

/* More conversations than memory holds: none is run twice. */
static void test_memory_runs_out(void **state) {
    (void)state;
    enum { N = 12, LENGTH = 150 };
    weir_model *model = open_golden("dense_tiny");
    int32_t tokens[N][LENGTH];
    float *expected = malloc(N * vocab_of(model) * sizeof *expected);
    weir_engine_options o = {
        .n_ctx = N_CTX, .n_threads = 1, .n_pages = 6, .store_folder = in_temp("small")};
    dice d = {.seed = 6};
    for (int i = 0; i < N; i++) {
        roll_tokens(&d, vocab_of(model), tokens[i], LENGTH);
        tokens[i][0] = i;
        compute_fresh(model, o, tokens[i], LENGTH, expected + (size_t)i * vocab_of(model));
    }
    weir_engine *engine = open_engine(model, o);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < N; i++) {
            visit v = run_tokens(engine, tokens[i], LENGTH, expected + (size_t)i * vocab_of(model));
            assert_int_equal(v.n_from_store, round == 0 ? 0 : 128);
            assert_int_equal(v.stats.n_store_failures, 0);
        }
    assert_int_equal(weir_engine_store_pages(engine, 0), 0); /* found pages are not written again */
    weir_engine_close(&engine);
    free(expected);
    weir_model_close(&model);
}

static void test_idle_writes_some(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    int32_t tokens[200];
    dice d = {.seed = 7};
    roll_tokens(&d, vocab_of(model), tokens, 200);
    weir_engine *engine =
        open_engine(model, (weir_engine_options){.n_ctx = N_CTX, .store_folder = in_temp("idle")});
    assert_int_equal(run_tokens(engine, tokens, 200, NULL).stats.n_pages_unstored, 3);
    assert_int_equal(weir_engine_store_pages(engine, 2), 1);
    assert_int_equal(weir_engine_store_pages(engine, 2), 0);
    weir_engine_close(&engine);
    weir_model_close(&model);
}

static void test_nothing_is_shared_with_nobody(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    weir_engine *engine = NULL;
    weir_error err = {0};
    weir_engine_options o = {.no_prefix_cache = true, .store_folder = in_temp("none")};
    assert_int_equal(weir_engine_open(&engine, model, &o, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "no_prefix_cache"));
    weir_model_close(&model);
}

/* ---- killed ---- */

static void live_and_die(const char *folder, uint64_t seed) {
    weir_model *model = open_golden("dense_tiny");
    weir_engine *engine = open_engine(
        model,
        (weir_engine_options){
            .n_ctx = N_CTX, .n_threads = 1, .n_pages = 8, .no_pin = true, .store_folder = folder});
    for (dice d = {.seed = seed};;) {
        int32_t tokens[200];
        roll_tokens(&d, vocab_of(model), tokens, 200);
        run_tokens(engine, tokens, 200, NULL);
        weir_engine_store_pages(engine, 2);
    }
}

static void test_killed_while_writing(void **state) {
    (void)state;
    int n_kills = getenv("WEIR_SOAK") ? 200 : 25;
    char folder[256];
    snprintf(folder, sizeof folder, "%s", in_temp("killed"));
    dice d = {.seed = 8};
    for (int i = 0; i < n_kills; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            live_and_die(folder, 1); /* the same life each time: it goes on where the last ended */
            _exit(0);
        }
        usleep(5000 + roll(&d, 40000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    /* All that stands there has the bits of a fresh run. */
    weir_model *model = open_golden("dense_tiny");
    float *expected = malloc(vocab_of(model) * sizeof *expected);
    weir_engine_options o = {.n_ctx = N_CTX, .n_threads = 1, .store_folder = folder};
    weir_engine *engine = open_engine(model, o);
    weir_engine *oracle =
        open_engine(model, (weir_engine_options){.n_ctx = N_CTX, .no_prefix_cache = true});
    uint32_t n_found = 0, n_from_store = 1;
    for (dice life = {.seed = 1}; n_from_store > 0;) {
        int32_t tokens[200];
        roll_tokens(&life, vocab_of(model), tokens, 200);
        fresh_logits(oracle, tokens, 200, expected);
        n_from_store = run_tokens(engine, tokens, 200, expected).n_from_store;
        n_found += n_from_store;
    }
    print_message("%d kills; %u tokens found whole\n", n_kills, n_found);
    assert_true(n_found > 0);
    weir_engine_close(&oracle);
    weir_engine_close(&engine);
    free(expected);
    weir_model_close(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_unused_goes),
        cmocka_unit_test(test_nobody_waits_for_a_disk),
        cmocka_unit_test(test_nobody_else_may_read_them),
        cmocka_unit_test(test_damage_is_a_miss),
        cmocka_unit_test(test_other_files_are_left_alone),
        cmocka_unit_test(test_bad_folder),
        cmocka_unit_test(test_another_engine_finds_them),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_idle_writes_some),
        cmocka_unit_test(test_nothing_is_shared_with_nobody),
        cmocka_unit_test(test_killed_while_writing),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
