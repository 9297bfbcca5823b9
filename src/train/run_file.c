/*
 * run_file.c: reads and checks a run file.
 *
 * Tables say which keys an object has, of what type and range; what a table cannot say stands in
 * the function of that object. The parser keeps one path for messages: where it is in the file.
 */
#include "train/run_file.h"

#include "base/compiler.h"
#include "base/ending.h"
#include "base/error.h"
#include "base/file.h"
#include "base/plain_locale.h"
#include "convert/hparams_meta.h"
#include "weir_train.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    MAX_FILE = 16 * 1024 * 1024,
    PATH_TEXT = 128,
    MAX_NAME = 64,
    MAX_TOKENS = 1 << 24, /* of a batch or a window */
    DEFAULT_MICRO = 4096
};

typedef struct reader {
    weir_run_file *file;
    const char *folder;
    weir_error *err;
} reader;

typedef enum field_type {
    FIELD_BOOL,
    FIELD_U32,
    FIELD_U64,
    FIELD_FLOAT,
    FIELD_DOUBLE,
    FIELD_TEXT,
    FIELD_PATH,   /* resolved */
    FIELD_CHOICE, /* int: index of the word in `words`, which are divided by | */
    FIELD_OTHER   /* read elsewhere */
} field_type;

/* A field that the file does not have keeps its default. */
typedef struct field {
    const char *key;
    field_type type;
    size_t offset;
    double min, max;
    const char *words;
} field;

/* ---- messages ------------------------------------------------------------------------------ */

static weir_status complain(const reader *r, const char *path, const char *key, const char *what) {
    bool has_both = *path && *key, is_whole = !*path && !*key;
    return weir_fail(r->err, WEIR_STATUS_BAD_FILE, "%s: %s%s%.64s%s%s", r->file->name, path,
                     has_both ? "." : "", key, is_whole ? "" : ": ", what);
}

static weir_status no_memory(const reader *r) {
    return weir_fail(r->err, WEIR_STATUS_NO_MEMORY, "%s: no memory to read it", r->file->name);
}

/* ---- fields -------------------------------------------------------------------------------- */

/* A copy that the file owns. Takes `text`, malloc'ed; NULL: there was no memory. */
static weir_status own(const reader *r, char *text, const char **out) {
    char **longer = NULL;
    if (text)
        longer = realloc(r->file->owned, (r->file->n_owned + 1) * sizeof *longer);
    if (!longer) {
        free(text);
        return no_memory(r);
    }
    r->file->owned = longer;
    longer[r->file->n_owned++] = text;
    *out = text;
    return WEIR_STATUS_OK;
}

static weir_status read_text(const reader *r, const json_t *value, const char *path,
                             const char *key, bool is_path, const char **out) {
    const char *text = json_string_value(value);
    if (!text || strlen(text) != json_string_length(value))
        return complain(r, path, key, "expected a string");
    if (is_path && !*text)
        return complain(r, path, key, "expected a path");
    bool is_joined = is_path && text[0] != '/';
    return own(r, is_joined ? weir_path_join(r->folder, text) : strdup(text), out);
}

static weir_status read_number(const reader *r, const json_t *value, const char *path,
                               const char *key, double min, double max, double *out) {
    char what[96];
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= min) || !(number <= max)) {
        snprintf(what, sizeof what, "expected a number from %g to %g", min, max);
        return complain(r, path, key, what);
    }
    *out = number;
    return WEIR_STATUS_OK;
}

static weir_status read_whole(const reader *r, const json_t *value, const char *path,
                              const char *key, double min, double max, uint64_t *out) {
    char what[96];
    double number = json_number_value(value); /* 8e7 is whole too */
    if (!json_is_number(value) || !(number >= min) || !(number <= max) || number != floor(number)) {
        snprintf(what, sizeof what, "expected a whole number from %.0f to %.0f", min, max);
        return complain(r, path, key, what);
    }
    *out = (uint64_t)number;
    return WEIR_STATUS_OK;
}

static weir_status read_choice(const reader *r, const json_t *value, const char *path,
                               const field *f, int *out) {
    const char *text = json_string_value(value);
    int index = 0;
    for (const char *word = f->words; text && *word; index++) {
        size_t n = strcspn(word, "|");
        if (strlen(text) == n && memcmp(word, text, n) == 0) {
            *out = index;
            return WEIR_STATUS_OK;
        }
        word += n + (word[n] == '|');
    }
    char what[96];
    snprintf(what, sizeof what, "expected one of %s", f->words);
    return complain(r, path, f->key, what);
}

