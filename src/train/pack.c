/*
 * pack.c: weir_train_pack: rows of text, or generated samples, into a packed file.
 *
 * Owns the order of the work: rows are read one after the other, a bundle of them is rendered and
 * encoded by all threads, and written in the order it was read, so the file does not depend on the
 * number of threads. What a row becomes is chat_form.h's business, the file shard.h's.
 */
#include "base/ending.h"
#include "base/error.h"
#include "base/file.h"
#include "base/topology.h"
#include "base/workers.h"
#include "train/chat_form.h"
#include "train/shard.h"
#include "train/text_source.h"
#include "weir_train.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUNDLE_ROWS = 512, BUNDLE_BYTES = 4 << 20, DEFAULT_MAX_TOKENS = 2048, WHERE_BYTES = 400 };

/* One row on its way from the source to the file. */
typedef struct bundle_row {
    uint64_t number; /* the line, or the generated sample */
    json_t *object;  /* a conversation or generated sample, owned; NULL: see text */
    char *text;      /* [n_text] a document */
    size_t n_text;
    bool is_text;
    weir_token_row tokens;
    weir_status status;
    weir_error err;
} bundle_row;

typedef struct pack {
    const weir_pack_options *options;
    uint32_t max_tokens;
    weir_tokenizer *tokenizer;
    weir_chat_form *form;
    weir_text_source *source; /* NULL: generated */
    json_t *manifest;         /* of its documents; NULL: none */
    weir_shard_writer *writer;
    weir_workers *workers;
    bundle_row rows[BUNDLE_ROWS];
    size_t n_rows;
    atomic_size_t next; /* the first row that no thread has taken */
    uint64_t n_read, n_cut, n_left_out, n_bytes;
    bool is_text, is_kind_known;
} pack;

static void name_row(const pack *p, uint64_t number, char where[WHERE_BYTES]) {
    if (p->options->path)
        snprintf(where, WHERE_BYTES, "%s:%llu", p->options->path, (unsigned long long)number);
    else
        snprintf(where, WHERE_BYTES, "gen:%s %llu", p->options->gen_kind,
                 (unsigned long long)number);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* row: number n_read of the source */
static weir_status check_split(const pack *p, const weir_text_row *row, bool *is_wanted,
                               weir_error *err) {
    const weir_pack_options *options = p->options;
    *is_wanted = true;
    if (!options->split)
        return WEIR_STATUS_OK;
    const json_t *described = row->object;
    if (p->manifest) {
        described = json_array_get(p->manifest, (size_t)p->n_read);
        if (!json_is_object(described))
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: has no object for document %llu (%s:%llu), expected one for each",
                             options->manifest, (unsigned long long)p->n_read + 1, options->path,
                             (unsigned long long)row->line);
    }
    const char *split = json_string_value(json_object_get(described, "split"));
    *is_wanted = split && strcmp(split, options->split) == 0;
    return WEIR_STATUS_OK;
}

static void clear_rows(pack *p) {
    for (size_t i = 0; i < p->n_rows; i++) {
        bundle_row *row = &p->rows[i];
        json_decref(row->object);
        free(row->text);
        row->object = NULL;
        row->text = NULL;
        row->n_text = 0;
        /* Long documents are rare; their room would stay for the rest of the run. */
        if (row->tokens.cap > 1 << 14)
            weir_token_row_free(&row->tokens);
    }
    p->n_rows = 0;
    atomic_store(&p->next, 0);
}

static weir_status take_row(pack *p, const weir_text_row *given, weir_error *err) {
    bundle_row *row = &p->rows[p->n_rows];
    row->number = given->line;
    row->is_text = given->text != NULL;
    if (!row->is_text) {
        row->object = json_incref(given->object);
        p->n_rows++;
        return WEIR_STATUS_OK;
    }
    row->text = malloc(given->n + 1);
    if (!row->text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s:%llu: no memory for a text of %zu bytes",
                         p->options->path, (unsigned long long)given->line, given->n);
    memcpy(row->text, given->text, given->n);
    row->n_text = given->n;
    p->n_rows++;
    return WEIR_STATUS_OK;
}

