/*
 * plain_locale.h: numbers as text with a point, whatever locale the program around the library has
 * set: what printf writes and strtod reads between begin and end is that of the locale "C". For
 * files and hashes; messages may go by the program's.
 */
#ifndef WEIR_BASE_PLAIN_LOCALE_H
#define WEIR_BASE_PLAIN_LOCALE_H

#include <locale.h>

typedef struct weir_plain_locale {
    locale_t plain, before;
} weir_plain_locale;

/* Holds for this thread alone, until the end. No callback may be called in between. */
weir_plain_locale weir_plain_locale_begin(void);
void weir_plain_locale_end(weir_plain_locale locale);

#endif
