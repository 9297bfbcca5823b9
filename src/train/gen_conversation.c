/* gen_conversation.c: conversations under construction, small talk, and what is remembered over
 * turns.
 */
#include "train/gen_conversation.h"
#include "base/compiler.h"
#include "train/gen_instruction.h"
#include <stdio.h>
#include <string.h>

bool weir_conversation_open(weir_conversation *c, weir_gen *g) {
    *c = (weir_conversation){.g = g, .messages = json_array(), .checks = json_array()};
    if (c->messages && c->checks)
        return true;
    json_decref(c->messages);
    json_decref(c->checks);
    return false;
}

json_t *weir_conversation_close(weir_conversation *c) {
    json_t *made = NULL;
    if (!c->g->is_failed)
        made = json_pack("{s:O, s:O}", "messages", c->messages, "check", c->checks);
    json_decref(c->messages);
    json_decref(c->checks);
    *c = (weir_conversation){0};
    return made;
}

static void add_message(weir_conversation *c, const char *role, const char *content) {
    json_t *message = json_pack("{s:s, s:s}", "role", role, "content", content);
    if (json_array_append_new(c->messages, message) != 0)
        c->g->is_failed = true;
}

void weir_conversation_system(weir_conversation *c, const char *text) {
    add_message(c, "system", text);
}

void weir_conversation_turn(weir_conversation *c, const char *user, const char *answer,
                            json_t *check) {
    add_message(c, "user", user);
    add_message(c, "assistant", answer);
    if (json_array_append_new(c->checks, check ? check : json_null()) != 0)
        c->g->is_failed = true;
}

void weir_conversation_careless(weir_gen_text *user) {
    if (user->n < 2)
        return;
    for (size_t i = 1; i < user->n; i++)
        if (user->data[i] >= 'A' && user->data[i] <= 'Z')
            return;
    char *first = &user->data[0], *last = &user->data[user->n - 1];
    if (*first >= 'A' && *first <= 'Z')
        *first = (char)(*first - 'A' + 'a');
    if (*last == '?' || *last == '.') {
        *last = 0;
        user->n--;
    }
}

/* ---- small talk ----------------------------------------------------------------------------- */

static const char *no_slot(void *context, const char *name, size_t n) {
    (void)context, (void)name, (void)n;
    return NULL;
}

static void put_pattern(weir_gen *g, weir_gen_text *text, const char *pattern) {
    weir_gen_expand(g, text, pattern, no_slot, NULL);
}

void weir_conversation_neutral(weir_gen *g, weir_gen_text *text) {
    static const char *const patterns[] = {
        "You are a helpful assistant.",
        "You are a [friendly|kind|small|cheerful] helper.",
        "You are weir-nano, a [small|very small|little] model that helps people.",
        "You are weir-nano[| and you like to help].",
        "[Be brief.|Keep your answers short.|Answer briefly and kindly.]",
        "You are a helpful and [honest|friendly|careful] assistant.",
        "You help children [to learn|with their questions].",
        "Follow the instructions of the user.",
    };
    put_pattern(g, text, patterns[weir_gen_below(g, WEIR_COUNT(patterns))]);
}

static void pattern_turn(weir_conversation *c, const char *ask, const char *reply, json_t *check) {
    weir_gen_text user = {0}, answer = {0};
    put_pattern(c->g, &user, ask);
    put_pattern(c->g, &answer, reply);
    if (c->g->is_failed)
        json_decref(check);
    else
        weir_conversation_turn(c, user.data, answer.data, check);
    weir_gen_text_free(&user);
    weir_gen_text_free(&answer);
}

static json_t *any_of(json_t *phrases) {
    return json_pack("{s:s, s:o, s:i}", "kind", "text", "contains_any", phrases, "max_words", 30);
}

void weir_conversation_greeting(weir_conversation *c) {
    static const char *const asks[] = {
        "[Hello|Hi|Hey|Hello there|Hi there|Good morning|Good evening|Good day|Greetings][!|.]",
        "[hello|hi|hey]",
        "[Hello|Hi|Hey], weir-nano[!|.]",
        "[Hello|Hi]! How are you[| today]?",
        "How are you[| doing| today]?",
    };
    uint32_t which = weir_gen_below(c->g, WEIR_COUNT(asks));
    if (which < 3)
        pattern_turn(
            c, asks[which],
            "[Hello|Hi|Hello there|Hi there]! [How can I help you[| today]?|What can I do for "
            "you?|It is nice to meet you.|What shall we do?]",
            any_of(json_pack("[s, s]", "hello", "hi")));
    else
        pattern_turn(
            c, asks[which],
            "I am [fine|well|very well], thank you! [How can I help you?|What can I do for "
            "you?|And how are you?]",
            any_of(json_pack("[s, s]", "fine", "well")));
}

void weir_conversation_thanks(weir_conversation *c) {
    pattern_turn(c,
                 "[Thank you[|, that helps|, that was good| very much]!|Thanks[| a lot|, that is "
                 "good]!|Great, thank you!|Very good, thanks.|Thank you for your help.|thanks]",
                 "You are welcome![| I am glad I could help.| Ask me again whenever you like.]",
                 any_of(json_pack("[s]", "welcome")));
}

void weir_conversation_goodbye(weir_conversation *c) {
    pattern_turn(
        c,
        "[Goodbye!|Bye!|See you!|Bye bye!|I have to go now. Bye!|Good night!|See you "
        "tomorrow!|bye]",
        "[Goodbye|Bye]! [Have a nice day.|See you soon.|Come back soon.|It was nice to talk "
        "with you.]",
        any_of(json_pack("[s, s]", "goodbye", "bye")));
}

/* ---- memory --------------------------------------------------------------------------------- */

