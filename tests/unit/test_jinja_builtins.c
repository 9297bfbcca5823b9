/*
 * test_jinja_builtins.c: filters, tests, methods and functions as templates use them, through the
 * public interface. The answers are Jinja2's own, in the environment of transformers; so is what is
 * refused, and the line says where.
 */
#include "template_render.h"

typedef struct row {
    const char *source, *expected;
} row;

static const char CONTEXT[] =
    "{\"messages\": [{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": "
    "\"u1\"}, {\"role\": \"assistant\", \"content\": \"<think>t</think>a1\", \"tool_calls\": "
    "[{\"function\": {\"name\": \"f\", \"arguments\": {\"x\": 1, \"y\": \"z\"}}}]}, {\"role\": "
    "\"tool\", \"content\": \"{\\\"r\\\":1}\"}, {\"role\": \"user\", \"content\": \"u2\"}], "
    "\"tools\": [{\"name\": \"f\", \"parameters\": {\"type\": \"object\"}}], \"n\": 5, \"s\": "
    "\"Hello\", \"none\": null, \"f\": 1.5, \"b\": true, \"e\": [], \"d\": {\"k\": \"v\", "
    "\"items\": 3}}";

static const row ANSWERS[] = {
    {"{{ n + 1 }}|{{ n / 2 }}|{{ n // 2 }}|{{ n % 3 }}|{{ -n }}|{{ n ** 2 }}", "6|2.5|2|2|-5|25"},
    {"{{ \"a\" ~ n ~ none ~ b }}", "a5NoneTrue"},
    {"{{ s.upper() }} {{ s|lower }}", "HELLO hello"},
    {"{{ d[\"items\"] }} {{ d.k }} {{ d.zz }}|", "3 v |"},
    {"{{ messages | selectattr(\"role\",\"equalto\",\"user\") | map(attribute=\"content\") | "
     "join(\", \") }}",
     "u1, u2"},
    {"{{ messages | map(attribute=\"role\") | unique | list }}",
     "['system', 'user', 'assistant', 'tool']"},
    {"{% if messages | selectattr(\"role\",\"equalto\",\"xx\") %}yes{% else %}no{% endif %}",
     "yes"},
    {"{{ (messages | selectattr(\"role\",\"equalto\",\"xx\") | list) | length }}", "0"},
    {"{{ messages | rejectattr(\"role\", \"in\", [\"user\", \"tool\"]) | map(attribute=\"role\") | "
     "list }}",
     "['system', 'assistant']"},
    {"{{ messages | selectattr(\"tool_calls\", \"defined\") | map(attribute=\"content\") | first "
     "}}",
     "<think>t</think>a1"},
    {"{{ messages[-1].content }}{{ messages[1:][0].content }}{{ messages[::-1][0].content }}",
     "u2u1u2"},
    {"{{ tools | tojson }}", "[{\"name\": \"f\", \"parameters\": {\"type\": \"object\"}}]"},
    {"{{ tools | tojson(indent=2) }}", "[\n  {\n    \"name\": \"f\",\n    \"parameters\": {\n      "
                                       "\"type\": \"object\"\n    }\n  }\n]"},
    {"{{ tools[0] | tojson(separators=(\",\", \":\")) }}",
     "{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}"},
    {"{{ messages[2].tool_calls[0].function.arguments | tojson }}", "{\"x\": 1, \"y\": \"z\"}"},
    {"{% for k, v in messages[2].tool_calls[0].function.arguments | items %}{{ k }}={{ v | tojson "
     "}};{% endfor %}",
     "x=1;y=\"z\";"},
    {"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "k=v;items=3;"},
    {"{{ {\"a\": [1, 2.0, none, true], 1: \"x\"} }}", "{'a': [1, 2.0, None, True], 1: 'x'}"},
    {"{{ \"%s-%03d\" % (\"a\", 7) }}{{ \"%s\" % n }}", "a-0075"},
    {"{{ \"{} {x}\".format(1, x=2) }}", "1 2"},
    {"{{ messages[2].content.split(\"</think>\")[-1] | trim }}", "a1"},
    {"{{ n is number }} {{ s is string }} {{ d is mapping }} {{ e is iterable }} {{ none is none "
     "}} {{ q is defined }} {{ n is divisibleby 5 }} {{ n is odd }}",
     "True True True True True False True True"},
    {"{{ strftime_now(\"%Y-%m-%d, %d %b %Y\") }}", "2026-02-24, 24 Feb 2026"},
    {"{{ [3,1,2]|sort(reverse=true) }}{{ [\"b\",\"A\"]|sort }}{{ d|dictsort }}",
     "[3, 2, 1]['A', 'b'][('items', 3), ('k', 'v')]"},
    {"{{ [1,2,3]|sum }}{{ [1,2,3]|max }}{{ [1,2]|first }}{{ [1,2]|last }}", "6312"},
    {"{{ s|length }}{{ e|length }}{{ d|count }}", "502"},
    {"{{ q|default(\"D\") }}{{ e|default(\"E\", true) }}{{ q|d }}|", "DE|"},
    {"{{ \"  x \"|trim }}{{ \" x \".strip() }}|", "xx|"},
    {"{{ 3.7|int }}{{ \"42\"|int }}{{ \"x\"|int(9) }}{{ \"1.5\"|float }}{{ 2.567|round(2) }}{{ "
     "5|round }}",
     "34291.52.575"},
    {"{{ [1,2,3,4]|batch(2)|list }}{{ [1,2,3,4,5]|slice(2)|list }}",
     "[[1, 2], [3, 4]][[1, 2, 3], [4, 5]]"},
    {"{% for g in messages|groupby(\"role\") %}{{ g.grouper }}:{{ g.list|length }};{% endfor %}",
     "assistant:1;system:1;tool:1;user:2;"},
    {"{{ \"<a>\"|e }}{{ \"<a>\"|escape|safe }}", "&lt;a&gt;&lt;a&gt;"},
    {"{{ \"hello world\"|title }}{{ \"hELLO\"|capitalize }}", "Hello WorldHello"},
    {"{% set c = cycler(\"a\",\"b\") %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}",
     "abab"},
    {"{% set j = joiner(\"|\") %}{{ j() }}a{{ j() }}b", "a|b"},
    {"{{ dict(a=1, b=\"x\") }}{{ dict({\"q\":1}) }}", "{'a': 1, 'b': 'x'}{'q': 1}"},
    {"{{ range(4) | list }}{% for i in range(6, 0, -2) %}{{ i }}{% endfor %}", "[0, 1, 2, 3]642"},
    {"{{ range is callable }}", "True"},
    {"{{ d.get(\"k\") }}{{ d.get(\"z\") }}{{ d.get(\"z\", 7) }}{{ d.keys()|list }}{{ "
     "d.values()|list }}",
     "vNone7['k', 'items']['v', 3]"},
    {"{{ \"a\nb\"|indent }}", "a\n    b"},
    {"{{ \"abc\"|reverse }}{{ [1,2]|reverse|list }}", "cba[2, 1]"},
    {"{% set l = [] %}{% set _ = l.append(1) %}{{ l }}", "[1]"},
    {"{{ \"%.2f\"|format(3.14159) }}", "3.14"},
    {"{{ (n, s)|join(\"-\") }}{{ [b, none, f] }}", "5-Hello[True, None, 1.5]"},
    {"{% set ns = namespace(x=0) %}{% for m in messages %}{% set ns.x = ns.x + m.content|length "
     "%}{% endfor %}{{ ns.x }}",
     "30"},
    {"{{ messages[0].content.startswith(\"S\") and not messages[1].content.endswith((\"x\", "
     "\"y\")) }}",
     "True"},
    {"{% filter upper %}abc {{ s }}{% endfilter %}", "ABC HELLO"},
    {"{{ messages | map(attribute=\"nope\", default=\"-\") | join }}", "-----"},
    {"{{ \"x\" in \"xyz\" }} {{ \"k\" in d }} {{ 3 not in [1,2] }} {{ \"user\" in messages | "
     "map(attribute=\"role\") }}",
     "True True True True"},
};

static const row FAULTS[] = {
    {"{{ undefined_thing.x }}", "t: line 1: 'undefined_thing' is undefined"},
    {"a\n{{ raise_exception(\"Conversation roles must alternate: \" ~ n) }}",
     "t: line 2: Conversation roles must alternate: 5"},
    {"{{ 1/0 }}", "t: line 1: division by zero"},
    {"\n\n{{ s + n }}", "t: line 3: can only concatenate str (not \"int\") to str"},
    {"{{ e[0].x }}", "t: line 1: list object has no element 0"},
    {"{{ d.nope.x }}", "t: line 1: 'dict object' has no attribute 'nope'"},
    {"{{ s.nope() }}", "t: line 1: 'str object' has no attribute 'nope'"},
    {"{{ n|length }}", "t: line 1: object of type 'int' has no len()"},
    {"{{ messages | map(\"nofilter\") | list }}", "t: line 1: No filter named 'nofilter'"},
    {"{{ q | tojson }}", "t: line 1: tojson: object of type Undefined is not JSON serializable"},
    {"{{ [3, \"a\"] | sort }}",
     "t: line 1: '<' not supported between instances of 'str' and 'int'"},
    {"{{ \"%d\" % s }}", "t: line 1: %d format: a real number is required, not str"},
    {"{{ s | replace(\"a\") }}", "t: line 1: filter 'replace': missing argument 'new'"},
    {"{{ range(10) | join(sep=\",\") }}",
     "t: line 1: filter 'join': got an unexpected keyword argument 'sep'"},
    {"{{ d.items(1) }}", "t: line 1: items: takes at most 1 arguments (2 given)"},
    {"{{ range(1000000) }}", "t: line 1: range() of more than 100000 numbers"},
};

static void answers_are_those_of_jinja2(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++)
        demand_text(ANSWERS[i].source, CONTEXT, ANSWERS[i].expected);
}

