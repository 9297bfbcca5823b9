#!/usr/bin/env bats
# serve_pains.bats: what users of this family of models have met with other servers, each named
# after what it prevents. What stands below the API is tested beside it; the comments say where.

load common
load serving

setup() {
    serving_setup
    command -v jq >/dev/null || skip "jq is not installed"
    reply=$BATS_TEST_TMPDIR/reply
}

teardown() {
    serving_teardown
}

ask() { # path, body: the reply in $reply; its status
    printf '%s' "$2" | curl -s -o "$reply" -w '%{http_code}' "$address$1" -d @-
}

is() { # jq filter that has to be true of the reply
    jq -e "$1" "$reply" >/dev/null || {
        head -c 2000 "$reply"
        false
    }
}

words() { # so many of them
    local i
    for i in $(seq "$1"); do printf 'Tom has %d red apples. ' "$i"; done
}

chat() { # body without its braces: 200, the reply in $reply
    [ "$(ask /v1/chat/completions "{$1}")" = 200 ] || {
        head -c 2000 "$reply"
        false
    }
}

tools='"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object",
    "properties": {"city": {"type": "string", "maxLength": 20}, "days": {"type": "integer",
    "minimum": 1, "maximum": 9}}, "required": ["city", "days"]}}}]'

# Below: test_engine_life.c, test_prefix_is_reused.
@test "1: the next turn does not run the conversation again" {
    serve --ctx 1024
    first="{\"role\": \"user\", \"content\": \"$(words 40)\"}"
    chat "\"messages\": [$first], \"max_tokens\": 8, \"temperature\": 0"
    prompt=$(jq .usage.prompt_tokens "$reply")
    answer=$(jq -c '.choices[0].message | {role, content}' "$reply")
    chat "\"messages\": [$first, $answer, {\"role\": \"user\", \"content\": \"And Lily?\"}], \"max_tokens\": 4"
    is ".usage.prompt_tokens_details.cached_tokens >= $prompt"
    is '.usage.prompt_tokens - .usage.prompt_tokens_details.cached_tokens < 24'
    # Another ending: all that is common stays, and the reply says where it differs.
    chat "\"messages\": [{\"role\": \"user\", \"content\": \"$(words 39) Stop.\"}], \"max_tokens\": 4"
    is '.weir.reuse.tokens > 200 and .weir.reuse.ended == "different"'
    stop
}

# Below: test_page_store.c, the state file in test_engine_steps.c.
@test "2: what was run before a restart is not run again after it" {
    serve --ctx 1024 --state-dir "$BATS_TEST_TMPDIR/state"
    body="\"messages\": [{\"role\": \"user\", \"content\": \"$(words 40)\"}], \"max_tokens\": 12, \"seed\": 3"
    chat "$body"
    is '.weir.reuse.from_disk == 0'
    stop
    serve --ctx 1024 --state-dir "$BATS_TEST_TMPDIR/state"
    chat "$body"
    # All but the last page, which is not full: it said so, and it is so.
    is '.weir.reuse.from_disk >= 128'
    is '.usage.prompt_tokens - .usage.prompt_tokens_details.cached_tokens <= 64'
    [ "$(curl -s "$address/metrics" | sed -n 's/^weir_engine_rows_total //p')" -lt 160 ]
    stop
}

