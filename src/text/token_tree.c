/*
 * token_tree.c: a tree of bytes out of a tokenizer's vocabulary.
 *
 * Owns copies of all bytes, so that the tokenizer may go. Control tokens stay outside, but for the
 * four marks that grammars know. Invariant: a token stands at the node that its bytes lead to.
 */
#include "text/token_tree.h"

#include "base/compiler.h"
#include "base/error.h"
#include "text/tokenizer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char *const mark_texts[WEIR_TREE_MARKS] = {"<|tool_call_start|>", "<|tool_call_end|>",
                                                        "<think>", "</think>"};

/* Which mark is it? WEIR_TREE_MARKS: none. <think> as any token is one, as it may only be the
 * first of an answer; </think> that is no control token is as good as its bytes. */
static size_t mark_of(const weir_tree_token *token) {
    for (size_t i = 0; i < WEIR_TREE_MARKS; i++)
        if (token->n == strlen(mark_texts[i]) &&
            memcmp(token->bytes, mark_texts[i], token->n) == 0 &&
            (token->is_control || 256 + i == WEIR_SYMBOL_THINK_START))
            return i;
    return WEIR_TREE_MARKS;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static uint64_t next_serial(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t last;
    pthread_mutex_lock(&lock);
    uint64_t serial = ++last;
    pthread_mutex_unlock(&lock);
    return serial;
}

static bool is_in_tree(const weir_tree_token *token) {
    return token->n > 0 && token->n <= WEIR_TREE_MAX_BYTES && !token->is_control &&
           mark_of(token) == WEIR_TREE_MARKS;
}

static bool take_bytes(weir_token_tree *tree, const weir_tree_token *tokens, size_t n) {
    size_t n_bytes = 0;
    for (size_t i = 0; i < n; i++)
        n_bytes += is_in_tree(&tokens[i]) ? tokens[i].n : 0;
    tree->bytes = malloc(n_bytes + 1);
    tree->starts = calloc(n + 1, sizeof *tree->starts);
    tree->order = malloc((n + 1) * sizeof *tree->order);
    tree->nodes = malloc((n_bytes + 2) * sizeof *tree->nodes);
    if (!tree->bytes || !tree->starts || !tree->order || !tree->nodes)
        return false;
    uint32_t at = 0;
    for (size_t i = 0; i < n; i++) {
        tree->starts[i] = at;
        size_t mark = mark_of(&tokens[i]);
        if (mark < WEIR_TREE_MARKS && tree->marks[mark] < 0)
            tree->marks[mark] = (int32_t)i;
        if (!is_in_tree(&tokens[i]))
            continue;
        memcpy(tree->bytes + at, tokens[i].bytes, tokens[i].n);
        at += (uint32_t)tokens[i].n;
        tree->order[tree->n_order++] = (int32_t)i;
        tree->max_bytes = tokens[i].n > tree->max_bytes ? (uint32_t)tokens[i].n : tree->max_bytes;
    }
    tree->starts[n] = at;
    return true;
}

/* ---- order ---------------------------------------------------------------------------------- */

static size_t bytes_of(const weir_token_tree *tree, int32_t token, const char **bytes) {
    *bytes = tree->bytes + tree->starts[token];
    return tree->starts[token + 1] - tree->starts[token];
}

static int compare_tokens(const weir_token_tree *tree, int32_t left, int32_t right) {
    const char *a, *b;
    size_t n_a = bytes_of(tree, left, &a), n_b = bytes_of(tree, right, &b);
    int order = memcmp(a, b, n_a < n_b ? n_a : n_b);
    return order != 0 ? order : (n_a > n_b) - (n_a < n_b);
}

/* Merge sort: qsort has no place for the tree. */
static void sort_tokens(const weir_token_tree *tree, int32_t *order, int32_t *room, uint32_t n) {
    if (n < 2)
        return;
    uint32_t half = n / 2, left = 0, right = half, at = 0;
    sort_tokens(tree, order, room, half);
    sort_tokens(tree, order + half, room, n - half);
    memcpy(room, order, n * sizeof *order);
    while (left < half && right < n)
        order[at++] =
            compare_tokens(tree, room[left], room[right]) <= 0 ? room[left++] : room[right++];
    while (left < half)
        order[at++] = room[left++];
    while (right < n)
        order[at++] = room[right++];
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static void close_nodes(weir_token_tree *tree, const uint32_t *open, size_t from, size_t to) {
    for (size_t depth = from; depth < to; depth++)
        tree->nodes[open[depth]].skip = tree->n_nodes;
}

/* Tokens in order share nodes with the one in front of them as far as their bytes are the same. */
static void make_nodes(weir_token_tree *tree) {
    uint32_t open[WEIR_TREE_MAX_BYTES]; /* [n_before] the nodes of the token before */
    size_t n_before = 0;
    const char *before = "";
    for (uint32_t i = 0; i < tree->n_order; i++) {
        const char *bytes;
        size_t n = bytes_of(tree, tree->order[i], &bytes), same = 0;
        while (same < n && same < n_before && bytes[same] == before[same])
            same++;
        close_nodes(tree, open, same, n_before);
        for (size_t depth = same; depth < n; depth++) {
            open[depth] = tree->n_nodes;
            tree->nodes[tree->n_nodes++] = (weir_tree_node){
                .first = i, .depth = (uint16_t)(depth + 1), .byte = (uint8_t)bytes[depth]};
        }
        before = bytes;
        n_before = n;
    }
    close_nodes(tree, open, 0, n_before);
    tree->nodes[tree->n_nodes] =
        (weir_tree_node){.skip = tree->n_nodes + 1, .first = tree->n_order};
}

/* The first byte of UTF-8 that is no token; -1: all are. */
static int missing_byte(const weir_token_tree *tree) {
    bool is_there[256] = {0};
    for (uint32_t i = 0; i < tree->n_order; i++) {
        const char *bytes;
        if (bytes_of(tree, tree->order[i], &bytes) == 1)
            is_there[(uint8_t)*bytes] = true;
    }
    for (int byte = 0; byte < 0xf5; byte++)
        if (!is_there[byte] && byte != 0xc0 && byte != 0xc1)
            return byte;
    return -1;
}

static weir_status fill(weir_token_tree *tree, const weir_tree_token *tokens, size_t n,
                        weir_error *err) {
    for (size_t i = 0; i < WEIR_TREE_MARKS; i++)
        tree->marks[i] = -1;
    tree->serial = next_serial();
    tree->n_tokens = (uint32_t)n;
    uint32_t n_bits = 32;
    while (n_bits < n)
        n_bits *= 2;
    tree->n_words = n_bits / 32;
    int32_t *room = malloc((n + 1) * sizeof *room);
    if (!room || !take_bytes(tree, tokens, n)) {
        free(room);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a tree of %zu tokens", n);
    }
    sort_tokens(tree, tree->order, room, tree->n_order);
    free(room);
    make_nodes(tree);
    weir_tree_node *nodes = realloc(tree->nodes, (tree->n_nodes + (size_t)1) * sizeof *nodes);
    tree->nodes = nodes ? nodes : tree->nodes;
    int missing = missing_byte(tree);
    if (missing >= 0)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the vocabulary has no token for the byte 0x%02x alone, so text cannot be "
                         "constrained with it",
                         (unsigned)missing);
    return WEIR_STATUS_OK;
}

weir_status weir_token_tree_make(weir_token_tree **out, const weir_tree_token *tokens, size_t n,
                                 const int32_t *ends, size_t n_ends, weir_error *err) {
    *out = NULL;
    if (n > WEIR_MAX_TOKENS)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%zu tokens, expected at most %d", n,
                         WEIR_MAX_TOKENS);
    weir_token_tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a tree of tokens");
    for (size_t i = 0; i < n_ends && i < WEIR_TREE_ENDS; i++)
        tree->ends[tree->n_ends++] = ends[i];
    weir_status status = fill(tree, tokens, n, err);
    if (status != WEIR_STATUS_OK)
        weir_token_tree_close(&tree);
    *out = tree;
    return status;
}

