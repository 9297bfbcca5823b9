#!/usr/bin/env bats
# plan.bats: what a model will take is what it takes, and settings that are said to fit do.

load common
load serving

setup() {
    serving_begin
    make_model moe.gguf tiny-moe
}

teardown() {
    serving_teardown
}

number() { # jq path of the plan in $out
    jq -r "$1" "$out"
}

needs_jq() {
    command -v jq >/dev/null || skip "jq is not installed"
}

# Sanitizers and their books are no part of a plan.
needs_plain_memory() {
    needs_jq
    [ -z "${WEIR_SANITIZE:-}" ] || [ "$WEIR_SANITIZE" = OFF ] || skip "sanitizers take memory"
    [ -e /proc/self/smaps_rollup ] || skip "the system does not tell what is resident"
    [ -e "$nano" ] || skip "models/weir-nano.gguf is not there"
}

# Is $1 within 16 MB of $2?
close_to() {
    local apart=$(($1 > $2 ? $1 - $2 : $2 - $1))
    [ "$apart" -le 16000000 ] || {
        echo "resident: $1 bytes, planned: $2"
        return 1
    }
}

resident() { # field of /proc/PID/status
    echo $((1024 * $(sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$server/status")))
}

@test "a table of every buffer, and what fits" {
    weir plan "$model" --ctx 128
    exits_with 0
    [ ! -s "$err" ] || explain
    for text in "weir run, 1 conversation of 128 tokens" "K/V pages" samplers "index of drafts" \
        program total "it fits" "longest context"; do
        grep -q -F "$text" "$out" || explain
    done
    weir plan "$model" --ctx 128 --conversations 3 --kv-type q8
    exits_with 0
    grep -q -F "weir serve, 3 conversations of 128 tokens, K/V q8" "$out" || explain
    grep -q "index of drafts" "$out" || explain
    weir plan "$model" --ctx 128 --for serve --lookup off
    exits_with 0
    ! grep -q "index of drafts" "$out" || explain
}

@test "JSON: items add up, and grow with what they are for" {
    needs_jq
    weir plan "$model" --json --ctx 256 --conversations 4 --ram 1GB
    exits_with 0
    jq -e '.fits and .ram_bytes == 1000000000 and .settings.n_conversations == 4
        and .settings.n_ctx == 256 and .settings.for == "serve"
        and ([.items[].bytes] | add) == .total_bytes
        and (.limits | map(.kv_type)) == ["f16", "f32", "q8"]' "$out" || explain
    weir plan "$model" --json --ctx 256 --conversations 4 --threads 1 --ram 1GB
    least=$(number .engine_bytes)
    for more in "--ctx 512" "--conversations 40" "--kv-type f32" "--batch 1024" "--threads 7"; do
        # shellcheck disable=SC2086 # two words; given twice, the last counts
        weir plan "$model" --json --ctx 256 --conversations 4 --threads 1 --ram 1GB $more
        exits_with 0
        engine=$(number .engine_bytes)
        [ "$engine" -gt "$least" ] || explain
    done
}

@test "the items are those that an engine tells of" {
    needs_jq
    weir plan "$model" --json --ctx 200 --threads 1
    exits_with 0
    number '.items[0:7][] | .what' >"$BATS_TEST_TMPDIR/names"
    grep -q "K/V pages" "$BATS_TEST_TMPDIR/names" || explain
    weir run "$model" --tokens 1,2,3 -n 2 --ctx 200 --threads 1 --stats
    exits_with 0
    while read -r name; do
        grep -q -F "memory     $name " "$err" || explain
    done <"$BATS_TEST_TMPDIR/names"
}

@test "exit code 4 and settings that fit, where it does not" {
    needs_jq
    weir plan "$model" --json --ctx 2048 --conversations 64 --ram 1GB --kv-memory 900MB
    exits_with 0
    ram=$(($(number .total_bytes) - 30000000)) # more than experts on the disk would save
    weir plan "$model" --ctx 2048 --conversations 64 --kv-memory 900MB --ram $((ram / 1024))KiB
    exits_with 4
    [ ! -s "$err" ] || explain
    grep -q "it does not fit" "$out" || explain
    grep -q "weir serve .* --ctx 2048 --seqs 64 --kv-memory" "$out" || explain
    weir plan "$model" --json --ctx 2048 --conversations 64 --kv-memory 900MB \
        --ram $((ram / 1024))KiB
    exits_with 4
    jq -e '(.fits | not) and (.would_fit | length) > 1 and
        all(.would_fit[]; .total_bytes <= 1000000000)' "$out" || explain
}

@test "what is proposed starts in the memory it was proposed for" {
    needs_plain_memory
    # on a device that reads no experts from the disk
    weir plan "$nano" --json --threads 1 --device reference
    exits_with 0
    ram=$(($(number .total_bytes) - 800000))
    weir plan "$nano" --json --threads 1 --device reference --ram $((ram / 1024))KiB
    exits_with 4
    number '.would_fit[].flags' >"$BATS_TEST_TMPDIR/flags"
    [ -s "$BATS_TEST_TMPDIR/flags" ] || explain
    while read -r flags; do
        # shellcheck disable=SC2086 # several words
        weir run "$nano" --tokens 1,2,3 -n 2 --max-memory $((ram / 1024))KiB $flags
        exits_with 0
    done <"$BATS_TEST_TMPDIR/flags"
}

@test "resident memory of a run" {
    needs_plain_memory
    for flags in "" "--activations f32" "--no-map --activations f32 --kv-type f32" \
        "--ctx 256 --lookup off"; do
        # shellcheck disable=SC2086 # several words
        weir plan "$nano" --json $flags
        exits_with 0
        planned=$(number .total_bytes)
        # shellcheck disable=SC2086
        weir run "$nano" "Once upon a time" -n 40 --stats --json $flags
        exits_with 0
        peak=$(sed -n 's/^memory     peak *//p' "$err")
        [[ "$peak" == *" MB" ]] || explain
        close_to "$(awk '{printf "%d", $1 * 1e6}' <<<"$peak")" "$planned"
    done
}

@test "resident memory of a server, before an answer and after many" {
    needs_plain_memory
    command -v curl >/dev/null || skip "curl is not installed"
    weir plan "$nano" --json --ctx 1024 --conversations 200 --threads 1 --kv-memory 400MB
    exits_with 0
    planned=$(number .total_bytes)
    samplers=$(number '.items[] | select(.what == "samplers") | .bytes')
    [ "$planned" -gt 200000000 ] || explain
    serve --ctx 1024 --seqs 200 --threads 1 --kv-memory 400MB
    close_to "$(resident VmRSS)" $((planned - samplers)) # nobody draws a token yet
    asked=()
    for _ in $(seq 40); do
        curl -s "$address/v1/chat/completions" \
            -d '{"messages": [{"role": "user", "content": "Tell a story."}], "max_tokens": 100}' \
            >/dev/null 3>&- &
        asked+=($!)
    done
    wait "${asked[@]}"
    peak=$(resident VmHWM)
    [ "$peak" -gt "$planned" ] || planned=$((peak + samplers < planned ? planned - samplers : peak))
    close_to "$peak" "$planned" # samplers of those that drew
    stop
}

@test "shared K/V pages are told" {
    weir plan "$model" --conversations 16 --ctx 1024 --kv-memory 1MB
    exits_with 0
    grep -q "K/V pages hold [0-9]* tokens of all conversations together; all whole: 256 pages" \
        "$out" || explain
}

@test "what cannot be planned: one line" {
    weir plan "$model" --ctx 99999999
    refuses_with 2 "99999999"
    weir plan "$model" --for run --conversations 2
    refuses_with 2 "--conversations is of serve"
    weir plan "$model" --for run --batch 64
    refuses_with 2 "--batch is of serve"
    weir plan "$model" --lookup 17
    refuses_with 2 "--lookup: '17'"
    weir plan "$model" --ram 0
    refuses_with 2 "--ram: expected more than 0"
    weir plan "$model" --conversations 0
    refuses_with 2 "--conversations: expected more than 0"
    weir plan "$model" --kv-type f13
    refuses_with 2 "f13"
    weir plan "$model" --lora nowhere.gguf
    [ "$code" -ne 0 ] || explain
    [ "$(wc -l <"$err")" -eq 1 ] || explain
    weir plan nowhere.gguf
    refuses_with 5 "nowhere.gguf"
    head -c 5000 "$model" >"$BATS_TEST_TMPDIR/cut.gguf"
    weir plan "$BATS_TEST_TMPDIR/cut.gguf"
    refuses_with 3 "cut.gguf"
}
