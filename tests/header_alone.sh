#!/bin/sh
# header_alone.sh STANDARD [COMPILER]: every public header compiles with nothing before it.
set -eu
standard=$1
case $standard in
c++*) language=c++ compiler=${2:-${CXX:-} c++ g++ clang++} ;;
*) language=c compiler=${2:-cc} ;;
esac
found=
for name in $compiler; do
    if command -v "$name" >/dev/null 2>&1; then
        found=$name
        break
    fi
done
[ -n "$found" ] || { echo "skipped: no compiler for $standard"; exit 77; }
here=$(cd "$(dirname "$0")/.." && pwd)
for header in "$here"/include/*.h; do
    printf '#include "%s"\n' "$header" |
        "$found" -std="$standard" -pedantic -Wall -Wextra -Werror -fsyntax-only -x "$language" -
    echo "$(basename "$header") compiles alone as $standard with $found"
done
