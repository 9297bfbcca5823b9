/*
 * selftest_golden.c: `weir selftest golden DIR`: every case and every tensor of a folder in the
 * format of tests/data/golden/README.md, against this engine.
 *
 * For each run the prompt goes through in one piece, and every intermediate, state, K/V, logit and
 * greedy token is compared with the float64 reference. Then the same run in chunks, token by token,
 * after a fork, a rewind, a save and load must give the very bits of the first. Arithmetic and K/V
 * are pinned to float32; the error of the default mode (f16 K/V) is printed beside and not judged.
 */
#include "base/error.h"
#include "base/file.h"
#include "engine/engine.h"
#include "selftest.h"
#include "selftest_folder.h"
#include "selftest_report.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_TOKENS = 4096, CHUNK = 7 };

/* What golden/README.md advises for a float32 engine. */
static const double bound_rel = 2e-5, bound_logits = 3e-4;

/* One run: a prompt and the greedy tokens behind it, in reference and in ours. */
typedef struct golden_run {
    const char *name; /* "main" */
    int32_t *ids;     /* [n_prompt] */
    uint32_t n_prompt, n_gen;
    float *logits;     /* [n_prompt, n_vocab] ours */
    float *gen_logits; /* [n_gen, n_vocab] ours */
    int32_t *gen_ids;  /* [n_gen] ours */
} golden_run;

typedef struct golden_case {
    weir_report *report;
    const weir_selftest_options *options;
    const char *folder, *name;
    weir_model *model;
    weir_engine *engine;
    weir_safetensors *ref;
    golden_run *run;
    json_t *manifest;
    uint32_t n_batch;
    bool *is_seen;   /* [tensors of ref] that were compared */
    bool is_refused; /* there is no engine of the kind that was asked for: no fault of the case */
} golden_case;

static const weir_tensor *find_ref(const golden_case *c, const char *what, int layer) {
    char name[160];
    if (layer >= 0)
        snprintf(name, sizeof name, "%s/%s.%d", c->run->name, what, layer);
    else
        snprintf(name, sizeof name, "%s/%s", c->run->name, what);
    const weir_tensor *t = weir_safetensors_find(c->ref, name);
    for (size_t i = 0; t && i < weir_safetensors_n_tensors(c->ref); i++)
        if (weir_safetensors_at(c->ref, i) == t)
            c->is_seen[i] = true;
    return t;
}

/* A tensor of the reference that nothing was compared with is no pass. */
static void report_unseen(const golden_case *c) {
    for (size_t i = 0; i < weir_safetensors_n_tensors(c->ref); i++)
        if (!c->is_seen[i])
            weir_report_skip(c->report, "%s %s: not a tensor that this test knows", c->name,
                             weir_safetensors_at(c->ref, i)->name);
}

/* Compares `ours` with a reference tensor if there is one. */
static void compare(const golden_case *c, const char *what, int layer, const float *ours, size_t n,
                    double bound_abs) {
    const weir_tensor *t = find_ref(c, what, layer);
    if (!t)
        return;
    char label[200];
    if (layer >= 0)
        snprintf(label, sizeof label, "%s %s %s.%d", c->name, c->run->name, what, layer);
    else
        snprintf(label, sizeof label, "%s %s %s", c->name, c->run->name, what);
    weir_report_compare(c->report, label, ours, n, t, bound_rel, bound_abs);
}

/* ---- intermediates of a step, through the probe ---- */

typedef struct taker {
    golden_case *c;
    float *hidden, *mid; /* [n_layers + 1, T, d], [n_layers, T, d] */
    int32_t *selected;   /* of the layer being looked at */
} taker;

/* Our experts ascend by index, the reference's fall by score: sets are compared, then the weights
 * of each expert. */
