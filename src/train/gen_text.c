/*
 * gen_text.c: random choices counted in bits, growing text, and the pattern language of gen.h. Any
 * thread may use it: all state is in the weir_gen and the text that are passed.
 */
#include "base/random.h"
#include "train/gen.h"
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- choices -------------------------------------------------------------------------------- */

enum { HELD_OUT_OF = 7, HELD_OUT_AT = 3 };

static uint64_t next_bits(weir_gen *g) {
    return weir_mix64(g->seed, g->stream, g->counter++);
}

uint32_t weir_gen_below(weir_gen *g, uint32_t n) {
    assert(n > 0);
    if (n <= 1)
        return 0;
    g->bits += log2((double)n);
    return (uint32_t)(((next_bits(g) >> 32) * (uint64_t)n) >> 32);
}

bool weir_gen_is_varied(weir_gen *g, double p) {
    return g->edition > 1 && !g->is_held_out && weir_gen_chance(g, p);
}

bool weir_gen_chance(weir_gen *g, double p) {
    if (p <= 0.0)
        return false;
    if (p >= 1.0)
        return true;
    bool is_true = weir_uniform(next_bits(g)) < p;
    g->bits -= log2(is_true ? p : 1.0 - p);
    return is_true;
}

uint32_t weir_gen_row(weir_gen *g, uint32_t n) {
    if (n < HELD_OUT_OF)
        return weir_gen_below(g, n);
    uint32_t n_held_out = (n + HELD_OUT_OF - 1 - HELD_OUT_AT) / HELD_OUT_OF;
    if (g->is_held_out)
        return weir_gen_below(g, n_held_out) * HELD_OUT_OF + HELD_OUT_AT;
    uint32_t j = weir_gen_below(g, n - n_held_out);
    uint32_t rest = j % (HELD_OUT_OF - 1);
    return j / (HELD_OUT_OF - 1) * HELD_OUT_OF + rest + (rest >= HELD_OUT_AT);
}

void weir_gen_shuffle(weir_gen *g, uint32_t *item, uint32_t n) {
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = weir_gen_below(g, i);
        uint32_t last = item[i - 1];
        item[i - 1] = item[j];
        item[j] = last;
    }
}

/* ---- growing text --------------------------------------------------------------------------- */

/* Makes room for n more bytes and the 0; false marks the sample as failed. */
static bool reserve(weir_gen *g, weir_gen_text *text, size_t n) {
    size_t need = text->n + n + 1;
    if (need <= text->cap)
        return true;
    size_t cap = text->cap ? text->cap : 256;
    while (cap < need)
        cap *= 2;
    char *data = realloc(text->data, cap);
    if (!data) {
        g->is_failed = true;
        return false;
    }
    text->data = data;
    text->cap = cap;
    return true;
}

static void put_bytes(weir_gen *g, weir_gen_text *text, const char *data, size_t n) {
    if (!reserve(g, text, n))
        return;
    memcpy(text->data + text->n, data, n);
    text->n += n;
    text->data[text->n] = 0;
}

void weir_gen_put(weir_gen *g, weir_gen_text *text, const char *words) {
    put_bytes(g, text, words, strlen(words));
}

void weir_gen_putf(weir_gen *g, weir_gen_text *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        g->is_failed = true;
        return;
    }
    if (!reserve(g, text, (size_t)n))
        return;
    va_start(args, format);
    vsnprintf(text->data + text->n, (size_t)n + 1, format, args);
    va_end(args);
    text->n += (size_t)n;
}

void weir_gen_text_clear(weir_gen_text *text) {
    text->n = 0;
    if (text->data)
        text->data[0] = 0;
}

void weir_gen_text_free(weir_gen_text *text) {
    free(text->data);
    *text = (weir_gen_text){0};
}

/* ---- patterns ------------------------------------------------------------------------------- */

static const char *skip_group(const char *p, const char *end, char close);

/* The end of the element that begins at p: an escape, a slot, a group, or one character. */
static const char *skip_element(const char *p, const char *end) {
    if (*p == '\\') {
        assert(p + 1 < end);
        return p + 2;
    }
    if (*p == '{') {
        const char *close = memchr(p, '}', (size_t)(end - p));
        assert(close);
        return close ? close + 1 : end;
    }
    if (*p == '[')
        return skip_group(p + 1, end, ']');
    if (*p == '(' && p + 1 < end && p[1] == '?')
        return skip_group(p + 2, end, ')');
    return p + 1;
}

