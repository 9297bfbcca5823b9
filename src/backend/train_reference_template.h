/*
 * train_reference_template.h: every operation of train_ops.h in plain C, to be read beside its
 * formulas there.
 *
 * Contract: included by train_reference.c once for each type of array, with
 *   REAL      float or double: what arrays hold. Sums are double either way
 *   NAME(op)  the name of this instance's function
 *   MATMUL    weir_matmul of that type
 * and undefines the three. One thread, no tiles, no tricks: a value is computed where it is asked
 * for, in the order in which the formula names its parts. Names of the formulas: s sigmoid,
 * d<name> the derivative of the loss by <name>.
 */

/* A gradient that nobody wants is NULL. */
static void NAME(store)(REAL *to, bool is_added, double value) {
    if (to)
        *to = (REAL)(is_added ? *to + value : value);
}

/* ---- matrices ---- */

static void NAME(matmul)(weir_trainer_device *dev, const MATMUL *products, uint32_t n) {
    (void)dev;
    for (const MATMUL *op = products; op < products + n; op++) {
        size_t a_row = op->a_is_transposed ? 1 : op->lda, a_col = op->a_is_transposed ? op->lda : 1;
        size_t b_row = op->b_is_transposed ? 1 : op->ldb, b_col = op->b_is_transposed ? op->ldb : 1;
        for (uint32_t i = 0; i < op->m; i++) {
            for (uint32_t j = 0; j < op->n; j++) {
                const REAL *a = op->a + i * a_row, *b = op->b + j * b_col;
                double sum = 0;
                for (uint32_t p = 0; p < op->k; p++)
                    sum += (double)a[p * a_col] * b[p * b_row];
                NAME(store)(op->c + i * op->ldc + j, op->is_added, sum);
            }
        }
    }
}

static void NAME(embed)(weir_trainer_device *dev, const REAL *table, const int32_t *tokens,
                        uint32_t n_rows, uint32_t width, REAL *y) {
    (void)dev;
    for (uint32_t r = 0; r < n_rows; r++)
        memcpy(y + (size_t)r * width, table + (size_t)tokens[r] * width, width * sizeof *y);
}

static void NAME(embed_back)(weir_trainer_device *dev, const REAL *dy, const int32_t *tokens,
                             uint32_t n_rows, uint32_t width, REAL *dtable) {
    (void)dev;
    for (uint32_t r = 0; r < n_rows && dtable; r++)
        for (uint32_t i = 0; i < width; i++)
            dtable[(size_t)tokens[r] * width + i] += dy[(size_t)r * width + i];
}

static void NAME(add_bias)(weir_trainer_device *dev, const REAL *bias, uint32_t n_rows,
                           uint32_t width, REAL *y) {
    (void)dev;
    for (uint32_t r = 0; r < n_rows; r++)
        for (uint32_t i = 0; i < width; i++)
            y[(size_t)r * width + i] += bias[i];
}

static void NAME(add_bias_back)(weir_trainer_device *dev, const REAL *dy, uint32_t n_rows,
                                uint32_t width, REAL *db) {
    (void)dev;
    for (uint32_t i = 0; i < width && db; i++) {
        double sum = 0;
        for (uint32_t r = 0; r < n_rows; r++)
            sum += (double)dy[(size_t)r * width + i];
        NAME(store)(db + i, true, sum);
    }
}

/* ---- norm ---- */

/* y = x r w, r = (mean x^2 + eps)^-1/2 */
static void NAME(rms_norm)(weir_trainer_device *dev, const REAL *x, const REAL *w, uint32_t n_rows,
                           uint32_t width, float eps, REAL *y, REAL *factor) {
    (void)dev;
    for (uint32_t row = 0; row < n_rows; row++, x += width, y += width) {
        double sum = 0;
        for (uint32_t i = 0; i < width; i++)
            sum += (double)x[i] * x[i];
        REAL r = (REAL)(1.0 / sqrt(sum / width + (double)eps));
        for (uint32_t i = 0; i < width; i++)
            y[i] = x[i] * r * w[i];
        if (factor)
            factor[row] = r;
    }
}

