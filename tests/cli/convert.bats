#!/usr/bin/env bats
# convert.bats: files become folders and folders files, and nothing is lost or replaced unasked.

load common

weights() { # the names of a folder's weights
    (cd "$1" && ls *.safetensors)
}

@test "a file becomes a folder and the same file again" {
    cd "$BATS_TEST_TMPDIR"
    mkdir one two
    weir synth one/folder --config tiny-moe --folder --type bf16
    exits_with 0
    weir convert one/folder one/folder.gguf
    exits_with 0
    weir convert one/folder.gguf two/folder/
    exits_with 0
    [ ! -s "$out" ] || explain
    diff -r one/folder two/folder
    weir convert two/folder two/folder.gguf
    exits_with 0
    cmp one/folder.gguf two/folder.gguf
}

@test "--folder, a slash and a folder that is there say the same" {
    cd "$BATS_TEST_TMPDIR"
    weir synth a.gguf --config tiny-dense --type f16
    exits_with 0
    weir convert a.gguf slash/
    exits_with 0
    weir convert a.gguf flag --folder
    exits_with 0
    diff -r slash flag
    weir convert a.gguf flag
    refuses_with 1 "flag"
    grep -q -e '--force replaces it$' "$err" || explain
    weir convert a.gguf flag --force
    exits_with 0
    diff -r slash flag
    echo mine >flag/notes.txt
    weir convert a.gguf flag --force
    refuses_with 1 "notes.txt"
    [ "$(cat flag/notes.txt)" = mine ]
}

@test "quantized weights go into a folder only if it is said as what" {
    cd "$BATS_TEST_TMPDIR"
    weir synth q.gguf --config tiny-moe --type q8_0
    exits_with 0
    weir convert q.gguf q/
    refuses_with 1 "is q8_0"
    grep -q "f32, f16 or bf16" "$err" || explain
    [ ! -e q ]
    weir convert q.gguf q/ --type q4_0
    refuses_with 2 "q4_0"
    [ ! -e q ]
    weir convert q.gguf q/ --type f32
    exits_with 0
    grep -q '"float32"' q/config.json
    weir convert q.gguf q.f32.gguf --type f32
    exits_with 0
    for model in q q.f32.gguf; do
        weir run "$model" --tokens 1,6,11 --max-tokens 12 --ignore-eos --temperature 1 --seed 1
        exits_with 0
        cp "$out" "$model.said"
    done
    cmp q.said q.f32.gguf.said
}

@test "the folder is told as JSON, and that it has no vocabulary" {
    cd "$BATS_TEST_TMPDIR"
    weir convert "$WEIR_TEST_DATA/golden/dense_tiny" mute.gguf
    exits_with 0
    weir convert mute.gguf mute/ --json
    exits_with 0
    grep -q '"out": "mute/"' "$out" || explain
    grep -q '"has_vocabulary": false' "$out" || explain
    weir convert mute.gguf mute/ --force
    exits_with 0
    grep -q 'without a vocabulary: the file has none' "$err" || explain
}

@test "a folder that is cut short leaves nothing" {
    cd "$BATS_TEST_TMPDIR"
    weir synth folder --config tiny-dense --folder --type bf16
    exits_with 0
    truncate -s -1 "folder/$(weights folder)"
    weir convert folder a.gguf
    refuses_with 3 "model.safetensors"
    weir convert folder other/
    refuses_with 3 "model.safetensors"
    [ "$(ls)" = "$(printf 'folder\nstderr\nstdout')" ] || explain
}

@test "whether there is a vocabulary is told of what was written" {
    cd "$BATS_TEST_TMPDIR"
    weir synth folder --config tiny-dense --folder --type bf16
    weir convert folder with.gguf --json
    exits_with 0
    [ "$(jq .has_vocabulary "$out")" = true ]
    rm folder/tokenizer.json
    weir convert folder without.gguf
    exits_with 0
    grep -q 'without a vocabulary: the folder has no tokenizer.json$' "$err" || explain
    weir convert without.gguf again.gguf --type f16 --json
    exits_with 0
    [ "$(jq .has_vocabulary "$out")" = false ]
    weir convert without.gguf again/
    exits_with 0
    grep -q 'without a vocabulary: the file has none$' "$err" || explain
}

@test "every end token of a folder ends an answer, in the file that is made of it too" {
    cd "$BATS_TEST_TMPDIR"
    local nano="$WEIR_SOURCE/models/weir-nano.gguf" dot
    [ -e "$nano" ] || skip "models/weir-nano.gguf is not there"
    command -v jq >/dev/null || skip "jq is not installed"
    weir tokenize "$nano" .
    dot=$(cat "$out")
    weir run "$nano" "Who are you?" --temperature 0 --max-tokens 40
    grep -q -F . "$out" || explain
    weir convert "$nano" folder/ --type f16
    exits_with 0
    jq ".eos_token_id = [7, 2, $dot]" folder/generation_config.json >changed
    mv changed folder/generation_config.json
    weir convert folder/ file.gguf
    exits_with 0
    for model in folder/ file.gguf; do
        weir run $model "Who are you?" --temperature 0 --max-tokens 40
        exits_with 0
        [ -s "$out" ] && ! grep -q -F . "$out" || explain
    done
    weir convert file.gguf again/
    exits_with 0
    [ "$(jq -c .eos_token_id again/generation_config.json)" = "[7,2,$dot]" ] || explain
}
