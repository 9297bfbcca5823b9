/*
 * test_scheduler.c: the rules of the scheduler, one test each, on a pretended engine.
 */
#include "scheduler_fixture.h"

/* ---- rows --------------------------------------------------------------------------------- */

static void test_decoding_goes_first_one_row_each(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){
                        .n_seqs = 8, .n_pages = 1000, .n_batch = 128, .max_gap_s = 0.3});
    fake_task *decoding[3];
    for (int i = 0; i < 3; i++)
        decoding[i] = submit(&e, 1, 0, 5, 100);
    step(&e);
    fake_task *prompt = submit(&e, 2, 0, 5000, 100);
    turn(&e);
    plan(&e);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ordered(&e, decoding[i]), 1);
        assert_true(e.orders[i].task->is_decoding);
    }
    assert_true(ordered(&e, prompt) >= 64 && ordered(&e, prompt) <= 125);
    do_step(&e);
    finish_all(&e);
    close_engine(&e);
}

static void test_a_machine_where_nothing_decodes_runs_whole_batches(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){
                        .n_seqs = 4, .n_pages = 1000, .n_batch = 512, .max_gap_s = 0.01});
    submit(&e, 1, 0, 3000, 10);
    submit(&e, 2, 0, 3000, 10);
    for (int i = 0; i < 5; i++) {
        step(&e);
        assert_int_equal(e.n_last_prompt, 512);
    }
    close_engine(&e);
}

static void test_a_prompt_gets_64_rows_however_slow_the_machine(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 64, .n_pages = 1000, .n_batch = 512});
    e.step_s = 3;
    for (int i = 0; i < 8; i++)
        submit(&e, 1, 0, 5, 1000);
    step(&e);
    submit(&e, 1, 0, 3000, 10);
    for (int i = 0; i < 10; i++) {
        step(&e);
        assert_in_range(e.n_last_prompt, 16, 64);
        if (i >= 5) /* it has learned that the rows are not what takes so long */
            assert_int_equal(e.n_last_prompt, 64);
        assert_int_equal(e.n_last_decode, 8);
    }
    close_engine(&e);
}

/* Decoding alone takes 300 ms of the 250 that are wanted; 64 rows would take 640 more. */
static void test_a_missed_gap_is_not_doubled(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 64, .n_pages = 1000, .n_batch = 512});
    e.step_s = 0.28;
    e.prompt_row_s = 0.01;
    for (int i = 0; i < 8; i++)
        submit(&e, 1, 0, 5, 1000);
    for (int i = 0; i < 10; i++)
        step(&e);
    submit(&e, 1, 0, 3000, 10);
    for (int i = 0; i < 30; i++) {
        double before_s = e.now_s;
        step(&e);
        if (i >= 5) {
            assert_in_range(e.n_last_prompt, 4, 32);
            assert_true(e.now_s - before_s < 0.62);
        }
    }
    close_engine(&e);
}

/* 64 rows take 320 ms; 33 the 200 that are wanted, 20 the 75 % of it that are aimed at. */
static void test_a_tight_gap_is_kept_with_fewer_rows(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){
                        .n_seqs = 64, .n_pages = 1000, .n_batch = 512, .max_gap_s = 0.2});
    e.step_s = 0.06;
    e.prompt_row_s = 0.004;
    for (int i = 0; i < 8; i++)
        submit(&e, 1, 0, 5, 1000);
    for (int i = 0; i < 10; i++)
        step(&e);
    submit(&e, 1, 0, 3000, 10);
    for (int i = 0; i < 30; i++) {
        double before_s = e.now_s;
        step(&e);
        assert_int_equal(e.n_last_decode, 8);
        if (i >= 5) {
            assert_in_range(e.n_last_prompt, 10, 22);
            assert_true(e.now_s - before_s < 0.16);
        }
    }
    close_engine(&e);
}