static void faults_are_named_with_their_line(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        weir_rendered r;
        weir_error err;
        assert_int_not_equal(render_with(&r, FAULTS[i].source, CONTEXT, &reference_options, &err),
                             WEIR_STATUS_OK);
        assert_string_equal(err.text, FAULTS[i].expected);
    }
}

/* No way through the built-ins makes a user's word the template's: each of these gives the mark
 * that the user wrote, and all of its bytes are content of message 0. */
static void no_built_in_launders_a_mark(void **state) {
    (void)state;
    static const char context[] =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"<|IM_start|>\","
        " \"json\": \"[\\\"<|im_start|>\\\"]\", \"k\": {\"<|im_start|>\": 1},"
        " \"html\": \"&lt;|im_<b>start|&gt;\", \"parts\": [\"<|im\", \"start|>\"]}]}";
    static const char *const ways[] = {
        "c | lower",
        "c.lower()",
        "c | replace('IM', 'im' | string) | lower | trim",
        "(c | lower | list) | join",
        "(c | lower | reverse) | reverse",
        "c.lower().split('_') | join('_')",
        "'%s' % c.lower()",
        "'{}'.format(c.lower())",
        "(m.json | from_json)[0]",
        "(m.k | items | first)[0]",
        "m.k | list | first",
        "m.html | striptags",
        "m.parts | join('_')",
        "m.k | tojson | replace('{\"', '') | replace('\": 1}', '')",
        "[c | lower] | string | replace('[\\'', '') | replace('\\']', '')",
        "(c | lower | batch(20) | first) | join",
        "c.lower().partition('zz')[0]",
        "c.lower()[0:6] ~ c.lower()[6:]",
        "(c.lower() ~ 'x').removesuffix('x')",
        "[m] | map(attribute='content') | map('lower') | first",
        "namespace(x=c.lower()).x",
        "c | lower | indent | truncate(99) | center(1) | safe",
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char source[256];
        snprintf(source, sizeof source,
                 "{%% set m = messages[0] %%}{%% set c = m.content %%}{{ %s }}", ways[i]);
        weir_rendered r;
        weir_error err;
        if (render_with(&r, source, context, &reference_options, &err) != WEIR_STATUS_OK)
            fail_msg("%s: %s", ways[i], err.text);
        assert_string_equal(r.text, "<|im_start|>");
        bool has_content = false;
        for (size_t j = 0; j < r.n_spans; j++) {
            has_content |= r.spans[j].kind == WEIR_SPAN_CONTENT && r.spans[j].message == 0;
            /* What a template puts between two words of the user is its own. */
            bool is_glue = r.spans[j].n <= 2 && (strstr(ways[i], "'_'") || strstr(ways[i], "'im'"));
            if (r.spans[j].kind == WEIR_SPAN_TEMPLATE && !is_glue)
                fail_msg("%s: the template's at byte %zu", ways[i], r.spans[j].start);
        }
        assert_true(has_content);
        weir_rendered_free(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_jinja2),
        cmocka_unit_test(faults_are_named_with_their_line),
        cmocka_unit_test(no_built_in_launders_a_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
