/*
 * test_gen_instruction.c: instructions and talk about the model: pure functions of their arguments,
 * every answer keeps its own check and nonsense keeps none, every form occurs, patterns leave no
 * trace, and what is held out is never seen in training.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "train/gen_check.h"
#include "train/gen_instruction.h"
#include "train/gen_story.h"

enum { N_SAMPLES = 3000, ROOM = 1 << 16 };

static char room[ROOM];

static json_t *sample_of(const char *kind, uint64_t seed, uint64_t i, bool is_held_out, size_t *n) {
    weir_error err;
    if (weir_gen_sample(kind, seed, i, is_held_out, room, ROOM, n, &err) != WEIR_STATUS_OK)
        fail_msg("%s %llu: %s", kind, (unsigned long long)i, err.text);
    assert_true(*n < ROOM);
    json_t *sample = json_loadb(room, *n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(sample);
    return sample;
}

static const char *role_of(const json_t *message) {
    return json_string_value(json_object_get(message, "role"));
}

static const char *content_of(const json_t *message) {
    return json_string_value(json_object_get(message, "content"));
}

static const char *const kinds[] = {"instruction", "identity"};

/* ---- purity --------------------------------------------------------------------------------- */

static void samples_are_pure(void **state) {
    (void)state;
    static char again[ROOM];
    weir_error err;
    for (size_t k = 0; k < WEIR_COUNT(kinds); k++)
        for (uint64_t i = 0; i < 50; i++) {
            size_t n, n_again;
            json_decref(sample_of(kinds[k], 7, i, false, &n));
            assert_int_equal(weir_gen_sample(kinds[k], 7, i, false, again, ROOM, &n_again, &err),
                             WEIR_STATUS_OK);
            assert_int_equal(n, n_again);
            assert_memory_equal(room, again, n);
            size_t n_measured;
            assert_int_equal(weir_gen_sample(kinds[k], 7, i, false, NULL, 0, &n_measured, &err),
                             WEIR_STATUS_OK);
            assert_int_equal(n_measured, n);
            memset(again, '#', ROOM);
            weir_gen_sample(kinds[k], 7, i, false, again, 10, &n_again, &err);
            assert_int_equal(n_again, n);
            assert_memory_equal(room, again, 10);
            assert_int_equal(again[10], '#');
        }
}

/* Equal messages of two samples, by number, seed or kind. */
static bool same_messages(const char *kind, uint64_t seed, uint64_t i, bool is_held_out,
                          uint64_t other_seed, uint64_t other_i, bool other_held_out) {
    size_t n;
    json_t *a = sample_of(kind, seed, i, is_held_out, &n);
    json_t *b = sample_of(kind, other_seed, other_i, other_held_out, &n);
    bool is_same = json_equal(json_object_get(a, "messages"), json_object_get(b, "messages"));
    json_decref(a);
    json_decref(b);
    return is_same;
}

static void samples_differ(void **state) {
    (void)state;
    size_t n_same = 0;
    for (uint64_t i = 0; i < 100; i++) {
        n_same += same_messages("instruction", 1, i, false, 1, i + 1, false);
        n_same += same_messages("instruction", 1, i, false, 2, i, false);
        n_same += same_messages("instruction", 1, i, false, 1, i, true);
    }
    assert_true(n_same <= 2);
}

/* What a drill answers with stands in what was asked: the words alone, in any notation. */
static void drills_can_be_answered_by_looking(void **state) {
    (void)state;
    size_t n, n_texts = 0;
    for (uint64_t i = 0; i < 300; i++) {
        bool is_held_out = i % 3 == 0;
        json_t *sample = sample_of("recall", 5, i, is_held_out, &n), *message;
        const json_t *messages = json_object_get(sample, "messages");
        n_texts += json_is_string(json_object_get(sample, "text"));
        assert_true(messages || !is_held_out);
        char seen[4096] = "";
        size_t at;
        json_array_foreach(messages, at, message) {
            const char *content = content_of(message);
            if (strcmp(role_of(message), "user") == 0) {
                snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s\n", content);
                continue;
            }
            for (const char *p = content; *p;) {
                size_t length = strcspn(p, " \n{}\":,;/");
                char word[200];
                snprintf(word, sizeof word, "%.*s", (int)length, p);
                if (!strstr(seen, word))
                    fail_msg("recall %llu: \"%s\" was not in the question: %s",
                             (unsigned long long)i, word, content);
                p += length + (p[length] != 0);
            }
        }
        json_decref(sample);
    }
    assert_in_range(n_texts, 60, 140);
}

