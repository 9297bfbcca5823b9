/*
 * fuzz_score.c: any bytes as an answer, or as a file of rows.
 *
 * Byte 0: what is tried. The rest, for an answer: two texts divided by the first line feed, for
 * rows and outputs: the file.
 */
#include "score_calls.h"
#include "score_letter.h"
#include "score_math.h"
#include "score_number.h"
#include "suite_rows.h"
#include "suite_score.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRY_NUMBER, TRY_LETTER, TRY_MATH, TRY_CALLS, TRY_ROWS, TRY_REPLY, N_TRIES };

static void require(bool holds) {
    if (!holds)
        abort();
}

static void try_number(const char *text, size_t n) {
    weir_number number, again;
    if (!weir_number_last(text, n, &number))
        return;
    require(number.n > 0 && number.at <= n && number.n <= n - number.at);
    require(weir_number_equal(&number, &number));
    if (number.text[0]) /* its canonical form is the same number */
        require(weir_number_whole(number.text, strlen(number.text), &again) &&
                strcmp(again.text, number.text) == 0);
}

static void try_letter(const char *text, size_t n) {
    bool is_found[2];
    for (int order = WEIR_LETTER_IS_FIRST; order <= (int)WEIR_LETTER_COLON_FIRST; order++) {
        weir_letter_way way;
        char letter = weir_letter_find(text, n, 4, (weir_letter_order)order, &way);
        require((letter == 0) == (way == WEIR_LETTER_NONE));
        require(letter == 0 || (letter >= 'A' && letter <= 'D' && memchr(text, letter, n)));
        is_found[order] = letter != 0;
    }
    require(is_found[0] == is_found[1]); /* the same ways, one after another */
}

static void try_math(const char *text, size_t n) {
    const char *feed = memchr(text, '\n', n);
    size_t n_first = feed ? (size_t)(feed - text) : n, n_second = feed ? n - n_first - 1 : 0;
    const char *second = feed ? feed + 1 : text;
    char form[WEIR_MATH_FORM];
    size_t at, length;
    if (weir_math_boxed(text, n, &at, &length))
        require(at <= n && length <= n - at);
    weir_math_form(text, n_first < WEIR_MATH_MAX ? n_first : WEIR_MATH_MAX, form);
    require(strlen(form) < WEIR_MATH_FORM);
    require(weir_math_equal(text, n_first, second, n_second) ==
            weir_math_equal(second, n_second, text, n_first));
}

/* Three values: functions, truth, calls. */
static void try_calls(const char *text, size_t n) {
    json_t *all = json_loadb(text, n, 0, NULL);
    for (int rule = WEIR_CALLS_ONE; rule <= (int)WEIR_CALLS_ANY; rule++) {
        char why[WEIR_CALLS_WHY];
        bool is_right;
        weir_calls_check(&is_right, why, (weir_calls_rule)rule, json_array_get(all, 0),
                         json_array_get(all, 1), json_array_get(all, 2), NULL);
        require(memchr(why, 0, sizeof why) != NULL);
    }
    json_decref(all);
}

static void try_rows(const char *text, size_t n) {
    json_t *lines = json_array(), *rows = weir_rows_parse(text, n, 0, lines, "rows", NULL);
    json_int_t last = 0;
    require(!rows || json_array_size(lines) == json_array_size(rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_int_t line = json_integer_value(json_array_get(lines, i));
        require(json_is_object(json_array_get(rows, i)) && line > last);
        last = line;
    }
    json_decref(lines);
    json_decref(rows);
}

static void try_reply(const char *text, size_t n) {
    json_t *tools = json_loads("[{\"name\": \"f\"}]", 0, NULL), *sample = NULL;
    const weir_suite_item item = {.tools = tools};
    require(weir_suite_take_apart(&sample, &item, text, n, NULL) == WEIR_STATUS_OK);
    require(json_is_string(json_object_get(sample, "output")));
    require(json_is_array(json_object_get(sample, "calls")));
    json_decref(sample);
    json_decref(tools);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const tries[N_TRIES])(const char *, size_t) = {try_number, try_letter, try_math,
                                                                 try_calls,  try_rows,   try_reply};
    if (size == 0)
        return 0;
    char *copy = malloc(size > 1 ? size - 1 : 1); /* no larger, so that reading beyond it shows */
    require(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    tries[data[0] % N_TRIES](copy, size - 1);
    free(copy);
    return 0;
}
