/*
 * emulate_mma.h: the words of src/cuda/cuda_mma.cuh for g++, on the fibers of cuda_emulator.h.
 *
 * Words of the warp are exchanges of all its lanes. A copy is as late as it can be: what stood in
 * shared memory is gone (NaN) when it is asked for, and the bytes come when its thread waits for
 * their group; a fiber that ends with copies under way ends the program. So a missing wait, a
 * missing barrier behind it, and a copy over what others still read all show. Addresses that are
 * not aligned, or not in shared memory where they must be, end the program too.
 *
 * A product is summed in double and rounded once: nearer to the exact sum than a device, whose
 * rounding is its own.
 */
#ifndef WEIR_TESTS_EMULATE_MMA_H
#define WEIR_TESTS_EMULATE_MMA_H

#include <cuda_emulator.h>

namespace weir_emulator {

struct Letter {
    uint32_t words[6];
};
inline thread_local Letter letters[1024];
inline thread_local const void *rows_named[1024];

inline float pair_value(uint32_t pair, uint32_t which) {
    return weir_bits_f32(which ? pair & 0xffff0000u : pair << 16);
}

/* The block's shared memory beyond 48 KiB, of a launch that has it (emulate_wgmma.h). */
struct Window {
    unsigned char *begin, *end;
};
inline thread_local Window large_window;

inline void want_shared(const void *at, int site) {
    const unsigned char *p = (const unsigned char *)at;
    if ((uintptr_t)p % 16 != 0)
        fail("an address that is not a multiple of 16", site, 0);
    bool is_small = p >= block->shared_bytes && p + 16 <= block->shared_bytes + block->shared_used;
    if (!is_small && (p < large_window.begin || p + 16 > large_window.end))
        fail("an address outside the block's shared memory", site, 0);
}

/* Row `row` of A as the letters of a warp have it, or column `row` of B. */
inline void fragment_row(const Letter *from, uint32_t row, bool is_b, float values[16]) {
    for (uint32_t k = 0; k < 16; k += 2) {
        const uint32_t *words = from[4 * (row % 8) + k % 8 / 2].words;
        uint32_t pair = is_b ? words[4 + k / 8] : words[row / 8 + k / 8 * 2];
        values[k] = pair_value(pair, 0);
        values[k + 1] = pair_value(pair, 1);
    }
}

inline void mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2], int site) {
    uint32_t me = block->current, lane = me % LANES;
    const Letter *from = letters + me / LANES * LANES;
    float left[2][16], right[2][16];
    memcpy(letters[me].words, a, 16);
    memcpy(letters[me].words + 4, b, 8);
    sync_warp(site);
    for (uint32_t i = 0; i < 2; i++) {
        fragment_row(from, lane / 4 + 8 * i, false, left[i]);
        fragment_row(from, 2 * (lane % 4) + i, true, right[i]);
    }
    sync_warp(site);
    for (uint32_t i = 0; i < 4; i++) {
        double sum = d[i];
        for (uint32_t k = 0; k < 16; k++)
            sum += (double)left[i / 2][k] * (double)right[i % 2][k];
        d[i] = (float)sum;
    }
}

inline void ldmatrix_x4(uint32_t to[4], const void *shared_row, bool is_transposed, int site) {
    uint32_t me = block->current, lane = me % LANES, group = lane / 4, member = lane % 4;
    const void *const *rows = rows_named + me / LANES * LANES;
    want_shared(shared_row, site);
    rows_named[me] = shared_row;
    sync_warp(site);
    for (uint32_t m = 0; m < 4; m++) {
        uint32_t value[2];
        for (uint32_t i = 0; i < 2; i++) {
            uint32_t row = is_transposed ? 2 * member + i : group;
            uint32_t column = is_transposed ? group : 2 * member + i;
            uint16_t bits;
            memcpy(&bits, (const unsigned char *)rows[8 * m + row] + 2 * column, sizeof bits);
            value[i] = bits;
        }
        to[m] = value[0] | value[1] << 16;
    }
    sync_warp(site);
}

inline void copy_part(void *shared, const void *from, uint32_t n_bytes) {
    Fiber &f = block->fibers[block->current];
    want_shared(shared, 0);
    if (n_bytes > 16 || (n_bytes > 0 && (uintptr_t)from % 16 != 0))
        fail("a copy of more than 16 bytes or from an address that is not a multiple of 16", 0, 0);
    memset(shared, 0xff, 16);
    f.copies.push_back({shared, from, n_bytes, f.n_committed});
}

inline void copy_wait(uint32_t n_under_way) {
    Fiber &f = block->fibers[block->current];
    size_t n_kept = 0;
    for (const Copy &c : f.copies) {
        if (c.group + n_under_way >= f.n_committed) {
            f.copies[n_kept++] = c;
            continue;
        }
        memset(c.to, 0, 16);
        if (c.n_bytes > 0)
            memcpy(c.to, c.from, c.n_bytes);
    }
    f.copies.resize(n_kept);
}

} // namespace weir_emulator

#define cu_mma_bf16(d, a, b)          weir_emulator::mma_bf16(d, a, b, __LINE__)
#define cu_ldmatrix_x4(to, row)       weir_emulator::ldmatrix_x4(to, row, false, __LINE__)
#define cu_ldmatrix_x4_trans(to, row) weir_emulator::ldmatrix_x4(to, row, true, __LINE__)

CU_DEVICE void cu_copy_part(void *shared, const void *from, uint32_t n_bytes) {
    weir_emulator::copy_part(shared, from, n_bytes);
}

CU_DEVICE void cu_copy_commit() {
    weir_emulator::block->fibers[weir_emulator::block->current].n_committed++;
}

template <int N> CU_DEVICE void cu_copy_wait() {
    weir_emulator::copy_wait(N);
}

CU_DEVICE uint16_t cu_float_bf16(float value) {
    return weir_f32_to_bf16(value);
}

CU_DEVICE uint32_t cu_pair_bf16(float low, float high) {
    return weir_f32_to_bf16(low) | (uint32_t)weir_f32_to_bf16(high) << 16;
}

CU_DEVICE uint4 cu_load_once(const uint4 *from) {
    return cu_load(from);
}

#endif
