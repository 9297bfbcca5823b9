/*
 * http_watch.c: new connections, hang-ups and connections that are on their way out, on one thread.
 *
 * Every socket has a place in a table by its number. A place has a serial number that goes with the
 * events of epoll, so that an event of a socket that has been closed meets nobody, though its
 * number may be in use again. Locks: `lock` guards the table; an exchange's own lock may be taken
 * under it by the tick only, and what an exchange calls never comes back here.
 */
#include "http_watch.h"

#ifdef WEIR_HAS_SERVER

#include "base/clock.h"
#include "base/error.h"
#include "exchange_parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    FD_BITS = 24,
    N_EVENTS = 64,
    N_ACCEPTED_AT_ONCE = 64,
    TICK_MS = 500,
    LINGER_MAX = 1024,          /* connections; beyond, they are closed at once */
    LINGER_READ_MAX = 64 << 20, /* bytes of one that are read and forgotten */
};

static const double linger_s = 2;

typedef struct place {
    uint64_t serial;  /* 0: free */
    weir_exchange *x; /* NULL: it lingers */
    double until_s;   /* of one that lingers */
    size_t n_read;
} place;

struct weir_watch {
    weir_watch_options options;
    int epoll_fd, wake_fd;
    pthread_t thread;
    pthread_mutex_t accept_lock; /* held while connections are accepted */
    bool is_accepting;
    pthread_mutex_t lock; /* guards what follows */
    place *at;            /* [n_places] by number of the socket, owned */
    size_t n_places;
    uint64_t serial;
    uint32_t n_exchanges, n_lingering;
    bool is_cut, is_closing;
};

/* ---- the table, under the lock ------------------------------------------------------------ */

static bool make_room(weir_watch *w, int fd) {
    size_t n = w->n_places ? w->n_places : 64;
    while (n <= (size_t)fd)
        n *= 2;
    if (fd >> FD_BITS != 0)
        return false;
    if (n == w->n_places)
        return true;
    place *at = realloc(w->at, n * sizeof *at);
    if (!at)
        return false;
    memset(at + w->n_places, 0, (n - w->n_places) * sizeof *at);
    w->at = at;
    w->n_places = n;
    return true;
}

static void wake(weir_watch *w) {
    uint64_t one = 1;
    (void)!write(w->wake_fd, &one, sizeof one); /* fails only if it is awake anyhow */
}

static bool add(weir_watch *w, int fd, weir_exchange *x, uint32_t events) {
    if (!make_room(w, fd))
        return false;
    struct epoll_event event = {.events = events,
                                .data.u64 = (w->serial + 1) << FD_BITS | (uint64_t)fd};
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return false;
    w->at[fd] = (place){.serial = ++w->serial, .x = x, .until_s = weir_clock_s() + linger_s};
    if (w->n_exchanges + w->n_lingering == 0)
        wake(w); /* it sleeps without a tick */
    *(x ? &w->n_exchanges : &w->n_lingering) += 1;
    return true;
}

static void drop(weir_watch *w, int fd) {
    epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    *(w->at[fd].x ? &w->n_exchanges : &w->n_lingering) -= 1;
    w->at[fd] = (place){0};
}

static void end_lingering(weir_watch *w, int fd) {
    drop(w, fd);
    close(fd);
}

/* ---- the thread --------------------------------------------------------------------------- */

static void accept_clients(weir_watch *w, int listener) {
    pthread_mutex_lock(&w->accept_lock);
    for (int i = 0; w->is_accepting && i < N_ACCEPTED_AT_ONCE; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            w->options.on_client(w->options.context, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            /* The client waits in the listener's queue, which is why epoll will not. */
            static const struct timespec rest = {.tv_nsec = 20000000};
            nanosleep(&rest, NULL);
        }
        if (errno != ECONNABORTED && errno != EINTR)
            break;
    }
    pthread_mutex_unlock(&w->accept_lock);
}

/* Reads and forgets. false: the client is done, or has sent too much. */
static bool drain(place *p, int fd) {
    char forgotten[16384];
    for (int i = 0; i < 16; i++) {
        ssize_t n = recv(fd, forgotten, sizeof forgotten, MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        p->n_read += (size_t)n;
        if (n == 0 || p->n_read > LINGER_READ_MAX)
            return false;
    }
    return true;
}

static void on_event(weir_watch *w, uint64_t serial, int fd) {
    weir_exchange *gone = NULL;
    pthread_mutex_lock(&w->lock);
    place *p = (size_t)fd < w->n_places && w->at[fd].serial == serial ? &w->at[fd] : NULL;
    if (p && p->x) {
        gone = p->x;
        weir_exchange_hold(gone);
    } else if (p && !drain(p, fd)) {
        end_lingering(w, fd);
    }
    pthread_mutex_unlock(&w->lock);
    if (gone) { /* tells the service, which need not know of our lock */
        weir_exchange_leave(gone);
        weir_exchange_release(gone);
    }
}

static void tick(weir_watch *w) {
    double now_s = weir_clock_s();
    pthread_mutex_lock(&w->lock);
    for (size_t fd = 0; fd < w->n_places; fd++) {
        const place *p = &w->at[fd];
        if (p->serial != 0 && p->x)
            weir_exchange_cut_if_stuck(p->x, w->options.stuck_s);
        else if (p->serial != 0 && now_s > p->until_s)
            end_lingering(w, (int)fd);
    }
    pthread_mutex_unlock(&w->lock);
}

static bool is_closing(weir_watch *w, bool *has_work) {
    pthread_mutex_lock(&w->lock);
    bool closes = w->is_closing;
    *has_work = w->n_exchanges + w->n_lingering > 0;
    pthread_mutex_unlock(&w->lock);
    return closes;
}

static void *run(void *argument) {
    weir_watch *w = argument;
    struct epoll_event events[N_EVENTS];
    double tick_s = 0;
    for (bool has_work; !is_closing(w, &has_work);) {
        int n = epoll_wait(w->epoll_fd, events, N_EVENTS, has_work ? TICK_MS : -1);
        for (int i = 0; i < n; i++) {
            int fd = (int)(events[i].data.u64 & ((1u << FD_BITS) - 1));
            uint64_t serial = events[i].data.u64 >> FD_BITS, count;
            if (serial != 0)
                on_event(w, serial, fd);
            else if (fd == w->wake_fd)
                (void)!read(fd, &count, sizeof count);
            else
                accept_clients(w, fd);
        }
        if (weir_clock_s() - tick_s > TICK_MS / 1e3) {
            tick_s = weir_clock_s();
            tick(w);
        }
    }
    return NULL;
}

/* ---- open and close ----------------------------------------------------------------------- */

static bool add_plain(weir_watch *w, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)fd};
    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void free_watch(weir_watch *w) {
    for (size_t fd = 0; fd < w->n_places; fd++)
        if (w->at[fd].serial != 0)
            end_lingering(w, (int)fd);
    if (w->epoll_fd >= 0)
        close(w->epoll_fd);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    pthread_mutex_destroy(&w->accept_lock);
    pthread_mutex_destroy(&w->lock);
    free(w->at);
    free(w);
}

