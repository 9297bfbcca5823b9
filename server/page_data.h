/*
 * page_data.h: the page of the server, as cmake/embed.cmake makes it out of server/page.
 */
#ifndef WEIR_SERVER_PAGE_DATA_H
#define WEIR_SERVER_PAGE_DATA_H

#include <stddef.h>

extern const unsigned char weir_page[]; /* [weir_page_bytes] HTML, UTF-8 */
extern const size_t weir_page_bytes;
extern const char weir_page_tag[];         /* its entity tag, with the quotes */
extern const char weir_page_style_hash[];  /* "sha256-..." of its one style sheet */
extern const char weir_page_script_hash[]; /* and of its one script */

#endif
