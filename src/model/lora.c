/*
 * lora.c: reads adapters in both file forms and binds them to a model. See lora.h.
 *
 * Every tensor of the file must be one half of an adapter for a matrix that the model has; one that
 * is for nothing is an error, because an adapter of which a part is ignored does something else
 * than what was trained.
 */
#include "model/lora.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/ending.h"
#include "base/error.h"
#include "base/file.h"
#include "base/half.h"
#include "model/model_internal.h"

static const char peft_config[] = "adapter_config.json";
static const char peft_weights[] = "adapter_model.safetensors";

/* ---- names ---------------------------------------------------------------------------------- */

bool weir_lora_may_adapt(weir_part part) {
    const weir_part_names *names = weir_part_get_names(part);
    return names->is_layer && (names->is_matrix || part == WEIR_PART_ROUTER);
}

void weir_lora_peft_name(char out[WEIR_LORA_NAME], weir_part part, uint32_t layer, uint32_t expert,
                         bool is_b) {
    static const char ending[] = ".weight";
    char name[WEIR_HF_NAME];
    weir_part_hf_name(name, part, layer, expert);
    int n = (int)(strlen(name) - strlen(ending));
    snprintf(out, WEIR_LORA_NAME, "base_model.model.%.*s.lora_%c.weight", n, name,
             is_b ? 'B' : 'A');
}

void weir_lora_gguf_name(char out[WEIR_LORA_NAME], weir_part part, uint32_t layer, bool is_b) {
    char name[WEIR_GGUF_NAME];
    weir_part_gguf_name(name, part, layer);
    snprintf(out, WEIR_LORA_NAME, "%s.lora_%c", name, is_b ? 'b' : 'a');
}

/* ---- the file ------------------------------------------------------------------------------- */

typedef struct source {
    const char *path;
    weir_gguf *gguf; /* or */
    weir_safetensors *safetensors;
    double alpha;
    bool is_rank_stabilized;
    size_t n_used; /* tensors that were asked for and there */
} source;

/* One half of one matrix, or of a stack of experts in GGUF; NULL: not there. */
static const weir_tensor *find_half(source *s, weir_part part, uint32_t layer, uint32_t expert,
                                    bool is_b) {
    char name[WEIR_LORA_NAME];
    const weir_tensor *found;
    if (s->gguf) {
        weir_lora_gguf_name(name, part, layer, is_b);
        found = weir_gguf_find_tensor(s->gguf, name);
    } else {
        weir_lora_peft_name(name, part, layer, expert, is_b);
        found = weir_safetensors_find(s->safetensors, name);
    }
    if (found)
        s->n_used++;
    return found;
}

static weir_status check_half(const source *s, const weir_tensor *t, uint64_t n_stack,
                              uint64_t rows, uint64_t cols, weir_error *err) {
    bool is_stack = n_stack > 0;
    uint32_t n_dims = is_stack ? 3 : 2;
    const uint64_t *shape = t->shape + (is_stack ? 1 : 0);
    if (!t->format)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s is %s, expected a number format",
                         s->path, t->name, weir_tensor_type_name(t));
    if (t->n_dims != n_dims || (is_stack && t->shape[0] != n_stack) || shape[0] != rows ||
        shape[1] != cols)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: %s does not fit the model, expected %s[%llu, %llu]", s->path, t->name,
                         is_stack ? "a stack of " : "", (unsigned long long)rows,
                         (unsigned long long)cols);
    return WEIR_STATUS_OK;
}

