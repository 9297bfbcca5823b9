/*
 * gen_story_ask.c: requests for stories and questions about them. A request is drawn after the
 * story: words it uses, its number of sentences, its mood, its place are read from the text.
 */
#include "train/gen_story_ask.h"
#include "base/compiler.h"
#include "train/gen_check.h"
#include <string.h>

static const char *text_of(const weir_gen_text *text) {
    return text->data ? text->data : "";
}

static bool has_phrase(const weir_story_tale *tale, const char *words) {
    return weir_gen_has_phrase(text_of(&tale->text), tale->text.n, words);
}

static void put_capital(weir_story_tale *tale, weir_gen_text *text, const char *pattern) {
    weir_gen_text marked = {0};
    weir_gen_putf(tale->world.g, &marked, "^%s", pattern);
    if (marked.data)
        weir_story_tell(&tale->world, text, marked.data);
    weir_gen_text_free(&marked);
}

/* Appends a pattern with the slots {a}, {b}, {c}. */
typedef struct words3 {
    const char *word[3];
} words3;

static const char *word_slot(void *context, const char *name, size_t n) {
    const words3 *words = context;
    return n == 1 && name[0] >= 'a' && name[0] <= 'c' ? words->word[name[0] - 'a'] : NULL;
}

static void put_form(weir_gen *g, weir_gen_text *to, const char *pattern, const char *a,
                     const char *b, const char *c) {
    words3 words = {{a, b, c}};
    weir_gen_expand(g, to, pattern, word_slot, &words);
}

static void set_string(weir_gen *g, json_t *check, const char *key, const char *value) {
    if (json_object_set_new(check, key, json_string(value)) != 0)
        g->is_failed = true;
}

static void add_string(weir_gen *g, json_t *check, const char *key, const char *value) {
    json_t *list = json_object_get(check, key);
    if (!list) {
        list = json_array();
        if (json_object_set_new(check, key, list) != 0)
            g->is_failed = true;
    }
    if (json_array_append_new(list, json_string(value)) != 0)
        g->is_failed = true;
}

