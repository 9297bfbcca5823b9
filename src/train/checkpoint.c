/* checkpoint.c: writes and reads one checkpoint, and keeps a folder of them small. */
#include "train/checkpoint.h"

#include "base/error.h"
#include "base/file.h"
#include "base/plain_locale.h"
#include "train/param_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static const char FORM[] = "1"; /* of the metadata */
static const char PREFIX_M[] = "adam_m.", PREFIX_V[] = "adam_v.";

/* ---- the metadata -------------------------------------------------------------------------- */

/* One direction or the other over the same list of entries: writing adds them, reading sets what
 * they stand for and keeps the first thing wrong. */
typedef struct meta {
    weir_safetensors_writer *to; /* NULL: reading */
    const weir_safetensors *from;
    const char *path;
    XXH64_state_t *hash; /* over keys and values; NULL: not wanted */
    weir_error *err;
    weir_status status;
} meta;

static void meta_hash_entry(meta *m, const char *key, const char *text) {
    if (!m->hash)
        return;
    XXH64_update(m->hash, key, strlen(key) + 1);
    XXH64_update(m->hash, text, strlen(text) + 1);
}

static void meta_put(meta *m, const char *key, const char *text) {
    weir_safetensors_add_meta(m->to, key, text);
    meta_hash_entry(m, key, text);
}

static const char *meta_text(meta *m, const char *key) {
    if (m->status != WEIR_STATUS_OK)
        return NULL;
    const char *text = weir_safetensors_meta(m->from, key);
    if (text)
        meta_hash_entry(m, key, text);
    else
        m->status = weir_fail(m->err, WEIR_STATUS_BAD_FILE,
                              "%s: no checkpoint: the metadata has no '%s'", m->path, key);
    return text;
}

static void bad_meta(meta *m, const char *key) {
    m->status =
        weir_fail(m->err, WEIR_STATUS_BAD_FILE, "%s: metadata '%s' is no number", m->path, key);
}

/* Digits alone; *text moves behind them. */
static bool scan_u64(const char **text, uint64_t *value) {
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    *value = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

static void meta_u64(meta *m, const char *key, uint64_t *value) {
    char text[24];
    if (m->to) {
        snprintf(text, sizeof text, "%" PRIu64, *value);
        meta_put(m, key, text);
        return;
    }
    const char *at = meta_text(m, key);
    if (at && (!scan_u64(&at, value) || *at))
        bad_meta(m, key);
}

static void meta_hash(meta *m, const char *key, uint64_t *value) {
    char text[24];
    if (m->to) {
        snprintf(text, sizeof text, "%016" PRIx64, *value);
        meta_put(m, key, text);
        return;
    }
    const char *at = meta_text(m, key);
    if (at && (strlen(at) != 16 || strspn(at, "0123456789abcdef") != 16))
        bad_meta(m, key);
    else if (at)
        *value = strtoull(at, NULL, 16);
}

/* As a hexadecimal fraction, which loses nothing; "nan". */
static void meta_double(meta *m, const char *key, double *value) {
    char text[48];
    if (m->to) {
        weir_plain_locale locale = weir_plain_locale_begin();
        snprintf(text, sizeof text, "%a", *value);
        weir_plain_locale_end(locale);
        meta_put(m, key, text);
        return;
    }
    const char *at = meta_text(m, key);
    char *end = NULL;
    if (at) {
        weir_plain_locale locale = weir_plain_locale_begin();
        *value = strtod(at, &end);
        weir_plain_locale_end(locale);
    }
    if (at && (end == at || *end))
        bad_meta(m, key);
}

static void meta_outlier(meta *m, const char *key, weir_outlier *outlier) {
    char full[48];
    snprintf(full, sizeof full, "%s_n", key);
    meta_u64(m, full, &outlier->n);
    snprintf(full, sizeof full, "%s_mean", key);
    meta_double(m, full, &outlier->mean);
    snprintf(full, sizeof full, "%s_variance", key);
    meta_double(m, full, &outlier->variance);
}

/* A signed number; *text moves behind it. */
static bool scan_i64(const char **text, int64_t *value) {
    char *end;
    const char *digits = *text + (**text == '-');
    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    *value = strtoll(*text, &end, 10);
    *text = end;
    return errno == 0;
}

static bool scan_cursor(const char **at, weir_loader_cursor *cursor) {
    uint64_t *const numbers[] = {&cursor->epoch, &cursor->next, &cursor->n_tokens,
                                 &cursor->n_context};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!scan_u64(at, numbers[i]) || *(*at)++ != ':')
            return false;
    return scan_i64(at, &cursor->credit);
}

