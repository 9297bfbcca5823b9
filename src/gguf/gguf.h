/*
 * gguf.h: GGUF files, version 2 and 3, read and written.
 *
 * Reading: every length, offset, count, type and name is checked before use against the bytes that
 * are there; nothing is allocated larger than a small multiple of the file's own size. An error is
 * one line with the file and the byte offset. A split model (NAME-00001-of-000NN.gguf) opens as
 * one, from any part's path.
 */
#ifndef WEIR_GGUF_GGUF_H
#define WEIR_GGUF_GGUF_H

#include "gguf/tensor.h"

typedef enum weir_gguf_type { /* GGUF's numbers */
                              WEIR_GGUF_U8 = 0,
                              WEIR_GGUF_I8 = 1,
                              WEIR_GGUF_U16 = 2,
                              WEIR_GGUF_I16 = 3,
                              WEIR_GGUF_U32 = 4,
                              WEIR_GGUF_I32 = 5,
                              WEIR_GGUF_F32 = 6,
                              WEIR_GGUF_BOOL = 7,
                              WEIR_GGUF_STRING = 8,
                              WEIR_GGUF_ARRAY = 9,
                              WEIR_GGUF_U64 = 10,
                              WEIR_GGUF_I64 = 11,
                              WEIR_GGUF_F64 = 12
} weir_gguf_type;

/* A string inside the file: not 0-terminated. */
typedef struct weir_text {
    const char *data;
    size_t size;
} weir_text;

/* A string is a u64 length and its bytes, also inside arrays. */
typedef struct weir_gguf_kv {
    const char *key;           /* 0-terminated */
    weir_gguf_type type;       /* WEIR_GGUF_ARRAY for arrays */
    weir_gguf_type item_type;  /* of an array's items; else = type. Arrays of arrays are refused */
    uint64_t n_items;          /* 1 unless an array */
    const uint8_t *data;       /* first item in the file, unaligned, little-endian */
    uint64_t offset;           /* of data in the file */
    const uint64_t *string_at; /* arrays of strings: [n_items] offset of each length from data */
} weir_gguf_kv;

typedef struct weir_gguf weir_gguf;

weir_status weir_gguf_open(weir_gguf **out, const char *path, weir_error *err);
/* The same from memory, for tests and fuzzing; data is kept by the caller. Splits are refused. */
weir_status weir_gguf_open_memory(weir_gguf **out, const void *data, size_t size, const char *name,
                                  weir_error *err);
void weir_gguf_close(weir_gguf **gguf);
/* weir_mapped_prefer_huge of all its files; false for one opened from memory. */
bool weir_gguf_prefer_huge(const weir_gguf *gguf);

uint32_t weir_gguf_version(const weir_gguf *g);
const char *weir_gguf_path(const weir_gguf *g); /* of the first part */
size_t weir_gguf_n_kv(const weir_gguf *g);
const weir_gguf_kv *weir_gguf_kv_at(const weir_gguf *g, size_t i);
const weir_gguf_kv *weir_gguf_find(const weir_gguf *g, const char *key); /* NULL if absent */
size_t weir_gguf_n_tensors(const weir_gguf *g);
const weir_tensor *weir_gguf_tensor_at(const weir_gguf *g, size_t i);
const weir_tensor *weir_gguf_find_tensor(const weir_gguf *g, const char *name);

/* Mapped files: for reading ahead. */
size_t weir_gguf_n_files(const weir_gguf *g);

/* Values. i < n_items; a scalar has one item. False if the type does not fit: any integer type is
 * taken where the value fits, bool as 0/1 for integers is not. */
