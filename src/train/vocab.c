/*
 * vocab.c: a vocabulary out of texts: weir_train_vocab.
 *
 * Owns what is read of the inputs (documents as they are, conversations as the chat template
 * renders them, without control tokens) and the form of what is written: the layout of ids is that
 * of the family's small vocabularies, which the synthetic tokenizer has too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "convert/hf_write.h"
#include "convert/synth_parts.h"
#include "train/chat_form.h"
#include "train/chat_template.h"
#include "train/text_source.h"
#include "train/vocab_parts.h"
#include "weir_train.h"

enum {
    DEFAULT_TOKENS = 4096,
    BOS = 1,
    EOS = 7,
    PAD = 0,
    MOST_TEMPLATE_BYTES = 1 << 20,
    TAKEN_BYTES = 64 << 10 /* taken or left out in one, of a text that is not read whole */
};

typedef struct maker {
    const weir_vocab_options *options;
    weir_token_table table;
    char *template_text;
    weir_template *template;
    weir_piece_counter *counter;
    uint64_t n_bytes;
    /* Of the input that is read now: the share that is taken of it, and how much is due. */
    double share, due;
} maker;

static bool is_cancelled(const maker *m) {
    const weir_progress *progress = &m->options->progress;
    return progress->is_cancelled && progress->is_cancelled(progress->context);
}

/* ---- what is read --------------------------------------------------------------------------- */

/* Keeps to the share, evenly: true if the next n bytes are taken. */
static bool is_taken(maker *m, size_t n) {
    m->due += m->share * (double)n;
    if (m->due <= 0)
        return false;
    m->due -= (double)n;
    return true;
}

static weir_status add_text(maker *m, const char *text, size_t n, weir_error *err) {
    m->n_bytes += n;
    return weir_piece_counter_add(m->counter, text, n, err);
}

/* A long document in parts that end with a line. */
static weir_status add_document(maker *m, const char *text, size_t n, weir_error *err) {
    if (m->share >= 1)
        return add_text(m, text, n, err);
    while (n > 0) {
        size_t end = n;
        if (n > TAKEN_BYTES) {
            const char *line = memchr(text + TAKEN_BYTES, '\n', n - TAKEN_BYTES);
            end = line ? (size_t)(line + 1 - text) : n;
        }
        if (is_taken(m, end))
            WEIR_TRY(add_text(m, text, end, err));
        text += end;
        n -= end;
    }
    return WEIR_STATUS_OK;
}

/* Length of the control token that text [n] begins with; 0: none. */
static size_t control_token(const weir_token_table *table, const char *text, size_t n) {
    for (size_t id = 0; id < WEIR_VOCAB_BYTES; id++) {
        weir_text token = table->tokens[id];
        if (token.size <= n && memcmp(text, token.data, token.size) == 0)
            return token.size;
    }
    return 0;
}

/* What lies between control tokens. */
static weir_status add_rendered(maker *m, const char *text, size_t n, weir_error *err) {
    size_t start = 0;
    for (size_t at = 0; at < n;) {
        size_t length = text[at] == '<' ? control_token(&m->table, text + at, n - at) : 0;
        if (length == 0) {
            at++;
            continue;
        }
        WEIR_TRY(add_text(m, text + start, at - start, err));
        at += length;
        start = at;
    }
    return add_text(m, text + start, n - start, err);
}

static weir_status add_conversation(maker *m, json_t *row, weir_error *err) {
    json_t *context = json_object();
    json_t *tools = json_object_get(row, "tools"), *args = json_object_get(row, "template_args");
    bool is_made = context != NULL;
    if (args)
        is_made = is_made && json_object_update(context, args) == 0;
    is_made = is_made &&
              json_object_set(context, "messages", json_object_get(row, "messages")) == 0 &&
              (!tools || json_object_set(context, "tools", tools) == 0);
    char *text = is_made ? weir_text_row_dump(context) : NULL;
    json_decref(context);
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to render a conversation");
    weir_rendered rendered = {0};
    weir_render_options options = {.bos_token = m->table.tokens[BOS].data,
                                   .eos_token = m->table.tokens[EOS].data,
                                   .has_now = true,
                                   .now = WEIR_CHAT_FORM_NOW};
    weir_status status =
        weir_template_render(&rendered, m->template, text, strlen(text), &options, err);
    free(text);
    if (status == WEIR_STATUS_OK)
        status = add_rendered(m, rendered.text, rendered.n, err);
    weir_rendered_free(&rendered);
    return status;
}