weir_status weir_token_tree_open(weir_token_tree **out, const weir_tokenizer *tokenizer,
                                 weir_error *err) {
    *out = NULL;
    size_t n = tokenizer->info.n_tokens, n_ends;
    const int32_t *ends = weir_tokenizer_stops(tokenizer, &n_ends);
    weir_tree_token *tokens = calloc(n + 1, sizeof *tokens);
    if (!tokens)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a tree of %zu tokens", n);
    for (size_t i = 0; i < n; i++) {
        weir_tree_token *token = &tokens[i];
        weir_token_kind kind =
            weir_tokenizer_token(tokenizer, (int32_t)i, &token->bytes, &token->n);
        token->is_control = kind == WEIR_TOKEN_CONTROL;
        if (kind != WEIR_TOKEN_NORMAL && kind != WEIR_TOKEN_USER_DEFINED && !token->is_control)
            token->n = 0;
    }
    weir_status status = weir_token_tree_make(out, tokens, n, ends, n_ends, err);
    free(tokens);
    return status;
}

void weir_token_tree_close(weir_token_tree **tree) {
    if (!tree || !*tree)
        return;
    free((*tree)->nodes);
    free((*tree)->order);
    free((*tree)->bytes);
    free((*tree)->starts);
    free(*tree);
    *tree = NULL;
}
