/*
 * test_jinja_method.c: methods of strings, lists, tuples and dicts against what Python 3.11
 * answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/jinja_rows.h"

/* kind, name, arguments, keywords, repr of the answer. */

static const jinja_row string_methods_rows[] = {
    {'m', "strip", "[\"  a \"]", NULL, "'a'"},
    {'m', "strip", "[\"xyaxy\", \"yx\"]", NULL, "'a'"},
    {'m', "lstrip", "[\"  a \"]", NULL, "'a '"},
    {'m', "rstrip", "[\"éaéé\", \"é\"]", NULL, "'éa'"},
    {'m', "strip", "[\"a\", null]", NULL, "'a'"},
    {'m', "split", "[\"a b  c \"]", NULL, "['a', 'b', 'c']"},
    {'m', "split", "[\" a b c \", null, 1]", NULL, "['a', 'b c ']"},
    {'m', "rsplit", "[\" a b c \", null, 1]", NULL, "[' a b', 'c']"},
    {'m', "split", "[\"a,b,,c\", \",\"]", NULL, "['a', 'b', '', 'c']"},
    {'m', "split", "[\"a,b,c\", \",\", 1]", NULL, "['a', 'b,c']"},
    {'m', "rsplit", "[\"a,b,c\", \",\", 1]", NULL, "['a,b', 'c']"},
    {'m', "split", "[\"\", \",\"]", NULL, "['']"},
    {'m', "split", "[\"\"]", NULL, "[]"},
    {'m', "split", "[\"</think>x</think>y\", \"</think>\"]", NULL, "['', 'x', 'y']"},
    {'m', "splitlines", "[\"a\\nb\\r\\n\\nc d\\n\"]", NULL, "['a', 'b', '', 'c', 'd']"},
    {'m', "splitlines", "[\"a\\nb\", true]", NULL, "['a\\n', 'b']"},
    {'m', "startswith", "[\"abc\", \"ab\"]", NULL, "True"},
    {'m', "startswith", "[\"abc\", {\"tuple\": [\"x\", \"a\"]}]", NULL, "True"},
    {'m', "startswith", "[\"abc\", \"b\", 1]", NULL, "True"},
    {'m', "endswith", "[\"abc\", \"bc\"]", NULL, "True"},
    {'m', "endswith", "[\"abc\", {\"tuple\": [\"x\", \"y\"]}]", NULL, "False"},
    {'m', "endswith", "[\"abc\", \"b\", 0, 2]", NULL, "True"},
    {'m', "startswith", "[\"abc\", \"\", 4]", NULL, "False"},
    {'m', "replace", "[\"aXbX\", \"X\", \"é\"]", NULL, "'aébé'"},
    {'m', "replace", "[\"aXbX\", \"X\", \"\", 1]", NULL, "'abX'"},
    {'m', "replace", "[\"ab\", \"\", \"-\"]", NULL, "'-a-b-'"},
    {'m', "find", "[\"héllo\", \"l\"]", NULL, "2"},
    {'m', "find", "[\"abc\", \"z\"]", NULL, "-1"},
    {'m', "find", "[\"abcabc\", \"c\", 3]", NULL, "5"},
    {'m', "rfind", "[\"héllo\", \"l\"]", NULL, "3"},
    {'m', "rfind", "[\"abcabc\", \"c\", 0, 5]", NULL, "2"},
    {'m', "index", "[\"abc\", \"c\"]", NULL, "2"},
    {'m', "rindex", "[\"abca\", \"a\"]", NULL, "3"},
    {'m', "count", "[\"aaaa\", \"aa\"]", NULL, "2"},
    {'m', "count", "[\"abc\", \"\"]", NULL, "4"},
    {'m', "count", "[\"abcabc\", \"a\", 1]", NULL, "1"},
    {'m', "join", "[\", \", [\"a\", \"b\"]]", NULL, "'a, b'"},
    {'m', "join", "[\"-\", \"abc\"]", NULL, "'a-b-c'"},
    {'m', "partition", "[\"a=b=c\", \"=\"]", NULL, "('a', '=', 'b=c')"},
    {'m', "rpartition", "[\"a=b=c\", \"=\"]", NULL, "('a=b', '=', 'c')"},
    {'m', "partition", "[\"abc\", \"=\"]", NULL, "('abc', '', '')"},
    {'m', "rpartition", "[\"abc\", \"=\"]", NULL, "('', '', 'abc')"},
    {'m', "removeprefix", "[\"abc\", \"ab\"]", NULL, "'c'"},
    {'m', "removeprefix", "[\"abc\", \"bc\"]", NULL, "'abc'"},
    {'m', "removesuffix", "[\"abc\", \"bc\"]", NULL, "'a'"},
    {'m', "removesuffix", "[\"a\", \"abc\"]", NULL, "'a'"},
    {'m', "split", "[\"a\", \"\"]", NULL, "!empty separator"},
    {'m', "index", "[\"a\", \"b\"]", NULL, "!substring not found"},
    {'m', "join", "[\",\", [\"a\", 1]]", NULL,
     "!sequence item 1: expected str instance, int found"},
    {'m', "strip", "[\"a\", 1]", NULL, "!must be str, not int"},
    {'m', "encode", "[\"a\"]", NULL, "!'str object' has no attribute 'encode'"},
    {'m', "upper", "[\"a\", 1]", NULL, "!takes at most 1 arguments"},
    {'m', "startswith", "[\"a\", [\"a\"]]", NULL, "!must be str, not list"},
};

