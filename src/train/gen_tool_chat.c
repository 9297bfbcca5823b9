/*
 * gen_tool_chat.c: the parts of tool dialogues in which no tool is called, with their phrases.
 */
#include "train/gen_tool_chat.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define COUNT(rows) ((uint32_t)(sizeof(rows) / sizeof(rows)[0]))

const char *const weir_tool_before_call[] = {
    "Let me check.",
    "One moment.",
    "I'll [do that|take care of that|see to it] now.",
    "Sure, [one second|just a moment|give me a second].",
    "Let me [do that|see|look] for you.",
    "Of course.",
    "Okay, [on it|just a second].",
    "Sure.",
};
const uint32_t weir_tool_n_before_call = COUNT(weir_tool_before_call);

/* The word "tool" is in all of them: it is what the check looks for. */
const char *const weir_tool_refusals[] = {
    "[Sorry|I'm sorry], I don't have a tool to {wanted}.",
    "[Sorry|I'm sorry], but none of my tools can {wanted}.",
    "I can't {wanted} with the tools I have.",
    "I have no tool that could {wanted}(?, sorry).",
    "^[Sorry, |]there is no tool here to {wanted}. [I can|But I can] {other}, if that helps.",
    "I can't do that: I have no tool to {wanted}. I could {other} instead.",
    "[Sorry,|I'm afraid] I can't {wanted}. My tools can only do other things(?, like {other}).",
    "[Unfortunately|I'm afraid] no tool I have can {wanted}.",
    "That needs a tool to {wanted}, and I don't have one.",
    "I wish I could {wanted}, but I have no tool for it.",
    "I'm not able to {wanted} here. None of the tools I was given does that.",
    "None of my tools [fits|helps with that]: I can {other}, but I can't {wanted}.",
};
const uint32_t weir_tool_n_refusals = COUNT(weir_tool_refusals);

const char *const weir_tool_thanks[] = {
    "[Thanks|Thank you|Thanks a lot|Great, thanks|Perfect, thank you|Cool, thanks]!",
    "[Thanks|Thank you|thanks|Many thanks].",
    "[That's all|That's it|That was all], [thanks|thank you].",
    "[Great|Perfect|Wonderful|Good|Okay, great], [that helps|that's what I needed|that's all].",
};
const uint32_t weir_tool_n_thanks = COUNT(weir_tool_thanks);
const char *const weir_tool_welcomes[] = {
    "You're welcome!",
    "You're [very |]welcome. [Have a nice day!|Anything else?|Just ask if you need more.]",
    "[My pleasure|Glad I could help|Happy to help|Any time|No problem][!|.]",
    "You're welcome! [Let me know|Tell me] if [there is more|you need anything else].",
};
const uint32_t weir_tool_n_welcomes = COUNT(weir_tool_welcomes);

typedef struct draw_context {
    weir_gen *g;
    char text[WEIR_TOOL_VALUE]; /* of the slot that was asked for last */
} draw_context;

static const char *draw_slot(void *context, const char *name, size_t n) {
    draw_context *draw = context;
    char kind[WEIR_TOOL_NAME], raw[WEIR_TOOL_VALUE];
    assert(n < sizeof kind);
    memcpy(kind, name, n);
    kind[n] = 0;
    weir_tool_value_draw(draw->g, kind, draw->text, raw);
    return draw->text;
}

static const char *const systems[] = {
    "You are a [helpful|friendly|kind|careful] assistant.",
    "You are a [helpful|friendly|careful|small] assistant[ with tools| that can use tools|]. Use "
    "[a tool|them|the tools] when [needed|it helps].",
    "You are {made}, a [helpful|friendly|polite] [assistant|home assistant|voice assistant].",
    "You are {made}. Answer [briefly|in one sentence|shortly|politely].",
    "[Use|Call] the tools below when they [help|fit|are needed]. [Otherwise just answer.|If none "
    "fits, say so.]",
    "[Today is|It is] {weekday}, {month} {int:1:28}.",
    "The user's name is {first}.",
    "You help {first} [at home|with small things|every day|at work].",
    "Answer [in short sentences|in plain English|briefly and clearly].[ Do not make up values.| "
    "Never guess values.|]",
    "You are the assistant of [{made} House|Hotel {made}|the {made} family|{first}'s shop].",
    "If [something|a value] is missing, ask [for it|the user]. Never [guess|make up values].",
    "You can call functions. [Only use what they return.|Tell the user what they return.]",
};

void weir_tool_system_draw(weir_gen *g, weir_gen_text *text) {
    draw_context draw = {.g = g};
    weir_gen_expand(g, text, systems[weir_gen_below(g, COUNT(systems))], draw_slot, &draw);
}

