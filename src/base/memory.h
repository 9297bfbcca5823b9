/* memory.h: the allocation guard. Between weir_guard_enter and weir_guard_leave nothing may be
 * allocated, by this thread or by workers it drives; weir_guard_active tells a test's malloc so.
 * Guards nest. Costs one atomic counter. */
#ifndef WEIR_BASE_MEMORY_H
#define WEIR_BASE_MEMORY_H

#include <stdbool.h>

void weir_guard_enter(void);
void weir_guard_leave(void);
bool weir_guard_active(void); /* some thread of the process is inside a guard */

#endif
