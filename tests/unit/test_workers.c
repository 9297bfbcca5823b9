/* test_workers.c: regions, barriers and shares. Built with -fsanitize=thread it also shows that
 * what one worker wrote before a barrier or the end of a region is seen by the others after. */
#include "base/error.h"
#include "base/topology.h"
#include "base/workers.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MAX_TEAM = 9 };
static const uint32_t team_sizes[] = {1, 2, 3, 5, MAX_TEAM};

static weir_workers *open_team(uint32_t n, bool pin) {
    weir_workers *team;
    weir_error err = {0};
    weir_status status = weir_workers_open(&team, n, pin, &err);
    assert_int_equal(status, WEIR_STATUS_OK);
    assert_int_equal(weir_workers_count(team), n);
    return team;
}

static void sleep_us(long us) {
    struct timespec t = {.tv_nsec = us * 1000};
    nanosleep(&t, NULL);
}

/* ---- regions ------------------------------------------------------------------------------ */

typedef struct tally {
    uint32_t n_calls[MAX_TEAM];
    uint32_t n_workers;
    uint32_t slow_worker; /* MAX_TEAM: nobody is slow */
} tally;

static void count_call(void *context, uint32_t worker, uint32_t n_workers) {
    tally *t = context;
    t->n_calls[worker]++;
    if (worker == 0)
        t->n_workers = n_workers;
    if (worker == t->slow_worker)
        sleep_us(300);
}

static void every_worker_runs_once(void **state) {
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(team_sizes); i++) {
        uint32_t n = team_sizes[i];
        weir_workers *team = open_team(n, false);
        tally t = {.slow_worker = MAX_TEAM};
        for (uint32_t region = 1; region <= 300; region++) {
            weir_workers_run(team, count_call, &t);
            for (uint32_t w = 0; w < MAX_TEAM; w++)
                assert_int_equal(t.n_calls[w], w < n ? region : 0);
            assert_int_equal(t.n_workers, n);
        }
        weir_workers_close(&team);
        assert_null(team);
        weir_workers_close(&team);
    }
    weir_workers_close(NULL);
}

/* Pauses longer than the spin: before a region, and in one worker after the other. */
static void sleepers_are_woken(void **state) {
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(team_sizes); i++) {
        uint32_t n = team_sizes[i];
        weir_workers *team = open_team(n, true);
        tally t = {0};
        for (uint32_t region = 1; region <= 40; region++) {
            t.slow_worker = region % (n + 1);
            if (region % 2)
                sleep_us(250);
            weir_workers_run(team, count_call, &t);
            for (uint32_t w = 0; w < n; w++)
                assert_int_equal(t.n_calls[w], region);
        }
        weir_workers_close(&team);
    }
}

/* ---- barriers ----------------------------------------------------------------------------- */

enum { N_PHASES = 200 };

typedef struct relay {
    weir_workers *team;
    uint32_t written[2][MAX_TEAM];
    uint32_t n_wrong[MAX_TEAM];
    bool sleeps;
} relay;

/* In each phase every worker writes its place and, after the barrier, reads all. Two rows in turn:
 * nobody can be two barriers ahead. */
static void pass_on(void *context, uint32_t worker, uint32_t n_workers) {
    relay *r = context;
    for (uint32_t phase = 0; phase < N_PHASES; phase++) {
        if (r->sleeps && phase % 20 == 0 && phase / 20 % n_workers == worker)
            sleep_us(250);
        r->written[phase % 2][worker] = phase * 100 + worker;
        weir_workers_barrier(r->team, worker);
        for (uint32_t w = 0; w < n_workers; w++)
            r->n_wrong[worker] += r->written[phase % 2][w] != phase * 100 + w;
    }
}

static void barriers_order_writes(void **state) {
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(team_sizes); i++) {
        relay r = {.team = open_team(team_sizes[i], false)};
        for (int region = 0; region < 6; region++) {
            r.sleeps = region % 3 == 2;
            weir_workers_run(r.team, pass_on, &r);
        }
        for (uint32_t w = 0; w < MAX_TEAM; w++)
            assert_int_equal(r.n_wrong[w], 0);
        weir_workers_close(&r.team);
    }
}

