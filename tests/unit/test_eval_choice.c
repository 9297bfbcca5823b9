/* test_eval_choice.c: the rows of each published form, the text that is made of them, and scores
 * held against the sum of log-probabilities of the whole text run alone. */
#include "engine_fixture.h"
#include "eval_choice.h"
#include "temp_folder.h"

#include <math.h>

static void parse(weir_choice_set *set, const char *text) {
    REQUIRE_OK(weir_choice_set_parse(set, text, strlen(text), 0, "rows", &test_err));
}

static void require_text(const weir_choice_row *row, weir_choice_style style, uint32_t i,
                         const char *context, const char *continuation) {
    weir_text_buffer text = {0};
    weir_choice_context(&text, row, NULL, 0, style);
    assert_string_equal(text.data, context);
    weir_text_buffer_clear(&text);
    weir_choice_continuation(&text, row, i, style);
    assert_string_equal(text.data, continuation);
    weir_text_buffer_free(&text);
}

static void test_shapes(void **state) {
    (void)state;
    weir_choice_set set;
    parse(&set, "\n{\"context\":\"A b\",\"choices\":[\" c\",\" d\"],\"answer\":1}\n");
    assert_int_equal(set.row[0].line, 2);
    require_text(set.row, WEIR_CHOICE_TEXT, set.row[0].answer, "A b", " d");
    weir_choice_set_free(&set);

    parse(&set, "{\"question_id\":70,\"question\":\"Why?\",\"options\":[\"x\",\"y\",\"z\"],"
                "\"answer\":\"C\",\"answer_index\":2,\"cot_content\":\"\",\"category\":\"law\"}");
    assert_int_equal(set.row[0].answer, 2);
    assert_string_equal(set.row[0].category, "law");
    require_text(set.row, weir_choice_default_style(set.row[0].shape), 2,
                 "Question:\nWhy?\nOptions:\nA. x\nB. y\nC. z\nAnswer:", " C");
    require_text(set.row, WEIR_CHOICE_TEXT, 1, "Question: Why?\nAnswer:", " y");
    weir_choice_set_free(&set);

    parse(&set, "{\"question\":\"Why?\",\"choices\":[\"x\",\"y\"],\"answer\":1,\"subject\":\"s\"}");
    require_text(set.row, WEIR_CHOICE_LETTER, 1,
                 "The following are multiple choice questions (with answers) about s.\n\n"
                 "Why?\nA. x\nB. y\nAnswer:",
                 " B");
    weir_choice_set_free(&set);

    /* As the harness has it: one line of the subject, whatever the shots; the question stripped. */
    parse(&set,
          "{\"question\":\" Why? \",\"choices\":[\"x\",\"y\"],\"answer\":1,\"subject\":\"s_t\"}\n"
          "{\"question\":\"Who?\",\"choices\":[\"a\",\"b\"],\"answer\":0,\"subject\":\"\"}");
    const weir_choice_row *shot = &set.row[1];
    weir_text_buffer text = {0};
    weir_choice_context(&text, &set.row[0], &shot, 1, WEIR_CHOICE_LETTER);
    assert_string_equal(text.data,
                        "The following are multiple choice questions (with answers) about s t.\n\n"
                        "Who?\nA. a\nB. b\nAnswer: A\n\nWhy?\nA. x\nB. y\nAnswer:");
    weir_text_buffer_free(&text);
    require_text(&set.row[0], WEIR_CHOICE_TEXT, 0,
                 "The following are questions (with answers) about s t.\n\nQuestion: "
                 "Why?\nAnswer:",
                 " x");
    require_text(&set.row[1], WEIR_CHOICE_LETTER, 0, "Who?\nA. a\nB. b\nAnswer:", " A");
    weir_choice_set_free(&set);

    static const char *const arcs[] = {
        "{\"id\":\"a\",\"question\":\"Why?\",\"choices\":{\"text\":[\"x\",\"y\"],\"label\":[\"1\","
        "\"2\"]},\"answerKey\":\"2\"}",
        "{\"id\":\"a\",\"question\":{\"stem\":\"Why?\",\"choices\":[{\"text\":\"x\",\"label\":"
        "\"A\"},{\"text\":\"y\",\"label\":\"B\"}]},\"answerKey\":\"B\"}"};
    for (size_t i = 0; i < WEIR_COUNT(arcs); i++) {
        parse(&set, arcs[i]);
        assert_int_equal(set.row[0].answer, 1);
        require_text(set.row, weir_choice_default_style(set.row[0].shape), 1,
                     "Question: Why?\nAnswer:", " y");
        weir_choice_set_free(&set);
    }

    parse(&set, "{\"ind\":1,\"activity_label\":\"Roof\",\"ctx_a\":\"A man [x]  sits.\",\"ctx_b\":"
                "\"he IS\",\"ctx\":\"\",\"endings\":[\"falls [title] Up.\",\" flies. \"],"
                "\"label\":\"1\",\"split_type\":\"indomain\"}");
    require_text(set.row, WEIR_CHOICE_TEXT, 0, "Roof: A man  sits. He is", " falls. Up.");
    assert_string_equal(set.row[0].choice[1], "flies.");
    weir_choice_set_free(&set);
}

