/* test_text_source.c: rows of training text: documents, conversations in every known form, what is
 * refused with its line, and packed files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#ifdef WEIR_HAS_ZSTD
#include <zstd.h>
#endif

#include "base/compiler.h"
#include "train/line_reader.h"
#include "train/text_source.h"

/* The first row of some lines of JSON as one text, the caller's to free; or why not. */
static char *turned(const char *json, weir_error *err) {
    json_t *row = NULL;
    *err = (weir_error){0};
    if (weir_text_row_parse(&row, json, strlen(json), "F:7", err) != WEIR_STATUS_OK) {
        assert_null(row);
        return NULL;
    }
    char *text = weir_text_row_dump(row);
    assert_non_null(text);
    json_decref(row);
    return text;
}

static void assert_turned(const char *json, const char *expected) {
    weir_error err;
    char *text = turned(json, &err);
    if (!text)
        fail_msg("refused: %s", err.text);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_refused(const char *json, const char *part) {
    weir_error err;
    char *text = turned(json, &err);
    if (text)
        fail_msg("taken: %s", text);
    assert_int_equal(err.status, WEIR_STATUS_BAD_FILE);
    if (strncmp(err.text, "F:7: ", 5) != 0 || !strstr(err.text, part))
        fail_msg("\"%s\" is not in: %s", part, err.text);
}

static void turns_every_form(void **state) {
    (void)state;
    assert_turned("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
                  "\"content\":\"b\"}],\"split\":\"val\"}",
                  "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": "
                  "\"assistant\", \"content\": \"b\"}], \"split\": \"val\"}");
    assert_turned("{\"text\":\"once\"}", "{\"text\": \"once\"}");
    assert_turned("{\"instruction\":\"i\",\"input\":\"\",\"output\":\"o\"}",
                  "{\"messages\": [{\"role\": \"user\", \"content\": \"i\"}, {\"role\": "
                  "\"assistant\", \"content\": \"o\"}]}");
    assert_turned(
        "{\"instruction\":\"i\",\"input\":\"x\",\"output\":\"o\",\"system\":\"s\"}",
        "{\"messages\": [{\"role\": \"system\", \"content\": \"s\"}, {\"role\": \"user\", "
        "\"content\": \"i\\n\\nx\"}, {\"role\": \"assistant\", \"content\": \"o\"}]}");
    assert_turned("{\"conversations\":[{\"from\":\"human\",\"value\":\"h\"},{\"from\":\"gpt\","
                  "\"value\":\"g\"}],\"id\":1}",
                  "{\"id\": 1, \"messages\": [{\"role\": \"user\", \"content\": \"h\"}, {\"role\": "
                  "\"assistant\", \"content\": \"g\"}]}");
}

static void turns_calls(void **state) {
    (void)state;
    static const char expected[] =
        "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"type\": \"function\", "
        "\"function\": {\"name\": \"f\", \"arguments\": {\"x\": 0.1, \"n\": -3}}}], \"content\": "
        "\"\"}]}";
    assert_turned("{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"name\":\"f\","
                  "\"arguments\":{\"x\":0.1,\"n\":-3}}]}]}",
                  expected);
    assert_turned(
        "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":"
        "{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":0.1,\\\"n\\\":-3}\"}}],"
        "\"content\":null}]}",
        expected);
    assert_turned(
        "{\"conversations\":[{\"from\":\"function_call\",\"value\":\"{\\\"name\\\":\\\"f\\\","
        "\\\"arguments\\\":{\\\"x\\\":0.1,\\\"n\\\":-3}}\"}]}",
        expected);
    /* What a tool gave is text afterwards; a list of tools may have been one. */
    assert_turned(
        "{\"tools\":\"[{\\\"name\\\":\\\"f\\\"}]\",\"messages\":[{\"role\":\"tool\","
        "\"content\":{\"a\":[1,2.5]}}]}",
        "{\"tools\": [{\"name\": \"f\"}], \"messages\": [{\"role\": \"tool\", \"content\": "
        "\"{\\\"a\\\": [1, 2.5]}\"}]}");
    assert_turned(
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
        "{\"type\":\"text\",\"text\":\"b\"}]}]}",
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\\nb\"}]}");
}

/* A tool's list is parts, as the server reads it, only if all of it is; else it is what it gave. */
static void turns_lists_of_tools(void **state) {
    (void)state;
    static const struct {
        const char *content, *text;
    } rows[] = {
        {"[{\"type\":\"text\",\"text\":\"7 degrees\"}]", "7 degrees"},
        {"[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]", "a\\nb"},
        {"[]", "[]"},
        {"[{\"type\":\"text\",\"text\":\"a\"},1]",
         "[{\\\"type\\\": \\\"text\\\", \\\"text\\\": \\\"a\\\"}, 1]"},
        {"[{\"type\":\"text\",\"text\":7}]", "[{\\\"type\\\": \\\"text\\\", \\\"text\\\": 7}]"},
        {"[{\"type\":\"image\",\"text\":\"a\"}]",
         "[{\\\"type\\\": \\\"image\\\", \\\"text\\\": \\\"a\\\"}]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char row[256], expected[256];
        snprintf(row, sizeof row, "{\"messages\":[{\"role\":\"tool\",\"content\":%s}]}",
                 rows[i].content);
        snprintf(expected, sizeof expected,
                 "{\"messages\": [{\"role\": \"tool\", \"content\": \"%s\"}]}", rows[i].text);
        assert_turned(row, expected);
    }
}

static void refuses_with_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *json, *part;
    } rows[] = {
        {"{", "no JSON at byte"},
        {"[", "jq -c"},
        {"[1]", "is no JSON object"},
        {"{\"a\":1}", "none of the known forms"},
        {"{\"text\":\"\"}", "\"text\" is empty"},
        {"{\"text\":\"a\",\"messages\":[]}", "both"},
        {"{\"messages\":[]}", "empty conversation"},
        {"{\"conversations\":[]}", "empty conversation"},
        {"{\"messages\":7}", "no list"},
        {"{\"messages\":[7]}", "message 1: is no object"},
        {"{\"messages\":[{\"content\":\"a\"}]}", "message 1: no \"role\""},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"bot\"}]}",
         "message 2: role \"bot\"; expected system, user, assistant or tool"},
        {"{\"messages\":[{\"role\":\"user\"}]}", "no \"content\""},
        {"{\"messages\":[{\"role\":\"user\",\"content\":3}]}", "is no text"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]}", "not text"},
        {"{\"messages\":[{\"role\":\"assistant\",\"content\":\"\"}]}", "without words"},
        {"{\"messages\":[{\"role\":\"assistant\",\"content\":\"<tool_call>{}</tool_call>\"}]}",
         "give the call as \"tool_calls\""},
        {"{\"messages\":[{\"role\":\"assistant\",\"content\":\"a<|im_end|>\"}]}", "leave it out"},
        {"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"arguments\":{}}]}]}",
         "without a name"},
        {"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"name\":\"f\",\"arguments\":"
         "\"x\"}]}]}",
         "arguments of a call are no object"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"tool_calls\":[{\"name\":\"f\"}]}]}",
         "only an assistant"},
        {"{\"tools\":3,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
         "\"tools\" is no list"},
        {"{\"template_args\":3,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
         "\"template_args\""},
        {"{\"messages\":[],\"chosen\":\"a\",\"rejected\":\"b\"}", "preferences"},
        {"{\"instruction\":\"a\"}", "\"output\" is empty"},
        {"{\"instruction\":\"a\",\"output\":\"b\",\"history\":[[\"x\",\"y\"]]}", "\"history\""},
        {"{\"conversations\":[{\"from\":\"me\",\"value\":\"a\"}]}", "message 1: \"from\": \"me\""},
        {"{\"conversations\":[{\"from\":\"gpt\"}]}", "no \"value\""},
        {"{\"conversations\":[{\"from\":\"function_call\",\"value\":\"f()\"}]}", "holds no JSON"},
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++)
        assert_refused(rows[i].json, rows[i].part);
}

