#!/bin/sh
# Builds the kernels and their tests for AArch64 with a cross compiler and runs them under qemu:
# the portable unit, the units of AArch64, and that their bits are those of the other units.
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

flags="-std=c11 -D_GNU_SOURCE -O2 -ffp-contract=off -fno-math-errno
       -Wall -Wextra -Wshadow -Iinclude -Isrc -Itests/kernels"
for source in src/base/error.c src/base/utf8.c src/base/utf8_gate.c src/quant/*.c \
    src/backend/kv_layout.c src/cpu/kernels.c src/cpu/t16.c src/cpu/portable/*.c src/cpu/neon/*.c \
    src/cpu/dotprod/*.c src/cpu/i8mm/*.c src/cpu/avx*/*.c src/cpu/amx/*.c; do
    case $source in
    */dotprod/*) isa=-march=armv8.2-a+dotprod ;;
    */i8mm/*) isa=-march=armv8.2-a+dotprod+i8mm ;;
    *) isa= ;;
    esac
    # shellcheck disable=SC2086 # lists of words
    "$cc" $flags $isa -c "$source" -o "$out/$(basename "$source" .c).o"
done

for test in test_dot test_kernels test_t16; do
    # shellcheck disable=SC2086 # lists of words
    "$cc" $flags -static -Iscripts/neon tests/kernels/$test.c "$out"/*.o -o "$out/$test" -lm
    "$qemu" -cpu max "$out/$test"
done
# A processor without products of bytes must not be given any.
"$qemu" -cpu cortex-a72 "$out/test_dot"
echo "test_neon: passed"
