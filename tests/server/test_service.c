/*
 * test_service.c: routes, and what the server says about itself.
 */
#include "api_fixture.h"

static const struct {
    const char *method, *path;
} health_paths[] = {{"GET", "/health"}, {"GET", "/ready"}, {"GET", "/live"}};

static void assert_health(int health, int ready, int live, const char *status) {
    const int expected[] = {health, ready, live};
    for (size_t i = 0; i < 3; i++) {
        ask(health_paths[i].method, health_paths[i].path, "");
        assert_int_equal(exchange.http_status, expected[i]);
        json_t *json = reply_json();
        assert_string_equal(string_at(json, "status"), status);
        json_decref(json);
    }
}

static void test_health(void **state) {
    (void)state;
    assert_health(200, 200, 200, "ok");
    service.is_draining = true;
    assert_health(200, 503, 200, "draining");
    service.is_draining = false;
    service.is_ready = false;
    assert_health(503, 503, 200, "loading");
    service.is_ready = true;
}

static void test_not_found(void **state) {
    (void)state;
    static const char *const paths[] = {"/nowhere",      "/v1/models/", "/v1",
                                        "/v1/v1/models", "/V1/models",  "",
                                        "/models/x/../", "/healthx",    "/v1/chat/completions/x"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        ask("GET", paths[i], "");
        assert_int_equal(exchange.http_status, 404);
        json_t *json = reply_json();
        string_at(json, "error.message");
        json_decref(json);
    }
    ask("POST", "/v1/messages/batches", "{}");
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "error.type"), "not_found_error");
    json_decref(json);
}

/* Where a path is of both APIs, or of none, a header tells them apart. */
static void test_shapes_of_errors(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool has_header, is_anthropic;
    } cases[] = {{"/v1/messages/x", false, true}, {"/messages/x", false, true},
                 {"/v1/messagesx", false, false}, {"/v1/models/x", false, false},
                 {"/v1/models/x", true, true},    {"/nowhere", true, true}};
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        exchange.header = cases[i].has_header ? "anthropic-version" : NULL;
        exchange.header_value = "2023-06-01";
        ask("GET", cases[i].path, "");
        json_t *json = reply_json();
        assert_int_equal(exchange.http_status, 404);
        assert_true((json_object_get(json, "request_id") != NULL) == cases[i].is_anthropic);
        string_at(json, cases[i].is_anthropic ? "type" : "error.code");
        json_decref(json);
    }
    exchange.header = NULL;
}

static void test_methods(void **state) {
    (void)state;
    ask("DELETE", "/v1/chat/completions", "");
    assert_int_equal(exchange.http_status, 405);
    assert_string_equal(exchange.allow, "POST, OPTIONS");
    json_decref(reply_json());
    ask("PUT", "/v1/responses/x", "");
    assert_int_equal(exchange.http_status, 405);
    assert_string_equal(exchange.allow, "GET, HEAD, DELETE, OPTIONS");
    ask("OPTIONS", "/v1/models", "");
    assert_int_equal(exchange.http_status, 204);
    assert_string_equal(exchange.allow, "GET, HEAD, OPTIONS");
    ask("OPTIONS", "/nowhere", "");
    assert_int_equal(exchange.http_status, 404);
    ask("HEAD", "/v1/models", "");
    assert_int_equal(exchange.http_status, 200);
    ask("HEAD", "/v1/messages", "");
    assert_int_equal(exchange.http_status, 405);
}

/* Every route is there under its own path, and without /v1. */
static void test_routes(void **state) {
    (void)state;
    for (const weir_route *route = weir_routes; route->path; route++) {
        char path[96];
        size_t n = strcspn(route->path, "{");
        snprintf(path, sizeof path, "%.*s%s", (int)n, route->path, route->path[n] ? "x" : "");
        for (int k = 0; k < 2; k++) {
            const char *alias = path + (k && strncmp(path, "/v1/", 4) == 0 ? 3 : 0);
            ask(route->method, alias, "");
            if (exchange.has_ended && exchange.http_status == 404)
                assert_true(route->path[n] == '{'); /* no such model, no such response */
            assert_int_not_equal(exchange.http_status, 405);
        }
        assert_true(route->summary && route->summary[0]);
    }
}

static void test_rest(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"/v1/models/abc", "abc"},
                                           {"/models/abc", "abc"},
                                           {"/v1/models/a/b c", "a/b c"},
                                           {"/v1/models", ""},
                                           {"/v1/modelsx", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_exchange x = {.path = cases[i][0]};
        assert_string_equal(weir_route_rest(&x, "/v1/models/{id}"), cases[i][1]);
    }
}

static void test_models(void **state) {
    (void)state;
    static char name[] = "kind";
    static char *names[] = {name};
    ask("GET", "/v1/models", "");
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "object"), "list");
    assert_int_equal(json_array_size(at(json, "data")), 1);
    assert_string_equal(string_at(json, "data.0.id"), "weir-nano");
    assert_int_equal(integer_at(json, "data.0.created"), 1700000000);
    assert_string_equal(string_at(json, "data.0.created_at"), "2023-11-14T22:13:20Z");
    assert_int_equal(integer_at(json, "data.0.max_model_len"), 512);
    json_decref(json);
    service.host->adapters = (weir_adapters){.name = names, .n = 1};
    ask("GET", "/v1/models", "");
    json = reply_json();
    assert_string_equal(string_at(json, "data.1.id"), "kind");
    assert_string_equal(string_at(json, "data.1.parent"), "weir-nano");
    json_decref(json);
    ask("GET", "/v1/models/kind", "");
    json = reply_json();
    assert_string_equal(string_at(json, "id"), "kind");
    json_decref(json);
    ask("GET", "/models/weir-nano", "");
    assert_int_equal(exchange.http_status, 200);
    assert_refused("GET", "/v1/models/gpt-x", "", 404, "no model 'gpt-x'");
    service.host->adapters = (weir_adapters){0};
}

static void test_props(void **state) {
    (void)state;
    service.host->options.engine.n_seqs = 8;
    ask("GET", "/props", "");
    json_t *json = reply_json();
    assert_int_equal(integer_at(json, "total_slots"), 8);
    assert_int_equal(integer_at(json, "default_generation_settings.n_ctx"), 512);
    json_t *params = at(json, "default_generation_settings.params");
    assert_true(json_number_value(at(params, "top_p")) == 1);
    assert_int_equal(integer_at(params, "repeat_last_n"), -1);
    assert_int_equal(integer_at(params, "max_tokens"), -1);
    assert_string_equal(string_at(json, "model_path"), "weir-nano.gguf");
    assert_non_null(strstr(string_at(json, "chat_template"), "messages"));
    assert_string_equal(string_at(json, "bos_token"), "<|startoftext|>");
    json_decref(json);
    ask("GET", "/version", "");
    json = reply_json();
    assert_string_equal(string_at(json, "version"), weir_version());
    json_decref(json);
}

static void test_metrics_page(void **state) {
    (void)state;
    runner.stats.n_waiting = 4;
    ask("GET", "/metrics", "");
    assert_string_equal(exchange.type, "text/plain; version=0.0.4; charset=utf-8");
    assert_non_null(
        strstr(exchange.out.data, "vllm:num_requests_waiting{model_name=\"weir-nano\"} 4\n"));
    runner.stats.n_waiting = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health),           cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_shapes_of_errors), cmocka_unit_test(test_methods),
        cmocka_unit_test(test_routes),           cmocka_unit_test(test_rest),
        cmocka_unit_test(test_models),           cmocka_unit_test(test_props),
        cmocka_unit_test(test_metrics_page),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
