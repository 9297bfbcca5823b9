/* gpu_probe.h: the two halves of the calibration. Each writes lines of weir_gpu_report and returns
 * the first error of the device, 0 if there was none. */
#ifndef WEIR_BENCH_GPU_PROBE_H
#define WEIR_BENCH_GPU_PROBE_H

#include "gpu_timer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Memory, caches, the tensor cores of sm_80: written in words, so the emulator knows them too. */
int weir_gpu_probe_words(FILE *out, double most_s);
/* What only a device has: blocks that wait for one another, graphs, atomics, wgmma. */
int weir_gpu_probe_device(FILE *out, double most_s);

#ifdef __cplusplus
}
#endif
#endif
