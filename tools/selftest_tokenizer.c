/*
 * selftest_tokenizer.c: `weir selftest tokenizer` and `pretokenizer`: texts against the ids and the
 * pieces that are known for them.
 *
 * Of a case everything it names must hold: the ids of the text, the ids without control tokens, the
 * text of both, the pieces. The first of these that does not is what is told.
 */
#include "base/error.h"
#include "selftest.h"
#include "selftest_cases.h"
#include "text/tokenizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct text_case {
    const weir_cases *cases;
    const char *text; /* [n_text] */
    size_t n_text;
    bool add_bos, decode_only;
} text_case;

static void *take(size_t n, size_t size) {
    void *memory = calloc(n + 1, size);
    if (!memory)
        abort();
    return memory;
}

/* ---- ids ---------------------------------------------------------------------------------- */

/* The list under key; *ids NULL if there is none. A number that is no id at all, such as 1e12,
 * becomes one that no vocabulary has. */
static weir_status read_ids(const text_case *c, const char *key, int32_t **ids, size_t *n_ids,
                            weir_error *err) {
    const json_t *list = json_object_get(c->cases->json, key);
    *ids = NULL;
    *n_ids = json_array_size(list);
    if (!list)
        return WEIR_STATUS_OK;
    if (!json_is_array(list))
        return weir_cases_fail(c->cases, err, "a list of ids");
    int32_t *out = take(*n_ids, sizeof *out);
    for (size_t i = 0; i < *n_ids; i++) {
        const json_t *item = json_array_get(list, i);
        double value = json_number_value(item);
        if (!json_is_number(item) || value != floor(value)) {
            free(out);
            return weir_cases_fail(c->cases, err, "whole numbers as ids");
        }
        out[i] = (int32_t)fmax(-1, fmin(value, INT32_MAX));
    }
    *ids = out;
    return WEIR_STATUS_OK;
}

static char *judge_ids(const char *what, const int32_t *got, size_t n_got, const int32_t *expected,
                       size_t n_expected) {
    size_t at = 0;
    while (at < n_got && at < n_expected && got[at] == expected[at])
        at++;
    if (at == n_got && at == n_expected)
        return NULL;
    if (at == n_got || at == n_expected)
        return weir_verdict("%s: got %zu ids, expected %zu; the first %zu agree", what, n_got,
                            n_expected, at);
    return weir_verdict("%s: id %zu of %zu: got %d, expected %d", what, at + 1, n_expected, got[at],
                        expected[at]);
}

static char *judge_encoding(const text_case *c, const weir_tokenizer *tokenizer, const char *what,
                            bool no_control, const int32_t *expected, size_t n_expected) {
    weir_encode_options options = {.add_special = c->add_bos, .no_control = no_control};
    weir_error err = {0};
    size_t n = 0, cap = c->n_text + 2;
    int32_t *ids = take(cap, sizeof *ids);
    char *why;
    if (weir_tokenizer_encode(tokenizer, c->text, c->n_text, &options, ids, cap, &n, &err) !=
        WEIR_STATUS_OK)
        why = weir_verdict("%s: %s", what, err.text);
    else
        why = judge_ids(what, ids, n, expected, n_expected);
    free(ids);
    return why;
}

static char *judge_decoding(const text_case *c, const weir_tokenizer *tokenizer, const char *what,
                            const int32_t *ids, size_t n_ids) {
    weir_tokenizer_info info;
    weir_tokenizer_get_info(tokenizer, &info);
    if (c->add_bos && info.add_bos && n_ids > 0 && ids[0] == info.bos) {
        ids++;
        n_ids--;
    }
    if (c->add_bos && info.add_eos && n_ids > 0 && ids[n_ids - 1] == info.eos)
        n_ids--;
    weir_error err = {0};
    size_t n = 0;
    weir_status status = weir_tokenizer_decode(tokenizer, ids, n_ids, false, NULL, 0, &n, &err);
    if (status != WEIR_STATUS_OK)
        return weir_verdict("text of %s: %s", what, err.text);
    char *text = take(n, 1), label[64];
    status = weir_tokenizer_decode(tokenizer, ids, n_ids, false, text, n, &n, &err);
    if (status != WEIR_STATUS_OK)
        abort(); /* it has just been measured */
    snprintf(label, sizeof label, "text of %s", what);
    char *why = weir_verdict_on_text(label, text, n, c->text, c->n_text);
    free(text);
    return why;
}

/* One list of ids, both ways; no verdict if the case has no such list. */
static weir_status check_ids(const text_case *c, const weir_tokenizer *tokenizer, const char *key,
                             bool no_control, bool *is_there, char **why, weir_error *err) {
    int32_t *ids;
    size_t n;
    WEIR_TRY(read_ids(c, key, &ids, &n, err));
    if (!ids)
        return WEIR_STATUS_OK;
    *is_there = true;
    if (!*why && !c->decode_only)
        *why = judge_encoding(c, tokenizer, key, no_control, ids, n);
    if (!*why)
        *why = judge_decoding(c, tokenizer, key, ids, n);
    free(ids);
    return WEIR_STATUS_OK;
}