static weir_status read_field(const reader *r, const json_t *value, const char *path,
                              const field *f, char *base) {
    void *to = base + f->offset;
    uint64_t whole = 0;
    double number = 0;
    switch (f->type) {
    case FIELD_BOOL:
        if (!json_is_boolean(value))
            return complain(r, path, f->key, "expected true or false");
        *(bool *)to = json_is_true(value);
        break;
    case FIELD_U32:
        WEIR_TRY(read_whole(r, value, path, f->key, f->min, f->max, &whole));
        *(uint32_t *)to = (uint32_t)whole;
        break;
    case FIELD_U64:
        WEIR_TRY(read_whole(r, value, path, f->key, f->min, f->max, &whole));
        *(uint64_t *)to = whole;
        break;
    case FIELD_FLOAT:
        WEIR_TRY(read_number(r, value, path, f->key, f->min, f->max, &number));
        *(float *)to = (float)number;
        break;
    case FIELD_DOUBLE:
        return read_number(r, value, path, f->key, f->min, f->max, to);
    case FIELD_TEXT:
    case FIELD_PATH:
        return read_text(r, value, path, f->key, f->type == FIELD_PATH, to);
    case FIELD_CHOICE:
        return read_choice(r, value, path, f, to);
    case FIELD_OTHER:
        break;
    }
    return WEIR_STATUS_OK;
}

/* An object by its table; keys that are not in it are refused. */
static weir_status read_fields(const reader *r, const json_t *object, const char *path,
                               const field *fields, size_t n, void *base) {
    if (!json_is_object(object))
        return complain(r, path, "", "expected a JSON object");
    /* jansson's iteration takes no constant object, and changes none. */
    json_t *readable = json_incref((json_t *)(uintptr_t)object);
    const char *key;
    json_t *value;
    weir_status status = WEIR_STATUS_OK;
    json_object_foreach(readable, key, value) {
        size_t i = 0;
        while (i < n && strcmp(fields[i].key, key) != 0)
            i++;
        status = i < n ? read_field(r, value, path, &fields[i], base)
                       : complain(r, path, key, "unknown key");
        if (status != WEIR_STATUS_OK)
            break;
    }
    json_decref(readable);
    return status;
}

/* ---- sources ------------------------------------------------------------------------------- */

#define MOST       9e15 /* whole numbers that a double holds exactly */
#define MOST_STEPS 1e12 /* their tokens are counted in 64 bits */

static weir_status check_name(const reader *r, const char *path, const char *name) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t n = name ? strlen(name) : 0;
    if (n == 0)
        return complain(r, path, "name", "is missing");
    if (n > MAX_NAME || strspn(name, letters) != n || name[0] == '.')
        return complain(r, path, "name",
                        "names a file: up to 64 letters, digits, '-', '_' and '.', no '.' first");
    return WEIR_STATUS_OK;
}

static weir_status check_kind(const reader *r, const char *path, const char *kind) {
    if (weir_gen_is_kind(kind))
        return WEIR_STATUS_OK;
    const char *const *kinds = weir_gen_kinds();
    char what[96] = "expected one of ";
    for (size_t n = strlen(what), i = 0; kinds[i] && n < sizeof what; i++)
        n += (size_t)snprintf(what + n, sizeof what - n, "%s%s", i > 0 ? "|" : "", kinds[i]);
    return complain(r, path, "kind", what);
}

static weir_status read_gen(const reader *r, const json_t *object, const char *above,
                            weir_run_source *source) {
    static const field fields[] = {
        {"kind", FIELD_TEXT, offsetof(weir_run_source, gen_kind), 0, 0, NULL},
        {"n", FIELD_U64, offsetof(weir_run_source, gen_n), 1, MOST, NULL},
        {"first", FIELD_U64, offsetof(weir_run_source, gen_first), 0, MOST, NULL},
        {"seed", FIELD_U64, offsetof(weir_run_source, gen_seed), 0, MOST, NULL},
        {"held_out", FIELD_BOOL, offsetof(weir_run_source, gen_held_out), 0, 0, NULL},
    };
    char path[PATH_TEXT];
    snprintf(path, sizeof path, "%.100s.gen", above);
    WEIR_TRY(read_fields(r, object, path, fields, WEIR_COUNT(fields), source));
    if (!source->gen_kind)
        return complain(r, path, "kind", "is missing");
    if (source->gen_n == 0)
        return complain(r, path, "n", "is missing");
    return check_kind(r, path, source->gen_kind);
}

