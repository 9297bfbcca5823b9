/*
 * cgroup.c: limits of the control groups, version 1, version 2 and both at once.
 *
 * Owns the way from /proc/self/cgroup and /proc/self/mountinfo to the folders of the groups. A
 * limit holds for all that is below, so each hierarchy is walked from the process's own group up to
 * its mount point, and the tightest limit counts. Does not know how many processors there are.
 */
#include "base/cgroup.h"

#include "base/file.h"
#include "base/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 22, MAX_PATH_BYTES = 4096 };

/* ---- small files -------------------------------------------------------------------------- */

/* The text of folder/name, to be freed; NULL if there is none. */
static char *read_text(const char *folder, const char *name) {
    char path[MAX_PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text = NULL;
    size_t size;
    if (n < 0 || n >= (int)sizeof path)
        return NULL;
    weir_file_read(path, MAX_FILE_BYTES, &text, &size, NULL);
    return text;
}

/* A file that holds one number. "max" and nonsense are false. */
static bool read_number(const char *folder, const char *name, uint64_t *out) {
    char *text = read_text(folder, name);
    bool is_read = text && sscanf(text, "%" SCNu64, out) == 1 && text[0] != '-';
    free(text);
    return is_read;
}

/* The number behind `key` in a file of lines "key number"; 0 if it is not there. */
static uint64_t find_number(const char *text, const char *key) {
    size_t n_key = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        uint64_t value;
        if (strncmp(line, key, n_key) == 0 && line[n_key] == ' ' &&
            sscanf(line + n_key, "%" SCNu64, &value) == 1)
            return value;
    }
    return 0;
}

/* ---- the limits of one group --------------------------------------------------------------- */

static void narrow_quota(weir_cgroup_limits *out, uint32_t n_quota) {
    if (n_quota > 0 && (out->n_quota == 0 || n_quota < out->n_quota))
        out->n_quota = n_quota;
}

/* Pages of files count as used but are given back on demand, so they are room. */
static void narrow_memory(weir_cgroup_limits *out, uint64_t limit, uint64_t used, const char *stat,
                          const char *const file_keys[2]) {
    for (int i = 0; stat && i < 2; i++) {
        uint64_t cached = find_number(stat, file_keys[i]);
        used -= cached < used ? cached : used;
    }
    uint64_t room = limit > used ? limit - used : 0;
    if (room < out->memory_bytes)
        out->memory_bytes = room;
}

static void read_group_v2(weir_cgroup_limits *out, const char *folder) {
    static const char *const file_keys[2] = {"inactive_file", "active_file"};
    char *quota = read_text(folder, "cpu.max");
    if (quota)
        narrow_quota(out, weir_topology_parse_quota(quota));
    free(quota);
    uint64_t limit, used;
    if (read_number(folder, "memory.max", &limit) && read_number(folder, "memory.current", &used)) {
        char *stat = read_text(folder, "memory.stat");
        narrow_memory(out, limit, used, stat, file_keys);
        free(stat);
    }
}

static void read_group_v1(weir_cgroup_limits *out, const char *folder) {
    static const char *const file_keys[2] = {"total_inactive_file", "total_active_file"};
    uint64_t quota, period, limit, used;
    if (read_number(folder, "cpu.cfs_quota_us", &quota) &&
        read_number(folder, "cpu.cfs_period_us", &period)) {
        char as_v2[64];
        snprintf(as_v2, sizeof as_v2, "%" PRIu64 " %" PRIu64, quota, period);
        narrow_quota(out, weir_topology_parse_quota(as_v2));
    }
    if (read_number(folder, "memory.limit_in_bytes", &limit) &&
        read_number(folder, "memory.usage_in_bytes", &used)) {
        char *stat = read_text(folder, "memory.stat");
        narrow_memory(out, limit, used, stat, file_keys);
        free(stat);
    }
}

/* ---- from the process to its groups --------------------------------------------------------- */

/* Whether a comma-separated list contains the word. */
static bool list_has(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == 0))
            return true;
    }
    return false;
}

