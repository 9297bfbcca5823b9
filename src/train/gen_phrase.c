/*
 * gen_phrase.c: draws phrases (gen_phrase.h).
 */
#include "train/gen_phrase.h"
#include "train/gen_tool.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *weir_phrase_word(weir_gen *g) {
    return weir_phrase_words[weir_gen_below(g, weir_phrase_n_words)];
}

static const char *word_inside(weir_gen *g) {
    static const char *const words[] = {"the", "my", "of", "your", "a", "in", "for", "we", "is"};
    return words[weir_gen_below(g, WEIR_COUNT(words))];
}

void weir_phrase_draw(weir_gen *g, char out[WEIR_PHRASE], uint32_t least, uint32_t most,
                      weir_phrase_case letters) {
    assert(least >= 1 && least <= most && most <= 6);
    uint32_t n_words = least + weir_gen_below(g, most - least + 1);
    size_t n = 0;
    for (uint32_t i = 0; i < n_words; i++) {
        char made[WEIR_TOOL_VALUE];
        const char *word = made;
        bool is_inside = n_words >= 4 && i > 0 && i + 1 < n_words;
        if (weir_gen_chance(g, 1.0 / 7)) {
            weir_tool_value_word(g, made);
            made[0] = (char)(made[0] - 'A' + 'a');
        } else {
            word = is_inside && weir_gen_chance(g, 0.25) ? word_inside(g) : weir_phrase_word(g);
        }
        size_t at = n + (i > 0), length = strlen(word);
        assert(at + length < WEIR_PHRASE);
        if (i > 0)
            out[n] = ' ';
        memcpy(out + at, word, length);
        if (letters == WEIR_PHRASE_TITLE || (letters == WEIR_PHRASE_SENTENCE && i == 0))
            out[at] = (char)(out[at] - 'a' + 'A');
        n = at + length;
    }
    out[n] = 0;
}