static void test_more_decoding_than_rows_take_turns_and_leave_prompts_their_rows(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){
                        .n_seqs = 300, .n_pages = 5000, .n_batch = 128, .max_gap_s = 100});
    for (int i = 0; i < 256; i++)
        submit(&e, 1, 0, 1, 1000);
    while (e.n_last_decode < 128)
        step(&e);
    for (int i = 0; i < 20; i++)
        step(&e);
    uint32_t least = UINT32_MAX, most = 0;
    for (int i = 0; i < 256; i++) {
        uint32_t n = e.tasks[i].n_generated;
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    assert_true(most - least <= 2 && least >= 8);
    submit(&e, 2, 0, 1000, 10);
    step(&e);
    assert_int_equal(e.n_last_prompt, 64);
    assert_int_equal(e.n_last_decode, 64);
    close_engine(&e);
}

/* Rows that each of n tasks had differ by a turn at most, whatever the budget does. */
static void check_shares(fake_task *const *tasks, int n) {
    uint64_t least = UINT64_MAX, most = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        uint64_t rows = tasks[i]->n_rows_run;
        least = rows < least ? rows : least;
        most = rows > most ? rows : most;
        sum += rows;
    }
    assert_true(most - least <= WEIR_TURN_ROWS);
    assert_true(least + WEIR_TURN_ROWS >= sum / (uint64_t)n);
}

static void test_prompts_of_equal_keys_have_equal_shares_within_a_turn(void **state) {
    (void)state;
    for (int n = 2; n <= 13; n++) {
        fake_engine e;
        fake_task *tasks[13], *decoding;
        open_engine(&e, (weir_scheduler_options){.n_seqs = 16, .n_pages = 9000, .n_batch = 500});
        decoding = submit(&e, 99, 0, 5, 30000);
        step(&e);
        for (int i = 0; i < n; i++)
            tasks[i] = submit(&e, n % 2 ? 7 : (uint64_t)i, 0, 20000, 10);
        for (int i = 0; i < 60; i++) {
            step(&e);
            check_shares(tasks, n);
        }
        assert_int_equal(decoding->n_generated, 61);
        close_engine(&e);
    }
}

static void test_keys_share_first_then_tasks(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 8, .n_pages = 9000, .n_batch = 384});
    fake_task *many[3] = {NULL}, *one;
    for (int i = 0; i < 3; i++)
        many[i] = submit(&e, 1, 0, 50000, 10);
    one = submit(&e, 2, 0, 50000, 10);
    for (int i = 0; i < 50; i++) {
        step(&e);
        uint64_t sum = many[0]->n_rows_run + many[1]->n_rows_run + many[2]->n_rows_run;
        assert_true(sum <= one->n_rows_run + 64 && one->n_rows_run <= sum + 64);
        check_shares(many, 3);
    }
    close_engine(&e);
}

static void test_short_prompts_of_a_key_do_not_cost_it_its_share(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 64, .n_pages = 9000, .n_batch = 256});
    fake_task *one = submit(&e, 2, 0, 50000, 10);
    uint64_t n_short = 0;
    for (int i = 0; i < 50; i++)
        submit(&e, 1, 0, 10, 0);
    for (int i = 0; i < 4; i++)
        step(&e);
    for (int i = 0; i < 51; i++)
        n_short += e.tasks[i].task.key == 1 ? e.tasks[i].n_rows_run : 0;
    assert_int_equal(n_short, 500);
    assert_int_equal(one->n_rows_run, 4 * 256 - 500);
    close_engine(&e);
}

static void test_nobody_waits_for_anothers_whole_prompt(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 8, .n_pages = 9000, .n_batch = 512});
    submit(&e, 1, 0, 32000, 10);
    step(&e);
    fake_task *brief = submit(&e, 2, 0, 200, 10);
    step(&e);
    assert_int_equal(brief->n_generated, 1);
    close_engine(&e);
}

