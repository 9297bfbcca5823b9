/*
 * test_chat_timeline.c: how much of a timeline may stay. What is kept and what follows it must say
 * what the new encoding says, with the same control tokens; and enough must be kept.
 */
#include "base/random.h"
#include "chat_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_IDS = 512, MAX_BYTES = 4096, N_ROUNDS = 4000 };

static weir_tokenizer *tokenizer;

static int open_tokenizer(void **state) {
    (void)state;
    return (int)weir_tokenizer_open(&tokenizer, WEIR_TEST_DATA "/tokenizer/mini/tokenizer.json",
                                    NULL, NULL);
}

static int close_tokenizer(void **state) {
    (void)state;
    weir_tokenizer_close(&tokenizer);
    return 0;
}

typedef struct ids {
    int32_t item[MAX_IDS];
    size_t n;
} ids;

static ids encode(const char *text, bool no_control) {
    ids out;
    weir_encode_options options = {.no_control = no_control};
    assert_int_equal(weir_tokenizer_encode(tokenizer, text, strlen(text), &options, out.item,
                                           MAX_IDS, &out.n, NULL),
                     WEIR_STATUS_OK);
    assert_true(out.n <= MAX_IDS);
    return out;
}

static ids join(ids a, ids b) {
    assert_true(a.n + b.n <= MAX_IDS);
    memcpy(a.item + a.n, b.item, b.n * sizeof *b.item);
    a.n += b.n;
    return a;
}

/* One token a byte: as no tokenizer would do it. */
static ids spell(const char *text) {
    ids out = {.n = 0};
    for (; *text; text++)
        out.item[out.n++] = weir_tokenizer_find(tokenizer, text, 1);
    return out;
}

static size_t decode(const int32_t *items, size_t n, char *text) {
    size_t n_text;
    assert_int_equal(
        weir_tokenizer_decode(tokenizer, items, n, false, text, MAX_BYTES, &n_text, NULL),
        WEIR_STATUS_OK);
    return n_text;
}

static size_t match(ids timeline, ids encoded, size_t *n_said) {
    size_t n_kept;
    weir_timeline_match(tokenizer, timeline.item, timeline.n, encoded.item, encoded.n, &n_kept,
                        n_said);
    assert_true(n_kept <= timeline.n && *n_said <= encoded.n);
    char kept[MAX_BYTES], said[MAX_BYTES];
    size_t n = decode(timeline.item, n_kept, kept);
    assert_int_equal(n, decode(encoded.item, *n_said, said));
    assert_memory_equal(kept, said, n);
    return n_kept;
}

static void expect(ids timeline, ids encoded, size_t n_kept, size_t n_said) {
    size_t said;
    assert_int_equal(match(timeline, encoded, &said), n_kept);
    assert_int_equal(said, n_said);
}

static void test_equal_ids(void **state) {
    (void)state;
    ids a = encode("<|im_start|>user\nHello there<|im_end|>\n", false);
    ids b = join(a, encode("<|im_start|>assistant\n", false));
    ids empty = {.n = 0};
    expect(a, a, a.n, a.n);
    expect(a, b, a.n, a.n);
    expect(b, a, a.n, a.n);
    expect(empty, a, 0, 0);
    expect(a, empty, 0, 0);
}

static void test_own_words_stay(void **state) {
    (void)state;
    ids begin = encode("<|im_start|>assistant\n", false);
    ids own = join(begin, spell("Hello there"));
    ids written = join(begin, encode("Hello there", false));
    assert_true(own.n > written.n);
    ids end = encode("<|im_end|>", false);
    ids next = encode("<|im_end|>\n<|im_start|>user\nMore<|im_end|>", false);
    /* Ended by itself, or interrupted where the template puts the end. */
    expect(join(own, end), join(written, next), own.n + 1, written.n + 1);
    expect(own, join(written, next), own.n, written.n);
    /* The same words in the middle of a text: its tokens might be others, so none stays but one
     * that happens to be the same. */
    ids longer = join(begin, encode("Hello thereafter", false));
    size_t said, kept = match(own, longer, &said);
    assert_true(kept >= begin.n && kept <= begin.n + 1);
    /* A difference behind words of its own: back to the control token before them. */
    expect(join(own, encode("!", false)), join(written, encode("<|im_end|>", false)), own.n,
           written.n);
    kept = match(join(begin, spell("Hello zebra")), join(written, end), &said);
    assert_true(kept >= begin.n && kept <= begin.n + 1);
}

static void test_control_tokens_are_only_themselves(void **state) {
    (void)state;
    const char *text = "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n";
    ids real = encode(text, false), forged = encode(text, true);
    expect(forged, real, 0, 0);
    expect(real, forged, 0, 0);
    ids begin = encode("<|im_start|>user\na", false);
    ids half = join(begin, encode("<|im_end|>\n", true));
    size_t said;
    assert_int_equal(match(half, real, &said), begin.n);
    assert_int_equal(match(real, half, &said), begin.n);
}

/* Random conversations in random spellings. */
static ids random_side(uint64_t seed, uint64_t stream, const char *const *pieces, size_t n) {
    ids out = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        bool is_control = pieces[i][0] == '<';
        uint64_t way = weir_mix64(seed, stream, i) % 3;
        ids piece = is_control ? encode(pieces[i], way == 0)
                               : (way == 0 ? spell(pieces[i]) : encode(pieces[i], false));
        out = join(out, piece);
    }
    return out;
}

static void test_random(void **state) {
    (void)state;
    static const char *const words[] = {"<|im_start|>", "<|im_end|>", "\n",  "Hello there, you",
                                        " user",        "a b  c",     "xyz", "12345"};
    size_t n_whole = 0;
    for (uint64_t round = 0; round < N_ROUNDS; round++) {
        const char *a[12], *b[12];
        size_t n = 1 + weir_mix64(round, 0, 0) % 10;
        for (size_t i = 0; i < n; i++) {
            a[i] = words[weir_mix64(round, 1, i) % WEIR_COUNT(words)];
            bool is_other = weir_mix64(round, 2, i) % 12 == 0;
            b[i] = is_other ? words[weir_mix64(round, 3, i) % WEIR_COUNT(words)] : a[i];
        }
        ids timeline = random_side(round, 4, a, n), encoded = random_side(round, 5, b, n);
        size_t said, kept = match(timeline, encoded, &said);
        n_whole += kept == timeline.n && kept > 0;
        /* The same control tokens stand in both. */
        for (size_t i = 0, j = 0;;) {
            const char *bytes;
            size_t n_bytes;
            while (i < kept && weir_tokenizer_token(tokenizer, timeline.item[i], &bytes,
                                                    &n_bytes) != WEIR_TOKEN_CONTROL)
                i++;
            while (j < said && weir_tokenizer_token(tokenizer, encoded.item[j], &bytes, &n_bytes) !=
                                   WEIR_TOKEN_CONTROL)
                j++;
            assert_int_equal(i < kept, j < said);
            if (i >= kept)
                break;
            assert_int_equal(timeline.item[i++], encoded.item[j++]);
        }
    }
    assert_true(n_whole > N_ROUNDS / 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_ids),
        cmocka_unit_test(test_own_words_stay),
        cmocka_unit_test(test_control_tokens_are_only_themselves),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, open_tokenizer, close_tokenizer);
}
