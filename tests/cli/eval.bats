#!/usr/bin/env bats
# eval.bats: perplexity and probes, on models whose numbers are known beforehand.

load common
load scripted

setup() {
    cd "$BATS_TEST_TMPDIR"
    printf 'Once upon a time there was a mouse.\n<|endoftext|>\nIt was small, and it was brave.\n' >two.txt
}

field() { # name
    jq "$1" "$out"
}

@test "eval ppl: nats, perplexity and bits of two documents" {
    make_model moe.gguf tiny-moe
    weir eval ppl "$model" two.txt --json
    exits_with 0
    [ "$(field .details.samples)" -eq 2 ]
    tokens=$(field .details.tokens)
    nats=$(field .metrics.nats_per_token.value)
    perplexity=$(field .metrics.perplexity.value)
    awk -v n="$nats" -v p="$perplexity" 'BEGIN { d = exp(n) - p; exit !(d * d < 1e-6 * p * p) }'
    # Both documents whole: every token but the first of each, the end token included.
    [ "$tokens" -gt 4 ]
    # Random weights know nothing: no better than a die with as many sides as there are tokens.
    awk -v n="$nats" 'BEGIN { exit !(n > 5) }'
}

@test "eval ppl: a given 0 is no default" {
    make_model moe.gguf tiny-moe
    for option in ctx stride max-tokens n; do
        weir eval ppl "$model" gen:story --$option 0
        refuses_with 2 "weir eval ppl: --$option: expected 1 at least"
        weir eval kl "$model" "$model" gen:story --$option 0
        refuses_with 2 "weir eval kl: --$option: expected 1 at least"
    done
}

@test "eval ppl: the result names model, data and settings, and is kept with its windows" {
    make_model moe.gguf tiny-moe
    weir eval ppl "$model" two.txt --json -o kept.json --stride 7 --ctx 16
    exits_with 0
    [ "$(field .kind)" = '"ppl"' ]
    [ "$(field .settings.stride)" -eq 7 ]
    [ "$(field '.model.xxh128 | length')" -eq 32 ]
    [ "$(field .items)" = null ]
    [ "$(jq '.items | length' kept.json)" -gt 2 ]
    # The error is that of the mean over windows, weighted by their tokens.
    jq -e '[.items[] | {w: .weight, x: .scores.nats_per_token}] as $i | ([$i[].w] | add) as $w
        | ([$i[] | .w * .x] | add / $w) as $m | ($i | length) as $n
        | (([$i[] | (.w * (.x - $m)) * (.w * (.x - $m))] | add) * $n / ($n - 1) | sqrt / $w) as $e
        | .metrics.nats_per_token | ((.value - $m) | fabs) < 1e-9 and ((.error - $e) | fabs) < 1e-9' kept.json
    weir eval ppl "$model" two.txt -o kept.json
    refuses_with 1 "kept.json is there already: --force replaces it"
    weir eval ppl "$model" two.txt --logits-top 4
    refuses_with 2 "--save-logits"
}

@test "eval ppl: windows change little, and every token is scored once" {
    make_model moe.gguf tiny-moe
    for i in 1 2 3 4 5 6 7 8 9 10; do printf 'The mouse went to the mill number %d. ' $i; done >long.txt
    weir eval ppl "$model" long.txt --json
    exits_with 0
    whole=$(field .details.tokens)
    for windows in "32 16" "32 31" "17 1" "64 32"; do
        # shellcheck disable=SC2086 # two words
        set -- $windows
        weir eval ppl "$model" long.txt --json --ctx "$1" --stride "$2"
        exits_with 0
        [ "$(field .details.tokens)" -eq "$whole" ] || explain
    done
    weir eval ppl "$model" long.txt --json --max-tokens 20
    [ "$(field .details.tokens)" -eq 20 ]
}

@test "eval ppl: conversations by their masks, and generated samples" {
    make_model moe.gguf tiny-moe
    echo '{"messages":[{"role":"user","content":"A long question, is it not?"},{"role":"assistant","content":"Yes."}]}' >chat.jsonl
    weir eval ppl "$model" chat.jsonl --json
    exits_with 0
    all=$(field .details.tokens)
    weir eval ppl "$model" chat.jsonl --json --assistant-only
    exits_with 0
    [ "$(field .details.tokens)" -lt "$all" ]
    [ "$(field .details.bytes)" -eq 4 ]
    weir eval ppl "$model" gen:instruction --n 3 --held-out --assistant-only
    exits_with 0
    grep -q "of 3 samples" "$out" || explain
}

@test "eval ppl: what cannot be is refused" {
    make_model moe.gguf tiny-moe
    weir eval ppl "$model" two.txt --ctx 16 --stride 16
    refuses_with 2 "stride below"
    weir eval ppl "$model" nothing.txt
    refuses_with 5 "nothing.txt"
    weir eval ppl "$model" gen:poem
    refuses_with 2 "poem"
    : >empty.txt
    weir eval ppl "$model" empty.txt
    refuses_with 3 "empty.txt"
    weir eval ppl no-such-model two.txt
    [ "$code" -eq 5 ] || explain
}

@test "eval ppl: options of generated samples are for those, and a manifest for texts" {
    make_model moe.gguf tiny-moe
    weir eval ppl "$model" two.txt -n 5
    refuses_with 2 "--n is for generated samples, gen:KIND, got 'two.txt'"
    weir eval ppl "$model" two.txt --held-out
    refuses_with 2 "--held-out is for generated samples"
    weir eval ppl "$model" two.txt --seed 0
    refuses_with 2 "--seed is for generated samples"
    weir eval ppl "$model" gen:identity -n 1 --json
    exits_with 0
    [ "$(field .details.samples)" -eq 1 ]
    echo '[{"split": "a"}, {"split": "b"}]' >two.json
    weir eval ppl "$model" two.txt --split b --manifest two.json
    exits_with 0
    grep -q "of 1 sample (" "$out" || explain
}