/* About what a row will bring. */
static size_t row_bytes(const weir_text_row *row) {
    if (row->text)
        return row->n;
    size_t n = 0, i;
    json_t *message;
    json_array_foreach(json_object_get(row->object, "messages"), i, message) {
        n += json_string_length(json_object_get(message, "content")) + 16;
    }
    return n;
}

static weir_status add_row(maker *m, const char *path, const weir_text_row *row, weir_error *err) {
    if (row->text)
        return add_document(m, row->text, row->n, err);
    if (m->share < 1 && !is_taken(m, row_bytes(row)))
        return WEIR_STATUS_OK;
    weir_status status = add_conversation(m, row->object, err);
    if (status != WEIR_STATUS_OK)
        weir_fail_within(err, status, "%s:%llu", path, (unsigned long long)row->line);
    return status;
}

/* All rows of an input; total: their bytes are counted there, and nothing else is done. */
static weir_status read_input(maker *m, const char *path, uint64_t *total, weir_error *err) {
    weir_text_source *source = NULL;
    WEIR_TRY(weir_text_source_open(&source, path, err));
    weir_status status = WEIR_STATUS_OK;
    while (status == WEIR_STATUS_OK) {
        weir_text_row row;
        bool has_row;
        status = weir_text_source_next(source, &row, &has_row, err);
        if (status != WEIR_STATUS_OK || !has_row)
            break;
        if (total)
            *total += row_bytes(&row);
        else
            status = add_row(m, path, &row, err);
        if (status == WEIR_STATUS_OK && is_cancelled(m))
            status = weir_fail(err, WEIR_STATUS_CANCELLED, "cancelled; nothing is written");
    }
    weir_text_source_close(&source);
    return status;
}

static weir_status read_inputs(maker *m, weir_error *err) {
    const weir_vocab_options *options = m->options;
    for (size_t i = 0; i < options->n_inputs; i++) {
        if (options->progress.report)
            options->progress.report(options->progress.context, "reading text", i,
                                     options->n_inputs);
        m->share = 1;
        m->due = 0;
        if (options->max_bytes > 0) {
            uint64_t total = 0;
            WEIR_TRY(read_input(m, options->inputs[i], &total, err));
            double wanted = (double)options->max_bytes / (double)options->n_inputs;
            if ((double)total > wanted)
                m->share = wanted / (double)total;
        }
        WEIR_TRY(read_input(m, options->inputs[i], NULL, err));
    }
    return WEIR_STATUS_OK;
}

/* ---- what is written ------------------------------------------------------------------------ */

static weir_status open_table(maker *m, weir_error *err) {
    const weir_hparams special = {.n_vocab = WEIR_VOCAB_MERGED, .bos = BOS, .eos = EOS, .pad = PAD};
    WEIR_TRY(weir_synth_tokenizer(&m->table, &special, err));
    const char *path = m->options->chat_template;
    size_t n = strlen(weir_chat_template);
    if (path)
        WEIR_TRY(weir_file_read(path, MOST_TEMPLATE_BYTES, &m->template_text, &n, err));
    const char *text = path ? m->template_text : weir_chat_template;
    WEIR_TRY(weir_template_open(&m->template, text, n, path ? path : "chat template", err));
    m->table.chat_template = weir_token_table_copy(&m->table, text, n);
    return m->table.chat_template.data
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the chat template");
}

static bool add_merge(weir_token_table *table, size_t id, weir_merge merge) {
    weir_text left = table->tokens[merge.left], right = table->tokens[merge.right];
    char *text = malloc(left.size + right.size);
    if (!text)
        return false;
    memcpy(text, left.data, left.size);
    memcpy(text + left.size, right.data, right.size);
    bool is_added =
        weir_token_table_set(table, id, WEIR_TOKEN_NORMAL, text, left.size + right.size) &&
        weir_token_table_merge(table, left, right);
    free(text);
    return is_added;
}

