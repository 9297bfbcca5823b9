/* test_score_math.c: boxed answers, found and compared. */
#include "score_math.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_boxed(void **state) {
    static const struct {
        const char *text, *content; /* NULL: there is none */
    } cases[] = {
        {"so \\boxed{42}.", "42"},
        {"\\boxed{1} and \\boxed{2}", "2"},
        {"\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"},
        {"\\boxed{\\{1,2\\}}", "\\{1,2\\}"},
        {"\\boxed{\\boxed{5}}", "5"},
        {"\\fbox{7}", "7"},
        {"\\boxed {8}", "8"},
        {"\\boxed{}", ""},
        {"\\boxed{1", NULL},
        {"\\boxed{3} then \\boxed{4", "3"},
        {"\\boxed{a\\}", NULL},
        {"\\boxed{a\\\\}", "a\\\\"},
        {"\\\\boxed{9}", "9"},
        {"boxed{9}", NULL},
        {"\\boxed 5", NULL},
        {"}}}} \\boxed{6} }}", "6"},
        {"{{{ \\boxed{6}", "6"},
        {"", NULL},
        {"\\boxed", NULL},
        {"\\boxed{\xff}", "\xff"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t at = 0, n = 0;
        bool is_found = weir_math_boxed(cases[i].text, strlen(cases[i].text), &at, &n);
        if (is_found != (cases[i].content != NULL) ||
            (is_found && (n != strlen(cases[i].content) ||
                          memcmp(cases[i].text + at, cases[i].content, n) != 0)))
            fail_msg("'%s': got %d '%.*s'", cases[i].text, is_found, (int)n, cases[i].text + at);
    }
}

typedef struct pair {
    const char *a, *b;
} pair;