/* Every order comes up, and the right one stays right. */
static void test_gpqa(void **state) {
    (void)state;
    static const char text[] =
        "{\"Question\":\"Why?\",\"Correct Answer\":\"r\",\"Incorrect Answer 1\":\"a\","
        "\"Incorrect Answer 2\":\"b\",\"Incorrect Answer 3\":\"c\",\"High-level domain\":\"Ph\"}";
    bool is_seen[4] = {false};
    weir_choice_set set;
    for (uint64_t seed = 0; seed < 40; seed++) {
        REQUIRE_OK(weir_choice_set_parse(&set, text, strlen(text), seed, "rows", &test_err));
        const weir_choice_row *row = set.row;
        assert_string_equal(row->choice[row->answer], "r");
        is_seen[row->answer] = true;
        char all[5] = {0};
        for (int i = 0; i < 4; i++)
            all[i] = row->choice[i][0];
        assert_non_null(strchr(all, 'a'));
        assert_non_null(strchr(all, 'b'));
        assert_non_null(strchr(all, 'c'));
        weir_choice_set_free(&set);
    }
    assert_true(is_seen[0] && is_seen[1] && is_seen[2] && is_seen[3]);
    /* The published file has space around choices, and brackets that mean something in them. */
    parse(&set,
          "{\"Question\":\"Why?\",\"Correct Answer\":\" r  [s]\\n\",\"Incorrect Answer 1\":\"a\","
          "\"Incorrect Answer 2\":\"b\",\"Incorrect Answer 3\":\"c [title] d\"}");
    assert_string_equal(set.row[0].choice[set.row[0].answer], "r [s]");
    weir_choice_set_free(&set);
    parse(&set, text);
    set.row[0].answer = 0;
    for (int i = 0; i < 4; i++)
        strcpy(set.row[0].choice[i], "x");
    require_text(set.row, weir_choice_default_style(set.row[0].shape), 3,
                 "What is the correct answer to this question:Why?\nChoices:\n(A) x\n(B) x\n(C) "
                 "x\n(D) x\nAnswer:",
                 " (D)");
    weir_choice_set_free(&set);
}

/* CSV as published, JSON lines and a JSON array: the same questions in the same order of choices.
 */
