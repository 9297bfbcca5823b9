#!/usr/bin/env bats
# run.bats: token ids in, token ids out.

load common

setup() {
    make_model moe.gguf tiny-moe
}

ids() { # number of ids on standard output; fails if there is anything else
    [ "$(wc -l <"$out")" -eq 1 ] || explain
    grep -q -E '^[0-9]+(,[0-9]+)*$' "$out" || explain
    tr ',' '\n' <"$out" | wc -l
}

@test "prints ids and nothing else" {
    weir run "$model" --tokens 1,6,11 --max-tokens 12 --ignore-eos
    exits_with 0
    [ "$(ids)" -eq 12 ]
    [ ! -s "$err" ] || explain
}

@test "--json tells ids, finish and counts" {
    command -v jq >/dev/null || skip "jq is not installed"
    weir run "$model" --tokens 1,6,11 --max-tokens 12 --ignore-eos
    first=$(cat "$out")
    weir run "$model" --tokens 1,6,11 --max-tokens 12 --ignore-eos --json
    exits_with 0
    [ "$(jq -r '.tokens | map(tostring) | join(",")' "$out")" = "$first" ] || explain
    [ "$(jq -r .finish "$out")" = length ] || explain
    [ "$(jq -c .usage "$out")" = '{"prompt_tokens":3,"completion_tokens":12}' ] || explain
    weir run "$model" --tokens 1,6,11 --max-tokens 0 --json
    exits_with 0
    [ "$(jq -c .tokens "$out")" = "[]" ] || explain
}

@test "the answer can be given back as the prompt" {
    weir run "$model" --tokens 1,6,11 --max-tokens 4 --ignore-eos
    exits_with 0
    first=$(cat "$out")
    weir run "$model" --tokens "1,6,11,$first" --max-tokens 4 --ignore-eos --device reference
    exits_with 0
    [ "$(ids)" -eq 4 ]
}

@test "dense models and Hugging Face folders run as well" {
    make_model dense.gguf tiny-dense
    weir run "$model" --tokens 1,6 --max-tokens 5 --ignore-eos
    exits_with 0
    [ "$(ids)" -eq 5 ]
    weir run "$WEIR_TEST_DATA/golden/moe_top2" --tokens 1,6 --max-tokens 5 --ignore-eos
    exits_with 0
    [ "$(ids)" -eq 5 ]
}

@test "greedy ids of a golden case" {
    case=$WEIR_TEST_DATA/golden/dense_tiny
    command -v jq >/dev/null || skip "jq is not installed"
    prompt=$(jq -r '.runs.main.input_ids | map(tostring) | join(",")' "$case/manifest.json")
    weir run "$case" --tokens "$prompt" --max-tokens 24 --ignore-eos --kv-type f32 --temperature 0
    exits_with 0
    cp "$out" "$BATS_TEST_TMPDIR/cpu"
    [ "$(ids)" -eq 24 ]
    weir run "$case" --tokens "$prompt" --max-tokens 24 --ignore-eos --kv-type f32 --temperature 0 \
        --device reference
    exits_with 0
    cmp "$out" "$BATS_TEST_TMPDIR/cpu"
}

@test "same seed same ids, another seed other ids, threads change nothing" {
    run_seeded() {
        weir run "$model" --tokens 1,6,11 --max-tokens 40 --ignore-eos --temperature 1.5 "$@"
        exits_with 0
    }
    run_seeded --seed 7
    cp "$out" "$BATS_TEST_TMPDIR/seven"
    [ ! -s "$err" ] || explain
    run_seeded --seed 7 --threads 1
    cmp "$out" "$BATS_TEST_TMPDIR/seven"
    run_seeded --seed=7 --threads=3
    cmp "$out" "$BATS_TEST_TMPDIR/seven"
    run_seeded --seed 8
    ! cmp -s "$out" "$BATS_TEST_TMPDIR/seven"
}