static const jinja_row character_methods_rows[] = {
    {'m', "upper", "[\"ﬁx ß ŉ\"]", NULL, "'FIX SS ʼN'"},
    {'m', "lower", "[\"İ ΑΣ\"]", NULL, "'i̇ ας'"},
    {'m', "title", "[\"it's ǆ 3rd one\"]", NULL, "\"It'S ǅ 3Rd One\""},
    {'m', "capitalize", "[\"ǆABC\"]", NULL, "'ǅabc'"},
    {'m', "center", "[\"ab\", 5]", NULL, "'  ab '"},
    {'m', "center", "[\"abc\", 6]", NULL, "' abc  '"},
    {'m', "center", "[\"a\", 4, \"*\"]", NULL, "'*a**'"},
    {'m', "ljust", "[\"é\", 3, \".\"]", NULL, "'é..'"},
    {'m', "rjust", "[\"é\", 3]", NULL, "'  é'"},
    {'m', "zfill", "[\"-42\", 6]", NULL, "'-00042'"},
    {'m', "zfill", "[\"abc\", 2]", NULL, "'abc'"},
    {'m', "isalnum", "[\"aé1½\"]", NULL, "True"},
    {'m', "isalnum", "[\"a b\"]", NULL, "False"},
    {'m', "isalpha", "[\"é日\"]", NULL, "True"},
    {'m', "isalpha", "[\"\"]", NULL, "False"},
    {'m', "isascii", "[\"\"]", NULL, "True"},
    {'m', "isascii", "[\"é\"]", NULL, "False"},
    {'m', "isdecimal", "[\"12\"]", NULL, "True"},
    {'m', "isdecimal", "[\"²\"]", NULL, "False"},
    {'m', "isdigit", "[\"²\"]", NULL, "True"},
    {'m', "isdigit", "[\"½\"]", NULL, "False"},
    {'m', "isnumeric", "[\"½\"]", NULL, "True"},
    {'m', "isprintable", "[\"a é\"]", NULL, "True"},
    {'m', "isprintable", "[\"​\"]", NULL, "False"},
    {'m', "isprintable", "[\"\"]", NULL, "True"},
    {'m', "isspace", "[\" 　\\t\"]", NULL, "True"},
    {'m', "isspace", "[\"\"]", NULL, "False"},
    {'m', "isupper", "[\"A1\"]", NULL, "True"},
    {'m', "isupper", "[\"1\"]", NULL, "False"},
    {'m', "islower", "[\"ab1\"]", NULL, "True"},
    {'m', "islower", "[\"aB\"]", NULL, "False"},
    {'m', "istitle", "[\"Ab Cd\"]", NULL, "True"},
    {'m', "istitle", "[\"AB\"]", NULL, "False"},
    {'m', "istitle", "[\"ǅa\"]", NULL, "True"},
    {'m', "center", "[\"a\", 5, \"ab\"]", NULL, "!exactly one character"},
};

