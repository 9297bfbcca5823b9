/*
 * synth_tokenizer.c: a tokenizer of any size, made by rule.
 *
 * Owns the layout of ids (the family's, where the vocabulary is large enough) and the order of the
 * merges. It resembles a trained one only in form: special tokens by name and id, bytes in GPT-2's
 * order, merged tokens of letters with and without a space in front.
 *
 * Invariants: no text occurs twice; every merge's parts and result are entries; a merged token's
 * own text is encoded as that token. The last holds because a text of two, three or four small
 * letters has a merge for every way the letters may have found together, merges of longer results
 * have higher ranks, and capitals and spaces are put in front last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "convert/synth_parts.h"

enum {
    /* the family's layout */
    FAMILY_RESERVED_END = 501, /* 14..500 are <|reserved_4|> .. <|reserved_490|> */
    FAMILY_NEWLINES = 501,     /* runs of 2 to 10 */
    FAMILY_BYTES = 510,
    FAMILY_MERGED = 766,
    FAMILY_MATHIAS = 64011,
    FAMILY_PYTHON = 64014,
    FAMILY_MARKS = 64394, /* six */
    FAMILY_END = 64400,
    FAMILY_PADDED = 65536, /* up to this size nothing stands behind FAMILY_END */
    /* the layout of vocabularies that are smaller */
    SMALL_RESERVED_END = 32,
    SMALL_BYTES = 32,
    SMALL_MERGED = 288,
    N_NAMED = 14,
    N_LETTERS = 26,
    N_CAPITALS = 26,
    LONGEST_NEWLINES = 10
};

static const char *const named[N_NAMED] = {
    "<|pad|>",
    "<|startoftext|>",
    "<|endoftext|>",
    "<|fim_pre|>",
    "<|fim_mid|>",
    "<|fim_suf|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|tool_list_start|>",
    "<|tool_list_end|>",
    "<|tool_call_start|>",
    "<|tool_call_end|>",
    "<|tool_response_start|>",
    "<|tool_response_end|>",
};

static const char *const marks[] = {"<|cot_start|>",  "<|cot_end|>",    "<|review_start|>",
                                    "<|review_end|>", "<|file_start|>", "<|file_end|>"};

/* By how often English has them, so that what is merged first is what occurs. */
static const char letters[N_LETTERS + 1] = "etaoinsrhldcumfpgwybvkxjqz";

/* The ChatML of the family, our own text: system prompt with the list of tools, messages, the
 * tool's answers in their marks. */
static const char chat_template[] =
    "{{- bos_token -}}\n"
    "{%- set lead = namespace(text='', skip=0) -%}\n"
    "{%- if messages and messages[0]['role'] == 'system' -%}\n"
    "    {%- set lead.text = messages[0]['content'] -%}\n"
    "    {%- set lead.skip = 1 -%}\n"
    "{%- endif -%}\n"
    "{%- if tools -%}\n"
    "    {%- if lead.text -%}\n"
    "        {%- set lead.text = lead.text + '\\n' -%}\n"
    "    {%- endif -%}\n"
    "    {%- set lead.text = lead.text + 'List of tools: <|tool_list_start|>[' -%}\n"
    "    {%- for tool in tools -%}\n"
    "        {%- if loop.index0 > 0 -%}\n"
    "            {%- set lead.text = lead.text + ', ' -%}\n"
    "        {%- endif -%}\n"
    "        {%- if tool is string -%}\n"
    "            {%- set lead.text = lead.text + tool -%}\n"
    "        {%- else -%}\n"
    "            {%- set lead.text = lead.text + (tool | tojson) -%}\n"
    "        {%- endif -%}\n"
    "    {%- endfor -%}\n"
    "    {%- set lead.text = lead.text + ']<|tool_list_end|>' -%}\n"
    "{%- endif -%}\n"
    "{%- if lead.text -%}\n"
    "    {{- '<|im_start|>system\\n' + lead.text + '<|im_end|>\\n' -}}\n"
    "{%- endif -%}\n"
    "{%- for message in messages -%}\n"
    "    {%- if loop.index0 >= lead.skip -%}\n"
    "        {%- set content = message['content'] -%}\n"
    "        {%- if content is not string -%}\n"
    "            {%- set content = content | tojson -%}\n"
    "        {%- endif -%}\n"
    "        {%- if message['role'] == 'tool' -%}\n"
    "            {%- set content = '<|tool_response_start|>' + content + '<|tool_response_end|>' "
    "-%}\n"
    "        {%- endif -%}\n"
    "        {{- '<|im_start|>' + message['role'] + '\\n' + content + '<|im_end|>\\n' -}}\n"
    "    {%- endif -%}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}\n"
    "    {{- '<|im_start|>assistant\\n' -}}\n"
    "{%- endif -%}\n";

/* While it is made. is_short: memory ran out somewhere; said once at the end. */
typedef struct maker {
    weir_token_table *t;
    size_t next, end; /* ids of merged tokens: taken in order, those that are set are passed over */
    bool is_short;
} maker;