@test "3: damage to what was kept is a miss, and nothing that is there suffers from it" {
    serve --ctx 1024 --state-dir "$BATS_TEST_TMPDIR/state"
    body="\"messages\": [{\"role\": \"user\", \"content\": \"$(words 40)\"}], \"max_tokens\": 12, \"seed\": 3"
    chat "$body"
    answer=$(jq -r '.choices[0].message.content' "$reply")
    chat '"session": "kept", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4'
    [ "$(ask /v1/sessions/kept/fork '{"id": "empty", "messages": 0}')" = 201 ]
    stop
    for file in "$BATS_TEST_TMPDIR"/state/pages/*.kv; do
        printf 'damaged' | dd of="$file" bs=1 seek=400 conv=notrunc 2>/dev/null
    done
    : >"$BATS_TEST_TMPDIR/state/pages/$(printf '0%.0s' $(seq 32)).kv"
    serve --ctx 1024 --state-dir "$BATS_TEST_TMPDIR/state"
    chat "$body"
    is '.weir.reuse.from_disk == 0'
    [ "$(jq -r '.choices[0].message.content' "$reply")" = "$answer" ]
    # What is in memory by now is not hidden by what is on disk.
    chat "$body"
    is '.usage.prompt_tokens - .usage.prompt_tokens_details.cached_tokens == 1'
    # A conversation of which nothing was kept goes on from nothing.
    for session in empty kept; do
        chat "\"session\": \"$session\", \"messages\": [{\"role\": \"user\", \"content\": \"Bye\"}], \"max_tokens\": 4"
    done
    stop
}

@test "6: an answer that begins with what was on disk is the same to the last digit" {
    body="\"messages\": [{\"role\": \"user\", \"content\": \"$(words 40)\"}], \"max_tokens\": 12,
          \"temperature\": 1, \"seed\": 3, \"logprobs\": true, \"top_logprobs\": 3"
    serve --ctx 1024 --state-dir "$BATS_TEST_TMPDIR/state"
    chat "$body"
    whole=$(jq -c '.choices[0] | [.message.content, .logprobs]' "$reply")
    stop
    serve --ctx 1024 --state-dir "$BATS_TEST_TMPDIR/state"
    chat "$body"
    is '.weir.reuse.from_disk >= 128'
    [ "$(jq -c '.choices[0] | [.message.content, .logprobs]' "$reply")" = "$whole" ]
    stop
}

@test "4: reuse is never silently off" {
    serve --no-prefix-cache
    for _ in 1 2; do
        chat "\"messages\": [{\"role\": \"user\", \"content\": \"$(words 10)\"}], \"max_tokens\": 2"
        is '.weir.reuse.tokens == 0 and .weir.reuse.ended == "off"'
    done
    stop
}

# That it is no slower is a matter of rows: test_engine_life.c counts them.
@test "5: a prompt that is known is one row, not more work than a new one" {
    serve
    for _ in 1 2; do
        chat "\"messages\": [{\"role\": \"user\", \"content\": \"$(words 10)\"}], \"max_tokens\": 2"
    done
    is '.usage.prompt_tokens - .usage.prompt_tokens_details.cached_tokens == 1'
    stop
}

# Below: test_reply*.c and the golden calls of all template generations (weir selftest toolcalls).
@test "7: calls come as calls, go back as calls, and no text of a model is an error 500" {
    serve --ctx 1024
    chat "\"messages\": [{\"role\": \"user\", \"content\": \"How is the weather in Rome?\"}], $tools,
          \"tool_choice\": \"required\", \"seed\": 1"
    is '.choices[0].finish_reason == "tool_calls"'
    is '.choices[0].message.tool_calls[0].function | .name == "weather" and
        (.arguments | fromjson | .days >= 1 and .days <= 9 and (.city | length <= 20))'
    call=$(jq -c '.choices[0].message' "$reply")
    id=$(jq -r '.choices[0].message.tool_calls[0].id' "$reply")
    chat "\"messages\": [{\"role\": \"user\", \"content\": \"How is the weather in Rome?\"}, $call,
          {\"role\": \"tool\", \"tool_call_id\": \"$id\", \"content\": \"sunny\"}], $tools, \"max_tokens\": 40"
    is '.choices[0].finish_reason | . == "stop" or . == "tool_calls" or . == "length"'
    for text in '<|tool_call_start|>[weather(city=' '[weather(]' '<|tool_call_start|>{}<|tool_call_end|>' \
        '<think>' '</think></think>'; do
        chat "\"messages\": [{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"assistant\",
              \"content\": \"$text\"}, {\"role\": \"user\", \"content\": \"y\"}], $tools, \"max_tokens\": 4"
    done
    stop
}

@test "8: the template of the file is what is run" {
    serve
    [ "$(ask /apply-template '{"messages": [{"role": "user", "content": "Who are you?"}]}')" = 200 ]
    expected=$("$WEIR" run "$nano" "Who are you?" --dump-tokens --json | jq -r .text)
    [ "$(jq -r .prompt "$reply")" = "$expected" ]
    echo '{{ no_such_function() | nor_filter }}' >"$BATS_TEST_TMPDIR/bad.jinja"
    weir serve "$nano" --port 0 --template "$BATS_TEST_TMPDIR/bad.jinja"
    [ "$code" -ne 0 ]
    grep -q bad.jinja "$err"
    stop
}

# Below: test_json_schema.c: hundreds of schemas, valid and invalid.
@test "9: a schema that is accepted is enforced, and one that cannot be is refused" {
    serve
    schema='{"type": "object", "properties": {"ok": {"type": "boolean"}, "n": {"type": "integer",
             "minimum": 3, "maximum": 5}}, "required": ["ok", "n"], "additionalProperties": false}'
    for seed in 1 2 3 4 5 6 7 8; do
        chat "\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"temperature\": 2, \"seed\": $seed,
              \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"x\", \"schema\": $schema}}"
        is '.choices[0].message.content | fromjson | keys == ["n", "ok"] and .n >= 3 and .n <= 5'
    done
    [ "$(ask /v1/chat/completions '{"messages": [{"role": "user", "content": "Hi"}], "response_format":
        {"type": "json_schema", "json_schema": {"name": "x", "schema": {"properties": {"a": {"not":
        {"type": "string"}}}}}}}')" = 400 ]
    is '.error.param | contains("#/properties/a/not")'
    [ "$(ask /v1/chat/completions '{"messages": [{"role": "user", "content": "Hi"}], "grammar": "root ::= nothing"}')" = 400 ]
    stop
}

# What it costs: docs/grammar.md.
@test "10: limits of ten thousand characters are taken" {
    serve
    chat '"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 30, "response_format": {"type":
          "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a":
          {"type": "string", "maxLength": 10000}, "b": {"type": "array", "items": {"type": "string",
          "maxLength": 10000}, "maxItems": 10000}}, "required": ["a"]}}}'
    is '.choices[0].message.content | startswith("{")'
    stop
}

# Below: test_stream_split.c, 10,000 random splits.
@test "11: a stream put together is the whole reply, and tool_choice none counts in it" {
    serve
    body="\"messages\": [{\"role\": \"user\", \"content\": \"How is the weather in Rome?\"}], $tools, \"seed\": 4"
    chat "$body, \"tool_choice\": \"required\""
    whole=$(jq -c '[.choices[0].message.tool_calls[] | .function | [.name, .arguments]]' "$reply")
    curl -s -N "$address/v1/chat/completions" -d "{$body, \"tool_choice\": \"required\", \"stream\": true}" |
        sed -n 's/^data: {/{/p' >"$BATS_TEST_TMPDIR/events"
    streamed=$(jq -s -c '[.[].choices[0].delta.tool_calls // [] | .[]] | group_by(.index) |
        map([(map(.function.name // "") | add), (map(.function.arguments // "") | add)])' "$BATS_TEST_TMPDIR/events")
    [ "$whole" = "$streamed" ]
    curl -s -N "$address/v1/chat/completions" -d "{$body, \"tool_choice\": \"none\", \"stream\": true, \"max_tokens\": 30}" \
        >"$reply"
    ! grep -q tool_calls "$reply"
    stop
}

@test "12: a prompt that is too long is told, not cut" {
    serve --ctx 256
    [ "$(ask /v1/chat/completions "{\"messages\": [{\"role\": \"user\", \"content\": \"$(words 200)\"}]}")" = 400 ]
    is '.error.code == "context_length_exceeded" and (.error.message | test("256"))'
    [ "$(ask /v1/completions "{\"prompt\": \"$(words 200)\"}")" = 400 ]
    [ "$(ask /v1/messages "{\"max_tokens\": 5, \"messages\": [{\"role\": \"user\", \"content\": \"$(words 200)\"}]}")" = 400 ]
    [ "$(ask /v1/responses "{\"input\": \"$(words 200)\"}")" = 400 ]
    stop
}

# Below: test_scheduler_load.c, with clocks.
@test "13: a long prompt does not stall an answer in the making" {
    serve --ctx 1024 --isa portable --max-gap-ms 20
    curl -s -N "$address/v1/chat/completions" -o "$BATS_TEST_TMPDIR/stream" -d '{"messages": [{"role": "user",
        "content": "Tell me a story."}], "stream": true, "max_tokens": 900, "ignore_eos": true}' 3>&- &
    client=$!
    for _ in $(seq 200); do
        grep -q '"content"' "$BATS_TEST_TMPDIR/stream" 2>/dev/null && break
        sleep 0.02
    done
    before=$(wc -l <"$BATS_TEST_TMPDIR/stream")
    chat "\"messages\": [{\"role\": \"user\", \"content\": \"$(words 90)\"}], \"max_tokens\": 1"
    after=$(wc -l <"$BATS_TEST_TMPDIR/stream")
    # A step of 64 rows at least beside each token: the prompt of some 900 tokens takes many.
    [ $((after - before)) -ge 8 ]
    kill $client
    wait $client || true
    stop
}

# Below: test_http.c and test_http_abuse.c, at every stage; test_runner.c.
@test "14: work ends when the client leaves, and a waiting one that leaves harms nobody" {
    serve --seqs 1 --isa portable
    long='{"messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": 400, "ignore_eos": true, "stream": true}'
    curl -s -N "$address/v1/chat/completions" -o "$BATS_TEST_TMPDIR/first" -d "$long" 3>&- &
    first=$!
    for _ in $(seq 200); do
        grep -q '"content"' "$BATS_TEST_TMPDIR/first" 2>/dev/null && break
        sleep 0.02
    done
    curl -s -N "$address/v1/chat/completions" -o /dev/null -d "$long" 3>&- & # waits
    second=$!
    sleep 0.2
    kill -9 $second
    wait $second || true
    wait $first
    grep -q '^data: \[DONE\]' "$BATS_TEST_TMPDIR/first"
    curl -s -N "$address/v1/chat/completions" -o /dev/null -d "$long" 3>&- &
    third=$!
    sleep 0.2
    kill -9 $third
    wait $third || true
    for _ in $(seq 100); do
        curl -s "$address/metrics" | grep -q '^weir_answers_running 0' && break
        sleep 0.05
    done
    curl -s "$address/metrics" | grep -q '^weir_answers_running 0'
    stop
}

# Below: test_runner_company.c: 64 others.
@test "15: the same request has the same answer, alone and in company, at any temperature" {
    serve --seqs 16
    for temperature in 0 1; do
        body="{\"messages\": [{\"role\": \"user\", \"content\": \"Tell me a story.\"}], \"max_tokens\": 60,
               \"temperature\": $temperature, \"seed\": 11}"
        ask /v1/chat/completions "$body" >/dev/null
        alone=$(jq -r '.choices[0].message.content' "$reply")
        clients=
        for i in $(seq 15); do
            curl -s "$address/v1/chat/completions" -o /dev/null -d "{\"messages\": [{\"role\": \"user\",
                \"content\": \"$(words $((i * 3)))\"}], \"max_tokens\": 60, \"seed\": $i}" 3>&- &
            clients="$clients $!"
        done
        ask /v1/chat/completions "$body" >/dev/null
        [ "$(jq -r '.choices[0].message.content' "$reply")" = "$alone" ]
        wait $clients
    done
    stop
}

# Below: test_completions_api.c, requests recorded from lm-evaluation-harness.
@test "16: likelihoods over HTTP are those of weir eval" {
    serve --kv-type f32
    printf 'Once upon a time there was a little mouse who lived in a big house.' >"$BATS_TEST_TMPDIR/text.txt"
    [ "$(ask /tokenize "{\"prompt\": \"$(cat "$BATS_TEST_TMPDIR/text.txt")\"}")" = 200 ]
    tokens=$(jq -c .tokens "$reply")
    [ "$(ask /tokenize '{"prompt": "<|endoftext|>", "add_special_tokens": false, "parse_special": true}')" = 200 ]
    ids=$(jq -c "$tokens + .tokens" "$reply")
    [ "$(ask /v1/completions "{\"prompt\": $ids, \"echo\": true, \"logprobs\": 1, \"max_tokens\": 0}")" = 200 ]
    served=$(jq '.choices[0].logprobs.token_logprobs[1:] | add' "$reply")
    scored=$("$WEIR" eval ppl "$nano" "$BATS_TEST_TMPDIR/text.txt" --json 2>/dev/null |
        jq '-.details.tokens * .metrics.nats_per_token.value')
    jq -e -n "($served - $scored) | fabs < 0.00001" >/dev/null || {
        echo "$served, expected $scored"
        false
    }
    is '.choices[0].logprobs.token_logprobs[0] == null'
    stop
}
