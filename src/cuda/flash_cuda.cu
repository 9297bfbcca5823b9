/*
 * flash_cuda.cu: attention on tensor cores over pages, for heads of 64.
 *
 * Two kernels walk over keys, and differ in who shares a read of them:
 *
 *   flash_parts   16 rows (the heads and few tokens of a K/V head) in a block; each of the four
 *                 warps takes one page of a range, straight into its registers. For decoding: all
 *                 bytes of a range are asked for at once.
 *   flash_tiles   64 rows in a block, 16 a warp; pages come to shared memory, the next while one is
 *                 used. For prompts.
 *
 * Either does all ranges of its rows and writes y, or some and leaves each range in a slot;
 * flash_joins puts the slots of a row together. Invariant: all arithmetic is flash_tile.cuh's, and
 * its order is that of positions: groups within a range ascending, then ranges ascending.
 */
#include "cuda/flash_cuda.h"

#include "cuda/flash_tile.cuh"

enum {
    THREADS = 128,
    WARPS = THREADS / CU_WARP,
    RANGE_PAGES = WEIR_CUDA_FLASH_RANGE / FLASH_KEYS,
    PART_PITCH = FLASH_DIMS + 4, /* floats from a row to the next: fewer conflicts of banks */
    PART_SHARE = FLASH_DIMS / 16,
    JOIN_HEADS = THREADS / 16,
    NO_SLOT = WEIR_CUDA_FLASH_NO_SLOT
};
static_assert((int)RANGE_PAGES == (int)WARPS && (int)FLASH_STEPS == (int)WARPS,
              "a warp takes a page of a range, and a step of Q");

struct flash_args {
    weir_cuda_batch batch;
    weir_cuda_kv kv;
    weir_cuda_flash flash;
    const float *q;
    float *y;
    uint32_t n_heads, group; /* group: query heads of a K/V head */
    size_t slot_values;
    float scale; /* log2(e) / sqrt(64) */
};

/* ---- places -------------------------------------------------------------------------------- */

/* An item's rows for one K/V head: row i is head i % group of token i / group. */
struct flash_rows {
    const uint32_t *pages; /* of the timeline */
    size_t k_at, v_at;     /* of the head in a page */
    uint32_t n_rows, n_keys, first_pos, first_head;
};

CU_DEVICE flash_rows rows_of(const flash_args &args, const weir_cuda_flash_item &item) {
    flash_rows rows;
    size_t head_at = blockIdx.y * args.kv.head_stride;
    rows.pages = args.batch.pages + args.batch.chunks[args.batch.chunk_of_row[item.row]].pages_at;
    rows.k_at = args.kv.k_at + head_at;
    rows.v_at = args.kv.v_at + head_at;
    rows.n_rows = item.n_tokens * args.group;
    rows.first_pos = args.batch.pos[item.row];
    rows.n_keys = rows.first_pos + item.n_tokens;
    rows.first_head = blockIdx.y * args.group;
    return rows;
}

CU_DEVICE size_t query_at(const flash_args &args, const flash_rows &rows, uint32_t first_row,
                          uint32_t i) {
    size_t row = first_row + i / args.group;
    return (row * args.n_heads + rows.first_head + i % args.group) * FLASH_DIMS;
}

/* Slot of range r of row i, and the head's place in it. */
CU_DEVICE float *slot_of(const flash_args &args, const weir_cuda_flash_item &item, uint32_t i,
                         uint32_t range) {
    size_t slot = item.slot + (size_t)(i / args.group) * item.slot_stride + range;
    return args.flash.slots + slot * args.slot_values;
}

CU_DEVICE const uint8_t *page_at(const flash_args &args, const flash_rows &rows, uint32_t page) {
    return args.kv.pool + rows.pages[page] * args.kv.page_bytes;
}

/* ---- parts --------------------------------------------------------------------------------- */

/* A page in registers of a warp. In a step of P V lane l brings dimensions 8 (l / 4) and on of four
 * keys; tile i has the dimensions i, 8 + i, 16 + i, ... */
