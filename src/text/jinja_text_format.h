/* jinja_text_format.h: a format specification, read, and values written as it says. Shared by the
 * two languages of formats, `%` and str.format (jinja_text_percent.c). */
#ifndef WEIR_TEXT_JINJA_TEXT_FORMAT_H
#define WEIR_TEXT_JINJA_TEXT_FORMAT_H

#include "base/utf8.h"
#include "text/jinja_text.h"

typedef struct weir_jinja_spec {
    char fill[WEIR_UTF8_MAX]; /* [n_fill] one code point */
    size_t n_fill;
    char align; /* '<' '>' '^' '='; 0: as the type has it */
    char sign;  /* '+' ' ' '-', or 0 */
    char group; /* ',' '_', or 0 */
    bool is_alternate, has_precision;
    size_t width, precision;
    char type;                /* 'd' 'x' 'f' ..., or 0 */
    weir_jinja_origin origin; /* of the specification */
} weir_jinja_spec;

weir_status weir_jinja_add_formatted_string(weir_jinja_builder *b, const weir_jinja_spec *spec,
                                            const weir_jinja_string *s);
/* v is BOOL, INT, BIG_INT or FLOAT and fits the type. */
weir_status weir_jinja_add_formatted_number(weir_jinja_builder *b, const weir_jinja_spec *spec,
                                            weir_jinja_value v);

#endif
