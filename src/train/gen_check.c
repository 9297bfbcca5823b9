/*
 * gen_check.c: the fields of check objects, each with the type it must have and the function that
 * decides it, and weir_gen_check. What a field means stands in docs/gen.md. A check that is not
 * understood to the last field is an error, never a pass.
 */
#include "train/gen_check.h"
#include "base/error.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One answer under one check. */
typedef struct subject {
    const json_t *check;
    const char *text;    /* without white space at the ends */
    const json_t *calls; /* NULL: none */
    char *why;           /* [cap] */
    size_t cap;
} subject;

/* Says why the check does not hold; returns false. */
static bool fails(subject *s, const char *format, ...) WEIR_PRINTF(2, 3);

static bool fails(subject *s, const char *format, ...) {
    if (s->cap == 0)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(s->why, s->cap, format, args);
    va_end(args);
    for (char *p = s->why; *p; p++)
        if ((unsigned char)*p < 32)
            *p = ' ';
    return false;
}

static bool flag(const subject *s, const char *name) {
    return json_is_true(json_object_get(s->check, name));
}

static size_t count_of(const json_t *value) {
    return (size_t)json_integer_value(value);
}

/* ---- words ---------------------------------------------------------------------------------- */

/* Is one of the names of the hero in text [n]? */
static bool names_hero(const json_t *names, const char *text, size_t n) {
    if (json_is_string(names))
        return weir_gen_has_phrase(text, n, json_string_value(names));
    size_t i;
    json_t *name;
    json_array_foreach(names, i,
                       name) if (weir_gen_has_phrase(text, n, json_string_value(name))) return true;
    return false;
}

static bool has_hero(subject *s, const json_t *value) {
    if (json_is_string(value))
        return names_hero(value, s->text, strlen(s->text)) ||
               fails(s, "\"%s\" is not named", json_string_value(value));
    const char *name = json_string_value(json_array_get(value, 0));
    size_t n_sentences = weir_gen_count_sentences(s->text);
    const char *middle = weir_gen_sentence_at(s->text, (n_sentences + 1) / 2);
    if (!names_hero(value, s->text, (size_t)(middle - s->text)))
        return fails(s, "\"%s\" is not named in the first half", name);
    if (n_sentences > 3 && !names_hero(value, middle, strlen(middle)))
        return fails(s, "\"%s\" is not named in the second half", name);
    return true;
}

static bool has_all(subject *s, const json_t *value) {
    size_t i;
    json_t *phrase;
    json_array_foreach(value, i, phrase) {
        const char *words = json_string_value(phrase);
        if (!weir_gen_has_phrase(s->text, strlen(s->text), words))
            return fails(s, "\"%s\" is missing", words);
    }
    return true;
}

static bool has_any(subject *s, const json_t *value) {
    size_t i;
    json_t *phrase;
    json_array_foreach(value, i,
                       phrase) if (weir_gen_has_phrase(s->text, strlen(s->text),
                                                       json_string_value(phrase))) return true;
    return fails(s, "none of the %zu phrases of contains_any is there", json_array_size(value));
}

static bool lacks_all(subject *s, const json_t *value) {
    size_t i;
    json_t *phrase;
    json_array_foreach(value, i, phrase) {
        const char *words = json_string_value(phrase);
        if (weir_gen_has_phrase(s->text, strlen(s->text), words))
            return fails(s, "\"%s\" should not be there", words);
    }
    return true;
}

static bool equals_one(subject *s, const char *expected) {
    return weir_gen_same_text(s->text, expected, flag(s, "ignore_case"), flag(s, "final_period"));
}

static bool equals(subject *s, const json_t *value) {
    if (json_is_string(value)) {
        const char *expected = json_string_value(value);
        return equals_one(s, expected) || fails(s, "\"%.80s\" is not \"%.80s\"", s->text, expected);
    }
    size_t i;
    json_t *expected;
    json_array_foreach(value, i,
                       expected) if (equals_one(s, json_string_value(expected))) return true;
    return fails(s, "\"%.80s\" is none of the %zu texts of equals", s->text,
                 json_array_size(value));
}

