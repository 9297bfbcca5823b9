#!/bin/sh
# gpu_build.sh device|kernels|dry FOLDER: builds what gpu_run.sh and gpu_probe.sh run, into FOLDER.
#
#   device    the program with CUDA, the tests of the kernels for a GPU, the benchmarks; with the
#             libraries they need beside the C library in FOLDER/lib. Needs nvcc, no GPU.
#   kernels   the calibration and the benchmark of single launches: needs nvcc and nothing else
#   dry       the benchmarks over the emulator, with WEIR_BUILD's objects and program; tests are
#             those of WEIR_BUILD. No nvcc.
#
# Variables: WEIR_BUILD, a build folder of cmake (default: build, for device FOLDER.build, which is
# configured here unless it is there); NVCC; WEIR_GPU_ARCH (default 90a); WEIR_GPU_JOBS.
set -eu
mode=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
cd "$(dirname "$0")/.."
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
arch=${WEIR_GPU_ARCH:-90a}
jobs=${WEIR_GPU_JOBS:-$(nproc 2>/dev/null || echo 2)}
objects=$folder/objects
mkdir -p "$objects"

include="-Iinclude -Isrc -Itests -Itests/cuda_emulator -Ibench/gpu"
warnings="-Wall -Wextra -Wshadow"
c="${CC:-cc} -std=c11 -O2 -D_GNU_SOURCE -ffp-contract=off $warnings $include -DWEIR_TEST_DATA=\"tests/data\""
emulated="-DWEIR_CUDA_EMULATED -ftrivial-auto-var-init=pattern -fno-exceptions -fno-rtti"
cxx="${CXX:-c++} -x c++ -std=c++17 -O1 -ffp-contract=off $emulated -Wno-unknown-pragmas $include"
gpu="$nvcc -gencode arch=compute_$arch,code=sm_$arch -std=c++17 -O3 --fmad=false $include"

# One command a line, as many at once as there are jobs.
commands=$objects/commands
: >"$commands"
compile() { # compiler source object
    printf '%s -c %s -o %s\n' "$1" "$2" "$objects/$3.o" | sed 's/"/\\"/g' >>"$commands"
}

run_commands() {
    tr '\n' '\0' <"$commands" | xargs -0 -P "$jobs" -I{} sh -c '{} || exit 255'
    : >"$commands"
}

# Objects by the names of their sources.
objects_of() {
    for name in "$@"; do
        printf '%s ' "$objects/$name.o"
    done
}

bench_c="gpu_floors gpu_floors_main gpu_result gpu_probe_main gpu_bench gpu_bench_linear
         gpu_bench_attend gpu_bench_rows gpu_bench_stage gpu_bench_library gpu_cublaslt"
bench_main="gpu_bench gpu_bench_linear gpu_bench_attend gpu_bench_rows gpu_bench_stage
            gpu_bench_library gpu_cublaslt gpu_result"

build_dry() {
    build=${WEIR_BUILD:-build}
    emulated_objects=$(find "$build/tests/CMakeFiles/weir_cuda_emulated.dir" -name '*.o' 2>/dev/null)
    if [ -z "$emulated_objects" ] || [ ! -f "$build/libweir.a" ]; then
        echo "gpu_build: $build has no kernels on the emulator: build the tests first" >&2
        exit 77
    fi
    for name in $bench_c gpu_probe_dry gpu_timer_dry gpu_logits; do
        compile "$c" "bench/gpu/$name.c" "$name"
    done
    compile "$cxx" bench/gpu/gpu_probe_words.cu gpu_probe_words
    compile "$c -fPIC" tests/cuda_emulator/fake_cublaslt.c fake_cublaslt
    run_commands
    ${CC:-cc} -shared $(objects_of fake_cublaslt) -o "$folder/libcublaslt_fake.so"
    # shellcheck disable=SC2046,SC2086 # lists of words
    {
        set -- $emulated_objects "$build/libweir.a" $libraries
        ${CC:-cc} $(objects_of gpu_floors gpu_floors_main) -o "$folder/gpu_floors" -lm
        ${CXX:-c++} $(objects_of gpu_probe_main gpu_probe_dry gpu_probe_words gpu_timer_dry \
            gpu_result) "$@" -o "$folder/gpu_probe"
        ${CXX:-c++} $(objects_of $bench_main gpu_timer_dry) "$@" -o "$folder/gpu_bench"
        library=$(cd "$build" && pwd)/libweir.so # static, it would want the runtime of CUDA
        ${CC:-cc} $(objects_of gpu_logits) "$library" -Wl,-rpath,"${library%/*}" -lm -o "$folder/gpu_logits"
    }
    ln -sf "$(cd "$build" && pwd)/weir" "$folder/weir"
    for test in "$build"/tests/test_cuda_rows "$build"/tests/test_cuda_conv; do
        [ ! -x "$test" ] || ln -sf "$(cd "$build/tests" && pwd)/${test##*/}" "$folder/"
    done
}

