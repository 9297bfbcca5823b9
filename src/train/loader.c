/*
 * loader.c: which windows of which packed files come next, and the batches made of them.
 *
 * Owns the order. Each source goes through its windows in a permutation that is a pure function of
 * (seed, source, epoch): a keyed bijection, so nothing is stored and every place of it can be
 * reached at once. Sources take turns by credit: a window of n tokens gives each source n times its
 * share and takes n from the one it came from, and the source with most credit is next. Credit
 * stays within a few windows of 0, so another mixture begins to hold at once.
 *
 *   document of 9 tokens, windows of 4    0 1 2 3 4 5 6 7 8
 *                                         [w0 . .]
 *                                               [w1 . .]
 *                                                     [w2]        each token but 0 is predicted
 * once
 */
#include "base/error.h"
#include "base/random.h"
#include "train/data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CREDIT_UNIT = 1 << 20, N_ROUNDS = 6, MAX_SOURCES = 256 };

typedef struct source {
    const weir_shard *shard;
    char *name;
    double share;           /* of all tokens; 0: not used now */
    uint64_t *first_window; /* [n_samples + 1] of documents; NULL: one window a conversation */
    uint64_t n_windows;
    weir_loader_cursor cursor;
} source;

struct weir_loader {
    source *sources; /* [n_sources] */
    size_t n_sources;
    uint32_t n_context;
    uint64_t seed;
};

typedef struct window {
    uint64_t sample;
    size_t first, n;
} window;

/* ---- windows ------------------------------------------------------------------------------- */

/* Neighbouring windows share a token: the last of one is the first of the next. */
static uint64_t count_pieces(size_t n, uint32_t n_context) {
    return n < 2 ? 0 : (n - 2) / (n_context - 1) + 1;
}

static window piece_of(const weir_shard *shard, uint64_t sample, uint64_t piece,
                       uint32_t n_context) {
    size_t n_sample = weir_shard_sample_n(shard, sample);
    size_t first = (size_t)piece * (n_context - 1);
    size_t left = n_sample - first;
    return (window){sample, first, left < n_context ? left : n_context};
}

/* The last row predicts nothing and the first is predicted by nothing. */
static bool is_useful(const weir_shard *shard, window w) {
    return w.n >= 2 && weir_shard_has_target(shard, w.sample, w.first + 1, w.n - 1);
}

