/* train_log.c: the log of a run and what the plot needs of it. */
#include "train/train_log.h"

#include "base/error.h"
#include "base/file.h"
#include "train/loss_plot.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct weir_train_log {
    char *path, *plot_path;
    FILE *file;
    bool has_failed;
    weir_loss_plot plot;
};

/* ---- lines --------------------------------------------------------------------------------- */

static weir_plot_line *line_of(weir_loss_plot *plot, const char *name) {
    for (size_t i = 0; i < plot->n_lines; i++)
        if (strcmp(plot->lines[i].name, name) == 0)
            return &plot->lines[i];
    if (plot->n_lines == WEIR_PLOT_MAX_LINES)
        return NULL;
    weir_plot_line *line = &plot->lines[plot->n_lines++];
    snprintf(line->name, sizeof line->name, "%s", name);
    return line;
}

static weir_status note_eval(weir_loss_plot *plot, double step, const char *name, double loss,
                             weir_error *err) {
    weir_plot_line *line = line_of(plot, name);
    return line ? weir_plot_add(&line->points, step, loss, err) : WEIR_STATUS_OK;
}

/* The numbers of a line, for the plot. */
static weir_status note(weir_loss_plot *plot, json_t *object, weir_error *err) {
    const char *kind = json_string_value(json_object_get(object, "kind"));
    double step = (double)json_integer_value(json_object_get(object, "step"));
    const json_t *loss = json_object_get(object, "loss");
    if (kind && strcmp(kind, "step") == 0) {
        const json_t *rate = json_object_get(object, "learning_rate");
        if (json_is_number(loss))
            WEIR_TRY(weir_plot_add(&plot->loss, step, json_number_value(loss), err));
        if (json_is_number(rate))
            WEIR_TRY(weir_plot_add(&plot->rate, step, json_number_value(rate), err));
    } else if (kind && strcmp(kind, "eval") == 0) {
        json_t *sources = json_object_get(object, "sources"), *source;
        const char *name;
        if (json_is_number(loss))
            WEIR_TRY(note_eval(plot, step, "validation", json_number_value(loss), err));
        if (json_object_size(sources) < 2)
            return WEIR_STATUS_OK; /* it is the same line */
        json_object_foreach(sources, name, source) {
            const json_t *own = json_object_get(source, "loss");
            if (json_is_number(own))
                WEIR_TRY(note_eval(plot, step, name, json_number_value(own), err));
        }
    }
    return WEIR_STATUS_OK;
}

/* Copies the lines that stay into a new file of the same name. */
static weir_status keep_lines(weir_train_log *log, uint64_t last_step, weir_error *err) {
    enum { MAX_LOG = 1 << 30 };
    char *text = NULL;
    size_t n = 0;
    weir_out *out = NULL;
    weir_status status;
    WEIR_TRY_GOTO(weir_file_read(log->path, MAX_LOG, &text, &n, err));
    WEIR_TRY_GOTO(weir_out_open(&out, log->path, true, err));
    for (size_t at = 0; at < n;) {
        size_t n_line = strcspn(text + at, "\n");
        json_t *object = json_loadb(text + at, n_line, 0, NULL);
        json_int_t step = json_integer_value(json_object_get(object, "step"));
        if (object && step >= 0 && (uint64_t)step <= last_step) {
            status = weir_out_write(out, text + at, n_line, err);
            if (status == WEIR_STATUS_OK)
                status = weir_out_write(out, "\n", 1, err);
            if (status == WEIR_STATUS_OK)
                status = note(&log->plot, object, err);
        }
        json_decref(object);
        WEIR_TRY_GOTO(status);
        at += n_line;
        at += at < n; /* the line's end, or a zero byte */
    }
    WEIR_TRY_GOTO(weir_out_commit(&out, err));
fail:
    weir_out_abort(&out);
    free(text);
    return status;
}

/* ---- the interface ------------------------------------------------------------------------- */

weir_status weir_train_log_open(weir_train_log **out, const char *folder, uint64_t last_step,
                                weir_error *err) {
    *out = NULL;
    weir_train_log *log = calloc(1, sizeof *log);
    if (!log)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the log", folder);
    weir_status status = WEIR_STATUS_OK;
    log->path = weir_path_join(folder, "log.jsonl");
    log->plot_path = weir_path_join(folder, "loss.svg");
    if (!log->path || !log->plot_path)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the log", folder);
    if (status == WEIR_STATUS_OK && last_step > 0 && weir_path_exists(log->path))
        status = keep_lines(log, last_step, err);
    if (status == WEIR_STATUS_OK) {
        log->file = fopen(log->path, last_step > 0 ? "a" : "w");
        if (!log->file)
            status = weir_fail(err, WEIR_STATUS_IO, "%s: cannot be written: %s", log->path,
                               strerror(errno));
    }
    if (status != WEIR_STATUS_OK)
        weir_train_log_close(&log);
    *out = log;
    return status;
}

void weir_train_log_close(weir_train_log **log) {
    if (!log || !*log)
        return;
    if ((*log)->file)
        fclose((*log)->file);
    weir_loss_plot_clear(&(*log)->plot);
    free((*log)->path);
    free((*log)->plot_path);
    free(*log);
    *log = NULL;
}

weir_status weir_train_log_add(weir_train_log *log, json_t *object, weir_error *err) {
    char *line = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    weir_status status = WEIR_STATUS_OK;
    if (!line)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a line", log->path);
    else
        status = note(&log->plot, object, err);
    if (status == WEIR_STATUS_OK && !log->has_failed) {
        bool is_written = fprintf(log->file, "%s\n", line) > 0 && fflush(log->file) == 0;
        if (!is_written) {
            log->has_failed = true;
            status = weir_fail(err, WEIR_STATUS_FAILED, "%s: cannot be written: %s", log->path,
                               strerror(errno));
        }
    }
    free(line);
    json_decref(object);
    return status;
}

weir_status weir_train_log_plot(const weir_train_log *log, weir_error *err) {
    return weir_loss_plot_write(&log->plot, log->plot_path, err);
}
