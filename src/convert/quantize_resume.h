/*
 * quantize_resume.h: a large file that takes long to make, under construction as PATH.part, and the
 * journal of how much of it is good, PATH.part.journal. What a killed run left is taken over by the
 * next one, if it is of the same work and its bytes are what the journal says they are.
 *
 * The file is a header and spans of bytes behind it, written in order; what is between spans is 0.
 */
#ifndef WEIR_CONVERT_QUANTIZE_RESUME_H
#define WEIR_CONVERT_QUANTIZE_RESUME_H

#include "weir.h"

typedef struct weir_partial weir_partial;

typedef struct weir_partial_span {
    uint64_t offset, bytes; /* in the file; ascending, not overlapping; none is empty */
} weir_partial_span;

typedef struct weir_partial_work {
    uint64_t fingerprint[2]; /* of all that the bytes depend on */
    uint64_t file_bytes;
    const weir_partial_span *spans; /* [n_spans] kept by the caller */
    size_t n_spans;
    bool overwrite;         /* PATH may be there */
    bool is_new;            /* nothing is taken over */
    weir_progress progress; /* of checking what is taken over */
} weir_partial_work;

/* What path would refuse, asked before the work begins: FAILED if it is there and !overwrite, IO if
 * it is no regular file. */
weir_status weir_partial_may_open(const char *path, bool overwrite, weir_error *err);

/* *n_done: spans that are written already. FAILED if another process writes this file, or if there
 * is a PATH.part that nobody says is one; IO, also where the disk has no room for file_bytes;
 * CANCELLED while checking, after which all is kept. */
weir_status weir_partial_open(weir_partial **out, const char *path, const weir_partial_work *work,
                              size_t *n_done, weir_error *err);
/* Throws the file away, or keeps it and its journal for another run, if there is something to keep.
 * NULL is fine. */
void weir_partial_close(weir_partial **partial, bool keep);
/* Is there something that another run could take over? */
bool weir_partial_is_worth(const weir_partial *partial);

/* The temporary name. */
const char *weir_partial_path(const weir_partial *partial);

/* The next bytes of the spans that are not done. Now and then what is written is synced and
 * recorded. */
weir_status weir_partial_write(weir_partial *partial, const void *data, size_t n, weir_error *err);
/* Anywhere, outside of spans. */
weir_status weir_partial_patch(weir_partial *partial, uint64_t at, const void *data, size_t n,
                               weir_error *err);
/* All spans are written: syncs and records that. */
weir_status weir_partial_seal(weir_partial *partial, weir_error *err);
/* Syncs and renames to path; the journal goes. Frees *partial on success. */
weir_status weir_partial_commit(weir_partial **partial, weir_error *err);

#endif
