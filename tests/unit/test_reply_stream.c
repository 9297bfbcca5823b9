/*
 * test_reply_stream.c: calls told while they are written. However a block is cut, the pieces of a
 * call put together are the arguments of its CALL event; a block that is cut off has told a
 * beginning of them, and comes back as nothing else.
 */
#include "base/compiler.h"
#include "base/random.h"
#include "weir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_CALLS = 8, ROOM = 1 << 14, N_BLOCKS = 400, N_SPLITS = 25 };

static const char start_mark[] = "<|tool_call_start|>", end_mark[] = "<|tool_call_end|>";

static size_t below(uint64_t *random, size_t n) {
    return weir_mix(++*random) % n;
}

/* ---- what is told --------------------------------------------------------------------------- */

typedef struct heard_call {
    char name[64], arguments[ROOM];
} heard_call;

typedef struct heard {
    heard_call told[MAX_CALLS], whole[MAX_CALLS];
    size_t n_told, n_whole, n_pieces;
    bool has_content, has_warning;
} heard;

static void append(char *to, const char *text, size_t n) {
    size_t had = strlen(to);
    assert_true(had + n < ROOM);
    memcpy(to + had, text, n);
    to[had + n] = '\0';
}

static void on_event(void *context, const weir_reply_event *event) {
    heard *h = context;
    switch (event->kind) {
    case WEIR_REPLY_CALL_NAME:
        assert_true(h->n_told < MAX_CALLS && h->n_whole == 0);
        append(h->told[h->n_told++].name, event->text, event->n);
        break;
    case WEIR_REPLY_CALL_ARGUMENTS:
        assert_true(h->n_told > 0 && event->n > 0);
        append(h->told[h->n_told - 1].arguments, event->text, event->n);
        h->n_pieces++;
        break;
    case WEIR_REPLY_CALL:
        assert_true(h->n_whole < h->n_told);
        append(h->whole[h->n_whole].name, event->text, event->n);
        append(h->whole[h->n_whole++].arguments, event->arguments, event->n_arguments);
        break;
    case WEIR_REPLY_WARNING:
        h->has_warning = true;
        break;
    default:
        h->has_content = true;
    }
}

static void clear(heard *h) {
    for (size_t i = 0; i < MAX_CALLS; i++)
        h->told[i].name[0] = h->told[i].arguments[0] = h->whole[i].name[0] =
            h->whole[i].arguments[0] = '\0';
    h->n_told = h->n_whole = h->n_pieces = 0;
    h->has_content = h->has_warning = false;
}

/* Pieces of 1 to `longest` bytes; 0: all at once. */
static void play(heard *h, uint64_t *random, const char *block, size_t n, size_t longest,
                 bool is_cut_off) {
    const weir_reply_options options = {
        .marks_are_tokens = true, .streams_calls = true, .on_event = on_event, .context = h};
    weir_reply *reply;
    clear(h);
    assert_int_equal(weir_reply_open(&reply, &options, NULL), WEIR_STATUS_OK);
    weir_reply_push_mark(reply, start_mark, strlen(start_mark), NULL);
    for (size_t at = 0; at < n;) {
        size_t n_piece = longest ? 1 + below(random, longest) : n;
        n_piece = n_piece < n - at ? n_piece : n - at;
        assert_int_equal(weir_reply_push(reply, block + at, n_piece, NULL), WEIR_STATUS_OK);
        at += n_piece;
    }
    if (!is_cut_off)
        weir_reply_push_mark(reply, end_mark, strlen(end_mark), NULL);
    assert_int_equal(weir_reply_finish(reply, NULL), WEIR_STATUS_OK);
    weir_reply_close(&reply);
}

/* ---- blocks --------------------------------------------------------------------------------- */

/* What a grammar of tools lets through. */
static const char *const values[] = {
    "1",
    "-2.50e3",
    "True",
    "None",
    "[]",
    "[1, [2, \"a, b)\"], {}]",
    "{\"k\": \"}\\\"\", \"l\": [True, None]}",
    "\"\"",
    "\"plain\"",
    "\"a \\\"quoted\\\" word, f(x=1)\"",
    "\"line\\nline\\ttab \\\\ end\\\\\"",
    "\"\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xad\"",
    "\"\\ud83d\\udc2d and \\u00e9 and \\ud83d alone\"",
    "\"it's\"",
    "'single \\' and \"'",
    "\"\\\\\"",
};