template <uint32_t TYPE> struct part_source {
    enum { BYTES = flash_vector<TYPE>::BYTES };
    const uint8_t *k_page, *v_page;
    uint32_t n_keys; /* of the page that may be read */
    uint4 keys[FLASH_TILES][2], rows[FLASH_STEPS][4];

    static CU_MEMBER uint4 eight(const uint8_t *vector, uint32_t first, bool is_there) {
        uint4 none = {0, 0, 0, 0};
        if (!is_there)
            return none;
        if (TYPE == CU_KV_F16)
            return cu_load_once((const uint4 *)((const uint16_t *)vector + first));
        return flash_eight<TYPE>(vector, first);
    }
    CU_MEMBER void take_keys() {
        uint32_t lane = threadIdx.x % CU_WARP;
#pragma unroll
        for (uint32_t j = 0; j < FLASH_TILES; j++) {
            uint32_t key = 8 * j + lane / 4;
#pragma unroll
            for (uint32_t half = 0; half < 2; half++)
                keys[j][half] =
                    eight(k_page + key * BYTES, 32 * half + 8 * (lane % 4), key < n_keys);
        }
    }
    CU_MEMBER uint4 key(uint32_t j, uint32_t half) const {
        return keys[j][half];
    }
    CU_MEMBER void take_values() {
        uint32_t lane = threadIdx.x % CU_WARP;
#pragma unroll
        for (uint32_t step = 0; step < FLASH_STEPS; step++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++) {
                uint32_t key = 16 * step + 2 * (lane % 4) + i % 2 + 8 * (i / 2);
                rows[step][i] = eight(v_page + key * BYTES, lane / 4 * 8, key < n_keys);
            }
    }
    /* Words w of two keys, each dimensions 2 w and 2 w + 1, into a pair of keys for each. */
    static CU_MEMBER void turn(uint32_t b[FLASH_TILES][2], uint32_t w, uint32_t pair, uint32_t even,
                               uint32_t odd) {
        b[2 * w][pair] = cu_bytes(even, odd, 0x5410);
        b[2 * w + 1][pair] = cu_bytes(even, odd, 0x7632);
    }
    CU_MEMBER void values(uint32_t step, uint32_t b[FLASH_TILES][2]) const {
#pragma unroll
        for (uint32_t pair = 0; pair < 2; pair++) {
            const uint4 even = rows[step][2 * pair], odd = rows[step][2 * pair + 1];
            turn(b, 0, pair, even.x, odd.x);
            turn(b, 1, pair, even.y, odd.y);
            turn(b, 2, pair, even.z, odd.z);
            turn(b, 3, pair, even.w, odd.w);
        }
    }
};

/* A part's values, from fragments to [16 rows, 64]: lane l has of its two rows dimensions
 * 16 (l % 4) and on. */
CU_DEVICE void part_store(const flash_part &part, float *values, float *best, float *sum) {
    uint32_t lane = threadIdx.x % CU_WARP;
#pragma unroll
    for (uint32_t h = 0; h < 2; h++) {
        uint32_t row = lane / 4 + 8 * h;
        float *to = values + row * PART_PITCH + 16 * (lane % 4);
#pragma unroll
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t tile = 4 * (i % 2), e = 2 * h + i / 2;
            *(float4 *)(to + 4 * i) = {part.values[tile][e], part.values[tile + 1][e],
                                       part.values[tile + 2][e], part.values[tile + 3][e]};
        }
        if (lane % 4 == 0)
            best[row] = part.best[h], sum[row] = part.sum[h];
    }
}

/* Four dimensions of one row: what a thread joins. */
struct part_seen {
    float best, sum, value[PART_SHARE];
};

CU_DEVICE void seen_clear(part_seen *seen) {
    seen->best = -INFINITY, seen->sum = 0.0f;
#pragma unroll
    for (uint32_t i = 0; i < PART_SHARE; i++)
        seen->value[i] = 0.0f;
}