static bool starts_with(subject *s, const json_t *value) {
    const char *begin = json_string_value(value);
    return strncmp(s->text, begin, strlen(begin)) == 0 ||
           fails(s, "does not start with \"%s\"", begin);
}

static bool ends_with(subject *s, const json_t *value) {
    const char *end = json_string_value(value);
    size_t n = strlen(s->text), n_end = strlen(end);
    return (n >= n_end && strcmp(s->text + n - n_end, end) == 0) ||
           fails(s, "does not end with \"%s\"", end);
}

static bool has_mood(subject *s, const json_t *value) {
    const char *name = json_string_value(value);
    weir_gen_mood wanted = strcmp(name, "happy") == 0 ? WEIR_GEN_MOOD_HAPPY : WEIR_GEN_MOOD_SAD;
    size_t n_sentences = weir_gen_count_sentences(s->text);
    const char *end = weir_gen_sentence_at(s->text, n_sentences > 3 ? n_sentences - 3 : 0);
    return weir_gen_find_mood(end, strlen(end)) == wanted ||
           fails(s, "the last three sentences have no %s word at their end", name);
}

/* ---- counts and letters --------------------------------------------------------------------- */

static bool within(subject *s, const char *what, size_t n, const json_t *value) {
    if (json_is_integer(value))
        return n == count_of(value) || fails(s, "%zu %s, expected %zu", n, what, count_of(value));
    size_t least = count_of(json_array_get(value, 0)), most = count_of(json_array_get(value, 1));
    return (n >= least && n <= most) ||
           fails(s, "%zu %s, expected %zu to %zu", n, what, least, most);
}

static bool has_sentences(subject *s, const json_t *value) {
    return within(s, "sentences", weir_gen_count_sentences(s->text), value);
}

static bool has_words_exact(subject *s, const json_t *value) {
    return within(s, "words", weir_gen_count_words(s->text), value);
}

static bool has_max_words(subject *s, const json_t *value) {
    size_t n = weir_gen_count_words(s->text);
    return n <= count_of(value) || fails(s, "%zu words, expected at most %zu", n, count_of(value));
}

static bool has_min_words(subject *s, const json_t *value) {
    size_t n = weir_gen_count_words(s->text);
    return n >= count_of(value) || fails(s, "%zu words, expected at least %zu", n, count_of(value));
}

static bool is_case(subject *s, char first, char last, const char *wanted) {
    for (const char *p = s->text; *p; p++)
        if (*p >= first && *p <= last)
            return fails(s, "'%c' is not in %s", *p, wanted);
    return true;
}

static bool is_lower_case(subject *s, const json_t *value) {
    (void)value;
    return is_case(s, 'A', 'Z', "lower case");
}

static bool is_upper_case(subject *s, const json_t *value) {
    (void)value;
    return is_case(s, 'a', 'z', "capitals");
}

static bool has_no_letter(subject *s, const json_t *value) {
    char letter = (char)(json_string_value(value)[0] | 0x20);
    for (const char *p = s->text; *p; p++)
        if ((*p | 0x20) == letter)
            return fails(s, "the letter %c is there", letter);
    return true;
}

static bool is_quoted(subject *s, const json_t *value) {
    (void)value;
    size_t n = strlen(s->text);
    return (n > 2 && s->text[0] == '"' && s->text[n - 1] == '"' &&
            !memchr(s->text + 1, '"', n - 2)) ||
           fails(s, "not in one pair of quotation marks");
}

static bool is_twice(subject *s, const json_t *value) {
    const char *line = json_string_value(value);
    size_t n = strlen(s->text), n_line = strlen(line) + 2;
    if (n < n_line + 2 || (n - n_line) % 2 != 0)
        return fails(s, "not two equal parts with a line \"%s\" between", line);
    size_t n_part = (n - n_line) / 2;
    const char *middle = s->text + n_part;
    return (middle[0] == '\n' && strncmp(middle + 1, line, n_line - 2) == 0 &&
            middle[n_line - 1] == '\n' && memcmp(s->text, middle + n_line, n_part) == 0) ||
           fails(s, "not two equal parts with a line \"%s\" between", line);
}

