/*
 * api_shape.h: errors of requests that no handler has read, in the shape of the API they came
 * through: what the door refuses, paths that are not there, a server that is still loading.
 */
#ifndef WEIR_SERVER_API_SHAPE_H
#define WEIR_SERVER_API_SHAPE_H

#include "request.h"

/* As Anthropic's API says it for its paths, and for those that both have if the request brings
 * anthropic-version; else as OpenAI's. retry_after_s > 0 adds Retry-After. */
void weir_reply_error(weir_exchange *x, const weir_api_error *error, double retry_after_s);

#endif
