#!/bin/sh
# Compiles every source of the library for arm64 with warnings as errors. It links nothing: the
# arm64 builds of jansson and xxhash are seldom on the machine, their headers are the same.
set -eu
cd "$(dirname "$0")/.."
flags="-std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wshadow -Werror -ffp-contract=off -fno-math-errno
    -fPIC -Iinclude -Isrc -idirafter /usr/include"
find src -name '*.c' -not -path 'src/cuda/*' | LC_ALL=C sort |
    xargs -P "$(nproc)" -n 1 aarch64-linux-gnu-gcc $flags -c -o /dev/null
