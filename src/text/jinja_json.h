/*
 * jinja_json.h: a conversation in JSON, read into the values of a render. Numbers, key order and
 * big integers stay as written, as Python's json.loads does.
 */
#ifndef WEIR_TEXT_JINJA_JSON_H
#define WEIR_TEXT_JINJA_JSON_H

#include "text/jinja_value.h"

/*
 * The variables of a template: text [n], an object. Strings and keys under messages[i] get the
 * message i; of a message whose role is "assistant" the strings that are its content (also in the
 * "text" of content parts), thinking, reasoning and reasoning_content count as ASSISTANT. All
 * else is CONTENT. The bytes are not needed afterwards. BAD_ARGUMENT with line and column.
 */
weir_status weir_jinja_read_context(weir_jinja_run *run, const char *text, size_t n,
                                    weir_jinja_value *out);

/* Any JSON text; every string gets the origins that its bytes have in `text`. */
weir_status weir_jinja_read_json(weir_jinja_run *run, const weir_jinja_string *text,
                                 weir_jinja_value *out);

#endif
