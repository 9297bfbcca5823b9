#!/usr/bin/env bats
# gpu_run.bats: the GPU run without a GPU: every stage in small, on the emulator and the CPU, so that
# no second of a GPU goes to a mistake in a script. No time is looked at: they are made up.

load common

can_run() {
    [ -d "$WEIR_BUILD/tests/CMakeFiles/weir_cuda_emulated.dir" ] && [ -z "${WEIR_SANITIZE:-}" ]
}

setup_file() {
    cd "$WEIR_SOURCE"
    ! can_run || scripts/gpu_build.sh dry "$BATS_FILE_TMPDIR/kit" >&2
}

setup() {
    cd "$WEIR_SOURCE"
    can_run || skip "no kernels on the emulator, or some with sanitizers"
    export OUT="$BATS_TEST_TMPDIR/out" WEIR_GPU_FORMATS=q4_0 WEIR_GPU_BIG="$BATS_TEST_TMPDIR"
    export WEIR_GPU_KIT="$BATS_FILE_TMPDIR/kit"
}

@test "gpu_run --dry: every stage passes and writes its files" {
    scripts/gpu_run.sh --dry >"$BATS_TEST_TMPDIR/log" 2>&1 || {
        tail -n 40 "$BATS_TEST_TMPDIR/log"
        return 1
    }
    cd "$OUT"
    for file in env.txt check.txt log.txt probe.json bench.json e2e.json summary.md; do
        [ -s "$file" ] || { echo "no $file"; return 1; }
    done
    # shellcheck disable=SC2012 # names are ours
    [ "$(ls | wc -l)" -le 8 ]
    [ "$(jq 'length >= 10 and all(.[]; .value > 0)' probe.json)" = true ]
    # Each launch of the table, and more bytes than none.
    for kernel in stage_experts stage_experts_out stage_linear stage_out stage_gate_up gemm linear flash attend heads kv_write rms_norm silu_mul add rope route short_conv embed; do
        [ "$(jq --arg k "$kernel" '[.[] | select(.kernel == $k)] | length >= 1 and all(.[]; .bytes > 0 and .us > 0)' bench.json)" = true ] ||
            { echo "$kernel is not there"; return 1; }
    done
    [ "$(jq -c '[.cells[] | select(.seconds > 0 and .limit_s > 0).kind]' e2e.json)" = '["prefill","decode","decode","first token","burst"]' ]
    # A prompt of 16 tokens; 3 requests with 4 tokens of answer each.
    [ "$(jq '[.cells[] | select(.kind == "burst") | .rows == 3 and .depth > 4] | all' e2e.json)" = true ]
    for what in prefill decode 'first token' burst; do
        grep -q "^| q4_0 | $what | [0-9]* | [0-9]* | [0-9.]* | [0-9.]* | [0-9.]* | [0-9.]* %" summary.md ||
            { echo "no $what in the summary"; return 1; }
    done
    [ "$(jq '.burst.q4_0 | type' e2e.json)" = '"object"' ]
    for stage in env check model probe bench whole; do
        grep -q "^| $stage | passed |" summary.md
    done
    grep -q '^## The whole model' summary.md
    grep -q '^| gemm | ' summary.md
    # Nothing is left of the models.
    [ -z "$(find "$BATS_TEST_TMPDIR" -name 'weir_gpu.*')" ]
}

@test "gpu_run: speed is not measured where the device is wrong" {
    export WEIR_GPU_KIT="$BATS_TEST_TMPDIR/kit"
    cp -RP "$BATS_FILE_TMPDIR/kit" "$WEIR_GPU_KIT"
    rm -f "$WEIR_GPU_KIT/test_cuda_rows"
    printf '#!/bin/sh\necho FAIL; exit 1\n' >"$WEIR_GPU_KIT/test_cuda_rows"
    chmod +x "$WEIR_GPU_KIT/test_cuda_rows"
    code=0
    scripts/gpu_run.sh --dry >"$BATS_TEST_TMPDIR/log" 2>&1 || code=$?
    [ "$code" -ne 0 ]
    grep -q '^| check | \*\*failed\*\* (1) |' "$OUT/summary.md"
    grep -q '^| bench | left out |' "$OUT/summary.md"
    grep -q '^| model | passed |' "$OUT/summary.md"
    [ ! -e "$OUT/bench.json" ]
}

# A program that ends with an error behind its results, a burst of the first format and transformers that
# never end, a test that takes no seed, a profiler that tells what it was asked.
break_kit() {
    export WEIR_GPU_KIT="$BATS_TEST_TMPDIR/kit"
    cp -RP "$BATS_FILE_TMPDIR/kit" "$WEIR_GPU_KIT"
    mv "$WEIR_GPU_KIT/weir" "$WEIR_GPU_KIT/weir_whole"
    cat >"$WEIR_GPU_KIT/weir" <<'EOF'
#!/bin/sh
whole=$(dirname "$0")/weir_whole
case "$*" in
*burst_q4_0.json*) exec sleep 600 ;;
"bench serve "*) ;;
"bench "*) "$whole" "$@" && exit 1 ;;
esac
exec "$whole" "$@"
EOF
    printf '#!/bin/sh\nexit 0\n' >"$WEIR_GPU_KIT/test_cuda_engine_draws"
    mkdir "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/python3" <<'EOF'
