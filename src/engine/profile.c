/* profile.c: an engine's phases (weir_profile.h), which its device counts. */
#include "base/error.h"
#include "engine/engine.h"

weir_status weir_engine_profile_begin(weir_engine *e, weir_error *err) {
    if (!e->backend->profile_begin)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the device \"%s\" does not tell the phases of its steps", e->describe);
    e->backend->profile_begin(e->backend);
    return WEIR_STATUS_OK;
}

void weir_engine_profile_end(weir_engine *e, weir_profile *out) {
    *out = (weir_profile){0};
    if (e->backend->profile_end)
        e->backend->profile_end(e->backend, out);
}
