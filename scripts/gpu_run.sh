#!/bin/sh
# gpu_run.sh: everything that only a GPU can show, in one run of under 590 s: first whether the
# device is right, then how fast it is. docs/gpu_run.md tells how to read what it writes.
#
#   gpu_run.sh --prepare   builds on a machine with nvcc, without a GPU, what the run needs, into
#                          build/gpu_kit/kit.tar.xz, to be carried along
#   gpu_run.sh             the run; files in OUT (default: build/gpu), at most eight
#   gpu_run.sh --dry       the same stages in small on the emulator and the CPU, with times made up
#
# Variables: OUT; WEIR_GPU_KIT, the folder of kit.tar.xz, or for --dry of what gpu_build.sh dry made; WEIR_GPU_SECONDS, 590; WEIR_GPU_FORMATS,
# "bf16 q4_0"; WEIR_GPU_BIG, the folder for models of true size (default: the largest of /dev/shm,
# /tmp); WEIR_BUILD of the dry run.
#
# Each stage is a process with its own time limit and writes its files as it goes, so that an error
# or a stage that is too slow loses nothing of the others. What measures speed is left out when
# what checks correctness failed.
set -eu
script=$(cd "$(dirname "$0")" && pwd)/gpu_run.sh
cd "$(dirname "$0")/.."

# ---- stages: each runs in a process of its own, as gpu_run.sh --stage NAME ----------------------

log() {
    echo "$(($(date +%s) - started)) s: $*"
}

stage_env() {
    {
        date -u
        uname -a
        nvidia-smi 2>&1 || echo "no nvidia-smi"
        nvidia-smi -q -d CLOCK,POWER 2>&1 | head -60 || :
        "${NVCC:-nvcc}" --version 2>&1 || echo "no nvcc"
        python3 --version 2>&1 || echo "no python3"
        lscpu 2>/dev/null | head -20 || :
        free -m 2>/dev/null || :
        df -h /tmp /dev/shm 2>/dev/null || :
        ls -l "$kit"
        "$kit/weir" --version 2>&1 || echo "weir does not start"
    } >"$OUT/env.txt"
    "$kit/gpu_floors" check | tee -a "$OUT/env.txt"
}

# The words of the device first: what they get wrong, everything gets wrong.
stage_check() {
    status=0
    for name in mma wgmma_words wgmma pdl synth $(find "$kit" -name 'test_cuda_*' | sed 's/.*test_cuda_//' | sort); do
        test=$kit/test_cuda_$name
        case " ${done_tests:-} " in *" $name "*) continue ;; esac
        [ -x "$test" ] || continue
        done_tests="${done_tests:-} $name"
        for seed in 1 "$started"; do
            case $name in decode | engine_draws | flights | fp8 | split | step | synth) [ "$seed" = 1 ] || break ;; esac # take none
            code=0
            timeout 60 "$test" "$seed" >"$work/one" 2>&1 || code=$?
            { echo "== test_cuda_$name, seed $seed: exit code $code"; tail -n 40 "$work/one"; } >>"$OUT/check.txt"
            log "test_cuda_$name: $code"
            case $name in wgmma*) [ "$code" -ne 77 ] || break ;; esac # not every device has it
            if [ "$code" -eq 77 ] && [ "$is_dry" -eq 0 ]; then
                code=1 # here there is a device
            fi
            [ "$code" -ne 0 ] || continue
            status=1
            ! command -v compute-sanitizer >/dev/null 2>&1 ||
                timeout 60 compute-sanitizer --print-limit 20 "$test" "$seed" 2>&1 |
                head -n 200 >>"$OUT/check.txt"
            break
        done
    done
    [ -n "${done_tests:-}" ] || { log "no tests were built"; return 77; }
    return $status
}

compare() { # what, file, file, bar, share of equal tokens
    { printf '%s: ' "$1" && "$kit/gpu_logits" compare "$2" "$3" "$n_vocab" "$4" "$5"; } >"$work/one" 2>&1 || failed=1
    tee -a "$OUT/check.txt" <"$work/one"
}

