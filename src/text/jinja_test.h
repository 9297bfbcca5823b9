/* jinja_test.h: the tests by name, `x is NAME`. */
#ifndef WEIR_TEXT_JINJA_TEST_H
#define WEIR_TEXT_JINJA_TEST_H

#include "text/jinja_value.h"

typedef struct weir_jinja_test {
    const char *name;
    weir_jinja_function apply; /* args[0] is what is tested; *out is a BOOL */
} weir_jinja_test;

/* NULL: there is none. Immutable. */
const weir_jinja_test *weir_jinja_test_find(const char *name, size_t n);

#endif
