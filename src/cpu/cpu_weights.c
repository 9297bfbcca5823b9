/*
 * cpu_weights.c: where the CPU device has its weights.
 *
 * A matrix that the integer kernels can use (t16.h) is packed into memory of
 * the device. Others are used where their file is mapped, brought into memory
 * before the first step needs them, or, with no_map, copied beside the packed
 * ones. The device's memory is one arena, every matrix 64-byte aligned, in huge
 * pages where the system offers them, divided on a machine with several memory
 * nodes (cpu_nodes.h); mapped pages are dropped slice by slice
 * as they are packed or copied, so that nothing is there twice. Where a file of
 * packed weights is given (packed_weights.h), matrices are used where that is
 * mapped, and those of the model are not touched. Experts that
 * are streamed get a cache in the same arena (expert_stream.h) and are not read
 * here; then nothing stays mapped. All threads draw slices of a few MiB, so
 * that the disk sees a deep queue and the page faults are spread over the team.
 * Owns the copies of the model's bound structs that point into the arena;
 * layout() is the only place that says how large it is.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "base/mapped_pages.h"
#include "base/topology.h"
#include "base/workers.h"
#include "cpu/cpu_backend.h"
#include "cpu/packed_weights.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE_BYTES ((size_t)4 << 20)

/* So many slices behind those that the threads pack are being read. */
enum { SLICES_AHEAD = 16 };

size_t weir_cpu_matrices(const weir_model *model, bool with_experts, const weir_weight **list) {
    size_t n = 0;
#define ADD(weight)                                 \
    do {                                            \
        if ((weight)->data && (weight)->rows > 0) { \
            if (list)                               \
                list[n] = (weight);                 \
            n++;                                    \
        }                                           \
    } while (0)
    ADD(&model->embed);
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        const weir_layer *l = &model->layers[i];
        const weir_weight *single[] = {&l->conv_in,  &l->conv_out, &l->attn_q,   &l->attn_k,
                                       &l->attn_v,   &l->attn_out, &l->ffn_gate, &l->ffn_up,
                                       &l->ffn_down, &l->router};
        const weir_weight *experts[] = {l->experts_gate, l->experts_up, l->experts_down};
        for (size_t j = 0; j < WEIR_COUNT(single); j++)
            ADD(single[j]);
        for (size_t j = 0; j < WEIR_COUNT(experts); j++)
            for (uint32_t e = 0; with_experts && experts[j] && e < model->h.n_experts; e++)
                ADD(&experts[j][e]);
    }
    if (model->head.data != model->embed.data)
        ADD(&model->head);
#undef ADD
    return n;
}

/* Where matrices are placed, or only measured. */
typedef struct placing {
    const weir_cpu *cpu;
    weir_arena *arena;
    weir_arena parts;            /* of packed matrices, of one node of several */
    weir_expert_stream *experts; /* NULL: none are streamed */
    const weir_packed *packed;   /* NULL: no file of packed weights is used */
    uint64_t copied_bytes;       /* as they stand in the file, of matrices that have a place here */
    uint64_t replaced_bytes;     /* the same, of matrices that are mapped packed */
    uint64_t packed_bytes;       /* of those as they are mapped */
    uint64_t experts_bytes;      /* of the arena and all nodes' parts */
    uint64_t mapped_experts;     /* bytes of experts that have no place here and are
                                    not streamed, as they are mapped */
    uint64_t streamed_bytes;     /* as they stand in the file */
} placing;

static size_t placed_bytes(const placing *p) {
    return p->arena->used + p->cpu->n_nodes * p->parts.used;
}

/* Room in the arena for a packed matrix, or for the part of it that node 0 has. */
static const uint8_t *place_strips(const weir_weight *w, placing *p) {
    uint32_t n_nodes = p->cpu->n_nodes;
    weir_spread s = weir_spread_make(n_nodes, w->rows / WEIR_T16_ROWS);
    return weir_arena_take_array(n_nodes > 1 ? &p->parts : p->arena, weir_spread_on(&s, 0),
                                 weir_t16_strip_bytes(w->format->id, w->cols));
}