/* "epoch:next:tokens:context:credit", a space, the next source's. */
static void meta_cursors(meta *m, weir_loader_cursor *cursors, size_t n) {
    char text[WEIR_RUN_MAX_SOURCES * 112];
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; m->to && i < n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "%s%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRId64,
                                 i ? " " : "", cursors[i].epoch, cursors[i].next,
                                 cursors[i].n_tokens, cursors[i].n_context, cursors[i].credit);
    if (m->to) {
        meta_put(m, "cursors", text);
        return;
    }
    const char *at = meta_text(m, "cursors");
    bool is_good = at != NULL;
    for (size_t i = 0; is_good && i < n; i++)
        is_good = (i == 0 || *at++ == ' ') && scan_cursor(&at, &cursors[i]);
    if (at && !(is_good && !*at))
        m->status =
            weir_fail(m->err, WEIR_STATUS_BAD_FILE,
                      "%s: metadata 'cursors' does not say where %zu sources stand", m->path, n);
}

static void meta_kernels(meta *m, char kernels[WEIR_KERNELS_TEXT]) {
    if (m->to) {
        meta_put(m, "kernels", kernels);
        return;
    }
    const char *text = meta_text(m, "kernels");
    if (text)
        snprintf(kernels, WEIR_KERNELS_TEXT, "%s", text);
}

static void meta_state(meta *m, weir_train_state *s, uint64_t *of_tensors) {
    meta_hash(m, "tensors_hash", of_tensors);
    meta_hash(m, "config_hash", &s->config_hash);
    meta_hash(m, "tokenizer_hash", &s->tokenizer_hash);
    meta_hash(m, "data_hash", &s->data_hash);
    meta_kernels(m, s->kernels);
    meta_u64(m, "step", &s->step);
    meta_u64(m, "moves", &s->n_moves);
    meta_u64(m, "tokens", &s->n_tokens);
    meta_u64(m, "skipped", &s->n_skipped);
    meta_u64(m, "skipped_in_a_row", &s->n_skipped_in_a_row);
    meta_cursors(m, s->cursors, s->n_cursors);
    meta_outlier(m, "loss", &s->loss_outlier);
    meta_outlier(m, "norm", &s->norm_outlier);
    meta_double(m, "eval_loss", &s->eval_loss);
    meta_double(m, "eval_bits_per_byte", &s->eval_bits_per_byte);
    meta_double(m, "best_loss", &s->best_loss);
    meta_u64(m, "best_step", &s->best_step);
    meta_double(m, "seconds", &s->seconds);
    if (m->to || weir_safetensors_meta(m->from, "eval_hash")) /* older ones have none */
        meta_hash(m, "eval_hash", &s->eval_hash);
}

/* ---- tensors ------------------------------------------------------------------------------- */

/* Calls fn for each tensor of a checkpoint, in the order of its file. */
typedef weir_status visit_fn(void *context, const char *prefix, const char *name, float *values,
                             size_t n);

static weir_status visit_array(weir_graph *graph, const char *prefix, float *values, visit_fn *fn,
                               void *context) {
    for (size_t i = 0; i < weir_graph_n_params(graph); i++) {
        const weir_param *param = weir_graph_param(graph, i);
        WEIR_TRY(fn(context, prefix, param->name, values + param->at, weir_param_n_values(param)));
    }
    return WEIR_STATUS_OK;
}

static weir_status visit(weir_graph *graph, weir_optimizer *optimizer, visit_fn *fn,
                         void *context) {
    WEIR_TRY(visit_array(graph, "", weir_graph_values(graph), fn, context));
    WEIR_TRY(visit_array(graph, PREFIX_M, weir_optimizer_m(optimizer), fn, context));
    WEIR_TRY(visit_array(graph, PREFIX_V, weir_optimizer_v(optimizer), fn, context));
    for (size_t i = 0; i < weir_graph_n_loads(graph); i++) {
        weir_expert_load *load = weir_graph_load(graph, i);
        char name[WEIR_PARAM_NAME];
        weir_expert_bias_name(name, load->layer);
        if (load->bias)
            WEIR_TRY(fn(context, "", name, load->bias, weir_graph_hparams(graph)->n_experts));
    }
    return WEIR_STATUS_OK;
}

static weir_status hash_values(void *context, const char *prefix, const char *name, float *values,
                               size_t n) {
    (void)prefix, (void)name;
    XXH64_update(context, values, n * sizeof *values);
    return WEIR_STATUS_OK;
}

typedef struct write_job {
    weir_safetensors_writer *w;
    weir_error *err;
} write_job;

static weir_status write_values(void *context, const char *prefix, const char *name, float *values,
                                size_t n) {
    (void)prefix, (void)name;
    const write_job *job = context;
    return weir_safetensors_write(job->w, values, n * sizeof *values, job->err);
}

