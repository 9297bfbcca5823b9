#!/bin/sh
# Trains models/weir-nano.gguf anew from data/ (data/nano/nano.json and nano-2.json are the recipe)
# into build/nano and build/nano-2, converts it and measures it. Takes hours on two cores. An interrupted run goes on where it
# stopped: call it again. `scripts/nano.sh tokenizer` makes data/nano/tokenizer anew first, which is
# needed only where its data change.
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

# Trains run file $1 into folder $2, from where it stopped if it did.
train() {
    if [ -d "$2/model" ]; then
        echo "nano: $2/model is there already; remove $2 to train anew" >&2
    elif ls "$2"/ckpt-*.safetensors >/dev/null 2>&1; then
        $weir train run "$1" --output "$2" --resume
    else
        $weir train run "$1" --output "$2"
    fi
}
train data/nano/nano.json "$out"
train data/nano/nano-2.json "$out-2" # goes on from build/nano/model

# A model is called by its folder.
rm -rf "$out/weir-nano"
cp -R "$out-2/model" "$out/weir-nano"
cp data/nano/generation_config.json "$out/weir-nano/"
$weir convert "$out/weir-nano" models/weir-nano.gguf --type q8_0 -f
cp "$out/log.jsonl" models/weir-nano.log.jsonl
cp "$out/loss.svg" models/weir-nano.loss.svg
cp "$out-2/log.jsonl" models/weir-nano-2.log.jsonl
cp "$out-2/loss.svg" models/weir-nano-2.loss.svg

for data in $corpus/stories/childrens_books_held_out.txt.zst \
    $corpus/stories/tinystories_held_out.txt.zst; do
    echo "$data"
    $weir eval ppl weir-nano "$data" --ctx 512
done
$weir eval probes weir-nano -n 200
