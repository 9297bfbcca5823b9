/*
 * shard_kit.h: packed files for tests: of given ids, with the mini tokenizer. Include after the
 * headers of cmocka's preamble.
 */
#ifndef WEIR_TESTS_SHARD_KIT_H
#define WEIR_TESTS_SHARD_KIT_H

#include "train/data.h"
#include "train/shard.h"
#include "unit/temp_folder.h"

#define MINI WEIR_TEST_DATA "/tokenizer/mini/tokenizer.json"

static inline weir_tokenizer *kit_tokenizer(const char *path) {
    weir_tokenizer *tokenizer;
    weir_error err = {0};
    if (weir_tokenizer_open(&tokenizer, path, NULL, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return tokenizer;
}

/* Ids that tell where they are from: sample s has base + 0, base + 1, ... running on through all
 * samples; n [n_samples]. Tokens before n_prompt are no targets, nor is the first. */
static inline weir_shard *kit_shard(const char *name, const uint32_t *n, size_t n_samples,
                                    int32_t base, size_t n_prompt, bool is_text) {
    weir_tokenizer *tokenizer = kit_tokenizer(MINI);
    weir_shard_writer *writer;
    weir_shard *shard;
    int32_t ids[4096], next = base;
    bool is_target[4096];
    assert_int_equal(weir_shard_writer_open(&writer, in_temp(name), tokenizer, true, NULL),
                     WEIR_STATUS_OK);
    for (size_t s = 0; s < n_samples; s++) {
        for (size_t i = 0; i < n[s]; i++) {
            ids[i] = next++;
            is_target[i] = i >= n_prompt;
        }
        assert_int_equal(weir_shard_writer_add(writer, ids, is_target, n[s], 3 * n[s], NULL),
                         WEIR_STATUS_OK);
    }
    assert_true(next <= 4096);
    assert_int_equal(weir_shard_writer_commit(&writer, is_text, NULL), WEIR_STATUS_OK);
    weir_tokenizer_close(&tokenizer);
    weir_error err = {0};
    if (weir_shard_open(&shard, in_temp(name), &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return shard;
}

#endif
