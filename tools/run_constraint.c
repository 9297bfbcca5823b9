/*
 * run_constraint.c: the flags of `weir run` that say what an answer has to be.
 *
 * Invariant: at most one of them counts; what cannot be enforced ends the run before weights are
 * read.
 */
#include "base/error.h"
#include "run.h"
#include "text_buffer.h"
#include "text_input.h"

#include <stdlib.h>
#include <string.h>

weir_status weir_run_constraint_flag(const char **flag, const weir_run_values *values,
                                     weir_error *err) {
    const struct {
        const char *name;
        bool is_given;
    } flags[] = {
        {"json-schema", values->json_schema},
        {"grammar", values->grammar_file},
        {"regex", values->regex},
        {"choice", values->choices.n > 0},
    };
    *flag = NULL;
    for (size_t i = 0; i < WEIR_COUNT(flags); i++) {
        if (flags[i].is_given && *flag)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s and --%s exclude each other",
                             *flag, flags[i].name);
        if (flags[i].is_given)
            *flag = flags[i].name;
    }
    return WEIR_STATUS_OK;
}

/* A schema is an object, true or false; everything else is the name of a file. */
static bool is_schema_itself(const char *text) {
    text += strspn(text, " \t\r\n");
    return text[0] == '{' || strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

static weir_status open_file(weir_constraint *out, const weir_host *host, weir_grammar_kind kind,
                             const char *path, const char *what, weir_error *err) {
    char *text;
    size_t n;
    WEIR_TRY(weir_text_input_read(&text, &n, path, what, err));
    weir_status status =
        weir_constraint_open(out, host, kind, text, n, weir_text_input_name(path), err);
    free(text);
    return status;
}

static weir_status open_choice(weir_constraint *out, const weir_host *host,
                               const weir_string_list *choices, weir_error *err) {
    weir_text_buffer json = {0};
    for (size_t i = 0; i < choices->n; i++) {
        weir_text_buffer_say(&json, i == 0 ? "[" : ", ");
        weir_text_buffer_add_json(&json, choices->item[i], strlen(choices->item[i]));
    }
    weir_text_buffer_say(&json, "]");
    weir_status status = weir_text_buffer_check(&json, "the choices", err);
    if (status == WEIR_STATUS_OK)
        status = weir_constraint_open(out, host, WEIR_GRAMMAR_CHOICE, json.data, json.n, "--choice",
                                      err);
    weir_text_buffer_free(&json);
    return status;
}

weir_status weir_run_constraint(weir_constraint *out, const weir_host *host,
                                const weir_run_values *values, weir_error *err) {
    *out = (weir_constraint){0};
    if (values->json_schema && is_schema_itself(values->json_schema))
        return weir_constraint_open(out, host, WEIR_GRAMMAR_JSON_SCHEMA, values->json_schema,
                                    strlen(values->json_schema), "--json-schema", err);
    if (values->json_schema)
        return open_file(out, host, WEIR_GRAMMAR_JSON_SCHEMA, values->json_schema, "the schema",
                         err);
    if (values->grammar_file)
        return open_file(out, host, WEIR_GRAMMAR_GBNF, values->grammar_file, "the grammar", err);
    if (values->regex)
        return weir_constraint_open(out, host, WEIR_GRAMMAR_REGEX, values->regex,
                                    strlen(values->regex), "--regex", err);
    return values->choices.n > 0 ? open_choice(out, host, &values->choices, err) : WEIR_STATUS_OK;
}
