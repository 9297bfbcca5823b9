#!/usr/bin/env bats
# install.bats: what `make install` puts down is enough to build and run the examples.

load common

setup_file() {
    export DESTDIR="$BATS_FILE_TMPDIR/root"
    cmake --install "$WEIR_BUILD" --prefix /usr >/dev/null
    unset DESTDIR
}

setup() {
    [ -z "$WEIR_SANITIZE" ] || skip "the library is built with sanitizers"
    root=$BATS_FILE_TMPDIR/root
    pc=$(find "$root" -name weir.pc)
    lib=$(dirname "$(dirname "$pc")")
    export PKG_CONFIG_PATH=$(dirname "$pc")
    # Without the system's flags, so that the paths in the staged tree are not taken for system ones.
    export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
    export LD_LIBRARY_PATH=$lib
    make_model moe.gguf tiny-moe
}

# The three examples of a folder do what they say.
check_examples() {
    "$1/example_generate" "$model" 1 6 11 >"$BATS_TEST_TMPDIR/answer"
    grep -q 'after a prompt of 3' "$BATS_TEST_TMPDIR/answer"
    "$1/example_fork" "$model" 1 6 11 >"$BATS_TEST_TMPDIR/answer"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/answer")" -eq 3 ]
    [ "$(cut -d: -f2 "$BATS_TEST_TMPDIR/answer" | sort -u | wc -l)" -gt 1 ]
    "$1/example_plan" "$model" 100000000 | grep -q '^context 2048: '
    "$1/example_plan" "$model" 1000 | grep -q 'does not fit'
    ! "$1/example_generate" "$BATS_TEST_TMPDIR/none.gguf" 1 2>"$BATS_TEST_TMPDIR/complaint"
    grep -q 'none.gguf' "$BATS_TEST_TMPDIR/complaint"
}

@test "the files" {
    for file in usr/bin/weir usr/include/weir.h usr/include/weir_train.h \
        usr/include/weir_imatrix.h usr/include/weir_quantize.h usr/include/weir_packed.h usr/include/weir_profile.h; do
        [ -f "$root/$file" ]
    done
    [ -f "$lib/libweir.a" ]
    [ -f "$lib/libweir.so.0.1.0" ]
    [ "$(readlink "$lib/libweir.so")" = libweir.so.0 ]
    [ "$(readlink "$lib/libweir.so.0")" = libweir.so.0.1.0 ]
    [ -f "$lib/cmake/weir/weirConfig.cmake" ]
    [ -f "$lib/cmake/weir/weirConfigVersion.cmake" ]
    [ "$(pkg-config --modversion weir)" = 0.1.0 ]
    share=$root/usr/share
    [ -f "$share/bash-completion/completions/weir" ]
    [ -f "$share/zsh/site-functions/_weir" ]
    [ -f "$share/fish/vendor_completions.d/weir.fish" ]
    # Nothing else is installed, and no path of the staging area is written anywhere.
    n=$(find "$root" -type f -not -path "$share/man/*" -not -path "$share/weir/*" | wc -l)
    [ "$n" -eq 17 ] || { find "$root" -type f; false; }
    ! grep -rl "$BATS_FILE_TMPDIR" "$root"
}

@test "man pages" {
    man=$root/usr/share/man/man1
    command -v scdoc >/dev/null || skip "scdoc is not installed: the build left man pages out"
    [ -f "$man/weir.1" ]
    # "weir train run RUN.json" is weir-train-run(1).
    for verb in $("$WEIR" help | sed -n -E 's/^  weir ([a-z]+)( ([a-z]+))? .*/\1-\3/p'); do
        [ -f "$man/weir-${verb%-}.1" ]
    done
}

@test "what selftest compares by default, with its licences" {
    list=$WEIR_TEST_DATA/selftest_files.txt
    [ -f "$list" ] || skip "there is no list of its files"
    grep -v '^#' "$list" | while IFS= read -r file; do
        cmp "$root/usr/share/weir/selftest/$file" "$WEIR_TEST_DATA/$file"
    done
    grep -q -i licen "$list"
    # The installed program finds them beside itself and not in the source tree.
    "$root/usr/bin/weir" selftest >"$BATS_TEST_TMPDIR/answer"
    tail -n 1 "$BATS_TEST_TMPDIR/answer" | grep -q '^[0-9]* passed, 0 failed'
}

@test "SONAME" {
    command -v readelf >/dev/null || skip "readelf is not installed"
    readelf -d "$lib/libweir.so.0.1.0" | grep -q 'SONAME.*\[libweir.so.0\]'
}

@test "the installed program runs" {
    [ "$("$root/usr/bin/weir" --version)" = "weir 0.1.0" ]
}

@test "examples by pkg-config, shared" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    for name in generate fork plan; do
        ${CC:-cc} -std=c11 -Wall -Wextra -Werror "$WEIR_SOURCE/examples/example_$name.c" \
            $(pkg-config --cflags --libs weir) -o "$BATS_TEST_TMPDIR/bin/example_$name"
    done
    check_examples "$BATS_TEST_TMPDIR/bin"
}

@test "examples by pkg-config, static library" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    for name in generate fork plan; do
        # -lweir would take the shared library that lies beside it.
        ${CC:-cc} -std=c11 $(pkg-config --cflags weir) "$WEIR_SOURCE/examples/example_$name.c" \
            $(pkg-config --static --libs weir | sed 's/-lweir/-l:libweir.a/') \
            -o "$BATS_TEST_TMPDIR/bin/example_$name"
    done
    LD_LIBRARY_PATH= check_examples "$BATS_TEST_TMPDIR/bin"
}

@test "examples by the CMake package" {
    build=$BATS_TEST_TMPDIR/build
    CC=${CC:-cc} cmake -S "$WEIR_SOURCE/examples" -B "$build" -DCMAKE_PREFIX_PATH="$root/usr" \
        -G Ninja >"$BATS_TEST_TMPDIR/log" || { cat "$BATS_TEST_TMPDIR/log"; false; }
    cmake --build "$build" >"$BATS_TEST_TMPDIR/log" || { cat "$BATS_TEST_TMPDIR/log"; false; }
    check_examples "$build"
    LD_LIBRARY_PATH= "$build/example_static" "$model" 1 6 11 | grep -q 'after a prompt of 3'
}
