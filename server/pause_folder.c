/*
 * pause_folder.c: see pause_folder.h.
 *
 * Invariant: a folder is locked (flock) as long as its process lives, however that ends, and only
 * who has the lock removes it. Between making a folder and locking it, it may be taken for one
 * that was left behind: then it is gone when it is locked, and another one is made.
 */
#include "pause_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = "weir-paused-";

enum { MAX_TRIES = 16 };

/* ---- removing ----------------------------------------------------------------------------- */

/* Takes fd over. */
static void empty(int fd) {
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return;
    }
    for (struct dirent *d; (d = readdir(folder)) != NULL;)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            unlinkat(fd, d->d_name, 0);
    closedir(folder);
}

static int open_folder(int parent, const char *name) {
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Leaves it as it is if it is somebody else's, or if its process lives. */
static void remove_if_left(int parent, const char *name) {
    struct stat status;
    int fd = open_folder(parent, name);
    if (fd < 0)
        return;
    if (fstat(fd, &status) != 0 || status.st_uid != geteuid() ||
        flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return;
    }
    /* The lock goes with the last of its descriptors. */
    int list = dup(fd);
    if (list >= 0)
        empty(list);
    unlinkat(parent, name, AT_REMOVEDIR);
    close(fd);
}

static void remove_left_ones(const char *parent) {
    DIR *folder = opendir(parent);
    if (!folder)
        return;
    for (struct dirent *d; (d = readdir(folder)) != NULL;)
        if (strncmp(d->d_name, prefix, sizeof prefix - 1) == 0)
            remove_if_left(dirfd(folder), d->d_name);
    closedir(folder);
}

/* ---- making ------------------------------------------------------------------------------- */

/* Where locks cannot be had nobody gets one, and nothing is ever removed but by its owner. */
static bool hold(int fd) {
    struct stat status;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return false;
    return fstat(fd, &status) == 0 && status.st_nlink > 0;
}

bool weir_pause_folder_open(const char *parent, char **path, int *lock) {
    size_t n = strlen(parent) + sizeof prefix + sizeof "/XXXXXX";
    char *name = malloc(n);
    remove_left_ones(parent);
    for (int i = 0; name && i < MAX_TRIES; i++) {
        snprintf(name, n, "%s/%sXXXXXX", parent, prefix);
        int fd = mkdtemp(name) ? open_folder(AT_FDCWD, name) : -1;
        if (fd < 0)
            break;
        if (hold(fd)) {
            *path = name;
            *lock = fd;
            return true;
        }
        close(fd);
    }
    free(name);
    return false;
}

void weir_pause_folder_close(char **path, int *lock) {
    if (!*path)
        return;
    empty(*lock);
    rmdir(*path);
    free(*path);
    *path = NULL;
    *lock = -1;
}
