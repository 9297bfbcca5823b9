#!/usr/bin/env bats
# selftest.bats: the comparison with reference data, as a user calls it.

load common

@test "one golden case holds on both devices" {
    for backend in cpu reference; do
        weir selftest golden "$WEIR_TEST_DATA/golden/dense_tiny" --backend $backend
        exits_with 0
        tail -n 1 "$out" | grep -q -E '^[1-9][0-9]* passed, 0 failed$' || explain
    done
}

@test "gradients of both cases hold on both devices" {
    for backend in cpu reference; do
        weir selftest gradients "$WEIR_TEST_DATA/golden" --backend $backend
        exits_with 0
        tail -n 1 "$out" | grep -q -E '^[1-9][0-9]* passed, 0 failed$' || explain
        for case in grad_dense grad_moe; do
            grep -q "^PASS $case $backend .*embed_tokens.weight: " "$out" || explain
            grep -q "^PASS $case $backend .*token_loss: " "$out" || explain
        done
    done
}

@test "gradients: a wrong weight is found, and a case without gradients refused" {
    cp -r "$WEIR_TEST_DATA/golden/grad_moe" "$BATS_TEST_TMPDIR/case"
    chmod -R u+w "$BATS_TEST_TMPDIR/case"
    size=$(stat -c %s "$BATS_TEST_TMPDIR/case/model.safetensors")
    printf '\000\000\200\077' | dd of="$BATS_TEST_TMPDIR/case/model.safetensors" bs=4 \
        seek=$((size / 8)) conv=notrunc 2>/dev/null
    weir selftest gradients "$BATS_TEST_TMPDIR/case" --failures
    exits_with 1
    grep -q '^FAIL' "$out" || explain
    weir selftest gradients "$WEIR_TEST_DATA/golden/dense_tiny"
    refuses_with 3 "grad_f64.safetensors"
}

@test "a folder without reference data is refused" {
    weir selftest golden "$BATS_TEST_TMPDIR"
    exits_with 3
    [ "$(wc -l <"$err")" -eq 1 ] || explain
}

@test "a set without cases does not pass" {
    echo '[]' >"$BATS_TEST_TMPDIR/index.json"
    weir selftest golden "$BATS_TEST_TMPDIR"
    exits_with 3
    grep -q 'names no case' "$err" || explain
}

@test "a wrong weight is found" {
    cp -r "$WEIR_TEST_DATA/golden/dense_tiny" "$BATS_TEST_TMPDIR/case"
    chmod -R u+w "$BATS_TEST_TMPDIR/case"
    size=$(stat -c %s "$BATS_TEST_TMPDIR/case/model.safetensors")
    printf '\000\000\200\077' | dd of="$BATS_TEST_TMPDIR/case/model.safetensors" bs=4 \
        seek=$((size / 8)) conv=notrunc 2>/dev/null
    weir selftest golden "$BATS_TEST_TMPDIR/case" --failures
    exits_with 1
    grep -q '^FAIL' "$out" || explain
}

@test "what no case could do is a fault of the usage" {
    weir selftest golden "$WEIR_TEST_DATA/golden/dense_tiny" --isa abacus
    refuses_with 2 "--isa"
    weir selftest golden "$WEIR_TEST_DATA/golden/dense_tiny" --backend abacus
    refuses_with 2 "--backend"
    other=neon
    [ "$(uname -m)" != aarch64 ] || other=avx2
    weir selftest golden "$WEIR_TEST_DATA/golden/dense_tiny" --isa $other
    refuses_with 2 "does not support it"
}

# ---- texts, templates, calls ----

tokenizer=$WEIR_TEST_DATA/tokenizer/mini/tokenizer.json
templates=$WEIR_TEST_DATA/templates

# All cases hold, and there are this many.
all_hold() {
    exits_with 0
    [ "$(tail -n 1 "$out")" = "$1 passed, 0 failed" ] || explain
    [ "$(grep -c '^PASS' "$out")" -eq "$1" ] || explain
}

setup() {
    cases=$BATS_TEST_TMPDIR/cases.jsonl
}

# One case a line of standard input.
write_cases() {
    cat >"$cases"
}

