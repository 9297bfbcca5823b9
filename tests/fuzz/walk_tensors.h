/*
 * walk_tensors.h: touches all that an opened file offers, for fuzz targets and for the tests that
 * break files on purpose. What an open accepts must be safe to read: under a sanitizer a wrong
 * length shows here.
 */
#ifndef WEIR_TESTS_WALK_TENSORS_H
#define WEIR_TESTS_WALK_TENSORS_H

#include "gguf/gguf.h"
#include "gguf/safetensors.h"

#include <stdlib.h>
#include <string.h>

/* Aborts unless `holds`: a fuzz target has no other way to fail. */
static inline void walk_require(bool holds) {
    if (!holds)
        abort();
}

static inline void walk_tensor(const weir_tensor *t) {
    walk_require(t->n_dims <= WEIR_MAX_DIMS);
    walk_require(strlen(weir_tensor_type_name(t)) > 0);
    if (t->bytes == 0)
        return;
    volatile uint8_t sum = (uint8_t)(t->data[0] ^ t->data[t->bytes - 1]);
    (void)sum;
    if (t->format)
        walk_require(weir_tensor_n_values(t) / t->format->block_values * t->format->block_bytes ==
                     t->bytes);
}

static inline void walk_kv(const weir_gguf *g, const weir_gguf_kv *kv) {
    char text[256];
    size_t n, measured;
    weir_gguf_format_value(kv, NULL, 0, &measured);
    weir_gguf_format_value(kv, text, sizeof text, &n);
    walk_require(n == measured);
    walk_require(weir_gguf_find(g, kv->key) == kv);
    for (uint64_t i = 0; i < kv->n_items; i++) {
        uint64_t u64;
        int64_t i64;
        double f64;
        bool truth;
        weir_text string = {"", 0};
        weir_gguf_as_u64(kv, i, &u64);
        weir_gguf_as_i64(kv, i, &i64);
        weir_gguf_as_f64(kv, i, &f64);
        weir_gguf_as_bool(kv, i, &truth);
        if (weir_gguf_as_text(kv, i, &string) && string.size > 0) {
            volatile char sum = (char)(string.data[0] ^ string.data[string.size - 1]);
            (void)sum;
        }
    }
    walk_require(strlen(weir_gguf_type_name(kv)) > 0);
}

static inline void walk_gguf(const weir_gguf *g) {
    for (size_t i = 0; i < weir_gguf_n_kv(g); i++)
        walk_kv(g, weir_gguf_kv_at(g, i));
    for (size_t i = 0; i < weir_gguf_n_tensors(g); i++) {
        const weir_tensor *t = weir_gguf_tensor_at(g, i);
        walk_tensor(t);
        walk_require(weir_gguf_find_tensor(g, t->name) == t);
    }
}

static inline void walk_safetensors(const weir_safetensors *st) {
    for (size_t i = 0; i < weir_safetensors_n_tensors(st); i++) {
        const weir_tensor *t = weir_safetensors_at(st, i);
        walk_tensor(t);
        walk_require(weir_safetensors_find(st, t->name) == t);
    }
}

/* A failed open says BAD_FILE, in one line that names the file and a byte. */
static inline void walk_refusal(weir_status status, const weir_error *err) {
    walk_require(status == WEIR_STATUS_BAD_FILE && err->status == status);
    walk_require(strstr(err->text, ": byte ") && !strchr(err->text, '\n'));
}

#endif
