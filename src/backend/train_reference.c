/*
 * train_reference.c: the device "reference" for training: plain C, sums in double, one thread: the
 * oracle of every other device, to be read beside its template. Owns two instances of it: on
 * float32, the device; on double, the table that tests differentiate.
 */
#include "backend/train_reference.h"
#include "backend/route.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REAL     float
#define NAME(op) op##_f32
#define MATMUL   weir_matmul
#include "backend/train_reference_template.h"

#define REAL     double
#define NAME(op) op##_f64
#define MATMUL   weir_matmul_f64
#include "backend/train_reference_template.h"

/* clang-format off */
#define ALL_OPS(TYPE) \
    .matmul = matmul_##TYPE, .embed = embed_##TYPE, .embed_back = embed_back_##TYPE, \
    .rms_norm = rms_norm_##TYPE, .rms_norm_back = rms_norm_back_##TYPE, .rope = rope_##TYPE, \
    .attend = attend_##TYPE, .attend_back = attend_back_##TYPE, \
    .short_conv = short_conv_##TYPE, .short_conv_back = short_conv_back_##TYPE, \
    .silu_mul = silu_mul_##TYPE, .silu_mul_back = silu_mul_back_##TYPE, \
    .route = route_##TYPE, .route_back = route_back_##TYPE, \
    .gather = gather_##TYPE, .combine = combine_##TYPE, .row_dots = row_dots_##TYPE, \
    .scale_rows = scale_rows_##TYPE, .add_bias = add_bias_##TYPE, \
    .add_bias_back = add_bias_back_##TYPE, .axpy = axpy_##TYPE, \
    .cross_entropy = cross_entropy_##TYPE, .adamw = adamw_##TYPE, \
    .sum_squares = sum_squares_##TYPE
/* clang-format on */

const weir_train_ops_f64 weir_train_reference_f64 = {ALL_OPS(f64)};

static void reference_close(weir_trainer_device *dev) {
    weir_workers_close(&dev->workers);
    free(dev);
}

weir_status weir_reference_train_open(weir_trainer_device **out,
                                      const weir_trainer_device_options *options, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    (void)options; /* there is one kind of it */
    *out = NULL;
    weir_trainer_device *dev = calloc(1, sizeof *dev);
    if (!dev)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the reference device");
    dev->name = "reference";
    dev->kernels = "plain";
    dev->ops = (weir_train_ops){ALL_OPS(f32)};
    dev->n_threads = 1;
    dev->close = reference_close;
    WEIR_TRY_GOTO(weir_workers_open(&dev->workers, 1, false, err));
    *out = dev;
    return WEIR_STATUS_OK;
fail:
    reference_close(dev);
    return status;
}