/* Fewer documents than objects: the two do not belong together. */
static weir_status check_manifest_end(const pack *p, weir_error *err) {
    size_t n = json_array_size(p->manifest);
    if (!p->manifest || n == p->n_read)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: has %zu objects, %s %llu documents",
                     p->options->manifest, n, p->options->path, (unsigned long long)p->n_read);
}

/* The next rows of the file; none at its end. */
static weir_status read_rows(pack *p, weir_error *err) {
    size_t n_bytes = 0;
    while (p->n_rows < BUNDLE_ROWS && n_bytes < BUNDLE_BYTES) {
        weir_text_row row;
        bool has_row, is_wanted;
        WEIR_TRY(weir_text_source_next(p->source, &row, &has_row, err));
        if (!has_row)
            return check_manifest_end(p, err);
        WEIR_TRY(check_split(p, &row, &is_wanted, err));
        p->n_read++;
        if (!is_wanted)
            continue;
        WEIR_TRY(take_row(p, &row, err));
        n_bytes += row.text ? row.n : 0;
    }
    return WEIR_STATUS_OK;
}

static void number_rows(pack *p) {
    const weir_pack_options *options = p->options;
    while (p->n_rows < BUNDLE_ROWS && p->n_read < options->gen_n)
        p->rows[p->n_rows++].number = options->gen_first + p->n_read++;
}

/* ---- encoding, by all threads --------------------------------------------------------------- */

static weir_status generate(const pack *p, bundle_row *row, weir_error *err) {
    const weir_pack_options *options = p->options;
    size_t cap = 1 << 14, n = 0;
    char *json = NULL, where[WHERE_BYTES];
    weir_status status;
    for (;;) {
        char *room = realloc(json, cap);
        if (!room) {
            status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a generated sample");
            goto fail;
        }
        json = room;
        WEIR_TRY_GOTO(weir_gen_sample(options->gen_kind, options->gen_seed, row->number,
                                      options->gen_held_out, json, cap, &n, err));
        if (n <= cap)
            break;
        cap = n;
    }
    name_row(p, row->number, where);
    WEIR_TRY_GOTO(weir_text_row_parse(&row->object, json, n, where, err));
    row->is_text = !json_object_get(row->object, "messages");
fail:
    free(json);
    return status;
}

static weir_status encode_row(const pack *p, bundle_row *row, weir_error *err) {
    if (!p->source)
        WEIR_TRY(generate(p, row, err));
    if (!row->is_text)
        return weir_chat_form_conversation(p->form, row->object, p->options->assistant_only,
                                           &row->tokens, err);
    const json_t *text = json_object_get(row->object, "text");
    return weir_chat_form_text(p->form, row->text ? row->text : json_string_value(text),
                               row->text ? row->n_text : json_string_length(text), &row->tokens,
                               err);
}

