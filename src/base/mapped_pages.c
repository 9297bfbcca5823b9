/* mapped_pages.c: see mapped_pages.h. Owns nothing; any thread may call it. */
#include "base/mapped_pages.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 5.14; older headers lack the name, older kernels answer EINVAL. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* Linux 6.5, the same number on every processor. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* The pages that a fault on one of them maps besides, as far as the page cache has them: Linux's
 * fault_around_bytes, aligned. Where it is set lower, the others are mapped when they are used. */
#define FAULT_BYTES ((size_t)64 << 10)

/* Advice on the pages that hold these bytes. */
static int advise(const uint8_t *from, size_t bytes, int advice) {
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)from / page_bytes * page_bytes;
    return madvise((void *)begin, (uintptr_t)from + bytes - begin, advice);
}

void weir_mapped_want(const uint8_t *from, size_t bytes) {
    advise(from, bytes, MADV_WILLNEED);
}

/* Linux reads ahead by huge pages of such a mapping since 5.18; one that knows cachestat (6.5) is
 * new enough. */
bool weir_mapped_prefer_huge(const uint8_t *from, size_t bytes) {
    bool is_new = syscall(SYS_cachestat, -1, NULL, NULL, 0) != 0 && errno == EBADF;
    return is_new && advise(from, bytes, MADV_HUGEPAGE) == 0;
}

/* A byte of every `step`, counted from address 0. */
static void touch(const uint8_t *from, size_t bytes, size_t step) {
    const volatile uint8_t *touched = from;
    for (size_t i = 0; i < bytes; i += step - (uintptr_t)(from + i) % step)
        (void)touched[i];
}

/* Pages are touched also when they are mapped: where the disk has filled memory that a virtual
 * machine has not used before, its host maps it page by page, now and not in a step (a 24B's first
 * steps took 0.4 s). That is nothing beside the disk. */
int weir_mapped_read(const uint8_t *from, size_t bytes, bool prefer_huge) {
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    if (!prefer_huge)
        weir_mapped_want(from, bytes); /* all of it at once */
    if (advise(from, bytes, MADV_POPULATE_READ) != 0 && errno != EINVAL && errno != EAGAIN &&
        errno != EINTR && errno != ENOMEM)
        return errno;
    touch(from, bytes, page_bytes);
    return 0;
}

static bool is_cached(const weir_mapped_file *f, const uint8_t *from, size_t bytes) {
    struct {
        uint64_t offset, bytes;
    } range;
    struct {
        uint64_t n_cached, n_dirty, n_writeback, n_evicted, n_recently_evicted;
    } found = {0};
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    range.offset = (uint64_t)(from - f->data) / page_bytes * page_bytes;
    range.bytes = (uint64_t)(from - f->data) + bytes - range.offset;
    return syscall(SYS_cachestat, f->fd, &range, &found, 0) == 0 &&
           found.n_cached == (range.bytes + page_bytes - 1) / page_bytes;
}

bool weir_mapped_touch(const weir_mapped_file *f, const uint8_t *from, size_t bytes) {
    if (!is_cached(f, from, bytes))
        return false;
    touch(from, bytes, FAULT_BYTES);
    return true;
}
