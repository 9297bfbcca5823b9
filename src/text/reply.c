/*
 * reply.c: the reply of a model as a stream of content, reasoning and calls.
 *
 * Owns the two automata: the outer one finds call marks in the bytes (or takes them from
 * weir_reply_push_mark), the inner one knows where in a reply it is, what it holds back and what
 * comes out. Does not own how a block is read (reply_calls.c). Invariants: what is held could still
 * become a mark, a call, or white space that is no content; everything else is out. All decisions
 * depend on the bytes and marks alone, never on where a push ended.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "text/reply_calls.h"
#include "text/reply_stream.h"
#include "text/reply_value.h"

#include <stdlib.h>
#include <string.h>

static const char think_open[] = "<think>", think_close[] = "</think>";
static const char xml_open[] = "<tool_call>", xml_close[] = "</tool_call>";

typedef enum call_mark { MARK_START = 0, MARK_END = 1 } call_mark;
static const char *const call_marks[] = {"<|tool_call_start|>", "<|tool_call_end|>"};

/* How often one block or bare call may be read before its end is sure: a mark or a bracket may
 * stand in a string. Keeps the time linear. */
enum { MAX_TRIES = 16 };

typedef enum reply_state {
    STATE_GAP,       /* only white space since the beginning, </think> or a call; held */
    STATE_OPENING,   /* a gap, then the beginning of <think> or <tool_call>; held */
    STATE_REASONING, /* n_matched bytes of </think> are held, but not in `held` */
    STATE_CONTENT,   /* nothing is held */
    STATE_ECHO,      /* a gap, then what the last block began with; held */
    STATE_NAME,      /* a gap, then [ and the beginning of a declared name; held */
    STATE_BARE,      /* a gap, then [name( of a declared name, and on; held */
    STATE_XML,       /* a gap, then <tool_call>, and on; held */
    STATE_BLOCK      /* a gap, then (the start mark is not held) the text of a block; held */
} reply_state;

struct weir_reply {
    char **names; /* [n_names] sorted */
    size_t n_names;
    bool starts_in_reasoning, marks_are_tokens, streams_calls;
    void (*on_event)(void *context, const weir_reply_event *event);
    void *context;

    /* the outer automaton */
    call_mark mark; /* the first n_mark bytes of this one are held, but not in `held` */
    size_t n_mark;

    /* the inner one */
    reply_state state;
    bool may_think;    /* <think> may come here */
    bool is_thinking;  /* a gap that belongs to reasoning: the prompt ended in <think> */
    bool is_gap_blank; /* behind </think> or a call, white space alone is no content */
    bool is_behind_call;
    size_t n_matched;
    weir_reply_text held; /* begins with n_gap bytes of white space */
    size_t n_gap;
    weir_reply_text echo; /* the text of the last block with a call, without outer white space */
    bool may_echo;
    size_t first_name, end_name; /* declared names that begin with the n_matched bytes */
    size_t n_tries;
    bool is_cut_open; /* the block may have ended at `cut`, or the mark there is inside a string */
    size_t cut;
    weir_reply_calls calls;
    weir_call_stream stream; /* with streams_calls: of the block that is held */
    bool is_out_of_memory;
};

static void take_text(weir_reply *reply, const char *text, size_t n);
static void take_text_and_marks(weir_reply *reply, const char *text, size_t n);
static void flush_partial_mark(weir_reply *reply);

/* ---- events --------------------------------------------------------------------------------- */

static void emit(weir_reply *reply, weir_reply_kind kind, const char *text, size_t n) {
    if (n == 0)
        return;
    weir_reply_event event = {.kind = kind, .text = text, .n = n};
    reply->on_event(reply->context, &event);
}

static void emit_content(weir_reply *reply, const char *text, size_t n) {
    emit(reply, WEIR_REPLY_CONTENT, text, n);
}

static void emit_warning(weir_reply *reply, const char *line) {
    emit(reply, WEIR_REPLY_WARNING, line, strlen(line));
}

static void tell_name(void *context, const char *name, size_t n);
static void tell_arguments(void *context, const char *json, size_t n) {
    emit(context, WEIR_REPLY_CALL_ARGUMENTS, json, n);
}

