#!/usr/bin/env bats
# bench.bats: weir bench, weir bench diff and weir doctor. No number of a measurement is looked at:
# machines are shared.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    make_model moe.gguf tiny-moe
}

# Two cells of each kind, once each, and nothing of the machine.
few="--prefill 8,24 --depth 0,70 --batch 1,3 --repeat 2 --probe 0"

# A result with these times at two depths.
result() { # file, model, times, times
    cat >"$1" <<EOF
{"weir_bench": 1, "version": "0", "engine": "cpu", "machine": null,
 "model": {"name": "$2", "file_type": "q4_0", "weight_bytes": 10, "parameters": 10},
 "limits": {"read_bytes_per_s": 0, "macs_per_s": 0, "macs_of": "", "cache_bytes": 0},
 "cells": [
  {"kind": "decode", "tokens": 8, "depth": 0, "batch": 1, "read_bytes": 1, "kv_bytes": 0, "macs": 1,
   "machine_before": 0, "machine_after": 0, "seconds": [$3]},
  {"kind": "decode", "tokens": 8, "depth": 64, "batch": 1, "read_bytes": 1, "kv_bytes": 0, "macs": 1,
   "machine_before": 0, "machine_after": 0, "seconds": [$4]}]}
EOF
}

@test "bench: a table, CSV, JSON, a file and a picture" {
    weir bench "$model" $few -o all.json --svg all.svg
    exits_with 0
    [ "$(grep -c '^prefill ' "$out")" -eq 2 ] || explain
    [ "$(grep -c '^decode at ' "$out")" -eq 4 ] || explain
    [ "$(jq -r '[.cells[] | "\(.kind) \(.depth) \(.batch) \(.seconds | length)"] | join(", ")' all.json)" = \
        "$(jq -r .cells[0].batch all.json | sed 's/.*/prefill 0 & 2, prefill 0 & 2/'), decode 0 1 2, decode 0 3 2, decode 70 1 2, decode 70 3 2" ]
    [ "$(jq '[.cells[] | select(.read_bytes <= 0 or .macs <= 0)] | length' all.json)" -eq 0 ]
    [ "$(jq ".limits.macs_per_s == 0" all.json)" = true ]
    grep -q '^<svg ' all.svg
    [ "$(grep -c '<rect x=' all.svg)" -eq 6 ]
    if command -v xmllint >/dev/null; then xmllint --noout all.svg; fi

    # More is read behind 70 tokens than behind none, and for three timelines than for one.
    [ "$(jq '[.cells[] | select(.kind == "decode") | .read_bytes] | .[0] < .[1] and .[0] < .[2] and .[2] < .[3]' all.json)" = true ]

    weir bench "$model" $few --csv
    exits_with 0
    [ "$(wc -l <"$out")" -eq 13 ] || explain
    [ "$(awk -F, 'NF != 10' "$out")" = "" ] || explain
    weir bench "$model" $few --json
    exits_with 0
    [ "$(jq '.cells | length' "$out")" -eq 6 ] || explain
}

# The phases of each table of $out add up to the step that is told above them.
phases_add_up() {
    awk '/: a step of / { n++; sub(/.*a step of /, ""); step[n] = $1; next }
        n && /^  .* ms / { sub(/ ms.*/, ""); sum[n] += $NF }
        END { for (i = 1; i <= n; i++) bad += sum[i] < 0.97 * step[i] || sum[i] > 1.03 * step[i] + 0.01
              exit !(n == 3 && !bad) }' "$out"
}

@test "bench: where the time of a step goes" {
    # A step takes a tenth of a millisecond: one that the system interrupts before its first phase
    # begins is no failure, five in a row are.
    for _ in 1 2 3 4 5; do
        weir bench "$model" --prefill 16 --batch 1,2 --depth 0 --repeat 2 --probe 0 --phases
        exits_with 0
        phases_add_up && break
    done
    phases_add_up || explain
    # One timeline, two of them, and a prompt: a table for each.
    [ "$(grep -c ': a step of .* ms, .* barriers$' "$out")" -eq 3 ] || explain
    [ "$(grep -cE '^  (gate, up|down|head|attention|norms, rounding) +[0-9.]+ ms' "$out")" -eq 15 ] || explain
    # Bytes a second are told where they are known: of one row.
    [ "$(grep -cE '^  head .* GB/s$' "$out")" -eq 1 ] || explain
    weir bench "$model" $few --phases --json
    refuses_with 2 "--phases is for the table, which --json is not"
    weir bench "$model" --prefill 8 --batch none --repeat 1 --probe 0 -o phases.json
    exits_with 0
    weir bench "$model" --prefill 8 --batch none --repeat 1 --probe 0 -o phases.json --resume --phases
    exits_with 0
    grep -q "without phases: 1 that were measured before" "$out" || explain
    weir bench "$model" $few --phases --device reference
    exits_with 3
    grep -q 'does not tell the phases of its steps' "$err" || explain
}

