/*
 * expert_stream.c: what a layer wants is asked for, read, packed and handed out
 * to be multiplied.
 *
 * Owns the queue, the pieces and the list of what the layer that runs wants;
 * which slot is given up is expert_cache.c's. Invariants, under the lock: every
 * unit COMING has bytes that are asked for or is in `coming`; every piece is in
 * `free`, in `ended`, with a worker that packs it, or counted in n_under_way;
 * only units before n_held_once are held.
 */
#include "cpu/expert_stream.h"

#include "base/clock.h"
#include "base/error.h"

#include <assert.h>
#include <fcntl.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 4096 };

/* ---- opening ------------------------------------------------------------------------------- */

weir_status weir_expert_stream_open(weir_expert_stream *s, weir_error *err) {
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->has_changed, NULL);
    for (uint32_t i = 0; i < s->depth; i++) {
        s->pieces[i].read.to = s->buffers + i * s->buffer_bytes;
        s->pieces[i].next = s->free;
        s->free = &s->pieces[i];
    }
    WEIR_TRY(weir_expert_files_open(s, err));
    return weir_read_queue_open(&s->queue, s->depth, WEIR_READ_ANY, err);
}

void weir_expert_stream_close(weir_expert_stream *s) {
    weir_read_queue_close(&s->queue);
    weir_expert_files_close(s);
    pthread_cond_destroy(&s->has_changed);
    pthread_mutex_destroy(&s->lock);
}

/* ---- asking -------------------------------------------------------------------------------- */

static uint32_t part_index(const weir_expert_stream *s, uint32_t unit) {
    return unit / s->n_experts;
}

static uint32_t unit_bytes(const weir_expert_stream *s, uint32_t unit) {
    return (uint32_t)(s->weights[unit].rows * s->weights[unit].row_bytes);
}

