/* test_ifeval.c: IFEval's verifiers against hand-made answers; loose forms, rows, hostile input. */
#include "ifeval_rows.h"

#include "base/compiler.h"

#include <stdlib.h>
#include <time.h>

#define ID(name)   "length_constraints:" name
#define CASE(name) "change_case:" name
#define FORM(name) "detectable_format:" name
#define CONT(name) "detectable_content:" name

static const if_row rows[] = {
    {"keywords:existence", "{\"keywords\":[\"cat\",\"dog\"]}", "A Dog and a CAT.", true},
    {"keywords:existence", "{\"keywords\":[\"cat\"]}", "concatenate", true},
    {"keywords:existence", "{\"keywords\":[\"cat\",\"dog\"]}", "A dog.", false},
    {"keywords:existence", "{\"keywords\":[\"cat\"]}", "c at", false},
    {"keywords:existence", "{\"keywords\":[\"a.c\"]}", "abc", true}, /* a pattern */
    {"keywords:frequency", "{\"keyword\":\"ha\",\"frequency\":3,\"relation\":\"at least\"}",
     "Ha, haha", true},
    {"keywords:frequency", "{\"keyword\":\" ha \",\"frequency\":2,\"relation\":\"less than\"}",
     "ha", true},
    {"keywords:frequency", "{\"keyword\":\"ha\",\"frequency\":2,\"relation\":\"less than\"}",
     "ha ha", false},
    {"keywords:frequency", "{\"keyword\":\"ha\",\"frequency\":2,\"relation\":\"at least\"}", "ha",
     false},
    {"keywords:frequency", "{\"keyword\":\"ha\",\"frequency\":0,\"relation\":\"less than\"}",
     "none", false}, /* less than nothing */
    {"keywords:forbidden_words", "{\"forbidden_words\":[\"can\"]}", "cannot", true},
    {"keywords:forbidden_words", "{\"forbidden_words\":[\"x\",\"y\"]}", "xy", true},
    {"keywords:forbidden_words", "{\"forbidden_words\":[\"can\"]}", "Yes we CAN!", false},
    {"keywords:forbidden_words", "{\"forbidden_words\":[\"a\",\"b\"]}", "so a-b", false},
    {"keywords:letter_frequency",
     "{\"letter\":\"E\",\"let_frequency\":3,\"let_relation\":\"at least\"}", "Eee", true},
    {"keywords:letter_frequency",
     "{\"letter\":\"!\",\"let_frequency\":2,\"let_relation\":\"less than\"}", "hi!", true},
    {"keywords:letter_frequency",
     "{\"letter\":\"e\",\"let_frequency\":3,\"let_relation\":\"at least\"}", "ee", false},
    {"keywords:letter_frequency",
     "{\"letter\":\"e\",\"let_frequency\":1,\"let_relation\":\"less than\"}", "E", false},
    {ID("number_sentences"), "{\"num_sentences\":2,\"relation\":\"at least\"}", "One. Two.", true},
    {ID("number_sentences"), "{\"num_sentences\":2,\"relation\":\"less than\"}",
     "He met Dr. Smith at the U.S. embassy.", true},
    {ID("number_sentences"), "{\"num_sentences\":3,\"relation\":\"at least\"}", "One. Two.", false},
    {ID("number_sentences"), "{\"num_sentences\":2,\"relation\":\"less than\"}", "1. One.", false},
    {ID("number_paragraphs"), "{\"num_paragraphs\":2}", "one\n***\ntwo", true},
    {ID("number_paragraphs"), "{\"num_paragraphs\":1}", "***\none\n***", true},
    {ID("number_paragraphs"), "{\"num_paragraphs\":2}", "one\n\ntwo", false},
    {ID("number_paragraphs"), "{\"num_paragraphs\":2}", "one *** *** two", false},
    {ID("number_words"), "{\"num_words\":3,\"relation\":\"at least\"}", "don't go", true},
    {ID("number_words"), "{\"num_words\":3,\"relation\":\"less than\"}", "two words.", true},
    {ID("number_words"), "{\"num_words\":3,\"relation\":\"at least\"}", "two words", false},
    {ID("number_words"), "{\"num_words\":2,\"relation\":\"less than\"}", "two words", false},
    {ID("nth_paragraph_first_word"),
     "{\"num_paragraphs\":2,\"nth_paragraph\":2,\"first_word\":\"Then\"}", "First.\n\n'Then, it",
     true},
    {ID("nth_paragraph_first_word"),
     "{\"num_paragraphs\":1,\"nth_paragraph\":1,\"first_word\":\"it\"}", "It's so", true},
    {ID("nth_paragraph_first_word"),
     "{\"num_paragraphs\":2,\"nth_paragraph\":2,\"first_word\":\"then\"}", "First.\n\nThere.",
     false},
    {ID("nth_paragraph_first_word"),
     "{\"num_paragraphs\":3,\"nth_paragraph\":2,\"first_word\":\"then\"}", "First.\n\nThen.",
     false},
    {CONT("number_placeholders"), "{\"num_placeholders\":2}", "[a] and []", true},
    {CONT("number_placeholders"), "{\"num_placeholders\":1}", "[[a]", true},
    {CONT("number_placeholders"), "{\"num_placeholders\":1}", "[a\n]", false},
    {CONT("number_placeholders"), "{\"num_placeholders\":2}", "[[a]]", false},
    {CONT("postscript"), "{\"postscript_marker\":\"P.S.\"}", "Bye.\np. s. hi", true},
    {CONT("postscript"), "{\"postscript_marker\":\"P.P.S\"}", "P.P.S more", true},
    {CONT("postscript"), "{\"postscript_marker\":\"P.S.\"}", "PS: hi", false},
    {CONT("postscript"), "{\"postscript_marker\":\"P.P.S\"}", "P.S. hi", false},
    {CONT("postscript"), "{\"postscript_marker\":\"Note:\"}", "so\nNOTE: x", true},
    {FORM("number_bullet_lists"), "{\"num_bullets\":2}", "* a\n - b", true},
    {FORM("number_bullet_lists"), "{\"num_bullets\":0}", "** bold **", true},
    {FORM("number_bullet_lists"), "{\"num_bullets\":2}", "* a\n* b\n* c", false},
    {FORM("number_bullet_lists"), "{\"num_bullets\":1}", "a * b", false},
    {FORM("number_bullet_lists"), "{\"num_bullets\":1}", "---", true}, /* a rule is one */
    {FORM("constrained_response"), "{}", "My answer is yes.", true},
    {FORM("constrained_response"), "{}", "Well: My answer is maybe. So.", true},
    {FORM("constrained_response"), "{}", "My answer is yes", false},
    {FORM("constrained_response"), "{}", "my answer is no.", false},
    {FORM("number_highlighted_sections"), "{\"num_highlights\":2}", "*a* **b**", true},
    {FORM("number_highlighted_sections"), "{\"num_highlights\":1}", "x *y z*", true},
    {FORM("number_highlighted_sections"), "{\"num_highlights\":1}", "**** * *", false},
    {FORM("number_highlighted_sections"), "{\"num_highlights\":1}", "*a\nb*", false},
    {FORM("multiple_sections"), "{\"section_spliter\":\"Section\",\"num_sections\":2}",
     "Section 1\nx\nSection 2", true},
    {FORM("multiple_sections"), "{\"section_spliter\":\"PART\",\"num_sections\":1}", "PART7", true},
    {FORM("multiple_sections"), "{\"section_spliter\":\"Section\",\"num_sections\":2}",
     "Section 1\nsection 2", false},
    {FORM("multiple_sections"), "{\"section_spliter\":\"Section\",\"num_sections\":1}",
     "Section one", false},
    {FORM("json_format"), "{}", "```json\n{\"a\": [1, NaN, \"\\ud800\"]}\n```", true},
    {FORM("json_format"), "{}", " 1e999 ", true},
    {FORM("json_format"), "{}", "{'a': 1}", false},
    {FORM("json_format"), "{}", "[1,]", false},
    {FORM("json_format"), "{}", "[1] x", false},
    {FORM("json_format"), "{}", "\"a\tb\"", false},
    {FORM("title"), "{}", "<<Joy>>\nx", true},
    {FORM("title"), "{}", "x <<< a >> b", true},
    {FORM("title"), "{}", "<< >>", false},
    {FORM("title"), "{}", "<<a\n>>", false},
    {FORM("title"), "{}", "<<>>", false},
    {"combination:two_responses", "{}", "a\n******\nb", true},
    {"combination:two_responses", "{}", "******a******b******", true},
    {"combination:two_responses", "{}", "a\n******\na", false},
    {"combination:two_responses", "{}", "a****** ******b", false},
    {"combination:two_responses", "{}", "a", false},
    {"combination:repeat_prompt", "{\"prompt_to_repeat\":\"Say hi. \"}", " say HI. Hi!", true},
    {"combination:repeat_prompt", "{\"prompt_to_repeat\":\"Go\"}", "Gone", true},
    {"combination:repeat_prompt", "{\"prompt_to_repeat\":\"Say hi.\"}", "Hi! Say hi.", false},
    {"combination:repeat_prompt", "{\"prompt_to_repeat\":\"Say hi.\"}", "Say h", false},
    {"startend:end_checker", "{\"end_phrase\":\"The end.\"}", "So. \"the END.\" ", true},
    {"startend:end_checker", "{\"end_phrase\":\" ok \"}", "look", true}, /* inside of a word */
    {"startend:end_checker", "{\"end_phrase\":\"ok\"}", "ok?", false},
    {"startend:end_checker", "{\"end_phrase\":\" ok \"}", "book OK", true},
    {"startend:end_checker", "{\"end_phrase\":\"The end.\"}", "The end", false},
    {"startend:quotation", "{}", " \"a\" ", true},
    {"startend:quotation", "{}", "\"\"", true},
    {"startend:quotation", "{}", "\"", false},
    {"startend:quotation", "{}", "\"a\".", false},
    {CASE("capital_word_frequency"), "{\"capital_frequency\":3,\"capital_relation\":\"at least\"}",
     "I AM HE-MAN", true},
    {CASE("capital_word_frequency"), "{\"capital_frequency\":1,\"capital_relation\":\"less than\"}",
     "Only Title Case", true},
    {CASE("capital_word_frequency"), "{\"capital_frequency\":3,\"capital_relation\":\"at least\"}",
     "BIG Deal OK", false},
    {CASE("capital_word_frequency"), "{\"capital_frequency\":1,\"capital_relation\":\"less than\"}",
     "a U.S. ship", false},
    {CASE("english_capital"), "{}", "THIS IS THE WAY OF THE WORLD AND IT IS GOOD.", true},
    {CASE("english_capital"), "{}", "WHAT DO YOU THINK THEY WANT FROM US? 7 APPLES!", true},
    {CASE("english_capital"), "{}", "THIS is THE WAY", false},
    {CASE("english_capital"), "{}", "DAS IST NICHT DER WEG UND AUCH NICHT DAS ZIEL", false},
    {CASE("english_lowercase"), "{}", "this is the way of the world and it is good.", true},
    {CASE("english_lowercase"), "{}", "what do you think they want from us? 7 apples!", true},
    {CASE("english_lowercase"), "{}", "This is the way", false},
    {CASE("english_lowercase"), "{}", "esto no es lo que los otros quieren para mí", false},
    {"punctuation:no_comma", "{}", "a; b\xef\xbc\x8c c", true}, /* a wide comma is none */
    {"punctuation:no_comma", "{}", "none", true},
    {"punctuation:no_comma", "{}", "a,b", false},
    {"punctuation:no_comma", "{}", "1,000", false},
    {"language:response_language", "{\"language\":\"de\"}",
     "Das ist ein Text, der auf Deutsch geschrieben wurde.", true},
    {"language:response_language", "{\"language\":\"fr\"}", "123 !!", true}, /* no letters */
    {"language:response_language", "{\"language\":\"de\"}",
     "This is a text that was written in English.", false},
    {"language:response_language", "{\"language\":\"hi\"}", "\xe3\x81\x93\xe3\x82\x93", false},
};

