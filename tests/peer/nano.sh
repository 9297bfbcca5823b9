#!/bin/sh
# nano.sh: the model that ships, in weir and in llama.cpp: ten prompts as its chat template writes
# them, 64 tokens drawn greedily in F32 and in F16 (the shipped weights, dequantized). Where the two
# differ, they may only do so at a near tie: nano.mjs judges. From the environment: WEIR, the
# program; WEIR_SOURCE, the tree. Works in the current folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$PWD/nano
model=$WEIR_SOURCE/models/weir-nano.gguf
. "$here/npm.sh"
[ -f "$model" ] || skip "there is no models/weir-nano.gguf"

rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
cp "$here/nano.mjs" "$install"
n_greedy=64
prompts="$work/prompts.txt"
cat >"$prompts" <<'END'
Tell me a story about a brave little mouse.
Tell me a short story about two friends.
Write a story about a fox who finds a key.
Sort these words: pear, apple, kite.
What is the plural of goose?
Who are you?
What is the capital of France?
Repeat after me: the small boat on the blue lake
What is 7 plus 5?
Tell me a bedtime story about an owl.
END
for type in f32 f16; do
    "$WEIR" convert "$model" "$work/$type.gguf" --type $type >/dev/null 2>&1
done
while IFS= read -r prompt; do
    "$WEIR" run "$model" "$prompt" --dump-tokens </dev/null | awk '{ line = line " " $1 } END { print line }'
done <"$prompts" >"$work/tokens.txt"
for type in f32 f16; do
    while IFS= read -r tokens; do
        "$WEIR" run "$work/$type.gguf" --tokens "$tokens" --temperature 0 --repetition-penalty 1 \
            --max-tokens $n_greedy --ignore-eos --kv-type f32 2>/dev/null </dev/null
    done <"$work/tokens.txt" >"$work/$type.weir"
done
limit 300 node "$install/nano.mjs" "$work" $n_greedy f32 f16
