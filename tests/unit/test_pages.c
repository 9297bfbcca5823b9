/*
 * test_pages.c: the page pool and the tree of finished pages by themselves: counts, keys that
 * include the parent, and that what is kept gives way oldest first, children before parents.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/random.h"
#include "engine/pages.h"
#include <string.h>

typedef struct pool {
    weir_pages pages;
    weir_arena arena;
} pool;

static void open_pool(pool *p, uint32_t n_pages) {
    weir_arena measure = {0};
    memset(p, 0, sizeof *p);
    weir_pages_layout(&p->pages, &measure, n_pages);
    assert_int_equal(weir_arena_open(&p->arena, measure.used, "test", NULL), WEIR_STATUS_OK);
    weir_pages_layout(&p->pages, &p->arena, n_pages);
    weir_pages_init(&p->pages, n_pages, true);
}

static void fill(int32_t *tokens, int32_t value) {
    for (int i = 0; i < WEIR_PAGE_TOKENS; i++)
        tokens[i] = value;
}

static void test_pages_run_out_and_come_back(void **state) {
    (void)state;
    pool p;
    open_pool(&p, 3);
    uint32_t a = weir_page_take(&p.pages), b = weir_page_take(&p.pages);
    uint32_t c = weir_page_take(&p.pages);
    assert_true(a != b && b != c && a != c);
    assert_int_equal(weir_page_take(&p.pages), WEIR_NO_PAGE);
    weir_page_share(&p.pages, b);
    weir_page_release(&p.pages, b);
    assert_int_equal(weir_page_take(&p.pages), WEIR_NO_PAGE);
    weir_page_release(&p.pages, b);
    assert_int_equal(weir_page_take(&p.pages), b);
    weir_arena_close(&p.arena);
}

/* Many parents have a child with the same tokens: each finds its own. In a pool this small they
 * share buckets. */
static void test_keys_include_the_parent(void **state) {
    (void)state;
    enum { N = 40 };
    pool p;
    uint32_t parent[N], child[N];
    int32_t same[WEIR_PAGE_TOKENS], own[WEIR_PAGE_TOKENS];
    open_pool(&p, 2 * N);
    fill(same, 7);
    for (int i = 0; i < N; i++) {
        fill(own, 100 + i);
        parent[i] = weir_page_take(&p.pages);
        weir_prefix_insert(&p.pages, WEIR_ROOT, own, WEIR_PAGE_TOKENS, parent[i]);
        assert_int_equal(weir_prefix_find(&p.pages, parent[i], same), WEIR_NO_NODE);
        child[i] = weir_page_take(&p.pages);
        weir_prefix_insert(&p.pages, parent[i], same, WEIR_PAGE_TOKENS, child[i]);
    }
    for (int i = 0; i < N; i++) {
        fill(own, 100 + i);
        assert_int_equal(weir_prefix_find(&p.pages, WEIR_ROOT, own), parent[i]);
        assert_int_equal(weir_prefix_find(&p.pages, parent[i], same), child[i]);
        assert_int_equal(weir_prefix_find(&p.pages, child[i], same), WEIR_NO_NODE);
    }
    assert_int_equal(weir_prefix_find(&p.pages, WEIR_ROOT, same), WEIR_NO_NODE);
    own[63] ^= 1; /* the last token counts too */
    assert_int_equal(weir_prefix_find(&p.pages, WEIR_ROOT, own), WEIR_NO_NODE);
    weir_arena_close(&p.arena);
}

static void test_oldest_kept_gives_way(void **state) {
    (void)state;
    pool p;
    int32_t tokens[WEIR_PAGE_TOKENS];
    uint32_t chain[2][2];
    open_pool(&p, 4);
    for (int i = 0; i < 2; i++) { /* two prompts of two pages, each then let go, child first */
        for (int j = 0; j < 2; j++) {
            fill(tokens, 10 * i + j);
            chain[i][j] = weir_page_take(&p.pages);
            weir_prefix_insert(&p.pages, j ? chain[i][0] : WEIR_ROOT, tokens, WEIR_PAGE_TOKENS,
                               chain[i][j]);
        }
    }
    for (int i = 0; i < 2; i++)
        for (int j = 1; j >= 0; j--)
            weir_page_release(&p.pages, chain[i][j]);
    assert_int_equal(p.pages.n_kept, 4);
    weir_page_share(&p.pages, chain[0][0]); /* the older prompt is used again */
    weir_page_share(&p.pages, chain[0][1]);
    assert_int_equal(p.pages.n_kept, 2);
    assert_int_equal(weir_page_take(&p.pages), chain[1][1]);
    assert_int_equal(weir_page_take(&p.pages), chain[1][0]);
    assert_int_equal(weir_page_take(&p.pages), WEIR_NO_PAGE); /* what is in use stays */
    fill(tokens, 10);
    assert_int_equal(weir_prefix_find(&p.pages, WEIR_ROOT, tokens), WEIR_NO_NODE);
    fill(tokens, 0);
    assert_int_equal(weir_prefix_find(&p.pages, WEIR_ROOT, tokens), chain[0][0]);
    weir_arena_close(&p.arena);
}

/* A page that one timeline and the tree hold can leave the tree; a shared one cannot. */
static void test_tree_gives_a_page_up(void **state) {
    (void)state;
    pool p;
    int32_t tokens[WEIR_PAGE_TOKENS];
    open_pool(&p, 2);
    fill(tokens, 1);
    uint32_t node = weir_page_take(&p.pages), plain = weir_page_take(&p.pages);
    weir_prefix_insert(&p.pages, WEIR_ROOT, tokens, WEIR_PAGE_TOKENS, node);
    assert_int_equal(weir_page_take(&p.pages), WEIR_NO_PAGE);
    assert_false(weir_prefix_give_up(&p.pages, plain));
    weir_page_share(&p.pages, node); /* a second timeline */
    assert_false(weir_prefix_give_up(&p.pages, node));
    assert_int_equal(weir_prefix_find(&p.pages, WEIR_ROOT, tokens), node);
    weir_page_release(&p.pages, node);
    assert_true(weir_prefix_give_up(&p.pages, node));
    assert_int_equal(weir_prefix_find(&p.pages, WEIR_ROOT, tokens), WEIR_NO_NODE);
    assert_int_equal(p.pages.refs[node], 1);
    weir_page_release(&p.pages, node);
    assert_int_equal(p.pages.n_free, 1); /* free, not kept */
    weir_arena_close(&p.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_run_out_and_come_back),
        cmocka_unit_test(test_keys_include_the_parent),
        cmocka_unit_test(test_oldest_kept_gives_way),
        cmocka_unit_test(test_tree_gives_a_page_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
