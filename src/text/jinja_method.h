/* jinja_method.h: the methods of strings, lists, tuples and dicts, as Python names them. */
#ifndef WEIR_TEXT_JINJA_METHOD_H
#define WEIR_TEXT_JINJA_METHOD_H

#include "text/jinja_value.h"

/* v.name as a callable bound to v; UNDEFINED where v's type has no such method. */
weir_status weir_jinja_method(weir_jinja_run *run, weir_jinja_value v,
                              const weir_jinja_string *name, weir_jinja_value *out);

#endif