/* FNV-1a of samples 0 .. 99 of seed 1, then of the same held out. */
static void an_edition_never_changes(void **state) {
    (void)state;
    static const struct {
        const char *kind;
        uint64_t hash;
    } editions[] = {
        {"story@1", UINT64_C(0x6ffc402dd2da12b7)},  {"instruction@1", UINT64_C(0x7bc2588e0d5f5680)},
        {"tool@1", UINT64_C(0xbb857713f4e9650c)},   {"identity@1", UINT64_C(0x26e0aefc5d88b9b6)},
        {"recall@1", UINT64_C(0x6b69487557d49879)}, {"catalog@1", UINT64_C(0xd182cb9747a01e6f)},
        {"story@2", UINT64_C(0xa284a9ffa48b2301)},  {"instruction@2", UINT64_C(0xf59bd736d3b002b8)},
        {"tool@2", UINT64_C(0x6c7c6921eba394bb)},   {"identity@2", UINT64_C(0x9f46d3f904b1795e)},
        {"recall@2", UINT64_C(0x54f9160e20932d96)}, {"catalog@2", UINT64_C(0xac63208797935131)},
        {"story@3", UINT64_C(0x7b421906ae3eda5f)},  {"instruction@3", UINT64_C(0xf6a182f6df34c2a4)},
        {"tool@3", UINT64_C(0x423a808d93b0a92b)},   {"identity@3", UINT64_C(0x922e72a047c371e2)},
        {"recall@3", UINT64_C(0xe6c6eb2234f1e147)}, {"catalog@3", UINT64_C(0x5f35afb01204feb)},
    };
    for (size_t k = 0; k < WEIR_COUNT(editions); k++) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        for (uint64_t i = 0; i < 200; i++) {
            size_t n;
            weir_error err;
            if (weir_gen_sample(editions[k].kind, 1, i % 100, i >= 100, room, ROOM, &n, &err) !=
                WEIR_STATUS_OK)
                fail_msg("%s", err.text);
            for (size_t at = 0; at < n; at++)
                hash = (hash ^ (uint8_t)room[at]) * UINT64_C(0x100000001b3);
        }
        if (hash != editions[k].hash)
            fail_msg("%s: these samples are no longer those of the edition: %llx", editions[k].kind,
                     (unsigned long long)hash);
    }
}

