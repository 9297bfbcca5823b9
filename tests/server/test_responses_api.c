/*
 * test_responses_api.c: the Responses API: items into jobs, jobs' events into items and streams,
 * and responses that are kept.
 */
#include "api_fixture.h"

static const char path[] = "/v1/responses";

#define WEATHER                                                                                    \
    "\"tools\": [{\"type\": \"function\", \"name\": \"get_weather\", \"description\": \"Tells\", " \
    "\"parameters\": {\"type\": \"object\",\n \"properties\": {\"city\": {\"type\": "              \
    "\"string\"}}}, \"strict\": true}]"
#define CALL "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\", \"n\": 1.0}}"
#define RAW  "Let me see.<|tool_call_start|>[get_weather(city=\"Oslo\", n=1.0)]<|tool_call_end|>"

static void post(const char *members) {
    static char body[8192];
    snprintf(body, sizeof body, "{\"model\": \"weir-nano\", %s}", members);
    ask("POST", path, body);
}

static void end_answer(weir_answer_end how, const char *content, const char *raw) {
    play_answer_end(how, -1, content, raw, true);
    play_end(WEIR_STATUS_OK, "");
}

/* A whole answer of this text; its id. */
static const char *answer(const char *members, const char *text) {
    static char id[64];
    post(members);
    play_piece(WEIR_PIECE_CONTENT, text);
    end_answer(WEIR_ANSWER_STOP, text, NULL);
    json_t *json = reply_json();
    snprintf(id, sizeof id, "%s", string_at(json, "id"));
    json_decref(json);
    return id;
}

/* ---- whole replies -------------------------------------------------------------------------- */

#define ECHO(stored)                                                                              \
    ", \"instructions\": null, \"max_output_tokens\": null, \"metadata\": {}, "                   \
    "\"parallel_tool_calls\": true, \"previous_response_id\": null, \"reasoning\": {\"effort\": " \
    "null, \"summary\": null}, \"text\": {\"format\": {\"type\": \"text\"}}, \"tool_choice\": "   \
    "\"auto\", \"tools\": [], \"user\": null, \"store\": " stored ", \"temperature\": 0, "        \
    "\"top_p\": 1, \"background\": false, \"max_tool_calls\": null, \"service_tier\": "           \
    "\"default\", \"top_logprobs\": 0, \"truncation\": \"disabled\""
#define USAGE                                                                      \
    "{\"input_tokens\": 20, \"input_tokens_details\": {\"cached_tokens\": 5}, "    \
    "\"output_tokens\": 9, \"output_tokens_details\": {\"reasoning_tokens\": 2}, " \
    "\"total_tokens\": 29}, " OWN

static void test_whole(void **state) {
    (void)state;
    post("\"input\": \"Hi \\\"you\\\"\", \"store\": false");
    assert_prompted("user\nHi \"you\"");
    assert_int_equal(runner.job.n_choices, 1);
    play_progress(0, 5);
    play_piece(WEIR_PIECE_CONTENT, "Hel");
    play_piece(WEIR_PIECE_CONTENT, "lo\n");
    end_answer(WEIR_ANSWER_STOP, "Hello\n", NULL);
    assert_int_equal(exchange.http_status, 200);
    assert_written(
        "{\"id\": \"resp_1\", \"object\": \"response\", \"created_at\": 0, \"status\": "
        "\"completed\", \"model\": \"weir-nano\", \"error\": null, \"incomplete_details\": null, "
        "\"output\": [{\"id\": \"msg_2\", \"status\": \"completed\", \"type\": \"message\", "
        "\"role\": \"assistant\", \"content\": [{\"type\": \"output_text\", \"annotations\": [], "
        "\"logprobs\": [], \"text\": \"Hello\\n\"}]}], \"usage\": " USAGE ECHO("false") "}");
}