/* Returns how many bytes of the matrix are mapped and not in the arena. */
static uint64_t place(weir_weight *w, placing *p) {
    if (!w->data || w->rows == 0)
        return 0;
    uint64_t file_bytes = (uint64_t)w->rows * w->row_bytes;
    bool is_packed = weir_cpu_is_packed(p->cpu, w);
    const uint8_t *packed = is_packed && p->packed ? weir_packed_find(p->packed, w->data) : NULL;
    if (packed) {
        uint64_t bytes = weir_packed_bytes(w->format, w->rows, w->cols);
        w->data = packed;
        p->replaced_bytes += file_bytes;
        p->packed_bytes += bytes;
        return bytes;
    }
    if (is_packed)
        w->data = place_strips(w, p);
    else if (p->cpu->host.be.options.no_map || p->experts)
        w->data = weir_arena_take_array(p->arena, w->rows, w->row_bytes);
    else
        return file_bytes;
    p->copied_bytes += file_bytes;
    return 0;
}

static const weir_weight *place_experts(const weir_weight *from, uint32_t n, placing *p) {
    if (!from)
        return NULL;
    size_t before = placed_bytes(p);
    weir_weight *experts = weir_arena_take_array(p->arena, n, sizeof *experts);
    for (uint32_t e = 0; e < n; e++) {
        weir_weight w = from[e];
        p->mapped_experts += place(&w, p);
        if (experts)
            experts[e] = w;
    }
    p->experts_bytes += placed_bytes(p) - before;
    return experts;
}

static bool is_packed(const void *cpu, const weir_weight *w) {
    return weir_cpu_is_packed(cpu, w);
}

/* The cache of experts, and the experts of all layers referring to it. */
static void place_stream(placing *p, const weir_model *model) {
    size_t before = p->arena->used;
    weir_expert_stream_layout(p->experts, p->arena, model, p->cpu->host.be.options.experts_room,
                              is_packed, p->cpu, &p->streamed_bytes);
    p->experts_bytes = p->arena->used - before;
}

static void place_layer_experts(weir_layer *l, uint32_t number, uint32_t n, placing *p) {
    const weir_weight **parts[] = {&l->experts_gate, &l->experts_up, &l->experts_down};
    for (uint32_t i = 0; i < WEIR_EXPERT_PARTS; i++)
        *parts[i] = p->experts && l->is_moe ? weir_expert_stream_weights(p->experts, number, i)
                                            : place_experts(*parts[i], n, p);
}

/* Makes `copy` a model whose matrices lie in the arena, in the order of their use, where they do
 * not stay where they are mapped; all else is shared with `model`. Over an arena without memory it
 * measures. */
static void layout(weir_model *copy, placing *p, const weir_model *model) {
    *copy = *model;
    if (p->experts)
        place_stream(p, model);
    place(&copy->embed, p);
    weir_layer *layers = weir_arena_take_array(p->arena, model->h.n_layers, sizeof *layers);
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        weir_layer l = model->layers[i];
        weir_weight *single[] = {&l.conv_in,  &l.conv_out, &l.attn_q,   &l.attn_k, &l.attn_v,
                                 &l.attn_out, &l.router,   &l.ffn_gate, &l.ffn_up, &l.ffn_down};
        for (size_t j = 0; j < WEIR_COUNT(single); j++)
            place(single[j], p);
        place_layer_experts(&l, i, model->h.n_experts, p);
        if (layers)
            layers[i] = l;
    }
    copy->layers = layers;
    if (model->head.data == model->embed.data)
        copy->head = copy->embed;
    else
        place(&copy->head, p);
}

/* Experts that are streamed come from the model's own file, and then all else does. */
static const weir_packed *packed_of(const weir_cpu *cpu, const weir_model *model) {
    return weir_cpu_is_streamed(cpu, model) ? NULL : cpu->host.be.options.packed;
}

/* The device's memory: what belongs to no node, and a part for each of several, in whole huge
 * pages, so that none is shared. */
typedef struct sizes {
    size_t front, part, all;
} sizes;

/* SIZE_MAX: more than can be counted. */
static size_t in_huge_pages(size_t bytes) {
    size_t up;
    return weir_add_size(bytes, WEIR_HUGE_PAGE_BYTES - 1, &up) ? up - up % WEIR_HUGE_PAGE_BYTES
                                                               : SIZE_MAX;
}

static sizes sizes_of(const placing *p) {
    sizes s = {.front = p->arena->used, .part = in_huge_pages(p->parts.used)};
    if (s.part > 0)
        s.front = in_huge_pages(s.front);
    if (!weir_mul_size(p->cpu->n_nodes, s.part, &s.all) || !weir_add_size(s.front, s.all, &s.all))
        s.all = SIZE_MAX;
    return s;
}

