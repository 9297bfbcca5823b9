/*
 * verb_template.c: `weir template`: a conversation as the model will see it.
 *
 * Owns the command line: where the template, the conversation and the variables come from. What is
 * shown of the outcome stands in template_show.c.
 */
#include "base/compiler.h"
#include "base/ending.h"
#include "base/error.h"
#include "base/file.h"
#include "console.h"
#include "json_text.h"
#include "model_lookup.h"
#include "template_show.h"
#include "text_input.h"
#include "verbs.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct template_values {
    weir_template_forms forms;
    const char *name, *tokenizer, *now;
    weir_string_list set;
    bool add_generation_prompt, no_generation_prompt;
    bool list, source;
} template_values;

#define AT(field) offsetof(template_values, field)

static const weir_option options[] = {
    {"no-generation-prompt", 0, WEIR_OPTION_FLAG, AT(no_generation_prompt), NULL,
     "end behind the last message"},
    {"add-generation-prompt", 0, WEIR_OPTION_FLAG, AT(add_generation_prompt), NULL,
     "end where the assistant begins to speak; the default, unless the\nconversation says"},
    {"set", 's', WEIR_OPTION_STRINGS, AT(set), "NAME=JSON",
     "a variable of the template; stands above the conversation's own;\n"
     "may be given several times"},
    {"now", 0, WEIR_OPTION_STRING, AT(now), "YYYY-MM-DD",
     "the date that the template gets if it asks; default: today"},
    {"name", 0, WEIR_OPTION_STRING, AT(name), "NAME",
     "the template of this name, if the model has several"},
    {"tokenizer", 0, WEIR_OPTION_STRING, AT(tokenizer), "MODEL",
     "begin and end tokens, and the ids of --tokens, are of this model;\n"
     "default: of the model that the template is from"},
    {"spans", 0, WEIR_OPTION_FLAG, AT(forms.spans), NULL,
     "whose words are which: one line for each stretch of bytes"},
    {"tokens", 0, WEIR_OPTION_FLAG, AT(forms.tokens), NULL,
     "the token ids; control tokens count only where the template\nwrote them"},
    {"json", 0, WEIR_OPTION_FLAG, AT(forms.json), NULL,
     "text and spans as JSON, with --tokens the ids too"},
    {"source", 0, WEIR_OPTION_FLAG, AT(source), NULL, "the template itself; renders nothing"},
    {"list", 0, WEIR_OPTION_FLAG, AT(list), NULL, "names and sizes of the model's templates"},
};

#undef AT

enum { MAX_TEMPLATE_BYTES = 16 << 20 };

/* Everything that a rendering needs; all of it owned. */
typedef struct job {
    const template_values *values;
    weir_tokenizer *model;     /* that the template is from; NULL: it is from a file of its own */
    weir_tokenizer *tokenizer; /* of --tokenizer; NULL: model counts */
    char *file;                /* [n_file] the template file; NULL: it is from a model */
    size_t n_file;
    char *bos, *eos; /* texts of the begin and end tokens */
    weir_template *compiled;
    char *conversation, *context; /* JSON [n_context] */
    size_t n_context;
} job;

/* ---- the template ------------------------------------------------------------------------- */

/* A template has no mark of its own: it is what exists and is no model. */
static bool is_template_file(const char *path) {
    if (weir_path_is_folder(path) || weir_ends_with(path, ".json") || weir_ends_with(path, ".gguf"))
        return false;
    char magic[4] = {0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    size_t n = fread(magic, 1, sizeof magic, file);
    fclose(file);
    return n < sizeof magic || memcmp(magic, "GGUF", sizeof magic) != 0;
}

static weir_status open_tokenizer(weir_tokenizer **out, const char *name, weir_error *err) {
    char *path;
    WEIR_TRY(weir_find_model(name, &path, err));
    weir_status status = weir_tokenizer_open(out, path, NULL, err);
    free(path);
    return status;
}

static weir_status open_source(job *j, const char *path, weir_error *err) {
    if (!is_template_file(path))
        return open_tokenizer(&j->model, path, err);
    if (j->values->name)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--name %s: %s is one template, not a model with several", j->values->name,
                         path);
    return weir_file_read(path, MAX_TEMPLATE_BYTES, &j->file, &j->n_file, err);
}

/* The first template is the default one, whatever its name is. */
static bool is_wanted(const char *wanted, const char *name, size_t i) {
    return !wanted || strcmp(wanted, name) == 0 || (i == 0 && strcmp(wanted, "default") == 0);
}