# A model of true width, on the device in one step and in pieces, on the CPU, in transformers.
stage_model() {
    failed=0
    [ -x "$kit/gpu_logits" ] || { log "the program was not built"; return 77; }
    device=cuda config=bench/gpu/six_layers.json n=256 n_vocab=65536
    if [ "$is_dry" -eq 1 ]; then
        device=reference config=tiny-moe n=24 n_vocab=512
    fi
    folder=$big/six_layers
    "$kit/weir" synth "$folder" --config "$config" --folder --type bf16 --seed 7 --force
    run="$kit/gpu_logits run $folder"
    for of in "cpu f32" "$device default" "$device f32"; do
        # shellcheck disable=SC2086 # device and activations
        $run ${of% *} "$n" "$work/${of% *}_${of#* }" "${of#* }" "$work/greedy_${of% *}_${of#* }" |
            tee -a "$OUT/check.txt"
    done
    $run "$device" "$n" "$work/pieces" default "$work/greedy_pieces" $((n / 3))
    compare "float32 activations against the CPU" "$work/${device}_f32" "$work/cpu_f32" 2e-4 0.99
    compare "the device's own arithmetic against the CPU" "$work/${device}_default" "$work/cpu_f32" 3e-2 0.7
    compare "a prompt in pieces against a whole one" "$work/pieces" "$work/${device}_default" 0 1
    if ! cmp -s "$work/greedy_pieces" "$work/greedy_${device}_default"; then
        echo "FAIL answers after a prompt in pieces and a whole one differ" | tee -a "$OUT/check.txt"
        failed=1
    fi
    cmp -s "$work/greedy_${device}_default" "$work/greedy_cpu_f32" && same='the same' || same=others
    echo "32 likeliest tokens of the device's own arithmetic and the CPU: $same" | tee -a "$OUT/check.txt"
    [ "$failed" -eq 0 ] || return 1

    "$kit/gpu_logits" tokens "$n" "$n_vocab" >"$work/tokens"
    most=40 code=0
    [ "$is_dry" -eq 0 ] || most=5
    timeout --foreground -k 5 "$most" python3 bench/gpu/gpu_oracle.py "$folder" "$work/tokens" "$work/oracle" \
        >"$work/oracle_log" 2>&1 || code=$?
    tail -n 3 "$work/oracle_log" | tee -a "$OUT/check.txt"
    # The device is wrong where numbers differ, not where there are none.
    case $code in
    0) compare "float32 activations against transformers" "$work/${device}_f32" "$work/oracle" 2e-4 0.99 ;;
    77) ;; # has said why
    124 | 137) echo "skipped: transformers took more than $most s" | tee -a "$OUT/check.txt" ;;
    *) echo "skipped: transformers ended with exit code $code" | tee -a "$OUT/check.txt" ;;
    esac
    rm -rf "$folder" "$work"/*_f32 "$work"/*_default "$work/pieces" "$work/oracle"
    return $failed
}

stage_probe() {
    seconds=0.2
    [ "$is_dry" -eq 0 ] || seconds=0.05
    "$kit/gpu_probe" "$work/probe.jsonl" "$seconds"
}

# Measured ceilings, or those of the documents.
ceiling() { # kind, beginning of the name, otherwise
    awk -v kind="\"kind\": \"$1\"" -v name="\"name\": \"$2" -v best=0 -v otherwise="$3" '
        index($0, kind) && index($0, name) {
            match($0, /"value": [^,]*/)
            value = substr($0, RSTART + 9, RLENGTH - 9) + 0
            if (value > best) best = value
        }
        END { printf "%.6g\n", (best > 0 ? best : otherwise) }' "$work/probe.jsonl" /dev/null
}

read_ceilings() {
    touch "$work/probe.jsonl"
    bandwidth=4.3e12 flops=790e12 # of an H200, where nothing was measured
    [ "$is_dry" -eq 0 ] || return 0
    bandwidth=$(ceiling memory read "$bandwidth")
    # A calibration that ended well and knows no wgmma is of a GPU without it.
    ! grep -q "^probe$(printf '\t')0$(printf '\t')" "$work/stages.tsv" ||
        flops=$(ceiling arithmetic mma.sync "$flops")
    flops=$(ceiling arithmetic "wgmma bf16" "$flops")
}

stage_bench() {
    read_ceilings
    "$kit/gpu_bench" "$work/bench.jsonl" --time "$(($1 > 20 ? $1 - 5 : $1))" --bandwidth "$bandwidth" --flops "$flops"
}

