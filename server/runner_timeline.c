/*
 * runner_timeline.c: the timelines of choices.
 *
 * Owns the list of choices that have one, and the files of those that were moved out. A choice that
 * is moved out keeps its tokens in memory too: where its file cannot be written or read, or where a
 * file would not do, they are run again. The bits are the same, only the time is lost.
 */
#include "runner_parts.h"

#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 4096 };

static void activate(weir_runner *r, weir_choice *c, weir_seq *seq) {
    c->seq = seq;
    c->place = r->n_active;
    r->active[r->n_active++] = c;
}

void weir_choice_end_guesses(weir_runner *r, weir_choice *c) {
    uint64_t n_guesses, n_taken;
    if (!c->is_guessing)
        return;
    c->is_guessing = false;
    r->n_guessing--;
    weir_seq_get_lookup(c->seq, &n_guesses, &n_taken);
    weir_seq_set_lookup(c->seq, 0, NULL); /* taking it away cannot fail */
    pthread_mutex_lock(&r->mutex);
    r->stats.n_guesses += n_guesses;
    r->stats.n_guesses_taken += n_taken;
    pthread_mutex_unlock(&r->mutex);
}

static void deactivate(weir_runner *r, weir_choice *c) {
    weir_choice_end_guesses(r, c);
    c->n_steps_before = 0;
    weir_seq_close(&c->seq);
    weir_choice *last = r->active[--r->n_active];
    r->active[c->place] = last;
    last->place = c->place;
}

/* False: the path is too long to be one. */
static bool pause_path(const weir_runner *r, const weir_choice *c, char path[PATH_ROOM]) {
    int n = snprintf(path, PATH_ROOM, "%s/%llu", r->pause_folder, (unsigned long long)c->task.id);
    return n > 0 && n < PATH_ROOM;
}

static void remove_file(const weir_runner *r, weir_choice *c) {
    char path[PATH_ROOM];
    if (c->is_saved && pause_path(r, c, path))
        unlink(path);
    c->is_saved = false;
}

/* A choice of the same prompt that has run it: best one that has nothing behind it. */
static const weir_choice *find_sibling(const weir_choice *c) {
    const weir_live_job *job = c->job;
    const weir_choice *first = c - c->number % job->job.n_choices, *best = NULL;
    for (uint32_t i = 0; i < job->job.n_choices; i++) {
        const weir_choice *s = &first[i];
        if (s == c || !s->seq || !s->is_prompt_done)
            continue;
        if (weir_seq_n_tokens(s->seq) == s->prompt->n_ids && weir_seq_logits(s->seq))
            return s;
        best = s;
    }
    return best;
}

void weir_choice_update(const weir_runner *r, weir_choice *c) {
    weir_task *t = &c->task;
    const weir_settings *settings = &c->job->job.settings;
    if (c->seq) {
        t->n_tokens = (uint32_t)weir_seq_n_tokens(c->seq);
        t->n_pending = (uint32_t)weir_seq_n_pending(c->seq);
    } else if (c->kept) {
        t->n_tokens = c->n_kept;
        t->n_pending = c->is_saved ? c->n_kept_pending : c->n_kept;
    } else {
        t->n_tokens = t->n_pending = (uint32_t)c->prompt->n_ids;
    }
    uint32_t n_run = t->n_tokens - t->n_pending, n_generated = (uint32_t)c->answer.n_generated;
    if (c->seq)
        t->n_pages = (n_run + WEIR_RUNNER_PAGE_TOKENS - 1) / WEIR_RUNNER_PAGE_TOKENS;
    else /* one that waits will share the full pages of a sibling */
        t->n_pages = !c->kept && find_sibling(c) ? t->n_tokens / WEIR_RUNNER_PAGE_TOKENS : 0;
    t->n_left = settings->max_tokens > n_generated ? settings->max_tokens - n_generated : 0;
    uint32_t n_room = r->context > t->n_tokens ? r->context - t->n_tokens : 0;
    t->n_left = t->n_left < n_room ? t->n_left : n_room;
    t->is_decoding = c->seq && c->is_prompt_done && t->n_pending == 1;
}

/* ---- opened ------------------------------------------------------------------------------- */

/* Tokens on an empty timeline. Where the logits of all are wanted, none may come from another
 * timeline's pages: only the first append on an empty timeline takes those, and of one token it
 * takes nothing. */
static weir_status append_all(weir_seq *seq, const int32_t *tokens, size_t n, bool wants_rows,
                              weir_error *err) {
    size_t n_first = wants_rows ? 1 : n;
    WEIR_TRY(weir_seq_append(seq, tokens, n_first, err));
    return weir_seq_append(seq, tokens + n_first, n - n_first, err);
}

