/*
 * test_chat_api.c: /v1/chat/completions: what is read of a request into a job, what is refused and
 * how, and what replies and streams say. Prompts are made by a real template.
 */
#include "chat_fixture.h"
#include "chat_request.h"

#include <math.h>

#define USER "\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]"
#define TOOL(name, schema) \
    "{\"type\": \"function\", \"function\": {\"name\": \"" name "\", \"parameters\": " schema "}}"
#define SKY                                                          \
    TOOL("sky", "{\"type\": \"object\", \"properties\": {\"city\": " \
                "{\"type\": \"string\"}}, \"required\": [\"city\"]}")

static void chat(const char *body) {
    ask(weir_handle_chat, body);
    if (!runner.has_job)
        fail_msg("%s\nis refused: %s", body, exchange.out.data);
}

static void refused(const char *body, const char *param, const char *words) {
    assert_refused(weir_handle_chat, body, 400, param, words);
}

/* Ends the job that runs with one answer, and gives its reply. */
static json_t *end_with(const char *content) {
    play_piece(0, WEIR_PIECE_CONTENT, content);
    play_choice_end(0, WEIR_ANSWER_STOP, 2);
    play_end(WEIR_STATUS_OK, "");
    assert_int_equal(exchange.http_status, 200);
    return reply_json();
}

static void drop_job(void) {
    play_end(WEIR_STATUS_CANCELLED, "the test is over");
}

/* Does the request bring a warning that has these words? */
static void warned(const char *body, const char *words) {
    chat(body);
    json_t *json = end_with("x"), *line;
    bool is_there = false;
    size_t i;
    json_array_foreach(json_object_get(json, "warnings"), i, line) {
        is_there |= strstr(json_string_value(line), words) != NULL;
    }
    if (!is_there)
        fail_msg("%s\ndoes not warn of '%s': %s", body, words, exchange.out.data);
    json_decref(json);
}

static bool prompt_has(const char *text) {
    return strstr(runner.job.prompt[0].text, text) != NULL;
}

/* ---- requests ----------------------------------------------------------------------------- */

static void test_sampling(void **state) {
    (void)state;
    chat("{" USER ", \"model\": \"weir-nano\", \"temperature\": 0.5, \"top_p\": 0.25, \"top_k\": 7,"
         " \"min_p\": 0.125, \"repetition_penalty\": 1.5, \"repeat_last_n\": 64,"
         " \"presence_penalty\": -0.5, \"frequency_penalty\": 0.75, \"seed\": 42, \"n\": 3,"
         " \"logit_bias\": {\"5\": -100, \"9\": 1.5}, \"stop\": [\"A\", \"B\"],"
         " \"stop_token_ids\": [3, 4], \"min_tokens\": 2, \"ignore_eos\": true,"
         " \"max_completion_tokens\": 20, \"priority\": -3, \"user\": \"u\", \"store\": false}");
    const weir_job *job = &runner.job;
    const weir_sampling *s = &job->settings.sampling;
    assert_true(s->temperature == 0.5f && s->top_p == 0.25f && s->top_k == 7 && s->min_p == 0.125f);
    assert_true(s->repetition_penalty == 1.5f && s->repeat_last_n == 64);
    assert_true(s->presence_penalty == -0.5f && s->frequency_penalty == 0.75f);
    assert_true(job->settings.has_seed && s->seed == 42 && job->n_choices == 3);
    assert_int_equal(s->n_bias, 2);
    assert_true(s->bias == job->bias && s->bias[0].token == 5 && s->bias[0].bias == -100.0f);
    assert_int_equal(job->settings.n_stop, 2);
    assert_string_equal(job->settings.stop[1], "B");
    assert_true(job->n_stop_tokens == 2 && job->stop_tokens[1] == 4);
    assert_true(job->min_tokens == 2 && job->settings.ignore_eos);
    assert_true(job->settings.max_tokens == 20 && job->priority == -3);
    assert_true(prompt_has("Hi") && job->n_prompts == 1);
    drop_job();
}

/* What a request does not say is the service's. A seed is drawn, and can be sent back. */
static void test_defaults(void **state) {
    (void)state;
    service.defaults.sampling.temperature = 0.75f;
    chat("{" USER ", \"seed\": null, \"temperature\": null, \"top_k\": -1, \"max_tokens\": -1}");
    assert_true(runner.job.settings.sampling.temperature == 0.75f);
    assert_true(runner.job.settings.max_tokens == WEIR_NO_LIMIT && runner.job.n_choices == 1);
    assert_true(runner.job.settings.has_seed);
    uint64_t first = runner.job.settings.sampling.seed;
    json_t *json = end_with("x");
    assert_int_equal(integer_at(json, "weir.seed"), first);
    json_decref(json);
    chat("{" USER ", \"seed\": -1}");
    assert_true(runner.job.settings.sampling.seed != first);
    assert_true(runner.job.settings.sampling.seed >> 53 == 0);
    drop_job();
    service.defaults.sampling.temperature = 0;
}

