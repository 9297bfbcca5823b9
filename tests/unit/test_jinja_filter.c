/*
 * test_jinja_filter.c: filters and tests against what Jinja2 3.1 answers, in the environment of
 * transformers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/jinja_rows.h"

/* kind, name, arguments, keywords, repr of the answer. */

static const jinja_row text_filters_rows[] = {
    {'f', "upper", "[\"straße\"]", NULL, "'STRASSE'"},
    {'f', "lower", "[\"ΑΣ ΟΔΟΣ Σ\"]", NULL, "'ας οδος σ'"},
    {'f', "title", "[\"hello wORLD-foo (bar) it's\"]", NULL, "\"Hello World-Foo (Bar) It's\""},
    {'f', "capitalize", "[\"hELLO ǆ\"]", NULL, "'Hello ǆ'"},
    {'f', "upper", "[5]", NULL, "'5'"},
    {'f', "upper", "[{\"undefined\": \"x\"}]", NULL, "''"},
    {'f', "trim", "[\"  a b \\n　\"]", NULL, "'a b'"},
    {'f', "trim", "[\"xxaxx\", \"x\"]", NULL, "'a'"},
    {'f', "trim", "[null]", NULL, "'None'"},
    {'f', "center", "[\"ab\", 7]", NULL, "'   ab  '"},
    {'f', "string", "[1.5]", NULL, "'1.5'"},
    {'f', "replace", "[\"aaa\", \"a\", \"b\"]", NULL, "'bbb'"},
    {'f', "replace", "[\"aaa\", \"a\", \"b\", 2]", NULL, "'bba'"},
    {'f', "replace", "[\"ab\", \"\", \"-\"]", NULL, "'-a-b-'"},
    {'f', "replace", "[112, 1, \"x\"]", NULL, "'xx2'"},
    {'f', "format", "[\"%s-%03d\", \"a\", 7]", NULL, "'a-007'"},
    {'f', "format", "[\"%(a)s\"]", "{\"a\": 5}", "'5'"},
    {'f', "indent", "[\"a\\n\\nb\"]", NULL, "'a\\n\\n    b'"},
    {'f', "indent", "[\"a\\n\\nb\\n\", 2, true, true]", NULL, "'  a\\n  \\n  b\\n  '"},
    {'f', "indent", "[\"a\\nb\", \"> \"]", NULL, "'a\\n> b'"},
    {'f', "truncate", "[\"foo bar baz qux\", 9]", NULL, "'foo...'"},
    {'f', "truncate", "[\"foo bar baz qux\", 9, true]", NULL, "'foo ba...'"},
    {'f', "truncate", "[\"foo bar\", 5, false, \"…\", 0]", NULL, "'foo…'"},
    {'f', "truncate", "[\"foo bar baz\", 8]", "{\"leeway\": 0}", "'foo...'"},
    {'f', "wordcount", "[\"it's a_b é 12\"]", NULL, "5"},
    {'f', "wordcount", "[\"\"]", NULL, "0"},
    {'f', "upper", "[\"a\", \"b\"]", NULL, "!upper: takes at most 1 arguments (2 given)"},
    {'f', "replace", "[\"a\", \"b\"]", NULL, "!missing argument 'new'"},
    {'f', "trim", "[\"a\"]", "{\"char\": \"x\"}", "!unexpected keyword argument 'char'"},
    {'f', "trim", "[\"a\", \"x\"]", "{\"chars\": \"y\"}", "!multiple values for argument 'chars'"},
    {'f', "truncate", "[\"abcdefghijk\", 2]", NULL, "!truncate: expected length"},
    {'f', "indent", "[5]", NULL, "!must be str, not int"},
    {'f', "nope", "[1]", NULL, "!there is no 'nope'"},
    {'f', "format", "[\"%d\", \"x\"]", NULL, "!a real number is required, not str"},
};

