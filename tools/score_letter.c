/*
 * score_letter.c: the letter of an answer, by the cascade of MMLU-Pro's published scorer with its
 * gaps closed: marks of emphasis and of TeX around the letter are passed over, and a letter that
 * begins a word is none. GPQA, whose published scorer knows "Answer: C" alone, has that first.
 */
#include "score_letter.h"

#include "base/compiler.h"

#include <stdbool.h>
#include <string.h>

typedef struct letters {
    const char *text; /* [n] */
    size_t n, n_choices;
} letters;

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c & 0x80);
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Is `word`, in lower case, at this place, in whatever case? */
static bool has(const letters *l, size_t at, const char *word) {
    size_t n = strlen(word);
    if (at > l->n || n > l->n - at)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(l->text[at + i]) != word[i])
            return false;
    return true;
}

static bool is_choice(const letters *l, size_t at) {
    return at < l->n && l->text[at] >= 'A' && (size_t)(l->text[at] - 'A') < l->n_choices &&
           (at + 1 == l->n || !is_word(l->text[at + 1]) || l->text[at + 1] == '_');
}

/* Bytes of one mark that may stand before the letter: space, emphasis, brackets, TeX. */
static size_t decoration(const letters *l, size_t at) {
    static const char *const words[] = {"\\boxed",  "\\text", "\\textbf", "\\mathrm",
                                        "\\mathbf", "\\left", "option",   "choice"};
    size_t n = 0;
    for (size_t i = 0; i < WEIR_COUNT(words); i++)
        if (has(l, at, words[i]) && strlen(words[i]) > n)
            n = strlen(words[i]);
    if (n > 0)
        return n;
    return at < l->n && l->text[at] && strchr(" \t\r\n*_$([{\\\"'`:", l->text[at]) ? 1 : 0;
}

/* The letter behind any decoration; 0: another thing stands there. */
static char letter_behind(const letters *l, size_t at) {
    size_t n;
    while (!is_choice(l, at) && (n = decoration(l, at)) > 0)
        at += n;
    return is_choice(l, at) ? l->text[at] : 0;
}

/* The same for decorations that were already looked through: runs of them are seen once only, since
 * what begins a search ("answer") is none itself. */
static char find_is(const letters *l) {
    for (size_t i = 0; i < l->n; i++) {
        char letter = has(l, i, "answer is") ? letter_behind(l, i + strlen("answer is")) : 0;
        if (letter)
            return letter;
    }
    return 0;
}

static char find_colon(const letters *l) {
    char found = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (found && l->text[i] == '\n')
            return found;
        if (!has(l, i, "answer"))
            continue;
        size_t at = i + strlen("answer");
        while (at < l->n && strchr("*_ \t", l->text[at]) && l->text[at])
            at++;
        char letter = at < l->n && l->text[at] == ':' ? letter_behind(l, at + 1) : 0;
        found = letter ? letter : found;
    }
    return found;
}

static char find_boxed(const letters *l) {
    char found = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (!has(l, i, "\\boxed{"))
            continue;
        char letter = letter_behind(l, i + strlen("\\boxed{"));
        found = letter ? letter : found;
        /* A run of them decorates one letter; the next is looked for behind it. */
        for (size_t n; (n = decoration(l, i)) > 0; i += n)
            if (is_choice(l, i + n))
                break;
    }
    return found;
}

static char find_alone(const letters *l) {
    for (size_t i = l->n; i-- > 0;)
        if (is_choice(l, i) && !(i > 0 && is_word(l->text[i - 1]) && l->text[i - 1] != '_') &&
            !(i > 0 && l->text[i - 1] == '\'') && !(i + 1 < l->n && l->text[i + 1] == '\''))
            return l->text[i];
    return 0;
}

char weir_letter_find(const char *text, size_t n, size_t n_choices, weir_letter_order order,
                      weir_letter_way *way) {
    static char (*const find[])(const letters *) = {[WEIR_LETTER_IS] = find_is,
                                                    [WEIR_LETTER_COLON] = find_colon,
                                                    [WEIR_LETTER_BOXED] = find_boxed,
                                                    [WEIR_LETTER_ALONE] = find_alone};
    static const weir_letter_way orders[][4] = {
        [WEIR_LETTER_IS_FIRST] = {WEIR_LETTER_IS, WEIR_LETTER_COLON, WEIR_LETTER_BOXED,
                                  WEIR_LETTER_ALONE},
        [WEIR_LETTER_COLON_FIRST] = {WEIR_LETTER_COLON, WEIR_LETTER_IS, WEIR_LETTER_BOXED,
                                     WEIR_LETTER_ALONE}};
    const letters l = {
        .text = text, .n = n, .n_choices = n_choices < WEIR_LETTERS ? n_choices : WEIR_LETTERS};
    for (size_t i = 0; i < WEIR_COUNT(orders[order]); i++) {
        char letter = find[orders[order][i]](&l);
        if (letter) {
            if (way)
                *way = orders[order][i];
            return letter;
        }
    }
    if (way)
        *way = WEIR_LETTER_NONE;
    return 0;
}
