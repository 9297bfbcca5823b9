#!/usr/bin/env bats
# imatrix.bats: importance from the command line: collected, interrupted and gone on with, merged,
# shown; and what is refused.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    printf 'Once upon a time there was a mouse.\n<|endoftext|>\nIt was small, and it was brave.\n' >two.txt
    for i in 1 2 3 4 5 6 7 8 9; do printf 'The mouse went to the mill number %d. ' $i; done >long.txt
    for i in 1 2 3 4 5 6 7 8 9; do printf '<|endoftext|>\nWindow %d is a small one.\n' $i; done >>long.txt
}

field() { # path
    jq -c "$1" "$out"
}

@test "imatrix: every row counts once, experts as often as they are used" {
    make_model moe.gguf tiny-moe
    weir imatrix "$model" two.txt -o a.gguf --json
    exits_with 0
    [ "$(field .windows)" -eq 2 ]
    tokens=$(field .tokens)
    [ "$(field .entries)" -gt 10 ]
    [ -s a.gguf ]
    [ ! -e a.gguf.part ]
    weir imatrix show a.gguf --json
    exits_with 0
    [ "$(field '.datasets')" = '["two.txt"]' ]
    [ "$(field '[.chunk_count, .chunk_size]')" = '[2,512]' ]
    used=$("$WEIR" show "$model" --json | jq .model.n_experts_used)
    [ "$(field "[.tensors[] | select(.matrices == 1) | .rows] | unique | map(. == $tokens)")" = '[true]' ]
    [ "$(field "[.tensors[] | select(.matrices > 1) | .rows] | unique | map(. == $tokens * $used)")" = '[true]' ]
    [ "$(field '[.tensors[].name | select(test("shortconv.(in|out)_proj.weight$"))] | length > 0')" = true ]
    [ "$(field '[.tensors[].name | select(test("token_embd|output.weight$") and (test("attn") | not))] | length')" -eq 0 ]
    [ "$(field '.layers | map(select(.experts)) | map(.experts.n) | unique | length')" -eq 1 ]
    weir imatrix show a.gguf
    exits_with 0
    grep -q 'windows     2 of 512 tokens' "$out" || explain
    grep -q ' blk.0.shortconv.in_proj.weight$' "$out" || explain
    weir imatrix show a.gguf --layers
    exits_with 0
    ! grep -q ' blk.0.shortconv.in_proj.weight$' "$out" || explain
    [ "$(grep -c ' blk\.[0-9]*\.' "$out")" -eq "$("$WEIR" show "$model" --json | jq .model.n_layers)" ]
}

@test "imatrix: the head is asked for" {
    make_model moe.gguf tiny-moe
    weir imatrix "$model" two.txt -o a.gguf --head
    exits_with 0
    weir imatrix show a.gguf --json
    [ "$(field '[.tensors[].name | select(. == "token_embd.weight" or . == "output.weight")] | length')" -eq 1 ]
}

@test "imatrix: windows, limits, and texts of any kind" {
    make_model moe.gguf tiny-moe
    weir imatrix "$model" long.txt -o a.gguf --ctx 16 --json
    exits_with 0
    whole=$(field .tokens)
    windows=$(field .windows)
    [ "$windows" -gt 10 ]
    weir imatrix "$model" long.txt -o a.gguf -f --ctx 16 --chunks 7 --json
    exits_with 0
    [ "$(field .windows)" -eq 7 ]
    [ "$(field .tokens)" -le 112 ]
    weir imatrix "$model" long.txt -o a.gguf -f --ctx 16 --max-tokens 50 --json
    exits_with 0
    [ "$(field .tokens)" -eq 50 ]
    weir imatrix "$model" long.txt -o a.gguf -f --ctx 16 --max-tokens 17 --json
    exits_with 0
    [ "$(field .tokens)" -eq 17 ]
    weir imatrix "$model" long.txt -o a.gguf -f --ctx 1 --max-tokens 9 --json
    exits_with 0
    [ "$(field '[.windows, .tokens]')" = '[9,9]' ]
    weir imatrix "$model" gen:instruction -n 3 -o a.gguf -f --json
    exits_with 0
    [ "$(field .tokens)" -gt 20 ]
    weir imatrix show a.gguf --json
    [ "$(field .datasets)" = '["gen:instruction"]' ]
    [ "$whole" -gt 100 ]
}