#!/bin/sh
case "$*" in *gpu_oracle.py*) exec sleep 600 ;; esac
EOF
    cat >"$BATS_TEST_TMPDIR/bin/ncu" <<'EOF'
#!/bin/sh
echo "asked $*"
while [ "${1##*/}" != gpu_bench ]; do shift; done
exec "$@"
EOF
    chmod +x "$WEIR_GPU_KIT"/* "$BATS_TEST_TMPDIR/bin"/*
    PATH="$BATS_TEST_TMPDIR/bin:$PATH"
}

@test "gpu_run: what was measured is told, whatever fails beside it" {
    break_kit
    export WEIR_GPU_FORMATS="q4_0 q8_0" WEIR_GPU_SECONDS=70
    code=0
    scripts/gpu_run.sh --dry >"$BATS_TEST_TMPDIR/log" 2>&1 || code=$?
    cd "$OUT"
    cat summary.md check.txt
    [ "$code" -eq 1 ]
    # Transformers that take too long are no reason to measure nothing.
    grep -q '^skipped: transformers took more than 5 s' check.txt
    grep -q '^| model | passed |' summary.md
    [ "$(grep -c '^== test_cuda_engine_draws' check.txt)" -eq 1 ]
    # The cells of a program that failed; all of a format whose burst did not end, but for it; the next.
    grep -q '^| whole | \*\*failed\*\* (1) |' summary.md
    grep -q '^weir bench of q4_0: exit code 1' check.txt
    grep -q '^the burst of q4_0: exit code 124' check.txt
    [ "$(jq -c '[.cells[] | select(.weights == "q4_0").kind]' e2e.json)" = '["prefill","decode","decode","first token"]' ]
    [ "$(jq -c '[.cells[] | select(.weights == "q8_0").kind]' e2e.json)" = '["prefill","decode","decode","first token","burst"]' ]
    # The profiler gets one case of each of four kernels, and no oracle.
    [ "$(grep -c '^== ' ncu.txt)" -eq 4 ]
    [ "$(grep -c '^1 cases;' ncu.txt)" -eq 4 ]
    ! grep -q '^== \(linear\|attend\) ' ncu.txt
    grep -q '^asked .* --rows [0-9]* --depth [0-9]* ' ncu.txt
}

@test "gpu_probe --dry: a table and JSON" {
    scripts/gpu_probe.sh --dry >"$BATS_TEST_TMPDIR/log"
    [ "$(jq '[.[] | select(.kind == "memory")] | length >= 5' "$OUT/probe.json")" = true ]
    grep -q '^arithmetic .*mma.sync' "$OUT/probe.txt"
}

@test "gpu_bench: products beside cuBLASLt, where it is, and the same numbers" {
    cd "$BATS_TEST_TMPDIR"
    WEIR_CUBLASLT="$WEIR_GPU_KIT/libcublaslt_fake.so" "$WEIR_GPU_KIT/gpu_bench" out.jsonl --only cublaslt >log
    grep -q '^2 cases;' log
    [ "$(jq -s 'length == 2 and all(.[]; .kernel == "cublaslt" and .flop > 0)' out.jsonl)" = true ]
    # Numbers that differ cost their case and no other.
    WEIR_CUBLASLT_WRONG=3 WEIR_CUBLASLT="$WEIR_GPU_KIT/libcublaslt_fake.so" "$WEIR_GPU_KIT/gpu_bench" \
        some.jsonl >log 2>err
    grep -q 'cublaslt: matrix with 3 rows: .*other numbers' err
    [ "$(jq -s '[.[] | select(.kernel == "cublaslt")] | length' some.jsonl)" -eq 1 ]
    [ "$(jq -s 'map(.kernel) | unique | length > 15' some.jsonl)" = true ]
    # Ours in the same shape stands beside it in the summary.
    "$WEIR_GPU_KIT/gpu_bench" ours.jsonl --only gemm >log
    : >empty
    cat out.jsonl ours.jsonl >bench.jsonl
    awk -f "$WEIR_SOURCE/bench/gpu/gpu_summary.awk" empty empty bench.jsonl empty >summary
    grep -q '^| gemm | matrix | 3 | ' summary
    ! grep -q '^| cublaslt' summary

    WEIR_CUBLASLT="$BATS_TEST_TMPDIR/none.so" "$WEIR_GPU_KIT/gpu_bench" out.jsonl --only cublaslt >log 2>err
    grep -q 'cublaslt left out: .*none.so' err
    [ "$(wc -l <err)" -eq 1 ]
    grep -q '^0 cases;' log
    # A library of another kind.
    WEIR_CUBLASLT=libm.so.6 "$WEIR_GPU_KIT/gpu_bench" out.jsonl --only cublaslt >log 2>err
    grep -q 'libm.so.6 has no cublasLtCreate' err
}