static const jinja_row json_rows[] = {
    {'f', "tojson", "[null]", NULL, "'null'"},
    {'f', "tojson", "[true]", NULL, "'true'"},
    {'f', "tojson", "[false]", NULL, "'false'"},
    {'f', "tojson", "[0]", NULL, "'0'"},
    {'f', "tojson", "[10000000000000000000000000]", NULL, "'10000000000000000000000000'"},
    {'f', "tojson", "[1.0]", NULL, "'1.0'"},
    {'f', "tojson", "[1e+16]", NULL, "'1e+16'"},
    {'f', "tojson", "[0.1]", NULL, "'0.1'"},
    {'f', "tojson", "[\"é \\\"q\\\" \\\\ / \\n\\r\\t\\b\\f\\u0001\177<>&'\"]", NULL,
     "'\"é \\\\\"q\\\\\" \\\\\\\\ / \\\\n\\\\r\\\\t\\\\b\\\\f\\\\u0001\\x7f<>&\\'\"'"},
    {'f', "tojson", "[\"日本 😀\"]", NULL, "'\"日本\\u2028😀\"'"},
    {'f', "tojson", "[[]]", NULL, "'[]'"},
    {'f', "tojson", "[{}]", NULL, "'{}'"},
    {'f', "tojson", "[[1, [2, {\"a\": null}]]]", NULL, "'[1, [2, {\"a\": null}]]'"},
    {'f', "tojson", "[{\"tuple\": [1, \"x\"]}]", NULL, "'[1, \"x\"]'"},
    {'f', "tojson", "[{\"b\": 1, \"a\": [{}]}]", NULL, "'{\"b\": 1, \"a\": [{}]}'"},
    {'f', "tojson", "[{\"b\": [1, {}], \"a\": \"é\"}]", "{\"indent\": 2}",
     "'{\\n  \"b\": [\\n    1,\\n    {}\\n  ],\\n  \"a\": \"é\"\\n}'"},
    {'f', "tojson", "[{\"b\": [1, {}], \"a\": \"é\"}, false, 4]", "{\"sort_keys\": true}",
     "'{\\n    \"a\": \"é\",\\n    \"b\": [\\n        1,\\n        {}\\n    ]\\n}'"},
    {'f', "tojson", "[[1, []]]", "{\"indent\": 0}", "'[\\n1,\\n[]\\n]'"},
    {'f', "tojson", "[[1, {\"a\": 2}]]", "{\"separators\": {\"tuple\": [\",\", \":\"]}}",
     "'[1,{\"a\":2}]'"},
    {'f', "tojson", "[[1, 2]]", "{\"indent\": \"\\t\"}", "'[\\n\\t1,\\n\\t2\\n]'"},
    {'f', "tojson", "[\"é😀\177\"]", "{\"ensure_ascii\": true}",
     "'\"\\\\u00e9\\\\ud83d\\\\ude00\\\\u007f\"'"},
    {'f', "tojson", "[{\"b\": 1, \"a\": 2}]", "{\"sort_keys\": true}", "'{\"a\": 2, \"b\": 1}'"},
    {'f', "from_json",
     "[\"{\\\"a\\\": [1, 2.5, \\\"x\\\", null, true], \\\"b\\\": 12345678901234567890123}\"]", NULL,
     "{'a': [1, 2.5, 'x', None, True], 'b': 12345678901234567890123}"},
    {'f', "tojson", "[{\"undefined\": \"x\"}]", NULL, "!Undefined is not JSON serializable"},
    {'f', "tojson", "[{\"a\": [{\"undefined\": \"x\"}]}]", NULL, "!not JSON serializable"},
    {'f', "from_json", "[\"{\\\"a\\\": }\"]", NULL, "!JSON: line 1, column 7: expected a value"},
    {'f', "tojson", "[1]", "{\"separators\": [1]}", "!separators must be two strings"},
};

static const jinja_row markup_rows[] = {
    {'f', "escape", "[\"<a href=\\\"x\\\">'&</a>\"]", NULL,
     "'&lt;a href=&#34;x&#34;&gt;&#39;&amp;&lt;/a&gt;'"},
    {'f', "e", "[[1, \"<\"]]", NULL, "'[1, &#39;&lt;&#39;]'"},
    {'f', "forceescape", "[\"&amp;\"]", NULL, "'&amp;amp;'"},
    {'f', "safe", "[\"<b>\"]", NULL, "'<b>'"},
    {'f', "striptags", "[\"a <b>c</b>\\n <!-- x > y --> d &amp;&lt;i&gt; &#65;&#x42; &nope;\"]",
     NULL, "'a c d &<i> AB &nope;'"},
    {'f', "striptags", "[\"1 < 2 <!-- open\"]", NULL, "'1 < 2 <!-- open'"},
    {'f', "striptags", "[\"<!-- x > y\"]", NULL, "'y'"},
    {'f', "urlencode", "[\"a b/c?é&=~\"]", NULL, "'a%20b/c%3F%C3%A9%26%3D~'"},
    {'f', "urlencode", "[{\"a b\": 1, \"c\": \"/é\"}]", NULL, "'a+b=1&c=%2F%C3%A9'"},
    {'f', "urlencode", "[[{\"tuple\": [\"a\", 1]}]]", NULL, "'a=1'"},
    {'f', "xmlattr", "[{\"id\": \"a\\\"b\", \"n\": null, \"x\": 1}]", NULL,
     "' id=\"a&#34;b\" x=\"1\"'"},
    {'f', "xmlattr", "[{}, false]", NULL, "''"},
    {'f', "xmlattr", "[{\"a b\": 1}]", NULL, "!invalid character"},
    {'f', "xmlattr", "[1]", NULL, "!expected a mapping"},
};

