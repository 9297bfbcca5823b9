/* mapped_pages.h: brings pages of a mapped file into memory and says when they cannot be read,
 * where touching them would end in SIGBUS. */
#ifndef WEIR_BASE_MAPPED_PAGES_H
#define WEIR_BASE_MAPPED_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lets the system read the pages that hold [from, from + bytes), bytes > 0, which will be wanted
 * soon; they are not waited for. A wish. */
void weir_mapped_want(const uint8_t *from, size_t bytes);
/* Reads and maps these pages. 0 or an errno. */
int weir_mapped_read(const uint8_t *from, size_t bytes);

/* A file that stays open, mapped from its first byte on. */
typedef struct weir_mapped_file {
    const uint8_t *data;
    int fd;
} weir_mapped_file;

/* Does the page cache have all of these pages of such a file? Unknown counts as no: an older
 * system, or a file that is not ours and that we may not write, of which Linux does not tell. */
bool weir_mapped_is_cached(const weir_mapped_file *f, const uint8_t *from, size_t bytes);

#endif
