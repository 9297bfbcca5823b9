/*
 * wall_clock.h: the time that templates may write into prompts (weir_conversation.started).
 */
#ifndef WEIR_SERVER_WALL_CLOCK_H
#define WEIR_SERVER_WALL_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Seconds since 1970 as a clock on the wall shows them. */
static inline int64_t weir_wall_clock_now(void) {
    time_t now = time(NULL);
    struct tm local;
    return localtime_r(&now, &local) ? (int64_t)now + local.tm_gmtoff : (int64_t)now;
}

#endif
