/*
 * scripted_model.c: makes a model that says what a test wants to hear.
 *
 *   scripted_model OUT.gguf BASE.gguf TEMPLATE.jinja|none DIRECTIVE...
 *
 *   say PIECES         the answer, unless the message before it ends as a `to` says
 *   to TEXT PIECES     the answer to a message that ends in the last token of TEXT
 *   after TEXT PIECES  what follows the last token of TEXT, wherever it stands
 *   control TEXT       adds a control token
 *   prompt TEXT        what stands between a message and its answer, if not that of ChatML
 *   context N          tokens of context, if not 2,048
 *
 * PIECES are divided by |; one that is a control token stands for it, every other becomes a new
 * token of the vocabulary, so that a script may repeat itself and its tokens are never those that
 * its text would be encoded to. A last piece @ begins the answer anew, without end; else an end
 * token follows. \n in a text is a line feed.
 *
 * How it works: the residual stream carries a constant, a random unit vector of the token (NOW),
 * that of the token before (BEFORE), and flags of the tokens named in `to`. Convolutions with
 * constant gates move flags two places on in each layer, and copy NOW to BEFORE in the first;
 * attention and feed-forward add nothing. A row of the head is then a sum of conditions under which
 * its token comes next. BASE gives the tokenizer.
 */
#include "base/file.h"
#include "base/random.h"
#include "gguf/gguf.h"
#include "weir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    D_MODEL = 256,
    N_TAPS = 3,
    D_FF = 32,
    N_HEADS = 4,
    N_HEADS_KV = 2,
    N_CTX = 2048,
    CONSTANT_AT = 0,
    WIDTH = 80, /* of a token's vector */
    NOW_AT = 1,
    BEFORE_AT = NOW_AT + WIDTH,
    FLAGS_AT = BEFORE_AT + WIDTH,
    N_FLAGS = 5,
    MAX_STAGES = (D_MODEL - FLAGS_AT) / N_FLAGS - 1,
    MAX_TOKENS = 4096,
    MAX_IDS = 256
};

/* So large that the norm of a row hardly depends on what else it carries. */
#define CONSTANT 8.0f
/* Weights of conditions: an answer to one message alone (NOW and FLAG) beats the answer to all. */
#define WEIGHT_NOW    1.0f
#define WEIGHT_ALWAYS 1.4f
#define WEIGHT_FLAG   1.0f
#define WEIGHT_BEFORE 0.7f
#define LOGIT_SCALE   40.0f

typedef struct script {
    weir_gguf *base;
    weir_tokenizer *tokenizer;
    weir_text tokens[MAX_TOKENS]; /* [n_tokens] as the file writes them */
    int32_t types[MAX_TOKENS];
    size_t n_tokens, n_base_tokens; /* those of BASE come first; the texts of others are owned */
    int32_t flagged[N_FLAGS];       /* [n_flags] tokens */
    size_t n_flags;
    uint32_t n_ctx;     /* tokens of context */
    int32_t prompt_end; /* the token after which answers begin */
    uint32_t distance;  /* from there back to the last token of the message before */
    float *head;        /* [MAX_TOKENS, D_MODEL] */
} script;

static _Noreturn void die(const char *what) {
    fprintf(stderr, "scripted_model: %s\n", what);
    exit(1);
}

static void check(weir_status status, const weir_error *err) {
    if (status != WEIR_STATUS_OK)
        die(err->text);
}

static float token_value(int32_t token, int i) {
    /* +-1/sqrt(WIDTH): a unit vector, almost at right angles to every other */
    return (weir_mix64(1, (uint64_t)token, (uint64_t)i) & 1 ? 1.0f : -1.0f) / sqrtf((float)WIDTH);
}

/* Replaces \n by a line feed, in place. */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++) {
        bool is_feed = from[0] == '\\' && from[1] == 'n';
        *to++ = is_feed ? '\n' : *from;
        from += is_feed;
    }
    *to = 0;
}

static char *copy_text(const char *text) {
    char *copy = strdup(text);
    if (!copy)
        die("no memory");
    unescape(copy);
    return copy;
}

static size_t encode(const script *s, const char *text, int32_t ids[MAX_IDS]) {
    weir_error err;
    size_t n;
    check(weir_tokenizer_encode(s->tokenizer, text, strlen(text), NULL, ids, MAX_IDS, &n, &err),
          &err);
    if (n == 0 || n > MAX_IDS)
        die("a text is empty or too long");
    return n;
}

