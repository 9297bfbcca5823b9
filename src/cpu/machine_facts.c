/*
 * machine_facts.c: what system and processor tell about themselves.
 *
 * Owns the reading of /proc and /sys and the names of what a processor lacks. Whether an
 * instruction set may be used is not decided here: kernels.c and train_kernels.c do that, and
 * machine_probe.c asks them. Measures nothing. What cannot be read stays 0 or "".
 */
#include "base/compiler.h"
#include "base/file.h"
#include "base/topology.h"
#include "cpu/machine_probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 16 << 20 };

/* ---- files of the system --------------------------------------------------------------------- */

static char *read_text(const char *path) {
    char *text = NULL;
    size_t n;
    weir_file_read(path, MAX_FILE_BYTES, &text, &n, NULL);
    return text;
}

/* What stands behind "key   : " in a list of lines, up to the end of the line; false: no such key.
 */
static bool find_line(const char *text, const char *key, char *out, size_t cap) {
    size_t n_key = strlen(key);
    for (const char *line = text; line && *line;) {
        const char *end = strchr(line, '\n'), *at = line + n_key;
        if (strncmp(line, key, n_key) == 0) {
            at += strspn(at, " \t");
            if (*at == ':') {
                at += 1 + strspn(at + 1, " \t");
                snprintf(out, cap, "%.*s", end ? (int)(end - at) : (int)strlen(at), at);
                return out[0] != 0;
            }
        }
        line = end ? end + 1 : NULL;
    }
    return false;
}

static void read_processor(weir_machine *m) {
    char *text = read_text("/proc/cpuinfo");
    struct utsname system;
    if (!(text && find_line(text, "model name", m->processor, sizeof m->processor)) &&
        !(text && find_line(text, "Model", m->processor, sizeof m->processor)) &&
        uname(&system) == 0)
        snprintf(m->processor, sizeof m->processor, "%.100s", system.machine);
    free(text);
}

static void read_huge_pages(weir_machine *m) {
    char *text = read_text("/sys/kernel/mm/transparent_hugepage/enabled"); /* always [madvise] */
    if (text && sscanf(text, "%*[^[][%15[a-z]", m->huge_pages) != 1)
        sscanf(text, "[%15[a-z]", m->huge_pages);
    free(text);
}

static void read_memory(weir_machine *m) {
    char *text = read_text("/proc/meminfo"), value[64];
    uint64_t kib;
    if (text && find_line(text, "MemTotal", value, sizeof value) &&
        sscanf(value, "%" SCNu64, &kib) == 1 && kib < UINT64_MAX / 1024)
        m->memory_bytes = kib * 1024;
    free(text);
    m->available_bytes = weir_memory_available();
    read_huge_pages(m);
}

/* How many processors "0-3,8" names. */
static uint32_t count_list(const char *list) {
    uint32_t n = 0;
    for (const char *at = list; *at; at += *at == ',') {
        unsigned first, last;
        int n_read = sscanf(at, "%u-%u", &first, &last);
        if (n_read < 1)
            break;
        n += n_read == 2 && last >= first ? last - first + 1 : 1;
        at += strcspn(at, ",");
    }
    return n;
}

/* A file of cache `index` of processor `cpu`; to be freed. */
static char *read_cache(uint32_t cpu, int index, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/cache/index%d/%s", cpu, index, name);
    return read_text(path);
}

static void read_caches(weir_machine *m, uint32_t cpu) {
    for (int index = 0; index < 8; index++) {
        char *level = read_cache(cpu, index, "level"), *type = read_cache(cpu, index, "type");
        char *size = read_cache(cpu, index, "size");
        char *shared = read_cache(cpu, index, "shared_cpu_list");
        uint64_t kib;
        if (level && type && size && strncmp(type, "Instruction", 11) != 0 &&
            sscanf(size, "%" SCNu64 "K", &kib) == 1 && kib < 1 << 30) {
            uint32_t n = shared ? count_list(shared) : 0;
            uint32_t n_caches = n > 0 && m->n_processors > n ? (m->n_processors + n - 1) / n : 1;
            if (level[0] == '1')
                m->l1_bytes = kib * 1024;
            else if (level[0] == '2')
                m->l2_bytes = kib * 1024;
            else if (level[0] == '3')
                m->l3_bytes = kib * 1024 * n_caches;
        }
        free(level);
        free(type);
        free(size);
        free(shared);
    }
}

/* ---- instruction sets -------------------------------------------------------------------------
 */

#if defined(__x86_64__)
#include <cpuid.h>

enum { REG_A, REG_B, REG_C, REG_D };

enum { XCR0_VECTORS = 6, XCR0_WIDE = 0xe6, XCR0_TILES = 0x60000 };

typedef struct feature {
    const char *isa, *name;
    uint8_t leaf, subleaf, reg, bit;
} feature;

