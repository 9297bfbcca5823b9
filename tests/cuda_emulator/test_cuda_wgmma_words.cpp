/*
 * test_cuda_wgmma_words.cpp: every word of cuda_wgmma.cuh against its definition in plain C++:
 * products of a warpgroup with all widths and swizzles of B, bulk copies and their barriers in a
 * ring of several phases. With g++ it holds the emulator to the definition; compiled by nvcc for
 * sm_90a it holds the device to it. On other devices: skipped.
 */
#include "cuda_test_wgmma.h"

#include "base/half.h"
#include "cuda/cuda_wgmma.cuh"

enum { M = 64, STEP_COLS = 16, BLOCK_COLS = 64, N_STEPS = BLOCK_COLS / STEP_COLS };

/* ---- products ------------------------------------------------------------------------------- */

struct product_shared {
    uint16_t
        b[128 * BLOCK_COLS]; /* of 32, 64 or 128 bytes a row, or pieces of 8 rows by 16 bytes */
    float sink;
};

struct product_args {
    const uint32_t *a;   /* [64, 16 n_steps] of pairs */
    const uint16_t *b;   /* as it is to lie in shared memory */
    const float *c;      /* [64, N] */
    float *d;            /* [64, N] */
    uint64_t descriptor; /* without the address */
    uint32_t n_steps, step_bytes;
    bool has_sum; /* of the first step: c counts */
};

template <uint32_t N> CU_KERNEL(CU_WARPGROUP) multiply(product_args args) {
#if CU_HAS_WGMMA
    CU_SHARED_LARGE(product_shared, shared);
    uint32_t warp = threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP, pairs = args.n_steps * 8;
    for (uint32_t i = threadIdx.x; i < N * STEP_COLS * args.n_steps; i += CU_WARPGROUP)
        shared.b[i] = args.b[i];
    cu_async_fence();
    cu_sync();
    uint32_t row = 16 * warp + lane / 4, col = 2 * (lane % 4), a[N_STEPS][4];
    float d[N / 2];
#pragma unroll
    for (uint32_t i = 0; i < N / 2; i++)
        d[i] = args.c[(row + i / 2 % 2 * 8) * N + i / 4 * 8 + col + i % 2];
#pragma unroll
    for (uint32_t s = 0; s < N_STEPS; s++)
#pragma unroll
        for (uint32_t i = 0; i < 4; i++)
            a[s][i] = s < args.n_steps
                          ? args.a[(row + i % 2 * 8) * pairs + 8 * s + i / 2 * 4 + lane % 4]
                          : 0;
    uint64_t b = args.descriptor | cu_shared_address(shared.b) >> 4;
    cu_wgmma_begin();
#pragma unroll
    for (uint32_t s = 0; s < N_STEPS; s++)
        if (s < args.n_steps)
            cu_wgmma<N>(d, a[s], b + s * (args.step_bytes >> 4), args.has_sum || s > 0);
    cu_wgmma_commit();
    cu_wgmma_wait(d);
#pragma unroll
    for (uint32_t i = 0; i < N / 2; i++)
        args.d[(row + i / 2 % 2 * 8) * N + i / 4 * 8 + col + i % 2] = d[i];
#endif
}

/* Where 16 bytes number `chunk` of a row of `row_bytes` lie, as the pictures of the PTX ISA have
 * it: in each 128 bytes the chunks of row r change places with those at a distance. */
static size_t chunk_at(uint32_t row_bytes, uint32_t row, uint32_t chunk) {
    switch (row_bytes) {
    case 128:
        return row * 8 + (chunk ^ row % 8);
    case 64: /* two rows in 128 bytes */
        return row * 4 + (chunk ^ row / 2 % 4);
    case 32: /* four rows */
        return row * 2 + (chunk ^ row / 4 % 2);
    default: /* pieces of 8 rows, all of K first */
        return row / 8 * 16 + chunk * 8 + row % 8;
    }
}

/* The swizzle's number, and strides between pieces along K and between groups of 8 rows. */
static uint64_t descriptor_of(uint32_t row_bytes) {
    uint64_t mode = row_bytes == 128 ? 1 : row_bytes == 64 ? 2 : row_bytes == 32 ? 3 : 0;
    uint64_t leading = mode == 0 ? 128 : 16, stride = mode == 0 ? 256 : row_bytes * 8;
    return leading >> 4 << 16 | stride >> 4 << 32 | mode << 62;
}

