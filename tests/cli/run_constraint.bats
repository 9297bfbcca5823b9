#!/usr/bin/env bats
# run_constraint.bats: answers that have to be something: whatever the model would say, what comes
# out is that, and what cannot be enforced is refused before weights are read.

load common

setup() {
    nano=$WEIR_SOURCE/models/weir-nano.gguf
    XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
    export XDG_DATA_HOME
    schema='{"type": "object", "properties": {"name": {"type": "string", "maxLength": 12},
             "age": {"type": "integer", "minimum": 0, "maximum": 120},
             "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3}},
             "required": ["name", "age", "tags"], "additionalProperties": false}'
}

ask() { # seed, arguments
    weir run "$nano" "Tell me about Lily." --ctx 512 --threads 1 --temperature 1 --seed "$@"
}

@test "--json-schema: every answer is what the schema allows" {
    command -v jq >/dev/null || skip "jq is not installed"
    for seed in 1 2 3 4 5; do
        ask "$seed" --json-schema "$schema" --max-tokens 200
        exits_with 0
        jq -e '(keys == ["age", "name", "tags"]) and (.age | . >= 0 and . <= 120 and . == floor)
               and (.name | length <= 12) and (.tags | length <= 3)
               and (.tags - ["a", "b"] == [])' <"$out" >/dev/null || explain
    done
}

@test "--json-schema from a file; a file that is not there" {
    echo '{"const": [1, "two"]}' >"$BATS_TEST_TMPDIR/schema.json"
    ask 1 --json-schema "$BATS_TEST_TMPDIR/schema.json"
    exits_with 0
    [ "$(tr -d ' \n' <"$out")" = '[1,"two"]' ] || explain
    ask 1 --json-schema "$BATS_TEST_TMPDIR/nowhere.json"
    refuses_with 5 nowhere.json
}

@test "--regex, --choice, --grammar" {
    ask 1 --regex '[a-f]{3}-[0-9]{2}'
    exits_with 0
    grep -q -x -E '[a-f]{3}-[0-9]{2}' "$out" || explain
    ask 2 --choice yes --choice no --choice 'not sure'
    exits_with 0
    grep -q -x -E 'yes|no|not sure' "$out" || explain
    printf 'root ::= item ("," item){2}\nitem ::= [0-9]+ "%%"\n' >"$BATS_TEST_TMPDIR/list.gbnf"
    ask 3 --grammar "$BATS_TEST_TMPDIR/list.gbnf" --max-tokens 60
    exits_with 0
    grep -q -x -E '[0-9]+%(,[0-9]+%){2}' "$out" || grep -q "only its beginning" "$err" || explain
}

@test "an answer that is cut off is told to be only a beginning" {
    ask 1 --json-schema '{"type": "array", "items": {"type": "integer"}, "minItems": 100}' \
        --max-tokens 8
    exits_with 0
    grep -q "only its beginning" "$err" || explain
}

@test "what cannot be enforced is refused, with its place" {
    ask 1 --json-schema '{"properties": {"a": {"not": {"type": "string"}}}}'
    refuses_with 3 '#/properties/a/not'
    ask 1 --json-schema '{"type": "strnig"}'
    refuses_with 2 '#/type'
    ask 1 --json-schema '{"type": '
    refuses_with 2 json-schema
    ask 1 --regex '(?=x)y'
    refuses_with 3 --regex
    printf 'root ::= nothing\n' >"$BATS_TEST_TMPDIR/bad.gbnf"
    ask 1 --grammar "$BATS_TEST_TMPDIR/bad.gbnf"
    refuses_with 2 bad.gbnf
}

@test "flags that do not go together" {
    ask 1 --regex a --choice b
    refuses_with 2 "--regex and --choice exclude each other"
    weir run "$nano" --tokens 1,2 --regex a
    refuses_with 2 "--regex is for text"
    echo '[]' >"$BATS_TEST_TMPDIR/tools.json"
    ask 1 --regex a --tools "$BATS_TEST_TMPDIR/tools.json"
    refuses_with 2 "--regex and --tools exclude each other"
}
