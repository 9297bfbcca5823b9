# scripted.bash: a model that says what a test wants to hear. Load it after common.

: "${WEIR_SCRIPTED_MODEL:=$(dirname "$WEIR")/tests/scripted_model}"

# Makes $model, a file of that name, once for a .bats file. The template is the name of one in
# tests/data/templates, a path, or none; for the directives see scripted_model.c.
scripted() { # file name, template, directives
    base=$BATS_FILE_TMPDIR/base.gguf
    model=$BATS_FILE_TMPDIR/$1
    template=$2
    shift 2
    [ -e "$base" ] || "$WEIR" synth "$base" --config tiny-dense --seed 1 2>/dev/null
    [ ! -e "$WEIR_TEST_DATA/templates/$template.jinja" ] ||
        template=$WEIR_TEST_DATA/templates/$template.jinja
    [ -e "$model" ] || "$WEIR_SCRIPTED_MODEL" "$model" "$base" "$template" "$@"
}
