/*
 * reply_stream.c: see reply_stream.h.
 *
 * Owns where in a call the text is. A string comes out as it is written, but for what may be the
 * beginning of an escape or of a code point; any other value when its end is seen. Does not own how
 * values are read (reply_value.c). Invariant: the texts told of a call, put together, do not depend
 * on how the block was cut.
 */
#include "text/reply_stream.h"

#include "text/reply_value.h"

#include <string.h>

enum { LONGEST_ESCAPE = 12 }; /* \ud83d\ude00 */

/* ---- telling ------------------------------------------------------------------------------- */

static void tell_arguments(weir_call_stream *s, const weir_call_events *events) {
    if (s->json.text.n > 0)
        events->on_arguments(events->context, s->json.text.data, s->json.text.n);
    s->json.text.n = 0;
}

static void put(weir_call_stream *s, const char *json) {
    weir_reply_put(&s->json.text, json, strlen(json));
}

static void hold(weir_call_stream *s, char c) {
    weir_reply_put(&s->pending, &c, 1);
}

/* ---- strings ------------------------------------------------------------------------------- */

/* Bytes of text [n] that end no later than their last whole code point. */
static size_t whole_points(const char *text, size_t n) {
    size_t n_behind = 0; /* bytes behind the last first byte */
    while (n_behind < 3 && n_behind < n && ((uint8_t)text[n - 1 - n_behind] & 0xc0u) == 0x80u)
        n_behind++;
    if (n_behind == n)
        return n;
    uint8_t first = (uint8_t)text[n - 1 - n_behind];
    size_t wanted = first >= 0xf0u ? 4 : first >= 0xe0u ? 3 : first >= 0xc0u ? 2 : 1;
    return n_behind + 1 < wanted ? n - 1 - n_behind : n;
}

static bool is_one_of(char c, const char *set) {
    return c != '\0' && strchr(set, c) != NULL;
}

/* One half of a code point beyond U+FFFF, as \uXXXX? second: what its second digit may be. */
static bool is_half(const char *text, const char *second) {
    static const char hex[] = "0123456789abcdefABCDEF";
    return text[0] == '\\' && text[1] == 'u' && is_one_of(text[2], "dD") &&
           is_one_of(text[3], second) && is_one_of(text[4], hex) && is_one_of(text[5], hex);
}

/* Two escapes that are one code point. */
static bool is_pair(const char *text) {
    return is_half(text, "89abAB") && is_half(text + 6, "cdefCDEF");
}

/* The same for escapes: none that may go on is cut. */
static size_t whole_escapes(const char *text, size_t n) {
    size_t at = 0;
    while (at < n) {
        bool is_escape = text[at] == '\\';
        if (is_escape && n - at < LONGEST_ESCAPE)
            return at;
        at += !is_escape ? 1 : is_pair(text + at) ? LONGEST_ESCAPE : 2;
    }
    return n;
}

/* The first n of the bytes that are held become text of the string. */
static void write_string(weir_call_stream *s, size_t n) {
    weir_literal_reader reader = {.json = &s->json};
    weir_literal_write_text(&reader, s->pending.data, n);
    memmove(s->pending.data, s->pending.data + n, s->pending.n - n);
    s->pending.n -= n;
}

static void write_whole(weir_call_stream *s) {
    size_t n = whole_points(s->pending.data, whole_escapes(s->pending.data, s->pending.n));
    if (n > 0)
        write_string(s, n);
}

static void take_in_string(weir_call_stream *s, char c) {
    if (s->is_escaped || c != s->quote) {
        s->is_escaped = !s->is_escaped && c == '\\';
        hold(s, c);
        return;
    }
    if (s->pending.n > 0)
        write_string(s, s->pending.n);
    put(s, "\"");
    s->place = WEIR_CALL_IN_KEY;
}

/* ---- other values -------------------------------------------------------------------------- */

static void end_literal(weir_call_stream *s) {
    weir_literal_reader reader = {.text = s->pending.data, .n = s->pending.n, .json = &s->json};
    weir_literal_skip_space(&reader);
    bool is_good = weir_literal_read(&reader, WEIR_LITERAL_ARGUMENT);
    weir_literal_skip_space(&reader);
    s->place = is_good && reader.at == reader.n ? WEIR_CALL_IN_KEY : WEIR_CALL_LOST;
    s->pending.n = 0;
}

