#!/usr/bin/env bats
# run_text.bats: one prompt, one answer, with a model whose words are known.

load common
load scripted

setup() {
    scripted hello.gguf LFM2-350M say 'Hello|,| wor|ld|!' to 'Bye' 'So| long|.' \
        to 'café' 'Voil|à| un| thé| €|.'
    XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
    export XDG_DATA_HOME
}

says() { # the answer, whole, is on standard output; nothing on standard error
    [ "$code" -eq 0 ] || explain
    [ "$(cat "$out")" = "$1" ] || explain
    [ ! -s "$err" ] || explain
}

from_input() { # text on standard input, arguments
    out=$BATS_TEST_TMPDIR/stdout
    err=$BATS_TEST_TMPDIR/stderr
    text=$1
    shift
    code=0
    printf '%s' "$text" | "$WEIR" "$@" >"$out" 2>"$err" || code=$?
}

@test "a prompt is answered, and nothing else is said" {
    weir run "$model" "Hi"
    says "Hello, world!"
    weir run "$model" "Bye"
    says "So long."
}

@test "the prompt from standard input" {
    from_input Bye run "$model"
    says "So long."
    from_input $'Bye\n' run "$model"
    says "So long."
    from_input Bye run "$model" -
    says "So long."
    # With a prompt standard input is left alone.
    from_input Bye run "$model" Hi
    says "Hello, world!"
}

@test "the prompt from files, behind the operand" {
    printf 'Bye\n' >"$BATS_TEST_TMPDIR/bye"
    weir run "$model" --file "$BATS_TEST_TMPDIR/bye"
    says "So long."
    weir run "$model" "Hi" --file "$BATS_TEST_TMPDIR/bye"
    says "So long."
    weir run "$model" "Hi" --file "$BATS_TEST_TMPDIR/bye" --dump-tokens --json
    exits_with 0
    grep -q -F 'Hi\nBye<|im_end|>' "$out" || explain
    from_input Hi run "$model" -f "$BATS_TEST_TMPDIR/bye" -f - --dump-tokens --json
    grep -q -F 'Bye\nHi<|im_end|>' "$out" || explain
    from_input Hi run "$model" - --file -
    refuses_with 2 "only once"
    weir run "$model" --file "$BATS_TEST_TMPDIR/nowhere"
    refuses_with 5 "nowhere"
}

@test "a prompt that is no UTF-8 is read with a word" {
    from_input $'caf\xe9' run "$model" --dump-tokens
    exits_with 0
    grep -q -F 'byte 3' "$err" || explain
}

@test "system prompts" {
    weir run "$model" "Hi" --system "Be brief." --dump-tokens --json
    exits_with 0
    grep -q -F '<|im_start|>system\nBe brief.<|im_end|>' "$out" || explain
    printf 'Be long.\n' >"$BATS_TEST_TMPDIR/system"
    weir run "$model" "Hi" --system-file "$BATS_TEST_TMPDIR/system" --dump-tokens --json
    grep -q -F '<|im_start|>system\nBe long.<|im_end|>' "$out" || explain
    weir run "$model" "Hi" --system a --system-file "$BATS_TEST_TMPDIR/system"
    refuses_with 2 "exclude each other"
}

@test "--max-tokens" {
    weir run "$model" "Hi" --max-tokens 3
    says "Hello, wor"
    weir run "$model" "Hi" --max-tokens 0
    says ""
}

@test "stop strings end the answer and do not leak" {
    weir run "$model" "Hi" --stop world
    says "Hello, "
    # Across three tokens, and at the very beginning.
    weir run "$model" "Hi" --stop "o, world"
    says "Hell"
    weir run "$model" "Hi" --stop Hello
    says ""
    # One that only nearly comes is shown at the end.
    weir run "$model" "Hi" --stop "world!?" --stop "ld?"
    says "Hello, world!"
    weir run "$model" "Hi" --stop "nothing" --stop "wor"
    says "Hello, "
    # What the same token says behind it is not said either.
    scripted behind.gguf LFM2-350M say 'Well| now<think>I know</think> then|.'
    weir run "$model" "Hi" --stop now --think show --json
    grep -q -F '"content": "Well ", "reasoning": null' "$out" || explain
    weir run "$model" "Hi" --stop ""
    refuses_with 2 "--stop"
}

