/*
 * test_completions_api.c: /v1/completions: prompts in four shapes, echo and probabilities as
 * programs that score texts read them (lm-evaluation-harness, local-completions), batches, streams.
 */
#include "chat_fixture.h"

#include <math.h>

enum { A = 0, B = 1 }; /* choices */

static void complete(const char *body) {
    ask(weir_handle_completions, body);
    if (!runner.has_job)
        fail_msg("%s\nis refused: %s", body, exchange.out.data);
}

static void refused(const char *body, const char *param, const char *words) {
    assert_refused(weir_handle_completions, body, 400, param, words);
}

static int32_t token_of(const char *text) {
    int32_t token = weir_tokenizer_find(service.host->tokenizer, text, strlen(text));
    assert_true(token >= 0);
    return token;
}

/* The likeliest token stands first, one that is drawn with another probability beside it. */
static void report_prompt_token(uint32_t prompt, size_t i) {
    const weir_prompt *p = &runner.job.prompt[prompt];
    weir_token_choice top = {.token = p->ids[i], .logprob = -0.1f * (float)i};
    weir_token_report report = {.drawn = {.token = p->ids[i], .logprob = i ? top.logprob : NAN},
                                .top = &top,
                                .n_top = i ? 1 : 0,
                                .rank = 1};
    runner.events.on_prompt_token(runner.events.context, prompt, i, &report);
}

static void report_prompt(uint32_t prompt) {
    for (size_t i = 0; i < runner.job.prompt[prompt].n_ids; i++)
        report_prompt_token(prompt, i);
}

static json_t *end_all(size_t n_choices) {
    for (uint32_t i = 0; i < n_choices; i++)
        play_choice_end(i, WEIR_ANSWER_LENGTH, 1);
    play_end(WEIR_STATUS_OK, "");
    assert_int_equal(exchange.http_status, 200);
    return reply_json();
}

static void drop_job(void) {
    play_end(WEIR_STATUS_CANCELLED, "the test is over");
}

/* ---- requests ----------------------------------------------------------------------------- */

static void test_prompts(void **state) {
    (void)state;
    complete("{\"prompt\": \"Hi you\"}");
    assert_true(runner.job.n_prompts == 1 && runner.job.is_plain);
    assert_int_equal(runner.job.settings.max_tokens, 16);
    size_t n_ids = runner.job.prompt[0].n_ids;
    bool has_bos = runner.job.prompt[0].ids[0] == service.host->tokens.bos;
    assert_true(has_bos == service.host->tokens.add_bos);
    drop_job();
    complete("{\"prompt\": [\"Hi you\", \"\"], \"max_tokens\": 3}");
    assert_int_equal(runner.job.n_prompts, 2);
    assert_int_equal(runner.job.prompt[0].n_ids, n_ids);
    assert_int_equal(runner.job.settings.max_tokens, 3);
    drop_job();
    complete("{\"prompt\": [5, 6, 7]}");
    assert_int_equal(runner.job.n_prompts, 1);
    assert_int_equal(runner.job.prompt[0].n_ids, 3); /* as given: nothing is put in front */
    assert_int_equal(runner.job.prompt[0].ids[2], 7);
    drop_job();
    /* Beside an integer beyond 64 bits all are read as doubles. */
    complete("{\"prompt\": [5, 6, 7], \"odd\": 18446744073709551616}");
    assert_int_equal(runner.job.prompt[0].n_ids, 3);
    assert_int_equal(runner.job.prompt[0].ids[2], 7);
    drop_job();
    complete("{\"prompt\": [[5], [6, 7], \"Hi\"]}");
    assert_int_equal(runner.job.n_prompts, 3);
    assert_int_equal(runner.job.prompt[1].ids[1], 7);
    drop_job();
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *body, *param, *words;
    } cases[] = {
        {"{}", "prompt", "expected a text"},
        {"{\"prompt\": []}", "prompt", "expected a text"},
        {"{\"prompt\": [[]]}", "prompt", "prompt[0]: expected one token"},
        {"{\"prompt\": 3}", "prompt", "a text or a list"},
        {"{\"prompt\": [\"a\", 3]}", "prompt", "prompt[1]: expected a text or"},
        {"{\"prompt\": [3, \"a\"]}", "prompt", "prompt[1]: expected a token id"},
        {"{\"prompt\": [[3, -1]]}", "prompt", "prompt[0][1]: expected a token id"},
        {"{\"prompt\": [99999999]}", "prompt", "prompt[0]: expected a token id from 0"},
        {"{\"prompt\": \"a\", \"suffix\": \"b\"}", "suffix", "at their end"},
        {"{\"prompt\": \"a\", \"n\": 2, \"best_of\": 3}", "best_of", "the same as n, 2"},
        {"{\"prompt\": \"a\", \"logprobs\": 65}", "logprobs", "from 0 to 64"},
        {"{\"prompt\": \"a\", \"logprobs\": true}", "logprobs", "expected an integer"},
        {"{\"prompt\": \"a\", \"tools\": [{}]}", "tools", "/v1/chat/completions"},
        {"{\"prompt\": \"a\", \"echo\": 1}", "echo", "true or false"},
        {"{\"prompt\": \"a\", \"prompt_logprobs\": 65}", "prompt_logprobs", "from 0 to 64"},
        {"{\"prompt\": \"a\", \"prompt_logprobs\": 1, \"stream\": true}", "prompt_logprobs",
         "\"stream\": false"},
        {"{\"prompt\": \"a\", \"temperature\": -1}", "temperature", "from 0"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++)
        refused(cases[i].body, cases[i].param, cases[i].words);
    complete("{\"prompt\": \"a\", \"suffix\": \"\", \"best_of\": 1, \"logprobs\": null}");
    drop_job();
}

