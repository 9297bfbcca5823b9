#!/bin/sh
# mutants.sh [SOURCE [LIBRARY [NAME]]]: shows that the tests of the kernels can fail. Each mutant is
# one kernel source with one line changed by sed: a barrier removed, an index off, a value not set,
# a sum in another order. Its test must fail under at least one of the seeds; a mutant that survives,
# or a pattern that changes nothing, fails this script. NAME: only mutants whose name contains it.
set -eu
source=${1:-$(dirname "$0")/../..}
library=${2:-$source/build/libweir.a}
only=${3:-}
compiler=${CXX:-g++}
seeds='1 2 3'
if ! command -v "$compiler" >/dev/null 2>&1; then
    echo "skipped: no $compiler"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
flags="-std=c++17 -O1 -D_GNU_SOURCE -DWEIR_CUDA_EMULATED -ffp-contract=off
    -ftrivial-auto-var-init=pattern -Wno-unknown-pragmas -I$source/tests/cuda_emulator
    -I$source/include -I$source/src"
status=0
n=0

# object FILE: made once, into the folder.
object() {
    name=$(basename "$1")
    [ -f "$folder/$name.o" ] || $compiler $flags -x c++ -c "$1" -o "$folder/$name.o"
    echo "$folder/$name.o"
}

# judge NAME: runs the mutant under each seed.
judge() {
    for seed in $seeds; do
        if ! timeout 60 "$folder/mutant" "$seed" >"$folder/out" 2>&1; then
            what=$(grep -E 'FAIL|emulator:' "$folder/out" | head -1)
            echo "caught  $1 (seed $seed): ${what:-ended by a signal}"
            return 0
        fi
    done
    echo "FAIL $1: not caught under seeds $seeds"
    status=1
}

# mutant NAME KERNELS SED [TEST]; TEST: test_cuda_TEST.cpp, KERNELS if it is not said.
mutant() {
    case $1 in *"$only"*) ;; *) return 0 ;; esac
    n=$((n + 1))
    kernels=$folder/whole.cu # with the header of its name, if it has one, in its place
    awk -v header="$source/src/cuda/$2_cuda.cuh" -v line="#include \"cuda/$2_cuda.cuh\"" '
        $0 != line { print; next }
        { while ((getline text < header) > 0) print text }' "$source/src/cuda/$2_cuda.cu" >"$kernels"
    sed -E "$3" "$kernels" >"$folder/$2_cuda.cu"
    if cmp -s "$kernels" "$folder/$2_cuda.cu"; then
        echo "FAIL $1: the pattern changes nothing"
        status=1
        return 0
    fi
    objects=$(object "$source/tests/cuda_emulator/test_cuda_${4:-$2}.cpp")
    # products and decoding (embed, of rows) have one test
    case $2/${4:-$2} in
    linear/linear) objects="$objects $(object "$source/src/cuda/rows_cuda.cu")" ;;
    rows/linear) objects="$objects $(object "$source/src/cuda/linear_cuda.cu")" ;;
    flash/flash)
        ${CC:-gcc} -std=c11 -O1 -D_GNU_SOURCE -I"$source/include" -I"$source/src" \
            -c "$source/src/cuda/cuda_split.c" -o "$folder/cuda_split.o"
        objects="$objects $folder/cuda_split.o"
        ;;
    draw/draw)
        ${CC:-gcc} -std=c11 -O1 -D_GNU_SOURCE -I"$source/include" -I"$source/src" \
            -c "$source/src/cuda/draw_pack.c" -o "$folder/draw_pack.o"
        objects="$objects $folder/draw_pack.o"
        ;;
    heads/heads)
        objects="$objects $(object "$source/src/cuda/rows_cuda.cu")"
        objects="$objects $(object "$source/src/cuda/attention_cuda.cu")"
        ;;
    */gemm | */wgmma)
        for other in gemm gemm_narrow gemm_wide wgmma wgmma_blocks wgmma_proof; do
            [ "$other" = "$2" ] || objects="$objects $(object "$source/src/cuda/${other}_cuda.cu")"
        done
        ;;
    esac
    $compiler $flags -w -x c++ -c "$folder/$2_cuda.cu" -o "$folder/mutant.o"
    $compiler $objects "$folder/mutant.o" "$library" -lm -o "$folder/mutant"
    judge "$1"
}

