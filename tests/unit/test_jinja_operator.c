/*
 * test_jinja_operator.c: operators, subscripts, str() and the global functions against what
 * Python 3.11 and Jinja2 3.1 answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/jinja_rows.h"

/* kind, name, arguments, keywords, repr of the answer. */

static const jinja_row numbers_rows[] = {
    {'o', "+", "[1, 2]", NULL, "3"},
    {'o', "+", "[true, true]", NULL, "2"},
    {'o', "//", "[7, 2]", NULL, "3"},
    {'o', "//", "[-7, 2]", NULL, "-4"},
    {'o', "//", "[7, -2]", NULL, "-4"},
    {'o', "%", "[7, -3]", NULL, "-2"},
    {'o', "%", "[-7, 3]", NULL, "2"},
    {'o', "%", "[-7.5, 2]", NULL, "0.5"},
    {'o', "//", "[7.5, -2]", NULL, "-4.0"},
    {'o', "/", "[1, 4]", NULL, "0.25"},
    {'o', "**", "[2, 10]", NULL, "1024"},
    {'o', "**", "[2, -1]", NULL, "0.5"},
    {'o', "**", "[-2, 3]", NULL, "-8"},
    {'o', "**", "[2.0, 0.5]", NULL, "1.4142135623730951"},
    {'o', "-", "[9223372036854775807, 1]", NULL, "9223372036854775806"},
    {'o', "+", "[0.1, 0.2]", NULL, "0.30000000000000004"},
    {'o', "+", "[100000000000000000000, 0.5]", NULL, "1e+20"},
    {'o', "*", "[1e+308, 10]", NULL, "inf"},
    {'o', "+", "[9223372036854775807, 1]", NULL, "!more than 64 bits"},
    {'o', "*", "[1099511627776, 1099511627776]", NULL, "!more than 64 bits"},
    {'o', "**", "[10, 19]", NULL, "!more than 64 bits"},
    {'o', "+", "[100000000000000000000, 1]", NULL, "!more than 64 bits"},
    {'o', "/", "[1152921504606846976, 3]", NULL, "!more than 53 bits"},
    {'o', "//", "[-9223372036854775808, -1]", NULL, "!more than 64 bits"},
    {'o', "%", "[-9223372036854775808, -1]", NULL, "0"},
    {'o', "/", "[1, 0]", NULL, "!division by zero"},
    {'o', "%", "[1, 0]", NULL, "!division by zero"},
    {'o', "//", "[1.5, 0]", NULL, "!division by zero"},
    {'o', "**", "[0, -1]", NULL, "!negative power"},
    {'o', "**", "[-2, 0.5]", NULL, "!not a real number"},
};

static const jinja_row sequences_rows[] = {
    {'o', "+", "[\"a\", \"b\"]", NULL, "'ab'"},
    {'o', "+", "[[1], [\"x\"]]", NULL, "[1, 'x']"},
    {'o', "+", "[{\"tuple\": [1]}, {\"tuple\": [2]}]", NULL, "(1, 2)"},
    {'o', "*", "[\"ab\", 3]", NULL, "'ababab'"},
    {'o', "*", "[2, \"ab\"]", NULL, "'abab'"},
    {'o', "*", "[\"ab\", -1]", NULL, "''"},
    {'o', "*", "[[1, 2], 2]", NULL, "[1, 2, 1, 2]"},
    {'o', "*", "[{\"tuple\": [1]}, 0]", NULL, "()"},
    {'o', "*", "[true, \"x\"]", NULL, "'x'"},
    {'o', "~", "[\"a\", 1]", NULL, "'a1'"},
    {'o', "~", "[null, 1.0]", NULL, "'None1.0'"},
    {'o', "~", "[{\"undefined\": \"x\"}, \"y\"]", NULL, "'y'"},
    {'o', "~", "[[1, \"a\"], true]", NULL, "\"[1, 'a']True\""},
    {'o', "+", "[\"a\", 1]", NULL, "!can only concatenate str (not \"int\") to str"},
    {'o', "+", "[1, \"a\"]", NULL, "!unsupported operand type(s) for +: 'int' and 'str'"},
    {'o', "+", "[[1], {\"tuple\": [2]}]", NULL,
     "!can only concatenate list (not \"tuple\") to list"},
    {'o', "+", "[{\"undefined\": \"x\"}, 1]", NULL, "!'x' is undefined"},
    {'o', "-", "[1, {\"undefined\": \"yy\"}]", NULL, "!'yy' is undefined"},
    {'o', "+", "[{}, {}]", NULL, "!'dict' and 'dict'"},
    {'o', "*",
     "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", 1000000000]",
     NULL, "!limit of memory"},
};

