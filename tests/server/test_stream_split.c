/*
 * test_stream_split.c: however the model's text is cut on its way, the stream put together is the
 * whole reply: content, thinking, calls and their arguments, probabilities, the end.
 *
 * Texts of models go through the real parser, cut at random places, into the handler's events.
 */
#include "chat_fixture.h"

#define BODY                                                                                       \
    "\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"logprobs\": true, \"seed\": 1, " \
    "\"return_token_ids\": true, \"tools\": [{\"type\": \"function\", \"function\": {\"name\": "   \
    "\"sky\", \"parameters\": {\"type\": \"object\"}}}]"

enum { N_SPLITS = 10000 };

static const char *const texts[] = {
    "Hello you, d\xc3\xa9j\xc3\xa0 vu \xf0\x9f\x90\xad! \"quoted\"\n\ttwo lines \\ one\x01",
    "<think>I must think.\nMuch.</think>So: 42.",
    "<think>Sky?</think>Let me see.<|tool_call_start|>[sky(city=\"\xc3\x85s\", n=[1, 2.50])]"
    "<|tool_call_end|>",
    "<|tool_call_start|>[sky(city='a \"b\"'), sky(city='c', deep={'x': None})]<|tool_call_end|> "
    "and then some",
    "<|tool_call_start|>{\"name\": \"sky\", \"arguments\": {\"city\": \"Oslo\"}}<|tool_call_end|>",
    "broken <|tool_call_start|>[sky(city=<|tool_call_end|> goes on",
    "",
};

static uint64_t random_state = 88172645463325252;

static size_t random_below(size_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return n > 0 ? (size_t)(random_state % n) : 0;
}

/* ---- a model's text into events ----------------------------------------------------------- */

static size_t n_calls;

static void on_reply(void *context, const weir_reply_event *event) {
    (void)context;
    static const weir_piece kinds[] = {[WEIR_REPLY_CONTENT] = WEIR_PIECE_CONTENT,
                                       [WEIR_REPLY_REASONING] = WEIR_PIECE_REASONING,
                                       [WEIR_REPLY_CALL] = WEIR_PIECE_CALL,
                                       [WEIR_REPLY_WARNING] = WEIR_PIECE_WARNING,
                                       [WEIR_REPLY_CALL_NAME] = WEIR_PIECE_CALL_NAME,
                                       [WEIR_REPLY_CALL_ARGUMENTS] = WEIR_PIECE_CALL_ARGUMENTS};
    const weir_job_events *events = &runner.events;
    if (event->kind != WEIR_REPLY_CALL) {
        events->on_piece(events->context, 0, kinds[event->kind], event->text, event->n);
        return;
    }
    weir_text_buffer call = {0};
    weir_text_buffer_say(&call, "{\"name\": ");
    weir_text_buffer_add_json(&call, event->text, event->n);
    weir_text_buffer_say(&call, ", \"arguments\": ");
    weir_text_buffer_add(&call, event->arguments, event->n_arguments);
    weir_text_buffer_say(&call, "}");
    events->on_piece(events->context, 0, WEIR_PIECE_CALL, call.data, call.n);
    weir_text_buffer_free(&call);
    n_calls++;
}

/* Up to the next beginning of a code point: the parser gets whole ones. */
static size_t cut(const char *text, size_t n) {
    size_t n_cut = 1 + random_below(random_below(2) ? 3 : n);
    while (n_cut < n && ((unsigned char)text[n_cut] & 0xc0) == 0x80)
        n_cut++;
    return n_cut < n ? n_cut : n;
}

/* Text, in which marks of calls are tokens. */
static void push(weir_reply *reply, const char *text, size_t n) {
    static const char *const marks[] = {"<|tool_call_start|>", "<|tool_call_end|>"};
    for (size_t i = 0; i < WEIR_COUNT(marks); i++)
        if (n == strlen(marks[i]) && memcmp(text, marks[i], n) == 0) {
            assert_int_equal(weir_reply_push_mark(reply, text, n, NULL), WEIR_STATUS_OK);
            return;
        }
    assert_int_equal(weir_reply_push(reply, text, n, NULL), WEIR_STATUS_OK);
}

