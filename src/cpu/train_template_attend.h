/*
 * train_template_attend.h: attention of a segment and its gradients, in one instruction set.
 *
 * Contract: part of train_template.h, after the product. The method is that of Dao et al. 2022
 * (FlashAttention): tiles of scores, never a whole matrix; backwards they are made anew from the
 * kept log of the sum.
 *
 * A tile has WEIR_ATTEND_DEPTH rows and WEIR_ATTEND_LANES lanes, in panels of T_COLS lanes
 * ("lane panels": [panel][row][T_COLS]), which is what the product calls a panel of B. With queries
 * in the lanes (forward, dq) rows are keys, and what is summed or compared over keys goes from row
 * to row, never across lanes. Keys are taken in tiles from the segment's start. With keys in the
 * lanes (dk, dv) rows are queries, in tiles from the lanes' first position. A lane's results are
 * made of that lane alone, and tiles stand where the positions say: a row has the same bits
 * wherever its segment stands.
 */
#ifndef WEIR_CPU_TRAIN_TEMPLATE_ATTEND_H
#define WEIR_CPU_TRAIN_TEMPLATE_ATTEND_H

enum {
    LANE_PANELS = WEIR_ATTEND_LANES / T_COLS,
    LANE_VECTORS = WEIR_ATTEND_LANES / 16,
    TILE_VALUES = WEIR_ATTEND_DEPTH * WEIR_ATTEND_LANES
};

/* A matrix [n_rows, WEIR_ATTEND_LANES] in lane panels. */
typedef struct lanes {
    float *values;
    uint32_t n_rows; /* of a panel */
} lanes;

/* Offset of lane `lane` of row 0. */
static WEIR_INLINE float *lane_at(lanes m, uint32_t lane) {
    return m.values + (size_t)(lane / T_COLS) * m.n_rows * T_COLS + lane % T_COLS;
}

/* 16 lanes from 16 g on, of one row. Narrow panels hold fewer. */
static WEIR_INLINE v16 lanes_load(lanes m, uint32_t row, uint32_t g) {
    v16 y;
    WEIR_UNROLL for (uint32_t i = 0; i < V_PARTS; i++) y.p[i] =
        vp_load(lane_at(m, 16 * g + i * V_WIDTH) + (size_t)row * T_COLS);
    return y;
}

static WEIR_INLINE void lanes_store(lanes m, uint32_t row, uint32_t g, v16 a) {
    WEIR_UNROLL for (uint32_t i = 0; i < V_PARTS; i++)
        vp_store(lane_at(m, 16 * g + i * V_WIDTH) + (size_t)row * T_COLS, a.p[i]);
}

/* Where everything stands in a thread's scratch. */
typedef struct attend_room {
    lanes side, side2;   /* [head_dim]: what the lanes are made of */
    lanes sums, sums2;   /* [head_dim, to whole tiles]: what is being made */
    lanes score, score2; /* [WEIR_ATTEND_DEPTH] */
    float *panels;       /* of A */
} attend_room;

static attend_room attend_rooms(float *scratch, uint32_t head_dim) {
    uint32_t n_sums = (head_dim + T_ROWS - 1) / T_ROWS * T_ROWS;
    attend_room room;
    lanes *const all[] = {&room.side,  &room.side2, &room.sums,
                          &room.sums2, &room.score, &room.score2};
    const uint32_t n_rows[] = {head_dim, head_dim,          n_sums,
                               n_sums,   WEIR_ATTEND_DEPTH, WEIR_ATTEND_DEPTH};
    for (size_t i = 0; i < WEIR_COUNT(all); i++) {
        *all[i] = (lanes){scratch, n_rows[i]};
        scratch += (size_t)n_rows[i] * WEIR_ATTEND_LANES;
    }
    room.panels = scratch;
    return room;
}

/* side[d][lane] = scale rows[lane][d], zeros in lanes that have no row. */
static void attend_side(lanes side, const float *rows, size_t stride, uint32_t n, float scale) {
    for (uint32_t lane = 0; lane < WEIR_ATTEND_LANES; lane += T_COLS) {
        uint32_t n_cols = n <= lane ? 0 : n - lane < T_COLS ? n - lane : T_COLS;
        pack_lanes(rows + lane * stride, stride, n_cols, side.n_rows, scale, lane_at(side, lane));
    }
}

/* score[i][lane] = sum over d of rows[i][d] side[d][lane], i < n. */
static void attend_scores(const attend_room *room, lanes score, const float *rows, size_t stride,
                          uint32_t n, lanes side) {
    for (uint32_t at = 0; at < side.n_rows; at += WEIR_PRODUCT_DEPTH) {
        uint32_t depth =
            side.n_rows - at < WEIR_PRODUCT_DEPTH ? side.n_rows - at : WEIR_PRODUCT_DEPTH;
        pack_rows(rows + at, stride, n, depth, room->panels);
        for (uint32_t lane = 0; lane < WEIR_ATTEND_LANES; lane += T_COLS)
            for (uint32_t i = 0; i < n; i += T_ROWS)
                tile_of_rows(depth, room->panels + (size_t)i * T_STRIDE,
                             lane_at(side, lane) + (size_t)at * T_COLS,
                             lane_at(score, lane) + (size_t)i * T_COLS, T_COLS, at > 0);
    }
}