static void test_context(void **state) {
    (void)state;
    weir_text_buffer body = {0};
    weir_text_buffer_say(&body, "{\"max_tokens\": 1, \"prompt\": [[4");
    for (int i = 1; i < 511; i++)
        weir_text_buffer_say(&body, ",4");
    size_t n = body.n;
    weir_text_buffer_say(&body, "]]}");
    complete(body.data);
    assert_int_equal(runner.job.prompt[0].n_ids, 511); /* just fits */
    drop_job();
    body.n = n;
    weir_text_buffer_say(&body, ",4]]}");
    refused(body.data, "prompt", "512 tokens and 1 more were requested, but the context holds 512");
    assert_non_null(strstr(exchange.out.data, "context_length_exceeded"));
    weir_text_buffer_free(&body);
}

/* ---- the harness -------------------------------------------------------------------------- */

/* As lm_eval/models/openai_completions.py and api_models.py send it and read the reply. */
static void check_scores(json_t *json, size_t prompt, size_t n_ids) {
    char path[64];
    snprintf(path, sizeof path, "choices.%zu.logprobs", prompt);
    const json_t *logprobs = at(json, path);
    const json_t *values = json_object_get(logprobs, "token_logprobs");
    const json_t *top = json_object_get(logprobs, "top_logprobs");
    assert_int_equal(json_array_size(values), n_ids + 1);
    assert_int_equal(json_array_size(top), n_ids + 1);
    assert_int_equal(json_array_size(json_object_get(logprobs, "tokens")), n_ids + 1);
    assert_int_equal(json_array_size(json_object_get(logprobs, "text_offset")), n_ids + 1);
    assert_true(json_is_null(json_array_get(values, 0)) && json_is_null(json_array_get(top, 0)));
    for (size_t i = 1; i < n_ids; i++) {
        double largest = -INFINITY;
        const char *key;
        json_t *value, *object = json_array_get(top, i);
        json_object_foreach(object, key, value) {
            largest = json_number_value(value) > largest ? json_number_value(value) : largest;
        }
        /* "greedy" is tested by equality */
        assert_true(json_number_value(json_array_get(values, i)) == largest);
        assert_true((float)largest == -0.1f * (float)i);
    }
}

