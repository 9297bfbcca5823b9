/*
 * vocab_merges.c: the merges of a vocabulary out of counted pieces.
 *
 * Every piece is a run of ids. Every pair of neighbours has a count and a list of the pieces in
 * which it has ever stood; a heap holds the pairs by count. Taking the best one touches the pieces
 * of its list alone. Counts grow only for pairs of the newest token, which enter the heap
 * afterwards; all others fall, so what lies in the heap is never too low and is put right when it
 * comes up.
 *
 * No two tokens have the same text. Say the text of a token lies between two borders that no merge
 * has crossed: then the same merges in the same order have worked on it as where the token first
 * came about, and it is that token. (A run of one token is merged from the left; if neither border
 * was crossed, an even number of it stood to the left of each, and the pairs inside are the same.)
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "text/lookup.h"
#include "text/token_table.h"
#include "train/vocab_parts.h"

typedef struct pair {
    int32_t left, right;
    uint64_t count;
    uint32_t *words; /* [n_words] */
    uint32_t n_words, cap_words;
} pair;

typedef struct heap_entry {
    uint64_t count; /* at least the pair's own */
    uint32_t pair;
} heap_entry;

typedef struct word {
    size_t start; /* in ids */
    uint32_t n;
    uint64_t count;
} word;

typedef struct finder {
    int32_t *ids; /* of all pieces, one behind the other */
    word *words;
    size_t n_words;
    pair *pairs;
    size_t n_pairs, cap_pairs;
    weir_key_map index; /* left << 32 | right: number of the pair */
    heap_entry *heap;
    size_t n_heap, cap_heap;
    weir_text *texts; /* [n_tokens] bytes of each id */
    bool *has_digit;  /* [n_tokens] */
    bool merge_digits;
    bool keeps_apart; /* no merge joins a word with what stands before it */
    bool joins;       /* the time of those merges, and of no others */
} finder;

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to find merges");
}

/* ---- pairs ---------------------------------------------------------------------------------- */

