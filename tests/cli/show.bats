#!/usr/bin/env bats
# show.bats: what a model holds, what it will take.

load common

setup() {
    make_model moe.gguf tiny-moe
}

@test "summary" {
    weir show "$model"
    exits_with 0
    [ ! -s "$err" ] || explain
    for text in lfm2moe q4_0 parameters "ca ca c" "K/V pages" total convolution; do
        grep -q -F "$text" "$out" || explain
    done
}

@test "tensors and metadata" {
    weir show "$model" --tensors --metadata
    exits_with 0
    grep -q -F 'token_embd.weight [512, 256]' "$out" || explain
    grep -q -F 'general.architecture (str) = lfm2moe' "$out" || explain
}

@test "a chosen context, timelines and K/V type" {
    weir show "$model" --ctx 128 --seqs 3 --kv-type q8
    exits_with 0
    grep -q '3 timelines, K/V q8' "$out" || explain
    weir show "$model" --ctx 99999999
    refuses_with 2 "99999999"
    weir show "$model" --kv-type f13
    refuses_with 2 "f13"
}

@test "JSON is JSON and holds the same numbers" {
    command -v jq >/dev/null || skip "jq is not installed"
    weir show "$model" --json --tensors --metadata --check --ctx 256
    exits_with 0
    jq -e '.model.arch == "lfm2moe" and .model.layers == "ca ca c" and .n_bad_tensors == 0
        and (.tensors | length) == ([.formats[].n_tensors] | add)
        and (.tensors | map(.bytes) | add) == .model.weight_bytes
        and .memory.plans[0].n_ctx == 256
        and (.memory.plans[0] | .total_bytes == ([.items[].bytes] | add))
        and (.metadata | map(.key) | index("general.architecture")) != null' "$out" || explain
}

@test "--check finds what is not finite" {
    weir show "$model" --check
    exits_with 0
    grep -q '0 with values that are not finite' "$out" || explain
    # One f32 of the last norm becomes NaN.
    cp "$model" "$BATS_TEST_TMPDIR/nan.gguf"
    weir show "$model" --tensors
    at=$(sed -n 's/.* at *\([0-9]*\)  token_embd_norm.weight .*/\1/p' "$out")
    [ -n "$at" ] || explain
    printf '\000\000\300\177' |
        dd of="$BATS_TEST_TMPDIR/nan.gguf" bs=1 seek=$((at + 8)) conv=notrunc 2>/dev/null
    weir show "$BATS_TEST_TMPDIR/nan.gguf" --check
    exits_with 1
    grep -q 'token_embd_norm.weight: 1 NaN, 0 infinite' "$out" || explain
    [ "$(wc -l <"$err")" -eq 1 ] || explain
}

@test "truncated files: one line, exit code 3" {
    size=$(stat -c %s "$model")
    for n in 1 4 8 23 24 100 5000 $((size / 2)) $((size - 1)); do
        head -c "$n" "$model" >"$BATS_TEST_TMPDIR/cut.gguf"
        weir show "$BATS_TEST_TMPDIR/cut.gguf"
        refuses_with 3 "cut.gguf"
    done
}

@test "control characters of a file do not reach the terminal" {
    # The name is in the metadata as plain bytes; the escape keeps its length.
    LC_ALL=C sed 's/tiny-moe/t\x1b[31moe/' "$model" >"$BATS_TEST_TMPDIR/colour.gguf"
    weir show "$BATS_TEST_TMPDIR/colour.gguf" --metadata
    exits_with 0
    ! grep -q "$(printf '\033')" "$out" || explain
    grep -q -F '\x1b[31m' "$out" || explain
    # U+009B alone begins such a sequence too.
    LC_ALL=C sed 's/tiny-moe/tin\xc2\x9b31m/' "$model" >"$BATS_TEST_TMPDIR/colour.gguf"
    weir show "$BATS_TEST_TMPDIR/colour.gguf" --metadata
    exits_with 0
    ! LC_ALL=C grep -q "$(printf '\302\233')" "$out" || explain
    grep -q -F '\xc2\x9b31m' "$out" || explain
}
