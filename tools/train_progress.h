/*
 * train_progress.h: what a training run shows while it goes: one line that is drawn again and again
 * on a terminal, a line every few seconds elsewhere, and the samples. For `weir train run`; other
 * training verbs may use it too.
 */
#ifndef WEIR_TOOLS_TRAIN_PROGRESS_H
#define WEIR_TOOLS_TRAIN_PROGRESS_H

#include "weir_train.h"

typedef struct weir_train_progress {
    bool is_terminal; /* the line can be drawn again */
    double told_s;    /* when the last line was, on weir_clock_s */
    bool is_shown;    /* a line is on the screen */
    int width;        /* of it */
} weir_train_progress;

void weir_train_progress_open(weir_train_progress *progress);
/* Takes the line away. */
void weir_train_progress_close(weir_train_progress *progress);

/* For weir_train_options and weir_lora_options, with a weir_train_progress as context. */
void weir_train_progress_step(void *context, const weir_train_report *report);
/* The bar of all long work. */
void weir_train_progress_packing(void *context, const char *source, uint64_t done, uint64_t total);
void weir_train_progress_note(void *context, const char *line);
void weir_train_progress_sample(void *context, uint64_t step, const char *prompt, const char *text);
bool weir_train_progress_stop(void *context);

/* "2 h 05 min", "3 min 20 s"; returns buf. */
enum { WEIR_TIME_TEXT = 32 };
const char *weir_time_text(char buf[WEIR_TIME_TEXT], double seconds);

#endif