# The last line, and the lines before it that begin so.
counts() { # last line, FAIL lines
    [ "$(tail -n 1 "$out")" = "$1" ] || explain
    [ "$(grep -c '^FAIL' "$out" || :)" -eq "$2" ] || explain
}

@test "tokenizer: all cases that ship" {
    cases=$WEIR_TEST_DATA/tokenizer/mini/cases.jsonl
    weir selftest tokenizer "$tokenizer" "$cases"
    all_hold "$(grep -c . "$cases")"
    weir selftest tokenizer "$(dirname "$tokenizer")" "$cases" --failures
    exits_with 0
    [ "$(wc -l <"$out")" -eq 1 ] || explain
}

@test "pretokenizer: all cases that ship" {
    cases=$WEIR_TEST_DATA/tokenizer/lfm2/pretoken_cases.jsonl
    weir selftest pretokenizer "$cases"
    all_hold "$(grep -c . "$cases")"
}

@test "templates: all cases that ship" {
    weir selftest templates "$templates" "$templates/cases.jsonl"
    all_hold "$(grep -c . "$templates/cases.jsonl")"
}

@test "toolcalls: all cases that ship but optional ones, which are listed" {
    weir selftest toolcalls "$templates/toolcall_cases.jsonl"
    exits_with 0
    [ "$(grep -c '^OPT  .*: differs: ' "$out")" -le 2 ] || explain
    n_needed=$(grep -c -v '"level": "optional"' "$templates/toolcall_cases.jsonl")
    [ "$(grep -c '^PASS' "$out")" -ge "$n_needed" ] || explain
    tail -n 1 "$out" | grep -q -E '^[0-9]+ passed, 0 failed$' || explain
}

@test "tokenizer: members may be missing, and every wrong one is found" {
    write_cases <<'EOF'
{"text": ",", "ids": [521]}

{"text": ",", "ids_plain": [521], "source": "somewhere"}
{"text": ",", "ids": [1, 521], "add_bos": true}
{"text": ", ", "ids": [521, 730], "decode_only": true, "pieces": [",", " "]}
{"text": "no ids here"}
EOF
    weir selftest tokenizer "$tokenizer" "$cases"
    exits_with 0
    counts "4 passed, 0 failed, 1 skipped" 0
    grep -q '^SKIP cases.jsonl:6: names neither ids nor pieces$' "$out" || explain
    write_cases <<'EOF'
{"text": ",", "ids": [522], "cat": "wrong id"}
{"text": ",", "ids": [521, 730]}
{"text": "<|im_end|>", "ids": [7], "ids_plain": [7]}
{"text": ",", "ids": [523], "decode_only": true}
{"text": ",", "ids": [4096], "decode_only": true}
{"text": ",", "ids": [-1]}
{"text": ",", "ids": [1e12]}
{"text": ", a", "ids": [521], "decode_only": true, "pieces": [", a"]}
{"text": ",", "ids": [521], "add_bos": true}
{"text": ",", "ids": [521]}
EOF
    weir selftest tokenizer "$tokenizer" "$cases" --failures
    exits_with 1
    counts "1 passed, 9 failed" 9
    grep -q '^FAIL cases.jsonl:1 wrong id: ids: id 1 of 1: got 521, expected 522$' "$out" || explain
    ! grep -q '^PASS' "$out" || explain
}

@test "--json: every line is an object" {
    command -v jq >/dev/null || skip "jq is not installed"
    write_cases <<'EOF'
{"text": ",", "ids": [521]}
{"text": ",", "ids": [522], "name": "quote \" in it"}
{"text": "none"}
EOF
    weir selftest tokenizer "$tokenizer" "$cases" --json
    exits_with 1
    jq -e -s 'map(.result) == ["PASS", "FAIL", "SKIP", null]
        and .[3] == {"passed": 1, "failed": 1, "skipped": 1, "optional": 0}
        and (.[1].text | startswith("cases.jsonl:2 quote \" in it: ids"))' "$out" || explain
    weir selftest golden "$WEIR_TEST_DATA/golden/dense_tiny" --json
    exits_with 0
    jq -e -s 'map(.result) | index("note") != null and index("FAIL") == null' "$out" || explain
}

