/*
 * record_store.h: texts by owner and id that outlive the server: saved conversations and responses.
 *
 * Kept in memory within bounds, and with a folder also as files, written by a thread of the store's
 * own: nobody waits for a disk. Without a folder the longest unused are forgotten beyond the
 * bounds; with one they are only not in memory any more. What could not be written is tried again
 * after the next that could, and at the end. A file that is damaged is passed over, and one that
 * cannot be read just now stays. Several servers may have one folder: each finds what another
 * wrote, but does not see what another changes in a record that it has in memory. Owners (names of
 * API keys) never see one another's. Any thread.
 */
#ifndef WEIR_SERVER_RECORD_STORE_H
#define WEIR_SERVER_RECORD_STORE_H

#include "weir.h"

typedef struct weir_records weir_records;

typedef struct weir_records_options {
    const char *folder; /* made where it is not there, for nobody else to read; NULL: memory only */
    size_t max_records; /* in all; the longest unused go, files too. 0: 100,000; without a folder
                           1,024 */
    size_t memory_bytes; /* of texts in memory; 0: 64 MiB */
} weir_records_options;

/* IO names the folder. */
weir_status weir_records_open(weir_records **out, const weir_records_options *options,
                              weir_error *err);
/* Writes what is not written yet. */
void weir_records_close(weir_records **records);

/* text [n] is copied, and takes the place of what the id had. NO_MEMORY; FULL for a text that is
 * larger than memory_bytes. */
weir_status weir_records_put(weir_records *records, const char *owner, const char *id,
                             const char *text, size_t n, weir_error *err);
/* *text: a copy, 0-terminated, to be freed; NULL: unknown. IO, NO_MEMORY: there may be one, but it
 * cannot be had at the moment; nobody may take its place meanwhile. */
weir_status weir_records_get(weir_records *records, const char *owner, const char *id, char **text,
                             size_t *n, weir_error *err);
/* false: unknown. */
bool weir_records_forget(weir_records *records, const char *owner, const char *id);

/* Calls visit for each of the owner's, the one last written first; updated: seconds since 1970.
 * visit may not call the store. */
void weir_records_list(weir_records *records, const char *owner,
                       void (*visit)(void *context, const char *id, int64_t updated, size_t bytes),
                       void *context);

typedef struct weir_records_stats {
    size_t n_records, n_in_memory, memory_bytes;
    uint64_t n_written, n_failures; /* files, since it was opened */
} weir_records_stats;
void weir_records_get_stats(weir_records *records, weir_records_stats *out);

/* The parser alone: data [size] of a file. *owner and *id are to be freed, *text points into data.
 * BAD_FILE with what is wrong. */
weir_status weir_record_parse(const char *data, size_t size, const char *name, char **owner,
                              char **id, int64_t *updated, const char **text, size_t *n,
                              weir_error *err);

#endif
