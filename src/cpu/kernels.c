/*
 * kernels.c: which kernels this machine gets.
 *
 * Owns the question whether an instruction set may be used: the processor must have it and the
 * operating system must save its registers. Contains no arithmetic. Invariant: a unit's init is
 * called only after the answer is yes, so a table never holds what would not run.
 */
#include "cpu/kernels.h"

#include "base/compiler.h"
#include "base/error.h"

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

enum {
    /* state components in XCR0 */
    XCR0_AVX = 6,      /* xmm, ymm */
    XCR0_AVX512 = 0xe6 /* and mask registers, upper halves, upper registers */
};

#define LEAF1_ECX    (1u << 12 | 1u << 27 | 1u << 28 | 1u << 29) /* FMA, OSXSAVE, AVX, F16C */
#define LEAF7_AVX2   (1u << 5)
#define LEAF7_AVX512 (1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) /* F, DQ, BW, VL */

/* What the operating system saves; may be asked only if cpuid has OSXSAVE. */
static uint32_t xcr0_low(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
}

/* Bits of cpuid leaf 7 if AVX, FMA and F16C can be used and the system saves `state`, else 0. */
static uint32_t leaf7_if(uint32_t state) {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & LEAF1_ECX) != LEAF1_ECX)
        return 0;
    if ((xcr0_low() & state) != state)
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) ? b : 0;
}

static bool has_avx2(void) {
    return (leaf7_if(XCR0_AVX) & LEAF7_AVX2) != 0;
}

static bool has_avx512(void) {
    const uint32_t needed = LEAF7_AVX2 | LEAF7_AVX512;
    return (leaf7_if(XCR0_AVX512) & needed) == needed;
}
#else
static bool has_avx2(void) {
    return false;
}
static bool has_avx512(void) {
    return false;
}
#endif

static bool has_portable(void) {
    return true;
}

/* Part of every AArch64. */
static bool has_neon(void) {
#if defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

/* From the plainest on: what comes later overwrites what it does better. */
static const struct unit {
    const char *isa;
    bool (*has)(void);
    void (*init)(weir_cpu_kernels *k);
} units[] = {
    {"portable", has_portable, weir_cpu_init_portable},
    {"neon", has_neon, weir_cpu_init_neon},
    {"avx2", has_avx2, weir_cpu_init_avx2},
    {"avx512", has_avx512, weir_cpu_init_avx512},
};

size_t weir_attend_scratch(uint32_t n_group, uint32_t head_dim) {
    /* A widened page, and of every head scores, 16 sums, the greatest score, the rescaling. */
    return (size_t)WEIR_PAGE_TOKENS * head_dim + (size_t)n_group * (WEIR_PAGE_TOKENS + 16 + 2);
}

weir_status weir_cpu_kernels_for(weir_cpu_kernels *out, const char *isa, weir_error *err) {
    size_t last = WEIR_COUNT(units) - 1;
    if (isa) {
        for (last = 0; last < WEIR_COUNT(units) && strcmp(units[last].isa, isa) != 0; last++)
            ;
        if (last == WEIR_COUNT(units))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "isa \"%s\": unknown, expected portable, avx2, avx512 or neon", isa);
        if (!units[last].has())
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "isa \"%s\": this processor or its operating system does not support "
                             "it",
                             isa);
    }
    weir_cpu_kernels k;
    memset(&k, 0, sizeof k);
    for (size_t i = 0; i <= last; i++)
        if (units[i].has())
            units[i].init(&k);
    if (isa && strcmp(k.isa, isa) != 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "isa \"%s\": this library was built without it", isa);
    *out = k;
    return WEIR_STATUS_OK;
}