static size_t random_block(uint64_t *random, char *out) {
    size_t n_calls = 1 + below(random, 3);
    out[0] = '\0';
    strcat(out, "[");
    for (size_t c = 0; c < n_calls; c++) {
        strcat(out, c ? ", " : "");
        strcat(out, c % 2 ? "ns.tool_b(" : "tool_a(");
        size_t n_arguments = below(random, 5);
        for (size_t a = 0; a < n_arguments; a++) {
            char name[32];
            snprintf(name, sizeof name, "%sarg_%zu=", a ? ", " : "", a);
            strcat(out, name);
            strcat(out, values[below(random, WEIR_COUNT(values))]);
        }
        strcat(out, ")");
    }
    strcat(out, "]");
    return strlen(out);
}

static heard now;

static void test_any_split(void **state) {
    (void)state;
    uint64_t random = 11;
    char block[4096];
    for (int i = 0; i < N_BLOCKS; i++) {
        size_t n = random_block(&random, block);
        for (int split = 0; split < N_SPLITS; split++) {
            play(&now, &random, block, n, split == 0 ? 0 : split < 4 ? 1 : 12, false);
            assert_false(now.has_content || now.has_warning);
            assert_int_equal(now.n_told, now.n_whole);
            for (size_t c = 0; c < now.n_whole; c++) {
                assert_string_equal(now.told[c].name, now.whole[c].name);
                assert_string_equal(now.told[c].arguments, now.whole[c].arguments);
            }
        }
    }
}

static void test_cut_off(void **state) {
    (void)state;
    static heard whole;
    uint64_t random = 12;
    char block[4096];
    for (int i = 0; i < 40; i++) {
        size_t n = random_block(&random, block);
        play(&whole, &random, block, n, 0, false);
        for (size_t end = 1; end < n; end++) {
            play(&now, &random, block, end, 7, true);
            if (now.n_told == 0)
                continue; /* no name was whole: it comes back as text */
            assert_false(now.has_content);
            assert_true(now.n_whole + 1 >= now.n_told && now.has_warning);
            for (size_t c = 0; c < now.n_told; c++)
                assert_memory_equal(now.told[c].arguments, whole.told[c].arguments,
                                    strlen(now.told[c].arguments));
        }
    }
}

/* A long text is told while it is written, not at its end. */
static void test_is_told_early(void **state) {
    (void)state;
    uint64_t random = 13;
    char block[1200] = "[write(text=\"";
    for (int i = 0; i < 100; i++)
        strcat(block, "ten bytes ");
    play(&now, &random, block, strlen(block), 10, true);
    assert_int_equal(now.n_told, 1);
    assert_string_equal(now.told[0].name, "write");
    assert_int_equal(strlen(now.told[0].arguments), strlen("{\"text\": \"") + 1000);
    assert_true(now.n_pieces > 50);
}

/* Without the option, and where marks are text, calls come whole. */
static void test_only_where_asked(void **state) {
    (void)state;
    static const char block[] = "[f(a=1)]";
    for (int i = 0; i < 2; i++) {
        weir_reply_options options = {
            .marks_are_tokens = i == 0, .streams_calls = i == 1, .on_event = on_event};
        options.context = &now;
        weir_reply *reply;
        clear(&now);
        now.n_told = 1; /* which whole calls are counted against */
        assert_int_equal(weir_reply_open(&reply, &options, NULL), WEIR_STATUS_OK);
        weir_reply_push_mark(reply, start_mark, strlen(start_mark), NULL);
        weir_reply_push(reply, block, strlen(block), NULL);
        weir_reply_push_mark(reply, end_mark, strlen(end_mark), NULL);
        weir_reply_finish(reply, NULL);
        weir_reply_close(&reply);
        assert_true(now.n_pieces == 0 && now.n_whole == 1);
        assert_string_equal(now.whole[0].arguments, "{\"a\": 1}");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_split),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_is_told_early),
        cmocka_unit_test(test_only_where_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
