/*
 * utf8.h: code points out of bytes and back. Bytes that are no UTF-8 (overlong forms, surrogates,
 * what lies above U+10FFFF, ends cut off) are divided as Unicode recommends: the longest part that
 * could have begun a code point counts as one (Unicode 15, 3.9, "maximal subpart"), so that one
 * U+FFFD stands for each.
 */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include "weir.h"

enum {
    WEIR_UTF8_MAX = 4,          /* bytes of one code point */
    WEIR_UTF8_REPLACED = 0xfffd /* stands for what is no UTF-8 */
};

typedef enum weir_utf8_kind {
    WEIR_UTF8_WHOLE = 0, /* a code point */
    WEIR_UTF8_BAD = 1,   /* a part that no further byte makes one */
    WEIR_UTF8_CUT = 2    /* the text ends where a code point has begun */
} weir_utf8_kind;

/* The first code point, or the first maximal subpart, of text [n], n > 0: *n_used bytes, 1 to 4.
 * *code is WEIR_UTF8_REPLACED unless it is whole. */
weir_utf8_kind weir_utf8_step(const char *text, size_t n, uint32_t *code, size_t *n_used);

/* Length of the longest beginning of text [n] that is whole and valid. */
size_t weir_utf8_valid(const char *text, size_t n);

/* Code points of text [n]; each maximal subpart counts as one. */
size_t weir_utf8_count(const char *text, size_t n);

/* Copies text [n] with U+FFFD for each maximal subpart, a cut one at the end too; out has room for
 * 3 n. Returns the bytes written. */
size_t weir_utf8_repair(const char *text, size_t n, char *out);

/* Returns the bytes written, 1 to 4. A surrogate, or a code above U+10FFFF, becomes U+FFFD. */
size_t weir_utf8_encode(uint32_t code, char out[WEIR_UTF8_MAX]);

#endif
