/*
 * test_bench.c: medians and intervals of `weir bench`, what its reader refuses, and what `bench
 * diff` calls a change.
 */
#include "base/random.h"
#include "bench_diff.h"
#include "bench_measure.h"
#include "bench_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- statistics -------------------------------------------------------------------------------
 */

static bool is_near(double a, double b) {
    double d = a - b;
    return d < 1e-9 && d > -1e-9;
}

static void quantiles_of_any_order(void **state) {
    (void)state;
    const double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, one[] = {7};
    assert_true(is_near(weir_bench_quantile(odd, 3, 0.5), 3));
    assert_true(is_near(weir_bench_quantile(even, 4, 0.5), 2.5));
    assert_true(is_near(weir_bench_quantile(even, 4, 0), 1));
    assert_true(is_near(weir_bench_quantile(even, 4, 1), 4));
    assert_true(is_near(weir_bench_quantile(even, 4, 0.25), 1.75));
    assert_true(is_near(weir_bench_quantile(one, 1, 0.75), 7));
    assert_true(is_near(weir_bench_spread(one, 1), 0));
    assert_true(is_near(weir_bench_spread(even, 4), (3.25 - 1.75) / 2 / 2.5));
    /* One that is far off moves the median not at all. */
    const double wild[] = {2, 2, 2, 2, 900};
    assert_true(is_near(weir_bench_quantile(wild, 5, 0.5), 2));
}

/* Times about `median`, uniform within one part in `parts` around it. */
static void draw(double *out, size_t n, double median, double parts, uint64_t seed) {
    for (size_t i = 0; i < n; i++)
        out[i] = median * (1 + (weir_uniform(weir_mix64(seed, 3, i)) - 0.5) / parts);
}

static void intervals_hold_the_ratio(void **state) {
    (void)state;
    enum { N = 15 };
    double a[N], b[N];
    draw(a, N, 2.0, 20, 1);
    draw(b, N, 1.0, 20, 2);
    weir_bench_ratio r = weir_bench_compare(a, N, b, N);
    assert_true(r.low <= r.ratio && r.ratio <= r.high);
    assert_true(r.low > 1.85 && r.high < 2.15);
    weir_bench_ratio again = weir_bench_compare(a, N, b, N);
    assert_memory_equal(&r, &again, sizeof r);
    weir_bench_ratio self = weir_bench_compare(a, N, a, N);
    assert_true(is_near(self.ratio, 1) && self.low < 1 && self.high > 1);
    /* Without spread there is nothing to draw. */
    const double still[] = {3, 3, 3};
    r = weir_bench_compare(still, 3, still, 3);
    assert_true(is_near(r.low, 1) && is_near(r.high, 1));
}

/* Of two samples of one distribution the interval misses 1 seldom: 95 of 100 hold it, and with
 * medians of few values rather more. */
static void intervals_are_of_the_right_size(void **state) {
    (void)state;
    enum { N = 20, TRIALS = 100 };
    int n_missed = 0;
    double width = 0;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        double a[N], b[N];
        draw(a, N, 1, 5, 1000 + 2 * trial);
        draw(b, N, 1, 5, 1001 + 2 * trial);
        weir_bench_ratio r = weir_bench_compare(a, N, b, N);
        n_missed += r.low > 1 || r.high < 1;
        width += (r.high - r.low) / TRIALS;
    }
    assert_true(n_missed <= 12);
    /* The median of 20 from a range of 0.2 has a standard error of about 0.02. */
    assert_true(width > 0.03 && width < 0.25);
}

/* ---- limits -----------------------------------------------------------------------------------
 */

static void needs_of_experts_keys_and_heads(void **state) {
    (void)state;
    const weir_bench_model m = {
        .info = {.n_experts = 64, .n_experts_used = 4, .n_heads = 4, .head_dim = 8},
        .dense_bytes = 1000,
        .dense_macs = 2000,
        .expert_bytes = 6400,
        .expert_macs = 12800,
        .head_bytes = 50,
        .head_macs = 100,
        .kv_token_bytes = 10,
        .key_macs = 3,
    };
    assert_true(is_near(weir_bench_experts_met(&m, 1), 4));
    double met = weir_bench_experts_met(&m, 8);
    assert_true(met > 25.7 && met < 25.9);
    weir_bench_need one = weir_bench_decode_need(&m, 100, 1, 1);
    assert_true(is_near(one.kv_bytes, 1010));
    assert_true(is_near(one.read_bytes, 1000 + 50 + 400 + 1010));
    assert_true(is_near(one.macs, 2000 + 800 + 100 + 3 * 101));
    /* Timelines that share their past read it once, and look at it each for itself. */
    weir_bench_need many = weir_bench_decode_need(&m, 100, 1, 8);
    assert_true(is_near(many.kv_bytes, 1080));
    assert_true(is_near(many.macs, 8 * one.macs));
    weir_bench_need prompt = weir_bench_prefill_need(&m, 3, 2);
    assert_true(is_near(prompt.kv_bytes, 10 * (2 + 3)));
    assert_true(is_near(prompt.macs, 3 * 2800 + 100 + 3 * (1 + 2 + 3)));
    double experts = 100 * (weir_bench_experts_met(&m, 2) + weir_bench_experts_met(&m, 1));
    assert_true(is_near(prompt.read_bytes, 2 * 1000 + 50 + experts + 50));
}

