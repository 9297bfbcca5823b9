#!/bin/sh
# Trains models/weir-nano.gguf anew from data/ into build/nano, converts it and measures it. The
# recipe has two runs: data/nano/nano.json from nothing, and data/nano/nano-2.json, which goes on
# from the first one's model in Q8_0. Takes two hours on two quiet cores with AVX-512 BF16, four
# without. An interrupted run goes on where it stopped: call it again. `scripts/nano.sh tokenizer` makes data/nano/tokenizer
# anew first, which is needed only where its data change.
set -eu
cd "$(dirname "$0")/.."
weir=build/weir
out=build/nano
corpus=data/corpus

if [ "${1:-}" = tokenizer ]; then
    mkdir -p "$out/vocab"
    for kind in story:16000 tool:8000 instruction:12000 identity:3000; do
        $weir train gen "${kind%:*}" --n "${kind#*:}" --seed 1000 -o "$out/vocab/${kind%:*}.jsonl" -f
    done
    $weir train vocab "$out"/vocab/*.jsonl $corpus/stories/childrens_books.txt.zst \
        $corpus/stories/picture_stories.txt.zst $corpus/stories/fairytaleqa_stories.txt.zst \
        $corpus/stories/tinystories.txt.zst $corpus/chat/fairytaleqa_chat.jsonl.zst \
        $corpus/chat/taskmaster4_coffee_tools.jsonl.zst -o data/nano/tokenizer -f
fi

# Run recipe folder: folder/model appears when it has ended.
train() {
    if [ -d "$2/model" ]; then
        echo "nano: $2/model is there already; remove $2 to train anew" >&2
    elif ls "$2"/ckpt-*.safetensors >/dev/null 2>&1; then
        $weir train run "$1" --output "$2" --resume
    else
        $weir train run "$1" --output "$2"
    fi
}

# Pack folder gguf: a model is called by its folder.
pack() {
    rm -rf "$1/weir-nano"
    cp -R "$1/model" "$1/weir-nano"
    cp data/nano/generation_config.json "$1/weir-nano/"
    $weir convert "$1/weir-nano" "$2" --type q8_0 -f
}

train data/nano/nano.json "$out/first"
[ -f "$out/first.gguf" ] || pack "$out/first" "$out/first.gguf"
train data/nano/nano-2.json "$out/second"
pack "$out/second" models/weir-nano.gguf
cat "$out/first/log.jsonl" "$out/second/log.jsonl" >models/weir-nano.log.jsonl
cp "$out/second/loss.svg" models/weir-nano.loss.svg

for data in $corpus/stories/childrens_books_held_out.txt.zst \
    $corpus/stories/tinystories_held_out.txt.zst; do
    echo "$data"
    $weir eval ppl weir-nano "$data" --ctx 512
done
$weir eval probes weir-nano -n 200