void weir_story_check_hero(const weir_story_tale *tale, const char *text, json_t *check) {
    const weir_story_person *hero = &tale->world.who[WEIR_STORY_HERO];
    weir_gen *g = tale->world.g;
    set_string(g, check, "kind", "story");
    if (hero->name && weir_gen_has_phrase(text, strlen(text), hero->name))
        set_string(g, check, "hero", hero->name);
    else if (weir_gen_has_phrase(text, strlen(text), hero->noun))
        set_string(g, check, "hero", hero->noun);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* "a brave little mouse named Pip": what of it is said is drawn. */
static void put_hero(weir_story_tale *tale, weir_gen_text *to, json_t *check) {
    weir_gen *g = tale->world.g;
    const weir_story_person *hero = &tale->world.who[WEIR_STORY_HERO];
    const char *trait = tale->world.trait ? tale->world.trait->word : "";
    double p_trait = tale->is_trait_asked ? 1.0 : 0.7;
    if (*trait && (!has_phrase(tale, trait) || !weir_gen_chance(g, p_trait)))
        trait = "";
    bool is_sized = hero->size[0] && weir_gen_chance(g, tale->is_trait_asked ? 0.8 : 0.5);
    const char *size = is_sized ? hero->size : "";
    const char *words = weir_story_describe(&tale->world, trait, size, hero->noun);
    bool is_an = strchr("aeio", words[0]) != NULL;
    weir_gen_putf(g, to, "%s %s", is_an ? "an" : "a", words);
    if (*trait && weir_gen_chance(g, 0.5))
        add_string(g, check, "contains", trait);
    if (hero->name && weir_gen_chance(g, 0.35)) {
        weir_gen_putf(g, to, " %s %s", weir_gen_chance(g, 0.7) ? "named" : "called", hero->name);
        set_string(g, check, "hero", hero->name);
    } else {
        set_string(g, check, "hero", hero->noun);
    }
    if (!weir_gen_has_phrase(text_of(&tale->text), tale->text.n,
                             json_string_value(json_object_get(check, "hero"))))
        json_object_del(check, "hero");
}

/* "two friends named Lily and Tom", "a fox and a rabbit named Pip"; false: the friend is not told.
 */
static bool put_friends(weir_story_tale *tale, weir_gen_text *to, json_t *check) {
    weir_gen *g = tale->world.g;
    const weir_story_person *hero = &tale->world.who[WEIR_STORY_HERO];
    const weir_story_person *friend = &tale->world.who[WEIR_STORY_FRIEND];
    if (!friend->is_met || !has_phrase(tale, friend->name) || !has_phrase(tale, friend->noun))
        return false;
    bool is_named = hero->name && has_phrase(tale, hero->name) && weir_gen_chance(g, 0.5);
    add_string(g, check, "contains", is_named ? friend->name : friend->noun);
    set_string(g, check, "hero", is_named ? hero->name : hero->noun);
    weir_story_tell(&tale->world, to,
                    is_named ? "[two friends named {h.n} and {f.n}|{h.a} named {h.n} and {f.a} "
                               "named {f.n}|{h.n} and {f.n}|{h.n} the {h.k} and {f.n} the {f.k}]"
                             : "[{h.a} and {f.a}|the friendship of {h.a} and {f.a}|"
                               "two friends, {h.a} and {f.a}]");
    return true;
}

/* Behind "a story about". */
static void put_subject(weir_story_tale *tale, uint32_t ask, weir_gen_text *to, json_t *check) {
    weir_gen *g = tale->world.g;
    bool has_hero = (ask & WEIR_STORY_ASK_HERO) != 0, has_theme = (ask & WEIR_STORY_ASK_THEME) != 0;
    if ((ask & WEIR_STORY_ASK_FRIEND) && put_friends(tale, to, check))
        return;
    if (has_hero)
        put_hero(tale, to, check);
    if (!has_theme)
        return;
    if (has_hero) {
        weir_gen_put(g, to, " ");
        weir_story_tell(&tale->world, to, tale->world.plot->who);
    } else {
        weir_story_tell(&tale->world, to, tale->world.plot->about);
    }
}

/* A word of the text that one may well ask for: lower case, not too short, not too common. */
static bool is_asked_for(const char *word) {
    static const char *const common[] = {
        "about",   "after",   "again",  "along",   "also",   "another", "around",  "away",
        "back",    "been",    "before", "behind",  "both",   "came",    "cannot",  "could",
        "did",     "down",    "each",   "even",    "every",  "from",    "gave",    "goes",
        "going",   "gone",    "hardly", "have",    "here",   "herself", "himself", "into",
        "just",    "knew",    "know",   "like",    "made",   "many",    "more",    "most",
        "much",    "never",   "none",   "nothing", "once",   "only",    "other",   "others",
        "over",    "perhaps", "quite",  "same",    "shall",  "should",  "some",    "than",
        "that",    "their",   "them",   "then",    "there",  "these",   "they",    "thing",
        "things",  "this",    "those",  "through", "told",   "took",    "toward",  "under",
        "until",   "upon",    "very",   "want",    "wanted", "well",    "went",    "were",
        "what",    "when",    "where",  "which",   "while",  "whole",   "with",    "without",
        "will",    "would",   "your",   "yours",   "ever",   "else",    "said",    "asked",
        "because", "however", "long",   "must",    "next",   "nobody",  "such",    "somebody",
    };
    size_t n = strlen(word);
    if (n < 4 || n > 10)
        return false;
    for (size_t i = 0; i < WEIR_COUNT(common); i++)
        if (strcmp(common[i], word) == 0)
            return false;
    return true;
}

/* Draws up to n_most different words of the text; the number found. */
static uint32_t draw_words(weir_story_tale *tale, uint32_t n_most, char (*word)[16]) {
    enum { MOST = 200 };
    weir_gen *g = tale->world.g;
    char found[MOST][16];
    uint32_t order[MOST], n = 0;
    const char *p = text_of(&tale->text);
    while (*p && n < MOST) {
        size_t length = strspn(p, "abcdefghijklmnopqrstuvwxyz");
        bool is_whole = length > 0 && length < 16 && p[length] != '\'' && p[length] != '-' &&
                        (p == tale->text.data || p[-1] == ' ' || p[-1] == '\n');
        if (is_whole) {
            memcpy(found[n], p, length);
            found[n][length] = 0;
            bool is_new = is_asked_for(found[n]);
            for (uint32_t i = 0; i < n && is_new; i++)
                is_new = strcmp(found[i], found[n]) != 0;
            n += is_new;
        }
        p += length ? length : 1;
        while (length == 0 && *p && strchr("abcdefghijklmnopqrstuvwxyz", *p) && p[-1] != ' ' &&
               p[-1] != '\n')
            p++; /* the rest of a word that began otherwise */
    }
    uint32_t n_drawn = n < n_most ? n : n_most;
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = 0; i < n_drawn; i++) {
        uint32_t j = i + weir_gen_below(g, n - i), row = order[j];
        order[j] = order[i];
        order[i] = row;
        memcpy(word[i], found[row], sizeof(found[row]));
    }
    return n_drawn;
}

