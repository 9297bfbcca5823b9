/*
 * dot_portable.c: dot products in plain C, of every format that the other units know, from the
 * format's own dequantize: pieces of a row become floats on the stack.
 */
#include "base/compiler.h"
#include "cpu/portable/unit_portable.h"

#include <string.h>

enum { PIECE_VALUES = 256, GROUP_X = 4 };

/* n_x <= GROUP_X */
static void dot_row(const weir_format *f, const uint8_t *row, const float *const *x, uint32_t n_x,
                    uint32_t n_cols, float *const *y, uint32_t at) {
    float lanes[GROUP_X][PORTABLE_LANES] = {{0}};
    float piece[PIECE_VALUES];
    for (uint32_t c = 0; c < n_cols; c += PIECE_VALUES) {
        uint32_t n = n_cols - c < PIECE_VALUES ? n_cols - c : PIECE_VALUES;
        f->dequantize(row + weir_format_row_bytes(f, c), piece, n);
        for (uint32_t j = 0; j < n_x; j++)
            portable_lanes(lanes[j], piece, x[j] + c, n);
    }
    for (uint32_t j = 0; j < n_x; j++)
        y[j][at] = portable_sum(lanes[j]);
}

static void dot_rows(weir_format_id id, const uint8_t *w, size_t row_bytes, uint32_t n_w,
                     const float *const *x, uint32_t n_x, uint32_t n_cols, float *const *y) {
    const weir_format *f = weir_format_by_id(id);
    for (uint32_t j = 0; j < n_x; j += GROUP_X)
        for (uint32_t i = 0; i < n_w; i++)
            dot_row(f, w + i * row_bytes, x + j, n_x - j < GROUP_X ? n_x - j : GROUP_X, n_cols,
                    y + j, i);
}

void weir_portable_dot_f32(const uint8_t *w, size_t row_bytes, uint32_t n_w, const float *const *x,
                           uint32_t n_x, uint32_t n_cols, float *const *y) {
    dot_rows(WEIR_FORMAT_F32, w, row_bytes, n_w, x, n_x, n_cols, y);
}

#define DOT_FORMATS(X) \
    X(F16, f16)        \
    X(BF16, bf16)      \
    X(Q4_0, q4_0)      \
    X(Q8_0, q8_0)      \
    X(Q4_K, q4_k)      \
    X(Q5_K, q5_k)      \
    X(Q6_K, q6_k)

#define DOT_FORMAT(ID, name)                                                     \
    static void dot_##name(const uint8_t *w, size_t row_bytes, uint32_t n_w,     \
                           const float *const *x, uint32_t n_x, uint32_t n_cols, \
                           float *const *y) {                                    \
        dot_rows(WEIR_FORMAT_##ID, w, row_bytes, n_w, x, n_x, n_cols, y);        \
    }
DOT_FORMATS(DOT_FORMAT)

void weir_portable_fill_dot(weir_cpu_kernels *k) {
    k->dot[WEIR_FORMAT_F32] = weir_portable_dot_f32;
#define FILL_DOT(ID, name) k->dot[WEIR_FORMAT_##ID] = dot_##name;
    DOT_FORMATS(FILL_DOT)
    k->dot_rows = GROUP_X;
    for (size_t i = 0; weir_format_at(i); i++)
        k->dequantize[weir_format_at(i)->id] = weir_format_at(i)->dequantize;
}
