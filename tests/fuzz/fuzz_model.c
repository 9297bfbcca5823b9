/*
 * fuzz_model.c: any bytes as the files that make up a model: metadata, config, tensors, the parts
 * of a split, the index of shards, the recommended sampling. What opens is walked and a plan of its
 * memory made, what does not says why in one line.
 *
 * The first byte chooses: bits 0 and 1 a form, which is a list of file names; with bit 2 what opens
 * is converted too, and the file made of it must be the same model; bits 3 and 4 its type. Each
 * file but the last is a length (u16, little-endian) and so many bytes; the last takes the rest. An
 * empty one is not written, unless it is the last. The files lie in a folder of this program's own,
 * in memory where the system has such a place.
 */
#include "base/compiler.h"
#include "engine/sampling.h"
#include "fuzz/walk_tensors.h"
#include "model/model.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FILES = 4, FORM_BITS = 3, CONVERT_BIT = 4, TYPE_SHIFT = 3, TYPE_BITS = 3 };

typedef struct form {
    const char *opened; /* "": the folder */
    const char *file[MAX_FILES];
} form;

static const form FORMS[FORM_BITS + 1] = {
    {"model.gguf", {"model.gguf"}},
    {"p-00002-of-00002.gguf", {"p-00001-of-00002.gguf", "p-00002-of-00002.gguf"}},
    {"", {"config.json", "generation_config.json", "model.safetensors"}},
    {"", {"config.json", "model.safetensors.index.json", "a-1.safetensors", "a-2.safetensors"}},
};

static const char CONVERTED[] = "converted.gguf";

static char folder[64];

static const char *in_folder(const char *name) {
    static char path[sizeof folder + 64];
    snprintf(path, sizeof path, "%s%s%s", folder, name[0] ? "/" : "", name);
    return path;
}

static void remove_files(const form *f) {
    for (size_t i = 0; i < MAX_FILES && f->file[i]; i++)
        unlink(in_folder(f->file[i]));
}

static void remove_folder(void) {
    for (size_t i = 0; i < WEIR_COUNT(FORMS); i++)
        remove_files(&FORMS[i]);
    unlink(in_folder(CONVERTED));
    rmdir(folder);
}

static void make_folder(void) {
    strcpy(folder, "/dev/shm/weir_fuzz_XXXXXX");
    if (!mkdtemp(folder)) {
        strcpy(folder, "weir_fuzz_XXXXXX");
        walk_require(mkdtemp(folder) != NULL);
    }
    atexit(remove_folder);
}

static void write_files(const form *f, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < MAX_FILES && f->file[i]; i++) {
        bool is_last = i + 1 == MAX_FILES || !f->file[i + 1];
        size_t n = size;
        if (!is_last) {
            n = size < 2 ? 0 : (size_t)data[0] | (size_t)data[1] << 8;
            size_t n_head = size < 2 ? size : 2;
            data += n_head;
            size -= n_head;
            n = n < size ? n : size;
        }
        if (n == 0 && !is_last)
            continue;
        FILE *file = fopen(in_folder(f->file[i]), "wb");
        walk_require(file != NULL && fwrite(data, 1, n, file) == n && fclose(file) == 0);
        data += n;
        size -= n;
    }
}

/* ---- what opened --------------------------------------------------------------------------- */

static volatile uint8_t sink;

static void touch_weight(const weir_weight *w) {
    if (w->rows == 0)
        return; /* a layer of the other kind */
    walk_require(w->format != NULL && w->cols % w->format->block_values == 0);
    sink = (uint8_t)(w->data[0] ^ w->data[(size_t)w->rows * w->row_bytes - 1]);
}

static void touch_floats(const float *x, size_t n) {
    volatile float sum = x ? x[0] + x[n - 1] : 0;
    (void)sum;
}

