#!/bin/sh
# Trains models/weir-nano.gguf anew from data/ into build/nano, converts it and measures it. Takes an
# hour and a half on two quiet cores with AVX-512 BF16, three without. An interrupted run goes on
# where it stopped: call it again. `scripts/nano.sh tokenizer` makes data/nano/tokenizer anew first,
# which is needed only where its data change.
set -eu
cd "$(dirname "$0")/.."
weir=build/weir
out=build/nano
corpus=data/corpus

if [ "${1:-}" = tokenizer ]; then
    mkdir -p "$out/vocab"
    for kind in story:16000 catalog:6000 tool:3000 instruction:12000 identity:3000; do
        $weir train gen "${kind%:*}" --n "${kind#*:}" --seed 1000 -o "$out/vocab/${kind%:*}.jsonl" -f
    done
    $weir train vocab "$out"/vocab/*.jsonl $corpus/stories/childrens_books.txt.zst \
        $corpus/stories/picture_stories.txt.zst $corpus/stories/fairytaleqa_stories.txt.zst \
        $corpus/stories/tinystories.txt.zst $corpus/chat/fairytaleqa_chat.jsonl.zst \
        $corpus/chat/taskmaster4_coffee_tools.jsonl.zst --joins 1600 -o data/nano/tokenizer -f
fi

run=$out/run
# A run that has ended only writes its model again; one of another recipe is refused.
if ls "$run"/ckpt-*.safetensors >/dev/null 2>&1; then
    $weir train run data/nano/nano.json --output "$run" --resume
else
    $weir train run data/nano/nano.json --output "$run"
fi

# A model is called by its folder.
rm -rf "$run/weir-nano"
cp -R "$run/model" "$run/weir-nano"
cp data/nano/generation_config.json "$run/weir-nano/"
$weir convert "$run/weir-nano" models/weir-nano.gguf --type q8_0 -f
cp "$run/log.jsonl" models/weir-nano.log.jsonl
cp "$run/loss.svg" models/weir-nano.loss.svg

for data in $corpus/stories/childrens_books_held_out.txt.zst \
    $corpus/stories/tinystories_held_out.txt.zst; do
    echo "$data"
    $weir eval ppl weir-nano "$data" --ctx 512
done
$weir eval probes weir-nano -n 200
