/*
 * test_messages_api.c: the Messages API: requests into jobs, jobs' events into replies and streams.
 */
#include "api_fixture.h"

static const char path[] = "/v1/messages";

#define USER_HI "\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]"
#define WEATHER                                                                        \
    "\"tools\": [{\"name\": \"get_weather\", \"description\": \"Tells the weather\", " \
    "\"input_schema\": {\"type\": \"object\", \"properties\": {\"city\": {\"type\": "  \
    "\"string\"}}}}]"
#define CALL "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\", \"n\": 1.0}}"
#define RAW  "Let me see.<|tool_call_start|>[get_weather(city=\"Oslo\", n=1.0)]<|tool_call_end|>"

static void post(const char *members) {
    static char body[8192];
    snprintf(body, sizeof body, "{\"model\": \"weir-nano\", \"max_tokens\": 50, %s}", members);
    ask("POST", path, body);
}

/* ---- whole replies -------------------------------------------------------------------------- */

static void test_whole(void **state) {
    (void)state;
    post(USER_HI ", \"system\": [{\"type\": \"text\", \"text\": \"Be kind.\"}], \"temperature\": "
                 "0.5, \"top_k\": 7, \"top_p\": 0.9, \"metadata\": {\"user_id\": \"u\"}");
    assert_prompted("Be kind.");
    assert_prompted("user\nHi");
    assert_int_equal(runner.job.settings.max_tokens, 50);
    assert_int_equal(runner.job.settings.sampling.top_k, 7);
    assert_true(runner.job.settings.sampling.temperature == 0.5f);
    play_progress(0, 5);
    play_piece(WEIR_PIECE_CONTENT, "Hello ");
    play_piece(WEIR_PIECE_CONTENT, "\"you\".\n");
    play_answer_end(WEIR_ANSWER_STOP, -1, "", NULL, true);
    play_end(WEIR_STATUS_OK, "");
    assert_int_equal(exchange.http_status, 200);
    assert_written("{\"id\": \"msg_1\", \"type\": \"message\", \"role\": \"assistant\", \"model\": "
                   "\"weir-nano\", \"content\": [{\"type\": \"text\", \"text\": \"Hello "
                   "\\\"you\\\".\\n\"}], \"stop_reason\": \"end_turn\", \"stop_sequence\": null, "
                   "\"usage\": {\"input_tokens\": 15, \"cache_creation_input_tokens\": 0, "
                   "\"cache_read_input_tokens\": 5, \"output_tokens\": 9}, " OWN "}");
}

static void assert_stop_reason(weir_answer_end end, int stop_string, const char *reason,
                               const char *sequence) {
    post(USER_HI ", \"stop_sequences\": [\"A\", \"B\\n\"]");
    assert_int_equal(runner.job.settings.n_stop, 2);
    play_answer_end(end, stop_string, "", NULL, true);
    play_end(WEIR_STATUS_OK, "");
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "stop_reason"), reason);
    if (sequence)
        assert_string_equal(string_at(json, "stop_sequence"), sequence);
    else
        assert_true(json_is_null(at(json, "stop_sequence")));
    /* Clients read the text of the first block of any answer. */
    assert_string_equal(string_at(json, "content.0.text"), "");
    json_decref(json);
}

static void test_stop_reasons(void **state) {
    (void)state;
    assert_stop_reason(WEIR_ANSWER_STOP, -1, "end_turn", NULL);
    assert_stop_reason(WEIR_ANSWER_STOP, 1, "stop_sequence", "B\n");
    assert_stop_reason(WEIR_ANSWER_LENGTH, -1, "max_tokens", NULL);
    assert_stop_reason(WEIR_ANSWER_FULL, -1, "model_context_window_exceeded", NULL);
    assert_stop_reason(WEIR_ANSWER_CALLS, -1, "tool_use", NULL);
}

