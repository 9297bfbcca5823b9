/*
 * test_cpu_nodes.c: how strips go round memory nodes: each has one place, and the nodes as many as
 * each other wherever that can be.
 */
#include "base/compiler.h"
#include "cpu/cpu_nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST_STRIPS = 200, MOST_NODES = 9 };

static void every_strip_has_one_place(void **state) {
    (void)state;
    for (uint32_t n_nodes = 1; n_nodes <= MOST_NODES; n_nodes++)
        for (uint32_t n = 1; n <= MOST_STRIPS; n++) {
            weir_spread s = weir_spread_make(n_nodes, n);
            bool is_met[MOST_STRIPS] = {false};
            uint32_t sum = 0;
            for (uint32_t node = 0; node < n_nodes; node++) {
                uint32_t n_on = weir_spread_on(&s, node);
                assert_true(n_on <= weir_spread_on(&s, 0));
                sum += n_on;
                for (uint32_t i = 0; i < n_on; i++) {
                    uint32_t strip = weir_spread_strip(&s, node, i), back;
                    assert_true(strip < n && !is_met[strip]);
                    is_met[strip] = true;
                    assert_int_equal(weir_spread_node(&s, strip, &back), node);
                    assert_int_equal(back, i);
                }
            }
            assert_int_equal(sum, n);
        }
}

/* What lies behind a strip of its block is the next strip. */
static void blocks_lie_in_one_piece(void **state) {
    (void)state;
    for (uint32_t n_nodes = 1; n_nodes <= MOST_NODES; n_nodes++)
        for (uint32_t n = 1; n <= MOST_STRIPS; n++) {
            weir_spread s = weir_spread_make(n_nodes, n);
            for (uint32_t strip = 1; strip < n; strip++) {
                uint32_t before, here;
                uint32_t node = weir_spread_node(&s, strip - 1, &before);
                if (strip % s.block == 0)
                    continue;
                assert_int_equal(weir_spread_node(&s, strip, &here), node);
                assert_int_equal(here, before + 1);
            }
        }
}

/* Matrices of the 24B on two, four and eight nodes: rows of q, k, an expert, the convolution's
 * three parts, the head. */
static void nodes_have_equal_parts(void **state) {
    (void)state;
    static const uint32_t rows[] = {2048, 512, 1536, 6144, 65536, 7168};
    for (uint32_t n_nodes = 2; n_nodes <= 8; n_nodes *= 2)
        for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
            weir_spread s = weir_spread_make(n_nodes, rows[i] / WEIR_T16_ROWS);
            assert_int_equal(weir_spread_on(&s, n_nodes - 1), weir_spread_on(&s, 0));
            assert_true(s.block >= 4);
        }
    /* Three: whole blocks, and an eighth more or less. */
    weir_spread three = weir_spread_make(3, 2048 / WEIR_T16_ROWS);
    assert_true(three.block >= 4);
    assert_true(weir_spread_on(&three, 0) * 7 <= weir_spread_on(&three, 2) * 8);
    /* A channel's three parts are on one node. */
    weir_spread all = weir_spread_make(2, 3 * 2048 / WEIR_T16_ROWS);
    uint32_t unused;
    for (uint32_t i = 0; i < 2048 / WEIR_T16_ROWS; i++)
        for (uint32_t part = 1; part < 3; part++)
            assert_int_equal(weir_spread_node(&all, i + part * 2048 / WEIR_T16_ROWS, &unused),
                             weir_spread_node(&all, i, &unused));
    /* One node: a matrix lies in one piece. */
    weir_spread one = weir_spread_make(1, 77);
    assert_int_equal(one.block, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_strip_has_one_place),
        cmocka_unit_test(blocks_lie_in_one_piece),
        cmocka_unit_test(nodes_have_equal_parts),
    };
    return cmocka_run_group_tests_name("cpu nodes", tests, NULL, NULL);
}
