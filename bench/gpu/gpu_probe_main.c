/*
 * gpu_probe_main.c: calibrates the device: gpu_probe OUT.jsonl [SECONDS], so many at most for one
 * measurement (default 1). A line for each result, written at once; 1 after an error of the device,
 * 77 without one.
 */
#include "gpu_probe.h"

#include <stdlib.h>

static int fail(int code, const char *what) {
    char text[256];
    weir_cuda_describe_error(code, text, sizeof text);
    fprintf(stderr, "gpu_probe: %s: %s\n", what, text);
    return 1;
}

int main(int argc, char **argv) {
    weir_cuda_facts facts;
    double most_s = argc > 2 ? atof(argv[2]) : 1;
    if (argc < 2 || !(most_s > 0)) {
        fputs("usage: gpu_probe OUT.jsonl [SECONDS]\n", stderr);
        return 2;
    }
    int code = weir_cuda_find(&facts);
    if (code != 0) {
        fail(code, "skipped");
        return 77;
    }
    FILE *out = fopen(argv[1], "w");
    if (!out) {
        perror(argv[1]);
        return 1;
    }
    code = weir_gpu_probe_words(out, most_s);
    int status = code ? fail(code, "memory and mma.sync") : 0;
    code = status ? 0 : weir_gpu_probe_device(out, most_s);
    if (code != 0)
        status = fail(code, "barriers, graphs, wgmma");
    return fclose(out) == 0 ? status : 1;
}
