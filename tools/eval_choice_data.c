/* eval_choice_data.c: see eval_choice_data.h. Owns which fields make a row of which shape. */
#include "eval_choice_data.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "suite_rows.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MAX_FILE_BYTES = 1 << 30, GPQA_CHOICES = 4 };

const char *const weir_choice_shape_names[WEIR_CHOICE_SHAPES] = {"plain", "mmlu", "mmlu_pro",
                                                                 "arc",   "gpqa", "hellaswag"};

typedef struct reader {
    const char *where;
    uint64_t line, seed;
    weir_status status;
    weir_error *err;
} reader;

static void refuse(reader *r, const char *member, const char *expected) {
    if (r->status == WEIR_STATUS_OK)
        r->status = weir_fail(r->err, WEIR_STATUS_BAD_FILE, "%s:%llu: \"%s\": expected %s",
                              r->where, (unsigned long long)r->line, member, expected);
}

static char *copy(reader *r, const char *text) {
    char *out = strdup(text);
    if (!out && r->status == WEIR_STATUS_OK)
        r->status = weir_fail(r->err, WEIR_STATUS_NO_MEMORY, "%s: no memory for it", r->where);
    return out;
}

/* A text without zeros in it. */
static char *take_text(reader *r, const json_t *value, const char *member) {
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
        refuse(r, member, "a text");
        return NULL;
    }
    return copy(r, json_string_value(value));
}

static void take_category(reader *r, weir_choice_row *row, const json_t *from,
                          const char *const *members) {
    const char *category = "";
    for (; *members && !*category; members++) {
        const char *value = json_string_value(json_object_get(from, *members));
        category = value ? value : "";
    }
    row->category = copy(r, category);
}

static void take_choices(reader *r, weir_choice_row *row, const json_t *list, const char *member) {
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n < 2 || n > WEIR_CHOICE_MOST) {
        refuse(r, member, "a list of 2 to 26 texts");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        row->choice[i] = take_text(r, json_array_get(list, i), member);
        row->n_choices += row->choice[i] != NULL;
    }
}

/* ---- the right one -------------------------------------------------------------------------- */

/* A number, also one written as text. */
static bool read_index(const json_t *value, json_int_t *out) {
    const char *text = json_string_value(value);
    char *end;
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    if (!text || !isdigit((unsigned char)*text))
        return false;
    *out = strtoll(text, &end, 10);
    return *end == 0;
}

static bool read_letter(const json_t *value, json_int_t *out) {
    const char *text = json_string_value(value);
    if (!text || text[0] < 'A' || text[0] > 'Z' || text[1] != 0)
        return false;
    *out = text[0] - 'A';
    return true;
}

static void take_answer(reader *r, weir_choice_row *row, const json_t *value, const char *member) {
    json_int_t answer = -1;
    if (!read_index(value, &answer) && !read_letter(value, &answer))
        refuse(r, member, "the number of a choice, from 0, or its letter");
    else if (answer < 0 || answer >= (json_int_t)row->n_choices)
        refuse(r, member, "one of the choices");
    else
        row->answer = (uint32_t)answer;
}

/* ---- texts as the harness tidies them ------------------------------------------------------- */

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Everywhere, from left to right; by is not longer than what. */
static void replace(char *text, const char *what, const char *by) {
    size_t n_what = strlen(what), n_by = strlen(by);
    char *to = text;
    for (const char *from = text; *from;) {
        if (strncmp(from, what, n_what) == 0) {
            memcpy(to, by, n_by);
            to += n_by;
            from += n_what;
        } else {
            *to++ = *from++;
        }
    }
    *to = 0;
}

/* Takes out [..] of one line, as short as they come. */
static void remove_brackets(char *text) {
    char *to = text;
    for (const char *from = text; *from;) {
        const char *end = *from == '[' ? from + strcspn(from, "]\n") : from;
        if (*from == '[' && *end == ']')
            from = end + 1;
        else
            *to++ = *from++;
    }
    *to = 0;
}

/* Without the space at both ends. */
static void strip(char *text) {
    size_t n = strlen(text), skipped = 0;
    while (n > 0 && is_space(text[n - 1]))
        n--;
    text[n] = 0;
    while (is_space(text[skipped]))
        skipped++;
    memmove(text, text + skipped, n - skipped + 1);
}

/* What the harness that made these numbers known does to choices: "[title]" and other marks are
 * left over from how HellaSwag's pages were cut up; in those of GPQA brackets mean something. */
static void clean(char *text, bool has_marks) {
    strip(text);
    replace(text, " [title]", ". ");
    if (has_marks)
        remove_brackets(text);
    replace(text, "  ", " ");
}

/* ---- shapes --------------------------------------------------------------------------------- */

