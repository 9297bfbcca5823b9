#!/bin/sh
# check_tree fails on a breach of each law, names the file, and passes on the same tree without it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
failed=0

fresh() {
    rm -rf "$top/tree"
    mkdir -p "$top/tree/src/base" "$top/tree/src/gguf" "$top/tree/src/cpu" "$top/tree/src/engine" \
        "$top/tree/tools" "$top/tree/examples" "$top/tree/tests/data"
    cd "$top/tree"
    printf '/* a */\n#include "weir.h"\n' >src/base/one.c
    printf '/* a */\n#include "base/two.h"\n#include "quant/three.h"\n' >src/gguf/reader.c
    printf '/* a */\n#include "cpu/cpu.h"\n' >src/engine/devices.c
    printf '/* a */\n#include "model/model.h"\n#include "options.h"\n' >tools/selftest_all.c
    printf '/* a */\n#include "base/file.h"\n#include "options.h"\n' >tools/verb_go.c
    printf '/* a */\n#include <weir.h>\n' >examples/small.c
    printf '/* a */\n/* TO''DO(the format is not published yet): read it */\n' >src/base/waiting.c
}

must_pass() {
    if ! sh "$here/check_tree" . >"$top/out"; then
        echo "a tree without a breach fails: $1"
        cat "$top/out"
        failed=1
    fi
}

must_fail() { # what, pattern of the breach line
    if sh "$here/check_tree" . >"$top/out"; then
        echo "not found: $1"
        failed=1
    elif ! grep -q -- "$2" "$top/out"; then
        echo "found, but not named: $1"
        cat "$top/out"
        failed=1
    fi
    fresh
}

fresh
must_pass "the basis"
printf '#include "gguf/gguf.h"\n' >>src/base/one.c
must_fail "base includes gguf" '^src/base/one.c:3: base may not include gguf/gguf.h'
printf '#include "cpu/cpu.h"\n' >>src/gguf/reader.c
must_fail "gguf includes cpu" '^src/gguf/reader.c:4: '
printf '/* a */\n  #  include "cpu/cpu.h"\n' >src/engine/step.c
must_fail "engine outside devices.c includes cpu" '^src/engine/step.c:2: '
printf '#include "model/model.h"\n' >>tools/verb_go.c
must_fail "tools include model" '^tools/verb_go.c:4: '
printf '#include "cpu/cpu.h"\n' >>tools/selftest_all.c
must_fail "selftest includes cpu" '^tools/selftest_all.c:4: '
printf '#include "base/file.h"\n' >>examples/small.c
must_fail "examples include base" '^examples/small.c:3: '
printf '#include "two.h"\n' >>src/gguf/reader.c
must_fail "include without a room" '^src/gguf/reader.c:4: .*room/file.h'
printf '#include "base/one.c"\n' >>src/gguf/reader.c
must_fail "include of a .c file" '^src/gguf/reader.c:4: .*never included'
mkdir src/attic && printf '/* a */\n' >src/attic/old.c
must_fail "an unknown room" '^src/attic/old.c: lies in a room'
printf '/* a */\n' >src/gguf/one.c
must_fail "two files of one name" '^src/gguf/one.c: has the name of src/base/one.c'
printf '/* a */\n' >src/gguf/readMore.c
must_fail "a name that is not snake_case" '^src/gguf/readMore.c: is not named'
printf 'int x;\n' >src/gguf/more.c
must_fail "a file without an opening comment" '^src/gguf/more.c:1: does not open'
printf '/* TO''DO: later */\n' >>src/base/one.c
must_fail "an open end" '^src/base/one.c:3: an open end'
printf '# FIX''ME\n' >scripts.sh
must_fail "an open end in a script" '^scripts.sh:1: an open end'

awk 'BEGIN { print "/* a */"; for (i = 1; i < 1000; i++) print "int x;" }' >src/gguf/long.c
must_pass "exactly 1000 lines"
echo "int x;" >>src/gguf/long.c
cp src/gguf/long.c src/gguf/long_tables.c
cp src/gguf/long.c tests/data/sample.c
must_fail "1001 lines" '^src/gguf/long.c: has 1001 lines'
awk 'BEGIN { print "/* a */"; for (i = 1; i < 1500; i++) print "int x;" }' >src/gguf/long_tables.c
must_pass "a long table"
truncate -s 50331648 tests/data/big
must_fail "more than 48 MiB" '^size: '

[ "$failed" -eq 0 ] && echo "each law fails on its breach"
exit "$failed"