/* Both halves, which fit the matrix and each other; *rank 0: neither is there. */
static weir_status find_pair(source *s, const weir_weight *base, weir_part part, uint32_t layer,
                             uint32_t expert, uint64_t n_stack, const weir_tensor **a,
                             const weir_tensor **b, uint32_t *rank, weir_error *err) {
    *a = find_half(s, part, layer, expert, false);
    *b = find_half(s, part, layer, expert, true);
    *rank = 0;
    if (!*a && !*b)
        return WEIR_STATUS_OK;
    if (!*a || !*b)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s has no other half (lora_%c)", s->path,
                         (*a ? *a : *b)->name, *a ? 'B' : 'A');
    uint64_t r = (*a)->n_dims >= 2 ? (*a)->shape[(*a)->n_dims - 2] : 0;
    if (r == 0 || r > (base->rows > base->cols ? base->rows : base->cols))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s: no rank, or one beyond the matrix",
                         s->path, (*a)->name);
    WEIR_TRY(check_half(s, *a, n_stack, r, base->cols, err));
    WEIR_TRY(check_half(s, *b, n_stack, base->rows, r, err));
    *rank = (uint32_t)r;
    return WEIR_STATUS_OK;
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* Widens `rows` rows from row `first` of a tensor, NULL: leaves zeros. */
static weir_status read_rows(const source *s, const weir_tensor *t, uint64_t first, uint32_t rows,
                             uint32_t cols, float *to, weir_error *err) {
    if (!t)
        return WEIR_STATUS_OK;
    if (cols % t->format->block_values != 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s: rows of %u do not divide into %s",
                         s->path, t->name, cols, t->format->name);
    size_t row_bytes = weir_format_row_bytes(t->format, cols);
    for (uint32_t r = 0; r < rows; r++) {
        float *row = to + (size_t)r * cols;
        t->format->dequantize(t->data + (first + r) * row_bytes, row, cols);
        for (uint32_t i = 0; i < cols; i++)
            if (!isfinite(row[i]))
                return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s: row %llu holds a %g", s->path,
                                 t->name, (unsigned long long)(first + r), (double)row[i]);
    }
    return WEIR_STATUS_OK;
}

/* A matrix of the arena as a weight. */
static weir_weight weight_of(float *values, uint32_t rows, uint32_t cols) {
    return (weir_weight){.data = (const uint8_t *)values,
                         .format = weir_format_by_id(WEIR_FORMAT_F32),
                         .rows = rows,
                         .cols = cols,
                         .row_bytes = cols * sizeof(float)};
}

/* ---- binding -------------------------------------------------------------------------------- */

/* One matrix, or one stack: takes memory for it and, where there is some, reads it. */
static weir_status bind_part(weir_lora *lora, source *s, weir_arena *arena, uint32_t layer,
                             weir_part part, weir_error *err) {
    const weir_weight *base = weir_part_find(lora->model, part, layer).weight;
    bool is_stack = weir_part_get_names(part)->is_stack;
    uint32_t n = is_stack ? lora->model->h.n_experts : 1, rank = 0;
    const weir_tensor *a, *b;
    if (!base)
        return WEIR_STATUS_OK;
    /* The rank: that of the first expert that has one; all must agree. */
    size_t n_used = s->n_used;
    for (uint32_t e = 0; e < n; e++) {
        uint32_t own;
        WEIR_TRY(
            find_pair(s, base, part, layer, e, is_stack && s->gguf ? n : 0, &a, &b, &own, err));
        if (own == 0)
            continue;
        if (rank != 0 && own != rank)
            return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                             "%s: %s has rank %u, an expert before it %u: expected one rank",
                             s->path, a->name, own, rank);
        rank = own;
        if (s->gguf) {
            n_used += 2;
            break;
        }
    }
    if (rank == 0)
        return WEIR_STATUS_OK;
    if (s->gguf)
        s->n_used = n_used;
    weir_lora_pair *pair = weir_arena_take(arena, sizeof *pair);
    weir_weight *pa = weir_arena_take_array(arena, n, sizeof *pa);
    weir_weight *pb = weir_arena_take_array(arena, n, sizeof *pb);
    float *va = weir_arena_take_array(arena, (size_t)n * rank, base->cols * sizeof(float));
    float *vb = weir_arena_take_array(arena, (size_t)n * rank, base->rows * sizeof(float));
    if (!arena->base)
        return WEIR_STATUS_OK;
    size_t a_values = (size_t)rank * base->cols, b_values = (size_t)rank * base->rows;
    for (uint32_t e = 0; e < n; e++) {
        uint32_t own;
        WEIR_TRY(
            find_pair(s, base, part, layer, e, is_stack && s->gguf ? n : 0, &a, &b, &own, err));
        uint64_t at = s->gguf ? e : 0;
        WEIR_TRY(read_rows(s, a, at * rank, rank, base->cols, va + e * a_values, err));
        WEIR_TRY(read_rows(s, b, at * base->rows, base->rows, rank, vb + e * b_values, err));
        pa[e] = weight_of(va + e * a_values, rank, base->cols);
        pb[e] = weight_of(vb + e * b_values, base->rows, rank);
        lora->n_matrices += own > 0;
        lora->n_params += own > 0 ? a_values + b_values : 0;
    }
    double divisor = s->is_rank_stabilized ? sqrt(rank) : rank;
    *pair = (weir_lora_pair){.a = pa, .b = pb, .rank = rank, .scale = (float)(s->alpha / divisor)};
    lora->pairs[(size_t)layer * WEIR_N_PARTS + part] = pair;
    lora->rank = rank > lora->rank ? rank : lora->rank;
    uint64_t key[3] = {layer, (uint64_t)part, weir_f32_bits(pair->scale)};
    lora->fingerprint = XXH64(key, sizeof key, lora->fingerprint);
    lora->fingerprint = XXH64(va, n * a_values * sizeof(float), lora->fingerprint);
    lora->fingerprint = XXH64(vb, n * b_values * sizeof(float), lora->fingerprint);
    return WEIR_STATUS_OK;
}