CU_DEVICE void seen_join(part_seen *seen, float best, float sum, float4 value) {
    flash_shares shares = flash_join(&seen->best, &seen->sum, best, sum);
    seen->value[0] = flash_add(shares, seen->value[0], value.x);
    seen->value[1] = flash_add(shares, seen->value[1], value.y);
    seen->value[2] = flash_add(shares, seen->value[2], value.z);
    seen->value[3] = flash_add(shares, seen->value[3], value.w);
}

CU_DEVICE float4 seen_values(const part_seen &seen) {
    return {seen.value[0], seen.value[1], seen.value[2], seen.value[3]};
}

CU_DEVICE void seen_finish(const part_seen &seen, float *y) {
    *(float4 *)y = {seen.value[0] / seen.sum, seen.value[1] / seen.sum, seen.value[2] / seen.sum,
                    seen.value[3] / seen.sum};
}

/* The block's 16 rows of Q in fragments, which all warps use, and what each warp found. */
struct part_memory {
    uint4 query[FLASH_STEPS][CU_WARP];
    float values[WARPS][FLASH_ROWS * PART_PITCH], best[WARPS][FLASH_ROWS], sum[WARPS][FLASH_ROWS];
};

struct part_query {
    const part_memory *memory;
    CU_MEMBER void step(uint32_t i, uint32_t a[4]) const {
        uint4 four = memory->query[i][threadIdx.x % CU_WARP];
        a[0] = four.x, a[1] = four.y, a[2] = four.z, a[3] = four.w;
    }
};

/* The groups of a range joined for row i, dimensions `first` and on, and what was seen or the slot
 * takes the result. */
CU_DEVICE void part_join(const flash_args &args, const weir_cuda_flash_item &item,
                         const flash_rows &rows, const part_memory &memory, uint32_t i,
                         uint32_t first, uint32_t range, part_seen *total) {
    uint32_t pos = rows.first_pos + i / args.group;
    if (range * WEIR_CUDA_FLASH_RANGE > pos)
        return;
    part_seen seen;
    seen_clear(&seen);
#pragma unroll
    for (uint32_t w = 0; w < RANGE_PAGES; w++)
        if (range * WEIR_CUDA_FLASH_RANGE + w * FLASH_KEYS <= pos)
            seen_join(&seen, memory.best[w][i], memory.sum[w][i],
                      *(const float4 *)(memory.values[w] + i * PART_PITCH + first));
    if (item.slot == NO_SLOT) {
        seen_join(total, seen.best, seen.sum, seen_values(seen));
        return;
    }
    float *slot = slot_of(args, item, i, range);
    uint32_t head = rows.first_head + i % args.group;
    *(float4 *)(slot + head * FLASH_DIMS + first) = seen_values(seen);
    if (first == 0) {
        slot[args.n_heads * FLASH_DIMS + 2 * head] = seen.best;
        slot[args.n_heads * FLASH_DIMS + 2 * head + 1] = seen.sum;
    }
}

