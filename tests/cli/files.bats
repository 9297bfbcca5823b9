#!/usr/bin/env bats
# files.bats: synth and convert write whole files or none.

load common

@test "synth lists its shapes" {
    weir synth --list
    exits_with 0
    grep -q '^tiny-moe$' "$out" || explain
    grep -q '^tiny-dense$' "$out" || explain
    grep -q '^lfm2-24b-a2b$' "$out" || explain
}

@test "synth: same seed same bytes, another seed others, threads change nothing" {
    cd "$BATS_TEST_TMPDIR"
    weir synth a.gguf --config tiny-moe --seed 5
    exits_with 0
    [ ! -s "$out" ] || explain
    weir synth b.gguf --config tiny-moe --seed 5 --threads 1
    exits_with 0
    cmp a.gguf b.gguf
    weir synth c.gguf --config tiny-moe --seed 6
    exits_with 0
    ! cmp -s a.gguf c.gguf
}

@test "outputs that exist are not replaced unasked" {
    cd "$BATS_TEST_TMPDIR"
    echo precious >a.gguf
    weir synth a.gguf --config tiny-dense
    refuses_with 1 "a.gguf"
    grep -q -e '--force replaces it$' "$err" || explain
    [ "$(cat a.gguf)" = precious ]
    weir synth a.gguf --config tiny-dense --force
    exits_with 0
    echo precious >b.gguf
    weir convert a.gguf b.gguf
    refuses_with 1 "b.gguf"
    grep -q -e '--force replaces it$' "$err" || explain
    [ "$(cat b.gguf)" = precious ]
    weir convert a.gguf b.gguf --force
    exits_with 0
    [ -z "$(ls | grep tmp-)" ]
}

@test "unknown shapes and formats are refused and leave nothing" {
    cd "$BATS_TEST_TMPDIR"
    weir synth a.gguf --config gigantic
    refuses_with 2 "gigantic"
    weir synth a.gguf --config tiny-moe --type q99
    refuses_with 2 "q99"
    weir synth b.gguf --config tiny-moe
    weir convert b.gguf a.gguf --type q99
    refuses_with 2 "q99"
    [ "$(ls | grep -v '^std')" = b.gguf ]
}

@test "unwritable outputs" {
    cd "$BATS_TEST_TMPDIR"
    weir synth none/a.gguf --config tiny-moe
    refuses_with 5 "none/a.gguf"
}

@test "every type can be made, shown and run" {
    cd "$BATS_TEST_TMPDIR"
    for type in f32 f16 bf16 q8_0 q4_0 q4_k q6_k; do
        weir synth "$type.gguf" --config tiny-moe --type $type
        exits_with 0
        weir show "$type.gguf" --check
        exits_with 0
        grep -q "lfm2moe, $type," "$out" || explain
        weir run "$type.gguf" --tokens 1,6,11 --max-tokens 4 --ignore-eos
        exits_with 0
        rm "$type.gguf"
    done
}

@test "a folder and the file made of it run alike" {
    cd "$BATS_TEST_TMPDIR"
    weir synth folder --config tiny-moe --folder --type f32
    exits_with 0
    [ -e folder/config.json ]
    weir convert folder file.gguf
    exits_with 0
    [ ! -s "$out" ] || explain
    weir run folder --tokens 1,6,11 --max-tokens 12 --ignore-eos --temperature 1 --seed 1
    exits_with 0
    cp "$out" first
    weir run file.gguf --tokens 1,6,11 --max-tokens 12 --ignore-eos --temperature 1 --seed 1
    exits_with 0
    cmp "$out" first
}

@test "convert to a smaller type" {
    cd "$BATS_TEST_TMPDIR"
    weir synth a.gguf --config tiny-dense --type f32
    exits_with 0
    weir convert a.gguf b.gguf --type q8_0
    exits_with 0
    [ "$(stat -c %s b.gguf)" -lt "$(stat -c %s a.gguf)" ]
    weir show b.gguf
    grep -q ' q8_0,' "$out" || explain
    weir convert a.gguf c.gguf
    exits_with 0
    head -c 100000 a.gguf >cut.gguf
    weir convert cut.gguf d.gguf
    refuses_with 3 "cut.gguf"
    [ ! -e d.gguf ]
}

