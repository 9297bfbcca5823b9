/* draw_settings.h: ways to sample that tests of draws on a device go through. Number 2 has no
 * filter and no penalty. */
#ifndef WEIR_TESTS_DRAW_SETTINGS_H
#define WEIR_TESTS_DRAW_SETTINGS_H

#include "weir.h"

#include <math.h>

static const weir_logit_bias some_bias[] = {{3, 2.5f}, {17, -INFINITY}, {40, 1}};

static const weir_sampling settings[] = {
    {.temperature = 0, .top_p = 1, .repetition_penalty = 1},
    {.temperature = 0, .top_p = 1, .repetition_penalty = 1.3f, .presence_penalty = 0.5f},
    {.temperature = 1, .top_p = 1, .repetition_penalty = 1},
    {.temperature = 0.3f, .top_p = 1, .min_p = 0.15f, .repetition_penalty = 1.05f},
    {.temperature = 0.1f, .top_p = 1, .top_k = 50, .repetition_penalty = 1.05f},
    {.temperature = 5, .top_p = 0.9f, .repetition_penalty = 0.8f, .repeat_last_n = 4},
    {.temperature = 1, .top_p = 1, .repetition_penalty = 1, .frequency_penalty = 0.7f},
    {.temperature = 1, .top_p = 1, .repetition_penalty = 1, .presence_penalty = -0.5f},
    {.temperature = 2,
     .top_p = 0.5f,
     .top_k = 20,
     .min_p = 0.01f,
     .repetition_penalty = 1.1f,
     .frequency_penalty = 0.4f,
     .bias = some_bias,
     .n_bias = 3},
};

#endif
