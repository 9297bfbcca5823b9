/*
 * raw_json.h: the items of JSON arrays as they were written; json_text.h does the same for members
 * of objects. Texts are parts of a request's body, which has been read as JSON before.
 */
#ifndef WEIR_SERVER_RAW_JSON_H
#define WEIR_SERVER_RAW_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* *at begins as the text of an array and moves along; false: there are no more items, or the text
 * is no array. *item [*n] has no space around it. */
bool weir_raw_item_next(const char **at, const char **item, size_t *n);

#endif
