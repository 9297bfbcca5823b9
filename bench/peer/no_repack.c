/*
 * no_repack.c: a library for LD_PRELOAD that makes llama.cpp keep its weights as they stand in the
 * file. It owns one answer: asked for the CPU's extra kinds of buffers, in which weights are
 * repacked, ggml says that there are none. That is what llama.cpp's own option --no-repack comes
 * to, which the npm package does not pass on. Every other question goes to ggml.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char asked[] = "ggml_backend_reg_get_proc_address";

void *ggml_backend_reg_get_proc_address(void *reg, const char *name);

typedef void *(*answer_function)(void *reg, const char *name);

/* Node loads ggml for one module only, where the search for the next definition in order does not
 * see it: it is found among all loaded libraries by the name of its file. */
static int find_ggml(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    if (!info->dlpi_name || !strstr(info->dlpi_name, "libggml-base"))
        return 0;
    void *library = dlopen(info->dlpi_name, RTLD_LAZY | RTLD_NOLOAD);
    *(void **)context = library ? dlsym(library, asked) : NULL;
    return 1;
}

void *ggml_backend_reg_get_proc_address(void *reg, const char *name) {
    static answer_function next;
    if (strcmp(name, "ggml_backend_dev_get_extra_bufts") == 0)
        return NULL;
    void *found = NULL;
    if (!next) {
        dl_iterate_phdr(find_ggml, &found);
        if (!found)
            found = dlsym(RTLD_NEXT, asked);
        if (!found) {
            fputs("no_repack: libggml-base is not loaded, so that it cannot be asked\n", stderr);
            abort();
        }
        memcpy(&next, &found, sizeof next);
    }
    return next(reg, name);
}
