/*
 * grammar_json.h: the JSON that grammars are given as: schemas, lists of tools and of choices. A
 * tree in the builder's memory that keeps what matters to them: the order of keys, numbers as they
 * are written, and where each value stands.
 */
#ifndef WEIR_TEXT_GRAMMAR_JSON_H
#define WEIR_TEXT_GRAMMAR_JSON_H

#include "text/pda.h"

typedef enum weir_doc_kind {
    WEIR_DOC_NULL = 0,
    WEIR_DOC_FALSE = 1,
    WEIR_DOC_TRUE = 2,
    WEIR_DOC_NUMBER = 3,
    WEIR_DOC_STRING = 4,
    WEIR_DOC_ARRAY = 5,
    WEIR_DOC_OBJECT = 6
} weir_doc_kind;

typedef struct weir_doc {
    weir_doc_kind kind;
    const char *text; /* [n_text] of a string, decoded to UTF-8; of a number, as written */
    size_t n_text;
    const struct weir_doc *parent; /* NULL: the whole */
    const char *key;               /* [n_key] in an object */
    size_t n_key, index;           /* index among its siblings */
    size_t order;                  /* among all values: as they begin in the text */
    struct weir_doc *first, *next; /* first child; next sibling */
    size_t n_children;
    struct weir_doc **by_key; /* [n_children] of an object, sorted */
} weir_doc;

/* NULL after a failure: BAD_ARGUMENT with the byte. Keys may be given once. */
const weir_doc *weir_doc_read(weir_pda_builder *b, const char *source, size_t n);

const weir_doc *weir_doc_find(const weir_doc *object, const char *key, size_t n_key); /* or NULL */
const weir_doc *weir_doc_get(const weir_doc *object, const char *key); /* 0-terminated */
bool weir_doc_is(const weir_doc *doc, const char *text);               /* the string `text` */
/* Equal as JSON Schema has it: keys in any order, numbers by their value. */
bool weir_doc_equal(const weir_doc *a, const weir_doc *b);

/* "#/properties/a", and what `key` adds to it if it is not NULL; cut off where it is long. */
enum { WEIR_DOC_POINTER = 256 };
const char *weir_doc_pointer(char out[WEIR_DOC_POINTER], const weir_doc *doc, const char *key);
/* The value that a pointer without its # leads to; NULL: none. */
const weir_doc *weir_doc_resolve(const weir_doc *whole, const char *pointer, size_t n);

#endif
