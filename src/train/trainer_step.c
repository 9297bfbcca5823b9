/* trainer_step.c: one optimizer step: its micro-batches, gradients, and what is done with them. */
#include "base/error.h"
#include "train/expert_load.h"
#include "train/trainer.h"

#include <math.h>

enum { MOST_SKIPPED = 25 }; /* in a row: then it is not the data */

weir_status weir_trainer_enter_stage(weir_trainer *t, weir_error *err) {
    size_t stage = weir_run_file_stage(&t->file, t->state.step);
    if (stage == t->stage)
        return WEIR_STATUS_OK;
    const weir_run_stage *to = &t->file.stages[stage];
    WEIR_TRY(weir_loader_set_stage(t->loader, to->weights, to->context, err));
    t->stage = stage;
    t->state.loss_outlier = t->state.norm_outlier = (weir_outlier){0};
    return WEIR_STATUS_OK;
}

/* All batches first: the gradient of a row counts 1 / the targets of the whole step. */
static weir_status draw(weir_trainer *t, uint64_t *n_targets, uint64_t *n_rows, weir_error *err) {
    *n_targets = *n_rows = 0;
    for (uint32_t i = 0; i < t->n_micro; i++) {
        weir_batch_room *room = &t->rooms[i];
        WEIR_TRY(weir_loader_next(t->loader, room, err));
        room->batch.dropout_key = t->state.step * t->n_micro + i;
        *n_targets += room->n_targets;
        *n_rows += room->batch.n_rows;
    }
    if (*n_targets == 0)
        return weir_fail(err, WEIR_STATUS_FAILED, "step %llu: no row of the batch has a target",
                         (unsigned long long)t->state.step + 1);
    return WEIR_STATUS_OK;
}

static weir_status accumulate(weir_trainer *t, uint64_t n_targets, double *loss, weir_error *err) {
    float scale = (float)(1 / (double)n_targets);
    double sum = 0;
    weir_graph_clear_gradients(t->graph);
    weir_graph_clear_load(t->graph);
    for (uint32_t i = 0; i < t->n_micro; i++) {
        const weir_train_batch *batch = &t->rooms[i].batch;
        WEIR_TRY(weir_graph_run(t->graph, batch, scale, t->row_loss, err));
        for (uint32_t r = 0; r < batch->n_rows; r++)
            sum += (double)t->row_loss[r];
    }
    *loss = sum / (double)n_targets;
    return WEIR_STATUS_OK;
}

/* Is the step to be left out? Numbers that are none always are. */
static bool is_bad(const weir_trainer *t, double loss, double norm) {
    const weir_train_state *s = &t->state;
    return !isfinite(loss) || !isfinite(norm) ||
           weir_outlier_is(&s->loss_outlier, loss, t->file.skip_z, t->file.skip_after) ||
           weir_outlier_is(&s->norm_outlier, norm, t->file.skip_z, t->file.skip_after);
}

static weir_status skip(weir_trainer *t, double loss, double norm, weir_error *err) {
    t->state.n_skipped++;
    weir_trainer_note(t, "step %llu is left out: loss %.4g, gradient norm %.4g",
                      (unsigned long long)t->state.step + 1, loss, norm);
    if (++t->state.n_skipped_in_a_row == MOST_SKIPPED)
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "step %llu: %d steps in a row had no usable loss; a lower learning rate "
                         "may help",
                         (unsigned long long)t->state.step + 1, MOST_SKIPPED);
    return WEIR_STATUS_OK;
}

static void move(weir_trainer *t, double loss, double norm) {
    weir_train_state *s = &t->state;
    double n_steps = (double)t->file.n_steps;
    s->n_skipped_in_a_row = 0;
    weir_outlier_add(&s->loss_outlier, loss);
    weir_outlier_add(&s->norm_outlier, norm);
    weir_optimizer_step(t->optimizer, t->report.learning_rate, norm);
    if ((double)s->step < (1 - t->file.bias_freeze) * n_steps)
        weir_expert_bias_update(t->graph, t->file.bias_rate);
}

weir_status weir_trainer_step(weir_trainer *t, weir_error *err) {
    uint64_t n_targets, n_rows;
    double loss;
    WEIR_TRY(weir_trainer_enter_stage(t, err));
    WEIR_TRY(draw(t, &n_targets, &n_rows, err));
    WEIR_TRY(accumulate(t, n_targets, &loss, err));
    double norm = weir_optimizer_norm(t->optimizer);
    t->report.loss = loss;
    t->report.gradient_norm = norm;
    t->report.learning_rate = weir_schedule_rate(&t->file.schedule, t->state.step);
    t->report.load_cv = weir_expert_load_cv(t->graph);
    if (is_bad(t, loss, norm))
        WEIR_TRY(skip(t, loss, norm, err));
    else
        move(t, loss, norm);
    t->state.step++;
    t->state.n_tokens += n_rows;
    t->state.n_moves = weir_optimizer_n_steps(t->optimizer);
    weir_loader_get_cursors(t->loader, t->state.cursors);
    return WEIR_STATUS_OK;
}