# The sums of a matrix differ in the last digits of a float at most, however the work is cut.
same_numbers() { # A B
    "$WEIR" imatrix show "$1" --json | jq -c '[.tensors[] | [.name, .rows, .mean_square]]' >one.json
    "$WEIR" imatrix show "$2" --json | jq -c '[.tensors[] | [.name, .rows, .mean_square]]' >other.json
    [ "$(jq -n --slurpfile a one.json --slurpfile b other.json '
        ($a[0] | length) == ($b[0] | length) and
        ([range($a[0] | length) | . as $i | $a[0][$i] as $x | $b[0][$i] as $y |
          $x[0] == $y[0] and $x[1] == $y[1] and (($x[2] - $y[2]) | fabs) <= 1e-6 * $x[2]] | all)')" = true ]
}

@test "imatrix: threads and saving on the way change nothing" {
    make_model moe.gguf tiny-moe
    weir imatrix "$model" long.txt -o a.gguf --ctx 16 --threads 1 --save-every 0
    exits_with 0
    weir imatrix "$model" long.txt -o b.gguf --ctx 16 --threads 3 --save-every 3
    exits_with 0
    [ ! -e b.gguf.part ]
    same_numbers a.gguf b.gguf
}

@test "imatrix: goes on where it was interrupted" {
    make_model moe.gguf tiny-moe
    for i in $(seq 3000); do printf 'The mouse went to the mill number %d.\n<|endoftext|>\n' "$i"; done >much.txt
    code=0
    "$WEIR" imatrix "$model" much.txt -o a.gguf --save-every 5 >im.out 2>im.err </dev/null 3>&- &
    pid=$!
    for i in $(seq 200); do
        [ -e a.gguf.part ] && break
        sleep 0.05
    done
    kill -TERM "$pid"
    wait "$pid" || code=$?
    [ "$code" -eq 130 ] || { cat im.err; false; }
    grep -q '^weir imatrix: interrupted; a.gguf.part has what was done, --resume goes on from it$' im.err || { cat im.err; false; }
    [ ! -e a.gguf ]
    [ -s a.gguf.part ]
    weir imatrix show a.gguf.part
    exits_with 0

    weir imatrix "$model" much.txt -o a.gguf
    refuses_with 1 "--resume goes on from it, --force begins anew"
    weir imatrix "$model" long.txt -o a.gguf --resume
    refuses_with 1 "a.gguf.part: of another run"
    # A later state of a training: name, shape and length are those of the earlier one.
    "$WEIR" synth other.gguf --config tiny-moe --seed 2 2>/dev/null
    weir imatrix other.gguf much.txt -o a.gguf --resume
    refuses_with 1 "a.gguf.part: of another run"
    weir imatrix "$model" much.txt -o a.gguf --resume --kv-type f16
    refuses_with 1 "a.gguf.part: of another run"
    weir imatrix "$model" much.txt -o a.gguf --resume --activations f32
    refuses_with 1 "a.gguf.part: of another run"
    weir imatrix "$model" much.txt -o a.gguf --resume --chunks 2
    refuses_with 1 "holds"
    weir imatrix "$model" much.txt -o a.gguf --resume --json
    exits_with 0
    [ "$(field '.windows_resumed > 0')" = true ]
    [ "$(field .windows)" -eq 3000 ]
    [ ! -e a.gguf.part ]
    weir imatrix "$model" much.txt -o b.gguf
    exits_with 0
    same_numbers a.gguf b.gguf
    weir imatrix "$model" two.txt -o c.gguf --resume --json
    exits_with 0
    grep -q 'there is no c.gguf.part to go on from' "$err" || explain
}

@test "imatrix merge: one run over both texts" {
    make_model moe.gguf tiny-moe
    sed '/endoftext/,$d' two.txt >first.txt
    sed '1,/endoftext/d' two.txt >second.txt
    weir imatrix "$model" two.txt -o both.gguf
    weir imatrix "$model" first.txt -o first.gguf
    weir imatrix "$model" second.txt -o second.gguf
    weir imatrix merge first.gguf second.gguf -o sum.gguf --json
    exits_with 0
    [ "$(field '[.files, .chunk_count, .chunk_size]')" = '[2,2,512]' ]
    same_numbers both.gguf sum.gguf
    weir imatrix show sum.gguf --json
    [ "$(field .datasets)" = '["first.txt","second.txt"]' ]
    weir imatrix merge first.gguf second.gguf -o sum.gguf
    refuses_with 1 "--force replaces it"
    weir imatrix merge sum.gguf first.gguf -o sum.gguf -f
    exits_with 0
    weir imatrix merge first.gguf second.gguf
    refuses_with 2 "expected --output"
    weir imatrix merge first.gguf
    [ "$code" -eq 2 ] || explain
}

@test "imatrix: of another model, of no model, in the older form" {
    make_model moe.gguf tiny-moe
    weir imatrix "$model" two.txt -o moe.gguf
    exits_with 0
    cat >other.json <<'END'
{"architectures": ["Lfm2ForCausalLM"], "model_type": "lfm2", "vocab_size": 400, "hidden_size": 64,
 "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "block_ff_dim": 96,
 "block_auto_adjust_ff_dim": false, "conv_L_cache": 3, "conv_bias": false, "norm_eps": 1e-05,
 "max_position_embeddings": 128, "rope_theta": 10000.0, "layer_types": ["conv", "full_attention"],
 "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 7, "pad_token_id": 0}
END
    "$WEIR" synth other.gguf --config other.json --type f32 2>/dev/null
    weir imatrix other.gguf two.txt -o other.im.gguf
    exits_with 0
    weir imatrix merge moe.gguf other.im.gguf -o sum.gguf
    refuses_with 3 "other.im.gguf: blk.0."
    [ ! -e sum.gguf ]
    weir imatrix show "$model"
    refuses_with 3 "expected an importance file, of type 'imatrix'"
    printf '\001\000\000\000\023\000\000\000blk.0.attn_q.weight\001\000\000\000' >old.dat
    weir imatrix show old.dat
    [ "$code" -ne 0 ]
    grep -q "older binary form (.dat)" "$err" || explain
    head -c 300 moe.gguf >cut.gguf
    weir imatrix show cut.gguf
    refuses_with 3 "cut.gguf: byte "
    weir imatrix show nothing.gguf
    refuses_with 5 "nothing.gguf"
}

@test "imatrix: what cannot be is refused" {
    make_model moe.gguf tiny-moe
    weir imatrix "$model" two.txt
    refuses_with 2 "expected --output FILE.gguf"
    weir imatrix "$model" two.txt -o a.gguf -n 5
    refuses_with 2 "--n is for generated samples, gen:KIND, got 'two.txt'"
    weir imatrix "$model" two.txt -o a.gguf --chunks 0
    refuses_with 2 "--chunks: expected 1 at least"
    weir imatrix "$model" nothing.txt -o a.gguf
    refuses_with 5 "nothing.txt"
    weir imatrix "$model" nothing.txt -o no/such/folder/a.gguf
    refuses_with 5 "no/such/folder" # before anything is read
    : >taken.gguf
    weir imatrix "$model" two.txt -o taken.gguf
    refuses_with 1 "--force replaces it"
    [ ! -s taken.gguf ]
    weir imatrix no-such-model two.txt -o a.gguf
    [ "$code" -eq 5 ] || explain
    [ ! -e a.gguf ]
    [ ! -e a.gguf.part ]
}

@test "imatrix: a file under the temporary name that is no importance is left alone" {
    make_model moe.gguf tiny-moe
    echo precious >a.gguf.part
    weir imatrix "$model" two.txt -o a.gguf -f
    refuses_with 1 "a.gguf.part: is there, and no importance of an interrupted run"
    [ "$(cat a.gguf.part)" = precious ]
    [ ! -e a.gguf ]
}
