/*
 * fuzz_reply.c: any bytes as a reply. The events must not depend on the cuts, and the arguments of
 * every call must be a JSON object without repeated keys.
 *
 * Byte 0: flags. Bytes 1 to 8: where one of the two readings cuts. The rest is the reply, in which
 * bytes 1 to 6 stand for marks.
 */
#include "base/random.h"
#include "unit/reply_events.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLAG_NAMES = 1, FLAG_REASONING = 2, FLAG_TOKENS = 4, FLAG_STREAM = 8, N_HEAD = 9 };

static const char *const marks[] = {
    "<|tool_call_start|>", "<|tool_call_end|>", "<think>", "</think>",
    "<tool_call>",         "</tool_call>"};
enum { N_MARKS = sizeof marks / sizeof *marks };

static void require(bool holds) {
    if (!holds)
        abort();
}

/* Is it a JSON object? What jansson cannot hold (huge numbers, keys with U+0000) is no fault. */
static void require_object(const char *text, size_t n) {
    json_error_t error;
    json_t *object = json_loadb(
        text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    enum json_error_code code = object ? json_error_unknown : json_error_code(&error);
    require(object ? json_is_object(object)
                   : code == json_error_numeric_overflow || code == json_error_null_byte_in_key);
    json_decref(object);
}

static void check_event(void *context, const weir_reply_event *event) {
    if (event->kind == WEIR_REPLY_CALL)
        require_object(event->arguments, event->n_arguments);
    if (event->kind == WEIR_REPLY_WARNING)
        require(memchr(event->text, '\n', event->n) == NULL);
    require(event->n > 0);
    log_event(context, event);
}

/* Pieces end where a bit of `cuts` says so, and at marks. */
static void read_reply(weir_reply *reply, const uint8_t *data, size_t n, uint64_t cuts) {
    size_t begin = 0;
    for (size_t at = 0; at <= n; at++) {
        bool is_mark = at < n && data[at] >= 1 && data[at] <= N_MARKS;
        bool is_cut = at == n || is_mark || (cuts && weir_mix64(cuts, at, 0) % 4 == 0);
        if (!is_cut)
            continue;
        if (at > begin)
            reply_push(reply, (const char *)data + begin, at - begin);
        begin = at;
        if (is_mark) {
            const char *mark = marks[data[at] - 1];
            require(weir_reply_push_mark(reply, mark, strlen(mark), NULL) == WEIR_STATUS_OK);
            begin = at + 1;
        }
    }
    reply_end(reply);
    require(weir_reply_n_held(reply) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"f", "g", "get_time"};
    if (size < N_HEAD)
        return 0;
    uint64_t cuts;
    memcpy(&cuts, data + 1, sizeof cuts);
    reply_log log = {0};
    weir_reply_options options = {.tool_names = names,
                                  .n_tool_names = data[0] & FLAG_NAMES ? 3 : 0,
                                  .starts_in_reasoning = data[0] & FLAG_REASONING,
                                  .marks_are_tokens = data[0] & FLAG_TOKENS,
                                  .streams_calls = data[0] & FLAG_STREAM,
                                  .on_event = check_event,
                                  .context = &log};
    weir_reply *reply = NULL;
    require(weir_reply_open(&reply, &options, NULL) == WEIR_STATUS_OK);
    log_clear(&log);
    read_reply(reply, data + N_HEAD, size - N_HEAD, 0);
    reply_log whole = log;
    log = (reply_log){0};
    log_clear(&log);
    read_reply(reply, data + N_HEAD, size - N_HEAD, cuts | 1);
    require(whole.n == log.n && memcmp(whole.text, log.text, log.n) == 0);
    weir_reply_close(&reply);
    log_free(&log);
    log_free(&whole);
    return 0;
}
