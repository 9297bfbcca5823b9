/*
 * test_bpe.c: merges against a reference that does what the definition says, step by step, with
 * random vocabularies and pieces of all lengths; whole entries; and texts of a megabyte that are as
 * bad as can be, whose work is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "convert/synth_parts.h"
#include "tokenizer_kit.h"

enum { N_LETTERS = 4, N_VOCAB = 60, LONGEST_PIECE = 300, MEGABYTE = 1 << 20 };

/* ---- a vocabulary of few letters, and the reference ------------------------------------------ */

typedef struct random_bpe {
    weir_token_table table;
    weir_text bytes[N_VOCAB];
    size_t rank[N_VOCAB][N_VOCAB]; /* of the pair; SIZE_MAX: none */
    int32_t result[N_VOCAB][N_VOCAB];
    weir_bpe bpe;
} random_bpe;

static int32_t find_text(const weir_token_table *t, const char *text, size_t n) {
    for (size_t i = 0; i < t->n_tokens; i++)
        if (t->tokens[i].size == n && memcmp(t->tokens[i].data, text, n) == 0)
            return (int32_t)i;
    return -1;
}

/* Letters, then concatenations of two earlier entries, each with a merge; and more merges that lead
 * to entries that are there, one of them a second time. */
static void make_random(random_bpe *r, uint64_t seed, bool ignore_merges) {
    weir_error err = {0};
    weir_token_table *t = &r->table;
    assert_int_equal(weir_token_table_open(t, N_VOCAB, &err), WEIR_STATUS_OK);
    memset(r->rank, 0xff, sizeof r->rank);
    size_t n = 0;
    for (; n < N_LETTERS; n++)
        assert_true(weir_token_table_set(t, n, WEIR_TOKEN_NORMAL, &"abcd"[n], 1));
    for (uint64_t i = 0; i < 400; i++) {
        uint64_t bits = weir_mix64(seed, 7, i);
        size_t left = bits % n, right = (bits >> 20) % n;
        weir_text a = t->tokens[left], b = t->tokens[right];
        char both[64];
        if (a.size + b.size > 12)
            continue;
        memcpy(both, a.data, a.size);
        memcpy(both + a.size, b.data, b.size);
        int32_t id = find_text(t, both, a.size + b.size);
        if (id < 0 && n == N_VOCAB)
            continue;
        if (id < 0) {
            id = (int32_t)n++;
            assert_true(
                weir_token_table_set(t, (size_t)id, WEIR_TOKEN_NORMAL, both, a.size + b.size));
        }
        if (r->rank[left][right] == SIZE_MAX) {
            r->rank[left][right] = t->n_merges;
            r->result[left][right] = id;
        } else if (i % 8 != 0) {
            continue; /* now and then a merge stands twice: the first one counts */
        }
        assert_true(weir_token_table_merge(t, a, b));
    }
    assert_true(weir_token_table_pad(t));
    for (size_t i = 0; i < N_VOCAB; i++)
        r->bytes[i] = t->kinds[i] == WEIR_TOKEN_NORMAL ? t->tokens[i] : (weir_text){"", 0};
    assert_int_equal(weir_bpe_open(&r->bpe, t, r->bytes, ignore_merges, "random", &err),
                     WEIR_STATUS_OK);
}

static void close_random(random_bpe *r) {
    weir_bpe_close(&r->bpe);
    weir_token_table_close(&r->table);
}

/* The definition: the lowest rank, the leftmost of it, again and again. */
static size_t reference(const random_bpe *r, const char *piece, size_t n, int32_t *ids) {
    for (size_t i = 0; i < n; i++)
        ids[i] = piece[i] - 'a';
    for (;;) {
        size_t best = SIZE_MAX, at = 0;
        for (size_t i = 0; i + 1 < n; i++)
            if (r->rank[ids[i]][ids[i + 1]] < best) {
                best = r->rank[ids[i]][ids[i + 1]];
                at = i;
            }
        if (best == SIZE_MAX)
            return n;
        ids[at] = r->result[ids[at]][ids[at + 1]];
        memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof *ids);
        n--;
    }
}

static size_t random_piece(char *piece, uint64_t seed) {
    size_t n = 1 + weir_mix64(seed, 8, 0) % (seed % 4 == 0 ? LONGEST_PIECE : 60);
    for (size_t i = 0; i < n; i++)
        piece[i] = (char)('a' + weir_mix64(seed, 9, i) % (1 + seed % N_LETTERS));
    return n;
}

static void test_merges_are_the_definition(void **state) {
    (void)state;
    static random_bpe r;
    size_t n_long = 0, n_merged = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        make_random(&r, seed, false);
        weir_bpe_room room = {0};
        for (uint64_t i = 0; i < 100; i++) {
            char piece[LONGEST_PIECE];
            int32_t expected[LONGEST_PIECE], found[LONGEST_PIECE];
            size_t n = random_piece(piece, seed * 100 + i);
            size_t n_expected = reference(&r, piece, n, expected);
            weir_id_sink sink = {found, LONGEST_PIECE, 0};
            weir_error err = {0};
            assert_int_equal(weir_bpe_encode(&r.bpe, &room, piece, n, &sink, &err), WEIR_STATUS_OK);
            assert_int_equal(sink.n, n_expected);
            assert_memory_equal(found, expected, n_expected * sizeof *found);
            n_long += n > 64;
            n_merged += n_expected < n;
        }
        weir_bpe_room_close(&room);
        close_random(&r);
    }
    assert_true(n_long > 500 && n_merged > 3000);
}