static void compare_experts(taker *t, uint32_t layer, const float *weights, uint32_t n_rows,
                            uint32_t k) {
    golden_case *c = t->c;
    const weir_tensor *ids = find_ref(c, "router_selected", (int)layer);
    const weir_tensor *ref = find_ref(c, "router_weights", (int)layer);
    if (!ids || !ref || ids->bytes != (uint64_t)n_rows * k * 4)
        return;
    float *ordered = calloc((size_t)n_rows * k, sizeof *ordered);
    size_t n_wrong = 0;
    for (size_t r = 0; ordered && r < n_rows; r++)
        for (size_t j = 0; j < k; j++) {
            int32_t id;
            size_t at = k;
            memcpy(&id, ids->data + (r * k + j) * 4, 4);
            for (size_t i = 0; i < k; i++)
                if (t->selected[r * k + i] == id)
                    at = i;
            n_wrong += at == k;
            ordered[r * k + j] = at < k ? weights[r * k + at] : NAN;
        }
    weir_report_check(c->report, n_wrong == 0, "%s %s router_selected.%u: %zu of %u experts differ",
                      c->name, c->run->name, layer, n_wrong, n_rows * k);
    if (ordered)
        compare(c, "router_weights", (int)layer, ordered, (size_t)n_rows * k, INFINITY);
    free(ordered);
}

static void take(void *context, const char *what, uint32_t layer, const void *data, uint32_t n_rows,
                 uint32_t width) {
    taker *t = context;
    size_t n = (size_t)n_rows * width;
    if (strcmp(what, "hidden") == 0)
        memcpy(t->hidden + layer * n, data, n * sizeof(float));
    else if (strcmp(what, "mid") == 0)
        memcpy(t->mid + layer * n, data, n * sizeof(float));
    else if (strcmp(what, "router_logits") == 0)
        compare(t->c, what, (int)layer, data, n, INFINITY);
    else if (strcmp(what, "router_selected") == 0)
        memcpy(t->selected, data, n * sizeof(int32_t));
    else if (strcmp(what, "router_weights") == 0)
        compare_experts(t, layer, data, n_rows, width);
    else if (strcmp(what, "final_norm") == 0)
        compare(t->c, what, -1, data, n, INFINITY);
}

/* ---- K/V and conv state ---- */

static void compare_state(const golden_case *c, const weir_seq *s, const char *suffix) {
    const weir_model *m = c->model;
    weir_backend *be = c->engine->backend;
    uint32_t d = m->h.d_model, past = m->h.l_cache - 1, n = s->n_kv, hd = m->h.head_dim;
    float *state = calloc((size_t)m->n_layers_conv * d * past + 1, sizeof *state);
    uint8_t *page = calloc(1, be->kv.page_bytes + 1);
    float *kv = calloc((size_t)n * m->h.n_heads * hd * 2 + 1, sizeof *kv);
    if (!state || !page || !kv)
        abort();
    be->state_read(be, s->state, state);
    for (uint32_t i = 0; i < m->h.n_layers; i++) {
        const weir_layer *layer = &m->layers[i];
        char what[64];
        if (layer->kind == WEIR_LAYER_CONV) {
            /* the reference keeps l_cache columns, of which the first is never needed */
            snprintf(what, sizeof what, "conv_state%s", suffix);
            const weir_tensor *t = find_ref(c, what, (int)i);
            if (t)
                weir_report_compare_columns(c->report, c->name, c->run->name, what, i,
                                            state + (size_t)layer->kind_index * d * past, d, past,
                                            t, bound_rel);
            continue;
        }
        size_t heads = layer->n_heads_kv;
        for (uint32_t pos = 0; pos < n; pos++) {
            if (pos % WEIR_PAGE_TOKENS == 0)
                be->page_read(be, s->pages[pos / WEIR_PAGE_TOKENS], page);
            size_t slot = pos % WEIR_PAGE_TOKENS * be->kv.vector_bytes;
            for (uint32_t h = 0; h < heads; h++) {
                weir_kv_load(&be->kv, page + weir_kv_k_at(&be->kv, layer->kind_index, h) + slot,
                             kv + ((size_t)h * n + pos) * hd);
                weir_kv_load(&be->kv, page + weir_kv_v_at(&be->kv, layer->kind_index, h) + slot,
                             kv + ((heads + h) * n + pos) * hd);
            }
        }
        snprintf(what, sizeof what, "k_cache%s", suffix);
        compare(c, what, (int)i, kv, heads * n * hd, INFINITY);
        snprintf(what, sizeof what, "v_cache%s", suffix);
        compare(c, what, (int)i, kv + heads * n * hd, heads * n * hd, INFINITY);
    }
    free(state);
    free(page);
    free(kv);
}

