/*
 * trainer.c: a training run from its run file to its model: opening, the loop, checkpoints, the
 * end.
 *
 * Invariant: between two steps everything that the next one hangs on is in the graph's values and
 * biases, the optimizer's moments and weir_train_state, which is what a checkpoint holds.
 */
#include "train/trainer.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "convert/folder_out.h"
#include "train/export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <xxhash.h>

static weir_status no_memory(weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a training run");
}

static bool wants_stop(const weir_trainer *t) {
    return t->options->wants_stop && t->options->wants_stop(t->options->context);
}

/* ---- opening ------------------------------------------------------------------------------- */

static weir_status take_layers(const weir_run_file *file, weir_hparams *h, weir_error *err) {
    weir_error why = {0};
    if (file->n_init_layers == 0)
        return WEIR_STATUS_OK;
    weir_status status = weir_graph_take_layers(h, file->init_layers, file->n_init_layers, &why);
    if (status != WEIR_STATUS_OK)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: init_layers: %s", file->name, why.text);
    return WEIR_STATUS_OK;
}

static weir_status open_model(weir_trainer *t, weir_hparams *h, weir_error *err) {
    const weir_run_file *file = &t->file;
    if (file->init) {
        WEIR_TRY(weir_model_open(&t->model, file->init, err));
        *h = t->model->h;
        WEIR_TRY(take_layers(file, h, err));
    } else {
        WEIR_TRY(
            weir_hparams_from_json(h, file->config, strlen(file->config), file->config_name, err));
    }
    weir_tokenizer_info info;
    weir_tokenizer_get_info(t->tokenizer, &info);
    if (info.n_tokens > h->n_vocab)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: the tokenizer has %zu tokens, the model's vocabulary %u",
                         file->tokenizer, info.n_tokens, h->n_vocab);
    uint32_t longest = weir_run_file_longest(file);
    if (longest > h->n_ctx)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: context: windows of %u tokens, but the model is made for %u at most "
                         "(max_position_embeddings)",
                         file->name, longest, h->n_ctx);
    t->n_params = weir_hparams_n_params(h, &t->n_active);
    return WEIR_STATUS_OK;
}

/* For samples. */
static weir_status open_form(weir_trainer *t, weir_error *err) {
    WEIR_TRY(weir_chat_form_open(&t->form, t->tokenizer, t->file.tokenizer, err));
    bool is_any_asked = false;
    for (size_t i = 0; i < t->file.n_prompts; i++)
        is_any_asked |= !t->file.prompts[i].is_raw;
    return is_any_asked ? weir_chat_form_require_template(t->form, err) : WEIR_STATUS_OK;
}

/* What needs no folder and takes no memory to speak of. */
static weir_status open_inputs(weir_trainer *t, const char *run_file, weir_hparams *h,
                               weir_error *err) {
    WEIR_TRY(weir_run_file_read(&t->file, run_file, err));
    const char *out = t->options->out ? t->options->out : t->file.out;
    if (!out || !*out)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s: says no folder 'out', and no other is given", run_file);
    t->out = strdup(out);
    if (!t->out)
        return no_memory(err);
    WEIR_TRY(weir_tokenizer_open(&t->tokenizer, t->file.tokenizer, NULL, err));
    t->state.tokenizer_hash = weir_tokenizer_hash(t->tokenizer);
    if (t->file.sample_steps > 0)
        WEIR_TRY(open_form(t, err));
    WEIR_TRY(open_model(t, h, err));
    WEIR_TRY(weir_run_file_hash(&t->file, h, &t->state.config_hash, err));
    weir_trainer_device_options device = {.device = t->options->device,
                                          .isa = t->options->isa,
                                          .n_threads = t->options->n_threads,
                                          .is_exact = t->file.is_exact};
    return weir_trainer_device_open(&t->dev, &device, err);
}

static weir_status open_data(weir_trainer *t, weir_error *err) {
    weir_run_data_options options = {
        .out = t->out,
        .tokenizer_hash = t->state.tokenizer_hash,
        .template_hash = weir_chat_form_template_hash(t->tokenizer),
        .n_threads = t->options->n_threads,
        .no_packing = t->options->dry_run,
        .on_note = t->options->on_note,
        .on_packing = t->options->on_packing,
        .is_cancelled = t->options->wants_stop,
        .context = t->options->context,
    };
    WEIR_TRY(weir_run_data_open(&t->data, &t->file, &options, err));
    t->state.data_hash = t->data.hash;
    return WEIR_STATUS_OK;
}

