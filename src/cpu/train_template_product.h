/*
 * train_template_product.h: matrix products of one instruction set, in float32.
 *
 * Contract: part of train_template.h. An element's sum: from zero over the p of a block, ascending,
 * one fma a term; so it is the same in every tile shape.
 *
 * Panels of A have two forms, so that neither way of standing in memory needs a transposition: rows
 * as they are, T_STRIDE apart, or (A transposed) p after p with its T_ROWS values. A panel of B is
 * p after p with its T_COLS values. The tile of C stays in registers: T_ROWS x T_PARTS of them.
 */
#ifndef WEIR_CPU_TRAIN_TEMPLATE_PRODUCT_H
#define WEIR_CPU_TRAIN_TEMPLATE_PRODUCT_H

enum {
    T_COLS = T_PARTS * V_WIDTH,
    /* One cache line more than a block, or all rows of a panel would fall on the same sets. */
    T_STRIDE = WEIR_PRODUCT_DEPTH + 16,
    T_PANEL = T_ROWS * T_STRIDE,
    PACK_AHEAD = 16
};

/* c [T_ROWS, T_COLS], rows ldc apart, = or += a b. */
static WEIR_INLINE void tile_body(const bool a_is_rows, uint32_t depth, const float *a,
                                  const float *b, float *c, size_t ldc, bool is_added) {
    vp acc[T_ROWS][T_PARTS];
    WEIR_UNROLL for (int i = 0; i < T_ROWS; i++) {
        WEIR_PREFETCH(c + (size_t)i * ldc);
        WEIR_UNROLL for (int j = 0; j < T_PARTS; j++) acc[i][j] = vp_zero();
    }
    for (uint32_t p = 0; p < depth; p++) {
        vp w[T_PARTS];
        WEIR_UNROLL for (int j = 0; j < T_PARTS; j++) w[j] = vp_load(b + j * V_WIDTH);
        WEIR_UNROLL for (int i = 0; i < T_ROWS; i++) {
            vp x = vp_set(a_is_rows ? a[i * T_STRIDE] : a[i]);
            WEIR_UNROLL for (int j = 0; j < T_PARTS; j++) acc[i][j] = vp_fma(x, w[j], acc[i][j]);
        }
        a += a_is_rows ? 1 : T_ROWS;
        b += T_COLS;
    }
    WEIR_UNROLL for (int i = 0; i < T_ROWS; i++) {
        WEIR_UNROLL for (int j = 0; j < T_PARTS; j++) {
            float *at = c + (size_t)i * ldc + j * V_WIDTH;
            vp_store(at, is_added ? vp_add(vp_load(at), acc[i][j]) : acc[i][j]);
        }
    }
}

static WEIR_NOINLINE void tile_of_rows(uint32_t depth, const float *a, const float *b, float *c,
                                       size_t ldc, bool is_added) {
    tile_body(true, depth, a, b, c, ldc, is_added);
}

static WEIR_NOINLINE void tile_of_columns(uint32_t depth, const float *a, const float *b, float *c,
                                          size_t ldc, bool is_added) {
    tile_body(false, depth, a, b, c, ldc, is_added);
}

/* Rows of a matrix, stride apart, in panels: n_rows rows, depth values of each. */
static void pack_rows(const float *from, size_t stride, uint32_t n_rows, uint32_t depth,
                      float *panels) {
    uint32_t n_all = (n_rows + T_ROWS - 1) / T_ROWS * T_ROWS;
    for (uint32_t i = 0; i < n_all; i++) {
        float *to = panels + (size_t)i * T_STRIDE;
        if (i < n_rows)
            memcpy(to, from + i * stride, depth * sizeof *to);
        else
            memset(to, 0, depth * sizeof *to);
    }
}

/* The same of a matrix whose rows are the p: value (i, p) at from[p * stride + i]; panels
 * panel_values apart. Rows are short and far apart, so that no processor sees the next ones coming:
 * they are fetched PACK_AHEAD early. */
static void pack_columns(const float *from, size_t stride, uint32_t n_rows, uint32_t depth,
                         float *panels, size_t panel_values) {
    uint32_t n_whole = n_rows / T_ROWS, rest = n_rows % T_ROWS;
    for (uint32_t p = 0; p < depth; p++, from += stride) {
        float *to = panels + (size_t)p * T_ROWS;
        for (uint32_t i = 0; p + PACK_AHEAD < depth && i < n_rows; i += 16)
            WEIR_PREFETCH(from + PACK_AHEAD * stride + i);
        for (uint32_t i = 0; i < n_whole; i++, to += panel_values)
            memcpy(to, from + (size_t)i * T_ROWS, T_ROWS * sizeof *to);
        if (rest) {
            memset(to, 0, T_ROWS * sizeof *to);
            memcpy(to, from + (size_t)n_whole * T_ROWS, rest * sizeof *to);
        }
    }
}

