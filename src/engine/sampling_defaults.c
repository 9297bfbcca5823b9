/*
 * sampling_defaults.c: the sampling a model's makers recommend, and samplers for a model.
 *
 * Knows where recommendations stand (GGUF metadata, generation_config.json) and, for models whose
 * files carry none, the published ones by name. Every value can be overridden and the source is
 * always told. Invariant: what it gives passes weir_sampling_check; a file whose values do not is
 * passed over.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/sampling.h"
#include "model/model.h"

enum { MAX_JSON_BYTES = 1024 * 1024 };

typedef struct recommendation {
    const char *name; /* occurs in the model's name: any case, '-', '_' and ' ' are the same */
    const char *source;
    float temperature;
    uint32_t top_k;
    float min_p, repetition_penalty;
} recommendation;

#define FOR(name) name, "recommended for " name

/* The more specific before the more general. */
static const recommendation RECOMMENDED[] = {
    {FOR("LFM2.5-8B-A1B"), 0.2f, 80, 0, 1.05f},
    {FOR("LFM2.5-2.6B"), 0.1f, 50, 0, 1.1f},
    {FOR("LFM2.5-1.2B-Thinking"), 0.05f, 50, 0, 1.05f},
    {FOR("LFM2.5-1.2B-JP"), 0.3f, 0, 0.15f, 1.05f},
    {FOR("LFM2.5-1.2B-Instruct"), 0.1f, 50, 0, 1.05f},
    {FOR("LFM2.5-VL"), 0.1f, 0, 0.15f, 1.05f},
    {FOR("LFM2-VL"), 0.1f, 0, 0.15f, 1.05f},
    {FOR("LFM2-24B-A2B"), 0.1f, 50, 0, 1.05f},
    {FOR("LFM2-8B-A1B"), 0.3f, 0, 0.15f, 1.05f},
    {FOR("LFM2-2.6B"), 0.3f, 0, 0.15f, 1.05f},
    {FOR("LFM2-1.2B-Tool"), 0, 0, 0, 1},
    {FOR("LFM2-1.2B-Extract"), 0, 0, 0, 1},
    {FOR("LFM2-1.2B"), 0.3f, 0, 0.15f, 1.05f},
    {FOR("LFM2-700M"), 0.3f, 0, 0.15f, 1.05f},
    {FOR("LFM2-350M"), 0.3f, 0, 0.15f, 1.05f},
};

/* ---- by name -------------------------------------------------------------------------------- */

static char fold(char c) {
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '_' || c == ' ' ? '-' : c;
}

static bool contains(const char *text, const char *part) {
    for (; *text != 0; text++) {
        size_t i = 0;
        while (part[i] != 0 && fold(text[i]) == fold(part[i]))
            i++;
        if (part[i] == 0)
            return true;
    }
    return false;
}

static const recommendation *find_by_name(const char *name) {
    for (size_t i = 0; i < WEIR_COUNT(RECOMMENDED); i++)
        if (contains(name, RECOMMENDED[i].name))
            return &RECOMMENDED[i];
    return NULL;
}

/* ---- from files ----------------------------------------------------------------------------- */

/* What a file says; NaN where it says nothing. */
typedef struct stated {
    double temperature, top_k, top_p, min_p, repetition_penalty, repeat_last_n;
    bool is_greedy; /* it says so */
    bool is_drawn;  /* it says so */
} stated;

static const stated NOTHING = {NAN, NAN, NAN, NAN, NAN, NAN, false, false};

static void set_f32(float *out, double value) {
    if (!isnan(value))
        *out = (float)value;
}

