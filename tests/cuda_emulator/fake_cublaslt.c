/*
 * fake_cublaslt.c: as much of libcublasLt as bench/gpu asks for, over ordinary memory, for runs on
 * the emulator. What it is handed that is not as the real one's documentation wants it is refused.
 * Built as a library and opened by name (WEIR_CUBLASLT). With WEIR_CUBLASLT_WRONG in the
 * environment a product of as many rows has other numbers than it should.
 */
#include "gpu_cublaslt_facts.h"

#include <stdlib.h>
#include <string.h>

enum { INVALID = 7, HANDLE = 77 };

typedef struct layout {
    int type;
    uint64_t rows, cols; /* by columns */
    int64_t stride;
} layout;

typedef struct desc {
    int compute, scale, op_a;
} desc;

int cublasLtCreate(void **handle);
int cublasLtDestroy(void *handle);
int cublasLtMatmulDescCreate(void **out, int compute, int scale);
int cublasLtMatmulDescSetAttribute(void *d, int attribute, const void *value, size_t bytes);
int cublasLtMatmulDescDestroy(void *d);
int cublasLtMatrixLayoutCreate(void **out, int type, uint64_t rows, uint64_t cols, int64_t stride);
int cublasLtMatrixLayoutDestroy(void *l);
int cublasLtMatmulPreferenceCreate(void **out);
int cublasLtMatmulPreferenceSetAttribute(void *wish, int attribute, const void *value,
                                         size_t bytes);
int cublasLtMatmulPreferenceDestroy(void *wish);
int cublasLtMatmulAlgoGetHeuristic(void *handle, const desc *d, const layout *a, const layout *b,
                                   const layout *c, const layout *y, const size_t *wish, int n,
                                   weir_cublaslt_choice *out, int *n_out);
int cublasLtMatmul(void *handle, const desc *d, const float *alpha, const uint16_t *a,
                   const layout *a_layout, const uint16_t *b, const layout *b_layout,
                   const float *beta, const float *c, const layout *c_layout, float *y,
                   const layout *y_layout, const uint64_t *algorithm, void *workspace, size_t bytes,
                   void *stream);

static int handle_memory = HANDLE;

int cublasLtCreate(void **handle) {
    *handle = &handle_memory;
    return 0;
}

int cublasLtDestroy(void *handle) {
    return handle == &handle_memory ? 0 : INVALID;
}

int cublasLtMatmulDescCreate(void **out, int compute, int scale) {
    desc *d = calloc(1, sizeof *d);
    *out = d;
    if (!d)
        return INVALID;
    d->compute = compute;
    d->scale = scale;
    return 0;
}

int cublasLtMatmulDescSetAttribute(void *d, int attribute, const void *value, size_t bytes) {
    if (attribute != WEIR_CUBLASLT_DESC_TRANSA || bytes != sizeof(int))
        return INVALID;
    memcpy(&((desc *)d)->op_a, value, bytes);
    return 0;
}

int cublasLtMatmulDescDestroy(void *d) {
    free(d);
    return 0;
}

int cublasLtMatrixLayoutCreate(void **out, int type, uint64_t rows, uint64_t cols, int64_t stride) {
    layout *l = malloc(sizeof *l);
    *out = l;
    if (!l || stride < (int64_t)rows)
        return INVALID;
    *l = (layout){type, rows, cols, stride};
    return 0;
}

int cublasLtMatrixLayoutDestroy(void *l) {
    free(l);
    return 0;
}

int cublasLtMatmulPreferenceCreate(void **out) {
    *out = calloc(1, sizeof(size_t));
    return *out ? 0 : INVALID;
}

int cublasLtMatmulPreferenceSetAttribute(void *wish, int attribute, const void *value,
                                         size_t bytes) {
    if (attribute != WEIR_CUBLASLT_WISH_WORKSPACE || bytes != sizeof(size_t))
        return INVALID;
    memcpy(wish, value, bytes);
    return 0;
}

int cublasLtMatmulPreferenceDestroy(void *wish) {
    free(wish);
    return 0;
}

static int fits(const desc *d, const layout *a, const layout *b, const layout *c, const layout *y) {
    return d->compute == WEIR_CUBLASLT_COMPUTE_32F && d->scale == WEIR_CUBLASLT_R_32F &&
           d->op_a == WEIR_CUBLASLT_OP_T && a->type == WEIR_CUBLASLT_R_16BF &&
           b->type == WEIR_CUBLASLT_R_16BF && y->type == WEIR_CUBLASLT_R_32F &&
           a->rows == b->rows && a->cols == y->rows && b->cols == y->cols && c->rows == y->rows &&
           c->cols == y->cols && c->type == y->type;
}

int cublasLtMatmulAlgoGetHeuristic(void *handle, const desc *d, const layout *a, const layout *b,
                                   const layout *c, const layout *y, const size_t *wish, int n,
                                   weir_cublaslt_choice *out, int *n_out) {
    if (handle != &handle_memory || n < 1 || !fits(d, a, b, c, y))
        return INVALID;
    *out = (weir_cublaslt_choice){.algorithm = {HANDLE}, .workspace_bytes = *wish};
    *n_out = 1;
    return 0;
}

static float value_of(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int cublasLtMatmul(void *handle, const desc *d, const float *alpha, const uint16_t *a,
                   const layout *a_layout, const uint16_t *b, const layout *b_layout,
                   const float *beta, const float *c, const layout *c_layout, float *y,
                   const layout *y_layout, const uint64_t *algorithm, void *workspace, size_t bytes,
                   void *stream) {
    if (handle != &handle_memory || !fits(d, a_layout, b_layout, c_layout, y_layout) ||
        *algorithm != HANDLE || *alpha != 1 || *beta != 0 || c != y || (bytes && !workspace) ||
        !stream)
        return INVALID;
    const char *wrong = getenv("WEIR_CUBLASLT_WRONG");
    const double off = wrong && strtoull(wrong, NULL, 10) == y_layout->cols ? 1 : 0;
    for (uint64_t col = 0; col < y_layout->cols; col++)
        for (uint64_t row = 0; row < y_layout->rows; row++) {
            double sum = off;
            for (uint64_t k = 0; k < a_layout->rows; k++)
                sum += (double)value_of(a[row * (uint64_t)a_layout->stride + k]) *
                       (double)value_of(b[col * (uint64_t)b_layout->stride + k]);
            y[col * (uint64_t)y_layout->stride + row] = (float)sum;
        }
    return 0;
}