static int compare_name(const char *name, const char *text, size_t n) {
    size_t n_name = strlen(name);
    int order = memcmp(name, text, n_name < n ? n_name : n);
    return order != 0 ? order : (n_name > n) - (n_name < n);
}

static bool is_declared(const weir_reply *reply, const char *name, size_t n) {
    size_t low = 0, high = reply->n_names;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_name(reply->names[middle], name, n);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return reply->n_names == 0;
}

static void tell_name(void *context, const char *name, size_t n) {
    weir_reply *reply = context;
    weir_reply_event event = {.kind = WEIR_REPLY_CALL_NAME,
                              .text = name,
                              .n = n,
                              .is_declared = is_declared(reply, name, n)};
    reply->on_event(reply->context, &event);
}

static void emit_items(weir_reply *reply) {
    const char *text = reply->calls.json.text.data;
    for (size_t i = 0; i < reply->calls.n_items; i++) {
        const weir_reply_item *item = &reply->calls.items[i];
        if (!item->is_call) {
            emit(reply, WEIR_REPLY_WARNING, text + item->text, item->n);
            continue;
        }
        weir_reply_event event = {.kind = WEIR_REPLY_CALL,
                                  .text = text + item->text,
                                  .n = item->n,
                                  .arguments = text + item->arguments,
                                  .n_arguments = item->n_arguments,
                                  .is_declared = is_declared(reply, text + item->text, item->n)};
        reply->on_event(reply->context, &event);
    }
}

/* ---- what is held --------------------------------------------------------------------------- */

static void hold(weir_reply *reply, const char *text, size_t n) {
    weir_reply_put(&reply->held, text, n);
    reply->is_out_of_memory |= reply->held.is_out_of_memory;
}

static void drop_held(weir_reply *reply) {
    reply->held.n = reply->n_gap = 0;
    reply->is_cut_open = false;
    reply->n_tries = 0;
}

/* What is held turns out to be content. */
static void release(weir_reply *reply) {
    emit_content(reply, reply->held.data, reply->held.n);
    drop_held(reply);
    reply->state = STATE_CONTENT;
}

/* What is held, which has no marks, is looked at again in another state. */
static void look_again(weir_reply *reply, reply_state state) {
    weir_reply_text taken = reply->held;
    reply->held = (weir_reply_text){0};
    drop_held(reply);
    reply->state = state;
    take_text(reply, taken.data, taken.n);
    weir_reply_text_free(&taken);
}

/* What is held behind the gap. */
static const char *held_text(const weir_reply *reply) {
    return reply->held.n > 0 ? reply->held.data + reply->n_gap : "";
}

static bool parse(weir_reply *reply, const char *text, size_t n) {
    bool is_parsed = weir_reply_calls_parse(&reply->calls, text, n);
    reply->is_out_of_memory |= !is_parsed;
    return is_parsed;
}

static void begin_gap_behind_call(weir_reply *reply) {
    drop_held(reply);
    reply->state = STATE_GAP;
    reply->may_think = reply->is_thinking = false;
    reply->is_gap_blank = reply->is_behind_call = true;
}

/* ---- blocks --------------------------------------------------------------------------------- */

static void begin_block(weir_reply *reply) {
    reply->state = STATE_BLOCK;
    reply->n_gap = reply->held.n;
    reply->n_tries = 0;
    reply->is_cut_open = false;
    weir_call_stream_begin(&reply->stream);
}

static void take_in_block(weir_reply *reply, const char *text, size_t n) {
    const weir_call_events events = {reply, tell_name, tell_arguments};
    hold(reply, text, n);
    if (reply->streams_calls && !weir_call_stream_push(&reply->stream, text, n, &events))
        reply->is_out_of_memory = true;
}

static void keep_for_echo(weir_reply *reply, const char *text, size_t n) {
    while (n > 0 && weir_literal_is_space(text[n - 1]))
        n--;
    while (n > 0 && weir_literal_is_space(*text)) {
        text++;
        n--;
    }
    reply->echo.n = 0;
    weir_reply_put(&reply->echo, text, n);
    reply->may_echo = n > 0 && !reply->echo.is_out_of_memory;
}