/* As far as to the next mark; a mark is one piece. */
static size_t to_mark(const char *text, size_t n) {
    const char *mark = strstr(text, "<|");
    if (mark == text)
        return (size_t)(strstr(text, "|>") + 2 - text);
    return mark && (size_t)(mark - text) < n ? (size_t)(mark - text) : n;
}

/* The calls of such a reply are bound by a grammar, and so told while they are written. */
static bool are_calls_bound;

static void play_text(const char *text, bool is_cut) {
    static const char *const names[] = {"sky"};
    const weir_reply_options options = {.tool_names = names,
                                        .n_tool_names = 1,
                                        .marks_are_tokens = are_calls_bound,
                                        .streams_calls = runner.job.streams_calls,
                                        .on_event = on_reply};
    weir_reply *reply;
    size_t n = strlen(text);
    n_calls = 0;
    assert_int_equal(weir_reply_open(&reply, &options, NULL), WEIR_STATUS_OK);
    for (int32_t token = 40; n > 0; token++) {
        size_t n_cut = is_cut ? cut(text, n) : n;
        if (token < 44) /* the same tokens, whenever the text comes */
            play_token(0, token, -0.5f, NULL, 0);
        n_cut = are_calls_bound ? to_mark(text, n_cut) : n_cut;
        push(reply, text, n_cut);
        text += n_cut;
        n -= n_cut;
        for (token = n > 0 ? token : token + 1; n == 0 && token < 44; token++)
            play_token(0, token, -0.5f, NULL, 0);
    }
    assert_int_equal(weir_reply_finish(reply, NULL), WEIR_STATUS_OK);
    weir_reply_close(&reply);
    play_choice_end(0, n_calls > 0 ? WEIR_ANSWER_CALLS : WEIR_ANSWER_STOP, 4);
    play_end(WEIR_STATUS_OK, "");
}

/* ---- a stream put together ---------------------------------------------------------------- */

static void join(json_t *message, const char *name, const json_t *more) {
    const char *had = json_string_value(json_object_get(message, name));
    weir_text_buffer text = {0};
    weir_text_buffer_say(&text, had ? had : "");
    weir_text_buffer_say(&text, json_string_value(more));
    json_object_set_new(message, name, json_string(text.data));
    weir_text_buffer_free(&text);
}

static void join_call(json_t *calls, const json_t *delta) {
    size_t index = (size_t)json_integer_value(json_object_get(delta, "index"));
    const json_t *function = json_object_get(delta, "function");
    if (index == json_array_size(calls)) { /* the first of a call: who it is */
        assert_string_equal(json_string_value(json_object_get(delta, "type")), "function");
        json_t *call = json_object();
        json_object_set(call, "id", json_object_get(delta, "id"));
        json_object_set(call, "name", json_object_get(function, "name"));
        assert_true(json_is_string(json_object_get(call, "id")));
        json_array_append_new(calls, call);
    } else {
        assert_int_equal(index + 1, json_array_size(calls));
        assert_null(json_object_get(delta, "id"));
    }
    join(json_array_get(calls, index), "arguments", json_object_get(function, "arguments"));
}

/* {"content", "reasoning_content", "tool_calls": [{"name", "arguments"}], "finish", ...} */
static json_t *assemble(json_t *events) {
    json_t *whole =
        json_pack("{s:[], s:[], s:[], s:s}", "tool_calls", "tokens", "ids", "content", "");
    json_t *event, *item;
    size_t i;
    const char *key;
    json_array_foreach(events, i, event) {
        json_t *choice = at(event, "choices.0"), *delta = at(choice, "delta");
        assert_null(json_object_get(whole, "finish")); /* nothing comes behind the end */
        json_object_foreach(delta, key, item) {
            if (strcmp(key, "role") == 0)
                assert_int_equal(i, 0);
            else if (strcmp(key, "tool_calls") == 0)
                join_call(json_object_get(whole, "tool_calls"), json_array_get(item, 0));
            else
                join(whole, key, item);
        }
        if (!json_is_null(at(choice, "logprobs")))
            json_array_extend(json_object_get(whole, "tokens"), at(choice, "logprobs.content"));
        json_array_extend(json_object_get(whole, "ids"), json_object_get(choice, "token_ids"));
        if (!json_is_null(at(choice, "finish_reason")))
            json_object_set(whole, "finish", at(choice, "finish_reason"));
        if (json_object_get(event, "warnings"))
            json_object_set(whole, "warnings", json_object_get(event, "warnings"));
    }
    assert_non_null(json_object_get(whole, "finish"));
    return whole;
}