static void test_warnings(void **state) {
    (void)state;
    post(USER_HI ", \"no_such_field\": 1");
    play_piece(WEIR_PIECE_WARNING, "something was repaired");
    play_piece(WEIR_PIECE_CONTENT, "x");
    play_answer_end(WEIR_ANSWER_STOP, -1, "x", NULL, true);
    play_end(WEIR_STATUS_OK, "");
    json_t *json = reply_json();
    assert_non_null(strstr(string_at(json, "warnings.0"), "no_such_field"));
    assert_string_equal(string_at(json, "warnings.1"), "something was repaired");
    json_decref(json);
    service.is_strict = true;
    assert_refused("POST", path, "{\"max_tokens\": 5, " USER_HI ", \"no_such_field\": 1}", 400,
                   "no_such_field");
    service.is_strict = false;
}

/* ---- streams -------------------------------------------------------------------------------- */

#define EVENT(name, data) "event: " name "\ndata: {\"type\": \"" name "\"" data "}\n\n"
#define START                                                                           \
    EVENT("message_start",                                                              \
          ", \"message\": {\"id\": \"msg_1\", \"type\": \"message\", \"role\": "        \
          "\"assistant\", \"model\": \"weir-nano\", \"content\": [], \"stop_reason\": " \
          "null, \"stop_sequence\": null, \"usage\": {\"input_tokens\": %zu, "          \
          "\"cache_creation_input_tokens\": 0, \"cache_read_input_tokens\": 5, "        \
          "\"output_tokens\": 0}}")
#define USAGE                                                                \
    "\"usage\": {\"input_tokens\": 15, \"cache_creation_input_tokens\": 0, " \
    "\"cache_read_input_tokens\": 5, \"output_tokens\": 9}, " OWN

static void assert_stream(const char *expected) {
    char text[16384];
    int n = snprintf(text, sizeof text, START, runner.job.prompt[0].n_ids - 5);
    snprintf(text + n, sizeof text - (size_t)n, "%s", expected);
    assert_string_equal(exchange.type, "text/event-stream");
    assert_written(text);
    json_decref(stream_events());
}

static void test_stream(void **state) {
    (void)state;
    post(USER_HI ", \"stream\": true");
    play_progress(0, 5);
    play_progress(6, 5);
    play_piece(WEIR_PIECE_CONTENT, "Hel");
    play_piece(WEIR_PIECE_CONTENT, "lo\n");
    play_answer_end(WEIR_ANSWER_STOP, -1, "Hello\n", NULL, true);
    play_end(WEIR_STATUS_OK, "");
    assert_stream(
        EVENT("ping",
              "") EVENT("content_block_start",
                        ", \"index\": 0, \"content_block\": {\"type\": \"text\", \"text\": \"\"}")
            EVENT("content_block_delta",
                  ", \"index\": 0, \"delta\": {\"type\": \"text_delta\", \"text\": \"Hel\"}")
                EVENT("content_block_delta",
                      ", \"index\": 0, \"delta\": {\"type\": \"text_delta\", \"text\": \"lo\\n\"}")
                    EVENT("content_block_stop", ", \"index\": 0")
                        EVENT("message_delta", ", \"delta\": {\"stop_reason\": \"end_turn\", "
                                               "\"stop_sequence\": null}, " USAGE)
                            EVENT("message_stop", ""));
}

