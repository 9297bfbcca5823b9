/*
 * model_open.c: opens and closes models.
 *
 * Owns what a model is made from: the mapped files, the parsed config, the arena with the bound
 * layers, and the count of handles. Invariant: whoever holds a handle sees an immutable model; the
 * last handle to close frees everything.
 */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "model/model_internal.h"
#include "model/synth_values.h"

static const char CONFIG_NAME[] = "config.json";

/* ---- names ---------------------------------------------------------------------------------- */

/* Makes at most WEIR_MODEL_NAME_BYTES - 1 bytes of foreign text printable. */
static void set_name(struct weir_model_source *s, const char *text, size_t n) {
    if (n >= WEIR_MODEL_NAME_BYTES) {
        n = WEIR_MODEL_NAME_BYTES - 1;
        while (n > 0 && ((uint8_t)text[n] & 0xc0u) == 0x80u) /* not inside a UTF-8 sequence */
            n--;
    }
    for (size_t i = 0; i < n; i++)
        s->name[i] = (uint8_t)text[i] < 0x20u || text[i] == 0x7f ? '?' : text[i];
    s->name[n] = 0;
}

static bool has_only_digits(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

/* Length of "NAME" in "NAME.gguf" and in "NAME-00001-of-00003.gguf". */
static size_t stem_length(const char *base) {
    static const char suffix[] = ".gguf";
    enum { N_DIGITS = 5, N_PART = 1 + N_DIGITS + 4 + N_DIGITS };
    size_t n = strlen(base), n_suffix = sizeof suffix - 1;
    if (n <= n_suffix || strcmp(base + n - n_suffix, suffix) != 0)
        return n;
    n -= n_suffix;
    if (n <= N_PART)
        return n;
    const char *part = base + n - N_PART;
    bool is_part = part[0] == '-' && has_only_digits(part + 1, N_DIGITS) &&
                   memcmp(part + 1 + N_DIGITS, "-of-", 4) == 0 &&
                   has_only_digits(part + N_PART - N_DIGITS, N_DIGITS);
    return is_part ? n - N_PART : n;
}

/* The base name of the path. Downloaded models lie under models--ORG--NAME/snapshots/REVISION,
 * where the base name says nothing. */
static void set_name_from_path(struct weir_model_source *s) {
    char *full = realpath(s->path, NULL);
    const char *path = full != NULL ? full : s->path;
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    size_t n = stem_length(base);
    const char *cached = strstr(path, "/models--");
    const char *snapshots = cached != NULL ? strstr(cached, "/snapshots/") : NULL;
    if (s->safetensors != NULL && snapshots != NULL) {
        const char *name = cached + 1;
        for (const char *p = cached; p + 1 < snapshots; p++)
            if (p[0] == '-' && p[1] == '-')
                name = p + 2;
        base = name;
        n = (size_t)(snapshots - name);
    }
    set_name(s, base, n);
    free(full);
}

static void choose_name(struct weir_model_source *s) {
    const weir_gguf_kv *kv = s->gguf != NULL ? weir_gguf_find(s->gguf, "general.name") : NULL;
    weir_text text;
    if (kv != NULL && kv->type == WEIR_GGUF_STRING && weir_gguf_as_text(kv, 0, &text) &&
        text.size > 0)
        set_name(s, text.data, text.size);
    else
        set_name_from_path(s);
}

/* ---- opening -------------------------------------------------------------------------------- */

static weir_status list_config_keys(struct weir_model_source *s, const char *path,
                                    weir_error *err) {
    size_t n = json_object_size(s->config);
    s->config_key = calloc(n > 0 ? n : 1, sizeof *s->config_key);
    if (s->config_key == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for %zu keys", path, n);
    const char *key;
    json_t *value;
    json_object_foreach(s->config, key, value) {
        s->config_key[s->n_config_keys++] = key;
    }
    return WEIR_STATUS_OK;
}

static weir_status read_config(weir_model *m, const char *path, weir_error *err) {
    char *text = NULL;
    size_t n;
    weir_status status;
    WEIR_TRY_GOTO(weir_file_read(path, WEIR_MAX_CONFIG_BYTES, &text, &n, err));
    WEIR_TRY_GOTO(weir_hparams_from_json(&m->h, text, n, path, err));
    WEIR_TRY_GOTO(weir_config_parse(&m->source->config, text, n, path, err));
    WEIR_TRY_GOTO(list_config_keys(m->source, path, err));
fail:
    free(text);
    return status;
}

static weir_status open_folder(weir_model *m, const char *path, weir_error *err) {
    char *config_path = weir_path_join(path, CONFIG_NAME);
    if (config_path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its name", path);
    weir_status status =
        weir_path_exists(config_path)
            ? read_config(m, config_path, err)
            : weir_fail(err, WEIR_STATUS_BAD_FILE,
                        "%s: a folder without %s, expected a GGUF file or a folder with %s and "
                        "*.safetensors",
                        path, CONFIG_NAME, CONFIG_NAME);
    free(config_path);
    return status == WEIR_STATUS_OK ? weir_safetensors_open(&m->source->safetensors, path, err)
                                    : status;
}

/* Of a file without matrices. */
static weir_status read_synth_seed(weir_model *m, const char *path, weir_error *err) {
    const weir_gguf_kv *kv = weir_gguf_find(m->source->gguf, WEIR_SYNTH_SEED_KEY);
    if (kv == NULL)
        return WEIR_STATUS_OK;
    m->is_hollow = true;
    if (kv->n_items != 1 || !weir_gguf_as_u64(kv, 0, &m->synth_seed))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s: expected a whole number", path,
                         WEIR_SYNTH_SEED_KEY);
    return WEIR_STATUS_OK;
}

static weir_status open_file(weir_model *m, const char *path, weir_error *err) {
    WEIR_TRY(weir_gguf_open(&m->source->gguf, path, err));
    WEIR_TRY(weir_hparams_from_gguf(&m->h, m->source->gguf, err));
    return read_synth_seed(m, path, err);
}

static weir_model *new_model(const char *path) {
    weir_model *m = calloc(1, sizeof *m);
    struct weir_model_source *s = calloc(1, sizeof *s);
    char *copy = strdup(path);
    if (m == NULL || s == NULL || copy == NULL) {
        free(m);
        free(s);
        free(copy);
        return NULL;
    }
    s->path = copy;
    atomic_init(&s->n_refs, 1);
    m->source = s;
    return m;
}

/* Packed tensors are shown to binding as what they unpack to; the fingerprint is of what is stored,
 * so it is taken before. */
static weir_status open_any(weir_model *m, const char *path, weir_error *err) {
    struct weir_model_source *s = m->source;
    bool is_folder = weir_path_is_folder(path);
    WEIR_TRY(is_folder ? open_folder(m, path, err) : open_file(m, path, err));
    m->fingerprint = weir_model_make_fingerprint(m);
    if (!is_folder)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_packings_open(&s->packings, err));
    weir_status status = weir_packings_fold(s->packings, s->safetensors, s->config, err);
    return status == WEIR_STATUS_OK ? status : weir_fail_within(err, status, "%s", path);
}

weir_status weir_model_open(weir_model **out, const char *path, weir_error *err) {
    if (out == NULL)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "weir_model_open: out is NULL");
    *out = NULL;
    if (path == NULL || path[0] == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "weir_model_open: no path, expected a GGUF file or a model folder");
    weir_model *m = new_model(path);
    if (m == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the model", path);
    weir_status status;
    WEIR_TRY_GOTO(open_any(m, path, err));
    status = weir_model_bind(m, err);
    if (status != WEIR_STATUS_OK) {
        weir_fail_within(err, status, "%s", path);
        goto fail;
    }
    choose_name(m->source);
    weir_model_fill_info(m);
    *out = m;
    return WEIR_STATUS_OK;
fail:
    weir_model_close(&m);
    return status;
}

weir_model *weir_model_share(weir_model *model) {
    atomic_fetch_add_explicit(&model->source->n_refs, 1, memory_order_relaxed);
    return model;
}

void weir_model_close(weir_model **model) {
    if (model == NULL || *model == NULL)
        return;
    weir_model *m = *model;
    struct weir_model_source *s = m->source;
    *model = NULL;
    /* Release: our reads come before another thread's free. Acquire: theirs before ours. */
    unsigned n_before = atomic_fetch_sub_explicit(&s->n_refs, 1, memory_order_acq_rel);
    assert(n_before > 0);
    if (n_before > 1)
        return;
    weir_gguf_close(&s->gguf);
    weir_safetensors_close(&s->safetensors);
    weir_packings_close(&s->packings);
    free(s->config_key);
    json_decref(s->config);
    weir_arena_close(&s->arena);
    free(s->path);
    free(s);
    free(m);
}

bool weir_model_prefer_huge(const weir_model *model) {
    const struct weir_model_source *s = model->source;
    if (s == NULL)
        return false;
    return s->gguf != NULL ? weir_gguf_prefer_huge(s->gguf)
                           : weir_safetensors_prefer_huge(s->safetensors);
}

/* ---- the source ----------------------------------------------------------------------------- */

size_t weir_model_source_n_tensors(const struct weir_model_source *s) {
    return s->gguf != NULL ? weir_gguf_n_tensors(s->gguf)
                           : weir_safetensors_n_tensors(s->safetensors);
}

const weir_tensor *weir_model_source_tensor_at(const struct weir_model_source *s, size_t i) {
    return s->gguf != NULL ? weir_gguf_tensor_at(s->gguf, i)
                           : weir_safetensors_at(s->safetensors, i);
}

const weir_tensor *weir_model_source_find(const struct weir_model_source *s, const char *name) {
    return s->gguf != NULL ? weir_gguf_find_tensor(s->gguf, name)
                           : weir_safetensors_find(s->safetensors, name);
}

const weir_gguf *weir_model_gguf(const weir_model *model) {
    return model->source->gguf;
}

const weir_safetensors *weir_model_safetensors(const weir_model *model) {
    return model->source->safetensors;
}

const char *weir_model_path(const weir_model *model) {
    return model->source->path;
}

const weir_packings *weir_model_packings(const weir_model *model) {
    const weir_packings *packings = model->source != NULL ? model->source->packings : NULL;
    return packings != NULL && weir_packings_has_any(packings) ? packings : NULL;
}

weir_status weir_model_unpack(const weir_model *model, uint32_t n_threads,
                              const weir_progress *progress, weir_error *err) {
    if (model->is_hollow)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "%s: the file has no weights, only the seed they are made from, which "
                         "device 'cuda' does; expected that, or a file made without --hollow",
                         model->source->path);
    if (weir_model_packings(model) == NULL)
        return WEIR_STATUS_OK;
    weir_status status = weir_packings_fill(model->source->packings, n_threads, progress, err);
    return status == WEIR_STATUS_OK ? status
                                    : weir_fail_within(err, status, "%s", model->source->path);
}

uint64_t weir_model_owned_bytes(const weir_model *model) {
    return model->source->arena.size;
}

void weir_model_drop_pages(const weir_model *model, const uint8_t *data, size_t bytes) {
    /* A model without a source was built by hand in ordinary memory, which this would destroy. */
    if (!model->source)
        return;
    /* Nor does a file hold unpacked rows. */
    const weir_packings *packings = weir_model_packings(model);
    if (packings != NULL && weir_packings_own(packings, data))
        return;
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)data / page_bytes * page_bytes;
    madvise((void *)begin, (uintptr_t)data + bytes - begin, MADV_DONTNEED);
}