/* false: the value is over, and c is not of it. */
static bool take_in_literal(weir_call_stream *s, char c) {
    if (s->quote) {
        bool is_end = !s->is_escaped && c == s->quote;
        s->is_escaped = !s->is_escaped && c == '\\';
        s->quote = is_end ? '\0' : s->quote;
    } else if (s->n_open == 0 && (c == ',' || c == ')')) {
        end_literal(s);
        return false;
    } else if (is_one_of(c, "\"'")) {
        s->quote = c;
    } else if (is_one_of(c, "[({")) {
        s->n_open++;
    } else if (is_one_of(c, "])}")) {
        s->n_open -= s->n_open > 0;
    }
    hold(s, c);
    return true;
}

/* ---- calls --------------------------------------------------------------------------------- */

static void begin_call(weir_call_stream *s, const weir_call_events *events) {
    tell_arguments(s, events);
    events->on_name(events->context, s->pending.data, s->pending.n);
    s->pending.n = 0;
    s->n_calls++;
    s->n_arguments = 0;
    put(s, "{");
    s->place = WEIR_CALL_IN_KEY;
}

static void begin_value(weir_call_stream *s) {
    put(s, s->n_arguments++ > 0 ? ", " : "");
    weir_json_put_string(&s->json, s->pending.data, s->pending.n);
    put(s, ": ");
    s->pending.n = 0;
    s->place = WEIR_CALL_AT_VALUE;
}

static void take_in_key(weir_call_stream *s, char c) {
    if (weir_literal_is_word_byte(c)) {
        hold(s, c);
    } else if (c == '=' && s->pending.n > 0) {
        begin_value(s);
    } else if (c == ')' && s->pending.n == 0) {
        put(s, "}");
        s->place = WEIR_CALL_IN_LIST;
    } else if (!weir_literal_is_space(c) && c != ',') {
        s->place = WEIR_CALL_LOST;
    }
}

static void take_in_list(weir_call_stream *s, char c) {
    if (weir_literal_is_space(c) || is_one_of(c, "[],;"))
        return;
    hold(s, c);
    s->place = WEIR_CALL_IN_NAME;
}

static bool take_byte(weir_call_stream *s, char c, const weir_call_events *events) {
    switch (s->place) {
    case WEIR_CALL_IN_LIST:
        take_in_list(s, c);
        return true;
    case WEIR_CALL_IN_NAME:
        if (c == '(')
            begin_call(s, events);
        else
            hold(s, c);
        return true;
    case WEIR_CALL_IN_KEY:
        take_in_key(s, c);
        return true;
    case WEIR_CALL_AT_VALUE:
        if (weir_literal_is_space(c))
            return true;
        s->is_escaped = false;
        s->n_open = 0;
        s->quote = is_one_of(c, "\"'") ? c : '\0';
        put(s, s->quote ? "\"" : "");
        s->place = s->quote ? WEIR_CALL_IN_STRING : WEIR_CALL_IN_LITERAL;
        return s->quote != '\0';
    case WEIR_CALL_IN_STRING:
        take_in_string(s, c);
        return true;
    case WEIR_CALL_IN_LITERAL:
        return take_in_literal(s, c);
    case WEIR_CALL_LOST:
        return true;
    }
    return true;
}

void weir_call_stream_begin(weir_call_stream *s) {
    s->place = WEIR_CALL_IN_LIST;
    s->n_calls = s->n_arguments = 0;
    s->pending.n = s->json.text.n = s->json.n_members = 0;
}

bool weir_call_stream_push(weir_call_stream *s, const char *text, size_t n,
                           const weir_call_events *events) {
    for (size_t i = 0; i < n && !s->pending.is_out_of_memory; i++)
        while (!take_byte(s, text[i], events))
            ;
    if (s->place == WEIR_CALL_IN_STRING && s->pending.n > 0)
        write_whole(s);
    if (s->pending.is_out_of_memory || !weir_reply_json_is_whole(&s->json))
        return false;
    tell_arguments(s, events);
    return true;
}

void weir_call_stream_free(weir_call_stream *s) {
    weir_reply_text_free(&s->pending);
    weir_reply_json_free(&s->json);
    *s = (weir_call_stream){0};
}