/* first_window[*]: the greatest sample whose first window is not behind `i`. */
static window window_of(const source *s, uint64_t i, uint32_t n_context) {
    if (!s->first_window)
        return piece_of(s->shard, i, 0, n_context);
    uint64_t low = 0, high = weir_shard_n_samples(s->shard);
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (s->first_window[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    return piece_of(s->shard, low, i - s->first_window[low], n_context);
}

/* ---- order --------------------------------------------------------------------------------- */

/* Place i of a permutation of [0, n) chosen by key: a Feistel network over the smallest square of a
 * power of two that holds n, walked until it lands inside (Black and Rogaway 2002). */
static uint64_t permute(uint64_t key, uint64_t n, uint64_t i) {
    unsigned n_bits = 1;
    while (n_bits < 32 && (uint64_t)1 << 2 * n_bits < n)
        n_bits++;
    uint64_t mask = ((uint64_t)1 << n_bits) - 1;
    do {
        uint64_t left = i >> n_bits, right = i & mask;
        for (uint64_t round = 0; round < N_ROUNDS; round++) {
            uint64_t mixed = left ^ (weir_mix64(key, round, right) & mask);
            left = right;
            right = mixed;
        }
        i = left << n_bits | right;
    } while (i >= n);
    return i;
}

static void begin_epoch(weir_loader_cursor *cursor) {
    cursor->epoch++;
    cursor->next = 0;
}

/* The cursor of source s as it stands for the windows there are now. */
static void settle(const weir_loader *loader, const source *s, weir_loader_cursor *cursor) {
    if (cursor->n_context == 0)
        cursor->n_context = loader->n_context;
    if (cursor->n_context != loader->n_context) {
        /* A conversation is one window at any length. */
        if (s->first_window && cursor->next > 0)
            begin_epoch(cursor);
        cursor->n_context = loader->n_context;
    }
    if (cursor->next >= s->n_windows)
        begin_epoch(cursor);
}

/* The next useful window of a source, and the cursor behind it. There is one: count_windows has
 * looked. */
static window draw(const weir_loader *loader, size_t i, weir_loader_cursor *behind) {
    const source *s = &loader->sources[i];
    window w;
    *behind = s->cursor;
    do {
        settle(loader, s, behind);
        uint64_t key = weir_mix64(loader->seed, i, behind->epoch);
        w = window_of(s, permute(key, s->n_windows, behind->next), loader->n_context);
        behind->next++;
    } while (!is_useful(s->shard, w));
    behind->n_tokens += w.n;
    return w;
}

/* ---- stages -------------------------------------------------------------------------------- */

static weir_status count_windows(source *s, uint32_t n_context, weir_error *err) {
    uint64_t n_samples = weir_shard_n_samples(s->shard), n_windows = 0;
    bool is_any_useful = false;
    for (uint64_t i = 0; i < n_samples; i++) {
        if (s->first_window) {
            s->first_window[i] = n_windows;
            n_windows += count_pieces(weir_shard_sample_n(s->shard, i), n_context);
        } else {
            n_windows++;
        }
        is_any_useful = is_any_useful || is_useful(s->shard, piece_of(s->shard, i, 0, n_context));
    }
    if (s->first_window)
        s->first_window[n_samples] = n_windows;
    s->n_windows = n_windows;
    if (!is_any_useful)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s: no sample has a target among its first %u tokens; expected one, or a "
                         "longer window",
                         s->name, n_context);
    return WEIR_STATUS_OK;
}

static weir_status check_stage(const double *weights, size_t n, uint32_t n_context, double *sum,
                               weir_error *err) {
    *sum = 0;
    if (n_context < 2)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "windows of %u tokens, expected 2 at least",
                         n_context);
    for (size_t i = 0; i < n; i++) {
        if (!(weights[i] >= 0 && weights[i] <= 1e12))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "weight %g of source %zu, expected a number from 0 up", weights[i], i);
        *sum += weights[i];
    }
    if (!(*sum > 0))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%zu sources of weight 0, expected one above it", n);
    return WEIR_STATUS_OK;
}

weir_status weir_loader_set_stage(weir_loader *loader, const double *weights, uint32_t n_context,
                                  weir_error *err) {
    double sum;
    weir_status status;
    uint32_t n_context_before = loader->n_context;
    WEIR_TRY(check_stage(weights, loader->n_sources, n_context, &sum, err));
    for (size_t i = 0; i < loader->n_sources; i++) {
        source *s = &loader->sources[i];
        if (weights[i] > 0)
            WEIR_TRY_GOTO(count_windows(s, n_context, err));
    }
    for (size_t i = 0; i < loader->n_sources; i++)
        loader->sources[i].share = weights[i] / sum;
    loader->n_context = n_context;
    return WEIR_STATUS_OK;
fail:
    for (size_t i = 0; i < loader->n_sources; i++)
        if (loader->sources[i].share > 0) /* was useful with the length before */
            count_windows(&loader->sources[i], n_context_before, NULL);
    return status;
}

/* ---- open and close ------------------------------------------------------------------------ */

static weir_status open_sources(weir_loader *loader, const weir_loader_source *sources,
                                size_t n_sources, weir_error *err) {
    for (size_t i = 0; i < n_sources; i++) {
        source *s = &loader->sources[i];
        loader->n_sources = i + 1;
        s->shard = sources[i].shard;
        s->name = strdup(sources[i].name ? sources[i].name : "a source");
        if (weir_shard_is_text(s->shard))
            s->first_window = calloc(weir_shard_n_samples(s->shard) + 1, sizeof *s->first_window);
        if (!s->name || (weir_shard_is_text(s->shard) && !s->first_window))
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the windows of %s",
                             sources[i].name ? sources[i].name : "a source");
    }
    return WEIR_STATUS_OK;
}

