#!/usr/bin/env bats
# train_run.bats: `weir train run` as a user has it: bad run files, interruption in every way, full
# disks, what it prints. What it computes is tested in tests/train.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    # Documents of random words, always the same ones.
    awk 'BEGIN {
        srand(7); split("the fox ran home. A small boat went to sea. Where is it?", words, " ")
        for (d = 0; d < 120; d++) {
            for (i = 0; i < 60; i++) printf "%s ", words[1 + int(rand() * 13)]
            print "\n<|endoftext|>"
        }
    }' >text.txt
    "$WEIR" train vocab text.txt -o tok --tokens 320 2>/dev/null
    cat >config.json <<'END'
{"model_type": "lfm2_moe", "vocab_size": 320, "hidden_size": 32, "num_hidden_layers": 4,
 "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 48,
 "moe_intermediate_size": 32, "num_dense_layers": 1, "num_experts": 4, "num_experts_per_tok": 2,
 "use_expert_bias": true, "norm_topk_prob": true, "routed_scaling_factor": 1.0, "conv_L_cache": 3,
 "conv_bias": false, "norm_eps": 1e-5, "max_position_embeddings": 256, "rope_theta": 1000000.0,
 "layer_types": ["conv", "full_attention", "conv", "full_attention"], "tie_embedding": true,
 "bos_token_id": 1, "eos_token_id": 7, "pad_token_id": 0}
END
    run_file run.json 40
    "$WEIR" train run run.json --output whole 2>whole.txt
}

run_file() { # name, steps
    cat >"$1" <<END
{"model": "config.json", "tokenizer": "tok", "out": "out", "steps": $2, "context": 64,
 "batch_tokens": 512, "micro_tokens": 256,
 "sources": [{"name": "text", "path": "text.txt"}],
 "validation": [{"name": "again", "path": "text.txt"}],
 "checkpoint": {"every_steps": 3}, "eval": {"every_steps": 20, "max_tokens": 500}}
END
}

setup() {
    cd "$BATS_FILE_TMPDIR"
}

# A run that goes on at once in the background, with its own folder.
start() { # run file, folder
    # A shell starts what runs in the background with SIGINT ignored, and weir leaves it so.
    local heard="env --default-signal=INT"
    $heard true 2>/dev/null || heard=
    $heard "$WEIR" train run "$1" --output "$2" >/dev/null 2>"$2.err" </dev/null 3>&- &
    pid=$!
}

wait_for_checkpoint() { # folder
    for _ in $(seq 200); do
        ls "$1"/ckpt-*.safetensors >/dev/null 2>&1 && return
        sleep 0.05
    done
    cat "$1.err"
    return 1
}

@test "a run ends with a model, a log and a picture" {
    grep -q "^model: .* parameters" whole.txt
    grep -q "^memory: .* for parameters, gradients and moments" whole.txt
    grep -q "^step 40/40  loss [0-9.]*  val [0-9.]*  ([0-9.]* bits/byte)  0 s left" whole.txt
    [ "$(awk 'length > 200' whole.txt)" = "" ]
    weir show whole/model
    exits_with 0
    weir run whole/model "the fox" -n 4
    exits_with 0
    weir convert whole/model whole.gguf
    exits_with 0
    head -c 100 whole/loss.svg | grep -q '<svg xmlns'
    [ "$(grep -c '"kind":"step"' whole/log.jsonl)" -eq 40 ]
}

@test "a GGUF file to go on from, with its tokenizer" {
    weir convert whole/model on.gguf --force
    exits_with 0
    sed 's/"model": "config.json"/"init": "on.gguf"/; s/"tok"/"on.gguf"/' run.json >on.json
    weir train run on.json --output on --steps 2
    exits_with 0
    # It begins where the other ended, far below what a new model has.
    first=$(sed -n 's/.*"step":1,"loss":\([0-9.]*\).*/\1/p' on/log.jsonl)
    last=$(sed -n 's/.*"step":40,"loss":\([0-9.]*\),"grad.*/\1/p' whole/log.jsonl)
    awk "BEGIN { exit !($first < $last + 0.3 && $last < 5) }" || { echo "$first $last"; false; }
    weir run on/model "the fox" -n 4
    exits_with 0
}

