/* gen_check_text.c: the measures of text that checks are made of. Letters outside ASCII count as
 * letters without case.
 */
#include "base/compiler.h"
#include "train/gen_check.h"
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

static char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* A letter or a digit. */
static bool is_wordy(char c) {
    return is_lower(to_lower(c)) || is_digit(c) || (unsigned char)c >= 0x80;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

size_t weir_gen_count_words(const char *text) {
    size_t n = 0;
    bool is_counted = false;
    for (; *text; text++) {
        if (is_space(*text)) {
            is_counted = false;
        } else if (!is_counted && is_wordy(*text)) {
            is_counted = true;
            n++;
        }
    }
    return n;
}

/* ---- sentences ------------------------------------------------------------------------------ */

static bool is_sentence_end(char c) {
    return c == '.' || c == '!' || c == '?';
}

/* Is the full stop at `at` that of "1. " at the beginning of a line? */
static bool is_item_number(const char *text, const char *at) {
    const char *p = at;
    while (p > text && is_digit(p[-1]))
        p--;
    return *at == '.' && p < at && (p == text || p[-1] == '\n') && is_space(at[1]);
}

/* The first character behind the sentence that p stands in; *has_word: does it hold one? */
static const char *sentence_end(const char *text, const char *p, bool *has_word) {
    *has_word = false;
    while (*p) {
        *has_word = *has_word || is_wordy(*p);
        if (!is_sentence_end(*p) || is_item_number(text, p)) {
            p++;
            continue;
        }
        while (is_sentence_end(*p))
            p++;
        while (*p && strchr("\"')*", *p))
            p++;
        const char *next = p;
        while (is_space(*next))
            next++;
        if (!*next || (next > p && !is_lower(*next)))
            return next;
    }
    return p;
}

size_t weir_gen_count_sentences(const char *text) {
    size_t n = 0;
    for (const char *p = text; *p;) {
        bool has_word;
        p = sentence_end(text, p, &has_word);
        n += has_word;
    }
    return n;
}

const char *weir_gen_sentence_at(const char *text, size_t i) {
    const char *p = text;
    while (*p && i > 0) {
        bool has_word;
        p = sentence_end(text, p, &has_word);
        i -= has_word;
    }
    return p;
}

/* ---- phrases and numbers -------------------------------------------------------------------- */

/* Is text[at, at + n) cut out of a longer word or number? */
static bool is_part(const char *text, size_t n_text, size_t at, size_t n) {
    size_t end = at + n;
    if (is_wordy(text[at]) && at > 0) {
        char before = text[at - 1];
        if (is_wordy(before))
            return true;
        bool is_inner = at > 1 && is_wordy(text[at - 2]);
        if (is_digit(text[at]) && (before == '-' || before == '.') && is_inner == (before == '.'))
            return true;
    }
    if (is_wordy(text[end - 1]) && end < n_text) {
        if (is_wordy(text[end]))
            return true;
        if (is_digit(text[end - 1]) && strchr(".,", text[end]) && end + 1 < n_text &&
            is_digit(text[end + 1]))
            return true;
    }
    return false;
}

bool weir_gen_has_phrase(const char *text, size_t n, const char *phrase) {
    size_t n_phrase = strlen(phrase);
    if (n_phrase == 0)
        return true;
    for (size_t at = 0; at + n_phrase <= n; at++) {
        size_t i = 0;
        while (i < n_phrase && to_lower(text[at + i]) == to_lower(phrase[i]))
            i++;
        if (i == n_phrase && !is_part(text, n, at, n_phrase))
            return true;
    }
    return false;
}

static const char *const glad_words[] = {
    "happy",   "happily",   "glad",       "gladly",   "smiled", "smile", "smiles",
    "smiling", "laughed",   "laugh",      "joy",      "joyful", "proud", "loved",
    "cheered", "hugged",    "delighted",  "merry",    "safe",   "warm",  "fun",
    "best",    "wonderful", "celebrated", "grateful", "danced", "peace", "cosy",
};

static const char *const sad_words[] = {
    "sad",    "sadly", "cried", "cry",    "tears",   "tear",   "wept",   "lonely", "alone", "lost",
    "missed", "sorry", "gone",  "sighed", "unhappy", "sorrow", "broken", "never",  "heavy",
};

/* Where the last of the words [n_words] stands, from 1; 0: none occurs. */
static size_t last_word_of(const char *text, size_t n, const char *const *words, size_t n_words) {
    size_t end = n;
    while (end > 0) {
        while (end > 0 && !is_wordy(text[end - 1]))
            end--;
        size_t begin = end;
        while (begin > 0 && is_wordy(text[begin - 1]))
            begin--;
        for (size_t i = 0; i < n_words; i++)
            if (end > begin && end - begin == strlen(words[i]) &&
                weir_gen_has_phrase(text + begin, end - begin, words[i]))
                return begin + 1;
        end = begin;
    }
    return 0;
}

weir_gen_mood weir_gen_find_mood(const char *text, size_t n) {
    size_t glad = last_word_of(text, n, glad_words, WEIR_COUNT(glad_words));
    size_t sad = last_word_of(text, n, sad_words, WEIR_COUNT(sad_words));
    if (glad == 0 && sad == 0)
        return WEIR_GEN_MOOD_NONE;
    return glad > sad ? WEIR_GEN_MOOD_HAPPY : WEIR_GEN_MOOD_SAD;
}

bool weir_gen_last_number(const char *text, double *number) {
    const char *end = text + strlen(text);
    while (end > text && !is_digit(end[-1]))
        end--;
    if (end == text)
        return false;
    const char *begin = end;
    while (begin > text && is_digit(begin[-1]))
        begin--;
    if (begin > text + 1 && begin[-1] == '.' && is_digit(begin[-2])) {
        begin--;
        while (begin > text && is_digit(begin[-1]))
            begin--;
    }
    /* "7-3" has no negative number in it. */
    bool is_negative =
        begin > text && begin[-1] == '-' && (begin == text + 1 || !is_wordy(begin[-2]));
    double value = 0.0, unit = 0.0;
    for (const char *p = begin; p < end; p++) {
        if (*p == '.') {
            unit = 1.0;
            continue;
        }
        value = value * 10.0 + (*p - '0');
        unit *= 10.0;
    }
    value = unit > 0.0 ? value / unit : value;
    *number = is_negative ? -value : value;
    return true;
}

/* ---- sameness ------------------------------------------------------------------------------- */

/* The end without white space and, where allowed, without one final full stop. */
static const char *end_of(const char *text, bool final_period) {
    const char *end = text + strlen(text);
    while (end > text && is_space(end[-1]))
        end--;
    if (final_period && end > text && end[-1] == '.' && (end < text + 2 || end[-2] != '.'))
        end--;
    return end;
}

bool weir_gen_same_text(const char *a, const char *b, bool ignore_case, bool final_period) {
    const char *a_end = end_of(a, final_period), *b_end = end_of(b, final_period);
    while (a < a_end && is_space(*a))
        a++;
    while (b < b_end && is_space(*b))
        b++;
    while (a < a_end && b < b_end) {
        if (is_space(*a) != is_space(*b))
            return false;
        if (is_space(*a)) {
            while (a < a_end && is_space(*a))
                a++;
            while (b < b_end && is_space(*b))
                b++;
            continue;
        }
        if (*a != *b && !(ignore_case && to_lower(*a) == to_lower(*b)))
            return false;
        a++;
        b++;
    }
    return a == a_end && b == b_end;
}
