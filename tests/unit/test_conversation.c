/*
 * test_conversation.c: conversations as files, and as the variables of a template.
 */
#include "conversation.h"
#include "json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char tools_text[] = "[ {\"name\":\"f\", \"n\": 1.0, \"big\": 12345678901234567890} ]";

static const char big_argument[] = "{\"a\": 1234567890123456789012345}";

static void add(weir_conversation *c, weir_role role, const char *content, size_t n) {
    weir_message m = {.role = role, .content = weir_text_copy(content, n), .n_content = n};
    assert_int_equal(weir_conversation_add(c, &m, NULL), WEIR_STATUS_OK);
}

/* All that a conversation can hold: zeros in texts, quotes, numbers as they were written. */
static weir_conversation make(void) {
    static const char raw[] = "<think>hm</think>Yes.<|tool_call_start|>[f(a=1)]<|tool_call_end|>";
    weir_conversation c = {.started = 1700000000};
    weir_settings_default(&c.settings, NULL, NULL);
    c.settings.sampling.temperature = 0.3f;
    c.settings.sampling.seed = UINT64_MAX;
    c.settings.has_seed = true;
    c.settings.think = WEIR_THINK_HIDE;
    c.settings.think_budget = 7;
    assert_int_equal(weir_settings_set(&c.settings, "stop", "\"\n", NULL), WEIR_STATUS_OK);
    c.system = weir_text_copy("Be \"brief\"\n", 11);
    c.n_system = 11;
    c.model_name = weir_text_copy("m", 1);
    c.model_path = weir_text_copy("/m.gguf", 7);
    assert_int_equal(weir_tools_parse(&c.tools, tools_text, strlen(tools_text), "t", NULL),
                     WEIR_STATUS_OK);
    add(&c, WEIR_ROLE_USER, "a\0b\x1b", 4);
    weir_message m = {.role = WEIR_ROLE_ASSISTANT,
                      .content = weir_text_copy("Yes.", 4),
                      .n_content = 4,
                      .reasoning = weir_text_copy("hm", 2),
                      .n_reasoning = 2,
                      .raw = weir_text_copy(raw, strlen(raw)),
                      .n_raw = strlen(raw)};
    assert_int_equal(
        weir_calls_add(&m.calls, "f", 1, big_argument, strlen(big_argument), true, NULL),
        WEIR_STATUS_OK);
    assert_int_equal(weir_conversation_add(&c, &m, NULL), WEIR_STATUS_OK);
    add(&c, WEIR_ROLE_TOOL, "42", 2);
    c.message[2].tool_name = weir_text_copy("f", 1);
    add(&c, WEIR_ROLE_ASSISTANT, "So.", 3);
    return c;
}

static char *write(const weir_conversation *c) {
    weir_text_buffer out = {0};
    assert_int_equal(weir_conversation_write(c, &out, NULL), WEIR_STATUS_OK);
    return out.data;
}

static void test_file_and_back(void **state) {
    (void)state;
    weir_conversation c = make(), back = {0}, copy;
    weir_settings_default(&back.settings, NULL, NULL);
    char *text = write(&c);
    assert_int_equal(weir_conversation_read(&back, text, strlen(text), "file", NULL),
                     WEIR_STATUS_OK);
    assert_int_equal(back.n_messages, 4);
    assert_memory_equal(back.message[0].content, "a\0b\x1b", 4);
    assert_string_equal(back.message[1].calls.item[0].arguments, big_argument);
    assert_true(back.message[1].calls.item[0].is_declared);
    assert_string_equal(back.tools.text, tools_text);
    assert_string_equal(back.tools.names[0], "f");
    assert_true(back.settings.sampling.seed == UINT64_MAX && back.settings.has_seed);
    assert_true(back.settings.sampling.temperature == 0.3f);
    assert_int_equal(back.settings.think, WEIR_THINK_HIDE);
    assert_int_equal(back.settings.think_budget, 7);
    assert_true(back.settings.max_tokens == (uint32_t)WEIR_NO_LIMIT);
    assert_string_equal(back.settings.stop[0], "\"\n");
    char *again = write(&back);
    assert_string_equal(again, text);
    assert_int_equal(weir_conversation_copy(&copy, &back, NULL), WEIR_STATUS_OK);
    char *copied = write(&copy);
    assert_string_equal(copied, text);
    free(text);
    free(again);
    free(copied);
    weir_conversation_free(&c);
    weir_conversation_free(&back);
    weir_conversation_free(&copy);
}

