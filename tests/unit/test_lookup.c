/*
 * test_lookup.c: the index finds what brute force finds and believes nothing else; the controller,
 * under prices that the test names, gains where there is something to gain, loses next to nothing
 * where there is not, and notices when one becomes the other.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/random.h"
#include "engine/drafts.h"
#include <string.h>

enum { N_CTX = 1024 };

static const uint32_t lengths[WEIR_LOOKUP_LENGTHS] = {8, 6, 4, 3, 2};

/* ---- the index ------------------------------------------------------------------------------ */

static bool is_match(const int32_t *tokens, uint32_t n_tokens, uint32_t at, uint32_t n) {
    return at >= n && n < n_tokens &&
           memcmp(tokens + at - n, tokens + n_tokens - n, n * sizeof *tokens) == 0;
}

/* The row of the longest end of tokens [n_tokens] that occurred before, and the latest place. */
static uint32_t brute_force(const int32_t *tokens, uint32_t n_tokens, uint32_t *length) {
    for (uint32_t i = 0; i < WEIR_LOOKUP_LENGTHS; i++)
        for (uint32_t at = n_tokens - 1; at >= lengths[i]; at--)
            if (is_match(tokens, n_tokens, at, lengths[i])) {
                *length = i;
                return at;
            }
    return WEIR_LOOKUP_NONE;
}

/* Texts of few and of many words, cut now and then. Only what shares its slot with something newer
 * may be missed, never found at a wrong place. */
static void index_against_brute_force(void **state) {
    (void)state;
    uint32_t n_found = 0, n_same = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        int32_t tokens[N_CTX];
        weir_ngrams grams;
        weir_error err;
        assert_int_equal(weir_ngrams_open(&grams, N_CTX, &err), WEIR_STATUS_OK);
        uint32_t n_words = 2 + (uint32_t)(seed * seed);
        for (uint32_t n = 0, i = 0; n < N_CTX && i < 3000; i++) {
            uint64_t dice = weir_mix64(seed, 3, i);
            if (dice % 300 == 0 && n > 0) {
                n = (uint32_t)(dice >> 8) % n;
                weir_ngrams_cut(&grams, n);
            }
            tokens[n++] = (int32_t)(weir_mix64(seed, 4, i) % n_words);
            uint32_t length = 99, expected_length = 99;
            uint32_t at = weir_ngrams_find(&grams, tokens, n, &length);
            uint32_t expected = brute_force(tokens, n, &expected_length);
            if (at != WEIR_LOOKUP_NONE) {
                assert_true(at < n);
                assert_true(is_match(tokens, n, at, lengths[length]));
            }
            n_found += expected != WEIR_LOOKUP_NONE;
            n_same += expected != WEIR_LOOKUP_NONE && at == expected && length == expected_length;
        }
        weir_ngrams_close(&grams);
    }
    print_message("%u of %u earlier occurrences found\n", n_same, n_found);
    assert_true(n_found > 5000);
    assert_true(n_same * 100 > n_found * 80);
}

