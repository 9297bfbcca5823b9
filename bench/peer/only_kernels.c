/*
 * only_kernels.c: a library for LD_PRELOAD that leaves llama.cpp one of its builds for processors.
 * It owns one answer: a library of ggml's kernels for the CPU whose name is not
 * libggml-cpu-$PEER_KERNELS.so cannot be opened. ggml takes the best of those that it can open, so
 * that is the one. Everything else is opened as ever.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *(*open_function)(const char *path, int flags);

void *dlopen(const char *path, int flags) {
    static open_function next;
    if (!next) {
        void *found = dlsym(RTLD_NEXT, "dlopen");
        if (!found) {
            fputs("only_kernels: there is no dlopen to ask\n", stderr);
            abort();
        }
        memcpy(&next, &found, sizeof next);
    }
    const char *wanted = getenv("PEER_KERNELS");
    const char *name = path ? strstr(path, "libggml-cpu-") : NULL;
    if (wanted && name) {
        char expected[64];
        snprintf(expected, sizeof expected, "libggml-cpu-%s.so", wanted);
        if (strcmp(name, expected) != 0)
            return NULL;
    }
    return next(path, flags);
}
