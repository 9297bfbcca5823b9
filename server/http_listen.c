/*
 * http_listen.c: sockets to listen at: addresses of a host, a path, or those that were inherited.
 *
 * Owns the name of a Unix socket: it is removed only while it is still the file that was made here.
 */
#include "http_listen.h"

#ifdef WEIR_HAS_SERVER

#include "base/error.h"
#include "text_buffer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un path;
    struct sockaddr_storage room;
} address;

/* ---- addresses ---------------------------------------------------------------------------- */

static uint16_t port_of(const address *a) {
    if (a->any.sa_family == AF_INET)
        return ntohs(a->v4.sin_port);
    return a->any.sa_family == AF_INET6 ? ntohs(a->v6.sin6_port) : 0;
}

static void set_port(address *a, uint16_t port) {
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons(port);
    else
        a->v6.sin6_port = htons(port);
}

static bool is_loopback(const address *a) {
    if (a->any.sa_family == AF_INET)
        return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
    return a->any.sa_family == AF_INET6 &&
           (IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr) ||
            (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr) && a->v6.sin6_addr.s6_addr[12] == 127));
}

static bool is_same(const address *a, const address *b) {
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

/* "127.0.0.1:8080", "[::1]:8080" */
static void write_address(weir_text_buffer *out, const address *a) {
    char text[INET6_ADDRSTRLEN] = "?";
    bool is_v6 = a->any.sa_family == AF_INET6;
    inet_ntop(a->any.sa_family,
              is_v6 ? (const void *)&a->v6.sin6_addr : (const void *)&a->v4.sin_addr, text,
              sizeof text);
    weir_text_buffer_format(out, is_v6 ? "[%s]:%u" : "%s:%u", text, (unsigned)port_of(a));
}

static weir_status set_address(weir_listen *l, const weir_http_options *options, const address *a,
                               weir_error *err) {
    weir_text_buffer text = {0};
    if (a->any.sa_family == AF_UNIX) {
        weir_text_buffer_say(&text, "unix:");
        weir_text_buffer_say(&text, a->path.sun_path[0] ? a->path.sun_path : "@");
    } else {
        weir_text_buffer_say(&text, options->tls_cert ? "https://" : "http://");
        write_address(&text, a);
    }
    l->address = text.data;
    return weir_text_buffer_check(&text, "the address", err);
}

static weir_status fail_at(weir_error *err, const address *a, const char *what, int error) {
    weir_text_buffer text = {0};
    write_address(&text, a);
    weir_status status = weir_fail(err, WEIR_STATUS_IO, "%s: %s: %s", text.data ? text.data : "?",
                                   what, strerror(error));
    weir_text_buffer_free(&text);
    return status;
}

/* ---- TCP ---------------------------------------------------------------------------------- */

/* Is it one that this machine does not have, so that another of the host's may do? */
static bool is_missing(int error) {
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT;
}

/* *fd -1 without a failure: the machine does not have this address. */
static weir_status bind_address(int *fd, address *a, socklen_t n, weir_error *err) {
    static const int yes = 1, no = 0;
    *fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return is_missing(errno) ? WEIR_STATUS_OK : fail_at(err, a, "no socket can be made", errno);
    /* A server that starts again need not wait for the connections of its predecessor to fade. */
    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (a->any.sa_family == AF_INET6) /* "::" is all addresses, the old ones too */
        setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(*fd, &a->any, n) == 0 && listen(*fd, BACKLOG) == 0 &&
        getsockname(*fd, &a->any, &n) == 0)
        return WEIR_STATUS_OK;
    int error = errno;
    close(*fd);
    *fd = -1;
    return is_missing(error) ? WEIR_STATUS_OK : fail_at(err, a, "cannot listen", error);
}

static bool is_known(const address *known, size_t n, const address *a) {
    for (size_t i = 0; i < n; i++)
        if (is_same(&known[i], a))
            return true;
    return false;
}

/* Every address of the list that the machine has, all on one port. */
static weir_status bind_all(weir_listen *l, const struct addrinfo *list, address *bound,
                            weir_error *err) {
    l->is_loopback = true;
    for (const struct addrinfo *at = list; at && l->n < WEIR_LISTEN_MAX; at = at->ai_next) {
        address a = {0};
        memcpy(&a, at->ai_addr, at->ai_addrlen);
        if (is_known(bound, l->n, &a))
            continue;
        if (l->n > 0)
            set_port(&a, l->port);
        int fd;
        WEIR_TRY(bind_address(&fd, &a, at->ai_addrlen, err));
        if (fd < 0)
            continue;
        l->port = port_of(&a);
        l->is_loopback = l->is_loopback && is_loopback(&a);
        l->fd[l->n] = fd;
        bound[l->n++] = a;
    }
    return WEIR_STATUS_OK;
}

/* The host without the brackets that an IPv6 address may stand in. */
static weir_status copy_host(char *out, size_t cap, const char *host, weir_error *err) {
    size_t n = strlen(host);
    bool has_brackets = n >= 2 && host[0] == '[' && host[n - 1] == ']';
    if (n == 0 || n >= cap)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "'%.80s' is no host: expected a name or an address", host);
    memcpy(out, host + has_brackets, n - 2 * has_brackets);
    out[n - 2 * has_brackets] = 0;
    return WEIR_STATUS_OK;
}

