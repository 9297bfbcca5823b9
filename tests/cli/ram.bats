#!/usr/bin/env bats
# --ram: experts from the disk, as a user types it: the answer is the same, memory stays below, and
# what cannot be is refused with what would do.

load common

setup() {
    nano="$WEIR_SOURCE/models/weir-nano.gguf"
    [ -r "$nano" ] || skip "there is no weir-nano"
}

needs_jq() {
    command -v jq >/dev/null || skip "jq is not installed"
}

# Sanitizers and their books are no part of what is reckoned with.
needs_plain_memory() {
    [ -z "${WEIR_SANITIZE:-}" ] || [ "$WEIR_SANITIZE" = OFF ] || skip "sanitizers take memory"
    [ -e /proc/self/smaps_rollup ] || skip "the system does not tell what is resident"
}

# little ARGUMENT...: the least --ram in MB that `weir run` with these takes: the program itself is
# larger with some parts built in than without.
little() {
    weir run "$@" --ram 5MB
    ram=$(sed -n 's/.*at least --ram \([0-9]*\)MB.*/\1/p' "$err")
    [ -n "$ram" ] || explain
}

@test "the same answer, alone and as ids, in less memory" {
    needs_plain_memory
    weir run "$nano" "Once upon a time" -n 40 --temperature 0
    exits_with 0
    cp "$out" "$BATS_TEST_TMPDIR/expected"
    little "$nano" "Once upon a time" -n 40
    weir run "$nano" "Once upon a time" -n 40 --temperature 0 --ram "${ram}MB" --stats
    exits_with 0
    cmp "$out" "$BATS_TEST_TMPDIR/expected" || explain
    grep -q "^experts from disk: .* resident, about .* tokens/s once that is full" "$err" || explain
    grep -q "^experts .*found in memory" "$err" || explain
    grep -q "memory     experts, cached" "$err" || explain
    peak=$(sed -n 's/^memory     peak *\([0-9.]*\) MB$/\1/p' "$err")
    [ -n "$peak" ] && awk -v peak="$peak" -v ram="$ram" 'BEGIN { exit !(peak <= ram * 1.048576) }' || explain
    weir run "$nano" --tokens 1,6,11,200 -n 12 --temperature 0
    exits_with 0
    cp "$out" "$BATS_TEST_TMPDIR/expected"
    weir run "$nano" --tokens 1,6,11,200 -n 12 --temperature 0 --ram "${ram}MB"
    exits_with 0
    cmp "$out" "$BATS_TEST_TMPDIR/expected" || explain
}

@test "where all fits, nothing is read later" {
    weir run "$nano" --tokens 1,6,11 -n 4 --ram 1GB --stats
    exits_with 0
    ! grep -q "experts" "$err" || explain
}

@test "what is too small is refused with what would do" {
    needs_plain_memory
    weir run "$nano" --tokens 1,6 -n 2 --ram 5MB
    refuses_with 4 "too small even with experts read from the disk; expected at least --ram"
    least=$(sed -n 's/.*at least --ram \([0-9]*MB\).*/\1/p' "$err")
    weir run "$nano" --tokens 1,6 -n 2 --ram "$least"
    exits_with 0
    weir run "$nano" --tokens 1,6 -n 2 --ram 30MB --device reference
    refuses_with 3 "device 'reference' does not read experts from their file"
}

@test "sizes that are none" {
    for verb in run serve bench; do
        for value in 0 x 8XB -1; do
            weir "$verb" "$nano" --ram "$value"
            refuses_with 2 "--ram"
        done
    done
}

@test "the plan tells of it" {
    needs_plain_memory
    little "$nano" --tokens 1,6
    weir plan "$nano" --ram "$((ram + 2))MB"
    exits_with 0
    grep -q "Experts are read from the disk when they are needed" "$out" || explain
    needs_jq
    weir plan "$nano" --ram "$((ram + 2))MB" --json
    exits_with 0
    jq -e '.fits and .streamed.bytes > .streamed.cache_bytes and .streamed.tokens_per_s > 0 and
        .total_bytes <= .ram_bytes' "$out" || explain
    weir plan "$nano" --json
    exits_with 0
    jq -e '.streamed == null' "$out" || explain
}