static void limits_are_the_greater_of_two(void **state) {
    (void)state;
    weir_bench_file file = {.weight_bytes = 100,
                            .limits = {.read_bytes_per_s = 10, .macs_per_s = 100}};
    weir_bench_cell cell = {.n = 1, .seconds = {1}, .read_bytes = 40, .macs = 100};
    assert_true(is_near(weir_bench_floor(&file, &cell), 4));
    cell.macs = 900;
    assert_true(is_near(weir_bench_floor(&file, &cell), 9));
    file.limits.cache_bytes = 50; /* the weights may stay in the caches */
    cell.macs = 100;
    assert_true(is_near(weir_bench_floor(&file, &cell), 1));
    file.limits = (weir_bench_limits){0};
    assert_true(is_near(weir_bench_floor(&file, &cell), 0));
}

/* ---- tokens -----------------------------------------------------------------------------------
 */

enum { VOCABULARY = 65536 };

/* Tokens of n steps that both runs' timelines have in common. */
static uint32_t n_equal(uint64_t run_a, uint32_t a, uint64_t run_b, uint32_t b, uint32_t n) {
    uint32_t equal = 0;
    for (uint32_t at = 0; at < n; at++)
        equal += weir_bench_token(run_a, a, at, VOCABULARY) ==
                 weir_bench_token(run_b, b, at, VOCABULARY);
    return equal;
}

/* Else experts of a batch would be counted as many and read as few, and from the second repetition
 * on be found in memory. */
static void every_timeline_and_repetition_has_tokens_of_its_own(void **state) {
    (void)state;
    enum { BATCH = 64, STEPS = WEIR_BENCH_MOST_STEPS + 1, REPEATS = 5 };
    const weir_bench_cell cell = {.kind = WEIR_BENCH_DECODE, .batch = BATCH};
    uint64_t run = weir_bench_run(&cell, 1);
    for (uint32_t a = 0; a < BATCH; a++)
        for (uint32_t b = 0; b < a; b++)
            assert_true(n_equal(run, a, run, b, STEPS) <= 1);
    for (uint32_t a = 0; a < REPEATS; a++)
        for (uint32_t b = 0; b < a; b++)
            assert_true(n_equal(weir_bench_run(&cell, a), 3, weir_bench_run(&cell, b), 3, STEPS) <=
                        1);
    weir_bench_cell deeper = cell;
    deeper.depth = 2048;
    assert_true(n_equal(run, 0, weir_bench_run(&deeper, 1), 0, STEPS) <= 1);
    for (uint32_t at = 0; at < 1000; at++) {
        int32_t token = weir_bench_token(run, 0, at, 7);
        assert_true(token >= 0 && token < 7);
        assert_int_equal(token, weir_bench_token(weir_bench_run(&cell, 1), 0, at, 7));
    }
}

/* ---- files ------------------------------------------------------------------------------------
 */

#define HEAD                                                                              \
    "{\"weir_bench\":1,\"version\":\"0\",\"engine\":\"cpu\",\"model\":{\"name\":\"m\","   \
    "\"file_type\":\"q4_0\",\"weight_bytes\":7,\"parameters\":9},\"limits\":{"            \
    "\"read_bytes_per_s\":1e9,\"macs_per_s\":2e9,\"macs_of\":\"f32\",\"cache_bytes\":0}," \
    "\"cells\":["
#define CELL(kind, depth, seconds)                                                             \
    "{\"kind\":\"" kind "\",\"tokens\":8,\"depth\":" depth ",\"batch\":1,\"read_bytes\":1,"    \
    "\"kv_bytes\":0,\"macs\":1,\"machine_before\":0,\"machine_after\":0,\"seconds\":[" seconds \
    "]}"

