/* jinja_filter_parts.h: the tables that jinja_filter.c searches, one for each file of filters, and
 * what those files share. */
#ifndef WEIR_TEXT_JINJA_FILTER_PARTS_H
#define WEIR_TEXT_JINJA_FILTER_PARTS_H

#include "text/jinja_filter.h"

/* Each ends with a name NULL. */
extern const weir_jinja_filter weir_jinja_text_filters[];
extern const weir_jinja_filter weir_jinja_markup_filters[];
extern const weir_jinja_filter weir_jinja_number_filters[];
extern const weir_jinja_filter weir_jinja_list_filters[];
extern const weir_jinja_filter weir_jinja_choice_filters[];

/*
 * How a filter looks at an item: through `attribute` ("a.b", "a.0", 1, or several with commas
 * between them), small letters where case does not count.
 */
typedef struct weir_jinja_getter {
    weir_jinja_value attribute;     /* NONE or UNDEFINED: the item itself */
    bool ignores_case, is_multiple; /* is_multiple: commas divide; the key of a path is a list */
    bool has_default;               /* instead of what is undefined */
    weir_jinja_value otherwise;
} weir_jinja_getter;
weir_status weir_jinja_get_key(weir_jinja_run *run, const weir_jinja_getter *getter,
                               weir_jinja_value item, weir_jinja_value *out);

#endif
