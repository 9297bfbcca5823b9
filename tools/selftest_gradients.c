/*
 * selftest_gradients.c: `weir selftest gradients DIR`: the trainer's losses and gradients against
 * grad_f64.safetensors of tests/data/golden/README.md, one line a tensor.
 *
 * The whole model is trained on the case's text as one sample. A tensor that only one of the two
 * sides has is a failure.
 */
#include "base/error.h"
#include "base/file.h"
#include "model/model.h"
#include "selftest.h"
#include "selftest_folder.h"
#include "selftest_report.h"
#include "train/graph.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What golden/README.md advises for a float32 engine. */
static const double bound_gradient = 5e-5, bound_loss = 1e-5, bound_rel = 2e-5;

static const char grad_file[] = "grad_f64.safetensors", prefix[] = "grad/";

enum { MOST_TOKENS = 65536 };

typedef struct gradients_case {
    weir_report *report;
    const weir_selftest_options *options;
    const char *path, *name; /* of the reference, of the case */
    weir_trainer_device *dev;
    weir_model *model;
    weir_graph *graph;
    weir_safetensors *ref;
    int32_t *tokens, *targets; /* [n] */
    float *token_loss;         /* [n] */
    size_t n;
} gradients_case;

static weir_status read_text(gradients_case *c, weir_error *err) {
    const weir_tensor *ids = weir_safetensors_find(c->ref, "input_ids");
    if (!ids || ids->dtype != WEIR_DTYPE_I32 || ids->bytes < 8 || ids->bytes / 4 > MOST_TOKENS)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: expected input_ids, 2 to %d of I32",
                         c->path, MOST_TOKENS);
    c->n = ids->bytes / 4;
    c->tokens = calloc(c->n, sizeof *c->tokens);
    c->targets = calloc(c->n, sizeof *c->targets);
    c->token_loss = calloc(c->n, sizeof *c->token_loss);
    if (!c->tokens || !c->targets || !c->token_loss)
        abort();
    memcpy(c->tokens, ids->data, ids->bytes);
    for (size_t i = 0; i < c->n; i++) {
        c->targets[i] = i + 1 < c->n ? c->tokens[i + 1] : -1;
        if (c->tokens[i] < 0 || (uint32_t)c->tokens[i] >= c->model->h.n_vocab)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: input_ids: token %zu is %d, expected 0 to %u", c->path, i,
                             c->tokens[i], c->model->h.n_vocab - 1);
    }
    return WEIR_STATUS_OK;
}

static weir_status run_batch(gradients_case *c, weir_error *err) {
    weir_segment whole = {0, (uint32_t)c->n};
    weir_train_batch batch = {.n_rows = (uint32_t)c->n,
                              .tokens = c->tokens,
                              .targets = c->targets,
                              .segments = {&whole, 1, (uint32_t)c->n}};
    weir_graph_options options = {.model = c->model, .n_rows = (uint32_t)c->n, .n_segments = 1};
    WEIR_TRY(weir_graph_open(&c->graph, c->dev, &options, err));
    weir_graph_clear_gradients(c->graph);
    return weir_graph_run(c->graph, &batch, 1.0f / (float)(c->n - 1), c->token_loss, err);
}

/* "grad_moe cpu avx2 f32 model.embed_tokens.weight" */
static void compare(const gradients_case *c, const char *what, const float *ours, size_t n,
                    const weir_tensor *ref, double rel, double abs) {
    char label[320];
    snprintf(label, sizeof label, "%s %s %s %s", c->name, c->dev->name, c->dev->kernels, what);
    if (ref)
        weir_report_compare(c->report, label, ours, n, ref, rel, abs);
    else
        weir_report_check(c->report, false, "%s: the reference has no such tensor", label);
}

static void compare_losses(const gradients_case *c) {
    double sum = 0;
    for (size_t i = 0; i + 1 < c->n; i++)
        sum += (double)c->token_loss[i];
    float loss = (float)(sum / (double)(c->n - 1));
    compare(c, "loss", &loss, 1, weir_safetensors_find(c->ref, "loss"), INFINITY, bound_loss);
    compare(c, "token_loss", c->token_loss, c->n - 1, weir_safetensors_find(c->ref, "token_loss"),
            bound_rel, bound_loss);
}

static void compare_gradients(const gradients_case *c) {
    size_t n_params = weir_graph_n_params(c->graph);
    for (size_t i = 0; i < n_params; i++) {
        const weir_param *p = weir_graph_param(c->graph, i);
        char name[sizeof prefix + WEIR_PARAM_NAME];
        snprintf(name, sizeof name, "%s%s", prefix, p->name);
        compare(c, p->name, weir_graph_gradients(c->graph) + p->at, (size_t)p->rows * p->cols,
                weir_safetensors_find(c->ref, name), bound_gradient, INFINITY);
    }
    for (size_t t = 0; t < weir_safetensors_n_tensors(c->ref); t++) {
        const char *name = weir_safetensors_at(c->ref, t)->name;
        bool is_known = strncmp(name, prefix, strlen(prefix)) != 0;
        for (size_t i = 0; i < n_params && !is_known; i++)
            is_known = strcmp(name + strlen(prefix), weir_graph_param(c->graph, i)->name) == 0;
        if (!is_known)
            weir_report_check(c->report, false, "%s %s: the trainer has no such gradient", c->name,
                              name);
    }
}

static weir_status run_case(void *context, const char *folder, const char *name, bool *is_refused,
                            weir_error *err) {
    gradients_case c = *(const gradients_case *)context;
    weir_trainer_device_options options = {.device = c.options->backend,
                                           .isa = c.options->isa,
                                           .n_threads = c.options->n_threads,
                                           .is_exact = true};
    weir_status status = WEIR_STATUS_OK;
    char *path = weir_path_join(folder, grad_file);
    if (!path)
        abort();
    c.path = path;
    c.name = name;
    status = weir_trainer_device_open(&c.dev, &options, err);
    *is_refused = status == WEIR_STATUS_BAD_ARGUMENT;
    WEIR_TRY_GOTO(status);
    WEIR_TRY_GOTO(weir_model_open(&c.model, folder, err));
    WEIR_TRY_GOTO(weir_safetensors_open(&c.ref, path, err));
    WEIR_TRY_GOTO(read_text(&c, err));
    WEIR_TRY_GOTO(run_batch(&c, err));
    compare_losses(&c);
    compare_gradients(&c);
fail:
    free(c.tokens);
    free(c.targets);
    free(c.token_loss);
    weir_graph_close(&c.graph);
    weir_safetensors_close(&c.ref);
    weir_model_close(&c.model);
    weir_trainer_device_close(&c.dev);
    free(path);
    return status;
}

weir_status weir_selftest_gradients(weir_report *report, const char *dir,
                                    const weir_selftest_options *options, weir_error *err) {
    gradients_case c = {.report = report, .options = options};
    return weir_folder_each(report, dir, grad_file, run_case, &c, err);
}
