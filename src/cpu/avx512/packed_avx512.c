/* packed_avx512.c: dot products with packed weights, and dequantizing them: packed_template.h. */
#include "cpu/avx512/vec_avx512.h"

#if WEIR_HAS_AVX512
#include "cpu/packed_template.h"

PACKED_FORMAT(F16, f16, 16, 32)
PACKED_FORMAT(BF16, bf16, 16, 32)
PACKED_FORMAT(Q4_0, q4_0, 32, sizeof(weir_block_q4_0))
PACKED_FORMAT(Q8_0, q8_0, 32, sizeof(weir_block_q8_0))
PACKED_FORMAT(Q4_K, q4_k, 256, sizeof(weir_block_q4_k))
PACKED_FORMAT(Q5_K, q5_k, 256, sizeof(weir_block_q5_k))
PACKED_FORMAT(Q6_K, q6_k, 256, sizeof(weir_block_q6_k))
#endif