/* The template that was asked for; *text is not the caller's. */
static weir_status find_template(const job *j, const char *path, const char **text, size_t *n,
                                 weir_error *err) {
    if (j->file) {
        *text = j->file;
        *n = j->n_file;
        return WEIR_STATUS_OK;
    }
    weir_tokenizer_info info;
    weir_tokenizer_get_info(j->model, &info);
    for (size_t i = 0; i < info.n_templates; i++) {
        const char *name;
        weir_tokenizer_template(j->model, i, &name, text, n);
        if (is_wanted(j->values->name, name, i))
            return WEIR_STATUS_OK;
    }
    if (info.n_templates == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: has no chat template; expected one, or a template file", path);
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                     "--name %s: %s has no template of this name; --list shows all %zu",
                     j->values->name, path, info.n_templates);
}

/* ---- the variables ------------------------------------------------------------------------ */

/* "NAME=JSON" is taken apart at the first =. */
static size_t name_length(const char *setting) {
    return strcspn(setting, "=");
}

static weir_status check_setting(const char *setting, weir_error *err) {
    size_t n = name_length(setting);
    bool is_name = n > 0 && !isdigit((unsigned char)setting[0]);
    for (size_t i = 0; i < n; i++)
        is_name = is_name && (isalnum((unsigned char)setting[i]) || setting[i] == '_');
    if (!is_name || !setting[n])
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--set: expected NAME=JSON, got '%.60s'",
                         setting);
    const char *value = setting + n + 1;
    if (weir_json_check(value, strlen(value), "--set", NULL) != WEIR_STATUS_OK)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--set %.*s: expected JSON, such as true, 3 or \"text\" in double quotes, "
                         "got '%.60s'",
                         (int)n, setting, value);
    return WEIR_STATUS_OK;
}

static bool is_set(const weir_string_list *set, size_t from, const char *name, size_t n_name) {
    for (size_t i = from; i < set->n; i++)
        if (name_length(set->item[i]) == n_name && memcmp(set->item[i], name, n_name) == 0)
            return true;
    return false;
}

static const char prompt_key[] = "add_generation_prompt";

/* Does the command line say what this member of the conversation says? */
static bool is_overruled(const template_values *values, const char *name, size_t n_name) {
    bool is_prompt = n_name == strlen(prompt_key) && memcmp(name, prompt_key, n_name) == 0;
    return is_set(&values->set, 0, name, n_name) ||
           (is_prompt && (values->add_generation_prompt || values->no_generation_prompt));
}

/* One object: the conversation and what the command line adds; values stay as they were written. */
static void write_context(FILE *out, const job *j) {
    const template_values *values = j->values;
    const char *at = j->conversation, *separator = "";
    weir_json_member member;
    bool says_prompt = is_set(&values->set, 0, prompt_key, strlen(prompt_key));
    putc('{', out);
    if (at[strspn(at, " \t\r\n")] == '[' && !is_overruled(values, "messages", 8)) {
        fprintf(out, "\"messages\": %s", at);
        separator = ", ";
    }
    while (weir_json_member_next(&at, &member)) {
        if (is_overruled(values, member.key, member.n_key))
            continue;
        says_prompt = says_prompt || weir_json_member_is(&member, prompt_key);
        fprintf(out, "%s\"%.*s\": %.*s", separator, (int)member.n_key, member.key,
                (int)member.n_value, member.value);
        separator = ", ";
    }
    for (size_t i = 0; i < values->set.n; i++) {
        const char *setting = values->set.item[i];
        size_t n = name_length(setting);
        if (is_set(&values->set, i + 1, setting, n))
            continue; /* said again further on */
        fprintf(out, "%s\"%.*s\": %s", separator, (int)n, setting, setting + n + 1);
        separator = ", ";
    }
    if (!says_prompt)
        fprintf(out, "%s\"%s\": %s", separator, prompt_key,
                values->no_generation_prompt ? "false" : "true");
    putc('}', out);
}

static weir_status make_context(job *j, const char *path, weir_error *err) {
    size_t n;
    WEIR_TRY(weir_text_input_read(&j->conversation, &n, path, "the conversation", err));
    WEIR_TRY(weir_json_check(j->conversation, n, weir_text_input_name(path), err));
    char first = j->conversation[strspn(j->conversation, " \t\r\n")];
    if (first != '[' && first != '{')
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: expected an object with \"messages\", or a list of messages",
                         weir_text_input_name(path));
    FILE *out = open_memstream(&j->context, &j->n_context);
    if (!out)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the conversation");
    write_context(out, j);
    if (fclose(out) != 0)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the conversation");
    return WEIR_STATUS_OK;
}

/* The text of a token as a string; NULL for none. */
static char *token_text(const weir_tokenizer *tokenizer, int32_t id) {
    const char *bytes;
    size_t n;
    return weir_tokenizer_token(tokenizer, id, &bytes, &n) == WEIR_TOKEN_NONE ? NULL
                                                                              : strndup(bytes, n);
}

