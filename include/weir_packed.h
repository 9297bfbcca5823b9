/*
 * weir_packed.h: the quantized weights of a model in a file of their own, in the order in which
 * device "cpu" uses them: mapped, with nothing to pack, and shared by all processes that map it
 * (docs/packed.md). A handle is immutable; any thread may use it. It keeps its model alive.
 * weir_engine_options.packed takes it.
 */
#ifndef WEIR_PACKED_H
#define WEIR_PACKED_H

#include "weir.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_packed_options {
    bool overwrite;     /* replace the file if it exists */
    uint32_t n_threads; /* 0: physical cores within affinity and the cgroup quota */
    weir_progress progress;
} weir_packed_options;

typedef struct weir_packed_info {
    const char *path; /* lives as long as the handle */
    uint64_t file_bytes;
    uint32_t n_matrices;
} weir_packed_info;

/* Writes the file, whole or not at all. UNSUPPORTED: a model that is no GGUF file, or has nothing
 * to pack. IO before anything is written if the disk has not enough room. */
WEIR_API weir_status weir_packed_make(const char *path, const weir_model *model,
                                      const weir_packed_options *options, weir_error *err);
/* Maps it. BAD_FILE says why it cannot be used with this model: damaged in its list of matrices,
 * cut, written by another version, or made of another model or of an earlier state of this one. The
 * weights themselves are not read. */
WEIR_API weir_status weir_packed_open(weir_packed **out, weir_model *model, const char *path,
                                      weir_error *err);
WEIR_API void weir_packed_close(weir_packed **packed);
WEIR_API void weir_packed_get_info(const weir_packed *packed, weir_packed_info *out);
/* Reads all of it and compares checksums. n_threads as above. BAD_FILE names the first matrix that
 * is damaged. */
WEIR_API weir_status weir_packed_check(const weir_packed *packed, uint32_t n_threads,
                                       const weir_progress *progress, weir_error *err);

#ifdef __cplusplus
}
#endif

#endif
