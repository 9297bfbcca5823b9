#!/usr/bin/env bats
# run_tools.bats: thinking and tool calls of one answer, with a model whose words are known.

load common
load scripted

setup() {
    tools=$BATS_TEST_TMPDIR/tools.json
    cat >"$tools" <<'JSON'
[{"type": "function", "function": {"name": "get_time", "parameters": {"type": "object",
  "properties": {"n": {"minimum": 1.0, "maximum": 12345678901234567890, "z": 1, "a": 2}}}}}]
JSON
}

has_jq() {
    command -v jq >/dev/null || skip "jq is not installed"
}

caller() {
    scripted caller.gguf LFM2-350M \
        say 'Let me| see|.|<|tool_call_start|>|[get_time(city="|Paris|", n=2)]|<|tool_call_end|>' \
        to '<|tool_response_end|>' 'It is| noon|.'
}

thinker() {
    scripted thinker.gguf LFM2-350M say '<think>|Hmm|,| well|</think>|\n\n|Fine|.' \
        after '</think>' 'At| once|.'
}

@test "thinking is hidden without a terminal, and shown on standard error when asked for" {
    thinker
    weir run "$model" "Hi"
    exits_with 0
    [ "$(cat "$out")" = "Fine." ] || explain
    [ ! -s "$err" ] || explain
    weir run "$model" "Hi" --think show
    [ "$(cat "$out")" = "Fine." ] || explain
    [ "$(cat "$err")" = "Hmm, well" ] || explain
    weir run "$model" "Hi" --think hide --color always
    [ "$(cat "$out")" = "Fine." ] || explain
    [ ! -s "$err" ] || explain
    weir run "$model" "Hi" --think show --color always
    grep -q "$(printf '\033')" "$err" || explain
    ! grep -q "$(printf '\033')" "$out" || explain
}

@test "thinking stands apart in JSON" {
    has_jq
    thinker
    weir run "$model" "Hi" --json
    exits_with 0
    [ "$(jq -r .content "$out")" = "Fine." ] || explain
    [ "$(jq -r .reasoning "$out")" = "Hmm, well" ] || explain
    [ "$(jq .usage.reasoning_tokens "$out")" = 4 ] || explain
}

@test "a budget of thinking is kept" {
    has_jq
    thinker
    weir run "$model" "Hi" --think-budget 2 --json
    exits_with 0
    [ "$(jq -r .content "$out")" = "At once." ] || explain
    [ "$(jq -r .reasoning "$out")" = "Hmm," ] || explain
    weir run "$model" "Hi" --think-budget 0 --json
    [ "$(jq -r .content "$out")" = "At once." ] || explain
    [ "$(jq -r .reasoning "$out")" = null ] || explain
    weir run "$model" "Hi" --think-budget 4 --json
    [ "$(jq -r .content "$out")" = "Fine." ] || explain
    # What was put in the model's mouth is marked as such.
    weir run "$model" "Hi" --think-budget 0 --dump-logprobs "$BATS_TEST_TMPDIR/log"
    [ "$(jq -r -j 'select(.is_forced).text' "$BATS_TEST_TMPDIR/log")" = "</think>" ]
}

@test "thinking that is off" {
    has_jq
    thinker
    weir run "$model" "Hi" --think off
    exits_with 0
    [ "$(cat "$out")" = "At once." ] || explain
    printf '%s' '{{ enable_thinking is defined }} {{ enable_thinking }}' >"$BATS_TEST_TMPDIR/t"
    weir run "$model" "Hi" --think off --template "$BATS_TEST_TMPDIR/t" --dump-tokens --json
    [ "$(jq -r .text "$out")" = "True False" ] || explain
    weir run "$model" "Hi" --template "$BATS_TEST_TMPDIR/t" --dump-tokens --json
    [ "$(jq -r .text "$out")" = "False " ] || explain
}