/* g = w dy; dx = r g - x r^3 mean(g x); dw = sum over rows of dy x r */
static void NAME(rms_norm_back)(weir_trainer_device *dev, const REAL *dy, const REAL *x,
                                const REAL *w, const REAL *factor, uint32_t n_rows, uint32_t width,
                                bool is_added, REAL *dx, REAL *dw) {
    (void)dev;
    /* dw first: dx may be dy */
    for (uint32_t i = 0; i < width && dw; i++) {
        double sum = 0;
        for (uint32_t row = 0; row < n_rows; row++) {
            size_t at = (size_t)row * width + i;
            sum += (double)dy[at] * x[at] * factor[row];
        }
        NAME(store)(dw + i, true, sum);
    }
    for (uint32_t row = 0; row < n_rows && dx; row++, dy += width, x += width, dx += width) {
        double r = (double)factor[row], sum = 0;
        for (uint32_t i = 0; i < width; i++)
            sum += (double)w[i] * dy[i] * x[i];
        for (uint32_t i = 0; i < width; i++)
            NAME(store)(dx + i, is_added, r * w[i] * dy[i] - x[i] * r * r * r * (sum / width));
    }
}

/* ---- attention ---- */

/* The angle is a float32 product, as in the official table; its cosine and sine are then exact. */
static void NAME(rope)(weir_trainer_device *dev, const weir_segments *segments, uint32_t n_heads,
                       uint32_t head_dim, float theta, bool is_back, REAL *x) {
    (void)dev;
    uint32_t half = head_dim / 2;
    for (uint32_t g = 0; g < segments->n; g++) {
        const weir_segment *segment = &segments->item[g];
        for (uint32_t pos = 0; pos < segment->n_rows; pos++) {
            REAL *row = x + (size_t)(segment->first_row + pos) * n_heads * head_dim;
            for (uint32_t j = 0; j < half; j++) {
                float frequency = (float)pow((double)theta, -2.0 * j / head_dim);
                float angle = (float)pos * frequency;
                REAL c = (REAL)cos((double)angle), s = (REAL)sin((double)angle);
                if (is_back)
                    s = -s;
                for (uint32_t head = 0; head < n_heads; head++) {
                    REAL *a = row + (size_t)head * head_dim + j, *b = a + half;
                    REAL a0 = *a, b0 = *b;
                    *a = a0 * c - b0 * s;
                    *b = b0 * c + a0 * s;
                }
            }
        }
    }
}

