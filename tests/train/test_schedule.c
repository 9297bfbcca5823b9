/* test_schedule.c: the learning rate of every step, and what counts as an outlier. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/compiler.h"
#include "train/outlier.h"
#include "train/schedule.h"

#include <math.h>

static void near(double a, double b) {
    if (!(fabs(a - b) <= 1e-12))
        fail_msg("%.15g is not %.15g", a, b);
}

static void test_wsd(void **state) {
    (void)state;
    weir_schedule s = {.kind = WEIR_SCHEDULE_WSD,
                       .peak = 2,
                       .n_steps = 100,
                       .warmup = 0.1,
                       .decay = 0.2,
                       .floor = 0.05};
    /* Ten steps up, none of them 0; the eleventh is the first at the peak. */
    near(weir_schedule_rate(&s, 0), 2.0 / 11);
    near(weir_schedule_rate(&s, 9), 2.0 * 10 / 11);
    near(weir_schedule_rate(&s, 10), 2);
    near(weir_schedule_rate(&s, 79), 2);
    /* Twenty steps down in a line, the last one at the floor. */
    near(weir_schedule_rate(&s, 80), 2 * (0.05 + 0.95 * 0.95));
    near(weir_schedule_rate(&s, 89), 2 * (0.05 + 0.95 * 0.5));
    near(weir_schedule_rate(&s, 99), 2 * 0.05);
    near(weir_schedule_rate(&s, 1000), 2 * 0.05);
    s.is_cosine_decay = true;
    near(weir_schedule_rate(&s, 89), 2 * (0.05 + 0.95 * 0.5));
    near(weir_schedule_rate(&s, 84), 2 * (0.05 + 0.95 * 0.5 * (1 + cos(M_PI / 4))));
    near(weir_schedule_rate(&s, 99), 2 * 0.05);
}

static void test_others(void **state) {
    (void)state;
    weir_schedule s = {.kind = WEIR_SCHEDULE_COSINE, .peak = 1, .n_steps = 10, .warmup = 0.2};
    near(weir_schedule_rate(&s, 1), 2.0 / 3);
    near(weir_schedule_rate(&s, 5), 0.5);
    near(weir_schedule_rate(&s, 9), 0);
    s.kind = WEIR_SCHEDULE_LINEAR;
    near(weir_schedule_rate(&s, 3), 0.75);
    near(weir_schedule_rate(&s, 9), 0);
    s.kind = WEIR_SCHEDULE_CONSTANT;
    near(weir_schedule_rate(&s, 0), 1.0 / 3);
    near(weir_schedule_rate(&s, 9), 1);
}

/* Whatever the shares are, a rate lies between 0 and the peak, and only falls after the warm-up. */
static void test_shape(void **state) {
    (void)state;
    static const double shares[] = {0, 0.013, 0.5, 1};
    for (int kind = 0; kind < 4; kind++)
        for (uint64_t n = 1; n < 40; n += 3)
            for (size_t i = 0; i < WEIR_COUNT(shares); i++) {
                weir_schedule s = {.kind = (weir_schedule_kind)kind,
                                   .peak = 3,
                                   .n_steps = n,
                                   .warmup = shares[i],
                                   .decay = 1 - shares[i],
                                   .floor = 0.1};
                double before = INFINITY;
                for (uint64_t step = 0; step < n; step++) {
                    double rate = weir_schedule_rate(&s, step);
                    assert_true(rate > 0 && rate <= 3 + 1e-12);
                    bool is_warm = (double)step >= floor(shares[i] * (double)n);
                    assert_true(!is_warm || rate <= before + 1e-12);
                    before = is_warm ? rate : INFINITY;
                }
            }
}

static void test_outliers(void **state) {
    (void)state;
    weir_outlier o = {0};
    for (int i = 0; i < 200; i++) {
        assert_false(weir_outlier_is(&o, 1e9, 4, 200));
        weir_outlier_add(&o, 5 + 0.1 * ((i * 7) % 11 - 5));
    }
    near(round(o.mean * 10) / 10, 5);
    double deviation = sqrt(o.variance);
    assert_true(deviation > 0.25 && deviation < 0.4); /* of -0.5 ... 0.5 in tenths: 0.316 */
    assert_true(weir_outlier_is(&o, 5 + 5 * deviation, 4, 200));
    assert_false(weir_outlier_is(&o, 5 + 3 * deviation, 4, 200));
    assert_false(weir_outlier_is(&o, 0, 4, 200));   /* far below is no harm */
    assert_false(weir_outlier_is(&o, 1e9, 0, 200)); /* none are left out */
    /* It follows where the values go. */
    for (int i = 0; i < 1000; i++)
        weir_outlier_add(&o, 9);
    assert_true(fabs(o.mean - 9) < 1e-3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wsd),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_outliers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