static void test_echo(void **state) {
    (void)state;
    post("\"input\": \"Hi\", \"instructions\": \"Be kind.\", \"max_output_tokens\": 12, "
         "\"temperature\": 0.5, \"metadata\": {\"a\":\n\"b\"}, \"tool_choice\": \"none\", "
         "\"parallel_tool_calls\": false, \"reasoning\": {\"effort\": \"high\"}, \"include\": "
         "[\"reasoning.encrypted_content\"], " WEATHER);
    assert_prompted("Be kind.");
    assert_int_equal(runner.job.settings.max_tokens, 12);
    assert_int_equal(runner.job.tools.n_names, 0);
    play_piece(WEIR_PIECE_CONTENT, "x");
    end_answer(WEIR_ANSWER_LENGTH, "x", NULL);
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "status"), "incomplete");
    assert_string_equal(string_at(json, "incomplete_details.reason"), "max_output_tokens");
    assert_string_equal(string_at(json, "output.0.status"), "incomplete");
    assert_string_equal(string_at(json, "instructions"), "Be kind.");
    assert_int_equal(integer_at(json, "max_output_tokens"), 12);
    assert_string_equal(string_at(json, "metadata.a"), "b");
    assert_string_equal(string_at(json, "tool_choice"), "none");
    assert_string_equal(string_at(json, "tools.0.name"), "get_weather");
    assert_true(json_is_false(at(json, "parallel_tool_calls")));
    assert_true(json_number_value(at(json, "temperature")) == 0.5);
    assert_int_equal(json_array_size(at(json, "warnings")), 2);
    json_decref(json);
}

/* Clients read the text of any answer. */
static void test_nothing_said(void **state) {
    (void)state;
    post("\"input\": \"Hi\"");
    end_answer(WEIR_ANSWER_STOP, "", NULL);
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "output.0.content.0.text"), "");
    json_decref(json);
}

/* ---- streams -------------------------------------------------------------------------------- */

#define EVENT(name, number, data)                                                                  \
    "event: " name "\ndata: {\"type\": \"" name "\", \"sequence_number\": " number ", " data "}\n" \
    "\n"
#define RESPONSE(status, output, usage, stored)                                        \
    "\"response\": {\"id\": \"resp_1\", \"object\": \"response\", \"created_at\": 0, " \
    "\"status\": \"" status "\", \"model\": \"weir-nano\", \"error\": null, "          \
    "\"incomplete_details\": null, \"output\": [" output "], \"usage\": " usage        \
    ECHO(stored) "}"
#define PART(text) \
    "{\"type\": \"output_text\", \"annotations\": [], \"logprobs\": [], \"text\": \"" text "\"}"
#define MESSAGE(id, status, content)                                                     \
    "{\"id\": \"" id "\", \"status\": \"" status "\", \"type\": \"message\", \"role\": " \
    "\"assistant\", \"content\": [" content "]}"
#define OF(id, index)      "\"item_id\": \"" id "\", \"output_index\": " index
#define IN_PART(id, index) OF(id, index) ", \"content_index\": 0"

static void test_stream(void **state) {
    (void)state;
    post("\"input\": \"Hi\", \"stream\": true, \"store\": false");
    play_progress(0, 5);
    play_piece(WEIR_PIECE_CONTENT, "Hel");
    play_piece(WEIR_PIECE_CONTENT, "lo\n");
    end_answer(WEIR_ANSWER_STOP, "Hello\n", NULL);
    assert_string_equal(exchange.type, "text/event-stream");
    json_decref(stream_events());
    assert_written(
        EVENT("response.created", "0", RESPONSE("in_progress", "", "null", "false"))
            EVENT("response.in_progress", "1", RESPONSE("in_progress", "", "null", "false")) EVENT(
                "response.output_item.added", "2",
                "\"output_index\": 0, \"item\": " MESSAGE("msg_2", "in_progress", ""))
                EVENT("response.content_part.added", "3",
                      IN_PART("msg_2", "0") ", \"part\": " PART(
                          "")) EVENT("response.output_text.delta", "4",
                                     IN_PART("msg_2", "0") ", \"delta\": \"Hel\", \"logprobs\": []")
                    EVENT("response.output_text.delta", "5",
                          IN_PART("msg_2", "0") ", \"delta\": \"lo\\n\", \"logprobs\": []")
                        EVENT("response.output_text.done", "6",
                              IN_PART("msg_2", "0") ", \"text\": \"Hello\\n\", \"logprobs\": []")
                            EVENT("response.content_part.done", "7",
                                  IN_PART("msg_2", "0") ", \"part\": " PART("Hello\\n"))
                                EVENT("response.output_item.done", "8",
                                      "\"output_index\": 0, \"item\": " MESSAGE(
                                          "msg_2", "completed", PART("Hello\\n")))
                                    EVENT("response.completed", "9",
                                          RESPONSE("completed",
                                                   MESSAGE("msg_2", "completed", PART("Hello\\n")),
                                                   USAGE, "false")));
}