static void test_scoring_ids(void **state) {
    (void)state;
    complete("{\"model\": \"weir-nano\", \"prompt\": [[1, 50, 51, 52], [1, 60]], "
             "\"temperature\": 0, \"max_tokens\": 1, \"logprobs\": 1, \"seed\": 1234, "
             "\"echo\": true}");
    const weir_job *job = &runner.job;
    assert_true(job->wants_logprobs && job->n_top == 1 && job->wants_prompt_logprobs);
    assert_true(job->n_prompt_top == 1 && job->settings.sampling.temperature == 0);
    assert_true(job->settings.sampling.seed == 1234 && job->settings.max_tokens == 1);
    report_prompt(1); /* the second may be done first */
    weir_token_choice top = {.token = 55, .logprob = -0.5f};
    play_token(B, 55, -0.5f, &top, 1);
    report_prompt(0);
    /* An end token brings no text, but has an entry: the last is cut off by who reads. */
    play_token(A, service.host->ends[0], -2, &top, 1);
    json_t *json = end_all(2);
    assert_string_equal(string_at(json, "object"), "text_completion");
    assert_int_equal(integer_at(json, "choices.1.index"), 1);
    check_scores(json, 0, 4);
    check_scores(json, 1, 2);
    json_decref(json);
}

static void test_scoring_texts(void **state) {
    (void)state;
    complete("{\"model\": \"weir-nano\", \"prompt\": [\"Once upon a time\"], \"temperature\": 0, "
             "\"max_tokens\": 1, \"logprobs\": 1, \"seed\": 1234, \"echo\": true}");
    size_t n_ids = runner.job.prompt[0].n_ids;
    report_prompt(0);
    play_token(A, token_of("a"), -1, NULL, 0);
    play_piece(A, WEIR_PIECE_CONTENT, "a");
    json_t *json = end_all(1);
    assert_string_equal(string_at(json, "choices.0.text"), "Once upon a timea");
    assert_string_equal(string_at(json, "choices.0.finish_reason"), "length");
    check_scores(json, 0, n_ids);
    /* Offsets are places in the text. */
    const char *text = string_at(json, "choices.0.text");
    const json_t *offsets = at(json, "choices.0.logprobs.text_offset");
    const json_t *tokens = at(json, "choices.0.logprobs.tokens");
    for (size_t i = service.host->tokens.add_bos; i < n_ids + 1; i++) {
        const char *token = json_string_value(json_array_get(tokens, i));
        json_int_t offset = json_integer_value(json_array_get(offsets, i));
        assert_memory_equal(&text[offset], token, strlen(token));
    }
    json_decref(json);
}

/* max_tokens 0: the prompt's probabilities and nothing else. */
static void test_prompt_alone(void **state) {
    (void)state;
    complete("{\"prompt\": [7, 8, 9], \"max_tokens\": 0, \"logprobs\": 0, \"echo\": true}");
    assert_true(runner.job.settings.max_tokens == 0 && runner.job.n_prompt_top == 0);
    report_prompt(0);
    json_t *json = end_all(1);
    assert_int_equal(json_array_size(at(json, "choices.0.logprobs.token_logprobs")), 3);
    json_decref(json);
}

/* prompt_logprobs: as vLLM gives them, each token first, then the likeliest. */
static void test_prompt_logprobs(void **state) {
    (void)state;
    complete("{\"prompt\": [[7, 8], [9, 7]], \"prompt_logprobs\": 2, \"max_tokens\": 1}");
    assert_true(runner.job.wants_prompt_logprobs && runner.job.n_prompt_top == 2);
    assert_false(runner.job.wants_logprobs);
    weir_token_choice top[] = {{.token = 30, .logprob = -0.25f}, {.token = 31, .logprob = -2}};
    for (uint32_t p = 0; p < 2; p++) {
        const weir_token_report first = {.drawn = {runner.job.prompt[p].ids[0], NAN}};
        const weir_token_report second = {
            .drawn = {p ? 31 : 8, p ? -2.0f : -7.5f}, .top = top, .n_top = 2, .rank = p ? 2 : 40};
        runner.events.on_prompt_token(runner.events.context, p, 0, &first);
        runner.events.on_prompt_token(runner.events.context, p, 1, &second);
    }
    json_t *json = end_all(2);
    assert_true(json_is_null(at(json, "choices.0.logprobs")));
    assert_int_equal(json_array_size(at(json, "choices.0.prompt_logprobs")), 2);
    assert_true(json_is_null(at(json, "choices.0.prompt_logprobs.0")));
    json_t *second = at(json, "choices.0.prompt_logprobs.1");
    assert_int_equal(json_object_size(second), 3);
    assert_true(json_real_value(at(second, "8.logprob")) == -7.5);
    assert_int_equal(integer_at(second, "8.rank"), 40);
    assert_int_equal(integer_at(second, "30.rank"), 1);
    string_at(second, "31.decoded_token");
    second = at(json, "choices.1.prompt_logprobs.1"); /* the token is among the likeliest */
    assert_int_equal(json_object_size(second), 2);
    assert_int_equal(integer_at(second, "31.rank"), 2);
    json_decref(json);
}

