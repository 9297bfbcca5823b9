/*
 * emulate_pdl.h: the words of src/cuda/cuda_pdl.cuh for g++. Launches run one after another, so
 * nothing overlaps; what is proven is the rule that makes overlap safe:
 *
 *   - a launch some of whose threads never wait ends the program;
 *   - with pdl_watch set, each block begins with hide() and shows() what was hidden at its first
 *     wait. A test hides (poisons) everything that earlier launches wrote: what is read before the
 *     wait is then wrong, and what is written before it is lost.
 */
#ifndef WEIR_TESTS_EMULATE_PDL_H
#define WEIR_TESTS_EMULATE_PDL_H

#include <cuda_emulator.h>

namespace weir_emulator {

struct PdlWatch {
    virtual void hide() = 0;
    virtual void show() = 0;
    bool is_hidden = false;
};

inline thread_local PdlWatch *pdl_watch;
inline thread_local uint64_t pdl_n_went, pdl_n_waited; /* threads of the launch */

inline void pdl_go() {
    bool is_first = pdl_n_went++ % block->n_threads == 0;
    if (pdl_watch && is_first) {
        if (pdl_watch->is_hidden)
            fail("a block that ended without cu_pdl_wait", 0, 0);
        pdl_watch->hide();
        pdl_watch->is_hidden = true;
    }
}

inline void pdl_wait() {
    pdl_n_waited++;
    if (pdl_watch && pdl_watch->is_hidden) {
        pdl_watch->show();
        pdl_watch->is_hidden = false;
    }
}

template <class... P, class Stream, class... A>
void launch_pdl(const char *name, dim3 grid, uint32_t n, void (*kernel)(P...), Stream,
                A &&...args) {
    std::tuple<P...> own(std::forward<A>(args)...);
    queue([=] {
        pdl_n_went = pdl_n_waited = 0;
        launch_body(name, grid, n, [&] { std::apply(kernel, own); });
        uint64_t n_threads = (uint64_t)grid.x * grid.y * n;
        if (pdl_n_went != n_threads || pdl_n_waited != n_threads) {
            fprintf(stderr, "emulator: kernel %s: %llu of %llu threads called cu_pdl_wait\n", name,
                    (unsigned long long)pdl_n_waited, (unsigned long long)n_threads);
            _Exit(3);
        }
    });
}

} // namespace weir_emulator

#define CU_LAUNCH_PDL(kernel, grid, n_threads, ...) \
    weir_emulator::launch_pdl(#kernel, grid, n_threads, kernel, __VA_ARGS__)

CU_DEVICE void cu_pdl_go() {
    weir_emulator::pdl_go();
}

CU_DEVICE void cu_pdl_wait() {
    weir_emulator::pdl_wait();
}

/* A device ignores an address that is not mapped; here it ends the program. */
CU_DEVICE void cu_prefetch(const void *from) {
    (void)*(const volatile unsigned char *)from;
}

#endif
