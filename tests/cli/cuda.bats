#!/usr/bin/env bats
# cuda.bats: `--device cuda` as a user types it: on this machine, and on one with a GPU, which
# weir_emulated has (the kernels run on the CPU; WEIR_EMULATED_GPU says what is wrong with it).

load common
load serving

setup() {
    make_model dense.gguf tiny-dense
    serving_begin
    nano=$model
}

teardown() {
    serving_teardown
}

# The program with an emulated GPU; $1: what is wrong with it, or "".
emulated() {
    [ -n "$WEIR_EMULATED" ] || skip "there is no C++ compiler: no emulator was built"
    export WEIR_EMULATED_GPU=$1
    [ -n "$1" ] || unset WEIR_EMULATED_GPU
    WEIR=$WEIR_EMULATED
}

@test "without a driver: one line says so and offers the CPU, in every verb" {
    weir run "$model" --tokens 1 --device cuda
    ! grep -q "was built without it" "$err" || skip "this program was built without CUDA"
    [ "$code" -ne 0 ] || skip "this machine has a GPU"
    refuses_with 1 "device 'cuda': "
    grep -q "device 'cpu' needs none" "$err" || explain
    for verb in "serve --port 0" "plan" "bench --prefill 8 --batch none" "doctor --probe 0"; do
        # shellcheck disable=SC2086
        weir ${verb%% *} "$model" --device cuda $(echo "$verb " | cut -d' ' -f2-)
        refuses_with 1 "device 'cuda': "
    done
    weir run "$model" --tokens 1,6 -n 2 --ignore-eos
    exits_with 0
}

@test "a plan for a GPU elsewhere needs its memory alone" {
    weir plan "$model" --device cuda --ram 80GB
    ! grep -q "was built without it" "$err" || skip "this program was built without CUDA"
    exits_with 0
    grep -q "it fits" "$out" || explain
    ! grep -q "program" "$out" || explain
}

@test "the same ids as the reference, by both kinds of activations" {
    weir run "$model" --tokens 1,6 -n 2 --ignore-eos --temperature 0 --device reference
    exits_with 0
    cp "$out" "$BATS_TEST_TMPDIR/expected"
    emulated ""
    for activations in "" "--activations bf16" "--activations f32"; do
        # shellcheck disable=SC2086
        weir run "$model" --tokens 1,6 -n 2 --ignore-eos --temperature 0 --device cuda $activations
        exits_with 0
        cmp "$out" "$BATS_TEST_TMPDIR/expected" || explain
    done
    weir run "$model" --tokens 1,6 -n 2 --ignore-eos --device cuda --stats
    grep -q "cuda, Emulated GPU, sm_90, wgmma, K/V f16" "$err" || explain
}

@test "a hollow model: the ids of its whole file, and no other device runs it" {
    cd "$BATS_TEST_TMPDIR"
    weir synth hollow.gguf --config tiny-moe --type q4_0 --seed 3 --hollow
    exits_with 0
    weir synth whole.gguf --config tiny-moe --type q4_0 --seed 3
    exits_with 0
    weir run hollow.gguf --tokens 1
    refuses_with 3 "hollow.gguf: the file has no weights"
    weir convert hollow.gguf made.gguf
    refuses_with 3 "expected one made without --hollow"
    emulated ""
    weir run whole.gguf --tokens 1,6 -n 2 --ignore-eos --temperature 0 --device cuda
    exits_with 0
    cp "$out" expected
    weir run hollow.gguf --tokens 1,6 -n 2 --ignore-eos --temperature 0 --device cuda
    exits_with 0
    cmp "$out" expected || explain
}

@test "activations of another device are refused by name" {
    weir run "$model" --tokens 1 --activations bf16
    refuses_with 2 "activations 'bf16': device 'cpu' expects 'q8', 'q15', 'f32' or 'parity'"
    emulated ""
    weir run "$model" --tokens 1 --device cuda --activations q15
    refuses_with 2 "activations 'q15': device 'cuda' expects 'bf16' or 'f32'"
    weir run "$model" --tokens 1 --device cuda --isa avx2
    refuses_with 2 "isa 'avx2'"
}

@test "memory of the GPU: what is needed and what there is" {
    emulated small
    weir run "$model" --tokens 1 --device cuda
    refuses_with 4 "0.00 of 80.00 GB are free on Emulated GPU"
    weir plan "$model" --device cuda
    grep -q "does not fit" "$out" || explain
}