/* False: nothing stated, or something out of range. */
static bool fill(weir_sampling *out, const stated *f, uint32_t n_vocab) {
    const bool has_filter = !isnan(f->top_k) || !isnan(f->top_p) || !isnan(f->min_p);
    if (isnan(f->temperature) && isnan(f->repetition_penalty) && !has_filter && !f->is_drawn &&
        !f->is_greedy)
        return false;
    weir_sampling s;
    weir_sampling_neutral(&s);
    /* A filter without a temperature means the usual temperature 1. */
    if (f->is_drawn || has_filter)
        s.temperature = 1;
    set_f32(&s.temperature, f->temperature);
    if (f->is_greedy)
        s.temperature = 0;
    set_f32(&s.top_p, f->top_p);
    set_f32(&s.min_p, f->min_p);
    set_f32(&s.repetition_penalty, f->repetition_penalty);
    if (f->top_k > 0) /* others write 0 or -1 for all */
        s.top_k = f->top_k < (double)n_vocab ? (uint32_t)f->top_k : 0;
    if (f->repeat_last_n == 0) /* as llama.cpp means it: no token is looked at; -1 is all */
        s.repetition_penalty = 1;
    if (f->repeat_last_n > 0 && f->repeat_last_n < (double)UINT32_MAX)
        s.repeat_last_n = (uint32_t)f->repeat_last_n;
    if (weir_sampling_check(&s, n_vocab, NULL) != WEIR_STATUS_OK)
        return false;
    *out = s;
    return true;
}

static void read_key(const weir_gguf *g, const char *key, double *out) {
    const weir_gguf_kv *kv = weir_gguf_find(g, key);
    double value;
    if (kv != NULL && kv->type != WEIR_GGUF_ARRAY && weir_gguf_as_f64(kv, 0, &value))
        *out = value;
}

static stated read_metadata(const weir_gguf *g) {
    stated f = NOTHING;
    read_key(g, "general.sampling.temp", &f.temperature);
    read_key(g, "general.sampling.top_k", &f.top_k);
    read_key(g, "general.sampling.top_p", &f.top_p);
    read_key(g, "general.sampling.min_p", &f.min_p);
    read_key(g, "general.sampling.penalty_repeat", &f.repetition_penalty);
    read_key(g, "general.sampling.penalty_last_n", &f.repeat_last_n);
    return f;
}

static void read_field(const json_t *root, const char *key, double *out) {
    const json_t *value = json_object_get(root, key);
    if (json_is_number(value))
        *out = json_number_value(value);
}

static stated read_generation_config(const char *folder) {
    stated f = NOTHING;
    char *text = NULL;
    size_t n;
    char *path = weir_path_join(folder, "generation_config.json");
    json_t *root = NULL;
    if (path != NULL && weir_file_read(path, MAX_JSON_BYTES, &text, &n, NULL) == WEIR_STATUS_OK)
        root = json_loadb(text, n, 0, NULL);
    read_field(root, "temperature", &f.temperature);
    read_field(root, "top_k", &f.top_k);
    read_field(root, "top_p", &f.top_p);
    read_field(root, "min_p", &f.min_p);
    read_field(root, "repetition_penalty", &f.repetition_penalty);
    f.is_drawn = json_is_true(json_object_get(root, "do_sample"));
    f.is_greedy = json_is_false(json_object_get(root, "do_sample"));
    json_decref(root);
    free(text);
    free(path);
    return f;
}

/* ---- all ------------------------------------------------------------------------------------ */

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static const char *choose(weir_sampling *out, const weir_model *model) {
    const weir_gguf *g = weir_model_gguf(model);
    const stated f = g != NULL ? read_metadata(g) : read_generation_config(weir_model_path(model));
    if (fill(out, &f, model->h.n_vocab))
        return g != NULL ? "file metadata" : "generation_config.json";
    const recommendation *r = find_by_name(model->info.name);
    if (r == NULL) /* files are renamed less often than their general.name is forgotten */
        r = find_by_name(last_part(weir_model_path(model)));
    weir_sampling_neutral(out);
    if (r == NULL)
        return "none: greedy";
    out->temperature = r->temperature;
    out->top_k = r->top_k < model->h.n_vocab ? r->top_k : 0;
    out->min_p = r->min_p;
    out->repetition_penalty = r->repetition_penalty;
    return r->source;
}

void weir_sampling_for_model(weir_sampling *out, const weir_model *model, const char **source) {
    const char *from = choose(out, model);
    if (source != NULL)
        *source = from;
}

weir_status weir_sampler_open(weir_sampler **out, const weir_model *model,
                              const weir_sampling *sampling, weir_error *err) {
    if (out == NULL || model == NULL)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "weir_sampler_open: %s is NULL",
                         out == NULL ? "out" : "model");
    *out = NULL;
    weir_sampling defaults;
    if (sampling == NULL) {
        weir_sampling_for_model(&defaults, model, NULL);
        sampling = &defaults;
    }
    return weir_sampler_open_for(out, model->h.n_vocab, sampling, err);
}
