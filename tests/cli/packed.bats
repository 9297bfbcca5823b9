#!/usr/bin/env bats
# packed.bats: weir pack, and what is started with its files: the same answer, from memory that
# processes share; and without them where they do not fit.

load common
load serving

setup() {
    serving_begin
    [ -r "$nano" ] || skip "there is no weir-nano"
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    cp "$nano" "$BATS_TEST_TMPDIR/nano.gguf"
    model=$BATS_TEST_TMPDIR/nano.gguf
    packed=$model.packed
}

teardown() {
    for pid in $server $first; do
        { kill -9 "$pid" && wait "$pid"; } 2>/dev/null || true
    done
}

needs_jq() {
    command -v jq >/dev/null || skip "jq is not installed"
}

pack() {
    weir pack "$model" "$@"
    exits_with 0
}

# answer FLAG...: ids of the model, in $BATS_TEST_TMPDIR/answer.
answer() {
    weir run "$model" --tokens 1,6,11,200,77 --ignore-eos -n 12 --temperature 0 --stats "$@"
    exits_with 0
    cp "$out" "$BATS_TEST_TMPDIR/answer"
}

expect_answer() {
    answer --packed off
    ! grep -q "packed" "$err" || explain
    mv "$BATS_TEST_TMPDIR/answer" "$BATS_TEST_TMPDIR/expected"
}