static void test_rows_of_a_replay_count_in_the_batch_and_in_the_share(void **state) {
    (void)state;
    fake_engine e;
    weir_scheduler_options options = {
        .n_seqs = 40, .n_pages = 4000, .n_batch = 128, .replay_window = 60};
    open_engine(&e, options);
    e.groups[0] = (fake_group){.n_tokens = 640, .n_refs = 1, .is_there = true};
    for (int i = 0; i < 20; i++)
        submit(&e, (uint64_t)i, 0, 700, 10)->group = 0;
    turn(&e);
    for (int i = 0; i < 20; i++)
        assert_int_equal(e.tasks[i].task.n_pending, 60);
    for (int i = 0; i < 40 && e.tasks[19].n_generated == 0; i++)
        step(&e);
    assert_true(e.tasks[19].n_generated > 0);
    assert_true(e.n_steps < 40);
    finish_all(&e);
    assert_int_equal(e.n_refused, 0);
    close_engine(&e);
}

/* ---- memory ------------------------------------------------------------------------------- */

static void test_admission_counts_the_pages_of_the_prompt_exactly(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 8, .n_pages = 10, .n_batch = 64});
    fake_task *first = submit(&e, 1, 0, 5 * 64, 0);
    fake_task *second = submit(&e, 1, 0, 5 * 64, 0);
    fake_task *third = submit(&e, 1, 0, 1, 0);
    assert_int_equal(plan(&e), 2);
    assert_int_equal(e.orders[0].kind, WEIR_ORDER_ADMIT);
    assert_ptr_equal(e.orders[0].task, &first->task);
    assert_ptr_equal(e.orders[1].task, &second->task);
    assert_int_equal(third->task.state, WEIR_TASK_WAITING);
    close_engine(&e);
}

static void test_who_runs_has_a_reserve_to_grow(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 8, .n_pages = 10, .n_batch = 64});
    submit(&e, 1, 0, 5 * 64, 1000); /* 5 pages, and 2 for the next 128 tokens */
    submit(&e, 1, 0, 4 * 64, 0);
    assert_int_equal(plan(&e), 1);
    close_engine(&e);
    open_engine(&e, (weir_scheduler_options){.n_seqs = 8, .n_pages = 10, .n_batch = 64});
    submit(&e, 1, 0, 5 * 64, 64); /* it will not need more than one */
    submit(&e, 1, 0, 4 * 64, 0);
    assert_int_equal(plan(&e), 2);
    close_engine(&e);
}

static void test_an_idle_machine_always_admits_the_first(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 8, .n_pages = 4, .n_batch = 64});
    submit(&e, 1, 0, 4 * 64, 0); /* all there is */
    fake_task *large = submit(&e, 1, 0, 3 * 64, 60);
    finish_all(&e);
    assert_true(large->is_ended);
    submit(&e, 1, 0, 5 * 64, 0); /* cannot be, and its runner should know: it is told by a RUN */
    assert_int_equal(plan(&e), 1);
    close_engine(&e);
}

static void test_who_does_not_fit_is_not_passed_by_smaller_ones(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e,
                (weir_scheduler_options){.n_seqs = 8, .n_pages = 10, .n_batch = 64, .n_queue = 8});
    submit(&e, 1, 0, 6 * 64, 0);
    fake_task *large = submit(&e, 1, 0, 9 * 64, 0);
    for (int i = 0; i < 4; i++)
        submit(&e, 2, 0, 10, 0);
    while (!e.tasks[0].is_ended) {
        step(&e);
        assert_int_equal(e.tasks[2].task.state, WEIR_TASK_WAITING);
    }
    step(&e);
    assert_int_equal(large->task.state, WEIR_TASK_RUNNING);
    finish_all(&e);
    close_engine(&e);
}