/* What all of it takes, without taking it. */
static sizes measure(placing *p, const weir_cpu *cpu, weir_expert_stream *experts,
                     weir_arena *arena, const weir_model *model) {
    weir_model copy;
    *arena = (weir_arena){0};
    *p = (placing){.cpu = cpu, .arena = arena, .packed = packed_of(cpu, model)};
    p->experts = weir_cpu_is_streamed(cpu, model) ? experts : NULL;
    layout(&copy, p, model);
    bool has_own = p->copied_bytes > 0 || p->replaced_bytes > 0 || p->experts;
    return has_own ? sizes_of(p) : (sizes){0};
}

void weir_cpu_weights_measure(const weir_cpu *cpu, const weir_model *model,
                              weir_backend_memory *out) {
    const weir_hparams *h = &model->h;
    weir_arena arena;
    weir_expert_stream experts = {0};
    placing p;
    out->weights_bytes = measure(&p, cpu, &experts, &arena, model).all;
    out->mapped_bytes = model->info.weight_bytes - p.copied_bytes - p.streamed_bytes -
                        p.replaced_bytes + p.packed_bytes;
    out->experts_bytes = (out->weights_bytes > 0 ? p.experts_bytes : 0) + p.mapped_experts;
    out->streamed_bytes = p.streamed_bytes;
    out->token_bytes = p.experts ? p.streamed_bytes / h->n_experts * h->n_experts_used : 0;
    out->n_slots = 0;
    for (uint32_t i = 0; i < experts.n_classes; i++)
        out->n_slots += experts.classes[i].n_slots;
}

/* ---- reading ---- */

typedef struct span {
    const weir_weight *w;           /* mapped, in the model's file or packed */
    const weir_mapped_file *packed; /* the file if it is packed, or NULL */
    bool prefer_huge;               /* weir_mapped_prefer_huge */
    uint8_t *to;                    /* NULL: only brought into memory where it is */
    size_t strip_bytes;             /* of a strip of `to`; 0: the bytes as they are */
    weir_spread spread;             /* of these strips; `to` is where node 0 has its first */
    size_t slice_bytes;             /* of w: whole strips if there are any */
    size_t bytes;                   /* of w */
    size_t first_slice;             /* number of its first slice among those of all spans */
} span;

/* A counter on a cache line of its own. */
typedef struct counter {
    WEIR_ALIGN(64) atomic_size_t value;
} counter;

/* Each slice is counted by a thread of node `slice` modulo the number of nodes. One whose strips
 * are divided meets a thread of every node, and who comes first reads it from the file: memory
 * belongs to the node whose thread touches it first. */
typedef struct reading {
    const weir_cpu *cpu;
    const weir_model *model; /* that is read */
    span *spans;             /* [n_spans] */
    size_t n_spans, n_slices;
    uint64_t total_bytes;
    const weir_progress *progress;
    atomic_int error; /* errno of the first slice that could not be read */
    atomic_uint_least64_t done_bytes;
    atomic_size_t n_wanted;       /* slices before this one were asked for, if they had to be */
    size_t n_ahead;               /* slices asked for while one is read */
    atomic_bool is_over;          /* nothing need be read ahead any more */
    atomic_bool is_from_disk;     /* packed weights: a page in the cache may be on its way */
    counter next[WEIR_MAX_NODES]; /* [n_nodes] slices that a node's threads have seen */
} reading;

/* The last span whose first slice is not behind `slice`. */
static const span *span_of(const reading *r, size_t slice) {
    size_t low = 0, high = r->n_spans;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (r->spans[middle].first_slice <= slice)
            low = middle;
        else
            high = middle;
    }
    return &r->spans[low];
}

/* Bytes of slice number `slice` of all: bytes *at .. *at + *bytes - 1 of its span's matrix. */
static const span *slice_of(const reading *r, size_t slice, size_t *at, size_t *bytes) {
    const span *s = span_of(r, slice);
    *at = (slice - s->first_slice) * s->slice_bytes;
    *bytes = s->bytes - *at < s->slice_bytes ? s->bytes - *at : s->slice_bytes;
    return s;
}

/* Lets the disk read slices begin .. end - 1, as far as there are any. */
static void want_slices(const reading *r, size_t begin, size_t end) {
    for (size_t slice = begin; slice < end && slice < r->n_slices; slice++) {
        size_t at, bytes;
        const span *s = slice_of(r, slice, &at, &bytes);
        weir_mapped_want(s->w->data + at, bytes);
    }
}

/* Bytes of a slice where they are mapped. Small pages that come next are asked for while the disk
 * is at it, all but those that have been before. 0 or an errno. */