static float draw(bool is_whole) {
    return is_whole ? (float)test_below(17) - 8 : test_normal();
}

/* Small whole numbers have one answer, to the bit; for others see test_cuda_mma.cpp. */
template <uint32_t N> static void test_product(uint32_t row_bytes, bool is_whole, bool has_sum) {
    uint32_t n_steps = row_bytes ? row_bytes / 32 : 1, k_all = n_steps * STEP_COLS;
    gpu_buffer<uint16_t> a(M * k_all), b(N * k_all);
    gpu_buffer<float> c(M * N), d(M * N), in_b(N * k_all);
    for (size_t i = 0; i < a.n; i++)
        a[i] = weir_f32_to_bf16(draw(is_whole));
    for (size_t i = 0; i < c.n; i++)
        c[i] = is_whole ? (float)test_below(1000) : test_normal();
    for (uint32_t n = 0; n < N; n++)
        for (uint32_t k = 0; k < k_all; k++) {
            uint16_t bits = weir_f32_to_bf16(draw(is_whole));
            in_b[n * k_all + k] = weir_bf16_to_f32(bits);
            b[chunk_at(row_bytes, n, k / 8) * 8 + k % 8] = bits;
        }
    const product_args args = {(const uint32_t *)a.p,    b.p,     c.p, d.p,
                               descriptor_of(row_bytes), n_steps, 32,  has_sum};
    CU_LAUNCH_LARGE(multiply<N>, dim3(1), (uint32_t)CU_WARPGROUP, sizeof(product_shared),
                    (weir_cuda_stream *)nullptr, args);
    finish();
    size_t n_wrong = 0;
    for (uint32_t i = 0; i < M * N; i++) {
        double sum = has_sum ? c[i] : 0, most = fabs(sum);
        for (uint32_t k = 0; k < k_all; k++) {
            double part =
                (double)weir_bf16_to_f32(a[i / N * k_all + k]) * (double)in_b[i % N * k_all + k];
            sum += part;
            most = fmax(most, fabs(part));
        }
        n_wrong +=
            is_whole ? d[i] != (float)sum : !(fabs(d[i] - sum) <= n_steps * 17 * 0x1p-23 * most);
    }
    char name[80];
    snprintf(name, sizeof name, "n%u, rows of %u bytes, %s%s", N, row_bytes,
             is_whole ? "whole" : "real", has_sum ? ", added" : "");
    check(n_wrong == 0, "wgmma", name);
}

template <uint32_t N> static void test_products(void) {
    static const uint32_t row_bytes[] = {128, 64, 32, 0};
    for (uint32_t i = 0; i < 8; i++) {
        test_product<N>(row_bytes[i / 2], i % 2 == 0, true);
        test_product<N>(row_bytes[i / 2], i % 2 == 0, false);
    }
}

/* ---- copies and barriers -------------------------------------------------------------------- */

enum { STAGES = 3, READERS = 2, RING_THREADS = (READERS + 1) * CU_WARP, PIECES = 11 };

struct ring_shared {
    uint4 box[STAGES][CU_WARP];
    cu_barrier full[STAGES], empty[STAGES];
};

/* What is left out. */
enum fault { NONE, NO_ARRIVAL, WRONG_PARITY, NO_WAIT, TOO_FEW_BYTES };

/* A warp copies pieces of 512 bytes into a ring; others add up what their neighbour's place has. */
CU_KERNEL(RING_THREADS) ring(const uint4 *in, uint32_t *sums, fault what) {
#if CU_HAS_WGMMA
    CU_SHARED_LARGE(ring_shared, shared);
    uint32_t warp = threadIdx.x / CU_WARP, lane = threadIdx.x % CU_WARP, sum = 0;
    if (threadIdx.x == 0) {
        for (uint32_t s = 0; s < STAGES; s++) {
            cu_barrier_init(&shared.full[s], 1);
            cu_barrier_init(&shared.empty[s], READERS);
        }
        cu_async_fence();
    }
    cu_sync();
    for (uint32_t i = 0; i < PIECES; i++) {
        uint32_t s = i % STAGES, parity = i / STAGES % 2;
        if (warp == READERS) {
            if (lane != 0)
                continue;
            cu_barrier_wait(&shared.empty[s], parity ^ (what == WRONG_PARITY ? 0 : 1));
            cu_barrier_expect(&shared.full[s], what == TOO_FEW_BYTES ? 528 : 512);
            cu_bulk_copy(shared.box[s], in + i * CU_WARP, 512, &shared.full[s]);
            continue;
        }
        if (what != NO_WAIT)
            cu_barrier_wait(&shared.full[s], parity);
        uint4 v = shared.box[s][(lane + 5) % CU_WARP];
        sum += (i + 1) * (v.x + 3 * v.y + 5 * v.z + 7 * v.w);
        cu_sync_warp();
        if (lane == 0 && what != NO_ARRIVAL)
            cu_barrier_arrive(&shared.empty[s]);
    }
    if (warp < READERS)
        sums[threadIdx.x] = sum;
#endif
}