static void test_a_shared_beginning_makes_the_need_smaller(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){
                        .n_seqs = 8, .n_pages = 20, .n_batch = 256, .replay_window = 20});
    e.groups[0].n_tokens = 10 * 64;
    fake_task *tasks[5];
    for (int i = 0; i < 5; i++) {
        tasks[i] = submit(&e, 1, 0, 11 * 64, 0);
        tasks[i]->group = 0;
    }
    assert_int_equal(plan(&e), 1); /* 11 of 20 pages, 9 are left */
    do_move(&e, &e.orders[0]);
    tasks[0]->n_answer = 64;
    while (tasks[0]->n_generated == 0)
        step(&e);
    assert_true(e.groups[0].is_there);
    /* 9 are free; who waits is counted whole until the runner knows better */
    step(&e);
    assert_int_equal(tasks[1]->task.state, WEIR_TASK_WAITING);
    for (int i = 1; i < 5; i++)
        tasks[i]->task.n_pages = 10;
    turn(&e);
    for (int i = 1; i < 5; i++) {
        assert_int_equal(tasks[i]->task.state, WEIR_TASK_RUNNING);
        assert_int_equal(tasks[i]->task.n_pending, 64);
    }
    finish_all(&e);
    close_engine(&e);
}

static void test_what_little_is_left_is_for_all_prompts(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){
                        .n_seqs = 2, .n_pages = 100, .n_batch = 256, .page_tokens = 16});
    submit(&e, 1, 0, 500, 0);
    submit(&e, 2, 0, 500, 0);
    turn(&e);
    e.n_orders = weir_scheduler_plan(e.scheduler, 0, 3, e.orders, 2); /* pages */
    assert_int_equal(e.n_orders, 2);
    assert_int_equal(ordered(&e, &e.tasks[0]), 32);
    assert_int_equal(ordered(&e, &e.tasks[1]), 16);
    close_engine(&e);
}

static void test_the_copy_of_a_shared_page_is_counted(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){
                        .n_seqs = 8, .n_pages = 16, .n_batch = 256, .replay_window = 20});
    e.groups[0] = (fake_group){.n_tokens = 100, .n_refs = 1, .is_there = true}; /* and a holder */
    for (int i = 0; i < 6; i++)
        submit(&e, 1, 0, 101, 20)->group = 0;
    turn(&e); /* 2 pages are shared, 6 of the 14 others will be copies */
    fake_task *large = submit(&e, 1, 0, 14 * 64, 0);
    plan(&e);
    assert_int_equal(large->task.state, WEIR_TASK_WAITING);
    do_step(&e);
    finish_all(&e);
    assert_int_equal(e.n_moves_out + e.n_refused, 0);
    close_engine(&e);
}

/* ---- priorities, the queue ---------------------------------------------------------------- */

static void test_higher_priority_first_then_the_order_of_arrival(void **state) {
    (void)state;
    fake_engine e;
    static const int32_t priorities[] = {0, 5, -3, 5, 0, INT32_MAX, INT32_MIN};
    static const int expected[] = {5, 1, 3, 0, 4, 2, 6};
    open_engine(&e, (weir_scheduler_options){.n_seqs = 7, .n_pages = 100, .n_batch = 64});
    for (int i = 0; i < 7; i++)
        submit(&e, 1, priorities[i], 10, 0);
    assert_int_equal(plan(&e), 7);
    for (int i = 0; i < 7; i++)
        assert_ptr_equal(e.orders[i].task, &e.tasks[expected[i]].task);
    close_engine(&e);
}

static void test_every_eighth_admission_is_the_oldest_ones(void **state) {
    (void)state;
    fake_engine e;
    open_engine(
        &e, (weir_scheduler_options){.n_seqs = 1, .n_pages = 100, .n_batch = 64, .n_queue = 100});
    fake_task *low[3];
    for (int i = 0; i < 3; i++)
        low[i] = submit(&e, 1, -1, 10, 0);
    for (int i = 0; i < 24; i++) {
        submit(&e, 2, 9, 10, 0);
        assert_int_equal(plan(&e), 1);
        bool is_low = i % WEIR_OLDEST_TURN == WEIR_OLDEST_TURN - 1;
        weir_scheduler_failed(e.scheduler, &e.orders[0]); /* does not count as its turn */
        assert_int_equal(plan(&e), 1);
        assert_int_equal(e.orders[0].kind, WEIR_ORDER_ADMIT);
        assert_int_equal(e.orders[0].task->priority, is_low ? -1 : 9);
        if (is_low)
            assert_ptr_equal(e.orders[0].task, &low[i / WEIR_OLDEST_TURN]->task);
        do_move(&e, &e.orders[0]);
        step(&e);
    }
    close_engine(&e);
}