@test "--lookup changes no id; what it cannot be is refused" {
    for lookup in off auto 1 16; do
        weir run "$model" --tokens 1,6,11,6,11,6,11 --max-tokens 40 --ignore-eos --temperature 0 \
            --lookup $lookup
        exits_with 0
        [ $lookup = off ] && cp "$out" "$BATS_TEST_TMPDIR/off"
        cmp "$out" "$BATS_TEST_TMPDIR/off"
    done
    for lookup in 17 x -1; do
        weir run "$model" --tokens 1,6 --lookup=$lookup
        refuses_with 2 "--lookup: '$lookup', expected auto, off, or a number from 0 to 16"
    done
}

@test "--activations: packed and exact products, and nothing else" {
    "$WEIR" convert "$WEIR_TEST_DATA/golden/moe_k256" "$BATS_TEST_TMPDIR/k.gguf" --type q4_k
    for activations in q8 q15 f32; do
        weir run "$BATS_TEST_TMPDIR/k.gguf" --tokens 1,6,11 --max-tokens 8 --ignore-eos \
            --temperature 0 --activations $activations
        exits_with 0
        [ "$(ids)" -eq 8 ] || explain
        weir show "$BATS_TEST_TMPDIR/k.gguf" --activations $activations --ctx 64
        exits_with 0
        if [ $activations != f32 ]; then
            grep -q "^ *weights  " "$out" || explain
        else
            ! grep -q "^ *weights  " "$out" || explain
            grep -q "weights, mapped" "$out" || explain
        fi
    done
    weir run "$BATS_TEST_TMPDIR/k.gguf" --tokens 1 --activations int8
    refuses_with 2 "int8"
}

@test "a drawn seed is told, and repeats the run" {
    weir run "$model" --tokens 1,6,11 --max-tokens 20 --ignore-eos --temperature 1
    exits_with 0
    cp "$out" "$BATS_TEST_TMPDIR/first"
    seed=$(sed -n 's/^seed //p' "$err")
    [ -n "$seed" ] || explain
    weir run "$model" --tokens 1,6,11 --max-tokens 20 --ignore-eos --temperature 1 --seed "$seed"
    exits_with 0
    cmp "$out" "$BATS_TEST_TMPDIR/first"
}

@test "every sampling option changes what is drawn, or is at its neutral value" {
    common="--tokens 1,6,11,6,11 --max-tokens 30 --ignore-eos --temperature 2 --seed 3"
    weir run "$model" $common
    exits_with 0
    cp "$out" "$BATS_TEST_TMPDIR/plain"
    for neutral in --top-k=0 --top-p=1 --min-p=0 --repetition-penalty=1 --presence-penalty=0 \
        --frequency-penalty=0 --logit-bias=3:0; do
        weir run "$model" $common $neutral
        exits_with 0
        cmp "$out" "$BATS_TEST_TMPDIR/plain"
    done
    for other in --top-k=2 --top-p=0.2 --min-p=0.5 --repetition-penalty=8 --presence-penalty=60 \
        --frequency-penalty=60 --logit-bias=3:1000 --temperature=0; do
        weir run "$model" $common $other
        exits_with 0
        ! cmp -s "$out" "$BATS_TEST_TMPDIR/plain" || { echo "$other changes nothing"; false; }
    done
    weir run "$model" $common --logit-bias 3:1000
    [ "$(tr ',' '\n' <"$out" | sort -u)" = 3 ]
}

@test "sampling values out of range are refused" {
    for bad in --temperature=-1 --top-p=2 --top-p=-0.1 --min-p=1.5 --repetition-penalty=-1 \
        --logit-bias=99999:1; do
        weir run "$model" --tokens 1 --seed 1 $bad
        [ "$code" -eq 2 ] || explain
        [ "$(wc -l <"$err")" -eq 1 ] || explain
    done
}

@test "--max-tokens 0 only runs the prompt" {
    weir run "$model" --tokens 1,6 --max-tokens 0
    exits_with 0
    [ ! -s "$out" ] || explain
}

@test "a context that is full ends the answer" {
    weir run "$model" --tokens 1,6,11 --ctx 64 --ignore-eos
    exits_with 0
    [ "$(ids)" -eq 61 ]
}

@test "a prompt longer than the context is refused" {
    seq -s, 1 70 >"$BATS_TEST_TMPDIR/ids"
    weir run "$model" --tokens-file "$BATS_TEST_TMPDIR/ids" --ctx 64
    refuses_with 1 "64"
}

