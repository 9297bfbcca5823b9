/*
 * test_cuda_emulator.cpp: the emulator itself: words of the warp and the block do what CUDA says,
 * and what it promises to catch is caught: a missing barrier, a divergent one, shared memory read
 * before it was written, a load out of bounds, a load that is not aligned.
 */
#include "cuda_test.h"

#include "cuda/cuda_words.cuh"

enum { THREADS = 96 };

CU_KERNEL(THREADS) words(uint32_t *sums, uint32_t *ballots, uint32_t *shifted) {
    uint32_t lane = threadIdx.x % CU_WARP, sum = threadIdx.x;
    for (uint32_t mask = CU_WARP / 2; mask; mask >>= 1)
        sum += cu_shuffle_xor(sum, mask);
    sums[threadIdx.x] = sum;
    ballots[threadIdx.x] = cu_ballot(lane % 3 == 0);
    shifted[threadIdx.x] = cu_shuffle(threadIdx.x, (lane + 5) % CU_WARP);
}

/* Every thread reads what another warp wrote, ROUNDS times over. */
CU_KERNEL(THREADS) pass_on(uint32_t *out, bool has_first, bool has_second) {
    enum { ROUNDS = 5 };
    CU_SHARED(uint32_t, box, [THREADS]);
    uint32_t value = threadIdx.x;
    for (int i = 0; i < ROUNDS; i++) {
        box[threadIdx.x] = value;
        if (has_first)
            cu_sync();
        value = box[(threadIdx.x + CU_WARP) % THREADS] + 1;
        if (has_second)
            cu_sync();
    }
    out[blockIdx.x * THREADS + threadIdx.x] = value;
}

CU_KERNEL(THREADS) half_arrives(void) {
    if (threadIdx.x < THREADS / 2)
        cu_sync();
}

CU_KERNEL(THREADS) two_places(void) {
    if (threadIdx.x < THREADS / 2)
        cu_sync();
    else
        cu_sync();
}

CU_KERNEL(THREADS) lane_is_missing(uint32_t *out) {
    if (threadIdx.x > 0)
        out[threadIdx.x] = cu_shuffle(threadIdx.x, 0);
}

CU_KERNEL(THREADS) read_at(const uint32_t *from, size_t at, uint32_t *out) {
    if (threadIdx.x == 0)
        *out = cu_load((const uint32_t *)((const char *)from + at));
}

CU_KERNEL(THREADS) read_unwritten(float *out) {
    CU_SHARED(float, box, [THREADS]);
    if (threadIdx.x != 7)
        box[threadIdx.x] = 1.0f;
    cu_sync();
    out[threadIdx.x] = box[threadIdx.x];
}

static void test_words(void) {
    gpu_buffer<uint32_t> sums(THREADS), ballots(THREADS), shifted(THREADS);
    CU_LAUNCH(words, dim3(1), THREADS, nullptr, sums.p, ballots.p, shifted.p);
    for (uint32_t t = 0; t < THREADS; t++) {
        uint32_t first = t / CU_WARP * CU_WARP;
        check(sums[t] == CU_WARP * first + 496, "shuffle_xor", "");
        check(ballots[t] == 0x49249249, "ballot", "");
        check(shifted[t] == first + (t % CU_WARP + 5) % CU_WARP, "shuffle", "");
    }
}

/* Is the answer right under this seed? */
static bool passes_on(uint64_t seed, bool has_first, bool has_second) {
    enum { BLOCKS = 2 };
    gpu_buffer<uint32_t> out(BLOCKS * THREADS);
    weir_emulator_seed = seed;
    CU_LAUNCH(pass_on, dim3(BLOCKS), THREADS, nullptr, out.p, has_first, has_second);
    for (uint32_t i = 0; i < BLOCKS * THREADS; i++)
        if (out[i] != (i % THREADS + 5 * CU_WARP) % THREADS + 5)
            return false;
    return true;
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    test_words();
    for (uint64_t seed = 1; seed <= 8; seed++) {
        check(passes_on(seed, true, true), "barriers", "");
        check(!passes_on(seed, false, true), "a missing first barrier is not seen", "");
        check(!passes_on(seed, true, false), "a missing second barrier is not seen", "");
    }
    gpu_buffer<uint32_t> in(4), out(THREADS);
    gpu_buffer<float> values(THREADS);
    check(ends([] { CU_LAUNCH(half_arrives, dim3(1), THREADS, nullptr); }),
          "a barrier half of the threads reach is not seen", "");
    check(ends([] { CU_LAUNCH(two_places, dim3(1), THREADS, nullptr); }),
          "barriers at two places are not seen", "");
    check(ends([&] { CU_LAUNCH(lane_is_missing, dim3(1), THREADS, nullptr, out.p); }),
          "a missing lane is not seen", "");
    check(ends([&] { CU_LAUNCH(read_at, dim3(1), THREADS, nullptr, in.p, 16, out.p); }),
          "a load out of bounds is not seen", "");
    check(ends([&] { CU_LAUNCH(read_at, dim3(1), THREADS, nullptr, in.p, 2, out.p); }),
          "a load that is not aligned is not seen", "");
    check(!ends([&] { CU_LAUNCH(read_at, dim3(1), THREADS, nullptr, in.p, 12, out.p); }),
          "a good load", "");
    CU_LAUNCH(read_unwritten, dim3(1), THREADS, nullptr, values.p);
    check(isnan(values[7]) && values[8] == 1.0f, "shared memory before it is written", "");
    return test_end();
}
