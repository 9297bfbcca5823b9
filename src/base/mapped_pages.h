/* mapped_pages.h: brings pages of a mapped file into memory and says when they cannot be read,
 * where touching them would end in SIGBUS. */
#ifndef WEIR_BASE_MAPPED_PAGES_H
#define WEIR_BASE_MAPPED_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lets the system read the pages that hold [from, from + bytes), bytes > 0, which will be wanted
 * soon; they are not waited for. A wish. It makes small pages. */
void weir_mapped_want(const uint8_t *from, size_t bytes);

/* Asks for huge pages where these are not in memory yet, for whoever will read all of them. True:
 * reading some makes the system read the huge pages around them and the next ones, which the page
 * cache keeps so where the file system can (ext4 from Linux 6.16, XFS from 5.18), and wanting them
 * first would spoil that. False: want what will be read. */
bool weir_mapped_prefer_huge(const uint8_t *from, size_t bytes);

/* Reads and maps pages. prefer_huge: what was said of them. 0 or an errno. */
int weir_mapped_read(const uint8_t *from, size_t bytes, bool prefer_huge);

/* A file that stays open, mapped from its first byte on. */
typedef struct weir_mapped_file {
    const uint8_t *data;
    int fd;
    bool prefer_huge;
} weir_mapped_file;

/* Maps these pages of such a file if the page cache has them all, faster than weir_mapped_read.
 * False: it has not, or that is not known: on an older system, or of a file that is not ours and
 * that we may not write. A page that is being read counts as there, and ends in SIGBUS if it cannot
 * be. */
bool weir_mapped_touch(const weir_mapped_file *f, const uint8_t *from, size_t bytes);

#endif
