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

# A model of true size without a byte of weights on the disk: it can be planned, and is not run here.
make_large() { # file name, config, type
    local at
    large=$BATS_TEST_TMPDIR/$1
    "$WEIR" synth "$large" --config "$2" --type "$3" --hollow 2>/dev/null
    # under another name of this key the CPU takes the hole for zeros
    at=$(head -c 1000000 "$large" | LC_ALL=C grep -abo -m 1 'weir\.synth\.seed' | cut -d : -f 1)
    printf W | dd of="$large" bs=1 seek="$at" conv=notrunc status=none
}

@test "a model that --ram would run is told so" {
    make_large 8b.gguf lfm2-8b-a1b q4_0
    weir run "$large" --tokens 1,6 -n 2 --max-memory 2GB
    refuses_with 4 "2.00 GB are available; --ram 1937MB (ram_bytes) would run it, experts read"
    weir run "$large" --tokens 1,6 -n 2 --max-memory 200MB
    refuses_with 4 "no smaller context fits: a smaller model or format is needed"
    weir run "$large" --tokens 1,6 -n 2 --max-memory 2GB --device reference
    refuses_with 4 "no smaller context fits"
    rm "$large"

    local available
    needs_jq
    available=$("$WEIR" doctor --probe 0 --json | jq '.machine.available_bytes / 1e9 | floor')
    [ "$available" -gt 8 ] && [ "$available" -lt 36 ] || skip "$available GB are available"
    make_large 24b.gguf lfm2-24b-a2b bf16
    weir plan "$large"
    exits_with 4
    grep -q "experts that do not fit read from the disk, slower, " "$out" || explain
    grep -q "weir run .* --ram [0-9]*MB" "$out" || explain
    weir doctor "$large" --probe 0
    exits_with 0
    grep -q "^ *--ram [0-9]*MB would run it, experts read from the disk when needed" "$out" || explain
    # What is more than there is is told as that.
    weir run "$large" --tokens 1,6 -n 2 --ram 45GB
    refuses_with 4 "--ram 45.0 GB: only "
    grep -q "are available; expected at most --ram [0-9]*MB" "$err" || explain
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
