/*
 * cpu_nodes.h: where strips lie on a machine with several memory nodes (NUMA).
 *
 * There each node has a part of every packed matrix, and its threads compute that part first. The
 * strips (t16.h) of a matrix go round the nodes in blocks:
 *
 *   strip     0 .. 7   8 .. 15   16 .. 23   24 .. 31     two nodes, blocks of 8
 *   node         0        1          0          1
 *
 * A block is what one thread walks at once, or less where that divides the matrix much more evenly.
 * A channel's three rows of the convolution's projection are on one node where the nodes are a
 * power of two. All parts of a node lie together, at the same place as those of node 0 in theirs:
 *
 *   parts                     parts + part_bytes
 *   [node 0: a][b][c] ...     [node 1: a][b][c] ...
 *
 * so that a weight's data, which point to its part of node 0, say where all of it is. Which thread
 * touches a part first decides which memory it gets (cpu_weights.c). With one node a matrix is one
 * block. Strips that are mapped from a file of packed weights, and those of streamed experts, lie
 * in one piece: a spread of one node.
 */
#ifndef WEIR_CPU_CPU_NODES_H
#define WEIR_CPU_CPU_NODES_H

#include "cpu/t16.h"

/* How the strips of a matrix lie. */
typedef struct weir_spread {
    uint32_t n_nodes;
    uint32_t n_strips;
    uint32_t block; /* strips */
} weir_spread;

static inline weir_spread weir_spread_make(uint32_t n_nodes, uint32_t n_strips) {
    enum { ROUNDS = 8 }; /* of so many one may be incomplete */
    weir_spread s = {.n_nodes = n_nodes, .n_strips = n_strips, .block = n_strips ? n_strips : 1};
    if (n_nodes == 1)
        return s;
    for (s.block = WEIR_T16_STREAMS; s.block > 1; s.block /= 2) {
        uint32_t round = s.block * n_nodes;
        if (n_strips % round == 0 || n_strips >= ROUNDS * round)
            break;
    }
    return s;
}

/* Strips that lie on a node; none has more than node 0. */
static inline uint32_t weir_spread_on(const weir_spread *s, uint32_t node) {
    uint32_t round = s->block * s->n_nodes, before = node * s->block;
    uint32_t rest = s->n_strips % round;
    uint32_t last = rest > before ? rest - before : 0;
    return s->n_strips / round * s->block + (last < s->block ? last : s->block);
}

/* Which strip of the matrix is number i of a node's. */
static inline uint32_t weir_spread_strip(const weir_spread *s, uint32_t node, uint32_t i) {
    return (i / s->block * s->n_nodes + node) * s->block + i % s->block;
}

/* The node of a strip, and which of that node's it is. */
static inline uint32_t weir_spread_node(const weir_spread *s, uint32_t strip, uint32_t *i) {
    uint32_t block = strip / s->block;
    *i = block / s->n_nodes * s->block + strip % s->block;
    return block % s->n_nodes;
}

#endif