static bool has_number(subject *s, const json_t *value) {
    double number;
    if (!weir_gen_last_number(s->text, &number))
        return fails(s, "no number is there");
    double expected = json_number_value(value);
    return fabs(number - expected) <= 1e-9 * fmax(1.0, fabs(expected)) ||
           fails(s, "the last number is %g, expected %g", number, expected);
}

/* ---- lists ---------------------------------------------------------------------------------- */

enum { MAX_ITEMS = 64, ITEM_TEXT = 256 };

typedef struct item_list {
    size_t n;
    char item[MAX_ITEMS][ITEM_TEXT]; /* cut where longer */
} item_list;

static void add_item(item_list *list, const char *begin, const char *end) {
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    if (list->n == MAX_ITEMS)
        return;
    size_t n = (size_t)(end - begin);
    n = n < ITEM_TEXT ? n : ITEM_TEXT - 1;
    memcpy(list->item[list->n], begin, n);
    list->item[list->n++][n] = 0;
}

/* Where the item of a line begins, behind its "3. " or "- "; NULL: the line is no item i. */
static const char *item_text(const char *line, const char *end, size_t i, const char *style) {
    char number[32];
    int n = snprintf(number, sizeof number, "%zu. ", i + 1);
    size_t n_line = (size_t)(end - line);
    if (strcmp(style, "dash") != 0 && n_line > (size_t)n && strncmp(line, number, (size_t)n) == 0)
        return line + n;
    if (strcmp(style, "number") != 0 && n_line > 2 && strncmp(line, "- ", 2) == 0)
        return line + 2;
    return NULL;
}

/* Lines of items; false: a line is none. */
static bool split_lines(subject *s, item_list *list) {
    const char *style = json_string_value(json_object_get(s->check, "list_style"));
    list->n = 0;
    for (const char *p = s->text; *p;) {
        const char *end = strchr(p, '\n');
        end = end ? end : p + strlen(p);
        const char *item = item_text(p, end, list->n, style ? style : "");
        if (!item)
            return fails(s, "line %zu is no item of a list", list->n + 1);
        add_item(list, item, end);
        p = *end ? end + 1 : end;
    }
    return true;
}

/* "a, b and c" */
static void split_commas(const char *text, item_list *list) {
    list->n = 0;
    const char *end = text + strlen(text);
    while (text < end) {
        const char *stop = strchr(text, ',');
        const char *with_and = strstr(text, " and ");
        if (with_and && (!stop || with_and < stop)) {
            add_item(list, text, with_and);
            text = with_and + 5;
            continue;
        }
        stop = stop ? stop : end;
        add_item(list, text, stop);
        text = stop < end ? stop + 1 : end;
        while (*text == ' ')
            text++;
        if (strncmp(text, "and ", 4) == 0)
            text += 4;
    }
}

/* The answer's items: its lines where it is to be a list, else what stands between commas. */
static bool split(subject *s, item_list *list) {
    if (json_object_get(s->check, "list_items"))
        return split_lines(s, list);
    split_commas(s->text, list);
    return true;
}

static bool has_n_items(subject *s, const json_t *value) {
    item_list list;
    return split(s, &list) && within(s, "items", list.n, value);
}

static bool has_items(subject *s, const json_t *value) {
    item_list list;
    if (!split(s, &list))
        return false;
    size_t i;
    json_t *expected;
    json_array_foreach(value, i, expected) {
        const char *words = json_string_value(expected);
        if (i >= list.n || !weir_gen_same_text(list.item[i], words, flag(s, "ignore_case"),
                                               flag(s, "final_period")))
            return fails(s, "item %zu is \"%.60s\", expected \"%s\"", i + 1,
                         i < list.n ? list.item[i] : "", words);
    }
    return list.n == i || fails(s, "%zu items, expected %zu", list.n, i);
}

