/*
 * pda.c: building the automaton of a grammar, node by node.
 *
 * Owns its arrays, the table of sets and the memory that building needs. Does not own what is
 * checked at the end (pda_finish.c), larger parts
 * (pda_parts.c) or how it runs (pda_run.c). Invariant: after a failure every
 * call is harmless and returns a node or rule that exists.
 */
#include "text/pda.h"

#include "base/error.h"
#include "base/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A grammar that would need more is refused. */
enum { MAX_NODES = 1 << 22 };

struct weir_pda_chunk {
    weir_pda_chunk *next;
    size_t used, cap;
    max_align_t data[];
};

/* ---- failures ------------------------------------------------------------------------------- */

uint32_t weir_pda_refuse(weir_pda_builder *b, weir_status status, const char *format, ...) {
    char line[sizeof b->error.text];
    va_list args;
    if (b->status != WEIR_STATUS_OK)
        return WEIR_PDA_AT_DEAD;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    b->status = weir_fail(&b->error, status, "%s", line);
    return WEIR_PDA_AT_DEAD;
}

uint32_t weir_pda_no_memory(weir_pda_builder *b) {
    return weir_pda_refuse(b, WEIR_STATUS_NO_MEMORY, "no memory for its automaton");
}

/* ---- memory --------------------------------------------------------------------------------- */

void *weir_pda_room(weir_pda_builder *b, size_t bytes) {
    enum { CHUNK_BYTES = 16384 };
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    weir_pda_chunk *chunk = b->chunks;
    if (b->status != WEIR_STATUS_OK)
        return NULL;
    if (!chunk || chunk->cap - chunk->used < bytes) {
        size_t cap = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        chunk = calloc(1, sizeof *chunk + cap);
        if (!chunk) {
            weir_pda_no_memory(b);
            return NULL;
        }
        chunk->cap = cap;
        chunk->next = b->chunks;
        b->chunks = chunk;
    }
    void *room = (char *)chunk->data + chunk->used;
    chunk->used += bytes;
    return room;
}

/* Makes room for n more of an array. */
static bool grow(weir_pda_builder *b, void **items, uint32_t *cap, uint32_t used, uint32_t n,
                 size_t item_bytes) {
    if (b->status != WEIR_STATUS_OK)
        return false;
    if (n <= *cap - used)
        return true;
    if (n > MAX_NODES - used) {
        weir_pda_refuse(b, WEIR_STATUS_UNSUPPORTED, "the grammar is too large");
        return false;
    }
    uint32_t wanted = used + n > *cap * 2 ? used + n : *cap * 2;
    wanted = wanted < 64 ? 64 : wanted;
    void *grown = realloc(*items, wanted * item_bytes);
    if (!grown) {
        weir_pda_no_memory(b);
        return false;
    }
    *items = grown;
    *cap = wanted;
    return true;
}

void weir_pda_free(weir_pda *pda) {
    free(pda->nodes);
    free(pda->targets);
    free(pda->rules);
    free(pda->loops);
    free(pda->sets);
    free(pda->needs);
    *pda = (weir_pda){0};
}

/* ---- sets ----------------------------------------------------------------------------------- */

void weir_symbol_add_range(weir_symbol_set *set, uint32_t first, uint32_t last) {
    for (uint32_t symbol = first; symbol <= last; symbol++)
        weir_symbol_add(set, symbol);
}

static uint64_t hash_set(const weir_symbol_set *set) {
    uint64_t hash = 0;
    for (size_t i = 0; i < WEIR_SYMBOL_WORDS; i++)
        hash = weir_mix(hash ^ set->bits[i]);
    return hash;
}

static uint64_t hash_node(const weir_pda_node *node) {
    return weir_mix(weir_mix(((uint64_t)node->kind << 32) + node->next) ^ node->arg);
}

static void put_slot(weir_pda_slots *slots, uint64_t hash, uint32_t number) {
    uint32_t mask = slots->n - 1, at = (uint32_t)hash & mask;
    while (slots->slots[at] != 0)
        at = (at + 1) & mask;
    slots->slots[at] = number + 1;
}

