/*
 * verb_show.c: `weir show`: what a model file holds and what it will take to run it.
 *
 * Owns the finding out, but for tokenizer and templates, which are show_language.c's; how it looks
 * stands in show_text.c and show_json.c. Nothing is loaded: the weights are read only for --check.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "engine_shape.h"
#include "model_lookup.h"
#include "plan_search.h"
#include "run.h"
#include "show.h"
#include "terminal.h"
#include "verbs.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct show_values {
    bool wants_tensors, wants_metadata, wants_template, wants_check, wants_json, no_map;
    uint32_t n_ctx, n_seqs;
    const char *kv_type, *activations;
} show_values;

#define AT(field) offsetof(show_values, field)

static const weir_option options[] = {
    {"tensors", 0, WEIR_OPTION_FLAG, AT(wants_tensors), NULL, "list the tensors"},
    {"metadata", 0, WEIR_OPTION_FLAG, AT(wants_metadata), NULL, "list the metadata"},
    {"template", 0, WEIR_OPTION_FLAG, AT(wants_template), NULL,
     "print the chat template and nothing else"},
    {"check", 0, WEIR_OPTION_FLAG, AT(wants_check), NULL,
     "read all weights and look for NaN and infinities; exit code 1\nif there are any"},
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N", "memory for this context only; default: several"},
    {"seqs", 0, WEIR_OPTION_U32, AT(n_seqs), "N", "memory for N timelines at once; default 1"},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "memory with K/V of this type; default: f16"},
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), "q8|q15|f32|parity",
     "memory with these activations: f32 and parity leave quantized\n"
     "weights mapped; default: q8"},
    {"no-map", 0, WEIR_OPTION_FLAG, AT(no_map), NULL,
     "memory with all weights read into it, not mapped"},
    {"json", 0, WEIR_OPTION_FLAG, AT(wants_json), NULL, "the same as JSON"},
};

#undef AT

/* ---- finding out -------------------------------------------------------------------------- */

static char *layers_text(const weir_model *model, uint32_t n_layers) {
    char *text = malloc(2 * (size_t)n_layers + 1);
    if (!text)
        return NULL;
    size_t n = 0;
    for (uint32_t i = 0; i < n_layers; i++) {
        bool is_attention = weir_model_layer_kind(model, i) == WEIR_LAYER_ATTN;
        text[n++] = is_attention ? 'a' : 'c';
        if (is_attention && i + 1 < n_layers)
            text[n++] = ' ';
    }
    text[n] = 0;
    return text;
}