static bool has_items_from(subject *s, const json_t *value) {
    item_list list;
    if (!split(s, &list))
        return false;
    for (size_t i = 0; i < list.n; i++) {
        size_t j;
        json_t *allowed;
        bool is_found = false;
        json_array_foreach(value, j, allowed) is_found =
            is_found || weir_gen_same_text(list.item[i], json_string_value(allowed), true,
                                           flag(s, "final_period"));
        if (!is_found)
            return fails(s, "\"%.60s\" is not one of the possible items", list.item[i]);
        for (size_t k = 0; k < i; k++)
            if (weir_gen_same_text(list.item[i], list.item[k], true, true))
                return fails(s, "\"%.60s\" is there twice", list.item[i]);
    }
    return true;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

/* Equal; numbers by value, since JSON has one kind of number. */
static bool same_json(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_array(a)) {
        if (json_array_size(a) != json_array_size(b))
            return false;
        for (size_t i = 0; i < json_array_size(a); i++)
            if (!same_json(json_array_get(a, i), json_array_get(b, i)))
                return false;
        return true;
    }
    if (!json_is_object(a))
        return json_equal(a, b);
    if (json_object_size(a) != json_object_size(b))
        return false;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)a, key, value) {
        const json_t *other = json_object_get(b, key);
        if (!other || !same_json(value, other))
            return false;
    }
    return true;
}

/* The answer as JSON, NULL if it is none; to be released. */
static json_t *parse_answer(subject *s) {
    json_error_t error;
    json_t *json = json_loads(s->text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!json)
        fails(s, "no JSON: %s", error.text);
    return json;
}

static bool has_json_keys(subject *s, const json_t *value) {
    json_t *json = parse_answer(s);
    if (!json)
        return false;
    bool holds = json_is_object(json) || fails(s, "the JSON is no object");
    size_t i;
    json_t *key;
    json_array_foreach(value, i, key) if (holds && !json_object_get(json, json_string_value(key)))
        holds = fails(s, "the key \"%s\" is missing", json_string_value(key));
    if (holds && json_object_size(json) != json_array_size(value))
        holds = fails(s, "%zu keys, expected %zu", json_object_size(json), json_array_size(value));
    json_decref(json);
    return holds;
}

static bool equals_json(subject *s, const json_t *value) {
    json_t *json = parse_answer(s);
    if (!json)
        return false;
    bool holds = same_json(json, value) || fails(s, "the JSON has other values");
    json_decref(json);
    return holds;
}

/* ---- calls ---------------------------------------------------------------------------------- */

static bool same_call(subject *s, const json_t *is, const json_t *expected) {
    const char *name = json_string_value(json_object_get(is, "name"));
    const char *wanted = json_string_value(json_object_get(expected, "name"));
    if (!name || strcmp(name, wanted) != 0)
        return fails(s, "calls \"%.60s\", expected \"%s\"", name ? name : "", wanted);
    const json_t *arguments = json_object_get(is, "arguments");
    const json_t *asked = json_object_get(expected, "arguments");
    if (!json_is_object(arguments))
        return fails(s, "the arguments of \"%s\" are no object", name);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)asked, key, value) {
        const json_t *given = json_object_get(arguments, key);
        if (!given)
            return fails(s, "%s: the argument \"%s\" is missing", name, key);
        if (!same_json(given, value))
            return fails(s, "%s: the argument \"%s\" has another value or type", name, key);
    }
    json_object_foreach(
        (json_t *)(uintptr_t)arguments, key,
        value) if (!json_object_get(asked,
                                    key)) return fails(s, "%s: there should be no argument \"%s\"",
                                                       name, key);
    return true;
}

static bool has_calls(subject *s, const json_t *value) {
    size_t n = json_array_size(s->calls), n_expected = json_array_size(value);
    if (n != n_expected)
        return fails(s, "%zu calls, expected %zu", n, n_expected);
    if (n > MAX_ITEMS)
        return fails(s, "%zu calls are too many", n);
    bool is_taken[MAX_ITEMS] = {false};
    for (size_t i = 0; i < n; i++) {
        bool is_found = false;
        if (!flag(s, "any_order")) {
            is_found = same_call(s, json_array_get(s->calls, i), json_array_get(value, i));
        } else {
            for (size_t j = 0; j < n && !is_found; j++)
                if (!is_taken[j] &&
                    same_call(s, json_array_get(s->calls, i), json_array_get(value, j)))
                    is_found = is_taken[j] = true;
        }
        if (!is_found)
            return false; /* why is what the last comparison said */
    }
    if (*s->text && !flag(s, "with_text"))
        return fails(s, "text beside the calls: \"%.60s\"", s->text);
    return true;
}

