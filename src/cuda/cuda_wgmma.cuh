/*
 * cuda_wgmma.cuh: the words of products by a warpgroup (four warps, sm_90a): wgmma m64nNk16 of
 * bfloat16 with A in registers and B in shared memory, bulk copies into shared memory, the
 * barriers in shared memory that such copies complete, and shared memory beyond 48 KiB. For nvcc
 * thin wrappers over PTX; for g++ tests/cuda_emulator/emulate_wgmma.h. test_cuda_wgmma_words.cpp
 * holds each word against a definition in plain C++, on the emulator and on a device.
 *
 * Fragments are those of cuda_mma.cuh: warp w of a warpgroup has rows 16 w .. 16 w + 15 of A and D,
 * d[4 j + i] is d[i] of the columns 8 j .. 8 j + 7.
 *
 * B is named by a descriptor: rows of 128 bytes, 64 columns of K, in groups of 8 rows that lie one
 * after another, 1024 bytes each and so aligned; in a group the 16 bytes c of row r lie at c ^ r.
 * Two more in the descriptor are 16 columns further.
 *
 * What runs later: from cu_wgmma to the cu_wgmma_wait that waits for it nobody touches d, a, or the
 * rows of B. A bulk copy is there when the barrier it names has completed the phase, which it does
 * when all arrivals and all expected bytes have come; then the next phase begins, and its parity is
 * the other one.
 *
 * CU_HAS_WGMMA is 0 where the code is compiled for another architecture: no word may be used there.
 */
#ifndef WEIR_CUDA_CUDA_WGMMA_CUH
#define WEIR_CUDA_CUDA_WGMMA_CUH

#include "cuda/cuda_mma.cuh"

enum { CU_WARPGROUP = 128 };

/* One phase after another; in shared memory. */
struct cu_barrier {
    uint64_t state;
};

#ifdef WEIR_CUDA_EMULATED
#define CU_HAS_WGMMA 1
#include <emulate_wgmma.h>
#else

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define CU_HAS_WGMMA 1
#else
#define CU_HAS_WGMMA 0
#endif

/* CU_SHARED_LARGE(type, name): what CU_LAUNCH_LARGE gave the block, 1024-byte aligned. */
#define CU_SHARED_LARGE(type, name)                                 \
    extern __shared__ __align__(1024) unsigned char name##_bytes[]; \
    type &name = *(type *)name##_bytes

/* As CU_LAUNCH, with n_bytes of shared memory. */
template <class... P, class... A>
static void cu_launch_large(void (*kernel)(P...), dim3 grid, uint32_t n_threads, size_t n_bytes,
                            weir_cuda_stream *stream, A... args) {
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)n_bytes);
    kernel<<<grid, n_threads, n_bytes, (cudaStream_t)stream>>>(P(args)...);
}

#define CU_LAUNCH_LARGE(kernel, grid, n_threads, n_bytes, stream, ...) \
    cu_launch_large(kernel, grid, n_threads, n_bytes, stream, __VA_ARGS__)

/* How many blocks of the largest size run side by side. */
static inline uint32_t cu_multiprocessors() {
    static int n = 0; /* of the one device that is used */
    if (n == 0 && cudaDeviceGetAttribute(&n, cudaDevAttrMultiProcessorCount, 0) != cudaSuccess)
        n = 132;
    return (uint32_t)n;
}

CU_DEVICE uint32_t cu_shared_address(const void *shared) {
    return (uint32_t)__cvta_generic_to_shared(shared);
}

/* By one thread: a phase is n_arrivals of cu_barrier_arrive or _expect. */
CU_DEVICE void cu_barrier_init(cu_barrier *barrier, uint32_t n_arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;"
                 :
                 : "r"(cu_shared_address(barrier)), "r"(n_arrivals)
                 : "memory");
}

/* Copies and products see what this thread wrote to shared memory before. */
CU_DEVICE void cu_async_fence() {
    asm volatile("fence.mbarrier_init.release.cluster;\n"
                 "fence.proxy.async.shared::cta;" ::
                     : "memory");
}

CU_DEVICE void cu_barrier_arrive(cu_barrier *barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];"
                 :
                 : "r"(cu_shared_address(barrier))
                 : "memory");
}

/* Arrives; the phase lasts until n_bytes more have been copied. */
CU_DEVICE void cu_barrier_expect(cu_barrier *barrier, uint32_t n_bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
                 :
                 : "r"(cu_shared_address(barrier)), "r"(n_bytes)
                 : "memory");
}

/* Until the phase of this parity is completed; of a new barrier, 1 is. false: not within seconds,
 * which only a device that is not as this code takes it to be can cause. */
