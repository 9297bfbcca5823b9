/*
 * test_gen_story.c: generated stories are pure functions of their number; the answers hold their
 * own checks; words held out for validation never occur in training, nor the other way round; no
 * plot does what its world does not allow; the prose has no loose ends: braces, double spaces,
 * small letters at the start of sentences, "a" before a vowel.
 */
#include "base/random.h"
#include "train/gen_check.h"
#include "train/gen_story.h"
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_SAMPLES = 3000, N_HELD_OUT = 800 };

static json_t *make(uint64_t seed, uint64_t i, bool is_held_out, double *bits) {
    weir_gen g = {
        .seed = seed, .stream = weir_mix64(i, 0, is_held_out), .is_held_out = is_held_out};
    json_t *sample = weir_gen_story(&g);
    assert_non_null(sample);
    assert_false(g.is_failed);
    if (bits)
        *bits = g.bits;
    return sample;
}

static char *dump(uint64_t seed, uint64_t i, bool is_held_out) {
    json_t *sample = make(seed, i, is_held_out, NULL);
    char *line = json_dumps(sample, JSON_COMPACT);
    assert_non_null(line);
    json_decref(sample);
    return line;
}

static void test_samples_are_pure(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 200; i++) {
        char *a = dump(3, i, false), *b = dump(3, i, false), *c = dump(4, i, false);
        char *next = dump(3, i + 1, false);
        assert_string_equal(a, b);
        assert_string_not_equal(a, c);
        assert_string_not_equal(a, next);
        free(a);
        free(b);
        free(c);
        free(next);
    }
}

static const char *content_of(const json_t *message) {
    const char *text = json_string_value(json_object_get(message, "content"));
    assert_non_null(text);
    return text;
}

static void check_answer(const json_t *check, const char *text, uint64_t i) {
    if (json_is_null(check))
        return;
    weir_gen_answer answer = {.content = text};
    bool holds = false;
    char why[200];
    weir_error err = {0};
    if (weir_gen_check_answer(check, &answer, &holds, why, sizeof(why), &err) != WEIR_STATUS_OK)
        fail_msg("sample %llu: %s", (unsigned long long)i, err.text);
    if (!holds)
        fail_msg("sample %llu: %s: %s", (unsigned long long)i, why, text);
}

/* Roles take turns, contents are there, each answer has its check and holds it. */
static void check_chat(const json_t *sample, uint64_t i) {
    const json_t *messages = json_object_get(sample, "messages");
    const json_t *checks = json_object_get(sample, "check");
    size_t n_answers = 0, k;
    json_t *message;
    const char *before = "system";
    json_array_foreach(messages, k, message) {
        const char *role = json_string_value(json_object_get(message, "role"));
        const char *text = content_of(message);
        assert_true(strlen(text) > 0);
        if (strcmp(role, "system") == 0) {
            assert_int_equal(k, 0);
        } else if (strcmp(role, "user") == 0) {
            assert_string_not_equal(before, "user");
        } else {
            assert_string_equal(role, "assistant");
            assert_string_equal(before, "user");
            check_answer(json_array_get(checks, n_answers), text, i);
            n_answers++;
        }
        before = role;
    }
    assert_string_equal(before, "assistant");
    assert_int_equal(json_array_size(checks), n_answers);
}

static void test_answers_hold_their_checks(void **state) {
    (void)state;
    size_t n_texts = 0, n_systems = 0;
    for (uint64_t i = 0; i < N_SAMPLES + N_HELD_OUT; i++) {
        json_t *sample = make(1, i, i >= N_SAMPLES, NULL);
        const char *text = json_string_value(json_object_get(sample, "text"));
        if (text) {
            n_texts++;
            assert_true(strlen(text) > 200);
        } else {
            check_chat(sample, i);
            const json_t *first = json_array_get(json_object_get(sample, "messages"), 0);
            n_systems += strcmp(json_string_value(json_object_get(first, "role")), "system") == 0;
        }
        json_decref(sample);
    }
    assert_in_range(n_texts, 400, 800);
    assert_in_range(n_systems, 500, 1200);
}

/* ---- prose ---------------------------------------------------------------------------------- */

static bool is_vowel(char c) {
    return c && strchr("aeiouAEIOU", c) != NULL;
}

static void check_articles(const char *text) {
    for (const char *p = text; (p = strchr(p, 'a')) != NULL; p++) {
        if (p > text && (isalpha((unsigned char)p[-1]) || p[-1] == '\''))
            continue;
        const char *word = NULL;
        bool is_an = strncmp(p, "an ", 3) == 0;
        if (is_an)
            word = p + 3;
        else if (strncmp(p, "a ", 2) == 0)
            word = p + 2;
        if (!word || *word == '"')
            continue;
        bool is_sounded = is_vowel(*word);
        if (strncmp(word, "unicorn", 7) == 0 || strncmp(word, "one", 3) == 0)
            is_sounded = false;
        if (strncmp(word, "hour", 4) == 0 || strncmp(word, "honest", 6) == 0)
            is_sounded = true;
        if (is_sounded != is_an)
            fail_msg("article: \"%.40s\"", p);
    }
}

