/*
 * gpu_probe_device.cu: calibration of what no emulator shows: what a stage of a step costs beside
 * its bytes (a barrier of all multiprocessors, a node of a graph, with and without programmatic
 * dependent launch, 65 shared cells), and the peak of wgmma. What the code was compiled without,
 * since only sm_90 and later or only sm_90a has it, is left out.
 */
#include "gpu_probe.h"

#include <cuda_runtime.h>

#if __CUDA_ARCH__ >= 900
#define HAS_DEPENDENT 1
#else
#define HAS_DEPENDENT 0
#endif
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define HAS_WGMMA 1
#else
#define HAS_WGMMA 0
#endif

enum { THREADS = 256, REPEATS = 20, NODES = 256, CELLS = 65, MOST_COPIES = 8 };

/* ---- barriers ------------------------------------------------------------------------------ */

static __device__ __forceinline__ uint32_t load_acquire(const uint32_t *from) {
    uint32_t value;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(from) : "memory");
    return value;
}

static __device__ __forceinline__ void store_release(uint32_t *to, uint32_t value) {
    asm volatile("st.release.gpu.global.u32 [%0], %1;" : : "l"(to), "r"(value) : "memory");
}

static __device__ __forceinline__ void add_release(uint32_t *to, uint32_t value) {
    asm volatile("red.release.gpu.global.add.u32 [%0], %1;" : : "l"(to), "r"(value) : "memory");
}

/* One counter, which every block raises and watches. */
static __global__ void __launch_bounds__(THREADS) meet_at_counter(uint32_t *count, uint32_t n) {
    for (uint32_t r = 1; r <= n; r++) {
        __syncthreads();
        if (threadIdx.x == 0) {
            add_release(count, 1);
            while (load_acquire(count) < r * gridDim.x) {
            }
        }
        __syncthreads();
    }
}

/* A flag for each block, all of which every block watches; at most THREADS blocks. */
static __global__ void __launch_bounds__(THREADS) meet_at_flags(uint32_t *flags, uint32_t n) {
    for (uint32_t r = 1; r <= n; r++) {
        __syncthreads();
        if (threadIdx.x == 0)
            store_release(flags + blockIdx.x, r);
        if (threadIdx.x < gridDim.x)
            while (load_acquire(flags + threadIdx.x) < r) {
            }
        __syncthreads();
    }
}

/* Blocks that wait for one another must all run at once: there are as many as multiprocessors. */
struct rounds {
    void (*kernel)(uint32_t *, uint32_t);
    uint32_t *cells;
    uint32_t grid, n;
};

static void do_rounds(void *context, weir_cuda_stream *stream, uint32_t) {
    const rounds *w = (const rounds *)context;
    cudaMemsetAsync(w->cells, 0, THREADS * sizeof *w->cells, (cudaStream_t)stream);
    w->kernel<<<w->grid, THREADS, 0, (cudaStream_t)stream>>>(w->cells, w->n);
}

/* The cost of one more round. */
static int tell_rounds(FILE *out, const char *kind, const char *name, weir_gpu_work *work,
                       void *context, uint32_t *n, double most_s) {
    enum { FEW = 1, MANY = 1001 };
    weir_gpu_time few, many;
    *n = FEW;
    int code = weir_gpu_measure(&few, work, context, 1, REPEATS, most_s);
    *n = MANY;
    if (code == 0)
        code = weir_gpu_measure(&many, work, context, 1, REPEATS, most_s);
    if (code == 0)
        weir_gpu_report(out, kind, name, (many.us - few.us) / (MANY - FEW), "us", many.spread);
    return code;
}

static int probe_barriers(FILE *out, uint32_t *cells, double most_s) {
    rounds w = {meet_at_counter, cells, weir_gpu_n_multiprocessors(), 0};
    int code = tell_rounds(out, "barrier", "one counter", do_rounds, &w, &w.n, most_s);
    w.kernel = meet_at_flags;
    if (code == 0 && w.grid <= THREADS)
        code = tell_rounds(out, "barrier", "a flag a block", do_rounds, &w, &w.n, most_s);
    return code;
}

