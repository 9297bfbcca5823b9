/* raw_json.c: see raw_json.h. Keeps nothing between calls. */
#include "raw_json.h"

#include <string.h>

static const char *skip_space(const char *at) {
    return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at) {
    for (at++; *at && *at != '"'; at++)
        at += at[0] == '\\' && at[1];
    return *at ? at + 1 : at;
}

/* Brackets are balanced in JSON that was read before, so that counting them is enough. */
static const char *skip_value(const char *at) {
    size_t depth = 0;
    while (*at) {
        if (*at == '"') {
            at = skip_string(at);
        } else {
            if (depth == 0 && strchr(",]} \t\r\n", *at))
                return at;
            depth += *at == '{' || *at == '[';
            depth -= *at == '}' || *at == ']';
            at++;
        }
        if (depth == 0 && (at[-1] == '"' || at[-1] == '}' || at[-1] == ']'))
            return at;
    }
    return at;
}

bool weir_raw_item_next(const char **at, const char **item, size_t *n) {
    const char *from = skip_space(*at);
    if (*from != '[' && *from != ',')
        return false;
    from = skip_space(from + 1);
    if (!*from || *from == ']')
        return false;
    const char *end = skip_value(from);
    *item = from;
    *n = (size_t)(end - from);
    *at = end;
    return true;
}
