/*
 * stop.c: stop strings over a stream of text.
 *
 * Owns copies of the strings and how much of each has been matched (Knuth, Morris, Pratt: each
 * string steps through its own table, so the time is linear in the text for a fixed set). Does not
 * own the text: what is held back is the beginning of a string that is here anyway. Invariant:
 * n_held is the length of the longest end of the text that begins one of the strings, and `holder`
 * is that string.
 */
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

typedef struct stop_string {
    char *text;       /* [n] */
    size_t *fallback; /* [n]: after i + 1 matched bytes, the longest shorter match */
    size_t n;
    size_t n_matched;
} stop_string;

struct weir_stop {
    stop_string *strings; /* [n_strings] */
    size_t n_strings;
    size_t longest;
    size_t holder, n_held;
    int found; /* index of the string, -1: none */
};

/* How much of s is matched when `byte` follows n_matched matched bytes; n_matched < s->n. */
static size_t match_byte(const stop_string *s, size_t n_matched, char byte) {
    while (n_matched > 0 && s->text[n_matched] != byte)
        n_matched = s->fallback[n_matched - 1];
    return s->text[n_matched] == byte ? n_matched + 1 : 0;
}

static bool fill_string(stop_string *s, const char *text) {
    s->n = strlen(text);
    s->text = malloc(s->n);
    s->fallback = calloc(s->n, sizeof *s->fallback);
    if (!s->text || !s->fallback)
        return false;
    memcpy(s->text, text, s->n);
    for (size_t i = 1; i < s->n; i++)
        s->fallback[i] = match_byte(s, s->fallback[i - 1], text[i]);
    return true;
}

weir_status weir_stop_open(weir_stop **out, const char *const *strings, size_t n, weir_error *err) {
    *out = NULL;
    for (size_t i = 0; i < n; i++)
        if (!strings[i] || strings[i][0] == '\0')
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "stop string %zu is empty, expected at least one byte", i);
    weir_stop *stop = calloc(1, sizeof *stop);
    if (!stop || !(stop->strings = calloc(n > 0 ? n : 1, sizeof *stop->strings)))
        goto fail;
    stop->n_strings = n;
    stop->found = -1;
    for (size_t i = 0; i < n; i++) {
        if (!fill_string(&stop->strings[i], strings[i]))
            goto fail;
        if (stop->strings[i].n > stop->longest)
            stop->longest = stop->strings[i].n;
    }
    *out = stop;
    return WEIR_STATUS_OK;

fail:
    weir_stop_close(&stop);
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "stop strings: no memory for %zu of them", n);
}

void weir_stop_close(weir_stop **stop) {
    if (!stop || !*stop)
        return;
    for (size_t i = 0; i < (*stop)->n_strings; i++) {
        free((*stop)->strings[i].text);
        free((*stop)->strings[i].fallback);
    }
    free((*stop)->strings);
    free(*stop);
    *stop = NULL;
}

size_t weir_stop_longest(const weir_stop *stop) {
    return stop->longest;
}

/* Steps every string over one byte and finds what is held now. Returns the longest string that
 * ends here, -1: none. */
static int step_all(weir_stop *stop, char byte) {
    int found = -1;
    stop->n_held = 0;
    for (size_t i = 0; i < stop->n_strings; i++) {
        stop_string *s = &stop->strings[i];
        s->n_matched = match_byte(s, s->n_matched, byte);
        if (s->n_matched > stop->n_held) {
            stop->n_held = s->n_matched;
            stop->holder = i;
        }
        if (s->n_matched == s->n && (found < 0 || s->n > stop->strings[found].n))
            found = (int)i;
    }
    return found;
}

/* Writes the first n bytes of held [n_held] followed by text. */
static void write_front(char *out, size_t n, const char *held, size_t n_held, const char *text) {
    size_t from_held = n < n_held ? n : n_held;
    if (from_held > 0)
        memcpy(out, held, from_held);
    if (n > from_held)
        memcpy(out + from_held, text, n - from_held);
}

int weir_stop_push(weir_stop *stop, const char *text, size_t n, char *out, size_t *n_out) {
    *n_out = 0;
    if (stop->found >= 0 || n == 0)
        return stop->found;
    size_t n_before = stop->n_held;
    const char *before = n_before > 0 ? stop->strings[stop->holder].text : NULL;
    size_t n_seen = 0;
    while (n_seen < n && stop->found < 0)
        stop->found = step_all(stop, text[n_seen++]);
    size_t n_kept = stop->found >= 0 ? stop->strings[stop->found].n : stop->n_held;
    *n_out = n_before + n_seen - n_kept;
    write_front(out, *n_out, before, n_before, text);
    return stop->found;
}

void weir_stop_finish(weir_stop *stop, char *out, size_t *n_out) {
    *n_out = stop->found >= 0 ? 0 : stop->n_held;
    if (*n_out > 0)
        memcpy(out, stop->strings[stop->holder].text, *n_out);
    for (size_t i = 0; i < stop->n_strings; i++)
        stop->strings[i].n_matched = 0;
    stop->n_held = 0;
    stop->found = -1;
}