/* ---- atomics ------------------------------------------------------------------------------- */

/* Every block adds to 65 cells, of one of n_copies copies, n times. */
static __global__ void __launch_bounds__(THREADS)
    add_to_cells(unsigned long long *cells, uint32_t n_copies, uint32_t n) {
    if (threadIdx.x < CELLS)
        for (uint32_t r = 0; r < n; r++)
            atomicAdd(cells + blockIdx.x % n_copies * CELLS + threadIdx.x,
                      (unsigned long long)(r + 1) << 32);
}

struct additions {
    unsigned long long *cells;
    uint32_t grid, n_copies, n;
};

static void do_additions(void *context, weir_cuda_stream *stream, uint32_t) {
    const additions *w = (const additions *)context;
    add_to_cells<<<w->grid, THREADS, 0, (cudaStream_t)stream>>>(w->cells, w->n_copies, w->n);
}

static int probe_atomics(FILE *out, uint32_t *cells, double most_s) {
    int code = 0;
    for (uint32_t n = 1; n <= MOST_COPIES && code == 0; n *= 2) {
        char name[64];
        additions w = {(unsigned long long *)cells, weir_gpu_n_multiprocessors(), n, 0};
        snprintf(name, sizeof name, "65 int64 cells, %u copies", n);
        code = tell_rounds(out, "atomics", name, do_additions, &w, &w.n, most_s);
    }
    return code;
}

/* ---- nodes of a graph ---------------------------------------------------------------------- */

/* Each block changes one number; what it does before the wait touches nothing. */
static __global__ void __launch_bounds__(THREADS) one_node(uint32_t *cells) {
#if HAS_DEPENDENT
    asm volatile("griddepcontrol.launch_dependents;");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
    if (threadIdx.x == 0)
        cells[blockIdx.x % THREADS] += 1;
}

struct nodes {
    uint32_t *cells;
    uint32_t grid;
    bool is_dependent;
};

static void do_node(void *context, weir_cuda_stream *stream, uint32_t) {
    const nodes *w = (const nodes *)context;
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(w->grid);
    config.blockDim = dim3(THREADS);
    config.stream = (cudaStream_t)stream;
    config.attrs = &attribute;
    config.numAttrs = w->is_dependent ? 1 : 0;
    cudaLaunchKernelEx(&config, one_node, w->cells);
}

static int probe_nodes(FILE *out, uint32_t *cells, bool has_dependent, double most_s) {
    const uint32_t n_sm = weir_gpu_n_multiprocessors(), grids[] = {1, n_sm, 4 * n_sm};
    for (uint32_t grid : grids)
        for (int is_dependent = 0; is_dependent <= has_dependent; is_dependent++) {
            char name[64];
            nodes w = {cells, grid, is_dependent != 0};
            weir_gpu_time time;
            int code = weir_gpu_measure(&time, do_node, &w, NODES, REPEATS, most_s);
            if (code != 0)
                return code;
            snprintf(name, sizeof name, "%u blocks%s", grid,
                     is_dependent ? ", dependent launch" : "");
            weir_gpu_report(out, "node", name, time.us, "us", time.spread);
        }
    return 0;
}

/* ---- wgmma --------------------------------------------------------------------------------- */

enum { ROW_BYTES = 128, A_ROWS = 64, GROUPS = 2, STEPS = 4, BATCHES = 4, MOST_N = 256 };

/* K-major, 128-byte swizzle: address / 16, leading offset 1, 1024 / 16 to the next eight rows. */
#if HAS_WGMMA
static __device__ __forceinline__ uint64_t describe(const void *at) {
    uint64_t a = __cvta_generic_to_shared(at);
    return ((a >> 4) & 0x3fff) | (uint64_t)1 << 16 | (uint64_t)64 << 32 | (uint64_t)1 << 62;
}
#endif

