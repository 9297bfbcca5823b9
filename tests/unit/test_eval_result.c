/* test_eval_result.c: results as files, journals that are cut short, and comparisons of results
 * whose differences are known. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/random.h"
#include "eval_compare.h"
#include "eval_journal.h"
#include "temp_folder.h"

#include <math.h>

static weir_error err;

static void require(weir_status status) {
    if (status != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
}

static json_t *item(int i, int is_right) {
    char id[16];
    snprintf(id, sizeof id, "%d", i);
    return json_pack("{s:s, s:{s:i}}", "id", id, "scores", "acc", is_right);
}

/* n_right of n items are right; without items if n is 0. */
static void make(weir_eval_result *out, int n, int n_right, const char *setting) {
    double mean, error;
    require(weir_eval_result_begin(out, "choice", &err));
    out->model.path = strdup("m.gguf");
    strcpy(out->model.name, "m");
    strcpy(out->model.file_type, "q4_0");
    weir_eval_hash_bytes(out->model.hash, "m", 1);
    require(weir_eval_result_data_bytes(out, "d.jsonl", "d", 1, &err));
    weir_eval_result_set(out, "style", json_string(setting));
    for (int i = 0; i < n; i++)
        weir_eval_result_item(out, item(i, i < n_right));
    weir_eval_item_mean(out, "acc", &mean, &error, NULL);
    weir_eval_result_metric(out, "acc", n > 0 ? mean : 0.5, n > 0 ? error : 0.01);
}

static void test_round_trip(void **state) {
    (void)state;
    weir_eval_result a, b;
    make(&a, 10, 4, "letter");
    weir_eval_result_metric(&a, "unknown", NAN, NAN);
    require(weir_eval_result_write(&a, in_temp("a.json"), &err));
    require(weir_eval_result_read(&b, in_temp("a.json"), &err));
    require(weir_eval_result_write(&b, in_temp("b.json"), &err));
    assert_same_files(in_temp("a.json"), in_temp("b.json"));
    assert_string_equal(b.version, weir_version());
    assert_true(fabs(weir_eval_result_find(&b, "acc")->value - 0.4) < 1e-15);
    assert_true(isnan(weir_eval_result_find(&b, "unknown")->value));
    assert_int_equal(json_array_size(b.items), 10);
    weir_eval_result_free(&a);
    weir_eval_result_free(&b);
}

static void test_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"[]", "{", "{\"weir\":\"0\",\"kind\":3}", "{\"weir\":\"0\"}"};
    weir_eval_result a;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(weir_eval_result_parse(&a, bad[i], strlen(bad[i]), "r", &err),
                         WEIR_STATUS_BAD_FILE);
        assert_null(a.settings);
    }
    make(&a, 2, 1, "letter");
    weir_eval_result_item(&a, item(1, 1));
    require(weir_eval_result_write(&a, in_temp("twice.json"), &err));
    weir_eval_result_free(&a);
    assert_int_equal(weir_eval_result_read(&a, in_temp("twice.json"), &err), WEIR_STATUS_BAD_FILE);
    assert_non_null(strstr(err.text, "item 2: \"id\": expected each id once"));
}

/* ---- journals ------------------------------------------------------------------------------- */

static void journal_of(weir_eval_journal **j, weir_eval_result *r, bool resume) {
    make(r, 0, 0, "letter");
    require(weir_eval_journal_open(j, in_temp("j.jsonl"), resume, r, &err));
}

/* Cut at every byte, a journal loses the line that the cut is in and nothing else. */
static void test_journal_cuts(void **state) {
    (void)state;
    weir_eval_journal *j;
    weir_eval_result r;
    size_t n, head;
    journal_of(&j, &r, true);
    for (int i = 0; i < 3; i++)
        require(weir_eval_journal_add(j, item(i, i), &err));
    assert_int_equal(weir_eval_journal_add(j, item(1, 1), &err), WEIR_STATUS_BAD_ARGUMENT);
    weir_eval_journal_close(&j);
    weir_eval_result_free(&r);
    char *text = temp_read(in_temp("j.jsonl"), &n);
    head = strcspn(text, "\n") + 1;
    for (size_t cut = 0; cut <= n; cut++) {
        size_t n_lines = 0;
        for (size_t i = head; i < cut; i++)
            n_lines += text[i] == '\n';
        temp_write(in_temp("j.jsonl"), text, cut);
        journal_of(&j, &r, true);
        assert_int_equal(json_array_size(r.items), n_lines);
        for (int i = 0; i < 3; i++) {
            char id[16];
            snprintf(id, sizeof id, "%d", i);
            assert_int_equal(weir_eval_journal_has(j, id), (size_t)i < n_lines);
            if (!weir_eval_journal_has(j, id))
                require(weir_eval_journal_add(j, item(i, i), &err));
        }
        weir_eval_journal_close(&j);
        weir_eval_result_free(&r);
        size_t n_again;
        char *again = temp_read(in_temp("j.jsonl"), &n_again);
        assert_int_equal(n_again, n);
        assert_memory_equal(again, text, n);
        free(again);
    }
    free(text);
    temp_remove(in_temp("j.jsonl"));
}