static int read_slice(reading *r, const span *s, size_t slice, size_t at, size_t bytes) {
    if (s->packed && !atomic_load(&r->is_from_disk)) {
        if (weir_mapped_touch(s->packed, s->w->data + at, bytes))
            return 0;
        atomic_store(&r->is_from_disk, true);
    }
    if (!s->prefer_huge) {
        size_t end = slice + 1 + r->n_ahead, begin = atomic_exchange(&r->n_wanted, end);
        want_slices(r, begin > slice ? begin : slice, end);
    }
    return weir_mapped_read(s->w->data + at, bytes, s->prefer_huge);
}

/* Huge pages are asked for by reading them, which is waited for. So a thread of its own reads what
 * will be packed or copied, or the disk would wait for those who do that. */
static void *read_ahead(void *context) {
    reading *r = context;
    const struct timespec pause = {.tv_nsec = 500 * 1000};
    for (size_t slice = 0; slice < r->n_slices; slice++) {
        while (slice > atomic_load(&r->next[0].value) + r->n_ahead && !atomic_load(&r->is_over))
            nanosleep(&pause, NULL);
        if (atomic_load(&r->is_over))
            break;
        size_t at, bytes;
        const span *s = slice_of(r, slice, &at, &bytes);
        if (s->to && s->prefer_huge && slice >= atomic_load(&r->next[0].value))
            weir_mapped_read(s->w->data + at, bytes, true);
    }
    return NULL;
}

/* Bytes at .. at + bytes - 1 of the span's matrix, which are in memory, to their place; of strips
 * that are divided those of one node. */
static void bring_slice(const weir_cpu *cpu, const span *s, uint32_t node, size_t at,
                        size_t bytes) {
    const weir_weight *w = s->w;
    if (s->strip_bytes == 0) {
        memcpy(s->to + at, w->data + at, bytes);
        return;
    }
    size_t rows_bytes = WEIR_T16_ROWS * w->row_bytes;
    for (size_t strip = at / rows_bytes; strip < (at + bytes) / rows_bytes; strip++) {
        uint32_t i, home = weir_spread_node(&s->spread, (uint32_t)strip, &i);
        if (s->spread.n_nodes == 1 || home == node)
            weir_t16_pack(w->format->id, w->data + strip * rows_bytes, w->row_bytes, w->cols,
                          s->to + home * cpu->part_bytes + i * s->strip_bytes);
    }
}

static void read_slices(void *context, uint32_t worker, uint32_t n_workers) {
    (void)n_workers;
    reading *r = context;
    const weir_progress *progress = r->progress;
    uint32_t node = r->cpu->threads[worker].node;
    for (;;) {
        size_t slice = atomic_fetch_add(&r->next[node].value, 1);
        if (slice >= r->n_slices || atomic_load(&r->error) != 0)
            return;
        if (worker == 0)
            weir_workers_step_aside(r->cpu->workers); /* to its node */
        size_t at, bytes;
        const span *s = slice_of(r, slice, &at, &bytes);
        bool is_own = slice % r->cpu->n_nodes == node;
        if (!is_own && s->spread.n_nodes < 2)
            continue;
        int error = read_slice(r, s, slice, at, bytes);
        int none = 0;
        if (s->to && error == 0) {
            bring_slice(r->cpu, s, node, at, bytes);
            weir_model_drop_pages(r->model, s->w->data + at, bytes);
        }
        if (error != 0)
            atomic_compare_exchange_strong(&r->error, &none, error);
        if (!is_own)
            continue;
        uint64_t done = atomic_fetch_add(&r->done_bytes, bytes) + bytes;
        if (worker == 0 && progress->report)
            progress->report(progress->context, "reading weights", done, r->total_bytes);
    }
}

static span span_of_matrix(const weir_cpu *cpu, const weir_packed *packed, const weir_weight *from,
                           const weir_weight *to, bool prefer_huge) {
    span s = {.w = from,
              .prefer_huge = prefer_huge,
              .bytes = from->rows * from->row_bytes,
              .slice_bytes = SLICE_BYTES};
    if (to->data == from->data)
        return s;
    if (packed && to->data == weir_packed_find(packed, from->data)) {
        s.w = to; /* only brought into memory, as what stays in the model's file */
        s.packed = weir_packed_pages(packed);
        s.prefer_huge = s.packed->prefer_huge;
        s.bytes = weir_packed_bytes(to->format, to->rows, to->cols);
        return s;
    }
    /* The copies point into our own arena; only their type says const. */
    s.to = (uint8_t *)(uintptr_t)to->data;
    if (weir_cpu_is_packed(cpu, to)) {
        size_t rows_bytes = WEIR_T16_ROWS * from->row_bytes;
        s.spread = weir_cpu_spread(cpu, to);
        s.strip_bytes = weir_t16_strip_bytes(to->format->id, to->cols);
        s.slice_bytes =
            rows_bytes < SLICE_BYTES ? SLICE_BYTES / rows_bytes * rows_bytes : rows_bytes;
    }
    return s;
}

