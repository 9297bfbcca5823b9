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
. "$here/nano_greedy.sh"
[ -f "$model" ] || skip "there is no models/weir-nano.gguf"

rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
cp "$here/nano.mjs" "$install"
n_greedy=64
nano_tokens <<'END'
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
    nano_draw $type
done
limit 300 node "$install/nano.mjs" "$work" $n_greedy f32 f16
