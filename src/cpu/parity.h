/*
 * parity.h: activations as llama.cpp rounds them, by the format of the matrix that they meet. With
 * --activations parity a row is rounded so and then multiplied in float32, so that a product
 * differs from llama.cpp's on x86 by the rounding of sums alone. Attention is not touched: over K/V
 * in float16 or q8 llama.cpp rounds queries and weights too.
 *
 *   q4_0 q4_1 q5_0 q5_1 q8_0 iq4_nl mxfp4         Q8_0: blocks of 32, d = max |x| / 127 as float16
 *   q2_k q3_k q4_k q5_k q6_k iq4_xs               Q8_K: blocks of 256, d float32
 *   f16, bf16                                     the same
 *   f32                                           not rounded
 *
 * With q4_1 and q5_1 llama.cpp also rounds each block's sum to float16, which stands beside the
 * minimum; that is not done here.
 */
#ifndef WEIR_CPU_PARITY_H
#define WEIR_CPU_PARITY_H

#include "quant/format.h"

bool weir_parity_rounds(weir_format_id id);
/* y [n] = x [n] as a matrix of that format meets it. n: whole blocks. y may be x. */
void weir_parity_round(weir_format_id id, const float *x, uint32_t n, float *y);

#endif
