/* clang-format off */
/*
 * expert_cache.c: which experts are in memory, and which of them goes.
 *
 * Owns the tables, the slots and the score. Reads nothing. Invariant: unit u has slot i of its
 * class if and only if unit_of[i] == u and u is not ABSENT; a slot below n_filled that has no unit
 * was left and is taken first.
 *
 * The score. On text, the 40 experts of weir-nano by its own router, 6000 tokens; and the 2,432 of
 * a 24B model whose router is random, 300 tokens: share of uses that find their expert in memory,
 * with room for a share of all of them:
 *
 *     room                         19 %   35 %   43 %   55 %   77 %   24B, 19 %
 *     the longest unused goes      0.000  0.616  0.717  0.837  0.967  0.187
 *     the least used goes          0.389  0.702  0.789  0.893  0.980  0.238
 *     the same, fading; half:   8  0.381  0.687  0.775  0.882  0.974  0.197
 *     after so many tokens     32  0.387  0.700  0.787  0.888  0.979  0.223
 *                             128  0.389  0.704  0.789  0.891  0.980  0.238
 *                             512  0.391  0.704  0.790  0.891  0.981  0.239
 *
 * The longest unused is what a walk through all layers needs next: it is the wrong one to give up.
 * Uses that never fade keep the experts of yesterday's subject; between 128 and 512 tokens nothing
 * is lost by forgetting them. A step that walks all experts, as prompts do, disturbs nothing: what
 * it brings in has few uses, and goes first.
 */
/* clang-format on */
#include "cpu/expert_stream.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* Tokens after which a use counts half. */
#define HALF_TOKENS 256.0

#define PIECE_BYTES ((size_t)1 << 20)
#define PAGE_BYTES  ((size_t)4096)

/* ---- layout -------------------------------------------------------------------------------- */

static const weir_weight *part_of(const weir_layer *layer, uint32_t part) {
    const weir_weight *const parts[] = {layer->experts_gate, layer->experts_up,
                                        layer->experts_down};
    return parts[part];
}

