/*
 * Dialogues with tools (train/gen_tool.h): every sample is a valid conversation whose calls fit the
 * listed schemas and can be read from what was said before, and whose answers hold their own
 * checks.
 */
#include "train/gen.h"
#include "train/gen_check.h"
#include "train/gen_tool.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off: cmocka needs the four before it
#include <cmocka.h>
// clang-format on

enum { N_SAMPLES = 3000, N_HELD_OUT = 600, SEED = 77 };

static json_t *sample_make_of(json_t *(*make)(weir_gen *g), uint64_t i, bool is_held_out) {
    weir_gen g = {.seed = SEED, .stream = i, .is_held_out = is_held_out, .edition = 3};
    json_t *sample = make(&g);
    assert_non_null(sample);
    assert_false(g.is_failed);
    assert_true(g.bits > 10);
    return sample;
}

static json_t *sample_make(uint64_t i, bool is_held_out) {
    return sample_make_of(weir_gen_tool, i, is_held_out);
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void fail_sample(uint64_t i, const json_t *sample, const char *what, const char *value) {
    char *text = json_dumps(sample, JSON_REAL_PRECISION(15));
    fail_msg("sample %llu: %s: %s\n%s", (unsigned long long)i, what, value, text);
}

/* ---- what was said so far ---------------------------------------------------------------------
 */

static void put_text(weir_gen_text *to, const char *text) {
    weir_gen g = {0};
    weir_gen_put(&g, to, text);
    weir_gen_put(&g, to, "\n");
    assert_false(g.is_failed);
}

static void value_text(const json_t *value, char out[WEIR_TOOL_VALUE * 4]) {
    if (json_is_string(value))
        snprintf(out, WEIR_TOOL_VALUE * 4, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(out, WEIR_TOOL_VALUE * 4, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(out, WEIR_TOOL_VALUE * 4, "%.15g", json_real_value(value));
    else
        out[0] = 0;
}

/* Every value of a result as plain text. */
static void put_values(weir_gen_text *to, const json_t *value) {
    const char *key;
    json_t *part;
    size_t i;
    char text[WEIR_TOOL_VALUE * 4];
    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, part) put_values(to, part);
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, part) put_values(to, part);
    } else {
        value_text(value, text);
        put_text(to, text);
    }
}

/* ---- schemas and calls ------------------------------------------------------------------------
 */

static const json_t *tool_find(const json_t *tools, const char *name) {
    size_t i;
    json_t *tool;
    json_array_foreach(tools, i, tool) {
        const json_t *function = json_object_get(tool, "function");
        if (!function)
            function = tool;
        if (!strcmp(text_of(function, "name"), name))
            return function;
    }
    return NULL;
}

static bool has_type(const json_t *value, const char *type) {
    if (!strcmp(type, "string"))
        return json_is_string(value);
    if (!strcmp(type, "integer"))
        return json_is_integer(value);
    if (!strcmp(type, "number"))
        return json_is_number(value);
    if (!strcmp(type, "boolean"))
        return json_is_boolean(value);
    return !strcmp(type, "array") && json_is_array(value);
}

static bool is_one_of(const json_t *list, const json_t *value) {
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        if (json_equal(item, value))
            return true;
    }
    return false;
}

static void check_tools(uint64_t i, const json_t *sample) {
    const json_t *tools = json_object_get(sample, "tools");
    size_t k, r;
    json_t *tool, *name;
    if (json_array_size(tools) < 1)
        fail_sample(i, sample, "no tools", "");
    json_array_foreach(tools, k, tool) {
        const json_t *function = json_object_get(tool, "function");
        if (function && strcmp(text_of(tool, "type"), "function"))
            fail_sample(i, sample, "a wrapped tool without its type", "");
        if (!function)
            function = tool;
        const char *called = text_of(function, "name");
        if (!*called || !*text_of(function, "description"))
            fail_sample(i, sample, "a tool without name or description", called);
        if (tool_find(tools, called) != function)
            fail_sample(i, sample, "a name is listed twice", called);
        const json_t *parameters = json_object_get(function, "parameters");
        const json_t *properties = json_object_get(parameters, "properties");
        if (strcmp(text_of(parameters, "type"), "object") || !json_is_object(properties))
            fail_sample(i, sample, "parameters are no object", called);
        const char *key;
        json_t *schema;
        json_object_foreach((json_t *)(uintptr_t)properties, key, schema) {
            const char *type = text_of(schema, "type");
            if (!strstr(" string integer number boolean array ", type) || !*type)
                fail_sample(i, sample, "a property of an unknown type", key);
            if (!strcmp(type, "array") && !json_object_get(schema, "items"))
                fail_sample(i, sample, "a list without items", key);
        }
        json_array_foreach(json_object_get(parameters, "required"), r, name) {
            if (!json_object_get(properties, json_string_value(name)))
                fail_sample(i, sample, "required is not declared", json_string_value(name));
        }
    }
}

