/*
 * gen_story.c: the samples of kind "story": requests for stories with their answers, stories to
 * continue, to shorten, to ask about, to give a title, and plain stories without a chat.
 *
 * Checks, one an answer (gen_check.h says what they mean): {"kind": "story", "hero", "words",
 * "contains", "sentences", "ending", "starts_with"} and {"kind": "text", "contains", "equals"}.
 */
#include "base/compiler.h"
#include "train/gen_check.h"
#include "train/gen_story_ask.h"
#include <stdlib.h>
#include <string.h>

static const char *text_of(const weir_gen_text *text) {
    return text->data ? text->data : "";
}

/* ---- the JSON of a sample ------------------------------------------------------------------- */

typedef struct chat {
    weir_gen *g;
    json_t *messages, *checks;
} chat;

static void append(weir_gen *g, json_t *list, json_t *value) {
    if (json_array_append_new(list, value) != 0)
        g->is_failed = true;
}

static void say(chat *c, const char *role, const char *content) {
    append(c->g, c->messages, json_pack("{s:s, s:s}", "role", role, "content", content));
}

/* Takes check over. */
static void answer(chat *c, const char *content, json_t *check) {
    say(c, "assistant", content);
    append(c->g, c->checks, check);
}

static void say_system(chat *c) {
    static const char *const prompt[] = {
        "You are a helpful assistant.",
        "You are a helpful assistant.",
        "You tell short stories for children.",
        "You are a storyteller.",
        "You tell stories.",
        "You write stories for small children.",
        "You are a friendly storyteller for children.",
        "You are weir-nano, a small model that tells stories.",
        "Answer with a story.",
        "You are a kind grandmother who knows many stories.",
        "Tell stories in simple words.",
        "You are an assistant who writes stories for children.",
    };
    if (weir_gen_chance(c->g, 0.25))
        say(c, "system", prompt[weir_gen_below(c->g, WEIR_COUNT(prompt))]);
}

/* ---- tales ---------------------------------------------------------------------------------- */

static void tell_tale(weir_story_tale *tale, weir_gen *g, const weir_story_wish *wish,
                      uint32_t n_brief) {
    weir_story_world_draw(&tale->world, g, wish);
    tale->is_brief = n_brief > 0;
    if (n_brief)
        weir_story_tell_brief(&tale->world, &tale->text, n_brief);
    else
        weir_story_tell_all(&tale->world, &tale->text);
}

static void free_tale(weir_story_tale *tale) {
    weir_story_world_free(&tale->world);
    weir_gen_text_free(&tale->text);
}

/* What people ask for first; each is told often enough to be learned well. */
static const struct {
    const char *kind, *trait;
} favourites[] = {
    {"mouse", "brave"},     {"mouse", "clever"},       {"fox", "shy"},        {"fox", "clever"},
    {"rabbit", "kind"},     {"bear", "hungry"},        {"dragon", "shy"},     {"dragon", "kind"},
    {"cat", "curious"},     {"kitten", "curious"},     {"dog", "brave"},      {"puppy", "lonely"},
    {"girl", "brave"},      {"boy", "curious"},        {"princess", "brave"}, {"robot", "lonely"},
    {"elephant", "gentle"}, {"owl", "clever"},         {"turtle", "shy"},     {"knight", "brave"},
    {"unicorn", "kind"},    {"squirrel", "forgetful"}, {"monster", "gentle"}, {"pirate", "clumsy"},
    {"king", "sleepy"},     {"frog", "cheerful"},      {"lion", "brave"},
};

static void wish_favourite(weir_gen *g, weir_story_wish *wish, weir_story_tale *tale) {
    if (g->is_held_out)
        return;
    uint32_t i = 0; /* what the first command of the README asks for */
    if (!weir_gen_chance(g, 0.12))
        i = 1 + weir_gen_below(g, WEIR_COUNT(favourites) - 1);
    wish->kind = favourites[i].kind;
    if (weir_gen_chance(g, 0.8)) {
        wish->trait = favourites[i].trait;
        tale->is_trait_asked = true;
        /* Who asks for a brave mouse wants to see it brave. */
        if (strcmp(favourites[i].trait, "brave") == 0 && weir_gen_chance(g, 0.75))
            wish->plot_flags = WEIR_STORY_BRAVE;
    }
}

