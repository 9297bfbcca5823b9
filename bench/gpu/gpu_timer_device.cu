/*
 * gpu_timer_device.cu: gpu_timer.h over CUDA's events and graphs.
 *
 * Owns the graph and the events while it measures. Nothing is left on the device.
 */
#include "gpu_timer.h"

#include <cuda_runtime.h>
#include <time.h>

enum { MOST_REPEATS = 200, LEAST_REPEATS = 3, N_WARM = 3 };

struct measurement {
    weir_cuda_stream *stream;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cudaEvent_t begin, end;
};

/* Kernels are loaded when they first run, which a capture does not like. */
static int try_once(const measurement *m, weir_gpu_work *work, void *context) {
    work(context, m->stream, 0);
    int code = weir_cuda_launched();
    return code != 0 ? code : weir_cuda_wait(m->stream);
}

static int capture(measurement *m, weir_gpu_work *work, void *context, uint32_t n_turns) {
    cudaStream_t stream = (cudaStream_t)m->stream;
    cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
    if (error != cudaSuccess)
        return error;
    for (uint32_t turn = 0; turn < n_turns; turn++)
        work(context, m->stream, turn);
    error = cudaStreamEndCapture(stream, &m->graph);
    if (error != cudaSuccess)
        return error;
    return cudaGraphInstantiate(&m->exec, m->graph, 0);
}

static int run_once(const measurement *m, double *ms) {
    cudaStream_t stream = (cudaStream_t)m->stream;
    float elapsed = 0;
    cudaError_t error = cudaEventRecord(m->begin, stream);
    if (error == cudaSuccess)
        error = cudaGraphLaunch(m->exec, stream);
    if (error == cudaSuccess)
        error = cudaEventRecord(m->end, stream);
    if (error == cudaSuccess)
        error = cudaEventSynchronize(m->end);
    if (error == cudaSuccess)
        error = cudaEventElapsedTime(&elapsed, m->begin, m->end);
    *ms = elapsed;
    return error;
}

static int repeat(weir_gpu_time *out, const measurement *m, uint32_t n_turns, uint32_t n_repeats,
                  double most_s) {
    double ms[MOST_REPEATS], start = weir_gpu_now();
    uint32_t n = 0, n_wanted = n_repeats < MOST_REPEATS ? n_repeats : MOST_REPEATS;
    for (uint32_t i = 0; i < N_WARM; i++) {
        int code = run_once(m, &ms[0]);
        if (code != 0)
            return code;
        if (weir_gpu_now() - start > most_s)
            break;
    }
    while (n < n_wanted && (n < LEAST_REPEATS || weir_gpu_now() - start < most_s)) {
        int code = run_once(m, &ms[n++]);
        if (code != 0)
            return code;
    }
    weir_gpu_summarize(out, ms, n, n_turns);
    return 0;
}

int weir_gpu_measure(weir_gpu_time *out, weir_gpu_work *work, void *context, uint32_t n_turns,
                     uint32_t n_repeats, double most_s) {
    measurement m = {};
    int code = weir_cuda_stream_open(&m.stream);
    if (code == 0)
        code = cudaEventCreate(&m.begin);
    if (code == 0)
        code = cudaEventCreate(&m.end);
    if (code == 0)
        code = try_once(&m, work, context);
    if (code == 0)
        code = capture(&m, work, context, n_turns);
    if (code == 0)
        code = repeat(out, &m, n_turns, n_repeats, most_s);
    if (m.exec)
        cudaGraphExecDestroy(m.exec);
    if (m.graph)
        cudaGraphDestroy(m.graph);
    if (m.end)
        cudaEventDestroy(m.end);
    if (m.begin)
        cudaEventDestroy(m.begin);
    weir_cuda_stream_close(m.stream);
    cudaGetLastError();
    return code;
}

double weir_gpu_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

uint32_t weir_gpu_n_multiprocessors(void) {
    int n = 0;
    cudaDeviceGetAttribute(&n, cudaDevAttrMultiProcessorCount, 0);
    return (uint32_t)n;
}

int weir_gpu_is_dry(void) {
    return 0;
}