@test "bench: shares of limits where the machine is measured" {
    weir bench "$model" --prefill 16 --batch none --repeat 1 --probe 0.05 --json
    exits_with 0
    [ "$(jq '.limits.read_bytes_per_s > 0 and .limits.macs_per_s > 0' "$out")" = true ] || explain
    [ "$(jq '.cells[0].share > 0 and .cells[0].limit_s > 0' "$out")" = true ] || explain
    [ "$(jq '.machine.measured.reading | length >= 4' "$out")" = true ] || explain
    [ "$(jq '.cells[0].machine_before > 0 and .cells[0].machine_after > 0' "$out")" = true ] || explain
    # Beside an engine that may take all of --ram nothing else is taken.
    weir bench "$model" --prefill 16 --batch none --repeat 1 --probe 0.05 --ram 1GB --json
    exits_with 0
    [ "$(jq '.limits.read_bytes_per_s > 0 and .cells[0].share > 0' "$out")" = true ] || explain
    [ "$(jq '.cells[0].machine_before == 0 and .cells[0].machine_after == 0' "$out")" = true ] || explain
}

@test "bench: goes on where it was" {
    weir bench "$model" --prefill 8 --batch 1 --depth 0 --repeat 2 --probe 0 -o part.json
    exits_with 0
    cp part.json before.json
    weir bench "$model" $few -o part.json
    refuses_with 1 "part.json: exists; --resume goes on with it, --force replaces it"
    cmp part.json before.json
    weir bench "$model" $few -o part.json --resume --json
    exits_with 0
    [ "$(jq '.cells | length' part.json)" -eq 6 ]
    # What was there has not been measured again.
    [ "$(jq -c '[.cells[] | select(.depth == 0 and .tokens == 8 and .kind == "prefill")][0].seconds' part.json)" = \
        "$(jq -c .cells[0].seconds before.json)" ]
    [ "$(jq -c '[.cells[] | select(.kind == "decode" and .depth == 0 and .batch == 1)][0].seconds' part.json)" = \
        "$(jq -c .cells[1].seconds before.json)" ]
    # A time that is over leaves cells for later, and says so.
    weir bench "$model" $few --time 0.000001 -o time.json
    exits_with 0
    grep -q "the time of --time is over, 6 of 6 are not measured; --resume goes on" "$err" || explain
    # Results of another engine, and of another model, are no beginning.
    weir bench "$model" $few --kv-type f32 --depth 140 -o part.json --resume
    refuses_last 2 "are of"
    # Nor are those of another program, machine or size of memory.
    cp part.json before.json
    jq '.version = "0.0.9"' before.json >part.json
    weir bench "$model" $few --depth 140 -o part.json --resume
    refuses_with 2 "part.json: has results of weir 0.0.9, and cannot be resumed with "
    jq '.machine.processor = "Abacus"' before.json >part.json
    weir bench "$model" $few --depth 140 -o part.json --resume
    refuses_with 2 'part.json: has results of the processor "Abacus", and cannot be resumed on '
    [ "$(jq '.cells | length' part.json)" -eq 6 ]
    cp before.json part.json
    weir bench "$model" $few --depth 140 -o part.json --resume --ram 1GB
    refuses_with 2 "part.json: has results of --ram 0 bytes, and cannot be resumed with 1000000000"
    weir bench "$model" --prefill 8 --batch none --repeat 1 --probe 0 --ram 1GB -o ram.json
    exits_with 0
    [ "$(jq .ram_bytes ram.json)" = 1000000000 ]
    weir bench "$model" --prefill 8,9 --batch none --repeat 1 --probe 0 --ram 1GB -o ram.json --resume
    exits_with 0
    [ "$(jq '.cells | length' ram.json)" -eq 2 ]
    jq 'del(.ram_bytes)' before.json >part.json # of before it was told
    weir bench "$model" $few --depth 140 -o part.json --resume
    exits_with 0
    make_model dense.gguf tiny-dense
    weir bench "$BATS_FILE_TMPDIR/dense.gguf" $few -o part.json --resume
    refuses_with 2 "part.json: has results of tiny-moe"
    echo '{"weir_bench": 1}' >broken.json
    weir bench "$model" $few -o broken.json --resume
    refuses_with 3 'broken.json: "version"'
}