@test "a dry run tells the plan and writes nothing" {
    weir train run run.json --dry-run --output dry
    exits_with 0
    grep -q "^data: .* tokens in 40 steps" "$err"
    [ ! -e dry ]
}

@test "a folder that holds a run is not written over" {
    cp whole/log.jsonl before
    weir train run run.json --output whole
    refuses_with 1 "holds a run of 40 steps"
    cmp before whole/log.jsonl
    weir train run run.json --output whole --resume --force
    refuses_with 2 "--resume and --force exclude each other"
    weir train run run.json --output forced --steps 2
    exits_with 0
    weir train run run.json --output forced --steps 1 --force
    exits_with 0
    [ "$(ls forced/ckpt-*)" = forced/ckpt-00000001.safetensors ]
}

@test "--steps, --time and --resume: the parts make the whole" {
    weir train run run.json --output parts --steps 7
    exits_with 0
    cp parts/ckpt-00000007.safetensors seven
    weir train run run.json --output parts --time 0.01 --resume
    exits_with 0
    # At least one step, however fast the machine; a fast one makes so many that it is dropped.
    [[ $(ls parts/ckpt-* | tail -n 1) > parts/ckpt-00000007.safetensors ]]
    cp seven parts/ckpt-00000007.safetensors
    weir train run run.json --output parts --resume-from parts/ckpt-00000007.safetensors --threads 1
    exits_with 0
    cmp parts/model/model.safetensors whole/model/model.safetensors
}

@test "SIGTERM and Ctrl-C save and end with 130" {
    run_file long.json 100000
    signals=TERM
    ! env --default-signal=INT true 2>/dev/null || signals="TERM INT"
    for signal in $signals; do
        start long.json "by$signal"
        wait_for_checkpoint "by$signal"
        kill "-$signal" "$pid"
        code=0
        wait "$pid" || code=$?
        [ "$code" -eq 130 ] || { cat "by$signal.err"; false; }
        saved=$(sed -n 's/.*stopped and saved after step \([0-9]*\) of 100000.*/\1/p' "by$signal.err")
        [ -e "by$signal/ckpt-$(printf %08d "$saved").safetensors" ]
        weir train run long.json --output "by$signal" --resume --steps 1
        exits_with 0
        grep -q "goes on after step $saved of 100000" "$err"
    done
}

@test "a long evaluation is not waited for" {
    for _ in $(seq 300); do cat text.txt; done >huge.txt
    sed 's/\(again", "path": "\)text.txt/\1huge.txt/; s/"eval": {[^}]*}/"eval": {"every_steps": 1, "max_tokens": 0}/' \
        run.json >look.json
    start look.json look
    for _ in $(seq 400); do
        ! grep -q "^time:" look.err || break
        sleep 0.05
    done
    sleep 1
    kill -TERM "$pid"
    began=$SECONDS
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 130 ] || { cat look.err; false; }
    grep -q "stopped and saved after step 1 of 40" look.err || { cat look.err; false; }
    [ $((SECONDS - began)) -lt 5 ]
    [ -e look/ckpt-00000001.safetensors ]
    ! grep -q '"kind":"eval"' look/log.jsonl
    rm -r look huge.txt
}

@test "killed at any moment: the last checkpoint stands and the run goes on" {
    start run.json killed
    wait_for_checkpoint killed
    for pause in 0.02 0.05 0.11 0.07 0.16; do
        sleep "$pause"
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        "$WEIR" train run run.json --output killed --resume >/dev/null 2>killed.err </dev/null 3>&- &
        pid=$!
        sleep 0.3
    done
    wait "$pid"
    ! grep -q "damaged" killed.err || { cat killed.err; false; }
    cmp killed/model/model.safetensors whole/model/model.safetensors
    [ "$(grep -c '"kind":"step"' killed/log.jsonl)" -eq 40 ]
    [ -z "$(find killed -name '*.tmp-*')" ]
}

