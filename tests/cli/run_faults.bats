#!/usr/bin/env bats
# run_faults.bats: command lines that were meant otherwise, and turns that end before an answer.

load common
load scripted

setup() {
    tools=$BATS_TEST_TMPDIR/tools.json
    printf '%s' '[{"name": "get_time"}]' >"$tools"
    XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
    export XDG_DATA_HOME
}

hello() {
    scripted hello.gguf LFM2-350M say 'Hello|,| wor|ld|!'
}

caller() {
    scripted caller.gguf LFM2-350M say 'Let me| see|.|<|tool_call_start|>|[get_time()]|<|tool_call_end|>'
}

needs() {
    command -v "$1" >/dev/null || skip "$1 is not installed"
}

# The same on a terminal: both streams in $out, line ends as files have them.
on_terminal() {
    needs script
    script -q -c true /dev/null </dev/null >/dev/null 2>&1 || skip "no terminal can be made here"
    out=$BATS_TEST_TMPDIR/screen
    err=/dev/null
    code=0
    script -q -e -c "$(printf '%q ' "$WEIR" "$@")" /dev/null </dev/null >"$out.raw" || code=$?
    tr -d '\r' <"$out.raw" >"$out"
}

@test "a path with white space is no prompt" {
    for path in "/data/my models/x.gguf" "./my models" "my model.gguf"; do
        weir run "$path"
        refuses_with 5 "$path"
        weir run "$path" --dump-tokens
        refuses_with 5 "$path"
    done
    # A slash further on is one of a prompt: the model that ships answers it.
    weir run "this and/or that" --max-tokens 8
    exits_with 0
    [ -s "$out" ] || explain
}

@test "flags that would do nothing are refused" {
    hello
    for flag in --no-autosave --no-history "--resume last"; do
        weir run "$model" "Hi" $flag
        refuses_with 2 "${flag% *} is for a conversation"
    done
    weir run "$model" "Hi" --tool-rounds 2
    refuses_with 2 "--tool-rounds"
    weir run "$model" "Hi" --tool-command cat
    refuses_with 2 "--tool-command"
    weir run "$model" "Hi" --tools "$tools" --tool-rounds 2
    refuses_with 2 "expected --tool-command"
    weir run "$model" "Hi" --dump-tokens --stats
    refuses_with 2 "--stats"
    weir run "$model" "Hi" --dump-tokens --dump-logprobs "$BATS_TEST_TMPDIR/log"
    refuses_with 2 "--dump-logprobs"
    [ ! -e "$BATS_TEST_TMPDIR/log" ]
    weir run "$model" "Hi" --dump-logprobs -
    refuses_with 2 "--dump-logprobs -"
}

@test "variables of the template that are weir's own are refused" {
    hello
    for name in messages tools add_generation_prompt bos_token eos_token; do
        weir run "$model" "Hi" --template-arg "$name=[]"
        refuses_with 2 "--template-arg $name"
    done
    weir run "$model" "Hi" --template-arg "tool=[]" --dump-tokens
    exits_with 0
}

@test "a template that never shows the user's words is told" {
    hello
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$BATS_TEST_TMPDIR/passwd"
    weir run "$model" "Hi" --template "$BATS_TEST_TMPDIR/passwd" --dump-tokens
    exits_with 0
    grep -q -F 'does not show what the user says' "$err" || explain
    printf '%s' '{{ messages[-1].content | upper }}' >"$BATS_TEST_TMPDIR/loud"
    weir run "$model" "Hi" --template "$BATS_TEST_TMPDIR/loud" --dump-tokens
    exits_with 0
    [ ! -s "$err" ] || explain
}

@test "an empty file or pipe is no prompt" {
    hello
    : >"$BATS_TEST_TMPDIR/empty"
    printf '\n' >"$BATS_TEST_TMPDIR/line"
    for rest in "" "-" "--file $BATS_TEST_TMPDIR/empty" "--file $BATS_TEST_TMPDIR/line" "--file -"; do
        weir run "$model" $rest
        refuses_with 2 "a prompt is missing"
    done
    weir run "$model" "" --max-tokens 1
    exits_with 0
    weir run "$model" "Hi" --file "$BATS_TEST_TMPDIR/empty"
    exits_with 0
    weir run "$model" --system-file - --file -
    refuses_with 2 "only once"
    weir run "$model" --tools -
    refuses_with 2 "only once"
}

@test "what is for one answer is refused where a conversation would begin" {
    hello
    for flag in --dump-tokens --json "--dump-logprobs x"; do
        on_terminal run "$model" $flag
        exits_with 2
        [ "$(wc -l <"$out")" -eq 1 ] || explain
        grep -q -F -- "${flag% *} is for one answer" "$out" || explain
    done
}