static void put_words(weir_story_tale *tale, weir_gen_text *to, json_t *check) {
    weir_gen *g = tale->world.g;
    char word[3][16];
    uint32_t n = draw_words(tale, 1 + weir_gen_below(g, 3), word);
    for (uint32_t i = 0; i < n; i++)
        add_string(g, check, "words", word[i]);
    if (n == 1)
        put_form(g, to,
                 "[ Use the word \"{a}\".| The word \"{a}\" should be in it.| It must have the "
                 "word \"{a}\" in it.| Please use the word {a} in it.| Use the word {a}.]",
                 word[0], "", "");
    if (n == 2)
        put_form(g, to,
                 "[ Use the words \"{a}\" and \"{b}\".| The words \"{a}\" and \"{b}\" should be "
                 "in it.| Use the words {a} and {b}.]",
                 word[0], word[1], "");
    if (n == 3)
        put_form(g, to,
                 "[ Use the words \"{a}\", \"{b}\" and \"{c}\".| The story must have the words "
                 "\"{a}\", \"{b}\" and \"{c}\" in it.| Use the words {a}, {b} and {c}.]",
                 word[0], word[1], word[2]);
}

static const char *number_word(size_t n) {
    static const char *const word[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                       "seven", "eight", "nine", "ten",   "eleven", "twelve"};
    return n < WEIR_COUNT(word) ? word[n] : NULL;
}

static void put_count(weir_story_tale *tale, weir_gen_text *to, json_t *check) {
    weir_gen *g = tale->world.g;
    size_t n = weir_gen_count_sentences(text_of(&tale->text));
    const char *words = number_word(n);
    weir_gen_text number = {0};
    if (words && weir_gen_chance(g, 0.6))
        weir_gen_put(g, &number, words);
    else
        weir_gen_putf(g, &number, "%zu", n);
    put_form(g, to,
             "[ Use exactly {a} sentences.| Tell it in {a} sentences.| It should have {a} "
             "sentences.| Make it {a} sentences long.| In {a} sentences.]",
             text_of(&number), "", "");
    weir_gen_text_free(&number);
    if (json_object_set_new(check, "sentences", json_integer((json_int_t)n)) != 0)
        g->is_failed = true;
}

static weir_gen_mood mood_of(const weir_story_tale *tale) {
    const char *text = text_of(&tale->text);
    size_t n = weir_gen_count_sentences(text);
    const char *end = weir_gen_sentence_at(text, n > 3 ? n - 3 : 0);
    return weir_gen_find_mood(end, strlen(end));
}

static void put_ending(weir_story_tale *tale, weir_gen_text *to, json_t *check) {
    weir_gen *g = tale->world.g;
    bool is_sad = (tale->world.plot->flags & WEIR_STORY_SAD) != 0;
    if (mood_of(tale) != (is_sad ? WEIR_GEN_MOOD_SAD : WEIR_GEN_MOOD_HAPPY))
        return;
    set_string(g, check, "ending", is_sad ? "sad" : "happy");
    weir_story_tell(&tale->world, to,
                    is_sad ? "[ It should have a sad ending.| Give it a sad ending.| The end "
                             "should be sad.| Let it end sadly.]"
                           : "[ It should have a happy ending.| Give it a happy ending.| End "
                             "happily.| Make sure it ends well.| Let it end happily.]");
}

