#!/usr/bin/env bats
# usage.bats: help, versions, and every kind of wrong command line.

load common

@test "--version" {
    weir --version
    exits_with 0
    [ "$(cat "$out")" = "weir 0.1.0" ]
    [ ! -s "$err" ]
}

@test "no verb: usage on standard error" {
    weir
    exits_with 2
    [ ! -s "$out" ]
    grep -q '^usage: weir' "$err"
}

# The verbs of the main help; those of a group, which have two words, with a dash between them.
listed_verbs() {
    sed -n 's/^  weir \(train \|eval \|bench \|imatrix \)\?\([a-z]*\) .*/\1\2/p' "$out" | tr ' \n' '- '
}

@test "help lists every verb, help VERB and VERB --help agree" {
    weir help
    exits_with 0
    verbs=$(listed_verbs)
    [[ $verbs == "run show plan tokenize template convert quantize pack imatrix synth selftest completions "* ]] || explain
    [[ $verbs == *" train-run "* ]] || explain
    [ "$(awk 'length > 100' "$out")" = "" ]
    for verb in $verbs; do
        words=${verb/-/ }
        weir help $words
        exits_with 0
        grep -q "^usage: weir $words" "$out" || explain
        cp "$out" "$BATS_TEST_TMPDIR/help"
        weir $words --help
        exits_with 0
        cmp "$out" "$BATS_TEST_TMPDIR/help"
        weir $words -h
        exits_with 0
        [ "$(awk 'length > 100' "$out")" = "" ]
    done
}

@test "verbs of two words: the first alone lists them" {
    weir help
    all=$(listed_verbs)
    for group in train eval; do
        weir help $group
        exits_with 0
        grep -q "^usage: weir $group VERB" "$out" || explain
        cp "$out" "$BATS_TEST_TMPDIR/help"
        [ -n "$(listed_verbs)" ] || explain
        for verb in $(listed_verbs); do
            [[ $verb == $group-* && $all == *"$verb "* ]] || explain
        done
        weir $group --help
        exits_with 0
        cmp "$out" "$BATS_TEST_TMPDIR/help"
        weir $group
        exits_with 2
        [ ! -s "$out" ]
        cmp "$err" "$BATS_TEST_TMPDIR/help"
        weir $group fly
        refuses_with 2 "unknown verb '$group fly'; 'weir help $group' lists them"
        weir help $group fly
        refuses_with 2 "unknown verb '$group fly'; 'weir help $group' lists them"
        weir $group --fly
        refuses_with 2 "unknown verb '$group --fly'"
        weir help --scdoc $group
        refuses_with 2 "unknown verb '$group'"
        weir $group --help please
        refuses_with 2 "one argument too many: 'please'"
    done
    # What one word names is not named by two, and the other way round.
    weir train show
    refuses_with 2 "unknown verb 'train show'"
    weir "train run"
    refuses_with 2 "unknown verb 'train run'"
    weir help train run please
    refuses_with 2 "one argument too many: 'please'"
    weir train run --colour run.json
    refuses_with 2 "unknown option '--colour'; 'weir help train run' lists them"
}

@test "unknown verbs" {
    weir fly
    refuses_with 2 "unknown verb 'fly'"
    weir help fly
    refuses_with 2 "unknown verb 'fly'"
    weir $'a\nb\033[31m'
    refuses_with 2 "unknown verb 'a?b?[31m'"
}

@test "help and --version take no more arguments than they say" {
    weir --version please
    refuses_with 2 "one argument too many: 'please'"
    weir help run please
    refuses_with 2 "one argument too many: 'please'"
    weir help --scdoc run please
    refuses_with 2 "one argument too many: 'please'"
    weir help --scdoc fly
    refuses_with 2 "unknown verb 'fly'"
}

@test "unknown options" {
    weir show --colour model.gguf
    refuses_with 2 "unknown option '--colour'"
    weir show -x model.gguf
    refuses_with 2 "unknown option '-x'"
    weir run -nn model.gguf
    refuses_with 2 "unknown option '-nn'"
    # No abbreviations: they break when an option is added.
    weir run model.gguf --token 1
    refuses_with 2 "unknown option '--token'"
}