@test "only whole code points are written" {
    scripted bytes.gguf LFM2-350M say 'a|b'
    weir run "$model" "Hi" --ignore-eos --max-tokens 40 --temperature 3 --seed 5
    exits_with 0
    iconv -f UTF-8 -t UTF-8 "$out" >/dev/null
    scripted hello.gguf LFM2-350M
    weir run "$model" "café"
    says "Voilà un thé €."
}

@test "--json tells everything in one object" {
    command -v jq >/dev/null || skip "jq is not installed"
    weir run "$model" "Hi" --json --seed 7
    exits_with 0
    [ "$(wc -l <"$out")" -eq 1 ]
    [ "$(jq -r .content "$out")" = "Hello, world!" ]
    [ "$(jq -r .finish "$out")" = stop ]
    [ "$(jq -r .model "$out")" = scripted ]
    [ "$(jq .seed "$out")" = 7 ]
    [ "$(jq .usage.completion_tokens "$out")" = 6 ]
    [ "$(jq .usage.cached_tokens "$out")" = 0 ]
    [ "$(jq .reasoning "$out")" = null ]
    [ "$(jq -c .tool_calls "$out")" = "[]" ]
    weir run "$model" "Hi" --json --max-tokens 2
    [ "$(jq -r .finish "$out")" = length ]
    [ "$(jq -r .content "$out")" = "Hello," ]
}

@test "--dump-tokens shows the prompt and reads no weights" {
    weir run "$model" "Hi" --dump-tokens
    exits_with 0
    [ "$(head -n 1 "$out" | tr -s ' ')" = " 1 control <|startoftext|>" ] || explain
    [ "$(grep -c 'control  <|im_start|>' "$out")" -eq 2 ] || explain
    # A user's words never become control tokens.
    weir run "$model" "a<|im_end|>b" --dump-tokens
    exits_with 0
    [ "$(grep -c 'control  <|im_end|>' "$out")" -eq 1 ] || explain
    # As many bytes as the header needs; the weights are gone.
    size=$(wc -c <"$model")
    head -c $((size - 1000)) "$model" >"$BATS_TEST_TMPDIR/cut.gguf"
    weir run "$BATS_TEST_TMPDIR/cut.gguf" "Hi"
    [ "$code" -eq 3 ] || explain
}

@test "--dump-logprobs writes a line for each token" {
    command -v jq >/dev/null || skip "jq is not installed"
    log=$BATS_TEST_TMPDIR/log
    weir run "$model" "Hi" --dump-logprobs "$log"
    says "Hello, world!"
    [ "$(wc -l <"$log")" -eq 6 ]
    [ "$(jq -r -j .text "$log")" = "Hello, world!<|im_end|>" ]
    [ "$(jq '.top | length' "$log" | sort -u)" = 5 ]
    # Greedy: what was drawn is the likeliest; probabilities fall, and add up to one at most.
    jq -e '.id == .top[0].id and .logprob == .top[0].logprob and .logprob <= 0' "$log" >/dev/null
    jq -e '[.top[].logprob] as $l | ($l | sort | reverse) == $l' "$log" >/dev/null
    jq -e '([.top[].logprob | exp] | add) < 1.0001' "$log" >/dev/null
    weir run "$model" "Hi" --dump-logprobs "$log" --logprobs-top 2
    [ "$(jq '.top | length' "$log" | sort -u)" = 2 ]
    weir run "$model" "Hi" --logprobs-top 2
    refuses_with 2 "--dump-logprobs"
    weir run "$model" "Hi" --dump-logprobs "$BATS_TEST_TMPDIR/no/where"
    refuses_with 5 "no/where"
}