/* More of them than the echo shows: each gets what it asked for. */
static void test_prompt_logprobs_and_echo(void **state) {
    (void)state;
    complete("{\"prompt\": [7, 8], \"prompt_logprobs\": 2, \"echo\": true, \"logprobs\": 0}");
    assert_int_equal(runner.job.n_prompt_top, 2);
    weir_token_choice top[] = {{.token = 30, .logprob = -0.25f}, {.token = 31, .logprob = -2}};
    const weir_token_report first = {.drawn = {7, NAN}};
    const weir_token_report second = {.drawn = {8, -3}, .top = top, .n_top = 2, .rank = 5};
    runner.events.on_prompt_token(runner.events.context, 0, 0, &first);
    runner.events.on_prompt_token(runner.events.context, 0, 1, &second);
    json_t *json = end_all(1);
    assert_int_equal(json_object_size(at(json, "choices.0.prompt_logprobs.1")), 3);
    assert_int_equal(json_object_size(at(json, "choices.0.logprobs.top_logprobs.1")), 1);
    json_decref(json);
}

/* Parts of code points, and what cannot be told apart as text, must not take each other's place. */
static void test_tokens_of_equal_text(void **state) {
    (void)state;
    int32_t first = token_of("\xe2"), other = token_of("\xc3");
    const weir_token_choice top[] = {{.token = first, .logprob = -0.5f},
                                     {.token = other, .logprob = -1.5f}};
    complete("{\"prompt\": \"a\", \"logprobs\": 2}");
    play_token(A, other, -1.5f, top, 2);
    play_token(A, token_of("b"), -INFINITY, top, 2);
    json_t *json = end_all(1);
    assert_string_equal(string_at(json, "choices.0.logprobs.tokens.0"), "bytes:\\xc3");
    json_t *map = at(json, "choices.0.logprobs.top_logprobs.0");
    assert_int_equal(json_object_size(map), 2);
    assert_true(json_real_value(json_object_get(map, "bytes:\\xe2")) == -0.5);
    map = at(json, "choices.0.logprobs.top_logprobs.1"); /* with the one that was drawn */
    assert_int_equal(json_object_size(map), 3);
    assert_int_equal(json_integer_value(json_object_get(map, "b")), -9999);
    json_decref(json);
}

/* ---- replies ------------------------------------------------------------------------------ */

static void test_whole(void **state) {
    (void)state;
    complete("{\"prompt\": [\"x\", \"y\"], \"n\": 2, \"echo\": true, \"return_token_ids\": true}");
    size_t n_prompt = runner.job.prompt[0].n_ids + runner.job.prompt[1].n_ids;
    play_token(3, 77, -1, NULL, 0);
    play_piece(3, WEIR_PIECE_CONTENT, "three");
    play_piece(0, WEIR_PIECE_CONTENT, "zero");
    json_t *json = end_all(4);
    assert_memory_equal(string_at(json, "id"), "cmpl-", 5);
    assert_int_equal(json_array_size(at(json, "choices")), 4);
    assert_string_equal(string_at(json, "choices.0.text"), "xzero");
    assert_string_equal(string_at(json, "choices.1.text"), "x");
    assert_string_equal(string_at(json, "choices.3.text"), "ythree");
    assert_int_equal(integer_at(json, "choices.3.index"), 3);
    assert_int_equal(integer_at(json, "choices.3.token_ids.0"), 77);
    assert_true(json_is_null(at(json, "choices.3.logprobs")));
    assert_int_equal(integer_at(json, "usage.prompt_tokens"), n_prompt);
    assert_int_equal(integer_at(json, "usage.completion_tokens"), 4);
    json_decref(json);
}