# stage_mutant NAME FILE SED: of the stages of decoding, which share their headers: both sources are
# compiled with the changed file in front of the others; test_cuda_stages.
stage_mutant() {
    case $1 in *"$only"*) ;; *) return 0 ;; esac
    n=$((n + 1))
    rm -rf "$folder/inc"
    mkdir -p "$folder/inc"
    cp -R "$source/src/cuda" "$folder/inc/cuda"
    sed -E "$3" "$source/src/cuda/$2" >"$folder/inc/cuda/$2"
    if cmp -s "$source/src/cuda/$2" "$folder/inc/cuda/$2"; then
        echo "FAIL $1: the pattern changes nothing"
        status=1
        return 0
    fi
    objects=$(object "$source/tests/cuda_emulator/test_cuda_stages.cpp")
    for other in "$source"/src/cuda/*_cuda.cu; do
        case $other in
        */decode_*) ;;
        *) objects="$objects $(object "$other")" ;;
        esac
    done
    for changed in decode_stage decode_experts; do
        $compiler -I"$folder/inc" $flags -w -x c++ -c "$folder/inc/cuda/${changed}_cuda.cu" \
            -o "$folder/$changed.o"
    done
    $compiler $objects "$folder/decode_stage.o" "$folder/decode_experts.o" "$library" -lm \
        -o "$folder/mutant"
    judge "$1"
}

# f8_mutant NAME SED: of the decoding of FP8, which every product has from one header.
f8_mutant() {
    case $1 in *"$only"*) ;; *) return 0 ;; esac
    n=$((n + 1))
    rm -rf "$folder/inc"
    mkdir -p "$folder/inc/cuda"
    sed -E "$2" "$source/src/cuda/decode_cuda.cuh" >"$folder/inc/cuda/decode_cuda.cuh"
    if cmp -s "$source/src/cuda/decode_cuda.cuh" "$folder/inc/cuda/decode_cuda.cuh"; then
        echo "FAIL $1: the pattern changes nothing"
        status=1
        return 0
    fi
    objects=$(object "$source/tests/cuda_emulator/test_cuda_f8.cpp")
    for other in "$source"/src/cuda/*_cuda.cu; do
        case $other in
        */linear_cuda.cu | */rows_cuda.cu) ;;
        *) objects="$objects $(object "$other")" ;;
        esac
    done
    for changed in linear rows; do
        $compiler -I"$folder/inc" $flags -w -x c++ -c "$source/src/cuda/${changed}_cuda.cu" \
            -o "$folder/$changed.o"
    done
    $compiler $objects "$folder/linear.o" "$folder/rows.o" "$library" -lm -o "$folder/mutant"
    judge "$1"
}

# barriers
mutant norm-barrier rows "/sums\[threadIdx/,/cu_sync/s/cu_sync\(\);//"
mutant rope-barrier rows '/&cosine/,/cu_sync/s/cu_sync\(\);//'
mutant attend-barrier-query attention '/q\[i\] = i </,/cu_sync/s/cu_sync\(\);//'
mutant attend-barrier-join attention '/value\[warp\]/,/cu_sync/s/cu_sync\(\);//'
mutant attend-warp-weights attention '/value\[h\]\[i\] \*= /,/cu_sync_warp/s/cu_sync_warp\(\);//'
mutant attend-divergent attention '/q\[i\] = i </,/cu_sync/s/cu_sync\(\);/if (threadIdx.x < 40) cu_sync();/'
mutant norm-divergent rows '/sums\[threadIdx/,/cu_sync/s/cu_sync\(\);/if (threadIdx.x < 40) cu_sync();/'
mutant gemm-narrow-parts gemm_narrow '/part_at\(t, i, lane\)\]/,/cu_sync/s/cu_sync\(\);//' gemm
mutant gemm-narrow-round gemm_narrow 's/cu_sync\(\); \/\* before the next/; \/*/' gemm
mutant gemm-narrow-divergent gemm_narrow '/part_at\(t, i, lane\)\]/,/cu_sync/s/cu_sync\(\);/if (threadIdx.x < 40) cu_sync();/' gemm
mutant gemm-wide-barrier gemm_wide 's/cu_sync\(\);//' gemm
mutant gemm-wide-wait gemm_wide 's/cu_copy_wait<STAGES - 2>\(\);//' gemm
mutant gemm-group-begun gemm '/begin_experts\(args, counts, rows\);/,/cu_sync/s/cu_sync\(\);//' gemm
mutant gemm-group-listed gemm '/begin_lists\(args, rows, /,/cu_sync/s/cu_sync\(\);//' gemm
mutant gemm-group-ranked gemm 's/cu_sync_warp\(\); \/\* all have read/; \/*/' gemm