static const jinja_row comparisons_rows[] = {
    {'o', "==", "[1, 1.0]", NULL, "True"},
    {'o', "==", "[true, 1]", NULL, "True"},
    {'o', "==", "[\"1\", 1]", NULL, "False"},
    {'o', "==", "[null, null]", NULL, "True"},
    {'o', "==", "[null, 0]", NULL, "False"},
    {'o', "==", "[{\"undefined\": \"x\"}, {\"undefined\": \"y\"}]", NULL, "True"},
    {'o', "==", "[{\"undefined\": \"x\"}, \"\"]", NULL, "False"},
    {'o', "==", "[[1, [2]], [1.0, [2]]]", NULL, "True"},
    {'o', "==", "[[1], {\"tuple\": [1]}]", NULL, "False"},
    {'o', "==", "[{\"a\": 1, \"b\": 2}, {\"b\": 2.0, \"a\": 1}]", NULL, "True"},
    {'o', "==", "[{\"a\": 1}, {\"a\": 2}]", NULL, "False"},
    {'o', "==", "[100000000000000000000, 1e+20]", NULL, "True"},
    {'o', "==", "[100000000000000000001, 1e+20]", NULL, "False"},
    {'o', "==", "[9007199254740993, 9007199254740992.0]", NULL, "False"},
    {'o', ">", "[9007199254740993, 9007199254740992.0]", NULL, "True"},
    {'o', "<", "[-1000000000000000000000000000000, -9223372036854775808]", NULL, "True"},
    {'o', ">", "[1000000000000000000000000000000, 100000000000000000000000000000]", NULL, "True"},
    {'o', "<", "[-1000000000000000000000000000000, -100000000000000000000000000000]", NULL, "True"},
    {'o', ">", "[1.5, 1]", NULL, "True"},
    {'o', "<", "[-1.5, -1]", NULL, "True"},
    {'o', "<", "[\"a\", \"b\"]", NULL, "True"},
    {'o', "<", "[\"Z\", \"a\"]", NULL, "True"},
    {'o', ">", "[\"é\", \"z\"]", NULL, "True"},
    {'o', "<", "[\"a\", \"ab\"]", NULL, "True"},
    {'o', "<", "[[1, 2], [1, 3]]", NULL, "True"},
    {'o', "<", "[[1], [1, 0]]", NULL, "True"},
    {'o', "<", "[{\"tuple\": [1, \"a\"]}, {\"tuple\": [1, \"b\"]}]", NULL, "True"},
    {'o', "<", "[[1, \"a\"], [2, 3]]", NULL, "True"},
    {'o', "!=", "[1, 2]", NULL, "True"},
    {'o', ">=", "[2, 2]", NULL, "True"},
    {'o', "<", "[1, \"a\"]", NULL, "!'<' not supported between instances of 'int' and 'str'"},
    {'o', "<", "[null, 1]", NULL, "!'NoneType' and 'int'"},
    {'o', "<", "[{}, {}]", NULL, "!'dict' and 'dict'"},
    {'o', "<", "[{\"undefined\": \"x\"}, 1]", NULL, "!'x' is undefined"},
    {'o', "in", "[\"b\", \"abc\"]", NULL, "True"},
    {'o', "in", "[\"\", \"\"]", NULL, "True"},
    {'o', "not in", "[\"x\", \"abc\"]", NULL, "True"},
    {'o', "in", "[1.0, [1]]", NULL, "True"},
    {'o', "in", "[\"a\", {\"a\": 1}]", NULL, "True"},
    {'o', "in", "[1, {\"a\": 1}]", NULL, "False"},
    {'o', "in", "[{\"tuple\": [1, 2]}, [{\"tuple\": [1, 2]}]]", NULL, "True"},
    {'o', "in", "[\"a\", {\"undefined\": \"x\"}]", NULL, "False"},
    {'o', "not in", "[1, []]", NULL, "True"},
    {'o', "in", "[1, \"abc\"]", NULL, "!requires string as left operand, not int"},
    {'o', "in", "[1, 2]", NULL, "!argument of type 'int' is not iterable"},
    {'o', "in", "[[1], {\"a\": 1}]", NULL, "!unhashable type: 'list'"},
};

