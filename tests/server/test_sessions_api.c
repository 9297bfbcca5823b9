/*
 * test_sessions_api.c: conversations that the server keeps: gone on with, forked, rewound; what is
 * kept is what was said and answered well, and each key has its own.
 */
#include "api_fixture.h"
#include "unit/temp_folder.h"

#include <sys/resource.h>

/* One turn of a chat with a session, answered with these words. */
static void turn(const char *session, const char *words, const char *answer) {
    char body[512];
    snprintf(body, sizeof body,
             "{\"session\": \"%s\", \"messages\": [{\"role\": \"user\", \"content\": \"%s\"}]}",
             session, words);
    ask("POST", "/v1/chat/completions", body);
    if (!runner.has_job)
        fail_msg("%s", exchange.out.data);
    play_piece(WEIR_PIECE_CONTENT, answer);
    play_answer_end(WEIR_ANSWER_STOP, -1, answer, NULL, true);
    play_end(WEIR_STATUS_OK, "");
    assert_int_equal(exchange.http_status, 200);
}

/* "user:Hi assistant:Hello " */
static void assert_says(const char *name, const char *expected) {
    char path[128], got[1024] = "";
    snprintf(path, sizeof path, "/v1/sessions/%s", name);
    ask("GET", path, "");
    assert_int_equal(exchange.http_status, 200);
    json_t *json = reply_json(), *message;
    size_t i;
    assert_string_equal(string_at(json, "id"), name);
    json_array_foreach(at(json, "messages"), i, message) {
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%s:%s ", string_at(message, "role"),
                 string_at(message, "content"));
    }
    assert_int_equal(integer_at(json, "n_messages"), i);
    assert_string_equal(got, expected);
    json_decref(json);
}

static void post(const char *path, const char *body, int http_status) {
    ask("POST", path, body);
    if (exchange.http_status != http_status)
        fail_msg("%s %s: %d %s", path, body, exchange.http_status, exchange.out.data);
}

static void test_goes_on(void **state) {
    (void)state;
    turn("talk", "Hi", "Hello");
    turn("talk", "How are you?", "Fine");
    assert_says("talk", "user:Hi assistant:Hello user:How are you? assistant:Fine ");
    ask("POST", "/v1/chat/completions",
        "{\"session\": \"talk\", \"messages\": [{\"role\": \"user\", \"content\": \"Bye\"}]}");
    assert_prompted("user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>");
    assert_prompted("assistant\nFine<|im_end|>\n<|im_start|>user\nBye");
    /* Somebody else wants to go on at the same time. */
    weir_runner first = runner;
    weir_exchange of_first = exchange;
    runner = (weir_runner){0};
    exchange = (weir_exchange){0};
    assert_refused("POST", "/v1/chat/completions",
                   "{\"session\": \"talk\", \"messages\": [{\"role\": \"user\", \"content\": "
                   "\"Me too\"}]}",
                   409, "talk");
    assert_refused("POST", "/v1/sessions/talk/rewind", "", 409, "talk");
    assert_refused("DELETE", "/v1/sessions/talk", "", 409, "talk");
    fixture_forget();
    runner = first;
    exchange = of_first;
    play_end(WEIR_STATUS_CANCELLED, "gone"); /* nothing of it is kept */
    turn("talk", "Still there?", "Yes");
    assert_says("talk", "user:Hi assistant:Hello user:How are you? assistant:Fine "
                        "user:Still there? assistant:Yes ");
}

