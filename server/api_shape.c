/* api_shape.c: see api_shape.h. Owns how the two are told apart. */
#include "api_shape.h"

#include <string.h>

static bool is_path_of(const char *path, const char *route) {
    size_t n = strlen(route);
    return strncmp(path, route, n) == 0 && (path[n] == 0 || path[n] == '/');
}

static bool is_anthropic(const weir_exchange *x) {
    const char *path = weir_exchange_path(x);
    return is_path_of(path, "/v1/messages") || is_path_of(path, "/messages") ||
           weir_exchange_header(x, "anthropic-version");
}

void weir_reply_error(weir_exchange *x, const weir_api_error *error, double retry_after_s) {
    if (!is_anthropic(x)) {
        weir_reply_openai_error(x, error, retry_after_s);
        return;
    }
    weir_exchange_add_header(x, "request-id", weir_exchange_id(x));
    weir_reply_anthropic_error(x, error, retry_after_s);
}