/* The block is held [n_gap, n_gap + n) and has been parsed: its calls come out, or itself. */
static void emit_block(weir_reply *reply, size_t n, bool has_end) {
    const char *text = held_text(reply);
    const char *start = call_marks[MARK_START], *end = call_marks[MARK_END];
    if (reply->calls.n_calls > 0 && !has_end)
        emit_warning(reply, "tool call block without an end mark: read as if it were there");
    emit_items(reply);
    if (reply->calls.n_calls > 0) {
        keep_for_echo(reply, text, n);
    } else if (reply->stream.n_calls > 0) {
        emit_warning(reply, "the reply ends within a call: its arguments are cut off");
    } else if (reply->calls.n_bad > 0) {
        emit_warning(reply, "tool call block without a call that can be read: comes back as text");
        emit_content(reply, reply->held.data, reply->n_gap);
        emit_content(reply, start, strlen(start));
        emit_content(reply, text, n);
        emit_content(reply, end, has_end ? strlen(end) : 0);
        drop_held(reply);
        reply->state = STATE_CONTENT;
        return;
    } else {
        emit_warning(reply, "empty tool call block dropped");
    }
    begin_gap_behind_call(reply);
}

static void close_block(weir_reply *reply, size_t n, bool has_end) {
    if (parse(reply, held_text(reply), n))
        emit_block(reply, n, has_end);
}

/* The block did end at the first end mark that stood in what seemed to be a string. What follows
 * holds no start mark, so it never comes here again. */
static void close_at_cut(weir_reply *reply) {
    size_t rest = reply->cut + strlen(call_marks[MARK_END]);
    weir_reply_text after = {0};
    weir_reply_put(&after, reply->held.data + rest, reply->held.n - rest);
    reply->is_out_of_memory |= after.is_out_of_memory;
    close_block(reply, reply->cut - reply->n_gap, true);
    take_text_and_marks(reply, after.data, after.n);
    flush_partial_mark(reply);
    weir_reply_text_free(&after);
}

static void take_mark(weir_reply *reply, call_mark mark);

/* Is a mark at the end of what is held inside a string, for all that is known? The end of the block
 * that was left open is none if its string is over. */
static bool is_in_string(weir_reply *reply) {
    if (reply->marks_are_tokens || reply->n_tries >= MAX_TRIES ||
        !parse(reply, held_text(reply), reply->held.n - reply->n_gap))
        return false;
    reply->n_tries++;
    size_t unclosed = reply->calls.has_unclosed_string ? reply->calls.unclosed : SIZE_MAX;
    if (reply->is_cut_open && unclosed > reply->cut - reply->n_gap)
        reply->is_cut_open = false;
    return unclosed != SIZE_MAX;
}

static void take_mark_in_block(weir_reply *reply, call_mark mark) {
    bool is_text = is_in_string(reply);
    if (reply->is_cut_open && (mark == MARK_START || !is_text)) {
        close_at_cut(reply);
        take_mark(reply, mark);
    } else if (is_text) {
        if (mark == MARK_END && !reply->is_cut_open) {
            reply->is_cut_open = true;
            reply->cut = reply->held.n;
        }
        hold(reply, call_marks[mark], strlen(call_marks[mark]));
    } else {
        close_block(reply, reply->held.n - reply->n_gap, mark == MARK_END);
        if (mark == MARK_START)
            take_mark(reply, mark);
    }
}

/* ---- calls without marks -------------------------------------------------------------------- */

static bool are_all_declared(const weir_reply *reply) {
    const char *text = reply->calls.json.text.data;
    for (size_t i = 0; i < reply->calls.n_items; i++) {
        const weir_reply_item *item = &reply->calls.items[i];
        if (item->is_call && !is_declared(reply, text + item->text, item->n))
            return false;
    }
    return true;
}

/* Reads text [n] as calls; true if there is nothing else in it, and all are declared. */
static bool is_bare_call(weir_reply *reply, const char *text, size_t n) {
    return parse(reply, text, n) && reply->calls.n_calls > 0 && reply->calls.n_bad == 0 &&
           are_all_declared(reply);
}

static void emit_bare_call(weir_reply *reply) {
    emit_warning(reply, "tool call without its marks: read as one, its name is declared");
    emit_items(reply);
    begin_gap_behind_call(reply);
}