static void put_title(weir_story_tale *tale, weir_gen_text *to) {
    weir_story_tell(&tale->world, to, tale->world.plot->title);
}

/* ---- forms ---------------------------------------------------------------------------------- */

static void make_document(weir_gen *g, weir_gen_text *to) {
    weir_story_tale tale = {0};
    tell_tale(&tale, g, &(weir_story_wish){0}, 0);
    if (weir_gen_chance(g, 0.3)) {
        put_title(&tale, to);
        weir_gen_put(g, to, "\n\n");
    }
    weir_gen_put(g, to, text_of(&tale.text));
    free_tale(&tale);
}

/* A request that names little or nothing of the story: "Tell me a story." */
static void make_plain(chat *c, weir_story_tale *tale) {
    weir_gen *g = c->g;
    weir_story_wish wish = {0};
    weir_gen_text request = {0};
    json_t *check = json_object();
    static const struct {
        uint32_t flags;
        const char *form;
    } row[] = {
        {0, "[Tell me a story.|Tell me a story, please.|Please tell me a story.|Can you tell me a "
            "story?|I want to hear a story.|Write a story.|Write me a story.|A story, "
            "please.|Tell me another story.|tell me a story|Do you know a story?|Surprise me with "
            "a story.|Tell me something nice.]"},
        {WEIR_STORY_FUNNY, "[Tell me a funny story.|Write a funny story.|Make me laugh with a "
                           "story.|Do you know a funny story?|I want a funny story.|Tell me "
                           "something funny.|A funny story, please.]"},
        {WEIR_STORY_BEDTIME, "[Tell me a bedtime story.|Tell me a story before I go to sleep.|I "
                             "cannot sleep. Tell me a story.|Write a bedtime story.|A bedtime "
                             "story, please.|Can you tell me a bedtime story?|Tell me a good night "
                             "story.]"},
        {WEIR_STORY_FRIENDS, "[Tell me a story about two friends.|Write a story about two "
                             "friends.|Tell me a story about friendship.|Write a story about "
                             "friends.|Can you tell me a story about two friends?|I would like a "
                             "story about friendship.]"},
        {WEIR_STORY_SAD, "[Tell me a sad story.|Write a sad story.|Do you know a sad story?|I want "
                         "to hear a sad story.|A sad story, please.]"},
        {WEIR_STORY_BRAVE,
         "[Tell me a story about being brave.|Write a story about courage.|Tell me "
         "a story about somebody brave.|Tell me an adventure story.|Write an "
         "adventure story.|Can you tell me a story about courage?]"},
    };
    uint32_t i = weir_gen_chance(g, 0.35) ? 0 : weir_gen_below(g, WEIR_COUNT(row));
    wish.plot_flags = row[i].flags;
    tell_tale(tale, g, &wish, 0);
    weir_story_tell(&tale->world, &request, row[i].form);
    weir_story_check_hero(tale, text_of(&tale->text), check);
    say(c, "user", text_of(&request));
    answer(c, text_of(&tale->text), check);
    weir_gen_text_free(&request);
}

static void ask_and_tell(chat *c, weir_story_tale *tale, uint32_t ask) {
    weir_gen *g = c->g;
    weir_gen_text request = {0}, told = {0};
    json_t *check = json_object();
    weir_story_ask(tale, ask, &request, check);
    if (ask & WEIR_STORY_ASK_TITLE) {
        put_title(tale, &told);
        weir_gen_put(g, &told, "\n\n");
        /* The title counts as a sentence that has no end of its own. */
        json_object_del(check, "sentences");
    }
    weir_gen_put(g, &told, text_of(&tale->text));
    say(c, "user", text_of(&request));
    answer(c, text_of(&told), check);
    weir_gen_text_free(&request);
    weir_gen_text_free(&told);
}

