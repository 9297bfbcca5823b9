/*
 * fuzz_tokenizer.c: any bytes as one of the tokenizer files of a Hugging Face folder.
 *
 * The first byte chooses: bits 0 and 1 which file the rest is, bit 2 whether a good tokenizer.json
 * was read before it, bit 3 a small vocabulary. What is taken makes a table that holds together,
 * what is not says why in one line.
 */
#include "base/compiler.h"
#include "text/hf_tokenizer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_VOCAB = 96, N_VOCAB_SMALL = 6 };

static const char GOOD[] =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"<|pad|>\",\"special\":true},"
    "{\"id\":1,\"content\":\"<|bos|>\"},{\"id\":5,\"content\":\"word\"}],"
    "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":"
    "\"'(?i:[sdmt]|ll|ve|re)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\"}},"
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"<|pad|>\":0,\"a\":2,\"b\":3,\"ab\":4},"
    "\"merges\":[\"a b\"]}}";

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static bool has_token(const weir_token_table *t, const char *text, size_t n) {
    for (size_t i = 0; i < t->n_tokens; i++)
        if (t->tokens[i].size == n && memcmp(t->tokens[i].data, text, n) == 0)
            return true;
    return false;
}

/* Every id has a text of its own memory; both parts of a merge, and the whole, are entries. */
static void walk_tokens(const weir_token_table *t) {
    for (size_t i = 0; i < t->n_tokens; i++) {
        const weir_text *token = &t->tokens[i];
        demand(t->kinds[i] != WEIR_TOKEN_NONE && token->size > 0);
        demand(strlen(token->data) == token->size);
    }
    for (size_t i = 0; i < t->n_merges; i++) {
        const weir_text *merge = &t->merges[i];
        const char *space = memchr(merge->data, ' ', merge->size);
        demand(space != NULL);
        size_t n_left = (size_t)(space - merge->data), n_right = merge->size - n_left - 1;
        demand(has_token(t, merge->data, n_left) && has_token(t, space + 1, n_right));
        char *whole = malloc(merge->size);
        demand(whole != NULL);
        memcpy(whole, merge->data, n_left);
        memcpy(whole + n_left, space + 1, n_right);
        demand(has_token(t, whole, n_left + n_right));
        free(whole);
    }
}

static void walk_rest(const weir_token_table *t) {
    const int32_t ids[] = {t->bos, t->eos, t->pad};
    for (size_t i = 0; i < WEIR_COUNT(ids); i++)
        demand(ids[i] >= -1 && ids[i] < (int32_t)t->n_tokens);
    demand(t->n_templates <= WEIR_MAX_TEMPLATES);
    for (size_t i = 0; i < t->n_templates; i++) {
        demand(strlen(t->templates[i].name.data) == t->templates[i].name.size);
        demand(strlen(t->templates[i].text.data) == t->templates[i].text.size);
    }
    if (t->chat_template.data != NULL)
        demand(t->chat_template.data[t->chat_template.size] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    weir_token_table table;
    weir_error err = {0};
    bool found = false;
    demand(weir_token_table_open(&table, data[0] & 8 ? N_VOCAB_SMALL : N_VOCAB, &err) ==
           WEIR_STATUS_OK);
    weir_hf_file file = (weir_hf_file)(data[0] & 3);
    if ((data[0] & 4) && file != WEIR_HF_TOKENIZER)
        demand(weir_hf_tokenizer_parse(&table, &found, WEIR_HF_TOKENIZER, GOOD, strlen(GOOD),
                                       "good", &err) == WEIR_STATUS_OK);
    weir_status status = weir_hf_tokenizer_parse(&table, &found, file, (const char *)data + 1,
                                                 size - 1, "fuzz", &err);
    if (status == WEIR_STATUS_OK) {
        if (found)
            walk_tokens(&table);
        walk_rest(&table);
    } else {
        demand(status == WEIR_STATUS_BAD_FILE || status == WEIR_STATUS_UNSUPPORTED);
        demand(err.status == status && strncmp(err.text, "fuzz: ", 6) == 0);
        demand(strchr(err.text, '\n') == NULL);
    }
    weir_token_table_close(&table);
    return 0;
}
