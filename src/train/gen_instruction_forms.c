/* gen_instruction_forms.c: the forms of an answer: which suit a task, how a user asks for them, the
 * right answer in each of them. What is checked stands in gen_instruction_checks.c.
 */
#include "base/compiler.h"
#include "train/gen_instruction.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what suits ----------------------------------------------------------------------------- */

static bool is_one_word(const weir_task *task) {
    return task->n_items == 1 && !strchr(task->item[0].data, ' ');
}

/* A list whose items are free: there the check knows a set, not a text. */
static bool is_open(const weir_task *task) {
    return json_object_get(task->check, "items_from") != NULL;
}

static bool suits_one(weir_form_kind kind, const weir_task *task) {
    switch (kind) {
    case WEIR_FORM_LIST:
    case WEIR_FORM_COMMAS:
        return false;
    case WEIR_FORM_WORD:
        return !task->is_terse;
    case WEIR_FORM_N_WORDS:
        return !task->is_terse && is_one_word(task);
    case WEIR_FORM_N_SENTENCES:
    case WEIR_FORM_START:
    case WEIR_FORM_END:
        return !task->is_terse;
    case WEIR_FORM_NO_LETTER:
        return !task->is_terse && !task->is_number && is_one_word(task) &&
               weir_form_letters(task)[0];
    default:
        return true;
    }
}

