#!/bin/sh
# run_tests.sh BUILD [ctest arguments]: runs ctest in BUILD and ends with one line of counts. Cases
# that a test program skipped are listed before it, because ctest shows only the tests that fail.
set -eu
build=$1
shift
jobs=$(nproc 2>/dev/null || echo 2)
report=ctest-report.xml

status=0
(cd "$build" && ctest --output-on-failure --no-tests=error -j "$jobs" \
    --output-junit "$report" "$@") || status=$?
[ -s "$build/$report" ] || exit 1

# "[  SKIPPED ] name" is cmocka's line, "ok 3 name # skip reason" that of bats.
log=$build/Testing/Temporary/LastTest.log
[ ! -f "$log" ] ||
    sed -n -e 's/^\[  SKIPPED \] \([a-z].*\)/skipped case: \1/p' \
        -e 's/^ok [0-9]* \(.*# skip.*\)/skipped case: \1/p' "$log" | sort -u

awk -v RS='[ \t\n>]' '
    /^tests="/    && !seen_tests    { split($0, a, "\""); tests = a[2];    seen_tests = 1 }
    /^failures="/ && !seen_failures { split($0, a, "\""); failures = a[2]; seen_failures = 1 }
    /^disabled="/ && !seen_disabled { split($0, a, "\""); disabled = a[2]; seen_disabled = 1 }
    /^skipped="/  && !seen_skipped  { split($0, a, "\""); skipped = a[2];  seen_skipped = 1 }
    END {
        skipped += disabled
        printf "%d passed, %d failed, %d skipped\n", tests - failures - skipped, failures, skipped
    }' "$build/$report"
exit "$status"