static void test_refused_fields(void **state) {
    (void)state;
    static const struct {
        const char *member, *param, *words;
    } cases[] = {
        {"\"temperature\": -1", "temperature", "expected a number from 0"},
        {"\"temperature\": \"hot\"", "temperature", "got a string"},
        {"\"top_p\": 1.5", "top_p", "from 0 to 1"},
        {"\"top_k\": 1.5", "top_k", "expected an integer"},
        {"\"repeat_last_n\": 0", "repeat_last_n", "-1 for all"},
        {"\"seed\": -2", "seed", "expected an integer from -1"},
        {"\"n\": 0", "n", "expected an integer from 1"},
        {"\"max_tokens\": 5, \"max_completion_tokens\": 6", "max_completion_tokens", "says 5"},
        {"\"max_tokens\": 5, \"min_tokens\": 6", "min_tokens", "more than max_tokens"},
        {"\"logit_bias\": {\"x\": 1}", "logit_bias", "'x' is no token"},
        {"\"logit_bias\": {\"99999999\": 1}", "logit_bias", "ids below"},
        {"\"logit_bias\": {\"1\": \"a\"}", "logit_bias", "for token 1"},
        {"\"logit_bias\": [[1, 2]]", "logit_bias", "expected an object"},
        {"\"stop\": \"\"", "stop", "not empty"},
        {"\"stop\": [\"a\", 3]", "stop", "not empty"},
        {"\"stop_token_ids\": [-1]", "stop_token_ids", "expected a token id"},
        {"\"typical_p\": 0.5", "typical_p", "typical_p is not supported"},
        {"\"use_beam_search\": true", "use_beam_search", "beam"},
        {"\"truncate_prompt_tokens\": 5", "truncate_prompt_tokens", "nothing is cut"},
        {"\"top_logprobs\": 2", "top_logprobs", "\"logprobs\": true"},
        {"\"logprobs\": true, \"top_logprobs\": 65", "top_logprobs", "from 0 to 64"},
        {"\"logprobs\": 2", "logprobs", "true or false"},
        {"\"stream_options\": {}", "stream_options", "no stream"},
        {"\"modalities\": [\"audio\"]", "modalities", "text"},
        {"\"functions\": [{}]", "functions", "use tools"},
        {"\"echo\": true", "echo", "/v1/completions"},
        {"\"chat_template_kwargs\": 3", "chat_template_kwargs", "expected an object"},
        {"\"thinking_budget\": -2", "thinking_budget", "from -1"},
        {"\"user\": 5", "user", "expected a string"},
        {"\"safety_identifier\": [\"a\"]", "safety_identifier", "expected a string"},
        {"\"metadata\": \"m\"", "metadata", "expected an object"},
        {"\"metadata\": {\"a\": \"b\", \"c\": 5}", "metadata.c", "expected a text"},
        {"\"structural_tag\": {}", "structural_tag", "structural_tag is not supported"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_text_buffer body = {0};
        weir_text_buffer_format(&body, "{" USER ", %s}", cases[i].member);
        refused(body.data, cases[i].param, cases[i].words);
        weir_text_buffer_free(&body);
    }
    chat("{" USER
         ", \"typical_p\": 1.0, \"modalities\": [\"text\"], \"best_of\": 1, \"lora\": []}");
    json_t *json = end_with("x");
    assert_null(json_object_get(json, "warnings"));
    json_decref(json);
}

static void test_unknown_fields(void **state) {
    (void)state;
    warned("{" USER ", \"odd\": 1}", "odd is unknown here");
    warned("{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\", \"odd\": 1}]}",
           "messages[0].odd is unknown here");
    warned("{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\", \"name\": \"Ann\"}]}",
           "messages[0].name has no effect");
    warned("{" USER ", \"stream_options\": null, \"chat_template_kwargs\": {\"x\": 1}}",
           "chat_template_kwargs.x");
    service.is_strict = true;
    refused("{" USER ", \"odd\": 1}", "odd", "odd is unknown here");
    service.is_strict = false;
}

/* What changes no answer is no reason to refuse one, and is told. */
static void test_fields_without_effect(void **state) {
    (void)state;
    static const char *const bodies[][2] = {
        {"{" USER ", \"store\": true}", "store has no effect here: "},
        {"{" USER ", \"service_tier\": \"priority\"}", "service_tier has no effect here: "},
        {"{" USER ", \"cache_prompt\": false}", "cache_prompt has no effect here: "},
    };
    for (size_t i = 0; i < WEIR_COUNT(bodies); i++)
        warned(bodies[i][0], bodies[i][1]);
    service.is_strict = true;
    for (size_t i = 0; i < WEIR_COUNT(bodies); i++)
        refused(bodies[i][0], NULL, bodies[i][1]);
    chat("{" USER ", \"store\": false, \"service_tier\": \"auto\", \"cache_prompt\": true, "
         "\"user\": \"u\", \"metadata\": {\"a\": \"b\", \"c\": null}, \"safety_identifier\": "
         "\"s\"}");
    service.is_strict = false;
    json_t *json = end_with("x");
    assert_null(json_object_get(json, "warnings"));
    json_decref(json);
}

/* Then all numbers of the body are read as doubles. */
static void test_integer_beyond_64_bits(void **state) {
    (void)state;
    chat("{" USER ", \"stop_token_ids\": [3, 4], \"max_tokens\": 20, \"odd\": "
         "18446744073709551616}");
    assert_true(runner.job.n_stop_tokens == 2 && runner.job.stop_tokens[1] == 4);
    assert_int_equal(runner.job.settings.max_tokens, 20);
    drop_job();
    refused("{" USER ", \"stop_token_ids\": [3.5]}", "stop_token_ids", "expected a token id");
}

static void test_models(void **state) {
    (void)state;
    char *names[] = {(char[]){"pirate"}, (char[]){"poet"}};
    float scales[] = {0.5f, 0};
    weir_adapters kept = service.host->adapters;
    assert_refused(weir_handle_chat, "{" USER ", \"model\": \"gpt-4o\"}", 404, "model",
                   "expected 'weir-nano'");
    assert_non_null(strstr(exchange.out.data, "model_not_found"));
    service.host->adapters = (weir_adapters){.name = names, .scale = scales, .n = 2};
    assert_refused(weir_handle_chat, "{" USER ", \"model\": \"gpt-4o\"}", 404, "model", "'poet'");
    chat("{" USER ", \"model\": \"pirate\"}");
    assert_true(runner.job.lora_scales[0] == 0.5f && runner.job.lora_scales[1] == 0);
    json_t *json = end_with("x");
    assert_string_equal(string_at(json, "model"), "pirate");
    json_decref(json);
    chat("{" USER ", \"model\": \"poet\"}");
    assert_true(runner.job.lora_scales[0] == 0 && runner.job.lora_scales[1] == 1);
    drop_job();
    chat("{" USER ", \"model\": \"weir-nano\"}");
    assert_null(runner.job.lora_scales);
    drop_job();
    service.host->adapters = kept;
}

static void test_thinking(void **state) {
    (void)state;
    static const struct {
        const char *member;
        weir_think think;
        uint32_t budget;
    } cases[] = {
        {"\"reasoning_effort\": \"none\"", WEIR_THINK_OFF, WEIR_NO_LIMIT},
        {"\"chat_template_kwargs\": {\"enable_thinking\": false}", WEIR_THINK_OFF, WEIR_NO_LIMIT},
        {"\"include_reasoning\": false", WEIR_THINK_HIDE, WEIR_NO_LIMIT},
        {"\"thinking_budget\": 9", WEIR_THINK_SHOW, 9},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_text_buffer body = {0};
        weir_text_buffer_format(&body, "{" USER ", %s}", cases[i].member);
        chat(body.data);
        assert_int_equal(runner.job.settings.think, cases[i].think);
        assert_int_equal(runner.job.settings.think_budget, cases[i].budget);
        play_piece(0, WEIR_PIECE_REASONING, "hm");
        json_t *json = end_with("x"), *message = at(json, "choices.0.message");
        bool is_shown = json_object_get(message, "reasoning_content") != NULL;
        assert_true(is_shown == (cases[i].think != WEIR_THINK_HIDE));
        json_decref(json);
        weir_text_buffer_free(&body);
    }
    warned("{" USER ", \"reasoning_effort\": \"high\"}", "thinking_budget");
}

/* ---- messages ----------------------------------------------------------------------------- */

static void test_messages(void **state) {
    (void)state;
    chat("{\"messages\": [{\"role\": \"developer\", \"content\": \"Be brief.\"},"
         "{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"one\"},"
         " {\"type\": \"text\", \"text\": \"two\"}]},"
         "{\"role\": \"assistant\", \"content\": \"three\", \"refusal\": null},"
         "{\"role\": \"user\", \"content\": \"four\"}]}");
    assert_true(prompt_has("system\nBe brief.") && prompt_has("one\ntwo"));
    assert_true(prompt_has("assistant\nthree") && prompt_has("user\nfour"));
    assert_int_equal(runner.job.prompt[0].n_opening, 0);
    drop_job();
}

static void test_refused_messages(void **state) {
    (void)state;
    static const struct {
        const char *message, *param, *words;
    } cases[] = {
        {"3", "messages[0]", "expected system"},
        {"{\"role\": \"king\", \"content\": \"x\"}", "messages[0]", "got 'king'"},
        {"{\"role\": \"user\"}", "messages[0]", "content: expected a text"},
        {"{\"role\": \"user\", \"content\": 3}", "messages[0].content", "expected a text"},
        {"{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}", "messages[0].content[0]",
         "'image_url' cannot be read"},
        {"{\"role\": \"user\", \"content\": [{\"type\": \"text\"}]}", "messages[0].content[0]",
         "expected {\"type\": \"text\""},
        {"{\"role\": \"tool\", \"content\": \"x\"}", "messages[0].tool_call_id", "expected the id"},
        {"{\"role\": \"assistant\", \"tool_calls\": 3}", "messages[0].tool_calls",
         "expected a list"},
        {"{\"role\": \"assistant\", \"tool_calls\": [{\"id\": \"a\"}]}",
         "messages[0].tool_calls[0]", "expected {\"id\""},
        {"{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": \"f\"}}]}",
         "messages[0].tool_calls[0].function", "name and arguments"},
        {"{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": \"f\", "
         "\"arguments\": \"[1]\"}}]}",
         "messages[0].tool_calls[0].function.arguments", "JSON object"},
        {"{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": \"f\", "
         "\"arguments\": \"{\\\"a\\\": \"}}]}",
         "messages[0].tool_calls[0].function.arguments", "JSON object"},
        {"{\"role\": \"user\", \"content\": \"x\", \"tool_calls\": [{}]}", "messages[0].tool_calls",
         "only messages of the assistant"},
        {"{\"role\": \"assistant\", \"function_call\": {}}", "messages[0].function_call",
         "cannot be shown"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_text_buffer body = {0};
        weir_text_buffer_format(&body, "{\"messages\": [%s]}", cases[i].message);
        refused(body.data, cases[i].param, cases[i].words);
        weir_text_buffer_free(&body);
    }
    refused("{}", "messages", "one message at least");
    refused("{\"messages\": []}", "messages", "one message at least");
    refused("{\"messages\": \"x\"}", "messages", "one message at least");
}

/* The answer's own text goes back to the model, unless the client has changed the call. */
static void test_replay(void **state) {
    (void)state;
    static const char raw[] = "Let me see.<|tool_call_start|>[sky(city='Oslo')]<|tool_call_end|>";
    weir_message message = {
        .role = WEIR_ROLE_ASSISTANT, .raw = weir_text_copy(raw, strlen(raw)), .n_raw = strlen(raw)};
    weir_choice_end end = {.answer = {.end = WEIR_ANSWER_CALLS}, .message = &message};
    chat("{" USER ", \"tools\": [" SKY "]}");
    play_piece(0, WEIR_PIECE_CONTENT, "Let me see.");
    play_piece(0, WEIR_PIECE_CALL, "{\"name\": \"sky\", \"arguments\": {\"city\": \"Oslo\"}}");
    end.is_valid = true;
    runner.events.on_choice_end(runner.events.context, 0, &end);
    weir_message_free(&message);
    play_end(WEIR_STATUS_OK, "");
    json_t *json = reply_json();
    char id[64];
    snprintf(id, sizeof id, "%s", string_at(json, "choices.0.message.tool_calls.0.id"));
    assert_string_equal(string_at(json, "choices.0.finish_reason"), "tool_calls");
    json_decref(json);
    for (int is_changed = 0; is_changed < 2; is_changed++) {
        weir_text_buffer body = {0};
        weir_text_buffer_format(
            &body,
            "{\"tools\": [" SKY "], \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"},"
            "{\"role\": \"assistant\", \"content\": \"Let me see.\", \"tool_calls\": [{\"id\": "
            "\"%s\", \"type\": \"function\", \"function\": {\"name\": \"sky\", \"arguments\": "
            "\"{\\\"city\\\":\\\"%s\\\"}\"}}]}, {\"role\": \"tool\", \"tool_call_id\": \"%s\", "
            "\"content\": \"rain\"}]}",
            id, is_changed ? "Rome" : "Oslo", id);
        weir_request request;
        weir_conversation conversation = {0};
        const weir_exchange second = {.body = body.data, .n_body = body.n};
        weir_request_open(&request, &second, true);
        weir_read_messages(&request, &service, &conversation);
        assert_false(weir_request_is_bad(&request));
        const weir_message *answer = &conversation.message[1], *result = &conversation.message[2];
        assert_true((answer->raw != NULL) == !is_changed);
        if (answer->raw)
            assert_string_equal(answer->raw, raw);
        assert_string_equal(answer->calls.item[0].name, "sky");
        assert_string_equal(result->tool_name, "sky");
        assert_string_equal(result->content, "rain");
        weir_conversation_free(&conversation);
        weir_request_free(&request);
        weir_text_buffer_free(&body);
    }
}

/* ---- tools and formats -------------------------------------------------------------------- */

static void test_tools(void **state) {
    (void)state;
    static const char *const with_none[] = {
        "{" USER ", \"tools\": [" SKY "], \"tool_choice\": \"none\"}",
        "{" USER ", \"tools\": []}",
    };
    for (size_t i = 0; i < WEIR_COUNT(with_none); i++) {
        chat(with_none[i]);
        assert_true(runner.job.tools.n_names == 0 && !runner.job.grammar && !prompt_has("sky"));
        drop_job();
    }
    static const char *const choices[] = {
        "\"auto\"", "\"required\"", "{\"type\": \"function\", \"function\": {\"name\": \"sky\"}}"};
    for (size_t i = 0; i < WEIR_COUNT(choices); i++) {
        weir_text_buffer body = {0};
        weir_text_buffer_format(&body,
                                "{" USER ", \"tools\": [" SKY "], \"tool_choice\": %s, "
                                "\"parallel_tool_calls\": false}",
                                choices[i]);
        chat(body.data);
        assert_int_equal(runner.job.tools.n_names, 1);
        assert_string_equal(runner.job.tools.names[0], "sky");
        assert_non_null(runner.job.grammar);
        drop_job();
        weir_text_buffer_free(&body);
    }
}

static void test_refused_tools(void **state) {
    (void)state;
    static const char loose[] = TOOL(
        "f", "{\"type\": \"object\", \"properties\": {\"a\": {\"not\": {\"type\": \"string\"}}}}");
    static const struct {
        const char *members, *param, *words;
    } cases[] = {
        {"\"tools\": {}", "tools", "expected a list"},
        {"\"tools\": [3]", "tools[0]", "expected {\"type\": \"function\""},
        {"\"tools\": [{\"type\": \"web_search\"}]", "tools[0]", "'web_search' are not built in"},
        {"\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"\"}}]", "tools[0]",
         "a name of 1 to"},
        {"\"tools\": [" TOOL("f", "3") "]", "tools[0].function.parameters", "a JSON Schema"},
        {"\"tools\": [" SKY ", " SKY "]", "tools[1]", "another tool has this name"},
        {"\"tools\": [{\"function\": {\"name\": \"f\", \"description\": 5}}]",
         "tools[0].function.description", "expected a string"},
        {"\"tools\": [{\"function\": {\"name\": \"f\", \"strict\": 5}}]",
         "tools[0].function.strict", "true or false"},
        {"\"tool_choice\": \"required\"", "tool_choice", "there are no tools"},
        {"\"tools\": [" SKY "], \"tool_choice\": \"any\"", "tool_choice", "expected auto"},
        {"\"tools\": [" SKY "], \"tool_choice\": {\"type\": \"function\"}", "tool_choice",
         "expected auto"},
        {"\"tools\": [" SKY "], \"tool_choice\": {\"type\": \"function\", \"function\": "
         "{\"name\": \"sea\"}}",
         "tool_choice", "no tool 'sea'"},
    };
    weir_text_buffer body = {0};
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_text_buffer_clear(&body);
        weir_text_buffer_format(&body, "{" USER ", %s}", cases[i].members);
        refused(body.data, cases[i].param, cases[i].words);
    }
    /* What cannot be enforced: a warning where a call is free, an error where it is wanted. */
    weir_text_buffer_clear(&body);
    weir_text_buffer_format(&body, "{" USER ", \"tools\": [%s]}", loose);
    warned(body.data, "not enforced");
    weir_text_buffer_clear(&body);
    weir_text_buffer_format(&body, "{" USER ", \"tools\": [%s], \"tool_choice\": \"required\"}",
                            loose);
    refused(body.data, NULL, "/properties/a");
    assert_non_null(strstr(exchange.out.data, "tools#"));
    weir_text_buffer_clear(&body);
    weir_text_buffer_format(&body, "{" USER ", \"tools\": [{\"type\": \"function\", \"function\": "
                                   "{\"name\": \"f\", \"strict\": true, \"parameters\": {\"type\": "
                                   "\"object\", \"properties\": {\"a\": {\"not\": {\"type\": "
                                   "\"string\"}}}}}}]}");
    refused(body.data, NULL, "/properties/a");
    weir_text_buffer_free(&body);
}

