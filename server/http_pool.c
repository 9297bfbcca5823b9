/*
 * http_pool.c: a queue of exchanges and the threads that empty it.
 *
 * The queue has no bound of its own: each connection has one exchange in it at most.
 */
#include "http_pool.h"

#ifdef WEIR_HAS_SERVER

#include "base/error.h"
#include "exchange_parts.h"

#include <stdlib.h>

struct weir_pool {
    void (*run)(void *context, weir_exchange *x);
    void *context;
    pthread_t *thread; /* [n], owned */
    uint32_t n;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t has_work;
    weir_exchange *first, *last;
    bool is_closing;
};

/* NULL: the pool is closing. */
static weir_exchange *take(weir_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    while (!pool->first && !pool->is_closing)
        pthread_cond_wait(&pool->has_work, &pool->lock);
    weir_exchange *x = pool->is_closing ? NULL : pool->first;
    if (x)
        pool->first = x->next;
    pthread_mutex_unlock(&pool->lock);
    return x;
}

static void *work(void *argument) {
    weir_pool *pool = argument;
    for (weir_exchange *x; (x = take(pool));)
        pool->run(pool->context, x);
    return NULL;
}

weir_status weir_pool_open(weir_pool **out, uint32_t n,
                           void (*run)(void *context, weir_exchange *x), void *context,
                           weir_error *err) {
    *out = NULL;
    weir_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for threads");
    pool->run = run;
    pool->context = context;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->has_work, NULL);
    pool->thread = calloc(n, sizeof *pool->thread);
    while (pool->thread && pool->n < n &&
           pthread_create(&pool->thread[pool->n], NULL, work, pool) == 0)
        pool->n++;
    if (!pool->thread || pool->n < n) {
        weir_pool_close(&pool);
        return weir_fail(err, WEIR_STATUS_FAILED, "%u threads for requests cannot be started", n);
    }
    *out = pool;
    return WEIR_STATUS_OK;
}

void weir_pool_push(weir_pool *pool, weir_exchange *x) {
    pthread_mutex_lock(&pool->lock);
    x->next = NULL;
    if (pool->first)
        pool->last->next = x;
    else
        pool->first = x;
    pool->last = x;
    pthread_cond_signal(&pool->has_work);
    pthread_mutex_unlock(&pool->lock);
}

void weir_pool_stop(weir_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->is_closing = true;
    pthread_cond_broadcast(&pool->has_work);
    pthread_mutex_unlock(&pool->lock);
    while (pool->n > 0)
        pthread_join(pool->thread[--pool->n], NULL);
}

void weir_pool_close(weir_pool **pool) {
    weir_pool *p = *pool;
    if (!p)
        return;
    weir_pool_stop(p);
    for (weir_exchange *x = p->first, *next; x; x = next) {
        next = x->next;
        weir_exchange_release(x);
    }
    pthread_cond_destroy(&p->has_work);
    pthread_mutex_destroy(&p->lock);
    free(p->thread);
    free(p);
    *pool = NULL;
}

#endif