@test "pretokenizer: wrong pieces are found" {
    write_cases <<'EOF'
{"text": "a b", "pieces": ["a", " b"]}
{"text": "a b", "pieces": ["a ", "b"]}
{"text": "a b", "pieces": ["a"]}
{"text": "a b", "pieces": ["a", " b", "c"]}
{"text": "", "pieces": []}
{"text": "none"}
EOF
    weir selftest pretokenizer "$cases"
    exits_with 1
    counts "2 passed, 3 failed, 1 skipped" 3
}

@test "templates: a wrong output and a missing template are found" {
    printf '{{ bos_token }}{{ x | tojson }} {{ strftime_now("%%Y-%%m-%%d") }}' \
        >"$BATS_TEST_TMPDIR/t.jinja"
    write_cases <<'EOF'
{"template": "t.jinja", "name": "good", "input": {"x": [1.0, 12345678901234567890123]}, "output": "<|startoftext|>[1.0, 12345678901234567890123] 2026-02-24"}
{"template": "t.jinja", "name": "own", "input": {"x": "input", "bos_token": "B"}, "output": "B\"input\" 2026-02-24"}
{"template": "t.jinja", "name": "bad", "input": {"x": 1}, "output": "<|startoftext|>2 2026-02-24"}
{"template": "none.jinja", "name": "missing", "input": {}, "output": ""}
EOF
    weir selftest templates "$BATS_TEST_TMPDIR" "$cases"
    exits_with 1
    counts "2 passed, 2 failed" 2
    grep -q '^FAIL cases.jsonl:3 t.jinja bad: output: from byte 7 on got "oftext|>1 ' "$out" || explain
    weir selftest templates "$BATS_TEST_TMPDIR/none" "$cases"
    refuses_with 3 "expected a folder"
}

@test "toolcalls: numbers compare by value, objects in any order, and all else must be equal" {
    call='<|tool_call_start|>[f(a=1000.0, b={\"x\": 1, \"y\": [True]})]<|tool_call_end|>'
    case_of() { # level, arguments
        printf '{"name": "%s", "text": "%s", "level": "%s", "expected": {"tool_calls": [%s]}}\n' \
            "$2" "$call" "$1" "{\"name\": \"$2\", \"arguments\": $3}"
    }
    {
        case_of must f '{"b": {"y": [true], "x": 1}, "a": 1e3}'
        case_of must f '{"a": 1000, "b": {"x": 1.0, "y": [true]}}'
        case_of must f '{"a": 1001, "b": {"x": 1, "y": [true]}}'
        case_of must f '{"a": 1000, "b": {"x": 2, "y": [true]}}'
        case_of should f '{"a": 1000, "b": {"x": 1, "y": [1]}}'
        case_of recover f '{"a": 1000, "b": {"x": 1}}'
        case_of recover g '{"a": 1000, "b": {"x": 1, "y": [true]}}'
        case_of optional f '{}'
        echo '{"text": "<think>a</think>b", "expected": {"content": "b", "reasoning": "a"}}'
        echo '{"text": "<think>a</think>b", "expected": {"content": "b"}}'
        echo '{"text": "a", "expected": {"content": "a "}}'
    } | write_cases
    weir selftest toolcalls "$cases"
    exits_with 1
    counts "3 passed, 7 failed" 7
    grep -q '^OPT  cases.jsonl:8 f: differs: tool_calls' "$out" || explain
}