static weir_status bind_all(weir_lora *lora, source *s, weir_arena *arena, weir_error *err) {
    uint32_t n_layers = lora->model->h.n_layers;
    s->n_used = 0;
    lora->pairs =
        weir_arena_take_array(arena, (size_t)n_layers * WEIR_N_PARTS, sizeof *lora->pairs);
    for (uint32_t layer = 0; layer < n_layers; layer++)
        for (uint32_t part = 0; part < WEIR_N_PARTS; part++)
            if (weir_lora_may_adapt((weir_part)part))
                WEIR_TRY(bind_part(lora, s, arena, layer, (weir_part)part, err));
    return WEIR_STATUS_OK;
}

/* Is a tensor of this name one that bind_all asks for? */
static bool is_asked_for(source *s, const weir_model *model, const char *name) {
    char wanted[WEIR_LORA_NAME];
    for (uint32_t layer = 0; layer < model->h.n_layers; layer++)
        for (uint32_t part = 0; part < WEIR_N_PARTS; part++) {
            if (!weir_lora_may_adapt((weir_part)part) ||
                !weir_part_find(model, (weir_part)part, layer).weight)
                continue;
            bool is_stack = weir_part_get_names((weir_part)part)->is_stack && !s->gguf;
            for (uint32_t e = 0; e < (is_stack ? model->h.n_experts : 1); e++)
                for (int b = 0; b < 2; b++) {
                    if (s->gguf)
                        weir_lora_gguf_name(wanted, (weir_part)part, layer, b == 1);
                    else
                        weir_lora_peft_name(wanted, (weir_part)part, layer, e, b == 1);
                    if (strcmp(wanted, name) == 0)
                        return true;
                }
        }
    return false;
}

static weir_status check_all_used(source *s, const weir_model *model, weir_error *err) {
    size_t n = s->gguf ? weir_gguf_n_tensors(s->gguf) : weir_safetensors_n_tensors(s->safetensors);
    if (n == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: an adapter without tensors", s->path);
    if (s->n_used == n)
        return WEIR_STATUS_OK;
    for (size_t i = 0; i < n; i++) {
        const weir_tensor *t =
            s->gguf ? weir_gguf_tensor_at(s->gguf, i) : weir_safetensors_at(s->safetensors, i);
        if (!is_asked_for(s, model, t->name))
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: %s is for no matrix of this model (names as in docs/lora.md)",
                             s->path, t->name);
    }
    return WEIR_STATUS_OK;
}

/* ---- headers -------------------------------------------------------------------------------- */

/* As a float32 too, and times the root of a rank. */
static bool is_alpha(double alpha) {
    return fabs(alpha) > 1e-30 && fabs(alpha) < 1e30;
}

