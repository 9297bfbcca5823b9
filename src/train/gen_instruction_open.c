/* gen_instruction_open.c: tasks with more than one right answer: telling something about a thing, a
 * sentence with a given word, a short card to somebody.
 */
#include "base/compiler.h"
#include "train/gen_instruction.h"
#include <string.h>

static void tell(weir_task *task) {
    static const char *const asks[] = {
        "Tell me something about {a}.",
        "What is {a}?",
        "What do you know about {a}?",
        "[Can|Could] you tell me something about {a}?",
        "Write something about {a}.",
        "Describe {a}.",
        "Explain to a child what {a} is.",
        ">And what is {a}?",
        ">And about {a}?",
        NULL,
    };
    const weir_word_thing *thing = &weir_word_things[weir_gen_below(task->g, weir_word_n_things)];
    weir_task_set(task, "a", thing->noun);
    weir_task_ask(task, asks);
    for (uint32_t i = 0; i < WEIR_COUNT(thing->facts); i++)
        weir_task_item(task, thing->facts[i]);
    const char *noun = strchr(thing->noun, ' ');
    weir_gen_put(task->g, &task->given, noun ? noun + 1 : thing->noun);
    task->shape = WEIR_TASK_TELL;
}

/* The word in one sentence that anything could stand in. */
static void use_word(weir_task *task) {
    static const char *const asks[] = {
        "[Make|Write] a sentence with the word {a}.",
        "Use the word {a} in a sentence.",
        "[Can|Could] you make a sentence with {a}?",
        "Write one sentence that has the word {a} in it.",
        "Give me a sentence with {a}.",
        ">And one with {a}?",
        NULL,
    };
    static const char *const sentences[] = {
        "{name} found a {adjective} {a} {place}.",
        "There was a {adjective} {a} {place}.",
        "{name} gave the {a} to {other}.",
        "The {adjective} {a} made {name} smile.",
        "{name} and {other} looked for the {a} all day.",
        "I can see the {a} from here.",
        "{name} told a story about a {adjective} {a}.",
        "The {a} was {place}, where {name} had left it.",
        "Nobody knew where the {adjective} {a} came from.",
        "{other} asked {name} to bring the {a}.",
    };
    const char *names[2];
    weir_word_names(task->g, names, 2);
    const char *adjective;
    do /* "a old" would need another article */
        adjective = weir_word_draw(task->g, &weir_word_adjectives);
    while (strchr("aeiou", *adjective));
    const char *noun = weir_word_object(task->g);
    weir_task_set(task, "name", names[0]);
    weir_task_set(task, "other", names[1]);
    weir_task_set(task, "adjective", adjective);
    weir_task_set(task, "place", weir_word_draw(task->g, &weir_word_places));
    weir_task_set(task, "a", noun);
    weir_task_ask(task, asks);
    weir_task_say(task, sentences[weir_gen_below(task->g, WEIR_COUNT(sentences))]);
    weir_task_check(task, "contains", json_pack("[s]", noun));
    weir_task_check(task, "sentences", json_integer(1));
    weir_task_check(task, "min_words", json_integer(4));
    task->shape = WEIR_TASK_FIXED;
}

/* A few lines to somebody. */
static void card(weir_task *task) {
    static const char *const birthdays[] = {
        "Write a [short |]birthday card to {a}.",
        "{a} has a birthday today. Write a card, please.",
        "[Can|Could] you write a birthday wish for {a}?",
        NULL,
    };
    static const char *const thanks[] = {
        "Write a thank-you note to {a} for the {thing}.",
        "{a} gave me {an} {thing}. Write a note to say thank you.",
        "[Can|Could] you thank {a} for the {thing} in a short note?",
        NULL,
    };
    static const char *const invitations[] = {
        "Write an invitation to {a}. The party is on {day}.",
        "Invite {a} to my party on {day}.",
        "[Can|Could] you write to {a} and say that my party is on {day}?",
        NULL,
    };
    static const char *const sorries[] = {
        "Write to {a} that I am sorry about the {thing}.",
        "I broke {a}'s {thing}. Write a note to say sorry.",
        "[Can|Could] you write a note to {a}? I am sorry about the {thing}.",
        NULL,
    };
    const char *name = weir_word_name(task->g, NULL);
    const char *thing = weir_word_object(task->g);
    const char *day = weir_word_days[weir_gen_below(task->g, 7)];
    weir_task_set(task, "a", name);
    weir_task_set(task, "thing", thing);
    weir_task_set(task, "an", weir_word_article(thing));
    weir_task_set(task, "day", day);
    const char *must = NULL;
    switch (weir_gen_below(task->g, 4)) {
    case 0:
        weir_task_ask(task, birthdays);
        weir_task_say(task,
                      "Dear {a}, happy birthday! I wish you [a day full of fun|much joy|a lot "
                      "of cake]. [Have a great party!|All the best!]");
        must = "happy birthday";
        break;
    case 1:
        weir_task_ask(task, thanks);
        weir_task_say(task,
                      "Dear {a}, thank you for the {thing}! [I like it very much.|It makes me "
                      "very happy.] [You are a good friend.|See you soon!]");
        must = thing;
        break;
    case 2:
        weir_task_ask(task, invitations);
        weir_task_say(task,
                      "Dear {a}, please come to my party on {day}! [There will be cake.|We will "
                      "play games.] I hope to see you there.");
        must = day;
        break;
    default:
        weir_task_ask(task, sorries);
        weir_task_say(task,
                      "Dear {a}, I am sorry about the {thing}. [It was my fault.|I did not mean "
                      "it.] [Please forgive me.|I hope we are still friends.]");
        must = "sorry";
        break;
    }
    weir_task_check(task, "contains", json_pack("[s, s]", name, must));
    weir_task_check(task, "max_words", json_integer(40));
    task->shape = WEIR_TASK_FIXED;
}

const weir_task_kind weir_task_open[] = {
    {"tell", tell, 8},
    {"use_word", use_word, 5},
    {"card", card, 3},
    {0},
};
