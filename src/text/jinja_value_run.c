/*
 * jinja_value_run.c: the budgets, the memory and the error line of one render.
 *
 * Owns the chunks from open to close. Invariant: what was taken from chunks never exceeds
 * max_bytes, and the line in the error is the first failure's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/jinja_value.h"

#define DEFAULT_BYTES ((uint64_t)256 << 20)
#define DEFAULT_STEPS ((uint64_t)50 * 1000 * 1000)

enum {
    CHUNK_BYTES = 64 * 1024, /* the first; later ones grow with what is in use */
    MAX_CHUNK_BYTES = 4 * 1024 * 1024,
    ALIGN_BYTES = 16
};

struct weir_jinja_chunk {
    struct weir_jinja_chunk *older;
    size_t n; /* bytes behind this head */
    _Alignas(ALIGN_BYTES) char bytes[];
};

void weir_jinja_run_open(weir_jinja_run *run, const char *name, const weir_render_options *options,
                         weir_error *err) {
    *run = (weir_jinja_run){
        .err = err, .name = name, .bytes_left = DEFAULT_BYTES, .steps_left = DEFAULT_STEPS};
    if (options == NULL)
        return;
    if (options->max_bytes != 0)
        run->bytes_left = options->max_bytes;
    if (options->max_steps != 0)
        run->steps_left = options->max_steps;
    run->has_now = options->has_now;
    run->now = options->now;
}

void weir_jinja_run_close(weir_jinja_run *run) {
    while (run->chunks != NULL) {
        struct weir_jinja_chunk *older = run->chunks->older;
        free(run->chunks);
        run->chunks = older;
    }
    run->free = NULL;
    run->n_free = 0;
}

weir_status weir_jinja_fail(weir_jinja_run *run, weir_status status, const char *format, ...) {
    char what[WEIR_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (n < 0)
        what[0] = 0;
    run->status = status;
    const char *name = run->name != NULL ? run->name : "template";
    if (run->line == 0)
        return weir_fail(run->err, status, "%s: %s", name, what);
    return weir_fail(run->err, status, "%s: line %u: %s", name, (unsigned)run->line, what);
}

int weir_jinja_shown(const char *text, size_t n) {
    enum { MOST = 60 };
    if (n <= MOST)
        return (int)n;
    n = MOST;
    while (n > 0 && ((uint8_t)text[n] & 0xc0u) == 0x80u)
        n--;
    return (int)n;
}

weir_status weir_jinja_step(weir_jinja_run *run, uint64_t n) {
    if (n > run->steps_left) {
        run->steps_left = 0;
        return weir_jinja_fail(run, WEIR_STATUS_FULL,
                               "too much work: the limit of steps is reached");
    }
    run->steps_left -= n;
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_enter(weir_jinja_run *run) {
    if (run->depth >= WEIR_JINJA_MAX_DEPTH)
        return weir_jinja_fail(run, WEIR_STATUS_FULL, "nested deeper than %d levels",
                               WEIR_JINJA_MAX_DEPTH);
    run->depth++;
    return WEIR_STATUS_OK;
}

void weir_jinja_leave(weir_jinja_run *run) {
    run->depth--;
}

/* A chunk with room for n bytes becomes the newest one. What is left of the one before is lost, so
 * a large block gets a chunk of its own size and the open one stays open behind it. */
static void *take_from_new_chunk(weir_jinja_run *run, size_t n) {
    size_t usual = CHUNK_BYTES;
    if (run->chunks != NULL)
        usual = run->chunks->n < MAX_CHUNK_BYTES / 2 ? run->chunks->n * 2 : MAX_CHUNK_BYTES;
    bool is_own = n > usual / 4;
    size_t size = is_own ? n : usual;
    struct weir_jinja_chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL) {
        weir_jinja_fail(run, WEIR_STATUS_NO_MEMORY, "no memory for %zu bytes", size);
        return NULL;
    }
    chunk->n = size;
    if (is_own && run->chunks != NULL) {
        chunk->older = run->chunks->older;
        run->chunks->older = chunk;
        return chunk->bytes;
    }
    chunk->older = run->chunks;
    run->chunks = chunk;
    run->free = chunk->bytes + n;
    run->n_free = size - n;
    return chunk->bytes;
}

void *weir_jinja_take(weir_jinja_run *run, size_t n) {
    size_t n_units = n == 0 ? 1 : (n - 1) / ALIGN_BYTES + 1; /* nothing has a place, too */
    size_t rounded = n > SIZE_MAX / 2 ? n : n_units * ALIGN_BYTES;
    if (rounded > run->bytes_left) {
        run->bytes_left = 0;
        weir_jinja_fail(run, WEIR_STATUS_FULL, "too large: the limit of memory is reached");
        return NULL;
    }
    run->bytes_left -= rounded;
    if (rounded > run->n_free)
        return take_from_new_chunk(run, rounded);
    void *taken = run->free;
    run->free += rounded;
    run->n_free -= rounded;
    return taken;
}

void *weir_jinja_take_array(weir_jinja_run *run, size_t n, size_t size) {
    return weir_jinja_take(run, size != 0 && n > SIZE_MAX / 2 / size ? SIZE_MAX : n * size);
}
