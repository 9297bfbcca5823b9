/*
 * test_request.c: the JSON of requests: types, ranges, raw parts, what nobody knows, errors.
 */
#include "chat_fixture.h"
#include "raw_json.h"
#include "request_members.h"

static weir_request request;

static void open_text(const char *body, bool is_strict) {
    exchange = (weir_exchange){.body = body, .n_body = strlen(body)};
    weir_request_open(&request, &exchange, is_strict);
}

static int end_test(void **state) {
    (void)state;
    weir_request_free(&request);
    weir_text_buffer_free(&exchange.out);
    return 0;
}

static void assert_error(const char *param, const char *words) {
    assert_int_equal(request.error.http_status, 400);
    assert_string_equal(request.error.type, "invalid_request_error");
    if (param)
        assert_string_equal(request.error.param, param);
    if (!strstr(request.error.message, words))
        fail_msg("'%s' is not in: %s", words, request.error.message);
}

static void test_bodies(void **state) {
    (void)state;
    static const struct {
        const char *body, *words;
    } bad[] = {
        {"", "body:1:"},
        {"{", "body:1:2"},
        {"[]", "expected a JSON object"},
        {"3", "JSON object"},
        {"{\"a\": 1,\n}", "body:2:1"},
        {"{\"a\": 1, \"a\": 2}", "duplicate"},
        {"{} x", "body:1:4"},
        {"{\"a\": \"\\ud800\"}", "body"},
    };
    for (size_t i = 0; i < WEIR_COUNT(bad); i++) {
        open_text(bad[i].body, false);
        assert_error("", bad[i].words);
        assert_string_equal(request.error.code, "invalid_json");
        assert_true(json_is_object(request.root)); /* reading goes on harmlessly */
        weir_request_free(&request);
    }
    open_text(" {\"a\": [{}]} ", false);
    assert_false(weir_request_is_bad(&request));
}

static void test_fields(void **state) {
    (void)state;
    double number = 9;
    int64_t integer = 9;
    bool flag = false;
    const char *text = NULL;
    size_t n;
    open_text("{\"f\": 0.5, \"i\": 3, \"whole\": 3.0, \"null\": null, \"yes\": true, \"s\": \"x\"}",
              false);
    assert_true(weir_request_number(&request, request.root, "", "f", 0, 1, &number));
    assert_true(number == 0.5);
    assert_true(weir_request_integer(&request, request.root, "", "i", 0, 3, &integer));
    assert_int_equal(integer, 3);
    assert_true(weir_request_integer(&request, request.root, "", "whole", 0, 3, &integer));
    assert_false(weir_request_integer(&request, request.root, "", "null", 0, 3, &integer));
    assert_false(weir_request_integer(&request, request.root, "", "missing", 0, 3, &integer));
    assert_true(weir_request_bool(&request, request.root, "", "yes", &flag) && flag);
    assert_true(weir_request_string(&request, request.root, "", "s", &text, &n) && n == 1);
    assert_false(weir_request_is_bad(&request));
    weir_request_check_unknown(&request); /* all were read, also the null */
    assert_int_equal(request.warnings.n, 0);
}

static void test_wrong_fields(void **state) {
    (void)state;
    double number;
    int64_t integer;
    bool flag;
    const char *text;
    size_t n;
    static const char body[] = "{\"o\": {\"x\": \"1\", \"y\": 2.5, \"z\": 7}}";
    open_text(body, false);
    const json_t *o = json_object_get(request.root, "o");
    assert_false(weir_request_number(&request, o, "o", "x", 0, 1, &number));
    assert_error("o.x", "expected a number, got a string");
    assert_false(weir_request_integer(&request, o, "o", "y", 0, 5, &integer));
    assert_error("o.x", "got a string"); /* the first error stays */
    weir_request_free(&request);
    open_text(body, false);
    o = json_object_get(request.root, "o");
    assert_false(weir_request_integer(&request, o, "o", "y", 0, 5, &integer));
    assert_error("o.y", "expected an integer from 0 to 5, got 2.5");
    weir_request_free(&request);
    open_text(body, false);
    assert_false(
        weir_request_number(&request, json_object_get(request.root, "o"), "o", "z", 0, 5, &number));
    assert_error("o.z", "expected a number from 0 to 5, got 7");
    weir_request_free(&request);
    open_text("{\"b\": 1}", false);
    assert_false(weir_request_bool(&request, request.root, "", "b", &flag));
    assert_error("b", "expected true or false, got a number");
    weir_request_free(&request);
    open_text("{\"b\": 1}", false);
    assert_false(weir_request_string(&request, request.root, "", "b", &text, &n));
    assert_error("b", "expected a string, got a number");
}

/* An integer beyond 64 bits, in a schema perhaps, is no reason to refuse a request. */
static void test_big_integers(void **state) {
    (void)state;
    int64_t integer;
    const char *text;
    size_t n;
    open_text("{\"schema\": {\"max\": 123456789012345678901234567890}, \"n\": 3, "
              "\"far\": 123456789012345678901234567890}",
              false);
    assert_true(weir_request_integer(&request, request.root, "", "n", 0, 5, &integer));
    assert_int_equal(integer, 3);
    assert_true(weir_request_raw(&request, "schema", &text, &n));
    assert_memory_equal(text, "{\"max\": 123456789012345678901234567890}", n);
    assert_false(weir_request_integer(&request, request.root, "", "far", 0, INT64_MAX, &integer));
    assert_error("far", "expected an integer");
}