static const jinja_row number_filters_rows[] = {
    {'f', "abs", "[-3]", NULL, "3"},
    {'f', "abs", "[-2.5]", NULL, "2.5"},
    {'f', "abs", "[true]", NULL, "1"},
    {'f', "abs", "[-100000000000000000000]", NULL, "100000000000000000000"},
    {'f', "int", "[\"42\"]", NULL, "42"},
    {'f', "int", "[\" -7\\n\"]", NULL, "-7"},
    {'f', "int", "[\"42.9\"]", NULL, "42"},
    {'f', "int", "[\"x\"]", NULL, "0"},
    {'f', "int", "[\"x\", 5]", NULL, "5"},
    {'f', "int", "[3.99]", NULL, "3"},
    {'f', "int", "[-3.99]", NULL, "-3"},
    {'f', "int", "[1e+20]", NULL, "100000000000000000000"},
    {'f', "int", "[\"0x1F\", 0, 16]", NULL, "31"},
    {'f', "int", "[\"ff\"]", "{\"base\": 16}", "255"},
    {'f', "int", "[\"777\"]", "{\"base\": 8}", "511"},
    {'f', "int", "[\"1_000\"]", NULL, "1000"},
    {'f', "int", "[\"12345678901234567890\"]", NULL, "12345678901234567890"},
    {'f', "int", "[null]", NULL, "0"},
    {'f', "int", "[true]", NULL, "1"},
    {'f', "int", "[\"1e3\"]", NULL, "1000"},
    {'f', "float", "[\"1.5\"]", NULL, "1.5"},
    {'f', "float", "[\" 1e3 \"]", NULL, "1000.0"},
    {'f', "float", "[\".5\"]", NULL, "0.5"},
    {'f', "float", "[\"x\"]", NULL, "0.0"},
    {'f', "float", "[\"x\", null]", NULL, "None"},
    {'f', "float", "[7]", NULL, "7.0"},
    {'f', "float", "[\"inf\"]", NULL, "inf"},
    {'f', "float", "[\"1_0.5\"]", NULL, "10.5"},
    {'f', "round", "[2.5]", NULL, "2.0"},
    {'f', "round", "[3.5]", NULL, "4.0"},
    {'f', "round", "[2.675, 2]", NULL, "2.67"},
    {'f', "round", "[42.55, 1, \"floor\"]", NULL, "42.5"},
    {'f', "round", "[42.51, 1, \"ceil\"]", NULL, "42.6"},
    {'f', "round", "[7]", NULL, "7"},
    {'f', "round", "[1250, -2]", NULL, "1200"},
    {'f', "round", "[1350, -2]", NULL, "1400"},
    {'f', "round", "[-15, -1]", NULL, "-20"},
    {'f', "round", "[1234.5, -2]", NULL, "1200.0"},
    {'f', "round", "[1e+300, 2]", NULL, "1e+300"},
    {'f', "filesizeformat", "[1]", NULL, "'1 Byte'"},
    {'f', "filesizeformat", "[0]", NULL, "'0 Bytes'"},
    {'f', "filesizeformat", "[999]", NULL, "'999 Bytes'"},
    {'f', "filesizeformat", "[1000]", NULL, "'1.0 kB'"},
    {'f', "filesizeformat", "[123456789]", NULL, "'123.5 MB'"},
    {'f', "filesizeformat", "[1024, true]", NULL, "'1.0 KiB'"},
    {'f', "filesizeformat", "[1e+26]", NULL, "'100.0 YB'"},
    {'f', "abs", "[\"x\"]", NULL, "!must be a number, not str"},
    {'f', "int", "[{\"undefined\": \"q\"}]", NULL, "!'q' is undefined"},
    {'f', "round", "[1, 0, \"up\"]", NULL, "!method must be common"},
    {'f', "round", "[\"x\"]", NULL, "!must be a number"},
};