/* Brings the matrices of `from` into memory, into those of `to` where they are others. */
static weir_status read_matrices(weir_cpu *cpu, const weir_model *from, const weir_model *to,
                                 weir_error *err) {
    const weir_progress *progress = &cpu->host.be.options.progress;
    const weir_packed *packed = packed_of(cpu, from);
    reading r = {.cpu = cpu, .model = from, .progress = progress};
    r.n_spans = weir_cpu_matrices(from, !cpu->experts, NULL);
    /* Of a file whose experts are streamed or packed elsewhere, few pages are read. */
    bool prefer_huge = !cpu->experts && !packed && weir_model_prefer_huge(from);
    const weir_weight **list = calloc(2 * r.n_spans, sizeof *list);
    r.spans = calloc(r.n_spans, sizeof *r.spans);
    if (!list || !r.spans) {
        free(list);
        free(r.spans);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a list of %zu matrices",
                         r.n_spans);
    }
    weir_cpu_matrices(from, !cpu->experts, list);
    weir_cpu_matrices(to, !cpu->experts, list + r.n_spans);
    for (size_t i = 0; i < r.n_spans; i++) {
        span s = span_of_matrix(cpu, packed, list[i], list[r.n_spans + i], prefer_huge);
        s.first_slice = r.n_slices;
        r.spans[i] = s;
        r.n_slices += (s.bytes + s.slice_bytes - 1) / s.slice_bytes;
        r.total_bytes += s.bytes;
    }
    r.n_ahead = SLICES_AHEAD + weir_workers_count(cpu->workers);
    pthread_t ahead;
    bool is_copied = to != from; /* else nobody packs, and all threads read */
    bool is_ahead =
        prefer_huge && is_copied && weir_thread_start(&ahead, "weir-ahead", read_ahead, &r) == 0;
    weir_workers_run(cpu->workers, read_slices, &r);
    atomic_store(&r.is_over, true);
    if (is_ahead)
        pthread_join(ahead, NULL);
    free(list);
    free(r.spans);
    int error = atomic_load(&r.error);
    if (error != 0)
        return weir_fail(err, WEIR_STATUS_IO,
                         "the weights cannot be read from their file: %s; expected %llu bytes "
                         "(was the file cut while it was open?)",
                         strerror(error), (unsigned long long)r.total_bytes);
    if (progress->report)
        progress->report(progress->context, "reading weights", r.total_bytes, r.total_bytes);
    return WEIR_STATUS_OK;
}

weir_status weir_cpu_weights_open(weir_cpu *cpu, const weir_model *model, weir_error *err) {
    weir_backend *be = &cpu->host.be;
    weir_backend_memory memory;
    weir_cpu_weights_measure(cpu, model, &memory);
    cpu->host.mapped_bytes = memory.mapped_bytes;
    if (memory.weights_bytes == 0)
        return read_matrices(cpu, model, model, err);
    weir_expert_stream unused = {0};
    weir_arena arena, *own = &cpu->host.weights;
    placing p;
    sizes s = measure(&p, cpu, &unused, &arena, model);
    WEIR_TRY(weir_arena_open(own, s.all, "the weights", err));
    const size_t front_used = arena.used, part_used = p.parts.used;
    arena = (weir_arena){.base = own->base, .size = s.front};
    p = (placing){.cpu = cpu, .arena = &arena, .packed = packed_of(cpu, model)};
    if (s.part > 0) {
        p.parts = (weir_arena){.base = own->base + s.front, .size = s.part};
        cpu->parts = p.parts.base;
        cpu->part_bytes = s.part;
    }
    if (weir_cpu_is_streamed(cpu, model)) {
        p.experts = calloc(1, sizeof *p.experts);
        if (!p.experts)
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the cache of experts");
    }
    layout(&cpu->model, &p, model);
    assert(arena.used == front_used && p.parts.used == part_used); /* as measured */
    (void)front_used, (void)part_used;
    own->used = s.part > 0 ? s.all : arena.used;
    be->model = &cpu->model;
    cpu->experts = p.experts;
    if (cpu->experts)
        WEIR_TRY(weir_expert_stream_open(cpu->experts, err));
    return read_matrices(cpu, model, &cpu->model, err);
}
