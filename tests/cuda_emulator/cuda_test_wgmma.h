/* cuda_test_wgmma.h: tests of wgmma say skipped where a device has none; the emulator has it. */
#ifndef WEIR_TESTS_CUDA_TEST_WGMMA_H
#define WEIR_TESTS_CUDA_TEST_WGMMA_H

#include "cuda_test.h"

static inline void test_want_wgmma(void) {
#ifndef WEIR_CUDA_EMULATED
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, 0) != cudaSuccess || properties.major != 9 ||
        properties.minor != 0) {
        printf("skipped: no device of compute capability 9.0\n");
        exit(77);
    }
#endif
}

#endif
