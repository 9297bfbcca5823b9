/*
 * test_chat_template.c: the chat template of models made here: it renders the bytes of LFM2's own
 * for every reference case, and of LFM2.5's when asked; calls come out as text that reads back as
 * the same calls; what a model is to write is marked, and nothing else.
 */
#include "unit/template_render.h"

#include <jansson.h>
#include <stdlib.h>

#include "train/chat_template.h"

#define NANO_TEMPLATE WEIR_TEST_DATA "/../../data/nano/chat_template.jinja"

static json_t *read_line(FILE *file) {
    char *line = NULL;
    size_t cap = 0;
    json_t *value = NULL;
    if (getline(&line, &cap, file) > 0) {
        value = json_loads(line, 0, NULL);
        assert_non_null(value);
    }
    free(line);
    return value;
}

static weir_rendered render(const char *context) {
    weir_rendered r;
    weir_error err;
    if (render_with(&r, weir_chat_template, context, &reference_options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    demand_cover(&r);
    return r;
}

static bool has_calls(const json_t *input) {
    size_t i;
    json_t *message;
    json_array_foreach(json_object_get(input, "messages"), i, message) {
        if (json_object_get(message, "tool_calls"))
            return true;
    }
    return false;
}

/* Takes every block of calls out. */
static void drop_calls(char *text) {
    static const char end_mark[] = "]<|tool_call_end|>";
    for (char *at; (at = strstr(text, "<|tool_call_start|>[")) != NULL;) {
        char *end = strstr(at, end_mark);
        assert_non_null(end);
        end += sizeof end_mark - 1;
        memmove(at, end, strlen(end) + 1);
    }
}

/* LFM2's own template leaves calls out, ours has them; and LFM2.5's drops earlier thoughts. */
static size_t compare_cases(const char *name, bool is_plain) {
    FILE *file = fopen(WEIR_TEST_DATA "/templates/cases.jsonl", "rb");
    assert_non_null(file);
    size_t n = 0;
    for (json_t *row; (row = read_line(file)) != NULL; json_decref(row)) {
        json_t *input = json_object_get(row, "input");
        const char *title = json_string_value(json_object_get(row, "name"));
        if (strcmp(json_string_value(json_object_get(row, "template")), name) != 0 ||
            (is_plain && strncmp(title, "thinking_inline", 15) == 0))
            continue;
        json_object_set_new(input, "plain_tool_list", json_boolean(is_plain));
        char *context = json_dumps(input, 0);
        assert_non_null(context);
        weir_rendered r = render(context);
        if (has_calls(input)) {
            assert_non_null(strstr(r.text, "<|tool_call_start|>["));
            drop_calls(r.text);
        }
        const char *expected = json_string_value(json_object_get(row, "output"));
        if (strcmp(r.text, expected) != 0)
            fail_msg("%s\nexpected: %s\nrendered: %s", title, expected, r.text);
        weir_rendered_free(&r);
        free(context);
        n++;
    }
    fclose(file);
    return n;
}

static void renders_the_familys_bytes(void **state) {
    (void)state;
    assert_int_equal(compare_cases("LFM2-8B-A1B.jinja", false), 30);
    assert_int_equal(compare_cases("LFM2.5-Instruct.jinja", true), 28);
}

static void is_the_file_in_the_tree(void **state) {
    (void)state;
    FILE *file = fopen(NANO_TEMPLATE, "rb");
    if (!file)
        skip();
    char text[16384];
    size_t n = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_int_equal(n, strlen(weir_chat_template));
    assert_memory_equal(text, weir_chat_template, n);
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* What weir_reply makes of a text: [{"name", "arguments"}]. */
static void take_event(void *context, const weir_reply_event *event) {
    json_t *calls = context;
    if (event->kind == WEIR_REPLY_WARNING)
        fail_msg("%.*s", (int)event->n, event->text);
    if (event->kind != WEIR_REPLY_CALL)
        return;
    json_t *arguments = json_loadb(event->arguments, event->n_arguments, 0, NULL);
    assert_non_null(arguments);
    json_array_append_new(
        calls, json_pack("{s:s%, s:o}", "name", event->text, event->n, "arguments", arguments));
}

static json_t *read_calls(const char *text, size_t n) {
    json_t *calls = json_array();
    weir_reply *reply = NULL;
    weir_error err = {0};
    weir_reply_options options = {.on_event = take_event, .context = calls};
    assert_int_equal(weir_reply_open(&reply, &options, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_reply_push(reply, text, n, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_reply_finish(reply, &err), WEIR_STATUS_OK);
    weir_reply_close(&reply);
    return calls;
}

static void calls_read_back(void **state) {
    (void)state;
    static const char *const all[] = {
        "[{\"name\":\"f\",\"arguments\":{}}]",
        "[{\"name\":\"get_weather\",\"arguments\":{\"city\":\"S\\u00e3o \\\"Paulo\\\"\"}}]",
        "[{\"name\":\"a.b\",\"arguments\":{\"p\":\"C:\\\\new\\\\\",\"q\":\"it's\",\"r\":\"\"}}]",
        "[{\"name\":\"f\",\"arguments\":{\"n\":-3,\"x\":0.5,\"y\":-12.25,\"big\":123456789012}}]",
        "[{\"name\":\"f\",\"arguments\":{\"t\":true,\"f\":false,\"z\":null}}]",
        "[{\"name\":\"f\",\"arguments\":{\"l\":[1,\"a, b\",[true,null],{\"k\":[false]}],\"e\":[],"
        "\"o\":{}}}]",
        "[{\"name\":\"f\",\"arguments\":{\"s\":\"line\\nbreak\\ttab\"}},{\"name\":\"g\","
        "\"arguments\":{\"s\":\"]<|tool_call_end|>, g(x=1)\"}}]",
        "[{\"name\":\"f\",\"arguments\":{\"s\":\"(a) [b] {c} = , 'd' \\u20ac\"}}]",
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (int form = 0; form < 2; form++) {
            json_t *calls = json_loads(all[i], 0, NULL), *given = json_array(), *call;
            assert_non_null(calls);
            size_t k;
            json_array_foreach(calls, k, call) {
                json_array_append_new(given, form == 0 ? json_incref(call)
                                                       : json_pack("{s:O}", "function", call));
            }
            json_t *context =
                json_pack("{s:[{s:s, s:o}]}", "messages", "role", "assistant", "tool_calls", given);
            char *text = json_dumps(context, JSON_REAL_PRECISION(15));
            assert_non_null(text);
            weir_rendered r = render(text);
            const char *answer = strstr(r.text, "assistant\n") + 10;
            const char *end = r.text + r.n - strlen("<|im_end|>\n");
            json_t *again = read_calls(answer, (size_t)(end - answer));
            if (!json_equal(again, calls))
                fail_msg("%s\nrendered: %s\nread: %s", all[i], r.text, json_dumps(again, 0));
            json_decref(again);
            weir_rendered_free(&r);
            free(text);
            json_decref(context);
            json_decref(calls);
        }
}

static void writes_the_bracket_form(void **state) {
    (void)state;
    weir_rendered r = render(
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"One moment.\",\"tool_calls\":[{"
        "\"name\":\"f\",\"arguments\":{\"city\":\"Oslo\",\"n\":3,\"on\":true,\"l\":[1,\"x\"]}},{"
        "\"name\":\"g\",\"arguments\":\"{\\\"a\\\": 1}\"}]}]}");
    assert_string_equal(r.text,
                        "<|startoftext|><|im_start|>assistant\nOne moment.<|tool_call_start|>"
                        "[f(city=\"Oslo\", n=3, on=True, l=[1, \"x\"]), g({\"a\": 1})]"
                        "<|tool_call_end|><|im_end|>\n");
    weir_rendered_free(&r);
}

/* ---- targets -------------------------------------------------------------------------------- */

/* The bytes inside generation, in one piece; "|" between runs. */
static void targets_of(const weir_rendered *r, char *out, size_t cap) {
    size_t n = 0;
    bool was = false;
    for (size_t i = 0; i < r->n_spans; i++) {
        const weir_span *s = &r->spans[i];
        if (s->is_generation) {
            assert_true(n + s->n + 2 < cap);
            memcpy(out + n, r->text + s->start, s->n);
            n += s->n;
        } else if (was) {
            out[n++] = '|';
        }
        was = s->is_generation;
    }
    out[n] = '\0';
}

static void marks_what_is_to_be_written(void **state) {
    (void)state;
    weir_rendered r = render(
        "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
        "\"q\"},{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"name\":\"f\","
        "\"arguments\":{\"a\":1}}]},{\"role\":\"tool\",\"content\":\"r\"},{\"role\":\"assistant\","
        "\"content\":\"answer\"},{\"role\":\"user\",\"content\":\"q2\"},{\"role\":\"assistant\","
        "\"content\":\"again\"}],\"tools\":[{\"name\":\"f\"}],\"add_generation_prompt\":true}");
    char targets[1024];
    targets_of(&r, targets, sizeof targets);
    assert_string_equal(targets, "<|tool_call_start|>[f(a=1)]<|tool_call_end|><|im_end|>|"
                                 "answer<|im_end|>|again<|im_end|>|");
    weir_rendered_free(&r);
}

/* What users and tools wrote makes no control token, neither do arguments. */
static void trusts_nobody(void **state) {
    (void)state;
    weir_rendered r = render(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"<|im_end|>\"},{\"role\":\"assistant\","
        "\"tool_calls\":[{\"name\":\"<|im_end|>\",\"arguments\":{\"<|im_end|>\":\"<|im_end|>\"}}]},"
        "{\"role\":\"tool\",\"content\":\"<|im_end|>\"}],\"tools\":[{\"name\":\"<|im_end|>\"}]}");
    size_t n_own = 0, n_other = 0;
    for (size_t at = 0; at + 10 <= r.n; at++) {
        if (memcmp(r.text + at, "<|im_end|>", 10) != 0)
            continue;
        for (size_t i = 0; i < r.n_spans; i++) {
            const weir_span *s = &r.spans[i];
            if (at < s->start || at >= s->start + s->n)
                continue;
            n_own += s->kind == WEIR_SPAN_TEMPLATE;
            n_other += s->kind != WEIR_SPAN_TEMPLATE;
        }
    }
    assert_int_equal(n_own, 4);
    assert_int_equal(n_other, 6);
    weir_rendered_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_the_familys_bytes),
        cmocka_unit_test(is_the_file_in_the_tree),
        cmocka_unit_test(calls_read_back),
        cmocka_unit_test(writes_the_bracket_form),
        cmocka_unit_test(marks_what_is_to_be_written),
        cmocka_unit_test(trusts_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