/* sums[d][lane] += sum over i < n of rows[i][d] score[i][lane]. */
static void attend_sums(const attend_room *room, lanes sums, const float *rows, size_t stride,
                        uint32_t n, lanes score, uint32_t head_dim) {
    size_t panel_values = (size_t)n * T_ROWS;
    pack_columns(rows, stride, head_dim, n, room->panels, panel_values);
    for (uint32_t lane = 0; lane < WEIR_ATTEND_LANES; lane += T_COLS)
        for (uint32_t d = 0; d < head_dim; d += T_ROWS)
            tile_of_columns(n, room->panels + d / T_ROWS * panel_values, lane_at(score, lane),
                            lane_at(sums, lane) + (size_t)d * T_COLS, T_COLS, true);
}

/* rows[lane][d] = scale[lane] sums[d][lane] */
static void attend_write(lanes sums, const float *scale, uint32_t n, uint32_t head_dim, float *rows,
                         size_t stride) {
    for (uint32_t lane = 0; lane < n; lane++) {
        const float *from = lane_at(sums, lane);
        for (uint32_t d = 0; d < head_dim; d++)
            rows[lane * stride + d] = scale[lane] * from[(size_t)d * T_COLS];
    }
}

static void lanes_clear(lanes m) {
    memset(m.values, 0, (size_t)m.n_rows * WEIR_ATTEND_LANES * sizeof *m.values);
}

/* Scores of lanes begin .. end of a row become those of keys that may not be seen. */
static void attend_hide(lanes score, uint32_t row, uint32_t begin, uint32_t end) {
    for (uint32_t lane = begin; lane < end; lane++)
        lane_at(score, lane)[(size_t)row * T_COLS] = -INFINITY;
}

/* Keys behind the queries in the lanes. */
static void attend_hide_keys(lanes score, uint32_t key, uint32_t n, uint32_t query) {
    for (uint32_t i = 0; i < n; i++)
        if (key + i > query) {
            uint32_t n_hidden = key + i - query;
            attend_hide(score, i, 0, n_hidden < WEIR_ATTEND_LANES ? n_hidden : WEIR_ATTEND_LANES);
        }
}

static void attend_queries(const weir_attend_part *part, uint32_t first) {
    const uint32_t d = part->head_dim;
    const attend_room room = attend_rooms(part->scratch, d);
    uint32_t n =
        part->n_rows - first < WEIR_ATTEND_LANES ? part->n_rows - first : WEIR_ATTEND_LANES;
    float most[WEIR_ATTEND_LANES], sum[WEIR_ATTEND_LANES];
    for (uint32_t i = 0; i < WEIR_ATTEND_LANES; i++) {
        most[i] = -INFINITY;
        sum[i] = 0;
    }
    attend_side(room.side, part->q + first * part->q_stride, part->q_stride, n,
                1.0f / sqrtf((float)d));
    lanes_clear(room.sums);
    for (uint32_t key = 0; key < first + n; key += WEIR_ATTEND_DEPTH) {
        uint32_t n_keys = first + n - key < WEIR_ATTEND_DEPTH ? first + n - key : WEIR_ATTEND_DEPTH;
        attend_scores(&room, room.score, part->k + key * part->kv_stride, part->kv_stride, n_keys,
                      room.side);
        attend_hide_keys(room.score, key, n_keys, first);
        for (uint32_t g = 0; g < LANE_VECTORS; g++) {
            v16 before = v16_load(most + 16 * g), now = before, total = v16_zero();
            for (uint32_t i = 0; i < n_keys; i++)
                now = v16_max(now, lanes_load(room.score, i, g));
            for (uint32_t i = 0; i < n_keys; i++) {
                v16 e = v16_exp(v16_sub(lanes_load(room.score, i, g), now));
                total = v16_add(total, e);
                lanes_store(room.score, i, g, e);
            }
            v16 shrink = v16_exp(v16_sub(before, now));
            v16_store(most + 16 * g, now);
            v16_store(sum + 16 * g, v16_fma(v16_load(sum + 16 * g), shrink, total));
            for (uint32_t i = 0; key > 0 && i < d; i++)
                lanes_store(room.sums, i, g, v16_mul(lanes_load(room.sums, i, g), shrink));
        }
        attend_sums(&room, room.sums, part->v + key * part->kv_stride, part->kv_stride, n_keys,
                    room.score, d);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (part->lse)
            part->lse[(size_t)(first + i) * part->n_heads] = most[i] + logf(sum[i]);
        sum[i] = 1.0f / sum[i];
    }
    attend_write(room.sums, sum, n, d, part->out + first * part->q_stride, part->q_stride);
}

/* P = e^(score - lse), written over score; dS = P (dP - dot), over score2. */
static WEIR_INLINE void attend_back_16(const attend_room *room, uint32_t row, uint32_t g, v16 lse,
                                       v16 dot) {
    v16 p = v16_exp(v16_sub(lanes_load(room->score, row, g), lse));
    v16 ds = v16_mul(p, v16_sub(lanes_load(room->score2, row, g), dot));
    lanes_store(room->score, row, g, p);
    lanes_store(room->score2, row, g, ds);
}