typedef struct read_job {
    const weir_safetensors *st;
    const char *path;
    XXH64_state_t *hash; /* NULL: the values are taken */
    size_t n_tensors;
    weir_error *err;
} read_job;

static weir_status read_values(void *context, const char *prefix, const char *name, float *values,
                               size_t n) {
    read_job *job = context;
    const uint8_t *data = NULL;
    WEIR_TRY(weir_param_find(job->st, job->path, prefix, name, n, &data, job->err));
    job->n_tensors++;
    if (job->hash)
        XXH64_update(job->hash, data, n * sizeof *values);
    else if (n > 0)
        memcpy(values, data, n * sizeof *values);
    return WEIR_STATUS_OK;
}

/* ---- one file ------------------------------------------------------------------------------ */

static void declare(weir_safetensors_writer *w, weir_graph *graph) {
    static const char *const prefixes[] = {"", PREFIX_M, PREFIX_V};
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < weir_graph_n_params(graph); i++)
            weir_param_declare(w, weir_graph_param(graph, i), prefixes[k]);
    for (size_t i = 0; i < weir_graph_n_loads(graph); i++)
        weir_expert_bias_declare(w, weir_graph_load(graph, i),
                                 weir_graph_hparams(graph)->n_experts);
}

weir_status weir_checkpoint_save(const char *path, weir_graph *graph, weir_optimizer *optimizer,
                                 const weir_train_state *state, weir_error *err) {
    weir_safetensors_writer *w = NULL;
    weir_train_state copy = *state;
    XXH64_state_t *hash = XXH64_createState();
    weir_status status;
    if (!hash)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", path);
    XXH64_reset(hash, 0);
    WEIR_TRY_GOTO(visit(graph, optimizer, hash_values, hash));
    uint64_t of_tensors = XXH64_digest(hash);
    WEIR_TRY_GOTO(weir_safetensors_create(&w, path, true, err));
    XXH64_reset(hash, 0);
    meta m = {.to = w, .path = path, .hash = hash, .err = err};
    weir_safetensors_add_meta(w, "weir_checkpoint", FORM);
    meta_state(&m, &copy, &of_tensors);
    uint64_t of_state = XXH64_digest(hash);
    meta_hash(&m, "state_hash", &of_state);
    declare(w, graph);
    WEIR_TRY_GOTO(weir_safetensors_begin(w, err));
    write_job job = {w, err};
    WEIR_TRY_GOTO(visit(graph, optimizer, write_values, &job));
    WEIR_TRY_GOTO(weir_safetensors_commit(&w, err));
fail:
    weir_safetensors_abort(&w);
    XXH64_freeState(hash);
    return status;
}

static weir_status compare_hashes(const char *path, const weir_train_state *found,
                                  const weir_train_state *wanted, weir_error *err) {
    const char *what =
        found->config_hash != wanted->config_hash
            ? "another run file, of which only what is looked at may change ('validation', "
              "'eval', 'samples', 'checkpoint', 'out')"
        : found->tokenizer_hash != wanted->tokenizer_hash ? "another tokenizer"
        : found->data_hash != wanted->data_hash           ? "other data"
                                                          : NULL;
    if (!what)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_FAILED, "%s: cannot be gone on from: it was made with %s",
                     path, what);
}

static weir_status is_damaged(const char *path, weir_error *err) {
    return weir_fail(err, WEIR_STATUS_BAD_FILE,
                     "%s: is damaged: its numbers are not those that were written", path);
}

/* What the metadata says, if its own hash is right. A file without one is taken: other programs may
 * have rewritten it. */
static weir_status read_state(const weir_safetensors *st, const char *path, weir_train_state *state,
                              uint64_t *of_tensors, weir_error *err) {
    meta m = {.from = st, .path = path, .hash = XXH64_createState(), .err = err};
    uint64_t of_state = 0;
    if (!m.hash)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to read it", path);
    XXH64_reset(m.hash, 0);
    meta_state(&m, state, of_tensors);
    uint64_t got = XXH64_digest(m.hash);
    bool has_hash = weir_safetensors_meta(st, "state_hash") != NULL;
    if (has_hash)
        meta_hash(&m, "state_hash", &of_state);
    if (m.status == WEIR_STATUS_OK && has_hash && got != of_state)
        m.status = is_damaged(path, err);
    XXH64_freeState(m.hash);
    return m.status;
}