CU_DEVICE bool cu_barrier_wait(cu_barrier *barrier, uint32_t parity) {
    uint32_t at = cu_shared_address(barrier);
    for (uint32_t n = 0; n < 1u << 22; n++) {
        uint32_t is_done;
        asm volatile("{\n"
                     ".reg .pred p;\n"
                     "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
                     "selp.u32 %0, 1, 0, p;\n"
                     "}"
                     : "=r"(is_done)
                     : "r"(at), "r"(parity)
                     : "memory");
        if (is_done)
            return true;
    }
    return false;
}

/* n_bytes from device memory to shared memory, 16-byte aligned all three. */
CU_DEVICE void cu_bulk_copy(void *shared, const void *from, uint32_t n_bytes, cu_barrier *barrier) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
                 "[%0], [%1], %2, [%3];"
                 :
                 : "r"(cu_shared_address(shared)), "l"(from), "r"(n_bytes),
                   "r"(cu_shared_address(barrier))
                 : "memory");
}

/* Registers of a thread, by all of a warpgroup: fewer than the kernel began with, or more, once
 * others have given back so many. */
template <int N> CU_DEVICE void cu_fewer_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" : : "n"(N));
}

template <int N> CU_DEVICE void cu_more_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" : : "n"(N));
}

/* The device ends the program that launched this. */
CU_DEVICE void cu_trap() {
    __trap();
}

/* Behind the last touch of d and a, before the products. */
CU_DEVICE void cu_wgmma_begin() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

/* Ends a group of products. */
CU_DEVICE void cu_wgmma_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/* Until all groups of the warpgroup have ended: d may be touched. The empty words name d so that no
 * compiler reads it earlier. */
template <uint32_t HALF> CU_DEVICE void cu_wgmma_wait(float (&d)[HALF]) {
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
#pragma unroll
    for (uint32_t i = 0; i < HALF; i++)
        asm volatile("" : "+f"(d[i])::"memory");
}

#define CU_WG_LIST_16 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15"
#define CU_WG_LIST_32 \
    CU_WG_LIST_16 ",%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define CU_WG_LIST_48 \
    CU_WG_LIST_32 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47"
#define CU_WG_LIST_64 \
    CU_WG_LIST_48 ",%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define CU_WG_D4(i)  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define CU_WG_D16(i) CU_WG_D4(i), CU_WG_D4(i + 4), CU_WG_D4(i + 8), CU_WG_D4(i + 12)
#define CU_WG_D_16   CU_WG_D16(0)
#define CU_WG_D_32   CU_WG_D_16, CU_WG_D16(16)
#define CU_WG_D_48   CU_WG_D_32, CU_WG_D16(32)
#define CU_WG_D_64   CU_WG_D_48, CU_WG_D16(48)

/* d = a b, or d += a b, by all of a warpgroup: a [64, 16], b the N rows of the descriptor, N = 32,
 * 64, 96 or 128. */
template <uint32_t N> struct cu_wgmma_of;
#define CU_WG_PRODUCT(N, HALF, A0, A1, A2, A3, B, HAS)                                           \
    template <> struct cu_wgmma_of<N> {                                                          \
        static CU_MEMBER void run(float (&d)[HALF], const uint32_t a[4], uint64_t b, bool has) { \
            asm volatile("{\n"                                                                   \
                         ".reg .pred p;\n"                                                       \
                         "setp.ne.b32 p, %" #HAS ", 0;\n"                                        \
                         "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 "             \
                         "{" CU_WG_LIST_##HALF "}, {%" #A0 ",%" #A1 ",%" #A2 ",%" #A3 "}, %" #B  \
                                               ", p, 1, 1, 0;\n"                                 \
                                               "}"                                               \
                         : CU_WG_D_##HALF                                                        \
                         : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b),                   \
                           "r"((uint32_t)has));                                                  \
        }                                                                                        \
    };
CU_WG_PRODUCT(32, 16, 16, 17, 18, 19, 20, 21)
CU_WG_PRODUCT(64, 32, 32, 33, 34, 35, 36, 37)
CU_WG_PRODUCT(96, 48, 48, 49, 50, 51, 52, 53)
CU_WG_PRODUCT(128, 64, 64, 65, 66, 67, 68, 69)
#undef CU_WG_PRODUCT

template <uint32_t N>
CU_DEVICE void cu_wgmma(float (&d)[N / 2], const uint32_t a[4], uint64_t b, bool has_sum) {
    cu_wgmma_of<N>::run(d, a, b, has_sum);
}
#endif

/* The descriptor's swizzle and what it says of strides: rows of 128 bytes in groups of 1024. */
CU_DEVICE uint64_t cu_wgmma_rows(const void *shared) {
    const uint64_t swizzle_128 = 1, group_bytes = 1024, unused = 1;
    return (uint64_t)(cu_shared_address(shared) >> 4 & 0x3fff) | unused << 16 |
           (group_bytes >> 4) << 32 | swizzle_128 << 62;
}

#endif
