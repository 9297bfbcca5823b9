/*
 * model_files.h: small model files made from golden ones, with changes: a tensor dropped, renamed,
 * reshaped, a key set to nonsense. Used by the tests of rooms that open models.
 */
#ifndef WEIR_TESTS_MODEL_FILES_H
#define WEIR_TESTS_MODEL_FILES_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "model/model.h"

/* ---- lists of tensors ----------------------------------------------------------------------- */

typedef struct listed {
    char name[128];
    const weir_format *format;
    uint32_t n_dims;
    uint64_t shape[4];
    uint8_t *data; /* [bytes], owned */
    size_t bytes;
} listed;

typedef struct tensor_list {
    listed *items; /* [n] */
    size_t n;
} tensor_list;

static inline listed *list_add(tensor_list *list, const char *name, const weir_format *format,
                               uint32_t n_dims, const uint64_t *shape, const void *data,
                               size_t bytes) {
    list->items = realloc(list->items, (list->n + 1) * sizeof *list->items);
    listed *t = &list->items[list->n++];
    *t = (listed){.format = format, .n_dims = n_dims, .bytes = bytes, .data = malloc(bytes + 1)};
    if (strlen(name) >= sizeof t->name)
        abort();
    memcpy(t->name, name, strlen(name) + 1);
    memcpy(t->shape, shape, n_dims * sizeof *shape);
    memcpy(t->data, data, bytes);
    return t;
}

static inline listed *list_find(const tensor_list *list, const char *name) {
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

static inline void list_rename(tensor_list *list, const char *name, const char *to) {
    listed *t = list_find(list, name);
    if (t == NULL || strlen(to) >= sizeof t->name)
        abort();
    memcpy(t->name, to, strlen(to) + 1);
}

static inline void list_remove(tensor_list *list, const char *name) {
    listed *t = list_find(list, name);
    if (t == NULL)
        abort();
    free(t->data);
    *t = list->items[--list->n];
}

static inline void list_free(tensor_list *list) {
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i].data);
    free(list->items);
    *list = (tensor_list){0};
}

static inline tensor_list list_copy(const tensor_list *from) {
    tensor_list list = {0};
    for (size_t i = 0; i < from->n; i++) {
        const listed *t = &from->items[i];
        list_add(&list, t->name, t->format, t->n_dims, t->shape, t->data, t->bytes);
    }
    return list;
}

/* A list with every tensor of a folder. */
static inline tensor_list list_of_folder(const weir_model *m) {
    tensor_list list = {0};
    const weir_safetensors *st = weir_model_safetensors(m);
    for (size_t i = 0; i < weir_safetensors_n_tensors(st); i++) {
        const weir_tensor *t = weir_safetensors_at(st, i);
        list_add(&list, t->name, t->format, t->n_dims, t->shape, t->data, (size_t)t->bytes);
    }
    return list;
}

static inline void list_vector(tensor_list *list, const char *name, const float *values, size_t n) {
    const uint64_t shape[] = {n};
    list_add(list, name, weir_format_by_id(WEIR_FORMAT_F32), 1, shape, values, n * sizeof *values);
}

static inline void list_weight(tensor_list *list, const char *name, const weir_weight *w) {
    const uint64_t shape[] = {w->rows, w->cols};
    list_add(list, name, w->format, 2, shape, w->data, w->rows * w->row_bytes);
}

static inline void list_experts(tensor_list *list, const char *name, const weir_weight *w,
                                uint32_t n) {
    const uint64_t shape[] = {n, w->rows, w->cols};
    size_t bytes = w->rows * w->row_bytes;
    uint8_t *all = malloc(n * bytes);
    for (uint32_t e = 0; e < n; e++)
        memcpy(all + e * bytes, w[e].data, bytes);
    list_add(list, name, w->format, 3, shape, all, n * bytes);
    free(all);
}

