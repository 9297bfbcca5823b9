#!/bin/sh
# What a change must pass besides its tests: both compilers without a warning, the format, the law
# of the tree, clang-tidy, and the arm64 cross compiler where there is one. Ends with one line a
# gate; a gate whose tool is missing says so and is not counted as passed.
set -u
cd "$(dirname "$0")/.." || exit 1
jobs=$(nproc 2>/dev/null || echo 2)
summary=
failed=0

gate() { # name, tool it needs, command...
    name=$1
    tool=$2
    shift 2
    if ! command -v "$tool" >/dev/null 2>&1; then
        summary="$summary
skipped  $name ($tool is not installed)"
        return
    fi
    echo "gate: $name" >&2
    code=0
    "$@" || code=$?
    if [ "$code" -eq 77 ]; then
        summary="$summary
skipped  $name"
    elif [ "$code" -eq 0 ]; then
        summary="$summary
passed   $name"
    else
        summary="$summary
FAILED   $name"
        failed=1
    fi
}

compile() { # compiler
    CC=$1 cmake -G Ninja -B "build-gate-$1" -DCMAKE_BUILD_TYPE=Release -DWEIR_WERROR=ON \
        --log-level=WARNING >/dev/null && cmake --build "build-gate-$1"
}

format() {
    scripts/list_sources.sh | xargs clang-format --dry-run -Werror
}

tidy() {
    scripts/list_sources.sh | grep '^src/.*\.c$\|^tools/.*\.c$' |
        xargs -P "$jobs" -n 1 clang-tidy --quiet -p build-gate-clang 2>/dev/null
}

gate "gcc -Werror" gcc compile gcc
gate "clang -Werror" clang compile clang
gate "clang-format" clang-format format
gate "check_tree" awk tests/check_tree
gate "clang-tidy" clang-tidy tidy
gate "CUDA kernels, five architectures" nvcc scripts/cuda_gates.sh
gate "what a GPU run carries" nvcc scripts/gpu_build.sh device build-gate-gpu
gate "arm64 cross build" aarch64-linux-gnu-gcc scripts/cross_arm64.sh
gate "arm64 kernels under qemu" sh scripts/test_neon.sh
gate "two memory nodes under qemu" gcc scripts/test_numa.sh build-gate-gcc
printf 'gates:%s\n' "$summary"
exit "$failed"