static void test_the_queue_is_bounded(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e,
                (weir_scheduler_options){.n_seqs = 2, .n_pages = 100, .n_batch = 64, .n_queue = 3});
    for (int i = 0; i < 5; i++)
        submit(&e, 1, 0, 10, 0);
    fake_task *more = add(&e, 1, 10, 0);
    assert_false(weir_scheduler_add(e.scheduler, &more->task));
    weir_scheduler_remove(e.scheduler, &more->task); /* unknown: nothing */
    turn(&e);
    assert_false(weir_scheduler_add(e.scheduler, &more->task));
    end_task(&e, &e.tasks[4]);
    more->is_known = weir_scheduler_add(e.scheduler, &more->task);
    assert_true(more->is_known);
    finish_all(&e);
    assert_true(more->is_ended);
    close_engine(&e);
}

/* ---- moved out ---------------------------------------------------------------------------- */

static void test_the_youngest_of_the_lowest_priority_is_moved_out(void **state) {
    (void)state;
    fake_engine e;
    static const int32_t priorities[] = {1, 0, 2, 0, 1};
    static const int expected[] = {3, 1, 4, 0}; /* 2 stays */
    open_engine(&e, (weir_scheduler_options){.n_seqs = 5, .n_pages = 10, .n_batch = 64});
    for (int i = 0; i < 5; i++)
        submit(&e, 1, priorities[i], 64, 64);
    turn(&e); /* all five fit: two pages each */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(e.tasks[i].task.state, WEIR_TASK_RUNNING);
        e.tasks[i].n_answer = 400; /* but then they want more than they said */
        set_facts(&e, &e.tasks[i]);
    }
    int n = 0;
    for (int i = 0; i < 3000 && n < 4; i++) {
        turn(&e);
        if (e.orders[0].kind == WEIR_ORDER_MOVE_OUT)
            assert_ptr_equal(e.orders[0].task, &e.tasks[expected[n++]].task);
        assert_int_not_equal(e.orders[0].kind, WEIR_ORDER_MOVE_IN);
    }
    assert_int_equal(n, 4);
    finish_all(&e);
    close_engine(&e);
}

static void test_who_is_out_comes_back_before_others_are_let_in(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e,
                (weir_scheduler_options){.n_seqs = 8, .n_pages = 10, .n_batch = 64, .n_queue = 8});
    for (int i = 0; i < 4; i++)
        submit(&e, 1, 0, 64, 300);
    for (int i = 0; i < 4; i++)
        submit(&e, 1, 100, 64, 10);
    bool was_out = false;
    for (int i = 0; i < 10000 && turn(&e); i++) {
        weir_scheduler_counts counts;
        weir_scheduler_get_counts(e.scheduler, &counts);
        was_out |= counts.n_out > 0;
        for (size_t k = 0; k < e.n_orders && counts.n_out > 0; k++)
            assert_int_not_equal(e.orders[k].kind, WEIR_ORDER_ADMIT);
    }
    assert_true(was_out);
    finish_all(&e);
    close_engine(&e);
}

static void test_nobody_is_moved_out_and_in_without_a_step_between(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 12,
                                             .n_pages = 24,
                                             .n_batch = 96,
                                             .n_queue = 100,
                                             .replay_window = 20,
                                             .page_tokens = 16});
    for (int i = 0; i < 80; i++)
        submit(&e, (uint64_t)i % 5, i % 3, draw_to(&e, 1, 100), draw_to(&e, 0, 200));
    uint64_t out_step[80];
    memset(out_step, 0xff, sizeof out_step);
    while (turn(&e))
        for (size_t i = 0; i < e.n_orders; i++) {
            size_t number = (size_t)((fake_task *)e.orders[i].task->context - e.tasks);
            if (e.orders[i].kind == WEIR_ORDER_MOVE_OUT)
                out_step[number] = e.n_steps;
            if (e.orders[i].kind == WEIR_ORDER_MOVE_IN)
                assert_int_not_equal(out_step[number], e.n_steps);
        }
    finish_all(&e);
    assert_true(e.n_moves_out > 0 && e.n_moves_out < 200);
    close_engine(&e);
}

