/*
 * test_topology.c: processors and memory, on this machine for what must hold everywhere, and on
 * machines made of files in a temporary folder for the rest.
 */
#include "base/cgroup.h"
#include "base/error.h"
#include "base/topology.h"

#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB ((uint64_t)1 << 20)

static char root[] = "weir_test_topology_XXXXXX";

static int make_root(void **state) {
    (void)state;
    strcpy(root, "weir_test_topology_XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int remove_root(void **state) {
    (void)state;
    return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes root/path, and the folders on the way. */
static void put(const char *path, const char *text) {
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = strchr(whole, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void expect_limits(uint32_t n_quota, uint64_t memory_bytes) {
    weir_cgroup_limits limits;
    weir_cgroup_read(&limits, root);
    assert_int_equal(limits.n_quota, n_quota);
    assert_int_equal(limits.memory_bytes, memory_bytes);
}

/* ---- this machine ------------------------------------------------------------------------- */

static void this_machine_makes_sense(void **state) {
    (void)state;
    weir_topology t;
    weir_topology_read(&t);
    cpu_set_t *set = CPU_ALLOC(8192);
    size_t bytes = CPU_ALLOC_SIZE(8192);
    assert_int_equal(sched_getaffinity(0, bytes, set), 0);
    uint32_t n = (uint32_t)CPU_COUNT_S(bytes, set);
    assert_int_equal(t.n_allowed, n < WEIR_MAX_CPUS ? n : WEIR_MAX_CPUS);
    assert_true(t.n_cores >= 1 && t.n_cores <= t.n_allowed);
    assert_true(t.n_threads >= 1 && t.n_threads <= t.n_cores);
    assert_true(t.n_quota == 0 || t.n_threads <= t.n_quota);
    for (uint32_t i = 0; i < t.n_allowed; i++) {
        assert_true(CPU_ISSET_S(t.cpu[i], bytes, set));
        CPU_CLR_S(t.cpu[i], bytes, set); /* each once */
    }
    CPU_FREE(set);
    uint64_t total = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t available = weir_memory_available();
    assert_true(available > 0 && available <= total);
}

static void affinity_is_obeyed(void **state) {
    (void)state;
    cpu_set_t before, one;
    weir_topology t;
    if (sched_getaffinity(0, sizeof before, &before) != 0) {
        print_message("skipped: more processors than a cpu_set_t holds\n");
        skip();
    }
    weir_topology_read(&t);
    uint16_t last = t.cpu[t.n_allowed - 1];
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    weir_topology_read(&t);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(t.n_allowed, 1);
    assert_int_equal(t.n_cores, 1);
    assert_int_equal(t.n_threads, 1);
    assert_int_equal(t.cpu[0], last);
}

/* ---- cores -------------------------------------------------------------------------------- */

static void put_siblings(unsigned cpu, const char *list) {
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
    put(path, list);
}

static void expect_order(const uint16_t *allowed, uint32_t n, const uint16_t *cpu,
                         uint32_t n_cores) {
    weir_topology t;
    weir_topology_order(&t, allowed, n, root);
    assert_int_equal(t.n_allowed, n);
    assert_int_equal(t.n_cores, n_cores);
    assert_memory_equal(t.cpu, cpu, n * sizeof *cpu);
}

static void one_of_each_core_first(void **state) {
    (void)state;
    static const uint16_t allowed[] = {0, 1, 2, 3, 4, 5};
    /* halves apart: 0-3, 1-4, 2-5 */
    static const char *const apart[] = {"0,3\n", "1,4\n", "2,5\n", "0,3\n", "1,4\n", "2,5\n"};
    for (unsigned i = 0; i < 6; i++)
        put_siblings(i, apart[i]);
    expect_order(allowed, 6, (const uint16_t[]){0, 1, 2, 3, 4, 5}, 3);
    /* side by side: 0-1, 2-3, 4-5 */
    static const char *const beside[] = {"0-1\n", "0-1\n", "2-3\n", "2-3\n", "4-5\n", "4-5\n"};
    for (unsigned i = 0; i < 6; i++)
        put_siblings(i, beside[i]);
    expect_order(allowed, 6, (const uint16_t[]){0, 2, 4, 1, 3, 5}, 3);
    /* the first of the core is not allowed */
    expect_order((const uint16_t[]){1, 3, 5}, 3, (const uint16_t[]){1, 3, 5}, 3);
    expect_order((const uint16_t[]){1, 2, 3}, 3, (const uint16_t[]){1, 2, 3}, 2);
    /* nonsense, or no file: a core of its own */
    put_siblings(0, "");
    put_siblings(1, "x");
    put_siblings(2, "-1");
    put_siblings(3, "99999999");
    expect_order((const uint16_t[]){0, 1, 2, 3, 8, 9}, 6, (const uint16_t[]){0, 1, 2, 3, 8, 9}, 6);
}

static void put_node(unsigned node, const char *list) {
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/node/node%u/cpulist", node);
    put(path, list);
}

static void expect_nodes(const uint16_t *allowed, uint32_t n, const uint8_t *node,
                         uint32_t n_nodes) {
    weir_topology t;
    weir_topology_order(&t, allowed, n, root);
    assert_int_equal(t.n_nodes, n_nodes);
    assert_memory_equal(t.node, node, n);
}

static void memory_nodes(void **state) {
    (void)state;
    static const uint16_t allowed[] = {20, 21, 22, 23, 24, 25};
    /* Nobody says anything: one. */
    expect_nodes(allowed, 6, (const uint8_t[]){0, 0, 0, 0, 0, 0}, 1);
    put("/sys/devices/system/node/online", "0-1,5\n");
    put_node(0, "0-22\n");
    put_node(1, "23,25-40\n");
    put_node(5, "24\n");
    expect_nodes(allowed, 6, (const uint8_t[]){0, 0, 0, 1, 5, 1}, 3);
    expect_nodes(allowed, 3, (const uint8_t[]){0, 0, 0}, 1);
    expect_nodes(allowed + 3, 3, (const uint8_t[]){1, 5, 1}, 2);
    /* As the threads of a core are moved behind, so are their nodes. */
    put_siblings(22, "22-23\n");
    put_siblings(23, "22-23\n");
    expect_nodes(allowed, 6, (const uint8_t[]){0, 0, 0, 5, 1, 1}, 3);
    put_siblings(22, "22\n");
    put_siblings(23, "23\n");
    /* One without processors, and nonsense. */
    put_node(5, "\n");
    put_node(0, "20-x,22\n");
    put_node(1, "24-21\n");
    expect_nodes(allowed, 6, (const uint8_t[]){0, 0, 0, 0, 0, 0}, 1);
    put_node(1, "22\n");
    expect_nodes(allowed, 6, (const uint8_t[]){0, 0, 1, 0, 0, 0}, 2);
    put_node(1, "8191-8192,22\n");
    expect_nodes(allowed, 6, (const uint8_t[]){0, 0, 0, 0, 0, 0}, 1);
    put_node(1, "22\n");
    put("/sys/devices/system/node/online", "1-99999999\n");
    expect_nodes(allowed, 6, (const uint8_t[]){0, 0, 0, 0, 0, 0}, 1);
    put("/sys/devices/system/node/online", "-3\n");
    expect_nodes(allowed, 6, (const uint8_t[]){0, 0, 0, 0, 0, 0}, 1);
}

static void more_processors_than_places(void **state) {
    (void)state;
    uint16_t allowed[WEIR_MAX_CPUS + 10];
    for (uint32_t i = 0; i < WEIR_COUNT(allowed); i++)
        allowed[i] = (uint16_t)(i + 3);
    weir_topology t;
    weir_topology_order(&t, allowed, WEIR_COUNT(allowed), root);
    assert_int_equal(t.n_allowed, WEIR_MAX_CPUS);
    assert_int_equal(t.n_cores, WEIR_MAX_CPUS);
    assert_int_equal(t.cpu[WEIR_MAX_CPUS - 1], WEIR_MAX_CPUS + 2);
}

static void quota_narrows_threads(void **state) {
    (void)state;
    static const uint16_t allowed[] = {0, 1, 2, 3};
    static const struct {
        const char *cpu_max;
        uint32_t n_quota, n_threads;
    } cases[] = {{"max 100000", 0, 4},
                 {"150000 100000", 2, 2},
                 {"1000 100000", 1, 1},
                 {"900000 100000", 9, 4}};
    put("/proc/self/cgroup", "0::/\n");
    put("/proc/self/mountinfo", "41 31 0:38 / /cg rw - cgroup2 cgroup2 rw\n");
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        put("/cg/cpu.max", cases[i].cpu_max);
        weir_topology t;
        weir_topology_order(&t, allowed, 4, root);
        assert_int_equal(t.n_quota, cases[i].n_quota);
        assert_int_equal(t.n_threads, cases[i].n_threads);
    }
}

static void quotas_are_parsed(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t n;
    } cases[] = {{"200000 100000", 2},
                 {"200000 100000\n", 2},
                 {"200001 100000", 3},
                 {"1 100000", 1},
                 {"50000 100000", 1},
                 {"max 100000\n", 0},
                 {"", 0},
                 {"200000", 0},
                 {"0 100000", 0},
                 {"100000 0", 0},
                 {"-1 100000", 0},
                 {"100000 -1", 0},
                 {"nonsense", 0},
                 {"18446744073709551615 1", UINT32_MAX}};
    for (size_t i = 0; i < WEIR_COUNT(cases); i++)
        assert_int_equal(weir_topology_parse_quota(cases[i].text), cases[i].n);
}

/* ---- control groups ----------------------------------------------------------------------- */

static void nothing_limits_nothing(void **state) {
    (void)state;
    expect_limits(0, UINT64_MAX);
    put("/proc/self/cgroup", "0::/a\n");
    put("/proc/self/mountinfo", "nonsense\n\n1 2 3 - - -\n5 6 0:1 / /cg rw - cgroup2 x\n");
    expect_limits(0, UINT64_MAX);
    put("/proc/self/mountinfo", "41 31 0:38 / /cg rw - cgroup2 cgroup2 rw\n");
    expect_limits(0, UINT64_MAX);
    put("/cg/a/memory.max", "max\n");
    put("/cg/a/memory.current", "1000\n");
    put("/cg/a/cpu.max", "max 100000\n");
    expect_limits(0, UINT64_MAX);
}

/* The tightest group on the way up counts, whichever it is. */
static void v2_is_walked_up(void **state) {
    (void)state;
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/proc/self/mountinfo", "25 1 8:1 / / rw - ext4 /dev/sda rw\n"
                                "41 31 0:38 / /cg rw,relatime shared:9 - cgroup2 cgroup2 rw\n");
    put("/cg/a/b/cpu.max", "800000 100000\n");
    expect_limits(8, UINT64_MAX);
    put("/cg/a/cpu.max", "300000 100000\n");
    expect_limits(3, UINT64_MAX);
    put("/cg/a/b/cpu.max", "200000 100000\n");
    expect_limits(2, UINT64_MAX);
    put("/cg/cpu.max", "100000 100000\n");
    expect_limits(1, UINT64_MAX);
    /* a sister, and what is above the mount point, do not */
    put("/cg/a/c/cpu.max", "50 100000\n");
    put("/memory.max", "1\n");
    put("/memory.current", "0\n");
    expect_limits(1, UINT64_MAX);

    put("/cg/a/memory.max", "104857600\n");
    put("/cg/a/memory.current", "41943040\n");
    expect_limits(1, 60 * MIB);
    put("/cg/a/memory.stat", "anon 5\nfile 9\ninactive_file 10485760\nactive_file 2097152\n");
    expect_limits(1, 72 * MIB);
    put("/cg/a/b/memory.max", "1048576\n");
    put("/cg/a/b/memory.current", "1048577\n");
    expect_limits(1, 0);
    put("/cg/a/b/memory.stat", "inactive_file 99999999999\n");
    expect_limits(1, 1 * MIB);
}

static void v1_is_read(void **state) {
    (void)state;
    put("/proc/self/cgroup", "4:memory:/m/x\n2:cpuacct,cpu:/c\n1:cpuset:/s\n0::/u\n");
    put("/proc/self/mountinfo", "32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                                "33 31 0:30 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n"
                                "35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n"
                                "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n");
    put("/cg/cpu/c/cpu.cfs_quota_us", "-1\n");
    put("/cg/cpu/c/cpu.cfs_period_us", "100000\n");
    put("/cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("/cg/memory/memory.usage_in_bytes", "4096\n");
    expect_limits(0, 9223372036854771712u - 4096);
    put("/cg/cpu/c/cpu.cfs_quota_us", "250000\n");
    put("/cg/memory/m/memory.limit_in_bytes", "33554432\n");
    put("/cg/memory/m/memory.usage_in_bytes", "16777216\n");
    put("/cg/memory/m/memory.stat",
        "inactive_file 9\ntotal_inactive_file 1048576\ntotal_active_file 1048576\n");
    expect_limits(3, 18 * MIB);
    /* both versions at once */
    put("/cg/unified/u/cpu.max", "200000 100000\n");
    expect_limits(2, 18 * MIB);
    /* cpuset is not cpu */
    put("/cg/cpuset/s/cpu.cfs_quota_us", "100000\n");
    put("/cg/cpuset/s/cpu.cfs_period_us", "100000\n");
    expect_limits(2, 18 * MIB);
}

/* In a container the mount shows the process's own group under the name that it has outside. */
static void mounted_group_is_cut_off(void **state) {
    (void)state;
    put("/proc/self/cgroup", "0::/docker/a\\x2db/job\n");
    put("/proc/self/mountinfo", "41 31 0:38 /docker/a\\134x2db /c\\040g rw - cgroup2 cgroup2 rw\n");
    put("/c g/job/cpu.max", "400000 100000\n");
    expect_limits(4, UINT64_MAX);
    put("/c g/cpu.max", "300000 100000\n");
    expect_limits(3, UINT64_MAX);
    /* outside of the namespace */
    put("/proc/self/cgroup", "0::/../../x\n");
    put("/cpu.max", "100000 100000\n");
    expect_limits(3, UINT64_MAX);
    /* a group of another name that begins alike */
    put("/proc/self/mountinfo", "41 31 0:38 /dock /cg rw - cgroup2 cgroup2 rw\n");
    put("/proc/self/cgroup", "0::/docker\n");
    put("/cg/docker/cpu.max", "200000 100000\n");
    put("/cger/cpu.max", "100000 100000\n");
    expect_limits(2, UINT64_MAX);
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_makes_sense),
        cmocka_unit_test(affinity_is_obeyed),
        cmocka_unit_test(quotas_are_parsed),
        IN_ROOT(one_of_each_core_first),
        IN_ROOT(memory_nodes),
        IN_ROOT(more_processors_than_places),
        IN_ROOT(quota_narrows_threads),
        IN_ROOT(nothing_limits_nothing),
        IN_ROOT(v2_is_walked_up),
        IN_ROOT(v1_is_read),
        IN_ROOT(mounted_group_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