mutant wgmma-full-wait wgmma 's/bool is_there = cu_barrier_wait\(.*/bool is_there = true;/'
mutant wgmma-empty-parity wgmma 's/at\.parity \^ 1/at.parity/'
mutant wgmma-arrival wgmma 's/cu_barrier_arrive\(&shared\.empty/if (false) cu_barrier_arrive(\&shared.empty/'
mutant wgmma-early-arrival wgmma 's/cu_wgmma_commit\(\);/cu_wgmma_commit(); if (threadIdx.x % CU_WARP == 0) cu_barrier_arrive(\&shared.empty[at.stage]);/; s/^        cu_barrier_arrive\(&shared\.empty.*/;/'
mutant wgmma-wait wgmma 's/cu_wgmma_wait\(work\.part\);//'
mutant wgmma-bytes wgmma 's/CU_TILE_ROWS \* 128;/CU_TILE_ROWS * 64;/'
mutant wgmma-one-box wgmma 's/% 2 \* BOX/% 1 * BOX/'

# indices
mutant wgmma-swizzle gemm 's/ \^ place % CU_PLACED_CHUNKS//' wgmma
mutant wgmma-columns wgmma 's/x \+ 2 \* step/x + 4 * step/'
mutant wgmma-last-row wgmma 's/cu_min\(out, last\)/out/'
mutant wgmma-write-beyond wgmma 's/if \(out \+ 8 \* r < op\.w\.rows\)/if (true)/'
mutant wgmma-raster wgmma 's/before \+ at % width/at % width/'
mutant wgmma-places gemm 's/n_rows \+= places_of\(rows\[e\]\)/n_rows += rows[e]/; s/row \+= places_of\(rows\[e\]\)/row += rows[e]/' wgmma
mutant wgmma-repeat gemm 's/row \/ op\.x_repeat\)/row)/' wgmma
mutant wgmma-proof wgmma_proof 's/y\[i\] != expected\[i\]/false/' wgmma
f8_mutant f8-order 's/v\[1\] = cu_half_float\(\(uint16_t\)odd/v[1] = cu_half_float((uint16_t)even/'
f8_mutant f8-piece 's/CU_PIECE \* \(at.piece % n\) \+ 4/4/'
f8_mutant f8-exponent 's/codes >> 1 & 0x3f803f80u/codes >> 1 \& 0x1f801f80u/'
f8_mutant f8-half-piece 's/\(codes \+ CU_HALF_PIECE\), d, v/(codes), d, v/'
mutant linear-last-row linear 's/first_out \+ o : op\.w\.rows - 1/first_out + o : op.w.rows/'
mutant linear-write-beyond linear 's/ \&\& out < op\.w\.rows//'
mutant linear-pieces linear 's/lane \/ 4, lane % 4, op\.w\.cols, args\.is_x/lane \/ 4, (lane + 1) % 4, op.w.cols, args.is_x/'
mutant linear-repeat linear 's/y_row \/ op\.x_repeat/y_row/'
mutant linear-choice linear 's/y_row < op\.n_rows \&\&/true \&\&/'
mutant linear-last-group linear 's/\(is_last \&\& list\.n > 0\)/false/'
mutant linear-bias linear 's/total \+ op\.bias\[out\]/total/'
mutant embed-tail rows 's/if \(c < w\.cols\)/if (true)/' linear
mutant norm-narrow-row rows 's/if \(row >= n_rows\)/if (row > n_rows)/'
mutant rope-half rows 's/\*b = a \+ half/*b = a + half - 1/'
mutant add-part rows 's/x\[part \* width \+ i\]/x[part * width]/'
mutant conv-kept conv 's/chunk\.n_kept - n_after/chunk.n_kept - 1/'
mutant conv-state conv 's/l_cache - 1 \+ t\]/l_cache - 2 + t]/'
mutant conv-no-state conv 's/chunk\.state_in == NO_STATE/false/'
mutant route-ties route 's/other < best\)/other > best)/'
mutant route-order route 's/\(1u << lane\) - 1/0u/'
mutant route-bias route 's/score\[i\] \+ op\.bias\[e\]/score[i]/'
mutant attend-own-key attention 's/batch\.pos\[row\] \+ 1/batch.pos[row] + 2/'
mutant attend-page attention 's/pages\[pos \/ kv\.page_tokens\]/pages[0]/'
mutant attend-group attention 's/head_kv \* args\.group \+ first_in_group\)/head_kv * args.group)/'
mutant kv-write-replay attention 's/< chunk\.n_replay/< 0 * chunk.n_replay/'
mutant gemm-narrow-write-beyond gemm_narrow 's/ \&\& out < op\.w\.rows//' gemm
mutant gemm-narrow-repeat gemm_narrow 's/ \/ args\.op\.x_repeat//' gemm
mutant gemm-wide-tiles gemm_wide 's/job\.n \+ CU_TILE_ROWS - 1/job.n/' gemm
mutant gemm-wide-ring gemm_wide 's/uint32_t at = 0, next = STAGES - 1/uint32_t at = 0, next = 0/' gemm
mutant gemm-round-members gemm 's/at % CU_MEMBERS/(at + 1) % CU_MEMBERS/' gemm
mutant gemm-group-rank gemm 's/\(1u << lane\) - 1/0u/' gemm
mutant gemm-group-blocks gemm 's/b < blockIdx\.x \?/b <= blockIdx.x ?/' gemm
mutant gemm-group-tile gemm 's/cu_min\(args\.tile_rows, rows\[e\] - t \* args\.tile_rows\)/args.tile_rows/' gemm
mutant kv-write-scale attention 's/\/ 127\.0f;/\/ 128.0f;/'

