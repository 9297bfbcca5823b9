/*
 * bench_file.c: results in memory and as JSON.
 *
 * Invariant: of a file that was read every number is finite, every time positive and every text
 * shorter than its field, so what comes behind need not look again.
 */
#include "bench_file.h"

#include "base/error.h"
#include "base/file.h"
#include "json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORM = 1, MAX_FILE_BYTES = 64 << 20, MOST_COUNT = 1 << 28 };

static const char *const kinds[] = {"prefill", "decode"};

/* ---- in memory --------------------------------------------------------------------------------
 */

void weir_bench_file_free(weir_bench_file *file) {
    json_decref(file->machine);
    free(file->cell);
    *file = (weir_bench_file){0};
}

weir_status weir_bench_file_add(weir_bench_file *file, const weir_bench_cell *cell,
                                weir_error *err) {
    if (file->n_cells == WEIR_BENCH_MOST_CELLS)
        return weir_fail(err, WEIR_STATUS_FULL, "more than %d things to measure",
                         WEIR_BENCH_MOST_CELLS);
    weir_bench_cell *longer = realloc(file->cell, (file->n_cells + 1) * sizeof *longer);
    if (!longer)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the results");
    file->cell = longer;
    file->cell[file->n_cells++] = *cell;
    return WEIR_STATUS_OK;
}

bool weir_bench_cell_is(const weir_bench_cell *a, const weir_bench_cell *b) {
    return a->kind == b->kind && a->depth == b->depth && a->batch == b->batch &&
           (a->kind == WEIR_BENCH_DECODE || a->n_tokens == b->n_tokens);
}

weir_bench_cell *weir_bench_file_find(const weir_bench_file *file, const weir_bench_cell *like) {
    for (size_t i = 0; i < file->n_cells; i++)
        if (weir_bench_cell_is(&file->cell[i], like))
            return &file->cell[i];
    return NULL;
}

const char *weir_bench_cell_name(char buf[WEIR_BENCH_TEXT], const weir_bench_cell *cell) {
    if (cell->kind == WEIR_BENCH_PREFILL)
        snprintf(buf, WEIR_BENCH_TEXT, "prefill %u, %u a step", cell->n_tokens, cell->batch);
    else
        snprintf(buf, WEIR_BENCH_TEXT, "decode at %u, batch %u", cell->depth, cell->batch);
    return buf;
}

/* Weights that the last caches hold, or half of them, may never be read from memory at all. */
double weir_bench_read_floor(const weir_bench_file *file, const weir_bench_cell *cell) {
    const weir_bench_limits *l = &file->limits;
    return l->read_bytes_per_s > 0 && (double)file->weight_bytes > 2 * l->cache_bytes
               ? cell->read_bytes / l->read_bytes_per_s
               : 0;
}

double weir_bench_math_floor(const weir_bench_file *file, const weir_bench_cell *cell) {
    return file->limits.macs_per_s > 0 ? cell->macs / file->limits.macs_per_s : 0;
}

double weir_bench_floor(const weir_bench_file *file, const weir_bench_cell *cell) {
    return fmax(weir_bench_read_floor(file, cell), weir_bench_math_floor(file, cell));
}

double weir_bench_unit_tokens(const weir_bench_cell *cell) {
    return cell->kind == WEIR_BENCH_PREFILL ? cell->n_tokens : cell->batch;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

typedef struct reader {
    const char *where;
    char at[64]; /* "", or "cell 3: " */
    weir_error *err;
    weir_status status; /* the first failure */
} reader;

static void refuse(reader *r, const char *member, const char *expected) {
    if (r->status == WEIR_STATUS_OK)
        r->status = weir_fail(r->err, WEIR_STATUS_BAD_FILE, "%s: %s\"%s\": expected %s", r->where,
                              r->at, member, expected);
}

static void read_text(reader *r, const json_t *object, const char *member, char *out, size_t cap) {
    const json_t *value = json_object_get(object, member);
    size_t n = value ? json_string_length(value) : 0;
    if (!json_is_string(value) || n >= cap || strlen(json_string_value(value)) != n) {
        refuse(r, member, "a short text");
        return;
    }
    memcpy(out, json_string_value(value), n + 1);
}

static double read_number(reader *r, const json_t *object, const char *member, double min) {
    const json_t *value = json_object_get(object, member);
    double number = value ? json_number_value(value) : 0;
    if (!json_is_number(value) || !isfinite(number) || number < min || number > 1e30) {
        refuse(r, member, "a number that can be");
        return 0;
    }
    return number;
}

static uint32_t read_count(reader *r, const json_t *object, const char *member, uint32_t min) {
    const json_t *value = json_object_get(object, member);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < min || number > MOST_COUNT) {
        refuse(r, member, "a whole number that can be");
        return min;
    }
    return (uint32_t)number;
}

