/*
 * gpu_counting.c: what tests of the whole device ask of the emulated machine, over a real one: the
 * linker sends taking and giving through here (--wrap), so that what is not given back is counted.
 * A real machine cannot be made to fail, so it is never asked to.
 */
#include "cuda_memory_emulated.h"

#include <string.h>

static emulated_machine machine;

emulated_machine *emulated_get(void) {
    return &machine;
}

void emulated_reset(void) {
    uint64_t n_taken = machine.n_taken;
    memset(&machine, 0, sizeof machine);
    machine.n_taken = n_taken;
}

int __real_weir_cuda_take(void **out, size_t bytes);
int __wrap_weir_cuda_take(void **out, size_t bytes);
void __real_weir_cuda_give(void *memory);
void __wrap_weir_cuda_give(void *memory);
int __real_weir_cuda_take_pinned(void **out, size_t bytes);
int __wrap_weir_cuda_take_pinned(void **out, size_t bytes);
void __real_weir_cuda_give_pinned(void *memory);
void __wrap_weir_cuda_give_pinned(void *memory);
int __real_weir_cuda_stream_open(weir_cuda_stream **out);
int __wrap_weir_cuda_stream_open(weir_cuda_stream **out);
void __real_weir_cuda_stream_close(weir_cuda_stream *stream);
void __wrap_weir_cuda_stream_close(weir_cuda_stream *stream);

static int taken(int code) {
    machine.n_taken += code == 0;
    return code;
}

int __wrap_weir_cuda_take(void **out, size_t bytes) {
    return taken(__real_weir_cuda_take(out, bytes));
}

void __wrap_weir_cuda_give(void *memory) {
    machine.n_taken -= memory != NULL;
    __real_weir_cuda_give(memory);
}

int __wrap_weir_cuda_take_pinned(void **out, size_t bytes) {
    return taken(__real_weir_cuda_take_pinned(out, bytes));
}

void __wrap_weir_cuda_give_pinned(void *memory) {
    machine.n_taken -= memory != NULL;
    __real_weir_cuda_give_pinned(memory);
}

int __wrap_weir_cuda_stream_open(weir_cuda_stream **out) {
    return taken(__real_weir_cuda_stream_open(out));
}

void __wrap_weir_cuda_stream_close(weir_cuda_stream *stream) {
    machine.n_taken -= stream != NULL;
    __real_weir_cuda_stream_close(stream);
}
