/*
 * test_template_language.c: every statement and expression of the template language, and its white
 * space rules, as Jinja2 3.1 writes them in the environment of Hugging Face's transformers
 * (trim_blocks, lstrip_blocks, loop controls, sandboxed): the expected texts are its own.
 */
#include "template_render.h"

typedef struct row {
    const char *source, *expected;
} row;

static const char CONTEXT[] =
    "{\"a\": 1, \"b\": 2, \"s\": \"hi\", \"xs\": [1, 2, 3], \"ps\": [[1, [2, 3]], [4, [5, 6]]],"
    " \"d\": {\"k\": \"v\", \"items2\": [1]},"
    " \"tree\": [{\"n\": \"a\", \"c\": [{\"n\": \"b\", \"c\": []},"
    " {\"n\": \"c\", \"c\": [{\"n\": \"d\", \"c\": []}]}]}, {\"n\": \"e\", \"c\": []}],"
    " \"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}";

static void demand_rows(const row *rows, size_t n) {
    for (size_t i = 0; i < n; i++)
        demand_text(rows[i].source, CONTEXT, rows[i].expected);
}

#define DEMAND(rows) demand_rows(rows, sizeof rows / sizeof rows[0])

static const row WHITE_SPACE[] = {
    {"a{% if true %}\nb{% endif %}\nc", "abc"},
    {"{{ 1 }}\nx", "1\nx"},
    {"  {% if true %}  \n  y\n  {% endif %}  \nz", "  \n  y\n  \nz"},
    {"q  {% if true %}y{% endif %}\nz", "q  yz"},
    {"a\n  {%+ if true %}y{% endif %}", "a\n  y"},
    {"a\n  {%- if true -%}\n  y\n  {%- endif -%}\nb", "ayb"},
    {"a {{- 1 -}} b", "a1b"},
    {"a\n{# comment #}\nb {# c #}\nc\n  {#- x -#}\nd {#+ x +#}\ne", "a\nb cd \ne"},
    {"{% raw %}\n{{ x }} {% y %}\n{% endraw %}\nz", "\n{{ x }} {% y %}\nz"},
    {"a {%- raw -%}  {{ }} {%- endraw -%}  b", "a{{ }}b"},
    {"  {% raw %}  x{% endraw +%}\nz", "  x\nz"},
    {"{% if true +%}\nx\n{%- endif +%}\ny", "\nx\ny"},
    {"x{% set y = 1 %}\n\nz", "x\nz"},
    {"{%- set x = 1 -%}  \n  {{ x }}  \n  {%- if x %} y {%- endif %}  ", "1 y  "},
    {"{% set q = \"{{ x }}\" %}{{ q }}{{ '{#' }}", "{{ x }}{#"},
    {"{{ a }}{#\nmulti\n#}\n{{ b }}", "12"},
    {"{%set x=[1,2,3]%}{{x[0]}}{%-for i in x-%} {{i}} {%-endfor-%}", "1123"},
    {"{% for i in xs -%}\n  {{ i }}\n{%- endfor %}", "123"},
    {"{% for i in xs %}\n  {{ i }}\n{% endfor %}", "  1\n  2\n  3\n"},
    {"   {%- if a %}x{% endif %}", "x"},
    {"x  \n  {%- if a %}\n    y\n  {%- endif %}\n\nz", "x    y\nz"},
    {"{{ a -}}   \n   {{ b }}", "12"},
    {"{% if a %}\nx\n{% endif %}\n", "x\n"},
    {"a\n", "a"},
    {"a\n\n", "a\n"},
    {"a\r\nb\rc\r\n", "a\nb\nc"},
    {"\n", ""},
    {"{% if a %}\r\nx\r\n{% endif %}\r\n", "x\n"},
    {"\302\240{%- if a %}x{% endif %}", "x"},
    {"x\n\302\240{% if a %}y{% endif %}", "x\ny"},
    {"{{\302\240a\302\240}}", "1"},
    {"{{ a }}\n", "1"},
    {"{{ a }}\n\n", "1\n"},
    {"{% if a %}x{% endif %}\n", "x"},
    {"{% if a %}x{% endif %}\n\n", "x"},
    {"  {# c #}\nx", "x"},
    {"  {{ a }}\nx", "  1\nx"},
    {"\t{% if a %}\t{% endif %}\t\n", "\t\t"},
    {"{%- raw %}x{% endraw -%}\n y", "xy"},
    {"{#-#}x", "x"},
    {"{#--#}x", "x"},
    {"{#-#} x", " x"},
    {"{#--#} x", "x"},
    {"a {#+#} x", "a  x"},
};

