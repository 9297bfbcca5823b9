#!/bin/sh
# cuda_gates.sh [ARCH...]: compiles every kernel source for every architecture (sm_80, 86, 89, 90a,
# 120, or those named) with warnings as errors, and holds what ptxas says of each kernel against
# tests/cuda_emulator/ptxas_budgets.txt: no stack, no spills, no wgmma made serial (C7510 and others),
# no more registers and shared memory than there. Needs nvcc (NVCC, the path, or
# /usr/local/cuda/bin), no GPU; exit 77 without it.
set -eu
cd "$(dirname "$0")/.."
budgets=tests/cuda_emulator/ptxas_budgets.txt
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
if [ ! -x "$nvcc" ]; then
    echo "skipped: no nvcc"
    exit 77
fi
[ $# -gt 0 ] || set -- 80 86 89 90a 120
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0
for arch in "$@"; do
    : >"$folder/ptxas"
    for file in src/cuda/*.cu; do
        if ! "$nvcc" -gencode "arch=compute_$arch,code=sm_$arch" -std=c++17 -O3 --fmad=false \
            -Xptxas -v -Werror all-warnings -Iinclude -Isrc -c "$file" -o "$folder/object.o" \
            >"$folder/log" 2>&1; then
            cat "$folder/log"
            echo "FAIL sm_$arch: $file does not compile"
            status=1
        fi
        cat "$folder/log" >>"$folder/ptxas"
    done
    # Names are mangled: the budget's word stands in them after its length, as in 10linear_one.
    awk -v arch="$arch" '
        FNR == NR {
            if ($0 !~ /^#/ && NF >= 3) {
                names[++n] = $1
                registers[n] = $2
                shared[n] = $3
            }
            next
        }
        /Compiling entry function/ {
            kernel = $0
            sub(/.*function ./, "", kernel)
            sub(/. for .*/, "", kernel)
            budget = 0
            for (i = 1; i <= n; i++)
                if (index(kernel, length_of(names[i]) names[i]))
                    budget = i
            if (!budget)
                fail(kernel ": no budget in the table")
            n_kernels++
        }
        /\(C75[0-9]+\)/ {
            fail($0)
        }
        /bytes stack frame/ {
            if ($1 + $5 + $9 > 0)
                fail(kernel ": stack " $1 ", spill stores " $5 ", loads " $9 " bytes")
        }
        /Used [0-9]+ registers/ {
            match($0, /Used [0-9]+/)
            used = substr($0, RSTART + 5, RLENGTH - 5) + 0
            smem = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART) + 0 : 0
            if (budget && used > registers[budget])
                fail(kernel ": " used " registers, budget " registers[budget])
            if (budget && smem > shared[budget])
                fail(kernel ": " smem " bytes of shared memory, budget " shared[budget])
            if (budget && used > most[budget])
                most[budget] = used
        }
        function length_of(name) {
            return length(name) ""
        }
        function fail(text) {
            print "FAIL sm_" arch ": " text
            n_failed++
        }
        END {
            for (i = 1; i <= n; i++)
                if (!(i in most)) {
                    fail("no kernel of the name " names[i])
                } else
                    line = line " " names[i] " " most[i]
            print "sm_" arch ": " n_kernels " kernels; registers:" line
            exit n_failed > 0
        }' "$budgets" "$folder/ptxas" || status=1
done
exit "$status"