static const jinja_row list_filters_rows[] = {
    {'f', "default", "[{\"undefined\": \"x\"}, \"d\"]", NULL, "'d'"},
    {'f', "default", "[{\"undefined\": \"x\"}]", NULL, "''"},
    {'f', "d", "[0, \"d\"]", NULL, "0"},
    {'f', "d", "[0, \"d\", true]", NULL, "'d'"},
    {'f', "default", "[null, \"d\"]", NULL, "None"},
    {'f', "default", "[\"\"]", "{\"default_value\": \"q\", \"boolean\": true}", "'q'"},
    {'f', "length", "[\"héé\"]", NULL, "3"},
    {'f', "length", "[[1, 2]]", NULL, "2"},
    {'f', "count", "[{\"a\": 1}]", NULL, "1"},
    {'f', "length", "[{\"undefined\": \"x\"}]", NULL, "0"},
    {'f', "first", "[[1, 2]]", NULL, "1"},
    {'f', "first", "[\"éa\"]", NULL, "'é'"},
    {'f', "last", "[[1, 2]]", NULL, "2"},
    {'f', "last", "[\"aé\"]", NULL, "'é'"},
    {'f', "first", "[{\"k\": 1}]", NULL, "'k'"},
    {'f', "list", "[\"aé\"]", NULL, "['a', 'é']"},
    {'f', "list", "[{\"a\": 1}]", NULL, "['a']"},
    {'f', "list", "[{\"undefined\": \"x\"}]", NULL, "[]"},
    {'f', "items", "[{\"a\": 1, \"b\": 2}]", NULL, "[('a', 1), ('b', 2)]"},
    {'f', "items", "[{\"undefined\": \"x\"}]", NULL, "[]"},
    {'f', "reverse", "[\"aéb\"]", NULL, "'béa'"},
    {'f', "reverse", "[[1, 2]]", NULL, "[2, 1]"},
    {'f', "join", "[[1, \"a\", null], \", \"]", NULL, "'1, a, None'"},
    {'f', "join", "[[\"a\", \"b\"]]", NULL, "'ab'"},
    {'f', "join",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"-\"]",
     "{\"attribute\": \"n\"}", "'b-A-a-B'"},
    {'f', "join", "[\"abc\", \".\"]", NULL, "'a.b.c'"},
    {'f', "sum", "[[1, 2.5]]", NULL, "3.5"},
    {'f', "sum",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"v\"]",
     NULL, "8"},
    {'f', "sum", "[[[1], [2]]]", "{\"start\": []}", "[1, 2]"},
    {'f', "batch", "[[1, 2, 3], 2]", NULL, "[[1, 2], [3]]"},
    {'f', "batch", "[[1, 2, 3], 2, \"x\"]", NULL, "[[1, 2], [3, 'x']]"},
    {'f', "slice", "[[1, 2, 3, 4, 5], 2]", NULL, "[[1, 2, 3], [4, 5]]"},
    {'f', "slice", "[[1, 2, 3, 4, 5], 3, \"-\"]", NULL, "[[1, 2], [3, 4], [5, '-']]"},
    {'f', "sort", "[[3, 1, 2]]", NULL, "[1, 2, 3]"},
    {'f', "sort", "[[\"b\", \"A\", \"a\", \"B\"]]", NULL, "['A', 'a', 'b', 'B']"},
    {'f', "sort", "[[\"b\", \"A\", \"a\", \"B\"], true, true]", NULL, "['b', 'a', 'B', 'A']"},
    {'f', "sort",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}]]",
     "{\"attribute\": \"v,n\"}",
     "[{'n': 'A', 'v': 1, 'o': {'x': 2}}, {'n': 'a', 'v': 2, 'o': {'x': 1}}, {'n': 'b', 'v': 2, "
     "'o': {'x': 1}}, {'n': 'B', 'v': 3}]"},
    {'f', "sort",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}]]",
     "{\"attribute\": \"n\", \"reverse\": true}",
     "[{'n': 'b', 'v': 2, 'o': {'x': 1}}, {'n': 'B', 'v': 3}, {'n': 'A', 'v': 1, 'o': {'x': 2}}, "
     "{'n': 'a', 'v': 2, 'o': {'x': 1}}]"},
    {'f', "sort",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}]]",
     "{\"attribute\": \"zz\"}",
     "[{'n': 'b', 'v': 2, 'o': {'x': 1}}, {'n': 'A', 'v': 1, 'o': {'x': 2}}, {'n': 'a', 'v': 2, "
     "'o': {'x': 1}}, {'n': 'B', 'v': 3}]"},
    {'f', "dictsort", "[{\"b\": 1, \"A\": 3, \"c\": 2}]", NULL, "[('A', 3), ('b', 1), ('c', 2)]"},
    {'f', "dictsort", "[{\"b\": 1, \"A\": 3, \"c\": 2}, true]", NULL,
     "[('A', 3), ('b', 1), ('c', 2)]"},
    {'f', "dictsort", "[{\"b\": 1, \"A\": 3, \"c\": 2}]", "{\"by\": \"value\", \"reverse\": true}",
     "[('A', 3), ('c', 2), ('b', 1)]"},
    {'f', "groupby",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"v\"]",
     NULL,
     "[(1, [{'n': 'A', 'v': 1, 'o': {'x': 2}}]), (2, [{'n': 'b', 'v': 2, 'o': {'x': 1}}, {'n': "
     "'a', 'v': 2, 'o': {'x': 1}}]), (3, [{'n': 'B', 'v': 3}])]"},
    {'f', "groupby",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"n\"]",
     NULL,
     "[('A', [{'n': 'A', 'v': 1, 'o': {'x': 2}}, {'n': 'a', 'v': 2, 'o': {'x': 1}}]), ('b', [{'n': "
     "'b', 'v': 2, 'o': {'x': 1}}, {'n': 'B', 'v': 3}])]"},
    {'f', "groupby",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"n\"]",
     "{\"case_sensitive\": true}",
     "[('A', [{'n': 'A', 'v': 1, 'o': {'x': 2}}]), ('B', [{'n': 'B', 'v': 3}]), ('a', [{'n': 'a', "
     "'v': 2, 'o': {'x': 1}}]), ('b', [{'n': 'b', 'v': 2, 'o': {'x': 1}}])]"},
    {'f', "groupby",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"o.x\"]",
     "{\"default\": 0}",
     "[(0, [{'n': 'B', 'v': 3}]), (1, [{'n': 'b', 'v': 2, 'o': {'x': 1}}, {'n': 'a', 'v': 2, 'o': "
     "{'x': 1}}]), (2, [{'n': 'A', 'v': 1, 'o': {'x': 2}}])]"},
    {'f', "unique", "[[\"a\", \"A\", \"b\", \"a\", 1, 1.0, true]]", NULL, "['a', 'b', 1]"},
    {'f', "unique", "[[\"a\", \"A\"], true]", NULL, "['a', 'A']"},
    {'f', "unique",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}]]",
     "{\"attribute\": \"v\"}",
     "[{'n': 'b', 'v': 2, 'o': {'x': 1}}, {'n': 'A', 'v': 1, 'o': {'x': 2}}, {'n': 'B', 'v': 3}]"},
    {'f', "max", "[[1, 3, 2]]", NULL, "3"},
    {'f', "min", "[[\"b\", \"A\"]]", NULL, "'A'"},
    {'f', "max", "[[\"b\", \"A\"], true]", NULL, "'b'"},
    {'f', "min",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}]]",
     "{\"attribute\": \"v\"}", "{'n': 'A', 'v': 1, 'o': {'x': 2}}"},
    {'f', "min", "[[2, 1]]", NULL, "1"},
    {'f', "length", "[5]", NULL, "!object of type 'int' has no len()"},
    {'f', "first", "[5]", NULL, "!'int' object is not iterable"},
    {'f', "sort", "[[1, \"a\"]]", NULL, "!not supported between instances"},
    {'f', "sum", "[[\"a\"]]", NULL, "!unsupported operand type(s) for +: 'int' and 'str'"},
    {'f', "batch", "[[1], 0]", NULL, "!must be positive"},
    {'f', "dictsort", "[{}]", "{\"by\": \"x\"}", "!You can only sort by"},
    {'f', "items", "[[1]]", NULL, "!from a mapping"},
    {'f', "unique", "[[[1]]]", NULL, "!unhashable type: 'list'"},
};