static int32_t last_token(const script *s, const char *text) {
    int32_t ids[MAX_IDS];
    return ids[encode(s, text, ids) - 1];
}

/* A vocabulary entry: bytes in GPT-2's printable letters. */
static weir_text entry_of(const char *text) {
    char *entry = calloc(strlen(text) + 1, 2);
    if (!entry)
        die("no memory");
    size_t n = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        bool is_printed = (*at >= 33 && *at <= 126) || (*at >= 161 && *at != 173);
        /* 33 bytes below '!', then 127 to 160, then 173 are given the letters from U+0100 on. */
        unsigned code = is_printed  ? *at
                        : *at < 33  ? 256u + *at
                        : *at < 161 ? 256u + 33 + (*at - 127u)
                                    : 256u + 67;
        if (code < 128) {
            entry[n++] = (char)code;
        } else {
            entry[n++] = (char)(0xc0 | code >> 6);
            entry[n++] = (char)(0x80 | (code & 63));
        }
    }
    return (weir_text){entry, n};
}

static int32_t add_token(script *s, weir_text text, weir_token_kind kind) {
    if (s->n_tokens == MAX_TOKENS)
        die("too many tokens");
    s->tokens[s->n_tokens] = text;
    s->types[s->n_tokens] = kind;
    return (int32_t)s->n_tokens++;
}

/* The id of a control token with this text; -1: none. */
static int32_t find_control(const script *s, const char *text) {
    for (size_t i = 0; i < s->n_tokens; i++)
        if (s->types[i] != WEIR_TOKEN_NORMAL && s->tokens[i].size == strlen(text) &&
            memcmp(s->tokens[i].data, text, strlen(text)) == 0)
            return (int32_t)i;
    return -1;
}

static void add_vector(script *s, int32_t next, int at, int32_t token, float weight) {
    for (int i = 0; i < WIDTH; i++)
        s->head[(size_t)next * D_MODEL + (size_t)(at + i)] += weight * token_value(token, i);
}

static uint32_t n_stages(const script *s) {
    return (s->distance + 1) / 2;
}

static size_t flag_of(script *s, int32_t token) {
    for (size_t i = 0; i < s->n_flags; i++)
        if (s->flagged[i] == token)
            return i;
    if (s->n_flags == N_FLAGS)
        die("too many `to`");
    s->flagged[s->n_flags] = token;
    return s->n_flags++;
}

/* `next` comes after `token`; before: what stands before that, -1: anything. */
static void follow(script *s, int32_t token, int32_t before, int32_t next) {
    add_vector(s, next, NOW_AT, token, WEIGHT_NOW);
    /* Control tokens occur in more than one answer. */
    if (before >= 0 && s->types[token] == WEIR_TOKEN_CONTROL)
        add_vector(s, next, BEFORE_AT, before, WEIGHT_BEFORE);
}

/* Turns pieces into tokens; returns their number. */
static size_t read_pieces(script *s, const char *pieces, int32_t ids[MAX_IDS]) {
    char *text = copy_text(pieces), *rest = text;
    size_t n = 0;
    for (char *piece; (piece = strsep(&rest, "|")) && n < MAX_IDS - 1;) {
        /* Control tokens are spelled with bars: <|im_end|> falls into three parts. */
        char whole[64];
        if (strcmp(piece, "<") == 0 && rest && strstr(rest, "|>") == strchr(rest, '|')) {
            snprintf(whole, sizeof whole, "<|%s|>", strsep(&rest, "|"));
            piece = whole;
            if (rest[1] && rest[1] != '|')
                die("a control token must be a piece of its own");
            rest = rest[1] ? rest + 2 : NULL;
        }
        if (strcmp(piece, "@") == 0 && !rest) {
            ids[n++] = ids[0];
            break;
        }
        int32_t id = find_control(s, piece);
        ids[n++] = id >= 0 ? id : add_token(s, entry_of(piece), WEIR_TOKEN_NORMAL);
        if (!rest)
            ids[n++] = find_control(s, "<|im_end|>");
    }
    free(text);
    return n;
}

