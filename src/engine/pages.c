/* pages.c: see pages.h. Nothing here touches K/V bytes. */
#include "engine/pages.h"
#include <assert.h>
#include <string.h>
#include <xxhash.h>

static uint32_t buckets_for(uint32_t n_pages) {
    uint32_t n = 16;
    while (n < n_pages && n < UINT32_MAX / 2)
        n *= 2;
    return n;
}

void weir_pages_layout(weir_pages *p, weir_arena *arena, uint32_t n_pages) {
    p->refs = weir_arena_take_array(arena, n_pages, sizeof *p->refs);
    p->free = weir_arena_take_array(arena, n_pages, sizeof *p->free);
    p->buckets = weir_arena_take_array(arena, buckets_for(n_pages), sizeof *p->buckets);
    p->nodes = weir_arena_take_array(arena, n_pages, sizeof *p->nodes);
}

void weir_pages_init(weir_pages *p, uint32_t n_pages, bool has_tree) {
    p->n_pages = p->n_free = n_pages;
    p->n_kept = 0;
    p->n_buckets = buckets_for(n_pages);
    p->has_tree = has_tree;
    p->oldest = p->newest = p->first_root = WEIR_NO_NODE;
    p->root_key = (weir_page_key){{0, 0}};
    p->on_forget = NULL;
    for (uint32_t i = 0; i < n_pages; i++) {
        p->refs[i] = 0;
        p->free[i] = n_pages - 1 - i; /* the top of the stack is page 0 */
        p->nodes[i].parent = WEIR_NO_NODE;
    }
    for (uint32_t i = 0; i < p->n_buckets; i++)
        p->buckets[i] = WEIR_NO_NODE;
}

static uint32_t bucket_of(const weir_pages *p, uint32_t parent, const int32_t *tokens,
                          uint32_t n_tokens) {
    uint64_t hash = XXH64(tokens, n_tokens * sizeof *tokens, parent);
    return (uint32_t)(hash & (p->n_buckets - 1));
}

static uint32_t *first_child_of(weir_pages *p, uint32_t parent) {
    return parent == WEIR_ROOT ? &p->first_root : &p->nodes[parent].first_child;
}

static void keep(weir_pages *p, uint32_t i) {
    weir_node *node = &p->nodes[i];
    node->older = p->newest;
    node->newer = WEIR_NO_NODE;
    if (p->newest != WEIR_NO_NODE)
        p->nodes[p->newest].newer = i;
    else
        p->oldest = i;
    p->newest = i;
    p->n_kept++;
}

static void unkeep(weir_pages *p, uint32_t i) {
    const weir_node *node = &p->nodes[i];
    if (node->older != WEIR_NO_NODE)
        p->nodes[node->older].newer = node->newer;
    else
        p->oldest = node->newer;
    if (node->newer != WEIR_NO_NODE)
        p->nodes[node->newer].older = node->older;
    else
        p->newest = node->older;
    p->n_kept--;
}

static void forget(weir_pages *p, uint32_t i) {
    weir_node *node = &p->nodes[i];
    assert(node->first_child == WEIR_NO_NODE);
    if (p->on_forget)
        p->on_forget(p->context, i);
    uint32_t *at = &p->buckets[bucket_of(p, node->parent, node->tokens, node->n_tokens)];
    while (*at != i)
        at = &p->nodes[*at].next_in_bucket;
    *at = node->next_in_bucket;
    at = first_child_of(p, node->parent);
    while (*at != i)
        at = &p->nodes[*at].next_sibling;
    *at = node->next_sibling;
    node->parent = WEIR_NO_NODE;
}

void weir_prefix_drop(weir_pages *p, uint32_t node) {
    assert(p->refs[node] == 1);
    unkeep(p, node);
    forget(p, node);
    p->refs[node] = 0;
    p->free[p->n_free++] = node;
}

uint32_t weir_page_take(weir_pages *p) {
    if (p->n_free == 0) {
        if (p->oldest == WEIR_NO_NODE)
            return WEIR_NO_PAGE;
        weir_prefix_drop(p, p->oldest);
    }
    uint32_t page = p->free[--p->n_free];
    assert(p->refs[page] == 0 && p->nodes[page].parent == WEIR_NO_NODE);
    p->refs[page] = 1;
    return page;
}