/* ---- who drives, and where ---------------------------------------------------------------- */

typedef struct driver {
    weir_workers *team;
    tally t;
} driver;

static void *drive(void *arg) {
    driver *d = arg;
    for (int region = 0; region < 20; region++)
        weir_workers_run(d->team, count_call, &d->t);
    return NULL;
}

static void threads_take_turns_in_driving(void **state) {
    (void)state;
    driver d = {.team = open_team(3, false), .t.slow_worker = MAX_TEAM};
    for (int turn = 0; turn < 5; turn++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, drive, &d), 0);
        pthread_join(thread, NULL);
        drive(&d);
    }
    for (uint32_t w = 0; w < 3; w++)
        assert_int_equal(d.t.n_calls[w], 5 * 2 * 20);
    weir_workers_close(&d.team);
}

static void two_teams_live_side_by_side(void **state) {
    (void)state;
    driver a = {.team = open_team(2, false), .t.slow_worker = MAX_TEAM};
    driver b = {.team = open_team(3, false), .t.slow_worker = MAX_TEAM};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, drive, &a), 0);
    drive(&b);
    pthread_join(thread, NULL);
    assert_int_equal(a.t.n_calls[1], 20);
    assert_int_equal(b.t.n_calls[2], 20);
    weir_workers_close(&a.team);
    weir_workers_close(&b.team);
}

static void read_affinity(void *context, uint32_t worker, uint32_t n_workers) {
    (void)n_workers;
    cpu_set_t *sets = context;
    sched_getaffinity(0, sizeof sets[worker], &sets[worker]);
}

static void workers_are_pinned(void **state) {
    (void)state;
    cpu_set_t before, loose[2];
    weir_topology *topology = malloc(sizeof *topology);
    assert_non_null(topology);
    weir_topology_read(topology);
    if (sched_getaffinity(0, sizeof before, &before) != 0 || topology->n_allowed < 2) {
        free(topology);
        print_message("skipped: one processor\n");
        skip();
    }
    uint32_t n = topology->n_cores > 2 ? topology->n_cores : 2;
    cpu_set_t *sets = calloc(n, sizeof *sets);
    assert_non_null(sets);
    weir_workers *team = open_team(n, true);
    weir_workers_run(team, read_affinity, sets);
    weir_workers_close(&team);
    assert_true(CPU_EQUAL(&sets[0], &before));
    for (uint32_t w = 1; w < n; w++) {
        assert_int_equal(CPU_COUNT(&sets[w]), 1);
        assert_true(CPU_ISSET(topology->cpu[w], &sets[w]));
    }
    free(sets);
    if (topology->n_cores > 2) { /* one that leaves cores to others: nobody is tied down */
        team = open_team(2, true);
        weir_workers_run(team, read_affinity, loose);
        weir_workers_close(&team);
        assert_true(CPU_EQUAL(&loose[1], &before));
    }
    team = open_team(2, false);
    weir_workers_run(team, read_affinity, loose);
    weir_workers_close(&team);
    assert_true(CPU_EQUAL(&loose[1], &before));

    /* more workers than processors: nobody is tied down */
    cpu_set_t *many = calloc(topology->n_allowed + 1, sizeof *many);
    assert_non_null(many);
    team = open_team(topology->n_allowed + 1, true);
    weir_workers_run(team, read_affinity, many);
    weir_workers_close(&team);
    for (uint32_t w = 0; w <= topology->n_allowed; w++)
        assert_true(CPU_EQUAL(&many[w], &before));
    free(many);
    free(topology);
}

static void only_teams_of_all_cores_are_pinned(void **state) {
    (void)state;
    static const struct {
        uint32_t n_threads, n_cores, n_allowed;
        bool pins;
    } cases[] = {
        {8, 16, 16, false},  /* two servers of half a machine each */
        {15, 16, 32, false}, /* one core is left to others */
        {16, 16, 16, true},  {16, 16, 32, true}, {32, 16, 32, true},
        {33, 16, 32, false}, {1, 1, 1, true},    {2, 1, 1, false},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++)
        assert_int_equal(
            weir_workers_may_pin(cases[i].n_threads, cases[i].n_cores, cases[i].n_allowed),
            cases[i].pins);
}

