/*
 * test_cuda_mma.cpp: every word of cuda_mma.cuh against its definition in plain C++: rounding to
 * bfloat16, the product of a warp, tiles into fragments, copies that arrive later. With g++ it
 * holds the emulator to the definition; compiled by nvcc it holds the device to it, and is what
 * runs first there: what the emulator proves of a kernel is worth as much as this.
 */
#include "cuda_test.h"

#include "base/half.h"
#include "cuda/cuda_mma.cuh"

enum { THREADS = 64, M = 16, N = 8, K = 16, MATRIX = 8, N_ROUND = 4096 };

CU_KERNEL(THREADS)
convert(const float *in, uint16_t *bits, uint32_t *pairs, float *back, float *halves) {
    uint32_t i = blockIdx.x * THREADS + threadIdx.x;
    bits[i] = cu_float_bf16(in[i]);
    pairs[i] = cu_pair_bf16(in[i], in[(i + 1) % N_ROUND]);
    back[i] = cu_bf16_float(bits[i]);
    halves[2 * i] = cu_pair_low(pairs[i]);
    halves[2 * i + 1] = cu_pair_high(pairs[i]);
}

/* d = c + a b, a warp a tile; a [M, K], b [N, K], c and d [M, N] */
CU_KERNEL(THREADS) multiply(const uint32_t *a, const uint32_t *b, const float *c, float *d) {
    uint32_t lane = threadIdx.x % CU_WARP, group = lane / 4, member = lane % 4;
    uint32_t tile = blockIdx.x * (THREADS / CU_WARP) + threadIdx.x / CU_WARP;
    a += tile * M * K / 2, b += tile * N * K / 2, c += tile * M * N, d += tile * M * N;
    uint32_t left[4], right[2];
    float sum[4];
    for (uint32_t i = 0; i < 4; i++) {
        left[i] = a[(group + 8 * (i % 2)) * (K / 2) + 4 * (i / 2) + member];
        sum[i] = c[(group + 8 * (i / 2)) * N + 2 * member + i % 2];
    }
    for (uint32_t i = 0; i < 2; i++)
        right[i] = b[group * (K / 2) + 4 * i + member];
    cu_mma_bf16(sum, left, right);
    for (uint32_t i = 0; i < 4; i++)
        d[(group + 8 * (i / 2)) * N + 2 * member + i % 2] = sum[i];
}

/* Rows of four matrices stand in another order than their numbers: row_at [32]. */
CU_KERNEL(CU_WARP)
load_tiles(const uint4 *tile, const uint32_t *row_at, uint32_t *plain, uint32_t *transposed) {
    CU_SHARED(uint4, rows, [4 * MATRIX]);
    uint32_t to[4];
    rows[row_at[threadIdx.x]] = cu_load_once(tile + threadIdx.x);
    cu_sync();
    cu_ldmatrix_x4(to, &rows[row_at[threadIdx.x]]);
    for (uint32_t m = 0; m < 4; m++)
        plain[m * CU_WARP + threadIdx.x] = to[m];
    cu_ldmatrix_x4_trans(to, &rows[row_at[threadIdx.x]]);
    for (uint32_t m = 0; m < 4; m++)
        transposed[m * CU_WARP + threadIdx.x] = to[m];
}

enum { STAGES = 3, N_STEPS = 7 };

CU_DEVICE void copy_of_ring(uint4 *to, const uint4 *from) {
    if (threadIdx.x / (THREADS / 4) == 2)
        cu_copy_part(to, from, 8);
    else
        cu_copy_16(to, from, threadIdx.x < THREADS / 4 * 3);
}

/* A ring: every thread copies its 16 bytes of each step and adds what its neighbour copied; the
 * last quarter of the threads has zeros, the quarter before 8 bytes and zeros. has_wait and
 * has_barrier: without them sums are wrong. */
CU_KERNEL(THREADS) ring(const uint4 *in, uint32_t *sums, bool has_wait, bool has_barrier) {
    CU_SHARED(uint4, box, [STAGES * THREADS]);
    uint32_t t = threadIdx.x, sum = 0;
    for (uint32_t step = 0; step < STAGES - 1; step++) {
        copy_of_ring(&box[step * THREADS + t], in + step * THREADS + t);
        cu_copy_commit();
    }
    for (uint32_t step = 0; step < N_STEPS; step++) {
        uint32_t next = step + STAGES - 1;
        if (has_wait)
            cu_copy_wait<STAGES - 2>();
        if (has_barrier)
            cu_sync();
        if (next < N_STEPS)
            copy_of_ring(&box[next % STAGES * THREADS + t], in + next * THREADS + t);
        cu_copy_commit();
        uint4 v = box[step % STAGES * THREADS + (t + CU_WARP) % THREADS];
        sum += v.x + 3 * v.y + 5 * v.z + 7 * v.w;
    }
    cu_copy_wait<0>();
    sums[t] = sum;
}