void weir_page_share(weir_pages *p, uint32_t page) {
    assert(p->refs[page] > 0);
    if (p->refs[page]++ == 1 && p->nodes[page].parent != WEIR_NO_NODE)
        unkeep(p, page);
}

void weir_page_release(weir_pages *p, uint32_t page) {
    assert(p->refs[page] > 0);
    p->refs[page]--;
    if (p->refs[page] == 0)
        p->free[p->n_free++] = page;
    else if (p->refs[page] == 1 && p->nodes[page].parent != WEIR_NO_NODE)
        keep(p, page);
}

uint32_t weir_prefix_find(const weir_pages *p, uint32_t parent, const int32_t *tokens) {
    uint32_t i = p->buckets[bucket_of(p, parent, tokens, WEIR_PAGE_TOKENS)];
    for (; i != WEIR_NO_NODE; i = p->nodes[i].next_in_bucket)
        if (p->nodes[i].parent == parent && p->nodes[i].n_tokens == WEIR_PAGE_TOKENS &&
            memcmp(p->nodes[i].tokens, tokens, sizeof p->nodes[i].tokens) == 0)
            return i;
    return WEIR_NO_NODE;
}

uint32_t weir_prefix_nearest(const weir_pages *p, uint32_t parent, const int32_t *tokens,
                             uint32_t n, uint32_t *node) {
    uint32_t most = 0;
    *node = WEIR_NO_NODE;
    uint32_t i = parent == WEIR_ROOT ? p->first_root : p->nodes[parent].first_child;
    for (; i != WEIR_NO_NODE && most < n; i = p->nodes[i].next_sibling) {
        uint32_t k = 0, n_both = n < p->nodes[i].n_tokens ? n : p->nodes[i].n_tokens;
        while (k < n_both && p->nodes[i].tokens[k] == tokens[k])
            k++;
        if (k > most) {
            most = k;
            *node = i;
        }
    }
    return most;
}

weir_page_key weir_prefix_key(const weir_pages *p, uint32_t parent, const int32_t *tokens) {
    struct {
        weir_page_key parent;
        int32_t tokens[WEIR_PAGE_TOKENS];
    } path;
    path.parent = parent == WEIR_ROOT ? p->root_key : p->nodes[parent].key;
    memcpy(path.tokens, tokens, sizeof path.tokens);
    XXH128_hash_t hash = XXH3_128bits(&path, sizeof path);
    return (weir_page_key){{hash.low64, hash.high64}};
}

void weir_prefix_insert(weir_pages *p, uint32_t parent, const int32_t *tokens, uint32_t n_tokens,
                        uint32_t page) {
    weir_node *node = &p->nodes[page];
    assert(node->parent == WEIR_NO_NODE && p->refs[page] > 0 && n_tokens > 0);
    uint32_t *bucket = &p->buckets[bucket_of(p, parent, tokens, n_tokens)];
    uint32_t *child = first_child_of(p, parent);
    node->parent = parent;
    node->n_tokens = n_tokens;
    node->is_stored = false;
    node->first_child = WEIR_NO_NODE;
    memcpy(node->tokens, tokens, n_tokens * sizeof *tokens);
    if (n_tokens == WEIR_PAGE_TOKENS)
        node->key = weir_prefix_key(p, parent, tokens);
    node->next_in_bucket = *bucket;
    *bucket = page;
    node->next_sibling = *child;
    *child = page;
    p->refs[page]++; /* the tree's own; a timeline holds the page too, so it is not kept yet */
}

bool weir_prefix_give_up(weir_pages *p, uint32_t page) {
    /* Nothing is kept, and who held a child would hold this page too: it has no children. */
    assert(p->n_free == 0 && p->n_kept == 0);
    if (p->refs[page] != 2 || p->nodes[page].parent == WEIR_NO_NODE)
        return false;
    forget(p, page);
    p->refs[page]--;
    return true;
}