static void make_asked(chat *c, weir_story_tale *tale, bool has_favourite) {
    weir_gen *g = c->g;
    weir_story_wish wish = {0};
    uint32_t ask = WEIR_STORY_ASK_HERO;
    if (has_favourite) {
        wish_favourite(g, &wish, tale);
        if (weir_gen_chance(g, 0.15))
            ask |= WEIR_STORY_ASK_THEME;
    } else {
        static const uint32_t subject[] = {
            WEIR_STORY_ASK_HERO,
            WEIR_STORY_ASK_HERO,
            WEIR_STORY_ASK_HERO | WEIR_STORY_ASK_THEME,
            WEIR_STORY_ASK_HERO | WEIR_STORY_ASK_THEME,
            WEIR_STORY_ASK_THEME,
            WEIR_STORY_ASK_HERO | WEIR_STORY_ASK_FRIEND,
        };
        ask = subject[weir_gen_below(g, WEIR_COUNT(subject))];
    }
    tell_tale(tale, g, &wish, 0);
    ask_and_tell(c, tale, ask);
}

/* Words, ending, place, title; two of them at most. */
static void make_constrained(chat *c, weir_story_tale *tale) {
    weir_gen *g = c->g;
    weir_story_wish wish = {0};
    if (weir_gen_chance(g, 0.15))
        wish.plot_flags = WEIR_STORY_SAD;
    static const uint32_t subject[] = {WEIR_STORY_ASK_HERO, WEIR_STORY_ASK_THEME, 0,
                                       WEIR_STORY_ASK_HERO | WEIR_STORY_ASK_THEME};
    static const uint32_t more[] = {WEIR_STORY_ASK_WORDS, WEIR_STORY_ASK_WORDS,
                                    WEIR_STORY_ASK_ENDING, WEIR_STORY_ASK_PLACE,
                                    WEIR_STORY_ASK_TITLE};
    uint32_t ask = subject[weir_gen_below(g, WEIR_COUNT(subject))];
    ask |= more[weir_gen_below(g, WEIR_COUNT(more))];
    if (weir_gen_chance(g, 0.3))
        ask |= more[weir_gen_below(g, WEIR_COUNT(more))];
    tell_tale(tale, g, &wish, 0);
    ask_and_tell(c, tale, ask);
}

/* Three to six sentences, mostly with their number asked for. */
static void make_short(chat *c, weir_story_tale *tale) {
    weir_gen *g = c->g;
    weir_story_wish wish = {0};
    if (weir_gen_chance(g, 0.2))
        wish_favourite(g, &wish, tale);
    tell_tale(tale, g, &wish, 3 + weir_gen_below(g, 4));
    static const uint32_t subject[] = {WEIR_STORY_ASK_HERO, WEIR_STORY_ASK_HERO, 0,
                                       WEIR_STORY_ASK_HERO | WEIR_STORY_ASK_THEME,
                                       WEIR_STORY_ASK_THEME};
    uint32_t ask =
        wish.kind ? WEIR_STORY_ASK_HERO : subject[weir_gen_below(g, WEIR_COUNT(subject))];
    if (weir_gen_chance(g, 0.6))
        ask |= WEIR_STORY_ASK_COUNT;
    if (weir_gen_chance(g, 0.2))
        ask |= WEIR_STORY_ASK_WORDS;
    if (weir_gen_chance(g, 0.15))
        ask |= WEIR_STORY_ASK_ENDING;
    ask_and_tell(c, tale, ask);
}