/* Length of what is held without blanks at its end, if that is )]. 0: it is not. */
static size_t bare_list_end(const weir_reply *reply) {
    const char *text = reply->held.data;
    size_t end = reply->held.n;
    while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t' || text[end - 1] == '\r'))
        end--;
    if (end == 0 || text[end - 1] != ']')
        return 0;
    size_t before = end - 1;
    while (before > 0 && weir_literal_is_space(text[before - 1]))
        before--;
    return before > 0 && text[before - 1] == ')' ? end : 0;
}

/* What follows a bare list is known. A call: it comes out. No call: it is content. Neither while
 * the list may go on. */
static void end_bare_list(weir_reply *reply, bool is_followed_by_text) {
    size_t end = bare_list_end(reply);
    if (end == 0)
        return;
    bool is_call =
        is_bare_call(reply, held_text(reply), end - reply->n_gap) && reply->calls.is_whole_list;
    if (is_call && !is_followed_by_text)
        emit_bare_call(reply);
    else if (is_call || ++reply->n_tries >= MAX_TRIES)
        release(reply);
}

/* The same for what ended in </tool_call>. */
static void end_xml(weir_reply *reply) {
    size_t n = reply->held.n - reply->n_gap - strlen(xml_open) - strlen(xml_close);
    if (is_bare_call(reply, held_text(reply) + strlen(xml_open), n))
        emit_bare_call(reply);
    else if (!reply->calls.has_unclosed_string || ++reply->n_tries >= MAX_TRIES)
        release(reply);
}

/* ---- the inner automaton: text ----------------------------------------------------------------
 */

/* The states below take the first byte of text [n], or more. They return how many; 0 means that the
 * state has changed and the byte is still to be taken. */

static void begin_reasoning(weir_reply *reply) {
    drop_held(reply);
    reply->state = STATE_REASONING;
    reply->n_matched = 0;
    reply->may_think = reply->is_thinking = false;
}

/* No mark and no call begins here: what is held is the beginning of reasoning or content. */
static void leave_gap(weir_reply *reply) {
    if (reply->is_thinking) {
        reply->may_think = reply->is_thinking = false;
        reply->n_matched = 0;
        look_again(reply, STATE_REASONING);
    } else {
        release(reply);
    }
}

static size_t take_in_gap(weir_reply *reply, const char *text) {
    char c = *text;
    bool is_space = weir_literal_is_space(c);
    bool may_call = !reply->is_thinking && reply->n_names > 0;
    reply->n_gap = reply->held.n;
    if (!is_space) {
        reply->n_matched = 1;
        if (c == '<' && (reply->may_think || may_call)) {
            reply->state = STATE_OPENING;
        } else if (reply->may_echo && !reply->is_thinking && c == reply->echo.data[0]) {
            reply->state = STATE_ECHO;
        } else if (c == '[' && may_call) {
            reply->state = STATE_NAME;
            reply->n_matched = reply->first_name = 0;
            reply->end_name = reply->n_names;
        } else {
            leave_gap(reply);
            return 0;
        }
    }
    hold(reply, text, 1);
    return 1;
}

/* Does what is held behind the gap and is matched so far, and then c, begin `mark`? */
static bool goes_on(const weir_reply *reply, const char *mark, char c) {
    return strncmp(mark, held_text(reply), reply->n_matched) == 0 && mark[reply->n_matched] == c &&
           c != '\0';
}

static size_t take_in_opening(weir_reply *reply, const char *text) {
    bool is_think = reply->may_think && goes_on(reply, think_open, *text);
    bool is_xml = reply->n_names > 0 && !reply->is_thinking && goes_on(reply, xml_open, *text);
    if (!is_think && !is_xml) {
        leave_gap(reply);
        return 0;
    }
    hold(reply, text, 1);
    reply->n_matched++;
    if (is_think && reply->n_matched == strlen(think_open))
        begin_reasoning(reply);
    else if (is_xml && reply->n_matched == strlen(xml_open))
        reply->state = STATE_XML;
    return 1;
}