need_nvcc() {
    if [ ! -x "$nvcc" ]; then
        echo "gpu_build: no nvcc (NVCC, the path, or /usr/local/cuda/bin)" >&2
        exit 77
    fi
}

# Static libraries but for those of FOLDER/lib, which the programs find beside themselves.
link="$nvcc -Xcompiler -static-libgcc -Xcompiler -static-libstdc++
      -Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker \$ORIGIN/lib"

link_bench() { # objects and libraries behind all
    # shellcheck disable=SC2046,SC2086 # lists of words
    {
        ${CC:-cc} $(objects_of gpu_floors gpu_floors_main) -o "$folder/gpu_floors" -lm
        $link $(objects_of gpu_probe_main gpu_probe_words gpu_probe_device gpu_timer_device \
            gpu_result) "$@" -o "$folder/gpu_probe"
        $link $(objects_of $bench_main gpu_timer_device) "$@" -o "$folder/gpu_bench"
    }
}

compile_bench() {
    for name in gpu_probe_device gpu_probe_words gpu_timer_device gpu_cublaslt_facts; do
        compile "$gpu" "bench/gpu/$name.cu" "$name"
    done
    for name in $bench_c; do
        compile "$c" "bench/gpu/$name.c" "$name"
    done
}

build_kernels() {
    need_nvcc
    compile_bench
    # What launches need of the host: nothing here asks for a library.
    kernels="$objects/cuda_split.o $objects/arena.o $objects/error.o $objects/utf8.o $objects/utf8_gate.o"
    for source in src/cuda/cuda_split.c src/base/arena.c src/base/error.c src/base/utf8.c \
        src/base/utf8_gate.c; do
        compile "$c" "$source" "$(basename "$source" .c)"
    done
    for source in src/cuda/*.cu; do
        name=$(basename "$source" .cu)
        compile "$gpu" "$source" "$name"
        kernels="$kernels $objects/$name.o"
    done
    run_commands
    # shellcheck disable=SC2086 # a list of words
    link_bench $kernels
}

# Tests of kernels in C++, but for the one of the emulator itself; in C those that need no machine
# that can be made to fail.
build_device() {
    need_nvcc
    build=${WEIR_BUILD:-$folder.build}
    if [ ! -f "$build/build.ninja" ]; then
        cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DWEIR_TESTS=OFF \
            -DWEIR_CUDA=ON -DWEIR_CUDA_ARCHITECTURES="$arch" -DCMAKE_CUDA_COMPILER="$nvcc" \
            -DCMAKE_BUILD_RPATH="\$ORIGIN/lib" \
            -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags >/dev/null
    fi
    cmake --build "$build" -j "$jobs" --target weir libweir_static
    compile_bench
    compile "$c" bench/gpu/gpu_logits.c gpu_logits
    compile "$c" bench/gpu/gpu_counting.c gpu_counting
    tests=
    for source in tests/cuda_emulator/test_cuda_*.cpp tests/cuda_emulator/test_cuda_*.c; do
        name=$(basename "${source%.c*}")
        case $source in
        # Of the emulated machine; the runner's wants the server as well.
        *_emulator.cpp | *_faults.c | *_engine.c | *_prove.c | *_hollow.c | *_runner.c) continue ;;
        *.cpp) compile "$gpu -x cu" "$source" "$name" ;;
        *) compile "$c" "$source" "$name" ;;
        esac
        tests="$tests $name"
    done
    run_commands
    wraps=
    for name in take give take_pinned give_pinned stream_open stream_close; do
        wraps="$wraps -Xlinker --wrap=weir_cuda_$name"
    done
    # shellcheck disable=SC2046,SC2086 # lists of words
    {
        set -- "$build/libweir.a" $libraries
        link_bench "$@"
        $link $(objects_of gpu_logits) "$@" -o "$folder/gpu_logits"
        for name in $tests; do
            $link $(objects_of "$name" gpu_counting) $wraps -lcmocka "$@" -o "$folder/$name"
        done
    }
    cp "$build/weir" "$folder/weir"
    strip "$folder"/weir "$folder"/gpu_* "$folder"/test_cuda_*
    copy_libraries "$folder"/weir "$folder"/test_cuda_*
}

# All that these need and no Linux is sure to have.
copy_libraries() {
    mkdir -p "$folder/lib"
    for program in "$@"; do
        ldd "$program" | awk '$3 ~ /^\// { print $3 }'
    done | sort -u | while read -r library; do
        case ${library##*/} in
        libc.so* | libm.so* | libdl.so* | libpthread.so* | librt.so* | libresolv.so* | ld-*) ;;
        *) cp -L "$library" "$folder/lib/" ;;
        esac
    done
}

libraries="-ljansson -lxxhash -lpcre2-8 $(pkg-config --libs libzstd 2>/dev/null || :) -lm -lpthread"
case $mode in
dry) build_dry ;;
kernels) build_kernels ;;
device) build_device ;;
*)
    echo "usage: gpu_build.sh device|kernels|dry FOLDER" >&2
    exit 2
    ;;
esac
rm -rf "$objects"