static void product_pack_a(const weir_matmul *product, uint32_t row, uint32_t n_rows, uint32_t at,
                           uint32_t depth, void *panels) {
    if (product->a_is_transposed)
        pack_columns(product->a + at * product->lda + row, product->lda, n_rows, depth, panels,
                     T_PANEL);
    else
        pack_rows(product->a + row * product->lda + at, product->lda, n_rows, depth, panels);
}

/* Columns that are rows in memory: panel[p * T_COLS + j] = scale from[j * stride + p]. */
static void pack_lanes(const float *from, size_t stride, uint32_t n_cols, uint32_t depth,
                       float scale, float *panel) {
    if (n_cols < T_COLS)
        memset(panel, 0, (size_t)depth * T_COLS * sizeof *panel);
    /* 16 p at a time: a cache line of each column is read whole, while what is written stays
     * near. */
    for (uint32_t p = 0; p < depth; p += 16) {
        uint32_t n = depth - p < 16 ? depth - p : 16;
        for (uint32_t j = 0; j < n_cols; j++) {
            const float *line = from + j * stride + p;
            float *to = panel + (size_t)p * T_COLS + j;
            for (uint32_t i = 0; i < n; i++)
                to[(size_t)i * T_COLS] = scale * line[i];
        }
    }
}

static void product_pack_b(const weir_matmul *product, uint32_t col, uint32_t n_cols, uint32_t at,
                           uint32_t depth, void *panels) {
    float *to = panels;
    const size_t panel_values = (size_t)depth * T_COLS, stride = product->ldb;
    if (product->b_is_transposed) {
        for (uint32_t j = 0; j < n_cols; j += T_COLS, to += panel_values)
            pack_lanes(product->b + (col + j) * stride + at, stride,
                       n_cols - j < T_COLS ? n_cols - j : T_COLS, depth, 1.0f, to);
        return;
    }
    const float *from = product->b + at * stride + col;
    uint32_t n_whole = n_cols / T_COLS, rest = n_cols % T_COLS;
    for (uint32_t p = 0; p < depth; p++, from += stride) {
        to = (float *)panels + (size_t)p * T_COLS;
        for (uint32_t j = 0; p + PACK_AHEAD < depth && j < n_cols; j += 16)
            WEIR_PREFETCH(from + PACK_AHEAD * stride + j);
        for (uint32_t j = 0; j < n_whole; j++, to += panel_values)
            memcpy(to, from + (size_t)j * T_COLS, T_COLS * sizeof *to);
        if (rest) {
            memset(to, 0, T_COLS * sizeof *to);
            memcpy(to, from + (size_t)n_whole * T_COLS, rest * sizeof *to);
        }
    }
}

static void product_multiply(const weir_matmul *product, const void *a, const void *b, uint32_t row,
                             uint32_t n_rows, uint32_t col, uint32_t n_cols, uint32_t depth,
                             bool is_added) {
    const float *columns = b;
    for (uint32_t j = 0; j < n_cols; j += T_COLS, columns += (size_t)depth * T_COLS) {
        const float *rows = a;
        for (uint32_t i = 0; i < n_rows; i += T_ROWS, rows += T_PANEL) {
            float *c = product->c + (row + i) * product->ldc + col + j;
            uint32_t m = n_rows - i < T_ROWS ? n_rows - i : T_ROWS;
            uint32_t n = n_cols - j < T_COLS ? n_cols - j : T_COLS;
            bool is_whole = m == T_ROWS && n == T_COLS;
            float edge[T_ROWS * T_COLS];
            float *to = is_whole ? c : edge;
            size_t ld = is_whole ? product->ldc : T_COLS;
            if (product->a_is_transposed)
                tile_of_columns(depth, rows, columns, to, ld, is_whole && is_added);
            else
                tile_of_rows(depth, rows, columns, to, ld, is_whole && is_added);
            for (uint32_t r = 0; !is_whole && r < m; r++)
                for (uint32_t s = 0; s < n; s++)
                    c[r * product->ldc + s] = is_added
                                                  ? c[r * product->ldc + s] + edge[r * T_COLS + s]
                                                  : edge[r * T_COLS + s];
        }
    }
}

#endif
