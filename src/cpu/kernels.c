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

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

enum {
    /* state components in XCR0 */
    XCR0_AVX = 6,        /* xmm, ymm */
    XCR0_AVX512 = 0xe6,  /* and mask registers, upper halves, upper registers */
    XCR0_TILES = 3 << 17 /* configuration and data */
};

#define LEAF1_ECX            (1u << 12 | 1u << 27 | 1u << 28 | 1u << 29) /* FMA, OSXSAVE, AVX, F16C */
#define LEAF7_AVX2           (1u << 5)
#define LEAF7_AVX512         (1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) /* F, DQ, BW, VL */
#define LEAF7_1_AVXVNNI      (1u << 4)                                   /* subleaf 1, eax */
#define LEAF7_ECX_AVX512VNNI (1u << 11)                                  /* subleaf 0, ecx */
#define LEAF7_EDX_AMX        (1u << 22 | 1u << 24 | 1u << 25)            /* BF16, TILE, INT8 */
#define LEAF7_1_AVX512BF16   (1u << 5)                                   /* subleaf 1, eax */

enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 }; /* asm/prctl.h */

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
static bool has_avxvnni(void) {
    uint32_t a, b, c, d;
    return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & LEAF7_1_AVXVNNI) != 0;
}

static bool has_avx512vnni(void) {
    uint32_t a, b, c, d;
    return has_avx512() && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (c & LEAF7_ECX_AVX512VNNI) != 0;
}

/* Zen 5 follows one stream as fast as it reads: q4_0, one row, two threads, 24.2 GB/s a core, where
 * eight streams have 19 to 22 as physical pages fall. It multiplies twice as fast as what gets
 * ready for it in passes of few rows; 16 rows of q4_0: 232 G products a core in these, 290 in tiles
 * (docs/speed.md). */
static weir_t16_walk choose_walk(void) {
    enum { FAMILY_ZEN_5 = 0x1a };
    uint32_t a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx || c != signature_AMD_ecx ||
        d != signature_AMD_edx || !__get_cpuid(1, &a, &b, &c, &d))
        return (weir_t16_walk){0};
    uint32_t family = (a >> 8 & 0xf) + (a >> 20 & 0xff);
    return family == FAMILY_ZEN_5 ? (weir_t16_walk){.n_streams = 1, .has_tiles_soon = true}
                                  : (weir_t16_walk){0};
}

/* Tiles are 8 KB a thread, so the system gives the room only to those that ask. All threads of the
 * process have it then. */
static bool is_given_tiles(void) {
#if defined(__x86_64__) && defined(__linux__)
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return false;
#endif
}

bool weir_cpu_has_tiles(void) {
    uint32_t a, b, c, d;
    if (!has_avx512vnni() || (xcr0_low() & XCR0_TILES) != XCR0_TILES)
        return false;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & LEAF7_1_AVX512BF16))
        return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & LEAF7_EDX_AMX) != LEAF7_EDX_AMX)
        return false;
    return is_given_tiles();
}
#else
static weir_t16_walk choose_walk(void) {
    return (weir_t16_walk){0};
}
bool weir_cpu_has_tiles(void) {
    return false;
}
static bool has_avx2(void) {
    return false;
}
static bool has_avxvnni(void) {
    return false;
}
static bool has_avx512(void) {
    return false;
}
static bool has_avx512vnni(void) {
    return false;
}
#endif

static bool has_portable(void) {
    return true;
}

#if defined(__aarch64__)
#if defined(__linux__)
#include <sys/auxv.h>

/* asm/hwcap.h; older ones lack the later bits */
#define HWCAP_BIT_DOTPROD (1ul << 20)
#define HWCAP2_BIT_I8MM   (1ul << 13)
#endif

/* Part of every AArch64. */
static bool has_neon(void) {
    return true;
}

/* Products of bytes use no registers of their own, so the processor's word is enough; Linux passes
 * it on. Elsewhere the flags of the whole build tell. */
static bool has_dotprod(void) {
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_BIT_DOTPROD) != 0;
#elif defined(__ARM_FEATURE_DOTPROD)
    return true;
#else
    return false;
#endif
}

static bool has_i8mm(void) {
#if defined(__linux__)
    return has_dotprod() && (getauxval(AT_HWCAP2) & HWCAP2_BIT_I8MM) != 0;
#elif defined(__ARM_FEATURE_MATMUL_INT8)
    return has_dotprod();
#else
    return false;
#endif
}
#else
static bool has_neon(void) {
    return false;
}
static bool has_dotprod(void) {
    return false;
}
static bool has_i8mm(void) {
    return false;
}
#endif

/* From the plainest on: what comes later overwrites what it does better. */
static const struct unit {
    const char *isa;
    bool (*has)(void);
    void (*init)(weir_cpu_kernels *k);
} units[] = {
    {"portable", has_portable, weir_cpu_init_portable},
    {"neon", has_neon, weir_cpu_init_neon},
    {"dotprod", has_dotprod, weir_cpu_init_dotprod},
    {"i8mm", has_i8mm, weir_cpu_init_i8mm},
    {"avx2", has_avx2, weir_cpu_init_avx2},
    {"avxvnni", has_avxvnni, weir_cpu_init_avxvnni},
    {"avx512", has_avx512, weir_cpu_init_avx512},
    {"avx512vnni", has_avx512vnni, weir_cpu_init_avx512vnni},
    {"amx", weir_cpu_has_tiles, weir_cpu_init_amx},
};

size_t weir_attend_sums(uint32_t n_group, uint32_t head_dim) {
    size_t n = (size_t)n_group * (head_dim + 16 + 1);
    return (n + 15) / 16 * 16; /* whole cache lines: threads write neighbours at one time */
}

size_t weir_attend_scratch(uint32_t n_group, uint32_t head_dim) {
    /* Of every head of every row scores, the rescaling, 16 sums and the greatest score of all
     * segments so far, and the sums of this one; in plain C a vector, scores and sums of one head.
     */
    const size_t n_heads = (size_t)WEIR_ATTEND_ROWS * n_group;
    return n_heads * (WEIR_PAGE_TOKENS + 1 + 16 + 1) + 15 +
           WEIR_ATTEND_ROWS * weir_attend_sums(n_group, head_dim);
}

weir_status weir_cpu_kernels_for(weir_cpu_kernels *out, const char *isa, weir_error *err) {
    size_t last = WEIR_COUNT(units) - 1;
    if (isa) {
        for (last = 0; last < WEIR_COUNT(units) && strcmp(units[last].isa, isa) != 0; last++)
            ;
        if (last == WEIR_COUNT(units))
            return weir_fail(
                err, WEIR_STATUS_BAD_ARGUMENT,
                "isa \"%s\": unknown, expected portable, avx2, avxvnni, avx512, avx512vnni, "
                "amx, neon, dotprod or i8mm",
                isa);
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
    k.t16_walk = choose_walk();
    *out = k;
    return WEIR_STATUS_OK;
}