static float special(uint32_t i) {
    static const uint32_t bits[] = {
        0,          0x80000000, 0x7f800000, 0xff800000, 0x7f7fffff, 0x00000001, 0x807fffff,
        0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff, 0x7f7f7fff, 0x7f7f8000, 0x7fc00000,
    };
    return i < sizeof bits / sizeof *bits ? weir_bits_f32(bits[i]) : weir_bits_f32(test_bits());
}

/* NaN may differ in its bits. */
static bool is_bf16(uint32_t bits, float value) {
    return isnan(value) ? isnan(weir_bf16_to_f32((uint16_t)bits))
                        : (uint16_t)bits == weir_f32_to_bf16(value);
}

static bool is_float(float a, float b) {
    return same_bits(&a, &b, 1) || (isnan(a) && isnan(b));
}

static void test_rounding(void) {
    gpu_buffer<float> in(N_ROUND), back(N_ROUND), halves(2 * N_ROUND);
    gpu_buffer<uint16_t> bits(N_ROUND);
    gpu_buffer<uint32_t> pairs(N_ROUND);
    for (uint32_t i = 0; i < N_ROUND; i++)
        in[i] = special(i);
    CU_LAUNCH(convert, dim3(N_ROUND / THREADS), THREADS, nullptr, in.p, bits.p, pairs.p, back.p,
              halves.p);
    finish();
    size_t n_wrong = 0;
    for (uint32_t i = 0; i < N_ROUND; i++) {
        n_wrong += !is_bf16(bits[i], in[i]);
        n_wrong += !is_bf16(pairs[i], in[i]) || !is_bf16(pairs[i] >> 16, in[(i + 1) % N_ROUND]);
        n_wrong += !is_float(back[i], weir_bf16_to_f32(bits[i]));
        n_wrong += !is_float(halves[2 * i], weir_bf16_to_f32((uint16_t)pairs[i]));
        n_wrong += !is_float(halves[2 * i + 1], weir_bf16_to_f32((uint16_t)(pairs[i] >> 16)));
    }
    check(n_wrong == 0, "rounding to bfloat16", "");
}

/* Small whole numbers have one answer, to the bit. For others every term may lose what lies below
 * the last place of the greatest: 17 of them, 2^-23 each. */
static void test_product(bool is_whole) {
    enum { TILES = 64 };
    gpu_buffer<uint16_t> a(TILES * M * K), b(TILES * N * K);
    gpu_buffer<float> c(TILES * M * N), d(TILES * M * N);
    for (size_t i = 0; i < a.n; i++)
        a[i] = weir_f32_to_bf16(is_whole ? (float)test_below(17) - 8 : test_normal());
    for (size_t i = 0; i < b.n; i++)
        b[i] = weir_f32_to_bf16(is_whole ? (float)test_below(17) - 8 : test_normal());
    for (size_t i = 0; i < c.n; i++)
        c[i] = is_whole ? (float)test_below(1000) : test_normal();
    CU_LAUNCH(multiply, dim3(TILES * CU_WARP / THREADS), THREADS, nullptr, (const uint32_t *)a.p,
              (const uint32_t *)b.p, c.p, d.p);
    finish();
    size_t n_wrong = 0;
    for (uint32_t tile = 0; tile < TILES; tile++)
        for (uint32_t i = 0; i < M * N; i++) {
            size_t at = tile * M * N + i;
            double sum = c[at], most = fabs((double)c[at]);
            for (uint32_t k = 0; k < K; k++) {
                double part = (double)weir_bf16_to_f32(a[(tile * M + i / N) * K + k]) *
                              (double)weir_bf16_to_f32(b[(tile * N + i % N) * K + k]);
                sum += part;
                most = part > most ? part : -part > most ? -part : most;
            }
            n_wrong += is_whole ? d[at] != (float)sum : !(fabs(d[at] - sum) <= 17 * 0x1p-23 * most);
        }
    check(n_wrong == 0, "mma", is_whole ? "of whole numbers" : "of real numbers");
}

