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

/* Advice on the pages that hold these bytes. */
static int advise(const uint8_t *from, size_t bytes, int advice) {
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)from / page_bytes * page_bytes;
    return madvise((void *)begin, (uintptr_t)from + bytes - begin, advice);
}

void weir_mapped_want(const uint8_t *from, size_t bytes) {
    advise(from, bytes, MADV_WILLNEED);
}

int weir_mapped_read(const uint8_t *from, size_t bytes) {
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    weir_mapped_want(from, bytes); /* all of it at once */
    if (advise(from, bytes, MADV_POPULATE_READ) == 0)
        return 0;
    if (errno != EINVAL && errno != EAGAIN && errno != EINTR && errno != ENOMEM)
        return errno;
    const volatile uint8_t *touched = from;
    for (size_t i = 0; i < bytes; i += page_bytes)
        (void)touched[i];
    (void)touched[bytes - 1];
    return 0;
}

bool weir_mapped_is_cached(const weir_mapped_file *f, const uint8_t *from, size_t bytes) {
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
