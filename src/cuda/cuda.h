/*
 * cuda.h: the CUDA device: ops of backend.h on an NVIDIA GPU of compute capability 8.0 or above.
 *
 * Opening it takes the first GPU that the driver shows (CUDA_VISIBLE_DEVICES chooses). Planning
 * needs neither GPU nor driver.
 */
#ifndef WEIR_CUDA_CUDA_H
#define WEIR_CUDA_CUDA_H

#include "backend/backend.h"

/* The GPU that would be taken and its memory. FAILED: no driver, one too old, no GPU, or one that
 * kernels were not compiled for. */
weir_status weir_cuda_look(weir_device_info *out, weir_error *err);
/* FAILED as in weir_cuda_look. NO_MEMORY names the need and what is free on the GPU. UNSUPPORTED: a
 * matrix in a format without a kernel. */
weir_status weir_cuda_open(weir_backend **out, const weir_model *model,
                           const weir_backend_options *options, weir_error *err);
weir_status weir_cuda_plan(weir_backend_memory *out, const weir_model *model,
                           const weir_backend_options *options, weir_error *err);

#endif