@test "missing values and arguments" {
    weir run model.gguf --tokens
    refuses_with 2 "--tokens: the value ID,ID,... is missing"
    weir run model.gguf --tokens --stats
    refuses_with 2 "--tokens: the value ID,ID,... is missing"
    weir run model.gguf --tokens=
    refuses_with 2 "--tokens: expected a token id"
    weir show
    refuses_with 2 "an argument is missing"
    weir show a.gguf b.gguf
    refuses_with 2 "one argument too many: 'b.gguf'"
    weir convert a.gguf
    refuses_with 2 "an argument is missing"
    weir run model.gguf --save x
    refuses_with 2 "--save: expected --tokens"
    weir run model.gguf --tokens 1 --tokens-file x
    refuses_with 2 "exclude each other"
    weir synth out.gguf
    refuses_with 2 "--config is missing"
    weir synth --config tiny-moe
    refuses_with 2 "OUT is missing"
    weir selftest silver dir
    refuses_with 2 "unknown test 'silver'"
}

@test "flags take no value" {
    weir show m.gguf --json=yes
    refuses_with 2 "--json takes no value"
}

@test "bad numbers" {
    for value in x 1x -1 +1 1.5 4294967296 "" " 1" 0x10 99999999999999999999; do
        weir run model.gguf --tokens 1 --max-tokens "$value"
        refuses_with 2 "--max-tokens: expected a whole number from 0 to 4294967295, got '$value'"
    done
    weir run model.gguf --tokens 1 --seed 18446744073709551616
    refuses_with 2 "--seed: expected a whole number from 0 to 18446744073709551615"
    for value in x 1x nan inf -inf 1e99 0x1p3 "" . -; do
        weir run model.gguf --tokens 1 --temperature "$value"
        refuses_with 2 "--temperature: expected a number, got '$value'"
    done
    for value in x -1 1XB GB 1e30 0x10 ""; do
        weir run model.gguf --tokens 1 --max-memory "$value"
        refuses_with 2 "--max-memory: expected a size such as 800MB or 1.5GiB, got '$value'"
    done
    for value in x 1:x :1 1: 1:2, 1:2,,3:4 -1:2 1:nan 1:2:3; do
        weir run model.gguf --tokens 1 --logit-bias "$value"
        refuses_with 2 "--logit-bias: expected ID:BIAS,..., got '$value'"
    done
    for value in x 1,x 1,,2 1, ,1 -1 1.5 2147483648 1:2; do
        weir run model.gguf --tokens "$value"
        refuses_with 2 "--tokens: expected a token id"
    done
}

@test "good numbers in every spelling reach the next step" {
    # The model is missing, so 5 shows that the command line was understood.
    for flag in --temperature=0.5 --temperature=.5 --temperature=1e-3 --presence-penalty=-1.5 \
        --logit-bias=1:2,3:-4.5 --max-memory=1.5GiB --max-memory=800MB --max-memory=1000 \
        --seed=18446744073709551615 -v; do
        weir run "$BATS_TEST_TMPDIR/none.gguf" --tokens "1, 2 3,4" "$flag"
        exits_with 5
    done
    weir run --presence-penalty -1.5 -n 3 --tokens=1 -- "$BATS_TEST_TMPDIR/none.gguf"
    exits_with 5
}

@test "missing files" {
    for verb in "show" "run --tokens 1"; do
        weir $verb "$BATS_TEST_TMPDIR/none.gguf"
        refuses_with 5 "none.gguf"
    done
    weir convert "$BATS_TEST_TMPDIR/none.gguf" "$BATS_TEST_TMPDIR/out.gguf"
    refuses_with 5 "none.gguf"
    [ ! -e "$BATS_TEST_TMPDIR/out.gguf" ]
    weir selftest golden "$BATS_TEST_TMPDIR/none"
    [ "$code" -ne 0 ]
}

@test "a full standard output is an error" {
    [ -e /dev/full ] || skip "there is no /dev/full"
    code=0
    "$WEIR" help >/dev/full 2>"$BATS_TEST_TMPDIR/stderr" || code=$?
    [ "$code" -eq 5 ]
    grep -q "standard output" "$BATS_TEST_TMPDIR/stderr"
}
