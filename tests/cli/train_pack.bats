#!/usr/bin/env bats
# train_pack.bats: text and conversations into packed files, and what is shown of them.

load common

# A folder with the mini tokenizer and a published template, and two conversations.
setup() {
    cd "$BATS_TEST_TMPDIR"
    mkdir tok
    cp "$WEIR_TEST_DATA/tokenizer/mini/tokenizer.json" tok/
    cp "$WEIR_TEST_DATA/templates/LFM2-350M.jinja" tok/chat_template.jinja
    echo '{"bos_token": "<|startoftext|>", "eos_token": "<|im_end|>"}' >tok/tokenizer_config.json
    cat >chats.jsonl <<'EOF'
{"split": "a", "messages": [{"role": "user", "content": "Hi <|im_end|>"}, {"role": "assistant", "content": "Ho"}]}
{"split": "b", "messages": [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "Nothing."}]}
EOF
}

@test "counts, and the first sample with what is learnt of it" {
    weir train pack chats.jsonl -o out.tok --tokenizer tok --assistant-only
    exits_with 0
    head -n 1 "$out" | grep -q '^2 samples, [0-9]* tokens of [0-9]* bytes, [0-9]* of them targets' ||
        explain
    grep -q '^sample 1, [0-9]* tokens; what is learnt of it is in \[\[ \]\]:$' "$out" || explain
    grep -q -x -F '<|startoftext|><|im_start|>user' "$out" || explain
    grep -q -x -F 'Hi <|im_end|><|im_end|>' "$out" || explain
    grep -q -x -F '[[Ho<|im_end|>]]' "$out" || explain
    [ "$(cat "$err")" = "out.tok is written" ] || explain
    [ "$(head -c 7 out.tok)" = WEIRSHD ]
}

@test "colours on demand, and never a control character of the data" {
    printf '{"text": "a\\u001b[31mb"}\n' >red.jsonl
    weir train pack red.jsonl -o out.tok --tokenizer tok --color always
    exits_with 0
    grep -q 'green' "$out" || explain
    grep -q -F "$(printf '\033[32ma\\x1b[31mb<|endoftext|>\033[0m')" "$out" || explain
    weir train pack red.jsonl -o out.tok --tokenizer tok --color never --force
    exits_with 0
    ! grep -q "$(printf '\033')" "$out" || explain
}

@test "without --assistant-only all but the first token is learnt" {
    weir train pack chats.jsonl -o out.tok --tokenizer tok
    exits_with 0
    grep -q -x -F '<|startoftext|>[[<|im_start|>user' "$out" || explain
}

@test "as JSON" {
    weir train pack chats.jsonl -o out.tok --tokenizer tok --assistant-only --split b --json
    exits_with 0
    grep -q '"out": "out.tok", "samples": 1, "tokens": [0-9]*, "targets": [0-9]*, "bytes": [0-9]*, "cut": 0, "left_out": 0' "$out" || explain
    [ "$(wc -l <"$out")" -eq 1 ] || explain
}

@test "what is cut and what is left out are two counts" {
    long="one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    cat >long.jsonl <<EOF
{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "$long"}]}
{"messages": [{"role": "user", "content": "$long"}, {"role": "assistant", "content": "Ho"}]}
{"messages": [{"role": "user", "content": "$long"}, {"role": "assistant", "content": "Hu"}]}
EOF
    weir train pack long.jsonl -o out.tok --tokenizer tok --assistant-only --max-tokens 16
    exits_with 0
    head -n 1 "$out" | grep -q '^1 samples, 16 tokens .*; 1 conversations were too long and are cut; 2 are left out: what they teach lies behind the cut$' ||
        explain
    weir train pack long.jsonl -o out.tok --tokenizer tok --assistant-only --max-tokens 16 --force --json
    exits_with 0
    grep -q '"samples": 1, .*"cut": 1, "left_out": 2' "$out" || explain
}

@test "outputs that exist are not replaced unasked" {
    echo precious >out.tok
    weir train pack chats.jsonl -o out.tok --tokenizer tok
    refuses_with 1 "out.tok"
    grep -q -e '--force replaces it$' "$err" || explain
    [ "$(cat out.tok)" = precious ]
    weir train pack chats.jsonl -o out.tok --tokenizer tok --force
    exits_with 0
}

@test "bad rows are named by file and line, and nothing is left" {
    echo '{"messages": [{"role": "user", "content": "x"}]}' >>chats.jsonl
    weir train pack chats.jsonl -o out.tok --tokenizer tok --assistant-only
    refuses_with 3 "chats.jsonl:3: nothing in it is a target"
    echo '{"messages": ' >bad.jsonl
    weir train pack bad.jsonl -o out.tok --tokenizer tok
    refuses_with 3 "bad.jsonl:1: "
    weir train pack none.jsonl -o out.tok --tokenizer tok
    refuses_with 5 "none.jsonl"
    [ -z "$(ls | grep out.tok)" ]
}

@test "what is missing or does not go together" {
    weir train pack chats.jsonl --tokenizer tok
    refuses_with 2 "-o OUT is missing"
    weir train pack chats.jsonl -o out.tok
    refuses_with 2 "--tokenizer is missing"
    weir train pack -o out.tok --tokenizer tok
    [ "$code" -eq 2 ] || explain
    weir train pack chats.jsonl -o out.tok --tokenizer tok --split c
    refuses_with 3 "none of 2 rows has the split 'c'"
    weir train pack chats.jsonl -o out.tok --tokenizer tok -n 5
    refuses_with 2 "for generated samples"
    weir train pack gen:story -o out.tok --tokenizer tok
    refuses_with 2 "gen:story: expected the number of samples, -n N"
    weir train pack chats.jsonl -o out.tok --tokenizer tok --max-tokens 0
    refuses_with 2 "--max-tokens 0: expected 2 or more"
    weir train pack gen:nothing -n 2 -o out.tok --tokenizer tok
    refuses_with 2 "nothing"
    weir train pack chats.jsonl -o out.tok --tokenizer no_such_tokenizer
    [ "$code" -ne 0 ] || explain
}

@test "generated samples: the same from the same seed, whatever the threads" {
    weir train pack gen:tool -n 30 --seed 4 -o a.tok --tokenizer tok --assistant-only -t 1
    exits_with 0
    grep -q '^30 samples, ' "$out" || explain
    weir train pack gen:tool -n 30 --seed 4 -o b.tok --tokenizer tok --assistant-only -t 3
    exits_with 0
    cmp a.tok b.tok
    weir train pack gen:tool -n 30 --seed 5 -o c.tok --tokenizer tok --assistant-only
    exits_with 0
    ! cmp -s a.tok c.tok
    weir train pack gen:tool -n 30 --seed 4 --held-out -o d.tok --tokenizer tok --assistant-only
    exits_with 0
    ! cmp -s a.tok d.tok
}

@test "documents by a manifest" {
    printf 'one\n<|endoftext|>\ntwo\n<|endoftext|>\nthree\n' >books.txt
    echo '[{"split": "train"}, {"split": "val"}, {"split": "train"}]' >books.json
    weir train pack books.txt -o out.tok --tokenizer tok --split val --manifest books.json
    exits_with 0
    grep -q '^1 samples, ' "$out" || explain
    grep -q -F '[[two<|endoftext|>]]' "$out" || explain
    weir train pack books.txt -o other.tok --tokenizer tok --split val
    refuses_with 2 "expected a manifest"
}
