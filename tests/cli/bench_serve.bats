#!/usr/bin/env bats
# bench_serve.bats: weir bench serve as its user meets it: refusals, and forms of results. No number
# of a measurement is looked at: machines are shared. What it measures is tested in tests/server.

load common
load serving

setup() {
    cd "$BATS_TEST_TMPDIR"
    "$WEIR" help bench serve >/dev/null 2>&1 || skip "weir is built without the load generator"
    serving_begin
}

teardown() {
    serving_teardown
}

short="--input-tokens 20 --output-tokens 6 --ignore-eos"

@test "bench serve: what cannot be meant is one clear line" {
    weir bench serve --url https://localhost
    refuses_with 2 "TLS is not spoken here"
    weir bench serve --url localhost:8080
    refuses_with 2 "expected http://HOST:PORT"
    weir bench serve --url http://127.0.0.1:1
    refuses_with 5 "127.0.0.1:1: cannot connect"
    weir bench serve --socket ./none
    refuses_with 5 "./none: cannot connect"
    weir bench serve --rate 0
    refuses_with 2 "--rate: expected a number from"
    weir bench serve --concurrency 0
    refuses_with 2 "--concurrency: expected a number from"
    weir bench serve --requests 0
    refuses_with 2 "--requests: expected a number from"
    weir bench serve --burstiness 2
    refuses_with 2 "--burstiness is for --rate"
    weir bench serve --abort 0.7 --slow-readers 0.7
    refuses_with 2 "together 1 at most"
    weir bench serve --input-tokens 9-3
    refuses_with 2 "--input-tokens: expected a number from 1"
    weir bench serve --token-ids 5-9
    refuses_with 2 "--token-ids is for --api completions"
    weir bench serve --goodput itl:3
    refuses_with 2 "--goodput: expected milliseconds"
    weir bench serve --body '{"stream": false}'
    refuses_with 3 "'stream' is written by weir bench serve itself"
    weir bench serve --body '{'
    refuses_with 3 "--body:1:2"
    echo '{"prompt": 3}' >mix.jsonl
    weir bench serve --mix mix.jsonl
    refuses_with 3 "mix.jsonl, line 1: prompt"
    weir bench serve --key a --key-file b
    refuses_with 2 "exclude each other"
    touch there.json
    weir bench serve --json there.json
    refuses_with 1 "there.json: exists; --force replaces it"
    weir bench serve --json - --csv -
    refuses_with 2 "one of them on standard output"
}

@test "bench serve: a table, JSON and CSV" {
    serve --port 0
    weir bench serve --url "$address" -c 3 -n 9 $short --goodput ttft:60000,e2el:60000 \
        --json all.json --csv all.csv
    exits_with 0
    grep -q '^time to first token ' "$out"
    grep -q '^completed  *9$' "$out" || explain
    grep -q ' 9 of 9 kept the bounds$' "$out" || explain
    [ "$(jq -r '[.completed, .failed, .total_output_tokens, .max_concurrent_requests, .good] | join(" ")' all.json)" = "9 0 54 3 9" ]
    [ "$(jq '.mean_ttft_ms > 0 and .mean_tpot_ms > 0 and .p99_e2el_ms >= .median_e2el_ms and .request_goodput > 0' all.json)" = true ]
    # Words were chosen until the server's count was met.
    [ "$(jq '.total_input_tokens / 9 | . > 12 and . < 36' all.json)" = true ]
    [ "$(wc -l <all.csv)" -eq 10 ]
    [ "$(awk -F, 'NF != 13' all.csv)" = "" ]

    weir bench serve --url "$address/v1/" --api completions -r 50 -n 6 $short --json -
    exits_with 0
    [ "$(jq -r '"\(.completed) \(.request_rate) \(.api)"' "$out")" = "6 50 completions" ] || explain
    weir bench serve --url "$address" -n 3 $short --csv - --seed 7
    exits_with 0
    [ "$(wc -l <"$out")" -eq 4 ] || explain
}

@test "bench serve: a mix of requests" {
    serve --port 0
    cat >mix.jsonl <<'EOF'
{"messages": [{"role": "user", "content": "Hello"}], "output_tokens": 4, "ignore_eos": true}
{"prompt": "Once upon a time", "output_tokens": 4, "ignore_eos": true, "weight": 2}
{"prompt_tokens": "10-20", "output_tokens": 4, "ignore_eos": true, "temperature": 0}
EOF
    weir bench serve --url "$address" -c 2 -n 12 --mix mix.jsonl --json -
    exits_with 0
    [ "$(jq '"\(.completed) \(.total_output_tokens)"' "$out")" = '"12 48"' ] || explain
}

@test "bench serve: a failed request is a failed test, unless errors are allowed" {
    serve --port 0
    weir bench serve --url "$address" -n 4 --input-tokens 5000 --output-tokens 5 --no-calibration
    exits_with 1
    [ ! -s "$out" ] || explain
    grep -q "no request of the warm-up was answered: http status 400" "$err" || explain
    weir bench serve --url "$address" -n 4 --input-tokens 5000 --no-calibration --warmup 0
    exits_with 1
    grep -q '^failed  *4$' "$out" || explain
    grep -q '^4 x http status 400: ' "$out" || explain
    grep -q "4 of 4 requests failed" "$err" || explain
    weir bench serve --url "$address" -n 4 --input-tokens 5000 --no-calibration --allow-errors
    exits_with 0
    [ ! -s "$err" ] || explain
}

@test "bench serve: keys" {
    printf 'alice sha256:%s\n' "$(printf %s secret | sha256sum | cut -d' ' -f1)" >keys
    serve --port 0 --keys keys
    weir bench serve --url "$address" -n 2 $short --model any
    exits_with 1
    grep -q "http status 401" "$err" || explain
    echo secret >key
    weir bench serve --url "$address" -n 2 $short --key-file key
    exits_with 0
    weir bench serve --url "$address" -n 2 $short --key secret
    exits_with 0
}

@test "bench serve: a Unix socket, and bad clients beside good ones" {
    serve --socket "$BATS_TEST_TMPDIR/s"
    weir bench serve --socket s -c 6 -n 40 --input-tokens 10 --output-tokens 20 --ignore-eos \
        --abort 0.4 --slow-readers 0.1 --slow-rate 100000 --json -
    exits_with 0
    [ "$(jq '.completed + .left + .slow_readers == 40 and .left > 0 and .failed == 0' "$out")" = true ] || explain
    # And the server is as it was.
    weir bench serve --socket s -n 4 $short
    exits_with 0
}

@test "bench serve: Ctrl-C shows what there is" {
    serve --port 0
    # A background job of a script has SIGINT ignored, and keeps it so.
    "$WEIR" bench serve --url "$address" -c 2 -n 1000000 $short >"$BATS_TEST_TMPDIR/table" \
        2>"$BATS_TEST_TMPDIR/said" 3>&- &
    client=$!
    sleep 3
    kill -TERM "$client"
    code=0
    wait "$client" || code=$?
    [ "$code" -eq 130 ]
    grep -q '^completed ' "$BATS_TEST_TMPDIR/table"
    grep -q interrupted "$BATS_TEST_TMPDIR/said"
}