/* Which rows have a split: those of a .jsonl, and documents of which a manifest says it. */
static weir_status check_split(const reader *r, const char *path, const weir_run_source *source) {
    bool is_text = source->path && (weir_ends_with(source->path, ".txt") ||
                                    weir_ends_with(source->path, ".txt.zst"));
    if (source->split && source->gen_kind)
        return complain(r, path, "split", "generated text has none");
    if (source->split && is_text && !source->manifest)
        return complain(r, path, "split",
                        "a text has no rows; expected also a 'manifest' that says the split of "
                        "each document");
    if (source->manifest && !(source->split && is_text))
        return complain(r, path, "manifest", "expected only with a .txt and a 'split'");
    return WEIR_STATUS_OK;
}

static weir_status read_source(const reader *r, const json_t *object, const char *path,
                               bool is_validation, weir_run_source *source) {
    static const field fields[] = {
        {"name", FIELD_TEXT, offsetof(weir_run_source, name), 0, 0, NULL},
        {"path", FIELD_PATH, offsetof(weir_run_source, path), 0, 0, NULL},
        {"gen", FIELD_OTHER, 0, 0, 0, NULL},
        {"split", FIELD_TEXT, offsetof(weir_run_source, split), 0, 0, NULL},
        {"manifest", FIELD_PATH, offsetof(weir_run_source, manifest), 0, 0, NULL},
        {"assistant_only", FIELD_BOOL, offsetof(weir_run_source, assistant_only), 0, 0, NULL},
        {"max_tokens", FIELD_U32, offsetof(weir_run_source, max_tokens), 2, MAX_TOKENS, NULL},
        {"weight", FIELD_DOUBLE, offsetof(weir_run_source, weight), 0, 1e9, NULL},
    };
    size_t n_fields = WEIR_COUNT(fields) - is_validation; /* which have no weight */
    source->weight = 1;
    WEIR_TRY(read_fields(r, object, path, fields, n_fields, source));
    WEIR_TRY(check_name(r, path, source->name));
    const json_t *gen = json_object_get(object, "gen");
    if (!gen == !source->path)
        return complain(r, path, "", "expected either 'path' or 'gen'");
    if (gen)
        WEIR_TRY(read_gen(r, gen, path, source));
    return check_split(r, path, source);
}

static weir_status read_sources(const reader *r, const json_t *root, const char *key,
                                weir_run_source *sources, size_t *n) {
    const json_t *list = json_object_get(root, key);
    if (list && (!json_is_array(list) || json_array_size(list) > WEIR_RUN_MAX_SOURCES))
        return complain(r, "", key, "expected a list of at most 64 sources");
    for (size_t i = 0; i < json_array_size(list); i++) {
        char path[PATH_TEXT];
        snprintf(path, sizeof path, "%s[%zu]", key, i);
        WEIR_TRY(read_source(r, json_array_get(list, i), path, sources == r->file->validation,
                             &sources[i]));
        *n = i + 1;
        for (size_t k = 0; k < r->file->n_sources + r->file->n_validation; k++) {
            const weir_run_source *other = k < r->file->n_sources
                                               ? &r->file->sources[k]
                                               : &r->file->validation[k - r->file->n_sources];
            if (other != &sources[i] && strcmp(other->name, sources[i].name) == 0)
                return complain(r, path, "name", "is another source's too");
        }
    }
    return WEIR_STATUS_OK;
}

/* ---- stages -------------------------------------------------------------------------------- */

static weir_status read_weights(const reader *r, const json_t *object, const char *above,
                                double weights[WEIR_RUN_MAX_SOURCES]) {
    char path[PATH_TEXT];
    field fields[WEIR_RUN_MAX_SOURCES];
    snprintf(path, sizeof path, "%.100s.weights", above);
    for (size_t i = 0; i < r->file->n_sources; i++) {
        fields[i] =
            (field){r->file->sources[i].name, FIELD_DOUBLE, i * sizeof *weights, 0, 1e9, NULL};
        weights[i] = 0;
    }
    return read_fields(r, object, path, fields, r->file->n_sources, weights);
}

