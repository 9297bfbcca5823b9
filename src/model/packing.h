/*
 * packing.h: weights of a folder in packings that no number format of GGUF is: MLX's groups with
 * scales and biases (mlx.c), and FP8 with scales (fp8.c). Docs: docs/convert.md.
 *
 * The fold shows a model's binder each packed group as one tensor of the format that it unpacks to.
 * Such a tensor has addresses without bytes: binding computes with them as with any other's, and
 * whoever reads them by mistake is stopped at once. By its address a row is found again here and
 * unpacked, into memory of whoever asks, or all of them where the addresses are.
 */
#ifndef WEIR_MODEL_PACKING_H
#define WEIR_MODEL_PACKING_H

#include <jansson.h>

#include "gguf/safetensors.h"
#include "weir.h"

/* But for weir_packings_fill immutable after the fold; any thread may read it. */
typedef struct weir_packings weir_packings;

weir_status weir_packings_open(weir_packings **out, weir_error *err);
void weir_packings_close(weir_packings **packings); /* NULL inside is fine */

/* Replaces the list of a folder's tensors, whose config.json is given, by what the binder is to
 * see. A tensor that was packed has the format it unpacks to and keeps the dtype that it is stored
 * in; it has no path, for it stands in no file as it is seen. The packings keep pointers into the
 * folder's files. The error line does not name the folder. */
weir_status weir_packings_fold(weir_packings *packings, weir_safetensors *st, const json_t *config,
                               weir_error *err);

/* Is anything packed? */
bool weir_packings_has_any(const weir_packings *packings);
/* Is it an address of a packed tensor? */
bool weir_packings_own(const weir_packings *packings, const uint8_t *address);
/* The row that begins at this address, unpacked into its format. */
void weir_packings_row(const weir_packings *packings, const uint8_t *address, uint8_t *out);
/* Where the stored bytes of the rows [address, address + bytes) are, in at most WEIR_PACKING_PIECES
 * pieces of the mapped files. Returns how many. */
enum { WEIR_PACKING_PIECES = 3 };
typedef struct weir_packing_piece {
    const uint8_t *data;
    size_t bytes;
} weir_packing_piece;
size_t weir_packings_stored(const weir_packings *packings, const uint8_t *address, size_t bytes,
                            weir_packing_piece pieces[WEIR_PACKING_PIECES]);

/* Are the rows of this tensor FP8 that fits the blocks of WEIR_FORMAT_F8 (quant/format_f8.h)? The
 * codes stay as they are then, and no value is rounded. */
bool weir_packings_is_f8(const weir_packings *packings, const uint8_t *address);
/* The row that begins at this address, in that format. */
void weir_packings_row_f8(const weir_packings *packings, const uint8_t *address, uint8_t *out);

/* Unpacks all rows to their addresses, which can be read from then on; once, by n_threads threads.
 * 0: as many as the machine has. Any thread may call it. IO if a file cannot be read, NO_MEMORY;
 * then nothing is kept. */
weir_status weir_packings_fill(weir_packings *packings, uint32_t n_threads,
                               const weir_progress *progress, weir_error *err);

#endif