static const jinja_row choices_rows[] = {
    {'f', "map", "[[\"a\", \"b\"], \"upper\"]", NULL, "['A', 'B']"},
    {'f', "map", "[[\"ab\", \"b\"], \"replace\", \"b\", \"z\"]", NULL, "['az', 'z']"},
    {'f', "map",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}]]",
     "{\"attribute\": \"n\"}", "['b', 'A', 'a', 'B']"},
    {'f', "map",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}]]",
     "{\"attribute\": \"o.x\", \"default\": \"?\"}", "[1, 2, 1, '?']"},
    {'f', "map", "[[[1, 2], [3]]]", "{\"attribute\": 0}", "[1, 3]"},
    {'f', "map", "[[1, 2], \"string\"]", NULL, "['1', '2']"},
    {'f', "select", "[[0, 1, \"\", null, \"a\"]]", NULL, "[1, 'a']"},
    {'f', "reject", "[[0, 1, \"\"]]", NULL, "[0, '']"},
    {'f', "select", "[[1, 2, 3, 4], \"even\"]", NULL, "[2, 4]"},
    {'f', "reject", "[[1, 2, 3, 4], \"divisibleby\", 2]", NULL, "[1, 3]"},
    {'f', "selectattr",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"v\", \"equalto\", "
     "2]",
     NULL, "[{'n': 'b', 'v': 2, 'o': {'x': 1}}, {'n': 'a', 'v': 2, 'o': {'x': 1}}]"},
    {'f', "rejectattr",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"v\", \"gt\", 1]",
     NULL, "[{'n': 'A', 'v': 1, 'o': {'x': 2}}]"},
    {'f', "selectattr",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"o\"]",
     NULL,
     "[{'n': 'b', 'v': 2, 'o': {'x': 1}}, {'n': 'A', 'v': 1, 'o': {'x': 2}}, {'n': 'a', 'v': 2, "
     "'o': {'x': 1}}]"},
    {'f', "selectattr",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"o\", \"defined\"]",
     NULL,
     "[{'n': 'b', 'v': 2, 'o': {'x': 1}}, {'n': 'A', 'v': 1, 'o': {'x': 2}}, {'n': 'a', 'v': 2, "
     "'o': {'x': 1}}]"},
    {'f', "selectattr",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"n\", \"in\", "
     "[\"a\", \"b\"]]",
     NULL, "[{'n': 'b', 'v': 2, 'o': {'x': 1}}, {'n': 'a', 'v': 2, 'o': {'x': 1}}]"},
    {'f', "selectattr",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}], \"n\", \"string\"]",
     NULL,
     "[{'n': 'b', 'v': 2, 'o': {'x': 1}}, {'n': 'A', 'v': 1, 'o': {'x': 2}}, {'n': 'a', 'v': 2, "
     "'o': {'x': 1}}, {'n': 'B', 'v': 3}]"},
    {'f', "map", "[[1], \"nope\"]", NULL, "!No filter named 'nope'"},
    {'f', "select", "[[1], \"nope\"]", NULL, "!No test named 'nope'"},
    {'f', "map", "[[1]]", NULL, "!requires a filter argument"},
    {'f', "map", "[[1]]", "{\"attribute\": \"a\", \"foo\": 1}",
     "!Unexpected keyword argument 'foo'"},
    {'f', "selectattr",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}]]",
     NULL, "!Missing parameter"},
    {'f', "map",
     "[[{\"n\": \"b\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"A\", \"v\": 1, \"o\": {\"x\": 2}}, "
     "{\"n\": \"a\", \"v\": 2, \"o\": {\"x\": 1}}, {\"n\": \"B\", \"v\": 3}]]",
     "{\"attribute\": \"q.z\"}", "!has no attribute 'q'"},
};