# The answer, and a line that says why the file is not used.
answers_without() { # words of the line
    answer
    [ "$(grep -c "^packed weights are not used: .*; \`weir pack\` makes them anew$" "$err")" -eq 1 ] || explain
    grep -q -F -- "$1" "$err" || explain
    ! grep -q "packed weights mapped" "$err" || explain
    cmp "$BATS_TEST_TMPDIR/answer" "$BATS_TEST_TMPDIR/expected"
}

flip() { # offset: one bit of the packed file
    byte=$(od -An -tu1 -j "$1" -N 1 "$packed")
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %o $((byte ^ 1)))" | dd of="$packed" bs=1 seek="$1" conv=notrunc 2>/dev/null
}

@test "made once, used from then on, with the same answer" {
    expect_answer
    pack
    grep -q "nano.gguf.packed is written: .* matrices, in .* GB/s$" "$err" || explain
    [ "$(ls "$BATS_TEST_TMPDIR" | grep -c packed)" -eq 1 ]
    answer
    grep -q "^model .*, packed weights mapped, " "$err" || explain
    cmp "$BATS_TEST_TMPDIR/answer" "$BATS_TEST_TMPDIR/expected"
    for flag in "--isa portable" "--threads 1"; do
        answer $flag
        grep -q "packed weights mapped" "$err" || explain
        cmp "$BATS_TEST_TMPDIR/answer" "$BATS_TEST_TMPDIR/expected"
    done
    weir run "$model" "Once upon a time" -n 5 --stats
    exits_with 0
    grep -q "packed weights mapped" "$err" || explain
    weir bench "$model" --prefill 16 --batch none --repeat 1 --probe 0 --json
    exits_with 0
    grep -q "packed weights mapped" "$out" || explain
    sum=$(cksum <"$packed")
    pack
    grep -q "nano.gguf.packed is there and fits" "$err" || explain
    pack --force --threads 1
    grep -q "is written" "$err" || explain
    [ "$(cksum <"$packed")" = "$sum" ]
    rm "$packed"
    answer
    ! grep -q "packed" "$err" || explain
}

@test "told as JSON; show, doctor and plan know of it" {
    needs_jq
    weir show "$model" --json
    jq -e '.packed == null' "$out" || explain
    pack --json
    jq -e '.what == "written" and .matrices > 0 and .seconds > 0 and (.path | endswith("nano.gguf.packed"))' "$out" || explain
    pack --check --json
    jq -e '.what == "whole" and .bytes > 1000000' "$out" || explain
    weir show "$model"
    grep -q "^packed .*nano.gguf.packed, .* MB, fits" "$out" || explain
    weir show "$model" --json
    jq -e '.packed.fits and .packed.bytes > 1000000' "$out" || explain
    weir doctor "$model" --probe 0
    grep -q "^start       maps packed weights: .*nano.gguf.packed" "$out" || explain
    weir doctor "$model" --probe 0 --json
    jq -e '.model.packed | endswith("nano.gguf.packed")' "$out" || explain
    weir plan "$model" --json
    exits_with 0
    jq -e '[.items[] | select(.what == "weights").bytes][0] < 100000 and
        [.items[] | select(.what == "weights, mapped").bytes][0] > 10000000' "$out" || explain
    weir plan "$model" --json --packed off
    jq -e '[.items[] | select(.what == "weights, mapped").bytes][0] < 100000' "$out" || explain
    touch "$model"
    weir show "$model"
    grep -q "^packed      not used: .*was made of another model" "$out" || explain
    weir show "$model" --json
    jq -e '.packed | .fits == false and (.trouble | length > 0)' "$out" || explain
    weir doctor "$model" --probe 0
    grep -q "^start       reads the model; packed weights are not used: " "$out" || explain
}

@test "what does not fit is told, and the model read" {
    expect_answer
    pack
    touch -d "2001-02-03" "$model"
    answers_without "nano.gguf.packed: was made of another model, or of this one before"
    weir pack "$model" --check
    refuses_with 3 "was made of another model"
    pack
    grep -q "is written" "$err" || explain
    answer
    grep -q "packed weights mapped" "$err" || explain
    # The model in new bytes of the same number, at the same second of the clock.
    printf '\001' | dd of="$model" bs=1 seek=$(($(stat -c %s "$model") - 7)) conv=notrunc 2>/dev/null
    touch -d "2001-02-03" "$model"
    mv "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/before"
    expect_answer
    answers_without "was made of another model"
}

@test "damaged and cut files" {
    expect_answer
    pack
    flip 20
    answers_without "byte 0: the header is damaged"
    flip 20
    flip 100
    answers_without "byte 64: the list of matrices is damaged"
    flip 100
    # Damage in the weights costs a full reading to see, which is there for the asking.
    flip 1000000
    weir pack "$model" --check
    refuses_with 3 "is damaged, its checksum is another"
    flip 1000000
    pack --check
    grep -q "nano.gguf.packed is whole: " "$err" || explain
    truncate -s -1 "$packed"
    size=$(stat -c %s "$packed")
    answers_without "has $size bytes, expected $((size + 1))"
    : >"$packed"
    answers_without "has 0 bytes, too few"
    # It is none of ours any more, so it is not replaced unasked.
    weir pack "$model"
    refuses_with 1 "no file of packed weights; --force replaces it"
    pack --force
    answer
    grep -q "packed weights mapped" "$err" || explain
}

@test "models of the hub's cache and read-only folders: a cache of our own" {
    folder="$BATS_TEST_TMPDIR/models--org--nano/snapshots/0123"
    mkdir -p "$folder"
    mv "$model" "$folder"
    model=$folder/nano.gguf
    expect_answer
    pack
    grep -q "cache/weir/packed/nano.gguf-[0-9a-f]*.packed is written" "$err" || explain
    [ "$(ls "$folder")" = nano.gguf ]
    [ "$(ls "$XDG_CACHE_HOME/weir/packed" | wc -l)" -eq 1 ]
    answer
    grep -q "packed weights mapped" "$err" || explain
    cmp "$BATS_TEST_TMPDIR/answer" "$BATS_TEST_TMPDIR/expected"
    pack
    grep -q "is there and fits" "$err" || explain
    XDG_CACHE_HOME= HOME= weir pack "$model"
    refuses_with 5 "neither XDG_CACHE_HOME nor HOME is set; expected --output"
    [ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
    mkdir "$BATS_TEST_TMPDIR/closed"
    mv "$model" "$BATS_TEST_TMPDIR/closed"
    model=$BATS_TEST_TMPDIR/closed/nano.gguf
    chmod a-w "$BATS_TEST_TMPDIR/closed"
    weir pack "$model"
    chmod u+w "$BATS_TEST_TMPDIR/closed"
    exits_with 0
    grep -q "cache/weir/packed/nano.gguf-" "$err" || explain
}

@test "another place, and what is no place" {
    expect_answer
    pack -o "$BATS_TEST_TMPDIR/elsewhere"
    [ ! -e "$packed" ]
    answer
    ! grep -q "packed" "$err" || explain
    answer --packed "$BATS_TEST_TMPDIR/elsewhere"
    grep -q "packed weights mapped" "$err" || explain
    cmp "$BATS_TEST_TMPDIR/answer" "$BATS_TEST_TMPDIR/expected"
    answer --packed "$BATS_TEST_TMPDIR/nowhere"
    grep -q "^packed weights are not used: .*nowhere: cannot be opened" "$err" || explain
    cmp "$BATS_TEST_TMPDIR/answer" "$BATS_TEST_TMPDIR/expected"
    weir pack "$model" -o "$model" --force
    refuses_with 2 "the file is the model itself"
    cmp "$model" "$nano"
    echo "my letters" >"$BATS_TEST_TMPDIR/letters"
    weir pack "$model" -o "$BATS_TEST_TMPDIR/letters"
    refuses_with 1 "--force replaces it"
    weir pack "$model" -o "$BATS_TEST_TMPDIR/no/folder"
    refuses_with 5 "no/folder"
    for flag in "--no-map" "--activations f32" "--device reference"; do
        weir run "$model" --tokens 1 -n 1 --packed "$BATS_TEST_TMPDIR/elsewhere" $flag
        refuses_with 2 "--packed and --"
    done
    weir pack "$model" --check
    refuses_with 1 "there are no packed weights to check"
    weir pack "$model" --check --force
    refuses_with 2 "--check writes nothing"
    weir pack "$WEIR_TEST_DATA/golden/dense_tiny"
    refuses_with 3 "only the weights of GGUF files can be packed"
}

@test "what packed weights do not go with leaves them alone" {
    pack
    for flag in "--no-map" "--activations f32" "--device reference"; do
        weir run "$model" --tokens 1,6 -n 2 --temperature 0 --stats $flag
        exits_with 0
        ! grep -q "packed" "$err" || explain
    done
    weir run "$model" --tokens 1,6 -n 2 --ram 5MB
    [ "$code" -eq 4 ] || explain
    least=$(sed -n 's/.*at least --ram \([0-9]*MB\).*/\1/p' "$err")
    weir run "$model" --tokens 1,6 -n 2 --ram "$least"
    [ "$code" -eq 0 ] || explain
    grep -q "^packed weights are not used: --ram has experts read from the model itself" "$err" || explain
    weir plan "$model" --ram "$((${least%MB} + 2))MB"
    exits_with 0
    grep -q "^packed weights are not used: --ram has experts read" "$err" || explain
}

# The sum of a line of smaps over the pages of the packed file, in kB.
pages() { # PID line
    awk -v key="$2:" '/^[0-9a-f]+-[0-9a-f]+ / { is_ours = /nano.gguf.packed$/ }
        is_ours && $1 == key { n += $2 } END { print n + 0 }' "/proc/$1/smaps"
}

@test "two processes share the pages" {
    [ -e /proc/self/smaps ] || skip "the system does not tell what is shared"
    pack
    nano=$model
    serve --packed auto
    first=$server
    serve
    for pid in $first $server; do
        [ "$(pages "$pid" Rss)" -gt 10000 ]
        [ "$(pages "$pid" Shared_Clean)" -gt 10000 ]
        [ "$(pages "$pid" Private_Dirty)" -eq 0 ]
        [ "$(pages "$pid" Private_Clean)" -lt 1000 ]
    done
}

@test "wrong command lines" {
    weir pack
    refuses_with 2 "an argument is missing"
    weir pack "$BATS_TEST_TMPDIR/none.gguf"
    refuses_with 5 "none.gguf"
    weir pack "$model" --colour
    refuses_with 2 "unknown option '--colour'"
}