static void test_raw(void **state) {
    (void)state;
    const char *text, *item;
    size_t n, n_item;
    weir_json_member member;
    open_text(
        "{ \"\\u0074ools\" : [ {\"a\": 1.0} , \"x,]\\\"\" ,3,[[]],{} ] , \"o\": {\"in\": 1e3}}",
        false);
    assert_true(weir_request_raw(&request, "tools", &text, &n));
    static const char *const items[] = {"{\"a\": 1.0}", "\"x,]\\\"\"", "3", "[[]]", "{}"};
    for (size_t i = 0; i < WEIR_COUNT(items); i++) {
        assert_true(weir_raw_item_next(&text, &item, &n_item));
        assert_int_equal(n_item, strlen(items[i]));
        assert_memory_equal(item, items[i], n_item);
    }
    assert_false(weir_raw_item_next(&text, &item, &n_item));
    assert_true(weir_request_raw(&request, "o", &text, &n));
    assert_true(weir_request_member(text, "in", &member));
    assert_memory_equal(member.value, "1e3", member.n_value);
    assert_false(weir_request_member(text, "out", &member));
    assert_false(weir_request_raw(&request, "missing", &text, &n));
    text = "[]";
    assert_false(weir_raw_item_next(&text, &item, &n_item));
}

static void test_unknown(void **state) {
    (void)state;
    static const char body[] = "{\"a\": 1, \"b\": {\"in\": 2, \"odd\": 3}, \"c\\n\": 4}";
    static const char *const ignored[] = {"a", "never", NULL}, *const known[] = {"in", NULL};
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        open_text(body, is_strict);
        weir_request_ignore(&request, ignored);
        weir_request_check_members(&request, weir_request_value(&request, request.root, "", "b"),
                                   "b", known);
        if (is_strict) {
            assert_error("b.odd", "b.odd is unknown here");
            break;
        }
        weir_request_check_unknown(&request);
        assert_false(weir_request_is_bad(&request));
        assert_string_equal(request.warnings.data, "\"b.odd is unknown here and has no effect\", "
                                                   "\"c? is unknown here and has no effect\"");
        weir_request_free(&request);
    }
}

static void test_many_warnings(void **state) {
    (void)state;
    open_text("{}", false);
    for (int i = 0; i < 10000; i++)
        weir_request_warn(&request, "warning %d", i);
    assert_in_range(request.warnings.n, 1000, 20000);
    assert_non_null(strstr(request.warnings.data, "further warnings are left out"));
    weir_text_buffer list = {0};
    weir_text_buffer_format(&list, "[%s]", request.warnings.data);
    json_t *json = json_loads(list.data, 0, NULL);
    assert_true(json_is_array(json));
    json_decref(json);
    weir_text_buffer_free(&list);
}

static void test_refuse(void **state) {
    (void)state;
    open_text("{\"a\": 0.0, \"b\": null, \"c\": [\"x\"], \"d\": 2}", true);
    weir_request_refuse(&request, "a", "0", "why");
    weir_request_refuse(&request, "b", NULL, "why");
    weir_request_refuse(&request, "c", "[\"x\"]", "why");
    weir_request_refuse(&request, "missing", NULL, "why");
    assert_false(weir_request_is_bad(&request));
    weir_request_refuse(&request, "d", "1", "it cannot be");
    assert_error("d", "d is not supported: it cannot be");
    assert_string_equal(request.error.code, "unsupported_parameter");
}

static void test_pointers(void **state) {
    (void)state;
    weir_error err = {.text = "response_format.schema: #/properties/a/not: cannot be enforced"};
    open_text("{}", false);
    weir_request_fail_at(&request, "response_format.schema", "unsupported_value", &err);
    assert_error("response_format.schema#/properties/a/not", "cannot be enforced");
}

static void test_errors_as_json(void **state) {
    (void)state;
    weir_api_error error = {.http_status = 429, .type = "rate_limit_error", .message = "a \"b\"\t"};
    exchange = (weir_exchange){0};
    weir_reply_openai_error(&exchange, &error, 2.25);
    assert_int_equal(exchange.http_status, 429);
    assert_string_equal(exchange.retry_after, "3");
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "error.message"), "a \"b\"\t");
    assert_string_equal(string_at(json, "error.type"), "rate_limit_error");
    assert_true(json_is_null(at(json, "error.param")) && json_is_null(at(json, "error.code")));
    json_decref(json);
    weir_text_buffer_free(&exchange.out);
    exchange = (weir_exchange){0};
    error.http_status = 503;
    weir_reply_anthropic_error(&exchange, &error, 0);
    assert_string_equal(exchange.retry_after, "");
    json = reply_json();
    assert_string_equal(string_at(json, "type"), "error");
    assert_string_equal(string_at(json, "error.type"), "overloaded_error");
    assert_string_equal(string_at(json, "request_id"), "req_test");
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_bodies, end_test),
        cmocka_unit_test_teardown(test_fields, end_test),
        cmocka_unit_test_teardown(test_wrong_fields, end_test),
        cmocka_unit_test_teardown(test_big_integers, end_test),
        cmocka_unit_test_teardown(test_raw, end_test),
        cmocka_unit_test_teardown(test_unknown, end_test),
        cmocka_unit_test_teardown(test_many_warnings, end_test),
        cmocka_unit_test_teardown(test_refuse, end_test),
        cmocka_unit_test_teardown(test_pointers, end_test),
        cmocka_unit_test_teardown(test_errors_as_json, end_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