# Models of true size. Their matrices are made by the device when it opens them; the CPU of a dry run
# needs them written. Where there is no room for one more, it is made when another is done with.
stage_weights() {
    config=lfm2-24b-a2b hollow=--hollow
    [ "$is_dry" -eq 0 ] || config=tiny-moe hollow=
    for format in $formats; do
        # shellcheck disable=SC2086 # a word or nothing
        until "$kit/weir" synth "$big/$format.gguf" --config "$config" --type "$format" $hollow \
            --force; do
            [ -n "$(find "$big" -name '*.ready')" ] || return 1
            sleep 5
        done
        touch "$big/$format.ready"
    done
}

wait_for_weights() { # format
    while [ ! -f "$big/$1.ready" ]; do
        kill -0 "$weights" 2>/dev/null || [ -f "$big/$1.ready" ] || return 1
        [ "$(date +%s)" -lt "$format_ends" ] || return 1
        sleep 1
    done
}

# Seconds that a format still has, 2 at least, and no more than these.
left_of_format() { # seconds
    left_s=$((format_ends - $(date +%s)))
    [ "$left_s" -le "$1" ] || left_s=$1
    [ "$left_s" -ge 2 ] || left_s=2
    echo "$left_s"
}

# One table of weir bench: depths, batches, prompts, seconds at most. K/V of a table must fit.
# What it measured before it failed, or was told to end, it has written.
bench_model() {
    code=0
    # shellcheck disable=SC2086 # words or nothing
    timeout --foreground -k 10 "$(left_of_format $((2 * $4 + 10)))" "$kit/weir" bench "$big/$format.gguf" \
        $device_option $bench_options --depth "$1" --batch "$2" --prefill "$3" --step "$step" \
        --repeat 5 --time "$4" --csv >"$work/csv" 2>"$work/one" || code=$?
    [ "$code" -eq 0 ] || {
        echo "weir bench of $format: exit code $code"
        tail -n 5 "$work/one"
    } | tee -a "$OUT/check.txt"
    awk -F, -v format="$format" 'NR > 1 && $5 >= 0 {
        key = $1 == "prefill" ? "prefill\t1\t" $2 : "decode\t" $4 "\t" $3
        limit[key] = $1 == "prefill" ? "prefill " $2 : "shared " $4 " " $3
        n[key]++
        seconds[key, n[key]] = $6 + 0
        if (n[key] == 1) order[++m] = key
    }
    END {
        for (i = 1; i <= m; i++) {
            key = order[i]
            # insertion sort, then the middle
            for (a = 2; a <= n[key]; a++)
                for (b = a; b > 1 && seconds[key, b] < seconds[key, b - 1]; b--) {
                    t = seconds[key, b]; seconds[key, b] = seconds[key, b - 1]; seconds[key, b - 1] = t
                }
            printf "%s\t%s\t%.9g\t%s\n", format, key, seconds[key, int((n[key] + 1) / 2)], limit[key]
        }
    }' "$work/csv" >>"$work/cells.tsv"
    tail -n 30 "$work/cells.tsv"
    write_whole
    return "$code"
}

# The value of a key in a report of weir bench serve.
report_value() { # file, key
    sed -n "s/^ *\"$2\": \([0-9.e+-]*\),*\$/\1/p" "$1" | head -n 1
}

# A cell of a report whose requests all ended, with their real lengths.
tell_served() { # kind, file, requests
    [ -s "$2" ] || return 0
    n_ended=$(report_value "$2" completed)
    if [ "${n_ended:-0}" -lt "$3" ]; then
        echo "$1 of $format: ${n_ended:-0} of $3 requests ended" | tee -a "$OUT/check.txt"
        return 0
    fi
    {
        for key in total_input_tokens total_cached_tokens total_output_tokens duration median_ttft_ms; do
            report_value "$2" "$key"
        done
    } | tr '\n' ' ' | awk -v format="$format" -v kind="$1" -v n="$n_ended" '{
        input = int(($1 - $2) / n + 0.5)
        output = int($3 / n + 0.5)
        if (kind == "burst")
            printf "%s\tburst\t%d\t%d\t%.9g\tburst %d %d %d\n", format, n, input + output, $4, n, input, output
        else
            printf "%s\tfirst token\t1\t%d\t%.9g\tprefill %d\n", format, input, $5 / 1e3, input
    }' >>"$work/cells.tsv"
}

