/* devices.h: the devices that are built in, by name. devices.c is the one place that knows them. */
#ifndef WEIR_ENGINE_DEVICES_H
#define WEIR_ENGINE_DEVICES_H

#include "backend/backend.h"

enum { WEIR_MOST_ACTIVATIONS = 5 };

typedef struct weir_device {
    const char *name;
    bool has_own_memory; /* weights, pages, states and scratch are not in the host's */
    bool can_stream;     /* experts can stay in their file (weir_backend_options.experts_room) */
    bool uses_packed;    /* maps packed weights (weir_backend_options.packed) */
    /* With can_stream: what reading experts at chance places brings, for about so many seconds;
     * *bytes_per_s 0: the model has none. */
    weir_status (*probe_disk)(double *bytes_per_s, const weir_model *model, double seconds,
                              weir_error *err);
    /* What may be asked of it, its default first. */
    weir_activations activations[WEIR_MOST_ACTIVATIONS];
    size_t n_activations;
    weir_status (*open)(weir_backend **out, const weir_model *model,
                        const weir_backend_options *options, weir_error *err);
    weir_status (*plan)(weir_backend_memory *out, const weir_model *model,
                        const weir_backend_options *options, weir_error *err);
    /* NULL: it is part of every machine */
    weir_status (*look)(weir_device_info *out, weir_error *err);
} weir_device;

/* name NULL: the default. BAD_ARGUMENT lists what there is. */
weir_status weir_device_find(const weir_device **out, const char *name, weir_error *err);

/* "q15", "f32", "bf16" */
const char *weir_activations_name(weir_activations activations);
/* name NULL: the device's default. BAD_ARGUMENT lists what the device has. */
weir_status weir_device_activations(weir_activations *out, const weir_device *device,
                                    const char *name, weir_error *err);

#endif