weir_status weir_watch_open(weir_watch **out, const weir_watch_options *options, weir_error *err) {
    *out = NULL;
    weir_watch *w = calloc(1, sizeof *w);
    if (!w)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for connections");
    w->options = *options;
    pthread_mutex_init(&w->accept_lock, NULL);
    pthread_mutex_init(&w->lock, NULL);
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->epoll_fd < 0 || w->wake_fd < 0 || !add_plain(w, w->wake_fd) ||
        pthread_create(&w->thread, NULL, run, w) != 0) {
        free_watch(w);
        return weir_fail(err, WEIR_STATUS_FAILED, "connections cannot be watched: %s",
                         strerror(errno));
    }
    *out = w;
    return WEIR_STATUS_OK;
}

void weir_watch_close(weir_watch **watch) {
    weir_watch *w = *watch;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->is_closing = true;
    pthread_mutex_unlock(&w->lock);
    wake(w);
    pthread_join(w->thread, NULL);
    free_watch(w);
    *watch = NULL;
}

/* ---- from other threads ------------------------------------------------------------------- */

weir_status weir_watch_accept(weir_watch *w, weir_error *err) {
    pthread_mutex_lock(&w->accept_lock);
    w->is_accepting = true;
    for (size_t i = 0; w->is_accepting && i < w->options.n; i++)
        w->is_accepting = add_plain(w, w->options.listeners[i]);
    bool is_accepting = w->is_accepting;
    pthread_mutex_unlock(&w->accept_lock);
    return is_accepting ? WEIR_STATUS_OK
                        : weir_fail(err, WEIR_STATUS_FAILED, "connections cannot be watched: %s",
                                    strerror(errno));
}

void weir_watch_stop_accepting(weir_watch *w) {
    pthread_mutex_lock(&w->accept_lock);
    for (size_t i = 0; w->is_accepting && i < w->options.n; i++)
        epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, w->options.listeners[i], NULL);
    w->is_accepting = false;
    pthread_mutex_unlock(&w->accept_lock);
}

bool weir_watch_add(weir_watch *w, int fd, weir_exchange *x) {
    pthread_mutex_lock(&w->lock);
    /* Once is enough: who has left does not come back. */
    bool is_added = !w->is_cut && add(w, fd, x, EPOLLRDHUP | EPOLLONESHOT);
    pthread_mutex_unlock(&w->lock);
    return is_added;
}

void weir_watch_remove(weir_watch *w, int fd) {
    pthread_mutex_lock(&w->lock);
    drop(w, fd);
    pthread_mutex_unlock(&w->lock);
}

uint32_t weir_watch_count(weir_watch *w) {
    pthread_mutex_lock(&w->lock);
    uint32_t n = w->n_exchanges;
    pthread_mutex_unlock(&w->lock);
    return n;
}

/* The next exchange from place *fd on, held; NULL: there is none. */
static weir_exchange *next_exchange(weir_watch *w, size_t *fd) {
    weir_exchange *x = NULL;
    pthread_mutex_lock(&w->lock);
    w->is_cut = true;
    for (; !x && *fd < w->n_places; ++*fd)
        x = w->at[*fd].x;
    if (x)
        weir_exchange_hold(x);
    pthread_mutex_unlock(&w->lock);
    return x;
}

void weir_watch_cut_all(weir_watch *w) {
    size_t fd = 0;
    for (weir_exchange *x; (x = next_exchange(w, &fd));) {
        weir_exchange_leave(x);
        weir_exchange_release(x);
    }
}

void weir_watch_linger(weir_watch *w, int fd) {
    pthread_mutex_lock(&w->lock);
    place p = {0};
    shutdown(fd, SHUT_WR);
    bool is_kept = !w->is_cut && w->n_lingering < LINGER_MAX && drain(&p, fd) &&
                   add(w, fd, NULL, EPOLLIN | EPOLLRDHUP);
    pthread_mutex_unlock(&w->lock);
    if (!is_kept)
        close(fd);
}

#endif
