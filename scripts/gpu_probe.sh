#!/bin/sh
# gpu_probe.sh [--dry]: calibrates the GPU: memory, caches, latencies, barriers, nodes of graphs,
# atomics, tensor cores, clocks and power meanwhile. Writes probe.json and probe.txt into OUT
# (default: build/gpu). Takes under two minutes; exit code 77 where there is no GPU or no nvcc.
#
# Uses the programs that `gpu_run.sh --prepare` left in build/gpu_kit if they start here, and else
# builds them. docs/gpu_run.md tells what the numbers mean.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "${OUT:=build/gpu}"
work=$(mktemp -d)
# shellcheck disable=SC2064 # the folder as it is now
trap "rm -rf '$work'" EXIT
seconds=1
if [ "${1:-}" = --dry ]; then
    seconds=0.1
    if [ -n "${WEIR_GPU_KIT:-}" ]; then
        cp -RP "$WEIR_GPU_KIT" "$work/kit"
    else
        scripts/gpu_build.sh dry "$work/kit"
    fi
else
    kit=${WEIR_GPU_KIT:-build/gpu_kit}
    if [ -f "$kit/kit.tar.xz" ]; then
        mkdir -p "$work/kit"
        tar -xJf "$kit/kit.tar.xz" -C "$work/kit" ||
            python3 -m tarfile -e "$kit/kit.tar.xz" "$work/kit" || :
    fi
    "$work/kit/gpu_floors" check >/dev/null 2>&1 || scripts/gpu_build.sh kernels "$work/kit"
fi

logger=
if [ "${1:-}" != --dry ] && command -v nvidia-smi >/dev/null 2>&1; then
    nvidia-smi --query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu,utilization.gpu \
        --format=csv,noheader,nounits -lms 100 >"$work/clocks" 2>&1 &
    logger=$!
fi
status=0
"$work/kit/gpu_probe" "$work/probe.jsonl" "$seconds" >"$work/probe.txt" 2>&1 || status=$?
[ -z "$logger" ] || kill "$logger" 2>/dev/null || :

# Under load: what was read while the device was busy.
[ ! -s "$work/clocks" ] || awk -F', *' '
    $5 + 0 >= 50 {
        n++
        for (i = 1; i <= 4; i++) {
            sum[i] += $i
            if (n == 1 || $i < least[i]) least[i] = $i
            if (n == 1 || $i > most[i]) most[i] = $i
        }
    }
    END {
        split("SM clock, memory clock, power, temperature", name, ", ")
        split("MHz, MHz, W, C", unit, ", ")
        for (i = 1; i <= 4 && n; i++) {
            printf "{\"kind\": \"load\", \"name\": \"%s, mean of %d\", \"value\": %.9g, \"unit\": \"%s\", \"spread\": %.4f}\n", \
                name[i], n, sum[i] / n, unit[i], sum[i] ? (most[i] - least[i]) / 2 / (sum[i] / n) : 0
            printf "%-14s %-36s %10.1f %s, %.1f to %.1f\n", "load", name[i], sum[i] / n, unit[i], least[i], most[i] >"/dev/stderr"
        }
    }' "$work/clocks" >>"$work/probe.jsonl" 2>>"$work/probe.txt"

cp "$work/probe.txt" "$OUT/probe.txt"
[ ! -s "$work/probe.jsonl" ] ||
    awk 'BEGIN { print "[" } NR > 1 { print line "," } { line = $0 } END { print line "\n]" }' \
        "$work/probe.jsonl" >"$OUT/probe.json"
cat "$OUT/probe.txt"
exit "$status"