/* Room for one more of n_used, the old ones put back by their hashes. */
static bool grow_slots(weir_pda_builder *b, weir_pda_slots *slots, uint32_t n_used) {
    if (n_used * 2 < slots->n)
        return true;
    uint32_t n = slots->n > 0 ? slots->n * 2 : 256;
    weir_pda_slots grown = {calloc(n, sizeof *grown.slots), n};
    if (!grown.slots) {
        weir_pda_no_memory(b);
        return false;
    }
    for (uint32_t i = 0; i < slots->n; i++) {
        if (slots->slots[i] == 0)
            continue;
        uint32_t number = slots->slots[i] - 1;
        put_slot(&grown,
                 slots == &b->sets ? hash_set(&b->pda->sets[number])
                                   : hash_node(&b->pda->nodes[number]),
                 number);
    }
    free(slots->slots);
    *slots = grown;
    return true;
}

static uint32_t intern_set(weir_pda_builder *b, const weir_symbol_set *set) {
    weir_pda *pda = b->pda;
    if (!grow(b, (void **)&pda->sets, &pda->cap_sets, pda->n_sets, 1, sizeof *pda->sets) ||
        !grow_slots(b, &b->sets, pda->n_sets))
        return 0;
    uint64_t hash = hash_set(set);
    uint32_t mask = b->sets.n - 1;
    for (uint32_t at = (uint32_t)hash & mask; b->sets.slots[at] != 0; at = (at + 1) & mask) {
        uint32_t number = b->sets.slots[at] - 1;
        if (memcmp(&pda->sets[number], set, sizeof *set) == 0)
            return number;
    }
    pda->sets[pda->n_sets] = *set;
    put_slot(&b->sets, hash, pda->n_sets);
    return pda->n_sets++;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static uint32_t add_node(weir_pda_builder *b, weir_pda_kind kind, uint32_t next, uint32_t arg) {
    weir_pda *pda = b->pda;
    if (!grow(b, (void **)&pda->nodes, &pda->cap_nodes, pda->n_nodes, 1, sizeof *pda->nodes))
        return WEIR_PDA_AT_DEAD;
    pda->nodes[pda->n_nodes] = (weir_pda_node){.kind = kind, .next = next, .arg = arg};
    return pda->n_nodes++;
}

/* The node of this kind that goes on like this: equal ends of texts become one. */
static uint32_t shared_node(weir_pda_builder *b, weir_pda_kind kind, uint32_t next, uint32_t arg) {
    const weir_pda_node wanted = {.kind = kind, .next = next, .arg = arg};
    if (b->status != WEIR_STATUS_OK || !grow_slots(b, &b->nodes, b->pda->n_nodes))
        return WEIR_PDA_AT_DEAD;
    uint64_t hash = hash_node(&wanted);
    uint32_t mask = b->nodes.n - 1;
    for (uint32_t at = (uint32_t)hash & mask; b->nodes.slots[at] != 0; at = (at + 1) & mask) {
        const weir_pda_node *node = &b->pda->nodes[b->nodes.slots[at] - 1];
        if (node->kind == wanted.kind && node->next == next && node->arg == arg)
            return b->nodes.slots[at] - 1;
    }
    uint32_t node = add_node(b, kind, next, arg);
    if (b->status == WEIR_STATUS_OK)
        put_slot(&b->nodes, hash, node);
    return node;
}

void weir_pda_begin(weir_pda_builder *b, weir_pda *pda) {
    *b = (weir_pda_builder){.pda = pda};
    *pda = (weir_pda){.max_frames = WEIR_PDA_MAX_FRAMES};
    add_node(b, WEIR_PDA_RETURN, 0, 0);
    add_node(b, WEIR_PDA_SPLIT, 0, 0);
}

void weir_pda_end(weir_pda_builder *b) {
    free(b->sets.slots);
    free(b->nodes.slots);
    b->sets = b->nodes = (weir_pda_slots){0};
    while (b->chunks) {
        weir_pda_chunk *next = b->chunks->next;
        free(b->chunks);
        b->chunks = next;
    }
}

uint32_t weir_pda_symbols(weir_pda_builder *b, const weir_symbol_set *set, uint32_t next) {
    static const weir_symbol_set none;
    if (next == WEIR_PDA_AT_DEAD || memcmp(set, &none, sizeof none) == 0)
        return WEIR_PDA_AT_DEAD;
    return shared_node(b, WEIR_PDA_SYMBOLS, next, intern_set(b, set));
}

uint32_t weir_pda_symbol(weir_pda_builder *b, uint32_t symbol, uint32_t next) {
    weir_symbol_set set = {0};
    weir_symbol_add(&set, symbol);
    return weir_pda_symbols(b, &set, next);
}

uint32_t weir_pda_literal(weir_pda_builder *b, const char *text, size_t n, uint32_t next) {
    while (n-- > 0)
        next = weir_pda_symbol(b, (uint8_t)text[n], next);
    return next;
}

uint32_t weir_pda_word(weir_pda_builder *b, const char *text, uint32_t next) {
    return weir_pda_literal(b, text, strlen(text), next);
}

uint32_t weir_pda_split(weir_pda_builder *b, uint32_t n) {
    weir_pda *pda = b->pda;
    if (!grow(b, (void **)&pda->targets, &pda->cap_targets, pda->n_targets, n,
              sizeof *pda->targets))
        return WEIR_PDA_AT_DEAD;
    for (uint32_t i = 0; i < n; i++)
        pda->targets[pda->n_targets + i] = WEIR_PDA_AT_DEAD;
    uint32_t split = add_node(b, WEIR_PDA_SPLIT, pda->n_targets, n);
    pda->n_targets += n;
    return split;
}

void weir_pda_set_target(weir_pda_builder *b, uint32_t split, uint32_t i, uint32_t target) {
    if (b->status == WEIR_STATUS_OK)
        b->pda->targets[b->pda->nodes[split].next + i] = target;
}

uint32_t weir_pda_either(weir_pda_builder *b, uint32_t left, uint32_t right) {
    if (left == WEIR_PDA_AT_DEAD || left == right)
        return right;
    if (right == WEIR_PDA_AT_DEAD)
        return left;
    uint32_t split = weir_pda_split(b, 2);
    weir_pda_set_target(b, split, 0, left);
    weir_pda_set_target(b, split, 1, right);
    return split;
}

uint32_t weir_pda_rule(weir_pda_builder *b) {
    weir_pda *pda = b->pda;
    if (!grow(b, (void **)&pda->rules, &pda->cap_rules, pda->n_rules, 1, sizeof *pda->rules))
        return 0;
    pda->rules[pda->n_rules] = WEIR_PDA_AT_DEAD;
    return pda->n_rules++;
}

void weir_pda_set_rule(weir_pda_builder *b, uint32_t rule, uint32_t entry) {
    if (b->status == WEIR_STATUS_OK)
        b->pda->rules[rule] = entry;
}

uint32_t weir_pda_call(weir_pda_builder *b, uint32_t rule, uint32_t next) {
    return next == WEIR_PDA_AT_DEAD ? next : shared_node(b, WEIR_PDA_CALL, next, rule);
}

uint32_t weir_pda_repeat(weir_pda_builder *b, uint32_t body, uint32_t min, uint32_t max,
                         uint32_t next) {
    weir_pda *pda = b->pda;
    if (max == 0 || (body == WEIR_PDA_AT_DEAD && min == 0))
        return next;
    if (body == WEIR_PDA_AT_DEAD || min > max)
        return WEIR_PDA_AT_DEAD;
    if (!grow(b, (void **)&pda->loops, &pda->cap_loops, pda->n_loops, 1, sizeof *pda->loops))
        return WEIR_PDA_AT_DEAD;
    pda->loops[pda->n_loops] = (weir_pda_loop){body, next, min, max};
    return add_node(b, WEIR_PDA_LOOP, next, pda->n_loops++);
}
