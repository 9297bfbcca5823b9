#!/usr/bin/env bats
# show.bats: what a model holds, what it will take.

load common

setup() {
    make_model moe.gguf tiny-moe
}

@test "summary" {
    weir show "$model"
    exits_with 0
    [ ! -s "$err" ] || explain
    for text in lfm2moe q4_0 parameters "ca ca c" "K/V pages" total convolution; do
        grep -q -F "$text" "$out" || explain
    done
}

@test "tensors and metadata" {
    weir show "$model" --tensors --metadata
    exits_with 0
    grep -q -F 'token_embd.weight [512, 256]' "$out" || explain
    grep -q -F 'general.architecture (str) = lfm2moe' "$out" || explain
}

@test "a chosen context, timelines and K/V type" {
    weir show "$model" --ctx 128 --seqs 3 --kv-type q8
    exits_with 0
    grep -q '3 timelines, K/V q8' "$out" || explain
    weir show "$model" --ctx 99999999
    refuses_with 2 "99999999"
    weir show "$model" --kv-type f13
    refuses_with 2 "f13"
}

@test "JSON is JSON and holds the same numbers" {
    command -v jq >/dev/null || skip "jq is not installed"
    weir show "$model" --json --tensors --metadata --check --ctx 256
    exits_with 0
    jq -e '.model.arch == "lfm2moe" and .model.layers == "ca ca c" and .n_bad_tensors == 0
        and (.tensors | length) == ([.formats[].n_tensors] | add)
        and (.tensors | map(.bytes) | add) == .model.weight_bytes
        and .memory.plans[0].n_ctx == 256
        and (.memory.plans[0] | .total_bytes == ([.items[].bytes] | add))
        and (.metadata | map(.key) | index("general.architecture")) != null' "$out" || explain
}

@test "--check finds what is not finite" {
    weir show "$model" --check
    exits_with 0
    grep -q '0 with values that are not finite' "$out" || explain
    # One f32 of the last norm becomes NaN.
    cp "$model" "$BATS_TEST_TMPDIR/nan.gguf"
    weir show "$model" --tensors
    at=$(sed -n 's/.* at *\([0-9]*\)  token_embd_norm.weight .*/\1/p' "$out")
    [ -n "$at" ] || explain
    printf '\000\000\300\177' |
        dd of="$BATS_TEST_TMPDIR/nan.gguf" bs=1 seek=$((at + 8)) conv=notrunc 2>/dev/null
    weir show "$BATS_TEST_TMPDIR/nan.gguf" --check
    exits_with 1
    grep -q 'token_embd_norm.weight: 1 NaN, 0 infinite' "$out" || explain
    [ "$(wc -l <"$err")" -eq 1 ] || explain
}

@test "truncated files: one line, exit code 3" {
    size=$(stat -c %s "$model")
    for n in 1 4 8 23 24 100 5000 $((size / 2)) $((size - 1)); do
        head -c "$n" "$model" >"$BATS_TEST_TMPDIR/cut.gguf"
        weir show "$BATS_TEST_TMPDIR/cut.gguf"
        refuses_with 3 "cut.gguf"
    done
}

@test "control characters of a file do not reach the terminal" {
    # The name is in the metadata as plain bytes; the escape keeps its length.
    LC_ALL=C sed 's/tiny-moe/t\x1b[31moe/' "$model" >"$BATS_TEST_TMPDIR/colour.gguf"
    weir show "$BATS_TEST_TMPDIR/colour.gguf" --metadata
    exits_with 0
    ! grep -q "$(printf '\033')" "$out" || explain
    grep -q -F '\x1b[31m' "$out" || explain
    # U+009B alone begins such a sequence too.
    LC_ALL=C sed 's/tiny-moe/tin\xc2\x9b31m/' "$model" >"$BATS_TEST_TMPDIR/colour.gguf"
    weir show "$BATS_TEST_TMPDIR/colour.gguf" --metadata
    exits_with 0
    ! LC_ALL=C grep -q "$(printf '\302\233')" "$out" || explain
    grep -q -F '\xc2\x9b31m' "$out" || explain
}

@test "tokenizer, template, sampling" {
    weir show "$model"
    exits_with 0
    grep -q '^tokenizer   [0-9]* normal tokens, [0-9]* control, .* merges$' "$out" || explain
    grep -q -F 'bos 1 <|startoftext|> before every text, eos 7 <|im_end|>, pad 0 <|pad|>' "$out" || explain
    grep -q '^split       (' "$out" || explain
    grep -q '^template    default, [0-9]* bytes: takes system prompt' "$out" || explain
    grep -q '^sampling    always the likeliest token (none: greedy)$' "$out" || explain
}

# What `weir show` finds out about each template of the family, put into a folder.
abilities() { # template file
    folder=$BATS_FILE_TMPDIR/abilities
    [ -d "$folder" ] || "$WEIR" synth "$folder" --config tiny-dense --folder 2>/dev/null
    cp "$1" "$folder/chat_template.jinja"
    weir show "$folder"
    exits_with 0
    sed -n 's/^template    default, [0-9]* bytes: //p' "$out" >"$BATS_TEST_TMPDIR/abilities"
}

