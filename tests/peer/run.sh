#!/bin/sh
# run.sh: weir against llama.cpp, which comes as the npm package node-llama-cpp (pinned in
# package-lock.json) and is installed under the build folder, not into the tree. Shown:
#
#   1. GGUF files of `weir synth`, and of a Hugging Face folder through `weir convert`, load in
#      llama.cpp; as F32 they give the same greedy tokens there and here.
#   2. The golden model moe_k256, converted to every format: the likeliest tokens mostly agree, and
#      weir is no further than llama.cpp from f32 arithmetic on the dequantized weights.
#
# Both sides compute on the CPU with K/V in f32. logits.c and peer.mjs write down what weir and
# llama.cpp say, compare.mjs judges. Needs node >= 20, npm and, the first time, the network; exits
# with 77 and the reason where one is missing. From the environment: WEIR, the program;
# WEIR_PEER_LOGITS, logits.c built; WEIR_TEST_DATA. Works in the current folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
install=$PWD/npm
work=$PWD/models

skip() {
    echo "skipped: $1"
    exit 77
}

# Each step has its own limit, so that a hanging one is named.
limit() {
    seconds=$1
    shift
    code=0
    timeout "$seconds" "$@" || code=$?
    [ "$code" -ne 124 ] || echo "$1 did not end within $seconds s" >&2
    return "$code"
}

command -v node >/dev/null 2>&1 || skip "node is not installed"
command -v npm >/dev/null 2>&1 || skip "npm is not installed"
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 20 ] || skip "node is version $major, llama.cpp's package needs 20"

# ---- llama.cpp ----
if ! cmp -s "$here/package-lock.json" "$install/installed-lock.json"; then
    rm -rf "$install"
    mkdir -p "$install"
    cp "$here/package.json" "$here/package-lock.json" "$install"
    # The scripts of the packages would fetch or build what the prebuilt files already are.
    code=0
    (cd "$install" && limit 120 npm ci --ignore-scripts --prefer-offline --no-audit --no-fund \
        --fetch-retries=1 --fetch-timeout=60000 >npm.log 2>&1) || code=$?
    if [ "$code" -ne 0 ]; then
        why=$(sed -n 's/^npm [a-zA-Z!]* code //p' "$install/npm.log" | head -n 1)
        case $why in
        EUSAGE | EINTEGRITY | EJSONPARSE | ERESOLVE)
            cat "$install/npm.log"
            exit 1
            ;;
        esac
        skip "npm cannot install llama.cpp here: ${why:-no answer}"
    fi
    cp "$here/package-lock.json" "$install/installed-lock.json"
fi
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
    limit 240 "$WEIR_PEER_LOGITS" "$work" reference $n_greedy $exact $formats
    limit 120 node "$install/peer.mjs" "$work" $n_greedy $exact $formats
    limit 60 node "$here/compare.mjs" "$work" $exact -- $formats
}
