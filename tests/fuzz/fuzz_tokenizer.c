/*
 * fuzz_tokenizer.c: any bytes as one of the files that make a tokenizer, and then the tokenizer.
 *
 * The first byte chooses: bits 0 and 1 which file the rest is (with bit 4 the other two), bit 2
 * whether a good tokenizer.json was read before it, bit 3 a small vocabulary, bit 5 one as large as
 * tokenizer.json says. What is taken makes a table that holds together and a tokenizer whose ids
 * lead back to the text; what is not says why in one line.
 */
#include "base/compiler.h"
#include "text/hf_tokenizer.h"
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_VOCAB = 96, N_VOCAB_SMALL = 6, LONGEST_TEXT = 4096 };

static const char GOOD[] =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"<|pad|>\",\"special\":true},"
    "{\"id\":1,\"content\":\"<|bos|>\"},{\"id\":5,\"content\":\"word\"}],"
    "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
    "\"pattern\":{\"Regex\":\"'(?i:[sdmt]|ll|ve|re)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\"}},"
    "{\"type\":\"ByteLevel\",\"use_regex\":false}]},"
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
        weir_text left, right;
        demand(weir_token_divide_merge(t->merges[i], &left, &right));
        demand(has_token(t, left.data, left.size) && has_token(t, right.data, right.size));
        char *whole = malloc(left.size + right.size);
        demand(whole != NULL);
        memcpy(whole, left.data, left.size);
        memcpy(whole + left.size, right.data, right.size);
        demand(has_token(t, whole, left.size + right.size));
        free(whole);
    }
    demand(t->split.data != NULL && strlen(t->split.data) == t->split.size);
}

static void walk_rest(const weir_token_table *t) {
    const int32_t ids[] = {t->bos, t->eos, t->pad};
    for (size_t i = 0; i < WEIR_COUNT(ids); i++)
        demand(ids[i] >= -1 && ids[i] < (int32_t)t->n_tokens);
    demand(t->n_stops <= WEIR_MAX_STOPS && t->n_templates <= WEIR_MAX_TEMPLATES);
    for (size_t i = 0; i < t->n_stops; i++)
        demand(t->stops[i] >= 0 && t->stops[i] < (int32_t)t->n_tokens);
    for (size_t i = 0; i < t->n_templates; i++) {
        demand(strlen(t->templates[i].name.data) == t->templates[i].name.size);
        demand(t->templates[i].text.data[t->templates[i].text.size] == '\0');
    }
    if (t->chat_template.data != NULL)
        demand(t->chat_template.data[t->chat_template.size] == '\0');
}

/* Ids that lead back to the text, or one reason why there are none. */
static void use_on(const weir_tokenizer *t, const char *text, size_t n) {
    weir_error err = {0};
    int32_t *ids = malloc((n + 2) * sizeof *ids);
    char *back = malloc(n + 1);
    size_t n_ids, n_back;
    demand(ids != NULL && back != NULL);
    weir_status status = weir_tokenizer_encode(t, text, n, NULL, ids, n + 2, &n_ids, &err);
    if (status == WEIR_STATUS_OK) {
        demand(n_ids <= n);
        demand(weir_tokenizer_decode(t, ids, n_ids, false, back, n + 1, &n_back, &err) ==
               WEIR_STATUS_OK);
        demand(n_back == n && memcmp(back, text, n) == 0);
    } else {
        demand(status == WEIR_STATUS_UNSUPPORTED && err.status == status);
        demand(strchr(err.text, '\n') == NULL);
    }
    free(back);
    free(ids);
}

static void use(weir_token_table *table, const char *data, size_t size) {
    weir_error err = {0};
    weir_tokenizer *t;
    weir_status status = weir_tokenizer_from_table(&t, table, NULL, "fuzz", &err);
    if (status != WEIR_STATUS_OK) {
        demand(status == WEIR_STATUS_UNSUPPORTED && t == NULL);
        demand(strncmp(err.text, "fuzz: ", 6) == 0 && strchr(err.text, '\n') == NULL);
        return;
    }
    static const char text[] = "ab a  abb<|pad|><think>ba\n\n'S 12345 \xc3\xa9\xff";
    use_on(t, text, sizeof text - 1);
    use_on(t, "a abbab", 7);
    use_on(t, data, size < LONGEST_TEXT ? size : LONGEST_TEXT);
    weir_tokenizer_close(&t);
}

static size_t n_vocab_of(uint8_t choice) {
    if (choice & 32)
        return 0;
    return choice & 8 ? N_VOCAB_SMALL : N_VOCAB;
}

static weir_hf_file file_of(uint8_t choice) {
    if (choice & 16)
        return choice & 1 ? WEIR_HF_CHAT_TEMPLATE_JSON : WEIR_HF_CONFIG;
    return (weir_hf_file)(choice & 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    weir_token_table table;
    weir_error err = {0};
    bool found = false;
    demand(weir_token_table_open(&table, n_vocab_of(data[0]), &err) == WEIR_STATUS_OK);
    weir_hf_file file = file_of(data[0]);
    if ((data[0] & 4) && file != WEIR_HF_TOKENIZER)
        demand(weir_hf_tokenizer_parse(&table, &found, WEIR_HF_TOKENIZER, GOOD, strlen(GOOD),
                                       "good", &err) == WEIR_STATUS_OK);
    weir_status status = weir_hf_tokenizer_parse(&table, &found, file, (const char *)data + 1,
                                                 size - 1, "fuzz", &err);
    if (status == WEIR_STATUS_OK) {
        if (found)
            walk_tokens(&table);
        walk_rest(&table);
        if (found)
            use(&table, (const char *)data + 1, size - 1);
    } else {
        demand(status == WEIR_STATUS_BAD_FILE || status == WEIR_STATUS_UNSUPPORTED);
        demand(err.status == status && strncmp(err.text, "fuzz: ", 6) == 0);
        demand(strchr(err.text, '\n') == NULL);
    }
    weir_token_table_close(&table);
    return 0;
}
