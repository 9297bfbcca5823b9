/* suite_rows.c: see suite_rows.h. Keeps nothing. */
#include "suite_rows.h"

#include "base/error.h"
#include "base/file.h"
#include "eval_result.h"
#include "json_text.h"
#include "text_buffer.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS_BYTES = 1 << 30, MAX_COLUMNS = 512 };

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

typedef struct row_list {
    json_t *rows, *lines; /* lines: NULL, or as many numbers */
    size_t limit;         /* 0: none */
    const char *where;
} row_list;

static bool is_full(const row_list *l) {
    return l->limit > 0 && json_array_size(l->rows) >= l->limit;
}

/* Takes the row, also on failure. */
static weir_status append(row_list *l, json_t *row, size_t number, weir_error *err) {
    if (!json_is_object(row)) {
        json_decref(row);
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: row %zu: expected a JSON object", l->where,
                         number);
    }
    if (json_array_append_new(l->rows, row) != 0 ||
        (l->lines && json_array_append_new(l->lines, json_integer((json_int_t)number)) != 0))
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the rows", l->where);
    return WEIR_STATUS_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static weir_status read_lines(row_list *l, const char *text, size_t n, weir_error *err) {
    size_t number = 0;
    for (size_t at = 0; at < n && !is_full(l);) {
        const char *feed = memchr(text + at, '\n', n - at);
        size_t n_line = feed ? (size_t)(feed - (text + at)) : n - at;
        const char *line = text + at;
        at += n_line + 1;
        number++;
        while (n_line > 0 && is_space(line[n_line - 1]))
            n_line--;
        if (n_line == 0)
            continue;
        weir_error inner = {0};
        json_t *row = weir_json_read(line, n_line, "row", &inner);
        if (!row)
            return weir_fail(err, inner.status, "%s: line %zu: %s", l->where, number, inner.text);
        WEIR_TRY(append(l, row, number, err));
    }
    return WEIR_STATUS_OK;
}

static weir_status read_array(row_list *l, const char *text, size_t n, weir_error *err) {
    json_t *array = weir_json_read(text, n, l->where, err);
    weir_status status = array ? WEIR_STATUS_OK : WEIR_STATUS_BAD_FILE;
    for (size_t i = 0; i < json_array_size(array) && !is_full(l) && status == WEIR_STATUS_OK; i++)
        status = append(l, json_incref(json_array_get(array, i)), i + 1, err);
    json_decref(array);
    return status;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

typedef struct csv {
    const char *text; /* [n] */
    size_t n, at, line;
    const char *where;
    weir_text_buffer field;
} csv;

/* Behind the quote that opens it; two quotes are one. */
static weir_status read_quoted(csv *c, weir_error *err) {
    size_t first = c->line;
    for (; c->at < c->n; c->at++) {
        if (c->text[c->at] == '"') {
            if (c->at + 1 == c->n || c->text[c->at + 1] != '"') {
                c->at++;
                return WEIR_STATUS_OK;
            }
            c->at++;
        }
        c->line += c->text[c->at] == '\n';
        weir_text_buffer_add(&c->field, c->text + c->at, 1);
    }
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: line %zu: a quoted field does not end",
                     c->where, first);
}

/* The next field; *is_last: its row ends with it. */
static weir_status read_field(csv *c, bool *is_last, weir_error *err) {
    weir_text_buffer_clear(&c->field);
    weir_text_buffer_say(&c->field, "");
    if (c->at < c->n && c->text[c->at] == '"') {
        c->at++;
        WEIR_TRY(read_quoted(c, err));
        if (c->at < c->n && !strchr(",\r\n", c->text[c->at]))
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: line %zu: text behind the quotes of a field; expected a comma",
                             c->where, c->line);
    }
    while (c->at < c->n && c->text[c->at] != ',' && c->text[c->at] != '\n') {
        if (c->text[c->at] != '\r' || c->at + 1 == c->n || c->text[c->at + 1] != '\n')
            weir_text_buffer_add(&c->field, c->text + c->at, 1);
        c->at++;
    }
    *is_last = c->at >= c->n || c->text[c->at] == '\n';
    c->line += c->at < c->n && *is_last;
    c->at += c->at < c->n;
    return weir_text_buffer_check(&c->field, "a field", err);
}