/* ---- runs ---- */

static int32_t argmax(const float *logits, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return (int32_t)best;
}

/* Pending tokens in pieces of `chunk` (0: one piece), all logits to `logits` (or NULL). */
static weir_status run_pending(weir_seq *s, uint32_t chunk, float *logits, weir_error *err) {
    uint32_t n_vocab = s->engine->model->h.n_vocab, done = 0;
    while (s->n_tokens > s->n_kv) {
        uint32_t left = s->n_tokens - s->n_kv;
        weir_chunk c = {.seq = s, .n_tokens = chunk && chunk < left ? chunk : left};
        c.logits = logits ? logits + (size_t)done * n_vocab : NULL;
        WEIR_TRY(weir_engine_step(s->engine, &c, 1, err));
        done += c.n_tokens;
    }
    return WEIR_STATUS_OK;
}

/* Greedy tokens behind what is in s: row i of logits is what token i was chosen from. */
static weir_status run_greedy(weir_seq *s, uint32_t n, float *logits, int32_t *ids,
                              weir_error *err) {
    uint32_t n_vocab = s->engine->model->h.n_vocab;
    for (uint32_t i = 0; i < n; i++) {
        WEIR_TRY(weir_seq_run(s, err));
        memcpy(logits + (size_t)i * n_vocab, weir_seq_logits(s), n_vocab * sizeof(float));
        ids[i] = argmax(weir_seq_logits(s), n_vocab);
        if (i + 1 < n)
            WEIR_TRY(weir_seq_append(s, &ids[i], 1, err));
    }
    return WEIR_STATUS_OK;
}

/* The run in one piece, everything compared with the reference. */
static weir_status first_pass(golden_case *c, weir_error *err) {
    golden_run *run = c->run;
    const weir_hparams *h = &c->model->h;
    size_t rows = run->n_prompt, d = h->d_model;
    taker t = {.c = c,
               .hidden = calloc((h->n_layers + 1) * rows * d, sizeof(float)),
               .mid = calloc(h->n_layers * rows * d, sizeof(float)),
               .selected = calloc(rows * (h->n_experts_used + 1), sizeof(int32_t))};
    weir_observer observer = {take, &t};
    weir_seq *s = NULL;
    weir_status status = WEIR_STATUS_OK;
    if (!t.hidden || !t.mid || !t.selected)
        abort();
    WEIR_TRY_GOTO(weir_seq_open(&s, c->engine, err));
    WEIR_TRY_GOTO(weir_seq_append(s, run->ids, run->n_prompt, err));
    weir_engine_observe(c->engine, &observer);
    status = run_pending(s, 0, run->logits, err);
    weir_engine_observe(c->engine, NULL);
    WEIR_TRY_GOTO(status);
    compare(c, "hidden_states", -1, t.hidden, (h->n_layers + 1) * rows * d, INFINITY);
    compare(c, "mid_states", -1, t.mid, h->n_layers * rows * d, INFINITY);
    compare(c, "logits", -1, run->logits, rows * h->n_vocab, bound_logits);
    compare_state(c, s, "");
    WEIR_TRY_GOTO(run_greedy(s, run->n_gen, run->gen_logits, run->gen_ids, err));
    compare(c, "gen_logits", -1, run->gen_logits, (size_t)run->n_gen * h->n_vocab, bound_logits);
    const weir_tensor *ids = find_ref(c, "gen_ids", -1);
    if (ids) {
        bool same = ids->bytes == (uint64_t)run->n_gen * 4 &&
                    memcmp(ids->data, run->gen_ids, ids->bytes) == 0;
        weir_report_check(c->report, same, "%s %s gen_ids: %u greedy tokens", c->name, run->name,
                          run->n_gen);
    }
    compare_state(c, s, "_end");
fail:
    weir_seq_close(&s);
    free(t.hidden);
    free(t.mid);
    free(t.selected);
    return status;
}

static bool same_bits(const float *a, const float *b, size_t n) {
    return memcmp(a, b, n * sizeof *a) == 0;
}