static weir_status read_stage(const reader *r, const json_t *object, const char *path, bool is_last,
                              weir_run_stage *stage) {
    static const field fields[] = {
        {"until", FIELD_DOUBLE, offsetof(weir_run_stage, until), 0, 1, NULL},
        {"context", FIELD_U32, offsetof(weir_run_stage, context), 2, MAX_TOKENS, NULL},
        {"weights", FIELD_OTHER, 0, 0, 0, NULL},
    };
    weir_run_file *file = r->file;
    double before = file->n_stages ? file->stages[file->n_stages - 1].until : 0, sum = 0;
    stage->context = file->context;
    stage->until = is_last ? 1 : 0;
    WEIR_TRY(read_fields(r, object, path, fields, WEIR_COUNT(fields), stage));
    const json_t *weights = json_object_get(object, "weights");
    if (weights)
        WEIR_TRY(read_weights(r, weights, path, stage->weights));
    for (size_t i = 0; i < file->n_sources; i++) {
        if (!weights)
            stage->weights[i] = file->sources[i].weight;
        sum += stage->weights[i];
    }
    if (!(sum > 0))
        return complain(r, path, "weights", "no source has a weight above 0");
    if (!(stage->until > before))
        return complain(r, path, "until", "must be above that of the stage before");
    if (is_last && stage->until < 1)
        return complain(r, path, "until", "must be 1 in the last stage");
    return WEIR_STATUS_OK;
}

static weir_status read_stages(const reader *r, const json_t *root) {
    const json_t *list = json_object_get(root, "stages");
    size_t n = list ? json_array_size(list) : 1;
    if ((list && !json_is_array(list)) || n == 0 || n > WEIR_RUN_MAX_STAGES)
        return complain(r, "", "stages", "expected a list of 1 to 16 stages");
    json_t *only = json_object(); /* without a list: one stage that says nothing */
    weir_status status = only ? WEIR_STATUS_OK : no_memory(r);
    for (size_t i = 0; i < n && status == WEIR_STATUS_OK; i++) {
        char path[PATH_TEXT];
        snprintf(path, sizeof path, list ? "stages[%zu]" : "sources", i);
        status = read_stage(r, list ? json_array_get(list, i) : only, path, i + 1 == n,
                            &r->file->stages[i]);
        r->file->n_stages = i + 1;
    }
    json_decref(only);
    return status;
}

/* ---- the parts ----------------------------------------------------------------------------- */

static weir_status read_betas(const reader *r, const json_t *object) {
    const json_t *betas = json_object_get(object, "betas");
    double one, two;
    if (!betas)
        return WEIR_STATUS_OK;
    if (json_array_size(betas) != 2)
        return complain(r, "optimizer", "betas", "expected two numbers");
    WEIR_TRY(
        read_number(r, json_array_get(betas, 0), "optimizer", "betas[0]", 0.01, 0.99999, &one));
    WEIR_TRY(
        read_number(r, json_array_get(betas, 1), "optimizer", "betas[1]", 0.01, 0.99999, &two));
    r->file->optimizer.beta1 = (float)one;
    r->file->optimizer.beta2 = (float)two;
    return WEIR_STATUS_OK;
}

#define AT(member) offsetof(weir_run_file, member)