/* The next bytes of a unit that fit a buffer, in whole strips or rows. */
static void fill_piece(const weir_expert_stream *s, weir_expert_piece *p, uint32_t u) {
    const weir_expert_unit *unit = &s->units[u];
    const weir_weight *w = &s->weights[u];
    size_t grain = (s->is_packed[part_index(s, u)] ? WEIR_T16_ROWS : 1) * w->row_bytes;
    size_t room = (s->buffer_bytes - PAGE_BYTES) / grain * grain;
    size_t left = unit_bytes(s, u) - unit->n_asked;
    uint64_t at = unit->at + unit->n_asked;
    const weir_expert_file *f = &s->files[unit->file];
    p->unit = u;
    p->first = unit->n_asked;
    p->bytes = (uint32_t)(left < room ? left : room);
    p->skip = f->is_direct ? (uint32_t)(at % PAGE_BYTES) : 0;
    p->read.file = f->file;
    p->read.at = at - p->skip;
    p->read.least = p->skip + p->bytes;
    p->read.bytes =
        f->is_direct ? (p->read.least + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES : p->read.least;
    assert(p->read.bytes <= s->buffer_bytes);
}

void weir_expert_ask(weir_expert_stream *s) {
    weir_read *reads[WEIR_EXPERT_DEPTH];
    uint32_t n = 0;
    while (s->free && s->n_coming > 0) {
        uint32_t u = s->coming[s->coming_first];
        weir_expert_piece *p = s->free;
        s->free = p->next;
        fill_piece(s, p, u);
        s->units[u].n_asked += p->bytes;
        s->stats.read_bytes += p->bytes;
        reads[n++] = &p->read;
        if (s->units[u].n_asked == unit_bytes(s, u)) {
            s->coming_first = (s->coming_first + 1) % s->n_units;
            s->n_coming--;
        }
    }
    s->n_under_way += n;
    weir_read_queue_submit(s->queue, reads, n);
}

static void make_ready(weir_expert_stream *s, uint32_t u) {
    s->ready[s->n_ready++] = u % s->n_experts;
}

/* Is it one that the product that runs waits for? */
static bool is_of_product(const weir_expert_stream *s, uint32_t u) {
    return s->units[u].is_held && part_index(s, u) == s->layer * WEIR_EXPERT_PARTS + s->part;
}

/* Holds what the list wants, in its order, as long as there are slots. */
static void hold_listed(weir_expert_stream *s) {
    while (s->n_held_once < s->n_listed) {
        uint32_t u = s->list[s->n_held_once];
        weir_expert_unit *unit = &s->units[u];
        if (unit->state == WEIR_EXPERT_ABSENT) {
            if (!weir_expert_take_slot(s, u, DBL_MAX))
                return;
            s->coming[(s->coming_first + s->n_coming++) % s->n_units] = u;
        }
        unit->is_held = true;
        s->n_held_once++;
        if (unit->state == WEIR_EXPERT_HERE && is_of_product(s, u))
            make_ready(s, u);
    }
}

static void advance(weir_expert_stream *s) {
    hold_listed(s);
    weir_expert_ask(s);
    weir_expert_ask_guesses(s);
}

/* ---- packing ------------------------------------------------------------------------------- */

/* Bytes of the file into their place in the slot. Nobody else writes there, and
 * nobody reads before all is there. */
static void pack(const weir_expert_stream *s, const weir_expert_piece *p) {
    const weir_weight *w = &s->weights[p->unit];
    const uint8_t *from = p->read.to + p->skip;
    uint8_t *slot = weir_expert_slot(s, &s->units[p->unit]);
    if (!s->is_packed[part_index(s, p->unit)]) {
        memcpy(slot + p->first, from, p->bytes);
        return;
    }
    size_t rows_bytes = WEIR_T16_ROWS * w->row_bytes;
    size_t strip_bytes = weir_t16_strip_bytes(w->format->id, w->cols);
    uint8_t *strip = slot + p->first / rows_bytes * strip_bytes;
    for (size_t at = 0; at < p->bytes; at += rows_bytes, strip += strip_bytes)
        weir_t16_pack(w->format->id, from + at, w->row_bytes, w->cols, strip);
}

static void fail_step(weir_expert_stream *s, const weir_expert_piece *p) {
    const weir_expert_unit *unit = &s->units[p->unit];
    if (s->has_failed)
        return;
    s->has_failed = true;
    atomic_store(&s->stop, true);
    weir_fail(&s->error, WEIR_STATUS_IO, "%s: an expert at byte %llu cannot be read: %s",
              s->files[unit->file].path, (unsigned long long)(unit->at + p->first),
              p->read.error > 0 ? strerror(p->read.error) : "the file ends before it");
}

/* A piece has been read: packs it without the lock, frees its buffer, asks for
 * the next. */
static void bring_in(weir_expert_stream *s, weir_expert_piece *p) {
    weir_expert_unit *unit = &s->units[p->unit];
    if (p->read.error == 0 && !s->has_failed) {
        pthread_mutex_unlock(&s->lock);
        pack(s, p);
        pthread_mutex_lock(&s->lock);
    }
    const weir_expert_file *f = &s->files[unit->file];
    if (!f->is_direct)
        posix_fadvise(f->file, (off_t)p->read.at, p->read.bytes, POSIX_FADV_DONTNEED);
    if (p->read.error != 0)
        fail_step(s, p);
    unit->n_missing -= p->bytes;
    p->next = s->free;
    s->free = p;
    if (unit->n_missing == 0 && !s->has_failed) {
        unit->state = WEIR_EXPERT_HERE;
        s->weights[p->unit].data = weir_expert_slot(s, unit);
        if (is_of_product(s, p->unit))
            make_ready(s, p->unit);
    }
    if (!s->has_failed)
        advance(s);
    pthread_cond_broadcast(&s->has_changed);
}

/* ---- products ------------------------------------------------------------------------------ */

static void drop_list(weir_expert_stream *s) {
    for (uint32_t i = 0; i < s->n_listed; i++) {
        s->units[s->list[i]].is_held = false;
        s->units[s->list[i]].wanted = WEIR_EXPERT_NONE;
    }
    s->n_listed = s->n_held_once = s->n_active = 0;
    s->layer = WEIR_EXPERT_NONE;
}

/* A layer's products begin: lists what they want, and counts the uses. */
static void make_list(weir_expert_stream *s, uint32_t layer, uint32_t part, const uint32_t *experts,
                      uint32_t n, const uint32_t *begin, uint32_t n_tokens) {
    drop_list(s);
    s->layer = layer;
    s->first_part = part;
    s->n_active = n;
    s->clocks[layer] += n_tokens;
    s->n_guesses = s->next_guess = 0;
    for (uint32_t p = part; p < WEIR_EXPERT_PARTS; p++)
        for (uint32_t i = 0; i < n; i++) {
            uint32_t u = (layer * WEIR_EXPERT_PARTS + p) * s->n_experts + experts[i];
            weir_expert_unit *unit = &s->units[u];
            unit->wanted = s->n_listed;
            s->list[s->n_listed++] = u;
            weir_expert_count(unit, begin[experts[i] + 1] - begin[experts[i]], s->clocks[layer]);
            s->stats.n_uses++;
            s->stats.n_hits += unit->state == WEIR_EXPERT_HERE;
            s->stats.n_guesses_taken += unit->is_guessed;
            unit->is_guessed = false;
        }
}

void weir_expert_product_begin(weir_expert_stream *s, const weir_weight *w, const uint32_t *experts,
                               uint32_t n, const uint32_t *begin, uint32_t n_tokens,
                               uint32_t n_tiles) {
    uint32_t at = (uint32_t)(w - s->weights) / s->n_experts;
    uint32_t layer = at / WEIR_EXPERT_PARTS, part = at % WEIR_EXPERT_PARTS;
    assert((uint32_t)(w - s->weights) % s->n_experts == 0);
    if (s->cancel && atomic_load(s->cancel))
        atomic_store(&s->stop, true);
    pthread_mutex_lock(&s->lock);
    s->n_ready = 0;
    s->next_item = 0;
    s->n_tiles = n_tiles;
    if (!s->has_failed) {
        /* The parts of a layer come one after the other, for the same experts. */
        if (s->layer != layer || part != s->part + 1 || s->n_active != n)
            make_list(s, layer, part, experts, n, begin, n_tokens);
        s->part = part;
        uint32_t first = (part - s->first_part) * n;
        for (uint32_t i = first; i < first + n; i++) {
            const weir_expert_unit *unit = &s->units[s->list[i]];
            assert(s->list[i] % s->n_experts == experts[i - first]);
            s->n_left[experts[i - first]] = n_tiles;
            if (unit->is_held && unit->state == WEIR_EXPERT_HERE)
                make_ready(s, s->list[i]);
        }
        advance(s);
    }
    pthread_mutex_unlock(&s->lock);
}

/* A piece that has been read, if there is one. */
static weir_expert_piece *take_ended(weir_expert_stream *s) {
    weir_expert_piece *p = s->ended;
    if (p) {
        s->ended = p->next;
        return p;
    }
    if (s->is_waited_for)
        return NULL;
    p = (weir_expert_piece *)weir_read_queue_take(s->queue, false);
    s->n_under_way -= p != NULL;
    return p;
}

/* Until something changes: one worker waits at the queue, the others for that
 * one. */
static void wait_for_change(weir_expert_stream *s) {
    if (s->is_waited_for || s->n_under_way == 0) {
        pthread_cond_wait(&s->has_changed, &s->lock);
        return;
    }
    s->is_waited_for = true;
    pthread_mutex_unlock(&s->lock);
    double begin = weir_clock_s();
    weir_expert_piece *p = (weir_expert_piece *)weir_read_queue_take(s->queue, true);
    double waited_s = weir_clock_s() - begin;
    pthread_mutex_lock(&s->lock);
    s->is_waited_for = false;
    s->stats.wait_s += waited_s;
    assert(p);
    s->n_under_way--;
    p->next = s->ended;
    s->ended = p;
    pthread_cond_broadcast(&s->has_changed);
}

bool weir_expert_item_take(weir_expert_stream *s, uint32_t *expert, uint32_t *tile) {
    bool has_item = false;
    pthread_mutex_lock(&s->lock);
    while (!s->has_failed) {
        weir_expert_piece *p = take_ended(s);
        if (p) {
            bring_in(s, p);
            continue;
        }
        has_item = s->next_item < (uint64_t)s->n_ready * s->n_tiles;
        if (has_item || s->n_ready == s->n_active)
            break;
        wait_for_change(s);
    }
    if (has_item && !s->has_failed) {
        *expert = s->ready[s->next_item / s->n_tiles];
        *tile = (uint32_t)(s->next_item % s->n_tiles);
        s->next_item++;
    } else {
        has_item = false;
    }
    pthread_mutex_unlock(&s->lock);
    return has_item;
}

void weir_expert_item_done(weir_expert_stream *s, uint32_t expert) {
    pthread_mutex_lock(&s->lock);
    if (--s->n_left[expert] == 0) {
        uint32_t u = (s->layer * WEIR_EXPERT_PARTS + s->part) * s->n_experts + expert;
        s->units[u].is_held = false;
        s->units[u].wanted = WEIR_EXPERT_NONE;
        if (!s->has_failed && s->n_held_once < s->n_listed) {
            advance(s);
            pthread_cond_broadcast(&s->has_changed);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- steps --------------------------------------------------------------------------------- */

/* After a failure: waits for what is under way, and gives up all that is not
 * whole. The lock keeps nobody out, there is no region. */
static void put_right(weir_expert_stream *s) {
    weir_expert_piece *p;
    while (s->n_under_way > 0 &&
           (p = (weir_expert_piece *)weir_read_queue_take(s->queue, true)) != NULL) {
        s->n_under_way--;
        p->next = s->ended;
        s->ended = p;
    }
    while ((p = s->ended) != NULL) {
        s->ended = p->next;
        p->next = s->free;
        s->free = p;
    }
    /* Of a file that was changed nothing that was read is trusted. */
    bool is_changed = s->error.status == WEIR_STATUS_BAD_FILE;
    for (uint32_t u = 0; u < s->n_units; u++)
        if (s->units[u].state == WEIR_EXPERT_COMING ||
            (is_changed && s->units[u].state == WEIR_EXPERT_HERE))
            weir_expert_leave_slot(s, u);
    s->n_coming = 0;
    drop_list(s);
    s->has_failed = false;
}

weir_status weir_expert_step_begin(weir_expert_stream *s, atomic_bool *cancel, weir_error *err) {
    pthread_mutex_lock(&s->lock);
    if (s->has_failed)
        put_right(s);
    drop_list(s);
    s->n_guesses = s->next_guess = 0;
    s->cancel = cancel;
    atomic_store(&s->stop, cancel && atomic_load(cancel));
    pthread_mutex_unlock(&s->lock);
    return weir_expert_files_check(s, err);
}

bool weir_expert_step_check(weir_expert_stream *s) {
    pthread_mutex_lock(&s->lock);
    if (!s->has_failed && weir_expert_files_check(s, &s->error) != WEIR_STATUS_OK)
        s->has_failed = true;
    bool is_sound = !s->has_failed;
    pthread_mutex_unlock(&s->lock);
    return is_sound;
}

weir_status weir_expert_step_end(weir_expert_stream *s, weir_error *err) {
    pthread_mutex_lock(&s->lock);
    bool has_failed = s->has_failed;
    s->cancel = NULL;
    pthread_mutex_unlock(&s->lock);
    return has_failed ? weir_fail(err, s->error.status, "%s", s->error.text) : WEIR_STATUS_OK;
}