static uint64_t key_of(int32_t left, int32_t right) {
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

static bool grow_pairs(finder *f) {
    size_t cap = f->cap_pairs ? 2 * f->cap_pairs : 4096;
    pair *pairs = realloc(f->pairs, cap * sizeof *pairs);
    if (!pairs || cap > UINT32_MAX / 2)
        return false;
    f->pairs = pairs;
    weir_key_map index;
    if (!weir_key_map_open(&index, cap))
        return false;
    for (size_t i = 0; i < f->n_pairs; i++)
        weir_key_map_put(&index, key_of(pairs[i].left, pairs[i].right), i);
    weir_key_map_close(&f->index);
    f->index = index;
    f->cap_pairs = cap;
    return true;
}

/* NULL without memory. Good until the next call. */
static pair *pair_of(finder *f, int32_t left, int32_t right) {
    uint64_t at = f->cap_pairs ? weir_key_map_find(&f->index, key_of(left, right)) : WEIR_KEY_NONE;
    if (at != WEIR_KEY_NONE)
        return &f->pairs[at];
    if (f->n_pairs == f->cap_pairs && !grow_pairs(f))
        return NULL;
    weir_key_map_put(&f->index, key_of(left, right), f->n_pairs);
    pair *p = &f->pairs[f->n_pairs++];
    *p = (pair){.left = left, .right = right};
    return p;
}

/* One more occurrence in a word, which comes to the list's end once. */
static bool count_up(finder *f, int32_t left, int32_t right, uint32_t w) {
    pair *p = pair_of(f, left, right);
    if (!p)
        return false;
    p->count += f->words[w].count;
    if (p->n_words > 0 && p->words[p->n_words - 1] == w)
        return true;
    if (p->n_words == p->cap_words) {
        uint32_t cap = p->cap_words ? 2 * p->cap_words : 4;
        uint32_t *words = realloc(p->words, cap * sizeof *words);
        if (!words)
            return false;
        p->words = words;
        p->cap_words = cap;
    }
    p->words[p->n_words++] = w;
    return true;
}

/* Pairs that stand in a word are known. */
static void count_down(finder *f, int32_t left, int32_t right, uint64_t count) {
    f->pairs[weir_key_map_find(&f->index, key_of(left, right))].count -= count;
}

/* ---- the heap ------------------------------------------------------------------------------- */

/* Does a come out before b? */
static bool is_before(const finder *f, heap_entry a, heap_entry b) {
    if (a.count != b.count)
        return a.count > b.count;
    const pair *x = &f->pairs[a.pair], *y = &f->pairs[b.pair];
    return x->left != y->left ? x->left < y->left : x->right < y->right;
}

static bool heap_push(finder *f, uint32_t at) {
    if (f->n_heap == f->cap_heap) {
        size_t cap = f->cap_heap ? 2 * f->cap_heap : 4096;
        heap_entry *heap = realloc(f->heap, cap * sizeof *heap);
        if (!heap)
            return false;
        f->heap = heap;
        f->cap_heap = cap;
    }
    heap_entry entry = {f->pairs[at].count, at};
    size_t i = f->n_heap++;
    for (; i > 0 && is_before(f, entry, f->heap[(i - 1) / 2]); i = (i - 1) / 2)
        f->heap[i] = f->heap[(i - 1) / 2];
    f->heap[i] = entry;
    return true;
}

static heap_entry heap_pop(finder *f) {
    heap_entry top = f->heap[0], last = f->heap[--f->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < f->n_heap; i = child) {
        if (child + 1 < f->n_heap && is_before(f, f->heap[child + 1], f->heap[child]))
            child++;
        if (!is_before(f, f->heap[child], last))
            break;
        f->heap[i] = f->heap[child];
    }
    f->heap[i] = last;
    return top;
}

/* ---- merging -------------------------------------------------------------------------------- */

/* Bytes outside ASCII count as letters: most are. */
static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

/* A blank or a mark with the beginning of a word: the family's expression leaves one of them in
 * front of a word, and nowhere else do letters follow what is none. */
static bool is_join(const finder *f, const pair *p) {
    weir_text left = f->texts[p->left];
    return !is_letter(left.data[left.size - 1]) && is_letter(f->texts[p->right].data[0]);
}

static bool is_allowed(const finder *f, const pair *p) {
    if (f->keeps_apart && is_join(f, p) != f->joins)
        return false;
    return f->merge_digits || (!f->has_digit[p->left] && !f->has_digit[p->right]);
}

/* From here on other pairs are allowed. */
static bool fill_heap(finder *f) {
    f->n_heap = 0;
    for (size_t i = 0; i < f->n_pairs; i++)
        if (is_allowed(f, &f->pairs[i]) && !heap_push(f, (uint32_t)i))
            return false;
    return true;
}

/* In a word, from the left: each time the counts are those of the word as it then is. */
static bool merge_word(finder *f, uint32_t w, int32_t left, int32_t right, int32_t merged) {
    word *in = &f->words[w];
    int32_t *ids = f->ids + in->start;
    uint32_t n = 0, i = 0;
    for (; i < in->n; n++) {
        if (i + 1 == in->n || ids[i] != left || ids[i + 1] != right) {
            ids[n] = ids[i++];
            continue;
        }
        count_down(f, left, right, in->count);
        if (n > 0) {
            count_down(f, ids[n - 1], left, in->count);
            if (!count_up(f, ids[n - 1], merged, w))
                return false;
        }
        if (i + 2 < in->n) {
            count_down(f, right, ids[i + 2], in->count);
            if (!count_up(f, merged, ids[i + 2], w))
                return false;
        }
        ids[n] = merged;
        i += 2;
    }
    in->n = n;
    return true;
}

static bool merge_pair(finder *f, uint32_t at, int32_t merged) {
    int32_t left = f->pairs[at].left, right = f->pairs[at].right;
    size_t n_before = f->n_pairs;
    for (uint32_t i = 0; i < f->pairs[at].n_words; i++)
        if (!merge_word(f, f->pairs[at].words[i], left, right, merged))
            return false;
    free(f->pairs[at].words);
    f->pairs[at].words = NULL;
    f->pairs[at].n_words = f->pairs[at].cap_words = 0;
    for (size_t i = n_before; i < f->n_pairs; i++)
        if (is_allowed(f, &f->pairs[i]) && !heap_push(f, (uint32_t)i))
            return false;
    return true;
}

/* The best pair; false: none occurs twice. */
static bool take_best(finder *f, uint32_t *at) {
    while (f->n_heap > 0) {
        heap_entry top = heap_pop(f);
        const pair *p = &f->pairs[top.pair];
        if (p->count < 2)
            continue;
        if (p->count == top.count) {
            *at = top.pair;
            return true;
        }
        heap_push(f, top.pair); /* into the place that has just come free */
    }
    return false;
}

static bool add_text(finder *f, int32_t id, weir_text left, weir_text right) {
    size_t n = left.size + right.size;
    char *text = malloc(n);
    if (!text)
        return false;
    memcpy(text, left.data, left.size);
    memcpy(text + left.size, right.data, right.size);
    f->texts[id] = (weir_text){text, n};
    for (size_t i = 0; i < n; i++)
        f->has_digit[id] |= text[i] >= '0' && text[i] <= '9';
    return true;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static bool open_words(finder *f, const weir_piece *pieces, size_t n_pieces, size_t n_bytes) {
    int32_t id_of[256];
    for (uint32_t i = 0; i < 256; i++)
        id_of[weir_token_byte_in_order(i)] = WEIR_VOCAB_BYTES + (int32_t)i;
    f->ids = malloc((n_bytes ? n_bytes : 1) * sizeof *f->ids);
    f->words = malloc((n_pieces ? n_pieces : 1) * sizeof *f->words);
    if (!f->ids || !f->words)
        return false;
    size_t at = 0;
    for (size_t w = 0; w < n_pieces; w++) {
        f->words[w] = (word){at, (uint32_t)pieces[w].n, pieces[w].count};
        f->n_words++;
        for (size_t i = 0; i < pieces[w].n; i++)
            f->ids[at++] = id_of[(uint8_t)pieces[w].text[i]];
        for (size_t i = f->words[w].start; i + 1 < at; i++)
            if (!count_up(f, f->ids[i], f->ids[i + 1], (uint32_t)w))
                return false;
    }
    return fill_heap(f);
}

static bool open_tokens(finder *f, uint32_t n_merges) {
    size_t n = WEIR_VOCAB_MERGED + (size_t)n_merges;
    f->texts = calloc(n, sizeof *f->texts);
    f->has_digit = calloc(n, sizeof *f->has_digit);
    if (!f->texts || !f->has_digit)
        return false;
    for (uint32_t i = 0; i < 256; i++) {
        char byte = (char)weir_token_byte_in_order(i);
        if (!add_text(f, WEIR_VOCAB_BYTES + (int32_t)i, (weir_text){&byte, 1}, (weir_text){"", 0}))
            return false;
    }
    return true;
}

static void close_finder(finder *f, uint32_t n_merges) {
    for (size_t i = 0; f->texts && i < WEIR_VOCAB_MERGED + (size_t)n_merges; i++) {
        union {
            const char *shown;
            char *owned;
        } text = {f->texts[i].data};
        free(text.owned);
    }
    for (size_t i = 0; i < f->n_pairs; i++)
        free(f->pairs[i].words);
    weir_key_map_close(&f->index);
    free(f->pairs);
    free(f->texts);
    free(f->has_digit);
    free(f->heap);
    free(f->ids);
    free(f->words);
}

/* i: merges that were found. With what is advised all merges before the joins are the same ones. */
static weir_status too_few(const finder *f, uint32_t i, uint32_t n, uint32_t n_joins,
                           weir_error *err) {
    uint32_t n_words = n - n_joins;
    if (f->joins)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "the text gives %u joins of a word with what stands before it, %u are "
                         "wanted; expected more text, or %u joins and %u tokens",
                         i - n_words, n_joins, i - n_words, WEIR_VOCAB_MERGED + i);
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                     "the text gives %u merges and no more, %u are wanted; expected more text, or "
                     "%u tokens",
                     i, n_words, WEIR_VOCAB_MERGED + i + n_joins);
}

