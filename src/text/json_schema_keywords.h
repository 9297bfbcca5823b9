/* json_schema_keywords.h: the keywords of JSON Schema, and what one alone says. */
#ifndef WEIR_TEXT_JSON_SCHEMA_KEYWORDS_H
#define WEIR_TEXT_JSON_SCHEMA_KEYWORDS_H

#include "text/json_schema.h"

/* Is every keyword of the schema enforced, or an annotation, or trivially true? If not: the failure
 * sticks, and false. */
bool weir_schema_check_keywords(weir_schema_build *s, const weir_doc *doc);
/* Does the schema forbid everything, as {"not": {}}? */
bool weir_schema_is_never(const weir_doc *doc);
/* The schema whose $anchor is text [n], or NULL. */
const weir_doc *weir_schema_find_anchor(const weir_doc *whole, const char *text, size_t n);
/* Does it say nothing? true, {}, or annotations alone. */
bool weir_schema_is_always(const weir_doc *doc);

#endif
