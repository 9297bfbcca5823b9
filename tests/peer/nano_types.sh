#!/bin/sh
# nano_types.sh: llama.cpp reads what weir converts and quantizes. The model that ships goes into a
# Hugging Face folder and back, which changes nothing, and from the folder into mixes that together
# hold every format; one is weighed with importance. llama.cpp loads each file and draws greedily
# after four prompts as weir does. llama.cpp rounds activations to 8 bits, weir here not at all, so
# that they may part where llama.cpp's two best logits are nearer than 0.1, and one prompt of a file
# anywhere, as where another expert was chosen (nano.mjs; seen: 0.19); a tensor that is read wrongly
# ends all agreement with the first token.
# From the environment: WEIR, the program; WEIR_SOURCE, the tree. Works in the current folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$PWD/nano_types
model=$WEIR_SOURCE/models/weir-nano.gguf
. "$here/npm.sh"
. "$here/nano_greedy.sh"
[ -f "$model" ] || skip "there is no models/weir-nano.gguf"

rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
cp "$here/nano.mjs" "$install"
n_greedy=24
nano_tokens <<'END'
Tell me a story about a brave little mouse.
Sort these words: pear, apple, kite.
Who are you?
What is the capital of France?
END

# ---- there and back ----
"$WEIR" convert "$model" "$work/folder/" --type f32 2>/dev/null
"$WEIR" convert "$work/folder" "$work/f32.gguf" 2>/dev/null
"$WEIR" convert "$model" "$work/direct.gguf" --type f32 2>/dev/null
nano_draw f32
nano_draw direct
cmp "$work/f32.weir" "$work/direct.weir"
rm "$work/direct.gguf"

# ---- the mixes ----
mixes="f16 bf16 q8_0 q6_k q5_k_m q5_1 q5_0 q4_k_m q4_k_s q4_1 q4_0 iq4_nl iq4_xs mxfp4 mxfp4_moe
    q3_k_l q3_k_m q3_k_s q2_k"
judged=f32
for mix in $mixes; do
    "$WEIR" quantize "$work/folder" "$work/$mix.gguf" "$mix" 2>/dev/null
    nano_draw "$mix" --activations f32
    judged="$judged $mix=0.1"
done
"$WEIR" imatrix "$model" gen:instruction -n 20 -o "$work/importance.gguf" 2>/dev/null
"$WEIR" quantize "$work/folder" "$work/weighed.gguf" q4_0 --imatrix "$work/importance.gguf" 2>/dev/null
nano_draw weighed --activations f32
# shellcheck disable=SC2086
limit 300 node "$install/nano.mjs" "$work" $n_greedy $judged weighed=0.1
