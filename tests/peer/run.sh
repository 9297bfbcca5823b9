#!/bin/sh
# run.sh: weir against llama.cpp, which comes as the npm package node-llama-cpp (npm.sh). Shown:
#
#   1. GGUF files of `weir synth`, and of a Hugging Face folder through `weir convert`, load in
#      llama.cpp; as F32 they give the same greedy tokens there and here.
#      So they do with an adapter of `weir train lora` on every matrix, experts and router.
#   2. The golden model moe_k256, converted to every format: the likeliest tokens mostly agree, and
#      weir is no further than llama.cpp from f32 arithmetic on the dequantized weights.
#
# Both sides compute on the CPU with K/V in f32. logits.c and peer.mjs write down what weir and
# llama.cpp say, compare.mjs judges. From the environment: WEIR, the program;
# WEIR_PEER_LOGITS, logits.c built; WEIR_TEST_DATA. Works in the current folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$PWD/models
. "$here/npm.sh"

# A module finds its packages from where it lies.
cp "$here/peer.mjs" "$install"

# ---- models ----
rm -rf "$work"
mkdir -p "$work/k256"
trap 'rm -rf "$work"' EXIT
exact=
for config in tiny-dense tiny-moe; do
    "$WEIR" synth "$work/$config-synth.gguf" --config $config --type f32 --seed 1 >/dev/null
    "$WEIR" synth "$work/$config" --config $config --type f32 --seed 2 --folder >/dev/null
    "$WEIR" convert "$work/$config" "$work/$config-hf.gguf" >/dev/null
    exact="$exact $config-synth $config-hf"
done
# An adapter far from nothing, for every matrix that may have one.
cp "$work/tiny-moe-synth.gguf" "$work/tiny-moe-lora.gguf"
printf '{"messages": [{"role": "user", "content": "Hi"}, %s]}\n' \
    '{"role": "assistant", "content": "Arr, matey, ye be welcome!"}' >"$work/chats.jsonl"
"$WEIR" train lora "$work/chats.jsonl" "$work/tiny-moe-lora.gguf" --target '*' --epochs 1000 \
    --steps 12 --batch-tokens 64 --learning-rate 0.01 -o "$work/tiny-moe-lora.lora.gguf" 2>/dev/null
exact="$exact tiny-moe-lora"
# The golden model has no tokenizer, without which node-llama-cpp loads nothing: it gets one.
golden=$WEIR_TEST_DATA/golden/moe_k256
cp "$golden/config.json" "$golden/model.safetensors" "$work/k256"
cp "$work/tiny-moe/tokenizer.json" "$work/tiny-moe/tokenizer_config.json" "$work/k256"
formats="f32 f16 bf16 q8_0 q4_0 q4_1 q5_0 q5_1 q2_k q3_k q4_k q5_k q6_k iq4_nl iq4_xs mxfp4"
for format in $formats; do
    "$WEIR" convert "$work/k256" "$work/$format.gguf" --type "$format" >/dev/null
done
# Four lists of 128 tokens under 512, the first of each the begin token.
awk 'BEGIN {
    x = 12345
    for (list = 0; list < 4; list++) {
        printf "1"
        for (i = 1; i < 128; i++) {
            x = (x * 16807) % 2147483647
            printf " %d", int(x / 64) % 512
        }
        printf "\n"
    }
}' >"$work/tokens.txt"

# ---- both sides, and the judgement ----
# shellcheck disable=SC2086
{
    n_greedy=64
    limit 240 "$WEIR_PEER_LOGITS" "$work" cpu $n_greedy $exact $formats
    limit 240 "$WEIR_PEER_LOGITS" "$work" cpu-q15 $n_greedy $formats
    limit 240 "$WEIR_PEER_LOGITS" "$work" cpu-parity $n_greedy $formats
    limit 240 "$WEIR_PEER_LOGITS" "$work" reference $n_greedy $exact $formats
    limit 120 node "$install/peer.mjs" "$work" $n_greedy $exact $formats
    limit 60 node "$here/compare.mjs" "$work" $exact -- $formats
}