/* ---- small talk -------------------------------------------------------------------------------
 */

typedef struct talk {
    const char *ask, *answer;
} talk;

static const talk talks[] = {
    {"[Hi|Hello|Hey|Hi there|Hello there|Hey there|hi|hello][!|.|]",
     "[Hello|Hi|Hi there|Hello there]! [How can I help you?|What can I do for you?|How can I "
     "help?]"},
    {"Good [morning|afternoon|evening]!",
     "[Hello|Hi there]! [What can I do for you?|How can I help?|How can I help you today?]"},
    {"[How are you|How's it going|How are you doing|How do you do][ today|]?",
     "[I'm doing well|I'm fine|All is well here], [thank you|thanks]! [How can I help?|What can I "
     "do for you?]"},
    {"[Thanks|Thank you|Thanks a lot|Thank you so much][!|.| for your help!]",
     "[You're welcome|My pleasure|Any time|Glad to help]!"},
    {"[Bye|Goodbye|See you|Bye bye|See you later|Good night][!|.]",
     "[Goodbye|Bye|See you]! [Have a nice day.|Take care.|Until next time.]"},
    {"[Never mind|Forget it|It's nothing|Nothing, sorry|No, nothing][.|]",
     "[No problem|All right|Okay]. [Just ask|Let me know] if you need anything."},
    {"", NULL}, /* the user's name */
    {"", NULL},
    {"[I'm|I am] [bored|sad|tired|a bit tired|not feeling great] today.",
     "[I'm sorry to hear that|That's a pity|Oh no]. [Is there something I can do?|Can I help with "
     "anything?]"},
    {"[I'm|I am] so [happy|excited|glad] today!",
     "[That's great|How nice|That's wonderful] to hear!"},
    {"[You're|You are] [great|so helpful|very kind|the best][!|.]",
     "[Thank you|Thanks]! [I'm glad to help.|That's kind of you.|I do my best.]"},
    {"[Are you|Is anyone] there?", "[Yes, I'm here|I'm here]. [How can I help?|What do you need?]"},
    {"[Can I ask you something?|May I ask you a question?|I have a question.|Do you have a "
     "minute?]",
     "[Of course|Sure|Yes, of course|Go ahead][, what is it?|. What would you like to know?|!]"},
    {"[Okay|OK|Ok|Alright|Good][.|!|]",
     "[Good|Great]. [Is there anything else?|Anything else I can do?]"},
    {"[Sorry|I'm sorry], [wrong window|I typed that by mistake|that was a mistake].",
     "[No problem|That's fine|Don't worry]!"},
};

/* Tiny instructions; * is the drawn value, in the answer too, and has to be there. */
typedef struct instruction {
    const char *ask, *answer, *kind;
} instruction;

static const instruction instructions[] = {
    {"[Say|Just say|Please say|Write|Please write] \"*\".", "*", "item"},
    {"[Repeat after me|Repeat this|Say this|Copy this|Write exactly this]: *", "*", "message"},
    {"[Repeat|Copy|Echo] [this text|this line|the following]: *", "*", "event"},
    {"[Repeat|Say] the word * [twice|two times].", "* *", "made.low"},
    {"Say * three times.", "* * *", "item"},
    {"[Say hello to|Greet] *[.|, please.]", "Hello, *!", "person"},
    {"[Say goodbye to|Say bye to] *.", "Goodbye, *!", "person"},
    {"[Wish|Please wish] * a happy birthday.", "Happy birthday, *!", "person"},
    {"[Write|Give me] [a|one] short sentence with the word \"*\".",
     "[Here is one|Sure]: I wrote \"*\" on a [piece of paper|small card|blue note].", "made.low"},
    {"[Answer|Reply] with [the single word|one word]: *", "*", "made"},
    {"[Put|Write] the word * in [quotes|quotation marks].", "\"*\"", "word"},
    {"[Remember|Please remember] the number *. [What is it?|Which number was it?]",
     "[It is|The number is|You said] *.", "int:10:9999"},
    {"My favourite [food|thing to eat] is *. What is my favourite [food|thing to eat]?",
     "[You said it is|Your favourite is|It's] *.", "food"},
    {"[My dog|My cat|My goldfish|My parrot] is called *. What is [its|my pet's] name?",
     "[Its name is|It's called|The name is] *.", "made"},
    {"I live in *. Where do I live?", "You live in *.", "city"},
    {"[Can you say|How do I say] \"*\" [politely|nicely]?", "[Sure|Of course]: *, please.", "item"},
    {"Which number is [this|here]: *? [Just the number.|Only write the number.]", "*",
     "num:-99:999"},
    {"[I just|We just] [bought|got] [a|some] *.",
     "[How nice|Great|Lovely]! [Enjoy|I hope you like] the *.", "product"},
    {"[I'm|I am] reading \"*\".", "[How nice|Enjoy it]! I hope \"*\" is a good book.", "book"},
};

