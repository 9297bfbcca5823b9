/*
 * topology.c: processors and memory that this process may really use.
 *
 * Owns the reading of affinity, cores, memory nodes and free memory; limits of control groups come
 * from cgroup.h. Nothing is cached: every call asks the system. Where the system says nothing each
 * logical processor counts as a core.
 */
#include "base/topology.h"

#include "base/cgroup.h"
#include "base/file.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The most that Linux can be built for. */
enum { MAX_IDS = 8192, MAX_LIST_BYTES = 1 << 16 };

uint32_t weir_topology_parse_quota(const char *cpu_max) {
    uint64_t quota, period;
    if (strchr(cpu_max, '-') || sscanf(cpu_max, "%" SCNu64 " %" SCNu64, &quota, &period) != 2 ||
        quota == 0 || period == 0)
        return 0;
    uint64_t n = quota / period + (quota % period != 0);
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* The lowest logical processor of the core that `cpu` belongs to: its name here. The kernel's list
 * ("0,64" or "0-1") is in ascending order. */
static uint32_t core_of(const char *root, uint32_t cpu) {
    char path[4096], *list = NULL;
    size_t size;
    unsigned first = cpu;
    int n =
        snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
                 root, (unsigned)cpu);
    if (n < 0 || n >= (int)sizeof path)
        return cpu;
    weir_file_read(path, MAX_LIST_BYTES, &list, &size, NULL);
    if (!list || list[0] == '-' || sscanf(list, "%u", &first) != 1 || first >= MAX_IDS)
        first = cpu;
    free(list);
    return first;
}

/* The next range of a list like "0-3,8"; false: there is none. */
static bool next_range(const char **list, unsigned *first, unsigned *last) {
    int n = 0;
    if (sscanf(*list, "%u%n", first, &n) != 1)
        return false;
    *list += n;
    *last = *first;
    if (**list == '-' && sscanf(*list, "-%u%n", last, &n) == 1)
        *list += n;
    *list += **list == ',';
    return *first <= *last && *last < MAX_IDS;
}

static char *read_list(const char *root, const char *path) {
    char whole[4096], *list = NULL;
    size_t size;
    int n = snprintf(whole, sizeof whole, "%s/sys/devices/system/node/%s", root, path);
    if (n >= 0 && n < (int)sizeof whole)
        weir_file_read(whole, MAX_LIST_BYTES, &list, &size, NULL);
    return list;
}

/* A system that says nothing has one node. */
static void read_nodes(weir_topology *out, const char *root) {
    uint8_t node_of[MAX_IDS] = {0};
    bool has_node[WEIR_MAX_NODES] = {false};
    char *nodes = read_list(root, "online");
    unsigned first, last;
    for (const char *at = nodes; at && next_range(&at, &first, &last);)
        for (unsigned node = first; node <= last && node < WEIR_MAX_NODES; node++) {
            char path[32];
            unsigned begin, end;
            snprintf(path, sizeof path, "node%u/cpulist", node);
            char *list = read_list(root, path);
            for (const char *cpus = list; cpus && next_range(&cpus, &begin, &end);)
                memset(node_of + begin, (int)node, end - begin + 1);
            free(list);
        }
    free(nodes);
    for (uint32_t i = 0; i < out->n_allowed; i++) {
        out->node[i] = out->cpu[i] < MAX_IDS ? node_of[out->cpu[i]] : 0;
        out->n_nodes += !has_node[out->node[i]];
        has_node[out->node[i]] = true;
    }
}

void weir_topology_order(weir_topology *out, const uint16_t *allowed, uint32_t n_allowed,
                         const char *root) {
    *out = (weir_topology){0};
    bool has_core[MAX_IDS] = {false};
    uint16_t siblings[WEIR_MAX_CPUS]; /* all but the first of each core */
    uint32_t n_siblings = 0;
    for (uint32_t i = 0; i < n_allowed && i < WEIR_MAX_CPUS; i++, out->n_allowed++) {
        uint32_t core = core_of(root, allowed[i]);
        if (has_core[core])
            siblings[n_siblings++] = allowed[i];
        else
            out->cpu[out->n_cores++] = allowed[i];
        has_core[core] = true;
    }
    for (uint32_t i = 0; i < n_siblings; i++)
        out->cpu[out->n_cores + i] = siblings[i];
    read_nodes(out, root);

    weir_cgroup_limits limits;
    weir_cgroup_read(&limits, root);
    out->n_quota = limits.n_quota;
    out->n_threads = out->n_cores;
    if (out->n_quota > 0 && out->n_quota < out->n_threads)
        out->n_threads = out->n_quota;
    if (out->n_threads == 0)
        out->n_threads = 1;
}

void weir_topology_read(weir_topology *out) {
    uint16_t allowed[WEIR_MAX_CPUS];
    uint32_t n_allowed = 0;
    cpu_set_t *set = CPU_ALLOC(MAX_IDS);
    size_t bytes = CPU_ALLOC_SIZE(MAX_IDS);
    if (set && sched_getaffinity(0, bytes, set) == 0)
        for (uint32_t cpu = 0; cpu < MAX_IDS && n_allowed < WEIR_MAX_CPUS; cpu++)
            if (CPU_ISSET_S(cpu, bytes, set))
                allowed[n_allowed++] = (uint16_t)cpu;
    if (set)
        CPU_FREE(set);
    if (n_allowed == 0)
        allowed[n_allowed++] = 0;
    weir_topology_order(out, allowed, n_allowed, "");
}

uint64_t weir_memory_available(void) {
    static const char key[] = "MemAvailable:";
    char *text = NULL;
    size_t size;
    uint64_t available = 0, kib;
    weir_file_read("/proc/meminfo", MAX_LIST_BYTES, &text, &size, NULL);
    const char *line = text ? strstr(text, key) : NULL;
    if (line && sscanf(line + sizeof key - 1, "%" SCNu64, &kib) == 1 && kib < UINT64_MAX / 1024)
        available = kib * 1024;
    free(text);
    weir_cgroup_limits limits;
    weir_cgroup_read(&limits, "");
    if (limits.memory_bytes < UINT64_MAX && (available == 0 || limits.memory_bytes < available))
        available = limits.memory_bytes > 0 ? limits.memory_bytes : 1; /* 0 would mean unknown */
    return available;
}