/* A tile's answers where it stands, and the same with its rows and columns moved: equal bits. */
static void test_places(void) {
    enum { TILES = 2 };
    gpu_buffer<uint16_t> a(TILES * M * K), b(TILES * N * K);
    gpu_buffer<float> c(TILES * M * N), d(TILES * M * N);
    for (size_t i = 0; i < a.n / 2; i++)
        a[i] = weir_f32_to_bf16(test_normal());
    for (size_t i = 0; i < b.n / 2; i++)
        b[i] = weir_f32_to_bf16(test_normal());
    for (size_t i = 0; i < c.n / 2; i++)
        c[i] = test_normal();
    for (uint32_t i = 0; i < M; i++)
        memcpy(&a[(M + (i + 5) % M) * K], &a[i * K], K * sizeof a[0]);
    for (uint32_t j = 0; j < N; j++)
        memcpy(&b[(N + (j + 3) % N) * K], &b[j * K], K * sizeof b[0]);
    for (uint32_t i = 0; i < M * N; i++)
        c[M * N + (i / N + 5) % M * N + (i + 3) % N] = c[i];
    CU_LAUNCH(multiply, dim3(1), THREADS, nullptr, (const uint32_t *)a.p, (const uint32_t *)b.p,
              c.p, d.p);
    finish();
    size_t n_wrong = 0;
    for (uint32_t i = 0; i < M * N; i++)
        n_wrong += !same_bits(&d[i], &d[M * N + (i / N + 5) % M * N + (i + 3) % N], 1);
    check(n_wrong == 0, "mma", "at other places");
}

static void test_tiles(void) {
    gpu_buffer<uint16_t> tile(4 * MATRIX * MATRIX);
    gpu_buffer<uint32_t> row_at(4 * MATRIX), plain(4 * CU_WARP), transposed(4 * CU_WARP);
    for (size_t i = 0; i < tile.n; i++)
        tile[i] = (uint16_t)test_bits();
    for (uint32_t i = 0; i < 4 * MATRIX; i++)
        row_at[i] = (11 * i + 5) % (4 * MATRIX);
    CU_LAUNCH(load_tiles, dim3(1), CU_WARP, nullptr, (const uint4 *)tile.p, row_at.p, plain.p,
              transposed.p);
    finish();
    size_t n_wrong = 0, n_wrong_transposed = 0;
    for (uint32_t i = 0; i < 4 * CU_WARP; i++) {
        const uint16_t *matrix = tile.p + i / CU_WARP * MATRIX * MATRIX;
        uint32_t group = i % CU_WARP / 4, column = 2 * (i % 4);
        n_wrong += plain[i] != (matrix[group * MATRIX + column] |
                                (uint32_t)matrix[group * MATRIX + column + 1] << 16);
        n_wrong_transposed +=
            transposed[i] != (matrix[column * MATRIX + group] |
                              (uint32_t)matrix[(column + 1) * MATRIX + group] << 16);
    }
    check(n_wrong == 0, "ldmatrix", "");
    check(n_wrong_transposed == 0, "ldmatrix", "trans");
}

static bool ring_is_right(bool has_wait, bool has_barrier) {
    gpu_buffer<uint32_t> in(N_STEPS * THREADS * 4), sums(THREADS);
    for (size_t i = 0; i < in.n; i++)
        in[i] = test_bits();
    CU_LAUNCH(ring, dim3(1), THREADS, nullptr, (const uint4 *)in.p, sums.p, has_wait, has_barrier);
    finish();
    for (uint32_t t = 0; t < THREADS; t++) {
        uint32_t from = (t + CU_WARP) % THREADS, sum = 0;
        for (uint32_t step = 0; step < N_STEPS && from < THREADS / 4 * 3; step++) {
            const uint32_t *v = in.p + (size_t)(step * THREADS + from) * 4;
            sum += v[0] + 3 * v[1] + (from < THREADS / 2 ? 5 * v[2] + 7 * v[3] : 0);
        }
        if (sums[t] != sum)
            return false;
    }
    return true;
}

#ifdef WEIR_CUDA_EMULATED
CU_KERNEL(CU_WARP) ends_early(const uint4 *in) {
    CU_SHARED(uint4, box, [CU_WARP]);
    cu_copy_16(&box[threadIdx.x], in);
    cu_copy_commit();
}

CU_KERNEL(CU_WARP) names_device_memory(const uint4 *in, uint32_t *out) {
    uint32_t to[4];
    cu_ldmatrix_x4(to, in);
    out[threadIdx.x] = to[0];
}

/* What the emulator promises to catch; a device shows none of it for sure. */
static void test_catching(void) {
    gpu_buffer<uint4> in(1);
    gpu_buffer<uint32_t> out(CU_WARP);
    check(!ring_is_right(false, true), "a missing wait is not seen", "");
    check(!ring_is_right(true, false), "a missing barrier is not seen", "");
    check(ends([&] { CU_LAUNCH(ends_early, dim3(1), CU_WARP, nullptr, in.p); }),
          "a thread that ends before its copies is not seen", "");
    check(ends([&] { CU_LAUNCH(names_device_memory, dim3(1), CU_WARP, nullptr, in.p, out.p); }),
          "ldmatrix of device memory is not seen", "");
}
#endif

int main(int argc, char **argv) {
    test_begin(argc, argv);
    test_rounding();
    test_product(true);
    test_product(false);
    test_places();
    test_tiles();
    check(ring_is_right(true, true), "copies in a ring", "");
#ifdef WEIR_CUDA_EMULATED
    test_catching();
#endif
    return test_end();
}
