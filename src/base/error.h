/* error.h: how a failing function fills its weir_error and how callers pass it on. */
#ifndef WEIR_BASE_ERROR_H
#define WEIR_BASE_ERROR_H

#include "base/compiler.h"
#include "weir.h"

/* Writes one line (control characters become '?') into err, if there is one. Returns status. */
weir_status weir_fail(weir_error *err, weir_status status, const char *format, ...)
    WEIR_PRINTF(3, 4);

/* Puts "prefix: " in front of the line that err holds. Returns err's status, or `status`
 * without err or where err holds none. */
weir_status weir_fail_within(weir_error *err, weir_status status, const char *format, ...)
    WEIR_PRINTF(3, 4);

/* Forwards a failure to the caller. */
#define WEIR_TRY(call)                         \
    do {                                       \
        weir_status weir_try_status = (call);  \
        if (weir_try_status != WEIR_STATUS_OK) \
            return weir_try_status;            \
    } while (0)

/* The same inside a function with a `fail:` label and a variable `weir_status status`. */
#define WEIR_TRY_GOTO(call)           \
    do {                              \
        status = (call);              \
        if (status != WEIR_STATUS_OK) \
            goto fail;                \
    } while (0)

#endif