/* Copies a text and puts value in the place of each star. */
static void star_fill(char out[WEIR_TOOL_CHAT], const char *text, const char *value) {
    size_t n = 0;
    for (; *text; text++) {
        int put = *text == '*' ? snprintf(out + n, WEIR_TOOL_CHAT - n, "%s", value)
                               : snprintf(out + n, WEIR_TOOL_CHAT - n, "%c", *text);
        n += (size_t)put;
        assert(n < WEIR_TOOL_CHAT);
    }
    out[n] = 0;
}

static void pattern_fill(weir_gen *g, char out[WEIR_TOOL_CHAT], const char *pattern,
                         const char *value) {
    weir_gen_text text = {0};
    draw_context draw = {.g = g};
    weir_gen_expand(g, &text, pattern, draw_slot, &draw);
    star_fill(out, text.data ? text.data : "", value);
    weir_gen_text_free(&text);
}

static void spell_draw(weir_gen *g, char ask[WEIR_TOOL_CHAT], char answer[WEIR_TOOL_CHAT]) {
    char word[WEIR_TOOL_VALUE];
    if (weir_gen_chance(g, 0.5))
        weir_tool_value_word(g, word);
    else
        weir_tool_value_draw(g, "first", word, answer);
    pattern_fill(g, ask, "[Spell|How do you spell|Please spell|Can you spell] \"*\"[.|?]", word);
    size_t n = 0;
    for (const char *p = word; *p; p++) {
        /* A letter of several bytes stays whole. */
        if (p > word && ((unsigned char)*p & 0xc0) != 0x80)
            answer[n++] = '-';
        answer[n++] = *p;
        assert(n + 2 < WEIR_TOOL_CHAT);
    }
    answer[n] = 0;
}

static void larger_draw(weir_gen *g, char ask[WEIR_TOOL_CHAT], char answer[WEIR_TOOL_CHAT],
                        char key[WEIR_TOOL_VALUE]) {
    uint32_t a = weir_gen_below(g, 100), b = weir_gen_below(g, 99);
    b += b >= a;
    bool is_larger = weir_gen_chance(g, 0.6);
    char numbers[WEIR_TOOL_VALUE];
    snprintf(numbers, sizeof numbers, "%u or %u", a, b);
    pattern_fill(g, ask,
                 is_larger ? "[Which is|Which number is|What is] [bigger|larger|greater], *?"
                           : "[Which is|Which number is|What is] [smaller|less], *?",
                 numbers);
    snprintf(key, WEIR_TOOL_VALUE, "%u", (a > b) == is_larger ? a : b);
    pattern_fill(g, answer, is_larger ? "* is [bigger|larger]." : "* is smaller.", key);
}

void weir_tool_chat_draw(weir_gen *g, char ask[WEIR_TOOL_CHAT], char answer[WEIR_TOOL_CHAT],
                         char key[WEIR_TOOL_VALUE]) {
    key[0] = 0;
    if (weir_gen_chance(g, 0.3)) {
        const talk *row = &talks[weir_gen_below(g, COUNT(talks))];
        char name[WEIR_TOOL_VALUE], raw[WEIR_TOOL_VALUE];
        weir_tool_value_draw(g, "first", name, raw);
        if (row->answer) {
            pattern_fill(g, ask, row->ask, "");
            pattern_fill(g, answer, row->answer, "");
        } else {
            pattern_fill(g, ask, "[My name is|I'm|I am|Hi, I'm|Hello, my name is] *[.|!]", name);
            pattern_fill(g, answer,
                         "[Nice to meet you|Hello|Hi], *! [How can I help?|What can I do for you?]",
                         name);
            memcpy(key, name, sizeof name);
        }
        return;
    }
    uint32_t kind = weir_gen_below(g, COUNT(instructions) + 3);
    if (kind == COUNT(instructions)) {
        larger_draw(g, ask, answer, key);
        return;
    }
    if (kind > COUNT(instructions)) {
        spell_draw(g, ask, answer);
        assert(strlen(answer) < WEIR_TOOL_VALUE);
        memcpy(key, answer, strlen(answer) + 1);
        return;
    }
    char raw[WEIR_TOOL_VALUE];
    weir_tool_value_draw(g, instructions[kind].kind, key, raw);
    pattern_fill(g, ask, instructions[kind].ask, key);
    pattern_fill(g, answer, instructions[kind].answer, key);
}