static void set(maker *m, size_t id, weir_token_kind kind, const char *text, size_t n) {
    if (id < m->t->n_tokens && !weir_token_table_set(m->t, id, kind, text, n))
        m->is_short = true;
}

static void set_text(maker *m, size_t id, weir_token_kind kind, const char *text) {
    set(m, id, kind, text, strlen(text));
}

static void merge(maker *m, const char *left, size_t n_left, const char *right, size_t n_right) {
    if (!weir_token_table_merge(m->t, (weir_text){left, n_left}, (weir_text){right, n_right}))
        m->is_short = true;
}

/* The next free id gets this text. */
static void add(maker *m, const char *text, size_t n) {
    while (m->next < m->end && m->t->kinds[m->next] != WEIR_TOKEN_NONE)
        m->next++;
    if (m->next < m->end)
        set(m, m->next++, WEIR_TOKEN_NORMAL, text, n);
}

/* ---- what is not merged -------------------------------------------------------------------- */

static void set_specials(maker *m, size_t reserved_end) {
    for (size_t i = 0; i < N_NAMED; i++)
        set_text(m, i, WEIR_TOKEN_CONTROL, named[i]);
    for (size_t id = N_NAMED; id < reserved_end; id++) {
        char text[40];
        snprintf(text, sizeof text, "<|reserved_%zu|>", id - 10);
        /* The family's ids 14 and 15 are entries like words, not added tokens. */
        set_text(m, id, id < 16 ? WEIR_TOKEN_NORMAL : WEIR_TOKEN_CONTROL, text);
    }
}

static void set_bytes(maker *m, size_t first) {
    for (uint32_t i = 0; i < 256; i++) {
        char letter[3];
        size_t n = weir_token_byte_letter(weir_token_byte_in_order(i), letter);
        set(m, first + i, WEIR_TOKEN_NORMAL, letter, n);
    }
}

/* All pairs of shorter runs lead to a run, shortest results first, as in the family's list. */
static void set_newlines(maker *m) {
    char letter[3], run[2 * LONGEST_NEWLINES + 1] = "";
    size_t n = weir_token_byte_letter('\n', letter);
    for (size_t i = 0; i < LONGEST_NEWLINES; i++)
        memcpy(run + i * n, letter, n);
    for (size_t length = 2; length <= LONGEST_NEWLINES; length++) {
        set(m, FAMILY_NEWLINES + length - 2, WEIR_TOKEN_NORMAL, run, length * n);
        for (size_t left = 1; left < length; left++)
            merge(m, run, left * n, run, (length - left) * n);
    }
}

/* ---- merged tokens ------------------------------------------------------------------------- */

/*
 * Words of 2, 3 or 4 small letters, or of a capital and 1 or 2 small ones. Word number i of a
 * length walks through letter numbers by falling sums, so that short lists hold frequent letters.
 */
typedef struct word_kind {
    uint32_t length;
    bool is_capital;
} word_kind;

/* In the order of their ranks: a longer word needs the shorter ones, a capital the small ones. */
static const word_kind word_kinds[] = {{2, false}, {3, false}, {4, false}, {2, true}, {3, true}};
enum { N_WORD_KINDS = 5 };
/* In the order in which a vocabulary is filled. */
static const uint32_t filling_order[N_WORD_KINDS] = {0, 1, 3, 4, 2};

static size_t n_words(word_kind k) {
    size_t n = 1;
    for (uint32_t i = 0; i < k.length; i++)
        n *= N_LETTERS;
    return n;
}

/* Letter numbers of the words of one length whose sum is `sum`, one after another; false when there
 * are no more. digits[0] = UINT32_MAX starts. */
static bool next_of_sum(uint32_t digits[4], uint32_t length, uint32_t sum) {
    const uint32_t most = N_LETTERS - 1;
    uint32_t value = 0;
    if (digits[0] != UINT32_MAX)
        for (uint32_t i = 0; i < length - 1; i++)
            value = value * N_LETTERS + digits[i];
    uint32_t limit = 1;
    for (uint32_t i = 0; i < length - 1; i++)
        limit *= N_LETTERS;
    for (value = digits[0] == UINT32_MAX ? 0 : value + 1; value < limit; value++) {
        uint32_t rest = value, used = 0;
        for (uint32_t i = length - 1; i-- > 0; rest /= N_LETTERS) {
            digits[i] = rest % N_LETTERS;
            used += digits[i];
        }
        if (used <= sum && sum - used <= most) {
            digits[length - 1] = sum - used;
            return true;
        }
    }
    return false;
}

static void spell(char word[5], const uint32_t digits[4], word_kind k) {
    for (uint32_t i = 0; i < k.length; i++)
        word[i] = letters[digits[i]];
    if (k.is_capital)
        word[0] = (char)(word[0] - 'a' + 'A');
    word[k.length] = '\0';
}

typedef void use_word(maker *m, const char *word, word_kind k);

