/* cgroup.h: what the control groups (v1 and v2) around this process leave of the machine. */
#ifndef WEIR_BASE_CGROUP_H
#define WEIR_BASE_CGROUP_H

#include "weir.h"

typedef struct weir_cgroup_limits {
    uint32_t n_quota;      /* processors, rounded up, of the tightest group; 0: no quota */
    uint64_t memory_bytes; /* room left in the tightest group; UINT64_MAX: no limit */
} weir_cgroup_limits;

/* root goes in front of /proc and of the mount points: "", or the folder of a test. What cannot be
 * read or understood limits nothing. */
void weir_cgroup_read(weir_cgroup_limits *out, const char *root);

#endif