@test "ids from a file and from standard input" {
    weir run "$model" --tokens 1,6,11 --max-tokens 6 --ignore-eos
    exits_with 0
    cp "$out" "$BATS_TEST_TMPDIR/first"
    printf '1 6\n11\n' >"$BATS_TEST_TMPDIR/ids"
    weir run "$model" --tokens-file "$BATS_TEST_TMPDIR/ids" --max-tokens 6 --ignore-eos
    exits_with 0
    cmp "$out" "$BATS_TEST_TMPDIR/first"
    "$WEIR" run "$model" --tokens-file - --max-tokens 6 --ignore-eos \
        <"$BATS_TEST_TMPDIR/ids" >"$out"
    cmp "$out" "$BATS_TEST_TMPDIR/first"
    printf '1 6 x' >"$BATS_TEST_TMPDIR/ids"
    weir run "$model" --tokens-file "$BATS_TEST_TMPDIR/ids"
    refuses_with 3 "expected a token id at character 5"
    : >"$BATS_TEST_TMPDIR/ids"
    weir run "$model" --tokens-file "$BATS_TEST_TMPDIR/ids"
    refuses_with 3 "expected a token id at character 1"
    # The rest behind a 0 must not be lost in silence.
    printf '1 6\0 11' >"$BATS_TEST_TMPDIR/ids"
    weir run "$model" --tokens-file "$BATS_TEST_TMPDIR/ids"
    refuses_with 3 "byte 3 is 0"
}

@test "the model is not replaced by a saved timeline" {
    cp "$model" "$BATS_TEST_TMPDIR/m.gguf"
    ln "$BATS_TEST_TMPDIR/m.gguf" "$BATS_TEST_TMPDIR/same"
    weir run "$BATS_TEST_TMPDIR/m.gguf" --tokens 1 --max-tokens 0 --save "$BATS_TEST_TMPDIR/same"
    refuses_with 2 "the model itself"
    cmp "$model" "$BATS_TEST_TMPDIR/m.gguf"
}

@test "--stats tells the prompt's speed also when nothing is generated" {
    weir run "$model" --tokens 1,6,11 --max-tokens 0 --stats
    exits_with 0
    grep -q '^prompt     3 tokens' "$err" || explain
}

@test "ids outside the vocabulary are refused" {
    weir run "$model" --tokens 1,99999
    refuses_with 2 "99999"
}

@test "unknown devices, instruction sets and K/V types are refused" {
    weir run "$model" --tokens 1 --device abacus
    refuses_with 2 "abacus"
    weir run "$model" --tokens 1 --isa abacus
    refuses_with 2 "abacus"
    weir run "$model" --tokens 1 --kv-type f13
    refuses_with 2 "f13"
}

@test "portable kernels, every K/V type" {
    for flags in "--isa portable" "--kv-type f32" "--kv-type f16" "--kv-type q8"; do
        weir run "$model" --tokens 1,6,11 --max-tokens 6 --ignore-eos $flags
        exits_with 0
        [ "$(ids)" -eq 6 ]
    done
}

@test "a model that does not fit is refused with the numbers" {
    weir run "$model" --tokens 1 --max-memory 1MB
    refuses_with 4 "are available"
}

@test "--stats goes to standard error" {
    weir run "$model" --tokens 1,6,11 --max-tokens 6 --ignore-eos --stats
    exits_with 0
    [ "$(ids)" -eq 6 ]
    for word in "tok/s" "K/V pages" "total" "temperature"; do
        grep -q -F "$word" "$err" || explain
    done
}

@test "save and load go on where it ended" {
    state=$BATS_TEST_TMPDIR/a.state
    weir run "$model" --tokens 1,6,11 --max-tokens 20 --ignore-eos
    exits_with 0
    whole=$(cat "$out")
    weir run "$model" --tokens 1,6,11 --max-tokens 8 --ignore-eos --save "$state"
    exits_with 0
    first=$(cat "$out")
    weir run "$model" --load "$state" --max-tokens 12 --ignore-eos
    exits_with 0
    [ "$first,$(cat "$out")" = "$whole" ] || explain
    # New tokens behind a loaded past are as if all had been given at once.
    weir run "$model" --tokens 1,6,11 --max-tokens 0 --save "$state"
    exits_with 0
    weir run "$model" --load "$state" --tokens 42,43 --max-tokens 8 --ignore-eos
    exits_with 0
    loaded=$(cat "$out")
    weir run "$model" --tokens 1,6,11,42,43 --max-tokens 8 --ignore-eos
    [ "$loaded" = "$(cat "$out")" ]
    [ -z "$(ls "$BATS_TEST_TMPDIR" | grep tmp-)" ]
}

