/*
 * utf8_gate.c: bytes as tokens bring them, out again as whole code points.
 *
 * Owns the bytes held back between two pushes. Does not own what is UTF-8 (base/utf8.h). Invariant:
 * what is held is one beginning of a code point that the next byte may still complete, so what
 * comes out is the same however the stream is cut.
 */
#include "base/utf8.h"

#include <string.h>

/* Writes what n bytes at text are worth; a beginning at their end becomes what is held. */
static size_t pass(weir_utf8_gate *gate, const char *text, size_t n, char *out) {
    size_t written = 0;
    for (size_t at = 0; at < n;) {
        size_t n_valid = weir_utf8_valid(text + at, n - at);
        if (n_valid > 0)
            memcpy(out + written, text + at, n_valid);
        written += n_valid;
        at += n_valid;
        if (at == n)
            break;
        uint32_t code;
        size_t used;
        if (weir_utf8_step(text + at, n - at, &code, &used) == WEIR_UTF8_CUT) {
            memcpy(gate->held, text + at, used);
            gate->n_held = (uint32_t)used;
            break;
        }
        written += weir_utf8_encode(code, out + written);
        at += used;
    }
    return written;
}

size_t weir_utf8_push(weir_utf8_gate *gate, const char *bytes, size_t n, char *out) {
    size_t written = 0, at = 0;
    while (gate->n_held > 0 && at < n) {
        char joined[WEIR_UTF8_MAX];
        size_t n_joined = gate->n_held;
        memcpy(joined, gate->held, n_joined);
        joined[n_joined++] = bytes[at++];
        gate->n_held = 0;
        written += pass(gate, joined, n_joined, out + written);
    }
    if (at < n)
        written += pass(gate, bytes + at, n - at, out + written);
    return written;
}

size_t weir_utf8_finish(weir_utf8_gate *gate, char *out) {
    if (gate->n_held == 0)
        return 0;
    gate->n_held = 0;
    return weir_utf8_encode(WEIR_UTF8_REPLACED, out);
}
