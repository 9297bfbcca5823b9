/* jinja_filter.h: the filters by name: Jinja2's own, and `from_json`. */
#ifndef WEIR_TEXT_JINJA_FILTER_H
#define WEIR_TEXT_JINJA_FILTER_H

#include "text/jinja_value.h"

typedef struct weir_jinja_filter {
    const char *name;
    weir_jinja_function apply; /* args[0] is what is filtered */
} weir_jinja_filter;

/* NULL: there is none. Left out: `random`, whose result nobody could repeat; `urlize`, `wordwrap`
 * and `pprint`, which have no use in a chat. Immutable. */
const weir_jinja_filter *weir_jinja_filter_find(const char *name, size_t n);

#endif