/* All spellings of a form, each with a text that has it and one that has not. */
static void test_formats(void **state) {
    (void)state;
#define SCHEMA                                                                                \
    "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\"}}, \"required\": " \
    "[\"a\"], \"additionalProperties\": false}"
    static const struct {
        const char *member, *good, *bad;
    } cases[] = {
        {"\"response_format\": {\"type\": \"json_object\"}", "{}", "BAD"},
        {"\"response_format\": {\"type\": \"json_object\", \"schema\": " SCHEMA "}", "{\"a\": 1}",
         "{\"BAD\": 1}"},
        {"\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"x\", "
         "\"strict\": true, \"schema\": " SCHEMA "}}",
         "{\"a\": 1}", "{\"a\": \"BAD\"}"},
        {"\"response_format\": {\"type\": \"grammar\", \"grammar\": \"root ::= \\\"yes\\\"\"}",
         "yes", "BAD"},
        {"\"response_format\": {\"type\": \"regex\", \"regex\": \"[0-9]+\"}", "12", "BAD"},
        {"\"response_format\": {\"type\": \"choice\", \"choice\": [\"yes\", \"no\"]}", "no", "BAD"},
        {"\"grammar\": \"root ::= \\\"yes\\\"\"", "yes", "BAD"},
        {"\"ebnf\": \"root ::= \\\"yes\\\"\"", "yes", "BAD"},
        {"\"json_schema\": " SCHEMA, "{\"a\": 1}", "{\"BAD\": 1}"},
        {"\"regex\": \"[0-9]+\"", "12", "BAD"},
        {"\"guided_json\": " SCHEMA, "{\"a\": 1}", "{\"BAD\": 1}"},
        {"\"guided_json\": \"{\\\"type\\\": \\\"integer\\\"}\"", "12", "BAD"},
        {"\"guided_regex\": \"[0-9]+\"", "12", "BAD"},
        {"\"choice\": [\"yes\", \"no\"]", "no", "BAD"},
        {"\"guided_choice\": [\"yes\", \"no\"]", "no", "BAD"},
        {"\"guided_grammar\": \"root ::= \\\"yes\\\"\"", "yes", "BAD"},
        {"\"structured_outputs\": {\"json\": " SCHEMA "}", "{\"a\": 1}", "{\"BAD\": 1}"},
        {"\"structured_outputs\": {\"regex\": \"[0-9]+\"}", "12", "BAD"},
        {"\"structured_outputs\": {\"choice\": [\"yes\", \"no\"]}", "no", "BAD"},
        {"\"structured_outputs\": {\"grammar\": \"root ::= \\\"yes\\\"\"}", "yes", "BAD"},
        {"\"structured_outputs\": {\"json_object\": true}", "{}", "BAD"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_text_buffer body = {0};
        weir_text_buffer_format(&body, "{" USER ", %s}", cases[i].member);
        chat(body.data);
        if (!runner.job.grammar)
            fail_msg("%s gives no grammar", cases[i].member);
        const weir_grammar *grammar = runner.job.grammar;
        assert_int_equal(weir_grammar_check(grammar, cases[i].good, strlen(cases[i].good), NULL),
                         WEIR_STATUS_OK);
        assert_int_equal(weir_grammar_check(grammar, cases[i].bad, strlen(cases[i].bad), NULL),
                         WEIR_STATUS_FAILED);
        json_t *json = end_with(cases[i].good);
        if (json_object_get(json, "warnings"))
            fail_msg("%s", exchange.out.data);
        json_decref(json);
        weir_text_buffer_free(&body);
    }
    chat("{" USER ", \"response_format\": {\"type\": \"text\"}}");
    assert_null(runner.job.grammar);
    drop_job();
}

static void test_refused_formats(void **state) {
    (void)state;
    static const char loose[] =
        "{\"type\": \"object\", \"properties\": {\"a\": {\"not\": {\"type\": \"string\"}}}}";
    weir_text_buffer body = {0};
    refused("{" USER ", \"response_format\": 3}", "response_format", "expected the type");
    refused("{" USER ", \"response_format\": {\"type\": \"xml\"}}", "response_format",
            "expected the type");
    refused("{" USER ", \"response_format\": {\"type\": \"json_schema\"}}",
            "response_format.json_schema", "\"schema\"");
    refused("{" USER ", \"grammar\": 3}", "grammar", "expected a text");
    refused("{" USER ", \"structured_outputs\": {\"json_object\": 1}}",
            "structured_outputs.json_object", "true or false");
    refused("{" USER ", \"regex\": \"a\", \"guided_choice\": [\"a\"]}", "guided_choice",
            "regex has said already");
    refused("{" USER ", \"regex\": \"((\"}", "regex", "regex");
    refused("{" USER ", \"choice\": \"red\"}", "choice", "choice");
    refused("{" USER ", \"structured_outputs\": {}}", "structured_outputs", "expected json");
    refused("{" USER ", \"structured_outputs\": []}", "structured_outputs", "expected an object");
    refused("{" USER ", \"regex\": \"a\", \"tools\": [" SKY "], \"tool_choice\": \"required\"}",
            "regex", "tool_choice wants a call");
    weir_text_buffer_format(&body,
                            "{" USER ", \"response_format\": {\"type\": \"json_schema\", "
                            "\"json_schema\": {\"name\": \"x\", \"schema\": %s}}}",
                            loose);
    refused(body.data, NULL, "/properties/a");
    assert_non_null(strstr(exchange.out.data, "response_format.json_schema.schema#/properties/a"));
    weir_text_buffer_clear(&body);
    weir_text_buffer_format(&body, "{" USER ", \"regex\": \"x\", \"tools\": [%s]}",
                            TOOL("f", "{\"type\": \"object\", \"properties\": {\"a\": {\"not\": "
                                      "{\"type\": \"string\"}}}}"));
    warned(body.data, "none can be called");
    weir_text_buffer_free(&body);
}

/* With tools that may be called an answer is calls, bound by their schemas, or has its form. */
static void test_tools_beside_a_form(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_good;
    } cases[] = {
        {"12", true},
        {"<|tool_call_start|>[sky(city=\"Oslo\")]<|tool_call_end|>", true},
        {"<|tool_call_start|>[sky(city=\"Oslo\"), sky(city=\"Rome\")]<|tool_call_end|>", true},
        {"<|tool_call_start|>[sky(city=5)]<|tool_call_end|>", false},
        {"Hello", false},
        {"12 <|tool_call_start|>[sky(city=\"Oslo\")]<|tool_call_end|>", false},
        {"<|tool_call_start|>[sky(city=\"Oslo\")]<|tool_call_end|>12", false},
        {"", false},
    };
    chat("{" USER ", \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": "
         "\"n\", \"schema\": {\"type\": \"integer\"}}}, \"tools\": [" SKY "]}");
    assert_true(runner.job.are_calls_bound);
    for (size_t i = 0; i < WEIR_COUNT(cases); i++)
        if ((weir_grammar_check(runner.job.grammar, cases[i].text, strlen(cases[i].text), NULL) ==
             WEIR_STATUS_OK) != cases[i].is_good)
            fail_msg("'%s' is expected to be %s", cases[i].text, cases[i].is_good ? "good" : "bad");
    json_t *json = end_with("12");
    assert_null(json_object_get(json, "warnings"));
    json_decref(json);
    chat("{" USER ", \"regex\": \"x\", \"tools\": [" SKY "], \"tool_choice\": \"none\"}");
    assert_int_equal(
        weir_grammar_check(runner.job.grammar, cases[1].text, strlen(cases[1].text), NULL),
        WEIR_STATUS_FAILED);
    drop_job();
}