static weir_status read_date(int64_t *seconds, const char *text, weir_error *err) {
    struct tm date = {0};
    int n_read = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &date.tm_year, &date.tm_mon, &date.tm_mday, &n_read) == 3 &&
        n_read == 10 && !text[10]) {
        date.tm_year -= 1900;
        date.tm_mon -= 1;
        struct tm asked = date;
        *seconds = timegm(&date);
        /* A day that no calendar has comes back as another one. */
        if (date.tm_mday == asked.tm_mday && date.tm_mon == asked.tm_mon)
            return WEIR_STATUS_OK;
    }
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--now: expected a date YYYY-MM-DD, got '%s'",
                     text);
}

/* ---- the command line --------------------------------------------------------------------- */

static weir_status check_flags(const weir_parsed *parsed, weir_error *err) {
    const template_values *values = parsed->values;
    if (values->list && values->source)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "expected --list or --source, not both");
    if ((values->list || values->source) &&
        (parsed->n_operands > 1 || values->forms.tokens || values->forms.spans))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "%s renders nothing: expected no conversation, --spans or --tokens",
                         values->list ? "--list" : "--source");
    if (values->forms.tokens && values->forms.spans && !values->forms.json)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "expected --spans or --tokens; --json can show both");
    if (values->add_generation_prompt && values->no_generation_prompt)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "expected --add-generation-prompt or --no-generation-prompt, not both");
    for (size_t i = 0; i < values->set.n; i++)
        WEIR_TRY(check_setting(values->set.item[i], err));
    return WEIR_STATUS_OK;
}

static weir_status render(job *j, const weir_tokenizer *tokenizer, weir_error *err) {
    weir_render_options render_options = {.has_now = j->values->now != NULL};
    if (j->values->now)
        WEIR_TRY(read_date(&render_options.now, j->values->now, err));
    if (tokenizer) {
        weir_tokenizer_info info;
        weir_tokenizer_get_info(tokenizer, &info);
        render_options.bos_token = j->bos = token_text(tokenizer, info.bos);
        render_options.eos_token = j->eos = token_text(tokenizer, info.eos);
    }
    weir_rendered rendered;
    weir_status status = weir_template_render(&rendered, j->compiled, j->context, j->n_context,
                                              &render_options, err);
    if (status == WEIR_STATUS_BAD_ARGUMENT) /* the template refuses what stands in the file */
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s", err->text);
    WEIR_TRY(status);
    status = weir_template_show(&rendered, tokenizer, &j->values->forms, err);
    weir_rendered_free(&rendered);
    return status;
}

static weir_status work(job *j, const weir_parsed *parsed, weir_error *err) {
    const template_values *values = parsed->values;
    const char *path = parsed->operands[0], *text;
    size_t n;
    WEIR_TRY(check_flags(parsed, err));
    WEIR_TRY(open_source(j, path, err));
    if (values->list)
        return weir_template_show_list(j->model, j->n_file, values->forms.json, err);
    WEIR_TRY(find_template(j, path, &text, &n, err));
    if (values->source)
        return weir_template_show_source(text, n, values->forms.json, err);
    if (values->tokenizer)
        WEIR_TRY(open_tokenizer(&j->tokenizer, values->tokenizer, err));
    const weir_tokenizer *tokenizer = j->tokenizer ? j->tokenizer : j->model;
    if (values->forms.tokens && !tokenizer)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--tokens: a template file has no tokens; expected --tokenizer MODEL");
    WEIR_TRY(weir_template_open(&j->compiled, text, n, path, err));
    WEIR_TRY(make_context(j, parsed->n_operands > 1 ? parsed->operands[1] : NULL, err));
    return render(j, tokenizer, err);
}

static int run(const weir_parsed *parsed) {
    job j = {.values = parsed->values};
    weir_error err = {0};
    weir_status status = work(&j, parsed, &err);
    weir_template_close(&j.compiled);
    weir_tokenizer_close(&j.model);
    weir_tokenizer_close(&j.tokenizer);
    free(j.file);
    free(j.bos);
    free(j.eos);
    free(j.conversation);
    free(j.context);
    return weir_tell_failure("template", status, &err);
}

const weir_verb weir_verb_template = {
    .name = "template",
    .summary = "Renders a conversation with a model's chat template",
    .operands = "MODEL [IN]",
    .n_operands_min = 1,
    .n_operands_max = 2,
    .details =
        "MODEL is a GGUF file, a tokenizer.json, a folder with one, the name of a model, or a\n"
        "template file (.jinja). IN is the conversation, a JSON file: an object whose members are "
        "the\n"
        "template's variables (\"messages\", \"tools\", ...), or a list of messages; without it, "
        "or\n"
        "where it is -, standard input is read. The text goes to standard output byte for byte, "
        "with\n"
        "a line end only on a terminal. A template file has no begin token of its own: give\n"
        "--tokenizer MODEL, or --set 'bos_token=\"<|startoftext|>\"'.\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(template_values),
    .run = run,
};