/* "very very"; "had had" and "her her" are English. */
static void check_doubled_words(const char *text) {
    const char *word = text;
    while (*word) {
        size_t n = strcspn(word, " \n.,;:!?\"");
        const char *next = word + n + 1;
        if (n > 0 && word[n] == ' ' && strncmp(word, next, n) == 0 &&
            strcspn(next, " \n.,;:!?\"") == n && strncmp(word, "had", n) != 0 &&
            strncmp(word, "her", n) != 0)
            fail_msg("twice the same word: %.60s", word);
        word += n + (word[n] != 0);
    }
}

static void check_prose(const char *text) {
    if (strpbrk(text, "{}[]|^\\"))
        fail_msg("an unresolved mark: %s", text);
    if (strstr(text, "  ") || strstr(text, " \n") || strstr(text, "\n ") || strstr(text, " .") ||
        strstr(text, " ,") || strstr(text, "\n\n\n"))
        fail_msg("spaces: %s", text);
    size_t n = strlen(text);
    assert_true(text[0] != ' ' && text[n - 1] != ' ' && text[n - 1] != '\n');
    size_t n_quotes = 0;
    for (size_t i = 0; i < n; i++) {
        n_quotes += text[i] == '"';
        /* A small letter behind a full stop, its quotation mark or a new line. */
        bool is_start = i == 0 || text[i - 1] == '\n' ||
                        (i > 1 && text[i - 1] == ' ' && text[i - 2] == '.') ||
                        (i > 2 && text[i - 1] == ' ' && text[i - 2] == '"' && text[i - 3] == '.');
        if (is_start && islower((unsigned char)text[i]))
            fail_msg("a sentence begins small: %.60s", text + (i > 30 ? i - 30 : 0));
    }
    if (n_quotes % 2)
        fail_msg("an open quotation mark: %s", text);
    check_articles(text);
    check_doubled_words(text);
}

static void test_prose_is_clean(void **state) {
    (void)state;
    for (uint64_t i = 0; i < N_SAMPLES; i++) {
        json_t *sample = make(2, i, i % 4 == 3, NULL);
        const char *text = json_string_value(json_object_get(sample, "text"));
        if (text)
            check_prose(text);
        size_t k;
        json_t *message;
        json_array_foreach(json_object_get(sample, "messages"), k, message) {
            const char *role = json_string_value(json_object_get(message, "role"));
            check_articles(content_of(message));
            if (strcmp(role, "assistant") == 0)
                check_prose(content_of(message));
        }
        json_decref(sample);
    }
}

/* ---- held-out words ------------------------------------------------------------------------- */

/* As it is written: a lily is no Lily. */
static bool has_word(const char *text, const char *word) {
    size_t n = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += n)
        if ((at == text || !isalpha((unsigned char)at[-1])) && !isalpha((unsigned char)at[n]))
            return true;
    return false;
}

/* Does the text have words of kinds, names or things that belong to the other part? */
static void check_part(const char *text, bool is_held_out) {
    for (uint32_t i = 0; i < weir_story_n_kinds; i++)
        if (i % 7 == 3 && !is_held_out && has_word(text, weir_story_kinds[i].noun))
            fail_msg("%s is held out: %s", weir_story_kinds[i].noun, text);
    for (uint32_t i = 0; i < weir_story_n_names; i++)
        if ((i % 7 == 3) != is_held_out && has_word(text, weir_story_names[i].name))
            fail_msg("%s is of the other part: %s", weir_story_names[i].name, text);
    for (uint32_t i = 0; i < weir_story_n_objects; i++)
        if (i % 7 == 3 && !is_held_out && has_word(text, weir_story_objects[i].noun))
            fail_msg("%s is held out: %s", weir_story_objects[i].noun, text);
}

static void test_held_out_words_are_kept_apart(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 2400; i++) {
        bool is_held_out = i % 4 == 3;
        char *line = dump(5, i, is_held_out);
        check_part(line, is_held_out);
        free(line);
    }
}

/* The hero and the things of a held-out world are held out. */
static void test_held_out_worlds(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 500; i++) {
        weir_gen g = {.seed = 8, .stream = i, .is_held_out = true};
        weir_story_world world = {0};
        weir_gen_text text = {0};
        weir_story_world_draw(&world, &g, &(weir_story_wish){0});
        weir_story_tell_all(&world, &text);
        for (uint32_t w = 0; w < WEIR_STORY_N_WHO; w++)
            if (world.who[w].kind)
                assert_int_equal((world.who[w].kind - weir_story_kinds) % 7, 3);
        for (uint32_t t = 0; t < 2; t++)
            if (world.thing[t].object)
                assert_int_equal((world.thing[t].object - weir_story_objects) % 7, 3);
        weir_gen_text_free(&text);
        weir_story_world_free(&world);
    }
}