static size_t take_in_reasoning(weir_reply *reply, const char *text, size_t n) {
    if (reply->n_matched > 0) {
        if (*text != think_close[reply->n_matched]) {
            emit(reply, WEIR_REPLY_REASONING, think_close, reply->n_matched);
            reply->n_matched = 0;
            return 0;
        }
        if (++reply->n_matched == strlen(think_close)) {
            reply->state = STATE_GAP;
            reply->is_gap_blank = true;
        }
        return 1;
    }
    const char *mark = memchr(text, '<', n);
    size_t n_plain = mark ? (size_t)(mark - text) : n;
    emit(reply, WEIR_REPLY_REASONING, text, n_plain);
    reply->n_matched = mark ? 1 : 0;
    return n_plain + reply->n_matched;
}

/* No echo after all. */
static void leave_echo(weir_reply *reply) {
    reply->may_echo = false;
    look_again(reply, STATE_GAP);
}

static size_t take_in_echo(weir_reply *reply, const char *text) {
    bool is_whole = reply->n_matched == reply->echo.n;
    if (is_whole ? !weir_literal_is_space(*text) : reply->echo.data[reply->n_matched] != *text) {
        leave_echo(reply);
        return 0;
    }
    reply->n_matched += !is_whole;
    hold(reply, text, 1);
    return 1;
}

/* Keeps the names that go on with c. */
static void narrow_names(weir_reply *reply, char c) {
    size_t at = reply->n_matched++;
    while (reply->first_name < reply->end_name && reply->names[reply->first_name][at] != c)
        reply->first_name++;
    while (reply->first_name < reply->end_name && reply->names[reply->end_name - 1][at] != c)
        reply->end_name--;
}

/* Behind [: white space, a declared name, white space, ( . */
static size_t take_in_name(weir_reply *reply, const char *text) {
    char c = *text;
    bool is_space = weir_literal_is_space(c);
    bool is_before = reply->n_matched == 0;
    bool is_behind = !is_before && weir_literal_is_space(reply->held.data[reply->held.n - 1]);
    if (!is_before && (is_space || c == '(')) {
        /* Sorted: the name that ends here is the first of those that begin so. */
        bool is_name = reply->names[reply->first_name][reply->n_matched] == '\0';
        if (is_name && c == '(')
            reply->state = STATE_BARE;
        else if (!is_name)
            release(reply);
    } else if (!is_space) {
        if (!is_behind && c != '\0')
            narrow_names(reply, c);
        if (is_behind || c == '\0' || reply->first_name == reply->end_name)
            release(reply);
    }
    if (reply->state == STATE_CONTENT)
        return 0;
    hold(reply, text, 1);
    return 1;
}

static size_t take_in_bare(weir_reply *reply, const char *text) {
    if (*text != ' ' && *text != '\t' && *text != '\r') {
        end_bare_list(reply, *text != '\n' && *text != '<');
        if (reply->state != STATE_BARE)
            return 0;
    }
    hold(reply, text, 1);
    return 1;
}

static size_t take_in_xml(weir_reply *reply, const char *text, size_t n) {
    const char *mark = memchr(text, '>', n);
    size_t used = mark ? (size_t)(mark - text) + 1 : n, n_close = strlen(xml_close);
    hold(reply, text, used);
    size_t n_inner = reply->held.n - reply->n_gap - strlen(xml_open);
    if (mark && n_inner >= n_close &&
        memcmp(reply->held.data + reply->held.n - n_close, xml_close, n_close) == 0)
        end_xml(reply);
    return used;
}

static size_t take_some(weir_reply *reply, const char *text, size_t n) {
    switch (reply->state) {
    case STATE_GAP:
        return take_in_gap(reply, text);
    case STATE_OPENING:
        return take_in_opening(reply, text);
    case STATE_REASONING:
        return take_in_reasoning(reply, text, n);
    case STATE_CONTENT:
        emit_content(reply, text, n);
        return n;
    case STATE_ECHO:
        return take_in_echo(reply, text);
    case STATE_NAME:
        return take_in_name(reply, text);
    case STATE_BARE:
        return take_in_bare(reply, text);
    case STATE_XML:
        return take_in_xml(reply, text, n);
    case STATE_BLOCK:
        take_in_block(reply, text, n);
        return n;
    }
    return n;
}

