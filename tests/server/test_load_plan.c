/*
 * test_load_plan.c: requests are functions of the seed; arrivals have the statistics that are asked
 * for; a mix is read whole or refused with its line.
 */
#include "base/file.h"
#include "json_text.h"
#include "load_plan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const weir_load_plan_options usual = {.is_chat = true,
                                             .prompt_tokens = {20, 40},
                                             .output_tokens = {5, 9},
                                             .id_range = {100, 120},
                                             .n_groups = 1,
                                             .seed = 3};

static weir_load_plan *open_plan(const weir_load_plan_options *options) {
    weir_load_plan *plan;
    weir_error err = {0};
    if (weir_load_plan_open(&plan, options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return plan;
}

/* The JSON of request i, to be released. */
static json_t *request(const weir_load_plan *plan, uint64_t i, weir_load_request *out) {
    weir_text_buffer body = {0};
    assert_int_equal(
        weir_load_plan_request(plan, WEIR_LOAD_MEASURED, i, "the \"model\"", &body, out, NULL),
        WEIR_STATUS_OK);
    assert_int_equal(out->n_body, strlen(out->body));
    json_t *json = weir_json_read(out->body, out->n_body, "body", NULL);
    assert_non_null(json);
    weir_text_buffer_free(&body);
    out->body = NULL;
    return json;
}

static size_t n_words(const char *text) {
    size_t n = *text != 0;
    for (; *text; text++)
        n += *text == ' ';
    return n;
}

static const char *content(const json_t *body, size_t message) {
    return json_string_value(
        json_object_get(json_array_get(json_object_get(body, "messages"), message), "content"));
}

static json_int_t number(const json_t *body, const char *key) {
    return json_integer_value(json_object_get(body, key));
}

/* ---- requests ----------------------------------------------------------------------------- */

static void test_same_seed(void **state) {
    weir_load_plan_options o = usual;
    (void)state;
    o.sends_seed = o.ignores_eos = true;
    o.n_prefix = 4;
    weir_load_plan *a = open_plan(&o), *b = open_plan(&o);
    o.seed = 4;
    weir_load_plan *c = open_plan(&o);
    int n_same = 0;
    for (uint64_t i = 0; i < 50; i++) { /* in another order */
        weir_load_request ra, rb, rc, before;
        json_t *ja = request(a, i, &ra), *jb = request(b, 49 - i, &rb), *jc = request(c, i, &rc);
        json_t *again = request(b, i, &before);
        assert_true(json_equal(ja, again));
        n_same += json_equal(ja, jc);
        json_decref(ja);
        json_decref(jb);
        json_decref(jc);
        json_decref(again);
    }
    assert_int_equal(n_same, 0);
    /* A warm-up has prompts of its own. */
    weir_text_buffer one = {0}, two = {0};
    weir_load_request r;
    assert_int_equal(weir_load_plan_request(a, WEIR_LOAD_WARMUP, 0, NULL, &one, &r, NULL),
                     WEIR_STATUS_OK);
    assert_int_equal(weir_load_plan_request(a, WEIR_LOAD_MEASURED, 0, NULL, &two, &r, NULL),
                     WEIR_STATUS_OK);
    assert_string_not_equal(one.data, two.data);
    weir_text_buffer_free(&one);
    weir_text_buffer_free(&two);
    weir_load_plan_close(&a);
    weir_load_plan_close(&b);
    weir_load_plan_close(&c);
}

static void test_lengths(void **state) {
    (void)state;
    weir_load_plan *plan = open_plan(&usual);
    bool has_min = false, has_max = false;
    for (uint64_t i = 0; i < 300; i++) {
        weir_load_request r;
        json_t *body = request(plan, i, &r);
        size_t n = n_words(content(body, 0));
        assert_true(n >= 20 && n <= 40);
        assert_int_equal(r.n_prompt, n);
        assert_true(r.n_max_output >= 5 && r.n_max_output <= 9);
        assert_int_equal(number(body, "max_tokens"), r.n_max_output);
        assert_true(json_is_true(json_object_get(body, "stream")));
        assert_true(json_is_true(
            json_object_get(json_object_get(body, "stream_options"), "include_usage")));
        assert_string_equal(json_string_value(json_object_get(body, "model")), "the \"model\"");
        assert_null(json_object_get(body, "ignore_eos"));
        assert_null(json_object_get(body, "seed"));
        assert_string_equal(r.path, "/v1/chat/completions");
        has_min |= n == 20;
        has_max |= n == 40;
        json_decref(body);
    }
    assert_true(has_min && has_max);
    weir_load_plan_close(&plan);
}

/* A server for which a word is 1.5 tokens, and a chat 12 besides. */
static void test_calibration(void **state) {
    const weir_load_calibration c = {.tokens_per_word = 1.5, .n_around = 12};
    weir_load_plan_options o = usual;
    (void)state;
    o.prompt_tokens = (weir_load_range){312, 312};
    o.n_prefix = 150;
    weir_load_plan *plan = open_plan(&o);
    weir_load_plan_calibrate(plan, &c);
    assert_true(weir_load_plan_makes_words(plan));
    weir_load_request r;
    json_t *body = request(plan, 0, &r);
    assert_int_equal(n_words(content(body, 0)), 100);
    assert_int_equal(n_words(content(body, 1)), 200);
    assert_int_equal(r.n_prompt, 462);
    json_decref(body);
    weir_text_buffer probe = {0};
    assert_int_equal(weir_load_plan_probe(plan, 33, "m", &probe, &r, NULL), WEIR_STATUS_OK);
    body = weir_json_read(probe.data, probe.n, "probe", NULL);
    assert_int_equal(n_words(content(body, 0)), 33);
    assert_int_equal(number(body, "max_tokens"), 1);
    json_decref(body);
    weir_text_buffer_free(&probe);
    weir_load_plan_close(&plan);
}

static void test_prefixes(void **state) {
    weir_load_plan_options o = usual;
    char *seen[3] = {NULL, NULL, NULL};
    size_t n_seen = 0, n_first = 0;
    (void)state;
    o.n_prefix = 30;
    o.n_groups = 3;
    weir_load_plan *plan = open_plan(&o);
    for (uint64_t i = 0; i < 300; i++) {
        weir_load_request r;
        size_t at = 0;
        json_t *body = request(plan, i, &r);
        while (at < n_seen && strcmp(seen[at], content(body, 0)) != 0)
            at++;
        if (at == n_seen) {
            assert_true(n_seen < 3);
            seen[n_seen++] = weir_text_copy(content(body, 0), strlen(content(body, 0)));
        }
        n_first += at == 0;
        assert_int_equal(n_words(content(body, 0)), 30);
        json_decref(body);
    }
    assert_int_equal(n_seen, 3);
    assert_true(n_first > 60 && n_first < 140);
    for (size_t i = 0; i < 3; i++)
        free(seen[i]);
    weir_load_plan_close(&plan);
}

static void test_ids(void **state) {
    weir_load_plan_options o = usual;
    weir_load_request r;
    (void)state;
    o.is_chat = false;
    o.as_ids = true;
    o.n_prefix = 6;
    weir_load_plan *plan = open_plan(&o);
    assert_false(weir_load_plan_makes_words(plan));
    json_t *body = request(plan, 0, &r), *prompt = json_object_get(body, "prompt");
    assert_int_equal(json_array_size(prompt), r.n_prompt);
    for (size_t i = 0; i < json_array_size(prompt); i++) {
        json_int_t id = json_integer_value(json_array_get(prompt, i));
        assert_true(id >= 100 && id <= 120);
    }
    assert_string_equal(r.path, "/v1/completions");
    json_decref(body);
    weir_load_plan_close(&plan);
}

static void test_kinds(void **state) {
    enum { N = 4000 };
    weir_load_plan_options o = usual;
    int n[WEIR_LOAD_N_KINDS] = {0}, n_at_once = 0;
    (void)state;
    o.slow_share = 0.1;
    o.leave_share = 0.3;
    weir_load_plan *plan = open_plan(&o);
    for (uint64_t i = 0; i < N; i++) {
        weir_load_request r;
        json_decref(request(plan, i, &r));
        n[r.kind]++;
        n_at_once += r.kind == WEIR_LOAD_LEAVER && r.leave_after == 0;
        assert_true(r.leave_after <= r.n_max_output && r.leave_after_s < 1);
    }
    assert_true(abs(n[WEIR_LOAD_SLOW] - N / 10) < N / 40);
    assert_true(abs(n[WEIR_LOAD_LEAVER] - 3 * N / 10) < N / 30);
    assert_true(abs(n_at_once - n[WEIR_LOAD_LEAVER] / 4) < N / 40);
    weir_load_plan_close(&plan);
}

/* ---- ranges ------------------------------------------------------------------------------- */

static void test_ranges(void **state) {
    static const struct {
        const char *text;
        uint32_t min, max; /* 0: refused */
    } cases[] = {{"128", 128, 128},
                 {"64-512", 64, 512},
                 {"256+-64", 192, 320},
                 {"5+-4", 1, 9},
                 {"5+-5", 0, 0},
                 {"0", 0, 0},
                 {"", 0, 0},
                 {"9-8", 0, 0},
                 {"1-", 0, 0},
                 {"-1", 0, 0},
                 {"1+-", 0, 0},
                 {"1x", 0, 0},
                 {"16777217", 0, 0},
                 {"1-16777217", 0, 0},
                 {"16777216+-1", 0, 0},
                 {"99999999999999999999", 0, 0},
                 {" 1", 0, 0},
                 {"3+-9", 0, 0}};
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_load_range range;
        weir_error err = {0};
        weir_status status = weir_load_range_parse(&range, "flag", cases[i].text, 1, &err);
        if ((status == WEIR_STATUS_OK) != (cases[i].min > 0))
            fail_msg("'%s': %s", cases[i].text, err.text);
        if (status == WEIR_STATUS_OK)
            assert_true(range.min == cases[i].min && range.max == cases[i].max);
        else
            assert_non_null(strstr(err.text, "--flag"));
    }
}

/* ---- arrivals ----------------------------------------------------------------------------- */

/* Mean 1/rate, variance mean^2 / shape, skewness 2 / sqrt(shape) of a gamma distribution. */
static void test_gaps(void **state) {
    static const double shapes[] = {0.25, 0.5, 1, 1.0001, 2, 10};
    enum { N = 60000 };
    (void)state;
    for (size_t k = 0; k < WEIR_COUNT(shapes); k++) {
        weir_load_plan_options o = usual;
        double sum = 0, squares = 0, cubes = 0, shape = shapes[k];
        o.rate = 8;
        o.burstiness = shape;
        weir_load_plan *plan = open_plan(&o);
        for (uint64_t i = 0; i < N; i++) {
            double gap = weir_load_plan_gap(plan, i);
            assert_true(gap >= 0 && isfinite(gap));
            double off = gap * 8 - 1;
            sum += gap * 8;
            squares += off * off;
            cubes += off * off * off;
        }
        double variance = squares / N, skew = cubes / N / pow(variance, 1.5);
        assert_true(fabs(sum / N - 1) < 4 / sqrt(N * shape));
        assert_true(fabs(variance * shape - 1) < 0.06);
        assert_true(fabs(skew * sqrt(shape) / 2 - 1) < 0.15);
        weir_load_plan_close(&plan);
    }
}

/* A Poisson process, by Kolmogorov and Smirnov: the largest distance between the distribution of
 * gaps and 1 - exp(-x) stays below what one sample in ten thousand exceeds. */
static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void test_poisson(void **state) {
    enum { N = 20000, N_NEAR = 50 };
    static double gaps[N];
    weir_load_plan_options o = usual;
    double most = 0, together = 0;
    (void)state;
    o.rate = 0.5;
    weir_load_plan *plan = open_plan(&o);
    for (uint64_t i = 0; i < N; i++)
        gaps[i] = weir_load_plan_gap(plan, i) * 0.5;
    for (size_t i = 1; i < N; i++) /* neighbours know nothing of each other */
        together += (gaps[i] - 1) * (gaps[i - 1] - 1) / N;
    assert_true(fabs(together) < 4 / sqrt(N));
    qsort(gaps, N, sizeof *gaps, by_value);
    for (size_t i = 0; i < N; i++) {
        double expected = 1 - exp(-gaps[i]);
        most = fmax(most, fabs(expected - (double)i / N));
        most = fmax(most, fabs(expected - (double)(i + 1) / N));
    }
    assert_true(most < 2.23 / sqrt(N));

    double at = 0, scale = weir_load_plan_gap_scale(plan, N_NEAR);
    for (uint64_t i = 0; i < N_NEAR; i++)
        at += scale * weir_load_plan_gap(plan, i);
    assert_true(fabs(at - N_NEAR / 0.5) < 1e-6);
    weir_load_plan_close(&plan);
    o.rate = 0;
    plan = open_plan(&o);
    assert_true(weir_load_plan_gap(plan, 0) == 0 && weir_load_plan_gap_scale(plan, 9) == 1);
    weir_load_plan_close(&plan);
}

/* ---- mixes -------------------------------------------------------------------------------- */

/* A file of these bytes; the name is to be removed and freed. */
static char *write_mix(const char *text) {
    char name[] = "load_mix_XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return weir_text_copy(name, strlen(name));
}

static void test_mix(void **state) {
    static const char text[] =
        "{\"messages\": [{\"role\":\"user\",\"content\":\"A\"}], \"weight\": 3, \"top_p\": 1.0}\n"
        "\n"
        "  {\"prompt\": \"B \\u00e9\", \"output_tokens\": \"3-4\", \"model\": \"own\"}\r\n"
        "{\"prompt\": [1,2,3], \"output_tokens\": 7, \"big\": 12345678901234567890123}\n"
        "{\"prompt_tokens\": \"50-60\", \"temperature\": 0.5, \"weight\": 0}\n"
        "{\"prompt_tokens\": 70, \"temperature\": 0.5}";
    enum { N = 3000 };
    weir_load_plan_options o = usual;
    int n_a = 0, n_b = 0, n_ids = 0, n_made = 0;
    (void)state;
    char *path = write_mix(text);
    o.mix_path = path;
    o.extra = "{\"temperature\": 0.0, \"min_p\": 1e-2}";
    weir_load_plan *plan = open_plan(&o);
    unlink(path);
    free(path);
    assert_false(weir_load_plan_names_models(plan));
    assert_true(weir_load_plan_makes_words(plan));
    for (uint64_t i = 0; i < N; i++) {
        weir_load_request r;
        weir_text_buffer raw = {0};
        json_t *body = request(plan, i, &r);
        const char *said = content(body, 0);
        double temperature = json_number_value(json_object_get(body, "temperature"));
        assert_true(json_number_value(json_object_get(body, "min_p")) == 0.01);
        assert_int_equal(weir_load_plan_request(plan, WEIR_LOAD_MEASURED, i, "m", &raw, &r, NULL),
                         WEIR_STATUS_OK);
        bool is_chat = strcmp(r.path, "/v1/chat/completions") == 0;
        if (said && strcmp(said, "A") == 0) {
            n_a++;
            assert_non_null(strstr(raw.data, "\"top_p\":1.0"));
            assert_true(temperature == 0 && r.n_max_output >= 5 && r.n_max_output <= 9);
        } else if (said && said[0] == 'B') {
            n_b++;
            assert_string_equal(said, "B \xc3\xa9");
            assert_true(is_chat && r.n_max_output >= 3 && r.n_max_output <= 4);
            assert_string_equal(json_string_value(json_object_get(body, "model")), "own");
        } else if (!said) {
            n_ids++;
            assert_false(is_chat);
            assert_int_equal(json_array_size(json_object_get(body, "prompt")), 3);
            assert_int_equal(r.n_prompt, 3);
            assert_int_equal(r.n_max_output, 7);
            assert_non_null(strstr(raw.data, "\"big\":12345678901234567890123"));
        } else {
            n_made++;
            assert_int_equal(n_words(said), 70);
            assert_true(temperature == 0.5); /* the line comes before the command line */
        }
        json_decref(body);
        weir_text_buffer_free(&raw);
    }
    assert_true(abs(n_a - N / 2) < N / 15);
    assert_true(abs(n_b - N / 6) < N / 20 && abs(n_ids - N / 6) < N / 20);
    assert_true(n_made > N / 10);
    weir_load_plan_close(&plan);
}

static void test_plain_mix(void **state) {
    weir_load_plan_options o = usual;
    weir_load_request r;
    (void)state;
    char *path = write_mix("{\"prompt\": \"B\", \"model\": \"x\"}\n");
    o.mix_path = path;
    o.is_chat = false;
    weir_load_plan *plan = open_plan(&o);
    unlink(path);
    free(path);
    json_t *body = request(plan, 5, &r);
    assert_string_equal(r.path, "/v1/completions");
    assert_string_equal(json_string_value(json_object_get(body, "prompt")), "B");
    assert_true(weir_load_plan_names_models(plan));
    assert_false(weir_load_plan_makes_words(plan));
    json_decref(body);
    weir_load_plan_close(&plan);
}

static void test_bad_mixes(void **state) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "at least one line"},
        {"{\"prompt\":\"a\",\"weight\":0}\n", "weight above 0"},
        {"{\"prompt\":\"a\"}\n[1]\n", "line 2: expected a JSON object"},
        {"\n{\"prompt\":\"a\"\n", "line 2"},
        {"{\"weight\":1}", "expected messages, prompt or prompt_tokens"},
        {"{\"prompt\":\"a\",\"messages\":[{}]}", "and once"},
        {"{\"prompt\":\"a\",\"prompt_tokens\":4}", "a prompt that is made"},
        {"{\"prompt\":{}}", "a text, or a list"},
        {"{\"prompt\":[\"a\"]}", "list of token ids"},
        {"{\"prompt\":[]}", "list of token ids"},
        {"{\"messages\":[]}", "at least one message"},
        {"{\"messages\":[1]}", "at least one message"},
        {"{\"prompt\":\"a\",\"weight\":-1}", "weight"},
        {"{\"prompt\":\"a\",\"weight\":\"1\"}", "weight"},
        {"{\"prompt\":\"a\",\"output_tokens\":0}", "output_tokens"},
        {"{\"prompt\":\"a\",\"output_tokens\":1.5}", "output_tokens"},
        {"{\"prompt\":\"a\",\"output_tokens\":\"4-3\"}", "output_tokens"},
        {"{\"prompt\":\"a\",\"max_tokens\":4}", "expected output_tokens"},
        {"{\"prompt\":\"a\",\"stream\":false}", "'stream' is written by"},
    };
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_load_plan_options o = usual;
        weir_load_plan *plan;
        weir_error err = {0};
        char *path = write_mix(cases[i].text);
        o.mix_path = path;
        assert_int_equal(weir_load_plan_open(&plan, &o, &err), WEIR_STATUS_BAD_FILE);
        assert_null(plan);
        if (!strstr(err.text, cases[i].message) || !strstr(err.text, path))
            fail_msg("case %zu: %s", i, err.text);
        unlink(path);
        free(path);
    }
    weir_load_plan_options o = usual;
    weir_load_plan *plan;
    o.extra = "{\"max_completion_tokens\":4}";
    assert_int_equal(weir_load_plan_open(&plan, &o, NULL), WEIR_STATUS_BAD_FILE);
    o.extra = "[]";
    assert_int_equal(weir_load_plan_open(&plan, &o, NULL), WEIR_STATUS_BAD_FILE);
    o.extra = NULL;
    o.mix_path = "no/such/file";
    assert_int_equal(weir_load_plan_open(&plan, &o, NULL), WEIR_STATUS_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed),   cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_calibration), cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_ids),         cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_ranges),      cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_poisson),     cmocka_unit_test(test_mix),
        cmocka_unit_test(test_plain_mix),   cmocka_unit_test(test_bad_mixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
