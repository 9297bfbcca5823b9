/*
 * http_door.c: the checks of the door and its own replies.
 *
 * What they are against: bodies and headers without end; requests whose end two programs may see
 * at different places; pages of foreign origins, with scripts that talk to a server on their
 * reader's own machine, under its address or under a name of theirs that they point at it (DNS
 * rebinding: such requests carry the foreign name as Host); and everybody without a key.
 */
#include "http_door.h"

#ifdef WEIR_HAS_SERVER

#include "api_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FEW_BYTES = 65536 };

static bool refuse(weir_refusal *out, int http_status, const char *type, const char *code,
                   const char *message) {
    *out = (weir_refusal){.http_status = http_status, .type = type, .code = code};
    snprintf(out->message, sizeof out->message, "%s", message);
    return false;
}

/* ---- sizes and framing -------------------------------------------------------------------- */

static bool check_header_size(const weir_door *door, size_t header_bytes, weir_refusal *out) {
    if (header_bytes <= door->max_header)
        return true;
    refuse(out, 431, "invalid_request_error", "headers_too_large", "");
    snprintf(out->message, sizeof out->message, "the headers are %zu bytes; expected %zu at most",
             header_bytes, door->max_header);
    return false;
}

static size_t count(const weir_exchange *x, const char *name) {
    size_t n = 0;
    for (size_t i = 0; i < x->headers.n; i++)
        n += strcasecmp(x->headers.item[i].name, name) == 0;
    return n;
}

/* The library takes the first of several, others may take the last. */
static bool check_framing(const weir_exchange *x, weir_refusal *out) {
    const char *coding = weir_exchange_header(x, "Transfer-Encoding");
    if (count(x, "Host") > 1 || count(x, "Content-Length") > 1 || count(x, "Transfer-Encoding") > 1)
        return refuse(out, 400, "invalid_request_error", "bad_headers",
                      "Host, Content-Length and Transfer-Encoding may be given once at most");
    if (coding && weir_exchange_header(x, "Content-Length"))
        return refuse(out, 400, "invalid_request_error", "bad_headers",
                      "expected Content-Length or Transfer-Encoding, got both");
    if (coding && strcasecmp(coding, "chunked") != 0)
        return refuse(out, 501, "invalid_request_error", "unsupported_transfer_encoding",
                      "Transfer-Encoding: expected chunked");
    return true;
}

void weir_door_refuse_body(const weir_door *door, weir_refusal *out) {
    refuse(out, 413, "invalid_request_error", "body_too_large", "");
    snprintf(out->message, sizeof out->message, "the body is larger than %zu bytes",
             door->max_body);
}

/* The library has found it to be a number that fits 64 bits. */
static uint64_t content_length(const weir_exchange *x) {
    const char *text = weir_exchange_header(x, "Content-Length");
    return text ? strtoull(text, NULL, 10) : 0;
}

static bool check_body_size(const weir_door *door, const weir_exchange *x, weir_refusal *out) {
    if (content_length(x) <= door->max_body)
        return true;
    weir_door_refuse_body(door, out);
    return false;
}

bool weir_door_expects_much(const weir_exchange *x) {
    return weir_exchange_header(x, "Transfer-Encoding") || weir_exchange_header(x, "Expect") ||
           content_length(x) > FEW_BYTES;
}

/* ---- hosts and origins -------------------------------------------------------------------- */

/* Is it `name`, with or without a port? An IPv6 address may come in brackets, and has to with a
 * port. */
static bool is_host(const char *authority, const char *name) {
    bool has_brackets = strchr(name, ':') && name[0] != '[';
    size_t n = strlen(name);
    if (has_brackets && *authority++ != '[')
        return false;
    if (strncasecmp(authority, name, n) != 0)
        return false;
    authority += n;
    if (has_brackets && *authority++ != ']')
        return false;
    if (*authority == ':')
        authority += 1 + strspn(authority + 1, "0123456789");
    return *authority == 0;
}

static bool is_this_machine(const char *authority) {
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        if (is_host(authority, names[i]))
            return true;
    return false;
}

static bool check_host(const weir_door *door, const weir_exchange *x, weir_refusal *out) {
    const char *host = weir_exchange_header(x, "Host");
    if (!door->is_loopback || !host || is_this_machine(host) ||
        (door->host && is_host(host, door->host)))
        return true;
    return refuse(out, 403, "permission_error", "foreign_host",
                  "Host: this server listens at this machine only; expected localhost, 127.0.0.1, "
                  "[::1] or the address it was started with");
}

/* What stands behind http:// or https://; NULL: "null", or an application's own scheme. */
static const char *authority_of(const char *origin) {
    if (strncasecmp(origin, "http://", 7) == 0)
        return origin + 7;
    return strncasecmp(origin, "https://", 8) == 0 ? origin + 8 : NULL;
}

