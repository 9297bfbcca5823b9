/* devices.c: see devices.h. */
#include "engine/devices.h"
#include "backend/train_ops.h"
#include "base/error.h"
#include "cpu/cpu.h"
#ifdef WEIR_HAS_CUDA
#include "cuda/cuda.h"
#endif
#include <stdio.h>
#include <string.h>

static const weir_device devices[] = {
    {.name = "cpu",
     .can_stream = true,
     .uses_packed = true,
     .probe_disk = weir_cpu_disk_probe,
     .activations = {WEIR_ACTIVATIONS_Q8, WEIR_ACTIVATIONS_Q15, WEIR_ACTIVATIONS_F32,
                     WEIR_ACTIVATIONS_PARITY},
     .n_activations = 4,
     .open = weir_cpu_open,
     .plan = weir_cpu_plan},
    /* The oracle takes any, and rounds none. */
    {.name = "reference",
     .activations = {WEIR_ACTIVATIONS_Q8, WEIR_ACTIVATIONS_Q15, WEIR_ACTIVATIONS_F32,
                     WEIR_ACTIVATIONS_PARITY, WEIR_ACTIVATIONS_BF16},
     .n_activations = 5,
     .open = weir_reference_open,
     .plan = weir_reference_plan},
#ifdef WEIR_HAS_CUDA
    {.name = "cuda",
     .has_own_memory = true,
     .activations = {WEIR_ACTIVATIONS_BF16, WEIR_ACTIVATIONS_F32},
     .n_activations = 2,
     .open = weir_cuda_open,
     .plan = weir_cuda_plan,
     .look = weir_cuda_look},
#endif
};

weir_status weir_device_find(const weir_device **out, const char *name, weir_error *err) {
    *out = NULL;
    for (size_t i = 0; i < WEIR_COUNT(devices); i++)
        if (!name || strcmp(name, devices[i].name) == 0) {
            *out = &devices[i];
            return WEIR_STATUS_OK;
        }
#ifndef WEIR_HAS_CUDA
    if (strcmp(name, "cuda") == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "device 'cuda': this program was built without it (WEIR_CUDA, which "
                         "needs nvcc); expected 'cpu' or 'reference'");
#endif
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                     "device '%s': expected 'cpu', 'cuda' or 'reference'", name);
}

weir_status weir_device_look(weir_device_info *out, const char *name, weir_error *err) {
    const weir_device *device;
    *out = (weir_device_info){0};
    WEIR_TRY(weir_device_find(&device, name, err));
    out->has_own_memory = device->has_own_memory;
    if (device->look)
        return device->look(out, err);
    snprintf(out->text, sizeof out->text, "%s", device->name);
    return WEIR_STATUS_OK;
}

static const char *const activations_names[] = {[WEIR_ACTIVATIONS_Q15] = "q15",
                                                [WEIR_ACTIVATIONS_F32] = "f32",
                                                [WEIR_ACTIVATIONS_BF16] = "bf16",
                                                [WEIR_ACTIVATIONS_Q8] = "q8",
                                                [WEIR_ACTIVATIONS_PARITY] = "parity"};

const char *weir_activations_name(weir_activations activations) {
    return activations_names[activations];
}

weir_status weir_device_activations(weir_activations *out, const weir_device *device,
                                    const char *name, weir_error *err) {
    char list[64] = "";
    for (size_t i = 0; i < device->n_activations; i++) {
        const char *have = weir_activations_name(device->activations[i]);
        *out = device->activations[i];
        if (!name || strcmp(name, have) == 0)
            return WEIR_STATUS_OK;
        size_t n = strlen(list);
        bool is_last = i + 1 == device->n_activations;
        snprintf(list + n, sizeof list - n, "%s'%s'", i == 0 ? "" : is_last ? " or " : ", ", have);
    }
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "activations '%s': device '%s' expects %s",
                     name, device->name, list);
}

weir_status weir_trainer_device_open(weir_trainer_device **out,
                                     const weir_trainer_device_options *options, weir_error *err) {
    const char *name = options->device;
    *out = NULL;
    if (!name || strcmp(name, "cpu") == 0)
        return weir_cpu_train_open(out, options, err);
    if (strcmp(name, "reference") == 0)
        return weir_reference_train_open(out, options, err);
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "device '%s': expected 'cpu' or 'reference'",
                     name);
}

void weir_trainer_device_close(weir_trainer_device **dev) {
    if (*dev)
        (*dev)->close(*dev);
    *dev = NULL;
}
