#!/usr/bin/env bats
# quantize.bats: `weir quantize` from the outside: what it says, what it refuses, what it leaves.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
}

# A model that was never quantized, made once.
make_source() {
    model=$BATS_FILE_TMPDIR/bf16.gguf
    [ -e "$model" ] ||
        "$WEIR" synth "$model" --config tiny-moe --type bf16 --seed 1 2>/dev/null
}

field() { # path
    jq "$1" "$out"
}

@test "quantize: a mix, with options anywhere, and the result runs" {
    make_source
    weir quantize "$model" -t 2 a.gguf q4_k_m
    exits_with 0
    grep -q "a.gguf is written: .* bits a weight" "$err" || explain
    [ ! -s "$out" ]
    [ "$(ls)" = "$(printf 'a.gguf\nstderr\nstdout')" ]
    weir quantize -t 1 "$model" b.gguf Q4_K
    exits_with 0
    cmp a.gguf b.gguf
    weir run a.gguf --tokens 1,6,11 --max-tokens 3 --ignore-eos
    exits_with 0
    weir show a.gguf
    exits_with 0
}

@test "quantize: a dry run tells the assignment and the size, and writes nothing" {
    make_source
    weir quantize --dry-run "$model" q4_k_m
    exits_with 0
    grep -q "^token_embd.weight *q6_k" "$out" || explain
    grep -q "^ffn_down_exps.weight *q6_k *layers 2,4$" "$out" || explain
    grep -q "^ffn_gate_exps.weight *q4_k *layers 1-4$" "$out" || explain
    grep -q "^q6_k  *4 tensors" "$out" || explain
    grep -q "^file  *56 tensors .* bits a weight$" "$out" || explain
    [ "$(ls)" = "$(printf 'stderr\nstdout')" ]
    weir quantize --dry-run --json "$model" out.gguf q4_k_m
    exits_with 0
    bytes=$(field .file_bytes)
    [ "$(field '.tensors | length')" -eq 56 ]
    [ "$(field '.tensors[] | select(.name == "blk.2.ffn_down_exps.weight") | .to')" = '"q6_k"' ]
    [ "$(field '([.tensors[].bytes] | add) == .bytes')" = true ]
    weir quantize --json "$model" out.gguf q4_k_m
    exits_with 0
    [ "$(field .file_bytes)" -eq "$bytes" ]
    [ "$(stat -c %s out.gguf)" -eq "$bytes" ]
    [ "$(field .quality)" = null ]
}

@test "quantize: rules for single tensors" {
    make_source
    weir quantize "$model" r.gguf q4_0 --tensor 'blk.*.ffn_down_exps=q6_k' \
        --tensor=blk.2.ffn_down_exps=q8_0 --json
    exits_with 0
    [ "$(field '.tensors[] | select(.name == "blk.1.ffn_down_exps.weight") | .to')" = '"q6_k"' ]
    [ "$(field '.tensors[] | select(.name == "blk.2.ffn_down_exps.weight") | .to')" = '"q8_0"' ]
    [ "$(field '[.tensors[] | select(.by_rule)] | length')" -eq 4 ]
    weir quantize "$model" no.gguf q4_0 --tensor 'blk.77.*=q8_0'
    refuses_with 2 "blk.77.*=q8_0"
    weir quantize "$model" no.gguf q4_0 --tensor '*.ffn_gate_inp=q8_0'
    refuses_with 2 "always stay f32"
    [ ! -e no.gguf ]
}

@test "quantize: a size in place of a type" {
    make_source
    weir quantize "$model" s.gguf --target-size 2.5MB
    exits_with 0
    [ "$(stat -c %s s.gguf)" -le 2500000 ]
    [ "$(stat -c %s s.gguf)" -ge 2475000 ]
    weir quantize "$model" no.gguf --target-size 1MB
    refuses_with 2 "the least is"
    weir quantize "$model" no.gguf q4_0 --target-size 2.5MB
    refuses_with 2 "expected IN OUT TYPE"
    weir quantize "$model" no.gguf --target-size 0
    refuses_with 2 "--target-size"
}

@test "quantize: refusals are one line and leave nothing" {
    make_source
    weir quantize "$model" q8.gguf q8_0
    weir quantize q8.gguf no.gguf q4_k_m
    refuses_with 1 "--allow-requantize"
    weir quantize q8.gguf --allow-requantize again.gguf q4_k_m
    exits_with 0
    rm q8.gguf again.gguf
    weir quantize "$model" no.gguf q4_7
    refuses_with 2 "unknown type 'q4_7', expected one of: q4_0"
    weir quantize "$model" no.gguf
    refuses_with 2 "expected IN OUT TYPE"
    weir quantize "$model"
    refuses_with 2 "expected IN OUT TYPE"
    weir quantize nowhere.gguf no.gguf q4_0
    refuses_with 5 "nowhere.gguf"
    echo kept >there.gguf
    weir quantize "$model" there.gguf q4_0
    refuses_with 1 "--force replaces it"
    [ "$(cat there.gguf)" = kept ]
    weir quantize -f "$model" there.gguf q4_0
    exits_with 0
    weir quantize "$model" no.gguf q4_0 --imatrix nowhere.gguf
    refuses_with 5 "nowhere.gguf"
    weir quantize "$model" no.gguf q4_0 --measure nowhere.txt
    refuses_with 5 "nowhere.txt"
    weir quantize "$model" no.gguf q4_0 --measure-tokens 5
    refuses_with 2 "--measure-tokens is for --measure"
    head -c 1000000 "$model" >cut.gguf
    weir quantize cut.gguf no.gguf q4_0
    refuses_with 3 "cut.gguf"
    [ "$(ls)" = "$(printf 'cut.gguf\nstderr\nstdout\nthere.gguf')" ]
}

