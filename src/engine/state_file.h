/*
 * state_file.h: a timeline as a file (docs/state-file.md). The parser looks at bytes alone and
 * touches nothing live; a view it returns points into those bytes.
 */
#ifndef WEIR_ENGINE_STATE_FILE_H
#define WEIR_ENGINE_STATE_FILE_H

#include "backend/kv_layout.h"

enum { WEIR_STATE_VERSION = 1 };

/* What a file must agree with. */
typedef struct weir_state_shape {
    uint64_t fingerprint;
    uint32_t kv_type;
    uint32_t n_vocab;
    uint32_t n_ctx; /* most tokens; not part of the file */
    uint64_t page_bytes;
    uint64_t state_values; /* of one conv state */
} weir_state_shape;

typedef struct weir_state_view {
    uint32_t n_tokens, n_kv, n_pages;
    const uint8_t *tokens; /* [n_tokens] int32, little-endian, unaligned */
    const uint8_t *pages;  /* [n_pages, page_bytes] */
    const uint8_t *state;  /* [state_values] floats, or NULL */
    const uint8_t *logits; /* [n_vocab] floats, or NULL */
} weir_state_view;

/* BAD_FILE with the byte offset. skip_sums: for fuzzing what lies behind the checksums. */
weir_status weir_state_parse(weir_state_view *out, const void *data, size_t size,
                             const weir_state_shape *shape, bool skip_sums, const char *name,
                             weir_error *err);

#endif