static void each_answer(void **state) {
    (void)state;
    check_if_rows(rows, WEIR_COUNT(rows), WEIR_IF_FAMILY_IFEVAL);
}

static weir_if_result loose(const char *id, const char *text, const char *response) {
    weir_if_result result;
    json_t *kwargs = json_loads(text, 0, NULL);
    assert_int_equal(weir_if_check_loose(&result, id, kwargs, response, strlen(response), NULL),
                     WEIR_STATUS_OK);
    json_decref(kwargs);
    return result;
}

static void loose_forms(void **state) {
    (void)state;
    static const char *const json = FORM("json_format");
    assert_true(loose(json, "{}", "Sure:\n{}").is_followed);
    assert_true(loose(json, "{}", "{}\nThere.").is_followed);
    assert_true(loose(json, "{}", "Sure:\n*{}*\nThere.").is_followed);
    assert_false(loose(json, "{}", "Sure:\nHere:\n{}").is_followed);
    assert_false(loose(json, "{}", "Sure: {}").is_followed);
    assert_true(
        loose("startend:end_checker", "{\"end_phrase\":\"end\"}", "the **end**").is_followed);
    /* A reply of one line leaves nothing without it, and nothing follows nothing. */
    assert_false(loose("punctuation:no_comma", "{}", "a,b").is_followed);
    assert_true(loose("punctuation:no_comma", "{}", "a,b\nc").is_followed);
}