static void test_fork_and_rewind(void **state) {
    (void)state;
    turn("tree", "1", "one");
    turn("tree", "2", "two");
    post("/v1/sessions/tree/fork", "{\"id\": \"branch\", \"messages\": 2}", 201);
    assert_says("branch", "user:1 assistant:one ");
    turn("branch", "3", "three");
    assert_says("tree", "user:1 assistant:one user:2 assistant:two ");
    post("/v1/sessions/tree/rewind", "", 200);
    assert_says("tree", "user:1 assistant:one ");
    post("/v1/sessions/branch/rewind", "{\"messages\": -1}", 200);
    assert_says("branch", "user:1 assistant:one user:3 ");
    post("/v1/sessions/branch/rewind", "{\"messages\": 0}", 200);
    assert_says("branch", "");
    post("/v1/sessions/tree/fork", "", 201);
    json_t *json = reply_json();
    assert_true(strncmp(string_at(json, "id"), "session_", 8) == 0);
    assert_int_equal(integer_at(json, "n_messages"), 2);
    json_decref(json);
    assert_refused("POST", "/v1/sessions/tree/fork", "{\"id\": \"branch\"}", 409, "already");
    assert_refused("POST", "/v1/sessions/tree/rewind", "{\"messages\": 3}", 400, "messages");
    assert_refused("POST", "/v1/sessions/tree/burn", "", 404, "fork");
    assert_refused("POST", "/v1/sessions/nobody/fork", "", 404, "nobody");
    assert_refused("POST", "/v1/sessions/no%20body/fork", "", 404, "no session");
}

static void test_saved_and_deleted(void **state) {
    (void)state;
    post("/v1/sessions",
         "{\"id\": \"mine\", \"messages\": [{\"role\": \"system\", \"content\": \"Be kind.\"}, "
         "{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": "
         "\"Hello\"}]}",
         201);
    assert_says("mine", "system:Be kind. user:Hi assistant:Hello ");
    ask("GET", "/v1/sessions", "");
    assert_non_null(strstr(exchange.out.data, "\"id\":\"mine\""));
    turn("mine", "Bye", "See you");
    assert_says("mine", "system:Be kind. user:Hi assistant:Hello user:Bye assistant:See you ");
    ask_as("bob", "GET", "/v1/sessions", "");
    assert_null(strstr(exchange.out.data, "mine"));
    ask_as("bob", "GET", "/v1/sessions/mine", "");
    assert_int_equal(exchange.http_status, 404);
    ask_as("bob", "DELETE", "/v1/sessions/mine", "");
    assert_int_equal(exchange.http_status, 404);
    ask("DELETE", "/v1/sessions/mine", "");
    assert_int_equal(exchange.http_status, 200);
    assert_refused("GET", "/v1/sessions/mine", "", 404, "mine");
}

