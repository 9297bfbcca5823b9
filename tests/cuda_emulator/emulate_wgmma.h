/*
 * emulate_wgmma.h: the words of src/cuda/cuda_wgmma.cuh for g++, on the fibers of cuda_emulator.h.
 *
 * A descriptor is decoded from its bits as the PTX ISA has them ("matrix descriptor", K-major): all
 * four swizzles, strides as they are written there, applied to addresses of a window of shared
 * memory that begins at 1024, where that of a device's dynamic memory does.
 *
 * Everything that runs later runs as late as it can. A product is computed when its thread waits;
 * until then d is NaN, and rows of B that others have written over, a register of A that has
 * changed or a wait that is missing show. The bytes of a bulk copy come when somebody waits for its
 * barrier and would have to sleep; until then the place is NaN. A block that ends with copies under
 * way ends the program, as do a copy to a place of no barrier, an address that is not aligned, a
 * product without cu_wgmma_begin, and warps of a warpgroup that do not name the same rows. Who
 * waits for a phase that nobody completes is found as threads at a barrier are.
 *
 * A step of 16 columns is summed as emulate_mma.h does it: products by a warp and by a warpgroup
 * have the same bits here. Whether they have on a device, weir_cuda_prove_wgmma asks.
 */
#ifndef WEIR_TESTS_EMULATE_WGMMA_H
#define WEIR_TESTS_EMULATE_WGMMA_H

#include <emulate_mma.h>

/* A device whose products by warpgroups are another arithmetic than those by warps: every step
 * loses the last bit of its sum. C, so that tests of the host's side may set it. */
extern "C" {
inline bool weir_emulator_wgmma_cuts;
}