/* ---- what fails --------------------------------------------------------------------------- */

static void test_a_failed_admission_keeps_its_place_and_waits_for_a_step(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e,
                (weir_scheduler_options){.n_seqs = 4, .n_pages = 100, .n_batch = 64, .n_queue = 2});
    for (int i = 0; i < 6; i++)
        submit(&e, 1, 0, 100, 10);
    assert_int_equal(plan(&e), 4);
    do_move(&e, &e.orders[0]);
    for (int i = 1; i < 4; i++)
        weir_scheduler_failed(e.scheduler, &e.orders[i]);
    assert_int_equal(plan(&e), 1);
    assert_int_equal(e.orders[0].kind, WEIR_ORDER_RUN);
    do_step(&e);
    assert_int_equal(plan(&e), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(e.orders[i].kind, WEIR_ORDER_ADMIT);
        assert_ptr_equal(e.orders[i].task, &e.tasks[i + 1].task);
        do_move(&e, &e.orders[i]);
    }
    finish_all(&e);
    close_engine(&e);
}

static void test_rows_that_fail_are_halved_then_the_youngest_goes(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){
                        .n_seqs = 3, .n_pages = 100, .n_batch = 64, .replay_window = 20});
    for (int i = 0; i < 3; i++)
        submit(&e, 1, 0, 100, 10);
    turn(&e);
    plan(&e);
    assert_int_equal(e.orders[0].n_tokens, 64);
    weir_scheduler_failed(e.scheduler, &e.orders[0]);
    weir_scheduler_failed(e.scheduler, &e.orders[0]); /* of one plan: once */
    plan(&e);
    assert_int_equal(e.orders[0].kind, WEIR_ORDER_RUN);
    assert_int_equal(e.orders[0].n_tokens + (e.n_orders > 1 ? e.orders[1].n_tokens : 0), 32);
    for (int i = 2; i > 0; i--) {
        weir_scheduler_failed(e.scheduler, &e.orders[e.n_orders - 1]);
        assert_int_equal(plan(&e), 1);
        assert_int_equal(e.orders[0].kind, WEIR_ORDER_MOVE_OUT);
        assert_ptr_equal(e.orders[0].task, &e.tasks[i].task);
        do_move(&e, &e.orders[0]);
        plan(&e);
        assert_int_equal(e.orders[0].kind, WEIR_ORDER_RUN);
    }
    do_step(&e);
    assert_int_equal(plan(&e), 2);
    assert_int_equal(e.orders[0].kind, WEIR_ORDER_MOVE_IN);
    assert_ptr_equal(e.orders[0].task, &e.tasks[1].task);
    for (int i = 0; i < 2; i++)
        do_move(&e, &e.orders[i]);
    finish_all(&e);
    close_engine(&e);
}

static void test_who_cannot_be_moved_out_does_not_stop_those_who_have_room(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 2, .n_pages = 4, .n_batch = 128});
    submit(&e, 1, 0, 64, 64);
    submit(&e, 1, 0, 100, 28);
    turn(&e);
    for (int i = 0; i < 2; i++)
        e.tasks[i].n_answer = 150;
    while (!(plan(&e) == 1 && e.orders[0].kind == WEIR_ORDER_MOVE_OUT))
        do_step(&e);
    assert_ptr_equal(e.orders[0].task, &e.tasks[1].task);
    weir_scheduler_failed(e.scheduler, &e.orders[0]);
    assert_int_equal(plan(&e), 1); /* the one that is inside a page */
    assert_int_equal(e.orders[0].kind, WEIR_ORDER_RUN);
    assert_ptr_equal(e.orders[0].task, &e.tasks[0].task);
    do_step(&e);
    finish_all(&e);
    close_engine(&e);
}