static const pair equals[] = {
    {"42", "42.0"},
    {"\\frac{1}{2}", "\\dfrac12"},
    {"\\frac{1}{2}", "\\tfrac{1}{2}"},
    {"\\frac{1}{2}", "0.5"},
    {"\\frac{1}{2}", ".5"},
    {"\\frac{1}{2}", "1/2"},
    {"\\frac{9}{3}", "3"},
    {"\\frac1{72}", "1/72"},
    {"-\\frac{1}{3}", "\\frac{-1}{3}"},
    {"-\\frac{\\sqrt{3}}{2}", "\\frac{-\\sqrt{3}}{2}"},
    {"\\frac{\\sqrt{3}}{2}", "\\sqrt{3}/2"},
    {"3\\frac{1}{2}", "3.5"},
    {"-3\\frac12", "-\\frac{7}{2}"},
    {"10,000", "10000"},
    {"10{,}000", "10,\\!000"},
    {"1,234,567", "1234567"},
    {"11,\\! 111,\\! 111,\\! 100", "11,111,111,100"}, /* as the published set writes it */
    {"\\$32,\\! 348", "32348"},
    {"(1,\\! 234, 5)", "(1234,5)"},
    {"\\$5.00", "5"},
    {"50\\%", "50"},
    {"90^\\circ", "90^{\\circ}"},
    {"90\\degree", "90"},
    {"90\xc2\xb0", "90 \\text{ degrees}"},
    {"5 cm", "5"},
    {"5\\text{ cm}^2", "5"},
    {"5\\ \\text{square units}", "5"},
    {"12\\,\\mathrm{km/h}", "12"},
    {"12 \\text{ feet}.", "12"},
    {"\\left(1,\\ 2\\right)", "(1,2)"},
    {"(0.5, 3)", "(\\frac12,3)"},
    {"\\left(-\\infty, 5\\right]", "(-\xe2\x88\x9e,5]"},
    {"\\{1,2,3\\}", "\\left\\{3,2,1\\right\\}"},
    {"\\{2\\}", "2"},
    {"1, 2", "2,1"},
    {"1,-2", "-2 \\text{ and } 1"},
    {"x=5 \\text{ or } x=6", "5, 6"},
    {"x = 5 or x = 6", "6,5"},
    {"x=5", "5"},
    {"f(x)=2x+1", "2x+1"},
    {"x \\in [-2,7]", "[-2,7]"},
    {"\\alpha = 30", "30"},
    {"\\sqrt3", "\\sqrt{3}"},
    {"2\\sqrt{3}", "2 \\cdot \\sqrt 3"},
    {"11\\sqrt2", "11\\sqrt{2}"},
    {"2\\pi r", "2 \\pi \\cdot r"},
    {"\\pi r^2", "\xcf\x80 r^{2}"},
    {"x^{10}", "{x}^{10}"},
    {"101_{2}", "101_2"},
    {"3 \\times 4", "3\\cdot4"},
    {"3*4", "3 \xc3\x97 4"},
    {"x \\le 3", "x\\leq 3"},
    {"\\text{Evelyn}", "evelyn"},
    {"\\text{Friday}", "Friday"}, /* a word that ends as a unit does */
    {"\\text{admin}", "admin"},
    {"3 days", "3"},
    {"\\mathrm{even}", "even"},
    {"\\text{(C)}", "C"},
    {"(B)", "B"},
    {"p - q", "p-q"},
    {"$7$", "7"},
    {"\\(7\\)", "7"},
    {"\\displaystyle 7", "7"},
    {"\\mathbb{R}", "\\mathbb R"},
    {"\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
     "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}"},
    {"\\begin{pmatrix} \\frac12 \\\\ 3 \\end{pmatrix}",
     "\\begin{pmatrix}\\dfrac{1}{2}\\\\3\\end{pmatrix}"},
    {"\\begin{pmatrix} -1/3 \\\\ 0.5 \\end{pmatrix}",
     "\\begin{pmatrix}-\\frac{1}{3}\\\\\\frac12\\end{pmatrix}"},
    {"\\begin{bmatrix} 1/2 & 0 \\end{bmatrix}", "\\begin{bmatrix}\\frac{1}{2} & 0\\end{bmatrix}"},
    {"\\begin{pmatrix} 1/2 \\end{pmatrix}", "\\begin{pmatrix} \\tfrac12 \\end{pmatrix}"},
    {"\\dbinom{5}{2}", "\\binom{5}{2}"},
    {"\\\\frac{1}{2}", "0.5"},
    {"5.", "5"},
    {"\\boxed{5}", "5"},
    {"\xe2\x88\x92"
     "3",
     "-3"},
    {"12345678901234567", "12345678901234567.0"},
};

static const pair differ[] = {
    {"1", "2"},
    {"0.333", "\\frac{1}{3}"},
    {"(1,2)", "(2,1)"},
    {"1, 234", "1234"},
    {"Friday", "Fri"},
    {"\\begin{pmatrix} 1 & 2 \\end{pmatrix}", "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"},
    {"\\begin{pmatrix} 1 & 2 \\end{pmatrix}", "\\begin{pmatrix} 2 & 1 \\end{pmatrix}"},
    {"\\begin{pmatrix} 1 & 2 \\end{pmatrix}", "\\begin{vmatrix} 1 & 2 \\end{vmatrix}"},
    {"\\begin{pmatrix} 1 & 2 \\end{pmatrix}", "(1,2)"},
    {"\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
     "\\begin{pmatrix} 1 & 2 & 3 & 4 \\end{pmatrix}"},
    {"(1,2)", "[1,2]"},
    {"(1,2)", "\\{1,2\\}"},
    {"(5)", "\\{5\\}"},
    {"1,2", "1,2,2"},
    {"1,1,2", "1,2,2"},
    {"x^{10}", "x^10"},
    {"x", "X"},
    {"0.\\overline{36}", "0.\\overline{3}6"},
    {"12 \\text{ p.m.}", "12 \\text{ a.m.}"},
    {"\\frac{1}{0}", "1"},
    {"5", "-5"},
    {"", ""},
    {"", "0"},
    {"\\text{}", "0"},
    {"\\sqrt{12}", "2\\sqrt{3}"}, /* nothing is computed */
    {"x+1", "1+x"},
    {"Monday", "Tuesday"},
    {"2", "2x"},
    {"-", "0"},
    {"99999999999999999999", "99999999999999999998"},
    {"\\frac{a}{b}", "\\frac{b}{a}"},
};