# Interrupts a command that writes big* as soon as its temporary name is there.
interrupt() { # pattern of the temporary name, arguments of weir
    pattern=$1
    shift
    # Whoever starts a program in the background without job control makes it ignore interrupts.
    set -m
    "$WEIR" "$@" 2>/dev/null &
    pid=$!
    set +m
    for i in $(seq 200); do
        ls | grep -q "$pattern" && break
        sleep 0.02
    done
    kill -INT "$pid"
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 130 ]
    [ -z "$(ls | grep '^big')" ]
}

@test "interrupted work leaves nothing" {
    cd "$BATS_TEST_TMPDIR"
    interrupt 'big.gguf.tmp-' synth big.gguf --config lfm2-350m --type f32
    interrupt 'big' synth big --config lfm2-350m --folder --type f32
    weir synth in.gguf --config lfm2-350m --type q4_0
    exits_with 0
    interrupt 'big.gguf.tmp-' convert in.gguf big.gguf --type q4_k
}

@test "a hangup leaves nothing, and one that is to be ignored is ignored" {
    cd "$BATS_TEST_TMPDIR"
    "$WEIR" synth big.gguf --config lfm2-350m --type f32 2>/dev/null &
    pid=$!
    for i in $(seq 200); do
        ls | grep -q 'big.gguf.tmp-' && break
        sleep 0.02
    done
    kill -HUP "$pid"
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 130 ]
    [ -z "$(ls | grep '^big')" ]
    (
        trap '' HUP
        exec "$WEIR" synth small.gguf --config weir-nano --type f32 2>/dev/null
    ) &
    pid=$!
    for i in $(seq 200); do
        ls | grep -q 'small.gguf' && break
        sleep 0.01
    done
    kill -HUP "$pid" 2>/dev/null || true
    wait "$pid"
    [ -e small.gguf ]
}

@test "a limit on the size of files is a failed write" {
    cd "$BATS_TEST_TMPDIR"
    code=0
    (
        ulimit -f 100
        exec "$WEIR" synth a.gguf --config tiny-dense --type f32 2>message
    ) || code=$?
    [ "$code" -eq 5 ]
    grep -q 'a.gguf: cannot be written' message
    [ "$(ls)" = message ]
}

@test "a folder without a tokenizer: the file's lack of words is told" {
    cd "$BATS_TEST_TMPDIR"
    weir synth folder --config tiny-dense --folder
    exits_with 0
    weir convert folder with.gguf
    exits_with 0
    ! grep -q vocabulary "$err" || explain
    rm folder/tokenizer.json
    weir convert folder without.gguf
    exits_with 0
    grep -q 'without a vocabulary' "$err" || explain
}

@test "a folder that is no model" {
    cd "$BATS_TEST_TMPDIR"
    mkdir folder
    for command in "show folder" "convert folder out.gguf" "run folder --tokens 1"; do
        weir $command
        refuses_with 3 "folder: a folder without config.json"
    done
}

@test "what was written, as JSON" {
    command -v jq >/dev/null || skip "jq is not installed"
    cd "$BATS_TEST_TMPDIR"
    weir synth --list --json
    exits_with 0
    jq -e 'index("tiny-moe") != null' "$out" >/dev/null || explain
    weir synth folder --config tiny-dense --folder --json
    exits_with 0
    [ ! -s "$err" ] || explain
    jq -e '. == {"out": "folder", "config": "tiny-dense"}' "$out" >/dev/null || explain
    weir convert folder file.gguf --json
    exits_with 0
    [ ! -s "$err" ] || explain
    jq -e '. == {"in": "folder", "out": "file.gguf", "has_vocabulary": true}' "$out" || explain
    rm folder/tokenizer.json
    weir convert folder file.gguf --json --force
    jq -e '.has_vocabulary == false' "$out" || explain
}

@test "chat templates of a folder are kept" {
    cd "$BATS_TEST_TMPDIR"
    weir synth folder --config tiny-dense --folder
    exits_with 0
    rm -f folder/chat_template.jinja
    printf '{"chat_template": "from the json: {{ messages[0].content }}"}' >folder/chat_template.json
    mkdir folder/additional_chat_templates
    printf 'with tools' >folder/additional_chat_templates/tool_use.jinja
    weir convert folder file.gguf
    exits_with 0
    for model in folder file.gguf; do
        weir show "$model" --template
        exits_with 0
        [ "$(cat "$out")" = "from the json: {{ messages[0].content }}" ] || explain
        weir show "$model"
        grep -q '^template    tool_use, 10 bytes' "$out" || explain
    done
}
