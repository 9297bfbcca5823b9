/*
 * verb_tokenize.c: `weir tokenize`: text to token ids, and back.
 *
 * Owns the command line and the forms of the answer. Ids go to standard output as `weir run
 * --tokens` takes them; decoded text goes there byte for byte.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "model_lookup.h"
#include "text_buffer.h"
#include "text_input.h"
#include "token_print.h"
#include "verbs.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct tokenize_values {
    const char *file;
    const char *ignore_merges;
    bool decode, wants_pieces, wants_count, as_json;
    bool no_control, add_special;
} tokenize_values;

#define AT(field) offsetof(tokenize_values, field)

static const weir_option options[] = {
    {"file", 'f', WEIR_OPTION_STRING, AT(file), "FILE",
     "the text from a file; - is standard input"},
    {"decode", 'd', WEIR_OPTION_FLAG, AT(decode), NULL,
     "the other way: the input is token ids, the answer their text"},
    {"pieces", 'p', WEIR_OPTION_FLAG, AT(wants_pieces), NULL,
     "one token a line: id, kind, text with control characters as \\x1b"},
    {"count", 0, WEIR_OPTION_FLAG, AT(wants_count), NULL, "only how many tokens it is"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL,
     "ids and tokens as JSON; start and end are bytes of the text"},
    {"no-control", 0, WEIR_OPTION_FLAG, AT(no_control), NULL,
     "control tokens such as <|im_start|> are plain text;\n"
     "with --decode: leave their text out"},
    {"special", 0, WEIR_OPTION_FLAG, AT(add_special), NULL,
     "add the begin and end tokens that the file asks for around raw\n"
     "text; default: nothing is added"},
    {"ignore-merges", 0, WEIR_OPTION_CHOICE, AT(ignore_merges), "yes|no",
     "take a piece that is in the vocabulary whole; default: as the\nfile says"},
};

#undef AT

/* What is being worked on; ids belong to text in the order of its bytes. */
typedef struct job {
    const tokenize_values *values;
    char *path; /* of the model */
    weir_tokenizer *tokenizer;
    char *text; /* [n_text] and a 0: what was read */
    size_t n_text;
    int32_t *ids; /* [n_ids] */
    size_t n_ids;
} job;

/* ---- text to ids -------------------------------------------------------------------------- */

static weir_status encode(job *j, weir_error *err) {
    weir_encode_options options_encode = {.add_special = j->values->add_special,
                                          .no_control = j->values->no_control};
    size_t cap = j->n_text + 2;
    j->ids = malloc(cap * sizeof *j->ids);
    if (!j->ids)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu ids", cap);
    return weir_tokenizer_encode(j->tokenizer, j->text, j->n_text, &options_encode, j->ids, cap,
                                 &j->n_ids, err);
}

/* Does token i stand for bytes of the text? The begin and end tokens that --special adds do not. */
static bool is_of_text(const job *j, const weir_tokenizer_info *info, size_t i) {
    if (!j->values->add_special)
        return true;
    return !(i == 0 && info->add_bos && info->bos >= 0) &&
           !(i + 1 == j->n_ids && info->add_eos && info->eos >= 0);
}

static void print_ids(const job *j) {
    for (size_t i = 0; i < j->n_ids; i++)
        printf(i ? ",%d" : "%d", j->ids[i]);
    putchar('\n');
}

/* Written as it comes: a megabyte of text is half a million objects. */
static weir_status print_json(const job *j, weir_error *err) {
    weir_tokenizer_info info;
    weir_tokenizer_get_info(j->tokenizer, &info);
    weir_text_buffer text = {0};
    size_t start = 0;
    printf("{\"n\": %zu, \"ids\": [", j->n_ids);
    for (size_t i = 0; i < j->n_ids; i++)
        printf(i ? ", %d" : "%d", j->ids[i]);
    printf("], \"tokens\": [");
    for (size_t i = 0; i < j->n_ids; i++) {
        const char *bytes;
        size_t n;
        weir_token_kind kind = weir_tokenizer_token(j->tokenizer, j->ids[i], &bytes, &n);
        size_t end = start + (is_of_text(j, &info, i) ? n : 0);
        weir_text_buffer_clear(&text);
        weir_text_buffer_add_json(&text, bytes, n);
        if (text.has_failed)
            break;
        printf("%s{\"id\": %d, \"text\": %s, \"kind\": \"%s\", \"start\": %zu, \"end\": %zu}",
               i ? ", " : "", j->ids[i], text.data, weir_token_kind_name(kind), start, end);
        start = end;
    }
    puts("]}");
    weir_status status = weir_text_buffer_check(&text, "the JSON", err);
    weir_text_buffer_free(&text);
    return status;
}

static weir_status print_tokens(const job *j, weir_error *err) {
    if (j->values->as_json)
        return print_json(j, err);
    if (j->values->wants_count)
        printf("%zu\n", j->n_ids);
    else if (j->values->wants_pieces)
        weir_token_print_lines(j->tokenizer, j->ids, j->n_ids);
    else
        print_ids(j);
    return WEIR_STATUS_OK;
}

/* ---- ids to text -------------------------------------------------------------------------- */