/* Returns its first token. */
static int32_t write_answer(script *s, const char *pieces, int32_t begin_token) {
    int32_t ids[MAX_IDS];
    size_t n = read_pieces(s, pieces, ids);
    for (size_t i = 0; i + 1 < n; i++)
        follow(s, ids[i], i > 0 ? ids[i - 1] : begin_token, ids[i + 1]);
    return ids[0];
}

static void say(script *s, const char *pieces) {
    int32_t first = write_answer(s, pieces, s->prompt_end);
    add_vector(s, first, NOW_AT, s->prompt_end, WEIGHT_ALWAYS);
}

static void say_to(script *s, const char *text, const char *pieces) {
    char *ending = copy_text(text);
    size_t flag = flag_of(s, last_token(s, ending));
    int32_t first = write_answer(s, pieces, s->prompt_end);
    add_vector(s, first, NOW_AT, s->prompt_end, WEIGHT_NOW);
    s->head[(size_t)first * D_MODEL + FLAGS_AT + n_stages(s) * N_FLAGS + flag] += WEIGHT_FLAG;
    free(ending);
}

static void say_after(script *s, const char *text, const char *pieces) {
    char *ending = copy_text(text);
    int32_t token = last_token(s, ending);
    follow(s, token, -1, write_answer(s, pieces, token));
    free(ending);
}

static void set_prompt(script *s, const char *text) {
    char *prompt = copy_text(text);
    int32_t ids[MAX_IDS];
    size_t n = encode(s, prompt, ids);
    s->prompt_end = ids[n - 1];
    s->distance = (uint32_t)n;
    if (n_stages(s) > MAX_STAGES)
        die("the prompt between message and answer is too long");
    free(prompt);
}

/* ---- the file ----------------------------------------------------------------------------- */

typedef struct tensor_out {
    weir_gguf_writer *w;
    bool is_declared; /* else this pass declares, the next writes */
} tensor_out;

static void put(tensor_out *out, const char *name, uint64_t rows, uint64_t cols,
                float (*value)(const script *, uint32_t, uint32_t, uint32_t), const script *s,
                uint32_t layer) {
    if (!out->is_declared) {
        uint64_t shape[2] = {rows, cols};
        bool is_vector = rows == 1;
        weir_gguf_add_tensor(out->w, name, weir_format_by_id(WEIR_FORMAT_F32), is_vector ? 1 : 2,
                             is_vector ? shape + 1 : shape);
        return;
    }
    float *row = malloc(cols * sizeof *row);
    weir_error err;
    for (uint32_t r = 0; row && r < rows; r++) {
        for (uint32_t c = 0; c < cols; c++)
            row[c] = value(s, layer, r, c);
        check(weir_gguf_write(out->w, row, cols * sizeof *row, &err), &err);
    }
    free(row);
}

static float one(const script *s, uint32_t layer, uint32_t r, uint32_t c) {
    (void)s, (void)layer, (void)r, (void)c;
    return 1;
}

static float zero(const script *s, uint32_t layer, uint32_t r, uint32_t c) {
    (void)s, (void)layer, (void)r, (void)c;
    return 0;
}

static float embedding(const script *s, uint32_t layer, uint32_t token, uint32_t c) {
    (void)layer;
    if (c == CONSTANT_AT)
        return CONSTANT;
    if (c >= NOW_AT && c < NOW_AT + WIDTH)
        return token_value((int32_t)token, (int)c - NOW_AT);
    if (c >= FLAGS_AT && c < FLAGS_AT + s->n_flags)
        return s->flagged[c - FLAGS_AT] == (int32_t)token;
    return 0;
}

static float head(const script *s, uint32_t layer, uint32_t token, uint32_t c) {
    (void)layer;
    return LOGIT_SCALE * s->head[(size_t)token * D_MODEL + c];
}

/* The dimension that `layer` copies to dimension c; -1: it leaves c alone. */
static int source_of(uint32_t layer, uint32_t c) {
    if (layer == 0 && c >= BEFORE_AT && c < BEFORE_AT + WIDTH)
        return (int)c - WIDTH;
    uint32_t begin = FLAGS_AT + (layer + 1) * N_FLAGS;
    return c >= begin && c < begin + N_FLAGS ? (int)c - N_FLAGS : -1;
}

