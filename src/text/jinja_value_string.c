/*
 * jinja_value_string.c: strings that know whose bytes they hold, and how they are put together.
 *
 * Owns the buffers. A buffer only grows: bytes and stretches that a string has seen never change,
 * so strings share them freely. Invariant: only who holds the newest string of a buffer (its n is
 * the buffer's n) may append to it in place; everyone else gets a copy.
 */
#include <string.h>

#include "text/jinja_value.h"

struct weir_jinja_buffer {
    char *data; /* [cap], n used */
    size_t n, cap;
    weir_jinja_stretch *more; /* [cap_more], n_more used */
    size_t n_more, cap_more;
};

size_t weir_jinja_count_chars(const char *data, size_t n) {
    size_t chars = 0;
    for (size_t i = 0; i < n; i++)
        chars += ((uint8_t)data[i] & 0xc0u) != 0x80u;
    return chars;
}

weir_jinja_string weir_jinja_literal(const char *data, size_t n, weir_jinja_origin origin) {
    return (weir_jinja_string){
        .data = data, .n = n, .n_chars = weir_jinja_count_chars(data, n), .origin = origin};
}

static weir_status keep_string(weir_jinja_run *run, weir_jinja_string s, weir_jinja_value *out) {
    weir_jinja_string *kept = weir_jinja_take(run, sizeof *kept);
    if (kept == NULL)
        return run->status;
    *kept = s;
    *out = weir_jinja_of_string(kept);
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_borrow_string(weir_jinja_run *run, const char *data, size_t n,
                                     weir_jinja_origin origin, weir_jinja_value *out) {
    WEIR_TRY(weir_jinja_step(run, n / 16));
    return keep_string(run, weir_jinja_literal(data, n, origin), out);
}

weir_status weir_jinja_copy_string(weir_jinja_run *run, const char *data, size_t n,
                                   weir_jinja_origin origin, weir_jinja_value *out) {
    char *copy = weir_jinja_take(run, n);
    if (copy == NULL)
        return run->status;
    if (n != 0)
        memcpy(copy, data, n);
    return weir_jinja_borrow_string(run, copy, n, origin, out);
}

bool weir_jinja_string_is(const weir_jinja_string *s, const char *text) {
    size_t n = strlen(text);
    return s->n == n && memcmp(s->data, text, n) == 0;
}

/* ---- places -------------------------------------------------------------------------------- */

/* How many changes of origin lie at or before `at`. */
static size_t changes_up_to(const weir_jinja_string *s, size_t at) {
    size_t low = 0, high = s->n_more;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->more[middle].start <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

weir_jinja_stretch weir_jinja_stretch_at(const weir_jinja_string *s, size_t i, size_t *end) {
    *end = i < s->n_more ? s->more[i].start : s->n;
    return i == 0 ? (weir_jinja_stretch){0, s->origin} : s->more[i - 1];
}

weir_jinja_origin weir_jinja_origin_at(const weir_jinja_string *s, size_t at) {
    size_t i = changes_up_to(s, at);
    return i == 0 ? s->origin : s->more[i - 1].origin;
}

static int distrust(weir_jinja_origin origin) {
    switch (weir_jinja_origin_kind(origin)) {
    case WEIR_SPAN_TEMPLATE:
        return 0;
    case WEIR_SPAN_ASSISTANT:
        return 1;
    case WEIR_SPAN_CONTENT:
        break;
    }
    return 2;
}

weir_jinja_origin weir_jinja_worst_origin(const weir_jinja_string *s) {
    weir_jinja_origin worst = s->origin;
    for (size_t i = 0; i < s->n_more; i++)
        if (distrust(s->more[i].origin) > distrust(worst))
            worst = s->more[i].origin;
    return worst;
}

size_t weir_jinja_char_at(const weir_jinja_string *s, size_t i) {
    if (i >= s->n_chars)
        return s->n;
    if (s->n_chars == s->n)
        return i;
    size_t at = 0;
    for (size_t seen = 0; at < s->n; at++) {
        bool is_start = ((uint8_t)s->data[at] & 0xc0u) != 0x80u;
        if (is_start && seen++ == i)
            break;
    }
    return at;
}

weir_status weir_jinja_search(weir_jinja_run *run, const weir_jinja_string *s,
                              const weir_jinja_string *part, size_t from, size_t to, size_t *at) {
    *at = SIZE_MAX;
    if (from > to || part->n > to - from)
        return WEIR_STATUS_OK;
    /* memmem is linear in the text whatever the needle. */
    const char *found =
        part->n == 0 ? s->data + from : memmem(s->data + from, to - from, part->data, part->n);
    if (found != NULL)
        *at = (size_t)(found - s->data);
    size_t n_seen = found != NULL ? *at - from : to - from;
    return weir_jinja_step(run, 1 + (n_seen + part->n) / 16);
}

weir_status weir_jinja_part(weir_jinja_run *run, const weir_jinja_string *s, size_t start, size_t n,
                            weir_jinja_value *out) {
    if (start == 0 && n == s->n) {
        *out = weir_jinja_of_string(s);
        return WEIR_STATUS_OK;
    }
    weir_jinja_string part = {.data = s->data + start, .n = n, .n_chars = n};
    if (s->n_chars != s->n) {
        WEIR_TRY(weir_jinja_step(run, n / 16));
        part.n_chars = weir_jinja_count_chars(part.data, n);
    }
    part.origin = weir_jinja_origin_at(s, start);
    if (s->n_more == 0)
        return keep_string(run, part, out);

    size_t first = changes_up_to(s, start);
    size_t end = n == 0 ? first : changes_up_to(s, start + n - 1);
    part.more = s->more;
    part.n_more = end - first;
    if (start != 0 && part.n_more != 0) {
        WEIR_TRY(weir_jinja_step(run, part.n_more));
        weir_jinja_stretch *more = weir_jinja_take_array(run, part.n_more, sizeof *more);
        if (more == NULL)
            return run->status;
        for (size_t i = 0; i < part.n_more; i++)
            more[i] =
                (weir_jinja_stretch){s->more[first + i].start - start, s->more[first + i].origin};
        part.more = more;
    }
    return keep_string(run, part, out);
}

/* ---- building ------------------------------------------------------------------------------ */

/* A fresh buffer for b's text with room for n bytes more. */
static weir_status move_to_buffer(weir_jinja_builder *b, size_t n, size_t spare) {
    weir_jinja_run *run = b->run;
    struct weir_jinja_buffer *buffer = weir_jinja_take(run, sizeof *buffer);
    if (buffer == NULL)
        return run->status;
    if (n > SIZE_MAX / 4 - b->n) /* take() refuses it with the right words */
        n = SIZE_MAX / 4 - b->n;
    *buffer = (struct weir_jinja_buffer){.n = b->n, .cap = b->n + n + spare};
    buffer->data = weir_jinja_take(run, buffer->cap);
    if (buffer->data == NULL)
        return run->status;
    if (b->n != 0)
        memcpy(buffer->data, b->buffer->data, b->n);
    WEIR_TRY(weir_jinja_step(run, b->n / 16 + b->n_more));
    if (b->n_more != 0) {
        buffer->cap_more = b->n_more * 2;
        buffer->n_more = b->n_more;
        buffer->more = weir_jinja_take_array(run, buffer->cap_more, sizeof *buffer->more);
        if (buffer->more == NULL)
            return run->status;
        memcpy(buffer->more, b->buffer->more, b->n_more * sizeof *buffer->more);
    }
    b->buffer = buffer;
    return WEIR_STATUS_OK;
}

static weir_status make_room(weir_jinja_builder *b, size_t n) {
    const struct weir_jinja_buffer *buffer = b->buffer;
    if (buffer != NULL && buffer->n == b->n && n <= buffer->cap - b->n)
        return WEIR_STATUS_OK;
    return move_to_buffer(b, n, b->n == 0 ? 0 : b->n / 2 + n / 2 + 32);
}

static weir_status begin_stretch(weir_jinja_builder *b, weir_jinja_origin origin) {
    struct weir_jinja_buffer *buffer = b->buffer;
    if (b->n == 0) {
        b->first = b->last = origin;
        return WEIR_STATUS_OK;
    }
    if (origin == b->last)
        return WEIR_STATUS_OK;
    if (buffer->n_more == buffer->cap_more) {
        size_t cap = buffer->cap_more == 0 ? 4 : buffer->cap_more * 2;
        weir_jinja_stretch *more = weir_jinja_take_array(b->run, cap, sizeof *more);
        if (more == NULL)
            return b->run->status;
        if (buffer->n_more != 0)
            memcpy(more, buffer->more, buffer->n_more * sizeof *more);
        buffer->more = more;
        buffer->cap_more = cap;
    }
    buffer->more[buffer->n_more++] = (weir_jinja_stretch){b->n, origin};
    b->n_more = buffer->n_more;
    b->last = origin;
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_build(weir_jinja_builder *b, weir_jinja_run *run, size_t room) {
    *b = (weir_jinja_builder){.run = run};
    return room == 0 ? WEIR_STATUS_OK : move_to_buffer(b, room, 0);
}

weir_status weir_jinja_add(weir_jinja_builder *b, const char *data, size_t n,
                           weir_jinja_origin origin) {
    if (n == 0)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_jinja_step(b->run, n / 16));
    WEIR_TRY(make_room(b, n));
    WEIR_TRY(begin_stretch(b, origin | b->add_origin));
    memcpy(b->buffer->data + b->n, data, n);
    b->n += n;
    b->buffer->n = b->n;
    b->n_chars += weir_jinja_count_chars(data, n);
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_add_text(weir_jinja_builder *b, const char *text) {
    return weir_jinja_add(b, text, strlen(text), 0);
}

weir_status weir_jinja_add_part(weir_jinja_builder *b, const weir_jinja_string *s, size_t start,
                                size_t n) {
    if (s->n_more == 0)
        return weir_jinja_add(b, s->data + start, n, s->origin);
    size_t stop = start + n;
    for (size_t i = changes_up_to(s, start); start < stop; i++) {
        size_t end;
        weir_jinja_stretch stretch = weir_jinja_stretch_at(s, i, &end);
        if (end > stop)
            end = stop;
        WEIR_TRY(weir_jinja_step(b->run, 1));
        WEIR_TRY(weir_jinja_add(b, s->data + start, end - start, stretch.origin));
        start = end;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_add_string(weir_jinja_builder *b, const weir_jinja_string *s) {
    return weir_jinja_add_part(b, s, 0, s->n);
}

weir_status weir_jinja_built(weir_jinja_builder *b, weir_jinja_value *out) {
    weir_jinja_string s = {.data = "", .buffer = b->buffer};
    if (b->n != 0) {
        s.data = b->buffer->data;
        s.n = b->n;
        s.n_chars = b->n_chars;
        s.more = b->buffer->more;
        s.n_more = b->n_more;
        s.origin = b->first;
    }
    return keep_string(b->run, s, out);
}

weir_status weir_jinja_concat(weir_jinja_run *run, const weir_jinja_string *a,
                              const weir_jinja_string *b, weir_jinja_value *out) {
    weir_jinja_builder builder;
    if (a->buffer != NULL && a->n != 0 && a->n == a->buffer->n) {
        builder = (weir_jinja_builder){.run = run,
                                       .buffer = a->buffer,
                                       .n = a->n,
                                       .n_chars = a->n_chars,
                                       .n_more = a->n_more,
                                       .first = a->origin};
        builder.last = a->n_more == 0 ? a->origin : a->more[a->n_more - 1].origin;
    } else {
        WEIR_TRY(weir_jinja_build(&builder, run, a->n + b->n));
        WEIR_TRY(weir_jinja_add_string(&builder, a));
    }
    WEIR_TRY(weir_jinja_add_string(&builder, b));
    return weir_jinja_built(&builder, out);
}
