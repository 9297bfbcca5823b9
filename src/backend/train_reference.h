/*
 * train_reference.h: the operations of train_ops.h on arrays of double, for tests alone: what
 * finite differences can be taken of, and what the float32 devices are judged by.
 *
 * The same text as the "reference" device (train_reference_template.h), compiled once more. Rows of
 * this table mean what the rows of the same name mean in weir_train_ops; `dev` is not looked at.
 * Two things stay float32: the angle of RoPE, and the choice of experts, which is weir_route_row's
 * on the logits rounded to float32.
 */
#ifndef WEIR_BACKEND_TRAIN_REFERENCE_H
#define WEIR_BACKEND_TRAIN_REFERENCE_H

#include "backend/train_ops.h"

/* weir_matmul of doubles. */
typedef struct weir_matmul_f64 {
    uint32_t m, n, k;
    const double *a, *b;
    double *c;
    size_t lda, ldb, ldc;
    bool a_is_transposed, b_is_transposed, is_added;
} weir_matmul_f64;

typedef struct weir_train_ops_f64 {
    void (*matmul)(weir_trainer_device *dev, const weir_matmul_f64 *products, uint32_t n);
    void (*embed)(weir_trainer_device *dev, const double *table, const int32_t *tokens,
                  uint32_t n_rows, uint32_t width, double *y);
    void (*embed_back)(weir_trainer_device *dev, const double *dy, const int32_t *tokens,
                       uint32_t n_rows, uint32_t width, double *dtable);
    void (*rms_norm)(weir_trainer_device *dev, const double *x, const double *w, uint32_t n_rows,
                     uint32_t width, float eps, double *y, double *factor);
    void (*rms_norm_back)(weir_trainer_device *dev, const double *dy, const double *x,
                          const double *w, const double *factor, uint32_t n_rows, uint32_t width,
                          bool is_added, double *dx, double *dw);
    void (*rope)(weir_trainer_device *dev, const weir_segments *segments, uint32_t n_heads,
                 uint32_t head_dim, float theta, bool is_back, double *x);
    void (*attend)(weir_trainer_device *dev, const weir_segments *segments,
                   const weir_attention_form *form, const double *q, const double *k,
                   const double *v, double *y, double *lse);
    void (*attend_back)(weir_trainer_device *dev, const weir_segments *segments,
                        const weir_attention_form *form, const double *q, const double *k,
                        const double *v, const double *y, const double *lse, const double *dy,
                        double *dq, double *dk, double *dv);
    void (*short_conv)(weir_trainer_device *dev, const weir_segments *segments, const double *bcx,
                       const double *taps, const double *bias, uint32_t width, uint32_t n_taps,
                       double *y);
    void (*short_conv_back)(weir_trainer_device *dev, const weir_segments *segments,
                            const double *bcx, const double *taps, const double *bias,
                            const double *dy, uint32_t width, uint32_t n_taps, double *dbcx,
                            double *dtaps, double *dbias);
    void (*silu_mul)(weir_trainer_device *dev, const double *gate, const double *up, size_t n,
                     double *h);
    void (*silu_mul_back)(weir_trainer_device *dev, const double *gate, const double *up,
                          const double *dh, size_t n, double *dgate, double *dup);
    void (*route)(weir_trainer_device *dev, const weir_hparams *h, const float *bias,
                  const double *logits, uint32_t n_rows, int32_t *experts, double *weights);
    void (*route_back)(weir_trainer_device *dev, const weir_hparams *h, const double *logits,
                       const int32_t *experts, const double *weights, const double *dweights,
                       uint32_t n_rows, double *dlogits);
    void (*gather)(weir_trainer_device *dev, const double *x, const uint32_t *from,
                   const double *scale, uint32_t n_rows, uint32_t width, double *y);
    void (*combine)(weir_trainer_device *dev, const double *x, const uint32_t *from,
                    const double *scale, uint32_t n_rows, uint32_t n_parts, uint32_t width,
                    double *y);
    void (*row_dots)(weir_trainer_device *dev, const double *a, const double *b, uint32_t n_rows,
                     uint32_t width, double *out);
    void (*scale_rows)(weir_trainer_device *dev, const double *scale, uint32_t n_rows,
                       uint32_t width, double *x);
    void (*add_bias)(weir_trainer_device *dev, const double *bias, uint32_t n_rows, uint32_t width,
                     double *y);
    void (*add_bias_back)(weir_trainer_device *dev, const double *dy, uint32_t n_rows,
                          uint32_t width, double *db);
    void (*axpy)(weir_trainer_device *dev, float scale, const double *x, size_t n, double *y);
    void (*cross_entropy)(weir_trainer_device *dev, double *logits, const int32_t *targets,
                          uint32_t n_rows, uint32_t n_vocab, bool is_back, float scale,
                          double *loss);
    void (*adamw)(weir_trainer_device *dev, const weir_adamw *step, const double *grad, size_t n,
                  double *p, double *m, double *v);
    double (*sum_squares)(weir_trainer_device *dev, const double *x, size_t n);
} weir_train_ops_f64;

extern const weir_train_ops_f64 weir_train_reference_f64;

#endif
