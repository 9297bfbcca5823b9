/*
 * jinja_text.h: values as text, the way Python writes them: str, repr, JSON, formats, dates; and
 * what Unicode says about single characters. Keeps origins as jinja_value.h promises.
 */
#ifndef WEIR_TEXT_JINJA_TEXT_H
#define WEIR_TEXT_JINJA_TEXT_H

#include "text/jinja_value.h"

/* repr(v); str(v) is weir_jinja_add_value. */
weir_status weir_jinja_add_repr(weir_jinja_builder *b, weir_jinja_value v);
/* str(v) as a value; a string is returned as it is. */
weir_status weir_jinja_str(weir_jinja_run *run, weir_jinja_value v, weir_jinja_value *out);

/* The shortest digits that read back as x, as repr(float): "1.0", "1e+16", "inf". Returns the
 * length. */
enum { WEIR_JINJA_FLOAT_ROOM = 32 };
size_t weir_jinja_float_text(double x, char out[WEIR_JINJA_FLOAT_ROOM]);

/* json.dumps(v, ensure_ascii=False, ...) as transformers' tojson. */
typedef struct weir_jinja_json_style {
    const weir_jinja_string *indent; /* of one level; NULL: all on one line */
    const weir_jinja_string *item_separator, *key_separator; /* NULL: ", " and ": "; with indent:
                                                                "," and ": " */
    bool ensure_ascii, sort_keys;
} weir_jinja_json_style;
weir_status weir_jinja_add_json(weir_jinja_builder *b, weir_jinja_value v,
                                const weir_jinja_json_style *style);

/* format % v */
weir_status weir_jinja_percent(weir_jinja_run *run, const weir_jinja_string *format,
                               weir_jinja_value v, weir_jinja_value *out);
/* format.format(...) */
weir_status weir_jinja_format(weir_jinja_run *run, const weir_jinja_string *format,
                              const weir_jinja_call *call, weir_jinja_value *out);

/* strftime of the run's time. */
weir_status weir_jinja_strftime(weir_jinja_run *run, const weir_jinja_string *format,
                                weir_jinja_value *out);

/* ---- characters ---------------------------------------------------------------------------- */

/* The code point at data[*at], which moves behind it; a byte that is no UTF-8 counts as U+FFFD. */
uint32_t weir_jinja_next_char(const char *data, size_t n, size_t *at);
/* The start of the code point that ends before `at` > 0. */
size_t weir_jinja_char_before(const char *data, size_t at);
/* A character of a format as a message shows it. */
static inline char weir_jinja_shown_char(char c) {
    return c > 0x20 && c < 0x7f ? c : '?';
}

bool weir_jinja_is_space(uint32_t c);
bool weir_jinja_is_printable(uint32_t c);
bool weir_jinja_is_alpha(uint32_t c);
bool weir_jinja_is_decimal(uint32_t c);
bool weir_jinja_is_digit(uint32_t c);
bool weir_jinja_is_numeric(uint32_t c);
bool weir_jinja_is_upper(uint32_t c); /* Lu and Other_Uppercase */
bool weir_jinja_is_lower(uint32_t c);
bool weir_jinja_is_title(uint32_t c);
bool weir_jinja_is_cased(uint32_t c);

typedef enum weir_jinja_case {
    WEIR_JINJA_UPPER,
    WEIR_JINJA_LOWER,
    WEIR_JINJA_TITLE,      /* every word's first letter large, the others small */
    WEIR_JINJA_CAPITALIZE, /* the first character large, the others small */
    WEIR_JINJA_WORDS /* the filter `title`: words begin at the start and behind space and -({[< */
} weir_jinja_case;
weir_status weir_jinja_change_case(weir_jinja_run *run, const weir_jinja_string *s,
                                   weir_jinja_case to, weir_jinja_value *out);

#endif
