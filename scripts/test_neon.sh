#!/bin/sh
# Builds the kernels and their tests for AArch64 with a cross compiler and runs them under qemu:
# the portable unit, the NEON unit, and that NEON's bits are those of the other units.
# Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user. Exit status 77: skipped.
set -eu

cc=${CC_AARCH64:-aarch64-linux-gnu-gcc}
qemu=${QEMU_AARCH64:-qemu-aarch64}
for tool in "$cc" "$qemu"; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "test_neon: skipped: $tool is not installed"
        exit 77
    fi
done

cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

flags="-std=c11 -D_GNU_SOURCE -O2 -static -ffp-contract=off -fno-math-errno
       -Wall -Wextra -Wshadow -Iinclude -Isrc -Itests/kernels"
sources="src/base/error.c src/quant/*.c src/backend/kv_layout.c src/cpu/kernels.c
         src/cpu/portable/*.c src/cpu/neon/*.c src/cpu/avx2/*.c src/cpu/avx512/*.c"

for test in test_dot test_kernels; do
    # shellcheck disable=SC2086 # lists of words
    "$cc" $flags -Iscripts/neon tests/kernels/$test.c $sources -o "$out/$test" -lm
    "$qemu" "$out/$test"
done
echo "test_neon: passed"
