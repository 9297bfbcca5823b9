/*
 * source.c: see source.h. A GGUF's tensors are taken as they are listed there; those of a folder
 * are the ones its hyperparameters call for, found in the bound model.
 *
 * Invariant: the tensors listed are those of the GGUF that is to be written, in its order.
 */
#include "convert/source.h"

#include <assert.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/ending.h"
#include "base/error.h"
#include "base/file.h"
#include "convert/hparams_meta.h"
#include "convert/sampling_meta.h"
#include "text/hf_tokenizer.h"

/* Where the rows of a tensor are. */
typedef struct place {
    const uint8_t *data; /* all rows; NULL: see stack */
    const weir_weight
        *stack; /* [n_rows / stack_rows] experts of stack_rows each; NULL too: zeros */
    bool is_mapped;
    uint64_t n_dropped; /* rows at the front whose pages were given back */
} place;

struct weir_source {
    weir_model *model;
    weir_source_tensor *tensors; /* [n_tensors] */
    place *places;               /* [n_tensors] */
    size_t n_tensors;
    /* of a folder */
    const weir_packings *packings; /* the model's; NULL: nothing is packed */
    weir_layout layout;
    weir_token_table tokens;
    bool has_tokens;
};

/* ---- what there is ------------------------------------------------------------------------- */

static weir_status reserve(weir_source *s, size_t n, weir_error *err) {
    s->tensors = calloc(n > 0 ? n : 1, sizeof *s->tensors);
    s->places = calloc(n > 0 ? n : 1, sizeof *s->places);
    if (s->tensors == NULL || s->places == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    s->n_tensors = n;
    return WEIR_STATUS_OK;
}

/* What follows from shape and format. */
static void finish(weir_source_tensor *t) {
    t->n_rows = 1;
    t->n_cols = t->n_dims > 0 ? t->shape[t->n_dims - 1] : 1;
    for (uint32_t i = 0; i + 1 < t->n_dims; i++)
        t->n_rows *= t->shape[i];
    t->stack_rows = t->n_dims > 2 && t->shape[0] > 0 ? t->n_rows / t->shape[0] : t->n_rows;
    t->row_bytes = weir_format_row_bytes(t->format, t->n_cols);
}

static weir_status list_gguf(weir_source *s, weir_error *err) {
    const weir_gguf *g = weir_model_gguf(s->model);
    WEIR_TRY(reserve(s, weir_gguf_n_tensors(g), err));
    for (size_t i = 0; i < s->n_tensors; i++) {
        const weir_tensor *from = weir_gguf_tensor_at(g, i);
        weir_source_tensor *t = &s->tensors[i];
        *t = (weir_source_tensor){.name = from->name,
                                  .n_dims = from->n_dims,
                                  .format = from->format,
                                  .is_matrix = weir_layout_is_matrix(from->name)};
        memcpy(t->shape, from->shape, sizeof t->shape);
        finish(t);
        s->places[i] = (place){.data = from->data, .is_mapped = true};
    }
    return WEIR_STATUS_OK;
}

/* Where row `row` begins; NULL: zeros. */
static const uint8_t *row_at(const weir_source_tensor *t, const place *p, uint64_t row) {
    if (p->stack != NULL)
        return p->stack[row / t->stack_rows].data + row % t->stack_rows * t->row_bytes;
    return p->data != NULL ? p->data + row * t->row_bytes : NULL;
}

/* Any of its experts is enough. */
static bool is_packed(const weir_source *s, const weir_source_tensor *t, const place *p) {
    for (uint64_t row = 0; s->packings && p->is_mapped && row < t->n_rows; row += t->stack_rows)
        if (weir_packings_own(s->packings, row_at(t, p, row)))
            return true;
    return false;
}

/* Where the bound model has the values of a planned tensor. No values at all: an expert bias that
 * the model does not have; zeros choose the same experts. */
static void find_place(const weir_source *s, const weir_planned *planned, weir_source_tensor *t,
                       place *p) {
    weir_part_data found = weir_part_find(s->model, planned->part, planned->layer);
    if (!found.weight) {
        t->format = weir_format_by_id(WEIR_FORMAT_F32);
        p->data = (const uint8_t *)found.values;
        return;
    }
    t->format = found.weight->format;
    p->is_mapped = true;
    if (weir_part_get_names(planned->part)->is_stack)
        p->stack = found.weight;
    else
        p->data = found.weight->data;
}

static weir_status list_folder(weir_source *s, weir_error *err) {
    WEIR_TRY(weir_layout_make(&s->layout, &s->model->h, err));
    WEIR_TRY(reserve(s, s->layout.n_tensors, err));
    for (size_t i = 0; i < s->n_tensors; i++) {
        const weir_planned *planned = &s->layout.tensors[i];
        weir_source_tensor *t = &s->tensors[i];
        *t = (weir_source_tensor){
            .name = planned->name, .n_dims = planned->n_dims, .is_matrix = planned->is_matrix};
        memcpy(t->shape, planned->shape, sizeof t->shape);
        find_place(s, planned, t, &s->places[i]);
        finish(t);
        t->is_foreign = is_packed(s, t, &s->places[i]);
    }
    return WEIR_STATUS_OK;
}

static weir_status open_source(weir_source *s, const char *path, weir_error *err) {
    WEIR_TRY(weir_model_open(&s->model, path, err));
    s->packings = weir_model_packings(s->model);
    if (s->model->is_hollow)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "%s: the file has no weights, only the seed they are made from; expected "
                         "one made without --hollow",
                         path);
    if (weir_model_gguf(s->model) != NULL)
        return list_gguf(s, err);
    WEIR_TRY(list_folder(s, err));
    const weir_hparams *h = &s->model->h;
    weir_vocab_hint hint = {h->n_vocab, h->bos, h->eos, h->pad};
    return weir_hf_tokenizer_read(&s->tokens, &s->has_tokens, path, &hint, err);
}