/* The sentence that asks, up to its full stop. */
static void put_request(weir_story_tale *tale, uint32_t ask, weir_gen_text *to, json_t *check) {
    weir_gen *g = tale->world.g;
    weir_gen_text subject = {0};
    bool is_sad = (tale->world.plot->flags & WEIR_STORY_SAD) != 0;
    put_subject(tale, ask, &subject, check);
    const char *kind = "";
    if (tale->is_brief)
        kind = weir_gen_chance(g, 0.75) ? "short " : "very short ";
    else if (is_sad && weir_gen_chance(g, 0.6))
        kind = "sad ";
    else if ((tale->world.plot->flags & WEIR_STORY_FUNNY) && weir_gen_chance(g, 0.5))
        kind = "funny ";
    else if ((tale->world.plot->flags & WEIR_STORY_BEDTIME) && weir_gen_chance(g, 0.5))
        kind = "bedtime ";
    else if (subject.n > 0 && weir_gen_chance(g, 0.15))
        kind = is_sad ? "children's " : "nice ";
    const char *common = "Tell me a {a}story{b}{c}.";
    const char *others =
        "[Please tell me a {a}story{b}{c}.|Can you tell me a {a}story{b}{c}?|Could you please tell "
        "me a {a}story{b}{c}?|I would like to hear a {a}story{b}{c}.|Write a {a}story{b}{c}.|Write "
        "a {a}story{b}{c}.|Write me a {a}story{b}{c}.|Please write a {a}story{b}{c}.|Make up a "
        "{a}story{b}{c}.|Do you know a {a}story{b}{c}?|A {a}story{b}{c}, please.|I want a "
        "{a}story{b}{c}.|Tell a {a}story{b}{c}.|tell me a {a}story{b}{c}|write a "
        "{a}story{b}{c}|Can I have a {a}story{b}{c}?|Tell us a {a}story{b}{c}.]";
    put_form(g, to, weir_gen_chance(g, 0.35) ? common : others, kind, subject.n ? " about " : "",
             text_of(&subject));
    weir_gen_text_free(&subject);
}

static void put_place(weir_story_tale *tale, weir_gen_text *to, json_t *check) {
    weir_gen *g = tale->world.g;
    const weir_story_place *place = tale->world.place[0];
    if (!place || !has_phrase(tale, place->noun))
        return;
    add_string(g, check, "contains", place->noun);
    put_form(g, to,
             "[ It should happen {a}.| Let it happen {a}.| Part of it should happen {a}.| Set it "
             "{a}.]",
             place->in, "", "");
}

void weir_story_ask(weir_story_tale *tale, uint32_t ask, weir_gen_text *request, json_t *check) {
    weir_story_check_hero(tale, text_of(&tale->text), check);
    put_request(tale, ask, request, check);
    char last = request->n ? request->data[request->n - 1] : 0;
    bool has_more = ask & (WEIR_STORY_ASK_WORDS | WEIR_STORY_ASK_COUNT | WEIR_STORY_ASK_ENDING |
                           WEIR_STORY_ASK_PLACE | WEIR_STORY_ASK_TITLE);
    if (has_more && last != '.' && last != '?')
        weir_gen_put(tale->world.g, request, ".");
    if (ask & WEIR_STORY_ASK_PLACE)
        put_place(tale, request, check);
    if (ask & WEIR_STORY_ASK_WORDS)
        put_words(tale, request, check);
    if (ask & WEIR_STORY_ASK_ENDING)
        put_ending(tale, request, check);
    if (ask & WEIR_STORY_ASK_COUNT)
        put_count(tale, request, check);
    if (ask & WEIR_STORY_ASK_TITLE)
        weir_story_tell(&tale->world, request,
                        "[ Give it a title.| Begin with a title.| It should have a title.| Add a "
                        "title, please.]");
}

/* ---- questions ------------------------------------------------------------------------------ */

/* A way to ask: what must be known is tested by weir_story_question, in this order. */
typedef enum question_kind {
    ASK_HOLDER,
    ASK_NAME,
    ASK_KIND,
    ASK_FRIEND,
    ASK_LOOK,
    ASK_FEELING,
    ASK_PLACE,
    ASK_THING,
    N_QUESTIONS
} question_kind;

static bool can_ask(const weir_story_tale *tale, question_kind kind) {
    const weir_story_world *world = &tale->world;
    const weir_story_person *hero = &world->who[WEIR_STORY_HERO];
    const weir_story_person *friend = &world->who[WEIR_STORY_FRIEND];
    const weir_story_thing *thing = &world->thing[0];
    bool is_thing_there = thing->is_met && has_phrase(tale, thing->object->noun);
    switch (kind) {
    case ASK_HOLDER:
        return is_thing_there && !thing->is_gone &&
               (thing->holder == WEIR_STORY_HERO ||
                (thing->holder == WEIR_STORY_FRIEND && has_phrase(tale, friend->name)));
    case ASK_NAME:
    case ASK_KIND:
        return hero->name && has_phrase(tale, hero->name) && has_phrase(tale, hero->noun);
    case ASK_FRIEND:
        return friend->is_met && has_phrase(tale, friend->name) && has_phrase(tale, friend->noun);
    case ASK_LOOK:
        return is_thing_there && has_phrase(tale, thing->adjective);
    case ASK_FEELING:
        return world->feeling && has_phrase(tale, world->feeling->word);
    case ASK_PLACE:
        return world->is_place_met[0] && !world->is_place_met[1] &&
               has_phrase(tale, world->place[0]->noun);
    case ASK_THING:
        return is_thing_there && (thing->holder == WEIR_STORY_HERO) &&
               has_phrase(tale, thing->adjective);
    default:
        return false;
    }
}