static weir_status add_merges(maker *m, uint32_t n, weir_vocab_report *report, weir_error *err) {
    const weir_piece *pieces;
    size_t n_pieces;
    uint64_t n_tokens = 0;
    WEIR_TRY(weir_piece_counter_finish(m->counter, &pieces, &n_pieces, err));
    weir_merge *merges = malloc((n ? n : 1) * sizeof *merges);
    if (!merges)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %u merges", n);
    weir_status status =
        weir_merges_find(merges, n, m->options->n_joins, pieces, n_pieces, m->options->merge_digits,
                         &m->options->progress, &n_tokens, err);
    bool is_added =
        status == WEIR_STATUS_OK && weir_token_table_grow(&m->table, WEIR_VOCAB_MERGED + (size_t)n);
    for (uint32_t i = 0; i < n && is_added; i++)
        is_added = add_merge(&m->table, WEIR_VOCAB_MERGED + (size_t)i, merges[i]);
    free(merges);
    if (status == WEIR_STATUS_OK && !is_added)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %u merges", n);
    *report = (weir_vocab_report){
        .n_tokens = WEIR_VOCAB_MERGED + n,
        .n_merges = n,
        .n_bytes = m->n_bytes,
        .n_pieces = n_pieces,
        .bytes_per_token = n_tokens > 0 ? (double)m->n_bytes / (double)n_tokens : 0,
    };
    return status;
}

/* Before the work: a folder, with nothing in it that would be replaced and may not. */
static weir_status check_out(const char *out, bool overwrite, weir_error *err) {
    if (!weir_path_exists(out))
        return WEIR_STATUS_OK;
    if (!weir_path_is_folder(out))
        return weir_fail(err, WEIR_STATUS_IO, "%s: is no folder", out);
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json",
                                        "generation_config.json", "chat_template.jinja"};
    weir_status status = WEIR_STATUS_OK;
    for (size_t i = 0; i < WEIR_COUNT(names) && !overwrite && status == WEIR_STATUS_OK; i++) {
        char *path = weir_path_join(out, names[i]);
        if (!path)
            status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", out);
        else if (weir_path_exists(path))
            status = weir_fail(err, WEIR_STATUS_FAILED, "%s: exists already", path);
        free(path);
    }
    return status;
}

static weir_status make(maker *m, const char *out, weir_vocab_report *report, weir_error *err) {
    const weir_vocab_options *options = m->options;
    uint32_t n_tokens = options->n_tokens ? options->n_tokens : (uint32_t)DEFAULT_TOKENS;
    if (n_tokens < WEIR_VOCAB_MERGED || n_tokens > WEIR_MAX_TOKENS)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "a vocabulary of %u tokens; expected %d (special tokens and bytes) to %d",
                         n_tokens, WEIR_VOCAB_MERGED, WEIR_MAX_TOKENS);
    if (options->n_joins > n_tokens - WEIR_VOCAB_MERGED)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%u merges with the blank in front; expected at most the %u merges of %u "
                         "tokens",
                         options->n_joins, n_tokens - WEIR_VOCAB_MERGED, n_tokens);
    if (options->n_inputs == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "no text to make a vocabulary of");
    WEIR_TRY(check_out(out, options->overwrite, err));
    WEIR_TRY(open_table(m, err));
    WEIR_TRY(weir_piece_counter_open(&m->counter, options->n_threads, err));
    WEIR_TRY(read_inputs(m, err));
    WEIR_TRY(add_merges(m, n_tokens - WEIR_VOCAB_MERGED, report, err));
    WEIR_TRY(weir_make_folders(out, err));
    return weir_hf_write_tokenizer(out, &m->table, err);
}

weir_status weir_train_vocab(const char *out, const weir_vocab_options *options,
                             weir_vocab_report *report, weir_error *err) {
    static const weir_vocab_options defaults;
    weir_vocab_report unused;
    maker m = {.options = options ? options : &defaults};
    weir_status status = make(&m, out, report ? report : &unused, err);
    weir_piece_counter_close(&m.counter);
    weir_template_close(&m.template);
    weir_token_table_close(&m.table);
    free(m.template_text);
    return status;
}