static void attend_queries_back(const weir_attend_part *part, uint32_t first) {
    const uint32_t d = part->head_dim;
    const attend_room room = attend_rooms(part->scratch, d);
    const float scale = 1.0f / sqrtf((float)d);
    uint32_t n =
        part->n_rows - first < WEIR_ATTEND_LANES ? part->n_rows - first : WEIR_ATTEND_LANES;
    size_t at = first * part->q_stride;
    float lse[WEIR_ATTEND_LANES] = {0}, dot[WEIR_ATTEND_LANES] = {0}, scales[WEIR_ATTEND_LANES];
    for (uint32_t i = 0; i < n; i++) {
        lse[i] = part->lse[(size_t)(first + i) * part->n_heads];
        dot[i] =
            dot_values(part->dy + at + i * part->q_stride, part->y + at + i * part->q_stride, d);
        scales[i] = scale;
    }
    attend_side(room.side, part->q + at, part->q_stride, n, scale);
    attend_side(room.side2, part->dy + at, part->q_stride, n, 1.0f);
    lanes_clear(room.sums);
    for (uint32_t key = 0; key < first + n; key += WEIR_ATTEND_DEPTH) {
        uint32_t n_keys = first + n - key < WEIR_ATTEND_DEPTH ? first + n - key : WEIR_ATTEND_DEPTH;
        const float *k = part->k + key * part->kv_stride, *v = part->v + key * part->kv_stride;
        attend_scores(&room, room.score, k, part->kv_stride, n_keys, room.side);
        attend_scores(&room, room.score2, v, part->kv_stride, n_keys, room.side2);
        attend_hide_keys(room.score, key, n_keys, first);
        for (uint32_t g = 0; g < LANE_VECTORS; g++) {
            v16 lse_g = v16_load(lse + 16 * g), dot_g = v16_load(dot + 16 * g);
            for (uint32_t i = 0; i < n_keys; i++)
                attend_back_16(&room, i, g, lse_g, dot_g);
        }
        attend_sums(&room, room.sums, k, part->kv_stride, n_keys, room.score2, d);
    }
    attend_write(room.sums, scales, n, d, part->out + at, part->q_stride);
}

static void attend_keys_back(const weir_attend_part *part, uint32_t first) {
    const uint32_t d = part->head_dim;
    const attend_room room = attend_rooms(part->scratch, d);
    const float scale = 1.0f / sqrtf((float)d);
    uint32_t n =
        part->n_rows - first < WEIR_ATTEND_LANES ? part->n_rows - first : WEIR_ATTEND_LANES;
    size_t at = first * part->kv_stride;
    attend_side(room.side, part->k + at, part->kv_stride, n, scale);
    attend_side(room.side2, part->v + at, part->kv_stride, n, 1.0f);
    lanes_clear(room.sums);
    lanes_clear(room.sums2);
    for (uint32_t head = 0; head < part->n_group; head++) {
        for (uint32_t query = first; query < part->n_rows; query += WEIR_ATTEND_DEPTH) {
            uint32_t n_queries =
                part->n_rows - query < WEIR_ATTEND_DEPTH ? part->n_rows - query : WEIR_ATTEND_DEPTH;
            size_t from = query * part->q_stride + (size_t)head * d;
            const float *q = part->q + from, *dy = part->dy + from, *y = part->y + from;
            attend_scores(&room, room.score, q, part->q_stride, n_queries, room.side);
            attend_scores(&room, room.score2, dy, part->q_stride, n_queries, room.side2);
            for (uint32_t i = 0; i < n_queries; i++) {
                uint32_t n_seen = query + i - first + 1; /* keys in the lanes that it sees */
                if (n_seen < WEIR_ATTEND_LANES)
                    attend_hide(room.score, i, n_seen, WEIR_ATTEND_LANES);
                v16 lse = v16_set(part->lse[(size_t)(query + i) * part->n_heads + head]);
                v16 dot = v16_set(dot_values(dy + i * part->q_stride, y + i * part->q_stride, d));
                WEIR_UNROLL for (uint32_t g = 0; g < LANE_VECTORS; g++)
                    attend_back_16(&room, i, g, lse, dot);
            }
            attend_sums(&room, room.sums, q, part->q_stride, n_queries, room.score2, d);
            attend_sums(&room, room.sums2, dy, part->q_stride, n_queries, room.score, d);
        }
    }
    float scales[WEIR_ATTEND_LANES], ones[WEIR_ATTEND_LANES];
    for (uint32_t i = 0; i < WEIR_ATTEND_LANES; i++) {
        scales[i] = scale;
        ones[i] = 1.0f;
    }
    if (part->dk)
        attend_write(room.sums, scales, n, d, part->dk + at, part->kv_stride);
    if (part->dv)
        attend_write(room.sums2, ones, n, d, part->dv + at, part->kv_stride);
}

#endif