# As refuses_with, where lines about work may come before.
refuses_last() {
    [ "$code" -eq "$1" ] || explain
    tail -n 1 "$err" | grep -q -F -- "$2" || explain
}

@test "bench: what does not fit is left out, what cannot be is refused" {
    weir bench "$model" --prefill 8,100000 --depth 0,2048 --batch 1 --repeat 1 --probe 0 --json
    exits_with 0
    [ "$(jq '.cells | length' "$out")" -eq 2 ] || explain
    grep -q "prefill 100000 is left out: the model's context is 2048" "$err" || explain
    grep -q "decoding at 2048 is left out: it takes 2081 tokens" "$err" || explain
    weir bench "$model" --prefill none --batch none
    refuses_with 2 "nothing is left to be measured"
    weir bench "$model" --batch 1,,2
    refuses_with 2 "--batch: expected whole numbers from 1 on"
    weir bench "$model" --batch 0
    refuses_with 2 "--batch: expected whole numbers from 1 on"
    weir bench "$model" --repeat 65
    refuses_with 2 "--repeat: expected 1 to 64, got 65"
    weir bench "$model" --resume
    refuses_with 2 "--resume is for --output"
    weir bench "$model" -o x.json --resume --force
    refuses_with 2 "exclude each other"
    weir bench "$model" --csv --json
    refuses_with 2 "exclude each other"
    weir bench "$model" --barriers
    refuses_with 2 "expected no MODEL"
    weir bench --depth 5
    refuses_with 2 "--depth is for a MODEL"
    weir bench --probe 0
    refuses_with 2 "--probe"
    weir bench "$model" --isa mmx
    refuses_with 2 "--isa: expected"
    weir bench no-such-model
    [ "$code" -eq 5 ] || explain
    weir bench "$model" $few -o no/such/folder/x.json
    [ "$code" -eq 5 ] || explain
}

@test "bench: interrupted, what was measured stays" {
    code=0
    "$WEIR" bench "$model" --prefill 8 --depth 0 --batch 1,2,3,4,5,6,7,8 --repeat 64 --probe 0 \
        -o cut.json >cut.out 2>cut.err </dev/null 3>&- &
    pid=$!
    for _ in $(seq 600); do
        [ "$(jq '.cells | length' cut.json 2>/dev/null || echo 0)" = 0 ] || break
        sleep 0.05
    done
    kill -TERM "$pid"
    wait "$pid" || code=$?
    [ "$code" -eq 130 ] || { cat cut.err; false; }
    [ "$(tail -n 1 cut.err)" = "weir bench: interrupted" ]
    n=$(jq '.cells | length' cut.json)
    [ "$n" -ge 1 ]
    [ "$n" -lt 9 ]
    weir bench "$model" --prefill 8 --depth 0 --batch 1,2,3,4,5,6,7,8 --repeat 1 --probe 0 \
        -o cut.json --resume
    exits_with 0
    [ "$(jq '.cells | length' cut.json)" -eq 9 ]
}

@test "bench: the machine alone" {
    weir bench --barriers --json
    exits_with 0
    [ "$(jq '.measured.barrier_s | length >= 1' "$out")" = true ] || explain
    weir bench --barriers --threads 2
    exits_with 0
    grep -q '^  barrier ' "$out" || explain
    weir bench --barriers --probe 30
    refuses_with 2 "--probe has no effect beside --barriers"
    weir bench --barriers --isa portable
    refuses_with 2 "--isa has no effect beside --barriers"
    weir help bench
    grep -q -- '--barriers' "$out" || explain
}

@test "bench diff: faster, slower, noise and control" {
    result a.json m 1.00,1.01,0.99,1.00,1.02 2.00,2.01,1.99,2.00,2.02
    result b.json m 0.80,0.81,0.79,0.80,0.82 2.01,2.00,2.00,1.99,2.01
    result again.json m 0.78,0.79,0.77,0.78,0.80 2.00,2.01,1.99,2.00,2.02
    weir bench diff a.json b.json
    exits_with 0
    grep -q '^decode at 0, batch 1 .* 1\.250 (.*) *faster$' "$out" || explain
    grep -q '^decode at 64, batch 1 .*within noise$' "$out" || explain
    weir bench diff b.json a.json --json
    exits_with 0
    [ "$(jq -r '[.cells[].verdict] | join(",")' "$out")" = "slower,within noise" ] || explain
    [ "$(jq '.cells[0] | .speed.low <= .speed.ratio and .speed.ratio <= .speed.high and .control == null' "$out")" = true ] || explain
    weir bench diff a.json b.json --control again.json --json
    exits_with 0
    [ "$(jq -r '[.cells[].verdict] | join(",")' "$out")" = "within noise,within noise" ] || explain
}