/* ---- the table ------------------------------------------------------------------------------ */

typedef enum field_type {
    IS_TRUE,
    IS_STRING,
    IS_LETTER,
    IS_COUNT,
    IS_RANGE, /* a count, or [least, most] */
    IS_NUMBER,
    IS_TEXTS, /* strings in a list */
    IS_TEXT_OR_TEXTS,
    IS_CALLS,
    IS_ANY
} field_type;

typedef struct field {
    const char *name;
    field_type type;
    bool (*holds)(subject *s, const json_t *value); /* NULL: read by others */
    const char *choices;                            /* of a string, each between blanks */
} field;

static const field fields[] = {
    {"kind", IS_STRING, NULL, " story text answer call "},
    {"calls", IS_CALLS, has_calls, NULL},
    {"any_order", IS_TRUE, NULL, NULL},
    {"with_text", IS_TRUE, NULL, NULL},
    {"no_calls", IS_TRUE, NULL, NULL},
    {"ignore_case", IS_TRUE, NULL, NULL},
    {"final_period", IS_TRUE, NULL, NULL},
    {"list_style", IS_STRING, NULL, " number dash "},
    {"equals", IS_TEXT_OR_TEXTS, equals, NULL},
    {"hero", IS_TEXT_OR_TEXTS, has_hero, NULL},
    {"words", IS_TEXTS, has_all, NULL},
    {"contains", IS_TEXTS, has_all, NULL},
    {"contains_any", IS_TEXTS, has_any, NULL},
    {"lacks", IS_TEXTS, lacks_all, NULL},
    {"starts_with", IS_STRING, starts_with, NULL},
    {"ends_with", IS_STRING, ends_with, NULL},
    {"ending", IS_STRING, has_mood, " happy sad "},
    {"sentences", IS_RANGE, has_sentences, NULL},
    {"words_exact", IS_COUNT, has_words_exact, NULL},
    {"max_words", IS_COUNT, has_max_words, NULL},
    {"min_words", IS_COUNT, has_min_words, NULL},
    {"lower_case", IS_TRUE, is_lower_case, NULL},
    {"upper_case", IS_TRUE, is_upper_case, NULL},
    {"no_letter", IS_LETTER, has_no_letter, NULL},
    {"list_items", IS_RANGE, has_n_items, NULL},
    {"n_items", IS_RANGE, has_n_items, NULL},
    {"items", IS_TEXTS, has_items, NULL},
    {"items_from", IS_TEXTS, has_items_from, NULL},
    {"json_keys", IS_TEXTS, has_json_keys, NULL},
    {"json_equals", IS_ANY, equals_json, NULL},
    {"quoted", IS_TRUE, is_quoted, NULL},
    {"twice", IS_STRING, is_twice, NULL},
    {"number", IS_NUMBER, has_number, NULL},
};

