/*
 * load_address.c: see load_address.h. Asks the system's resolver, and waits for it and for the
 * first connection: nothing else can be done before.
 */
#include "load_address.h"

#include "base/error.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_MS = 5000 };

typedef struct place {
    char name[WEIR_LOAD_HOST]; /* for the resolver */
    char port[8];
} place;

/* ---- what the URL says -------------------------------------------------------------------------
 */

static weir_status fail_for_url(const char *url, const char *what, weir_error *err) {
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                     "--url: expected http://HOST:PORT, got '%.200s'%s", url, what);
}

/* "HOST", "HOST:PORT" or "[ADDRESS]:PORT", [n]. */
static bool read_authority(place *out, const char *text, size_t n) {
    bool is_bracketed = n > 0 && text[0] == '[';
    const char *name = text + is_bracketed;
    const char *end = memchr(name, is_bracketed ? ']' : ':', n - is_bracketed);
    size_t n_name = end ? (size_t)(end - name) : n - is_bracketed;
    const char *rest = name + n_name + (is_bracketed && end);
    size_t n_rest = (size_t)(text + n - rest);
    if ((is_bracketed && !end) || n_name == 0 || n_name >= sizeof out->name)
        return false;
    snprintf(out->name, sizeof out->name, "%.*s", (int)n_name, name);
    snprintf(out->port, sizeof out->port, "80");
    if (n_rest == 0)
        return true;
    if (rest[0] != ':' || n_rest < 2 || n_rest > 6)
        return false;
    snprintf(out->port, sizeof out->port, "%.*s", (int)n_rest - 1, rest + 1);
    return strspn(out->port, "0123456789") == n_rest - 1 && atoi(out->port) > 0 &&
           atoi(out->port) < 65536;
}

static weir_status read_url(weir_load_address *a, place *out, const char *url, weir_error *err) {
    if (strncasecmp(url, "https://", 8) == 0)
        return fail_for_url(url, "; TLS is not spoken here, a proxy in front of the server can",
                            err);
    if (strncasecmp(url, "http://", 7) != 0)
        return fail_for_url(url, "", err);
    const char *authority = url + 7;
    size_t n = strcspn(authority, "/"), n_path = strlen(authority + n);
    for (const char *at = url; *at; at++)
        if (*at <= ' ' || *at == 0x7f || *at == '?' || *at == '#' || *at == '@')
            return fail_for_url(url, "", err);
    if (n >= sizeof a->host || n_path >= sizeof a->prefix || !read_authority(out, authority, n))
        return fail_for_url(url, "", err);
    snprintf(a->host, sizeof a->host, "%.*s", (int)n, authority);
    snprintf(a->prefix, sizeof a->prefix, "%s", authority + n);
    while (n_path > 0 && a->prefix[n_path - 1] == '/')
        a->prefix[--n_path] = 0;
    if (n_path >= 3 && strcmp(a->prefix + n_path - 3, "/v1") == 0)
        a->prefix[n_path - 3] = 0;
    return WEIR_STATUS_OK;
}

/* ---- who answers -------------------------------------------------------------------------------
 */

/* The number of an error; 0: somebody answers there. */
static int try_address(const weir_load_address *to) {
    int fd = socket(to->bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
    socklen_t n = sizeof error;
    if (fd < 0)
        return errno;
    if (connect(fd, (const struct sockaddr *)&to->bytes, to->n_bytes) != 0)
        error = errno;
    if (error == EAGAIN && to->bytes.ss_family == AF_UNIX) /* its queue is full, so it has one */
        error = 0;
    if (error == EINPROGRESS) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (poll(&wait, 1, CONNECT_MS) != 1)
            error = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
            error = errno;
    }
    close(fd);
    return error;
}

static weir_status find_socket(weir_load_address *a, const char *path, weir_error *err) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--socket: expected a path of at most %zu bytes, got '%s'",
                         sizeof to.sun_path - 1, path);
    memcpy(to.sun_path, path, strlen(path) + 1);
    memcpy(&a->bytes, &to, sizeof to);
    a->n_bytes = (socklen_t)sizeof to;
    int error = try_address(a);
    return error == 0
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_IO, "%s: cannot connect: %s", path, strerror(error));
}

/* The first address of the host's that answers is the one for all. */
static weir_status find_host(weir_load_address *a, const place *where, weir_error *err) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(where->name, where->port, &hints, &list);
    if (error != 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be found: %s", a->host,
                         gai_strerror(error));
    error = EADDRNOTAVAIL;
    for (struct addrinfo *at = list; at && error != 0; at = at->ai_next) {
        memcpy(&a->bytes, at->ai_addr, at->ai_addrlen);
        a->n_bytes = at->ai_addrlen;
        error = try_address(a);
    }
    freeaddrinfo(list);
    return error == 0
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_IO, "%s: cannot connect: %s", a->host, strerror(error));
}

weir_status weir_load_address_find(weir_load_address *out, const char *url, const char *socket,
                                   weir_error *err) {
    place where = {0};
    *out = (weir_load_address){0};
    WEIR_TRY(read_url(out, &where, url, err));
    return socket ? find_socket(out, socket, err) : find_host(out, &where, err);
}