static weir_graph_options graph_options(const weir_trainer *t, const weir_hparams *h) {
    return (weir_graph_options){.hparams = t->model ? NULL : h,
                                .model = t->model,
                                .layers = t->file.n_init_layers ? t->file.init_layers : NULL,
                                .n_layers = t->file.n_init_layers,
                                .n_rows = t->file.micro_tokens,
                                .recompute = t->file.recompute};
}

static weir_status tell_plan(weir_trainer *t, const weir_hparams *h, weir_error *err) {
    weir_graph_options options = graph_options(t, h);
    uint64_t params_bytes, activation_bytes;
    WEIR_TRY(weir_graph_plan(&options, &params_bytes, &activation_bytes, err));
    if (t->dev->measure_peak)
        t->peak_flops = t->dev->measure_peak(t->dev);
    bool is_whole = true; /* is all data packed? */
    for (size_t i = 0; i < t->data.n_train; i++)
        is_whole = is_whole && t->data.train[i];
    uint64_t n_layers_moe = h->n_experts > 0 ? h->n_layers - h->n_layers_dense : 0;
    uint64_t n_biases = h->has_expert_bias ? n_layers_moe * h->n_experts : 0;
    weir_train_plan plan = {
        .n_params = t->n_params,
        .n_params_active = t->n_active,
        .n_params_trained = t->n_params - n_biases, /* which no gradient moves */
        .state_bytes = 2 * params_bytes,            /* and the moments, of the same size */
        .activation_bytes = activation_bytes,
        .n_steps = t->file.n_steps,
        .n_tokens = t->file.n_steps * t->file.batch_tokens,
        .n_tokens_unique = is_whole ? t->data.n_tokens : 0,
        .peak_flops_per_s = t->peak_flops,
    };
    plan.flops = 6 * (double)t->n_active * (double)plan.n_tokens;
    if (t->options->on_plan)
        t->options->on_plan(t->options->context, &plan);
    return WEIR_STATUS_OK;
}

static weir_status open_loader(weir_trainer *t, weir_error *err) {
    const weir_run_stage *first = &t->file.stages[0];
    weir_loader_source sources[WEIR_RUN_MAX_SOURCES];
    for (size_t i = 0; i < t->file.n_sources; i++)
        sources[i] = (weir_loader_source){.shard = t->data.train[i],
                                          .name = t->file.sources[i].name,
                                          .weight = first->weights[i]};
    t->state.n_cursors = t->file.n_sources;
    return weir_loader_open(&t->loader, sources, t->file.n_sources, first->context, t->file.seed,
                            err);
}

static weir_status open_rooms(weir_trainer *t, weir_error *err) {
    uint32_t n_rows = t->file.micro_tokens, n = t->file.batch_tokens / n_rows;
    t->rooms = calloc(n, sizeof *t->rooms);
    t->row_loss = malloc(n_rows * sizeof *t->row_loss);
    if (!t->rooms || !t->row_loss)
        return no_memory(err);
    for (uint32_t i = 0; i < n; i++) {
        t->n_micro = i + 1;
        WEIR_TRY(weir_batch_room_open(&t->rooms[i], n_rows, err));
    }
    return weir_batch_room_open(&t->eval_room, n_rows, err);
}

static weir_status open_state(weir_trainer *t, const weir_hparams *h, weir_error *err) {
    weir_graph_options options = graph_options(t, h);
    WEIR_TRY(weir_graph_open(&t->graph, t->dev, &options, err));
    if (!t->model)
        weir_graph_init(t->graph, t->file.seed);
    WEIR_TRY(weir_optimizer_open(&t->optimizer, t->graph, &t->file.optimizer, err));
    WEIR_TRY(open_loader(t, err));
    return open_rooms(t, err);
}

static void close_run(weir_trainer *t) {
    weir_train_log_close(&t->log);
    for (uint32_t i = 0; i < t->n_micro; i++)
        weir_batch_room_close(&t->rooms[i]);
    free(t->rooms);
    free(t->row_loss);
    weir_batch_room_close(&t->eval_room);
    weir_loader_close(&t->loader);
    weir_optimizer_close(&t->optimizer);
    weir_graph_close(&t->graph);
    weir_trainer_device_close(&t->dev);
    weir_model_close(&t->model);
    weir_run_data_close(&t->data);
    weir_chat_form_close(&t->form);
    weir_tokenizer_close(&t->tokenizer);
    if (t->lock >= 0)
        close(t->lock);
    free(t->out);
    weir_run_file_free(&t->file);
}