@test "one run at a time in a folder" {
    run_file long.json 100000
    start long.json shared
    wait_for_checkpoint shared
    weir train run long.json --output shared --resume
    refuses_with 1 "shared: another run writes into it"
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
}

@test "a full disk: a clear line, and the last good checkpoint stands" {
    weir train run run.json --output full --steps 4
    exits_with 0
    cp full/ckpt-00000004.safetensors good
    code=0
    (
        ulimit -f 100 # kilobytes: the log fits, a checkpoint does not
        "$WEIR" train run run.json --output full --resume
    ) >/dev/null 2>full.err </dev/null || code=$?
    [ "$code" -eq 5 ] || { cat full.err; false; }
    grep -q "weir train run: full/ckpt-00000006.safetensors.*: File too large" full.err || { cat full.err; false; }
    [ -z "$(find full -name '*.tmp-*')" ]
    cmp good full/ckpt-00000004.safetensors
    weir train run run.json --output full --resume
    exits_with 0
    cmp full/model/model.safetensors whole/model/model.safetensors
}

@test "a damaged checkpoint: told, and the one before it is taken" {
    weir train run run.json --output damaged --steps 7
    exits_with 0
    truncate -s -5 damaged/ckpt-00000007.safetensors
    weir train run run.json --output damaged --resume --steps 1
    exits_with 0
    grep -q "ckpt-00000007.safetensors: .*; the one before it is taken" "$err"
    grep -q "goes on after step 6 of 40" "$err"
    weir train run run.json --output damaged --resume-from text.txt
    exits_with 3
    tail -1 "$err" | grep -q "^weir train run: text.txt: byte 0:"
}

@test "bad run files" {
    weir train run none.json
    refuses_with 5 "none.json"
    echo '{"tokenizer": }' >bad.json
    weir train run bad.json
    refuses_with 3 "bad.json:1:"
    sed 's/"steps"/"stepz"/' run.json >bad.json
    weir train run bad.json
    refuses_with 3 "bad.json: stepz: unknown key"
    sed 's/"context": 64/"context": 0.5/' run.json >bad.json
    weir train run bad.json
    refuses_with 3 "bad.json: context: expected a whole number"
    sed 's/"text.txt"/"missing.txt"/' run.json >bad.json
    weir train run bad.json --output bad
    refuses_with 5 "missing.txt"
    sed 's/"tok"/"nowhere"/' run.json >bad.json
    weir train run bad.json
    refuses_with 5 "nowhere"
    sed 's/"out": "out", //' run.json >bad.json
    weir train run bad.json
    refuses_with 2 "says no folder 'out'"
    sed 's/"hidden_size": 32/"hidden_size": 33/' config.json >bad_config.json
    sed 's/"config.json"/"bad_config.json"/' run.json >bad.json
    weir train run bad.json
    refuses_with 3 "bad_config.json"
    sed 's/"vocab_size": 320/"vocab_size": 100/' config.json >bad_config.json
    weir train run bad.json
    refuses_with 3 "the tokenizer has 320 tokens, the model's vocabulary 100"
    weir train run run.json --device gpu
    refuses_with 2 "--device: expected cpu|reference"
    weir train run run.json --output bad --time=-1
    refuses_with 2 "--time"
    weir train run run.json --output bad --time 0
    refuses_with 2 "--time 0: expected a positive number"
    weir train run run.json --output bad --steps 0
    refuses_with 2 "--steps 0: expected a positive number"
}

@test "what is not there is told before anything is packed" {
    weir train run run.json --output fresh --resume
    refuses_with 1 "fresh: holds no checkpoint to go on from"
    weir train run run.json --output fresh --resume-from nowhere
    refuses_with 5 "nowhere: is not there; expected a checkpoint"
    weir train run run.json --output fresh --resume-from tok
    refuses_with 3 "tok: is a folder; expected a checkpoint"
    [ ! -e fresh ]
}