weir_status weir_source_open(weir_source **out, const char *path, weir_error *err) {
    *out = NULL;
    weir_source *s = calloc(1, sizeof *s);
    if (s == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to read it", path);
    weir_status status = open_source(s, path, err);
    if (status != WEIR_STATUS_OK) {
        weir_source_close(&s);
        return status;
    }
    *out = s;
    return WEIR_STATUS_OK;
}

void weir_source_close(weir_source **source) {
    weir_source *s = *source;
    if (s == NULL)
        return;
    weir_token_table_close(&s->tokens);
    weir_layout_free(&s->layout);
    free(s->tensors);
    free(s->places);
    weir_model_close(&s->model);
    free(s);
    *source = NULL;
}

const char *weir_source_path(const weir_source *s) {
    return weir_model_path(s->model);
}

const weir_model *weir_source_model(const weir_source *s) {
    return s->model;
}

const weir_token_table *weir_source_tokens(const weir_source *s, bool *has_tokens) {
    *has_tokens = s->has_tokens;
    return weir_model_gguf(s->model) == NULL ? &s->tokens : NULL;
}

const weir_source_tensor *weir_source_tensors(const weir_source *s, size_t *n) {
    *n = s->n_tensors;
    return s->tensors;
}

/* ---- rows ---------------------------------------------------------------------------------- */

const uint8_t *weir_source_row(const weir_source *s, size_t i, uint64_t row, uint8_t *scratch) {
    const weir_source_tensor *t = &s->tensors[i];
    assert(i < s->n_tensors && row < t->n_rows);
    const uint8_t *data = row_at(t, &s->places[i], row);
    if (data == NULL)
        return memset(scratch, 0, t->row_bytes);
    if (!t->is_foreign || !weir_packings_own(s->packings, data))
        return data;
    weir_packings_row(s->packings, data, scratch);
    return scratch;
}

static void drop(const weir_source *s, const uint8_t *data, size_t bytes) {
    weir_packing_piece pieces[WEIR_PACKING_PIECES] = {{data, bytes}};
    size_t n = 1;
    if (s->packings && weir_packings_own(s->packings, data))
        n = weir_packings_stored(s->packings, data, bytes, pieces);
    for (size_t i = 0; i < n; i++)
        weir_model_drop_pages(s->model, pieces[i].data, pieces[i].bytes);
}

void weir_source_drop(const weir_source *s, size_t i, uint64_t row) {
    const weir_source_tensor *t = &s->tensors[i];
    place *p = &s->places[i];
    assert(i < s->n_tensors && row <= t->n_rows);
    if (!p->is_mapped)
        return;
    while (p->n_dropped < row) { /* experts may lie anywhere */
        uint64_t first = p->n_dropped, n = row - first;
        uint64_t left_in_expert = t->stack_rows - first % t->stack_rows;
        if (p->stack != NULL && n > left_in_expert)
            n = left_in_expert;
        drop(s, row_at(t, p, first), (size_t)n * t->row_bytes);
        p->n_dropped += n;
    }
}

/* ---- files --------------------------------------------------------------------------------- */

/* Length and time of the last change of one file; 0 for one that is not there. */
static uint64_t stamp_of(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0)
        return 0;
    const int64_t of[] = {st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
    return XXH3_64bits(of, sizeof of);
}

/* Of all weights of a folder; a sum, because a folder has no order. */
static uint64_t stamp_of_folder(const char *folder) {
    uint64_t sum = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char *path =
            weir_ends_with(e->d_name, ".safetensors") ? weir_path_join(folder, e->d_name) : NULL;
        if (path != NULL)
            sum += stamp_of(path) ^ XXH3_64bits(e->d_name, strlen(e->d_name));
        free(path);
    }
    if (dir != NULL)
        closedir(dir);
    return sum;
}