/* ---- the folder ---------------------------------------------------------------------------- */

static weir_status lock_folder(weir_trainer *t, weir_error *err) {
    WEIR_TRY(weir_make_folders(t->out, err));
    t->lock = open(t->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->lock < 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be opened: %s", t->out, strerror(errno));
    /* Other failures: a file system without locks. */
    if (flock(t->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return weir_fail(err, WEIR_STATUS_FAILED, "%s: another run writes into it", t->out);
    return WEIR_STATUS_OK;
}

/* What a killed run had under construction: files, and the folder of the model. */
static void remove_leftovers(const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (!weir_is_temporary_name(e->d_name) || unlinkat(dirfd(dir), e->d_name, 0) == 0)
            continue;
        char *path = weir_path_join(folder, e->d_name);
        if (path && weir_path_is_folder(path))
            weir_graph_export_sweep(path);
        free(path);
    }
    closedir(dir);
}

static void clear_leftovers(const weir_trainer *t) {
    char *data = weir_path_join(t->out, "data");
    remove_leftovers(t->out);
    if (data)
        remove_leftovers(data);
    free(data);
}

/* Before the data are packed, which takes long: is there what is to be gone on from? */
static weir_status check_resume(const weir_trainer *t, size_t n, weir_error *err) {
    const char *resume = t->options->resume;
    if (strcmp(resume, "latest") == 0)
        return n > 0 ? WEIR_STATUS_OK
                     : weir_fail(err, WEIR_STATUS_FAILED, "%s: holds no checkpoint to go on from",
                                 t->out);
    if (!weir_path_exists(resume))
        return weir_fail(err, WEIR_STATUS_IO, "%s: is not there; expected a checkpoint", resume);
    if (weir_path_is_folder(resume))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: is a folder; expected a checkpoint",
                         resume);
    return WEIR_STATUS_OK;
}

/* A folder with checkpoints is not written over unless that was asked for. */
static weir_status check_folder(const weir_trainer *t, weir_error *err) {
    uint64_t *steps = NULL;
    size_t n = 0;
    if (t->options->resume && t->options->overwrite)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "to resume a run and to start it anew exclude each other");
    if (t->options->overwrite)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_checkpoint_list(t->out, &steps, &n, err));
    uint64_t last = n ? steps[n - 1] : 0;
    free(steps);
    if (t->options->resume)
        return check_resume(t, n, err);
    if (n > 0)
        return weir_fail(
            err, WEIR_STATUS_FAILED,
            "%s: holds a run of %llu steps; expected to resume (--resume) or to replace it "
            "(--force)",
            t->out, (unsigned long long)last);
    return WEIR_STATUS_OK;
}

/* ---- checkpoints --------------------------------------------------------------------------- */

static void name_kernels(const weir_trainer *t, char kernels[WEIR_KERNELS_TEXT]) {
    snprintf(kernels, WEIR_KERNELS_TEXT, "%s: %s", t->dev->name, t->dev->kernels);
}

static weir_status save(weir_trainer *t, weir_error *err) {
    char *path = weir_checkpoint_path(t->out, t->state.step);
    if (!path)
        return no_memory(err);
    name_kernels(t, t->state.kernels);
    weir_status status = weir_checkpoint_save(path, t->graph, t->optimizer, &t->state, err);
    free(path);
    WEIR_TRY(status);
    weir_checkpoint_prune(t->out, t->state.step, t->file.n_keep, t->state.best_step);
    t->saved_s = weir_clock_s();
    t->report.is_saved = true;
    return WEIR_STATUS_OK;
}

static weir_status load(weir_trainer *t, const char *path, weir_error *err) {
    char kernels[WEIR_KERNELS_TEXT];
    WEIR_TRY(weir_checkpoint_load(path, t->graph, t->optimizer, &t->state, err));
    name_kernels(t, kernels);
    if (strcmp(kernels, t->state.kernels) != 0)
        weir_trainer_note(
            t,
            "%s was made with other kernels (%s) than these (%s): the run goes on, but "
            "not bit for bit",
            path, t->state.kernels, kernels);
    return WEIR_STATUS_OK;
}

