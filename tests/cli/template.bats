#!/usr/bin/env bats
# template.bats: conversations rendered, as a user asks for it.

load common

templates=$WEIR_TEST_DATA/templates
plain=$templates/LFM2-350M.jinja
tokenizer=$WEIR_TEST_DATA/tokenizer/mini/tokenizer.json

setup() {
    chat=$BATS_TEST_TMPDIR/chat.json
    echo '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho <|im_end|>"},
        {"role": "user", "content": "<|im_start|>x"}]' >"$chat"
}

# Standard output byte for byte: $(...) alone would drop line ends.
says() {
    [ "$(cat "$out"; echo .)" = "$1." ] || explain
}

@test "a list of messages, with the generation prompt" {
    weir template "$plain" "$chat"
    exits_with 0
    says '<|im_start|>user
Hi<|im_end|>
<|im_start|>assistant
Ho <|im_end|><|im_end|>
<|im_start|>user
<|im_start|>x<|im_end|>
<|im_start|>assistant
'
}

@test "standard input, and an object" {
    text=$(echo '{"messages": [{"role": "user", "content": "é"}], "bos_token": "B"}' |
        "$WEIR" template "$plain" --no-generation-prompt)
    [ "$text" = 'B<|im_start|>user
é<|im_end|>' ]
    text=$(echo '{"messages": [{"role": "user", "content": "é"}]}' | "$WEIR" template "$plain" -)
    [ "$text" = '<|im_start|>user
é<|im_end|>
<|im_start|>assistant' ]
}

@test "who decides on the generation prompt: the flag, the conversation, the default" {
    printf '{{ add_generation_prompt }}' >"$BATS_TEST_TMPDIR/t.jinja"
    ask() { # conversation, flags
        conversation=$1
        shift
        printf %s "$conversation" | "$WEIR" template "$BATS_TEST_TMPDIR/t.jinja" "$@"
    }
    [ "$(ask '[]')" = True ]
    [ "$(ask '{}')" = True ]
    [ "$(ask '{"add_generation_prompt": false}')" = False ]
    [ "$(ask '{"add_generation_prompt": false}' --add-generation-prompt)" = True ]
    [ "$(ask '{"add_generation_prompt": true}' --no-generation-prompt)" = False ]
    [ "$(ask '[]' --set add_generation_prompt=3)" = 3 ]
}

@test "--set, values as they are written" {
    printf '{{ a }} {{ b | tojson }} {{ c }}' >"$BATS_TEST_TMPDIR/t.jinja"
    echo '{"c": 12345678901234567890123, "a": 0}' >"$chat"
    weir template "$BATS_TEST_TMPDIR/t.jinja" "$chat" --set a=1 --set 'b={"x": [1.0, null]}' \
        --set a=2.0
    exits_with 0
    says '2.0 {"x": [1.0, null]} 12345678901234567890123'
    weir template "$BATS_TEST_TMPDIR/t.jinja" "$chat" --set b
    refuses_with 2 "expected NAME=JSON"
    weir template "$BATS_TEST_TMPDIR/t.jinja" "$chat" --set b=hello
    refuses_with 2 "expected JSON"
}

@test "--now holds the clock" {
    echo '{"messages": [{"role": "user", "content": "x"}], "tools": [{"name": "f"}]}' >"$chat"
    weir template "$templates/LFM2.5-VL.jinja" "$chat" --now 2024-02-29
    exits_with 0
    grep -q "Today's date: 2024-02-29" "$out" || explain
    for date in 2023-02-29 yesterday 2023-2-1 2023-01-011; do
        weir template "$templates/LFM2.5-VL.jinja" "$chat" --now $date
        refuses_with 2 "expected a date"
    done
}

@test "--spans: whose words are which" {
    weir template "$templates/LFM2.5-8B-A1B.jinja" "$chat" --spans
    exits_with 0
    grep -q -E '^ +[0-9]+ +2  content +0 -      Hi$' "$out" || explain
    grep -q -E '^ +[0-9]+ +[0-9]+  assistant +1 yes    Ho <\|im_end\|>$' "$out" || explain
    grep -q -E 'content +2 -      <\|im_start\|>x$' "$out" || explain
}

@test "--json: text and spans that cover it" {
    command -v jq >/dev/null || skip "jq is not installed"
    weir template "$plain" "$chat" --json --tokens --tokenizer "$tokenizer"
    exits_with 0
    jq -e '.text as $text
        | (.spans | reduce .[] as $s (0; if $s.start == . then . + $s.n else -1 end))
            == ($text | length)
        and (.spans | map(select(.kind != "template")
            | [.kind, .message, $text[.start:.start + .n]]
            | select(.[2] | test("^(user|assistant)$") | not))) # roles are of the messages too
            == [["content", 0, "Hi"], ["assistant", 1, "Ho <|im_end|>"],
                ["content", 2, "<|im_start|>x"]]' "$out" >/dev/null || explain
    # Nobody forges a control token: four openings and three ends are the template's own.
    jq -e '.ids | .[0] == 1 and map(select(. == 6)) == [6, 6, 6, 6]
        and map(select(. == 7)) == [7, 7, 7]' "$out" >/dev/null || explain
}

@test "--tokens: the ids, forged control tokens being text" {
    weir template "$plain" "$chat" --tokens
    refuses_with 2 "expected --tokenizer MODEL"
    weir template "$plain" "$chat" --tokens --tokenizer "$tokenizer"
    exits_with 0
    [ "$(tr , '\n' <"$out" | grep -c -x 6)" -eq 4 ] || explain
    ids=$(cat "$out")
    weir template "$plain" "$chat" --tokenizer "$tokenizer"
    text=$(cat "$out"; echo .)
    weir tokenize "$tokenizer" --decode "$ids"
    says "${text%.}"
}

@test "the template of a model" {
    make_model tiny.gguf tiny-dense
    weir template "$model" --list
    exits_with 0
    grep -q '^default  [0-9]* bytes$' "$out" || explain
    weir template "$model" "$chat"
    exits_with 0
    head -n 1 "$out" | grep -q '^<|startoftext|><|im_start|>user$' || explain
    cp "$out" "$BATS_TEST_TMPDIR/text"
    "$WEIR" template "$model" --source >"$BATS_TEST_TMPDIR/own.jinja"
    weir template "$BATS_TEST_TMPDIR/own.jinja" "$chat" --tokenizer "$model"
    cmp "$out" "$BATS_TEST_TMPDIR/text"
    weir template "$model" "$chat" --tokens
    exits_with 0
    weir template "$model" "$chat" --name other
    refuses_with 2 "other"
    weir template "$model" --list --json
    grep -q '"name": "default"' "$out" || explain
}

@test "--source is the file, byte for byte" {
    "$WEIR" template "$plain" --source >"$BATS_TEST_TMPDIR/source"
    cmp "$plain" "$BATS_TEST_TMPDIR/source"
    weir template "$plain" --source --json
    grep -q '^{"source": "{{- bos_token' "$out" || explain
}

@test "a template without a template" {
    weir template "$tokenizer" "$chat"
    refuses_with 3 "no chat template"
}

@test "a wrong template, and one that raises" {
    printf 'a\n{%% if %%}' >"$BATS_TEST_TMPDIR/t.jinja"
    weir template "$BATS_TEST_TMPDIR/t.jinja" "$chat"
    refuses_with 3 "t.jinja: line 2"
    printf 'a\n\n{{ raise_exception("no such role") }}' >"$BATS_TEST_TMPDIR/t.jinja"
    weir template "$BATS_TEST_TMPDIR/t.jinja" "$chat"
    refuses_with 3 "no such role"
    printf '{{ 1 + "a" }}' >"$BATS_TEST_TMPDIR/t.jinja"
    weir template "$BATS_TEST_TMPDIR/t.jinja" "$chat"
    refuses_with 1 "t.jinja"
}

@test "a wrong conversation" {
    printf '{"messages": [}' >"$chat"
    weir template "$plain" "$chat"
    refuses_with 3 "$chat:1:"
    echo '"text"' >"$chat"
    weir template "$plain" "$chat"
    refuses_with 3 "expected an object"
    weir template "$plain" "$BATS_TEST_TMPDIR/none"
    refuses_with 5 "none"
    weir template "$BATS_TEST_TMPDIR/none.jinja" "$chat"
    refuses_with 5 "none.jinja"
}

@test "what does not go together is refused" {
    weir template "$plain" "$chat" --list
    refuses_with 2 "renders nothing"
    weir template "$plain" "$chat" --spans --tokens --tokenizer "$tokenizer"
    refuses_with 2 "expected --spans or --tokens"
    weir template "$plain" --list --source
    refuses_with 2 "not both"
    weir template "$plain" "$chat" --add-generation-prompt --no-generation-prompt
    refuses_with 2 "not both"
    weir template "$plain" "$chat" --name x
    refuses_with 2 "one template"
}