/* ---- replies ------------------------------------------------------------------------------ */

static void test_whole_reply(void **state) {
    (void)state;
    chat("{" USER ", \"seed\": 9}");
    size_t n_prompt = runner.job.prompt[0].n_ids;
    play_piece(0, WEIR_PIECE_REASONING, "hm ");
    play_piece(0, WEIR_PIECE_REASONING, "so");
    play_piece(0, WEIR_PIECE_CONTENT, "Hello ");
    play_piece(0, WEIR_PIECE_WARNING, "something was \"mended\"");
    json_t *json = end_with("you\n");
    assert_memory_equal(string_at(json, "id"), "chatcmpl-", 9);
    assert_string_equal(string_at(json, "object"), "chat.completion");
    assert_string_equal(string_at(json, "model"), "weir-nano");
    assert_memory_equal(string_at(json, "system_fingerprint"), "fp_", 3);
    assert_in_range(integer_at(json, "created"), 1700000000, INT32_MAX);
    assert_string_equal(string_at(json, "choices.0.message.role"), "assistant");
    assert_string_equal(string_at(json, "choices.0.message.content"), "Hello you\n");
    assert_string_equal(string_at(json, "choices.0.message.reasoning_content"), "hm so");
    assert_null(json_object_get(at(json, "choices.0.message"), "tool_calls"));
    assert_string_equal(string_at(json, "choices.0.finish_reason"), "stop");
    assert_true(json_is_null(at(json, "choices.0.logprobs")));
    assert_int_equal(integer_at(json, "usage.prompt_tokens"), n_prompt);
    assert_int_equal(integer_at(json, "usage.completion_tokens"), 2);
    assert_int_equal(integer_at(json, "usage.total_tokens"), n_prompt + 2);
    assert_int_equal(integer_at(json, "usage.prompt_tokens_details.cached_tokens"), 3);
    assert_int_equal(integer_at(json, "usage.completion_tokens_details.reasoning_tokens"), 1);
    assert_string_equal(string_at(json, "warnings.0"), "something was \"mended\"");
    assert_int_equal(integer_at(json, "weir.seed"), 9);
    assert_int_equal(integer_at(json, "weir.reuse.tokens"), 3);
    assert_true(json_real_value(at(json, "weir.queued_s")) == 0.25);
    assert_true(json_real_value(at(json, "weir.tokens_per_s")) == 1.0);
    json_decref(json);
}