/* What going on needs stands in the file, never in a result. */
static void test_journal_rest(void **state) {
    (void)state;
    weir_eval_journal *j;
    weir_eval_result r;
    journal_of(&j, &r, true);
    require(weir_eval_journal_add_rest(j, item(0, 0), json_pack("{s:f}", "sum", 0.1), &err));
    require(weir_eval_journal_add(j, item(1, 1), &err));
    assert_null(json_object_get(json_array_get(r.items, 0), "journal"));
    assert_null(weir_eval_journal_take_rest(j, "0"));
    weir_eval_journal_close(&j);
    weir_eval_result_free(&r);
    journal_of(&j, &r, true);
    json_t *rest = weir_eval_journal_take_rest(j, "0");
    assert_true(json_real_value(json_object_get(rest, "sum")) == 0.1);
    json_decref(rest);
    assert_null(weir_eval_journal_take_rest(j, "0"));
    assert_null(weir_eval_journal_take_rest(j, "1"));
    assert_null(weir_eval_journal_take_rest(j, "2"));
    assert_int_equal(json_array_size(r.items), 2);
    json_t *plain = item(0, 0);
    assert_true(json_equal(json_array_get(r.items, 0), plain));
    json_decref(plain);
    weir_eval_journal_close(&j);
    weir_eval_result_free(&r);
    /* Other tokens of the same data are other items. */
    make(&r, 0, 0, "letter");
    weir_eval_result_detail(&r, "tokens_xxh128", json_string("0123"));
    assert_int_equal(weir_eval_journal_open(&j, in_temp("j.jsonl"), true, &r, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "begun with another choice of tokens"));
    weir_eval_result_free(&r);
    temp_remove(in_temp("j.jsonl"));
}

static void test_journal_refused(void **state) {
    (void)state;
    weir_eval_journal *j, *other = NULL;
    weir_eval_result r, s;
    journal_of(&j, &r, true);
    make(&s, 0, 0, "letter");
    assert_int_equal(weir_eval_journal_open(&other, in_temp("j.jsonl"), true, &s, &err),
                     WEIR_STATUS_FAILED);
    assert_non_null(strstr(err.text, "another process writes to it"));
    weir_eval_journal_close(&j);
    assert_int_equal(weir_eval_journal_open(&other, in_temp("j.jsonl"), false, &s, &err),
                     WEIR_STATUS_FAILED);
    weir_eval_result_set(&s, "style", json_string("text"));
    assert_int_equal(weir_eval_journal_open(&other, in_temp("j.jsonl"), true, &s, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "style: \"letter\" and \"text\""));
    weir_eval_result_free(&r);
    weir_eval_result_free(&s);
    /* Another version may judge otherwise: its items and ours are no one result. */
    make(&s, 0, 0, "letter");
    snprintf(s.version, sizeof s.version, "0.0.1");
    assert_int_equal(weir_eval_journal_open(&other, in_temp("j.jsonl"), true, &s, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "begun with another version of weir"));
    weir_eval_result_free(&s);
    temp_write(in_temp("j.jsonl"), "{\"a\":1}\n", 8);
    make(&s, 0, 0, "letter");
    assert_int_equal(weir_eval_journal_open(&other, in_temp("j.jsonl"), true, &s, &err),
                     WEIR_STATUS_BAD_FILE);
    weir_eval_result_free(&s);
    temp_remove(in_temp("j.jsonl"));
}

/* ---- comparisons ---------------------------------------------------------------------------- */

static weir_eval_change diff_one(const weir_eval_result *a, const weir_eval_result *b) {
    weir_eval_change changes[WEIR_EVAL_METRICS];
    size_t n;
    require(weir_eval_diff(changes, &n, a, b, 0, &err));
    assert_int_equal(n, 1);
    return changes[0];
}

