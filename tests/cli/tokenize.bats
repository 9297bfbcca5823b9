#!/usr/bin/env bats
# tokenize.bats: text to ids and back, as a user asks for it.

load common

tokenizer=$WEIR_TEST_DATA/tokenizer/mini/tokenizer.json
fox='The quick brown fox jumps over the lazy dog.'
fox_ids=2811,1098,2565,831,839,596,587,851,588,597,1055,835,589,592,2302,969,1011,1217,1223,580,523

@test "ids of a text, on one line" {
    weir tokenize "$tokenizer" "$fox"
    exits_with 0
    [ "$(cat "$out")" = "$fox_ids" ] || explain
    [ "$(wc -l <"$out")" -eq 1 ] || explain
    [ ! -s "$err" ] || explain
}

@test "operand, file and standard input give the same ids" {
    printf %s "$fox" >"$BATS_TEST_TMPDIR/text"
    weir tokenize "$tokenizer" --file "$BATS_TEST_TMPDIR/text"
    exits_with 0
    [ "$(cat "$out")" = "$fox_ids" ] || explain
    [ "$(printf %s "$fox" | "$WEIR" tokenize "$tokenizer")" = "$fox_ids" ]
    [ "$(printf %s "$fox" | "$WEIR" tokenize "$tokenizer" -)" = "$fox_ids" ]
    [ "$(printf %s "$fox" | "$WEIR" tokenize "$tokenizer" --file -)" = "$fox_ids" ]
}

@test "a folder is as good as its tokenizer.json" {
    weir tokenize "$(dirname "$tokenizer")" "$fox"
    exits_with 0
    [ "$(cat "$out")" = "$fox_ids" ] || explain
}

@test "no text, no ids" {
    weir tokenize "$tokenizer"
    exits_with 0
    [ "$(cat "$out")" = "" ] || explain
    weir tokenize "$tokenizer" "" --count
    [ "$(cat "$out")" = 0 ] || explain
    weir tokenize "$tokenizer" "" --decode
    exits_with 0
    [ ! -s "$out" ] || explain
}

@test "the ids of a model that synth made go into weir run" {
    make_model tiny.gguf tiny-dense
    weir tokenize "$model" "a b"
    exits_with 0
    weir run "$model" --tokens "$(cat "$out")" --max-tokens 1 --seed 1
    exits_with 0
}

@test "control tokens are matched unless they must not be" {
    weir tokenize "$tokenizer" '<|im_start|>' --pieces
    [ "$(cat "$out")" = '     6  control  <|im_start|>' ] || explain
    weir tokenize "$tokenizer" '<|im_start|>' --no-control --pieces
    exits_with 0
    [ "$(wc -l <"$out")" -gt 1 ] || explain
    ! grep -q control "$out" || explain
}

@test "--special adds what the file asks for, the default adds nothing" {
    weir tokenize "$tokenizer" ","
    [ "$(cat "$out")" = 521 ] || explain
    weir tokenize "$tokenizer" "," --special
    [ "$(cat "$out")" = 1,521 ] || explain
}

@test "--pieces shows what no terminal should see" {
    printf 'a\033[2J\n\377' >"$BATS_TEST_TMPDIR/text"
    weir tokenize "$tokenizer" --file "$BATS_TEST_TMPDIR/text" --pieces
    exits_with 0
    grep -q -F 'x1b' "$out" || explain
    grep -q -F '\n' "$out" || explain
    grep -q -F '\xff' "$out" || explain
    ! grep -q "$(printf '\033')" "$out" || explain
}

@test "--count" {
    weir tokenize "$tokenizer" "$fox" --count
    [ "$(cat "$out")" = 21 ] || explain
}

