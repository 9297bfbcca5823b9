/*
 * test_page.c: the page goes out whole, under a policy that lets nothing else run, and not again to
 * those who have it. The exchange is a fake that writes down what is replied.
 */
#include "page_data.h"
#include "service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

struct weir_exchange {
    const char *known; /* If-None-Match */
    char headers[2048];
    int http_status;
    char type[64];
    const char *body;
    size_t n_body;
};

const char *weir_exchange_header(const weir_exchange *x, const char *name) {
    return strcasecmp(name, "If-None-Match") == 0 ? x->known : NULL;
}

void weir_exchange_add_header(weir_exchange *x, const char *name, const char *value) {
    size_t n = strlen(x->headers);
    int more = snprintf(x->headers + n, sizeof x->headers - n, "%s: %s\n", name, value);
    assert_true(more > 0 && (size_t)more < sizeof x->headers - n);
}

void weir_exchange_reply(weir_exchange *x, int http_status, const char *type, const char *body,
                         size_t n) {
    assert_int_equal(x->http_status, 0);
    x->http_status = http_status;
    snprintf(x->type, sizeof x->type, "%s", type);
    x->body = body;
    x->n_body = n;
}

static weir_exchange get_page(const char *known) {
    weir_exchange x = {.known = known};
    weir_handle_page(NULL, &x);
    return x;
}

static void test_whole(void **state) {
    (void)state;
    weir_exchange x = get_page(NULL);
    assert_int_equal(x.http_status, 200);
    assert_string_equal(x.type, "text/html; charset=utf-8");
    assert_int_equal(x.n_body, weir_page_bytes);
    assert_true(x.n_body <= 100 << 10);
    assert_memory_equal(x.body, "<!doctype html>", 15);
    assert_memory_equal(x.body + x.n_body - 8, "</html>\n", 8);
    /* One file, that asks for no other. */
    static const char *const forbidden[] = {"src=",           "@import",
                                            "url(",           "<link rel=\"stylesheet\"",
                                            "innerHTML",      "insertAdjacentHTML",
                                            "document.write", "@STYLE@",
                                            "@SCRIPT@"};
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        assert_null(memmem(x.body, x.n_body, forbidden[i], strlen(forbidden[i])));
}

static void test_policy(void **state) {
    (void)state;
    weir_exchange x = get_page(NULL);
    char expected[256];
    snprintf(expected, sizeof expected, "script-src '%s'; style-src '%s'; connect-src 'self';",
             weir_page_script_hash, weir_page_style_hash);
    assert_non_null(strstr(x.headers, expected));
    assert_int_equal(strlen(weir_page_script_hash), strlen("sha256-") + 44);
    assert_non_null(strstr(x.headers, "Content-Security-Policy: default-src 'none'; "));
    assert_non_null(strstr(x.headers, "require-trusted-types-for 'script'"));
    assert_null(strstr(x.headers, "unsafe"));
    assert_non_null(strstr(x.headers, "X-Content-Type-Options: nosniff\n"));
    assert_non_null(strstr(x.headers, "Referrer-Policy: no-referrer\n"));
    assert_non_null(strstr(x.headers, "Cache-Control: no-cache\n"));
}

static void test_known(void **state) {
    (void)state;
    char list[128], weak[64], part[64];
    snprintf(list, sizeof list, "\"other\" ,\t%s", weir_page_tag);
    snprintf(weak, sizeof weak, "W/%s", weir_page_tag);
    const char *const known[] = {weir_page_tag, "*", list, weak};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        weir_exchange x = get_page(known[i]);
        assert_int_equal(x.http_status, 304);
        assert_int_equal(x.n_body, 0);
        assert_non_null(strstr(x.headers, weir_page_tag));
    }
    snprintf(part, sizeof part, "%.10s", weir_page_tag);
    const char *const unknown[] = {"", ",", " , ,", "\"other\"", part, "W/", "**"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_int_equal(get_page(unknown[i]).http_status, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