bool weir_gguf_as_u64(const weir_gguf_kv *kv, uint64_t i, uint64_t *out);
bool weir_gguf_as_i64(const weir_gguf_kv *kv, uint64_t i, int64_t *out);
bool weir_gguf_as_f64(const weir_gguf_kv *kv, uint64_t i, double *out); /* floats and integers */
bool weir_gguf_as_bool(const weir_gguf_kv *kv, uint64_t i, bool *out);
bool weir_gguf_as_text(const weir_gguf_kv *kv, uint64_t i, weir_text *out);
/* "u32", "str", "arr[i32]": static text */
const char *weir_gguf_type_name(const weir_gguf_kv *kv);
/* The value as text, arrays by their first items and count; (buf, cap, *n). */
void weir_gguf_format_value(const weir_gguf_kv *kv, char *buf, size_t cap, size_t *n);
/* Item i alone, a text whole and as it stands; i < n_items. */
void weir_gguf_format_item(const weir_gguf_kv *kv, uint64_t i, char *buf, size_t cap, size_t *n);

/*
 * Writing: keys, then tensor declarations, then data in the order of declaration, in pieces of any
 * size; commit checks that every tensor got all its bytes.
 */
typedef struct weir_gguf_writer weir_gguf_writer;

weir_status weir_gguf_create(weir_gguf_writer **out, const char *path, bool overwrite,
                             weir_error *err);
/* A writer without a file, for a header alone; path is used in errors. It ends with
 * weir_gguf_make_header and weir_gguf_abort. */
weir_status weir_gguf_compose(weir_gguf_writer **out, const char *path, weir_error *err);
void weir_gguf_abort(weir_gguf_writer **w);

/* All add functions collect; a failure (no memory, duplicate key) shows at begin. */
void weir_gguf_add_u32(weir_gguf_writer *w, const char *key, uint32_t v);
void weir_gguf_add_u64(weir_gguf_writer *w, const char *key, uint64_t v);
void weir_gguf_add_i32(weir_gguf_writer *w, const char *key, int32_t v);
void weir_gguf_add_f32(weir_gguf_writer *w, const char *key, float v);
void weir_gguf_add_f64(weir_gguf_writer *w, const char *key, double v);
void weir_gguf_add_bool(weir_gguf_writer *w, const char *key, bool v);
void weir_gguf_add_text(weir_gguf_writer *w, const char *key, const char *data, size_t n);
void weir_gguf_add_string(weir_gguf_writer *w, const char *key, const char *text);
void weir_gguf_add_i32s(weir_gguf_writer *w, const char *key, const int32_t *v, size_t n);
void weir_gguf_add_f32s(weir_gguf_writer *w, const char *key, const float *v, size_t n);
void weir_gguf_add_texts(weir_gguf_writer *w, const char *key, const weir_text *v, size_t n);
/* Copies an entry of another file as it is, but for general.alignment and split.*: they are about
 * that file's layout and left out. */
void weir_gguf_add_kv(weir_gguf_writer *w, const weir_gguf_kv *kv);
/* Takes back the entries whose key begins with prefix; there need not be any. */
void weir_gguf_remove(weir_gguf_writer *w, const char *prefix);
void weir_gguf_add_tensor(weir_gguf_writer *w, const char *name, const weir_format *format,
                          uint32_t n_dims, const uint64_t *shape);

/* Ends the declarations and writes the header (version 3, alignment 32). */
weir_status weir_gguf_begin(weir_gguf_writer *w, weir_error *err);
weir_status weir_gguf_write(weir_gguf_writer *w, const void *data, size_t n, weir_error *err);
/* The next tensor, of which nothing was written yet, is a hole: zeros that take no room. */
weir_status weir_gguf_write_hole(weir_gguf_writer *w, weir_error *err);
/* Sync and rename. Frees *w also on failure. */
weir_status weir_gguf_commit(weir_gguf_writer **w, weir_error *err);

/* Ends the declarations of a writer without a file. *header [n]: what weir_gguf_begin would write,
 * malloc'ed; the data of all tensors follow it. Headers of the same keys and tensors have the same
 * length, whatever the values of numbers in them. */
weir_status weir_gguf_make_header(weir_gguf_writer *w, uint8_t **header, size_t *n,
                                  weir_error *err);
/* Of declared tensor i, in the order of declaration: where its data begin behind the header.
 * i = number of tensors: where the data of all end. */
uint64_t weir_gguf_data_offset(const weir_gguf_writer *w, size_t i);

#endif
