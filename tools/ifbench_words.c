/*
 * ifbench_words.c: IFBench's verifiers words:* that look at each word by itself or at a place among
 * the words. Words are what stands between spaces, mostly after ASCII punctuation was taken out.
 */
#include "base/compiler.h"
#include "ifeval_parts.h"

#include <string.h>

/* The fields of the reply without punctuation, in lower case, in c->list; they stand in c->work. */
static void bare_lower_fields(weir_if_case *c) {
    const weir_units *bare = weir_if_bare(c);
    weir_units_clear(&c->work);
    weir_units_add_lower(&c->work, bare->at, bare->n);
    weir_stretches_clear(&c->list);
    weir_stretches_fields(&c->list, c->work.at, (weir_stretch){0, c->work.n});
}

/* One paragraph, with at most three of the five vowels. */
static weir_status check_vowels(weir_if_case *c) {
    static const char vowels[] = "aeiou";
    const weir_units *lower = weir_if_lower(c);
    unsigned seen = 0, n_seen = 0;
    weir_stretch part = {0, lower->n};
    part = weir_stretch_strip(lower->at, part, weir_code_is_space);
    for (size_t i = part.from; i < part.to; i++) {
        uint32_t code = lower->at[i];
        if (code == '\n')
            return weir_if_say(c, false, "more than one paragraph");
        const char *vowel = code > 0 && code < 0x80 ? strchr(vowels, (int)code) : NULL;
        if (vowel)
            seen |= 1u << (vowel - vowels);
    }
    for (; seen; seen &= seen - 1)
        n_seen++;
    return weir_if_say(c, n_seen <= 3, "%u kinds of vowels", n_seen);
}

static bool is_consonant(uint32_t code) {
    return code >= 'a' && code <= 'z' && !strchr("aeiou", (int)code);
}

static weir_status check_consonants(weir_if_case *c) {
    const weir_units *lower = weir_if_lower(c);
    weir_stretches_clear(&c->list);
    weir_stretches_fields(&c->list, lower->at, (weir_stretch){0, lower->n});
    for (size_t i = 0; i < c->list.n; i++) {
        bool has_cluster = false;
        for (size_t k = c->list.at[i].from; k + 1 < c->list.at[i].to && !has_cluster; k++)
            has_cluster = is_consonant(lower->at[k]) && is_consonant(lower->at[k + 1]);
        if (!has_cluster)
            return weir_if_say(c, false, "word %zu has no two consonants together", i + 1);
    }
    return weir_if_say(c, true, " ");
}

static bool is_palindrome(const uint32_t *word, size_t n) {
    for (size_t i = 0; i < n / 2; i++)
        if (word[i] != word[n - 1 - i])
            return false;
    return true;
}

/* The same palindrome ten times will do, as in the original. */
static weir_status check_palindromes(weir_if_case *c) {
    size_t count = 0;
    bare_lower_fields(c);
    for (size_t i = 0; i < c->list.n; i++) {
        weir_stretch s = c->list.at[i];
        count += s.to - s.from >= 5 && is_palindrome(c->work.at + s.from, s.to - s.from);
    }
    return weir_if_say(c, count >= 10, "%zu palindromes, asked for ten", count);
}