@test "windows that the model is not made for are refused" {
    sed 's/"context": 64/"context": 512/; s/"micro_tokens": 256/"micro_tokens": 512/' run.json >bad.json
    weir train run bad.json --output wide
    refuses_with 3 "bad.json: context: windows of 512 tokens, but the model is made for 256 at most"
    [ ! -e wide ]
}

@test "train lora takes windows no longer than the model is made for" {
    awk 'BEGIN { printf "{\"messages\": [{\"role\": \"user\", \"content\": \"Where?\"}, "
        printf "{\"role\": \"assistant\", \"content\": \""
        for (i = 0; i < 400; i++) printf "the fox ran "; print "\"}]}" }' >chat.jsonl
    weir train lora chat.jsonl whole/model -o long.gguf --steps 1
    exits_with 0
    grep -q '^1 of 1 samples are longer than 256 tokens and were cut$' "$err" || explain
    weir train lora chat.jsonl whole/model -o longer.gguf --steps 1 --max-tokens 257
    refuses_with 2 "samples of 257 tokens, but the model is made for 256 at most"
    # What an answer begins behind, is not cut but left out.
    sed 's/"Where?"/"Where is the fox, the boat, the sea, the home? Where is the fox, the boat, the sea, the home?"/' \
        chat.jsonl >late.jsonl
    cat chat.jsonl >>late.jsonl
    weir train lora late.jsonl whole/model -o late.gguf --steps 1 --max-tokens 48
    exits_with 0
    grep -q '^1 of 1 samples are longer than 48 tokens and were cut$' "$err" || explain
    grep -q '^1 more were left out: what they teach lies behind their first 48 tokens$' "$err" || explain
    sed 's/"path": "text.txt"}/"path": "late.jsonl", "max_tokens": 48, "assistant_only": true}/' run.json >late.json
    weir train run late.json --output late --steps 1
    exits_with 0
    grep -q '^text: packed: 1 samples, .*, some cut at max_tokens; 1 left out, their targets lie behind max_tokens$' "$err" || explain
}

@test "a packed file, whatever it is called, and documents by their manifest" {
    "$WEIR" train pack text.txt -o text.tokens --tokenizer tok 2>/dev/null >/dev/null
    sed 's/"sources": \[{"name": "text", "path": "text.txt"/"sources": [{"name": "text", "path": "text.tokens"/' \
        run.json >packed.json
    grep -q text.tokens packed.json
    weir train run packed.json --output packed --steps 2
    exits_with 0
    [ ! -e packed/data/text.shard ]
    # What could only be heeded while packing is no wish to pass over; nor for what is looked at.
    for wish in '"split": "train"' '"assistant_only": true' '"max_tokens": 64'; do
        sed "s/\"text.tokens\"/&, $wish/" packed.json >wish.json
        weir train run wish.json --output wish
        refuses_with 3 "text.tokens: is packed already; 'split', 'assistant_only' and 'max_tokens' are for"
        sed "s/\"name\": \"again\", \"path\": \"text.txt\"/\"name\": \"again\", \"path\": \"text.tokens\", $wish/" \
            run.json >wish.json
        weir train run wish.json --output wish
        [ "$code" -eq 3 ] || explain
        grep -q -F "text.tokens: is packed already" "$err" || explain
    done
    awk 'BEGIN { for (i = 0; i < 120; i++)
        printf "%s{\"split\": \"%s\"}\n", i ? ", " : "[", i < 100 ? "train" : "val"; print "]" }' >text.json
    sed 's/"path": "text.txt"/"path": "text.txt", "split": "train", "manifest": "text.json"/' run.json |
        sed 's/\(again.*\)"split": "train"/\1"split": "val"/' >split.json
    weir train run split.json --output split --steps 1
    exits_with 0
    grep -q "^text: packed: 100 samples" "$err" || explain
    grep -q "^again: packed: 20 samples" "$err" || explain
    # Another manifest: packed anew.
    sed -i 's/^\[{"split": "train"}/[{"split": "val"}/' text.json
    weir train run split.json --output split --force --steps 1
    exits_with 0
    grep -q "^text: packed: 99 samples" "$err" || explain
}