static const row LOOPS[] = {
    {"{% for i in xs %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}", "1, 2, 3"},
    {"{% for i in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ "
     "loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ "
     "loop.depth }}{{ loop.depth0 }};{% endfor %}",
     "1032TrueFalse3210;2121FalseFalse31310;3210FalseTrue3210;"},
    {"{% for i in xs if i != 2 %}{{ i }}:{{ loop.length }}:{{ loop.last }}:{{ loop.nextitem }}:{{ "
     "loop.previtem }} {% endfor %}",
     "1:2:False:3: 3:2:True::1 "},
    {"{% for i in [] %}x{% else %}empty{% endfor %}", "empty"},
    {"{% for i in xs if i > 5 %}x{% else %}empty{% endfor %}", "empty"},
    {"{% for i in xs %}{% continue %}{% else %}else{% endfor %}", "else"},
    {"{% for i in xs %}{% break %}{% else %}else{% endfor %}", "else"},
    {"{% for i in xs %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% else %}else{% endfor %}",
     "1"},
    {"{% for i in xs %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% else %}else{% endfor %}",
     "23"},
    {"{% for x, (y, z) in ps %}{{ x }}{{ y }}{{ z }};{% endfor %}", "123;456;"},
    {"{% for (x, y) in ps %}{{ x }}{{ y }};{% endfor %}", "1[2, 3];4[5, 6];"},
    {"{% for n in tree recursive %}{{ loop.depth }}{{ n.n }}{% if n.c %}({{ loop(n.c) }}){% endif "
     "%}{% endfor %}",
     "1a(2b2c(3d))1e"},
    {"{% for n in tree recursive %}{{ loop.depth0 }}{{ n.n }}[{{ loop(n.c) }}]{% else %}none{% "
     "endfor %}",
     "0a[1b[none]1c[2d[none]]]0e[none]"},
    {"{% for i in xs %}{{ loop.cycle('a','b') }}{% endfor %}", "aba"},
    {"{% for i in [1,1,2,2,1] %}{{ loop.changed(i) }}{% endfor %}", "TrueFalseTrueFalseTrue"},
    {"{% for i in xs %}{% for j in xs %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
     "123112321233"},
    {"{% set x = 0 %}{% for i in xs %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}", "0102030"},
    {"{% set ns = namespace(x=1) %}{% for i in xs %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x "
     "}}",
     "7"},
    {"{% for i in xs %}{% set q %}a{% if i == 2 %}{% continue %}{% endif %}{% endset %}{{ q }}{{ i "
     "}}{% endfor %}",
     "a1a3"},
    {"{% for i in xs %}{% with z=i %}{% if z == 2 %}{% break %}{% endif %}{{ z }}{% endwith %}{% "
     "endfor %}",
     "1"},
    {"{% for k in d %}{{ k }}{% endfor %}", "kitems2"},
    {"{% for c in s %}{{ c }}.{% endfor %}", "h.i."},
    {"{% for c in nope %}{{ c }}.{% else %}e{% endfor %}", "e"},
    {"{% set ns = namespace(v=true) %}{% for i in xs if ns.v %}{{ i }}{% set ns.v = false %}{% "
     "endfor %}",
     "1"},
    {"{% set ns = namespace(v=true) %}{% for i in xs if ns.v %}{{ i }}{{ loop.last }}{% set ns.v = "
     "false %}{% endfor %}",
     "1False2True"},
    {"{% for x in xs if x > 1 recursive %}{{ x }}{% endfor %}", "23"},
    {"{% for x in (xs if a else []) %}{{ x }}{% endfor %}", "123"},
    {"{% for x in xs + [4] %}{{ x }}{% endfor %}", "1234"},
    {"{% for x in xs %}{% set xs = [] %}{{ xs }}{% endfor %}{{ xs }}", "[][][][1, 2, 3]"},
};

