/*
 * test_chat.c: conversations on a model with random weights, whose answers are whatever comes:
 * broken characters, marks and control tokens among it. Whatever is said, undone, forked or loaded,
 * the timeline says what the conversation says, and what was run is not run again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "chat.h"
#include "temp_folder.h"

enum { N_TURNS = 6, ANSWER_TOKENS = 24, N_CTX = 2048 };

static const char *const templates[] = {"LFM2-1.2B-2025-07", "LFM2-350M", "LFM2.5-Instruct",
                                        "LFM2.5-8B-A1B",     "LFM2.5-VL", NULL /* plain */};

static int make_model(void **state) {
    weir_synth_options options = {.config = "tiny-dense", .seed = 1};
    return temp_folder_make(state) || weir_synth(in_temp("m.gguf"), &options, NULL);
}

static weir_host *open_host(const char *name) {
    char path[512], model_path[256];
    snprintf(model_path, sizeof model_path, "%s", in_temp("m.gguf"));
    snprintf(path, sizeof path, WEIR_TEST_DATA "/templates/%s.jinja", name ? name : "");
    weir_host_options options = {
        .model_path = model_path,
        .template_path = name ? path : NULL,
        .no_template = !name,
        .engine = {.n_threads = 1, .n_ctx = N_CTX, .n_seqs = 3},
    };
    weir_host *host;
    weir_error err;
    if (weir_host_open(&host, &options, &err) != WEIR_STATUS_OK ||
        weir_host_load(host, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return host;
}

static weir_chat *open_chat(weir_host *host) {
    weir_chat *chat;
    assert_int_equal(weir_chat_open(&chat, host, NULL), WEIR_STATUS_OK);
    weir_settings *settings = &weir_chat_conversation(chat)->settings;
    settings->max_tokens = ANSWER_TOKENS;
    settings->sampling.temperature = 1.5f;
    settings->sampling.seed = 3;
    settings->has_seed = true;
    return chat;
}

static void ask(weir_chat *chat, const char *text) {
    assert_int_equal(weir_chat_add_user(chat, text, strlen(text), NULL), WEIR_STATUS_OK);
}

static weir_answer answer(weir_chat *chat) {
    weir_answer out;
    weir_error err;
    if (weir_chat_answer(chat, NULL, &out, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return out;
}

static size_t n_tokens(const weir_chat *chat) {
    weir_chat_info info;
    weir_chat_get_info(chat, &info);
    return info.n_tokens;
}

static char *as_json(const weir_chat *chat) {
    weir_text_buffer out = {0};
    assert_int_equal(weir_chat_write(chat, &out, NULL), WEIR_STATUS_OK);
    return out.data;
}

static void test_turns(void **state) {
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(templates); i++) {
        weir_host *host = open_host(templates[i]);
        weir_chat *chat = open_chat(host);
        ask(chat, "Hello there");
        weir_answer first = answer(chat);
        assert_int_equal(first.n_cached, 0);
        for (size_t turn = 1; turn < N_TURNS; turn++) {
            size_t before = n_tokens(chat);
            ask(chat, "And <|im_end|> then?");
            weir_answer a = answer(chat);
            /* The first question at least was not run again. */
            assert_true(a.n_cached >= first.n_prompt / 2);
            assert_true(a.n_cached <= before);
            assert_true(a.n_prompt > a.n_cached);
        }
        assert_int_equal(weir_chat_conversation(chat)->n_messages, 2 * N_TURNS);
        weir_chat_close(&chat);
        weir_host_close(&host);
    }
}

/* The same question after undo has the same answer, and with retry another one. */
static void test_undo_and_retry(void **state) {
    (void)state;
    weir_host *host = open_host("LFM2-350M");
    weir_chat *chat = open_chat(host);
    assert_false(weir_chat_undo(chat));
    assert_false(weir_chat_retry(chat));
    ask(chat, "One");
    answer(chat);
    size_t after_one = n_tokens(chat);
    ask(chat, "Two");
    answer(chat);
    char *whole = as_json(chat);
    assert_true(weir_chat_undo(chat));
    assert_int_equal(weir_chat_conversation(chat)->n_messages, 2);
    ask(chat, "Two");
    weir_answer again = answer(chat);
    assert_true(again.n_cached >= after_one - 1);
    char *same = as_json(chat);
    assert_string_equal(same, whole);
    assert_true(weir_chat_retry(chat));
    assert_int_equal(weir_chat_conversation(chat)->n_messages, 3);
    weir_answer other = answer(chat);
    assert_int_equal(other.n_cached, other.n_prompt);
    char *differs = as_json(chat);
    assert_string_not_equal(differs, whole);
    weir_chat_clear(chat);
    assert_int_equal(weir_chat_conversation(chat)->n_messages, 0);
    free(whole);
    free(same);
    free(differs);
    weir_chat_close(&chat);
    weir_host_close(&host);
}

static void test_fork(void **state) {
    (void)state;
    weir_host *host = open_host("LFM2-350M");
    weir_chat *chat = open_chat(host), *fork, *third, *none;
    ask(chat, "One");
    answer(chat);
    assert_int_equal(weir_chat_fork(&fork, chat, NULL), WEIR_STATUS_OK);
    ask(chat, "Left");
    ask(fork, "Right");
    weir_answer left = answer(chat), right = answer(fork);
    assert_true(left.n_cached > 0 && left.n_cached == right.n_cached);
    assert_int_equal(weir_chat_conversation(chat)->n_messages, 4);
    assert_int_equal(weir_chat_conversation(fork)->n_messages, 4);
    assert_string_equal(weir_chat_conversation(chat)->message[2].content, "Left");
    assert_string_equal(weir_chat_conversation(fork)->message[2].content, "Right");
    assert_int_equal(weir_chat_fork(&third, fork, NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_chat_fork(&none, fork, NULL), WEIR_STATUS_FULL);
    assert_null(none);
    weir_chat_close(&chat);
    ask(third, "On");
    answer(third);
    weir_chat_close(&fork);
    weir_chat_close(&third);
    weir_host_close(&host);
}

/* A conversation and its state come back, and nothing is run again. */
static void test_resume(void **state) {
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s", in_temp("s.state"));
    weir_host *host = open_host("LFM2.5-8B-A1B");
    weir_chat *chat = open_chat(host);
    assert_int_equal(weir_chat_save_state(chat, path, NULL), WEIR_STATUS_BAD_ARGUMENT);
    ask(chat, "One");
    answer(chat);
    char *text = as_json(chat);
    assert_int_equal(weir_chat_save_state(chat, path, NULL), WEIR_STATUS_OK);
    ask(chat, "Two");
    weir_answer second = answer(chat);
    assert_true(second.n_cached > 0);
    char *whole = as_json(chat);
    for (int with_state = 0; with_state < 2; with_state++) {
        weir_chat *resumed = open_chat(host);
        assert_int_equal(weir_chat_read(resumed, text, strlen(text), "f", NULL), WEIR_STATUS_OK);
        if (with_state)
            assert_int_equal(weir_chat_load_state(resumed, path, NULL), WEIR_STATUS_OK);
        ask(resumed, "Two");
        weir_answer a = answer(resumed);
        if (with_state) {
            assert_true(a.n_cached >= second.n_cached);
            char *same = as_json(resumed);
            assert_string_equal(same, whole);
            free(same);
        }
        weir_chat_close(&resumed);
    }
    /* A damaged state is refused and harms nothing; a conversation too. */
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(weir_chat_load_state(chat, path, NULL), WEIR_STATUS_BAD_FILE);
    assert_int_equal(weir_chat_read(chat, "{", 1, "f", NULL), WEIR_STATUS_BAD_FILE);
    char *still = as_json(chat);
    assert_string_equal(still, whole);
    ask(chat, "Three");
    answer(chat);
    free(text);
    free(whole);
    free(still);
    weir_chat_close(&chat);
    weir_host_close(&host);
}

/* What stands behind a stop string is no part of the conversation. */
static void test_stop_string(void **state) {
    (void)state;
    weir_host *host = open_host("LFM2-350M");
    weir_chat *chat = open_chat(host);
    ask(chat, "One");
    weir_prompt asked; /* what the template says itself cannot be told from an answer */
    assert_int_equal(weir_chat_prompt(chat, true, &asked, NULL), WEIR_STATUS_OK);
    answer(chat);
    weir_message *message = &weir_chat_conversation(chat)->message[1];
    char stop[8] = "";
    for (size_t i = message->n_content / 2; i + 3 < message->n_content && !stop[0]; i++)
        if ((signed char)message->content[i] > ' ' && (signed char)message->content[i + 1] > ' ' &&
            !memmem(asked.text, asked.n_text, message->content + i, 2))
            memcpy(stop, message->content + i, 2);
    weir_prompt_free(&asked);
    assert_true(stop[0]);
    assert_int_equal(weir_settings_set(&weir_chat_conversation(chat)->settings, "stop", stop, NULL),
                     WEIR_STATUS_OK);
    assert_true(weir_chat_undo(chat));
    ask(chat, "One");
    weir_answer a = answer(chat);
    assert_int_equal(a.end, WEIR_ANSWER_STOP);
    assert_int_equal(a.stop_string, 0);
    message = &weir_chat_conversation(chat)->message[1];
    assert_null(strstr(message->content, stop));
    assert_null(message->raw);
    ask(chat, "Two");
    weir_prompt prompt;
    assert_int_equal(weir_chat_prompt(chat, true, &prompt, NULL), WEIR_STATUS_OK);
    assert_null(memmem(prompt.text, prompt.n_text, stop, 2));
    weir_prompt_free(&prompt);
    answer(chat);
    weir_chat_close(&chat);
    weir_host_close(&host);
}

static bool stop_after_some(void *context) {
    int *left = context;
    return (*left)-- <= 0;
}

static void test_interrupt(void **state) {
    (void)state;
    weir_host *host = open_host("LFM2-350M");
    weir_chat *chat = open_chat(host);
    ask(chat, "One");
    int n_steps = 0;
    weir_answer_events events = {
        .progress = {.context = &n_steps, .is_cancelled = stop_after_some}};
    weir_answer a;
    /* Before the first token there is no answer. */
    assert_int_equal(weir_chat_answer(chat, &events, &a, NULL), WEIR_STATUS_OK);
    assert_int_equal(a.end, WEIR_ANSWER_INTERRUPTED);
    assert_int_equal(weir_chat_conversation(chat)->n_messages, 1);
    n_steps = 10;
    assert_int_equal(weir_chat_answer(chat, &events, &a, NULL), WEIR_STATUS_OK);
    assert_int_equal(a.end, WEIR_ANSWER_INTERRUPTED);
    assert_true(a.n_generated > 0 && a.n_generated < ANSWER_TOKENS);
    assert_int_equal(weir_chat_conversation(chat)->n_messages, 2);
    size_t before = n_tokens(chat);
    ask(chat, "Two");
    a = answer(chat);
    assert_true(a.n_cached + 1 >= before);
    /* A signal that came while nothing ran cancels the next step, not the answer. */
    weir_engine_cancel(host->engine);
    ask(chat, "Three");
    a = answer(chat);
    assert_true(a.end != WEIR_ANSWER_INTERRUPTED && a.n_generated > 0);
    weir_chat_close(&chat);
    weir_host_close(&host);
}

static void test_full_context(void **state) {
    (void)state;
    weir_host *host = open_host("LFM2-350M");
    weir_chat *chat = open_chat(host);
    weir_chat_conversation(chat)->settings.max_tokens = WEIR_NO_LIMIT;
    weir_chat_conversation(chat)->settings.ignore_eos = true;
    ask(chat, "One");
    assert_int_equal(answer(chat).end, WEIR_ANSWER_FULL);
    assert_int_equal(n_tokens(chat), N_CTX);
    ask(chat, "Two");
    weir_error err;
    assert_int_equal(weir_chat_answer(chat, NULL, NULL, &err), WEIR_STATUS_FULL);
    assert_non_null(strstr(err.text, "2048"));
    assert_int_equal(weir_chat_conversation(chat)->n_messages, 3);
    assert_true(weir_chat_undo(chat) && weir_chat_undo(chat));
    ask(chat, "Short");
    weir_chat_conversation(chat)->settings.max_tokens = 4;
    assert_int_equal(answer(chat).end, WEIR_ANSWER_LENGTH);
    weir_chat_close(&chat);
    weir_host_close(&host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),        cmocka_unit_test(test_undo_and_retry),
        cmocka_unit_test(test_fork),         cmocka_unit_test(test_resume),
        cmocka_unit_test(test_stop_string),  cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_full_context),
    };
    return cmocka_run_group_tests(tests, make_model, temp_folder_remove);
}