/* What a session shows can be saved as another, also where tools were called. */
static void test_what_is_shown_can_be_saved(void **state) {
    (void)state;
    post("/v1/sessions",
         "{\"id\": \"calls\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}, "
         "{\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": ["
         "{\"id\": \"x\", \"type\": \"function\", \"function\": {\"name\": \"f\", \"arguments\": "
         "\"{}\"}}, "
         "{\"id\": \"y\", \"type\": \"function\", \"function\": {\"name\": \"g\", \"arguments\": "
         "\"{}\"}}]}, "
         "{\"role\": \"tool\", \"tool_call_id\": \"x\", \"content\": \"1\"}, "
         "{\"role\": \"tool\", \"tool_call_id\": \"y\", \"content\": \"2\"}, "
         "{\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": ["
         "{\"id\": \"z\", \"type\": \"function\", \"function\": {\"name\": \"h\", \"arguments\": "
         "\"{}\"}}]}, "
         "{\"role\": \"tool\", \"tool_call_id\": \"z\", \"content\": \"3\"}]}",
         201);
    json_t *json = reply_json(), *copy = json_object();
    assert_string_equal(string_at(json, "messages.1.tool_calls.1.id"), "call_1");
    assert_string_equal(string_at(json, "messages.3.tool_call_id"), "call_1");
    assert_string_equal(string_at(json, "messages.3.name"), "g");
    assert_string_equal(string_at(json, "messages.4.tool_calls.0.id"), "call_2");
    assert_string_equal(string_at(json, "messages.5.tool_call_id"), "call_2");
    json_object_set(copy, "messages", at(json, "messages"));
    char *body = json_dumps(copy, 0);
    post("/v1/sessions", body, 201);
    free(body);
    json_t *again = reply_json();
    assert_true(json_equal(at(json, "messages"), at(again, "messages")));
    json_decref(again);
    json_decref(copy);
    json_decref(json);
}

/* A name that is none is not cut to one that is. */
static void test_long_names(void **state) {
    (void)state;
    char name[65], body[256], path[128];
    memset(name, 'n', 64);
    name[64] = 0;
    snprintf(body, sizeof body,
             "{\"id\": \"%s\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}", name);
    post("/v1/sessions", body, 201);
    snprintf(path, sizeof path, "/v1/sessions/%s.bak", name);
    assert_refused("GET", path, "", 404, "no session");
    assert_refused("DELETE", path, "", 404, "no session");
    assert_refused("POST", strcat(path, "/rewind"), "", 404, "no session");
    assert_says(name, "user:Hi ");
    snprintf(path, sizeof path, "/v1/sessions/%s", name);
    ask("DELETE", path, "");
    assert_int_equal(exchange.http_status, 200);
}

static void open_kept(weir_records **records) {
    weir_records_options options = {.folder = in_temp("records")};
    weir_error err;
    if (weir_records_open(records, &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    service.records = *records;
    service.sessions = weir_sessions_open(*records);
    assert_non_null(service.sessions);
}

static void close_kept(weir_records **records) {
    weir_sessions_close(&service.sessions);
    weir_records_close(records);
}

/* Its file is there, but there are no descriptors left to read it. */
static void test_what_cannot_be_read_now(void **state) {
    (void)state;
    weir_records *plain = service.records, *records;
    weir_sessions *plain_sessions = service.sessions;
    static const char kept[] = "{\"response\": {\"output\": []}, \"conversation\": {}}";
    open_kept(&records);
    turn("kept", "Hi", "Hello");
    weir_records_put(records, "", "response:resp_1", kept, strlen(kept), NULL);
    close_kept(&records);
    open_kept(&records);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_refused("POST", "/v1/chat/completions",
                   "{\"session\": \"kept\", \"messages\": [{\"role\": \"user\", \"content\": "
                   "\"Bye\"}]}",
                   500, "kept");
    assert_refused("GET", "/v1/sessions/kept", "", 500, "kept");
    assert_refused("POST", "/v1/sessions/kept/rewind", "", 500, "kept");
    assert_refused("POST", "/v1/sessions",
                   "{\"id\": \"kept\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}",
                   500, "kept");
    assert_refused("POST", "/v1/responses",
                   "{\"input\": \"Bye\", \"previous_response_id\": \"resp_1\"}", 500, "resp_1");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    turn("kept", "Bye", "See you");
    assert_says("kept", "user:Hi assistant:Hello user:Bye assistant:See you ");
    close_kept(&records);
    service.records = plain;
    service.sessions = plain_sessions;
}

static void test_bad_requests(void **state) {
    (void)state;
    static const char *const names[] = {"",
                                        "a b",
                                        "../x",
                                        "\\u0000",
                                        "ä",
                                        "0123456789012345678901234567890123456789012345678901234567"
                                        "890123456789"};
    char body[512];
    for (size_t i = 0; i < WEIR_COUNT(names); i++) {
        snprintf(body, sizeof body,
                 "{\"session\": \"%s\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}",
                 names[i]);
        assert_refused("POST", "/v1/chat/completions", body, 400, "session");
        snprintf(body, sizeof body,
                 "{\"id\": \"%s\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}",
                 names[i]);
        assert_refused("POST", "/v1/sessions", body, 400, "id");
    }
    assert_refused("POST", "/v1/chat/completions",
                   "{\"session\": \"s\", \"n\": 2, \"messages\": [{\"role\": \"user\", "
                   "\"content\": \"x\"}]}",
                   400, "n: a session");
    assert_refused("POST", "/v1/sessions", "{\"id\": \"x\"}", 400, "messages");
    assert_refused("POST", "/v1/sessions", "nonsense", 400, "JSON");
    /* A request that was refused holds nothing back. */
    turn("s", "Hi", "Hello");
}

static int open_all(void **state) {
    return temp_folder_make(state) != 0 || fixture_open(state) != 0;
}

static int close_all(void **state) {
    temp_folder_remove(state);
    return fixture_close(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on),           cmocka_unit_test(test_fork_and_rewind),
        cmocka_unit_test(test_saved_and_deleted), cmocka_unit_test(test_what_is_shown_can_be_saved),
        cmocka_unit_test(test_long_names),        cmocka_unit_test(test_what_cannot_be_read_now),
        cmocka_unit_test(test_bad_requests),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
