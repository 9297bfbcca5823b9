/* tensor.c: what can be asked of any tensor in a file. Owns nothing. */
#include "gguf/tensor.h"

#include "base/compiler.h"

uint64_t weir_tensor_n_values(const weir_tensor *t) {
    uint64_t n = 1;
    for (uint32_t i = 0; i < t->n_dims; i++)
        n *= t->shape[i];
    return n;
}

const char *weir_tensor_type_name(const weir_tensor *t) {
    static const char *const names[] = {
        [WEIR_DTYPE_FORMAT] = "unknown",  [WEIR_DTYPE_F64] = "f64",
        [WEIR_DTYPE_I64] = "i64",         [WEIR_DTYPE_I32] = "i32",
        [WEIR_DTYPE_I16] = "i16",         [WEIR_DTYPE_I8] = "i8",
        [WEIR_DTYPE_U8] = "u8",           [WEIR_DTYPE_BOOL] = "bool",
        [WEIR_DTYPE_F8_E4M3] = "f8_e4m3", [WEIR_DTYPE_F8_E5M2] = "f8_e5m2",
        [WEIR_DTYPE_U16] = "u16",         [WEIR_DTYPE_U32] = "u32",
        [WEIR_DTYPE_U64] = "u64",
    };
    if (t->format != NULL)
        return t->format->name;
    return (size_t)t->dtype < WEIR_COUNT(names) ? names[t->dtype] : "unknown";
}