static weir_status open_tcp(weir_listen *l, const weir_http_options *options, weir_error *err) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list;
    char host[256], port[8];
    address bound[WEIR_LISTEN_MAX];
    WEIR_TRY(copy_host(host, sizeof host, options->host ? options->host : "127.0.0.1", err));
    snprintf(port, sizeof port, "%u", (unsigned)options->port);
    int failure = getaddrinfo(host, port, &hints, &list);
    if (failure != 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: no address of this host is known: %s", host,
                         gai_strerror(failure));
    weir_status status = bind_all(l, list, bound, err);
    freeaddrinfo(list);
    WEIR_TRY(status);
    if (l->n == 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: is no address of this machine", host);
    return set_address(l, options, &bound[0], err);
}

/* ---- Unix sockets ------------------------------------------------------------------------- */

static bool somebody_listens(const address *a) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* A full queue is somebody's; what may not be asked is taken as theirs too. */
    bool is_refused = fd >= 0 && connect(fd, &a->any, sizeof a->path) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return !is_refused;
}

/* What a server that was killed has left is removed; nothing else is. */
static weir_status clear_path(const address *a, weir_error *err) {
    const char *path = a->path.sun_path;
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? WEIR_STATUS_OK
                               : weir_fail(err, WEIR_STATUS_IO, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return weir_fail(err, WEIR_STATUS_IO,
                         "%s: is there and no socket; expected a free path for one", path);
    if (somebody_listens(a))
        return weir_fail(err, WEIR_STATUS_IO, "%s: another server listens at it", path);
    if (unlink(path) != 0 && errno != ENOENT)
        return weir_fail(err, WEIR_STATUS_IO, "%s: is left over and cannot be removed: %s", path,
                         strerror(errno));
    return WEIR_STATUS_OK;
}

static weir_status open_unix(weir_listen *l, const weir_http_options *options, weir_error *err) {
    address a = {.path = {.sun_family = AF_UNIX}};
    const char *path = options->socket;
    struct stat st;
    if (strlen(path) == 0 || strlen(path) >= sizeof a.path.sun_path)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "'%.160s' is no path of a socket: expected 1 to %zu bytes", path,
                         sizeof a.path.sun_path - 1);
    memcpy(a.path.sun_path, path, strlen(path) + 1);
    WEIR_TRY(clear_path(&a, err));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: no socket can be made: %s", path,
                         strerror(errno));
    l->fd[l->n++] = fd;
    if (bind(fd, &a.any, sizeof a.path) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot listen: %s", path, strerror(errno));
    l->socket_path = weir_text_copy(path, strlen(path));
    if (!l->socket_path) {
        unlink(path);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a path");
    }
    /* Nobody can connect before listen, so nobody slips in while others may still write to it. */
    if (lstat(path, &st) == 0) {
        l->socket_device = st.st_dev;
        l->socket_inode = st.st_ino;
    }
    if (chmod(path, 0600) != 0 || listen(fd, BACKLOG) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot listen: %s", path, strerror(errno));
    return set_address(l, options, &a, err);
}

/* ---- inherited ---------------------------------------------------------------------------- */

static weir_status inherit(weir_listen *l, int fd, address *a, weir_error *err) {
    int listens = 0, flags = fcntl(fd, F_GETFL);
    socklen_t n = sizeof listens;
    if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) != 0 || !listens)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "file descriptor %d is no socket that listens; expected one of systemd's",
                         fd);
    n = sizeof *a;
    if (getsockname(fd, &a->any, &n) != 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "file descriptor %d: %s", fd, strerror(errno));
    l->fd[l->n++] = fd;
    return WEIR_STATUS_OK;
}

/* The address that is told is that of the first. A Unix socket beside others does not open these
 * to foreign hosts. */
static weir_status open_inherited(weir_listen *l, const weir_http_options *options,
                                  weir_error *err) {
    size_t n = options->n_inherited > 0 ? options->n_inherited : 1, n_tcp = 0;
    address bound[WEIR_LISTEN_MAX] = {0};
    if (n > WEIR_LISTEN_MAX)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%zu sockets are handed over; expected %d at most", n, WEIR_LISTEN_MAX);
    for (size_t i = 0; i < n; i++) {
        WEIR_TRY(inherit(l, options->inherited_fd + (int)i, &bound[i], err));
        if (bound[i].any.sa_family == AF_UNIX)
            continue;
        l->is_loopback = is_loopback(&bound[i]) && (n_tcp == 0 || l->is_loopback);
        n_tcp++;
    }
    l->port = port_of(&bound[0]);
    return set_address(l, options, &bound[0], err);
}

/* ---- open, stop, close -------------------------------------------------------------------- */

weir_status weir_listen_open(weir_listen *out, const weir_http_options *options, weir_error *err) {
    *out = (weir_listen){0};
    if (options->inherited_fd >= 0)
        return open_inherited(out, options, err);
    return options->socket ? open_unix(out, options, err) : open_tcp(out, options, err);
}

void weir_listen_stop(weir_listen *listen) {
    struct stat st;
    if (listen->socket_path && lstat(listen->socket_path, &st) == 0 &&
        st.st_dev == listen->socket_device && st.st_ino == listen->socket_inode)
        unlink(listen->socket_path);
    free(listen->socket_path);
    listen->socket_path = NULL;
    while (listen->n > 0)
        close(listen->fd[--listen->n]);
}

void weir_listen_close(weir_listen *listen) {
    weir_listen_stop(listen);
    free(listen->address);
    listen->address = NULL;
}

#endif