static const jinja_row access_rows[] = {
    {'i', "[]", "[[1, 2, 3], 0]", NULL, "1"},
    {'i', "[]", "[[1, 2, 3], -1]", NULL, "3"},
    {'i', "[]", "[{\"a\": 1}, \"a\"]", NULL, "1"},
    {'i', "[]", "[\"héé\", 1]", NULL, "'é'"},
    {'i', "[]", "[\"héé\", -3]", NULL, "'h'"},
    {'i', "[]", "[{\"tuple\": [1, 2]}, true]", NULL, "2"},
    {'i', "[]", "[{\"1\": 2}, \"1\"]", NULL, "2"},
    {'s', "[:]", "[[1, 2, 3, 4], 1, null, null]", NULL, "[2, 3, 4]"},
    {'s', "[:]", "[[1, 2, 3, 4], null, -1, null]", NULL, "[1, 2, 3]"},
    {'s', "[:]", "[[1, 2, 3, 4], null, null, -1]", NULL, "[4, 3, 2, 1]"},
    {'s', "[:]", "[[1, 2, 3, 4], -2, null, null]", NULL, "[3, 4]"},
    {'s', "[:]", "[[1, 2, 3, 4], 3, 0, -2]", NULL, "[4, 2]"},
    {'s', "[:]", "[[1, 2, 3, 4], 10, 20, null]", NULL, "[]"},
    {'s', "[:]", "[{\"tuple\": [1, 2, 3]}, 0, 2, 1]", NULL, "(1, 2)"},
    {'s', "[:]", "[\"hällo\", 1, 4, null]", NULL, "'äll'"},
    {'s', "[:]", "[\"hällo\", null, null, -1]", NULL, "'olläh'"},
    {'s', "[:]", "[\"hällo\", null, null, 2]", NULL, "'hlo'"},
    {'s', "[:]", "[\"abc\", -100, 100, null]", NULL, "'abc'"},
    {'s', "[:]", "[[1, 2, 3], null, null, 1000000000000000000]", NULL, "[1]"},
    {'s', "[:]", "[[1, 2, 3], null, null, -9223372036854775808]", NULL, "[3]"},
    {'s', "[:]", "[[], null, null, -1]", NULL, "[]"},
    {'s', "[:]", "[[1], null, null, 0]", NULL, "!slice step cannot be zero"},
    {'s', "[:]", "[{\"undefined\": \"x\"}, 1, null, null]", NULL, "!'x' is undefined"},
    {'i', "[]", "[{\"undefined\": \"x\"}, 0]", NULL, "!'x' is undefined"},
    {'i', "[]", "[{\"undefined\": \"x\"}, \"a\"]", NULL, "!'x' is undefined"},
};