static void read_plain(reader *r, weir_choice_row *row, const json_t *from) {
    static const char *const categories[] = {"category", NULL};
    row->question = take_text(r, json_object_get(from, "context"), "context");
    take_choices(r, row, json_object_get(from, "choices"), "choices");
    take_answer(r, row, json_object_get(from, "answer"), "answer");
    take_category(r, row, from, categories);
}

static void read_mmlu(reader *r, weir_choice_row *row, const json_t *from) {
    static const char *const categories[] = {"subject", "category", NULL};
    row->question = take_text(r, json_object_get(from, "question"), "question");
    if (row->question)
        strip(row->question);
    take_choices(r, row, json_object_get(from, "choices"), "choices");
    take_answer(r, row, json_object_get(from, "answer"), "answer");
    take_category(r, row, from, categories);
}

static void read_mmlu_pro(reader *r, weir_choice_row *row, const json_t *from) {
    static const char *const categories[] = {"category", NULL};
    const json_t *index = json_object_get(from, "answer_index");
    row->question = take_text(r, json_object_get(from, "question"), "question");
    take_choices(r, row, json_object_get(from, "options"), "options");
    take_answer(r, row, index ? index : json_object_get(from, "answer"),
                index ? "answer_index" : "answer");
    take_category(r, row, from, categories);
}

/* The hub's form has two lists, choices {text, label}; the original one a list of {text, label} in
 * question {stem, choices}. */
static const json_t *arc_member(const json_t *choices, size_t i, const char *member) {
    return json_is_array(choices) ? json_object_get(json_array_get(choices, i), member)
                                  : json_array_get(json_object_get(choices, member), i);
}

static void read_arc(reader *r, weir_choice_row *row, const json_t *from) {
    static const char *const categories[] = {"category", NULL};
    const json_t *question = json_object_get(from, "question");
    const json_t *choices = json_object_get(json_is_object(question) ? question : from, "choices");
    const char *key = json_string_value(json_object_get(from, "answerKey"));
    size_t n = json_is_array(choices) ? json_array_size(choices)
                                      : json_array_size(json_object_get(choices, "text"));
    bool is_found = false;
    if (json_is_object(question))
        question = json_object_get(question, "stem");
    row->question = take_text(r, question, "question");
    take_category(r, row, from, categories);
    if (n < 2 || n > WEIR_CHOICE_MOST || !key) {
        refuse(r, key ? "choices" : "answerKey", key ? "2 to 26 texts with labels" : "a label");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const char *label = json_string_value(arc_member(choices, i, "label"));
        row->choice[i] = take_text(r, arc_member(choices, i, "text"), "choices");
        row->n_choices += row->choice[i] != NULL;
        if (label && strcmp(label, key) == 0) {
            row->answer = (uint32_t)i;
            is_found = true;
        }
    }
    if (!is_found)
        refuse(r, "answerKey", "the label of a choice");
}

/* Fisher and Yates; what it draws hangs on the question alone, not on the row's place. */
static void shuffle(weir_choice_row *row, uint64_t seed) {
    uint64_t stream = XXH3_64bits(row->question, strlen(row->question));
    for (uint32_t i = row->n_choices; i > 1; i--) {
        uint32_t j = (uint32_t)(weir_mix64(seed, stream, i) % i);
        char *kept = row->choice[i - 1];
        row->choice[i - 1] = row->choice[j];
        row->choice[j] = kept;
        if (row->answer == j || row->answer == i - 1)
            row->answer = row->answer == j ? i - 1 : j;
    }
}

static void read_gpqa(reader *r, weir_choice_row *row, const json_t *from) {
    static const char *const categories[] = {"High-level domain", "Subdomain", NULL};
    static const char *const members[GPQA_CHOICES] = {"Correct Answer", "Incorrect Answer 1",
                                                      "Incorrect Answer 2", "Incorrect Answer 3"};
    row->question = take_text(r, json_object_get(from, "Question"), "Question");
    take_category(r, row, from, categories);
    for (size_t i = 0; i < GPQA_CHOICES; i++) {
        row->choice[i] = take_text(r, json_object_get(from, members[i]), members[i]);
        row->n_choices += row->choice[i] != NULL;
        if (row->choice[i])
            clean(row->choice[i], false);
    }
    if (r->status == WEIR_STATUS_OK)
        shuffle(row, r->seed);
}

