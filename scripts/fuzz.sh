#!/bin/sh
# fuzz.sh BUILD SECONDS: every fuzz target in turn. New inputs go to BUILD/corpus, those that fail
# to BUILD/findings; a finding that is mended belongs into tests/fuzz/corpus.
set -eu
build=$1
seconds=$2
root=$(cd "$(dirname "$0")/.." && pwd)
failed=0
found=0
for target in "$build"/tests/fuzz_*; do
    [ -f "$target" ] && [ -x "$target" ] || continue
    found=1
    name=$(basename "$target")
    name=${name#fuzz_}
    mkdir -p "$build/corpus/$name" "$build/findings"
    echo "fuzz: $name, $seconds s" >&2
    "$target" -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=4096 \
        -print_final_stats=1 -artifact_prefix="$build/findings/$name-" \
        "$build/corpus/$name" "$root/tests/fuzz/corpus/$name" || failed=1
done
[ "$found" = 1 ] || { echo "fuzz: no targets in $build" >&2; exit 1; }
exit "$failed"
