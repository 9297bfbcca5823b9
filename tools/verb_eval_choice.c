/*
 * verb_eval_choice.c: `weir eval choice`: does a model find the right choice the most probable one?
 *
 * Owns which rows are asked, with which shots, in which order, and what is made of the scores. A
 * finished question goes to the journal at once, so that an interrupted run can be gone on with.
 */
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/random.h"
#include "console.h"
#include "engine_shape.h"
#include "eval_choice.h"
#include "eval_journal.h"
#include "interrupt.h"
#include "json_text.h"
#include "model_lookup.h"
#include "verbs.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SHOTS = 64, MOST_CONTEXT = 4096, ID_TEXT = 32 };

typedef struct choice_values {
    uint32_t n_shots, n_ctx, n_threads;
    uint64_t limit, seed;
    const char *shots_file, *style, *device, *isa, *kv_type, *activations, *out, *journal;
    bool resumes, overwrite, as_json;
} choice_values;

#define AT(field) offsetof(choice_values, field)

static const weir_option options[] = {
    {"style", 0, WEIR_OPTION_CHOICE, AT(style), "text|letter",
     "score the text of each choice, or list the choices and score the\nletter; default: as the "
     "data set is known with"},
    {"shots", 0, WEIR_OPTION_U32, AT(n_shots), "N",
     "examples with their answers before each question, 64 at most"},
    {"shots-file", 0, WEIR_OPTION_STRING, AT(shots_file), "FILE",
     "where they come from, of the question's category if it has any"},
    {"limit", 0, WEIR_OPTION_U64, AT(limit), "N", "only so many questions"},
    {"seed", 0, WEIR_OPTION_U64, AT(seed), "N",
     "draw the questions of --limit and the shots, which are the first\nones otherwise; orders the "
     "choices of GPQA; default: 0 for those"},
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N",
     "tokens of a question; longer ones lose their beginning; default:\n4096, or the model's if "
     "that is less"},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "how keys and values are kept; default: f32"},
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), WEIR_ACTIVATIONS_CHOICE,
     WEIR_ACTIVATIONS_HELP},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), WEIR_DEVICE_CHOICE, WEIR_DEVICE_HELP},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "the result as JSON"},
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "FILE.json",
     "keep the result with every question, for weir eval diff"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL, "replace --output if it exists"},
    {"journal", 0, WEIR_OPTION_STRING, AT(journal), "FILE.jsonl",
     "keep each question as soon as it is finished"},
    {"resume", 0, WEIR_OPTION_FLAG, AT(resumes), NULL, "go on with the journal, if it is there"},
};

#undef AT

typedef struct evaluation {
    const choice_values *values;
    bool is_drawn; /* --seed was given */
    weir_choice_set rows, shots;
    weir_choice_style style;
    uint32_t *order; /* [rows.n] of rows; the first n_asked are asked */
    size_t n_asked;
    weir_model *model;
    weir_choice_scorer *scorer;
    weir_eval_journal *journal;
    weir_eval_result result;
    weir_progress progress;
} evaluation;

/* ---- which questions, which shots ----------------------------------------------------------- */

static weir_status choose_rows(evaluation *e, weir_error *err) {
    size_t n = e->rows.n;
    const choice_values *v = e->values;
    e->order = malloc(n * sizeof *e->order);
    if (!e->order)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu questions", n);
    for (size_t i = 0; i < n; i++)
        e->order[i] = (uint32_t)i;
    for (size_t i = 0; e->is_drawn && i + 1 < n; i++) {
        size_t j = i + weir_mix64(v->seed, 0, i) % (n - i);
        uint32_t kept = e->order[i];
        e->order[i] = e->order[j];
        e->order[j] = kept;
    }
    e->n_asked = v->limit > 0 && v->limit < n ? v->limit : n;
    return WEIR_STATUS_OK;
}

/* May this row of the shots stand before that question? */
static bool is_candidate(const weir_choice_row *shot, const weir_choice_row *row,
                         bool of_category) {
    return strcmp(shot->question, row->question) != 0 &&
           (!of_category || strcmp(shot->category, row->category) == 0);
}

static size_t take_shots(const evaluation *e, const weir_choice_row *row, bool of_category,
                         const weir_choice_row *shots[MOST_SHOTS]) {
    size_t n = 0, n_seen = 0, wanted = e->values->n_shots;
    for (size_t i = 0; i < e->shots.n; i++) {
        const weir_choice_row *shot = &e->shots.row[i];
        if (!is_candidate(shot, row, of_category))
            continue;
        n_seen++;
        if (n < wanted) {
            shots[n++] = shot;
        } else if (e->is_drawn) { /* reservoir sampling: each of those seen is as likely */
            size_t at = weir_mix64(e->values->seed, row->line, i) % n_seen;
            if (at < wanted)
                shots[at] = shot;
        }
    }
    return n;
}