/* The newest one that is whole. */
static weir_status load_latest(weir_trainer *t, weir_error *err) {
    uint64_t *steps = NULL;
    size_t n = 0;
    WEIR_TRY(weir_checkpoint_list(t->out, &steps, &n, err));
    weir_status status =
        n > 0 ? WEIR_STATUS_OK
              : weir_fail(err, WEIR_STATUS_FAILED, "%s: holds no checkpoint to go on from", t->out);
    while (n > 0) {
        char *path = weir_checkpoint_path(t->out, steps[--n]);
        weir_error own = {0};
        status = path ? load(t, path, &own) : no_memory(&own);
        free(path);
        if (status != WEIR_STATUS_OK && err)
            *err = own;
        if (status != WEIR_STATUS_BAD_FILE && status != WEIR_STATUS_IO)
            break;
        weir_trainer_note(t, "%s%s", own.text, n > 0 ? "; the one before it is taken" : "");
    }
    free(steps);
    return status;
}

/* The loader as it stood when the checkpoint was made: in the stage of the step before. */
static weir_status set_loader(weir_trainer *t, weir_error *err) {
    if (t->state.step > 0) {
        t->stage = weir_run_file_stage(&t->file, t->state.step - 1);
        const weir_run_stage *stage = &t->file.stages[t->stage];
        WEIR_TRY(weir_loader_set_stage(t->loader, stage->weights, stage->context, err));
    }
    weir_loader_set_cursors(t->loader, t->state.cursors);
    return WEIR_STATUS_OK;
}

/* Of all that the loss of an evaluation hangs on beside the model. */
static uint64_t hash_validation(const weir_trainer *t) {
    uint64_t parts[WEIR_RUN_MAX_SOURCES + 2] = {t->file.eval_tokens, t->file.context};
    size_t n = 2;
    for (size_t i = 0; i < t->file.n_validation; i++)
        parts[n++] = weir_shard_hash(t->data.validation[i]);
    return XXH64(parts, n * sizeof *parts, 0);
}

/* A loss on other data is no measure for those that come. Without data the best one stays. */
static void check_best(weir_trainer *t) {
    weir_train_state *s = &t->state;
    if (t->file.n_validation == 0)
        return;
    uint64_t hash = hash_validation(t);
    if (s->eval_hash != hash && s->best_step > 0) {
        weir_trainer_note(t,
                          "step %llu was the best on another validation, or on one that is not "
                          "known: the best one is found anew",
                          (unsigned long long)s->best_step);
        s->best_loss = NAN;
        s->best_step = 0;
    }
    s->eval_hash = hash;
}

