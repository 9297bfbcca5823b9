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
        {"{\"weir_conversation\":1,\"messages\":[{\"role\":\"system\"}]}", "role"},
        {"{\"weir_conversation\":1,\"messages\":[{\"role\":\"user\"}]}", "content"},
        {"{\"weir_conversation\":1,\"messages\":[{\"role\":\"assistant\",\"content\":\"\","
         "\"calls\":[{\"name\":\"f\",\"arguments\":\"[]\"}]}]}",
         "object"},
        {"{\"weir_conversation\":1,\"messages\":[{\"role\":\"assistant\",\"content\":\"\","
         "\"calls\":[{\"name\":\"f\",\"arguments\":\"{\"}]}]}",
         "arguments"},
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
    static const char text[] =
        "{\"weir_conversation\":1,\"messages\":[{\"role\":\"assistant\",\"content\":\"\","
        "\"calls\":[{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1e400}\"}]}]}";
    weir_conversation c = {0};
    assert_int_equal(weir_conversation_read(&c, text, strlen(text), "f", NULL), WEIR_STATUS_OK);
    assert_string_equal(c.message[0].calls.item[0].arguments, "{\"a\":1e400}");
    weir_conversation_free(&c);
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
        {true, false, true, "<think>hm</think>Yes."},
        {true, true, true, "Yes."},
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
        assert_int_equal(has_calls, cases[i].calls);
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
        cmocka_unit_test(test_file_and_back),    cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_absurd_arguments), cmocka_unit_test(test_context),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
