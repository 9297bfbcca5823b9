/*
 * cuda_emulator.h: the words of src/cuda/cuda_words.cuh for g++: kernels run on the CPU, so that
 * indices, barriers and arithmetic are proven where there is no GPU.
 *
 * A fiber for each CUDA thread, the blocks one after another in random order. A fiber runs until a
 * barrier or an exchange, then hands over to the next one that can run, drawn at random: all that
 * can run take their turn before any has a second one. So
 *
 *   - a missing barrier gives a wrong answer under some seed;
 *   - a barrier that some threads never reach, or reach at another line, ends the program and says
 *     where;
 *   - shared memory is full of NaN (-1) when a block begins; build with
 *     -ftrivial-auto-var-init=pattern and uninitialised registers are full of -1.7e38.
 *
 * Not modelled: time, bank conflicts, alignment of device loads (except through the sanitizer),
 * weak order of memory, blocks that wait for one another. Launches of one host thread run at once
 * and to the end. weir_emulator_seed is the only knob.
 */
#ifndef WEIR_TESTS_CUDA_EMULATOR_H
#define WEIR_TESTS_CUDA_EMULATOR_H

#include "base/half.h"
#include <algorithm>
#include <functional>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <tuple>
#include <type_traits>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

struct alignas(16) uint4 {
    uint32_t x, y, z, w;
};
struct alignas(8) uint2 {
    uint32_t x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct dim3 {
    uint32_t x, y, z;
    dim3(uint32_t a = 1, uint32_t b = 1, uint32_t c = 1) : x(a), y(b), z(c) {
    }
};

inline uint64_t weir_emulator_seed = 1;

namespace weir_emulator {

enum { LANES = 32, STACK_BYTES = 128 << 10, SHARED_BYTES = 48 << 10 };

/* Stacks begin at different places of their pages: at the same one, all of a block would meet in a
 * few lines of the cache, and switching would be most of the time. */
enum { STACK_STEP = 832, STACK_STEPS = 32 << 10 };

#if defined(__x86_64__)
/* Keeps what the System V ABI wants kept. Weak, so that every unit may bring it along. */
extern "C" void weir_emulator_switch(void **from, void *to);
__asm__(".text\n"
        ".weak weir_emulator_switch\n"
        ".type weir_emulator_switch, @function\n"
        "weir_emulator_switch:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n    pushq %r13\n    pushq %r14\n"
        "    pushq %r15\n    movq %rsp, (%rdi)\n    movq %rsi, %rsp\n    popq %r15\n"
        "    popq %r14\n    popq %r13\n    popq %r12\n    popq %rbx\n    popq %rbp\n    ret\n"
        ".size weir_emulator_switch, .-weir_emulator_switch\n");
typedef void *Context;
#else
typedef ucontext_t Context;
#endif

/* Where threads wait for one another. `site` is the line the first of them came from. */
struct Barrier {
    uint32_t n_arrived = 0, generation = 0;
    int site = 0;
};

/* An asynchronous copy to shared memory that has not arrived (emulate_mma.h). */
struct Copy {
    void *to;
    const void *from = nullptr;
    uint32_t n_bytes, group; /* zeros behind n_bytes, up to 16 */
};

struct Fiber {
    Context context;
    char *stack = nullptr;
    void *fake_stack = nullptr; /* the sanitizer's */
    const Barrier *waits_for = nullptr;
    uint32_t generation = 0; /* of the barrier when it began to wait */
    bool is_done = false;
    /* Exchange within the warp, two letters in turn: who writes one has seen all others arrive with
     * the other, so that they have read what stood in it before. */
    uint64_t mail[2] = {0, 0};
    uint32_t n_mails = 0;
    std::vector<Copy> copies;
    uint32_t n_committed = 0; /* groups of them */
};

struct Shared {
    const void *key; /* one for each declaration */
    size_t at;
};

struct Block {
    uint32_t n_threads = 0, current = 0;
    const char *kernel = "";
    void (*call)(void *) = nullptr;
    void *body = nullptr;
    std::vector<Fiber> fibers;
    std::vector<uint32_t> ready; /* fibers whose turn comes in this round */
    uint32_t n_live = 0;
    std::vector<Barrier> warps;
    Barrier all;
    Context scheduler;
    void *scheduler_fake = nullptr;
    const void *host_stack = nullptr;
    size_t host_stack_bytes = 0;
    std::vector<Shared> shared;
    size_t shared_used = 0;
    unsigned char *shared_bytes = nullptr;
};

inline thread_local Block *block;
inline thread_local dim3 thread_idx, block_idx, block_dim, grid_dim;
inline thread_local uint64_t random_state;

/* splitmix64 */
inline uint64_t draw() {
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

inline uint32_t draw_below(uint32_t n) {
    return (uint32_t)((draw() >> 32) * n >> 32);
}

[[noreturn]] inline void fail(const char *what, int site, int other) {
    fprintf(stderr, "emulator: %s in kernel %s, block %u %u, thread %u: line %d", what,
            block->kernel, block_idx.x, block_idx.y, block->current, site);
    if (other)
        fprintf(stderr, ", others at line %d", other);
    fprintf(stderr, "\n");
    _Exit(3);
}

/* ---- fibers -------------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
inline void leave(void **fake, const void *stack, size_t bytes) {
    __sanitizer_start_switch_fiber(fake, stack, bytes);
}
inline void enter(void *fake, const void **stack, size_t *bytes) {
    __sanitizer_finish_switch_fiber(fake, stack, bytes);
}
#else
inline void leave(void **, const void *, size_t) {
}
inline void enter(void *, const void **, size_t *) {
}
#endif

inline void swap(Context &from, Context &to) {
#if defined(__x86_64__)
    weir_emulator_switch(&from, to);
#else
    swapcontext(&from, &to);
#endif
}

inline bool can_run(const Fiber &f) {
    return !f.is_done && (!f.waits_for || f.waits_for->generation != f.generation);
}

/* Who runs next, one of those that could when the round began. */
inline uint32_t next_fiber() {
    Block &k = *block;
    if (k.ready.empty()) {
        for (uint32_t t = 0; t < k.n_threads; t++)
            if (can_run(k.fibers[t]))
                k.ready.push_back(t);
        if (k.ready.empty()) {
            for (k.current = 0; k.fibers[k.current].is_done;)
                k.current++;
            fail("divergent barrier (some threads never come)", k.fibers[k.current].waits_for->site,
                 0);
        }
    }
    std::swap(k.ready.back(), k.ready[draw_below((uint32_t)k.ready.size())]);
    uint32_t t = k.ready.back();
    k.ready.pop_back();
    return t;
}

inline void set_current(uint32_t thread) {
    block->current = thread;
    thread_idx = dim3(thread, 0, 0);
}

/* The fiber that runs hands over, to the host if it is the last one to end. */
inline void to_scheduler() {
    Block &k = *block;
    uint32_t me = k.current;
    Fiber &f = k.fibers[me];
    if (k.n_live == 0) {
        leave(nullptr, k.host_stack, k.host_stack_bytes);
        swap(f.context, k.scheduler);
        abort();
    }
    uint32_t t = next_fiber();
    if (t == me)
        return;
    set_current(t);
    leave(f.is_done ? nullptr : &f.fake_stack, k.fibers[t].stack, STACK_BYTES);
    swap(f.context, k.fibers[t].context);
    enter(f.fake_stack, nullptr, nullptr);
}

inline void fiber_main() {
    Block &k = *block;
    const void *from = nullptr;
    size_t from_bytes = 0;
    enter(nullptr, &from, &from_bytes);
    if (!k.host_stack) { /* the first one comes from the host, all others from another fiber */
        k.host_stack = from;
        k.host_stack_bytes = from_bytes;
    }
    k.call(k.body);
    if (k.fibers[k.current].copies.size() > 0)
        fail("a thread that ends before its copies", 0, 0);
    k.fibers[k.current].is_done = true;
    k.n_live--;
    to_scheduler();
    abort();
}

inline void fiber_make(Fiber &f, uint32_t thread) {
    size_t n_bytes = STACK_BYTES - thread * STACK_STEP % STACK_STEPS / 64 * 64;
    f.is_done = false;
    f.waits_for = nullptr;
    f.mail[0] = f.mail[1] = ~(uint64_t)0;
    f.n_mails = 0;
    f.n_committed = 0;
    f.fake_stack = nullptr;
#if defined(__x86_64__)
    void **top = (void **)(f.stack + n_bytes) - 1;
    *top = nullptr; /* where a return address would be: rsp is 8 mod 16 at the entry */
    *--top = (void *)fiber_main;
    f.context = top - 6;
    memset(f.context, 0, 6 * sizeof(void *));
#else
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack;
    f.context.uc_stack.ss_size = n_bytes;
    f.context.uc_link = nullptr;
    makecontext(&f.context, fiber_main, 0);
#endif
}

inline void arrive(Barrier &b, uint32_t n, int site) {
    Fiber &f = block->fibers[block->current];
    if (b.n_arrived == 0)
        b.site = site;
    else if (b.site != site)
        fail("divergent barrier", site, b.site);
    f.generation = b.generation;
    if (++b.n_arrived == n) {
        b.n_arrived = 0;
        b.generation++;
    }
    f.waits_for = &b;
    to_scheduler(); /* the last one too: who goes first afterwards is drawn */
    f.waits_for = nullptr;
}

/* ---- blocks -------------------------------------------------------------------------------- */

inline void run_block() {
    Block &k = *block;
    k.all = Barrier();
    k.warps.assign(k.n_threads / LANES, Barrier());
    k.shared.clear();
    k.shared_used = 0;
    memset(k.shared_bytes, 0xff, SHARED_BYTES);
    for (uint32_t t = 0; t < k.n_threads; t++)
        fiber_make(k.fibers[t], t);
    k.n_live = k.n_threads;
    k.ready.clear();
    uint32_t first = next_fiber();
    set_current(first);
    leave(&k.scheduler_fake, k.fibers[first].stack, STACK_BYTES);
    swap(k.scheduler, k.fibers[first].context);
    enter(k.scheduler_fake, nullptr, nullptr);
}

inline char *stack_new() {
    void *p = mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        abort();
    return (char *)p;
}

/* Stacks live as long as the host thread: mapping them for every launch would be most of the time.
 */
inline thread_local std::vector<char *> stacks;

inline void launch(const char *kernel, dim3 grid, uint32_t n_threads, void (*call)(void *),
                   void *body) {
    Block k;
    block = &k;
    k.kernel = kernel;
    k.n_threads = n_threads;
    k.call = call;
    k.body = body;
    if (n_threads == 0 || n_threads % LANES != 0 || n_threads > 1024 || grid.x == 0 ||
        grid.y == 0 || grid.y > 65535 || grid.z != 1)
        fail("a grid or block no device takes", 0, 0);
    while (stacks.size() < n_threads)
        stacks.push_back(stack_new());
    k.fibers.resize(n_threads);
    for (uint32_t t = 0; t < n_threads; t++)
        k.fibers[t].stack = stacks[t];
    k.shared_bytes = (unsigned char *)aligned_alloc(128, SHARED_BYTES);
    block_dim = dim3(n_threads);
    grid_dim = grid;
    random_state = weir_emulator_seed;
    std::vector<uint64_t> order((size_t)grid.x * grid.y);
    for (size_t i = 0; i < order.size(); i++)
        order[i] = i;
    for (size_t i = order.size(); i > 0; i--) {
        std::swap(order[i - 1], order[draw() % i]);
        block_idx = dim3((uint32_t)(order[i - 1] % grid.x), (uint32_t)(order[i - 1] / grid.x), 0);
        run_block();
    }
    free(k.shared_bytes);
    block = nullptr;
}

template <class Body> void launch_body(const char *kernel, dim3 grid, uint32_t n, Body body) {
    launch(
        kernel, grid, n, [](void *b) { (*(Body *)b)(); }, &body);
}

/* Takes launches instead of running them: a graph being captured. NULL: they run. */
inline thread_local std::vector<std::function<void()>> *recorder;

inline void queue(std::function<void()> run) {
    if (recorder)
        recorder->push_back(run);
    else
        run();
}

/* Arguments are copied when they are queued, as a device does it. */
template <class... P, class Stream, class... A>
void launch_call(const char *name, dim3 grid, uint32_t n, void (*kernel)(P...), Stream,
                 A &&...args) {
    std::tuple<P...> own(std::forward<A>(args)...);
    queue([=] { launch_body(name, grid, n, [&] { std::apply(kernel, own); }); });
}

/* The block's own memory of one declaration: the first thread that comes places it. */
template <class T> T &shared(const void *key) {
    Block &k = *block;
    for (const Shared &s : k.shared)
        if (s.key == key)
            return *(T *)(k.shared_bytes + s.at);
    size_t at = (k.shared_used + 15) / 16 * 16;
    if (at + sizeof(T) > SHARED_BYTES)
        fail("more than 48 KiB of shared memory", 0, 0);
    k.shared.push_back({key, at});
    k.shared_used = at + sizeof(T);
    return *(T *)(k.shared_bytes + at);
}

/* ---- words --------------------------------------------------------------------------------- */

inline void sync_block(int site) {
    arrive(block->all, block->n_threads, site);
}

inline void sync_warp(int site) {
    arrive(block->warps[block->current / LANES], LANES, site);
}

template <class T> T shuffle(T value, uint32_t lane, int site) {
    static_assert(sizeof(T) <= 8, "a lane exchanges at most 8 bytes");
    uint32_t me = block->current, turn = block->fibers[me].n_mails++ % 2;
    if (lane >= LANES)
        fail("a lane beyond 31", site, 0);
    memcpy(&block->fibers[me].mail[turn], &value, sizeof value);
    sync_warp(site);
    T result;
    memcpy(&result, &block->fibers[me / LANES * LANES + lane].mail[turn], sizeof result);
    return result;
}

template <class T> T shuffle_xor(T value, uint32_t mask, int site) {
    return shuffle(value, (block->current % LANES) ^ mask, site);
}

inline uint32_t ballot(bool value, int site) {
    uint32_t me = block->current, turn = block->fibers[me].n_mails++ % 2, bits = 0;
    block->fibers[me].mail[turn] = value;
    sync_warp(site);
    for (uint32_t lane = 0; lane < LANES; lane++)
        bits |= (uint32_t)block->fibers[me / LANES * LANES + lane].mail[turn] << lane;
    return bits;
}

} // namespace weir_emulator

#define threadIdx weir_emulator::thread_idx
#define blockIdx  weir_emulator::block_idx
#define blockDim  weir_emulator::block_dim
#define gridDim   weir_emulator::grid_dim

#define CU_DEVICE                         static inline
#define CU_MEMBER                         inline
#define CU_KERNEL(n_threads)              static void
#define CU_KERNEL_AT(n_threads, n_blocks) static void
#define CU_SHARED(type, name, dims)   \
    static const char name##_key = 0; \
    typedef type name##_shared dims;  \
    name##_shared &name = weir_emulator::shared<name##_shared>(&name##_key)
/* The stream and the kernel's arguments, of which there may be none, come together. */
#define CU_LAUNCH(kernel, grid, n_threads, ...) \
    weir_emulator::launch_call(#kernel, grid, n_threads, kernel, __VA_ARGS__)

#define cu_sync()                   weir_emulator::sync_block(__LINE__)
#define cu_sync_warp()              weir_emulator::sync_warp(__LINE__)
#define cu_shuffle(value, lane)     weir_emulator::shuffle(value, lane, __LINE__)
#define cu_shuffle_xor(value, mask) weir_emulator::shuffle_xor(value, mask, __LINE__)
#define cu_ballot(value)            weir_emulator::ballot(value, __LINE__)

CU_DEVICE uint32_t cu_count_bits(uint32_t bits) {
    return (uint32_t)__builtin_popcount(bits);
}

CU_DEVICE uint32_t cu_lowest_bit(uint32_t bits) {
    return (uint32_t)__builtin_ctz(bits);
}

CU_DEVICE float cu_bits_float(uint32_t bits) {
    return weir_bits_f32(bits);
}

CU_DEVICE double cu_bits_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

CU_DEVICE float cu_half_float(uint16_t half) {
    return weir_f16_to_f32(half);
}

CU_DEVICE uint16_t cu_float_half(float value) {
    return weir_f32_to_f16(value);
}

/* A device traps where a load is not aligned to its size; so does this. */
template <class T> CU_DEVICE T cu_load(const T *from) {
    if ((uintptr_t)from % sizeof(T) != 0)
        weir_emulator::fail("a load that is not aligned", (int)sizeof(T), 0);
    T value;
    memcpy(&value, from, sizeof value);
    return value;
}

template <class T> CU_DEVICE T cu_peek(const T *from) {
    return cu_load(from);
}

#endif