/* Foreign marks are words where somebody else wrote them. */
static void takes_marks_in_questions(void **state) {
    (void)state;
    weir_error err;
    char *text =
        turned("{\"messages\":[{\"role\":\"user\",\"content\":\"What is <tool_call>?\"}]}", &err);
    assert_non_null(text);
    free(text);
}

/* Every row of a source, one a line: "LINE:text" or "LINE:{...}"; the error's words at the end. */
static void read_all(const char *name, const void *bytes, size_t n, char *out, size_t cap) {
    weir_text_source *source = NULL;
    weir_error err = {0};
    size_t used = 0;
    out[0] = 0;
    if (weir_text_source_open_bytes(&source, bytes, n, name, &err) != WEIR_STATUS_OK) {
        assert_null(source);
        snprintf(out, cap, "!%s", err.text);
        return;
    }
    for (;;) {
        weir_text_row row;
        bool has_row;
        if (weir_text_source_next(source, &row, &has_row, &err) != WEIR_STATUS_OK) {
            snprintf(out + used, cap - used, "!%s", err.text);
            break;
        }
        if (!has_row)
            break;
        used += (size_t)snprintf(out + used, cap - used, "%llu:%.*s|", (unsigned long long)row.line,
                                 (int)row.n, row.text ? row.text : "");
        assert_true(used < cap);
    }
    weir_text_source_close(&source);
}