#define THOUGHT(status, content)                                                                \
    "{\"id\": \"rs_2\", \"status\": \"" status "\", \"type\": \"reasoning\", \"summary\": [], " \
    "\"content\": [" content "]}"
#define THOUGHT_PART(text) "{\"type\": \"reasoning_text\", \"text\": \"" text "\"}"
#define CALLED(status, arguments)                                                               \
    "{\"id\": \"fc_3\", \"status\": \"" status "\", \"type\": \"function_call\", \"call_id\": " \
    "\"call_4\", \"name\": \"f\", \"arguments\": \"" arguments "\"}"
#define ARGUMENTS "{\\\"a\\\": 1.0}"

static void test_stream_of_thoughts_and_calls(void **state) {
    (void)state;
    post("\"input\": \"Hi\", \"stream\": true, \"store\": false");
    play_piece(WEIR_PIECE_REASONING, "Hm");
    play_piece(WEIR_PIECE_REASONING, ".");
    play_piece(WEIR_PIECE_CALL, "{\"name\": \"f\", \"arguments\": {\"a\": 1.0}}");
    end_answer(WEIR_ANSWER_CALLS, "", NULL);
    json_decref(stream_events());
    assert_written(
        EVENT("response.created", "0", RESPONSE("in_progress", "", "null", "false"))
            EVENT("response.in_progress", "1", RESPONSE("in_progress", "", "null", "false")) EVENT(
                "response.output_item.added", "2",
                "\"output_index\": 0, \"item\": " THOUGHT(
                    "in_progress", "")) EVENT("response.content_part.added", "3",
                                              IN_PART("rs_2", "0") ", \"part\": " THOUGHT_PART(""))
                EVENT("response.reasoning_text.delta", "4",
                      IN_PART("rs_2", "0") ", \"delta\": \"Hm\"")
                    EVENT("response.reasoning_text.delta", "5",
                          IN_PART("rs_2", "0") ", \"delta\": \".\"")
                        EVENT("response.reasoning_text.done", "6",
                              IN_PART("rs_2", "0") ", \"text\": \"Hm.\"")
                            EVENT("response.content_part.done", "7",
                                  IN_PART("rs_2", "0") ", \"part\": " THOUGHT_PART(
                                      "Hm.")) EVENT("response.output_item.done", "8",
                                                    "\"output_index\": 0, \"item\": " THOUGHT(
                                                        "completed", THOUGHT_PART("Hm.")))
                                EVENT("response.output_item.added", "9",
                                      "\"output_index\": 1, \"item\": " CALLED("in_progress", ""))
                                    EVENT("response.function_call_arguments.delta", "10",
                                          OF("fc_3", "1") ", \"delta\": \"" ARGUMENTS "\"")
                                        EVENT("response.function_call_arguments.done", "11",
                                              OF("fc_3", "1") ", \"arguments\": \"" ARGUMENTS
                                                              "\", \"name\": \"f\"")
                                            EVENT("response.output_item.done", "12",
                                                  "\"output_index\": 1, \"item\": " CALLED(
                                                      "completed", ARGUMENTS))
                                                EVENT(
                                                    "response.completed", "13",
                                                    RESPONSE(
                                                        "completed",
                                                        THOUGHT("completed",
                                                                THOUGHT_PART(
                                                                    "Hm.")) ", " CALLED("completed",
                                                                                        ARGUMENTS),
                                                        USAGE, "false")));
}