/* A new turn about the story of the first. */
static void say_again(chat *c, weir_story_tale *tale) {
    weir_gen *g = c->g;
    weir_gen_text request = {0}, told = {0};
    json_t *check = json_object();
    uint32_t form = weir_gen_below(g, 4);
    if (form == 0) { /* the same story, shorter */
        weir_story_tell(&tale->world, &request,
                        "[Now tell it in three sentences.|Tell it again in three sentences.|Make "
                        "it shorter, in three sentences.|Can you retell it in three "
                        "sentences?|Retell the story in three sentences.|Too long. Three "
                        "sentences, please.]");
        weir_story_world_rewind(&tale->world);
        weir_story_tell_brief(&tale->world, &told, 3);
        weir_story_check_hero(tale, text_of(&told), check);
        if (json_object_set_new(check, "sentences", json_integer(3)) != 0)
            g->is_failed = true;
    } else if (form == 1) {
        weir_story_tell(&tale->world, &request,
                        "[Give it a title.|What is a good title for it?|What could the title "
                        "be?|Now give the story a title.|What is the story called?]");
        put_title(tale, &told);
        if (json_object_set_new(check, "kind", json_string("text")) != 0 ||
            json_object_set_new(check, "max_words", json_integer(9)) != 0)
            g->is_failed = true;
    } else if (!weir_story_question(tale, &request, &told, check)) {
        weir_story_tell(&tale->world, &request,
                        "[Thank you!|Thank you.|That was nice.|I like it.|What a nice "
                        "story!|Good night.]");
        weir_story_tell(&tale->world, &told,
                        "[I am glad you liked it.|You are welcome.|You are welcome. Ask me for "
                        "another story whenever you like.]");
        json_decref(check);
        check = json_null();
    }
    say(c, "user", text_of(&request));
    answer(c, text_of(&told), check);
    weir_gen_text_free(&request);
    weir_gen_text_free(&told);
}

/* Another story after the first, each in a few sentences. */
static void tell_another(chat *c, const weir_story_tale *first) {
    weir_gen *g = c->g;
    weir_story_tale tale = {0};
    weir_gen_text request = {0};
    json_t *check = json_object();
    weir_story_wish wish = {.not_plot = first->world.plot};
    bool is_same_kind = weir_gen_chance(g, 0.3);
    tell_tale(&tale, g, &wish, 3 + weir_gen_below(g, 4));
    weir_story_check_hero(&tale, text_of(&tale.text), check);
    if (is_same_kind)
        weir_story_tell(&tale.world, &request,
                        "[Another one, please.|Another one.|Tell me another one.|One "
                        "more!|Again!|One more, please.]");
    else
        weir_story_tell(&tale.world, &request,
                        "[Now one about {h.a}.|And now one about {h.a}, please.|Tell me one about "
                        "{h.a}, too.|Now tell me a story about {h.a}.]");
    say(c, "user", text_of(&request));
    answer(c, text_of(&tale.text), check);
    weir_gen_text_free(&request);
    free_tale(&tale);
}

static void make_two_turns(chat *c, weir_story_tale *tale) {
    weir_gen *g = c->g;
    bool is_short = weir_gen_chance(g, 0.45);
    tell_tale(tale, g, &(weir_story_wish){0}, is_short ? 4 + weir_gen_below(g, 3) : 0);
    ask_and_tell(c, tale, weir_gen_chance(g, 0.7) ? WEIR_STORY_ASK_HERO : WEIR_STORY_ASK_THEME);
    if (is_short && weir_gen_chance(g, 0.5))
        tell_another(c, tale);
    else
        say_again(c, tale);
}