static const jinja_row is_tests_rows[] = {
    {'t', "boolean", "[true]", NULL, "True"},
    {'t', "boolean", "[1]", NULL, "False"},
    {'t', "callable", "[\"a\"]", NULL, "False"},
    {'t', "defined", "[{\"undefined\": \"x\"}]", NULL, "False"},
    {'t', "defined", "[null]", NULL, "True"},
    {'t', "undefined", "[{\"undefined\": \"x\"}]", NULL, "True"},
    {'t', "divisibleby", "[9, 3]", NULL, "True"},
    {'t', "eq", "[1, 1.0]", NULL, "True"},
    {'t', "equalto", "[\"a\", \"b\"]", NULL, "False"},
    {'t', "==", "[1, 1]", NULL, "True"},
    {'t', "even", "[2]", NULL, "True"},
    {'t', "even", "[3]", NULL, "False"},
    {'t', "odd", "[3]", NULL, "True"},
    {'t', "odd", "[-1]", NULL, "True"},
    {'t', "false", "[false]", NULL, "True"},
    {'t', "false", "[0]", NULL, "False"},
    {'t', "true", "[true]", NULL, "True"},
    {'t', "true", "[1]", NULL, "False"},
    {'t', "filter", "[\"upper\"]", NULL, "True"},
    {'t', "filter", "[\"zzz\"]", NULL, "False"},
    {'t', "test", "[\"even\"]", NULL, "True"},
    {'t', "float", "[1.0]", NULL, "True"},
    {'t', "float", "[1]", NULL, "False"},
    {'t', "integer", "[1]", NULL, "True"},
    {'t', "integer", "[true]", NULL, "False"},
    {'t', "integer", "[1000000000000000000000000000000]", NULL, "True"},
    {'t', "number", "[true]", NULL, "True"},
    {'t', "number", "[\"1\"]", NULL, "False"},
    {'t', "ge", "[2, 2]", NULL, "True"},
    {'t', "gt", "[2, 2]", NULL, "False"},
    {'t', "greaterthan", "[3, 2]", NULL, "True"},
    {'t', "le", "[2, 2]", NULL, "True"},
    {'t', "lt", "[1, 2]", NULL, "True"},
    {'t', "lessthan", "[1, 2]", NULL, "True"},
    {'t', "ne", "[1, 2]", NULL, "True"},
    {'t', "in", "[1, [1]]", NULL, "True"},
    {'t', "in", "[\"a\", \"abc\"]", NULL, "True"},
    {'t', "iterable", "[\"a\"]", NULL, "True"},
    {'t', "iterable", "[1]", NULL, "False"},
    {'t', "iterable", "[{\"undefined\": \"x\"}]", NULL, "True"},
    {'t', "lower", "[\"abc\"]", NULL, "True"},
    {'t', "lower", "[\"aBc\"]", NULL, "False"},
    {'t', "upper", "[\"ABC\"]", NULL, "True"},
    {'t', "upper", "[\"1\"]", NULL, "False"},
    {'t', "mapping", "[{}]", NULL, "True"},
    {'t', "mapping", "[[]]", NULL, "False"},
    {'t', "none", "[null]", NULL, "True"},
    {'t', "none", "[{\"undefined\": \"x\"}]", NULL, "False"},
    {'t', "sameas", "[null, null]", NULL, "True"},
    {'t', "sameas", "[true, 1]", NULL, "False"},
    {'t', "sequence", "[[1]]", NULL, "True"},
    {'t', "sequence", "[\"a\"]", NULL, "True"},
    {'t', "sequence", "[{}]", NULL, "True"},
    {'t', "sequence", "[1]", NULL, "False"},
    {'t', "string", "[\"a\"]", NULL, "True"},
    {'t', "string", "[1]", NULL, "False"},
    {'t', "escaped", "[\"a\"]", NULL, "False"},
    {'t', "even", "[\"a\"]", NULL, "!not all arguments converted"},
    {'t', "divisibleby", "[1, 0]", NULL, "!division by zero"},
    {'t', "gt", "[1, \"a\"]", NULL, "!not supported"},
    {'t', "eq", "[1]", NULL, "!missing argument 'other'"},
};