static size_t choose_shots(const evaluation *e, const weir_choice_row *row,
                           const weir_choice_row *shots[MOST_SHOTS]) {
    if (e->values->n_shots == 0)
        return 0;
    size_t n = *row->category ? take_shots(e, row, true, shots) : 0;
    return n > 0 ? n : take_shots(e, row, false, shots);
}

/* ---- asking --------------------------------------------------------------------------------- */

static json_t *numbers(const weir_choice_score *score, uint32_t n) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(list, json_real(score->log_p[i]));
    return list;
}

static json_t *item_json(const weir_choice_row *row, const char *id,
                         const weir_choice_score *score) {
    uint32_t best = weir_choice_best(score, row->n_choices, false);
    uint32_t best_norm = weir_choice_best(score, row->n_choices, true);
    return json_pack("{s:s, s:o, s:i, s:i, s:i, s:o, s:b, s:{s:i, s:i}}", "id", id, "category",
                     weir_json_text(row->category, strlen(row->category)), "answer",
                     (int)row->answer, "choice", (int)best, "choice_norm", (int)best_norm, "log_p",
                     numbers(score, row->n_choices), "is_cut", score->n_cut > 0, "scores", "acc",
                     best == row->answer, "acc_norm", best_norm == row->answer);
}

static weir_status ask(evaluation *e, const weir_choice_row *row, const char *id, weir_error *err) {
    const weir_choice_row *shots[MOST_SHOTS];
    weir_choice_score score;
    size_t n_shots = choose_shots(e, row, shots);
    weir_status status =
        weir_choice_scorer_score(e->scorer, row, shots, n_shots, e->style, &score, err);
    if (status != WEIR_STATUS_OK)
        return status == WEIR_STATUS_CANCELLED
                   ? status
                   : weir_fail_within(err, status, "the question of line %llu",
                                      (unsigned long long)row->line);
    return weir_eval_journal_add(e->journal, item_json(row, id, &score), err);
}

static weir_status ask_all(evaluation *e, weir_error *err) {
    for (size_t i = 0; i < e->n_asked; i++) {
        const weir_choice_row *row = &e->rows.row[e->order[i]];
        char id[ID_TEXT];
        snprintf(id, sizeof id, "%llu", (unsigned long long)row->line);
        if (!weir_eval_journal_has(e->journal, id))
            WEIR_TRY(ask(e, row, id, err));
        if (e->progress.report)
            e->progress.report(e->progress.context, "asking", i + 1, e->n_asked);
    }
    return WEIR_STATUS_OK;
}

/* ---- the result ----------------------------------------------------------------------------- */

/* Of the items of one category, or of all: category NULL. */
static json_t *category_json(const evaluation *e, const char *category, double *values) {
    static const char *const names[] = {"acc", "acc_norm"};
    json_t *out = json_object();
    for (size_t k = 0; k < WEIR_COUNT(names); k++) {
        size_t n = 0;
        double mean, error, weight;
        for (size_t i = 0; i < json_array_size(e->result.items); i++) {
            const json_t *item = json_array_get(e->result.items, i);
            const char *of = json_string_value(json_object_get(item, "category"));
            if (of && strcmp(of, category) == 0)
                n += weir_eval_item_score(item, names[k], &values[n], &weight);
        }
        weir_eval_mean(values, NULL, n, &mean, &error);
        json_object_set_new(out, "n", json_integer((json_int_t)n));
        json_object_set_new(out, names[k],
                            json_pack("{s:o, s:o}", "value", weir_eval_number(mean), "error",
                                      weir_eval_number(error)));
    }
    return out;
}

static void add_categories(evaluation *e) {
    size_t n = json_array_size(e->result.items);
    double *values = malloc((n + 1) * sizeof *values);
    json_t *categories = json_object();
    for (size_t i = 0; values && i < n; i++) {
        const char *category =
            json_string_value(json_object_get(json_array_get(e->result.items, i), "category"));
        if (category && *category && !json_object_get(categories, category))
            json_object_set_new(categories, category, category_json(e, category, values));
    }
    if (json_object_size(categories) > 0)
        weir_eval_result_detail(&e->result, "categories", categories);
    else
        json_decref(categories);
    free(values);
}

static void add_metrics(evaluation *e) {
    static const char *const names[] = {"acc", "acc_norm"};
    weir_eval_result *r = &e->result;
    json_int_t n_cut = 0;
    for (size_t k = 0; k < WEIR_COUNT(names); k++) {
        double mean, error;
        weir_eval_item_mean(r, names[k], &mean, &error, NULL);
        weir_eval_result_metric(r, names[k], mean, error);
    }
    for (size_t i = 0; i < json_array_size(r->items); i++)
        n_cut += json_is_true(json_object_get(json_array_get(r->items, i), "is_cut"));
    weir_eval_result_detail(r, "questions", json_integer((json_int_t)json_array_size(r->items)));
    weir_eval_result_detail(r, "cut", json_integer(n_cut));
    add_categories(e);
}

