/*
 * interrupt.c: the signal handlers.
 *
 * Owns a few atomics; the handlers touch nothing else and call weir_engine_cancel, which only sets
 * a flag, or put the terminal back, write and _exit.
 */
#include "interrupt.h"

#include "base/compiler.h"
#include "console.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int signal_taken; /* number of the signal that raised the flag, 0: it is not raised */
static void (*_Atomic restore_terminal)(void);
static atomic_bool has_care;
static atomic_bool has_lost_page;
static _Atomic(weir_engine *) running_engine;

static void on_signal(int number) {
    if (atomic_exchange(&signal_taken, number) || !atomic_load(&has_care)) {
        void (*restore)(void) = atomic_load(&restore_terminal);
        if (restore)
            restore();
        _exit(WEIR_EXIT_INTERRUPTED);
    }
    weir_engine *engine = atomic_load(&running_engine);
    if (engine)
        weir_engine_cancel(engine);
}

/* Files are mapped, so that one which shrinks or cannot be read shows as this signal. */
static void on_lost_page(int number) {
    (void)number;
    while (atomic_exchange(&has_lost_page, true)) /* another thread tells it and ends the program */
        pause();
    static const char line[] = "weir: a mapped file can no longer be read: it was cut short while "
                               "it was in use, or its device fails\n";
    ssize_t n = write(STDERR_FILENO, line, sizeof line - 1);
    (void)n;
    _exit(WEIR_EXIT_IO);
}

void weir_interrupt_install(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    /* The flag is asked often enough: nothing has to fail with EINTR, least of all an fsync. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    /* Who started the program with a signal ignored (nohup, a shell's &) meant it. */
    for (size_t i = 0; i < WEIR_COUNT(signals); i++)
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    action.sa_handler = on_lost_page;
    sigaction(SIGBUS, &action, NULL);
    /* A file that grows over its limit (ulimit -f) is a failed write, after which nothing stays. */
    signal(SIGXFSZ, SIG_IGN);
}

void weir_interrupt_with_care(weir_engine *engine) {
    atomic_store(&running_engine, engine);
    atomic_store(&has_care, true);
}

bool weir_interrupted(void) {
    return atomic_load(&signal_taken) != 0;
}

int weir_interrupt_take(void) {
    return atomic_exchange(&signal_taken, 0);
}

void weir_interrupt_before_end(void (*restore)(void)) {
    atomic_store(&restore_terminal, restore);
}