static void take_text(weir_reply *reply, const char *text, size_t n) {
    while (n > 0 && !reply->is_out_of_memory) {
        size_t used = take_some(reply, text, n);
        text += used;
        n -= used;
    }
}

/* ---- the inner automaton: marks and the end ---------------------------------------------------
 */

/* Something that is no text follows. What is held and could only have gone on with text becomes
 * what it is; a gap, reasoning, content or a block is left. */
static void settle(weir_reply *reply) {
    for (;;) {
        switch (reply->state) {
        case STATE_ECHO:
            if (reply->n_matched == reply->echo.n) {
                emit_warning(reply, "tool call block written once more without its marks dropped");
                begin_gap_behind_call(reply);
            } else {
                leave_echo(reply);
            }
            break;
        case STATE_BARE:
            end_bare_list(reply, false);
            if (reply->state == STATE_BARE)
                release(reply);
            break;
        case STATE_OPENING:
            leave_gap(reply);
            break;
        case STATE_NAME:
        case STATE_XML:
            release(reply);
            break;
        case STATE_REASONING:
            emit(reply, WEIR_REPLY_REASONING, think_close, reply->n_matched);
            reply->n_matched = 0;
            return;
        case STATE_GAP:
        case STATE_CONTENT:
        case STATE_BLOCK:
            return;
        }
    }
}

static void take_mark(weir_reply *reply, call_mark mark) {
    if (reply->is_out_of_memory)
        return;
    bool has_warning = reply->state == STATE_ECHO || reply->state == STATE_BARE;
    settle(reply);
    if (reply->state == STATE_GAP && reply->is_thinking) {
        leave_gap(reply);
        settle(reply);
    }
    const char *text = call_marks[mark];
    if (reply->state == STATE_BLOCK) {
        take_mark_in_block(reply, mark);
    } else if (reply->state == STATE_REASONING) {
        emit(reply, WEIR_REPLY_REASONING, text, strlen(text));
    } else if (mark == MARK_START) {
        begin_block(reply);
    } else if (reply->state == STATE_GAP && reply->is_behind_call) {
        if (!has_warning) /* an echo or a bare call has its own warning */
            emit_warning(reply, "end mark of a tool call without a start mark dropped");
        drop_held(reply);
    } else {
        release(reply);
        emit_content(reply, text, strlen(text));
    }
}

static void begin_reply(weir_reply *reply) {
    drop_held(reply);
    reply->state = STATE_GAP;
    reply->may_think = true;
    reply->is_thinking = reply->starts_in_reasoning;
    reply->is_gap_blank = reply->is_behind_call = reply->may_echo = false;
    reply->n_mark = reply->n_matched = 0;
}

static void end_reply(weir_reply *reply) {
    settle(reply);
    if (reply->state == STATE_BLOCK && reply->is_cut_open)
        close_at_cut(reply);
    if (reply->state == STATE_BLOCK)
        close_block(reply, reply->held.n - reply->n_gap, false);
    if (reply->state == STATE_GAP && reply->is_thinking)
        leave_gap(reply);
    settle(reply);
    if (reply->state == STATE_GAP && !reply->is_gap_blank)
        release(reply);
}

/* ---- the outer automaton -----------------------------------------------------------------------
 */

/* No byte but the first of a mark is '<', so a failed match never hides another one. */
static void flush_partial_mark(weir_reply *reply) {
    size_t n = reply->n_mark;
    reply->n_mark = 0;
    take_text(reply, call_marks[reply->mark], n);
}

/* Does c go on with what has been matched of a mark? */
static bool extend_mark(weir_reply *reply, char c) {
    size_t n = reply->n_mark;
    for (size_t i = 0; i < WEIR_COUNT(call_marks); i++) {
        if (strncmp(call_marks[i], call_marks[reply->mark], n) != 0 || call_marks[i][n] != c)
            continue;
        reply->mark = (call_mark)i;
        reply->n_mark++;
        return true;
    }
    return false;
}