static void print_row(const char *label, json_int_t n, double acc, double error, double norm,
                      double norm_error) {
    weir_print_text(stdout, label, strlen(label));
    printf("%*s %6lld  acc %6.2f %%", (int)(strlen(label) < 28 ? 28 - strlen(label) : 0), "",
           (long long)n, 100 * acc);
    if (isfinite(error))
        printf(" +- %5.2f", 100 * error);
    printf("   acc_norm %6.2f %%", 100 * norm);
    if (isfinite(norm_error))
        printf(" +- %5.2f", 100 * norm_error);
    putchar('\n');
}

static double number_in(const json_t *object, const char *metric, const char *member) {
    const json_t *value = json_object_get(json_object_get(object, metric), member);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void print_text(const evaluation *e) {
    const weir_eval_result *r = &e->result;
    const weir_eval_metric *acc = weir_eval_result_find(r, "acc");
    const weir_eval_metric *norm = weir_eval_result_find(r, "acc_norm");
    const char *category;
    json_t *of;
    json_object_foreach(json_object_get(r->details, "categories"), category, of) {
        print_row(category, json_integer_value(json_object_get(of, "n")),
                  number_in(of, "acc", "value"), number_in(of, "acc", "error"),
                  number_in(of, "acc_norm", "value"), number_in(of, "acc_norm", "error"));
    }
    print_row("all", (json_int_t)json_array_size(r->items), acc->value, acc->error, norm->value,
              norm->error);
    json_int_t n_cut = json_integer_value(json_object_get(r->details, "cut"));
    if (n_cut > 0)
        printf("%lld question%s did not fit into the context and lost the beginning (--ctx)\n",
               (long long)n_cut, n_cut == 1 ? "" : "s");
}

/* ---- the verb ------------------------------------------------------------------------------- */

static weir_status describe(evaluation *e, const char *path, const char *file, uint32_t n_ctx,
                            weir_error *err) {
    const choice_values *v = e->values;
    weir_eval_result *r = &e->result;
    char hash[WEIR_EVAL_HASH];
    weir_eval_result_set(r, "shape", json_string(weir_choice_shape_names[e->rows.row[0].shape]));
    weir_eval_result_set(r, "style",
                         json_string(e->style == WEIR_CHOICE_LETTER ? "letter" : "text"));
    weir_eval_result_set(r, "shots", json_integer(v->n_shots));
    weir_eval_result_set(r, "limit", json_integer((json_int_t)v->limit));
    weir_eval_result_set(r, "seed", e->is_drawn ? json_integer((json_int_t)v->seed) : json_null());
    weir_eval_result_set(r, "ctx", json_integer(n_ctx));
    weir_eval_result_set(r, "kv_type", json_string(v->kv_type ? v->kv_type : "f32"));
    const char *activations;
    WEIR_TRY(weir_shape_activations(&activations, e->model, v->device, v->activations, err));
    weir_eval_result_set(r, "activations", json_string(activations));
    if (v->device)
        weir_eval_result_set(r, "device", json_string(v->device));
    if (v->shots_file) {
        WEIR_TRY(weir_eval_hash_file(hash, v->shots_file, err));
        weir_eval_result_set(r, "shots_xxh128", json_string(hash));
    }
    WEIR_TRY(weir_eval_result_data(r, file, err));
    return weir_eval_subject_set(&r->model, path, e->model, &e->progress, err);
}

static weir_status read_rows(evaluation *e, const char *file, weir_error *err) {
    const choice_values *v = e->values;
    WEIR_TRY(weir_choice_set_read(&e->rows, file, v->seed, err));
    weir_choice_shape shape = e->rows.row[0].shape;
    e->style = weir_choice_default_style(shape);
    if (v->style)
        e->style = strcmp(v->style, "letter") == 0 ? WEIR_CHOICE_LETTER : WEIR_CHOICE_TEXT;
    if (shape == WEIR_CHOICE_PLAIN && e->style == WEIR_CHOICE_LETTER)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s: --style letter: rows with a \"context\" are continued as they stand",
                         file);
    if (v->shots_file) {
        WEIR_TRY(weir_choice_set_read(&e->shots, v->shots_file, v->seed, err));
        if (e->shots.row[0].shape != shape)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s has rows of %s, and %s of %s",
                             v->shots_file, weir_choice_shape_names[e->shots.row[0].shape], file,
                             weir_choice_shape_names[shape]);
    }
    return choose_rows(e, err);
}