static void nothing_follows_nothing(void **state) {
    (void)state;
    for (size_t i = 0; weir_if_id(i); i++) {
        weir_if_result result;
        weir_error err = {0};
        if (weir_if_check(&result, weir_if_id(i), NULL, " \n\xe2\x80\x83", 5, &err)) {
            assert_non_null(strstr(err.text, weir_if_id(i)));
            continue;
        }
        assert_false(result.is_followed);
    }
}

static void unknown_ids(void **state) {
    (void)state;
    weir_if_result result;
    assert_int_equal(weir_if_check(&result, "keywords:none", NULL, "x", 1, NULL), WEIR_STATUS_OK);
    assert_false(result.is_known || result.is_followed);
    assert_string_equal(result.why, "unknown instruction \"keywords:none\"");
    size_t n = 0;
    while (weir_if_id(n))
        n++;
    assert_int_equal(n, 25 + 58);
}

static void bad_arguments(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"keywords:existence", "{}", "keywords"},
        {"keywords:existence", "{\"keywords\":[]}", "keywords"},
        {"keywords:existence", "{\"keywords\":[1]}", "keywords"},
        {"keywords:existence", "{\"keywords\":[\"(\"]}", "keywords"},
        {"keywords:frequency", "{\"keyword\":\"a\",\"frequency\":1,\"relation\":\"most\"}",
         "relation"},
        {"keywords:frequency", "{\"keyword\":\"a\",\"frequency\":-1,\"relation\":\"at least\"}",
         "frequency"},
        {"keywords:frequency", "{\"keyword\":null,\"frequency\":1,\"relation\":\"at least\"}",
         "keyword"},
        {"keywords:letter_frequency",
         "{\"letter\":\"ab\",\"let_frequency\":1,\"let_relation\":\"at least\"}", "letter"},
        {ID("number_paragraphs"), "{\"num_paragraphs\":1.5}", "num_paragraphs"},
        {ID("number_words"), "{\"num_words\":\"5\",\"relation\":\"at least\"}", "num_words"},
        {"count:words_japanese", "{\"N\":0}", "N"},
        {"punctuation:no_comma", "[]", "kwargs"}};
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_if_result result;
        weir_error err = {0};
        json_t *kwargs = json_loads(cases[i][1], 0, NULL);
        assert_int_equal(weir_if_check(&result, cases[i][0], kwargs, "some", 4, &err),
                         WEIR_STATUS_BAD_FILE);
        assert_non_null(strstr(err.text, cases[i][0]));
        assert_non_null(strstr(err.text, cases[i][2]));
        json_decref(kwargs);
    }
}