/* d [64, N] += a [64, K] b [K, N]; N / 2 accumulators a thread. */
template <int N, bool IS_FP8> struct product;

#define LIST_4  "%0, %1, %2, %3"
#define LIST_8  LIST_4 ", %4, %5, %6, %7"
#define LIST_16 LIST_8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define LIST_32 \
    LIST_16 ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define LIST_64                                                                                  \
    LIST_32 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
            "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define LIST_128                                                                                 \
    LIST_64 ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
            "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "   \
            "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, "   \
            "%110, %111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, "     \
            "%123, %124, %125, %126, %127"
#define HELD_4(i)   "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define HELD_8(i)   HELD_4(i), HELD_4(i + 4)
#define HELD_16(i)  HELD_8(i), HELD_8(i + 8)
#define HELD_32(i)  HELD_16(i), HELD_16(i + 16)
#define HELD_64(i)  HELD_32(i), HELD_32(i + 32)
#define HELD_128(i) HELD_64(i), HELD_64(i + 64)
/* n: columns; half: accumulators, and the number of the first descriptor; next: of the second */
#define PRODUCT(n, half, next)                                                                    \
    template <> struct product<n, false> {                                                        \
        static __device__ __forceinline__ void add(float (&d)[half], uint64_t a, uint64_t b) {    \
            asm volatile("wgmma.mma_async.sync.aligned.m64n" #n "k16.f32.bf16.bf16 {" LIST_##half \
                         "}, %" #half ", %" #next ", 1, 1, 1, 0, 0;"                              \
                         : HELD_##half(0)                                                         \
                         : "l"(a), "l"(b));                                                       \
        }                                                                                         \
    };                                                                                            \
    template <> struct product<n, true> {                                                         \
        static __device__ __forceinline__ void add(float (&d)[half], uint64_t a, uint64_t b) {    \
            asm volatile("wgmma.mma_async.sync.aligned.m64n" #n "k32.f32.e4m3.e4m3 {" LIST_##half \
                         "}, %" #half ", %" #next ", 1, 1, 1;"                                    \
                         : HELD_##half(0)                                                         \
                         : "l"(a), "l"(b));                                                       \
        }                                                                                         \
    };
PRODUCT(8, 4, 5)
PRODUCT(16, 8, 9)
PRODUCT(32, 16, 17)
PRODUCT(64, 32, 33)
PRODUCT(128, 64, 65)
PRODUCT(256, 128, 129)

/* Numbers of about 1, no NaN: bfloat16 with exponents near 127, e4m3 with any but the highest. */
static __device__ __forceinline__ uint32_t random_pair(uint32_t i, bool is_fp8) {
    uint32_t z = i * 0x9e3779b9u;
    z = (z ^ z >> 16) * 0x85ebca6bu;
    z = (z ^ z >> 13) * 0xc2b2ae35u;
    z ^= z >> 16;
    return is_fp8 ? z & 0xbfbfbfbfu : (z & 0x807f807fu) | 0x3f003f00u;
}

