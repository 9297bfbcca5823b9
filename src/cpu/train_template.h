/*
 * train_template.h: the kernels of train_kernels.h in one instruction set.
 *
 * Contract: included once by train_<isa>.c, after its vec_<isa>.h and after
 *   T_ROWS    rows of A in a tile of the product; divides WEIR_ATTEND_DEPTH
 *   T_PARTS   registers of columns in a tile; T_PARTS V_WIDTH divides WEIR_ATTEND_LANES
 *   T_NAME    the isa's name, as a string
 * Defines the static train_fill, which fills a table.
 */
#ifndef WEIR_CPU_TRAIN_TEMPLATE_H
#define WEIR_CPU_TRAIN_TEMPLATE_H

#include "cpu/train_kernels.h"

#include <math.h>

#include "cpu/train_template_product.h"

#include "cpu/train_template_rows.h"

#include "cpu/train_template_conv.h"

#include "cpu/train_template_attend.h"

static void train_fill(weir_train_kernels *k) {
    *k = (weir_train_kernels){
        .isa = T_NAME,
        .product = {.name = T_NAME " f32",
                    .tile_rows = T_ROWS,
                    .tile_cols = T_COLS,
                    .value_bytes = sizeof(float),
                    .depth_unit = 1,
                    .a_panel_bytes = T_PANEL * sizeof(float),
                    .pack_a = product_pack_a,
                    .pack_b = product_pack_b,
                    .multiply = product_multiply},
        .rms_norm = rms_norm_rows,
        .rms_norm_back = rms_norm_back_rows,
        .column_sums = column_sums,
        .rope = rope_head,
        .attend = attend_queries,
        .attend_queries_back = attend_queries_back,
        .attend_keys_back = attend_keys_back,
        .short_conv = conv_rows,
        .short_conv_back = conv_rows_back,
        .short_conv_taps = conv_taps,
        .silu_mul = silu_mul_values,
        .silu_mul_back = silu_mul_back_values,
        .add_scaled = add_scaled_values,
        .scale = scale_values,
        .add = add_values,
        .dot = dot_values,
        .cross_entropy = cross_entropy_row,
        .adamw = adamw_values,
        .sum_squares = sum_squares_values,
    };
}

#endif