static void test_files(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t line[2];
    } files[] = {
        {"{\"Question\":\"Why?\\n\\\"So\\\"\",\"Correct Answer\":\"r\",\"Incorrect Answer "
         "1\":\"a\","
         "\"Incorrect Answer 2\":\"b, c\",\"Incorrect Answer 3\":\"d\","
         "\"High-level domain\":\"Ph\"}\n\n"
         "{\"Question\":\"Who?\",\"Correct Answer\":\"1\",\"Incorrect Answer 1\":\"2\","
         "\"Incorrect Answer 2\":\"3\",\"Incorrect Answer 3\":\"4\",\"High-level domain\":\"\"}",
         {1, 3}},
        {"[{\"Question\":\"Why?\\n\\\"So\\\"\",\"Correct Answer\":\"r\",\"Incorrect Answer "
         "1\":\"a\","
         "\"Incorrect Answer 2\":\"b, c\",\"Incorrect Answer 3\":\"d\","
         "\"High-level domain\":\"Ph\"},\n"
         "{\"Question\":\"Who?\",\"Correct Answer\":\"1\",\"Incorrect Answer 1\":\"2\","
         "\"Incorrect Answer 2\":\"3\",\"Incorrect Answer 3\":\"4\",\"High-level domain\":\"\"}]\n",
         {1, 2}},
        {"\xef\xbb\xbfRecord ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,"
         "Incorrect Answer 3,High-level domain\r\n"
         "rec1,\"Why?\n\"\"So\"\"\",r,a,\"b, c\",d,Ph\r\n"
         "rec2,Who?,1,2,3,4,\r\n",
         {2, 4}},
    };
    for (uint64_t seed = 0; seed < 8; seed++) {
        weir_choice_set first = {0};
        for (size_t i = 0; i < WEIR_COUNT(files); i++) {
            weir_choice_set set;
            REQUIRE_OK(weir_choice_set_parse(&set, files[i].text, strlen(files[i].text), seed,
                                             "rows", &test_err));
            assert_int_equal(set.n, 2);
            for (size_t k = 0; k < set.n; k++) {
                const weir_choice_row *row = &set.row[k], *as = &(i ? first : set).row[k];
                assert_int_equal(row->line, files[i].line[k]);
                assert_int_equal(row->shape, WEIR_CHOICE_GPQA);
                assert_string_equal(row->choice[row->answer], k ? "1" : "r");
                assert_string_equal(row->question, k ? "Who?" : "Why?\n\"So\"");
                assert_string_equal(row->category, k ? "" : "Ph");
                for (int c = 0; c < 4; c++)
                    assert_string_equal(row->choice[c], as->choice[c]);
            }
            if (i == 0)
                first = set;
            else
                weir_choice_set_free(&set);
        }
        weir_choice_set_free(&first);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *line;
    } cases[] = {
        {"", "rows: there are no rows"},
        {"[1]\n", "rows: row 1: expected a JSON object"},
        {"[{\"context\":\"a\"}]", "rows:1: expected an object with the members of plain rows"},
        {"a,b\n1,2\n", "rows:2: expected an object with the members of plain rows"},
        {"PAR1 columns PAR1", "rows: Parquet is not read; expected JSON lines"},
        {"{\"context\":\"a\",\"choices\":[\"b\"],\"answer\":0}", "\"choices\": expected a list"},
        {"{\"context\":\"a\",\"choices\":[\"b\",\"c\"],\"answer\":2}", "one of the choices"},
        {"{\"context\":\"a\",\"choices\":[\"b\",3],\"answer\":1}", "\"choices\": expected a text"},
        {"{\"question\":\"a\",\"choices\":{\"text\":[\"b\",\"c\"],\"label\":[\"A\",\"B\"]},"
         "\"answerKey\":\"C\"}",
         "the label of a choice"},
        {"{\"context\":\"a\",\"choices\":[\"b\",\"c\"],\"answer\":0}\n{\"question\":\"a\","
         "\"choices\":[\"b\",\"c\"],\"answer\":0}",
         "rows:2: a row of mmlu after rows of plain"},
        {"{\"context\"", "rows: line 1:"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_choice_set set;
        assert_int_equal(
            weir_choice_set_parse(&set, cases[i].text, strlen(cases[i].text), 0, "rows", &test_err),
            WEIR_STATUS_BAD_FILE);
        if (!strstr(test_err.text, cases[i].line))
            fail_msg("\"%s\", expected \"%s\"", test_err.text, cases[i].line);
        weir_choice_set_free(&set);
    }
}