namespace weir_emulator {

enum {
    LARGE_BYTES = 227 << 10,
    LARGE_ADDRESS = 1024,
    GROUP_LANES = 128,
    MOST_BARRIERS = 64,
    MOST_HALF = 128 /* accumulators of a thread */
};

struct PhaseBarrier {
    const void *at;
    uint32_t n_arrivals, n_missing;
    int64_t n_bytes; /* expected and not copied; negative: copied and not expected */
    uint32_t phase;
    Barrier events; /* goes on whenever something here changes */
};

struct Bulk {
    void *to;
    const void *from;
    uint32_t n_bytes;
    PhaseBarrier *barrier;
};

struct Product {
    float *d;
    uint32_t half;
    const uint32_t *a_at; /* where A stood, and must still stand when it is waited for */
    uint32_t a[4];
    uint64_t b;
    bool has_sum;
};

/* What a thread of products has under way. */
struct Later {
    std::vector<Product> products;
    uint32_t n_open = 0; /* of them, in no group yet */
    bool is_begun = false;
    float sums[MOST_HALF]; /* what d would be */
    float *d = nullptr;    /* the one that is under way */
};

struct Large {
    unsigned char *bytes = nullptr;
    size_t size = 0;
    uint32_t n_barriers = 0, n_ended = 0;
    PhaseBarrier barriers[MOST_BARRIERS];
    std::vector<Bulk> bulks;
    Later later[1024];
    Barrier groups[1024 / GROUP_LANES];
    uint64_t named[1024];
};
inline thread_local Large large;

/* The first thread of a block comes: shared memory is full of NaN, barriers are gone. */
inline void large_begin(size_t n_bytes) {
    static const char key = 0;
    uint32_t &is_new = shared<uint32_t>(&key);
    if (n_bytes > LARGE_BYTES - 64)
        fail("more than 227 KiB of shared memory", 0, 0);
    if (!is_new)
        return;
    is_new = 0;
    if (!large.bytes)
        large.bytes = (unsigned char *)aligned_alloc(1024, LARGE_BYTES + 1024);
    memset(large.bytes, 0xff, LARGE_BYTES);
    large.size = n_bytes;
    large_window = {large.bytes, large.bytes + n_bytes};
    large.n_barriers = large.n_ended = 0;
    large.bulks.clear();
    for (uint32_t t = 0; t < block->n_threads; t++) {
        large.later[t].products.clear();
        large.later[t].n_open = 0;
        large.later[t].is_begun = false;
        large.later[t].d = nullptr;
    }
    for (Barrier &b : large.groups)
        b = Barrier();
}

inline void large_end() {
    if (large.later[block->current].products.size() > 0)
        fail("a thread that ends before its products", 0, 0);
    if (++large.n_ended == block->n_threads && large.bulks.size() > 0)
        fail("a block that ends before its copies", 0, 0);
}

template <class... P, class Stream, class... A>
void launch_large(const char *name, dim3 grid, uint32_t n, size_t n_bytes, void (*kernel)(P...),
                  Stream, A &&...args) {
    std::tuple<P...> own(std::forward<A>(args)...);
    queue([=] {
        launch_body(name, grid, n, [&] {
            large_begin(n_bytes);
            std::apply(kernel, own);
            large_end();
        });
        large_window = {nullptr, nullptr};
    });
}

inline void want_large(const void *at, size_t n_bytes, size_t alignment, const char *what) {
    const unsigned char *p = (const unsigned char *)at;
    if (p < large.bytes || p + n_bytes > large.bytes + large.size || (uintptr_t)p % alignment != 0)
        fail(what, 0, 0);
}

inline uint32_t shared_address(const void *at) {
    want_large(at, 1, 1, "an address outside the block's large shared memory");
    return LARGE_ADDRESS + (uint32_t)((const unsigned char *)at - large.bytes);
}

/* ---- barriers and bulk copies --------------------------------------------------------------- */

inline PhaseBarrier *barrier_of(const void *at) {
    for (uint32_t i = 0; i < large.n_barriers; i++)
        if (large.barriers[i].at == at)
            return &large.barriers[i];
    fail("a barrier that was not made", 0, 0);
}

inline void barrier_init(const void *at, uint32_t n_arrivals) {
    want_large(at, 8, 8, "a barrier outside the block's large shared memory");
    if (large.n_barriers == MOST_BARRIERS || n_arrivals == 0)
        fail("too many barriers, or one without arrivals", 0, 0);
    PhaseBarrier &b = large.barriers[large.n_barriers++];
    b = PhaseBarrier();
    b.at = at;
    b.n_arrivals = b.n_missing = n_arrivals;
}

inline void barrier_changed(PhaseBarrier *b) {
    b->events.generation++;
    if (b->n_missing > 0 || b->n_bytes != 0)
        return;
    b->n_missing = b->n_arrivals;
    b->phase++;
}

inline void barrier_arrive(const void *at, uint32_t n_bytes) {
    PhaseBarrier *b = barrier_of(at);
    if (b->n_missing == 0)
        fail("an arrival more than the barrier's phase has", 0, 0);
    b->n_missing--;
    b->n_bytes += n_bytes;
    barrier_changed(b);
}

/* The bytes of all copies to this barrier come. */
inline void bulk_deliver(PhaseBarrier *b) {
    size_t n_kept = 0;
    for (size_t i = 0; i < large.bulks.size(); i++) {
        Bulk c = large.bulks[i];
        if (c.barrier != b) {
            large.bulks[n_kept++] = c;
            continue;
        }
        memcpy(c.to, c.from, c.n_bytes);
        b->n_bytes -= c.n_bytes;
        barrier_changed(b);
    }
    large.bulks.resize(n_kept);
}

inline bool barrier_wait(const void *at, uint32_t parity, int site) {
    PhaseBarrier *b = barrier_of(at);
    Fiber &f = block->fibers[block->current];
    if (draw() % 2) /* others may be much further when this thread looks */
        to_scheduler();
    while ((b->phase & 1) == parity) {
        uint32_t before = b->events.generation;
        bulk_deliver(b);
        if (b->events.generation != before)
            continue;
        b->events.site = site;
        f.generation = before;
        f.waits_for = &b->events;
        to_scheduler();
        f.waits_for = nullptr;
    }
    return true;
}

inline void bulk_copy(void *to, const void *from, uint32_t n_bytes, const void *barrier) {
    want_large(to, n_bytes, 16, "a copy to a place that is not aligned or not shared memory");
    if ((uintptr_t)from % 16 != 0 || n_bytes % 16 != 0 || n_bytes == 0)
        fail("a copy that is not of whole 16 bytes", 0, 0);
    memset(to, 0xff, n_bytes);
    PhaseBarrier *b = barrier_of(barrier);
    large.bulks.push_back({to, from, n_bytes, b});
    b->events.generation++;
}

/* ---- products ------------------------------------------------------------------------------- */

/* The 16 columns of row n that a descriptor names: no swizzle divides 16 bytes. */
inline void descriptor_row(uint64_t descriptor, uint32_t n, float values[16]) {
    uint32_t start = (uint32_t)(descriptor & 0x3fff) << 4;
    uint32_t leading = (uint32_t)(descriptor >> 16 & 0x3fff) << 4;
    uint32_t stride = (uint32_t)(descriptor >> 32 & 0x3fff) << 4;
    uint32_t base = (uint32_t)(descriptor >> 49 & 7), mode = (uint32_t)(descriptor >> 62);
    const uint32_t row_bytes[4] = {16, 128, 64, 32}, swizzled[4] = {0, 7, 3, 1};
    if (base != 0)
        fail("a descriptor with a base offset, which no kernel here needs", 0, 0);
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t at = start + n / 8 * stride + n % 8 * row_bytes[mode];
        at += half * (mode == 0 ? leading : 16);
        at ^= (at >> 7 & swizzled[mode]) << 4;
        if (at < LARGE_ADDRESS || at + 16 > LARGE_ADDRESS + large.size)
            fail("a descriptor that leaves the block's shared memory", 0, 0);
        uint16_t bits[8];
        memcpy(bits, large.bytes + at - LARGE_ADDRESS, sizeof bits);
        for (uint32_t i = 0; i < 8; i++)
            values[8 * half + i] = weir_bf16_to_f32(bits[i]);
    }
}

inline void sync_group(int site) {
    arrive(large.groups[block->current / GROUP_LANES], GROUP_LANES, site);
}