bool weir_form_suits(weir_form_kind kind, const weir_task *task) {
    switch (task->shape) {
    case WEIR_TASK_ONE:
        return suits_one(kind, task);
    case WEIR_TASK_YES_NO:
        return kind != WEIR_FORM_NO_LETTER && kind != WEIR_FORM_N_WORDS && suits_one(kind, task);
    case WEIR_TASK_LIST:
        if (kind == WEIR_FORM_START || kind == WEIR_FORM_QUOTED || kind == WEIR_FORM_TWICE)
            return !is_open(task);
        if (kind == WEIR_FORM_UPPER || kind == WEIR_FORM_LOWER)
            return !task->is_number;
        return kind == WEIR_FORM_PLAIN || kind == WEIR_FORM_LIST || kind == WEIR_FORM_COMMAS ||
               kind == WEIR_FORM_JSON;
    case WEIR_TASK_TEXT:
        if (kind == WEIR_FORM_QUOTED)
            return !strchr(task->sentence.data, '"');
        return kind == WEIR_FORM_PLAIN || kind == WEIR_FORM_UPPER || kind == WEIR_FORM_LOWER ||
               kind == WEIR_FORM_TWICE;
    case WEIR_TASK_TELL:
        return kind == WEIR_FORM_PLAIN || kind == WEIR_FORM_N_SENTENCES || kind == WEIR_FORM_LIST ||
               kind == WEIR_FORM_UPPER || kind == WEIR_FORM_LOWER || kind == WEIR_FORM_START ||
               kind == WEIR_FORM_END || kind == WEIR_FORM_QUOTED;
    case WEIR_TASK_FIXED:
        return kind == WEIR_FORM_PLAIN;
    }
    return false;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static const uint32_t weights[WEIR_N_FORMS] = {
    [WEIR_FORM_PLAIN] = 34,      [WEIR_FORM_WORD] = 12,  [WEIR_FORM_FULL] = 5,
    [WEIR_FORM_LOWER] = 5,       [WEIR_FORM_UPPER] = 8,  [WEIR_FORM_N_WORDS] = 6,
    [WEIR_FORM_N_SENTENCES] = 6, [WEIR_FORM_LIST] = 14,  [WEIR_FORM_COMMAS] = 5,
    [WEIR_FORM_JSON] = 11,       [WEIR_FORM_START] = 6,  [WEIR_FORM_END] = 6,
    [WEIR_FORM_NO_LETTER] = 5,   [WEIR_FORM_QUOTED] = 6, [WEIR_FORM_TWICE] = 4,
};

/* "Golden lantern!": phrases that nobody can know by heart. */
static void draw_phrase(weir_gen *g, char *phrase, size_t cap, const weir_word_table *known) {
    if (weir_gen_chance(g, 0.5)) {
        snprintf(phrase, cap, "%s", weir_word_draw(g, known));
        return;
    }
    const char *adjective = weir_word_draw(g, &weir_word_adjectives);
    snprintf(phrase, cap, "%c%s %s!", adjective[0] - 'a' + 'A', adjective + 1,
             weir_word_draw(g, &weir_word_nouns));
}

static const char *const lines_between[] = {"---", "", "***", "==="};

static void draw_details(weir_gen *g, weir_form *form) {
    static const char *const keys[] = {"answer", "result", "reply", "value", "output"};
    switch (form->kind) {
    case WEIR_FORM_N_WORDS:
        form->n = 2 + weir_gen_below(g, 7);
        break;
    case WEIR_FORM_N_SENTENCES:
        form->n = 1 + weir_gen_below(g, 3);
        break;
    case WEIR_FORM_LIST:
        form->is_numbered = weir_gen_chance(g, 0.5);
        break;
    case WEIR_FORM_JSON:
        snprintf(form->key, sizeof form->key, "%s", keys[weir_gen_below(g, WEIR_COUNT(keys))]);
        break;
    case WEIR_FORM_START:
        draw_phrase(g, form->phrase, sizeof form->phrase, &weir_word_openings);
        break;
    case WEIR_FORM_END:
        draw_phrase(g, form->phrase, sizeof form->phrase, &weir_word_closings);
        break;
    case WEIR_FORM_TWICE:
        snprintf(form->phrase, sizeof form->phrase, "%s", lines_between[weir_gen_below(g, 4)]);
        break;
    default:
        break;
    }
}

void weir_form_draw_kind(weir_gen *g, weir_form *form, weir_form_kind kind) {
    *form = (weir_form){.kind = kind};
    draw_details(g, form);
}

/* What can be chosen only where the task is known. */
static void draw_for_task(weir_gen *g, weir_form *form, const weir_task *task) {
    bool is_short = task->shape == WEIR_TASK_ONE || task->shape == WEIR_TASK_YES_NO;
    switch (form->kind) {
    case WEIR_FORM_UPPER:
    case WEIR_FORM_LOWER:
        form->is_bare = is_short && is_one_word(task) && !task->is_number && !task->is_terse &&
                        weir_gen_chance(g, 0.4);
        break;
    case WEIR_FORM_JSON:
        if (task->key && weir_gen_chance(g, 0.6))
            form->key[0] = 0;
        break;
    case WEIR_FORM_NO_LETTER: {
        const char *letters = weir_form_letters(task);
        form->letter = letters[weir_gen_below(g, (uint32_t)strlen(letters))];
        break;
    }
    case WEIR_FORM_N_SENTENCES:
        if (task->shape == WEIR_TASK_TELL)
            form->n = 1 + weir_gen_below(g, task->n_items);
        break;
    case WEIR_FORM_LIST:
        form->n = task->shape == WEIR_TASK_TELL ? 2 + weir_gen_below(g, task->n_items - 1)
                                                : task->n_items;
        break;
    default:
        break;
    }
}

void weir_form_draw_for(weir_gen *g, weir_form *form, weir_form_kind kind, const weir_task *task) {
    weir_form_draw_kind(g, form, kind);
    draw_for_task(g, form, task);
}

void weir_form_draw(weir_gen *g, weir_form *form, const weir_task *task) {
    uint32_t all = 0;
    for (uint32_t k = 0; k < WEIR_N_FORMS; k++)
        all += weir_form_suits((weir_form_kind)k, task) ? weights[k] : 0;
    uint32_t at = weir_gen_below(g, all), k = 0;
    for (;; k++) {
        uint32_t weight = weir_form_suits((weir_form_kind)k, task) ? weights[k] : 0;
        if (at < weight)
            break;
        at -= weight;
    }
    weir_form_draw_for(g, form, (weir_form_kind)k, task);
}

/* ---- what the user says --------------------------------------------------------------------- */

typedef struct words_of {
    const weir_form *form;
    const weir_task *task;
    char n[16];
} words_of;

static const char *demand_slot(void *context, const char *name, size_t n) {
    words_of *w = context;
    static const char *const numbers[] = {"zero", "one", "two",   "three", "four",
                                          "five", "six", "seven", "eight", "nine"};
    if (n == 1 && *name == 'n') {
        snprintf(w->n, sizeof w->n, "%u", (unsigned)w->form->n);
        return w->form->n < WEIR_COUNT(numbers) ? numbers[w->form->n] : w->n;
    }
    if (n == 1 && *name == 'd') {
        snprintf(w->n, sizeof w->n, "%u", (unsigned)w->form->n);
        return w->n;
    }
    if (n == 1 && *name == 'l') {
        w->n[0] = w->form->letter;
        w->n[1] = 0;
        return w->n;
    }
    if (n == 1 && *name == 's')
        return w->form->n == 1 ? "" : "s";
    if (n == 3 && memcmp(name, "key", 3) == 0)
        return w->form->key[0] || !w->task ? w->form->key : w->task->key;
    if (n == 5 && memcmp(name, "given", 5) == 0)
        return w->task ? w->task->given_key : NULL;
    if (n == 6 && memcmp(name, "phrase", 6) == 0)
        return w->form->phrase;
    return NULL;
}

static const char *demand_for_one(const weir_task *task) {
    if (task && task->is_number)
        return "[Answer with just the number.|Only the number, please.|Give me just the "
               "number.|Just "
               "the number.|Write only the number.]";
    if (task && task->item[0].n == 1)
        return "[Only the letter, please.|Just the letter.|Answer with one letter.|Give me only "
               "the "
               "letter.]";
    if (task && !is_one_word(task))
        return "[Give only the answer.|Just the answer, please.|Be as short as you can.|No full "
               "sentence, please.]";
    return "[Answer in one word.|Answer with one word.|One word only.|Just one word, please.|Use "
           "only "
           "one word.|Reply with a single word.|In one word, please.]";
}

static const char *demand_for_case(const weir_form *form) {
    if (form->kind == WEIR_FORM_UPPER)
        return form->is_bare
                   ? "[Answer with one word in capital letters.|One word, in capitals.|Just one "
                     "word, all "
                     "in capital letters.]"
                   : "[Answer in capital letters.|Use only capital letters.|Write your answer in "
                     "capitals.|All in capital letters, please.|Answer in upper case.|Reply in "
                     "capital "
                     "letters only.]";
    return form->is_bare
               ? "[Answer with one word in lower case.|One word, in small letters.|Just one word, "
                 "all in "
                 "lower case.]"
               : "[Answer in lower case.|Use only small letters.|Write your answer in lower "
                 "case.|All in "
                 "lower case, please.|No capital letters in the answer.|Reply in lower case only.]";
}

static const char *demand_for_list(const weir_form *form, const weir_task *task) {
    if (task && task->shape == WEIR_TASK_TELL)
        return form->is_numbered ? "[Answer as a numbered list of {n} points.|Write a numbered "
                                   "list with {n} points.|"
                                   "Give me a numbered list of {d} sentences.]"
                                 : "[Answer as a list of {n} points with dashes.|Write {n} lines, "
                                   "each with a dash in "
                                   "front.|Give me a list of {d} sentences, each with a dash.]";
    return form->is_numbered ? "[Answer as a numbered list.|Write a numbered list.|Number them, "
                               "one on each line.|As a "
                               "numbered list, please.|Make it a numbered list.]"
                             : "[Answer as a list with dashes.|One on each line, with a dash in "
                               "front.|Use a list with "
                               "dashes.|As a list with a dash on each line, please.|Put each on a "
                               "line of its own with "
                               "a dash.]";
}

static const char *demand_for_json(const weir_form *form, const weir_task *task) {
    if (!form->key[0] && task->given_key)
        return "[Answer as JSON with the keys \"{given}\" and \"{key}\".|Use JSON with the keys "
               "\"{given}\" and \"{key}\".|Reply in JSON. The keys are \"{given}\" and "
               "\"{key}\".|Write a "
               "JSON object with \"{given}\" and \"{key}\".]";
    return "[Answer as JSON with the key \"{key}\".|Use JSON with the key \"{key}\".|Reply in "
           "JSON. The "
           "key is \"{key}\".|Write a JSON object with the key \"{key}\".|Give me JSON with one "
           "key, "
           "\"{key}\".]";
}

static const char *demand_pattern(const weir_form *form, const weir_task *task) {
    switch (form->kind) {
    case WEIR_FORM_WORD:
        return demand_for_one(task);
    case WEIR_FORM_FULL:
        return "[Answer in a full sentence.|Use a whole sentence.|Reply with a complete "
               "sentence.|Please "
               "answer in a whole sentence.]";
    case WEIR_FORM_LOWER:
    case WEIR_FORM_UPPER:
        return demand_for_case(form);
    case WEIR_FORM_N_WORDS:
        return "[Answer in exactly {n} words.|Use exactly {n} words.|Answer with {n} words.|Your "
               "answer "
               "must have {d} words.|Exactly {n} words, please.]";
    case WEIR_FORM_N_SENTENCES:
        return "[Answer in exactly {n} sentence{s}.|Use {n} sentence{s}.|Answer with exactly {d} "
               "sentence{s}.|Write {n} sentence{s}, please.|Your answer should have {n} "
               "sentence{s}.]";
    case WEIR_FORM_LIST:
        return demand_for_list(form, task);
    case WEIR_FORM_COMMAS:
        return "[Separate them with commas.|Put commas between them.|On one line, with "
               "commas.|Divide "
               "them by commas.]";
    case WEIR_FORM_JSON:
        return demand_for_json(form, task);
    case WEIR_FORM_START:
        return "[Start your answer with \"{phrase}\"|Begin your answer with \"{phrase}\"|Your "
               "answer must "
               "start with \"{phrase}\"|Begin with the words \"{phrase}\"|The first words should "
               "be "
               "\"{phrase}\"]";
    case WEIR_FORM_END:
        return "[End your answer with \"{phrase}\"|Finish your answer with \"{phrase}\"|Your "
               "answer must "
               "end with \"{phrase}\"|Close with the words \"{phrase}\"|The last words should be "
               "\"{phrase}\"]";
    case WEIR_FORM_NO_LETTER:
        return "[Do not use the letter {l}.|Answer without the letter {l}.|Your answer must not "
               "have the "
               "letter {l} in it.|Avoid the letter {l}.]";
    case WEIR_FORM_QUOTED:
        return "[Put your answer in quotation marks.|Answer in quotation marks.|Write the whole "
               "answer "
               "in quotation marks.|Put quotation marks around your answer.|Use double quotes "
               "around your "
               "answer.]";
    case WEIR_FORM_TWICE:
        return form->phrase[0]
                   ? "[Write your answer twice, with a line {phrase} between.|Say it twice, with "
                     "{phrase} "
                     "on a line between.|Give the answer two times and put {phrase} between them.]"
                   : "[Write your answer twice, with an empty line between.|Say it twice, with an "
                     "empty "
                     "line between.|Give the answer two times with an empty line between them.]";
    default:
        return "";
    }
}

static const char *rule_pattern(const weir_form *form) {
    switch (form->kind) {
    case WEIR_FORM_WORD:
        return "[Answer every question in one word.|You answer with one word only.|Always reply "
               "with a "
               "single word.]";
    case WEIR_FORM_FULL:
        return "[Always answer in full sentences.|Answer every question with a whole sentence.]";
    case WEIR_FORM_LOWER:
        return "[Always answer in lower case.|You never use capital letters.|Write everything in "
               "small "
               "letters.]";
    case WEIR_FORM_UPPER:
        return "[Always answer in capital letters.|You write only in capitals.|Write everything in "
               "upper "
               "case.]";
    case WEIR_FORM_N_SENTENCES:
        return "[Each of your answers has exactly {n} sentence{s}.|Always answer in {n} "
               "sentence{s}.]";
    case WEIR_FORM_JSON:
        return "[Always answer as JSON with the key \"{key}\".|You reply only in JSON with the key "
               "\"{key}\".|Every answer is a JSON object with one key, \"{key}\".]";
    case WEIR_FORM_START:
        return "[Begin every answer with \"{phrase}\"|Start each reply with \"{phrase}\"]";
    case WEIR_FORM_END:
        return "[End every answer with \"{phrase}\"|Finish each reply with \"{phrase}\"]";
    case WEIR_FORM_QUOTED:
        return "[Put all your answers in quotation marks.|Write every answer in quotation marks.]";
    default:
        return "";
    }
}

void weir_form_demand(weir_gen *g, weir_gen_text *text, const weir_form *form,
                      const weir_task *task, bool as_rule) {
    words_of w = {.form = form, .task = task};
    const char *pattern = as_rule ? rule_pattern(form) : demand_pattern(form, task);
    weir_gen_expand(g, text, pattern, demand_slot, &w);
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void put_joined(weir_gen *g, weir_gen_text *answer, const weir_task *task) {
    for (uint32_t i = 0; i < task->n_items; i++)
        weir_gen_putf(g, answer, i ? ", %s" : "%s", task->item[i].data);
}

/* The first n sentences that a task can tell. */
static void put_told(weir_gen *g, weir_gen_text *answer, const weir_task *task, uint32_t n) {
    for (uint32_t i = 0; i < n && i < task->n_items; i++)
        weir_gen_putf(g, answer, i ? " %s" : "%s", task->item[i].data);
}

void weir_form_put_base(weir_gen *g, weir_gen_text *answer, const weir_form *form,
                        const weir_task *task) {
    if (task->shape == WEIR_TASK_LIST)
        put_joined(g, answer, task);
    else if (task->shape == WEIR_TASK_TELL)
        put_told(g, answer, task, 2);
    else if (task->shape == WEIR_TASK_TEXT || task->shape == WEIR_TASK_FIXED)
        weir_gen_put(g, answer, task->sentence.data);
    else if (form->kind == WEIR_FORM_WORD || form->is_bare ||
             (task->is_terse && form->kind != WEIR_FORM_FULL))
        weir_gen_put(g, answer, task->item[0].data);
    else
        weir_gen_put(g, answer, task->sentence.data);
}

static void put_n_words(weir_gen *g, weir_gen_text *answer, uint32_t n, const char *word) {
    static const char *const fronts[] = {"",
                                         "Surely",
                                         "It is",
                                         "The answer is",
                                         "I think it is",
                                         "I think the answer is",
                                         "I am sure the answer is",
                                         "I am quite sure the answer is"};
    weir_gen_putf(g, answer, "%s %s.", fronts[n - 1], word);
}

static void put_n_sentences(weir_gen *g, weir_gen_text *answer, uint32_t n, const weir_task *task) {
    static const char *const more[] = {" That is the answer.", " I hope this helps."};
    if (task->shape == WEIR_TASK_TELL) {
        put_told(g, answer, task, n);
        return;
    }
    weir_gen_put(g, answer, task->sentence.data);
    for (uint32_t i = 1; i < n; i++)
        weir_gen_put(g, answer, more[(i - 1) % WEIR_COUNT(more)]);
}

static void put_list(weir_gen *g, weir_gen_text *answer, const weir_form *form,
                     const weir_task *task) {
    uint32_t n = task->shape == WEIR_TASK_TELL ? form->n : task->n_items;
    for (uint32_t i = 0; i < n && i < task->n_items; i++) {
        weir_gen_put(g, answer, i ? "\n" : "");
        if (form->is_numbered)
            weir_gen_putf(g, answer, "%u. %s", (unsigned)i + 1, task->item[i].data);
        else
            weir_gen_putf(g, answer, "- %s", task->item[i].data);
    }
}

static json_t *item_value(const char *text, bool is_number) {
    return is_number ? json_integer(strtoll(text, NULL, 10)) : json_string(text);
}

json_t *weir_form_json(const weir_form *form, const weir_task *task) {
    json_t *object = json_object();
    if (!form->key[0] && task->given_key)
        json_object_set_new(object, task->given_key,
                            item_value(task->given.data, task->is_given_number));
    json_t *value;
    if (task->shape == WEIR_TASK_LIST) {
        value = json_array();
        for (uint32_t i = 0; i < task->n_items; i++)
            json_array_append_new(value, item_value(task->item[i].data, task->is_number));
    } else {
        value = item_value(task->item[0].data, task->is_number);
    }
    json_object_set_new(object, form->key[0] ? form->key : task->key, value);
    return object;
}

static void put_json(weir_gen *g, weir_gen_text *answer, const weir_form *form,
                     const weir_task *task) {
    json_t *object = weir_form_json(form, task);
    char *text = json_dumps(object, JSON_PRESERVE_ORDER);
    if (text)
        weir_gen_put(g, answer, text);
    else
        g->is_failed = true;
    free(text);
    json_decref(object);
}

/* ---- without a letter ------------------------------------------------------------------------ */

/* What may stand in front of the word; the last has no letters. */
static const char *const fronts_without[] = {"The answer is ", "It is ", "I say ", "My word: ", ""};

static bool has_letter(const char *text, char letter) {
    for (; *text; text++)
        if ((*text | 0x20) == letter)
            return true;
    return false;
}

const char *weir_form_letters(const weir_task *task) {
    /* Every set of letters that a word may lack, by bits: no memory of its own. */
    static const char *const sets[] = {"",   "e",   "a",   "ea",   "o",   "eo",   "ao",   "eao",
                                       "s",  "es",  "as",  "eas",  "os",  "eos",  "aos",  "eaos",
                                       "t",  "et",  "at",  "eat",  "ot",  "eot",  "aot",  "eaot",
                                       "st", "est", "ast", "east", "ost", "eost", "aost", "eaost"};
    static const char letters[] = "eaost";
    uint32_t set = 0;
    for (uint32_t i = 0; i < 5; i++)
        if (!has_letter(task->item[0].data, letters[i]))
            set |= 1u << i;
    return sets[set];
}

static void put_without(weir_gen *g, weir_gen_text *answer, char letter, const weir_task *task) {
    if (!has_letter(task->sentence.data, letter)) {
        weir_gen_put(g, answer, task->sentence.data);
        return;
    }
    uint32_t i = 0;
    while (has_letter(fronts_without[i], letter))
        i++;
    weir_gen_putf(g, answer, "%s%s.", fronts_without[i], task->item[0].data);
}

void weir_form_put(weir_gen *g, weir_gen_text *answer, const weir_form *form,
                   const weir_task *task) {
    size_t from = answer->n;
    switch (form->kind) {
    case WEIR_FORM_N_WORDS:
        put_n_words(g, answer, form->n, task->item[0].data);
        return;
    case WEIR_FORM_N_SENTENCES:
        put_n_sentences(g, answer, form->n, task);
        return;
    case WEIR_FORM_LIST:
        put_list(g, answer, form, task);
        return;
    case WEIR_FORM_JSON:
        put_json(g, answer, form, task);
        return;
    case WEIR_FORM_NO_LETTER:
        put_without(g, answer, form->letter, task);
        return;
    case WEIR_FORM_START:
        weir_gen_putf(g, answer, "%s ", form->phrase);
        break;
    case WEIR_FORM_QUOTED:
        weir_gen_put(g, answer, "\"");
        break;
    default:
        break;
    }
    weir_form_put_base(g, answer, form, task);
    if (form->kind == WEIR_FORM_END)
        weir_gen_putf(g, answer, " %s", form->phrase);
    if (form->kind == WEIR_FORM_QUOTED)
        weir_gen_put(g, answer, "\"");
    if (form->kind == WEIR_FORM_TWICE) {
        weir_gen_putf(g, answer, "\n%s\n", form->phrase);
        weir_form_put_base(g, answer, form, task);
    }
    for (size_t i = from; i < answer->n; i++) {
        char c = answer->data[i];
        if (form->kind == WEIR_FORM_UPPER && c >= 'a' && c <= 'z')
            answer->data[i] = (char)(c - 'a' + 'A');
        if (form->kind == WEIR_FORM_LOWER && c >= 'A' && c <= 'Z')
            answer->data[i] = (char)(c - 'A' + 'a');
    }
}