/* Block x, y: items x, x + gridDim.x, ..., K/V head y. */
template <uint32_t TYPE> CU_KERNEL_AT(THREADS, 2) flash_parts(flash_args args) {
    CU_SHARED(part_memory, memory, [1]);
    uint32_t warp = threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP;
    /* who joins: rows threadIdx.x / 16 and + 8, four dimensions of each */
    uint32_t joined = threadIdx.x / 16, first = threadIdx.x % 16 * PART_SHARE;
    for (uint32_t at = blockIdx.x; at < args.flash.counts->n_parts; at += gridDim.x) {
        const weir_cuda_flash_item item = args.flash.items[at];
        const flash_rows rows = rows_of(args, item);
        uint32_t pos[2];
        part_seen total[2];
#pragma unroll
        for (uint32_t h = 0; h < 2; h++) {
            uint32_t i = lane / 4 + 8 * h;
            pos[h] = i < rows.n_rows ? rows.first_pos + i / args.group : rows.n_keys - 1;
            seen_clear(&total[h]);
        }
        /* each warp makes one step of the four */
        uint32_t a[4];
#pragma unroll
        for (uint32_t h = 0; h < 2; h++) {
            uint32_t i = lane / 4 + 8 * h;
            flash_query_row(i < rows.n_rows ? args.q + query_at(args, rows, item.row, i) : NULL,
                            warp, h, args.scale, a);
        }
        memory[0].query[warp][lane] = {a[0], a[1], a[2], a[3]};
        cu_sync();
        for (uint32_t range = item.first_range; range < item.first_range + item.n_ranges; range++) {
            uint32_t page = range * RANGE_PAGES + warp, begin = page * FLASH_KEYS;
            if (begin < rows.n_keys) {
                const uint8_t *stored = page_at(args, rows, page);
                part_source<TYPE> from;
                from.k_page = stored + rows.k_at;
                from.v_page = stored + rows.v_at;
                from.n_keys = rows.n_keys - begin;
                from.take_keys();
                const int32_t last[2] = {(int32_t)(pos[0] - begin), (int32_t)(pos[1] - begin)};
                flash_part part;
                flash_group(part_query{memory}, &from, last,
                            begin + FLASH_KEYS - 1 <= rows.first_pos, &part);
                part_store(part, memory[0].values[warp], memory[0].best[warp], memory[0].sum[warp]);
            }
            cu_sync();
#pragma unroll
            for (uint32_t h = 0; h < 2; h++)
                if (joined + 8 * h < rows.n_rows)
                    part_join(args, item, rows, memory[0], joined + 8 * h, first, range, &total[h]);
            cu_sync();
        }
#pragma unroll
        for (uint32_t h = 0; h < 2; h++) {
            uint32_t i = joined + 8 * h;
            if (item.slot == NO_SLOT && i < rows.n_rows)
                seen_finish(total[h], args.y + query_at(args, rows, item.row, i) + first);
        }
    }
}

/* ---- joins --------------------------------------------------------------------------------- */

/* Block x, y: rows of joins x, x + gridDim.x, ..., heads 8 y and on, 16 threads each. */
CU_KERNEL(THREADS) flash_joins(flash_args args) {
    uint32_t head = blockIdx.y * JOIN_HEADS + threadIdx.x / 16;
    uint32_t first = threadIdx.x % 16 * PART_SHARE;
    size_t stride = args.slot_values;
    if (head >= args.n_heads)
        return;
    for (uint32_t at = blockIdx.x; at < args.flash.counts->n_joins; at += gridDim.x) {
        const weir_cuda_flash_join join = args.flash.joins[at];
        uint32_t n_ranges = args.batch.pos[join.row] / WEIR_CUDA_FLASH_RANGE + 1;
        const float *slot = args.flash.slots + join.slot * stride;
        const float *values = slot + head * FLASH_DIMS + first;
        const float *sums = slot + args.n_heads * FLASH_DIMS + 2 * head;
        part_seen seen;
        seen_clear(&seen);
#pragma unroll 8
        for (uint32_t range = 0; range < n_ranges; range++)
            seen_join(&seen, sums[range * stride], sums[range * stride + 1],
                      *(const float4 *)(values + range * stride));
        seen_finish(seen, args.y + ((size_t)join.row * args.n_heads + head) * FLASH_DIMS + first);
    }
}

/* ---- tiles --------------------------------------------------------------------------------- */

/* K and V of a page in shared memory, 16 bytes of a row (a piece of eight dimensions) a place. */
struct tile_page {
    uint4 k[FLASH_KEYS][FLASH_TILES], v[FLASH_KEYS][FLASH_TILES];
};

/* Where piece `piece` of row `key` lies: what a word of the warp reads at once lies in different
 * banks, both for eight pieces in one place of eight rows and for four in two rows. */
CU_DEVICE uint32_t piece_at(uint32_t key, uint32_t piece) {
    return piece ^ ((key & 1) << 2 | (key >> 1 & 3));
}