/* ---- scores --------------------------------------------------------------------------------- */

static weir_model *open_small(void) {
    weir_synth_options o = {.config = "tiny-moe", .seed = 3, .overwrite = true};
    weir_model *model = NULL;
    REQUIRE_OK(weir_synth(in_temp("small.gguf"), &o, &test_err));
    REQUIRE_OK(weir_model_open(&model, in_temp("small.gguf"), &test_err));
    return model;
}

/* -log p of every token from number `from` on, the text run alone on an engine of its own. */
static double alone(weir_model *model, const char *context, const char *continuation) {
    weir_engine_options o = {.kv_type = "f32", .n_ctx = 2048, .n_out = 512, .n_batch = 512};
    weir_tokenizer *tokenizer = NULL;
    weir_tokenizer_info words;
    weir_encode_options encode = {.no_control = true};
    char text[8192];
    int32_t ids[4096];
    size_t n_context, n, first;
    uint32_t n_vocab = vocab_of(model);
    REQUIRE_OK(weir_tokenizer_open(&tokenizer, in_temp("small.gguf"), NULL, &test_err));
    weir_tokenizer_get_info(tokenizer, &words);
    first = words.add_bos;
    ids[0] = words.bos;
    REQUIRE_OK(weir_tokenizer_encode(tokenizer, context, strlen(context), &encode, ids + first,
                                     4000, &n_context, &test_err));
    snprintf(text, sizeof text, "%s%s", context, continuation);
    REQUIRE_OK(weir_tokenizer_encode(tokenizer, text, strlen(text), &encode, ids + first, 4000, &n,
                                     &test_err));
    weir_engine *engine = open_engine(model, o);
    weir_seq *seq = NULL;
    float *logits = malloc((size_t)512 * n_vocab * sizeof *logits);
    assert_non_null(logits);
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    REQUIRE_OK(weir_seq_append(seq, ids, n + first, &test_err));
    weir_chunk chunk = {.seq = seq, .logits = logits};
    REQUIRE_OK(weir_engine_step(engine, &chunk, 1, &test_err));
    assert_int_equal(chunk.n_tokens, n + first);
    double log_p = 0;
    for (size_t i = n_context + first; i < n + first; i++) {
        const float *row = logits + (i - 1) * n_vocab;
        double sum = 0;
        for (uint32_t t = 0; t < n_vocab; t++)
            sum += exp((double)row[t]);
        log_p += (double)row[ids[i]] - log(sum);
    }
    free(logits);
    weir_seq_close(&seq);
    weir_engine_close(&engine);
    weir_tokenizer_close(&tokenizer);
    return log_p;
}

static void require_scores(weir_model *model, weir_choice_scorer *scorer,
                           const weir_choice_row *row, const weir_choice_row *const *shots,
                           size_t n_shots, weir_choice_style style) {
    weir_choice_score score;
    weir_text_buffer context = {0}, continuation = {0};
    REQUIRE_OK(weir_choice_scorer_score(scorer, row, shots, n_shots, style, &score, &test_err));
    weir_choice_context(&context, row, shots, n_shots, style);
    for (uint32_t i = 0; i < row->n_choices; i++) {
        weir_text_buffer_clear(&continuation);
        weir_choice_continuation(&continuation, row, i, style);
        double expected = alone(model, context.data, continuation.data);
        if (!(fabs(score.log_p[i] - expected) <= 1e-9 * fabs(expected)))
            fail_msg("line %u, choice %u: %.17g, expected %.17g", (unsigned)row->line, i,
                     score.log_p[i], expected);
    }
    weir_text_buffer_free(&context);
    weir_text_buffer_free(&continuation);
}

/* Choices of one token and of many, more than there are forks, questions that share a beginning
 * and that do not. */
