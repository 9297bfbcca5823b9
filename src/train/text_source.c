/*
 * text_source.c: rows of training text out of the lines of a file.
 *
 * Owns what the ending of a name means, how lines make documents, and the numbers of lines in
 * errors. What stands in a row of JSON is text_row.c's.
 */
#include "train/text_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "train/line_reader.h"

static const char separator[] = "<|endoftext|>";

struct weir_text_source {
    weir_line_reader *lines;
    char *name;
    bool is_text;   /* documents; else a row of JSON a line */
    char *document; /* [cap] */
    size_t n, cap;
    json_t *object;
};

/* Does path [n] end so? Takes the ending off. */
static bool take_ending(const char *path, size_t *n, const char *ending) {
    size_t length = strlen(ending);
    if (*n <= length || strncmp(path + *n - length, ending, length) != 0)
        return false;
    *n -= length;
    return true;
}

static weir_status read_name(const char *name, bool *is_text, bool *packed, weir_error *err) {
    size_t n = strlen(name);
    *packed = take_ending(name, &n, ".zst");
    *is_text = take_ending(name, &n, ".txt");
    if (*is_text || take_ending(name, &n, ".jsonl") || take_ending(name, &n, ".json"))
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                     "%s: its ending does not say what is in it; expected .txt, .jsonl or .json, "
                     "with or without .zst",
                     name);
}

static weir_status open_any(weir_text_source **out, const char *name, const void *bytes, size_t n,
                            weir_error *err) {
    bool is_text, packed;
    *out = NULL;
    WEIR_TRY(read_name(name, &is_text, &packed, err));
    weir_text_source *source = calloc(1, sizeof *source);
    if (source)
        source->name = strdup(name);
    weir_status status;
    if (!source || !source->name)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to read it", name);
    else if (bytes)
        status = weir_line_reader_open_bytes(&source->lines, bytes, n, name, packed, err);
    else
        status = weir_line_reader_open(&source->lines, name, packed, err);
    if (status != WEIR_STATUS_OK) {
        weir_text_source_close(&source);
        return status;
    }
    source->is_text = is_text;
    *out = source;
    return WEIR_STATUS_OK;
}

weir_status weir_text_source_open(weir_text_source **out, const char *path, weir_error *err) {
    return open_any(out, path, NULL, 0, err);
}

weir_status weir_text_source_open_bytes(weir_text_source **out, const void *bytes, size_t n,
                                        const char *name, weir_error *err) {
    return open_any(out, name, bytes ? bytes : "", n, err);
}

void weir_text_source_close(weir_text_source **source) {
    if (!*source)
        return;
    weir_line_reader_close(&(*source)->lines);
    json_decref((*source)->object);
    free((*source)->document);
    free((*source)->name);
    free(*source);
    *source = NULL;
}

static weir_status bad_line(weir_text_source *s, weir_error *err, const char *what) {
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:%llu: %s", s->name,
                     (unsigned long long)weir_line_reader_line(s->lines), what);
}

static bool is_white(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next line as it counts: a byte order mark is no part of the first. */
static weir_status next_line(weir_text_source *s, const char **line, size_t *n, weir_error *err) {
    WEIR_TRY(weir_line_reader_next(s->lines, line, n, err));
    if (*line && weir_line_reader_line(s->lines) == 1 && *n >= 3 &&
        memcmp(*line, "\xef\xbb\xbf", 3) == 0) {
        *line += 3;
        *n -= 3;
    }
    return WEIR_STATUS_OK;
}

/* ---- documents ------------------------------------------------------------------------------ */

static weir_status add_line(weir_text_source *s, const char *line, size_t n, weir_error *err) {
    if (memchr(line, 0, n))
        return bad_line(s, err, "a zero byte; expected text");
    if (weir_utf8_valid(line, n) != n)
        return bad_line(s, err, "bytes that are no UTF-8; expected text in UTF-8");
    if (n + 1 > WEIR_LINE_MAX - s->n)
        return bad_line(s, err, "a document longer than 256 MiB; divide it by lines <|endoftext|>");
    if (s->n + n + 1 > s->cap) {
        size_t cap = s->cap * 2 > s->n + n + 1 ? s->cap * 2 : s->n + n + 4096;
        char *grown = realloc(s->document, cap);
        if (!grown)
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a document", s->name);
        s->document = grown;
        s->cap = cap;
    }
    memcpy(s->document + s->n, line, n);
    s->n += n;
    s->document[s->n++] = '\n';
    return WEIR_STATUS_OK;
}

static bool is_separator(const char *line, size_t n) {
    while (n > 0 && is_white(line[n - 1]))
        n--;
    while (n > 0 && is_white(*line)) {
        line++;
        n--;
    }
    return n == sizeof separator - 1 && memcmp(line, separator, n) == 0;
}

static bool is_blank(const char *line, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!is_white(line[i]))
            return false;
    return true;
}

/* Lines up to the next separator, without blank ones at either end. */
static weir_status next_document(weir_text_source *s, weir_text_row *row, bool *has_row,
                                 weir_error *err) {
    s->n = 0;
    for (;;) {
        const char *line;
        size_t n;
        WEIR_TRY(next_line(s, &line, &n, err));
        bool is_end = !line || is_separator(line, n);
        if (is_end && s->n > 0)
            break;
        if (!line)
            return WEIR_STATUS_OK;
        if (is_end || (s->n == 0 && is_blank(line, n)))
            continue;
        if (s->n == 0)
            row->line = weir_line_reader_line(s->lines);
        WEIR_TRY(add_line(s, line, n, err));
    }
    while (s->n > 0 && is_white(s->document[s->n - 1]))
        s->n--;
    row->text = s->document;
    row->n = s->n;
    *has_row = true;
    return WEIR_STATUS_OK;
}

/* ---- rows of JSON --------------------------------------------------------------------------- */

static weir_status next_object(weir_text_source *s, weir_text_row *row, bool *has_row,
                               weir_error *err) {
    const char *line;
    size_t n;
    do {
        WEIR_TRY(next_line(s, &line, &n, err));
        if (!line)
            return WEIR_STATUS_OK;
    } while (is_blank(line, n));
    char place[WEIR_ERROR_TEXT];
    row->line = weir_line_reader_line(s->lines);
    snprintf(place, sizeof place, "%s:%llu", s->name, (unsigned long long)row->line);
    WEIR_TRY(weir_text_row_parse(&s->object, line, n, place, err));
    row->object = s->object;
    const json_t *text = json_object_get(s->object, "text");
    if (!json_object_get(s->object, "messages")) {
        row->text = json_string_value(text);
        row->n = json_string_length(text);
    }
    *has_row = true;
    return WEIR_STATUS_OK;
}

weir_status weir_text_source_next(weir_text_source *source, weir_text_row *row, bool *has_row,
                                  weir_error *err) {
    *row = (weir_text_row){0};
    *has_row = false;
    json_decref(source->object);
    source->object = NULL;
    return source->is_text ? next_document(source, row, has_row, err)
                           : next_object(source, row, has_row, err);
}

void weir_text_source_place(const weir_text_source *source, uint64_t *done, uint64_t *total) {
    weir_line_reader_place(source->lines, done, total);
}
