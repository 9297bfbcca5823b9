/* test_score_letter.c: which letter an answer settles on, and which suite takes which. */
#include "score_letter.h"
#include "suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct letter_case {
    const char *text;
    size_t n_choices;
    char letter; /* 0: none */
    weir_letter_way way;
} letter_case;

static const letter_case cases[] = {
    {"The answer is (C).", 10, 'C', WEIR_LETTER_IS},
    {"the answer is C", 10, 'C', WEIR_LETTER_IS},
    {"So the answer is **B**.", 10, 'B', WEIR_LETTER_IS},
    {"The answer is $\\boxed{\\text{(G)}}$", 10, 'G', WEIR_LETTER_IS},
    {"the answer is: (D)", 10, 'D', WEIR_LETTER_IS},
    {"the answer is option E.", 10, 'E', WEIR_LETTER_IS},
    {"The answer is\n\n(F)", 10, 'F', WEIR_LETTER_IS},
    {"the answer is (A). No, the answer is (B).", 10, 'A', WEIR_LETTER_IS},
    {"the answer is (K). Answer: B", 10, 'B', WEIR_LETTER_COLON},
    {"the answer is Actually hard. Answer: H", 10, 'H', WEIR_LETTER_COLON},
    {"the answer is (b)", 10, 0, WEIR_LETTER_NONE},
    {"The Answer Is (D)", 10, 'D', WEIR_LETTER_IS},
    {"Answer: D", 4, 'D', WEIR_LETTER_COLON},
    {"ANSWER: $A$", 4, 'A', WEIR_LETTER_COLON},
    {"**Answer:** B", 4, 'B', WEIR_LETTER_COLON},
    {"**Answer**: C", 4, 'C', WEIR_LETTER_COLON},
    {"answer :  (B)", 4, 'B', WEIR_LETTER_COLON},
    {"Answer: A\nAnswer: B", 4, 'A', WEIR_LETTER_COLON},
    {"Answer: A, Answer: B", 4, 'B', WEIR_LETTER_COLON},
    {"Answer: \\(C\\)", 4, 'C', WEIR_LETTER_COLON},
    {"Answer: E", 4, 0, WEIR_LETTER_NONE},
    {"Answer:", 4, 0, WEIR_LETTER_NONE},
    {"So \\boxed{C}", 4, 'C', WEIR_LETTER_BOXED},
    {"\\boxed{A} or rather \\boxed{\\mathrm{B}}", 4, 'B', WEIR_LETTER_BOXED},
    {"\\boxed{\\boxed{D}}", 4, 'D', WEIR_LETTER_BOXED},
    {"\\boxed{12} B", 4, 'B', WEIR_LETTER_ALONE},
    {"I think B, or C", 4, 'C', WEIR_LETTER_ALONE},
    {"B", 4, 'B', WEIR_LETTER_ALONE},
    {"(B)", 4, 'B', WEIR_LETTER_ALONE},
    {"B) a spider", 4, 'B', WEIR_LETTER_ALONE},
    {"__C__", 4, 'C', WEIR_LETTER_ALONE},
    {"ABBA", 4, 0, WEIR_LETTER_NONE},
    {"DNA is Big", 4, 0, WEIR_LETTER_NONE},
    {"I'm not sure", 10, 0, WEIR_LETTER_NONE},
    {"A1 B2", 4, 0, WEIR_LETTER_NONE},
    {"\xc3\x84 B\xc3\xb6", 4, 0, WEIR_LETTER_NONE},
    {"\xff\xfe"
     " the answer is (B) \xff",
     4, 'B', WEIR_LETTER_IS},
    {"", 4, 0, WEIR_LETTER_NONE},
    {"A", 0, 0, WEIR_LETTER_NONE},
    {"Z", 99, 'Z', WEIR_LETTER_ALONE},
    {"answer is", 4, 0, WEIR_LETTER_NONE},
};

/* GPQA's prompt asks for "Answer: C" in the last line. */
static const letter_case gpqa_cases[] = {
    {"So far the answer is A, it seems. But no.\n\nAnswer: B", 4, 'B', WEIR_LETTER_COLON},
    {"One may think the answer is B.\n\n**Answer:** $C$", 4, 'C', WEIR_LETTER_COLON},
    {"Answer: D\nthe answer is A", 4, 'D', WEIR_LETTER_COLON},
    {"\\boxed{A}\nAnswer: C", 4, 'C', WEIR_LETTER_COLON},
    {"Answer: E, the answer is (B)", 4, 'B', WEIR_LETTER_IS},
    {"The answer is (C).", 4, 'C', WEIR_LETTER_IS},
    {"It is \\boxed{C}, not D", 4, 'C', WEIR_LETTER_BOXED},
    {"B, or C", 4, 'C', WEIR_LETTER_ALONE},
    {"I do not know", 4, 0, WEIR_LETTER_NONE},
};

static void require_found(const letter_case *c, size_t n, weir_letter_order order) {
    for (; n > 0; n--, c++) {
        weir_letter_way way;
        char letter = weir_letter_find(c->text, strlen(c->text), c->n_choices, order, &way);
        if (letter != c->letter || way != c->way)
            fail_msg("'%s': got %c by way %d", c->text, letter ? letter : '-', (int)way);
    }
}

static void test_find(void **state) {
    (void)state;
    require_found(cases, COUNT(cases), WEIR_LETTER_IS_FIRST);
}

static void test_find_colon_first(void **state) {
    (void)state;
    require_found(gpqa_cases, COUNT(gpqa_cases), WEIR_LETTER_COLON_FIRST);
}

/* Each suite takes the form that its own prompt asks for. */
static void test_suites(void **state) {
    static const char text[] = "So the answer is A, it seems.\n\nAnswer: B";
    const weir_suite_answer answer = {.content = text, .n = strlen(text)};
    weir_suite_item item = {.n_choices = 4, .answer = (char[]){'B', 0}};
    weir_suite_verdict verdict;
    (void)state;
    assert_int_equal(weir_suite_find("gpqa")->judge(&verdict, &item, &answer, NULL),
                     WEIR_STATUS_OK);
    assert_string_equal(verdict.found, "B");
    assert_true(verdict.score[0] == 1);
    item.answer[0] = 'A';
    assert_int_equal(weir_suite_find("mmlu-pro")->judge(&verdict, &item, &answer, NULL),
                     WEIR_STATUS_OK);
    assert_string_equal(verdict.found, "A");
    assert_true(verdict.score[0] == 1);
}

static void test_hostile(void **state) {
    static const char zeros[] = "the answer is \0(B)", beyond[] = "Answer: CD";
    static const char *const pieces[] = {"\\boxed{", "answer is ", "answer: ", "(",       "*",
                                         "answer",   "A_",         "\\text",   "answer\n"};
    enum { N = 1 << 20 };
    char *text = malloc(N);
    (void)state;
    assert_non_null(text);
    assert_int_equal(weir_letter_find(zeros, sizeof zeros - 1, 4, WEIR_LETTER_IS_FIRST, NULL), 'B');
    assert_int_equal(weir_letter_find(beyond, strlen("Answer: C"), 4, WEIR_LETTER_IS_FIRST, NULL),
                     'C');
    for (size_t p = 0; p < COUNT(pieces); p++) {
        size_t n_piece = strlen(pieces[p]);
        for (size_t i = 0; i < N; i++)
            text[i] = pieces[p][i % n_piece];
        weir_letter_find(text, N, 10, WEIR_LETTER_IS_FIRST, NULL);
    }
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_colon_first),
        cmocka_unit_test(test_suites),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
