#!/bin/sh
# Prints the C sources and headers of the tree, one a line: what clang-format and the gates look at.
set -eu
cd "$(dirname "$0")/.."
find include src tools examples tests bench -name '*.[ch]' -not -path 'tests/data/*' | LC_ALL=C sort