static const row SCOPES[] = {
    {"{% for i in xs %}{% if i == 1 %}{% macro m() %}{{ i }}{% endmacro %}{% endif %}{{ m() if m "
     "}}{% endfor %}",
     "1"},
    {"{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "2"},
    {"{% with x = 1, y = a %}{{ x }}{{ y }}{% set x = 4 %}{{ x }}{% endwith %}{{ x }}", "114"},
    {"{% with a = 5, b = a %}{{ b }}{% endwith %}", "1"},
    {"{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}", "1"},
    {"{% if a == 1 %}one{% elif a == 2 %}two{% else %}other{% endif %}{% if b == 1 %}one{% elif b "
     "== 2 %}two{% else %}other{% endif %}{% if 3 == 1 %}one{% elif 3 == 2 %}two{% else %}other{% "
     "endif %}",
     "onetwoother"},
    {"{% if a: %}x{% else: %}y{% endif %}", "x"},
    {"{% if a is defined and a is not none %}y{% endif %}", "y"},
    {"{% if false %}{{ a|nope }}{% endif %}ok", "ok"},
    {"{% if x %}{% elif a %}A{% endif %}", "A"},
    {"{% if x is defined %}{% set y = 1 %}{% else %}{% set y = 2 %}{% endif %}{{ y }}", "2"},
    {"a\013{% if a %}x{% endif %}", "a\013x"},
    {"\013{% if a %}x{% endif %}", "x"},
    {"{%+if a%}x{%endif%}", "x"},
};

static const row ASSIGNMENTS[] = {
    {"{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns.c }}", "12"},
    {"{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12"},
    {"{% set (a, b) = (1, 2) %}{{ a }}{{ b }}", "12"},
    {"{% set ns = namespace() %}{% set ns.a, b = 1, 2 %}{{ ns.a }}{{ b }}", "12"},
    {"{% set a = 1, 2 %}{{ a }}", "(1, 2)"},
    {"{% set x %}  block {{ a }} {% endset %}[{{ x }}]", "[  block 1 ]"},
    {"{% set x %}a{% set x = 1 %}{{ x }}{% endset %}[{{ x }}]", "[a1]"},
    {"{% set x = 1 if a == 1 else 2 %}{{ x }}", "1"},
    {"{{ \"}}\" }}{{ '%}' }}{% set q = '%}' %}{{ q }}", "}}%}%}"},
    {"é {{ 'é' }}{% set é = 1 %}{{ é }}", "é é1"},
    {"{% set x = cycler('a','b') %}{{ x.next() }}{{ x.next() }}{{ x.current }}", "aba"},
    {"{% set j = joiner(',') %}{{ j() }}{{ j() }}", ","},
    {"{% set xs = xs + [9] %}{{ xs }}", "[1, 2, 3, 9]"},
    {"{% set a %}{% endset %}[{{ a }}]", "[]"},
};

static const row MACROS[] = {
    {"{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=1, a=2) }}{{ "
     "m() }}",
     "1213212"},
    {"{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "11"},
    {"{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}",
     "1(2, 3){'x': 4}"},
    {"{% macro m(a) %}{{ a }}{{ kwargs }}{% endmacro %}{{ m(1, a=2) }}", "1{'a': 2}"},
    {"{% macro m(a, b) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ "
     "m.catch_varargs }}{{ m.caller }}",
     "m('a', 'b')FalseFalseFalse"},
    {"{% macro m() %}[{{ caller is defined }}]{% endmacro %}{{ a }}", "1"},
    {"{% macro m(caller) %}{% endmacro %}", ""},
    {"{% macro m() %}{{ x }}{% endmacro %}{% set x = 5 %}{{ m() }}", "5"},
    {"{% macro m() %}{% set x = 7 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}", "7"},
    {"{% for i in xs %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}{{ m }}", "123"},
    {"{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
     "54321"},
    {"{% macro m(a,b,c=3) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(*[1,2]) }}{{ m(*[1], **{'b': "
     "5, 'c': 6}) }}{{ m(1, c=2, *[7]) }}",
     "123156172"},
    {"{% macro outer() %}{% macro inner(x) %}<{{ x }}>{% endmacro %}{{ inner(1) }}{% endmacro %}{{ "
     "outer() }}{{ inner }}",
     "<1>"},
    {"{% macro m() %}{{ kwargs.a }}{% endmacro %}{{ m(a=3) }}", "3"},
    {"{% macro m() %}{{ varargs[0] }}{{ varargs|length }}{% endmacro %}{{ m(3, 4) }}", "32"},
};

#define MANY                           \
    "{% set d = {} %}{% set e = {} %}" \
    "{% for i in range(300) %}{% set _ = e.update({i ~ '': i}) %}{% endfor %}"

static const row CALLS[] = {
    {"{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body {{ a }}{% endcall %}",
     "[body 1]"},
    {"{% macro m(xs) %}{% for x in xs %}<{{ caller(x, loop.index) }}>{% endfor %}{% endmacro %}{% "
     "call(x, i) m(xs) %}{{ x }}/{{ i }}{% endcall %}",
     "<1/1><2/2><3/3>"},
    {"{% macro m(caller=none) %}[{{ caller() }}]{% endmacro %}{% call m() %}q{% endcall %}", "[q]"},
    /* what arguments do to a list or dict that is spread behind them comes too late */
    {MANY "{{ dict(a=d.update(e), **d) | length }},{{ d | length }}", "1,300"},
    {MANY "{% macro m() %}{{ varargs | length }},{{ kwargs | length }}{% endmacro %}"
          "{{ m(d.update(e), **d) }}",
     "1,0"},
    {MANY "{% set l = [] %}{% macro m() %}{{ varargs | length }}{% endmacro %}"
          "{{ m(l.extend(range(300)), *l) }}",
     "1"},
};

static const row FILTERS[] = {
    {"{% for i in xs %}{% filter join(1 // 0) %}{% break %}{% endfilter %}{% endfor %}x", "x"},
    {"{% for i in xs %}{% set q | join(1 // 0) %}{% continue %}{% endset %}{% endfor %}x", "x"},
    {"{{ xs[5] }}{{ d.q }}{{ d['q'] }}|", "|"},
    {"{% for i in xs %}{% filter upper %}a{{ i }}{% if i == 2 %}{% break %}{% endif %}{% endfilter "
     "%}{% endfor %}",
     "A1"},
    {"{{ 1 if a else nope|upper }}", "1"},
    {"{{ d.0 }}|{{ d.items2.0 }}", "|1"},
    {"{{ 5.5.x }}|", "|"},
    {"{{ 'q' if true else a|nope }}", "q"},
    {"{{ a|nope if false else 'z' }}", "z"},
    {"{% filter upper %}abc{{ s }}{% endfilter %}", "ABCHI"},
    {"{% filter upper|replace('A', 'x') %}abc{% endfilter %}", "xBC"},
    {"{% set x | upper | trim %} abc {% endset %}[{{ x }}]", "[ABC]"},
    {"{{ s|upper|lower }}{{ s | replace('h', 'j') }}{{ -1|abs }}{{ xs|join(', ') }}{{ (a + "
     "b)|string + 'x' }}",
     "hiji11, 2, 33x"},
    {"{{ none | map('upper') | list }}{{ 0 | select | list }}{{ '' | rejectattr('a') | list }}",
     "[][][]"},
};

static const row BLOCKS[] = {
    {"{% do xs %}x", "x"},
    {"{% print a, b %}", "12"},
    {"{% generation %}x{% set q = 1 %}{{ q }}{% endgeneration %}{{ q }}", "x1"},
    {"{% autoescape false %}{{ \"<\" }}{% endautoescape %}", "<"},
    {"{% block foo %}{{ a }}{% endblock %}", "1"},
    {"{% block foo %}{{ a }}{% endblock foo %}", "1"},
    {"{% set q = 3 %}{% for i in xs %}{% block foo scoped %}{{ i }}{{ q }}{% endblock %}{% endfor "
     "%}",
     "132333"},
    {"{% set q = 3 %}{% for i in xs %}{% block foo %}{{ i }}{{ q }}{% endblock %}{% endfor %}",
     "333"},
};

static const row OPERATORS[] = {
    {"{{ 3 < 2 < 5 }}{{ 1 > 2 > nope.x }}", "FalseFalse"},
    {"{{ 'a' + 'b' ~ 'c' * 2 }}", "abcc"},
    {"{{ 2 * 3 ~ 4 }}{{ (1 + 2) ~ 3 }}", "6433"},
    {"{{ 10 - 3 - 2 }}{{ 2 * 7 // 4 }}", "53"},
    {"{{ not 1 == 2 }}{{ -1 ** 2 }}{{ 2 ** -1 }}", "True10.5"},
    {"{{ 1 if 0 else 2 if 0 else 3 }}{{ (1 if 0) is defined }}", "3False"},
    {"{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 2 ** 3 ** 2 "
     "}} {{ -2 ** 2 }} {{ 2 ** -1 }}",
     "5.0 3 -4 1 2 64 4 0.5"},
    {"{{ dict(a=1, **{'b': 2}) }}", "{'a': 1, 'b': 2}"},
    {"{{ loop }}", ""},
    {"{{ a not in xs == false }}", "False"},
    {"{{ \"%s-%s\" % (1, 2) }}", "1-2"},
    {"{{ a ~ b }}{{ a ~ -b }}{{ a*b ~ b }}", "121-222"},
    {"", ""},
    {"{{+ a }}", "1"},
    {"{{{}}}", "{}"},
    {"{{{'a':1}}}", "{'a': 1}"},
};

static const row LITERALS[] = {
    {"{{ a if a else b }}{{ a if not a }}{{ 1 if false else 2 if false else 3 }}", "13"},
    {"{{ a and b }} {{ 0 or '' or none }} {{ not a }} {{ not not a }}", "2 None False True"},
    {"{{ [1, 'a', none, true, 1.0, [2], (3,), {'a': 1}] }}",
     "[1, 'a', None, True, 1.0, [2], (3,), {'a': 1}]"},
    {"{{ () }}{{ (1,) }}{{ (1) }}{{ 1, 2 }}{{ [1,2,] }}{{ {'a':1,} }}",
     "()(1,)1(1, 2)[1, 2]{'a': 1}"},
    {"{{ \"a\" 'b' \"c\" }}{{ 'it\\'s' }}{{ \"\\n\\t\\\\\\x41\\u00e9\\U0001F600\\101\\q\" }}",
     "abcit's\n\t\\Aé😀A\\q"},
    {"{{ 'line\nbreak' }}", "line\nbreak"},
    {"{{ 'a\\\nb' }}", "ab"},
    {"{{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1.5 }} {{ 1e3 }} {{ 1.5e-3 }} {{ 1_0.5 }} "
     "{{ 0 }} {{ 00 }}",
     "1000 31 5 15 1.5 1000.0 0.0015 10.5 0 0"},
    {"{{ True }}{{ true }}{{ False }}{{ None }}{{ none }}", "TrueTrueFalseNoneNone"},
    {"{{ {'a': {'b': {}}} }}", "{'a': {'b': {}}}"},
    {"{{ {'a': {'b': 1}}.a.b }}", "1"},
    {"{{ {'a': 1}['a'] }}{{ {1: 2}[1] }}", "12"},
    {"{{ 1.e5 }}", ""},
    {"{{ {} }}", "{}"},
    {"{{ '{{' }}{{ '}}' }}", "{{}}"},
};

static const row PARTS[] = {
    {"{{ 'a' ~ 1 ~ none ~ true ~ 1.5 }}", "a1NoneTrue1.5"},
    {"{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 }} {{ 'a' in 'abc' }} {{ 1 not in xs }} {{ not 1 "
     "in xs }} {{ 1 in xs and 2 in xs or false }}",
     "True False True True False False True"},
    {"{{ xs[0] }}{{ xs[-1] }}{{ xs[1:] }}{{ xs[:-1] }}{{ xs[::-1] }}{{ xs[::2] }}{{ s[1] }}{{ "
     "s[:1] }}{{ d['k'] }}{{ d.k }}{{ xs.0 }}{{ ps.0.1.1 }}",
     "13[2, 3][1, 2][3, 2, 1][1, 3]ihvv13"},
    {"{{ (a, b) == (1, 2) }}{{ [1] + [2] }}{{ 'a' * 3 }}{{ [1] * 2 }}", "True[1, 2]aaa[1, 1]"},
    {"{{ messages[0]['role'] + ': ' + messages[0].content }}", "user: x"},
    {"{{ xs[] }}", ""},
    {"{{ xs[0][0] }}", ""},
};

static const row TESTS[] = {
    {"{{ x is defined }} {{ a is defined }} {{ x is not defined }} {{ 4 is divisibleby 2 }} {{ 4 "
     "is divisibleby(3) }} {{ a is number and b is number }} {{ s is string }}",
     "False True True True False True True"},
    {"{{ 'x' if a }}{{ ('x' if not a) is defined }}", "xFalse"},
    {"{{ a in [1] }}{{ a is in [1] }}{{ a is eq 1 }}{{ a is sameas 1 }}", "TrueTrueTrueTrue"},
    {"{{ not a is defined }}{{ not a == 2 }}", "FalseTrue"},
    {"{{ \"a\" if a is none else \"b\" }}", "b"},
};

static void white_space(void **state) {
    (void)state;
    DEMAND(WHITE_SPACE);
}

static void loops(void **state) {
    (void)state;
    DEMAND(LOOPS);
}

static void scopes(void **state) {
    (void)state;
    DEMAND(SCOPES);
}

static void assignments(void **state) {
    (void)state;
    DEMAND(ASSIGNMENTS);
}

static void macros(void **state) {
    (void)state;
    DEMAND(MACROS);
}

static void calls(void **state) {
    (void)state;
    DEMAND(CALLS);
}

static void filters(void **state) {
    (void)state;
    DEMAND(FILTERS);
}

static void blocks(void **state) {
    (void)state;
    DEMAND(BLOCKS);
}

static void operators(void **state) {
    (void)state;
    DEMAND(OPERATORS);
}

static void literals(void **state) {
    (void)state;
    DEMAND(LITERALS);
}

static void parts(void **state) {
    (void)state;
    DEMAND(PARTS);
}

static void tests(void **state) {
    (void)state;
    DEMAND(TESTS);
}

/* Here Jinja2 writes "missing", a word from inside of it. */
static void macros_keep_their_names(void **state) {
    (void)state;
    demand_text(
        "{% set ns = namespace() %}"
        "{% with x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set ns.m = m %}{% endwith %}"
        "{% with y = 2 %}{{ ns.m() }}{% endwith %}",
        CONTEXT, "1");
}

int main(void) {
    const struct CMUnitTest all[] = {
        cmocka_unit_test(white_space), cmocka_unit_test(loops),
        cmocka_unit_test(scopes),      cmocka_unit_test(assignments),
        cmocka_unit_test(macros),      cmocka_unit_test(macros_keep_their_names),
        cmocka_unit_test(calls),       cmocka_unit_test(filters),
        cmocka_unit_test(blocks),      cmocka_unit_test(operators),
        cmocka_unit_test(literals),    cmocka_unit_test(parts),
        cmocka_unit_test(tests),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