static void assert_rows(const char *name, const char *bytes, size_t n, const char *expected) {
    char out[4096];
    read_all(name, bytes, n, out, sizeof out);
    assert_string_equal(out, expected);
}

static void divides_documents(void **state) {
    (void)state;
    static const struct {
        const char *text, *rows;
    } cases[] = {
        {"", ""},
        {"\n\n", ""},
        {"a", "1:a|"},
        {"a\n\nb\n", "1:a\n\nb|"},
        {"a\r\nb\r\n<|endoftext|>\r\n", "1:a\nb|"},
        {"\xef\xbb\xbf"
         "a",
         "1:a|"},
        {"<|endoftext|>\n\n  \n\na \n\n<|endoftext|>\n<|endoftext|>\nb\n <|endoftext|> \n",
         "5:a|9:b|"},
        {"say <|endoftext|> now\n", "1:say <|endoftext|> now|"},
        {"a\n<|endoftext|>\nb\n\xff\n",
         "1:a|!F.txt:4: bytes that are no UTF-8; expected text in UTF-8"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++)
        assert_rows("F.txt", cases[i].text, strlen(cases[i].text), cases[i].rows);
    assert_rows("F.txt", "a\n\0", 3, "!F.txt:2: a zero byte; expected text");
    assert_rows("F.jsonl", "\n{\"text\":\"a\"}\n\n{\"text\":\"b\"}", 27, "2:a|4:b|");
    assert_rows("F.json", "{\"text\":\"a\"}\n{\"text\":3}", 23,
                "1:a|!F.json:2: \"text\" is empty or no text; expected a document");
}

static void refuses_names(void **state) {
    (void)state;
    static const char *const names[] = {"x.csv", "x", ".txt", "x.zst", "x.txt.gz", ".jsonl.zst"};
    weir_error err = {0};
    for (size_t i = 0; i < WEIR_COUNT(names); i++) {
        weir_text_source *source;
        assert_int_equal(weir_text_source_open(&source, names[i], &err), WEIR_STATUS_BAD_ARGUMENT);
        assert_null(source);
        assert_non_null(strstr(err.text, names[i]));
    }
    weir_text_source *source;
    assert_int_equal(weir_text_source_open(&source, "/none/there.txt", &err), WEIR_STATUS_IO);
    assert_null(source);
}

/* A long line comes whole, wherever the windows of the reader end. */
static void keeps_long_lines(void **state) {
    (void)state;
    size_t n = 1000003;
    char *text = malloc(n + 3);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i % 23);
    memcpy(text + n, "\nb", 3);
    const char *path = "line_reader_long.txt";
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n + 2, file), n + 2);
    assert_int_equal(fclose(file), 0);
    weir_line_reader *reader = NULL;
    weir_error err = {0};
    assert_int_equal(weir_line_reader_open(&reader, path, false, &err), WEIR_STATUS_OK);
    const char *line;
    size_t length;
    assert_int_equal(weir_line_reader_next(reader, &line, &length, &err), WEIR_STATUS_OK);
    assert_int_equal(length, n);
    assert_memory_equal(line, text, n);
    assert_int_equal(weir_line_reader_next(reader, &line, &length, &err), WEIR_STATUS_OK);
    assert_int_equal(length, 1);
    assert_int_equal(weir_line_reader_line(reader), 2);
    assert_int_equal(weir_line_reader_next(reader, &line, &length, &err), WEIR_STATUS_OK);
    assert_null(line);
    weir_line_reader_close(&reader);
    remove(path);
    free(text);
}