static const jinja_row format_methods_rows[] = {
    {'m', "format", "[\"{} {}\", \"a\", 1]", NULL, "'a 1'"},
    {'m', "format", "[\"{1}{0}\", \"a\", \"b\"]", NULL, "'ba'"},
    {'m', "format", "[\"{x}\"]", "{\"x\": null}", "'None'"},
    {'m', "format", "[\"{{{}}}\", 5]", NULL, "'{5}'"},
    {'m', "format", "[\"{:>5}|{:<5}|{:^5}|\", \"a\", \"b\", \"c\"]", NULL, "'    a|b    |  c  |'"},
    {'m', "format", "[\"{:*^7}\", \"é\"]", NULL, "'***é***'"},
    {'m', "format", "[\"{:05d}\", -42]", NULL, "'-0042'"},
    {'m', "format", "[\"{:+.2f}\", 2.675]", NULL, "'+2.67'"},
    {'m', "format", "[\"{:,}\", 1234567]", NULL, "'1,234,567'"},
    {'m', "format", "[\"{:,.1f}\", 1234567.89]", NULL, "'1,234,567.9'"},
    {'m', "format", "[\"{:_}\", 1234567]", NULL, "'1_234_567'"},
    {'m', "format", "[\"{:x} {:#x} {:b} {:o} {:X}\", 255, 255, 5, 8, 255]", NULL,
     "'ff 0xff 101 10 FF'"},
    {'m', "format", "[\"{:%} {:.1%}\", 0.5, 0.256]", NULL, "'50.000000% 25.6%'"},
    {'m', "format", "[\"{!r} {!s}\", \"a\", \"b\"]", NULL, "\"'a' b\""},
    {'m', "format", "[\"{0[0]}\", [7]]", NULL, "'7'"},
    {'m', "format", "[\"{:.3}\", \"abcdef\"]", NULL, "'abc'"},
    {'m', "format", "[\"{:.3}\", 1234.5]", NULL, "'1.23e+03'"},
    {'m', "format", "[\"{:.3}\", 3.0]", NULL, "'3.0'"},
    {'m', "format", "[\"{:g} {:e}\", 0.5, 0.5]", NULL, "'0.5 5.000000e-01'"},
    {'m', "format", "[\"{:c}\", 65]", NULL, "'A'"},
    {'m', "format", "[\"{:>06}\", 42]", NULL, "'000042'"},
    {'m', "format", "[\"{}\", [1, \"a\"]]", NULL, "\"[1, 'a']\""},
    {'m', "format", "[\"{:5}|\", true]", NULL, "'    1|'"},
    {'m', "format", "[\"{}\", true]", NULL, "'True'"},
    {'m', "format", "[\"{}\"]", NULL, "!index 0 out of range"},
    {'m', "format", "[\"{x}\"]", NULL, "!no argument 'x'"},
    {'m', "format", "[\"}\"]", NULL, "!Single '}'"},
    {'m', "format", "[\"{\", 1]", NULL, "!expected '}'"},
    {'m', "format", "[\"{} {0}\", 1]", NULL, "!numbered either"},
    {'m', "format", "[\"{:d}\", \"a\"]", NULL, "!Unknown format code 'd'"},
    {'m', "format", "[\"{:5}\", null]", NULL, "!unsupported format string passed to NoneType"},
    {'m', "format", "[\"{:.}\", 1.0]", NULL, "!missing precision"},
    {'m', "format", "[\"{!x}\", 1]", NULL, "!Unknown conversion specifier 'x'"},
    {'m', "format", "[\"{:.2d}\", 1]", NULL, "!Precision not allowed"},
    {'m', "format", "[\"{:10,\", 1]", NULL, "!Invalid format specifier"},
};