/* The first n words of a kind. */
static void for_words(maker *m, word_kind k, size_t n, use_word *use) {
    for (uint32_t sum = 0; n > 0 && sum <= k.length * (N_LETTERS - 1); sum++) {
        uint32_t digits[4] = {UINT32_MAX, 0, 0, 0};
        while (n > 0 && next_of_sum(digits, k.length, sum)) {
            char word[5];
            spell(word, digits, k);
            use(m, word, k);
            n--;
        }
    }
}

/* Every way the parts can have come together. A capital joins a word that is whole already. */
static void add_word(maker *m, const char *word, word_kind k) {
    add(m, word, k.length);
    size_t most = k.is_capital ? 1 : k.length - 1;
    for (size_t left = 1; left <= most; left++)
        merge(m, word, left, word + left, k.length - left);
}

/* The same word with a space in front. */
static void add_spaced(maker *m, const char *word, word_kind k) {
    char text[8];
    size_t n = weir_token_byte_letter(' ', text);
    memcpy(text + n, word, k.length);
    add(m, text, n + k.length);
    merge(m, text, n, word, k.length);
}

static void add_spaces(maker *m, size_t *room) {
    char letter[3], run[2 * 16];
    size_t n = weir_token_byte_letter(' ', letter);
    for (size_t i = 0; i < 16; i++)
        memcpy(run + i * n, letter, n);
    for (size_t length = 2; length <= 16 && *room > 0; length *= 2, --*room) {
        add(m, run, length * n);
        merge(m, run, length / 2 * n, run, length / 2 * n);
    }
}

/* A space and one letter: small ones first. */
static void add_spaced_letters(maker *m, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char letter = letters[i % N_LETTERS];
        char word[2] = {(char)(i < N_LETTERS ? letter : letter - 'a' + 'A'), '\0'};
        add_spaced(m, word, (word_kind){1, i >= N_LETTERS});
    }
}

static void add_merged(maker *m, size_t first, size_t end) {
    size_t room = 0;
    m->next = first;
    m->end = end < m->t->n_tokens ? end : m->t->n_tokens;
    for (size_t id = m->next; id < m->end; id++)
        room += m->t->kinds[id] == WEIR_TOKEN_NONE;
    add_spaces(m, &room);
    size_t n_letters = room < N_LETTERS + N_CAPITALS ? room : N_LETTERS + N_CAPITALS;
    room -= n_letters;
    /* Half of the words of a kind stand without a space, the same words again with one. */
    size_t n[N_WORD_KINDS] = {0};
    for (size_t i = 0; i < N_WORD_KINDS; i++) {
        uint32_t k = filling_order[i];
        n[k] = n_words(word_kinds[k]) < room / 2 ? n_words(word_kinds[k]) : room / 2;
        room -= 2 * n[k];
    }
    for (size_t k = 0; k < N_WORD_KINDS; k++)
        for_words(m, word_kinds[k], n[k], add_word);
    add_spaced_letters(m, n_letters);
    for (size_t k = 0; k < N_WORD_KINDS; k++)
        for_words(m, word_kinds[k], n[k], add_spaced);
}

/* ---- layouts ------------------------------------------------------------------------------- */

static void make_family(maker *m) {
    set_specials(m, FAMILY_RESERVED_END);
    set_newlines(m);
    set_bytes(m, FAMILY_BYTES);
    set_text(m, FAMILY_MATHIAS, WEIR_TOKEN_USER_DEFINED, "Mathias");
    set_text(m, FAMILY_PYTHON, WEIR_TOKEN_USER_DEFINED, "python");
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        set_text(m, FAMILY_MARKS + i, WEIR_TOKEN_CONTROL, marks[i]);
    size_t n = m->t->n_tokens;
    add_merged(m, FAMILY_MERGED, n <= FAMILY_PADDED ? (size_t)FAMILY_END : n);
}

static void make_small(maker *m) {
    if (m->t->n_tokens < SMALL_MERGED) { /* bytes as far as they fit */
        set_specials(m, N_NAMED);
        set_bytes(m, N_NAMED);
        return;
    }
    set_specials(m, SMALL_RESERVED_END);
    set_bytes(m, SMALL_BYTES);
    add_merged(m, SMALL_MERGED, m->t->n_tokens);
}

weir_status weir_synth_tokenizer(weir_token_table *out, const weir_hparams *h, weir_error *err) {
    WEIR_TRY(weir_token_table_open(out, h->n_vocab, err));
    maker m = {.t = out};
    if (h->n_vocab >= FAMILY_END)
        make_family(&m);
    else
        make_small(&m);
    out->bos = h->bos;
    out->eos = h->eos;
    out->pad = h->pad;
    out->chat_template = weir_token_table_copy(out, chat_template, sizeof chat_template - 1);
    if (m.is_short || out->chat_template.data == NULL || !weir_token_table_pad(out)) {
        weir_token_table_close(out);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a vocabulary of %u",
                         h->n_vocab);
    }
    return WEIR_STATUS_OK;
}
