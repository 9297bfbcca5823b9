/* test_loss_plot.c: the picture of a run is well-formed whatever the numbers are: none, one, all
 * the same, far apart, and names that mean something in XML. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/file.h"
#include "train/loss_plot.h"
#include "unit/temp_folder.h"

#include <math.h>

static char *text;

/* Coordinates that are no numbers make a viewer drop the whole picture. */
static void draw(weir_loss_plot *plot) {
    weir_error err = {0};
    size_t n = 0;
    free(text);
    if (weir_loss_plot_write(plot, in_temp("x.svg"), &err) != WEIR_STATUS_OK ||
        weir_file_read(in_temp("x.svg"), 1 << 24, &text, &n, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(strncmp(text, "<svg xmlns", 10), 0);
    assert_string_equal(text + n - 7, "</svg>\n");
    for (const char *at = text; (at = strchr(at, '"')) != NULL; at++)
        if (strncmp(at, "\"nan", 4) == 0 || strncmp(at, "\"-nan", 5) == 0 ||
            strncmp(at, "\"inf", 4) == 0 || strncmp(at, "\"-inf", 5) == 0)
            fail_msg("%.60s", at);
    assert_null(strstr(text, ",nan"));
    assert_null(strstr(text, ",-nan"));
    weir_loss_plot_clear(plot);
}

static void add(weir_plot_points *points, double x, double y) {
    assert_int_equal(weir_plot_add(points, x, y, NULL), WEIR_STATUS_OK);
}

static void test_few_points(void **state) {
    (void)state;
    weir_loss_plot plot = {0};
    draw(&plot);
    assert_non_null(strstr(text, ">step<"));
    assert_null(strstr(text, "learning rate"));
    add(&plot.loss, 7, 3.5);
    add(&plot.loss, 8, NAN); /* are left out */
    add(&plot.loss, 9, INFINITY);
    assert_int_equal(plot.loss.n, 1);
    draw(&plot);
    for (int i = 0; i < 5; i++) {
        add(&plot.loss, i, 2);
        add(&plot.rate, i, 0);
    }
    draw(&plot);
}

static void test_many_points(void **state) {
    (void)state;
    weir_loss_plot plot = {.n_lines = 2};
    for (int i = 1; i <= 100000; i++) {
        add(&plot.loss, i, 8 * exp(-i / 2e4) + (i == 50000 ? 1e9 : 2));
        add(&plot.rate, i, 1e-3);
    }
    strcpy(plot.lines[0].name, "a<b&c");
    for (int i = 1000; i <= 100000; i += 1000)
        add(&plot.lines[0].points, i, 4);
    strcpy(plot.lines[1].name, "empty");
    draw(&plot);
    assert_non_null(strstr(text, "a&#60;b&#38;c"));
    assert_non_null(strstr(text, ">100000<"));
    assert_non_null(strstr(text, ">0.001<"));
    assert_non_null(strstr(text, ">9<")); /* the spike does not press the rest flat */
    assert_true(strlen(text) < 200000);   /* a point a pixel */
}

/* Sixteen sources: each has its own look, and no name leaves the picture or lies on the plot. */
static void test_many_lines(void **state) {
    (void)state;
    weir_loss_plot plot = {.n_lines = WEIR_PLOT_MAX_LINES};
    add(&plot.loss, 1, 3);
    add(&plot.loss, 2, 2);
    add(&plot.rate, 1, 1);
    for (int k = 0; k < WEIR_PLOT_MAX_LINES; k++) {
        snprintf(plot.lines[k].name, sizeof plot.lines[k].name, "source-%c-%040d", 'a' + k, 0);
        add(&plot.lines[k].points, 1, 3);
        add(&plot.lines[k].points, 2, 2);
    }
    draw(&plot);
    char looks[WEIR_PLOT_MAX_LINES][96];
    int n = 0, top = 0, height = 0;
    assert_int_equal(sscanf(strstr(text, "viewBox"), "viewBox=\"0 %d 960 %d\"", &top, &height), 2);
    assert_int_equal(top + height, 540); /* what is below the names stays where it was */
    for (const char *at = text; (at = strstr(at, ">source-")) != NULL; at++) {
        int x, y;
        const char *path = at; /* the line before its name */
        while (strncmp(path, "<path d=\"M", 10) != 0)
            path--;
        assert_int_equal(sscanf(path, "<path d=\"M%d %d h22\" %95[^/]", &x, &y, looks[n]), 3);
        assert_true(x >= 0 && x + 28 + 7 * 50 <= 960 && y - 8 >= top && y + 4 <= 64);
        for (int k = 0; k < n; k++)
            assert_string_not_equal(looks[k], looks[n]);
        n++;
    }
    assert_int_equal(n, WEIR_PLOT_MAX_LINES);
    assert_non_null(strstr(text, ">learning rate<"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_points),
        cmocka_unit_test(test_many_points),
        cmocka_unit_test(test_many_lines),
    };
    int n_failed = cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
    free(text);
    return n_failed;
}