@test "--json says where each token lies in the text" {
    command -v jq >/dev/null || skip "jq is not installed"
    weir tokenize "$tokenizer" 'née <|im_end|>, python' --json --special
    exits_with 0
    # Byte after byte belongs to one token, but for the begin token, which was added.
    jq -e '.n == (.ids | length) and .ids == (.tokens | map(.id))
        and (.tokens[0] | .id == 1 and .kind == "control" and .start == 0 and .end == 0)
        and (.tokens[1:] | reduce .[] as $t (0; if $t.start == . then $t.end else -1 end)) == 23
        and (.tokens | map(select(.kind != "normal") | .text))
            == ["<|startoftext|>", "<|im_end|>", "python"]' "$out" >/dev/null || explain
}

@test "decoding gives any bytes back" {
    head -c 20000 /dev/urandom >"$BATS_TEST_TMPDIR/bytes"
    weir tokenize "$tokenizer" --file "$BATS_TEST_TMPDIR/bytes"
    exits_with 0
    "$WEIR" tokenize "$tokenizer" --decode --file "$out" >"$BATS_TEST_TMPDIR/again"
    cmp "$BATS_TEST_TMPDIR/bytes" "$BATS_TEST_TMPDIR/again"
}

@test "--decode writes the bytes and nothing else" {
    weir tokenize "$tokenizer" --decode "$fox_ids"
    exits_with 0
    [ "$(cat "$out"; echo x)" = "${fox}x" ] || explain
    weir tokenize "$tokenizer" --decode 6,521,7
    [ "$(cat "$out")" = '<|im_start|>,<|im_end|>' ] || explain
    weir tokenize "$tokenizer" --decode 6,521,7 --no-control
    [ "$(cat "$out")" = , ] || explain
    weir tokenize "$tokenizer" --decode 6,521 --pieces
    [ "$(wc -l <"$out")" -eq 2 ] || explain
}

@test "wrong ids" {
    weir tokenize "$tokenizer" --decode 1,x
    refuses_with 2 "expected a token id at character 3"
    weir tokenize "$tokenizer" --decode 4096
    [ "$code" -ne 0 ] || explain
    [ ! -s "$out" ] || explain
    grep -q 4096 "$err" || explain
    echo "1 2 three" >"$BATS_TEST_TMPDIR/ids"
    weir tokenize "$tokenizer" --decode --file "$BATS_TEST_TMPDIR/ids"
    refuses_with 3 "$BATS_TEST_TMPDIR/ids: expected a token id"
}

@test "--ignore-merges takes yes and no" {
    for word in yes no; do
        weir tokenize "$tokenizer" "$fox" --ignore-merges $word
        exits_with 0
    done
    weir tokenize "$tokenizer" "$fox" --ignore-merges maybe
    refuses_with 2 "yes|no"
}

@test "what does not go together is refused" {
    weir tokenize "$tokenizer" a --pieces --json
    refuses_with 2 "expected one of them"
    weir tokenize "$tokenizer" a --file b
    refuses_with 2 "given twice"
    weir tokenize "$tokenizer" 1 --decode --count
    refuses_with 2 "--decode takes ids"
    weir tokenize "$tokenizer" 1 --decode --no-control --json
    refuses_with 2 "--no-control"
    weir tokenize
    refuses_with 2 "usage: weir tokenize"
}

@test "files that are not there, or no tokenizer" {
    weir tokenize "$tokenizer" --file "$BATS_TEST_TMPDIR/none"
    refuses_with 5 "none"
    weir tokenize "$BATS_TEST_TMPDIR/none.gguf" a
    refuses_with 5 "none.gguf"
    echo '{"model": {}}' >"$BATS_TEST_TMPDIR/tokenizer.json"
    weir tokenize "$BATS_TEST_TMPDIR/tokenizer.json" a
    refuses_with 3 "tokenizer.json"
}

@test "output that cannot be written" {
    [ -e /dev/full ] || skip "no /dev/full here"
    code=0
    "$WEIR" tokenize "$tokenizer" a >/dev/full 2>"$BATS_TEST_TMPDIR/stderr" || code=$?
    [ "$code" -eq 5 ]
}