/* The story stands in the request; the answer is about it. */
static void make_about(chat *c, weir_story_tale *tale) {
    weir_gen *g = c->g;
    weir_gen_text request = {0}, told = {0}, question = {0};
    json_t *check = json_object();
    bool is_question = weir_gen_chance(g, 0.7);
    tell_tale(tale, g, &(weir_story_wish){0}, is_question && weir_gen_chance(g, 0.5) ? 5 : 0);
    if (!is_question || !weir_story_question(tale, &question, &told, check)) {
        json_object_clear(check);
        bool is_title = weir_gen_chance(g, 0.4) || tale->is_brief;
        weir_story_tell(&tale->world, &question,
                        is_title ? "[Give this story a title.|What is a good title for this "
                                   "story?|Find a title for this story.]"
                                 : "[Retell this story in three sentences.|Tell this story in "
                                   "three sentences.|Make this story shorter. Use three "
                                   "sentences.]");
        if (is_title) {
            put_title(tale, &told);
            if (json_object_set_new(check, "kind", json_string("text")) != 0 ||
                json_object_set_new(check, "max_words", json_integer(9)) != 0)
                g->is_failed = true;
        } else {
            weir_story_world_rewind(&tale->world);
            weir_story_tell_brief(&tale->world, &told, 3);
            weir_story_check_hero(tale, text_of(&told), check);
            if (json_object_set_new(check, "sentences", json_integer(3)) != 0)
                g->is_failed = true;
        }
    }
    if (weir_gen_chance(g, 0.5))
        weir_gen_putf(g, &request, "%s\n\n%s", text_of(&question), text_of(&tale->text));
    else
        weir_gen_putf(g, &request, "%s\n\n%s", text_of(&tale->text), text_of(&question));
    say(c, "user", text_of(&request));
    answer(c, text_of(&told), check);
    weir_gen_text_free(&request);
    weir_gen_text_free(&question);
    weir_gen_text_free(&told);
}

static bool is_in_quotes(const char *text, const char *at) {
    size_t n = 0;
    for (const char *p = text; p < at; p++)
        n += *p == '"';
    return n % 2 == 1;
}

static void make_continued(chat *c, weir_story_tale *tale) {
    weir_gen *g = c->g;
    weir_gen_text request = {0};
    json_t *check = json_object();
    tell_tale(tale, g, &(weir_story_wish){0}, 0);
    const char *text = text_of(&tale->text);
    uint32_t n_sentences = 1 + weir_gen_below(g, 3);
    const char *rest = weir_gen_sentence_at(text, n_sentences);
    while (is_in_quotes(text, rest)) /* never in the middle of what somebody says */
        rest = weir_gen_sentence_at(text, ++n_sentences);
    size_t n_begin = (size_t)(rest - text);
    while (n_begin > 0 && (text[n_begin - 1] == ' ' || text[n_begin - 1] == '\n'))
        n_begin--;
    weir_story_tell(&tale->world, &request,
                    "[Continue this story:|Go on with this story:|Continue the story.|What happens "
                    "next?|Finish this story:|Tell me how this story goes on:|Please continue:]");
    weir_gen_putf(g, &request, "%s%.*s", weir_gen_chance(g, 0.4) ? "\n\n" : " ", (int)n_begin,
                  text);
    while (*rest == ' ' || *rest == '\n')
        rest++;
    weir_story_check_hero(tale, rest, check);
    say(c, "user", text_of(&request));
    answer(c, rest, check);
    weir_gen_text_free(&request);
}

json_t *weir_gen_story(weir_gen *g) {
    if (weir_gen_chance(g, 0.15)) {
        weir_gen_text text = {0};
        make_document(g, &text);
        json_t *sample = json_pack("{s:s, s:[]}", "text", text_of(&text), "check");
        weir_gen_text_free(&text);
        return sample;
    }
    chat c = {.g = g, .messages = json_array(), .checks = json_array()};
    weir_story_tale tale = {0};
    say_system(&c);
    uint32_t form = weir_gen_below(g, 100);
    if (form < 12)
        make_plain(&c, &tale);
    else if (form < 28)
        make_asked(&c, &tale, true);
    else if (form < 48)
        make_asked(&c, &tale, false);
    else if (form < 64)
        make_constrained(&c, &tale);
    else if (form < 76)
        make_short(&c, &tale);
    else if (form < 86)
        make_two_turns(&c, &tale);
    else if (form < 93)
        make_about(&c, &tale);
    else
        make_continued(&c, &tale);
    free_tale(&tale);
    return json_pack("{s:o, s:o}", "messages", c.messages, "check", c.checks);
}
