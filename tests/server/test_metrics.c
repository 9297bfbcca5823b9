/*
 * test_metrics.c: the page of numbers, read with a strict parser of Prometheus' text format 0.0.4.
 */
#include "metrics.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the parser --------------------------------------------------------------------------- */

enum { MAX_FAMILIES = 128, MAX_SAMPLES = 2048, TEXT = 128 };

typedef struct family {
    char name[TEXT], type[16];
    bool has_help;
} family;

typedef struct sample {
    size_t family;
    char suffix[16]; /* "_bucket", "_sum", "_count" of a histogram */
    char labels[TEXT * 2];
    double le; /* of a bucket */
    double value;
} sample;

static family families[MAX_FAMILIES];
static sample samples[MAX_SAMPLES];
static size_t n_families, n_samples;

static size_t name_length(const char *text, bool may_have_colon) {
    size_t n = 0;
    for (;; n++) {
        char c = text[n];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool is_digit = n > 0 && c >= '0' && c <= '9';
        if (!is_letter && !is_digit && (c != ':' || !may_have_colon))
            return n;
    }
}

static void read_comment(const char *line) {
    char what[8], name[TEXT], rest[TEXT * 2];
    assert_int_equal(sscanf(line, "# %7s %127s %255[^\n]", what, name, rest), 3);
    assert_int_equal(name_length(name, true), strlen(name));
    family *last = n_families > 0 ? &families[n_families - 1] : NULL;
    if (strcmp(what, "HELP") == 0) {
        for (size_t i = 0; i < n_families; i++)
            assert_string_not_equal(families[i].name, name); /* each stands together */
        assert_true(n_families < MAX_FAMILIES);
        last = &families[n_families++];
        memset(last, 0, sizeof *last);
        memcpy(last->name, name, sizeof name);
        last->has_help = true;
        return;
    }
    assert_string_equal(what, "TYPE");
    assert_true(last && last->has_help && !last->type[0]);
    assert_string_equal(last->name, name);
    assert_true(strcmp(rest, "counter") == 0 || strcmp(rest, "gauge") == 0 ||
                strcmp(rest, "histogram") == 0);
    snprintf(last->type, sizeof last->type, "%.15s", rest);
}

/* {a="x",le="1"}: le apart, the others as they stand. Returns what follows. */
static const char *read_labels(const char *at, sample *s) {
    s->le = NAN;
    if (*at != '{')
        return at;
    at++;
    while (*at != '}') {
        const char *name = at;
        size_t n = name_length(at, false);
        assert_true(n > 0 && at[n] == '=' && at[n + 1] == '"');
        for (at += n + 2; *at != '"'; at++) {
            assert_true(*at && *at != '\n');
            if (*at == '\\') {
                at++;
                assert_non_null(strchr("\\\"n", *at));
            }
        }
        at++;
        if (n == 2 && memcmp(name, "le", 2) == 0)
            s->le = strncmp(name + 4, "+Inf", 4) == 0 ? INFINITY : strtod(name + 4, NULL);
        else
            strncat(s->labels, name, (size_t)(at - name));
        if (*at == ',')
            at++;
        else
            assert_int_equal(*at, '}');
    }
    return at + 1;
}

static void read_sample(const char *line) {
    assert_true(n_families > 0 && n_samples < MAX_SAMPLES);
    family *f = &families[n_families - 1];
    sample *s = &samples[n_samples++];
    *s = (sample){.family = n_families - 1};
    size_t n = name_length(line, true), n_name = strlen(f->name);
    assert_true(n >= n_name && memcmp(line, f->name, n_name) == 0);
    snprintf(s->suffix, sizeof s->suffix, "%.*s", (int)(n - n_name), line + n_name);
    if (strcmp(f->type, "histogram") == 0)
        assert_true(strcmp(s->suffix, "_bucket") == 0 || strcmp(s->suffix, "_sum") == 0 ||
                    strcmp(s->suffix, "_count") == 0);
    else
        assert_string_equal(s->suffix, "");
    const char *at = read_labels(line + n, s);
    assert_int_equal(*at, ' ');
    char *end;
    s->value = strtod(at + 1, &end);
    assert_true(end > at + 1 && *end == '\n');
    assert_true(isfinite(s->value));
    assert_true(isnan(s->le) == (strcmp(s->suffix, "_bucket") != 0));
    if (strcmp(f->type, "gauge") != 0)
        assert_true(s->value >= 0);
}