/* Two warpgroups, each with its rows of A, share B. */
template <int N, bool IS_FP8>
static __global__ void __launch_bounds__(THREADS, 1) multiply(uint32_t n, float *out) {
    __shared__ __align__(1024) uint32_t a[GROUPS * A_ROWS * ROW_BYTES / 4];
    __shared__ __align__(1024) uint32_t b[N * ROW_BYTES / 4];
    for (uint32_t i = threadIdx.x; i < GROUPS * A_ROWS * ROW_BYTES / 4; i += THREADS)
        a[i] = random_pair(i, IS_FP8);
    for (uint32_t i = threadIdx.x; i < N * ROW_BYTES / 4; i += THREADS)
        b[i] = random_pair(i + 77777, IS_FP8);
    float d[N / 2] = {};
#if HAS_WGMMA
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    uint64_t from_a = describe(a + threadIdx.x / 128 * (A_ROWS * ROW_BYTES / 4));
    uint64_t from_b = describe(b);
    for (uint32_t r = 0; r < n; r++) {
        asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
        for (int i = 0; i < BATCHES * STEPS; i++)
            product<N, IS_FP8>::add(d, from_a + i % STEPS * 2, from_b + i % STEPS * 2);
        asm volatile("wgmma.commit_group.sync.aligned;\n"
                     "wgmma.wait_group.sync.aligned 0;" ::
                         : "memory");
    }
#endif
    float sum = 0;
#pragma unroll
    for (int i = 0; i < N / 2; i++)
        sum += d[i];
    out[(blockIdx.x * THREADS + threadIdx.x) % (MOST_COPIES * CELLS)] = sum;
}

struct products {
    void (*kernel)(uint32_t, float *);
    float *out;
    uint32_t grid, n;
};

static void do_products(void *context, weir_cuda_stream *stream, uint32_t) {
    const products *w = (const products *)context;
    w->kernel<<<w->grid, THREADS, 0, (cudaStream_t)stream>>>(w->n, w->out);
}

template <int N, bool IS_FP8> static int probe_product(FILE *out, float *cells, double most_s) {
    products w = {multiply<N, IS_FP8>, cells, 2 * weir_gpu_n_multiprocessors(), 2048};
    const double flop =
        2.0 * A_ROWS * N * (IS_FP8 ? 32 : 16) * STEPS * BATCHES * GROUPS * w.grid * w.n;
    weir_gpu_time time;
    char name[64];
    int code = weir_gpu_measure(&time, do_products, &w, 1, REPEATS, most_s);
    if (code != 0)
        return code;
    snprintf(name, sizeof name, "wgmma %s, m64n%d", IS_FP8 ? "e4m3" : "bf16", N);
    weir_gpu_report(out, "arithmetic", name, flop / time.us * 1e6, "FLOP/s", time.spread);
    return 0;
}

template <bool IS_FP8> static int probe_products(FILE *out, float *cells, double most_s) {
    static int (*const all[])(FILE *, float *, double) = {
        probe_product<8, IS_FP8>,  probe_product<16, IS_FP8>,  probe_product<32, IS_FP8>,
        probe_product<64, IS_FP8>, probe_product<128, IS_FP8>, probe_product<256, IS_FP8>};
    int code = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && code == 0; i++)
        code = all[i](out, cells, most_s);
    return code;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static __global__ void tell_words(uint32_t *has) {
    has[0] = HAS_DEPENDENT;
    has[1] = HAS_WGMMA;
}

/* Of the code that runs on this device, which the host's does not know. */
static int find_words(uint32_t *cells, uint32_t has[2]) {
    tell_words<<<1, 1>>>(cells);
    int code = cudaGetLastError();
    return code != 0 ? code : cudaMemcpy(has, cells, 2 * sizeof *has, cudaMemcpyDeviceToHost);
}

int weir_gpu_probe_device(FILE *out, double most_s) {
    uint32_t has[2];
    void *memory;
    int code = weir_cuda_take(&memory, MOST_COPIES * CELLS * sizeof(uint64_t));
    if (code != 0)
        return code;
    uint32_t *cells = (uint32_t *)memory;
    code = find_words(cells, has);
    if (code == 0)
        code = probe_barriers(out, cells, most_s);
    if (code == 0)
        code = probe_atomics(out, cells, most_s);
    if (code == 0)
        code = probe_nodes(out, cells, has[0], most_s);
    if (code == 0 && has[1])
        code = probe_products<false>(out, (float *)memory, most_s);
    if (code == 0 && has[1])
        code = probe_products<true>(out, (float *)memory, most_s);
    weir_cuda_give(memory);
    return code;
}