static void walk_layer(const weir_model *m, const weir_layer *l) {
    const weir_hparams *h = &m->h;
    const weir_weight *const weights[] = {&l->conv_in,  &l->conv_out, &l->attn_q,   &l->attn_k,
                                          &l->attn_v,   &l->attn_out, &l->ffn_gate, &l->ffn_up,
                                          &l->ffn_down, &l->router};
    for (size_t i = 0; i < WEIR_COUNT(weights); i++)
        touch_weight(weights[i]);
    for (uint32_t i = 0; l->is_moe && i < h->n_experts; i++) {
        touch_weight(&l->experts_gate[i]);
        touch_weight(&l->experts_up[i]);
        touch_weight(&l->experts_down[i]);
    }
    touch_floats(l->operator_norm, h->d_model);
    touch_floats(l->ffn_norm, h->d_model);
    touch_floats(l->conv_taps, (size_t)h->d_model * h->l_cache);
    touch_floats(l->conv_in_bias, (size_t)h->d_model * 3);
    touch_floats(l->conv_bias, h->d_model);
    touch_floats(l->conv_out_bias, h->d_model);
    touch_floats(l->q_norm, h->head_dim);
    touch_floats(l->k_norm, h->head_dim);
    touch_floats(l->expert_bias, h->n_experts);
}

static void walk_answers(const weir_model *m) {
    weir_model_info info;
    weir_model_get_info(m, &info);
    walk_require(info.n_layers == info.n_layers_conv + info.n_layers_attn);
    for (size_t i = 0; i < weir_model_n_tensors(m); i++) {
        weir_tensor_info t;
        uint64_t n_nan, n_inf;
        weir_model_tensor(m, i, &t);
        walk_require(strlen(t.name) > 0 && strlen(t.type) > 0);
        (void)weir_model_check_tensor(m, i, &n_nan, &n_inf, NULL);
    }
    for (size_t i = 0; i < weir_model_n_meta(m); i++) {
        const char *key, *type;
        char text[64];
        size_t n;
        weir_model_meta(m, i, &key, &type, text, sizeof text, &n);
        walk_require(key != NULL && strlen(type) > 0);
        for (size_t item = 0; item < weir_model_meta_n_items(m, i) && item < 16; item++)
            weir_model_meta_item(m, i, item, text, sizeof text, &n);
    }
    weir_sampling sampling;
    const char *source = NULL;
    weir_sampling_for_model(&sampling, m, &source);
    walk_require(source != NULL &&
                 weir_sampling_check(&sampling, m->h.n_vocab, NULL) == WEIR_STATUS_OK);
}

/* The memory of a foreign model must not wrap to something small. */
static void walk_plan(const weir_model *m) {
    const weir_engine_options options[] = {
        {.device = "reference", .n_threads = 1, .max_bytes = UINT64_MAX},
        {.device = "reference", .n_ctx = m->h.n_ctx, .n_seqs = 64, .max_bytes = UINT64_MAX},
        {.device = "reference",
         .n_ctx = m->h.n_ctx,
         .n_seqs = 64,
         .n_pages = 1 << 24,
         .n_batch = 1 << 16,
         .n_snapshots = 1 << 10,
         .max_bytes = UINT64_MAX},
    };
    for (size_t i = 0; i < WEIR_COUNT(options); i++) {
        weir_plan plan;
        weir_error err = {0};
        if (weir_plan_make(&plan, m, &options[i], &err) != WEIR_STATUS_OK) {
            walk_require(err.text[0] != 0);
            continue;
        }
        uint64_t sum = 0;
        for (size_t k = 0; k < plan.n_items; k++) {
            walk_require(plan.item[k].bytes <= UINT64_MAX - sum);
            sum += plan.item[k].bytes;
        }
        walk_require(sum == plan.total_bytes);
    }
}

static void walk_model(const weir_model *m) {
    walk_require(weir_hparams_check(&m->h, "fuzz", NULL) == WEIR_STATUS_OK);
    touch_weight(&m->embed);
    touch_weight(&m->head);
    touch_floats(m->final_norm, m->h.d_model);
    for (uint32_t i = 0; i < m->h.n_layers; i++)
        walk_layer(m, &m->layers[i]);
    walk_answers(m);
    walk_plan(m);
}

