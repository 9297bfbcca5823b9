/* gen_instruction_checks.c: the check object (docs/gen.md) of an answer in a form. */
#include "train/gen_check.h"
#include "train/gen_instruction.h"
#include <stdlib.h>
#include <string.h>

/* jansson's setters pass failures on: a NULL value makes them fail, and the flag tells in the end.
 */
typedef struct check_builder {
    json_t *check;
    bool is_whole;
} check_builder;

static void set(check_builder *b, const char *field, json_t *value) {
    if (json_object_set_new(b->check, field, value) != 0)
        b->is_whole = false;
}

static void set_text(check_builder *b, const char *field, const char *text) {
    set(b, field, json_string(text));
}

static void set_true(check_builder *b, const char *field) {
    set(b, field, json_true());
}

static void set_count(check_builder *b, const char *field, uint32_t n) {
    set(b, field, json_integer((json_int_t)n));
}

static json_t *item_texts(const weir_task *task) {
    json_t *items = json_array();
    for (uint32_t i = 0; i < task->n_items; i++)
        json_array_append_new(items, json_string(task->item[i].data));
    return items;
}

/* The bare answer, nothing else. */
static void set_bare(check_builder *b, const weir_task *task) {
    set_text(b, "equals", task->item[0].data);
    set_true(b, "ignore_case");
    set_true(b, "final_period");
}

/* The answer somewhere in the text, and none of the wrong ones. */
static void set_inside(check_builder *b, const weir_task *task, const char *answer) {
    if (task->shape == WEIR_TASK_ONE && task->is_number)
        set(b, "number", json_integer(strtoll(task->item[0].data, NULL, 10)));
    else if (task->shape == WEIR_TASK_TELL)
        set(b, "contains", json_pack("[s]", task->given.data));
    else
        set(b, "contains", json_pack("[s]", task->item[0].data));
    json_t *lacks = json_array();
    for (uint32_t i = 0; i < task->n_wrong; i++)
        if (!weir_gen_has_phrase(answer, strlen(answer), task->wrong[i]))
            json_array_append_new(lacks, json_string(task->wrong[i]));
    if (json_array_size(lacks) > 0)
        set(b, "lacks", lacks);
    else
        json_decref(lacks);
}

static void set_joined(weir_gen *g, check_builder *b, const weir_form *form,
                       const weir_task *task) {
    weir_gen_text text = {0};
    weir_form_put_base(g, &text, form, task);
    set(b, "contains", json_pack("[s]", text.data));
    weir_gen_text_free(&text);
}

/* Items on one line, or one a line. */
static void set_items(check_builder *b, const weir_form *form, const weir_task *task) {
    bool is_lines = form->kind == WEIR_FORM_LIST;
    if (is_lines)
        set_text(b, "list_style", form->is_numbered ? "number" : "dash");
    if (task->shape == WEIR_TASK_TELL) {
        set_count(b, "list_items", form->n);
        return;
    }
    set_count(b, is_lines ? "list_items" : "n_items", task->n_items);
    if (!json_object_get(task->check, "items_from"))
        set(b, "items", item_texts(task));
    set_true(b, "ignore_case");
    set_true(b, "final_period");
}

static void set_content(weir_gen *g, check_builder *b, const weir_form *form, const weir_task *task,
                        const char *answer) {
    bool is_bare = form->is_bare || form->kind == WEIR_FORM_WORD ||
                   (task->is_terse && form->kind != WEIR_FORM_FULL);
    switch (task->shape) {
    case WEIR_TASK_LIST:
        if (form->kind == WEIR_FORM_START || form->kind == WEIR_FORM_QUOTED ||
            form->kind == WEIR_FORM_TWICE)
            set_joined(g, b, form, task);
        else
            set_items(b, form, task);
        return;
    case WEIR_TASK_TEXT:
        set_text(b, "equals", answer);
        return;
    case WEIR_TASK_TELL:
        if (form->kind == WEIR_FORM_LIST)
            set_items(b, form, task);
        else if (form->kind == WEIR_FORM_N_SENTENCES)
            set_count(b, "sentences", form->n);
        else
            set(b, "sentences", json_pack("[ii]", 1, 5));
        set_inside(b, task, answer);
        return;
    default:
        break;
    }
    if (is_bare && form->kind != WEIR_FORM_QUOTED && form->kind != WEIR_FORM_TWICE) {
        set_bare(b, task);
        return;
    }
    set_inside(b, task, answer);
    if (task->shape == WEIR_TASK_YES_NO && !is_bare && form->kind != WEIR_FORM_START &&
        form->kind != WEIR_FORM_QUOTED) {
        const char *comma = strchr(answer, ',');
        char begin[8] = "";
        size_t n = comma ? (size_t)(comma + 1 - answer) : 0;
        if (n > 0 && n < sizeof begin) {
            memcpy(begin, answer, n);
            begin[n] = 0;
            set_text(b, "starts_with", begin);
        }
    }
    set_count(b, "max_words", 30);
}

json_t *weir_form_check(weir_gen *g, const weir_form *form, const weir_task *task,
                        const char *answer) {
    check_builder b = {.check = json_object(), .is_whole = true};
    set_text(&b, "kind", "text");
    if (form->kind == WEIR_FORM_JSON) {
        json_t *expected = weir_form_json(form, task);
        json_t *keys = json_array();
        const char *key;
        json_t *value;
        json_object_foreach(expected, key, value) json_array_append_new(keys, json_string(key));
        set(&b, "json_keys", keys);
        if (!json_object_get(task->check, "items_from"))
            set(&b, "json_equals", json_incref(expected));
        json_decref(expected);
    } else if (task->shape != WEIR_TASK_FIXED) {
        set_content(g, &b, form, task, answer);
    }
    switch (form->kind) {
    case WEIR_FORM_FULL:
        set_count(&b, "min_words", 3);
        break;
    case WEIR_FORM_LOWER:
        set_true(&b, "lower_case");
        break;
    case WEIR_FORM_UPPER:
        set_true(&b, "upper_case");
        break;
    case WEIR_FORM_N_WORDS:
        set_count(&b, "words_exact", form->n);
        break;
    case WEIR_FORM_N_SENTENCES:
        set_count(&b, "sentences", form->n);
        break;
    case WEIR_FORM_START:
        set_text(&b, "starts_with", form->phrase);
        break;
    case WEIR_FORM_END:
        set_text(&b, "ends_with", form->phrase);
        break;
    case WEIR_FORM_NO_LETTER: {
        char letter[2] = {form->letter, 0};
        set_text(&b, "no_letter", letter);
        break;
    }
    case WEIR_FORM_QUOTED:
        set_true(&b, "quoted");
        break;
    case WEIR_FORM_TWICE:
        set_text(&b, "twice", form->phrase);
        break;
    default:
        break;
    }
    if (task->check && form->kind != WEIR_FORM_JSON &&
        json_object_update(b.check, task->check) != 0)
        b.is_whole = false;
    if (!b.is_whole) {
        g->is_failed = true;
        json_decref(b.check);
        return NULL;
    }
    return b.check;
}
