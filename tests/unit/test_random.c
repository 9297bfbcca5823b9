/* test_random.c: counter-based numbers against published answers and for what they promise. */
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* The known answers that the authors of Philox publish for philox4x32, 10 rounds. */
static void philox_known_answers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t out[4];
        weir_philox(out, known[i].counter, known[i].key);
        assert_memory_equal(out, known[i].out, sizeof out);
        /* in place */
        uint32_t both[4] = {known[i].counter[0], known[i].counter[1], known[i].counter[2],
                            known[i].counter[3]};
        weir_philox(both, both, known[i].key);
        assert_memory_equal(both, known[i].out, sizeof both);
    }
}

/* splitmix64 with state 1234567 gives these numbers first (published with its source). */
static void mix_is_splitmix64(void **state) {
    (void)state;
    static const uint64_t known[] = {6457827717110365317u, 3203168211198807973u,
                                     9817491932198370423u, 4593380528125082431u,
                                     16408922859458223821u};
    uint64_t z = 1234567;
    for (size_t i = 0; i < 5; i++) {
        z += 0x9e3779b97f4a7c15u;
        assert_true(weir_mix(z) == known[i]);
    }
}

static void mix64_depends_on_everything(void **state) {
    (void)state;
    uint64_t seen[4 * 4 * 4];
    size_t n = 0;
    for (uint64_t seed = 0; seed < 4; seed++)
        for (uint64_t stream = 0; stream < 4; stream++)
            for (uint64_t i = 0; i < 4; i++)
                seen[n++] = weir_mix64(seed, stream, i);
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < a; b++)
            assert_true(seen[a] != seen[b]);
    assert_true(weir_mix64(3, 2, 1) == seen[3 * 16 + 2 * 4 + 1]);
}

static void uniform_is_in_range(void **state) {
    (void)state;
    assert_true(weir_uniform(0) == 0.0);
    assert_true(weir_uniform(UINT64_MAX) < 1.0);
    assert_true(weir_uniform(UINT64_MAX) == 1.0 - 0x1p-53);
    assert_true(weir_uniform((uint64_t)1 << 63) == 0.5);
    double sum = 0, sum_squares = 0;
    enum { N = 100000 };
    for (uint64_t i = 0; i < N; i++) {
        double x = weir_uniform(weir_mix64(1, 2, i));
        sum += x;
        sum_squares += x * x;
    }
    /* five standard deviations of the mean are 0.0046 */
    assert_true(sum / N > 0.4954 && sum / N < 0.5046);
    assert_true(sum_squares / N > 0.3286 && sum_squares / N < 0.3380);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(mix_is_splitmix64),
        cmocka_unit_test(mix64_depends_on_everything),
        cmocka_unit_test(uniform_is_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