static void check_value(uint64_t i, const json_t *sample, const json_t *value, const char *said) {
    size_t k;
    json_t *item;
    if (json_is_array(value)) {
        json_array_foreach(value, k, item) check_value(i, sample, item, said);
        return;
    }
    char text[WEIR_TOOL_VALUE * 4];
    value_text(value, text);
    if (!strstr(said, text))
        fail_sample(i, sample, "a value that nobody has said", text);
}

static void check_call(uint64_t i, const json_t *sample, const json_t *call, const char *said) {
    const char *name = text_of(call, "name");
    const json_t *function = tool_find(json_object_get(sample, "tools"), name);
    if (!function)
        fail_sample(i, sample, "a tool is called that is not listed", name);
    const json_t *parameters = json_object_get(function, "parameters");
    const json_t *properties = json_object_get(parameters, "properties");
    const json_t *arguments = json_object_get(call, "arguments");
    size_t k;
    json_t *required, *value;
    const char *key;
    json_array_foreach(json_object_get(parameters, "required"), k, required) {
        if (!json_object_get(arguments, json_string_value(required)))
            fail_sample(i, sample, "a required argument is missing", json_string_value(required));
    }
    json_object_foreach((json_t *)(uintptr_t)arguments, key, value) {
        const json_t *schema = json_object_get(properties, key);
        if (!schema)
            fail_sample(i, sample, "an argument that is not declared", key);
        if (!has_type(value, text_of(schema, "type")))
            fail_sample(i, sample, "an argument of the wrong type", key);
        const json_t *choices = json_object_get(schema, "enum");
        if (choices && !is_one_of(choices, value))
            fail_sample(i, sample, "an argument that is none of the choices", key);
        check_value(i, sample, value, said);
    }
}

/* ---- answers against their checks --------------------------------------------------------------
 */

/* The calls of a message as weir_gen_answer wants them, NULL if it has none. is_wrong: the name of
 * the last has one letter more. */
static char *calls_write(const json_t *message, bool is_wrong) {
    json_t *calls = json_deep_copy(json_object_get(message, "tool_calls"));
    if (!calls)
        return NULL;
    json_t *last = json_array_get(calls, json_array_size(calls) - 1);
    if (is_wrong)
        json_object_set_new(last, "name", json_sprintf("%sx", text_of(last, "name")));
    char *text = json_dumps(calls, JSON_REAL_PRECISION(15));
    assert_non_null(text);
    json_decref(calls);
    return text;
}

static bool check_holds(uint64_t i, const json_t *sample, const json_t *check,
                        const json_t *message, bool is_wrong, char why[200]) {
    char *calls = calls_write(message, is_wrong);
    weir_gen_answer answer = {.content = text_of(message, "content"), .calls = calls};
    bool holds = false;
    weir_error err;
    if (weir_gen_check_answer(check, &answer, &holds, why, 200, &err) != WEIR_STATUS_OK)
        fail_sample(i, sample, "a check that is none", err.text);
    free(calls);
    return holds;
}