weir_status weir_loader_open(weir_loader **out, const weir_loader_source *sources, size_t n_sources,
                             uint32_t n_context, uint64_t seed, weir_error *err) {
    double weights[MAX_SOURCES];
    weir_status status;
    *out = NULL;
    if (n_sources == 0 || n_sources > MAX_SOURCES)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%zu sources, expected 1 to %d", n_sources,
                         MAX_SOURCES);
    weir_loader *loader = calloc(1, sizeof *loader);
    source *room = calloc(n_sources, sizeof *room);
    if (!loader || !room) {
        free(loader);
        free(room);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu sources", n_sources);
    }
    loader->sources = room;
    loader->seed = seed;
    loader->n_context = n_context;
    WEIR_TRY_GOTO(open_sources(loader, sources, n_sources, err));
    for (size_t i = 0; i < n_sources; i++)
        weights[i] = sources[i].weight;
    WEIR_TRY_GOTO(weir_loader_set_stage(loader, weights, n_context, err));
    *out = loader;
    return WEIR_STATUS_OK;
fail:
    weir_loader_close(&loader);
    return status;
}

void weir_loader_close(weir_loader **loader) {
    if (!loader || !*loader)
        return;
    for (size_t i = 0; i < (*loader)->n_sources; i++) {
        free((*loader)->sources[i].name);
        free((*loader)->sources[i].first_window);
    }
    free((*loader)->sources);
    free(*loader);
    *loader = NULL;
}

void weir_loader_get_cursors(const weir_loader *loader, weir_loader_cursor *out) {
    for (size_t i = 0; i < loader->n_sources; i++)
        out[i] = loader->sources[i].cursor;
}

void weir_loader_set_cursors(weir_loader *loader, const weir_loader_cursor *cursors) {
    for (size_t i = 0; i < loader->n_sources; i++) {
        loader->sources[i].cursor = cursors[i];
        if (cursors[i].n_context == 0)
            loader->sources[i].cursor.n_context = loader->n_context;
    }
}

uint64_t weir_loader_epoch_rows(const weir_loader *loader, size_t i) {
    const source *s = &loader->sources[i];
    uint64_t n_rows = 0;
    for (uint64_t k = 0; k < s->n_windows; k++) {
        window w = window_of(s, k, loader->n_context);
        n_rows += is_useful(s->shard, w) ? w.n : 0;
    }
    return n_rows;
}

/* ---- batches ------------------------------------------------------------------------------- */

weir_status weir_batch_room_open(weir_batch_room *out, uint32_t cap_rows, weir_error *err) {
    *out = (weir_batch_room){.cap_rows = cap_rows};
    if (cap_rows < 2)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "a batch of %u rows, expected 2 at least",
                         cap_rows);
    out->tokens = calloc(cap_rows, sizeof *out->tokens);
    out->targets = calloc(cap_rows, sizeof *out->targets);
    out->segments = calloc(cap_rows, sizeof *out->segments);
    if (!out->tokens || !out->targets || !out->segments) {
        weir_batch_room_close(out);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a batch of %u rows", cap_rows);
    }
    out->batch.tokens = out->tokens;
    out->batch.targets = out->targets;
    out->batch.segments.item = out->segments;
    return WEIR_STATUS_OK;
}

void weir_batch_room_close(weir_batch_room *room) {
    if (!room)
        return;
    free(room->tokens);
    free(room->targets);
    free(room->segments);
    *room = (weir_batch_room){0};
}

static void clear_batch(weir_batch_room *room) {
    room->batch.n_rows = room->batch.segments.n = room->batch.segments.n_rows = 0;
    room->n_targets = room->n_target_bytes = 0;
}