static double NAME(dot)(const REAL *a, const REAL *b, uint32_t n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* One row and head: softmax(q k' / sqrt(d)) v over the n_keys rows from k and v on, `stride` apart.
 * The sum of exp(s - best) and the weighted sum of v are carried along, rescaled when a better key
 * comes. Returns log(sum exp s). */
static double NAME(attend_head)(const REAL *q, const REAL *k, const REAL *v, uint32_t n_keys,
                                size_t stride, uint32_t d, REAL *y) {
    double acc[WEIR_MAX_HEAD_DIM] = {0};
    double best = -INFINITY, sum = 0, scale = 1.0 / sqrt(d);
    for (uint32_t t = 0; t < n_keys; t++) {
        double score = NAME(dot)(q, k + t * stride, d) * scale;
        if (score > best) {
            double rescale = exp(best - score);
            sum *= rescale;
            for (uint32_t i = 0; i < d; i++)
                acc[i] *= rescale;
            best = score;
        }
        double p = exp(score - best);
        sum += p;
        for (uint32_t i = 0; i < d; i++)
            acc[i] += p * v[t * stride + i];
    }
    for (uint32_t i = 0; i < d; i++)
        y[i] = (REAL)(acc[i] / sum);
    return best + log(sum);
}

static void NAME(attend)(weir_trainer_device *dev, const weir_segments *segments,
                         const weir_attention_form *form, const REAL *q, const REAL *k,
                         const REAL *v, REAL *y, REAL *lse) {
    (void)dev;
    uint32_t d = form->head_dim, group = form->n_heads / form->n_heads_kv;
    size_t stride = (size_t)form->n_heads_kv * d;
    for (uint32_t g = 0; g < segments->n; g++) {
        const weir_segment *segment = &segments->item[g];
        for (uint32_t i = 0; i < segment->n_rows; i++) {
            for (uint32_t head = 0; head < form->n_heads; head++) {
                size_t at = (size_t)(segment->first_row + i) * form->n_heads + head;
                size_t keys = segment->first_row * stride + (size_t)(head / group) * d;
                double log_sum =
                    NAME(attend_head)(q + at * d, k + keys, v + keys, i + 1, stride, d, y + at * d);
                if (lse)
                    lse[at] = (REAL)log_sum;
            }
        }
    }
}

/* What query row i of one head and key t have to do with each other: p = exp(s - lse), the share of
 * v_t in y_i; ds = p (<dy, v> - <dy, y>), the derivative by the score s = <q, k> / sqrt(d). */
typedef struct NAME(pair) {
    double p, ds;
} NAME(pair);

static NAME(pair) NAME(pair_of)(const REAL *q, const REAL *k, const REAL *v, const REAL *y,
                                const REAL *dy, double lse, uint32_t d) {
    double p = exp(NAME(dot)(q, k, d) / sqrt(d) - lse);
    return (NAME(pair)){p, p * (NAME(dot)(dy, v, d) - NAME(dot)(dy, y, d))};
}

/* Every pair is met twice, once from its query for dq and once from its key for dk and dv, so that
 * each sum is one double. */
static void NAME(attend_back)(weir_trainer_device *dev, const weir_segments *segments,
                              const weir_attention_form *form, const REAL *q, const REAL *k,
                              const REAL *v, const REAL *y, const REAL *lse, const REAL *dy,
                              REAL *dq, REAL *dk, REAL *dv) {
    (void)dev;
    uint32_t d = form->head_dim, group = form->n_heads / form->n_heads_kv;
    double scale = 1.0 / sqrt(d);
    for (uint32_t g = 0; g < segments->n; g++) {
        uint32_t first = segments->item[g].first_row, end = first + segments->item[g].n_rows;
        for (uint32_t i = first; i < end && dq; i++) {
            for (uint32_t head = 0; head < form->n_heads; head++) {
                size_t row = (size_t)i * form->n_heads + head, at = row * d;
                double sum[WEIR_MAX_HEAD_DIM] = {0};
                for (uint32_t t = first; t <= i; t++) {
                    size_t key = ((size_t)t * form->n_heads_kv + head / group) * d;
                    NAME(pair)
                    pair = NAME(pair_of)(q + at, k + key, v + key, y + at, dy + at,
                                         (double)lse[row], d);
                    for (uint32_t c = 0; c < d; c++)
                        sum[c] += pair.ds * scale * k[key + c];
                }
                for (uint32_t c = 0; c < d; c++)
                    dq[at + c] = (REAL)sum[c];
            }
        }
        for (uint32_t t = first; t < end && (dk || dv); t++) {
            for (uint32_t head_kv = 0; head_kv < form->n_heads_kv; head_kv++) {
                size_t key = ((size_t)t * form->n_heads_kv + head_kv) * d;
                double sum_k[WEIR_MAX_HEAD_DIM] = {0}, sum_v[WEIR_MAX_HEAD_DIM] = {0};
                for (uint32_t i = t; i < end; i++) {
                    for (uint32_t head = head_kv * group; head < (head_kv + 1) * group; head++) {
                        size_t row = (size_t)i * form->n_heads + head, at = row * d;
                        NAME(pair)
                        pair = NAME(pair_of)(q + at, k + key, v + key, y + at, dy + at,
                                             (double)lse[row], d);
                        for (uint32_t c = 0; c < d; c++) {
                            sum_k[c] += pair.ds * scale * q[at + c];
                            sum_v[c] += pair.p * dy[at + c];
                        }
                    }
                }
                for (uint32_t c = 0; c < d; c++) {
                    NAME(store)(dk ? dk + key + c : NULL, false, sum_k[c]);
                    NAME(store)(dv ? dv + key + c : NULL, false, sum_v[c]);
                }
            }
        }
    }
}

/* ---- convolution ---- */

/* One channel of a segment; row t of bcx begins at bcx + t * 3 width, of others at t * width. */

static double NAME(conv_input)(const REAL *bcx, uint32_t width, uint32_t t) {
    const REAL *row = bcx + (size_t)t * 3 * width;
    return (double)(REAL)(row[0] * row[2 * width]); /* u = B x, rounded as inference keeps it */
}

/* c[t] = bias + sum over j of taps[j] u[t - (K - 1) + j] */
static double NAME(conv_sum)(const REAL *bcx, const REAL *taps, const REAL *bias, uint32_t width,
                             uint32_t n_taps, uint32_t t) {
    double sum = bias ? (double)*bias : 0;
    for (uint32_t j = 0; j < n_taps; j++)
        if (t + j + 1 >= n_taps)
            sum += (double)taps[j] * NAME(conv_input)(bcx, width, t + j + 1 - n_taps);
    return sum;
}

/* y = C c */
static void NAME(short_conv)(weir_trainer_device *dev, const weir_segments *segments,
                             const REAL *bcx, const REAL *taps, const REAL *bias, uint32_t width,
                             uint32_t n_taps, REAL *y) {
    (void)dev;
    for (uint32_t g = 0; g < segments->n; g++) {
        size_t first = segments->item[g].first_row;
        for (uint32_t t = 0; t < segments->item[g].n_rows; t++) {
            for (uint32_t i = 0; i < width; i++) {
                const REAL *in = bcx + first * 3 * width + i;
                REAL c = (REAL)NAME(conv_sum)(in, taps + (size_t)i * n_taps, bias ? bias + i : NULL,
                                              width, n_taps, t);
                y[(first + t) * width + i] = in[(size_t)t * 3 * width + width] * c;
            }
        }
    }
}

/* dc = C dy, of one channel and row */
static double NAME(conv_dsum)(const REAL *bcx, const REAL *dy, uint32_t width, uint32_t t) {
    return (double)bcx[(size_t)t * 3 * width + width] * dy[(size_t)t * width];
}

/* dC = dy c; du[t] = sum over j of taps[j] dc[t + K - 1 - j]; dB = du x; dx = du B;
 * dtaps[j] = sum over t of dc[t] u[t - (K - 1) + j]; dbias = sum over t of dc[t] */
static void NAME(short_conv_back)(weir_trainer_device *dev, const weir_segments *segments,
                                  const REAL *bcx, const REAL *taps, const REAL *bias,
                                  const REAL *dy, uint32_t width, uint32_t n_taps, REAL *dbcx,
                                  REAL *dtaps, REAL *dbias) {
    (void)dev;
    for (uint32_t i = 0; i < width; i++) {
        const REAL *tap = taps + (size_t)i * n_taps;
        double sum_taps[WEIR_MAX_TAPS] = {0}, sum_bias = 0;
        for (uint32_t g = 0; g < segments->n; g++) {
            size_t first = segments->item[g].first_row, n_rows = segments->item[g].n_rows;
            const REAL *in = bcx + first * 3 * width + i, *dout = dy + first * width + i;
            for (uint32_t t = 0; t < n_rows; t++) {
                const REAL *row = in + (size_t)t * 3 * width;
                double dc = NAME(conv_dsum)(in, dout, width, t), du = 0;
                sum_bias += dc;
                for (uint32_t j = 0; j < n_taps; j++) {
                    if (t + j + 1 >= n_taps)
                        sum_taps[j] += dc * NAME(conv_input)(in, width, t + j + 1 - n_taps);
                    if (t + n_taps - 1 - j < n_rows)
                        du += (double)tap[j] * NAME(conv_dsum)(in, dout, width, t + n_taps - 1 - j);
                }
                if (!dbcx)
                    continue;
                REAL *drow = dbcx + (first + t) * 3 * width + i;
                drow[0] = (REAL)(du * row[2 * width]);
                drow[width] =
                    (REAL)(dout[(size_t)t * width] *
                           NAME(conv_sum)(in, tap, bias ? bias + i : NULL, width, n_taps, t));
                drow[2 * width] = (REAL)(du * row[0]);
            }
        }
        for (uint32_t j = 0; j < n_taps && dtaps; j++)
            NAME(store)(dtaps + (size_t)i * n_taps + j, true, sum_taps[j]);
        NAME(store)(dbias ? dbias + i : NULL, true, sum_bias);
    }
}

/* ---- feed-forward ---- */

/* h = gate s up, s = sigmoid(gate) */
static void NAME(silu_mul)(weir_trainer_device *dev, const REAL *gate, const REAL *up, size_t n,
                           REAL *h) {
    (void)dev;
    for (size_t i = 0; i < n; i++)
        h[i] = (REAL)(gate[i] / (1.0 + exp(-(double)gate[i])) * up[i]);
}

/* dup = dh gate s; dgate = dh up s (1 + gate (1 - s)) */
static void NAME(silu_mul_back)(weir_trainer_device *dev, const REAL *gate, const REAL *up,
                                const REAL *dh, size_t n, REAL *dgate, REAL *dup) {
    (void)dev;
    for (size_t i = 0; i < n; i++) {
        double a = (double)gate[i], b = (double)up[i], d = (double)dh[i];
        double s = 1.0 / (1.0 + exp(-a));
        NAME(store)(dgate ? dgate + i : NULL, false, d * b * s * (1.0 + a * (1.0 - s)));
        NAME(store)(dup ? dup + i : NULL, false, d * a * s);
    }
}

/* ---- experts ---- */

/* The choice is weir_route_row's, and so are the weights of the float32 device. */
static void NAME(route)(weir_trainer_device *dev, const weir_hparams *h, const float *bias,
                        const REAL *logits, uint32_t n_rows, int32_t *experts, REAL *weights) {
    (void)dev;
    uint32_t n = h->n_experts, k = h->n_experts_used;
    for (uint32_t r = 0; r < n_rows; r++, logits += n, experts += k, weights += k) {
        float z[WEIR_MAX_EXPERTS], w[WEIR_MAX_EXPERTS];
        double s[WEIR_MAX_EXPERTS], sum = 0;
        for (uint32_t e = 0; e < n; e++)
            z[e] = (float)logits[e];
        weir_route_row(h, bias, z, experts, w);
        for (uint32_t j = 0; j < k; j++) {
            s[j] = 1.0 / (1.0 + exp(-(double)logits[experts[j]]));
            sum += s[j];
        }
        for (uint32_t j = 0; j < k; j++) {
            double exact = (double)h->expert_scale * s[j];
            if (h->has_topk_norm)
                exact /= sum + 1e-6;
            weights[j] = sizeof(REAL) == sizeof(float) ? (REAL)w[j] : (REAL)exact;
        }
    }
}

/* w_e = scale s_e / S, S = sum of the chosen s + 1e-6:
 * ds_e = scale / S (dw_e - sum over f of dw_f s_f / S); dz_e = ds_e s_e (1 - s_e).
 * Without the norm ds_e = scale dw_e. What was not chosen gets 0. */
static void NAME(route_back)(weir_trainer_device *dev, const weir_hparams *h, const REAL *logits,
                             const int32_t *experts, const REAL *weights, const REAL *dweights,
                             uint32_t n_rows, REAL *dlogits) {
    (void)dev;
    (void)weights;
    uint32_t n = h->n_experts, k = h->n_experts_used;
    for (uint32_t r = 0; r < n_rows; r++, logits += n, dlogits += n, experts += k, dweights += k) {
        double s[WEIR_MAX_EXPERTS], sum = 1e-6, mean = 0;
        for (uint32_t j = 0; j < k; j++) {
            s[j] = 1.0 / (1.0 + exp(-(double)logits[experts[j]]));
            sum += s[j];
        }
        for (uint32_t j = 0; j < k; j++)
            mean += dweights[j] * s[j] / sum;
        memset(dlogits, 0, n * sizeof *dlogits);
        for (uint32_t j = 0; j < k; j++) {
            double ds = (double)h->expert_scale *
                        (h->has_topk_norm ? (dweights[j] - mean) / sum : (double)dweights[j]);
            dlogits[experts[j]] = (REAL)(ds * s[j] * (1.0 - s[j]));
        }
    }
}

static void NAME(gather)(weir_trainer_device *dev, const REAL *x, const uint32_t *from,
                         const REAL *scale, uint32_t n_rows, uint32_t width, REAL *y) {
    (void)dev;
    for (uint32_t r = 0; r < n_rows; r++)
        for (uint32_t i = 0; i < width; i++)
            y[(size_t)r * width + i] =
                (scale ? scale[r] : (REAL)1) * x[(size_t)from[r] * width + i];
}

static void NAME(combine)(weir_trainer_device *dev, const REAL *x, const uint32_t *from,
                          const REAL *scale, uint32_t n_rows, uint32_t n_parts, uint32_t width,
                          REAL *y) {
    (void)dev;
    for (uint32_t r = 0; r < n_rows; r++) {
        for (uint32_t i = 0; i < width; i++) {
            double sum = (double)y[(size_t)r * width + i];
            for (uint32_t j = 0; j < n_parts; j++) {
                size_t part = (size_t)r * n_parts + j;
                sum += (scale ? (double)scale[part] : 1.0) * x[(size_t)from[part] * width + i];
            }
            y[(size_t)r * width + i] = (REAL)sum;
        }
    }
}

/* ---- rows and vectors ---- */

static void NAME(row_dots)(weir_trainer_device *dev, const REAL *a, const REAL *b, uint32_t n_rows,
                           uint32_t width, REAL *out) {
    (void)dev;
    for (uint32_t r = 0; r < n_rows; r++)
        out[r] = (REAL)NAME(dot)(a + (size_t)r * width, b + (size_t)r * width, width);
}

static void NAME(scale_rows)(weir_trainer_device *dev, const REAL *scale, uint32_t n_rows,
                             uint32_t width, REAL *x) {
    (void)dev;
    for (uint32_t r = 0; r < n_rows; r++)
        for (uint32_t i = 0; i < width; i++)
            x[(size_t)r * width + i] *= scale[r];
}

static void NAME(axpy)(weir_trainer_device *dev, float scale, const REAL *x, size_t n, REAL *y) {
    (void)dev;
    for (size_t i = 0; i < n; i++)
        y[i] += scale * x[i];
}

static double NAME(sum_squares)(weir_trainer_device *dev, const REAL *x, size_t n) {
    (void)dev;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

/* ---- loss and step ---- */

static void NAME(cross_entropy)(weir_trainer_device *dev, REAL *logits, const int32_t *targets,
                                uint32_t n_rows, uint32_t n_vocab, bool is_back, float scale,
                                REAL *loss) {
    (void)dev;
    for (uint32_t r = 0; r < n_rows; r++, logits += n_vocab) {
        double best = -INFINITY, sum = 0;
        for (uint32_t i = 0; i < n_vocab; i++)
            if ((double)logits[i] > best)
                best = (double)logits[i];
        for (uint32_t i = 0; i < n_vocab; i++)
            sum += exp((double)logits[i] - best);
        loss[r] = (REAL)(log(sum) - ((double)logits[targets[r]] - best));
        for (uint32_t i = 0; i < n_vocab && is_back; i++) {
            double p = exp((double)logits[i] - best) / sum;
            logits[i] = (REAL)((double)scale * (p - ((int32_t)i == targets[r])));
        }
    }
}

static void NAME(adamw)(weir_trainer_device *dev, const weir_adamw *step, const REAL *grad,
                        size_t n, REAL *p, REAL *m, REAL *v) {
    (void)dev;
    double b1 = (double)step->beta1, b2 = (double)step->beta2;
    for (size_t i = 0; i < n; i++) {
        double g = (double)step->gradient_scale * grad[i];
        m[i] = (REAL)(b1 * m[i] + (1.0 - b1) * g);
        v[i] = (REAL)(b2 * v[i] + (1.0 - b2) * g * g);
        double change = m[i] / (double)step->correction1 /
                        (sqrt(v[i] / (double)step->correction2) + (double)step->eps);
        p[i] = (REAL)(p[i] -
                      (double)step->learning_rate * (change + (double)step->weight_decay * p[i]));
    }
}

#undef REAL
#undef NAME
#undef MATMUL