#define FILE_WITH(arguments)                                                                       \
    "{\"weir_conversation\":1,\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"calls\":[{" \
    "\"name\":\"f\",\"arguments\":\"" arguments "\"}]}]}"

static void test_bad_files(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", "JSON"},
        {"[]", "weir_conversation"},
        {"{\"messages\":[]}", "weir_conversation"},
        {"{\"weir_conversation\":2,\"messages\":[]}", "version 2"},
        {"{\"weir_conversation\":1}", "messages"},
        {"{\"weir_conversation\":1,\"messages\":{}}", "messages"},
        {"{\"weir_conversation\":1,\"messages\":[1]}", "message 1: role"},
        {"{\"weir_conversation\":1,\"messages\":[{\"role\":\"robot\"}]}", "role"},
        {"{\"weir_conversation\":1,\"messages\":[{\"role\":\"user\"}]}", "content"},
        {FILE_WITH("[]"), "object"},
        {FILE_WITH("{"), "arguments"},
        /* closes what it stands in, and goes on as if it were the context */
        {FILE_WITH("{\\\"a\\\": 1e999}}}]}], \\\"bos_token\\\": \\\"<|im_end|>\\\", \\\"z\\\": "
                   "[{\\\"y\\\": [{\\\"x\\\": {\\\"w\\\": 1"),
         "message 1: arguments:1:13: expected the end"},
        {FILE_WITH("{}, \\\"b\\\": {}"), "arguments:1:3: expected the end"},
        {"{\"weir_conversation\":1,\"messages\":[],\"tools\":\"{\"}", "tools"},
        {"{\"weir_conversation\":1,\"messages\":[],\"started\":-1}", "started"},
        {"{\"weir_conversation\":1,\"messages\":[],\"settings\":{\"top-k\":\"x\"}}", "top-k"},
        {"{\"weir_conversation\":1,\"messages\":[],\"settings\":{\"top-k\":1}}", "top-k"},
        {"{\"weir_conversation\":1,\"messages\":[],\"settings\":{\"stop\":[\"\"]}}", "stop"},
    };
    weir_conversation c = make();
    char *before = write(&c);
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_error err;
        weir_status status =
            weir_conversation_read(&c, cases[i].text, strlen(cases[i].text), "file.json", &err);
        assert_true(status == WEIR_STATUS_BAD_FILE || status == WEIR_STATUS_UNSUPPORTED);
        assert_int_equal(err.status, status);
        assert_non_null(strstr(err.text, "file.json"));
        if (!strstr(err.text, cases[i].expected))
            fail_msg("case %zu: %s", i, err.text);
        char *after = write(&c); /* a refused file changes nothing */
        assert_string_equal(after, before);
        free(after);
    }
    free(before);
    weir_conversation_free(&c);
}

/* What a model wrote is kept whatever it is worth. */
static void test_absurd_arguments(void **state) {
    (void)state;
    static const char text[] = FILE_WITH("{\\\"a\\\":1e400}");
    weir_conversation c = {0};
    weir_settings_default(&c.settings, NULL, NULL);
    assert_int_equal(weir_conversation_read(&c, text, strlen(text), "f", NULL), WEIR_STATUS_OK);
    assert_string_equal(c.message[0].calls.item[0].arguments, "{\"a\":1e400}");
    weir_conversation_free(&c);
}