static weir_status open_with(weir_runner *r, weir_choice *c, const int32_t *tokens, size_t n,
                             weir_seq **out, weir_error *err) {
    WEIR_TRY(weir_seq_open(out, r->host->engine, err));
    weir_status status = WEIR_STATUS_OK;
    if (c->job->job.lora_scales)
        status = weir_seq_set_loras(*out, c->job->job.lora_scales, err);
    if (status == WEIR_STATUS_OK)
        status = append_all(*out, tokens, n, weir_choice_wants_rows(c), err);
    if (status != WEIR_STATUS_OK)
        weir_seq_close(out);
    return status;
}

/* The sibling's past, whole if it is just the prompt. Else the last token of the prompt is run once
 * more: logits are not kept for every place. */
static weir_status fork_from(const weir_choice *sibling, weir_seq **out, weir_error *err) {
    const weir_prompt *prompt = sibling->prompt;
    WEIR_TRY(weir_seq_fork(out, sibling->seq, err));
    if (weir_seq_n_tokens(*out) == prompt->n_ids && weir_seq_logits(*out))
        return WEIR_STATUS_OK;
    weir_status status = weir_seq_rewind(*out, prompt->n_ids - 1, err);
    if (status == WEIR_STATUS_OK)
        status = weir_seq_append(*out, &prompt->ids[prompt->n_ids - 1], 1, err);
    if (status != WEIR_STATUS_OK)
        weir_seq_close(out);
    return status;
}

weir_status weir_choice_admit(weir_runner *r, weir_choice *c, weir_error *err) {
    weir_seq *seq;
    const weir_choice *sibling = find_sibling(c);
    if (sibling)
        WEIR_TRY(fork_from(sibling, &seq, err));
    else
        WEIR_TRY(open_with(r, c, c->prompt->ids, c->prompt->n_ids, &seq, err));
    activate(r, c, seq);
    size_t n_pending = weir_seq_n_pending(seq);
    c->is_prompt_done = n_pending == 0;
    c->answer.n_cached = c->prompt->n_ids - n_pending;
    if (sibling)
        c->answer.reuse = (weir_reuse){.n_tokens = (uint32_t)c->answer.n_cached};
    else
        weir_seq_get_reuse(seq, &c->answer.reuse);
    if (weir_choice_wants_rows(c)) /* it was kept from taking any */
        c->answer.reuse.end = WEIR_REUSE_OFF;
    return WEIR_STATUS_OK;
}

/* ---- moved out and in --------------------------------------------------------------------- */

/* A file brings a timeline back with the engine's own scales, so it would not do for others. It is
 * not synced: all answers would wait for a disk, and nobody reads it after this process. */
static bool save(const weir_runner *r, const weir_choice *c) {
    char path[PATH_ROOM];
    if (!r->pause_folder || c->job->job.lora_scales || !pause_path(r, c, path))
        return false;
    weir_out_leave_unsynced(true);
    weir_status status = weir_seq_save(c->seq, path, NULL);
    weir_out_leave_unsynced(false);
    return status == WEIR_STATUS_OK;
}

weir_status weir_choice_move_out(weir_runner *r, weir_choice *c, weir_error *err) {
    size_t n = weir_seq_n_tokens(c->seq);
    c->kept = malloc(n * sizeof *c->kept);
    if (!c->kept)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the tokens of an answer");
    memcpy(c->kept, weir_seq_tokens(c->seq), n * sizeof *c->kept);
    c->n_kept = (uint32_t)n;
    c->n_kept_pending = (uint32_t)weir_seq_n_pending(c->seq);
    c->is_saved = save(r, c);
    deactivate(r, c);
    c->job->times.was_paused = true;
    r->n_moved_out++;
    return WEIR_STATUS_OK;
}

weir_status weir_choice_move_in(weir_runner *r, weir_choice *c, weir_error *err) {
    weir_seq *seq = NULL;
    char path[PATH_ROOM];
    weir_status status = WEIR_STATUS_IO;
    if (c->is_saved && pause_path(r, c, path))
        status = weir_seq_load(&seq, r->host->engine, path, err);
    if (status == WEIR_STATUS_FULL)
        return status;
    if (status != WEIR_STATUS_OK)
        WEIR_TRY(open_with(r, c, c->kept, c->n_kept, &seq, err));
    remove_file(r, c);
    free(c->kept);
    c->kept = NULL;
    r->n_moved_out--;
    activate(r, c, seq);
    return WEIR_STATUS_OK;
}

void weir_choice_drop_timeline(weir_runner *r, weir_choice *c) {
    if (c->seq)
        deactivate(r, c);
    if (!c->kept)
        return;
    remove_file(r, c);
    free(c->kept);
    c->kept = NULL;
    r->n_moved_out--;
}
