/* token_print.c: see token_print.h. Keeps nothing between calls. */
#include "token_print.h"

#include "console.h"

const char *weir_token_kind_name(weir_token_kind kind) {
    switch (kind) {
    case WEIR_TOKEN_NONE:
        return "none";
    case WEIR_TOKEN_NORMAL:
        return "normal";
    case WEIR_TOKEN_CONTROL:
        return "control";
    case WEIR_TOKEN_USER_DEFINED:
        return "user";
    case WEIR_TOKEN_UNUSED:
        return "unused";
    }
    return "?";
}

void weir_token_print_lines(const weir_tokenizer *tokenizer, const int32_t *ids, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *bytes;
        size_t n_bytes;
        weir_token_kind kind = weir_tokenizer_token(tokenizer, ids[i], &bytes, &n_bytes);
        printf("%6d  %-7s  ", ids[i], weir_token_kind_name(kind));
        weir_print_text(stdout, bytes, n_bytes);
        putchar('\n');
    }
}

void weir_token_add_json(const weir_tokenizer *tokenizer, const int32_t *ids, size_t n,
                         weir_text_buffer *out) {
    weir_text_buffer_say(out, "[");
    for (size_t i = 0; i < n; i++) {
        const char *bytes;
        size_t n_bytes;
        weir_token_kind kind = weir_tokenizer_token(tokenizer, ids[i], &bytes, &n_bytes);
        weir_text_buffer_format(out, "%s{\"id\": %d, \"kind\": \"%s\", \"text\": ", i ? ", " : "",
                                ids[i], weir_token_kind_name(kind));
        weir_text_buffer_add_json(out, bytes, n_bytes);
        weir_text_buffer_say(out, "}");
    }
    weir_text_buffer_say(out, "]");
}