# values that are not set
mutant linear-sum linear 's/sum\[o\]\[r\] = 0\.0f;/;/'
mutant attend-score attention 's/score\[h\] = 0\.0f;/;/'
mutant linear-tail linear 's/row_list list = \{0, 0\}/row_list list/'
mutant conv-bias conv 's/op\.bias\[at\] : 0\.0f/op.bias[at] : sum/'

# bits: right to rounding, and still not the same in company
mutant gemm-order gemm_narrow 's/boxes \+ p \* /boxes + (n_parts - 1 - p) * /' gemm
mutant wgmma-sum wgmma 's/work\.sum\[i\] \+= work\.part\[i\]/work.sum[i] = work.part[i]/'
mutant wgmma-fresh wgmma 's/AT \+ step > 0/true/'
mutant wgmma-order wgmma 's/work\.a\[AT % 2\]\[step\], x \+ 2 \* step/work.a[AT % 2][step ^ 1], x + 2 * (step ^ 1)/'
mutant gemm-wide-range gemm_wide 's/piece % CU_RANGE_PIECES == CU_RANGE_PIECES - 1 \|\| //' gemm
mutant linear-company linear 's/float total = cu_warp_sum\(sum\[o\]\[r\]\)/float total = cu_warp_sum(N > 1 ? sum[o][r] * 3.0f \/ 3.0f : sum[o][r])/'

# attention on tensor cores, heads and adapters
mutant flash-barrier-query flash '/query\[warp\]\[lane\] =/,/cu_sync/s/cu_sync\(\);//'
mutant flash-barrier-join flash '/part_store\(part, memory/,/cu_sync/s/cu_sync\(\);//'
mutant flash-barrier-page flash '/cu_copy_wait<0>/,/cu_sync/s/cu_sync\(\);//'
mutant flash-barrier-item flash 's/cu_sync\(\); (\/\* the next item)/\1/'
mutant flash-wait flash 's/cu_copy_wait<0>/cu_copy_wait<1>/'
mutant flash-whole flash 's/begin \+ FLASH_KEYS - 1 <= least/begin <= least/'
mutant flash-stale flash 's/rows\.n_keys - begin;/64;/'
mutant flash-stale-tile flash 's/uint32_t n_keys = rows\.n_keys - page \* FLASH_KEYS;/uint32_t n_keys = 64;/'
mutant flash-order flash 's/is_seen\[2\] = \{last\[0\] >= 0, last\[1\] >= 0\}/is_seen[2] = {true, true}/'
mutant flash-range-end flash 's/page % RANGE_PAGES == RANGE_PAGES - 1 \|\| //'
mutant flash-slot flash 's/item\.slot_stride \+ range/item.slot_stride/'
mutant flash-page flash 's/rows\.pages\[page\]/rows.pages[0]/'
mutant heads-replay heads 's/< chunk\.n_replay/< 0 * chunk.n_replay/'
mutant heads-v heads 's/args\.kv\.v_at \+ head_kv/args.kv.k_at + head_kv/'
mutant heads-stride heads 's/gridDim\.y \* WARPS/WARPS/'
mutant adapt-zero adapt 's/scale == 0\.0f \|\| //'

