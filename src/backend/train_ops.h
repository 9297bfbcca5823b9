/*
 * train_ops.h: what a device must do for training: the operations of the forward pass once more,
 * on plain arrays and with what the backward pass needs kept, and their gradients.
 *
 * The arithmetic of the forward operations is that of backend.h: same formulas, same routing
 * function (route.h), same RoPE. What differs is the form: a training batch has all its rows at
 * once, so there are no pages and no states.
 *
 * Rules that tests hold every device to:
 *   rows      a row of an output depends on nothing but the rows it is made of: not on other rows
 * of the batch, not on where in the batch it stands. So the losses of packed samples are those of
 * the samples alone, bit for bit. threads   results do not depend on the number of threads, bit for
 * bit: sums over rows run in a fixed order (row by row, or fixed blocks of rows added up in order).
 *   segments  a segment is one sample: convolution, attention and positions never look across.
 *
 * Arrays are float32 in ordinary memory, row-major, rows one after the other; unless said otherwise
 * outputs do not overlap inputs. "+=": the output is added to. A NULL gradient is not computed.
 */
#ifndef WEIR_BACKEND_TRAIN_OPS_H
#define WEIR_BACKEND_TRAIN_OPS_H

#include "base/workers.h"
#include "model/model.h"

typedef struct weir_trainer_device weir_trainer_device;

/* Rows [first_row, first_row + n_rows) of a batch: one sample, positions 0, 1, ... */
typedef struct weir_segment {
    uint32_t first_row, n_rows;
} weir_segment;

typedef struct weir_segments {
    const weir_segment *item; /* [n] ascending, covering all rows */
    uint32_t n, n_rows;
} weir_segments;

/*
 * C (+)= A B: C [m, n], A [m, k], B [k, n]. The element (i, p) of A is a[i * lda + p], or
 * a[p * lda + i] if a_is_transposed; of B b[p * ldb + j], or b[j * ldb + p] if b_is_transposed. So
 * with W [out, in]:  y = x W'   a = x, b = W transposed;  dx = dy W  a = dy, b = W;
 * dW += dy' x  a = dy transposed, b = x. m = 0 and k = 0 are fine (k = 0: zeros or unchanged).
 * An element's sum runs over p in an order that depends on k alone.
 */
typedef struct weir_matmul {
    uint32_t m, n, k;
    const float *a, *b;
    float *c;
    size_t lda, ldb, ldc;
    bool a_is_transposed, b_is_transposed, is_added;
} weir_matmul;

typedef struct weir_attention_form {
    uint32_t n_heads, n_heads_kv, head_dim;
} weir_attention_form;

typedef struct weir_adamw {
    float learning_rate, beta1, beta2, eps, weight_decay;
    float correction1, correction2; /* 1 - beta^step */
    float gradient_scale;           /* of g before anything else: clipping */
} weir_adamw;