static bool same(const char *a, const char *b) {
    return weir_math_equal(a, strlen(a), b, strlen(b));
}

static void fail_pair(const pair *p, const char *expected) {
    char form_a[WEIR_MATH_FORM], form_b[WEIR_MATH_FORM];
    weir_math_form(p->a, strlen(p->a), form_a);
    weir_math_form(p->b, strlen(p->b), form_b);
    fail_msg("%s and %s are %s; their forms are %s and %s", p->a, p->b, expected, form_a, form_b);
}

static void test_equal(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(equals); i++)
        if (!same(equals[i].a, equals[i].b) || !same(equals[i].b, equals[i].a))
            fail_pair(&equals[i], "equal");
    for (size_t i = 0; i < COUNT(differ); i++)
        if (same(differ[i].a, differ[i].b) || same(differ[i].b, differ[i].a))
            fail_pair(&differ[i], "different");
}

/* A form has itself as its form. */
static void test_forms_stay(void **state) {
    char once[WEIR_MATH_FORM], twice[WEIR_MATH_FORM];
    (void)state;
    for (size_t i = 0; i < COUNT(equals); i++) {
        weir_math_form(equals[i].a, strlen(equals[i].a), once);
        weir_math_form(once, strlen(once), twice);
        assert_string_equal(once, twice);
    }
}

static void test_hostile(void **state) {
    static const char *const pieces[] = {"{",     "}",        "\\boxed{", "\\boxed{}", "\\frac",
                                         "\\",    "\\sqrt{",  "(",        ",",         "^",
                                         "\\{1,", "\\text{a", "\xff",     "*",         "\\left("};
    static const char zeros[] = "\\boxed{4\0002}";
    enum { N = 1 << 20 };
    char *text = malloc(N), form[WEIR_MATH_FORM];
    size_t at, n;
    (void)state;
    assert_non_null(text);
    assert_true(weir_math_boxed(zeros, sizeof zeros - 1, &at, &n));
    assert_int_equal(n, 3);
    assert_false(weir_math_equal(zeros + at, n, "42", 2));
    for (size_t p = 0; p < COUNT(pieces); p++) {
        size_t n_piece = strlen(pieces[p]);
        for (size_t i = 0; i < N; i++)
            text[i] = pieces[p][i % n_piece];
        bool is_found = weir_math_boxed(text, N, &at, &n);
        assert_true(!is_found || at + n <= N);
        assert_true(weir_math_equal(text, N, text, N));
        for (size_t length = 0; length <= WEIR_MATH_MAX; length += 61) {
            weir_math_form(text, length, form);
            assert_true(strlen(form) < WEIR_MATH_FORM);
            weir_math_equal(text, length, text, length / 2);
        }
    }
    free(text);
}

/* The last box that is closed counts, however many are open around it. */
static void test_deep_boxes(void **state) {
    enum { N = 200 };
    char text[N * 8 + N + 1];
    size_t n_text = 0, at, n;
    (void)state;
    for (int i = 0; i < N; i++, n_text += 7)
        memcpy(text + n_text, "\\boxed{", 7);
    text[n_text++] = '1';
    for (int i = 0; i < N; i++)
        text[n_text++] = '}';
    assert_true(weir_math_boxed(text, n_text, &at, &n));
    assert_int_equal(n, 1);
    assert_int_equal(text[at], '1');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxed),      cmocka_unit_test(test_equal),
        cmocka_unit_test(test_forms_stay), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_deep_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
