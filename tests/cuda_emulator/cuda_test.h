/*
 * cuda_test.h: what the tests of single kernels share: memory a kernel may use, random numbers, the
 * measure of an error. One source for both targets: g++ with the emulator, or nvcc for a GPU host
 * (gpu_buffer is pinned host memory there, which the device
 * reads and writes in place: managed memory can hang a GPU that has too little left).
 *
 * Under the emulator a buffer ends at a page nobody may touch (less the few bytes that its
 * alignment costs, which are looked at when it goes), so an index beyond it ends the program.
 * Outputs begin as NaN.
 *
 * A test program takes a seed, of the order of fibers or, on a device, of its random numbers;
 * prints a line a case and ends with 0 if all is right, 1 if not, 77 if there is no device.
 */
#ifndef WEIR_TESTS_CUDA_TEST_H
#define WEIR_TESTS_CUDA_TEST_H

#include "cuda/kernels_cuda.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef WEIR_CUDA_EMULATED
#include <cuda_emulator.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#else
#include <cuda_runtime.h>
#endif

static int n_failed;

/* A line, and a mark if it is bad. */
static inline void check(bool is_good, const char *what, const char *which) {
    if (!is_good) {
        printf("FAIL %s %s\n", what, which);
        n_failed++;
    }
}

/* All launches so far have ended. */
static inline void finish(void) {
#ifndef WEIR_CUDA_EMULATED
    cudaError_t e = cudaGetLastError(); /* of a launch that was refused */
    if (e == cudaSuccess)
        e = cudaDeviceSynchronize();
    if (e != cudaSuccess) {
        printf("FAIL device: %s\n", cudaGetErrorString(e));
        exit(1);
    }
#endif
}

template <class T> struct gpu_buffer {
    T *p;
    size_t n;
#ifdef WEIR_CUDA_EMULATED
    unsigned char *mapped;
    size_t mapped_bytes, slack;

    explicit gpu_buffer(size_t count) : n(count) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (n * sizeof(T) + 15) / 16 * 16;
        slack = bytes - n * sizeof(T);
        mapped_bytes = (bytes + page - 1) / page * page + page;
        mapped = (unsigned char *)mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED || mprotect(mapped + mapped_bytes - page, page, PROT_NONE) != 0)
            abort();
        memset(mapped, 0xff, mapped_bytes - page);
        p = (T *)(mapped + mapped_bytes - page - bytes);
    }
    ~gpu_buffer() {
        for (size_t i = 0; i < slack; i++)
            check(((unsigned char *)(p + n))[i] == 0xff, "a write behind a buffer", "");
        munmap(mapped, mapped_bytes);
    }
#else
    explicit gpu_buffer(size_t count) : n(count) {
        if (cudaHostAlloc(&p, n * sizeof(T) + 16, cudaHostAllocMapped) != cudaSuccess) {
            printf("skipped: no CUDA device\n");
            exit(77);
        }
        memset(p, 0xff, n * sizeof(T));
    }
    ~gpu_buffer() {
        cudaFreeHost(p);
    }
#endif
    gpu_buffer(const gpu_buffer &) = delete;
    gpu_buffer &operator=(const gpu_buffer &) = delete;
    T &operator[](size_t i) {
        return p[i];
    }
    void poison() {
        memset(p, 0xff, n * sizeof(T));
    }
};

/* ---- random numbers ------------------------------------------------------------------------ */

static uint64_t test_random_state = 7;

static inline uint32_t test_bits(void) {
    test_random_state = test_random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(test_random_state >> 32);
}

static inline uint32_t test_below(uint32_t n) {
    return (uint32_t)((uint64_t)test_bits() * n >> 32);
}

/* About normal: the sum of four even ones. */
static inline float test_normal(void) {
    float sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (float)test_bits() * 0x1p-32f - 0.5f;
    return sum * 1.7f;
}

static inline void test_fill(gpu_buffer<float> &b) {
    for (size_t i = 0; i < b.n; i++)
        b[i] = test_normal();
}

/* ---- errors -------------------------------------------------------------------------------- */

/* ||out - expected|| / ||expected||, value by value. */
struct relative_error {
    double diff = 0, all = 0;
    void add(double out, double expected) {
        diff += (out - expected) * (out - expected);
        all += expected * expected;
    }
    /* NaN misses every bar. */
    void report(const char *what, const char *which, double bar) const {
        double e = sqrt(diff / (all > 0 ? all : 1));
        printf("%-10s %-28s %.1e (bar %.0e)\n", what, which, e, bar);
        check(e <= bar, what, which);
    }
};

static inline bool same_bits(const float *a, const float *b, size_t n) {
    return memcmp(a, b, n * sizeof *a) == 0;
}

#ifdef WEIR_CUDA_EMULATED
/* Does the launch end the program? */
template <class Launch> static inline bool ends(Launch launch) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        launch();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}
#endif

static inline void test_begin(int argc, char **argv) {
#ifdef WEIR_CUDA_EMULATED
    weir_emulator_seed = argc > 1 ? strtoull(argv[1], nullptr, 10) : 1;
#else
    if (argc > 1)
        test_random_state = strtoull(argv[1], nullptr, 10);
    int n = 0;
    if (cudaGetDeviceCount(&n) != cudaSuccess || n == 0) {
        printf("skipped: no CUDA device\n");
        exit(77);
    }
#endif
}

static inline int test_end(void) {
    printf(n_failed ? "%d checks failed\n" : "all passed\n", n_failed);
    return n_failed ? 1 : 0;
}

#endif