# A thousand requests at once, through the server.
burst() {
    socket=$work/socket
    # shellcheck disable=SC2086 # a list of words
    "$kit/weir" serve "$big/$format.gguf" $device_option --socket "$socket" --log none \
        --seqs "$n_burst" --ctx 2048 --batch "$step" $serve_options >"$work/serve" 2>&1 &
    server=$!
    ready=0
    while kill -0 "$server" 2>/dev/null && [ "$(date +%s)" -lt "$format_ends" ]; do
        if timeout --foreground -k 5 "$(left_of_format "$most")" \
            "$kit/weir" bench serve --socket "$socket" -c 1 -n "$n_alone" --warmup 1 --input-tokens "$n_in" \
            --output-tokens 16 --ignore-eos --json "$work/one_$format.json" --force >"$work/one" 2>&1; then
            ready=1
            break
        fi
        sleep 2
    done
    code=1
    [ "$ready" -eq 0 ] || {
        code=0
        tell_served first "$work/one_$format.json" "$n_alone"
        timeout --foreground -k 5 "$(left_of_format "$most")" \
            "$kit/weir" bench serve --socket "$socket" -c "$n_burst" -n "$n_burst" --warmup 0 --seed 2 \
            --input-tokens "$n_in" --output-tokens "$n_out" --ignore-eos --allow-errors \
            --json "$work/burst_$format.json" --force >"$work/burst" 2>&1 || code=$?
        cat "$work/burst"
        tell_served burst "$work/burst_$format.json" "$n_burst"
    }
    end_server
    [ "$code" -eq 0 ] || {
        echo "the burst of $format: exit code $code"
        tail -n 5 "$work/serve" "$work/one"
    } | tee -a "$OUT/check.txt"
    write_whole
    return $code
}

# It lets its answers end; nobody waits for them any more.
end_server() {
    kill "$server" 2>/dev/null || :
    for _ in 1 2 3 4 5 6 7 8; do
        kill -0 "$server" 2>/dev/null || break
        sleep 0.5
    done
    kill -9 "$server" 2>/dev/null || :
    wait "$server" 2>/dev/null || :
}

stage_whole() {
    [ -x "$kit/weir" ] || { log "the program was not built"; return 77; }
    read_ceilings
    failed=0 most=$1 began=$(date +%s)
    step=2048 n_burst=1024 n_in=1024 n_out=512 n_alone=4
    formats_left=$(echo "$formats" | wc -w)
    device_option="--device cuda" bench_options=''
    serve_options="--kv-memory 44GiB" # 1,024 timelines of 1,536 tokens take 32 GB
    if [ "$is_dry" -eq 1 ]; then
        step=64 n_burst=3 n_in=16 n_out=4 serve_options=''
        device_option="--threads 1" bench_options="--probe 0"
    fi
    touch "$work/cells.tsv"
    for format in $formats; do
        # An equal share of what is left, less what it takes to end a server; the next one begins then.
        share=$(((most - ($(date +%s) - began)) / formats_left - 8))
        [ "$share" -ge 6 ] || share=6
        format_ends=$(($(date +%s) + share)) formats_left=$((formats_left - 1))
        if ! wait_for_weights "$format"; then
            log "$format: no model"
            failed=1
            continue
        fi
        if [ "$is_dry" -eq 1 ]; then
            bench_model 0 1,2 16 5 || failed=1
        else
            bench_model 0,1024 1,8,64,256,1024 512,2048,8192,32768 $((share / 3)) || failed=1
            bench_model 8192,32768 1,8,64 none $((share / 5)) || failed=1
        fi
        burst || failed=1
        log "$format: $(($(date +%s) - began)) s of $most"
        rm -f "$big/$format.gguf" "$big/$format.ready"
    done
    return $failed
}

