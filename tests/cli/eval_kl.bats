#!/usr/bin/env bats
# eval_kl.bats: a model held against its base, live and through saved logits.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    for i in 1 2 3 4 5 6 7 8; do
        printf 'The mouse went to the mill number %d, and it was brave.\n<|endoftext|>\n' $i
    done >text.txt
    make_model base.gguf tiny-moe
    base=$model
    [ -e "$BATS_FILE_TMPDIR/f32.gguf" ] ||
        "$WEIR" synth "$BATS_FILE_TMPDIR/f32.gguf" --config tiny-moe --type f32 --seed 1 2>/dev/null
    f32=$BATS_FILE_TMPDIR/f32.gguf
}

@test "eval kl: a model loses nothing against itself" {
    weir eval kl "$base" "$base" text.txt --json
    exits_with 0
    jq -e '.metrics | .kl_max.value == 0 and .top1.value == 1 and .experts.value == 1
        and .rms_dp.value == 0 and .perplexity_ratio.value == 1' "$out"
}

@test "eval kl: the same by saved logits, and within the bounds of truncated ones" {
    weir eval kl "$f32" "$base" text.txt --json --ctx 16
    exits_with 0
    cp "$out" live.json
    jq -e '.metrics.kl_mean.value > 0 and .metrics.experts.value < 1' live.json
    weir eval ppl "$f32" text.txt --ctx 16 --save-logits whole.logits
    exits_with 0
    weir eval ppl "$f32" text.txt --ctx 16 --save-logits top.logits --logits-top 8
    exits_with 0
    weir eval kl whole.logits "$base" text.txt --json
    exits_with 0
    jq -e --slurpfile live live.json '.metrics as $a | $live[0].metrics as $b
        | ([$a.kl_mean.value - $b.kl_mean.value, $a.kl_p999.value - $b.kl_p999.value] | map(fabs) | max) < 1e-4
        and $a.top1 == $b.top1 and $a.experts == $b.experts
        and ($a.perplexity_base.value / $b.perplexity_base.value - 1 | fabs) < 1e-6
        and .base == $live[0].base' "$out"
    weir eval kl top.logits "$base" text.txt --json
    exits_with 0
    jq -e --slurpfile live live.json '.metrics as $a | $live[0].metrics.kl_mean.value as $kl
        | $a.kl_mean.value <= $kl and $kl <= $a.kl_mean_most.value
        and $a.top1 == $live[0].metrics.top1' "$out"
}

@test "eval kl: a table for the eye, with the layers" {
    weir eval kl "$f32" "$base" text.txt --layers
    exits_with 0
    grep -q '^KL mean' "$out" || explain
    grep -q '^same experts' "$out" || explain
    [ "$(grep -c '^  layer ' "$out")" -ge 1 ] || explain
}

@test "eval kl: threads change nothing" {
    weir eval kl "$f32" "$base" text.txt --json -t 1
    jq -S 'del(.seconds)' "$out" >one.json
    weir eval kl "$f32" "$base" text.txt --json -t 2
    jq -S 'del(.seconds)' "$out" >two.json
    cmp one.json two.json
}

@test "eval kl: interrupted and gone on with, the result is the same to the last digit" {
    weir eval ppl "$f32" text.txt --ctx 16 --save-logits base.logits --logits-top 8
    exits_with 0
    for against in "$f32" base.logits; do
        args=("$against" "$base" text.txt --ctx 16)
        rm -f ./*.jsonl
        weir eval kl "${args[@]}" -o whole.json --force
        exits_with 0
        jq 'del(.seconds)' whole.json >whole.txt
        weir eval kl "${args[@]}" -o kept.json --force --journal j.jsonl
        exits_with 0
        cmp whole.txt <(jq 'del(.seconds)' kept.json)
        [ "$(wc -l <j.jsonl)" -eq $((1 + $(jq '.items | length' whole.json))) ]
        for cut in 1 2 7; do
            head -n $cut j.jsonl >half.jsonl
            printf '{"id":"0/' >>half.jsonl
            weir eval kl "${args[@]}" -o two.json --force --journal half.jsonl --resume
            exits_with 0
            cmp whole.txt <(jq 'del(.seconds)' two.json)
            cmp j.jsonl half.jsonl
        done
    done
    weir eval kl "$f32" "$base" text.txt --ctx 16 --journal j.jsonl --resume
    refuses_with 2 "begun with another setting: base_logits_k"
    weir eval kl "$base" "$base" text.txt --ctx 16 --journal j.jsonl --resume
    refuses_with 2 "begun with another base"
    sed -i '2s/"kl":\[/"kl":[0.5,/' j.jsonl
    weir eval kl base.logits "$base" text.txt --ctx 16 --journal j.jsonl --resume
    refuses_with 3 'j.jsonl: window 0/0: expected its "sums", "layers" and'
    weir eval kl "$base" "$base" text.txt --resume
    refuses_with 2 "--resume is for --journal"
}

@test "eval kl: what cannot be is refused" {
    weir eval ppl "$f32" text.txt --ctx 16 --save-logits some.logits --logits-top 4
    exits_with 0
    weir eval ppl "$f32" text.txt --save-logits some.logits
    refuses_with 1 "some.logits is there already"
    printf 'Another text, and not a long one.\n' >other.txt
    weir eval kl some.logits "$base" other.txt
    refuses_with 2 "was saved from other tokens"
    weir eval kl some.logits "$base" text.txt --ctx 32
    refuses_with 2 "was saved from other tokens"
    head -c 900 some.logits >cut.logits
    weir eval kl cut.logits "$base" text.txt
    refuses_with 3 "cut.logits"
    weir eval kl "$base" no-such-model text.txt
    [ "$code" -eq 5 ] || explain
}

@test "eval diff: two quantizations against one base, window by window" {
    weir eval kl "$f32" "$base" text.txt -o a.json
    exits_with 0
    weir eval kl "$f32" "$f32" text.txt -o b.json
    exits_with 0
    weir eval diff a.json b.json --json
    exits_with 0
    jq -e '.changes[] | select(.metric == "kl_mean") | .verdict == "lower" and .method == "pairs"' "$out"
    weir eval diff a.json a.json --json
    jq -e '[.changes[].difference] | map(. == 0) | all' "$out"
    weir eval kl "$base" "$f32" text.txt -o c.json
    weir eval diff a.json c.json
    refuses_with 2 "the base they were measured against"
    weir eval diff a.json c.json --force
    exits_with 0
}
