/*
 * cuda_memory.h: the little of the CUDA runtime that the backend needs: one device, its memory,
 * copies, a stream and marks in it. Implemented over the runtime (cuda_memory_device.cu) and, for
 * tests without a GPU, over ordinary memory (tests/cuda_emulator/cuda_memory_emulated.c).
 *
 * Every int is a cudaError_t: 0 is well. Copies are queued on the stream and return at once; what
 * they read and write on the host must be pinned and untouched until the stream, or a mark behind
 * them, was waited for. One thread at a time.
 */
#ifndef WEIR_CUDA_CUDA_MEMORY_H
#define WEIR_CUDA_CUDA_MEMORY_H

#include "cuda/kernels_cuda.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WEIR_CUDA_NO_MEMORY = 2,    /* cudaErrorMemoryAllocation */
    WEIR_CUDA_OLD_DRIVER = 35,  /* cudaErrorInsufficientDriver: also without any driver */
    WEIR_CUDA_NO_DEVICE = 100,  /* cudaErrorNoDevice */
    WEIR_CUDA_NO_KERNELS = 209, /* cudaErrorNoKernelImageForDevice */
    WEIR_CUDA_NAME = 128
};

typedef struct weir_cuda_facts {
    int driver_version, runtime_version; /* 13000: CUDA 13.0; driver 0: there is none */
    int major, minor;                    /* compute capability */
    uint64_t total_bytes, free_bytes;
    char name[WEIR_CUDA_NAME]; /* "NVIDIA H200" */
} weir_cuda_facts;

/* Takes the first device and fills the facts, as far as they could be learnt also on failure.
 * NO_KERNELS: the program's are for other GPUs; all facts but the bytes are known. */
int weir_cuda_find(weir_cuda_facts *out);
/* "cudaErrorIllegalAddress (an illegal memory access was encountered)" */
void weir_cuda_describe_error(int code, char *text, size_t cap);

/* Device memory, 256-byte aligned, contents undefined. Give accepts NULL. */
int weir_cuda_take(void **out, size_t bytes);
void weir_cuda_give(void *memory);
/* Host memory that copies may use while the host goes on; kernels may write there, too, at the same
 * address. */
int weir_cuda_take_pinned(void **out, size_t bytes);
void weir_cuda_give_pinned(void *memory);

int weir_cuda_stream_open(weir_cuda_stream **out);
void weir_cuda_stream_close(weir_cuda_stream *stream); /* NULL is fine */
/* Until all that is queued is done: its first error, which a device does not survive. */
int weir_cuda_wait(weir_cuda_stream *stream);

/* A place in a stream: what was queued before it. */
typedef struct weir_cuda_mark weir_cuda_mark;
int weir_cuda_mark_open(weir_cuda_mark **out);
void weir_cuda_mark_close(weir_cuda_mark *mark); /* NULL is fine */
/* The mark is here from now on. */
int weir_cuda_mark_set(weir_cuda_mark *mark, weir_cuda_stream *stream);
/* Until all before it is done: as weir_cuda_wait, whatever is queued behind it. */
int weir_cuda_mark_wait(weir_cuda_mark *mark);

/* Error of the launches since it was asked last. */
int weir_cuda_launched(void);

int weir_cuda_copy_up(weir_cuda_stream *stream, void *device, const void *host, size_t bytes);
int weir_cuda_copy_down(weir_cuda_stream *stream, void *host, const void *device, size_t bytes);
/* n_rows pieces of `width` bytes, `pitch` apart, from device to device */
int weir_cuda_copy_rows(weir_cuda_stream *stream, void *to, const void *from, size_t pitch,
                        size_t width, size_t n_rows);
int weir_cuda_clear(weir_cuda_stream *stream, void *device, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