# Cells and bursts beside their limits. cells.tsv: format, kind, rows, depth, seconds, and what to ask
# for the limit; whole.tsv has the limit there. After each measurement, whole or not at all.
write_whole() {
    : >"$work/limited"
    for format_done in $formats; do
        awk -F'\t' -v f="$format_done" '$1 == f' "$work/cells.tsv" >"$work/asked"
        cut -f 6 "$work/asked" |
            "$kit/gpu_floors" limits lfm2-24b-a2b "$format_done" "$bandwidth" "$flops" "$flops" |
            awk '{ print $NF }' >"$work/limits"
        cut -f 1-5 "$work/asked" | paste - "$work/limits" | grep . >>"$work/limited" || :
    done
    mv "$work/limited" "$work/whole.tsv"
    {
        echo '{"cells": ['
        awk -F'\t' 'NR > 1 { print line "," }
            { line = sprintf("{\"weights\": \"%s\", \"kind\": \"%s\", \"rows\": %s, \"depth\": %s, \"seconds\": %s, \"limit_s\": %s}", $1, $2, $3, $4, $5, $6) }
            END { if (NR) print line }' "$work/whole.tsv"
        echo '], "one_client": {'
        join_objects one_
        echo '}, "burst": {'
        join_objects burst_
        echo '}}'
    } >"$work/e2e.json"
    mv "$work/e2e.json" "$OUT/e2e.json"
}

join_objects() { # beginning of the files' names
    comma=
    for format_done in $formats; do
        [ -s "$work/$1$format_done.json" ] || continue
        printf '%s"%s": ' "$comma" "$format_done"
        cat "$work/$1$format_done.json"
        comma=,
    done
}

# The launches that cost most, under the profiler.
stage_profile() {
    command -v ncu >/dev/null 2>&1 || return 77
    # Not linear and attend: they are oracles, which no step of the 24B model launches.
    awk -F'[|]' '/^## / { is_launches = /^## Launches/ }
        is_launches && /^\| (stage_|gemm|wgmma|flash|heads|route|rms_norm)/ {
            gsub(/ |\(prompt\)/, "")
            if (!seen[$2]++) print $2, $3, $4, $5, $6
        }' "$OUT/summary.md" | head -n 4 >"$work/worst"
    while read -r kernel part format rows depth; do
        case $kernel in # weights are made by launches too
        rms_norm) names=norm_ ;;
        wgmma) names=gemm_wgmma ;;
        *) names=$kernel ;;
        esac
        echo "== $kernel $part $format, $rows rows, depth $depth"
        timeout --foreground 40 ncu --clock-control none -k "regex:$names" --set full --launch-skip 2 \
            --launch-count 3 "$kit/gpu_bench" "$work/profiled" --only "$kernel" --part "$part" \
            --format "$format" --rows "$rows" --depth "$depth" --time 1 </dev/null 2>&1 |
            head -c 300000 || :
    done <"$work/worst" >"$OUT/ncu.txt"
}

write_bench() {
    [ ! -s "$work/bench.jsonl" ] ||
        awk 'BEGIN { print "[" } NR > 1 { print line "," } { line = $0 } END { print line "\n]" }' \
            "$work/bench.jsonl" >"$OUT/bench.json"
    [ ! -s "$work/probe.jsonl" ] ||
        awk 'BEGIN { print "[" } NR > 1 { print line "," } { line = $0 } END { print line "\n]" }' \
            "$work/probe.jsonl" >"$OUT/probe.json"
}

stage_summary() {
    touch "$work/stages.tsv" "$work/probe.jsonl" "$work/bench.jsonl" "$work/whole.tsv"
    write_bench
    awk -f bench/gpu/gpu_summary.awk "$work/stages.tsv" "$work/probe.jsonl" "$work/bench.jsonl" \
        "$work/whole.tsv" >"$OUT/summary.md"
}

# ---- the run ------------------------------------------------------------------------------------

left() {
    echo $((started + seconds_in_all - $(date +%s)))
}

# Runs a stage within its time and what is left of all; $1 name, $2 seconds.
run_stage() {
    most=$2
    [ "$(left)" -ge "$most" ] || most=$(left)
    if [ "$most" -lt 3 ]; then
        printf '%s\tleft\t0\n' "$1" >>"$work/stages.tsv"
        return 1
    fi
    began=$(date +%s) code=0
    log "stage $1, at most $most s"
    timeout -k 5 "$most" "$script" --stage "$1" "$most" >"$work/log_$1" 2>&1 || code=$?
    printf '%s\t%s\t%s\n' "$1" "$code" $(($(date +%s) - began)) >>"$work/stages.tsv"
    { echo "== $1: exit code $code"; tail -n 2000 "$work/log_$1" | head -c 400000; } >>"$OUT/log.txt"
    tail -n 12 "$work/log_$1"
    "$script" --stage summary || :
    [ "$code" -eq 0 ] || [ "$code" -eq 77 ]
}