static weir_bench_file read_good(const char *text) {
    weir_bench_file file;
    weir_error err = {0};
    if (weir_bench_file_parse(&file, text, strlen(text), "test", &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return file;
}

static void refuses(const char *text, const char *expected) {
    weir_bench_file file;
    weir_error err = {0};
    assert_int_equal(weir_bench_file_parse(&file, text, strlen(text), "test", &err),
                     WEIR_STATUS_BAD_FILE);
    if (!strstr(err.text, expected))
        fail_msg("expected \"%s\" in: %s", expected, err.text);
    assert_null(file.cell);
}

static void files_come_back(void **state) {
    (void)state;
    weir_bench_file file =
        read_good(HEAD CELL("prefill", "0", "1,2") "," CELL("decode", "64", "0.5,0.25,0.125") "]}");
    assert_int_equal(file.n_cells, 2);
    assert_int_equal(file.cell[1].kind, WEIR_BENCH_DECODE);
    assert_int_equal(file.cell[1].n, 3);
    assert_int_equal(file.cell[1].depth, 64);
    assert_true(is_near(file.cell[1].seconds[2], 0.125));
    json_t *json = weir_bench_file_json(&file);
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    weir_bench_file again = read_good(text);
    assert_int_equal(again.n_cells, 2);
    assert_string_equal(again.model, "m");
    assert_memory_equal(again.cell, file.cell, 2 * sizeof *file.cell);
    free(text);
    weir_bench_file_free(&again);
    weir_bench_file_free(&file);
}

static void files_that_cannot_be(void **state) {
    (void)state;
    refuses("", "test");
    refuses("[]", "an object");
    refuses("{}", "weir_bench");
    refuses(HEAD CELL("decode", "0", "1") "," CELL("decode", "0", "1") "]}", "cell 1");
    refuses(HEAD CELL("decode", "0", "") "]}", "seconds");
    refuses(HEAD CELL("decode", "0", "1,0") "]}", "seconds");
    refuses(HEAD CELL("decode", "0", "\"1\"") "]}", "seconds");
    refuses(HEAD CELL("decode", "-1", "1") "]}", "depth");
    refuses(HEAD CELL("decode", "1e99", "1") "]}", "depth");
    refuses(HEAD CELL("hop", "0", "1") "]}", "kind");
    refuses(HEAD "7]}", "cell 0");
}

/* ---- comparison -------------------------------------------------------------------------------
 */

static void pairs_must_fit(void **state) {
    (void)state;
    weir_error err = {0};
    weir_bench_file a = read_good(HEAD CELL("decode", "0", "1") "," CELL("decode", "9", "1") "]}");
    weir_bench_file b = read_good(HEAD CELL("decode", "0", "1") "]}");
    weir_bench_file c = read_good(HEAD CELL("decode", "5", "1") "]}");
    assert_int_equal(weir_bench_check_pair(&a, "A", &a, "A", false, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_bench_check_pair(&a, "A", &b, "B", true, &err), WEIR_STATUS_OK);
    for (int i = 0; i < 2; i++) {
        weir_bench_file *first = i ? &b : &a, *second = i ? &a : &b;
        assert_int_equal(weir_bench_check_pair(first, "A", second, "B", false, &err),
                         WEIR_STATUS_BAD_ARGUMENT);
        assert_non_null(strstr(err.text, "decode at 9, batch 1"));
    }
    assert_int_equal(weir_bench_check_pair(&a, "A", &c, "C", true, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "nothing in common"));
    strcpy(b.model, "other");
    assert_int_equal(weir_bench_check_pair(&a, "A", &b, "B", true, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "expected the same model"));
    weir_bench_file_free(&a);
    weir_bench_file_free(&b);
    weir_bench_file_free(&c);
}

static weir_bench_change change_of(double a_s, double b_s, double control_s) {
    enum { N = 9 };
    weir_bench_cell a = {.n = N, .batch = 1}, b = a, again = a;
    draw(a.seconds, N, a_s, 50, 5);
    draw(b.seconds, N, b_s, 50, 6);
    draw(again.seconds, N, control_s, 50, 7);
    weir_bench_file fa = {.cell = &a, .n_cells = 1}, fb = {.cell = &b, .n_cells = 1};
    weir_bench_file fc = {.cell = &again, .n_cells = 1};
    weir_bench_change change;
    assert_int_equal(weir_bench_diff(&change, &fa, &fb, control_s > 0 ? &fc : NULL), 1);
    change.a = change.b = NULL; /* they end here */
    return change;
}

static void changes_and_noise(void **state) {
    (void)state;
    assert_int_equal(change_of(1, 0.8, 0).verdict, WEIR_BENCH_FASTER);
    assert_int_equal(change_of(1, 1.25, 0).verdict, WEIR_BENCH_SLOWER);
    assert_int_equal(change_of(1, 1, 0).verdict, WEIR_BENCH_SAME);
    assert_true(change_of(1, 0.8, 0).speed.ratio > 1.2);
    /* A second run of A that is as far off says it was the machine, to whichever side. */
    assert_int_equal(change_of(1, 0.8, 1).verdict, WEIR_BENCH_FASTER);
    assert_int_equal(change_of(1, 0.8, 0.95).verdict, WEIR_BENCH_FASTER);
    assert_int_equal(change_of(1, 0.8, 0.79).verdict, WEIR_BENCH_SAME);
    assert_int_equal(change_of(1, 0.8, 0.6).verdict, WEIR_BENCH_SAME);
    assert_int_equal(change_of(1, 0.8, 1.5).verdict, WEIR_BENCH_SAME);
    assert_int_equal(change_of(1, 1.25, 0.6).verdict, WEIR_BENCH_SAME);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_of_any_order),
        cmocka_unit_test(intervals_hold_the_ratio),
        cmocka_unit_test(intervals_are_of_the_right_size),
        cmocka_unit_test(needs_of_experts_keys_and_heads),
        cmocka_unit_test(limits_are_the_greater_of_two),
        cmocka_unit_test(every_timeline_and_repetition_has_tokens_of_its_own),
        cmocka_unit_test(files_come_back),
        cmocka_unit_test(files_that_cannot_be),
        cmocka_unit_test(pairs_must_fit),
        cmocka_unit_test(changes_and_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