static weir_status read_parts(const reader *r, const json_t *root) {
    static const field optimizer[] = {
        {"kind", FIELD_CHOICE, AT(optimizer.kind), 0, 0, "adamw|muon"},
        {"learning_rate", FIELD_DOUBLE, AT(schedule.peak), 1e-9, 10, NULL},
        {"betas", FIELD_OTHER, 0, 0, 0, NULL},
        {"eps", FIELD_FLOAT, AT(optimizer.eps), 1e-20, 1, NULL},
        {"weight_decay", FIELD_FLOAT, AT(optimizer.weight_decay), 0, 10, NULL},
        {"clip", FIELD_FLOAT, AT(optimizer.clip), 0, 1e9, NULL},
        {"momentum", FIELD_FLOAT, AT(optimizer.momentum), 0.01, 0.99999, NULL},
    };
    static const field schedule[] = {
        {"kind", FIELD_CHOICE, AT(schedule.kind), 0, 0, "wsd|cosine|linear|constant"},
        {"warmup", FIELD_DOUBLE, AT(schedule.warmup), 0, 1, NULL},
        {"decay", FIELD_DOUBLE, AT(schedule.decay), 0, 1, NULL},
        {"floor", FIELD_DOUBLE, AT(schedule.floor), 0, 1, NULL},
        {"cosine_decay", FIELD_BOOL, AT(schedule.is_cosine_decay), 0, 0, NULL},
    };
    static const field router_bias[] = {
        {"rate", FIELD_FLOAT, AT(bias_rate), 0, 1, NULL},
        {"freeze", FIELD_DOUBLE, AT(bias_freeze), 0, 1, NULL},
    };
    static const field checkpoint[] = {
        {"every_steps", FIELD_U64, AT(save_steps), 0, MOST, NULL},
        {"every_seconds", FIELD_DOUBLE, AT(save_seconds), 0, 1e9, NULL},
        {"keep", FIELD_U32, AT(n_keep), 1, 1e6, NULL},
    };
    static const field eval[] = {
        {"every_steps", FIELD_U64, AT(eval_steps), 0, MOST, NULL},
        {"max_tokens", FIELD_U64, AT(eval_tokens), 0, MOST, NULL},
    };
    static const field samples[] = {
        {"every_steps", FIELD_U64, AT(sample_steps), 0, MOST, NULL},
        {"max_tokens", FIELD_U32, AT(sample_tokens), 1, MAX_TOKENS, NULL},
        {"temperature", FIELD_DOUBLE, AT(sample_temperature), 0, 100, NULL},
        {"prompts", FIELD_OTHER, 0, 0, 0, NULL},
    };
    static const field skip[] = {
        {"z", FIELD_DOUBLE, AT(skip_z), 0, 1e6, NULL},
        {"after", FIELD_U64, AT(skip_after), 2, MOST, NULL},
    };
    static const struct {
        const char *key;
        const field *fields;
        size_t n;
    } parts[] = {
        {"optimizer", optimizer, WEIR_COUNT(optimizer)},
        {"schedule", schedule, WEIR_COUNT(schedule)},
        {"router_bias", router_bias, WEIR_COUNT(router_bias)},
        {"checkpoint", checkpoint, WEIR_COUNT(checkpoint)},
        {"eval", eval, WEIR_COUNT(eval)},
        {"samples", samples, WEIR_COUNT(samples)},
        {"skip", skip, WEIR_COUNT(skip)},
    };
    for (size_t i = 0; i < WEIR_COUNT(parts); i++) {
        const json_t *object = json_object_get(root, parts[i].key);
        if (object)
            WEIR_TRY(read_fields(r, object, parts[i].key, parts[i].fields, parts[i].n, r->file));
    }
    return read_betas(r, json_object_get(root, "optimizer"));
}

/* A string is asked as a user's message; {"text": ...} is continued as it stands. */
static weir_status read_prompts(const reader *r, const json_t *root) {
    static const field raw[] = {{"text", FIELD_TEXT, offsetof(weir_run_prompt, text), 0, 0, NULL}};
    const json_t *list = json_object_get(json_object_get(root, "samples"), "prompts");
    if (list && (!json_is_array(list) || json_array_size(list) > WEIR_RUN_MAX_PROMPTS))
        return complain(r, "samples", "prompts", "expected a list of at most 32 prompts");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        weir_run_prompt *prompt = &r->file->prompts[i];
        char path[PATH_TEXT];
        snprintf(path, sizeof path, "samples.prompts[%zu]", i);
        prompt->is_raw = json_is_object(item);
        if (prompt->is_raw)
            WEIR_TRY(read_fields(r, item, path, raw, WEIR_COUNT(raw), prompt));
        else
            WEIR_TRY(read_text(r, item, path, "", false, &prompt->text));
        if (!prompt->text || !*prompt->text)
            return complain(r, path, prompt->is_raw ? "text" : "", "expected a text");
        r->file->n_prompts = i + 1;
    }
    if (r->file->sample_steps > 0 && r->file->n_prompts == 0)
        return complain(r, "samples", "prompts", "is missing");
    return WEIR_STATUS_OK;
}

