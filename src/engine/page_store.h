/*
 * page_store.h: finished K/V pages as files, so that what was computed once is found again when
 * memory has run out, or after the program has ended (docs/state-file.md).
 *
 * A file's name is its page's key: what the path to it spells, and all that decides its bits
 * (pages.h). So a file is never out of date, engines of any models share a folder, and what is lost
 * is only computed anew. Invariant: after open, bytes counts all pages in the folder that this
 * process knows of, and is at most max_bytes behind every write. One thread.
 */
#ifndef WEIR_ENGINE_PAGE_STORE_H
#define WEIR_ENGINE_PAGE_STORE_H

#include "engine/pages.h"
#include "weir.h"

typedef struct weir_page_store weir_page_store;

/* folder is made where it is not there; page_bytes: of the pages that will be read and written.
 * max_bytes 0: 64 GiB. Files beyond them go, longest unused first. IO names the folder. */
weir_status weir_page_store_open(weir_page_store **out, const char *folder, uint64_t max_bytes,
                                 size_t page_bytes, weir_error *err);
void weir_page_store_close(weir_page_store **store);

bool weir_page_store_has(const weir_page_store *store, weir_page_key key);
/* Fills page [page_bytes]. False: not there, or damaged, which takes it away. */
bool weir_page_store_read(weir_page_store *store, weir_page_key key, const int32_t *tokens,
                          void *page);
/* False: it could not be written; the store goes on without it. */
bool weir_page_store_write(weir_page_store *store, weir_page_key key, const int32_t *tokens,
                           const void *page);

typedef struct weir_page_store_stats {
    uint64_t n_files, bytes;
    uint64_t n_read, n_written, n_damaged, n_failed; /* pages, since it was opened */
} weir_page_store_stats;
void weir_page_store_get_stats(const weir_page_store *store, weir_page_store_stats *out);

/* The parser alone: where the page lies in a file's bytes; NULL: it is not the file of this key and
 * these tokens, or is damaged. skip_sum: for fuzzing. */
const uint8_t *weir_page_file_parse(const void *data, size_t size, weir_page_key key,
                                    const int32_t *tokens, size_t page_bytes, bool skip_sum);

#endif
