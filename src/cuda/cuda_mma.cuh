/*
 * cuda_mma.cuh: the words of matrix products on tensor cores: bfloat16 and pairs of it, the product
 * of one warp (mma.sync m16n8k16), tiles from shared memory into its fragments (ldmatrix), and
 * copies that arrive later (cp.async). For nvcc thin wrappers over PTX that every sm_80 knows; for
 * g++ tests/cuda_emulator/emulate_mma.h. test_cuda_mma.cpp holds each word against a definition in
 * plain C++, on the emulator and on a device.
 *
 * A pair is two bfloat16 in 32 bits, the one with the lower index in the lower half. A fragment is
 * what one lane holds; with group = lane / 4 and member = lane % 4:
 *
 *   A [16, 16] row-major   a[0]: row group,     columns 2 member, + 1     a[2]: columns + 8
 *                          a[1]: row group + 8, the same columns          a[3]: columns + 8
 *   B [16, 8] by columns   b[0]: rows 2 member, + 1 of column group       b[1]: rows + 8
 *   D [16, 8]              d[0], d[1]: row group, columns 2 member, + 1   d[2], d[3]: row + 8
 *
 * Invariant: D[i][j] is a function of row i of A, column j of B and the former D[i][j] alone; where
 * in the tile they stand, and what else stands there, changes no bit.
 */
#ifndef WEIR_CUDA_CUDA_MMA_CUH
#define WEIR_CUDA_CUDA_MMA_CUH

#include "cuda/cuda_words.cuh"

#ifdef WEIR_CUDA_EMULATED
#include <emulate_mma.h>
#else

/* to nearest, ties to even */
CU_DEVICE uint16_t cu_float_bf16(float value) {
    uint16_t bits;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

/* The same of two: one instruction. */
CU_DEVICE uint32_t cu_pair_bf16(float low, float high) {
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

/* d += a b, by all lanes of the warp. Products are exact; their sum, with d, is rounded once or a
 * few times, as the device does it. */
CU_DEVICE void cu_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Four matrices of 8 rows of 16 bytes in shared memory: lane l names row l % 8 of matrix l / 8,
 * 16-byte aligned, and gets of matrix m in to[m] pair member of row group. */
CU_DEVICE void cu_ldmatrix_x4(uint32_t to[4], const void *shared_row) {
    uint32_t at = (uint32_t)__cvta_generic_to_shared(shared_row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(at)
                 : "memory");
}

/* The same of the transposed matrices: column group of rows 2 member and 2 member + 1. */
CU_DEVICE void cu_ldmatrix_x4_trans(uint32_t to[4], const void *shared_row) {
    uint32_t at = (uint32_t)__cvta_generic_to_shared(shared_row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(at)
                 : "memory");
}

/* The first n_bytes (0 to 16) of 16 from device memory to shared memory, zeros for the rest, which
 * is not read; both 16-byte aligned. They are there, for the thread that asked, after its
 * cu_copy_wait, and for others after a barrier that follows. Until then nobody reads or writes
 * either place. */
CU_DEVICE void cu_copy_part(void *shared, const void *from, uint32_t n_bytes) {
    uint32_t at = (uint32_t)__cvta_generic_to_shared(shared);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(at), "l"(from), "r"(n_bytes)
                 : "memory");
}

/* Ends a group of this thread's copies; a group may be empty. */
CU_DEVICE void cu_copy_commit() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Until at most the N youngest groups of this thread are under way. */
template <int N> CU_DEVICE void cu_copy_wait() {
    asm volatile("cp.async.wait_group %0;" : : "n"(N) : "memory");
}

/* 16 bytes that this launch reads once, so that they displace nothing in the first cache. */
CU_DEVICE uint4 cu_load_once(const uint4 *from) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(from));
    return v;
}
#endif

/* All 16 bytes, or zeros where there are none. */
CU_DEVICE void cu_copy_16(void *shared, const void *from, bool is_there = true) {
    cu_copy_part(shared, from, is_there ? 16 : 0);
}

CU_DEVICE float cu_bf16_float(uint16_t bits) {
    return cu_bits_float((uint32_t)bits << 16);
}

CU_DEVICE float cu_pair_low(uint32_t pair) {
    return cu_bits_float(pair << 16);
}

CU_DEVICE float cu_pair_high(uint32_t pair) {
    return cu_bits_float(pair & 0xffff0000u);
}

#endif