@test "what a template takes" {
    templates=$WEIR_TEST_DATA/templates
    [ -d "$templates" ] || skip "the templates are not there"
    abilities "$templates/LFM2-1.2B-2025-07.jinja"
    [ "$(cat "$BATS_TEST_TMPDIR/abilities")" = "takes system prompt, tool results" ] || explain
    abilities "$templates/LFM2-8B-A1B.jinja"
    [ "$(cat "$BATS_TEST_TMPDIR/abilities")" = "takes system prompt, tools, tool results" ] || explain
    abilities "$templates/LFM2.5-Instruct.jinja"
    [ "$(cat "$BATS_TEST_TMPDIR/abilities")" = "takes system prompt, tools, tool results; drops past thinking; knows keep_past_thinking" ] || explain
    abilities "$templates/LFM2.5-8B-A1B.jinja"
    [ "$(cat "$BATS_TEST_TMPDIR/abilities")" = "takes system prompt, tools, tool calls, tool results; drops past thinking; knows preserve_thinking" ] || explain
    # Answers that begin with <think>, a template that raises, one that is no template, a loop.
    printf '%s' '{{ messages[0].content }}<think>' >"$BATS_TEST_TMPDIR/think.jinja"
    abilities "$BATS_TEST_TMPDIR/think.jinja"
    grep -q 'answers begin with thinking' "$BATS_TEST_TMPDIR/abilities" || explain
    printf '%s' '{{ raise_exception("not today") }}' >"$BATS_TEST_TMPDIR/raises.jinja"
    abilities "$BATS_TEST_TMPDIR/raises.jinja"
    grep -q 'cannot be run: .*not today' "$BATS_TEST_TMPDIR/abilities" || explain
    printf '%s' '{% for x in %}' >"$BATS_TEST_TMPDIR/bad.jinja"
    abilities "$BATS_TEST_TMPDIR/bad.jinja"
    grep -q 'cannot be run: ' "$BATS_TEST_TMPDIR/abilities" || explain
    printf '%s' '{% for x in range(99999) %}{% for x in range(99999) %}a{% endfor %}{% endfor %}' \
        >"$BATS_TEST_TMPDIR/long.jinja"
    abilities "$BATS_TEST_TMPDIR/long.jinja"
    grep -q 'cannot be run: ' "$BATS_TEST_TMPDIR/abilities" || explain
}

@test "--template prints the template as it stands" {
    "$WEIR" synth "$BATS_TEST_TMPDIR/folder" --config tiny-dense --folder 2>/dev/null
    weir show "$BATS_TEST_TMPDIR/folder" --template
    exits_with 0
    cmp "$out" "$BATS_TEST_TMPDIR/folder/chat_template.jinja"
    rm "$BATS_TEST_TMPDIR/folder/chat_template.jinja"
    weir show "$BATS_TEST_TMPDIR/folder" --template
    refuses_with 3 "has no chat template"
    weir show "$BATS_TEST_TMPDIR/folder"
    exits_with 0
    grep -q '^template    none: it completes plain text' "$out" || explain
}

@test "a model without a vocabulary is shown all the same" {
    "$WEIR" synth "$BATS_TEST_TMPDIR/folder" --config tiny-dense --folder 2>/dev/null
    rm "$BATS_TEST_TMPDIR/folder/tokenizer.json"
    "$WEIR" convert "$BATS_TEST_TMPDIR/folder" "$BATS_TEST_TMPDIR/mute.gguf" 2>/dev/null
    for file in folder mute.gguf; do
        weir show "$BATS_TEST_TMPDIR/$file"
        exits_with 0
        grep -q '^tokenizer   none that can be used: ' "$out" || explain
        grep -q '^sampling ' "$out" || explain
    done
}

@test "JSON has tokenizer, templates, sampling, and arrays whole" {
    command -v jq >/dev/null || skip "jq is not installed"
    weir show "$model" --json --metadata --ctx 256
    exits_with 0
    jq -e '.tokenizer.bos == {"id": 1, "text": "<|startoftext|>"} and .tokenizer.n_tokens == 512
        and (.tokenizer.split | length) > 20 and .templates[0].name == ""
        and .templates[0].takes_system and (.templates[0].text | length) > 50
        and .sampling.repetition_penalty >= 1 and (.sampling.source | length) > 0
        and (.metadata[] | select(.key == "tokenizer.ggml.tokens").items | length) == 512
        and (.metadata[] | select(.key == "tokenizer.ggml.tokens").items[1]) == "<|startoftext|>"
        and (.metadata[] | select(.key == "tokenizer.ggml.token_type").items[1]) == 3
        and (.metadata[] | select(.key == "general.architecture") | has("items") | not)' "$out" \
        >/dev/null || explain
}

@test "a model is found by its name" {
    mkdir -p "$BATS_TEST_TMPDIR/data/weir/models"
    cp "$model" "$BATS_TEST_TMPDIR/data/weir/models/my-model.gguf"
    export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
    weir show my-model
    exits_with 0
    weir convert my-model "$BATS_TEST_TMPDIR/out.gguf"
    exits_with 0
    cmp "$BATS_TEST_TMPDIR/out.gguf" "$model"
    weir show my-other-model
    refuses_with 5 "my-other-model"
}

@test "--template leaves nothing else" {
    for flags in --check --tensors --metadata "--ctx 64"; do
        weir show "$model" --template $flags
        refuses_with 2 "--template"
    done
}