struct tile_query {
    uint32_t a[FLASH_STEPS][4];
    CU_MEMBER void step(uint32_t i, uint32_t to[4]) const {
#pragma unroll
        for (uint32_t e = 0; e < 4; e++)
            to[e] = a[i][e];
    }
};

/* Tile i of P V has the dimensions 8 i and on. */
struct tile_source {
    const tile_page *page;

    CU_MEMBER uint4 key(uint32_t j, uint32_t half) const {
        uint32_t lane = threadIdx.x % CU_WARP, row = 8 * j + lane / 4;
        return page->k[row][piece_at(row, 4 * half + lane % 4)];
    }
    CU_MEMBER void take_values() const {
    }
    CU_MEMBER void values(uint32_t step, uint32_t b[FLASH_TILES][2]) const {
        uint32_t lane = threadIdx.x % CU_WARP, row = 16 * step + lane % 16;
#pragma unroll
        for (uint32_t i = 0; i < FLASH_TILES; i += 2) {
            uint32_t four[4];
            cu_ldmatrix_x4_trans(four, &page->v[row][piece_at(row, i + lane / 16)]);
            b[i][0] = four[0], b[i][1] = four[1];
            b[i + 1][0] = four[2], b[i + 1][1] = four[3];
        }
    }
};

/* Brings a page, its keys below n_keys, zeros for the others; as one group of copies. */
template <uint32_t TYPE>
CU_DEVICE void tile_bring(const flash_args &args, const flash_rows &rows, uint32_t page,
                          tile_page *to) {
    const uint8_t *stored = page_at(args, rows, page);
    uint32_t n_keys = rows.n_keys - page * FLASH_KEYS;
#pragma unroll(TYPE == CU_KV_F16 ? 4 : 1)
    for (uint32_t i = threadIdx.x; i < FLASH_KEYS * FLASH_TILES; i += THREADS) {
        uint32_t key = i / FLASH_TILES, piece = i % FLASH_TILES, place = piece_at(key, piece);
        const uint8_t *k = stored + rows.k_at + key * flash_vector<TYPE>::BYTES;
        const uint8_t *v = stored + rows.v_at + key * flash_vector<TYPE>::BYTES;
        if (TYPE == CU_KV_F16) {
            cu_copy_16(&to->k[key][place], k + 16 * piece, key < n_keys);
            cu_copy_16(&to->v[key][place], v + 16 * piece, key < n_keys);
        } else {
            const uint4 none = {0, 0, 0, 0};
            to->k[key][place] = key < n_keys ? flash_eight<TYPE>(k, 8 * piece) : none;
            to->v[key][place] = key < n_keys ? flash_eight<TYPE>(v, 8 * piece) : none;
        }
    }
    cu_copy_commit();
}

/* What was seen of all ranges: a thread's values in its own column of shared memory, used once a
 * range. */
struct tile_total {
    float best[2], sum[2];
};

CU_DEVICE void tile_join(flash_part *seen, const flash_part &part, const bool is_seen[2]) {
#pragma unroll
    for (uint32_t h = 0; h < 2; h++) {
        if (!is_seen[h])
            continue;
        flash_shares shares = flash_join(&seen->best[h], &seen->sum[h], part.best[h], part.sum[h]);
#pragma unroll
        for (uint32_t i = 0; i < FLASH_TILES; i++)
#pragma unroll
            for (uint32_t e = 2 * h; e < 2 * h + 2; e++)
                seen->values[i][e] = flash_add(shares, seen->values[i][e], part.values[i][e]);
    }
}

/* The end of a range: behind what was seen of the others, or into its slot. row[h]: of this lane.
 */