/* The same of a whole reply. */
static json_t *take_apart(json_t *reply) {
    json_t *choice = at(reply, "choices.0"), *message = at(choice, "message"), *call;
    json_t *calls = json_array(), *whole = json_object();
    size_t i;
    json_array_foreach(json_object_get(message, "tool_calls"), i, call) {
        json_array_append_new(calls, json_pack("{s:O, s:O, s:O}", "id", at(call, "id"), "name",
                                               at(call, "function.name"), "arguments",
                                               at(call, "function.arguments")));
    }
    json_t *content = json_object_get(message, "content");
    json_object_set_new(whole, "content",
                        json_is_null(content) ? json_string("") : json_incref(content));
    json_object_set_new(whole, "tool_calls", calls);
    if (json_object_get(message, "reasoning_content"))
        json_object_set(whole, "reasoning_content", json_object_get(message, "reasoning_content"));
    json_object_set(whole, "tokens", at(choice, "logprobs.content"));
    json_object_set(whole, "ids", at(choice, "token_ids"));
    json_object_set(whole, "finish", at(choice, "finish_reason"));
    if (json_object_get(reply, "warnings"))
        json_object_set(whole, "warnings", json_object_get(reply, "warnings"));
    return whole;
}

/* Ids of calls are drawn anew each time; all of them differ. */
static void forget_ids(json_t *whole) {
    json_t *calls = json_object_get(whole, "tool_calls"), *call;
    json_t *seen = json_object();
    size_t i;
    json_array_foreach(calls, i, call) {
        const char *id = json_string_value(json_object_get(call, "id"));
        assert_memory_equal(id, "call_", 5);
        assert_int_equal(strlen(id), 29);
        assert_null(json_object_get(seen, id));
        json_object_set_new(seen, id, json_true());
        json_object_del(call, "id");
    }
    json_decref(seen);
}

static json_t *whole_of(const char *text) {
    ask(weir_handle_chat, "{" BODY "}");
    play_text(text, false);
    json_t *reply = reply_json(), *whole = take_apart(reply);
    json_decref(reply);
    forget_ids(whole);
    return whole;
}

static json_t *stream_of(const char *text) {
    bool is_done;
    size_t n_comments;
    ask(weir_handle_chat, "{" BODY ", \"stream\": true}");
    play_text(text, true);
    json_t *events = stream_events(&is_done, &n_comments);
    assert_true(is_done && n_comments == 0);
    json_t *whole = assemble(events);
    json_decref(events);
    forget_ids(whole);
    return whole;
}

static void test_any_split(void **state) {
    (void)state;
    for (size_t t = 0; t < WEIR_COUNT(texts); t++) {
        json_t *expected = whole_of(texts[t]);
        for (size_t i = 0; i < N_SPLITS / WEIR_COUNT(texts) + 1; i++) {
            json_t *got = stream_of(texts[t]);
            if (!json_equal(got, expected)) {
                char *a = json_dumps(expected, 0), *b = json_dumps(got, 0);
                fail_msg("%s\nis as a stream\n%s", a, b);
            }
            json_decref(got);
        }
        json_decref(expected);
    }
}