static const jinja_row percents_rows[] = {
    {'o', "%", "[\"%s\", 1]", NULL, "'1'"},
    {'o', "%", "[\"%s %s\", {\"tuple\": [\"a\", null]}]", NULL, "'a None'"},
    {'o', "%", "[\"%r\", \"it's\"]", NULL, "'\"it\\'s\"'"},
    {'o', "%", "[\"%d\", 3.9]", NULL, "'3'"},
    {'o', "%", "[\"%d\", true]", NULL, "'1'"},
    {'o', "%", "[\"%05d\", -42]", NULL, "'-0042'"},
    {'o', "%", "[\"%+d\", 5]", NULL, "'+5'"},
    {'o', "%", "[\"% d\", 5]", NULL, "' 5'"},
    {'o', "%", "[\"%-5d|\", 5]", NULL, "'5    |'"},
    {'o', "%", "[\"%x\", 255]", NULL, "'ff'"},
    {'o', "%", "[\"%#X\", 255]", NULL, "'0XFF'"},
    {'o', "%", "[\"%o\", 8]", NULL, "'10'"},
    {'o', "%", "[\"%.2f\", 2.675]", NULL, "'2.67'"},
    {'o', "%", "[\"%8.3f|\", 3.14159]", NULL, "'   3.142|'"},
    {'o', "%", "[\"%-8.1f|\", 2.25]", NULL, "'2.2     |'"},
    {'o', "%", "[\"%08.2f\", -1.5]", NULL, "'-0001.50'"},
    {'o', "%", "[\"%e\", 12345.678]", NULL, "'1.234568e+04'"},
    {'o', "%", "[\"%.3g\", 1234567.0]", NULL, "'1.23e+06'"},
    {'o', "%", "[\"%g\", 0.0001]", NULL, "'0.0001'"},
    {'o', "%", "[\"%.0f\", 2.5]", NULL, "'2'"},
    {'o', "%", "[\"%c\", \"é\"]", NULL, "'é'"},
    {'o', "%", "[\"%c\", 65]", NULL, "'A'"},
    {'o', "%", "[\"%5s|\", \"é\"]", NULL, "'    é|'"},
    {'o', "%", "[\"%-5s|\", \"é\"]", NULL, "'é    |'"},
    {'o', "%", "[\"%.2s\", \"日本語\"]", NULL, "'日本'"},
    {'o', "%", "[\"%%\", {\"tuple\": []}]", NULL, "'%'"},
    {'o', "%", "[\"%d%%\", 50]", NULL, "'50%'"},
    {'o', "%", "[\"%(a)s %(b)03d\", {\"a\": \"x\", \"b\": 7}]", NULL, "'x 007'"},
    {'o', "%", "[\"%*d\", {\"tuple\": [5, 42]}]", NULL, "'   42'"},
    {'o', "%", "[\"%.3d\", 7]", NULL, "'007'"},
    {'o', "%", "[\"%d\", 100000000000000000000]", NULL, "'100000000000000000000'"},
    {'o', "%", "[\"%s\", [1, {\"tuple\": [2]}]]", NULL, "'[1, (2,)]'"},
    {'o', "%", "[\"x\", {}]", NULL, "'x'"},
    {'o', "%", "[\"%f\", 1e+300]", NULL,
     "'10000000000000000525047602552044202487044685811081591549158541155118024579889081957863713750"
     "804478640437044438328838781769425232353604305756447921847867069828483872009265758037378302337"
     "947880900593689532349707999450811190389676408800746527427801424945792587888200568428381156694"
     "72196386865459400540160.000000'"},
    {'o', "%", "[\"%d\", \"a\"]", NULL, "!a real number is required, not str"},
    {'o', "%", "[\"%s %s\", \"a\"]", NULL, "!not enough arguments"},
    {'o', "%", "[\"a\", 1]", NULL, "!not all arguments converted"},
    {'o', "%", "[\"%q\", 1]", NULL, "!unsupported format character 'q'"},
    {'o', "%", "[\"%\", 1]", NULL, "!incomplete format"},
    {'o', "%", "[\"%(a)s\", 1]", NULL, "!requires a mapping"},
    {'o', "%", "[\"%(a)s\", {}]", NULL, "!there is no key 'a'"},
    {'o', "%", "[\"%(a\", {}]", NULL, "!incomplete format key"},
    {'o', "%", "[\"%x\", 1.5]", NULL, "!an integer is required"},
    {'o', "%", "[\"%999999999d\", 1]", NULL, "!too large"},
};

#define ROWS_TEST(name)                                    \
    static void name(void **state) {                       \
        (void)state;                                       \
        assert_rows(name##_rows, WEIR_COUNT(name##_rows)); \
    }
ROWS_TEST(text_filters)
ROWS_TEST(json)
ROWS_TEST(markup)
ROWS_TEST(number_filters)
ROWS_TEST(list_filters)
ROWS_TEST(choices)
ROWS_TEST(is_tests)
ROWS_TEST(percents)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_filters),   cmocka_unit_test(json),         cmocka_unit_test(markup),
        cmocka_unit_test(number_filters), cmocka_unit_test(list_filters), cmocka_unit_test(choices),
        cmocka_unit_test(is_tests),       cmocka_unit_test(percents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
