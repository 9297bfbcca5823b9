/*
 * unit_template.h: what the files of one instruction set know of each other, and how its table is
 * filled.
 *
 * Contract: included after vec_<isa>.h. dot_<isa>.c, packed_<isa>.c, rows_<isa>.c and
 * attend_<isa>.c define these functions from the templates; init_<isa>.c calls unit_fill.
 */
#ifndef WEIR_CPU_UNIT_TEMPLATE_H
#define WEIR_CPU_UNIT_TEMPLATE_H

weir_dot_fn WEIR_ISA(dot_f32);

weir_dot_fn WEIR_ISA(dot_f16), WEIR_ISA(dot_bf16), WEIR_ISA(dot_q4_0), WEIR_ISA(dot_q8_0);
weir_dot_fn WEIR_ISA(dot_q4_k), WEIR_ISA(dot_q5_k), WEIR_ISA(dot_q6_k);

typedef void dequantize_fn(const void *blocks, float *values, size_t n);
dequantize_fn WEIR_ISA(dequantize_f16), WEIR_ISA(dequantize_bf16), WEIR_ISA(dequantize_q4_0);
dequantize_fn WEIR_ISA(dequantize_q8_0), WEIR_ISA(dequantize_q4_k), WEIR_ISA(dequantize_q5_k);
dequantize_fn WEIR_ISA(dequantize_q6_k);

/* Blocks of a format. dequantize NULL: they are floats. */
typedef struct dot_format {
    dequantize_fn *dequantize;
    uint32_t block_values;
    size_t block_bytes;
} dot_format;

/* A dot of many x, the rows of w dequantized slice by slice; only with V_SLICES. */
void WEIR_ISA(dot_slices)(const uint8_t *w, size_t row_bytes, uint32_t n_w, const float *const *x,
                          uint32_t n_x, uint32_t n_cols, float *const *y, const dot_format *format);

void WEIR_ISA(rms_norm)(const float *x, const float *weight, uint32_t n, float eps, float *y);
void WEIR_ISA(silu_mul)(const float *g, const float *u, size_t n, float *y);
void WEIR_ISA(add_scaled)(float *y, const float *x, float scale, size_t n);
void WEIR_ISA(rope)(float *x, const float *cos_sin, uint32_t head_dim);
void WEIR_ISA(short_conv)(const float *b, const float *c, const float *x, const float *taps,
                          const float *bias, uint32_t l_cache, uint32_t n, float *past, float *y);
void WEIR_ISA(attend)(const weir_attend_task *task);
void WEIR_ISA(attend_part)(const weir_attend_task *task, uint32_t segment, float *sums);
void WEIR_ISA(attend_merge)(const weir_attend_task *task, float *sums);

/* Integer products over packed strips (t16_<isa>.c). */
void WEIR_ISA(fill_t16)(weir_cpu_kernels *k);

enum { TILE_SUMS = 32 };

#if !V_HAS_SUM16
static WEIR_INLINE void v16_sum16(const v16 *a, float *sums) {
    WEIR_UNROLL for (int i = 0; i < 16; i += 4) v16_sum4(a + i, sums + i);
}
#endif

/* y[j][at + r] = sum of acc[j * n_rows + r]: four sums for the price of little more than one. */
static WEIR_INLINE void tile_finish(const int n_rows, const int n_x, v16 *acc, float *const *y,
                                    uint32_t at) {
    float sums[TILE_SUMS];
    if (n_rows * n_x == 1) {
        y[0][at] = v16_sum(acc[0]);
        return;
    }
    WEIR_UNROLL for (int i = n_rows * n_x; i % 4 != 0; i++) acc[i] = v16_zero();
    const int n_by_16 = n_rows * n_x / 16 * 16;
    WEIR_UNROLL for (int i = 0; i < n_by_16; i += 16) v16_sum16(acc + i, sums + i);
    WEIR_UNROLL for (int i = n_by_16; i < n_rows * n_x; i += 4) v16_sum4(acc + i, sums + i);
    WEIR_UNROLL for (int j = 0; j < n_x; j++)
        memcpy(y[j] + at, sums + j * n_rows, (size_t)n_rows * sizeof *sums);
}

static inline void unit_fill(weir_cpu_kernels *k) {
    k->dot[WEIR_FORMAT_F32] = WEIR_ISA(dot_f32);
#define FILL_FORMAT(ID, name)                        \
    k->dot[WEIR_FORMAT_##ID] = WEIR_ISA(dot_##name); \
    k->dequantize[WEIR_FORMAT_##ID] = WEIR_ISA(dequantize_##name);
    FILL_FORMAT(F16, f16)
    FILL_FORMAT(BF16, bf16)
    FILL_FORMAT(Q4_0, q4_0)
    FILL_FORMAT(Q8_0, q8_0)
    FILL_FORMAT(Q4_K, q4_k)
    FILL_FORMAT(Q5_K, q5_k)
    FILL_FORMAT(Q6_K, q6_k)
#undef FILL_FORMAT
    k->dot_rows = V_SLICES ? UINT32_MAX : V_FEW_X;
    k->rms_norm = WEIR_ISA(rms_norm);
    k->silu_mul = WEIR_ISA(silu_mul);
    k->add_scaled = WEIR_ISA(add_scaled);
    k->rope = WEIR_ISA(rope);
    k->short_conv = WEIR_ISA(short_conv);
    k->attend = WEIR_ISA(attend);
    k->attend_part = WEIR_ISA(attend_part);
    k->attend_merge = WEIR_ISA(attend_merge);
}

#endif