@test "a device that fails in a step: what failed, and the CPU" {
    emulated lost:60
    weir run "$model" --tokens 1,6 -n 4 --ignore-eos --device cuda --activations f32
    exits_with 1
    grep -q "cudaErrorLaunchFailure" "$err" || explain
    grep -q "timelines have not moved: open the engine again, or with device 'cpu'" "$err" ||
        explain
}

@test "a graph of stages that fails: the same" {
    found=
    for n in $(seq 1 40); do # some launches are the opening's
        emulated "lost:$n"
        weir run "$model" --tokens 1,6 -n 4 --ignore-eos --device cuda
        exits_with 1
        ! grep -q "the CUDA device failed in this step (.*cudaErrorLaunchFailure" "$err" || {
            found=$n
            break
        }
    done
    [ -n "$found" ] || explain
}

@test "a server whose device failed is not healthy, and says why" {
    command -v curl >/dev/null || skip "curl is not installed"
    emulated lost:20
    serve --device cuda --ctx 128 --seqs 2 --activations f32
    [ "$(curl -s "$address/health")" = '{"status": "ok"}' ]
    for state in "failed in this step" "was lost in an earlier step"; do
        curl -s "$address/v1/completions" -d '{"prompt": [1, 6], "max_tokens": 2}' |
            grep -q "the CUDA device $state (.*cudaErrorLaunchFailure.*device 'cpu'"
    done
    for path in /health /ready /live; do
        [ "$(curl -s -w '%{http_code}' "$address$path")" = '{"status": "lost"}503' ]
    done
    stop
}

@test "the doctor names the GPU, or what is missing" {
    weir doctor --probe 0
    exits_with 0
    grep -q "^gpu  " "$out" || explain
    emulated ""
    weir doctor --probe 0
    grep -q "^gpu         Emulated GPU, compute capability 9.0, driver for CUDA 13.0" "$out" || explain
    weir doctor "$model" --probe 0 --device cuda
    exits_with 0
    grep -q "79.0 GB are available: fits" "$out" || explain
    weir doctor --probe 0 --json
    grep -q '"is_usable": true' "$out" || explain
    emulated none
    weir doctor --probe 0
    grep -q "^gpu .*no NVIDIA driver" "$out" || explain
}

# Which architectures a build takes on a machine with these GPUs and an nvcc that knows these.
architectures_of() { # capabilities, architectures
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\nprintf "%%s\\n" %s\n' "$1" >"$BATS_TEST_TMPDIR/bin/nvidia-smi"
    printf '#!/bin/sh\nprintf "compute_%%s\\n" %s\n' "$2" >"$BATS_TEST_TMPDIR/bin/nvcc"
    chmod +x "$BATS_TEST_TMPDIR/bin"/*
    cat >"$BATS_TEST_TMPDIR/ask.cmake" <<EOF
cmake_minimum_required(VERSION 3.22)
set(WEIR_NVIDIA_SMI "$BATS_TEST_TMPDIR/bin/nvidia-smi")
set(WEIR_NVCC "$BATS_TEST_TMPDIR/bin/nvcc")
include("$WEIR_SOURCE/cmake/cuda.cmake")
weir_cuda_native(list)
message("architectures '\${list}'")
EOF
    cmake -P "$BATS_TEST_TMPDIR/ask.cmake" 2>&1 | sed -n "s/^architectures '\(.*\)'/\1/p"
}

@test "a build takes the GPUs that there are kernels for and that nvcc knows" {
    [ "$(architectures_of "8.6 9.0" "75 80 86 90")" = "86;90a" ]
    [ "$(architectures_of "7.5" "75 80 86 90")" = "" ] # the default
    [ "$(architectures_of "7.0 8.9 8.9" "75 80 89")" = "89" ]
    [ "$(architectures_of "10.3 12.1" "90 100 120")" = "100;120" ] # the first of a family
    [ "$(architectures_of "13.0" "90 100 120")" = "" ]
}

@test "a benchmark of a device that draws" {
    emulated ""
    weir bench "$model" --device cuda --prefill 4 --depth 0 --batch 2 --repeat 1 --csv
    exits_with 0
    [ "$(cut -d, -f1,3 "$out" | tr '\n' ' ')" = "kind,depth prefill,0 decode,0 " ] || explain
}