@test "toolcalls: declared tools in their three forms" {
    for tools in '["f"]' '[{"name": "f"}]' '[{"type": "function", "function": {"name": "f"}}]'; do
        echo "{\"text\": \"[f(a=1)]\", \"tools\": $tools, \"expected\":
            {\"tool_calls\": [{\"name\": \"f\", \"arguments\": {\"a\": 1}}]}}" | tr '\n' ' '
        echo
    done | write_cases
    weir selftest toolcalls "$cases"
    all_hold 3
}

@test "a line that is no case is named" {
    write_cases <<'EOF'
{"text": ",", "ids": [521], "pieces": [","]}
{"text": ",", "ids": [521]
EOF
    for form in "tokenizer $tokenizer" pretokenizer "templates $templates" toolcalls; do
        # shellcheck disable=SC2086
        weir selftest $form "$cases"
        exits_with 3
        [ "$(wc -l <"$err")" -eq 1 ] || explain
        grep -q -E "cases.jsonl:(1|2):" "$err" || explain
    done
    for line in '[]' '{"ids": [1]}' '{"text": 1, "ids": [1]}' '{"text": "a", "ids": ["a"]}' \
        '{"text": "a", "ids": [1.5]}' '{"text": "a", "ids": 1}' '{"text": "a", "pieces": [1]}'; do
        echo "$line" | write_cases
        weir selftest tokenizer "$tokenizer" "$cases"
        refuses_with 3 "cases.jsonl:1: expected"
    done
    for line in '{"text": "a"}' '{"text": "a", "expected": {"content": 1}}' \
        '{"text": "a", "expected": {}, "level": "maybe"}' \
        '{"text": "a", "expected": {"tool_calls": [{"name": "f"}]}}' \
        '{"text": "a", "expected": {}, "tools": [1]}' '{"text": "a", "expected": {}, "tools": {}}'; do
        echo "$line" | write_cases
        weir selftest toolcalls "$cases"
        refuses_with 3 "cases.jsonl:1: expected"
    done
    for line in '{"template": "a", "output": ""}' '{"template": "a", "input": {}}' \
        '{"template": "a", "input": [], "output": ""}'; do
        echo "$line" | write_cases
        weir selftest templates "$templates" "$cases"
        refuses_with 3 "cases.jsonl:1: expected"
    done
}

@test "no case is no pass" {
    echo | write_cases
    for form in "tokenizer $tokenizer" pretokenizer "templates $templates" toolcalls; do
        # shellcheck disable=SC2086
        weir selftest $form "$cases"
        exits_with 3
        grep -q 'names no case' "$err" || explain
        # shellcheck disable=SC2086
        weir selftest $form "$BATS_TEST_TMPDIR/none"
        [ "$code" -eq 5 ] || explain
    done
}

@test "unknown tests, and arguments that are missing or too many" {
    weir selftest everything
    refuses_with 2 "unknown test 'everything'"
    weir selftest tokenizer "$tokenizer"
    refuses_with 2 "expected weir selftest tokenizer TOKENIZER CASES"
    weir selftest toolcalls a b
    refuses_with 2 "expected weir selftest toolcalls CASES"
}

# ---- without arguments ----

# A program in a folder of its own, with the data beside it as it is installed or as in the tree.
place_program() { # folder of the data, from the program's parent
    root=$BATS_TEST_TMPDIR/root
    mkdir -p "$root/bin" "$root/$1"
    cp "$WEIR" "$root/bin/weir"
    data=$root/$1
    while IFS= read -r file; do
        mkdir -p "$data/$(dirname "$file")"
        cp "$WEIR_TEST_DATA/$file" "$data/$file"
    done <"$WEIR_TEST_DATA/selftest_files.txt"
    chmod -R u+w "$data"
    WEIR=$root/bin/weir
}

@test "the quick set passes with the files of the list alone" {
    for place in share/weir/selftest tests/data; do
        (
            place_program $place
            weir selftest
            exits_with 0
            tail -n 1 "$out" | grep -q -E '^[0-9]{3,} passed, 0 failed$' || explain
            [ "$(grep -c -E '  [1-9][0-9]* passed, 0 failed$' "$out")" -eq 8 ] || explain
        )
        rm -rf "$BATS_TEST_TMPDIR/root"
    done
}

@test "the quick set fails when a case does" {
    place_program share/weir/selftest
    sed -i '1s/"output": "/&x/' "$data/templates/cases.jsonl"
    weir selftest
    exits_with 1
    grep -q '^FAIL cases.jsonl:1 ' "$out" || explain
    tail -n 1 "$out" | grep -q -E '^[0-9]+ passed, 1 failed$' || explain
}

@test "without its data the quick set says so" {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    cp "$WEIR" "$BATS_TEST_TMPDIR/bin/weir"
    WEIR=$BATS_TEST_TMPDIR/bin/weir
    weir selftest
    refuses_with 3 "nothing was tested"
}

@test "a file missing from the list's is told before anything runs" {
    place_program share/weir/selftest
    rm "$data/golden/moe_top2/config.json"
    weir selftest
    refuses_with 3 "golden/moe_top2/config.json"
}