static void encode_rows(void *context, uint32_t worker, uint32_t n_workers) {
    pack *p = context;
    (void)worker;
    (void)n_workers;
    for (;;) {
        size_t i = atomic_fetch_add(&p->next, 1);
        if (i >= p->n_rows)
            return;
        p->rows[i].err = (weir_error){0};
        p->rows[i].status = encode_row(p, &p->rows[i], &p->rows[i].err);
    }
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool has_target(const weir_token_row *tokens, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (tokens->is_target[i])
            return true;
    return false;
}

/* Names the row in what went wrong with it, once. */
static weir_status fail_row(const char *where, const bundle_row *row, weir_error *err) {
    if (strncmp(row->err.text, where, strlen(where)) == 0)
        return weir_fail(err, row->status, "%s", row->err.text);
    return weir_fail(err, row->status, "%s: %s", where, row->err.text);
}

static weir_status write_row(pack *p, const bundle_row *row, weir_error *err) {
    char where[WHERE_BYTES];
    name_row(p, row->number, where);
    if (row->status != WEIR_STATUS_OK)
        return fail_row(where, row, err);
    /* One conversation makes it a file of conversations: texts among them are samples of their own
     * and are not divided into windows. */
    p->is_text = row->is_text && (p->is_text || !p->is_kind_known);
    p->is_kind_known = true;

    size_t n = row->tokens.n;
    bool is_cut = !row->is_text && n > p->max_tokens;
    if (!has_target(&row->tokens, n))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: nothing in it is a target: the template %s; expected an answer to "
                         "learn",
                         where,
                         p->options->assistant_only ? "shows no words of the assistant"
                                                    : "renders a token at most");
    if (is_cut) {
        n = p->max_tokens;
        if (!has_target(&row->tokens, n)) { /* all that is to be learnt lies behind the cut */
            p->n_left_out++;
            return WEIR_STATUS_OK;
        }
        p->n_cut++;
    }
    p->n_bytes += row->tokens.n_bytes;
    return weir_shard_writer_add(p->writer, row->tokens.ids, row->tokens.is_target, n,
                                 row->tokens.n_bytes, err);
}

static weir_status tell_progress(const pack *p, bool is_end, weir_error *err) {
    const weir_progress *progress = &p->options->progress;
    uint64_t done = p->n_read, total = p->options->gen_n;
    if (p->source)
        weir_text_source_place(p->source, &done, &total);
    /* A file that grew has more bytes than were counted. */
    if (progress->report && (done < total || is_end) && total > 0)
        progress->report(progress->context, "packing", is_end ? total : done, total);
    if (progress->is_cancelled && progress->is_cancelled(progress->context))
        return weir_fail(err, WEIR_STATUS_CANCELLED, "packing was cancelled");
    return WEIR_STATUS_OK;
}

static weir_status pack_rows(pack *p, weir_error *err) {
    for (;;) {
        clear_rows(p);
        if (p->source)
            WEIR_TRY(read_rows(p, err));
        else
            number_rows(p);
        if (p->n_rows == 0)
            return tell_progress(p, true, err);
        weir_workers_run(p->workers, encode_rows, p);
        for (size_t i = 0; i < p->n_rows; i++)
            WEIR_TRY(write_row(p, &p->rows[i], err));
        WEIR_TRY(tell_progress(p, false, err));
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool is_plain_text(const char *path) {
    return weir_ends_with(path, ".txt") || weir_ends_with(path, ".txt.zst");
}

static weir_status check_split_options(const weir_pack_options *options, weir_error *err) {
    if (options->split &&
        (options->gen_kind || (is_plain_text(options->path) && !options->manifest)))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "split '%s': only rows of a .jsonl have a \"split\"; expected a manifest "
                         "for documents",
                         options->split);
    if (options->manifest &&
        (options->gen_kind || !is_plain_text(options->path) || !options->split))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "manifest %s: expected only with a .txt and a split", options->manifest);
    return WEIR_STATUS_OK;
}

static weir_status check_options(const weir_pack_options *options, weir_error *err) {
    if (!options->path == !options->gen_kind)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "path is %s and so is gen_kind; expected one of the two",
                         options->path ? "given" : "missing");
    if (!options->tokenizer)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "tokenizer is missing");
    if (options->gen_kind && options->gen_n == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "gen_n is 0, expected how many samples of %s to make", options->gen_kind);
    if (options->path &&
        (options->gen_n || options->gen_first || options->gen_seed || options->gen_held_out))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s: n, first, seed and held-out are for generated samples",
                         options->path);
    if (options->gen_kind && options->gen_first > UINT64_MAX - options->gen_n)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%llu samples from %llu on: too many",
                         (unsigned long long)options->gen_n,
                         (unsigned long long)options->gen_first);
    WEIR_TRY(check_split_options(options, err));
    if (options->max_tokens == 1)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "max_tokens is 1, expected 2 at least");
    if (options->n_threads > WEIR_MAX_CPUS)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "n_threads is %u, expected %d at most",
                         options->n_threads, (int)WEIR_MAX_CPUS);
    return WEIR_STATUS_OK;
}