/* ---- what is made of it -------------------------------------------------------------------- */

static void demand_same_shape(const weir_hparams *a, const weir_hparams *b) {
    walk_require(a->n_layers == b->n_layers && a->d_model == b->d_model);
    walk_require(a->n_vocab == b->n_vocab && a->n_ctx == b->n_ctx && a->l_cache == b->l_cache);
    walk_require(a->n_heads == b->n_heads && a->head_dim == b->head_dim && a->d_ff == b->d_ff);
    walk_require(a->n_experts == b->n_experts && a->n_experts_used == b->n_experts_used);
    walk_require(a->d_ff_expert == b->d_ff_expert && a->n_layers_dense == b->n_layers_dense);
    walk_require(a->norm_eps == b->norm_eps && a->rope_theta == b->rope_theta);
    walk_require(a->expert_scale == b->expert_scale && a->is_tied == b->is_tied);
    walk_require(a->n_experts == 0 || a->has_topk_norm == b->has_topk_norm);
    walk_require(a->has_conv_bias == b->has_conv_bias);
    walk_require(memcmp(a->kind, b->kind, a->n_layers * sizeof *a->kind) == 0);
    walk_require(memcmp(a->n_heads_kv, b->n_heads_kv, a->n_layers * sizeof *a->n_heads_kv) == 0);
}

static void demand_same_sampling(const weir_model *a, const weir_model *b) {
    weir_sampling x, y;
    weir_sampling_for_model(&x, a, NULL);
    weir_sampling_for_model(&y, b, NULL);
    walk_require(x.temperature == y.temperature && x.top_k == y.top_k && x.top_p == y.top_p);
    walk_require(x.min_p == y.min_p && x.repetition_penalty == y.repetition_penalty);
    walk_require(x.repeat_last_n == y.repeat_last_n);
}

/* A model may be no good for conversion (a bad tokenizer, values out of range), with a reason. */
static void convert(const weir_model *m, const char *type) {
    char from[sizeof folder + 64], to[sizeof folder + 64];
    snprintf(from, sizeof from, "%s", weir_model_path(m));
    snprintf(to, sizeof to, "%s", in_folder(CONVERTED));
    weir_error err = {0};
    const weir_convert_options options = {.type = type, .overwrite = true, .n_threads = 1};
    weir_status status = weir_convert(from, to, &options, &err);
    if (status != WEIR_STATUS_OK) {
        walk_require(err.status == status && err.text[0] != 0 && !strchr(err.text, '\n'));
        return;
    }
    weir_model *made = NULL;
    walk_require(weir_model_open(&made, to, &err) == WEIR_STATUS_OK);
    demand_same_shape(&m->h, &made->h);
    demand_same_sampling(m, made);
    weir_model_close(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const types[TYPE_BITS + 1] = {NULL, "f32", "q8_0", "q4_0"};
    if (size < 1)
        return 0;
    if (!folder[0])
        make_folder();
    const form *f = &FORMS[data[0] & FORM_BITS];
    write_files(f, data + 1, size - 1);
    weir_model *m = NULL;
    weir_error err = {0};
    weir_status status = weir_model_open(&m, in_folder(f->opened), &err);
    if (status == WEIR_STATUS_OK) {
        walk_model(m);
        if (data[0] & CONVERT_BIT)
            convert(m, types[data[0] >> TYPE_SHIFT & TYPE_BITS]);
    } else {
        walk_require(m == NULL && err.status == status && strchr(err.text, '\n') == NULL);
        walk_require(status == WEIR_STATUS_BAD_FILE || status == WEIR_STATUS_UNSUPPORTED ||
                     status == WEIR_STATUS_IO);
    }
    weir_model_close(&m);
    remove_files(f);
    return 0;
}