static size_t round_up(size_t n, size_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

/* Bytes that can be packed by themselves: a strip's rows, or one row. */
static size_t grain_bytes(const weir_weight *w, bool is_packed) {
    return (is_packed ? WEIR_T16_ROWS : 1) * w->row_bytes;
}

static size_t slot_bytes(const weir_weight *w, bool is_packed) {
    return is_packed ? w->rows / WEIR_T16_ROWS * weir_t16_strip_bytes(w->format->id, w->cols)
                     : round_up(w->rows * w->row_bytes, 64);
}

/* With more sizes than classes, which no mix of formats has, the last class
 * takes the largest. */
static uint8_t class_of(weir_expert_stream *s, size_t bytes) {
    for (uint32_t i = 0; i < s->n_classes; i++)
        if (s->classes[i].slot_bytes == bytes)
            return (uint8_t)i;
    if (s->n_classes < WEIR_EXPERT_CLASSES) {
        s->classes[s->n_classes].slot_bytes = bytes;
        return (uint8_t)s->n_classes++;
    }
    weir_expert_class *last = &s->classes[s->n_classes - 1];
    last->slot_bytes = last->slot_bytes > bytes ? last->slot_bytes : bytes;
    return (uint8_t)(s->n_classes - 1);
}

/* Whole grains of about PIECE_BYTES. */
static size_t piece_bytes(const weir_weight *w, bool is_packed) {
    size_t grain = grain_bytes(w, is_packed), whole = w->rows * w->row_bytes;
    size_t piece = grain < PIECE_BYTES ? PIECE_BYTES / grain * grain : grain;
    return piece < whole ? piece : whole;
}

/* Each class has its least; what room is left is shared as the bytes of their other units are. */
static void share_room(weir_expert_stream *s, uint64_t room) {
    uint32_t least = WEIR_EXPERT_PARTS * s->n_used;
    double left = (double)room, more = 0;
    for (uint32_t i = 0; i < s->n_classes; i++) {
        weir_expert_class *c = &s->classes[i];
        c->n_slots = least < c->n_units ? least : c->n_units;
        left -= (double)c->n_slots * (double)c->slot_bytes;
        more += (double)(c->n_units - c->n_slots) * (double)c->slot_bytes;
    }
    double share = left > 0 && more > 0 ? (left < more ? left / more : 1) : 0;
    for (uint32_t i = 0; i < s->n_classes; i++) {
        weir_expert_class *c = &s->classes[i];
        c->n_slots += (uint32_t)floor(share * (c->n_units - c->n_slots));
    }
}

/* Tables whose size depends on the number of units and experts. */
static void place_tables(weir_expert_stream *s, weir_arena *arena) {
    const weir_hparams *h = &s->model->h;
    s->weights = weir_arena_take_array(arena, s->n_units, sizeof *s->weights);
    s->units = weir_arena_take_array(arena, s->n_units, sizeof *s->units);
    s->is_packed = weir_arena_take_array(arena, s->n_layers, WEIR_EXPERT_PARTS);
    s->files =
        weir_arena_take_array(arena, (size_t)s->n_layers * WEIR_EXPERT_PARTS, sizeof *s->files);
    s->coming = weir_arena_take_array(arena, s->n_units, sizeof *s->coming);
    s->list =
        weir_arena_take_array(arena, (size_t)WEIR_EXPERT_PARTS * s->n_experts, sizeof *s->list);
    s->ready = weir_arena_take_array(arena, s->n_experts, sizeof *s->ready);
    s->n_left = weir_arena_take_array(arena, s->n_experts, sizeof *s->n_left);
    s->clocks = weir_arena_take_array(arena, s->n_layers, sizeof *s->clocks);
    s->guesses =
        weir_arena_take_array(arena, (size_t)WEIR_EXPERT_PARTS * s->n_experts, sizeof *s->guesses);
    s->guess_x = weir_arena_take_array(arena, h->d_model, sizeof *s->guess_x);
    s->guess_logits = weir_arena_take_array(arena, s->n_experts, sizeof *s->guess_logits);
    s->guess_chosen = weir_arena_take_array(arena, s->n_experts, sizeof *s->guess_chosen);
}

static void place_slots(weir_expert_stream *s, weir_arena *arena) {
    uint8_t *buffers = weir_arena_take(arena, s->depth * s->buffer_bytes + PAGE_BYTES);
    if (buffers)
        s->buffers = buffers + (PAGE_BYTES - (uintptr_t)buffers % PAGE_BYTES) % PAGE_BYTES;
    for (uint32_t i = 0; i < s->n_classes; i++) {
        weir_expert_class *c = &s->classes[i];
        c->unit_of = weir_arena_take_array(arena, c->n_slots, sizeof *c->unit_of);
        c->slots = weir_arena_take_array(arena, c->n_slots, c->slot_bytes);
    }
}

/* The matrices of one part of one layer, in the tables where these are placed.
 */
static void take_part(weir_expert_stream *s, uint32_t layer, uint32_t part,
                      weir_expert_packs *packs, const void *context, uint64_t *file_bytes) {
    const weir_weight *from = part_of(&s->model->layers[s->first_layer + layer], part);
    bool is_packed = packs(context, &from[0]);
    uint8_t class_at = class_of(s, slot_bytes(&from[0], is_packed));
    size_t whole = from[0].rows * from[0].row_bytes, piece = piece_bytes(&from[0], is_packed);
    size_t most = round_up(piece + PAGE_BYTES, PAGE_BYTES);
    uint32_t n_pieces = (uint32_t)((whole + piece - 1) / piece) * WEIR_EXPERT_PARTS * s->n_used;
    s->depth = n_pieces > s->depth ? n_pieces : s->depth;
    s->depth = s->depth < WEIR_EXPERT_DEPTH ? s->depth : WEIR_EXPERT_DEPTH;
    s->classes[class_at].n_units += s->n_experts;
    s->buffer_bytes = most > s->buffer_bytes ? most : s->buffer_bytes;
    *file_bytes += (uint64_t)s->n_experts * whole;
    if (!s->weights)
        return;
    size_t at = (size_t)layer * WEIR_EXPERT_PARTS + part;
    s->is_packed[at] = is_packed;
    for (uint32_t e = 0; e < s->n_experts; e++) {
        weir_weight *w = &s->weights[at * s->n_experts + e];
        weir_expert_unit *unit = &s->units[at * s->n_experts + e];
        *w = from[e];
        w->data = NULL;
        unit->class_of = class_at;
        unit->slot = unit->wanted = WEIR_EXPERT_NONE;
        unit->score = -DBL_MAX;
    }
}

void weir_expert_stream_layout(weir_expert_stream *s, weir_arena *arena, const weir_model *model,
                               uint64_t room, weir_expert_packs *packs, const void *context,
                               uint64_t *file_bytes) {
    const weir_hparams *h = &model->h;
    s->model = model;
    s->first_layer = h->n_layers_dense;
    s->n_layers = h->n_layers - h->n_layers_dense;
    s->n_experts = h->n_experts;
    s->n_used = h->n_experts_used;
    s->n_units = s->n_layers * WEIR_EXPERT_PARTS * s->n_experts;
    s->layer = WEIR_EXPERT_NONE;
    *file_bytes = 0;
    size_t before = arena->used;
    place_tables(s, arena);
    for (uint32_t l = 0; l < s->n_layers; l++)
        for (uint32_t part = 0; part < WEIR_EXPERT_PARTS; part++)
            take_part(s, l, part, packs, context, file_bytes);
    /* What slots cannot have: tables, buffers, the lists of slots, and ends of 64
     * bytes. */
    uint64_t around = arena->used - before + s->depth * s->buffer_bytes + PAGE_BYTES +
                      s->n_units * sizeof(uint32_t) + 2 * 64 * WEIR_EXPERT_CLASSES;
    share_room(s, room > around ? room - around : 0);
    place_slots(s, arena);
}

weir_weight *weir_expert_stream_weights(const weir_expert_stream *s, uint32_t layer,
                                        uint32_t part) {
    size_t at = (size_t)(layer - s->first_layer) * WEIR_EXPERT_PARTS + part;
    return s->weights ? s->weights + at * s->n_experts : NULL;
}

/* ---- scores and slots ---------------------------------------------------------------------- */

/* Uses halve every HALF_TOKENS; written for the time 0 they never have to be
 * touched again. */
void weir_expert_count(weir_expert_unit *unit, uint32_t n_rows, uint64_t now) {
    double time = (double)now / HALF_TOKENS;
    unit->score = time + log2(exp2(unit->score - time) + n_rows);
}

uint8_t *weir_expert_slot(const weir_expert_stream *s, const weir_expert_unit *unit) {
    const weir_expert_class *c = &s->classes[unit->class_of];
    return c->slots + unit->slot * c->slot_bytes;
}

/* How dear a unit is that might be given up. What the layer's list still wants
 * goes only if nothing else does, the last of the list first. */
static double price(const weir_expert_unit *unit) {
    return unit->wanted == WEIR_EXPERT_NONE ? unit->score : DBL_MAX / 2 / (1.0 + unit->wanted);
}

/* The slot whose unit is the cheapest, or WEIR_EXPERT_NONE. */
static uint32_t cheapest(const weir_expert_stream *s, const weir_expert_class *c, double most) {
    uint32_t found = WEIR_EXPERT_NONE;
    double least = most;
    for (uint32_t i = 0; i < c->n_filled; i++) {
        if (c->unit_of[i] == WEIR_EXPERT_NONE)
            return i;
        const weir_expert_unit *unit = &s->units[c->unit_of[i]];
        if (unit->state != WEIR_EXPERT_HERE || unit->is_held)
            continue;
        double cost = price(unit);
        if (cost <= least) {
            least = cost;
            found = i;
        }
    }
    return found;
}

void weir_expert_leave_slot(weir_expert_stream *s, uint32_t u) {
    weir_expert_unit *unit = &s->units[u];
    assert(unit->state != WEIR_EXPERT_ABSENT);
    s->classes[unit->class_of].unit_of[unit->slot] = WEIR_EXPERT_NONE;
    unit->state = WEIR_EXPERT_ABSENT;
    unit->slot = WEIR_EXPERT_NONE;
    unit->is_guessed = false;
    s->weights[u].data = NULL;
}

bool weir_expert_take_slot(weir_expert_stream *s, uint32_t u, double most) {
    weir_expert_unit *unit = &s->units[u];
    weir_expert_class *c = &s->classes[unit->class_of];
    assert(unit->state == WEIR_EXPERT_ABSENT);
    uint32_t slot = c->n_filled < c->n_slots ? c->n_filled : cheapest(s, c, most);
    if (slot == WEIR_EXPERT_NONE)
        return false;
    if (slot == c->n_filled) {
        c->n_filled++;
    } else if (c->unit_of[slot] != WEIR_EXPERT_NONE) {
        weir_expert_leave_slot(s, c->unit_of[slot]);
    }
    c->unit_of[slot] = u;
    unit->slot = slot;
    unit->state = WEIR_EXPERT_COMING;
    unit->n_asked = 0;
    unit->n_missing = (uint32_t)(s->weights[u].rows * s->weights[u].row_bytes);
    return true;
}
