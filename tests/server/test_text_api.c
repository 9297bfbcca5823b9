/*
 * test_text_api.c: tokens, templates, and what the lm-evaluation-harness asks of a tokenizer.
 */
#include "api_fixture.h"

static json_t *post(const char *path, const char *body) {
    ask("POST", path, body);
    if (exchange.http_status != 200)
        fail_msg("%s gives %s", body, exchange.out.data);
    return reply_json();
}

/* The text that the ids of a reply stand for, by the server itself. */
static void assert_detokenized(json_t *tokens, const char *expected) {
    json_t *request = json_pack("{sO}", "tokens", tokens);
    char *body = json_dumps(request, 0);
    json_t *json = post("/detokenize", body);
    assert_string_equal(string_at(json, "prompt"), expected);
    assert_string_equal(string_at(json, "content"), expected);
    json_decref(json);
    json_decref(request);
    free(body);
}

static void test_both_ways(void **state) {
    (void)state;
    static const char *const texts[] = {"Once upon a time", "", " \n\t ",
                                        "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x80", "<|im_start|>user"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *request = json_pack("{sssb}", "prompt", texts[i], "add_special_tokens", 0);
        char *body = json_dumps(request, 0);
        json_t *json = post("/tokenize", body);
        assert_int_equal(integer_at(json, "count"), json_array_size(at(json, "tokens")));
        assert_int_equal(integer_at(json, "max_model_len"), 512);
        assert_detokenized(at(json, "tokens"), texts[i]);
        json_decref(json);
        json_decref(request);
        free(body);
    }
}

/* As clients write them to whom all numbers are doubles. */
static void test_ids_as_doubles(void **state) {
    (void)state;
    json_t *whole = post("/detokenize", "{\"tokens\": [300, 301]}");
    json_t *json = post("/detokenize", "{\"tokens\": [300.0, 3.01e2]}");
    assert_true(json_equal(json, whole));
    json_decref(json);
    json_decref(whole);
}

/* vLLM's requests put the file's tokens around a text unless they say no, llama.cpp's if they say
 * yes; in both a control token that is written is one, unless they say no. */
static void test_special_tokens(void **state) {
    (void)state;
    const json_int_t bos = service.host->tokens.bos;
    const json_int_t end = weir_host_token(service.host, "<|im_end|>");
    assert_true(service.host->tokens.add_bos && bos >= 0 && end >= 0);
    json_t *json = post("/tokenize", "{\"prompt\": \"a\"}");
    assert_int_equal(integer_at(json, "tokens.0"), bos);
    json_decref(json);
    json = post("/tokenize", "{\"content\": \"a\"}");
    assert_int_not_equal(integer_at(json, "tokens.0"), bos);
    json_decref(json);
    json = post("/tokenize", "{\"content\": \"a\", \"add_special\": true}");
    assert_int_equal(integer_at(json, "tokens.0"), bos);
    json_decref(json);
    json = post("/tokenize", "{\"content\": \"<|im_end|>\"}");
    assert_int_equal(integer_at(json, "tokens.0"), end);
    assert_int_equal(integer_at(json, "count"), 1);
    json_decref(json);
    json = post("/tokenize", "{\"content\": \"<|im_end|>\", \"parse_special\": false}");
    assert_int_not_equal(integer_at(json, "count"), 1);
    json_decref(json);
}

static void test_pieces(void **state) {
    (void)state;
    json_t *json = post("/tokenize", "{\"content\": \"a\xf0\x9f\x90\x80\", \"with_pieces\": true, "
                                     "\"return_token_strs\": true}");
    json_t *token, *byte;
    unsigned char bytes[16];
    size_t i, k, n = 0;
    json_array_foreach(at(json, "tokens"), i, token) {
        json_t *piece = at(token, "piece");
        integer_at(token, "id");
        json_array_foreach(piece, k, byte) {
            bytes[n++] = (unsigned char)json_integer_value(byte);
        }
        for (const char *c = json_string_value(piece); c && *c; c++)
            bytes[n++] = (unsigned char)*c;
    }
    assert_int_equal(n, 5);
    assert_memory_equal(bytes, "a\xf0\x9f\x90\x80", 5);
    assert_int_equal(json_array_size(at(json, "token_strs")), json_array_size(at(json, "tokens")));
    json_decref(json);
}

