#!/bin/sh
# The scaling ladder: one family of shapes, four sizes (or those named), equal tokens in the same
# order, and the fit of bits per byte against the logarithm of the number of parameters. Writes
# bench/results/ladder.md, .svg and .jsonl. TOKENS is the number of tokens for each (default 4000000:
# about 40 minutes in all on two cores with AVX2, 17 with AVX-512 BF16). Runs stand in build/ladder:
# interrupted ones go on, finished ones are exported once more. A run by another recipe, other TOKENS
# for one, is refused: remove build/ladder for it.
#
#   scripts/ladder.sh            # d64 d96 d128 d192
#   rm -r build/ladder; TOKENS=30000000 scripts/ladder.sh d64 d96 d128 d192 d256
set -eu
cd "$(dirname "$0")/.."
weir=build/weir
out=build/ladder
tokens=${TOKENS:-4000000}
results=bench/results
[ $# -gt 0 ] || set -- d64 d96 d128 d192
mkdir -p "$out" "$results"

# d_model, heads, K/V heads: 8 layers of the form of weir-nano, width of experts = d_model.
shape_of() {
    case $1 in
    d64) echo 64 1 1 ;;
    d96) echo 96 3 1 ;;
    d128) echo 128 2 1 ;;
    d192) echo 192 3 1 ;;
    d256) echo 256 4 2 ;;
    d384) echo 384 6 2 ;;
    *)
        echo "ladder: unknown step '$1'; there are d64 d96 d128 d192 d256 d384" >&2
        exit 2
        ;;
    esac
}

write_run() { # step d heads kv
    head_dim=$(($2 / $3))
    # The learning rate falls with the width, as tuned on d64.
    rate=$(awk -v d="$2" 'BEGIN { printf "%.6f", 0.004 * 64 / d < 0.001 ? 0.001 : 0.004 * 64 / d }')
    cat >"$out/$1.json" <<END
{"model": {"model_type": "lfm2_moe", "vocab_size": 4096, "hidden_size": $2,
  "num_hidden_layers": 8, "num_attention_heads": $3, "num_key_value_heads": $4,
  "head_dim": $head_dim, "intermediate_size": $(($2 * 3)), "moe_intermediate_size": $2,
  "num_dense_layers": 2, "num_experts": 8, "num_experts_per_tok": 2, "use_expert_bias": true,
  "norm_topk_prob": true, "routed_scaling_factor": 1.0, "conv_L_cache": 3, "conv_bias": false,
  "norm_eps": 1e-05, "max_position_embeddings": 2048,
  "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
  "layer_types": ["conv", "conv", "full_attention", "conv", "conv", "full_attention", "conv", "conv"],
  "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 7, "pad_token_id": 0},
 "tokenizer": "../../data/nano/tokenizer", "seed": 1, "tokens": $tokens,
 "sources": [
  {"name": "gen-story", "gen": {"kind": "story", "n": 40000, "seed": 3}, "weight": 0.5},
  {"name": "gen-instruction", "gen": {"kind": "instruction", "n": 40000, "seed": 3}, "weight": 0.15},
  {"name": "gen-tool", "gen": {"kind": "tool", "n": 20000, "seed": 3}, "weight": 0.2},
  {"name": "books", "path": "../../data/corpus/stories/childrens_books.txt.zst", "weight": 0.15}],
 "validation": [
  {"name": "val-story", "gen": {"kind": "story", "n": 300, "seed": 9}},
  {"name": "val-books", "path": "../../data/corpus/stories/childrens_books_held_out.txt.zst"}],
 "context": 512, "batch_tokens": 8192, "micro_tokens": 8192,
 "optimizer": {"kind": "adamw", "learning_rate": $rate, "weight_decay": 0.1, "clip": 1.0},
 "schedule": {"kind": "wsd", "warmup": 0.03, "decay": 0.3, "floor": 0.03},
 "router_bias": {"rate": 0.001, "freeze": 0.1},
 "checkpoint": {"every_seconds": 300, "keep": 1}, "eval": {"every_steps": 0, "max_tokens": 60000}}
END
}

: >"$results/ladder.jsonl"
for step in "$@"; do
    # shellcheck disable=SC2046 # three words
    write_run "$step" $(shape_of "$step")
    # Of a finished run nothing but its end is left to do: that it is one by this recipe is for
    # --resume to say.
    if ls "$out/$step"/ckpt-*.safetensors >/dev/null 2>&1; then
        $weir train run "$out/$step.json" --output "$out/$step" --resume
    else
        # The data are the same for all: packed once.
        first=$out/$1
        if [ "$step" != "$1" ] && [ -d "$first/data" ] && [ ! -d "$out/$step/data" ]; then
            mkdir -p "$out/$step"
            cp -R "$first/data" "$out/$step/data"
        fi
        $weir train run "$out/$step.json" --output "$out/$step"
    fi
    parameters=$($weir show "$out/$step/model" --json | jq '.model.n_params // .n_params')
    active=$($weir show "$out/$step/model" --json | jq '.model.n_params_active // .n_params_active')
    jq -c --arg step "$step" --argjson n "$parameters" --argjson active "$active" \
        'select(.kind == "eval") | {step: $step, parameters: $n, active: $active,
         bits_per_byte, story: .sources["val-story"].bits_per_byte,
         books: .sources["val-books"].bits_per_byte}' "$out/$step/log.jsonl" | tail -n 1 \
        >>"$results/ladder.jsonl"
done

jq -r '[.step, .parameters, .active, .bits_per_byte, .story, .books] | @tsv' "$results/ladder.jsonl" |
    awk -v tokens="$tokens" -v svg="$results/ladder.svg" -f scripts/ladder.awk >"$results/ladder.md"
cat "$results/ladder.md"