static weir_status find(finder *f, weir_merge *merges, uint32_t n, uint32_t n_joins,
                        const weir_progress *progress, weir_error *err) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at;
        if (n_joins > 0 && i == n - n_joins) {
            f->joins = true;
            if (!fill_heap(f))
                return no_memory(err);
        }
        if (!take_best(f, &at))
            return too_few(f, i, n, n_joins, err);
        merges[i] = (weir_merge){f->pairs[at].left, f->pairs[at].right};
        int32_t id = WEIR_VOCAB_MERGED + (int32_t)i;
        if (!add_text(f, id, f->texts[merges[i].left], f->texts[merges[i].right]) ||
            !merge_pair(f, at, id))
            return no_memory(err);
        if (i % 64 != 63)
            continue;
        if (progress->is_cancelled && progress->is_cancelled(progress->context))
            return weir_fail(err, WEIR_STATUS_CANCELLED, "cancelled; nothing is written");
        if (progress->report)
            progress->report(progress->context, "finding merges", i + 1, n);
    }
    return WEIR_STATUS_OK;
}

weir_status weir_merges_find(weir_merge *merges, uint32_t n, uint32_t n_joins,
                             const weir_piece *pieces, size_t n_pieces, bool merge_digits,
                             const weir_progress *progress, uint64_t *n_tokens, weir_error *err) {
    finder f = {.merge_digits = merge_digits, .keeps_apart = n_joins > 0};
    size_t n_bytes = 0;
    for (size_t i = 0; i < n_pieces; i++)
        n_bytes += pieces[i].n;
    weir_status status;
    if (!open_tokens(&f, n) || !open_words(&f, pieces, n_pieces, n_bytes))
        status = no_memory(err);
    else
        status = find(&f, merges, n, n_joins, progress, err);
    *n_tokens = 0;
    for (size_t w = 0; w < f.n_words; w++)
        *n_tokens += f.words[w].n * f.words[w].count;
    close_finder(&f, n);
    return status;
}