@test "a prompt that ends in <think>" {
    has_jq
    printf '%s' '{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
<think>
{% endif %}' >"$BATS_FILE_TMPDIR/opens.jinja"
    scripted opens.gguf "$BATS_FILE_TMPDIR/opens.jinja" \
        prompt '<|im_end|>\n<|im_start|>assistant\n<think>\n' \
        say 'Deep| thought|</think>|Out|.' after '</think>' 'At| once|.'
    weir run "$model" "Hi" --json
    exits_with 0
    [ "$(jq -r .content "$out")" = "Out." ] || explain
    [ "$(jq -r .reasoning "$out")" = "Deep thought" ] || explain
    weir run "$model" "Hi" --think off --json
    [ "$(jq -r .content "$out")" = "At once." ] || explain
    [ "$(jq .usage.reasoning_tokens "$out")" = 0 ] || explain
    # A user who writes <think> opens nothing.
    printf '%s' '{{ bos_token }}{{ messages[0].content }}' >"$BATS_TEST_TMPDIR/bare"
    weir run "$model" "<think>" --template "$BATS_TEST_TMPDIR/bare" --think off --max-tokens 3 \
        --dump-logprobs "$BATS_TEST_TMPDIR/log"
    exits_with 0
    ! grep -q is_forced "$BATS_TEST_TMPDIR/log"
}

@test "thinking that was closed is not opened again" {
    has_jq
    scripted stubborn.gguf LFM2-350M control '<think>' say '<think>|Hmm|</think>|x' \
        after '</think>' '<think>|Hm'
    weir run "$model" "Hi" --think-budget 1 --max-tokens 60 --dump-logprobs "$BATS_TEST_TMPDIR/log"
    exits_with 0
    [ "$(jq -r 'select(.text == "<think>") | .id' "$BATS_TEST_TMPDIR/log" | wc -l)" -eq 1 ]
}

@test "tools reach the model as they were written" {
    has_jq
    caller
    weir run "$model" "Hi" --tools "$tools" --dump-tokens --json
    exits_with 0
    jq -r .text "$out" | grep -q -F '<|tool_list_start|>[{"type": "function", "function": {"name": "get_time"' || explain
    jq -r .text "$out" | grep -q -F '"minimum": 1.0, "maximum": 12345678901234567890, "z": 1, "a": 2' || explain
}

@test "a call that nobody answers is shown, and ends the run" {
    has_jq
    caller
    weir run "$model" "Hi" --tools "$tools"
    exits_with 0
    [ "$(head -n 1 "$out")" = "Let me see." ] || explain
    [ "$(tail -n 1 "$out")" = '{"name": "get_time", "arguments": {"city": "Paris", "n": 2}}' ] || explain
    weir run "$model" "Hi" --tools "$tools" --json
    [ "$(jq -r .finish "$out")" = tool_calls ] || explain
    [ "$(jq -c .tool_calls "$out")" = '[{"name":"get_time","arguments":{"city":"Paris","n":2}}]' ] || explain
    [ "$(jq -r .content "$out")" = "Let me see." ] || explain
}

@test "a command answers calls" {
    caller
    weir run "$model" "Hi" --tools "$tools" --tool-command "cat >'$BATS_TEST_TMPDIR/call'; echo noon"
    exits_with 0
    [ "$(cat "$BATS_TEST_TMPDIR/call")" = '{"name": "get_time", "arguments": {"city": "Paris", "n": 2}}' ] || explain
    [ "$(tail -n 1 "$out")" = "It is noon." ] || explain
    ! grep -q get_time "$out" || explain
    grep -q -F 'call {"name": "get_time"' "$err" || explain
    # One that reads nothing, and one that says much.
    weir run "$model" "Hi" --tools "$tools" --tool-command "echo noon"
    [ "$(tail -n 1 "$out")" = "It is noon." ] || explain
    weir run "$model" "Hi" --tools "$tools" --tool-command "yes | head -c 1000"
    [ "$(tail -n 1 "$out")" = "It is noon." ] || explain
    weir run "$model" "Hi" --tool-command "echo noon"
    refuses_with 2 "--tools"
}

@test "a command that fails is a result as well" {
    scripted plain_results.gguf LFM2.5-Instruct \
        say '<|tool_call_start|>|[get_time()]|<|tool_call_end|>' \
        to 'noon' 'Lunch|!' to '3' 'It| failed|.' to '15' 'It| was| ended|.'
    weir run "$model" "Hi" --tools "$tools" --tool-command "echo noon"
    [ "$(cat "$out")" = "Lunch!" ] || explain
    weir run "$model" "Hi" --tools "$tools" --tool-command "echo noon; exit 3"
    exits_with 0
    [ "$(cat "$out")" = "It failed." ] || explain
    weir run "$model" "Hi" --tools "$tools" --tool-command 'kill $$'
    [ "$(cat "$out")" = "It was ended." ] || explain
}