/* The text of n arrays, one in another, with `inside` in the innermost. */
static char *nest(size_t n, const char *inside) {
    weir_text_buffer out = {0};
    for (size_t i = 0; i < n; i++)
        weir_text_buffer_say(&out, "[");
    weir_text_buffer_say(&out, inside);
    for (size_t i = 0; i < n; i++)
        weir_text_buffer_say(&out, "]");
    assert_false(out.has_failed);
    return out.data;
}

static weir_status read_nested(size_t n_levels, weir_error *err) {
    char *value = nest(n_levels - 1, "");
    weir_text_buffer file = {0};
    weir_conversation c = {0};
    weir_settings_default(&c.settings, NULL, NULL);
    weir_text_buffer_format(&file, FILE_WITH("{\\\"a\\\":%s}"), value);
    weir_status status = weir_conversation_read(&c, file.data, file.n, "f", err);
    weir_conversation_free(&c);
    weir_text_buffer_free(&file);
    free(value);
    return status;
}

/* What no template would take is not loaded; what is loaded, templates take. */
static void test_deep_arguments(void **state) {
    (void)state;
    static const size_t bad[] = {WEIR_JSON_MAX_DEPTH + 1, 300, 100000};
    weir_error err;
    for (size_t i = 0; i < WEIR_COUNT(bad); i++) {
        assert_int_equal(read_nested(bad[i], &err), WEIR_STATUS_BAD_FILE);
        assert_non_null(strstr(err.text, "nested too deep"));
    }
    assert_int_equal(read_nested(WEIR_JSON_MAX_DEPTH, &err), WEIR_STATUS_OK);

    static const char source[] = "{{ messages[0].tool_calls[0].function.arguments | tojson }}";
    char *value = nest(WEIR_JSON_MAX_DEPTH - 1, "");
    weir_text_buffer arguments = {0}, context = {0};
    weir_text_buffer_format(&arguments, "{\"a\": %s}", value);
    weir_conversation c = {0};
    weir_message m = {.role = WEIR_ROLE_ASSISTANT, .content = weir_text_copy("", 0)};
    assert_int_equal(weir_calls_add(&m.calls, "f", 1, arguments.data, arguments.n, true, NULL),
                     WEIR_STATUS_OK);
    assert_int_equal(weir_conversation_add(&c, &m, NULL), WEIR_STATUS_OK);
    const weir_template_form form = {.renders_calls = true};
    assert_int_equal(weir_conversation_context(&c, &form, true, "", &context, NULL),
                     WEIR_STATUS_OK);
    weir_template *tmpl;
    weir_rendered rendered;
    assert_int_equal(weir_template_open(&tmpl, source, strlen(source), "t", NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_template_render(&rendered, tmpl, context.data, context.n, NULL, NULL),
                     WEIR_STATUS_OK);
    assert_int_equal(rendered.n, arguments.n);
    assert_memory_equal(rendered.text, arguments.data, arguments.n);
    weir_rendered_free(&rendered);
    weir_template_close(&tmpl);
    weir_text_buffer_free(&arguments);
    weir_text_buffer_free(&context);
    weir_conversation_free(&c);
    free(value);
}

static void add_event_call(void *context, const weir_reply_event *event) {
    if (event->kind == WEIR_REPLY_CALL)
        assert_int_equal(weir_calls_add(context, event->text, event->n, event->arguments,
                                        event->n_arguments, true, NULL),
                         WEIR_STATUS_OK);
}

/* The deepest arguments that a model's answer can have are within the limit. */
static void test_arguments_of_answers(void **state) {
    (void)state;
    size_t n_taken = 0;
    for (size_t n = 100; n < WEIR_JSON_MAX_DEPTH + 10; n++) {
        weir_calls calls = {0};
        weir_reply_options options = {.on_event = add_event_call, .context = &calls};
        weir_reply *reply;
        char *value = nest(n, "1");
        weir_text_buffer text = {0};
        weir_text_buffer_format(&text, "<|tool_call_start|>[f(a=%s)]<|tool_call_end|>", value);
        assert_int_equal(weir_reply_open(&reply, &options, NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_reply_push(reply, text.data, text.n, NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_reply_finish(reply, NULL), WEIR_STATUS_OK);
        n_taken += calls.n;
        weir_reply_close(&reply);
        weir_calls_free(&calls);
        weir_text_buffer_free(&text);
        free(value);
    }
    assert_true(n_taken > 10 && n_taken < WEIR_JSON_MAX_DEPTH - 100);
}

/* ---- JSON texts ---------------------------------------------------------------------------- */

static void test_json_check(void **state) {
    (void)state;
    static const struct {
        const char *text, *wrong; /* NULL: good */
    } cases[] = {
        {"{}", NULL},
        {" [ ] \r\n\t", NULL},
        {"null", NULL},
        {"[true,false,null]", NULL},
        {"{\"a\":1,\"a\":{\"\":[\"x\",{}]}}", NULL},
        {"0", NULL},
        {"-0", NULL},
        {"-12.50e+07", NULL},
        {"0.0E-0", NULL},
        {"1e999999999999999999999", NULL},
        {"-123456789012345678901234567890.1", NULL},
        {"\"\"", NULL},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uABCD\\u0000\"", NULL},
        {"\"\\ud83d\\ude00 \\ud83d\"", NULL},
        {"\"\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", NULL},
        {"", "1:1: the text ends too early"},
        {" \n ", "2:2: the text ends too early"},
        {"{", "1:2: the text ends too early"},
        {"[1", "1:3: the text ends too early"},
        {"[1,", "1:4: the text ends too early"},
        {"\"a", "1:3: the text ends too early"},
        {"\"a\\", "1:4: the text ends too early"},
        {"{} {}", "1:4: expected the end"},
        {"{}}", "1:3: expected the end"},
        {"{},", "1:3: expected the end"},
        {"nullx", "1:5: expected the end"},
        {"01", "1:2: expected the end"},
        {"1e999}", "1:6: expected the end"},
        {"// a\n1", "1:1: expected a value"},
        {"\xef\xbb\xbf{}", "1:1: expected a value"},
        {"nul", "1:1: expected a value"},
        {"True", "1:1: expected a value"},
        {"NaN", "1:1: expected a value"},
        {"-Infinity", "1:2: expected a digit"},
        {"+1", "1:1: expected a value"},
        {".5", "1:1: expected a value"},
        {"[1.]", "1:4: expected a digit"},
        {"[1.e1]", "1:4: expected a digit"},
        {"[1e]", "1:4: expected a digit"},
        {"[1e+-1]", "1:5: expected a digit"},
        {"[- 1]", "1:3: expected a digit"},
        {"[1,]", "1:4: expected a value"},
        {"[,1]", "1:2: expected a value"},
        {"[1 2]", "1:4: expected ',' or ']'"},
        {"[1}", "1:3: expected ',' or ']'"},
        {"{\"a\":1]", "1:7: expected ',' or '}'"},
        {"{\"a\":1,}", "1:8: expected a string"},
        {"{a:1}", "1:2: expected a string"},
        {"{'a':1}", "1:2: expected a string"},
        {"{1:1}", "1:2: expected a string"},
        {"{\"a\" 1}", "1:6: expected ':'"},
        {"{\"a\":}", "1:6: expected a value"},
        {"\"a\nb\"", "1:3: a control character"},
        {"\"\t\"", "1:2: a control character"},
        {"\"\\x41\"", "1:3: an unknown escape"},
        {"\"\\u12g4\"", "1:6: expected four hexadecimal digits"},
        {"\"\\u12\"", "1:6: expected four hexadecimal digits"},
        {"\"\xc3\xa9\xff\"", "1:3: a string is not UTF-8"},
        {"\"\xc0\xaf\"", "1:2: a string is not UTF-8"},
        {"\"\xed\xa0\x80\"", "1:2: a string is not UTF-8"},
        {"\"\xf4\x90\x80\x80\"", "1:2: a string is not UTF-8"},
        {"\"\xe2\x82\"", "1:2: a string is not UTF-8"},
        {"{\n \"a\": 1,\n \"\xc3\xa9\": x}", "3:7: expected a value"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_error err = {0};
        size_t n = strlen(cases[i].text);
        char *text = malloc(n + 1); /* and not a byte more, for tools that watch over memory */
        assert_non_null(text);
        memcpy(text, cases[i].text, n);
        weir_status status = weir_json_check(text, n, "t", &err);
        if (status != (cases[i].wrong ? WEIR_STATUS_BAD_FILE : WEIR_STATUS_OK) ||
            (cases[i].wrong && !strstr(err.text, cases[i].wrong)))
            fail_msg("case %zu, %s: %s", i, cases[i].text, err.text);
        free(text);
    }
    assert_int_equal(weir_json_check("1\0", 2, "t", NULL), WEIR_STATUS_BAD_FILE);
    assert_int_equal(weir_json_check("\"\0\"", 3, "t", NULL), WEIR_STATUS_BAD_FILE);
    assert_int_equal(weir_json_check("12", 1, "t", NULL), WEIR_STATUS_OK);
    for (size_t n = WEIR_JSON_MAX_DEPTH - 1; n <= WEIR_JSON_MAX_DEPTH + 1; n++) {
        char *text = nest(n, "");
        assert_int_equal(weir_json_check(text, strlen(text), "t", NULL),
                         n > WEIR_JSON_MAX_DEPTH ? WEIR_STATUS_BAD_FILE : WEIR_STATUS_OK);
        free(text);
    }
}

static void test_json_members(void **state) {
    (void)state;
    static const struct {
        const char *text, *members;
    } cases[] = {
        {"{}", ""},
        {"[{\"a\":1}]", ""},
        {"\"a\"", ""},
        {" {\"a\" : 1e999 , \"b\\\"}\":\"}{\\\"\", \"\" :[ {\"c\":[]} ]\n} ",
         "a=1e999;b\\\"}=\"}{\\\"\";=[ {\"c\":[]} ];"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        const char *at = cases[i].text;
        assert_int_equal(weir_json_check(at, strlen(at), "t", NULL), WEIR_STATUS_OK);
        weir_json_member member;
        weir_text_buffer seen = {0};
        weir_text_buffer_say(&seen, "");
        while (weir_json_member_next(&at, &member))
            weir_text_buffer_format(&seen, "%.*s=%.*s;", (int)member.n_key, member.key,
                                    (int)member.n_value, member.value);
        assert_string_equal(seen.data, cases[i].members);
        weir_text_buffer_free(&seen);
    }
}

/* The content of the second message as a template gets it. */
static char *content_for(const weir_conversation *c, weir_template_form form, bool *has_calls,
                         bool *has_thinking) {
    weir_text_buffer out = {0};
    assert_int_equal(weir_conversation_context(c, &form, true, "\"x\": 1", &out, NULL),
                     WEIR_STATUS_OK);
    json_t *root = weir_json_read(out.data, out.n, "context", NULL);
    assert_non_null(root);
    assert_true(json_number_value(json_object_get(root, "x")) == 1);
    assert_true(json_is_true(json_object_get(root, "add_generation_prompt")));
    assert_non_null(strstr(out.data, tools_text));
    const json_t *messages = json_object_get(root, "messages");
    assert_int_equal(json_array_size(messages), 5);
    assert_string_equal(json_string_value(json_object_get(json_array_get(messages, 0), "role")),
                        "system");
    const json_t *answer = json_array_get(messages, 2);
    *has_calls = json_object_get(answer, "tool_calls") != NULL;
    *has_thinking = json_object_get(answer, "thinking") != NULL;
    char *content = strdup(json_string_value(json_object_get(answer, "content")));
    json_decref(root);
    weir_text_buffer_free(&out);
    return content;
}

static void test_context(void **state) {
    (void)state;
    static const struct {
        bool calls, reasoning, has_raw;
        const char *content;
    } cases[] = {
        {false, false, true, "<think>hm</think>Yes.<|tool_call_start|>[f(a=1)]<|tool_call_end|>"},
        {false, true, true, "Yes.<|tool_call_start|>[f(a=1)]<|tool_call_end|>"},
        {true, false, true, "<think>hm</think>Yes.<|tool_call_start|>[f(a=1)]<|tool_call_end|>"},
        {true, true, true, "Yes.<|tool_call_start|>[f(a=1)]<|tool_call_end|>"},
        {false, false, false,
         "<think>hm</think>Yes.<|tool_call_start|>[{\"name\": \"f\", \"arguments\": "
         "{\"a\": 1234567890123456789012345}}]<|tool_call_end|>"},
        {true, true, false, "Yes."},
    };
    weir_conversation c = make();
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        char *raw = c.message[1].raw;
        if (!cases[i].has_raw)
            c.message[1].raw = NULL;
        bool has_calls, has_thinking;
        weir_template_form form = {.renders_calls = cases[i].calls,
                                   .renders_reasoning = cases[i].reasoning};
        char *content = content_for(&c, form, &has_calls, &has_thinking);
        assert_string_equal(content, cases[i].content);
        assert_int_equal(has_calls, cases[i].calls && !cases[i].has_raw);
        assert_int_equal(has_thinking, cases[i].reasoning);
        free(content);
        c.message[1].raw = raw;
    }
    weir_conversation_free(&c);
}

static void test_settings(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *expected; /* NULL: refused */
    } cases[] = {
        {"temperature", "0.7", "0.7"},
        {"temperature", "warm", NULL},
        {"temperature", "-3", NULL},
        {"top-p", "1.5", NULL},
        {"repetition-penalty", "0", NULL},
        {"temperature", "0.5", "0.5"},
        {"temperature", "nan", NULL},
        {"temperature", "0x1p3", NULL},
        {"top-k", "40", "40"},
        {"top-k", "-1", NULL},
        {"top-k", "none", NULL},
        {"max-tokens", "none", "none"},
        {"max-tokens", "12", "12"},
        {"max-tokens", "99999999999", NULL},
        {"seed", "18446744073709551615", "18446744073709551615"},
        {"seed", "18446744073709551616", NULL},
        {"seed", "none", "none"},
        {"ignore-eos", "on", "on"},
        {"ignore-eos", "yes", NULL},
        {"think", "off", "off"},
        {"think", "of", NULL},
        {"stop", "a", "\"a\""},
        {"stop", "b", "\"a\", \"b\""},
        {"stop", "", "none"},
        {"colour", "1", NULL},
    };
    weir_settings s;
    weir_settings_default(&s, NULL, NULL);
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_error err;
        weir_status status = weir_settings_set(&s, cases[i].name, cases[i].text, &err);
        assert_int_equal(status, cases[i].expected ? WEIR_STATUS_OK : WEIR_STATUS_BAD_ARGUMENT);
        weir_text_buffer said = {0};
        weir_settings_say(&s, cases[i].name, &said);
        if (cases[i].expected)
            assert_string_equal(said.data, cases[i].expected);
        weir_text_buffer_free(&said);
        assert_int_equal(weir_settings_check(&s, NULL), WEIR_STATUS_OK); /* nothing is changed */
    }
    for (const char *const *name = weir_setting_names; *name; name++) {
        weir_text_buffer said = {0};
        weir_settings_say(&s, *name, &said);
        assert_true(said.n > 0);
        if (strcmp(*name, "stop") != 0)
            assert_int_equal(weir_settings_set(&s, *name, said.data, NULL), WEIR_STATUS_OK);
        weir_text_buffer_free(&said);
    }
    weir_settings_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_and_back),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_absurd_arguments),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_deep_arguments),
        cmocka_unit_test(test_json_check),
        cmocka_unit_test(test_json_members),
        cmocka_unit_test(test_arguments_of_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