static void check_answer(uint64_t i, const json_t *sample, const json_t *check,
                         const json_t *message, const char *said, const char *told) {
    const char *content = text_of(message, "content");
    char why[200];
    if (!check_holds(i, sample, check, message, false, why))
        fail_sample(i, sample, "the answer does not hold its check", why);
    bool has_calls = json_object_get(message, "tool_calls") != NULL;
    if (has_calls != !strcmp(text_of(check, "kind"), "call"))
        fail_sample(i, sample, "a check of the wrong kind", content);
    if (has_calls && check_holds(i, sample, check, message, true, why))
        fail_sample(i, sample, "a wrong call holds", content);

    size_t k;
    json_t *value;
    json_array_foreach(json_object_get(check, "contains"), k, value) {
        const char *part = json_string_value(value);
        if (!strstr(content, part))
            fail_sample(i, sample, "the answer does not contain", part);
        if (told && !strstr(told, part))
            fail_sample(i, sample, "no result has told", part);
        if (strcmp(part, "?") && !strstr(said, part) &&
            strcmp(text_of(sample, "scenario"), "not_needed"))
            fail_sample(i, sample, "said by nobody", part);
        if (has_calls)
            fail_sample(i, sample, "a call has to contain", part);
    }
}

/* All of one sample but its values; returns a reply's worth of its size in bytes. */
static void check_sample(uint64_t i, const json_t *sample) {
    weir_gen_text said = {0}, told = {0};
    const json_t *messages = json_object_get(sample, "messages");
    const json_t *checks = json_object_get(sample, "check");
    const char *scenario = text_of(sample, "scenario");
    size_t k, c, n_answers = 0, n_open = 0;
    json_t *message, *call;
    check_tools(i, sample);
    put_text(&said, "");
    put_text(&told, "");
    json_array_foreach(messages, k, message) {
        const char *role = text_of(message, "role"), *content = text_of(message, "content");
        const json_t *calls = json_object_get(message, "tool_calls");
        if (!strcmp(role, "tool")) {
            json_error_t error;
            json_t *result = json_loads(content, JSON_DECODE_ANY, &error);
            if (!result || n_open-- == 0)
                fail_sample(i, sample, "a result that is no JSON, or of no call", content);
            put_values(&said, result);
            put_values(&told, result);
            json_decref(result);
            continue;
        }
        if (n_open)
            fail_sample(i, sample, "a call without a result", content);
        if (strcmp(role, "assistant")) {
            if (!*content)
                fail_sample(i, sample, "an empty message", role);
        } else {
            const json_t *check = json_array_get(checks, n_answers++);
            json_array_foreach(calls, c, call) check_call(i, sample, call, said.data);
            n_open = json_array_size(calls);
            /* Errors and refusals repeat what the user said, the others what the tool said. */
            bool is_told = !strcmp(scenario, "one") || !strcmp(scenario, "parallel") ||
                           !strcmp(scenario, "follow") || !strcmp(scenario, "chain");
            check_answer(i, sample, check, message, said.data, is_told ? told.data : NULL);
        }
        put_text(&said, content);
    }
    if (n_answers != json_array_size(checks))
        fail_sample(i, sample, "not one check for each answer", "");
    weir_gen_text_free(&said);
    weir_gen_text_free(&told);
}

static size_t rendered_bytes(const json_t *sample) {
    size_t i, n = 0;
    json_t *message;
    char *tools = json_dumps(json_object_get(sample, "tools"), JSON_REAL_PRECISION(15));
    assert_non_null(tools);
    n = strlen(tools) + 40;
    free(tools);
    json_array_foreach(json_object_get(sample, "messages"), i, message) {
        char *calls = calls_write(message, false);
        n += strlen(text_of(message, "content")) + (calls ? strlen(calls) : 0) + 14;
        free(calls);
    }
    return n;
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void samples_are_pure(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 200; i++) {
        json_t *a = sample_make(i, i % 2), *b = sample_make(i, i % 2),
               *c = sample_make(i + 1, i % 2);
        assert_true(json_equal(a, b));
        assert_false(json_equal(a, c));
        json_decref(a);
        json_decref(b);
        json_decref(c);
    }
}