static void test_echo_of_ids(void **state) {
    (void)state;
    weir_text_buffer body = {0};
    weir_text_buffer_format(&body, "{\"prompt\": [%d, %d], \"echo\": true}",
                            service.host->tokens.bos, token_of("h"));
    complete(body.data);
    json_t *json = end_all(1);
    assert_string_equal(string_at(json, "choices.0.text"), "h"); /* a control token is no text */
    json_decref(json);
    weir_text_buffer_free(&body);
}

static void test_stream(void **state) {
    (void)state;
    bool is_done;
    size_t n_comments, i;
    complete("{\"prompt\": [\"x\", \"y\"], \"stream\": true, \"echo\": true, \"logprobs\": 1, "
             "\"stream_options\": {\"include_usage\": true}}");
    size_t n_ids = runner.job.prompt[0].n_ids;
    play_progress(0);
    assert_false(exchange.is_stream); /* too soon for the first sign */
    play_progress(0.5);
    play_progress(0.5); /* too soon for another */
    play_progress(6);
    report_prompt(0);
    report_prompt(1);
    play_token(A, 70, -1, NULL, 0);
    play_token(A, 71, -1, NULL, 0);
    play_piece(A, WEIR_PIECE_CONTENT, "to");
    play_token(A, 72, -1, NULL, 0);
    play_piece(A, WEIR_PIECE_CONTENT, "ge");
    play_choice_end(A, WEIR_ANSWER_STOP, 3);
    play_choice_end(B, WEIR_ANSWER_LENGTH, 0);
    play_end(WEIR_STATUS_OK, "");
    json_t *events = stream_events(&is_done, &n_comments), *event;
    assert_true(is_done && n_comments == 2);
    assert_int_equal(json_array_size(events), 5);
    char texts[2][16] = {"", ""};
    size_t n_tokens[2] = {0, 0};
    json_array_foreach(events, i, event) {
        if (i == 4)
            break;
        json_int_t choice = integer_at(event, "choices.0.index");
        strcat(texts[choice], string_at(event, "choices.0.text"));
        n_tokens[choice] += json_array_size(at(event, "choices.0.logprobs.tokens"));
        assert_true(json_is_null(at(event, "usage")));
    }
    assert_string_equal(texts[0], "xtoge");
    assert_string_equal(texts[1], "y");
    assert_int_equal(n_tokens[0], n_ids + 3);
    assert_true(json_is_null(at(events, "1.choices.0.finish_reason")));
    assert_string_equal(string_at(events, "2.choices.0.finish_reason"), "stop");
    assert_string_equal(string_at(events, "3.choices.0.finish_reason"), "length");
    at(events, "3.weir.seed");
    assert_int_equal(json_array_size(at(events, "4.choices")), 0);
    assert_int_equal(integer_at(events, "4.usage.completion_tokens"), 3);
    json_decref(events);
}

static void test_broken_stream(void **state) {
    (void)state;
    bool is_done;
    size_t n_comments;
    complete("{\"prompt\": \"x\", \"stream\": true}");
    play_piece(A, WEIR_PIECE_CONTENT, "to");
    play_end(WEIR_STATUS_FAILED, "it broke");
    json_t *events = stream_events(&is_done, &n_comments);
    assert_false(is_done);
    assert_string_equal(string_at(events, "1.error.message"), "it broke");
    json_decref(events);
}

static void test_grammar(void **state) {
    (void)state;
    complete("{\"prompt\": \"x\", \"guided_choice\": [\"yes\", \"no\"]}");
    assert_non_null(runner.job.grammar);
    drop_job();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_scoring_ids),
        cmocka_unit_test(test_scoring_texts),
        cmocka_unit_test(test_prompt_alone),
        cmocka_unit_test(test_tokens_of_equal_text),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_prompt_logprobs),
        cmocka_unit_test(test_prompt_logprobs_and_echo),
        cmocka_unit_test(test_echo_of_ids),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_broken_stream),
        cmocka_unit_test(test_grammar),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
