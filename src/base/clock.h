/* clock.h: time that only goes forward, for measuring. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

/* Seconds since some moment that stays the same while the program runs. */
double weir_clock_s(void);

#endif