static weir_status read_gguf_header(source *s, const weir_model *model, weir_error *err) {
    static const char *const keys[] = {"general.type", "adapter.type", "general.architecture"};
    const char *expected[] = {"adapter", "lora", model->info.arch};
    for (size_t i = 0; i < WEIR_COUNT(keys); i++) {
        const weir_gguf_kv *kv = weir_gguf_find(s->gguf, keys[i]);
        weir_text text = {0};
        if (!kv || !weir_gguf_as_text(kv, 0, &text) || text.size != strlen(expected[i]) ||
            memcmp(text.data, expected[i], text.size) != 0)
            return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s is '%.*s', expected '%s'", s->path,
                             keys[i],
                             (int)(text.size < WEIR_SHOWN_TEXT ? text.size : WEIR_SHOWN_TEXT),
                             text.data ? text.data : "", expected[i]);
    }
    const weir_gguf_kv *kv = weir_gguf_find(s->gguf, "adapter.lora.alpha");
    if (!kv || !weir_gguf_as_f64(kv, 0, &s->alpha) || !is_alpha(s->alpha))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: adapter.lora.alpha: expected a number other than 0", s->path);
    return WEIR_STATUS_OK;
}

/* Methods that are no plain LoRA change what the two matrices mean. */
static weir_status refuse_other_methods(const source *s, const json_t *config, weir_error *err) {
    static const char *const flags[] = {"use_dora", "fan_in_fan_out", "lora_bias"};
    static const char *const maps[] = {"rank_pattern", "alpha_pattern"};
    static const char *const inits[] = {"pissa", "olora", "corda", "loftq"};
    const char *type = json_string_value(json_object_get(config, "peft_type"));
    if (type && strcmp(type, "LORA") != 0)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "%s: peft_type is '%.60s', expected LORA",
                         s->path, type);
    for (size_t i = 0; i < WEIR_COUNT(flags); i++)
        if (json_is_true(json_object_get(config, flags[i])))
            return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "%s: %s is not supported", s->path,
                             flags[i]);
    for (size_t i = 0; i < WEIR_COUNT(maps); i++)
        if (json_object_size(json_object_get(config, maps[i])) > 0)
            return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "%s: %s is not supported", s->path,
                             maps[i]);
    const char *init = json_string_value(json_object_get(config, "init_lora_weights"));
    for (size_t i = 0; init && i < WEIR_COUNT(inits); i++)
        if (strncmp(init, inits[i], strlen(inits[i])) == 0)
            return weir_fail(
                err, WEIR_STATUS_UNSUPPORTED,
                "%s: init_lora_weights is '%.60s', which trains beside a changed base; "
                "save the adapter as one for the original base",
                s->path, init);
    const char *bias = json_string_value(json_object_get(config, "bias"));
    if (bias && strcmp(bias, "none") != 0)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "%s: bias is '%.60s', expected none",
                         s->path, bias);
    const json_t *saved = json_object_get(config, "modules_to_save");
    if (saved && !json_is_null(saved) && json_array_size(saved) > 0)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED, "%s: modules_to_save is not supported",
                         s->path);
    return WEIR_STATUS_OK;
}

static weir_status read_peft_header(source *s, const char *folder, weir_error *err) {
    char *path = weir_path_join(folder, peft_config), *text = NULL;
    json_t *config = NULL;
    size_t n;
    weir_status status = WEIR_STATUS_OK;
    if (!path)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its path", folder);
    WEIR_TRY_GOTO(weir_file_read(path, WEIR_MAX_CONFIG_BYTES, &text, &n, err));
    WEIR_TRY_GOTO(weir_config_parse(&config, text, n, path, err));
    WEIR_TRY_GOTO(refuse_other_methods(s, config, err));
    const json_t *alpha = json_object_get(config, "lora_alpha");
    s->alpha = json_number_value(alpha); /* 0 if it is none */
    if (!is_alpha(s->alpha)) {
        status = weir_fail(err, WEIR_STATUS_BAD_FILE,
                           "%s: lora_alpha: expected a number other than 0", path);
        goto fail;
    }
    s->is_rank_stabilized = json_is_true(json_object_get(config, "use_rslora"));
fail:
    json_decref(config);
    free(text);
    free(path);
    return status;
}