/* Whether the model has them is seen when it is opened. */
static weir_status read_layers(const reader *r, const json_t *list) {
    weir_run_file *file = r->file;
    if (json_array_size(list) == 0 || json_array_size(list) > WEIR_MAX_LAYERS)
        return complain(r, "", "init_layers", "expected a list of 1 to 512 layers of 'init'");
    for (size_t i = 0; i < json_array_size(list); i++) {
        char key[PATH_TEXT];
        uint64_t layer = 0;
        snprintf(key, sizeof key, "init_layers[%zu]", i);
        WEIR_TRY(read_whole(r, json_array_get(list, i), "", key, 0, WEIR_MAX_LAYERS - 1, &layer));
        file->init_layers[i] = (uint32_t)layer;
    }
    file->n_init_layers = (uint32_t)json_array_size(list);
    return WEIR_STATUS_OK;
}

static weir_status read_model(const reader *r, const json_t *root) {
    weir_run_file *file = r->file;
    const json_t *model = json_object_get(root, "model");
    const json_t *layers = json_object_get(root, "init_layers");
    if (!model == !file->init)
        return complain(r, "", "model",
                        "expected either 'model' (a configuration) or 'init' (a "
                        "model to go on from)");
    if (!model)
        return layers ? read_layers(r, layers) : WEIR_STATUS_OK;
    if (file->init_share > 0 || layers)
        return complain(r, "", layers ? "init_layers" : "init_share", "expected only with 'init'");
    if (json_is_string(model)) {
        WEIR_TRY(read_text(r, model, "", "model", true, &file->config_path));
        file->config_name = file->config_path;
        return WEIR_STATUS_OK;
    }
    if (!json_is_object(model))
        return complain(r, "", "model",
                        "expected the path of a config.json, or an object with its keys");
    file->config_name = file->name;
    return own(r, json_dumps(model, JSON_COMPACT), &file->config);
}

/* ---- what must fit together ---------------------------------------------------------------- */

uint32_t weir_run_file_longest(const weir_run_file *file) {
    uint32_t longest = file->context;
    for (size_t i = 0; i < file->n_stages; i++)
        longest = file->stages[i].context > longest ? file->stages[i].context : longest;
    return longest;
}

size_t weir_run_file_stage(const weir_run_file *file, uint64_t step) {
    size_t i = 0;
    while (i + 1 < file->n_stages && (double)step >= file->stages[i].until * (double)file->n_steps)
        i++;
    return i;
}

/* Conversations are cut at the longest window, which must fit in one micro-batch. */
static weir_status fit_batch(const reader *r) {
    weir_run_file *file = r->file;
    uint32_t longest = weir_run_file_longest(file);
    for (size_t i = 0; i < file->n_sources + file->n_validation; i++) {
        weir_run_source *source =
            i < file->n_sources ? &file->sources[i] : &file->validation[i - file->n_sources];
        source->says_max_tokens = source->max_tokens > 0;
        if (!source->says_max_tokens)
            source->max_tokens = longest;
    }
    char what[128];
    if (file->micro_tokens == 0) {
        uint32_t n = 1;
        while (file->batch_tokens / n >= longest &&
               (file->batch_tokens % n != 0 || file->batch_tokens / n > DEFAULT_MICRO))
            n++;
        file->micro_tokens = file->batch_tokens / n;
        if (file->micro_tokens < longest)
            file->micro_tokens = file->batch_tokens;
    }
    if (file->micro_tokens < longest) {
        snprintf(what, sizeof what, "%u tokens, but a window has up to %u (context)",
                 file->micro_tokens, longest);
        return complain(r, "",
                        file->micro_tokens == file->batch_tokens ? "batch_tokens" : "micro_tokens",
                        what);
    }
    if (file->batch_tokens % file->micro_tokens != 0) {
        snprintf(what, sizeof what, "must divide batch_tokens (%u)", file->batch_tokens);
        return complain(r, "", "micro_tokens", what);
    }
    return WEIR_STATUS_OK;
}