static void test_stream_of_all_kinds(void **state) {
    (void)state;
    post(USER_HI ", \"stream\": true, " WEATHER);
    play_progress(0, 5);
    play_piece(WEIR_PIECE_REASONING, "Hm.");
    play_piece(WEIR_PIECE_CONTENT, "Let me see.");
    play_piece(WEIR_PIECE_CALL, CALL);
    play_piece(WEIR_PIECE_CALL, "{\"name\": \"get_weather\", \"arguments\": {}}");
    play_answer_end(WEIR_ANSWER_CALLS, -1, "Let me see.", RAW, true);
    play_end(WEIR_STATUS_OK, "");
    assert_stream(
        EVENT("ping", "") EVENT("content_block_start",
                                ", \"index\": 0, \"content_block\": {\"type\": \"thinking\", "
                                "\"signature\": \"\", \"thinking\": \"\"}")
            EVENT(
                "content_block_delta",
                ", \"index\": 0, \"delta\": {\"type\": \"thinking_delta\", \"thinking\": \"Hm.\"}")
                EVENT("content_block_stop", ", \"index\": 0") EVENT(
                    "content_block_start",
                    ", \"index\": 1, \"content_block\": {\"type\": \"text\", \"text\": \"\"}")
                    EVENT("content_block_delta",
                          ", \"index\": 1, \"delta\": {\"type\": \"text_delta\", \"text\": \"Let "
                          "me see.\"}") EVENT("content_block_stop", ", \"index\": 1")
                        EVENT("content_block_start",
                              ", \"index\": 2, \"content_block\": {\"type\": \"tool_use\", "
                              "\"id\": \"toolu_2\", \"name\": \"get_weather\", "
                              "\"input\": {}}")
                            EVENT("content_block_delta",
                                  ", \"index\": 2, \"delta\": {\"type\": \"input_json_delta\", "
                                  "\"partial_json\": "
                                  "\"{\\\"city\\\": \\\"Oslo\\\", \\\"n\\\": 1.0}\"}")
                                EVENT("content_block_stop", ", \"index\": 2") EVENT(
                                    "content_block_start",
                                    ", \"index\": 3, \"content_block\": {\"type\": \"tool_use\", "
                                    "\"id\": \"toolu_3\", \"name\": \"get_weather\", "
                                    "\"input\": {}}")
                                    EVENT("content_block_delta",
                                          ", \"index\": 3, \"delta\": {\"type\": "
                                          "\"input_json_delta\", \"partial_json\": \"{}\"}")
                                        EVENT("content_block_stop", ", \"index\": 3")
                                            EVENT("message_delta",
                                                  ", \"delta\": {\"stop_reason\": \"tool_use\", "
                                                  "\"stop_sequence\": null}, " USAGE)
                                                EVENT("message_stop", ""));
}

/* An answer without a word still has a block, as a whole reply has. */
static void test_stream_of_nothing(void **state) {
    (void)state;
    post(USER_HI ", \"stream\": true");
    play_progress(0, 5);
    play_answer_end(WEIR_ANSWER_STOP, -1, "", NULL, true);
    play_end(WEIR_STATUS_OK, "");
    assert_stream(EVENT("ping", "") EVENT(
        "content_block_start",
        ", \"index\": 0, \"content_block\": {\"type\": \"text\", \"text\": \"\"}")
                      EVENT("content_block_stop", ", \"index\": 0")
                          EVENT("message_delta", ", \"delta\": {\"stop_reason\": \"end_turn\", "
                                                 "\"stop_sequence\": null}, " USAGE)
                              EVENT("message_stop", ""));
}

/* However an answer comes in pieces: the same blocks, in a stream and whole. */
static json_t *play_split(bool is_stream, unsigned seed) {
    static const struct {
        weir_piece kind;
        const char *text;
    } parts[] = {{WEIR_PIECE_REASONING, "Wait: \"x\"\\ \n\t and \xc3\xa4."},
                 {WEIR_PIECE_CONTENT, "One \xe2\x82\xac two.\n\n{\"a\": 1}"},
                 {WEIR_PIECE_CALL, CALL},
                 {WEIR_PIECE_CONTENT, "Behind it."}};
    post(is_stream ? USER_HI ", \"stream\": true, " WEATHER : USER_HI ", " WEATHER);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n = strlen(parts[i].text), n_one;
        for (size_t from = 0; from < n; from += n_one) {
            seed = seed * 1103515245 + 12345;
            n_one = parts[i].kind == WEIR_PIECE_CALL ? n : 1 + (seed >> 16) % 7;
            n_one = n_one < n - from ? n_one : n - from;
            while (from + n_one < n && (parts[i].text[from + n_one] & 0xc0) == 0x80)
                n_one++;
            play_text(parts[i].kind, parts[i].text + from, n_one);
        }
    }
    play_answer_end(WEIR_ANSWER_CALLS, -1, "", NULL, true);
    play_end(WEIR_STATUS_OK, "");
    return is_stream ? stream_events() : reply_json();
}

