/*
 * test_tokenizer_files.c: what a tokenizer is opened from. The same ids from tokenizer.json, from a
 * folder and from the GGUF made of it; all files of a folder and who has the last word; the regular
 * expression of a file, and those that are refused; files that are broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "temp_folder.h"
#include "tokenizer_kit.h"

/* ---- one tokenizer, three files ---------------------------------------------------------------
 */

static void make_config(const char *path, int n_vocab) {
    json_t *config = json_load_file(WEIR_TEST_DATA "/golden/dense_tiny/config.json", 0, NULL);
    assert_non_null(config);
    json_object_set_new(config, "vocab_size", json_integer(n_vocab));
    assert_int_equal(json_dump_file(config, path, 0), 0);
    json_decref(config);
}

/* A model of random weights with the mini tokenizer, 40 ids of which no token has. */
static void make_model(const char *folder) {
    weir_error err = {0};
    make_config(in_temp("synth.json"), 4096 + 40);
    weir_synth_options options = {.config = in_temp("synth.json"),
                                  .type = "bf16",
                                  .as_folder = true,
                                  .overwrite = true,
                                  .n_threads = 1};
    if (weir_synth(folder, &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    char path[512];
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    temp_copy(path, MINI);
}

static void test_same_ids_from_all(void **state) {
    (void)state;
    weir_error err = {0};
    const char *folder = in_temp("model"), *gguf = in_temp("model.gguf");
    make_model(folder);
    if (weir_convert(folder, gguf, NULL, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    weir_tokenizer *from[] = {kit_open(MINI), kit_open(folder), kit_open(gguf)};
    weir_tokenizer_info info[3];
    for (size_t i = 0; i < 3; i++) {
        weir_tokenizer_get_info(from[i], &info[i]);
        assert_int_equal(info[i].n_tokens, i == 0 ? 4096 : 4136);
        assert_int_equal(info[i].n_unused, i == 0 ? 0 : 40);
        assert_int_equal(info[i].n_normal, info[0].n_normal);
        assert_int_equal(info[i].n_control, info[0].n_control);
        assert_int_equal(info[i].n_user_defined, info[0].n_user_defined);
        assert_int_equal(info[i].n_merges, info[0].n_merges);
        assert_int_equal(info[i].bos, 1);
        assert_int_equal(info[i].eos, i == 0 ? -1 : 7);
        assert_int_equal(info[i].n_templates, i == 0 ? 0 : 1);
        assert_true(info[i].add_bos && !info[i].ignore_merges);
        assert_string_equal(info[i].split, weir_split_family);
        assert_int_equal(info[i].split_from_file, i < 2);
        size_t n_stops;
        const int32_t *stops = weir_tokenizer_stops(from[i], &n_stops);
        assert_int_equal(n_stops, i == 0 ? 0 : 1);
        assert_true(i == 0 || stops[0] == 7);
    }
    json_t *cases = kit_cases(WEIR_TEST_DATA "/tokenizer/mini/cases.jsonl");
    for (size_t c = 0; c < json_array_size(cases); c++) {
        const json_t *text = json_object_get(json_array_get(cases, c), "text");
        size_t n = json_string_length(text), n_ids;
        weir_encode_options options = {.add_special = c % 2 == 0, .no_control = c % 3 == 0};
        int32_t *ids = kit_encode(from[0], json_string_value(text), n, &options, &n_ids);
        for (size_t i = 1; i < 3; i++)
            kit_expect(from[i], json_string_value(text), n, &options, ids, n_ids);
        free(ids);
    }
    json_decref(cases);
    for (size_t i = 0; i < 3; i++) /* a padded id has no bytes and comes from no text */
        for (int32_t id = 4096; id < 4136; id++) {
            const char *bytes;
            size_t n;
            char name[16];
            assert_int_equal(weir_tokenizer_token(from[i], id, &bytes, &n),
                             i == 0 ? WEIR_TOKEN_NONE : WEIR_TOKEN_UNUSED);
            assert_int_equal(n, 0);
            snprintf(name, sizeof name, "[PAD%d]", id);
            assert_int_equal(weir_tokenizer_find(from[i], name, strlen(name)), -1);
        }
    for (size_t i = 0; i < 3; i++)
        weir_tokenizer_close(&from[i]);
}

/* ---- the files of a folder --------------------------------------------------------------------
 */

#define PRE(regex)                                                                                 \
    "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":" \
    "{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false},"                       \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}"
#define SMALL(regex, more) "{" PRE(regex) "," MODEL_WITH(more) "}"
#define MODEL_WITH(more)                                                              \
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":2,\"b\":3,\"ab\":4,\"\xc4\xa0\":5," \
    "\"abb\":6,\"c\":10},\"merges\":[\"a b\"]" more "}"

static void write_in(const char *folder, const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    temp_write(path, text, strlen(text));
}

static const char *new_folder(const char *name) {
    const char *folder = in_temp(name);
    temp_remove(folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    return folder;
}

static void expect_template(const weir_tokenizer *t, size_t i, const char *name, const char *text) {
    const char *found_name, *found;
    size_t n;
    weir_tokenizer_template(t, i, &found_name, &found, &n);
    assert_non_null(found);
    assert_string_equal(found_name, name);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(found, text, n);
}

static void test_folder_files(void **state) {
    (void)state;
    const char *folder = new_folder("files");
    write_in(folder, "tokenizer.json", SMALL("[a-z]+", ""));
    weir_tokenizer_info info;
    weir_tokenizer *t = kit_open(folder);
    weir_tokenizer_get_info(t, &info);
    assert_int_equal(info.n_tokens, 11);
    assert_int_equal(info.n_unused, 5);
    assert_string_equal(info.split, "[a-z]+");
    assert_true(info.split_from_file && info.bos == -1 && info.n_templates == 0);
    const char *name, *text;
    size_t n;
    weir_tokenizer_template(t, 0, &name, &text, &n);
    assert_true(name == NULL && text == NULL && n == 0);
    weir_tokenizer_close(&t);

    write_in(folder, "config.json",
             "{\"text_config\":{\"vocab_size\":16,\"bos_token_id\":2,\"eos_token_id\":[3,4]}}");
    write_in(folder, "generation_config.json",
             "{\"bos_token_id\":10,\"eos_token_id\":[4,5],\"pad_token_id\":6}");
    write_in(folder, "tokenizer_config.json",
             "{\"add_bos_token\":false,\"add_eos_token\":true,\"eos_token\":{\"content\":\"abb\"},"
             "\"chat_template\":[{\"name\":\"default\",\"template\":\"D\"},"
             "{\"name\":\"rag\",\"template\":\"R\"}]}");
    t = kit_open(folder);
    weir_tokenizer_get_info(t, &info);
    assert_int_equal(info.n_tokens, 16);
    assert_int_equal(info.bos, 2);
    assert_int_equal(info.eos, 6);
    assert_int_equal(info.pad, 6);
    assert_true(!info.add_bos && info.add_eos);
    const int32_t *stops = weir_tokenizer_stops(t, &n), expected[] = {3, 4, 5, 6};
    assert_int_equal(n, 4);
    assert_memory_equal(stops, expected, sizeof expected);
    assert_int_equal(info.n_templates, 2);
    expect_template(t, 0, "", "D");
    expect_template(t, 1, "rag", "R");
    weir_encode_options around = {.add_special = true};
    const int32_t ids[] = {4, 3, 6};
    kit_expect(t, "abb", 3, &around, ids, 3);
    weir_tokenizer_close(&t);

    write_in(folder, "chat_template.json", "{\"chat_template\":\"J\"}");
    t = kit_open(folder);
    expect_template(t, 0, "", "J");
    weir_tokenizer_close(&t);
    write_in(folder, "chat_template.jinja", "file\n");
    char more[512];
    snprintf(more, sizeof more, "%s/additional_chat_templates", folder);
    assert_int_equal(mkdir(more, 0700), 0);
    write_in(more, "rag.jinja", "new R");
    write_in(more, "tool_use.jinja", "U");
    write_in(more, "notes.txt", "no template");
    t = kit_open(folder);
    weir_tokenizer_get_info(t, &info);
    assert_int_equal(info.n_templates, 3);
    expect_template(t, 0, "", "file\n");
    expect_template(t, 1, "rag", "new R");
    expect_template(t, 2, "tool_use", "U");
    weir_tokenizer_close(&t);
}

static void test_ignore_merges_option(void **state) {
    (void)state;
    static const struct {
        const char *json;
        weir_ignore_merges choice;
        bool is_whole;
    } cases[] = {
        {SMALL("[a-z]+", ""), WEIR_IGNORE_MERGES_AS_FILE, false},
        {SMALL("[a-z]+", ""), WEIR_IGNORE_MERGES_YES, true},
        {SMALL("[a-z]+", ",\"ignore_merges\":true"), WEIR_IGNORE_MERGES_AS_FILE, true},
        {SMALL("[a-z]+", ",\"ignore_merges\":true"), WEIR_IGNORE_MERGES_NO, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_error err = {0};
        weir_tokenizer *t;
        weir_tokenizer_options options = {.ignore_merges = cases[i].choice};
        assert_int_equal(kit_try(&t, cases[i].json, &options, &err), WEIR_STATUS_OK);
        weir_tokenizer_info info;
        weir_tokenizer_get_info(t, &info);
        assert_int_equal(info.ignore_merges, cases[i].is_whole);
        const int32_t whole[] = {6}, merged[] = {4, 3};
        kit_expect(t, "abb", 3, NULL, cases[i].is_whole ? whole : merged,
                   cases[i].is_whole ? 1 : 2);
        weir_tokenizer_close(&t);
    }
}

/* ---- regular expressions ----------------------------------------------------------------------
 */

static void expect_pieces_of(const char *json, const char *text, const char *const *pieces,
                             size_t n) {
    weir_tokenizer *t = kit_parse(json);
    json_t *list = json_array(), *whole = json_string(text);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(pieces[i]));
    kit_expect_pieces(t, whole, list);
    json_decref(list);
    json_decref(whole);
    weir_tokenizer_close(&t);
}

#define PIECES(json, text, ...)                                           \
    do {                                                                  \
        const char *const list[] = {__VA_ARGS__};                         \
        expect_pieces_of(json, text, list, sizeof list / sizeof list[0]); \
    } while (0)

static void test_other_expressions(void **state) {
    (void)state;
    PIECES(SMALL("[a-z]+", ""), "ab  cd1", "ab", "  ", "cd", "1");
    PIECES(SMALL("x*", ""), "axxb", "a", "xx", "b"); /* matches of nothing cut, too */
    PIECES(SMALL("^b", ""), "a\nb", "a\n", "b");     /* ^ is about lines */
    PIECES(SMALL("[\\\\s]+", ""), "a\xc2\xa0 \xe1\xa0\x8e", "a", "\xc2\xa0 ", "\xe1\xa0\x8e");
    PIECES(SMALL("[^\\\\S]", ""), "a b", "a", " ", "b");
    PIECES(SMALL("\\\\w+|\\\\d", ""), "-\xc3\xa9\xc3\xa9-\xd9\xa3", "-", "\xc3\xa9\xc3\xa9", "-",
           "\xd9\xa3");
    PIECES(SMALL("(?i)k", ""), "aKb\xe2\x84\xaa", "a", "K", "b", "\xe2\x84\xaa");
    PIECES(SMALL("a{2}|a{1,2}?|[[:digit:]]|[]x]|\\\\x{62}", ""), "aa7b]", "aa", "7", "b", "]");
    /* Only ByteLevel: it splits as GPT-2 does, or not at all. */
    PIECES("{\"pre_tokenizer\":{\"type\":\"ByteLevel\"}," MODEL_WITH("") "}", "a's b 12345", "a",
           "'s", " b", " 12345");
    PIECES("{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"use_regex\":false}," MODEL_WITH("") "}",
           "a's b", "a's b");
    /* A text instead of an expression. */
    PIECES("{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
           "\"pattern\":{\"String\":\".+\"},\"behavior\":\"Isolated\"},{\"type\":\"ByteLevel\","
           "\"use_regex\":false}]}," MODEL_WITH("") "}",
           "a.+b", "a", ".+", "b");
}

static void test_refused_expressions(void **state) {
    (void)state;
    static const struct {
        const char *regex, *part;
    } cases[] = {
        {"a(", "parenthesis"},      {"[a", "open class"},
        {"(a)\\1", "escape"},       {"\\Qa\\E", "escape"},
        {"\\ha", "escape"},         {"a\\Kb", "escape"},
        {"\\g<1>", "escape"},       {"[a&&b]", "class within"},
        {"[a[b]]", "class within"}, {"(?m:a)", "group"},
        {"(?R)", "group"},          {"(*UCP)a", "group"},
        {"a(?i)b", "group"},        {"(?<n>a)", "group"},
        {"a{1,3}+", "repeat"},      {"a{3}?", "repeat"},
        {"a{,3}", "repeat"},        {"a{1000}", "too large"},
        {"a\\", "escape"},          {"\\p{Nothing}", "property"},
        {"*a", "repeat"},           {"(?C1)a", "group"},
        {"[[:a", "open class"},     {"\\x{110000}", "too large"},
        {"a**", "repeat"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_error err = {0};
        weir_splitter *splitter;
        weir_status status =
            weir_splitter_open(&splitter, cases[i].regex, strlen(cases[i].regex), &err);
        if (status != WEIR_STATUS_UNSUPPORTED || strstr(err.text, cases[i].part) == NULL)
            fail_msg("%s: %d %s", cases[i].regex, status, err.text);
        assert_null(splitter);
        assert_null(strchr(err.text, '\n'));
    }
}

/* Expressions that would run for hours give up soon, or cut. */
static void test_slow_expressions(void **state) {
    (void)state;
    enum { N = 1 << 18 };
    static const struct {
        const char *regex;
        bool gives_up;
    } cases[] = {
        {"(a+)+[bc]", true},
        {"a*a*a*a*[bc]", true},
        {"(?=a*[xy])", true},
        {"(a*)*[xy]", true},
        {"(?:a|aa)+[xy]", true},
        {"a(?=.*[xy])", true},
        {"x|a*+[xy]|b", true},
        {"(?:a|aab?|aaa?b?){30}[xy]", true},
        {"(.*)(.*)(.*)[xy]", true},
        {"[a-c]*?[xy]", false},
        {"a*[xy]", false},
        {"\\s*[xy]", false},
        {"a?", false},
        {"", false},
    };
    char *text = malloc(N);
    assert_non_null(text);
    memset(text, 'a', N);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_error err = {0};
        weir_splitter *splitter;
        weir_split_walk *walk;
        assert_int_equal(
            weir_splitter_open(&splitter, cases[i].regex, strlen(cases[i].regex), &err),
            WEIR_STATUS_OK);
        assert_int_equal(weir_split_walk_open(&walk, splitter, &err), WEIR_STATUS_OK);
        weir_split_walk_start(walk, text, N);
        weir_status status;
        size_t begin = 0, end;
        while ((status = weir_split_walk_next(walk, &end, &err)) == WEIR_STATUS_OK && end != begin)
            begin = end;
        if ((status == WEIR_STATUS_OK) == cases[i].gives_up)
            fail_msg("%s: %d %s", cases[i].regex, status, err.text);
        if (status == WEIR_STATUS_OK)
            assert_int_equal(begin, N);
        else
            assert_int_equal(status, WEIR_STATUS_UNSUPPORTED);
        weir_split_walk_close(&walk);
        weir_splitter_close(&splitter);
    }
    free(text);
}

/* ---- broken files -----------------------------------------------------------------------------
 */

static void expect_refused(const char *path, weir_status status, const char *part) {
    weir_error err = {0};
    weir_tokenizer *t = (weir_tokenizer *)&err;
    weir_status found = weir_tokenizer_open(&t, path, NULL, &err);
    if (found != status || strstr(err.text, part) == NULL)
        fail_msg("expected %d and '%s', found %d: %s", status, part, found, err.text);
    assert_null(t);
    assert_null(strchr(err.text, '\n'));
}

static void test_refused_json(void **state) {
    (void)state;
    static const struct {
        const char *json;
        weir_status status;
        const char *part;
    } cases[] = {
        {"", WEIR_STATUS_BAD_FILE, "neither a GGUF"},
        {"no tokenizer", WEIR_STATUS_BAD_FILE, "neither a GGUF"},
        {" {\"model\"", WEIR_STATUS_BAD_FILE, "line 1"},
        {"{}", WEIR_STATUS_BAD_FILE, "model"},
        {"{" MODEL_WITH("") "}", WEIR_STATUS_UNSUPPORTED, "ByteLevel"},
        {"{\"pre_tokenizer\":{\"type\":\"Whitespace\"}," MODEL_WITH("") "}",
         WEIR_STATUS_UNSUPPORTED, "Whitespace"},
        {"{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true}," MODEL_WITH(
             "") "}",
         WEIR_STATUS_UNSUPPORTED, "add_prefix_space"},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\"},"
         "{\"type\":\"Digits\"}]}," MODEL_WITH("") "}",
         WEIR_STATUS_UNSUPPORTED, "Digits"},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
         "\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Removed\"},{\"type\":\"ByteLevel\"}]}"
         "," MODEL_WITH("") "}",
         WEIR_STATUS_UNSUPPORTED, "Removed"},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
         "\"pattern\":{\"Regex\":\"a\"}},{\"type\":\"ByteLevel\"}]}," MODEL_WITH("") "}",
         WEIR_STATUS_UNSUPPORTED, "use_regex"},
        {SMALL("[a-z", ""), WEIR_STATUS_UNSUPPORTED, "open class"},
        {SMALL("a", ",\"dropout\":0.1"), WEIR_STATUS_UNSUPPORTED, "dropout"},
        {"{" PRE("a") ",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":4194304},\"merges\":[]}}",
         WEIR_STATUS_BAD_FILE, "4194304"},
        {"{" PRE("a") ",\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[\"a b\"]}}",
         WEIR_STATUS_BAD_FILE, "no such entry"},
        {"{\"added_tokens\":[{\"id\":20,\"content\":\"x\",\"rstrip\":true}]," PRE(
             "a") "," MODEL_WITH("") "}",
         WEIR_STATUS_UNSUPPORTED, "rstrip"},
        {"{\"added_tokens\":[{\"id\":20,\"content\":\"x\",\"single_word\":true}]," PRE(
             "a") "," MODEL_WITH("") "}",
         WEIR_STATUS_UNSUPPORTED, "single_word"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        temp_write(in_temp("bad.json"), cases[i].json, strlen(cases[i].json));
        expect_refused(in_temp("bad.json"), cases[i].status, cases[i].part);
    }
    char long_token[2000];
    int n = snprintf(
        long_token, sizeof long_token,
        "{\"added_tokens\":[{\"id\":20,\"content\":\"%0600d\"}]," PRE("a") "," MODEL_WITH("") "}",
        0);
    temp_write(in_temp("bad.json"), long_token, (size_t)n);
    expect_refused(in_temp("bad.json"), WEIR_STATUS_UNSUPPORTED, "600 bytes");
    expect_refused(in_temp("nothing"), WEIR_STATUS_IO, "nothing");
    expect_refused(NULL, WEIR_STATUS_BAD_ARGUMENT, "NULL");
    expect_refused(new_folder("empty"), WEIR_STATUS_BAD_FILE, "tokenizer.json");
    const char *folder = new_folder("large");
    write_in(folder, "tokenizer.json", SMALL("a", ""));
    write_in(folder, "config.json", "{\"vocab_size\":99999999999}");
    expect_refused(folder, WEIR_STATUS_BAD_FILE, "vocab_size");
}

/* ---- GGUF -------------------------------------------------------------------------------------
 */

typedef struct gguf_parts {
    const char *model, *pre;
    const char *tokens[6];
    int32_t kinds[6];
    size_t n_tokens, n_kinds;
    const char *merge;
    int32_t eos;
} gguf_parts;

static const gguf_parts good = {.model = "gpt2",
                                .pre = "lfm2",
                                .tokens = {"<|im_end|>", "a", "b", "ab", "<|mark|>", "user"},
                                .kinds = {3, 1, 1, 1, 4, 4},
                                .n_tokens = 6,
                                .n_kinds = 6,
                                .merge = "a b",
                                .eos = 0};

static void write_gguf(const char *path, const gguf_parts *p) {
    weir_error err = {0};
    weir_gguf_writer *w;
    weir_text tokens[6], merge = {p->merge, strlen(p->merge)};
    for (size_t i = 0; i < p->n_tokens; i++)
        tokens[i] = (weir_text){p->tokens[i], strlen(p->tokens[i])};
    assert_int_equal(weir_gguf_create(&w, path, true, &err), WEIR_STATUS_OK);
    if (p->model != NULL)
        weir_gguf_add_string(w, "tokenizer.ggml.model", p->model);
    if (p->pre != NULL)
        weir_gguf_add_string(w, "tokenizer.ggml.pre", p->pre);
    weir_gguf_add_texts(w, "tokenizer.ggml.tokens", tokens, p->n_tokens);
    weir_gguf_add_i32s(w, "tokenizer.ggml.token_type", p->kinds, p->n_kinds);
    weir_gguf_add_texts(w, "tokenizer.ggml.merges", &merge, 1);
    weir_gguf_add_i32(w, "tokenizer.ggml.eos_token_id", p->eos);
    weir_gguf_add_u32(w, "tokenizer.ggml.eot_token_id", 1);
    weir_gguf_add_string(w, "tokenizer.chat_template", "T");
    weir_gguf_add_string(w, "tokenizer.chat_template.rag", "R");
    const weir_text names[] = {{"default", 7}, {"rag", 3}};
    weir_gguf_add_texts(w, "tokenizer.chat_templates", names, 2);
    assert_int_equal(weir_gguf_begin(w, &err), WEIR_STATUS_OK);
    assert_int_equal(weir_gguf_commit(&w, &err), WEIR_STATUS_OK);
}

static void test_small_gguf(void **state) {
    (void)state;
    write_gguf(in_temp("small.gguf"), &good);
    weir_tokenizer *t = kit_open(in_temp("small.gguf"));
    const int32_t ids[] = {5, 3, 0, 4};
    kit_expect(t, "userab<|im_end|><|mark|>", 24, NULL, ids, 4);
    weir_tokenizer_info info;
    weir_tokenizer_get_info(t, &info);
    assert_int_equal(info.n_control, 2); /* a mark is one, whatever the file calls it */
    assert_int_equal(info.eos, 0);
    assert_int_equal(info.bos, -1);
    size_t n;
    const int32_t *stops = weir_tokenizer_stops(t, &n);
    assert_int_equal(n, 2);
    assert_int_equal(stops[1], 1);
    assert_int_equal(info.n_templates, 2);
    expect_template(t, 0, "", "T");
    expect_template(t, 1, "rag", "R");
    weir_tokenizer_close(&t);
    /* The family's expression, by its other names and by none. */
    static const char *const names[] = {NULL, "llama-bpe", "llama3", "falcon-h1"};
    for (size_t i = 0; i < 4; i++) {
        gguf_parts parts = good;
        parts.pre = names[i];
        write_gguf(in_temp("small.gguf"), &parts);
        t = kit_open(in_temp("small.gguf"));
        weir_tokenizer_close(&t);
    }
}

static void test_refused_gguf(void **state) {
    (void)state;
    gguf_parts p = good;
#define REFUSED(change, status, part)    \
    p = good;                            \
    change;                              \
    write_gguf(in_temp("bad.gguf"), &p); \
    expect_refused(in_temp("bad.gguf"), status, part)
    REFUSED(p.model = "llama", WEIR_STATUS_UNSUPPORTED, "llama");
    REFUSED(p.model = "none", WEIR_STATUS_BAD_FILE, "no tokenizer");
    REFUSED(p.model = NULL, WEIR_STATUS_BAD_FILE, "no tokenizer");
    REFUSED(p.pre = "qwen2", WEIR_STATUS_UNSUPPORTED, "qwen2");
    REFUSED(p.n_tokens = 0, WEIR_STATUS_BAD_FILE, "tokenizer.ggml.tokens");
    REFUSED(p.n_kinds = 5, WEIR_STATUS_BAD_FILE, "tokenizer.ggml.token_type");
    REFUSED(p.kinds[2] = 6, WEIR_STATUS_BAD_FILE, "type 6");
    REFUSED(p.kinds[2] = -1, WEIR_STATUS_BAD_FILE, "type -1");
    REFUSED(p.kinds[2] = 5, WEIR_STATUS_BAD_FILE, "no such entry");
    REFUSED(p.tokens[2] = "", WEIR_STATUS_BAD_FILE, "token 2");
    REFUSED(p.merge = "ab", WEIR_STATUS_BAD_FILE, "merge 0");
    REFUSED(p.merge = "a b b", WEIR_STATUS_BAD_FILE, "merge 0");
    REFUSED(p.merge = "b a", WEIR_STATUS_BAD_FILE, "no such entry");
    REFUSED(p.eos = 6, WEIR_STATUS_BAD_FILE, "eos_token_id");
    REFUSED(p.eos = -2, WEIR_STATUS_BAD_FILE, "eos_token_id");
#undef REFUSED
    temp_write(in_temp("bad.gguf"), "GGUF", 4);
    expect_refused(in_temp("bad.gguf"), WEIR_STATUS_BAD_FILE, "bad.gguf");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_ids_from_all),    cmocka_unit_test(test_folder_files),
        cmocka_unit_test(test_ignore_merges_option), cmocka_unit_test(test_other_expressions),
        cmocka_unit_test(test_refused_expressions),  cmocka_unit_test(test_slow_expressions),
        cmocka_unit_test(test_refused_json),         cmocka_unit_test(test_small_gguf),
        cmocka_unit_test(test_refused_gguf),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