inline void wgmma(float *d, uint32_t half, const uint32_t *a, uint64_t b, bool has_sum, int site) {
    Later &mine = large.later[block->current];
    if (!mine.is_begun)
        fail("a product without cu_wgmma_begin", site, 0);
    if (mine.d && mine.d != d)
        fail("two sums under way: the emulator has one", site, 0);
    if (!mine.d)
        memcpy(mine.sums, d, half * sizeof *d);
    mine.d = d;
    memset(d, 0xff, half * sizeof *d);
    mine.products.push_back({d, half, a, {a[0], a[1], a[2], a[3]}, b, has_sum});
    mine.n_open++;
}

inline void wgmma_commit(int site) {
    uint32_t me = block->current, first = me / GROUP_LANES * GROUP_LANES;
    Later &mine = large.later[me];
    large.named[me] = mine.products.empty() ? 0 : mine.products.back().b;
    sync_group(site);
    if (large.named[first] != large.named[me])
        fail("warps of a warpgroup that name different rows", site, 0);
    sync_group(site);
    mine.n_open = 0;
}

/* One step of the warp's rows, on the sums. */
inline void wgmma_step(const Product &p, float *sums, int site) {
    uint32_t me = block->current, lane = me % LANES;
    const Letter *from = letters + me / LANES * LANES;
    float left[2][16], right[16];
    memcpy(letters[me].words, p.a, sizeof p.a);
    sync_warp(site);
    for (uint32_t i = 0; i < 2; i++)
        fragment_row(from, lane / 4 + 8 * i, false, left[i]);
    sync_warp(site);
    for (uint32_t j = 0; j < p.half / 2; j++) {
        uint32_t column = 8 * (j / 2) + 2 * (lane % 4) + j % 2;
        descriptor_row(p.b, column, right);
        for (uint32_t i = 0; i < 2; i++) {
            float *d = sums + 4 * (j / 2) + 2 * i + j % 2;
            double sum = p.has_sum ? *d : 0;
            for (uint32_t k = 0; k < 16; k++)
                sum += (double)left[i][k] * (double)right[k];
            *d = (float)sum;
            if (weir_emulator_wgmma_cuts)
                *d = weir_bits_f32(weir_f32_bits(*d) & ~1u);
        }
    }
}

inline void wgmma_wait(int site) {
    Later &mine = large.later[block->current];
    if (mine.n_open > 0)
        fail("products that are in no group when they are waited for", site, 0);
    for (const Product &p : mine.products) {
        if (memcmp(p.a_at, p.a, sizeof p.a) != 0)
            fail("registers of A that changed under way", site, 0);
        wgmma_step(p, mine.sums, site);
        memcpy(p.d, mine.sums, p.half * sizeof *p.d);
    }
    mine.products.clear();
    mine.is_begun = false;
    mine.d = nullptr;
}

} // namespace weir_emulator

#define CU_SHARED_LARGE(type, name) type &name = *(type *)weir_emulator::large.bytes
#define CU_LAUNCH_LARGE(kernel, grid, n_threads, n_bytes, ...) \
    weir_emulator::launch_large(#kernel, grid, n_threads, n_bytes, kernel, __VA_ARGS__)

#define cu_barrier_wait(barrier, parity) weir_emulator::barrier_wait(barrier, parity, __LINE__)
#define cu_wgmma_commit()                weir_emulator::wgmma_commit(__LINE__)
#define cu_wgmma_wait(d)                 weir_emulator::wgmma_wait(__LINE__)

/* Few, so that a block takes several tiles. */
static inline uint32_t cu_multiprocessors() {
    return 3;
}

CU_DEVICE uint32_t cu_shared_address(const void *shared) {
    return weir_emulator::shared_address(shared);
}

CU_DEVICE void cu_barrier_init(cu_barrier *barrier, uint32_t n_arrivals) {
    weir_emulator::barrier_init(barrier, n_arrivals);
}

CU_DEVICE void cu_async_fence() {
}

CU_DEVICE void cu_barrier_arrive(cu_barrier *barrier) {
    weir_emulator::barrier_arrive(barrier, 0);
}

CU_DEVICE void cu_barrier_expect(cu_barrier *barrier, uint32_t n_bytes) {
    weir_emulator::barrier_arrive(barrier, n_bytes);
}

CU_DEVICE void cu_bulk_copy(void *shared, const void *from, uint32_t n_bytes, cu_barrier *barrier) {
    weir_emulator::bulk_copy(shared, from, n_bytes, barrier);
}

template <int N> CU_DEVICE void cu_fewer_registers() {
}

template <int N> CU_DEVICE void cu_more_registers() {
}

CU_DEVICE void cu_trap() {
    weir_emulator::fail("a trap", 0, 0);
}

CU_DEVICE void cu_wgmma_begin() {
    weir_emulator::large.later[weir_emulator::block->current].is_begun = true;
}

template <uint32_t N>
CU_DEVICE void cu_wgmma(float (&d)[N / 2], const uint32_t a[4], uint64_t b, bool has_sum) {
    weir_emulator::wgmma(d, N / 2, a, b, has_sum, 0);
}

#endif
