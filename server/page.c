/*
 * page.c: the page at "/".
 *
 * Owns the headers under which it is served; the page itself is made from server/page. Invariant:
 * a browser runs nothing but the page's own script and style, makes no markup out of text, and
 * talks to nobody but this server.
 */
#include "page_data.h"
#include "service.h"

#include <stdio.h>
#include <string.h>

static const char html[] = "text/html; charset=utf-8";

/* Does If-None-Match name the page as it is? Weak tags count too (RFC 9110, 13.1.2). */
static bool is_known(const char *tags) {
    if (!tags)
        return false;
    for (const char *at = tags; *at;) {
        at += strspn(at, " \t,");
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        size_t n = strcspn(at, " \t,");
        if ((n == 1 && *at == '*') ||
            (n == strlen(weir_page_tag) && memcmp(at, weir_page_tag, n) == 0))
            return true;
        at += n;
    }
    return false;
}

static void add_policy(weir_exchange *x) {
    char policy[512];
    snprintf(policy, sizeof policy,
             "default-src 'none'; script-src '%s'; style-src '%s'; connect-src 'self'; "
             "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
             "require-trusted-types-for 'script'; trusted-types 'none'",
             weir_page_script_hash, weir_page_style_hash);
    weir_exchange_add_header(x, "Content-Security-Policy", policy);
}

void weir_handle_page(weir_service *service, weir_exchange *x) {
    (void)service; /* what the page tells about the model it asks for itself */
    weir_exchange_add_header(x, "ETag", weir_page_tag);
    weir_exchange_add_header(x, "Cache-Control", "no-cache");
    add_policy(x);
    weir_exchange_add_header(x, "X-Content-Type-Options", "nosniff");
    weir_exchange_add_header(x, "Referrer-Policy", "no-referrer");
    weir_exchange_add_header(x, "Cross-Origin-Opener-Policy", "same-origin");
    if (is_known(weir_exchange_header(x, "If-None-Match")))
        weir_exchange_reply(x, 304, html, "", 0);
    else
        weir_exchange_reply(x, 200, html, (const char *)weir_page, weir_page_bytes);
}