@test "quantize: a file that cannot grow leaves nothing" {
    make_source
    code=0
    (
        ulimit -f 1000
        "$WEIR" quantize "$model" full.gguf q4_0 >stdout 2>stderr
    ) || code=$?
    [ "$code" -eq 5 ]
    grep -q "full.gguf: there is no room for it" stderr
    [ "$(ls)" = "$(printf 'stderr\nstdout')" ]
}

@test "quantize: killed in the middle, the same command ends with the same bytes" {
    # Large enough to be caught; the journal has a tensor after a sixteenth of the work.
    echo '{"vocab_size": 2048, "hidden_size": 512, "num_hidden_layers": 5, "num_attention_heads": 8,
        "num_key_value_heads": 2, "intermediate_size": 2048, "block_auto_adjust_ff_dim": false,
        "full_attn_idxs": [2], "model_type": "lfm2", "norm_eps": 1e-5,
        "conv_L_cache": 3, "max_position_embeddings": 2048}' >middle.json
    weir synth middle.gguf --config middle.json --type bf16
    exits_with 0
    weir quantize middle.gguf whole.gguf q3_k_m -t 1
    exits_with 0
    "$WEIR" quantize middle.gguf part.gguf q3_k_m -t 1 2>/dev/null &
    pid=$!
    for i in $(seq 500); do
        ! grep -q '"spans":\["' part.gguf.part.journal 2>/dev/null || break
        sleep 0.01
    done
    kill -9 $pid || skip "it was too fast to be caught"
    wait $pid || true
    [ ! -e part.gguf ] || skip "it was too fast to be caught"
    [ -e part.gguf.part.journal ]
    weir quantize middle.gguf part.gguf q3_k_m
    exits_with 0
    grep -q "taken over from an interrupted run" "$err" || explain
    cmp whole.gguf part.gguf
    [ "$(ls part.gguf*)" = part.gguf ]
}

@test "quantize: --measure keeps what was lost in the file" {
    make_source
    printf 'Once upon a time there was a mouse.\n' >text.txt
    weir quantize "$model" m.gguf q3_k_m --measure text.txt --json
    exits_with 0
    [ "$(field '.quality.kl_mean > 0')" = true ]
    [ "$(field '.quality.corpus | length')" -eq 32 ]
    weir quantize "$model" m8.gguf q8_0 --measure text.txt --measure-tokens 5
    exits_with 0
    grep -q "on 5 tokens: KL" "$err" || explain
}

@test "quantize: --measure is shown, and goes no further" {
    make_source
    printf 'Once upon a time there was a mouse.\n' >text.txt
    weir quantize "$model" m.gguf q4_0 --measure text.txt
    exits_with 0
    weir show m.gguf
    exits_with 0
    grep -q '^quality  *.*KL' "$out" || explain
    weir show m.gguf --json
    [ "$(field '.quality.kl_mean > 0 and .quality.tokens > 0')" = true ]
    weir convert m.gguf wide.gguf --type f16
    exits_with 0
    weir show wide.gguf --json
    [ "$(field .quality)" = null ]
    weir quantize "$model" --dry-run q4_0 --measure text.txt
    refuses_with 2 "--measure is about the file that --dry-run does not write"
}

@test "quantize: importance of weir imatrix, collected on the same model" {
    make_source
    printf 'Once upon a time there was a mouse. It was small, and it was brave.\n' >text.txt
    weir imatrix "$model" text.txt -o im.gguf
    exits_with 0
    weir quantize "$model" with.gguf q4_0 --imatrix im.gguf --json
    exits_with 0
    # All matrices but the embedding, which is the head here and not collected.
    [ "$(field .without_importance)" -eq 1 ]
    [ "$(field '[.tensors[] | select(.has_importance)] | length > 20')" = true ]
    unseen=$(field .experts_unseen)
    weir imatrix show im.gguf --json
    [ "$(field '[.tensors[].unseen] | add')" -eq "$unseen" ]
    weir quantize "$model" without.gguf q4_0
    exits_with 0
    ! cmp -s with.gguf without.gguf
    weir show with.gguf --metadata
    grep -q 'quantize.imatrix.file.*im.gguf' "$out" || explain
    weir imatrix "$model" text.txt -o head.gguf --head
    weir quantize "$model" with.gguf q4_0 --imatrix head.gguf --json -f
    exits_with 0
    [ "$(field .without_importance)" -eq 0 ]
}

@test "quantize: a file under the temporary name that nobody speaks of is left alone" {
    make_source
    echo precious >a.gguf.part
    weir quantize -f "$model" a.gguf q4_0
    refuses_with 1 "a.gguf.part: is there, and no journal says"
    [ "$(cat a.gguf.part)" = precious ]
    [ ! -e a.gguf ]
}