@test "calls that no round is left for are printed" {
    needs jq
    caller
    weir run "$model" "Hi" --tools "$tools" --tool-command "echo noon" --tool-rounds 1
    exits_with 0
    [ "$(tail -n 1 "$out")" = '{"name": "get_time", "arguments": {}}' ] || explain
    [ "$(grep -c get_time "$out")" -eq 1 ] || explain
    [ "$(grep -c '^call ' "$err")" -eq 1 ] || explain
    grep -q -F -- '--tool-rounds' "$err" || explain
    weir run "$model" "Hi" --tools "$tools" --tool-command "echo noon" --tool-rounds 1 --json
    exits_with 0
    [ "$(jq -c .tool_calls "$out")" = '[{"name":"get_time","arguments":{}}]' ] || explain
}

@test "--json holds every message of the turn, and sums" {
    needs jq
    scripted lunch.gguf LFM2.5-Instruct \
        say 'Let me| see|.|<|tool_call_start|>|[get_time()]|<|tool_call_end|>' to 'noon' 'Lunch|!'
    weir run "$model" "Hi" --tools "$tools" --json
    exits_with 0
    [ "$(jq -c '[.messages[].role]' "$out")" = '["assistant"]' ] || explain
    n_first=$(jq .usage.prompt_tokens "$out")
    weir run "$model" "Hi" --tools "$tools" --tool-command "echo noon" --json
    exits_with 0
    [ "$(jq -r .content "$out")" = "Lunch!" ] || explain
    [ "$(jq -c '[.messages[].role]' "$out")" = '["assistant","tool","assistant"]' ] || explain
    [ "$(jq -c '[.messages[].content]' "$out")" = '["Let me see.","noon","Lunch!"]' ] || explain
    [ "$(jq -r '.messages[1].name' "$out")" = get_time ] || explain
    [ "$(jq -c '.messages[0].tool_calls' "$out")" = '[{"name":"get_time","arguments":{}}]' ] || explain
    # The first prompt, and the second, which begins with it and the first answer.
    jq -e --argjson first "$n_first" '.usage.prompt_tokens > 2 * $first' "$out" || explain
    jq -e '.usage.cached_tokens < .usage.prompt_tokens' "$out" || explain
    # Nothing was said.
    weir run "$model" "Hi" --max-tokens 0 --json
    [ "$(jq -c '[.content, .messages]' "$out")" = '["",[]]' ] || explain
}

@test "an answer that is cut while it thinks is told" {
    scripted thinker.gguf LFM2-350M say '<think>|Hmm|,| well|</think>|\n\n|Fine|.'
    for think in show hide; do
        weir run "$model" "Hi" --max-tokens 3 --think $think
        exits_with 0
        [ ! -s "$out" ] || explain
        grep -q -F 'ended after 3 tokens, still thinking' "$err" || explain
    done
    weir run "$model" "Hi" --max-tokens 7
    exits_with 0
    [ ! -s "$err" ] || explain
}

@test "a warning has a line of its own on a screen" {
    scripted broken.gguf LFM2-350M say 'Well|.|<|tool_call_start|>|[get_time(|<|tool_call_end|>'
    weir run "$model" "Hi"
    exits_with 0
    warning=$(grep 'the answer: ' "$err") || explain
    on_terminal run "$model" "Hi" --color never
    exits_with 0
    grep -q -x -F "$warning" "$out" || explain
    grep -q -x -F 'Well.' "$out" || explain
}

@test "a prompt that cannot fit is refused before it is encoded" {
    hello
    head -c 3000000 /dev/zero | tr '\0' 'x' >"$BATS_TEST_TMPDIR/long"
    weir run "$model" --file "$BATS_TEST_TMPDIR/long" --ctx 256
    [ "$code" -eq 1 ] || explain
    grep -q -E 'the prompt has 30000[0-9]+ bytes, at least [0-9]+ tokens, and 256' "$err" || explain
    # One that may fit is counted.
    head -c 600 "$BATS_TEST_TMPDIR/long" >"$BATS_TEST_TMPDIR/shorter"
    weir run "$model" --file "$BATS_TEST_TMPDIR/shorter" --ctx 256
    ! grep -q 'at least' "$err" || explain
}

@test "--stats tells only of a prompt that was known" {
    hello
    weir run "$model" "Hi" --stats
    exits_with 0
    grep -q '^generated' "$err" || explain
    ! grep -q '^cached' "$err" || explain
}

@test "token ids: an interrupt is told in the same word as for text" {
    make_model dense.gguf tiny-dense
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    set -m
    "$WEIR" run "$model" --tokens 1,6 --device reference --ctx 2048 --ignore-eos \
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
    [ -n "$begin" ]
    [ "$(tail -n 1 "$BATS_TEST_TMPDIR/said")" = "weir run: interrupted" ]
}