/* Prompt in pieces: equal bits. */
static weir_status chunked_pass(golden_case *c, uint32_t chunk, const char *what, weir_error *err) {
    golden_run *run = c->run;
    uint32_t n_vocab = c->model->h.n_vocab;
    float *logits = calloc((size_t)(run->n_prompt + run->n_gen) * n_vocab, sizeof *logits);
    float *gen = logits + (size_t)run->n_prompt * n_vocab;
    int32_t *ids = calloc(run->n_gen + 1, sizeof *ids);
    weir_seq *s = NULL;
    weir_status status = WEIR_STATUS_OK;
    if (!logits || !ids)
        abort();
    WEIR_TRY_GOTO(weir_seq_open(&s, c->engine, err));
    WEIR_TRY_GOTO(weir_seq_append(s, run->ids, run->n_prompt, err));
    WEIR_TRY_GOTO(run_pending(s, chunk, logits, err));
    WEIR_TRY_GOTO(run_greedy(s, run->n_gen, gen, ids, err));
    weir_report_check(c->report,
                      same_bits(logits, run->logits, (size_t)run->n_prompt * n_vocab) &&
                          same_bits(gen, run->gen_logits, (size_t)run->n_gen * n_vocab),
                      "%s %s %s: the same bits", c->name, run->name, what);
fail:
    weir_seq_close(&s);
    free(logits);
    free(ids);
    return status;
}

/* The tail of the prompt from `cut` on, after the timeline was brought there by `how`. */
static weir_status resumed_pass(golden_case *c, uint32_t cut, int how, const char *what,
                                weir_error *err) {
    golden_run *run = c->run;
    uint32_t n_vocab = c->model->h.n_vocab, n_tail = run->n_prompt - cut;
    float *logits = calloc((size_t)n_tail * n_vocab + 1, sizeof *logits);
    weir_seq *s = NULL, *other = NULL;
    char path[64] = "/tmp/weir-selftest-XXXXXX";
    int fd = -1;
    weir_status status = WEIR_STATUS_OK;
    if (!logits)
        abort();
    WEIR_TRY_GOTO(weir_seq_open(&s, c->engine, err));
    WEIR_TRY_GOTO(weir_seq_append(s, run->ids, how == 1 ? run->n_prompt : cut, err));
    WEIR_TRY_GOTO(run_pending(s, 0, NULL, err));
    if (how == 0) { /* fork, then spoil the parent */
        int32_t token = run->ids[0];
        WEIR_TRY_GOTO(weir_seq_fork(&other, s, err));
        WEIR_TRY_GOTO(weir_seq_append(s, &token, 1, err));
        WEIR_TRY_GOTO(run_pending(s, 0, NULL, err));
    } else if (how == 1) {
        WEIR_TRY_GOTO(weir_seq_rewind(s, cut, err));
        other = s;
        s = NULL;
    } else {
        fd = mkstemp(path);
        if (fd < 0) {
            status = weir_fail(err, WEIR_STATUS_IO, "%s: cannot make a temporary file", path);
            goto fail;
        }
        WEIR_TRY_GOTO(weir_seq_save(s, path, err));
        weir_seq_close(&s);
        WEIR_TRY_GOTO(weir_seq_load(&other, c->engine, path, err));
    }
    WEIR_TRY_GOTO(weir_seq_append(other, run->ids + cut, n_tail, err));
    WEIR_TRY_GOTO(run_pending(other, 0, logits, err));
    weir_report_check(
        c->report, same_bits(logits, run->logits + (size_t)cut * n_vocab, (size_t)n_tail * n_vocab),
        "%s %s %s at %u: the same bits", c->name, run->name, what, cut);
fail:
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    weir_seq_close(&s);
    weir_seq_close(&other);
    free(logits);
    return status;
}

static weir_status resumed_passes(golden_case *c, weir_error *err) {
    static const char *const what[] = {"fork", "rewind", "save and load"};
    for (int how = 0; how < 3; how++)
        for (uint32_t cut = 1; cut < c->run->n_prompt; cut += 1 + c->run->n_prompt / 6)
            WEIR_TRY(resumed_pass(c, cut, how, what[how], err));
    return WEIR_STATUS_OK;
}

