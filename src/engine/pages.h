/*
 * pages.h: who holds which K/V page, and the tree of finished pages that timelines share.
 *
 * A page is counted: timelines and the tree hold references. A full page becomes a node of the
 * tree, keyed by its parent node and its 64 tokens, so that a path from the root spells a prompt.
 * The last page of a timeline that is closed becomes one too, a *tail* of fewer tokens: it has no
 * children, and others copy from it what they have in common. A node whose page only the tree holds
 * is *kept*: it stands in a list by age, and the oldest gives way when pages run out. Whoever holds
 * a child holds its parent, and lets the child go first, so the oldest kept node never has
 * children.
 */
#ifndef WEIR_ENGINE_PAGES_H
#define WEIR_ENGINE_PAGES_H

#include "backend/kv_layout.h"
#include "base/arena.h"

enum { WEIR_NO_NODE = UINT32_MAX, WEIR_NO_PAGE = UINT32_MAX, WEIR_ROOT = UINT32_MAX - 1 };

/* What a path of pages spells, and what decided its bits, hashed. */
typedef struct weir_page_key {
    uint64_t word[2];
} weir_page_key;

/* Node i belongs to page i: a page is at most one node. */
typedef struct weir_node {
    uint32_t parent;   /* node or WEIR_ROOT; WEIR_NO_NODE: this page is no node */
    uint32_t n_tokens; /* fewer than WEIR_PAGE_TOKENS: a tail */
    uint32_t next_in_bucket;
    uint32_t first_child, next_sibling;
    uint32_t older, newer; /* neighbours among the kept */
    weir_page_key key;
    bool is_stored; /* its K/V is in the page store */
    int32_t tokens[WEIR_PAGE_TOKENS];
} weir_node;

typedef struct weir_pages {
    uint32_t n_pages, n_free, n_kept;
    uint32_t n_buckets;
    bool has_tree;
    uint32_t oldest, newest; /* kept nodes, WEIR_NO_NODE: none */
    uint32_t *refs;          /* [n_pages] */
    uint32_t *free;          /* [n_free] a stack */
    uint32_t *buckets;       /* [n_buckets] first node, or WEIR_NO_NODE */
    weir_node *nodes;        /* [n_pages] */
    uint32_t first_root;     /* child of the root */
    weir_page_key root_key;
    void (*on_forget)(void *context, uint32_t node); /* it leaves the tree; its page is still
                                                        whole. NULL: nobody is told */
    void *context;
} weir_pages;

void weir_pages_layout(weir_pages *p, weir_arena *arena, uint32_t n_pages);
void weir_pages_init(weir_pages *p, uint32_t n_pages, bool has_tree);

/* A page with one reference, or WEIR_NO_PAGE. May end the oldest kept node. */
uint32_t weir_page_take(weir_pages *p);
void weir_page_share(weir_pages *p, uint32_t page);
void weir_page_release(weir_pages *p, uint32_t page);

/* The child of `parent` with these 64 tokens, or WEIR_NO_NODE. */
uint32_t weir_prefix_find(const weir_pages *p, uint32_t parent, const int32_t *tokens);
/* The child of `parent`, tails too, that has the most of its first tokens in common with tokens
 * [n]: how many; 0: none. */
uint32_t weir_prefix_nearest(const weir_pages *p, uint32_t parent, const int32_t *tokens,
                             uint32_t n, uint32_t *node);
/* Makes a page of n_tokens a child of parent; the tree takes a reference. There must be none like
 * it. */
void weir_prefix_insert(weir_pages *p, uint32_t parent, const int32_t *tokens, uint32_t n_tokens,
                        uint32_t page);
/* Takes a kept node without children out of the tree; its page is free. */
void weir_prefix_drop(weir_pages *p, uint32_t node);
/* The key of a child of `parent` with these 64 tokens. */
weir_page_key weir_prefix_key(const weir_pages *p, uint32_t parent, const int32_t *tokens);
/* After weir_page_take found nothing: has the tree let go of a page that the caller alone holds
 * beside it. False: others hold it too, or it is no node. */
bool weir_prefix_give_up(weir_pages *p, uint32_t page);

#endif