CU_DEVICE void tile_end_range(const flash_args &args, const weir_cuda_flash_item &item,
                              const flash_rows &rows, const uint32_t row[2], const bool is_seen[2],
                              uint32_t range, const flash_part &seen, tile_total *total,
                              float (*values)[THREADS]) {
#pragma unroll
    for (uint32_t h = 0; h < 2; h++) {
        if (!is_seen[h])
            continue;
        if (item.slot == NO_SLOT) {
            flash_shares shares =
                flash_join(&total->best[h], &total->sum[h], seen.best[h], seen.sum[h]);
#pragma unroll
            for (uint32_t i = 0; i < FLASH_TILES; i++)
#pragma unroll
                for (uint32_t e = 2 * h; e < 2 * h + 2; e++) {
                    float *to = &values[4 * i + e][threadIdx.x];
                    *to = flash_add(shares, *to, seen.values[i][e]);
                }
        } else if (row[h] < rows.n_rows) {
            float *slot = slot_of(args, item, row[h], range);
            uint32_t head = rows.first_head + row[h] % args.group, first = 2 * (threadIdx.x % 4);
#pragma unroll
            for (uint32_t i = 0; i < FLASH_TILES; i++) {
                float *to = slot + head * FLASH_DIMS + 8 * i + first;
                to[0] = seen.values[i][2 * h], to[1] = seen.values[i][2 * h + 1];
            }
            if (first == 0) {
                slot[args.n_heads * FLASH_DIMS + 2 * head] = seen.best[h];
                slot[args.n_heads * FLASH_DIMS + 2 * head + 1] = seen.sum[h];
            }
        }
    }
}

CU_DEVICE void tile_finish(const flash_args &args, const weir_cuda_flash_item &item,
                           const flash_rows &rows, const uint32_t row[2], const tile_total &total,
                           const float (*values)[THREADS]) {
#pragma unroll
    for (uint32_t h = 0; h < 2; h++) {
        if (row[h] >= rows.n_rows)
            continue;
        float *y = args.y + query_at(args, rows, item.row, row[h]) + 2 * (threadIdx.x % 4);
#pragma unroll
        for (uint32_t i = 0; i < 2 * FLASH_TILES; i++)
            y[i / 2 * 8 + i % 2] = values[i / 2 * 4 + 2 * h + i % 2][threadIdx.x] / total.sum[h];
    }
}

