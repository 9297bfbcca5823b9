/*
 * cuda_graph.h: launches that are recorded once and run many times, as one call. Implemented over
 * CUDA graphs (cuda_graph_device.cu) and, for tests without a GPU, by a list of launches
 * (tests/cuda_emulator/cuda_graph_emulated.cpp).
 *
 * What is recorded are kernels with the values of their arguments: what changes from run to run
 * lies in device memory that these point to. Every int is a cudaError_t: 0 is well. A graph is its
 * opener's; it is closed before its stream. One thread at a time.
 */
#ifndef WEIR_CUDA_CUDA_GRAPH_H
#define WEIR_CUDA_CUDA_GRAPH_H

#include "cuda/kernels_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_cuda_graph weir_cuda_graph;

/* From here on launches on the stream are recorded and not run; copies and waits are not allowed.
 */
int weir_cuda_capture_begin(weir_cuda_stream *stream);
/* To here. On an error, also of a launch in between, *out is NULL; either way launches run again.
 */
int weir_cuda_capture_end(weir_cuda_stream *stream, weir_cuda_graph **out);
/* Queues all of it. */
int weir_cuda_graph_run(weir_cuda_graph *graph, weir_cuda_stream *stream);
uint32_t weir_cuda_graph_launches(const weir_cuda_graph *graph);
void weir_cuda_graph_close(weir_cuda_graph *graph); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
