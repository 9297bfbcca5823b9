/*
 * suite_rows.h: files of rows as data sets are published: JSON lines, a JSON array of objects, or
 * CSV (RFC 4180) whose first row has the names. All become a JSON array of objects. Parquet is
 * refused by name.
 */
#ifndef WEIR_TOOLS_SUITE_ROWS_H
#define WEIR_TOOLS_SUITE_ROWS_H

#include "weir.h"

#include <jansson.h>

/* Reads at most `limit` rows (0: all) of text [n]; `where` begins error lines. It is CSV if it
 * begins with neither { nor [. NULL and BAD_FILE with the line, or NO_MEMORY. Values of CSV are
 * texts. lines: NULL, or an empty array that gets the line each row begins in; of a JSON array the
 * number of the row. Both are from 1. */
json_t *weir_rows_parse(const char *text, size_t n, size_t limit, json_t *lines, const char *where,
                        weir_error *err);
/* The same of a file. hash: NULL, or it becomes that of all its bytes, to be freed. */
json_t *weir_rows_read(const char *path, size_t limit, char **hash, weir_error *err);

#endif