@test "the line of a run loses whole parts where it is narrow" {
    command -v script >/dev/null || skip "no script(1) here"
    for n in 80 40 20; do
        rm -rf narrow
        script -qec "stty cols $n; exec '$WEIR' train run run.json --output narrow" typescript \
            >/dev/null </dev/null 3>&-
        # What is drawn over again; evaluations, in steps 20 and 40, are told in full.
        tr '\r' '\n' <typescript | grep '^step ' | grep -v '^step [24]0/40' >drawn
        [ -s drawn ]
        awk -v n="$n" 'length > n - 1' drawn >long
        [ ! -s long ] || { cat long; false; }
        ! grep -v -E '^step [0-9]+/40(  loss [0-9]+[.][0-9]{3}(  val [0-9]+[.][0-9]{3}(  \([0-9.]+ bits/byte\))?)?(  [0-9]+ s left(  [0-9.]+ K? ?tok/s(  [0-9]+ % of peak(  [0-9.]+ MB(  lr [0-9.e-]+(  norm [0-9.]+)?)?)?)?)?)?$' drawn
    done
}

@test "packing shows a bar on a terminal, and nothing elsewhere" {
    command -v script >/dev/null || skip "no script(1) here"
    sed 's/"path": "text.txt"}\],/"gen": {"kind": "story", "n": 4000}}],/' run.json >gen.json
    grep -q '"kind": "story"' gen.json
    script -qec "stty cols 90; exec '$WEIR' train run gen.json --output gen --steps 1 --threads 1" typescript \
        >/dev/null </dev/null 3>&-
    tr '\r' '\n' <typescript >drawn
    grep -q -E '^packing text +\[[#.]+\] +[0-9]+ %' drawn || { cat -v drawn; false; }
    weir train run gen.json --output gen2 --steps 1
    exits_with 0
    ! grep -q '^packing' "$err" || explain
    rm -r gen gen2
}

@test "the example of the documentation is a good run file" {
    sed -n '/^### The run file/,/^| key/p' "$WEIR_SOURCE/docs/train.md" |
        sed -n '/^```json/,/^```$/p' | sed '/^```/d' >example.json
    [ -s example.json ]
    cp config.json example_config.json
    sed -i 's/"config.json"/"example_config.json"/' example.json
    weir train run example.json
    refuses_with 5 "vocab" # there is none: everything before that was read
}