static void test_ends(void **state) {
    (void)state;
    static const struct {
        weir_answer_end how;
        const char *name;
    } cases[] = {
        {WEIR_ANSWER_STOP, "stop"}, {WEIR_ANSWER_LENGTH, "length"}, {WEIR_ANSWER_FULL, "length"}};
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        chat("{" USER "}");
        play_choice_end(0, cases[i].how, 0);
        play_end(WEIR_STATUS_OK, "");
        json_t *json = reply_json();
        assert_string_equal(string_at(json, "choices.0.finish_reason"), cases[i].name);
        assert_string_equal(string_at(json, "choices.0.message.content"), "");
        json_decref(json);
    }
}

/* Where no tool was offered nobody waits for a call. */
static void test_call_without_tools(void **state) {
    (void)state;
    chat("{" USER ", \"tools\": [" SKY "], \"tool_choice\": \"none\"}");
    play_piece(0, WEIR_PIECE_CALL, "{\"name\": \"sky\", \"arguments\": {}}");
    play_choice_end(0, WEIR_ANSWER_CALLS, 4);
    play_end(WEIR_STATUS_OK, "");
    json_t *json = reply_json();
    assert_null(json_object_get(at(json, "choices.0.message"), "tool_calls"));
    assert_non_null(strstr(string_at(json, "choices.0.message.content"), "sky"));
    assert_string_equal(string_at(json, "choices.0.finish_reason"), "stop");
    assert_non_null(strstr(string_at(json, "warnings.0"), "none was offered"));
    json_decref(json);
}