@test "bench diff: files that do not belong together" {
    result a.json m 1,1,1,1,1 2,2,2,2,2
    result other.json n 1,1,1,1,1 2,2,2,2,2
    jq -c '.cells |= .[:1]' a.json >part.json
    weir bench diff a.json other.json
    refuses_with 2 "a.json is of m (q4_0), and other.json of n (q4_0): expected the same model"
    weir bench diff a.json part.json
    refuses_with 2 'a.json has "decode at 64, batch 1", and part.json does not'
    weir bench diff a.json part.json --common
    exits_with 0
    weir bench diff a.json a.json --control other.json
    refuses_with 2 "expected the same model"
    weir bench diff a.json missing.json
    refuses_with 5 "missing.json"
    echo '{}' >empty.json
    weir bench diff empty.json a.json
    refuses_with 3 'empty.json: "weir_bench"'
    weir bench diff a.json
    refuses_with 2 "an argument is missing"
}

@test "bench and its group: names, help, completions" {
    weir bench --help
    exits_with 0
    grep -q '^usage: weir bench \[MODEL\]' "$out" || explain
    weir help bench diff
    exits_with 0
    grep -q '^usage: weir bench diff ' "$out" || explain
    weir help
    grep -q '^  weir bench diff ' "$out" || explain
    # A word that is no verb of the group is a model.
    weir bench dif
    [ "$code" -eq 5 ] || explain
    "$WEIR" completions bash >weir.bash
    run bash -c 'source ./weir.bash; COMP_WORDS=(weir bench di); COMP_CWORD=2; _weir; printf "%s\n" "${COMPREPLY[@]}"'
    [[ $output == *diff* ]]
    run bash -c 'source ./weir.bash; COMP_WORDS=(weir bench m.gguf --barr); COMP_CWORD=3; _weir; printf "%s\n" "${COMPREPLY[@]}"'
    [ "$output" = --barriers ]
    run bash -c 'source ./weir.bash; COMP_WORDS=(weir bench diff --cont); COMP_CWORD=3; _weir; printf "%s\n" "${COMPREPLY[@]}"'
    [ "$output" = --control ]
}

@test "doctor: the machine, and a model on it" {
    weir doctor --probe 0
    exits_with 0
    for line in processor caches memory kernels threads; do
        grep -q "^$line " "$out" || explain
    done
    [ ! -s "$err" ] || explain
    weir doctor "$model" --probe 0 --json
    exits_with 0
    [ "$(jq -r .model.name "$out")" = tiny-moe ] || explain
    [ "$(jq '.machine.measured == null and .model.decode_limit_tokens_per_s == null' "$out")" = true ] || explain
    [ "$(jq '.model.ctx_max <= 2048 and .model.token_read_bytes > 0' "$out")" = true ] || explain
    # K/V of a token: two attention layers, two heads of 64, keys and values, two bytes each.
    [ "$(jq ".model.kv_token_bytes == 1024" "$out")" = true ] || explain
    weir doctor "$model" --probe 0 --json --kv-type f32
    [ "$(jq ".model.kv_token_bytes == 2048" "$out")" = true ] || explain
    weir doctor "$model" --probe 0 --ctx 64
    exits_with 0
    grep -q "for a context of 64" "$out" || explain
    weir doctor --isa portable --probe 0 --json
    [ "$(jq -r .machine.isa "$out")" = portable ] || explain
    # A set that is not used has its reason.
    [ "$(jq '[.machine.isas[] | select(.usable == (.why_not != null))] | length' "$out")" -eq 0 ] || explain
}

@test "doctor: measures" {
    weir doctor "$model" --probe 0.05
    exits_with 0
    grep -q '^reading .* GB/s at best' "$out" || explain
    grep -q '^decoding ' "$out" || explain
}

@test "doctor: what cannot be is refused" {
    weir doctor --ctx 5
    refuses_with 2 "--ctx is for a MODEL"
    weir doctor "$model" --ctx 100000 --probe 0
    refuses_with 2 "n_ctx"
    weir doctor --probe -1
    refuses_with 2 "--probe"
    weir doctor no-such-model
    [ "$code" -eq 5 ] || explain
    weir doctor --threads 5000 --probe 0
    refuses_with 2 "n_threads"
}