static const char *skip_group(const char *p, const char *end, char close) {
    while (p < end && *p != close)
        p = skip_element(p, end);
    assert(p < end);
    return p < end ? p + 1 : end;
}

static void expand_part(weir_gen *g, weir_gen_text *text, const char *p, const char *end,
                        weir_gen_slot *slot, void *context);

/* The end of the alternative that begins at p. */
static const char *skip_alternative(const char *p, const char *end) {
    while (p < end && *p != '|')
        p = skip_element(p, end);
    return p;
}

/* [p, end) is what stands between the brackets. An alternative that is there k times costs k times
 * less: its text has one derivation. */
static void expand_choice(weir_gen *g, weir_gen_text *text, const char *p, const char *end,
                          weir_gen_slot *slot, void *context) {
    uint32_t n = 1;
    for (const char *at = p; (at = skip_alternative(at, end)) < end; at++)
        n++;
    uint32_t chosen = weir_gen_below(g, n);
    const char *start = p;
    for (uint32_t i = 0; i < chosen; i++)
        start = skip_alternative(start, end) + 1;
    const char *stop = skip_alternative(start, end);
    uint32_t n_equal = 0;
    const char *at = p;
    for (uint32_t i = 0; i < n; i++) {
        const char *at_end = skip_alternative(at, end);
        n_equal += at_end - at == stop - start && memcmp(at, start, (size_t)(stop - start)) == 0;
        at = at_end + 1;
    }
    g->bits -= log2((double)n_equal);
    expand_part(g, text, start, stop, slot, context);
}

static void expand_part(weir_gen *g, weir_gen_text *text, const char *p, const char *end,
                        weir_gen_slot *slot, void *context) {
    while (p < end) {
        const char *next = skip_element(p, end);
        if (*p == '\\') {
            put_bytes(g, text, p + 1, 1);
        } else if (*p == '{') {
            const char *words = slot(context, p + 1, (size_t)(next - p - 2));
            assert(words);
            if (words)
                weir_gen_put(g, text, words);
        } else if (*p == '[') {
            expand_choice(g, text, p + 1, next - 1, slot, context);
        } else if (next > p + 1) {
            if (weir_gen_chance(g, 0.5))
                expand_part(g, text, p + 2, next - 1, slot, context);
        } else {
            while (next < end && !strchr("\\{[(", *next))
                next++;
            put_bytes(g, text, p, (size_t)(next - p));
        }
        p = next;
    }
}

/* True where a sentence begins at data[at]: at the start of the text or of a line, or behind a full
 * stop (with or without its closing quotation mark), ! or ? and white space, an opening quotation
 * mark skipped. Behind `!"` and `?"` the sentence may go on ("Stop!" said Tom): there the pattern
 * itself has to say it. */
static bool begins_sentence(const char *data, size_t at) {
    if (at > 0 && data[at - 1] == '"' && (at == 1 || data[at - 2] == ' ' || data[at - 2] == '\n'))
        at--;
    size_t gap_end = at;
    while (at > 0 && data[at - 1] == ' ')
        at--;
    if (at == 0 || data[at - 1] == '\n')
        return true;
    if (at == gap_end)
        return false;
    char last = data[at - 1];
    if (last == '"')
        return at > 1 && data[at - 2] == '.';
    return last == '.' || last == '!' || last == '?';
}

void weir_gen_expand(weir_gen *g, weir_gen_text *text, const char *pattern, weir_gen_slot *slot,
                     void *context) {
    bool is_capital = *pattern == '^';
    pattern += is_capital;
    size_t from = text->n;
    expand_part(g, text, pattern, pattern + strlen(pattern), slot, context);
    if (!is_capital)
        return;
    for (size_t i = from; i < text->n; i++) {
        char c = text->data[i];
        if (c >= 'a' && c <= 'z' && begins_sentence(text->data, i))
            text->data[i] = (char)(c - 'a' + 'A');
    }
}