/* With a grammar an answer that is cut off is not what was asked for, and the reply says so. */
static void test_unfinished_form(void **state) {
    (void)state;
    weir_message message = {0};
    weir_choice_end end = {.answer = {.end = WEIR_ANSWER_LENGTH}, .message = &message};
    chat("{" USER ", \"regex\": \"[0-9]+x\"}");
    runner.events.on_choice_end(runner.events.context, 0, &end);
    play_end(WEIR_STATUS_OK, "");
    json_t *json = reply_json();
    assert_non_null(strstr(string_at(json, "warnings.0"), "before it was whole"));
    json_decref(json);
}

static void test_logprobs(void **state) {
    (void)state;
    chat("{" USER ", \"logprobs\": true, \"top_logprobs\": 2, \"return_token_ids\": true}");
    assert_true(runner.job.wants_logprobs && runner.job.n_top == 2);
    int32_t token = weir_tokenizer_find(service.host->tokenizer, "a", 1);
    const weir_token_choice top[] = {{.token = token, .logprob = -0.25f},
                                     {.token = token + 1, .logprob = -INFINITY}};
    play_token(0, token, -0.25f, top, 2);
    play_token(0, service.host->ends[0], -1, top, 2);
    json_t *json = end_with("a");
    assert_int_equal(json_array_size(at(json, "choices.0.logprobs.content")), 1); /* not its end */
    assert_string_equal(string_at(json, "choices.0.logprobs.content.0.token"), "a");
    assert_true(json_real_value(at(json, "choices.0.logprobs.content.0.logprob")) == -0.25);
    assert_int_equal(integer_at(json, "choices.0.logprobs.content.0.bytes.0"), 'a');
    assert_int_equal(json_array_size(at(json, "choices.0.logprobs.content.0.top_logprobs")), 2);
    assert_int_equal(integer_at(json, "choices.0.logprobs.content.0.top_logprobs.1.logprob"),
                     -9999);
    assert_int_equal(integer_at(json, "choices.0.token_ids.0"), token);
    assert_int_equal(json_array_size(at(json, "prompt_token_ids")),
                     integer_at(json, "usage.prompt_tokens"));
    json_decref(json);
}