/* What was read is a list of ids. One on the command line that is none is a fault of the usage,
 * one from a file is a bad file. */
static weir_status read_ids(job *j, const char *where, bool is_file, weir_error *err) {
    weir_token_list list = {0};
    weir_status status = WEIR_STATUS_OK;
    if (strlen(j->text) < j->n_text)
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: byte %zu is 0, expected token ids",
                           where, strlen(j->text));
    else if (j->text[strspn(j->text, " \t\r\n")]) /* no ids are the ids of no text */
        status = weir_parse_tokens(&list, j->text, where, err);
    j->ids = list.item;
    j->n_ids = list.n;
    if (status == WEIR_STATUS_BAD_ARGUMENT && is_file)
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s", err->text);
    return status;
}

static weir_status print_text(const job *j, weir_error *err) {
    size_t n = 0;
    bool skip = j->values->no_control;
    WEIR_TRY(weir_tokenizer_decode(j->tokenizer, j->ids, j->n_ids, skip, NULL, 0, &n, err));
    char *text = malloc(n + 1);
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu bytes of text", n);
    weir_status status =
        weir_tokenizer_decode(j->tokenizer, j->ids, j->n_ids, skip, text, n, &n, err);
    if (status == WEIR_STATUS_OK) {
        fwrite(text, 1, n, stdout);
        if (isatty(STDOUT_FILENO))
            putchar('\n');
    }
    free(text);
    return status;
}

/* ---- the command line --------------------------------------------------------------------- */

static weir_status check_flags(const weir_parsed *parsed, weir_error *err) {
    const tokenize_values *values = parsed->values;
    if (values->wants_pieces + values->wants_count + values->as_json > 1)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--pieces, --count and --json are three forms of the answer; expected one "
                         "of them");
    if (values->decode && (values->wants_count || values->add_special || values->ignore_merges))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--decode takes ids; --count, --special and --ignore-merges are for text");
    if (values->decode && values->no_control && (values->wants_pieces || values->as_json))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--decode --no-control leaves tokens out of the text; --pieces and --json "
                         "show all of them");
    if (parsed->n_operands > 1 && values->file)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "the text is given twice: as '%.40s' and as --file %s",
                         parsed->operands[1], values->file);
    return WEIR_STATUS_OK;
}

/* *is_file: the input comes from a file or from standard input, not from the command line. */
static weir_status read_input(job *j, const weir_parsed *parsed, const char **where, bool *is_file,
                              weir_error *err) {
    const char *operand = parsed->n_operands > 1 ? parsed->operands[1] : NULL;
    *is_file = !operand || strcmp(operand, "-") == 0;
    if (!*is_file) {
        *where = "the command line";
        j->n_text = strlen(operand);
        j->text = strdup(operand);
        return j->text ? WEIR_STATUS_OK
                       : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the text");
    }
    const char *path = operand ? operand : j->values->file;
    *where = weir_text_input_name(path);
    return weir_text_input_read(&j->text, &j->n_text, path,
                                j->values->decode ? "the list of ids" : "the text", err);
}

static weir_status tokenize(job *j, const weir_parsed *parsed, weir_error *err) {
    const tokenize_values *values = parsed->values;
    weir_tokenizer_options tokenizer = {0};
    const char *where;
    bool is_file;
    if (values->ignore_merges)
        tokenizer.ignore_merges = strcmp(values->ignore_merges, "yes") == 0 ? WEIR_IGNORE_MERGES_YES
                                                                            : WEIR_IGNORE_MERGES_NO;
    WEIR_TRY(check_flags(parsed, err));
    WEIR_TRY(weir_find_model(parsed->operands[0], &j->path, err));
    WEIR_TRY(weir_tokenizer_open(&j->tokenizer, j->path, &tokenizer, err));
    WEIR_TRY(read_input(j, parsed, &where, &is_file, err));
    if (!values->decode) {
        WEIR_TRY(encode(j, err));
        return print_tokens(j, err);
    }
    WEIR_TRY(read_ids(j, where, is_file, err));
    return values->wants_pieces || values->as_json ? print_tokens(j, err) : print_text(j, err);
}

static int run(const weir_parsed *parsed) {
    job j = {.values = parsed->values};
    weir_error err = {0};
    weir_status status = tokenize(&j, parsed, &err);
    free(j.path);
    free(j.text);
    free(j.ids);
    weir_tokenizer_close(&j.tokenizer);
    return weir_tell_failure("tokenize", status, &err);
}

const weir_verb weir_verb_tokenize = {
    .name = "tokenize",
    .summary = "Turns text into token ids, and ids into text",
    .operands = "MODEL [TEXT]",
    .n_operands_min = 1,
    .n_operands_max = 2,
    .details = "MODEL is a GGUF file, a tokenizer.json, a folder with one, or the name of a model. "
               "Without\n"
               "TEXT, or where it is -, standard input is read. The ids go to standard output on "
               "one line,\n"
               "as `weir run --tokens` takes them. No begin token is added unless --special asks "
               "for it: a\n"
               "rendered conversation has one already. --decode writes the bytes of the tokens and "
               "nothing\n"
               "else, with a line end only on a terminal.\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(tokenize_values),
    .run = run,
};
