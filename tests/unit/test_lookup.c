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
    weir_draft_chance chance;
    weir_draft_record record = {.price = one};
    weir_lookup_options o = {.most = 10, .n_ctx = N_CTX, .record = &record};
    assert_int_equal(weir_lookup_open(&lookup, &o, &err), WEIR_STATUS_OK);
    assert_true(weir_lookup_find(lookup, loop, 8, 16, &chance));
    assert_int_equal(chance.cap, 10);
    weir_drafts_share(&record, 1, 16, &chance, 1);
    assert_int_equal(chance.n, 0); /* nothing to compare */
    weir_drafts_measure(&record, 1, 0);
    weir_drafts_measure(&record, 11, 0); /* now it knows that they are free */
    weir_drafts_share(&record, 1, 16, &chance, 1);
    assert_int_equal(chance.n, 10);
    assert_int_equal(weir_lookup_draft(lookup, loop, 8, drafts, 10), 10);
    assert_memory_equal(drafts, expected, sizeof expected);
    weir_lookup_ran(lookup);
    for (int i = 0; i < 4; i++)
        weir_lookup_took(lookup);
    weir_lookup_end(lookup, true);
    assert_int_equal(weir_lookup_count(lookup).n_drafts, 10);
    assert_int_equal(weir_lookup_count(lookup).n_taken, 4);
    assert_true(weir_lookup_find(lookup, loop, 8, 0, &chance));
    assert_int_equal(chance.cap, 0);
    assert_false(weir_lookup_find(lookup, expected, 2, 16, &chance));
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
    weir_draft_record record;
    uint64_t i; /* of random numbers */
    uint32_t n_drafts, n_steps_drafted;
} world;

static uint32_t choose(weir_draft_record *record, weir_draft_control *control, uint32_t length,
                       uint32_t cap) {
    weir_draft_chance chance = {.control = control, .length = length, .cap = cap};
    weir_drafts_share(record, 1, WEIR_LOOKUP_MOST, &chance, 1);
    return chance.n;
}

static double dice(world *w) {
    return weir_uniform(weir_mix64(5, 5, w->i++));
}

/* Time for about n_tokens tokens, in plain steps. Each step could have a draft. */
static double live(world *w, uint32_t n_tokens) {
    double time = 0;
    for (uint32_t done = 0; done < n_tokens;) {
        uint32_t n = choose(&w->record, &w->control, w->length, 8), n_taken = 0;
        assert_true(n <= 8);
        double seconds = 1 + w->slope * n + (n > 0 ? w->jump : 0);
        time += seconds;
        weir_drafts_measure(&w->record, n + 1, seconds * (1 + w->noise * dice(w)) * 0.01);
        while (n_taken < n && dice(w) < w->chance)
            n_taken++;
        if (n > 0)
            weir_drafts_judge(&w->record, &w->control, w->length, n_taken, n_taken < n);
        w->n_drafts += n;
        w->n_steps_drafted += n > 0;
        done += 1 + n_taken;
    }
    return time / n_tokens;
}

static world new_world(double slope, double chance) {
    return (world){.slope = slope, .chance = chance, .length = 1};
}

static void measures_before_it_drafts(void **state) {
    (void)state;
    weir_draft_control c = {0};
    weir_draft_record r = {0};
    assert_int_equal(choose(&r, &c, 0, 8), 0);
    weir_drafts_measure(&r, 1, 0); /* a clock that stands still says nothing */
    assert_int_equal(choose(&r, &c, 0, 8), 0);
    weir_drafts_measure(&r, 1, 0.02);
    assert_true(choose(&r, &c, 0, 8) > 0);
    assert_int_equal(choose(&r, &c, 0, 0), 0);
}

static void times_between_what_was_measured(void **state) {
    (void)state;
    weir_draft_record r = {0};
    weir_drafts_measure(&r, 1, 2);
    assert_float_equal(weir_drafts_seconds(&r, 1, 1), 2, 1e-9);
    weir_drafts_measure(&r, 5, 4);
    assert_float_equal(weir_drafts_seconds(&r, 1, 5), 4, 1e-9);
    assert_float_equal(weir_drafts_seconds(&r, 1, 3), 3, 1e-9);
    assert_float_equal(weir_drafts_seconds(&r, 1, 9), 6, 1e-9);
    weir_drafts_measure(&r, 9, 7);
    assert_float_equal(weir_drafts_seconds(&r, 1, 7), 5.5, 1e-9);
    assert_float_equal(weir_drafts_seconds(&r, 5, 6), 4.75, 1e-9);
    weir_drafts_measure(&r, 2, 1); /* noise */
    assert_float_equal(weir_drafts_seconds(&r, 1, 2), 2, 1e-9);
    weir_drafts_measure(&r, 10, 100); /* nine take 7 */
    assert_true(weir_drafts_seconds(&r, 1, 10) <= 8);
}