static void unknown_kinds_are_errors(void **state) {
    (void)state;
    weir_error err;
    size_t n;
    assert_int_equal(weir_gen_sample("riddle", 0, 0, false, room, ROOM, &n, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "riddle"));
    assert_int_equal(weir_gen_sample("story", 0, UINT64_MAX, false, room, ROOM, &n, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
    static const char *const no_kinds[] = {"",        "@1",      "stor",     "story@",
                                           "story@0", "story@4", "story@11", "story@1 "};
    for (size_t i = 0; i < WEIR_COUNT(no_kinds); i++) {
        assert_false(weir_gen_is_kind(no_kinds[i]));
        assert_int_equal(weir_gen_sample(no_kinds[i], 0, 0, false, room, ROOM, &n, &err),
                         WEIR_STATUS_BAD_ARGUMENT);
    }
    assert_true(weir_gen_is_kind("story@1") && weir_gen_is_kind("story@3"));
    size_t n_kinds = 0;
    while (weir_gen_kinds()[n_kinds])
        n_kinds++;
    assert_int_equal(n_kinds, 6);
}

/* ---- checks --------------------------------------------------------------------------------- */

static void demand_answer(const char *kind, uint64_t i, size_t n, size_t turn, const json_t *check,
                          const char *content) {
    bool holds;
    char why[200];
    weir_error err;
    weir_gen_answer answer = {content, NULL};
    if (weir_gen_check(room, n, turn, &answer, &holds, why, sizeof why, &err) != WEIR_STATUS_OK)
        fail_msg("%s %llu: %s", kind, (unsigned long long)i, err.text);
    if (!holds)
        fail_msg("%s %llu, answer %zu: %s: %s", kind, (unsigned long long)i, turn, content, why);
    if (json_is_null(check))
        return;
    answer.content = "xyzzy quux";
    weir_gen_check(room, n, turn, &answer, &holds, why, sizeof why, &err);
    if (holds)
        fail_msg("%s %llu, answer %zu: nonsense keeps the check", kind, (unsigned long long)i,
                 turn);
}

/* Roles take turns, and there is a check for each answer. */
static void demand_sample(const char *kind, uint64_t i, bool is_held_out) {
    size_t n, at, turn = 0;
    json_t *sample = sample_of(kind, 3, i, is_held_out, &n), *message;
    const json_t *messages = json_object_get(sample, "messages");
    const json_t *checks = json_object_get(sample, "check");
    assert_string_equal(json_string_value(json_object_get(sample, "kind")), kind);
    assert_int_equal(json_integer_value(json_object_get(sample, "i")), i);
    assert_true(json_real_value(json_object_get(sample, "bits")) > 3.0);
    const char *expected = "user";
    json_array_foreach(messages, at, message) {
        if (at == 0 && strcmp(role_of(message), "system") == 0)
            continue;
        assert_string_equal(role_of(message), expected);
        assert_true(content_of(message)[0] != 0);
        bool is_answer = strcmp(expected, "assistant") == 0;
        if (is_answer) {
            demand_answer(kind, i, n, turn, json_array_get(checks, turn), content_of(message));
            turn++;
        }
        expected = is_answer ? "user" : "assistant";
    }
    assert_true(turn >= 1 && turn <= 4);
    assert_int_equal(json_array_size(checks), turn);
    json_decref(sample);
}

static void answers_keep_their_checks(void **state) {
    (void)state;
    for (size_t k = 0; k < WEIR_COUNT(kinds); k++)
        for (uint64_t i = 0; i < N_SAMPLES; i++)
            demand_sample(kinds[k], i, i % 3 == 2);
}

/* ---- forms ---------------------------------------------------------------------------------- */

static void every_form_occurs(void **state) {
    (void)state;
    static const char *const fields[] = {"equals",      "contains",    "lower_case", "upper_case",
                                         "words_exact", "sentences",   "list_items", "items",
                                         "json_keys",   "starts_with", "ends_with",  "no_letter",
                                         "quoted",      "twice",       "items_from", "json_equals",
                                         "number",      "lacks",       "list_style", "n_items"};
    size_t counts[WEIR_COUNT(fields)] = {0}, n_turns[5] = {0}, n_systems = 0;
    for (uint64_t i = 0; i < N_SAMPLES; i++) {
        size_t n, turn;
        json_t *sample = sample_of("instruction", 5, i, false, &n), *check;
        const json_t *messages = json_object_get(sample, "messages");
        n_systems += strcmp(role_of(json_array_get(messages, 0)), "system") == 0;
        n_turns[json_array_size(json_object_get(sample, "check"))]++;
        json_array_foreach(json_object_get(sample, "check"), turn,
                           check) for (size_t f = 0; f < WEIR_COUNT(fields); f++) counts[f] +=
            json_object_get(check, fields[f]) != NULL;
        json_decref(sample);
    }
    for (size_t f = 0; f < WEIR_COUNT(fields); f++)
        if (counts[f] < 40)
            fail_msg("%s: only %zu times", fields[f], counts[f]);
    for (size_t turns = 1; turns <= 4; turns++)
        assert_true(n_turns[turns] > 100);
    assert_true(n_systems > N_SAMPLES / 6 && n_systems < N_SAMPLES / 2);
}

/* Every kind of task, alone: its shape is whole, and each form that suits it gives an answer that
 * keeps the check. */
static void every_task_takes_its_forms(void **state) {
    (void)state;
    static const weir_task_kind *const lists[] = {weir_task_words,   weir_task_lists,
                                                  weir_task_numbers, weir_task_world,
                                                  weir_task_texts,   weir_task_open};
    size_t n_kinds = 0;
    for (size_t l = 0; l < WEIR_COUNT(lists); l++)
        for (const weir_task_kind *kind = lists[l]; kind->make; kind++, n_kinds++)
            for (uint64_t i = 0; i < 60; i++) {
                weir_gen g = {.seed = 11, .stream = i, .is_held_out = i % 2, .edition = 2};
                weir_task task = {0};
                weir_task_reset(&task, &g);
                kind->make(&task);
                assert_false(g.is_failed);
                if (task.ask.n == 0)
                    fail_msg("%s asks nothing", kind->name);
                for (int f = 0; f < WEIR_N_FORMS; f++) {
                    if (!weir_form_suits((weir_form_kind)f, &task))
                        continue;
                    weir_form form;
                    weir_gen_text answer = {0};
                    weir_form_draw_for(&g, &form, (weir_form_kind)f, &task);
                    weir_form_put(&g, &answer, &form, &task);
                    json_t *check = weir_form_check(&g, &form, &task, answer.data);
                    bool holds;
                    char why[200];
                    weir_error err;
                    weir_gen_answer given = {answer.data, NULL};
                    if (weir_gen_check_answer(check, &given, &holds, why, sizeof why, &err) !=
                        WEIR_STATUS_OK)
                        fail_msg("%s, form %d: %s", kind->name, f, err.text);
                    if (!holds)
                        fail_msg("%s, form %d: %s: %s", kind->name, f, answer.data, why);
                    json_decref(check);
                    weir_gen_text_free(&answer);
                }
                weir_task_free(&task);
            }
    assert_true(n_kinds >= 60);
}

/* ---- right answers -------------------------------------------------------------------------- */

static const weir_task_kind *find_kind(const weir_task_kind *list, const char *name) {
    while (strcmp(list->name, name) != 0)
        list++;
    return list;
}

/* Calls `demand` for some tasks of a kind. */
static void each_task(const weir_task_kind *list, const char *name,
                      void (*demand)(const weir_task *task)) {
    const weir_task_kind *kind = find_kind(list, name);
    for (uint64_t i = 0; i < 300; i++) {
        weir_gen g = {.seed = 17, .stream = i, .is_held_out = i % 3 == 0, .edition = 2};
        weir_task task = {0};
        weir_task_reset(&task, &g);
        kind->make(&task);
        demand(&task);
        weir_task_free(&task);
    }
}

static size_t numbers_in(const char *text, long *numbers, size_t cap) {
    size_t n = 0;
    while (*text && n < cap) {
        char *end;
        if (*text >= '0' && *text <= '9') {
            numbers[n++] = strtol(text, &end, 10);
            text = end;
        } else {
            text++;
        }
    }
    return n;
}

static long item_number(const weir_task *task, uint32_t i) {
    return strtol(task->item[i].data, NULL, 10);
}

static void demand_sum(const weir_task *task) {
    long numbers[3];
    if (numbers_in(task->ask.data, numbers, 3) == 2)
        assert_int_equal(item_number(task, 0), numbers[0] + numbers[1]);
}

static void demand_difference(const weir_task *task) {
    long numbers[3];
    assert_int_equal(numbers_in(task->ask.data, numbers, 3), 2);
    bool is_turned = strstr(task->ask.data, "Take ") || strstr(task->ask.data, "subtract");
    assert_int_equal(item_number(task, 0),
                     is_turned ? numbers[1] - numbers[0] : numbers[0] - numbers[1]);
}

static void demand_next(const weir_task *task) {
    long numbers[6];
    size_t n = numbers_in(task->ask.data, numbers, 6);
    assert_true(n >= 3);
    assert_int_equal(item_number(task, 0), 2 * numbers[n - 1] - numbers[n - 2]);
}

static void demand_sorted_numbers(const weir_task *task) {
    static const char *const falling[] = {"falling", "largest first", "large to small",
                                          "largest to the smallest"};
    bool is_falling = false;
    for (size_t i = 0; i < WEIR_COUNT(falling); i++)
        is_falling = is_falling || strstr(task->ask.data, falling[i]);
    for (uint32_t i = 1; i < task->n_items; i++)
        assert_true(is_falling ? item_number(task, i) < item_number(task, i - 1)
                               : item_number(task, i) > item_number(task, i - 1));
    long numbers[8];
    assert_int_equal(numbers_in(task->ask.data, numbers, 8), task->n_items);
}

static void demand_sorted_words(const weir_task *task) {
    for (uint32_t i = 0; i < task->n_items; i++) {
        assert_true(weir_gen_has_phrase(task->ask.data, task->ask.n, task->item[i].data));
        if (i > 0)
            assert_true(strcmp(task->item[i - 1].data, task->item[i].data) < 0);
    }
}

static void demand_reverse(const weir_task *task) {
    const char *list = strpbrk(task->ask.data, ":?");
    assert_non_null(list);
    const char *last = NULL;
    for (uint32_t i = 0; i < task->n_items; i++) {
        const char *at = strstr(list, task->item[i].data);
        assert_non_null(at);
        if (strlen(task->item[i].data) <= 4)
            continue; /* "ring" is also in "string" */
        assert_true(!last || at < last);
        last = at;
    }
}

static void demand_count(const weir_task *task) {
    long n = 1;
    const char *colon = strpbrk(task->ask.data, ":?");
    for (const char *p = colon; *p; p++)
        n += *p == ',' || strncmp(p, " and ", 5) == 0;
    assert_int_equal(item_number(task, 0), n);
}

static void demand_day(const weir_task *task) {
    uint32_t asked = 7, answered = 7;
    for (uint32_t i = 0; i < 7; i++) {
        if (strstr(task->ask.data, weir_word_days[i]))
            asked = i;
        if (strcmp(task->item[0].data, weir_word_days[i]) == 0)
            answered = i;
    }
    bool is_back = strstr(task->ask.data, "before") || strstr(task->ask.data, "yesterday");
    bool is_back_capital = strncmp(task->ask.data, "Day before", 10) == 0;
    assert_int_equal(answered, (asked + (is_back || is_back_capital ? 6 : 1)) % 7);
}

static void demand_owner(const weir_task *task) {
    const char *last = NULL;
    for (const char *p = task->ask.data; (p = strstr(p, " to ")); p++)
        last = p + 4;
    assert_non_null(last);
    assert_int_equal(strncmp(last, task->item[0].data, task->item[0].n), 0);
}

static void answers_are_right(void **state) {
    (void)state;
    each_task(weir_task_numbers, "add", demand_sum);
    each_task(weir_task_numbers, "subtract", demand_difference);
    each_task(weir_task_numbers, "next_number", demand_next);
    each_task(weir_task_numbers, "sort_numbers", demand_sorted_numbers);
    each_task(weir_task_lists, "sort_words", demand_sorted_words);
    each_task(weir_task_lists, "reverse", demand_reverse);
    each_task(weir_task_lists, "count", demand_count);
    each_task(weir_task_numbers, "day", demand_day);
    each_task(weir_task_world, "who_has", demand_owner);
}

/* ---- traces of patterns --------------------------------------------------------------------- */

static void demand_clean(const char *kind, uint64_t i, const char *text) {
    static const char *const traces[] = {"|", "(?", "  ", "?.", "!.",    ",.",
                                         "[", "]",  "{a", "{b", "{text", "{name"};
    bool is_list = strstr(text, "\": [") != NULL;
    for (size_t t = 0; t < WEIR_COUNT(traces); t++)
        if (strstr(text, traces[t]) && !(is_list && strchr("[]", traces[t][0])))
            fail_msg("%s %llu: \"%s\" in: %s", kind, (unsigned long long)i, traces[t], text);
}

static void patterns_leave_no_trace(void **state) {
    (void)state;
    for (size_t k = 0; k < WEIR_COUNT(kinds); k++)
        for (uint64_t i = 0; i < N_SAMPLES; i++) {
            size_t n, at;
            json_t *sample = sample_of(kinds[k], 9, i, false, &n), *message;
            json_array_foreach(json_object_get(sample, "messages"), at, message)
                demand_clean(kinds[k], i, content_of(message));
            json_decref(sample);
        }
}

/* ---- held out ------------------------------------------------------------------------------- */

static void append(weir_gen *g, weir_gen_text *all, bool is_held_out) {
    for (uint64_t i = 0; i < N_SAMPLES; i++) {
        size_t n, at;
        json_t *sample = sample_of("instruction", 13, i, is_held_out, &n), *message;
        json_array_foreach(json_object_get(sample, "messages"), at, message) {
            weir_gen_put(g, all, content_of(message));
            weir_gen_put(g, all, "\n");
        }
        json_decref(sample);
    }
}

/* Do all rows of a table stand where they belong? */
static void demand_rows(const char *const *words, uint32_t n, const weir_gen_text *trained,
                        const weir_gen_text *held_out) {
    uint32_t n_seen = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool in_trained = weir_gen_has_phrase(trained->data, trained->n, words[i]);
        if (i % 7 == 3 && in_trained)
            fail_msg("\"%s\" is held out, but stands in a sample for training", words[i]);
        if (i % 7 == 3)
            n_seen += weir_gen_has_phrase(held_out->data, held_out->n, words[i]);
    }
    assert_true(n_seen > 0);
}

/* Daisy and Lily are flowers. */
static bool is_thing_too(const char *name) {
    for (uint32_t i = 0; i < weir_word_n_groups; i++)
        for (uint32_t j = 0; j < weir_word_groups[i].n; j++)
            if (weir_gen_same_text(weir_word_groups[i].words[j], name, true, false))
                return true;
    return false;
}

static void held_out_words_are_not_trained(void **state) {
    (void)state;
    weir_gen g = {0};
    weir_gen_text trained = {0}, held_out = {0};
    append(&g, &trained, false);
    append(&g, &held_out, true);
    const weir_word_table *const tables[] = {
        &weir_word_nouns,    &weir_word_adjectives, &weir_word_places, &weir_word_towns,
        &weir_word_openings, &weir_word_closings,   &weir_word_sayings};
    for (size_t t = 0; t < WEIR_COUNT(tables); t++)
        demand_rows(tables[t]->words, tables[t]->n, &trained, &held_out);
    const char **names = calloc(weir_story_n_names, sizeof *names);
    assert_non_null(names);
    for (uint32_t i = 0; i < weir_story_n_names; i++)
        names[i] = weir_story_names[i].name;
    demand_rows(names, weir_story_n_names, &trained, &held_out);
    /* and the other way round: a held-out sample has no name from training */
    for (uint32_t i = 0; i < weir_story_n_names; i++)
        if (i % 7 != 3 && !is_thing_too(names[i]) && strstr(held_out.data, names[i]) &&
            weir_gen_has_phrase(held_out.data, held_out.n, names[i]))
            fail_msg("the name %s stands in a held-out sample", names[i]);
    free(names);
    weir_gen_text_free(&trained);
    weir_gen_text_free(&held_out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_pure),
        cmocka_unit_test(samples_differ),
        cmocka_unit_test(drills_can_be_answered_by_looking),
        cmocka_unit_test(an_edition_never_changes),
        cmocka_unit_test(unknown_kinds_are_errors),
        cmocka_unit_test(answers_keep_their_checks),
        cmocka_unit_test(every_form_occurs),
        cmocka_unit_test(every_task_takes_its_forms),
        cmocka_unit_test(answers_are_right),
        cmocka_unit_test(patterns_leave_no_trace),
        cmocka_unit_test(held_out_words_are_not_trained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
