/* plain_locale.c: see plain_locale.h. */
#include "base/plain_locale.h"

/* "C" is always there and, as it is built in, takes no memory. */
weir_plain_locale weir_plain_locale_begin(void) {
    weir_plain_locale l;
    l.plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    l.before = uselocale(l.plain);
    return l;
}

void weir_plain_locale_end(weir_plain_locale l) {
    uselocale(l.before);
    if (l.plain)
        freelocale(l.plain);
}
