/* cpu.h: the CPU device: ops of backend.h on a team of threads and the kernels of this machine. */
#ifndef WEIR_CPU_CPU_H
#define WEIR_CPU_CPU_H

#include "backend/backend.h"
#include "backend/train_ops.h"

weir_status weir_cpu_open(weir_backend **out, const weir_model *model,
                          const weir_backend_options *options, weir_error *err);
weir_status weir_cpu_plan(weir_backend_memory *out, const weir_model *model,
                          const weir_backend_options *options, weir_error *err);

/* Reads experts of the model at chance places, as a device does that reads them
 * when they are needed, for about so many seconds. *bytes_per_s 0: the model
 * has none. IO. */
weir_status weir_cpu_disk_probe(double *bytes_per_s, const weir_model *model, double seconds,
                                weir_error *err);

/* For training: train_ops.h. */
weir_status weir_cpu_train_open(weir_trainer_device **out,
                                const weir_trainer_device_options *options, weir_error *err);

#endif