/* Of ASCII letters: the first one large, all others small. */
static void capitalize(char *text) {
    for (char *at = text; *at; at++) {
        bool is_first = at == text;
        if (is_first && *at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
        else if (!is_first && *at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    }
}

static void read_hellaswag(reader *r, weir_choice_row *row, const json_t *from) {
    static const char *const categories[] = {"split_type", NULL};
    char *label = take_text(r, json_object_get(from, "activity_label"), "activity_label");
    char *a = take_text(r, json_object_get(from, "ctx_a"), "ctx_a");
    char *b = take_text(r, json_object_get(from, "ctx_b"), "ctx_b");
    if (label && a && b) {
        size_t n = strlen(label) + strlen(a) + strlen(b) + 4;
        capitalize(b);
        row->question = malloc(n);
        if (row->question)
            snprintf(row->question, n, "%s: %s %s", label, a, b);
        else
            r->status = weir_fail(r->err, WEIR_STATUS_NO_MEMORY, "%s: no memory for it", r->where);
    }
    free(label);
    free(a);
    free(b);
    take_choices(r, row, json_object_get(from, "endings"), "endings");
    take_answer(r, row, json_object_get(from, "label"), "label");
    take_category(r, row, from, categories);
    if (row->question)
        clean(row->question, true);
    for (uint32_t i = 0; i < WEIR_CHOICE_MOST && row->choice[i]; i++)
        clean(row->choice[i], true);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool find_shape(const json_t *from, weir_choice_shape *out) {
    static const struct {
        const char *a, *b;
        weir_choice_shape shape;
    } shapes[] = {
        {"context", "choices", WEIR_CHOICE_PLAIN},
        {"question", "options", WEIR_CHOICE_MMLU_PRO},
        {"question", "answerKey", WEIR_CHOICE_ARC},
        {"question", "choices", WEIR_CHOICE_MMLU},
        {"Question", "Correct Answer", WEIR_CHOICE_GPQA},
        {"ctx_a", "endings", WEIR_CHOICE_HELLASWAG},
    };
    for (size_t i = 0; i < WEIR_COUNT(shapes); i++)
        if (json_object_get(from, shapes[i].a) && json_object_get(from, shapes[i].b)) {
            *out = shapes[i].shape;
            return true;
        }
    return false;
}

static void free_row(weir_choice_row *row) {
    free(row->category);
    free(row->question);
    for (uint32_t i = 0; i < WEIR_CHOICE_MOST; i++)
        free(row->choice[i]);
}

static void read_row(reader *r, weir_choice_row *row, const json_t *from) {
    static void (*const read[WEIR_CHOICE_SHAPES])(reader *, weir_choice_row *, const json_t *) = {
        read_plain, read_mmlu, read_mmlu_pro, read_arc, read_gpqa, read_hellaswag};
    row->line = r->line;
    if (!find_shape(from, &row->shape)) {
        r->status = weir_fail(
            r->err, WEIR_STATUS_BAD_FILE,
            "%s:%llu: expected an object with the members of plain rows (context, choices, "
            "answer), MMLU, MMLU-Pro, ARC, GPQA or HellaSwag",
            r->where, (unsigned long long)r->line);
        return;
    }
    read[row->shape](r, row, from);
}

static void add_row(reader *r, weir_choice_set *set, const json_t *from) {
    weir_choice_row *row = &set->row[set->n++];
    read_row(r, row, from);
    if (r->status == WEIR_STATUS_OK && row->shape != set->row[0].shape)
        r->status =
            weir_fail(r->err, WEIR_STATUS_BAD_FILE, "%s:%llu: a row of %s after rows of %s",
                      r->where, (unsigned long long)r->line, weir_choice_shape_names[row->shape],
                      weir_choice_shape_names[set->row[0].shape]);
}

weir_status weir_choice_set_parse(weir_choice_set *out, const char *text, size_t n, uint64_t seed,
                                  const char *where, weir_error *err) {
    weir_error inner = {0};
    reader r = {.where = where, .seed = seed, .err = err};
    json_t *lines = json_array(), *rows = weir_rows_parse(text, n, 0, lines, where, &inner);
    size_t n_rows = json_array_size(rows);
    *out = (weir_choice_set){.row = calloc(n_rows + 1, sizeof *out->row)};
    if (!rows)
        r.status = weir_fail(err, inner.status, "%s", inner.text);
    else if (!lines || !out->row)
        r.status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its rows", where);
    for (size_t i = 0; i < n_rows && r.status == WEIR_STATUS_OK; i++) {
        r.line = (uint64_t)json_integer_value(json_array_get(lines, i));
        add_row(&r, out, json_array_get(rows, i));
    }
    json_decref(lines);
    json_decref(rows);
    return r.status;
}

weir_status weir_choice_set_read(weir_choice_set *out, const char *path, uint64_t seed,
                                 weir_error *err) {
    char *text;
    size_t n;
    *out = (weir_choice_set){0};
    WEIR_TRY(weir_file_read(path, MAX_FILE_BYTES, &text, &n, err));
    weir_status status = weir_choice_set_parse(out, text, n, seed, path, err);
    free(text);
    return status;
}

void weir_choice_set_free(weir_choice_set *set) {
    for (size_t i = 0; i < set->n; i++)
        free_row(&set->row[i]);
    free(set->row);
    *set = (weir_choice_set){0};
}
