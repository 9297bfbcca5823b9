/*
 * cuda_graph_emulated.cpp: cuda_graph.h on the emulator: a graph is a list of launches with copies
 * of their arguments, and runs them one after the other. What a device refuses is an error here
 * too: a capture within a capture, an end without a beginning.
 */
#include "cuda/cuda_graph.h"
#include "cuda/cuda_memory.h"
#include <cuda_emulator.h>

struct weir_cuda_graph {
    std::vector<std::function<void()>> launches;
};

enum { BAD_CAPTURE = 900, NOT_CAPTURED = 901 }; /* cudaErrorStreamCapture... */

int weir_cuda_capture_begin(weir_cuda_stream *) {
    if (weir_emulator::recorder)
        return BAD_CAPTURE;
    weir_emulator::recorder = new std::vector<std::function<void()>>();
    return 0;
}

int weir_cuda_capture_end(weir_cuda_stream *, weir_cuda_graph **out) {
    *out = nullptr;
    if (!weir_emulator::recorder)
        return NOT_CAPTURED;
    *out = new weir_cuda_graph{std::move(*weir_emulator::recorder)};
    delete weir_emulator::recorder;
    weir_emulator::recorder = nullptr;
    return 0;
}

int weir_cuda_graph_run(weir_cuda_graph *graph, weir_cuda_stream *) {
    if (weir_emulator::recorder)
        return BAD_CAPTURE;
    if (int code = weir_cuda_launched()) /* one launch, which can be made to fail */
        return code;
    for (const std::function<void()> &launch : graph->launches)
        launch();
    return 0;
}

uint32_t weir_cuda_graph_launches(const weir_cuda_graph *graph) {
    return (uint32_t)graph->launches.size();
}

void weir_cuda_graph_close(weir_cuda_graph *graph) {
    delete graph;
}