uint64_t weir_source_stamp(const weir_source *s) {
    const weir_gguf *g = weir_model_gguf(s->model);
    const char *last = NULL;
    uint64_t sum = 0;
    if (g == NULL)
        return stamp_of_folder(weir_source_path(s));
    for (size_t i = 0; i < weir_gguf_n_tensors(g); i++) { /* part after part */
        const char *path = weir_gguf_tensor_at(g, i)->path;
        if (last == NULL || strcmp(last, path) != 0)
            sum += stamp_of(path);
        last = path;
    }
    return sum;
}

/* ---- metadata ------------------------------------------------------------------------------ */

/* What was said about the old matrices does not hold for new ones. */
static bool is_about_type(const char *key) {
    static const char imatrix[] = "quantize.imatrix.", quality[] = "weir.quality.";
    return strcmp(key, "general.file_type") == 0 ||
           strcmp(key, "general.quantization_version") == 0 ||
           strncmp(key, imatrix, sizeof imatrix - 1) == 0 ||
           strncmp(key, quality, sizeof quality - 1) == 0;
}

const weir_format *weir_source_main_format(const weir_source *s) {
    uint64_t bytes[WEIR_FORMAT_LIMIT] = {0};
    const weir_format *most = weir_format_by_id(WEIR_FORMAT_F32);
    for (size_t i = 0; i < s->n_tensors; i++) {
        const weir_source_tensor *t = &s->tensors[i];
        if (!t->is_matrix)
            continue;
        bytes[t->format->id] += t->n_rows * t->row_bytes;
        if (bytes[t->format->id] > bytes[most->id])
            most = t->format;
    }
    return most;
}

weir_status weir_source_add_meta(const weir_source *s, weir_gguf_writer *w,
                                 const weir_format *main_type, weir_error *err) {
    const weir_gguf *g = weir_model_gguf(s->model);
    if (g == NULL) {
        weir_hparams_add_meta(w, &s->model->h, s->model->info.name);
        weir_format_add_meta(w, main_type != NULL ? main_type : weir_source_main_format(s));
        weir_token_table_add_meta(w, &s->tokens, s->has_tokens);
        return weir_sampling_add_meta(w, weir_source_path(s), err);
    }
    for (size_t i = 0; i < weir_gguf_n_kv(g); i++) {
        const weir_gguf_kv *kv = weir_gguf_kv_at(g, i);
        if (main_type == NULL || !is_about_type(kv->key))
            weir_gguf_add_kv(w, kv);
    }
    if (main_type != NULL)
        weir_format_add_meta(w, main_type);
    return WEIR_STATUS_OK;
}
