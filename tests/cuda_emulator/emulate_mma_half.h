/*
 * emulate_mma_half.h: the words of src/cuda/flash_mma.cuh for g++, beside emulate_mma.h, whose
 * letters they use. Float16 rounds as base/half.h does; the power of two is the C library's, with
 * results below the least normal number put to zero as a device does it.
 */
#ifndef WEIR_TESTS_EMULATE_MMA_HALF_H
#define WEIR_TESTS_EMULATE_MMA_HALF_H

#include <emulate_mma.h>

namespace weir_emulator {

inline float half_value(uint32_t pair, uint32_t which) {
    return weir_f16_to_f32((uint16_t)(which ? pair >> 16 : pair));
}

inline void mma_half(float d[4], const uint32_t a[4], const uint32_t b[2], int site) {
    uint32_t me = block->current, lane = me % LANES;
    const Letter *from = letters + me / LANES * LANES;
    memcpy(letters[me].words, a, 16);
    memcpy(letters[me].words + 4, b, 8);
    sync_warp(site);
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
        double sum = d[i];
        for (uint32_t k = 0; k < 16; k++) {
            uint32_t member = k % 8 / 2, half = k / 8;
            uint32_t left = from[4 * (row % 8) + member].words[row / 8 + 2 * half];
            uint32_t right = from[4 * column + member].words[4 + half];
            sum += (double)half_value(left, k % 2) * (double)half_value(right, k % 2);
        }
        d[i] = (float)sum;
    }
    sync_warp(site);
}

} // namespace weir_emulator

#define cu_mma_half(d, a, b) weir_emulator::mma_half(d, a, b, __LINE__)

CU_DEVICE uint32_t cu_pair_half(float low, float high) {
    return weir_f32_to_f16(low) | (uint32_t)weir_f32_to_f16(high) << 16;
}

CU_DEVICE uint32_t cu_half_sub(uint32_t a, uint32_t b) {
    using weir_emulator::half_value;
    return cu_pair_half(half_value(a, 0) - half_value(b, 0), half_value(a, 1) - half_value(b, 1));
}

CU_DEVICE uint32_t cu_half_mul(uint32_t a, uint32_t b) {
    using weir_emulator::half_value;
    return cu_pair_half(half_value(a, 0) * half_value(b, 0), half_value(a, 1) * half_value(b, 1));
}

CU_DEVICE uint32_t cu_bytes(uint32_t low, uint32_t high, uint32_t selector) {
    uint64_t both = (uint64_t)high << 32 | low;
    uint32_t result = 0;
    for (uint32_t i = 0; i < 4; i++)
        result |= (uint32_t)(both >> 8 * (selector >> 4 * i & 7) & 255) << 8 * i;
    return result;
}

CU_DEVICE float cu_exp2(float x) {
    float power = exp2f(x);
    return power < 0x1p-126f ? 0.0f : power;
}

#endif
