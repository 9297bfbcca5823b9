/*
 * packed_weights.h: the quantized matrices of a model in a file of their own, in strips (t16.h) as
 * the integer kernels read them. Internal to src/cpu; weir.h has the calls.
 *
 *   [header 64][index: n_matrices x 40]    [matrix] [matrix]  ...   [matrix]
 *   0                                   ^  ^ each begins a page of 4096 bytes, zeros between
 *
 * Nothing in it is told by the instruction set: strips are the same bytes for all of them, and
 * which matrices they can be made of follows from format and shape alone. A device that packs fewer
 * of them reads the others where the model is mapped. The order is that of weir_cpu_matrices.
 *
 * All numbers are little-endian.
 *
 *   offset  bytes  header
 *        0      8  "WEIRPACK"
 *        8      4  version of the file
 *       12      4  version of the strips
 *       16     16  key of the model that it was made of (packed_key.c)
 *       32      8  bytes of the file
 *       40      4  matrices
 *       44      4  0
 *       48      8  XXH64 of the index
 *       56      8  XXH64 of bytes 0 .. 55
 *
 *   offset  bytes  index, of each matrix
 *        0      8  where it begins
 *        8      8  its bytes
 *       16      8  XXH3 (64 bits) of them
 *       24      4  GGUF's number of its format
 *       28      4  rows
 *       32      4  columns
 *       36      4  0
 */
#ifndef WEIR_CPU_PACKED_WEIGHTS_H
#define WEIR_CPU_PACKED_WEIGHTS_H

#include "base/mapped_pages.h"
#include "model/model.h"
#include "weir_packed.h"

enum {
    WEIR_PACKED_VERSION = 1,
    WEIR_PACKED_STRIPS = 1, /* to be raised when a strip's bytes change; test_packed.c knows */
    WEIR_PACKED_HEADER = 64,
    WEIR_PACKED_ENTRY = 40,
    WEIR_PACKED_ALIGN = 4096
};

/* What must be equal for a file to be used with a model. */
typedef struct weir_packed_key {
    uint64_t word[2];
} weir_packed_key;

typedef struct weir_packed_entry {
    uint64_t offset, bytes, sum;
    const weir_format *format;
    uint32_t rows, cols;
} weir_packed_entry;

/* A file that has been parsed: its bytes, which are the caller's. */
typedef struct weir_packed_view {
    const uint8_t *data;
    weir_packed_key key;
    uint32_t n_matrices;
} weir_packed_view;

/* ---- packed_file.c: the bytes -------------------------------------------------------------- */

/* Bytes in front of the first matrix. */
uint64_t weir_packed_head_bytes(uint32_t n_matrices);
/* Where something may begin behind `offset`. */
uint64_t weir_packed_align(uint64_t offset);
/* Bytes of a matrix in strips, which it has; UINT64_MAX: more than can be counted. */
uint64_t weir_packed_bytes(const weir_format *format, uint32_t rows, uint32_t cols);
/* head [weir_packed_head_bytes(n)] from entries [n]; file_bytes: of the whole. */
void weir_packed_write_head(uint8_t *head, weir_packed_key key, const weir_packed_entry *entries,
                            uint32_t n, uint64_t file_bytes);
/* data [size], of a file called name. All that is said of matrices is checked; their bytes are not
 * looked at. skip_sums: for fuzzing. BAD_FILE with the byte, what is there and what was expected.
 */
weir_status weir_packed_parse(weir_packed_view *out, const uint8_t *data, size_t size,
                              bool skip_sums, const char *name, weir_error *err);
/* i < n_matrices */
weir_packed_entry weir_packed_entry_at(const weir_packed_view *view, uint32_t i);

/* ---- packed_key.c: what it was made of ----------------------------------------------------- */

/* Of size and time of the model's files, all that stands in front of their tensors, and places of
 * every tensor. UNSUPPORTED: a model that is not of GGUF files. */
weir_status weir_packed_key_of(weir_packed_key *out, const weir_model *model, weir_error *err);

/* ---- packed_open.c: a file that is used ---------------------------------------------------- */

weir_packed *weir_packed_share(weir_packed *packed);
/* Is it of this model? BAD_ARGUMENT. */
weir_status weir_packed_suits(const weir_packed *packed, const weir_model *model, weir_error *err);
/* Strips of the matrix whose bytes are mapped at `data`; NULL: the file has none of it. */
const uint8_t *weir_packed_find(const weir_packed *packed, const uint8_t *data);
/* All of the file, to bring strips into memory by; it lives as long as `packed`. */
const weir_mapped_file *weir_packed_pages(const weir_packed *packed);

/* ---- packed_make.c ------------------------------------------------------------------------- */

/* The matrices of a model that can be packed, in the order of the file. Returns how many; list has
 * room for all that weir_cpu_matrices counts. */
uint32_t weir_packed_list(const weir_model *model, const weir_weight **list);
/* weir_packed_make with buffers of so many bytes, which changes nothing of the file. */
weir_status weir_packed_make_in_rounds(const char *path, const weir_model *model,
                                       const weir_packed_options *options, size_t round_bytes,
                                       weir_error *err);

#endif