static void test_pairs(void **state) {
    (void)state;
    weir_eval_result a, b, c;
    make(&a, 200, 100, "letter");
    make(&b, 200, 120, "letter");
    make(&c, 0, 0, "letter");
    /* B has 20 right that A has not, and loses none: 2 / 2^20. */
    weir_eval_change change = diff_one(&a, &b);
    assert_int_equal(change.method, WEIR_EVAL_MCNEMAR);
    assert_int_equal(change.n_pairs, 200);
    assert_true(fabs(change.difference - 0.1) < 1e-12);
    assert_true(fabs(change.p * 1048576 / 2 - 1) < 1e-9);
    /* As normal numbers: 1.96 sqrt(0.1 0.9 / 200) = 0.0416. */
    assert_true(fabs(change.low - 0.0584) < 0.01 && fabs(change.high - 0.1416) < 0.01);
    weir_eval_change again = diff_one(&a, &b);
    assert_true(again.low == change.low && again.high == change.high);
    change = diff_one(&a, &a);
    assert_true(change.difference == 0 && change.low == 0 && change.high == 0 && change.p == 1);
    /* Without items by the errors, 0.0355 and 0.01. */
    change = diff_one(&a, &c);
    assert_int_equal(change.method, WEIR_EVAL_ERRORS);
    assert_true(fabs(change.high - 1.96 * sqrt(0.25 / 199 + 0.0001)) < 1e-3);
    weir_eval_result_free(&a);
    weir_eval_result_free(&b);
    weir_eval_result_free(&c);
}

/* Scores with weights, and a metric that is a function of their mean. */
static void test_perplexities(void **state) {
    (void)state;
    weir_eval_result r[2];
    double mean, error;
    for (uint64_t side = 0; side < 2; side++) {
        make(&r[side], 0, 0, "letter");
        r[side].n_metrics = 0;
        for (uint64_t i = 0; i < 300; i++) {
            char id[16];
            double nats = 2 + weir_uniform(weir_mix64(1, 0, i)) + 0.01 * (double)side;
            snprintf(id, sizeof id, "%d", (int)i);
            weir_eval_result_item(&r[side],
                                  json_pack("{s:s, s:i, s:{s:f}}", "id", id, "weight",
                                            (int)(1 + i % 7), "scores", "nats_per_token", nats));
        }
        weir_eval_item_mean(&r[side], "nats_per_token", &mean, &error, NULL);
        weir_eval_result_metric(&r[side], "perplexity", exp(mean), exp(mean) * error);
    }
    /* Each is uncertain by 2 %, their ratio not at all: it is exp(0.01). */
    weir_eval_change change = diff_one(&r[0], &r[1]);
    assert_int_equal(change.method, WEIR_EVAL_PAIRS);
    assert_true(change.low > 0 && change.high < 2 * change.difference);
    assert_true(fabs(change.b / change.a - exp(0.01)) < 1e-12);
    weir_eval_result_free(&r[0]);
    weir_eval_result_free(&r[1]);
}

static void test_check_pair(void **state) {
    (void)state;
    weir_eval_result a, b;
    make(&a, 2, 1, "letter");
    make(&b, 2, 1, "text");
    assert_int_equal(weir_eval_check_pair(&a, "A", &a, "A", false, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_eval_check_pair(&a, "A", &b, "B", false, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_string_equal(err.text, "A and B differ in a setting, style: \"letter\" and \"text\"; "
                                  "--force compares them all the same");
    assert_int_equal(weir_eval_check_pair(&a, "A", &b, "B", true, &err), WEIR_STATUS_OK);
    strcpy(b.kind, "ppl");
    assert_int_equal(weir_eval_check_pair(&a, "A", &b, "B", true, &err), WEIR_STATUS_BAD_ARGUMENT);
    weir_eval_result_free(&b);
    make(&b, 2, 1, "letter");
    b.data_hash[0] ^= 1;
    assert_int_equal(weir_eval_check_pair(&a, "A", &b, "B", false, &err), WEIR_STATUS_BAD_ARGUMENT);
    /* Forced, the items are no pairs: they are of other questions. */
    weir_eval_change change = diff_one(&a, &b);
    assert_int_equal(change.method, WEIR_EVAL_ERRORS);
    weir_eval_result_free(&a);
    weir_eval_result_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_journal_cuts),    cmocka_unit_test(test_journal_rest),
        cmocka_unit_test(test_journal_refused), cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_perplexities),    cmocka_unit_test(test_check_pair),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
