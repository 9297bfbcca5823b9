/*
 * test_vocab.c: weir_train_vocab: the merges are those of a trainer that does it the plain way, the
 * tokenizer that is written cuts as the training did, and what is refused says why.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "base/file.h"
#include "base/random.h"
#include "text/token_table.h"
#include "train/chat_template.h"
#include "train/vocab_parts.h"
#include "unit/temp_folder.h"
#include "weir_train.h"

/* ---- the plain way -------------------------------------------------------------------------- */

enum { MOST_PIECES = 4000, MOST_IDS = 32, MOST_MERGES = 300, N_IDS = WEIR_VOCAB_MERGED };

typedef struct plain_piece {
    int32_t id[MOST_IDS];
    size_t n;
    uint64_t count;
} plain_piece;

typedef struct plain {
    plain_piece piece[MOST_PIECES];
    size_t n;
    char text[N_IDS + MOST_MERGES][64];
    size_t n_text[N_IDS + MOST_MERGES];
    uint32_t n_merges;
} plain;

static bool has_digit(const plain *p, int32_t id) {
    for (size_t i = 0; i < p->n_text[id]; i++)
        if (p->text[id][i] >= '0' && p->text[id][i] <= '9')
            return true;
    return false;
}

static void plain_start(plain *p, const weir_piece *pieces, size_t n) {
    *p = (plain){.n = n};
    int32_t of_byte[256];
    for (uint32_t i = 0; i < 256; i++) {
        uint8_t byte = weir_token_byte_in_order(i);
        of_byte[byte] = WEIR_VOCAB_BYTES + (int32_t)i;
        p->text[of_byte[byte]][0] = (char)byte;
        p->n_text[of_byte[byte]] = 1;
    }
    assert_true(n <= MOST_PIECES);
    for (size_t i = 0; i < n; i++) {
        assert_true(pieces[i].n <= MOST_IDS);
        p->piece[i].n = pieces[i].n;
        p->piece[i].count = pieces[i].count;
        for (size_t k = 0; k < pieces[i].n; k++)
            p->piece[i].id[k] = of_byte[(uint8_t)pieces[i].text[k]];
    }
}

static bool plain_is_known(const plain *p, int32_t id) {
    for (int32_t i = WEIR_VOCAB_BYTES; i < id; i++)
        if (p->n_text[i] == p->n_text[id] && memcmp(p->text[i], p->text[id], p->n_text[i]) == 0)
            return true;
    return false;
}

/* Letters behind what is none: a word's beginning with the blank or mark in front of it. */
static bool is_join(const plain *p, int32_t l, int32_t r) {
    unsigned char left = (unsigned char)p->text[l][p->n_text[l] - 1];
    unsigned char right = (unsigned char)p->text[r][0];
    return left < 128 && !isalpha(left) && (right >= 128 || isalpha(right));
}

typedef enum joins { JOINS_TOO, NO_JOINS, JOINS_ALONE } joins;

static bool plain_allows(const plain *p, int32_t l, int32_t r, bool merge_digits, joins which) {
    if (which != JOINS_TOO && is_join(p, l, r) != (which == JOINS_ALONE))
        return false;
    return merge_digits || (!has_digit(p, l) && !has_digit(p, r));
}

/* Counts all pairs anew, takes the best. */
static weir_merge plain_step(const plain *p, bool merge_digits, joins which) {
    enum { N = N_IDS + MOST_MERGES };
    static uint64_t counts[N][N];
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k + 1 < p->piece[i].n; k++)
            counts[p->piece[i].id[k]][p->piece[i].id[k + 1]] += p->piece[i].count;
    weir_merge best = {-1, -1};
    uint64_t most = 1;
    for (int32_t l = 0; l < N; l++)
        for (int32_t r = 0; r < N; r++)
            if (counts[l][r] > most && plain_allows(p, l, r, merge_digits, which)) {
                most = counts[l][r];
                best = (weir_merge){l, r};
            }
    return best;
}