static weir_status open_all(evaluation *e, const char *path, const char *file, weir_error *err) {
    const choice_values *v = e->values;
    weir_model_info info;
    WEIR_TRY(weir_eval_result_begin(&e->result, "choice", err));
    WEIR_TRY(read_rows(e, file, err));
    WEIR_TRY(weir_model_open(&e->model, path, err));
    weir_model_get_info(e->model, &info);
    uint32_t most = info.n_ctx < MOST_CONTEXT ? info.n_ctx : MOST_CONTEXT;
    weir_choice_scorer_options o = {.n_threads = v->n_threads,
                                    .n_ctx = v->n_ctx > 0 ? v->n_ctx : most,
                                    .device = v->device,
                                    .isa = v->isa,
                                    .kv_type = v->kv_type,
                                    .activations = v->activations,
                                    .progress = e->progress};
    WEIR_TRY(describe(e, path, file, o.n_ctx, err));
    WEIR_TRY(weir_eval_journal_open(&e->journal, v->journal, v->resumes, &e->result, err));
    WEIR_TRY(weir_choice_scorer_open(&e->scorer, e->model, path, &o, err));
    weir_interrupt_with_care(weir_choice_scorer_engine(e->scorer));
    return WEIR_STATUS_OK;
}

static void close_all(evaluation *e) {
    weir_interrupt_with_care(NULL);
    weir_choice_scorer_close(&e->scorer);
    weir_eval_journal_close(&e->journal);
    weir_model_close(&e->model);
    weir_eval_result_free(&e->result);
    weir_choice_set_free(&e->rows);
    weir_choice_set_free(&e->shots);
    free(e->order);
}

static weir_status evaluate(const weir_parsed *parsed, evaluation *e, weir_error *err) {
    const choice_values *v = e->values;
    char *path = NULL;
    WEIR_TRY(weir_eval_result_may_write(v->out, v->overwrite, err));
    WEIR_TRY(weir_find_model(parsed->operands[0], &path, err));
    weir_status status = open_all(e, path, parsed->operands[1], err);
    free(path);
    WEIR_TRY(status);
    double start_s = weir_clock_s();
    WEIR_TRY(ask_all(e, err));
    add_metrics(e);
    e->result.seconds = weir_clock_s() - start_s;
    if (v->out)
        WEIR_TRY(weir_eval_result_write(&e->result, v->out, err));
    if (v->as_json)
        return weir_eval_result_print(&e->result, err);
    print_text(e);
    return WEIR_STATUS_OK;
}

static bool is_usable(const weir_parsed *parsed) {
    const choice_values *v = parsed->values;
    const char *trouble = NULL;
    if (v->n_shots > MOST_SHOTS)
        trouble = "--shots: expected 64 at most";
    else if ((v->n_shots > 0) != (v->shots_file != NULL))
        trouble = "--shots and --shots-file belong together";
    else if (v->resumes && !v->journal)
        trouble = "--resume is for --journal";
    else if (v->overwrite && !v->out)
        trouble = "--force is for --output";
    else if (weir_option_given_zero(parsed, "limit"))
        trouble = "--limit 0: expected 1 or more";
    else if (weir_option_given_zero(parsed, "ctx"))
        trouble = "--ctx 0: expected 1 or more";
    if (trouble)
        weir_say("weir eval choice: %s", trouble);
    return !trouble;
}

static int run(const weir_parsed *parsed) {
    evaluation e = {.values = parsed->values,
                    .is_drawn = weir_option_given(parsed, "seed"),
                    .progress = weir_console_progress()};
    weir_error err = {0};
    if (!is_usable(parsed))
        return WEIR_EXIT_USAGE;
    weir_interrupt_with_care(NULL);
    weir_status status = evaluate(parsed, &e, &err);
    close_all(&e);
    if (weir_interrupted() && status != WEIR_STATUS_OK)
        status = weir_fail(&err, WEIR_STATUS_CANCELLED, "interrupted");
    return status == WEIR_STATUS_OK ? WEIR_EXIT_DONE
                                    : weir_tell_failure("eval choice", status, &err);
}

const weir_verb weir_verb_eval_choice = {
    .name = "eval choice",
    .summary = "Asks which of given choices is the most probable",
    .operands = "MODEL DATA",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details =
        "DATA is JSON lines, a JSON array or CSV with a question a row, as the sets MMLU, "
        "MMLU-Pro,\n"
        "ARC, GPQA and HellaSwag are published, or {\"context\": TEXT, \"choices\": [TEXT, ..],\n"
        "\"answer\": N}. acc takes the choice of the greatest log-probability, acc_norm of the\n"
        "greatest per byte. docs/eval.md has the texts that are made of each set.\n"
        "\n"
        "  weir eval choice MODEL arc_challenge.jsonl -o arc.json\n"
        "  weir eval choice MODEL mmlu_pro.jsonl --shots 5 --shots-file validation.jsonl \\\n"
        "      --journal run.jsonl --resume\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(choice_values),
    .run = run,
};