/* Below 100: a longer word is never prime in the original. */
static bool is_prime(size_t n) {
    for (size_t d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return n >= 2 && n < 100;
}

static weir_status check_primes(weir_if_case *c) {
    const weir_units *bare = weir_if_bare(c);
    weir_stretches_clear(&c->list);
    weir_stretches_fields(&c->list, bare->at, (weir_stretch){0, bare->n});
    for (size_t i = 0; i < c->list.n; i++) {
        size_t n = c->list.at[i].to - c->list.at[i].from;
        if (!is_prime(n))
            return weir_if_say(c, false, "word %zu has %zu letters", i + 1, n);
    }
    return weir_if_say(c, true, " ");
}

static weir_status check_repeats(weir_if_case *c) {
    double most;
    size_t run = 0;
    WEIR_TRY(weir_if_number(c, "small_n", 0, &most));
    bare_lower_fields(c);
    if (!weir_stretches_sort(&c->list, c->work.at))
        c->has_failed = true;
    for (size_t i = 0; i < c->list.n; i++) {
        weir_stretch s = c->list.at[i], last = c->list.at[i ? i - 1 : 0];
        bool is_same = i > 0 && !weir_codes_compare(c->work.at + s.from, s.to - s.from,
                                                    c->work.at + last.from, last.to - last.from);
        run = is_same ? run + 1 : 1;
        if ((double)run > most)
            return weir_if_say(c, false, "a word occurs more than %.15g times", most);
    }
    return weir_if_say(c, true, " ");
}

static weir_status check_start_verb(weir_if_case *c) {
    weir_if_tokens tokens = {0};
    weir_if_tokenize(c->text.at, c->text.n, &tokens);
    bool is_verb = weir_if_starts_with_verb(&tokens);
    c->has_failed = c->has_failed || weir_if_tokens_failed(&tokens);
    weir_if_tokens_free(&tokens);
    return weir_if_say(c, is_verb, "does not start with a verb");
}

/* Is token i the keyword in c->work_b, in lower case? */
static bool is_keyword(weir_if_case *c, const weir_if_tokens *tokens, size_t i) {
    weir_stretch t = tokens->at.at[i];
    weir_units_clear(&c->work);
    weir_units_add_lower(&c->work, tokens->codes.at + t.from, t.to - t.from);
    return !weir_codes_compare(c->work.at, c->work.n, c->work_b.at, c->work_b.n);
}

static weir_status lower_keyword(weir_if_case *c) {
    weir_units_clear(&c->work);
    weir_units_clear(&c->work_b);
    WEIR_TRY(weir_if_codes(c, "keyword", true, &c->work));
    weir_units_add_lower(&c->work_b, c->work.at, c->work.n);
    return WEIR_STATUS_OK;
}

static bool has_alnum(const weir_if_tokens *tokens, size_t i) {
    for (size_t k = tokens->at.at[i].from; k < tokens->at.at[i].to; k++)
        if (weir_code_is_alnum(tokens->codes.at[k]))
            return true;
    return false;
}

/* The m-th token with a letter or digit in it, of the n-th sentence. */
static weir_status check_position(weir_if_case *c) {
    int64_t nth, mth, seen = 0;
    bool is_there = false;
    weir_if_tokens tokens = {0};
    WEIR_TRY(weir_if_count(c, "n", 1, &nth));
    WEIR_TRY(weir_if_count(c, "m", 1, &mth));
    WEIR_TRY(lower_keyword(c));
    const weir_stretches *sentences = weir_if_sentences(c);
    if ((int64_t)sentences->n < nth)
        return weir_if_say(c, false, "%zu sentences, asked for number %lld", sentences->n,
                           (long long)nth);
    weir_stretch s = sentences->at[nth - 1];
    weir_if_tokenize(c->text.at + s.from, s.to - s.from, &tokens);
    for (size_t i = 0; i < tokens.at.n && seen < mth; i++) {
        seen += has_alnum(&tokens, i);
        is_there = seen == mth && is_keyword(c, &tokens, i);
    }
    c->has_failed = c->has_failed || weir_if_tokens_failed(&tokens);
    weir_if_tokens_free(&tokens);
    return weir_if_say(c, is_there, "word %lld of sentence %lld is not the keyword", (long long)mth,
                       (long long)nth);
}

/* Does the token stand within the row of ASCII punctuation? So "." does, and "()" too. */
static bool is_punct_run(const weir_if_tokens *tokens, size_t i) {
    static const char row[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    weir_stretch t = tokens->at.at[i];
    char text[sizeof row];
    if (t.to - t.from >= sizeof text)
        return false;
    for (size_t k = t.from; k < t.to; k++) {
        uint32_t code = tokens->codes.at[k];
        text[k - t.from] = code > 0 && code < 0x80 ? (char)code : ' ';
    }
    text[t.to - t.from] = '\0';
    return strstr(row, text) != NULL;
}

/* The second token and the last but one; closing punctuation, one token of it, does not count. */
static weir_status check_ends(weir_if_case *c) {
    weir_if_tokens tokens = {0};
    bool is_there = false;
    WEIR_TRY(lower_keyword(c));
    weir_if_tokenize(c->text.at, c->text.n, &tokens);
    size_t n = tokens.at.n;
    if (n >= 2 && is_punct_run(&tokens, n - 1))
        n = n < 3 ? 0 : n - 1;
    if (n >= 2 && tokens.at.n >= 2)
        is_there = is_keyword(c, &tokens, 1) && is_keyword(c, &tokens, n - 2);
    c->has_failed = c->has_failed || weir_if_tokens_failed(&tokens);
    weir_if_tokens_free(&tokens);
    return weir_if_say(c, is_there, "the keyword is not second and last but one");
}

static const weir_if_entry entries[] = {
    {"words:vowel", check_vowels},
    {"words:consonants", check_consonants},
    {"words:palindrome", check_palindromes},
    {"words:prime_lengths", check_primes},
    {"words:repeats", check_repeats},
    {"words:start_verb", check_start_verb},
    {"words:keywords_specific_position", check_position},
    {"words:words_position", check_ends},
};

const weir_if_group weir_if_bench_words = {entries, WEIR_COUNT(entries)};