/* The content of a whole reply out of events, without ids. */
static json_t *assemble(json_t *events) {
    json_t *content = json_array(), *event;
    char input[256] = "";
    size_t i;
    json_array_foreach(events, i, event) {
        const char *type = string_at(event, "type");
        json_t *block = json_array_get(content, json_array_size(content) - 1);
        if (strcmp(type, "content_block_start") == 0) {
            assert_int_equal(integer_at(event, "index"), json_array_size(content));
            json_array_append_new(content, json_deep_copy(at(event, "content_block")));
            input[0] = 0;
        } else if (strcmp(type, "content_block_delta") == 0) {
            json_t *delta = at(event, "delta"), *json = json_object_get(delta, "partial_json");
            const char *name = json_object_get(delta, "text") ? "text" : "thinking";
            if (json) {
                strncat(input, json_string_value(json), sizeof input - strlen(input) - 1);
                json_object_set_new(block, "input", json_loads(input, 0, NULL));
                continue;
            }
            json_object_set_new(
                block, name, json_sprintf("%s%s", string_at(block, name), string_at(delta, name)));
        }
    }
    return content;
}

static void forget_ids(json_t *content) {
    size_t i;
    json_t *block;
    json_array_foreach(content, i, block) {
        json_object_del(block, "id");
    }
}

static void test_splits(void **state) {
    (void)state;
    json_t *whole = play_split(false, 0), *content = at(whole, "content");
    assert_int_equal(json_array_size(content), 4);
    forget_ids(content);
    for (unsigned seed = 1; seed <= 50; seed++) {
        json_t *events = play_split(true, seed), *assembled = assemble(events);
        forget_ids(assembled);
        assert_true(json_equal(assembled, content));
        json_decref(assembled);
        json_decref(events);
    }
    json_decref(whole);
}

/* ---- failures ------------------------------------------------------------------------------- */

static void test_failures(void **state) {
    (void)state;
    post(USER_HI ", \"stream\": true");
    play_end(WEIR_STATUS_FAILED, "the engine broke");
    assert_int_equal(exchange.http_status, 500);
    assert_written("{\"type\": \"error\", \"error\": {\"type\": \"api_error\", \"message\": \"the "
                   "engine broke\"}, \"request_id\": \"req_test\"}");
    post(USER_HI);
    play_end(WEIR_STATUS_CANCELLED, "");
    assert_int_equal(exchange.http_status, 503);
    post(USER_HI ", \"stream\": true");
    play_piece(WEIR_PIECE_CONTENT, "Hel");
    play_end(WEIR_STATUS_FAILED, "the engine broke");
    const char *text = written_plain();
    assert_non_null(strstr(text, "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": "
                                 "\"api_error\", \"message\": \"the engine broke\"}, "
                                 "\"request_id\": \"req_test\"}\n\n"));
    assert_null(strstr(text, "message_stop"));
    runner.status = WEIR_STATUS_FULL;
    post(USER_HI);
    assert_int_equal(exchange.http_status, 429);
    assert_string_equal(exchange.retry_after, "3");
    runner.status = WEIR_STATUS_OK;
}

static void test_client_leaves(void **state) {
    (void)state;
    post(USER_HI ", \"stream\": true");
    play_piece(WEIR_PIECE_CONTENT, "Hel");
    exchange.is_gone = true;
    exchange.on_gone(exchange.context);
    assert_int_equal(runner.cancelled, FIXTURE_JOB);
    play_end(WEIR_STATUS_CANCELLED, "");
    /* Before the job has a number. */
    runner.cancelled = 0;
    post(USER_HI);
    assert_int_equal(runner.cancelled, FIXTURE_JOB);
    play_end(WEIR_STATUS_CANCELLED, "");
    exchange.is_gone = false;
    runner.cancelled = 0;
}

/* ---- conversations -------------------------------------------------------------------------- */

#define ANSWER(input)                                                                         \
    "{\"role\": \"assistant\", \"content\": [{\"type\": \"thinking\", \"thinking\": \"Hm\", " \
    "\"signature\": \"\"}, {\"type\": \"text\", \"text\": \"Let me see.\"}, {\"type\": "      \
    "\"tool_use\", \"id\": \"%s\", \"name\": \"get_weather\", \"input\": " input "}]}"
