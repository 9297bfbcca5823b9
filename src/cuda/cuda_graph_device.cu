/*
 * cuda_graph_device.cu: cuda_graph.h over CUDA graphs. Launches with programmatic dependence become
 * programmatic edges. A graph is made ready for its first run when it is captured, so that no step
 * takes memory.
 */
#include "cuda/cuda_graph.h"

#include <cuda_runtime.h>
#include <stdlib.h>

struct weir_cuda_graph {
    cudaGraphExec_t exec;
    uint32_t n_launches;
};

static int code_of(cudaError_t error) {
    if (error != cudaSuccess)
        cudaGetLastError();
    return (int)error;
}

static cudaStream_t native(weir_cuda_stream *stream) {
    return reinterpret_cast<cudaStream_t>(stream);
}

/* Relaxed: the first use of a kernel may load its code in the middle of a capture. */
int weir_cuda_capture_begin(weir_cuda_stream *stream) {
    return code_of(cudaStreamBeginCapture(native(stream), cudaStreamCaptureModeRelaxed));
}

static int make_ready(weir_cuda_graph *graph, cudaGraph_t recorded, weir_cuda_stream *stream) {
    size_t n_nodes = 0;
    int code = code_of(cudaGraphGetNodes(recorded, nullptr, &n_nodes));
    graph->n_launches = (uint32_t)n_nodes;
    if (code == 0)
        code = code_of(cudaGraphInstantiate(&graph->exec, recorded, 0));
    if (code == 0)
        code = code_of(cudaGraphUpload(graph->exec, native(stream)));
    return code;
}

int weir_cuda_capture_end(weir_cuda_stream *stream, weir_cuda_graph **out) {
    cudaGraph_t recorded = nullptr;
    *out = nullptr;
    int code = code_of(cudaStreamEndCapture(native(stream), &recorded));
    if (code != 0)
        return code;
    weir_cuda_graph *graph = static_cast<weir_cuda_graph *>(calloc(1, sizeof *graph));
    code = graph ? make_ready(graph, recorded, stream) : (int)cudaErrorMemoryAllocation;
    code_of(cudaGraphDestroy(recorded));
    if (code != 0)
        weir_cuda_graph_close(graph);
    else
        *out = graph;
    return code;
}

int weir_cuda_graph_run(weir_cuda_graph *graph, weir_cuda_stream *stream) {
    return code_of(cudaGraphLaunch(graph->exec, native(stream)));
}

uint32_t weir_cuda_graph_launches(const weir_cuda_graph *graph) {
    return graph->n_launches;
}

void weir_cuda_graph_close(weir_cuda_graph *graph) {
    if (graph && graph->exec)
        code_of(cudaGraphExecDestroy(graph->exec));
    free(graph);
}