static bool may_enter(const weir_door *door, const weir_exchange *x, const char *origin) {
    const char *authority = authority_of(origin), *host = weir_exchange_header(x, "Host");
    if (authority && (is_this_machine(authority) || (host && !strcasecmp(authority, host))))
        return true;
    for (size_t i = 0; i < door->n_origins; i++)
        if (!strcmp(door->origins[i], "*") || !strcasecmp(door->origins[i], origin))
            return true;
    return false;
}

static bool check_origin(const weir_door *door, weir_exchange *x, weir_refusal *out) {
    const char *origin = weir_exchange_header(x, "Origin");
    if (!origin)
        return true;
    if (!may_enter(door, x, origin))
        return refuse(out, 403, "permission_error", "foreign_origin",
                      "Origin: pages of this origin may not use this server; it has to be started "
                      "with the origin allowed");
    if (weir_fields_add(&x->reply_headers, "Access-Control-Allow-Origin", origin) &&
        weir_fields_add(&x->reply_headers, "Vary", "Origin") &&
        weir_fields_add(&x->reply_headers, "Access-Control-Expose-Headers",
                        "X-Request-Id, Retry-After"))
        return true;
    return refuse(out, 503, "server_error", "no_memory", "no memory for the request");
}

bool weir_door_is_preflight(const weir_exchange *x) {
    return !strcmp(x->method, "OPTIONS") && weir_exchange_header(x, "Origin") &&
           weir_exchange_header(x, "Access-Control-Request-Method");
}

void weir_door_reply_preflight(weir_exchange *x) {
    const char *headers = weir_exchange_header(x, "Access-Control-Request-Headers");
    weir_exchange_add_header(x, "Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE, OPTIONS");
    if (headers && *headers)
        weir_exchange_add_header(x, "Access-Control-Allow-Headers", headers);
    if (weir_exchange_header(x, "Access-Control-Request-Private-Network"))
        weir_exchange_add_header(x, "Access-Control-Allow-Private-Network", "true");
    weir_exchange_add_header(x, "Access-Control-Max-Age", "600");
    weir_exchange_reply(x, 204, NULL, "", 0);
}

/* ---- keys --------------------------------------------------------------------------------- */

/* Whoever watches the server needs no key for it, and the page asks for one itself. */
static bool is_open_to_all(const char *path) {
    static const char *const paths[] = {"/live", "/ready", "/health"};
    if (strcmp(path, "/") == 0)
        return true;
    for (size_t i = 0; i < WEIR_COUNT(paths); i++) {
        size_t n = strlen(paths[i]);
        if (!strncmp(path, paths[i], n) && (path[n] == 0 || path[n] == '/'))
            return true;
    }
    return false;
}

/* NULL: none was given. */
static const char *given_key(const weir_exchange *x) {
    static const char scheme[] = "Bearer ";
    const char *text = weir_exchange_header(x, "Authorization");
    if (!text || strncasecmp(text, scheme, sizeof scheme - 1) != 0)
        return weir_exchange_header(x, "X-Api-Key");
    text += sizeof scheme - 1;
    return text + strspn(text, " ");
}

static bool check_key(const weir_door *door, weir_exchange *x, weir_refusal *out) {
    if (!door->keys || is_open_to_all(x->path))
        return true;
    const char *given = given_key(x);
    const char *name = given ? weir_keys_find(door->keys, given, &x->key_limit) : NULL;
    if (!name)
        return refuse(out, 401, "authentication_error", "invalid_api_key",
                      given ? "the API key is not known here"
                            : "expected an API key: Authorization: Bearer KEY, or X-Api-Key: KEY");
    x->key = weir_text_copy(name, strlen(name));
    return x->key || refuse(out, 503, "server_error", "no_memory", "no memory for the request");
}

/* ---- all of them -------------------------------------------------------------------------- */

bool weir_door_check(const weir_door *door, weir_exchange *x, size_t header_bytes,
                     weir_refusal *out) {
    *out = (weir_refusal){0};
    if (!check_header_size(door, header_bytes, out) || !check_framing(x, out) ||
        !check_host(door, x, out) || !check_origin(door, x, out))
        return false;
    /* Browsers send no key with the question whether they may send one. */
    return weir_door_is_preflight(x) || (check_key(door, x, out) && check_body_size(door, x, out));
}

void weir_door_reply(weir_exchange *x, const weir_refusal *refusal) {
    weir_api_error error = {.http_status = refusal->http_status};
    snprintf(error.type, sizeof error.type, "%s", refusal->type);
    snprintf(error.code, sizeof error.code, "%s", refusal->code);
    snprintf(error.message, sizeof error.message, "%s", refusal->message);
    if (refusal->http_status == 401)
        weir_exchange_add_header(x, "WWW-Authenticate", "Bearer");
    weir_reply_error(x, &error, 0);
}

#endif
