#!/bin/sh
# exported_symbols.sh LIBRARY: the shared library exports what exported_symbols.txt lists, and
# nothing else. A line more is a new promise to callers, a line less breaks one.
set -eu
library=$1
here=$(cd "$(dirname "$0")" && pwd)
command -v nm >/dev/null 2>&1 || { echo "skipped: nm is not installed"; exit 77; }
nm -D --defined-only "$library" | awk '{ print $3 }' | LC_ALL=C sort |
    diff -u "$here/exported_symbols.txt" - || {
    echo "the symbols of $library are not those of tests/exported_symbols.txt" >&2
    exit 1
}