static const jinja_row texts_rows[] = {
    {'f', "string", "[0]", NULL, "'0'"},
    {'f', "string", "[-1]", NULL, "'-1'"},
    {'f', "string", "[1000000000000000000000000000000]", NULL, "'1000000000000000000000000000000'"},
    {'f', "string", "[true]", NULL, "'True'"},
    {'f', "string", "[null]", NULL, "'None'"},
    {'f', "string", "[0.1]", NULL, "'0.1'"},
    {'f', "string", "[1.0]", NULL, "'1.0'"},
    {'f', "string", "[100.0]", NULL, "'100.0'"},
    {'f', "string", "[1000000000000000.0]", NULL, "'1000000000000000.0'"},
    {'f', "string", "[1e+16]", NULL, "'1e+16'"},
    {'f', "string", "[1e+22]", NULL, "'1e+22'"},
    {'f', "string", "[0.0001]", NULL, "'0.0001'"},
    {'f', "string", "[1e-05]", NULL, "'1e-05'"},
    {'f', "string", "[5e-324]", NULL, "'5e-324'"},
    {'f', "string", "[1.7976931348623157e+308]", NULL, "'1.7976931348623157e+308'"},
    {'f', "string", "[-0.0]", NULL, "'-0.0'"},
    {'f', "string", "[0.6666666666666666]", NULL, "'0.6666666666666666'"},
    {'f', "string", "[123456789.125]", NULL, "'123456789.125'"},
    {'f', "string", "[[1, \"a\", null, true, 2.5, [], {}]]", NULL,
     "\"[1, 'a', None, True, 2.5, [], {}]\""},
    {'f', "string", "[{\"a\": \"b\", \"n\": {\"x\": [1]}}]", NULL,
     "\"{'a': 'b', 'n': {'x': [1]}}\""},
    {'f', "string", "[{\"tuple\": []}]", NULL, "'()'"},
    {'f', "string", "[{\"tuple\": [1]}]", NULL, "'(1,)'"},
    {'f', "string", "[{\"tuple\": [1, \"x\"]}]", NULL, "\"(1, 'x')\""},
    {'f', "string", "[\"it's\"]", NULL, "\"it's\""},
    {'f', "string",
     "[[\"it's\", \"say \\\"hi\\\"\", \"both ' and \\\"\", \"back\\\\slash\", "
     "\"tab\\tnew\\nret\\r\", \"\\u0000\\u001b\177\", \"é日本😀\", \"­​ ﻿\", "
     "\"󠀁\"]]",
     NULL,
     "'[\"it\\'s\", \\'say \"hi\"\\', \\'both \\\\\\' and \"\\', \\'back\\\\\\\\slash\\', "
     "\\'tab\\\\tnew\\\\nret\\\\r\\', \\'\\\\x00\\\\x1b\\\\x7f\\', \\'é日本😀\\', "
     "\\'\\\\xad\\\\u200b\\\\u2028\\\\ufeff\\', \\'\\\\U000e0001\\']'"},
    {'f', "string", "[[{\"undefined\": \"x\"}]]", NULL, "'[Undefined]'"},
    {'f', "string", "[{\"undefined\": \"x\"}]", NULL, "''"},
};

static const jinja_row globals_rows[] = {
    {'g', "range", "[3]", NULL, "[0, 1, 2]"},
    {'g', "range", "[1, 4]", NULL, "[1, 2, 3]"},
    {'g', "range", "[5, 0, -2]", NULL, "[5, 3, 1]"},
    {'g', "range", "[0]", NULL, "[]"},
    {'g', "range", "[4611686018427387904, 4611686018427387905]", NULL, "[4611686018427387904]"},
    {'g', "range", "[-9223372036854775808, 9223372036854775807, 4611686018427387904]", NULL,
     "[-9223372036854775808, -4611686018427387904, 0, 4611686018427387904]"},
    {'g', "dict", "[]", "{\"a\": 1, \"b\": [2]}", "{'a': 1, 'b': [2]}"},
    {'g', "dict", "[{\"x\": 1}]", "{\"x\": 2}", "{'x': 2}"},
    {'g', "dict", "[[{\"tuple\": [\"a\", 1]}, [\"b\", 2]]]", NULL, "{'a': 1, 'b': 2}"},
    {'g', "range", "[1, 2, 0]", NULL, "!must not be zero"},
    {'g', "range", "[100001]", NULL, "!more than 100000"},
    {'g', "range", "[\"a\"]", NULL, "!must be int, not str"},
    {'g', "range", "[]", NULL, "!missing argument 'start'"},
    {'g', "range", "[1, 2, 3, 4]", NULL, "!takes at most 3 arguments (4 given)"},
    {'g', "dict", "[[1]]", NULL, "!'int' object is not iterable"},
    {'g', "raise_exception", "[\"no more roles\"]", NULL, "!no more roles"},
    {'g', "cycler", "[]", NULL, "!at least one"},
};

#define ROWS_TEST(name)                                    \
    static void name(void **state) {                       \
        (void)state;                                       \
        assert_rows(name##_rows, WEIR_COUNT(name##_rows)); \
    }
ROWS_TEST(numbers)
ROWS_TEST(sequences)
ROWS_TEST(comparisons)
ROWS_TEST(access)
ROWS_TEST(texts)
ROWS_TEST(globals)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers), cmocka_unit_test(sequences), cmocka_unit_test(comparisons),
        cmocka_unit_test(access),  cmocka_unit_test(texts),     cmocka_unit_test(globals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
