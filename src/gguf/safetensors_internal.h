/* safetensors_internal.h: what the reader and the writer of safetensors agree on. Nothing outside
 * src/gguf includes it. */
#ifndef WEIR_GGUF_SAFETENSORS_INTERNAL_H
#define WEIR_GGUF_SAFETENSORS_INTERNAL_H

enum {
    WEIR_SAFETENSORS_LENGTH_BYTES = 8, /* the header's length, before it */
    /* Real headers have a megabyte or two; parsed JSON takes about thirty times its text. */
    WEIR_SAFETENSORS_MAX_JSON = 32 * 1024 * 1024
};

#endif