static void parse(const weir_text_buffer *page) {
    n_families = n_samples = 0;
    assert_false(page->has_failed);
    assert_int_equal(strlen(page->data), page->n);
    for (const char *line = page->data; *line; line = strchr(line, '\n') + 1) {
        assert_non_null(strchr(line, '\n'));
        if (*line == '#')
            read_comment(line);
        else
            read_sample(line);
    }
}

/* Of a histogram: buckets ascend by bound and count, the last is +Inf and equals _count. */
static void check_histogram(size_t family_index) {
    double le = -1, count = 0;
    bool has_sum = false, has_count = false;
    for (size_t i = 0; i < n_samples; i++) {
        const sample *s = &samples[i];
        if (s->family != family_index)
            continue;
        if (strcmp(s->suffix, "_bucket") == 0) {
            assert_true(s->le > le && s->value >= count && !has_sum && !has_count);
            le = s->le;
            count = s->value;
        } else if (strcmp(s->suffix, "_sum") == 0) {
            has_sum = true;
            assert_true(count > 0 || s->value == 0);
        } else {
            has_count = true;
            assert_true(isinf(le) && s->value == count);
        }
    }
    assert_true(has_sum && has_count);
}

static const sample *find(const char *name, const char *suffix, double le) {
    for (size_t i = 0; i < n_samples; i++)
        if (strcmp(families[samples[i].family].name, name) == 0 &&
            strcmp(samples[i].suffix, suffix) == 0 && (isnan(le) || samples[i].le == le))
            return &samples[i];
    fail_msg("there is no %s%s", name, suffix);
    return NULL;
}

static double value(const char *name) {
    return find(name, "", NAN)->value;
}

/* ---- tests -------------------------------------------------------------------------------- */

static const weir_runner_stats stats = {
    .n_running = 3,
    .n_waiting = 2,
    .n_prompt_tokens = 1000,
    .n_cached_tokens = 400,
    .n_generated_tokens = 77,
    .n_jobs = 9,
    .engine = {.n_steps = 12,
               .n_pages = 100,
               .n_pages_used = 60,
               .n_pages_kept = 35,
               .n_store_failures = 5},
};
static const weir_records_stats records = {.n_records = 4, .n_written = 8, .n_failures = 6};

static void print(weir_metrics *m, const weir_runner_stats *s) {
    weir_text_buffer page = {0};
    weir_metrics_print(m, s, &records, "a \"model\"\\\n", &page);
    parse(&page);
    weir_text_buffer_free(&page);
}

static void test_empty(void **state) {
    (void)state;
    weir_metrics *m = weir_metrics_open();
    print(m, &(weir_runner_stats){0});
    for (size_t i = 0; i < n_families; i++)
        if (strcmp(families[i].type, "histogram") == 0)
            check_histogram(i);
    assert_true(value("vllm:kv_cache_usage_perc") == 0);
    weir_metrics_close(&m);
    assert_null(m);
    weir_metrics_close(&m);
}

/* Gateways and dashboards for vLLM ask for these. */
static void test_names(void **state) {
    (void)state;
    static const struct {
        const char *name, *own, *type;
    } contract[] = {
        {"vllm:num_requests_waiting", "weir_answers_waiting", "gauge"},
        {"vllm:num_requests_running", "weir_answers_running", "gauge"},
        {"vllm:kv_cache_usage_perc", "weir_kv_usage_ratio", "gauge"},
        {"vllm:gpu_cache_usage_perc", "weir_kv_usage_ratio", "gauge"},
        {"vllm:prefix_cache_queries", "weir_prefix_cache_queries_total", "counter"},
        {"vllm:prefix_cache_hits", "weir_prefix_cache_hits_total", "counter"},
        {"vllm:prefix_cache_queries_total", "weir_prefix_cache_queries_total", "counter"},
        {"vllm:prefix_cache_hits_total", "weir_prefix_cache_hits_total", "counter"},
        {"vllm:prompt_tokens_total", "weir_prompt_tokens_total", "counter"},
        {"vllm:generation_tokens_total", "weir_generated_tokens_total", "counter"},
    };
    weir_metrics *m = weir_metrics_open();
    print(m, &stats);
    for (size_t i = 0; i < sizeof contract / sizeof *contract; i++) {
        const sample *alias = find(contract[i].name, "", NAN);
        assert_string_equal(families[alias->family].type, contract[i].type);
        assert_string_equal(alias->labels, "model_name=\"a \\\"model\\\"\\\\\\n\"");
        assert_true(alias->value == value(contract[i].own));
    }
    assert_true(value("vllm:num_requests_running") == 3);
    assert_true(value("vllm:num_requests_waiting") == 2);
    assert_true(fabs(value("vllm:kv_cache_usage_perc") - 0.25) < 1e-12);
    assert_true(value("vllm:prefix_cache_queries") == 1000);
    assert_true(value("vllm:prefix_cache_hits") == 400);
    assert_true(value("weir_page_store_failures_total") == 5);
    assert_true(value("weir_records_failures_total") == 6);
    weir_metrics_close(&m);
}

