/*
 * cuda_memory_device.cu: cuda_memory.h over the CUDA runtime, which is linked statically and looks
 * for the driver when it is first called: a program with it starts where there is none.
 *
 * Owns nothing. Invariant: every failed call is taken out of the runtime's own memory of errors
 * where it is returned, so that weir_cuda_launched never reports a copy's or an allocation's.
 */
#include "cuda/cuda_memory.h"

#include <cuda_runtime.h>
#include <stdio.h>

static int code_of(cudaError_t error) {
    if (error != cudaSuccess)
        cudaGetLastError();
    return (int)error;
}

static cudaStream_t native(weir_cuda_stream *stream) {
    return reinterpret_cast<cudaStream_t>(stream);
}

/* Where it has code for a GPU, all kernels have: they are compiled for the same architectures. */
static __global__ void probe_image() {
}

static int fill_facts(weir_cuda_facts *out) {
    cudaDeviceProp properties;
    cudaFuncAttributes attributes;
    size_t free_bytes, total_bytes;
    int n_devices = 0;
    int code = code_of(cudaGetDeviceCount(&n_devices));
    if (code == 0 && n_devices == 0)
        code = WEIR_CUDA_NO_DEVICE;
    if (code == 0)
        code = code_of(cudaSetDevice(0));
    if (code == 0)
        code = code_of(cudaGetDeviceProperties(&properties, 0));
    if (code != 0)
        return code;
    snprintf(out->name, sizeof out->name, "%.*s", (int)sizeof out->name - 1, properties.name);
    out->major = properties.major;
    out->minor = properties.minor;
    code = code_of(cudaFuncGetAttributes(&attributes, probe_image));
    if (code == 0)
        code = code_of(cudaMemGetInfo(&free_bytes, &total_bytes));
    if (code == 0) {
        out->free_bytes = free_bytes;
        out->total_bytes = total_bytes;
    }
    return code;
}

int weir_cuda_find(weir_cuda_facts *out) {
    *out = weir_cuda_facts{};
    int code = code_of(cudaRuntimeGetVersion(&out->runtime_version));
    if (code == 0)
        code = code_of(cudaDriverGetVersion(&out->driver_version));
    return code != 0 ? code : fill_facts(out);
}

void weir_cuda_describe_error(int code, char *text, size_t cap) {
    cudaError_t error = static_cast<cudaError_t>(code);
    snprintf(text, cap, "%s (%s)", cudaGetErrorName(error), cudaGetErrorString(error));
}

int weir_cuda_take(void **out, size_t bytes) {
    *out = nullptr;
    return code_of(cudaMalloc(out, bytes));
}

void weir_cuda_give(void *memory) {
    code_of(cudaFree(memory));
}

int weir_cuda_take_pinned(void **out, size_t bytes) {
    *out = nullptr;
    return code_of(cudaMallocHost(out, bytes));
}

void weir_cuda_give_pinned(void *memory) {
    code_of(cudaFreeHost(memory));
}

int weir_cuda_stream_open(weir_cuda_stream **out) {
    cudaStream_t stream = nullptr;
    int code = code_of(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    *out = reinterpret_cast<weir_cuda_stream *>(stream);
    return code;
}

void weir_cuda_stream_close(weir_cuda_stream *stream) {
    if (stream)
        code_of(cudaStreamDestroy(native(stream)));
}

int weir_cuda_wait(weir_cuda_stream *stream) {
    return code_of(cudaStreamSynchronize(native(stream)));
}

static cudaEvent_t native(weir_cuda_mark *mark) {
    return reinterpret_cast<cudaEvent_t>(mark);
}

int weir_cuda_mark_open(weir_cuda_mark **out) {
    cudaEvent_t event = nullptr;
    int code = code_of(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    *out = reinterpret_cast<weir_cuda_mark *>(event);
    return code;
}

void weir_cuda_mark_close(weir_cuda_mark *mark) {
    if (mark)
        code_of(cudaEventDestroy(native(mark)));
}

int weir_cuda_mark_set(weir_cuda_mark *mark, weir_cuda_stream *stream) {
    return code_of(cudaEventRecord(native(mark), native(stream)));
}

int weir_cuda_mark_wait(weir_cuda_mark *mark) {
    return code_of(cudaEventSynchronize(native(mark)));
}

int weir_cuda_launched(void) {
    return (int)cudaGetLastError();
}

int weir_cuda_copy_up(weir_cuda_stream *stream, void *device, const void *host, size_t bytes) {
    return code_of(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, native(stream)));
}

int weir_cuda_copy_down(weir_cuda_stream *stream, void *host, const void *device, size_t bytes) {
    return code_of(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, native(stream)));
}

int weir_cuda_copy_rows(weir_cuda_stream *stream, void *to, const void *from, size_t pitch,
                        size_t width, size_t n_rows) {
    return code_of(cudaMemcpy2DAsync(to, pitch, from, pitch, width, n_rows,
                                     cudaMemcpyDeviceToDevice, native(stream)));
}

int weir_cuda_clear(weir_cuda_stream *stream, void *device, size_t bytes) {
    return code_of(cudaMemsetAsync(device, 0, bytes, native(stream)));
}