static weir_status read_root(const reader *r, const json_t *root) {
    static const field fields[] = {
        {"model", FIELD_OTHER, 0, 0, 0, NULL},
        {"init", FIELD_PATH, AT(init), 0, 0, NULL},
        {"init_share", FIELD_FLOAT, AT(init_share), 0, 1, NULL},
        {"init_layers", FIELD_OTHER, 0, 0, 0, NULL},
        {"tokenizer", FIELD_PATH, AT(tokenizer), 0, 0, NULL},
        {"out", FIELD_PATH, AT(out), 0, 0, NULL},
        {"seed", FIELD_U64, AT(seed), 0, MOST, NULL},
        {"sources", FIELD_OTHER, 0, 0, 0, NULL},
        {"validation", FIELD_OTHER, 0, 0, 0, NULL},
        {"stages", FIELD_OTHER, 0, 0, 0, NULL},
        {"tokens", FIELD_OTHER, 0, 0, 0, NULL},
        {"steps", FIELD_U64, AT(n_steps), 1, MOST_STEPS, NULL},
        {"context", FIELD_U32, AT(context), 2, MAX_TOKENS, NULL},
        {"batch_tokens", FIELD_U32, AT(batch_tokens), 2, MAX_TOKENS, NULL},
        {"micro_tokens", FIELD_U32, AT(micro_tokens), 2, MAX_TOKENS, NULL},
        {"optimizer", FIELD_OTHER, 0, 0, 0, NULL},
        {"schedule", FIELD_OTHER, 0, 0, 0, NULL},
        {"router_bias", FIELD_OTHER, 0, 0, 0, NULL},
        {"checkpoint", FIELD_OTHER, 0, 0, 0, NULL},
        {"eval", FIELD_OTHER, 0, 0, 0, NULL},
        {"samples", FIELD_OTHER, 0, 0, 0, NULL},
        {"skip", FIELD_OTHER, 0, 0, 0, NULL},
        {"recompute", FIELD_BOOL, AT(recompute), 0, 0, NULL},
        {"exact", FIELD_BOOL, AT(is_exact), 0, 0, NULL},
    };
    weir_run_file *file = r->file;
    const json_t *tokens = json_object_get(root, "tokens");
    uint64_t n_tokens = 0;
    WEIR_TRY(read_fields(r, root, "", fields, WEIR_COUNT(fields), file));
    WEIR_TRY(read_model(r, root));
    if (!file->tokenizer)
        return complain(r, "", "tokenizer", "is missing");
    WEIR_TRY(read_sources(r, root, "sources", file->sources, &file->n_sources));
    if (file->n_sources == 0)
        return complain(r, "", "sources", "expected at least one");
    WEIR_TRY(read_sources(r, root, "validation", file->validation, &file->n_validation));
    if (!tokens == !file->n_steps)
        return complain(r, "", "tokens", "expected either 'tokens' or 'steps'");
    if (tokens) {
        WEIR_TRY(read_whole(r, tokens, "", "tokens", 1, MOST, &n_tokens));
        file->n_steps = (n_tokens + file->batch_tokens - 1) / file->batch_tokens;
    }
    WEIR_TRY(read_stages(r, root));
    WEIR_TRY(read_parts(r, root));
    WEIR_TRY(read_prompts(r, root));
    if (file->schedule.warmup +
            (file->schedule.kind == WEIR_SCHEDULE_WSD ? file->schedule.decay : 0) >
        1)
        return complain(r, "schedule", "warmup", "with 'decay' it is more than the whole run");
    file->schedule.n_steps = file->n_steps;
    return fit_batch(r);
}

static void set_defaults(weir_run_file *file) {
    file->context = 512;
    file->batch_tokens = 16384;
    file->optimizer.weight_decay = 0.1f;
    file->optimizer.clip = 1;
    file->schedule.peak = 1e-3;
    file->schedule.warmup = 0.02;
    file->schedule.decay = 0.2;
    file->schedule.floor = 0.05;
    file->bias_rate = 1e-3f;
    file->bias_freeze = 0.1;
    file->save_seconds = 600;
    file->n_keep = 2;
    file->eval_tokens = 100000;
    file->sample_tokens = 100;
    file->sample_temperature = 0.8;
    file->skip_after = 100;
}