static void reads_packed_files(void **state) {
    (void)state;
#ifdef WEIR_HAS_ZSTD
    /* Two frames, as `cat a.zst b.zst` makes them, of a text that fills several windows. */
    enum { N = 900000, HALF = N / 2 };
    char *text = malloc(N + 1), *again = malloc(2 * N);
    size_t cap = 2 * ZSTD_compressBound(N);
    char *packed = malloc(cap);
    assert_true(text && again && packed);
    for (size_t i = 0; i < N; i++)
        text[i] = i % 97 == 96 ? '\n' : (char)('a' + (i * i / 7) % 26);
    text[N] = 0;
    size_t n = ZSTD_compress(packed, cap, text, HALF, 3);
    assert_false(ZSTD_isError(n));
    size_t first = n;
    n += ZSTD_compress(packed + n, cap - n, text + HALF, N - HALF, 19);
    weir_line_reader *reader = NULL;
    weir_error err = {0};
    assert_int_equal(weir_line_reader_open_bytes(&reader, packed, n, "P", true, &err),
                     WEIR_STATUS_OK);
    size_t used = 0;
    for (;;) {
        const char *line;
        size_t length;
        assert_int_equal(weir_line_reader_next(reader, &line, &length, &err), WEIR_STATUS_OK);
        if (!line)
            break;
        memcpy(again + used, line, length);
        used += length;
        again[used++] = '\n';
    }
    assert_int_equal(used, N + 1);
    assert_memory_equal(again, text, N);
    weir_line_reader_close(&reader);
    /* Cut off: between the frames that is a whole file, elsewhere an error with its line. */
    char out[64];
    for (size_t cut = 1; cut < n; cut += cut < 8 ? 1 : n / 37) {
        weir_status status = WEIR_STATUS_OK;
        const char *line = "";
        assert_int_equal(weir_line_reader_open_bytes(&reader, packed, cut, "P", true, &err),
                         WEIR_STATUS_OK);
        for (size_t length; line && status == WEIR_STATUS_OK;)
            status = weir_line_reader_next(reader, &line, &length, &err);
        if (cut != first) {
            assert_int_equal(status, WEIR_STATUS_BAD_FILE);
            assert_non_null(strstr(err.text, "P:"));
        }
        weir_line_reader_close(&reader);
    }
    read_all("x.txt.zst", "plain", 5, out, sizeof out);
    assert_int_equal(strncmp(out, "!x.txt.zst:1: cannot be unpacked", 32), 0);
    free(text);
    free(again);
    free(packed);
#else
    weir_text_source *source;
    weir_error err = {0};
    assert_int_equal(weir_text_source_open_bytes(&source, "", 0, "x.txt.zst", &err),
                     WEIR_STATUS_UNSUPPORTED);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_every_form),
        cmocka_unit_test(turns_calls),
        cmocka_unit_test(turns_lists_of_tools),
        cmocka_unit_test(refuses_with_the_reason),
        cmocka_unit_test(takes_marks_in_questions),
        cmocka_unit_test(divides_documents),
        cmocka_unit_test(refuses_names),
        cmocka_unit_test(keeps_long_lines),
        cmocka_unit_test(reads_packed_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