typedef struct weir_train_ops {
    /* n independent products, in one parallel region; their C do not overlap */
    void (*matmul)(weir_trainer_device *dev, const weir_matmul *products, uint32_t n);

    /* y[r] = table[tokens[r]]; table [n_vocab, width] */
    void (*embed)(weir_trainer_device *dev, const float *table, const int32_t *tokens,
                  uint32_t n_rows, uint32_t width, float *y);
    /* dtable[tokens[r]] += dy[r], rows in ascending order */
    void (*embed_back)(weir_trainer_device *dev, const float *dy, const int32_t *tokens,
                       uint32_t n_rows, uint32_t width, float *dtable);

    /* y = x r w, r = (mean x^2 + eps)^-1/2; factor [n_rows] keeps r. y may be x */
    void (*rms_norm)(weir_trainer_device *dev, const float *x, const float *w, uint32_t n_rows,
                     uint32_t width, float eps, float *y, float *factor);
    /* g = w dy; dx (+)= r g - x r^3 mean(g x); dw += sum over rows of dy x r. dx may be dy if not
     * added. x: the input */
    void (*rms_norm_back)(weir_trainer_device *dev, const float *dy, const float *x, const float *w,
                          const float *factor, uint32_t n_rows, uint32_t width, bool is_added,
                          float *dx, float *dw);

    /* rotates x [n_rows, n_heads, head_dim] in place by pos, pairs (j, j + head_dim / 2); is_back:
     * by -pos */
    void (*rope)(weir_trainer_device *dev, const weir_segments *segments, uint32_t n_heads,
                 uint32_t head_dim, float theta, bool is_back, float *x);

    /* y [n_rows, n_heads, head_dim] from q of that shape, k and v [n_rows, n_heads_kv, head_dim];
     * lse [n_rows, n_heads] keeps log(sum exp(q k / sqrt(head_dim))) of each row and head. Keys are
     * taken from the segment's start on, so that a row's sums run as in the segment alone */
    void (*attend)(weir_trainer_device *dev, const weir_segments *segments,
                   const weir_attention_form *form, const float *q, const float *k, const float *v,
                   float *y, float *lse);
    void (*attend_back)(weir_trainer_device *dev, const weir_segments *segments,
                        const weir_attention_form *form, const float *q, const float *k,
                        const float *v, const float *y, const float *lse, const float *dy,
                        float *dq, float *dk, float *dv);

    /* bcx [n_rows, 3 width]: B, C, x. u = B x; c[t] = bias + sum over j of taps[., j]
     * u[t - (n_taps - 1) + j]; y = C c. taps [width, n_taps], bias [width] or NULL */
    void (*short_conv)(weir_trainer_device *dev, const weir_segments *segments, const float *bcx,
                       const float *taps, const float *bias, uint32_t width, uint32_t n_taps,
                       float *y);
    /* dbcx like bcx; dtaps, dbias += */
    void (*short_conv_back)(weir_trainer_device *dev, const weir_segments *segments,
                            const float *bcx, const float *taps, const float *bias, const float *dy,
                            uint32_t width, uint32_t n_taps, float *dbcx, float *dtaps,
                            float *dbias);

    /* h = gate / (1 + exp(-gate)) up; h may be gate or up */
    void (*silu_mul)(weir_trainer_device *dev, const float *gate, const float *up, size_t n,
                     float *h);
    /* s = sigmoid(gate): dup = dh gate s; dgate = dh up s (1 + gate (1 - s)); either may be dh */
    void (*silu_mul_back)(weir_trainer_device *dev, const float *gate, const float *up,
                          const float *dh, size_t n, float *dgate, float *dup);

    /* as weir_route_row for every row; experts, weights [n_rows, n_experts_used] */
    void (*route)(weir_trainer_device *dev, const weir_hparams *h, const float *bias,
                  const float *logits, uint32_t n_rows, int32_t *experts, float *weights);
    /* dlogits [n_rows, n_experts] from dweights [n_rows, n_experts_used]; the choice is constant */
    void (*route_back)(weir_trainer_device *dev, const weir_hparams *h, const float *logits,
                       const int32_t *experts, const float *weights, const float *dweights,
                       uint32_t n_rows, float *dlogits);

    /* y[i] = scale[i] x[from[i]]; scale NULL: 1. x [., width], y [n_rows, width] */
    void (*gather)(weir_trainer_device *dev, const float *x, const uint32_t *from,
                   const float *scale, uint32_t n_rows, uint32_t width, float *y);
    /* y[r] += sum over j < n_parts, ascending, of scale[r, j] x[from[r, j]]; scale NULL: 1.
     * scale, from [n_rows, n_parts] */
    void (*combine)(weir_trainer_device *dev, const float *x, const uint32_t *from,
                    const float *scale, uint32_t n_rows, uint32_t n_parts, uint32_t width,
                    float *y);
    /* out[i] = sum of a[i] b[i]; [n_rows, width] */
    void (*row_dots)(weir_trainer_device *dev, const float *a, const float *b, uint32_t n_rows,
                     uint32_t width, float *out);
    /* x[r] *= scale[r] */
    void (*scale_rows)(weir_trainer_device *dev, const float *scale, uint32_t n_rows,
                       uint32_t width, float *x);
    /* y[r] += bias */
    void (*add_bias)(weir_trainer_device *dev, const float *bias, uint32_t n_rows, uint32_t width,
                     float *y);
    /* db += sum over rows of dy */
    void (*add_bias_back)(weir_trainer_device *dev, const float *dy, uint32_t n_rows,
                          uint32_t width, float *db);
    /* y += scale x; n values */
    void (*axpy)(weir_trainer_device *dev, float scale, const float *x, size_t n, float *y);

    /* loss[r] = -log softmax(logits[r])[targets[r]]; then, if is_back, logits becomes
     * scale (softmax - onehot). All targets are in the vocabulary. */
    void (*cross_entropy)(weir_trainer_device *dev, float *logits, const int32_t *targets,
                          uint32_t n_rows, uint32_t n_vocab, bool is_back, float scale,
                          float *loss);

    /* Decoupled weight decay (Loshchilov and Hutter 2019): g = gradient_scale grad;
     * m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
     * p -= learning_rate (m / correction1 / (sqrt(v / correction2) + eps) + weight_decay p) */
    void (*adamw)(weir_trainer_device *dev, const weir_adamw *step, const float *grad, size_t n,
                  float *p, float *m, float *v);
    /* sum of x^2, in double over fixed blocks */
    double (*sum_squares)(weir_trainer_device *dev, const float *x, size_t n);
} weir_train_ops;

/* One at a time drives it, as its workers. */
struct weir_trainer_device {
    const char *name;    /* "cpu", "reference" */
    const char *kernels; /* "avx2 f32": what a checkpoint records, since bits depend on it */
    weir_train_ops ops;  /* all filled */
    weir_workers *workers;
    uint32_t n_threads;
    /* FLOP/s that this device's matrix products reach at best, measured now (about 0.2 s): what a
     * share of the peak refers to. NULL: unknown */
    double (*measure_peak)(weir_trainer_device *dev);
    void (*close)(weir_trainer_device *dev); /* frees dev itself */
};

typedef struct weir_trainer_device_options {
    const char *device; /* NULL, "cpu", or "reference": plain C, double sums, one thread */
    const char *isa; /* cap on kernels: "portable", "avx2", "avx512", "avx512bf16", "amx",
                      "neon"; NULL: best */
    uint32_t n_threads; /* 0: as weir_topology says */
    bool is_exact;      /* no bf16 in products, f32 throughout */
    bool no_pin;
} weir_trainer_device_options;

/* By name; defined in engine/devices.c, the one place that knows what is built in. */
weir_status weir_trainer_device_open(weir_trainer_device **out,
                                     const weir_trainer_device_options *options, weir_error *err);
void weir_trainer_device_close(weir_trainer_device **dev);

/* The plain C oracle (train_reference.c). */
weir_status weir_reference_train_open(weir_trainer_device **out,
                                      const weir_trainer_device_options *options, weir_error *err);

#endif
