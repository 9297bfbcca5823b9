/*
 * cuda_pdl.cuh: the words of programmatic dependent launch: a kernel whose blocks may start while
 * the launch before it still runs, and wait where they first need what that one writes. On devices
 * before sm_90, and where the code was compiled for one, all of it is an ordinary launch.
 *
 * Rules for a kernel that CU_LAUNCH_PDL launches:
 *
 *   - cu_pdl_go comes first, so that the next launch may begin as soon as all blocks of this one
 *     have;
 *   - every thread of every block calls cu_pdl_wait, with no return before it, and touches nothing
 *     before it that an earlier launch reads or writes: weights only. So when a wait returns, all
 *     launches before this one have ended, not only the last;
 *   - what an earlier launch writes is read by ordinary loads, never by cu_load, which says that
 *     nobody writes while this kernel runs.
 *
 * An ordinary launch in between waits for all before it and is waited for by all behind it.
 *
 * Under the emulator launches do not overlap; it counts the threads that waited, and a test may
 * hide what earlier launches wrote until the wait (tests/cuda_emulator/emulate_pdl.h).
 */
#ifndef WEIR_CUDA_CUDA_PDL_CUH
#define WEIR_CUDA_CUDA_PDL_CUH

#include "cuda/cuda_words.cuh"

#ifdef WEIR_CUDA_EMULATED
#include <emulate_pdl.h>
#else

/* The next launch may start its blocks where there is room. */
CU_DEVICE void cu_pdl_go() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;");
#endif
}

/* Until all launches before this one have ended, and what they wrote is seen. */
CU_DEVICE void cu_pdl_wait() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* Brings the line of this address into the second cache; nobody waits for it. */
CU_DEVICE void cu_prefetch(const void *from) {
    asm volatile("prefetch.global.L2 [%0];" : : "l"(from));
}

/* As CU_LAUNCH, of a kernel that keeps the rules above. What decides is the code that runs: without
 * the words in it, an early start would be a race. */
template <class... P, class... A>
static void cu_launch_pdl(void (*kernel)(P...), dim3 grid, uint32_t n_threads,
                          weir_cuda_stream *stream, A... args) {
    cudaFuncAttributes facts;
    cudaLaunchAttribute early = {};
    cudaLaunchConfig_t config = {};
    early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    early.val.programmaticStreamSerializationAllowed = 1;
    config.gridDim = grid;
    config.blockDim = dim3(n_threads);
    config.stream = (cudaStream_t)stream;
    config.attrs = &early;
    if (cudaFuncGetAttributes(&facts, kernel) == cudaSuccess && facts.ptxVersion >= 90)
        config.numAttrs = 1;
    cudaLaunchKernelEx(&config, kernel, P(args)...);
}

#define CU_LAUNCH_PDL(kernel, grid, n_threads, stream, ...) \
    cu_launch_pdl(kernel, grid, n_threads, stream, __VA_ARGS__)

#endif
#endif