static void longest_and_latest(void **state) {
    (void)state;
    /*                         0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 */
    static const int32_t t[] = {5, 1, 2, 3, 9, 8, 2, 3, 7, 8, 2, 3, 6, 2, 3};
    weir_ngrams grams;
    weir_error err;
    uint32_t length;
    assert_int_equal(weir_ngrams_open(&grams, N_CTX, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_ngrams_find(&grams, t, 0, &length), WEIR_LOOKUP_NONE);
    assert_int_equal(weir_ngrams_find(&grams, t, 1, &length), WEIR_LOOKUP_NONE);
    assert_int_equal(weir_ngrams_find(&grams, t, 8, &length), 4); /* 2 3 after 1 */
    assert_int_equal(lengths[length], 2);
    assert_int_equal(weir_ngrams_find(&grams, t, 12, &length), 8); /* 8 2 3 */
    assert_int_equal(lengths[length], 3);
    assert_int_equal(weir_ngrams_find(&grams, t, 15, &length), 12); /* 2 3, the latest */
    assert_int_equal(lengths[length], 2);
    weir_ngrams_close(&grams);
}

static double one(void *context, uint32_t n_rows) {
    (void)context;
    (void)n_rows;
    return 1; /* rows are free: everything is drafted */
}

/* A loop of three is drafted round and round. */
static void loops_go_round(void **state) {
    (void)state;
    static const int32_t loop[] = {7, 8, 9, 7, 8, 9, 7, 8};
    static const int32_t expected[] = {9, 7, 8, 9, 7, 8, 9, 7, 8, 9};
    weir_lookup *lookup;
    weir_error err;
    int32_t drafts[WEIR_LOOKUP_MOST];
    weir_lookup_options o = {.most = 10, .n_ctx = N_CTX, .price = one};
    assert_int_equal(weir_lookup_open(&lookup, &o, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_lookup_draft(lookup, loop, 8, drafts, 16), 0); /* nothing to compare */
    weir_lookup_ran(lookup, 1, 0);
    weir_lookup_ran(lookup, 11, 0); /* now it knows that they are free */
    assert_int_equal(weir_lookup_draft(lookup, loop, 8, drafts, 16), 10);
    assert_memory_equal(drafts, expected, sizeof expected);
    weir_lookup_ran(lookup, 11, 0);
    for (int i = 0; i < 4; i++)
        weir_lookup_took(lookup);
    weir_lookup_end(lookup, true);
    assert_int_equal(weir_lookup_count(lookup).n_drafts, 10);
    assert_int_equal(weir_lookup_count(lookup).n_taken, 4);
    assert_int_equal(weir_lookup_draft(lookup, loop, 8, drafts, 0), 0);
    weir_lookup_close(&lookup);
    assert_null(lookup);
    o.most = WEIR_LOOKUP_MOST + 1;
    assert_int_equal(weir_lookup_open(&lookup, &o, &err), WEIR_STATUS_BAD_ARGUMENT);
    o.most = 0;
    assert_int_equal(weir_lookup_open(&lookup, &o, &err), WEIR_STATUS_BAD_ARGUMENT);
}

/* ---- the controller ------------------------------------------------------------------------- */

/* A machine and a text. */
typedef struct world {
    double slope;  /* what a further row costs, in steps of one row */
    double jump;   /* what the second one costs besides */
    double chance; /* that a drafted token holds */
    double noise;  /* steps take up to this much longer */
    uint32_t length;
    weir_draft_control control;
    uint64_t i; /* of random numbers */
    uint32_t n_drafts, n_steps_drafted;
} world;

static double dice(world *w) {
    return weir_uniform(weir_mix64(5, 5, w->i++));
}

/* Time for about n_tokens tokens, in plain steps. Each step could have a draft. */
static double live(world *w, uint32_t n_tokens) {
    double time = 0;
    for (uint32_t done = 0; done < n_tokens;) {
        uint32_t n = weir_control_choose(&w->control, w->length, 8), n_taken = 0;
        assert_true(n <= 8);
        double seconds = 1 + w->slope * n + (n > 0 ? w->jump : 0);
        time += seconds;
        weir_control_measure(&w->control, n + 1, seconds * (1 + w->noise * dice(w)) * 0.01);
        while (n_taken < n && dice(w) < w->chance)
            n_taken++;
        weir_control_judge(&w->control, w->length, n, n_taken, n_taken < n);
        w->n_drafts += n;
        w->n_steps_drafted += n > 0;
        done += 1 + n_taken;
    }
    return time / n_tokens;
}

static world new_world(double slope, double chance) {
    world w = {.slope = slope, .chance = chance, .length = 1};
    weir_control_init(&w.control);
    return w;
}

static void measures_before_it_drafts(void **state) {
    (void)state;
    weir_draft_control c;
    weir_control_init(&c);
    assert_int_equal(weir_control_choose(&c, 0, 8), 0);
    weir_control_measure(&c, 1, 0); /* a clock that stands still says nothing */
    assert_int_equal(weir_control_choose(&c, 0, 8), 0);
    weir_control_measure(&c, 1, 0.02);
    assert_true(weir_control_choose(&c, 0, 8) > 0);
    assert_int_equal(weir_control_choose(&c, 0, 0), 0);
}

static void costs_between_what_was_measured(void **state) {
    (void)state;
    weir_draft_control c;
    weir_control_init(&c);
    weir_control_measure(&c, 1, 2);
    weir_control_measure(&c, 5, 4);
    assert_float_equal(weir_control_cost(&c, 1), 1, 1e-9);
    assert_float_equal(weir_control_cost(&c, 5), 2, 1e-9);
    assert_float_equal(weir_control_cost(&c, 3), 1.5, 1e-9);
    assert_float_equal(weir_control_cost(&c, 9), 3, 1e-9);
    weir_control_measure(&c, 9, 20);
    assert_float_equal(weir_control_cost(&c, 7), 6, 1e-9);
}

static void gains_where_text_repeats(void **state) {
    (void)state;
    world cheap = new_world(0.05, 0.97), dear = new_world(0.4, 0.97);
    double time_cheap = live(&cheap, 2000), time_dear = live(&dear, 2000);
    print_message("copied text: %.2f of the time where a row costs 0.05, %.2f at 0.4\n", time_cheap,
                  time_dear);
    assert_true(time_cheap < 0.25);
    assert_true(time_dear < 0.65);
}

static void loses_little_where_it_does_not(void **state) {
    (void)state;
    static const struct {
        double slope, jump, chance;
    } bad[] = {{0.05, 0, 0}, {0.4, 0, 0.3}, {1, 0, 1}, {1.2, 0, 0.9}, {0.1, 2, 0.6}, {0.5, 0, 0.5}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (uint32_t length = 0; length < WEIR_LOOKUP_LENGTHS; length++) {
            world w = new_world(bad[i].slope, bad[i].chance);
            w.jump = bad[i].jump;
            w.noise = 0.1;
            w.length = length;
            double time = live(&w, 4000);
            if (time > 1.015)
                fail_msg("a row costs %g and %g at once, %g hold: %.4f of the plain time",
                         bad[i].slope, bad[i].jump, bad[i].chance, time);
            assert_true(w.n_steps_drafted > 2); /* it still looks now and then */
        }
}

/* Cheap rows and drafts that never hold: off long before the chance has been learnt. */
static void gives_up_early(void **state) {
    (void)state;
    world w = new_world(0.05, 0);
    live(&w, 60);
    assert_false(w.control.is_on);
    assert_true(w.n_steps_drafted < 10);
}

/* Prose, then a long quotation, then prose. */
static void notices_when_things_change(void **state) {
    (void)state;
    world w = new_world(0.1, 0.05);
    double prose = live(&w, 3000);
    w.chance = 0.95;
    double quotation = live(&w, 1500);
    w.chance = 0.05;
    double again = live(&w, 3000);
    print_message("prose %.3f, quotation %.3f, prose again %.3f\n", prose, quotation, again);
    assert_true(prose < 1.02);
    assert_true(quotation < 0.6);
    assert_true(again < 1.02);
}

/* A step that the system held up for a hundred times as long does not end drafting. */
static void forgives_an_interruption(void **state) {
    (void)state;
    world w = new_world(0.1, 0.95);
    live(&w, 500);
    for (uint32_t rows = 1; rows <= 9; rows++)
        weir_control_measure(&w.control, rows, rows == 1 ? 0.01 : 1.0);
    assert_true(live(&w, 500) < 0.6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_against_brute_force),
        cmocka_unit_test(longest_and_latest),
        cmocka_unit_test(loops_go_round),
        cmocka_unit_test(measures_before_it_drafts),
        cmocka_unit_test(costs_between_what_was_measured),
        cmocka_unit_test(gains_where_text_repeats),
        cmocka_unit_test(loses_little_where_it_does_not),
        cmocka_unit_test(gives_up_early),
        cmocka_unit_test(notices_when_things_change),
        cmocka_unit_test(forgives_an_interruption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