@test "a full context ends the answer and is told" {
    scripted endless.gguf LFM2-350M say 'a|b|@'
    weir run "$model" "Hi" --ctx 64 --json
    exits_with 0
    grep -q -F '"finish": "length"' "$out" || explain
    grep -q -F 'the context is full' "$err" || explain
    weir run "$model" "$(printf '%0300d' 0)" --ctx 64
    refuses_with 1 "the context is full"
}

@test "plain text is completed without a template" {
    scripted plain.gguf none after 'upon' ' a| time|.'
    weir run "$model" "Once upon"
    says " a time."
    weir run "$model" "Once upon" --stats
    grep -q 'plain text was completed' "$err" || explain
    weir run "$model" "Once upon" --dump-tokens
    [ "$(head -n 1 "$out" | tr -s ' ')" = " 1 control <|startoftext|>" ] || explain
    weir run "$model" "a<|im_end|>" --dump-tokens
    [ "$(grep -c control "$out")" -eq 1 ] || explain
    weir run "$model" "a<|im_end|>" --dump-tokens --control
    [ "$(grep -c control "$out")" -eq 2 ] || explain
    weir run "$model" "Once upon" --system x
    refuses_with 2 "--system"
    scripted both.gguf LFM2-350M say 'chat' after 'upon' ' a| time|.'
    weir run "$model" "Once upon"
    says "chat"
    weir run "$model" "Once upon" --no-template
    says " a time."
    weir run "$model" "Once upon" --control
    refuses_with 2 "--no-template"
}

@test "another template, and variables for it" {
    printf '%s' '{{ bos_token }}{{ messages[0].content }}/{{ x }}/{{ y.z }}/upon' \
        >"$BATS_TEST_TMPDIR/t.jinja"
    weir run "$model" "Hi" --template "$BATS_TEST_TMPDIR/t.jinja" --template-arg x=12345678901234567890 \
        --template-arg 'y={"z": "w"}' --dump-tokens --json
    exits_with 0
    grep -q -F '"text": "<|startoftext|>Hi/12345678901234567890/w/upon"' "$out" || explain
    weir run "$model" "Hi" --template-arg x
    refuses_with 2 "NAME=JSON"
    weir run "$model" "Hi" --template-arg x=w
    refuses_with 2 "expected JSON"
    printf '%s' '{% frobnicate %}' >"$BATS_TEST_TMPDIR/t.jinja"
    weir run "$model" "Hi" --template "$BATS_TEST_TMPDIR/t.jinja"
    [ "$code" -eq 3 ] || explain
    grep -q 'frobnicate' "$err" || explain
    weir run "$model" "Hi" --template "$BATS_TEST_TMPDIR/t.jinja" --no-template
    refuses_with 2 "exclude each other"
}

@test "token ids and text do not mix" {
    weir run "$model" --tokens 1 --stop x
    refuses_with 2 "--stop"
    weir run "$model" "Hi" --tokens 1
    refuses_with 2 "exclude each other"
    weir run "$model" --save "$BATS_TEST_TMPDIR/x"
    refuses_with 2 "--save"
}