static void test_failures(void **state) {
    (void)state;
    post("\"input\": \"Hi\", \"stream\": true");
    play_end(WEIR_STATUS_FAILED, "the engine broke");
    assert_int_equal(exchange.http_status, 500);
    post("\"input\": \"Hi\", \"stream\": true");
    play_piece(WEIR_PIECE_CONTENT, "Hel");
    play_answer_end(WEIR_ANSWER_INTERRUPTED, -1, "Hel", NULL, true);
    play_end(WEIR_STATUS_FAILED, "the engine broke");
    json_t *events = stream_events(), *last = json_array_get(events, json_array_size(events) - 1);
    assert_string_equal(string_at(last, "type"), "response.failed");
    assert_string_equal(string_at(last, "response.status"), "failed");
    assert_string_equal(string_at(last, "response.error.message"), "the engine broke");
    /* What failed is not kept. */
    char of_it[128];
    snprintf(of_it, sizeof of_it, "/v1/responses/%s", string_at(last, "response.id"));
    ask("GET", of_it, "");
    assert_int_equal(exchange.http_status, 404);
    json_decref(events);
    runner.status = WEIR_STATUS_CANCELLED;
    post("\"input\": \"Hi\"");
    assert_int_equal(exchange.http_status, 503);
    runner.status = WEIR_STATUS_OK;
    post("\"input\": \"Hi\"");
    exchange.on_gone(exchange.context);
    assert_int_equal(runner.cancelled, FIXTURE_JOB);
    play_end(WEIR_STATUS_CANCELLED, "");
}

/* What is repeated from a request that was written on many lines is on one. */
static void test_stream_of_lines(void **state) {
    (void)state;
    post("\"input\": \"Hi\", \"stream\": true,\n\"metadata\": {\n\"a\":\r\n\"b\"}, " WEATHER);
    play_piece(WEIR_PIECE_CONTENT, "x");
    end_answer(WEIR_ANSWER_STOP, "x", NULL);
    json_t *events = stream_events();
    assert_string_equal(string_at(events, "0.response.metadata.a"), "b");
    json_decref(events);
}

/* However an answer comes in pieces, what it says in the end, and in deltas, is the same. */
static void test_splits(void **state) {
    (void)state;
    static const char text[] = "One \xe2\x82\xac two.\n\n{\"a\": \"\\\"\"} \xf0\x9f\x90\x80 end";
    for (unsigned seed = 1; seed <= 50; seed++) {
        unsigned random = seed;
        post("\"input\": \"Hi\", \"stream\": true, \"store\": false");
        for (size_t from = 0, n; from < strlen(text); from += n) {
            random = random * 1103515245 + 12345;
            n = 1 + (random >> 16) % 9;
            n = n < strlen(text) - from ? n : strlen(text) - from;
            while ((text[from + n] & 0xc0) == 0x80)
                n++;
            play_text(WEIR_PIECE_CONTENT, text + from, n);
        }
        end_answer(WEIR_ANSWER_STOP, text, NULL);
        json_t *events = stream_events(), *event;
        char deltas[128] = "";
        size_t i;
        json_array_foreach(events, i, event) {
            assert_int_equal(integer_at(event, "sequence_number"), i);
            if (strcmp(string_at(event, "type"), "response.output_text.delta") == 0)
                strncat(deltas, string_at(event, "delta"), sizeof deltas - strlen(deltas) - 1);
        }
        assert_string_equal(deltas, text);
        json_t *last = json_array_get(events, json_array_size(events) - 1);
        assert_string_equal(string_at(last, "response.output.0.content.0.text"), text);
        json_decref(events);
    }
}

/* ---- items -------------------------------------------------------------------------------- */