static void plain_merge(plain *p, weir_merge m) {
    int32_t id = WEIR_VOCAB_MERGED + (int32_t)p->n_merges++;
    memcpy(p->text[id], p->text[m.left], p->n_text[m.left]);
    memcpy(p->text[id] + p->n_text[m.left], p->text[m.right], p->n_text[m.right]);
    p->n_text[id] = p->n_text[m.left] + p->n_text[m.right];
    for (size_t i = 0; i < p->n; i++) {
        plain_piece *piece = &p->piece[i];
        size_t n = 0;
        for (size_t k = 0; k < piece->n; n++) {
            bool is_pair =
                k + 1 < piece->n && piece->id[k] == m.left && piece->id[k + 1] == m.right;
            piece->id[n] = is_pair ? id : piece->id[k];
            k += is_pair ? 2 : 1;
        }
        piece->n = n;
    }
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* Words that share their parts, with repeated letters, digits, accents and punctuation. */
static char *make_text(uint64_t seed, size_t n_words, size_t *n) {
    static const char *const parts[] = {
        "ban", "an",  "aa", "na",  "the",          "re",  "\xc3\xa9", "1",   "07", "ing",
        "s",   "aaa", "ab", "cab", "\xe2\x82\xac", "low", "er",       "new", "'t", "--"};
    static const char *const gaps[] = {" ", " ", " ", " ", ", ", ". ", "\n", "\n\n", "  "};
    char *text = malloc(n_words * 40 + 1);
    assert_non_null(text);
    *n = 0;
    for (size_t i = 0; i < n_words; i++) {
        uint64_t draw = weir_mix64(seed, 1, i);
        for (uint32_t k = 0; k < 1 + draw % 3; k++) {
            uint64_t which = weir_mix64(seed, 2 + k, i) % (sizeof parts / sizeof parts[0]);
            /* the first ones more often */
            const char *part = parts[which * (draw >> 40 & 1 ? 1 : which) /
                                     (draw >> 40 & 1 ? 1 : sizeof parts / sizeof parts[0])];
            *n += (size_t)sprintf(text + *n, "%s", part);
        }
        *n += (size_t)sprintf(text + *n, "%s", gaps[(draw >> 20) % (sizeof gaps / sizeof gaps[0])]);
    }
    return text;
}

/* Words of two letters: the same text in all neighbourhoods. */
static char *make_runs(size_t *n) {
    enum { N_WORDS = 3000, LONGEST = 20 };
    char *text = malloc(N_WORDS * (LONGEST + 1));
    assert_non_null(text);
    *n = 0;
    for (uint32_t i = 0; i < N_WORDS; i++) {
        uint64_t letters = weir_mix64(1, 1, i), length = 1 + weir_mix64(1, 2, i) % LONGEST;
        for (uint64_t k = 0; k < length; k++)
            text[(*n)++] = letters >> k & 1 ? 'a' : 'b';
        text[(*n)++] = ' ';
    }
    return text;
}

static void count_pieces(weir_piece_counter **counter, const char *text, size_t n,
                         uint32_t n_threads, const weir_piece **pieces, size_t *n_pieces) {
    weir_error err = {0};
    assert_int_equal(weir_piece_counter_open(counter, n_threads, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_piece_counter_add(*counter, text, n, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_piece_counter_finish(*counter, pieces, n_pieces, &err), WEIR_STATUS_OK);
}

static void merges_as_the_plain_way(void **state) {
    (void)state;
    plain *p = malloc(sizeof *p);
    assert_non_null(p);
    for (uint32_t round = 0; round < 7; round++) {
        size_t n, n_pieces;
        char *text = round != 4 ? make_text(round, 3000, &n) : make_runs(&n);
        weir_piece_counter *counter;
        const weir_piece *pieces;
        weir_merge merges[MOST_MERGES];
        weir_progress progress = {0};
        weir_error err = {0};
        uint64_t n_tokens, n_plain = 0;
        bool merge_digits = round % 2 == 1;
        uint32_t n_merges = round != 4 ? 60 : 200, n_joins = round < 5 ? 0 : 15;
        count_pieces(&counter, text, n, 1, &pieces, &n_pieces);
        assert_int_equal(weir_merges_find(merges, n_merges, n_joins, pieces, n_pieces, merge_digits,
                                          &progress, &n_tokens, &err),
                         WEIR_STATUS_OK);
        plain_start(p, pieces, n_pieces);
        for (uint32_t i = 0; i < n_merges; i++) {
            joins which = n_joins == 0             ? JOINS_TOO
                          : i < n_merges - n_joins ? NO_JOINS
                                                   : JOINS_ALONE;
            weir_merge expected = plain_step(p, merge_digits, which);
            assert_int_equal(merges[i].left, expected.left);
            assert_int_equal(merges[i].right, expected.right);
            plain_merge(p, expected);
            assert_false(plain_is_known(p, WEIR_VOCAB_MERGED + (int32_t)i));
        }
        for (size_t i = 0; i < p->n; i++)
            n_plain += p->piece[i].n * p->piece[i].count;
        assert_int_equal(n_tokens, n_plain);
        weir_piece_counter_close(&counter);
        free(text);
    }
    free(p);
}

/* However many workers count, and wherever a long text is divided between them. */
static void counts_alike_with_any_workers(void **state) {
    (void)state;
    size_t n, n_one, n_many;
    char *text = make_text(9, 60000, &n);
    weir_piece_counter *one, *many;
    const weir_piece *a, *b;
    assert_true(n > 300000);
    count_pieces(&one, text, n, 1, &a, &n_one);
    count_pieces(&many, text, n, 3, &b, &n_many);
    assert_int_equal(n_one, n_many);
    uint64_t n_bytes = 0;
    for (size_t i = 0; i < n_one; i++) {
        assert_int_equal(a[i].n, b[i].n);
        assert_memory_equal(a[i].text, b[i].text, a[i].n);
        assert_int_equal(a[i].count, b[i].count);
        n_bytes += a[i].n * a[i].count;
    }
    assert_int_equal(n_bytes, n);
    weir_piece_counter_close(&one);
    weir_piece_counter_close(&many);
    /* And as if it had never been divided: in texts too short for that. */
    assert_int_equal(weir_piece_counter_open(&one, 1, NULL), WEIR_STATUS_OK);
    for (size_t start = 0; start < n;) {
        size_t end = start;
        do
            end++;
        while (end < n && (text[end - 1] != '\n' || strchr(" \n", text[end])));
        assert_int_equal(weir_piece_counter_add(one, text + start, end - start, NULL),
                         WEIR_STATUS_OK);
        start = end;
    }
    count_pieces(&many, text, n, 2, &b, &n_many);
    assert_int_equal(weir_piece_counter_finish(one, &a, &n_one, NULL), WEIR_STATUS_OK);
    assert_int_equal(n_one, n_many);
    for (size_t i = 0; i < n_one; i++)
        assert_int_equal(a[i].count, b[i].count);
    weir_piece_counter_close(&one);
    weir_piece_counter_close(&many);
    free(text);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static weir_status make(const char *out, weir_vocab_options options, const char *const *inputs,
                        size_t n_inputs, weir_vocab_report *report, weir_error *err) {
    options.inputs = inputs;
    options.n_inputs = n_inputs;
    options.n_threads = 2;
    *err = (weir_error){0};
    return weir_train_vocab(out, &options, report, err);
}

static weir_tokenizer *open_tokenizer(const char *folder) {
    weir_tokenizer *tokenizer = NULL;
    weir_error err = {0};
    if (weir_tokenizer_open(&tokenizer, folder, NULL, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return tokenizer;
}

static int32_t *encode(const weir_tokenizer *t, const char *text, size_t n, size_t *n_ids) {
    weir_encode_options options = {.no_control = true};
    weir_error err = {0};
    int32_t *ids = malloc((n + 2) * sizeof *ids);
    assert_non_null(ids);
    assert_int_equal(weir_tokenizer_encode(t, text, n, &options, ids, n + 2, n_ids, &err),
                     WEIR_STATUS_OK);
    return ids;
}

static void assert_round_trip(const weir_tokenizer *t, const char *text, size_t n) {
    size_t n_ids, n_back;
    int32_t *ids = encode(t, text, n, &n_ids);
    char *back = malloc(n + 1);
    assert_non_null(back);
    weir_error err = {0};
    assert_int_equal(weir_tokenizer_decode(t, ids, n_ids, false, back, n + 1, &n_back, &err),
                     WEIR_STATUS_OK);
    assert_int_equal(n_back, n);
    assert_memory_equal(back, text, n);
    free(ids);
    free(back);
}

static void writes_the_trained_tokenizer(void **state) {
    (void)state;
    size_t n;
    char *text = make_text(5, 20000, &n);
    temp_write(in_temp("a.txt"), text, n);
    const char *inputs[] = {in_temp("a.txt")};
    weir_vocab_report report;
    weir_error err;
    assert_int_equal(
        make(in_temp("v"), (weir_vocab_options){.n_tokens = 500}, inputs, 1, &report, &err),
        WEIR_STATUS_OK);
    assert_int_equal(report.n_tokens, 500);
    assert_int_equal(report.n_merges, 212);
    weir_tokenizer *t = open_tokenizer(in_temp("v"));
    size_t n_ids;
    /* A document loses white space at its ends, nothing else. */
    while (n > 0 && strchr(" \n", text[n - 1]))
        n--;
    assert_int_equal(report.n_bytes, n);
    int32_t *ids = encode(t, text, n, &n_ids);
    assert_true(report.bytes_per_token == (double)n / (double)n_ids);
    for (size_t i = 0; i < n_ids; i++) {
        char one[64];
        size_t n_one;
        assert_true(ids[i] >= WEIR_VOCAB_BYTES);
        assert_int_equal(weir_tokenizer_decode(t, &ids[i], 1, false, one, sizeof one, &n_one, &err),
                         WEIR_STATUS_OK);
        for (size_t k = 0; k < n_one; k++)
            assert_true(n_one == 1 || one[k] < '0' || one[k] > '9');
    }
    free(ids);
    assert_round_trip(t, text, n);
    char any[512];
    for (size_t i = 0; i < sizeof any; i++)
        any[i] = (char)weir_mix64(3, 3, i);
    assert_round_trip(t, any, sizeof any);
    weir_tokenizer_info info;
    weir_tokenizer_get_info(t, &info);
    assert_int_equal(info.n_tokens, 500);
    assert_int_equal(info.bos, 1);
    assert_int_equal(info.eos, 7);
    assert_int_equal(info.pad, 0);
    assert_int_equal(info.n_merges, 212);
    assert_int_equal(info.n_control,
                     30); /* 14 and 15 are entries like words, as the family has it */
    weir_tokenizer_close(&t);
    free(text);
}

static int32_t id_of(const weir_tokenizer *t, const char *text) {
    int32_t ids[64];
    size_t n;
    weir_error err = {0};
    assert_int_equal(weir_tokenizer_encode(t, text, strlen(text), NULL, ids, 64, &n, &err),
                     WEIR_STATUS_OK);
    return n == 1 ? ids[0] : -1;
}

static void has_the_familys_special_tokens(void **state) {
    (void)state;
    static const char *const names[] = {"<|pad|>",
                                        "<|startoftext|>",
                                        "<|endoftext|>",
                                        "<|fim_pre|>",
                                        "<|fim_mid|>",
                                        "<|fim_suf|>",
                                        "<|im_start|>",
                                        "<|im_end|>",
                                        "<|tool_list_start|>",
                                        "<|tool_list_end|>",
                                        "<|tool_call_start|>",
                                        "<|tool_call_end|>",
                                        "<|tool_response_start|>",
                                        "<|tool_response_end|>"};
    temp_write(in_temp("b.jsonl"),
               "{\"messages\":[{\"role\":\"user\",\"content\":\"hello hello\"},{\"role\":"
               "\"assistant\",\"content\":\"hello yellow\"}]}\n",
               101);
    const char *inputs[] = {in_temp("b.jsonl")};
    weir_vocab_report report;
    weir_error err;
    if (make(in_temp("w"), (weir_vocab_options){.n_tokens = 292}, inputs, 1, &report, &err) !=
        WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    /* "user\n", "hello hello", "\n", "assistant\n", "hello yellow", "\n" */
    assert_int_equal(report.n_bytes, 5 + 11 + 1 + 10 + 12 + 1);
    weir_tokenizer *t = open_tokenizer(in_temp("w"));
    for (int32_t i = 0; i < 14; i++)
        assert_int_equal(id_of(t, names[i]), i);
    assert_int_equal(id_of(t, "<|reserved_6|>"), 16);
    assert_int_equal(id_of(t, "<|reserved_21|>"), 31);
    assert_int_equal(id_of(t, "!"), 32);
    assert_int_equal(id_of(t, "\xad"), 287);
    /* Of equal pairs the smaller: e l, then l o before el l. */
    assert_int_equal(id_of(t, "el"), 288);
    assert_int_equal(id_of(t, "lo"), 289);
    assert_int_equal(id_of(t, "ello"), 290);
    assert_int_equal(id_of(t, "hello"), 291);
    weir_tokenizer_close(&t);
    size_t n;
    char *template = temp_read(in_temp("w/chat_template.jinja"), &n);
    assert_string_equal(template, weir_chat_template);
    free(template);
}

static void refuses_what_cannot_be(void **state) {
    (void)state;
    temp_write(in_temp("c.txt"), "a b", 3);
    temp_write(in_temp("t.jinja"), "{% if %}", 8);
    const char *inputs[] = {in_temp("c.txt")}, *none[] = {"no_such.txt"};
    weir_vocab_report report;
    weir_error err;
    const char *out = in_temp("x");
    assert_int_equal(make(out, (weir_vocab_options){.n_tokens = 200}, inputs, 1, &report, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(
        make(out, (weir_vocab_options){.n_tokens = 300, .n_joins = 13}, inputs, 1, &report, &err),
        WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "at most the 12 merges of 300"));
    assert_int_equal(make(out, (weir_vocab_options){0}, inputs, 0, &report, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(make(out, (weir_vocab_options){0}, none, 1, &report, &err), WEIR_STATUS_IO);
    assert_int_equal(make(out, (weir_vocab_options){0}, inputs, 1, &report, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "gives 0 merges"));
    /* Each kind of merge runs out on its own, and what is advised can be done. */
    temp_write(in_temp("j.txt"), "the cat the cat the cat", 23);
    const char *short_text[] = {in_temp("j.txt")};
    assert_int_equal(make(out, (weir_vocab_options){.n_tokens = 300, .n_joins = 8}, short_text, 1,
                          &report, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "2 joins and 294 tokens"));
    assert_int_equal(make(in_temp("y"), (weir_vocab_options){.n_tokens = 294, .n_joins = 2},
                          short_text, 1, &report, &err),
                     WEIR_STATUS_OK);
    assert_int_equal(make(out, (weir_vocab_options){.chat_template = in_temp("t.jinja")}, inputs, 1,
                          &report, &err),
                     WEIR_STATUS_BAD_FILE);
    assert_false(weir_path_exists(out));
    assert_int_equal(make(out, (weir_vocab_options){.n_tokens = 288}, inputs, 1, &report, &err),
                     WEIR_STATUS_OK);
    assert_int_equal(make(out, (weir_vocab_options){.n_tokens = 288}, inputs, 1, &report, &err),
                     WEIR_STATUS_FAILED);
    assert_non_null(strstr(err.text, "exists already"));
    assert_int_equal(make(out, (weir_vocab_options){.n_tokens = 288, .overwrite = true}, inputs, 1,
                          &report, &err),
                     WEIR_STATUS_OK);
}

/* A template may ask for the day: the vocabulary is that of any day, and of packing. */
static void knows_no_day(void **state) {
    (void)state;
    static const char template[] = "{{ 'xyxy' if strftime_now('%Y') == '2025' else 'zwzw' }}",
                      row[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\n";
    temp_write(in_temp("day.jinja"), template, strlen(template));
    temp_write(in_temp("day.jsonl"), row, strlen(row));
    const char *inputs[] = {in_temp("day.jsonl")};
    weir_vocab_options options = {.n_tokens = 289, .chat_template = in_temp("day.jinja")};
    weir_vocab_report report;
    weir_error err;
    if (make(in_temp("day"), options, inputs, 1, &report, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    weir_tokenizer *t = open_tokenizer(in_temp("day"));
    assert_int_equal(id_of(t, "xy"), 288);
    weir_tokenizer_close(&t);
}

/* None of the files that would be written is replaced unasked; folders above are made. */
static void replaces_no_file_unasked(void **state) {
    (void)state;
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json",
                                        "generation_config.json", "chat_template.jinja"};
    temp_write(in_temp("n.txt"), "a a", 3);
    char input[64];
    snprintf(input, sizeof input, "%s", in_temp("n.txt"));
    const char *inputs[] = {input};
    weir_vocab_report report;
    weir_error err;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        weir_vocab_options options = {.n_tokens = 288};
        snprintf(path, sizeof path, "deep/%zu", i);
        assert_int_equal(make(in_temp(path), options, inputs, 1, &report, &err), WEIR_STATUS_OK);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            snprintf(path, sizeof path, "deep/%zu/%s", i, names[k]);
            assert_int_equal(k == i ? 0 : remove(in_temp(path)), 0);
        }
        snprintf(path, sizeof path, "deep/%zu", i);
        assert_int_equal(make(in_temp(path), options, inputs, 1, &report, &err),
                         WEIR_STATUS_FAILED);
        assert_non_null(strstr(err.text, names[i]));
    }
}

/* A limit takes parts from all over the text, and not more. */
static void reads_no_more_than_asked(void **state) {
    (void)state;
    size_t n;
    char *text = make_text(6, 100000, &n);
    temp_write(in_temp("d.txt"), text, n);
    const char *inputs[] = {in_temp("d.txt")};
    weir_vocab_report all, some;
    weir_error err;
    weir_vocab_options options = {.n_tokens = 300, .overwrite = true};
    assert_int_equal(make(in_temp("y"), options, inputs, 1, &all, &err), WEIR_STATUS_OK);
    options.max_bytes = all.n_bytes / 3;
    assert_int_equal(make(in_temp("y"), options, inputs, 1, &some, &err), WEIR_STATUS_OK);
    assert_true(some.n_bytes > options.max_bytes - 200000 &&
                some.n_bytes < options.max_bytes + 70000);
    free(text);
}

static bool say_stop(void *context) {
    (void)context;
    return true;
}

static void can_be_cancelled(void **state) {
    (void)state;
    const char *inputs[] = {in_temp("a.txt")};
    weir_vocab_report report;
    weir_error err;
    weir_vocab_options options = {.n_tokens = 400, .progress = {.is_cancelled = say_stop}};
    assert_int_equal(make(in_temp("z"), options, inputs, 1, &report, &err), WEIR_STATUS_CANCELLED);
    assert_false(weir_path_exists(in_temp("z")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_as_the_plain_way),
        cmocka_unit_test(counts_alike_with_any_workers),
        cmocka_unit_test(writes_the_trained_tokenizer),
        cmocka_unit_test(has_the_familys_special_tokens),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(reads_no_more_than_asked),
        cmocka_unit_test(knows_no_day),
        cmocka_unit_test(replaces_no_file_unasked),
        cmocka_unit_test(can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