static void test_histograms(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"weir_time_to_first_token_seconds", "vllm:time_to_first_token_seconds"},
        {"weir_inter_token_latency_seconds", "vllm:inter_token_latency_seconds"},
        {"weir_queue_seconds", "vllm:request_queue_time_seconds"},
        {"weir_answer_seconds", "vllm:e2e_request_latency_seconds"},
    };
    weir_metrics *m = weir_metrics_open();
    const weir_job_times times = {.queued_s = 0.3, .first_token_s = 0.1, .total_s = 9000};
    weir_metrics_job(m, WEIR_STATUS_OK, &times);
    weir_metrics_job(m, WEIR_STATUS_CANCELLED, &times);
    weir_metrics_job(m, WEIR_STATUS_CANCELLED, &(weir_job_times){.total_s = 1});
    for (int i = 0; i < 1000; i++)
        weir_metrics_gap(m, i * 0.001);
    weir_metrics_gap(m, -1);
    print(m, &stats);
    for (size_t i = 0; i < n_families; i++)
        if (strcmp(families[i].type, "histogram") == 0)
            check_histogram(i);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        for (size_t k = 0; k < 2; k++) {
            const sample *own = find(pairs[i][0], k ? "_sum" : "_count", NAN);
            const sample *alias = find(pairs[i][1], k ? "_sum" : "_count", NAN);
            assert_true(own->value == alias->value);
        }
    /* A bound belongs to its bucket. */
    assert_true(find("weir_time_to_first_token_seconds", "_bucket", 0.1)->value == 2);
    assert_true(find("weir_time_to_first_token_seconds", "_bucket", 0.08)->value == 0);
    assert_true(find("weir_time_to_first_token_seconds", "_sum", NAN)->value == 0.2);
    /* Beyond all bounds. */
    assert_true(find("weir_answer_seconds", "_bucket", 2560)->value == 0);
    assert_true(find("weir_answer_seconds", "_bucket", INFINITY)->value == 1);
    assert_true(find("weir_inter_token_latency_seconds", "_count", NAN)->value == 1001);
    assert_true(find("weir_inter_token_latency_seconds", "_bucket", 0.5)->value == 502);
    weir_metrics_close(&m);
}

static void test_requests(void **state) {
    (void)state;
    weir_metrics *m = weir_metrics_open();
    weir_metrics_request(m, "/v1/models/{id}", 200, 0.01);
    weir_metrics_request(m, "/v1/models/{id}", 200, 0.02);
    weir_metrics_request(m, "/v1/models/{id}", 404, 0.02);
    print(m, &stats);
    size_t n = 0;
    for (size_t i = 0; i < n_samples; i++)
        if (strcmp(families[samples[i].family].name, "weir_http_requests_total") == 0) {
            bool is_good = strstr(samples[i].labels, "status=\"200\"") != NULL;
            assert_non_null(strstr(samples[i].labels, "route=\"/v1/models/{id}\""));
            assert_true(samples[i].value == (is_good ? 2 : 1));
            n++;
        }
    assert_int_equal(n, 2);
    assert_true(find("weir_http_request_seconds", "_count", NAN)->value == 3);
    /* More series than there is room for: none is lost, and the page does not grow. */
    for (int status = 0; status < 1000; status++)
        weir_metrics_request(m, "other", 200 + status, 0);
    print(m, &stats);
    double sum = 0;
    n = 0;
    for (size_t i = 0; i < n_samples; i++)
        if (strcmp(families[samples[i].family].name, "weir_http_requests_total") == 0) {
            sum += samples[i].value;
            n++;
        }
    assert_true(sum == 1003 && n <= 256);
    weir_metrics_close(&m);
}

static void *count_many(void *context) {
    for (int i = 0; i < 10000; i++) {
        weir_metrics_gap(context, 0.01);
        weir_metrics_request(context, "/live", 200, 0);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    weir_metrics *m = weir_metrics_open();
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, m), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    print(m, &stats);
    assert_true(find("weir_inter_token_latency_seconds", "_count", NAN)->value == 40000);
    assert_true(find("weir_http_requests_total", "", NAN)->value == 40000);
    weir_metrics_close(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),      cmocka_unit_test(test_names),
        cmocka_unit_test(test_histograms), cmocka_unit_test(test_requests),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