static void rows_and_totals(void **state) {
    (void)state;
    static const char reply[] = "*Hello world*";
    weir_if_totals totals = {0};
    weir_if_row row;
    weir_error err = {0};
    json_t *data = json_loads("{\"key\":1,\"prompt\":\"p\",\"instruction_id_list\":["
                              "\"punctuation:no_comma\",\"startend:end_checker\"],"
                              "\"kwargs\":[{\"num_words\":null},{\"end_phrase\":\"world\"}]}",
                              0, NULL);
    assert_int_equal(weir_if_check_row(&row, data, reply, strlen(reply), &err), WEIR_STATUS_OK);
    assert_int_equal(row.n_known, 2);
    assert_int_equal(row.n_strict, 1);
    assert_int_equal(row.n_loose, 2);
    assert_false(row.is_strict);
    assert_true(row.is_loose && row.verdicts[1].is_loose && !row.verdicts[1].is_strict);
    weir_if_totals_add(&totals, &row);
    weir_if_row_free(&row);
    json_array_append_new(json_object_get(data, "instruction_id_list"), json_string("no:such"));
    assert_int_equal(weir_if_check_row(&row, data, reply, strlen(reply), &err),
                     WEIR_STATUS_BAD_FILE);
    assert_non_null(strstr(err.text, "kwargs"));
    json_array_append_new(json_object_get(data, "kwargs"), json_object());
    assert_int_equal(weir_if_check_row(&row, data, reply, strlen(reply), &err), WEIR_STATUS_OK);
    assert_int_equal(row.n_known, 2);
    assert_false(row.is_loose);
    weir_if_totals_add(&totals, &row);
    weir_if_row_free(&row);
    assert_int_equal(totals.n_prompts, 2);
    assert_int_equal(totals.n_prompt_loose, 1);
    assert_int_equal(totals.n_prompts_with_unknown, 1);
    assert_int_equal(totals.n_instructions, 5);
    assert_int_equal(totals.n_known, 4);
    assert_int_equal(totals.n_instruction_loose, 4);
    json_decref(data);
}