static void play_letter(const char *letter) {
    play_token(0, weir_tokenizer_find(service.host->tokenizer, letter, 1), -0.25f, NULL, 0);
}

/* All probabilities that the reply shows, whole or in chunks: the letters they are of. */
static void assert_letters(const char *expected) {
    char letters[8] = "";
    bool is_done;
    size_t n_comments, i, k;
    json_t *events = exchange.is_stream ? stream_events(&is_done, &n_comments) : json_array();
    json_t *event, *token;
    if (!exchange.is_stream)
        json_array_append_new(events, reply_json());
    json_array_foreach(events, i, event) {
        json_array_foreach(json_object_get(at(event, "choices.0.logprobs"), "content"), k, token) {
            strncat(letters, string_at(token, "token"), sizeof letters - strlen(letters) - 1);
        }
    }
    assert_string_equal(letters, expected);
    json_decref(events);
}

/* Of a stop text no token is named, which was held back while it might not have become one; nor of
 * thoughts that are not shown. */
static void test_logprobs_of_what_is_not_shown(void **state) {
    (void)state;
    for (int is_stream = 0; is_stream < 2; is_stream++) {
        char body[256];
        snprintf(body, sizeof body,
                 "{" USER ", \"logprobs\": true, \"stop\": [\"bc\"], \"include_reasoning\": false, "
                 "\"stream\": %s}",
                 is_stream ? "true" : "false");
        for (int stop_string = -1; stop_string < 1; stop_string++) {
            weir_message message = {.role = WEIR_ROLE_ASSISTANT};
            weir_choice_end end = {.answer = {.stop_string = stop_string}, .message = &message};
            chat(body);
            play_letter("t");
            play_piece(0, WEIR_PIECE_REASONING, "t");
            play_letter("a");
            play_piece(0, WEIR_PIECE_CONTENT, "a");
            play_letter("b");
            play_letter("c");
            runner.events.on_choice_end(runner.events.context, 0, &end);
            play_end(WEIR_STATUS_OK, "");
            assert_letters(stop_string < 0 ? "abc" : "a");
        }
    }
}

static void test_prompt_logprobs(void **state) {
    (void)state;
    chat("{" USER ", \"prompt_logprobs\": 0}");
    assert_true(runner.job.wants_prompt_logprobs && runner.job.n_prompt_top == 0);
    const weir_token_report first = {.drawn = {1, NAN}};
    const weir_token_report second = {.drawn = {8, -INFINITY}, .rank = 4096};
    runner.events.on_prompt_token(runner.events.context, 0, 0, &first);
    runner.events.on_prompt_token(runner.events.context, 0, 1, &second);
    json_t *json = end_with("a");
    assert_true(json_is_null(at(json, "prompt_logprobs.0")));
    assert_int_equal(json_object_size(at(json, "prompt_logprobs.1")), 1);
    assert_int_equal(integer_at(json, "prompt_logprobs.1.8.logprob"), -9999);
    assert_int_equal(integer_at(json, "prompt_logprobs.1.8.rank"), 4096);
    json_decref(json);
}

static void test_choices(void **state) {
    (void)state;
    chat("{" USER ", \"n\": 2, \"return_raw_text\": true}");
    play_piece(1, WEIR_PIECE_CONTENT, "one");
    play_piece(0, WEIR_PIECE_CONTENT, "zero");
    weir_message message = {.raw = weir_text_copy("<think>", 7), .n_raw = 7};
    weir_choice_end end = {.answer = {.n_generated = 5}, .message = &message};
    runner.events.on_choice_end(runner.events.context, 1, &end);
    assert_null(message.raw); /* taken over */
    play_choice_end(0, WEIR_ANSWER_LENGTH, 4);
    play_end(WEIR_STATUS_OK, "");
    json_t *json = reply_json();
    assert_int_equal(integer_at(json, "choices.0.index"), 0);
    assert_string_equal(string_at(json, "choices.0.message.content"), "zero");
    assert_string_equal(string_at(json, "choices.1.message.content"), "one");
    assert_string_equal(string_at(json, "choices.1.raw_text"), "<think>");
    assert_true(json_is_null(at(json, "choices.0.raw_text")));
    assert_int_equal(integer_at(json, "usage.completion_tokens"), 9);
    assert_int_equal(integer_at(json, "usage.prompt_tokens_details.cached_tokens"), 0);
    json_decref(json);
}

