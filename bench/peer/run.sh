#!/bin/sh
# run.sh MODEL.gguf [options]: weir and llama.cpp on the same file in turn, and their ratios as a
# table. llama.cpp is the npm package that the peer tests use (tests/peer/npm.sh installs it under
# build/tests/peer), or a llama-bench whose path stands in LLAMA_BENCH. README.md has the options and
# what the numbers mean. Needs weir built under build/. Exits with 77 and the reason where there is
# no npm or network, with 1 if weir failed in a case.
set -eu
self=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$self/../.." && pwd)
build=$tree/build
work=$build/bench/peer

usage() {
    echo "usage: bench/peer/run.sh MODEL.gguf [-o FILE.json] [--pairs N] [--threads N] [--batch N]"
    echo "       [--cases LIST] [--variants all|default] [--scout N] [--reps N] [--max-seconds N]"
    echo "       [--timeout SECONDS] [--isa avx2|avxvnni|avx512|avx512vnni|amx]"
}

case ${1:-} in
'')
    usage >&2
    exit 2
    ;;
-h | --help)
    usage
    exit 0
    ;;
esac
[ -f "$1" ] || {
    echo "bench/peer: no file '$1', expected a GGUF file" >&2
    exit 2
}
[ -f "$build/libweir.so" ] || {
    echo "bench/peer: build/libweir.so is missing; 'make build' makes it" >&2
    exit 2
}
# Structs of another header than the library's would be misread without a word.
if [ -n "$(find "$tree/include/weir.h" -newer "$build/libweir.so")" ]; then
    echo "bench/peer: build/libweir.so is older than include/weir.h; 'make build' renews it" >&2
    exit 2
fi
if [ -n "${LLAMA_BENCH:-}" ] && [ ! -x "$LLAMA_BENCH" ]; then
    echo "bench/peer: LLAMA_BENCH is '$LLAMA_BENCH', expected a program" >&2
    exit 2
fi

# ---- the small C files ----
mkdir -p "$work"
# -O3 unrolls the reads of the probe, which are to wait for memory and not for instructions.
flags="-std=gnu11 -O3 -Wall -Wextra -D_GNU_SOURCE"
# shellcheck disable=SC2086 # several flags
${CC:-cc} $flags -I"$tree/include" "$self/weir_bench.c" -o "$work/weir_bench" \
    "$build/libweir.so" -Wl,-rpath,"$build" -lpthread
# shellcheck disable=SC2086
${CC:-cc} $flags -fPIC -shared "$self/no_repack.c" -o "$work/no_repack.so" -ldl
# shellcheck disable=SC2086
${CC:-cc} $flags -fPIC -shared "$self/only_kernels.c" -o "$work/only_kernels.so" -ldl

# ---- Node and the package, as the peer tests have them ----
mkdir -p "$build/tests/peer"
model=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
called_from=$PWD
cd "$build/tests/peer"
here=$tree/tests/peer
# shellcheck source=../../tests/peer/npm.sh
. "$here/npm.sh"
# A module finds its packages from where it lies.
cp "$self/rival.mjs" "$install/"
cd "$called_from"

WEIR_BENCH=$work/weir_bench RIVAL=$install/rival.mjs NO_REPACK=$work/no_repack.so \
    ONLY_KERNELS=$work/only_kernels.so WORK=$work exec node "$self/peer_bench.mjs" "$model" "$@"