@test "models by name" {
    places=$BATS_TEST_TMPDIR/data/weir/models
    mkdir -p "$places" "$BATS_TEST_TMPDIR/prefix/bin" "$BATS_TEST_TMPDIR/prefix/share/weir/models" \
        "$BATS_TEST_TMPDIR/prefix/models"
    cp "$model" "$places/mine.gguf"
    cp "$model" "$places/exact"
    weir run mine "Hi"
    says "Hello, world!"
    weir run mine.gguf "Hi"
    says "Hello, world!"
    weir run exact "Hi"
    says "Hello, world!"
    # Nothing named: weir-nano, the one that ships, unless the user has another of that name.
    weir run "Hi you" --max-tokens 8
    exits_with 0
    ! grep -q -F "Hello, world!" "$out" || explain
    cp "$model" "$places/weir-nano.gguf"
    weir run "Hi you"
    says "Hello, world!"
    from_input Bye run
    says "So long."
    from_input Bye run -
    says "So long."
    # A word that is no model is not taken for a prompt; the line tells places and names.
    weir run elsewhere
    refuses_with 5 "elsewhere"
    grep -q -F "$places" "$err" || explain
    grep -q -F "mine, weir-nano" "$err" || explain
    grep -q -F "a PROMPT of one word" "$err" || explain
    weir run ./mine "Hi"
    refuses_with 5 "./mine"
    # A folder that holds no model hides none.
    cd "$BATS_TEST_TMPDIR"
    mkdir -p mine
    weir run mine "Hi"
    says "Hello, world!"
    rmdir mine
    # Beside the program, in a prefix and in a tree.
    cp "$WEIR" "$BATS_TEST_TMPDIR/prefix/bin/weir"
    cp "$model" "$BATS_TEST_TMPDIR/prefix/share/weir/models/shared.gguf"
    cp "$model" "$BATS_TEST_TMPDIR/prefix/models/grown.gguf"
    WEIR=$BATS_TEST_TMPDIR/prefix/bin/weir
    weir run shared "Hi"
    says "Hello, world!"
    weir run grown "Hi"
    says "Hello, world!"
    # A path that exists wins over a name.
    cd "$BATS_TEST_TMPDIR"
    echo "no model" >mine
    weir run mine "Hi"
    refuses_with 3 "mine"
}

@test "samplers work on text, and --seed repeats" {
    scripted loose.gguf LFM2-350M say 'a|b|@'
    weir run "$model" "Hi" --temperature 9 --max-tokens 30 --seed 3
    exits_with 0
    cp "$out" "$BATS_TEST_TMPDIR/three"
    weir run "$model" "Hi" --temperature 9 --max-tokens 30 --seed 3
    cmp "$out" "$BATS_TEST_TMPDIR/three"
    weir run "$model" "Hi" --temperature 9 --max-tokens 30 --seed 4
    ! cmp -s "$out" "$BATS_TEST_TMPDIR/three"
    weir run "$model" "Hi" --temperature -1
    refuses_with 2 "temperature"
}

@test "an interrupt ends the answer with 130" {
    scripted endless.gguf LFM2-350M say 'a|b|@'
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    set -m
    "$WEIR" run "$model" "Hi" --device reference --ctx 2048 --ignore-eos \
        >"$BATS_TEST_TMPDIR/pipe" 2>"$BATS_TEST_TMPDIR/said" </dev/null &
    pid=$!
    set +m
    exec 5<"$BATS_TEST_TMPDIR/pipe"
    read -r -n 4 -u 5 begin
    kill -INT "$pid"
    cat <&5 >/dev/null
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 130 ]
    [ "$begin" = abab ]
    grep -q interrupted "$BATS_TEST_TMPDIR/said"
}

@test "no colour and no escape sequences when piped" {
    scripted escapes.gguf LFM2-350M say 'a' after '</think>' 'b'
    weir run "$model" "Hi" --stats --think show
    exits_with 0
    ! grep -q "$(printf '\033')" "$out" "$err"
}

@test "files that are no models" {
    : >"$BATS_TEST_TMPDIR/empty.gguf"
    echo "root:x:0:0" >"$BATS_TEST_TMPDIR/passwd"
    for file in empty.gguf passwd; do
        weir run "$BATS_TEST_TMPDIR/$file" "Hi"
        refuses_with 3 "neither a GGUF file nor"
    done
}

@test "sampling that cannot be is refused before anything is run" {
    weir run "$model" "Hi" --temperature -1
    refuses_with 2 "temperature is -1"
    weir run "$model" "Hi" --top-p 2
    refuses_with 2 "top_p is 2"
    weir run "$model" "Hi" --logit-bias 99999999:1
    refuses_with 2 "99999999"
}

@test "a full disk is told as such" {
    [ -e /dev/full ] || skip "there is no /dev/full"
    code=0
    "$WEIR" run "$model" "Hi" >/dev/full 2>"$BATS_TEST_TMPDIR/stderr" || code=$?
    [ "$code" -eq 5 ]
    grep -q "No space left" "$BATS_TEST_TMPDIR/stderr"
}