@test "rounds are counted" {
    scripted caller_on.gguf LFM2-350M say '<|tool_call_start|>|[get_time()]|<|tool_call_end|>'
    weir run "$model" "Hi" --tools "$tools" --tool-rounds 2 \
        --tool-command "echo x >>'$BATS_TEST_TMPDIR/count'; echo noon"
    exits_with 0
    [ "$(wc -l <"$BATS_TEST_TMPDIR/count")" -eq 2 ] || explain
    grep -q -F -- '--tool-rounds' "$err" || explain
}

@test "a tool that was not offered is not run" {
    scripted stranger.gguf LFM2.5-Instruct \
        say '<|tool_call_start|>|[format_disk()]|<|tool_call_end|>' to 'disk' 'Oh| well|.'
    weir run "$model" "Hi" --tools "$tools" --tool-command "touch '$BATS_TEST_TMPDIR/ran'"
    exits_with 0
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    [ "$(cat "$out")" = "Oh well." ] || explain
}

@test "what the model wrote is not run again" {
    has_jq
    # Five of its six tokens; the sixth, the end, is not run yet. One of the templates would write
    # calls from fields, with quotes of its own: the model's text goes before that.
    for name in LFM2-350M LFM2-1.2B-2025-07 LFM2.5-Instruct LFM2.5-VL LFM2.5-8B-A1B; do
        scripted "again-$name.gguf" "$name" \
            say '<|tool_call_start|>|[get_time(city="|Paris|")]|<|tool_call_end|>' \
            to 'noon' 'Lunch|!' to '<|tool_response_end|>' 'Lunch|!'
        weir run "$model" "Hi" --tools "$tools" --json
        first=$(jq .usage.prompt_tokens "$out")
        weir run "$model" "Hi" --tools "$tools" --tool-command "echo noon" --json
        exits_with 0
        [ "$(jq -r .content "$out")" = "Lunch!" ] || explain
        [ "$(jq .usage.cached_tokens "$out")" -eq $((first + 5)) ] || explain
    done
}

@test "lists of tools that are none are refused" {
    caller
    for text in '{' '"x"' '[{"type": "function"}]' '[1]' '[{"name": ""}]'; do
        printf '%s' "$text" >"$tools"
        weir run "$model" "Hi" --tools "$tools"
        refuses_with 3 "tools.json"
    done
    # One alone, in the bare form.
    printf '%s' '{"name": "get_time"}' >"$tools"
    weir run "$model" "Hi" --tools "$tools"
    exits_with 0
}

@test "a template that ignores tools is told" {
    scripted early.gguf LFM2-1.2B-2025-07 say 'x'
    weir run "$model" "Hi" --tools "$tools"
    exits_with 0
    grep -q -F 'nothing about tools' "$err" || explain
}

@test "an interrupt ends all that a command has started" {
    caller
    for command in 'sleep 300 & echo $! >"$PIDS"; wait' \
        'trap "" TERM; (trap "" TERM; while :; do sleep 1; done) & echo $! $$ >"$PIDS"; wait'; do
        export PIDS=$BATS_TEST_TMPDIR/pids
        rm -f "$PIDS"
        "$WEIR" run "$model" "Hi" --tools "$tools" --tool-command "$command" \
            </dev/null >/dev/null 2>&1 3>&- &
        weir_pid=$!
        for _ in $(seq 600); do
            [ ! -s "$PIDS" ] || break
            sleep 0.1
        done
        kill -TERM "$weir_pid"
        code=0
        wait "$weir_pid" || code=$?
        [ "$code" -eq 130 ]
        sleep 0.2
        for pid in $(cat "$PIDS"); do
            ! kill -0 "$pid" 2>/dev/null || [ "$(awk '{print $3}' "/proc/$pid/stat")" = Z ]
        done
    done
}