static weir_status read_head(csv *c, char **names, size_t *n_names, weir_error *err) {
    for (bool is_last = false; !is_last;) {
        WEIR_TRY(read_field(c, &is_last, err));
        if (*n_names == MAX_COLUMNS)
            return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: more than %d columns", c->where,
                             MAX_COLUMNS);
        names[*n_names] = weir_text_copy(c->field.data, c->field.n);
        if (!names[*n_names])
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its head", c->where);
        ++*n_names;
    }
    return WEIR_STATUS_OK;
}

/* Empty lines are no rows. */
static weir_status read_row(csv *c, row_list *l, char *const *names, size_t n_names,
                            weir_error *err) {
    json_t *row = json_object();
    size_t first = c->line, i = 0, n_bytes = 0;
    weir_status status = WEIR_STATUS_OK;
    for (bool is_last = false; !is_last && status == WEIR_STATUS_OK; i++) {
        status = read_field(c, &is_last, err);
        n_bytes += c->field.n;
        if (status == WEIR_STATUS_OK && i < n_names)
            json_object_set_new(row, names[i], weir_json_text(c->field.data, c->field.n));
    }
    if (status == WEIR_STATUS_OK && i == 1 && n_bytes == 0) {
        json_decref(row);
        return WEIR_STATUS_OK;
    }
    if (status == WEIR_STATUS_OK && i != n_names)
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: line %zu: %zu fields, the head has %zu",
                           c->where, first, i, n_names);
    if (status != WEIR_STATUS_OK) {
        json_decref(row);
        return status;
    }
    return append(l, row, first, err);
}

static weir_status read_csv(row_list *l, const char *text, size_t n, weir_error *err) {
    csv c = {.text = text, .n = n, .line = 1, .where = l->where};
    char **names = calloc(MAX_COLUMNS, sizeof *names);
    size_t n_names = 0;
    weir_status status =
        names ? read_head(&c, names, &n_names, err)
              : weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its head", l->where);
    while (status == WEIR_STATUS_OK && c.at < n && !is_full(l))
        status = read_row(&c, l, names, n_names, err);
    for (size_t i = 0; i < n_names; i++)
        free(names[i]);
    free(names);
    weir_text_buffer_free(&c.field);
    return status;
}

/* ---- either ---------------------------------------------------------------------------------- */

/* Its first and its last bytes (Apache Parquet, File Format): it would pass for odd CSV. */
static bool is_parquet(const char *text, size_t n) {
    return n >= 12 && memcmp(text, "PAR1", 4) == 0 && memcmp(text + n - 4, "PAR1", 4) == 0;
}

json_t *weir_rows_parse(const char *text, size_t n, size_t limit, json_t *lines, const char *where,
                        weir_error *err) {
    row_list l = {.rows = json_array(), .lines = lines, .limit = limit, .where = where};
    size_t n_mark = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0, first = n_mark;
    weir_status status;
    while (first < n && is_space(text[first]))
        first++;
    char c = first < n ? text[first] : '{';
    if (is_parquet(text, n))
        status =
            weir_fail(err, WEIR_STATUS_BAD_FILE,
                      "%s: Parquet is not read; expected JSON lines, a JSON array or CSV", where);
    else if (c == '{') /* empty lines count, so that the numbers of lines are right */
        status = read_lines(&l, text + n_mark, n - n_mark, err);
    else if (c == '[')
        status = read_array(&l, text + first, n - first, err);
    else
        status = read_csv(&l, text + first, n - first, err);
    if (status == WEIR_STATUS_OK && !l.rows)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its rows", where);
    if (status == WEIR_STATUS_OK && json_array_size(l.rows) == 0)
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: there are no rows", where);
    if (status == WEIR_STATUS_OK)
        return l.rows;
    json_decref(l.rows);
    return NULL;
}

json_t *weir_rows_read(const char *path, size_t limit, char **hash, weir_error *err) {
    char *text = NULL;
    size_t n;
    if (weir_file_read(path, MAX_ROWS_BYTES, &text, &n, err) != WEIR_STATUS_OK)
        return NULL;
    json_t *rows = weir_rows_parse(text, n, limit, NULL, path, err);
    if (rows && hash) {
        char hex[WEIR_EVAL_HASH];
        weir_eval_hash_bytes(hex, text, n);
        *hash = weir_text_copy(hex, strlen(hex));
    }
    free(text);
    return rows;
}
