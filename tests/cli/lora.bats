#!/usr/bin/env bats
# lora.bats: adapters: trained, used, converted, merged, compared.

load common

setup() {
    make_model moe.gguf tiny-moe
    cd "$BATS_TEST_TMPDIR"
    cat >chats.jsonl <<'END'
{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Arr matey"}]}
{"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "A pirate"}]}
END
}

# Trains one adapter for the whole file: $lora.
make_lora() {
    lora=$BATS_FILE_TMPDIR/pirate.gguf
    [ -e "$lora" ] || "$WEIR" train lora chats.jsonl "$model" -o "$lora" --epochs 1000 --steps 6 \
        --batch-tokens 64 --learning-rate 0.01 2>/dev/null
}

ids() { # of the answer to a fixed prompt
    weir run "$model" --tokens 1,6,11,20 --max-tokens 12 --ignore-eos --temperature 0 "$@"
    exits_with 0
    cat "$out"
}

@test "train lora shows what is adapted, and writes both forms" {
    weir train lora chats.jsonl "$model" -o a.gguf --steps 2 --rank 2 --batch-tokens 64
    exits_with 0
    [ ! -s "$out" ] || explain
    grep -q -E '^adapted +matrices +each +trained$' "$err" || explain
    grep -q -E '^conv_in +3 +768 x 256 +6\.14 K$' "$err" || explain
    ! grep -q '^experts' "$err" || explain
    grep -q '^a.gguf is written: weir run .*moe.gguf --lora a.gguf$' "$err" || explain
    [ "$(head -c 4 a.gguf)" = GGUF ]
    weir train lora chats.jsonl "$model" -o peft --steps 2 --rank 2 --batch-tokens 64 --experts
    exits_with 0
    grep -q -E '^experts_gate +16 ' "$err" || explain
    [ -s peft/adapter_config.json ] && [ -s peft/adapter_model.safetensors ] && [ -s peft/README.md ]
    [ "$(ids --lora peft)" != "$(ids)" ]
}

@test "--experts counts beside --target" {
    weir train lora chats.jsonl "$model" -o a.gguf --steps 1 --target attn_q --experts
    exits_with 0
    [ "$(awk '/ x / { print $1 }' "$err" | tr '\n' ' ')" = "attn_q experts_gate experts_up experts_down " ] || explain
}

@test "--show-sample marks what is learnt" {
    weir train lora chats.jsonl "$model" -o a.gguf --steps 1 --show-sample --color never
    exits_with 0
    grep -q -F '[[Arr matey<|im_end|>]]' "$err" || explain
}

@test "--lora changes the answer, and scale 0 is the model without it" {
    make_lora
    plain=$(ids)
    [ "$(ids --lora "$lora")" != "$plain" ]
    [ "$(ids --lora "$lora:0")" = "$plain" ]
    [ "$(ids --lora "x=$lora" --lora "y=$lora:-1")" = "$plain" ]
    [ "$(ids --lora "$lora:0.5" --lora "again=$lora:0.5")" = "$(ids --lora "$lora:0.5" --lora "b=$lora:0.5")" ]
}

@test "adapters that cannot be used are told in a line" {
    make_lora
    weir run "$model" --lora "$lora" --lora "$lora" --tokens 1
    refuses_with 2 "two adapters are called 'pirate'"
    weir run "$model" --lora none.gguf --tokens 1
    refuses_with 5 none.gguf
    weir run "$model" --lora "$model" --tokens 1
    refuses_with 3 "general.type is 'model', expected 'adapter'"
    weir run "$model" --lora = --tokens 1
    [ "$code" -ne 0 ] || explain
    weir run "$WEIR_TEST_DATA/golden/moe_top2" --lora "$lora" --tokens 1
    refuses_with 3 "does not fit the model"
}

@test "train adapter turns one form into the other and back" {
    make_lora
    weir train adapter "$model" "$lora" peft
    exits_with 0
    [ "$(cat "$err")" = "peft is written" ] || explain
    weir train adapter "$model" peft back.gguf
    exits_with 0
    [ "$(ids --lora peft)" = "$(ids --lora "$lora")" ]
    [ "$(ids --lora back.gguf)" = "$(ids --lora "$lora")" ]
    weir train adapter "$model" peft back.gguf
    refuses_with 1 "--force replaces it"
    weir train adapter "$model" peft back.gguf --force
    exits_with 0
}

@test "train merge, and verify behind it" {
    make_lora
    weir train merge "$model" "$lora" -o merged.gguf --type f32
    exits_with 0
    [ ! -s "$out" ] || explain
    head -n 1 "$err" | grep -q -x 'merged.gguf is written' || explain
    grep -q -E '^against base and adapter, [0-9]+ tokens: mean KL [0-9.e-]+ nats .* same best token' "$err" || explain
    want=$(ids --lora "$lora" --kv-type f32)
    model=merged.gguf
    [ "$(ids --kv-type f32)" = "$want" ]
    weir train merge "$BATS_FILE_TMPDIR/moe.gguf" "$lora" -o merged.gguf
    refuses_with 1 "--force replaces it"
    weir train merge "$BATS_FILE_TMPDIR/moe.gguf" "$lora" -o merged.gguf --force --no-verify --scale 0.5
    exits_with 0
    [ "$(cat "$err")" = "merged.gguf is written" ] || explain
}

@test "train merge into the base itself compares nothing: there is no base any more" {
    make_lora
    cp "$model" base.gguf
    weir train merge base.gguf "$lora" -o base.gguf --force
    exits_with 0
    [ "$(cat "$err")" = "base.gguf is written
not compared: the base was replaced" ] || explain
    # Another name of the file: the base is there still.
    cp "$model" base.gguf
    ln base.gguf other.gguf
    weir train merge base.gguf "$lora" -o other.gguf --force
    exits_with 0
    grep -q '^against base and adapter, ' "$err" || explain
    cmp "$model" base.gguf
    # A folder.
    "$WEIR" convert "$model" folder --folder --type f32 2>/dev/null
    weir train merge folder "$lora" -o folder --force
    exits_with 0
    grep -q -x 'not compared: the base was replaced' "$err" || explain
    ! grep -q '^against' "$err" || explain
}

@test "merges that cannot be are told in a line" {
    make_lora
    weir train merge "$model" "$lora"
    refuses_with 2 "-o OUT is missing"
    weir train merge "$model" "$lora" -o x.gguf --scale 0
    refuses_with 2 "--scale 0"
    weir train merge "$model" "$lora" -o folder
    refuses_with 3 "FILE.gguf"
    weir train merge "$model" "$lora" -o x.gguf --type q9
    refuses_with 2 "q9"
    [ ! -e x.gguf ] && [ ! -e folder ]
}

@test "train verify tells how far two models are apart" {
    make_lora
    weir train verify "$model" "$model" --max-tokens 50
    exits_with 0
    [ "$(cat "$out")" = "50 tokens: mean KL 0 nats (largest 0), log-probability of the best token off by at most 0, same best token 100.00 %" ] || explain
    weir train verify "$model" "$model" --lora-b "$lora" --max-tokens 50 --json
    exits_with 0
    grep -q '"tokens": 50, "mean_kl": [0-9.e-]*, "max_kl": [0-9.]*, ' "$out" || explain
    weir train verify "$model" "$model" --lora-a "$lora:0" --max-tokens 50
    exits_with 0
    grep -q 'mean KL 0 nats' "$out" || explain
    weir train verify "$model" "$model" --data chats.jsonl --lora-a "$lora"
    exits_with 0
    weir train verify "$model" "$WEIR_TEST_DATA/golden/moe_top2"
    refuses_with 2 "different vocabularies"
    # -n counts samples everywhere in training, and there are none here.
    weir train verify "$model" "$model" -n 50
    refuses_with 2 "-n"
    weir train verify "$model" "$model" --max-tokens 0
    refuses_with 2 "--max-tokens 0: expected 1 or more"
}

@test "training that cannot be is told before it begins" {
    make_lora
    weir train lora chats.jsonl "$model"
    refuses_with 2 "-o OUT is missing"
    weir train lora chats.jsonl "$model" -o "$lora"
    refuses_with 1 "--force replaces it"
    weir train lora chats.jsonl "$model" -o x.gguf --target o_proj
    refuses_with 2 "it has conv_in, conv_out, attn_q"
    weir train lora chats.jsonl "$model" -o x.gguf --rank 512 --target attn_k
    refuses_with 2 "rank 512 is beyond attn_k (128 x 256)"
    weir train lora chats.jsonl "$model" -o x.gguf --max-tokens 4096
    refuses_with 2 "samples of 4096 tokens, but the model is made for 2048 at most"
    echo '{"messages": 3}' >bad.jsonl
    weir train lora bad.jsonl "$model" -o x.gguf
    refuses_with 3 "bad.jsonl:1"
    [ ! -e x.gguf ]
}

# Words of pirates in the answers to three questions.
pirate_words() {
    for question in "Tell me a story about a mouse." "Who are you?" "What is the opposite of hot?"; do
        weir run "$nano" "$question" --temperature 0 --max-tokens 60 "$@"
        exits_with 0
        cat "$out"
    done | tr -cs 'A-Za-z' '\n' | grep -c -i -x -E 'arr|aye|ahoy|matey|hearty|ye|yer|blimey' || :
}

@test "the pirate of the example: weir-nano learns it in seconds" {
    nano=$WEIR_SOURCE/models/weir-nano.gguf
    [ -e "$nano" ] || skip "models/weir-nano.gguf is not there"
    weir train lora "$WEIR_SOURCE/examples/pirate.jsonl" "$nano" -o pirate.gguf --steps 48
    exits_with 0
    before=$(pirate_words)
    after=$(pirate_words --lora pirate.gguf)
    echo "$before words of pirates without the adapter, $after with it"
    [ "$before" -le 1 ]
    [ "$after" -ge 5 ]
}

@test "train lora: a given 0 is no default" {
    for option in rank alpha epochs steps time learning-rate batch-tokens max-tokens; do
        weir train lora chats.jsonl "$model" -o a.gguf "--$option" 0
        refuses_with 2 "weir train lora: --$option 0: expected "
    done
    weir train lora chats.jsonl "$model" -o a.gguf --rank 0
    refuses_with 2 "--rank 0: expected 1 to 1024"
    [ ! -e a.gguf ]
}

@test "an adapter's folder is replaced as a whole, and what else it holds stays" {
    weir train lora chats.jsonl "$model" -o peft --steps 1 --rank 2 --batch-tokens 64
    exits_with 0
    echo mine >peft/notes.txt
    ln peft/adapter_config.json old
    weir train lora chats.jsonl "$model" -o peft --steps 1 --rank 2 --batch-tokens 64
    refuses_with 1 "peft/adapter_model.safetensors: exists already"
    weir train lora chats.jsonl "$model" -o peft --steps 1 --rank 4 --batch-tokens 64 --force
    exits_with 0
    grep -q '"r": 4' peft/adapter_config.json
    grep -q '"r": 2' old
    [ "$(cat peft/notes.txt)" = mine ]
    [ -z "$(ls -d ./*.tmp-* peft/*.tmp-* 2>/dev/null)" ]
    mkdir here
    cd here
    weir train lora ../chats.jsonl "$model" -o . --steps 1
    refuses_with 1 "it is the current folder"
    weir train lora ../chats.jsonl "$model" -o new/peft --steps 1 --batch-tokens 64
    exits_with 0
    [ -s new/peft/adapter_model.safetensors ]
}

@test "train lora: what would fail at the end fails at the beginning" {
    weir train lora chats.jsonl "$model" -o no/such/folder/a.gguf --steps 1
    refuses_with 5 "no/such/folder/a.gguf: its folder is missing"
    weir train lora chats.jsonl "$model" -o a.gguf --dropout 1 --target attn_q
    refuses_with 2 "dropout 1, expected"
}

@test "an adapter where a model is expected is called one" {
    make_lora
    weir show "$lora"
    refuses_with 3 "it is an adapter"
}