#define TALK                                                                                  \
    "\"messages\": [{\"role\": \"system\", \"content\": \"Be kind.\"}, {\"role\": \"user\", " \
    "\"content\": \"Hi\"}]"

static void test_templates(void **state) {
    (void)state;
    json_t *json = post("/apply-template", "{" TALK "}");
    const char *text = string_at(json, "prompt"), *end = "<|im_start|>assistant\n";
    assert_non_null(strstr(text, "system\nBe kind.<|im_end|>"));
    assert_string_equal(text + strlen(text) - strlen(end), end);
    json_t *tokens = post("/tokenize", "{" TALK "}");
    char *copy = strdup(text);
    assert_detokenized(at(tokens, "tokens"), copy);
    free(copy);
    json_decref(tokens);
    json_decref(json);
    json = post("/apply-template", "{" TALK ", \"add_generation_prompt\": false, \"tools\": "
                                   "[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]}");
    text = string_at(json, "prompt");
    assert_null(strstr(text, "assistant"));
    assert_non_null(strstr(text, "\"name\": \"f\""));
    json_decref(json);
}

/* A remote tokenizer is used if it has an eos_token and /tokenize gives a list. */
static void test_tokenizer_info(void **state) {
    (void)state;
    ask("GET", "/tokenizer_info", "");
    json_t *json = reply_json();
    assert_string_equal(string_at(json, "bos_token"), "<|startoftext|>");
    assert_non_null(strstr(string_at(json, "chat_template"), "messages"));
    assert_int_equal(integer_at(json, "vocab_size"), service.host->tokens.n_tokens);
    char body[128];
    snprintf(body, sizeof body, "{\"prompt\": \"%s\", \"add_special_tokens\": false}",
             string_at(json, "eos_token"));
    json_int_t eos = integer_at(json, "eos_token_id");
    json_decref(json);
    json = post("/tokenize", body);
    assert_int_equal(integer_at(json, "count"), 1);
    assert_int_equal(integer_at(json, "tokens.0"), eos);
    json_decref(json);
}

static void test_refusals(void **state) {
    (void)state;
    assert_refused("POST", "/tokenize", "{}", 400, "expected one of prompt, content");
    assert_refused("POST", "/tokenize", "{\"prompt\": \"x\", \"content\": \"x\"}", 400,
                   "expected one of prompt, content");
    assert_refused("POST", "/tokenize", "{\"prompt\": [1]}", 400, "prompt: expected a string");
    assert_refused("POST", "/tokenize", "{\"prompt\": \"x\", ", 400, "body:1:");
    assert_refused("POST", "/detokenize", "{}", 400, "tokens: expected a list");
    assert_refused("POST", "/detokenize", "{\"tokens\": [1, -1]}", 400, "tokens[1]");
    assert_refused("POST", "/detokenize", "{\"tokens\": [99999999]}", 400, "tokens[0]");
    assert_refused("POST", "/detokenize", "{\"tokens\": [1.5]}", 400, "tokens[0]");
    assert_refused("POST", "/apply-template", "{}", 400, "messages");
    assert_refused("POST", "/apply-template", "{" TALK ", \"chat_template\": \"x\"}", 400,
                   "chat_template is not supported");
    json_t *json = post("/tokenize", "{\"content\": \"a\", \"no_such_field\": 1}");
    assert_non_null(strstr(string_at(json, "warnings.0"), "no_such_field"));
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),      cmocka_unit_test(test_ids_as_doubles),
        cmocka_unit_test(test_special_tokens), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_templates),      cmocka_unit_test(test_tokenizer_info),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