/* Calls that a grammar binds are told while they are written, and are the same in the end. */
static void test_bound_calls(void **state) {
    (void)state;
    are_calls_bound = true;
    for (size_t t = 2; t < 4; t++) {
        json_t *expected = whole_of(texts[t]);
        assert_false(runner.job.streams_calls);
        for (size_t i = 0; i < 1000; i++) {
            json_t *got = stream_of(texts[t]);
            assert_true(runner.job.are_calls_bound && runner.job.streams_calls);
            if (!json_equal(got, expected))
                fail_msg("%s\nis as a stream\n%s", json_dumps(expected, 0), json_dumps(got, 0));
            json_decref(got);
        }
        json_decref(expected);
    }
    are_calls_bound = false;
}

/* What the texts say is what they were made for: the property would hold of nothing as well. */
static void test_what_is_said(void **state) {
    (void)state;
    json_t *whole = whole_of(texts[1]);
    assert_string_equal(string_at(whole, "reasoning_content"), "I must think.\nMuch.");
    assert_string_equal(string_at(whole, "content"), "So: 42.");
    assert_int_equal(json_array_size(at(whole, "ids")), 4);
    json_decref(whole);
    whole = whole_of(texts[3]);
    assert_int_equal(json_array_size(at(whole, "tool_calls")), 2);
    json_t *arguments = json_loads(string_at(whole, "tool_calls.1.arguments"), 0, NULL);
    assert_true(json_is_null(at(arguments, "deep.x")));
    assert_string_equal(string_at(whole, "finish"), "tool_calls");
    json_decref(arguments);
    json_decref(whole);
}

/* Choices of one stream mix; each ends once, and the job's numbers come with the last end. */
static void test_two_choices(void **state) {
    (void)state;
    bool is_done;
    size_t n_comments, i;
    ask(weir_handle_chat, "{" BODY ", \"stream\": true, \"n\": 2, "
                          "\"stream_options\": {\"include_usage\": true}}");
    play_progress(1);
    play_piece(1, WEIR_PIECE_CONTENT, "b");
    play_piece(0, WEIR_PIECE_CONTENT, "a");
    play_choice_end(1, WEIR_ANSWER_LENGTH, 5);
    play_piece(0, WEIR_PIECE_CONTENT, "A");
    play_choice_end(0, WEIR_ANSWER_STOP, 6);
    play_end(WEIR_STATUS_OK, "");
    json_t *events = stream_events(&is_done, &n_comments), *event;
    assert_true(is_done && n_comments == 1);
    size_t n_roles = 0, n_ends = 0, n = json_array_size(events);
    json_array_foreach(events, i, event) {
        if (i + 1 == n)
            break;
        n_roles += json_object_get(at(event, "choices.0.delta"), "role") != NULL;
        n_ends += json_is_string(at(event, "choices.0.finish_reason"));
        assert_true((json_object_get(event, "weir") != NULL) == (i + 2 == n));
        assert_true(json_is_null(at(event, "usage")));
        assert_string_equal(string_at(event, "object"), "chat.completion.chunk");
    }
    assert_true(n_roles == 2 && n_ends == 2);
    event = json_array_get(events, n - 1);
    assert_int_equal(integer_at(event, "usage.completion_tokens"), 11);
    assert_int_equal(json_array_size(at(event, "choices")), 0);
    json_decref(events);
}

static void test_broken_stream(void **state) {
    (void)state;
    bool is_done;
    size_t n_comments;
    ask(weir_handle_chat, "{" BODY ", \"stream\": true}");
    play_piece(0, WEIR_PIECE_CONTENT, "b");
    play_end(WEIR_STATUS_NO_MEMORY, "it broke");
    json_t *events = stream_events(&is_done, &n_comments);
    assert_false(is_done);
    assert_string_equal(string_at(events, "2.error.message"), "it broke");
    json_decref(events);
    ask(weir_handle_chat, "{" BODY ", \"stream\": true}");
    play_end(WEIR_STATUS_FAILED, "before it began");
    assert_int_equal(exchange.http_status, 500);
    assert_false(exchange.is_stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_said),  cmocka_unit_test(test_any_split),
        cmocka_unit_test(test_bound_calls),   cmocka_unit_test(test_two_choices),
        cmocka_unit_test(test_broken_stream),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
