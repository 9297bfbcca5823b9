/*
 * fuzz_train_rows.c: any bytes as training text of each kind, plain and packed. What is refused
 * says in one line where; what is taken has the shape that those who train rely on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/utf8.h"
#include "train/text_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static void demand_call(const json_t *call) {
    const json_t *function = json_object_get(call, "function");
    demand(json_string_length(json_object_get(function, "name")) > 0);
    demand(json_is_object(json_object_get(function, "arguments")));
}

static void demand_message(const json_t *message) {
    const char *role = json_string_value(json_object_get(message, "role"));
    demand(role && (strcmp(role, "user") == 0 || strcmp(role, "assistant") == 0 ||
                    strcmp(role, "system") == 0 || strcmp(role, "tool") == 0));
    demand(json_is_string(json_object_get(message, "content")));
    const json_t *calls = json_object_get(message, "tool_calls");
    demand(!calls || json_array_size(calls) > 0);
    demand(!calls || strcmp(role, "assistant") == 0);
    for (size_t i = 0; i < json_array_size(calls); i++)
        demand_call(json_array_get(calls, i));
}

static void demand_row(const weir_text_row *row) {
    const json_t *messages = json_object_get(row->object, "messages");
    demand((row->text != NULL) != (messages != NULL));
    if (row->text) {
        demand(row->n > 0 && !memchr(row->text, 0, row->n));
        demand(weir_utf8_valid(row->text, row->n) == row->n);
        return;
    }
    demand(json_array_size(messages) > 0);
    for (size_t i = 0; i < json_array_size(messages); i++)
        demand_message(json_array_get(messages, i));
    const json_t *tools = json_object_get(row->object, "tools");
    demand(!tools || json_array_size(tools) > 0);
    char *dump = weir_text_row_dump(row->object);
    demand(dump != NULL);
    free(dump);
}

static void demand_reason(const weir_error *err, weir_status status, const char *name) {
    demand(err->status == status && strncmp(err->text, name, strlen(name)) == 0);
    demand(!strchr(err->text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"f.txt", "f.jsonl", "f.txt.zst", "f.jsonl.zst"};
    for (size_t i = 0; i < WEIR_COUNT(names); i++) {
        weir_text_source *source = NULL;
        weir_error err = {0};
        weir_status status = weir_text_source_open_bytes(&source, data, size, names[i], &err);
        uint64_t line = 0;
        for (bool has_row = true; has_row && status == WEIR_STATUS_OK;) {
            weir_text_row row;
            status = weir_text_source_next(source, &row, &has_row, &err);
            if (status != WEIR_STATUS_OK || !has_row)
                break;
            demand(row.line > line);
            line = row.line;
            demand_row(&row);
        }
        if (status != WEIR_STATUS_OK)
            demand_reason(&err, status, names[i]);
        weir_text_source_close(&source);
    }
    return 0;
}