/* ---- the context, the queue, the end ------------------------------------------------------ */

static void test_context(void **state) {
    (void)state;
    weir_text_buffer body = {0};
    weir_text_buffer_say(
        &body, "{\"max_tokens\": 30, \"messages\": [{\"role\": \"user\", \"content\": \"");
    for (int i = 0; i < 700; i++)
        weir_text_buffer_say(&body, "qz ");
    weir_text_buffer_say(&body, "\"}]}");
    refused(body.data, "messages", "30 more were requested, but the context holds 512");
    assert_non_null(strstr(exchange.out.data, "context_length_exceeded"));
    weir_text_buffer_free(&body);
    warned("{" USER ", \"max_tokens\": 600}", "the context has room for");
    chat("{" USER ", \"max_tokens\": 0}");
    assert_int_equal(runner.job.settings.max_tokens, 0);
    drop_job();
}

static void test_no_place(void **state) {
    (void)state;
    runner.status = WEIR_STATUS_FULL;
    assert_refused(weir_handle_chat, "{" USER "}", 429, NULL, "the runner says no");
    assert_string_equal(exchange.retry_after, "3");
    assert_non_null(strstr(exchange.out.data, "rate_limit_error"));
    runner.status = WEIR_STATUS_CANCELLED;
    assert_refused(weir_handle_chat, "{" USER ", \"stream\": true}", 503, NULL, "says no");
    runner.status = WEIR_STATUS_BAD_ARGUMENT;
    assert_refused(weir_handle_chat, "{" USER "}", 400, NULL, "says no");
    assert_refused(weir_handle_chat, "{" USER ", \"n\": 9}", 400, "n", "says no");
    runner.status = WEIR_STATUS_NO_MEMORY;
    assert_refused(weir_handle_chat, "{" USER "}", 500, NULL, "says no");
    runner.status = WEIR_STATUS_OK;
}

static void test_failed_job(void **state) {
    (void)state;
    chat("{" USER "}");
    play_piece(0, WEIR_PIECE_CONTENT, "half");
    play_end(WEIR_STATUS_FAILED, "a logit is NaN");
    assert_int_equal(exchange.http_status, 500);
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "error.message"), "a logit is NaN");
    json_decref(json);
    chat("{" USER "}");
    play_end(WEIR_STATUS_CANCELLED, "the server is closing");
    assert_int_equal(exchange.http_status, 503);
}

static void leave(void) {
    exchange.is_gone = true;
    if (exchange.on_gone)
        exchange.on_gone(exchange.context);
}

static void leave_and_end(void) {
    leave();
    play_end(WEIR_STATUS_OK, "");
}

/* Before, while and after the job is handed over; and a job that ends before its handler knows. */
static void test_client_leaves(void **state) {
    (void)state;
    chat("{" USER ", \"stream\": true}");
    assert_int_equal(runner.cancelled, 0);
    leave();
    assert_int_equal(runner.cancelled, FIXTURE_JOB);
    drop_job();
    exchange.is_gone = true;
    runner.cancelled = 0;
    ask_bytes(weir_handle_chat, "{" USER "}", strlen("{" USER "}"));
    assert_int_equal(runner.cancelled, FIXTURE_JOB);
    drop_job();
    exchange.is_gone = false;
    runner.cancelled = 0;
    runner.on_submit = leave;
    chat("{" USER "}");
    assert_int_equal(runner.cancelled, FIXTURE_JOB);
    drop_job();
    exchange.is_gone = false;
    runner.on_submit = leave_and_end;
    ask_bytes(weir_handle_chat, "{" USER "}", strlen("{" USER "}"));
    assert_true(exchange.has_ended);
    exchange.is_gone = false;
    runner.on_submit = NULL;
}

/* Whoever has read the answer may go on with the session at once. */
static void end_and_go_on(void) {
    play_piece(0, WEIR_PIECE_CONTENT, "x");
    play_choice_end(0, WEIR_ANSWER_STOP, 2);
    play_end(WEIR_STATUS_OK, "");
    assert_true(weir_session_hold(service.sessions, "", "s"));
    weir_session_let_go(service.sessions, "", "s");
}

/* Also while the handler still has its share of the reply. */
static void test_session_is_free(void **state) {
    (void)state;
    runner.on_submit = end_and_go_on;
    ask(weir_handle_chat, "{" USER ", \"session\": \"s\"}");
    ask(weir_handle_chat, "{" USER ", \"session\": \"s\", \"stream\": true}");
    runner.on_submit = NULL;
    weir_session_forget(service.sessions, "", "s");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refused_fields),
        cmocka_unit_test(test_unknown_fields),
        cmocka_unit_test(test_fields_without_effect),
        cmocka_unit_test(test_integer_beyond_64_bits),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_thinking),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_refused_messages),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_tools),
        cmocka_unit_test(test_refused_tools),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_refused_formats),
        cmocka_unit_test(test_tools_beside_a_form),
        cmocka_unit_test(test_whole_reply),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_call_without_tools),
        cmocka_unit_test(test_unfinished_form),
        cmocka_unit_test(test_logprobs),
        cmocka_unit_test(test_logprobs_of_what_is_not_shown),
        cmocka_unit_test(test_prompt_logprobs),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_no_place),
        cmocka_unit_test(test_failed_job),
        cmocka_unit_test(test_client_leaves),
        cmocka_unit_test(test_session_is_free),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