/* The machine has become twice as fast: other numbers of rows, too, long before they are seen. */
static void a_faster_machine_is_faster_at_all_rows(void **state) {
    (void)state;
    weir_draft_record r = {0};
    for (int i = 0; i < 20; i++) {
        weir_drafts_measure(&r, 8, 20);
        weir_drafts_measure(&r, 12, 28);
    }
    for (int i = 0; i < 100; i++)
        weir_drafts_measure(&r, 8, 10);
    double ratio = weir_drafts_seconds(&r, 8, 12) / weir_drafts_seconds(&r, 8, 8);
    assert_float_equal(weir_drafts_seconds(&r, 8, 8), 10, 0.1);
    assert_true(ratio > 1.4 && ratio < 1.7);
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

/* Cheap rows and drafts that never hold: tries alone, long before much is known. */
static void gives_up_early(void **state) {
    (void)state;
    world w = new_world(0.05, 0);
    live(&w, 60);
    uint32_t n_drafts = w.n_drafts;
    assert_true(n_drafts < 20);
    live(&w, 1000);
    print_message("%u drafts in 60 steps, %u in 1000 more\n", n_drafts, w.n_drafts - n_drafts);
    assert_true(w.n_drafts - n_drafts < 0.006 * 1000 / 0.05);
}

/* A timeline begins with what others have learnt. */
static void the_next_one_knows(void **state) {
    (void)state;
    world w = new_world(0.05, 0);
    live(&w, 2000);
    w.control = (weir_draft_control){0};
    w.n_drafts = 0;
    live(&w, 60);
    print_message("%u drafts in the first 60 steps of the next\n", w.n_drafts);
    assert_true(w.n_drafts <= 15);
    w.chance = 0.95;
    live(&w, 2000);
    w.control = (weir_draft_control){0};
    assert_int_equal(choose(&w.record, &w.control, w.length, 8), 8);
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
    assert_true(quotation < 0.35);
    assert_true(again < 1.02);
}

/* A step that the system held up for a hundred times as long does not end drafting, not even the
 * first of its number of rows. */
static void forgives_an_interruption(void **state) {
    (void)state;
    world w = new_world(0.1, 0.95);
    weir_drafts_measure(&w.record, 1, 0.01);
    for (uint32_t rows = 2; rows <= 9; rows++)
        weir_drafts_measure(&w.record, rows, 1.0);
    live(&w, 1000);
    double time = live(&w, 1000);
    print_message("%.2f of the time after first steps that were held up\n", time);
    assert_true(time < 0.3);
    for (uint32_t rows = 1; rows <= 9; rows++)
        weir_drafts_measure(&w.record, rows, rows == 1 ? 0.01 : 1.0);
    assert_true(live(&w, 500) < 0.6);
}

/* First steps are cold, and the very first is plain: that does not make drafts look cheap. */
static void forgives_cold_first_steps(void **state) {
    (void)state;
    world w = new_world(0.6, 0.5);
    for (int i = 0; i < 3; i++)
        weir_drafts_measure(&w.record, 1, 0.02);
    double time = live(&w, 400);
    print_message("%.3f of the time after cold first steps\n", time);
    assert_true(time < 1.03);
}

/* ---- in company ----------------------------------------------------------------------------- */

enum { MOST_TIMELINES = 8 };

/* Timelines that decode together, each with its own text. */
typedef struct company {
    double first, slope; /* a step of n rows takes first + slope n */
    uint32_t n, room, n_steps;
    double chance[MOST_TIMELINES];
    weir_draft_control control[MOST_TIMELINES];
    uint32_t n_drafts[MOST_TIMELINES];
    weir_draft_record record;
    world luck;
} company;

static company new_company(double first, double slope, uint32_t n, const double *chance) {
    company c = {.first = first, .slope = slope, .n = n, .room = 8, .luck = new_world(0, 0)};
    memcpy(c.chance, chance, n * sizeof *chance);
    return c;
}

/* Tokens in the time of a plain step's tokens. */
static double live_together(company *c, uint32_t n_steps) {
    double time = 0, n_tokens = 0, plain = c->first + c->slope * c->n;
    for (uint32_t s = 0; s < n_steps; s++) {
        weir_draft_chance chances[MOST_TIMELINES];
        uint32_t n_drafts = 0, first = c->n_steps++ % c->n; /* asked first, each in turn */
        for (uint32_t i = 0; i < c->n; i++)
            chances[i] = (weir_draft_chance){
                .control = &c->control[(first + i) % c->n], .length = 1, .cap = 8};
        weir_drafts_share(&c->record, c->n, c->room, chances, c->n);
        for (uint32_t i = 0; i < c->n; i++)
            n_drafts += chances[i].n;
        assert_true(n_drafts <= c->room);
        double seconds = c->first + c->slope * (c->n + n_drafts);
        time += seconds;
        weir_drafts_measure(&c->record, c->n + n_drafts, seconds * (1 + 0.1 * dice(&c->luck)));
        for (uint32_t i = 0; i < c->n; i++) {
            uint32_t whose = (first + i) % c->n, n_taken = 0;
            while (n_taken < chances[i].n && dice(&c->luck) < c->chance[whose])
                n_taken++;
            if (chances[i].n > 0)
                weir_drafts_judge(&c->record, &c->control[whose], 1, n_taken,
                                  n_taken < chances[i].n);
            c->n_drafts[whose] += chances[i].n;
            n_tokens += 1 + n_taken;
        }
    }
    return n_tokens * plain / (time * c->n);
}

/* Rows go to whose drafts hold, and to nobody where rows cost what tokens do. */
static void shares_among_company(void **state) {
    (void)state;
    company all = new_company(1, 0.05, 4, (double[]){0.95, 0.95, 0.95, 0.95});
    company one_quotes = new_company(1, 0.05, 4, (double[]){0.05, 0.95, 0.05, 0.05});
    company nobody = new_company(1, 0.05, 4, (double[]){0.05, 0.05, 0.05, 0.05});
    company dear = new_company(0, 0.2, 4, (double[]){0.9, 0.9, 0.9, 0.9});
    double gain_all = live_together(&all, 1500), gain_one = live_together(&one_quotes, 1500);
    double gain_nobody = live_together(&nobody, 3000), gain_dear = live_together(&dear, 3000);
    print_message("tokens a time: all quote %.2f, one of four %.2f, none %.3f, dear rows %.3f\n",
                  gain_all, gain_one, gain_nobody, gain_dear);
    assert_true(gain_all > 1.8);
    assert_true(gain_one > 1.6);
    assert_true(one_quotes.n_drafts[1] > 3 * one_quotes.n_drafts[0]);
    assert_true(gain_nobody > 0.985);
    assert_true(gain_dear > 0.985);
    for (int i = 1; i < 4; i++) /* alike, so nobody is favoured for long */
        assert_in_range(all.n_drafts[i], all.n_drafts[0] / 2, all.n_drafts[0] * 2);
}

/* One of eight begins to quote: it is tried again as soon as a try has held. */
static void follows_a_try_that_held(void **state) {
    (void)state;
    static const double prose[MOST_TIMELINES] = {.05, .05, .05, .05, .05, .05, .05, .05};
    company c = new_company(1, 0.05, 8, prose);
    live_together(&c, 1000);
    c.chance[3] = 0.95;
    double gain = live_together(&c, 150);
    print_message("tokens a time once one of eight quotes: %.2f\n", gain);
    assert_true(gain > 1.2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_against_brute_force),
        cmocka_unit_test(longest_and_latest),
        cmocka_unit_test(loops_go_round),
        cmocka_unit_test(measures_before_it_drafts),
        cmocka_unit_test(times_between_what_was_measured),
        cmocka_unit_test(a_faster_machine_is_faster_at_all_rows),
        cmocka_unit_test(gains_where_text_repeats),
        cmocka_unit_test(loses_little_where_it_does_not),
        cmocka_unit_test(gives_up_early),
        cmocka_unit_test(the_next_one_knows),
        cmocka_unit_test(notices_when_things_change),
        cmocka_unit_test(forgives_an_interruption),
        cmocka_unit_test(forgives_cold_first_steps),
        cmocka_unit_test(shares_among_company),
        cmocka_unit_test(follows_a_try_that_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