choose_big() {
    if [ -n "${WEIR_GPU_BIG:-}" ]; then
        mkdir -p "$WEIR_GPU_BIG"
        mktemp -d "$WEIR_GPU_BIG/weir_gpu.XXXXXX"
        return
    fi
    best=/tmp
    if [ -w /dev/shm ] && [ "$is_dry" -eq 0 ]; then
        best=$(df -k /dev/shm /tmp | awk 'NR > 1 && $4 > most { most = $4; best = $NF } END { print best }')
        case $best in /dev/shm) ;; *) best=/tmp ;; esac
    fi
    mktemp -d "$best/weir_gpu.XXXXXX"
}

unpack_kit() {
    mkdir -p "$kit"
    carried=${WEIR_GPU_KIT:-build/gpu_kit}
    if [ "$is_dry" -eq 1 ]; then
        if [ -n "${WEIR_GPU_KIT:-}" ]; then
            cp -RP "$WEIR_GPU_KIT/." "$kit"
        else
            scripts/gpu_build.sh dry "$kit"
        fi
        return
    fi
    [ ! -f "$carried/kit.tar.xz" ] || tar -xJf "$carried/kit.tar.xz" -C "$kit" ||
        python3 -m tarfile -e "$carried/kit.tar.xz" "$kit" || :
    "$kit/weir" --version >/dev/null 2>&1 && return
    log "no prebuilt program that starts here: building"
    timeout 240 scripts/gpu_build.sh device "$kit" || scripts/gpu_build.sh kernels "$kit"
}

clean() {
    [ -z "${weights:-}" ] || kill "$weights" 2>/dev/null || :
    rm -rf "$work" "$big"
}

run_all() {
    started=$(date +%s) kit='' weights=''
    seconds_in_all=${WEIR_GPU_SECONDS:-590}
    formats=${WEIR_GPU_FORMATS:-bf16 q4_0}
    mkdir -p "${OUT:=build/gpu}"
    OUT=$(cd "$OUT" && pwd)
    for file in env.txt check.txt log.txt probe.json bench.json e2e.json ncu.txt summary.md; do
        rm -f "$OUT/$file"
    done
    work=$(mktemp -d) big=$(choose_big) kit=$work/kit
    trap clean EXIT
    trap 'exit 130' INT TERM
    export OUT work big kit started is_dry formats weights seconds_in_all
    unpack_kit >"$work/log_build" 2>&1 || {
        cat "$work/log_build"
        exit 77
    }
    run_stage env 20 || :
    "$script" --stage weights >"$work/log_weights" 2>&1 &
    weights=$!
    ok=0
    run_stage check 150 || ok=1
    run_stage model 110 || ok=1
    if [ "$ok" -eq 0 ]; then
        run_stage probe 30 || :
        run_stage bench 90 || :
        run_stage whole 260 || :
        run_stage profile 100 || :
    else
        for name in probe bench whole profile; do
            printf '%s\tleft\t0\n' "$name" >>"$work/stages.tsv"
        done
    fi
    { echo "== weights"; tail -n 20 "$work/log_weights"; } >>"$OUT/log.txt"
    "$script" --stage summary
    head -n 60 "$OUT/summary.md"
    awk -F'\t' '$2 != 0 && $2 != 77 { bad = 1 } END { exit bad }' "$work/stages.tsv"
}

prepare() {
    kit=$(pwd)/build/gpu_kit
    mkdir -p "$kit"
    scripts/gpu_build.sh device "$kit/programs"
    "$kit/programs/weir" --version
    "$kit/programs/gpu_floors" check
    tar -cJf "$kit/kit.tar.xz" -C "$kit/programs" .
    ls -l "$kit/kit.tar.xz"
}

is_dry=${is_dry:-0}
case ${1:-} in
--stage)
    stage=$2
    "stage_$stage" "${3:-0}"
    ;;
--prepare) prepare ;;
--dry)
    is_dry=1
    run_all
    ;;
"") run_all ;;
*)
    echo "usage: gpu_run.sh [--prepare | --dry]" >&2
    exit 2
    ;;
esac
