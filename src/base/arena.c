/*
 * arena.c: blocks one after the other in pages of the system.
 *
 * Owns the pages from open to close. Does not give single blocks back and does not grow. Invariant:
 * used is a multiple of 64, or SIZE_MAX after an overflow while measuring; a real arena never has
 * used > its size rounded up to 64.
 */
#include "base/arena.h"

#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Linux 5.14; older headers lack the name, older kernels answer EINVAL. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { ALIGN_BYTES = 64 };

bool weir_mul_size(size_t a, size_t b, size_t *out) {
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool weir_add_size(size_t a, size_t b, size_t *out) {
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

static bool round_up(size_t n, size_t multiple, size_t *out) {
    if (!weir_add_size(n, multiple - 1, out))
        return false;
    *out -= *out % multiple;
    return true;
}

void *weir_arena_take(weir_arena *arena, size_t bytes) {
    size_t block, used;
    bool is_counted = arena->used != SIZE_MAX && round_up(bytes, ALIGN_BYTES, &block) &&
                      weir_add_size(arena->used, block, &used);
    if (!arena->base) {
        arena->used = is_counted ? used : SIZE_MAX;
        return NULL;
    }
    assert(is_counted && bytes <= arena->size && arena->used <= arena->size - bytes);
    void *taken = arena->base + arena->used;
    arena->used = used;
    return taken;
}

void *weir_arena_take_array(weir_arena *arena, size_t n, size_t bytes) {
    size_t total;
    if (!weir_mul_size(n, bytes, &total))
        total = SIZE_MAX; /* weir_arena_take counts this as an overflow */
    return weir_arena_take(arena, total);
}

/* What is mapped for an arena of `size`: never nothing, so that base is never NULL. */
static bool mapped_size(size_t size, size_t *out) {
    return round_up(size ? size : 1, size < WEIR_HUGE_PAGE_BYTES ? 4096 : WEIR_HUGE_PAGE_BYTES,
                    out);
}

weir_status weir_arena_open(weir_arena *arena, size_t size, const char *what, weir_error *err) {
    *arena = (weir_arena){0};
    size_t bytes, with_slack;
    if (!mapped_size(size, &bytes) || !weir_add_size(bytes, WEIR_HUGE_PAGE_BYTES, &with_slack))
        return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                         "%s: the size overflows, expected less than %zu bytes", what, SIZE_MAX);
    bool is_huge = bytes >= WEIR_HUGE_PAGE_BYTES;
    size_t asked = is_huge ? with_slack : bytes;
    uint8_t *base = mmap(NULL, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: the system does not give %zu bytes: %s",
                         what, size, strerror(errno));
    if (is_huge) {
        /* Only aligned addresses can become huge pages; what stands out is given back. */
        size_t head =
            (WEIR_HUGE_PAGE_BYTES - (uintptr_t)base % WEIR_HUGE_PAGE_BYTES) % WEIR_HUGE_PAGE_BYTES;
        size_t tail = WEIR_HUGE_PAGE_BYTES - head;
        if (head)
            munmap(base, head);
        base += head;
        munmap(base + bytes, tail);
        madvise(base, bytes, MADV_HUGEPAGE); /* a wish: without it pages are small */
    }
    arena->base = base;
    arena->size = size;
    return WEIR_STATUS_OK;
}

weir_status weir_arena_populate(const weir_arena *arena, const char *what, weir_error *err) {
    size_t bytes;
    if (!arena->base || !mapped_size(arena->size, &bytes) ||
        madvise(arena->base, bytes, MADV_POPULATE_WRITE) == 0)
        return WEIR_STATUS_OK;
    if (errno != EINVAL) /* kernels before 5.14 do not know the request */
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: %zu bytes cannot be made resident: %s",
                         what, arena->size, strerror(errno));
    for (size_t i = 0; i < bytes; i += 4096) {
        volatile uint8_t *byte = arena->base + i;
        *byte = *byte;
    }
    return WEIR_STATUS_OK;
}

void weir_arena_close(weir_arena *arena) {
    if (!arena)
        return;
    size_t bytes;
    if (arena->base && mapped_size(arena->size, &bytes))
        munmap(arena->base, bytes);
    *arena = (weir_arena){0};
}
