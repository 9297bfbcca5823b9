/*
 * test_machine.c: what the machine tells of itself agrees with itself, the reading loops read every
 * byte, and the arithmetic is done as often as asked. No rate is looked at: machines are shared.
 */
#include "cpu/machine_probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void describe(weir_machine *m, const weir_machine_options *options) {
    weir_error err = {0};
    if (weir_machine_probe(m, options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
}

static const weir_machine_isa *isa_of(const weir_machine *m, const char *name) {
    for (size_t i = 0; i < m->n_isas; i++)
        if (strcmp(m->isa[i].name, name) == 0)
            return &m->isa[i];
    return NULL;
}

static void facts_agree(void **state) {
    (void)state;
    weir_machine m;
    describe(&m, &(weir_machine_options){.seconds = -1});
    assert_int_equal(m.n_teams, 0);
    assert_int_equal(m.n_peaks, 0);
    assert_true(m.n_threads >= 1 && m.n_threads <= m.n_cores && m.n_cores <= m.n_allowed);
    assert_int_equal(m.n_isas, WEIR_MACHINE_ISAS);
    assert_true(isa_of(&m, "portable")->is_usable);
    assert_true(isa_of(&m, m.isa_chosen)->is_usable);
    assert_true(isa_of(&m, m.isa_chosen_training)->is_usable);
    for (size_t i = 0; i < m.n_isas; i++)
        if (m.isa[i].is_usable) {
            assert_true(m.isa[i].is_of_architecture && m.isa[i].is_built && m.isa[i].is_saved);
            assert_string_equal(m.isa[i].missing, "");
        }
}

static void caps_hold(void **state) {
    (void)state;
    weir_machine m;
    weir_error err = {0};
    describe(&m, &(weir_machine_options){.isa = "portable", .seconds = -1});
    assert_string_equal(m.isa_chosen, "portable");
    assert_string_equal(m.isa_chosen_training, "portable");
    assert_int_equal(
        weir_machine_probe(&m, &(weir_machine_options){.isa = "mmx", .seconds = -1}, &err),
        WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_machine_probe(&m, &(weir_machine_options){.n_threads = 100000}, &err),
                     WEIR_STATUS_BAD_ARGUMENT);
}

/* Every byte of every line at every place changes what comes out. */
static void read_whole(const weir_probe_loops *unit) {
    enum { LINES = 5, MOST = 8 };
    size_t cap = MOST * LINES * WEIR_PROBE_LINE_BYTES;
    uint8_t *data = calloc(1, cap);
    assert_non_null(data);
    for (size_t i = 0; i < cap; i++)
        data[i] = (uint8_t)(i * 37 + i / 251);
    for (uint32_t n_streams = 1; n_streams <= MOST; n_streams *= 2) {
        uint64_t before = unit->read(data, LINES, n_streams);
        assert_int_equal(unit->read(data, LINES, n_streams), before);
        for (size_t i = 0; i < (size_t)n_streams * LINES * WEIR_PROBE_LINE_BYTES; i++) {
            data[i] ^= 1;
            assert_true(unit->read(data, LINES, n_streams) != before);
            data[i] ^= 1;
        }
    }
    free(data);
}

static void loops_do_their_work(void **state) {
    (void)state;
    weir_machine m;
    describe(&m, &(weir_machine_options){.seconds = -1});
    weir_probe_numbers numbers;
    memset(&numbers, 0x3f, sizeof numbers); /* 0.74, 16191, 63, 0.74 */
    for (size_t i = 0; i < m.n_isas; i++) {
        const weir_probe_loops *unit = weir_probe_units[i];
        assert_string_equal(unit->isa, m.isa[i].name);
        if (!m.isa[i].is_usable)
            continue;
        if (unit->read)
            read_whole(unit);
        for (size_t k = 0; k < WEIR_PROBE_ARITHMETIC && unit->arithmetic[k].what; k++) {
            assert_true(unit->arithmetic[k].macs_per_round > 0);
            double once = unit->arithmetic[k].run(&numbers, 1);
            assert_true(once == once && once == unit->arithmetic[k].run(&numbers, 1));
        }
    }
}

static void probes_of_all_kinds(void **state) {
    (void)state;
    static const weir_machine_part parts[] = {WEIR_MACHINE_ALL, WEIR_MACHINE_READING,
                                              WEIR_MACHINE_WAITING};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        weir_machine m;
        const weir_machine_options options = {
            .n_threads = 3, .seconds = 0.01, .buffer_bytes = 3 << 20, .only = parts[i]};
        describe(&m, &options);
        bool reads = parts[i] != WEIR_MACHINE_WAITING, waits = parts[i] != WEIR_MACHINE_READING;
        assert_int_equal(m.n_teams, 3); /* 1, 2 and all three */
        assert_int_equal(m.team[2], 3);
        assert_int_equal(m.read_bytes_per_s[2][3] > 0, reads);
        assert_int_equal(m.read_bytes_per_s[0][0] > 0, parts[i] == WEIR_MACHINE_ALL);
        assert_int_equal(m.n_peaks > 0, parts[i] == WEIR_MACHINE_ALL);
        for (size_t k = 0; k < m.n_peaks; k++)
            assert_true(m.peak[k].macs_per_s[0] > 0 && m.peak[k].macs_per_s[2] > 0);
        assert_int_equal(m.region_s[2] > 0, waits);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_agree),
        cmocka_unit_test(caps_hold),
        cmocka_unit_test(loops_do_their_work),
        cmocka_unit_test(probes_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
