# nano_greedy.sh: what the scripts that compare weir-nano in weir and in llama.cpp share (sourced):
# prompts, and what weir draws greedily after them. Needs $model, $work, $n_greedy and WEIR.

# The ids of each line of standard input as the model's chat template writes it: $work/tokens.txt.
nano_tokens() {
    while IFS= read -r prompt; do
        "$WEIR" run "$model" "$prompt" --dump-tokens </dev/null | awk '{ line = line " " $1 } END { print line }'
    done >"$work/tokens.txt"
}

# The ids that $work/NAME.gguf draws after them: $work/NAME.weir. Further arguments go to weir run.
nano_draw() {
    name=$1
    shift
    while IFS= read -r tokens; do
        "$WEIR" run "$work/$name.gguf" --tokens "$tokens" --temperature 0 --repetition-penalty 1 \
            --max-tokens "$n_greedy" --ignore-eos --kv-type f32 "$@" 2>/dev/null </dev/null
    done <"$work/tokens.txt" >"$work/$name.weir"
}
