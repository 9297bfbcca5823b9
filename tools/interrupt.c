/*
 * interrupt.c: the signal handler.
 *
 * Owns three atomics; the handler touches nothing else and calls weir_engine_cancel, which only
 * sets a flag, or _exit.
 */
#include "interrupt.h"

#include "console.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_bool is_interrupted;
static atomic_bool has_care;
static _Atomic(weir_engine *) running_engine;

static void on_signal(int number) {
    (void)number;
    if (atomic_exchange(&is_interrupted, true) || !atomic_load(&has_care))
        _exit(WEIR_EXIT_INTERRUPTED);
    weir_engine *engine = atomic_load(&running_engine);
    if (engine)
        weir_engine_cancel(engine);
}

void weir_interrupt_install(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void weir_interrupt_with_care(weir_engine *engine) {
    atomic_store(&running_engine, engine);
    atomic_store(&has_care, true);
}

bool weir_interrupted(void) {
    return atomic_load(&is_interrupted);
}
