/*
 * cuda_memory_emulated.h: what tests may ask of the emulated device memory: a machine of any kind,
 * a failure at any call, and a count of what was not given back.
 */
#ifndef WEIR_TESTS_CUDA_MEMORY_EMULATED_H
#define WEIR_TESTS_CUDA_MEMORY_EMULATED_H

#include "cuda/cuda_memory.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls that can be made to fail. */
typedef enum emulated_call {
    EMULATED_TAKE,   /* device or pinned memory, streams, marks */
    EMULATED_COPY,   /* up, down, rows, clear; a mark is set */
    EMULATED_LAUNCH, /* weir_cuda_launched */
    EMULATED_WAIT,   /* for a stream or a mark */
    EMULATED_CALLS
} emulated_call;

typedef struct emulated_machine {
    weir_cuda_facts facts;
    int find_code; /* of weir_cuda_find */
    /* Call number fail_at (from 1, counted in n_calls) of a kind returns fail_code; 0: none. */
    uint64_t fail_at[EMULATED_CALLS], n_calls[EMULATED_CALLS];
    int fail_code[EMULATED_CALLS];
    uint64_t n_taken;     /* blocks, streams and marks that were not given back */
    uint64_t taken_bytes; /* of device memory */
    bool is_set;          /* by emulated_reset; else by the environment when it is first asked */
} emulated_machine;

/* The one machine there is. */
emulated_machine *emulated_get(void);
/* A GPU of 80 GB that never fails; n_taken and taken_bytes stay. */
void emulated_reset(void);

#ifdef __cplusplus
}
#endif
#endif