/* One pattern over and over, for every id: what is quadratic would take minutes. */
static void hostile_texts(void **state) {
    (void)state;
    static const char *const patterns[] = {"a",  "\n", " ",  "*", "[",   "<<",   ". ", "?!",
                                           "\"", "' ", "a ", "(", "-\n", "\xff", "a.)"};
    static const char kwargs_text[] =
        "{\"keywords\":[\"ab\"],\"keyword\":\"ab\",\"frequency\":3,\"relation\":\"at least\","
        "\"forbidden_words\":[\"ab\"],\"letter\":\"q\",\"let_frequency\":3,"
        "\"let_relation\":\"at least\",\"num_sentences\":9000000,\"num_paragraphs\":77,"
        "\"num_words\":9000000,\"nth_paragraph\":3,\"first_word\":\"x\",\"num_placeholders\":3,"
        "\"postscript_marker\":\"P.S.\",\"num_bullets\":3,\"num_highlights\":3,"
        "\"section_spliter\":\"Section\",\"num_sections\":3,\"prompt_to_repeat\":\"ab cd\","
        "\"end_phrase\":\"ab\",\"capital_frequency\":5,\"capital_relation\":\"at least\","
        "\"language\":\"xx\",\"min_words\":9000000,\"max_words\":9000001,\"N\":90000,"
        "\"small_n\":700,\"percentage\":50,\"reference_text\":\"abc\",\"options\":\"x/y\","
        "\"word\":\"ab\",\"sep\":\"xyz\",\"keyword1\":\"a\",\"keyword2\":\"b\","
        "\"keyword3\":\"c\",\"keyword4\":\"d\",\"keyword5\":\"e\",\"n\":1,\"m\":1,"
        "\"n_start\":1,\"n_end\":2}";
    enum { N = 40000 };
    char *text = malloc(N + 8);
    json_t *kwargs = json_loads(kwargs_text, 0, NULL);
    assert_non_null(text);
    assert_non_null(kwargs);
    for (size_t p = 0; p < WEIR_COUNT(patterns); p++) {
        size_t n = 0;
        while (n < N)
            for (const char *c = patterns[p]; *c; c++)
                text[n++] = *c;
        for (size_t i = 0; weir_if_id(i); i++) {
            weir_if_result result;
            assert_int_equal(weir_if_check(&result, weir_if_id(i), kwargs, text, n, NULL),
                             WEIR_STATUS_OK);
        }
    }
    json_decref(kwargs);
    free(text);
}

/* A pattern that goes back exponentially is given up, and said so. */
static void costly_pattern(void **state) {
    (void)state;
    char text[2001];
    weir_if_result result;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    json_t *kwargs = json_loads("{\"keywords\":[\"(a+)+[bc]\"]}", 0, NULL);
    assert_int_equal(weir_if_check(&result, "keywords:existence", kwargs, text, 2000, NULL),
                     WEIR_STATUS_OK);
    assert_false(result.is_followed);
    assert_non_null(strstr(result.why, "too many steps"));
    json_decref(kwargs);
}

/* Counting does not look through the rest of the text once more for each find: of a megabyte that
 * took seconds, and of four sixteen times as many. */
static void often_found(void **state) {
    (void)state;
    enum { N = 4 << 20, MOST_S = 4 };
    weir_if_result result;
    char *text = malloc(N);
    json_t *kwargs =
        json_loads("{\"keyword\":\"ab\",\"frequency\":3,\"relation\":\"at least\"}", 0, NULL);
    assert_non_null(text);
    for (size_t i = 0; i < N; i++)
        text[i] = "abc"[i % 3];
    clock_t start = clock();
    assert_int_equal(weir_if_check(&result, "keywords:frequency", kwargs, text, N, NULL),
                     WEIR_STATUS_OK);
    assert_true(result.is_followed);
    assert_true(clock() - start < (clock_t)MOST_S * CLOCKS_PER_SEC);
    json_decref(kwargs);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer),   cmocka_unit_test(loose_forms),
        cmocka_unit_test(unknown_ids),   cmocka_unit_test(nothing_follows_nothing),
        cmocka_unit_test(bad_arguments), cmocka_unit_test(rows_and_totals),
        cmocka_unit_test(hostile_texts), cmocka_unit_test(costly_pattern),
        cmocka_unit_test(often_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