static void test_scores(void **state) {
    (void)state;
    static const char rows[] =
        "{\"question\":\"What did the mouse see at the sea?\",\"options\":[\"A ship\",\"Bread and "
        "a very long story about the miller, who slept\",\"x\",\"Nothing at all\",\"one\",\"two "
        "boats\",\"three of the boats\",\"four\",\"five times\",\"six, seven\"],\"answer_index\":0,"
        "\"answer\":\"A\",\"category\":\"c\"}\n"
        "{\"question\":\"What did the mouse eat?\",\"options\":[\"Cheese\",\"Bread\"],"
        "\"answer_index\":1,\"answer\":\"B\",\"category\":\"c\"}\n"
        "{\"question\":\"Who?\",\"options\":[\"The cat\",\"The dog, the hen\"],"
        "\"answer_index\":1,\"answer\":\"B\",\"category\":\"c\"}\n";
    weir_choice_set set;
    weir_choice_scorer *scorer = NULL;
    weir_choice_scorer_options o = {.n_ctx = 1024};
    weir_model *model = open_small();
    parse(&set, rows);
    REQUIRE_OK(weir_choice_scorer_open(&scorer, model, in_temp("small.gguf"), &o, &test_err));
    const weir_choice_row *shots[] = {&set.row[1], &set.row[2]};
    for (size_t i = 0; i < set.n; i++) {
        require_scores(model, scorer, &set.row[i], NULL, 0, WEIR_CHOICE_TEXT);
        require_scores(model, scorer, &set.row[i], NULL, 0, WEIR_CHOICE_LETTER);
    }
    require_scores(model, scorer, &set.row[0], shots, 2, WEIR_CHOICE_TEXT);
    require_scores(model, scorer, &set.row[0], shots, 2, WEIR_CHOICE_TEXT);
    require_scores(model, scorer, &set.row[1], shots + 1, 1, WEIR_CHOICE_LETTER);
    weir_choice_scorer_close(&scorer);
    weir_choice_set_free(&set);
    weir_model_close(&model);
}

/* A beginning that does not fit is left out; what never fits is refused. */
static void test_cut(void **state) {
    (void)state;
    weir_choice_set set;
    weir_choice_scorer *scorer = NULL;
    weir_choice_scorer_options o = {.n_ctx = 24};
    weir_choice_score score;
    weir_model *model = open_small();
    parse(&set, "{\"context\":\"one two three four five six seven eight nine ten one two three "
                "four five six seven eight nine ten one two three four five six\","
                "\"choices\":[\" yes\",\" no\"],\"answer\":0}\n"
                "{\"context\":\"a\",\"choices\":[\" b\",\" one two three four five six seven eight "
                "nine ten one two three four five six seven eight nine ten one two three four\"],"
                "\"answer\":0}\n");
    REQUIRE_OK(weir_choice_scorer_open(&scorer, model, in_temp("small.gguf"), &o, &test_err));
    REQUIRE_OK(weir_choice_scorer_score(scorer, &set.row[0], NULL, 0, WEIR_CHOICE_TEXT, &score,
                                        &test_err));
    assert_true(score.n_cut > 0 && isfinite(score.log_p[0]) && isfinite(score.log_p[1]));
    assert_int_equal(
        weir_choice_scorer_score(scorer, &set.row[1], NULL, 0, WEIR_CHOICE_TEXT, &score, &test_err),
        WEIR_STATUS_FULL);
    weir_choice_scorer_close(&scorer);
    weir_choice_set_free(&set);
    weir_model_close(&model);
}

static void test_best(void **state) {
    (void)state;
    weir_choice_score score = {.log_p = {-4, -9, -4}, .n_bytes = {2, 9, 2}};
    assert_int_equal(weir_choice_best(&score, 3, false), 0);
    assert_int_equal(weir_choice_best(&score, 3, true), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),  cmocka_unit_test(test_gpqa),   cmocka_unit_test(test_files),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_scores), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_best),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