static uint64_t read_u64(reader *r, const json_t *object, const char *member) {
    const json_t *value = json_object_get(object, member);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        refuse(r, member, "a whole number");
        return 0;
    }
    return (uint64_t)json_integer_value(value);
}

static void read_cell(reader *r, const json_t *object, weir_bench_cell *cell) {
    char kind[16] = "";
    read_text(r, object, "kind", kind, sizeof kind);
    cell->kind =
        strcmp(kind, kinds[WEIR_BENCH_DECODE]) == 0 ? WEIR_BENCH_DECODE : WEIR_BENCH_PREFILL;
    if (strcmp(kind, kinds[cell->kind]) != 0)
        refuse(r, "kind", "\"prefill\" or \"decode\"");
    cell->n_tokens = read_count(r, object, "tokens", 1);
    cell->depth = read_count(r, object, "depth", 0);
    cell->batch = read_count(r, object, "batch", 1);
    cell->read_bytes = read_number(r, object, "read_bytes", 0);
    cell->kv_bytes = read_number(r, object, "kv_bytes", 0);
    cell->macs = read_number(r, object, "macs", 0);
    cell->before = read_number(r, object, "machine_before", 0);
    cell->after = read_number(r, object, "machine_after", 0);
    const json_t *seconds = json_object_get(object, "seconds");
    cell->n = json_array_size(seconds);
    if (!json_is_array(seconds) || cell->n == 0 || cell->n > WEIR_BENCH_MOST_REPEATS) {
        refuse(r, "seconds", "1 to 64 times");
        cell->n = 0;
    }
    for (size_t i = 0; i < cell->n; i++) {
        double s = json_number_value(json_array_get(seconds, i));
        if (!(s >= 1e-12 && s <= 1e12)) /* also what is no number */
            refuse(r, "seconds", "times above zero");
        cell->seconds[i] = s;
    }
}

static void read_cells(reader *r, const json_t *root, weir_bench_file *file) {
    const json_t *cells = json_object_get(root, "cells");
    if (!json_is_array(cells) || json_array_size(cells) > WEIR_BENCH_MOST_CELLS)
        refuse(r, "cells", "a list of at most 1024");
    for (size_t i = 0; i < json_array_size(cells) && r->status == WEIR_STATUS_OK; i++) {
        weir_bench_cell cell = {0};
        snprintf(r->at, sizeof r->at, "cell %zu: ", i);
        read_cell(r, json_array_get(cells, i), &cell);
        if (r->status == WEIR_STATUS_OK && weir_bench_file_find(file, &cell))
            refuse(r, "kind", "each cell once");
        if (r->status == WEIR_STATUS_OK)
            r->status = weir_bench_file_add(file, &cell, r->err);
    }
    r->at[0] = 0;
}

static void read_members(reader *r, const json_t *root, weir_bench_file *file) {
    if (read_count(r, root, "weir_bench", 1) != FORM)
        refuse(r, "weir_bench", "1, the form of results that this program knows");
    read_text(r, root, "version", file->version, sizeof file->version);
    read_text(r, root, "engine", file->engine, sizeof file->engine);
    const json_t *model = json_object_get(root, "model");
    read_text(r, model, "name", file->model, sizeof file->model);
    read_text(r, model, "file_type", file->file_type, sizeof file->file_type);
    file->weight_bytes = read_u64(r, model, "weight_bytes");
    file->n_params = read_u64(r, model, "parameters");
    if (json_object_get(root, "ram_bytes"))
        file->ram_bytes = read_u64(r, root, "ram_bytes");
    const json_t *limits = json_object_get(root, "limits");
    file->limits.read_bytes_per_s = read_number(r, limits, "read_bytes_per_s", 0);
    file->limits.macs_per_s = read_number(r, limits, "macs_per_s", 0);
    file->limits.cache_bytes = read_number(r, limits, "cache_bytes", 0);
    read_text(r, limits, "macs_of", file->limits.macs_of, sizeof file->limits.macs_of);
    json_t *machine = json_object_get(root, "machine");
    if (machine && !json_is_object(machine) && !json_is_null(machine))
        refuse(r, "machine", "an object or null");
    else if (json_is_object(machine))
        file->machine = json_incref(machine);
    read_cells(r, root, file);
}

