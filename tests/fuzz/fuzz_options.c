/*
 * fuzz_options.c: any text as a file of token ids, and any words as a command line. What is taken
 * is within its type's range, what is not says why in one line.
 *
 * The words are the input cut at its zero bytes; "-h" and the names below make a good one.
 */
#include "options.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_WORDS = 16 };

typedef struct values {
    bool flag;
    const char *string;
    uint32_t u32;
    uint64_t u64, size;
    float real;
    weir_token_list tokens;
    weir_bias_list biases;
    const char *choice;
    weir_string_list strings;
} values;

#define AT(field) offsetof(values, field)

static const weir_option OPTIONS[] = {
    {"each", 0, WEIR_OPTION_GROUP, 0, NULL, NULL}, /* with the name of an option */
    {"flag", 'f', WEIR_OPTION_FLAG, AT(flag), NULL, "f"},
    {"string", 's', WEIR_OPTION_STRING, AT(string), "S", "s"},
    {"u32", 'u', WEIR_OPTION_U32, AT(u32), "N", "u"},
    {"u64", 0, WEIR_OPTION_U64, AT(u64), "N", "u"},
    {"real", 'r', WEIR_OPTION_FLOAT, AT(real), "X", "r"},
    {"size", 'z', WEIR_OPTION_SIZE, AT(size), "SIZE", "z"},
    {"tokens", 't', WEIR_OPTION_TOKENS, AT(tokens), "ID,...", "t"},
    {"bias", 'b', WEIR_OPTION_BIASES, AT(biases), "ID:X,...", "b"},
    {"choice", 'c', WEIR_OPTION_CHOICE, AT(choice), "auto|always|never", "c"},
    {"each", 'e', WEIR_OPTION_STRINGS, AT(strings), "TEXT", "e"},
};

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static void demand_reason(weir_status status, const weir_error *err) {
    demand(status == WEIR_STATUS_BAD_ARGUMENT && err->status == status);
    demand(err->text[0] != '\0' && strchr(err->text, '\n') == NULL);
}

static void walk_tokens(const weir_token_list *list) {
    for (size_t i = 0; i < list->n; i++)
        demand(list->item[i] >= 0);
}

static void parse_tokens(const char *text) {
    weir_token_list list = {0};
    weir_error err = {0};
    weir_status status = weir_parse_tokens(&list, text, "fuzz", &err);
    if (status != WEIR_STATUS_OK) {
        demand_reason(status, &err);
        demand(list.item == NULL && list.n == 0);
    }
    walk_tokens(&list);
    free(list.item);
}

static bool is_among(const char *word, char **words, int n) {
    for (int i = 0; i < n; i++)
        if (strstr(words[i], word))
            return true;
    return false;
}

static void walk_values(const values *v, char **words, int n) {
    demand(isfinite(v->real) && v->size < (uint64_t)1 << 63);
    walk_tokens(&v->tokens);
    for (size_t i = 0; i < v->biases.n; i++)
        demand(v->biases.item[i].token >= 0 && isfinite(v->biases.item[i].bias));
    if (v->choice)
        demand(strcmp(v->choice, "auto") == 0 || strcmp(v->choice, "always") == 0 ||
               strcmp(v->choice, "never") == 0);
    for (size_t i = 0; i < v->strings.n; i++)
        demand(is_among(v->strings.item[i], words, n));
}

static void parse_words(char **words, int n) {
    static const weir_verb verb = {.name = "fuzz",
                                   .operands = "A [B]",
                                   .n_operands_min = 1,
                                   .n_operands_max = 2,
                                   .options = OPTIONS,
                                   .n_options = sizeof OPTIONS / sizeof OPTIONS[0],
                                   .values_bytes = sizeof(values)};
    weir_parsed parsed;
    weir_error err = {0};
    weir_status status = weir_options_parse(&parsed, &verb, n, words, &err);
    if (status == WEIR_STATUS_OK) {
        const values *v = parsed.values;
        demand(parsed.wants_help || parsed.n_operands >= 1);
        demand(weir_option_given(&parsed, "each") == (v->strings.n > 0));
        walk_values(v, words, n);
    } else {
        demand_reason(status, &err);
    }
    weir_parsed_free(&parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1), *words[MAX_WORDS];
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    int n = 0;
    for (size_t at = 0; at <= size && n < MAX_WORDS; at += strlen(text + at) + 1)
        words[n++] = text + at;
    parse_tokens(text);
    demand(weir_value_of(text, strlen(text)) <= WEIR_VALUE_CHOICES);
    parse_words(words, n);
    free(text);
    return 0;
}