/* mountinfo writes blanks and backslashes as three octal digits. */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned code;
        if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3 &&
            sscanf(from + 1, "%3o", &code) == 1) {
            *to = (char)code;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = 0;
}

/* The process's group in the hierarchy with this controller ("" for v2), cut out of the text of
 * /proc/self/cgroup ("4:cpu,cpuacct:/a/b" or "0::/a/b"). */
static bool find_group(const char *cgroup, const char *controller, char out[MAX_PATH_BYTES]) {
    for (const char *line = cgroup; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t n = strcspn(line, "\n");
        char copy[MAX_PATH_BYTES];
        if (n >= sizeof copy)
            continue;
        memcpy(copy, line, n);
        copy[n] = 0;
        char *list = strchr(copy, ':');
        char *path = list ? strchr(list + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = 0;
        list++;
        if (*controller ? !list_has(list, controller) : *list != 0)
            continue;
        snprintf(out, MAX_PATH_BYTES, "%s", path);
        return true;
    }
    return false;
}

/* Walks from mount point + group up to the mount point. mount_root is the group that is mounted
 * there; in a container it may be the process's own. */
static void walk_up(weir_cgroup_limits *out, const char *root, const char *mount_root,
                    const char *mount_point, const char *group, bool is_v2) {
    size_t n_root = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);
    if (strncmp(group, mount_root, n_root) == 0 && (group[n_root] == '/' || group[n_root] == 0))
        group += n_root;
    if (strstr(group, "/.."))
        group = ""; /* outside of our namespace: only the mount point can be seen */
    char folder[MAX_PATH_BYTES];
    int n = snprintf(folder, sizeof folder, "%s%s%s", root, mount_point, group);
    if (n < 0 || n >= (int)sizeof folder)
        return;
    size_t n_top = strlen(root) + strlen(mount_point);
    for (;;) {
        (is_v2 ? read_group_v2 : read_group_v1)(out, folder);
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < n_top)
            return;
        *slash = 0;
    }
}

/* One line of mountinfo: "31 23 0:28 ROOT POINT options [tags] - TYPE SOURCE SUPER_OPTIONS". */
static void read_mount(weir_cgroup_limits *out, const char *root, char *line, const char *cgroup) {
    char mount_root[MAX_PATH_BYTES], mount_point[MAX_PATH_BYTES], group[MAX_PATH_BYTES];
    char type[64], options[1024];
    const char *behind = strstr(line, " - ");
    if (!behind || strlen(line) >= MAX_PATH_BYTES ||
        sscanf(line, "%*s %*s %*s %s %s", mount_root, mount_point) != 2 ||
        sscanf(behind, " - %63s %*s %1023s", type, options) != 2)
        return;
    unescape(mount_root);
    unescape(mount_point);
    if (strcmp(type, "cgroup2") == 0) {
        if (find_group(cgroup, "", group))
            walk_up(out, root, mount_root, mount_point, group, true);
    } else if (strcmp(type, "cgroup") == 0) {
        static const char *const controllers[] = {"cpu", "memory"};
        for (int i = 0; i < 2; i++)
            if (list_has(options, controllers[i]) && find_group(cgroup, controllers[i], group))
                walk_up(out, root, mount_root, mount_point, group, false);
    }
}

void weir_cgroup_read(weir_cgroup_limits *out, const char *root) {
    *out = (weir_cgroup_limits){.memory_bytes = UINT64_MAX};
    char folder[MAX_PATH_BYTES];
    int n = snprintf(folder, sizeof folder, "%s/proc/self", root);
    if (n < 0 || n >= (int)sizeof folder)
        return;
    char *cgroup = read_text(folder, "cgroup");
    char *mounts = read_text(folder, "mountinfo");
    if (cgroup && mounts) {
        char *rest = NULL;
        for (char *line = strtok_r(mounts, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
            read_mount(out, root, line, cgroup);
    }
    free(cgroup);
    free(mounts);
}
