/*
 * load_reply.c: see load_reply.h. Three readers, each fed by the one before: HTTP (head lines, then
 * a body that a length, chunks or the end of the connection measure), events (lines, and an empty
 * one that ends an event), and the JSON of an event.
 */
#include "load_reply.h"

#include "base/utf8.h"

#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_HEAD = 64 * 1024, MAX_LENGTH_DIGITS = 15, MAX_CHUNK_DIGITS = 12 };

/* What the next byte belongs to. */
enum {
    PART_STATUS = 0,
    PART_HEADERS,
    PART_BODY, /* by its length, or until the end */
    PART_CHUNK_SIZE,
    PART_CHUNK,
    PART_CHUNK_END,
    PART_TRAILERS
};

const char *weir_load_fault_text(weir_load_fault fault) {
    static const char *const texts[WEIR_LOAD_N_FAULTS] = {
        "fine",       "not connected",       "timeout", "closed early", "http status", "bad http",
        "bad stream", "error in the stream", "local",   "cut off",
    };
    return texts[fault];
}

/* ---- faults ------------------------------------------------------------------------------------
 */

static void fail(weir_load_reply *r, weir_load_fault fault, const char *format, ...)
    WEIR_PRINTF(3, 4);

/* The first fault is what is told. It may quote foreign bytes, and is one line of UTF-8. */
static void fail(weir_load_reply *r, weir_load_fault fault, const char *format, ...) {
    char raw[WEIR_LOAD_MESSAGE], clean[3 * sizeof raw + 1];
    if (r->is_done)
        return;
    r->is_done = true;
    r->keeps_alive = false;
    r->fault = fault;
    va_list args;
    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    for (char *at = raw; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    size_t n = weir_utf8_repair(raw, strlen(raw), clean);
    n = weir_utf8_valid(clean, n < sizeof r->message ? n : sizeof r->message - 1);
    memcpy(r->message, clean, n);
    r->message[n] = 0;
}

/* ---- the JSON of an event ----------------------------------------------------------------------
 */

static uint64_t count_in(const json_t *object, const char *key) {
    const json_t *number = json_object_get(object, key);
    return json_is_integer(number) && json_integer_value(number) > 0
               ? (uint64_t)json_integer_value(number)
               : 0;
}

static void read_usage(weir_load_reply *r, const json_t *usage) {
    if (!json_is_object(usage))
        return;
    r->has_usage = json_is_integer(json_object_get(usage, "completion_tokens"));
    r->n_output = count_in(usage, "completion_tokens");
    r->n_prompt = count_in(usage, "prompt_tokens");
    r->n_cached = count_in(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
}

static bool has_text(const json_t *value) {
    return json_string_length(value) > 0 || json_array_size(value) > 0;
}

/* Does it say no more than whose turn it is? */
static bool is_opening(const json_t *choice) {
    static const char *const keys[] = {"content", "reasoning_content", "reasoning", "tool_calls",
                                       "refusal"};
    const json_t *delta = json_object_get(choice, "delta");
    const json_t *reason = json_object_get(choice, "finish_reason");
    if (!json_is_object(delta) || (reason && !json_is_null(reason)))
        return false;
    for (size_t i = 0; i < WEIR_COUNT(keys); i++)
        if (has_text(json_object_get(delta, keys[i])))
            return false;
    return true;
}

/* An event with choices is a chunk, also without text: a token may have none that can be shown yet.
 * Except before the first one: a server may open a chat, naming the role, long before it has a
 * token. */
static bool is_chunk(const weir_load_reply *r, const json_t *choices) {
    bool only_opens = r->n_chunks == 0;
    for (size_t i = 0; i < json_array_size(choices) && only_opens; i++)
        only_opens = is_opening(json_array_get(choices, i));
    return json_array_size(choices) > 0 && !only_opens;
}

static void add_gap(weir_load_reply *r, double gap_s) {
    if (r->n_gaps == r->gaps_cap) {
        size_t cap = r->gaps_cap ? 2 * r->gaps_cap : 64;
        float *gaps = realloc(r->gaps_s, cap * sizeof *gaps);
        if (!gaps) {
            fail(r, WEIR_LOAD_LOCAL, "no memory for the times of an answer");
            return;
        }
        r->gaps_s = gaps;
        r->gaps_cap = cap;
    }
    r->gaps_s[r->n_gaps++] = (float)gap_s;
}

static void take_chunk(weir_load_reply *r) {
    if (r->n_chunks++ == 0)
        r->first_s = r->now_s;
    else
        add_gap(r, r->now_s - r->last_s);
    r->last_s = r->now_s;
}

/* {"error": {"message": ...}}, {"error": "..."}, {"message": ...}, {"detail": "..."} */
static const char *message_of(const json_t *reply) {
    const json_t *error = json_object_get(reply, "error");
    const char *text = json_string_value(json_object_get(error, "message"));
    text = text ? text : json_string_value(error);
    text = text ? text : json_string_value(json_object_get(reply, "message"));
    return text ? text : json_string_value(json_object_get(reply, "detail"));
}

static void read_answer(weir_load_reply *r, const json_t *answer) {
    const json_t *error = json_object_get(answer, "error");
    const json_t *choices = json_object_get(answer, "choices");
    if (error && !json_is_null(error)) {
        const char *text = message_of(answer);
        fail(r, WEIR_LOAD_STREAM_ERROR, "%s", text ? text : "without a message");
        return;
    }
    if (!json_is_array(choices)) {
        fail(r, WEIR_LOAD_BAD_STREAM, "an event without choices");
        return;
    }
    if (is_chunk(r, choices))
        take_chunk(r);
    read_usage(r, json_object_get(answer, "usage"));
}

static void read_event(weir_load_reply *r, const char *data, size_t n) {
    json_error_t error;
    if (r->has_ended) {
        fail(r, WEIR_LOAD_BAD_STREAM, "an event after [DONE]: %.60s", data);
        return;
    }
    if (n == 6 && memcmp(data, "[DONE]", 6) == 0) {
        r->has_ended = true;
        return;
    }
    json_t *answer = json_loadb(data, n, JSON_ALLOW_NUL, &error);
    if (!answer && json_error_code(&error) == json_error_numeric_overflow)
        answer = json_loadb(data, n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (json_is_object(answer))
        read_answer(r, answer);
    else
        fail(r, WEIR_LOAD_BAD_STREAM, "an event that is no JSON object: %.60s", data);
    json_decref(answer);
}

/* ---- events ------------------------------------------------------------------------------------
 */

/* A line of the stream without its end: "data: ...", "" at the end of an event, else nothing that
 * counts (comments, names, ids). */
static void take_event_line(weir_load_reply *r) {
    const char *line = r->event_line.data;
    size_t n = r->event_line.n;
    if (n == 0) {
        if (r->event_has_data)
            read_event(r, r->event.data, r->event.n);
        r->event_has_data = false;
        weir_text_buffer_clear(&r->event);
    } else if (n >= 5 && memcmp(line, "data:", 5) == 0) {
        size_t n_skip = n > 5 && line[5] == ' ' ? 6 : 5;
        if (r->event_has_data)
            weir_text_buffer_say(&r->event, "\n");
        weir_text_buffer_add(&r->event, line + n_skip, n - n_skip);
        r->event_has_data = true;
    }
    weir_text_buffer_clear(&r->event_line);
}

static void take_events(weir_load_reply *r, const char *bytes, size_t n) {
    for (size_t at = 0; at < n && !r->is_done;) {
        /* A line ends in LF, CR or both. */
        if (r->after_cr && bytes[at] == '\n') {
            r->after_cr = false;
            at++;
            continue;
        }
        r->after_cr = false;
        const char *lf = memchr(bytes + at, '\n', n - at);
        size_t n_line = lf ? (size_t)(lf - (bytes + at)) : n - at;
        const char *cr = memchr(bytes + at, '\r', n_line);
        n_line = cr ? (size_t)(cr - (bytes + at)) : n_line;
        weir_text_buffer_add(&r->event_line, bytes + at, n_line);
        if (r->event_line.has_failed || r->event.has_failed) {
            fail(r, WEIR_LOAD_LOCAL, "no memory for an event");
        } else if (r->event_line.n + r->event.n > WEIR_LOAD_MAX_BODY) {
            fail(r, WEIR_LOAD_BAD_STREAM, "an event of more than %d bytes", WEIR_LOAD_MAX_BODY);
        } else if (cr || lf) {
            r->after_cr = cr != NULL;
            take_event_line(r);
            n_line++;
        }
        at += n_line;
    }
}

/* ---- HTTP --------------------------------------------------------------------------------------
 */

static void take_body(weir_load_reply *r, const char *bytes, size_t n) {
    if (r->is_stream) {
        take_events(r, bytes, n);
        return;
    }
    weir_text_buffer_add(&r->body, bytes, n);
    if (r->body.has_failed)
        fail(r, WEIR_LOAD_LOCAL, "no memory for a reply");
    else if (r->body.n > WEIR_LOAD_MAX_BODY)
        fail(r, WEIR_LOAD_BAD_HTTP, "a reply of more than %d bytes", WEIR_LOAD_MAX_BODY);
}

static void fail_with_status(weir_load_reply *r) {
    bool keeps_alive = r->keeps_alive;
    json_error_t error;
    json_t *body = r->body.n > 0 ? json_loadb(r->body.data, r->body.n, 0, &error) : NULL;
    const char *text = message_of(body);
    fail(r, WEIR_LOAD_HTTP_STATUS, "%.150s",
         text            ? text
         : r->body.n > 0 ? r->body.data
                         : "without a message");
    json_decref(body);
    r->keeps_alive = keeps_alive; /* the connection is as good as before */
}

/* All bytes of the reply are there. */
static void finish(weir_load_reply *r) {
    if (r->is_stream) { /* also those lines whose end is missing */
        if (r->event_line.n > 0)
            take_event_line(r);
        take_event_line(r);
        if (!r->has_ended)
            fail(r, WEIR_LOAD_BAD_STREAM, "the stream ended without [DONE]");
        else if (r->n_chunks == 0)
            fail(r, WEIR_LOAD_BAD_STREAM, "the stream brought no token");
    } else if (r->http_status != 200) {
        fail_with_status(r);
    } else if (r->wants_stream) {
        fail(r, WEIR_LOAD_BAD_STREAM, "expected text/event-stream, got another type");
    }
    r->is_done = true;
}

/* The number that text [n] is, of at most so many digits. */
static bool read_number(const char *text, size_t n, int base, size_t max_digits, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        int c = tolower((unsigned char)text[i]);
        int digit = isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
        if (digit >= base)
            return false;
        *out = *out * (uint64_t)base + (uint64_t)digit;
    }
    return n > 0 && n <= max_digits;
}

/* "HTTP/1.1 200 OK" */
static void take_status(weir_load_reply *r, const char *line, size_t n) {
    uint64_t status;
    bool is_good = n >= 12 && memcmp(line, "HTTP/1.", 7) == 0 && isdigit((unsigned char)line[7]) &&
                   line[8] == ' ' && read_number(line + 9, 3, 10, 3, &status) && status >= 100 &&
                   (n == 12 || line[12] == ' ');
    if (!is_good) {
        fail(r, WEIR_LOAD_BAD_HTTP, "expected HTTP/1.1 and a status, got %.60s", line);
        return;
    }
    r->http_status = (int)status;
    r->keeps_alive = line[7] != '0';
    r->is_stream = r->is_chunked = r->has_length = false;
    r->part = PART_HEADERS;
}

/* Does a list of words with commas between them hold this one? */
static bool has_word(const char *list, const char *word) {
    size_t n_word = strlen(word);
    for (const char *at = list; *at; at += *at == ',') {
        at += strspn(at, " \t");
        size_t n = strcspn(at, ", \t;");
        if (n == n_word && strncasecmp(at, word, n) == 0)
            return true;
        at += strcspn(at, ",");
    }
    return false;
}

static void take_length(weir_load_reply *r, const char *value, size_t n) {
    uint64_t length;
    if (!read_number(value, n, 10, MAX_LENGTH_DIGITS, &length) ||
        (r->has_length && length != r->n_left)) {
        fail(r, WEIR_LOAD_BAD_HTTP, "expected one Content-Length, got %.60s", value);
        return;
    }
    r->has_length = true;
    r->n_left = length;
}

static void take_header(weir_load_reply *r, char *line, size_t n) {
    char *colon = memchr(line, ':', n);
    if (!colon || colon == line) {
        fail(r, WEIR_LOAD_BAD_HTTP, "expected a header, got %.60s", line);
        return;
    }
    *colon = 0;
    char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t n_value = n - (size_t)(value - line);
    while (n_value > 0 && (value[n_value - 1] == ' ' || value[n_value - 1] == '\t'))
        value[--n_value] = 0;
    if (strcasecmp(line, "content-length") == 0)
        take_length(r, value, n_value);
    else if (strcasecmp(line, "transfer-encoding") == 0 && strcasecmp(value, "chunked") != 0)
        fail(r, WEIR_LOAD_BAD_HTTP, "expected chunked as Transfer-Encoding, got %.60s", value);
    else if (strcasecmp(line, "transfer-encoding") == 0)
        r->is_chunked = true;
    else if (strcasecmp(line, "content-type") == 0)
        r->is_stream = r->wants_stream && has_word(value, "text/event-stream");
    else if (strcasecmp(line, "connection") == 0)
        r->keeps_alive =
            !has_word(value, "close") && (r->keeps_alive || has_word(value, "keep-alive"));
}

/* The head is over: what measures the body? */
static void begin_body(weir_load_reply *r) {
    if (r->http_status == 101) {
        fail(r, WEIR_LOAD_BAD_HTTP, "the server changed the protocol");
    } else if (r->http_status < 200) {
        r->part = PART_STATUS; /* the real one follows */
    } else {
        r->has_status = true;
        r->is_stream &= r->http_status == 200;
        if (r->http_status == 204 || r->http_status == 304) { /* never have a body */
            r->has_length = true;
            r->n_left = 0;
        }
        r->part = r->is_chunked ? PART_CHUNK_SIZE : PART_BODY;
        r->n_head = 0;
        if (r->is_chunked)
            return;
        r->keeps_alive &= r->has_length;
        if (r->has_length && r->n_left == 0)
            finish(r);
    }
}

static void take_chunk_size(weir_load_reply *r, const char *line, size_t n) {
    size_t n_digits = strcspn(line, "; \t");
    n_digits = n_digits < n ? n_digits : n;
    if (!read_number(line, n_digits, 16, MAX_CHUNK_DIGITS, &r->n_left))
        fail(r, WEIR_LOAD_BAD_HTTP, "expected the size of a chunk, got %.60s", line);
    r->part = r->n_left > 0 ? PART_CHUNK : PART_TRAILERS;
    r->n_head = 0;
}

static void take_head_line(weir_load_reply *r, char *line, size_t n) {
    switch (r->part) {
    case PART_STATUS:
        take_status(r, line, n);
        break;
    case PART_HEADERS:
        if (n > 0)
            take_header(r, line, n);
        else
            begin_body(r);
        break;
    case PART_CHUNK_SIZE:
        take_chunk_size(r, line, n);
        break;
    case PART_CHUNK_END:
        if (n > 0)
            fail(r, WEIR_LOAD_BAD_HTTP, "a chunk is longer than its size");
        r->part = PART_CHUNK_SIZE;
        break;
    case PART_TRAILERS:
        if (n == 0)
            finish(r);
        break;
    }
}

/* A line or a part of it; returns the bytes that were taken. */
static size_t push_head(weir_load_reply *r, const char *bytes, size_t n) {
    const char *lf = memchr(bytes, '\n', n);
    size_t n_used = lf ? (size_t)(lf - bytes) + 1 : n;
    r->n_head += n_used;
    weir_text_buffer_add(&r->line, bytes, lf ? n_used - 1 : n_used);
    /* Told at once: what is no HTTP may never end a line. */
    size_t n_shown = r->line.n < 7 ? r->line.n : 7;
    if (r->line.has_failed)
        fail(r, WEIR_LOAD_LOCAL, "no memory for the head of a reply");
    else if (r->part == PART_STATUS && memcmp(r->line.data, "HTTP/1.", n_shown) != 0)
        fail(r, WEIR_LOAD_BAD_HTTP, "the reply does not begin with HTTP/1");
    else if (r->n_head > MAX_HEAD)
        fail(r, WEIR_LOAD_BAD_HTTP, "more than %d bytes of headers", MAX_HEAD);
    if (!lf || r->is_done)
        return n_used;
    if (r->line.n > 0 && r->line.data[r->line.n - 1] == '\r')
        r->line.data[--r->line.n] = 0;
    take_head_line(r, r->line.data, r->line.n);
    weir_text_buffer_clear(&r->line);
    return n_used;
}

/* Bytes of the body, as many as belong to it. */
static size_t push_body(weir_load_reply *r, const char *bytes, size_t n) {
    bool has_end = r->has_length || r->part == PART_CHUNK;
    size_t n_used = has_end && r->n_left < n ? (size_t)r->n_left : n;
    take_body(r, bytes, n_used);
    r->n_left -= has_end ? n_used : 0;
    if (!has_end || r->n_left > 0 || r->is_done)
        return n_used;
    if (r->part == PART_CHUNK)
        r->part = PART_CHUNK_END;
    else
        finish(r);
    return n_used;
}

void weir_load_reply_begin(weir_load_reply *r, bool wants_stream) {
    weir_load_reply fresh = {.wants_stream = wants_stream,
                             .body = r->body,
                             .line = r->line,
                             .event_line = r->event_line,
                             .event = r->event,
                             .gaps_s = r->gaps_s,
                             .gaps_cap = r->gaps_cap};
    *r = fresh;
    weir_text_buffer_clear(&r->body);
    weir_text_buffer_clear(&r->line);
    weir_text_buffer_clear(&r->event_line);
    weir_text_buffer_clear(&r->event);
}

size_t weir_load_reply_push(weir_load_reply *r, const char *bytes, size_t n, double now_s) {
    size_t at = 0;
    r->now_s = now_s;
    r->has_bytes |= n > 0;
    while (at < n && !r->is_done)
        at += r->part == PART_BODY || r->part == PART_CHUNK ? push_body(r, bytes + at, n - at)
                                                            : push_head(r, bytes + at, n - at);
    return at;
}

void weir_load_reply_end(weir_load_reply *r, const char *why) {
    if (r->is_done)
        return;
    bool measures_body = r->has_status && r->part == PART_BODY && !r->has_length && !why;
    r->keeps_alive = false;
    if (measures_body || (r->has_status && r->http_status != 200))
        finish(r);
    else if (!r->has_bytes)
        fail(r, WEIR_LOAD_CLOSED, "no reply: %s", why ? why : "the server closed the connection");
    else if (!r->has_status)
        fail(r, WEIR_LOAD_CLOSED, "within the head of the reply: %s",
             why ? why : "the server closed the connection");
    else
        fail(r, WEIR_LOAD_CLOSED, "after %llu chunks of the answer: %s",
             (unsigned long long)r->n_chunks, why ? why : "the server closed the connection");
}

void weir_load_reply_free(weir_load_reply *r) {
    weir_text_buffer_free(&r->body);
    weir_text_buffer_free(&r->line);
    weir_text_buffer_free(&r->event_line);
    weir_text_buffer_free(&r->event);
    free(r->gaps_s);
    *r = (weir_load_reply){0};
}
