/*
 * fuzz_grammar.c: any bytes as a grammar of any kind, and as the choices of what is written under
 * it. There is always a token that is allowed, what is allowed is accepted, and a text that came to
 * its end is what the grammar wants; of JSON kinds, it is JSON.
 *
 * Byte 0: the kind, and flags. Then the source up to a zero byte. The rest chooses among the tokens
 * that are allowed, one byte each.
 */
#include "text/token_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLAG_SPACE = 8, FLAG_REQUIRED = 16, FLAG_ONE = 32, N_TOKENS = 256 + 6, MAX_SOURCE = 4096 };
enum { T_END = N_TOKENS - 1, MAX_STEPS = 600 };

static void require(bool holds) {
    if (!holds)
        abort();
}

/* All bytes, some longer ones, the marks of calls, an end. */
static weir_token_tree *make_tree(void) {
    static const char *const more[] = {
        "\": ", "}}", "\\u00", "<|tool_call_start|>", "<|tool_call_end|>", "<|im_end|>"};
    static char bytes[256];
    const int32_t end = T_END;
    weir_tree_token tokens[N_TOKENS];
    weir_token_tree *tree;
    for (size_t i = 0; i < N_TOKENS; i++) {
        if (i < 256)
            bytes[i] = (char)i;
        tokens[i].bytes = i < 256 ? &bytes[i] : more[i - 256];
        tokens[i].n = i < 256 ? 1 : strlen(more[i - 256]);
        tokens[i].is_control = i >= 259;
    }
    require(weir_token_tree_make(&tree, tokens, N_TOKENS, &end, 1, NULL) == WEIR_STATUS_OK);
    return tree;
}

static const char *token_bytes(int32_t token, char *room) {
    static const char *const more[] = {"\": ", "}}", "\\u00", "<|tool_call_start|>",
                                       "<|tool_call_end|>"};
    room[0] = (char)token;
    return token < 256 ? room : more[token - 256];
}

static int32_t choose(const uint32_t *mask, uint8_t byte) {
    int32_t allowed[N_TOKENS];
    size_t n = 0;
    for (int32_t t = 0; t < N_TOKENS; t++)
        if (mask[t / 32] >> (t % 32) & 1u)
            allowed[n++] = t;
    require(n > 0);
    if (mask[T_END / 32] >> (T_END % 32) & 1u && byte % 4 == 0)
        return T_END;
    return allowed[byte * n / 256];
}

static void check_json(const char *text, size_t n) {
    json_error_t error;
    json_t *value =
        json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    enum json_error_code code = value ? json_error_unknown : json_error_code(&error);
    require(value || code == json_error_numeric_overflow || code == json_error_null_byte_in_key);
    json_decref(value);
}

static void write_text(const weir_grammar *grammar, const weir_token_tree *tree, bool is_json,
                       const uint8_t *choices, size_t n_choices) {
    static char text[MAX_STEPS * 32];
    static const int32_t end = T_END;
    weir_matcher_options options = {.ends = &end, .n_ends = 1};
    size_t n = 0;
    weir_matcher *matcher;
    if (weir_matcher_open(&matcher, grammar, tree, &options, NULL) != WEIR_STATUS_OK)
        return;
    for (size_t i = 0; i < n_choices && i < MAX_STEPS; i++) {
        const uint32_t *mask;
        char room[1];
        require(weir_matcher_mask(matcher, &mask, NULL) == WEIR_STATUS_OK);
        int32_t token = choose(mask, choices[i]);
        require(weir_matcher_accept(matcher, token, NULL) == WEIR_STATUS_OK);
        if (token == T_END) {
            require(weir_grammar_check(grammar, text, n, NULL) == WEIR_STATUS_OK);
            if (is_json)
                check_json(text, n);
            break;
        }
        const char *bytes = token_bytes(token, room);
        size_t n_bytes = token < 256 ? 1 : strlen(bytes);
        memcpy(text + n, bytes, n_bytes);
        n += n_bytes;
    }
    weir_matcher_close(&matcher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static weir_token_tree *tree;
    if (!tree)
        tree = make_tree();
    if (size < 1)
        return 0;
    const uint8_t *zero = memchr(data + 1, 0, size - 1);
    size_t n = zero ? (size_t)(zero - data) - 1 : size - 1;
    if (n > MAX_SOURCE)
        return 0;
    weir_grammar_kind kind = (weir_grammar_kind)(data[0] % 8 % 6);
    weir_grammar_options options = {.any_space = data[0] & FLAG_SPACE,
                                    .is_call_required = data[0] & FLAG_REQUIRED,
                                    .is_one_call = data[0] & FLAG_ONE};
    weir_grammar *grammar;
    weir_error err = {0};
    weir_status status =
        weir_grammar_open(&grammar, kind, (const char *)data + 1, n, &options, &err);
    require((status == WEIR_STATUS_OK) == (grammar != NULL));
    require(status == WEIR_STATUS_OK || err.text[0] != '\0');
    if (!grammar)
        return 0;
    bool is_json = kind == WEIR_GRAMMAR_JSON_SCHEMA || kind == WEIR_GRAMMAR_JSON_OBJECT;
    if (zero)
        write_text(grammar, tree, is_json, zero + 1, size - n - 2);
    weir_grammar_close(&grammar);
    return 0;
}