static void samples_hold_together(void **state) {
    (void)state;
    for (uint64_t i = 0; i < N_SAMPLES; i++) {
        json_t *sample = sample_make(i, false);
        check_sample(i, sample);
        json_decref(sample);
    }
    for (uint64_t i = 0; i < N_HELD_OUT; i++) {
        json_t *sample = sample_make(i, true);
        check_sample(i, sample);
        json_decref(sample);
    }
}

/* The catalog: whatever else a sample says, a function is declared as in every other. */
static void a_catalog_declares_a_function_always_in_the_same_way(void **state) {
    (void)state;
    json_t *declared = json_object();
    int n_turns = 0, n_long = 0;
    for (uint64_t i = 0; i < N_SAMPLES; i++) {
        json_t *sample = sample_make_of(weir_gen_catalog, i, i % 4 == 0), *tool;
        check_sample(i, sample);
        size_t k;
        json_array_foreach(json_object_get(sample, "tools"), k, tool) {
            json_t *function = json_object_get(tool, "function");
            function = function ? function : tool;
            const char *name = text_of(function, "name");
            const json_t *before = json_object_get(declared, name);
            if (before && !json_equal(before, function))
                fail_sample(i, sample, "declared in two ways", name);
            json_object_set(declared, name, function);
        }
        n_turns += (int)json_array_size(json_object_get(sample, "check"));
        n_long += rendered_bytes(sample) > 1800;
        json_decref(sample);
    }
    assert_in_range(json_object_size(declared), 50, 60);
    assert_in_range(n_turns * 10 / N_SAMPLES, 35, 60);
    assert_in_range(n_long * 1000 / N_SAMPLES, 0, 30);
    json_decref(declared);
}

static void shares_are_as_planned(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int least, most; /* of 1000 */
    } shares[] = {{"one", 370, 430},       {"parallel", 85, 115}, {"missing", 85, 115},
                  {"follow", 85, 115},     {"error", 35, 65},     {"no_tool", 85, 115},
                  {"not_needed", 85, 115}, {"chain", 35, 65}};
    int counts[8] = {0}, n_plain = 0, n_system = 0, n_wrapped = 0, n_long = 0;
    for (uint64_t i = 0; i < N_SAMPLES; i++) {
        json_t *sample = sample_make(i, false);
        for (int s = 0; s < 8; s++)
            counts[s] += !strcmp(text_of(sample, "scenario"), shares[s].name);
        n_plain += json_is_true(
            json_object_get(json_object_get(sample, "template_args"), "plain_tool_list"));
        n_system += !strcmp(text_of(json_array_get(json_object_get(sample, "messages"), 0), "role"),
                            "system");
        n_wrapped += json_object_get(json_array_get(json_object_get(sample, "tools"), 0),
                                     "function") != NULL;
        n_long += rendered_bytes(sample) > 1550;
        json_decref(sample);
    }
    for (int s = 0; s < 8; s++) {
        int share = counts[s] * 1000 / N_SAMPLES;
        if (share < shares[s].least || share > shares[s].most)
            fail_msg("%s: %d of 1000", shares[s].name, share);
    }
    assert_in_range(n_plain * 1000 / N_SAMPLES, 170, 230);
    assert_in_range(n_system * 1000 / N_SAMPLES, 270, 330);
    assert_in_range(n_wrapped * 1000 / N_SAMPLES, 260, 340);
    assert_in_range(n_long * 1000 / N_SAMPLES, 0, 30);
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(a, b);
}

/* Distinct values of a kind, sorted; returns how many. */
static size_t values_draw(const char *kind, bool is_held_out, char (*out)[WEIR_TOOL_VALUE],
                          size_t n) {
    weir_gen g = {.seed = SEED, .stream = 5, .is_held_out = is_held_out, .edition = 3};
    char raw[WEIR_TOOL_VALUE];
    for (size_t i = 0; i < n; i++)
        weir_tool_value_draw(&g, kind, out[i], raw);
    qsort(out, n, sizeof out[0], compare_texts);
    return n;
}

