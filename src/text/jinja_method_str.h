/* jinja_method_str.h: the methods of strings, for jinja_method.c and for the filters that are the
 * same. args[0] of every one is the string. */
#ifndef WEIR_TEXT_JINJA_METHOD_STR_H
#define WEIR_TEXT_JINJA_METHOD_STR_H

#include "text/jinja_value.h"

typedef struct weir_jinja_method_entry {
    const char *name; /* NULL ends a table */
    weir_jinja_function function;
} weir_jinja_method_entry;

extern const weir_jinja_method_entry weir_jinja_string_methods[];

/* Bytes [*start, *end) are s without the characters of `chars`, NULL: without white space, at the
 * ends that are asked for. */
weir_status weir_jinja_strip(weir_jinja_run *run, const weir_jinja_string *s,
                             const weir_jinja_string *chars, bool at_start, bool at_end,
                             weir_jinja_value *out);
/* s.replace(old, new, most), most < 0: all. */
weir_status weir_jinja_replace(weir_jinja_run *run, const weir_jinja_string *s,
                               const weir_jinja_string *old, const weir_jinja_string *new_text,
                               int64_t most, weir_jinja_value *out);
/* s.split(), the words between white space; at most `most` cuts, < 0: all. */
weir_status weir_jinja_split_words(weir_jinja_run *run, const weir_jinja_string *s, int64_t most,
                                   weir_jinja_value *out);
/* s.splitlines(keepends) */
weir_status weir_jinja_split_lines(weir_jinja_run *run, const weir_jinja_string *s, bool keeps_ends,
                                   weir_jinja_value *out);
/* s in the middle of `width` characters, as str.center. */
weir_status weir_jinja_center(weir_jinja_run *run, const weir_jinja_string *s, int64_t width,
                              const weir_jinja_string *fill, weir_jinja_value *out);

/* The parts of jinja_method_case.c: kinds of characters, case, padding. */
weir_status weir_jinja_method_upper(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out);
weir_status weir_jinja_method_lower(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out);
weir_status weir_jinja_method_title(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out);
weir_status weir_jinja_method_capitalize(weir_jinja_run *run, const weir_jinja_call *call,
                                         weir_jinja_value *out);
weir_status weir_jinja_method_center(weir_jinja_run *run, const weir_jinja_call *call,
                                     weir_jinja_value *out);
weir_status weir_jinja_method_ljust(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out);
weir_status weir_jinja_method_rjust(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out);
weir_status weir_jinja_method_zfill(weir_jinja_run *run, const weir_jinja_call *call,
                                    weir_jinja_value *out);
weir_status weir_jinja_method_isalnum(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out);
weir_status weir_jinja_method_isalpha(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out);
weir_status weir_jinja_method_isascii(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out);
weir_status weir_jinja_method_isdecimal(weir_jinja_run *run, const weir_jinja_call *call,
                                        weir_jinja_value *out);
weir_status weir_jinja_method_isdigit(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out);
weir_status weir_jinja_method_isnumeric(weir_jinja_run *run, const weir_jinja_call *call,
                                        weir_jinja_value *out);
weir_status weir_jinja_method_isprintable(weir_jinja_run *run, const weir_jinja_call *call,
                                          weir_jinja_value *out);
weir_status weir_jinja_method_isspace(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out);
weir_status weir_jinja_method_isupper(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out);
weir_status weir_jinja_method_islower(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out);
weir_status weir_jinja_method_istitle(weir_jinja_run *run, const weir_jinja_call *call,
                                      weir_jinja_value *out);

#endif