static weir_status begin(weir_trainer *t, weir_error *err) {
    const char *resume = t->options->resume;
    t->state.eval_loss = t->state.eval_bits_per_byte = t->state.best_loss = NAN;
    if (resume) {
        WEIR_TRY(strcmp(resume, "latest") == 0 ? load_latest(t, err) : load(t, resume, err));
        WEIR_TRY(set_loader(t, err));
        weir_trainer_note(t, "goes on after step %llu of %llu", (unsigned long long)t->state.step,
                          (unsigned long long)t->file.n_steps);
    } else {
        weir_checkpoint_prune(t->out, UINT64_MAX, 0, 0);
    }
    check_best(t);
    t->seconds_before = t->state.seconds;
    return weir_train_log_open(&t->log, t->out, t->state.step, err);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static bool is_due(uint64_t step, uint64_t every) {
    return every > 0 && step % every == 0;
}

/* What is to be done behind a step beside reporting it. is_end: no step of this call follows.
 * *is_stopped: the user wants an end, before or after; it can take long to look at the model. */
static weir_status after_step(weir_trainer *t, bool is_end, bool *is_stopped, weir_error *err) {
    weir_train_state *s = &t->state;
    bool is_last = s->step == t->file.n_steps, is_best = false;
    if (!*is_stopped && (is_last || is_due(s->step, t->file.eval_steps))) {
        WEIR_TRY(weir_trainer_evaluate(t, err));
        is_best =
            t->report.is_evaluated && isfinite(s->eval_loss) && !(s->eval_loss >= s->best_loss);
        if (is_best) {
            s->best_loss = s->eval_loss;
            s->best_step = s->step;
        }
    }
    *is_stopped = *is_stopped || wants_stop(t);
    if (!*is_stopped && t->file.sample_steps > 0 &&
        (is_last || is_due(s->step, t->file.sample_steps)))
        WEIR_TRY(weir_trainer_sample(t, err));
    *is_stopped = *is_stopped || wants_stop(t);
    s->seconds = t->seconds_before + weir_clock_s() - t->started_s;
    bool is_time = t->file.save_seconds > 0 && weir_clock_s() - t->saved_s >= t->file.save_seconds;
    /* First the line: a run that is killed goes on behind its checkpoint, and never writes it. */
    WEIR_TRY(weir_trainer_log(t, err));
    if (is_end || *is_stopped || is_best || is_time || is_due(s->step, t->file.save_steps))
        WEIR_TRY(save(t, err));
    if (t->options->on_step)
        t->options->on_step(t->options->context, &t->report);
    if (!t->report.is_saved && !t->report.is_evaluated)
        return WEIR_STATUS_OK;
    weir_error own = {0};
    if (weir_train_log_plot(t->log, &own) != WEIR_STATUS_OK)
        weir_trainer_note(t, "%s", own.text); /* it is drawn again */
    return WEIR_STATUS_OK;
}

static bool is_at_limit(const weir_trainer *t) {
    const weir_train_options *o = t->options;
    return (o->max_steps > 0 && t->n_steps_done >= o->max_steps) ||
           (o->max_seconds > 0 && weir_clock_s() - t->started_s >= o->max_seconds);
}

static weir_status run_steps(weir_trainer *t, weir_error *err) {
    t->started_s = t->saved_s = weir_clock_s();
    while (t->state.step < t->file.n_steps) {
        double begin_s = weir_clock_s();
        t->report = (weir_train_report){0};
        WEIR_TRY(weir_trainer_step(t, err));
        double taken = weir_clock_s() - begin_s;
        t->step_seconds = t->step_seconds > 0 ? 0.9 * t->step_seconds + 0.1 * taken : taken;
        t->n_steps_done++;
        bool is_stopped = wants_stop(t), is_limit = is_at_limit(t);
        bool is_end = is_stopped || is_limit || t->state.step == t->file.n_steps;
        WEIR_TRY(after_step(t, is_end, &is_stopped, err));
        if (is_stopped && t->state.step < t->file.n_steps)
            return weir_fail(
                err, WEIR_STATUS_CANCELLED, "stopped and saved after step %llu of %llu",
                (unsigned long long)t->state.step, (unsigned long long)t->file.n_steps);
        if (is_limit)
            break;
    }
    return WEIR_STATUS_OK;
}

/* Before the first step, so that no run ends without its model for a reason it began with. */
static weir_status check_export(const weir_trainer *t, weir_error *err) {
    char *folder = weir_path_join(t->out, "model");
    weir_status status = folder ? weir_folder_out_may_renew(folder, err) : no_memory(err);
    free(folder);
    return status;
}

/* The graph takes no further step. */
static weir_status export_model(weir_trainer *t, weir_error *err) {
    if (t->file.init_share > 0)
        WEIR_TRY(weir_graph_mix_init(t->graph, t->file.init_share, err));
    char *folder = weir_path_join(t->out, "model");
    if (!folder)
        return no_memory(err);
    weir_status status = weir_graph_export(t->graph, folder, t->file.tokenizer, err);
    if (status == WEIR_STATUS_OK)
        weir_trainer_note(t, "%s is written: the model after step %llu%s", folder,
                          (unsigned long long)t->state.step,
                          t->file.init_share > 0 ? ", its mean with 'init'" : "");
    free(folder);
    return status;
}

static weir_status train(weir_trainer *t, const weir_hparams *h, weir_error *err) {
    if (t->options->dry_run) {
        WEIR_TRY(open_data(t, err));
        return tell_plan(t, h, err);
    }
    WEIR_TRY(check_folder(t, err));
    WEIR_TRY(lock_folder(t, err));
    clear_leftovers(t);
    WEIR_TRY(check_export(t, err));
    WEIR_TRY(open_data(t, err));
    WEIR_TRY(tell_plan(t, h, err));
    WEIR_TRY(open_state(t, h, err));
    WEIR_TRY(begin(t, err));
    WEIR_TRY(run_steps(t, err));
    return export_model(t, err);
}

weir_status weir_train_run(const char *run_file, const weir_train_options *options,
                           weir_error *err) {
    static const weir_train_options defaults;
    weir_trainer *t = calloc(1, sizeof *t);
    weir_hparams *h = calloc(1, sizeof *h);
    weir_status status;
    if (!t || !h) {
        free(t);
        free(h);
        return no_memory(err);
    }
    t->options = options ? options : &defaults;
    t->lock = -1;
    status = open_inputs(t, run_file, h, err);
    if (status == WEIR_STATUS_OK)
        status = train(t, h, err);
    close_run(t);
    free(t);
    free(h);
    return status;
}
