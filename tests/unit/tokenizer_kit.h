/*
 * tokenizer_kit.h: opening, encoding and reading cases, for the tests of the tokenizer. Include
 * after the headers of cmocka's preamble.
 */
#ifndef WEIR_TESTS_TOKENIZER_KIT_H
#define WEIR_TESTS_TOKENIZER_KIT_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/utf8.h"
#include "text/hf_tokenizer.h"
#include "text/tokenizer.h"

#define MINI (WEIR_TEST_DATA "/tokenizer/mini/tokenizer.json")

static inline weir_tokenizer *kit_open(const char *path) {
    weir_error err = {0};
    weir_tokenizer *t;
    if (weir_tokenizer_open(&t, path, NULL, &err) != WEIR_STATUS_OK)
        fail_msg("%s: %s", path, err.text);
    return t;
}

/* A tokenizer.json from memory. */
static inline weir_status kit_try(weir_tokenizer **out, const char *json,
                                  const weir_tokenizer_options *options, weir_error *err) {
    weir_token_table table;
    bool found = false;
    *out = NULL;
    assert_int_equal(weir_token_table_open(&table, 0, err), WEIR_STATUS_OK);
    weir_status status = weir_hf_tokenizer_parse(&table, &found, WEIR_HF_TOKENIZER, json,
                                                 strlen(json), "test.json", err);
    if (status == WEIR_STATUS_OK)
        status = weir_tokenizer_from_table(out, &table, options, "test.json", err);
    weir_token_table_close(&table);
    return status;
}

static inline weir_tokenizer *kit_parse(const char *json) {
    weir_error err = {0};
    weir_tokenizer *t;
    if (kit_try(&t, json, NULL, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return t;
}

/* malloc'ed ids; in a block of their exact size, measured before. */
static inline int32_t *kit_encode(const weir_tokenizer *t, const char *text, size_t n,
                                  const weir_encode_options *options, size_t *n_ids) {
    weir_error err = {0};
    size_t n_measured;
    if (weir_tokenizer_encode(t, text, n, options, NULL, 0, &n_measured, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    assert_true(n_measured <= n + 2);
    int32_t *ids = malloc((n_measured > 0 ? n_measured : 1) * sizeof *ids);
    assert_non_null(ids);
    assert_int_equal(weir_tokenizer_encode(t, text, n, options, ids, n_measured, n_ids, &err),
                     WEIR_STATUS_OK);
    assert_int_equal(*n_ids, n_measured);
    return ids;
}

static inline void kit_expect_decoded(const weir_tokenizer *t, const int32_t *ids, size_t n_ids,
                                      const char *text, size_t n) {
    weir_error err = {0};
    size_t n_out;
    char *out = malloc(n + 1);
    assert_non_null(out);
    assert_int_equal(weir_tokenizer_decode(t, ids, n_ids, false, out, n + 1, &n_out, &err),
                     WEIR_STATUS_OK);
    assert_int_equal(n_out, n);
    assert_memory_equal(out, text, n);
    free(out);
}

/* Encodes, compares with ids [n_ids], decodes. */
static inline void kit_expect(const weir_tokenizer *t, const char *text, size_t n,
                              const weir_encode_options *options, const int32_t *ids,
                              size_t n_ids) {
    size_t n_found;
    int32_t *found = kit_encode(t, text, n, options, &n_found);
    if (n_found != n_ids || (n_ids > 0 && memcmp(found, ids, n_ids * sizeof *ids) != 0)) {
        fprintf(stderr, "found:   ");
        for (size_t i = 0; i < n_found; i++)
            fprintf(stderr, " %d", found[i]);
        fprintf(stderr, "\nexpected:");
        for (size_t i = 0; i < n_ids; i++)
            fprintf(stderr, " %d", ids[i]);
        fail_msg("\nids of a text of %zu bytes", n);
    }
    free(found);
}

/* The lines of a file of cases, as an array of objects. */
static inline json_t *kit_cases(const char *path) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    json_t *cases = json_array();
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, file) > 0) {
        json_t *item = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(item);
        assert_int_equal(json_array_append_new(cases, item), 0);
    }
    free(line);
    fclose(file);
    return cases;
}

/* [*n], malloc'ed */
static inline int32_t *kit_ids(const json_t *list, size_t *n) {
    *n = json_array_size(list);
    int32_t *ids = malloc((*n + 1) * sizeof *ids);
    assert_non_null(ids);
    for (size_t i = 0; i < *n; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return ids;
}

/* The pieces of a text are those of the list. */
static inline void kit_expect_pieces(const weir_tokenizer *t, const json_t *text,
                                     const json_t *pieces) {
    weir_error err = {0};
    size_t n_pieces, n = json_string_length(text), begin = 0;
    size_t *ends = malloc((n + 1) * sizeof *ends);
    assert_non_null(ends);
    if (weir_tokenizer_split(t, json_string_value(text), n, ends, n, &n_pieces, &err) !=
        WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    if (n_pieces != json_array_size(pieces))
        fail_msg("'%s': %zu pieces", json_string_value(text), n_pieces);
    for (size_t i = 0; i < n_pieces; begin = ends[i++]) {
        const json_t *piece = json_array_get(pieces, i);
        assert_int_equal(ends[i] - begin, json_string_length(piece));
        assert_memory_equal(json_string_value(text) + begin, json_string_value(piece),
                            json_string_length(piece));
    }
    assert_int_equal(begin, n);
    free(ends);
}

#endif
