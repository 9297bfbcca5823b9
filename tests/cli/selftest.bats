#!/usr/bin/env bats
# selftest.bats: the comparison with reference data, as a user calls it.

load common

@test "one golden case holds on both devices" {
    for backend in cpu reference; do
        weir selftest golden "$WEIR_TEST_DATA/golden/dense_tiny" --backend $backend
        exits_with 0
        tail -n 1 "$out" | grep -q -E '^[1-9][0-9]* passed, 0 failed$' || explain
    done
}

@test "a folder without reference data is refused" {
    weir selftest golden "$BATS_TEST_TMPDIR"
    exits_with 3
    [ "$(wc -l <"$err")" -eq 1 ] || explain
}

@test "a set without cases does not pass" {
    echo '[]' >"$BATS_TEST_TMPDIR/index.json"
    weir selftest golden "$BATS_TEST_TMPDIR"
    exits_with 3
    grep -q 'names no case' "$err" || explain
}

@test "a wrong weight is found" {
    cp -r "$WEIR_TEST_DATA/golden/dense_tiny" "$BATS_TEST_TMPDIR/case"
    chmod -R u+w "$BATS_TEST_TMPDIR/case"
    size=$(stat -c %s "$BATS_TEST_TMPDIR/case/model.safetensors")
    printf '\000\000\200\077' | dd of="$BATS_TEST_TMPDIR/case/model.safetensors" bs=4 \
        seek=$((size / 8)) conv=notrunc 2>/dev/null
    weir selftest golden "$BATS_TEST_TMPDIR/case" --failures
    exits_with 1
    grep -q '^FAIL' "$out" || explain
}