/* Every piece that is an entry is that entry, if it is so wished; else what merges make of it. */
static void test_ignore_merges(void **state) {
    (void)state;
    static random_bpe plain, whole;
    size_t n_differ = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        make_random(&plain, seed, false);
        make_random(&whole, seed, true);
        weir_bpe_room room = {0};
        for (int32_t id = 0; id < N_VOCAB; id++) {
            weir_text text = whole.bytes[id];
            if (text.size == 0)
                continue;
            int32_t found[16], expected[16];
            weir_id_sink sink = {found, 16, 0}, merged = {found, 16, 0};
            weir_error err = {0};
            assert_int_equal(weir_bpe_encode(&whole.bpe, &room, text.data, text.size, &sink, &err),
                             WEIR_STATUS_OK);
            assert_int_equal(sink.n, 1);
            assert_int_equal(found[0], id);
            assert_int_equal(
                weir_bpe_encode(&plain.bpe, &room, text.data, text.size, &merged, &err),
                WEIR_STATUS_OK);
            size_t n = reference(&plain, text.data, text.size, expected);
            assert_int_equal(merged.n, n);
            assert_memory_equal(found, expected, n * sizeof *found);
            n_differ += n != 1 || expected[0] != id;
        }
        weir_bpe_room_close(&room);
        close_random(&plain);
        close_random(&whole);
    }
    assert_true(n_differ > 0);
}

static void test_unknown_byte(void **state) {
    (void)state;
    static random_bpe r;
    make_random(&r, 1, false);
    weir_bpe_room room = {0};
    int32_t ids[8];
    weir_id_sink sink = {ids, 8, 0};
    weir_error err = {0};
    assert_int_equal(weir_bpe_encode(&r.bpe, &room, "ab\x80", 3, &sink, &err),
                     WEIR_STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "0x80"));
    close_random(&r);
}

/* ---- bad megabytes --------------------------------------------------------------------------- */

static void repeat(char *text, const char *part) {
    size_t n = strlen(part);
    for (size_t i = 0; i < MEGABYTE; i++)
        text[i] = part[i % n];
}

/* Merges tried: each byte begins as a symbol, each merge takes one away and makes two new pairs. */
static void expect_little_work(const weir_tokenizer *t, const char *text, int32_t *ids) {
    weir_error err = {0};
    size_t n_ids;
    uint64_t n_steps;
    assert_int_equal(weir_tokenizer_encode_counted(t, text, MEGABYTE, NULL, ids, MEGABYTE + 2,
                                                   &n_ids, &n_steps, &err),
                     WEIR_STATUS_OK);
    assert_true(n_steps <= 4 * (uint64_t)MEGABYTE);
    kit_expect_decoded(t, ids, n_ids, text, MEGABYTE);
}

static void check_megabytes(const weir_tokenizer *t) {
    static const char *const parts[] = {
        "a",    "e",    " ",  "\n", "7",          "<|",           "<|im_", "\xf0\x9f\x98\x80",
        "ab",   "\xff", "\t", "'s", "<|<|im_end", "\xe6\x97\xa5", "!",     "e ",
        "ethe", "\r\n",
    };
    char *text = malloc(MEGABYTE);
    int32_t *ids = malloc((MEGABYTE + 2) * sizeof *ids);
    assert_true(text != NULL && ids != NULL);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        repeat(text, parts[i]);
        expect_little_work(t, text, ids);
    }
    for (uint32_t kind = 0; kind < 3; kind++) {
        static const char letters[] = "etaoinsr", white[] = " \t\r\n";
        for (size_t i = 0; i < MEGABYTE; i++) {
            uint64_t bits = weir_mix64(kind, 4, i);
            text[i] = kind == 0 ? (char)bits : kind == 1 ? letters[bits % 8] : white[bits % 4];
        }
        expect_little_work(t, text, ids);
    }
    free(text);
    free(ids);
}

static void test_bad_megabytes(void **state) {
    (void)state;
    weir_tokenizer *t = kit_open(MINI);
    check_megabytes(t);
    weir_tokenizer_close(&t);
}

/* Both sizes of the family's vocabularies. Entries encode to themselves: the synthetic tokenizer
 * promises it. */
static void test_large_vocabularies(void **state) {
    (void)state;
    static const uint32_t sizes[] = {65536, 128000};
    for (size_t i = 0; i < 2; i++) {
        weir_hparams h = {.n_vocab = sizes[i], .bos = 1, .eos = 7, .pad = 0};
        weir_token_table table;
        weir_error err = {0};
        weir_tokenizer *t;
        assert_int_equal(weir_synth_tokenizer(&table, &h, &err), WEIR_STATUS_OK);
        assert_int_equal(weir_tokenizer_from_table(&t, &table, NULL, "synthetic", &err),
                         WEIR_STATUS_OK);
        weir_tokenizer_info info;
        weir_tokenizer_get_info(t, &info);
        assert_int_equal(info.n_tokens, sizes[i]);
        assert_true(info.n_merges > 60000);
        assert_int_equal(info.n_unused > 0, sizes[i] == 65536);
        for (int32_t id = 766; id < (int32_t)sizes[i]; id += 7) {
            const char *bytes;
            size_t n;
            if (weir_tokenizer_token(t, id, &bytes, &n) == WEIR_TOKEN_NORMAL)
                kit_expect(t, bytes, n, NULL, &id, 1);
        }
        if (i == 1)
            check_megabytes(t);
        weir_tokenizer_close(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merges_are_the_definition),
        cmocka_unit_test(test_ignore_merges),
        cmocka_unit_test(test_unknown_byte),
        cmocka_unit_test(test_bad_megabytes),
        cmocka_unit_test(test_large_vocabularies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