#define RESULT                                                                                 \
    "{\"role\": \"user\", \"content\": [{\"type\": \"tool_result\", \"tool_use_id\": \"%s\", " \
    "\"content\": [{\"type\": \"text\", \"text\": \"rain\"}]}, {\"type\": \"text\", "          \
    "\"text\": \"So?\"}]}"

/* The turn behind a call, whose input the client has written like this. */
#define POST_TURN(input, id)                                                          \
    do {                                                                              \
        char members[2048];                                                           \
        snprintf(members, sizeof members,                                             \
                 "\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}, " ANSWER( \
                     input) ", " RESULT "], " WEATHER,                                \
                 id, id);                                                             \
        post(members);                                                                \
    } while (0)

/* An answer with a call, which is put back into the next turn as the model wrote it. */
static void test_tools(void **state) {
    (void)state;
    char id[64];
    post(USER_HI ", " WEATHER ", \"tool_choice\": {\"type\": \"auto\", "
                 "\"disable_parallel_tool_use\": true}");
    assert_prompted("get_weather");
    assert_int_equal(runner.job.tools.n_names, 1);
    play_piece(WEIR_PIECE_CONTENT, "Let me see.");
    play_piece(WEIR_PIECE_CALL, CALL);
    play_answer_end(WEIR_ANSWER_CALLS, -1, "Let me see.", RAW, true);
    play_end(WEIR_STATUS_OK, "");
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "content.1.input.city"), "Oslo");
    snprintf(id, sizeof id, "%s", string_at(json, "content.1.id"));
    json_decref(json);
    /* Clients write the input anew: other spaces, another order. */
    POST_TURN("{\"n\":1.0,\"city\":\"Oslo\"}", id);
    assert_prompted(RAW);
    assert_prompted("rain");
    assert_prompted("user\nSo?");
    play_end(WEIR_STATUS_CANCELLED, "");
    /* The same where the template has no room for calls but in the text of an answer. */
    weir_template_form form = service.host->form;
    service.host->form = (weir_template_form){.renders_tools = true};
    POST_TURN("{\"n\":1.0,\"city\":\"Oslo\"}", id);
    assert_prompted("assistant\n" RAW);
    play_end(WEIR_STATUS_CANCELLED, "");
    service.host->form = form;
    /* Somebody changed the call: what the model wrote is no longer what was said. */
    POST_TURN("{\"city\":\"Rome\"}", id);
    assert_prompted("Rome");
    assert_null(strstr(prompt_text(), "Oslo"));
    play_end(WEIR_STATUS_CANCELLED, "");
}

/* An answer that the client begins is gone on with. */
static void test_opening(void **state) {
    (void)state;
    post("\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", "
         "\"content\": \"My name is <|im_end|>\"}]");
    const char *text = prompt_text(), *end = "assistant\nMy name is <|im_end|>";
    assert_string_equal(text + strlen(text) - strlen(end), end);
    const weir_prompt *prompt = &runner.job.prompt[0];
    assert_int_not_equal(prompt->ids[prompt->n_ids - 1],
                         weir_host_token(service.host, "<|im_end|>"));
    play_end(WEIR_STATUS_CANCELLED, "");
}

static void test_thinking(void **state) {
    (void)state;
    post(USER_HI ", \"thinking\": {\"type\": \"enabled\", \"budget_tokens\": 30}");
    assert_int_equal(runner.job.settings.think_budget, 30);
    play_end(WEIR_STATUS_CANCELLED, "");
    post(USER_HI ", \"thinking\": {\"type\": \"disabled\"}");
    assert_int_equal(runner.job.settings.think, WEIR_THINK_OFF);
    play_end(WEIR_STATUS_CANCELLED, "");
    post(USER_HI ", \"thinking\": {\"type\": \"adaptive\", \"display\": \"omitted\"}");
    play_piece(WEIR_PIECE_REASONING, "secret");
    play_piece(WEIR_PIECE_CONTENT, "said");
    play_answer_end(WEIR_ANSWER_STOP, -1, "said", NULL, true);
    play_end(WEIR_STATUS_OK, "");
    assert_null(strstr(exchange.out.data, "secret"));
    assert_non_null(strstr(exchange.out.data, "said"));
}