static int by_bytes_falling(const void *a, const void *b) {
    const weir_show_type *x = a, *y = b;
    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static void count_types(weir_show *show) {
    for (size_t i = 0; i < weir_model_n_tensors(show->model); i++) {
        weir_tensor_info tensor;
        weir_model_tensor(show->model, i, &tensor);
        size_t row = 0;
        while (row < show->n_types && strcmp(show->type[row].name, tensor.type) != 0)
            row++;
        /* There are fewer formats than rows; a last row that collects the rest is safe anyway. */
        if (row == WEIR_SHOW_TYPES)
            row--;
        else if (row == show->n_types)
            show->type[show->n_types++] = (weir_show_type){.name = tensor.type};
        show->type[row].n_tensors++;
        show->type[row].bytes += tensor.bytes;
    }
    qsort(show->type, show->n_types, sizeof *show->type, by_bytes_falling);
}

/* One timeline is one of `weir run`, whose steps run guesses ahead. */
static weir_status plan_one(weir_plan *out, const weir_model *model, weir_engine_options *engine,
                            weir_error *err) {
    static const weir_run_values defaults;
    uint32_t n_lookup;
    if (engine->n_seqs > 1)
        return weir_plan_make(out, model, engine, err);
    WEIR_TRY(weir_run_lookup(&n_lookup, &defaults, err));
    weir_shape_for_run(engine, n_lookup);
    WEIR_TRY(weir_plan_make(out, model, engine, err));
    uint64_t bytes = weir_plan_drafts_bytes(out->n_ctx, 1);
    out->item[out->n_items].what = "index of drafts";
    out->item[out->n_items++].bytes = bytes;
    out->engine_bytes += bytes;
    out->total_bytes += bytes;
    return WEIR_STATUS_OK;
}

static weir_status plan_memory(weir_show *show, const show_values *values, weir_error *err) {
    static const uint32_t usual[] = {1024, 4096, 8192, 32768};
    uint32_t contexts[WEIR_COUNT(usual) + 1];
    size_t n = 0;
    if (values->n_ctx > 0) {
        contexts[n++] = values->n_ctx;
    } else {
        for (size_t i = 0; i < WEIR_COUNT(usual) && usual[i] < show->info.n_ctx; i++)
            contexts[n++] = usual[i];
        contexts[n++] = show->info.n_ctx;
    }
    for (size_t i = 0; i < n; i++) {
        weir_engine_options engine = {.n_ctx = contexts[i],
                                      .n_seqs = values->n_seqs,
                                      .kv_type = values->kv_type,
                                      .activations = values->activations,
                                      .no_map = values->no_map};
        if (!weir_packed_hindrance(&engine))
            engine.packed = show->packed.packed;
        WEIR_TRY(plan_one(&show->plan[show->n_plans], show->model, &engine, err));
        show->n_plans++;
    }
    return WEIR_STATUS_OK;
}

static weir_status check_tensors(weir_show *show, weir_error *err) {
    size_t n = weir_model_n_tensors(show->model);
    weir_progress progress = weir_console_progress();
    show->check = calloc(n ? n : 1, sizeof *show->check);
    if (!show->check)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    for (size_t i = 0; i < n; i++) {
        weir_show_check *check = &show->check[i];
        WEIR_TRY(weir_model_check_tensor(show->model, i, &check->n_nan, &check->n_inf, err));
        if (check->n_nan || check->n_inf)
            show->n_bad++;
        if (progress.report)
            progress.report(progress.context, "checking", i + 1, n);
    }
    return WEIR_STATUS_OK;
}

char *weir_show_meta(const weir_model *model, size_t i, const char **key, const char **type,
                     size_t *n) {
    weir_model_meta(model, i, key, type, NULL, 0, n);
    char *text = malloc(*n + 1);
    if (text)
        weir_model_meta(model, i, key, type, text, *n + 1, n);
    return text;
}

char *weir_show_meta_item(const weir_model *model, size_t i, size_t item, size_t *n) {
    weir_model_meta_item(model, i, item, NULL, 0, n);
    char *text = malloc(*n + 1);
    if (text)
        weir_model_meta_item(model, i, item, text, *n + 1, n);
    return text;
}

/* The default chat template as it stands; what a terminal would obey is made visible on one. */
static weir_status print_template(const weir_show *show, weir_error *err) {
    const weir_show_language *l = &show->language;
    if (l->info.n_templates == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: has no chat template%s%s", show->path,
                         l->tokenizer ? "" : ": ", l->trouble);
    const weir_show_template *t = &l->templates[0];
    if (!isatty(STDOUT_FILENO)) {
        fwrite(t->text, 1, t->n, stdout);
        return WEIR_STATUS_OK;
    }
    weir_terminal_print(stdout, t->text, t->n);
    putchar('\n');
    return WEIR_STATUS_OK;
}

/* The template alone leaves no room for anything else. */
static weir_status check_alone(const weir_parsed *parsed, weir_error *err) {
    static const char *const others[] = {"tensors", "metadata", "check",       "ctx",
                                         "seqs",    "kv-type",  "activations", "no-map"};
    const show_values *values = parsed->values;
    for (size_t i = 0; values->wants_template && !values->wants_json && i < WEIR_COUNT(others); i++)
        if (weir_option_given(parsed, others[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--template prints the template and nothing else; expected no --%s "
                             "with it",
                             others[i]);
    return WEIR_STATUS_OK;
}

/* ---- the verb ----------------------------------------------------------------------------- */

static weir_status show_model(weir_show *show, const show_values *values, weir_error *err) {
    weir_model_get_info(show->model, &show->info);
    show->layers = layers_text(show->model, show->info.n_layers);
    if (!show->layers)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of layers");
    count_types(show);
    WEIR_TRY(weir_show_language_find(&show->language, show->path, show->model, err));
    if (values->wants_template && !values->wants_json)
        return print_template(show, err);
    WEIR_TRY(plan_memory(show, values, err));
    if (values->wants_check)
        WEIR_TRY(check_tensors(show, err));
    if (values->wants_json)
        return weir_show_as_json(show, err);
    weir_show_as_text(show);
    return WEIR_STATUS_OK;
}

static int run(const weir_parsed *parsed) {
    const show_values *values = parsed->values;
    weir_error err = {0};
    weir_model *model = NULL;
    char *path = NULL;
    weir_status status = check_alone(parsed, &err);
    if (status == WEIR_STATUS_OK)
        status = weir_find_model(parsed->operands[0], &path, &err);
    if (status == WEIR_STATUS_OK)
        status = weir_model_open(&model, path, &err);
    if (status != WEIR_STATUS_OK) {
        free(path);
        return weir_tell_failure("show", status, &err);
    }
    weir_show show = {
        .path = path,
        .model = model,
        .kv_type = values->kv_type ? values->kv_type : "f16",
        .wants_tensors = values->wants_tensors,
        .wants_metadata = values->wants_metadata,
    };
    weir_packed_look(&show.packed, model, path);
    status = show_model(&show, values, &err);
    int code = weir_tell_failure("show", status, &err);
    if (status == WEIR_STATUS_OK && show.n_bad > 0) {
        weir_say("weir show: %s: %zu tensors hold values that are not finite", show.path,
                 show.n_bad);
        code = WEIR_EXIT_FAILED;
    }
    free(show.check);
    free(show.layers);
    weir_show_language_free(&show.language);
    weir_packed_found_free(&show.packed);
    weir_model_close(&model);
    free(path);
    return code;
}

const weir_verb weir_verb_show = {
    .name = "show",
    .summary = "Tells what a model holds, how it talks, what memory it takes",
    .operands = "MODEL",
    .n_operands_min = 1,
    .n_operands_max = 1,
    .details = "MODEL is a GGUF file, a Hugging Face folder, the name of an installed model, or\n"
               "ORG/NAME[:QUANT] as `weir pull` fetched it.\n"
               "What a chat template takes is found out by rendering small conversations with it.\n"
               "\n"
               "  weir show lfm2-8b-q4_0.gguf\n"
               "  weir show lfm2-8b-q4_0.gguf --ctx 32768 --seqs 8 --kv-type q8\n"
               "  weir show lfm2-8b-q4_0.gguf --check\n"
               "  weir show lfm2-8b-q4_0.gguf --template\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(show_values),
    .run = run,
};