/* Nodes are numbered as threads meet them; a team that is not pinned knows of one. */
static void nodes_of_workers(void **state) {
    (void)state;
    static const uint8_t of_system[] = {3, 3, 0, 7, 0, 3, 3, 0, 7, 0};
    static const uint8_t expected[] = {0, 0, 1, 2, 1, 0, 0, 1, 2, 1};
    static weir_topology t;
    t = (weir_topology){.n_allowed = 10, .n_cores = 5, .n_nodes = 3};
    memcpy(t.node, of_system, sizeof of_system);
    for (uint32_t n_threads = 1; n_threads <= 11; n_threads++) {
        uint8_t node[16];
        memset(node, 99, sizeof node);
        bool is_pinned = n_threads >= 5 && n_threads <= 10;
        assert_int_equal(weir_workers_number_nodes(&t, n_threads, node), is_pinned ? 3 : 1);
        assert_int_equal(weir_workers_number_nodes(&t, n_threads, NULL), is_pinned ? 3 : 1);
        for (uint32_t i = 0; i < n_threads; i++)
            assert_int_equal(node[i], is_pinned ? expected[i] : 0);
        assert_int_equal(node[n_threads], 99);
    }
    /* Two nodes, all threads of the team on the second. */
    t.n_cores = 2;
    assert_int_equal(weir_workers_number_nodes(&t, 2, NULL), 1);
    assert_int_equal(weir_workers_number_nodes(&t, 3, NULL), 2);
    uint8_t node[4];
    assert_int_equal(weir_workers_nodes(4, false, node), 1);
    assert_int_equal(weir_workers_nodes(1, true, node), 1);
}

static void no_threads_are_refused(void **state) {
    (void)state;
    weir_error err;
    weir_workers *team = (weir_workers *)&err;
    assert_int_equal(weir_workers_open(&team, 0, false, &err), WEIR_STATUS_BAD_ARGUMENT);
    assert_null(team);
}

static void open_and_close_at_once(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        weir_workers *team = open_team(1 + i % 5, i % 2);
        weir_workers_close(&team);
    }
}

/* ---- shares ------------------------------------------------------------------------------- */

static void shares_cover_all_evenly(void **state) {
    (void)state;
    static const size_t ns[] = {0,  1,  2,    31,    32,           33,      63,
                                64, 65, 1000, 65536, SIZE_MAX - 1, SIZE_MAX};
    static const size_t grains[] = {1, 2, 7, 32, 64, 100000};
    for (size_t i = 0; i < WEIR_COUNT(ns); i++)
        for (size_t g = 0; g < WEIR_COUNT(grains); g++)
            for (uint32_t n_workers = 1; n_workers <= 17; n_workers++) {
                size_t n = ns[i], grain = grains[g], at = 0, most = 0, least = SIZE_MAX;
                for (uint32_t w = 0; w < n_workers; w++) {
                    size_t begin, end;
                    weir_share(n, grain, w, n_workers, &begin, &end);
                    assert_true(begin == at && end >= begin && end <= n);
                    assert_true(end % grain == 0 || end == n);
                    size_t n_grains = (end - begin) / grain + ((end - begin) % grain != 0);
                    most = n_grains > most ? n_grains : most;
                    least = n_grains < least ? n_grains : least;
                    at = end;
                }
                assert_true(at == n);
                assert_true(most - least <= 1);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_worker_runs_once),
        cmocka_unit_test(sleepers_are_woken),
        cmocka_unit_test(barriers_order_writes),
        cmocka_unit_test(threads_take_turns_in_driving),
        cmocka_unit_test(two_teams_live_side_by_side),
        cmocka_unit_test(workers_are_pinned),
        cmocka_unit_test(only_teams_of_all_cores_are_pinned),
        cmocka_unit_test(no_threads_are_refused),
        cmocka_unit_test(nodes_of_workers),
        cmocka_unit_test(open_and_close_at_once),
        cmocka_unit_test(shares_cover_all_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