@test "foreign and damaged states are refused" {
    state=$BATS_TEST_TMPDIR/a.state
    weir run "$model" --tokens 1,6,11 --max-tokens 4 --ignore-eos --save "$state"
    exits_with 0
    weir run "$model" --load "$BATS_TEST_TMPDIR/none.state"
    refuses_with 5 "none.state"
    head -c 100 "$state" >"$BATS_TEST_TMPDIR/cut.state"
    weir run "$model" --load "$BATS_TEST_TMPDIR/cut.state"
    refuses_with 3 "cut.state"
    make_model dense.gguf tiny-dense
    weir run "$model" --load "$state"
    refuses_with 3 "a.state"
}

@test "damaged models are refused with one line" {
    head -c 1000 "$model" >"$BATS_TEST_TMPDIR/cut.gguf"
    weir run "$BATS_TEST_TMPDIR/cut.gguf" --tokens 1
    refuses_with 3 "cut.gguf"
    head -c 100000 "$model" >"$BATS_TEST_TMPDIR/cut.gguf"
    weir run "$BATS_TEST_TMPDIR/cut.gguf" --tokens 1
    refuses_with 3 "cut.gguf"
    : >"$BATS_TEST_TMPDIR/empty.gguf"
    weir run "$BATS_TEST_TMPDIR/empty.gguf" --tokens 1
    refuses_with 3 "empty.gguf"
    echo "no model at all" >"$BATS_TEST_TMPDIR/text.gguf"
    weir run "$BATS_TEST_TMPDIR/text.gguf" --tokens 1
    refuses_with 3 "text.gguf"
    mkdir "$BATS_TEST_TMPDIR/folder"
    weir run "$BATS_TEST_TMPDIR/folder" --tokens 1
    [ "$code" -eq 3 ] || [ "$code" -eq 5 ] || explain
}

@test "a model that is cut short while it runs ends the run with one line" {
    make_model lost.gguf weir-nano
    for threads in 1 2; do
        cp "$model" "$BATS_TEST_TMPDIR/lost.gguf"
        "$WEIR" run "$BATS_TEST_TMPDIR/lost.gguf" --tokens 1 --ignore-eos --temperature 0 \
            --threads $threads >"$BATS_TEST_TMPDIR/ids" 2>"$BATS_TEST_TMPDIR/message" &
        pid=$!
        for i in $(seq 3000); do
            [ -s "$BATS_TEST_TMPDIR/ids" ] && break
            sleep 0.02
        done
        : >"$BATS_TEST_TMPDIR/lost.gguf"
        code=0
        wait "$pid" || code=$?
        [ "$code" -eq 5 ]
        [ "$(wc -l <"$BATS_TEST_TMPDIR/message")" -eq 1 ]
        grep -q 'can no longer be read' "$BATS_TEST_TMPDIR/message"
    done
}

@test "a reader that goes away does not leave the program running" {
    timeout 60 bash -c '"$0" run "$1" --tokens 1 --ignore-eos | head -c 10 >/dev/null' "$WEIR" "$model"
}

@test "an interrupt ends the run with 130 and a whole line" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    # Whoever starts a program in the background without job control makes it ignore interrupts.
    set -m
    "$WEIR" run "$model" --tokens 1 --ignore-eos --device reference --kv-type f32 \
        --save "$BATS_TEST_TMPDIR/never.state" >"$BATS_TEST_TMPDIR/pipe" 2>/dev/null &
    pid=$!
    set +m
    exec 5<"$BATS_TEST_TMPDIR/pipe"
    read -r -n 8 -u 5 begin
    kill -INT "$pid"
    rest=$(cat <&5)
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 130 ]
    [ -n "$begin" ]
    [ ! -e "$BATS_TEST_TMPDIR/never.state" ]
}
