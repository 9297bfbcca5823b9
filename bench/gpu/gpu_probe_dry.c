/* gpu_probe_dry.c: there is no device whose barriers, graphs and wgmma could be measured. */
#include "gpu_probe.h"

int weir_gpu_probe_device(FILE *out, double most_s) {
    (void)out;
    (void)most_s;
    puts("barriers, graphs, atomics and wgmma: not on the emulator");
    return 0;
}
