/*
 * trainer.h: the state of a training run, shared by the files that make it up:
 *
 *   trainer.c       opening, the loop, checkpoints, the end
 *   trainer_step.c  one optimizer step
 *   trainer_look.c  evaluation, samples, reports: what looks at a run and changes nothing of it
 *
 * Nothing outside src/train includes it.
 */
#ifndef WEIR_TRAIN_TRAINER_H
#define WEIR_TRAIN_TRAINER_H

#include "base/compiler.h"
#include "train/chat_form.h"
#include "train/checkpoint.h"
#include "train/run_data.h"
#include "train/run_file.h"
#include "train/train_log.h"

typedef struct weir_trainer {
    const weir_train_options *options;
    weir_run_file file;
    char *out; /* the folder */
    int lock;  /* on it; -1: none */
    weir_tokenizer *tokenizer;
    weir_chat_form *form; /* for samples; NULL: there are none */
    weir_run_data data;
    weir_loader *loader;
    weir_model *model; /* that is gone on from, while the graph is opened; else NULL */
    weir_trainer_device *dev;
    weir_graph *graph;
    weir_optimizer *optimizer;
    uint32_t n_micro;
    weir_batch_room *rooms; /* [n_micro] */
    weir_batch_room eval_room;
    float *row_loss; /* [micro_tokens] */
    weir_train_log *log;
    weir_train_state state;
    size_t stage;                /* that the loader stands in */
    uint64_t n_params, n_active; /* of the model */
    double peak_flops;           /* a second; 0: unknown */
    /* of this call */
    uint64_t n_steps_done;
    double started_s, saved_s; /* on weir_clock_s */
    double seconds_before;     /* of training, before this call */
    double step_seconds;       /* a moving mean; 0: no step yet */
    weir_train_report report;  /* of the last step */
} weir_trainer;

/* One line to the caller. */
void weir_trainer_note(const weir_trainer *t, const char *format, ...) WEIR_PRINTF(2, 3);

/* One optimizer step, or a skipped one; fills the report's loss, norm and rate. FAILED when the
 * losses are no numbers any more. */
weir_status weir_trainer_step(weir_trainer *t, weir_error *err);
/* Sets the loader to the stage of the step that comes next. In a new one it is learnt anew what
 * losses and norms are usual: another mixture has others. */
weir_status weir_trainer_enter_stage(weir_trainer *t, weir_error *err);

/* Fills state.eval_*, logs it. Without validation data nothing, nor once the user wants an end. */
weir_status weir_trainer_evaluate(weir_trainer *t, weir_error *err);
weir_status weir_trainer_sample(weir_trainer *t, weir_error *err);
/* The rest of the report, and its line in the log. */
weir_status weir_trainer_log(weir_trainer *t, weir_error *err);

#endif
