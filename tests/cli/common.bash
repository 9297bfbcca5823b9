# common.bash: what every .bats file here uses. WEIR, WEIR_BUILD, WEIR_SOURCE, WEIR_TEST_DATA come
# from ctest; by hand: WEIR=build/weir bats tests/cli/run.bats

: "${WEIR:=$BATS_TEST_DIRNAME/../../build/weir}"
: "${WEIR_TEST_DATA:=$BATS_TEST_DIRNAME/../data}"
: "${WEIR_SOURCE:=$BATS_TEST_DIRNAME/../..}"

# Runs the program; afterwards $code, and the files $out and $err with what it said.
weir() {
    out=$BATS_TEST_TMPDIR/stdout
    err=$BATS_TEST_TMPDIR/stderr
    code=0
    "$WEIR" "$@" >"$out" 2>"$err" </dev/null || code=$?
}

# What a failing test shows.
explain() {
    echo "exit code $code"
    echo "stdout: $(head -c 2000 "$out")"
    echo "stderr: $(head -c 2000 "$err")"
    return 1
}

exits_with() {
    [ "$code" -eq "$1" ] || explain
}

# Exit code, nothing on standard output, one line on standard error that holds a text.
refuses_with() {
    [ "$code" -eq "$1" ] || explain
    [ ! -s "$out" ] || explain
    [ "$(wc -l <"$err")" -eq 1 ] || explain
    grep -q -F -- "$2" "$err" || explain
}

# A small model, made once for a .bats file.
make_model() { # file name, config
    [ -e "$BATS_FILE_TMPDIR/$1" ] ||
        "$WEIR" synth "$BATS_FILE_TMPDIR/$1" --config "$2" --seed 1 2>/dev/null
    model=$BATS_FILE_TMPDIR/$1
}

# Waits until a program that runs in the background has a handler for SIGTERM: sent sooner, the
# signal would end it as if it had none.
wait_for_handler() { # pid
    local mask
    for _ in $(seq 600); do
        mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)
        [ -z "$mask" ] || [ $((0x$mask & 1 << 14)) -eq 0 ] || return 0
        sleep 0.02
    done
    return 1
}
