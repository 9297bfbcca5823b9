/*
 * utf8.c: the one table of what may follow what in UTF-8 (Unicode 15, table 3-7).
 *
 * Owns decoding, encoding and the division of bytes that are no UTF-8. Keeps no state: streams are
 * src/text/utf8_gate.c. Invariant: every function goes through weir_utf8_step, so all agree on
 * where a bad part ends.
 */
#include "base/utf8.h"

/* What a lead byte asks for: bytes in all (0: no lead byte), and the range of the second byte, in
 * which overlong forms, surrogates and codes above U+10FFFF are already impossible. */
typedef struct utf8_lead {
    uint8_t n_bytes, second_min, second_max;
} utf8_lead;

static utf8_lead lead_of(uint8_t first) {
    if (first < 0x80u)
        return (utf8_lead){1, 0, 0};
    if (first < 0xc2u)
        return (utf8_lead){0, 0, 0};
    if (first < 0xe0u)
        return (utf8_lead){2, 0x80u, 0xbfu};
    if (first < 0xf0u)
        return (utf8_lead){3, first == 0xe0u ? 0xa0u : 0x80u, first == 0xedu ? 0x9fu : 0xbfu};
    if (first < 0xf5u)
        return (utf8_lead){4, first == 0xf0u ? 0x90u : 0x80u, first == 0xf4u ? 0x8fu : 0xbfu};
    return (utf8_lead){0, 0, 0};
}

weir_utf8_kind weir_utf8_step(const char *text, size_t n, uint32_t *code, size_t *n_used) {
    uint8_t first = (uint8_t)text[0];
    utf8_lead lead = lead_of(first);
    *code = WEIR_UTF8_REPLACED;
    *n_used = 1;
    if (lead.n_bytes == 0)
        return WEIR_UTF8_BAD;
    uint32_t value = lead.n_bytes == 1 ? first : first & (0x7fu >> lead.n_bytes);
    uint8_t min = lead.second_min, max = lead.second_max;
    for (size_t i = 1; i < lead.n_bytes; i++) {
        if (i == n)
            return WEIR_UTF8_CUT;
        uint8_t next = (uint8_t)text[i];
        if (next < min || next > max)
            return WEIR_UTF8_BAD;
        value = value << 6 | (next & 0x3fu);
        min = 0x80u;
        max = 0xbfu;
        *n_used = i + 1;
    }
    *code = value;
    return WEIR_UTF8_WHOLE;
}

size_t weir_utf8_valid(const char *text, size_t n) {
    size_t at = 0;
    while (at < n) {
        uint32_t code;
        size_t used;
        if (weir_utf8_step(text + at, n - at, &code, &used) != WEIR_UTF8_WHOLE)
            break;
        at += used;
    }
    return at;
}

size_t weir_utf8_count(const char *text, size_t n) {
    size_t count = 0;
    for (size_t at = 0; at < n; count++) {
        uint32_t code;
        size_t used;
        weir_utf8_step(text + at, n - at, &code, &used);
        at += used;
    }
    return count;
}

size_t weir_utf8_repair(const char *text, size_t n, char *out) {
    weir_utf8_gate gate = {0};
    size_t written = weir_utf8_push(&gate, text, n, out);
    return written + weir_utf8_finish(&gate, out + written);
}

size_t weir_utf8_encode(uint32_t code, char out[WEIR_UTF8_MAX]) {
    if (code > 0x10ffffu || (code >= 0xd800u && code <= 0xdfffu))
        code = WEIR_UTF8_REPLACED;
    if (code < 0x80u) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800u) {
        out[0] = (char)(0xc0u | code >> 6);
        out[1] = (char)(0x80u | (code & 0x3fu));
        return 2;
    }
    if (code < 0x10000u) {
        out[0] = (char)(0xe0u | code >> 12);
        out[1] = (char)(0x80u | (code >> 6 & 0x3fu));
        out[2] = (char)(0x80u | (code & 0x3fu));
        return 3;
    }
    out[0] = (char)(0xf0u | code >> 18);
    out[1] = (char)(0x80u | (code >> 12 & 0x3fu));
    out[2] = (char)(0x80u | (code >> 6 & 0x3fu));
    out[3] = (char)(0x80u | (code & 0x3fu));
    return 4;
}