static weir_status open_manifest(json_t **out, const char *path, weir_error *err) {
    json_error_t why;
    *out = json_load_file(path, 0, &why);
    if (*out && json_is_array(*out))
        return WEIR_STATUS_OK;
    bool is_read = *out || why.line >= 0;
    json_decref(*out);
    *out = NULL;
    return weir_fail(err, is_read ? WEIR_STATUS_BAD_FILE : WEIR_STATUS_IO,
                     "%s: %s; expected a JSON list of one object a document", path,
                     why.text[0] ? why.text : "is no list");
}

static weir_status open_parts(pack *p, const char *out, weir_error *err) {
    const weir_pack_options *options = p->options;
    uint32_t n_threads = options->n_threads;
    if (n_threads == 0) {
        weir_topology topology;
        weir_topology_read(&topology);
        n_threads = topology.n_threads;
    }
    WEIR_TRY(weir_tokenizer_open(&p->tokenizer, options->tokenizer, NULL, err));
    WEIR_TRY(weir_chat_form_open(&p->form, p->tokenizer, options->tokenizer, err));
    if (options->manifest)
        WEIR_TRY(open_manifest(&p->manifest, options->manifest, err));
    if (options->path)
        WEIR_TRY(weir_text_source_open(&p->source, options->path, err));
    WEIR_TRY(weir_workers_open(&p->workers, n_threads, false, err));
    return weir_shard_writer_open(&p->writer, out, p->tokenizer, options->overwrite, err);
}

static weir_status check_outcome(const pack *p, weir_error *err) {
    const weir_pack_options *options = p->options;
    const char *name = options->path ? options->path : options->gen_kind;
    if (weir_shard_writer_n_targets(p->writer) > 0)
        return WEIR_STATUS_OK;
    if (p->n_left_out > 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: all targets lie behind the first %u tokens of their conversations; "
                         "expected a larger max_tokens",
                         name, p->max_tokens);
    if (options->split && p->n_read > 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: none of %llu rows has the split '%s'",
                         name, (unsigned long long)p->n_read, options->split);
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: has no rows; expected something to learn",
                     name);
}

static void close_parts(pack *p) {
    clear_rows(p);
    for (size_t i = 0; i < BUNDLE_ROWS; i++)
        weir_token_row_free(&p->rows[i].tokens);
    weir_shard_writer_abort(&p->writer);
    weir_workers_close(&p->workers);
    weir_text_source_close(&p->source);
    json_decref(p->manifest);
    weir_chat_form_close(&p->form);
    weir_tokenizer_close(&p->tokenizer);
}

weir_status weir_train_pack(const char *out, const weir_pack_options *options,
                            weir_pack_report *report, weir_error *err) {
    static const weir_pack_options none;
    weir_status status;
    if (report)
        *report = (weir_pack_report){0};
    if (!options)
        options = &none;
    WEIR_TRY(check_options(options, err));
    pack *p = calloc(1, sizeof *p);
    if (!p)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to pack %s", out);
    p->options = options;
    p->max_tokens = options->max_tokens ? options->max_tokens : DEFAULT_MAX_TOKENS;
    WEIR_TRY_GOTO(open_parts(p, out, err));
    WEIR_TRY_GOTO(pack_rows(p, err));
    WEIR_TRY_GOTO(check_outcome(p, err));
    weir_pack_report counts = {
        .n_samples = weir_shard_writer_n_samples(p->writer),
        .n_tokens = weir_shard_writer_n_tokens(p->writer),
        .n_targets = weir_shard_writer_n_targets(p->writer),
        .n_bytes = p->n_bytes,
        .n_cut = p->n_cut,
        .n_left_out = p->n_left_out,
    };
    WEIR_TRY_GOTO(weir_shard_writer_commit(&p->writer, p->is_text, err));
    if (report)
        *report = counts;
fail:
    close_parts(p);
    free(p);
    return status;
}