typedef struct memory_kind {
    const char *tell, *reply, *ask, *answer;
    const weir_word_table *values; /* NULL: a name, or an age if is_age */
    bool is_age;
} memory_kind;

static const char *const colour_words[] = {"red",   "blue",  "green", "yellow", "pink",  "black",
                                           "white", "brown", "grey",  "purple", "orange"};
static const weir_word_table colours = {colour_words, WEIR_COUNT(colour_words)};
static const char *const food_words[] = {
    "apples", "soup",  "bread", "cheese", "pancakes", "honey",   "pears", "carrots",
    "fish",   "pizza", "rice",  "cake",   "cherries", "noodles", "plums", "potatoes"};
static const weir_word_table foods = {food_words, WEIR_COUNT(food_words)};

static const char *const key_words[] = {"drawer", "box",  "basket",  "pocket",   "bag",
                                        "jar",    "desk", "kitchen", "cupboard", "shoe",
                                        "car",    "bowl", "garden",  "hall"};
static const weir_word_table key_places = {key_words, WEIR_COUNT(key_words)};

static const memory_kind memories[] = {
    {"[My name is {v}.|I am {v}.|Hello, I am {v}.|Hi, my name is {v}!|You can call me {v}.]",
     "[Nice to meet you, {v}!|Hello, {v}!|Hello, {v}! How can I help you?|It is nice to meet you, "
     "{v}.]",
     "[What is my name?|Do you remember my name?|Can you tell me my name?|Who am I?|Say my "
     "name, please.]",
     "Your name is {v}.", NULL, false},
    {"[My friend is called {v}.|I have a friend called {v}.|My best friend's name is {v}.]",
     "[{v} is a nice name.|I am glad that you have a friend like {v}.]",
     "[What is my friend's name?|How is my friend called?|Do you remember the name of my friend?]",
     "Your friend's name is {v}.", NULL, false},
    {"[I have a dog. It is called {v}.|My dog's name is {v}.|We have a dog, and its name is {v}.]",
     "[{v} is a good name for a dog.|I am sure {v} is a good dog.]",
     "[What is my dog's name?|How is my dog called?|Do you still know what my dog is called?]",
     "Your dog's name is {v}.", NULL, false},
    {"[My favourite colour is {v}.|I like the colour {v} best.|Remember this: my favourite colour "
     "is "
     "{v}.]",
     "[The colour {v} is pretty.|I will remember that you like {v}.]",
     "[What is my favourite colour?|Which colour do I like best?|Do you remember my favourite "
     "colour?]",
     "Your favourite colour is {v}.", &colours, false},
    {"[I like to eat {v}.|My favourite food is {v}.|I love {v}.]",
     "[I will remember that you like {v}.|That sounds good. Enjoy your {v}!]",
     "[What do I like to eat?|What is my favourite food?|Do you remember what I like to eat?]",
     "You like {v}.", &foods, false},
    {"[I live in {v}.|My home is in {v}.|I come from {v}.]",
     "[I will remember that you live in {v}.|So your home is {v}. Thank you for telling me.]",
     "[Where do I live?|Which town do I live in?|Do you remember where I live?]",
     "You live in {v}.", &weir_word_towns, false},
    {"[The secret word is {v}.|Remember this word: {v}.|Please keep this word in mind: {v}.]",
     "[I will remember the word {v}.|All right, the word is {v}.]",
     "[What is the word[| that I told you]?|Which word did I tell you?|Do you remember the "
     "word?|Tell me "
     "the word again.]",
     "The word is {v}.", &weir_word_nouns, false},
    {"[I am {v} years old.|My age is {v}.|I turned {v} this year.]",
     "[I will remember that you are {v}.|So you are {v} years old. Thank you for telling me.]",
     "[How old am I?|What is my age?|Do you remember how old I am?]", "You are {v} years old.",
     NULL, true},
    {"[I put the key in the {v}.|The key is in the {v}.|Remember: my key is in the {v}.]",
     "[I will remember that the key is in the {v}.|All right, the key is in the {v}.]",
     "[Where is my key?|Where did I put the key?|Do you remember where my key is?]",
     "Your key is in the {v}.", &key_places, false},
};

static const char *memory_slot(void *context, const char *name, size_t n) {
    (void)name, (void)n;
    return ((const weir_memory *)context)->value;
}

static void memory_turn(const weir_memory *memory, weir_conversation *c, const char *ask,
                        const char *reply) {
    weir_gen_text user = {0}, answer = {0};
    weir_memory room = *memory;
    weir_gen_expand(c->g, &user, ask, memory_slot, &room);
    weir_gen_expand(c->g, &answer, reply, memory_slot, &room);
    if (!c->g->is_failed)
        weir_conversation_turn(c, user.data, answer.data,
                               json_pack("{s:s, s:[s], s:i}", "kind", "text", "contains",
                                         memory->value, "max_words", 30));
    weir_gen_text_free(&user);
    weir_gen_text_free(&answer);
}

void weir_memory_tell(weir_memory *memory, weir_conversation *c) {
    memory->kind = weir_gen_below(c->g, WEIR_COUNT(memories));
    const memory_kind *kind = &memories[memory->kind];
    if (kind->values)
        snprintf(memory->value, sizeof memory->value, "%s", weir_word_draw(c->g, kind->values));
    else if (kind->is_age)
        snprintf(memory->value, sizeof memory->value, "%u", 5 + (unsigned)weir_gen_row(c->g, 60));
    else
        snprintf(memory->value, sizeof memory->value, "%s", weir_word_name(c->g, NULL));
    memory_turn(memory, c, kind->tell, kind->reply);
}

void weir_memory_ask(const weir_memory *memory, weir_conversation *c) {
    memory_turn(memory, c, memories[memory->kind].ask, memories[memory->kind].answer);
}
