/*
 * train_kernels.c: which kernels of training this machine gets.
 *
 * Whether vectors and tiles may be used is asked of kernels.h. Contains no arithmetic.
 */
#include "cpu/train_kernels.h"

#include "base/compiler.h"
#include "base/error.h"
#include "cpu/kernels.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

#define LEAF7_1_EAX (1u << 5) /* AVX512_BF16 */

static bool has_avx512bf16(void) {
    uint32_t a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & LEAF7_1_EAX) == LEAF7_1_EAX;
}
#else
static bool has_avx512bf16(void) {
    return false;
}
#endif

/* Integer products are no use to training: their units train as the one below them. */
static const struct unit {
    const char *isa;
    void (*init)(weir_train_kernels *k);
} units[] = {
    {"portable", weir_train_init_portable}, {"neon", weir_train_init_neon},
    {"dotprod", weir_train_init_neon},      {"i8mm", weir_train_init_neon},
    {"avx2", weir_train_init_avx2},         {"avxvnni", weir_train_init_avx2},
    {"avx512", weir_train_init_avx512},     {"avx512vnni", weir_train_init_avx512},
    {"amx", weir_train_init_avx512},
};

/* Products in bfloat16, over the kernels of "avx512"; the fastest first. */
static const struct rounding_unit {
    const char *isa;
    bool (*is_usable)(void);
    void (*init)(weir_train_kernels *k);
} rounding_units[] = {
    {"amx", weir_cpu_has_tiles, weir_train_init_amx},
    {"avx512bf16", has_avx512bf16, weir_train_init_avx512bf16},
};

size_t weir_train_attend_scratch(uint32_t head_dim) {
    /* What the lanes are made of, sums, two tiles; panels of rows or of the other product. */
    const size_t widest_tile = 32;
    size_t n_sums = head_dim + widest_tile;
    size_t values =
        (2 * (size_t)head_dim + 2 * n_sums + (size_t)2 * WEIR_ATTEND_DEPTH) * WEIR_ATTEND_LANES;
    size_t rows = (WEIR_ATTEND_DEPTH + widest_tile) * (WEIR_PRODUCT_DEPTH + widest_tile);
    size_t columns = n_sums * WEIR_ATTEND_DEPTH;
    return values + (rows > columns ? rows : columns);
}

weir_status weir_train_kernels_for(weir_train_kernels *out, const char *isa, bool is_exact,
                                   weir_error *err) {
    weir_train_kernels k;
    weir_cpu_kernels found;
    const struct rounding_unit *wanted = NULL;
    bool is_known = !isa;
    for (size_t i = 0; i < WEIR_COUNT(units); i++)
        is_known = is_known || strcmp(units[i].isa, isa) == 0;
    for (size_t i = 0; isa && i < WEIR_COUNT(rounding_units); i++)
        if (strcmp(rounding_units[i].isa, isa) == 0)
            wanted = &rounding_units[i];
    if (!is_known && !wanted)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "isa \"%s\": unknown, expected portable, avx2, avx512, avx512bf16, amx or "
                         "neon",
                         isa);
    if (wanted && !wanted->is_usable())
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "isa \"%s\": this processor or its operating system does not support it",
                         isa);
    WEIR_TRY(weir_cpu_kernels_for(&found, wanted ? "avx512" : isa, err));
    memset(&k, 0, sizeof k);
    for (size_t i = 0; i < WEIR_COUNT(units); i++)
        if (strcmp(units[i].isa, found.isa) == 0)
            units[i].init(&k);
    bool is_wide = k.isa && strcmp(k.isa, "avx512") == 0, is_done = isa && !wanted;
    for (size_t i = 0; is_wide && !is_exact && !is_done && i < WEIR_COUNT(rounding_units); i++) {
        const struct rounding_unit *unit = &rounding_units[i];
        if (wanted ? wanted != unit : !unit->is_usable())
            continue;
        unit->init(&k);
        is_done = strcmp(k.isa, unit->isa) == 0;
    }
    if (!k.isa || (wanted && !is_exact && strcmp(k.isa, isa) != 0))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "isa \"%s\": this library was built without it", isa ? isa : found.isa);
    *out = k;
    return WEIR_STATUS_OK;
}