weir_status weir_run_file_parse(weir_run_file *out, const char *text, size_t n, const char *name,
                                const char *folder, weir_error *err) {
    *out = (weir_run_file){.name = name};
    set_defaults(out);
    reader r = {out, folder, err};
    json_error_t where;
    weir_status status = own(&r, strdup(name), &out->name);
    if (status != WEIR_STATUS_OK) {
        weir_run_file_free(out);
        return status;
    }
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
    if (root)
        status = read_root(&r, root);
    else
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:%d:%d: %s", out->name, where.line,
                           where.column, where.text);
    json_decref(root);
    if (status != WEIR_STATUS_OK)
        weir_run_file_free(out);
    return status;
}

weir_status weir_run_file_read(weir_run_file *out, const char *path, weir_error *err) {
    *out = (weir_run_file){0};
    char *text = NULL, *config = NULL, *folder = weir_path_folder(path);
    size_t n = 0;
    weir_status status;
    if (!folder)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to read it", path);
    WEIR_TRY_GOTO(weir_file_read(path, MAX_FILE, &text, &n, err));
    WEIR_TRY_GOTO(weir_run_file_parse(out, text, n, path, folder, err));
    if (out->config_path) {
        reader r = {out, folder, err};
        WEIR_TRY_GOTO(weir_file_read(out->config_path, MAX_FILE, &config, &n, err));
        status = own(&r, config, &out->config);
        config = NULL;
    }
fail:
    free(text);
    free(config);
    free(folder);
    if (status != WEIR_STATUS_OK)
        weir_run_file_free(out);
    return status;
}

void weir_run_file_free(weir_run_file *file) {
    for (size_t i = 0; i < file->n_owned; i++)
        free(file->owned[i]);
    free(file->owned);
    *file = (weir_run_file){0};
}

/* ---- the hash ------------------------------------------------------------------------------ */

/* Every number in a form that loses nothing. */
static void print_all(const weir_run_file *f, FILE *to) {
    fprintf(to, "seed %llu steps %llu context %u batch %u micro %u exact %d\n",
            (unsigned long long)f->seed, (unsigned long long)f->n_steps, f->context,
            f->batch_tokens, f->micro_tokens, f->is_exact);
    fprintf(to, "optimizer %d %a %a %a %a %a %a\n", (int)f->optimizer.kind,
            (double)f->optimizer.beta1, (double)f->optimizer.beta2, (double)f->optimizer.eps,
            (double)f->optimizer.weight_decay, (double)f->optimizer.clip,
            (double)f->optimizer.momentum);
    fprintf(to, "schedule %d %a %a %a %a %d\n", (int)f->schedule.kind, f->schedule.peak,
            f->schedule.warmup, f->schedule.decay, f->schedule.floor, f->schedule.is_cosine_decay);
    fprintf(to, "bias %a %a skip %a %llu\n", (double)f->bias_rate, f->bias_freeze, f->skip_z,
            (unsigned long long)f->skip_after);
    for (size_t i = 0; i < f->n_stages; i++) {
        fprintf(to, "stage %a %u", f->stages[i].until, f->stages[i].context);
        for (size_t k = 0; k < f->n_sources; k++)
            fprintf(to, " %a", f->stages[i].weights[k]);
        fputc('\n', to);
    }
    for (size_t i = 0; i < f->n_sources; i++)
        fprintf(to, "source %s\n", f->sources[i].name);
    for (uint32_t i = 0; i < f->n_init_layers; i++)
        fprintf(to, "layer %u\n", f->init_layers[i]);
}

weir_status weir_run_file_hash(const weir_run_file *file, const weir_hparams *h, uint64_t *hash,
                               weir_error *err) {
    char *text = NULL, *config = weir_hparams_to_json(h, weir_format_by_id(WEIR_FORMAT_F32));
    size_t n = 0;
    FILE *to = config ? open_memstream(&text, &n) : NULL;
    if (to) {
        weir_plain_locale locale = weir_plain_locale_begin();
        fprintf(to, "%s\n", config);
        print_all(file, to);
        weir_plain_locale_end(locale);
    }
    bool is_whole = to && !ferror(to);
    if (to && fclose(to) != 0)
        is_whole = false;
    if (is_whole)
        *hash = XXH64(text, n, 0);
    free(text);
    free(config);
    return is_whole ? WEIR_STATUS_OK
                    : weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to read it", file->name);
}