static void held_out_values_are_never_trained_on(void **state) {
    (void)state;
    static const char *const kinds[] = {"city",  "person", "item",    "song",  "artist",  "message",
                                        "event", "task",   "product", "book",  "food",    "place",
                                        "room",  "word",   "made",    "first", "playlist"};
    enum { N = 4000 };
    char(*trained)[WEIR_TOOL_VALUE] = malloc(N * sizeof *trained);
    char(*held)[WEIR_TOOL_VALUE] = malloc(N * sizeof *held);
    assert_non_null(trained);
    assert_non_null(held);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        size_t n = values_draw(kinds[k], false, trained, N);
        size_t n_held = values_draw(kinds[k], true, held, N), n_kinds = 0;
        for (size_t i = 0; i < n_held; i++) {
            n_kinds += i == 0 || strcmp(held[i], held[i - 1]);
            if (bsearch(held[i], trained, n, sizeof trained[0], compare_texts))
                fail_msg("%s: \"%s\" is trained on and held out", kinds[k], held[i]);
        }
        if (n_kinds < 3)
            fail_msg("%s: only %zu values are held out", kinds[k], n_kinds);
    }
    free(trained);
    free(held);
}

/* Names are what a call is known by: no two functions may share one. */
static void names_are_of_one_function(void **state) {
    (void)state;
    static char names[1024][WEIR_TOOL_NAME];
    size_t n = 0, n_families = 0;
    for (; weir_tool_families[n_families]; n_families++) {
        size_t n_functions = 0;
        for (const weir_tool_function *row = weir_tool_families[n_families]; row->names; row++) {
            n_functions++;
            for (const char *p = row->names; *p;) {
                size_t length = strcspn(p, "|");
                assert_true(n < 1024 && length > 0 && length < WEIR_TOOL_NAME);
                memcpy(names[n], p, length);
                names[n++][length] = 0;
                p += length + (p[length] == '|');
            }
        }
        assert_in_range(n_functions, 3, 6);
    }
    assert_int_equal(n_families, 12);
    qsort(names, n, sizeof names[0], compare_texts);
    for (size_t i = 1; i < n; i++) {
        if (!strcmp(names[i - 1], names[i]))
            fail_msg("two functions may be called %s", names[i]);
    }
}

/* Who lists the tools lists them all: none comes into the list behind that. */
static void lists_of_tools_are_whole(void **state) {
    (void)state;
    static const char *const asks[] = {"What can you do?",
                                       "What can you help me with?",
                                       "How can you help me?",
                                       "What are you able to do?",
                                       "What things can I ask you for?",
                                       "What do you do?",
                                       "Which tools do you have?",
                                       "What tools can you use?",
                                       "List your tools.",
                                       "What are your tools called?",
                                       "Tell me the names of your tools.",
                                       "Which functions can you call?"};
    json_t *(*const makes[])(weir_gen * g) = {weir_gen_tool, weir_gen_catalog};
    uint32_t n_lists = 0;
    for (uint64_t i = 0; i < 2 * N_SAMPLES; i++) {
        json_t *sample = sample_make_of(makes[i % 2], i, false);
        const json_t *messages = json_object_get(sample, "messages");
        const json_t *first = json_array_get(messages, 0);
        if (!strcmp(text_of(first, "role"), "system"))
            first = json_array_get(messages, 1);
        bool is_asked = false;
        for (size_t k = 0; k < sizeof asks / sizeof *asks; k++)
            is_asked |= !strcmp(text_of(first, "content"), asks[k]);
        const json_t *check = json_array_get(json_object_get(sample, "check"), 0);
        size_t n_told = json_array_size(json_object_get(check, "contains"));
        if (is_asked && n_told != json_array_size(json_object_get(sample, "tools")))
            fail_sample(i, sample, "not all tools are told", text_of(first, "content"));
        n_lists += is_asked;
        json_decref(sample);
    }
    assert_true(n_lists > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_pure),
        cmocka_unit_test(samples_hold_together),
        cmocka_unit_test(a_catalog_declares_a_function_always_in_the_same_way),
        cmocka_unit_test(shares_are_as_planned),
        cmocka_unit_test(held_out_values_are_never_trained_on),
        cmocka_unit_test(names_are_of_one_function),
        cmocka_unit_test(lists_of_tools_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
