/*
 * arena.h: memory that is planned before it is taken.
 *
 * A layout function takes its blocks from an arena in a fixed order. Run over an arena without
 * memory it measures; run over one with memory it places. So what is planned and what is taken
 * come from the same lines of code.
 *
 *   base                                                                   base + size
 *   [block, 64-byte aligned][block][block] ... [free, never touched by the system]
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "weir.h"

#define WEIR_HUGE_PAGE_BYTES ((size_t)2 << 20)

typedef struct weir_arena {
    uint8_t *base; /* NULL: measuring */
    size_t size;
    size_t used;
} weir_arena;

/* Next block of `bytes`, 64-byte aligned. Measuring: returns NULL and counts (SIZE_MAX =
 * overflowed). Asserts that a real arena has room: it was measured by the same code. Memory starts
 * as zeros. */
void *weir_arena_take(weir_arena *arena, size_t bytes);
/* n x bytes with overflow check. */
void *weir_arena_take_array(weir_arena *arena, size_t n, size_t bytes);

/* Takes `size` bytes of zeroed pages from the system, with huge pages where offered, beginning with
 * the beginning of one. NO_MEMORY. */
weir_status weir_arena_open(weir_arena *arena, size_t size, const char *what, weir_error *err);
/* Makes every page resident now, contents kept, so that later use meets no page fault and a
 * shortage shows here. NO_MEMORY. */
weir_status weir_arena_populate(const weir_arena *arena, const char *what, weir_error *err);
void weir_arena_close(weir_arena *arena); /* NULL and unopened are fine */

/* a x b, a + b; false on overflow. */
bool weir_mul_size(size_t a, size_t b, size_t *out);
bool weir_add_size(size_t a, size_t b, size_t *out);

#endif