bool weir_story_question(weir_story_tale *tale, weir_gen_text *question, weir_gen_text *answer,
                         json_t *check) {
    static const char *const asked[N_QUESTIONS] = {
        [ASK_HOLDER] =
            "[Who has {o} now?|Who has {o} at the end?|Who has {o.full} in the end?|And who "
            "has {o} now?]",
        [ASK_NAME] = "[What is the name of the {h.k}?|What is the {h.k}'s name?|What was the {h.k} "
                     "called?|Who is the story about?]",
        [ASK_KIND] = "[Who is {h.n}?|What kind of creature is {h.n}?|Is {h.n} a person or an "
                     "animal, and what kind?|What is {h.n}?]",
        [ASK_FRIEND] = "[Who is {f.n}?|What is {f.n}?|Is {f.n} in the story, and who is that?]",
        [ASK_LOOK] = "[What does {o} look like?|What was {o} like?|Can you describe {o} in one "
                     "word?]",
        [ASK_FEELING] = "[How did {h.n} feel?|How did {h.n} feel in the end?|What did {h.n} feel?]",
        [ASK_PLACE] = "[Where did it happen?|Where does the story happen?|Where was {h.n}?]",
        [ASK_THING] = "[What does {h.n} have now?|What does {h.n} have in the end?]",
    };
    static const char *const answered[N_QUESTIONS] = {
        [ASK_HOLDER] = "",
        [ASK_NAME] = "[The {h.k} is called {h.n}.|{H.n}.|The {h.k} is {h.n}.|About {h.n}, {h.a}.]",
        [ASK_KIND] = "[{H.n} is {h.a}.|{H.n} is the {h.k} in the story.]",
        [ASK_FRIEND] = "[{F.n} is {f.a}.|{F.n} is the {f.k} in the story.]",
        [ASK_LOOK] = "[It is {o.adj}.|{O} is {o.adj}.]",
        [ASK_FEELING] = "",
        [ASK_PLACE] = "[It happened {p.in}.|{P.in}.]",
        [ASK_THING] = "[{H.n} has {o.a}.|{H.n} has {o.full}.]",
    };
    weir_story_world *world = &tale->world;
    weir_gen *g = world->g;
    uint32_t kinds[N_QUESTIONS], n = 0;
    for (uint32_t i = 0; i < N_QUESTIONS; i++)
        if (can_ask(tale, (question_kind)i))
            kinds[n++] = i;
    if (n == 0)
        return false;
    uint32_t kind = kinds[weir_gen_below(g, n)];
    const weir_story_person *holder =
        &world->who[world->thing[0].holder == WEIR_STORY_FRIEND ? WEIR_STORY_FRIEND
                                                                : WEIR_STORY_HERO];
    put_capital(tale, question, asked[kind]);
    set_string(g, check, "kind", "text");
    const char *contained = NULL;
    switch (kind) {
    case ASK_HOLDER:
        put_capital(tale, answer,
                    world->thing[0].holder == WEIR_STORY_FRIEND
                        ? "[{F.n} has {o} now.|{F.n} has it.|{F.n} has {o}.]"
                        : "[{H.n} has {o} now.|{H.n} has it.|{H.n} has {o}.]");
        contained = holder->name ? holder->name : holder->noun;
        break;
    case ASK_FEELING: {
        /* The word that is told last, as it is. */
        weir_gen_text pattern = {0};
        weir_gen_putf(g, &pattern, "[{H.n} felt %s.|{H.n} was %s.|{He} was %s.]",
                      world->feeling->word, world->feeling->word, world->feeling->word);
        put_capital(tale, answer, text_of(&pattern));
        weir_gen_text_free(&pattern);
        contained = world->feeling->word;
        break;
    }
    default:
        put_capital(tale, answer, answered[kind]);
        if (kind == ASK_NAME)
            contained = world->who[WEIR_STORY_HERO].name;
        else if (kind == ASK_KIND)
            contained = world->who[WEIR_STORY_HERO].noun;
        else if (kind == ASK_FRIEND)
            contained = world->who[WEIR_STORY_FRIEND].noun;
        else if (kind == ASK_PLACE)
            contained = world->place[0]->noun;
        else
            contained = kind == ASK_LOOK ? world->thing[0].adjective : world->thing[0].object->noun;
        break;
    }
    add_string(g, check, "contains", contained);
    return true;
}
