/* topology.h: how many processors this process may really use. */
#ifndef WEIR_BASE_TOPOLOGY_H
#define WEIR_BASE_TOPOLOGY_H

#include "weir.h"

enum { WEIR_MAX_CPUS = 1024, WEIR_MAX_NODES = 64 };

typedef struct weir_topology {
    uint32_t n_allowed;          /* logical processors in the affinity mask */
    uint32_t n_cores;            /* physical cores among them */
    uint32_t n_quota;            /* processors the cgroup quota allows, rounded up; 0: no quota */
    uint32_t n_threads;          /* what to use: min(n_cores, n_quota), at least 1 */
    uint16_t cpu[WEIR_MAX_CPUS]; /* [n_allowed] logical ids, one of each core first */
    uint8_t node[WEIR_MAX_CPUS]; /* [n_allowed] the memory node (NUMA) that each is of */
    uint32_t n_nodes;            /* different ones among them */
} weir_topology;

void weir_topology_read(weir_topology *out);

/* What weir_topology_read does with the affinity mask [n_allowed]; root: "", or the folder that
 * holds a test's /proc and /sys. */
void weir_topology_order(weir_topology *out, const uint16_t *allowed, uint32_t n_allowed,
                         const char *root);

/* Parses the text of cgroup v2 cpu.max ("200000 100000", "max 100000"): processors
 * rounded up, 0 for no quota or nonsense. */
uint32_t weir_topology_parse_quota(const char *cpu_max);

/* Memory that can be taken now: MemAvailable, narrowed by the cgroup limit. Bytes; 0: unknown. */
uint64_t weir_memory_available(void);

#endif