static bool ring_is_right(fault what) {
    gpu_buffer<uint32_t> in(PIECES * CU_WARP * 4), sums(READERS * CU_WARP);
    for (size_t i = 0; i < in.n; i++)
        in[i] = test_bits();
    CU_LAUNCH_LARGE(ring, dim3(1), (uint32_t)RING_THREADS, sizeof(ring_shared),
                    (weir_cuda_stream *)nullptr, (const uint4 *)in.p, sums.p, what);
    finish();
    for (uint32_t t = 0; t < sums.n; t++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < PIECES; i++) {
            const uint32_t *v = in.p + (size_t)(i * CU_WARP + (t + 5) % CU_WARP) * 4;
            sum += (i + 1) * (v[0] + 3 * v[1] + 5 * v[2] + 7 * v[3]);
        }
        if (sums[t] != sum)
            return false;
    }
    return true;
}

#ifdef WEIR_CUDA_EMULATED
/* ---- what the emulator promises to catch; a device shows none of it for sure
 * --------------------- */

enum mistake { NO_BEGIN, EARLY_READ, CHANGED_A, NO_COMMIT, OVERWRITTEN };

CU_KERNEL(CU_WARPGROUP) mistaken(mistake what, float *out) {
    CU_SHARED_LARGE(product_shared, shared);
    uint32_t a[4] = {1, 2, 3, 4};
    float d[16] = {};
    for (uint32_t i = threadIdx.x; i < 32 * BLOCK_COLS; i += CU_WARPGROUP)
        shared.b[i] = 0x3f80;
    cu_sync();
    if (what != NO_BEGIN)
        cu_wgmma_begin();
    cu_wgmma<32>(d, a, cu_wgmma_rows(shared.b), false);
    if (what != NO_COMMIT)
        cu_wgmma_commit();
    if (what == CHANGED_A)
        a[2] = 7;
    if (what == EARLY_READ)
        shared.sink = d[0];
    if (what == OVERWRITTEN)
        shared.b[threadIdx.x] = 0x7fc0;
    cu_wgmma_wait(d);
    out[threadIdx.x] = what == EARLY_READ ? shared.sink : d[0];
}

static bool is_caught(mistake what) {
    gpu_buffer<float> out(CU_WARPGROUP);
    auto launch = [&] {
        CU_LAUNCH_LARGE(mistaken, dim3(1), (uint32_t)CU_WARPGROUP, sizeof(product_shared), nullptr,
                        what, out.p);
    };
    if (what != EARLY_READ && what != OVERWRITTEN)
        return ends(launch);
    launch();
    return isnan(out[0]);
}

static bool ring_ends(fault what) {
    return ends([=] { _exit(ring_is_right(what) ? 0 : 1); });
}

static void test_catching(void) {
    check(is_caught(NO_BEGIN), "a product without its beginning is not seen", "");
    check(is_caught(EARLY_READ), "a sum read under way is not seen", "");
    check(is_caught(CHANGED_A), "a change of A under way is not seen", "");
    check(is_caught(NO_COMMIT), "a product in no group is not seen", "");
    check(is_caught(OVERWRITTEN), "rows of B written over under way are not seen", "");
    check(ring_ends(NO_ARRIVAL), "a missing arrival is not seen", "");
    check(ring_ends(WRONG_PARITY), "a wrong parity is not seen", "");
    check(ring_ends(NO_WAIT), "a missing wait is not seen", "");
    check(ring_ends(TOO_FEW_BYTES), "bytes that never come are not seen", "");
}
#endif

int main(int argc, char **argv) {
    test_begin(argc, argv);
    test_want_wgmma();
    test_products<32>();
    test_products<64>();
    test_products<96>();
    test_products<128>();
    check(ring_is_right(NONE), "bulk copies in a ring", "");
#ifdef WEIR_CUDA_EMULATED
    test_catching();
#endif
    return test_end();
}
