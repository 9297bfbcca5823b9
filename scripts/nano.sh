#!/bin/sh
# Trains models/weir-nano.gguf anew from data/ into build/nano, converts it and measures it. The
# recipe has five runs, the first from nothing, the third and the fourth from the Q8_0 file of the
# one before. Takes nine hours on two quiet cores with AVX-512 BF16, half as much where these have
# products of 512 bits a clock, twice without. An interrupted run goes on where it stopped: call it
# again.
# `scripts/nano.sh tokenizer` makes data/nano/tokenizer anew first, which is needed only where its
# data change.
set -eu
cd "$(dirname "$0")/.."
weir=build/weir
out=build/nano
corpus=data/corpus
command -v zstd >/dev/null || {
    echo "nano: the program zstd is missing, expected it for the log (Debian: zstd)" >&2
    exit 1
}

if [ "${1:-}" = tokenizer ]; then
    mkdir -p "$out/vocab"
    for kind in story:16000 catalog:6000 tool:3000 instruction:12000 identity:3000; do
        $weir train gen "${kind%:*}@1" --n "${kind#*:}" --seed 1000 -o "$out/vocab/${kind%:*}.jsonl" -f
    done
    $weir train vocab "$out"/vocab/*.jsonl $corpus/stories/childrens_books.txt.zst \
        $corpus/stories/picture_stories.txt.zst $corpus/stories/fairytaleqa_stories.txt.zst \
        $corpus/stories/tinystories.txt.zst $corpus/chat/fairytaleqa_chat.jsonl.zst \
        $corpus/chat/taskmaster4_coffee_tools.jsonl.zst --joins 1600 -o data/nano/tokenizer -f
fi

# Run recipe folder. A run that has ended only writes its model again; one of another recipe is
# refused.
train() {
    if ls "$2"/ckpt-*.safetensors >/dev/null 2>&1; then
        $weir train run "$1" --output "$2" --resume
    else
        $weir train run "$1" --output "$2"
    fi
}

train data/nano/nano.json "$out/first"
train data/nano/nano-2.json "$out/second" # goes on from first/model
$weir convert "$out/second/model" "$out/second.gguf" --type q8_0 -f
train data/nano/nano-3.json "$out/third" # goes on from that file
$weir convert "$out/third/model" "$out/third.gguf" --type q8_0 -f
train data/nano/nano-4.json "$out/fourth" # goes on from that one, with two more layers
train data/nano/nano-5.json "$out/fifth"  # goes on from fourth/model

# A model is called by its folder.
rm -rf "$out/weir-nano"
cp -R "$out/fifth/model" "$out/weir-nano"
cp data/nano/generation_config.json "$out/weir-nano/"
$weir convert "$out/weir-nano" models/weir-nano.gguf --type q6_k -f
for run in first second third fourth fifth; do
    cat "$out/$run/log.jsonl"
done | zstd -q -19 -f -o models/weir-nano.log.jsonl.zst
cp "$out/fifth/loss.svg" models/weir-nano.loss.svg

for data in $corpus/stories/childrens_books_held_out.txt.zst \
    $corpus/stories/tinystories_held_out.txt.zst; do
    echo "$data"
    $weir eval ppl weir-nano "$data" --ctx 512
done
$weir eval probes weir-nano -n 200