/* Rows: D_MODEL of the gate before the taps, as many of the gate behind, as many of the values. */
static float conv_in(const script *s, uint32_t layer, uint32_t r, uint32_t c) {
    (void)s;
    if (r < 2 * D_MODEL)
        return c == CONSTANT_AT ? 1 / CONSTANT : 0;
    return (int)c == source_of(layer, r - 2 * D_MODEL);
}

/* Taps of channel r, the oldest first. */
static float conv_taps(const script *s, uint32_t layer, uint32_t r, uint32_t tap) {
    bool is_flag = r >= FLAGS_AT;
    uint32_t delay = is_flag && !(layer == 0 && s->distance % 2 == 1) ? 2 : 1;
    return source_of(layer, r) >= 0 && tap == N_TAPS - 1 - delay;
}

/* Takes back what the norm did to the two gates and to the value. */
static float conv_out(const script *s, uint32_t layer, uint32_t r, uint32_t c) {
    (void)s;
    float squares = CONSTANT * CONSTANT + (layer == 0 ? 1 : 2);
    float norm = sqrtf(squares / D_MODEL);
    return r == c && source_of(layer, r) >= 0 ? norm * norm * norm : 0;
}

static void put_layer(tensor_out *out, const script *s, uint32_t layer, bool is_attention) {
    char name[64];
#define NAME(what) (snprintf(name, sizeof name, "blk.%u." what ".weight", layer), name)
    put(out, NAME("attn_norm"), 1, D_MODEL, one, s, layer);
    put(out, NAME("ffn_norm"), 1, D_MODEL, one, s, layer);
    put(out, NAME("ffn_gate"), D_FF, D_MODEL, zero, s, layer);
    put(out, NAME("ffn_up"), D_FF, D_MODEL, zero, s, layer);
    put(out, NAME("ffn_down"), D_MODEL, D_FF, zero, s, layer);
    if (is_attention) {
        uint64_t d_kv = D_MODEL / N_HEADS * N_HEADS_KV;
        put(out, NAME("attn_q"), D_MODEL, D_MODEL, zero, s, layer);
        put(out, NAME("attn_k"), d_kv, D_MODEL, zero, s, layer);
        put(out, NAME("attn_v"), d_kv, D_MODEL, zero, s, layer);
        put(out, NAME("attn_output"), D_MODEL, D_MODEL, zero, s, layer);
        put(out, NAME("attn_q_norm"), 1, D_MODEL / N_HEADS, one, s, layer);
        put(out, NAME("attn_k_norm"), 1, D_MODEL / N_HEADS, one, s, layer);
    } else {
        put(out, NAME("shortconv.in_proj"), 3 * D_MODEL, D_MODEL, conv_in, s, layer);
        put(out, NAME("shortconv.conv"), D_MODEL, N_TAPS, conv_taps, s, layer);
        put(out, NAME("shortconv.out_proj"), D_MODEL, D_MODEL, conv_out, s, layer);
    }
#undef NAME
}

static void put_tensors(tensor_out *out, const script *s) {
    put(out, "token_embd.weight", s->n_tokens, D_MODEL, embedding, s, 0);
    put(out, "token_embd_norm.weight", 1, D_MODEL, one, s, 0);
    put(out, "output.weight", s->n_tokens, D_MODEL, head, s, 0);
    for (uint32_t i = 0; i <= n_stages(s); i++)
        put_layer(out, s, i, i == n_stages(s));
}