/* The tensors of a model under their names in GGUF. */
static inline tensor_list list_for_gguf(const weir_model *m) {
    tensor_list list = {0};
    const weir_hparams *h = &m->h;
    char name[128];
#define BLK(suffix) (snprintf(name, sizeof name, "blk.%u.%s", i, suffix), name)
    list_weight(&list, "token_embd.weight", &m->embed);
    if (!h->is_tied)
        list_weight(&list, "output.weight", &m->head);
    list_vector(&list, "token_embd_norm.weight", m->final_norm, h->d_model);
    for (uint32_t i = 0; i < h->n_layers; i++) {
        const weir_layer *l = &m->layers[i];
        list_vector(&list, BLK("attn_norm.weight"), l->operator_norm, h->d_model);
        list_vector(&list, BLK("ffn_norm.weight"), l->ffn_norm, h->d_model);
        if (l->kind == WEIR_LAYER_CONV) {
            const uint64_t taps[] = {h->d_model, h->l_cache};
            list_weight(&list, BLK("shortconv.in_proj.weight"), &l->conv_in);
            list_weight(&list, BLK("shortconv.out_proj.weight"), &l->conv_out);
            list_add(&list, BLK("shortconv.conv.weight"), weir_format_by_id(WEIR_FORMAT_F32), 2,
                     taps, l->conv_taps, sizeof(float) * h->d_model * h->l_cache);
            if (h->has_conv_bias) {
                list_vector(&list, BLK("shortconv.in_proj.bias"), l->conv_in_bias, 3 * h->d_model);
                list_vector(&list, BLK("shortconv.conv.bias"), l->conv_bias, h->d_model);
                list_vector(&list, BLK("shortconv.out_proj.bias"), l->conv_out_bias, h->d_model);
            }
        } else {
            list_weight(&list, BLK("attn_q.weight"), &l->attn_q);
            list_weight(&list, BLK("attn_k.weight"), &l->attn_k);
            list_weight(&list, BLK("attn_v.weight"), &l->attn_v);
            list_weight(&list, BLK("attn_output.weight"), &l->attn_out);
            list_vector(&list, BLK("attn_q_norm.weight"), l->q_norm, h->head_dim);
            list_vector(&list, BLK("attn_k_norm.weight"), l->k_norm, h->head_dim);
        }
        if (!l->is_moe) {
            list_weight(&list, BLK("ffn_gate.weight"), &l->ffn_gate);
            list_weight(&list, BLK("ffn_up.weight"), &l->ffn_up);
            list_weight(&list, BLK("ffn_down.weight"), &l->ffn_down);
            continue;
        }
        list_weight(&list, BLK("ffn_gate_inp.weight"), &l->router);
        if (h->has_expert_bias)
            list_vector(&list, BLK("exp_probs_b.bias"), l->expert_bias, h->n_experts);
        list_experts(&list, BLK("ffn_gate_exps.weight"), l->experts_gate, h->n_experts);
        list_experts(&list, BLK("ffn_up_exps.weight"), l->experts_up, h->n_experts);
        list_experts(&list, BLK("ffn_down_exps.weight"), l->experts_down, h->n_experts);
    }
#undef BLK
    return list;
}

/* ---- writing -------------------------------------------------------------------------------- */

typedef enum key_kind { KEY_DROP, KEY_U32, KEY_U64, KEY_I32, KEY_F32, KEY_BOOL, KEY_TEXT } key_kind;

/* Sets a key, or adds one, or drops it. The last entry's key is NULL. */
typedef struct key_change {
    const char *key;
    key_kind kind;
    double number;
    const char *text;
} key_change;

static inline void put_change(weir_gguf_writer *w, const key_change *c) {
    switch (c->kind) {
    case KEY_DROP:
        break;
    case KEY_U32:
        weir_gguf_add_u32(w, c->key, (uint32_t)c->number);
        break;
    case KEY_U64:
        weir_gguf_add_u64(w, c->key, (uint64_t)c->number);
        break;
    case KEY_I32:
        weir_gguf_add_i32(w, c->key, (int32_t)c->number);
        break;
    case KEY_F32:
        weir_gguf_add_f32(w, c->key, (float)c->number);
        break;
    case KEY_BOOL:
        weir_gguf_add_bool(w, c->key, c->number != 0);
        break;
    case KEY_TEXT:
        weir_gguf_add_string(w, c->key, c->text);
        break;
    }
}

static inline bool is_changed(const key_change *changes, const char *key) {
    for (; changes != NULL && changes->key != NULL; changes++)
        if (strcmp(changes->key, key) == 0)
            return true;
    return false;
}

static inline void require(weir_status status, const weir_error *err) {
    if (status != WEIR_STATUS_OK) {
        fprintf(stderr, "cannot make a test file: %s\n", err->text);
        abort();
    }
}