static bool is_count(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool are_texts(const json_t *value) {
    size_t i;
    json_t *text;
    if (!json_is_array(value) || json_array_size(value) == 0)
        return false;
    json_array_foreach(value, i, text) if (!json_is_string(text)) return false;
    return true;
}

static bool are_calls(const json_t *value) {
    size_t i;
    json_t *call;
    if (!json_is_array(value))
        return false;
    json_array_foreach(value, i,
                       call) if (!json_is_string(json_object_get(call, "name")) ||
                                 !json_is_object(json_object_get(call, "arguments"))) return false;
    return true;
}

static bool is_choice(const json_t *value, const char *choices) {
    const char *text = json_string_value(value);
    if (!text || !choices)
        return text != NULL;
    char padded[32];
    int n = snprintf(padded, sizeof padded, " %s ", text);
    return n > 2 && (size_t)n < sizeof padded && !strchr(text, ' ') && strstr(choices, padded);
}

static bool has_type(const json_t *value, const field *f) {
    switch (f->type) {
    case IS_TRUE:
        return json_is_true(value);
    case IS_STRING:
        return is_choice(value, f->choices);
    case IS_LETTER:
        return json_string_length(value) == 1;
    case IS_COUNT:
        return is_count(value);
    case IS_RANGE:
        return is_count(value) ||
               (json_array_size(value) == 2 && is_count(json_array_get(value, 0)) &&
                is_count(json_array_get(value, 1)));
    case IS_NUMBER:
        return json_is_number(value);
    case IS_TEXTS:
        return are_texts(value);
    case IS_TEXT_OR_TEXTS:
        return json_is_string(value) || are_texts(value);
    case IS_CALLS:
        return are_calls(value);
    case IS_ANY:
        return true;
    }
    return false;
}

static weir_status check_form(const json_t *check, weir_error *err) {
    if (!json_is_object(check) || !json_object_get(check, "kind"))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "a check is no object with a kind");
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)check, name, value) {
        const field *f = NULL;
        for (size_t i = 0; i < WEIR_COUNT(fields); i++)
            if (strcmp(fields[i].name, name) == 0)
                f = &fields[i];
        if (!f)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "check: unknown field \"%.40s\"", name);
        if (!has_type(value, f))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "check: the field \"%s\" has a wrong type or value", name);
    }
    bool is_call = strcmp(json_string_value(json_object_get(check, "kind")), "call") == 0;
    if (is_call != (json_object_get(check, "calls") != NULL))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "check: \"calls\" belongs to the kind \"call\" and only to it");
    return WEIR_STATUS_OK;
}

/* In the order of the table, so that "why" is the same whatever the order of the fields. */
static bool decide(subject *s) {
    bool is_call = json_object_get(s->check, "calls") != NULL;
    if (!is_call && json_array_size(s->calls) > 0)
        return fails(s, "there should be no call");
    if (!is_call && !*s->text)
        return fails(s, "the answer is empty");
    for (size_t i = 0; i < WEIR_COUNT(fields); i++) {
        const json_t *value = json_object_get(s->check, fields[i].name);
        if (value && fields[i].holds && !fields[i].holds(s, value))
            return false;
    }
    return true;
}

static char *trimmed(const char *text) {
    static const char space[] = " \t\r\n";
    text += strspn(text, space);
    size_t n = strlen(text);
    while (n > 0 && strchr(space, text[n - 1]))
        n--;
    char *copy = malloc(n + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, n);
    copy[n] = 0;
    return copy;
}

weir_status weir_gen_check_answer(const json_t *check, const weir_gen_answer *answer, bool *holds,
                                  char *why, size_t why_cap, weir_error *err) {
    if (why_cap > 0)
        why[0] = 0;
    *holds = true;
    if (json_is_null(check))
        return WEIR_STATUS_OK;
    WEIR_TRY(check_form(check, err));
    char *text = trimmed(answer->content ? answer->content : "");
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to check an answer");
    subject s = {.check = check, .text = text, .why = why, .cap = why_cap};
    json_t *calls = NULL;
    if (answer->calls) {
        calls = json_loads(answer->calls, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_array(calls))
            *holds = fails(&s, "the calls are no JSON list");
    }
    s.calls = calls;
    if (*holds)
        *holds = decide(&s);
    if (*holds && why_cap > 0)
        why[0] = 0; /* calls in any order: what was said of calls tried in vain */
    json_decref(calls);
    free(text);
    return WEIR_STATUS_OK;
}

weir_status weir_gen_check(const char *sample, size_t n_sample, size_t turn,
                           const weir_gen_answer *answer, bool *holds, char *why, size_t why_cap,
                           weir_error *err) {
    if (!sample || !answer || !holds)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "sample, answer or holds is missing");
    json_error_t error;
    json_t *object = json_loadb(sample, n_sample, JSON_REJECT_DUPLICATES, &error);
    const json_t *checks = json_object_get(object, "check");
    const json_t *check = json_array_get(checks, turn);
    weir_status status;
    if (!object)
        status = weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "the sample is no JSON: %s", error.text);
    else if (!check)
        status = weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                           "the sample has %zu checks, none for its assistant message %zu",
                           json_array_size(checks), turn);
    else
        status = weir_gen_check_answer(check, answer, holds, why, why_cap, err);
    json_decref(object);
    return status;
}