@test "ladder.sh: what stands there is resumed, however finished it looks" {
    command -v jq >/dev/null || skip "no jq here"
    mkdir -p tree/build tree/scripts
    cp "$WEIR_SOURCE"/scripts/ladder.* tree/scripts/
    # Stands for weir: a run leaves what one leaves, and is refused by another recipe.
    cat >tree/build/weir <<'END'
#!/bin/sh
if [ "$1" = show ]; then
    step=${2%/model}
    step=${step##*/d}
    echo "{\"model\": {\"n_params\": ${step}000, \"n_params_active\": 500}}"
    exit
fi
shift 2
echo "$*" >>calls
out=$3
mkdir -p "$out/model" "$out/data"
[ ! -e "$out/recipe" ] || cmp -s "$1" "$out/recipe" || exit 1
cp "$1" "$out/recipe"
: >"$out/ckpt-00000001.safetensors"
bits=$((200 - ${out##*/d} / 2))
echo '{"kind": "eval", "bits_per_byte": '$bits'e-2, "sources": {"val-story": {"bits_per_byte": 1.2},
    "val-books": {"bits_per_byte": 1.8}}}' | jq -c . >"$out/log.jsonl"
END
    chmod +x tree/build/weir
    tree/scripts/ladder.sh d64 d96 d128 >first
    cp tree/bench/results/ladder.jsonl first.jsonl
    tree/scripts/ladder.sh d64 d96 d128 >second
    grep -q 'R2 = 0.9' first
    cmp first second
    cmp first.jsonl tree/bench/results/ladder.jsonl
    [ "$(cat tree/calls)" = "build/ladder/d64.json --output build/ladder/d64
build/ladder/d96.json --output build/ladder/d96
build/ladder/d128.json --output build/ladder/d128
build/ladder/d64.json --output build/ladder/d64 --resume
build/ladder/d96.json --output build/ladder/d96 --resume
build/ladder/d128.json --output build/ladder/d128 --resume" ]
    code=0
    TOKENS=30000000 tree/scripts/ladder.sh d64 d96 d128 >third || code=$?
    [ "$code" -ne 0 ]
    [ ! -s third ]
}

# Run file, its further keys.
init_file() {
    cat >"$1" <<END
{$2, "tokenizer": "tok", "steps": 2, "context": 64, "batch_tokens": 512, "micro_tokens": 256,
 "sources": [{"name": "text", "path": "text.txt"}], "checkpoint": {"every_steps": 1}}
END
}

# How far another model's log-probabilities are from the first's.
difference() { # model, model
    "$WEIR" train verify "$1" "$2" --data text.txt --max-tokens 300 --json | jq .max_difference
}

@test "layers that stand twice make a deeper model that computes the same until it is trained" {
    init_file deep.json '"init": "whole/model", "init_layers": [0, 0, 1, 2, 2, 3, 3], "init_share": 1'
    weir train run deep.json --output deep
    exits_with 0
    [ "$(jq -c '[.num_hidden_layers, .num_dense_layers, .layer_types[]]' deep/model/config.json)" = \
        '[7,2,"conv","conv","full_attention","conv","conv","full_attention","full_attention"]' ]
    jq -e '. < 1e-5' <<<"$(difference whole/model deep/model)"

    # What was trained, and not the mean that is all of the model gone on from.
    init_file deep.json '"init": "whole/model", "init_layers": [0, 0, 1, 2, 2, 3, 3]'
    weir train run deep.json --output deep --resume
    exits_with 0
    jq -e '. > 0.001' <<<"$(difference whole/model deep/model)"
}

@test "layers can be left out; a list that is none is refused" {
    init_file short.json '"init": "whole/model", "init_layers": [0, 3]'
    weir train run short.json --output short
    exits_with 0
    [ "$(jq -c .layer_types short/model/config.json)" = '["conv","full_attention"]' ]
    # Another list is another run, even where it makes a model of the same form.
    init_file short.json '"init": "whole/model", "init_layers": [0, 1]'
    weir train run short.json --output short --resume
    exits_with 1
    grep -q "it was made with another run file" "$err"

    # None is left that has experts: a dense model.
    init_file dense.json '"init": "whole/model", "init_layers": [0]'
    weir train run dense.json --output dense
    exits_with 0
    [ "$(jq -r .model_type dense/model/config.json)" = lfm2 ]
    weir run dense/model "the fox" -n 4
    exits_with 0

    # None is left that has a convolution.
    init_file attn.json '"init": "whole/model", "init_layers": [1, 3]'
    weir train run attn.json --output attn
    exits_with 0
    weir run attn/model "the fox" -n 4
    exits_with 0

    refused() { # init_layers, what is said
        init_file bad.json "\"init\": \"whole/model\", \"init_layers\": $1"
        weir train run bad.json --output refused
        refuses_with 3 "bad.json: init_layers$2"
        [ ! -e refused ]
    }
    refused '[0, 4]' ": layer 4, but the model has 0 to 3"
    refused '[1, 0]' ": layer 0 behind layer 1, expected them in their order"
    refused '[]' ": expected a list of 1 to 512 layers of 'init'"
    refused '3' ": expected a list of 1 to 512 layers of 'init'"
    refused '[0, "1"]' "[1]: expected a whole number from 0 to 511"
    init_file bad.json '"model": "config.json", "init_layers": [0]'
    weir train run bad.json --output refused
    refuses_with 3 "bad.json: init_layers: expected only with 'init'"
}