# draws
mutant draw-parts-barrier draw '/m\.parts\[threadIdx\.x \/ CU_WARP\] = value/,/cu_sync/s/cu_sync\(\);//'
mutant draw-sort-barrier draw '/m\.list\[b\] = x/,/cu_sync/s/cu_sync\(\);//'
mutant draw-sums-barrier draw '/m\.sums\[threadIdx/,/cu_sync/s/cu_sync\(\);//'
mutant draw-changed-barrier draw '/is_bad = change_logits/,/cu_sync/s/cu_sync\(\);//'
mutant draw-divergent draw '/is_bad = change_logits/,/cu_sync/s/cu_sync\(\);/if (threadIdx.x < 40) cu_sync();/'
mutant draw-zeros draw 's/logit \+= 0\.0f;/;/'
mutant draw-whole draw 's/is_cut \|\| n == n_all;/true;/'
mutant draw-cut draw 's/draw\.top_k < n_all/draw.top_k < n_all - 1/'
mutant draw-bins draw 's/n \+= up_to <= LIST/n += up_to <= LIST \/ 2 || up_to > LIST/'
mutant draw-span draw 's/<= span;/< span;/'
mutant draw-target draw 's/kept_sum\) \+ 1/kept_sum)/'
mutant draw-number draw 's/is_bad \|= !\(stored <= FLT_MAX\);/;/'
mutant draw-changed-number draw 's/is_bad \|= !\(logit <= FLT_MAX\);/;/'
mutant draw-reach draw 's/1\.001 \* limit/0.4 * limit/'
mutant draw-before draw 's/lane >= by \? other : 0/other/'
mutant draw-back draw '/cu_sync/,$s/^    change_back\(row, changes, n_changes\);//'
mutant draw-rank draw 's/n_above \+= logit > own/n_above += logit >= own/'
mutant draw-left draw 's/left\[i\] = logits\[i\];/;/'
mutant draw-last-barrier draw '/recent\[last \/ 32\] \|= bit/,/cu_sync/s/cu_sync\(\);//'
mutant draw-last-found draw 's/block_sum\(m, n_found\) == 0/true/'
mutant draw-last-count draw 's/count \+= is_penalized;/count += 0;/'
mutant draw-last-recent draw 's/is_recent = recent != nullptr;/is_recent += 0;/'
mutant draw-last-twice draw 's/recent\[last \/ 32\] &= ~bit;/;/'
mutant draw-last-bit draw 's/recent\[last \/ 32\] \|= bit;/;/'
mutant draw-fetch draw 's/-1 - tokens\[r\]/-tokens[r] % 5/'
mutant draw-fetch-void draw 's/token >= 0 \? token : 0;/token;/'

# stages of decoding
stage_mutant stage-early-rows decode_stage_cuda.cu '/stage_out\(out_args/,/^}/s/cu_pdl_wait\(\);//; /stage_out\(out_args/,/^}/s/float sum = block/cu_pdl_wait(); float sum = block/'
stage_mutant stage-no-wait decode_stage_cuda.cu '/^stage_gate_up\(gate/,/^}/s/cu_pdl_wait\(\);//'
stage_mutant stage-parts-barrier decode_stage_cuda.cuh '/begin\(next\);/,/PART_VALUES/s/cu_sync\(\);//'
stage_mutant stage-norm-barrier decode_stage_cuda.cuh '/norm->squares\[r\]\[warp\] =/,/cu_sync/s/cu_sync\(\);//'
stage_mutant stage-norm-last decode_stage_cuda.cuh '/norm->inverse\[warp\] =/,/cu_sync/s/cu_sync\(\);//'
stage_mutant stage-order decode_stage_cuda.cuh 's/for \(uint32_t p = 0; p < n_parts; p\+\+\)/for (uint32_t p = n_parts; p-- > 0;)/'
stage_mutant stage-same-x decode_stage_cuda.cuh 's/!is_same_x \|\| n_rounds > 1/!is_same_x/'
stage_mutant stage-rows decode_stage_cuda.cu '/stage_out\(out_args/,/^}/s/token >= n_rows/token > n_rows/'
stage_mutant stage-conv-barrier decode_stage_cuda.cu '/u\[token/,/convolve/s/cu_sync\(\);//'
stage_mutant stage-conv-kept decode_stage_cuda.cu 's/chunk\.n_kept - n_after/chunk.n_kept - 1/'
stage_mutant experts-columns decode_experts_cuda.cu 's/of_column \/ n_used/of_column/'
stage_mutant experts-choice-barrier decode_experts_cuda.cu '/weights \+ warp \* n_used/,/cu_sync/s/cu_sync\(\);//'
stage_mutant experts-order decode_experts_cuda.cu 's/args\.weights\[first_pair \+ j\]/args.weights[first_pair]/'
stage_mutant experts-router-half decode_experts_cuda.cu 's/CU_HALF_PIECE \* half;/CU_HALF_PIECE;/'

[ "$status" -ne 0 ] || echo "all $n mutants caught"
exit "$status"
