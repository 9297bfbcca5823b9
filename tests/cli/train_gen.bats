#!/usr/bin/env bats
# train_gen.bats: generated samples as lines, in files, and against their own checks.

load common

@test "train gen: the kinds" {
    weir train gen --list
    exits_with 0
    [ "$(tr '\n' ' ' <"$out")" = "story instruction tool identity recall catalog " ] || explain
}

@test "train gen: lines of JSON, the same for the same numbers" {
    for kind in story instruction tool identity recall catalog; do
        weir train gen $kind -n 5 --seed 3 --first 10
        exits_with 0
        [ ! -s "$err" ] || explain
        [ "$(wc -l <"$out")" -eq 5 ] || explain
        [ "$(grep -c "^{\"kind\":\"$kind\",\"i\":1[0-4],.*\"check\":\[.*\"bits\":[0-9.]*}$" "$out")" -eq 5 ] ||
            explain
        cp "$out" "$BATS_TEST_TMPDIR/first"
        weir train gen $kind -n 5 --seed 3 --first 10
        cmp "$out" "$BATS_TEST_TMPDIR/first"
        weir train gen $kind -n 1 --seed 3 --first 12
        cmp "$out" <(sed -n 3p "$BATS_TEST_TMPDIR/first")
        weir train gen $kind --seed 4 --first 12
        [ "$(wc -l <"$out")" -eq 1 ] || explain
        ! cmp -s "$out" <(sed -n 3p "$BATS_TEST_TMPDIR/first")
        weir train gen $kind --seed 3 --first 12 --held-out
        ! cmp -s "$out" <(sed -n 3p "$BATS_TEST_TMPDIR/first")
    done
}

@test "train gen: into a file, whole or not at all" {
    file=$BATS_TEST_TMPDIR/samples.jsonl
    weir train gen instruction -n 20 -o "$file"
    exits_with 0
    [ ! -s "$out" ] || explain
    [ "$(wc -l <"$file")" -eq 20 ]
    weir train gen instruction -n 20
    cmp "$out" "$file"
    weir train gen instruction -n 3 -o "$file"
    refuses_with 1 "$file"
    [ "$(wc -l <"$file")" -eq 20 ]
    weir train gen instruction -n 3 -o "$file" --force
    exits_with 0
    [ "$(wc -l <"$file")" -eq 3 ]
    weir train gen instruction -n 3 -o "$BATS_TEST_TMPDIR/no/such/folder"
    refuses_with 5 "no/such/folder"
    weir train gen instruction -n 0
    exits_with 0
    [ ! -s "$out" ]
}

@test "train gen: - is standard output" {
    weir train gen instruction -n 4
    cp "$out" "$BATS_TEST_TMPDIR/four"
    cd "$BATS_TEST_TMPDIR"
    weir train gen instruction -n 4 -o -
    exits_with 0
    cmp "$out" four
    [ ! -e ./- ]
}

@test "train gen: every sample keeps its own check" {
    for kind in story instruction tool identity recall catalog; do
        weir train gen $kind -n 300 --check
        exits_with 0
        [ ! -s "$out" ] || explain
        grep -q "300 samples keep their checks" "$err" || explain
        weir train gen $kind -n 100 --check --held-out
        exits_with 0
    done
}

@test "train gen: wrong command lines" {
    weir train gen
    refuses_with 2 "KIND is missing"
    weir train gen riddle
    refuses_with 2 "riddle"
    weir train gen story --check -o x.jsonl
    refuses_with 2 "--check and --output exclude each other"
    weir train gen story extra
    refuses_with 2 "extra"
    weir train gen story -n many
    refuses_with 2 "many"
    weir train gen story -n 1 --first 99999999999999999999
    refuses_with 2 "--first"
    weir train gen story -n 2 --first 18446744073709551615
    refuses_with 2 "2^63"
}

@test "train gen: a full disk is told" {
    [ -e /dev/full ] || skip "no /dev/full here"
    code=0
    for n in 1 10 2000; do
        code=0
        "$WEIR" train gen instruction -n "$n" >/dev/full 2>"$BATS_TEST_TMPDIR/err" || code=$?
        [ "$code" -eq 5 ]
        [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
    done
}
