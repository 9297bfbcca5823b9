/*
 * fuzz_bpe.c: any text with any spans through a tokenizer.
 *
 * The first byte chooses: bit 0 no control tokens, bit 1 BOS and EOS around, bit 2 another regular
 * expression, bit 3 entries taken whole. The second is the number of spans; each is two bytes: its
 * length, and its kind (the lowest two bits) with a gap before it (the rest). What follows is the
 * text. Whatever it is: the ids lead back to it, no control token lies in bytes that do not allow
 * it, and spans of content alone are the same as no control tokens.
 */
#include "convert/synth_parts.h"
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_SYNTH = 4096, MOST_SPANS = 255, THINK = N_SYNTH, PYTHON = N_SYNTH + 1 };

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static void set(weir_token_table *table, size_t id, weir_token_kind kind, const char *text) {
    demand(weir_token_table_set(table, id, kind, text, strlen(text)));
}

/* A synthetic vocabulary of all bytes and many words, and added tokens that begin like each other.
 */
static weir_tokenizer *make(bool is_other_split, bool is_whole) {
    weir_hparams h = {.n_vocab = N_SYNTH, .bos = 1, .eos = 7, .pad = 0};
    weir_token_table table;
    weir_error err = {0};
    weir_tokenizer *t;
    demand(weir_synth_tokenizer(&table, &h, &err) == WEIR_STATUS_OK);
    demand(weir_token_table_grow(&table, N_SYNTH + 8));
    set(&table, THINK, WEIR_TOKEN_CONTROL, "<think>");
    set(&table, PYTHON, WEIR_TOKEN_USER_DEFINED, "python");
    set(&table, N_SYNTH + 2, WEIR_TOKEN_USER_DEFINED, "im_end|>p");
    set(&table, N_SYNTH + 3, WEIR_TOKEN_USER_DEFINED, "pyt");
    set(&table, N_SYNTH + 4, WEIR_TOKEN_CONTROL, "<|im_");
    table.is_normalized[N_SYNTH + 4] = true;
    table.add_eos = true;
    static const char other[] = "(?i:'s)|\\p{L}{1,7}?|[^\\S\\n]+(?!\\s)|x*";
    if (is_other_split)
        table.split = (weir_text){other, sizeof other - 1};
    weir_tokenizer_options options = {.ignore_merges = is_whole ? WEIR_IGNORE_MERGES_YES
                                                                : WEIR_IGNORE_MERGES_NO};
    demand(weir_tokenizer_from_table(&t, &table, &options, "synthetic", &err) == WEIR_STATUS_OK);
    return t;
}

static size_t read_spans(const uint8_t *data, size_t n_spans, size_t n, weir_span *spans) {
    size_t at = 0, n_read = 0;
    for (size_t i = 0; i < n_spans; i++) {
        size_t gap = data[2 * i + 1] >> 2, length = data[2 * i];
        if (n - at < gap)
            break;
        at += gap;
        length = length < n - at ? length : n - at;
        spans[n_read++] = (weir_span){
            .start = at, .n = length, .kind = (weir_span_kind)((data[2 * i + 1] & 3) % 3)};
        at += length;
    }
    return n_read;
}

static bool is_mark(const char *bytes, size_t n) {
    return (n == 7 && memcmp(bytes, "<think>", 7) == 0) ||
           (n > 12 && memcmp(bytes, "<|tool_call_", 12) == 0);
}

/* Every byte of a control token lies in a span that allows it, or in none. */
static void check_allowed(const weir_span *spans, size_t n_spans, size_t start, const char *bytes,
                          size_t n) {
    for (size_t i = 0; i < n_spans; i++)
        if (spans[i].n > 0 && spans[i].start < start + n && spans[i].start + spans[i].n > start)
            demand(spans[i].kind == WEIR_SPAN_TEMPLATE ||
                   (spans[i].kind == WEIR_SPAN_ASSISTANT && is_mark(bytes, n)));
}

static void check_ids(const weir_tokenizer *t, const weir_encode_options *options,
                      const int32_t *ids, size_t n_ids, const char *text, size_t n) {
    size_t at = 0, first = options->add_special ? 1 : 0, last = n_ids - first;
    demand(!options->add_special || (n_ids >= 2 && ids[0] == 1 && ids[n_ids - 1] == 7));
    for (size_t i = first; i < last; i++) {
        const char *bytes;
        size_t n_bytes;
        weir_token_kind kind = weir_tokenizer_token(t, ids[i], &bytes, &n_bytes);
        demand(kind != WEIR_TOKEN_NONE && kind != WEIR_TOKEN_UNUSED && n_bytes > 0);
        demand(n_bytes <= n - at && memcmp(text + at, bytes, n_bytes) == 0);
        if (kind == WEIR_TOKEN_CONTROL) {
            demand(!options->no_control);
            check_allowed(options->spans, options->n_spans, at, bytes, n_bytes);
        }
        at += n_bytes;
    }
    demand(at == n);
}

static int32_t *encode(const weir_tokenizer *t, const weir_encode_options *options,
                       const char *text, size_t n, size_t *n_ids) {
    weir_error err = {0};
    int32_t *ids = malloc((n + 2) * sizeof *ids);
    demand(ids != NULL);
    demand(weir_tokenizer_encode(t, text, n, options, ids, n + 2, n_ids, &err) == WEIR_STATUS_OK);
    demand(*n_ids <= n + 2);
    return ids;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static weir_tokenizer *tokenizers[4];
    if (size < 2 || size - 2 < 2 * (size_t)data[1])
        return 0;
    weir_tokenizer **t = &tokenizers[(data[0] >> 2) & 3];
    if (*t == NULL)
        *t = make((data[0] & 4) != 0, (data[0] & 8) != 0);
    const char *text = (const char *)data + 2 + 2 * (size_t)data[1];
    size_t n = size - 2 - 2 * (size_t)data[1], n_ids, n_plain, n_content;
    weir_span spans[MOST_SPANS];
    weir_encode_options options = {.no_control = (data[0] & 1) != 0,
                                   .add_special = (data[0] & 2) != 0,
                                   .spans = spans,
                                   .n_spans = read_spans(data + 2, data[1], n, spans)};
    int32_t *ids = encode(*t, &options, text, n, &n_ids);
    check_ids(*t, &options, ids, n_ids, text, n);
    free(ids);
    weir_encode_options no_control = {.no_control = true};
    weir_span all = {.start = 0, .n = n, .kind = WEIR_SPAN_CONTENT};
    weir_encode_options content = {.spans = &all, .n_spans = 1};
    int32_t *plain = encode(*t, &no_control, text, n, &n_plain);
    ids = encode(*t, &content, text, n, &n_content);
    demand(n_content == n_plain && memcmp(ids, plain, n_plain * sizeof *ids) == 0);
    free(ids);
    free(plain);
    return 0;
}
