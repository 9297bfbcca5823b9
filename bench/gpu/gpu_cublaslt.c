/*
 * gpu_cublaslt.c: gpu_cublaslt.h over dlopen.
 *
 * The library sees columns where we see rows: Y' [n_out, n_rows] = W X', with W stored as [n_in,
 * n_out] and transposed. Its types and numbers are written out here (cuBLAS documentation,
 * "cuBLASLt API", 12 and 13), so that no header is needed; gpu_cublaslt_facts.cu compares them with
 * the header wherever nvcc builds.
 */
#include "gpu_cublaslt.h"
#include "gpu_cublaslt_facts.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct functions {
    int (*create)(void **handle);
    int (*destroy)(void *handle);
    int (*desc_create)(void **desc, int compute, int scale);
    int (*desc_set)(void *desc, int attribute, const void *value, size_t bytes);
    int (*desc_destroy)(void *desc);
    int (*layout_create)(void **layout, int type, uint64_t rows, uint64_t cols, int64_t stride);
    int (*layout_destroy)(void *layout);
    int (*wish_create)(void **wish);
    int (*wish_set)(void *wish, int attribute, const void *value, size_t bytes);
    int (*wish_destroy)(void *wish);
    int (*choose)(void *handle, void *desc, void *a, void *b, void *c, void *d, void *wish, int n,
                  weir_cublaslt_choice *out, int *n_out);
    int (*matmul)(void *handle, void *desc, const void *alpha, const void *a, void *a_layout,
                  const void *b, void *b_layout, const void *beta, const void *c, void *c_layout,
                  void *d, void *d_layout, const void *algorithm, void *workspace, size_t bytes,
                  void *stream);
} functions;

static const struct {
    const char *name;
    size_t at;
} names[] = {
    {"cublasLtCreate", offsetof(functions, create)},
    {"cublasLtDestroy", offsetof(functions, destroy)},
    {"cublasLtMatmulDescCreate", offsetof(functions, desc_create)},
    {"cublasLtMatmulDescSetAttribute", offsetof(functions, desc_set)},
    {"cublasLtMatmulDescDestroy", offsetof(functions, desc_destroy)},
    {"cublasLtMatrixLayoutCreate", offsetof(functions, layout_create)},
    {"cublasLtMatrixLayoutDestroy", offsetof(functions, layout_destroy)},
    {"cublasLtMatmulPreferenceCreate", offsetof(functions, wish_create)},
    {"cublasLtMatmulPreferenceSetAttribute", offsetof(functions, wish_set)},
    {"cublasLtMatmulPreferenceDestroy", offsetof(functions, wish_destroy)},
    {"cublasLtMatmulAlgoGetHeuristic", offsetof(functions, choose)},
    {"cublasLtMatmul", offsetof(functions, matmul)},
};

struct weir_cublaslt {
    void *file, *handle;
    functions f;
    void *desc, *w, *x, *y; /* of the plan */
    weir_cublaslt_choice choice;
    size_t workspace_bytes;
};

/* ---- opening ------------------------------------------------------------------------------ */

static int open_file(weir_cublaslt *library, const char *path, char *why, size_t cap) {
    static const char *const paths[] = {"libcublasLt.so.13", "libcublasLt.so.12",
                                        "/usr/local/cuda/lib64/libcublasLt.so"};
    if (path)
        library->file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; !path && !library->file && i < sizeof paths / sizeof *paths; i++)
        library->file = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
    if (!library->file) {
        const char *error = dlerror();
        snprintf(why, cap, "%s", error ? error : "the library cannot be opened");
        return -1;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *found = dlsym(library->file, names[i].name);
        if (!found) {
            snprintf(why, cap, "%s has no %s", path ? path : "libcublasLt", names[i].name);
            return -1;
        }
        *(void **)((char *)&library->f + names[i].at) = found;
    }
    return 0;
}

int weir_cublaslt_open(weir_cublaslt **out, const char *path, char *why, size_t cap) {
    weir_cublaslt *library = calloc(1, sizeof *library);
    *out = NULL;
    if (!library) {
        snprintf(why, cap, "no memory");
        return -1;
    }
    int code = open_file(library, path, why, cap);
    if (code == 0) {
        int status = library->f.create(&library->handle);
        if (status != 0) {
            snprintf(why, cap, "cublasLtCreate: status %d", status);
            code = -1;
        }
    }
    if (code != 0) {
        weir_cublaslt_close(&library);
        return code;
    }
    *out = library;
    return 0;
}

static void drop_plan(weir_cublaslt *library) {
    void **layouts[] = {&library->w, &library->x, &library->y};
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        if (*layouts[i])
            library->f.layout_destroy(*layouts[i]);
        *layouts[i] = NULL;
    }
    if (library->desc)
        library->f.desc_destroy(library->desc);
    library->desc = NULL;
}

void weir_cublaslt_close(weir_cublaslt **library) {
    weir_cublaslt *l = *library;
    if (!l)
        return;
    drop_plan(l);
    if (l->handle)
        l->f.destroy(l->handle);
    if (l->file)
        dlclose(l->file);
    free(l);
    *library = NULL;
}

/* ---- products ----------------------------------------------------------------------------- */

static int describe(weir_cublaslt *l, uint32_t n_out, uint32_t n_in, uint32_t n_rows) {
    const int transposed = WEIR_CUBLASLT_OP_T;
    int status = l->f.desc_create(&l->desc, WEIR_CUBLASLT_COMPUTE_32F, WEIR_CUBLASLT_R_32F);
    if (status == 0)
        status = l->f.desc_set(l->desc, WEIR_CUBLASLT_DESC_TRANSA, &transposed, sizeof transposed);
    if (status == 0)
        status = l->f.layout_create(&l->w, WEIR_CUBLASLT_R_16BF, n_in, n_out, n_in);
    if (status == 0)
        status = l->f.layout_create(&l->x, WEIR_CUBLASLT_R_16BF, n_in, n_rows, n_in);
    if (status == 0)
        status = l->f.layout_create(&l->y, WEIR_CUBLASLT_R_32F, n_out, n_rows, n_out);
    return status;
}

int weir_cublaslt_plan(weir_cublaslt *library, uint32_t n_out, uint32_t n_in, uint32_t n_rows,
                       size_t workspace_bytes) {
    weir_cublaslt *l = library;
    void *wish = NULL;
    int n = 0;
    drop_plan(l);
    int status = describe(l, n_out, n_in, n_rows);
    if (status == 0)
        status = l->f.wish_create(&wish);
    if (status == 0)
        status = l->f.wish_set(wish, WEIR_CUBLASLT_WISH_WORKSPACE, &workspace_bytes,
                               sizeof workspace_bytes);
    if (status == 0)
        status = l->f.choose(l->handle, l->desc, l->w, l->x, l->y, l->y, wish, 1, &l->choice, &n);
    if (wish)
        l->f.wish_destroy(wish);
    l->workspace_bytes = workspace_bytes;
    return status != 0 ? status : n == 0 ? WEIR_CUBLASLT_NOT_SUPPORTED : l->choice.status;
}

int weir_cublaslt_run(weir_cublaslt *library, const void *w, const void *x, float *y,
                      void *workspace, weir_cuda_stream *stream) {
    const float one = 1, zero = 0;
    const weir_cublaslt *l = library;
    return l->f.matmul(l->handle, l->desc, &one, w, l->w, x, l->x, &zero, y, l->y, y, l->y,
                       &l->choice.algorithm, workspace, l->workspace_bytes, stream);
}
