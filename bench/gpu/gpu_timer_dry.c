/*
 * gpu_timer_dry.c: gpu_timer.h without a device: the work is done once, and the time is made up.
 */
#include "gpu_timer.h"

static uint32_t n_measured;

int weir_gpu_measure(weir_gpu_time *out, weir_gpu_work *work, void *context, uint32_t n_turns,
                     uint32_t n_repeats, double most_s) {
    double ms[4];
    weir_cuda_stream *stream;
    (void)n_repeats;
    (void)most_s;
    int code = weir_cuda_stream_open(&stream);
    if (code != 0)
        return code;
    work(context, stream, n_turns - 1);
    code = weir_cuda_launched();
    if (code == 0)
        code = weir_cuda_wait(stream);
    weir_cuda_stream_close(stream);
    n_measured++;
    for (uint32_t i = 0; i < 4; i++)
        ms[i] = (0.1 + 0.001 * i) * n_turns;
    weir_gpu_summarize(out, ms, 4, n_turns);
    return code;
}

double weir_gpu_now(void) {
    return n_measured;
}

uint32_t weir_gpu_n_multiprocessors(void) {
    return 2;
}

int weir_gpu_is_dry(void) {
    return 1;
}