static void take_text_and_marks(weir_reply *reply, const char *text, size_t n) {
    while (n > 0 && !reply->is_out_of_memory) {
        if (reply->n_mark == 0) {
            const char *begin = memchr(text, '<', n);
            size_t n_plain = begin ? (size_t)(begin - text) : n;
            take_text(reply, text, n_plain);
            reply->mark = MARK_START;
            reply->n_mark = begin ? 1 : 0;
            text += n_plain + reply->n_mark;
            n -= n_plain + reply->n_mark;
        } else if (extend_mark(reply, *text)) {
            text++;
            n--;
            if (call_marks[reply->mark][reply->n_mark] == '\0') {
                reply->n_mark = 0;
                take_mark(reply, reply->mark);
            }
        } else {
            flush_partial_mark(reply);
        }
    }
}

/* ---- the public interface -----------------------------------------------------------------------
 */

static int compare_names(const void *left, const void *right) {
    const char *const *a = left, *const *b = right;
    return strcmp(*a, *b);
}

static bool copy_names(weir_reply *reply, const char *const *names, size_t n) {
    reply->names = calloc(n > 0 ? n : 1, sizeof *reply->names);
    if (!reply->names)
        return false;
    for (; reply->n_names < n; reply->n_names++)
        if (!(reply->names[reply->n_names] = strdup(names[reply->n_names])))
            return false;
    qsort(reply->names, n, sizeof *reply->names, compare_names);
    return true;
}

weir_status weir_reply_open(weir_reply **out, const weir_reply_options *options, weir_error *err) {
    *out = NULL;
    if (!options || !options->on_event)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "reply options: on_event is NULL, expected a function");
    weir_reply *reply = calloc(1, sizeof *reply);
    if (!reply || !copy_names(reply, options->tool_names, options->n_tool_names)) {
        weir_reply_close(&reply);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "reply: no memory for %zu tool names",
                         options->n_tool_names);
    }
    reply->starts_in_reasoning = options->starts_in_reasoning;
    reply->marks_are_tokens = options->marks_are_tokens;
    reply->streams_calls = options->streams_calls && options->marks_are_tokens;
    reply->on_event = options->on_event;
    reply->context = options->context;
    begin_reply(reply);
    *out = reply;
    return WEIR_STATUS_OK;
}

void weir_reply_close(weir_reply **reply) {
    if (!reply || !*reply)
        return;
    for (size_t i = 0; i < (*reply)->n_names; i++)
        free((*reply)->names[i]);
    free((*reply)->names);
    weir_reply_text_free(&(*reply)->held);
    weir_reply_text_free(&(*reply)->echo);
    weir_reply_calls_free(&(*reply)->calls);
    weir_call_stream_free(&(*reply)->stream);
    free(*reply);
    *reply = NULL;
}

static weir_status check_memory(weir_reply *reply, weir_error *err) {
    if (!reply->is_out_of_memory)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "reply: no memory to hold back %zu bytes",
                     reply->held.n);
}

weir_status weir_reply_push(weir_reply *reply, const char *text, size_t n, weir_error *err) {
    if (reply->marks_are_tokens)
        take_text(reply, text, n);
    else
        take_text_and_marks(reply, text, n);
    return check_memory(reply, err);
}

weir_status weir_reply_push_mark(weir_reply *reply, const char *text, size_t n, weir_error *err) {
    for (size_t i = 0; reply->marks_are_tokens && i < WEIR_COUNT(call_marks); i++) {
        if (strlen(call_marks[i]) != n || memcmp(call_marks[i], text, n) != 0)
            continue;
        take_mark(reply, (call_mark)i);
        return check_memory(reply, err);
    }
    return weir_reply_push(reply, text, n, err);
}

weir_status weir_reply_finish(weir_reply *reply, weir_error *err) {
    flush_partial_mark(reply);
    end_reply(reply);
    weir_status status = check_memory(reply, err);
    reply->is_out_of_memory = reply->held.is_out_of_memory = reply->echo.is_out_of_memory = false;
    begin_reply(reply);
    return status;
}

bool weir_reply_in_reasoning(const weir_reply *reply) {
    return reply->state == STATE_REASONING || reply->is_thinking;
}

size_t weir_reply_n_held(const weir_reply *reply) {
    bool is_call =
        reply->state == STATE_BLOCK || reply->state == STATE_BARE || reply->state == STATE_XML;
    return is_call ? reply->held.n - reply->n_gap : 0;
}