/* What the flags of each folder let a compiler use. */
static const feature features[] = {
    {"avx2", "AVX", 1, 0, REG_C, 28},
    {"avx2", "FMA", 1, 0, REG_C, 12},
    {"avx2", "F16C", 1, 0, REG_C, 29},
    {"avx2", "AVX2", 7, 0, REG_B, 5},
    {"avx512", "AVX512F", 7, 0, REG_B, 16},
    {"avx512", "AVX512DQ", 7, 0, REG_B, 17},
    {"avx512", "AVX512BW", 7, 0, REG_B, 30},
    {"avx512", "AVX512VL", 7, 0, REG_B, 31},
    {"avxvnni", "AVX_VNNI", 7, 1, REG_A, 4},
    {"avx512vnni", "AVX512_VNNI", 7, 0, REG_C, 11},
    {"avx512bf16", "AVX512_BF16", 7, 1, REG_A, 5},
    {"amx", "AVX512_BF16", 7, 1, REG_A, 5},
    {"amx", "AVX512_VNNI", 7, 0, REG_C, 11},
    {"amx", "AMX_BF16", 7, 0, REG_D, 22},
    {"amx", "AMX_TILE", 7, 0, REG_D, 24},
    {"amx", "AMX_INT8", 7, 0, REG_D, 25},
};

static bool has_feature(const feature *f) {
    uint32_t r[4] = {0};
    return __get_cpuid_count(f->leaf, f->subleaf, &r[REG_A], &r[REG_B], &r[REG_C], &r[REG_D]) &&
           (r[f->reg] >> f->bit & 1);
}

/* Register states that the system saves; 0 if it does not say. */
static uint32_t saved_states(void) {
    uint32_t a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) /* OSXSAVE */
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
}

static void look_closer(weir_machine_isa *isa) {
    static const struct {
        const char *isa;
        uint32_t states;
    } needed[] = {{"avx2", XCR0_VECTORS},    {"avxvnni", XCR0_VECTORS}, {"avx512", XCR0_WIDE},
                  {"avx512vnni", XCR0_WIDE}, {"avx512bf16", XCR0_WIDE}, {"amx", XCR0_TILES}};
    isa->is_of_architecture = strcmp(isa->name, "neon") != 0 && strcmp(isa->name, "dotprod") != 0 &&
                              strcmp(isa->name, "i8mm") != 0;
    for (size_t i = 0; i < WEIR_COUNT(needed); i++)
        if (strcmp(isa->name, needed[i].isa) == 0) {
            isa->is_saved = (saved_states() & needed[i].states) == needed[i].states;
        }
    size_t n = 0;
    for (size_t i = 0; i < WEIR_COUNT(features); i++) {
        const feature *f = &features[i];
        if (strcmp(isa->name, f->isa) == 0 && !has_feature(f) && n < sizeof isa->missing)
            n += (size_t)snprintf(isa->missing + n, sizeof isa->missing - n, "%s%s",
                                  n > 0 ? ", " : "", f->name);
    }
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

/* asm/hwcap.h; older ones lack the later bits */
#define HWCAP_BIT_DOTPROD (1ul << 20)
#define HWCAP2_BIT_I8MM   (1ul << 13)

static void look_closer(weir_machine_isa *isa) {
    bool is_dot = strcmp(isa->name, "dotprod") == 0, is_i8mm = strcmp(isa->name, "i8mm") == 0;
    isa->is_of_architecture =
        is_dot || is_i8mm || strcmp(isa->name, "neon") == 0 || strcmp(isa->name, "portable") == 0;
    if ((is_dot && !(getauxval(AT_HWCAP) & HWCAP_BIT_DOTPROD)) ||
        (is_i8mm && !(getauxval(AT_HWCAP2) & HWCAP2_BIT_I8MM)))
        snprintf(isa->missing, sizeof isa->missing, "%s", is_dot ? "DotProd" : "I8MM");
}
#else
static void look_closer(weir_machine_isa *isa) {
    isa->is_of_architecture = strcmp(isa->name, "portable") == 0;
}
#endif

const weir_probe_loops *const weir_probe_units[WEIR_MACHINE_ISAS] = {
    &weir_probe_portable,   &weir_probe_neon,    &weir_probe_dotprod, &weir_probe_i8mm,
    &weir_probe_avx2,       &weir_probe_avxvnni, &weir_probe_avx512,  &weir_probe_avx512vnni,
    &weir_probe_avx512bf16, &weir_probe_amx,
};

static void read_isas(weir_machine *m) {
    for (size_t i = 0; i < WEIR_MACHINE_ISAS; i++) {
        weir_machine_isa *isa = &m->isa[m->n_isas++];
        isa->name = weir_probe_units[i]->isa;
        isa->is_built = weir_probe_units[i]->is_built;
        isa->is_saved = true;
        look_closer(isa);
        isa->is_saved = isa->is_saved && isa->is_of_architecture;
    }
}

void weir_machine_read_facts(weir_machine *m) {
    weir_topology topology;
    weir_topology_read(&topology);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    m->n_processors = n > 0 ? (uint32_t)n : topology.n_allowed;
    m->n_allowed = topology.n_allowed;
    m->n_cores = topology.n_cores;
    m->n_nodes = topology.n_nodes;
    m->n_quota = topology.n_quota;
    m->n_threads = topology.n_threads;
    read_processor(m);
    read_memory(m);
    read_caches(m, topology.cpu[0]);
    read_isas(m);
}
