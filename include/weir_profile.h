/*
 * weir_profile.h: where the time of an engine's steps goes, by phase. Works with weir.h.
 *
 * A phase is a part of every step: a kind of product, attention, waiting. Each thread of the device
 * reads its clock where one ends, so that the phases of a thread add up to its step; that takes
 * some microseconds a step, and is done only while it is wanted.
 */
#ifndef WEIR_PROFILE_H
#define WEIR_PROFILE_H

#include "weir.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WEIR_MOST_PHASES = 16 };

typedef struct weir_phase {
    const char *name;   /* "gate, up"; lives as long as the program */
    double seconds;     /* of all threads together */
    uint64_t row_bytes; /* of weights that a step of one token reads in it; 0: none */
} weir_phase;

typedef struct weir_profile {
    weir_phase phase[WEIR_MOST_PHASES]; /* [n_phases], in the order of a step, waiting last */
    uint32_t n_phases, n_threads;
    uint64_t n_steps;    /* since it was begun, but for those that are observed or use an adapter */
    uint64_t n_barriers; /* in them; at each all threads wait for the last */
    double seconds;      /* that they took */
} weir_profile;

/* Counts from now on, from zero. UNSUPPORTED: the device does not tell (it is not the CPU, it
 * reads experts from their file, or its activations are "parity"). */
WEIR_API weir_status weir_engine_profile_begin(weir_engine *engine, weir_error *err);
/* Ends counting; *out is what was counted. */
WEIR_API void weir_engine_profile_end(weir_engine *engine, weir_profile *out);

#ifdef __cplusplus
}
#endif

#endif