static inline void write_gguf(const char *path, const weir_hparams *h, const tensor_list *list,
                              const key_change *changes) {
    weir_error err = {0};
    weir_gguf_writer *w = NULL;
    require(weir_gguf_create(&w, path, true, &err), &err);
    const char *arch = h->n_experts > 0 ? "lfm2moe" : "lfm2";
    char key[128];
#define KEY(suffix) (snprintf(key, sizeof key, "%s.%s", arch, suffix), key)
#define PUT(kind, name, value)        \
    if (!is_changed(changes, (name))) \
    weir_gguf_add_##kind(w, key, (value))
    snprintf(key, sizeof key, "general.architecture");
    PUT(string, key, arch);
    PUT(u32, KEY("block_count"), h->n_layers);
    PUT(u32, KEY("context_length"), h->n_ctx);
    PUT(u32, KEY("embedding_length"), h->d_model);
    PUT(u32, KEY("vocab_size"), h->n_vocab);
    PUT(u32, KEY("feed_forward_length"), h->d_ff);
    PUT(u32, KEY("attention.head_count"), h->n_heads);
    PUT(u32, KEY("attention.key_length"), h->head_dim);
    PUT(f32, KEY("attention.layer_norm_rms_epsilon"), h->norm_eps);
    PUT(f32, KEY("rope.freq_base"), h->rope_theta);
    PUT(u32, KEY("shortconv.l_cache"), h->l_cache);
    if (h->n_experts > 0) {
        PUT(u32, KEY("expert_count"), h->n_experts);
        PUT(u32, KEY("expert_used_count"), h->n_experts_used);
        PUT(u32, KEY("expert_feed_forward_length"), h->d_ff_expert);
        PUT(u32, KEY("leading_dense_block_count"), h->n_layers_dense);
        PUT(u32, KEY("expert_gating_func"), 2);
        PUT(f32, KEY("expert_weights_scale"), h->expert_scale);
        PUT(bool, KEY("expert_weights_norm"), h->has_topk_norm);
    }
    int32_t n_kv[WEIR_MAX_LAYERS];
    for (uint32_t i = 0; i < h->n_layers; i++)
        n_kv[i] = (int32_t)h->n_heads_kv[i];
    if (!is_changed(changes, KEY("attention.head_count_kv")))
        weir_gguf_add_i32s(w, key, n_kv, h->n_layers);
    snprintf(key, sizeof key, "tokenizer.ggml.bos_token_id");
    PUT(u32, key, (uint32_t)h->bos);
    snprintf(key, sizeof key, "tokenizer.ggml.eos_token_id");
    PUT(u32, key, (uint32_t)h->eos);
    snprintf(key, sizeof key, "tokenizer.ggml.padding_token_id");
    PUT(u32, key, (uint32_t)h->pad);
#undef PUT
#undef KEY
    for (const key_change *c = changes; c != NULL && c->key != NULL; c++)
        put_change(w, c);
    for (size_t i = 0; i < list->n; i++)
        weir_gguf_add_tensor(w, list->items[i].name, list->items[i].format, list->items[i].n_dims,
                             list->items[i].shape);
    require(weir_gguf_begin(w, &err), &err);
    for (size_t i = 0; i < list->n; i++)
        require(weir_gguf_write(w, list->items[i].data, list->items[i].bytes, &err), &err);
    require(weir_gguf_commit(&w, &err), &err);
}

static inline void write_text(const char *folder, const char *name, const char *text) {
    weir_error err = {0};
    char *path = weir_path_join(folder, name);
    weir_out *out = NULL;
    require(weir_out_open(&out, path, true, &err), &err);
    require(weir_out_write(out, text, strlen(text), &err), &err);
    require(weir_out_commit(&out, &err), &err);
    free(path);
}

static inline void write_folder(const char *folder, const char *config, const tensor_list *list) {
    weir_error err = {0};
    mkdir(folder, 0700);
    write_text(folder, "config.json", config);
    char *path = weir_path_join(folder, "model.safetensors");
    weir_safetensors_writer *w = NULL;
    require(weir_safetensors_create(&w, path, true, &err), &err);
    for (size_t i = 0; i < list->n; i++)
        weir_safetensors_add(w, list->items[i].name, list->items[i].format, list->items[i].n_dims,
                             list->items[i].shape);
    require(weir_safetensors_begin(w, &err), &err);
    for (size_t i = 0; i < list->n; i++)
        require(weir_safetensors_write(w, list->items[i].data, list->items[i].bytes, &err), &err);
    require(weir_safetensors_commit(&w, &err), &err);
    free(path);
}

/* The text of a file, malloc'ed. */
static inline char *read_text(const char *folder, const char *name) {
    weir_error err = {0};
    char *path = weir_path_join(folder, name), *text = NULL;
    size_t n = 0;
    require(weir_file_read(path, 1 << 24, &text, &n, &err), &err);
    free(path);
    return text;
}

static inline weir_model *open_golden(const char *name) {
    weir_error err = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/golden/%s", WEIR_TEST_DATA, name);
    weir_model *m = NULL;
    require(weir_model_open(&m, path, &err), &err);
    return m;
}

static const char *const GOLDEN[] = {
    "dense_tiny", "dense_oldkeys_bias", "dense_untied_k4", "moe_top2",   "moe_top4_scale",
    "moe_bf16",   "moe_plain_router",   "moe_k256",        "grad_dense", "grad_moe"};
enum { N_GOLDEN = sizeof GOLDEN / sizeof GOLDEN[0] };

#endif