/* ---- plots ---------------------------------------------------------------------------------- */

/* Every plot can be told in both parts, with all its effects allowed, and in three sentences. */
static void test_every_plot(void **state) {
    (void)state;
    for (uint32_t p = 0; p < weir_story_n_plots(); p++) {
        const weir_story_plot *plot = weir_story_plot_at(p);
        for (uint64_t i = 0; i < 24; i++) {
            weir_gen g = {.seed = 6, .stream = i * 1000 + p, .is_held_out = i % 4 == 3};
            weir_story_world world = {0};
            weir_gen_text text = {0}, brief = {0}, rest = {0};
            weir_story_world_draw(&world, &g, &(weir_story_wish){.plot = plot});
            weir_story_tell_all(&world, &text);
            weir_story_world_rewind(&world);
            weir_story_tell_brief(&world, &brief, 3);
            weir_story_tell(&world, &rest, plot->about);
            weir_story_tell(&world, &rest, plot->who);
            weir_story_tell(&world, &rest, plot->title);
            if (g.is_failed)
                fail_msg("%s: %.40s", plot->name, world.fault ? world.fault : "no memory");
            assert_true(text.n > 400 && text.n < 1700);
            if (weir_gen_count_sentences(brief.data) != 3)
                fail_msg("%s: not three sentences: %s", plot->name, brief.data);
            assert_null(strpbrk(rest.data, "{}[]|^\\"));
            weir_gen_text_free(&text);
            weir_gen_text_free(&brief);
            weir_gen_text_free(&rest);
            weir_story_world_free(&world);
        }
    }
    assert_true(weir_story_n_plots() >= 60);
}

/* A thing cannot be given by somebody who does not hold it. */
static void test_effects_have_conditions(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        bool is_allowed;
    } row[] = {
        {"{!has h o}{!give h f o}{!give f h o}", true},
        {"{!has h o}{!lose h o}{!has f o}", true},
        {"{!break o}{!mend o}{!break o}", true},
        {"{!give h f o}", false},
        {"{!has h o}{!has f o}", false},
        {"{!has h o}{!give f h o}", false},
        {"{!has h o}{!lose f o}", false},
        {"{!mend o}", false},
        {"{!break o}{!break o}", false},
        {"{!gone o}{!has h o}", false},
        {"{!has x o}", false},
        {"{!fly h o}", false},
        {"{no.slot}", false},
        {"{h.nothing}", false},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        weir_gen g = {.seed = 7};
        weir_story_world world = {0};
        weir_gen_text text = {0};
        weir_story_world_draw(&world, &g, &(weir_story_wish){0});
        weir_story_tell(&world, &text, row[i].pattern);
        if (g.is_failed == row[i].is_allowed)
            fail_msg("%s", row[i].pattern);
        weir_gen_text_free(&text);
        weir_story_world_free(&world);
    }
}

/* ---- variety -------------------------------------------------------------------------------- */

static int compare_hashes(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Equal samples are rarer than one in a thousand, so that mean bits are the entropy. */
static void test_samples_differ(void **state) {
    (void)state;
    static uint64_t hash[4000];
    double bits_all = 0.0;
    for (uint64_t i = 0; i < 4000; i++) {
        double bits;
        json_t *sample = make(9, i, false, &bits);
        bits_all += bits;
        json_object_del(sample, "check");
        char *line = json_dumps(sample, JSON_COMPACT);
        uint64_t h = 14695981039346656037u;
        for (const char *p = line; *p; p++)
            h = (h ^ (unsigned char)*p) * 1099511628211u;
        hash[i] = h;
        free(line);
        json_decref(sample);
    }
    qsort(hash, 4000, sizeof(hash[0]), compare_hashes);
    size_t n_equal = 0;
    for (size_t i = 1; i < 4000; i++)
        n_equal += hash[i] == hash[i - 1];
    assert_true(n_equal <= 4);
    assert_true(bits_all / 4000.0 > 60.0 && bits_all / 4000.0 < 200.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_are_pure),
        cmocka_unit_test(test_answers_hold_their_checks),
        cmocka_unit_test(test_prose_is_clean),
        cmocka_unit_test(test_held_out_words_are_kept_apart),
        cmocka_unit_test(test_held_out_worlds),
        cmocka_unit_test(test_every_plot),
        cmocka_unit_test(test_effects_have_conditions),
        cmocka_unit_test(test_samples_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