static void test_items(void **state) {
    (void)state;
    post("\"input\": [{\"role\": \"developer\", \"content\": \"Be kind.\"}, {\"type\": "
         "\"message\", \"role\": \"user\", \"content\": [{\"type\": \"input_text\", \"text\": "
         "\"Rain?\"}, {\"type\": \"input_text\", \"text\": \"Today?\"}]}, {\"type\": "
         "\"reasoning\", \"id\": \"rs_x\", \"summary\": [], \"content\": [{\"type\": "
         "\"reasoning_text\", \"text\": \"Hm\"}]}, {\"type\": \"message\", \"role\": "
         "\"assistant\", \"content\": [{\"type\": \"output_text\", \"text\": \"Let me see.\", "
         "\"annotations\": []}]}, {\"type\": \"function_call\", \"call_id\": \"c1\", \"name\": "
         "\"get_weather\", \"arguments\": \"{\\\"city\\\": \\\"Oslo\\\"}\"}, {\"type\": "
         "\"function_call\", \"call_id\": \"c2\", \"name\": \"get_weather\", \"arguments\": "
         "\"\"}, {\"type\": \"function_call_output\", \"call_id\": \"c1\", \"output\": \"rain\"}, "
         "{\"type\": \"function_call_output\", \"call_id\": \"c2\", \"output\": [{\"type\": "
         "\"input_text\", \"text\": \"sun\"}]}, {\"role\": \"assistant\", \"content\": \"So.\"}, "
         "{\"role\": \"assistant\", \"content\": \"And.\"}, {\"role\": \"user\", \"content\": "
         "\"Well?\"}], " WEATHER);
    /* One answer out of three kinds of items, two out of two texts. */
    static const char *const parts[] = {
        "system\nBe kind.",
        "user\nRain?\nToday?<|im_end|>",
        ("assistant\n<think>Hm</think>Let me see.<|tool_call_start|>[get_weather(city=\"Oslo\"), "
         "get_weather()]<|tool_call_end|><|im_end|>"),
        "rain",
        "sun",
        "assistant\nSo.<|im_end|>",
        "assistant\nAnd.<|im_end|>",
        "user\nWell?<|im_end|>",
    };
    const char *from = prompt_text();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *found = strstr(from, parts[i]);
        if (!found)
            fail_msg("no '%s' in: %s", parts[i], from);
        from = found + strlen(parts[i]);
    }
    play_end(WEIR_STATUS_CANCELLED, "");
}

static void test_forms(void **state) {
    (void)state;
    post("\"input\": \"Hi\", \"text\": {\"format\": {\"type\": \"json_schema\", \"name\": \"x\", "
         "\"schema\": {\"type\": \"object\"}}}");
    assert_non_null(runner.job.grammar);
    play_piece(WEIR_PIECE_CONTENT, "{");
    play_answer_end(WEIR_ANSWER_LENGTH, -1, "{", NULL, false);
    play_end(WEIR_STATUS_OK, "");
    assert_non_null(strstr(exchange.out.data, "before it had the form"));
    post("\"input\": \"Hi\", \"tool_choice\": {\"type\": \"function\", \"name\": "
         "\"get_weather\"}, " WEATHER);
    assert_non_null(runner.job.grammar);
    assert_string_equal(runner.job.tools.names[0], "get_weather");
    play_end(WEIR_STATUS_CANCELLED, "");
}

/* ---- kept responses ----------------------------------------------------------------------- */

static void test_going_on(void **state) {
    (void)state;
    char members[512], first[64];
    snprintf(
        first, sizeof first, "%s",
        answer("\"input\": [{\"role\": \"developer\", \"content\": \"Be honest.\"}, {\"role\": "
               "\"user\", \"content\": \"My name is Ann.\"}], \"instructions\": \"Be brief.\"",
               "Hi Ann."));
    snprintf(members, sizeof members,
             "\"input\": \"Who am I?\", \"previous_response_id\": \"%s\", \"instructions\": \"Be "
             "kind.\"",
             first);
    post(members);
    assert_prompted("My name is Ann.");
    assert_prompted("assistant\nHi Ann.<|im_end|>");
    assert_prompted("Who am I?");
    assert_prompted("Be kind.");
    assert_prompted("Be honest.");
    assert_null(strstr(prompt_text(), "Be brief."));
    play_piece(WEIR_PIECE_CONTENT, "Ann.");
    end_answer(WEIR_ANSWER_STOP, "Ann.", NULL);
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "previous_response_id"), first);
    snprintf(members, sizeof members, "\"input\": \"Sure?\", \"previous_response_id\": \"%s\"",
             string_at(json, "id"));
    json_decref(json);
    post(members);
    assert_prompted("assistant\nAnn.<|im_end|>");
    play_end(WEIR_STATUS_CANCELLED, "");
}

