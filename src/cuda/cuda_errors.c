/* cuda_errors.c: see cuda_errors.h. Owns nothing; every line says what could be done instead. */
#include "cuda/cuda_errors.h"

#include "base/error.h"

enum { LEAST_MAJOR = 8 }; /* sm_80: the oldest that kernels are compiled for */

static const char instead[] = "device 'cpu' needs none";

weir_status weir_cuda_check_device(const weir_cuda_facts *f, int code, weir_error *err) {
    char text[WEIR_CUDA_ERROR_TEXT];
    if (f->runtime_version > 0 && f->driver_version == 0)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "device 'cuda': this machine has no NVIDIA driver; %s", instead);
    if (code == WEIR_CUDA_OLD_DRIVER)
        return weir_fail(
            err, WEIR_STATUS_FAILED,
            "device 'cuda': the NVIDIA driver is for CUDA %d.%d, expected %d.%d or newer; %s",
            f->driver_version / 1000, f->driver_version % 1000 / 10, f->runtime_version / 1000,
            f->runtime_version % 1000 / 10, instead);
    if (code == WEIR_CUDA_NO_DEVICE)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "device 'cuda': the NVIDIA driver shows no GPU (CUDA_VISIBLE_DEVICES may "
                         "hide it); %s",
                         instead);
    if (code == WEIR_CUDA_NO_KERNELS && f->major >= LEAST_MAJOR)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "device 'cuda': this program was built without kernels for %s (compute "
                         "capability %d.%d; WEIR_CUDA_ARCHITECTURES=%d%d or all has them); %s",
                         f->name, f->major, f->minor, f->major, f->minor, instead);
    if (code != 0 && code != WEIR_CUDA_NO_KERNELS) {
        weir_cuda_describe_error(code, text, sizeof text);
        return weir_fail(err, WEIR_STATUS_FAILED, "device 'cuda': the GPU cannot be used: %s; %s",
                         text, instead);
    }
    if (f->major < LEAST_MAJOR)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "device 'cuda': %s has compute capability %d.%d, expected %d.0 or above; "
                         "%s",
                         f->name, f->major, f->minor, LEAST_MAJOR, instead);
    return WEIR_STATUS_OK;
}

weir_status weir_cuda_fail(weir_error *err, int code, const char *what) {
    char text[WEIR_CUDA_ERROR_TEXT];
    if (code == 0)
        return WEIR_STATUS_OK;
    weir_cuda_describe_error(code, text, sizeof text);
    return weir_fail(err, code == WEIR_CUDA_NO_MEMORY ? WEIR_STATUS_NO_MEMORY : WEIR_STATUS_FAILED,
                     "the CUDA device: %s: %s", what, text);
}