/* False: it does not fit any more. */
static bool put_window(weir_batch_room *room, const weir_shard *shard, window w) {
    uint32_t at = room->batch.n_rows;
    if (w.n > room->cap_rows - at || (at > 0 && room->most_rows > 0 && at + w.n > room->most_rows))
        return false;
    int32_t *tokens = room->tokens + at, *targets = room->targets + at;
    weir_shard_read(shard, w.sample, w.first, w.n, tokens, NULL);
    for (size_t r = 0; r < w.n; r++) {
        targets[r] = -1;
        if (r + 1 == w.n || !weir_shard_has_target(shard, w.sample, w.first + r + 1, 1))
            continue;
        targets[r] = tokens[r + 1];
        room->n_targets++;
        room->n_target_bytes += weir_shard_token_bytes(shard, targets[r]);
    }
    room->segments[room->batch.segments.n++] = (weir_segment){at, (uint32_t)w.n};
    room->batch.n_rows += (uint32_t)w.n;
    room->batch.segments.n_rows = room->batch.n_rows;
    return true;
}

static weir_status fail_room(uint32_t n_rows, size_t n, weir_error *err) {
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                     "a window of %zu tokens does not fit in a batch of %u rows; expected a larger "
                     "batch or shorter windows",
                     n, n_rows);
}

static size_t find_source(const weir_loader *loader) {
    size_t best = loader->n_sources;
    for (size_t i = 0; i < loader->n_sources; i++) {
        const source *s = &loader->sources[i];
        if (s->share > 0 &&
            (best == loader->n_sources || s->cursor.credit > loader->sources[best].cursor.credit))
            best = i;
    }
    assert(best < loader->n_sources); /* a stage has a weight above 0 */
    return best;
}

static void move_credit(weir_loader *loader, size_t drawn, size_t n) {
    for (size_t i = 0; i < loader->n_sources; i++) {
        source *s = &loader->sources[i];
        s->cursor.credit += (int64_t)(s->share * (double)n * CREDIT_UNIT + 0.5);
    }
    loader->sources[drawn].cursor.credit -= (int64_t)n * CREDIT_UNIT;
}

weir_status weir_loader_next(weir_loader *loader, weir_batch_room *room, weir_error *err) {
    clear_batch(room);
    for (;;) {
        size_t i = find_source(loader);
        weir_loader_cursor behind;
        window w = draw(loader, i, &behind);
        if (!put_window(room, loader->sources[i].shard, w))
            return room->batch.n_rows > 0 ? WEIR_STATUS_OK : fail_room(room->cap_rows, w.n, err);
        loader->sources[i].cursor = behind;
        move_credit(loader, i, w.n);
    }
}

/* ---- in order ------------------------------------------------------------------------------ */

/* The sample that token `at` of all tokens belongs to. */
static uint64_t sample_at(const weir_shard *shard, uint64_t at) {
    uint64_t low = 0, high = weir_shard_n_samples(shard);
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (weir_shard_sample_first(shard, middle) <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

weir_status weir_shard_next(const weir_shard *shard, uint32_t n_context, uint64_t *next,
                            weir_batch_room *room, weir_error *err) {
    clear_batch(room);
    if (n_context < 2)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "windows of %u tokens, expected 2 at least",
                         n_context);
    /* *next: where the next window begins among all tokens */
    while (*next < weir_shard_n_tokens(shard)) {
        uint64_t sample = sample_at(shard, *next);
        uint64_t end = weir_shard_sample_first(shard, sample + 1);
        size_t first = (size_t)(*next - weir_shard_sample_first(shard, sample));
        size_t left = (size_t)(end - *next);
        window w = {sample, first, left < n_context ? left : n_context};
        if (is_useful(shard, w) && !put_window(room, shard, w))
            return room->batch.n_rows > 0 ? WEIR_STATUS_OK : fail_room(room->cap_rows, w.n, err);
        *next = w.n == left || !weir_shard_is_text(shard) ? end : *next + w.n - 1;
    }
    return WEIR_STATUS_OK;
}