/* The result of a kept call: its tool's name is known, its text is the model's own. */
static void test_going_on_from_calls(void **state) {
    (void)state;
    char members[1024];
    post("\"input\": \"Rain?\", " WEATHER);
    play_piece(WEIR_PIECE_CONTENT, "Let me see.");
    play_piece(WEIR_PIECE_CALL, CALL);
    weir_message message = {.role = WEIR_ROLE_ASSISTANT,
                            .content = weir_text_copy("Let me see.", 11),
                            .n_content = 11,
                            .raw = weir_text_copy(RAW, strlen(RAW)),
                            .n_raw = strlen(RAW)};
    weir_calls_add(&message.calls, "get_weather", 11, "{\"city\": \"Oslo\", \"n\": 1.0}", 26, true,
                   NULL);
    weir_choice_end end = {.answer = {.end = WEIR_ANSWER_CALLS, .stop_string = -1},
                           .message = &message};
    end.is_valid = true;
    runner.events.on_choice_end(runner.events.context, 0, &end);
    weir_message_free(&message);
    play_end(WEIR_STATUS_OK, "");
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "output.1.arguments"), "{\"city\": \"Oslo\", \"n\": 1.0}");
    snprintf(members, sizeof members,
             "\"previous_response_id\": \"%s\", \"input\": [{\"type\": \"function_call_output\", "
             "\"call_id\": \"%s\", \"output\": \"rain\"}], " WEATHER,
             string_at(json, "id"), string_at(json, "output.1.call_id"));
    json_decref(json);
    post(members);
    assert_prompted(RAW);
    assert_prompted("rain");
    play_end(WEIR_STATUS_CANCELLED, "");
}

static void test_get_and_delete(void **state) {
    (void)state;
    char of_it[128], members[256];
    const char *id = answer("\"input\": \"Hi\"", "Hello");
    snprintf(of_it, sizeof of_it, "/v1/responses/%s", id);
    snprintf(members, sizeof members, "{\"input\": \"x\", \"previous_response_id\": \"%s\"}", id);
    ask("GET", of_it, "");
    assert_int_equal(exchange.http_status, 200);
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "output.0.content.0.text"), "Hello");
    json_decref(json);
    /* Another client cannot see it, nor go on from it, nor take it away. */
    ask_as("mallory", "GET", of_it, "");
    assert_int_equal(exchange.http_status, 404);
    ask_as("mallory", "DELETE", of_it, "");
    assert_int_equal(exchange.http_status, 404);
    ask_as("mallory", "POST", path, members);
    assert_int_equal(exchange.http_status, 404);
    ask("DELETE", of_it, "");
    json = reply_json();
    assert_true(json_is_true(at(json, "deleted")));
    json_decref(json);
    assert_refused("GET", of_it, "", 404, "there is no response");
    assert_refused("POST", path, members, 404, "previous_response_id: there is no response");
    const char *unkept = answer("\"input\": \"Hi\", \"store\": false", "Hello");
    snprintf(of_it, sizeof of_it, "/v1/responses/%s", unkept);
    assert_refused("GET", of_it, "", 404, "there is no response");
}