/* type: of K/V and activations; NULL: the defaults. */
static weir_status open_engine(golden_case *c, const char *type, weir_error *err) {
    weir_engine_options o = {.device = c->options->backend,
                             .isa = c->options->isa,
                             .kv_type = type,
                             .activations = type,
                             .n_threads = c->options->n_threads,
                             .n_ctx =
                                 c->n_batch < c->model->h.n_ctx ? c->n_batch : c->model->h.n_ctx,
                             .n_seqs = 2,
                             .n_batch = c->n_batch,
                             .n_out = c->n_batch,
                             .no_prefix_cache = true};
    weir_status status = weir_engine_open(&c->engine, c->model, &o, err);
    c->is_refused = status == WEIR_STATUS_BAD_ARGUMENT;
    return status;
}

/* What a user gets without pinning float32: reported, not judged. */
static weir_status default_pass(golden_case *c, weir_error *err) {
    const weir_tensor *t = find_ref(c, "logits", -1);
    weir_seq *s = NULL;
    weir_status status = WEIR_STATUS_OK;
    if (!t)
        return WEIR_STATUS_OK;
    weir_engine_close(&c->engine);
    WEIR_TRY_GOTO(open_engine(c, NULL, err));
    WEIR_TRY_GOTO(weir_seq_open(&s, c->engine, err));
    WEIR_TRY_GOTO(weir_seq_append(s, c->run->ids, c->run->n_prompt, err));
    WEIR_TRY_GOTO(run_pending(s, 0, c->run->logits, err));
    weir_report_note(c->report, c->run->logits, t,
                     "%s %s logits in the default mode (f16 K/V, q8)", c->name, c->run->name);
fail:
    weir_seq_close(&s);
    return status;
}

/* The mean cross entropy of the case's text, from the logits of the first pass. */
static weir_status compare_loss(golden_case *c, weir_error *err) {
    weir_safetensors *grad = NULL;
    char *path = weir_path_join(c->folder, "grad_f64.safetensors");
    weir_status status = WEIR_STATUS_OK;
    weir_seq *s = NULL;
    float *logits = NULL, *loss = NULL;
    int32_t *ids = NULL;
    if (!path || !weir_path_exists(path))
        goto fail;
    WEIR_TRY_GOTO(weir_safetensors_open(&grad, path, err));
    const weir_tensor *t = weir_safetensors_find(grad, "input_ids");
    const weir_tensor *ref = weir_safetensors_find(grad, "token_loss");
    if (!t || !ref || t->dtype != WEIR_DTYPE_I32 || t->bytes < 8 || t->bytes / 4 > c->n_batch)
        goto fail;
    size_t n = t->bytes / 4, n_vocab = c->model->h.n_vocab;
    logits = calloc(n * n_vocab, sizeof *logits);
    loss = calloc(n, sizeof *loss);
    ids = calloc(n, sizeof *ids);
    if (!logits || !loss || !ids)
        abort();
    memcpy(ids, t->data, t->bytes);
    WEIR_TRY_GOTO(weir_seq_open(&s, c->engine, err));
    WEIR_TRY_GOTO(weir_seq_append(s, ids, n, err));
    WEIR_TRY_GOTO(run_pending(s, 0, logits, err));
    for (size_t i = 0; i + 1 < n; i++) {
        const float *row = logits + i * n_vocab;
        double sum = 0;
        for (size_t v = 0; v < n_vocab; v++)
            sum += exp(row[v]);
        loss[i] = (float)(log(sum) - row[ids[i + 1]]);
    }
    char label[128];
    snprintf(label, sizeof label, "%s token_loss", c->name);
    weir_report_compare(c->report, label, loss, n - 1, ref, bound_rel, 1e-5);
fail:
    free(path);
    free(logits);
    free(loss);
    free(ids);
    weir_seq_close(&s);
    weir_safetensors_close(&grad);
    return status;
}

/* ---- cases ---- */