static weir_status check_tensors(const char *path, const weir_safetensors *st, weir_graph *graph,
                                 weir_optimizer *optimizer, uint64_t of_tensors, weir_error *err) {
    read_job job = {.st = st, .path = path, .hash = XXH64_createState(), .err = err};
    if (!job.hash)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to read it", path);
    XXH64_reset(job.hash, 0);
    weir_status status = visit(graph, optimizer, read_values, &job);
    if (status == WEIR_STATUS_OK && job.n_tensors != weir_safetensors_n_tensors(st))
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %zu tensors, expected %zu", path,
                           weir_safetensors_n_tensors(st), job.n_tensors);
    if (status == WEIR_STATUS_OK && XXH64_digest(job.hash) != of_tensors)
        status = is_damaged(path, err);
    XXH64_freeState(job.hash);
    return status;
}

weir_status weir_checkpoint_load(const char *path, weir_graph *graph, weir_optimizer *optimizer,
                                 weir_train_state *state, weir_error *err) {
    weir_safetensors *st = NULL;
    weir_train_state found = {.n_cursors = state->n_cursors};
    uint64_t of_tensors = 0;
    weir_status status;
    WEIR_TRY_GOTO(weir_safetensors_open(&st, path, err));
    const char *form = weir_safetensors_meta(st, "weir_checkpoint");
    if (!form || strcmp(form, FORM) != 0) {
        status =
            weir_fail(err, WEIR_STATUS_BAD_FILE,
                      "%s: no checkpoint: the metadata has no 'weir_checkpoint' %s", path, FORM);
        goto fail;
    }
    /* Whose it is comes first: of another run everything else differs as well. */
    meta m = {.from = st, .path = path, .err = err};
    meta_hash(&m, "config_hash", &found.config_hash);
    meta_hash(&m, "tokenizer_hash", &found.tokenizer_hash);
    meta_hash(&m, "data_hash", &found.data_hash);
    WEIR_TRY_GOTO(m.status);
    WEIR_TRY_GOTO(compare_hashes(path, &found, state, err));
    WEIR_TRY_GOTO(read_state(st, path, &found, &of_tensors, err));
    WEIR_TRY_GOTO(check_tensors(path, st, graph, optimizer, of_tensors, err));
    read_job job = {.st = st, .path = path, .err = err};
    WEIR_TRY_GOTO(visit(graph, optimizer, read_values, &job));
    weir_optimizer_set_n_steps(optimizer, found.n_moves);
    *state = found;
fail:
    weir_safetensors_close(&st);
    return status;
}

/* ---- a folder of them ---------------------------------------------------------------------- */

static const char FIRST_PART[] = "ckpt-", LAST_PART[] = ".safetensors";

char *weir_checkpoint_path(const char *folder, uint64_t step) {
    char name[64];
    snprintf(name, sizeof name, "%s%08" PRIu64 "%s", FIRST_PART, step, LAST_PART);
    return weir_path_join(folder, name);
}

/* "ckpt-00000123.safetensors" */
static bool parse_name(const char *name, uint64_t *step) {
    size_t n = sizeof FIRST_PART - 1;
    if (strncmp(name, FIRST_PART, n) != 0)
        return false;
    const char *at = name + n;
    return scan_u64(&at, step) && strcmp(at, LAST_PART) == 0;
}

static int compare_steps(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

weir_status weir_checkpoint_list(const char *folder, uint64_t **steps, size_t *n, weir_error *err) {
    *steps = NULL;
    *n = 0;
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOENT)
        return WEIR_STATUS_OK;
    if (!dir)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be read: %s", folder, strerror(errno));
    weir_status status = WEIR_STATUS_OK;
    for (struct dirent *e; status == WEIR_STATUS_OK && (e = readdir(dir)) != NULL;) {
        uint64_t step;
        if (!parse_name(e->d_name, &step))
            continue;
        uint64_t *longer = realloc(*steps, (*n + 1) * sizeof *longer);
        if (!longer) {
            status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to list it", folder);
            break;
        }
        *steps = longer;
        longer[(*n)++] = step;
    }
    closedir(dir);
    if (status != WEIR_STATUS_OK) {
        free(*steps);
        *steps = NULL;
        *n = 0;
    } else if (*n > 1) {
        qsort(*steps, *n, sizeof **steps, compare_steps);
    }
    return status;
}

void weir_checkpoint_prune(const char *folder, uint64_t step, uint32_t n_keep, uint64_t best_step) {
    uint64_t *steps = NULL;
    size_t n = 0;
    if (weir_checkpoint_list(folder, &steps, &n, NULL) != WEIR_STATUS_OK)
        return;
    while (n > 0 && steps[n - 1] > step)
        n--;
    for (size_t i = 0; i + n_keep < n; i++) {
        char *path = weir_checkpoint_path(folder, steps[i]);
        if (path && (n_keep == 0 || steps[i] != best_step))
            unlink(path);
        free(path);
    }
    free(steps);
}