/* A record that somebody has written over is no response, and nothing worse. */
static void test_damaged_records(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "{", "[]", "{}", "{\"response\": {}}", "{\"response\": {}, \"conversation\": 1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(
            weir_records_put(service.records, "", "response:x", texts[i], strlen(texts[i]), NULL),
            WEIR_STATUS_OK);
        assert_refused("POST", path, "{\"input\": \"x\", \"previous_response_id\": \"x\"}", 404,
                       "there is no response 'x'");
    }
    char of_it[512] = "/v1/responses/";
    memset(of_it + strlen(of_it), 'x', 400);
    assert_refused("GET", of_it, "", 404, "there is no response");
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"{}", "input: expected"},
        {"{\"input\": []}", "input: expected"},
        {"{\"input\": [1]}", "input[0]"},
        {"{\"input\": [{\"role\": \"wizard\", \"content\": \"x\"}]}", "input[0].role"},
        {"{\"input\": [{\"role\": \"user\", \"content\": [{\"type\": \"input_image\"}]}]}",
         "input[0].content[0]: parts of type 'input_image' cannot be read"},
        {"{\"input\": [{\"type\": \"item_reference\", \"id\": \"x\"}]}",
         "items of type 'item_reference'"},
        {"{\"input\": [{\"type\": \"function_call\", \"call_id\": \"c\"}]}", "needs call_id"},
        {"{\"input\": [{\"type\": \"function_call\", \"call_id\": \"c\", \"name\": \"f\", "
         "\"arguments\": \"[1]\"}]}",
         "input[0].arguments"},
        {"{\"input\": [{\"type\": \"function_call_output\", \"output\": \"x\"}]}", "call_id"},
        {"{\"input\": \"x\", \"background\": true}", "background is not supported"},
        {"{\"input\": \"x\", \"truncation\": \"auto\"}", "truncation is not supported"},
        {"{\"input\": \"x\", \"conversation\": \"c\"}", "conversation is not supported"},
        {"{\"input\": \"x\", \"prompt\": {\"id\": \"p\"}}", "prompt is not supported"},
        {"{\"input\": \"x\", \"max_output_tokens\": -3}", "max_output_tokens"},
        {"{\"input\": \"x\", \"n\": 2}", "one answer"},
        {"{\"input\": \"x\", \"tools\": [{\"type\": \"web_search\"}]}",
         "tools[0]: tools of type 'web_search'"},
        {"{\"input\": \"x\", \"tool_choice\": \"required\"}", "there are no tools"},
        {"{\"input\": \"x\", \"tool_choice\": {\"type\": \"allowed_tools\"}}", "tool_choice"},
        {"{\"input\": \"x\", \"text\": {\"format\": {\"type\": \"xml\"}}}", "text.format"},
        {"{\"input\": \"x\", \"text\": {\"format\": {\"type\": \"json_schema\", \"schema\": "
         "{\"type\": "
         "\"object\", \"properties\": {\"a\": {\"not\": {\"type\": \"string\"}}}}}}}",
         "text.format.schema: #/properties/a"},
        {"{\"input\": \"x\", \"text\": \"plain\"}", "text: expected an object"},
        {"{\"input\": \"x\", \"include\": \"all\"}", "include: expected a list"},
        {"{\"input\": \"x\", \"metadata\": 5}", "metadata: expected an object"},
        {"{\"input\": \"x\", \"stream_options\": 5}", "stream_options: expected an object"},
        {"{\"input\": \"x\", \"reasoning\": {\"effort\": 5}}",
         "reasoning.effort: expected a string"},
        {"{\"input\": \"x\", \"tools\": [{\"type\": \"function\", \"name\": \"f\", "
         "\"parameters\": \"x\"}]}",
         "tools[0].parameters: expected an object"},
        {"{\"input\": \"x\", \"tools\": [{\"type\": \"function\", \"name\": \"f\", "
         "\"description\": 5}]}",
         "tools[0].description: expected a string"},
        {"{\"input\": \"x\", \"tools\": [{\"type\": \"function\", \"name\": \"f\"}, {\"type\": "
         "\"function\", \"name\": \"f\"}]}",
         "tools[1]: another tool has this name"},
        {"{\"input\": \"x\", \"tools\": [{\"type\": \"function\", \"name\": \"f\", \"strict\": "
         "true, "
         "\"parameters\": {\"type\": \"object\", \"properties\": {\"a\": {\"not\": {\"type\": "
         "\"string\"}}}}}]}",
         "#/0/function/parameters/properties/a/not"},
        {"{\"input\": \"x\", \"temperature\": \"hot\"}", "temperature: expected a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused("POST", path, cases[i].body, 400, cases[i].words);
    char long_body[8192] = "{\"input\": \"";
    for (size_t i = 0; i < 1000; i++)
        strcat(long_body, "fox ");
    strcat(long_body, "\"}");
    assert_refused("POST", path, long_body, 400, "512");
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "error.code"), "context_length_exceeded");
    assert_string_equal(string_at(json, "error.param"), "input");
    json_decref(json);
    /* With the names of unknown fields where they stand. */
    service.is_strict = true;
    assert_refused("POST", path,
                   "{\"input\": [{\"role\": \"user\", \"content\": \"x\", \"colour\": 1}]}", 400,
                   "input[0].colour");
    service.is_strict = false;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_of_thoughts_and_calls),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_stream_of_lines),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_going_on),
        cmocka_unit_test(test_going_on_from_calls),
        cmocka_unit_test(test_get_and_delete),
        cmocka_unit_test(test_damaged_records),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