@test "eval ppl: interrupted" {
    make_model moe.gguf tiny-moe
    # Minutes of work: no machine is done before the signal comes.
    seq -f 'The mouse went to the mill number %.0f.' 100000 >long.txt
    code=0
    "$WEIR" eval ppl "$model" long.txt >ppl.out 2>ppl.err </dev/null 3>&- &
    pid=$!
    wait_for_handler "$pid"
    sleep 0.3
    kill -TERM "$pid"
    wait "$pid" || code=$?
    [ "$code" -eq 130 ] || { cat ppl.err; false; }
    [ "$(cat ppl.err)" = "weir eval ppl: interrupted" ]
    [ ! -s ppl.out ]
}

@test "eval ppl: interrupted and gone on with, the result is the same to the last digit" {
    make_model moe.gguf tiny-moe
    for i in $(seq 60); do echo "The mouse went to the mill number $i."; done >long.txt
    args=("$model" long.txt --ctx 32)
    weir eval ppl "${args[@]}" -o whole.json --journal j.jsonl
    exits_with 0
    jq 'del(.seconds)' whole.json >whole.txt
    cut=$(($(wc -l <j.jsonl) / 2))
    weir eval ppl "${args[@]}" -o plain.json
    cmp whole.txt <(jq 'del(.seconds)' plain.json)
    # An end in the middle of a line.
    head -n "$cut" j.jsonl >half.jsonl
    printf '{"id":"0/' >>half.jsonl
    weir eval ppl "${args[@]}" -o two.json --journal half.jsonl --resume
    exits_with 0
    cmp whole.txt <(jq 'del(.seconds)' two.json)
    cmp j.jsonl half.jsonl
    # Nothing is left to be done.
    weir eval ppl "${args[@]}" -o three.json --journal half.jsonl --resume
    exits_with 0
    cmp whole.txt <(jq 'del(.seconds)' three.json)
    # Ended by signals, now and then.
    for signal in TERM KILL INT; do
        "$WEIR" eval ppl "${args[@]}" --journal k.jsonl --resume >/dev/null 2>ppl.err </dev/null 3>&- &
        pid=$!
        sleep 0.08
        kill -$signal "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    weir eval ppl "${args[@]}" -o four.json --journal k.jsonl --resume
    exits_with 0
    cmp whole.txt <(jq 'del(.seconds)' four.json)
    cmp j.jsonl k.jsonl
}

@test "eval ppl: a journal of other work, and what has none" {
    make_model moe.gguf tiny-moe
    weir eval ppl "$model" two.txt --journal j.jsonl
    exits_with 0
    weir eval ppl "$model" two.txt --journal j.jsonl
    refuses_with 1 "--resume goes on with it"
    weir eval ppl "$model" two.txt --journal j.jsonl --resume --ctx 16
    refuses_with 2 "begun with another setting: ctx"
    echo 'Another text, and not a long one.' >other.txt
    weir eval ppl "$model" other.txt --journal j.jsonl --resume
    refuses_with 2 "begun with another data"
    # The same data and settings, other documents of it.
    echo '[{"split": "a"}, {"split": "b"}]' >ab.json
    echo '[{"split": "b"}, {"split": "a"}]' >ba.json
    weir eval ppl "$model" two.txt --split a --manifest ab.json --journal split.jsonl
    exits_with 0
    weir eval ppl "$model" two.txt --split a --manifest ba.json --journal split.jsonl --resume
    refuses_with 2 "begun with another choice of tokens"
    jq -c 'del(.journal)' j.jsonl >bare.jsonl
    weir eval ppl "$model" two.txt --journal bare.jsonl --resume
    refuses_with 3 'bare.jsonl: window 0/0: expected its "nats"'
    weir eval ppl "$model" two.txt --resume
    refuses_with 2 "--resume is for --journal"
    weir eval ppl "$model" two.txt --journal new.jsonl --save-logits some.logits
    refuses_with 2 "a file of --save-logits cannot be gone on with"
    [ ! -e new.jsonl ]
}

@test "eval probes: counts by kind of check" {
    # It says the same to everything, which is right now and then and wrong mostly.
    scripted says.gguf LFM2-8B-A1B say 'I am very small, and I do not know that.'
    weir eval probes "$model" --kind identity -n 12 --json
    exits_with 0
    [ "$(field '.groups | length')" -eq 1 ]
    [ "$(field '.groups[0].n')" -ge 12 ]
    [ "$(field '.groups[0].right')" -ge 1 ]
    [ "$(field '.groups[0].right < .groups[0].n')" = true ]
    [ "$(field .held_out)" = true ]
    weir eval probes "$model" --kind tool -n 4 --json
    exits_with 0
    [ "$(field '[.groups[] | select(.group == "tool: call") | .right] | add')" -eq 0 ]
    weir eval probes "$model" --kind tool -n 2 --show 1
    exits_with 0
    grep -q -- '--- tool: ' "$err" || explain
    weir eval probes "$model" --kind poem
    refuses_with 2 "poem"
    for option in max-tokens ctx; do
        weir eval probes "$model" --kind identity -n 1 --$option 0
        refuses_with 2 "weir eval probes: --$option: expected 1 at least"
    done
    weir eval probes "$model" -n 0
    refuses_with 2 "--n: expected 1 at least"
    weir eval probes "$model" --kind identity -n 1 --seed 0 --json
    exits_with 0
    [ "$(field .seed)" -eq 0 ]
    weir eval probes "$model" --kind tool -n 1 --ctx 50
    refuses_with 1 "sample 0 of tool: a prompt of"
}