static weir_status open_source(source *s, const char *path, const weir_model *model,
                               weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    char *folder = NULL, *weights = NULL;
    s->path = path;
    bool is_weights = weir_ends_with(path, peft_weights);
    if (!weir_path_is_folder(path) && !is_weights) {
        WEIR_TRY(weir_gguf_open(&s->gguf, path, err));
        return read_gguf_header(s, model, err);
    }
    folder = is_weights ? weir_path_folder(path) : strdup(path);
    weights = is_weights ? strdup(path) : weir_path_join(path, peft_weights);
    if (!folder || !weights) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its path", path);
        goto fail;
    }
    WEIR_TRY_GOTO(weir_safetensors_open(&s->safetensors, weights, err));
    WEIR_TRY_GOTO(read_peft_header(s, folder, err));
fail:
    free(folder);
    free(weights);
    return status;
}

/* ---- handles -------------------------------------------------------------------------------- */

static void set_name(weir_lora *lora, const char *path) {
    const char *end = path + strlen(path);
    while (end > path && end[-1] == '/')
        end--;
    const char *base = end;
    while (base > path && base[-1] != '/')
        base--;
    int n = (int)(end - base);
    if (n > 5 && strncmp(end - 5, ".gguf", 5) == 0)
        n -= 5;
    snprintf(lora->name, sizeof lora->name, "%.*s", n, base);
}

weir_status weir_lora_open(weir_lora **out, weir_model *model, const char *path, weir_error *err) {
    source s = {0};
    weir_arena measure = {0};
    weir_status status = WEIR_STATUS_OK;
    *out = NULL;
    weir_lora *lora = calloc(1, sizeof *lora);
    if (!lora)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for an adapter", path);
    atomic_init(&lora->n_refs, 1);
    lora->model = weir_model_share(model);
    set_name(lora, path);
    WEIR_TRY_GOTO(open_source(&s, path, model, err));
    lora->form = s.gguf ? "gguf" : "peft";
    lora->alpha = (float)s.alpha;
    lora->is_rank_stabilized = s.is_rank_stabilized;
    WEIR_TRY_GOTO(bind_all(lora, &s, &measure, err));
    WEIR_TRY_GOTO(check_all_used(&s, model, err));
    WEIR_TRY_GOTO(weir_arena_open(&lora->arena, measure.used, "an adapter", err));
    WEIR_TRY_GOTO(bind_all(lora, &s, &lora->arena, err));
    *out = lora;
fail:
    weir_gguf_close(&s.gguf);
    weir_safetensors_close(&s.safetensors);
    if (status != WEIR_STATUS_OK)
        weir_lora_close(&lora);
    return status;
}

weir_lora *weir_lora_share(weir_lora *lora) {
    atomic_fetch_add_explicit(&lora->n_refs, 1, memory_order_relaxed);
    return lora;
}

void weir_lora_close(weir_lora **lora) {
    weir_lora *l = lora ? *lora : NULL;
    if (!l)
        return;
    *lora = NULL;
    if (atomic_fetch_sub_explicit(&l->n_refs, 1, memory_order_acq_rel) > 1)
        return;
    weir_arena_close(&l->arena);
    weir_model_close(&l->model);
    free(l);
}

void weir_lora_get_info(const weir_lora *lora, weir_lora_info *out) {
    *out = (weir_lora_info){.name = lora->name,
                            .form = lora->form,
                            .rank = lora->rank,
                            .alpha = lora->alpha,
                            .n_matrices = lora->n_matrices,
                            .n_params = lora->n_params,
                            .bytes = lora->arena.size};
}

uint64_t weir_loras_bytes(weir_lora *const *loras, size_t n) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += loras[i]->arena.size;
    return bytes;
}

const weir_lora_pair *weir_lora_find(const weir_lora *lora, uint32_t layer, weir_part part) {
    return lora->pairs[(size_t)layer * WEIR_N_PARTS + part];
}