/* ---- pieces ------------------------------------------------------------------------------- */

/* Walks through the pieces of the text; the first that differs is told. */
static char *judge_walk(const text_case *c, weir_split_walk *walk, const json_t *pieces) {
    size_t start = 0, end, n = 0;
    weir_split_walk_start(walk, c->text, c->n_text);
    for (;; n++) {
        weir_error err = {0};
        if (weir_split_walk_next(walk, &end, &err) != WEIR_STATUS_OK)
            return weir_verdict("pieces: %s", err.text);
        if (end == start)
            break;
        const json_t *piece = json_array_get(pieces, n);
        if (piece) {
            char what[40];
            snprintf(what, sizeof what, "piece %zu", n + 1);
            char *why = weir_verdict_on_text(what, c->text + start, end - start,
                                             json_string_value(piece), json_string_length(piece));
            if (why)
                return why;
        }
        start = end;
    }
    return n == json_array_size(pieces)
               ? NULL
               : weir_verdict("got %zu pieces, expected %zu", n, json_array_size(pieces));
}

static char *judge_pieces(const text_case *c, const weir_splitter *splitter, const json_t *pieces) {
    weir_split_walk *walk = NULL;
    weir_error err = {0};
    if (weir_split_walk_open(&walk, splitter, &err) != WEIR_STATUS_OK)
        return weir_verdict("pieces: %s", err.text);
    char *why = judge_walk(c, walk, pieces);
    weir_split_walk_close(&walk);
    return why;
}

/* No verdict if the case names no pieces. */
static weir_status check_pieces(const text_case *c, const weir_splitter *splitter, bool *is_there,
                                char **why, weir_error *err) {
    const json_t *pieces = json_object_get(c->cases->json, "pieces");
    if (!pieces)
        return WEIR_STATUS_OK;
    bool is_list = json_is_array(pieces);
    for (size_t i = 0; i < json_array_size(pieces); i++)
        is_list = is_list && json_is_string(json_array_get(pieces, i));
    if (!is_list)
        return weir_cases_fail(c->cases, err, "a list of strings as \"pieces\"");
    *is_there = true;
    if (!*why)
        *why = judge_pieces(c, splitter, pieces);
    return WEIR_STATUS_OK;
}

/* ---- files -------------------------------------------------------------------------------- */

static weir_status read_case(text_case *c, const weir_cases *cases, weir_error *err) {
    *c = (text_case){
        .cases = cases,
        .add_bos = json_is_true(json_object_get(cases->json, "add_bos")),
        .decode_only = json_is_true(json_object_get(cases->json, "decode_only")),
    };
    return weir_case_string(cases, cases->json, "text", true, &c->text, &c->n_text, err);
}

/* The present case: ids if there is a tokenizer, and pieces. */
static weir_status check_case(weir_report *report, const weir_cases *cases,
                              const weir_tokenizer *tokenizer, const weir_splitter *splitter,
                              weir_error *err) {
    text_case c;
    char *why = NULL;
    bool is_there = false;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY_GOTO(read_case(&c, cases, err));
    if (tokenizer) {
        WEIR_TRY_GOTO(check_ids(&c, tokenizer, "ids", false, &is_there, &why, err));
        WEIR_TRY_GOTO(check_ids(&c, tokenizer, "ids_plain", true, &is_there, &why, err));
    }
    WEIR_TRY_GOTO(check_pieces(&c, splitter, &is_there, &why, err));
    if (is_there)
        weir_case_judge(report, cases, why);
    else
        weir_case_skip(report, cases, tokenizer ? "names neither ids nor pieces" : "no pieces");
    return WEIR_STATUS_OK;
fail:
    free(why);
    return status;
}

static weir_status check_file(weir_report *report, const char *path,
                              const weir_tokenizer *tokenizer, const weir_splitter *splitter,
                              weir_error *err) {
    weir_cases cases;
    bool is_there;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY(weir_cases_open(&cases, path, err));
    for (;;) {
        WEIR_TRY_GOTO(weir_cases_next(&cases, &is_there, err));
        if (!is_there)
            break;
        WEIR_TRY_GOTO(check_case(report, &cases, tokenizer, splitter, err));
    }
fail:
    weir_cases_close(&cases);
    return status;
}

weir_status weir_selftest_tokenizer(weir_report *report, const char *path, const char *cases,
                                    weir_error *err) {
    weir_tokenizer *tokenizer = NULL;
    WEIR_TRY(weir_tokenizer_open(&tokenizer, path, NULL, err));
    weir_status status = check_file(report, cases, tokenizer, tokenizer->splitter, err);
    weir_tokenizer_close(&tokenizer);
    return status;
}

weir_status weir_selftest_pretokenizer(weir_report *report, const char *cases, weir_error *err) {
    weir_splitter *splitter = NULL;
    WEIR_TRY(weir_splitter_open(&splitter, weir_split_family, strlen(weir_split_family), err));
    weir_status status = check_file(report, cases, NULL, splitter, err);
    weir_splitter_close(&splitter);
    return status;
}