static const jinja_row container_methods_rows[] = {
    {'m', "get", "[{\"a\": 1}, \"a\"]", NULL, "1"},
    {'m', "get", "[{\"a\": 1}, \"b\"]", NULL, "None"},
    {'m', "get", "[{\"a\": 1}, \"b\", 2]", NULL, "2"},
    {'m', "items", "[{\"a\": 1, \"b\": [2]}]", NULL, "[('a', 1), ('b', [2])]"},
    {'m', "keys", "[{\"a\": 1}]", NULL, "['a']"},
    {'m', "values", "[{\"a\": 1}]", NULL, "[1]"},
    {'m', "copy", "[{\"a\": 1}]", NULL, "{'a': 1}"},
    {'m', "pop", "[{\"a\": 1}, \"a\"]", NULL, "1"},
    {'m', "pop", "[{\"a\": 1}, \"b\", 0]", NULL, "0"},
    {'m', "setdefault", "[{\"a\": 1}, \"a\", 2]", NULL, "1"},
    {'m', "setdefault", "[{\"a\": 1}, \"b\", 2]", NULL, "2"},
    {'m', "index", "[[1, 2, 3], 2]", NULL, "1"},
    {'m', "count", "[[1, 2, 1.0, true], 1]", NULL, "3"},
    {'m', "copy", "[[1, [2]]]", NULL, "[1, [2]]"},
    {'m', "pop", "[[1, 2, 3]]", NULL, "3"},
    {'m', "pop", "[[1, 2, 3], 0]", NULL, "1"},
    {'m', "index", "[{\"tuple\": [1, 2]}, 2]", NULL, "1"},
    {'m', "count", "[{\"tuple\": [1, 1]}, 1]", NULL, "2"},
    {'m', "append", "[[1], 2]", NULL, "None"},
    {'m', "extend", "[[1], [2]]", NULL, "None"},
    {'m', "insert", "[[1], 0, 2]", NULL, "None"},
    {'m', "remove", "[[1, 2], 1]", NULL, "None"},
    {'m', "sort", "[[2, 1]]", NULL, "None"},
    {'m', "reverse", "[[1, 2]]", NULL, "None"},
    {'m', "update", "[{\"a\": 1}, {\"b\": 2}]", NULL, "None"},
    {'m', "clear", "[[1]]", NULL, "None"},
    {'m', "pop", "[{\"a\": 1}, \"b\"]", NULL, "!no such key"},
    {'m', "pop", "[[]]", NULL, "!pop from empty list"},
    {'m', "pop", "[[1], 5]", NULL, "!out of range"},
    {'m', "index", "[[1], 2]", NULL, "!not in the list"},
    {'m', "get", "[{}, [1]]", NULL, "!unhashable type: 'list'"},
    {'m', "append", "[{\"tuple\": [1]}, 2]", NULL, "!'tuple object' has no attribute 'append'"},
    {'m', "nope", "[{}]", NULL, "!'dict object' has no attribute 'nope'"},
    {'m', "get", "[{}]", NULL, "!missing argument 'key'"},
    {'m', "upper", "[5]", NULL, "!'int object' has no attribute 'upper'"},
    {'m', "upper", "[{\"undefined\": \"x\"}]", NULL, "!'x' is undefined"},
    {'m', "upper", "[null]", NULL, "!'None' has no attribute 'upper'"},
};

#define ROWS_TEST(name)                                    \
    static void name(void **state) {                       \
        (void)state;                                       \
        assert_rows(name##_rows, WEIR_COUNT(name##_rows)); \
    }
ROWS_TEST(string_methods)
ROWS_TEST(character_methods)
ROWS_TEST(format_methods)
ROWS_TEST(container_methods)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(string_methods),
        cmocka_unit_test(character_methods),
        cmocka_unit_test(format_methods),
        cmocka_unit_test(container_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
