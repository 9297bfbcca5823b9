/*
 * train_template_conv.h: the gated short convolution of training and its gradients, in one
 * instruction set.
 *
 * Contract: part of train_template.h. Taps, one after the other in memory for each channel, are
 * turned into lanes once for many rows. u = B x is made anew wherever it is needed: two loads and a
 * product cost less than a place to keep it.
 */
#ifndef WEIR_CPU_TRAIN_TEMPLATE_CONV_H
#define WEIR_CPU_TRAIN_TEMPLATE_CONV_H

enum {
    CONV_VALUES = 8192, /* taps as lanes at a time: as many channels as that gives */
    /* Rows that are fetched early: with three and more pieces of a row at once the processor does
     * not see them coming (measured: half the time with it). */
    CONV_AHEAD = 4,
    CONV_TAPS_AHEAD = 8
};

/* Taps of n channels as lanes, zeros after the last: [n_taps, n_lanes], n_lanes whole vectors. */
static void conv_lanes(const float *taps, uint32_t n_taps, uint32_t n, uint32_t n_lanes,
                       float *lanes) {
    memset(lanes, 0, (size_t)n_taps * n_lanes * sizeof *lanes);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n_taps; j++)
            lanes[(size_t)j * n_lanes + i] = taps[(size_t)i * n_taps + j];
}

static WEIR_INLINE v16 conv_load(const float *p, const bool is_whole, uint32_t n) {
    return is_whole ? v16_load(p) : v16_load_some(p, n);
}

static WEIR_INLINE void conv_store(float *p, v16 a, const bool is_whole, uint32_t n) {
    if (is_whole)
        v16_store(p, a);
    else
        v16_store_some(p, a, n);
}

/* The convolution c of one row: 16 channels, row at bcx, `past` rows before it in the segment. */
static WEIR_INLINE v16 conv_at(const float *bcx, uint32_t width, uint32_t past, const float *lanes,
                               uint32_t n_lanes, v16 bias, const uint32_t n_taps,
                               const bool is_whole, uint32_t n) {
    size_t row = (size_t)3 * width;
    v16 sum = v16_zero();
    for (uint32_t j = past + 1 >= n_taps ? 0 : n_taps - 1 - past; j < n_taps; j++) {
        const float *at = bcx - (size_t)(n_taps - 1 - j) * row;
        v16 u = v16_mul(conv_load(at, is_whole, n), conv_load(at + (size_t)2 * width, is_whole, n));
        sum = v16_fma(v16_load(lanes + (size_t)j * n_lanes), u, sum);
    }
    return v16_add(sum, bias);
}

/* 16 channels of row t: y, or dB, dC and dx. */
static WEIR_INLINE void conv_16(const weir_conv_part *part, uint32_t t, uint32_t channel,
                                const float *lanes, uint32_t n_lanes, const bool is_back,
                                const uint32_t n_taps, const bool is_whole, uint32_t n) {
    uint32_t width = part->width;
    size_t at = (size_t)t * 3 * width + channel;
    const float *bcx = part->bcx + at;
    if (t + CONV_AHEAD < part->n_rows) {
        const float *then = bcx + (size_t)CONV_AHEAD * 3 * width;
        WEIR_PREFETCH(then);
        WEIR_PREFETCH(then + width);
        WEIR_PREFETCH(then + 2 * (size_t)width);
    }
    v16 bias = part->bias ? conv_load(part->bias + channel, is_whole, n) : v16_zero();
    v16 c = conv_at(bcx, width, t, lanes, n_lanes, bias, n_taps, is_whole, n);
    if (!is_back) {
        v16 gate = conv_load(bcx + width, is_whole, n);
        conv_store(part->out + (size_t)t * width + channel, v16_mul(gate, c), is_whole, n);
        return;
    }
    const float *dy = part->dy + (size_t)t * width + channel;
    float *out = part->out + at;
    v16 du = v16_zero();
    for (uint32_t ahead = 0; ahead < n_taps && t + ahead < part->n_rows; ahead++) {
        v16 gate = conv_load(bcx + (size_t)ahead * 3 * width + width, is_whole, n);
        v16 dc = v16_mul(conv_load(dy + (size_t)ahead * width, is_whole, n), gate);
        du = v16_fma(v16_load(lanes + (size_t)(n_taps - 1 - ahead) * n_lanes), dc, du);
    }
    v16 b = conv_load(bcx, is_whole, n);
    v16 x = conv_load(bcx + (size_t)2 * width, is_whole, n);
    conv_store(out, v16_mul(du, x), is_whole, n);
    conv_store(out + width, v16_mul(conv_load(dy, is_whole, n), c), is_whole, n);
    conv_store(out + (size_t)2 * width, v16_mul(du, b), is_whole, n);
}

