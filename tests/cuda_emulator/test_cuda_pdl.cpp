/*
 * test_cuda_pdl.cpp: programmatic dependent launch: does a wait see all that the launches before it
 * wrote, not only the last? A chain of four kernels, over and over: each adds what the last one and
 * the one before it wrote at other blocks' places, and writes over what the one four before it
 * wrote and those in between read. The first is slow in some of its blocks. What is read too early
 * or written too early is another number, and so are all that follow; the host has the same sums.
 *
 * Launch by launch and captured; all with early starts, and with an ordinary launch in between. On
 * the emulator launches do not overlap: there it is the test that is proven.
 */
#include "cuda_test.h"

#include "cuda/cuda_graph.h"
#include "cuda/cuda_memory.h"
#include "cuda/cuda_pdl.cuh"

enum { THREADS = 64, BLOCKS = 96, N = THREADS * BLOCKS, CHAIN = 4, SHIFT = 5 * THREADS + 7 };
#ifdef WEIR_CUDA_EMULATED
enum { ROUNDS = 20 };
#else
enum { ROUNDS = 1000 };
#endif

/* Row k of cells [CHAIN, N], of the two rows before it. */
CU_KERNEL(THREADS) add_two(uint32_t *cells, uint32_t k) {
    uint32_t i = blockIdx.x * THREADS + threadIdx.x;
    cu_pdl_go();
    cu_pdl_wait();
#ifndef WEIR_CUDA_EMULATED
    if (k == 0 && blockIdx.x % 8 == 0)
        __nanosleep(20000);
#endif
    const uint32_t *last = cells + (k + CHAIN - 1) % CHAIN * N;
    const uint32_t *before = cells + (k + CHAIN - 2) % CHAIN * N;
    cells[k * N + i] = last[(i + SHIFT) % N] + 3 * before[(i + 2 * SHIFT) % N] + 1;
}

static void launch_chain(weir_cuda_stream *stream, uint32_t *cells, bool has_ordinary) {
    for (uint32_t k = 0; k < CHAIN; k++) {
        if (has_ordinary && k == 2)
            CU_LAUNCH(add_two, dim3(BLOCKS), THREADS, stream, cells, k);
        else
            CU_LAUNCH_PDL(add_two, dim3(BLOCKS), THREADS, stream, cells, k);
    }
}

static int run_chains(weir_cuda_stream *stream, uint32_t *cells, bool is_captured,
                      bool has_ordinary) {
    weir_cuda_graph *graph = nullptr;
    int code = 0;
    if (is_captured) {
        code = weir_cuda_capture_begin(stream);
        if (code == 0) {
            launch_chain(stream, cells, has_ordinary);
            code = weir_cuda_capture_end(stream, &graph);
        }
    }
    for (uint32_t round = 0; round < ROUNDS && code == 0; round++) {
        if (is_captured)
            code = weir_cuda_graph_run(graph, stream);
        else
            launch_chain(stream, cells, has_ordinary);
    }
    if (code == 0)
        code = weir_cuda_launched();
    if (code == 0)
        code = weir_cuda_wait(stream);
    weir_cuda_graph_close(graph);
    return code;
}

/* Does what the chains do, in order. */
static size_t count_wrong(const uint32_t *got, gpu_buffer<uint32_t> &cells) {
    size_t n_wrong = 0;
    for (uint32_t n = CHAIN; n < CHAIN + CHAIN * ROUNDS; n++)
        for (uint32_t i = 0; i < N; i++)
            cells[n % CHAIN * N + i] = cells[(n - 1) % CHAIN * N + (i + SHIFT) % N] +
                                       3 * cells[(n - 2) % CHAIN * N + (i + 2 * SHIFT) % N] + 1;
    for (size_t i = 0; i < cells.n; i++)
        n_wrong += got[i] != cells[i];
    return n_wrong;
}

static void test_chain(weir_cuda_stream *stream, bool is_captured, bool has_ordinary) {
    char name[64];
    void *cells; /* of the device: what the host may read has no second cache */
    gpu_buffer<uint32_t> first(CHAIN * N), got(CHAIN * N);
    for (size_t i = 0; i < first.n; i++)
        first[i] = test_bits();
    size_t bytes = first.n * sizeof(uint32_t), n_wrong = 0;
    int code = weir_cuda_take(&cells, bytes);
    if (code == 0) {
        code = weir_cuda_copy_up(stream, cells, first.p, bytes);
        if (code == 0)
            code = run_chains(stream, (uint32_t *)cells, is_captured, has_ordinary);
        if (code == 0)
            code = weir_cuda_copy_down(stream, got.p, cells, bytes);
        if (code == 0)
            code = weir_cuda_wait(stream);
        weir_cuda_give(cells);
    }
    if (code == 0)
        n_wrong = count_wrong(got.p, first);
    snprintf(name, sizeof name, "%s, %s", is_captured ? "captured" : "launch by launch",
             has_ordinary ? "one in four ordinary" : "all early");
    printf("pdl        %-40s %u launches, code %d, %zu of %u wrong\n", name, CHAIN * ROUNDS, code,
           n_wrong, CHAIN * N);
    check(code == 0 && n_wrong == 0, "pdl", name);
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    test_random_state = 7 + (argc > 1 ? strtoull(argv[1], nullptr, 10) : 1);
    gpu_buffer<uint32_t> is_there(1); /* ends the program where no device is */
    weir_cuda_stream *stream;
    if (weir_cuda_stream_open(&stream) != 0) {
        printf("FAIL no stream\n");
        return 1;
    }
    for (int is_captured = 0; is_captured < 2; is_captured++)
        for (int has_ordinary = 0; has_ordinary < 2; has_ordinary++)
            test_chain(stream, is_captured != 0, has_ordinary != 0);
    weir_cuda_stream_close(stream);
    return test_end();
}