static weir_status read_ids(golden_run *run, const json_t *entry, const char *path,
                            weir_error *err) {
    const json_t *ids = json_object_get(entry, "input_ids");
    size_t n = json_array_size(ids),
           n_gen = json_array_size(json_object_get(entry, "generated_ids"));
    if (n == 0 || n > MOST_TOKENS || n_gen > MOST_TOKENS)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: run %s: expected input_ids with 1 to %d tokens", path, run->name,
                         MOST_TOKENS);
    run->n_prompt = (uint32_t)n;
    run->n_gen = (uint32_t)n_gen;
    run->ids = calloc(n, sizeof *run->ids);
    run->gen_ids = calloc(n_gen + 1, sizeof *run->gen_ids);
    if (!run->ids || !run->gen_ids)
        abort();
    for (size_t i = 0; i < n; i++)
        run->ids[i] = (int32_t)json_integer_value(json_array_get(ids, i));
    return WEIR_STATUS_OK;
}

static weir_status run_one(golden_case *c, const char *name, const json_t *entry, weir_error *err) {
    golden_run run = {.name = name};
    c->run = &run;
    weir_status status = WEIR_STATUS_OK;
    size_t n_vocab = c->model->h.n_vocab;
    WEIR_TRY_GOTO(read_ids(&run, entry, c->folder, err));
    c->n_batch = run.n_prompt + run.n_gen + 64;
    run.logits = calloc(run.n_prompt * n_vocab, sizeof *run.logits);
    run.gen_logits = calloc((run.n_gen + 1) * n_vocab, sizeof *run.gen_logits);
    if (!run.logits || !run.gen_logits)
        abort();
    WEIR_TRY_GOTO(open_engine(c, "f32", err));
    WEIR_TRY_GOTO(first_pass(c, err));
    WEIR_TRY_GOTO(chunked_pass(c, CHUNK, "in chunks of 7", err));
    WEIR_TRY_GOTO(chunked_pass(c, 1, "token by token", err));
    WEIR_TRY_GOTO(resumed_passes(c, err));
    if (strcmp(name, "main") == 0)
        WEIR_TRY_GOTO(compare_loss(c, err));
    WEIR_TRY_GOTO(default_pass(c, err));
fail:
    weir_engine_close(&c->engine);
    free(run.ids);
    free(run.gen_ids);
    free(run.logits);
    free(run.gen_logits);
    return status;
}

static weir_status run_case(golden_case *c, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    json_error_t where;
    char *ref = weir_path_join(c->folder, "ref_f64.safetensors");
    char *manifest = weir_path_join(c->folder, "manifest.json");
    const char *name;
    json_t *entry;
    if (!ref || !manifest)
        abort();
    WEIR_TRY_GOTO(weir_model_open(&c->model, c->folder, err));
    WEIR_TRY_GOTO(weir_safetensors_open(&c->ref, ref, err));
    c->is_seen = calloc(weir_safetensors_n_tensors(c->ref) + 1, sizeof *c->is_seen);
    if (!c->is_seen)
        abort();
    c->manifest = json_load_file(manifest, JSON_REJECT_DUPLICATES, &where);
    json_t *runs = json_object_get(c->manifest, "runs");
    if (!json_is_object(runs)) {
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s", manifest,
                           c->manifest ? "expected an object \"runs\"" : where.text);
        goto fail;
    }
    json_object_foreach(runs, name, entry) {
        WEIR_TRY_GOTO(run_one(c, name, entry, err));
    }
    report_unseen(c);
fail:
    free(c->is_seen);
    json_decref(c->manifest);
    weir_safetensors_close(&c->ref);
    weir_model_close(&c->model);
    free(ref);
    free(manifest);
    return status;
}

static weir_status try_case(void *context, const char *folder, const char *name, bool *is_refused,
                            weir_error *err) {
    golden_case c = *(const golden_case *)context;
    c.folder = folder;
    c.name = name;
    weir_status status = run_case(&c, err);
    *is_refused = c.is_refused;
    return status;
}

weir_status weir_selftest_golden(weir_report *report, const char *dir,
                                 const weir_selftest_options *options, weir_error *err) {
    golden_case c = {.report = report, .options = options};
    return weir_folder_each(report, dir, NULL, try_case, &c, err);
}