static void test_count(void **state) {
    (void)state;
    post(USER_HI ", " WEATHER);
    size_t n = runner.job.prompt[0].n_ids;
    play_end(WEIR_STATUS_CANCELLED, "");
    ask("POST", "/v1/messages/count_tokens", "{" USER_HI ", " WEATHER "}");
    json_t *json = reply_json();
    assert_int_equal(integer_at(json, "input_tokens"), n);
    json_decref(json);
}

/* What is too long to be answered is counted, and refused with the words that clients look for. */
static void test_too_long(void **state) {
    (void)state;
    char body[8192] = "{\"max_tokens\": 5, \"messages\": [{\"role\": \"user\", \"content\": \"";
    for (size_t i = 0; i < 1000; i++)
        strcat(body, "fox ");
    strcat(body, "\"}]}");
    assert_refused("POST", path, body, 400, "prompt is too long: the prompt has ");
    ask("POST", "/v1/messages/count_tokens", body);
    assert_int_equal(exchange.http_status, 200);
    json_t *json = reply_json();
    assert_true(integer_at(json, "input_tokens") > 512);
    json_decref(json);
}

/* The name of the field before it became part of output_config. */
static void test_output_format(void **state) {
    (void)state;
    post(USER_HI ", \"output_format\": {\"type\": \"json_schema\", "
                 "\"schema\": {\"type\": \"integer\"}}");
    assert_non_null(runner.job.grammar);
    assert_int_equal(weir_grammar_check(runner.job.grammar, "12", 2, NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_grammar_check(runner.job.grammar, "x", 1, NULL), WEIR_STATUS_FAILED);
    play_end(WEIR_STATUS_CANCELLED, "");
}

/* Then all numbers of the body are read as doubles, whose fault it is not. */
static void test_integer_beyond_64_bits(void **state) {
    (void)state;
    post(USER_HI ", \"top_k\": 7, \"no_such_field\": 18446744073709551616");
    assert_int_equal(runner.job.settings.max_tokens, 50);
    assert_int_equal(runner.job.settings.sampling.top_k, 7);
    play_end(WEIR_STATUS_CANCELLED, "");
    assert_refused("POST", path, "{\"max_tokens\": 5.5, " USER_HI "}", 400, "max_tokens");
    assert_refused("POST", path, "{\"max_tokens\": \"5\", " USER_HI "}", 400, "max_tokens");
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"{" USER_HI "}", "max_tokens"},
        {"[1]", "expected a JSON object"},
        {"{\"max_tokens\": 5}", "messages: expected a list"},
        {"{\"max_tokens\": 5, \"messages\": [{\"role\": \"system\", \"content\": \"x\"}]}",
         "messages[0].role"},
        {"{\"max_tokens\": 5, \"messages\": [\"x\"]}", "messages[0]"},
        {"{\"max_tokens\": 5, \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": "
         "\"text\", \"text\": \"x\"}, {\"type\": \"image\", \"source\": {}}]}]}",
         "messages[0].content[1]: blocks of type 'image' cannot be read"},
        {"{\"max_tokens\": 5, \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": "
         "\"tool_result\", \"tool_use_id\": \"t\", \"content\": [{\"type\": \"image\"}]}]}]}",
         "messages[0].content[0].content[0]: blocks of type 'image'"},
        {"{\"max_tokens\": 5, \"messages\": [{\"role\": \"assistant\", \"content\": [{\"type\": "
         "\"tool_use\", \"id\": \"t\", \"name\": \"f\", \"input\": {}}]}]}",
         "their results are missing"},
        {"{\"max_tokens\": 5, \"messages\": [{\"role\": \"assistant\", \"content\": [{\"type\": "
         "\"tool_use\", \"id\": \"t\", \"name\": \"f\", \"input\": 3}]}, {\"role\": \"user\", "
         "\"content\": \"x\"}]}",
         "messages[0].content"},
        {"{\"max_tokens\": 5, " USER_HI ", \"tools\": [{\"type\": \"bash_20250124\", \"name\": "
         "\"bash\"}]}",
         "tools[0]: tools of type 'bash_20250124'"},
        {"{\"max_tokens\": 5, " USER_HI ", \"tools\": [{\"name\": \"f\"}]}", "input_schema"},
        {"{\"max_tokens\": 5, " USER_HI ", \"tool_choice\": {\"type\": \"any\"}}", "no tools"},
        {"{\"max_tokens\": 5, " USER_HI ", " WEATHER ", \"tool_choice\": {\"type\": \"tool\", "
         "\"name\": \"g\"}}",
         "no tool 'g'"},
        {"{\"max_tokens\": 5, " USER_HI ", " WEATHER ", \"tool_choice\": {\"type\": \"all\"}}",
         "tool_choice"},
        {"{\"max_tokens\": 5, " USER_HI ", \"stop_sequences\": [\"\"]}", "stop_sequences[0]"},
        {"{\"max_tokens\": 5, " USER_HI ", \"stop_sequences\": [\"\\u0000\"]}",
         "stop_sequences[0]"},
        {"{\"max_tokens\": 5, " USER_HI ", \"thinking\": {\"type\": \"on\"}}", "thinking.type"},
        {"{\"max_tokens\": 5, " USER_HI ", \"mcp_servers\": [{}]}", "mcp_servers"},
        {"{\"max_tokens\": 5, " USER_HI ", \"container\": \"c\"}", "container"},
        {"{\"max_tokens\": 5, " USER_HI ", \"n\": 2}", "one answer"},
        {"{\"max_tokens\": 5, " USER_HI ", \"output_config\": {\"format\": {\"type\": \"xml\"}}}",
         "output_config.format"},
        {"{\"max_tokens\": 5, " USER_HI ", \"output_config\": {\"format\": {\"type\": "
         "\"json_schema\", \"schema\": {\"type\": \"object\", \"properties\": {\"a\": {\"not\": "
         "{\"type\": \"string\"}}}}}}}",
         "output_config.format.schema: #/properties/a"},
        {"{\"max_tokens\": 5, " USER_HI ", \"system\": [{\"type\": \"image\"}]}", "system[0]"},
        {"{\"max_tokens\": 5, " USER_HI ", \"output_config\": 5}",
         "output_config: expected an object"},
        {"{\"max_tokens\": 5, " USER_HI ", \"output_format\": {\"type\": \"xml\"}}",
         "output_format: expected"},
        {"{\"max_tokens\": 5, " USER_HI ", \"output_config\": {\"format\": {\"type\": "
         "\"json_schema\", \"schema\": {}}}, \"output_format\": {\"type\": \"json_schema\", "
         "\"schema\": {}}}",
         "output_format: output_config.format says already"},
        {"{\"max_tokens\": 5, " USER_HI ", \"metadata\": {\"user_id\": 5}}",
         "metadata.user_id: expected a text"},
        {"{\"max_tokens\": 5, " USER_HI ", \"tools\": [{\"name\": \"f\", \"input_schema\": {}, "
         "\"description\": 5}]}",
         "tools[0].description: expected a string"},
        {"{\"max_tokens\": 5, " USER_HI ", \"tools\": [{\"name\": \"f\", \"input_schema\": {}}, "
         "{\"name\": \"f\", \"input_schema\": {}}]}",
         "tools[1]: another tool has this name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_refused("POST", path, cases[i].body, 400, cases[i].words);
        json_t *json = reply_json();
        assert_string_equal(string_at(json, "type"), "error");
        assert_string_equal(string_at(json, "error.type"), "invalid_request_error");
        json_decref(json);
    }
    assert_refused("GET", path, "", 405, "GET cannot be used");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_stop_reasons),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_of_all_kinds),
        cmocka_unit_test(test_stream_of_nothing),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_client_leaves),
        cmocka_unit_test(test_tools),
        cmocka_unit_test(test_opening),
        cmocka_unit_test(test_thinking),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_output_format),
        cmocka_unit_test(test_integer_beyond_64_bits),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