weir_status weir_bench_file_parse(weir_bench_file *out, const char *text, size_t n,
                                  const char *where, weir_error *err) {
    reader r = {.where = where, .err = err};
    *out = (weir_bench_file){0};
    json_t *root = weir_json_read(text, n, where, err);
    if (!root)
        return WEIR_STATUS_BAD_FILE;
    if (json_is_object(root))
        read_members(&r, root, out);
    else
        r.status = weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: expected the results of weir bench, an "
                             "object",
                             where);
    json_decref(root);
    if (r.status != WEIR_STATUS_OK)
        weir_bench_file_free(out);
    return r.status;
}

weir_status weir_bench_file_read(weir_bench_file *out, const char *path, weir_error *err) {
    char *text;
    size_t n;
    *out = (weir_bench_file){0};
    WEIR_TRY(weir_file_read(path, MAX_FILE_BYTES, &text, &n, err));
    weir_status status = weir_bench_file_parse(out, text, n, path, err);
    free(text);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static json_t *text_of(const char *text) {
    return weir_json_text(text, strlen(text));
}

static json_t *cell_json(const weir_bench_file *file, const weir_bench_cell *cell) {
    json_t *seconds = json_array();
    for (size_t i = 0; i < cell->n; i++)
        json_array_append_new(seconds, json_real(cell->seconds[i]));
    double median_s = weir_bench_quantile(cell->seconds, cell->n, 0.5);
    double floor_s = weir_bench_floor(file, cell);
    return json_pack(
        "{s:s, s:i, s:i, s:i, s:f, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:o}", "kind",
        kinds[cell->kind], "tokens", (int)cell->n_tokens, "depth", (int)cell->depth, "batch",
        (int)cell->batch, "tokens_per_s", weir_bench_unit_tokens(cell) / median_s, "limit_s",
        floor_s > 0 ? json_real(floor_s) : json_null(), "share",
        floor_s > 0 ? json_real(floor_s / median_s) : json_null(), "read_bytes", cell->read_bytes,
        "kv_bytes", cell->kv_bytes, "macs", cell->macs, "machine_before", cell->before,
        "machine_after", cell->after, "seconds", seconds);
}

json_t *weir_bench_file_json(const weir_bench_file *file) {
    json_t *cells = json_array();
    for (size_t i = 0; i < file->n_cells; i++)
        if (file->cell[i].n > 0)
            json_array_append_new(cells, cell_json(file, &file->cell[i]));
    return json_pack(
        "{s:i, s:o, s:{s:o, s:o, s:I, s:I}, s:o, s:I, s:{s:f, s:f, s:o, s:f}, s:O?, s:o}",
        "weir_bench", FORM, "version", text_of(file->version), "model", "name",
        text_of(file->model), "file_type", text_of(file->file_type), "weight_bytes",
        (json_int_t)file->weight_bytes, "parameters", (json_int_t)file->n_params, "engine",
        text_of(file->engine), "ram_bytes", (json_int_t)file->ram_bytes, "limits",
        "read_bytes_per_s", file->limits.read_bytes_per_s, "macs_per_s", file->limits.macs_per_s,
        "macs_of", text_of(file->limits.macs_of), "cache_bytes", file->limits.cache_bytes,
        "machine", file->machine, "cells", cells);
}

weir_status weir_bench_file_write(const weir_bench_file *file, const char *path, weir_error *err) {
    weir_out *out = NULL;
    weir_status status;
    json_t *json = weir_bench_file_json(file);
    char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    json_decref(json);
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
    WEIR_TRY_GOTO(weir_out_open(&out, path, true, err));
    WEIR_TRY_GOTO(weir_out_write(out, text, strlen(text), err));
    WEIR_TRY_GOTO(weir_out_write(out, "\n", 1, err));
    WEIR_TRY_GOTO(weir_out_commit(&out, err));
fail:
    weir_out_abort(&out);
    free(text);
    return status;
}