static void put_keys(weir_gguf_writer *w, const script *s, const char *template_path) {
    int32_t heads_kv[MAX_STAGES + 1] = {0};
    heads_kv[n_stages(s)] = N_HEADS_KV;
    weir_gguf_add_string(w, "general.architecture", "lfm2");
    weir_gguf_add_string(w, "general.name", "scripted");
    weir_gguf_add_u32(w, "lfm2.block_count", n_stages(s) + 1);
    weir_gguf_add_u32(w, "lfm2.context_length", s->n_ctx);
    weir_gguf_add_u32(w, "lfm2.embedding_length", D_MODEL);
    weir_gguf_add_u32(w, "lfm2.feed_forward_length", D_FF);
    weir_gguf_add_u32(w, "lfm2.vocab_size", (uint32_t)s->n_tokens);
    weir_gguf_add_u32(w, "lfm2.attention.head_count", N_HEADS);
    weir_gguf_add_i32s(w, "lfm2.attention.head_count_kv", heads_kv, n_stages(s) + 1);
    weir_gguf_add_f32(w, "lfm2.attention.layer_norm_rms_epsilon", 1e-5f);
    weir_gguf_add_f32(w, "lfm2.rope.freq_base", 1e6f);
    weir_gguf_add_u32(w, "lfm2.shortconv.l_cache", N_TAPS);
    for (size_t i = 0; i < weir_gguf_n_kv(s->base); i++) {
        const weir_gguf_kv *kv = weir_gguf_kv_at(s->base, i);
        if (strncmp(kv->key, "tokenizer.ggml.", 15) == 0 && strcmp(kv->key + 15, "tokens") != 0 &&
            strcmp(kv->key + 15, "token_type") != 0)
            weir_gguf_add_kv(w, kv);
    }
    weir_gguf_add_texts(w, "tokenizer.ggml.tokens", s->tokens, s->n_tokens);
    weir_gguf_add_i32s(w, "tokenizer.ggml.token_type", s->types, s->n_tokens);
    if (strcmp(template_path, "none") != 0) {
        char *text;
        size_t n;
        weir_error err;
        check(weir_file_read(template_path, 1 << 20, &text, &n, &err), &err);
        weir_gguf_add_text(w, "tokenizer.chat_template", text, n);
        free(text);
    }
}

static void read_base(script *s, const char *path) {
    weir_error err;
    check(weir_gguf_open(&s->base, path, &err), &err);
    check(weir_tokenizer_open(&s->tokenizer, path, NULL, &err), &err);
    const weir_gguf_kv *tokens = weir_gguf_find(s->base, "tokenizer.ggml.tokens");
    const weir_gguf_kv *types = weir_gguf_find(s->base, "tokenizer.ggml.token_type");
    for (uint64_t i = 0; tokens && types && i < tokens->n_items; i++) {
        weir_text text;
        int64_t type;
        if (!weir_gguf_as_text(tokens, i, &text) || !weir_gguf_as_i64(types, i, &type))
            die("BASE has no tokenizer");
        add_token(s, text, (weir_token_kind)type);
    }
    s->n_base_tokens = s->n_tokens;
}

static void close_script(script *s) {
    for (size_t i = s->n_base_tokens; i < s->n_tokens; i++)
        free((void *)(uintptr_t)s->tokens[i].data);
    weir_tokenizer_close(&s->tokenizer);
    weir_gguf_close(&s->base);
    free(s->head);
    free(s);
}

int main(int n_arguments, char **arguments) {
    if (n_arguments < 4)
        die("expected OUT.gguf BASE.gguf TEMPLATE DIRECTIVE...");
    script *s = calloc(1, sizeof *s);
    if (!s || !(s->head = calloc((size_t)MAX_TOKENS * D_MODEL, sizeof *s->head)))
        die("no memory");
    s->n_ctx = N_CTX;
    read_base(s, arguments[2]);
    set_prompt(s, "<|im_end|>\\n<|im_start|>assistant\\n");
    for (char **a = arguments + 4; *a;) {
        size_t n_values = strcmp(*a, "to") == 0 || strcmp(*a, "after") == 0 ? 2 : 1;
        for (size_t i = 1; i <= n_values; i++)
            if (!a[i])
                die("a directive is not complete");
        if (strcmp(*a, "say") == 0)
            say(s, a[1]);
        else if (strcmp(*a, "to") == 0)
            say_to(s, a[1], a[2]);
        else if (strcmp(*a, "after") == 0)
            say_after(s, a[1], a[2]);
        else if (strcmp(*a, "control") == 0)
            add_token(s, (weir_text){copy_text(a[1]), strlen(a[1])}, WEIR_TOKEN_CONTROL);
        else if (strcmp(*a, "prompt") == 0)
            set_prompt(s, a[1]);
        else if (strcmp(*a, "context") == 0)
            s->n_ctx = (uint32_t)strtoul(a[1], NULL, 10);
        else
            die("unknown directive");
        a += n_values + 1;
    }
    weir_error err;
    tensor_out out = {0};
    check(weir_gguf_create(&out.w, arguments[1], true, &err), &err);
    put_keys(out.w, s, arguments[3]);
    put_tensors(&out, s);
    check(weir_gguf_begin(out.w, &err), &err);
    out.is_declared = true;
    put_tensors(&out, s);
    check(weir_gguf_commit(&out.w, &err), &err);
    close_script(s);
    return 0;
}