/* n_taps is a constant where it matters: 3 in every known model. */
static WEIR_INLINE void conv_channels(const weir_conv_part *part, const bool is_back) {
    float lanes[CONV_VALUES];
    const uint32_t n_taps = part->n_taps, n_most = CONV_VALUES / n_taps / 16 * 16;
    for (uint32_t c = 0; c < part->width; c += n_most) {
        uint32_t n = part->width - c < n_most ? part->width - c : n_most;
        uint32_t n_lanes = (n + 15) / 16 * 16;
        conv_lanes(part->taps + (size_t)c * n_taps, n_taps, n, n_lanes, lanes);
        for (uint32_t t = part->first; t < part->first + part->n; t++) {
            uint32_t i = 0;
            for (; n_taps == 3 && i + 16 <= n; i += 16)
                conv_16(part, t, c + i, lanes + i, n_lanes, is_back, 3, true, 16);
            for (; i < n; i += 16)
                conv_16(part, t, c + i, lanes + i, n_lanes, is_back, n_taps, false,
                        n - i < 16 ? n - i : 16);
        }
    }
}

static void conv_rows(const weir_conv_part *part) {
    conv_channels(part, false);
}

static void conv_rows_back(const weir_conv_part *part) {
    conv_channels(part, true);
}

/* Sums of 16 channels: sums[j] of tap j, sums[n_taps] of the bias. */
static WEIR_INLINE void conv_taps_16(const weir_segments *segments, const float *bcx,
                                     const float *dy, uint32_t width, const uint32_t n_taps,
                                     const bool is_whole, uint32_t n, v16 *sums) {
    v16 part[WEIR_MAX_TAPS + 1];
    for (uint32_t j = 0; j <= n_taps; j++)
        sums[j] = part[j] = v16_zero();
    uint32_t n_summed = 0;
    for (uint32_t s = 0; s < segments->n; s++) {
        uint32_t first = segments->item[s].first_row, n_rows = segments->item[s].n_rows;
        for (uint32_t t = 0; t < n_rows; t++) {
            const float *at = bcx + (size_t)(first + t) * 3 * width;
            if (t + CONV_TAPS_AHEAD < n_rows) {
                const float *then = at + (size_t)CONV_TAPS_AHEAD * 3 * width;
                WEIR_PREFETCH(then);
                WEIR_PREFETCH(then + width);
                WEIR_PREFETCH(then + (size_t)2 * width);
                WEIR_PREFETCH(dy + (size_t)(first + t + CONV_TAPS_AHEAD) * width);
            }
            v16 dc = v16_mul(conv_load(dy + (size_t)(first + t) * width, is_whole, n),
                             conv_load(at + width, is_whole, n));
            for (uint32_t j = 0; j < n_taps; j++) {
                uint32_t behind = n_taps - 1 - j;
                if (behind > t)
                    continue;
                const float *then = at - (size_t)behind * 3 * width;
                v16 u = v16_mul(conv_load(then, is_whole, n),
                                conv_load(then + (size_t)2 * width, is_whole, n));
                part[j] = v16_fma(dc, u, part[j]);
            }
            part[n_taps] = v16_add(part[n_taps], dc);
            if (++n_summed % WEIR_SUM_ROWS == 0)
                for (uint32_t j = 0; j <= n_taps; j++) {
                    sums[j] = v16_add(sums[j], part[j]);
                    part[j] = v16_zero();
                }
        }
    }
    for (uint32_t j = 0; j <= n_taps; j++)
        sums[j] = v16_add(sums[j], part[j]);
}

static void conv_taps(const weir_segments *segments, const float *bcx, const float *dy,
                      uint32_t width, uint32_t n_taps, uint32_t channel, uint32_t n, float *dtaps,
                      float *dbias) {
    for (uint32_t c = channel; c < channel + n; c += 16) {
        uint32_t n_lanes = channel + n - c < 16 ? channel + n - c : 16;
        v16 sums[WEIR_MAX_TAPS + 1];
        if (n_lanes == 16 && n_taps == 3)
            conv_taps_16(segments, bcx + c, dy + c, width, 3, true, 16, sums);
        else
            conv_taps_16(segments, bcx + c, dy + c, width, n_taps, false, n_lanes, sums);
        float lanes[16];
        for (uint32_t j = 0; dtaps && j < n_taps; j++) {
            v16_store(lanes, sums[j]);
            for (uint32_t i = 0; i < n_lanes; i++)
                dtaps[(size_t)(c + i) * n_taps + j] += lanes[i];
        }
        v16_store(lanes, sums[n_taps]);
        for (uint32_t i = 0; dbias && i < n_lanes; i++)
            dbias[c + i] += lanes[i];
    }
}

#endif