static void test_the_last_one_runs_even_if_no_page_is_left(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 2, .n_pages = 2, .n_batch = 64});
    submit(&e, 1, 0, 200, 0);
    turn(&e);
    do
        plan(&e);
    while (has_room(&e) && (do_step(&e), true));
    assert_int_equal(e.n_orders, 1);
    assert_int_equal(e.tasks[0].task.n_pages, 2);
    for (int i = 0; i < 5; i++) {
        weir_scheduler_failed(e.scheduler, &e.orders[0]);
        assert_int_equal(plan(&e), 1);
        assert_int_equal(e.orders[0].kind, WEIR_ORDER_RUN);
    }
    end_task(&e, &e.tasks[0]);
    assert_int_equal(plan(&e), 0);
    close_engine(&e);
}

static void test_whoever_has_nothing_pending_is_left_alone(void **state) {
    (void)state;
    fake_engine e;
    open_engine(&e, (weir_scheduler_options){.n_seqs = 2, .n_pages = 20, .n_batch = 64});
    fake_task *held = submit(&e, 1, 0, 10, 10);
    step(&e);
    held->task.n_pending = 0;
    held->task.n_tokens--;
    held->task.is_decoding = false;
    assert_int_equal(plan(&e), 0);
    submit(&e, 1, 0, 10, 10);
    turn(&e);
    assert_int_equal(plan(&e), 1);
    assert_ptr_equal(e.orders[0].task, &e.tasks[1].task);
    close_engine(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoding_goes_first_one_row_each),
        cmocka_unit_test(test_a_machine_where_nothing_decodes_runs_whole_batches),
        cmocka_unit_test(test_a_prompt_gets_64_rows_however_slow_the_machine),
        cmocka_unit_test(test_a_missed_gap_is_not_doubled),
        cmocka_unit_test(test_a_tight_gap_is_kept_with_fewer_rows),
        cmocka_unit_test(test_more_decoding_than_rows_take_turns_and_leave_prompts_their_rows),
        cmocka_unit_test(test_prompts_of_equal_keys_have_equal_shares_within_a_turn),
        cmocka_unit_test(test_keys_share_first_then_tasks),
        cmocka_unit_test(test_short_prompts_of_a_key_do_not_cost_it_its_share),
        cmocka_unit_test(test_nobody_waits_for_anothers_whole_prompt),
        cmocka_unit_test(test_rows_of_a_replay_count_in_the_batch_and_in_the_share),
        cmocka_unit_test(test_admission_counts_the_pages_of_the_prompt_exactly),
        cmocka_unit_test(test_who_runs_has_a_reserve_to_grow),
        cmocka_unit_test(test_an_idle_machine_always_admits_the_first),
        cmocka_unit_test(test_who_does_not_fit_is_not_passed_by_smaller_ones),
        cmocka_unit_test(test_a_shared_beginning_makes_the_need_smaller),
        cmocka_unit_test(test_what_little_is_left_is_for_all_prompts),
        cmocka_unit_test(test_the_copy_of_a_shared_page_is_counted),
        cmocka_unit_test(test_higher_priority_first_then_the_order_of_arrival),
        cmocka_unit_test(test_every_eighth_admission_is_the_oldest_ones),
        cmocka_unit_test(test_the_queue_is_bounded),
        cmocka_unit_test(test_the_youngest_of_the_lowest_priority_is_moved_out),
        cmocka_unit_test(test_who_is_out_comes_back_before_others_are_let_in),
        cmocka_unit_test(test_nobody_is_moved_out_and_in_without_a_step_between),
        cmocka_unit_test(test_a_failed_admission_keeps_its_place_and_waits_for_a_step),
        cmocka_unit_test(test_rows_that_fail_are_halved_then_the_youngest_goes),
        cmocka_unit_test(test_who_cannot_be_moved_out_does_not_stop_those_who_have_room),
        cmocka_unit_test(test_the_last_one_runs_even_if_no_page_is_left),
        cmocka_unit_test(test_whoever_has_nothing_pending_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