/* Block x, y: items x, x + gridDim.x, ..., K/V head y. Warp w has rows 16 w and on. */
template <uint32_t TYPE> CU_KERNEL_AT(THREADS, 2) flash_tiles(flash_args args) {
    CU_SHARED(tile_page, pages, [2]);
    CU_SHARED(float, values, [4 * FLASH_TILES][THREADS]);
    uint32_t first_row = threadIdx.x / CU_WARP * FLASH_ROWS, lane = threadIdx.x % CU_WARP;
    const uint32_t row[2] = {first_row + lane / 4, first_row + lane / 4 + 8};
    for (uint32_t at = blockIdx.x; at < args.flash.counts->n_tiles; at += gridDim.x) {
        const weir_cuda_flash_item item = args.flash.items[args.flash.counts->n_parts + at];
        const flash_rows rows = rows_of(args, item);
        uint32_t first = item.first_range * RANGE_PAGES;
        uint32_t n_pages = (rows.n_keys + FLASH_KEYS - 1) / FLASH_KEYS;
        uint32_t end = cu_min(first + item.n_ranges * RANGE_PAGES, n_pages);
        /* of the warp: its first row's, and whether it has rows */
        uint32_t least = rows.first_pos + first_row / args.group;
        bool has_rows = first_row < rows.n_rows;
        tile_query query;
        uint32_t pos[2];
        tile_total total;
        flash_part seen;
#pragma unroll
        for (uint32_t h = 0; h < 2; h++) {
            bool is_row = row[h] < rows.n_rows;
            const float *from = is_row ? args.q + query_at(args, rows, item.row, row[h]) : NULL;
#pragma unroll
            for (uint32_t step = 0; step < FLASH_STEPS; step++)
                flash_query_row(from, step, h, args.scale, query.a[step]);
            pos[h] = is_row ? rows.first_pos + row[h] / args.group : rows.n_keys - 1;
            total.best[h] = -INFINITY, total.sum[h] = 0.0f;
        }
#pragma unroll
        for (uint32_t i = 0; i < 4 * FLASH_TILES; i++)
            values[i][threadIdx.x] = 0.0f;
        flash_clear(&seen);
        tile_bring<TYPE>(args, rows, first, &pages[first % 2]);
        for (uint32_t page = first; page < end; page++) {
            uint32_t begin = page * FLASH_KEYS, range = page / RANGE_PAGES;
            cu_copy_wait<0>();
            cu_sync(); /* all of this page is there, and nobody reads the one before any more */
            if (page + 1 < end)
                tile_bring<TYPE>(args, rows, page + 1, &pages[(page + 1) % 2]);
            if (has_rows) {
                const int32_t last[2] = {(int32_t)(pos[0] - begin), (int32_t)(pos[1] - begin)};
                const bool is_seen[2] = {last[0] >= 0, last[1] >= 0};
                tile_source from = {&pages[page % 2]};
                flash_part part;
                flash_group(query, &from, last, begin + FLASH_KEYS - 1 <= least, &part);
                tile_join(&seen, part, is_seen);
            }
            if (page % RANGE_PAGES == RANGE_PAGES - 1 || page + 1 == end) {
                uint32_t range_at = range * WEIR_CUDA_FLASH_RANGE;
                const bool is_seen[2] = {has_rows && pos[0] >= range_at,
                                         has_rows && pos[1] >= range_at};
                tile_end_range(args, item, rows, row, is_seen, range, seen, &total, values);
                flash_clear(&seen);
            }
        }
        if (item.slot == NO_SLOT)
            tile_finish(args, item, rows, row, total, values);
        cu_sync(); /* the next item's pages come where the last one's were read */
    }
}

/* ---- launches ------------------------------------------------------------------------------ */

template <uint32_t TYPE>
static void flash_launch(weir_cuda_stream *stream, const flash_args &args) {
    const weir_cuda_flash_counts &n = args.flash.launched;
    if (n.n_tiles > 0)
        CU_LAUNCH((flash_tiles<TYPE>), dim3(n.n_tiles, args.kv.n_heads_kv), THREADS, stream, args);
    if (n.n_parts > 0)
        CU_LAUNCH((flash_parts<TYPE>), dim3(n.n_parts, args.kv.n_heads_kv), THREADS, stream, args);
    if (n.n_joins > 0)
        CU_LAUNCH(flash_joins, dim3(n.n_joins, cu_parts(args.n_heads, JOIN_HEADS)), THREADS, stream,
                  args);
}

int weir_cuda_has_flash(const weir_cuda_kv *kv, uint32_t n_heads) {
    uint32_t group = n_heads / kv->n_heads_kv;
    return kv->head_dim == FLASH_DIMS && kv->page_tokens == FLASH_KEYS &&
           n_heads % kv->n_heads_kv == 0 && group <= WEIR_CUDA_FLASH_PART_ROWS &&
           kv->type <= CU_KV_Q8;
}

void weir_cuda_run_flash(weir_cuda_stream *stream, const weir_cuda_batch *batch,
                         const weir_cuda_kv *kv, const weir_cuda_flash *flash, const float *q,
                         uint32_t n_heads, float *y) {
    const double log2_e = 1.44269504088896340736;
    flash_args args = {*batch,
                       *kv,
                       *flash,
                       q,
                       y,
                       n_heads,
                       n_heads / kv->n_heads_kv,
                       weir_cuda_flash_slot_values(n_heads),
                       (float)(log2_e / sqrt((double)FLASH_DIMS))};
    if (kv->type == CU_KV_F32)
        flash_launch<CU_KV_F32>(stream, args);
    else if (kv->type == CU_KV_F16)
        flash_launch<CU_KV_F16>(stream, args);
    else
        flash_launch<CU_KV_Q8>(stream, args);
}
